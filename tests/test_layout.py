# Generated from nbs/api/08b_layout.ipynb: edit the notebook
import torch
from torch import nn
from fairprune.layers import linear_layers, pack, freeze, frozen, shape, written_bytes
import json
import tempfile
from pathlib import Path
from fastcore.test import expect_fail
from transformers import AutoModelForSequenceClassification
from fairprune.compress.pruning import Magnitude
from fairprune.models import load_classifier, logits, quietly, save, tiny_classifier
import fairprune.layout as library
import matplotlib.pyplot as plt
from fairprune.layout import *
from fairprune.layout import _Sparse


def test_mark(): # nbs/api/08b_layout.ipynb, cell 32c8fbe3
    """The kinds are registered in the library's list as well, because `load_classifier` looks there."""
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
    assert (logits(again, ['a text']) == logits(tiny, ['a text'])).all() and torch.equal(
        plain.state_dict()[f'{name}.inner.weight'], new.weight
    )


def test_mark_2(): # nbs/api/08b_layout.ipynb, cell 7100dc0e
    """A model that has frozen modules and no steps is otherwise an ordinary one."""
    still = freeze(tiny_classifier(), ['bert.embeddings', 'bert.encoder.layer.1'])
    with tempfile.TemporaryDirectory() as folder: again = load_classifier(save(still, Path(folder)/'model'))
    def held(model): return {n for n, p in model.named_parameters() if not p.requires_grad}
    assert held(again) == held(still) and frozen(again) == frozen(still) and len(frozen(still)) == 2 and not layout(again)
    assert not held(freeze(again, []))


def test_mark_3(): # nbs/api/08b_layout.ipynb, cell f282193a
    """A step that does not suit the model is refused when it is carried out."""
    for step, why in (
        ('encoder', 'it should be the name of a module'),
        (['a', 7], 'it should be the name of a module'),
        (['a', dict(kind=['int8'])], "turns a into a ['int8']"),
        (['a', dict(kind='print')], "turns a into a 'print'"),
        (['a', dict(kind='int8', bits=2)], 'that takes pruned'),
        (['a', dict(kind='low_rank')], 'that takes rank'),
        (['a', dict(kind='low_rank', rank=0)], 'rank = 0'),
        (['a', dict(kind='packed', bits=9)], 'bits = 9'),
        (['a', dict(kind='packed', bits=True)], 'bits = True'),
        (['a', dict(kind='lora', rank=1, alpha='x')], "alpha = 'x'"),
    ):
        with expect_fail(ValueError, why): library.Layout([step])
    with expect_fail(ValueError, 'it should be a list of steps'): library.Layout('steps')
    for step in (
        ['bert.nowhere', dict(kind='int8')],
        ['bert.embeddings.LayerNorm', dict(kind='int8')],
        ['bert.pooler', dict(kind='heads', count=1)],
    ):
        with expect_fail(ValueError, f'turns {step[0]} into'): library.follow(tiny_classifier(), [step])


def test_folded(): # nbs/api/08b_layout.ipynb, cell 9e7f7e09
    """A model's own `save_pretrained` writes all zeros out, for readers that do not have `fairprune`."""
    still = freeze(tiny_classifier(), ['bert.embeddings', 'bert.encoder.layer.1'])
    with tempfile.TemporaryDirectory() as folder: again = load_classifier(save(still, Path(folder)/'model'))
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
        # the rest is the file's header
        assert .7 * 4 * zeros < saved < 4 * zeros and abs(sizes[0] - pruned.record.bytes) < 20_000
        assert (
            not layout(again)
            and (logits(again, ['a text']) == logits(pruned, ['a text'])).all()
            and again.record == pruned.record
        )
        assert all(
            torch.equal(t, again.state_dict()[n]) and torch.equal(t, plain.state_dict()[n])
            for n, t in pruned.state_dict().items()
        )
        print(f'{family}: {saved / 4 / zeros:.0%} of the bytes of {zeros:,} zeros saved')


def test_folded_2(): # nbs/api/08b_layout.ipynb, cell fd263a1f
    """With 32 bits this pays off from one zero in 32 on, with 16 bits from one zero in 16 on."""
    shares, found = [i / 32 for i in range(33)], {}
    for dtype in (torch.float32, torch.float16):
        layer = nn.Linear(64, 64).to(dtype)
        found[dtype] = [written_bytes(layer, round((1 - share) * 64 * 64)) for share in shares]
    assert found[torch.float32][:3] == [4 * 4096, 4 * 4096, 4 * 4096 * 30 // 32 + 512] and found[torch.float32][-1] == 512
    assert found[torch.float16][2] == 2 * 4096 > found[torch.float16][3]
    fig, ax = plt.subplots(figsize=(4, 2.2), dpi=80)
    for dtype, sizes in found.items(): ax.plot(shares, sizes, label=str(dtype).removeprefix('torch.'))
    ax.set(xlabel='share of zeros', ylabel='bytes', ylim=0)
    ax.legend(frameon=False)


def test_folded_3(): # nbs/api/08b_layout.ipynb, cell ee2bb772
    """So the number of weights that the list marks as kept is compared with the number of weights that are there."""
    for extra in (1, -1):
        layer = nn.Linear(8, 4); layer.weight.data[1:] = 0
        lying = _Sparse(layer, 8)
        lying.present = pack((layer.weight != 0).to(torch.uint8), 1)
        lying.weight = layer.weight[0].detach()
        assert torch.equal(lying.whole().weight, layer.weight)
        lying.present[1 if extra > 0 else 0, 0] ^= 1
        with expect_fail(ValueError, f'{8 + extra} weights are marked as kept, and 8 are there'): lying.whole()
