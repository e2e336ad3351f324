# Generated from nbs/api/21_exemplars.ipynb: edit the notebook
import re
import warnings
import numpy as np
import pandas as pd
from fairprune.predictions import Predictions
import matplotlib.pyplot as plt
from fastcore.test import expect_fail
from scipy import stats
from fairprune.data import GroupedText
from fairprune.bias.exemplars import *
from fairprune.bias.exemplars import _dealt_out, _log_scale, _over, _relative_recall, _splits


def test_planted_seeds(): # nbs/api/21_exemplars.ipynb, cell e056ffa9
    """Beyond that, each model makes errors of its own, as training runs do."""
    dense, small = planted_seeds()
    assert len(dense) == len(small) == 5 and np.mean([p.accuracy for p in small]) < np.mean([p.accuracy for p in dense])


def test_planted_seeds_2(): # nbs/api/21_exemplars.ipynb, cell a5cfd9ac
    """In a second example, whose values can be worked out by hand, a model is a row of class numbers, one for each of four texts."""
    def said(*rows, labels=(0, 0, 1, 1), groups=('a', 'b', 'a', 'b'), classes=('no', 'yes'), logits=None):
        logits = [np.eye(len(classes))[list(r)] for r in rows] if logits is None else logits
        return [
            Predictions(
                np.array(['w', 'x', 'y', 'z'])[: len(labels)],
                np.array(l, 'float32'),
                np.array(labels),
                [[g] for g in groups],
                classes,
            )
            for l in logits
        ]
    assert said([0, 1, 1, 1])[0].accuracy == .75


def test_modal(): # nbs/api/21_exemplars.ipynb, cell c6805696
    """The order of the models plays no part."""
    def said(*rows, labels=(0, 0, 1, 1), groups=('a', 'b', 'a', 'b'), classes=('no', 'yes'), logits=None):
        logits = [np.eye(len(classes))[list(r)] for r in rows] if logits is None else logits
        return [
            Predictions(
                np.array(['w', 'x', 'y', 'z'])[: len(labels)],
                np.array(l, 'float32'),
                np.array(labels),
                [[g] for g in groups],
                classes,
            )
            for l in logits
        ]
    assert modal(said([0, 1, 1, 0], [0, 1, 0, 0], [1, 1, 0, 0])).tolist() == [0, 1, 0, 0]
    sure, unsure = [[3, 0]] * 4, [[0, 1]] * 4 # two models, one vote each: the surer one wins, in either order
    tied = [modal(said(logits=l)).tolist() for l in ([sure, unsure], [unsure, sure])]
    assert tied == [[0, 0, 0, 0], [0, 0, 0, 0]] and modal(said([1, 1, 1, 1], [0, 0, 0, 0])).tolist() == [0, 0, 0, 0]


def test_modal_2(): # nbs/api/21_exemplars.ipynb, cell da953b73
    """With votes 2, 2 and 1 the third class cannot win, however sure its model is."""
    def said(*rows, labels=(0, 0, 1, 1), groups=('a', 'b', 'a', 'b'), classes=('no', 'yes'), logits=None):
        logits = [np.eye(len(classes))[list(r)] for r in rows] if logits is None else logits
        return [
            Predictions(
                np.array(['w', 'x', 'y', 'z'])[: len(labels)],
                np.array(l, 'float32'),
                np.array(labels),
                [[g] for g in groups],
                classes,
            )
            for l in logits
        ]
    three = said(
        logits=[[[2, 0, 0]], [[2, 0, 0]], [[0, 3, 0]], [[0, 3, 0]], [[0, 0, 50]]],
        labels=[0],
        groups=['a'],
        classes=('x', 'y', 'z'),
    )
    assert modal(three).tolist() == [1] and modal(three[::-1]).tolist() == [1]


def test_by_text(): # nbs/api/21_exemplars.ipynb, cell a5b96077
    """The 2019 paper of Hooker et al. calls the same texts PIE, pruning identified exemplars."""
    def said(*rows, labels=(0, 0, 1, 1), groups=('a', 'b', 'a', 'b'), classes=('no', 'yes'), logits=None):
        logits = [np.eye(len(classes))[list(r)] for r in rows] if logits is None else logits
        return [
            Predictions(
                np.array(['w', 'x', 'y', 'z'])[: len(labels)],
                np.array(l, 'float32'),
                np.array(labels),
                [[g] for g in groups],
                classes,
            )
            for l in logits
        ]
    before, after = said([0, 0, 1, 1], [0, 0, 1, 0], [0, 1, 1, 1]), said([0, 1, 1, 0], [1, 1, 1, 0], [0, 0, 1, 0])
    by_hand = exemplars(before, after)
    assert by_hand.cie.tolist() == [False, True, False, True] and by_hand.compressed.tolist() == ['no', 'yes', 'yes', 'no']


def test_by_text_2(): # nbs/api/21_exemplars.ipynb, cell 0d187620
    """Levels that judged different texts cannot be compared."""
    dense, small = planted_seeds()
    def said(*rows, labels=(0, 0, 1, 1), groups=('a', 'b', 'a', 'b'), classes=('no', 'yes'), logits=None):
        logits = [np.eye(len(classes))[list(r)] for r in rows] if logits is None else logits
        return [
            Predictions(
                np.array(['w', 'x', 'y', 'z'])[: len(labels)],
                np.array(l, 'float32'),
                np.array(labels),
                [[g] for g in groups],
                classes,
            )
            for l in logits
        ]
    before, after = said([0, 0, 1, 1], [0, 0, 1, 0], [0, 1, 1, 1]), said([0, 1, 1, 0], [1, 1, 1, 0], [0, 0, 1, 0])
    assert exemplars(before, after[:2]).cie.tolist() == [False, True, False, True]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always'); alone = exemplars(before[0], after[0])
    assert alone.cie.sum() == 2 and 'One model at a level' in str(caught[0].message)
    with expect_fail(ValueError, 'different texts'): exemplars(dense, before)
    with expect_fail(ValueError, 'No predictions'): exemplars([], after)


def test_splits(): # nbs/api/21_exemplars.ipynb, cell 33ac092b
    """What this rate has beyond `halves(dense)` is the work of compression."""
    dense, small = planted_seeds()
    def said(*rows, labels=(0, 0, 1, 1), groups=('a', 'b', 'a', 'b'), classes=('no', 'yes'), logits=None):
        logits = [np.eye(len(classes))[list(r)] for r in rows] if logits is None else logits
        return [
            Predictions(
                np.array(['w', 'x', 'y', 'z'])[: len(labels)],
                np.array(l, 'float32'),
                np.array(labels),
                [[g] for g in groups],
                classes,
            )
            for l in logits
        ]
    before, after = said([0, 0, 1, 1], [0, 0, 1, 0], [0, 1, 1, 1]), said([0, 1, 1, 0], [1, 1, 1, 0], [0, 0, 1, 0])
    pair = halves(said([0, 0, 1, 1], [0, 1, 1, 1])) # two seeds: each half is one model
    assert pair.cie.tolist() == [0, 1, 0, 0]
    # dense 1 against small 2, dense 2 against small 1
    crossed = halves(said([0, 0, 1, 1], [0, 1, 1, 1]), said([0, 0, 1, 0], [0, 0, 1, 1]))
    assert crossed.cie.tolist() == [0, .5, 0, .5]
    each = [
        exemplars([dense[i] for i in one], [small[i] for i in range(4) if i not in one]).cie for one in _splits(4, 100, 0)
    ]
    assert np.allclose(halves(dense[:4], small[:4]).cie, np.mean(each, 0)) # six splits, one by one
    assert (
        len(_splits(5, 100, 0)) == 10
        and len(_splits(30, 100, 0)) == 100
        and {len(set(s)) for s in _splits(30, 100, 0)} == {15}
    )
    with expect_fail(ValueError, 'at least two seeds'): halves(before[:1])
    with expect_fail(ValueError, '3 dense and 2 compressed'): halves(before, after[:2])


def test_others(): # nbs/api/21_exemplars.ipynb, cell d87487d9
    """The interval does not say how another five seeds would have turned out."""
    def said(*rows, labels=(0, 0, 1, 1), groups=('a', 'b', 'a', 'b'), classes=('no', 'yes'), logits=None):
        logits = [np.eye(len(classes))[list(r)] for r in rows] if logits is None else logits
        return [
            Predictions(
                np.array(['w', 'x', 'y', 'z'])[: len(labels)],
                np.array(l, 'float32'),
                np.array(labels),
                [[g] for g in groups],
                classes,
            )
            for l in logits
        ]
    before, after = said([0, 0, 1, 1], [0, 0, 1, 0], [0, 1, 1, 1]), said([0, 1, 1, 0], [1, 1, 1, 0], [0, 0, 1, 0])
    # with two seeds the halves are single models
    rows = against_seeds(said([0, 0, 1, 1], [0, 1, 1, 1]), said([0, 0, 1, 0], [0, 0, 1, 1]), n_resamples=200).set_index(
        'metric'
    )
    assert (rows.dense == 1 / 4).all() and (rows.compressed == 1 / 4).all() and (rows.n == 4).all()
    with expect_fail(ValueError, '3 dense and 2 compressed'): against_seeds(before, after[:2])
    with expect_fail(ValueError, 'n_resamples = 5'): against_seeds(before, after, n_resamples=5)


def test_others_2(): # nbs/api/21_exemplars.ipynb, cell 98c77867
    """A level that is compared with itself adds nothing."""
    dense, small = planted_seeds()
    found, chance, both = exemplars(dense, small), halves(dense), halves(dense, small)
    added = against_seeds(dense, small, n_resamples=1000).set_index('metric')
    assert (
        (added.low > 0.02).all()
        and np.isclose(added.compressed['exemplars'], both.cie.mean())
        and np.isclose(added.dense['exemplars'], chance.cie.mean())
    )
    assert np.isclose(added.dense['churn'], 2 * .08 * .92, atol=.02)
    assert (against_seeds(dense, dense, n_resamples=200)[['change', 'low', 'high']] == 0).all().all()


def test_class_test(): # nbs/api/21_exemplars.ipynb, cell a29bc147
    """It is not paired: it gains nothing if the two levels share their seeds."""
    def said(*rows, labels=(0, 0, 1, 1), groups=('a', 'b', 'a', 'b'), classes=('no', 'yes'), logits=None):
        logits = [np.eye(len(classes))[list(r)] for r in rows] if logits is None else logits
        return [
            Predictions(
                np.array(['w', 'x', 'y', 'z'])[: len(labels)],
                np.array(l, 'float32'),
                np.array(labels),
                [[g] for g in groups],
                classes,
            )
            for l in logits
        ]
    before, after = said([0, 0, 1, 1], [0, 0, 1, 0], [0, 1, 1, 1]), said([0, 1, 1, 0], [1, 1, 1, 0], [0, 0, 1, 0])
    # recall of `no` minus accuracy, by model: 2/2 - 4/4, 2/2 - 3/4, 1/2 - 3/4 before; 1/2 - 2/4, 0/2 - 1/4, 2/2 - 3/4 after
    a, b = [0, .25, -.25], [0, -.25, .25]
    assert np.allclose(_relative_recall(before)[:, 0], a) and np.allclose(_relative_recall(after)[:, 0], b)
    steady = said([0, 0, 1, 1], [0, 0, 1, 0]) # relative recall of `no`: 0 and .25
    worse = said([0, 1, 1, 1], [1, 1, 1, 0])  # -.25 and -.25
    row = class_test(steady, worse).iloc[0]
    se, df = (.125 ** 2) ** .5, 1 # of a mean of two: s / sqrt(2) = .125; all of the variance is on one side
    assert np.isclose(row.change, -.375) and np.isclose(row.p, 2 * stats.t.sf(.375 / se, df))
    assert np.isclose(row.high, -.375 + stats.t.ppf(.975, df) * se) and row.n == 2


def test_class_test_2(): # nbs/api/21_exemplars.ipynb, cell 205972c5
    """If nothing varies between the models there is no test, and a class without texts has no recall."""
    dense, small = planted_seeds()
    def said(*rows, labels=(0, 0, 1, 1), groups=('a', 'b', 'a', 'b'), classes=('no', 'yes'), logits=None):
        logits = [np.eye(len(classes))[list(r)] for r in rows] if logits is None else logits
        return [
            Predictions(
                np.array(['w', 'x', 'y', 'z'])[: len(labels)],
                np.array(l, 'float32'),
                np.array(labels),
                [[g] for g in groups],
                classes,
            )
            for l in logits
        ]
    before, after = said([0, 0, 1, 1], [0, 0, 1, 0], [0, 1, 1, 1]), said([0, 1, 1, 0], [1, 1, 1, 0], [0, 0, 1, 0])
    tested = class_test(dense, small).set_index('cls')
    assert tested.high['yes'] < 0 < tested.low['no'] and tested.p_holm['yes'] < .01
    still = class_test(before[:1] * 2, after[:1] * 2)
    assert still.p.isna().all() and still.low.isna().all() and still.change.notna().all()
    absent = class_test(
        said([0, 0], [0, 1], labels=[0, 0], groups='ab'), said([0, 1], [1, 1], labels=[0, 0], groups='ab')
    ).set_index('cls')
    assert absent.n['yes'] == 0 and np.isnan(absent.dense['yes'])
    with expect_fail(ValueError, '1 models before and 3 after'): class_test(before[0], after)


def test_on_and_off(): # nbs/api/21_exemplars.ipynb, cell cc3e15a8
    """The set of exemplars is taken as given."""
    def said(*rows, labels=(0, 0, 1, 1), groups=('a', 'b', 'a', 'b'), classes=('no', 'yes'), logits=None):
        logits = [np.eye(len(classes))[list(r)] for r in rows] if logits is None else logits
        return [
            Predictions(
                np.array(['w', 'x', 'y', 'z'])[: len(labels)],
                np.array(l, 'float32'),
                np.array(labels),
                [[g] for g in groups],
                classes,
            )
            for l in logits
        ]
    before, after = said([0, 0, 1, 1], [0, 0, 1, 0], [0, 1, 1, 1]), said([0, 1, 1, 0], [1, 1, 1, 0], [0, 0, 1, 0])
    hand = on_and_off(before, after, n_resamples=200).set_index(['level', 'texts']).accuracy
    assert np.allclose(hand[['dense', 'compressed']].loc['dense'], [4 / 6, 6 / 6, 10 / 12]) and np.allclose(
        hand.loc['compressed'], [1 / 6, 5 / 6, 6 / 12]
    )
    none = on_and_off(before, before, n_resamples=200).set_index(['level', 'texts'])
    assert (
        np.isnan(none.accuracy['dense', 'exemplars'])
        and none.n['dense', 'exemplars'] == 0
        and none.accuracy['dense', 'others'] == 10 / 12
    )
    with expect_fail(ValueError, 'n_resamples = 10'): on_and_off(before, after, n_resamples=10)


def test_identity_words(): # nbs/api/21_exemplars.ipynb, cell e0442db9
    """`black` and `white` are also colours."""
    frame = pd.DataFrame(
        dict(
            text=['Two Women and a man', 'humane manners', 'JEWISH, Muslims.', 'a jew', 'x', 'y'],
            label=list('nynyny'),
            groups='g',
            split=['test'] * 4 + ['train', 'validation'],
        )
    )
    little = GroupedText.from_frame(frame, split='split')
    assert list(identity_words(little).values()) == [['men', 'women'], [], ['jewish', 'muslim'], ['jewish']]
    assert list(identity_words(little, words=['manners', 'a'])['1']) == ['manners'] and identity_words(
        little, words=dict(two='two|2')
    )['0'] == ['two']
    with expect_fail(ValueError, "None of the 1 identity words stands in the 1 texts of 'train'"):
        identity_words(little, 'train', ['women'])
    with expect_fail(ValueError, 'is empty'): identity_words(little, words=[])
    with expect_fail(ValueError, "No split 'tset'"): identity_words(little, 'tset')


def test_identity_words_2(): # nbs/api/21_exemplars.ipynb, cell 7b522f31
    """Each regular expression must find its own singular and plural, and must find nothing inside other words."""
    forms = '''woman women girl man men jew jews muslim muslims asian asians latina latinas mexican mexicans
gay gays immigrants refugees disability disabilities'''.split()
    hits = {f: [w for w, p in IDENTITY_WORDS.items() if re.fullmatch(p, f)] for f in forms}
    assert all(len(h) == 1 for h in hits.values()) and hits['latinas'] == ['latino'] and hits['women'] == ['women']
    assert not any(
        re.search(rf'\b(?:{p})\b', 'mention transport nativity gayety whiten', re.I) for p in IDENTITY_WORDS.values()
    )


def test_log_scale(): # nbs/api/21_exemplars.ipynb, cell 03cc83e1
    """If rows were judged by the number of exemplars that were *found*, groups with many would be preferred."""
    sums = np.array([10., 100, 5, 2, 25, 0]) # exemplars, texts, exemplars in two groups, texts in two groups
    assert np.allclose(_over(sums), [2, np.nan], equal_nan=True) and np.isnan(_over(np.zeros(6))).all()
    none = np.array([30., 100, 0, 20]) # 30 exemplars, none of them in a group of 20 texts
    low, high, p = (x[0] for x in _log_scale(none, none + np.zeros((5, 1)), 30, .95))
    assert (
        low == 0
        and np.isclose(high * 0.2, stats.binomtest(0, 30).proportion_ci(0.95, 'exact').high)
        and np.isclose(p, 2 * 0.8**30)
    )


def test_dealt_out(): # nbs/api/21_exemplars.ipynb, cell 40eb2642
    """Dealing the texts out at random gives the same, to the precision of the draws."""
    hit, group = np.array([1., 1, 0, 0, 0, 0]), np.array([[1, 1, 1, 0, 0, 0]], bool).T
    assert np.isclose(_dealt_out(hit, np.ones(6), group, 0, 0), 2 * 3 / 15)
    assert np.isclose(_dealt_out(hit / 2, np.ones(6), group, 20_000, 0), 2 * 3 / 15, atol=.01) # halves of a text
    assert _dealt_out(hit, hit, group, 100, 0) == 1 # nothing beyond the base


def test_over_index(): # nbs/api/21_exemplars.ipynb, cell bba48957
    """One of them has the word `men`, which stands in three of the texts."""
    def said(*rows, labels=(0, 0, 1, 1), groups=('a', 'b', 'a', 'b'), classes=('no', 'yes'), logits=None):
        logits = [np.eye(len(classes))[list(r)] for r in rows] if logits is None else logits
        return [
            Predictions(
                np.array(['w', 'x', 'y', 'z'])[: len(labels)],
                np.array(l, 'float32'),
                np.array(labels),
                [[g] for g in groups],
                classes,
            )
            for l in logits
        ]
    before, after = said([0, 0, 1, 1], [0, 0, 1, 0], [0, 1, 1, 1]), said([0, 1, 1, 0], [1, 1, 1, 0], [0, 0, 1, 0])
    by_hand = exemplars(before, after)
    hand = over_index(by_hand, dict(w=['men'], x=['men'], y=['men', 'women'], z=[]), n_resamples=200).set_index('group')
    assert (
        hand.over_index[['a', 'b']].tolist() == [0, 2]
        and np.isclose(hand.over_index['men'], (1 / 2) / (3 / 4))
        and hand.over_index['women'] == 0
    )
    assert (
        hand.over_index['(none)'] == 2
        and hand.kind['(none)'] == 'word'
        and hand.n['men'] == 3
        and hand.cie['men'] == 1
        and hand.expected['men'] == 1.5
    )
    assert not hand.judged.any() and hand.p_holm.isna().all() # far too few


def test_over_index_2(): # nbs/api/21_exemplars.ipynb, cell 0cd15217
    dense, small = planted_seeds()
    found, chance, both = exemplars(dense, small), halves(dense), halves(dense, small)
    over = over_index(found, n_resamples=2000)
    c = over.set_index('group').loc['c']
    assert (
        c.low > 1.5
        and c.p_holm < 0.01
        and (over.query("group != 'c'").high < 1).all()
        and (over.metric == 'over_index').all()
    )


def test_over_index_3(): # nbs/api/21_exemplars.ipynb, cell 1b192659
    """The interval agrees with a bootstrap written out text by text, and with an approximation by the delta method."""
    dense, small = planted_seeds()
    found, chance, both = exemplars(dense, small), halves(dense), halves(dense, small)
    over = over_index(found, n_resamples=2000)
    c = over.set_index('group').loc['c']
    over.round(3)
    rng, member = np.random.default_rng(1), np.array([g == ['c'] for g in found.groups])
    picks = rng.integers(0, 900, (2000, 900))
    slow = (member & found.cie.to_numpy())[picks].sum(1) / found.cie.to_numpy()[picks].sum(1) / member[picks].mean(1)
    assert np.allclose(c.over_index * np.exp(1.96 * np.array([-1, 1]) * np.log(slow).std()), [c.low, c.high], atol=.03)
    a = over.set_index('group').loc['a'] # few cases: 1 / cases - 1 / exemplars, and the texts
    delta = (1 / a.cie - 1 / found.cie.sum() - 1 / a.n + 1 / 900) ** .5
    assert np.isclose(np.log(a.high / a.over_index) / 1.96, delta, atol=.1)


def test_over_index_4(): # nbs/api/21_exemplars.ipynb, cell 3ca6e9ac
    """If items are drawn as a whole, the interval stays as it was."""
    dense, small = planted_seeds()
    found, chance, both = exemplars(dense, small), halves(dense), halves(dense, small)
    copies = pd.concat([found.assign(id=found.id + s) for s in 'pqrs'], ignore_index=True)
    width = [
        over_index(t, clusters=k, n_resamples=1000).set_index('group').eval('high - low')['c']
        for t, k in ((found, None), (copies, None), (copies, [*found.id] * 4))
    ]
    assert np.isclose(width[1] / width[0], .5, atol=.08) and np.isclose(width[2] / width[0], 1, atol=.08)
    with expect_fail(ValueError, '2 clusters for 900 rows'): over_index(found, clusters=[1, 2])


def test_over_index_5(): # nbs/api/21_exemplars.ipynb, cell 604c9a3a
    """With `base=halves(dense)` the question is another one: is the group more frequent among the exemplars of compression than among the texts on which training runs disagree anyway?"""
    dense, small = planted_seeds()
    found, chance, both = exemplars(dense, small), halves(dense), halves(dense, small)
    rng, member = np.random.default_rng(1), np.array([g == ['c'] for g in found.groups])
    beyond = over_index(both, base=chance, n_resamples=1000).set_index('group')
    shares = [np.average(member, weights=t.cie) for t in (both, chance)]
    assert np.isclose(beyond.over_index['c'], shares[0] / shares[1]) and beyond.low['c'] > 1
    same = over_index(chance, base=chance.iloc[::-1], n_resamples=1000) # the order of the base does not matter
    assert np.allclose(same.over_index, 1) and (same.p.dropna() == 1).all()


def test_over_index_6(): # nbs/api/21_exemplars.ipynb, cell bf982c9d
    """The words must come from the same texts."""
    def said(*rows, labels=(0, 0, 1, 1), groups=('a', 'b', 'a', 'b'), classes=('no', 'yes'), logits=None):
        logits = [np.eye(len(classes))[list(r)] for r in rows] if logits is None else logits
        return [
            Predictions(
                np.array(['w', 'x', 'y', 'z'])[: len(labels)],
                np.array(l, 'float32'),
                np.array(labels),
                [[g] for g in groups],
                classes,
            )
            for l in logits
        ]
    before, after = said([0, 0, 1, 1], [0, 0, 1, 0], [0, 1, 1, 1]), said([0, 1, 1, 0], [1, 1, 1, 0], [0, 0, 1, 0])
    by_hand = exemplars(before, after)
    with expect_fail(ValueError, 'No exemplar among 4 texts'): over_index(exemplars(before, before))
    with expect_fail(ValueError, '1 of 4 texts are not in `words`'): over_index(by_hand, dict(w=[], x=[], y=[]))
    with expect_fail(ValueError, '4 of 4 ids are missing in the base'):
        over_index(by_hand.assign(id=list('defg')), base=by_hand)
    with expect_fail(ValueError, 'Missing column: groups, cie'): over_index(by_hand[['id', 'label']])
    with expect_fail(ValueError, 'No text belongs to a group'): over_index(by_hand.assign(groups=[[]] * 4))
    with expect_fail(ValueError, 'confidence = 95'): over_index(by_hand, confidence=95)


def test_over_index_7(): # nbs/api/21_exemplars.ipynb, cell 7b6fc9ce
    """The same must hold if texts count in part, and if they are held against a base."""
    rng, R = np.random.default_rng(0), 1000
    def by_chance():
        return pd.DataFrame(
            dict(
                id=range(600),
                groups=[[g] for g in rng.choice(list('abcde'), 600, p=[0.4, 0.3, 0.14, 0.08, 0.08])],
                cie=rng.random(600) < 0.15,
            )
        )
    def in_part(t): return t.assign(cie=t.cie * rng.integers(1, 5, 600) / 4)
    def names(t, **how): return (over_index(t, n_resamples=how.pop('draws', 100), **how).p_holm < .05).any()
    tables = [by_chance() for _ in range(R)]
    once = sum(names(t) for t in tables)
    part = sum(names(in_part(t), draws=400) for t in tables[:200])
    lively = dict(a=.1, b=.2, c=.6, d=.3, e=.6) # shares of texts whose answer is open, by group
    def some_open(t): return t.assign(cie=[rng.random() < lively[g[0]] for g in t.groups])
    def in_both(t): return names(in_part(t), base=in_part(t), draws=400)
    against = sum(in_both(some_open(t)) for t in tables[:200])
    print(
        f'{once} of {R} tables name a group; {part} of 200 where texts count in part, {against} of 200 against a base, '
        'in groups of which one is more open than the other'
    )
    assert 0 < once <= .055 * R and part <= 18 and against <= 18 # of 200, 18 is beyond 1 in 20 by more than chance


def test_log_axis(): # nbs/api/21_exemplars.ipynb, cell 61f95841
    """A cross shows the same group among the texts on which training runs disagree."""
    dense, small = planted_seeds()
    found, chance, both = exemplars(dense, small), halves(dense), halves(dense, small)
    over = over_index(found, n_resamples=2000)
    over.round(3)
    ax = plot_over_index(over, over_index(chance, n_resamples=200))
    assert [t.get_text().split()[0] for t in ax.get_yticklabels()][-1] == 'c'
    assert len(plot_over_index(over.assign(over_index=[0, 1, 2]), ax=plt.figure().subplots()).get_yticks()) == 3
    plt.close()
    with expect_fail(ValueError, 'Nothing to draw'): plot_over_index(over.assign(over_index=0.))


def test_flip_rows(): # nbs/api/21_exemplars.ipynb, cell 7a4b6703
    """Three are biased before and two after: one becomes biased, and two no longer are."""
    before_bias, after_bias = np.array([True, True, True, False, False]), np.array([True, False, False, True, False])
    hand = (
        flips(before_bias, after_bias, ['a', 'a', 'b', 'b', 'b'], ('biased', 'unbiased'), n_resamples=200)
        .set_index(['metric', 'of', 'group'])
        .value
    )
    assert (
        hand['flip', 'all', 'all'] == 3 / 5
        and hand['biased to unbiased', 'all', 'all'] == 2 / 5
        and np.isclose(hand['net', 'all', 'all'], -1 / 5)
    )
    assert (
        np.isclose(hand['biased to unbiased', 'biased', 'all'], 2 / 3)
        and hand['unbiased to biased', 'unbiased', 'all'] == 1 / 2
    )
    assert (
        hand['flip', 'all', 'a'] == 1 / 2
        and hand['net', 'all', 'b'] == 0
        and np.isnan(hand['unbiased to biased', 'unbiased', 'a'])
    )


def test_flip_rows_2(): # nbs/api/21_exemplars.ipynb, cell 66276ef3
    """Ten flips in each direction leave nothing in the aggregate, but `flips` shows them."""
    rng = np.random.default_rng(0)
    decided = rng.random(400) < .5
    swapped = decided.copy()
    swapped[np.flatnonzero(decided)[:10]] = False
    swapped[np.flatnonzero(~decided)[:10]] = True
    t = flips(decided, swapped, n_resamples=1000).query("of == 'all'").set_index('metric')
    assert t.value['flip'] == .05 and t.low['flip'] > .02 and t.value['net'] == 0 and t.low['net'] < 0 < t.high['net']
    assert (flips(decided, decided, n_resamples=200)[['value', 'low', 'high']] == 0).all().all()
    half = 1.96 * (.05 * .95 / 400) ** .5
    assert np.isclose(t.high['flip'] - t.low['flip'], 2 * half, atol=.006)


def test_flip_rows_3(): # nbs/api/21_exemplars.ipynb, cell 6eedc096
    """Items that share a cluster are drawn together."""
    before_bias, after_bias = np.array([True, True, True, False, False]), np.array([True, False, False, True, False])
    rng = np.random.default_rng(0)
    decided = rng.random(400) < .5
    swapped = decided.copy()
    swapped[np.flatnonzero(decided)[:10]] = False
    swapped[np.flatnonzero(~decided)[:10]] = True
    t = flips(decided, swapped, n_resamples=1000).query("of == 'all'").set_index('metric')
    seeds = flips([decided, decided], [swapped, decided], n_resamples=1000).set_index(['metric', 'of'])
    assert (
        seeds.value['flip', 'all'] == 0.025
        and seeds.eval('high - low')['flip', 'all'] > t.eval('high - low')['flip']
        and (seeds.seeds == 2).all()
    )
    four = (
        flips(np.repeat(decided, 4), np.repeat(swapped, 4), clusters=np.repeat(np.arange(400), 4), n_resamples=1000)
        .query("of == 'all'")
        .set_index('metric')
    )
    assert np.isclose(four.eval('high - low')['flip'], t.eval('high - low')['flip'], atol=.006) and four.n['flip'] == 1600
    with expect_fail(ValueError, 'shapes (1, 400) and (1, 5)'): flips(decided, before_bias)
    with expect_fail(ValueError, 'of type int64 and bool'): flips(decided.astype('int64'), decided)
    with expect_fail(ValueError, '1 lists of groups for 400 items'): flips(decided, decided, [['a']])


def test_flip_rows_4(): # nbs/api/21_exemplars.ipynb, cell 390f4098
    """With three classes an answer can also go from one wrong class to another."""
    dense, small = planted_seeds()
    def said(*rows, labels=(0, 0, 1, 1), groups=('a', 'b', 'a', 'b'), classes=('no', 'yes'), logits=None):
        logits = [np.eye(len(classes))[list(r)] for r in rows] if logits is None else logits
        return [
            Predictions(
                np.array(['w', 'x', 'y', 'z'])[: len(labels)],
                np.array(l, 'float32'),
                np.array(labels),
                [[g] for g in groups],
                classes,
            )
            for l in logits
        ]
    on_and_off(dense, small, n_resamples=1000).round(3)
    many = (
        churn(
            *(said(r, labels=[0, 1, 2, 2], classes=('x', 'y', 'z'))[0] for r in ([0, 1, 0, 2], [0, 2, 1, 2])),
            n_resamples=200,
        )
        .set_index(['metric', 'of', 'group'])
        .value
    )
    assert (
        many['churn', 'all', 'all'] == 2 / 4
        and many['correct to wrong', 'all', 'all'] == 1 / 4
        and many['wrong to correct', 'all', 'all'] == 0
    )
    assert np.isclose(many['correct to wrong', 'correct', 'all'], 1 / 3) and many['net', 'all', 'b'] == -1 / 2
    with expect_fail(ValueError, '5 dense and 4 compressed'): churn(dense, small[:4])
    with expect_fail(ValueError, 'n_resamples = 3'): churn(dense, small, n_resamples=3)


def test_flip_rows_5(): # nbs/api/21_exemplars.ipynb, cell cfe5fa22
    dense, small = planted_seeds()
    on_and_off(dense, small, n_resamples=1000).round(3)
    rates = churn(dense, small, n_resamples=1000)
    accuracy = [np.mean([p.accuracy for p in models]) for models in (dense, small)]
    net = rates.query("metric == 'net' and group == 'all'").squeeze()
    assert (
        np.isclose(net.value, accuracy[1] - accuracy[0])
        and rates.query("metric == 'correct to wrong' and of == 'all'").set_index('group').value.idxmax() == 'c'
    )


def test_flip_rows_6(): # nbs/api/21_exemplars.ipynb, cell 430e94ea
    """In group c the compressed models flip more than this reference, in the other groups they do not."""
    dense, small = planted_seeds()
    on_and_off(dense, small, n_resamples=1000).round(3)
    rates = churn(dense, small, n_resamples=1000)
    rates.query("group in ('all', 'c') and of == 'all'").round(3)
    anyway = churn(dense, dense[1:] + dense[:1], n_resamples=1000).query("metric == 'churn'").set_index('group')
    paid = rates.query("metric == 'churn'").set_index('group')
    assert (
        np.isclose(anyway.value['all'], 2 * 0.08 * 0.92, atol=0.02)
        and paid.low['c'] > anyway.high['c']
        and paid.low['a'] < anyway.value['a'] < paid.high['a']
    )


def test_from_table(): # nbs/api/21_exemplars.ipynb, cell e298114e
    """The decisions in it are those of the models, so modes and over-index are the same as if computed from the models."""
    dense, small = planted_seeds()
    found, chance, both = exemplars(dense, small), halves(dense), halves(dense, small)
    on_and_off(dense, small, n_resamples=1000).round(3)
    kept = to_table(dict(dense=dense, small=small), {i: ['men'] for i in dense[0].ids})
    again, words = from_table(kept)
    assert list(again) == ['dense', 'small'] and len(again['small']) == 5 and words['3'] == ['men']
    assert (exemplars(again['dense'], again['small']).cie == found.cie).all() and np.allclose(
        halves(again['dense']).cie, chance.cie
    )
    with expect_fail(ValueError, 'No model in the table'): from_table(kept[['id', 'label', 'groups']])
