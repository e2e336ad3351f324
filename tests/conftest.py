"""Marks and settings of the tests; the only file in this folder that is written by hand.

heavy  many seconds of work: runs here, and not in the run of the notebooks too
slow   minutes of work: runs only with `pytest --slow`
data   reads published data: runs where FAIRPRUNE_DATA names their folder
cuda   needs a GPU: runs only with `pytest -m cuda`, where torch sees one
"""
import os
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
if os.environ.get("FAIRPRUNE_DATA"):  # tests run in a folder of their own
    os.environ["FAIRPRUNE_DATA"] = str(Path(os.environ["FAIRPRUNE_DATA"]).expanduser().resolve())


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the tests marked slow too")


def pytest_configure(config):
    if "cuda" not in config.option.markexpr.replace("not cuda", ""): os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the others mean the same on every machine
    for line in ("heavy: many seconds of work",
                 "slow: minutes of work; runs only with --slow",
                 "data: reads published data; needs FAIRPRUNE_DATA, the folder that holds them",
                 "cuda: needs a GPU; runs only with -m cuda"):
        config.addinivalue_line("markers", line)
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning:fairlearn")  # its use of pandas


def _has_gpu():
    import torch
    return torch.cuda.is_available()


def pytest_collection_modifyitems(config, items):
    folder = os.environ.get("FAIRPRUNE_DATA")
    reasons = {}
    if not config.getoption("--slow"): reasons["slow"] = "slow: run with --slow"
    if not folder: reasons["data"] = "FAIRPRUNE_DATA is not set"
    elif not Path(folder).is_dir(): reasons["data"] = f"FAIRPRUNE_DATA is no folder: {folder}"
    if any(item.get_closest_marker("cuda") for item in items) and not _has_gpu(): reasons["cuda"] = "cuda: run with -m cuda, where torch sees a GPU"
    for item in items:
        for mark, reason in reasons.items():
            if item.get_closest_marker(mark): item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    "Each test runs in an empty folder, so that relative paths leave nothing behind."
    monkeypatch.chdir(tmp_path)
