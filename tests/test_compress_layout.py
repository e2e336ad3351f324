# Generated from nbs/api/08_layout.ipynb: edit the notebook
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D
import json
import tempfile
from pathlib import Path
from fastcore.test import expect_fail
from transformers import AutoModelForSequenceClassification
from fairprune.compress.pruning import Magnitude
from fairprune.compress.quantization import Int8, Rtn
from fairprune.models import load_classifier, logits, quietly, save, tiny_classifier
import fairprune.compress.layout as library
from fairprune.compress.layout import *
from fairprune.compress.layout import _Products, _Sparse, _places, _sample


def test_evaluating(): # nbs/api/08_layout.ipynb, cell e5ade7dc
    """An error inside changes nothing about that."""
    learner = nn.Sequential(nn.Dropout(), nn.Linear(2, 2)).train()
    learner[0].eval()
    with expect_fail(ValueError, 'unreadable'), evaluating(learner) as reader:
        assert not any(m.training for m in reader.modules())
        raise ValueError('unreadable')
    assert [m.training for m in learner.modules()] == [True, False, True]


def test_read_sample(): # nbs/api/08_layout.ipynb, cell 415982a3
    """RoBERTa has fewer places than positions: they begin after that of the padding token."""
    for family, positions, most in (('bert', 32, 32), ('gpt2', 16, 16), ('roberta', 34, 33), ('distilbert', 512, 512)):
        short = tiny_classifier(family=family, max_position_embeddings=positions)
        assert _places(short) == most and len(read_sample(short, _sample(short, 64))) == 1


def test_shape(): # nbs/api/08_layout.ipynb, cell d26f7a78
    """The last of them is the head."""
    assert [shape(m) for m in (nn.Linear(2, 3), Conv1D(3, 2), Compact(2, 3))] == [(2, 3)] * 3
    tiny = tiny_classifier()
    assert len(linear_layers(tiny)) == 2 * 6 + 2 and head(tiny) is tiny.classifier # two blocks, pooler, head
    eight = Rtn(8, modules='classifier')(tiny_classifier())
    eight.set_submodule('classifier', eight.classifier.thawed())
    assert head(eight) is eight.classifier and type(eight.classifier).__name__ == 'OnGrid'


def test_Products(): # nbs/api/08_layout.ipynb, cell bd75d487
    """The pass shows as well which dimensions are the inputs, so there is no list of architectures, and whether a matrix is stored transposed need not be asked."""
    ids = torch.tensor([[2., 1.]])
    for shape_, product, axes in [((3, 2), lambda w: nn.functional.linear(ids, w), (1,)), ((2, 3), lambda w: ids @ w, (0,)), ((4, 2, 3), lambda w: ids @ w[torch.tensor([1, 2])], (1,)), ((4, 3, 2), lambda w: ids @ w.transpose(1, 2), (2,)),
                                  ((2, 4, 8), lambda w: torch.einsum('ih,hnd->ind', ids, w), (0,)), ((5, 2, 1), lambda w: torch.einsum('...nd,hnd->...h', ids[..., None], w), (1,)), ((3, 2, 1), lambda w: nn.functional.conv1d(ids.T[None], w), (1,)), ((1, 2), lambda w: ids + w, None)]:
        owner = nn.Module(); owner.w = nn.Parameter(torch.randn(shape_))
        with torch.no_grad(), _Products({'w': (owner, 'w')}) as watch: product(owner.w)
        assert [a for a, _ in watch.found['w']] == ([] if axes is None else [axes]), (shape_, watch.found)
        if axes: assert turned(Bare(owner, 'w', axes), owner.w.data).shape[-1] == 2


def test_weight_of(): # nbs/api/08_layout.ipynb, cell 8ea3552e
    """Of an expert's matrix a token meets its share: two of four experts are half of the parameter."""
    mixture, upside = (tiny_classifier(family=f) for f in ('mixtral', 'gpt_oss'))
    bare = {n: m for n, m in weights(mixture).items() if isinstance(m, Bare)}
    assert {n.removeprefix('model.layers.0.mlp.'): (tuple(m.weight.shape), m.axes) for n, m in bare.items() if '.0.' in n} == {'gate': ((4, 32), (1,)), 'experts.gate_up_proj': ((4, 128, 32), (2,)), 'experts.down_proj': ((4, 32, 64), (2,))}
    found = weights(upside)['model.layers.1.mlp.experts.down_proj']
    assert found.weight.shape == (4, 64, 32) and found.axes == (1,) and turned(found, found.weight.data).shape == (4, 32, 64) # GPT-OSS stores its experts transposed
    assert weight_of(upside, 'model.layers.1.mlp.experts.down_proj') is found.weight and uses(upside)['model.layers.1.mlp.experts.down_proj'] == .5 # two of four experts
    assert not any('bias' in n for n in weights(upside))
    once, again = uses(tiny_classifier()), uses(tiny_classifier(family='albert'))
    assert set(once.values()) == {1} and {n.rpartition('layers.')[2]: k for n, k in again.items() if 'layers' in n}['0.ffn'] == 2


def test_pruned_weights(): # nbs/api/08_layout.ipynb, cell f4bd834b
    """In an embedding or a norm a few zeros come by chance, and a row of nothing but zeros is padding or a new token: those may learn."""
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
    assert {n: int(zero.sum()) for n, zero in pruned_weights(tiny).items()} == {'bert.embeddings.position_embeddings': 8 * (len(places) - 4), 'bert.encoder.layer.1.output.dense': 64, 'bert.encoder.layer.1.output.LayerNorm': 3}
    small = Magnitude(.5)(mixture)
    assert all(int(zero.sum()) > 0 for n, zero in pruned_weights(small).items()) and set(bare) <= set(pruned_weights(small))
    eight = Rtn(8, modules='classifier')(tiny_classifier())
    eight.set_submodule('classifier', eight.classifier.thawed())
    assert head(eight) is eight.classifier and type(eight.classifier).__name__ == 'OnGrid'
    for family in ('xlm-roberta', 'camembert'): assert head(one := tiny_classifier(family=family)) is one.classifier.out_proj # registered before the body
    for family in ('t5', 'bart'): assert head(one := tiny_classifier(family=family)) is one.classification_head.out_proj
    assert head(one := tiny_classifier(family='xlnet')) is one.logits_proj
    with expect_fail(ValueError, 'has no linear layer with 2 outputs'): head(tiny.base_model)


def test_mark(): # nbs/api/08_layout.ipynb, cell 32c8fbe3
    """They go into the library's list as well, where `load_classifier` looks."""
    @kind
    @library.kind
    def narrow(module, width): return nn.Linear(width, module.out_features)
    class Sliced(nn.Module):
        "Reads the first columns of its input only."
        def __init__(self, inner): super().__init__(); self.inner = inner
        def forward(self, x): return self.inner(x[..., :self.inner.in_features])
    @kind
    @library.kind
    def sliced(module): return Sliced(module)
    tiny, name = tiny_classifier(), 'bert.encoder.layer.0.intermediate.dense'
    old = tiny.get_submodule(name)
    new = nn.Linear(20, 64)
    new.weight.data.copy_(old.weight[:, :20])
    new.bias.data.copy_(old.bias)
    tiny.set_submodule(name, Sliced(new))
    mark(mark(tiny, {name: dict(kind='narrow', width=20)}), {name: dict(kind='sliced')})
    with tempfile.TemporaryDirectory() as folder, quietly():
        again = load_classifier(save(tiny, Path(folder)/'narrow'))
        plain = AutoModelForSequenceClassification.from_pretrained(Path(folder)/'narrow')
    assert shape(again.get_submodule(name).inner) == (20, 64) and layout(again) == layout(tiny)
    assert (logits(again, ['a text']) == logits(tiny, ['a text'])).all() and torch.equal(plain.state_dict()[f'{name}.inner.weight'], new.weight)


def test_mark_2(): # nbs/api/08_layout.ipynb, cell f282193a
    """A step that is none, of a kind that nobody knows, or with values of another type or out of range is refused when it is read; one that does not suit the model, when it is taken."""
    for step, why in (('encoder', 'it should be the name of a module'), (['a', 7], 'it should be the name of a module'), (['a', dict(kind=['int8'])], "turns a into a ['int8']"),
                      (['a', dict(kind='print')], "turns a into a 'print'"), (['a', dict(kind='int8', bits=2)], 'that takes pruned'), (['a', dict(kind='low_rank')], 'that takes rank'),
                      (['a', dict(kind='low_rank', rank=0)], 'rank = 0'), (['a', dict(kind='packed', bits=9)], 'bits = 9'), (['a', dict(kind='packed', bits=True)], 'bits = True'), (['a', dict(kind='lora', rank=1, alpha='x')], "alpha = 'x'")):
        with expect_fail(ValueError, why): library.Layout([step])
    with expect_fail(ValueError, 'it should be a list of steps'): library.Layout('steps')
    for step in (['bert.nowhere', dict(kind='int8')], ['bert.embeddings.LayerNorm', dict(kind='int8')], ['bert.pooler', dict(kind='heads', count=1)]):
        with expect_fail(ValueError, f'turns {step[0]} into'): library.follow(tiny_classifier(), [step])


def test_attending(): # nbs/api/08_layout.ipynb, cell 8362ec10
    """Blocks that were made smaller may have a configuration of their own, so all of them are told."""
    looking = tiny_classifier()
    with attending(looking, 'eager'): assert {c._attn_implementation for c in attention_configs(looking)} == {'eager'}
    assert looking.config._attn_implementation == 'sdpa'


def test_attending_2(): # nbs/api/08_layout.ipynb, cell 4fd72627
    tiny = freeze(tiny_classifier(), ['bert.embeddings', 'bert.encoder.layer.1'])
    still = lambda m: {n for n, p in m.named_parameters() if not p.requires_grad}
    assert still(tiny) == {n for n, _ in tiny.named_parameters() if n.startswith(('bert.embeddings.', 'bert.encoder.layer.1.'))}
    assert within('layer.1.bias', ['layer.1']) and not within('layer.10.bias', ['layer.1'])
    with tempfile.TemporaryDirectory() as folder: again = load_classifier(save(tiny, Path(folder)/'model'))
    assert still(again) == still(tiny) and frozen(again) == frozen(tiny) and not layout(again) # an ordinary model otherwise
    assert not still(freeze(again, [])) and frozen(again) == [] and len(frozen(tiny)) == 2


def test_straight_through(): # nbs/api/08_layout.ipynb, cell ca15ad82
    """In training a hook lends it that of its float weight, straight through."""
    tiny, name = tiny_classifier(), 'bert.encoder.layer.0.intermediate.dense'
    layer, x = Int8()(tiny_classifier()).get_submodule(name), torch.randn(5, 32, requires_grad=True)
    before = layer(x).detach()
    layer.register_forward_hook(straight_through)
    y = layer(x)
    y.square().sum().backward()
    assert torch.allclose(y, before, atol=1e-6) and torch.allclose(x.grad, 2 * before @ layer.dense(), atol=1e-4)


def test_unpack(): # nbs/api/08_layout.ipynb, cell 5e288d01
    """Codes of a few bits are written one after the other, so three bits take three bits."""
    for bits in range(1, 9):
        codes = torch.randint(0, 2 ** bits, (3, 13), dtype=torch.uint8)
        assert torch.equal(unpack(pack(codes, bits), bits, 13), codes) and pack(codes, bits).shape == (3, -(-13 * bits // 8))


def test_folded(): # nbs/api/08_layout.ipynb, cell 9e7f7e09
    """`fairprune.save` writes it so; a model's own `save_pretrained` writes all zeros out, for readers without `fairprune`."""
    tiny = freeze(tiny_classifier(), ['bert.embeddings', 'bert.encoder.layer.1'])
    with tempfile.TemporaryDirectory() as folder: again = load_classifier(save(tiny, Path(folder)/'model'))
    layer = nn.Linear(8, 4)
    assert written_bytes(layer) == 4 * 4 * 8
    layer.weight.data[1:] = 0
    assert written_bytes(layer) == 4 + 4 * 8
    for family in ('bert', 'gpt2'):
        tiny = tiny_classifier(family=family, hidden_size=64)
        pruned = Magnitude(.9)(tiny)
        with tempfile.TemporaryDirectory() as folder, quietly():
            path = save(pruned, Path(folder)/'small'); pruned.save_pretrained(Path(folder)/'plain')
            again, plain = load_classifier(path), AutoModelForSequenceClassification.from_pretrained(Path(folder)/'plain')
            sizes = [(Path(folder)/n/'model.safetensors').stat().st_size for n in ('small', 'plain')]
            assert 'quantization_config' not in json.loads((Path(folder)/'plain'/'config.json').read_text())
        saved = sizes[1] - sizes[0]; zeros = sum(int((m.weight == 0).sum()) for m in linear_layers(pruned).values())
        assert .7 * 4 * zeros < saved < 4 * zeros and abs(sizes[0] - pruned.record.bytes) < 20_000 # the rest is the file's header
        assert not layout(again) and (logits(again, ['a text']) == logits(pruned, ['a text'])).all() and again.record == pruned.record
        assert all(torch.equal(t, again.state_dict()[n]) and torch.equal(t, plain.state_dict()[n]) for n, t in pruned.state_dict().items())
        print(f'{family}: {saved / 4 / zeros:.0%} of the bytes of {zeros:,} zeros saved')


def test_folded_2(): # nbs/api/08_layout.ipynb, cell ee2bb772
    """The two are counted."""
    for extra in (1, -1):
        layer = nn.Linear(8, 4); layer.weight.data[1:] = 0
        lying = _Sparse(layer, 8); lying.present = pack((layer.weight != 0).to(torch.uint8), 1); lying.weight = layer.weight[0].detach()
        assert torch.equal(lying.whole().weight, layer.weight)
        lying.present[1 if extra > 0 else 0, 0] ^= 1
        with expect_fail(ValueError, f'{8 + extra} weights are marked as kept, and 8 are there'): lying.whole()
