# Generated from nbs/api/61_grid.ipynb: edit the notebook
from dataclasses import replace
from pathlib import Path
import tempfile
from fastcore.test import expect_fail
from fairprune.grid import *


def test_make_grid(): # nbs/api/61_grid.ipynb, cell e5bf5edf
    """The dense model of each seed is always part of the product."""
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


def test_points(): # nbs/api/61_grid.ipynb, cell gridtest
    """Each run is a grid of its own, in which the fields that the run names are overridden."""
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
    bios_grid = make_grid(
        data='bios',
        model='tiny',
        methods=['magnitude(sparsity=[0.3, 0.5])', 'int8()'],
        mitigations=['none', 'recover()'],
        seeds=2,
    )
    every = list(points(bios_grid))
    assert len(every) == 2 * (1 + 3 * 2) and every[0] == dict(
        data='bios', model='tiny', seed=0, method='dense', mitigation='none', fold=0
    )
    assert len(list(points(replace(bios_grid, folds=3)))) == 3 * len(every) and [p.methods for p in products(grid)] == [
        g['methods'] for g in grid.runs
    ]


def test_points_2(): # nbs/api/61_grid.ipynb, cell gridfail
    """A field that is empty or of the wrong kind is named in the error."""
    bios_grid = make_grid(
        data='bios',
        model='tiny',
        methods=['magnitude(sparsity=[0.3, 0.5])', 'int8()'],
        mitigations=['none', 'recover()'],
        seeds=2,
    )
    for field_name in ('methods', 'seeds'):
        with expect_fail(ValueError, f'The grid is empty: it names no {field_name}'):
            products(replace(bios_grid, **{field_name: []}))
    names = '../..', '..', '', '/elsewhere', 'a\\b', '.git', 'a.', 'a\n', 5
    for wrong, message in (
        (dict(seeds='3'), "seeds = '3': give how many"),
        (dict(seeds=['a']), "seeds = ['a']"),
        (dict(seeds=1.5), 'seeds = 1.5'),
        (dict(seeds=[-1]), 'seeds = [-1]'),
        (dict(methods=5), 'methods = 5: give text, or a list of texts'),
        (dict(folds=1), 'folds = 1'),
        (dict(columns='text'), "columns = 'text': give a table"),
        *((dict(name=n), f'name = {n!r}: give letters, digits') for n in names),
    ):
        with expect_fail(ValueError, message): products(replace(bios_grid, **wrong))


def test_tiny_grid(): # nbs/api/61_grid.ipynb, cell gridchck
    """The examples that follow, here and on the next pages, use a grid over a tiny data set and a tiny model."""
    with tempfile.TemporaryDirectory() as folder:
        toy = tiny_grid(folder); check(toy)
        for wrong, message in (
            (dict(methods=['prune()']), "Unknown method 'prune'"),
            (dict(methods=['magnitude(rate=1)']), 'magnitude takes sparsity'),
            (dict(finetune=dict(epoch=1)), "Unknown parameter of finetune: 'epoch'"),
            (dict(metrics=['auc']), "Unknown metric: 'auc'"),
            (dict(benchmarks=['bold']), "Unknown benchmark: 'bold'"),
            (dict(audit=dict(n=1)), "Unknown parameter of audit: 'n'"),
            (dict(columns=dict(group='g')), "Unknown key of columns: 'group'"),
            (dict(audit=dict(n_resamples=50)), 'n_resamples = 50'),
            (dict(audit=dict(confidence=95)), 'confidence = 95'),
        ):
            with expect_fail(ValueError, message): check(replace(toy, **wrong))
