# Generated from nbs/api/92_house.ipynb: edit the notebook
from pathlib import Path
import inspect
import subprocess
import sys
import tempfile
import fairprune as library
from fairprune.dev.testgen import find_root
from fairprune.auditing import Audit
from fairprune.dev.house import *


def test_imports(): # nbs/api/92_house.ipynb, cell 3dfa2088
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, 'm.py').write_text(
            'from ..models import load\nimport torch\ndef f():\n    from fairprune.data import from_frame as g'
        )
        assert imports(f'{folder}/m.py', 'fairprune.bias') == [
            ('fairprune.models.load', False),
            ('torch', False),
            ('fairprune.data.from_frame', True),
        ]


def test_fault(): # nbs/api/92_house.ipynb, cell 41f18803
    """An arrow upward, one between siblings, and a module that nobody has put in its place."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, 'fairprune'); (root/'bias').mkdir(parents=True)
        (root/'models.py').write_text('from .data import from_frame')
        (root/'data.py').write_text('def f():\n    from fairprune.models import _load')
        (root/'bias'/'groups.py').write_text('from ..compress.pruning import Random\nfrom .control import floors')
        (root/'new.py').write_text('from . import data')
        seen = arrows(root).set_index('module')
    assert (
        seen.wrong['models'] == ''
        and seen.wrong['data'] == 'it comes later'
        and seen.wrong['new'] == 'new has no place in the order'
    )
    assert (
        seen.wrong['bias.groups'].tolist() == ['bias and compress are siblings', 'it comes later'] and seen.private['data']
    )


def test_outside(): # nbs/api/92_house.ipynb, cell 0412de08
    """What a method does to its own object, and what a function carries, is left alone."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, 'fairprune'); (root/'bias').mkdir(parents=True)
        (root/'models.py').write_text('from .data import from_frame')
        (root/'data.py').write_text('def f():\n    from fairprune.models import _load')
        (root/'bias'/'groups.py').write_text('from ..compress.pruning import Random\nfrom .control import floors')
        (root/'new.py').write_text('from . import data')
        seen = arrows(root).set_index('module')
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, 'a.py').write_text('class A:\n    plot = plot\n    def f(self): self.x = 1\nf.revision = 1\nB.n += 1')
        Path(folder, 'b.py').write_text(
            'from .a import A\nclass B: pass\nA.save, A.load = save, load\nif True: A.tidy = property(tidy)\n'
            'setattr(B, "count", count)\nos.sep = 1'
        )
        assert outside(folder) == {'a.py': ['B.n'], 'b.py': ['A.save', 'A.load', 'A.tidy', "B.'count'"]}


def test_outside_2(): # nbs/api/92_house.ipynb, cell 540cdb14
    """What is imported inside functions are modules that take long to start and are not needed at once: `fp.Magnitude` is there before transformers has read its quantizers, and names that need no model are there without PyTorch."""
    found = arrows(find_root(library.__file__)/'fairprune')
    assert found[found.wrong != ''].empty, found[found.wrong != '']
    assert found[found.private].empty, found[found.private]
    assert not {m for m in house() if m in library.__all__} # `fairprune.name` is the module as soon as that is imported
    inside = found[found.inside & (found.module != 'cli')].drop_duplicates(['module', 'imports'])


def test_outside_3(): # nbs/api/92_house.ipynb, cell startup1
    def imported(name, module):
        "Whether a module is imported where a fresh process asks for one name of the library."
        asked = f"import sys, fairprune as fp; fp.{name}; print({module!r} in sys.modules)"
        run = subprocess.run([sys.executable, '-c', asked], capture_output=True, text=True, check=True)
        return run.stdout.strip() == 'True'
    assert not imported('Magnitude', 'transformers.quantizers') and imported('Magnitude', 'torch')
    assert not imported('Predictions', 'torch') and not imported('compare', 'torch')


def test_outside_4(): # nbs/api/92_house.ipynb, cell 4bb43952
    """What an audit can do has its arguments and its docstring."""
    assert not outside(find_root(library.__file__)/'fairprune'), outside(find_root(library.__file__)/'fairprune')
    assert list(inspect.signature(Audit.to_html).parameters) == ['audit', 'folder'] and Audit.to_html.__doc__
