r"""Does a mitigation carry over? Models trained on one set are judged on its test split and on every text of the other.

Both sets are read as neutral or hate: HateXplain's offensive and hatespeech are hate. Pruned MiniLM, then each
mitigation, beside the control. Predictions are written as they come; a second run goes on, and with `--save` they
stand beside the table, one file a set that is judged. The table is that of `fairprune.effects`, with a column for the
set it is judged on.
Run, and likewise for toxigen with a whole epoch and oversample without by='class' (shell, b="epochs=0.5, bf16=True,
group_by_length=True"):
  FAIRPRUNE_DATA=... python benchmarks/transfer.py hatexplain "swap($b)" "groupweights($b)" "reweigh($b)" \
    "oversample(by='class', $b)" \
    "recover($b) >> threshold(constraint='true_positive_rate_parity')" --control "recover($b)" --seeds 3 \
      --save results/transfer_hatexplain.parquet
"""
import argparse, os
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pandas as pd
import torch

import fairprune as fp
from fairprune.bias.exemplars import to_table
from fairprune.models import transferred
from fairprune.predictions import joined
from fairprune.tables import group_needed, save_table

CLASSES = dict(neutral=["normal", "neutral"], hate=["hate", "offensive", "hatespeech"])


def judged(make, folder, name, seed, sets):
    "Predictions of one model on all sets: read where they are, else from the model, which is made once."
    paths = {s: folder / f"{name}-{seed}-{s}.parquet" for s in sets}
    if not all(p.is_file() for p in paths.values()):
        model = make()
        for s, (data, splits) in sets.items():
            replace(joined([transferred(model, data, CLASSES, split) for split in splits]), fold=None).save(paths[s])
    return {s: fp.Predictions.load(p) for s, p in paths.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", choices=("toxigen", "hatexplain"))
    parser.add_argument("mitigations", nargs="+", help="as fairprune.parse reads them")
    parser.add_argument("--seeds", type=int, default=1); parser.add_argument("--sparsity", type=float, default=.5)
    parser.add_argument("--control", default="recover(bf16=True)", help="plain training for as many steps")
    parser.add_argument("--out", default="runs/transfer")
    parser.add_argument("--save", help="table of effects, .parquet or .csv")
    given = parser.parse_args()
    folder = Path(given.out) / f"{given.train}-{given.sparsity}"; folder.mkdir(parents=True, exist_ok=True)
    known = dict(toxigen=fp.toxigen(by="id"), hatexplain=fp.hatexplain()) # the split that the tables in results/ have
    data = known[given.train]
    sets = {
        name: (d, ["test"] if d is data else list(d.splits))
        for name, d in sorted(known.items(), key=lambda kv: kv[1] is not data)
    }
    found = {}
    for seed in range(given.seeds):
        kept = folder / f"dense-{seed}"

        def dense():
            if not kept.exists():
                fp.save(
                    fp.finetune(
                        fp.MINILM,
                        data,
                        seed,
                        epochs={"toxigen": 2, "hatexplain": 1}[given.train],
                        bf16=True,
                        progress=False,
                        train_sampling_strategy="group_by_length",
                    ),
                    kept,
                )
            return fp.load(kept).to("cuda" if torch.cuda.is_available() else "cpu")

        def small(): return fp.Magnitude(given.sparsity)(dense())

        makers = dict(dense=dense, compressed=small) | {
            m: lambda m=m: fp.debias(small(), data, m, seed) for m in (given.control, *given.mitigations)
        }
        for name, make in makers.items():
            for s, p in judged(make, folder, name, seed, sets).items():
                found.setdefault(s, {}).setdefault(name, []).append(p); print(name, seed, s, p, flush=True)
    tables = []
    for s, own in found.items():
        metrics, tried = (
            ["accuracy", "worst_group_accuracy", "equalized_odds_difference", "tpr:hate", "tpr:neutral"],
            {m: own[m] for m in given.mitigations},
        )
        parts = [
            fp.effects(
                {given.control: own[given.control], **tried}, {k: own[k] for k in ("compressed", "dense")}, metrics
            ),
            fp.effects(tried, dict(control=own[given.control]), metrics),
        ]
        tables.append(
            pd.concat(parts).assign(trained=given.train, judged=s, seeds=given.seeds, texts=len(own["dense"][0]))
        )
    table = pd.concat(tables, ignore_index=True).assign(group_at_prediction=lambda t: t.mitigation.map(group_needed))
    if given.save:
        save_table(table, given.save)
        for s, own in found.items():  # what a reader needs to have the table again: ids, labels, groups and logits
            save_table(to_table(own), Path(given.save).with_stem(f"{Path(given.save).stem}_on_{s}"))
    print(table.round(3).to_string())
