# Generated from nbs/api/07b_registry.ipynb: edit the notebook
import sys
import tempfile
from pathlib import Path
from fastcore.test import expect_fail
from fairprune.registry import *


def test_Registry(): # nbs/api/07b_registry.ipynb, cell 2f9f170a
    """A name of one's own is found without it, and stays one's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, 'more_shapes.py').write_text(
            "import __main__\nfor name in ('round', 'flat'): __main__.shapes[name] = f'{name} one'"
        )
        shapes = sys.modules['__main__'].shapes = Registry('more_shapes')
        sys.path.insert(0, folder)
        shapes['flat'] = 'my own'
        assert shapes['flat'] == 'my own' and 'more_shapes' not in sys.modules
        assert shapes['round'] == 'round one' and 'more_shapes' in sys.modules
        assert dict(shapes) == dict(flat='my own', round='round one') and 'square' not in shapes and len(shapes) == 2
        with expect_fail(KeyError, 'square'): shapes['square']
        sys.path.remove(folder)


def test_Registry_2(): # nbs/api/07b_registry.ipynb, cell 79fa57e6
    """A module that cannot be imported says so each time, not only the first."""
    broken = Registry('no_such_module')
    for _ in range(2):
        with expect_fail(ModuleNotFoundError, 'no_such_module'): list(broken)
