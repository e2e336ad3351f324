# Generated from nbs/api/91_nb2readme.ipynb: edit the notebook
import json
import tempfile
from pathlib import Path
from fairprune.dev.testgen import as_cells
from fairprune.dev.readme import *


def test_absolute_links(): # nbs/api/91_nb2readme.ipynb, cell 16269305
    """A link keeps its anchor, and an external link is left alone."""
    assert (
        absolute_links('[d](api/00_data.ipynb#groups)', 'https://x.org/b/') == '[d](https://x.org/b/api/data.html#groups)'
    )
    assert absolute_links('[d](https://y.org/00_a.ipynb)', 'https://x.org') == '[d](https://y.org/00_a.ipynb)'
    assert absolute_links('[d]: guide.qmd', 'https://x.org') == '[d]: https://x.org/guide.html'


def test_show_output(): # nbs/api/91_nb2readme.ipynb, cell 9db76651
    """An output with an image is skipped, for the README holds none."""
    assert show_output(dict(output_type='stream', name='stdout', text=['a\n', 'b\n'])) == '```text\na\nb\n```'
    assert show_output(dict(output_type='execute_result', data={'text/plain': '0', 'text/markdown': '*0*'})) == '*0*'
    assert show_output(dict(output_type='display_data', data={'text/plain': '<Figure>', 'image/png': ''})) == ''


def test_show_cell(): # nbs/api/91_nb2readme.ipynb, cell 6f672bf6
    """Printed text that comes in pieces is joined first."""
    def code(src, *outs): return as_cells({'cells': [dict(cell_type='code', source=src, outputs=list(outs))]})[0]
    assert show_cell(code('#| hide\nx = 1'), '') == []
    assert show_cell(code('#| eval: false\nx = 1'), '') == ['```python\nx = 1\n```']
    out = dict(output_type='stream', name='stdout', text='1\n')
    assert show_cell(code('print(1)\nprint(1)', out, out), '')[1] == '```text\n1\n1\n```'


def test_readme_of(): # nbs/api/91_nb2readme.ipynb, cell ee4be926
    """The first line says where the text comes from."""
    nb = {'cells': [dict(cell_type='raw', source='---\ntitle: x\n---'), dict(cell_type='markdown', source='# x\n\n> y'),
                    dict(cell_type='code', source='1+1')]}
    assert readme_of(as_cells(nb), '').splitlines()[2:] == ['# x', '', '> y', '', '```python', '1+1', '```']


def test_build(): # nbs/api/91_nb2readme.ipynb, cell a3371509
    """The address of the site is `doc_host` and `doc_baseurl` of `settings.ini`."""
    from fastcore.test import expect_fail
    assert site_url(dict(doc_host='https://x.org', doc_baseurl='/p')) == 'https://x.org/p'
    with tempfile.TemporaryDirectory() as d:
        with expect_fail(ValueError, 'index.ipynb is missing'): build(d)


def test_main(): # nbs/api/91_nb2readme.ipynb, cell d1d56ff4
    """The round in a temporary project."""
    from fastcore.test import expect_fail
    nb = {'cells': [dict(cell_type='raw', source='---\ntitle: x\n---'), dict(cell_type='markdown', source='# x\n\n> y'),
                    dict(cell_type='code', source='1+1')]}
    with tempfile.TemporaryDirectory() as d:
        with expect_fail(ValueError, 'index.ipynb is missing'): build(d)
    with tempfile.TemporaryDirectory() as d:
        (Path(d)/'nbs').mkdir()
        (Path(d)/'settings.ini').write_text('[DEFAULT]\nlib_name = toy\ndoc_host = https://x.org\n')
        nb = {'cells': [dict(cell_type='markdown', source='# toy\n\nSee [a](api/00_a.ipynb).')]}
        (Path(d)/'nbs/index.ipynb').write_text(json.dumps(nb))
        assert [main([*a, '--root', d]) for a in (['--check'], [], ['--check'])] == [1, 0, 0]
        assert 'See [a](https://x.org/api/a.html).' in (Path(d)/'README.md').read_text()


def test_main_2(): # nbs/api/91_nb2readme.ipynb, cell 35ed66f6
    """Without an index page the command ends with 2 and one line."""
    from fastcore.test import expect_fail
    nb = {'cells': [dict(cell_type='raw', source='---\ntitle: x\n---'), dict(cell_type='markdown', source='# x\n\n> y'),
                    dict(cell_type='code', source='1+1')]}
    with tempfile.TemporaryDirectory() as d:
        with expect_fail(ValueError, 'index.ipynb is missing'): build(d)
    with tempfile.TemporaryDirectory() as d:
        (Path(d)/'nbs').mkdir()
        (Path(d)/'settings.ini').write_text('[DEFAULT]\nlib_name = toy\ndoc_host = https://x.org\n')
        nb = {'cells': [dict(cell_type='markdown', source='# toy\n\nSee [a](api/00_a.ipynb).')]}
        (Path(d)/'nbs/index.ipynb').write_text(json.dumps(nb))
        assert [main([*a, '--root', d]) for a in (['--check'], [], ['--check'])] == [1, 0, 0]
        assert 'See [a](https://x.org/api/a.html).' in (Path(d)/'README.md').read_text()
    with tempfile.TemporaryDirectory() as d:
        (Path(d)/'settings.ini').write_text('[DEFAULT]\nlib_name = toy\n')
        assert main(['--root', d]) == 2
