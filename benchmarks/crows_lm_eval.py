"""CrowS-Pairs under a causal model beside lm-eval's task `crows_pairs_english`: the same score, pair by pair.

lm-eval is no dependency. It goes into a folder of its own, and what the environment has already is taken from there:
    peer=$(mktemp -d) && pip install --target "$peer" lm-eval
    FAIRPRUNE_DATA=... python benchmarks/crows_lm_eval.py --lm-eval "$peer" [--quick]
The task's set lies on the hub; its configuration, functions and requests are lm-eval's own, fed with our copy of the
pairs.

Prints one JSON line: {"what", "ours" and "peer" (percent of the pairs), "ratio", "unit", "note"}; fails where a
decision differs or a log-likelihood is off by more than 0.001.
"""
import argparse, json, os, sys, time
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import fairprune as fp
from fairprune.bias.benchmarks import Scores
from fairprune.bias.stereotypes import ask_crows


def lm_eval_scores(model, pairs, batch_size):
    "Log-likelihoods (pairs, 2) and decisions, from lm-eval's task and model class."
    import lm_eval
    from datasets import Dataset, DatasetDict
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks._yaml_loader import load_yaml
    docs = DatasetDict(
        test=Dataset.from_list([dict(sent_more=p.more, sent_less=p.less, bias_type=p.type) for p in pairs.itertuples()])
    )
    config = load_yaml(Path(lm_eval.__file__).parent / "tasks/crows_pairs/crows_pairs_english.yaml") | dict(
        custom_dataset=lambda **_: docs
    )
    task = ConfigurableTask(config={k: v for k, v in config.items() if k != "tag"})
    found = lm_eval.simple_evaluate(
        model=HFLM(pretrained=model, tokenizer=model.tokenizer, batch_size=batch_size),
        tasks=[task],
        bootstrap_iters=0,
        log_samples=True,
    )
    samples = sorted(found["samples"]["crows_pairs_english"], key=lambda s: s["doc_id"])
    return [[r[0][0] if isinstance(r[0], (list, tuple)) else r[0] for r in s["resps"]] for s in samples], [
        s["pct_stereotype"] for s in samples
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lm-eval", required=True, help="folder that lm-eval was installed into")
    parser.add_argument("--quick", action="store_true", help="one pair in fifteen")
    args = parser.parse_args()
    sys.path.append(args.lm_eval)  # last: the environment comes first
    model, pairs = fp.load_lm(fp.SMOLLM2), fp.CrowsPairs().items()
    if args.quick: pairs = pairs[::15].reset_index(drop=True)
    start = time.perf_counter()
    ours = Scores(ask_crows(model, pairs), fp.CrowsPairs())
    mine = time.perf_counter() - start
    start = time.perf_counter()
    values, decisions = lm_eval_scores(model, pairs, batch_size=16)
    theirs = time.perf_counter() - start
    off = max(
        abs(a - b) for own, pair in zip(ours.items[["more", "less"]].to_numpy(), values) for a, b in zip(own, pair)
    )
    unequal = int((ours.benchmark.decisions(ours.items).to_numpy() != [d > 0 for d in decisions]).sum())
    a, b = (
        ours.table.query("type == 'all' and metric == 'likelihood_score'").value.item(),
        100 * sum(decisions) / len(decisions),
    )
    from importlib.metadata import version
    note = (
        f"SmolLM2-135M-Instruct, {len(pairs):,} pairs, lm-eval {version('lm-eval')}, batches of 16: {unequal} "
        f"unequal decisions, log-likelihoods differ by {off:.1e} at most; {mine:.0f} s and {theirs:.0f} s"
    )
    print(
        json.dumps(
            dict(
                what="CrowS-Pairs, causal: lm-eval crows_pairs_english",
                ours=round(a, 4),
                peer=round(b, 4),
                ratio=round(a / b, 6),
                unit="% of pairs",
                note=note,
            )
        ),
        flush=True,
    )
    if unequal or off > 1e-3: sys.exit("the scores differ from lm-eval's")
