"""What compression does to the time of a forward pass on the CPU: MiniLM, dense beside compressed.

int8 is timed twice in the same rounds: by the engine that is exact on this processor, and by the product of floats
that takes its place where none is.

Prints one JSON line per comparison: {"what", "ours" (compressed), "peer" (dense), "ratio" (ours / peer), "unit",
"note"}; texts of 128 tokens, embeddings and head included.
Models take turns within each round, in changing order, and medians are compared. Run: python benchmarks/latency.py
[--quick] [--threads 2]
"""
import argparse, contextlib, copy, json, os, statistics, sys, time
from unittest.mock import patch

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch

import fairprune as fp
from fairprune.compress import quantization
from fairprune.record import arithmetic, processor
from fairprune.compress.pruning import prunable
from fairprune.compress.quantization import Int8Linear

TOKENS = 128
INT8 = "int8: weights and inputs of linear layers"
FLOATS = "int8 where no engine is exact: their product as floats"
METHODS = {
    "structured: half the heads and half the neurons removed": fp.Heads(0.5, score="magnitude")
    >> fp.Neurons(0.5, score="magnitude"),
    "half depth: every second block removed": fp.LayerDrop(3),
    INT8: fp.Int8(),
    FLOATS: fp.Int8(),
    "not faster: half the weights set to zero, anywhere": fp.Magnitude(0.5),
}


def show(what, ours, peer, unit, note):
    print(
        json.dumps(
            dict(what=what, ours=round(ours, 2), peer=round(peer, 2), ratio=round(ours / peer, 3), unit=unit, note=note)
        ),
        flush=True,
    )


@torch.no_grad()
def milliseconds(model, inputs):
    start = time.perf_counter()
    model(**inputs)
    return 1000 * (time.perf_counter() - start)


def times(models, batch, rounds):
    "Name to milliseconds of each round, after two that do not count."
    ids = torch.randint(1000, 20000, (batch, TOKENS), generator=torch.Generator().manual_seed(0))
    inputs, found = dict(input_ids=ids, attention_mask=torch.ones_like(ids)), {name: [] for name in models}
    for i in range(rounds + 2):
        names = list(models)
        for name in names[i % len(names):] + names[:i % len(names)]:
            found[name].append(milliseconds(models[name], inputs))
    return {name: ms[2:] for name, ms in found.items()}


def by_floats(model):
    "A copy whose int8 layers multiply as on a processor where no engine is exact."
    new = copy.deepcopy(model)
    with patch.object(quantization, "_engine", lambda n: "float"):
        for layer in new.modules():
            if isinstance(layer, Int8Linear): layer.prepared()
    return new


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few rounds")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with contextlib.redirect_stdout(sys.stderr):  # the fresh head is announced; only JSON goes to stdout
        dense = fp.load_classifier(fp.MINILM, labels=["no", "yes"])
    models = {"dense": dense} | {what: method(dense) for what, method in METHODS.items()}
    models[FLOATS] = by_floats(models[INT8])
    for batch, rounds in ((1, 10), (32, 2)) if options.quick else ((1, 60), (32, 15)):
        found = times(models, batch, rounds)
        for what, method in METHODS.items():
            pairs = sorted(a / b for a, b in zip(found[what], found["dense"]))
            note = (
                f"MiniLM, {method}, {batch} x {TOKENS} tokens, median of {rounds} rounds (ratios {pairs[0]:.2f} to "
                f"{pairs[-1]:.2f}), {options.threads} threads, {arithmetic(models[what])} on {processor(dense)}, "
                "float32 dense"
            )
            show(
                f"{what}, batch {batch}", statistics.median(found[what]), statistics.median(found["dense"]), "ms", note
            )
    layers = [m for m in models[INT8].modules() if isinstance(m, Int8Linear)]
    stored = sum(t.nbytes for m in layers for n, t in m.state_dict().items() if n != "bias")
    show(
        "int8: bytes of linear layers",
        stored / 1e6,
        sum(m.weight.nbytes for m in prunable(dense).values()) / 1e6,
        "MB",
        f"weights and scales of the {len(layers)} linear layers of the body; biases are in float on both sides",
    )
