#!/usr/bin/env bash
# PyTorch's dynamic int8 layers round inputs by a step of at least 6.1e-5: small inputs lose their bits, and then all of them, and nothing says so.
#
# Package      torch 2.13.0 and numpy 2.4.6 from PyPI, nothing else. The default torch for Linux brings CUDA; PIP_EXTRA_INDEX_URL, set as the README says, spares that.
# Input        valid: nn.Linear(256, 256) without a bias, normal inputs, `torch.ao.quantization.quantize_dynamic` with its defaults.
# Expected     The step is taken from the inputs at hand, range / 255 (or 127). Inputs halved halve the step, keep their codes and halve the output: the relative error
#              is that of inputs near 1.
# Seen         The step stops at 6.1e-5, on every engine and in `torch.quantize_per_tensor_dynamic`. Inputs that span less than .008 (seven bits; .016 with the eight of
#              qnnpack) get fewer codes, those below 3e-5 all get the code of zero: the output is exactly zero. No error, and no warning of it (the line on stderr says
#              that qnnpack takes eight bits, whatever is asked). The docs of `quantize_dynamic` name no smallest input.
# Who is hit   A layer whose inputs are small because the one before makes them so, or units that are small (a share, a rate). Inputs behind a LayerNorm are large
#              enough.
# Way out      Scale such inputs up and the output down, or use a static step: `torch.quantize_per_tensor` keeps one of 1e-8.
#
# Output (Intel Xeon, AVX-512):
#   torch 2.13.0+cpu
#     inputs up to 4.4e+00: x86 errs by 1.9%, fbgemm errs by 1.9%, onednn errs by 1.9%, qnnpack errs by 1.0%
#     inputs up to 3.5e-02: x86 errs by 1.9%, fbgemm errs by 1.9%, onednn errs by 1.9%, qnnpack errs by 1.0%
#     inputs up to 4.3e-03: x86 errs by 1.9%, fbgemm errs by 1.9%, onednn errs by 1.9%, qnnpack errs by 1.9%
#     inputs up to 5.4e-04: x86 errs by 14.4%, fbgemm errs by 14.4%, onednn errs by 14.4%, qnnpack errs by 14.4%
#     inputs up to 1.3e-04: x86 errs by 57.9%, fbgemm errs by 57.9%, onednn errs by 57.9%, qnnpack errs by 57.9%
#     inputs up to 3.4e-05: x86 errs by 100.0%, fbgemm errs by 100.0%, onednn errs by 100.0%, qnnpack errs by 100.0%
#     inputs up to 4.2e-06: x86 errs by 100.0%, fbgemm errs by 100.0%, onednn errs by 100.0%, qnnpack errs by 100.0%; the output is zero
#     the step for inputs up to 4.2e-06: expected 3.1e-08, torch.quantize_per_tensor_dynamic takes 6.1e-05
#     warnings: none
#
# Exit  0 as stated above · 1 it behaves otherwise now · 2 this machine cannot show it (no engine for int8, or the packages cannot be installed)
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 || { echo "torch 2.13.0 cannot be installed here."; exit 2; }

cat > "$folder/show.py" <<'PYTHON'
import sys, warnings
import torch
from torch import nn

said = []  # what PyTorch warns of; that the whole module is deprecated, it says for all inputs
warnings.showwarning = lambda message, *args, **kwargs: said.append(str(message))
engines = [e for e in ("x86", "fbgemm", "onednn", "qnnpack") if e in torch.backends.quantized.supported_engines]
if not engines:
    print("This build of PyTorch has no engine for int8.")
    sys.exit(2)


def int8(engine, layer):
    torch.backends.quantized.engine = engine
    return torch.ao.quantization.quantize_dynamic(nn.Sequential(layer), {nn.Linear}, dtype=torch.qint8)


torch.manual_seed(0)
layer, x = nn.Linear(256, 256, bias=False), torch.randn(64, 256)
packed = {e: int8(e, layer) for e in engines}
before, errors = len(said), {}
print(f"torch {torch.__version__}")
with torch.no_grad():
    for k in (0, 7, 10, 13, 15, 17, 20):
        small = x * 2.0 ** -k  # a power of two: no float loses a bit
        exact, found = layer(small), {}
        for e in engines:
            torch.backends.quantized.engine = e
            found[e] = packed[e](small)
        errors[k] = [float((y - exact).norm() / exact.norm()) for y in found.values()]
        zero = all(not y.any() for y in found.values())
        print(f"  inputs up to {small.abs().max():.1e}:", ", ".join(f"{e} errs by {r:.1%}" for e, r in zip(engines, errors[k])) + "; the output is zero" * zero)
    step, wanted = torch.quantize_per_tensor_dynamic(small, torch.quint8, False).q_scale(), float(small.max() - small.min()) / 255
print(f"  the step for inputs up to {small.abs().max():.1e}: expected {wanted:.1e}, torch.quantize_per_tensor_dynamic takes {step:.1e}")
other = [s for s in said[before:] if "deprecated" not in s]
print("  warnings:", other or "none")

as_stated = max(errors[0]) < .03 and min(errors[15]) > .5 and zero and 6e-5 < step < 6.2e-5
sys.exit(0 if as_stated and not other else 1)
PYTHON

"$folder/venv/bin/python" "$folder/show.py"
