"""What a sweep adds to the cells it runs: overhead, dispatch, a warm re-run, two workers.

Prints one JSON line per comparison: {"what", "ours", "peer", "ratio" (ours / peer), "unit", "note"}.
Run: python benchmarks/sweep.py [--quick]
"""
import argparse, contextlib, json, os, subprocess, sys, tempfile, time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # single-threaded cells, before torch is imported
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pandas as pd
import torch

import fairprune as fp
from fairprune.models import tiny_classifier
from fairprune.sweeping import _memory, cells, compute, make_grid, sweep

torch.set_num_threads(1)
CELL = "a cell: recovery of MiniLM on synthetic biographies, one thread"


def show(what, ours, peer, note, unit="s"):
    print(json.dumps(dict(what=what, ours=round(ours, 2), peer=round(peer, 2), ratio=round(ours / peer, 3), unit=unit, note=note)), flush=True)


def timed(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def tiny(folder, n):
    "A grid of `n` cells of a few milliseconds each: two random layers, 120 short texts."
    words = [dict(text=f"{w} {i}", label="yes" if w == "good" else "no", groups="ab"[i % 2]) for i in range(60) for w in ("good", "bad")]
    pd.DataFrame(words).to_csv(folder / "toy.csv", index=False)
    fp.save(tiny_classifier(), folder / "model")
    return make_grid(data=str(folder / "toy.csv"), model=str(folder / "model"), seeds=1, finetune=dict(epochs=1), audit=dict(n_resamples=200, min_n=3),
                     methods=[f"magnitude(sparsity={[round(i / n, 4) for i in range(1, n)]})"])


def real(folder, n):
    "A grid of `n` cells of 10 s or more, and a dense model that is there already."
    frame = pd.concat([fp.bios(1200).frame(s) for s in ("train", "validation", "test")])
    frame.assign(label=[fp.bios(1200).labels[k] for k in frame.label], groups=[g[0] for g in frame.groups]).to_csv(folder / "bios.csv", index=False)
    return make_grid(data=str(folder / "bios.csv"), model=fp.MINILM, columns=dict(id="id"), finetune=dict(epochs=.1), seeds=1,
                     methods=[f"magnitude(sparsity={[round(.3 + .01 * i, 2) for i in range(n)]})"], mitigations=["recover(epochs=0.5)"])


def bare(grid, folder):
    "The cells one after the other, without a sweep around them; their seconds."
    _memory.clear()
    return [timed(lambda: compute(cell, folder)) for cell in cells(grid) if cell.method != "dense"]


def overhead(folder, n):
    grid = real(folder, n)
    for out in ("bare", "one", "two"): sweep(grid, folder / out, only=["method=dense"], progress=False)
    alone = bare(grid, folder / "bare")
    _memory.clear()
    one = timed(lambda: sweep(grid, folder / "one", progress=False))
    inside = sum(json.loads((folder / "one" / "cells" / f"{c.id}.json").read_text().splitlines()[0])["seconds"] for c in cells(grid) if c.method != "dense")
    show("overhead", one, sum(alone), f"{n} cells of {min(alone):.0f} to {max(alone):.0f} s; peer: the bare cells in one process; {inside / one:.1%} of the sweep's wall time inside cells; {CELL}")
    two = timed(lambda: sweep(grid, folder / "two", workers=2, progress=False))
    show("two workers", two, one, f"{n} cells; peer: one worker; {one / two:.2f} times as fast, start of the processes included; {os.cpu_count()} cores; {CELL}")


def dispatch(folder, n):
    grid = tiny(folder, n)
    alone = timed(lambda: [compute(cell, folder / "bare") for cell in cells(grid)])
    _memory.clear()
    ours = timed(lambda: sweep(grid, folder / "out", progress=False))
    show("dispatch", ours, alone, f"{n} tiny cells; peer: the bare cells in one process")
    toml = folder / "grid.toml"
    toml.write_text("\n".join(f"{k} = {json.dumps(getattr(grid, k))}" for k in ("data", "model", "seeds", "methods")) + "\nfinetune.epochs = 1\naudit.n_resamples = 200\naudit.min_n = 3\n")
    again = [sys.executable, "-c", "import sys; from fairprune.cli import main; main()", "sweep", "run", str(toml), "--out", str(folder / "out")]
    warm = min(timed(lambda: subprocess.run(again, check=True, stdout=subprocess.DEVNULL)) for _ in range(3))
    show("warm re-run", warm, ours, f"the whole command `fairprune sweep run` on {n} finished cells, best of 3; peer: their first run")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few cells")
    quick = parser.parse_args().quick
    with contextlib.redirect_stderr(open(os.devnull, "w")):
        for measure, n in ((dispatch, 20 if quick else 200), (overhead, 2 if quick else 8)):
            with tempfile.TemporaryDirectory() as folder: measure(Path(folder), n)
