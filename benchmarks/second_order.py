"""SmolLM2-135M on WikiText-2: does each method beat the one it must beat?

Prints one JSON line per comparison: {"what", "ours" (perplexity of the better method), "peer" (of the worse one),
"ratio", "unit", "note"}.
Calibration: windows of the validation part, drawn by the seed; perplexity: windows of the test part, without overlap.
Run: FAIRPRUNE_DATA=... python benchmarks/second_order.py [--quick]
"""
import argparse, json, os, sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch

import fairprune as fp
from fairprune.corpus import windows

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few and short windows")
    quick = parser.parse_args().quick
    some, judged = (
        (dict(n=4, length=64), dict(n=4, length=64)) if quick else (dict(n=48, length=512), dict(n=32, length=512))
    )
    model, wiki, found, made = fp.load_lm(fp.SMOLLM2), fp.wikitext2(), {}, {}
    setting = (
        f"calibration {some['n']} x {some['length']} tokens, test {judged['n']} of "
        f"{len(windows(model, wiki['test'], judged['length']))} windows of {judged['length']}, seed 0, "
        f"{torch.get_num_threads()} threads"
    )

    def compressed(method):
        "A chain begins with what its first step has just made."
        first, *rest = getattr(method, "steps", [method])
        if str(first) not in made: made.clear(); made[str(first)] = first(model, wiki)
        small = made[str(first)]
        for step in rest: small = step(small, wiki)
        return small

    def value(method):
        "Perplexity and seconds of compression; each method runs once."
        key = str(method) if method else "dense"
        if key not in found:
            small = compressed(method) if method else model
            found[key] = dict(perplexity=fp.perplexity(small, wiki, **judged), seconds=small.record.seconds)
            print(key, found[key], file=sys.stderr, flush=True)
        return found[key]

    gptq = lambda bits, group: (fp.GPTQ(bits, group, **some), fp.Rtn(bits, group))
    pairs = {
        "SparseGPT < Wanda, 50%": (fp.SparseGPT(0.5, **some), fp.Wanda(0.5, **some)),
        "SparseGPT and 4 bits < SparseGPT, then 4 bits to nearest": (
            fp.SparseGPT(0.5, bits=4, group=64, **some),
            fp.SparseGPT(0.5, **some) >> fp.Rtn(4, 64),
        ),
        "Wanda < magnitude, 50%": (fp.Wanda(0.5, **some), fp.Magnitude(0.5, "layer")),
        "magnitude < random, 50%": (fp.Magnitude(0.5, "layer"), fp.Random(0.5, "layer")),
        "GPTQ < round to nearest, 4 bits, groups of 64": gptq(4, 64),
        "GPTQ < round to nearest, 3 bits, groups of 64": gptq(3, 64),
    }
    for what, (ours, peer) in pairs.items():
        b, a = value(peer), value(ours)
        note = (
            f"{setting}; dense {value(None)['perplexity']:.2f}; compression took {a['seconds']:.0f} and "
            f"{b['seconds']:.0f} s"
        )
        print(
            json.dumps(
                dict(
                    what=f"perplexity: {what}",
                    ours=round(a["perplexity"], 2),
                    peer=round(b["perplexity"], 2),
                    ratio=round(a["perplexity"] / b["perplexity"], 3),
                    unit="perplexity",
                    note=note,
                )
            ),
            flush=True,
        )
