# Generated from nbs/api/64_executors.ipynb: edit the notebook
import pytest
import os
import sys
from concurrent.futures.process import BrokenProcessPool
import io
import subprocess
import tempfile
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock
from fastcore.test import expect_fail
from fairprune.executors import *


def test_InProcess(): # nbs/api/64_executors.ipynb, cell 31fd0dcc
    with InProcess() as executor: assert executor.submit(pow, 2, 10).result() == 1024 and cores() >= 1


def test_Processes(): # nbs/api/64_executors.ipynb, cell ab29b333
    """A worker that kills itself takes no other worker with it."""
    with Processes(2) as executor:
        pids = {executor.submit(os.getpid).result() for _ in range(4)}
        assert os.getpid() not in pids and len(pids) == 2
        with expect_fail(BrokenProcessPool): executor.submit(os._exit, 9).result()
        assert executor.submit(pow, 3, 2).result() == 9 and executor.submit(pow, 3, 3).result() == 27
        assert executor.threads == max(1, cores() // 2) and executor.submit(os.getenv, 'OMP_NUM_THREADS').result() == str(
            executor.threads
        )
    with expect_fail(ValueError, 'workers = 0'): Processes(0)


def test_Processes_2(): # nbs/api/64_executors.ipynb, cell 36cb799f
    """When the script is killed, no worker is left behind."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder)/'script.py'
        script.write_text("""import os, time; from fairprune.executors import Processes
executor = Processes(1).__enter__()
print(executor.submit(os.getpid).result(), flush=True)
executor.submit(time.sleep, 60)
time.sleep(60)""")
        child = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        worker = int(child.stdout.readline())
        child.kill(); child.wait(); child.stdout.close()
        def alive(pid): # a zombie waits for its new parent and runs no more
            try: return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
            except OSError: return False
        for _ in range(50):
            if not alive(worker): break
            time.sleep(.1)
        assert not alive(worker)


def test_RayCluster(): # nbs/api/64_executors.ipynb, cell 2d360189
    """If Ray or a cluster is missing, one line says so."""
    with mock.patch.dict(sys.modules, ray=None), expect_fail(ValueError, 'Ray is not installed'):
        with RayCluster(): pass


@pytest.mark.slow
def test_RayCluster_2(): # nbs/api/64_executors.ipynb, cell 22050130
    with expect_fail(ValueError, "No Ray cluster at 'auto'"):
        with RayCluster('auto'): pass
    # Ray tells of every worker that dies
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), RayCluster('local') as executor:
        assert executor.slots == 2 * cores() and executor.submit(os.getenv, 'NO_SUCH_NAME', 'none').result() == 'none'
        mark = Path(tempfile.mkdtemp())/'mark'
        def dies_once(path): # the first attempt loses its worker, the second finds the mark
            if os.path.exists(path): return 'second attempt'
            open(path, 'w').close(); os._exit(1)
        assert executor.submit(dies_once, str(mark)).result() == 'second attempt'
