"""How often an audit and a gate are right: simulated pairs of models whose truth is known, and what is said of each.

Writes a tidy table, a row for each case and measure, as it goes: texts (independent, overlapping or clusters), n,
groups, case, measure, audits, coverage (of its interval, or of all intervals of its family at once),
told (share of audits that find something at the level .05; of a summary that some group moved otherwise than the
others, and, as `even move: `, that it changed more than an even move changes it) and right (whether there is
something to find). Page 24 shows it. A case that stands in the table already, with as many audits, is left out.
Cases: `even` (everybody falls from .95 to .80), `nothing` (the same model), `exchange` (as many answers lost as won),
`planted` (TPR of one class in one group falls by .16), `planted in noise` (both). The gate's bound is .08,
which is what the planted group loses. `ranked` cases are scores, for the generalised means of AUCs: nothing but
noise, everybody ranked worse, one group ranked worse.
Run: python benchmarks/coverage.py [--quick] [--texts independent overlapping clusters ranked] [--out
results/coverage.csv]
"""
import argparse
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd

from fairprune import gate, gating
from fairprune.bias.control import even_moves
from fairprune.bias.groups import compare, compare_probabilities
from fairprune.predictions import Predictions

CASES = ("even", "nothing", "exchange", "planted", "planted in noise")
FAMILIES = dict(
    worst_group_accuracy=("accuracy",),
    demographic_parity_difference=("selection_rate",),
    equal_opportunity_difference=("tpr",),
    equalized_odds_difference=("tpr", "fpr"),
)
HARM, LOSS, NOISE, SHARE = .16, .15, .05, 2.5  # SHARE: groups that a text belongs to, where they overlap


def predictions(logits, labels, member, clusters=None):
    known = {}
    groups = [known.setdefault(own.tobytes(), [f"g{j}" for j in np.flatnonzero(own)]) for own in member]
    more = {} if clusters is None else dict(clusters=clusters)
    return Predictions(
        np.arange(len(labels)).astype(str), logits.astype("float32"), labels, groups, ("no", "yes"), **more
    )


def members(rng, n, groups, overlapping):
    if overlapping: return rng.random((n, groups)) < SHARE / groups
    return np.eye(groups, dtype=bool)[rng.integers(0, groups, n)]


def pair(rng, n, groups, case, texts):
    "Dense and compressed predictions; clusters are five texts with one fate."
    size = 5 if texts == "clusters" else 1
    m = n // size
    member, labels, before = members(rng, m, groups, texts == "overlapping"), rng.integers(0, 2, m), rng.random(m) < .95
    after, harmed = before.copy(), member[:, -1] & (labels == 1)
    if case == "even": after &= rng.random(m) >= LOSS / .95
    if case in ("exchange", "planted in noise"): after = np.where(before, rng.random(m) >= NOISE, rng.random(m) < .95)
    if case.startswith("planted"): after &= ~(harmed & (rng.random(m) < HARM / .95))
    clusters = np.repeat(np.arange(m), size).astype(str) if size > 1 else None
    return [
        predictions(
            *(np.repeat(v, size, 0) for v in (np.eye(2)[np.where(right, labels, 1 - labels)], labels, member)), clusters
        )
        for right in (before, after)
    ]


def truth(groups, case, texts):
    "True change of accuracy, selection rate of `yes`, TPR of `no` and TPR of `yes` for each group, and for all texts."
    shared = SHARE / groups if texts == "overlapping" else 0.
    of = np.where(np.arange(groups + 1) == groups - 1, 1., shared) * (HARM if case.startswith("planted") else 0)
    of[-1] = of[0] if texts == "overlapping" else HARM / groups * case.startswith("planted")
    even = LOSS if case == "even" else 0.
    return dict(accuracy=-of / 2 - even, selection_rate=-of / 2, no=0 * of - even, yes=-of - even)


def expected(true, metric, cls):
    "True changes of one rate: of each group, and of all texts."
    if metric in ("accuracy", "shortfall"): return true["accuracy"]
    if metric == "selection_rate": return true["selection_rate"] * (1 if cls == "yes" else -1)
    return true[cls] if metric == "tpr" else -true["no" if cls == "yes" else "yes"]


def judged(table, true):
    "For each measure whether its intervals hold, and whether something is found."
    harmed, told, holds = f"g{len(true['yes']) - 2}", {}, {}
    rows = table[table.judged & (table.scope == "group")]
    for (metric, cls), part in rows.groupby(["metric", "cls"], sort=False):
        change, at = expected(true, metric, cls), part.group.str[1:].astype(int).to_numpy()
        def within(value, low, high):
            return (part[low].to_numpy() - 1e-9 <= value) & (value <= part[high].to_numpy() + 1e-9)
        own = change[at] if metric != "shortfall" else change[-1] - change[at]
        relative = (
            [] if metric == "shortfall" else within(change[at] - change[at].mean(), "relative_low", "relative_high")
        )
        holds.setdefault(metric, []).append(
            (within(own, "low", "high"), within(own, "low_joint", "high_joint"), relative)
        )
    everybody = table[(table.metric == "accuracy") & (table.scope == "all")].iloc[0]
    told["accuracy of all texts"] = (
        everybody.low - 1e-9 <= true["accuracy"][-1] <= everybody.high + 1e-9,
        everybody.low > 0 or everybody.high < 0,
    )
    accuracy = rows[rows.metric == "accuracy"]
    found, (own, joint, _) = set(accuracy.group[accuracy.p_holm < .05]), holds["accuracy"][0]
    told["accuracy of a group"] = own.mean(), np.nan
    told["accuracy of all groups at once"] = joint.all(), bool(found)
    told["the harmed group"] = np.nan, harmed in found
    told["any other group"] = np.nan, bool(found - {harmed})
    told["shortfall of a group"] = holds["shortfall"][0][0].mean(), np.nan
    p = table[table.scope == "judged"].set_index("metric").p_relative
    for measure, family in FAMILIES.items():
        told[measure] = all(r.all() for m in family for *_, r in holds[m]), p[measure] < .05
    return told


def simulated(rng, n, groups, case, texts, resamples):
    "What one audit and one gate say: measure to whether the interval holds, and whether something is found."
    dense, small = pair(rng, n, groups, case, texts)
    told = judged(compare(dense, small, n_resamples=resamples), truth(groups, case, texts))
    even = even_moves(dense, small, n_resamples=resamples)
    told |= {f"even move: {r.metric}": (np.nan, r.p_even < .05) for r in even[even.scope == "judged"].itertuples()}
    outcome = gate(dense, small, max_worst_group_drop=HARM / 2).outcome
    return told | {"gate fails": (np.nan, outcome == "fail"), "gate passes": (np.nan, outcome == "pass")}


def something(case, measure):
    "Whether there is something to find, or the gate is right to say so; None where it may."
    if measure == "gate passes": return case in ("nothing", "exchange")
    if measure == "gate fails": return case == "even"
    harmed = case.startswith("planted")
    if measure.removeprefix("even move: ") in FAMILIES: return harmed
    return case == "even" or harmed and measure != "any other group"


def ranked(rng, n, groups, case):
    "Predictions whose scores rank texts: before, and after noise, a loss of everybody, or one of the last group."
    member, labels, noise = members(rng, n, groups, False), rng.integers(0, 2, n), rng.standard_normal(n)
    apart = 2.3 * labels
    after = dict(nothing=apart, even=1.2 * labels, planted=np.where(member[:, -1], .9 * labels, apart))[case]
    scores = apart + noise, after + (noise if case != "nothing" else .95 * noise) + .3 * rng.standard_normal(n)
    return [predictions(np.column_stack([-s / 2, s / 2]), labels, member) for s in scores]


def generalised(rng, n, groups, case, resamples, negative="no"):
    table = compare_probabilities(*ranked(rng, n, groups, case), negative=negative, n_resamples=resamples)
    return table[table.scope == "judged"].set_index("metric")


def case_rows(texts, n, groups, case, audits, resamples):
    "The rows of one case."
    rng = np.random.default_rng([n, groups, len(case), len(texts)])
    if texts == "ranked":
        true = generalised(rng, 60_000, groups, case, 100).change
        found = [
            {
                m: (r.low <= true[m] <= r.high, r.low > 0 or r.high < 0)
                for m, r in generalised(rng, n, groups, case, resamples).iterrows()
            }
            for _ in range(audits)
        ]
    else: found = [simulated(rng, n, groups, case, texts, resamples) for _ in range(audits)]
    for measure in found[0]:
        coverage, told = np.array([f[measure] for f in found], float).T
        right = True if texts == "ranked" else something(case, measure)
        yield dict(
            texts=texts,
            n=n,
            groups=groups,
            case=case,
            measure=measure,
            audits=audits,
            coverage=coverage.mean().round(3),
            told=told.mean().round(3),
            right=right,
        )


if __name__ == "__main__":
    # the bounds that a gate prints take most of its time, and decide nothing
    gating.limit = gating.texts_needed = lambda *_, **__: 0.
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few audits of the smallest cases")
    parser.add_argument(
        "--texts",
        nargs="+",
        default=["independent", "overlapping", "clusters", "ranked"],
        choices=["independent", "overlapping", "clusters", "ranked"],
    )
    parser.add_argument("--audits", type=int, default=300)
    parser.add_argument("--out", default="results/coverage.csv")
    asked = parser.parse_args()
    audits, sizes = (5, (1000,)) if asked.quick else (asked.audits, (1000, 6000))
    out, keys = Path(asked.out), ["texts", "n", "groups", "case"]
    table = (
        pd.read_csv(out, keep_default_na=False, na_values=[""])
        if out.exists() and not asked.quick
        else pd.DataFrame(columns=[*keys, "audits"])
    )
    table = table[table.audits >= audits].reset_index(drop=True)
    done = set(map(tuple, table[keys].to_numpy().tolist()))
    if "clusters" not in {f.name for f in fields(Predictions)}:
        asked.texts = [t for t in asked.texts if t != "clusters"]
    work = [
        (texts, n, groups, case)
        for n in sizes
        for texts in asked.texts
        if texts != "ranked" or n == sizes[0]
        for groups in (10, 5)
        for case in (CASES if texts != "ranked" else ("nothing", "even", "planted"))
    ]
    for key in work:
        if key in done: continue
        start = time.perf_counter()
        rows = pd.DataFrame(case_rows(*key, audits, 1000 if key[0] != "ranked" else 200))
        table = pd.concat([table, rows], ignore_index=True) if len(table) else rows
        if not asked.quick: table.to_csv(out, index=False)
        print(
            *key,
            f"{time.perf_counter() - start:.0f} s",
            *(f"{r.measure}: {r.coverage:.3f} {r.told:.3f};" for r in rows.itertuples()),
            flush=True,
        )
