"""Marks and settings of the tests.

Cells without a flag are tested where the notebooks run from top to bottom (`.ci/notebooks.py`), so `make test` leaves
them out here, by `--flagged`. Without that option pytest runs each cell alone too.

heavy  many seconds of work: runs here, and not in the run of the notebooks too
slow   minutes of work: runs only with `pytest --slow`
data   reads published data: runs where FAIRPRUNE_DATA names their folder
cuda   needs a GPU: runs only with `pytest -m cuda`, where torch sees one
"""
import gc, os
from functools import cache
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
if os.environ.get("FAIRPRUNE_DATA"):  # tests run in a folder of their own
    os.environ["FAIRPRUNE_DATA"] = str(Path(os.environ["FAIRPRUNE_DATA"]).expanduser().resolve())


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the tests marked slow too")
    parser.addoption(
        "--flagged", action="store_true", help="leave out what the run of the notebooks tests: cells without a flag"
    )


def pytest_configure(config):
    # the others mean the same on every machine
    if "cuda" not in config.option.markexpr.replace("not cuda", ""): os.environ["CUDA_VISIBLE_DEVICES"] = ""
    for line in ("heavy: many seconds of work",
                 "slow: minutes of work; runs only with --slow",
                 "data: reads published data; needs FAIRPRUNE_DATA, the folder that holds them",
                 "cuda: needs a GPU; runs only with -m cuda"):
        config.addinivalue_line("markers", line)
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning:fairlearn")  # its use of pandas


def _has_gpu():
    import torch
    return torch.cuda.is_available()


@cache
def _generated(path):  # whether a file of tests comes from the cells of a notebook
    return path.read_text(encoding="utf-8").startswith("# Generated from ")


def _in_notebooks(item):
    return _generated(item.path) and not any(
        item.get_closest_marker(flag) for flag in ("heavy", "slow", "data", "cuda")
    )


def pytest_collection_modifyitems(config, items):
    if config.getoption("--flagged"):
        config.hook.pytest_deselected(items=[item for item in items if _in_notebooks(item)])
        items[:] = [item for item in items if not _in_notebooks(item)]
    folder = os.environ.get("FAIRPRUNE_DATA")
    reasons = {}
    if not config.getoption("--slow"): reasons["slow"] = "slow: run with --slow"
    if not folder: reasons["data"] = "FAIRPRUNE_DATA is not set"
    elif not Path(folder).is_dir(): reasons["data"] = f"FAIRPRUNE_DATA is no folder: {folder}"
    if any(item.get_closest_marker("cuda") for item in items) and not _has_gpu():
        reasons["cuda"] = "cuda: run with -m cuda, where torch sees a GPU"
    for item in items:
        for mark, reason in reasons.items():
            if item.get_closest_marker(mark): item.add_marker(pytest.mark.skip(reason=reason))


def pytest_collection_finish(session):
    gc.freeze()  # the libraries are there to stay: not to be searched at each collection of garbage


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    "Each test runs in an empty folder, so that relative paths leave nothing behind."
    monkeypatch.chdir(tmp_path)
