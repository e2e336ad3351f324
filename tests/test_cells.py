# Generated from nbs/api/62_cells.ipynb: edit the notebook
from dataclasses import asdict, replace
from fairprune.grid import benchmarks, make_grid, tiny_grid
import fairprune
import tempfile
from unittest import mock
import pandas as pd
from fastcore.test import expect_fail
from fairprune.compress.pruning import Magnitude
from fairprune.cells import *


def test_cells(): # nbs/api/62_cells.ipynb, cell 14389fd8
    """Fine-tuning and prediction have one together, the comparison of two models has one, and so have each method and each benchmark."""
    bios_grid = make_grid(
        data='bios',
        model='tiny',
        methods=['magnitude(sparsity=[0.3, 0.5])', 'int8()'],
        mitigations=['none', 'recover()'],
        seeds=2,
    )
    all_cells = cells(bios_grid)
    assert len(all_cells) == 2 * (1 + 3 * 2) and [c.method for c in all_cells[:3]] == [
        'dense',
        'dense',
        'magnitude(sparsity=0.3)',
    ]
    assert len({c.id for c in all_cells}) == 14 and len({c.dense_key for c in all_cells}) == 2
    assert {c.dense.id for c in all_cells} == {c.id for c in all_cells if c.method == 'dense'}
    assert [c.id for c in cells(replace(bios_grid, seeds=3)) if c.seed < 2] == [c.id for c in all_cells] # a grid may grow
    for change in (dict(finetune=dict(epochs=1)), dict(audit=dict(min_n=5)), dict(folds=3), dict(model='other')):
        assert not {c.id for c in cells(replace(bios_grid, **change))} & {c.id for c in all_cells}
    assert cells(replace(bios_grid, audit=dict(min_n=5)))[-1].predictions_key == all_cells[-1].predictions_key
    assert cells(replace(bios_grid, metrics='accuracy'))[0].metrics == ('accuracy',)
    now, then = (
        replace(all_cells[0], data=name, sources=dict(file='0') | split)
        for name, split in (('toxigen', dict(split='by text')), ('toxigen_by_id', {}))
    )
    # cells of the split by id were computed under its former name
    assert now.id != then.id == replace(then, data='toxigen').id
    with expect_fail(ValueError, 'No file none.csv'): cells(replace(bios_grid, data='none.csv'))


def test_read_cell(): # nbs/api/62_cells.ipynb, cell celltold
    """The cells of the dense model and of int8 stay the same."""
    bios_grid = make_grid(
        data='bios',
        model='tiny',
        methods=['magnitude(sparsity=[0.3, 0.5])', 'int8()'],
        mitigations=['none', 'recover()'],
        seeds=2,
    )
    all_cells = cells(bios_grid)
    with mock.patch.object(Magnitude, 'revision', 2, create=True): renewed = cells(bios_grid)
    kept = {c.id for c in renewed} & {c.id for c in all_cells}
    assert {c.method for c in all_cells if c.id in kept} == {'dense', 'int8()'}
    assert [c.asked for c in renewed] == [c.asked for c in all_cells]
    # its own and that of its bases
    assert outdated(all_cells[2], renewed[2].revisions) == 'magnitude is of revision 1, now 3'
    assert not set(benchmarks) & set(fairprune.methods())


def test_read_cell_2(): # nbs/api/62_cells.ipynb, cell cellolds
    """Such a cell still has the identity by which its files are named."""
    bios_grid = make_grid(
        data='bios',
        model='tiny',
        methods=['magnitude(sparsity=[0.3, 0.5])', 'int8()'],
        mitigations=['none', 'recover()'],
        seeds=2,
    )
    all_cells = cells(bios_grid)
    old = dict(
        data='toxigen',
        model='m',
        seed=0,
        method='int8()',
        mitigation='none',
        fold=0,
        folds=0,
        finetune={},
        columns={},
        audit={},
        metrics=[],
        benchmarks=[],
        sources={},
        version='0.1.0',
    )
    assert read_cell(old).id == 'a1cd422f54b7dee4' and read_cell(old).predictions_key == '5f332a5215824f61'
    assert (
        outdated(read_cell(old)) == 'made by fairprune 0.1.0, before its parts had revisions'
        and read_cell(asdict(all_cells[2])).id == all_cells[2].id
    )


def test_fresh_model(): # nbs/api/62_cells.ipynb, cell 181b64f7
    """The folder may be deleted at any time."""
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch('fairprune.data.from_frame', wraps=fairprune.data.from_frame) as reading,
    ):
        folded = cells(tiny_grid(folder, folds=5, methods=['magnitude(sparsity=[0.1, 0.5, 0.9])']))
        # for all folds
        assert len(folded) == 40 and all(len(data_of(c)['test']) for c in folded) and reading.call_count == 1
        assert sorted(i for c in folded[:5] for i in data_of(c)['test']['id']) == sorted(map(str, range(120)))


def test_passes(): # nbs/api/62_cells.ipynb, cell f2b6c234
    """A tiny data set and a tiny model show what a result holds."""
    with tempfile.TemporaryDirectory() as folder:
        grid = tiny_grid(folder)
        result, after = compute(cells(grid)[2], folder)
        table = pd.DataFrame(**result['rows'])
        assert result['cell']['method'] == 'magnitude(sparsity=0.5)' and len(after) == result['passes']
        assert result['cell']['revisions'] == dict(models=1, compare=1, magnitude=1)
        assert table.query("metric == 'accuracy' and group == 'all'").compressed.item() == after.accuracy
        assert table.query("metric == 'macs'").change.item() < 0 and passes(cells(grid)[0]) == 9 * len(
            data_of(cells(grid)[0])['train']
        ) + len(after)


def test_passes_2(): # nbs/api/62_cells.ipynb, cell cellelse
    """A machine whose library has another revision refuses to compute a cell."""
    bios_grid = make_grid(
        data='bios',
        model='tiny',
        methods=['magnitude(sparsity=[0.3, 0.5])', 'int8()'],
        mitigations=['none', 'recover()'],
        seeds=2,
    )
    all_cells = cells(bios_grid)
    with (
        tempfile.TemporaryDirectory() as folder,
        expect_fail(ValueError, 'magnitude is of revision 7, now 1. Start the sweep again'),
    ):
        compute(replace(all_cells[2], revisions=all_cells[2].revisions | dict(magnitude=7)), folder)
