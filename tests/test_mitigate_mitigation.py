# Generated from nbs/api/39_mitigation.ipynb: edit the notebook
from dataclasses import dataclass
from fairprune.recovery import Recover
import copy
import pandas as pd
import torch
from fastcore.test import expect_fail
from fairprune.compress.factorization import LowRank, Share
from fairprune.layers import linear_layers
from fairprune.compress.pruning import Magnitude
from fairprune.compress.quantization import Int8, Rtn
from fairprune.compress.structure import LayerDrop, Neurons
from fairprune.data import GroupedText
from fairprune.models import predict, tiny_classifier, tiny_lm
from fairprune.synthetic import bios
from fairprune.mitigate.mitigation import *


def test_zeros_kept(): # nbs/api/39_mitigation.ipynb, cell 00e51aae
    """If a pruned weight is no longer zero, the check reports it."""
    people = bios(240)
    kinds = (
        Magnitude(0.6),
        LayerDrop(1),
        Neurons(0.5, n=32),
        Int8(),
        Rtn(4, 32),
        LowRank(budget=0.4),
        Share(3),
        Magnitude(0.5) >> Rtn(4, 32),
    )
    for method in kinds:
        small = method(tiny_classifier(people.labels), people)
        trained = Recover(.5, lr=1e-3)(small, people)
        assert undone(small, trained) == [] and not torch.equal(small.classifier.weight, trained.classifier.weight), method


def test_zeros_kept_2(): # nbs/api/39_mitigation.ipynb, cell 8e45ef55
    people = bios(240)
    half = Magnitude(.6)(tiny_classifier(people.labels))
    back = Magnitude(.6)(tiny_classifier(people.labels))
    name, layer = next((n, m) for n, m in linear_layers(back).items() if (m.weight == 0).any())
    with torch.no_grad(): layer.weight[layer.weight == 0] = 1e-3
    words = 'bert.embeddings.word_embeddings'
    sparse = Magnitude(.6, modules=words)(half)
    grown = Magnitude(.6, modules=words)(half)
    assert undone(sparse, Recover(.5, lr=1e-3)(sparse, people)) == [] # an embedding that was pruned is kept so
    grown.get_submodule(words).weight.data += 1e-3
    assert undone(sparse, grown) == [words]
    mixture = Magnitude(.6)(tiny_classifier(people.labels, family='mixtral'))
    grown = copy.deepcopy(mixture)
    experts = 'model.layers.0.mlp.experts.down_proj'
    assert undone(mixture, Recover(.5, lr=1e-3)(mixture, people)) == []
    grown.get_parameter(experts).data += 1e-3
    assert undone(mixture, grown) == [experts]
    assert undone(half, back) == [name] and undone(half, Rtn()(half)) and undone(Rtn(4)(half), Rtn(3)(half))


def test_mitigation_table(): # nbs/api/39_mitigation.ipynb, cell 958e364d
    """The loss recognises these texts by their place in the training split."""
    people = bios(240)
    half = Magnitude(.6)(tiny_classifier(people.labels))
    @dataclass(frozen=True)
    class Favour(FurtherTraining):
        "Texts of one group count more."
        group: str = 'female'
        times: float = 4.
        needs_groups = True
        def loss(self, model, data, seed):
            weight = torch.tensor([self.times if self.group in own else 1. for own in data['train']['groups']])
            def weighted(model, batch):
                each = torch.nn.functional.cross_entropy(
                    model(input_ids=batch['input_ids'], attention_mask=batch['attention_mask']).logits,
                    batch['labels'],
                    reduction='none',
                )
                return (each * weight.to(each.device)[batch['index']]).mean()
            return weighted
    fair = debias(half, people, 'favour(epochs=0.5, lr=0.001, times=2.0)')
    assert (
        undone(half, fair) == []
        and fair.record.method == 'magnitude(sparsity=0.6) >> favour(epochs=0.5, lr=0.001, times=2.0)'
    )
    plain = debias(half, people, Recover(.5, lr=1e-3))
    assert not torch.equal(plain.classifier.weight, fair.classifier.weight) and torch.equal(
        plain.classifier.weight, debias(half, people, Favour(times=1.0, epochs=0.5, lr=1e-3)).classifier.weight
    )
    grouped = [
        debias(half, people, m).classifier.weight
        for m in (Recover(0.5, lr=1e-3, group_by_length=True), Favour(times=1.0, epochs=0.5, lr=1e-3, group_by_length=True))
    ]
    # batches of texts of like length, for the control as well
    assert torch.equal(*grouped) and not torch.equal(grouped[0], plain.classifier.weight)
    assert predict(fair, people).accuracy > 0 and 'favour' in mitigations()


def test_mitigation_table_2(): # nbs/api/39_mitigation.ipynb, cell 2a2e67da
    """Combinations that make no sense are refused before any work."""
    people = bios(240)
    half = Magnitude(.6)(tiny_classifier(people.labels))
    @dataclass(frozen=True)
    class Favour(FurtherTraining):
        "Texts of one group count more."
        group: str = 'female'
        times: float = 4.
        needs_groups = True
        def loss(self, model, data, seed):
            weight = torch.tensor([self.times if self.group in own else 1. for own in data['train']['groups']])
            def weighted(model, batch):
                each = torch.nn.functional.cross_entropy(
                    model(input_ids=batch['input_ids'], attention_mask=batch['attention_mask']).logits,
                    batch['labels'],
                    reduction='none',
                )
                return (each * weight.to(each.device)[batch['index']]).mean()
            return weighted
    few = GroupedText.from_frame(
        pd.DataFrame(dict(text=['a', 'b'] * 60, label=['x', 'y'] * 60, groups=[[]] * 120)), name='few'
    )
    apart = GroupedText.from_frame(
        pd.DataFrame(
            dict(
                text=['a', 'b'] * 60,
                label=list(people.labels[:2]) * 60,
                groups=['female', 'male', 'male', 'female'] * 20 + ['other'] * 40,
                split=['train'] * 80 + ['validation', 'test'] * 20,
            )
        ),
        labels=people.labels,
        split='split',
        name='apart',
    )
    with expect_fail(ValueError, 'magnitude(sparsity=0.3) is no mitigation. Known:'): debias(half, people, Magnitude(.3))
    with expect_fail(ValueError, "no training text of 'few' has one"): debias(half, few, Favour())
    alike = GroupedText.from_frame(
        pd.DataFrame(dict(text=['a', 'b'] * 60, label=['x', 'y'] * 60, groups='female')), name='alike'
    )
    with expect_fail(ValueError, "every training text of 'alike' is of the same: female"): debias(half, alike, Favour())
    with expect_fail(ValueError, 'Group absent from training: other'): debias(half, apart, Favour())
    with expect_fail(ValueError, 'epochs and lr must be above 0'): debias(half, people, Favour(epochs=0))
    with expect_fail(ValueError, 'is for classifiers'): debias(tiny_lm(), people, Favour())
    mixed = GroupedText.from_frame(
        pd.DataFrame(dict(text=['a', 'b'] * 60, label=['x', 'y'] * 60, groups=['female', 'male', 'male', 'female'] * 30)),
        name='mixed',
    )
    with expect_fail(ValueError, 'The model has the labels'): debias(half, mixed, Recover() >> Favour())
    # of a later step too
    with expect_fail(ValueError, 'epochs and lr must be above 0'): debias(half, people, Recover() >> Favour(epochs=0))
    with expect_fail(ValueError, 'needs data'): Favour()(half)
    @dataclass(frozen=True)
    class Careless(Mitigation):
        "Gives the weights back."
        def apply(self, model, data, seed):
            with torch.no_grad():
                for m in linear_layers(model).values(): m.weight += 1e-3
    with expect_fail(RuntimeError, 'undid the compression of'): debias(half, people, Careless())
    class Decided(Careless): adjusts = True
    with expect_fail(ValueError, 'decided() adjusts decisions to what the model says: let it come last'):
        debias(half, people, Decided() >> Recover())


def test_plain_step(): # nbs/api/39_mitigation.ipynb, cell 1384b0cb
    """A number is told with the name of its parameter, a choice by itself."""
    usual = dict(epochs=.5, bf16=True)
    assert plain_name('classweights(epochs=0.5, bf16=True)', **usual) == 'class weights'
    assert (
        plain_name("groupdro(epochs=0.5) >> threshold(constraint='true_positive_rate_parity')", **usual)
        == 'group DRO, then thresholds by group (true positive rate parity)'
    )
    assert plain_name('recover(epochs=2, bf16=True)', **usual) == 'plain training (epochs 2)'


def test_plain_step_2(): # nbs/api/39_mitigation.ipynb, cell 2bf0c1a7
    """What the [grammar of methods](10_methods.ipynb) does not know is refused, as everywhere."""
    with expect_fail(ValueError, 'Unknown method'): plain_name('classwait()')
