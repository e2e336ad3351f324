"""What the package promises by its names. Written by hand: it is about all notebooks at once."""
import importlib
import inspect
import pkgutil
from dataclasses import is_dataclass
from pathlib import Path

import fairprune
import pytest
from fastcore.docments import docments

LIBRARY = sorted(
    m.name for m in pkgutil.walk_packages(fairprune.__path__, "fairprune.") if not m.name.endswith("__main__")
)
COMPRESSION = {"layers", "layout", "record", "method", "recovery"}  # and what is in the folder compress


def own(module):  # the functions and classes that a module offers
    found = {name: getattr(module, name) for name in getattr(module, "__all__", [])}
    return {name: x for name, x in found.items() if inspect.isfunction(x) or inspect.isclass(x)}


def uncommented(function):  # the parameters, or fields of a dataclass, that no comment describes
    if inspect.isclass(function):
        told = docments(function) if is_dataclass(function) else {}
        return [name for name in vars(function).get("__annotations__", ()) if is_dataclass(function) and not told[name]]
    told, open_ended = docments(function, full=True), (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return [
        name
        for name, p in inspect.signature(function).parameters.items()
        if p.kind not in open_ended and not told[name]["docment"]
    ]


@pytest.mark.parametrize("name", LIBRARY)
def test_public_names(name):
    module = importlib.import_module(name)
    silent = [
        n
        for n, x in own(module).items()
        if not vars(x).get("__doc__", x.__doc__) or x.__doc__.startswith(f"{x.__name__}(")
    ]
    assert not silent, f"{name}: no docstring for {', '.join(silent)}"
    if not (".compress." in name or name.rpartition(".")[2] in COMPRESSION): return
    bare = [
        f"{n}({', '.join(left)})" for n, x in own(module).items() if (left := uncommented(x))
    ]
    assert not bare, f"{name}: no comment beside the parameters of {', '.join(bare)}"


def test_top_level_names():
    for name in fairprune.__all__: assert getattr(fairprune, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'prune'"): fairprune.prune


def test_one_version():
    root = Path(__file__).resolve().parents[1]
    said = {
        line.split("=")[1].strip()
        for line in (root / "settings.ini").read_text().splitlines()
        if line.startswith("version =")
    }
    said |= {
        line.split(":")[1].strip()
        for line in (root / "CITATION.cff").read_text().splitlines()
        if line.startswith("version:")
    }
    assert said == {fairprune.__version__}
