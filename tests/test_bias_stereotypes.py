# Generated from nbs/api/22_stereotypes.ipynb: edit the notebook
import pytest
import json
from pathlib import Path
import numpy as np
import pandas as pd
from fairprune.bias.benchmarks import Scores, collapsed, compare_scores, parse_benchmark
from fairprune.likelihood import loglikelihoods, pseudo_loglikelihoods
import io
import os
import tempfile
import time
from contextlib import redirect_stderr
from fastcore.test import expect_fail
from fairprune.compress.pruning import Magnitude
from fairprune.models import load_lm, tiny_classifier, tiny_lm, tiny_masked_lm
from fairprune.named import SMOLLM2
from fairprune.bias.stereotypes import *


def test_read_stereoset(): # nbs/api/22_stereotypes.ipynb, cell 01a226f0
    """In the part `inter` they follow a sentence of context."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)/'dev.json'
        sentences = [
            dict(id=f'1-{k}', sentence=f'A {k} sentence.', gold_label=k)
            for k in ('stereotype', 'anti-stereotype', 'unrelated')
        ]
        whole = json.dumps(
            dict(
                data=dict(
                    intrasentence=[
                        dict(id='1', bias_type='gender', target='actor', context='A BLANK sentence.', sentences=sentences)
                    ]
                )
            )
        )
        path.write_text(whole)
        with expect_fail(ValueError, 'has 1 items, expected 2,106: it is cut'): read_stereoset(path)
        with expect_fail(ValueError, 'is cut or damaged'): read_stereoset(path, 'inter')
        path.write_text(whole.replace('"unrelated"', '"other"'))
        with expect_fail(ValueError, "an item has no 'unrelated'"): read_stereoset(path)
        path.write_text(whole[:len(whole) // 2])
        with expect_fail(ValueError, 'is cut or damaged'): read_stereoset(path)


def test_ask_stereoset(): # nbs/api/22_stereotypes.ipynb, cell 34254e41
    """For masked models the authors score only the word in the blank, so their figures for BERT differ from these."""
    toy = pd.DataFrame(
        dict(
            id=['1', '2', '3'],
            type=['profession', 'profession', 'race'],
            unit=['chess player', 'baker', 'Norway'],
            context=['A man sat in the park.', 'She opened the shop at five.', 'We went to Norway.'],
            stereotype=['The chess player was quiet.', 'The baker was early.', 'It was very cold there.'],
            anti_stereotype=['The chess player was noisy.', 'The baker was late.', 'It was very warm there.'],
            unrelated=['The chess player was fork.', 'The baker was cloud.', 'My bicycle has two wheels.'],
        )
    )
    lm, masked = tiny_lm(), tiny_masked_lm()
    answers = ask_stereoset(lm, toy, bos=101)
    assert np.isclose(
        answers.anti_stereotype[1], loglikelihoods(lm, ['The baker was late.'], bos=101).eval('loglikelihood / tokens')[0]
    )


def test_ask_stereoset_2(): # nbs/api/22_stereotypes.ipynb, cell c4cb925c
    toy = pd.DataFrame(
        dict(
            id=['1', '2', '3'],
            type=['profession', 'profession', 'race'],
            unit=['chess player', 'baker', 'Norway'],
            context=['A man sat in the park.', 'She opened the shop at five.', 'We went to Norway.'],
            stereotype=['The chess player was quiet.', 'The baker was early.', 'It was very cold there.'],
            anti_stereotype=['The chess player was noisy.', 'The baker was late.', 'It was very warm there.'],
            unrelated=['The chess player was fork.', 'The baker was cloud.', 'My bicycle has two wheels.'],
        )
    )
    lm, masked = tiny_lm(), tiny_masked_lm()
    summed = ask_stereoset(lm, toy, normalize='sum', bos=False)
    assert np.isclose(summed.unrelated[2], loglikelihoods(lm, ['My bicycle has two wheels.'], bos=False).loglikelihood[0])
    for model, score in (
        (lm, lambda *a: loglikelihoods(lm, *a, bos=101)),
        (masked, lambda *a: pseudo_loglikelihoods(masked, *a)),
    ):
        after = ask_stereoset(model, toy, 'inter', bos=101)
        assert np.isclose(
            after.stereotype[2],
            score([' It was very cold there.'], ['We went to Norway.']).eval('loglikelihood / tokens')[0],
        )


def test_check_bos(): # nbs/api/22_stereotypes.ipynb, cell 55ae878c
    """This example by hand has two items of one term and one item of another, all of one type."""
    hand = pd.DataFrame(
        dict(
            id=['1', '2', '3'],
            type='gender',
            unit=['actor', 'actor', 'nurse'],
            stereotype=[3.0, 1.0, 2.0],
            anti_stereotype=[2.0, 2.0, 1.0],
            unrelated=[1.0, 1.5, 3.0],
        )
    )
    value = Scores(hand, StereoSet()).table.query("type == 'gender'").set_index('metric').value
    assert value.lms == 100 * (3 / 4 + 0) / 2 and value.ss == 100 * (1 / 2 + 1) / 2 and value.icat == 37.5 * 25 / 50
    assert np.allclose(value[['lms_items', 'ss_items', 'icat_items']], [50, 200 / 3, 50 * (100 / 3) / 50])
    assert StereoSet().decisions(hand).tolist() == [True, False, True]


def test_check_bos_2(): # nbs/api/22_stereotypes.ipynb, cell 496d2b3f
    """Then LMS, SS and ICAT are all 50: the figures of a model that answers by tossing a coin."""
    hand = pd.DataFrame(
        dict(
            id=['1', '2', '3'],
            type='gender',
            unit=['actor', 'actor', 'nurse'],
            stereotype=[3.0, 1.0, 2.0],
            anti_stereotype=[2.0, 2.0, 1.0],
            unrelated=[1.0, 1.5, 3.0],
        )
    )
    equal = Scores(hand.assign(stereotype=-3., anti_stereotype=-3., unrelated=-3.), StereoSet())
    value = equal.table.query("type == 'gender'").set_index('metric').value
    assert (value[['lms', 'ss', 'icat', 'lms_items', 'ss_items', 'icat_items']] == 50).all() and value.ties == 100
    found = compare_scores(Scores(hand, StereoSet()), equal, n_resamples=100)
    assert (found.query("metric in ('flip_rate', 'became_unbiased')").compressed == 0).all() and collapsed(
        equal, found
    ).startswith('its lms is 50.0 (50.0 to 50.0), and a guess has 50.0')


def test_check_bos_3(): # nbs/api/22_stereotypes.ipynb, cell a130a860
    lm, masked = tiny_lm(), tiny_masked_lm()
    hand = pd.DataFrame(
        dict(
            id=['1', '2', '3'],
            type='gender',
            unit=['actor', 'actor', 'nurse'],
            stereotype=[3.0, 1.0, 2.0],
            anti_stereotype=[2.0, 2.0, 1.0],
            unrelated=[1.0, 1.5, 3.0],
        )
    )
    assert str(StereoSet()) == 'stereoset' and parse_benchmark("stereoset(part='inter', bos=False)") == StereoSet(
        'inter', bos=False
    )
    with expect_fail(ValueError, "part = 'both': it is intra or inter"): StereoSet('both')
    with expect_fail(ValueError, "normalize = 'max': it is mean or sum"): StereoSet(normalize='max')
    with expect_fail(ValueError, 'bos = 1: give True, False, or a token id above 1'): StereoSet(bos=1)
    with expect_fail(ValueError, 'is of the kind encoder'): StereoSet()(tiny_classifier().bert)
    with expect_fail(ValueError, 'The tokenizer has no BOS token. Pass bos=False'): StereoSet()(lm)
    with expect_fail(ValueError, 'NaN or infinite scores in 1 of 3 items'):
        Scores(hand.assign(unrelated=[1., 2., np.nan]), StereoSet())


@pytest.mark.data
def test_check_bos_4(): # nbs/api/22_stereotypes.ipynb, cell f664fa72
    """A random model prefers nothing, and its LMS shows that it knows nothing."""
    lm, masked = tiny_lm(), tiny_masked_lm()
    tiny = StereoSet(bos=101)(lm)
    assert (
        len(tiny) == 2106
        and set(tiny.items.type) == {'gender', 'profession', 'race', 'religion'}
        and tiny.items.unit.nunique() == 79
    )
    assert 35 < tiny.table.value[0] < 65 and len(tiny.meta['sources']['dev.json']) == 64
    assert len(StereoSet('inter').items()) == 2123


@pytest.mark.data
def test_check_bos_5(): # nbs/api/22_stereotypes.ipynb, cell 0bb27ad0
    """`by_sentence` makes `Scores` of such a file, or of scores that another framework has computed."""
    def published(model):
        found = json.loads((Path(os.environ['FAIRPRUNE_DATA']) / 'stereoset' / f'predictions_{model}.json').read_text())[
            'intrasentence'
        ]
        return StereoSet().by_sentence({s['id']: s['score'] for s in found}, model)
    gpt2 = published('gpt2')
    value = gpt2.table.set_index(['type', 'metric']).value.round(2)
    assert (value['gender', 'lms'], value['gender', 'ss']) == (93.28, 62.67) and gpt2.meta['left_out'] == 810
    with expect_fail(ValueError, 'No item has a number for all'): StereoSet().by_sentence({'a': 1.})
    assert (gpt2.table.query("metric == 'ties'").value == 0).all()


@pytest.mark.data
def test_check_bos_6(): # nbs/api/22_stereotypes.ipynb, cell 62c543b9
    """The next table compares GPT-2 with BERT, item by item."""
    def published(model):
        found = json.loads((Path(os.environ['FAIRPRUNE_DATA']) / 'stereoset' / f'predictions_{model}.json').read_text())[
            'intrasentence'
        ]
        return StereoSet().by_sentence({s['id']: s['score'] for s in found}, model)
    gpt2 = published('gpt2')
    gpt2.table.query("type != 'all'").pivot(index='type', columns='metric', values='value').join(
        gpt2.items.type.value_counts().rename('items')
    ).round(2)
    bert = published('bert-base-cased')
    found = compare_scores(gpt2, bert, n_resamples=2000).query("type != 'all' and metric in ('lms', 'ss', 'flip_rate')")
    assert found.query("metric == 'lms'").change.max() < 0 and bert.benchmark.undecided(bert.items).sum() == 0


def test_read_crows(): # nbs/api/22_stereotypes.ipynb, cell d086fa79
    """There are nine types of bias."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)/'pairs.csv'
        path.write_text(',sent_more,sent_less,bias_type\n0,She is late.,He is late.,gender\n')
        with expect_fail(ValueError, 'has 1 items, expected 1,508: it is cut'): read_crows(path)
        path.write_text(',sent_more\n0,She is late.\n')
        with expect_fail(ValueError, 'is cut or damaged'): read_crows(path)
        path.write_text('')
        with expect_fail(ValueError, 'is cut or damaged'): read_crows(path)


def test_shared_positions(): # nbs/api/22_stereotypes.ipynb, cell d97f3d17
    """Which tokens are shared is found by aligning the two sentences with `difflib`."""
    assert shared_positions([1, 7, 8, 4, 5], [1, 9, 4, 5]) == ([0, 3, 4], [0, 2, 3])
    assert shared_positions([1, 2], [3]) == ([], [])


def test_shared_tokens(): # nbs/api/22_stereotypes.ipynb, cell 7899bc9e
    """So the metric has another name: `pseudo_likelihood_score` for masked models, `likelihood_score` for causal ones."""
    lm, masked = tiny_lm(), tiny_masked_lm()
    pairs = pd.DataFrame(
        dict(
            id=['1', '2'],
            type='age',
            unit=['1', '2'],
            more=['My old neighbour is very slow.', 'An old man fell.'],
            less=['My young neighbour is very slow.', 'A boy fell.'],
        )
    )
    found = ask_crows(masked, pairs)
    by_hand = pseudo_loglikelihoods(masked, [pairs.more[1], pairs.less[1]], positions=[[4, 5], [3, 4]]) # fell .
    assert np.allclose(
        found.loc[1, ['more', 'less']].tolist(), by_hand.loglikelihood
    ) and found.tokens_more.tolist() == found.tokens_less.tolist() == [6, 2]
    whole = ask_crows(lm, pairs, bos=101)
    assert np.allclose(
        whole.less, loglikelihoods(lm, pairs.less, bos=101).loglikelihood
    ) and whole.tokens_less.tolist() == [7, 4]


def test_named(): # nbs/api/22_stereotypes.ipynb, cell a24a16e8
    """A model that finds all tokens equally likely has the logarithm of the number of tokens in its vocabulary."""
    hand = pd.DataFrame(
        dict(
            id=list('1234'),
            type=['age', 'age', 'race', 'race'],
            unit=list('1234'),
            scored='shared tokens',
            more=[-1.0, -2.0, -3.0, -4.0],
            less=[-2.0, -2.0, -2.0, -8.0],
            tokens_more=2,
            tokens_less=2,
        )
    )
    scores = Scores(hand, CrowsPairs())
    value = scores.table.set_index(['type', 'metric']).value
    assert (
        value['all', 'pseudo_likelihood_score'] == 62.5
        and value['age', 'pseudo_likelihood_score'] == 75
        and value['race', 'nats_per_token'] == 17 / 8
    )
    # a tie is no preference
    assert CrowsPairs().undecided(hand).tolist() == [False, True, False, False] and value['age', 'ties'] == 50
    causal = Scores(hand.assign(scored='whole sentences'), CrowsPairs())
    assert (
        causal.table.metric.tolist()[0] == causal.benchmark.bias == 'likelihood_score'
        and scores.benchmark.bias == 'pseudo_likelihood_score'
    )
    assert causal.benchmark == CrowsPairs() and str(causal.benchmark) == 'crows_pairs'
    with expect_fail(ValueError, 'The scores are of shared tokens and whole sentences'):
        Scores(hand.assign(scored=['shared tokens', 'whole sentences'] * 2), CrowsPairs())


def test_named_2(): # nbs/api/22_stereotypes.ipynb, cell 68dde276
    """Models and settings that the benchmark cannot use are refused before any work."""
    lm, masked = tiny_lm(), tiny_masked_lm()
    hand = pd.DataFrame(
        dict(
            id=list('1234'),
            type=['age', 'age', 'race', 'race'],
            unit=list('1234'),
            scored='shared tokens',
            more=[-1.0, -2.0, -3.0, -4.0],
            less=[-2.0, -2.0, -2.0, -8.0],
            tokens_more=2,
            tokens_less=2,
        )
    )
    causal = Scores(hand.assign(scored='whole sentences'), CrowsPairs())
    with tempfile.TemporaryDirectory() as folder:
        assert Scores.load(causal.save(Path(folder)/'scores.parquet')).benchmark.bias == 'likelihood_score'
    assert parse_benchmark('crows_pairs') == CrowsPairs() and parse_benchmark('crows_pairs(bos=101)').bos == 101
    with expect_fail(ValueError, "bos = 'x': give True, False, or a token id"): CrowsPairs('x')
    with expect_fail(ValueError, 'is of the kind classifier'): CrowsPairs()(tiny_classifier())
    with expect_fail(ValueError, 'The tokenizer has no BOS token. Pass bos=False'): CrowsPairs()(lm)
    with expect_fail(ValueError, 'NaN or infinite scores in 1 of 4 items'):
        Scores(hand.assign(more=[np.nan, 1., 1., 1.]), CrowsPairs())


@pytest.mark.data
def test_named_3(): # nbs/api/22_stereotypes.ipynb, cell 2dff5816
    lm, masked = tiny_lm(), tiny_masked_lm()
    every = CrowsPairs().items()
    assert len(every) == 1508 and every.type.nunique() == 9
    few = every.groupby('type').head(12)
    dense, less = (Scores(ask_crows(m, few, bos=101), CrowsPairs()) for m in (lm, Magnitude(.5)(lm)))
    found = compare_scores(dense, less, n_resamples=500)
    assert set(found.metric) == {
        'likelihood_score',
        'nats_per_token',
        'ties',
        'flip_rate',
        'became_biased',
        'became_unbiased',
    }
    assert Scores(ask_crows(masked, few[:20]), CrowsPairs()).table.metric[0] == 'pseudo_likelihood_score'


def test_named_4(): # nbs/api/22_stereotypes.ipynb, cell 6f931db0
    """The nats per token show this: they are those of a guess."""
    pairs = pd.DataFrame(
        dict(
            id=['1', '2'],
            type='age',
            unit=['1', '2'],
            more=['My old neighbour is very slow.', 'An old man fell.'],
            less=['My young neighbour is very slow.', 'A boy fell.'],
        )
    )
    def zeroed(model):
        for p in model.parameters(): p.data.zero_()
        return model
    for make, bos in ((tiny_masked_lm, True), (tiny_lm, 101)):
        before, after = (
            Scores(
                ask_crows(m, pairs.iloc[[0, 1, 0, 1, 0]].assign(id=list('12345'), unit=list('12345')), bos), CrowsPairs()
            )
            for m in (make(), zeroed(make()))
        )
        value = after.table.query("type == 'all'").set_index('metric').value
        assert value[after.benchmark.bias] == (50 if make is tiny_masked_lm else 30) and value.ties == (
            100 if make is tiny_masked_lm else 60
        )
        assert np.isclose(value.nats_per_token, np.log(30522)) and collapsed(
            after, compare_scores(before, after, n_resamples=100)
        ).startswith('its nats_per_token is 10.3 (10.3 to 10.3)')


@pytest.mark.data
def test_named_5(): # nbs/api/22_stereotypes.ipynb, cell 90718c1f
    def zeroed(model):
        for p in model.parameters(): p.data.zero_()
        return model
    few = CrowsPairs().items().groupby('type').head(40)
    mlm = zeroed(tiny_masked_lm())
    lost, half = (Scores(ask_crows(m, few, bos=101), CrowsPairs()) for m in (mlm, zeroed(tiny_lm()).bfloat16()))
    assert lost.table.value[0] == 50 and lost.benchmark.undecided(lost.items).all()
    assert abs(half.table.value[0] - 50) < 10 and half.benchmark.undecided(half.items).mean() > .6
    sense = Scores(ask_stereoset(mlm, StereoSet().items()[::20]), StereoSet()).table
    assert (sense[sense.metric.isin(['lms', 'ss', 'icat'])].value == 50).all() and (
        sense[sense.metric == 'ties'].value == 100
    ).all()


@pytest.mark.slow
@pytest.mark.data
def test_named_6(): # nbs/api/22_stereotypes.ipynb, cell 4371d72d
    """The output shows how long this takes, and what the model prefers."""
    with redirect_stderr(io.StringIO()): smol = load_lm(SMOLLM2)
    start = time.perf_counter()
    dense = StereoSet()(smol)
    value = dense.table.query("type == 'all'").set_index('metric').value
    print(
        f'{len(dense):,} items in {time.perf_counter() - start:.0f} s; over items: LMS {value.lms_items:.1f}, SS '
        f'{value.ss_items:.1f}, ICAT {value.icat_items:.1f}; over terms: {value.lms:.1f}, {value.ss:.1f}, '
        f'{value.icat:.1f}'
    )
    assert (
        abs(value.lms_items - 89.5) < 0.1
        and value.ties == 0
        and abs(value.ss_items - 62.2) < 0.1
        and abs(value.icat_items - 67.7) < 0.1
    )


@pytest.mark.slow
@pytest.mark.data
def test_named_7(): # nbs/api/22_stereotypes.ipynb, cell cf109d7e
    """The next table is that of CrowS-Pairs for the same model."""
    with redirect_stderr(io.StringIO()): smol = load_lm(SMOLLM2)
    start = time.perf_counter()
    crows = CrowsPairs()(smol)
    print(f'{len(crows):,} pairs in {time.perf_counter() - start:.0f} s')
    assert crows.table.value[0] > 50


@pytest.mark.slow
@pytest.mark.data
def test_named_8(): # nbs/api/22_stereotypes.ipynb, cell cd9de931
    """Every item of StereoSet is a tie, and the three figures are 50."""
    def zeroed(model):
        for p in model.parameters(): p.data.zero_()
        return model
    with redirect_stderr(io.StringIO()): nothing = zeroed(load_lm(SMOLLM2))
    for model in (nothing, nothing.bfloat16()):
        gone = Scores(ask_stereoset(model, StereoSet().items()[::8]), StereoSet())
        value = gone.table.query("type == 'all'").set_index('metric').value
        assert (value[['lms', 'ss', 'icat']] == 50).all() and value.ties == 100
        pair = Scores(ask_crows(model, CrowsPairs().items()[::8]), CrowsPairs())
        assert (
            pair.benchmark.undecided(pair.items).mean() > 0.6
            and abs(pair.table.value[0] - 50) < 10
            and np.isclose(pair.table.query("metric == 'nats_per_token'").value, np.log(49152)).all()
        )
