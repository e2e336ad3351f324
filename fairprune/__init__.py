"""Measure, explain and repair the bias that model compression adds to language models."""
__version__ = "0.2.0.dev0"

_PUBLIC = dict(
    data="GroupedText",
    named="MINILM SMOLLM2 hatexplain named_data toxigen",
    synthetic="bios",
    predictions="Predictions",
    corpus="Corpus perplexity wikitext2",
    models="load load_classifier load_lm load_masked_lm finetune predict save two_classes",
    likelihood="condition loglikelihoods pseudo_loglikelihoods",
    generation="generate",
    record="Record measure",
    method="Method methods parse",
    recovery="Recover",
    statistics="holm minimum_detectable_gap minimum_group_size",
    effect="effects effects_summary plot_effects won_back",
    auditing="Audit audit",
    grid="Grid load_grid make_grid",
    tables="Sweep open_sweep sweep",
    gating="Gate gate",
)
_PUBLIC["compress.pruning"] = "Gradual Magnitude Movement Noise Random Taylor Wanda"
_PUBLIC["compress.structure"] = "Heads LayerDrop Neurons"
_PUBLIC["compress.quantization"] = "Int8 Opq Qat Rtn StaticInt8"
_PUBLIC["compress.distillation"] = "Distill PatientKD TinyBert TripleLoss"
_PUBLIC["compress.factorization"] = "Freeze Lora LowRank Share Unfreeze"
_PUBLIC["compress.second_order"] = "GPTQ SparseGPT"
_PUBLIC["bias.groups"] = "compare compare_probabilities group_table identity_aucs intersections"
_PUBLIC["bias.exemplars"] = "churn exemplars flips over_index"
_PUBLIC["bias.benchmarks"] = "Benchmark Scores compare_scores parse_benchmark"
_PUBLIC["bias.stereotypes"] = "CrowsPairs StereoSet"
_PUBLIC["bias.coreference"] = "WinoBias"
_PUBLIC["bias.questions"] = "BBQ"
_PUBLIC["bias.associations"] = "Seat Weat"
_PUBLIC["bias.generation"] = "Bold Honest PromptPairs toxicity_study train_scorer"
_PUBLIC["bias.control"] = "matched_control"
_PUBLIC["mitigate.mitigation"] = "debias mitigation_table mitigations plain_name"
_PUBLIC["mitigate.resampling"] = "Eda Mixup Oversample Paraphrase Reweigh Swap Undersample added"
_PUBLIC["mitigate.losses"] = (
    "Adversary Ceag ClassBalanced ClassWeights Contrastive EqualizedOdds Focal GroupDRO GroupWeights Ldam LogitAdjusted"
)
_PUBLIC["mitigate.constraints"] = "ExponentiatedGradient GridSearch Temperature Threshold"
_PUBLIC["mitigate.attention"] = "SupervisedAttention plausibility"
_MODULE = {name: module for module, names in _PUBLIC.items() for name in names.split()}
__all__ = sorted(_MODULE)


def __getattr__(name):
    "Import a public name when it is first used, so that `import fairprune` is instant."
    from importlib import import_module
    if name not in _MODULE:
        raise AttributeError(f"module 'fairprune' has no attribute {name!r}")
    globals()[name] = value = getattr(import_module(f"fairprune.{_MODULE[name]}"), name)
    return value


def __dir__(): return sorted([*globals(), *__all__])
