# Generated from nbs/api/19_benchmarks.ipynb: edit the notebook
from dataclasses import dataclass, field
from pathlib import Path
import numpy as np
import pandas as pd
import tempfile
from fastcore.test import expect_fail
from fairprune.models import tiny_classifier, tiny_lm
from fairprune.bias.benchmarks import *


def test_nats_of_a_guess(): # nbs/api/19_benchmarks.ipynb, cell 998d887b
    """Two scores are tied if they differ by no more than the rounding of floats."""
    assert preferred([-1., -2, -3, -60], [-2., -1, -3, -60.00001]).tolist() == [1, 0, .5, .5]
    assert preferred(-60, -60.001) == 1 and tied(0., 0.) and not tied(0., 1e-9)


def test_nats_of_a_guess_2(): # nbs/api/19_benchmarks.ipynb, cell b435e099
    """A coin may also land on its edge."""
    @dataclass(frozen=True)
    class Coin(Benchmark):
        name = 'coin'
        bias, neutral = 'heads', 50.
        heads: float = field(default=.5, compare=False) # the chance; not part of what is asked
        seed: int = field(default=0, compare=False)
        def score(self, model, progress):
            rng = np.random.default_rng(self.seed)
            return pd.DataFrame(
                dict(
                    id=np.arange(400).astype(str),
                    type=np.repeat(['new', 'old'], 200),
                    unit=np.arange(400) // 4,
                    up=rng.random(400) < self.heads,
                )
            ).assign(up=lambda t: 1.0 * t.up)
        def columns(self, items): return pd.DataFrame(dict(n=1., up=items.up)) # a half on the edge
        def rates(self, sums): return dict(heads=100 * sums['up'] / sums['n'])
        def across(self, rates): return dict(gap=np.ptp(rates['heads'], axis=-1))
        def decisions(self, items): return items.up > 0
        def undecided(self, items): return items.up == .5
    model = tiny_lm('llama')
    fair, bent = Coin()(model), Coin(.7, seed=1)(model)
    assert str(Coin(.7)) == 'coin(heads=0.7)' and len(fair) == 400
    with expect_fail(ValueError, 'of the kind causal or masked; BertForSequenceClassification is of the kind classifier'):
        Coin()(tiny_classifier('bert'))
    broken = fair.items.assign(up=[np.nan] + [1.] * 399)
    with expect_fail(ValueError, "NaN or infinite scores in 1 of 400 items, first at id '0'"): Scores(broken, Coin())
    with expect_fail(ValueError, 'Ids must be unique'): Scores(pd.concat([fair.items] * 2), Coin())
    with expect_fail(ValueError, "A type is called 'all', which is our word"): Scores(fair.items.assign(type='all'), Coin())
    with expect_fail(ValueError, 'Missing column: unit'): Scores(fair.items.drop(columns='unit'), Coin())


def test_parse_benchmark(): # nbs/api/19_benchmarks.ipynb, cell 51314459
    @dataclass(frozen=True)
    class Coin(Benchmark):
        name = 'coin'
        bias, neutral = 'heads', 50.
        heads: float = field(default=.5, compare=False) # the chance; not part of what is asked
        seed: int = field(default=0, compare=False)
        def score(self, model, progress):
            rng = np.random.default_rng(self.seed)
            return pd.DataFrame(
                dict(
                    id=np.arange(400).astype(str),
                    type=np.repeat(['new', 'old'], 200),
                    unit=np.arange(400) // 4,
                    up=rng.random(400) < self.heads,
                )
            ).assign(up=lambda t: 1.0 * t.up)
        def columns(self, items): return pd.DataFrame(dict(n=1., up=items.up)) # a half on the edge
        def rates(self, sums): return dict(heads=100 * sums['up'] / sums['n'])
        def across(self, rates): return dict(gap=np.ptp(rates['heads'], axis=-1))
        def decisions(self, items): return items.up > 0
        def undecided(self, items): return items.up == .5
    assert parse_benchmark('coin') == Coin() and parse_benchmark(str(Coin(.7))).heads == .7
    with expect_fail(ValueError, "Unknown benchmark 'dice'"): parse_benchmark('dice()')


def test_parse_benchmark_2(): # nbs/api/19_benchmarks.ipynb, cell 9ab978e2
    """Scores come back from disk as they were."""
    @dataclass(frozen=True)
    class Coin(Benchmark):
        name = 'coin'
        bias, neutral = 'heads', 50.
        heads: float = field(default=.5, compare=False) # the chance; not part of what is asked
        seed: int = field(default=0, compare=False)
        def score(self, model, progress):
            rng = np.random.default_rng(self.seed)
            return pd.DataFrame(
                dict(
                    id=np.arange(400).astype(str),
                    type=np.repeat(['new', 'old'], 200),
                    unit=np.arange(400) // 4,
                    up=rng.random(400) < self.heads,
                )
            ).assign(up=lambda t: 1.0 * t.up)
        def columns(self, items): return pd.DataFrame(dict(n=1., up=items.up)) # a half on the edge
        def rates(self, sums): return dict(heads=100 * sums['up'] / sums['n'])
        def across(self, rates): return dict(gap=np.ptp(rates['heads'], axis=-1))
        def decisions(self, items): return items.up > 0
        def undecided(self, items): return items.up == .5
    model = tiny_lm('llama')
    fair, bent = Coin()(model), Coin(.7, seed=1)(model)
    with tempfile.TemporaryDirectory() as d:
        again = Scores.load(fair.save(Path(d)/'fair.parquet'))
        assert again.items.equals(fair.items) and again.benchmark == Coin() and again.meta == fair.meta
        with expect_fail(ValueError, 'No file'): Scores.load(Path(d)/'none.parquet')


def test_score_table(): # nbs/api/19_benchmarks.ipynb, cell 391c7045
    """An item that is undecided in one of two models has not flipped."""
    @dataclass(frozen=True)
    class Coin(Benchmark):
        name = 'coin'
        bias, neutral = 'heads', 50.
        heads: float = field(default=.5, compare=False) # the chance; not part of what is asked
        seed: int = field(default=0, compare=False)
        def score(self, model, progress):
            rng = np.random.default_rng(self.seed)
            return pd.DataFrame(
                dict(
                    id=np.arange(400).astype(str),
                    type=np.repeat(['new', 'old'], 200),
                    unit=np.arange(400) // 4,
                    up=rng.random(400) < self.heads,
                )
            ).assign(up=lambda t: 1.0 * t.up)
        def columns(self, items): return pd.DataFrame(dict(n=1., up=items.up)) # a half on the edge
        def rates(self, sums): return dict(heads=100 * sums['up'] / sums['n'])
        def across(self, rates): return dict(gap=np.ptp(rates['heads'], axis=-1))
        def decisions(self, items): return items.up > 0
        def undecided(self, items): return items.up == .5
    model = tiny_lm('llama')
    fair, bent = Coin()(model), Coin(.7, seed=1)(model)
    table = fair.table[fair.table.metric != 'ties'].set_index('type')
    assert table.value['all'] == 100 * fair.items.up.mean() and table.value['new'] == 100 * fair.items.up[:200].mean()
    assert table.value['across'] == abs(table.value['new'] - table.value['old'])


def test_compare_scores(): # nbs/api/19_benchmarks.ipynb, cell b4b61b78
    """Compared with itself a model has a difference of zero, and no flips."""
    @dataclass(frozen=True)
    class Coin(Benchmark):
        name = 'coin'
        bias, neutral = 'heads', 50.
        heads: float = field(default=.5, compare=False) # the chance; not part of what is asked
        seed: int = field(default=0, compare=False)
        def score(self, model, progress):
            rng = np.random.default_rng(self.seed)
            return pd.DataFrame(
                dict(
                    id=np.arange(400).astype(str),
                    type=np.repeat(['new', 'old'], 200),
                    unit=np.arange(400) // 4,
                    up=rng.random(400) < self.heads,
                )
            ).assign(up=lambda t: 1.0 * t.up)
        def columns(self, items): return pd.DataFrame(dict(n=1., up=items.up)) # a half on the edge
        def rates(self, sums): return dict(heads=100 * sums['up'] / sums['n'])
        def across(self, rates): return dict(gap=np.ptp(rates['heads'], axis=-1))
        def decisions(self, items): return items.up > 0
        def undecided(self, items): return items.up == .5
    model = tiny_lm('llama')
    fair, bent = Coin()(model), Coin(.7, seed=1)(model)
    fair.table.round(1)
    found = compare_scores(fair, bent, n_resamples=1000).set_index(['metric', 'type'])
    heads = found.loc[('heads', 'all')]
    assert heads.change == bent.table.value[0] - fair.table.value[0] and 0 < heads.low < heads.change < heads.high
    assert (found.p_holm['heads'].dropna() < .01).all() and found.p_holm['heads'].notna().sum() == 2
    flipped = found.loc[('flip_rate', 'all')]
    assert np.isclose(flipped.compressed, 100 * (fair.items.up != bent.items.up).mean()) and np.isnan(flipped.p)
    assert np.isclose(
        flipped.compressed, found.compressed[('became_biased', 'all')] + found.compressed[('became_unbiased', 'all')]
    )
    same = compare_scores(fair, fair, n_resamples=200)
    assert (same.change == 0).all() and (same.query("metric == 'heads'").p == 1).all()


def test_compare_scores_2(): # nbs/api/19_benchmarks.ipynb, cell ed390d5a
    """The draws are paired, and several seeds are pooled."""
    @dataclass(frozen=True)
    class Coin(Benchmark):
        name = 'coin'
        bias, neutral = 'heads', 50.
        heads: float = field(default=.5, compare=False) # the chance; not part of what is asked
        seed: int = field(default=0, compare=False)
        def score(self, model, progress):
            rng = np.random.default_rng(self.seed)
            return pd.DataFrame(
                dict(
                    id=np.arange(400).astype(str),
                    type=np.repeat(['new', 'old'], 200),
                    unit=np.arange(400) // 4,
                    up=rng.random(400) < self.heads,
                )
            ).assign(up=lambda t: 1.0 * t.up)
        def columns(self, items): return pd.DataFrame(dict(n=1., up=items.up)) # a half on the edge
        def rates(self, sums): return dict(heads=100 * sums['up'] / sums['n'])
        def across(self, rates): return dict(gap=np.ptp(rates['heads'], axis=-1))
        def decisions(self, items): return items.up > 0
        def undecided(self, items): return items.up == .5
    model = tiny_lm('llama')
    fair, bent = Coin()(model), Coin(.7, seed=1)(model)
    fair.table.round(1)
    found = compare_scores(fair, bent, n_resamples=1000).set_index(['metric', 'type'])
    heads = found.loc[('heads', 'all')]
    other = Coin(.7, seed=2)(model)
    with_control = compare_scores(fair, bent, other, n_resamples=1000).set_index(['metric', 'type']).loc[('heads', 'all')]
    assert with_control.over_control == bent.table.value[0] - other.table.value[0]
    assert with_control.over_control_low < 0 < with_control.over_control_high and with_control.change == heads.change
    seeds = (
        compare_scores([fair, fair], [bent, other], n_resamples=1000).query("metric == 'heads' and type == 'all'").squeeze()
    )
    assert (
        seeds.seeds == 2
        and np.isclose(seeds.compressed, (bent.table.value[0] + other.table.value[0]) / 2)
        and seeds.high - seeds.low > heads.high - heads.low
    )


def test_compare_scores_3(): # nbs/api/19_benchmarks.ipynb, cell 5be21f2f
    """The interval of the change agrees with a bootstrap that draws units one by one."""
    @dataclass(frozen=True)
    class Coin(Benchmark):
        name = 'coin'
        bias, neutral = 'heads', 50.
        heads: float = field(default=.5, compare=False) # the chance; not part of what is asked
        seed: int = field(default=0, compare=False)
        def score(self, model, progress):
            rng = np.random.default_rng(self.seed)
            return pd.DataFrame(
                dict(
                    id=np.arange(400).astype(str),
                    type=np.repeat(['new', 'old'], 200),
                    unit=np.arange(400) // 4,
                    up=rng.random(400) < self.heads,
                )
            ).assign(up=lambda t: 1.0 * t.up)
        def columns(self, items): return pd.DataFrame(dict(n=1., up=items.up)) # a half on the edge
        def rates(self, sums): return dict(heads=100 * sums['up'] / sums['n'])
        def across(self, rates): return dict(gap=np.ptp(rates['heads'], axis=-1))
        def decisions(self, items): return items.up > 0
        def undecided(self, items): return items.up == .5
    model = tiny_lm('llama')
    fair, bent = Coin()(model), Coin(.7, seed=1)(model)
    fair.table.round(1)
    found = compare_scores(fair, bent, n_resamples=1000).set_index(['metric', 'type'])
    heads = found.loc[('heads', 'all')]
    rng, up = np.random.default_rng(0), np.stack([bent.items.up - fair.items.up]).reshape(100, 4).sum(1)
    brute = np.quantile([100 * up[rng.integers(0, 100, 100)].sum() / 400 for _ in range(4000)], [.025, .975])
    assert np.allclose(brute, [heads.low, heads.high], atol=1)
    with expect_fail(ValueError, '2 and 1 scores'): compare_scores([fair, fair], bent)
    with expect_fail(ValueError, 'other items: 200 of 400 ids'): compare_scores(fair, Scores(bent.items[:200], Coin()))
    few = Scores(fair.items[:36], Coin())
    assert not compare_scores(few, few, n_resamples=100).judged.any() # nine units


def test_collapsed(): # nbs/api/19_benchmarks.ipynb, cell be0ab97e
    """It did not become fair: its answers tell nothing."""
    @dataclass(frozen=True)
    class Coin(Benchmark):
        name = 'coin'
        bias, neutral = 'heads', 50.
        heads: float = field(default=.5, compare=False) # the chance; not part of what is asked
        seed: int = field(default=0, compare=False)
        def score(self, model, progress):
            rng = np.random.default_rng(self.seed)
            return pd.DataFrame(
                dict(
                    id=np.arange(400).astype(str),
                    type=np.repeat(['new', 'old'], 200),
                    unit=np.arange(400) // 4,
                    up=rng.random(400) < self.heads,
                )
            ).assign(up=lambda t: 1.0 * t.up)
        def columns(self, items): return pd.DataFrame(dict(n=1., up=items.up)) # a half on the edge
        def rates(self, sums): return dict(heads=100 * sums['up'] / sums['n'])
        def across(self, rates): return dict(gap=np.ptp(rates['heads'], axis=-1))
        def decisions(self, items): return items.up > 0
        def undecided(self, items): return items.up == .5
    model = tiny_lm('llama')
    fair, bent = Coin()(model), Coin(.7, seed=1)(model)
    fair.table.round(1)
    edge = Scores(bent.items.assign(up=lambda t: t.up.where(np.arange(400) % 10 == 0, .5)), Coin())
    table = compare_scores(bent, edge, n_resamples=200)
    whole = table[table.type == 'all'].set_index('metric')
    assert (
        whole.compressed['ties'] == 90
        and whole.dense['ties'] == 0
        and abs(whole.compressed['heads'] - 50) < 5 < whole.dense['heads'] - 50
    )
    assert whole.compressed['flip_rate'] == 0 and collapsed(edge, table) == '90% of its answers are ties'
    assert (
        edge.table.set_index(['metric', 'type']).value['ties', 'all'] == 90
        and collapsed(bent, compare_scores(fair, bent, n_resamples=200)) == ''
    )


def test_collapsed_2(): # nbs/api/19_benchmarks.ipynb, cell a756524e
    """Whether larger values are better depends on the metric: for right answers they are, for surprise they are not."""
    @dataclass(frozen=True)
    class Coin(Benchmark):
        name = 'coin'
        bias, neutral = 'heads', 50.
        heads: float = field(default=.5, compare=False) # the chance; not part of what is asked
        seed: int = field(default=0, compare=False)
        def score(self, model, progress):
            rng = np.random.default_rng(self.seed)
            return pd.DataFrame(
                dict(
                    id=np.arange(400).astype(str),
                    type=np.repeat(['new', 'old'], 200),
                    unit=np.arange(400) // 4,
                    up=rng.random(400) < self.heads,
                )
            ).assign(up=lambda t: 1.0 * t.up)
        def columns(self, items): return pd.DataFrame(dict(n=1., up=items.up)) # a half on the edge
        def rates(self, sums): return dict(heads=100 * sums['up'] / sums['n'])
        def across(self, rates): return dict(gap=np.ptp(rates['heads'], axis=-1))
        def decisions(self, items): return items.up > 0
        def undecided(self, items): return items.up == .5
    model = tiny_lm('llama')
    fair, bent = Coin()(model), Coin(.7, seed=1)(model)
    fair.table.round(1)
    class Known(Coin):
        name, damage = 'known', 'heads' # as if heads were the right answers
        def guess(self, items): return 50.
    class Surprise(Known):
        name, more = 'surprise', False
    def told(benchmark, heads): # the reason, or ''
        asked = Scores(Coin(heads, seed=1)(model).items, benchmark)
        return collapsed(asked, compare_scores(asked, asked, n_resamples=500))
    for benchmark in (Known(), Surprise()): assert told(benchmark, .5).endswith('and a guess has 50.0')
    # worse than a guess is no better
    assert told(Known(), .7) == told(Surprise(), .3) == '' and told(Known(), .3) and told(Surprise(), .7)
    assert nats_of_a_guess(pd.DataFrame(dict(vocabulary=[8, 8]))) == np.log(8) and nats_of_a_guess(fair.items) is None
