# Generated from nbs/api/18_recovery.ipynb: edit the notebook
import torch
from dataclasses import replace
from fastcore.test import expect_fail
from fairprune.method import methods, parse
from fairprune.compress.pruning import Magnitude, prunable
from fairprune.compress.quantization import Int8
from fairprune.data import GroupedText
from fairprune.models import finetune, predict, tiny_classifier
import pandas as pd
from fairprune.recovery import *


def test_Recover(): # nbs/api/18_recovery.ipynb, cell deed7ea6
    words = pd.DataFrame([dict(text=f'{w} {i}', label='yes' if w == 'good' else 'no', groups=g)
                          for i in range(100) for w, g in (('good', 'a'), ('bad', 'b'))])
    toy = GroupedText.from_frame(words, name='toy')
    dense = finetune(tiny_classifier(), toy, epochs=4, lr=5e-3, progress=False)
    pruned = Magnitude(.9)(dense)
    recovered = Recover(epochs=4, lr=5e-3)(pruned, toy)
    assert predict(pruned, toy).accuracy < predict(recovered, toy).accuracy > .95
    half = Recover(epochs=4, lr=5e-3, bf16=True)(pruned, toy)
    assert predict(half, toy).accuracy > .95 and half.dtype == torch.float32 # weights stay in float32
    grouped = Recover(epochs=4, lr=5e-3, group_by_length=True)(pruned, toy)
    # another order
    assert predict(grouped, toy).accuracy > .95 and not torch.equal(grouped.classifier.weight, recovered.classifier.weight)
    for model in (recovered, half, grouped):
        for name in prunable(pruned):
            assert torch.equal(pruned.get_submodule(name).weight == 0, model.get_submodule(name).weight == 0)
    print(recovered.record.method)
    small = Int8()(pruned)
    recovered = Recover(epochs=4, lr=5e-3)(small, toy)
    assert predict(recovered, toy).accuracy > .95 and recovered.record.bytes == small.record.bytes


def test_Recover_2(): # nbs/api/18_recovery.ipynb, cell ef0d7fad
    """A chain is read back from its printed form, and settings that cannot work are refused before any work."""
    words = pd.DataFrame([dict(text=f'{w} {i}', label='yes' if w == 'good' else 'no', groups=g)
                          for i in range(100) for w, g in (('good', 'a'), ('bad', 'b'))])
    toy = GroupedText.from_frame(words, name='toy')
    dense = finetune(tiny_classifier(), toy, epochs=4, lr=5e-3, progress=False)
    chain = parse('magnitude(sparsity=0.7) >> recover(epochs=0.5)')
    assert str(chain) == str(Magnitude(.7) >> Recover(.5)) and chain.needs_data
    with expect_fail(ValueError, 'needs data'): chain(dense)
    with expect_fail(ValueError, 'epochs and lr must be above 0'): Recover(epochs=0)(dense, toy)
    with expect_fail(ValueError, 'batch_size at least 1'): Recover(batch_size=0)(dense, toy)


def test_Recover_3(): # nbs/api/18_recovery.ipynb, cell 5e1c07ab
    """Here `group_by_length` changes the order of the texts, and so the result."""
    words = pd.DataFrame([dict(text=f'{w} {i}', label='yes' if w == 'good' else 'no', groups=g)
                          for i in range(100) for w, g in (('good', 'a'), ('bad', 'b'))])
    toy = GroupedText.from_frame(words, name='toy')
    dense = finetune(tiny_classifier(), toy, epochs=4, lr=5e-3, progress=False)
    trains = {name for name, kind in methods().items() if 'epochs' in kind.__dataclass_fields__}
    for name in trains:
        assert {'lr', 'batch_size', 'bf16', 'group_by_length'} <= set(methods()[name].__dataclass_fields__), name
    print(len(trains), 'methods and mitigations train')
    for text in (
        "distill(student='layerdrop(keep=1)', epochs=1)",
        'gradual(epochs=1)',
        'lora(epochs=1)',
        'movement(epochs=1)',
        'qat(epochs=1)',
    ):
        step = parse(text)
        shuffled, grouped = (s(dense, toy).classifier.weight for s in (step, replace(step, group_by_length=True)))
        assert not torch.equal(shuffled, grouped), text
