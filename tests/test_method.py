# Generated from nbs/api/10_methods.ipynb: edit the notebook
import pytest
from dataclasses import dataclass, replace
from fairprune.record import measure, is_computed
import warnings
import numpy as np
import pandas as pd
from fastcore.test import expect_fail
from torch.nn.utils import parametrizations, prune
from fairprune.layers import linear_layers, weights
from fairprune.data import GroupedText
from fairprune.models import load, logits, predict, save, tiny_classifier, tiny_lm
from fairprune.synthetic import bios
import torch
from fairprune.method import *


def test_Method(): # nbs/api/10_methods.ipynb, cell 33c61c0e
    """It multiplies every weight."""
    @dataclass(frozen=True)
    class Scale(Method):
        factor: float = 1.
        def apply(self, model, data, seed):
            for layer in weights(model).values(): layer.weight.data *= self.factor
    tiny = tiny_classifier()
    zero = Scale(factor=0.)(tiny)
    assert zero.record.macs == 0 < tiny.record.macs and str(Scale(.5)) == 'scale(factor=0.5)'
    assert zero.record.nonzero < tiny.record.nonzero and zero.record.parameters == tiny.record.parameters
    mine = Scale()(tiny)
    assert mine is not tiny and Scale()(mine, inplace=True) is mine


def test_Method_2(): # nbs/api/10_methods.ipynb, cell 149d207d
    """The zeros of a mask are real zeros in the copy, and further training keeps them."""
    tiny = tiny_classifier()
    @dataclass(frozen=True)
    class Nothing(Method, named=False):
        def apply(self, model, data, seed): pass
    def old_weight_norm(layer):
        with warnings.catch_warnings(): warnings.simplefilter('ignore'); torch.nn.utils.weight_norm(layer)
    def mask(layer): prune.l1_unstructured(layer, 'weight', .5)
    texts = bios(60)['test']['text'][:8]
    for change in (mask, old_weight_norm, parametrizations.weight_norm):
        computed = tiny_classifier()
        for layer in list(linear_layers(computed.bert.encoder).values()): change(layer)
        names, said, small = list(computed.state_dict()), logits(computed, texts), Nothing()(computed)
        assert np.allclose(logits(small, texts), said, atol=1e-6) and set(small.state_dict()) == set(tiny.state_dict())
        assert small.record.macs == measure(computed).macs and (small.record.macs < tiny.record.macs) == (change is mask)
        assert list(computed.state_dict()) == names and is_computed(computed) and not is_computed(small)
        assert Nothing()(computed, inplace=True) is computed and not is_computed(computed)


def test_Method_3(): # nbs/api/10_methods.ipynb, cell a6329eb1
    """Such a mask cannot be turned into an ordinary weight, because one matrix cannot be both masked and unmasked."""
    @dataclass(frozen=True)
    class Nothing(Method, named=False):
        def apply(self, model, data, seed): pass
    def mask(layer): prune.l1_unstructured(layer, 'weight', .5)
    tied = tiny_lm('gpt2')
    mask(tied.lm_head)
    with expect_fail(ValueError, 'another layer shares the masked weight'): Nothing()(tied)


def test_Method_4(): # nbs/api/10_methods.ipynb, cell efab84d2
    """Methods that need neither ignore both."""
    tiny = tiny_classifier()
    @dataclass(frozen=True)
    class Count(Method):
        "Writes the number of training texts into the head, to show where data goes."
        needs_data = True
        def apply(self, model, data, seed): model.classifier.bias.data.fill_(len(data['train']) + seed)
    assert Count()(tiny, bios(60), seed=1).classifier.bias[0] == len(bios(60)['train']) + 1
    with expect_fail(ValueError, 'count() needs data'): Count()(tiny)


def test_Chain(): # nbs/api/10_methods.ipynb, cell 8291dfc9
    """`a >> b` is a method again: it first does `a`, then `b`."""
    @dataclass(frozen=True)
    class Scale(Method):
        factor: float = 1.
        def apply(self, model, data, seed):
            for layer in weights(model).values(): layer.weight.data *= self.factor
    tiny = tiny_classifier()
    @dataclass(frozen=True)
    class Count(Method):
        "Writes the number of training texts into the head, to show where data goes."
        needs_data = True
        def apply(self, model, data, seed): model.classifier.bias.data.fill_(len(data['train']) + seed)
    both = Scale(.5) >> Scale(2.) >> Scale(3.)
    assert len(both.steps) == 3 and both(tiny).record.method == str(both)
    assert torch.allclose(both(tiny).classifier.weight, 3 * tiny.classifier.weight)
    with expect_fail(ValueError, 'scale(factor=0.5) >> count() needs data'): (Scale(.5) >> Count())(tiny)


def test_Chain_2(): # nbs/api/10_methods.ipynb, cell 2c4e2ea7
    """What is wrong whatever the model is, such as a parameter out of range, is refused before the first step."""
    @dataclass(frozen=True)
    class Scale(Method):
        factor: float = 1.
        def apply(self, model, data, seed):
            for layer in weights(model).values(): layer.weight.data *= self.factor
    tiny = tiny_classifier()
    done = []
    @dataclass(frozen=True)
    class Strict(Method, named=False):
        limit: int = 1 # at least 1
        def check(self, model):
            if self.limit < 1: raise ValueError(f'limit = {self.limit}: give at least 1.')
            if model.classifier.weight.any(): raise ValueError('The head is not zero.')
        def apply(self, model, data, seed): done.append(self.limit)
    with expect_fail(ValueError, 'limit = 0'): (Scale(0.) >> Strict() >> Strict(0))(tiny)
    assert not done
    with expect_fail(ValueError, 'head is not zero'): (Scale(2.) >> Strict())(tiny)
    (Scale(0.) >> Strict())(tiny) # what the second asks for, the first has made
    assert done == [1]


def test_parse(): # nbs/api/10_methods.ipynb, cell 4013565f
    """See [Values](07_values.ipynb)."""
    @dataclass(frozen=True)
    class Scale(Method):
        factor: float = 1.
        def apply(self, model, data, seed):
            for layer in weights(model).values(): layer.weight.data *= self.factor
    both = Scale(.5) >> Scale(2.) >> Scale(3.)
    assert parse('scale(factor=0.5) >> scale(2.0)') == Scale(.5) >> Scale(2.)
    assert str(parse(str(both))) == str(both)
    with expect_fail(ValueError, "Unknown method 'prune'"): parse('prune(0.5)')
    with expect_fail(ValueError, 'scale takes factor'): parse('scale(rate=1)')
    with expect_fail(ValueError, 'Cannot read'): parse('magnitude(0.5')


@pytest.mark.cuda
def test_parse_2(): # nbs/api/10_methods.ipynb, cell 91c7d0ab
    """If a method does not train, the model that it gives on a GPU has the same logits as the one that it gives on a CPU, except for rounding."""
    device = 'cuda'
    rows = [
        dict(
            text=f'{who} is {how} {k}',
            tokens=[who, 'is', how, str(k)],
            rationale=[0, 0, 1, 0],
            label='no' if how == 'bad' else 'yes',
            groups=['woman' if who == 'she' else 'man'],
        )
        for k in range(60)
        for who in ('she', 'he')
        for how in ('good', 'bad')
    ]
    toy = GroupedText.from_frame(pd.DataFrame(rows), rationale='rationale', tokens='tokens')
    save(tiny_lm(), 'lm')
    needed = dict(
        lowrank='budget=.5',
        paraphrase="lm='lm', texts=4",
        threshold='min_n=3',
        exponentiatedgradient='min_n=3, max_iter=3',
        gridsearch='min_n=3, grid_size=3',
        temperature='min_n=3',
    )
    for name in methods():
        step = parse(f'{name}({needed.get(name, "")})')
        if hasattr(step, 'bf16'): step = replace(step, bf16=True)
        here, there = (step(tiny_classifier(num_hidden_layers=4).to(d), toy) for d in ('cpu', device))
        assert {t.device.type for t in (*there.parameters(), *there.buffers())} == {device}, name
        said = predict(there, toy).logits
        assert np.isfinite(said).all() and (
            hasattr(step, 'epochs') or np.allclose(said, predict(here, toy).logits, atol=1e-3)
        ), name
        assert np.allclose(predict(load(save(there, 'saved')), toy).logits, said, atol=1e-3), name
