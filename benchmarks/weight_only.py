"""Weight-only int8 and int4 of our own storage beside torchao's, on MiniLM.

Prints one JSON line per comparison: {"what", "ours", "peer" (torchao), "ratio" (ours / peer), "unit", "note"}: the
error of the weights, the bytes they take,
and the time of a forward pass. torchao is no dependency: where it is installed, transformers imports it and warns.
Install it beside the project:
    peer=$(mktemp -d) && pip install --no-deps --target "$peer" torchao==0.18.0
    PYTHONPATH="$peer" python benchmarks/weight_only.py [--quick]
"""
import argparse, copy, json, os, statistics, time, warnings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
warnings.filterwarnings("ignore")

import torch, torchao
from torchao.quantization import Int8WeightOnlyConfig, IntxWeightOnlyConfig, PerGroup, quantize_

import fairprune as fp
from fairprune.compress.pruning import prunable

GROUP = 64


def show(what, ours, peer, unit, note, digits=4):
    print(
        json.dumps(
            dict(
                what=what,
                ours=round(ours, digits),
                peer=round(peer, digits),
                ratio=round(ours / peer, 3),
                unit=unit,
                note=note,
            )
        ),
        flush=True,
    )


@torch.no_grad()
def times(models, rounds):
    "Median milliseconds of each, in turn, 32 texts of 64 tokens."
    ids = torch.randint(1000, 20000, (32, 64), generator=torch.Generator().manual_seed(0))
    found = [[] for _ in models]
    for _ in range(rounds + 1):
        for model, ms in zip(models, found):
            start = time.perf_counter()
            model(input_ids=ids, attention_mask=torch.ones_like(ids))
            ms.append(1000 * (time.perf_counter() - start))
    return [statistics.median(ms[1:]) for ms in found]


def stored(weight):
    "Bytes of a torchao weight: of the tensors in it; four-bit numbers lie in a byte each there."
    names, _ = weight.__tensor_flatten__()
    return sum(getattr(weight, n).nbytes for n in names)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few rounds")
    rounds = 3 if parser.parse_args().quick else 15
    dense = fp.load_classifier(fp.MINILM, labels=["no", "yes"])
    layers = list(prunable(dense))
    for what, ours, config in (
        ("int8, a grid for each row", fp.Rtn(8, 0), Int8WeightOnlyConfig()),
        (
            f"int4, groups of {GROUP}",
            fp.Rtn(4, GROUP),
            IntxWeightOnlyConfig(weight_dtype=torch.int4, granularity=PerGroup(GROUP)),
        ),
    ):
        small, peer = ours(dense), copy.deepcopy(dense)
        quantize_(peer, config, filter_fn=lambda m, name: name in layers)
        error = lambda model, dequantized: sum(
            float((dequantized(model.get_submodule(n)) - dense.get_submodule(n).weight).square().sum()) for n in layers
        )
        norm = sum(float(dense.get_submodule(n).weight.square().sum()) for n in layers)
        note = (
            f"MiniLM, {len(layers)} linear layers of the body, torchao {torchao.__version__}, torch "
            f"{torch.__version__}, {torch.get_num_threads()} threads"
        )
        a, b = (
            (error(small, lambda m: m.dense()) / norm) ** 0.5,
            (error(peer, lambda m: m.weight.dequantize()) / norm) ** 0.5,
        )
        show(f"error of the weights: weight-only {what}", 100 * a, 100 * b, "percent of their norm", note)
        ours_stored = lambda layer: sum(t.nbytes for name, t in layer.state_dict().items() if name != "bias")
        bytes_ = [
            sum(ours_stored(small.get_submodule(n)) for n in layers),
            sum(stored(peer.get_submodule(n).weight) for n in layers),
        ]
        show(f"bytes: weight-only {what}", *(x / 1e6 for x in bytes_), "MB of weights, with their scales", note)
        ms = times([dense, small, peer], rounds)
        show(f"time: weight-only {what}", ms[1], ms[2], "ms", f"{note}; dense {ms[0]:.0f} ms; median of {rounds}", 1)
