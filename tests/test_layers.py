# Generated from nbs/api/08_layers.ipynb: edit the notebook
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D
from fastcore.test import expect_fail
from fairprune.compress.pruning import Magnitude
from fairprune.compress.quantization import Int8, Rtn
from fairprune.models import tiny_classifier
import matplotlib.pyplot as plt
from fairprune.layers import *
from fairprune.layers import _Products


def test_evaluating(): # nbs/api/08_layers.ipynb, cell e5ade7dc
    """An error inside the block changes nothing about that."""
    learner = nn.Sequential(nn.Dropout(), nn.Linear(2, 2)).train()
    learner[0].eval()
    with expect_fail(ValueError, 'unreadable'), evaluating(learner) as reader:
        assert not any(m.training for m in reader.modules())
        raise ValueError('unreadable')
    assert [m.training for m in learner.modules()] == [True, False, True]


def test_tokenizer_of(): # nbs/api/08_layers.ipynb, cell 415982a3
    """RoBERTa reads fewer tokens than it has positions, because its positions begin after that of the padding token."""
    for family, positions, most in (('bert', 32, 32), ('gpt2', 16, 16), ('roberta', 34, 33), ('distilbert', 512, 512)):
        short = tiny_classifier(family=family, max_position_embeddings=positions)
        assert n_positions(short) == most and len(read_sample(short, sample_ids(short, 64))) == 1


def test_shape(): # nbs/api/08_layers.ipynb, cell d26f7a78
    """The head of a classifier is the last linear layer outside the body that has one output for each label."""
    assert [shape(m) for m in (nn.Linear(2, 3), Conv1D(3, 2), Compact(2, 3))] == [(2, 3)] * 3
    tiny = tiny_classifier()
    assert len(linear_layers(tiny)) == 2 * 6 + 2 and head(tiny) is tiny.classifier # two blocks, pooler, head
    eight = Rtn(8, modules='classifier')(tiny_classifier())
    eight.set_submodule('classifier', eight.classifier.thawed())
    assert head(eight) is eight.classifier and type(eight.classifier).__name__ == 'OnGrid'


def test_Products(): # nbs/api/08_layers.ipynb, cell bd75d487
    """So no list of architectures is needed, and it does not matter whether a matrix is stored transposed."""
    ids = torch.tensor([[2., 1.]])
    for shape_, product, axes in [
        ((3, 2), lambda w: nn.functional.linear(ids, w), (1,)),
        ((2, 3), lambda w: ids @ w, (0,)),
        ((4, 2, 3), lambda w: ids @ w[torch.tensor([1, 2])], (1,)),
        ((4, 3, 2), lambda w: ids @ w.transpose(1, 2), (2,)),
        ((2, 4, 8), lambda w: torch.einsum('ih,hnd->ind', ids, w), (0,)),
        ((5, 2, 1), lambda w: torch.einsum('...nd,hnd->...h', ids[..., None], w), (1,)),
        ((3, 2, 1), lambda w: nn.functional.conv1d(ids.T[None], w), (1,)),
        ((1, 2), lambda w: ids + w, None),
    ]:
        owner = nn.Module(); owner.w = nn.Parameter(torch.randn(shape_))
        with torch.no_grad(), _Products({'w': (owner, 'w')}) as watch: product(owner.w)
        assert [a for a, _ in watch.found['w']] == ([] if axes is None else [axes]), (shape_, watch.found)
        if axes: assert turned(Bare(owner, 'w', axes), owner.w.data).shape[-1] == 2


def test_weight_of(): # nbs/api/08_layers.ipynb, cell 8ea3552e
    """Of a matrix of experts a token meets only its share: if it meets two of four experts, it meets half of the parameter."""
    mixture, upside = (tiny_classifier(family=f) for f in ('mixtral', 'gpt_oss'))
    bare = {n: m for n, m in weights(mixture).items() if isinstance(m, Bare)}
    assert {
        n.removeprefix('model.layers.0.mlp.'): (tuple(m.weight.shape), m.axes) for n, m in bare.items() if '.0.' in n
    } == {'gate': ((4, 32), (1,)), 'experts.gate_up_proj': ((4, 128, 32), (2,)), 'experts.down_proj': ((4, 32, 64), (2,))}
    found = weights(upside)['model.layers.1.mlp.experts.down_proj']
    # GPT-OSS stores its experts transposed
    assert (
        found.weight.shape == (4, 64, 32) and found.axes == (1,) and turned(found, found.weight.data).shape == (4, 32, 64)
    )
    # two of four experts
    assert (
        weight_of(upside, 'model.layers.1.mlp.experts.down_proj') is found.weight
        and uses(upside)['model.layers.1.mlp.experts.down_proj'] == 0.5
    )
    assert not any('bias' in n for n in weights(upside))
    once, again = uses(tiny_classifier()), uses(tiny_classifier(family='albert'))
    assert (
        set(once.values()) == {1}
        and {n.rpartition('layers.')[2]: k for n, k in again.items() if 'layers' in n}['0.ffn'] == 2
    )


def test_pruned_weights(): # nbs/api/08_layers.ipynb, cell f4bd834b
    """Zeros of these two kinds may learn."""
    mixture, upside = (tiny_classifier(family=f) for f in ('mixtral', 'gpt_oss'))
    bare = {n: m for n, m in weights(mixture).items() if isinstance(m, Bare)}
    tiny = tiny_classifier()
    layers = tiny.bert.encoder.layer
    words, places = (getattr(tiny.bert.embeddings, f'{n}_embeddings').weight.data for n in ('word', 'position'))
    layers[1].output.dense.weight.data[0] = 0
    layers[1].output.LayerNorm.weight.data[:3] = 0
    words[7, 5] = 0
    places[3] = 0
    places[4:, :8] = 0
    assert {n: int(zero.sum()) for n, zero in pruned_weights(tiny).items()} == {
        'bert.embeddings.position_embeddings': 8 * (len(places) - 4),
        'bert.encoder.layer.1.output.dense': 64,
        'bert.encoder.layer.1.output.LayerNorm': 3,
    }
    small = Magnitude(.5)(mixture)
    assert all(int(zero.sum()) > 0 for n, zero in pruned_weights(small).items()) and set(bare) <= set(pruned_weights(small))
    eight = Rtn(8, modules='classifier')(tiny_classifier())
    eight.set_submodule('classifier', eight.classifier.thawed())
    assert head(eight) is eight.classifier and type(eight.classifier).__name__ == 'OnGrid'
    # registered before the body
    for family in ('xlm-roberta', 'camembert'):
        assert head(one := tiny_classifier(family=family)) is one.classifier.out_proj
    for family in ('t5', 'bart'): assert head(one := tiny_classifier(family=family)) is one.classification_head.out_proj
    assert head(one := tiny_classifier(family='xlnet')) is one.logits_proj
    with expect_fail(ValueError, 'has no linear layer with 2 outputs'): head(tiny.base_model)


def test_attending(): # nbs/api/08_layers.ipynb, cell 8362ec10
    """Blocks that were made smaller may have a configuration of their own, so all configurations of a model are set."""
    looking = tiny_classifier()
    with attending(looking, 'eager'): assert {c._attn_implementation for c in attention_configs(looking)} == {'eager'}
    assert looking.config._attn_implementation == 'sdpa'


def test_attending_2(): # nbs/api/08_layers.ipynb, cell 4fd72627
    tiny = freeze(tiny_classifier(), ['bert.embeddings', 'bert.encoder.layer.1'])
    still = lambda m: {n for n, p in m.named_parameters() if not p.requires_grad}
    assert still(tiny) == {
        n for n, _ in tiny.named_parameters() if n.startswith(('bert.embeddings.', 'bert.encoder.layer.1.'))
    }
    assert within('layer.1.bias', ['layer.1']) and not within('layer.10.bias', ['layer.1'])
    assert (
        frozen(tiny) == ['bert.embeddings', 'bert.encoder.layer.1'] and not still(freeze(tiny, [])) and frozen(tiny) == []
    )


def test_straight_through(): # nbs/api/08_layers.ipynb, cell ca15ad82
    """This is known as a straight-through gradient."""
    layer, x = (
        Int8()(tiny_classifier()).get_submodule('bert.encoder.layer.0.intermediate.dense'),
        torch.randn(5, 32, requires_grad=True),
    )
    before = layer(x).detach()
    layer.register_forward_hook(straight_through)
    y = layer(x)
    y.square().sum().backward()
    assert torch.allclose(y, before, atol=1e-6) and torch.allclose(x.grad, 2 * before @ layer.dense(), atol=1e-4)


def test_unpack(): # nbs/api/08_layers.ipynb, cell 5e288d01
    """Codes of a few bits are written one after the other without gaps, so a code of three bits takes three bits and not a whole byte."""
    for bits in range(1, 9):
        codes = torch.randint(0, 2 ** bits, (3, 13), dtype=torch.uint8)
        assert torch.equal(unpack(pack(codes, bits), bits, 13), codes) and pack(codes, bits).shape == (
            3,
            -(-13 * bits // 8),
        )


def test_unpack_2(): # nbs/api/08_layers.ipynb, cell a0a4e3be
    """The third code begins in the first byte and ends in the second, so no bit is wasted."""
    stream = pack(torch.arange(8, dtype=torch.uint8)[None], 3)
    bits = torch.stack([stream[0] >> i & 1 for i in range(8)], 1)
    owner = (torch.arange(24) // 3).view(3, 8)
    assert stream.shape == (1, 3) and (
        bits.flatten().view(8, 3) @ torch.tensor([1, 2, 4], dtype=torch.uint8)
    ).tolist() == list(range(8))
    fig, ax = plt.subplots(figsize=(4, 1.7), dpi=80)
    ax.imshow(owner, cmap='Set3', aspect='auto')
    for row in range(3):
        for column in range(8): ax.text(column, row, int(bits[row, column]), ha='center', va='center')
    ax.set(yticks=range(3), yticklabels=['byte 0', 'byte 1', 'byte 2'], xticks=range(8), xlabel='bit')
