# Generated from nbs/api/61_sweep.ipynb: edit the notebook
import pytest
import contextlib
import errno
import json
import os
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
import fairprune
from fairprune.executors import InProcess
from fairprune.folders import SEAL
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import Future
from unittest import mock
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from fastcore.test import expect_fail
from fairprune.models import save, tiny_classifier
from pandas import DataFrame, read_csv, read_parquet
from fairprune.sweeping import _memory, _Flight, _claim, _clock, _data, _data_of, _drive, _one_of_each, _sealed, _settle, _stamp, _unsealed
from fairprune.sweeping import *


def test_make_grid(): # nbs/api/61_sweep.ipynb, cell e5bf5edf
    """The dense model of each seed is always part of it."""
    example = '''
data = "toxigen"
model = "sentence-transformers/all-MiniLM-L6-v2"
seeds = 3
[finetune]
epochs = 2
[[runs]]
methods = ["magnitude(sparsity=[0.3, 0.5])"]
mitigations = ["none", "recover(epochs=0.5)"]
[[runs]]
methods = ["int8()"]
'''
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder)/'toxigen.toml').write_text(example); (Path(folder)/'broken.toml').write_text('data = ')
        grid = load_grid(f'{folder}/toxigen.toml')
        with expect_fail(ValueError, 'not valid TOML'): load_grid(f'{folder}/broken.toml')
    assert grid.name == 'toxigen' and grid.seeds == 3 and len(grid.runs) == 2
    with expect_fail(ValueError, "Unknown key of the grid: 'method'"): make_grid(data='bios', model='x', method=['int8()'])
    with expect_fail(ValueError, 'The grid has no model'): make_grid(data='bios')


def test_expanded(): # nbs/api/61_sweep.ipynb, cell 1668b530
    assert expanded('magnitude(sparsity=[.3,.50])') == ['magnitude(sparsity=0.3)', 'magnitude(sparsity=0.5)']
    assert len(expanded('magnitude(sparsity=[.1, .2, .3]) >> recover(epochs=[1, 2])')) == 6 and expanded('none') == ['none']
    with expect_fail(ValueError, 'Cannot read'): expanded('magnitude(sparsity=[.3')


def test_cells(): # nbs/api/61_sweep.ipynb, cell 14389fd8
    """What is computed on the way has an identity too, from fewer ingredients: all methods of a seed share one dense model, and other metrics need no new predictions."""
    bios_grid = make_grid(data='bios', model='tiny', methods=['magnitude(sparsity=[0.3, 0.5])', 'int8()'], mitigations=['none', 'recover()'], seeds=2)
    all_cells = cells(bios_grid)
    assert len(all_cells) == 2 * (1 + 3 * 2) and [c.method for c in all_cells[:3]] == ['dense', 'dense', 'magnitude(sparsity=0.3)']
    assert len({c.id for c in all_cells}) == 14 and len({c.dense_key for c in all_cells}) == 2
    assert [c.id for c in cells(replace(bios_grid, seeds=3)) if c.seed < 2] == [c.id for c in all_cells] # a grid may grow
    for change in (dict(finetune=dict(epochs=1)), dict(audit=dict(min_n=5)), dict(folds=3), dict(model='other')):
        assert not {c.id for c in cells(replace(bios_grid, **change))} & {c.id for c in all_cells}
    assert cells(replace(bios_grid, audit=dict(min_n=5)))[-1].predictions_key == all_cells[-1].predictions_key
    for field_name in ('methods', 'seeds'):
        with expect_fail(ValueError, f'The grid is empty: it names no {field_name}'): cells(replace(bios_grid, **{field_name: []}))
    for wrong, message in ((dict(seeds='3'), "seeds = '3': give how many"), (dict(seeds=['a']), "seeds = ['a']"), (dict(seeds=1.5), 'seeds = 1.5'), (dict(seeds=[-1]), 'seeds = [-1]'),
                           (dict(methods=5), 'methods = 5: give text, or a list of texts'), (dict(folds=1), 'folds = 1'), *((dict(name=n), f'name = {n!r}: give letters, digits') for n in ('../..', '..', '', '/elsewhere', 'a\\b', '.git', 'a.', 'a\n', 5)), (dict(columns='text'), "columns = 'text': give a table")):
        with expect_fail(ValueError, message): cells(replace(bios_grid, **wrong))
    assert cells(replace(bios_grid, metrics='accuracy'))[0].metrics == ('accuracy',)
    now, then = (replace(all_cells[0], data=name, sources=dict(file='0') | split) for name, split in (('toxigen', dict(split='by text')), ('toxigen_by_id', {})))
    assert now.id != then.id == replace(then, data='toxigen').id # cells of the split by id were computed under its former name


def test_tiny_grid(): # nbs/api/61_sweep.ipynb, cell f2b6c234
    """A tiny set and a tiny model show it."""
    with tempfile.TemporaryDirectory() as folder:
        grid = tiny_grid(folder); check(grid)
        result, after = compute(cells(grid)[2], folder)
        table = pd.DataFrame(**result['rows'])
        assert result['cell']['method'] == 'magnitude(sparsity=0.5)' and len(after) == result['passes']
        assert table.query("metric == 'accuracy' and group == 'all'").compressed.item() == after.accuracy
        assert table.query("metric == 'macs'").change.item() < 0 and passes(cells(grid)[0]) == 9 * len(_data_of(cells(grid)[0])['train']) + len(after)
        for wrong, message in ((dict(methods=['prune()']), "Unknown method 'prune'"), (dict(methods=['magnitude(rate=1)']), 'magnitude takes sparsity'),
                               (dict(finetune=dict(epoch=1)), "Unknown parameter of finetune: 'epoch'"), (dict(metrics=['auc']), "Unknown metric: 'auc'"),
                               (dict(benchmarks=['bold']), "Unknown benchmark: 'bold'"), (dict(audit=dict(n=1)), "Unknown parameter of audit: 'n'"),
                               (dict(data='none.csv'), 'No file none.csv'), (dict(columns=dict(group='g')), "Unknown key of columns: 'group'"),
                               (dict(audit=dict(n_resamples=50)), 'n_resamples = 50'), (dict(audit=dict(confidence=95)), 'confidence = 95')):
            with expect_fail(ValueError, message): check(replace(grid, **wrong))


def test_tiny_grid_2(): # nbs/api/61_sweep.ipynb, cell 181b64f7
    """The data are read once, also where every fold is a cell of its own."""
    with tempfile.TemporaryDirectory() as folder, mock.patch('fairprune.data.from_frame', wraps=fairprune.data.from_frame) as reading:
        folded = cells(tiny_grid(folder, folds=5, methods=['magnitude(sparsity=[0.1, 0.5, 0.9])']))
        assert len(folded) == 40 and sum(passes(c) > 0 for c in folded) == 40 and reading.call_count == 1
        assert sorted(i for c in folded[:5] for i in _data_of(c)['test']['id']) == sorted(map(str, range(120)))


def test_unsealed(): # nbs/api/61_sweep.ipynb, cell 80943e53
    """`predictions/` holds the logits behind it, `failed/` tracebacks, and `claims/` locks, which the system releases when a process ends in any way."""
    with tempfile.TemporaryDirectory() as folder:
        path, text = Path(folder)/'x.json', _sealed(dict(a=1.5))
        path.write_text(text); assert _unsealed(path) == dict(a=1.5)
        for damaged in (text[:-30], text.replace('1.5', '1.6'), text.splitlines()[0], '', '\x00' * 99):
            path.write_text(damaged); assert _unsealed(path) is None


def test_open_sweep(): # nbs/api/61_sweep.ipynb, cell 0ca10991
    """A larger grid computes only what is new."""
    with tempfile.TemporaryDirectory() as folder:
        grid = tiny_grid(folder)
        first = sweep(grid, f'{folder}/out', progress=False)
        assert (first.status().state == 'finished').all() and len(first.cells) == 8
        before = {p.name: p.stat().st_mtime_ns for p in (first.folder/'cells').iterdir()}
        larger = sweep(replace(grid, seeds=3), f'{folder}/out', progress=False)
        after = {p.name: p.stat().st_mtime_ns for p in (first.folder/'cells').iterdir()}
        assert len(after) == 12 and before.items() <= after.items() and (larger.status().state == 'finished').all()
        with expect_fail(ValueError, 'workers = 0'): sweep(grid, f'{folder}/out', workers=0)
        with expect_fail(ValueError, "Unknown device 'gpu'"): sweep(grid, f'{folder}/out', device='gpu')
        with expect_fail(ValueError, 'No cell matches seed=7'): sweep(grid, f'{folder}/out', only=['seed=7'])
        with expect_fail(ValueError, "Unknown key in --only: 'speed'"): sweep(grid, f'{folder}/out', only=['speed=7'])
        (first.folder/'sweep.json').write_text(_sealed(dict(fairprune='0.0.1')))
        with expect_fail(ValueError, 'was written by fairprune 0.0.1'): sweep(grid, f'{folder}/out')


def test_table(): # nbs/api/61_sweep.ipynb, cell d64f447a
    """`family` and `level` split the one number of a method off its name, so that it can be drawn as a curve."""
    assert family_level('magnitude(sparsity=0.3)') == ('magnitude', .3) and family_level('magnitude(0.3) >> int8()') == ('magnitude >> int8', .3)
    assert family_level('int8()')[0] == 'int8' and family_level('dense')[0] == 'dense' and np.isnan(family_level('dense')[1])
    assert family_level('a(x=1) >> b(y=2, on=True)')[0] == 'a(x=1) >> b(y=2, on=True)' and family_level('wanda(sparsity=0.3, n=8) >> int8()') == ('wanda(n=8) >> int8', .3)


def test_predictions(): # nbs/api/61_sweep.ipynb, cell 8e2f61a3
    """Two seeds, three folds: every text is judged once a seed, and `predictions` gives what each seed said."""
    with tempfile.TemporaryDirectory() as folder:
        found = sweep(tiny_grid(folder, methods=['magnitude(sparsity=0.9)'], folds=3), f'{folder}/out', progress=False)
        every, mean, figure = found.table(), found.pooled(), found.plot('accuracy')
        dense, small = found.predictions('method=dense'), found.predictions('method=magnitude*', 'seed=1')
        with expect_fail(ValueError, 'the patterns match 2 configurations'): found.predictions('seed=1')
        several = open_sweep(replace(found.grid, runs=[dict(finetune=dict(epochs=e)) for e in (1, 2)]), found.folder)
        for shown in (several.table, several.pooled):
            with expect_fail(ValueError, "dense is there with finetune = {'epochs': 1} and with {'epochs': 2}"): shown()
        found.path('cells', found.cells[-1]).unlink()
        with expect_fail(ValueError, '1 of 6 cells are not finished'): found.predictions('method=magnitude*')
    accuracy = mean.query("metric == 'accuracy' and group == 'all'").set_index('family')
    assert accuracy.n['magnitude'] == 120 and accuracy.seeds['magnitude'] == 2 and accuracy.change['dense'] == 0
    by_cell = every.query("metric == 'accuracy' and group == 'all' and family == 'magnitude'")
    assert len(by_cell) == 6 and np.isclose((by_cell.compressed * by_cell.n).sum() / by_cell.n.sum(), accuracy.compressed['magnitude'])
    assert mean.query("metric == 'nonzero' and family == 'magnitude'").change.item() < 0
    assert [len(p) for p in dense] == [120, 120] and np.unique(dense[0].fold).tolist() == [0, 1, 2] and len(small) == 1 and np.isclose(np.mean([p.accuracy for p in dense]), accuracy.dense['magnitude'])
    plt.close(figure)
    assert 'toy' in figure.get_suptitle()
    twice = pd.DataFrame([('x', 'accuracy', 1.), ('x', 'auprc', 1.), ('x', 'accuracy', 3.), ('y', 'accuracy', 1.)], columns=['of', 'metric', 'seeds']).assign(cls='', group='all', scope='all')
    assert _one_of_each(twice).index.tolist() == [1, 2, 3]


@pytest.mark.heavy
def test_mitigation_effects(): # nbs/api/61_sweep.ipynb, cell 1a9739e2
    """The table is that of [`effects`](44_effects.ipynb)."""
    with tempfile.TemporaryDirectory() as folder:
        grid = tiny_grid(folder, runs=[dict(methods=['magnitude(sparsity=0.9)'], mitigations=['none', 'recover(epochs=1, lr=0.01)', 'oversample(epochs=1, lr=0.01)']), dict(methods=['magnitude(sparsity=0.9) >> recover(epochs=1, lr=0.01)'], mitigations=['temperature(min_n=3)'])])
        found = sweep(grid, f'{folder}/out', progress=False)
        helped = found.mitigation_effects('magnitude(sparsity=0.9)', 'recover(epochs=1, lr=0.01)', n_resamples=200, min_n=3)
        second = found.mitigation_effects('magnitude(sparsity=0.9)', 'recover(epochs=1, lr=0.01)', seeds=[1], n_resamples=200, min_n=3)
        with expect_fail(ValueError, 'control: no finished cells'): found.mitigation_effects('magnitude(sparsity=0.9)', 'recover()')
        one = found.mitigation_effects('magnitude(sparsity=0.9)', 'recover(epochs=1, lr=0.01)', only=['oversample(epochs=1, lr=0.01)'], n_resamples=200, min_n=3)
        with expect_fail(ValueError, "No 'ros' after"): found.mitigation_effects('magnitude(sparsity=0.9)', 'recover(epochs=1, lr=0.01)', only=['ros'])
        with expect_fail(ValueError, 'No seed 7 in the grid. Known: [0, 1]'): found.mitigation_effects('magnitude(sparsity=0.9)', 'recover(epochs=1, lr=0.01)', seeds=[1, 7])
    assert set(one.mitigation) == {'oversample(epochs=1, lr=0.01)'} and set(one.family.dropna()) == {1} and np.allclose(one.change, helped[helped.mitigation == one.mitigation[0]].change)
    assert set(second.seeds) == {1} and np.allclose(second.change, [r[1] for r in helped.by_seed])
    assert (helped.family == helped.groupby(['against', 'metric']).mitigation.transform('size')).all() and (helped[helped.against == 'control'].family == 2).all()
    assert set(helped.mitigation) == {'recover(epochs=1, lr=0.01)', 'oversample(epochs=1, lr=0.01)', 'recover(epochs=1, lr=0.01) >> temperature(min_n=3)'} and set(helped.seeds) == {2}
    warm = helped[helped.mitigation.str.endswith('temperature(min_n=3)')].set_index(['against', 'metric'])
    assert warm.change['control', 'accuracy'] == 0 and warm.group_at_prediction.all() and not helped[helped.mitigation.str.startswith('oversample')].group_at_prediction.any() # a temperature changes no decision
    assert len(helped) == 3 * (3 + 3 + 2) # the control is not held against itself


def test_mitigation_effects_2(): # nbs/api/61_sweep.ipynb, cell 4de0affb
    """A damaged result or damaged predictions are computed again, a cell that raises keeps its traceback, and a changed table on disk makes new cells."""
    with tempfile.TemporaryDirectory() as folder:
        grid, out = tiny_grid(folder, seeds=1), Path(folder)/'out'
        found = sweep(grid, out, progress=False)
        want = found.table().drop(columns='id')
        files = sorted((out/'cells').iterdir())
        files[0].write_text(files[0].read_text()[:200]); files[1].write_bytes(files[1].read_bytes().replace(b'accuracy', b'accurate'))
        kept = out/'predictions'/f'{found.cells[3].predictions_key}.parquet'
        kept.write_bytes(kept.read_bytes()[:-20])
        assert Counter(found.status().state)['finished'] == 4 - len({files[0].stem, files[1].stem, found.cells[3].id})
        again = sweep(grid, out, progress=False).table().drop(columns='id')
        pd.testing.assert_frame_equal(again, want)
        shared = next((out/'shared').glob('*/model.safetensors')); shared.write_bytes(shared.read_bytes()[:1000]) # a damaged model is made again
        _memory.clear(); (out/'predictions'/f'{found.cells[1].predictions_key}.parquet').unlink()
        pd.testing.assert_frame_equal(sweep(grid, out, progress=False).table().drop(columns='id'), want)
        table_file = Path(folder)/'toy.csv'; table_file.write_text(table_file.read_text() + '120,good 99,yes,a\n')
        assert (open_sweep(grid, out).status().state == 'waiting').all()
        grown = sweep(grid, out, progress=False) # in the same process: nothing stale is in memory
        assert sum(len(_data_of(grown.cells[0])[s]) for s in ('train', 'validation', 'test')) == 121
        _data.cache_clear() # as in a new process
        with expect_fail(ValueError, 'has changed since the sweep began'): _data_of(found.cells[0])


def test_mitigation_effects_3(): # nbs/api/61_sweep.ipynb, cell 0cf701ef
    """Moved, or named from another folder, they are the same cells; a list of checksums more or less changes nothing."""
    with tempfile.TemporaryDirectory() as home:
        toy, store = tiny_grid(home, seeds=1, methods=['int8()']), Path(home)/'out'
        ran = sweep(toy, store, progress=False); os.mkdir(f'{home}/away')
        os.rename(f'{home}/model', f'{home}/away/model'); os.rename(f'{home}/toy.csv', f'{home}/away/toy.csv'); os.remove(f'{home}/away/model/{SEAL}')
        moved = open_sweep(replace(toy, data=f'{home}/away/toy.csv', model=f'{home}/away/model'), store)
        assert (moved.status().state == 'finished').all() and moved.cells[1].id == ran.cells[1].id
        with contextlib.chdir(home): near = open_sweep(replace(toy, data='away/toy.csv', model='away/model'), store)
        assert (near.status().state == 'finished').all() and len(near.table()) == len(ran.table())


def test_mitigation_effects_4(): # nbs/api/61_sweep.ipynb, cell 6d52015c
    """Under the same name, the new model makes new cells."""
    with tempfile.TemporaryDirectory() as place:
        plan = tiny_grid(place, seeds=1, methods=['int8()'])
        begun = open_sweep(plan, f'{place}/out'); save(tiny_classifier(seed=1), f'{place}/model'); _memory.clear() # another while it runs; memory may hold the first
        _drive(_Flight(begun, begun.cells, InProcess(), 'cpu'), False)
        assert (begun.status().state == 'failed').all() and begun.status().error.str.contains('has changed since the sweep began').all()
        renewed = open_sweep(plan, f'{place}/out')
        assert (renewed.status().state == 'waiting').all() and not set(renewed.status().id) & set(begun.status().id)


def test_mitigation_effects_5(): # nbs/api/61_sweep.ipynb, cell 57529583
    with tempfile.TemporaryDirectory() as folder:
        grid, out = tiny_grid(folder, seeds=1), Path(folder)/'out'
        found = sweep(grid, out, progress=False)
        want = found.table().drop(columns='id')
        files = sorted((out/'cells').iterdir())
        files[0].write_text(files[0].read_text()[:200]); files[1].write_bytes(files[1].read_bytes().replace(b'accuracy', b'accurate'))
        kept = out/'predictions'/f'{found.cells[3].predictions_key}.parquet'
        kept.write_bytes(kept.read_bytes()[:-20])
        assert Counter(found.status().state)['finished'] == 4 - len({files[0].stem, files[1].stem, found.cells[3].id})
        again = sweep(grid, out, progress=False).table().drop(columns='id')
        pd.testing.assert_frame_equal(again, want)
        shared = next((out/'shared').glob('*/model.safetensors')); shared.write_bytes(shared.read_bytes()[:1000]) # a damaged model is made again
        _memory.clear(); (out/'predictions'/f'{found.cells[1].predictions_key}.parquet').unlink()
        pd.testing.assert_frame_equal(sweep(grid, out, progress=False).table().drop(columns='id'), want)
        table_file = Path(folder)/'toy.csv'; table_file.write_text(table_file.read_text() + '120,good 99,yes,a\n')
        assert (open_sweep(grid, out).status().state == 'waiting').all()
        grown = sweep(grid, out, progress=False) # in the same process: nothing stale is in memory
        assert sum(len(_data_of(grown.cells[0])[s]) for s in ('train', 'validation', 'test')) == 121
        _data.cache_clear() # as in a new process
        with expect_fail(ValueError, 'has changed since the sweep began'): _data_of(found.cells[0])
    with tempfile.TemporaryDirectory() as folder:
        grid = tiny_grid(folder, seeds=1, methods=['int8() >> rtn()', 'magnitude()'])
        found = sweep(grid, f'{folder}/out', progress=False)
        states = found.status().set_index(found.status().id.map({c.id: c.method for c in found.cells})).state
        assert states.to_dict() == {'dense': 'finished', 'int8() >> rtn()': 'failed', 'magnitude()': 'finished'}
        failed = _unsealed(next((found.folder/'failed').iterdir()))
        assert 'it is quantized already' in failed['error'] and 'Traceback' in failed['traceback']
        stamp = next((found.folder/'failed').iterdir()).stat().st_mtime_ns
        sweep(grid, f'{folder}/out', progress=False); assert next((found.folder/'failed').iterdir()).stat().st_mtime_ns == stamp # not tried again
        flight = _Flight(found, [c for c in found.cells if _stamp(found.path('failed', c))], InProcess(), 'cpu')
        assert len(flight.waiting) == 1 and not flight.settled(flight.waiting[0]) # to be tried again, also while another run holds it
        sweep(grid, f'{folder}/out', retry_failed=True, progress=False); assert next((found.folder/'failed').iterdir()).stat().st_mtime_ns > stamp
        assert flight.settled(flight.waiting[0]) # and not a third time, if the other run has failed too
        with mock.patch('filelock.FileLock', side_effect=PermissionError): assert Counter(found.status().state) == dict(finished=2, failed=1) # in a folder that one may only read


def test_mitigation_effects_6(): # nbs/api/61_sweep.ipynb, cell b849af8f
    """Two processes give what one gives, and two runs on one folder share the work."""
    with tempfile.TemporaryDirectory() as folder:
        grid = tiny_grid(folder, methods=['magnitude(sparsity=0.9)'])
        one = sweep(grid, f'{folder}/one', progress=False)
        two = sweep(grid, f'{folder}/two', workers=2, progress=False)
        numbers = lambda s: s.table().drop(columns=['id'])
        pd.testing.assert_frame_equal(numbers(one), numbers(two))
        locks = [_claim(one, one.cells[0]), _claim(one, one.cells[0])]
        assert locks[0] and locks[1] is None and locks[0].release() is None


def test_mitigation_effects_7(): # nbs/api/61_sweep.ipynb, cell ea576666
    """It is tried three times."""
    with tempfile.TemporaryDirectory() as folder:
        grid, out = tiny_grid(folder, seeds=1), Path(folder)/'out'
        found = sweep(grid, out, progress=False)
        want = found.table().drop(columns='id')
        files = sorted((out/'cells').iterdir())
        files[0].write_text(files[0].read_text()[:200]); files[1].write_bytes(files[1].read_bytes().replace(b'accuracy', b'accurate'))
        kept = out/'predictions'/f'{found.cells[3].predictions_key}.parquet'
        kept.write_bytes(kept.read_bytes()[:-20])
        assert Counter(found.status().state)['finished'] == 4 - len({files[0].stem, files[1].stem, found.cells[3].id})
        again = sweep(grid, out, progress=False).table().drop(columns='id')
        pd.testing.assert_frame_equal(again, want)
        shared = next((out/'shared').glob('*/model.safetensors')); shared.write_bytes(shared.read_bytes()[:1000]) # a damaged model is made again
        _memory.clear(); (out/'predictions'/f'{found.cells[1].predictions_key}.parquet').unlink()
        pd.testing.assert_frame_equal(sweep(grid, out, progress=False).table().drop(columns='id'), want)
        table_file = Path(folder)/'toy.csv'; table_file.write_text(table_file.read_text() + '120,good 99,yes,a\n')
        assert (open_sweep(grid, out).status().state == 'waiting').all()
        grown = sweep(grid, out, progress=False) # in the same process: nothing stale is in memory
        assert sum(len(_data_of(grown.cells[0])[s]) for s in ('train', 'validation', 'test')) == 121
        _data.cache_clear() # as in a new process
        with expect_fail(ValueError, 'has changed since the sweep began'): _data_of(found.cells[0])
    with tempfile.TemporaryDirectory() as folder:
        grid = tiny_grid(folder, seeds=1, methods=['int8() >> rtn()', 'magnitude()'])
        found = sweep(grid, f'{folder}/out', progress=False)
        states = found.status().set_index(found.status().id.map({c.id: c.method for c in found.cells})).state
        assert states.to_dict() == {'dense': 'finished', 'int8() >> rtn()': 'failed', 'magnitude()': 'finished'}
        failed = _unsealed(next((found.folder/'failed').iterdir()))
        assert 'it is quantized already' in failed['error'] and 'Traceback' in failed['traceback']
        stamp = next((found.folder/'failed').iterdir()).stat().st_mtime_ns
        sweep(grid, f'{folder}/out', progress=False); assert next((found.folder/'failed').iterdir()).stat().st_mtime_ns == stamp # not tried again
        flight = _Flight(found, [c for c in found.cells if _stamp(found.path('failed', c))], InProcess(), 'cpu')
        assert len(flight.waiting) == 1 and not flight.settled(flight.waiting[0]) # to be tried again, also while another run holds it
        sweep(grid, f'{folder}/out', retry_failed=True, progress=False); assert next((found.folder/'failed').iterdir()).stat().st_mtime_ns > stamp
        assert flight.settled(flight.waiting[0]) # and not a third time, if the other run has failed too
        with mock.patch('filelock.FileLock', side_effect=PermissionError): assert Counter(found.status().state) == dict(finished=2, failed=1) # in a folder that one may only read
    class Deadly:
        "An executor whose workers die with the first `deaths` cells."
        slots, threads = 1, None
        def __init__(self, deaths): self.deaths = deaths
        def submit(self, function, *args):
            future = Future(); self.deaths -= 1
            if self.deaths >= 0: future.set_exception(ChildProcessError('killed'))
            else: future.set_result(function(*args))
            return future
    with tempfile.TemporaryDirectory() as folder:
        grid = tiny_grid(folder, seeds=1, methods=['int8()'])
        for deaths, states in ((2, ['finished', 'finished']), (3, ['failed', 'finished'])):
            found = open_sweep(grid, f'{folder}/{deaths}')
            _drive(_Flight(found, found.cells, Deadly(deaths), 'cpu'), False)
            assert list(found.status().state) == states
        assert 'died three times' in found.status().error[0]


def test_mitigation_effects_8(): # nbs/api/61_sweep.ipynb, cell debe2201
    """A full disk stops the sweep and loses nothing."""
    with tempfile.TemporaryDirectory() as folder:
        found = sweep(tiny_grid(folder, seeds=1), f'{folder}/out', only=['method=dense'], progress=False)
        full = OSError(errno.ENOSPC, 'No space left on device')
        with mock.patch('fairprune.predictions.Predictions.save', side_effect=full), expect_fail(ValueError, 'What is finished is safe'):
            sweep(found.grid, f'{folder}/out', progress=False)
        assert Counter(found.status().state) == dict(finished=1, waiting=3) and not list(found.folder.rglob('*.part'))
        with expect_fail(OSError): _settle(found, found.cells[1], dict(error='No space left', full=True)) # as a worker tells it
        assert (sweep(found.grid, f'{folder}/out', progress=False).status().state == 'finished').all()


def test_mitigation_effects_9(): # nbs/api/61_sweep.ipynb, cell b225aaa3
    """Killed with signal 9 in the middle of a run, it goes on: what was finished stays, byte for byte."""
    with tempfile.TemporaryDirectory() as folder:
        found = sweep(tiny_grid(folder, seeds=1), f'{folder}/out', only=['method=dense'], progress=False)
        full = OSError(errno.ENOSPC, 'No space left on device')
        with mock.patch('fairprune.predictions.Predictions.save', side_effect=full), expect_fail(ValueError, 'What is finished is safe'):
            sweep(found.grid, f'{folder}/out', progress=False)
        assert Counter(found.status().state) == dict(finished=1, waiting=3) and not list(found.folder.rglob('*.part'))
        with expect_fail(OSError): _settle(found, found.cells[1], dict(error='No space left', full=True)) # as a worker tells it
        assert (sweep(found.grid, f'{folder}/out', progress=False).status().state == 'finished').all()
    with tempfile.TemporaryDirectory() as folder:
        grid = tiny_grid(folder)
        toml = '\n'.join(f'{k} = {json.dumps(v)}' for k, v in dict(data=grid.data, model=grid.model, methods=grid.methods, seeds=2).items())
        toml += '\n' + '\n'.join(f'{t}.{k} = {json.dumps(v)}' for t in ('finetune', 'columns', 'audit') for k, v in getattr(grid, t).items())
        Path(folder, 'grid.toml').write_text(toml)
        assert [c.id for c in cells(load_grid(f'{folder}/grid.toml'))] == [c.id for c in cells(grid)]
        run = [sys.executable, '-c', f'from fairprune.sweeping import sweep; sweep({str(Path(folder, "grid.toml"))!r}, {folder + "/out"!r}, progress=False)']
        child = subprocess.Popen(run)
        while child.poll() is None and len(list(Path(folder, 'out', 'cells').glob('*.json'))) < 2: time.sleep(.02)
        child.send_signal(signal.SIGKILL); child.wait()
        before = {p: p.read_bytes() for p in Path(folder, 'out', 'cells').glob('*.json')}
        found = sweep(load_grid(f'{folder}/grid.toml'), f'{folder}/out', progress=False)
        assert len(before) >= 2 and (found.status().state == 'finished').all() and all(p.read_bytes() == text for p, text in before.items())


def test_estimate(): # nbs/api/61_sweep.ipynb, cell 0b7bf650
    """The rate comes from the cells that are finished, or, before there are any, from one forward pass of 64 texts here and now."""
    with tempfile.TemporaryDirectory() as folder:
        found = sweep(tiny_grid(folder, seeds=1), f'{folder}/out', only=['method=dense'], progress=False)
        full = OSError(errno.ENOSPC, 'No space left on device')
        with mock.patch('fairprune.predictions.Predictions.save', side_effect=full), expect_fail(ValueError, 'What is finished is safe'):
            sweep(found.grid, f'{folder}/out', progress=False)
        assert Counter(found.status().state) == dict(finished=1, waiting=3) and not list(found.folder.rglob('*.part'))
        with expect_fail(OSError): _settle(found, found.cells[1], dict(error='No space left', full=True)) # as a worker tells it
        assert (sweep(found.grid, f'{folder}/out', progress=False).status().state == 'finished').all()
    with tempfile.TemporaryDirectory() as folder:
        grid = tiny_grid(folder)
        toml = '\n'.join(f'{k} = {json.dumps(v)}' for k, v in dict(data=grid.data, model=grid.model, methods=grid.methods, seeds=2).items())
        toml += '\n' + '\n'.join(f'{t}.{k} = {json.dumps(v)}' for t in ('finetune', 'columns', 'audit') for k, v in getattr(grid, t).items())
        Path(folder, 'grid.toml').write_text(toml)
        assert [c.id for c in cells(load_grid(f'{folder}/grid.toml'))] == [c.id for c in cells(grid)]
        run = [sys.executable, '-c', f'from fairprune.sweeping import sweep; sweep({str(Path(folder, "grid.toml"))!r}, {folder + "/out"!r}, progress=False)']
        child = subprocess.Popen(run)
        while child.poll() is None and len(list(Path(folder, 'out', 'cells').glob('*.json'))) < 2: time.sleep(.02)
        child.send_signal(signal.SIGKILL); child.wait()
        before = {p: p.read_bytes() for p in Path(folder, 'out', 'cells').glob('*.json')}
        found = sweep(load_grid(f'{folder}/grid.toml'), f'{folder}/out', progress=False)
        assert len(before) >= 2 and (found.status().state == 'finished').all() and all(p.read_bytes() == text for p, text in before.items())
    with tempfile.TemporaryDirectory() as folder:
        found = open_sweep(tiny_grid(folder, seeds=1), f'{folder}/out')
        before, source = found.estimate()
        assert before > 0 and source == 'a forward pass of 64 texts' and not Path(folder, 'out').exists() # nothing is written
        sweep(found.grid, f'{folder}/out', progress=False)
        assert found.estimate() == (0, '4 finished cells')
        assert found.estimate(found.cells)[0] > 0


def test_preview(): # nbs/api/61_sweep.ipynb, cell 335aa864
    """It refuses values that would fail in every cell."""
    with tempfile.TemporaryDirectory() as folder:
        found = open_sweep(tiny_grid(folder), f'{folder}/out')
        text = preview(found, ['seed=1'])
        with expect_fail(ValueError, 'sparsity = 50'): preview(open_sweep(tiny_grid(folder, methods=['int8()', 'magnitude(sparsity=50)']), f'{folder}/out'))
    assert text.startswith('4 cells to compute of 8') and text.count('toy seed=1 ') == 4 and _clock(100) == '2 min' and _clock(7200) == '2.0 h'


def test_save_table(): # nbs/api/61_sweep.ipynb, cell c440d485
    """The pooled table goes to a file with what is needed to make it again."""
    with tempfile.TemporaryDirectory() as folder:
        found = sweep(tiny_grid(folder, methods=['magnitude(sparsity=0.9)'], folds=3), f'{folder}/out', progress=False)
        every, mean, figure = found.table(), found.pooled(), found.plot('accuracy')
        dense, small = found.predictions('method=dense'), found.predictions('method=magnitude*', 'seed=1')
        with expect_fail(ValueError, 'the patterns match 2 configurations'): found.predictions('seed=1')
        several = open_sweep(replace(found.grid, runs=[dict(finetune=dict(epochs=e)) for e in (1, 2)]), found.folder)
        for shown in (several.table, several.pooled):
            with expect_fail(ValueError, "dense is there with finetune = {'epochs': 1} and with {'epochs': 2}"): shown()
        found.path('cells', found.cells[-1]).unlink()
        with expect_fail(ValueError, '1 of 6 cells are not finished'): found.predictions('method=magnitude*')
    mean.query("metric == 'accuracy' and family == 'magnitude'")[['method', 'group', 'dense', 'compressed', 'change', 'low', 'high', 'n', 'seeds']].round(3)
    with tempfile.TemporaryDirectory() as folder:
        grid = tiny_grid(folder, methods=['magnitude(sparsity=0.9)'])
        one = sweep(grid, f'{folder}/one', progress=False)
        two = sweep(grid, f'{folder}/two', workers=2, progress=False)
        numbers = lambda s: s.table().drop(columns=['id'])
        pd.testing.assert_frame_equal(numbers(one), numbers(two))
        locks = [_claim(one, one.cells[0]), _claim(one, one.cells[0])]
        assert locks[0] and locks[1] is None and locks[0].release() is None
    with tempfile.TemporaryDirectory() as folder:
        for name in ('a.parquet', 'a.csv'): save_table(mean, f'{folder}/{name}')
        pd.testing.assert_frame_equal(pd.read_parquet(f'{folder}/a.parquet'), mean)
        with expect_fail(ValueError, 'a.xlsx: unknown kind of file'): save_table(mean, f'{folder}/a.xlsx')


def test_save_table_2(): # nbs/api/61_sweep.ipynb, cell f8448cd0
    """A parquet file holds it as it is."""
    with tempfile.TemporaryDirectory() as folder:
        for ending in ('parquet', 'csv'): save_table(DataFrame(dict(group=['=1+1'])), f'{folder}/a.{ending}')
        assert read_parquet(f'{folder}/a.parquet').group[0] == '=1+1' and read_csv(f'{folder}/a.csv').group[0] == "'=1+1"
