"""How long scoring takes beside the forward passes that it cannot do without, and beside scoring sentence by sentence.

Prints one JSON line per comparison: {"what", "ours", "peer" (seconds), "ratio" (ours / peer), "unit", "note"}.
StereoSet and CrowS-Pairs with a causal model,
SmolLM2-135M-Instruct, and CrowS-Pairs with a masked one, random weights in the size of MiniLM. Items are drawn evenly
from the sets;
with few of them part of our batches is padding.

With --random the causal model has random weights in the size of SmolLM2-135M and MiniLM's tokenizer, for a machine
that does not have its weights; they do not change the time.

forward passes: the model is called on the same tokens, those of all sentences with BOS (of a masked model: of all
masked copies), batched by equal length
up to the tokens of our own batches, so that nothing is padded; logits are made and thrown away.
sentence by sentence: one sentence at a time is tokenized and read (of a masked model: one masked copy at a time), and
its log-probabilities are summed. Fails where its scores differ from ours.
Run: FAIRPRUNE_DATA=... python benchmarks/scoring.py [--quick] [--items N] [--device cuda] [--random]
"""
import argparse, json, os, statistics, sys, time

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch

import fairprune as fp
from fairprune.bias.stereotypes import LABELS, ask_crows, ask_stereoset, shared_tokens
from fairprune.likelihood import encode_masked, first_token
from fairprune.models import tiny_lm, tiny_masked_lm


def seconds(function):
    start = time.perf_counter(); found = function()
    if torch.cuda.is_available(): torch.cuda.synchronize()
    return time.perf_counter() - start, found


@torch.inference_mode()
def passes(model, rows, budget):
    "Bare forward passes over rows of tokens, batched by equal length."
    by_length = {}
    for row in rows: by_length.setdefault(len(row), []).append(row)
    for n, same in by_length.items():
        for part in torch.tensor(same, device=model.device).split(max(1, budget // n)):
            model(input_ids=part, attention_mask=torch.ones_like(part)).logits


@torch.inference_mode()
def one_by_one(model, texts, first):
    "Log-likelihood of one text after the other."
    found = []
    for text in texts:
        ids = torch.tensor([first + model.tokenizer(text, add_special_tokens=False)["input_ids"]], device=model.device)
        found.append(model(input_ids=ids).logits[0, :-1].log_softmax(-1).gather(1, ids[0, 1:, None]).sum().item())
    return found


@torch.inference_mode()
def mask_by_mask(model, copies):
    "Log-probability of each masked token, one copy of a sentence after the other."
    return [
        model(input_ids=torch.tensor([row], device=model.device)).logits[0, k].log_softmax(-1)[token].item()
        for row, k, token in copies
    ]


def machine(model):
    return torch.cuda.get_device_name() if model.device.type == "cuda" else f"{torch.get_num_threads()} threads"


def compare(model, what, note, ours, bare, single, rounds):
    """Ours and the bare passes in turn, `rounds` times after one that does not count; one sentence at a time, which is
    long, once. `ours` and `single` return what must be equal."""
    bare()  # the first calls of a GPU are slow
    alone, theirs = seconds(single)
    (_, mine), _, *times = [pair for _ in range(rounds + 1) for pair in (seconds(ours), seconds(bare))]
    if not np.allclose(mine, theirs, rtol=1e-4, atol=2e-3):
        sys.exit(f"{what}: the scores differ from those of one sentence at a time")
    a, b = (statistics.median(t for t, _ in times[side::2]) for side in (0, 1))
    note = f"{note}, median of {rounds} rounds, {machine(model)}"
    for peer, value in (("forward passes", b), ("sentence by sentence", alone)):
        print(
            json.dumps(
                dict(
                    what=f"{what}: {peer}",
                    ours=round(a, 3),
                    peer=round(value, 3),
                    ratio=round(a / value, 3),
                    unit="s",
                    note=note,
                )
            ),
            flush=True,
        )


def evenly(table, n):
    return table.iloc[np.linspace(0, len(table) - 1, min(n, len(table))).astype(int)].reset_index(drop=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="tiny models, few items")
    parser.add_argument("--items", type=int, default=400, help="of each set; 0: all")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--random", action="store_true", help="random weights in place of SmolLM2's")
    args = parser.parse_args()
    n, rounds = (40 if args.quick else args.items or 10**9), (1 if args.quick else 3)
    smollm2 = dict(
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        vocab_size=49152,
        tie_word_embeddings=True,
    )
    model = (tiny_lm() if args.quick else tiny_lm(**smollm2) if args.random else fp.load_lm(fp.SMOLLM2)).to(args.device)
    bos, name = (
        (101, "tiny")
        if args.quick
        else (101, "random Llama in the size of SmolLM2-135M")
        if args.random
        else (True, "SmolLM2-135M-Instruct")
    )
    first = first_token(model, bos)

    items, pairs = evenly(fp.StereoSet().items(), n), evenly(fp.CrowsPairs().items(), n)
    sentences, both = items[list(LABELS)].to_numpy().ravel().tolist(), [*pairs.more, *pairs.less]
    for what, texts, ours in (
        (
            "StereoSet",
            sentences,
            lambda: ask_stereoset(model, items, normalize="sum", bos=bos)[list(LABELS)].to_numpy().ravel(),
        ),
        ("CrowS-Pairs", both, lambda: ask_crows(model, pairs, bos)[["more", "less"]].to_numpy().T.ravel()),
    ):
        rows = [first + r for r in model.tokenizer(texts, add_special_tokens=False)["input_ids"]]
        compare(
            model,
            what,
            f"{name}, {len(texts) // (3 if what == 'StereoSet' else 2)} items, {len(texts)} sentences of "
            f"{sum(map(len, rows))} tokens",
            ours,
            lambda: passes(model, rows, 1024),
            lambda: one_by_one(model, texts, first),
            rounds,
        )

    size = (
        {} if args.quick else dict(hidden_size=384, intermediate_size=1536, num_hidden_layers=6, num_attention_heads=12)
    )
    masked, pairs = tiny_masked_lm("bert", **size).to(args.device), evenly(pairs, max(10, n // 4))
    both = [*pairs.more, *pairs.less]
    rows, mask = encode_masked(masked, both)[0], masked.tokenizer.mask_token_id
    copies = [
        ([*row[:k], mask, *row[k + 1 :]], k, row[k]) for row, at in zip(rows, shared_tokens(masked, both)) for k in at
    ]
    owner = np.repeat(np.arange(len(both)), [len(at) for at in shared_tokens(masked, both)])
    compare(
        masked,
        "CrowS-Pairs, masked",
        f"{'tiny' if args.quick else 'random BERT in the size of MiniLM'}, {len(pairs)} items, {len(copies)} masked "
        f"copies of {sum(len(c[0]) for c in copies)} tokens",
        lambda: ask_crows(masked, pairs)[["more", "less"]].to_numpy().T.ravel(),
        lambda: passes(masked, [c[0] for c in copies], 2048),
        lambda: np.bincount(owner, mask_by_mask(masked, copies), len(both)),
        rounds,
    )
