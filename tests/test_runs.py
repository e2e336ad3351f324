# Generated from nbs/api/67_runs.ipynb: edit the notebook
import pytest
import errno
import json
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from fairprune.cells import cells, data_of, forget
from fairprune.executors import InProcess
from fairprune.grid import load_grid, tiny_grid
import contextlib
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import Future
from unittest import mock
from fastcore.test import expect_fail
from fairprune.compress.pruning import Magnitude
from fairprune.folders import SEAL
from fairprune.models import save, tiny_classifier
import os
from fairprune.runs import *
from fairprune.runs import _Flight, _claim, _drive, _settle, _stamp


def test_unsealed(): # nbs/api/67_runs.ipynb, cell 80943e53
    """`claims/` holds locks, which the system releases when a process ends in any way."""
    with tempfile.TemporaryDirectory() as folder:
        path, text = Path(folder)/'x.json', sealed(dict(a=1.5))
        path.write_text(text); assert unsealed(path) == dict(a=1.5)
        for damaged in (text[:-30], text.replace('1.5', '1.6'), text.splitlines()[0], '', '\x00' * 99):
            path.write_text(damaged); assert unsealed(path) is None


def test_Run(): # nbs/api/67_runs.ipynb, cell 0ca10991
    """With a larger grid, only what is new is computed."""
    with tempfile.TemporaryDirectory() as folder:
        grid = tiny_grid(folder)
        first = Run.open(grid, f'{folder}/out').run(progress=False)
        assert (first.status().state == 'finished').all() and len(first.cells) == 8
        before = {p.name: p.stat().st_mtime_ns for p in (first.folder/'cells').iterdir()}
        larger = Run.open(replace(grid, seeds=3), f'{folder}/out').run(progress=False)
        after = {p.name: p.stat().st_mtime_ns for p in (first.folder/'cells').iterdir()}
        assert len(after) == 12 and before.items() <= after.items() and (larger.status().state == 'finished').all()
        for wrong, message in (
            (dict(workers=0), 'workers = 0'),
            (dict(device='gpu'), "Unknown device 'gpu'"),
            (dict(only=['seed=7']), 'No cell matches seed=7'),
            (dict(only=['speed=7']), "Unknown key in --only: 'speed'"),
        ):
            with expect_fail(ValueError, message): first.run(**wrong)


def test_Run_2(): # nbs/api/67_runs.ipynb, cell runoutdt
    """Outdated cells are made again beside the old results, which `older` still reads."""
    with tempfile.TemporaryDirectory() as folder:
        begun = Run.open(tiny_grid(folder, seeds=1), f'{folder}/out').run(progress=False)
        with mock.patch.object(Magnitude, 'revision', 1, create=True):
            changed = Run.open(begun.grid, begun.folder)
            told = changed.status().set_index('cell')
            assert told.state.to_dict() == {
                'toy seed=0 dense': 'finished',
                'toy seed=0 magnitude(sparsity=0.5)': 'outdated',
                'toy seed=0 magnitude(sparsity=0.9)': 'outdated',
                'toy seed=0 int8()': 'finished',
            }
            assert set(told.older) == {'', 'magnitude is of revision 1, now 2'} and not changed.result(changed.cells[1])
            assert [c.id for c in changed.older().cells] == [c.id for c in begun.cells] and changed.older().result(
                begun.cells[1]
            )
            changed.run(progress=False)
            assert (changed.status().state == 'finished').all() and len(list((begun.folder/'cells').iterdir())) == 6


def test_Run_3(): # nbs/api/67_runs.ipynb, cell 4de0affb
    """Damaged results and damaged predictions are computed again, a cell that raises an error keeps its traceback, and a changed table on disk makes new cells."""
    def rows(run): return {c.id: run.result(c)['rows'] for c in run.cells}
    with tempfile.TemporaryDirectory() as folder:
        forget(); grid, out = tiny_grid(folder, seeds=1), Path(folder)/'out'
        found = Run.open(grid, out).run(progress=False)
        want = rows(found)
        files = sorted((out/'cells').iterdir())
        files[0].write_text(files[0].read_text()[:200])
        files[1].write_bytes(files[1].read_bytes().replace(b'accuracy', b'accurate'))
        kept = out/'predictions'/f'{found.cells[3].predictions_key}.parquet'
        kept.write_bytes(kept.read_bytes()[:-20])
        assert Counter(found.status().state)['finished'] == 4 - len({files[0].stem, files[1].stem, found.cells[3].id})
        assert rows(found.run(progress=False)) == want
        # a damaged model is made again
        shared = next((out/'shared').glob('*/model.safetensors')); shared.write_bytes(shared.read_bytes()[:1000])
        forget(); (out/'predictions'/f'{found.cells[1].predictions_key}.parquet').unlink()
        assert rows(found.run(progress=False)) == want
        table_file = Path(folder)/'toy.csv'; table_file.write_text(table_file.read_text() + '120,good 99,yes,a\n')
        assert (Run.open(grid, out).status().state == 'waiting').all()
        grown = Run.open(grid, out).run(progress=False) # in the same process: nothing stale is in memory
        assert sum(len(data_of(grown.cells[0])[s]) for s in ('train', 'validation', 'test')) == 121
        forget() # as in a new process
        with expect_fail(ValueError, 'has changed since the sweep began'): data_of(found.cells[0])


def test_Run_4(): # nbs/api/67_runs.ipynb, cell 0cf701ef
    """The list of checksums in a model folder does not matter."""
    def rows(run): return {c.id: run.result(c)['rows'] for c in run.cells}
    with tempfile.TemporaryDirectory() as home:
        toy, store = tiny_grid(home, seeds=1, methods=['int8()']), Path(home)/'out'
        ran = Run.open(toy, store).run(progress=False); os.mkdir(f'{home}/away')
        os.rename(f'{home}/model', f'{home}/away/model')
        os.rename(f'{home}/toy.csv', f'{home}/away/toy.csv')
        os.remove(f'{home}/away/model/{SEAL}')
        moved = Run.open(replace(toy, data=f'{home}/away/toy.csv', model=f'{home}/away/model'), store)
        assert (moved.status().state == 'finished').all() and moved.cells[1].id == ran.cells[1].id
        with contextlib.chdir(home): near = Run.open(replace(toy, data='away/toy.csv', model='away/model'), store)
        assert (near.status().state == 'finished').all() and rows(near) == rows(ran)


def test_Run_5(): # nbs/api/67_runs.ipynb, cell 6d52015c
    """When the run is opened again, the new model makes new cells, although the folder has the same name."""
    with tempfile.TemporaryDirectory() as folder:
        begun = Run.open(tiny_grid(folder, seeds=1), f'{folder}/out').run(progress=False)
        with mock.patch.object(Magnitude, 'revision', 1, create=True):
            changed = Run.open(begun.grid, begun.folder)
            told = changed.status().set_index('cell')
            assert told.state.to_dict() == {
                'toy seed=0 dense': 'finished',
                'toy seed=0 magnitude(sparsity=0.5)': 'outdated',
                'toy seed=0 magnitude(sparsity=0.9)': 'outdated',
                'toy seed=0 int8()': 'finished',
            }
            assert set(told.older) == {'', 'magnitude is of revision 1, now 2'} and not changed.result(changed.cells[1])
            assert [c.id for c in changed.older().cells] == [c.id for c in begun.cells] and changed.older().result(
                begun.cells[1]
            )
            changed.run(progress=False)
            assert (changed.status().state == 'finished').all() and len(list((begun.folder/'cells').iterdir())) == 6
    with tempfile.TemporaryDirectory() as place:
        plan = tiny_grid(place, seeds=1, methods=['int8()'])
        # another while it runs; memory may hold the first
        begun = Run.open(plan, f'{place}/out'); save(tiny_classifier(seed=1), f'{place}/model'); forget()
        _drive(_Flight(begun, begun.cells, InProcess(), 'cpu'), False)
        assert (begun.status().state == 'failed').all() and begun.status().error.str.contains(
            'has changed since the sweep began'
        ).all()
        renewed = Run.open(plan, f'{place}/out')
        assert (renewed.status().state == 'waiting').all() and not set(renewed.status().id) & set(begun.status().id)


def test_Run_6(): # nbs/api/67_runs.ipynb, cell 57529583
    """A failed cell is tried again only if that is asked for."""
    def rows(run): return {c.id: run.result(c)['rows'] for c in run.cells}
    with tempfile.TemporaryDirectory() as folder:
        forget(); grid, out = tiny_grid(folder, seeds=1), Path(folder)/'out'
        found = Run.open(grid, out).run(progress=False)
        want = rows(found)
        files = sorted((out/'cells').iterdir())
        files[0].write_text(files[0].read_text()[:200])
        files[1].write_bytes(files[1].read_bytes().replace(b'accuracy', b'accurate'))
        kept = out/'predictions'/f'{found.cells[3].predictions_key}.parquet'
        kept.write_bytes(kept.read_bytes()[:-20])
        assert Counter(found.status().state)['finished'] == 4 - len({files[0].stem, files[1].stem, found.cells[3].id})
        assert rows(found.run(progress=False)) == want
        # a damaged model is made again
        shared = next((out/'shared').glob('*/model.safetensors')); shared.write_bytes(shared.read_bytes()[:1000])
        forget(); (out/'predictions'/f'{found.cells[1].predictions_key}.parquet').unlink()
        assert rows(found.run(progress=False)) == want
        table_file = Path(folder)/'toy.csv'; table_file.write_text(table_file.read_text() + '120,good 99,yes,a\n')
        assert (Run.open(grid, out).status().state == 'waiting').all()
        grown = Run.open(grid, out).run(progress=False) # in the same process: nothing stale is in memory
        assert sum(len(data_of(grown.cells[0])[s]) for s in ('train', 'validation', 'test')) == 121
        forget() # as in a new process
        with expect_fail(ValueError, 'has changed since the sweep began'): data_of(found.cells[0])
    with tempfile.TemporaryDirectory() as folder:
        grid = tiny_grid(folder, seeds=1, methods=['int8() >> rtn()', 'magnitude()'])
        found = Run.open(grid, f'{folder}/out').run(progress=False)
        states = found.status().set_index(found.status().id.map({c.id: c.method for c in found.cells})).state
        assert states.to_dict() == {'dense': 'finished', 'int8() >> rtn()': 'failed', 'magnitude()': 'finished'}
        failed = unsealed(next((found.folder/'failed').iterdir()))
        assert 'it is quantized already' in failed['error'] and 'Traceback' in failed['traceback']
        stamp = next((found.folder/'failed').iterdir()).stat().st_mtime_ns
        # not tried again
        found.run(progress=False); assert next((found.folder/'failed').iterdir()).stat().st_mtime_ns == stamp
        flight = _Flight(found, [c for c in found.cells if _stamp(found.path('failed', c))], InProcess(), 'cpu')
        # to be tried again, also while another run holds it
        assert len(flight.waiting) == 1 and not flight.settled(flight.waiting[0])
        found.run(retry_failed=True, progress=False)
        assert next((found.folder/'failed').iterdir()).stat().st_mtime_ns > stamp
        assert flight.settled(flight.waiting[0]) # and not a third time, if the other run has failed too
        # in a folder that one may only read
        with mock.patch('filelock.FileLock', side_effect=PermissionError):
            assert Counter(found.status().state) == dict(finished=2, failed=1)


def test_Run_7(): # nbs/api/67_runs.ipynb, cell b849af8f
    """Two processes give the same results as one, and two runs on one folder share the work."""
    def rows(run): return {c.id: run.result(c)['rows'] for c in run.cells}
    with tempfile.TemporaryDirectory() as folder:
        grid = tiny_grid(folder, methods=['magnitude(sparsity=0.9)'])
        one = Run.open(grid, f'{folder}/one').run(progress=False)
        assert rows(one) == rows(Run.open(grid, f'{folder}/two').run(workers=2, progress=False))
        locks = [_claim(one, one.cells[0]), _claim(one, one.cells[0])]
        assert locks[0] and locks[1] is None and locks[0].release() is None


def test_Run_8(): # nbs/api/67_runs.ipynb, cell ea576666
    """A cell whose worker dies is tried three times."""
    def rows(run): return {c.id: run.result(c)['rows'] for c in run.cells}
    with tempfile.TemporaryDirectory() as folder:
        forget(); grid, out = tiny_grid(folder, seeds=1), Path(folder)/'out'
        found = Run.open(grid, out).run(progress=False)
        want = rows(found)
        files = sorted((out/'cells').iterdir())
        files[0].write_text(files[0].read_text()[:200])
        files[1].write_bytes(files[1].read_bytes().replace(b'accuracy', b'accurate'))
        kept = out/'predictions'/f'{found.cells[3].predictions_key}.parquet'
        kept.write_bytes(kept.read_bytes()[:-20])
        assert Counter(found.status().state)['finished'] == 4 - len({files[0].stem, files[1].stem, found.cells[3].id})
        assert rows(found.run(progress=False)) == want
        # a damaged model is made again
        shared = next((out/'shared').glob('*/model.safetensors')); shared.write_bytes(shared.read_bytes()[:1000])
        forget(); (out/'predictions'/f'{found.cells[1].predictions_key}.parquet').unlink()
        assert rows(found.run(progress=False)) == want
        table_file = Path(folder)/'toy.csv'; table_file.write_text(table_file.read_text() + '120,good 99,yes,a\n')
        assert (Run.open(grid, out).status().state == 'waiting').all()
        grown = Run.open(grid, out).run(progress=False) # in the same process: nothing stale is in memory
        assert sum(len(data_of(grown.cells[0])[s]) for s in ('train', 'validation', 'test')) == 121
        forget() # as in a new process
        with expect_fail(ValueError, 'has changed since the sweep began'): data_of(found.cells[0])
    with tempfile.TemporaryDirectory() as folder:
        grid = tiny_grid(folder, seeds=1, methods=['int8() >> rtn()', 'magnitude()'])
        found = Run.open(grid, f'{folder}/out').run(progress=False)
        states = found.status().set_index(found.status().id.map({c.id: c.method for c in found.cells})).state
        assert states.to_dict() == {'dense': 'finished', 'int8() >> rtn()': 'failed', 'magnitude()': 'finished'}
        failed = unsealed(next((found.folder/'failed').iterdir()))
        assert 'it is quantized already' in failed['error'] and 'Traceback' in failed['traceback']
        stamp = next((found.folder/'failed').iterdir()).stat().st_mtime_ns
        # not tried again
        found.run(progress=False); assert next((found.folder/'failed').iterdir()).stat().st_mtime_ns == stamp
        flight = _Flight(found, [c for c in found.cells if _stamp(found.path('failed', c))], InProcess(), 'cpu')
        # to be tried again, also while another run holds it
        assert len(flight.waiting) == 1 and not flight.settled(flight.waiting[0])
        found.run(retry_failed=True, progress=False)
        assert next((found.folder/'failed').iterdir()).stat().st_mtime_ns > stamp
        assert flight.settled(flight.waiting[0]) # and not a third time, if the other run has failed too
        # in a folder that one may only read
        with mock.patch('filelock.FileLock', side_effect=PermissionError):
            assert Counter(found.status().state) == dict(finished=2, failed=1)
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
            found = Run.open(grid, f'{folder}/{deaths}')
            _drive(_Flight(found, found.cells, Deadly(deaths), 'cpu'), False)
            assert list(found.status().state) == states
        assert 'died three times' in found.status().error[0]


def test_Run_9(): # nbs/api/67_runs.ipynb, cell debe2201
    """A full disk stops the run and loses nothing."""
    with tempfile.TemporaryDirectory() as folder:
        found = Run.open(tiny_grid(folder, seeds=1), f'{folder}/out').run(only=['method=dense'], progress=False)
        full = OSError(errno.ENOSPC, 'No space left on device')
        with (
            mock.patch('fairprune.predictions.Predictions.save', side_effect=full),
            expect_fail(ValueError, 'What is finished is safe'),
        ):
            found.run(progress=False)
        assert Counter(found.status().state) == dict(finished=1, waiting=3) and not list(found.folder.rglob('*.part'))
        # as a worker tells it
        with expect_fail(OSError): _settle(found, found.cells[1], dict(error='No space left', full=True))
        assert (found.run(progress=False).status().state == 'finished').all()


def test_Run_10(): # nbs/api/67_runs.ipynb, cell b225aaa3
    """A run that was killed with signal 9 goes on when it is started again: what was finished stays, byte for byte."""
    with tempfile.TemporaryDirectory() as folder:
        found = Run.open(tiny_grid(folder, seeds=1), f'{folder}/out').run(only=['method=dense'], progress=False)
        full = OSError(errno.ENOSPC, 'No space left on device')
        with (
            mock.patch('fairprune.predictions.Predictions.save', side_effect=full),
            expect_fail(ValueError, 'What is finished is safe'),
        ):
            found.run(progress=False)
        assert Counter(found.status().state) == dict(finished=1, waiting=3) and not list(found.folder.rglob('*.part'))
        # as a worker tells it
        with expect_fail(OSError): _settle(found, found.cells[1], dict(error='No space left', full=True))
        assert (found.run(progress=False).status().state == 'finished').all()
    with tempfile.TemporaryDirectory() as folder:
        grid = tiny_grid(folder)
        toml = '\n'.join(
            f'{k} = {json.dumps(v)}'
            for k, v in dict(data=grid.data, model=grid.model, methods=grid.methods, seeds=2).items()
        )
        toml += '\n' + '\n'.join(
            f'{t}.{k} = {json.dumps(v)}' for t in ('finetune', 'columns', 'audit') for k, v in getattr(grid, t).items()
        )
        Path(folder, 'grid.toml').write_text(toml)
        assert [c.id for c in cells(load_grid(f'{folder}/grid.toml'))] == [c.id for c in cells(grid)]
        run = [
            sys.executable,
            '-c',
            f'from fairprune.runs import Run; Run.open({str(Path(folder, "grid.toml"))!r}, '
            f'{folder + "/out"!r}).run(progress=False)',
        ]
        child = subprocess.Popen(run)
        while child.poll() is None and len(list(Path(folder, 'out', 'cells').glob('*.json'))) < 2: time.sleep(.02)
        child.send_signal(signal.SIGKILL); child.wait()
        before = {p: p.read_bytes() for p in Path(folder, 'out', 'cells').glob('*.json')}
        found = Run.open(f'{folder}/grid.toml', f'{folder}/out').run(progress=False)
        assert (
            len(before) >= 2
            and (found.status().state == 'finished').all()
            and all(p.read_bytes() == text for p, text in before.items())
        )


@pytest.mark.slow
def test_Run_11(): # nbs/api/67_runs.ipynb, cell c8225d77
    """The same grid on a local Ray gives the same numbers."""
    def rows(run): return {c.id: run.result(c)['rows'] for c in run.cells}
    with tempfile.TemporaryDirectory() as folder:
        grid = tiny_grid(folder, methods=['magnitude(sparsity=0.9)', 'int8()'])
        found = [
            Run.open(grid, f'{folder}/{i}').run(progress=False, **how)
            for i, how in enumerate((dict(workers=2), dict(ray='local')))
        ]
        assert rows(found[0]) == rows(found[1])
