"""Sweeps under attack: kill -9 at random moments, a disk that is really full, a worker that dies under Ray, two runs
at once.

Prints one JSON line per attack: {"what", "ours" (finished cells lost or wrong), "peer" (0, as it must be), "ratio",
"unit", "note"}; fails where any is.
Run: python benchmarks/faults.py [--quick] [--seed N]
"""
import argparse, json, os, random, shutil, subprocess, sys, tempfile, time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pandas as pd

import fairprune as fp
from fairprune.models import tiny_classifier
from fairprune import load_grid, open_sweep, sweep

RUN = [sys.executable, "-c", "import sys; from fairprune.cli import main; main()", "sweep", "run"]


def report(what, lost, note):
    print(
        json.dumps(dict(what=what, ours=lost, peer=0, ratio=None if lost else 1.0, unit="cells", note=note)), flush=True
    )
    if lost: sys.exit(f"{what}: {lost} cells lost or wrong")


def make(folder, seeds=3, epochs=3):
    "A grid of cells that take about a second each, so that kills hit their middle."
    words = [
        dict(text=f"{w} {i}", label="yes" if w == "good" else "no", groups="ab"[i % 2])
        for i in range(200)
        for w in ("good", "bad")
    ]
    pd.DataFrame(words).to_csv(folder / "toy.csv", index=False)
    fp.save(tiny_classifier(hidden_size=64, intermediate_size=256), folder / "model")
    (folder / "grid.toml").write_text(f'''data = "{folder}/toy.csv"
model = "{folder}/model"
seeds = {seeds}
methods = ["magnitude(sparsity=[0.3, 0.5, 0.7, 0.9])"]
mitigations = ["none", "recover(epochs={epochs})"]
finetune.epochs = {epochs}
audit.n_resamples = 500
audit.min_n = 3
''')
    return folder / "grid.toml"


def finished(grid, out):
    found = open_sweep(grid, out)
    return {c.id: (out / "cells" / f"{c.id}.json").read_bytes() for c in found.cells if found.result(c)}


def numbers(grid, out): return open_sweep(grid, out).table().drop(columns="id")


def differing(a, b):
    "Cells whose rows differ between two tables of the same grid."
    if a.equals(b): return 0
    keys = ["method", "mitigation", "seed"]
    sides = [dict(list(t.groupby(keys))) for t in (a, b)]
    return sum(k not in sides[1] or not sides[0][k].equals(sides[1][k]) for k in sides[0]) + len(
        sides[1].keys() - sides[0].keys()
    )


def kills(folder, n, rng, workers):
    grid, out, lost, hit = make(folder), folder / "out", 0, 0
    before, log = {}, []
    for _ in range(n):
        if out.exists() and len(before) >= 24: shutil.rmtree(out); before = {}  # nearly done: start over
        child = subprocess.Popen(
            [*RUN, grid, "--out", out, "--workers", str(workers)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        told = b""
        # the bar appears when the cells begin
        while b" cells" not in told and (more := os.read(child.stderr.fileno(), 1000)): told += more
        time.sleep(rng.uniform(0, 5) if workers == 1 else rng.uniform(5, 15))  # workers take some seconds to start
        hit += child.poll() is None
        child.kill(), child.wait(), time.sleep(1.5 if workers > 1 else 0)
        after = finished(grid, out)
        lost += sum(after.get(k) != v for k, v in before.items())
        log.append(len(after) - len(before)); before = after
    sweep(load_grid(grid), out, progress=False)
    sweep(load_grid(grid), folder / "calm", progress=False)
    lost += differing(numbers(grid, folder / "calm"), numbers(grid, out))
    report(
        f"kill -9, {workers} worker{'s' * (workers > 1)}",
        lost,
        f"{hit} of {n} kills hit a running sweep of 27 cells; finished between kills: {log}; the end result equals "
        "that of a calm run",
    )


def full_disk(folder):
    "A tmpfs too small for the sweep; where mounting is not allowed, a limit on file size takes its place."
    grid, disk = make(folder, seeds=1, epochs=1), folder / "disk"
    disk.mkdir()
    mounted = (
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=9m", "tmpfs", disk], capture_output=True).returncode == 0
    )
    how = "tmpfs of 9 MB" if mounted else "filled by quota stand-in"
    try:
        if mounted: (disk / "ballast").write_bytes(b"0" * 200_000)
        limit = [] if mounted else ["prlimit", "--fsize=300000"]
        subprocess.run([*RUN, grid, "--out", disk / "out", "--only", "method=dense"], capture_output=True, text=True)
        if mounted:  # leave too little for the rest
            room = os.statvfs(disk)
            (disk / "filler").write_bytes(b"0" * max(0, room.f_bavail * room.f_frsize - 60_000))
        before = finished(grid, disk / "out")
        ended = subprocess.run([*limit, *RUN, grid, "--out", disk / "out"], capture_output=True, text=True)
        after = finished(grid, disk / "out")
        parts = list((disk / "out").rglob("*.part"))
        message = [l for l in ended.stderr.splitlines() if l.startswith("Error")]
        lost = (
            sum(after.get(k) != v for k, v in before.items())
            + len(parts)
            + (not before)
            + (mounted and (ended.returncode != 2 or not message))
        )
        (disk / "filler").unlink(missing_ok=True)
        sweep(load_grid(grid), disk / "out", progress=False)
        sweep(load_grid(grid), folder / "calm", progress=False)
        lost += differing(numbers(grid, folder / "calm"), numbers(grid, disk / "out"))
        report(
            "full disk",
            lost,
            f"{how}; {len(before)} cells finished before, {len(after)} when the disk was full, exit status "
            f"{ended.returncode}: {(message or ['-'])[0].replace(str(disk), 'DISK')}; after space was made the rest "
            "equals a calm run",
        )
    finally:
        if mounted: subprocess.run(["umount", "-l", disk])  # lazily: the last model is still mapped from it


def two_runs(folder):
    grid, out = make(folder, seeds=2), folder / "out"
    children = [
        subprocess.Popen([*RUN, grid, "--out", out], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(2)
    ]
    codes = [c.wait() for c in children]
    sweep(load_grid(grid), folder / "calm", progress=False)
    lost = differing(numbers(grid, folder / "calm"), numbers(grid, out)) + sum(map(bool, codes))
    pids = {
        json.loads((out / "cells" / f"{c.id}.json").read_text().splitlines()[0])["pid"]
        for c in open_sweep(grid, out).cells
    }
    report(
        "two runs on one folder",
        lost,
        f"18 cells, shared by {len(pids)} processes, each computed once; equal to a calm run",
    )


def ray_worker(folder):
    "Kill the workers of a local Ray while they compute."
    import threading
    grid, out, killed = make(folder, seeds=2), folder / "out", []
    def hunt():
        while len(killed) < 3 and not done.wait(4):
            found = subprocess.run(["pgrep", "-f", "ray::attempt"], capture_output=True, text=True).stdout.split()
            if found: subprocess.run(["kill", "-9", found[0]]); killed.append(found[0])
    done = threading.Event()
    threading.Thread(target=hunt, daemon=True).start()
    sweep(load_grid(grid), out, ray="local", progress=False)
    done.set()
    sweep(load_grid(grid), folder / "calm", progress=False)
    lost = differing(numbers(grid, folder / "calm"), numbers(grid, out))
    report(
        "workers killed under Ray",
        lost,
        f"{len(killed)} workers of a local Ray killed with signal 9 while they computed; 18 cells equal to those in "
        "process",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three kills")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    n = 3 if args.quick else 20
    for attack in (
        lambda f: kills(f, n, rng, 1),
        lambda f: kills(f, 2 if args.quick else 5, rng, 2),
        full_disk,
        two_runs,
        ray_worker,
    ):
        with tempfile.TemporaryDirectory() as folder: attack(Path(folder))
