# Generated from nbs/api/16_second_order.ipynb: edit the notebook
import pytest
import torch
from fairprune.compress.calibration import Products
from fairprune.compress.quantization import affine, decode, encode, Rtn
import matplotlib.pyplot as plt
import numpy as np
import tempfile
from fastcore.test import expect_fail
from fairprune.layers import Compact
from fairprune.method import parse
from fairprune.compress.pruning import Magnitude, Random, Wanda, prunable, zeros
from fairprune.corpus import perplexity, wikitext2
from fairprune.models import load_classifier, load_lm, logits, save, tiny_classifier, tiny_lm
from fairprune.named import SMOLLM2
from fairprune.synthetic import bios
from fairprune.compress.second_order import *
from fairprune.compress.second_order import _Prune, _Round


def test_inverse_factor(): # nbs/api/16_second_order.ipynb, cell bd2d9b0a
    """Row j of U says how the weights after j make up for an error in weight j."""
    torch.manual_seed(0)
    x = torch.randn(500, 6) @ torch.randn(6, 6)
    seen = Products()
    seen.add(x)
    U = inverse_factor(seen.total, seen.n, damp=0.)
    assert torch.allclose(U.T @ U @ (2 / 500 * x.T @ x), torch.eye(6), atol=1e-3) and torch.equal(U, U.triu())


def test_obs(): # nbs/api/16_second_order.ipynb, cell d8b60a33
    """An example with a known answer: if one column is dropped and all others are free, the solver must find the least-squares solution, which is the best choice of the remaining weights."""
    torch.manual_seed(0)
    x = torch.randn(500, 6) @ torch.randn(6, 6)
    seen = Products()
    seen.add(x)
    U = inverse_factor(seen.total, seen.n, damp=0.)
    w = torch.randn(3, 6)
    found = obs(w, U, lambda j, rest: torch.zeros(3) if j == 0 else rest[:, 0])
    best = torch.linalg.lstsq(x[:, 1:], x @ w.T).solution.T
    assert torch.allclose(found[:, 1:], best, atol=1e-3) and (found[:, 0] == 0).all()
    parts = [obs(w, U, lambda j, rest: torch.zeros(3) if j % 2 else rest[:, 0], block=b) for b in (1, 2, 6)]
    assert all(torch.allclose(p, parts[0], atol=1e-4) for p in parts) # whatever the block


def test_Prune(): # nbs/api/16_second_order.ipynb, cell 4b7bda96
    """Within a block, the weights with the lowest `w^2 / U_jj^2` go: small weights, and weights whose loss other weights make up for easily."""
    torch.manual_seed(0)
    # the smaller weight stays
    assert torch.allclose(obs_score(torch.tensor([[2., 3.]]), torch.tensor([.5, 3.])), torch.tensor([[16., 1.]]))
    # inputs that say much the same, as activations do
    x, w = torch.randn(500, 8) @ torch.randn(8, 32) + .3 * torch.randn(500, 32), torch.randn(16, 32)
    U = inverse_factor(x.T @ x, len(x))
    rule = _Prune(w, .5, None)
    half = obs(w, U, rule, 32, rule.begin)
    error = lambda v: float(((x @ (w - v).T) ** 2).sum())
    keep = w.abs() > w.abs().median()
    assert (half == 0).sum() == 256 and error(half) < .5 * error(w * keep) # of what magnitude alone loses


def test_Prune_2(): # nbs/api/16_second_order.ipynb, cell 517e6371
    """Magnitude pruning would leave them as they are."""
    torch.manual_seed(0)
    # inputs that say much the same, as activations do
    x, w = torch.randn(500, 8) @ torch.randn(8, 32) + .3 * torch.randn(500, 32), torch.randn(16, 32)
    U = inverse_factor(x.T @ x, len(x))
    rule = _Prune(w, .5, None)
    half = obs(w, U, rule, 32, rule.begin)
    keep = w.abs() > w.abs().median()
    stays, changed = half != 0, (half - w).abs() * (half != 0)
    assert .6 < (stays == keep).float().mean() < .95
    assert (changed[:, 0] == 0).all() and changed[:, 16:].mean() > changed[:, :16].mean()
    fig, axes = plt.subplots(1, 3, figsize=(7, 1.6), dpi=80, sharey=True)
    for ax, (title, m) in zip(
        axes, {'magnitude keeps': keep, 'second order keeps': stays, 'change of the kept': changed}.items()
    ):
        ax.imshow(m.float(), cmap='Greys', aspect='auto', interpolation='nearest')
        ax.set(title=title, xlabel='input')
    axes[0].set_ylabel('output')


def test_Round(): # nbs/api/16_second_order.ipynb, cell 2bd2dc5d
    """Zero is always on the grid, so pruned weights stay zero."""
    torch.manual_seed(0)
    # inputs that say much the same, as activations do
    x, w = torch.randn(500, 8) @ torch.randn(8, 32) + .3 * torch.randn(500, 32), torch.randn(16, 32)
    U = inverse_factor(x.T @ x, len(x))
    error = lambda v: float(((x @ (w - v).T) ** 2).sum())
    rounding = _Round(w, 3, None)
    found = obs(w, U, rounding, 32, rounding.begin)
    nearest = decode(encode(w, *affine(w, 3), 3), *affine(w, 3))
    assert torch.equal(found, decode(rounding.codes, *affine(w, 3))) and error(found) < error(nearest)


def test_Round_2(): # nbs/api/16_second_order.ipynb, cell 95fbac37
    """The later ones are not: they have taken over the errors of those before them, so many land on a point next to the nearest."""
    torch.manual_seed(0)
    # inputs that say much the same, as activations do
    x, w = torch.randn(500, 8) @ torch.randn(8, 32) + .3 * torch.randn(500, 32), torch.randn(16, 32)
    U = inverse_factor(x.T @ x, len(x))
    rounding = _Round(w, 3, None)
    found = obs(w, U, rounding, 32, rounding.begin)
    nearest = decode(encode(w, *affine(w, 3), 3), *affine(w, 3))
    elsewhere = found != nearest
    assert not elsewhere[:, 0].any() and elsewhere[:, 16:].float().mean() > .2
    fig, (left, right) = plt.subplots(1, 2, figsize=(7, 1.9), dpi=80)
    left.imshow(elsewhere, cmap='Greys', aspect='auto', interpolation='nearest')
    left.set(title='not on the nearest point', xlabel='input', ylabel='output')
    for v, label in ((nearest, 'nearest'), (found, 'second order')):
        right.hist((x @ (w - v).T).abs().flatten().numpy(), bins=40, histtype='step', label=label)
    right.set(xlabel='absolute error of an output', ylabel='outputs')
    right.legend(frameon=False)


def test_GPTQ(): # nbs/api/16_second_order.ipynb, cell c4061776
    torch.manual_seed(0)
    people = bios(200)
    tiny = tiny_classifier(people.labels)
    some = dict(n=16, length=32)
    half = SparseGPT(.5, **some)(tiny, people)
    assert abs(zeros(half) - 0.5) < 1e-3 and not torch.equal(
        *(
            m.bert.encoder.layer[0].output.dense.weight[m.bert.encoder.layer[0].output.dense.weight != 0][:5]
            for m in (half, tiny)
        )
    )
    pattern = SparseGPT(scope='2:4', **some)(tiny, people)
    assert all((m.weight.view(-1, 4) == 0).sum(1).ge(2).all() for m in prunable(pattern).values())
    with expect_fail(ValueError, 'sparsegpt takes layer'): SparseGPT(scope='row')(tiny, people)
    for way in (GPTQ, lambda bits, group=128, **kwargs: SparseGPT(.5, bits=bits, group=group, **kwargs)):
        for wrong, text in [
            (way(1), 'bits = 1'),
            (way(4.5), 'bits = 4.5: give a whole number'),
            (way(4, 48), 'group = 48'),
            (way(4, -64), 'group = -64'),
            (way(4, modules='bert.embeddings.word_embeddings'), 'is no linear layer'),
        ]:
            with expect_fail(ValueError, text): wrong(tiny, people)
        with expect_fail(ValueError, 'shares its weight'): way(4, modules='lm_head')(tiny_lm('gpt2'), people)
    mixture = tiny_classifier(people.labels, family='mixtral')
    for way in (SparseGPT(**some), SparseGPT(bits=4, **some), GPTQ(**some)):
        with expect_fail(ValueError, 'in a MixtralExperts, is no linear layer'): way(mixture, people)
    with expect_fail(ValueError, 'bits = 0'): GPTQ(0)(tiny, people)
    with expect_fail(ValueError, 'needs data'): GPTQ()(tiny)
    with expect_fail(ValueError, 'quantized already'): GPTQ(**some)(GPTQ(**some)(tiny, people), people)


def test_GPTQ_2(): # nbs/api/16_second_order.ipynb, cell 4c07b68e
    """Groups of the grid and patterns of zeros may have different sizes: the columns are settled in blocks that hold whole groups and whole patterns, here blocks of 400 columns for groups of 200 and patterns of 16."""
    people = bios(200)
    some = dict(n=16, length=32)
    wide = tiny_classifier(people.labels, intermediate_size=256)
    both = SparseGPT(.5, '8:16', bits=4, group=200, **some)(wide, people)
    assert all(((both.get_submodule(n).dense().view(-1, 16) == 0).sum(1) >= 8).all() for n in prunable(wide))


def test_GPTQ_3(): # nbs/api/16_second_order.ipynb, cell bece9bee
    """The zeros count among the weights to drop: pruning to a half changes no zeros in a layer that is sparser already."""
    torch.manual_seed(0)
    # inputs that say much the same, as activations do
    x, w = torch.randn(500, 8) @ torch.randn(8, 32) + .3 * torch.randn(500, 32), torch.randn(16, 32)
    U = inverse_factor(x.T @ x, len(x))
    rule = _Prune(w, .5, None)
    half = obs(w, U, rule, 32, rule.begin)
    keep = w.abs() > w.abs().median()
    stays, changed = half != 0, (half - w).abs() * (half != 0)
    fig, axes = plt.subplots(1, 3, figsize=(7, 1.6), dpi=80, sharey=True)
    for ax, (title, m) in zip(
        axes, {'magnitude keeps': keep, 'second order keeps': stays, 'change of the kept': changed}.items()
    ):
        ax.imshow(m.float(), cmap='Greys', aspect='auto', interpolation='nearest')
        ax.set(title=title, xlabel='input')
    people = bios(200)
    tiny = tiny_classifier(people.labels)
    some = dict(n=16, length=32)
    pruned = Magnitude(.7)(tiny)
    for method in (
        SparseGPT(0.5, **some),
        SparseGPT(scope='2:4', **some),
        SparseGPT(0.5, bits=4, group=16, **some),
        SparseGPT(scope='2:4', bits=4, **some),
        GPTQ(4, 16, **some),
    ):
        small = method(pruned, people)
        now = {n: m.dense() if isinstance(m := small.get_submodule(n), Compact) else m.weight for n in prunable(pruned)}
        assert all((now[n][m.weight == 0] == 0).all() for n, m in prunable(pruned).items()), method
        if method.scope == '2:4': assert all((w.view(-1, 4) == 0).sum(1).ge(2).all() for w in now.values())
    assert abs(zeros(SparseGPT(.9, **some)(pruned, people)) - .9) < 1e-3 # and more can go
    assert small.record.bytes < GPTQ(4, 16, **some)(tiny, people).record.bytes # zeros are not written


@pytest.mark.heavy
def test_GPTQ_4(): # nbs/api/16_second_order.ipynb, cell 9c0643a2
    """The models are identical after saving, and zeros stay zeros on the grid."""
    people = bios(200)
    some = dict(n=16, length=32)
    methods = [
        SparseGPT(0.5, **some),
        SparseGPT(0.5, bits=4, group=16, **some),
        GPTQ(4, 16, **some),
        GPTQ(3, 0, act_order=True, **some),
        GPTQ(8, **some),
        Rtn(4, 16),
    ]
    with tempfile.TemporaryDirectory() as folder:
        for family in ('bert', 'distilbert', 'roberta', 'gpt2', 'llama'):
            model = tiny_classifier(people.labels, family=family)
            for method in methods:
                small = method(model, people)
                again = load_classifier(save(small, f'{folder}/model'))
                assert np.array_equal(logits(again, people['test']['text'][:8]), logits(small, people['test']['text'][:8]))
                assert small.record.method == str(method) == str(parse(str(method))) and again.record == small.record
                if isinstance(method, SparseGPT): assert small.record.macs < .6 * model.record.macs
                if method.bits: assert small.record.bytes < model.record.bytes
        for family in ('gpt2', 'llama'):
            assert all(perplexity(m(tiny_lm(family), people), people, length=32) > 1 for m in methods)


def test_GPTQ_5(): # nbs/api/16_second_order.ipynb, cell dc18e168
    """A checkpoint in bfloat16 stays in bfloat16: the solver computes in float32, and the stored numbers read back exactly."""
    torch.manual_seed(0)
    people = bios(200)
    some = dict(n=16, length=32)
    with tempfile.TemporaryDirectory() as folder:
        for family in ('bert', 'llama'):
            halved = load_classifier(save(tiny_classifier(people.labels, family=family).bfloat16(), f'{folder}/halved'))
            for way in (
                SparseGPT(0.5, **some),
                SparseGPT(0.5, bits=4, group=16, **some),
                GPTQ(4, 16, **some),
                GPTQ(3, 0, act_order=True, **some),
            ):
                kept = way(halved, people); read = load_classifier(save(kept, f'{folder}/kept'))
                assert (
                    np.array_equal(logits(read, people['test']['text'][:8]), logits(kept, people['test']['text'][:8]))
                    and read.dtype == torch.bfloat16
                ), way


@pytest.mark.slow
@pytest.mark.data
def test_GPTQ_6(): # nbs/api/16_second_order.ipynb, cell 32c27fd3
    """GPTQ needs enough calibration text: with a quarter of this text, GPTQ at 3 bits was worse than rounding."""
    smol, wiki, some = load_lm(SMOLLM2), wikitext2(), dict(n=32, length=256)
    levels = [
        None,
        Random(0.5),
        Magnitude(0.5, 'layer'),
        Wanda(0.5, **some),
        SparseGPT(0.5, **some),
        Rtn(4, 64),
        GPTQ(4, 64, **some),
        GPTQ(4, 64, True, **some),
        Rtn(3, 64),
        GPTQ(3, 64, **some),
    ]
    found = {}
    for method in levels:
        small = method(smol, wiki) if method else smol
        found[str(method or 'dense')] = dict(
            perplexity=perplexity(small, wiki, length=256, n=8),
            seconds=small.record.seconds,
            megabytes=small.record.bytes / 1e6,
        )
    value = [row['perplexity'] for row in found.values()]
    assert value[0] < value[4] < value[3] < value[2] < value[1] # dense, SparseGPT, Wanda, magnitude, random
    # GPTQ with loud inputs first, GPTQ, round-to-nearest
    assert value[0] < value[7] < value[6] < value[5] and value[9] < value[8]
