"""How time and memory grow: an audit and a gate of many texts, an audit of many groups, and the status of a sweep of
many cells.

Prints one JSON line per measurement: {"what", "n", "groups", "seconds", "cpu", "peak_gb", "bound_s", "bound_gb",
"note"}; ends with 1 where a bound is broken. Each runs in a process of its own;
the peak counts everything, the data and the libraries included.
Run:
  python benchmarks/size.py [--quick] [--only audit gate groups status]
"""
import argparse, json, subprocess, sys, tempfile, time

WORK = dict(  # what: (n, groups), small, and as bounded: seconds, GB
    audit=((50_000, 12), (1_000_000, 12), 60, 2),
    gate=((50_000, 12), (1_000_000, 12), 60, 2),
    groups=((2_000, 1_000), (20_000, 10_000), 60, 2),
    judged=((10_000, 100), (100_000, 1_000), 300, 4),
    status=((600, 0), (20_000, 0), 3, 2),
)


def pair(n, groups):
    "Predictions of an unsure model and of one that does harm to the last group."
    import numpy as np

    from fairprune.bias.groups import planted
    from fairprune.predictions import Predictions
    noise = np.random.default_rng(0)
    sides = planted(n, [f"g{i}" for i in range(groups)], harm=.1)
    return [
        Predictions(
            p.ids, (3 * p.logits + noise.normal(size=p.logits.shape)).astype("float32"), p.labels, p.groups, p.classes
        )
        for p in sides
    ]


def cells(folder, n):
    "A sweep whose results are all there, each a copy of one."
    from dataclasses import asdict

    from fairprune.bias.groups import compare, planted
    from fairprune.grid import tiny_grid
    from fairprune.runs import sealed, unsealed
    from fairprune.tables import Sweep
    dense, small = planted(300, [f"g{i}" for i in range(12)])
    rows = json.loads(compare(dense, small, n_resamples=100).to_json(orient="split", index=False))
    found = Sweep(
        tiny_grid(folder, methods=["magnitude(sparsity=[0.1, 0.3, 0.5, 0.7, 0.9])"], seeds=-(-n // 6)), f"{folder}/out"
    )
    found.commit(found.cells[0], dict(id="", cell={}, rows=rows, seconds=1., passes=1.), small)
    kept = unsealed(found.path("cells", found.cells[0]))
    first = (found.folder / "predictions" / f"{found.cells[0].predictions_key}.parquet").read_bytes()
    for cell in found.cells:
        (found.folder / "predictions" / f"{cell.predictions_key}.parquet").write_bytes(first)
        found.path("cells", cell).write_text(
            sealed(kept | dict(id=cell.id, cell=asdict(cell)), "seconds", "predictions")
        )
    return found


def child(what, n, groups):
    import resource
    with tempfile.TemporaryDirectory() as folder:
        if what == "status":
            grid = cells(folder, n).grid
            from fairprune.tables import Sweep
            run = lambda: Sweep(grid, f"{folder}/out").status()
        else:
            sides = pair(n, groups)
            from fairprune import audit, gate
            run = lambda: (gate if what == "gate" else audit)(*sides)
        start, cpu = time.perf_counter(), time.process_time()
        found = run()
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    if what == "status": assert len(found) >= n and (found.state == "finished").all()
    elif what != "gate": assert found.table.query("metric == 'accuracy' and scope == 'group'").n.sum() == n
    print(json.dumps(dict(seconds=seconds, cpu=cpu, peak=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]: child(sys.argv[2], *map(int, sys.argv[3:])); sys.exit()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small size of each")
    parser.add_argument("--only", nargs="+", choices=WORK, default=list(WORK))
    asked, broken = parser.parse_args(), False
    for what in asked.only:
        few, many, seconds, gigabytes = WORK[what]
        n, groups = few if asked.quick else many
        done = subprocess.run(
            [sys.executable, __file__, "--child", what, str(n), str(groups)], check=True, capture_output=True, text=True
        )
        r = json.loads(done.stdout.splitlines()[-1])
        broken |= r["seconds"] > seconds or r["peak"] > gigabytes * 1e9
        print(
            json.dumps(
                dict(
                    what=what,
                    n=n,
                    groups=groups,
                    seconds=round(r["seconds"], 2),
                    cpu=round(r["cpu"], 2),
                    peak_gb=round(r["peak"] / 1e9, 2),
                    bound_s=seconds,
                    bound_gb=gigabytes,
                    note="10,000 resamples, more where many groups are judged; min_n 30"
                    if what != "status"
                    else "every result and its predictions are checked",
                )
            ),
            flush=True,
        )
    sys.exit(broken)
