# Generated from nbs/api/06b_sampling.ipynb: edit the notebook
import pytest
import numpy as np
import pandas as pd
import torch
from fastcore.test import expect_fail
from fairprune.compress.pruning import Magnitude
from fairprune.models import TINY, causal, quietly, tiny_classifier, tiny_lm, tiny_masked_lm
from fairprune.generation import *
from fairprune.generation import _ends, _extend, _gumbel, _near, _prompt_rows, _shaped, _stream


def test_gumbel(): # nbs/api/06b_sampling.ipynb, cell 8a9e00f7
    """The token that is found is a draw from the model's distribution at temperature $T$."""
    noise = _gumbel([_stream('The nurse', 0, 0), _stream('The nurse', 1, 0), _stream('The nurse', 0, 0)], 20_000)
    assert torch.equal(noise[0], noise[2]) and not torch.equal(noise[0], noise[1])
    # mean and variance of a Gumbel variable
    assert abs(noise[0].mean() - .5772) < .03 and abs(noise[0].var() - np.pi**2 / 6) < .06


def test_shaped(): # nbs/api/06b_sampling.ipynb, cell 4374baa8
    """Transformers uses the same order."""
    scores = torch.log(torch.tensor([[.5, .3, .15, .05]]))
    assert torch.allclose(_shaped(scores, 1., 2, None).softmax(-1), torch.tensor([[.625, .375, 0, 0]]))
    assert torch.allclose(_shaped(scores, 1., None, .9).softmax(-1), torch.tensor([[.5, .3, .15, 0]]) / .95)
    assert torch.allclose(_shaped(scores, .5, None, None).softmax(-1), torch.tensor([[.25, .09, .0225, .0025]]) / .365)


def test_prompt_rows(): # nbs/api/06b_sampling.ipynb, cell 8c2acbca
    """Prompts begin with BOS, the token for the beginning of a text, if the tokenizer puts it there by itself."""
    lm = tiny_lm()
    assert _ends(lm) == {0, 2, 100, 101, 102, 103} and lm.config.eos_token_id == 2
    assert _prompt_rows(lm, ['the nurse'], None, 5) == [[1996, 6821]] and _prompt_rows(lm, ['the nurse', ''], 101, 5) == [
        [101, 1996, 6821],
        [101],
    ]


def test_extend(): # nbs/api/06b_sampling.ipynb, cell 0262f675
    """A row that is finished leaves the batch."""
    lm = tiny_lm()
    assert (
        _near([3, 9, 4, 3, 8], 2, 24) == [[1, 4], [2, 0, 3]]
        and _near([3, 9, 4, 3, 8], 2, 12) == [[1], [4], [2, 0], [3]]
        and _near([], 2, 9) == []
    )
    rows = _prompt_rows(lm, ['the nurse', 'the nurse was very kind', 'he'], None, 4)
    names = [(str(row), 0, 0) for row in rows]
    together, _ = _extend(lm, rows, [_stream(*name) for name in names], 4, {0}, .05, None, None)
    assert (
        together == [_extend(lm, [row], [_stream(*name)], 4, {0}, 0.05, None, None)[0][0] for row, name in zip(rows, names)]
        and [len(t) for t in together] == [4] * 3
    )


def test_told(): # nbs/api/06b_sampling.ipynb, cell e58f0120
    """A continuation does not depend on the batch, its order, the other prompts or torch's own seed."""
    lm = tiny_lm()
    prompts = ['the nurse was', 'my neighbour said that', 'he', 'she', 'the old man and the sea', 'the doctor was']
    said = generate(lm, prompts, n=2, max_new_tokens=8)
    assert (
        len(said) == 12
        and said.prompt.tolist() == [p for p in prompts for _ in range(2)]
        and said.continuation.nunique() == 12
    )
    torch.manual_seed(7)
    again = generate(lm.train(), prompts[::-1] + ['another one'], n=2, max_new_tokens=8, tokens_per_batch=20)
    assert lm.training and again.continuation.tolist()[:-2] == [
        said.continuation[2 * i + k] for i in range(5, -1, -1) for k in range(2)
    ]
    assert generate(lm.eval(), prompts[2:3], max_new_tokens=8).continuation[0] == said.continuation[4]
    assert (
        generate(lm, prompts, max_new_tokens=5).continuation[1]
        == said.continuation[2][: len(generate(lm, prompts, max_new_tokens=5).continuation[1])]
    )
    assert not set(generate(lm, prompts, n=2, max_new_tokens=8, seed=1).continuation) & set(said.continuation)


def test_told_2(): # nbs/api/06b_sampling.ipynb, cell 515dff70
    """This holds for models that remember keys and values, for those that remember a window of them, and for those that remember a state."""
    lm = tiny_lm()
    prompts = ['the nurse was', 'my neighbour said that', 'he', 'she', 'the old man and the sea', 'the doctor was']
    torch.manual_seed(7)
    def one_by_one(model, prompt, steps, temperature=1.):
        ids, stream = model.tokenizer(prompt, add_special_tokens=False)['input_ids'], _stream(prompt, 0, 0)
        start = len(ids)
        for _ in range(steps):
            with torch.no_grad(): p = model(input_ids=torch.tensor([ids])).logits[0, -1].log_softmax(-1)
            ids.append((p / temperature + _gumbel([stream], len(p))[0]).argmax().item())
        return model.tokenizer.decode(ids)[len(model.tokenizer.decode(ids[:start])):]
    with quietly():
        for model in (lm, tiny_lm('gpt2', seed=1), tiny_lm('mistral', sliding_window=3), tiny_lm('mamba')):
            for T in (1., .05):
                assert generate(model, prompts, max_new_tokens=6, temperature=T).continuation.tolist() == [
                    one_by_one(model, p, 6, T) for p in prompts
                ]


@pytest.mark.slow
def test_told_3(): # nbs/api/06b_sampling.ipynb, cell 866b4abd
    prompts = ['the nurse was', 'my neighbour said that', 'he', 'she', 'the old man and the sea', 'the doctor was']
    torch.manual_seed(7)
    def one_by_one(model, prompt, steps, temperature=1.):
        ids, stream = model.tokenizer(prompt, add_special_tokens=False)['input_ids'], _stream(prompt, 0, 0)
        start = len(ids)
        for _ in range(steps):
            with torch.no_grad(): p = model(input_ids=torch.tensor([ids])).logits[0, -1].log_softmax(-1)
            ids.append((p / temperature + _gumbel([stream], len(p))[0]).argmax().item())
        return model.tokenizer.decode(ids)[len(model.tokenizer.decode(ids[:start])):]
    def right(name):
        "Continuations are those of full passes, one token at a time; or the model is refused."
        try: model = tiny_lm(name, seed=2)
        except ValueError as e: assert 'Transformers has no AutoModelForCausalLM' in str(e); return
        if not causal(model):
            with expect_fail(ValueError, 'reads the words after a token as well'): generate(model, prompts)
            return
        for p in model.parameters(): p.data += .1 * torch.randn_like(p) # so that every part has a say
        assert generate(model, prompts, max_new_tokens=12).continuation.tolist() == [
            one_by_one(model, p, 12) for p in prompts
        ], name
    assert not any(right(name) for name in TINY)


def test_told_4(): # nbs/api/06b_sampling.ipynb, cell 191a21ae
    """Near a temperature of 0 the noise does not matter, and the continuation is that of transformers' greedy search."""
    lm = tiny_lm()
    prompts = ['the nurse was', 'my neighbour said that', 'he', 'she', 'the old man and the sea', 'the doctor was']
    torch.manual_seed(7)
    def greedy(model, prompt):
        ids = model.tokenizer(prompt, add_special_tokens=False, return_tensors='pt').input_ids
        answer = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=6, pad_token_id=0
        )
        return model.tokenizer.decode(answer[0])[len(model.tokenizer.decode(ids[0])):]
    for model in (lm, tiny_lm('gpt2', seed=1)):
        assert generate(model, prompts, max_new_tokens=6, temperature=1e-6).continuation.tolist()[2:] == [
            greedy(model, p) for p in prompts[2:]
        ]


def test_told_5(): # nbs/api/06b_sampling.ipynb, cell 3b61d912
    """A token is drawn as often as its probability says, within four standard deviations."""
    lm = tiny_lm()
    prompts = ['the nurse was', 'my neighbour said that', 'he', 'she', 'the old man and the sea', 'the doctor was']
    torch.manual_seed(7)
    drawn = (
        generate(
            lm, prompts[:1], n=600, max_new_tokens=1, temperature=0.02, top_k=4, tokens_per_batch=600
        ).continuation.value_counts()
        / 600
    )
    with torch.no_grad(): last = lm(**lm.tokenizer(prompts[0], add_special_tokens=False, return_tensors='pt')).logits[0, -1]
    p, token = (last.topk(4).values / .02).softmax(-1), last.topk(4).indices
    expected = pd.Series(
        p.tolist(),
        [
            lm.tokenizer.decode(lm.tokenizer(prompts[0], add_special_tokens=False)['input_ids'] + [t])[len(prompts[0]) :]
            for t in token.tolist()
        ],
    )
    assert (
        drawn.index.isin(expected.index).all()
        and (
            (drawn.reindex(expected.index, fill_value=0) - expected).abs()
            < 4 * (expected * (1 - expected) / 600) ** 0.5 + 1e-9
        ).all()
    )


def test_told_6(): # nbs/api/06b_sampling.ipynb, cell 2a3eeebc
    """A continuation stops at the end of text, and may be empty."""
    lm = tiny_lm()
    prompts = ['the nurse was', 'my neighbour said that', 'he', 'she', 'the old man and the sea', 'the doctor was']
    said = generate(lm, prompts, n=2, max_new_tokens=8)
    first = lm.tokenizer(said.continuation[0], add_special_tokens=False)['input_ids']
    stopped = tiny_lm()
    stopped.generation_config.eos_token_id = [first[0], 102]
    short = generate(stopped, prompts, n=2, max_new_tokens=8)
    assert short.continuation[0] == '' and short.ended[0] and short.tokens[0] == 0 and (short.tokens[1:] > 0).all()
    # what stopped left the batch, the others stayed as they were
    assert short.continuation[2:].tolist() == said.continuation[2:].tolist()
    always = tiny_lm()
    always.generation_config.eos_token_id = list(range(30522))
    assert (generate(always, prompts).tokens == 0).all()


def test_told_7(): # nbs/api/06b_sampling.ipynb, cell e9be25cf
    """Prompts, models and settings that cannot be used are refused before any work."""
    lm = tiny_lm()
    prompts = ['the nurse was', 'my neighbour said that', 'he', 'she', 'the old man and the sea', 'the doctor was']
    with expect_fail(ValueError, 'generate needs a causal language model; tiny is a masked language model'):
        generate(tiny_masked_lm(), prompts)
    with expect_fail(ValueError, 'tiny is a classifier'): generate(tiny_classifier(), prompts)
    with expect_fail(ValueError, 'reads the words after a token as well'): generate(tiny_lm('roberta'), prompts)
    with expect_fail(ValueError, 'temperature = 0'): generate(lm, prompts, temperature=0)
    with expect_fail(ValueError, 'max_new_tokens = 0'): generate(lm, prompts, max_new_tokens=0)
    with expect_fail(ValueError, '0 samples'): generate(lm, prompts, n=0)
    with expect_fail(ValueError, 'top_k = 0'): generate(lm, prompts, top_k=0)
    with expect_fail(ValueError, 'top_p = 1.5'): generate(lm, prompts, top_p=1.5)
    with expect_fail(ValueError, 'Give a list of prompts'): generate(lm, 'the nurse')
    with expect_fail(ValueError, 'Prompt 1 is empty'): generate(lm, ['the nurse', ''])
    with expect_fail(ValueError, 'Prompt 0 has 120 tokens, and 20 are to follow; the model reads at most 128'):
        generate(lm, ['word ' * 120])
    with expect_fail(ValueError, '6 prompts and 1 keys'): generate(lm, prompts, keys=['a'])
    broken = tiny_lm()
    broken.lm_head.weight.data[5] = float('nan')
    with expect_fail(ValueError, 'logits that are not a number'): generate(broken, prompts)
    assert len(generate(lm, [])) == 0 and len(generate(lm, [''], bos=101)) == 1


def test_told_8(): # nbs/api/06b_sampling.ipynb, cell 5f5ebeaa
    """If the pruned model had noise of its own, it would say something else every time, however little was pruned."""
    lm = tiny_lm()
    many = [
        f'{who} {what}'
        for who in ('he', 'she', 'the nurse', 'the man', 'the girl')
        for what in ('was', 'said', 'went', 'had', 'likes', 'wants')
    ]
    rows, sharp = [], dict(max_new_tokens=6, temperature=.1) # at 1 the tiny model is close to uniform
    before = generate(lm, many, **sharp).continuation
    for level in (.1, .3, .5, .7, .9):
        less = Magnitude(level)(lm)
        for noise, seed in (('the same', 0), ('its own', 1)):
            rows.append(
                dict(
                    sparsity=level,
                    noise=noise,
                    alike=100 * (generate(less, many, seed=seed, **sharp).continuation == before).mean(),
                )
            )
    alike = pd.DataFrame(rows).pivot(index='sparsity', columns='noise', values='alike')
    assert alike.loc[.1, 'the same'] > 90 and (alike['its own'] == 0).all() and alike.loc[.9, 'the same'] < 60
    ax = alike.plot(figsize=(4.6, 2.8), marker='o', ylim=(-5, 105))
    ax.set(ylabel='same continuation, %', title='Dense and pruned model, 30 prompts')
