"""Our paired bootstrap beside Fairlearn's: 10,000 resamples of two models over 12 groups and 100,000 texts, all
metrics of `compare`.

Prints one JSON line per comparison: {"what", "ours", "peer", "ratio" (ours / peer), "unit", "note"}; fails where the
values differ. Fairlearn resamples one model
at a time and is given few resamples; its time is scaled to 10,000 of both models. Each side runs in a process of its
own. Run: python benchmarks/bootstrap.py [--quick]
"""
import argparse, json, statistics, subprocess, sys, time
from pathlib import Path

N, GROUPS, RESAMPLES = 100_000, 12, 10_000


def memory(field):
    "A line of /proc/self/status, in bytes."
    line = next(l for l in Path("/proc/self/status").read_text().splitlines() if l.startswith(field))
    return int(line.split()[1]) * 1024


def child(side, n_boot):
    "Resample; prints seconds, peak memory above what stood before, and the values by group."
    import numpy as np
    from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
    from sklearn.metrics import accuracy_score

    from fairprune.bias.groups import compare, planted
    dense, small = planted(N, [f"g{i:02d}" for i in range(GROUPS)])
    groups = np.array([g[0] for g in dense.groups])
    metrics = dict(
        accuracy=accuracy_score, selection_rate=selection_rate, tpr=true_positive_rate, fpr=false_positive_rate
    )

    def fairlearn(p, **boot):
        return MetricFrame(metrics=metrics, y_true=p.labels, y_pred=p.predicted, sensitive_features=groups, **boot)
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    start = time.perf_counter()
    if side == "ours":
        t = compare(dense, small, n_resamples=n_boot)
        t = t[t.cls.isin(["", "yes"]) & t.metric.isin(metrics) & (t.group != "all")].sort_values(["metric", "group"])
        values = t.dense.tolist() + t.compressed.tolist()
    else:
        frames = [fairlearn(p, n_boot=n_boot, ci_quantiles=[.025, .975], random_state=0) for p in (dense, small)]
        values = [v for f in frames for m in sorted(metrics) for v in f.by_group[m].sort_index()]
    print(json.dumps(dict(seconds=time.perf_counter() - start, memory=memory("VmHWM") - before, values=values)))


def run(*args):
    return json.loads(
        subprocess.run(
            [sys.executable, __file__, "--child", *map(str, args)], check=True, capture_output=True, text=True
        ).stdout.splitlines()[-1]
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], int(sys.argv[3])); sys.exit()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round, five resamples of Fairlearn")
    quick = parser.parse_args().quick
    rounds, few = (1, 5) if quick else (3, 20)
    ours, peer = zip(*((run("ours", RESAMPLES), run("peer", few)) for _ in range(rounds)))
    worst = max(abs(a - b) for a, b in zip(ours[0]["values"], peer[0]["values"]))
    if len(ours[0]["values"]) != len(peer[0]["values"]) or worst > 1e-12: sys.exit(f"the values differ by {worst}")
    seconds = [statistics.median(r["seconds"] for r in side) for side in (ours, peer)]
    note = (
        f"{len(ours[0]['values'])} values by group equal to Fairlearn's; {N:,} texts, {GROUPS} groups, 2 models, "
        f"{RESAMPLES:,} paired resamples, ours with all metrics; fairlearn: {few} resamples of each model, unpaired, "
        f"scaled; median of {rounds} rounds, seed 0"
    )
    scaled = seconds[1] * RESAMPLES / few
    print(
        json.dumps(
            dict(
                what="fairlearn: seconds of the bootstrap",
                ours=round(seconds[0], 2),
                peer=round(scaled, 1),
                ratio=round(seconds[0] / scaled, 5),
                unit="s",
                note=note,
            )
        ),
        flush=True,
    )
    peaks = [statistics.median(r["memory"] for r in side) / 1e6 for side in (ours, peer)]
    print(
        json.dumps(
            dict(
                what="fairlearn: memory of the bootstrap",
                ours=round(peaks[0]),
                peer=round(peaks[1]),
                ratio=round(peaks[0] / peaks[1], 2),
                unit="MB above the data",
                note=note.replace(", scaled", ", as run"),
            )
        ),
        flush=True,
    )
