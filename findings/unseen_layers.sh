#!/usr/bin/env bash
# Some layers of transformers' models are never called: their weights are used, their hooks never run, and a layer put in their place is ignored or breaks the model.
#
# Package      transformers 5.23.0, tokenizers 0.23.3, huggingface_hub 2.4.0, safetensors 0.8.0, torch 2.13.0 and numpy 2.4.6 from PyPI; tiny random models from
#              configuration. The default torch for Linux brings CUDA; PIP_EXTRA_INDEX_URL, set as the README says, spares that.
# Input        valid: one forward and backward pass of a causal or masked language model on eight ids, forward hooks on all its modules. eval(), without kernels of
#              other packages.
# Expected     A module whose weights get a gradient is called, so that a hook sees its inputs; a layer put in its place decides what it gives. It is so with BERT and
#              Llama.
# Seen         Mamba multiplies by `dt_proj.weight` itself (in the sources of FalconMamba and Jamba it reads so too) and reads the weight of its `conv1d`; MobileBERT
#              joins the weights of the two linear layers of its masked head; OPT for causal language calls `model.model.decoder`, not `model.base_model`. Their forward
#              hooks never run: calibration from inputs (Wanda, GPTQ, static int8) collects nothing, without a word. A layer of the same weights in their place that
#              gives twice the output changes no logit (with one that is called, it does). `torch.ao.quantization.quantize_dynamic` replaces the linear layers, and
#              Mamba and MobileBERT then fail in their first call.
# Way out      Ask the model once, with hooks on all modules, which of those with a gradient were called, and leave the others alone or say so.
#
# Output:
#   torch 2.13.0+cpu, transformers 5.23.0
#     BertForMaskedLM: never called none
#       after quantize_dynamic: runs, (1, 8, 100)
#     LlamaForCausalLM: never called none
#       after quantize_dynamic: runs, (1, 8, 100)
#     MambaForCausalLM: never called ['backbone.layers.0.mixer.conv1d', 'backbone.layers.0.mixer.dt_proj'], and doubled they leave the logits as they are
#       after quantize_dynamic: TypeError: unsupported operand type(s) for @: 'method' and 'Tensor'
#     MobileBertForMaskedLM: never called ['cls.predictions.decoder', 'cls.predictions.dense'], and doubled they leave the logits as they are
#       after quantize_dynamic: AttributeError: 'function' object has no attribute 't'
#     OPTForCausalLM: never called ['model']
#       after quantize_dynamic: runs, (1, 8, 100)
#
# Exit  0 as stated above · 1 it behaves otherwise now · 2 this machine cannot show it (the packages cannot be installed)
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 transformers==5.23.0 tokenizers==0.23.3 \
  huggingface_hub==2.4.0 safetensors==0.8.0 || { echo "torch 2.13.0 and transformers 5.23.0 cannot be installed here."; exit 2; }

cat > "$folder/show.py" <<'PYTHON'
import sys, warnings
import torch, transformers
from torch import nn

warnings.simplefilter("ignore")  # that int8 tensors are deprecated
transformers.logging.set_verbosity_error()  # that Mamba runs without its kernels
SMALL = dict(vocab_size=100, hidden_size=32, num_hidden_layers=1)
HEADS = dict(SMALL, num_attention_heads=4, intermediate_size=64)
MODELS = {"BertForMaskedLM": HEADS, "LlamaForCausalLM": HEADS, "MambaForCausalLM": dict(SMALL, state_size=8, time_step_rank=4),
          "MobileBertForMaskedLM": dict(HEADS, embedding_size=16, intra_bottleneck_size=32), "OPTForCausalLM": dict(HEADS, word_embed_proj_dim=32, ffn_dim=64)}


def double(layer):  # the same layer and the same weights, but for twice the output
    layer.forward = lambda *args, **kwargs: 2 * type(layer).forward(layer, *args, **kwargs)


def int8(model, ids):
    packed = torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)
    try:
        return f"runs, {tuple(packed(ids).logits.shape)}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


ids, found = torch.arange(5, 13)[None], {}
print(f"torch {torch.__version__}, transformers {transformers.__version__}")
for name, sizes in MODELS.items():
    torch.manual_seed(0)
    Model, called = getattr(transformers, name), set()
    model = Model(Model.config_class(**sizes)).eval()
    hooks = [module.register_forward_hook(lambda *args, n=n: called.add(n)) for n, module in model.named_modules()]
    logits = model(ids).logits
    logits.square().sum().backward()
    for hook in hooks: hook.remove()
    trained = {n: m for n, m in model.named_modules() if not isinstance(m, nn.ModuleList) and any(p.grad is not None for p in m.parameters())}
    uncalled, packed = sorted(trained.keys() - called), int8(model, ids)
    layers = [trained[n] for n in uncalled if isinstance(trained[n], (nn.Linear, nn.Conv1d))]
    for layer in layers: double(layer)
    ignored = torch.equal(model(ids).logits, logits)
    double(next(m for n, m in trained.items() if n in called and isinstance(m, nn.Linear)))
    found[name] = uncalled, ignored, torch.equal(model(ids).logits, logits), "Error" in packed
    print(f"  {name}: never called {uncalled or 'none'}" + f", and doubled they leave the logits {'as they are' if ignored else 'changed'}" * bool(layers))
    print(f"    after quantize_dynamic: {packed}")

mamba = ["backbone.layers.0.mixer.conv1d", "backbone.layers.0.mixer.dt_proj"]
head = ["cls.predictions.decoder", "cls.predictions.dense"]
stated = {"BertForMaskedLM": ([], True, False, False), "LlamaForCausalLM": ([], True, False, False), "MambaForCausalLM": (mamba, True, False, True),
          "MobileBertForMaskedLM": (head, True, False, True), "OPTForCausalLM": (["model"], True, False, False)}
sys.exit(0 if found == stated else 1)
PYTHON

HF_HUB_OFFLINE=1 "$folder/venv/bin/python" "$folder/show.py"
