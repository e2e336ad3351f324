# Generated from nbs/api/90_testgen.ipynb: edit the notebook
import ast
import json
import tempfile
from pathlib import Path
from fairprune.dev.testgen import *
from fairprune.dev.testgen import _calls, _kept, _root


def test_find_root(): # nbs/api/90_testgen.ipynb, cell 2094425d
    """Outside a project the error says what is missing."""
    from fastcore.test import expect_fail
    with tempfile.TemporaryDirectory() as d:
        with expect_fail(ValueError, 'no settings.ini'): find_root(d)
        (Path(d)/'settings.ini').touch()
        (Path(d)/'nbs').mkdir()
        assert find_root(Path(d)/'nbs') == Path(d).resolve()


def test_read_settings(): # nbs/api/90_testgen.ipynb, cell 7c1052cb
    """A project may set only its name."""
    from fastcore.test import expect_fail
    with tempfile.TemporaryDirectory() as d:
        with expect_fail(ValueError, 'no settings.ini'): find_root(d)
        (Path(d)/'settings.ini').touch()
        (Path(d)/'nbs').mkdir()
        assert find_root(Path(d)/'nbs') == Path(d).resolve()
    with tempfile.TemporaryDirectory() as d:
        (Path(d)/'settings.ini').write_text('[DEFAULT]\nlib_name = toy\ntst_flags = notest slow\n')
        cfg = read_settings(d)
    assert cfg['lib_path'] == 'toy' and cfg['nbs_path'] == 'nbs'
    assert cfg['tst_flags'].split() == ['notest', 'slow']


def test_read_cells(): # nbs/api/90_testgen.ipynb, cell 0a4e6381
    """A string that begins with `md:` stands for a markdown cell."""
    def toy(*srcs):
        "Cells of a small notebook in memory"
        return as_cells({'cells': [dict(cell_type='markdown', source=s[3:]) if s.startswith('md:')
                                   else dict(cell_type='code', source=s) for s in srcs]})
    assert [c.kind for c in toy('md:Hello.', 'x = 1')] == ['markdown', 'code']


def test_read_cells_2(): # nbs/api/90_testgen.ipynb, cell 8479b7ec
    from fastcore.test import expect_fail
    with tempfile.TemporaryDirectory() as d:
        p = Path(d)/'a.ipynb'
        p.write_text('{}')
        with expect_fail(ValueError, 'not a notebook'): read_cells(p)


def test_directives(): # nbs/api/90_testgen.ipynb, cell 8bc69043
    """Both spellings are known."""
    assert directives('#| slow\n#|eval: false\nx = 1\n#| cuda') == {'slow': '', 'eval': 'false'}
    assert directives('x = "#| slow"') == {}


def test_parse_cell(): # nbs/api/90_testgen.ipynb, cell 8c80db06
    """A syntax error is one line that names the cell."""
    from fastcore.test import expect_fail
    assert parse_cell('%%time\nx = 1') == ('', [])
    assert parse_cell('%matplotlib inline\nx = 1')[0] == 'pass\nx = 1'
    with expect_fail(ValueError, 'a.ipynb, cell 3: '): parse_cell('x = (1', 'a.ipynb, cell 3')


def test_statement_texts(): # nbs/api/90_testgen.ipynb, cell dc59b05d
    """Two statements on one line are told apart."""
    assert statement_texts(*parse_cell('#| hide\n# why\nx = [1,\n     2] # two')) == ['# why\nx = [1,\n     2] # two']
    assert statement_texts(*parse_cell('a = 1; b = 2\nc = 3')) == ['a = 1', 'b = 2', 'c = 3']


def test_names_of(): # nbs/api/90_testgen.ipynb, cell 3492870c
    """Here `y` is read at once and `z` only when `f` runs."""
    now, later, binds = names_of('x = [i+y for i in range(3)]\ndef f(a): return a+z')
    assert now == {'y', 'range'} and later == {'z'} and binds == {'x', 'f'}


def test_reads_first(): # nbs/api/90_testgen.ipynb, cell 63203d7d
    """Such a name is not needed from outside."""
    def first(src): return reads_first(ast.parse(src).body[0])
    assert first('with f(a) as d:\n    x = g(d)\n    print(x)') == {'f', 'a', 'g', 'print'}
    assert first('for i in n: s = s + i') == {'n', 's'}
    assert first('with f() as d:\n    if a: b = 1\n    c = [e for e in b]') == {'f', 'a', 'b'}
    assert first('with f() as d:\n    def g(): return d + e\n    g()') == {'f', 'e'} # also what a function inside it reads


def test_calls(): # nbs/api/90_testgen.ipynb, cell 8954be08
    """These helpers find the name at the root of `a.b[0].c()`."""
    assert _root(ast.parse('a.b[0].c()').body[0].value) == 'a'
    assert _calls(ast.parse('f(g.h(1))').body[0]) == {'f', 'h'}


def test_changes_of(): # nbs/api/90_testgen.ipynb, cell ef91ca71
    """A loop over the parts of a model changes the model."""
    def changed(src, *fixed): return changes_of(ast.parse(src).body[0], {*fixed})
    assert changed('a.b[0] = 1') == {'a'} and changed('n += 1') == {'n'}
    assert changed('m.eval()') == {'m'} and changed('df.head()') == set()
    assert changed('prune(m, 0.5)') == {'m'} and changed('print(m)') == set()
    assert changed('(Path(d)/"a").touch()') == {'Path', 'd'} and changed('df.to_csv(path)') == {'df', 'path'}
    assert changed('for p in m.parameters(): p.zero_()') == {'p', 'm'}
    assert changed('(Path(d)/"a").write_text(json.dumps(make()))', 'Path', 'json', 'make') == {'d'} and changed(
        'torch.manual_seed(0)', 'torch'
    ) == {'torch'}
    assert changed('for p in (make(), m): p.zero_()', 'make') == {'p', 'm'}


def test_follow(): # nbs/api/90_testgen.ipynb, cell 7214f483
    """After `layer = model.layer`, a change to `layer` is a change to `model`."""
    def toy(*srcs):
        "Cells of a small notebook in memory"
        return as_cells({'cells': [dict(cell_type='markdown', source=s[3:]) if s.startswith('md:')
                                   else dict(cell_type='code', source=s) for s in srcs]})
    line = timeline(
        toy('layer = model.layer', '#| slow\nlayer.weight[0] = 0', '#| eval: false\nx = 1', '#| exporti\ny = 2')
    )
    assert [s.changes for s in line] == [set(), {'layer', 'model'}, set()]
    assert [s.flags for s in line[:2]] == [set(), {'slow'}] and line[2].export == 'exporti'


def test_wants(): # nbs/api/90_testgen.ipynb, cell 2586cb3b
    """Only the statements that matter remain; the others are left behind."""
    def toy(*srcs):
        "Cells of a small notebook in memory"
        return as_cells({'cells': [dict(cell_type='markdown', source=s[3:]) if s.startswith('md:')
                                   else dict(cell_type='code', source=s) for s in srcs]})
    line = timeline(toy('a = 1\nz = 9', 'def f(): return a+b', 'b = [2]\nb.append(3)', 'z = 5\nassert f()'))
    took, free = slice_back(line, [6])
    assert sorted(took) == [0, 2, 3, 4, 6] and free == set()


def test_wants_2(): # nbs/api/90_testgen.ipynb, cell f40d49fa
    """A name that is only changed still has to come from somewhere, here from a star import."""
    def toy(*srcs):
        "Cells of a small notebook in memory"
        return as_cells({'cells': [dict(cell_type='markdown', source=s[3:]) if s.startswith('md:')
                                   else dict(cell_type='code', source=s) for s in srcs]})
    took, free = slice_back(timeline(toy('Path(p).touch()', 'assert Path')), [1])
    assert sorted(took) == [0, 1] and free == {'Path', 'p'}


def test_last_sentence(): # nbs/api/90_testgen.ipynb, cell 00f35650
    """The docstring of a test is the last sentence of the prose above it."""
    assert last_sentence('# Title\n\nFirst one. Here `x` is\nsmall:') == 'Here `x` is small.'
    assert last_sentence('## Only a heading') == ''


def test_name_for(): # nbs/api/90_testgen.ipynb, cell 89947334
    """A number keeps the names of one file apart."""
    def toy(*srcs):
        "Cells of a small notebook in memory"
        return as_cells({'cells': [dict(cell_type='markdown', source=s[3:]) if s.startswith('md:')
                                   else dict(cell_type='code', source=s) for s in srcs]})
    cells = toy('md:# Two groups!', 'assert 1', '#| export\ndef gap(): pass', 'assert 2')
    assert name_for(cells, timeline(cells), 2) == 'test_two_groups'
    assert name_for(cells, timeline(cells), 4, {'test_gap'}) == 'test_gap_2'


def test_star_names(): # nbs/api/90_testgen.ipynb, cell 90b33f63
    """Otherwise it brings its public names and its own star imports."""
    assert 'test_eq' in star_names('fastcore.test')
    assert 'dumps' in star_names('json') and star_names('no_such_module') is None


def test_indent(): # nbs/api/90_testgen.ipynb, cell 03904ab1
    """Text is indented, except where a line begins inside a string."""
    assert indent('if x:\n    y = """a\nb"""') == '    if x:\n        y = """a\nb"""'


def test_is_check(): # nbs/api/90_testgen.ipynb, cell 03372d76
    """An `assert` inside a function does not count."""
    def toy(*srcs):
        "Cells of a small notebook in memory"
        return as_cells({'cells': [dict(cell_type='markdown', source=s[3:]) if s.startswith('md:')
                                   else dict(cell_type='code', source=s) for s in srcs]})
    assert is_check(ast.parse('test_eq(1, 1)').body[0]) and not is_check(ast.parse('def f(): assert x').body[0])
    line = timeline(toy('x = 1\ndisplay(x)\nassert x\nx'))
    assert _kept(line, [0, 1, 2, 3]) == [0, 2]


def test_star(): # nbs/api/90_testgen.ipynb, cell ec4e3176
    """Where it would bring tests, only the used names are imported."""
    def toy(*srcs):
        "Cells of a small notebook in memory"
        return as_cells({'cells': [dict(cell_type='markdown', source=s[3:]) if s.startswith('md:')
                                   else dict(cell_type='code', source=s) for s in srcs]})
    line = timeline(toy('import os, re\nfrom fastcore.test import *', '#| export a.b\ndef f(): pass\ndef _g(): pass',
                        'test_eq(_g(), f(os))'))
    top, inner = imports_for(line, *slice_back(line, [4]), 'lib')
    assert sorted(top) == [(0, 'import os'), (5, 'from lib.a.b import *'), (5, 'from lib.a.b import _g')]
    assert inner == {'from fastcore.test import test_eq'}


def test_function_text(): # nbs/api/90_testgen.ipynb, cell 96bf2bc4
    """The parts are indented one by one."""
    assert (
        function_text('test_x', 'Is "x"', ['slow'], [], ['x = 1'], ['assert x'], 'a.ipynb, cell 1')
        == '''@pytest.mark.slow
def test_x(): # a.ipynb, cell 1
    """Is "x\\""""
    x = 1
    assert x'''
    )


def test_make_test(): # nbs/api/90_testgen.ipynb, cell 7761edd3
    """The cell is left out unless it checks something."""
    def toy(*srcs):
        "Cells of a small notebook in memory"
        return as_cells({'cells': [dict(cell_type='markdown', source=s[3:]) if s.startswith('md:')
                                   else dict(cell_type='code', source=s) for s in srcs]})
    cells = toy('#| slow\nm = 2', 'md:Two is even.', 'assert m % 2 == 0\nm')
    t = make_test(cells, timeline(cells), 3, ['notest', 'slow'], set(), 'lib')
    assert (
        t.text
        == '@pytest.mark.slow\ndef test_cell(): # notebook, cell 3\n    """Two is even."""\n    m = 2\n    assert m % 2 '
           '== 0'
    )


def test_suite_of(): # nbs/api/90_testgen.ipynb, cell 3ab50d94
    """The whole file for a small notebook."""
    def toy(*srcs):
        "Cells of a small notebook in memory"
        return as_cells({'cells': [dict(cell_type='markdown', source=s[3:]) if s.startswith('md:')
                                   else dict(cell_type='code', source=s) for s in srcs]})
    cells = toy('#| default_exp gap', 'import math', '#| export\ndef gap(a, b): return abs(a-b)',
                'md:Order does not matter.', 'assert gap(1, 2) == gap(2, 1) == math.sqrt(1)')
    text = suite_of(cells, 'nbs/api/00_gap.ipynb', 'lib')
    assert text == '''# Generated from nbs/api/00_gap.ipynb: edit the notebook
import math
from lib.gap import *


def test_gap(): # nbs/api/00_gap.ipynb, cell 5
    """Order does not matter."""
    assert gap(1, 2) == gap(2, 1) == math.sqrt(1)
'''


def test_suite_of_2(): # nbs/api/90_testgen.ipynb, cell b9615088
    """What only a notebook can run, such as a bare `await`, is refused by name."""
    from fastcore.test import expect_fail
    def toy(*srcs):
        "Cells of a small notebook in memory"
        return as_cells({'cells': [dict(cell_type='markdown', source=s[3:]) if s.startswith('md:')
                                   else dict(cell_type='code', source=s) for s in srcs]})
    with expect_fail(ValueError, 'a.ipynb, cell 1: '): suite_of(toy('x = await f()\nassert x'), 'a.ipynb', 'lib')


def test_file_for(): # nbs/api/90_testgen.ipynb, cell 577a1f3a
    """The file is named after the module, else after the notebook without its number."""
    def toy(*srcs):
        "Cells of a small notebook in memory"
        return as_cells({'cells': [dict(cell_type='markdown', source=s[3:]) if s.startswith('md:')
                                   else dict(cell_type='code', source=s) for s in srcs]})
    assert file_for(toy('#| default_exp dev.testgen'), '90_testgen.ipynb') == 'test_dev_testgen.py'
    assert file_for([], '01_first-steps.ipynb') == 'test_first_steps.py'


def test_main(): # nbs/api/90_testgen.ipynb, cell 3aac9898
    """First it is out of date, then it is not."""
    from fastcore.test import expect_fail
    with tempfile.TemporaryDirectory() as d:
        p = Path(d)/'a.ipynb'
        p.write_text('{}')
        with expect_fail(ValueError, 'not a notebook'): read_cells(p)
    def toy_project(d, *srcs):
        "A project with one notebook, `nbs/api/00_a.ipynb`"
        (Path(d)/'nbs/api').mkdir(parents=True)
        (Path(d)/'settings.ini').write_text('[DEFAULT]\nlib_name = toy\n')
        nb = {'cells': [dict(cell_type='code', source=s) for s in srcs]}
        (Path(d)/'nbs/api/00_a.ipynb').write_text(json.dumps(nb))
    with tempfile.TemporaryDirectory() as d:
        toy_project(d, 'x = 1\nassert x')
        assert main(['--check', '--root', d]) == 1 and not (Path(d)/'tests').exists()
        assert main(['--root', d]) == 0 and main(['--check', '--root', d]) == 0
        assert 'def test_cell():' in (Path(d)/'tests/test_a.py').read_text()


def test_main_2(): # nbs/api/90_testgen.ipynb, cell 2a0ea7b7
    """Files written by hand stay."""
    from fastcore.test import expect_fail
    with tempfile.TemporaryDirectory() as d:
        p = Path(d)/'a.ipynb'
        p.write_text('{}')
        with expect_fail(ValueError, 'not a notebook'): read_cells(p)
    def toy_project(d, *srcs):
        "A project with one notebook, `nbs/api/00_a.ipynb`"
        (Path(d)/'nbs/api').mkdir(parents=True)
        (Path(d)/'settings.ini').write_text('[DEFAULT]\nlib_name = toy\n')
        nb = {'cells': [dict(cell_type='code', source=s) for s in srcs]}
        (Path(d)/'nbs/api/00_a.ipynb').write_text(json.dumps(nb))
    with tempfile.TemporaryDirectory() as d:
        toy_project(d, 'x = 1\nassert x')
        assert main(['--check', '--root', d]) == 1 and not (Path(d)/'tests').exists()
        assert main(['--root', d]) == 0 and main(['--check', '--root', d]) == 0
        assert 'def test_cell():' in (Path(d)/'tests/test_a.py').read_text()
    with tempfile.TemporaryDirectory() as d:
        toy_project(d, 'assert 1')
        main(['--root', d])
        (Path(d)/'tests/test_hand.py').write_text('# by hand')
        (Path(d)/'nbs/api/00_a.ipynb').unlink()
        assert main(['--root', d]) == 0
        assert [p.name for p in (Path(d)/'tests').iterdir()] == ['test_hand.py']


def test_main_3(): # nbs/api/90_testgen.ipynb, cell ccbc1af1
    """A syntax error names the notebook and the cell, and nothing is written."""
    from fastcore.test import expect_fail
    def toy_project(d, *srcs):
        "A project with one notebook, `nbs/api/00_a.ipynb`"
        (Path(d)/'nbs/api').mkdir(parents=True)
        (Path(d)/'settings.ini').write_text('[DEFAULT]\nlib_name = toy\n')
        nb = {'cells': [dict(cell_type='code', source=s) for s in srcs]}
        (Path(d)/'nbs/api/00_a.ipynb').write_text(json.dumps(nb))
    with tempfile.TemporaryDirectory() as d:
        toy_project(d, 'assert 1', 'x = (')
        with expect_fail(ValueError, 'nbs/api/00_a.ipynb, cell 2: '): wanted(d)
        assert main(['--root', d]) == 2 and not (Path(d)/'tests').exists()
