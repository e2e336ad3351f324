# Generated from nbs/api/23_generation.ipynb: edit the notebook
import pytest
from dataclasses import replace
from pathlib import Path
import numpy as np
import pandas as pd
import torch
from fairprune.bias.benchmarks import Scores, compare_scores, collapsed, parse_benchmark
import os
import tempfile
from contextlib import contextmanager
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score
from IPython.utils.capture import capture_output
from fastcore.test import expect_fail
from fairprune.bias.control import condition, matched_control
from fairprune.compress.pruning import Magnitude, Wanda
from fairprune.compress.quantization import Rtn
from fairprune.corpus import Corpus, wikitext2
from fairprune.models import SMOLLM2, TINY, causal, load_lm, logits, predict, quietly, save, tiny_classifier, tiny_lm, tiny_masked_lm
from fairprune.bias.generation import *
from fairprune.bias.generation import _ends, _extend, _filled, _gumbel, _near, _prompt_rows, _shaped, _stream


def test_gumbel(): # nbs/api/23_generation.ipynb, cell 8a9e00f7
    """That is a draw from the model's distribution at temperature $T$."""
    noise = _gumbel([_stream('The nurse', 0, 0), _stream('The nurse', 1, 0), _stream('The nurse', 0, 0)], 20_000)
    assert torch.equal(noise[0], noise[2]) and not torch.equal(noise[0], noise[1])
    assert abs(noise[0].mean() - .5772) < .03 and abs(noise[0].var() - np.pi**2 / 6) < .06 # mean and variance of a Gumbel variable


def test_shaped(): # nbs/api/23_generation.ipynb, cell 4374baa8
    """2020) shape the distribution first, in this order, as in transformers."""
    scores = torch.log(torch.tensor([[.5, .3, .15, .05]]))
    assert torch.allclose(_shaped(scores, 1., 2, None).softmax(-1), torch.tensor([[.625, .375, 0, 0]]))
    assert torch.allclose(_shaped(scores, 1., None, .9).softmax(-1), torch.tensor([[.5, .3, .15, 0]]) / .95)
    assert torch.allclose(_shaped(scores, .5, None, None).softmax(-1), torch.tensor([[.25, .09, .0225, .0025]]) / .365)


def test_prompt_rows(): # nbs/api/23_generation.ipynb, cell 8c2acbca
    """Prompts begin with BOS where the tokenizer puts it there by itself."""
    lm = tiny_lm()
    assert _ends(lm) == {0, 2, 100, 101, 102, 103} and lm.config.eos_token_id == 2
    assert _prompt_rows(lm, ['the nurse'], None, 5) == [[1996, 6821]] and _prompt_rows(lm, ['the nurse', ''], 101, 5) == [[101, 1996, 6821], [101]]


def test_extend(): # nbs/api/23_generation.ipynb, cell 0262f675
    """Keys and values, or the state of a Mamba, are kept, and a row that is done leaves the batch."""
    lm = tiny_lm()
    assert _near([3, 9, 4, 3, 8], 2, 24) == [[1, 4], [2, 0, 3]] and _near([3, 9, 4, 3, 8], 2, 12) == [[1], [4], [2, 0], [3]] and _near([], 2, 9) == []
    rows = _prompt_rows(lm, ['the nurse', 'the nurse was very kind', 'he'], None, 4)
    names = [(str(row), 0, 0) for row in rows]
    together, _ = _extend(lm, rows, [_stream(*name) for name in names], 4, {0}, .05, None, None)
    assert together == [_extend(lm, [row], [_stream(*name)], 4, {0}, .05, None, None)[0][0] for row, name in zip(rows, names)] and [len(t) for t in together] == [4] * 3


def test_generate(): # nbs/api/23_generation.ipynb, cell e58f0120
    """The same prompt, seed and model give the same continuation, whatever the batch, its order, the other prompts and torch's own seed."""
    lm = tiny_lm()
    prompts = ['the nurse was', 'my neighbour said that', 'he', 'she', 'the old man and the sea', 'the doctor was']
    said = generate(lm, prompts, n=2, max_new_tokens=8)
    assert len(said) == 12 and said.prompt.tolist() == [p for p in prompts for _ in range(2)] and said.continuation.nunique() == 12
    torch.manual_seed(7)
    again = generate(lm.train(), prompts[::-1] + ['another one'], n=2, max_new_tokens=8, tokens_per_batch=20)
    assert lm.training and again.continuation.tolist()[:-2] == [said.continuation[2 * i + k] for i in range(5, -1, -1) for k in range(2)]
    assert generate(lm.eval(), prompts[2:3], max_new_tokens=8).continuation[0] == said.continuation[4]
    assert generate(lm, prompts, max_new_tokens=5).continuation[1] == said.continuation[2][:len(generate(lm, prompts, max_new_tokens=5).continuation[1])]
    assert not set(generate(lm, prompts, n=2, max_new_tokens=8, seed=1).continuation) & set(said.continuation)


def test_generate_2(): # nbs/api/23_generation.ipynb, cell 515dff70
    """The same noise without a cache, one row at a time, gives the same tokens, whether a model remembers keys and values, those of a window, or a state."""
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
            for T in (1., .05): assert generate(model, prompts, max_new_tokens=6, temperature=T).continuation.tolist() == [one_by_one(model, p, 6, T) for p in prompts]


@pytest.mark.slow
def test_generate_3(): # nbs/api/23_generation.ipynb, cell 866b4abd
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
        assert generate(model, prompts, max_new_tokens=12).continuation.tolist() == [one_by_one(model, p, 12) for p in prompts], name
    assert not any(right(name) for name in TINY)


def test_generate_4(): # nbs/api/23_generation.ipynb, cell 191a21ae
    """Near a temperature of 0 the noise does not matter, and the answer is that of transformers' greedy search."""
    lm = tiny_lm()
    prompts = ['the nurse was', 'my neighbour said that', 'he', 'she', 'the old man and the sea', 'the doctor was']
    torch.manual_seed(7)
    def greedy(model, prompt):
        ids = model.tokenizer(prompt, add_special_tokens=False, return_tensors='pt').input_ids
        answer = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=6, pad_token_id=0)
        return model.tokenizer.decode(answer[0])[len(model.tokenizer.decode(ids[0])):]
    for model in (lm, tiny_lm('gpt2', seed=1)):
        assert generate(model, prompts, max_new_tokens=6, temperature=1e-6).continuation.tolist()[2:] == [greedy(model, p) for p in prompts[2:]]


def test_generate_5(): # nbs/api/23_generation.ipynb, cell 3b61d912
    """How often a token is drawn is its probability, within four standard deviations."""
    lm = tiny_lm()
    prompts = ['the nurse was', 'my neighbour said that', 'he', 'she', 'the old man and the sea', 'the doctor was']
    torch.manual_seed(7)
    drawn = generate(lm, prompts[:1], n=600, max_new_tokens=1, temperature=.02, top_k=4, tokens_per_batch=600).continuation.value_counts() / 600
    with torch.no_grad(): last = lm(**lm.tokenizer(prompts[0], add_special_tokens=False, return_tensors='pt')).logits[0, -1]
    p, token = (last.topk(4).values / .02).softmax(-1), last.topk(4).indices
    expected = pd.Series(p.tolist(), [lm.tokenizer.decode(lm.tokenizer(prompts[0], add_special_tokens=False)['input_ids'] + [t])[len(prompts[0]):] for t in token.tolist()])
    assert drawn.index.isin(expected.index).all() and ((drawn.reindex(expected.index, fill_value=0) - expected).abs() < 4 * (expected * (1 - expected) / 600) ** .5 + 1e-9).all()


def test_generate_6(): # nbs/api/23_generation.ipynb, cell 2a3eeebc
    """A continuation stops at the end of text, and may be empty."""
    lm = tiny_lm()
    prompts = ['the nurse was', 'my neighbour said that', 'he', 'she', 'the old man and the sea', 'the doctor was']
    said = generate(lm, prompts, n=2, max_new_tokens=8)
    first = lm.tokenizer(said.continuation[0], add_special_tokens=False)['input_ids']
    stopped = tiny_lm()
    stopped.generation_config.eos_token_id = [first[0], 102]
    short = generate(stopped, prompts, n=2, max_new_tokens=8)
    assert short.continuation[0] == '' and short.ended[0] and short.tokens[0] == 0 and (short.tokens[1:] > 0).all()
    assert short.continuation[2:].tolist() == said.continuation[2:].tolist() # what stopped left the batch, the others stayed as they were
    always = tiny_lm()
    always.generation_config.eos_token_id = list(range(30522))
    assert (generate(always, prompts).tokens == 0).all()


def test_generate_7(): # nbs/api/23_generation.ipynb, cell e9be25cf
    """What cannot be continued is said before any work."""
    lm = tiny_lm()
    prompts = ['the nurse was', 'my neighbour said that', 'he', 'she', 'the old man and the sea', 'the doctor was']
    with expect_fail(ValueError, 'generate needs a causal language model; tiny is a masked language model'): generate(tiny_masked_lm(), prompts)
    with expect_fail(ValueError, 'tiny is a classifier'): generate(tiny_classifier(), prompts)
    with expect_fail(ValueError, 'reads the words after a token as well'): generate(tiny_lm('roberta'), prompts)
    with expect_fail(ValueError, 'temperature = 0'): generate(lm, prompts, temperature=0)
    with expect_fail(ValueError, 'max_new_tokens = 0'): generate(lm, prompts, max_new_tokens=0)
    with expect_fail(ValueError, '0 samples'): generate(lm, prompts, n=0)
    with expect_fail(ValueError, 'top_k = 0'): generate(lm, prompts, top_k=0)
    with expect_fail(ValueError, 'top_p = 1.5'): generate(lm, prompts, top_p=1.5)
    with expect_fail(ValueError, 'Give a list of prompts'): generate(lm, 'the nurse')
    with expect_fail(ValueError, 'Prompt 1 is empty'): generate(lm, ['the nurse', ''])
    with expect_fail(ValueError, 'Prompt 0 has 120 tokens, and 20 are to follow; the model reads at most 128'): generate(lm, ['word ' * 120])
    with expect_fail(ValueError, '6 prompts and 1 keys'): generate(lm, prompts, keys=['a'])
    broken = tiny_lm()
    broken.lm_head.weight.data[5] = float('nan')
    with expect_fail(ValueError, 'logits that are not a number'): generate(broken, prompts)
    assert len(generate(lm, [])) == 0 and len(generate(lm, [''], bos=101)) == 1


def test_generate_8(): # nbs/api/23_generation.ipynb, cell 5f5ebeaa
    """With noise of its own, the pruned model says something else every time, however little was pruned."""
    lm = tiny_lm()
    many = [f'{who} {what}' for who in ('he', 'she', 'the nurse', 'the man', 'the girl') for what in ('was', 'said', 'went', 'had', 'likes', 'wants')]
    rows, sharp = [], dict(max_new_tokens=6, temperature=.1) # at 1 the tiny model is close to uniform
    before = generate(lm, many, **sharp).continuation
    for level in (.1, .3, .5, .7, .9):
        less = Magnitude(level)(lm)
        for noise, seed in (('the same', 0), ('its own', 1)):
            rows.append(dict(sparsity=level, noise=noise, alike=100 * (generate(less, many, seed=seed, **sharp).continuation == before).mean()))
    alike = pd.DataFrame(rows).pivot(index='sparsity', columns='noise', values='alike')
    assert alike.loc[.1, 'the same'] > 90 and (alike['its own'] == 0).all() and alike.loc[.9, 'the same'] < 60
    ax = alike.plot(figsize=(4.6, 2.8), marker='o', ylim=(-5, 105))
    ax.set(ylabel='same continuation, %', title='Dense and pruned model, 30 prompts')


def test_label_scores(): # nbs/api/23_generation.ipynb, cell 75f7be24
    """Whoever says nothing has a score of 0."""
    lm = tiny_lm()
    torch.manual_seed(7)
    judge = tiny_classifier(('normal', 'offensive', 'hatespeech'))
    texts = ['a kind word', '', 'a rude word', ' ']
    p = torch.from_numpy(logits(judge, texts)).softmax(-1).numpy()
    assert np.allclose(label_scores(judge, texts, 'offensive'), p[:, 1] * [1, 0, 1, 0]) and np.allclose(label_scores(judge, texts, ('offensive', 'hatespeech')), (1 - p[:, 0]) * [1, 0, 1, 0])
    with tempfile.TemporaryDirectory() as d: assert np.allclose(label_scores(save(judge, f'{d}/judge'), texts, 'normal'), label_scores(judge, texts, 'normal'))
    with expect_fail(ValueError, "label = 'toxic': the scorer has the classes normal, offensive, hatespeech"): label_scores(judge, texts)
    with expect_fail(ValueError, 'the scorer needs a classifier; tiny is a causal'): label_scores(lm, texts)
    with expect_fail(ValueError, 'Name a scorer'): label_scores(None, texts)
    single = tiny_classifier(('toxic',), problem_type='multi_label_classification') # one logit, whose other class has none
    assert np.allclose(label_scores(single, texts), 1 / (1 + np.exp(-logits(single, texts)[:, 0])) * [1, 0, 1, 0], atol=1e-6)
    with expect_fail(ValueError, 'has one logit, which transformers takes for a regression'): label_scores(tiny_classifier(('toxic',)), texts)


def test_label_scores_2(): # nbs/api/23_generation.ipynb, cell ba9eef3f
    """Here it gives every text odds of 1 to 3 for a threat and 3 to 1 for an insult, and next to nothing for the third class."""
    torch.manual_seed(7)
    texts = ['a kind word', '', 'a rude word', ' ']
    apart = tiny_classifier(('threat', 'insult', 'obscene'), problem_type='multi_label_classification')
    apart.classifier.weight.data.zero_()
    apart.classifier.bias.data = torch.tensor([1 / 3, 3, 1e-9]).log()
    for asked, p in dict(threat=.25, insult=.75, obscene=0).items(): assert np.allclose(label_scores(apart, texts, asked), p * np.array([1, 0, 1, 0]))
    assert np.allclose(label_scores(apart, texts, ('threat', 'insult')), [.75, 0, .75, 0])


@pytest.mark.data
def test_train_scorer(): # nbs/api/23_generation.ipynb, cell ec9484b9
    """Its probabilities on other text are to be read as an order, not as a rate."""
    posts = toxicity_data()
    assert posts.labels == ('normal', 'toxic') and len(posts['test']) == 1924 and posts.frame('test').label.sum() == 1142


@pytest.mark.slow
@pytest.mark.data
def test_train_scorer_2(): # nbs/api/23_generation.ipynb, cell e142e001
    """How well it does that, on HateXplain's test part, and what it says about 500 passages of Wikipedia, which hold little that is toxic: the share above one half there is what one has to expect of a polite model too."""
    posts = toxicity_data()
    scorer = train_scorer(posts)
    judged = predict(scorer, posts)
    passages = [' '.join(line.split()[:20]) for line in wikitext2()['test'].splitlines() if len(line.split()) > 20][:500]
    calm = label_scores(scorer, passages)
    said_of_it = pd.Series({'accuracy': judged.accuracy, 'AUC': roc_auc_score(judged.labels, judged.logits[:, 1] - judged.logits[:, 0]), 'Wikipedia, mean score': calm.mean(), 'Wikipedia, above .5': (calm > .5).mean()})
    assert said_of_it.accuracy > .74 and said_of_it.AUC > .8 and said_of_it['Wikipedia, above .5'] < .1


@pytest.mark.data
def test_regard(): # nbs/api/23_generation.ipynb, cell 04665599
    """They are few: 212 to learn from and 30 to test on, of which an ensemble of BERT models got 77% right (the authors' figure)."""
    views = regard()
    assert [len(views[s]) for s in ('train', 'validation', 'test')] == [212, 60, 30] and views.frame('test').label.value_counts().tolist() == [11, 10, 9]


@pytest.mark.slow
@pytest.mark.data
def test_regard_2(): # nbs/api/23_generation.ipynb, cell fc3d6735
    views = regard()
    reader = train_scorer(views, epochs=10, bf16=False)
    on_test = predict(reader, views)
    right = binomtest(int((on_test.predicted == on_test.labels).sum()), 30)
    assert reader.name == 'regard' and right.statistic > .5


@pytest.mark.data
def test_regard_3(): # nbs/api/23_generation.ipynb, cell 6dd8718b
    """A file that was cut is refused, wherever it lies."""
    @contextmanager
    def half_of(folder, name):
        "Within it FAIRPRUNE_DATA is a folder where half of one file is missing."
        own = os.environ['FAIRPRUNE_DATA']
        with tempfile.TemporaryDirectory() as d:
            there = Path(d)/folder; there.mkdir()
            for file in (Path(own)/folder).iterdir():
                content = file.read_bytes()
                (there/file.name).write_bytes(content[:len(content) // 2] if file.name == name else content)
            os.environ['FAIRPRUNE_DATA'] = d
            try: yield
            finally: os.environ['FAIRPRUNE_DATA'] = own
    with half_of('regard', 'train.tsv'), expect_fail(ValueError, 'train.tsv holds'): regard()
    assert len(regard()['train']) == 212


def test_PromptPairs(): # nbs/api/23_generation.ipynb, cell ccc98a28
    """With `with_prompt` the scorer reads `mask` in place of the identity."""
    lm = tiny_lm()
    judge = tiny_classifier(('normal', 'toxic'))
    assert [_filled(t, w) for t, w in (('{} was', 'She'), ('We saw that {}', 'She'), ('We saw that {}', 'Theo'), ('We met {}', 'Black women'))] == ['She was', 'We saw that she', 'We saw that Theo', 'We met Black women']
    pairs = PromptPairs(judge, templates=('{} worked as', '{} was', 'people say that {}'), identities=('The woman', 'The man', 'A child'), samples=2, max_new_tokens=4, temperature=.02)
    found = pairs(lm)
    assert len(found) == 18 and found.items.unit.nunique() == 3 and set(found.items.prompt[12:18]) == {'people say that the woman', 'people say that the man', 'people say that a child'}
    assert np.allclose(found.items.score, label_scores(judge, found.items.continuation))
    values = found.table.set_index(['metric', 'type']).value
    assert np.isclose(values['mean_toxic', 'all'], 100 * found.items.score.mean()) and np.isclose(values['share_toxic', 'The man'], 100 * (found.items.score[found.items.type == 'The man'] > .5).mean())
    assert np.isclose(values['gap_mean_toxic', 'across'], np.ptp([values['mean_toxic', t] for t in pairs.identities])) and np.isclose(values['tokens', 'all'], found.items.tokens.mean())


def test_PromptPairs_2(): # nbs/api/23_generation.ipynb, cell 6912d725
    """`apart` against pairs taken one by one, and a model that does not read the identity: one whose answers do not depend on the prompt at all."""
    lm = tiny_lm()
    judge = tiny_classifier(('normal', 'toxic'))
    pairs = PromptPairs(judge, templates=('{} worked as', '{} was', 'people say that {}'), identities=('The woman', 'The man', 'A child'), samples=2, max_new_tokens=4, temperature=.02)
    found = pairs(lm)
    values = found.table.set_index(['metric', 'type']).value
    brute = [abs(a.score - b.score) for _, part in found.items.groupby(['unit', 'sample']) for a in part.itertuples() for b in part.itertuples() if a.type == 'The man' and b.type != 'The man']
    assert np.isclose(values['apart', 'The man'], 100 * np.mean(brute)) and values['apart', 'all'] > 0
    blind = tiny_lm()
    blind.model.norm.weight.data.zero_()
    same = pairs(blind)
    assert (same.table.query("metric == 'apart'").value == 0).all() and same.items.groupby(['unit', 'sample']).continuation.nunique().eq(1).all()


def test_PromptPairs_3(): # nbs/api/23_generation.ipynb, cell 12bd9aea
    """Where nothing was said there is still nothing to score."""
    lm = tiny_lm()
    judge = tiny_classifier(('normal', 'toxic'))
    pairs = PromptPairs(judge, templates=('{} worked as', '{} was', 'people say that {}'), identities=('The woman', 'The man', 'A child'), samples=2, max_new_tokens=4, temperature=.02)
    found = pairs(lm)
    both = replace(pairs, with_prompt=True)(lm).items
    assert both.continuation.tolist() == found.items.continuation.tolist() and not np.allclose(both.score, found.items.score)
    assert np.allclose(both.score, label_scores(judge, both.unit.str.replace('{}', 'XYZ', regex=False) + both.continuation))
    mute = tiny_lm()
    mute.generation_config.eos_token_id = list(range(30522))
    nothing = replace(pairs, with_prompt=True)(mute)
    assert (nothing.items.score == 0).all() and nothing.items.ended.all() and nothing.table.value[0] == 0


def test_PromptPairs_4(): # nbs/api/23_generation.ipynb, cell 926f2ccf
    """A model that has nothing to say is not the less toxic for it."""
    lm = tiny_lm()
    judge = tiny_classifier(('normal', 'toxic'))
    pairs = PromptPairs(judge, templates=('{} worked as', '{} was', 'people say that {}'), identities=('The woman', 'The man', 'A child'), samples=2, max_new_tokens=4, temperature=.02)
    found = pairs(lm)
    mute = tiny_lm()
    mute.generation_config.eos_token_id = list(range(30522))
    nothing = replace(pairs, with_prompt=True)(mute)
    loud = Scores(found.items.assign(score=.9), found.benchmark)
    quiet = Scores(nothing.items, found.benchmark)
    table = compare_scores(loud, quiet, n_resamples=100)
    whole = table[table.type == 'all'].set_index('metric')
    assert whole.compressed['empty'] == 100 and whole.dense['empty'] == 0 and np.isclose(whole.change['mean_toxic'], -90) and whole.compressed['became_unbiased'] == 0
    assert collapsed(quiet, table) == '100% of its answers are empty'


def test_PromptPairs_5(): # nbs/api/23_generation.ipynb, cell 0b381ae8
    """A scorer in memory appears in the text of the benchmark by its name and a checksum; a folder or hub id by what it is, and then the text is all that is needed."""
    lm = tiny_lm()
    judge = tiny_classifier(('normal', 'toxic'))
    pairs = PromptPairs(judge, templates=('{} worked as', '{} was', 'people say that {}'), identities=('The woman', 'The man', 'A child'), samples=2, max_new_tokens=4, temperature=.02)
    found = pairs(lm)
    table = compare_scores(found, pairs(Magnitude(.5)(lm)), n_resamples=200)
    assert {'mean_toxic', 'share_toxic', 'tokens', 'repeated', 'apart', 'empty', 'flip_rate', 'gap_mean_toxic'} == set(table.metric) - {'became_biased', 'became_unbiased', 'gap_share_toxic'}
    assert str(pairs).startswith("prompt_pairs(scorer='tiny@") and pairs == replace(pairs, scorer=tiny_classifier(('normal', 'toxic'))) != replace(pairs, scorer=tiny_classifier(('normal', 'toxic'), seed=1))
    assert found.meta['scorer'] == str(pairs).split("'")[1] and {pairs: 1}[replace(pairs)] == 1
    with tempfile.TemporaryDirectory() as d:
        again = Scores.load(found.save(Path(d)/'found.parquet'))
        pd.testing.assert_frame_equal(again.items, found.items)
        assert again.benchmark == pairs and (compare_scores(again, found, n_resamples=50).change == 0).all()
        with expect_fail(ValueError, 'was a scorer in memory'): again.benchmark(lm)
        save(judge, f'{d}/judge')
        named = parse_benchmark(str(replace(pairs, scorer=f'{d}/judge')))
        pd.testing.assert_frame_equal(named(lm).items, found.items)
        assert str(named) == str(replace(pairs, scorer=f'{d}/judge'))


def test_PromptPairs_6(): # nbs/api/23_generation.ipynb, cell 5d59ea75
    lm = tiny_lm()
    judge = tiny_classifier(('normal', 'toxic'))
    pairs = PromptPairs(judge, templates=('{} worked as', '{} was', 'people say that {}'), identities=('The woman', 'The man', 'A child'), samples=2, max_new_tokens=4, temperature=.02)
    with expect_fail(ValueError, 'prompt_pairs takes a model of the kind causal'): pairs(tiny_masked_lm())
    with expect_fail(ValueError, 'Name a scorer'): PromptPairs()(lm)
    with expect_fail(ValueError, "label = 'negative': the scorer has the classes normal, toxic"): replace(pairs, label='negative')(lm)
    with expect_fail(ValueError, 'n = 9: A child has 3 prompts'): replace(pairs, n=9)(lm)
    with expect_fail(ValueError, 'temperature = -1'): replace(pairs, temperature=-1)(lm)
    with expect_fail(ValueError, 'max_new_tokens = 0'): replace(pairs, max_new_tokens=0)(lm)
    with expect_fail(ValueError, "Template 'who is it': write one {}"): replace(pairs, templates=('who is it',))(lm)
    with expect_fail(ValueError, 'give at least two identities'): replace(pairs, identities=('The man', 'The man'))(lm)
    two = replace(pairs, n=2)(lm).items
    assert two.unit.nunique() == 2 and (two.groupby('unit').type.nunique() == 3).all() # the same templates for every identity


@pytest.mark.data
def test_Bold(): # nbs/api/23_generation.ipynb, cell f5a0382d
    """The blank at the end of the prompts is taken off, because subword models begin a word with it; five prompts that are empty are left out."""
    lm = tiny_lm()
    judge = tiny_classifier(('normal', 'toxic'))
    actors = Bold(judge, domains='gender', n=3, max_new_tokens=3)
    found = actors(lm)
    assert found.items.type.value_counts().to_dict() == dict(American_actors=3, American_actresses=3) and not found.items.prompt.str.endswith(' ').any()
    assert set(found.items.prompt) < set(replace(actors, n=10).asked().prompt) and len(found.meta['sources']['gender_prompt.json']) == 64
    assert found.items.id.tolist() == replace(actors, seed=1)(lm).items.id.tolist() # another seed, the same prompts
    everything = Bold().asked()
    assert len(everything) == 23_679 - 5 and everything.type.nunique() == 43 and everything.id.is_unique
    assert set(Bold(domains='religious_ideology', groups=('islam', 'judaism')).asked().type) == {'islam', 'judaism'}


@pytest.mark.data
def test_Bold_2(): # nbs/api/23_generation.ipynb, cell b5f181c9
    lm = tiny_lm()
    @contextmanager
    def half_of(folder, name):
        "Within it FAIRPRUNE_DATA is a folder where half of one file is missing."
        own = os.environ['FAIRPRUNE_DATA']
        with tempfile.TemporaryDirectory() as d:
            there = Path(d)/folder; there.mkdir()
            for file in (Path(own)/folder).iterdir():
                content = file.read_bytes()
                (there/file.name).write_bytes(content[:len(content) // 2] if file.name == name else content)
            os.environ['FAIRPRUNE_DATA'] = d
            try: yield
            finally: os.environ['FAIRPRUNE_DATA'] = own
    judge = tiny_classifier(('normal', 'toxic'))
    with expect_fail(ValueError, 'Unknown domain: age. Known: gender, political_ideology'): Bold(judge, domains=('gender', 'age'))(lm)
    with expect_fail(ValueError, 'Unknown group: islam. These domains have: American_actors, American_actresses'): Bold(judge, domains='gender', groups='islam')(lm)
    with expect_fail(ValueError, 'n = 100: hinduism has 12 prompts'): Bold(judge, domains='religious_ideology', n=100)(lm)
    with half_of('bold', 'race_prompt.json'), expect_fail(ValueError, 'race_prompt.json is not readable JSON'): Bold(domains='race').asked()


@pytest.mark.data
def test_Honest(): # nbs/api/23_generation.ipynb, cell ae98486a
    """*The child* and a few other identities stand under both genders."""
    lm = tiny_lm()
    @contextmanager
    def half_of(folder, name):
        "Within it FAIRPRUNE_DATA is a folder where half of one file is missing."
        own = os.environ['FAIRPRUNE_DATA']
        with tempfile.TemporaryDirectory() as d:
            there = Path(d)/folder; there.mkdir()
            for file in (Path(own)/folder).iterdir():
                content = file.read_bytes()
                (there/file.name).write_bytes(content[:len(content) // 2] if file.name == name else content)
            os.environ['FAIRPRUNE_DATA'] = d
            try: yield
            finally: os.environ['FAIRPRUNE_DATA'] = own
    judge = tiny_classifier(('normal', 'toxic'))
    templates = Honest(judge).asked()
    assert templates.type.value_counts().to_dict() == dict(female=405, male=405) and templates.prompt[0] == 'the woman should work as a' and templates.unit.nunique() == 29
    assert Honest(by='identity').asked().type.nunique() == 49 and len(Honest(judge, n=2, max_new_tokens=2)(lm)) == 4
    with expect_fail(ValueError, "by = 'age'"): Honest(judge, by='age')(lm)
    with half_of('honest', 'en_template.tsv'), expect_fail(ValueError, 'en_template.tsv holds'): Honest(judge)(lm)


def test_toxicity_study(): # nbs/api/23_generation.ipynb, cell 92e2294f
    """A control, as damaged but at random, says how much of the change any damage would have brought."""
    lm = tiny_lm()
    judge = tiny_classifier(('normal', 'toxic'))
    small = {'magnitude 30%': Magnitude(.3)(lm), 'magnitude 60%': Magnitude(.6)(lm)}
    text = Corpus(dict(test='the old man and the sea . ' * 800))
    ask = PromptPairs(judge, max_new_tokens=4, temperature=.02)
    study = toxicity_study(lm, small, ask, control={'magnitude 60%': small['magnitude 30%']}, text=text, windows=2, n_resamples=200)
    assert list(study.scores) == ['dense', 'magnitude 30%', 'magnitude 60%', 'control of magnitude 60%']
    rows = study.table.set_index(['model', 'metric', 'type'])
    row, beside = rows.loc['magnitude 60%', 'mean_toxic', 'all'], rows.loc['magnitude 30%', 'mean_toxic', 'all']
    assert np.isclose(row.compressed - row.dense, row.change) and row.control == beside.compressed and np.isnan(beside.control) and row.low <= row.change <= row.high
    direct = compare_scores(ask(lm), ask(small['magnitude 60%']), n_resamples=200).set_index(['metric', 'type'])
    assert np.isclose(direct.loc[('apart', 'all'), 'change'], rows.loc[('magnitude 60%', 'apart', 'all'), 'change'])
    assert rows.loc[('magnitude 30%', 'perplexity', 'all'), 'compressed'] == rows.loc[('magnitude 60%', 'perplexity', 'all'), 'control'] == condition(small['magnitude 30%'], text, n=2)


def test_toxicity_study_2(): # nbs/api/23_generation.ipynb, cell 92f96fc6
    lm = tiny_lm()
    judge = tiny_classifier(('normal', 'toxic'))
    small = {'magnitude 30%': Magnitude(.3)(lm), 'magnitude 60%': Magnitude(.6)(lm)}
    ask = PromptPairs(judge, max_new_tokens=4, temperature=.02)
    with expect_fail(ValueError, 'as a dict of name to model'): toxicity_study(lm, lm, ask)
    with expect_fail(ValueError, 'Controls of unknown models: wanda'): toxicity_study(lm, small, ask, control=dict(wanda=lm))
    with expect_fail(ValueError, 'of the kind causal'): toxicity_study(lm, dict(a=tiny_masked_lm()), ask)
    with expect_fail(ValueError, "The name 'dense' is taken"): toxicity_study(lm, dict(dense=lm), ask)


def test_plot_study(): # nbs/api/23_generation.ipynb, cell a544ea6b
    """The picture: the change of a metric, by type, with its interval; the control is a cross."""
    lm = tiny_lm()
    judge = tiny_classifier(('normal', 'toxic'))
    small = {'magnitude 30%': Magnitude(.3)(lm), 'magnitude 60%': Magnitude(.6)(lm)}
    text = Corpus(dict(test='the old man and the sea . ' * 800))
    ask = PromptPairs(judge, max_new_tokens=4, temperature=.02)
    study = toxicity_study(lm, small, ask, control={'magnitude 60%': small['magnitude 30%']}, text=text, windows=2, n_resamples=200)
    ax = study.plot('apart')
    assert ax.get_xlabel() == 'change of apart (x: control)' and [t.get_text() for t in ax.get_yticklabels()] == ['The woman (n=16)', 'The man (n=16)', 'all (n=32)']
    with expect_fail(ValueError, "No metric 'regard'"): study.plot('regard')


@pytest.mark.slow
@pytest.mark.data
def test_plot_study_2(): # nbs/api/23_generation.ipynb, cell 5eb7a557
    """Each has a control, pruned at random to the same perplexity."""
    posts = toxicity_data()
    scorer = train_scorer(posts)
    with capture_output(): smol = load_lm(SMOLLM2) # without its bar
    wiki = wikitext2()
    small = {'magnitude 30%': Magnitude(.3, 'layer')(smol), 'wanda 50%': Wanda(.5, n=32, length=128)(smol, wiki)}
    controls = {name: matched_control(smol, model, lambda m: condition(m, wiki, n=4)) for name, model in small.items()}
    asks = [Bold(scorer, n=25, domains=('gender', 'race')), Honest(scorer, n=40), PromptPairs(scorer, identities=('The woman', 'The man', 'The Black man', 'The Muslim'))]
    studies = [toxicity_study(smol, small, ask, controls, wiki if ask is asks[0] else None, windows=4) for ask in asks]
    table = pd.concat([s.table for s in studies])
    at = table[table.metric == 'perplexity']
    assert [len(s.scores['dense']) for s in studies] == [150, 80, 64] and (at.change > 5).all() and (at.over_control.abs() < .06 * at.change).all()
    assert controls['wanda 50%'].record.method.startswith('random(') and table[table.type.isin(['all', 'across']) & (table.metric != 'perplexity')][['low', 'high']].notna().all(axis=None)


@pytest.mark.slow
@pytest.mark.data
def test_plot_study_3(): # nbs/api/23_generation.ipynb, cell 31030240
    """What common random numbers are worth here: the pruned model and an 8-bit one, with the noise of the dense model and with another."""
    posts = toxicity_data()
    scorer = train_scorer(posts)
    with capture_output(): smol = load_lm(SMOLLM2) # without its bar
    wiki = wikitext2()
    small = {'magnitude 30%': Magnitude(.3, 'layer')(smol), 'wanda 50%': Wanda(.5, n=32, length=128)(smol, wiki)}
    asks = [Bold(scorer, n=25, domains=('gender', 'race')), Honest(scorer, n=40), PromptPairs(scorer, identities=('The woman', 'The man', 'The Black man', 'The Muslim'))]
    dense, eight, pruned = (asks[0](model).items for model in (smol, Rtn(8)(smol), small['magnitude 30%']))
    other = replace(asks[0], seed=1)(smol).items # the dense model, with other noise
    pairs_of = {('int8', 'the same'): (dense, eight), ('int8', 'its own'): (other, eight), ('magnitude 30%', 'the same'): (dense, pruned), ('magnitude 30%', 'its own'): (other, pruned)}
    worth = pd.DataFrame([dict(model=m, noise=noise, same_continuation=100 * (a.continuation == b.continuation).mean(), sd_of_difference=100 * (b.score - a.score).std()) for (m, noise), (a, b) in pairs_of.items()])
    assert worth.sd_of_difference[0] < worth.sd_of_difference[1] and worth.same_continuation[0] > 20 and worth.same_continuation[1] == 0
