"""Magnitude masks beside `torch.nn.utils.prune`: the same weights, the time and the memory that it takes.

Prints one JSON line per comparison: {"what", "ours", "peer", "ratio" (ours / peer), "unit", "note"}; fails where
masks differ by more than ties.
Each side runs in a process of its own, on SmolLM2-135M in float32, in place; our side writes its record as well. Run:
python benchmarks/masks.py [--quick]
"""
import argparse, json, os, statistics, subprocess, sys, tempfile, time
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")


def memory(field):
    "A line of /proc/self/status, in bytes."
    line = next(l for l in Path("/proc/self/status").read_text().splitlines() if l.startswith(field))
    return int(line.split()[1]) * 1024


def child(side, scope, sparsity, folder):
    "Prune once; prints seconds, peak memory in multiples of the model, and a checksum of the masks."
    import torch
    from torch.nn.utils import prune

    import fairprune as fp
    from fairprune.compress.pruning import prunable
    model = fp.load_lm(folder)
    size = sum(p.numel() * p.element_size() for p in model.parameters())
    layers = list(prunable(model).values())
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    start = time.perf_counter()
    if side == "ours": fp.Magnitude(sparsity, scope)(model, inplace=True)
    elif scope == "global":
        prune.global_unstructured([(m, "weight") for m in layers], prune.L1Unstructured, amount=sparsity)
    else:
        for m in layers: prune.l1_unstructured(m, "weight", amount=sparsity)
    seconds, peak = time.perf_counter() - start, memory("VmHWM")
    torch.save([m.weight == 0 for m in layers], Path(folder).parent / f"{side}-{scope}.pt")
    print(json.dumps(dict(seconds=seconds, memory=(peak - before + size) / size, threads=torch.get_num_threads())))


def run(*args):
    return json.loads(
        subprocess.run(
            [sys.executable, __file__, "--child", *map(str, args)], check=True, capture_output=True, text=True
        ).stdout.splitlines()[-1]
    )


def ties(scope, folder):
    """Weights on which the two sides differ; fails unless as many are dropped and all that differ have one magnitude,
    that of the threshold."""
    import torch

    import fairprune as fp
    from fairprune.compress.pruning import prunable
    ours, peer = (torch.load(Path(folder).parent / f"{side}-{scope}.pt") for side in ("ours", "peer"))
    weights = [m.weight.data.abs() for m in prunable(fp.load_lm(folder)).values()]
    differ = [w[a != b] for w, a, b in zip(weights, ours, peer)]
    same_number = sum(int(a.sum()) for a in ours) == sum(int(b.sum()) for b in peer)
    at_threshold = (
        len(torch.cat(differ).unique()) < 2 if scope == "global" else all(len(d.unique()) < 2 for d in differ)
    )
    if not (same_number and at_threshold): sys.exit(f"{scope}: the masks differ")
    return sum(map(len, differ))


def compare(scope, sparsity, folder, rounds):
    pairs = []
    for i in range(rounds):
        sides = ("ours", "peer") if i % 2 else ("peer", "ours")
        pairs.append({side: run(side, scope, sparsity, folder) for side in sides})
    n = ties(scope, folder)
    note = (
        f"SmolLM2-135M, {sparsity:.0%}, masks identical to torch.nn.utils.prune but for {n} weights that tie at the "
        f"threshold, median of {rounds} rounds, {pairs[0]['ours']['threads']} threads"
    )
    for what, unit in (("seconds", "s"), ("memory", "times the model")):
        a, b = (statistics.median(p[side][what] for p in pairs) for side in ("ours", "peer"))
        print(
            json.dumps(
                dict(
                    what=f"{dict(seconds='time').get(what, what)}: magnitude, {scope}",
                    ours=round(a, 3),
                    peer=round(b, 3),
                    ratio=round(a / b, 3),
                    unit=unit,
                    note=note,
                )
            ),
            flush=True,
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3], float(sys.argv[4]), sys.argv[5]); sys.exit()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round")
    rounds = 1 if parser.parse_args().quick else 5
    import fairprune as fp
    import torch
    model = fp.load_lm(fp.SMOLLM2)
    torch.manual_seed(0)
    # the packaged weights come from 4 bits and tie by the thousand
    for p in model.parameters(): p.data *= 1 + 1e-3 * torch.randn_like(p)
    with tempfile.TemporaryDirectory() as folder:
        fp.save(model, f"{folder}/model"); del model
        for scope in ("global", "layer"): compare(scope, .5, f"{folder}/model", rounds)
