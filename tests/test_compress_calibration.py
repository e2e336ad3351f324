# Generated from nbs/api/09_calibration.ipynb: edit the notebook
import torch
from fairprune.layers import linear_layers, within
from fastcore.test import expect_fail
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification
from fairprune.corpus import Corpus
from fairprune.models import quietly, tiny_classifier, tiny_lm
from fairprune.synthetic import bios
from fairprune.compress.calibration import *
from fairprune.compress.calibration import _block_of, _hooked, _rows


def test_batches(): # nbs/api/09_calibration.ipynb, cell 0015c443
    people, tiny, speaker = bios(200), tiny_classifier(bios(200).labels), tiny_lm()
    some = batches(tiny, people, n=20, length=16)
    assert [len(b['labels']) for b in some] == [8, 8, 4] and some[0]['input_ids'].shape[1] <= 16
    drawn = batches(speaker, people, n=6, length=32, batch_size=4)
    assert [tuple(b['input_ids'].shape) for b in drawn] == [(4, 32), (2, 32)]
    with expect_fail(ValueError, 'n = 1000: '): batches(tiny, people, n=1000)
    with expect_fail(ValueError, 'has no labels'): batches(tiny, Corpus(dict(train='a')))


def test_blocks(): # nbs/api/09_calibration.ipynb, cell 9a20e440
    """The list is found by its content, the most linear layers, so no architecture is named."""
    people, tiny, speaker = bios(200), tiny_classifier(bios(200).labels), tiny_lm()
    for family in ('bert', 'distilbert', 'roberta', 'gpt2', 'llama'):
        assert len(blocks(tiny_classifier(family=family))) == 2
    assert list(blocks(tiny)) == ['bert.encoder.layer.0', 'bert.encoder.layer.1']
    with expect_fail(ValueError, 'has no list of blocks'): blocks(torch.nn.Linear(2, 2))


def test_Products(): # nbs/api/09_calibration.ipynb, cell 3949ac21
    """A statistic takes inputs `x` of the shape (tokens, width), without padding, and sums up what a method needs."""
    x, norms, products = torch.tensor([[1., 2.], [3., 0.]]), SquaredNorms(), Products()
    for part in x.split(1): norms.add(part); products.add(part)
    assert norms.total.tolist() == [10, 4] and products.total.tolist() == [[10, 2], [2, 4]] and products.n == 2


def test_walk(): # nbs/api/09_calibration.ipynb, cell deb70236
    """The walk gives the same statistics as hooks on a whole forward pass, text by text and without padding."""
    people, tiny, speaker = bios(200), tiny_classifier(bios(200).labels), tiny_lm()
    some = batches(tiny, people, n=20, length=16)
    for family in ('bert', 'distilbert', 'roberta', 'gpt2', 'llama'):
        model = tiny_classifier(people.labels, family=family)
        layers, want, got = (
            {
                n: m
                for b, block in blocks(model).items()
                for n, m in ((f'{b}.{k}', v) for k, v in linear_layers(block).items())
            },
            {},
            {},
        )
        walk(
            model,
            layers,
            batches(model, people, n=12, length=24),
            SquaredNorms,
            lambda n, layer, s: got.update({n: s.total}),
        )
        hooks = [
            m.register_forward_pre_hook(
                lambda module, args, n=n: want.update({n: want.get(n, 0) + args[0].detach().square().sum((0, 1))})
            )
            for n, m in layers.items()
        ]
        with torch.no_grad():
            for b in batches(model, people, n=12, length=24, batch_size=1):
                model(input_ids=b['input_ids'], attention_mask=b['attention_mask'])
        for h in hooks: h.remove()
        assert got.keys() == want.keys() == layers.keys() and all(
            torch.allclose(got[n], want[n], rtol=1e-3, atol=1e-4) for n in got
        )
    with expect_fail(ValueError, 'score is outside the blocks'):
        walk(model, dict(score=model.score), some, SquaredNorms, None)


def test_walk_2(): # nbs/api/09_calibration.ipynb, cell 5e09def1
    """A walk that changes nothing takes each block to the output that it has in the model itself, also where only every third block attends to more than 16 tokens."""
    people, tiny, speaker = bios(200), tiny_classifier(bios(200).labels), tiny_lm()
    for family in ('bert', 'distilbert', 'roberta', 'gpt2', 'llama'):
        model = tiny_classifier(people.labels, family=family)
        layers, want, got = (
            {
                n: m
                for b, block in blocks(model).items()
                for n, m in ((f'{b}.{k}', v) for k, v in linear_layers(block).items())
            },
            {},
            {},
        )
        walk(
            model,
            layers,
            batches(model, people, n=12, length=24),
            SquaredNorms,
            lambda n, layer, s: got.update({n: s.total}),
        )
        hooks = [
            m.register_forward_pre_hook(
                lambda module, args, n=n: want.update({n: want.get(n, 0) + args[0].detach().square().sum((0, 1))})
            )
            for n, m in layers.items()
        ]
        with torch.no_grad():
            for b in batches(model, people, n=12, length=24, batch_size=1):
                model(input_ids=b['input_ids'], attention_mask=b['attention_mask'])
        for h in hooks: h.remove()
        assert got.keys() == want.keys() == layers.keys() and all(
            torch.allclose(got[n], want[n], rtol=1e-3, atol=1e-4) for n in got
        )
    def made(auto, family, **config):
        torch.manual_seed(0)
        size = dict(
            hidden_size=32,
            num_hidden_layers=4,
            num_attention_heads=4,
            intermediate_size=64,
            vocab_size=30522,
            max_position_embeddings=128,
            **dict.fromkeys(('bos_token_id', 'cls_token_id'), 101),
            **dict.fromkeys(('eos_token_id', 'sep_token_id'), 102),
        )
        return auto.from_config(
            AutoConfig.for_model(family, **size | dict(pad_token_id=0, initializer_range=0.2) | config)
        ).eval()
    ids = torch.randint(200, 3000, (3, 60), generator=torch.Generator().manual_seed(0))
    there = torch.ones_like(ids)
    there[1, 40:] = 0
    padded, kinds = (
        [dict(input_ids=ids, attention_mask=there, labels=ids)],
        ['full_attention' if i == 2 else 'sliding_attention' for i in range(4)],
    )
    gemma = made(
        AutoModelForCausalLM, 'gemma3_text', num_key_value_heads=2, head_dim=8, sliding_window=16, layer_types=kinds
    )
    modern = made(AutoModelForSequenceClassification, 'modernbert', local_attention=16, layer_types=kinds)
    for model in (gemma, modern, made(AutoModelForSequenceClassification, 'bert')):
        outputs = {}
        hooks = [
            m.register_forward_hook(lambda module, args, out, n=n: outputs.setdefault(n, []).append(out))
            for n, m in blocks(model).items()
        ]
        walk(model, {}, padded, SquaredNorms, None)
        for h in hooks: h.remove()
        for *_, whole, walked in outputs.values():
            assert torch.allclose(whole[there.bool()], walked[there.bool()], atol=1e-5)


def test_walk_3(): # nbs/api/09_calibration.ipynb, cell 51d6ec23
    """The only condition is that the input of a layer can be seen, with a row for each token."""
    people, tiny, speaker = bios(200), tiny_classifier(bios(200).labels), tiny_lm()
    for family in ('bert', 'distilbert', 'roberta', 'gpt2', 'llama'):
        assert len(blocks(tiny_classifier(family=family))) == 2
    for family in ('bert', 'distilbert', 'roberta', 'gpt2', 'llama'):
        model = tiny_classifier(people.labels, family=family)
        layers, want, got = (
            {
                n: m
                for b, block in blocks(model).items()
                for n, m in ((f'{b}.{k}', v) for k, v in linear_layers(block).items())
            },
            {},
            {},
        )
        walk(
            model,
            layers,
            batches(model, people, n=12, length=24),
            SquaredNorms,
            lambda n, layer, s: got.update({n: s.total}),
        )
        hooks = [
            m.register_forward_pre_hook(
                lambda module, args, n=n: want.update({n: want.get(n, 0) + args[0].detach().square().sum((0, 1))})
            )
            for n, m in layers.items()
        ]
        with torch.no_grad():
            for b in batches(model, people, n=12, length=24, batch_size=1):
                model(input_ids=b['input_ids'], attention_mask=b['attention_mask'])
        for h in hooks: h.remove()
        assert got.keys() == want.keys() == layers.keys() and all(
            torch.allclose(got[n], want[n], rtol=1e-3, atol=1e-4) for n in got
        )
    def made(auto, family, **config):
        torch.manual_seed(0)
        size = dict(
            hidden_size=32,
            num_hidden_layers=4,
            num_attention_heads=4,
            intermediate_size=64,
            vocab_size=30522,
            max_position_embeddings=128,
            **dict.fromkeys(('bos_token_id', 'cls_token_id'), 101),
            **dict.fromkeys(('eos_token_id', 'sep_token_id'), 102),
        )
        return auto.from_config(
            AutoConfig.for_model(family, **size | dict(pad_token_id=0, initializer_range=0.2) | config)
        ).eval()
    ids = torch.randint(200, 3000, (3, 60), generator=torch.Generator().manual_seed(0))
    there = torch.ones_like(ids)
    there[1, 40:] = 0
    padded, kinds = (
        [dict(input_ids=ids, attention_mask=there, labels=ids)],
        ['full_attention' if i == 2 else 'sliding_attention' for i in range(4)],
    )
    gemma = made(
        AutoModelForCausalLM, 'gemma3_text', num_key_value_heads=2, head_dim=8, sliding_window=16, layer_types=kinds
    )
    modern = made(AutoModelForSequenceClassification, 'modernbert', local_attention=16, layer_types=kinds)
    for model in (gemma, modern, made(AutoModelForSequenceClassification, 'bert')):
        outputs = {}
        hooks = [
            m.register_forward_hook(lambda module, args, out, n=n: outputs.setdefault(n, []).append(out))
            for n, m in blocks(model).items()
        ]
        walk(model, {}, padded, SquaredNorms, None)
        for h in hooks: h.remove()
        for *_, whole, walked in outputs.values():
            assert torch.allclose(whole[there.bool()], walked[there.bool()], atol=1e-5)
    def inner(model):
        return {
            n: m
            for n, m in linear_layers(model).items()
            if within(n, [k for k, v in model.named_modules() if isinstance(v, torch.nn.ModuleList)])
        }
    def seen_whole(model, layers, inputs):
        want = {}
        def count(n, args, kwargs):
            want[n] = want.get(n, 0) + _rows(args[0], inputs['attention_mask'].bool()).square().sum(0)
        with torch.no_grad(), _hooked(layers, count):
            model(input_ids=inputs['input_ids'], attention_mask=inputs['attention_mask'])
        return want
    short = dict(input_ids=ids[:2, :12].clone(), attention_mask=torch.ones(2, 12, dtype=torch.long))
    short['attention_mask'][1, 9:] = 0
    short['input_ids'][0, -1] = short['input_ids'][1, 8] = 102
    for family in ('albert', 'deberta-v2', 't5', 'bart', 'deberta'):
        model = tiny_classifier(family=family); layers, done = inner(model), {}
        def halve(n, layer, s): # the first layer of a block receives what the blocks before it give now
            if _block_of(model, n) not in done:
                assert torch.allclose(s.total, seen_whole(model, layers, short)[n], rtol=1e-4), (family, n)
            done.setdefault(_block_of(model, n), []).append(n); layer.weight.data.mul_(.5)
        walk(model, layers, [short], SquaredNorms, halve)
        assert (
            len(done) == dict(albert=1, t5=4, bart=4).get(family, 2)
            and {n for names in done.values() for n in names} == layers.keys()
        )
    for family, what in dict(
        funnel='receives (2, 6, 32) for 2 texts of 12 tokens', xlnet='receives (12, 2, 32) for 2 texts'
    ).items():
        model = tiny_classifier(family=family)
        with expect_fail(ValueError, what): walk(model, inner(model), [short], SquaredNorms, None)
    with quietly(): reader = tiny_lm('mamba') # says that it has no fast kernel
    with expect_fail(ValueError, 'layers.0.mixer.dt_proj is never called with an input'):
        walk(reader, inner(reader), [short], SquaredNorms, None)


def test_walk_4(): # nbs/api/09_calibration.ipynb, cell 7b8751f0
    """Rows that are no tokens all count, but only in the layers that receive them: DeBERTa sends its table of relative positions through the layers that make queries and keys, and not through the one that makes values."""
    people, tiny, speaker = bios(200), tiny_classifier(bios(200).labels), tiny_lm()
    for family in ('bert', 'distilbert', 'roberta', 'gpt2', 'llama'):
        assert len(blocks(tiny_classifier(family=family))) == 2
    for family in ('bert', 'distilbert', 'roberta', 'gpt2', 'llama'):
        model = tiny_classifier(people.labels, family=family)
        layers, want, got = (
            {
                n: m
                for b, block in blocks(model).items()
                for n, m in ((f'{b}.{k}', v) for k, v in linear_layers(block).items())
            },
            {},
            {},
        )
        walk(
            model,
            layers,
            batches(model, people, n=12, length=24),
            SquaredNorms,
            lambda n, layer, s: got.update({n: s.total}),
        )
        hooks = [
            m.register_forward_pre_hook(
                lambda module, args, n=n: want.update({n: want.get(n, 0) + args[0].detach().square().sum((0, 1))})
            )
            for n, m in layers.items()
        ]
        with torch.no_grad():
            for b in batches(model, people, n=12, length=24, batch_size=1):
                model(input_ids=b['input_ids'], attention_mask=b['attention_mask'])
        for h in hooks: h.remove()
        assert got.keys() == want.keys() == layers.keys() and all(
            torch.allclose(got[n], want[n], rtol=1e-3, atol=1e-4) for n in got
        )
    def made(auto, family, **config):
        torch.manual_seed(0)
        size = dict(
            hidden_size=32,
            num_hidden_layers=4,
            num_attention_heads=4,
            intermediate_size=64,
            vocab_size=30522,
            max_position_embeddings=128,
            **dict.fromkeys(('bos_token_id', 'cls_token_id'), 101),
            **dict.fromkeys(('eos_token_id', 'sep_token_id'), 102),
        )
        return auto.from_config(
            AutoConfig.for_model(family, **size | dict(pad_token_id=0, initializer_range=0.2) | config)
        ).eval()
    ids = torch.randint(200, 3000, (3, 60), generator=torch.Generator().manual_seed(0))
    there = torch.ones_like(ids)
    there[1, 40:] = 0
    padded, kinds = (
        [dict(input_ids=ids, attention_mask=there, labels=ids)],
        ['full_attention' if i == 2 else 'sliding_attention' for i in range(4)],
    )
    gemma = made(
        AutoModelForCausalLM, 'gemma3_text', num_key_value_heads=2, head_dim=8, sliding_window=16, layer_types=kinds
    )
    modern = made(AutoModelForSequenceClassification, 'modernbert', local_attention=16, layer_types=kinds)
    for model in (gemma, modern, made(AutoModelForSequenceClassification, 'bert')):
        outputs = {}
        hooks = [
            m.register_forward_hook(lambda module, args, out, n=n: outputs.setdefault(n, []).append(out))
            for n, m in blocks(model).items()
        ]
        walk(model, {}, padded, SquaredNorms, None)
        for h in hooks: h.remove()
        for *_, whole, walked in outputs.values():
            assert torch.allclose(whole[there.bool()], walked[there.bool()], atol=1e-5)
    def inner(model):
        return {
            n: m
            for n, m in linear_layers(model).items()
            if within(n, [k for k, v in model.named_modules() if isinstance(v, torch.nn.ModuleList)])
        }
    def seen_whole(model, layers, inputs):
        want = {}
        def count(n, args, kwargs):
            want[n] = want.get(n, 0) + _rows(args[0], inputs['attention_mask'].bool()).square().sum(0)
        with torch.no_grad(), _hooked(layers, count):
            model(input_ids=inputs['input_ids'], attention_mask=inputs['attention_mask'])
        return want
    short = dict(input_ids=ids[:2, :12].clone(), attention_mask=torch.ones(2, 12, dtype=torch.long))
    short['attention_mask'][1, 9:] = 0
    short['input_ids'][0, -1] = short['input_ids'][1, 8] = 102
    for family in ('albert', 'deberta-v2', 't5', 'bart', 'deberta'):
        model = tiny_classifier(family=family); layers, done = inner(model), {}
        def halve(n, layer, s): # the first layer of a block receives what the blocks before it give now
            if _block_of(model, n) not in done:
                assert torch.allclose(s.total, seen_whole(model, layers, short)[n], rtol=1e-4), (family, n)
            done.setdefault(_block_of(model, n), []).append(n); layer.weight.data.mul_(.5)
        walk(model, layers, [short], SquaredNorms, halve)
        assert (
            len(done) == dict(albert=1, t5=4, bart=4).get(family, 2)
            and {n for names in done.values() for n in names} == layers.keys()
        )
    for family, what in dict(
        funnel='receives (2, 6, 32) for 2 texts of 12 tokens', xlnet='receives (12, 2, 32) for 2 texts'
    ).items():
        model = tiny_classifier(family=family)
        with expect_fail(ValueError, what): walk(model, inner(model), [short], SquaredNorms, None)
    opt = made(AutoModelForCausalLM, 'opt', ffn_dim=64, word_embed_proj_dim=32)
    deberta = made(
        AutoModelForSequenceClassification,
        'deberta-v2',
        relative_attention=True,
        pos_att_type=['p2c', 'c2p'],
        position_buckets=16,
        share_att_key=True,
    )
    for model in (opt, deberta):
        layers, want, got = (
            {f'{b}.{k}': m for b, block in blocks(model).items() for k, m in linear_layers(block).items()},
            {},
            {},
        )
        walk(model, layers, padded, SquaredNorms, lambda n, layer, s: got.update({n: s.total}))
        def count(module, args, n):
            x = args[0].detach()
            if x.numel() == ids.numel() * x.shape[-1]: x = x.view(*ids.shape, -1) * there[..., None] # tokens
            want[n] = want.get(n, 0) + x.flatten(0, -2).square().sum(0)
        hooks = [m.register_forward_pre_hook(lambda module, args, n=n: count(module, args, n)) for n, m in layers.items()]
        with torch.no_grad(): model(input_ids=ids, attention_mask=there)
        for h in hooks: h.remove()
        assert got.keys() == want.keys() == layers.keys() and all(torch.allclose(got[n], want[n], rtol=1e-3) for n in got)
    first = 'deberta.encoder.layer.0.attention.self.'
    assert (
        torch.equal(got[first + 'query_proj'], got[first + 'key_proj'])
        and (got[first + 'query_proj'] > got[first + 'value_proj']).all()
    )


def test_walk_5(): # nbs/api/09_calibration.ipynb, cell a9fae242
    """Here the last layer of the first block is set to zero, so the output of this block changes, and so do the statistics of the next."""
    people, tiny, speaker = bios(200), tiny_classifier(bios(200).labels), tiny_lm()
    for family in ('bert', 'distilbert', 'roberta', 'gpt2', 'llama'):
        assert len(blocks(tiny_classifier(family=family))) == 2
    for family in ('bert', 'distilbert', 'roberta', 'gpt2', 'llama'):
        model = tiny_classifier(people.labels, family=family)
        layers, want, got = (
            {
                n: m
                for b, block in blocks(model).items()
                for n, m in ((f'{b}.{k}', v) for k, v in linear_layers(block).items())
            },
            {},
            {},
        )
        walk(
            model,
            layers,
            batches(model, people, n=12, length=24),
            SquaredNorms,
            lambda n, layer, s: got.update({n: s.total}),
        )
        hooks = [
            m.register_forward_pre_hook(
                lambda module, args, n=n: want.update({n: want.get(n, 0) + args[0].detach().square().sum((0, 1))})
            )
            for n, m in layers.items()
        ]
        with torch.no_grad():
            for b in batches(model, people, n=12, length=24, batch_size=1):
                model(input_ids=b['input_ids'], attention_mask=b['attention_mask'])
        for h in hooks: h.remove()
        assert got.keys() == want.keys() == layers.keys() and all(
            torch.allclose(got[n], want[n], rtol=1e-3, atol=1e-4) for n in got
        )
    def made(auto, family, **config):
        torch.manual_seed(0)
        size = dict(
            hidden_size=32,
            num_hidden_layers=4,
            num_attention_heads=4,
            intermediate_size=64,
            vocab_size=30522,
            max_position_embeddings=128,
            **dict.fromkeys(('bos_token_id', 'cls_token_id'), 101),
            **dict.fromkeys(('eos_token_id', 'sep_token_id'), 102),
        )
        return auto.from_config(
            AutoConfig.for_model(family, **size | dict(pad_token_id=0, initializer_range=0.2) | config)
        ).eval()
    ids = torch.randint(200, 3000, (3, 60), generator=torch.Generator().manual_seed(0))
    there = torch.ones_like(ids)
    there[1, 40:] = 0
    padded, kinds = (
        [dict(input_ids=ids, attention_mask=there, labels=ids)],
        ['full_attention' if i == 2 else 'sliding_attention' for i in range(4)],
    )
    gemma = made(
        AutoModelForCausalLM, 'gemma3_text', num_key_value_heads=2, head_dim=8, sliding_window=16, layer_types=kinds
    )
    modern = made(AutoModelForSequenceClassification, 'modernbert', local_attention=16, layer_types=kinds)
    for model in (gemma, modern, made(AutoModelForSequenceClassification, 'bert')):
        outputs = {}
        hooks = [
            m.register_forward_hook(lambda module, args, out, n=n: outputs.setdefault(n, []).append(out))
            for n, m in blocks(model).items()
        ]
        walk(model, {}, padded, SquaredNorms, None)
        for h in hooks: h.remove()
        for *_, whole, walked in outputs.values():
            assert torch.allclose(whole[there.bool()], walked[there.bool()], atol=1e-5)
    def inner(model):
        return {
            n: m
            for n, m in linear_layers(model).items()
            if within(n, [k for k, v in model.named_modules() if isinstance(v, torch.nn.ModuleList)])
        }
    def seen_whole(model, layers, inputs):
        want = {}
        def count(n, args, kwargs):
            want[n] = want.get(n, 0) + _rows(args[0], inputs['attention_mask'].bool()).square().sum(0)
        with torch.no_grad(), _hooked(layers, count):
            model(input_ids=inputs['input_ids'], attention_mask=inputs['attention_mask'])
        return want
    short = dict(input_ids=ids[:2, :12].clone(), attention_mask=torch.ones(2, 12, dtype=torch.long))
    short['attention_mask'][1, 9:] = 0
    short['input_ids'][0, -1] = short['input_ids'][1, 8] = 102
    for family in ('albert', 'deberta-v2', 't5', 'bart', 'deberta'):
        model = tiny_classifier(family=family); layers, done = inner(model), {}
        def halve(n, layer, s): # the first layer of a block receives what the blocks before it give now
            if _block_of(model, n) not in done:
                assert torch.allclose(s.total, seen_whole(model, layers, short)[n], rtol=1e-4), (family, n)
            done.setdefault(_block_of(model, n), []).append(n); layer.weight.data.mul_(.5)
        walk(model, layers, [short], SquaredNorms, halve)
        assert (
            len(done) == dict(albert=1, t5=4, bart=4).get(family, 2)
            and {n for names in done.values() for n in names} == layers.keys()
        )
    for family, what in dict(
        funnel='receives (2, 6, 32) for 2 texts of 12 tokens', xlnet='receives (12, 2, 32) for 2 texts'
    ).items():
        model = tiny_classifier(family=family)
        with expect_fail(ValueError, what): walk(model, inner(model), [short], SquaredNorms, None)
    opt = made(AutoModelForCausalLM, 'opt', ffn_dim=64, word_embed_proj_dim=32)
    deberta = made(
        AutoModelForSequenceClassification,
        'deberta-v2',
        relative_attention=True,
        pos_att_type=['p2c', 'c2p'],
        position_buckets=16,
        share_att_key=True,
    )
    for model in (opt, deberta):
        layers, want, got = (
            {f'{b}.{k}': m for b, block in blocks(model).items() for k, m in linear_layers(block).items()},
            {},
            {},
        )
        walk(model, layers, padded, SquaredNorms, lambda n, layer, s: got.update({n: s.total}))
        def count(module, args, n):
            x = args[0].detach()
            if x.numel() == ids.numel() * x.shape[-1]: x = x.view(*ids.shape, -1) * there[..., None] # tokens
            want[n] = want.get(n, 0) + x.flatten(0, -2).square().sum(0)
        hooks = [m.register_forward_pre_hook(lambda module, args, n=n: count(module, args, n)) for n, m in layers.items()]
        with torch.no_grad(): model(input_ids=ids, attention_mask=there)
        for h in hooks: h.remove()
        assert got.keys() == want.keys() == layers.keys() and all(torch.allclose(got[n], want[n], rtol=1e-3) for n in got)
    def zero_first(name, layer, statistic):
        after[name] = statistic.total.sum()
        if name.endswith('0.mlp.down_proj'): layer.weight.zero_()
    plain, after = {}, {}
    inputs = batches(speaker, people, n=2, length=32)
    layers = {n: m for n, m in linear_layers(speaker).items() if n != 'lm_head'}
    walk(speaker, layers, inputs, Products, lambda n, layer, s: plain.update({n: s.total.diagonal().sum()}))
    walk(speaker, layers, inputs, SquaredNorms, zero_first)
    assert all(torch.isclose(plain[n], after[n]) == n.startswith('model.layers.0.') for n in layers if 'mlp.down_proj' in n)
