# Generated from nbs/api/00b_named.ipynb: edit the notebook
import pytest
from pathlib import Path
import pandas as pd
from fairprune.files import sha256
import tempfile
from fastcore.test import expect_fail
from fairprune.named import *
from fairprune.named import _majority


def test_download(): # nbs/api/00b_named.ipynb, cell f8da6327
    """A download with a wrong checksum leaves no file behind."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder)/'source.txt', Path(folder)/'cache'/'copy.txt'
        source.write_text('hello')
        with expect_fail(ValueError, 'The file was not kept'): download(source.as_uri(), target, '0' * 64)
        assert not list(target.parent.iterdir())
        assert download(source.as_uri(), target, 'b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0').read_text() == 'hello'


@pytest.mark.data
def test_toxigen(): # nbs/api/00b_named.ipynb, cell 635dd3af
    """They load it as `toxigen(by='id')`; a grid, and the command line, call it `toxigen_by_id`."""
    tox, old = toxigen(), toxigen(by='id')
    assert sum(map(len, tox.splits.values())) == 6514 and tox.labels == ('neutral', 'hate') and len(tox.groups) == 13
    assert toxigen()['test']['id'] == tox['test']['id']
    where, before = ({i: s for s in d.splits for i in d[s]['id']} for d in (tox, old))
    assert tox.repeated() == dict(texts=106, across=0, contrary=10) and old.repeated() == dict(
        texts=106, across=52, contrary=10
    )
    assert (
        sum(where[i] != s for i, s in before.items()) == 52
        and len(set(old['train']['text']) & set(old['test']['text'])) == 33
    )
    moved = pd.crosstab(pd.Series(before, name='by id'), pd.Series(where, name='by text'))
    with expect_fail(ValueError, "by = 'label': give text or id"): toxigen(by='label')


def test_post(): # nbs/api/00b_named.ipynb, cell 0fa5ffac
    """The label is the majority's; a post belongs to a community that at least two annotators named; the ten most frequent are kept."""
    assert _majority(['a', 'b', 'a']) == ['a'] and _majority(['a', 'b', 'c']) == []


@pytest.mark.data
def test_hatexplain(): # nbs/api/00b_named.ipynb, cell fe57aef5
    hate = hatexplain()
    assert {s: len(d) for s, d in hate.splits.items()} == dict(train=15383, validation=1922, test=1924)
    assert len(hate.groups) == 10 and max(max(r, default=0) for r in hate['test']['rationale']) == 1


def test_named_sources(): # nbs/api/00b_named.ipynb, cell 95fe8d45
    """The checksums make a result repeatable."""
    for read in (named_data, named_sources):
        with expect_fail(ValueError, "Unknown data set 'imagenet'. Known: bios, toxigen, toxigen_by_id, hatexplain"):
            read('imagenet')
        with expect_fail(ValueError, 'No file none.csv'): read('none.csv')
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder)/'table.csv'
        table.write_text('text,label,groups\n')
        assert named_sources('bios') == {} and named_sources(table) == {'table.csv': sha256(table)}
    assert 'cluster' in named_data('bios', clusters='text')['test'].features
    with expect_fail(ValueError, 'bios has columns of its own; clusters is for a table'):
        named_data('bios', clusters='gender')


@pytest.mark.data
def test_named_sources_2(): # nbs/api/00b_named.ipynb, cell a7af9689
    """The two splits of ToxiGen come from one file, so the sources tell them apart."""
    two = toxigen(), toxigen(by='id')
    assert all(named_sources(d.name) == d.sources == named_data(d.name).sources for d in two) and two[
        0
    ].sources.keys() - two[1].sources.keys() == {'split'}


def test_MINILM(): # nbs/api/00b_named.ipynb, cell 38f37c82
    """Some installed packages carry the weights of a hub id: package, folder in it, and GGUF file where it is not safetensors."""
    assert MINILM == 'sentence-transformers/all-MiniLM-L6-v2'
