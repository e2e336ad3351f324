"""Fine-tuning MiniLM: `fairprune.finetune` beside a plain Hugging Face Trainer on the same batches.

Prints one JSON line: {"what", "ours", "peer", "ratio" (ours / peer), "unit", "note"}.
Run: python benchmarks/finetune.py [--quick]
"""
import argparse, contextlib, json, statistics, sys, time

import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
)
from transformers.utils import logging

import fairprune as fp
from fairprune.models import packaged


def peer(data, steps):
    "The loop that anybody would write: the library's defaults for batch, rate and length; no evaluation."
    folder = packaged(fp.MINILM)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=len(data.labels))
    train = data["train"].map(
        lambda r: tokenizer(r["text"], truncation=True, max_length=128),
        batched=True,
        remove_columns=["id", "text", "groups"],
    )
    settings = TrainingArguments(
        output_dir="unused",
        max_steps=steps,
        per_device_train_batch_size=32,
        learning_rate=2e-4,
        weight_decay=0.01,
        seed=0,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    Trainer(model, settings, train_dataset=train, data_collator=DataCollatorWithPadding(tokenizer)).train()


def ours(data, steps): fp.finetune(fp.MINILM, data, seed=0, max_steps=steps, eval_strategy="no", progress=False)


def timed(call, *args):
    start = time.perf_counter()
    with contextlib.redirect_stdout(sys.stderr): call(*args)  # the trainers talk; stdout is for JSON
    return time.perf_counter() - start


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round of few steps")
    quick = parser.parse_args().quick
    logging.set_verbosity_error(), logging.disable_progress_bar()
    steps, rounds, data = (8, 1, fp.bios(600)) if quick else (40, 5, fp.bios(3000))
    timed(peer, data, 2), timed(ours, data, 2)  # warm up
    pairs = []
    for i in range(rounds):  # in turn, and each first as often as the other
        order = (ours, peer) if i % 2 else (peer, ours)
        seconds = {f.__name__: timed(f, data, steps) for f in order}
        pairs.append((seconds["ours"], seconds["peer"]))
    a, b = (statistics.median(x) for x in zip(*pairs))
    ratio = statistics.median(x / y for x, y in pairs)
    print(
        json.dumps(
            dict(
                what="fine-tuning MiniLM",
                ours=round(a, 2),
                peer=round(b, 2),
                ratio=round(ratio, 3),
                unit="s",
                note=f"{steps} steps of 32 biographies, loading and tokenizing included, median of {rounds} rounds, "
                     f"{torch.get_num_threads()} threads, plain Trainer as the peer",
            )
        )
    )
