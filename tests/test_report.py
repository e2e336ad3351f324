# Generated from nbs/api/69_report.ipynb: edit the notebook
from pathlib import Path
import re
import tempfile
from dataclasses import replace
from unittest.mock import patch
from fastcore.test import expect_fail
from fairprune.auditing import audit
from fairprune.bias.generation import PromptPairs
from fairprune.bias.groups import planted
from fairprune.compress.pruning import Magnitude
from fairprune.corpus import Corpus
from fairprune.models import tiny_classifier, tiny_lm
from fairprune.report import *
from fairprune.report import _shown


def test_picture(): # nbs/api/69_report.ipynb, cell fdf207dd
    assert [_shown(v) for v in (float('nan'), 0.12345, 12.345, 22713216, True)] == [
        '-',
        '0.123',
        '12.3',
        '22,713,216',
        'True',
    ]


def test_html(): # nbs/api/69_report.ipynb, cell cc4fbf66
    found = audit(*planted())
    page = html(found)
    assert found.verdict.split('(')[0] in page and page.count('<table>') == 5
    assert not re.findall(r'(?:src|href)="(?!data:)', page) # nothing is fetched


def test_html_2(): # nbs/api/69_report.ipynb, cell c6400f7a
    """If the two models were not computed alike, the page warns that they cannot be compared as they stand."""
    dense, small = planted()
    here, there = (
        replace(p, meta=dict(arithmetic=a, processor=c))
        for p, a, c in ((dense, 'float32', 'AVX512'), (small, 'float32, int8 float', 'AVX2'))
    )
    assert 'not computed alike' in html(audit(here, there)) and 'not computed alike' not in html(audit(here, here))
    assert all(
        f'<td>{text}</td>' in html(audit(here, there)) for text in ('compressed: arithmetic', 'float32, int8 float', 'AVX2')
    )


def test_html_3(): # nbs/api/69_report.ipynb, cell 49519349
    """A group whose name is a script is shown as text, and the script is not run."""
    evil = '<script>alert("$x$")</script>'
    pair = [replace(p, groups=[[evil if g == ['c'] else g[0]] for g in p.groups]) for p in planted()]
    assert evil not in html(audit(*pair)) and '&lt;script&gt;' in html(audit(*pair))


def test_html_4(): # nbs/api/69_report.ipynb, cell c55fda3e
    """A group may have a name that the tables use for something else, such as `all`."""
    long = [
        replace(p, meta=dict(cut=12, limit=256), groups=[[{'c': 'all'}.get(g, g)] for (g,) in p.groups]) for p in planted()
    ]
    page = html(audit(*long))
    assert (
        '12 of 900 texts are longer than the 256 tokens' in page
        and '<td>dense: texts cut</td><td>12, at 256 tokens</td>' in page
    )
    assert 'lost accuracy beyond chance: all (' in page and '<tr class="harmed"><td>accuracy: all</td>' in page


def test_html_5(): # nbs/api/69_report.ipynb, cell beb4a9f1
    """Its page says in which unit the benchmarks are measured, and what the control is."""
    lm, text = tiny_lm(), Corpus(dict(test='The river runs down to the sea, and the sea is wide. ' * 400))
    asked = PromptPairs(tiny_classifier(('ok', 'toxic')), max_new_tokens=4)
    page = html(audit(lm, Magnitude(.5)(lm), benchmarks=[asked], corpus=text))
    assert (
        'prompt_pairs' in page
        and 'its perplexity' in page
        and 'mean toxic' in page
        and 'Recall by class' not in page
        and not re.findall(r'(?:src|href)="(?!data:)', page)
    )
    # a random model guesses
    assert 'tells nothing of a bias here, as its perplexity is' in page and '<td>tells nothing</td>' in page
    assert 'The control is a model' not in html(audit(lm, Magnitude(.5)(lm), benchmarks=[asked], corpus=text, control=None))
    unhurt = html(audit(lm, lm, benchmarks=[asked], corpus=text))
    assert 'The control is the dense model itself' in unhurt and 'at random' not in unhurt


def test_write(): # nbs/api/69_report.ipynb, cell fd719d61
    found = audit(*planted())
    with tempfile.TemporaryDirectory() as folder:
        path = found.to_html(Path(folder)/'report')
        assert path.read_text(encoding='utf-8').startswith('<!doctype html>') and [
            p.name for p in path.parent.iterdir()
        ] == ['index.html']
        with expect_fail(ValueError, 'Cannot write to'): found.to_html(path)
        with (
            patch('os.fsync', side_effect=OSError(28, 'No space left on device')),
            expect_fail(ValueError, 'No space left in'),
        ):
            found.to_html(path.parent)
        assert found.to_html(path.parent) == path # again


def test_write_2(): # nbs/api/69_report.ipynb, cell ba6c0c70
    """The error about such a file comes before the page is made."""
    found = audit(*planted())
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)/'index.html'
        home.write_text('<!doctype html><title>My home page</title>')
        with (
            patch('fairprune.report.html') as made,
            expect_fail(ValueError, f'{home} is not a report of ours. Name another folder'),
        ):
            found.to_html(folder)
        assert not made.called and 'My home page' in home.read_text()
