# Generated from nbs/api/41_losses.ipynb: edit the notebook
import pytest
import math
import numpy as np
import torch
from torch.nn.functional import cross_entropy
import tempfile
from dataclasses import replace
import pandas as pd
from fastcore.test import expect_fail
from fairprune.bias.groups import compare_probabilities
from fairprune.method import parse
from fairprune.compress.pruning import Magnitude
from fairprune.compress.quantization import Int8
from fairprune.recovery import Recover
from fairprune.compress.factorization import LowRank
from fairprune.compress.structure import LayerDrop
from fairprune.data import GroupedText
from fairprune.mitigate.mitigation import debias, undone
from fairprune.models import finetune, predict, save, tiny_classifier
from fairprune.synthetic import bios
from fairprune.mitigate.losses import *
from fairprune.mitigate.losses import _Reverse


def test_effective_weights(): # nbs/api/41_losses.ipynb, cell 1d443eba
    """Weights are scaled to a mean of 1: over the texts or, for the effective number, over the classes as in the paper."""
    assert np.allclose(inverse_weights([1, 3]), [2, 2 / 3]) and np.allclose(inverse_weights([1, 3], 0), 1)
    assert np.allclose(effective_weights([1, 2], 0.5), np.array([1, 2 / 3]) * 2 / (5 / 3)) and np.allclose(
        effective_weights([5, 50], 0.0), 1
    )
    with expect_fail(ValueError, 'without a training text'): inverse_weights([3, 0])
    for counts in ([3000, 2000], [3000, 2]): # all would be zero, or one
        with expect_fail(ValueError, 'power = 400'): inverse_weights(counts, 400)


def test_ldam(): # nbs/api/41_losses.ipynb, cell 71379dfb
    """2019) asks for a margin that is larger for a rarer class, $\\Delta_y \\propto n_y^{-1/4}$, and weights classes only in the second part of training."""
    z, y = torch.tensor([[0., math.log(3)], [2., 0.]], dtype=torch.float64), torch.tensor([1, 1])
    assert torch.allclose(
        focal(z, y)[0], torch.tensor((1 / 4) ** 2 * math.log(4 / 3), dtype=torch.float64)
    ) and torch.equal(focal(z, y, 0), cross_entropy(z, y, reduction='none'))
    prior = torch.tensor([.8, .2], dtype=torch.float64)
    assert torch.allclose(
        logit_adjusted(z, y, prior)[0], -torch.log(torch.tensor(0.2 * 3 / (0.8 + 0.2 * 3), dtype=torch.float64))
    )
    # the rare class has the whole margin of .5, the other half of it
    margins = ldam(z, y, torch.tensor([16., 1.], dtype=torch.float64))
    assert torch.allclose(margins[0], torch.log(1 + torch.exp(-(z[0, 1] - 0.5)))) and torch.allclose(
        ldam(z, y * 0, torch.tensor([16.0, 1.0]).double())[1], torch.log(1 + torch.exp(-(z[1, 0] - 0.25)))
    )
    free = torch.randn(6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    of = torch.tensor([0, 1, 2, 2, 1, 0])
    for f in (
        focal,
        lambda z, y: logit_adjusted(z, y, torch.tensor([0.5, 0.3, 0.2]).double()),
        lambda z, y: ldam(z, y, torch.tensor([9.0, 4.0, 2.0]).double(), scale=2.0),
    ):
        assert torch.autograd.gradcheck(lambda z: f(z, of), free)


def test_odds_gaps(): # nbs/api/41_losses.ipynb, cell 6b9848c7
    """With the sign kept, such noise cancels out over batches."""
    member = torch.tensor([[1., 0], [1, 0], [0, 1], [1, 1]], dtype=torch.float64)
    each = torch.tensor([1., 2, 6, 3], dtype=torch.float64)
    assert group_means(each, member)[0].tolist() == [2, 4.5] and ceag_gaps(each, member).tolist() == [-1, 1.5]
    assert ceag_gaps(each[:2], member[:2]).tolist() == [0, 0] # the second group is not there
    p = torch.tensor([[.9, .1], [.7, .3], [.4, .6], [.5, .5]], dtype=torch.float64)
    y = torch.tensor([0, 0, 0, 1])
    odds = odds_gaps(p.log(), y, member)
    # of class 1 there is one text, in both groups
    assert (
        torch.allclose(odds[:, 0, 0], torch.tensor([0.8 - 2 / 3, 0.4 - 2 / 3], dtype=torch.float64))
        and torch.allclose(odds[:, 0].sum(1), torch.zeros(2).double())
        and torch.allclose(odds[:, 1], torch.zeros(2, 2).double())
    )
    free = torch.randn(4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: odds_gaps(z, y, member), free) and torch.autograd.gradcheck(
        lambda z: ceag_gaps(cross_entropy(z, y, reduction='none'), member), free
    )


def test_contrastive(): # nbs/api/41_losses.ipynb, cell 8cdf49b9
    """A layer between the two turns the gradient around, so the model unlearns what helps the adversary."""
    f = torch.tensor([[1., 0], [2, 0], [0, 1]], dtype=torch.float64)
    y = torch.tensor([0, 0, 1])
    # beside one positive at 1, one other at 0
    assert torch.allclose(contrastive(f, y, 1.), torch.tensor([math.log(math.e + 1) - 1] * 2 + [0.], dtype=torch.float64))
    assert contrastive(f, y, 1., torch.zeros(3, 3, dtype=torch.bool)).tolist() == [0, 0, 0]
    free = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2)).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: contrastive(z, torch.tensor([0, 1, 0, 1, 1]), .5), free)
    x = torch.ones(2, requires_grad=True)
    (_Reverse.apply(x, .5) * torch.tensor([1., 2])).sum().backward()
    assert x.grad.tolist() == [-.5, -1]


def test_adversary(): # nbs/api/41_losses.ipynb, cell b7d20e95
    """A batch with both groups moves the weights by the losses $\\ln 2$ and $\\ln 4$ to 1:2."""
    dro, two = GroupDRO(1.), dict(member=torch.eye(2), log_q=torch.zeros(2).log_softmax(0), more=torch.zeros(2))
    z, y = torch.tensor([[0., 0.], [0., math.log(3)]]), torch.tensor([0, 0])
    assert torch.isclose(dro.of(z[:1], None, y[:1], torch.tensor([0]), two), torch.tensor(math.log(2))) and two[
        'log_q'
    ].exp().tolist() == [0.5, 0.5]
    assert torch.isclose(
        dro.of(z, None, y, torch.tensor([0, 1]), two), torch.tensor(5 / 3 * math.log(2))
    ) and torch.allclose(two['log_q'].exp(), torch.tensor([1 / 3, 2 / 3]))
    for _ in range(400): dro.of(z[:1], None, y[:1], torch.tensor([0]), two)
    assert torch.allclose(two['log_q'].exp(), torch.tensor([1 / 3, 2 / 3])) # a group is not forgotten while it is away


@pytest.mark.heavy
def test_adversary_2(): # nbs/api/41_losses.ipynb, cell 6d09eadc
    """Weights that were pruned stay zero."""
    people = bios(160)
    half = Magnitude(.5)(tiny_classifier(people.labels))
    brief = dict(epochs=.5, lr=1e-3)
    plain = Recover(**brief)(half, people)
    neutral = (
        ClassWeights(0.0, **brief),
        GroupWeights(0.0, **brief),
        Focal(0.0, **brief),
        ClassBalanced(0.0, **brief),
        LogitAdjusted(0.0, **brief),
        Ldam(0.0, 0.0, **brief),
        Ceag(0.0, **brief),
        EqualizedOdds(0.0, **brief),
        Contrastive(0.0, **brief),
        Adversary(0.0, **brief),
    )
    def close(a, b):
        return all(
            torch.allclose(v, b.state_dict()[k], atol=1e-5) for k, v in a.state_dict().items() if v.is_floating_point()
        )
    for way in neutral: assert close(debias(half, people, way), plain), way
    different = (
        ClassWeights(**brief),
        GroupWeights(by='group', **brief),
        Focal(**brief),
        ClassBalanced(**brief),
        LogitAdjusted(**brief),
        Ldam(**brief),
        GroupDRO(**brief),
        Ceag(1.0, **brief),
        EqualizedOdds(1.0, **brief),
        Contrastive(across=True, **brief),
        Adversary(**brief),
    )
    for way in different:
        got = debias(half, people, way)
        assert not close(got, plain) and parse(str(way)) == way, way
    with tempfile.TemporaryDirectory() as folder: # a dense model that is as wrong on every text asks for nothing else
        flat = tiny_classifier(people.labels)
        flat.classifier.weight.data.zero_()
        flat.classifier.bias.data.zero_()
        save(flat, f'{folder}/flat')
        grown, losses = Ceag(1., dense=f'{folder}/flat', **brief), Ceag(1., **brief)
        assert close(debias(half, people, grown), debias(half, people, losses)) and parse(str(grown)) == grown
        save(half, f'{folder}/same') # beside itself no loss has grown yet
        assert not close(debias(half, people, replace(grown, dense=f'{folder}/same')), debias(half, people, losses))
        other = tiny_classifier(('a', 'b')); save(other, f'{folder}/other')
        with expect_fail(ValueError, 'The model has the labels'):
            debias(half, people, replace(grown, dense=f'{folder}/other'))
    # the same seed, the same model
    assert torch.equal(debias(half, people, Adversary(**brief)).classifier.weight, got.classifier.weight)


@pytest.mark.heavy
def test_adversary_3(): # nbs/api/41_losses.ipynb, cell 337554f0
    few, quick = bios(100), dict(epochs=.3, lr=1e-3)
    for design in ('bert', 'distilbert', 'roberta', 'gpt2', 'llama'):
        base = tiny_classifier(few.labels, family=design)
        for method in (
            (Magnitude(0.5), Int8(), LayerDrop(1), LowRank(budget=0.5)) if design in ('bert', 'gpt2') else (Magnitude(0.5),)
        ):
            before = method(base)
            for kind in (GroupDRO(**quick), Adversary(**quick)): assert undone(before, debias(before, few, kind)) == []


def test_adversary_4(): # nbs/api/41_losses.ipynb, cell 58dec8ce
    """In so few steps the gap closes because group a gives way, not because group b gains."""
    rng = np.random.default_rng(0)
    minority, label = rng.random(1200) < .1, rng.integers(0, 2, 1200)
    words = np.where(minority, np.array(['good sir', 'bad sir'])[label], np.array(['bad', 'good'])[label])
    texts = pd.DataFrame(
        dict(
            text=[f'{w} {i % 7}' for i, w in enumerate(words)],
            label=np.array(['no', 'yes'])[label],
            groups=np.where(minority, 'b', 'a'),
        )
    )
    data = GroupedText.from_frame(texts, name='two dialects')
    small, how = (
        Magnitude(0.5)(finetune(tiny_classifier(), data, epochs=1, lr=4e-3, progress=False)),
        dict(epochs=0.5, lr=1e-3),
    )
    def sure(model):
        return (
            compare_probabilities(told := predict(model, data), told, n_resamples=100, min_n=20)
            .query("metric == 'true_probability'")
            .set_index('group')
            .dense.drop('all')
        )
    found = pd.DataFrame(
        {
            str(way).partition('(')[0]: sure(debias(small, data, way))
            for way in (
                Recover(**how),
                GroupWeights(**how),
                GroupDRO(1.0, **how),
                Ceag(0.5, **how),
                EqualizedOdds(2.0, **how),
            )
        }
    ).T.assign(gap=lambda t: t.a - t.b)
    assert (
        found.gap['recover'] > 0.2
        and (found.gap.drop('recover') < found.gap['recover'] - 0.05).all()
        and (found.b > 0.5).all()
    )


def test_adversary_5(): # nbs/api/41_losses.ipynb, cell 8bd10ab0
    """Mistakes are noticed before any work."""
    rng = np.random.default_rng(0)
    minority, label = rng.random(1200) < .1, rng.integers(0, 2, 1200)
    words = np.where(minority, np.array(['good sir', 'bad sir'])[label], np.array(['bad', 'good'])[label])
    texts = pd.DataFrame(
        dict(
            text=[f'{w} {i % 7}' for i, w in enumerate(words)],
            label=np.array(['no', 'yes'])[label],
            groups=np.where(minority, 'b', 'a'),
        )
    )
    data = GroupedText.from_frame(texts, name='two dialects')
    small, how = (
        Magnitude(0.5)(finetune(tiny_classifier(), data, epochs=1, lr=4e-3, progress=False)),
        dict(epochs=0.5, lr=1e-3),
    )
    lonely = GroupedText.from_frame(texts.assign(groups=[[]] * 1200), name='lonely')
    for wrong, call in {
        'gamma = -1': lambda: debias(small, data, Focal(-1.0)),
        'gamma = 10000': lambda: debias(small, data, Focal(10_000)),
        'beta = 1': lambda: debias(small, data, ClassBalanced(1.0)),
        'needs groups': lambda: debias(small, lonely, GroupDRO()),
        'power = 2000': lambda: debias(small, data, ClassWeights(2000)),
        'power = 3000': lambda: debias(small, data, GroupWeights(3000)),
        'eta = 0': lambda: debias(small, data, GroupDRO(0.0)),
        "by = 'class'": lambda: debias(small, data, GroupWeights(by='class')),
        'temperature = 0': lambda: debias(small, data, Contrastive(temperature=0.0)),
        'across=True': lambda: debias(small, lonely, Contrastive(across=True)),
        'bound = 0': lambda: debias(small, data, Ceag(bound=0.0)),
        'No folder ./nowhere': lambda: debias(small, data, Recover() >> Ceag(dense='./nowhere')),
        'tau = -2': lambda: debias(small, data, LogitAdjusted(-2.0)),
        'defer = 1': lambda: debias(small, data, Ldam(defer=1.0)),
    }.items():
        with expect_fail(ValueError, wrong): call()
    unseen = GroupedText.from_frame(
        texts.assign(split=np.where(label == 1, 'test', rng.permuted(np.resize(['train', 'validation', 'test'], 1200)))),
        split='split',
        labels=('no', 'yes'),
        name='unseen',
    )
    with expect_fail(ValueError, 'without a training text'): debias(small, unseen, ClassWeights())
