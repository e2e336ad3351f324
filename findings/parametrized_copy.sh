#!/usr/bin/env bash
# A deep copy of a layer with a parametrization shares its class with the original: folding the weight norm of the copy breaks the original.
#
# Package      torch 2.13.0 and numpy 2.4.6 from PyPI, nothing else. The default torch for Linux brings CUDA; PIP_EXTRA_INDEX_URL, set as the README says, spares that.
# Input        valid: nn.Linear with weight_norm, spectral_norm or orthogonal of `torch.nn.utils.parametrizations`, one `copy.deepcopy`, one documented call on the
#              copy.
# Expected     A deep copy shares nothing. What is done to it leaves the original as it was; "compress a copy, compare it with the original" rests on this.
# Seen         Each parametrized layer gets a class of its own, in which `weight` is a property. The deep copy is of the same class, not of a copy of it.
#              `remove_parametrizations` on the copy deletes that property, so the original has no `weight` any more: AttributeError at its next call, far from the
#              cause. The other way round it is the same. A second parametrization, put on the bias of the copy, gives the original a property that it cannot answer.
#              The docs of `remove_parametrizations` and `register_parametrization` speak of the module given, not of others.
# Way out      Fold the parametrization before the copy, or build the copy anew and load the state of the original.
#
# Output:
#   torch 2.13.0+cpu
#     weight_norm, copy folded: one class True, the original gives AttributeError: 'ParametrizedLinear' object has no attribute 'weight'
#     weight_norm, original folded: one class True, the copy gives AttributeError: 'ParametrizedLinear' object has no attribute 'weight'
#     weight_norm, bias of the copy doubled: one class True, the original gives KeyError: 'bias'
#     spectral_norm, copy folded: one class True, the original gives AttributeError: 'ParametrizedLinear' object has no attribute 'weight'
#     spectral_norm, original folded: one class True, the copy gives AttributeError: 'ParametrizedLinear' object has no attribute 'weight'
#     spectral_norm, bias of the copy doubled: one class True, the original gives KeyError: 'bias'
#     orthogonal, copy folded: one class True, the original gives AttributeError: 'ParametrizedLinear' object has no attribute 'weight'
#     orthogonal, original folded: one class True, the copy gives AttributeError: 'ParametrizedLinear' object has no attribute 'weight'
#     orthogonal, bias of the copy doubled: one class True, the original gives KeyError: 'bias'
#
# Exit  0 as stated above · 1 it behaves otherwise now · 2 this machine cannot show it (the packages cannot be installed)
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 || { echo "torch 2.13.0 cannot be installed here."; exit 2; }

cat > "$folder/show.py" <<'PYTHON'
import copy, sys
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize


class Twice(nn.Module):
    def forward(self, bias): return 2 * bias


def outcome(layer, x, before):
    try:
        return "as before" if torch.allclose(layer(x), before, atol=1e-6) else "other values"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def fold(layer): parametrize.remove_parametrizations(layer, "weight")


def add(layer): parametrize.register_parametrization(layer, "bias", Twice())


torch.manual_seed(0)
x, seen = torch.randn(2, 8), []
print(f"torch {torch.__version__}")
for name in ("weight_norm", "spectral_norm", "orthogonal"):
    for what, act in (("copy folded", lambda one, two: fold(two)), ("original folded", lambda one, two: fold(one)), ("bias of the copy doubled", lambda one, two: add(two))):
        one = getattr(parametrizations, name)(nn.Linear(8, 8)).eval()
        two = copy.deepcopy(one)
        before, same = one(x), type(one) is type(two)
        untouched = two if what == "original folded" else one
        act(one, two)
        seen.append((same, outcome(untouched, x, before)))
        print(f"  {name}, {what}: one class {same}, the {'copy' if untouched is two else 'original'} gives {seen[-1][1]}")

sys.exit(0 if all(same and "Error" in found for same, found in seen) else 1)
PYTHON

"$folder/venv/bin/python" "$folder/show.py"
