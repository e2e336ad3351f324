# Generated from nbs/api/00_data.ipynb: edit the notebook
from pathlib import Path
import numpy as np
import pandas as pd
import tempfile
from fastcore.test import expect_fail
from fairprune.files import write_csv
from fairprune.data import *
from fairprune.data import _csv, _decoded, _group_lists, _hash_split, _json, _kind, _mentioned, _missing, _one_hot_groups


def test_distinct_texts(): # nbs/api/00_data.ipynb, cell 08a9be82
    """A text that nothing repeats is a cluster by itself."""
    some = [
        'The nurse told the patient that she would be back in an hour.',
        'The nurse told the patient that he would be back in an hour!',
        'A different sentence about the weather in May.',
        'the NURSE told the patient that she would be back in an hour',
        'Room 12',
        'Room 7',
        '12',
        '7',
    ]
    assert near_duplicates(some).tolist() == [0, 0, 2, 0, 4, 4, 6, 7] and near_duplicates(some[:1]).tolist() == [0]
    assert near_duplicates(some, 1).tolist() == [0, 1, 2, 0, 4, 4, 6, 7] # but for case, digits and punctuation
    with expect_fail(ValueError, 'similarity = 70'): near_duplicates(some, 70)


def test_distinct_texts_2(): # nbs/api/00_data.ipynb, cell 5f6bbc36
    """The estimate is close to the share that it stands for: among sentences that have 80% of their runs in common nearly all pairs are found, among sentences with 40% none."""
    rng = np.random.default_rng(0)
    def words(k): return ' '.join(''.join(rng.choice(list('abcdefghijklmnopqrstuvwxyz'), 8)) for _ in range(k))
    def shared(a, b):
        a, b = ({f'^^^^{t}$$$$'[i:i + 5] for i in range(len(t) + 4)} for t in (a, b))
        return len(a & b) / len(a | b)
    for common, low, high in ((19, .9, 1), (9, 0, .1)):
        twins = [
            text
            for k in range(100)
            for head in [words(common)]
            for text in (f'{head} {words(2 if common > 9 else 11)}', f'{head} {words(2 if common > 9 else 11)}')
        ]
        alike = near_duplicates(twins)
        print(
            f'{np.mean([shared(*twins[i : i + 2]) for i in range(0, 200, 2)]):.0%} in common: '
            f'{(alike[::2] == alike[1::2]).mean():.0%} found'
        )
        assert low <= (alike[::2] == alike[1::2]).mean() <= high and len(np.unique(alike)) >= 100


def test_unit_hash(): # nbs/api/00_data.ipynb, cell 967e5ae0
    """Adding a text never moves another one, on any machine."""
    assert unit_hash('a') == unit_hash('a') != unit_hash('a', seed=1)
    assert abs(np.mean([unit_hash(i) for i in range(2000)]) - .5) < .03


def test_name_of(): # nbs/api/00_data.ipynb, cell 79fdf39b
    """A blank or missing value is no name."""
    assert [
        name_of(v)
        for v in (
            '02134',
            ' a',
            7,
            np.int64(7),
            7.0,
            1.5,
            np.float32(0.1),
            True,
            np.bool_(True),
            pd.Timestamp('2020-01-01'),
            2**70,
        )
    ] == ['02134', ' a', '7', '7', '7', '1.5', '0.1', 'True', 'True', '2020-01-01 00:00:00', str(2**70)]
    for value in (2.**60, np.inf, np.float32(2**30)):
        with expect_fail(ValueError, 'too long to tell it from its neighbours'): name_of(value)
    for value in (['a'], dict(a=1), b'a'):
        with expect_fail(ValueError, 'where a name is text or a number'): name_of(value)
    assert all(map(_missing, (None, np.nan, pd.NA, pd.NaT, '', ' \t'))) and not any(
        map(_missing, (0, False, 'None', [], 'a'))
    )


def test_group_lists(): # nbs/api/00_data.ipynb, cell 100a8007
    """An object gives groups in the same way as several columns do: `{"gender": "female"}` is the group `gender=female`."""
    assert _group_lists(pd.DataFrame(dict(g=['a', None, 'b'])), 'g') == [['a'], [], ['b']]
    assert _group_lists(pd.DataFrame(dict(g=[['b', 'a'], []])), 'g') == [['a', 'b'], []]
    assert _group_lists(pd.DataFrame(dict(g=[['b', None, np.nan], pd.NA, 3])), 'g') == [['b'], [], ['3']]
    assert _group_lists(pd.DataFrame(dict(g=[0, np.nan, 1])), 'g') == [['0'], [], ['1']]
    assert _group_lists(pd.DataFrame(dict(g=['f'], age=['old'])), ['g', 'age']) == [['age=old', 'g=f']]
    for text in ("['a', 'b']", "['a' 'b']", '["a"]', '[]'):
        with expect_fail(ValueError, 'a list that was written as text'):
            _group_lists(pd.DataFrame(dict(g=['a', text])), 'g')
    assert _group_lists(pd.DataFrame(dict(g=[dict(gender='female', age=['old', None], faith=None)])), 'g') == [
        ['age=old', 'gender=female']
    ]
    for value in ([['a']], b'a', [b'a']):
        with expect_fail(ValueError, 'A field of groups holds no name but'):
            _group_lists(pd.DataFrame(dict(g=[value])), 'g')
    # objects, by key and value
    assert _group_lists(
        pd.DataFrame(dict(g=[dict(sex='f', race='black'), dict(sex='m', race=None), dict(sex=['f', 'm'])])), 'g'
    ) == [['race=black', 'sex=f'], ['sex=m'], ['sex=f', 'sex=m']]
    with expect_fail(ValueError, 'an object that was written as text'):
        _group_lists(pd.DataFrame(dict(g=['{"sex": "f"}'])), 'g')
    with expect_fail(ValueError, "holds no name but ('sex', 'f')"):
        _group_lists(pd.DataFrame(dict(g=[[('sex', 'f')]])), 'g')
    assert _group_lists(pd.DataFrame(dict(g=['[other]'])), 'g') == [['[other]']]


def test_mentioned(): # nbs/api/00_data.ipynb, cell fe99e5b9
    """These are searched as whole words, in upper and lower case."""
    hot = pd.DataFrame(dict(female=[1, 0., np.nan], muslim=['0.4', 'TRUE', '0.5']))
    assert _one_hot_groups(hot, ['female', 'muslim']) == [['female'], ['muslim'], ['muslim']]
    for value in (2, 'yes', -.1, [1]):
        with expect_fail(ValueError, "Column 'female' holds"):
            _one_hot_groups(pd.DataFrame(dict(female=[value])), ['female'])
    assert _mentioned(['A Woman and men', 'a mention', 'women'], dict(women='wom[ae]n', men='men')) == [
        ['men', 'women'],
        [],
        ['women'],
    ] and _mentioned(['c++', 'Cs'], ['c++', 'c']) == [['c', 'c++'], []]
    with expect_fail(ValueError, 'no regular expression'): _mentioned(['a'], dict(a='('))


def test_coded(): # nbs/api/00_data.ipynb, cell bc7067b6
    """Two names that differ only in white space are taken for a typing mistake, and refused."""
    assert coded([10, '9', 10.0], None, 'label') == (('9', '10'), [1, 0, 1]) and coded(['b', '10', '9'], None, 'label')[
        0
    ] == ('10', '9', 'b')
    with expect_fail(ValueError, "The groups ' a' and 'a' differ in white space alone"): coded(['a', ' a'], None, 'group')
    with expect_fail(ValueError, "The label 'a' is named twice"): coded(['a'], ['a', 'a'], 'label')


def test_known_split(): # nbs/api/00_data.ipynb, cell 5f9f1a91
    frame = pd.DataFrame(
        dict(text=[f'text {i}' for i in range(40)], label=['yes', 'no'] * 20, groups=[['a'], ['a', 'b'], [], ['b']] * 10)
    )
    data = GroupedText.from_frame(frame, name='example')
    assert data.labels == ('no', 'yes') and data.groups == ('a', 'b')
    assert sum(map(len, data.splits.values())) == 40


def test_known_split_2(): # nbs/api/00_data.ipynb, cell c63dc48a
    """An error also says what would be right."""
    frame = pd.DataFrame(
        dict(text=[f'text {i}' for i in range(40)], label=['yes', 'no'] * 20, groups=[['a'], ['a', 'b'], [], ['b']] * 10)
    )
    data = GroupedText.from_frame(frame, name='example')
    with expect_fail(ValueError, 'Missing column: gender. The table has: text'): from_frame(frame, groups='gender')
    with expect_fail(ValueError, 'Unknown label: yes. Allowed: no, maybe'): from_frame(frame, labels=['no', 'maybe'])
    with expect_fail(ValueError, 'Unknown group: b'): from_frame(frame, group_names=['a'])
    with expect_fail(ValueError, 'Empty split: validation'): from_frame(frame.assign(s=['train', 'test'] * 20), split='s')
    with expect_fail(ValueError, 'Ids must be unique'): from_frame(frame.assign(i=1), id='i')
    with expect_fail(
        ValueError, "'1' stands twice in column 'i', in row 0 and 1, counted from 0. 1 of 40 rows repeat an id"
    ):
        from_frame(frame.assign(i=[1, '1', *range(2, 40)]), id='i')
    with expect_fail(ValueError, "Column 'text' stands twice"): from_frame(pd.concat([frame, frame[['text']]], axis=1))
    with expect_fail(ValueError, "No split 'dev'"): data['dev']
    for column, value in (('text', None), ('text', ' '), ('s', np.nan), ('label', pd.NA), ('label', '')):
        spoiled = frame.assign(s=['train', 'validation', 'test', 'test'] * 10).astype(object); spoiled.at[7, column] = value
        with expect_fail(ValueError, f"Column '{column}' is empty in 1 of 40 rows, first in row 7"):
            from_frame(spoiled, split='s')
    with expect_fail(ValueError, "Column 'text': ['a'] is of the kind list"): from_frame(frame.assign(text=[['a']] * 40))
    with expect_fail(ValueError, "All texts have the label 'yes'"): from_frame(frame.assign(label='yes'))
    assert from_frame(frame.assign(label='yes'), labels=['no', 'yes']).labels == ('no', 'yes')


def test_known_split_3(): # nbs/api/00_data.ipynb, cell 06458996
    """Numbered classes are sorted by their numbers."""
    frame = pd.DataFrame(
        dict(text=[f'text {i}' for i in range(40)], label=['yes', 'no'] * 20, groups=[['a'], ['a', 'b'], [], ['b']] * 10)
    )
    for given, expected in (
        (['02134', '2134'], {'02134', '2134'}),
        ([0, np.nan], {'0'}),
        (pd.array([0, None], 'Int64'), {'0'}),
        (pd.Categorical([7, None]), {'7'}),
        ([True, False], {'True', 'False'}),
    ):
        assert set(from_frame(frame.assign(groups=pd.Series(given).repeat(20).to_numpy())).groups) == expected
    assert from_frame(frame.assign(i=['01', '1', *map(str, range(2, 40))]), id='i').frame('test').id.is_unique
    assert from_frame(frame.assign(label=[2.0, 10.0] * 20)).labels == ('2', '10') and from_frame(
        frame.assign(label=[True, False] * 20)
    ).labels == ('False', 'True')


def test_known_split_4(): # nbs/api/00_data.ipynb, cell 4b770fa6
    """`label_names` gives numbered labels names: those of a model, or names that read better."""
    frame = pd.DataFrame(
        dict(text=[f'text {i}' for i in range(40)], label=['yes', 'no'] * 20, groups=[['a'], ['a', 'b'], [], ['b']] * 10)
    )
    numbered = frame.assign(label=[1, 0] * 20)
    assert from_frame(numbered, label_names={0: 'yes', 1: 'no'}).labels == ('yes', 'no') # in this order
    assert from_frame(numbered, label_names={'0': 'LABEL_0', '1': 'LABEL_1'}, labels=['LABEL_0', 'LABEL_1']).labels == (
        'LABEL_0',
        'LABEL_1',
    )
    with expect_fail(
        ValueError, 'Unknown label: 0, 1. Allowed: LABEL_0, LABEL_1. Other names for them go into `label_names`'
    ):
        from_frame(numbered, labels=['LABEL_0', 'LABEL_1'])
    with expect_fail(ValueError, "Label '1' has no name. Named are: 0"): from_frame(numbered, label_names={0: 'no'})


def test_known_split_5(): # nbs/api/00_data.ipynb, cell c4cfc0a3
    """Groups from one-hot columns, and from words where there is no column."""
    frame = pd.DataFrame(
        dict(text=[f'text {i}' for i in range(40)], label=['yes', 'no'] * 20, groups=[['a'], ['a', 'b'], [], ['b']] * 10)
    )
    hot = from_frame(
        frame.assign(female=[1, 0] * 20, muslim=[0.2, np.nan, 0.5, 0.9] * 10),
        groups=['female', 'muslim'],
        one_hot=True,
        whole='test',
    )
    assert hot['test']['groups'][:4] == [['female'], [], ['female', 'muslim'], ['muslim']] and list(hot.splits) == ['test']
    worded = from_frame(
        frame.assign(text=['Women talk', 'men talk'] * 20).drop(columns='groups'),
        group_words=['women', 'men'],
        whole='test',
    )
    assert worded['test']['groups'][:2] == [['women'], ['men']]


def test_known_split_6(): # nbs/api/00_data.ipynb, cell b36a6f5f
    """It keeps its name."""
    frame = pd.DataFrame(
        dict(text=[f'text {i}' for i in range(40)], label=['yes', 'no'] * 20, groups=[['a'], ['a', 'b'], [], ['b']] * 10)
    )
    dev = from_frame(frame.assign(s=['train', 'train', 'dev', 'test'] * 10), split='s')
    assert list(dev.splits) == ['train', 'dev', 'test'] and dev['validation']['id'] == dev['dev']['id']


def test_known_split_7(): # nbs/api/00_data.ipynb, cell 52d4f760
    """It may also name a column, such as the template or the author, whose values are kept together."""
    frame = pd.DataFrame(
        dict(text=[f'text {i}' for i in range(40)], label=['yes', 'no'] * 20, groups=[['a'], ['a', 'b'], [], ['b']] * 10)
    )
    data = GroupedText.from_frame(frame, name='example')
    twins = frame.assign(text=[f'Text  {i // 2}' if i % 2 else f'text {i // 2}' for i in range(40)])
    leaking, tight = from_frame(twins), from_frame(twins, together='text')
    apart = (
        (_hash_split(range(40), (0.7, 0.1), 0).reshape(20, 2) != _hash_split(range(0, 40, 2), (0.7, 0.1), 0)[:, None])
        .any(1)
        .sum()
    )
    assert (
        leaking.repeated() == dict(texts=20, across=apart, contrary=20)
        and apart
        and tight.repeated() == dict(texts=20, across=0, contrary=20)
        and data.repeated()['texts'] == 0
    )
    assert 'texts in several splits' in repr(leaking) and 'several' not in repr(tight)
    with expect_fail(ValueError, 'Give one of them'): from_frame(frame, together='text', whole='test')


def test_known_split_8(): # nbs/api/00_data.ipynb, cell 1e0cbe2b
    """`'text'` makes clusters of texts that nearly repeat each other; `clustered` does the same for a data set that exists already."""
    frame = pd.DataFrame(
        dict(text=[f'text {i}' for i in range(40)], label=['yes', 'no'] * 20, groups=[['a'], ['a', 'b'], [], ['b']] * 10)
    )
    data = GroupedText.from_frame(frame, name='example')
    sources = from_frame(frame.assign(source=np.arange(40) // 4), clusters='source')
    places = pd.concat([part.to_pandas().assign(split=s) for s, part in sources.splits.items()]).set_index('id')
    assert (
        places.cluster['7'] == '1'
        and places.groupby('cluster').split.nunique().max() == 1
        and repr(sources).endswith('2 groups; 10 clusters)')
    )
    talk = frame.assign(
        text=[f'{w} {k}' for w in ('the first talk', 'another one', 'something else', 'no word of it') for k in range(10)]
    )
    # digits do not count
    assert (
        from_frame(talk, clusters='text', whole='test')['test']['cluster']
        == from_frame(talk, whole='test').clustered()['test']['cluster']
        == [str(i - i % 10) for i in range(40)]
    )
    assert (
        len(
            {
                *from_frame(talk.rename(columns=dict(text='comment')), text='comment', clusters='text', whole='test')[
                    'test'
                ]['cluster']
            }
        )
        == 4
    )
    assert 'cluster' not in data['test'].features and from_frame(
        frame.assign(source='a'), clusters='source', whole='test'
    ).clustered()['test']['cluster'][:2] == ['0', '0']
    with expect_fail(ValueError, 'Missing column: template'): from_frame(frame, clusters='template')
    with expect_fail(ValueError, "Column 'source' is empty in 1 of 40 rows, first in row 3"):
        from_frame(frame.assign(source=[*'abc', None, *'d' * 36]), clusters='source')


def test_known_split_9(): # nbs/api/00_data.ipynb, cell a97be78f
    """A rationale has a number in [0, 1] for each token: how much the token decided the label."""
    frame = pd.DataFrame(
        dict(text=[f'text {i}' for i in range(40)], label=['yes', 'no'] * 20, groups=[['a'], ['a', 'b'], [], ['b']] * 10)
    )
    def marked(mask):
        return from_frame(
            frame.assign(tokens=[['a', 'word']] * 40, mask=[[0, 1]] * 39 + [mask]), tokens='tokens', rationale='mask'
        )
    assert marked([0, .5]).labels == ('no', 'yes')
    with expect_fail(ValueError, "Text '39' has a rationale mask of another length"): marked([0])
    for mask in ([0, 2], [-.1, 1], [None, 1], [np.nan, 1]):
        with expect_fail(ValueError, "Text '39' has a rationale mask with a value that is missing or not in [0, 1]"):
            marked(mask)
    for mask in (None, '[0, 1]'):
        with expect_fail(ValueError, "Text '39' needs a list of tokens"): marked(mask)


def test_known_split_10(): # nbs/api/00_data.ipynb, cell 5a1143d7
    """A table that is only used to judge a finished model needs no training texts: the whole table is the test split."""
    frame = pd.DataFrame(
        dict(text=[f'text {i}' for i in range(40)], label=['yes', 'no'] * 20, groups=[['a'], ['a', 'b'], [], ['b']] * 10)
    )
    only = from_frame(frame, whole='test')
    assert list(only.splits) == ['test'] and only['test']['id'] == [str(k) for k in range(40)]
    assert list(from_frame(frame.assign(s='dev'), split='s', complete=False).splits) == ['dev']
    with expect_fail(ValueError, "No split 'train'"): only['train']
    with expect_fail(ValueError, 'Empty split: train, validation'): from_frame(frame, fractions=(0, 0))


def test_decoded(): # nbs/api/00_data.ipynb, cell bed401a5
    """The first step is to read the bytes and the kind of file."""
    assert (
        _kind('a/My.Data.CSV.GZ')[::2] == ('.csv', 'My.Data')
        and _kind('x.Parquet')[::2] == ('.parquet', 'x')
        and _decoded('\ufeffä'.encode(), 'x.csv', 'utf-8') == 'ä'
    )
    for name in ('mine.xls', 'mine', 'mine.gz', 'mine.csv.rar'):
        with expect_fail(ValueError, f'{name}: unknown kind of file'): _kind(name)
    with expect_fail(ValueError, "Unknown encoding 'utf8000'"): _decoded(b'', 'x.csv', 'utf8000')
    with expect_fail(ValueError, 'x.csv, line 2: not utf-8 (byte 0xe9). Name the encoding of the file'):
        _decoded(b'text\ncaf\xe9\n', 'x.csv', 'utf-8')
    with expect_fail(ValueError, 'x.csv, line 1: a null character'): _decoded('text'.encode('utf-16-le'), 'x.csv', 'utf-8')


def test_csv(): # nbs/api/00_data.ipynb, cell e16396bc
    """Between tabs, this would silently join several rows into one, so it is refused."""
    swallowed = 'text\tlabel\tgroups\n"Never\t1\tg\nhe said\t0\th\ngo away"\t0\tg\n'
    with expect_fail(ValueError, 'my.tsv, line 2: a field holds a tab and a line break'):
        _csv(swallowed, 'my.tsv', '\t', ())


def test_csv_2(): # nbs/api/00_data.ipynb, cell a00544a8
    def read(text, sep=None): return _csv(text, 'x.csv', sep, ['text', 'label', 'groups'])
    table = read('text,label,groups\n"a, ""b""\nc",01,NA\n\nd,1.0,\n')
    assert table.to_dict('split') == dict(
        index=[2, 5], columns=['text', 'label', 'groups'], data=[['a, "b"\nc', '01', 'NA'], ['d', '1.0', '']]
    )
    for sep in ';\t|,':
        assert read('text,label,groups\na,b,c\n'.replace(',', sep)).equals(read('text,label,groups\na,b,c\n'))
    assert read('text label groups\na b c', ' ').equals(read('text\tlabel\tgroups\na\tb\tc', '\\t')) and list(
        read(',text\n0,a').columns
    ) == ['Unnamed: 0', 'text']
    assert list(read('my;text,label\na,b').columns) == ['my;text', 'label'] # the one that is asked for
    for wrong, line in (('text,label\na,,b\n', 2), ('text,label\n"a\nb",c\nd\n', 4), ('text,label\na,b,\n', 2)):
        with expect_fail(ValueError, f'x.csv, line {line}: '): read(wrong)
    for wrong, line in (('text,label\n"a"b,c\n', 2), ('text,label\na,b\n"a,b\n', 3)):
        with expect_fail(ValueError, f'x.csv, line {line}: '): read(wrong)
    with expect_fail(ValueError, "separator = ';;': give one character"): read('a', ';;')


def test_arrow_table(): # nbs/api/00_data.ipynb, cell 794386b9
    """Parquet is read as Python values, because pandas would turn whole numbers into floats where one is missing."""
    lines = '{"text": "a", "id": "02134", "groups": ["x"]}\n\n{"text": "b", "id": 12345678901234567890, "label": 1}\n'
    assert _json(lines, 'x.json').index.tolist() == [1, 3] and _json(lines, 'x.json').id.tolist() == [
        '02134',
        12345678901234567890,
    ]
    assert _json('[' + lines.strip().replace('\n\n', ',') + ']', 'x.json').to_dict('records') == _json(
        lines, 'x.jsonl'
    ).to_dict('records')
    for wrong, message in (
        ('{"a": 1}\n{"a": ', 'x.json, line 2: no JSON'),
        ('[\n{"a": 1},\n{"a" 1}]', 'x.json, line 3: no JSON'),
        ('[1]', 'x.json, record 1: int is no record'),
        ('{"a": 1}\n\n"b"', 'x.json, line 3: str is no record'),
        ('{"a": 1, "a": 2}', "x.json, line 1: no JSON (the key 'a' stands twice)"),
    ):
        with expect_fail(ValueError, message): _json(wrong, 'x.json')


def test_table(): # nbs/api/00_data.ipynb, cell 1be9fcd8
    frame = pd.DataFrame(
        dict(text=[f'text {i}' for i in range(40)], label=['yes', 'no'] * 20, groups=[['a'], ['a', 'b'], [], ['b']] * 10)
    )
    with tempfile.TemporaryDirectory() as folder:
        frame.assign(groups='a').to_csv(Path(folder)/'mine.csv', index=False)
        read = from_file(Path(folder)/'mine.csv')
    assert read.name == 'mine' and len(read.sources['mine.csv']) == 64
    with expect_fail(ValueError, 'unknown kind of file'): from_file('mine.xls')


def test_table_2(): # nbs/api/00_data.ipynb, cell bb092e0c
    """The same table is read from each of these formats."""
    frame = pd.DataFrame(
        dict(text=[f'text {i}' for i in range(40)], label=['yes', 'no'] * 20, groups=[['a'], ['a', 'b'], [], ['b']] * 10)
    )
    with tempfile.TemporaryDirectory() as folder:
        frame.assign(groups='a').to_csv(Path(folder)/'mine.csv', index=False)
        read = from_file(Path(folder)/'mine.csv')
    plain = frame.assign(
        id=[f'{i:05}' for i in range(40)], label=['01', '1'] * 20, groups=['02134', '2134', 'NA', None] * 10
    )
    stores = {
        '.csv': lambda f: plain.to_csv(f, index=False),
        '.CSV': lambda f: plain.to_csv(f),
        '.tsv': lambda f: plain.to_csv(f, index=False, sep='\t'),
        '.csv.gz': lambda f: plain.to_csv(f, index=False),
        '.csv.zip': lambda f: plain.to_csv(f, index=False),
        '.tsv.xz': lambda f: plain.to_csv(f, index=False, sep='\t'),
        '.csv.bz2': lambda f: plain.to_csv(f, index=False, encoding='utf-8-sig', sep=';'),
        '.json': lambda f: plain.to_json(f, orient='records'),
        '.jsonl.gz': lambda f: plain.to_json(f, orient='records', lines=True, force_ascii=False),
        '.parquet': plain.to_parquet,
        '.PARQUET': lambda f: plain.set_index('id').astype('category').to_parquet(f),
    }
    with tempfile.TemporaryDirectory() as folder:
        for suffix, store in stores.items():
            store(path := f'{folder}/mine{suffix}'); read = from_file(path, id='id')
            assert (
                read.name == 'mine'
                and read.labels == ('01', '1')
                and read.groups == ('02134', '2134', 'NA')
                and read['test'][:] == from_frame(plain, id='id')['test'][:]
            ), suffix


def test_table_3(): # nbs/api/00_data.ipynb, cell 759fcc43
    """An error names the file, the place and the remedy."""
    with tempfile.TemporaryDirectory() as folder:
        mine = Path(folder)/'mine.csv'
        def wrong(content, message, **columns):
            mine.write_bytes(content)
            with expect_fail(ValueError, f'{mine}{message}'): from_file(mine, whole='test', **columns)
        mine.write_bytes('text;label;groups\ncafé;a;x\nthé;b;y\n'.encode('cp1252'))
        assert from_file(mine, encoding='cp1252', whole='test')['test']['text'] == ['café', 'thé']
        wrong(mine.read_bytes(), ', line 2: not utf-8 (byte 0xe9)')
        wrong(b'text,label,groups\na,b,c,d\ne,f,g\n', ', line 2: 4 fields, where the header names 3 columns')
        wrong(
            b'id,text,label,groups\n1,a,b,c\n2,a,b,c\n1,e,f,g\n',
            ": Ids must be unique; '1' stands twice in column 'id', in line 2 and 4",
            id='id',
        )
        wrong(b'text,label,groups\na,b,c\n,f,g\n', ": Column 'text' is empty in 1 of 2 rows, first in line 3")
        wrong(b'text,label,label\na,b,c\n', ": Column 'label' stands twice")
        wrong(b'', ': Missing column: text, label, groups')
        wrong(b'text,label,groups\n', ': The table has no rows')
        wrong(
            b'text,label,groups\na,b,"[\'x\', \'y\']"\nc,d,\n',
            ": The group \"['x', 'y']\" is a list that was written as text",
        )
        (packed := Path(folder)/'mine.csv.gz').write_bytes(b'text,label')
        with expect_fail(ValueError, f'{packed} cannot be read'): from_file(packed)
        (table := Path(folder)/'mine.parquet').write_bytes(b'PAR1')
        with expect_fail(ValueError, f'{table} is not a readable parquet file'): from_file(table)


def test_table_4(): # nbs/api/00_data.ipynb, cell 75dbfbd7
    """In a CSV file only an empty field is missing: `None` and `NA` are ordinary names."""
    frame = pd.DataFrame(
        dict(text=[f'text {i}' for i in range(40)], label=['yes', 'no'] * 20, groups=[['a'], ['a', 'b'], [], ['b']] * 10)
    )
    with tempfile.TemporaryDirectory() as folder:
        frame.assign(groups='a').to_csv(Path(folder)/'mine.csv', index=False)
        read = from_file(Path(folder)/'mine.csv')
    with tempfile.TemporaryDirectory() as folder:
        mine = Path(folder)/'mine.csv'
        def wrong(content, message, **columns):
            mine.write_bytes(content)
            with expect_fail(ValueError, f'{mine}{message}'): from_file(mine, whole='test', **columns)
        mine.write_bytes('text;label;groups\ncafé;a;x\nthé;b;y\n'.encode('cp1252'))
        assert from_file(mine, encoding='cp1252', whole='test')['test']['text'] == ['café', 'thé']
        wrong(mine.read_bytes(), ', line 2: not utf-8 (byte 0xe9)')
        wrong(b'text,label,groups\na,b,c,d\ne,f,g\n', ', line 2: 4 fields, where the header names 3 columns')
        wrong(
            b'id,text,label,groups\n1,a,b,c\n2,a,b,c\n1,e,f,g\n',
            ": Ids must be unique; '1' stands twice in column 'id', in line 2 and 4",
            id='id',
        )
        wrong(b'text,label,groups\na,b,c\n,f,g\n', ": Column 'text' is empty in 1 of 2 rows, first in line 3")
        wrong(b'text,label,label\na,b,c\n', ": Column 'label' stands twice")
        wrong(b'', ': Missing column: text, label, groups')
        wrong(b'text,label,groups\n', ': The table has no rows')
        wrong(
            b'text,label,groups\na,b,"[\'x\', \'y\']"\nc,d,\n',
            ": The group \"['x', 'y']\" is a list that was written as text",
        )
        (packed := Path(folder)/'mine.csv.gz').write_bytes(b'text,label')
        with expect_fail(ValueError, f'{packed} cannot be read'): from_file(packed)
        (table := Path(folder)/'mine.parquet').write_bytes(b'PAR1')
        with expect_fail(ValueError, f'{table} is not a readable parquet file'): from_file(table)
    with tempfile.TemporaryDirectory() as folder:
        frame.assign(label=['None', 'hate'] * 20, groups=['NA', 'b', '', 'b'] * 10).to_csv(
            Path(folder) / 'mine.csv', index=False
        )
        read = from_file(Path(folder)/'mine.csv')
        assert (
            read.labels == ('None', 'hate')
            and read.groups == ('NA', 'b')
            and sum(not own for s in read.splits for own in read[s]['groups']) == 10
        )


def test_table_5(): # nbs/api/00_data.ipynb, cell 6aa0a57c
    """Reading removes the apostrophes, if all such names of the file have one."""
    frame = pd.DataFrame(
        dict(text=[f'text {i}' for i in range(40)], label=['yes', 'no'] * 20, groups=[['a'], ['a', 'b'], [], ['b']] * 10)
    )
    with tempfile.TemporaryDirectory() as folder:
        frame.assign(groups='a').to_csv(Path(folder)/'mine.csv', index=False)
        read = from_file(Path(folder)/'mine.csv')
    with tempfile.TemporaryDirectory() as folder:
        mine = Path(folder)/'mine.csv'
        def wrong(content, message, **columns):
            mine.write_bytes(content)
            with expect_fail(ValueError, f'{mine}{message}'): from_file(mine, whole='test', **columns)
        mine.write_bytes('text;label;groups\ncafé;a;x\nthé;b;y\n'.encode('cp1252'))
        assert from_file(mine, encoding='cp1252', whole='test')['test']['text'] == ['café', 'thé']
        wrong(mine.read_bytes(), ', line 2: not utf-8 (byte 0xe9)')
        wrong(b'text,label,groups\na,b,c,d\ne,f,g\n', ', line 2: 4 fields, where the header names 3 columns')
        wrong(
            b'id,text,label,groups\n1,a,b,c\n2,a,b,c\n1,e,f,g\n',
            ": Ids must be unique; '1' stands twice in column 'id', in line 2 and 4",
            id='id',
        )
        wrong(b'text,label,groups\na,b,c\n,f,g\n', ": Column 'text' is empty in 1 of 2 rows, first in line 3")
        wrong(b'text,label,label\na,b,c\n', ": Column 'label' stands twice")
        wrong(b'', ': Missing column: text, label, groups')
        wrong(b'text,label,groups\n', ': The table has no rows')
        wrong(
            b'text,label,groups\na,b,"[\'x\', \'y\']"\nc,d,\n',
            ": The group \"['x', 'y']\" is a list that was written as text",
        )
        (packed := Path(folder)/'mine.csv.gz').write_bytes(b'text,label')
        with expect_fail(ValueError, f'{packed} cannot be read'): from_file(packed)
        (table := Path(folder)/'mine.parquet').write_bytes(b'PAR1')
        with expect_fail(ValueError, f'{table} is not a readable parquet file'): from_file(table)
    with tempfile.TemporaryDirectory() as folder:
        frame.assign(label=['None', 'hate'] * 20, groups=['NA', 'b', '', 'b'] * 10).to_csv(
            Path(folder) / 'mine.csv', index=False
        )
        read = from_file(Path(folder)/'mine.csv')
        assert (
            read.labels == ('None', 'hate')
            and read.groups == ('NA', 'b')
            and sum(not own for s in read.splits for own in read[s]['groups']) == 10
        )
    with tempfile.TemporaryDirectory() as folder:
        write_csv(
            frame.assign(label=['+1', '-1'] * 20, groups=['=1+1', '@x', "'=1", 'b'] * 10, id=[f'-{i}' for i in range(40)]),
            Path(folder) / 'ours.csv',
        )
        frame.assign(groups=["'=x", '=x'] * 20).to_csv(Path(folder)/'other.csv', index=False)
        ours, other = from_file(Path(folder)/'ours.csv', id='id'), from_file(Path(folder)/'other.csv')
        assert (
            ours.labels == ('-1', '+1')
            and ours.groups == ("'=1", '=1+1', '@x', 'b')
            and '-0' in sum((ours[s]['id'][:] for s in ours.splits), [])
        )
        assert other.groups == ("'=x", '=x')


def test_table_6(): # nbs/api/00_data.ipynb, cell bf9269d5
    """A folder of CSV files is read the same way as a hub id."""
    frame = pd.DataFrame(
        dict(text=[f'text {i}' for i in range(40)], label=['yes', 'no'] * 20, groups=[['a'], ['a', 'b'], [], ['b']] * 10)
    )
    with tempfile.TemporaryDirectory() as folder:
        frame.assign(groups='a').to_csv(Path(folder)/'mine.csv', index=False)
        read = from_file(Path(folder)/'mine.csv')
    with tempfile.TemporaryDirectory() as folder:
        mine = Path(folder)/'mine.csv'
        def wrong(content, message, **columns):
            mine.write_bytes(content)
            with expect_fail(ValueError, f'{mine}{message}'): from_file(mine, whole='test', **columns)
        mine.write_bytes('text;label;groups\ncafé;a;x\nthé;b;y\n'.encode('cp1252'))
        assert from_file(mine, encoding='cp1252', whole='test')['test']['text'] == ['café', 'thé']
        wrong(mine.read_bytes(), ', line 2: not utf-8 (byte 0xe9)')
        wrong(b'text,label,groups\na,b,c,d\ne,f,g\n', ', line 2: 4 fields, where the header names 3 columns')
        wrong(
            b'id,text,label,groups\n1,a,b,c\n2,a,b,c\n1,e,f,g\n',
            ": Ids must be unique; '1' stands twice in column 'id', in line 2 and 4",
            id='id',
        )
        wrong(b'text,label,groups\na,b,c\n,f,g\n', ": Column 'text' is empty in 1 of 2 rows, first in line 3")
        wrong(b'text,label,label\na,b,c\n', ": Column 'label' stands twice")
        wrong(b'', ': Missing column: text, label, groups')
        wrong(b'text,label,groups\n', ': The table has no rows')
        wrong(
            b'text,label,groups\na,b,"[\'x\', \'y\']"\nc,d,\n',
            ": The group \"['x', 'y']\" is a list that was written as text",
        )
        (packed := Path(folder)/'mine.csv.gz').write_bytes(b'text,label')
        with expect_fail(ValueError, f'{packed} cannot be read'): from_file(packed)
        (table := Path(folder)/'mine.parquet').write_bytes(b'PAR1')
        with expect_fail(ValueError, f'{table} is not a readable parquet file'): from_file(table)
    with tempfile.TemporaryDirectory() as folder:
        frame.assign(label=['None', 'hate'] * 20, groups=['NA', 'b', '', 'b'] * 10).to_csv(
            Path(folder) / 'mine.csv', index=False
        )
        read = from_file(Path(folder)/'mine.csv')
        assert (
            read.labels == ('None', 'hate')
            and read.groups == ('NA', 'b')
            and sum(not own for s in read.splits for own in read[s]['groups']) == 10
        )
    with tempfile.TemporaryDirectory() as folder:
        write_csv(
            frame.assign(label=['+1', '-1'] * 20, groups=['=1+1', '@x', "'=1", 'b'] * 10, id=[f'-{i}' for i in range(40)]),
            Path(folder) / 'ours.csv',
        )
        frame.assign(groups=["'=x", '=x'] * 20).to_csv(Path(folder)/'other.csv', index=False)
        ours, other = from_file(Path(folder)/'ours.csv', id='id'), from_file(Path(folder)/'other.csv')
        assert (
            ours.labels == ('-1', '+1')
            and ours.groups == ("'=1", '=1+1', '@x', 'b')
            and '-0' in sum((ours[s]['id'][:] for s in ours.splits), [])
        )
        assert other.groups == ("'=x", '=x')
    with tempfile.TemporaryDirectory() as folder:
        for s in ('train', 'validation', 'test'): frame.assign(groups='a').to_csv(Path(folder)/f'{s}.csv', index=False)
        hub = from_hub(folder, name='three files')
        for s in ('train', 'dev', 'test'):
            frame.assign(id=[f'0{i}' for i in range(40)], groups=['02134', '2134', 'NA', None] * 10).to_csv(
                Path(folder) / f'{s}.csv', index=False
            )
        Path(folder, 'validation.csv').unlink(); named = from_hub(folder, whole='test')
    assert {s: len(d) for s, d in hub.splits.items()} == dict(train=40, validation=40, test=40)
    assert named.groups == ('02134', '2134', 'NA') and len(named['test']) == 120 # names of a CSV file stay text here too


def test_table_7(): # nbs/api/00_data.ipynb, cell 2d8387ab
    """Every text is a test text in one of five folds."""
    frame = pd.DataFrame(
        dict(text=[f'text {i}' for i in range(40)], label=['yes', 'no'] * 20, groups=[['a'], ['a', 'b'], [], ['b']] * 10)
    )
    data = GroupedText.from_frame(frame, name='example')
    five = data.folds(5)
    assert sorted(i for f in five for i in f['test']['id']) == sorted(str(i) for i in range(40))
    assert not set(five[0]['train']['id']) & set(five[0]['test']['id'])
    with expect_fail(ValueError, 'k = 2'): data.folds(2)


def test_table_8(): # nbs/api/00_data.ipynb, cell aed2a21e
    """All texts of a cluster are in the same test split."""
    frame = pd.DataFrame(
        dict(text=[f'text {i}' for i in range(40)], label=['yes', 'no'] * 20, groups=[['a'], ['a', 'b'], [], ['b']] * 10)
    )
    sources = from_frame(frame.assign(source=np.arange(40) // 4), clusters='source')
    whole = pd.concat([f.frame('test').assign(fold=i) for i, f in enumerate(sources.folds(5))])
    assert (
        len(whole) == 40
        and (whole.groupby('cluster').fold.nunique() == 1).all()
        and (whole.groupby('fold').size() == 8).all()
    )
    with expect_fail(ValueError, 'k = 11: there are 10 clusters'): sources.folds(11)


def test_table_9(): # nbs/api/00_data.ipynb, cell 29dbad45
    """A text that is in two groups counts in both."""
    frame = pd.DataFrame(
        dict(text=[f'text {i}' for i in range(40)], label=['yes', 'no'] * 20, groups=[['a'], ['a', 'b'], [], ['b']] * 10)
    )
    data = GroupedText.from_frame(frame, name='example')
    assert data.counts('train').loc['all'].sum() == len(data['train'])
    called_all = from_frame(
        pd.DataFrame(dict(text=list('abcd'), label=list('xyxy'), groups=['all', 'b', 'b', 'b'])),
        complete=False,
        fractions=(0, 0),
    )
    assert called_all.counts()['x'].tolist() == [1, 1, 2] # the group of that name, the other, and everybody
