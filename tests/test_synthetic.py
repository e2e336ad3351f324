# Generated from nbs/api/03_synthetic.ipynb: edit the notebook
import numpy as np
import pandas as pd
import re
from fairprune.synthetic import *
from fairprune.synthetic import _GENDER, _PLACES, _biography, _counts, _fresh, _slot


def test_LABOUR(): # nbs/api/03_synthetic.ipynb, cell 530a7fad
    """In every occupation, between 8 and 96 percent are women."""
    assert len(LABOUR)==12 and (LABOUR.groupby('field').size()==2).all()
    assert LABOUR.women.between(0, 100).all() and LABOUR.occupation.is_unique


def test_counts(): # nbs/api/03_synthetic.ipynb, cell 3631df32
    """Every occupation gets at least one biography."""
    assert _counts(12).tolist() == [1]*12
    assert all(_counts(n).sum()==n for n in (13, 100, 3000))


def test_PHRASES(): # nbs/api/03_synthetic.ipynb, cell ed792ae4
    """Every occupation and every field has at least three phrases for each slot."""
    assert set(PHRASES) == set(LABOUR.occupation) | set(LABOUR.field)
    assert all(len(p)>=3 and len(p)==len(set(p)) for d in PHRASES.values() for p in d.values())


def test_PHRASES_2(): # nbs/api/03_synthetic.ipynb, cell 46b01622
    """No phrase contains a title, a word built from a title, or a word that tells a gender."""
    stems = (
        r'nurs physician doctors?\b paralegal lawyer attorney law hygien dental dentist account financ analyst software '
        r'develop '
        'electrical engineer teach professor'
    ).split()
    leak = re.compile(r'\b('+'|'.join(stems)+')', re.I)
    gendered = re.compile(r'\b(she|he|her|his|him|hers|women?|m[ae]n|mothers?|fathers?)\b', re.I)
    assert leak.search('trained in accounting') and gendered.search('likes his job')
    for d in PHRASES.values():
        for p in sum(d.values(), []): assert not leak.search(p) and not gendered.search(p), p


def test_PLACES(): # nbs/api/03_synthetic.ipynb, cell 4a39553e
    """Both of its occupations use them, so a place tells the field and not the occupation."""
    assert set(_PLACES) == set(LABOUR.field)


def test_GENDER(): # nbs/api/03_synthetic.ipynb, cell 8f8711fd
    """Gender shows in two ways only: the pronoun, and a common first name."""
    assert not set(_GENDER['female']['names']) & set(_GENDER['male']['names'])
    assert len(_GENDER['female']['names']) == len(_GENDER['male']['names'])


def test_slot(): # nbs/api/03_synthetic.ipynb, cell 2ba33608
    """The probability of a shared phrase is the *ambiguity*."""
    rng = np.random.default_rng(0)
    assert _slot(rng, 'nurse', 'health', 'duty', 0.) in PHRASES['nurse']['duty']
    assert _slot(rng, 'nurse', 'health', 'duty', 1.) in PHRASES['health']['duty']


def test_biography(): # nbs/api/03_synthetic.ipynb, cell c814bb69
    """With the same random state, a woman and a man get the same biography except for name and pronoun."""
    one, two = [_biography(np.random.default_rng(7), 'dentist', 'oral', g, .5) for g in ('female', 'male')]
    print(one, two, sep='\n')
    diff = {w for pair in zip(one.split(), two.split()) for w in pair if pair[0]!=pair[1]}
    assert diff <= {'She', 'she', 'her', 'He', 'he', 'his'} | {w for g in _GENDER.values() for w in g['names']}


def test_fresh(): # nbs/api/03_synthetic.ipynb, cell c20508e5
    """This happens only in sets of many tens of thousands."""
    one, two = [_biography(np.random.default_rng(7), 'dentist', 'oral', g, .5) for g in ('female', 'male')]
    seen = {one}
    assert _fresh(seen, np.random.default_rng(7), 'dentist', 'oral', 'female', .5) != one and len(seen)==2


def test_biographies(): # nbs/api/03_synthetic.ipynb, cell 9ff4343e
    """Here are a few."""
    df = biographies()
    assert df.shape==(3000, 4) and list(df.columns)==['id', 'text', 'occupation', 'gender']
    for r in df.head(3).itertuples(): print(f'{r.id} | {r.occupation} | {r.gender}\n{r.text}\n')


def test_biographies_2(): # nbs/api/03_synthetic.ipynb, cell 2e66acf4
    """Identifiers are unique, every occupation is present, and every text has 2 to 3 sentences and 20 to 40 words."""
    df = biographies()
    assert df.id.is_unique and df.id[0]=='bio-00001' and df.id.iloc[-1]=='bio-03000'
    assert df.occupation.nunique()==12 and set(df.gender)=={'female', 'male'}
    words, sents = df.text.str.split().str.len(), df.text.str.count(r'\.( |$)')
    assert words.between(20, 40).all() and sents.between(2, 3).all()


def test_biographies_3(): # nbs/api/03_synthetic.ipynb, cell 5eb874de
    """The same seed gives the same table, and another seed gives another table."""
    assert biographies(100, seed=1).equals(biographies(100, seed=1))
    assert not biographies(100, seed=1).text.equals(biographies(100, seed=2).text)


def test_biographies_4(): # nbs/api/03_synthetic.ipynb, cell 41b38917
    """No text names a title, and no text occurs twice."""
    stems = (
        r'nurs physician doctors?\b paralegal lawyer attorney law hygien dental dentist account financ analyst software '
        r'develop '
        'electrical engineer teach professor'
    ).split()
    leak = re.compile(r'\b('+'|'.join(stems)+')', re.I)
    df = biographies()
    assert not df.text.map(leak.search).any()
    assert df.text.is_unique


def test_biographies_5(): # nbs/api/03_synthetic.ipynb, cell a6e56c7b
    """Every biography's pronoun agrees with its gender."""
    df = biographies()
    she, he = df.text.str.contains(r'\b[Ss]he\b'), df.text.str.contains(r'\b[Hh]e\b')
    assert (she==(df.gender=='female')).all() and (he==(df.gender=='male')).all()


def test_biographies_6(): # nbs/api/03_synthetic.ipynb, cell 6646960a
    """In a large set, the share of women in each occupation comes close to the published share."""
    big = biographies(20_000)
    women = big.groupby('occupation').gender.apply(lambda g: 100*(g=='female').mean())
    gap = (women - LABOUR.set_index('occupation').women).abs()
    assert gap.max()<5


def test_biographies_7(): # nbs/api/03_synthetic.ipynb, cell 2d794579
    """Count them before you compare groups."""
    df = biographies()
    cells = pd.crosstab(df.occupation, df.gender)
    assert cells.to_numpy().sum()==3000


def test_biographies_8(): # nbs/api/03_synthetic.ipynb, cell 59328aa4
    """Wrong arguments are refused with a clear message."""
    def refused(**kw):
        "The message of the `ValueError` that `biographies` raises"
        try: biographies(**kw)
        except ValueError as e: return str(e)
        raise AssertionError(f'accepted {kw}')
    assert 'at least 12' in refused(n=11) and 'at least 12' in refused(n=-1) and 'at least 12' in refused(n=50.5)
    assert '0 or more' in refused(seed=-1) and '0 or more' in refused(seed=None)
    assert 'from 0 to 1' in refused(ambiguity=1.2) and 'from 0 to 1' in refused(ambiguity=float('nan'))


def test_biographies_9(): # nbs/api/03_synthetic.ipynb, cell 173fabc4
    """Only the frequencies of the occupations and the gender are left to guess from, and so a model can learn to use the gender."""
    df = biographies()
    shared = {p for f in LABOUR.field.unique() for ps in PHRASES[f].values() for p in ps}
    own = {p for o in LABOUR.occupation for ps in PHRASES[o].values() for p in ps} - shared
    blank = ~df.text.map(lambda t: any(p in t for p in own))
    assert abs(blank.mean()-0.6**3)<.05


def test_bios(): # nbs/api/03_synthetic.ipynb, cell 333f5bcf
    """30% of them are test texts, because rates by group need many texts."""
    data = bios()
    assert len(data.labels) == 12 and data.groups == ('female', 'male') and sum(map(len, data.splits.values())) == 3000
