# Generated from nbs/api/44_effects.ipynb: edit the notebook
import numpy as np
from fastcore.test import expect_fail
from fairprune.bias.groups import planted
from fairprune.statistics import minimum_detectable_gap
from scipy import stats
from fairprune.effect import *


def test_adjusted(): # nbs/api/44_effects.ipynb, cell f8b2dc2e
    """One mitigation takes back half of the harm, one takes back all of it, and one does nothing."""
    dense, small = planted(3000, harm=.5)
    cures = {name: planted(3000, harm=h)[1] for name, h in {'nothing': .5, 'half': .25, 'all': 0.}.items()}
    found = effects(cures, dict(compressed=small, dense=dense), n_resamples=500)
    at = found.set_index(['against', 'mitigation', 'metric']).sort_index()
    worst = at.xs('worst_group_accuracy', level='metric')
    assert (at.loc[('compressed', 'nothing')].change == 0).all() and (at.loc[('dense', 'all')].change == 0).all()
    assert worst.loc[('compressed', 'all')].change > 1.5 * worst.loc[('compressed', 'half')].change > 0 and worst[
        ['low', 'high', 'p', 'p_holm']
    ].isna().all(axis=None)
    assert (
        worst.loc[('compressed', 'half')].p_relative < 0.01
        and worst.loc[('compressed', 'half')].p_even < 0.01
        and worst.loc[('compressed', 'nothing')].p_even == 1
        and worst.loc[('compressed', 'nothing')].p_relative == 1
        and at.xs('accuracy', level='metric').loc[('compressed', 'half')].low > 0
    )
    assert np.isclose(at.loc[('compressed', 'all', 'accuracy')].change, dense.accuracy - small.accuracy)


def test_adjusted_2(): # nbs/api/44_effects.ipynb, cell c3efe27b
    """Draws of the texts are close to normal, so their standard error is enough to get the p-value again to a few percent."""
    def again(r, draws=100_000):
        "The p-value of a row of several seeds, from its own figures."
        change, spread = np.array(r.by_seed), np.std(r.by_seed, ddof=1) / len(r.by_seed) ** .5
        beyond = stats.t.sf(
            (change.mean() + r.text_error * np.random.default_rng(0).normal(size=draws)) / spread, len(change) - 1
        ).mean()
        return 2 * min(beyond, 1 - beyond)
    few = [planted(600, harm=.5, seed=1)[1]] * 4, [planted(600, harm=h, seed=1)[1] for h in (.25, .33, .4, .42)]
    seeded = effects(dict(half=few[1]), dict(compressed=few[0]), ['accuracy', 'tpr:yes', 'worst_group_accuracy']).set_index(
        'metric'
    )
    assert (
        [len(r) for r in seeded.by_seed] == [4, 4, 4]
        and np.allclose(seeded.by_seed.map(np.mean), seeded.change)
        and (seeded.family == 1).all()
        and (seeded.left_out == '').all()
    )
    assert np.isclose(again(seeded.loc['accuracy']), seeded.p['accuracy'], rtol=0.05) and np.isclose(
        again(seeded.loc['tpr:yes']), seeded.p['tpr:yes'], rtol=0.05
    )
    # another seed of the bootstrap
    other = effects(dict(half=few[1]), dict(compressed=few[0]), ['accuracy', 'tpr:yes'], seed=1).set_index('metric')
    assert other.floor.isna().all() and other.family.tolist() == [1, 1]
    assert np.allclose(other.p, seeded.p[:2], rtol=0.05) and np.isclose(
        seeded.floor['worst_group_accuracy'],
        effects(dict(half=few[1]), dict(compressed=few[0]), seed=1).floor.iloc[1],
        atol=0.01,
    )


def test_adjusted_3(): # nbs/api/44_effects.ipynb, cell 8e3b6d21
    """With 25 mitigations at least 1,000 are needed, and 10,000 if another seed of the bootstrap should hardly change a p-value."""
    dense, small = planted(3000, harm=.5)
    cures = {name: planted(3000, harm=h)[1] for name, h in {'nothing': .5, 'half': .25, 'all': 0.}.items()}
    ranked = effects(
        {f'{name} {i}': p for name, p in cures.items() for i in range(3)},
        dict(compressed=small),
        ['gmb_bnsp_auc'],
        negative='no',
        n_resamples=1000,
    ).set_index('mitigation')
    assert (
        (ranked.p_holm[['all 0', 'half 1']] < 0.05).all()
        and (ranked.p_holm[['nothing 0', 'nothing 1']] == 1).all()
        and np.isclose(ranked.p['all 0'], 2 / 1001)
    )
    several = {} # a model that was resampled before is not resampled again, and says the same
    again = [
        effects(
            {f'{name} 0': cures[name]},
            dict(compressed=small),
            ['gmb_bnsp_auc'],
            negative='no',
            n_resamples=1000,
            drawn=several,
        ).iloc[0]
        for name in ('half', 'all')
    ]
    assert (
        len(several) == 3
        and [r.p for r in again] == ranked.p[['half 0', 'all 0']].tolist()
        and [r.low for r in again] == ranked.low[['half 0', 'all 0']].tolist()
    )


def test_families(): # nbs/api/44_effects.ipynb, cell 3c8d5dc8
    """`families` counts the tests behind the stars."""
    dense, small = planted(3000, harm=.5)
    cures = {name: planted(3000, harm=h)[1] for name, h in {'nothing': .5, 'half': .25, 'all': 0.}.items()}
    found = effects(cures, dict(compressed=small, dense=dense), n_resamples=500)
    at = found.set_index(['against', 'mitigation', 'metric']).sort_index()
    worst = at.xs('worst_group_accuracy', level='metric')
    found.query("metric == 'equalized_odds_difference'")[
        [
            'mitigation',
            'against',
            'value',
            'baseline',
            'floor',
            'baseline_floor',
            'change',
            'even_low',
            'even_high',
            'p_even_holm',
            'family',
        ]
    ].round(3)
    shown = effects_summary(found.assign(group_at_prediction=found.mitigation == 'all'), 'dense')
    assert effects_summary(found.assign(seeds=3), 'dense').seeds.tolist() == [3, 3, 3]
    assert (
        shown.index.tolist() == ['nothing', 'half', 'all']
        and shown.columns[-1] == 'group needed'
        and shown['group needed']['all'] == 'yes'
        and shown.accuracy['all'] == f'{dense.accuracy:.3f} (+0.0 [+0.0, +0.0])'
        and shown.accuracy['nothing'].endswith(')*')
    )
    r = worst.loc[('dense', 'nothing')]
    assert (
        shown.worst_group_accuracy['nothing']
        == f'{r.value:.3f} ({100 * r.change:+.1f} [even {100 * r.even_low:+.1f}, {100 * r.even_high:+.1f}], p '
           f'{r.p_even_holm:.2g})*'
    )
    assert shown.equalized_odds_difference['all'].startswith(
        f'{at.value["dense", "all", "equalized_odds_difference"]:.3f} (floor '
        f'{at.floor["dense", "all", "equalized_odds_difference"]:.3f}; '
    )
    # from before these metrics had levels alone
    stored = found.drop(columns=[c for c in found if 'even' in c or 'floor' in c]).assign(low=-1., high=1., p_holm=0.)
    assert effects_summary(stored, 'dense').worst_group_accuracy.tolist() == [
        v.split(' [even')[0] + ')' for v in shown.worst_group_accuracy
    ]
    counted = families(found).set_index(['against', 'metric'])
    assert (
        (counted.family == 3).all()
        and counted.stars['dense', 'worst_group_accuracy'] == 2
        and counted.stars['compressed', 'accuracy'] == 2
    )


def test_won_back(): # nbs/api/44_effects.ipynb, cell c536d9b9
    """A worst group or a gap has no interval, so no gain of it is sure; the gain of a class or of all texts may be."""
    dense, small = planted(3000, harm=.5)
    cures = {name: planted(3000, harm=h)[1] for name, h in {'nothing': .5, 'half': .25, 'all': 0.}.items()}
    found = effects(cures, dict(compressed=small, dense=dense), n_resamples=500)
    found.query("metric == 'equalized_odds_difference'")[
        [
            'mitigation',
            'against',
            'value',
            'baseline',
            'floor',
            'baseline_floor',
            'change',
            'even_low',
            'even_high',
            'p_even_holm',
            'family',
        ]
    ].round(3)
    # from before these metrics had levels alone
    stored = found.drop(columns=[c for c in found if 'even' in c or 'floor' in c]).assign(low=-1., high=1., p_holm=0.)
    back = won_back(found)
    assert (
        back.index.tolist() == ['all', 'half', 'nothing']
        and back.share.round(2).tolist()[::2] == [1, 0]
        and 0.35 < back.share['half'] < 0.65
        and back.reached['all']
        and not back.reached['nothing']
    )
    # less is better, and what is won back is above zero all the same
    gap_back = won_back(found, 'equalized_odds_difference')
    assert (
        gap_back.index[0] == 'all'
        and gap_back.share['all'] == 1
        and gap_back.reached['all']
        and gap_back.gain['nothing'] == 0
        and not gap_back.sure.any()
        and not won_back(stored.assign(low=0.1)).sure.any()
    )
    recall = won_back(
        effects(cures, dict(compressed=small, dense=dense), ['accuracy', 'tpr:yes'], n_resamples=500), 'tpr:yes'
    )
    assert recall.sure[['all', 'half']].all() and recall.reached['all'] and not recall.sure['nothing']


def test_plot_effects(): # nbs/api/44_effects.ipynb, cell c2f0d144
    """For a worst group or a difference, a filled point is a change beyond that of an even move."""
    dense, small = planted(3000, harm=.5)
    cures = {name: planted(3000, harm=h)[1] for name, h in {'nothing': .5, 'half': .25, 'all': 0.}.items()}
    found = effects(cures, dict(compressed=small, dense=dense), n_resamples=500)
    found.query("metric == 'equalized_odds_difference'")[
        [
            'mitigation',
            'against',
            'value',
            'baseline',
            'floor',
            'baseline_floor',
            'change',
            'even_low',
            'even_high',
            'p_even_holm',
            'family',
        ]
    ].round(3)
    # from before these metrics had levels alone
    stored = found.drop(columns=[c for c in found if 'even' in c or 'floor' in c]).assign(low=-1., high=1., p_holm=0.)
    counted = families(found).set_index(['against', 'metric'])
    assert len(plot_effects(found[(found.mitigation != 'nothing') | (found.against == 'dense')]).axes) == 2
    def filled(metric):
        return [
            [line.get_mfc() == 'C0' for line in ax.lines if line.get_marker() == 'o']
            for ax in plot_effects(found, metric).axes
        ]
    assert filled('worst_group_accuracy') == [[False, True, True], [True, True, False]] # as the stars, panel by panel
    recalls = found.assign(metric=found.metric.replace('accuracy', 'tpr:yes'))
    assert plot_effects(recalls, 'tpr:yes').get_supxlabel() == 'change of recall of yes, points'
    assert (
        families(stored).stars.sum() < counted.stars.sum() and len(plot_effects(stored, 'worst_group_accuracy').axes) == 2
    )


def test_plot_effects_2(): # nbs/api/44_effects.ipynb, cell 2ecd4028
    """It belongs beside every such table."""
    dense, small = planted(3000, harm=.5)
    cures = {name: planted(3000, harm=h)[1] for name, h in {'nothing': .5, 'half': .25, 'all': 0.}.items()}
    found = effects(cures, dict(compressed=small, dense=dense), n_resamples=500)
    at = found.set_index(['against', 'mitigation', 'metric']).sort_index()
    worst = at.xs('worst_group_accuracy', level='metric')
    found.query("metric == 'equalized_odds_difference'")[
        [
            'mitigation',
            'against',
            'value',
            'baseline',
            'floor',
            'baseline_floor',
            'change',
            'even_low',
            'even_high',
            'p_even_holm',
            'family',
        ]
    ].round(3)
    one = found.query("mitigation == 'half' and against == 'compressed'").iloc[0]
    gap = minimum_detectable_gap(np.array([one.smallest, one.largest]), one.flips, groups=3)
    assert (
        0.03 < one.flips < 0.15
        and one.smallest < 1000 < one.largest
        and gap[0] > gap[1]
        and worst.loc[('compressed', 'half')].change > gap.max()
    )


def test_plot_effects_3(): # nbs/api/44_effects.ipynb, cell a02aa5b6
    dense, small = planted(3000, harm=.5)
    cures = {name: planted(3000, harm=h)[1] for name, h in {'nothing': .5, 'half': .25, 'all': 0.}.items()}
    found = effects(cures, dict(compressed=small, dense=dense), n_resamples=500)
    found.query("metric == 'equalized_odds_difference'")[
        [
            'mitigation',
            'against',
            'value',
            'baseline',
            'floor',
            'baseline_floor',
            'change',
            'even_low',
            'even_high',
            'p_even_holm',
            'family',
        ]
    ].round(3)
    for wrong, call in {
        'Nothing to compare': lambda: effects({}, dict(dense=dense)),
        'Unknown metric: f1': lambda: effects(cures, dict(dense=dense), ['f1']),
        'Name the harmless class': lambda: effects(cures, dict(dense=dense), ['gmb_bnsp_auc']),
        "No 'plain' among": lambda: won_back(found, compressed='plain'),
        "Nothing is held against 'plain'": lambda: effects_summary(found, 'plain'),
        "Nothing to show for 'tpr'": lambda: effects(dict(half=cures['half']), dict(dense=dense), ['tpr'], n_resamples=100),
        "No 'tpr' in the table": lambda: plot_effects(found, 'tpr'),
        'No tpr:yes in the table': lambda: won_back(found, 'tpr:yes'),
        'No accuracy in the table': lambda: won_back(found[found.metric != 'accuracy']),
    }.items():
        with expect_fail(ValueError, wrong): call()
