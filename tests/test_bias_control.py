# Generated from nbs/api/26_control.ipynb: edit the notebook
import pytest
from dataclasses import replace
from fairprune.bias.groups import tallied, compare, planted
from fastcore.test import expect_fail
import numpy as np
import torch
from fairprune.compress.pruning import Magnitude
from fairprune.corpus import Corpus, windows
from fairprune.named import MINILM, toxigen
from fairprune.predictions import Predictions
from fairprune.models import finetune, predict, tiny_lm
from fairprune.likelihood import condition
from fairprune.bias.control import *
from fairprune.bias.control import _ClusterDeals, _Deals


def test_nearest(): # nbs/api/26_control.ipynb, cell 0d9d8a8e
    """Half of its weights are pruned by magnitude, and the control reaches the same perplexity."""
    text = Corpus(dict(test='The river runs down to the sea, and the sea is wide. ' * 60))
    lm = tiny_lm('llama')
    step = torch.optim.Adam(lm.parameters(), 3e-3)
    for ids in windows(lm, text['test'], 32, n=20).repeat(4, 1).split(4):
        step.zero_grad()
        lm(input_ids=ids, labels=ids).loss.backward()
        step.step()
    half = Magnitude(.5)(lm)
    measure = lambda model: condition(model, text, n=4, length=32)
    control = matched_control(lm, half, measure, within=.1)
    assert abs(measure(control) - measure(half)) <= .1 * abs(measure(lm) - measure(half)) + 1e-6
    assert control.match.chosen.sum() == 1 and control.record.method.startswith('random(')


def test_nearest_2(): # nbs/api/26_control.ipynb, cell dc4e80b8
    text = Corpus(dict(test='The river runs down to the sea, and the sea is wide. ' * 60))
    lm = tiny_lm('llama')
    step = torch.optim.Adam(lm.parameters(), 3e-3)
    for ids in windows(lm, text['test'], 32, n=20).repeat(4, 1).split(4):
        step.zero_grad()
        lm(input_ids=ids, labels=ids).loss.backward()
        step.step()
    half = Magnitude(.5)(lm)
    measure = lambda model: condition(model, text, n=4, length=32)
    noisy = matched_control(lm, measure(half), measure, kind='noise', within=.1)
    assert abs(measure(noisy) - measure(half)) <= 0.1 * abs(
        measure(lm) - measure(half)
    ) + 1e-6 and noisy.record.method.startswith('noise(')
    same = matched_control(lm, lm, measure)
    assert len(same.match) == 1 and measure(same) == measure(lm) # nothing to match
    assert len(matched_control(lm, 1.001 * measure(lm), measure).match) == 1 # hardly damaged: no step is worth its time
    with expect_fail(ValueError, 'slack = 2'): matched_control(lm, half, measure, slack=2)
    with expect_fail(ValueError, "Unknown control 'chance'"): matched_control(lm, half, measure, kind='chance')
    with expect_fail(ValueError, 'dense model is NaN'): matched_control(lm, half, lambda m: float('nan'))


def test_Deals(): # nbs/api/26_control.ipynb, cell 3d016096
    """Dealt out again, it falls on `a` in half of the deals and on `b` in the others."""
    def four(said):
        return Predictions(
            list('wxyz'), np.eye(2, dtype='float32')[said], np.ones(4, int), [['a'], ['a'], ['b'], ['b']], ('no', 'yes')
        )
    tally = tallied([[four([1, 1, 1, 1])], [four([0, 1, 1, 1])]])
    deals = _Deals(tally, [1, 2], 1000, 0)
    kinds = [(g, said) for g, said in zip(deals.tally.member.toarray()[1].astype(int), deals.tally.said[1, 0])]
    drawn = np.concatenate([*deals])
    # one changed answer, in either group
    assert set(map(tuple, drawn[:, [kinds.index((1, 0)), kinds.index((0, 0))]])) == {(0, 1), (1, 0)}
    assert abs(drawn[:, kinds.index((1, 0))].mean() - .5) < .05 and (drawn.sum(1) == 4).all()


def test_ClusterDeals(): # nbs/api/26_control.ipynb, cell 7275e400
    """So two of the three lost answers could fall on other groups."""
    def in_clusters(said, groups, clusters, labels=None):
        logits, labels = np.eye(2, dtype='float32')[np.array(said)], np.ones(len(said), int) if labels is None else labels
        ids, groups = np.arange(len(said)).astype(str), [[*g] for g in groups]
        return Predictions(ids, logits, labels, groups, ('no', 'yes'), clusters=[*clusters])
    pairs = [in_clusters(said, 'aaaabbbbb', 'wwxxyyzzv') for said in ([1] * 9, [0, 0, 1, 1, 1, 1, 1, 1, 0])]
    deals = _ClusterDeals(tallied([[p] for p in pairs], packed=False), [1, 2], 1000, 0)
    kinds = [(g, said) for g, said in zip(deals.tally.member.toarray()[1].astype(int), deals.tally.said[1, 0])]
    drawn = np.concatenate([*deals])[:, [kinds.index(k) for k in ((1, 0), (0, 0))]]
    assert set(map(tuple, drawn)) == {(2, 1), (0, 3)} and abs((drawn[:, 0] == 2).mean() - .5) < .05
    assert np.isclose(deals.free, 2 / 3)


def test_ClusterDeals_2(): # nbs/api/26_control.ipynb, cell b2255063
    """Its two lost answers of four fall on both groups, or on one of them, as they would if its texts were drawn from an urn."""
    def in_clusters(said, groups, clusters, labels=None):
        logits, labels = np.eye(2, dtype='float32')[np.array(said)], np.ones(len(said), int) if labels is None else labels
        ids, groups = np.arange(len(said)).astype(str), [[*g] for g in groups]
        return Predictions(ids, logits, labels, groups, ('no', 'yes'), clusters=[*clusters])
    template = [in_clusters(said, 'aabb', 'tttt') for said in ([1] * 4, [0, 0, 1, 1])]
    deals = _ClusterDeals(tallied([[p] for p in template], packed=False), [1, 2], 3000, 0)
    of_a = np.concatenate([*deals]) @ ((deals.tally.said[1, 0] == 0) * deals.tally.member.toarray()[1])
    assert np.allclose(np.bincount(of_a.astype(int)) / 3000, [1 / 6, 4 / 6, 1 / 6], atol=.03) and deals.free == 1


def test_even_summaries(): # nbs/api/26_control.ipynb, cell 520186d3
    """What was seen is far outside."""
    dense, small = planted()
    told = even_moves(dense, small, n_resamples=2000)
    seen = compare(dense, small, n_resamples=200)
    beside = seen.merge(told, on=['metric', 'cls', 'group', 'scope'])
    gap = beside[beside.metric == 'equalized_odds_difference'].squeeze()
    assert gap.change > .3 > .1 > gap.even_high and gap.p_even < .001
    own = beside[beside.metric == 'accuracy'].set_index('group')
    assert own.change['c'] < own.even_low['c'] and (own.change[['a', 'b']] > own.even_high[['a', 'b']]).all()


def test_even_summaries_2(): # nbs/api/26_control.ipynb, cell 64fd5589
    """A slow loop that deals the same answers out text by text gives the same range."""
    dense, small = planted()
    told = even_moves(dense, small, n_resamples=2000)
    seen = compare(dense, small, n_resamples=200)
    beside = seen.merge(told, on=['metric', 'cls', 'group', 'scope'])
    own = beside[beside.metric == 'accuracy'].set_index('group')
    rng, slow = np.random.default_rng(1), []
    strata = [np.flatnonzero((dense.labels == y) & (dense.predicted == p)) for y in (0, 1) for p in (0, 1)]
    c = np.array([g == ['c'] for g in dense.groups])
    for _ in range(2000):
        said = small.predicted.copy()
        for texts in strata: said[texts] = rng.permutation(said[texts])
        slow.append((said == dense.labels)[c].mean() - (dense.predicted == dense.labels)[c].mean())
    assert np.allclose(
        [np.mean(slow), *np.quantile(slow, [0.025, 0.975])],
        own.loc['c', ['even', 'even_low', 'even_high']].astype(float),
        atol=0.005,
    )


def test_even_summaries_3(): # nbs/api/26_control.ipynb, cell 4d7332f2
    """A slow loop over clusters gives the same range too: here clusters of up to eight texts of several groups, with two seeds, and some templates harder than others."""
    def in_clusters(said, groups, clusters, labels=None):
        logits, labels = np.eye(2, dtype='float32')[np.array(said)], np.ones(len(said), int) if labels is None else labels
        ids, groups = np.arange(len(said)).astype(str), [[*g] for g in groups]
        return Predictions(ids, logits, labels, groups, ('no', 'yes'), clusters=[*clusters])
    def dealt_slowly(before, after, rng):
        "Answers after (seeds, texts) of one deal."
        kinds, said = list(zip(before[0].labels, *(p.predicted for p in before))), np.stack([p.predicted for p in after])
        texts = [np.flatnonzero(np.array(before[0].clusters) == c) for c in np.unique(before[0].clusters)]
        alike, found = {}, said.copy()
        for own in texts: alike.setdefault(tuple(sorted(kinds[i] for i in own)), []).append(own)
        for them in alike.values():
            for own, other in zip(them, [them[i] for i in rng.permutation(len(them))]):
                for k in {kinds[i] for i in own}:
                    to, come = ([i for i in some if kinds[i] == k] for some in (own, other))
                    found[:, to] = said[:, rng.permutation(come)]
        return found
    rng = np.random.default_rng(3)
    cluster, y, hard = rng.integers(0, 130, 300), rng.integers(0, 2, 300), rng.random(130) < .2
    about = [sorted({*rng.choice([*'abc'], 2)}) for _ in range(300)]
    def answers(share):
        wrong = rng.random(300) < share * (1 + 2 * hard[cluster])
        return in_clusters(np.where(wrong, 1 - y, y), about, cluster.astype(str), y)
    before, after = ([answers(share) for _ in range(2)] for share in (.05, .2))
    ours = even_moves(before, after, n_resamples=4000).query("metric in ('accuracy', 'worst_group_accuracy')")
    def by_group(said): return np.stack([(said == y)[:, [g in own for own in about]].mean(1) for g in 'abc'])
    def seen(said): return np.r_[by_group(said).mean(1), by_group(said).min(0).mean()]
    slow = np.array([seen(dealt_slowly(before, after, rng)) for _ in range(800)]) - seen([p.predicted for p in before])
    assert np.allclose(slow.mean(0), ours.even, atol=.003) and .5 < ours.even_free.iloc[0] < 1
    assert np.allclose(np.quantile(slow, [.025, .975], axis=0).T, ours[['even_low', 'even_high']], atol=.01)


def test_even_summaries_4(): # nbs/api/26_control.ipynb, cell c382b335
    """Clusters of one text are independent texts, also where there are more of them than [an interval draws](20_groups.ipynb); and five copies of each text in a cluster tell what one copy tells."""
    dense, small = planted()
    told = even_moves(dense, small, n_resamples=2000)
    ranges = ['even', 'even_low', 'even_high']
    single = even_moves(*(replace(p, clusters=p.ids) for p in (dense, small)), n_resamples=2000)
    assert np.allclose(single[ranges], told[ranges], atol=.01) and single.even_free[0] == told.even_free[0] == 1
    def fivefold(p):
        groups, ids = [g for g in p.groups for _ in range(5)], [f'{i} {k}' for i in p.ids for k in range(5)]
        return replace(
            p,
            ids=ids,
            groups=groups,
            clusters=np.repeat(p.ids, 5),
            **{v: np.repeat(getattr(p, v), 5, 0) for v in ('logits', 'labels')},
        )
    copies = [fivefold(p) for p in (dense, small)]
    assert np.allclose(even_moves(*copies, n_resamples=2000)[ranges], told[ranges], atol=.01)
    many = planted(25_000)
    apart, whole = (
        even_moves(*pair, n_resamples=200)[ranges] for pair in (many, [replace(p, clusters=p.ids) for p in many])
    )
    assert np.allclose(apart, whole, atol=.004)


def test_even_summaries_5(): # nbs/api/26_control.ipynb, cell 2cfa9ca9
    """And where no cluster has the labels and answers before of another, and each is about one group, nothing can change places, and nothing is told: here 25 authors, who wrote one to 25 texts."""
    def in_clusters(said, groups, clusters, labels=None):
        logits, labels = np.eye(2, dtype='float32')[np.array(said)], np.ones(len(said), int) if labels is None else labels
        ids, groups = np.arange(len(said)).astype(str), [[*g] for g in groups]
        return Predictions(ids, logits, labels, groups, ('no', 'yes'), clusters=[*clusters])
    dense, small = planted()
    told = even_moves(dense, small, n_resamples=2000)
    def fivefold(p):
        groups, ids = [g for g in p.groups for _ in range(5)], [f'{i} {k}' for i in p.ids for k in range(5)]
        return replace(
            p,
            ids=ids,
            groups=groups,
            clusters=np.repeat(p.ids, 5),
            **{v: np.repeat(getattr(p, v), 5, 0) for v in ('logits', 'labels')},
        )
    copies = [fivefold(p) for p in (dense, small)]
    torn = even_moves(*(replace(p, clusters=None) for p in copies), n_resamples=500)
    of_all, of_torn = ((t.even_high - t.even_low)[t.metric == 'accuracy'].mean() for t in (told, torn))
    assert of_torn < .6 * of_all
    author = np.repeat(np.arange(25), np.arange(1, 26))
    right, of_author = np.ones(325, int), (np.where(author % 2, 'a', 'b'), author.astype(str))
    alone = [in_clusters(said, *of_author) for said in (right, 1 * (np.arange(325) % 3 > 0))]
    stuck, unbound = (even_moves(*pair, n_resamples=200) for pair in (alone, [replace(p, clusters=None) for p in alone]))
    assert len(stuck) == len(unbound) > 4 and (stuck.even_free == 0).all() and (unbound.even_free == 1).all()
    assert (stuck.p_even.dropna() == 1).all() and stuck.even_low.equals(stuck.even_high) and stuck.even[0] < -.3


@pytest.mark.heavy
def test_even_summaries_6(): # nbs/api/26_control.ipynb, cell a50b2966
    """Where no answer changed it never does, and several seeds are judged together."""
    dense, small = planted()
    rng = np.random.default_rng(0)
    def even_loss(k=1, n=1000, groups=10):
        y, own = rng.integers(0, 2, n), rng.integers(0, groups, n)
        hard = rng.random(n)
        def one(share):
            return Predictions(
                np.arange(n).astype(str),
                np.eye(2, dtype='float32')[np.where(rng.random(n) < share * hard, 1 - y, y)],
                y,
                [[f'g{g}'] for g in own],
                ('no', 'yes'),
            )
        return [one(.1) for _ in range(k)], [one(.4) for _ in range(k)]
    def alarms(make, runs):
        return (
            sum(
                (even_moves(*make(), n_resamples=200).query("scope == 'judged'").p_even < 0.05).to_numpy()
                for _ in range(runs)
            )
            / runs
        )
    one_seed, three = alarms(even_loss, 200), alarms(lambda: even_loss(3), 100)
    print(
        'false alarms of worst group, demographic parity, equal opportunity, equalized odds:',
        *(f'{100 * v:.1f}' for v in one_seed),
        'of 100; three seeds:',
        *(f'{100 * v:.0f}' for v in three),
    )
    assert (one_seed < .09).all() and (three < .12).all() and one_seed.max() > 0
    assert (even_moves(dense, dense, n_resamples=200)[['even', 'even_low', 'even_high']] == 0).to_numpy().all()


@pytest.mark.heavy
def test_even_summaries_7(): # nbs/api/26_control.ipynb, cell 16813cc7
    """The changed equalized odds difference is told from an even move in 12% of the audits where 1,000 texts are 200 clusters, about as often as in 200 independent texts (9%), and in 90% where 6,000 texts are 1,200 clusters."""
    def in_clusters(said, groups, clusters, labels=None):
        logits, labels = np.eye(2, dtype='float32')[np.array(said)], np.ones(len(said), int) if labels is None else labels
        ids, groups = np.arange(len(said)).astype(str), [[*g] for g in groups]
        return Predictions(ids, logits, labels, groups, ('no', 'yes'), clusters=[*clusters])
    rng = np.random.default_rng(0)
    def alarms(make, runs):
        return (
            sum(
                (even_moves(*make(), n_resamples=200).query("scope == 'judged'").p_even < 0.05).to_numpy()
                for _ in range(runs)
            )
            / runs
        )
    def repeated(k=1, harm=0., clusters=200, groups=10):
        y, own, hard = rng.integers(0, 2, clusters), rng.integers(0, groups, clusters), rng.random(clusters)
        def one(share, more=0.):
            lost = rng.random(clusters) < share * hard + more * (own == 0)
            whole = [np.repeat(v, 5) for v in (np.where(lost, 1 - y, y), y, own, np.arange(clusters))]
            return in_clusters(whole[0], [[f'g{g}'] for g in whole[2]], whole[3].astype(str), whole[1])
        return [one(.1) for _ in range(k)], [one(.4, harm) for _ in range(k)]
    once, thrice = alarms(repeated, 200), alarms(lambda: repeated(3), 100)
    seen = alarms(lambda: repeated(harm=.4), 50)
    alarm, of_three, found = (' '.join(f'{100 * v:.0f}' for v in shares) for shares in (once, thrice, seen))
    print(f'false alarms in clusters: {alarm} of 100; three seeds: {of_three}; a planted harm is seen: {found}')
    assert (once < .09).all() and (thrice < .12).all() and once.max() > 0 and seen[0] > .5


def test_even_summaries_8(): # nbs/api/26_control.ipynb, cell bbf4423f
    dense, small = planted()
    with expect_fail(ValueError, 'n_resamples = 5'): even_moves(dense, small, n_resamples=5)
    with expect_fail(ValueError, '2 dense and 1 compressed'): even_moves([dense, dense], small)


def test_floors(): # nbs/api/26_control.ipynb, cell 878407e9
    """The gap of the compressed model is far beyond chance."""
    dense, small = planted()
    told = even_moves(dense, small, n_resamples=2000)
    seen = compare(dense, small, n_resamples=200)
    beside = seen.merge(told, on=['metric', 'cls', 'group', 'scope'])
    gap = beside[beside.metric == 'equalized_odds_difference'].squeeze()
    def odds(table): return table[table.metric == 'equalized_odds_difference'].squeeze()
    many = planted(900, [f'g{i}' for i in range(10)], harm=0.)[0]
    alike, crowded, harmed = (odds(floors(p, n_resamples=2000)) for p in (dense, many, small))
    assert (
        alike.floor_low < alike.level < alike.floor_high
        and alike.p_floor > 0.05
        and crowded.floor > 2 * alike.floor
        and crowded.p_floor > 0.05
    )
    assert harmed.level > .3 > harmed.floor_high and harmed.p_floor < .001
    assert np.isclose(harmed.level, gap.compressed) and np.isclose(alike.level, gap.dense)


@pytest.mark.heavy
def test_floors_2(): # nbs/api/26_control.ipynb, cell b93a141c
    """Then come models without any gap, of which one in twenty may be reported to have one."""
    def in_clusters(said, groups, clusters, labels=None):
        logits, labels = np.eye(2, dtype='float32')[np.array(said)], np.ones(len(said), int) if labels is None else labels
        ids, groups = np.arange(len(said)).astype(str), [[*g] for g in groups]
        return Predictions(ids, logits, labels, groups, ('no', 'yes'), clusters=[*clusters])
    dense, small = planted()
    rng = np.random.default_rng(3)
    cluster, y, hard = rng.integers(0, 130, 300), rng.integers(0, 2, 300), rng.random(130) < .2
    about = [sorted({*rng.choice([*'abc'], 2)}) for _ in range(300)]
    def answers(share):
        wrong = rng.random(300) < share * (1 + 2 * hard[cluster])
        return in_clusters(np.where(wrong, 1 - y, y), about, cluster.astype(str), y)
    def fivefold(p):
        groups, ids = [g for g in p.groups for _ in range(5)], [f'{i} {k}' for i in p.ids for k in range(5)]
        return replace(
            p,
            ids=ids,
            groups=groups,
            clusters=np.repeat(p.ids, 5),
            **{v: np.repeat(getattr(p, v), 5, 0) for v in ('logits', 'labels')},
        )
    copies = [fivefold(p) for p in (dense, small)]
    author = np.repeat(np.arange(25), np.arange(1, 26))
    right, of_author = np.ones(325, int), (np.where(author % 2, 'a', 'b'), author.astype(str))
    alone = [in_clusters(said, *of_author) for said in (right, 1 * (np.arange(325) % 3 > 0))]
    rng = np.random.default_rng(0)
    def odds(table): return table[table.metric == 'equalized_odds_difference'].squeeze()
    many = planted(900, [f'g{i}' for i in range(10)], harm=0.)[0]
    alike, crowded, harmed = (odds(floors(p, n_resamples=2000)) for p in (dense, many, small))
    chance, drawn = np.random.default_rng(2), []
    of_label = [np.flatnonzero(small.labels == k) for k in (0, 1)]
    for _ in range(2000):
        answers = small.predicted.copy()
        for those in of_label: answers[those] = chance.permutation(answers[those])
        tpr, fpr = (
            [
                (answers[at] == 1).mean()
                for g in 'abc'
                for at in [(small.labels == k) & np.array([own == [g] for own in small.groups])]
            ]
            for k in (1, 0)
        )
        drawn.append(max(np.ptp(tpr), np.ptp(fpr)))
    assert np.allclose(
        [np.mean(drawn), *np.quantile(drawn, [0.025, 0.975])],
        harmed[['floor', 'floor_low', 'floor_high']].astype(float),
        atol=0.01,
    )
    def taken(make, runs):
        return sum((floors(make(seed), n_resamples=200).p_floor < .05).to_numpy() for seed in range(runs)) / runs
    wrongly = taken(lambda seed: planted(600, [f'g{i}' for i in range(6)], harm=0., seed=seed)[0], 200)
    three = floors([planted(600, list('abcd'), harm=h, seed=1)[1] for h in (0., .1, .2)], n_resamples=200)
    print('a gap that is not there:', *(f'{100 * v:.1f}' for v in wrongly), 'of 100')
    assert (
        (wrongly < 0.09).all()
        and wrongly.max() > 0
        and np.isclose(
            odds(three).level,
            np.mean(
                [
                    odds(floors(planted(600, list('abcd'), harm=h, seed=1)[1], n_resamples=100)).level
                    for h in (0.0, 0.1, 0.2)
                ]
            ),
        )
    )
    assert len(floors(dense, n_resamples=100, min_n=10_000)) == 0
    columns = ['level', 'floor', 'floor_low', 'floor_high']
    of_copies, of_one = (floors(p, n_resamples=2000)[columns] for p in (copies[1], small)) # clusters of five copies
    assert np.allclose(of_copies, of_one, atol=.015)
    assert (floors(alone[1], n_resamples=200)[['floor_free', 'p_floor']] == [0, 1]).all(axis=None) # by author


@pytest.mark.slow
@pytest.mark.data
def test_floors_3(): # nbs/api/26_control.ipynb, cell 6a4678e5
    """What is left over the control, group by group and class by class, is what magnitude does beyond damage."""
    data = toxigen(by='id') # the split of the thesis
    dense = finetune(MINILM, data, seed=0, epochs=2, progress=False, group_by_length=True)
    pruned = Magnitude(.5)(dense)
    random = matched_control(dense, pruned, lambda m: condition(m, data))
    before, after, beside = (predict(m, data) for m in (dense, pruned, random))
    assert abs(after.accuracy - beside.accuracy) < .01
