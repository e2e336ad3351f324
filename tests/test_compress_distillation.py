# Generated from nbs/api/14_distillation.ipynb: edit the notebook
import pytest
import math
import tempfile
from dataclasses import dataclass
import numpy as np
import torch
from torch.nn import functional as F
from fairprune.method import Method, parse
import pandas as pd
from fastcore.test import expect_fail
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification
from fairprune.bias.groups import compare
from fairprune.compress.calibration import blocks
from fairprune.record import latency
from fairprune.compress.pruning import Magnitude, prunable, zeros
from fairprune.compress.quantization import Rtn
from fairprune.recovery import Recover
from fairprune.corpus import Corpus, windows
from fairprune.data import GroupedText
from fairprune.named import MINILM, hatexplain, toxigen
from fairprune.models import finetune, load, predict, quietly, save, tiny_classifier, tiny_lm, training_rows
from fairprune.synthetic import bios
from fairprune.compress.distillation import *
from fairprune.compress.distillation import _Answers, _TERMS, _depth, _joined, _kept, _loss, _spoken, _stack


def test_soft_loss(): # nbs/api/14_distillation.ipynb, cell 36c4282d
    """A high temperature shows how the teacher ranks the wrong classes; the factor T^2 keeps the size of the gradient."""
    z = torch.tensor([[0., math.log(3)]], requires_grad=True) # probabilities 1/4 and 3/4
    even = torch.zeros(1, 2)
    assert np.isclose(soft_loss(z, even).item(), .5 * math.log(2) + .5 * math.log(2 / 3)) and soft_loss(z, z) == 0
    soft_loss(z, even).backward()
    assert torch.allclose(z.grad, torch.tensor([[-.25, .25]])) # student minus teacher
    warm = soft_loss(z, even, 2.)
    p = 1 / (1 + math.sqrt(3))
    assert np.isclose(warm.item(), 4 * (.5 * math.log(.5 / p) + .5 * math.log(.5 / (1 - p))))


def test_cosine_loss(): # nbs/api/14_distillation.ipynb, cell d4077fde
    """2019) also turns the student's last hidden states into the direction of the teacher's: `1 - cos(h_student, h_teacher)`."""
    h, t = torch.tensor([[3., 4.], [1., 0.]], requires_grad=True), torch.tensor([[4., 3.], [2., 0.]])
    assert np.isclose(cosine_loss(h, t).item(), (1 - 24 / 25) / 2) # the second is in line
    cosine_loss(h, t).backward()
    assert h.grad[0] @ h[0] < 1e-6 and h.grad[0, 0] < 0 < h.grad[0, 1]


def test_layer_mse(): # nbs/api/14_distillation.ipynb, cell 17acafbc
    """Both are a mean squared error, summed over blocks: `sum_m MSE(H_m, H_g(m))` and `sum_m 1/h sum_i MSE(A_m,i, A_g(m),i)` over h heads."""
    h, t = torch.tensor([[[1., 2.], [0., 0.]]], requires_grad=True), torch.tensor([[[1., 0.], [3., 0.]]])
    assert layer_mse(h, t) == 4 / 2 + 9 / 2
    layer_mse(h, t).backward()
    assert torch.equal(h.grad, torch.tensor([[[0., 2.], [-3., 0.]]]))


def test_patient_loss(): # nbs/api/14_distillation.ipynb, cell b2c845ff
    """The states are scaled to length 1: `sum_m ||h_m / |h_m| - h_g(m) / |h_g(m)| ||^2`."""
    h, t = torch.tensor([[[3., 4.], [0., 5.]]], requires_grad=True), torch.tensor([[[6., 8.], [2., 0.]]])
    assert torch.isclose(patient_loss(h, t), torch.tensor(2.)) # the first in line, the second at a right angle
    patient_loss(h, t).backward()
    assert torch.allclose(h.grad, torch.tensor([[[0., 0.], [-.4, 0.]]]), atol=1e-6)


def test_matched(): # nbs/api/14_distillation.ipynb, cell fc520995
    """So the last block matches the last block."""
    assert matched(3, 6) == [0, 2, 4, 6] and matched(6, 6) == list(range(7)) and matched(2, 3) == [0, 1, 3]


def test_attention_scores(): # nbs/api/14_distillation.ipynb, cell c0c0d7a4
    """Afterwards the model uses its former implementation again, also after an error."""
    families = 'bert', 'distilbert', 'roberta', 'gpt2', 'llama'
    words = tiny_classifier().tokenizer(['one text', 'a text that is longer'], padding=True, return_tensors='pt')
    for family in families:
        model = tiny_classifier(family=family); before = model.config._attn_implementation
        with torch.no_grad(), attention_scores(model) as scores: found = model(**words).logits
        model.set_attn_implementation('eager'); want = model(**words, output_attentions=True)
        seen = words['attention_mask'][:, None, None].bool() & (
            torch.ones(7, 7).tril().bool() if family in ('gpt2', 'llama') else True
        )
        again = torch.stack(scores).masked_fill(~seen, -1e9).softmax(-1)
        assert torch.allclose(found, want.logits, atol=1e-6) and torch.allclose(
            again, torch.stack(want.attentions), atol=1e-6
        )
    # scores are capped; sinks take a part of each row
    for family, config in dict(gemma2=dict(attn_logit_softcapping=.5), gpt_oss={}).items():
        with quietly(): model = tiny_classifier(family=family, initializer_range=.3, **config)
        with torch.no_grad(), attention_scores(model) as scores: found = model(**words).logits
        model.set_attn_implementation('eager'); want = model(**words, output_attentions=True)
        again = (
            torch.stack(scores)
            .masked_fill(~(words['attention_mask'][:, None, None].bool() & torch.ones(7, 7).tril().bool()), -1e9)
            .softmax(-1)
        )
        assert (
            torch.allclose(found, want.logits, atol=1e-6)
            and torch.allclose(again, torch.stack(want.attentions), atol=1e-5) == (family == 'gemma2')
            and torch.stack(scores).abs().max() > 0.4
        )
    with expect_fail(KeyError, 'nobody'):
        with attention_scores(tiny := tiny_classifier()): raise KeyError('nobody')
    assert tiny.config._attn_implementation == before == 'sdpa'


def test_signals(): # nbs/api/14_distillation.ipynb, cell bf2ec117
    """Padding adds no rows: the rows of two texts in a batch are the same as those of each text alone."""
    families = 'bert', 'distilbert', 'roberta', 'gpt2', 'llama'
    words = tiny_classifier().tokenizer(['one text', 'a text that is longer'], padding=True, return_tensors='pt')
    every = 'soft', 'cosine', 'hidden', 'patient', 'attention'
    single = [{k: v[i:i + 1][:, words['attention_mask'][i].bool()] for k, v in words.items()} for i in (0, 1)]
    late = 'gpt2', 'llama', 'bloom', 'modernbert-decoder' # they read the last token
    for family in (*families, 'bloom', 'modernbert-decoder'):
        model, terms = tiny_classifier(family=family), every[:4] if family == 'bloom' else every
        together, alone = (
            signals(model, words, terms, [0, 1, 2])[1],
            [signals(model, one, terms, [0, 1, 2])[1] for one in single],
        )
        with torch.no_grad(): states = model(**single[0], output_hidden_states=True).hidden_states[1][0]
        assert torch.allclose(alone[0]['patient'][0, 0], states[-1 if family in late else 0])
        if family == 'bloom': continue
        for term in every:
            assert torch.allclose(together[term], torch.cat([a[term] for a in alone]), atol=1e-5), (family, term)
        pairs = 4 * 5 / 2 + 7 * 8 / 2 if family in late else 4 * 4 + 7 * 7 # the texts have 4 and 7 tokens
        assert (
            [len(together[t]) for t in every] == [2, 11, 11, 2, pairs]
            and together['attention'].shape[1:] == (2, 4)
            and together['hidden'].shape[1:] == (3, 32)
        )


def test_answers(): # nbs/api/14_distillation.ipynb, cell be611b90
    """The kept answers equal those of the teacher, up to the rounding of float16."""
    families = 'bert', 'distilbert', 'roberta', 'gpt2', 'llama'
    words = tiny_classifier().tokenizer(['one text', 'a text that is longer'], padding=True, return_tensors='pt')
    for family in families:
        model = tiny_classifier(family=family); before = model.config._attn_implementation
        with torch.no_grad(), attention_scores(model) as scores: found = model(**words).logits
        model.set_attn_implementation('eager'); want = model(**words, output_attentions=True)
        seen = words['attention_mask'][:, None, None].bool() & (
            torch.ones(7, 7).tril().bool() if family in ('gpt2', 'llama') else True
        )
        again = torch.stack(scores).masked_fill(~seen, -1e9).softmax(-1)
        assert torch.allclose(found, want.logits, atol=1e-6) and torch.allclose(
            again, torch.stack(want.attentions), atol=1e-6
        )
    # scores are capped; sinks take a part of each row
    for family, config in dict(gemma2=dict(attn_logit_softcapping=.5), gpt_oss={}).items():
        with quietly(): model = tiny_classifier(family=family, initializer_range=.3, **config)
        with torch.no_grad(), attention_scores(model) as scores: found = model(**words).logits
        model.set_attn_implementation('eager'); want = model(**words, output_attentions=True)
        again = (
            torch.stack(scores)
            .masked_fill(~(words['attention_mask'][:, None, None].bool() & torch.ones(7, 7).tril().bool()), -1e9)
            .softmax(-1)
        )
        assert (
            torch.allclose(found, want.logits, atol=1e-6)
            and torch.allclose(again, torch.stack(want.attentions), atol=1e-5) == (family == 'gemma2')
            and torch.stack(scores).abs().max() > 0.4
        )
    every = 'soft', 'cosine', 'hidden', 'patient', 'attention'
    single = [{k: v[i:i + 1][:, words['attention_mask'][i].bool()] for k, v in words.items()} for i in (0, 1)]
    late = 'gpt2', 'llama', 'bloom', 'modernbert-decoder' # they read the last token
    for family in (*families, 'bloom', 'modernbert-decoder'):
        model, terms = tiny_classifier(family=family), every[:4] if family == 'bloom' else every
        together, alone = (
            signals(model, words, terms, [0, 1, 2])[1],
            [signals(model, one, terms, [0, 1, 2])[1] for one in single],
        )
        with torch.no_grad(): states = model(**single[0], output_hidden_states=True).hidden_states[1][0]
        assert torch.allclose(alone[0]['patient'][0, 0], states[-1 if family in late else 0])
        if family == 'bloom': continue
        for term in every:
            assert torch.allclose(together[term], torch.cat([a[term] for a in alone]), atol=1e-5), (family, term)
        pairs = 4 * 5 / 2 + 7 * 8 / 2 if family in late else 4 * 4 + 7 * 7 # the texts have 4 and 7 tokens
        assert (
            [len(together[t]) for t in every] == [2, 11, 11, 2, pairs]
            and together['attention'].shape[1:] == (2, 4)
            and together['hidden'].shape[1:] == (3, 32)
        )
    people = bios(200)
    for family, lm in [(f, False) for f in families] + [('gpt2', True), ('llama', True)]:
        model = tiny_lm(family) if lm else tiny_classifier(people.labels, family=family)
        rows = training_rows(model, people, 'train', 32)
        with answers(model, rows, every, [0, 1, 2], tokens_per_batch=300) as found:
            folder = found.folder; assert folder.is_dir()
            some = [5, 0, 17]
            with torch.no_grad():
                want = signals(model, _joined(model, [rows[i] for i in some]), _kept(model, every), [0, 1, 2])[1]
            for term in want:
                assert torch.allclose(found.get(term, some), want[term], atol=1e-6 if term == 'soft' else 2e-3), (
                    family,
                    term,
                )
            if lm:
                assert torch.allclose(
                    model.get_output_embeddings()(found.get('last', some)),
                    signals(model, _joined(model, [rows[i] for i in some]), ['soft'], [])[1]['soft'],
                    atol=2e-3,
                )
        assert not folder.exists()
    with expect_fail(KeyError, 'nobody'):
        with answers(model, rows, every, [0, 1, 2]) as found: folder = found.folder; raise KeyError('nobody')
    assert not folder.exists()
    with expect_fail(ValueError, "the teacher's answers take"):
        _Answers('.', dict(hidden=[10 ** 12]))._new('hidden', (384,))


def test_answers_2(): # nbs/api/14_distillation.ipynb, cell ae5db0d2
    """Logits that are computed from kept states equal the model's own: capped at 2 in this Gemma 2, and an eighth of the head's output in this Granite."""
    for family, change, config in (
        ('gemma2', lambda z: 2 * torch.tanh(z / 2), dict(final_logit_softcapping=2.0, head_dim=8)),
        ('granite', lambda z: z / 8, dict(logits_scaling=8.0)),
    ):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(
            AutoConfig.for_model(
                family,
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                intermediate_size=64,
                vocab_size=500,
                pad_token_id=0,
                bos_token_id=101,
                eos_token_id=102,
                initializer_range=0.5,
                **config,
            )
        ).eval()
        with torch.no_grad():
            told = signals(model, dict(input_ids=torch.arange(200, 240)[None]), ['last', 'soft'], [])[1]
            again, plain = _spoken(model, told['last']), model.get_output_embeddings()(told['last'])
        assert (
            torch.allclose(again, told['soft'], atol=1e-5)
            and torch.allclose(again, change(plain), atol=1e-5)
            and soft_loss(told['soft'], plain) > 0.1 > 1e-6 > soft_loss(told['soft'], again)
        )


def test_PatientKD(): # nbs/api/14_distillation.ipynb, cell cbf25a93
    """2019)."""
    assert TripleLoss().weights == dict(
        soft=5.0, hard=2.0, cosine=1.0, hidden=0.0, attention=0.0, patient=0.0
    ) and Distill().terms == ['soft']
    assert TinyBert().terms == ['soft', 'hidden', 'attention'] and PatientKD(patient=100.).weights['patient'] == 100
    method = TinyBert(Magnitude(.7) >> Recover(), epochs=1)
    assert (
        str(method) == "tinybert(student='magnitude(sparsity=0.7) >> recover()', epochs=1)" and parse(str(method)) == method
    )
    chain = parse(f'{method} >> rtn(bits=8)')
    assert chain == method >> Rtn(8) and chain.needs_data


def test_PatientKD_2(): # nbs/api/14_distillation.ipynb, cell c1716059
    """The loss of a batch is the sum of its terms, computed here from two plain forward passes of hidden states and attention."""
    people = bios(200)
    for family, change, config in (
        ('gemma2', lambda z: 2 * torch.tanh(z / 2), dict(final_logit_softcapping=2.0, head_dim=8)),
        ('granite', lambda z: z / 8, dict(logits_scaling=8.0)),
    ):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(
            AutoConfig.for_model(
                family,
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                intermediate_size=64,
                vocab_size=500,
                pad_token_id=0,
                bos_token_id=101,
                eos_token_id=102,
                initializer_range=0.5,
                **config,
            )
        ).eval()
        with torch.no_grad():
            told = signals(model, dict(input_ids=torch.arange(200, 240)[None]), ['last', 'soft'], [])[1]
            again, plain = _spoken(model, told['last']), model.get_output_embeddings()(told['last'])
        assert (
            torch.allclose(again, told['soft'], atol=1e-5)
            and torch.allclose(again, change(plain), atol=1e-5)
            and soft_loss(told['soft'], plain) > 0.1 > 1e-6 > soft_loss(told['soft'], again)
        )
    @dataclass(frozen=True)
    class Halved(Method):
        "Every second block, from the first on."
        def apply(self, model, data, seed):
            name, kept = next(iter(blocks(model))).rpartition('.')[0], list(blocks(model).values())[::2]
            for i, block in enumerate(kept):
                for m in block.modules():
                    if hasattr(m, 'layer_idx'): m.layer_idx = i
            model.set_submodule(name, torch.nn.ModuleList(kept)); model.config.num_hidden_layers = len(kept)
    teacher = tiny_classifier(people.labels, num_hidden_layers=4)
    student = Halved()(teacher)
    method, rows = Distill('halved()', 2., 3., 4., 5., 6., 7., temperature=3.), training_rows(teacher, people, 'train', 32)
    batch = _joined(teacher, rows[:4]) | dict(labels=torch.tensor([r['labels'] for r in rows[:4]]), index=torch.arange(4))
    with answers(teacher, rows, method.terms, matched(2, 4)) as found:
        loss = _loss(method, teacher, found, range(3))(student, batch)
    inputs = {k: v for k, v in batch.items() if k != 'index'}
    with torch.no_grad(), attention_scores(teacher) as b: t = teacher(**inputs, output_hidden_states=True)
    with torch.no_grad(), attention_scores(student) as a: s = student(**inputs, output_hidden_states=True)
    there = batch['attention_mask'].bool()
    both = there[:, None, :, None] & there[:, None, None, :]
    mse = lambda x, y, there, width: ((x - y) ** 2 * there).sum() / (there.sum() * width) # 32 features, 4 heads
    unit = lambda x: x[:, 0] / x[:, 0].norm(dim=-1, keepdim=True)
    want = (
        3 * s.loss
        + 2
        * 9
        * (F.softmax(t.logits / 3, -1) * (F.log_softmax(t.logits / 3, -1) - F.log_softmax(s.logits / 3, -1))).sum(-1).mean()
    )
    want += 4 * (1 - F.cosine_similarity(s.hidden_states[-1], t.hidden_states[-1], dim=-1))[there].mean()
    want += 5 * sum(mse(s.hidden_states[i], t.hidden_states[2 * i], there[..., None], 32) for i in range(3)) + 6 * sum(
        mse(a[i], b[2 * i + 1], both, 4) for i in range(2)
    )
    want += 7 * (unit(s.hidden_states[1]) - unit(t.hidden_states[2])).square().sum(-1).mean()
    assert torch.isclose(loss, want, rtol=1e-3), (loss, want)
    loss.backward()
    assert all(p.grad is not None for p in student.parameters()) and not any(
        p.grad is not None for p in teacher.parameters()
    )


def test_PatientKD_3(): # nbs/api/14_distillation.ipynb, cell 602e1bdf
    """A pruned student keeps its zeros."""
    for family, change, config in (
        ('gemma2', lambda z: 2 * torch.tanh(z / 2), dict(final_logit_softcapping=2.0, head_dim=8)),
        ('granite', lambda z: z / 8, dict(logits_scaling=8.0)),
    ):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(
            AutoConfig.for_model(
                family,
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                intermediate_size=64,
                vocab_size=500,
                pad_token_id=0,
                bos_token_id=101,
                eos_token_id=102,
                initializer_range=0.5,
                **config,
            )
        ).eval()
        with torch.no_grad():
            told = signals(model, dict(input_ids=torch.arange(200, 240)[None]), ['last', 'soft'], [])[1]
            again, plain = _spoken(model, told['last']), model.get_output_embeddings()(told['last'])
        assert (
            torch.allclose(again, told['soft'], atol=1e-5)
            and torch.allclose(again, change(plain), atol=1e-5)
            and soft_loss(told['soft'], plain) > 0.1 > 1e-6 > soft_loss(told['soft'], again)
        )
    @dataclass(frozen=True)
    class Halved(Method):
        "Every second block, from the first on."
        def apply(self, model, data, seed):
            name, kept = next(iter(blocks(model))).rpartition('.')[0], list(blocks(model).values())[::2]
            for i, block in enumerate(kept):
                for m in block.modules():
                    if hasattr(m, 'layer_idx'): m.layer_idx = i
            model.set_submodule(name, torch.nn.ModuleList(kept)); model.config.num_hidden_layers = len(kept)
    words = pd.DataFrame(
        [
            dict(text=f'{w} {i}', label='yes' if w == 'good' else 'no', groups=g)
            for i in range(100)
            for w, g in (('good', 'a'), ('bad', 'b'))
        ]
    )
    toy = GroupedText.from_frame(words, name='toy')
    dense, some = finetune(tiny_classifier(), toy, epochs=4, lr=5e-3, progress=False), dict(epochs=10, lr=1e-2)
    wrong = GroupedText.from_frame(words.assign(label=words.label.map(dict(yes='no', no='yes'))), name='wrong')
    believes = (Halved() >> Recover(**some))(dense, wrong)
    follows = Distill('halved()', hard=0.0, **some)(
        dense, GroupedText({**toy.splits, 'train': wrong['train']}, toy.labels, toy.groups)
    )
    assert predict(believes, toy).accuracy < .05 and predict(follows, toy).accuracy > .95
    pruned = Distill(Magnitude(.9), **some)(dense, toy)
    assert (
        predict(Magnitude(0.9)(dense), toy).accuracy < predict(pruned, toy).accuracy > 0.95
        and pruned.dtype == torch.float32
    )
    assert all(
        torch.equal(m.weight == 0, Magnitude(0.9)(dense).get_submodule(n).weight == 0) for n, m in prunable(pruned).items()
    )
    assert predict(TinyBert('halved()', bf16=True, **some)(dense, toy), toy).accuracy > .95


def test_PatientKD_4(): # nbs/api/14_distillation.ipynb, cell 9422ec40
    """(The student does not have that block.)"""
    people = bios(200)
    for family, change, config in (
        ('gemma2', lambda z: 2 * torch.tanh(z / 2), dict(final_logit_softcapping=2.0, head_dim=8)),
        ('granite', lambda z: z / 8, dict(logits_scaling=8.0)),
    ):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(
            AutoConfig.for_model(
                family,
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                intermediate_size=64,
                vocab_size=500,
                pad_token_id=0,
                bos_token_id=101,
                eos_token_id=102,
                initializer_range=0.5,
                **config,
            )
        ).eval()
        with torch.no_grad():
            told = signals(model, dict(input_ids=torch.arange(200, 240)[None]), ['last', 'soft'], [])[1]
            again, plain = _spoken(model, told['last']), model.get_output_embeddings()(told['last'])
        assert (
            torch.allclose(again, told['soft'], atol=1e-5)
            and torch.allclose(again, change(plain), atol=1e-5)
            and soft_loss(told['soft'], plain) > 0.1 > 1e-6 > soft_loss(told['soft'], again)
        )
    @dataclass(frozen=True)
    class Halved(Method):
        "Every second block, from the first on."
        def apply(self, model, data, seed):
            name, kept = next(iter(blocks(model))).rpartition('.')[0], list(blocks(model).values())[::2]
            for i, block in enumerate(kept):
                for m in block.modules():
                    if hasattr(m, 'layer_idx'): m.layer_idx = i
            model.set_submodule(name, torch.nn.ModuleList(kept)); model.config.num_hidden_layers = len(kept)
    seen = []
    teacher = tiny_classifier(people.labels).train()
    teacher.bert.encoder.layer[1].register_forward_hook(
        lambda module, args, output: seen.append((len(args[0]), module.training))
    )
    def asked(epochs):
        seen.clear(); TripleLoss(str(Halved()), epochs=epochs)(teacher, people)
        assert not any(training for _, training in seen)
        return sum(n for n, _ in seen)
    once = asked(1)
    assert asked(3) == once and once < len(people['train']) + 20 # some are those of the stopwatch
    assert all(m.training for m in teacher.modules()) # as it was


def test_PatientKD_5(): # nbs/api/14_distillation.ipynb, cell 6e73dea0
    """A language model learns from its teacher's probabilities at every token."""
    for family, change, config in (
        ('gemma2', lambda z: 2 * torch.tanh(z / 2), dict(final_logit_softcapping=2.0, head_dim=8)),
        ('granite', lambda z: z / 8, dict(logits_scaling=8.0)),
    ):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(
            AutoConfig.for_model(
                family,
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                intermediate_size=64,
                vocab_size=500,
                pad_token_id=0,
                bos_token_id=101,
                eos_token_id=102,
                initializer_range=0.5,
                **config,
            )
        ).eval()
        with torch.no_grad():
            told = signals(model, dict(input_ids=torch.arange(200, 240)[None]), ['last', 'soft'], [])[1]
            again, plain = _spoken(model, told['last']), model.get_output_embeddings()(told['last'])
        assert (
            torch.allclose(again, told['soft'], atol=1e-5)
            and torch.allclose(again, change(plain), atol=1e-5)
            and soft_loss(told['soft'], plain) > 0.1 > 1e-6 > soft_loss(told['soft'], again)
        )
    @dataclass(frozen=True)
    class Halved(Method):
        "Every second block, from the first on."
        def apply(self, model, data, seed):
            name, kept = next(iter(blocks(model))).rpartition('.')[0], list(blocks(model).values())[::2]
            for i, block in enumerate(kept):
                for m in block.modules():
                    if hasattr(m, 'layer_idx'): m.layer_idx = i
            model.set_submodule(name, torch.nn.ModuleList(kept)); model.config.num_hidden_layers = len(kept)
    line = ' '.join(f'{w} then' for w in ('one', 'two', 'three', 'four') * 80)
    story, told = Corpus(dict(train=line, validation=line, test=line)), dict(hard=0., epochs=4, lr=5e-3, batch_size=2)
    @torch.no_grad()
    def apart(a, b):
        ids = windows(a, story['test'], 32)
        return float(soft_loss(a(ids).logits.flatten(0, 1), b(ids).logits.flatten(0, 1)))
    for family, one, two in (('gpt2', Distill, TinyBert), ('llama', TripleLoss, PatientKD)):
        speaker = tiny_lm(family, num_hidden_layers=4, initializer_range=.1)
        for method in (one(Magnitude(.9, 'layer'), **told), two(str(Halved()), **told)):
            small = method(speaker, story)
            assert apart(small, speaker) < .5 * apart(parse(method.student)(speaker), speaker)
            assert not method.student.startswith('magnitude') or abs(zeros(small) - .9) < .01


@pytest.mark.heavy
def test_PatientKD_6(): # nbs/api/14_distillation.ipynb, cell c26e77d3
    """They print as a text that `parse` reads, and the student is identical after saving."""
    families = 'bert', 'distilbert', 'roberta', 'gpt2', 'llama'
    for family, change, config in (
        ('gemma2', lambda z: 2 * torch.tanh(z / 2), dict(final_logit_softcapping=2.0, head_dim=8)),
        ('granite', lambda z: z / 8, dict(logits_scaling=8.0)),
    ):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(
            AutoConfig.for_model(
                family,
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                intermediate_size=64,
                vocab_size=500,
                pad_token_id=0,
                bos_token_id=101,
                eos_token_id=102,
                initializer_range=0.5,
                **config,
            )
        ).eval()
        with torch.no_grad():
            told = signals(model, dict(input_ids=torch.arange(200, 240)[None]), ['last', 'soft'], [])[1]
            again, plain = _spoken(model, told['last']), model.get_output_embeddings()(told['last'])
        assert (
            torch.allclose(again, told['soft'], atol=1e-5)
            and torch.allclose(again, change(plain), atol=1e-5)
            and soft_loss(told['soft'], plain) > 0.1 > 1e-6 > soft_loss(told['soft'], again)
        )
    @dataclass(frozen=True)
    class Halved(Method):
        "Every second block, from the first on."
        def apply(self, model, data, seed):
            name, kept = next(iter(blocks(model))).rpartition('.')[0], list(blocks(model).values())[::2]
            for i, block in enumerate(kept):
                for m in block.modules():
                    if hasattr(m, 'layer_idx'): m.layer_idx = i
            model.set_submodule(name, torch.nn.ModuleList(kept)); model.config.num_hidden_layers = len(kept)
    few = bios(140)
    with tempfile.TemporaryDirectory() as folder:
        for family, lm in [(f, False) for f in families] + [('gpt2', True), ('llama', True)]:
            teacher = (
                tiny_lm(family, num_hidden_layers=4)
                if lm
                else tiny_classifier(few.labels, family=family, num_hidden_layers=4)
            )
            auto, ids = (AutoModelForCausalLM if lm else AutoModelForSequenceClassification), torch.arange(1000, 1020)[None]
            for kind in (TinyBert, PatientKD) if lm else (Distill, TripleLoss, TinyBert, PatientKD):
                method = kind(f'{Halved()} >> magnitude()', epochs=.5); small = method(teacher, few)
                assert (
                    len(blocks(small)) == 2
                    and small.record.method == str(method) == str(parse(str(method)))
                    and abs(zeros(small) - 0.5) < 0.01
                )
                with quietly(): again = load(save(small, f'{folder}/model')), auto.from_pretrained(f'{folder}/model').eval()
                assert all(torch.equal(m(ids).logits, small(ids).logits) for m in again) and again[0].record == small.record
                assert small.config._attn_implementation == teacher.config._attn_implementation == 'sdpa'
        # by way of an assistant
        two = (Distill(str(Halved()), epochs=.5) >> TripleLoss(str(Halved()), epochs=.5))(teacher, few)
        assert (
            len(blocks(two)) == 1
            and two.record.method == "distill(student='halved()', epochs=0.5) >> tripleloss(student='halved()', epochs=0.5)"
        )


def test_PatientKD_7(): # nbs/api/14_distillation.ipynb, cell 7bfcf5f8
    """What cannot work is refused, with a reason."""
    people = bios(200)
    for family, change, config in (
        ('gemma2', lambda z: 2 * torch.tanh(z / 2), dict(final_logit_softcapping=2.0, head_dim=8)),
        ('granite', lambda z: z / 8, dict(logits_scaling=8.0)),
    ):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(
            AutoConfig.for_model(
                family,
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                intermediate_size=64,
                vocab_size=500,
                pad_token_id=0,
                bos_token_id=101,
                eos_token_id=102,
                initializer_range=0.5,
                **config,
            )
        ).eval()
        with torch.no_grad():
            told = signals(model, dict(input_ids=torch.arange(200, 240)[None]), ['last', 'soft'], [])[1]
            again, plain = _spoken(model, told['last']), model.get_output_embeddings()(told['last'])
        assert (
            torch.allclose(again, told['soft'], atol=1e-5)
            and torch.allclose(again, change(plain), atol=1e-5)
            and soft_loss(told['soft'], plain) > 0.1 > 1e-6 > soft_loss(told['soft'], again)
        )
    @dataclass(frozen=True)
    class Halved(Method):
        "Every second block, from the first on."
        def apply(self, model, data, seed):
            name, kept = next(iter(blocks(model))).rpartition('.')[0], list(blocks(model).values())[::2]
            for i, block in enumerate(kept):
                for m in block.modules():
                    if hasattr(m, 'layer_idx'): m.layer_idx = i
            model.set_submodule(name, torch.nn.ModuleList(kept)); model.config.num_hidden_layers = len(kept)
    @dataclass(frozen=True)
    class Narrow(Method):
        "Another model with fewer features and heads."
        def apply(self, model, data, seed): return tiny_classifier(data.labels, hidden_size=16, num_attention_heads=2)
    tiny = tiny_classifier(people.labels)
    with expect_fail(ValueError, 'needs data'): Distill('halved()')(tiny)
    with expect_fail(ValueError, "Unknown method 'halve'"): Distill('halve()')(tiny, people)
    with expect_fail(ValueError, 'sparsity = 2'): Distill('magnitude(2) >> recover()')(tiny, people)
    with expect_fail(ValueError, 'student is empty'): Distill('')(tiny, people)
    with expect_fail(ValueError, 'magnitude(0.0) leaves the teacher as it is'): Distill('magnitude(0.0)')(tiny, people)
    with expect_fail(ValueError, 'cosine = -1'): Distill('halved()', cosine=-1.)(tiny, people)
    with expect_fail(ValueError, 'soft = nan'): Distill('halved()', soft=math.nan)(tiny, people)
    with expect_fail(ValueError, 'no term of the teacher has a weight'): Distill('halved()', soft=0.)(tiny, people)
    with expect_fail(ValueError, 'temperature = 0'): Distill('halved()', temperature=0)(tiny, people)
    with expect_fail(ValueError, 'epochs and lr must be above 0'): Distill('halved()', epochs=0)(tiny, people)
    with expect_fail(ValueError, 'batch_size at least 1'): Distill('halved()', batch_size=0)(tiny, people)
    with expect_fail(ValueError, 'a student of one block has none'): PatientKD('halved()')(tiny, people)
    with expect_fail(ValueError, 'a model of one block has none'): PatientKD('halved()')(Halved()(tiny), people)
    with expect_fail(ValueError, 'the student has 16 features, the teacher 32'):
        Distill('narrow()', hidden=1.)(tiny, people)
    with expect_fail(ValueError, 'the student has 2 heads, the teacher 4'): Distill('narrow()', attention=1.)(tiny, people)
    with expect_fail(ValueError, 'The blocks have 4, 2 heads'): _stack([torch.zeros(1, 4), torch.zeros(1, 2)], 0, 'heads')
    # its head is more than its last layer
    with expect_fail(ValueError, 'the logits of a bert language model do not follow'):
        Distill('magnitude()')(tiny_lm('bert', is_decoder=True), Corpus(dict(train='one two ' * 100, validation='one')))
    for family, term, why in [
        (f, 'attention', 'attention: the scores of a') for f in ('bloom', 'falcon', 'deberta', 'mpnet', 'funnel')
    ] + [
        ('funnel', 'hidden', 'hidden: not every block of a funnel model'),
        ('t5', 'cosine', 'cosine: a t5 model has no single row of blocks'),
    ]:
        with expect_fail(ValueError, why):
            Distill('magnitude()', **{term: 1.})(tiny_classifier(people.labels, family=family), people)
    # logits can be compared
    for family in ('t5', 'bart'):
        assert (
            abs(zeros(Distill('magnitude()', epochs=0.1)(tiny_classifier(people.labels, family=family), people)) - 0.5)
            < 0.01
        )
    with expect_fail(ValueError, 'reads 5 of the 5 tokens'):
        PatientKD('magnitude()')(tiny_classifier(people.labels, family='modernbert', classifier_pooling='mean'), people)
    assert _depth(tiny_classifier(family='albert', num_hidden_layers=3), _TERMS) == 3 # one block that runs three times
    with expect_fail(ValueError, 'has no labels'): Distill('halved()')(tiny, Corpus(dict(train='a', validation='a')))
    with expect_fail(ValueError, 'The model has the labels'): Distill('halved()')(tiny_classifier(), people)
    assert Distill('narrow()', epochs=.5)(tiny, people).config.hidden_size == 16 # logits can be compared


@pytest.mark.slow
@pytest.mark.data
def test_PatientKD_8(): # nbs/api/14_distillation.ipynb, cell f5bd9368
    """The intervals of the changes come from [a paired bootstrap](20_groups.ipynb) over texts."""
    for family, change, config in (
        ('gemma2', lambda z: 2 * torch.tanh(z / 2), dict(final_logit_softcapping=2.0, head_dim=8)),
        ('granite', lambda z: z / 8, dict(logits_scaling=8.0)),
    ):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(
            AutoConfig.for_model(
                family,
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                intermediate_size=64,
                vocab_size=500,
                pad_token_id=0,
                bos_token_id=101,
                eos_token_id=102,
                initializer_range=0.5,
                **config,
            )
        ).eval()
        with torch.no_grad():
            told = signals(model, dict(input_ids=torch.arange(200, 240)[None]), ['last', 'soft'], [])[1]
            again, plain = _spoken(model, told['last']), model.get_output_embeddings()(told['last'])
        assert (
            torch.allclose(again, told['soft'], atol=1e-5)
            and torch.allclose(again, change(plain), atol=1e-5)
            and soft_loss(told['soft'], plain) > 0.1 > 1e-6 > soft_loss(told['soft'], again)
        )
    @torch.no_grad()
    def milliseconds(model): return min(latency(model) for _ in range(5)) # the machine may be busy
    def study(data, name, student_epochs, **training):
        teacher = finetune(MINILM, data, seed=0, progress=False, group_by_length=True, **training)
        half = f'epochs={student_epochs}, bf16=True'
        small = {
            'distilled': parse(f"distill('layerdrop(keep=3)', {half})")(teacher, data),
            'labels alone': parse(f'layerdrop(keep=3) >> recover(lr=0.0002, {half})')(teacher, data),
        }
        assert all(m.record.macs < .51 * teacher.record.macs for m in small.values())
        dense, time, rows = predict(teacher, data), milliseconds(teacher), []
        for student, model in small.items():
            found = compare(dense, predict(model, data)).query(
                "judged and (group in ('all', 'judged')) and metric in ('accuracy', 'worst_group_accuracy', 'tpr')"
            )
            rows.append(
                found.assign(
                    data=name, student=student, faster=time / milliseconds(model), share=found.compressed / found.dense
                )
            )
        return pd.concat(rows)
    table = pd.concat(
        [study(toxigen(by='id'), 'ToxiGen', 3, epochs=2), study(hatexplain(), 'HateXplain', 1, epochs=1, bf16=True)],
        ignore_index=True,
    )
    table['measure'] = [dict(tpr=f'recall of {c}').get(m, m.replace('_', ' ')) for m, c in zip(table.metric, table.cls)]
    distilled = table[(table.metric == 'accuracy') & (table.student == 'distilled')]
    assert len(distilled) == 2 and (distilled.share >= .95).all()
