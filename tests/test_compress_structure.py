# Generated from nbs/api/12_structure.ipynb: edit the notebook
import pytest
from typing import NamedTuple
import torch
from torch import nn
from fairprune.compress.calibration import batches, blocks
from fairprune.layers import freeze, frozen, shape, linear_layers
from fairprune.layout import kind, layout, mark
from fairprune.compress.pruning import matrix, Magnitude, zeros
import json
import subprocess
import sys
import tempfile
from pathlib import Path
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from fastcore.test import expect_fail
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification
from fairprune.method import parse
from fairprune.record import latency
from fairprune.compress.quantization import Int8, Rtn
from fairprune.recovery import Recover
from fairprune.data import GroupedText
from fairprune.named import MINILM, toxigen
from fairprune.models import TINY, finetune, load, load_classifier, logits, predict, quietly, save, tiny_classifier, tiny_lm, tiny_masked_lm
from fairprune.synthetic import bios
from fairprune.compress.structure import *
from fairprune.compress.structure import _parts, _silent


def test_family(): # nbs/api/12_structure.ipynb, cell c9c6f29a
    """All code after the table works for every architecture."""
    def tiny(name, **config): # a classifier, or a language model where there is none
        try: return tiny_classifier(family=name, **config)
        except ValueError: return tiny_lm(name, **config)
    alike = dict(
        bert=('bert', 'roberta', 'xlm-roberta', 'camembert', 'electra'),
        distilbert=('distilbert',),
        gpt2=('gpt2',),
        phi3=('phi3',),
        phi=('phi',),
        llama=('llama', 'mistral', 'qwen2', 'qwen3', 'gemma2', 'gemma3_text', 'smollm3', 'olmo2', 'granite'),
    )
    names = [name for same_parts in alike.values() for name in same_parts]
    for shape_, members in alike.items():
        for name in members:
            block = next(iter(blocks(tiny(name)).values())); found = family(block)
            # all of its linear layers, each once
            assert found == FAMILIES[shape_] and _parts(found) == set(linear_layers(block))
    other = tiny('mpnet')
    for name in ('mpnet', 'modernbert', 'opt', 'qwen3_moe'):
        with expect_fail(
            ValueError,
            'it is not known where its heads and neurons are. Known are blocks with the parts of bert, distilbert',
        ):
            family(next(iter(blocks(tiny(name)).values())))
    with expect_fail(ValueError, 'Linear: it is not known'): family(nn.Linear(2, 2))


def test_places(): # nbs/api/12_structure.ipynb, cell bca5afa4
    """Where several query heads share keys and values, as in Llama, they are taken out together: a unit is such a group."""
    def tiny(name, **config): # a classifier, or a language model where there is none
        try: return tiny_classifier(family=name, **config)
        except ValueError: return tiny_lm(name, **config)
    alike = dict(
        bert=('bert', 'roberta', 'xlm-roberta', 'camembert', 'electra'),
        distilbert=('distilbert',),
        gpt2=('gpt2',),
        phi3=('phi3',),
        phi=('phi',),
        llama=('llama', 'mistral', 'qwen2', 'qwen3', 'gemma2', 'gemma3_text', 'smollm3', 'olmo2', 'granite'),
    )
    for shape_, members in alike.items():
        for name in members:
            block = next(iter(blocks(tiny(name)).values())); found = family(block)
            # all of its linear layers, each once
            assert found == FAMILIES[shape_] and _parts(found) == set(linear_layers(block))
    # the tiny llama and phi3 have four heads of queries and two of keys and values
    for name, heads in dict(bert=4, gpt2=4, llama=2, phi3=2).items():
        block = next(iter(blocks(tiny(name)).values()))
        assert head_units(block).count == heads and neuron_units(block).count == 64
    # of Phi3, which fuses them
    assert head_units(block).into[0][1] == (32, 16, 16) and neuron_units(block).into[0][1] == (64, 64)
    assert places(torch.tensor([0, 2]), 3, 6).tolist() == [0, 1, 4, 5]
    # queries, keys, values side by side, as GPT-2 has them
    assert places(torch.tensor([1]), 2, 4, 4, 4).tolist() == [2, 3, 6, 7, 10, 11]
    assert places(torch.tensor([1]), 2, 4, 2, 2).tolist() == [2, 3, 5, 7] # two heads of queries to each of keys and values


def test_keep(): # nbs/api/12_structure.ipynb, cell 320eaeac
    """Rows and columns are sliced, and a module that counts its heads is told the new number."""
    layer = nn.Linear(3, 2)
    w, b = layer.weight.data.clone(), layer.bias.data.clone()
    slim(layer, rows=torch.tensor([1]), columns=torch.tensor([0, 2]))
    assert (
        torch.equal(layer.weight, w[1:, [0, 2]])
        and torch.equal(layer.bias, b[1:])
        and (layer.in_features, layer.out_features) == (2, 1)
    )
    attention = next(iter(blocks(tiny_lm('gpt2')).values())).attn
    keep(head_units(next(iter(blocks(small := tiny_lm('gpt2')).values()))), torch.tensor([1, 3]))
    cut = small.transformer.h[0].attn
    assert shape(cut.c_attn) == (32, 48) and shape(cut.c_proj) == (16, 32) and (cut.num_heads, cut.split_size) == (2, 16)
    # the first head of queries is what was the second
    assert torch.equal(cut.c_attn.weight[:, :8], attention.c_attn.weight[:, 8:16])


def test_gate_scores(): # nbs/api/12_structure.ipynb, cell 808b8a44
    """The derivatives of the two tokens are added before the absolute value is taken."""
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.out = nn.Linear(4, 1, bias=False)
            self.out.weight.data = torch.tensor([[1., 2., 3., 4.]])
        def forward(self, x, labels): return NamedTuple('Out', [('loss', torch.Tensor)])(self.out(x).sum((1, 2)).mean())
    x = torch.tensor([[[1., 1., 0., 0.], [0., 0., 0., 0.]], [[0., 0., 1., 0.], [0., 0., 0., -1.]]]) # (texts, tokens, width)
    adder = Sum()
    unit = Units(2, [], adder.out)
    for size in (1, 2): # whatever the batches
        found, = gate_scores(adder, [unit], [dict(x=part, labels=part) for part in x.split(size)])
        assert found.tolist() == [(3 + 0) / 2, (0 + 1) / 2] # |1+2| and |3-4|, over two texts
    assert adder.out.weight.requires_grad and not adder.out._forward_pre_hooks


def test_gate_scores_2(): # nbs/api/12_structure.ipynb, cell 4cef5d01
    """The derivative is compared with a difference quotient: each head of a model is made a little larger and a little smaller, one text at a time."""
    people = bios(200)
    worker = tiny_classifier(people.labels).double()
    texts = batches(worker, people, n=6, length=24, batch_size=1)
    def louder(unit, i, factor):
        def hook(module, args):
            x = args[0].unflatten(-1, (unit.count, -1)).clone()
            x[:, :, i] *= factor
            return (x.flatten(-2),)
        handle = unit.out.register_forward_pre_hook(hook)
        with torch.no_grad(): found = torch.stack([worker(**t).loss for t in texts])
        handle.remove(); return found
    every = [u(b) for b in blocks(worker).values() for u in (head_units, neuron_units)]
    got = gate_scores(worker, every, batches(worker, people, n=6, length=24, batch_size=4))
    for unit, found in zip(every, got):
        want = torch.stack(
            [((louder(unit, i, 1.001) - louder(unit, i, 0.999)) / 0.002).abs().mean() for i in range(min(unit.count, 6))]
        )
        assert torch.allclose(found[:6].double(), want, rtol=1e-3)


def test_group_norm(): # nbs/api/12_structure.ipynb, cell bc880124
    """In a gated feed-forward part, a neuron with small weights may have the largest output."""
    up, down = nn.Linear(2, 2), nn.Linear(2, 1)
    up.weight.data, down.weight.data = torch.tensor([[1., 2.], [0., 3.]]), torch.tensor([[2., 4.]])
    assert group_norm(Units(2, [(up, (2,))], down)).tolist() == [3, 5] # sqrt(1 + 4 + 4), sqrt(9 + 16)
    fused = nn.Linear(1, 6)
    fused.weight.data = torch.tensor([[1.], [0.], [2.], [0.], [2.], [4.]])
    assert torch.allclose(group_norm(Units(2, [(fused, (2, 2, 2))], down)), torch.tensor([13., 32.]).sqrt())


def test_remaining(): # nbs/api/12_structure.ipynb, cell 002b00a0
    """No layer loses all of its units."""
    scores = [torch.tensor([3., 1., 4., 2.]), torch.tensor([.6, .8])]
    assert [k.tolist() for k in remaining(scores, .5, 'layer')] == [[0, 2], [1]]
    # scaled, the first layer has .55 .18 .73 .37
    assert [k.tolist() for k in remaining(scores, .5, 'global')] == [[2], [0, 1]]
    assert [k.tolist() for k in remaining([torch.ones(2), torch.zeros(2)], .5, 'global')] == [[0], [0]]
    with expect_fail(ValueError, 'would remove 3 of 4 units, but every layer must keep one: give at most 0.5'):
        remaining([torch.ones(2)] * 2, .7, 'global')
    with expect_fail(ValueError, 'A score is NaN'): remaining([torch.tensor([float('nan'), 1])], .5, 'layer')


def test_Neurons(): # nbs/api/12_structure.ipynb, cell f7ed81e5
    """Here half the heads are taken out, then half the neurons."""
    people = bios(200)
    some = dict(n=16, length=32)
    worker = tiny_classifier(people.labels)
    small = (Heads(.5, **some) >> Neurons(.5, **some))(worker, people)
    attention, inner = small.bert.encoder.layer[0].attention, small.bert.encoder.layer[0].intermediate.dense
    assert (
        shape(attention.self.query) == (32, 16) and shape(attention.output.dense) == (16, 32) and shape(inner) == (32, 32)
    )
    assert (attention.self.num_attention_heads, attention.self.all_head_size) == (2, 16)
    assert (
        worker.record.macs - small.record.macs == 2 * (4 * 32 * 16 + 2 * 32 * 32)
        and small.record.parameters == small.num_parameters() < worker.record.parameters
    )
    assert small.config.intermediate_size == 32 and [s[1] for s in layout(small)] == [dict(kind='heads', count=2)] * 2


def test_Neurons_2(): # nbs/api/12_structure.ipynb, cell 552d8544
    """What is impossible is refused before any work."""
    def tiny(name, **config): # a classifier, or a language model where there is none
        try: return tiny_classifier(family=name, **config)
        except ValueError: return tiny_lm(name, **config)
    other = tiny('mpnet')
    people = bios(200)
    some = dict(n=16, length=32)
    worker = tiny_classifier(people.labels)
    with expect_fail(ValueError, 'sparsity = 1: give the share of heads'): Heads(1, **some)(worker, people)
    with expect_fail(ValueError, 'would remove 4 of 4 heads, but every layer must keep one: give at most 0.75'):
        Heads(.9, **some)(worker, people)
    with expect_fail(ValueError, 'would remove 7 of 8 heads, but every layer must keep one: give at most 0.75'):
        Heads(.9, 'global', **some)(worker, people)
    with expect_fail(ValueError, 'would remove 64 of 64 neurons'): Neurons(.999, **some)(worker, people)
    with expect_fail(ValueError, "Unknown scope 'row'"): Neurons(scope='row', **some)(worker, people)
    with expect_fail(ValueError, "Unknown score 'l1'"): Heads(score='l1')(worker, people)
    with expect_fail(ValueError, 'heads() needs data'): Heads()(worker)
    with expect_fail(ValueError, "The score 'taylor' needs a classifier or a causal language model; tiny is a masked"):
        Heads()(tiny_masked_lm(), people)
    with expect_fail(ValueError, 'n = 1000'): Heads(n=1000)(worker, people)
    with expect_fail(ValueError, 'quantized already'): Heads(score='magnitude')(Int8()(worker))
    with expect_fail(ValueError, 'MPNetLayer: it is not known'): Neurons(score='magnitude')(other)
    with expect_fail(
        ValueError,
        'model.layers.0: its attention has q_norm.weight over all heads, so those that stay would say something else',
    ):
        Heads(score='magnitude')(tiny_lm('olmo2'))
    with expect_fail(ValueError, 'BartForSequenceClassification is an encoder-decoder'):
        Neurons(score='magnitude')(tiny_classifier(family='bart', encoder_layers=4))
    odd = tiny_lm()
    odd.model.layers[1].mlp.act_fn = nn.Softmax(-1)
    with expect_fail(ValueError, 'LlamaForCausalLM says something else without these neurons than with them silent'):
        Neurons(score='magnitude')(odd)
    factored = tiny_classifier()
    factored.bert.encoder.layer[1].intermediate.dense = nn.Sequential(nn.Linear(32, 4), nn.Linear(4, 64))
    with expect_fail(ValueError, 'layer.1.intermediate.dense is no ordinary linear layer but Sequential'):
        Neurons(score='magnitude')(factored)
    assert (
        not Heads(score='magnitude').needs_data and Neurons().needs_data and (Heads(score='random') >> Neurons()).needs_data
    )


def test_renumbered(): # nbs/api/12_structure.ipynb, cell cc559243
    """(2023) compared these choices and found dropping the top the best of them."""
    assert kept_blocks(12, 6, 'even') == [0, 2, 4, 7, 9, 11] # the layers of BERT that DistilBERT started from
    assert all(len(set(kept_blocks(n, k, 'even'))) == k for n in range(1, 40) for k in range(1, n + 1))
    assert renumbered(['a.h.1', 'a.h.10.mlp', 'a.h.3.mlp.up', 'head'], 'a.h', [0, 3, 10]) == {
        'a.h.10.mlp': 'a.h.2.mlp',
        'a.h.3.mlp.up': 'a.h.1.mlp.up',
        'head': 'head',
    }
    fig, ax = plt.subplots(figsize=(4.6, 1.5))
    for y, which in enumerate(('last', 'first', 'even')):
        ax.scatter(
            range(12),
            [y] * 12,
            s=60,
            facecolors=['C0' if i in kept_blocks(12, 6, which) else 'none' for i in range(12)],
            edgecolors='C0',
        )
    ax.set(
        yticks=range(3),
        yticklabels=['last', 'first', 'even'],
        xticks=range(12),
        xlabel='block',
        ylim=(-0.6, 2.6),
        title='Six of twelve blocks',
    )


def test_LayerDrop(): # nbs/api/12_structure.ipynb, cell c69fb2f3
    def tiny(name, **config): # a classifier, or a language model where there is none
        try: return tiny_classifier(family=name, **config)
        except ValueError: return tiny_lm(name, **config)
    other = tiny('mpnet')
    deep = tiny_classifier(num_hidden_layers=4)
    for which, numbers in dict(even=[0, 3], first=[0, 1], last=[2, 3]).items():
        small = LayerDrop(2, which)(deep)
        for i, old in enumerate(numbers):
            assert torch.equal(
                small.bert.encoder.layer[i].output.dense.weight, deep.bert.encoder.layer[old].output.dense.weight
            )
        assert len(small.bert.encoder.layer) == small.config.num_hidden_layers == 2 and deep.config.num_hidden_layers == 4
    with expect_fail(ValueError, 'keep = 5: the model has 4 blocks; give 1 to 4'): LayerDrop(5)(deep)
    with expect_fail(ValueError, "Unknown blocks 'top'"): LayerDrop(2, 'top')(deep)
    with expect_fail(ValueError, 'quantized already'): LayerDrop(2)(Rtn(4)(deep))
    with expect_fail(ValueError, 'MPNetLayer: it is not known'): LayerDrop(1)(other)
    with expect_fail(ValueError, 'scaled by the number of its block'):
        LayerDrop(1)(tiny_lm('gpt2', scale_attn_by_inverse_layer_idx=True))


def test_LayerDrop_2(): # nbs/api/12_structure.ipynb, cell b3908b18
    """Other steps of the layout that concern a block stay with the block or go with it, and frozen blocks stay frozen."""
    @kind
    def doubled(module): return nn.Sequential(module, nn.Identity())
    noted = tiny_classifier(num_hidden_layers=4)
    for i in (1, 3): noted.bert.encoder.layer[i].output.LayerNorm = doubled(noted.bert.encoder.layer[i].output.LayerNorm)
    mark(noted, {f'bert.encoder.layer.{i}.output.LayerNorm': dict(kind='doubled') for i in (1, 3)})
    small = LayerDrop(2)(noted) # blocks 0 and 3
    assert layout(small) == [('bert.encoder.layer.1.output.LayerNorm', dict(kind='doubled'))] and len(layout(noted)) == 2
    still = LayerDrop(2)(
        freeze(tiny_classifier(num_hidden_layers=4), ['bert.embeddings', *(f'bert.encoder.layer.{i}' for i in range(3))])
    )
    assert frozen(still) == ['bert.embeddings', 'bert.encoder.layer.0'] and [
        all(p.requires_grad for p in b.parameters()) for b in blocks(still).values()
    ] == [False, True]
    assert frozen(LayerDrop(1, 'last')(freeze(tiny_classifier(), ['bert.encoder.layer.0']))) == []
    with tempfile.TemporaryDirectory() as folder:
        assert np.array_equal(
            logits(load_classifier(save(small, f'{folder}/model')), ['a text']), logits(small, ['a text'])
        )


def test_LayerDrop_3(): # nbs/api/12_structure.ipynb, cell 993a094b
    """The smaller model gives the same answers as the whole model in which the dropped blocks are skipped."""
    ids = torch.arange(1000, 1020)[None]
    def answer(model):
        with torch.no_grad(): return model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    def skipped(model, gone):
        hooks = [
            b.register_forward_hook(lambda m, args, out: args[0]) for i, b in enumerate(blocks(model).values()) if i in gone
        ]
        found = answer(model)
        for h in hooks: h.remove()
        return found
    sorts = ['sliding_attention', 'full_attention', 'full_attention', 'sliding_attention']
    for name, config, want in (
        ('gemma3_text', dict(layer_types=sorts, sliding_window=4), dict(layer_types=sorts[2:])),
        ('smollm3', dict(no_rope_layers=[1, 1, 0, 1]), dict(no_rope_layers=[0, 1])),
    ):
        whole = tiny_lm(name, num_hidden_layers=4, initializer_range=.2, eos_token_id=[1, 2, 3, 4], **config)
        small = LayerDrop(2, 'last')(whole)
        assert (
            small.config.to_dict().items() >= (want | dict(eos_token_id=[1, 2, 3, 4])).items()
            and whole.config.num_hidden_layers == 4
        )
        assert torch.allclose(answer(small), skipped(whole, {0, 1}), atol=1e-5) and not torch.allclose(
            answer(small), answer(LayerDrop(2, 'first')(whole)), atol=1e-2
        )
        with tempfile.TemporaryDirectory() as folder:
            assert torch.equal(answer(load(save(small, f'{folder}/model'))), answer(small))


def test_LayerDrop_4(): # nbs/api/12_structure.ipynb, cell ec125def
    """A language model still generates with its cache: with and without the cache it gives the same text."""
    def says(model, use_cache):
        ids = model.tokenizer('one two three four', return_tensors='pt').input_ids
        with quietly():
            return model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False, use_cache=use_cache
            ).tolist()
    for name in ('gpt2', 'llama', 'phi3', 'gemma3_text'):
        speaker = tiny_lm(name, num_hidden_layers=4)
        for method in (LayerDrop(2, 'last'), Heads(.5, score='magnitude'), Heads(.375, 'global', 'random') >> LayerDrop(3)):
            small = method(speaker)
            assert says(small, True) == says(small, False)
            assert all(
                m.layer_idx == i
                for i, b in enumerate(blocks(small).values())
                for m in b.modules()
                if hasattr(m, 'layer_idx')
            )


def test_LayerDrop_5(): # nbs/api/12_structure.ipynb, cell 8d9e21c8
    """This holds for every kind of block."""
    people = bios(200)
    some = dict(n=16, length=32)
    few = ('bert', 'distilbert', 'gpt2', 'llama', 'phi3')
    lines = people['test']['text'][:8]
    for name in few:
        # larger weights, so that every part is heard
        model = tiny_classifier(people.labels, family=name, initializer_range=.2)
        for method in (
            Heads(0.5, **some),
            Heads(0.25, 'global', **some),
            Neurons(0.5, **some),
            Neurons(0.3, 'global', **some),
            Heads(0.5, score='magnitude'),
        ):
            small, whole = method(model, people), [method.units(b) for b in blocks(model).values()]
            kept = remaining(method.scores(model, people), method.sparsity, method.scope)
            hooks = [_silent(u, k) for u, k in zip(whole, kept)]
            want = logits(model, lines)
            for h in hooks: h.remove()
            assert np.allclose(logits(small, lines), want, atol=1e-5) and not np.allclose(
                want, logits(model, lines), atol=1e-4
            )
            assert [method.units(b).count for b in blocks(small).values()] == [len(k) for k in kept]
        hook = list(blocks(model).values())[1].register_forward_hook(lambda m, args, out: args[0])
        want = logits(model, lines); hook.remove()
        assert np.allclose(logits(LayerDrop(1, 'first')(model), lines), want, atol=1e-5)


def test_LayerDrop_6(): # nbs/api/12_structure.ipynb, cell 026284ad
    """It is taken out first, and the answers do not change."""
    people = bios(200)
    some = dict(n=16, length=32)
    few = ('bert', 'distilbert', 'gpt2', 'llama', 'phi3')
    lines = people['test']['text'][:8]
    for name in few:
        model = tiny_classifier(people.labels, family=name)
        for block in blocks(model).values():
            unit = head_units(block); matrix(unit.out)[:, places(torch.tensor([1]), unit.count, shape(unit.out)[0])] = 0
        scores = Heads(**some).scores(model, people)
        assert all(s[1] == 0 and (s > 0).sum() == len(s) - 1 for s in scores)
        small = Heads(1 / len(scores[0]), **some)(model, people)
        assert (
            np.allclose(logits(small, lines), logits(model, lines), atol=1e-5)
            and small.record.parameters < model.record.parameters
        )


@pytest.mark.heavy
def test_LayerDrop_7(): # nbs/api/12_structure.ipynb, cell 10902ce1
    """It prints as a text that `parse` reads, and the model is identical after saving, with the same record."""
    keep(head_units(next(iter(blocks(small := tiny_lm('gpt2')).values()))), torch.tensor([1, 3]))
    cut = small.transformer.h[0].attn
    people = bios(200)
    some = dict(n=16, length=32)
    few = ('bert', 'distilbert', 'gpt2', 'llama', 'phi3')
    # an odd number goes from two blocks
    even, uneven = (
        [Heads(0.5, **some), Neurons(0.5, **some), LayerDrop(1)],
        [Heads(0.15, 'global', 'magnitude'), Neurons(0.29, 'global', 'magnitude')],
    )
    def same(small, folder, question='a text'):
        "Save and load; the model that plain `from_pretrained` reads as well."
        again = load(save(small, folder))
        auto = (
            AutoModelForSequenceClassification
            if hasattr(small, 'num_labels') and not small.can_generate()
            else AutoModelForCausalLM
        )
        with quietly(): plain = auto.from_pretrained(folder)
        ids = small.tokenizer([question] * 2, return_tensors='pt')
        with torch.no_grad():
            want, got = (m(input_ids=ids.input_ids, attention_mask=ids.attention_mask).logits for m in (small, again))
        assert torch.equal(want, got) and again.record == small.record and layout(again) == layout(small)
        assert all(torch.equal(t, plain.state_dict()[n]) for n, t in small.state_dict().items())
        return again
    with tempfile.TemporaryDirectory() as folder:
        for design in few:
            for base in (
                tiny_classifier(people.labels, family=design),
                *([tiny_lm(design)] if design in ('gpt2', 'llama', 'phi3') else []),
            ):
                for way in even + uneven:
                    cut = way(base, people); same(cut, f'{folder}/model')
                    assert cut.record.method == str(way) == str(parse(str(way))) and parse(str(way)) == way
                    assert (
                        cut.record.parameters == cut.num_parameters() < base.record.parameters
                        and cut.record.macs < base.record.macs
                    )
                    wide = {(head_units(b).count, neuron_units(b).count) for b in blocks(cut).values()}
                    assert (len(wide) == 1) == (way in even)
                    # what the configuration can say
                    assert (not layout(cut)) == (
                        way in even and (family(next(iter(blocks(base).values()))).free_heads or way is not even[0])
                    )


@pytest.mark.slow
def test_LayerDrop_8(): # nbs/api/12_structure.ipynb, cell 26b57810
    alike = dict(
        bert=('bert', 'roberta', 'xlm-roberta', 'camembert', 'electra'),
        distilbert=('distilbert',),
        gpt2=('gpt2',),
        phi3=('phi3',),
        phi=('phi',),
        llama=('llama', 'mistral', 'qwen2', 'qwen3', 'gemma2', 'gemma3_text', 'smollm3', 'olmo2', 'granite'),
    )
    names = [name for same_parts in alike.values() for name in same_parts]
    ids = torch.arange(1000, 1020)[None]
    def answer(model):
        with torch.no_grad(): return model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    def skipped(model, gone):
        hooks = [
            b.register_forward_hook(lambda m, args, out: args[0]) for i, b in enumerate(blocks(model).values()) if i in gone
        ]
        found = answer(model)
        for h in hooks: h.remove()
        return found
    def says(model, use_cache):
        ids = model.tokenizer('one two three four', return_tensors='pt').input_ids
        with quietly():
            return model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False, use_cache=use_cache
            ).tolist()
    def same(small, folder, question='a text'):
        "Save and load; the model that plain `from_pretrained` reads as well."
        again = load(save(small, folder))
        auto = (
            AutoModelForSequenceClassification
            if hasattr(small, 'num_labels') and not small.can_generate()
            else AutoModelForCausalLM
        )
        with quietly(): plain = auto.from_pretrained(folder)
        ids = small.tokenizer([question] * 2, return_tensors='pt')
        with torch.no_grad():
            want, got = (m(input_ids=ids.input_ids, attention_mask=ids.attention_mask).logits for m in (small, again))
        assert torch.equal(want, got) and again.record == small.record and layout(again) == layout(small)
        assert all(torch.equal(t, plain.state_dict()[n]) for n, t in small.state_dict().items())
        return again
    def right(name, make):
        "Each way on an architecture: as the whole model with the parts silent, and the same after reloading; or refused."
        forward = dict(is_decoder=True) if make is tiny_lm and name in alike['bert'] else {} # else they read both ways
        try: base = make(family=name, num_hidden_layers=4, initializer_range=.2, **forward)
        except (ValueError, NotImplementedError): return # there is none, or Funnel, which counts its blocks otherwise
        ways = [
            Heads(0.5, score='magnitude'),
            Heads(0.375, 'global', 'random'),
            Neurons(0.5, score='magnitude'),
            Neurons(0.3, 'global', 'random'),
            LayerDrop(2),
            LayerDrop(2, 'last') >> Neurons(0.3, 'global', 'random'),
        ]
        if name not in names:
            for way in ways:
                with expect_fail(ValueError): way(base)
            return
        for way in ways[2:] if name == 'olmo2' else ways:
            with tempfile.TemporaryDirectory() as folder: small = way(base); same(small, f'{folder}/model')
            if isinstance(way, LayerDrop): assert torch.allclose(answer(small), skipped(base, {1, 2}), atol=1e-5), name
            if not isinstance(way, (Heads, Neurons)): continue
            hooks = [
                _silent(u, k)
                for u, k in zip(
                    [way.units(b) for b in blocks(base).values()], remaining(way.scores(base), way.sparsity, way.scope)
                )
            ]
            want = answer(base)
            for h in hooks: h.remove()
            assert torch.allclose(answer(small), want, atol=1e-4), name
            if make is tiny_lm and name not in alike['bert']: assert says(small, True) == says(small, False), name
    assert not any(right(name, make) for name in TINY for make in (tiny_classifier, tiny_lm))


def test_LayerDrop_9(): # nbs/api/12_structure.ipynb, cell 7e9a1e7d
    """Where it does not, as with half of BERT's heads, that process refuses instead of reading something else."""
    few = ('bert', 'distilbert', 'gpt2', 'llama', 'phi3')
    reader = """
import sys, numpy as np, torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification
for folder in sys.argv[1:]:
    auto = AutoModelForCausalLM if 'lm-' in folder else AutoModelForSequenceClassification
    try: model = auto.from_pretrained(folder)
    except RuntimeError as e: print(folder.rpartition('/')[2], 'refused:', e); continue
    with torch.no_grad(): np.save(folder + '/out.npy', model(input_ids=torch.arange(1000, 1016)[None]).logits.numpy())
assert 'fairprune' not in sys.modules
"""
    half, ids = Neurons(.5, score='magnitude') >> LayerDrop(1), torch.arange(1000, 1016)[None]
    standard = {n: half(tiny_classifier(family=n)) for n in few} | {f'lm-{n}': half(tiny_lm(n)) for n in ('gpt2', 'llama')}
    standard |= {
        'lm-heads': Heads(0.5, score='magnitude')(tiny_lm()),
        'heads': Heads(0.5, score='magnitude')(tiny_classifier(family='llama')),
    }
    with tempfile.TemporaryDirectory() as folder:
        paths = {n: str(save(m, f'{folder}/{n}')) for n, m in standard.items()}
        narrow = save(Heads(.5, score='magnitude')(tiny_classifier()), f'{folder}/narrow')
        configs = {n: json.loads((Path(p)/'config.json').read_text()) for n, p in (paths | dict(narrow=narrow)).items()}
        assert not any('quantization_config' in configs[n] for n in paths)
        assert configs['narrow']['quantization_config']['steps'] == [
            [f'bert.encoder.layer.{i}', dict(kind='heads', count=2)] for i in range(2)
        ]
        done = subprocess.run([sys.executable, '-c', reader, *paths.values(), str(narrow)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert (
            done.stdout.startswith('narrow refused: ')
            and done.stdout.count('refused') == 1
            and 'size mismatch' in done.stderr
        )
        for n, m in standard.items():
            with torch.no_grad():
                assert np.allclose(np.load(f'{paths[n]}/out.npy'), m(input_ids=ids).logits.numpy(), atol=1e-5)


def test_LayerDrop_10(): # nbs/api/12_structure.ipynb, cell 0b5c3adb
    """Three heads at a width of 32 are therefore written into the layout."""
    def same(small, folder, question='a text'):
        "Save and load; the model that plain `from_pretrained` reads as well."
        again = load(save(small, folder))
        auto = (
            AutoModelForSequenceClassification
            if hasattr(small, 'num_labels') and not small.can_generate()
            else AutoModelForCausalLM
        )
        with quietly(): plain = auto.from_pretrained(folder)
        ids = small.tokenizer([question] * 2, return_tensors='pt')
        with torch.no_grad():
            want, got = (m(input_ids=ids.input_ids, attention_mask=ids.attention_mask).logits for m in (small, again))
        assert torch.equal(want, got) and again.record == small.record and layout(again) == layout(small)
        assert all(torch.equal(t, plain.state_dict()[n]) for n, t in small.state_dict().items())
        return again
    three = Heads(.25, score='magnitude')(tiny_lm(num_key_value_heads=4)) # 3 of 4 heads; 3 does not divide 32
    assert [s[1]['count'] for s in layout(three)] == [3, 3] and three.config.num_attention_heads == 4
    with tempfile.TemporaryDirectory() as folder: same(three, f'{folder}/three')


def test_LayerDrop_11(): # nbs/api/12_structure.ipynb, cell e8ae414a
    """The second share then counts what is left, and steps of the layout that concern dropped blocks are dropped too."""
    def tiny(name, **config): # a classifier, or a language model where there is none
        try: return tiny_classifier(family=name, **config)
        except ValueError: return tiny_lm(name, **config)
    alike = dict(
        bert=('bert', 'roberta', 'xlm-roberta', 'camembert', 'electra'),
        distilbert=('distilbert',),
        gpt2=('gpt2',),
        phi3=('phi3',),
        phi=('phi',),
        llama=('llama', 'mistral', 'qwen2', 'qwen3', 'gemma2', 'gemma3_text', 'smollm3', 'olmo2', 'granite'),
    )
    for shape_, members in alike.items():
        for name in members:
            block = next(iter(blocks(tiny(name)).values())); found = family(block)
            # all of its linear layers, each once
            assert found == FAMILIES[shape_] and _parts(found) == set(linear_layers(block))
    for name in ('mpnet', 'modernbert', 'opt', 'qwen3_moe'):
        with expect_fail(
            ValueError,
            'it is not known where its heads and neurons are. Known are blocks with the parts of bert, distilbert',
        ):
            family(next(iter(blocks(tiny(name)).values())))
    # the tiny llama and phi3 have four heads of queries and two of keys and values
    for name, heads in dict(bert=4, gpt2=4, llama=2, phi3=2).items():
        block = next(iter(blocks(tiny(name)).values()))
        assert head_units(block).count == heads and neuron_units(block).count == 64
    keep(head_units(next(iter(blocks(small := tiny_lm('gpt2')).values()))), torch.tensor([1, 3]))
    people = bios(200)
    some = dict(n=16, length=32)
    ids = torch.arange(1000, 1020)[None]
    def answer(model):
        with torch.no_grad(): return model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    def skipped(model, gone):
        hooks = [
            b.register_forward_hook(lambda m, args, out: args[0]) for i, b in enumerate(blocks(model).values()) if i in gone
        ]
        found = answer(model)
        for h in hooks: h.remove()
        return found
    sorts = ['sliding_attention', 'full_attention', 'full_attention', 'sliding_attention']
    for name, config, want in (
        ('gemma3_text', dict(layer_types=sorts, sliding_window=4), dict(layer_types=sorts[2:])),
        ('smollm3', dict(no_rope_layers=[1, 1, 0, 1]), dict(no_rope_layers=[0, 1])),
    ):
        whole = tiny_lm(name, num_hidden_layers=4, initializer_range=.2, eos_token_id=[1, 2, 3, 4], **config)
        small = LayerDrop(2, 'last')(whole)
        assert (
            small.config.to_dict().items() >= (want | dict(eos_token_id=[1, 2, 3, 4])).items()
            and whole.config.num_hidden_layers == 4
        )
        assert torch.allclose(answer(small), skipped(whole, {0, 1}), atol=1e-5) and not torch.allclose(
            answer(small), answer(LayerDrop(2, 'first')(whole)), atol=1e-2
        )
        with tempfile.TemporaryDirectory() as folder:
            assert torch.equal(answer(load(save(small, f'{folder}/model'))), answer(small))
    def says(model, use_cache):
        ids = model.tokenizer('one two three four', return_tensors='pt').input_ids
        with quietly():
            return model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False, use_cache=use_cache
            ).tolist()
    for name in ('gpt2', 'llama', 'phi3', 'gemma3_text'):
        speaker = tiny_lm(name, num_hidden_layers=4)
        for method in (LayerDrop(2, 'last'), Heads(.5, score='magnitude'), Heads(.375, 'global', 'random') >> LayerDrop(3)):
            small = method(speaker)
            assert says(small, True) == says(small, False)
            assert all(
                m.layer_idx == i
                for i, b in enumerate(blocks(small).values())
                for m in b.modules()
                if hasattr(m, 'layer_idx')
            )
    few = ('bert', 'distilbert', 'gpt2', 'llama', 'phi3')
    lines = people['test']['text'][:8]
    for name in few:
        # larger weights, so that every part is heard
        model = tiny_classifier(people.labels, family=name, initializer_range=.2)
        for method in (
            Heads(0.5, **some),
            Heads(0.25, 'global', **some),
            Neurons(0.5, **some),
            Neurons(0.3, 'global', **some),
            Heads(0.5, score='magnitude'),
        ):
            small, whole = method(model, people), [method.units(b) for b in blocks(model).values()]
            kept = remaining(method.scores(model, people), method.sparsity, method.scope)
            hooks = [_silent(u, k) for u, k in zip(whole, kept)]
            want = logits(model, lines)
            for h in hooks: h.remove()
            assert np.allclose(logits(small, lines), want, atol=1e-5) and not np.allclose(
                want, logits(model, lines), atol=1e-4
            )
            assert [method.units(b).count for b in blocks(small).values()] == [len(k) for k in kept]
        hook = list(blocks(model).values())[1].register_forward_hook(lambda m, args, out: args[0])
        want = logits(model, lines); hook.remove()
        assert np.allclose(logits(LayerDrop(1, 'first')(model), lines), want, atol=1e-5)
    for name in few:
        model = tiny_classifier(people.labels, family=name)
        for block in blocks(model).values():
            unit = head_units(block); matrix(unit.out)[:, places(torch.tensor([1]), unit.count, shape(unit.out)[0])] = 0
        scores = Heads(**some).scores(model, people)
        assert all(s[1] == 0 and (s > 0).sum() == len(s) - 1 for s in scores)
        small = Heads(1 / len(scores[0]), **some)(model, people)
        assert (
            np.allclose(logits(small, lines), logits(model, lines), atol=1e-5)
            and small.record.parameters < model.record.parameters
        )
    def same(small, folder, question='a text'):
        "Save and load; the model that plain `from_pretrained` reads as well."
        again = load(save(small, folder))
        auto = (
            AutoModelForSequenceClassification
            if hasattr(small, 'num_labels') and not small.can_generate()
            else AutoModelForCausalLM
        )
        with quietly(): plain = auto.from_pretrained(folder)
        ids = small.tokenizer([question] * 2, return_tensors='pt')
        with torch.no_grad():
            want, got = (m(input_ids=ids.input_ids, attention_mask=ids.attention_mask).logits for m in (small, again))
        assert torch.equal(want, got) and again.record == small.record and layout(again) == layout(small)
        assert all(torch.equal(t, plain.state_dict()[n]) for n, t in small.state_dict().items())
        return again
    half, ids = Neurons(.5, score='magnitude') >> LayerDrop(1), torch.arange(1000, 1016)[None]
    words = pd.DataFrame(
        [
            dict(text=f'{w} {i}', label='yes' if w == 'good' else 'no', groups=g)
            for i in range(100)
            for w, g in (('good', 'a'), ('bad', 'b'))
        ]
    )
    toy = GroupedText.from_frame(words, name='toy')
    with tempfile.TemporaryDirectory() as folder:
        for name in few:
            model = tiny_classifier(family=name, num_hidden_layers=3)
            half = Heads(.375, 'global', 'magnitude') >> Neurons(.5, 'global', 'magnitude')
            for method in (
                half >> Magnitude(0.5),
                half >> Int8(),
                half >> Rtn(4, 16),
                half >> LayerDrop(2),
                half >> LayerDrop(2, 'last') >> Magnitude(0.5) >> Int8(),
            ):
                same(method(model), f'{folder}/model')
            twice = (Neurons(.5, score='magnitude') >> Neurons(.5, score='magnitude'))(model)
            assert not layout(twice) and {neuron_units(b).count for b in blocks(twice).values()} == {16}
            one = (half >> LayerDrop(1, 'last'))(model); last = list(blocks(half(model)).values())[2]
            assert neuron_units(next(iter(blocks(one).values()))).count == neuron_units(last).count and not any(
                s[1]['kind'] == 'neurons' for s in layout(one)
            )
            same(one, f'{folder}/model')
        for name in ('gpt2', 'llama'):
            for method in (half >> Int8(), half >> LayerDrop(1) >> Magnitude(.5) >> Rtn(4, 16)):
                same(method(tiny_lm(name)), f'{folder}/model')


def test_LayerDrop_12(): # nbs/api/12_structure.ipynb, cell b4eb1fb5
    def same(small, folder, question='a text'):
        "Save and load; the model that plain `from_pretrained` reads as well."
        again = load(save(small, folder))
        auto = (
            AutoModelForSequenceClassification
            if hasattr(small, 'num_labels') and not small.can_generate()
            else AutoModelForCausalLM
        )
        with quietly(): plain = auto.from_pretrained(folder)
        ids = small.tokenizer([question] * 2, return_tensors='pt')
        with torch.no_grad():
            want, got = (m(input_ids=ids.input_ids, attention_mask=ids.attention_mask).logits for m in (small, again))
        assert torch.equal(want, got) and again.record == small.record and layout(again) == layout(small)
        assert all(torch.equal(t, plain.state_dict()[n]) for n, t in small.state_dict().items())
        return again
    words = pd.DataFrame(
        [
            dict(text=f'{w} {i}', label='yes' if w == 'good' else 'no', groups=g)
            for i in range(100)
            for w, g in (('good', 'a'), ('bad', 'b'))
        ]
    )
    toy = GroupedText.from_frame(words, name='toy')
    dense = finetune(tiny_classifier(), toy, epochs=4, lr=5e-3, progress=False)
    chain = Heads(.5, 'global', 'random') >> Neurons(.9, 'global', 'random') >> Magnitude(.3) >> Recover(epochs=4, lr=5e-3)
    assert parse(str(chain)) == chain and chain.needs_data
    small = chain(dense, toy)
    assert (
        predict(small, toy).accuracy > 0.95
        and abs(zeros(small) - 0.3) < 1e-3
        and small.record.parameters < dense.record.parameters
    )
    with tempfile.TemporaryDirectory() as folder:
        # a loaded model goes on
        again = same(small, f'{folder}/model'); same((Recover(epochs=1) >> Rtn(8))(again, toy), f'{folder}/again')
        more = (LayerDrop(1) >> Heads(.5, score='random'))(again)
        assert {head_units(b).count for b in blocks(more).values()} != {4} and len(layout(more)) <= 2


def test_LayerDrop_13(): # nbs/api/12_structure.ipynb, cell a0369c76
    """Embeddings stay, so the parameters fall less than the multiply-adds."""
    sns.despine(left=True)
    minilm = load_classifier(MINILM, labels=['no', 'yes'])
    cuts = {
        'dense': None,
        'half the heads': Heads(0.5, score='magnitude'),
        'half the neurons': Neurons(0.5, score='magnitude'),
        'both': Heads(0.5, score='magnitude') >> Neurons(0.5, score='magnitude'),
        'half the blocks': LayerDrop(3),
    }
    small = {what: cut(minilm) if cut else minilm for what, cut in cuts.items()}
    cost = {what: m.record.macs / minilm.record.macs for what, m in small.items()}
    assert (
        0.8 < cost['half the heads'] < 0.85
        and 0.65 < cost['half the neurons'] < 0.7
        and 0.49 < cost['both'] < 0.51
        and 0.49 < cost['half the blocks'] < 0.51
    )
    ms = {what: latency(m, tokens=128, rounds=9) for what, m in small.items()}
    table = pd.DataFrame(
        {
            what: dict(
                parameters=m.record.parameters / 1e6, megabytes=m.record.bytes / 1e6, macs=m.record.macs / 1e6, ms=ms[what]
            )
            for what, m in small.items()
        }
    ).T
    fig, axes = plt.subplots(1, 2, figsize=(7, 1.8), sharey=True)
    for ax, column, label in zip(axes, ('parameters', 'ms'), ('million parameters', 'ms for one text of 128 tokens')):
        sns.barplot(x=table[column], y=table.index, ax=ax, color='C0').set(xlabel=label, ylabel='')
    sns.despine()
    fig.tight_layout()


@pytest.mark.slow
@pytest.mark.data
def test_LayerDrop_14(): # nbs/api/12_structure.ipynb, cell 868f247e
    """A level is the share of heads, neurons or blocks that is gone."""
    sns.despine(left=True)
    sns.despine()
    talk = toxigen(by='id') # the split of the thesis
    dense = finetune(MINILM, talk, seed=0, epochs=2, progress=False)
    cuts = [
        (what, level, method(level))
        for what, method in dict(heads=Heads, neurons=Neurons).items()
        for level in (0.25, 0.5, 0.75)
    ]
    cuts += [('layers', 1 - k / 6, LayerDrop(k)) for k in (5, 3, 2)] + [
        (f'layers, {which}', 0.5, LayerDrop(3, which)) for which in ('first', 'last')
    ]
    share = lambda model: model.record.macs / dense.record.macs
    found = [
        dict(what=what, level=0, cost=1, none=(a := predict(dense, talk).accuracy), recovered=a)
        for what in ('heads', 'neurons', 'layers')
    ]
    for what, level, cut in cuts:
        small = cut(dense, talk)
        found.append(
            dict(
                what=what,
                level=level,
                cost=share(small),
                none=predict(small, talk).accuracy,
                recovered=predict(Recover(0.25)(small, talk), talk).accuracy,
            )
        )
    result = pd.DataFrame(found)
    importance = torch.stack([s / s.norm() for s in Heads(n=256).scores(dense, talk)])
    first = result.set_index('what').loc['layers, first']
    longer = predict(Recover(2)(LayerDrop(3, 'first')(dense, talk), talk), talk).accuracy
    assert result.recovered.mean() > result.none.mean() and longer > first.recovered
    print(f'The first three blocks alone, after two epochs: {longer:.3f}')
    tidy = result.rename(columns=dict(none='no recovery')).melt(
        ['what', 'level', 'cost'], var_name='after', value_name='accuracy'
    )
    grid = sns.relplot(
        tidy[~tidy.what.str.contains(',')],
        x='level',
        y='accuracy',
        hue='after',
        col='what',
        kind='line',
        marker='o',
        height=2.4,
    )
    grid.figure.suptitle(f'MiniLM, ToxiGen, n = {len(talk["test"])}, seed 0', y=1.05)
