# Generated from nbs/api/04_files.ipynb: edit the notebook
import pytest
import errno
import hashlib
import os
import tempfile
from pathlib import Path
import signal
import sys
import pandas as pd
from fastcore.test import expect_fail
from fairprune.files import *
from fairprune.files import _JOURNAL


def test_told(): # nbs/api/04_files.ipynb, cell 55cf9320
    """It looks through the whole chain of causes."""
    try:
        try: raise OSError(errno.ENOSPC, 'No space left on device')
        except OSError as e: raise RuntimeError('cannot save') from e
    except RuntimeError as e: assert disk_full(e)
    assert not disk_full(OSError(errno.EACCES, 'Permission denied'))


def test_flush(): # nbs/api/04_files.ipynb, cell c9e1fa79
    """If the block fails, the old file stays and nothing else is left behind."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)/'new'/'result.txt'
        with written(path) as part: part.write_text('first')
        with expect_fail(ZeroDivisionError), written(path) as part: part.write_text('half'); 1 / 0
        assert path.read_text() == 'first' and os.listdir(path.parent) == ['result.txt']
        with expect_fail(ValueError, 'Cannot write to'), written(path/'below.txt') as part: pass
        with expect_fail(ValueError, 'new is a folder. Name a file.'), written(path.parent) as part: pass
        with expect_fail(ValueError, '~ is not read as your home'), written('~/result.txt') as part: pass


def test_flush_2(): # nbs/api/04_files.ipynb, cell b5a11b2a
    """The test writes to `/dev/full`, a file that never has room."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)/'table.csv'
        with written(path) as part: part.write_text('first')
        for write in (
            lambda file: file.write_text('more'),
            pd.DataFrame(dict(a=[1])).to_csv,
            pd.DataFrame(dict(a=[1])).to_parquet,
        ):
            with expect_fail(ValueError, f'No space left in {folder}. Free some'), written(path) as part:
                part.unlink(); part.symlink_to('/dev/full')
                write(part)
        assert path.read_text() == 'first' and os.listdir(folder) == ['table.csv']


def test_flush_3(): # nbs/api/04_files.ipynb, cell b7d86f35
    """A file that another process is still writing stays."""
    with tempfile.TemporaryDirectory() as folder:
        dead, other = Path(folder)/'.result.txt-abcd1234.part', Path(folder)/'.result.txt-notes.part'
        for file in (dead, other): file.write_text('half')
        with written(f'{folder}/result.txt') as alive, written(f'{folder}/result.txt') as part:
            assert alive.exists() and not dead.exists()
        assert sorted(os.listdir(folder)) == [other.name, 'result.txt']


def test_replaced(): # nbs/api/04_files.ipynb, cell 5143e5da
    """A link within the folder is replaced, and the file that it points to stays, as in the cache of a hub."""
    def _ours(folder): return [name for name in os.listdir(folder) if name.endswith('.json')]
    def _read(folder): return {p.name: p.read_text() for p in Path(folder).iterdir() if p.is_file()}
    with tempfile.TemporaryDirectory() as home:
        folder, blob = Path(home)/'model', Path(home)/'blob'
        folder.mkdir(); blob.write_text('of the cache')
        (folder/'config.json').symlink_to(blob)
        for name in ('shard.json', 'notes.txt'): (folder/name).write_text('old')
        (Path(home)/'link').symlink_to(folder)
        with replaced(f'{home}/link', _ours) as new: (new/'config.json').write_text('new')
        assert _read(folder) == {'config.json': 'new', 'notes.txt': 'old'} and blob.read_text() == 'of the cache'
        with expect_fail(ZeroDivisionError), replaced(folder, _ours) as new: (new/'config.json').write_text('half'); 1 / 0
        with expect_fail(ZeroDivisionError), replaced(f'{home}/another', _ours) as new: 1 / 0
        assert sorted(os.listdir(folder)) == ['config.json', 'notes.txt'] and not Path(home, 'another').exists()


@pytest.mark.heavy
def test_replaced_2(): # nbs/api/04_files.ipynb, cell 690124de
    """In the meantime no configuration stands beside files of another set, and a note of the user stays."""
    def _ours(folder): return [name for name in os.listdir(folder) if name.endswith('.json')]
    def _read(folder): return {p.name: p.read_text() for p in Path(folder).iterdir() if p.is_file()}
    with tempfile.TemporaryDirectory() as home:
        folder, blob = Path(home)/'model', Path(home)/'blob'
        folder.mkdir(); blob.write_text('of the cache')
        (folder/'config.json').symlink_to(blob)
        for name in ('shard.json', 'notes.txt'): (folder/name).write_text('old')
        (Path(home)/'link').symlink_to(folder)
        with replaced(f'{home}/link', _ours) as new: (new/'config.json').write_text('new')
        assert _read(folder) == {'config.json': 'new', 'notes.txt': 'old'} and blob.read_text() == 'of the cache'
        with expect_fail(ZeroDivisionError), replaced(folder, _ours) as new: (new/'config.json').write_text('half'); 1 / 0
        with expect_fail(ZeroDivisionError), replaced(f'{home}/another', _ours) as new: 1 / 0
        assert sorted(os.listdir(folder)) == ['config.json', 'notes.txt'] and not Path(home, 'another').exists()
    def _killed(step, work):
        """In a child that dies at a step: before it opens, renames, makes or removes something for the `step`-th time.
    Whether it came that far."""
        child = os.fork()
        if not child:
            left = [step]
            def count(event, _):
                if event not in ('open', 'os.rename', 'os.mkdir', 'os.rmdir', 'os.remove', 'shutil.rmtree'): return
                left[0] -= 1
                if not left[0]: os.kill(os.getpid(), signal.SIGKILL)
            sys.addaudithook(count)
            try: work()
            finally: os._exit(0)
        return os.waitpid(child, 0)[1] == signal.SIGKILL
    def _renew(folder, text):
        with replaced(folder, _ours) as new:
            for name in ('config.json', f'{text}.json', 'tokenizer_config.json'): (new/name).write_text(text)
    with tempfile.TemporaryDirectory() as home:
        folder, step, between, sets = (
            Path(home) / 'model',
            0,
            0,
            [{'config.json': t, f'{t}.json': t, 'tokenizer_config.json': t} for t in 'ab'],
        )
        folder.mkdir(); (folder/'notes.txt').write_text('mine')
        while True:
            _renew(folder, 'a') # and removes what the last one left
            step += 1
            if not _killed(step, lambda: _renew(folder, 'b')): break
            seen = {k: v for k, v in _read(folder).items() if k != 'notes.txt'}
            between += seen not in sets
            assert seen in sets or 'config.json' not in seen
            found = _read(settled(folder))
            assert found.pop('notes.txt') == 'mine' and found in sets
        assert (
            step > 30
            and between == 6
            and sorted(os.listdir(folder)) == ['b.json', 'config.json', 'notes.txt', 'tokenizer_config.json']
        )


@pytest.mark.heavy
def test_replaced_3(): # nbs/api/04_files.ipynb, cell ded7cdfb
    """If several processes write to one folder, they do so one after the other."""
    def _ours(folder): return [name for name in os.listdir(folder) if name.endswith('.json')]
    def _read(folder): return {p.name: p.read_text() for p in Path(folder).iterdir() if p.is_file()}
    def _renew(folder, text):
        with replaced(folder, _ours) as new:
            for name in ('config.json', f'{text}.json', 'tokenizer_config.json'): (new/name).write_text(text)
    with tempfile.TemporaryDirectory() as home:
        children = []
        for text in 'abcd':
            children.append(os.fork())
            if not children[-1]:
                try:
                    for _ in range(25): _renew(f'{home}/model', text)
                    os._exit(0)
                finally: os._exit(1)
        assert [os.waitpid(c, 0)[1] for c in children] == [0] * 4
        found = _read(f'{home}/model')
        assert len(found) == 3 and len(set(found.values())) == 1 and len(os.listdir(f'{home}/model')) == 3


@pytest.mark.heavy
def test_replaced_4(): # nbs/api/04_files.ipynb, cell 57a7bdd6
    """A replacement that was interrupted and cannot be finished, for example because the folder is read-only, is an error."""
    def _ours(folder): return [name for name in os.listdir(folder) if name.endswith('.json')]
    def _read(folder): return {p.name: p.read_text() for p in Path(folder).iterdir() if p.is_file()}
    def _renew(folder, text):
        with replaced(folder, _ours) as new:
            for name in ('config.json', f'{text}.json', 'tokenizer_config.json'): (new/name).write_text(text)
    with tempfile.TemporaryDirectory() as home:
        children = []
        for text in 'abcd':
            children.append(os.fork())
            if not children[-1]:
                try:
                    for _ in range(25): _renew(f'{home}/model', text)
                    os._exit(0)
                finally: os._exit(1)
        assert [os.waitpid(c, 0)[1] for c in children] == [0] * 4
        found = _read(f'{home}/model')
        assert len(found) == 3 and len(set(found.values())) == 1 and len(os.listdir(f'{home}/model')) == 3
    with tempfile.TemporaryDirectory() as home:
        os.makedirs(f'{home}/{_JOURNAL}/new')
        # here for want of a list of names
        with expect_fail(ValueError, 'was being replaced when that was cut short'): settled(home)


def test_write_csv(): # nbs/api/04_files.ipynb, cell 9df991f8
    """Numbers stay numbers."""
    names = ['=1+1', '+1', '-x', '@x', '\t=1', ' =1', "'=1", "''-", 'a;=1+1;b', 'a\n=1', 'plain', 'a=b', "it's", "'quoted'"]
    assert [inert(n) for n in names][:7] == ["'=1+1", "'+1", "'-x", "'@x", "\t'=1", "' =1", "''=1"] and inert(
        'a;=1+1;b'
    ) == "a;'=1+1;b"
    assert restored([inert(n) for n in names]) == names and [inert(n) for n in names[-4:]] == names[-4:]
    assert restored(["'=x", '=x']) == ["'=x", '=x'] # not ours: they stay two


def test_write_csv_2(): # nbs/api/04_files.ipynb, cell b9eaf2cf
    names = ['=1+1', '+1', '-x', '@x', '\t=1', ' =1', "'=1", "''-", 'a;=1+1;b', 'a\n=1', 'plain', 'a=b', "it's", "'quoted'"]
    with tempfile.TemporaryDirectory() as folder:
        path = write_csv(pd.DataFrame({'=group': names, 'change': [-.5] * len(names)}), f'{folder}/out.csv')
        again = pd.read_csv(path, keep_default_na=False, lineterminator='\n')
        assert (
            list(again.columns) == ["'=group", 'change']
            and restored(again.iloc[:, 0].tolist()) == names
            and (again.change == -0.5).all()
        )


def test_sha256(): # nbs/api/04_files.ipynb, cell e5f1507b
    with tempfile.NamedTemporaryFile() as file: assert sha256(file.name) == hashlib.sha256(b'').hexdigest()
