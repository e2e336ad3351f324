# Generated from nbs/api/13_quantization.ipynb: edit the notebook
import pytest
import math
import numpy as np
import torch
from torch import nn
from fairprune.layers import Compact
import copy
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest.mock import patch
import matplotlib.pyplot as plt
import pandas as pd
from fastcore.test import expect_fail
from transformers import AutoModelForSequenceClassification
from fairprune.method import parse
from fairprune.compress.pruning import Magnitude, prunable
from fairprune.recovery import Recover
from fairprune.data import GroupedText
from fairprune.named import MINILM
from fairprune.models import finetune, load, load_classifier, logits, predict, quietly, save, tiny_classifier, tiny_lm, tiny_masked_lm
from fairprune.synthetic import bios
from fairprune.compress.quantization import *
from fairprune.compress.quantization import _engine, _exact


def test_to_int8(): # nbs/api/13_quantization.ipynb, cell 7ae3b271
    """The error is at most half a step."""
    w = torch.tensor([[1.27, -.5], [0., 0.]])
    s = row_scales(w)
    assert to_int8(w, s).tolist() == [[127, -50], [0, 0]] and torch.isclose(s[0], torch.tensor(.01))
    w = torch.randn(8, 16)
    s = row_scales(w)
    assert ((to_int8(w, s) * s[:, None] - w).abs() <= s[:, None] / 2 + 1e-6).all()


def test_steps(): # nbs/api/13_quantization.ipynb, cell bc772f5f
    """Its inputs are rounded as well, to 256 steps between the smallest and the largest of them."""
    assert input_grid(-1, 254) == (1, 1) and input_grid(5, 510) == (2, 0) and input_grid(0, 0)[1] == 0
    assert steps(torch.tensor([-9., -1., 3.4, 999.]), 1., 1.).tolist() == [-1, -1, 3, 254]
    with expect_fail(ValueError, 'NaN or infinite'): input_grid(-1, math.nan)


def test_engine(): # nbs/api/13_quantization.ipynb, cell 53df1aca
    """`benchmarks/latency.py` has both side by side: on a Xeon with VNNI, one text takes .55 of the time of float32 with the engine and 1.15 with floats, 32 texts .66 and 1.24."""
    state = torch.backends.quantized.engine
    assert _engine(384) in ('x86', 'onednn', 'qnnpack', 'float') and torch.backends.quantized.engine == state
    assert 'qnnpack' not in torch.backends.quantized.supported_engines or _exact('qnnpack', 384)


def test_int8(): # nbs/api/13_quantization.ipynb, cell 8c3afbeb
    """The layer has a slow method `exact`, which gives what every engine should give: the same integers, multiplied and summed in 64 bits."""
    torch.manual_seed(0)
    dense = nn.Linear(384, 384)
    x = torch.randn(5, 7, 384)
    layer = quantized(dense, Int8Linear)
    y, exact = layer(x), dense(x)
    assert y.shape == exact.shape and (y - exact).norm() / exact.norm() < .02
    assert (y - layer.exact(x)).norm() < 1e-3 * y.norm()


def test_int8_2(): # nbs/api/13_quantization.ipynb, cell 7ba94d94
    """Small inputs are rounded no worse than large ones."""
    torch.manual_seed(0)
    dense = nn.Linear(384, 384)
    layer = quantized(dense, Int8Linear)
    hand = Int8Linear(2, 1, bias=False)
    hand.weight = torch.tensor([[127, 127]], dtype=torch.int8)
    x = torch.tensor([[255., 255.], [3., 4.]])
    assert hand.exact(x).tolist() == hand(x).tolist() == [[64770], [889]] # where sums saturate, the first is 32767
    x = torch.randn(5, 384)
    assert all(
        torch.allclose(
            layer(x * tiny), layer.exact(x * tiny).float(), rtol=1e-3, atol=1e-3 * float(layer.exact(x * tiny).abs().mean())
        )
        for tiny in (1e-3, 1e-5, 1e-8)
    )


def test_int8_3(): # nbs/api/13_quantization.ipynb, cell eb40666b
    """Saturation shows best with the weights that PyTorch draws for a new layer."""
    torch.manual_seed(0)
    dense = nn.Linear(384, 384)
    layer = quantized(dense, Int8Linear)
    def distance(y, exact): return float((y - exact).norm() / exact.norm())
    def inputs(layer):
        return torch.randn(64, layer.in_features), torch.randn(64, layer.in_features).abs(), 3. * (layer.weight > 0)
    def errors(layer): return [distance(layer(x), layer.exact(x)) for x in inputs(layer)]
    engines = [e for e in torch.backends.quantized.supported_engines if e != 'none' and _exact(e, 384)] + ['float']
    for engine in engines:
        with patch.object(sys.modules[Int8Linear.__module__], '_engine', lambda n: engine):
            tried = copy.deepcopy(layer)
            assert max(errors(tried)) < 1e-3 and tried.arithmetic == f'int8 {engine}'


def test_Int8(): # nbs/api/13_quantization.ipynb, cell a50149a8
    """On MiniLM the linear layers shrink almost four times, the logits hardly change, and a reloaded model gives exactly the same logits."""
    minilm = load_classifier(MINILM, labels=['no', 'yes'])
    small = Int8()(minilm)
    texts = ['A short text.', 'A somewhat longer text about nothing in particular.', 'Another one, on bread.']
    with tempfile.TemporaryDirectory() as folder, quietly():
        again = load_classifier(save(small, Path(folder)/'int8'))
        plain = AutoModelForSequenceClassification.from_pretrained(Path(folder)/'int8')
        size = (Path(folder)/'int8'/'model.safetensors').stat().st_size
    plain.tokenizer = minilm.tokenizer
    assert (logits(small, texts) == logits(again, texts)).all() and (logits(small, texts) == logits(plain, texts)).all()
    assert again.record == small.record and abs(size / small.record.bytes - 1) < .01
    assert np.abs(logits(small, texts) - logits(minilm, texts)).max() < .1


def test_Int8_2(): # nbs/api/13_quantization.ipynb, cell 6e647a96
    minilm = load_classifier(MINILM, labels=['no', 'yes'])
    small = Int8()(minilm)
    linear = sum(m.weight.numel() * 4 for m in prunable(minilm).values())
    stored = sum(m.weight.numel() + 4 * m.scale.numel() for m in small.modules() if isinstance(m, Int8Linear))
    assert linear / stored > 3.5


def test_Int8_3(): # nbs/api/13_quantization.ipynb, cell eda19848
    """A second quantization is refused."""
    texts = ['A short text.', 'A somewhat longer text about nothing in particular.', 'Another one, on bread.']
    tiny = tiny_classifier(hidden_size=64)
    count = lambda m: sum(int((l.weight == 0).sum()) for n, l in m.named_modules() if n in prunable(tiny))
    both = (Magnitude(.5) >> Int8())(tiny)
    assert count(both) >= count(Magnitude(.5)(tiny)) > 0 and both.record.bytes < Int8()(tiny).record.bytes
    with tempfile.TemporaryDirectory() as folder, quietly():
        again = load_classifier(save(both, Path(folder)/'model'))
        size = (Path(folder)/'model'/'model.safetensors').stat().st_size
    assert (
        (logits(again, texts) == logits(both, texts)).all()
        and again.record == both.record
        and abs(size - both.record.bytes) < 20_000
    )
    with expect_fail(ValueError, 'quantized already'): Int8()(Int8()(tiny))


def test_StaticInt8(): # nbs/api/13_quantization.ipynb, cell 6653a3f1
    """Inputs outside the range are cut off."""
    minilm = load_classifier(MINILM, labels=['no', 'yes'])
    texts = ['A short text.', 'A somewhat longer text about nothing in particular.', 'Another one, on bread.']
    people = bios(200)
    whole = load_classifier(MINILM, labels=people.labels)
    static = StaticInt8(n=32)(whole, people)
    found, dynamic, exact = (logits(m, people['test']['text']) for m in (static, Int8()(whole), whole))
    error = lambda a: np.abs(a - exact).mean() / np.abs(exact).mean()
    assert error(found) < 1.5 * error(dynamic) < .3
    with tempfile.TemporaryDirectory() as folder, quietly(): again = load_classifier(save(static, Path(folder)/'model'))
    assert (logits(again, texts) == logits(static, texts)).all() and again.record == static.record
    with expect_fail(ValueError, 'needs data'): StaticInt8()(minilm)


def test_decode(): # nbs/api/13_quantization.ipynb, cell 16c8494a
    """Scales are kept in bfloat16."""
    torch.manual_seed(0)
    w = torch.tensor([[-1., 0., .5, 2.]])
    scale, zero = affine(w, 2)
    # .5 to the even neighbour
    assert scale.item() == 1 and zero.item() == 1 and encode(w, scale, zero, 2).tolist() == [[0, 1, 1, 3]]
    assert decode(encode(w, scale, zero, 2), scale, zero).tolist() == [[-1, 0, 0, 2]]
    w = torch.randn(8, 64)
    scale, zero = affine(w, 4)
    assert ((decode(encode(w, scale, zero, 4), scale, zero) - w).abs() <= .51 * scale + .03 * w.abs()).all()


def test_packed(): # nbs/api/13_quantization.ipynb, cell 3927dd1a
    """Numbers that are read from a file are checked: steps must be above zero, zero points within the range of the codes, and the order must name each column once."""
    torch.manual_seed(0)
    def broken(layer, **changes):
        for name, (place, value) in changes.items(): getattr(layer, name).view(-1)[place] = value
        return layer.fault()
    def a_layer(ordered=True):
        layer = PackedLinear(8, 4, bits=3, ordered=ordered); layer.fit(torch.randn(4, 8)); return layer
    assert (
        not broken(a_layer())
        and broken(a_layer(), order=(3, 4)) == broken(a_layer(), order=(0, 99)) == 'the order of its columns is damaged'
    )
    # -1 are the bits of a NaN
    assert broken(a_layer(), zero=(1, 8)) == broken(a_layer(), scale=(0, -1)) == 'its grid is damaged'
    assert not broken(Int8Linear(8, 4)) and broken(Int8Linear(8, 4), scale=(2, float('inf'))) == 'its scales are damaged'
    assert (
        not broken(StaticInt8Linear(8, 4))
        and broken(StaticInt8Linear(8, 4), input=(1, 256.0)) == 'the grid of its inputs is damaged'
    )


def test_Rtn(): # nbs/api/13_quantization.ipynb, cell 99c222b3
    """It is weight-only quantization to int8, to int4 and to bits between, and the baseline for GPTQ."""
    minilm = load_classifier(MINILM, labels=['no', 'yes'])
    texts = ['A short text.', 'A somewhat longer text about nothing in particular.', 'Another one, on bread.']
    linear = sum(m.weight.numel() * 4 for m in prunable(minilm).values())
    found = {bits: Rtn(bits, 64)(minilm) for bits in (8, 4, 3, 2)}
    first = next(iter(prunable(minilm)))
    errors = [
        float((m.get_submodule(first).dense() - minilm.get_submodule(first).weight).detach().abs().mean())
        for m in found.values()
    ]
    assert errors == sorted(errors) and np.abs(logits(found[8], texts) - logits(minilm, texts)).max() < .001
    with tempfile.TemporaryDirectory() as folder, quietly(): again = load_classifier(save(found[3], Path(folder)/'rtn'))
    assert (logits(again, texts) == logits(found[3], texts)).all() and again.record == found[3].record
    layers = [m for m in found[4].modules() if isinstance(m, PackedLinear)]
    stored = sum(t.nbytes for m in layers for t in (m.weight, m.scale, m.zero))
    print(f'4 bits, groups of 64: linear layers {linear / stored:.2f} times smaller')
    assert 7 < linear / stored < 8


def test_Rtn_2(): # nbs/api/13_quantization.ipynb, cell 53745151
    """No weight moves by more than half a step, and with each bit less the step doubles."""
    minilm = load_classifier(MINILM, labels=['no', 'yes'])
    found = {bits: Rtn(bits, 64)(minilm) for bits in (8, 4, 3, 2)}
    first = next(iter(prunable(minilm)))
    weights_of_row = minilm.get_submodule(first).weight[0, :64].detach()
    fig, axes = plt.subplots(1, 4, figsize=(7, 2), dpi=80, sharex=True, sharey=True)
    for ax, (bits, model) in zip(axes, found.items()):
        layer = model.get_submodule(first)
        points, step = layer.dense()[0, :64], next(layer.grid())[0, 0]
        assert len(points.unique()) <= 2 ** bits and (points - weights_of_row).abs().max() <= .51 * step
        ax.plot(weights_of_row, points, '.', ms=4)
        ax.set(title=f'{bits} bits', xlabel='weight')
    axes[0].set_ylabel('rounded')


def test_Rtn_3(): # nbs/api/13_quantization.ipynb, cell 4f6fc6b5
    texts = ['A short text.', 'A somewhat longer text about nothing in particular.', 'Another one, on bread.']
    tiny = tiny_classifier(hidden_size=64)
    pruned = Magnitude(.8)(tiny)
    both = Rtn(4, 16)(pruned)
    # zeros stay zeros, and are not written
    assert both.record.nonzero <= pruned.record.nonzero and both.record.bytes < Rtn(4, 16)(tiny).record.bytes
    with tempfile.TemporaryDirectory() as folder, quietly(): again = load_classifier(save(both, Path(folder)/'rtn'))
    assert (logits(again, texts) == logits(both, texts)).all() and again.record == both.record
    for wrong, text in [
        (Rtn(9), 'bits = 9'),
        (Rtn(4.5), 'bits = 4.5: give a whole number'),
        (Rtn(4, -64), 'group = -64'),
        (Rtn(4, 1.5), 'group = 1.5: give a whole number'),
    ]:
        with expect_fail(ValueError, text): wrong(tiny)
    with expect_fail(ValueError, 'quantized already'): Rtn()(Rtn()(tiny))


def test_OnGrid(): # nbs/api/13_quantization.ipynb, cell 435b69cd
    """After a step the layer holds the nearest points of the weights that moved."""
    torch.manual_seed(0)
    layer = nn.Linear(2, 1, bias=False)
    layer.weight.data = torch.tensor([[-1., 2.]])
    packed = quantized(layer, lambda *args, **kw: PackedLinear(*args, **kw, bits=2))
    trained = packed.thawed()
    trained.weight.data += torch.tensor([[.4, -.6]])
    y = trained(torch.tensor([[3., 5.]]))
    y.sum().backward()
    assert y.item() == -1 * 3 + 1 * 5 and trained.weight.grad.tolist() == [[3., 5.]]
    assert trained.frozen().dense().tolist() == [[-1., 1.]] and trained.frozen() is packed


def test_OnGrid_2(): # nbs/api/13_quantization.ipynb, cell fd29718e
    """The gradient follows a straight line: the slope is 1 for every weight."""
    torch.manual_seed(0)
    at = torch.linspace(-1, 2, 121, requires_grad=True)
    taken = through(at, at.detach().round())
    taken.sum().backward()
    assert taken.unique().tolist() == [-1, 0, 1, 2] and (at.grad == 1).all()
    fig, ax = plt.subplots(figsize=(3.6, 2.2), dpi=80)
    ax.plot(at.detach(), taken.detach(), label='forward')
    ax.plot(at.detach(), at.grad, label='slope in training')
    ax.set(xlabel='float weight')
    ax.legend(frameon=False)


def test_OnGrid_3(): # nbs/api/13_quantization.ipynb, cell 258c0bda
    """So [recovery](18_recovery.ipynb) and every other training of a quantized model keep the steps of its grid, and the zeros of a model that was pruned first."""
    torch.manual_seed(0)
    words = pd.DataFrame(
        [
            dict(text=f'{w} {i}', label='yes' if w == 'good' else 'no', groups=g)
            for i in range(100)
            for w, g in (('good', 'a'), ('bad', 'b'))
        ]
    )
    toy = GroupedText.from_frame(words, name='toy')
    able = finetune(tiny_classifier(), toy, epochs=4, lr=5e-3, progress=False)
    for method in (Int8(), Rtn(3, 16), Magnitude(.5) >> Rtn(4, 16), StaticInt8(n=16)):
        before = method(able, toy); after = Recover(epochs=2, lr=1e-3)(before, toy)
        pairs = [(before.get_submodule(n), after.get_submodule(n)) for n in prunable(able)]
        # the same steps, other codes
        assert all(torch.equal(a.scale, b.scale) for a, b in pairs) and not all(
            torch.equal(a.weight, b.weight) for a, b in pairs
        )
        if 'magnitude' in str(method): assert all(((a.dense() == 0) <= (b.dense() == 0)).all() for a, b in pairs)
        assert predict(after, toy).accuracy > .9 and after.record.bytes <= before.record.bytes


def test_Qat(): # nbs/api/13_quantization.ipynb, cell 5ce67e57
    """An example with two bits for each weight: the loss on the test texts after rounding alone, and after training on the grid."""
    torch.manual_seed(0)
    texts = ['A short text.', 'A somewhat longer text about nothing in particular.', 'Another one, on bread.']
    words = pd.DataFrame(
        [
            dict(text=f'{w} {i}', label='yes' if w == 'good' else 'no', groups=g)
            for i in range(100)
            for w, g in (('good', 'a'), ('bad', 'b'))
        ]
    )
    toy = GroupedText.from_frame(words, name='toy')
    able = finetune(tiny_classifier(), toy, epochs=4, lr=5e-3, progress=False)
    rounded, aware = Rtn(2, 0)(able), Qat(2, epochs=4, lr=2e-3)(able, toy)
    def loss(m):
        found = predict(m, toy)
        return float(nn.functional.cross_entropy(torch.tensor(found.logits), torch.tensor(found.labels)))
    assert loss(aware) < .8 * loss(rounded) and aware.record.bytes == rounded.record.bytes
    print(f'rounded {loss(rounded):.4f}, trained {loss(aware):.4f}')
    assert str(parse(str(Qat(4, 16)))) == 'qat(bits=4, group=16)'
    with tempfile.TemporaryDirectory() as folder, quietly():
        for small in (aware, Qat(epochs=1)(able, toy), Qat(4, 16, epochs=.5)(Magnitude(.5)(able), toy)):
            again = load_classifier(save(small, Path(folder)/'model'))
            assert (logits(again, texts) == logits(small, texts)).all() and again.record == small.record
    with expect_fail(ValueError, 'bits = 1'): Qat(1)(able, toy)
    with expect_fail(ValueError, 'group = -64'): Qat(4, -64)(able, toy)
    with expect_fail(ValueError, 'epochs and lr'): Qat(epochs=0)(able, toy)
    with expect_fail(ValueError, 'quantized already'): Qat()(Int8()(able), toy)


def test_laplace_error(): # nbs/api/13_quantization.ipynb, cell 7ea6cea1
    """Dropping all weights below b then drops the share `1 - exp(-b/tau)`, and costs a squared error of `E(b) = tau^2 (2 - exp(-b/tau) ((b/tau)^2 + 2 b/tau + 2))` for each weight of the layer."""
    torch.manual_seed(0)
    w = torch.distributions.Laplace(0., .3).sample((2_000_000,))
    small = w.abs() < .4
    assert (
        abs(laplace_sparsity(0.4, 0.3) - small.float().mean()) < 2e-3
        and abs(laplace_error(0.4, 0.3) / (w * small).square().mean() - 1) < 0.02
    )


def test_laplace_threshold(): # nbs/api/13_quantization.ipynb, cell e34f6282
    """So under one budget for all layers together a single global threshold is the best, and it follows from the taus of the layers."""
    assert abs(laplace_threshold([1.], [7], .5) - np.log(2)) < 1e-9
    b = laplace_threshold([1., 2.], [100, 300], .6)
    assert abs(.25 * laplace_sparsity(b, 1) + .75 * laplace_sparsity(b, 2) - .6) < 1e-9
    def cost(b1): # of any other split of the same budget
        b2 = -2 * np.log(1 - (.6 - .25 * laplace_sparsity(b1, 1)) / .75)
        return .25 * laplace_error(b1, 1) + .75 * laplace_error(b2, 2)
    assert cost(b) < min(cost(b - .1), cost(b + .1))


def test_laplace_threshold_2(): # nbs/api/13_quantization.ipynb, cell c115df30
    """The threshold for a sparsity of a half has half of the area under the curve to its left."""
    minilm = load_classifier(MINILM, labels=['no', 'yes'])
    first = next(iter(prunable(minilm)))
    sizes = minilm.get_submodule(first).weight.detach().abs().flatten().numpy()
    tau = float(sizes.mean())
    half = laplace_threshold([tau], [len(sizes)], .5)
    assert .35 < (sizes < half).mean() < .5
    fig, ax = plt.subplots(figsize=(4, 2.2), dpi=80)
    ax.hist(sizes, bins=60, range=(0, 6 * tau), density=True, color='lightgrey')
    grid = np.linspace(0, 6 * tau, 100)
    ax.plot(grid, np.exp(-grid / tau) / tau)
    ax.axvline(half, color='black', ls='--', lw=1)
    ax.set(xlabel='magnitude of a weight', ylabel='density')


def test_bit_widths(): # nbs/api/13_quantization.ipynb, cell 2de01e9c
    """Every layer has 2 to 8 bits."""
    ranges, counts = [1., 3., 9.], [10, 10, 10]
    total = lambda widths: sum((r / (2 ** b - 1)) ** 2 for r, b in zip(ranges, widths))
    best = min((w for w in itertools.product(range(2, 9), repeat=3) if sum(w) <= 12), key=total)
    assert (
        bit_widths(ranges, counts, 4) == list(best)
        and bit_widths(ranges, counts, 8) == [8, 8, 8]
        and bit_widths(ranges, counts, 2) == [2, 2, 2]
    )


def test_Opq(): # nbs/api/13_quantization.ipynb, cell d2a76eff
    """On disk the model takes as much as the mask and the codes of the remaining weights."""
    minilm = load_classifier(MINILM, labels=['no', 'yes'])
    texts = ['A short text.', 'A somewhat longer text about nothing in particular.', 'Another one, on bread.']
    opq = Opq(.5, 4)(minilm)
    share = lambda m: np.mean(
        np.concatenate([(l.dense() == 0).flatten().numpy() for l in m.modules() if isinstance(l, PackedLinear)])
    )
    assert abs(share(opq) - .5) < .1
    widths = [m.bits for m in opq.modules() if isinstance(m, PackedLinear)]
    with tempfile.TemporaryDirectory() as folder, quietly():
        again = load_classifier(save(opq, Path(folder)/'opq'))
        size = (Path(folder)/'opq'/'model.safetensors').stat().st_size
    assert (
        (logits(again, texts) == logits(opq, texts)).all()
        and again.record == opq.record
        and abs(size / opq.record.bytes - 1) < 0.01
    )
    body = sum(m.weight.numel() * 4 for m in prunable(minilm).values())
    spent = opq.record.bytes - (minilm.record.bytes - body)


def test_Opq_2(): # nbs/api/13_quantization.ipynb, cell 99514790
    torch.manual_seed(0)
    tiny = tiny_classifier(hidden_size=64)
    words = pd.DataFrame(
        [
            dict(text=f'{w} {i}', label='yes' if w == 'good' else 'no', groups=g)
            for i in range(100)
            for w, g in (('good', 'a'), ('bad', 'b'))
        ]
    )
    toy = GroupedText.from_frame(words, name='toy')
    able = finetune(tiny_classifier(), toy, epochs=4, lr=5e-3, progress=False)
    def loss(m):
        found = predict(m, toy)
        return float(nn.functional.cross_entropy(torch.tensor(found.logits), torch.tensor(found.labels)))
    small = Opq(.6, 4)(able)
    after = Recover(epochs=2, lr=1e-3)(small, toy)
    for n in prunable(able):
        a, b = small.get_submodule(n), after.get_submodule(n)
        assert (
            torch.equal(a.scale, b.scale) and torch.equal(a.zero, b.zero) and ((a.dense() == 0) <= (b.dense() == 0)).all()
        )
    assert loss(after) < loss(small) and after.record.bytes <= small.record.bytes
    with expect_fail(ValueError, 'sparsity = 1'): Opq(1)(tiny)
    with expect_fail(ValueError, 'bits = 9'): Opq(bits=9)(tiny)
    with expect_fail(ValueError, 'quantized already'): Opq()(Int8()(tiny))


@pytest.mark.heavy
def test_Opq_3(): # nbs/api/13_quantization.ipynb, cell 2d80e597
    """A separate process then measures how far each engine is from the integers, and how far the layers of this page and every layer of three saved models are."""
    people = bios(200)
    whole = load_classifier(MINILM, labels=people.labels)
    static = StaticInt8(n=32)(whole, people)
    code = '''
import json, sys, torch
from torch import nn
from fairprune.compress.quantization import Int8Linear, StaticInt8Linear, input_grid, quantized, _packed, _product
from fairprune.models import load
torch.manual_seed(0)
dense, x = nn.Linear(384, 384), torch.randn(64, 384)
layer, static = quantized(dense, Int8Linear), quantized(dense, StaticInt8Linear)
static.input.copy_(torch.tensor(input_grid(x.min(), x.max())))
def error(y): return float((y - layer.exact(x)).norm() / layer.exact(x).norm())
def raw(engine):
    packed = _packed(engine, layer.weight, layer.scale, layer.bias)
    return error(_product(engine, packed, layer.bias, x, *layer.grid(x)))
engines = {e: raw(e) for e in ('x86', 'onednn', 'qnnpack') if e in torch.backends.quantized.supported_engines}
def farthest(model):
    drawn = [(m, torch.randn(8, m.in_features)) for m in model.modules() if isinstance(m, Int8Linear)]
    return max(float((m(x) - m.exact(x)).norm() / m.exact(x).norm()) for m, x in drawn)
models = [farthest(load(folder)) for folder in sys.argv[1:]]
errors = dict(layer=error(layer(x)), static=error(static(x)), models=models)
print(json.dumps(dict(engines=engines, arithmetic=layer.arithmetic, **errors)))
'''
    def elsewhere(folders, **settings):
        there = subprocess.run(
            [sys.executable, '-c', code, *folders], env=os.environ | settings, capture_output=True, text=True
        )
        assert not there.returncode, there.stderr
        return json.loads(there.stdout)
    three = [Int8()(whole), static, Qat(epochs=.2)(whole, people)]
    with tempfile.TemporaryDirectory() as folder, quietly():
        folders = [str(save(m, f'{folder}/{i}')) for i, m in enumerate(three)]
        here = elsewhere(folders)
        vnni, old = (
            elsewhere(folders, FBGEMM_ENABLE_INSTRUCTIONS='AVX2', ONEDNN_MAX_CPU_ISA=isa) for isa in ('AVX2_VNNI', 'AVX2')
        )
    for name, found in {'this processor': here, 'VNNI of AVX2': vnni, 'AVX2 alone': old}.items():
        print(
            f'{name}: {found["arithmetic"]}, error {found["layer"]:.2%}; engines:',
            ', '.join(f'{e} {v:.2%}' for e, v in found['engines'].items()),
        )
        assert max(found['layer'], found['static'], *found['models']) < 1e-3 # of the norm of the output
    # so the engines did saturate there
    assert old['engines'].get('x86', 1) > .1 and (old['arithmetic'] == 'int8 float' or 'x86' not in old['engines'])


@pytest.mark.heavy
def test_Opq_4(): # nbs/api/13_quantization.ipynb, cell 81cee4b5
    """Moving the embeddings by a ten-thousandth changes these logits, for which no head was trained, as much as the grids themselves do."""
    torch.manual_seed(0)
    people = bios(200)
    whole = load_classifier(MINILM, labels=people.labels)
    short = ['A short text.', 'A somewhat longer text about nothing in particular.']
    eight, floats = Int8()(whole), copy.deepcopy(whole)
    shaken, table = copy.deepcopy(eight), eight.get_input_embeddings().weight
    shaken.get_input_embeddings().weight.data = table * (
        1 + 1e-4 * torch.randn(table.shape, generator=torch.Generator().manual_seed(0))
    )
    def off(model):
        return float(np.linalg.norm(logits(model, short) - logits(eight, short)) / np.linalg.norm(logits(eight, short)))
    print(f'embeddings moved by a ten-thousandth: logits {off(shaken):.0%}; no grids: {off(floats):.0%}')
    assert off(shaken) > .01


def test_Opq_5(): # nbs/api/13_quantization.ipynb, cell ee8ffe3d
    """A head with a weight of its own is quantized when it is named in full."""
    torch.manual_seed(0)
    tiny = tiny_classifier(hidden_size=64)
    words = pd.DataFrame(
        [
            dict(text=f'{w} {i}', label='yes' if w == 'good' else 'no', groups=g)
            for i in range(100)
            for w, g in (('good', 'a'), ('bad', 'b'))
        ]
    )
    toy = GroupedText.from_frame(words, name='toy')
    gpt, masked, parts = tiny_lm('gpt2'), tiny_masked_lm('bert'), Rtn(4, 16, '*attention*')(tiny)
    for make in (
        lambda modules: Rtn(8, 16, modules),
        lambda modules: Opq(modules=modules),
        lambda modules: Qat(4, 16, modules=modules),
    ):
        for of, name, text in [
            (gpt, 'lm_head', 'shares its weight'),
            (masked, 'cls.predictions.decoder', 'shares its weight'),
            (tiny, 'bert.embeddings.word_embeddings', 'is no linear layer'),
            (parts, 'bert.encoder.layer.0.attention.self.query', 'is quantized already'),
        ]:
            with expect_fail(ValueError, text): make(name)(of, toy)
    alike = tiny_classifier()
    attention = alike.bert.encoder.layer[0].attention.self
    attention.key.weight = attention.query.weight
    for method in (Int8(), StaticInt8()):
        part = method(alike, toy).bert.encoder.layer[0].attention.self # a weight that two layers share is left alone
        assert (
            isinstance(part.value, Compact)
            and part.query.weight is part.key.weight
            and torch.equal(part.key.weight, attention.key.weight)
        )
    headed = Rtn(8, 16, 'lm_head')(tiny_lm('llama'))
    ids = torch.tensor([[101, 2000, 3000, 102]])
    with tempfile.TemporaryDirectory() as folder: again = load(save(headed, f'{folder}/headed'))
    with torch.no_grad():
        assert isinstance(again.lm_head, PackedLinear) and torch.equal(
            again(input_ids=ids).logits, headed(input_ids=ids).logits
        )


def test_Opq_6(): # nbs/api/13_quantization.ipynb, cell 1bca47d4
    """A model that has them is refused, so that nothing stays in float unnoticed; `modules` names the layers that should be replaced."""
    torch.manual_seed(0)
    people = bios(200)
    mixture = tiny_classifier(people.labels, family='mixtral')
    for method in (Int8(), StaticInt8(n=8), Rtn(3, 16), Opq(), Qat(4, 16)):
        with expect_fail(
            ValueError, 'gate_up_proj, (4, 128, 32) in a MixtralExperts, is no linear layer (6 weights are none)'
        ):
            method(mixture, people)
    part = Int8(modules='*self_attn*')(mixture)
    assert sum(isinstance(m, Int8Linear) for m in part.modules()) == 8 and torch.equal(
        part.get_parameter('model.layers.0.mlp.experts.down_proj'),
        mixture.get_parameter('model.layers.0.mlp.experts.down_proj'),
    )


def test_Opq_7(): # nbs/api/13_quantization.ipynb, cell a0ac89e7
    """T5 can handle int8, so int8 is allowed there; packed codes are refused before any work."""
    torch.manual_seed(0)
    people = bios(200)
    ids = torch.tensor([[101, 2000, 3000, 102]])
    both = tiny_classifier(people.labels, family='t5')
    few_texts = people['test']['text'][:4]
    assert (
        np.abs(logits(Int8()(both), few_texts) - logits(both, few_texts)).max() < 0.05
        and sum(isinstance(m, Int8Linear) for m in Int8()(both).modules()) == 32
    )
    with expect_fail(ValueError, 'DenseReluDense.wo: T5ForSequenceClassification reads the weight of this layer itself'):
        Rtn(4, 16)(both)
    assert sum(isinstance(m, PackedLinear) for m in (Rtn(4, 16, '*Attention*') >> Rtn(4, 16, '*.wi'))(both).modules()) == 28
    state = tiny_lm('mamba')
    with expect_fail(ValueError, 'mixer.dt_proj: MambaForCausalLM reads the weight'): Int8(modules='*_proj')(state)
    small = Int8(modules='*.[iox]*_proj')(state) # all but dt_proj
    with torch.no_grad():
        assert (
            sum(isinstance(m, Int8Linear) for m in small.modules()) == 6
            and (small(input_ids=ids).logits - state(input_ids=ids).logits).abs().max() < 0.05
        )
    # trying leaves nothing behind
    assert all(type(a) is type(b) for a, b in zip(both.modules(), tiny_classifier(people.labels, family='t5').modules()))


def test_Opq_8(): # nbs/api/13_quantization.ipynb, cell 2582f781
    """An int8 layer gives the same output as its float32 twin, rounded."""
    torch.manual_seed(0)
    coarse = nn.Linear(6, 4).bfloat16()
    seen = torch.randn(3, 6).bfloat16()
    rounded_layer, twin = quantized(coarse, Int8Linear), quantized(nn.Linear(6, 4), Int8Linear)
    twin.weight, twin.scale, twin.bias = rounded_layer.weight, rounded_layer.scale, coarse.bias.data.float()
    assert torch.equal(rounded_layer(seen), twin(seen.float()).bfloat16()) and rounded_layer.scale.dtype == torch.float32
    four = quantized(coarse, Rtn(4, 0).empty)
    assert four(seen).dtype == four.bias.dtype == torch.bfloat16 and torch.allclose(
        four(seen), (seen.float() @ four.dense().T + coarse.bias).bfloat16(), atol=0.02
    )


@pytest.mark.heavy
def test_Opq_9(): # nbs/api/13_quantization.ipynb, cell 0cf9d80b
    """So a saved model in half precision gives exactly the same answers too, whether it was trained on its grid or not."""
    torch.manual_seed(0)
    jobs = bios(200)
    with tempfile.TemporaryDirectory() as folder:
        for family, dtype in itertools.product(('bert', 'llama'), (torch.bfloat16, torch.float16)):
            halved = load_classifier(save(tiny_classifier(jobs.labels, family=family).to(dtype), f'{folder}/halved'))
            for method in (
                Int8(),
                StaticInt8(n=8),
                Rtn(3, 16),
                Opq(0.5, 4),
                Qat(epochs=0.1),
                Qat(4, 16, epochs=0.1),
                Int8() >> Recover(epochs=0.1),
            ):
                kept = method(halved, jobs); read = load_classifier(save(kept, f'{folder}/kept'))
                assert np.array_equal(logits(read, jobs['test']['text'][:8]), logits(kept, jobs['test']['text'][:8])), (
                    method
                )
                assert read.dtype == kept.dtype == dtype and read.record == kept.record


@pytest.mark.heavy
def test_Opq_10(): # nbs/api/13_quantization.ipynb, cell d74a0a73
    """The models are identical after saving."""
    few = bios(200)
    methods = [Int8(), StaticInt8(n=8), Rtn(3, 16), Opq(.5, 4), Qat(4, 16, epochs=.1)]
    with tempfile.TemporaryDirectory() as folder, quietly():
        for family in ('bert', 'distilbert', 'roberta', 'gpt2', 'llama'):
            for method in methods:
                model = tiny_classifier(few.labels, family=family); small = method(model, few)
                again = load_classifier(save(small, f'{folder}/model'))
                assert np.array_equal(logits(again, few['test']['text'][:8]), logits(small, few['test']['text'][:8]))
                assert again.record == small.record and small.record.bytes < model.record.bytes
                assert small.record.method == str(method) == str(parse(str(method)))
        for family in ('gpt2', 'llama'):
            assert all(m(tiny_lm(family), few).record.bytes < tiny_lm(family).record.bytes for m in methods)
