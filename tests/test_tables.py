# Generated from nbs/api/68_tables.ipynb: edit the notebook
import pytest
from dataclasses import replace
from pathlib import Path
import tempfile
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from fastcore.test import expect_fail
from fairprune.grid import tiny_grid
from pandas import DataFrame, read_csv, read_parquet
from fairprune.tables import *
from fairprune.tables import _clock, _one_of_each


def test_save_table(): # nbs/api/68_tables.ipynb, cell c440d485
    """A table is written to a file together with what is needed to make it again."""
    with tempfile.TemporaryDirectory() as folder:
        made = DataFrame(dict(a=[1.5, None], b=['x', 'y'], c=np.array([1, -2], 'int16')))
        for name in ('a.parquet', 'a.csv'): save_table(made, f'{folder}/{name}')
        pd.testing.assert_frame_equal(pd.read_parquet(f'{folder}/a.parquet'), made)
        with expect_fail(ValueError, 'a.xlsx: unknown kind of file'): save_table(made, f'{folder}/a.xlsx')


def test_save_table_2(): # nbs/api/68_tables.ipynb, cell f8448cd0
    """A parquet file holds it as it is."""
    with tempfile.TemporaryDirectory() as folder:
        for ending in ('parquet', 'csv'): save_table(DataFrame(dict(group=['=1+1'])), f'{folder}/a.{ending}')
        assert read_parquet(f'{folder}/a.parquet').group[0] == '=1+1' and read_csv(f'{folder}/a.csv').group[0] == "'=1+1"


def test_sweep(): # nbs/api/68_tables.ipynb, cell 8e2f61a3
    """Every text is judged once for each seed, and `predictions` gives what the models of each seed said."""
    with tempfile.TemporaryDirectory() as folder:
        for ending in ('parquet', 'csv'): save_table(DataFrame(dict(group=['=1+1'])), f'{folder}/a.{ending}')
        assert read_parquet(f'{folder}/a.parquet').group[0] == '=1+1' and read_csv(f'{folder}/a.csv').group[0] == "'=1+1"
    with tempfile.TemporaryDirectory() as folder:
        found = sweep(tiny_grid(folder, methods=['magnitude(sparsity=0.9)'], folds=3), f'{folder}/out', progress=False)
        every, mean, figure = found.table(), found.pooled(), found.plot('accuracy')
        dense, small = found.predictions('method=dense'), found.predictions('method=magnitude*', 'seed=1')
        with expect_fail(ValueError, 'the patterns match 2 configurations'): found.predictions('seed=1')
        several = open_sweep(replace(found.grid, runs=[dict(finetune=dict(epochs=e)) for e in (1, 2)]), found.folder)
        for shown in (several.table, several.pooled):
            with expect_fail(ValueError, "dense is there with finetune = {'epochs': 1} and with {'epochs': 2}"): shown()
        found.path('cells', found.cells[-1]).unlink()
        with expect_fail(ValueError, '1 of 6 cells are not finished'): found.predictions('method=magnitude*')
    accuracy = mean.query("metric == 'accuracy' and group == 'all'").set_index('family')
    assert accuracy.n['magnitude'] == 120 and accuracy.seeds['magnitude'] == 2 and accuracy.change['dense'] == 0
    by_cell = every.query("metric == 'accuracy' and group == 'all' and family == 'magnitude'")
    assert len(by_cell) == 6 and np.isclose(
        (by_cell.compressed * by_cell.n).sum() / by_cell.n.sum(), accuracy.compressed['magnitude']
    )
    assert mean.query("metric == 'nonzero' and family == 'magnitude'").change.item() < 0
    assert (
        [len(p) for p in dense] == [120, 120]
        and np.unique(dense[0].fold).tolist() == [0, 1, 2]
        and len(small) == 1
        and np.isclose(np.mean([p.accuracy for p in dense]), accuracy.dense['magnitude'])
    )
    plt.close(figure)
    assert 'toy' in figure.get_suptitle()
    twice = pd.DataFrame(
        [('x', 'accuracy', 1.0), ('x', 'auprc', 1.0), ('x', 'accuracy', 3.0), ('y', 'accuracy', 1.0)],
        columns=['of', 'metric', 'seeds'],
    ).assign(cls='', group='all', scope='all')
    assert _one_of_each(twice).index.tolist() == [1, 2, 3]


@pytest.mark.heavy
def test_sweep_2(): # nbs/api/68_tables.ipynb, cell 1a9739e2
    """The mitigation of a method that ends with plain training, here a temperature, stands there too."""
    with tempfile.TemporaryDirectory() as folder:
        for ending in ('parquet', 'csv'): save_table(DataFrame(dict(group=['=1+1'])), f'{folder}/a.{ending}')
        assert read_parquet(f'{folder}/a.parquet').group[0] == '=1+1' and read_csv(f'{folder}/a.csv').group[0] == "'=1+1"
    with tempfile.TemporaryDirectory() as folder:
        grid = tiny_grid(
            folder,
            runs=[
                dict(
                    methods=['magnitude(sparsity=0.9)'],
                    mitigations=['none', 'recover(epochs=1, lr=0.01)', 'oversample(epochs=1, lr=0.01)'],
                ),
                dict(
                    methods=['magnitude(sparsity=0.9) >> recover(epochs=1, lr=0.01)'], mitigations=['temperature(min_n=3)']
                ),
            ],
        )
        found = sweep(grid, f'{folder}/out', progress=False)
        helped = found.mitigation_effects('magnitude(sparsity=0.9)', 'recover(epochs=1, lr=0.01)', n_resamples=200, min_n=3)
        second = found.mitigation_effects(
            'magnitude(sparsity=0.9)', 'recover(epochs=1, lr=0.01)', seeds=[1], n_resamples=200, min_n=3
        )
        with expect_fail(ValueError, 'control: no finished cells'):
            found.mitigation_effects('magnitude(sparsity=0.9)', 'recover()')
        one = found.mitigation_effects(
            'magnitude(sparsity=0.9)',
            'recover(epochs=1, lr=0.01)',
            only=['oversample(epochs=1, lr=0.01)'],
            n_resamples=200,
            min_n=3,
        )
        with expect_fail(ValueError, "No 'ros' after"):
            found.mitigation_effects('magnitude(sparsity=0.9)', 'recover(epochs=1, lr=0.01)', only=['ros'])
        with expect_fail(ValueError, 'No seed 7 in the grid. Known: [0, 1]'):
            found.mitigation_effects('magnitude(sparsity=0.9)', 'recover(epochs=1, lr=0.01)', seeds=[1, 7])
    assert (
        set(one.mitigation) == {'oversample(epochs=1, lr=0.01)'}
        and set(one.family.dropna()) == {1}
        and np.allclose(one.change, helped[helped.mitigation == one.mitigation[0]].change)
    )
    assert set(second.seeds) == {1} and np.allclose(second.change, [r[1] for r in helped.by_seed])
    assert (helped.family == helped.groupby(['against', 'metric']).mitigation.transform('size')).all() and (
        helped[helped.against == 'control'].family == 2
    ).all()
    assert set(helped.mitigation) == {
        'recover(epochs=1, lr=0.01)',
        'oversample(epochs=1, lr=0.01)',
        'recover(epochs=1, lr=0.01) >> temperature(min_n=3)',
    } and set(helped.seeds) == {2}
    warm = helped[helped.mitigation.str.endswith('temperature(min_n=3)')].set_index(['against', 'metric'])
    # a temperature changes no decision
    assert (
        warm.change['control', 'accuracy'] == 0
        and warm.group_at_prediction.all()
        and not helped[helped.mitigation.str.startswith('oversample')].group_at_prediction.any()
    )
    assert len(helped) == 3 * (3 + 3 + 2) # the control is not held against itself


@pytest.mark.heavy
def test_sweep_3(): # nbs/api/68_tables.ipynb, cell 0b7bf650
    with tempfile.TemporaryDirectory() as folder:
        for ending in ('parquet', 'csv'): save_table(DataFrame(dict(group=['=1+1'])), f'{folder}/a.{ending}')
        assert read_parquet(f'{folder}/a.parquet').group[0] == '=1+1' and read_csv(f'{folder}/a.csv').group[0] == "'=1+1"
    with tempfile.TemporaryDirectory() as folder:
        grid = tiny_grid(
            folder,
            runs=[
                dict(
                    methods=['magnitude(sparsity=0.9)'],
                    mitigations=['none', 'recover(epochs=1, lr=0.01)', 'oversample(epochs=1, lr=0.01)'],
                ),
                dict(
                    methods=['magnitude(sparsity=0.9) >> recover(epochs=1, lr=0.01)'], mitigations=['temperature(min_n=3)']
                ),
            ],
        )
        found = sweep(grid, f'{folder}/out', progress=False)
        helped = found.mitigation_effects('magnitude(sparsity=0.9)', 'recover(epochs=1, lr=0.01)', n_resamples=200, min_n=3)
        second = found.mitigation_effects(
            'magnitude(sparsity=0.9)', 'recover(epochs=1, lr=0.01)', seeds=[1], n_resamples=200, min_n=3
        )
        with expect_fail(ValueError, 'control: no finished cells'):
            found.mitigation_effects('magnitude(sparsity=0.9)', 'recover()')
        one = found.mitigation_effects(
            'magnitude(sparsity=0.9)',
            'recover(epochs=1, lr=0.01)',
            only=['oversample(epochs=1, lr=0.01)'],
            n_resamples=200,
            min_n=3,
        )
        with expect_fail(ValueError, "No 'ros' after"):
            found.mitigation_effects('magnitude(sparsity=0.9)', 'recover(epochs=1, lr=0.01)', only=['ros'])
        with expect_fail(ValueError, 'No seed 7 in the grid. Known: [0, 1]'):
            found.mitigation_effects('magnitude(sparsity=0.9)', 'recover(epochs=1, lr=0.01)', seeds=[1, 7])
    with tempfile.TemporaryDirectory() as folder:
        found = open_sweep(tiny_grid(folder, seeds=1), f'{folder}/out')
        before, source = found.estimate()
        # nothing is written
        assert before > 0 and source == 'a forward pass of 64 texts' and not Path(folder, 'out').exists()
        found.run(progress=False)
        assert found.estimate() == (0, '4 finished cells')
        assert found.estimate(found.cells)[0] > 0


def test_sweep_4(): # nbs/api/68_tables.ipynb, cell 335aa864
    with tempfile.TemporaryDirectory() as folder:
        found = open_sweep(tiny_grid(folder), f'{folder}/out')
        text = preview(found, ['seed=1'])
        with expect_fail(ValueError, 'sparsity = 50'):
            preview(open_sweep(tiny_grid(folder, methods=['int8()', 'magnitude(sparsity=50)']), f'{folder}/out'))
    assert (
        text.startswith('4 cells to compute of 8')
        and text.count('toy seed=1 ') == 4
        and _clock(100) == '2 min'
        and _clock(7200) == '2.0 h'
    )


@pytest.mark.heavy
def test_sweep_5(): # nbs/api/68_tables.ipynb, cell tabpubte
    """The published files say the same as the folder: the same decisions, and so the same table of effects."""
    with tempfile.TemporaryDirectory() as folder:
        for ending in ('parquet', 'csv'): save_table(DataFrame(dict(group=['=1+1'])), f'{folder}/a.{ending}')
        assert read_parquet(f'{folder}/a.parquet').group[0] == '=1+1' and read_csv(f'{folder}/a.csv').group[0] == "'=1+1"
    with tempfile.TemporaryDirectory() as folder:
        grid = tiny_grid(
            folder,
            folds=3,
            seeds=[4],
            methods=['magnitude(sparsity=0.9)'],
            mitigations=['none', 'recover(epochs=1, lr=0.01)', 'temperature(min_n=3)'],
        )
        found = sweep(grid, f'{folder}/out', progress=False)
        assert [p.name for p in found.publish(f'{folder}/kept')] == ['texts.parquet', 'seed_4.parquet', 'cells.parquet']
        said, costs, how = (
            published(f'{folder}/kept'),
            read_parquet(f'{folder}/kept/cells.parquet'),
            dict(n_resamples=200, min_n=3),
        )
        with expect_fail(ValueError, 'has no texts.parquet'): published(folder)
        want = found.mitigation_effects('magnitude(sparsity=0.9)', 'recover(epochs=1, lr=0.01)', **how)
    got = chain_effects(said, 'magnitude(sparsity=0.9)', 'recover(epochs=1, lr=0.01)', **how)
    pd.testing.assert_frame_equal(got, want[got.columns])
    assert len(costs) == 4 * len(found.cells) and set(costs.metric) == {'parameters', 'nonzero', 'bytes', 'macs'}
