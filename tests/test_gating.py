# Generated from nbs/api/65_gate.ipynb: edit the notebook
import pytest
import math
import numpy as np
import pandas as pd
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import binom, norm
import json
import tempfile
import time
from collections import Counter
from dataclasses import replace
from fastcore.test import expect_fail
from scipy.special import xlogy
from fairprune.bias.groups import planted
from fairprune.statistics import interval, resampled_sums
from fairprune.data import GroupedText
from fairprune.models import tiny_classifier
from fairprune.predictions import Predictions
from fairprune.gating import *
from fairprune.gating import _about, _complete, _judge, _outcome, _reason, _told_by


def test_why_the_average_will_not_do(): # nbs/api/65_gate.ipynb, cell a07d9553
    """The compressed model misses three in ten of the texts of one class, in one group only."""
    dense, small = planted(2000, list('abcdefghij'), harm=.3)
    in_j = np.array([g == ['j'] for g in dense.groups])
    lost = (dense.predicted == dense.labels).astype(int) - (small.predicted == small.labels)
    assert dense.accuracy - small.accuracy < .02 and lost[in_j].mean() > .1


def test_why_the_average_will_not_do_2(): # nbs/api/65_gate.ipynb, cell b9f0f9cc
    """It would exclude any harm, on 30 texts."""
    assert interval(resampled_sums(np.zeros((30, 1))) / 30) == (0, 0)


def test_score(): # nbs/api/65_gate.ipynb, cell b06dd1b3
    """With no changed text it is $-\\sqrt{n d / (1 - d)}$."""
    assert np.isclose(score(10, 4, 100, 0), 6 / 14 ** .5)
    assert np.isclose(score(0, 0, 98, .02), -2 ** .5) and score(0, 0, 98, 0) == 0


def test_score_2(): # nbs/api/65_gate.ipynb, cell dbbbff57
    """The statistic grows with b and falls with c."""
    for b, c, n, d in [(8, 4, 400, .02), (0, 3, 50, .02), (5, 0, 50, .1), (30, 12, 90, .4), (3, 9, 60, -.1), (1, 1, 30, 0)]:
        def cost(q): return -(xlogy(b, q + d) + xlogy(c, q) + xlogy(n - b - c, 1 - 2 * q - d))
        q = minimize_scalar(cost, bounds=(max(0, -d), (1 - d) / 2), method='bounded', options=dict(xatol=1e-10)).x
        assert np.isclose(score(b, c, n, d), (b - c - n * d) / np.sqrt(n * (2 * q + d * (1 - d))), atol=1e-4)
    grid = np.add.outer(np.arange(41), np.zeros(41, int)) # b in rows, c in columns
    assert all(
        (np.diff(score(grid, grid.T, 80, d), axis=0) > -1e-9).all()
        and (np.diff(score(grid, grid.T, 80, d), axis=1) < 1e-9).all()
        for d in (0, 0.02, 0.3)
    )


def test_score_3(): # nbs/api/65_gate.ipynb, cell c364ab74
    """But with a true drop of two points, all 133 stay unchanged with probability $0.98^{133} = 6.8\\%$."""
    assert norm.cdf(score(0, 0, 133, .02)) < .05 < .98 ** 133


def test_exact_p(): # nbs/api/65_gate.ipynb, cell 848ed5b6
    """It takes 149 such texts to exclude two points at 95%."""
    assert np.isclose(exact_p(0, 0, 30, .02, False), .98 ** 30, atol=1e-5)
    assert exact_p(0, 0, 149, .02, False) <= .05 < exact_p(0, 0, 148, .02, False)
    assert exact_p(0, 0, 50, 0, True) == 1 and exact_p(0, 0, 50, 0, False) == 1


def test_exact_p_2(): # nbs/api/65_gate.ipynb, cell 9a71d873
    """The same by adding up every outcome of 20 texts."""
    def outcomes(n, drop, share, most):
        "Every b and c below `most`, and their chances: (outcomes, shares)."
        c, b = np.mgrid[:most, :most].reshape(2, -1)
        b, c = b[b + c <= n], c[b + c <= n]
        return b, c, binom.pmf(c[:, None], n, share) * binom.pmf(b[:, None], n - c[:, None], (share + drop) / (1 - share))
    all_b, all_c, chance = outcomes(20, .1, np.linspace(0, .45, 901), 21)
    assert np.allclose(chance.sum(0), 1)
    for b, c in [(0, 0), (1, 3), (4, 1), (2, 2), (9, 0)]:
        t, every = score(b, c, 20, .1), score(all_b, all_c, 20, .1)
        excluded, shown = (chance[side].sum(0).max() for side in (every <= t + 1e-9, every >= t - 1e-9))
        assert np.isclose(exact_p(b, c, 20, 0.1, False), excluded, atol=0.002) and np.isclose(
            exact_p(b, c, 20, 0.1, True), shown, atol=0.002
        )


def test_exact_p_3(): # nbs/api/65_gate.ipynb, cell 36817dae
    """It is computed, not simulated."""
    def outcomes(n, drop, share, most):
        "Every b and c below `most`, and their chances: (outcomes, shares)."
        c, b = np.mgrid[:most, :most].reshape(2, -1)
        b, c = b[b + c <= n], c[b + c <= n]
        return b, c, binom.pmf(c[:, None], n, share) * binom.pmf(b[:, None], n - c[:, None], (share + drop) / (1 - share))
    def sizes(n, bound=.02, alpha=.05):
        "Largest rejection rates of the normal and of the exact test, in both directions."
        b, c, chance = outcomes(n, bound, np.linspace(0, .02, 21), 30)
        t, likely = score(b, c, n, bound), chance.max(1) > 1e-5
        for shown, normal in ((False, norm.cdf(t)), (True, norm.sf(t))):
            exact = np.array(
                [
                    exact_p(int(i), int(j), n, bound, shown) if near else 1
                    for i, j, near in zip(b, c, likely & (normal < 3 * alpha))
                ]
            )
            yield from (chance[p <= alpha].sum(0).max() for p in (normal, exact))
    columns = pd.MultiIndex.from_product([['harm excluded', 'harm shown'], ['normal', 'exact']])
    size = pd.DataFrame(
        [list(sizes(n)) for n in (60, 133, 150, 300)], index=pd.Index([60, 133, 150, 300], name='texts'), columns=columns
    )
    assert (size.xs('exact', axis=1, level=1) <= 0.05).all(axis=None) and (
        size.xs('normal', axis=1, level=1).max() > [0.06, 0.08]
    ).all()


def test_near(): # nbs/api/65_gate.ipynb, cell ccc07d82
    """At its own bound, a test gives just its level."""
    assert np.isclose(limit(0, 0, 100, .05, False), 1 - .05 ** (1 / 100), atol=1e-4)
    low, high = (limit(12, 4, 300, .05, shown) for shown in (True, False))
    assert (
        low < 8 / 300 < high
        and np.isclose(exact_p(12, 4, 300, high, False), 0.05, atol=0.005)
        and np.isclose(exact_p(12, 4, 300, low, True), 0.05, atol=0.005)
    )
    assert limit(30, 0, 30, .05, False) > .999 and limit(0, 30, 30, .05, True) < -.999


def test_texts_needed(): # nbs/api/65_gate.ipynb, cell ea1fe99f
    """Drawn from the rates that were assumed, about 80% of such samples do decide."""
    texts, rng = texts_needed(4, 4, 200, .02, .05), np.random.default_rng(0)
    draws = rng.multinomial(texts, [4.5 / 201.5, 4.5 / 201.5, 192.5 / 201.5], 400)
    power = np.mean([exact_p(int(b), int(c), texts, .02, False) <= .05 for b, c, _ in draws])
    assert .7 < power < .9 and texts_needed(4, 0, 200, .02, .05) == math.inf


def test_gate(): # nbs/api/65_gate.ipynb, cell 0b522875
    """The ten groups from above: the average passes, the gate does not."""
    dense, small = planted(2000, list('abcdefghij'), harm=.3)
    found = gate(dense, small)
    assert (
        found.outcome == 'fail'
        and found.exit_status == 1
        and found.table.query("verdict == 'fail'").group.tolist() == ['j']
    )
    assert (found.table['drop'][:9] == 0).all()
    print(found.reason)


def test_gate_2(): # nbs/api/65_gate.ipynb, cell 6a3e4477
    """The gate says how many it takes."""
    same = gate(*planted(900, harm=0))
    assert (same.outcome, same.exit_status, same.needed) == ('pass', 0, 0) and (same.table.high < .02).all()
    few = gate(*planted(300, harm=0))
    assert (few.outcome, few.exit_status) == ('too little data', 3) and few.needed > few.table.n.max()
    assert few.reason.startswith('Undecided for 3 of 3 groups. It takes about ')


def test_gate_3(): # nbs/api/65_gate.ipynb, cell 31b8eb9d
    """Table and outcome agree: a unit passes where its upper bound is within the bound of the gate, and the gate fails where a lower bound is beyond it."""
    dense, small = planted(2000, list('abcdefghij'), harm=.3)
    found = gate(dense, small)
    found.table.round(3)
    same = gate(*planted(900, harm=0))
    few = gate(*planted(300, harm=0))
    for one in (found, same, few, gate(*planted(harm=.05), classes=True), gate(*planted(harm=.1))):
        t, bound = one.table, one.settings['max_worst_group_drop']
        assert ((t.high <= bound) == (t.verdict == 'pass')).all() and (t.low > bound).any() == (one.outcome == 'fail')
        assert np.allclose(t['drop'], t.dense - t.compressed) and (t.low < t['drop']).all() and (t['drop'] < t.high).all()


def test_gate_4(): # nbs/api/65_gate.ipynb, cell a24c66ad
    """`groups` names the units that count, classes included: the harm is in `c`, so the other two pass alone."""
    per_class = gate(*planted(), classes=True)
    assert per_class.table.query("verdict == 'fail'").group.tolist() == ['c', 'class: yes']
    assert (
        gate(*planted(), groups=['a', 'b']).outcome == 'pass'
        and gate(*planted(), groups='class: no', classes=True).outcome == 'pass'
    )


def test_gate_5(): # nbs/api/65_gate.ipynb, cell 79281ebc
    """A group may have any name: one that is called `all`, or as a class is, is judged like the others."""
    per_class = gate(*planted(), classes=True)
    for name in ('all', 'judged', 'class: yes'):
        called = gate(*planted(groups=('A', 'B', name)), classes=True)
        assert called.table.query("verdict == 'fail'")[['group', 'scope']].values.tolist() == [
            [name, 'group'],
            ['class: yes', 'class'],
        ]
        assert called.table.drop(columns='group').equals(
            per_class.table.drop(columns='group')
        ) and called.reason == per_class.reason.replace('c (', f'{name} (', 1)


def test_gate_6(): # nbs/api/65_gate.ipynb, cell d2b62076
    """By its keys alone, every text would be in the same group, and the gate open."""
    with tempfile.TemporaryDirectory() as folder:
        for p, name in zip(planted(), ('dense', 'small')):
            p.to_frame().assign(groups=[dict(who=g) for g, in p.groups]).to_parquet(f'{folder}/{name}.parquet')
        structs = gate(f'{folder}/dense.parquet', f'{folder}/small.parquet')
    assert (
        structs.outcome == 'fail'
        and structs.table.group.tolist() == ['who=a', 'who=b', 'who=c']
        and structs.table.verdict.tolist() == ['pass', 'pass', 'fail']
    )


def test_gate_7(): # nbs/api/65_gate.ipynb, cell 590aacd9
    """What was cut of long texts stands beside the reason."""
    long = [replace(p, meta=dict(cut=12, limit=256)) for p in planted()]
    assert gate(*long).reason.endswith('12 of 900 texts are longer than the 256 tokens that were read of them.')


def test_gate_8(): # nbs/api/65_gate.ipynb, cell 2e3332b1
    """A group of 80,000 takes a second."""
    start = time.process_time()
    high = limit(2500, 2400, 80_000, .05, False)
    assert abs(exact_p(2500, 2400, 80_000, high, False) - .05) < 1e-3 and time.process_time() - start < 5
    few, plain = (
        limit(30, 20, 1200, 0.05, True),
        brentq(lambda d: exact_p(30, 20, 1200, d, True) - 0.05, -0.5, 30 / 1200 - 20 / 1200, xtol=1e-5),
    )
    assert abs(few - plain) < 2e-5


def test_gate_9(): # nbs/api/65_gate.ipynb, cell 03376e78
    """A drop that is exactly the bound is never decided."""
    little = gate(*planted(60, harm=0))
    assert (
        little.outcome == 'too little data'
        and set(little.table.verdict) == {'too few texts'}
        and little.table.high.isna().all()
    )
    assert (
        gate(*planted(900, harm=0), min_n=300).outcome == 'too little data'
        and gate(*planted(900, harm=0.9), min_n=290).outcome == 'fail'
    )
    on = _complete(_judge([('x', 'group', 200, 200, 0, 150, 4, 0)], .02, .95, 30), .02, .95, 30)
    assert (
        on.needed_n.item() == math.inf
        and 'no number of texts of group x (now 200), as its drop is the bound itself'
        in _reason('too little data', on, 0.02)
    )
    assert _about(1374) == 'about 1,400' and _about(98) == 'about 98'


def test_gate_10(): # nbs/api/65_gate.ipynb, cell 53f68ab1
    """JSON gets None where a number is undefined or infinite."""
    dense, small = planted(2000, list('abcdefghij'), harm=.3)
    little = gate(*planted(60, harm=0))
    zero = gate(dense, dense, max_worst_group_drop=0)
    assert zero.outcome == 'too little data' and zero.needed == math.inf and zero.as_dict()['needed'] is None
    assert json.loads(json.dumps(little.as_dict(), allow_nan=False))['table'][0]['p_pass'] is None


def test_gate_11(): # nbs/api/65_gate.ipynb, cell d0103181
    """A name that the data do not know is noticed before they are loaded."""
    words = pd.DataFrame(
        dict(
            text=[f'{w} word' for w in ['good', 'bad'] * 200], label=['yes', 'no'] * 200, groups=['a', 'b', 'b', 'a'] * 100
        )
    )
    toy, tiny = GroupedText.from_frame(words, name='toy'), tiny_classifier()
    assert gate(tiny, tiny, toy).table.group.tolist() == ['a', 'b']
    with expect_fail(ValueError, 'Unknown group: z'): gate('runs/dense', 'runs/small', toy, groups=['z'])
    with expect_fail(ValueError, 'A model is judged on data'): gate('runs/dense', 'runs/small')


def test_gate_12(): # nbs/api/65_gate.ipynb, cell fe4e9783
    """Other mistakes."""
    dense, small = planted(2000, list('abcdefghij'), harm=.3)
    with expect_fail(ValueError, 'max_worst_group_drop = 2'): gate(dense, small, max_worst_group_drop=2)
    with expect_fail(ValueError, 'max_worst_group_drop = -0.01'): gate(dense, small, max_worst_group_drop=-.01)
    with expect_fail(ValueError, 'confidence = 95'): gate(dense, small, confidence=95)
    with expect_fail(ValueError, 'min_n = 0'): gate(dense, small, min_n=0)
    with expect_fail(ValueError, 'Unknown group: z. There are: a, b'): gate(dense, small, groups=['a', 'z'])
    with expect_fail(ValueError, 'No group is named'): gate(dense, small, groups=[])
    with expect_fail(ValueError, 'different texts'): gate(dense, planted(900)[1])
    nobody = Predictions(dense.ids, dense.logits, dense.labels, [[] for _ in dense.ids], dense.classes)
    with expect_fail(ValueError, 'No text belongs to a group'): gate(nobody, nobody)


def test_gate_13(): # nbs/api/65_gate.ipynb, cell 2f06e526
    """Each text five times is judged as each text once."""
    def repeated(p, k):
        "Predictions on each text k times, which are one cluster."
        n = np.repeat(np.arange(len(p)), k)
        return replace(
            p,
            ids=np.arange(len(n)).astype(str),
            logits=p.logits[n],
            labels=p.labels[n],
            groups=[p.groups[i] for i in n],
            clusters=p.ids[n],
        )
    for case in (planted(900, harm=0), planted(300, harm=0), planted(900, harm=.05), planted()):
        once, five = gate(*case, classes=True), gate(*(repeated(p, 5) for p in case), classes=True)
        same = ['group', 'dense', 'compressed', 'drop', 'low', 'high', 'p_pass', 'p_fail_holm', 'verdict', 'needed_n']
        pd.testing.assert_frame_equal(once.table[same], five.table[same], check_dtype=False)
        assert five.outcome == once.outcome and (five.table.effect == 5).all() and (five.table.units == once.table.n).all()
    few, without = (
        gate(*(replace(repeated(p, 5), **how) for p in planted(300, harm=0))) for how in ({}, dict(clusters=None))
    )
    assert (
        without.outcome == 'pass' and few.outcome == 'too little data' and few.needed == gate(*planted(300, harm=0)).needed
    )


def test_gate_14(): # nbs/api/65_gate.ipynb, cell 5e28579b
    """Of clusters whose texts have nothing in common, little is lost where they are many."""
    nine = gate(*(replace(p, clusters=np.array([str(i % 9) for i in range(900)])) for p in planted(900, harm=0)))
    assert (
        nine.outcome == 'too little data'
        and set(nine.table.verdict) == {'too few clusters'}
        and nine.needed >= 10
        and nine.table.high.isna().all()
    )
    mixed = [replace(p, clusters=np.array([str(i % 400) for i in range(4000)])) for p in planted(4000, harm=.02)]
    plain, loose = gate(*(replace(p, clusters=None) for p in mixed)), gate(*mixed)
    assert (
        (loose.table.effect.between(1, 6)).all()
        and (loose.table.high >= plain.table.high - 1e-6).all()
        and loose.outcome == 'pass'
    )
    with expect_fail(ValueError, 'One of the two tables names clusters'): gate(mixed[0], replace(mixed[1], clusters=None))


@pytest.mark.slow
def test_gate_15(): # nbs/api/65_gate.ipynb, cell 65a34c6a
    """The last two columns say how often the gate passes where nothing is lost (1% of the texts flip), and fails where six points are."""
    def repeated(p, k):
        "Predictions on each text k times, which are one cluster."
        n = np.repeat(np.arange(len(p)), k)
        return replace(
            p,
            ids=np.arange(len(n)).astype(str),
            logits=p.logits[n],
            labels=p.labels[n],
            groups=[p.groups[i] for i in n],
            clusters=p.ids[n],
        )
    for case in (planted(900, harm=0), planted(300, harm=0), planted(900, harm=.05), planted()):
        once, five = gate(*case, classes=True), gate(*(repeated(p, 5) for p in case), classes=True)
        same = ['group', 'dense', 'compressed', 'drop', 'low', 'high', 'p_pass', 'p_fail_holm', 'verdict', 'needed_n']
        pd.testing.assert_frame_equal(once.table[same], five.table[same], check_dtype=False)
        assert five.outcome == once.outcome and (five.table.effect == 5).all() and (five.table.units == once.table.n).all()
    def happened(rng, sizes, alike, lost, won):
        "Cluster of each text, and what happens to it: lost 1, won -1, or nothing."
        cluster, n = np.repeat(np.arange(len(sizes)), sizes), sizes.sum()
        if alike == 1:
            u = rng.random(len(sizes))[cluster]
            return cluster, np.where(u < lost, 1, np.where(u < lost + won, -1, 0))
        if alike == 'some whole':
            u = rng.random(n)
            return cluster, np.where(
                (rng.random(len(sizes)) < lost - won)[cluster] | (u < won), 1, np.where(u < 2 * won, -1, 0)
            )
        p = rng.gamma(np.array([lost, won, 1 - lost - won]) * (1 - alike) / alike, size=(len(sizes), 3))
        p, u = (p / p.sum(1, keepdims=True))[cluster], rng.random(n)
        return cluster, np.where(u < p[:, 0], 1, np.where(u < p[:, 0] + p[:, 1], -1, 0))
    def verdicts(sizes, alike, lost, won, runs=300):
        "Share of the runs that pass and that fail."
        rng, rows = np.random.default_rng(1), []
        for k in range(runs):
            cluster, what = happened(rng, sizes(rng), alike, lost, won)
            rows.append(
                (
                    k,
                    'group',
                    len(what),
                    *_told_by(cluster, what.astype(float)),
                    len(what),
                    (what > 0).sum(),
                    (what < 0).sum(),
                )
            )
        seen = Counter(v for row in rows for v in _judge([row], .02, .95, 30).verdict)
        return seen['pass'] / runs, seen['fail'] / runs
    shapes = {
        '400 x 5': lambda rng: np.full(400, 5),
        '144 x 60': lambda rng: np.full(144, 60),
        '40 x 60': lambda rng: np.full(40, 60),
        '400 x 1 to 20': lambda rng: rng.integers(1, 21, 400),
        '100 x 1 to 20': lambda rng: rng.integers(1, 21, 100),
    }
    cases = [(shape, alike) for shape in shapes for alike in ([1] if shape == '400 x 5' else [.02, .2, 1, 'some whole'])]
    found = pd.DataFrame(
        [
            (
                shape,
                alike,
                *verdicts(shapes[shape], alike, 0.04, 0.02),
                *(
                    [np.nan] * 2
                    if alike == 'some whole'
                    else [verdicts(shapes[shape], alike, 0.005, 0.005)[0], verdicts(shapes[shape], alike, 0.07, 0.01)[1]]
                ),
            )
            for shape, alike in cases
        ],
        columns=['clusters x texts', 'alike', 'bound passes', 'bound fails', 'harmless passes', 'harmful fails'],
    ).set_index(['clusters x texts', 'alike'])
    most, errs = binom.ppf(.999, 300, .05) / 300, found[['bound passes', 'bound fails']] # what 5% may look like
    assert (
        (errs <= most).all(axis=None)
        and (errs.mean() <= 0.05).all()
        and (found.loc['144 x 60'].dropna().min() > [-1, -1, 0.2, 0.5]).all()
    )


def test_gate_16(): # nbs/api/65_gate.ipynb, cell 8fcb5219
    """With 100 texts a group it says that it cannot know."""
    with tempfile.TemporaryDirectory() as folder:
        for p, name in zip(planted(), ('dense', 'small')):
            p.to_frame().assign(groups=[dict(who=g) for g, in p.groups]).to_parquet(f'{folder}/{name}.parquet')
        structs = gate(f'{folder}/dense.parquet', f'{folder}/small.parquet')
    def repeated(p, k):
        "Predictions on each text k times, which are one cluster."
        n = np.repeat(np.arange(len(p)), k)
        return replace(
            p,
            ids=np.arange(len(n)).astype(str),
            logits=p.logits[n],
            labels=p.labels[n],
            groups=[p.groups[i] for i in n],
            clusters=p.ids[n],
        )
    for case in (planted(900, harm=0), planted(300, harm=0), planted(900, harm=.05), planted()):
        once, five = gate(*case, classes=True), gate(*(repeated(p, 5) for p in case), classes=True)
        same = ['group', 'dense', 'compressed', 'drop', 'low', 'high', 'p_pass', 'p_fail_holm', 'verdict', 'needed_n']
        pd.testing.assert_frame_equal(once.table[same], five.table[same], check_dtype=False)
        assert five.outcome == once.outcome and (five.table.effect == 5).all() and (five.table.units == once.table.n).all()
    quiet, edge = (1000, .002, .002), (400, .03, .01) # no drop; a drop of exactly two points
    cases = {
        'drop at the bound in one of three groups': [edge, quiet, quiet],
        'drop at the bound in all three': [edge] * 3,
        'no drop, 3 x 400 texts, 4% change': [(400, .02, .02)] * 3,
        'no drop, 3 x 100 texts, 4% change': [(100, .02, .02)] * 3,
        'no drop, 3 x 2,000 texts, 1% change': [(2000, .005, .005)] * 3,
        'drop of 6 points in one of three, 1,000 texts': [(1000, .07, .01), quiet, quiet],
    }
    def simulate(case, runs=200, seed=0):
        "Share of each outcome."
        rng = np.random.default_rng(seed)
        draws = [rng.multinomial(n, [lost, won, 1 - lost - won], runs) for n, lost, won in case]
        seen = Counter(
            _outcome(
                _judge(
                    [(k, 'group', n, n, 0, n, *d[run, :2]) for k, ((n, _, _), d) in enumerate(zip(case, draws))],
                    0.02,
                    0.95,
                    30,
                ).verdict
            )
            for run in range(runs)
        )
        return {outcome: seen[outcome] / runs for outcome in EXIT}
    rates = pd.DataFrame({name: simulate(case) for name, case in cases.items()}).T
    most = binom.ppf(.999, 200, .05) / 200 # what 5% may look like
    assert (rates['pass'].iloc[:2] <= most).all() and (rates['fail'].iloc[:5] <= most).all()
    assert rates['pass'].iloc[4] > .95 and rates['fail'].iloc[5] > .9 and rates['too little data'].iloc[3] > .95


def test_gate_17(): # nbs/api/65_gate.ipynb, cell 66b5167e
    """Blue lies within the bound, red is beyond it, orange is undecided, grey has too few texts."""
    ax = gate(*planted(620, list('abcd'), harm=.4), classes=True).plot()
    assert ax.get_title() == 'Gate: fail' and len(ax.get_yticklabels()) == 6
