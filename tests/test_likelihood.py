# Generated from nbs/api/06_likelihood.ipynb: edit the notebook
import pytest
import numpy as np
import torch
from fairprune.corpus import masked_perplexity, perplexity
import io
from contextlib import redirect_stderr
import matplotlib.pyplot as plt
from fastcore.test import expect_fail
from fairprune.models import TINY, causal, load_lm, predict, tiny_classifier, tiny_lm, tiny_masked_lm
from fairprune.synthetic import bios
from fairprune.compress.pruning import Magnitude
from fairprune.compress.quantization import Int8
from fairprune.named import SMOLLM2
from fairprune.likelihood import *
from fairprune.likelihood import _alike, _ancestors, _log_p, _packs, _pieces, _reads_trees, _tree


def test_check_rows(): # nbs/api/06_likelihood.ipynb, cell fa2ada87
    """Within a word it may differ: there one token may stand for the end of the prefix and the beginning of the text, and no token belongs to the text alone."""
    lm = tiny_lm()
    ids, own = _pieces(lm, ['good.', ' good.'], ['The food is ', 'The food is'])
    assert ids[0] == ids[1] and own == [3, 3] and len(ids[0]) == 5
    assert first_token(lm, 101) == [101] and first_token(lm, False) == []
    with expect_fail(ValueError, 'The tokenizer has no BOS token. Pass bos=False'): first_token(lm, True)
    with expect_fail(ValueError, 'bos = 40000'): first_token(lm, 40000)
    with expect_fail(ValueError, 'Give a list of texts'): _pieces(lm, 'good', None)
    with expect_fail(ValueError, '2 texts and 1 prefixes'): _pieces(lm, ['a', 'b'], [''])


def test_check_rows_2(): # nbs/api/06_likelihood.ipynb, cell db7c7848
    """`notebook` is one token, so it cannot be divided and is refused."""
    lm = tiny_lm()
    (row,), (start,) = _pieces(lm, ['pecker flew'], ['The wood'])
    assert lm.tokenizer.convert_ids_to_tokens(row[start:]) == ['##pe', '##cker', 'flew']
    with expect_fail(ValueError, "Prefix and text 1 meet inside the token 'notebook'"):
        _pieces(lm, ['fine', 'book fell'], ['All is', 'The note'])


def test_packs(): # nbs/api/06_likelihood.ipynb, cell 95c69275
    """The tokens are listed depth first, and each text is a path through the tree."""
    lm = tiny_lm()
    texts = ['The nurse was kind.', 'The nurse was rude.', 'The nurse left.']
    rows = sorted([101, *ids] for ids in _pieces(lm, texts, None)[0])
    ids, paths = _tree(rows)
    assert [[ids[k] for k in path] for path in paths] == rows and len(ids) == 10 and sum(map(len, rows)) == 17
    assert (
        [len(p) for p in _packs(rows, 8)] == [2, 1]
        and _packs(rows, 4) == [[r] for r in rows]
        and sum(_packs(rows, 100), []) == rows
    )


def test_ancestors(): # nbs/api/06_likelihood.ipynb, cell 6e33f74b
    """The picture shows the attention mask that does this."""
    lm = tiny_lm()
    texts = ['The nurse was kind.', 'The nurse was rude.', 'The nurse left.']
    rows = sorted([101, *ids] for ids in _pieces(lm, texts, None)[0])
    ids, paths = _tree(rows)
    words = lm.tokenizer.convert_ids_to_tokens(ids)
    seen = _ancestors(len(ids), paths)
    assert seen[words.index('rude'), words.index('nurse')] and not seen[words.index('rude'), words.index('kind')]
    fig, ax = plt.subplots(figsize=(3.4, 3.4))
    ax.imshow(seen, cmap='Greys')
    ax.set_xticks(range(len(ids)), words, rotation=90)
    ax.set_yticks(range(len(ids)), words)
    ax.set(xlabel='is read', ylabel='reads', title='Three sentences, one pass')


def test_log_p(): # nbs/api/06_likelihood.ipynb, cell 1d0ba8d6
    """This sum is computed in pieces small enough for the processor's cache."""
    lm = tiny_lm()
    texts = ['The nurse was kind.', 'The nurse was rude.', 'The nurse left.']
    rows = sorted([101, *ids] for ids in _pieces(lm, texts, None)[0])
    ids = torch.tensor([rows[0], rows[1]])[:, :5]
    at = torch.zeros(2, 5, dtype=bool)
    at[0, 1] = at[1, 3] = True
    with scoring(lm):
        whole = lm(input_ids=ids).logits
        some = logits_at(lm, at, input_ids=ids).logits
        assert torch.allclose(some, whole[at], atol=1e-6) and lm(input_ids=ids).logits.shape == whole.shape
        other = tiny_masked_lm('mobilebert', embedding_size=16)
        assert torch.allclose(logits_at(other, at, input_ids=ids).logits, other(input_ids=ids).logits[at], atol=1e-6)
        assert torch.allclose(
            _log_p(some, torch.tensor([0, 1, 1]), torch.tensor([7, 8, 9])),
            whole.log_softmax(-1)[[0, 1, 1], [1, 3, 3], [7, 8, 9]],
            atol=1e-5,
        )


def test_table(): # nbs/api/06_likelihood.ipynb, cell fa76bce4
    """The scores are the same as those of one text at a time: in two architectures, with BOS (the token for the beginning), without it, and after a prefix."""
    lm = tiny_lm()
    texts = ['The nurse was kind.', 'The nurse was rude.', 'The nurse left.']
    def naive(model, text, prefix='', bos=(101,)):
        own, ids = (
            list(bos) + model.tokenizer(t, add_special_tokens=False)['input_ids'] for t in (prefix.rstrip(), prefix + text)
        )
        with torch.no_grad(): p = model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
        return [p[k - 1, ids[k]].item() for k in range(max(1, len(own)), len(ids))]
    rng, vocabulary = (
        np.random.default_rng(0),
        'the a nurse doctor was is very kind rude old and left . , because not'.split(),
    )
    many = [' '.join(rng.choice(vocabulary, n)) for n in rng.integers(2, 30, 60)] + texts + texts[:1]
    contexts = [' '.join(rng.choice(vocabulary, n)) + ' ' * bool(n) for n in rng.integers(0, 12, len(many))]
    for model in (lm, tiny_lm('gpt2', seed=1)):
        for bos in (101, False):
            for prefixes in (None, contexts):
                found = loglikelihoods(model, many, prefixes, bos=bos, per_token=True, tokens_per_batch=300)
                slow = [naive(model, t, p, (bos,) if bos else ()) for t, p in zip(many, prefixes or [''] * len(many))]
                assert all(np.allclose(a, b, atol=1e-4) for a, b in zip(found.each, slow)) and found.tokens.tolist() == [
                    len(s) for s in slow
                ]
                assert np.allclose(found.loglikelihood, [sum(s) for s in slow], atol=1e-3)


def test_table_2(): # nbs/api/06_likelihood.ipynb, cell fad1769d
    lm = tiny_lm()
    def naive(model, text, prefix='', bos=(101,)):
        own, ids = (
            list(bos) + model.tokenizer(t, add_special_tokens=False)['input_ids'] for t in (prefix.rstrip(), prefix + text)
        )
        with torch.no_grad(): p = model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
        return [p[k - 1, ids[k]].item() for k in range(max(1, len(own)), len(ids))]
    def heard(model):
        torch.manual_seed(0)
        for p in model.parameters(): p.data += .1 * torch.randn_like(p) # so that every part has a say
        return model
    def packed(texts): return _packs(sorted((101, *ids) for ids in _pieces(lm, texts, None)[0]), 128)
    pairs = [
        f'{a} and {b}.'
        for a in ('The nurse was very', 'The doctor was not')
        for b in ('kind', 'rude', 'old', 'left', 'not kind', 'not rude', 'because', 'very old')
    ]
    beyond = [' '.join(['kind'] * 20) + ' ' + p for p in pairs]
    for name, short, longer in (
        ('mistral', True, False),
        ('gemma3_text', True, False),
        ('llama', True, True),
        ('bloom', False, False),
        ('modernbert-decoder', False, False),
    ):
        model = heard(tiny_lm(name)).eval()
        with scoring(model): assert [_reads_trees(model, packed(t)) for t in (pairs, beyond)] == [short, longer], name
        for given in (pairs, beyond):
            assert np.allclose(
                loglikelihoods(model, given, bos=101).loglikelihood, [sum(naive(model, t)) for t in given], atol=1e-3
            ), name
    assert not _reads_trees(lm, packed(pairs[:2])) # nothing to be saved
    with scoring(eight := Int8()(heard(tiny_lm()))):
        assert _reads_trees(eight, packed(pairs)) and not any(m._forward_hooks for m in eight.modules())


@pytest.mark.slow
def test_table_3(): # nbs/api/06_likelihood.ipynb, cell b46ca093
    texts = ['The nurse was kind.', 'The nurse was rude.', 'The nurse left.']
    def naive(model, text, prefix='', bos=(101,)):
        own, ids = (
            list(bos) + model.tokenizer(t, add_special_tokens=False)['input_ids'] for t in (prefix.rstrip(), prefix + text)
        )
        with torch.no_grad(): p = model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
        return [p[k - 1, ids[k]].item() for k in range(max(1, len(own)), len(ids))]
    rng, vocabulary = (
        np.random.default_rng(0),
        'the a nurse doctor was is very kind rude old and left . , because not'.split(),
    )
    many = [' '.join(rng.choice(vocabulary, n)) for n in rng.integers(2, 30, 60)] + texts + texts[:1]
    contexts = [' '.join(rng.choice(vocabulary, n)) + ' ' * bool(n) for n in rng.integers(0, 12, len(many))]
    def heard(model):
        torch.manual_seed(0)
        for p in model.parameters(): p.data += .1 * torch.randn_like(p) # so that every part has a say
        return model
    pairs = [
        f'{a} and {b}.'
        for a in ('The nurse was very', 'The doctor was not')
        for b in ('kind', 'rude', 'old', 'left', 'not kind', 'not rude', 'because', 'very old')
    ]
    beyond = [' '.join(['kind'] * 20) + ' ' + p for p in pairs]
    def right(name):
        "Scores are those of one text at a time; or the model is refused."
        try: model = heard(tiny_lm(name)).eval()
        except ValueError as e: assert 'Transformers has no AutoModelForCausalLM' in str(e); return
        if not causal(model):
            with expect_fail(ValueError, 'reads the words after a token as well'): loglikelihoods(model, pairs, bos=101)
            return
        for given, before in ((pairs, [''] * len(pairs)), (beyond, [''] * len(beyond)), (many, contexts)):
            found = loglikelihoods(model, given, before, bos=101, per_token=True, tokens_per_batch=300)
            assert all(np.allclose(a, naive(model, t, p), atol=1e-3) for a, t, p in zip(found.each, given, before)), name
    assert not any(right(name) for name in TINY)


def test_table_4(): # nbs/api/06_likelihood.ipynb, cell 06678309
    """Scores that are not numbers are an error, so that a damaged model is not taken for a fair one."""
    lm = tiny_lm()
    texts = ['The nurse was kind.', 'The nurse was rude.', 'The nurse left.']
    with expect_fail(ValueError, 'loglikelihoods needs a causal language model; tiny is a masked language model'):
        loglikelihoods(tiny_masked_lm(), texts)
    with expect_fail(ValueError, 'The tokenizer has no BOS token'): loglikelihoods(lm, texts)
    with expect_fail(ValueError, 'Text 1 has no token that counts'): loglikelihoods(lm, ['a b', ''], bos=101)
    with expect_fail(ValueError, 'Text 0 has no token that counts'): loglikelihoods(lm, ['word'], bos=False)
    with expect_fail(ValueError, 'Text 0 has 201 tokens; the model reads at most 128'):
        loglikelihoods(lm, ['word ' * 200], bos=101)
    broken = tiny_lm()
    broken.lm_head.weight.data[5] = float('nan')
    with expect_fail(ValueError, '3 of 3 texts have a score that is not a number'): loglikelihoods(broken, texts, bos=101)
    assert len(loglikelihoods(lm, [], bos=101)) == 0


def test_table_5(): # nbs/api/06_likelihood.ipynb, cell 37838390
    """A model in training mode is scored as in evaluation mode, and a compressed model is scored like any other."""
    lm = tiny_lm()
    texts = ['The nurse was kind.', 'The nurse was rude.', 'The nurse left.']
    def naive(model, text, prefix='', bos=(101,)):
        own, ids = (
            list(bos) + model.tokenizer(t, add_special_tokens=False)['input_ids'] for t in (prefix.rstrip(), prefix + text)
        )
        with torch.no_grad(): p = model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
        return [p[k - 1, ids[k]].item() for k in range(max(1, len(own)), len(ids))]
    less = Magnitude(.5)(lm).train()
    assert np.isclose(loglikelihoods(less, texts, bos=101).loglikelihood[2], sum(naive(less.eval(), texts[2])), atol=1e-3)
    less.train()
    loglikelihoods(less, texts, bos=101)
    assert less.training


def test_fill(): # nbs/api/06_likelihood.ipynb, cell ce0fd4f7
    """A batch holds texts of one length, because not every model ignores padding: a Funnel model averages the padding in with the words."""
    lm = tiny_lm()
    texts = ['The nurse was kind.', 'The nurse was rude.', 'The nurse left.']
    less = Magnitude(.5)(lm).train()
    less.train()
    loglikelihoods(less, texts, bos=101)
    masked = tiny_masked_lm()
    rows, places = encode_masked(masked, texts[:1])
    assert places == [[1, 2, 3, 4, 5]] and rows[0][0] == masked.tokenizer.cls_token_id


def test_fill_2(): # nbs/api/06_likelihood.ipynb, cell e020b074
    """The scores are the same as those of one masked text at a time: for whole texts, after a prefix, and at chosen positions."""
    lm = tiny_lm()
    texts = ['The nurse was kind.', 'The nurse was rude.', 'The nurse left.']
    rng, vocabulary = (
        np.random.default_rng(0),
        'the a nurse doctor was is very kind rude old and left . , because not'.split(),
    )
    many = [' '.join(rng.choice(vocabulary, n)) for n in rng.integers(2, 30, 60)] + texts + texts[:1]
    contexts = [' '.join(rng.choice(vocabulary, n)) + ' ' * bool(n) for n in rng.integers(0, 12, len(many))]
    def heard(model):
        torch.manual_seed(0)
        for p in model.parameters(): p.data += .1 * torch.randn_like(p) # so that every part has a say
        return model
    less = Magnitude(.5)(lm).train()
    less.train()
    loglikelihoods(less, texts, bos=101)
    masked = tiny_masked_lm()
    pseudo_loglikelihoods(masked, texts, per_token=True)
    def naive_masked(model, text, prefix='', at=None):
        own, ids = (model.tokenizer(t)['input_ids'] for t in (prefix.rstrip(), prefix + text))
        out = []
        for k in range(len(own) - 1, len(ids) - 1) if at is None else at:
            hidden = torch.tensor([ids]); hidden[0, k] = model.tokenizer.mask_token_id
            with torch.no_grad(): out.append(model(input_ids=hidden).logits[0, k].log_softmax(-1)[ids[k]].item())
        return out
    short = many[:10] + texts
    def agrees(model, prefixes, at):
        found = pseudo_loglikelihoods(model, short, prefixes, at, per_token=True, tokens_per_batch=300)
        slow = [naive_masked(model, t, p, at and at[0]) for t, p in zip(short, prefixes or [''] * 13)]
        return all(np.allclose(a, b, atol=1e-3) for a, b in zip(found.each, slow)) and found.tokens.tolist() == [
            len(s) for s in slow
        ]
    assert _alike([3, 9, 3, 3, 9], 8) == [[1], [4], [0, 2], [3]]
    for model in (tiny_masked_lm(), tiny_masked_lm('roberta')):
        assert all(agrees(heard(model), *ask) for ask in ((None, None), (contexts[:13], None), (None, [[2, 1]] * 13)))
    for model in (tiny_masked_lm('mobilebert', embedding_size=16), tiny_masked_lm('funnel')):
        assert agrees(heard(model), None, [[2, 1]] * 13)


@pytest.mark.slow
def test_fill_3(): # nbs/api/06_likelihood.ipynb, cell f5c487bb
    lm = tiny_lm()
    texts = ['The nurse was kind.', 'The nurse was rude.', 'The nurse left.']
    rng, vocabulary = (
        np.random.default_rng(0),
        'the a nurse doctor was is very kind rude old and left . , because not'.split(),
    )
    many = [' '.join(rng.choice(vocabulary, n)) for n in rng.integers(2, 30, 60)] + texts + texts[:1]
    contexts = [' '.join(rng.choice(vocabulary, n)) + ' ' * bool(n) for n in rng.integers(0, 12, len(many))]
    def heard(model):
        torch.manual_seed(0)
        for p in model.parameters(): p.data += .1 * torch.randn_like(p) # so that every part has a say
        return model
    less = Magnitude(.5)(lm).train()
    less.train()
    loglikelihoods(less, texts, bos=101)
    masked = tiny_masked_lm()
    pseudo_loglikelihoods(masked, texts, per_token=True)
    def naive_masked(model, text, prefix='', at=None):
        own, ids = (model.tokenizer(t)['input_ids'] for t in (prefix.rstrip(), prefix + text))
        out = []
        for k in range(len(own) - 1, len(ids) - 1) if at is None else at:
            hidden = torch.tensor([ids]); hidden[0, k] = model.tokenizer.mask_token_id
            with torch.no_grad(): out.append(model(input_ids=hidden).logits[0, k].log_softmax(-1)[ids[k]].item())
        return out
    short = many[:10] + texts
    def agrees(model, prefixes, at):
        found = pseudo_loglikelihoods(model, short, prefixes, at, per_token=True, tokens_per_batch=300)
        slow = [naive_masked(model, t, p, at and at[0]) for t, p in zip(short, prefixes or [''] * 13)]
        return all(np.allclose(a, b, atol=1e-3) for a, b in zip(found.each, slow)) and found.tokens.tolist() == [
            len(s) for s in slow
        ]
    def right_masked(name):
        "Scores are those of one masked text at a time; or the model is refused."
        try: model = heard(tiny_masked_lm(name))
        except ValueError as e: assert 'Transformers has no AutoModelForMaskedLM' in str(e); return
        if not model.config.is_encoder_decoder:
            assert agrees(model, None, None) and agrees(model, contexts[:13], None), name
            return
        with expect_fail(ValueError, 'is an encoder-decoder'): pseudo_loglikelihoods(model, texts)
    assert not any(right_masked(name) for name in TINY)


def test_fill_4(): # nbs/api/06_likelihood.ipynb, cell 0f8ad3f6
    lm = tiny_lm()
    texts = ['The nurse was kind.', 'The nurse was rude.', 'The nurse left.']
    less = Magnitude(.5)(lm).train()
    less.train()
    loglikelihoods(less, texts, bos=101)
    masked = tiny_masked_lm()
    pseudo_loglikelihoods(masked, texts, per_token=True)
    with expect_fail(ValueError, 'pseudo_loglikelihoods needs a masked language model; tiny is a causal'):
        pseudo_loglikelihoods(lm, texts)
    with expect_fail(ValueError, 'tiny is a classifier'): pseudo_loglikelihoods(tiny_classifier(), texts)
    with expect_fail(ValueError, 'Text 1 has no token that counts'): pseudo_loglikelihoods(masked, ['a', ''])
    with expect_fail(ValueError, 'Text 0 has the positions 0 to 6; 1 to 7 are asked for'):
        pseudo_loglikelihoods(masked, texts[:1], positions=[[1, 7]])
    with expect_fail(ValueError, '3 texts and 1 lists of positions'): pseudo_loglikelihoods(masked, texts, positions=[[1]])
    with expect_fail(ValueError, 'Text 0 has 202 tokens; the model reads at most 128'):
        pseudo_loglikelihoods(masked, ['word ' * 200])
    broken = tiny_masked_lm()
    broken.get_output_embeddings().weight.data[5] = float('nan')
    with expect_fail(ValueError, '3 of 3 texts have a score that is not a number'): pseudo_loglikelihoods(broken, texts)
    assert len(pseudo_loglikelihoods(masked, [])) == 0


def test_text_scores(): # nbs/api/06_likelihood.ipynb, cell 3acd407b
    """A log-likelihood and a pseudo-log-likelihood are not comparable with each other, so the kind must be named beside the number."""
    lm = tiny_lm()
    texts = ['The nurse was kind.', 'The nurse was rude.', 'The nurse left.']
    rng, vocabulary = (
        np.random.default_rng(0),
        'the a nurse doctor was is very kind rude old and left . , because not'.split(),
    )
    many = [' '.join(rng.choice(vocabulary, n)) for n in rng.integers(2, 30, 60)] + texts + texts[:1]
    contexts = [' '.join(rng.choice(vocabulary, n)) + ' ' * bool(n) for n in rng.integers(0, 12, len(many))]
    less = Magnitude(.5)(lm).train()
    less.train()
    loglikelihoods(less, texts, bos=101)
    masked = tiny_masked_lm()
    pseudo_loglikelihoods(masked, texts, per_token=True)
    assert text_scores(lm, texts, bos=101).equals(loglikelihoods(lm, texts, bos=101))
    assert text_scores(masked, texts, contexts[:3]).equals(pseudo_loglikelihoods(masked, texts, contexts[:3]))
    with expect_fail(
        ValueError, 'text_scores needs a causal language model or a masked language model; tiny is a classifier'
    ):
        text_scores(tiny_classifier(), texts)


def test_condition(): # nbs/api/06_likelihood.ipynb, cell 7bbd9b80
    """The condition of a model is one number: the accuracy of a classifier on a split, or the [perplexity](../glossary.ipynb#perplexity) of a language model on running text."""
    lm = tiny_lm()
    texts = ['The nurse was kind.', 'The nurse was rude.', 'The nurse left.']
    less = Magnitude(.5)(lm).train()
    less.train()
    loglikelihoods(less, texts, bos=101)
    masked = tiny_masked_lm()
    pseudo_loglikelihoods(masked, texts, per_token=True)
    data = bios(400)
    knows = tiny_classifier(data.labels)
    assert condition(knows, data) == predict(knows, data).accuracy
    assert condition(lm, data, n=2, length=32) == perplexity(lm, data, length=32, n=2) and condition(
        masked, data, n=2, length=32
    ) == masked_perplexity(masked, data, length=32, n=2)


@pytest.mark.slow
def test_condition_2(): # nbs/api/06_likelihood.ipynb, cell 2af68fe3
    with redirect_stderr(io.StringIO()): smol = load_lm(SMOLLM2)
    answers = loglikelihoods(smol, ['Paris.', 'Rome.', 'Madrid.'], ['The capital of Italy is '] * 3)
    assert answers.loglikelihood.idxmax() == 1
