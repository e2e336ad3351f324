# Generated from nbs/api/02_predictions.ipynb: edit the notebook
from dataclasses import replace
from pathlib import Path
import numpy as np
import pandas as pd
import tempfile
from fairprune.data import GroupedText
from fastcore.test import expect_fail
from fairprune.predictions import *


def test_texts_told(): # nbs/api/02_predictions.ipynb, cell 44042194
    """The class holds the table as arrays, and takes the functions above as its methods."""
    example = Predictions(np.array(['a', 'b', 'c']), np.array([[1., 0], [0, 2], [1, 3]], 'float32'), np.array([0, 1, 0]),
                          [['women'], ['men', 'old'], []], ('no', 'yes'))
    assert example.predicted.tolist() == [0, 1, 1] and example.accuracy == 2 / 3
    assert np.allclose(example.probabilities[0], np.exp([1, 0]) / (np.e + 1)) and np.allclose(
        example.probabilities.sum(1), 1
    )


def test_texts_told_2(): # nbs/api/02_predictions.ipynb, cell f12651b0
    example = Predictions(np.array(['a', 'b', 'c']), np.array([[1., 0], [0, 2], [1, 3]], 'float32'), np.array([0, 1, 0]),
                          [['women'], ['men', 'old'], []], ('no', 'yes'))
    with expect_fail(ValueError, 'NaN or infinite logits in 1 of 1'):
        Predictions(['a'], np.array([[np.nan, 0]]), [0], [[]], ('no', 'yes'))
    with expect_fail(ValueError, 'With one class there is nothing to tell apart'):
        Predictions(['a'], np.array([[1.]]), [0], [[]], ('yes',))
    with expect_fail(ValueError, 'Logits have the shape'):
        Predictions(['a'], np.array([[0., 0]]), [0], [[]], ('no', 'yes', 'maybe'))
    with expect_fail(ValueError, "Ids must be unique; 'b' stands twice"): replace(example, ids=np.array(['a', 'b', 'b']))
    with expect_fail(ValueError, 'Labels must be indices'):
        Predictions(['a'], np.array([[0., 0]]), [2], [[]], ('no', 'yes'))
    with expect_fail(ValueError, "The groups of a text are 'women': give a list"):
        replace(example, groups=['women', 'men', 'old'])
    with expect_fail(ValueError, "The groups of a text are {'sex': 'f'}: give a list"):
        replace(example, groups=[['women'], {'sex': 'f'}, []])
    with expect_fail(ValueError, 'here some are of the kind int'): replace(example, groups=[['women'], [3], []])


def test_texts_told_3(): # nbs/api/02_predictions.ipynb, cell 7648c7fb
    """So probabilities are refused here; their logarithms are valid logits."""
    example = Predictions(np.array(['a', 'b', 'c']), np.array([[1., 0], [0, 2], [1, 3]], 'float32'), np.array([0, 1, 0]),
                          [['women'], ['men', 'old'], []], ('no', 'yes'))
    share = np.array([[.9, .1], [.2, .8], [.35, .65]])
    with expect_fail(ValueError, 'and sum to 1, as probabilities do'): replace(example, logits=share)
    assert np.allclose(replace(example, logits=np.log(share)).probabilities, share)


def test_texts_told_4(): # nbs/api/02_predictions.ipynb, cell dc48e49c
    """Labels may be whole numbers of any type, also where a single column of logits tells two classes apart."""
    one_column = pd.DataFrame({'id': ['a', 'b'], 'label': [0., 1.], 'groups': [['x'], ['y']], 'probability:1': [.25, .75]})
    assert Predictions.from_frame(one_column).classes == ('0', '1') and Predictions.from_frame(one_column).accuracy == 1


def test_texts_told_5(): # nbs/api/02_predictions.ipynb, cell 8e0e5466
    """A table from elsewhere may hold one group a text, or no groups, and numbers in place of class names."""
    example = Predictions(np.array(['a', 'b', 'c']), np.array([[1., 0], [0, 2], [1, 3]], 'float32'), np.array([0, 1, 0]),
                          [['women'], ['men', 'old'], []], ('no', 'yes'))
    example.to_frame()
    plain = (
        example.to_frame()
        .assign(groups=['women', 'old men', None], label=[0, 1, 0])
        .rename(columns={'logit:no': 'logit:0', 'logit:yes': 'logit:1'})
    )
    other = from_frame(plain)
    assert (
        other.groups == [['women'], ['old men'], []] and other.labels.tolist() == [0, 1, 0] and other.classes == ('0', '1')
    )
    assert from_frame(plain.assign(groups=[['men', None], [], ['old']])).groups == [['men'], [], ['old']]
    with expect_fail(ValueError, 'A label is missing'): from_frame(plain.assign(label=[0, 1, None]))
    with expect_fail(ValueError, 'A logit is no number'): from_frame(plain.assign(**{'logit:0': ['a', 'b', 'c']}))
    with expect_fail(ValueError, "The groups ' men' and 'men' differ in white space alone"):
        from_frame(plain.assign(groups=['men', ' men', 'old']))


def test_texts_told_6(): # nbs/api/02_predictions.ipynb, cell bfbf1a05
    """Groups that are given as an object are named by key and value, as groups from several columns are."""
    example = Predictions(np.array(['a', 'b', 'c']), np.array([[1., 0], [0, 2], [1, 3]], 'float32'), np.array([0, 1, 0]),
                          [['women'], ['men', 'old'], []], ('no', 'yes'))
    example.to_frame()
    plain = (
        example.to_frame()
        .assign(groups=['women', 'old men', None], label=[0, 1, 0])
        .rename(columns={'logit:no': 'logit:0', 'logit:yes': 'logit:1'})
    )
    struct = [dict(sex='f', race='black'), dict(sex='m', race=None), dict(sex=['f', 'm'])]
    assert from_frame(plain.assign(groups=struct)).groups == [['sex=f', 'race=black'], ['sex=m'], ['sex=f', 'sex=m']]
    with expect_fail(ValueError, 'holds no name but'): from_frame(plain.assign(groups=[[dict(sex='f')], ['x'], ['x']]))
    with expect_fail(ValueError, 'holds no name but'): from_frame(plain.assign(groups=[b'women', 'men', 'men']))
    with expect_fail(ValueError, 'written as text'): from_frame(plain.assign(groups=['{"sex": "f"}', 'men', 'men']))


def test_texts_told_7(): # nbs/api/02_predictions.ipynb, cell 2d3c6ec9
    """Their calibration is measured as it is; if they were taken for logits, they would look far less sure."""
    rng = np.random.default_rng(0)
    sure = rng.beta(4, 1, 2000)
    yes = np.where(rng.random(2000) < .5, sure, 1 - sure)
    table = pd.DataFrame(dict(id=range(2000), label=np.where(rng.random(2000) < yes, 'yes', 'no'), groups='x'))
    shares = table.assign(**{'probability:no': 1 - yes, 'probability:yes': yes})
    given = from_frame(shares)
    assert given.classes == ('no', 'yes') and np.allclose(given.probabilities[:, 1], yes, atol=1e-6)
    assert (from_frame(table.assign(no=1 - yes, yes=yes), probabilities=['no', 'yes']).logits == given.logits).all()
    # decisions
    assert (
        from_frame(table.assign(**{'probability:no': 1 - (yes > 0.5), 'probability:yes': yes > 0.5})).probabilities.max()
        == 1
    )
    with expect_fail(ValueError, 'as probabilities do'):
        from_frame(shares.rename(columns=lambda c: c.replace('probability', 'logit')))
    with expect_fail(ValueError, 'of 2000 texts are no numbers in'):
        from_frame(shares.assign(**{'probability:no': 2 - yes}))
    with expect_fail(ValueError, 'Leave one of them out'): from_frame(shares.assign(**{'logit:no': 0., 'logit:yes': 1.}))
    with expect_fail(ValueError, 'Missing column: maybe'): from_frame(shares, probabilities=['maybe'])


def test_texts_told_8(): # nbs/api/02_predictions.ipynb, cell b4af779e
    """A single column of probabilities says the same."""
    rng = np.random.default_rng(0)
    sure = rng.beta(4, 1, 2000)
    yes = np.where(rng.random(2000) < .5, sure, 1 - sure)
    table = pd.DataFrame(dict(id=range(2000), label=np.where(rng.random(2000) < yes, 'yes', 'no'), groups='x'))
    shares = table.assign(**{'probability:no': 1 - yes, 'probability:yes': yes})
    given = from_frame(shares)
    single = from_frame(table.assign(**{'logit:yes': np.log(yes / (1 - yes))}))
    assert (
        single.classes == ('no', 'yes')
        and np.allclose(single.probabilities[:, 1], yes)
        and single.accuracy == given.accuracy
    )
    assert np.allclose(from_frame(table.assign(**{'probability:yes': yes})).probabilities, given.probabilities, atol=1e-6)
    with expect_fail(ValueError, 'tells two classes apart; the labels are yes, no, perhaps'):
        from_frame(table.assign(**{'logit:yes': 0.}, label=['no', 'perhaps'] * 1000))


def test_texts_told_9(): # nbs/api/02_predictions.ipynb, cell 495b9c32
    """Pages carry checksums, so a damaged file is noticed."""
    example = Predictions(np.array(['a', 'b', 'c']), np.array([[1., 0], [0, 2], [1, 3]], 'float32'), np.array([0, 1, 0]),
                          [['women'], ['men', 'old'], []], ('no', 'yes'))
    example.to_frame()
    with tempfile.TemporaryDirectory() as folder:
        again = Predictions.load(example.save(Path(folder)/'dense.parquet'))
        whole = (Path(folder)/'dense.parquet').read_bytes()
        (Path(folder)/'flipped.parquet').write_bytes(whole.replace(b'women', b'woman'))
        with expect_fail(ValueError, 'not a readable parquet file'): load(Path(folder)/'flipped.parquet')
        (Path(folder)/'broken.parquet').write_bytes(b'PAR1')
        with expect_fail(ValueError, 'not a readable parquet file'): load(Path(folder)/'broken.parquet')
        with expect_fail(ValueError, 'Cannot write to'): example.save(Path(folder)/'broken.parquet'/'x.parquet')
    assert (
        (again.logits == example.logits).all()
        and again.groups == example.groups
        and again.classes == ('no', 'yes')
        and again.clusters is None
    )
    with expect_fail(ValueError, 'Unknown label: perhaps'): from_frame(example.to_frame().assign(label='perhaps'))
    with expect_fail(ValueError, 'Missing column: groups'): from_frame(example.to_frame().drop(columns='groups'))


def test_texts_told_10(): # nbs/api/02_predictions.ipynb, cell 614f15a4
    """An index that pandas stored is read like any other column."""
    def kept(ids, labels, groups, classes=('0', '1'), store=lambda t, path: t.to_parquet(path)):
        with tempfile.TemporaryDirectory() as folder:
            store(
                pd.DataFrame({'id': ids, 'label': labels, 'groups': groups} | {f'logit:{c}': [0.0, 1] for c in classes}),
                f'{folder}/mine.parquet',
            )
            read = load(f'{folder}/mine.parquet')
        return read.ids.tolist(), [read.classes[k] for k in read.labels], read.groups
    assert kept(['01', '1'], [0., 1.], ['02134', '2134']) == (['01', '1'], ['0', '1'], [['02134'], ['2134']])
    assert kept([2**62, 2**62 + 1], pd.Categorical([1, 0]), [0, None]) == (
        [str(2**62), str(2**62 + 1)],
        ['1', '0'],
        [['0'], []],
    )
    assert kept(
        [1, 2],
        [True, False],
        pd.array([7, None], 'Int64'),
        ('False', 'True'),
        lambda t, path: t.set_index('id').to_parquet(path),
    ) == (['1', '2'], ['True', 'False'], [['7'], []])
    def sources(values):
        with tempfile.TemporaryDirectory() as folder:
            pd.DataFrame(
                {'id': [1, 2], 'label': ['a', 'b'], 'groups': 'x', 'cluster': values, 'logit:a': 0.0, 'logit:b': 1.0}
            ).to_parquet(f'{folder}/mine.parquet')
            return load(f'{folder}/mine.parquet').clusters.tolist()
    assert sources([7, 7]) == ['7', '7'] and sources(['02', '2']) == ['02', '2'] and sources([1., 2.]) == ['1', '2']
    with expect_fail(ValueError, "mine.parquet: Column 'cluster' is empty in 1 of 2 rows"): sources(['a', None])
    with expect_fail(ValueError, "mine.parquet: Ids must be unique; '1' stands twice in column 'id', in row 0 and 1"):
        kept([1., 1.], [0, 1], ['a', 'b'])
    with expect_fail(ValueError, 'mine.parquet: Unknown label: 2. Allowed: 0, 1'): kept([1, 2], [0, 2], ['a', 'b'])
    assert kept([1, 2], [0, 1], [dict(sex='f', age=7), dict(sex=None, age=8)])[2] == [['sex=f', 'age=7'], ['age=8']]
    with expect_fail(ValueError, "mine.parquet: Column 'id' is empty in 1 of 2 rows"): kept(['a', None], [0, 1], ['a', 'b'])


def test_same_groups(): # nbs/api/02_predictions.ipynb, cell 9e977b53
    """For predictions that were made elsewhere, `with_clusters` takes them from the data."""
    example = Predictions(np.array(['a', 'b', 'c']), np.array([[1., 0], [0, 2], [1, 3]], 'float32'), np.array([0, 1, 0]),
                          [['women'], ['men', 'old'], []], ('no', 'yes'))
    example.to_frame()
    shuffled = from_frame(example.to_frame().iloc[[2, 0, 1]])
    assert (paired(example, shuffled)[1].logits == example.logits).all()
    folded = from_frame(example.to_frame().assign(fold=[0, 1, 1]))
    assert (
        paired(example, from_frame(folded.to_frame().iloc[[2, 0, 1]]))[1].fold.tolist() == [0, 1, 1]
        and example.fold is None
    )
    with expect_fail(ValueError, '3 ids, but 2 numbers of folds'): replace(example, fold=[0, 1])
    sourced = replace(example, clusters=np.array(['x', 'y', 'x']))
    mixed = from_frame(sourced.to_frame().iloc[[2, 0, 1]])
    assert (
        paired(sourced, mixed)[1].clusters.tolist() == ['x', 'y', 'x']
        and repr(sourced).startswith('Predictions(3 texts in 2 clusters,')
        and example.clusters is None
    )
    with expect_fail(ValueError, '3 ids, but 2 names of clusters'): replace(example, clusters=['x', 'y'])
    for pair in ((sourced, example), (example, sourced)):
        with expect_fail(ValueError, 'One of the two tables names clusters of texts and the other does not'): paired(*pair)
    with expect_fail(ValueError, 'belong to other clusters'):
        paired(sourced, replace(sourced, clusters=np.array(['x', 'x', 'y'])))
    with expect_fail(ValueError, '1 of 3 ids are missing'): paired(example, from_frame(example.to_frame().iloc[:2]))
    with expect_fail(ValueError, 'other labels or groups'):
        paired(example, from_frame(example.to_frame().assign(label='no')))


def test_same_groups_2(): # nbs/api/02_predictions.ipynb, cell 1b7fd74a
    """Here the clusters of predictions come from the data."""
    example = Predictions(np.array(['a', 'b', 'c']), np.array([[1., 0], [0, 2], [1, 3]], 'float32'), np.array([0, 1, 0]),
                          [['women'], ['men', 'old'], []], ('no', 'yes'))
    example.to_frame()
    sourced = replace(example, clusters=np.array(['x', 'y', 'x']))
    told = GroupedText.from_frame(
        pd.DataFrame(dict(id=list('cab'), text=list('xyz'), label=['no', 'no', 'yes'], groups='g', source=[2, 1, 2])),
        id='id',
        clusters='source',
        whole='test',
    )
    assert (
        with_clusters(example, told).clusters.tolist() == with_clusters(sourced, told).clusters.tolist() == ['1', '2', '2']
        and with_clusters(sourced, replace(told, splits={'test': told['test'].remove_columns('cluster')})) is sourced
    )
    with expect_fail(
        ValueError, "1 of 3 predicted texts are not among those of the data that name the clusters; the first is 'z'"
    ):
        with_clusters(replace(example, ids=np.array(['a', 'b', 'z'])), told)


def test_joined(): # nbs/api/02_predictions.ipynb, cell f6e375c7
    """`fold` tells whose a text is."""
    example = Predictions(np.array(['a', 'b', 'c']), np.array([[1., 0], [0, 2], [1, 3]], 'float32'), np.array([0, 1, 0]),
                          [['women'], ['men', 'old'], []], ('no', 'yes'))
    example.to_frame()
    halves = [from_frame(example.to_frame().iloc[rows], dict(cut=cut)) for rows, cut in (([0, 2], 1), ([1], 0))]
    both = joined(halves)
    assert (
        both.ids.tolist() == example.ids[[0, 2, 1]].tolist()
        and both.fold.tolist() == [0, 0, 1]
        and both.meta == dict(cut=1)
    )
    assert (paired(example, both)[1].logits == example.logits).all() and joined(halves[:1]) is halves[0]


def test_unpacked(): # nbs/api/02_predictions.ipynb, cell 183f3022
    """A probability is off by less than .0005 then, and a decision stays what it was: where the winner would be one among equals, a thousandth is added to it."""
    example = Predictions(np.array(['a', 'b', 'c']), np.array([[1., 0], [0, 2], [1, 3]], 'float32'), np.array([0, 1, 0]),
                          [['women'], ['men', 'old'], []], ('no', 'yes'))
    example.to_frame()
    halves = [from_frame(example.to_frame().iloc[rows], dict(cut=cut)) for rows, cut in (([0, 2], 1), ([1], 0))]
    both = joined(halves)
    close = np.array([[0, 3.0001, 3], [0, 3, 3.0001], [0, 3, 3], [0, 1e-9, 0], [0, -1e-9, 0], [1, 2, 3], [0, 1e6, 2e6]])
    short = thousandths(close)
    assert (
        np.argmax(np.column_stack([np.zeros(7), short]), 1).tolist()
        == np.argmax(close, 1).tolist()
        == [1, 2, 1, 1, 0, 2, 2]
    )
    assert short.tolist() == [[3000, 3000], [3000, 3001], [3000, 3000], [1, 0], [0, 0], [1000, 2000], [32000, 32001]]
    table = packed({'dense': {3: both}, 'a(x=1) >> b()': {3: replace(both, logits=-both.logits)}})
    again = unpacked(table)
    assert (
        list(again) == ['dense', 'a(x=1) >> b()']
        and (again['dense'][3].predicted == both.predicted).all()
        and again['dense'][3].fold.tolist() == both.fold.tolist()
    )
    assert (
        np.allclose(again['dense'][3].probabilities, both.probabilities, atol=1e-3)
        and again['dense'][3].groups == both.groups
    )
    with expect_fail(ValueError, 'other folds'): packed(dict(dense=[both, example]))
    with expect_fail(ValueError, "The class 'yes/no' has a /"):
        packed(dict(dense=[replace(both, classes=('yes/no', *both.classes[1:]))]))
    older = both.to_frame().rename(columns=lambda c: c.replace('logit:', 'dense/0/')) # logits of all classes, as they are
    assert (unpacked(older)['dense'][0].logits == both.logits).all() and unpacked(older)['dense'][0].classes == both.classes
    with expect_fail(ValueError, 'No model in the table'): unpacked(table[['id', 'label', 'groups']])
