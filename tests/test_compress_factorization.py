# Generated from nbs/api/15_factorization.ipynb: edit the notebook
import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D
from fairprune.layers import frozen, shape, within, head
import sys
import tempfile
import time
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from fastcore.test import expect_fail
from sklearn.cluster import KMeans
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification
from fairprune.bias.groups import group_table
from fairprune.layout import layout
from fairprune.method import parse
from fairprune.compress.pruning import Magnitude, Taylor, prunable, zeros
from fairprune.compress.quantization import Int8, Rtn
from fairprune.recovery import Recover
from fairprune.corpus import Corpus, perplexity
from fairprune.data import GroupedText
from fairprune.named import MINILM, toxigen
from fairprune.models import finetune, load, load_classifier, logits, predict, quietly, save, tiny_classifier, tiny_lm, tiny_masked_lm
from fairprune.synthetic import bios
from fairprune.compress.factorization import *
from fairprune.compress.factorization import _learns


def test_truncated(): # nbs/api/15_factorization.ipynb, cell c0d62dd6
    """Each singular value is divided evenly between the two factors, which suits further training."""
    torch.manual_seed(0)
    w = torch.randn(6, 9)
    B, A = truncated(w, 2)
    s = torch.linalg.svdvals(w)
    assert B.shape == (6, 2) and A.shape == (2, 9) and torch.isclose((w - B @ A).square().sum(), s[2:].square().sum())
    basis = torch.linalg.qr(torch.randn(9, 2))[0]
    assert (w - w @ basis @ basis.T).norm() > (w - B @ A).norm() # any other two directions lose more


def test_rank_of_energy(): # nbs/api/15_factorization.ipynb, cell 49e4d0de
    """The rank is given, or it follows from a share of the *energy*, the sum of the squared singular values."""
    torch.manual_seed(0)
    values = torch.tensor([3., 2., 1.]) # squares 9, 4, 1
    assert [rank_of_energy(values, e) for e in (.1, 9 / 14, .65, 13 / 14, .95, 1.)] == [1, 1, 2, 2, 3, 3]


def test_ranks_of_budget(): # nbs/api/15_factorization.ipynb, cell e1d92060
    """Of all ways to divide them, the threshold finds the best."""
    torch.manual_seed(0)
    flat, steep = torch.tensor([2., 1.9, 1.8, 1.7, 1, 1, 1, 1]), torch.tensor([5., 1.6, .5, .1, 0, 0, 0, 0])
    found = ranks_of_budget(dict(flat=flat, steep=steep), dict(flat=(8, 8), steep=(8, 8)), .5)
    kept = lambda a, b: float(flat[:a].square().sum() + steep[:b].square().sum())
    assert found == dict(flat=3, steep=1) and all(kept(3, 1) >= kept(a, 4 - a) for a in range(5))
    # whole from here on
    assert ranks_of_budget(dict(flat=flat, steep=steep), dict(flat=(8, 8), steep=(8, 8)), 1.)['flat'] >= 4


def test_low_rank_linear(): # nbs/api/15_factorization.ipynb, cell dd9a3a87
    torch.manual_seed(0)
    for layer in (nn.Linear(9, 6), Conv1D(6, 9)):
        x, thin = torch.randn(4, 9), low_rank_linear(layer, 2)
        assert torch.allclose(thin(x), x @ thin.dense().T + thin.bias, atol=1e-5) and thin.weight.shape == (6, 2)
        assert torch.allclose(low_rank_linear(layer, 6)(x), layer(x), atol=1e-5) # all of the rank: the same


def test_LowRank(): # nbs/api/15_factorization.ipynb, cell 059aa9b2
    """A smaller rank is less work, on any hardware."""
    torch.manual_seed(0)
    tiny = tiny_classifier()
    inner = {n: m for n, m in prunable(tiny).items()}
    full = sum(m.weight.numel() for m in inner.values())
    small = LowRank(rank=4)(tiny)
    cost = sum(4 * sum(shape(m)) for m in inner.values())
    assert tiny.record.parameters - small.record.parameters == tiny.record.macs - small.record.macs == full - cost
    assert tiny.record.bytes - small.record.bytes == 4 * (full - cost)
    # 16 (32 + 32) = 32 · 32 stays whole
    assert layout(LowRank(rank=16)(tiny)) == [
        (n, dict(kind='low_rank', rank=16)) for n, m in inner.items() if 64 in shape(m)
    ]
    for budget in (.9, .5, .2):
        small = LowRank(budget=budget)(tiny)
        spent = (full - tiny.record.parameters + small.record.parameters) / full
        assert budget - .02 < spent <= budget
    for energy in (.3, .6):
        small = LowRank(energy=energy)(tiny)
        for n, m in inner.items():
            share = (
                small.get_submodule(n).weight.detach()
                @ getattr(small.get_submodule(n), 'right', torch.eye(m.weight.shape[1])).detach()
            )
            assert share.square().sum() > (energy - 1e-5) * m.weight.square().sum()


def test_LowRank_2(): # nbs/api/15_factorization.ipynb, cell b911546b
    tiny = tiny_classifier()
    for wrong, text in [
        (LowRank(), 'exactly one'),
        (LowRank(4, 0.5), 'exactly one'),
        (LowRank(rank=0), 'rank = 0'),
        (LowRank(rank=1.5), 'rank = 1.5'),
        (LowRank(rank=4.0), 'rank = 4.0'),
        (LowRank(energy=0.0), 'energy = 0.0'),
        (LowRank(energy=1.1), 'energy = 1.1'),
        (LowRank(budget=0.0), 'budget = 0.0'),
        (LowRank(budget=2.0), 'budget = 2.0'),
        (LowRank(budget=0.01), 'one rank in each layer takes 0.05'),
        (LowRank(4, modules='*nothing*'), 'No module matches'),
        (LowRank(4, modules='bert.embeddings.word_embeddings'), 'is no linear layer'),
    ]:
        with expect_fail(ValueError, text): wrong(tiny)
    thin = LowRank(rank=4)(tiny)
    with expect_fail(ValueError, 'factorized already'): LowRank(rank=2)(thin)
    with expect_fail(ValueError, 'shares its weight'): LowRank(rank=2, modules='lm_head')(tiny_lm('gpt2'))
    with expect_fail(ValueError, 'or factorized'): Magnitude(.5)(thin)
    with expect_fail(ValueError, 'quantized already'): LowRank(rank=2)(Rtn(4, 16)(tiny))
    parts = (LowRank(4, modules='*attention*') >> LowRank(8, modules='*intermediate*'))(tiny) # one part after the other
    assert {s['rank'] for n, s in layout(parts)} == {4, 8} and parts.record.parameters < tiny.record.parameters


def test_LowRank_3(): # nbs/api/15_factorization.ipynb, cell 111ca66f
    """So low rank loses much before it saves anything."""
    torch.manual_seed(0)
    minilm = load_classifier(MINILM, labels=['no', 'yes'])
    rows, singular = [], {n: torch.linalg.svdvals(m.weight.detach()) for n, m in prunable(minilm).items()}
    for n, s in singular.items():
        share = s.square().cumsum(0) / s.square().sum()
        rows += [
            dict(layer='.'.join(n.split('.')[4:]).replace('attention.self.', ''), rank=r, energy=float(share[r - 1]))
            for r in range(8, 385, 8)
        ]
    spectrum = pd.DataFrame(rows)
    fig, ax = plt.subplots(figsize=(5, 3))
    sns.lineplot(spectrum, x='rank', y='energy', hue='layer', errorbar=('pi', 100), ax=ax)
    ax.set(ylabel='share of the energy', ylim=(0, 1))
    ax.legend(frameon=False, fontsize=8)
    sns.despine()
    mean = spectrum.groupby('rank').energy.mean()
    assert mean.is_monotonic_increasing and mean[384] > .999


def test_LowRank_4(): # nbs/api/15_factorization.ipynb, cell fec82e76
    """At half the rank the two factors hold as many numbers as the matrix."""
    torch.manual_seed(0)
    tiny = tiny_classifier()
    inner = {n: m for n, m in prunable(tiny).items()}
    for energy in (.3, .6):
        small = LowRank(energy=energy)(tiny)
        for n, m in inner.items():
            share = (
                small.get_submodule(n).weight.detach()
                @ getattr(small.get_submodule(n), 'right', torch.eye(m.weight.shape[1])).detach()
            )
            assert share.square().sum() > (energy - 1e-5) * m.weight.square().sum()
    minilm = load_classifier(MINILM, labels=['no', 'yes'])
    fig, ax = plt.subplots(figsize=(5, 3))
    ax.legend(frameon=False, fontsize=8)
    whole = minilm.get_submodule('bert.encoder.layer.0.attention.self.query').weight.detach()
    of_rank = {r: torch.matmul(*truncated(whole, r)) for r in (192, 48)}
    lost = {r: float((whole - m).square().sum() / whole.square().sum()) for r, m in of_rank.items()}
    assert lost[192] < .15 and .35 < lost[48] < .75
    fig, axes = plt.subplots(1, 3, figsize=(7.5, 1.8), dpi=80, sharey=True)
    for ax, (title, m) in zip(
        axes, {'dense': whole, **{f'rank {r}: {lost[r]:.0%} lost': m for r, m in of_rank.items()}}.items()
    ):
        ax.imshow(m[:32, :64], cmap='RdBu', vmin=-.15, vmax=.15, aspect='auto', interpolation='nearest')
        ax.set(title=title, xlabel='input')
    axes[0].set_ylabel('output')


def test_centroids(): # nbs/api/15_factorization.ipynb, cell 07936eda
    """The paper found this start the best, because the few large weights get centres of their own."""
    torch.manual_seed(0)
    assert torch.allclose(centroids(torch.tensor([0., 1, 10, 11, 12]), 2), torch.tensor([.5, 11.]))
    x = torch.rand(3000)
    theirs = KMeans(
        8, init=np.linspace(float(x.min()), float(x.max()), 8)[:, None], n_init=1, tol=0, algorithm='lloyd'
    ).fit(x[:, None].numpy())
    assert np.allclose(centroids(x, 8), np.sort(theirs.cluster_centers_.ravel()), atol=1e-5)
    assert len(centroids(torch.tensor([]), 3)) == 3
    start = time.perf_counter()
    many = centroids(torch.randn(1_000_000), 256)
    took = time.perf_counter() - start
    assert len(many) == 256 and (many.diff() > 0).all()


def test_shared_linear(): # nbs/api/15_factorization.ipynb, cell e74a3433
    """One code stands for zero and one for the mean of the others."""
    torch.manual_seed(0)
    layer = nn.Linear(2, 2)
    layer.weight.data = torch.tensor([[0., 1.], [3., 0.]])
    few = shared_linear(layer, 1)
    assert few.codebook.tolist() == [0, 2] and few.dense().tolist() == [[0, 2], [2, 0]] and few.weight.shape == (2, 1)
    learning, x = few.thawed(), torch.tensor([[10., 1.], [100., 2.]])
    assert torch.equal(learning(x), few(x))
    (learning(x) * torch.tensor([1., 5.])).sum().backward() # dL/dW = [[110, 3], [550, 15]]
    assert learning.codebook.grad.tolist() == [0, 3 + 550] and learning.bias.grad.tolist() == [2, 10]
    learning.codebook.data -= .001 * learning.codebook.grad
    again = learning.frozen()
    assert (
        isinstance(again, SharedLinear)
        and torch.allclose(again.codebook, torch.tensor([0, 2 - 0.553]))
        and torch.equal(again(x), learning(x))
    )
    many = shared_linear(nn.Linear(64, 64), 8)
    assert (many.codebook != 0).all() and (many.dense().unique().numel()) <= 256 # without zeros no code is lost


def test_Share(): # nbs/api/15_factorization.ipynb, cell 96f8648c
    torch.manual_seed(0)
    tiny = tiny_classifier()
    inner = {n: m for n, m in prunable(tiny).items()}
    full = sum(m.weight.numel() for m in inner.values())
    pruned = Magnitude(.6)(tiny)
    both = Share(3)(pruned)
    for n in inner:
        found, dense = both.get_submodule(n), pruned.get_submodule(n).weight
        assert torch.equal(found.dense() == 0, dense == 0) and len(found.dense().unique()) <= 8
    assert (
        both.record.nonzero == pruned.record.nonzero
        and both.record.macs == pruned.record.macs
        and both.record.parameters == tiny.record.parameters
    )
    codes = sum(m.weight.numel() for m in both.modules() if isinstance(m, SharedLinear)) + 4 * 8 * len(inner)
    assert tiny.record.bytes - both.record.bytes == 4 * full - codes
    for wrong, text in [(Share(0), 'bits = 0'), (Share(9), 'bits = 9'), (Share(modules='*nothing*'), 'No module matches')]:
        with expect_fail(ValueError, text): wrong(tiny)
    with expect_fail(ValueError, 'quantized already'): Share(2)(both)
    with expect_fail(ValueError, 'or factorized'): Share(2)(LowRank(rank=2)(tiny))


def test_Share_2(): # nbs/api/15_factorization.ipynb, cell ff4e9ab9
    """Every weight takes the nearest value."""
    torch.manual_seed(0)
    minilm = load_classifier(MINILM, labels=['no', 'yes'])
    layer = minilm.get_submodule('bert.encoder.layer.0.attention.self.query')
    eight = shared_linear(layer, 3)
    assert len(eight.dense().unique()) == 8
    nearest = eight.codebook[(layer.weight.detach()[..., None] - eight.codebook).abs().argmin(-1)]
    assert torch.allclose(nearest, eight.dense())
    fig, ax = plt.subplots(figsize=(4, 2.2), dpi=80)
    ax.hist(layer.weight.detach().flatten().numpy(), bins=80, color='lightgrey')
    for value in eight.codebook.tolist(): ax.axvline(value, lw=1)
    ax.set(xlabel='weight', ylabel='weights')


def test_Share_3(): # nbs/api/15_factorization.ipynb, cell 871c800a
    """Low rank loses more than either at any size."""
    torch.manual_seed(0)
    minilm = load_classifier(MINILM, labels=['no', 'yes'])
    rows, singular = [], {n: torch.linalg.svdvals(m.weight.detach()) for n, m in prunable(minilm).items()}
    for n, s in singular.items():
        share = s.square().cumsum(0) / s.square().sum()
        rows += [
            dict(layer='.'.join(n.split('.')[4:]).replace('attention.self.', ''), rank=r, energy=float(share[r - 1]))
            for r in range(8, 385, 8)
        ]
    spectrum = pd.DataFrame(rows)
    fig, ax = plt.subplots(figsize=(5, 3))
    sns.lineplot(spectrum, x='rank', y='energy', hue='layer', errorbar=('pi', 100), ax=ax)
    sns.despine()
    sns.despine()
    def relative(lost): return (lost / sum(float(s.square().sum()) for s in singular.values())) ** .5
    def error(model): # of the weights
        return relative(
            sum(
                float((m.weight.detach() - model.get_submodule(n).dense()).square().sum())
                for n, m in prunable(minilm).items()
            )
        )
    def error_of_rank(budget, shapes={n: shape(m) for n, m in prunable(minilm).items()}): # by Eckart & Young
        return relative(
            sum(
                float(singular[n][r:].square().sum())
                for n, r in ranks_of_budget(singular, shapes, budget).items()
                if r * sum(shapes[n]) < np.prod(shapes[n])
            )
        )
    rows = [
        dict(method=name, bits=b, error=error(make(b)(minilm)))
        for b in (2, 3, 4)
        for name, make in (('share', Share), ('round', lambda b: Rtn(b, 0)))
    ]
    errors = pd.DataFrame(
        rows + [dict(method='low rank', bits=32 * b, error=error_of_rank(b)) for b in (0.125, 0.25, 0.5, 0.75)]
    )
    grid = errors.pivot(index='bits', columns='method', values='error')
    assert (
        (grid.share < grid['round'])[[2, 3]].all()
        and grid.share[4] > grid['round'][4]
        and grid['low rank'].min() > grid.share[4]
    )
    assert all(grid[m].dropna().is_monotonic_decreasing for m in grid)
    fig, ax = plt.subplots(figsize=(4.2, 2.8))
    sns.lineplot(errors, x='bits', y='error', hue='method', marker='o', ax=ax)
    ax.set(xscale='log', xlabel='bits for each weight of the dense layer', ylabel='relative error')
    ax.set_xticks([2, 4, 8, 16, 24], [2, 4, 8, 16, 24])
    ax.minorticks_off()
    ax.legend(frameon=False)
    sns.despine()


def test_Unfreeze(): # nbs/api/15_factorization.ipynb, cell 08b363fc
    """Compression may still change frozen weights; only training may not."""
    torch.manual_seed(0)
    tiny = tiny_classifier()
    inner = {n: m for n, m in prunable(tiny).items()}
    full = sum(m.weight.numel() for m in inner.values())
    small = LowRank(rank=4)(tiny)
    for budget in (.9, .5, .2):
        small = LowRank(budget=budget)(tiny)
        spent = (full - tiny.record.parameters + small.record.parameters) / full
        assert budget - .02 < spent <= budget
    for energy in (.3, .6):
        small = LowRank(energy=energy)(tiny)
        for n, m in inner.items():
            share = (
                small.get_submodule(n).weight.detach()
                @ getattr(small.get_submodule(n), 'right', torch.eye(m.weight.shape[1])).detach()
            )
            assert share.square().sum() > (energy - 1e-5) * m.weight.square().sum()
    lower = dict(
        bert=['bert.embeddings', 'bert.encoder.layer.0'],
        distilbert=['distilbert.embeddings', 'distilbert.transformer.layer.0'],
        roberta=['roberta.embeddings', 'roberta.encoder.layer.0'],
        gpt2=['transformer.wte', 'transformer.wpe', 'transformer.h.0'],
        llama=['model.embed_tokens', 'model.layers.0'],
    )
    for family, names in lower.items():
        small = Freeze(1)(tiny_classifier(family=family))
        assert (
            frozen(small) == names
            and trainable(small) == sum(p.numel() for n, p in small.named_parameters() if not within(n, names)) > 0
        )
    assert trainable(Unfreeze()(small)) == small.num_parameters() and not frozen(Unfreeze()(small))
    assert frozen(Freeze(1, embeddings=False)(tiny)) == ['bert.encoder.layer.0']
    assert frozen((Freeze() >> Freeze(2, False))(tiny)) == [
        'bert.embeddings',
        'bert.encoder.layer.0',
        'bert.encoder.layer.1',
    ]
    with expect_fail(ValueError, 'the model has 2 blocks'): Freeze(3)(tiny)
    with expect_fail(ValueError, 'give 0 to 2'): Freeze(-1)(tiny)
    with expect_fail(ValueError, 'freezes nothing'): Freeze(0, embeddings=False)(tiny)


def test_Unfreeze_2(): # nbs/api/15_factorization.ipynb, cell 7b98a794
    """Recovery moves the other weights and leaves the frozen part bit-identical, also after saving, and also where the frozen part is pruned, factorized, shared or quantized."""
    torch.manual_seed(0)
    tiny = tiny_classifier()
    words = pd.DataFrame(
        [
            dict(text=f'{w} {i}', label='yes' if w == 'good' else 'no', groups=g)
            for i in range(100)
            for w, g in (('good', 'a'), ('bad', 'b'))
        ]
    )
    toy = GroupedText.from_frame(words, name='toy')
    line = ' '.join(f'{w} then' for w in ('one', 'two', 'three', 'four') * 100)
    story = Corpus(dict(train=line, validation=line, test=line))
    train = Recover(epochs=1, lr=5e-3)
    same = lambda a, b: {n: torch.equal(t, b.state_dict()[n]) for n, t in a.state_dict().items()}
    for before in (Magnitude(.5), LowRank(rank=4), Share(3), Rtn(8, 16, '*layer.0*'), Taylor(.5, n=16, length=16)):
        held = (Freeze(1) >> before)(tiny, toy)
        with tempfile.TemporaryDirectory() as folder: again = load_classifier(save(held, f'{folder}/model'))
        assert frozen(again) == frozen(held) and trainable(again) == trainable(held) < trainable(before(tiny, toy))
        moved = train(again, toy); equal = same(held, moved)
        assert all(equal[n] for n in equal if within(n, frozen(held)))
        # softmax ignores the one, the other is the grid
        assert not any(
            equal[n]
            for n, t in held.state_dict().items()
            if t.is_floating_point() and not within(n, frozen(held)) and t.any() and not n.endswith(('key.bias', '.scale'))
        )
        assert moved.record.method == ' >> '.join(map(str, (Freeze(1), before, train)))
    assert not all(v for n, v in same(held, train(Unfreeze()(held), toy)).items() if within(n, frozen(held)))


def test_lora(): # nbs/api/15_factorization.ipynb, cell 03e247bd
    """PEFT's layers can wrap every layer that `fairprune` makes: pruned layers of either orientation, factors, shared and packed weights."""
    torch.manual_seed(0)
    w = torch.randn(6, 9)
    B, A = truncated(w, 2)
    for layer in (nn.Linear(6, 4), Conv1D(4, 6), low_rank_linear(nn.Linear(6, 4), 2), shared_linear(nn.Linear(6, 4), 3)):
        x, beside = torch.randn(3, 6), lora(layer, 2, 8)
        assert torch.equal(beside(x), layer(x)) and beside.base_layer is layer # B is zero
        A, B = beside.lora_A['default'].weight, beside.lora_B['default'].weight
        B.data.normal_()
        assert A.shape == (2, 6) and torch.allclose(beside(x), layer(x) + 4 * x @ A.T @ B.T, atol=1e-5) # alpha / r = 4


def test_Lora(): # nbs/api/15_factorization.ipynb, cell f3908b3f
    """This holds for each kind of compressed model: the compressed weights stay bit-identical, the record counts the adapters, and the model gives the same answers after saving."""
    torch.manual_seed(0)
    tiny = tiny_classifier()
    layer = nn.Linear(2, 2)
    layer.weight.data = torch.tensor([[0., 1.], [3., 0.]])
    few = shared_linear(layer, 1)
    learning, x = few.thawed(), torch.tensor([[10., 1.], [100., 2.]])
    (learning(x) * torch.tensor([1., 5.])).sum().backward() # dL/dW = [[110, 3], [550, 15]]
    learning.codebook.data -= .001 * learning.codebook.grad
    again = learning.frozen()
    words = pd.DataFrame(
        [
            dict(text=f'{w} {i}', label='yes' if w == 'good' else 'no', groups=g)
            for i in range(100)
            for w, g in (('good', 'a'), ('bad', 'b'))
        ]
    )
    toy = GroupedText.from_frame(words, name='toy')
    train = Recover(epochs=1, lr=5e-3)
    same = lambda a, b: {n: torch.equal(t, b.state_dict()[n]) for n, t in a.state_dict().items()}
    for before in (Magnitude(.5), LowRank(rank=4), Share(3), Rtn(8, 16, '*layer.0*'), Taylor(.5, n=16, length=16)):
        held = (Freeze(1) >> before)(tiny, toy)
        with tempfile.TemporaryDirectory() as folder: again = load_classifier(save(held, f'{folder}/model'))
        assert frozen(again) == frozen(held) and trainable(again) == trainable(held) < trainable(before(tiny, toy))
        moved = train(again, toy); equal = same(held, moved)
        assert all(equal[n] for n in equal if within(n, frozen(held)))
        # softmax ignores the one, the other is the grid
        assert not any(
            equal[n]
            for n, t in held.state_dict().items()
            if t.is_floating_point() and not within(n, frozen(held)) and t.any() and not n.endswith(('key.bias', '.scale'))
        )
        assert moved.record.method == ' >> '.join(map(str, (Freeze(1), before, train)))
    adapt = Lora(rank=2, epochs=1, lr=1e-2)
    dense = finetune(tiny, toy, epochs=3, lr=5e-3, progress=False)
    plan = [Magnitude(.8), LowRank(rank=2), Int8(), Rtn(3, 16), Share(3) >> Freeze(1)]
    def keeps(small, data):
        "An adapted model, after the checks that hold for all."
        better = adapt(small, data)
        before, after = small.state_dict(), {n.replace('.base_layer', ''): t for n, t in better.state_dict().items()}
        for n, t in before.items():
            if not _learns(small, n): assert torch.equal(t, after[n]), n
        layers = adaptable(small, '')
        added = sum(2 * sum(shape(m)) for m in layers.values())
        assert better.record.parameters - small.record.parameters == better.record.macs - small.record.macs == added
        # the gradient reaches all
        assert all(better.get_submodule(n).lora_B['default'].weight.abs().max() > 0 for n in layers)
        return better
    for method in plan:
        small = method(dense)
        better = keeps(small, toy)
        assert not prunable(small) or zeros(better) == zeros(small) # adapters are not pruned, nor counted
        assert predict(better, toy).accuracy >= predict(small, toy).accuracy and predict(better, toy).accuracy > .9
        with tempfile.TemporaryDirectory() as folder: again = load(save(better, f'{folder}/model'))
        assert (
            np.array_equal(logits(again, ['a text']), logits(better, ['a text']))
            and again.record == better.record
            and frozen(again) == frozen(better)
        )
        assert not torch.equal(again.classifier.weight, small.classifier.weight) and trainable(again) == trainable(better)
    further = train(again, toy)
    assert all(eq for n, eq in same(again, further).items() if 'base_layer' in n) and not all(
        eq for n, eq in same(again, further).items() if 'lora_B' in n
    )
    with expect_fail(ValueError, 'has adapters already'): adapt(further, toy)
    for wrong, text in [
        (Lora(rank=0), 'rank must be'),
        (Lora(alpha=0), 'alpha above 0'),
        (Lora(lr=0), 'lr must be above 0'),
        (Lora(modules='*nothing*'), 'No module matches'),
    ]:
        with expect_fail(ValueError, text): wrong(dense, toy)
    with expect_fail(ValueError, 'are frozen'): adapt(Freeze(2)(dense), toy)
    with expect_fail(ValueError, 'needs data'): adapt(dense)
    held = sys.modules.get('peft')
    sys.modules['peft'] = None
    with expect_fail(ValueError, 'Adapters need PEFT'): adapt(dense, toy)
    sys.modules['peft'] = held


def test_Lora_2(): # nbs/api/15_factorization.ipynb, cell e044417e
    """A masked language model cannot be trained here; it is refused, and no adapter is left in it."""
    torch.manual_seed(0)
    words = pd.DataFrame(
        [
            dict(text=f'{w} {i}', label='yes' if w == 'good' else 'no', groups=g)
            for i in range(100)
            for w, g in (('good', 'a'), ('bad', 'b'))
        ]
    )
    toy = GroupedText.from_frame(words, name='toy')
    adapt = Lora(rank=2, epochs=1, lr=1e-2)
    for family in ('bert', 'xlm-roberta', 't5', 'bart', 'xlnet'):
        one = tiny_classifier(toy.labels, family=family)
        assert not torch.equal(head(adapt(one, toy)).weight, head(one).weight), family
    # its own initialisation knows no layer without zeros
    thin = adapt(Magnitude(.8)(tiny_classifier(toy.labels, family='funnel')), toy)
    with tempfile.TemporaryDirectory() as folder:
        assert np.array_equal(logits(load(save(thin, f'{folder}/model')), ['a text']), logits(thin, ['a text']))
    masked = tiny_masked_lm()
    with expect_fail(ValueError, 'no classification head'): adapt(masked, toy, inplace=True)
    assert not any('lora_A' in n for n, _ in masked.named_modules())


def test_Lora_3(): # nbs/api/15_factorization.ipynb, cell f9621057
    """Adapters are put only beside linear layers, and not beside a layer whose weight the model reads directly, such as Mamba's `dt_proj`."""
    torch.manual_seed(0)
    words = pd.DataFrame(
        [
            dict(text=f'{w} {i}', label='yes' if w == 'good' else 'no', groups=g)
            for i in range(100)
            for w, g in (('good', 'a'), ('bad', 'b'))
        ]
    )
    toy = GroupedText.from_frame(words, name='toy')
    line = ' '.join(f'{w} then' for w in ('one', 'two', 'three', 'four') * 100)
    story = Corpus(dict(train=line, validation=line, test=line))
    for model, texts, count in ((tiny_classifier(family='mixtral'), toy, 8), (tiny_lm('mamba'), story, 6)):
        small = Magnitude(.5)(model); better = Lora(2, epochs=2, lr=1e-2, batch_size=16)(small, texts)
        before = small.state_dict()
        moved = {
            n
            for n, t in better.state_dict().items()
            if (old := n.replace('.base_layer', '')) in before and not torch.equal(t, before[old])
        }
        assert moved <= {'score.weight'} and {
            n.split('.')[0] if 'lora' not in n else 'lora' for n, p in better.named_parameters() if p.requires_grad
        } <= {'lora', 'score'}
        found = [m for n, m in better.named_modules() if n.endswith('lora_B.default')]
        assert len(found) == count and all(m.weight.any() for m in found)
    for method in (LowRank(rank=2), Share(3)):
        with expect_fail(ValueError, 'in a MixtralExperts, is no linear layer'): method(tiny_classifier(family='mixtral'))
    with expect_fail(ValueError, 'reads the weight of this layer itself'):
        LowRank(rank=2, modules='*dt_proj')(tiny_lm('mamba'))


@pytest.mark.heavy
def test_Lora_4(): # nbs/api/15_factorization.ipynb, cell 57ed16aa
    """On each architecture each method prints as a text that `parse` reads, is trained in its compressed form, and is the same after saving: for `load`, and for plain `from_pretrained`."""
    torch.manual_seed(0)
    def reads_back(small, folder, auto=AutoModelForSequenceClassification):
        "Whether a model says the same when it was saved, by both ways of loading."
        path = save(small, f'{folder}/model')
        again = load(path)
        with quietly(): plain = auto.from_pretrained(path)
        ids = torch.tensor([[101, 2000, 3000, 4000, 102]])
        with torch.no_grad():
            found = [m.eval()(input_ids=ids, attention_mask=torch.ones_like(ids)).logits for m in (small, again, plain)]
        return torch.equal(found[0], found[1]) and torch.equal(found[0], found[2]) and again.record == small.record
    people, few = bios(80), dict(epochs=.5, lr=1e-3)
    plan = [
        LowRank(budget=0.4),
        Magnitude(0.5) >> Share(3),
        LowRank(energy=0.5) >> Freeze(1) >> Recover(**few),
        Share(2) >> Recover(**few),
        Magnitude(0.7) >> Lora(2, **few),
        Share(3) >> Lora(2, **few),
    ]
    with tempfile.TemporaryDirectory() as folder:
        for family in ('bert', 'distilbert', 'roberta', 'gpt2', 'llama'):
            model = tiny_classifier(people.labels, family=family)
            for method in plan:
                small = method(model, people)
                assert reads_back(small, folder) and small.record.method == str(method) == str(parse(str(method)))
                if 'lora' not in str(method): assert small.record.bytes < model.record.bytes


@pytest.mark.heavy
def test_Lora_5(): # nbs/api/15_factorization.ipynb, cell 39a29604
    """Factors and centres are computed in float32 or float64 and stored in the type of the checkpoint."""
    torch.manual_seed(0)
    def reads_back(small, folder, auto=AutoModelForSequenceClassification):
        "Whether a model says the same when it was saved, by both ways of loading."
        path = save(small, f'{folder}/model')
        again = load(path)
        with quietly(): plain = auto.from_pretrained(path)
        ids = torch.tensor([[101, 2000, 3000, 4000, 102]])
        with torch.no_grad():
            found = [m.eval()(input_ids=ids, attention_mask=torch.ones_like(ids)).logits for m in (small, again, plain)]
        return torch.equal(found[0], found[1]) and torch.equal(found[0], found[2]) and again.record == small.record
    many_jobs = bios(80)
    with tempfile.TemporaryDirectory() as folder:
        for family in ('bert', 'llama'):
            halved = load_classifier(save(tiny_classifier(many_jobs.labels, family=family).bfloat16(), f'{folder}/halved'))
            for way in (
                LowRank(budget=0.4),
                Share(3),
                Magnitude(0.5) >> Share(3),
                LowRank(rank=4) >> Recover(epochs=0.5),
                Share(3) >> Recover(epochs=0.5),
            ):
                kept = way(halved, many_jobs)
                assert reads_back(kept, folder) and {p.dtype for p in kept.parameters()} == {torch.bfloat16}, way


@pytest.mark.heavy
def test_Lora_6(): # nbs/api/15_factorization.ipynb, cell 79ee6f9a
    """Training changes factors and centres, and keeps ranks and codes."""
    torch.manual_seed(0)
    line = ' '.join(f'{w} then' for w in ('one', 'two', 'three', 'four') * 100)
    story = Corpus(dict(train=line, validation=line, test=line))
    same = lambda a, b: {n: torch.equal(t, b.state_dict()[n]) for n, t in a.state_dict().items()}
    def reads_back(small, folder, auto=AutoModelForSequenceClassification):
        "Whether a model says the same when it was saved, by both ways of loading."
        path = save(small, f'{folder}/model')
        again = load(path)
        with quietly(): plain = auto.from_pretrained(path)
        ids = torch.tensor([[101, 2000, 3000, 4000, 102]])
        with torch.no_grad():
            found = [m.eval()(input_ids=ids, attention_mask=torch.ones_like(ids)).logits for m in (small, again, plain)]
        return torch.equal(found[0], found[1]) and torch.equal(found[0], found[2]) and again.record == small.record
    with tempfile.TemporaryDirectory() as folder:
        for family in ('gpt2', 'llama'):
            model = tiny_lm(family)
            for method in (LowRank(rank=4), Share(3)):
                small = method(model)
                back, better = (make(epochs=1, lr=1e-2, batch_size=4)(small, story) for make in (Recover, Lora))
                start = perplexity(small, story, length=16)
                assert perplexity(back, story, length=16) < start and perplexity(better, story, length=16) < start
                assert (
                    layout(back) == layout(small)
                    and reads_back(back, folder, AutoModelForCausalLM)
                    and reads_back(better, folder, AutoModelForCausalLM)
                )
                if method == Share(3):
                    assert all(
                        eq != n.endswith(('codebook', '.bias'))
                        for n, eq in same(small, back).items()
                        if n.rpartition('.')[0] in prunable(model)
                    )
                assert torch.equal(better.get_input_embeddings().weight, small.get_input_embeddings().weight)


@pytest.mark.heavy
@pytest.mark.slow
@pytest.mark.data
def test_Lora_7(): # nbs/api/15_factorization.ipynb, cell 90803c62
    """The last rows compare two recoveries of the same pruned model over the same steps: `recover` moves the weights that are left, `lora` moves none of them."""
    torch.manual_seed(0)
    minilm = load_classifier(MINILM, labels=['no', 'yes'])
    rows, singular = [], {n: torch.linalg.svdvals(m.weight.detach()) for n, m in prunable(minilm).items()}
    for n, s in singular.items():
        share = s.square().cumsum(0) / s.square().sum()
        rows += [
            dict(layer='.'.join(n.split('.')[4:]).replace('attention.self.', ''), rank=r, energy=float(share[r - 1]))
            for r in range(8, 385, 8)
        ]
    spectrum = pd.DataFrame(rows)
    fig, ax = plt.subplots(figsize=(5, 3))
    sns.lineplot(spectrum, x='rank', y='energy', hue='layer', errorbar=('pi', 100), ax=ax)
    sns.despine()
    sns.despine()
    def relative(lost): return (lost / sum(float(s.square().sum()) for s in singular.values())) ** .5
    def error(model): # of the weights
        return relative(
            sum(
                float((m.weight.detach() - model.get_submodule(n).dense()).square().sum())
                for n, m in prunable(minilm).items()
            )
        )
    def error_of_rank(budget, shapes={n: shape(m) for n, m in prunable(minilm).items()}): # by Eckart & Young
        return relative(
            sum(
                float(singular[n][r:].square().sum())
                for n, r in ranks_of_budget(singular, shapes, budget).items()
                if r * sum(shapes[n]) < np.prod(shapes[n])
            )
        )
    rows = [
        dict(method=name, bits=b, error=error(make(b)(minilm)))
        for b in (2, 3, 4)
        for name, make in (('share', Share), ('round', lambda b: Rtn(b, 0)))
    ]
    errors = pd.DataFrame(
        rows + [dict(method='low rank', bits=32 * b, error=error_of_rank(b)) for b in (0.125, 0.25, 0.5, 0.75)]
    )
    fig, ax = plt.subplots(figsize=(4.2, 2.8))
    sns.lineplot(errors, x='bits', y='error', hue='method', marker='o', ax=ax)
    sns.despine()
    line = ' '.join(f'{w} then' for w in ('one', 'two', 'three', 'four') * 100)
    story = Corpus(dict(train=line, validation=line, test=line))
    same = lambda a, b: {n: torch.equal(t, b.state_dict()[n]) for n, t in a.state_dict().items()}
    def reads_back(small, folder, auto=AutoModelForSequenceClassification):
        "Whether a model says the same when it was saved, by both ways of loading."
        path = save(small, f'{folder}/model')
        again = load(path)
        with quietly(): plain = auto.from_pretrained(path)
        ids = torch.tensor([[101, 2000, 3000, 4000, 102]])
        with torch.no_grad():
            found = [m.eval()(input_ids=ids, attention_mask=torch.ones_like(ids)).logits for m in (small, again, plain)]
        return torch.equal(found[0], found[1]) and torch.equal(found[0], found[2]) and again.record == small.record
    with tempfile.TemporaryDirectory() as folder:
        for family in ('gpt2', 'llama'):
            model = tiny_lm(family)
            for method in (LowRank(rank=4), Share(3)):
                small = method(model)
                back, better = (make(epochs=1, lr=1e-2, batch_size=4)(small, story) for make in (Recover, Lora))
                start = perplexity(small, story, length=16)
                assert perplexity(back, story, length=16) < start and perplexity(better, story, length=16) < start
                assert (
                    layout(back) == layout(small)
                    and reads_back(back, folder, AutoModelForCausalLM)
                    and reads_back(better, folder, AutoModelForCausalLM)
                )
                if method == Share(3):
                    assert all(
                        eq != n.endswith(('codebook', '.bias'))
                        for n, eq in same(small, back).items()
                        if n.rpartition('.')[0] in prunable(model)
                    )
                assert torch.equal(better.get_input_embeddings().weight, small.get_input_embeddings().weight)
    data = toxigen(by='id') # the split of the thesis
    dense = finetune(MINILM, data, seed=0, epochs=2, progress=False)
    short, beside = Recover(epochs=.2, lr=2e-4), Lora(epochs=.2, lr=3e-3) # adapters need larger steps
    plan = [*(LowRank(budget=b) for b in (.75, .5, .35)), *(Share(b) for b in (4, 3, 2)), Magnitude(.7)]
    rows = []
    def note(method, training, model):
        of = group_table(predict(model, data)).query("metric == 'accuracy'").set_index('group').value
        rows.append(
            dict(
                method=method,
                training=training,
                accuracy=of['all'],
                worst=of.drop('all').min(),
                megabytes=model.record.bytes / 1e6,
            )
        )
    note('dense', 'none', dense)
    for method in plan:
        small = method(dense); note(str(method), 'none', small); note(str(method), 'recover', short(small, data))
    note(str(plan[-1]), 'lora', beside(small, data))
    found = pd.DataFrame(rows)
    by = found.set_index(['method', 'training'])
    assert all(
        by.accuracy[str(m), 'recover'] > by.accuracy[str(m), 'none']
        for m in (LowRank(budget=0.5), Share(2), Magnitude(0.7))
    )
    assert (
        by.accuracy[str(plan[-1]), 'lora'] > by.accuracy[str(plan[-1]), 'none']
        and by.megabytes[str(plan[-1]), 'lora'] > by.megabytes[str(plan[-1]), 'recover']
    )
    assert (
        by.accuracy['share()', 'none'] > by.accuracy['share(bits=2)', 'none']
        and by.accuracy['lowrank(budget=0.75)', 'none'] > by.accuracy['lowrank(budget=0.35)', 'none']
    )
    grid = sns.relplot(
        found.melt(['method', 'training', 'megabytes'], ['accuracy', 'worst'], var_name='of'),
        x='megabytes',
        y='value',
        hue='method',
        style='training',
        col='of',
        height=3,
        s=60,
    )
    grid.set_axis_labels('megabytes, of the whole model', 'accuracy')
    grid.set_titles('{col_name}')
