"""What a sweep adds to the cells it runs: overhead, dispatch, a warm re-run, two workers.

Prints one JSON line per comparison: {"what", "ours", "peer", "ratio" (ours / peer), "unit", "note"}.
Run: python benchmarks/sweep.py [dispatch] [overhead] [workers] [--quick]
"""
import argparse, contextlib, json, os, shutil, subprocess, sys, tempfile, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # single-threaded cells, before torch is imported
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pandas as pd
import torch

import fairprune as fp
from fairprune import make_grid
from fairprune.models import tiny_classifier
from fairprune.cells import cells, compute, forget
from fairprune.tables import sweep

torch.set_num_threads(1)
CELL = "a cell: recovery of MiniLM on synthetic biographies, one thread"


def show(what, ours, peer, note, unit="s"):
    print(
        json.dumps(
            dict(what=what, ours=round(ours, 2), peer=round(peer, 2), ratio=round(ours / peer, 3), unit=unit, note=note)
        ),
        flush=True,
    )


def timed(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def tiny(folder, n):
    "A grid of `n` cells of a few milliseconds each: two random layers, 120 short texts."
    words = [
        dict(text=f"{w} {i}", label="yes" if w == "good" else "no", groups="ab"[i % 2])
        for i in range(60)
        for w in ("good", "bad")
    ]
    pd.DataFrame(words).to_csv(folder / "toy.csv", index=False)
    fp.save(tiny_classifier(), folder / "model")
    return make_grid(
        data=str(folder / "toy.csv"),
        model=str(folder / "model"),
        seeds=1,
        finetune=dict(epochs=1),
        audit=dict(n_resamples=200, min_n=3),
        methods=[f"magnitude(sparsity={[round(i / n, 4) for i in range(1, n)]})"],
    )


def real(folder, n, epochs):
    "A grid of `n` cells of 10 s or more, and a dense model that is there already."
    frame = pd.concat([fp.bios(1200).frame(s) for s in ("train", "validation", "test")])
    frame.assign(label=[fp.bios(1200).labels[k] for k in frame.label], groups=[g[0] for g in frame.groups]).to_csv(
        folder / "bios.csv", index=False
    )
    grid = make_grid(
        data=str(folder / "bios.csv"),
        model=fp.MINILM,
        columns=dict(id="id"),
        finetune=dict(epochs=0.1),
        seeds=1,
        methods=[f"magnitude(sparsity={[round(0.3 + 0.01 * i, 2) for i in range(n)]})"],
        mitigations=[f"recover(epochs={epochs})"],
    )
    sweep(grid, folder / "dense", only=["method=dense"], progress=False)
    return grid


def start(folder, *names):
    "Folders that have the dense model."
    forget()
    for name in names: shutil.copytree(folder / "dense", folder / name)


def overhead(folder, n, epochs):
    "Each cell twice in turn, bare and as a sweep of its own, so that a machine that slows down slows both."
    grid = real(folder, n, epochs)
    start(folder, "bare", "ours")
    alone, ours, inside = [], [], 0.
    for i, cell in enumerate(c for c in cells(grid) if c.method != "dense"):
        calls = [
            (alone, lambda: compute(cell, folder / "bare")),
            (ours, lambda: sweep(grid, folder / "ours", only=[f"method={cell.method}"], progress=False)),
        ]
        for seconds, call in calls[::-1 if i % 2 else 1]: seconds.append(timed(call))
        inside += json.loads((folder / "ours" / "cells" / f"{cell.id}.json").read_text().splitlines()[0])["seconds"]
    show(
        "overhead",
        sum(ours),
        sum(alone),
        f"{n} cells of {min(alone):.0f} to {max(alone):.0f} s; peer: the bare cells in one process, in turn; "
        f"{inside / sum(ours):.1%} of the sweep's wall time inside cells; {CELL}",
    )


def bare_pair(grid, folder):
    "The cells in two plain processes: what two workers could reach on this machine."
    todo = [cell for cell in cells(grid) if cell.method != "dense"]
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        list(pool.map(compute, todo, [folder] * len(todo), [1] * len(todo)))


def workers(folder, n, epochs):
    grid = real(folder, n, epochs)
    start(folder, "one", "two", "pair")
    two = timed(lambda: sweep(grid, folder / "two", workers=2, progress=False))
    one = timed(lambda: sweep(grid, folder / "one", progress=False))
    pair = timed(lambda: bare_pair(grid, folder / "pair"))
    show(
        "two workers",
        two,
        one,
        f"{n} cells of {one / n:.0f} s; peer: one worker; {one / two:.2f} times as fast, start of the processes "
        f"included; two plain processes without a sweep: {one / pair:.2f} times; {os.cpu_count()} cores; {CELL}",
    )


def dispatch(folder, n):
    grid = tiny(folder, n)
    alone = timed(lambda: [compute(cell, folder / "bare") for cell in cells(grid)])
    forget()
    ours = timed(lambda: sweep(grid, folder / "out", progress=False))
    show("dispatch", ours, alone, f"{n} tiny cells; peer: the bare cells in one process")
    toml = folder / "grid.toml"
    toml.write_text(
        "\n".join(f"{k} = {json.dumps(getattr(grid, k))}" for k in ("data", "model", "seeds", "methods"))
        + "\nfinetune.epochs = 1\naudit.n_resamples = 200\naudit.min_n = 3\n"
    )
    again = [
        sys.executable,
        "-c",
        "import sys; from fairprune.cli import main; main()",
        "sweep",
        "run",
        str(toml),
        "--out",
        str(folder / "out"),
    ]
    warm = min(timed(lambda: subprocess.run(again, check=True, stdout=subprocess.DEVNULL)) for _ in range(3))
    show(
        "warm re-run",
        warm,
        ours,
        f"the whole command `fairprune sweep run` on {n} finished cells, best of 3; peer: their first run",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = dict(
        dispatch=(dispatch, (200,), (20,)),
        overhead=(overhead, (6, 0.5), (2, 0.5)),
        workers=(workers, (8, 1.0), (2, 0.5)),
    )
    parser.add_argument("what", nargs="*", default=list(known), help=f"any of {', '.join(known)}; all when absent")
    parser.add_argument("--quick", action="store_true", help="few cells")
    args = parser.parse_args()
    with contextlib.redirect_stderr(open(os.devnull, "w")):
        for measure, full, quick in (known[name] for name in args.what):
            with tempfile.TemporaryDirectory() as folder: measure(Path(folder), *(quick if args.quick else full))
