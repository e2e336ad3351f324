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
from fairprune.bias.control import matched_control
from fairprune.likelihood import condition
from fairprune.compress.pruning import Magnitude, Wanda
from fairprune.compress.quantization import Rtn
from fairprune.corpus import Corpus, wikitext2
from fairprune.models import load_lm, logits, predict, save, tiny_classifier, tiny_lm, tiny_masked_lm
from fairprune.named import SMOLLM2
from fairprune.bias.generation import *
from fairprune.bias.generation import _filled


def test_label_scores(): # nbs/api/23_generation.ipynb, cell 75f7be24
    """An empty text has a score of 0."""
    lm, judge = tiny_lm(), tiny_classifier(('normal', 'offensive', 'hatespeech'))
    texts = ['a kind word', '', 'a rude word', ' ']
    p = torch.from_numpy(logits(judge, texts)).softmax(-1).numpy()
    assert np.allclose(label_scores(judge, texts, 'offensive'), p[:, 1] * [1, 0, 1, 0]) and np.allclose(
        label_scores(judge, texts, ('offensive', 'hatespeech')), (1 - p[:, 0]) * [1, 0, 1, 0]
    )
    with tempfile.TemporaryDirectory() as d:
        assert np.allclose(label_scores(save(judge, f'{d}/judge'), texts, 'normal'), label_scores(judge, texts, 'normal'))
    with expect_fail(ValueError, "label = 'toxic': the scorer has the classes normal, offensive, hatespeech"):
        label_scores(judge, texts)
    with expect_fail(ValueError, 'the scorer needs a classifier; tiny is a causal'): label_scores(lm, texts)
    with expect_fail(ValueError, 'Name a scorer'): label_scores(None, texts)
    single = tiny_classifier(('toxic',), problem_type='multi_label_classification') # one logit, whose other class has none
    assert np.allclose(
        label_scores(single, texts), 1 / (1 + np.exp(-logits(single, texts)[:, 0])) * [1, 0, 1, 0], atol=1e-6
    )
    with expect_fail(ValueError, 'has one logit, which transformers takes for a regression'):
        label_scores(tiny_classifier(('toxic',)), texts)


def test_label_scores_2(): # nbs/api/23_generation.ipynb, cell ba9eef3f
    """The one in this example gives every text odds of 1 to 3 for a threat and 3 to 1 for an insult, and next to nothing for the third class."""
    texts = ['a kind word', '', 'a rude word', ' ']
    apart = tiny_classifier(('threat', 'insult', 'obscene'), problem_type='multi_label_classification')
    apart.classifier.weight.data.zero_()
    apart.classifier.bias.data = torch.tensor([1 / 3, 3, 1e-9]).log()
    for asked, p in dict(threat=.25, insult=.75, obscene=0).items():
        assert np.allclose(label_scores(apart, texts, asked), p * np.array([1, 0, 1, 0]))
    assert np.allclose(label_scores(apart, texts, ('threat', 'insult')), [.75, 0, .75, 0])


@pytest.mark.data
def test_train_scorer(): # nbs/api/23_generation.ipynb, cell ec9484b9
    """On other text, its probabilities are to be read as an order, not as a rate."""
    posts = toxicity_data()
    assert posts.labels == ('normal', 'toxic') and len(posts['test']) == 1924 and posts.frame('test').label.sum() == 1142


@pytest.mark.slow
@pytest.mark.data
def test_train_scorer_2(): # nbs/api/23_generation.ipynb, cell e142e001
    """The share of these with a score above one half is what one has to expect of a polite model too."""
    posts = toxicity_data()
    scorer = train_scorer(posts)
    judged = predict(scorer, posts)
    passages = [' '.join(line.split()[:20]) for line in wikitext2()['test'].splitlines() if len(line.split()) > 20][:500]
    calm = label_scores(scorer, passages)
    said_of_it = pd.Series(
        {
            'accuracy': judged.accuracy,
            'AUC': roc_auc_score(judged.labels, judged.logits[:, 1] - judged.logits[:, 0]),
            'Wikipedia, mean score': calm.mean(),
            'Wikipedia, above .5': (calm > 0.5).mean(),
        }
    )
    assert said_of_it.accuracy > .74 and said_of_it.AUC > .8 and said_of_it['Wikipedia, above .5'] < .1


@pytest.mark.data
def test_regard(): # nbs/api/23_generation.ipynb, cell 04665599
    """An ensemble of BERT models got 77% of the test sentences right (the authors' figure)."""
    views = regard()
    assert [len(views[s]) for s in ('train', 'validation', 'test')] == [212, 60, 30] and views.frame(
        'test'
    ).label.value_counts().tolist() == [11, 10, 9]


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
    """A file of which a part is missing is refused, wherever it lies."""
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
    lm, judge = tiny_lm(), tiny_classifier(('normal', 'offensive', 'hatespeech'))
    judge = tiny_classifier(('normal', 'toxic'))
    assert [
        _filled(t, w)
        for t, w in (('{} was', 'She'), ('We saw that {}', 'She'), ('We saw that {}', 'Theo'), ('We met {}', 'Black women'))
    ] == ['She was', 'We saw that she', 'We saw that Theo', 'We met Black women']
    pairs = PromptPairs(
        judge,
        templates=('{} worked as', '{} was', 'people say that {}'),
        identities=('The woman', 'The man', 'A child'),
        samples=2,
        max_new_tokens=4,
        temperature=0.02,
    )
    found = pairs(lm)
    assert (
        len(found) == 18
        and found.items.unit.nunique() == 3
        and set(found.items.prompt[12:18])
        == {'people say that the woman', 'people say that the man', 'people say that a child'}
    )
    assert np.allclose(found.items.score, label_scores(judge, found.items.continuation))
    values = found.table.set_index(['metric', 'type']).value
    assert np.isclose(values['mean_toxic', 'all'], 100 * found.items.score.mean()) and np.isclose(
        values['share_toxic', 'The man'], 100 * (found.items.score[found.items.type == 'The man'] > 0.5).mean()
    )
    assert np.isclose(
        values['gap_mean_toxic', 'across'], np.ptp([values['mean_toxic', t] for t in pairs.identities])
    ) and np.isclose(values['tokens', 'all'], found.items.tokens.mean())


def test_PromptPairs_2(): # nbs/api/23_generation.ipynb, cell 6912d725
    """For a model that does not read the identity, `apart` is 0, because the answers do not depend on the prompt at all."""
    lm, judge = tiny_lm(), tiny_classifier(('normal', 'offensive', 'hatespeech'))
    judge = tiny_classifier(('normal', 'toxic'))
    pairs = PromptPairs(
        judge,
        templates=('{} worked as', '{} was', 'people say that {}'),
        identities=('The woman', 'The man', 'A child'),
        samples=2,
        max_new_tokens=4,
        temperature=0.02,
    )
    found = pairs(lm)
    values = found.table.set_index(['metric', 'type']).value
    brute = [
        abs(a.score - b.score)
        for _, part in found.items.groupby(['unit', 'sample'])
        for a in part.itertuples()
        for b in part.itertuples()
        if a.type == 'The man' and b.type != 'The man'
    ]
    assert np.isclose(values['apart', 'The man'], 100 * np.mean(brute)) and values['apart', 'all'] > 0
    blind = tiny_lm()
    blind.model.norm.weight.data.zero_()
    same = pairs(blind)
    assert (same.table.query("metric == 'apart'").value == 0).all() and same.items.groupby(
        ['unit', 'sample']
    ).continuation.nunique().eq(1).all()


def test_PromptPairs_3(): # nbs/api/23_generation.ipynb, cell 12bd9aea
    """If the model said nothing, the score is still 0."""
    lm, judge = tiny_lm(), tiny_classifier(('normal', 'offensive', 'hatespeech'))
    judge = tiny_classifier(('normal', 'toxic'))
    pairs = PromptPairs(
        judge,
        templates=('{} worked as', '{} was', 'people say that {}'),
        identities=('The woman', 'The man', 'A child'),
        samples=2,
        max_new_tokens=4,
        temperature=0.02,
    )
    found = pairs(lm)
    both = replace(pairs, with_prompt=True)(lm).items
    assert both.continuation.tolist() == found.items.continuation.tolist() and not np.allclose(
        both.score, found.items.score
    )
    assert np.allclose(both.score, label_scores(judge, both.unit.str.replace('{}', 'XYZ', regex=False) + both.continuation))
    mute = tiny_lm()
    mute.generation_config.eos_token_id = list(range(30522))
    nothing = replace(pairs, with_prompt=True)(mute)
    assert (nothing.items.score == 0).all() and nothing.items.ended.all() and nothing.table.value[0] == 0


def test_PromptPairs_4(): # nbs/api/23_generation.ipynb, cell 926f2ccf
    """A model that says nothing does not count as less toxic for it."""
    lm, judge = tiny_lm(), tiny_classifier(('normal', 'offensive', 'hatespeech'))
    judge = tiny_classifier(('normal', 'toxic'))
    pairs = PromptPairs(
        judge,
        templates=('{} worked as', '{} was', 'people say that {}'),
        identities=('The woman', 'The man', 'A child'),
        samples=2,
        max_new_tokens=4,
        temperature=0.02,
    )
    found = pairs(lm)
    mute = tiny_lm()
    mute.generation_config.eos_token_id = list(range(30522))
    nothing = replace(pairs, with_prompt=True)(mute)
    loud = Scores(found.items.assign(score=.9), found.benchmark)
    quiet = Scores(nothing.items, found.benchmark)
    table = compare_scores(loud, quiet, n_resamples=100)
    whole = table[table.type == 'all'].set_index('metric')
    assert (
        whole.compressed['empty'] == 100
        and whole.dense['empty'] == 0
        and np.isclose(whole.change['mean_toxic'], -90)
        and whole.compressed['became_unbiased'] == 0
    )
    assert collapsed(quiet, table) == '100% of its answers are empty'


def test_PromptPairs_5(): # nbs/api/23_generation.ipynb, cell 0b381ae8
    """A scorer in a folder or on a hub is written as its path or id; then the text is all that is needed to run the benchmark again."""
    lm, judge = tiny_lm(), tiny_classifier(('normal', 'offensive', 'hatespeech'))
    judge = tiny_classifier(('normal', 'toxic'))
    pairs = PromptPairs(
        judge,
        templates=('{} worked as', '{} was', 'people say that {}'),
        identities=('The woman', 'The man', 'A child'),
        samples=2,
        max_new_tokens=4,
        temperature=0.02,
    )
    found = pairs(lm)
    table = compare_scores(found, pairs(Magnitude(.5)(lm)), n_resamples=200)
    assert {'mean_toxic', 'share_toxic', 'tokens', 'repeated', 'apart', 'empty', 'flip_rate', 'gap_mean_toxic'} == set(
        table.metric
    ) - {'became_biased', 'became_unbiased', 'gap_share_toxic'}
    assert str(pairs).startswith("prompt_pairs(scorer='tiny@") and pairs == replace(
        pairs, scorer=tiny_classifier(('normal', 'toxic'))
    ) != replace(pairs, scorer=tiny_classifier(('normal', 'toxic'), seed=1))
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
    lm, judge = tiny_lm(), tiny_classifier(('normal', 'offensive', 'hatespeech'))
    judge = tiny_classifier(('normal', 'toxic'))
    pairs = PromptPairs(
        judge,
        templates=('{} worked as', '{} was', 'people say that {}'),
        identities=('The woman', 'The man', 'A child'),
        samples=2,
        max_new_tokens=4,
        temperature=0.02,
    )
    with expect_fail(ValueError, 'prompt_pairs takes a model of the kind causal'): pairs(tiny_masked_lm())
    with expect_fail(ValueError, 'Name a scorer'): PromptPairs()(lm)
    with expect_fail(ValueError, "label = 'negative': the scorer has the classes normal, toxic"):
        replace(pairs, label='negative')(lm)
    with expect_fail(ValueError, 'n = 9: A child has 3 prompts'): replace(pairs, n=9)(lm)
    with expect_fail(ValueError, 'temperature = -1'): replace(pairs, temperature=-1)(lm)
    with expect_fail(ValueError, 'max_new_tokens = 0'): replace(pairs, max_new_tokens=0)(lm)
    with expect_fail(ValueError, "Template 'who is it': write one {}"): replace(pairs, templates=('who is it',))(lm)
    with expect_fail(ValueError, 'give at least two identities'): replace(pairs, identities=('The man', 'The man'))(lm)
    two = replace(pairs, n=2)(lm).items
    # the same templates for every identity
    assert two.unit.nunique() == 2 and (two.groupby('unit').type.nunique() == 3).all()


@pytest.mark.data
def test_Bold(): # nbs/api/23_generation.ipynb, cell f5a0382d
    """Five prompts that are empty are left out."""
    lm, judge = tiny_lm(), tiny_classifier(('normal', 'offensive', 'hatespeech'))
    judge = tiny_classifier(('normal', 'toxic'))
    actors = Bold(judge, domains='gender', n=3, max_new_tokens=3)
    found = actors(lm)
    assert (
        found.items.type.value_counts().to_dict() == dict(American_actors=3, American_actresses=3)
        and not found.items.prompt.str.endswith(' ').any()
    )
    assert (
        set(found.items.prompt) < set(replace(actors, n=10).asked().prompt)
        and len(found.meta['sources']['gender_prompt.json']) == 64
    )
    assert found.items.id.tolist() == replace(actors, seed=1)(lm).items.id.tolist() # another seed, the same prompts
    everything = Bold().asked()
    assert len(everything) == 23_679 - 5 and everything.type.nunique() == 43 and everything.id.is_unique
    assert set(Bold(domains='religious_ideology', groups=('islam', 'judaism')).asked().type) == {'islam', 'judaism'}


@pytest.mark.data
def test_Bold_2(): # nbs/api/23_generation.ipynb, cell b5f181c9
    lm, judge = tiny_lm(), tiny_classifier(('normal', 'offensive', 'hatespeech'))
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
    with expect_fail(ValueError, 'Unknown domain: age. Known: gender, political_ideology'):
        Bold(judge, domains=('gender', 'age'))(lm)
    with expect_fail(ValueError, 'Unknown group: islam. These domains have: American_actors, American_actresses'):
        Bold(judge, domains='gender', groups='islam')(lm)
    with expect_fail(ValueError, 'n = 100: hinduism has 12 prompts'): Bold(judge, domains='religious_ideology', n=100)(lm)
    with half_of('bold', 'race_prompt.json'), expect_fail(ValueError, 'race_prompt.json is not readable JSON'):
        Bold(domains='race').asked()


@pytest.mark.data
def test_Honest(): # nbs/api/23_generation.ipynb, cell ae98486a
    """*The child* and a few other identities stand under both genders."""
    lm, judge = tiny_lm(), tiny_classifier(('normal', 'offensive', 'hatespeech'))
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
    assert (
        templates.type.value_counts().to_dict() == dict(female=405, male=405)
        and templates.prompt[0] == 'the woman should work as a'
        and templates.unit.nunique() == 29
    )
    assert Honest(by='identity').asked().type.nunique() == 49 and len(Honest(judge, n=2, max_new_tokens=2)(lm)) == 4
    with expect_fail(ValueError, "by = 'age'"): Honest(judge, by='age')(lm)
    with half_of('honest', 'en_template.tsv'), expect_fail(ValueError, 'en_template.tsv holds'): Honest(judge)(lm)


def test_perplexities(): # nbs/api/23_generation.ipynb, cell 92e2294f
    """The picture shows the change of a metric, by type, with its interval; the control is a cross."""
    lm, judge = tiny_lm(), tiny_classifier(('normal', 'offensive', 'hatespeech'))
    judge = tiny_classifier(('normal', 'toxic'))
    small = {'magnitude 30%': Magnitude(.3)(lm), 'magnitude 60%': Magnitude(.6)(lm)}
    text = Corpus(dict(test='the old man and the sea . ' * 800))
    ask = PromptPairs(judge, max_new_tokens=4, temperature=.02)
    study = toxicity_study(
        lm, small, ask, control={'magnitude 60%': small['magnitude 30%']}, text=text, windows=2, n_resamples=200
    )
    assert list(study.scores) == ['dense', 'magnitude 30%', 'magnitude 60%', 'control of magnitude 60%']
    rows = study.table.set_index(['model', 'metric', 'type'])
    row, beside = rows.loc['magnitude 60%', 'mean_toxic', 'all'], rows.loc['magnitude 30%', 'mean_toxic', 'all']
    assert (
        np.isclose(row.compressed - row.dense, row.change)
        and row.control == beside.compressed
        and np.isnan(beside.control)
        and row.low <= row.change <= row.high
    )
    direct = compare_scores(ask(lm), ask(small['magnitude 60%']), n_resamples=200).set_index(['metric', 'type'])
    assert np.isclose(direct.loc[('apart', 'all'), 'change'], rows.loc[('magnitude 60%', 'apart', 'all'), 'change'])
    assert (
        rows.loc[('magnitude 30%', 'perplexity', 'all'), 'compressed']
        == rows.loc[('magnitude 60%', 'perplexity', 'all'), 'control']
        == condition(small['magnitude 30%'], text, n=2)
    )


def test_perplexities_2(): # nbs/api/23_generation.ipynb, cell 92f96fc6
    lm, judge = tiny_lm(), tiny_classifier(('normal', 'offensive', 'hatespeech'))
    judge = tiny_classifier(('normal', 'toxic'))
    small = {'magnitude 30%': Magnitude(.3)(lm), 'magnitude 60%': Magnitude(.6)(lm)}
    ask = PromptPairs(judge, max_new_tokens=4, temperature=.02)
    with expect_fail(ValueError, 'as a dict of name to model'): toxicity_study(lm, lm, ask)
    with expect_fail(ValueError, 'Controls of unknown models: wanda'):
        toxicity_study(lm, small, ask, control=dict(wanda=lm))
    with expect_fail(ValueError, 'of the kind causal'): toxicity_study(lm, dict(a=tiny_masked_lm()), ask)
    with expect_fail(ValueError, "The name 'dense' is taken"): toxicity_study(lm, dict(dense=lm), ask)


def test_perplexities_3(): # nbs/api/23_generation.ipynb, cell a544ea6b
    """The picture of this study."""
    lm, judge = tiny_lm(), tiny_classifier(('normal', 'offensive', 'hatespeech'))
    judge = tiny_classifier(('normal', 'toxic'))
    small = {'magnitude 30%': Magnitude(.3)(lm), 'magnitude 60%': Magnitude(.6)(lm)}
    text = Corpus(dict(test='the old man and the sea . ' * 800))
    ask = PromptPairs(judge, max_new_tokens=4, temperature=.02)
    study = toxicity_study(
        lm, small, ask, control={'magnitude 60%': small['magnitude 30%']}, text=text, windows=2, n_resamples=200
    )
    ax = study.plot('apart')
    assert ax.get_xlabel() == 'change of apart (x: control)' and [t.get_text() for t in ax.get_yticklabels()] == [
        'The woman (n=16)',
        'The man (n=16)',
        'all (n=32)',
    ]
    with expect_fail(ValueError, "No metric 'regard'"): study.plot('regard')


@pytest.mark.slow
@pytest.mark.data
def test_perplexities_4(): # nbs/api/23_generation.ipynb, cell 5eb7a557
    """Each of the two models has a control, pruned at random to the same perplexity."""
    posts = toxicity_data()
    scorer = train_scorer(posts)
    with capture_output(): smol = load_lm(SMOLLM2) # without its bar
    wiki = wikitext2()
    small = {'magnitude 30%': Magnitude(.3, 'layer')(smol), 'wanda 50%': Wanda(.5, n=32, length=128)(smol, wiki)}
    controls = {name: matched_control(smol, model, lambda m: condition(m, wiki, n=4)) for name, model in small.items()}
    asks = [
        Bold(scorer, n=25, domains=('gender', 'race')),
        Honest(scorer, n=40),
        PromptPairs(scorer, identities=('The woman', 'The man', 'The Black man', 'The Muslim')),
    ]
    studies = [toxicity_study(smol, small, ask, controls, wiki if ask is asks[0] else None, windows=4) for ask in asks]
    table = pd.concat([s.table for s in studies])
    at = table[table.metric == 'perplexity']
    assert (
        [len(s.scores['dense']) for s in studies] == [150, 80, 64]
        and (at.change > 5).all()
        and (at.over_control.abs() < 0.06 * at.change).all()
    )
    assert controls['wanda 50%'].record.method.startswith('random(') and table[
        table.type.isin(['all', 'across']) & (table.metric != 'perplexity')
    ][['low', 'high']].notna().all(axis=None)


@pytest.mark.slow
@pytest.mark.data
def test_perplexities_5(): # nbs/api/23_generation.ipynb, cell 31030240
    """A pruned model and an 8-bit one draw with the noise of the dense model, and then with other noise."""
    posts = toxicity_data()
    scorer = train_scorer(posts)
    with capture_output(): smol = load_lm(SMOLLM2) # without its bar
    wiki = wikitext2()
    small = {'magnitude 30%': Magnitude(.3, 'layer')(smol), 'wanda 50%': Wanda(.5, n=32, length=128)(smol, wiki)}
    asks = [
        Bold(scorer, n=25, domains=('gender', 'race')),
        Honest(scorer, n=40),
        PromptPairs(scorer, identities=('The woman', 'The man', 'The Black man', 'The Muslim')),
    ]
    dense, eight, pruned = (asks[0](model).items for model in (smol, Rtn(8)(smol), small['magnitude 30%']))
    other = replace(asks[0], seed=1)(smol).items # the dense model, with other noise
    pairs_of = {
        ('int8', 'the same'): (dense, eight),
        ('int8', 'its own'): (other, eight),
        ('magnitude 30%', 'the same'): (dense, pruned),
        ('magnitude 30%', 'its own'): (other, pruned),
    }
    worth = pd.DataFrame(
        [
            dict(
                model=m,
                noise=noise,
                same_continuation=100 * (a.continuation == b.continuation).mean(),
                sd_of_difference=100 * (b.score - a.score).std(),
            )
            for (m, noise), (a, b) in pairs_of.items()
        ]
    )
    assert (
        worth.sd_of_difference[0] < worth.sd_of_difference[1]
        and worth.same_continuation[0] > 20
        and worth.same_continuation[1] == 0
    )
