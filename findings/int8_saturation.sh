#!/usr/bin/env bash
# PyTorch's int8 linear kernels saturate in 16 bits on x86 processors without VNNI, and say nothing.
#
# Package      torch 2.13.0 and numpy 2.4.6 from PyPI, nothing else. The default torch for Linux brings CUDA; PIP_EXTRA_INDEX_URL, set as the README says, spares that.
# Input        valid: int8 weights from -127 to 127, inputs of 8 bits without a sign, the default arguments of the operators.
# Expected     y = (codes - zero) * scale times the weights. int8 products fit 32 bits, and so do their sums.
# Seen         Without VNNI the kernel multiplies by `vpmaddubsw`, which adds two neighbouring products in 16 bits with a sign: a sum above 32767 becomes 32767.
#              Engines x86, fbgemm and onednn do so in `quantized::linear_dynamic`; `torch._int_mm` does so too. The engine qnnpack is exact. No warning, no error.
#              A processor with VNNI is exact, so the same file of weights gives other answers on another machine. `reduce_range=True` avoids it and loses a bit of the inputs.
# Forced here  FBGEMM_ENABLE_INSTRUCTIONS=AVX2 and ONEDNN_MAX_CPU_ISA=AVX2 let a processor that has VNNI compute as one that has AVX2 alone.
#
# Output on a processor with VNNI (Intel Xeon, AVX-512):
#   torch 2.13.0+cpu, kernels of this processor
#     255 * 127 + 255 * 127 = 64770: x86 64770, fbgemm 64770, onednn 64770, qnnpack 64770
#     nn.Linear(384, 384), against exact integers (which err by 0.95%): x86 0.02%, fbgemm 0.02%, onednn 0.02%, qnnpack 0.02%
#     torch._int_mm of the same codes: 0.00%
#     warnings: none
#   torch 2.13.0+cpu, kernels of AVX2
#     255 * 127 + 255 * 127 = 64770: x86 32767, fbgemm 32767, onednn 32767, qnnpack 64770
#     nn.Linear(384, 384), against exact integers (which err by 0.95%): x86 16.64%, fbgemm 16.64%, onednn 16.64%, qnnpack 0.02%
#     torch._int_mm of the same codes: 16.05%
#     warnings: none
#
# Exit  0 as stated above · 1 it behaves otherwise now · 2 this machine cannot show it (no x86, or the packages cannot be installed)
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 || { echo "torch 2.13.0 cannot be installed here."; exit 2; }

cat > "$folder/show.py" <<'PYTHON'
import sys, warnings
import torch
from torch import nn

said = []  # what PyTorch warns of; that the tensor type is deprecated, it says on every processor
warnings.showwarning = lambda message, *args, **kwargs: said.append(str(message))
engines = [e for e in ("x86", "fbgemm", "onednn", "qnnpack") if e in torch.backends.quantized.supported_engines]
if "x86" not in engines:
    print("This is no x86 processor with AVX2: it has other kernels.")
    sys.exit(2)


def product(engine, x, weight, scale):
    torch.backends.quantized.engine = engine
    q = torch._make_per_channel_quantized_tensor(weight, scale.double(), torch.zeros(len(scale), dtype=torch.long), 0)
    return torch.ops.quantized.linear_dynamic(x, torch.ops.quantized.linear_prepack(q, None))


def error(found, exact): return float((found - exact).norm() / exact.norm())


print(f"torch {torch.__version__}, kernels {sys.argv[1]}")
pair = {e: product(e, torch.tensor([[255., 255.]]), torch.tensor([[127, 127]], dtype=torch.int8), torch.ones(1)).item() for e in engines}
print("  255 * 127 + 255 * 127 = 64770:", ", ".join(f"{e} {y:.0f}" for e, y in pair.items()))

torch.manual_seed(0)
layer, x = nn.Linear(384, 384, bias=False), torch.randn(64, 384)
scale = layer.weight.detach().abs().amax(1) / 127
weight = (layer.weight.detach() / scale[:, None]).round().to(torch.int8)
step = (x.max() - x.min()) / 255
zero = (-x.min() / step).round()
codes = ((x / step).round() + zero).clamp(0, 255) - zero
exact = (codes.long() @ weight.long().T) * step.double() * scale.double()
print(f"  nn.Linear(384, 384), against exact integers (which err by {error(exact, layer(x).detach()):.2%}):",
      ", ".join(f"{e} {error(product(e, x, weight, scale), exact):.2%}" for e in engines))
signed = (codes + zero - 128).to(torch.int8)
whole = signed.long() @ weight.long().T
matmul = error(torch._int_mm(signed, weight.T.contiguous()).double(), whole.double())
print(f"  torch._int_mm of the same codes: {matmul:.2%}")
other = [s for s in said if "deprecated" not in s]
print("  warnings:", other or "none")

saturated = {e for e, y in pair.items() if y == 32767}
exactly = all(y == 64770 for y in pair.values()) and matmul == 0
short = saturated == {"x86", "fbgemm", "onednn"} & set(engines) and matmul > .001 and pair.get("qnnpack", 64770) == 64770
sys.exit(0 if not other and (short if sys.argv[1] == "of AVX2" else short or exactly) else 1)
PYTHON

run() { "$folder/venv/bin/python" "$folder/show.py" "$1"; }
unset FBGEMM_ENABLE_INSTRUCTIONS ONEDNN_MAX_CPU_ISA DNNL_MAX_CPU_ISA ATEN_CPU_CAPABILITY
run "of this processor" || exit $?
FBGEMM_ENABLE_INSTRUCTIONS=AVX2 ONEDNN_MAX_CPU_ISA=AVX2 run "of AVX2" || exit $?
