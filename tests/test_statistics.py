# Generated from nbs/api/24_statistics.ipynb: edit the notebook
import numpy as np
import pandas as pd
from fastcore.test import expect_fail
from scipy import stats
from scipy.sparse import csr_array
from fairprune.statistics import *


def test_Draws(): # nbs/api/24_statistics.ipynb, cell c95797a2
    """Draws that were kept are the same as new draws would be."""
    kept, fresh = Draws([3, 1, 400], 2500, 0), Draws([3, 1, 400], 2500, 0, keep=0)
    assert kept.kept is not None and fresh.kept is None
    assert all((np.concatenate(list(d)) == np.concatenate(list(kept))).all() for d in (kept, fresh, fresh))
    assert (np.concatenate(list(kept)).sum(1) == 404).all()


def test_resampled_sums(): # nbs/api/24_statistics.ipynb, cell 5f8c4818
    """The spread of a resampled mean is the standard error, as it must be."""
    hits = (np.arange(400) % 4 == 0)[:, None].astype('int8')
    means = resampled_sums(hits)[:, 0] / 400
    assert abs(means.mean() - .25) < .001 and abs(means.std() - (.25 * .75 / 400) ** .5) < .001
    assert (resampled_sums(hits, 50, seed=1) == resampled_sums(hits, 50, seed=1)).all()
    assert resampled_sums(np.arange(50_000)[:, None], 90).shape == (90, 1) # more rows than fit beside many draws
    with expect_fail(ValueError, 'at least one row'): resampled_sums(np.zeros((0, 3)))


def test_MIN_UNITS(): # nbs/api/24_statistics.ipynb, cell 00ca3875
    """A hundred templates with four texts that are all hit or all missed carry the information of a hundred texts: the standard error is twice that of four hundred."""
    template = np.arange(400) // 4
    alike = (template % 4 == 0)[:, None].astype('int8')
    assert (clustered(alike, template)[:, 0] == np.where(np.arange(100) % 4 == 0, 4, 0)).all()
    assert abs((resampled_sums(alike, clusters=template)[:, 0] / 400).std() - (.25 * .75 / 100) ** .5) < .001
    assert (resampled_sums(alike, 50, clusters=np.arange(400)) == resampled_sums(alike, 50)).all() # everyone alone
    with expect_fail(ValueError, '3 clusters for 400 rows'): resampled_sums(alike, clusters=[1, 2, 3])


def test_design_effect(): # nbs/api/24_statistics.ipynb, cell e2cd8414
    """Four texts that have nothing in common count as nearly four, once there are many clusters."""
    template = np.arange(400) // 4
    alike = (template % 4 == 0)[:, None].astype('int8')
    assert np.isclose(design_effect(alike[:, 0], template), 4) and design_effect(alike[:, 0], np.arange(400)) == 1
    mixed = np.random.default_rng(0).permutation(alike[:, 0])
    assert (
        abs(design_effect(mixed, template, 0) - 1) < 0.2
        and design_effect(mixed, template, 0) < design_effect(mixed, template) < 1.3
    )
    # nearly nothing is known
    assert design_effect(np.zeros(400), template) == design_effect(np.zeros(400), template, 0) == 4 and np.isclose(
        design_effect(np.arange(400) < 1, template), 17 / 5, atol=0.01
    )
    assert (
        np.isclose(design_effect(np.zeros(6), np.repeat([1, 2, 3], [1, 2, 3])), 14 / 6)
        and design_effect([1, 1], ['a', 'a']) == 2
    )


def test_with_seeds(): # nbs/api/24_statistics.ipynb, cell 98fd710b
    hits = (np.arange(400) % 4 == 0)[:, None].astype('int8')
    means = resampled_sums(hits)[:, 0] / 400
    low, high = interval(np.arange(1001.))
    assert np.allclose((low, high), (25, 975))
    assert np.isclose(p_value(np.ones(999)), .002) and p_value(np.array([-1., 1] * 500)) == 1
    # what cannot be told is no proof
    assert np.isclose(p_value(np.r_[np.ones(950), [np.nan] * 49]), 0.1) and np.isnan(
        p_value(np.r_[np.ones(500), [np.nan] * 499])
    )
    with expect_fail(ValueError, 'confidence = 95'): interval(means, 95)


def test_few_units(): # nbs/api/24_statistics.ipynb, cell dd2b4bcd
    """So their draws are stretched around the observed value."""
    clean = np.random.default_rng(0)
    errs = {k: np.zeros(2) for k in (10, 30)}
    for k, wrong in errs.items():
        for _ in range(400):
            unit = clean.normal(size=(k, 1))
            drawn = resampled_sums(unit, 400, seed=int(clean.integers(10**6)))[:, 0] / k
            for i, wide in enumerate((1, few_units(k))):
                low, high = interval(unit.mean() + (drawn - unit.mean()) * wide)
                wrong[i] += not low < 0 < high
    print({k: (wrong / 400).round(3).tolist() for k, wrong in errs.items()})
    assert (
        errs[10][0] > 28 > errs[10][1] + 2
        and errs[30][1] < 30
        and np.isclose(few_units(10), (10 / 9) ** 0.5 * stats.t.ppf(0.975, 9) / stats.norm.ppf(0.975))
        and few_units(10_000) < 1.001
    )


def test_mcnemar(): # nbs/api/24_statistics.ipynb, cell 456b8a15
    """McNemar's test (1947) is its form for right and wrong answers: of the texts on which the two models differ, are as many won as lost?"""
    rng = np.random.default_rng(0)
    few, many = rng.normal(.5, 1, (9, 2)), rng.normal(.2, 1, (60, 2))
    def by_scipy(d, n):
        return stats.permutation_test(
            (d,), lambda x, axis: x.mean(axis), permutation_type='samples', n_resamples=n, vectorized=True, rng=1
        ).pvalue
    assert np.allclose(sign_flip_test(few), by_scipy(few, 10_000)) # exact, both
    assert (
        np.allclose(sign_flip_test(many), by_scipy(many, 10_000), atol=0.015)
        and sign_flip_test(many[:, 0]) == sign_flip_test(many)[0]
    )
    assert (
        sign_flip_test(np.ones(5)) == 2 / 32
        and sign_flip_test(np.zeros(5)) == 1
        and sign_flip_test(np.ones(1000), 99) == 0.01
    )
    right, then = np.ones(100, bool), np.arange(100) >= 8 # eight lost, none won
    assert np.isclose(mcnemar(right, then), 2 / 2 ** 8) and mcnemar(right, right) == 1
    # the texts that do not change say nothing
    assert np.isclose(mcnemar(right, then), sign_flip_test((then * 1. - right)[:8]))
    assert abs(mcnemar(right, then, clusters=np.arange(100) // 2) - 2 / 2 ** 4) < .015 # eight texts, four pairs of them
    assert sign_flip_test(np.ones(10), clusters=np.arange(10) // 2) == 2 / 32
    with expect_fail(ValueError, 'give finite numbers'): sign_flip_test([1, np.nan])
    with expect_fail(ValueError, 'give booleans'): mcnemar([1, 0], [1, 1])
    with expect_fail(ValueError, 'one before and one after'): mcnemar(right, then[:-1])


def test_over_seeds(): # nbs/api/24_statistics.ipynb, cell 57a05bc7
    """With one seed nothing is added: the interval then holds for this single training run."""
    points = np.array([.70, .72, .77])
    still = np.full(200_000, points.mean())
    assert np.allclose(
        interval(over_seeds(still, points)), stats.t.interval(0.95, 2, points.mean(), stats.sem(points)), atol=0.002
    )
    assert over_seeds(still, points[:1]) is still


def test_over_seeds_2(): # nbs/api/24_statistics.ipynb, cell 0198948b
    """With counted draws, luck would decide about significance near a bound."""
    points = np.array([.70, .72, .77])
    moved = points - .7
    assert np.isclose(p_value(np.full(1000, moved.mean()), moved), stats.ttest_1samp(moved, 0).pvalue)
    shifts = np.array([.010, .024, .031, .022, .008])
    def texts(seed, n): return np.random.default_rng(seed).normal(shifts.mean(), .004, n)
    one, other = (p_value(texts(seed, 10_000), shifts) for seed in (0, 1))
    drawn = p_value(over_seeds(texts(2, 400_000), shifts))
    print(f'{one:.4f} and {other:.4f} from 10,000 draws; {drawn:.4f} from 400,000 drawn with their seeds')
    assert abs(one / other - 1) < .05 and abs(one / drawn - 1) < .05 and one < .05
    assert p_value(texts(0, 2000), shifts[:1]) == p_value(texts(0, 2000)) and p_value(np.ones(99), [1., 1.]) == 2 / 100


def test_welch(): # nbs/api/24_statistics.ipynb, cell be1813bd
    """Welch's t-test (1947) allows the two to have different spreads."""
    a, b = np.array([[.8, .5], [.82, .5], [.81, .5]]), np.array([[.7, .5], [.75, .5]])
    found = welch(a, b)
    va, vb = a[:, 0].var(ddof=1) / 3, b[:, 0].var(ddof=1) / 2
    df = (va + vb) ** 2 / (va ** 2 / 2 + vb ** 2 / 1) # Welch and Satterthwaite, by hand
    t = found['change'][0] / (va + vb) ** .5
    assert np.isclose(found['change'][0], -.085) and np.isclose(found['p'][0], 2 * stats.t.sf(abs(t), df))
    assert (
        np.isclose(found['low'][0], -0.085 - stats.t.ppf(0.975, df) * (va + vb) ** 0.5)
        and np.isnan(found['p'][1])
        and found['change'][1] == 0
    )
    with expect_fail(ValueError, 'at least two at each level'): welch(a[:1], b)


def test_holm(): # nbs/api/24_statistics.ipynb, cell a2e0c324
    """Holm's correction (1979) keeps this at 5%: the k-th smallest of m p-values is multiplied by m - k + 1, and the order of the p-values is kept."""
    assert np.allclose(holm([.01, .04, .03]), [.03, .06, .06])
    assert np.allclose(holm([.5, np.nan, .9]), [1, np.nan, 1], equal_nan=True)


def test_benjamini_hochberg(): # nbs/api/24_statistics.ipynb, cell 0d177788
    """Then the share of false findings is bounded instead (Benjamini & Hochberg 1995)."""
    assert np.allclose(benjamini_hochberg([.01, np.nan, .04, .03]), [.03, np.nan, .04, .04], equal_nan=True)
    assert (benjamini_hochberg([0.01, 0.02, 0.2]) <= holm([0.01, 0.02, 0.2])).all() and np.isnan(
        benjamini_hochberg([np.nan])
    ).all()


def test_simultaneous(): # nbs/api/24_statistics.ipynb, cell 178c5d2f
    """A group that lost nothing gets the pooled variance of all groups."""
    rng, member = np.random.default_rng(0), np.repeat(np.arange(4), 50)
    def lost(share): return -(rng.random(200) < np.asarray(share)[member]).astype(float)
    def contrasts(d, unit=np.arange(200), **how):
        change = np.array([[d[member == g].mean() for g in range(4)]])
        psi = csr_array(((d - change[0, member]) / 50, (member, unit)))
        return beyond_mean(change, psi, np.ones(psi.shape[1]), np.full(4, 50), np.full(4, 50 * psi.shape[1] // 200))
    d = lost([.2, .2, .2, 0])
    value, variance, df = contrasts(d)
    v = np.array([d[member == g].var() / 50 for g in range(4)])
    floored = np.maximum(v + 1 / 50 ** 2, v.mean())
    assert (
        np.allclose(value, -d.reshape(4, 50).mean(1).mean() + d.reshape(4, 50).mean(1))
        and v[3] == 0
        and (df == np.inf).all()
    )
    assert np.allclose(variance, floored * (1 - 2 / 4) + floored.sum() / 16) # (1 - 1/4)^2 of its own, 1/4^2 of each other
    audits = [contrasts(lost([.2] * 4)) for _ in range(2000)]
    assert .85 < np.std([a[0] for a in audits]) / np.sqrt(np.mean([a[1] for a in audits])) < 1
    false = np.mean([(simultaneous(*a, 4)[2] < .05).any() for a in audits])
    assert .005 < false < .05
    for value, variance, df in audits[:50]: # an interval leaves 0 out where p says so
        low, high, p = simultaneous(value, variance, df, 4)
        assert ((p < .05) == ((low > 0) | (high < 0))).all()


def test_simultaneous_2(): # nbs/api/24_statistics.ipynb, cell ee5d102f
    """Where nothing changed in forty texts of each of two groups, no move is found, but up to one text in forty may have changed."""
    rng, member = np.random.default_rng(0), np.repeat(np.arange(4), 50)
    def lost(share): return -(rng.random(200) < np.asarray(share)[member]).astype(float)
    def contrasts(d, unit=np.arange(200), **how):
        change = np.array([[d[member == g].mean() for g in range(4)]])
        psi = csr_array(((d - change[0, member]) / 50, (member, unit)))
        return beyond_mean(change, psi, np.ones(psi.shape[1]), np.full(4, 50), np.full(4, 50 * psi.shape[1] // 200))
    alike = np.repeat(lost([.2] * 4)[::5], 5) # five texts with one fate
    assert (contrasts(alike, np.arange(200) // 5)[1] > 4.5 * contrasts(alike)[1]).all()
    psi = csr_array(np.zeros((2, 3)))
    value, variance, df = beyond_mean(
        np.array([[0.0, 0.1], [0.0, 0.2], [0.0, 0.3]]), psi, np.ones(3), *[np.array([40, 40]), np.array([1e9, 1e9])]
    )
    assert np.allclose(value, [-.1, .1]) and np.allclose(df, 2) and np.allclose(variance, .05 ** 2 / 3)
    assert np.allclose(simultaneous(value, variance, df, 1)[:2], stats.t.interval(.95, 2, value, np.sqrt(variance)))
    low, high, p = simultaneous(*beyond_mean(np.zeros((1, 2)), psi, np.ones(3), np.array([40, 40]), np.array([40, 40])), 1)
    assert (p == 1).all() and np.allclose(high, -low) and np.allclose(high, stats.norm.isf(.025) * np.sqrt(2 / 40 ** 2) / 2)


def test_tost(): # nbs/api/24_statistics.ipynb, cell 9879b2dc
    """A [gate](65_gate.ipynb) decides in this way."""
    change = np.random.default_rng(0).normal(-.01, .01, 100_000)
    assert np.isclose(non_inferiority(change, 0.03), stats.norm.cdf(-0.03, -0.01, 0.01), atol=0.002) and tost(
        change, 0.03
    ) == non_inferiority(change, 0.03)
    assert np.isclose(tost(-change, .03), tost(change, .03)) and tost(change, .01) > .4 # half of the draws lose more
    low, high = interval(change, .9)
    assert (tost(change, .03) < .05) == (-.03 < low and high < .03) # the 90% interval within the margin
    with expect_fail(ValueError, 'margin = -0.02'): tost(change, -.02)


def test_effect(): # nbs/api/24_statistics.ipynb, cell 86e70446
    """Texts are flipped as the formula assumes, twenty thousand times, and tested."""
    n, psi = 500, .12
    gap = minimum_detectable_gap(n, psi)
    won, lost, _ = np.random.default_rng(0).multinomial(n, [(psi - gap) / 2, (psi + gap) / 2, 1 - psi], 20_000).T
    found = np.abs(lost - won) > stats.norm.ppf(.975) * np.sqrt(lost + won)
    assert abs(found.mean() - .8) < .02
    assert (
        minimum_group_size(gap, psi) == n
        and minimum_detectable_gap(n, psi, groups=13) > gap
        and minimum_detectable_gap(10, 0.02) == np.inf
    )
    # each text five times
    assert minimum_detectable_gap(5 * n, psi, effect=5) == gap and minimum_group_size(gap, psi, effect=5) == 5 * n
    assert np.allclose(
        minimum_detectable_gap([100, 400], 0.1), [minimum_detectable_gap(100, 0.1), minimum_detectable_gap(400, 0.1)]
    )
    for wrong, call in {
        'alpha = 5': lambda: minimum_detectable_gap(n, alpha=5),
        'power = 1': lambda: minimum_group_size(0.02, power=1),
        'flips = 0': lambda: minimum_detectable_gap(n, 0),
        'n = 0': lambda: minimum_detectable_gap(0),
        'groups = 0': lambda: minimum_detectable_gap(n, groups=0),
        'effect = 0.5': lambda: minimum_detectable_gap(n, effect=0.5),
        'no larger than': lambda: minimum_group_size(0.2, 0.1),
    }.items():
        with expect_fail(ValueError, wrong): call()


def test_effect_2(): # nbs/api/24_statistics.ipynb, cell 5666ea79
    """In five folds all texts are judged, 400 to 600 a group, and a loss of 4 points is found."""
    half_width = 1.96 * np.sqrt(.8 * .2 / np.array([100, 190]))
    assert np.allclose(half_width, [.078, .057], atol=.001)
    sizes = pd.DataFrame(dict(n=[100, 190, 400, 600])).assign(
        one_group=lambda t: minimum_detectable_gap(t.n), thirteen_groups=lambda t: minimum_detectable_gap(t.n, groups=13)
    )
