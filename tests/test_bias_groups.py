# Generated from nbs/api/20_groups.ipynb: edit the notebook
import pytest
from dataclasses import replace
import numpy as np
import pandas as pd
from fairprune.predictions import Predictions
from fairprune.statistics import Draws, interval
import json
import os
import time
import tracemalloc
from fairlearn.metrics import demographic_parity_difference, equal_opportunity_difference, equalized_odds_difference
from fairprune.data import GroupedText
from fastcore.test import expect_fail
from pathlib import Path
from scipy import stats
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score, roc_auc_score
from fairprune.bias.groups import *
from fairprune.bias.groups import _auc, _centred, _design, _distinct, _packs, _rates_of, _relative, _summed, _toxicity


def test_planted(): # nbs/api/20_groups.ipynb, cell 676010b3
    """A harm is planted in the compressed model: it misses the class `yes` in group `c`."""
    dense, small = planted()
    assert small.accuracy < dense.accuracy and len(dense) == 900


def test_group_table(): # nbs/api/20_groups.ipynb, cell 823a9b6b
    """A rate without a single case to judge is undefined, not zero."""
    dense, small = planted()
    table = group_table(dense)
    mask = np.array([g == ['b'] for g in dense.groups])
    value = table.query("metric == 'tpr' and cls == 'yes' and group == 'b'").value.item()
    assert np.isclose(value, recall_score(dense.labels[mask], dense.predicted[mask]))


def test_group_table_2(): # nbs/api/20_groups.ipynb, cell 5e15a469
    """A group whose texts all have one class has a TPR for that class and no TPR for the other."""
    one_class = group_table(
        Predictions(
            np.array(['1', '2', '3']),
            np.eye(2, dtype='float32')[[0, 1, 1]],
            np.array([0, 1, 1]),
            [['x'], ['x'], ['y']],
            ('no', 'yes'),
        )
    )
    assert np.isnan(one_class.query("metric == 'tpr' and cls == 'no' and group == 'y'").value.item())
    assert one_class.query("metric == 'tpr' and cls == 'yes' and group == 'y'").value.item() == 1
    with expect_fail(ValueError, 'No text belongs to a group'):
        group_table(Predictions(np.array(['1']), np.eye(2)[[0]], np.array([0]), [[]], ('no', 'yes')))


def test_rates_of(): # nbs/api/20_groups.ipynb, cell 974d274c
    """Most kinds belong to few groups, so the table of kinds and sums is sparse."""
    dense, small = planted()
    both_models = tallied([[dense], [small]])
    once = _summed(_design(both_models, np.arange(4)), [both_models.n[None]], 4)
    ratios = {m: r[0, 0] for m, r in _rates_of(both_models, once)[0].items()}
    expected = group_table(dense).query("metric == 'fpr' and cls == 'yes'").set_index('group').value
    assert (
        both_models.names == ['a', 'b', 'c']
        and np.allclose(ratios['fpr'][:, 1], expected[['all', 'a', 'b', 'c']])
        and both_models.n.sum() == 900
        and len(both_models.n) <= 3 * 2 * 4
    )


def test_group_extremes(): # nbs/api/20_groups.ipynb, cell 64a6b2a4
    """Beside them stands the p-value of a question that can be tested: whether [some group moved otherwise than the others](24_statistics.ipynb)."""
    dense, small = planted()
    both_models = tallied([[dense], [small]])
    once = _summed(_design(both_models, np.arange(4)), [both_models.n[None]], 4)
    ratios = {m: r[0, 0] for m, r in _rates_of(both_models, once)[0].items()}
    gaps = group_extremes(ratios, {m: np.array([[False], [True], [True], [True]]) for m in ratios})
    sensitive = [g[0] for g in dense.groups]
    assert np.isclose(
        gaps['equalized_odds_difference'],
        equalized_odds_difference(dense.labels, dense.predicted, sensitive_features=sensitive),
    )
    assert np.isclose(
        gaps['demographic_parity_difference'],
        demographic_parity_difference(dense.labels, dense.predicted, sensitive_features=sensitive),
    )
    assert np.isclose(
        gaps['equal_opportunity_difference'],
        max(
            equal_opportunity_difference(dense.labels == k, dense.predicted == k, sensitive_features=sensitive)
            for k in (0, 1)
        ),
    )
    assert np.allclose(ratios['shortfall'][:, 0], ratios['accuracy'][0, 0] - ratios['accuracy'][:, 0])


def test_levels(): # nbs/api/20_groups.ipynb, cell 5b81d4a4
    """The planted harm is found in the group and in the class where it is, and nowhere else."""
    dense, small = planted()
    found = compare(dense, small)
    accuracy = found.query("metric == 'accuracy' and group != 'all'").set_index('group')
    assert accuracy.p_holm['c'] < .01 and (accuracy.change[['a', 'b']] == 0).all()
    tpr = found.query("metric == 'tpr' and group == 'c'").set_index('cls')
    assert (
        tpr.relative_high['yes'] < 0
        and tpr.p_relative['yes'] < 0.01
        and tpr.p_relative['no'] == 1
        and np.isclose(accuracy.relative['c'], accuracy.change['c'] - accuracy.change.mean())
    )
    assert tpr.high['yes'] < 0 and tpr.change['no'] == 0
    assert (
        (found.low_joint.dropna() <= found.low.dropna()).all()
        and accuracy.high_joint['c'] < 0
        and set(found.metric) == set(METRICS)
    )
    excess = found.query("metric == 'shortfall'").set_index('group')
    assert (
        np.isclose(
            excess.change['c'], found.query("metric == 'accuracy' and group == 'all'").change.item() - accuracy.change['c']
        )
        and excess.low['c'] > 0 > excess.high['a']
    )
    shown = [
        'metric',
        'group',
        'n',
        'dense',
        'compressed',
        'change',
        'low',
        'high',
        'p_holm',
        'relative',
        'relative_low',
        'relative_high',
        'p_relative',
    ]


def test_levels_2(): # nbs/api/20_groups.ipynb, cell 35d39f6d
    """A bootstrap that is written out text by text gives the same numbers."""
    dense, small = planted()
    found = compare(dense, small)
    accuracy = found.query("metric == 'accuracy' and group != 'all'").set_index('group')
    shown = [
        'metric',
        'group',
        'n',
        'dense',
        'compressed',
        'change',
        'low',
        'high',
        'p_holm',
        'relative',
        'relative_low',
        'relative_high',
        'p_relative',
    ]
    found.query("metric in ('accuracy', 'shortfall', 'worst_group_accuracy', 'equalized_odds_difference')")[shown].round(3)
    rng, member = np.random.default_rng(1), np.array([g == ['c'] for g in dense.groups])
    lost = ((small.predicted == small.labels).astype(float) - (dense.predicted == dense.labels))
    picks = rng.integers(0, 900, (3000, 900))
    slow = (lost[picks] * member[picks]).sum(1) / member[picks].sum(1)
    assert np.allclose(np.quantile(slow, [.025, .975]), accuracy.loc['c', ['low', 'high']].astype(float), atol=.01)
    assert np.allclose(
        np.quantile(slow, [0.025 / 3, 1 - 0.025 / 3]),
        accuracy.loc['c', ['low_joint', 'high_joint']].astype(float),
        atol=0.015,
    )
    every, reach = (
        found.query("metric == 'accuracy' and group == 'all'").iloc[0],
        stats.t.isf(0.025 / 3, accuracy.n['a'] - 1),
    )
    # no answer changed, but many of all did
    assert np.allclose(
        accuracy.loc['a', ['low_joint', 'high_joint']].astype(float),
        np.multiply((-1, 1), reach * every.text_error * (900 / 899 * 900 / accuracy.n['a']) ** 0.5),
        rtol=0.01,
    )


def test_levels_3(): # nbs/api/20_groups.ipynb, cell ba10e7f9
    """The summaries give levels alone."""
    def audited(seed, even, harm=0.):
        "Ten groups: everybody loses `even` of the right answers, the `yes` of the last group `harm`."
        rng = np.random.default_rng(seed)
        before = planted(1000, [f'g{i}' for i in range(10)], harm=0., seed=seed)[0]
        last = np.array([g == ['g9'] for g in before.groups]) & (before.labels == 1)
        right = rng.random(1000) < .95
        lost = right & (rng.random(1000) < (even + np.where(last, harm, 0)) / .95)
        return compare(
            *(
                replace(before, logits=np.eye(2, dtype='float32')[np.where(r, before.labels, 1 - before.labels)])
                for r in (right, right & ~lost)
            ),
            n_resamples=100,
        )
    evenly, harmed = ([audited(seed, *how) for seed in range(30)] for how in ((.15, 0.), (0., .16)))
    odds = [[t.query("metric == 'equalized_odds_difference'").iloc[0] for t in tables] for tables in (evenly, harmed)]
    assert np.mean([r.change for r in odds[0]]) > .05 # it looks so, though nothing is there
    assert sum(r.p_relative < .05 for r in odds[0]) <= 4 and sum(r.p_relative < .05 for r in odds[1]) >= 20
    rows = pd.concat(evenly)
    judged = rows[rows.scope == 'judged']
    assert (
        len(judged) == 120
        and judged[['dense', 'compressed', 'change']].notna().all(axis=None)
        and judged[['low', 'high', 'p', 'compressed_low', 'relative', 'relative_low']].isna().all(axis=None)
    )
    # all at once in 95%
    assert (
        rows[(rows.scope == 'group') & (rows.metric != 'shortfall')]
        .dropna(subset='relative')
        .eval('relative_low <= 0 and relative_high >= 0')
        .mean()
        > 0.99
    )


def test_levels_4(): # nbs/api/20_groups.ipynb, cell 6064f48e
    """Several seeds are averaged."""
    dense, small = planted()
    found = compare(dense, small)
    shown = [
        'metric',
        'group',
        'n',
        'dense',
        'compressed',
        'change',
        'low',
        'high',
        'p_holm',
        'relative',
        'relative_low',
        'relative_high',
        'p_relative',
    ]
    found.query("metric in ('accuracy', 'shortfall', 'worst_group_accuracy', 'equalized_odds_difference')")[shown].round(3)
    t = tallied([[dense], [small]])
    points, n = counted_rates(t)
    enough = {m: (c >= 30) & (np.arange(4) > 0)[:, None] for m, c in n.items()}
    *_, (_, drawn) = rates_by_blocks(t, Draws(t.n, 20_000, 0), np.array([1, 2, 3]), False)
    low, high = _relative(t, points, (0, 1), n, enough, .95)['tpr'][1:3, 3, 1]
    gain = (drawn[1]['tpr'] - drawn[0]['tpr'])[:, 0, 1:, 1]
    of_c = (gain[:, 2] - gain.mean(1))
    own = gain.var(0)
    short = (
        np.maximum(
            (n['tpr'][1:, 1] ** 2 * own).sum() / n['tpr'][1:, 1].sum() / n['tpr'][1:, 1], own + 1 / n['tpr'][1:, 1] ** 2
        )
        - own
    )
    error = (of_c.var() + short[2] / 3 + short.sum() / 9) ** .5
    # one group and one class changed: it, and the others
    assert np.isclose(high - low, 2 * stats.norm.isf(.025 / 2) * error, rtol=.05)
    assert [_distinct(np.arange(g) < changed) for g, changed in ((3, 0), (3, 1), (3, 2), (3, 3), (2, 2), (9, 4))] == [
        0,
        2,
        3,
        3,
        1,
        5,
    ]
    pairs = [[v, v] for v in (dense, small)]
    # two runs that agree are one
    assert np.allclose(compare(*pairs, n_resamples=100).relative_low, found.relative_low, equal_nan=True)
    apart = compare([dense, dense], [small, dense], n_resamples=100).query("metric == 'accuracy' and group == 'c'").iloc[0]
    # two that do not are unsure
    assert (
        np.isclose(apart.relative, found.query("metric == 'accuracy' and group == 'c'").relative.item() / 2)
        and apart.relative_high > 0
    )


def test_levels_5(): # nbs/api/20_groups.ipynb, cell 5826076b
    """Small groups are marked, an undefined rate has neither interval nor p-value, and a copy of the same model shows no change at all."""
    dense, small = planted()
    few = compare(*planted(60), n_resamples=500)
    assert not few.query("group == 'a' and metric == 'accuracy'").judged.item()
    same = compare(dense, dense, n_resamples=500)
    assert (
        (same.change.fillna(0) == 0).all()
        and (same.p.dropna() == 1).all()
        and (same.p_relative.dropna() == 1).all()
        and same.p_relative.notna().sum() == 3 * 7 + 4
    )
    # group sizes suffice, single cells do not
    rare = compare(*planted(200, ('a', 'b'), classes=('x', 'y', 'z')), n_resamples=500, min_n=38)
    odds = (
        rare.query("metric in ('tpr', 'fpr') and group != 'all' and judged")
        .groupby(['metric', 'cls'])
        .dense.agg(lambda v: v.max() - v.min())
        .max()
    )
    assert (
        np.isclose(rare.query("metric == 'equalized_odds_difference'").dense.item(), odds)
        and not rare.query("metric == 'tpr' and group != 'all'").judged.all()
    )
    with expect_fail(ValueError, 'n_resamples = 10'): compare(dense, small, n_resamples=10)
    with expect_fail(ValueError, 'different texts'): compare(dense, planted(800)[1])
    only_no = [replace(p, groups=[['no'] if k == 0 else g for k, g in zip(p.labels, p.groups)]) for p in (dense, small)]
    absent = compare(*only_no, n_resamples=500).query("metric == 'tpr' and group == 'no' and cls == 'yes'").iloc[0]
    assert absent[['dense', 'change', 'low', 'p']].isna().all() and not absent.judged


def test_levels_6(): # nbs/api/20_groups.ipynb, cell 5a1ace39
    """It is judged like any other group, and `scope` tells it from the rows that have these names in the tables of this library."""
    dense, small = planted()
    words = compare(*planted(groups=('all', 'judged', 'model')), n_resamples=500)
    plain = compare(dense, small, n_resamples=500)
    own = words[words.scope == 'group']
    assert set(own.group) == {'all', 'judged', 'model'} and own[own.metric == 'accuracy'].p_holm.notna().all()
    assert (
        words.drop(columns='group').equals(plain.drop(columns='group'))
        and (words.group[words.scope == 'all'] == 'all').all()
    )
    assert scoped(plain.drop(columns='scope')).scope.equals(plain.scope) # a table from before there was that column
    before = scoped(plain.assign(low=-1., high=1.)) # and before extremes had levels alone
    assert (
        before.low[before.scope == 'judged'].isna().all()
        and (before.low[before.scope != 'judged'] == -1).all()
        and before.change.equals(plain.change)
    )
    assert group_table(replace(dense, groups=[['all']] * 900)).groupby('scope').size().nunique() == 1


def test_levels_7(): # nbs/api/20_groups.ipynb, cell 8a347e44
    """Where only one is large enough, or no class occurs in two of them, the difference is undefined."""
    dense, small = planted()
    alone = compare(
        *(replace(p, groups=[['a'] if i % 9 else ['rare'] for i in range(900)]) for p in (dense, small)),
        n_resamples=500,
        min_n=200,
    )
    gap = alone[alone.metric.str.endswith('_difference')]
    assert len(gap) == 3 and gap[['dense', 'compressed', 'change', 'p_relative']].isna().all(axis=None)
    assert np.isfinite(alone.query("metric == 'worst_group_accuracy'").change.item())
    by_label = (
        compare(*(replace(p, groups=[['no', 'yes'][k : k + 1] for k in p.labels]) for p in (dense, small)), n_resamples=500)
        .query("scope == 'judged'")
        .set_index('metric')
    )
    assert np.isnan(by_label.dense['equalized_odds_difference']) and by_label.dense['demographic_parity_difference'] > .5


def test_levels_8(): # nbs/api/20_groups.ipynb, cell 4dacf2d4
    """So the loss of the group stands out, and the loss of all texts does not."""
    dense, small = planted()
    found = compare(dense, small)
    shown = [
        'metric',
        'group',
        'n',
        'dense',
        'compressed',
        'change',
        'low',
        'high',
        'p_holm',
        'relative',
        'relative_low',
        'relative_high',
        'p_relative',
    ]
    found.query("metric in ('accuracy', 'shortfall', 'worst_group_accuracy', 'equalized_odds_difference')")[shown].round(3)
    rng, lost = np.random.default_rng(2), (small.predicted != dense.predicted).sum()
    spread = dense.predicted.copy()
    at = rng.choice(
        np.flatnonzero(dense.predicted == dense.labels),
        (dense.predicted == dense.labels).sum() - (small.predicted == small.labels).sum(),
        replace=False,
    )
    spread[at] = 1 - spread[at]
    damaged = replace(dense, logits=np.eye(2, dtype='float32')[spread])
    beside = compare(dense, small, control=damaged).query("metric == 'accuracy'").set_index('group')
    assert (
        beside.over_control['all'] == 0
        and beside.over_control_high['c'] < 0 < beside.over_control_low['a']
        and beside.p_over_control['c'] < 0.01
    )
    assert (
        np.allclose(beside.over_control, beside.compressed - beside.control)
        and found.control.isna().all()
        and found.p_relative_over_control.isna().all()
    )
    assert beside.relative_over_control_high['c'] < 0 and np.isclose(
        beside.relative_over_control['c'], beside.over_control['c'] - beside.over_control[['a', 'b', 'c']].mean()
    )
    gap = compare(dense, small, control=damaged, n_resamples=500).query("metric == 'equalized_odds_difference'").iloc[0]
    assert (
        gap.p_relative_over_control < 0.01
        and np.isclose(gap.over_control, gap.compressed - gap.control)
        and np.isnan(gap.over_control_low)
    )
    own = compare(dense, small, control=dense)
    # the dense model as its own control
    assert (
        np.allclose(own.over_control, own.change, equal_nan=True)
        and np.allclose(own.over_control_low, own.low, equal_nan=True)
        and np.allclose(own.p_relative_over_control, own.p_relative, equal_nan=True)
    )
    with expect_fail(ValueError, '1 dense and 1 compressed and 2 control'): compare(dense, small, control=[dense, dense])


def test_members_of(): # nbs/api/20_groups.ipynb, cell 78788a06
    """In cross-validation, therefore, only texts of the same fold are ranked against each other: the AUC is the mean over the folds, weighted by their numbers of pairs."""
    def graded(seed, harm=0., n=1500):
        "A model that is unsure, and sees the harmless texts of group c as more toxic than they are."
        rng = np.random.default_rng(seed); base = np.random.default_rng(9)
        y, g = base.integers(0, 3, n), base.integers(0, 3, n)
        logits = 1.5 * np.eye(3)[y] + rng.normal(0, 1, (n, 3)) - harm * np.outer((g == 2) & (y == 0), [1, 0, 0])
        return Predictions(
            np.arange(n).astype(str),
            logits.astype('float32'),
            y,
            [[f'{"abc"[k]}'] + ['d'] * (i % 5 == 0) for i, k in enumerate(g)],
            ('normal', 'offensive', 'hate'),
        )
    fair, unfair = graded(0), graded(1, 1.)
    table = identity_aucs(unfair, 'normal').set_index(['metric', 'group'])
    toxic, score = unfair.labels > 0, 1 - unfair.probabilities[:, 0]
    member = np.array(['c' in own for own in unfair.groups])
    for metric, keep in dict(subgroup_auc=member, bpsn_auc=member != toxic, bnsp_auc=member == toxic).items():
        assert np.isclose(table.value[metric, 'c'], roc_auc_score(toxic[keep], score[keep]))
    rounded = score.round(1) # with many ties
    assert np.isclose(_auc(np.ones((1500, 1)), rounded, toxic, ~toxic)[0], roc_auc_score(toxic, rounded))
    w = np.random.default_rng(0).integers(0, 4, 1500) # texts drawn again count as often as they are drawn
    assert np.isclose(_auc(w[:, None], rounded, toxic, ~toxic)[0], roc_auc_score(toxic.repeat(w), rounded.repeat(w)))
    assert (
        np.isclose(generalized_mean([0.5, 0.9, np.nan]), ((0.5**-5 + 0.9**-5) / 2) ** (-1 / 5))
        and generalized_mean([0.5, 0.9], 1) == 0.7
    )
    with expect_fail(ValueError, "No class 'neutral'"): identity_aucs(fair, 'neutral')
    thirds = np.arange(1500) % 3 # of three models, the last of which calls everything toxic
    sterner = replace(unfair, logits=unfair.logits - 3 * np.outer(thirds == 2, [1, 0, 0]).astype('float32'), fold=thirds)
    own, pairs = zip(
        *(
            (roc_auc_score(toxic[thirds == k], score[thirds == k]), toxic[thirds == k].sum() * (~toxic[thirds == k]).sum())
            for k in range(3)
        )
    )
    assert np.isclose(
        _auc(np.ones((1500, 1)), 1 - sterner.probabilities[:, 0], toxic, ~toxic, thirds)[0], np.average(own, weights=pairs)
    )
    assert (
        np.allclose(identity_aucs(sterner, 'normal').value, identity_aucs(replace(unfair, fold=thirds), 'normal').value)
        and (
            identity_aucs(replace(sterner, fold=None), 'normal').value < identity_aucs(sterner, 'normal').value - 0.02
        ).mean()
        > 0.7
    )


def test_remembered(): # nbs/api/20_groups.ipynb, cell bd83b3d8
    """A sum over texts has the same spread either way, and a million texts cost as much to draw as twenty thousand."""
    dense, small = planted()
    found = compare(dense, small)
    shown = [
        'metric',
        'group',
        'n',
        'dense',
        'compressed',
        'change',
        'low',
        'high',
        'p_holm',
        'relative',
        'relative_low',
        'relative_high',
        'p_relative',
    ]
    found.query("metric in ('accuracy', 'shortfall', 'worst_group_accuracy', 'equalized_odds_difference')")[shown].round(3)
    def graded(seed, harm=0., n=1500):
        "A model that is unsure, and sees the harmless texts of group c as more toxic than they are."
        rng = np.random.default_rng(seed); base = np.random.default_rng(9)
        y, g = base.integers(0, 3, n), base.integers(0, 3, n)
        logits = 1.5 * np.eye(3)[y] + rng.normal(0, 1, (n, 3)) - harm * np.outer((g == 2) & (y == 0), [1, 0, 0])
        return Predictions(
            np.arange(n).astype(str),
            logits.astype('float32'),
            y,
            [[f'{"abc"[k]}'] + ['d'] * (i % 5 == 0) for i, k in enumerate(g)],
            ('normal', 'offensive', 'hate'),
        )
    fair, unfair = graded(0), graded(1, 1.)
    start = time.perf_counter()
    moved = compare_probabilities(fair, unfair, control=fair, negative='normal').set_index(['metric', 'group'])
    print(f'{time.perf_counter() - start:.1f} s for 1,500 texts, 4 groups, 1,000 resamples and three models')
    assert (
        moved.high['bpsn_auc', 'c'] < 0
        and moved.p_holm['bpsn_auc', 'c'] < 0.02
        and moved.high['gmb_bpsn_auc', 'judged'] < 0
    )
    # there is nobody else
    assert (
        moved.low['bpsn_auc', 'a'] < 0 < moved.high['bpsn_auc', 'a']
        and np.isnan(moved.dense['bpsn_auc', 'all'])
        and not moved.judged['bpsn_auc', 'all']
    )
    assert np.isclose(
        moved.dense['gmb_subgroup_auc', 'judged'], generalized_mean(moved.dense['subgroup_auc'].drop('all'))
    ) and np.isclose(moved.dense['confidence', 'all'], fair.probabilities.max(1).mean())
    sure, hit = fair.probabilities.max(1), fair.predicted == fair.labels
    bins = np.digitize(sure, np.linspace(0, 1, 16)) - 1
    assert np.isclose(moved.dense['ece', 'all'], sum(abs((sure - hit)[bins == b].sum()) for b in range(15)) / 1500)
    assert np.isclose(
        moved.dense['true_probability', 'd'], fair.probabilities[np.arange(1500), fair.labels][::5].mean()
    ) and np.allclose(moved.over_control, moved.change, equal_nan=True)
    same = compare_probabilities(fair, fair, n_resamples=200)
    assert (
        (same.change == 0).all()
        and set(same.metric) == {'confidence', 'true_probability', 'ece'}
        and list(same.columns) == list(found.columns)
    )


def test_remembered_2(): # nbs/api/20_groups.ipynb, cell 16d06217
    """An example of ten groups with an AUC of .8, each known to within .04: intervals from the shifted draws cover .8 about as often as they should, intervals from the other draws do not."""
    rng = np.random.default_rng(0)
    def covers(draws): low, high = interval(draws); return low <= .8 <= high
    seen = [.8 + .04 * rng.standard_normal(10) for _ in range(400)]
    drawn = [(generalized_mean(v), generalized_mean(v + .04 * rng.standard_normal((400, 10)))) for v in seen]
    shifted, plain = np.mean([covers(_centred(d, v)) for v, d in drawn]), np.mean([covers(d) for _, d in drawn])
    assert shifted > .9 > plain


def test_remembered_3(): # nbs/api/20_groups.ipynb, cell be8d3bdb
    """Here it stands beside the formula of Hanley & McNeil (1982)."""
    def graded(seed, harm=0., n=1500):
        "A model that is unsure, and sees the harmless texts of group c as more toxic than they are."
        rng = np.random.default_rng(seed); base = np.random.default_rng(9)
        y, g = base.integers(0, 3, n), base.integers(0, 3, n)
        logits = 1.5 * np.eye(3)[y] + rng.normal(0, 1, (n, 3)) - harm * np.outer((g == 2) & (y == 0), [1, 0, 0])
        return Predictions(
            np.arange(n).astype(str),
            logits.astype('float32'),
            y,
            [[f'{"abc"[k]}'] + ['d'] * (i % 5 == 0) for i, k in enumerate(g)],
            ('normal', 'offensive', 'hate'),
        )
    fair, unfair = graded(0), graded(1, 1.)
    toxic, score = _toxicity(fair, 'normal')
    auc = roc_auc_score(toxic, score)
    one, other, pairs = toxic.sum(), (~toxic).sum(), (auc / (2 - auc), 2 * auc ** 2 / (1 + auc))
    error = ((auc * (1 - auc) + (one - 1) * (pairs[0] - auc**2) + (other - 1) * (pairs[1] - auc**2)) / (one * other)) ** 0.5
    drawn = np.concatenate([_auc(d.T.astype(float), score, toxic, ~toxic) for d in Draws(np.ones(1500, int), 1000, 0)])
    assert abs(drawn.std() / error - 1) < .15 and abs(drawn.mean() - auc) < .002


def test_remembered_4(): # nbs/api/20_groups.ipynb, cell cf39260b
    """A group below `min_n` is not resampled."""
    pair = planted(2000, [f'g{i}' for i in range(30)])
    names = compare.__globals__
    names['_BLOCK'], size = 20_000, names['_BLOCK']
    blocked = compare(*pair, n_resamples=500, min_n=65), compare_probabilities(*pair, n_resamples=500, min_n=65)
    names['_BLOCK'] = size
    for once, again in zip(
        (compare(*pair, n_resamples=500, min_n=65), compare_probabilities(*pair, n_resamples=500, min_n=65)), blocked
    ):
        pd.testing.assert_frame_equal(once, again)
    few = again[(again.scope == 'group') & (again.n < 65)]
    assert len(few) and few.low.isna().all() and few.change.notna().all() and again[again.n >= 65].low.notna().all()


@pytest.mark.heavy
def test_remembered_5(): # nbs/api/20_groups.ipynb, cell db5666d0
    """Ten thousand groups on twenty thousand texts take seconds, and a thousand groups that are all judged need no more memory than ten."""
    pair = planted(2000, [f'g{i}' for i in range(30)])
    names = compare.__globals__
    names['_BLOCK'], size = 20_000, names['_BLOCK']
    blocked = compare(*pair, n_resamples=500, min_n=65), compare_probabilities(*pair, n_resamples=500, min_n=65)
    names['_BLOCK'] = size
    for once, again in zip(
        (compare(*pair, n_resamples=500, min_n=65), compare_probabilities(*pair, n_resamples=500, min_n=65)), blocked
    ):
        pd.testing.assert_frame_equal(once, again)
    many = planted(20_000, [f'g{i}' for i in range(10_000)])
    start = time.process_time()
    tracemalloc.start()
    table = pd.concat([compare(*many, n_resamples=1000), compare_probabilities(*many, n_resamples=200)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert table.group.nunique() > 8000 and time.process_time() - start < 60 and peak < 5e8


def test_remembered_6(): # nbs/api/20_groups.ipynb, cell 0dbed8a3
    """Packs of texts give the same results as texts: here packs of three beside single texts."""
    def graded(seed, harm=0., n=1500):
        "A model that is unsure, and sees the harmless texts of group c as more toxic than they are."
        rng = np.random.default_rng(seed); base = np.random.default_rng(9)
        y, g = base.integers(0, 3, n), base.integers(0, 3, n)
        logits = 1.5 * np.eye(3)[y] + rng.normal(0, 1, (n, 3)) - harm * np.outer((g == 2) & (y == 0), [1, 0, 0])
        return Predictions(
            np.arange(n).astype(str),
            logits.astype('float32'),
            y,
            [[f'{"abc"[k]}'] + ['d'] * (i % 5 == 0) for i, k in enumerate(g)],
            ('normal', 'offensive', 'hate'),
        )
    fair, unfair = graded(0), graded(1, 1.)
    names = _packs.__globals__
    names['PACKS'], size = 500, names['PACKS']
    packed = compare_probabilities(fair, unfair, negative='normal')
    names['PACKS'] = size
    texts = compare_probabilities(fair, unfair, negative='normal')
    assert np.allclose(packed.change, texts.change, equal_nan=True) # what is drawn does not move the values
    ratio = ((packed.high - packed.low) / (texts.high - texts.low)).dropna()
    assert len(ratio) > 20 and abs(ratio.mean() - 1) < .05 and ratio.between(.8, 1.25).all()


def test_intersections(): # nbs/api/20_groups.ipynb, cell f83a0788
    """`intersections` makes groups of the pairs that occur often enough."""
    dense, small = planted()
    names = compare.__globals__
    names['_BLOCK'], size = 20_000, names['_BLOCK']
    names['_BLOCK'] = size
    rng = np.random.default_rng(0)
    people = [
        [f'gender={"woman" if w else "man"}', f'race={"black" if b else "white"}'] for w, b in rng.random((900, 2)) < 0.5
    ]
    before = replace(dense, groups=people)
    there = np.array([own == ['gender=woman', 'race=black'] for own in people])
    after = replace(before, logits=np.where((there & (rng.random(900) < .3))[:, None], 1 - before.logits, before.logits))
    pairs = (
        compare(*(intersections(p, 'gender', 'race') for p in (before, after)), n_resamples=2000)
        .query("metric == 'accuracy' and group != 'all'")
        .set_index('group')
    )
    assert (
        sorted(pairs.index) == [f'gender={g} & race={r}' for g in ('man', 'woman') for r in ('black', 'white')]
        and (pairs.change.drop('gender=woman & race=black') == 0).all()
    )
    assert pairs.p_holm['gender=woman & race=black'] < .01 and pairs.n.sum() == 900
    assert intersections(before, 'race', 'gender').groups[0][0].startswith('race=') and set(
        intersections(before).groups[0]
    ) == {' & '.join(people[0])}
    # every text counts twice
    assert compare(before, after, n_resamples=500).query("metric == 'accuracy' and group != 'all'").n.sum() == 1800
    with expect_fail(ValueError, 'nothing to cross'): intersections(dense)
    with expect_fail(ValueError, 'of the kinds gender and age'): intersections(before, 'gender', 'age')
    with expect_fail(ValueError, 'No intersection has 500 texts; the largest'): intersections(before, min_n=500)
    with expect_fail(ValueError, 'with itself'): intersections(before, 'race', 'race')


def test_intersections_2(): # nbs/api/20_groups.ipynb, cell e3e451fa
    """Without clusters the interval would be less than half as wide."""
    names = compare.__globals__
    names['_BLOCK'], size = 20_000, names['_BLOCK']
    names['_BLOCK'] = size
    def repeated(p, k):
        "Predictions on each text k times, which are one cluster."
        n = np.repeat(np.arange(len(p)), k)
        return replace(
            p,
            ids=np.arange(len(n)).astype(str),
            logits=p.logits[n],
            labels=np.asarray(p.labels)[n],
            groups=[p.groups[i] for i in n],
            clusters=p.ids[n],
        )
    once = planted(300)
    five = [repeated(p, 5) for p in once]
    single, together, apart = compare(*once), compare(*five), compare(*(replace(p, clusters=None) for p in five))
    def width(table, metric='accuracy', group='c'):
        return table[(table.metric == metric) & (table.group == group)].eval('high - low').iloc[0]
    assert (
        np.allclose(together.change, single.change, equal_nan=True)
        and abs(width(together) / width(single) - 1) < 0.05
        and 0.4 < width(apart) / width(single) < 0.5
    )
    assert (
        (together.n == 5 * single.n).all()
        and (together.units == single.n)[together.scope != 'judged'].all()
        and (apart.units == apart.n).all()
    )


def test_intersections_3(): # nbs/api/20_groups.ipynb, cell 808605b7
    """A group with nine clusters is not judged, however many texts it has."""
    names = compare.__globals__
    names['_BLOCK'], size = 20_000, names['_BLOCK']
    names['_BLOCK'] = size
    names = _packs.__globals__
    names['PACKS'], size = 500, names['PACKS']
    names['PACKS'] = size
    def repeated(p, k):
        "Predictions on each text k times, which are one cluster."
        n = np.repeat(np.arange(len(p)), k)
        return replace(
            p,
            ids=np.arange(len(n)).astype(str),
            logits=p.logits[n],
            labels=np.asarray(p.labels)[n],
            groups=[p.groups[i] for i in n],
            clusters=p.ids[n],
        )
    once = planted(300)
    five = [repeated(p, 5) for p in once]
    single, together, apart = compare(*once), compare(*five), compare(*(replace(p, clusters=None) for p in five))
    def width(table, metric='accuracy', group='c'):
        return table[(table.metric == metric) & (table.group == group)].eval('high - low').iloc[0]
    mixed = [replace(p, clusters=np.random.default_rng(0).permutation(p.clusters)) for p in five]
    names = _packs.__globals__
    names['PACKS'], size = 60, names['PACKS']
    packed = compare(*five)
    names['PACKS'] = size
    assert (
        0.9 < width(compare(*mixed)) / width(apart) < 1.15
        and 0.75 < width(packed) / width(together) < 1.25
        and (packed.units == together.units).all()
    )
    nine = compare(*(replace(p, clusters=np.array([str(i % 9) for i in range(300)])) for p in once))
    assert (
        not nine.judged.any()
        and nine.low[nine.scope == 'group'].isna().all()
        and nine.units.max() == 9
        and nine.change.notna().any()
    )
    with expect_fail(ValueError, 'belong to other clusters'): compare(five[0], mixed[1])


def test_intersections_4(): # nbs/api/20_groups.ipynb, cell 884c9b6c
    """Probabilities are drawn by clusters as well."""
    def graded(seed, harm=0., n=1500):
        "A model that is unsure, and sees the harmless texts of group c as more toxic than they are."
        rng = np.random.default_rng(seed); base = np.random.default_rng(9)
        y, g = base.integers(0, 3, n), base.integers(0, 3, n)
        logits = 1.5 * np.eye(3)[y] + rng.normal(0, 1, (n, 3)) - harm * np.outer((g == 2) & (y == 0), [1, 0, 0])
        return Predictions(
            np.arange(n).astype(str),
            logits.astype('float32'),
            y,
            [[f'{"abc"[k]}'] + ['d'] * (i % 5 == 0) for i, k in enumerate(g)],
            ('normal', 'offensive', 'hate'),
        )
    fair, unfair = graded(0), graded(1, 1.)
    def repeated(p, k):
        "Predictions on each text k times, which are one cluster."
        n = np.repeat(np.arange(len(p)), k)
        return replace(
            p,
            ids=np.arange(len(n)).astype(str),
            logits=p.logits[n],
            labels=np.asarray(p.labels)[n],
            groups=[p.groups[i] for i in n],
            clusters=p.ids[n],
        )
    def width(table, metric='accuracy', group='c'):
        return table[(table.metric == metric) & (table.group == group)].eval('high - low').iloc[0]
    some = [
        replace(p, ids=p.ids[:500], logits=p.logits[:500], labels=p.labels[:500], groups=p.groups[:500])
        for p in (fair, unfair)
    ]
    thrice = [repeated(p, 3) for p in some]
    alone, by_cluster, by_text = (
        compare_probabilities(*pair, negative='normal', n_resamples=400)
        for pair in (some, thrice, [replace(p, clusters=None) for p in thrice])
    )
    wider = [
        [
            width(t, metric, group) / width(alone, metric, group)
            for metric in ('confidence', 'ece', 'bpsn_auc', 'subgroup_auc')
            for group in 'abcd'
        ]
        for t in (by_cluster, by_text)
    ]
    assert abs(np.mean(wider[0]) - 1) < .06 and np.max(wider[1]) < .75 and np.mean(wider[1]) < .63
    assert (by_cluster.units[by_cluster.metric == 'ece'] == alone.n[alone.metric == 'ece']).all() and set(
        by_cluster.columns
    ) == set(alone.columns)


@pytest.mark.data
def test_intersections_5(): # nbs/api/20_groups.ipynb, cell 0d60af0b
    """With the 66 templates of these texts as clusters, or with the 135 clusters of nearly equal texts, no category changed beyond chance, and the intervals are more than twice as wide."""
    pair = planted(2000, [f'g{i}' for i in range(30)])
    names = compare.__globals__
    names['_BLOCK'], size = 20_000, names['_BLOCK']
    blocked = compare(*pair, n_resamples=500, min_n=65), compare_probabilities(*pair, n_resamples=500, min_n=65)
    names['_BLOCK'] = size
    for once, again in zip(
        (compare(*pair, n_resamples=500, min_n=65), compare_probabilities(*pair, n_resamples=500, min_n=65)), blocked
    ):
        pd.testing.assert_frame_equal(once, again)
    rows = [
        dict(
            id=f'{r["category"]}/{i}',
            text=f'{r["context"]} {r["question"]}',
            label=r['question_polarity'],
            groups=r['category'],
            template=f'{r["category"]}/{r["question_index"]}',
        )
        for f in sorted(Path(os.environ['FAIRPRUNE_DATA'], 'bbq').glob('*.jsonl'))
        for i, r in enumerate(map(json.loads, f.read_text(encoding='utf-8').splitlines()))
    ]
    bbq = GroupedText.from_frame(pd.DataFrame(rows), id='id', clusters='template', name='bbq', fractions=(.4, .1))
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2).fit(bbq['train']['text'][:])
    linear = LogisticRegression(C=10, max_iter=300).fit(words.transform(bbq['train']['text'][:]), bbq['train']['label'][:])
    part, weight = bbq['test'][:], linear.coef_[0]
    def answers(w):
        odds = words.transform(part['text']) @ w + linear.intercept_[0]
        return Predictions(
            np.array(part['id']),
            np.stack([0 * odds, odds], 1).astype('float32'),
            np.array(part['label']),
            part['groups'],
            bbq.labels,
            clusters=np.array(part['cluster']),
        )
    pair = answers(weight), answers(np.where(np.abs(weight) > np.quantile(np.abs(weight), .8), weight, 0))
    alike = dict(zip(part['id'], bbq.clustered()['test']['cluster'][:]))
    ways = {
        'as if independent': None,
        'nearly the same text': np.array([alike[i] for i in part['id']]),
        'template': pair[0].clusters,
    }
    def drawn_by(clusters):
        t = (
            compare(*(replace(p, clusters=clusters) for p in pair), n_resamples=2000)
            .query("metric == 'accuracy' and scope != 'judged'")
            .set_index('group')
        )
        own, every = t[t.scope == 'group'], t.loc['all']
        return dict(
            units=every.units,
            change=every.change,
            low=every.low,
            high=every.high,
            judged=own.judged.sum(),
            changed=(own.p_holm < 0.05).sum(),
            mean_width=(own.high - own.low).mean(),
        )
    bbq_table = pd.DataFrame({name: drawn_by(c) for name, c in ways.items()}).T
    assert (
        bbq_table.units.tolist() == [5048, 135, 66]
        and (bbq_table.mean_width.iloc[1:] > 2 * bbq_table.mean_width.iloc[0]).all()
        and bbq_table.changed.iloc[0] >= 3 > 0 == bbq_table.changed.iloc[1:].max()
    )


def test_intersections_6(): # nbs/api/20_groups.ipynb, cell 1016cb24
    """The texts are drawn once for all seeds, and the spread between seeds widens the interval."""
    dense, small = planted()
    names = compare.__globals__
    names['_BLOCK'], size = 20_000, names['_BLOCK']
    names['_BLOCK'] = size
    seeds = [planted(seed=0), planted(seed=0, harm=.3)] # the second seed does less harm to the same texts
    mean = compare(*zip(*seeds), n_resamples=2000)
    each = [compare(*pair, n_resamples=2000) for pair in seeds]
    values = ['dense', 'compressed', 'change']
    assert np.allclose(mean[values], (each[0][values] + each[1][values]) / 2, equal_nan=True) and (mean.seeds == 2).all()
    width = [t.query("metric == 'accuracy' and group == 'all'").eval('high - low').item() for t in (mean, *each)]
    assert width[0] > 2 * max(width[1:]) and mean.compressed_high.max() <= 1 and mean.low.min() >= -1
    with expect_fail(ValueError, '2 dense and 1 compressed'): compare([dense, dense], [small])


def test_intersections_7(): # nbs/api/20_groups.ipynb, cell b137ad57
    """A copy of a run is no second run: where the seeds agree, the interval is the same as with a single seed."""
    dense, small = planted()
    names = compare.__globals__
    names['_BLOCK'], size = 20_000, names['_BLOCK']
    names['_BLOCK'] = size
    seeds = [planted(seed=0), planted(seed=0, harm=.3)] # the second seed does less harm to the same texts
    each = [compare(*pair, n_resamples=2000) for pair in seeds]
    twice = compare([dense, dense], [small, small], n_resamples=2000)
    single = each[0]
    assert np.allclose(twice[['low', 'high']], single[['low', 'high']], atol=.01, equal_nan=True)


def test_intersections_8(): # nbs/api/20_groups.ipynb, cell 53a60b63
    """An audit of a million texts in 12 groups takes 14 s of a processor and 1.8 GB, calibration and floors included; one of 20,000 texts in 10,000 groups takes 11 s and 0.8 GB (`benchmarks/size.py`)."""
    names = compare.__globals__
    names['_BLOCK'], size = 20_000, names['_BLOCK']
    names['_BLOCK'] = size
    three = compare(*planted(2000, [f'g{i}' for i in range(12)], classes=('a', 'b', 'c')), n_resamples=500)
    assert (
        set(three.cls) == {'', 'a', 'b', 'c'}
        and three.query("metric == 'tpr' and cls == 'b' and group == 'g11'").high.item() < 0
    )
    start = time.perf_counter()
    compare(*planted(2000, [f'g{i}' for i in range(12)]), n_resamples=10_000)


@pytest.mark.slow
def test_intersections_9(): # nbs/api/20_groups.ipynb, cell 9c685efb
    """Second, it can miss harm: a harm of known size is planted in one group of eight, and should be found as often as [the formula says](24_statistics.ipynb)."""
    names = compare.__globals__
    names['_BLOCK'], size = 20_000, names['_BLOCK']
    names['_BLOCK'] = size
    def flipped(p, seed, rate=.1, harmed=(), harm=0.):
        "A model that answers as `p` does but for flips at random, more of the right answers of the harmed."
        rng = np.random.default_rng(seed)
        flip = rng.random(len(p)) < rate
        flip |= np.array([g[0] in harmed for g in p.groups]) & (p.predicted == p.labels) & (rng.random(len(p)) < harm)
        return replace(p, logits=np.where(flip[:, None], 1 - p.logits, p.logits))
    def found_in(dense, small):
        rows = compare(dense, small, n_resamples=2000).query("metric == 'accuracy' and group != 'all'").set_index('group')
        return set(rows.index[(rows.p_holm < .05)]), set(rows.index[(rows.p_holm < .05) & (rows.change < 0)])
    names = [f'g{i}' for i in range(8)]
    nobody, caught, wrongly = 0, 0, 0
    for seed in range(200):
        base = planted(1600, names, harm=0., seed=seed)[0]
        one, other = flipped(base, 2 * seed + 1), flipped(base, 2 * seed + 2)
        nobody += bool(found_in(one, other)[0])
        harmed = found_in(one, flipped(base, 2 * seed + 2, harmed=('g3',), harm=.2))[1]
        caught += 'g3' in harmed; wrongly += bool(harmed - {'g3'})
    low, high = stats.binom.ppf([.0005, .9995], 200, .05)
    assert nobody <= high and wrongly <= high
    assert not found_in(base, base)[0]
    print(
        f'exchangeable models: a group significant in {nobody} of 200 audits (10 expected at most, {high:.0f} in the '
        '99.9% band)'
    )


@pytest.mark.slow
def test_intersections_10(): # nbs/api/20_groups.ipynb, cell 94a49cfc
    """If texts are treated as independent, many audits see a group that changed."""
    pair = planted(2000, [f'g{i}' for i in range(30)])
    names = compare.__globals__
    names['_BLOCK'], size = 20_000, names['_BLOCK']
    blocked = compare(*pair, n_resamples=500, min_n=65), compare_probabilities(*pair, n_resamples=500, min_n=65)
    names['_BLOCK'] = size
    for once, again in zip(
        (compare(*pair, n_resamples=500, min_n=65), compare_probabilities(*pair, n_resamples=500, min_n=65)), blocked
    ):
        pd.testing.assert_frame_equal(once, again)
    def repeated(p, k):
        "Predictions on each text k times, which are one cluster."
        n = np.repeat(np.arange(len(p)), k)
        return replace(
            p,
            ids=np.arange(len(n)).astype(str),
            logits=p.logits[n],
            labels=np.asarray(p.labels)[n],
            groups=[p.groups[i] for i in n],
            clusters=p.ids[n],
        )
    def flip(p, which): return replace(p, logits=np.where(which[:, None], 1 - p.logits, p.logits))
    def five_times(rng, seed):
        base = repeated(planted(300, list('abcd'), harm=0., seed=seed)[0], 5)
        return [flip(base, (rng.random(300) < .1)[np.arange(1500) // 5]) for _ in range(2)]
    def from_templates(rng, seed):
        k, base = np.arange(8640) // 60, planted(8640, harm=0., seed=seed)[0]
        base = replace(
            base,
            logits=np.eye(2, dtype='float32')[base.labels],
            groups=[['abcdef'[i % 6]] for i in range(8640)],
            clusters=k.astype(str),
        )
        return [flip(base, rng.random(8640) < rng.beta(.2, 1.8, 144)[k]) for _ in range(2)]
    def some_changed(pair, clusters):
        rows = compare(*(replace(p, clusters=p.clusters if clusters else None) for p in pair), n_resamples=1000)
        return bool((rows.p_holm < .05).any())
    alarms = {}
    for make in (five_times, from_templates):
        rng = np.random.default_rng(0)
        alarms[make.__name__] = np.mean(
            [[some_changed(pair, c) for c in (True, False)] for seed in range(300) for pair in [make(rng, seed)]], 0
        )
    alarms = pd.DataFrame(alarms, index=['by clusters', 'as if independent']).T
    assert (alarms['by clusters'] <= .07).all() and (alarms['as if independent'] > .2).all()
