# Generated from nbs/api/28_associations.ipynb: edit the notebook
import pytest
import json
import numpy as np
import pandas as pd
import torch
import os
import tempfile
import warnings
from pathlib import Path
from fastcore.test import expect_fail
from fairprune.bias.benchmarks import Scores, collapsed, compare_scores, parse_benchmark
from fairprune.compress.pruning import Magnitude
from fairprune.named import MINILM, public_files
from fairprune.models import load_classifier, tiny_classifier, tiny_lm, tiny_masked_lm
from fairprune.bias.associations import *
from fairprune.bias.associations import _read_sets


def test_embed(): # nbs/api/28_associations.ipynb, cell aacedf1b
    """For any kind of model, a vector does not depend on what else is in the batch, and it is the vector that the model itself gives."""
    texts = ['This is John.', 'The people over there are lawyers.', 'Amy']
    for tiny in (
        tiny_classifier(family='distilbert'),
        tiny_classifier(family='roberta'),
        tiny_masked_lm(),
        tiny_lm('gpt2'),
        tiny_lm('llama'),
        tiny_classifier().bert,
    ):
        if not hasattr(tiny, 'tokenizer'): tiny.tokenizer = tiny_lm().tokenizer # a plain encoder
        for pooling in POOLING:
            together = embed(tiny, texts, pooling)
            assert together.shape == (3, 32) and np.allclose(
                together, np.concatenate([embed(tiny, [t], pooling) for t in texts]), atol=1e-5
            )
    with expect_fail(ValueError, "Unknown pooling 'max'. Known: mean, cls, last"): embed(tiny, texts, 'max')


def test_embed_2(): # nbs/api/28_associations.ipynb, cell d1b8883e
    texts = ['This is John.', 'The people over there are lawyers.', 'Amy']
    bert = tiny_classifier()
    with torch.no_grad(): states = bert.base_model(**bert.tokenizer(texts[:1], return_tensors='pt')).last_hidden_state[0]
    assert np.allclose(embed(bert, texts)[0], states.mean(0), atol=1e-6)
    assert np.allclose(embed(bert, texts, 'cls')[0], states[0], atol=1e-6) and np.allclose(
        embed(bert, texts, 'last')[0], states[-1], atol=1e-6
    )


def test_associations(): # nbs/api/28_associations.ipynb, cell b451b660
    """The association of a target word $w$ says how much nearer it is to the attributes $A$ than to the attributes $B$, measured by the cosine."""
    right, up, left = [1., 0.], [0., 2.], [-3., 0.]
    assert associations([right, up, left], [right, right], [up]).tolist() == [1, -1, -1]
    assert associations([right], [right, up], [left]).tolist() == [1.5]


def test_effect_size(): # nbs/api/28_associations.ipynb, cell f48a6f2a
    """So it can be resampled as all benchmarks are."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(.3, 1, 8), rng.normal(0, 1, 8)
    assert np.isclose(effect_size(x, y), (x.mean() - y.mean()) / np.concatenate([x, y]).std(ddof=1))
    assert (
        np.isclose(effect_size([1, 1], [0, 0]), 3**0.5)
        and effect_size(x, x) == 0
        and np.isclose(effect_size(x, y), -effect_size(y, x))
    )


def test_permutation_test(): # nbs/api/28_associations.ipynb, cell 0a1e526f
    """A plain loop over all splits gives the same count."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(.3, 1, 8), rng.normal(0, 1, 8)
    both, above, splits = [*x[:4], *y[:5]], 0, 0
    observed = sum(both[:4]) - sum(both[4:])
    for mask in range(2 ** 9):
        chosen = [v for k, v in enumerate(both) if mask >> k & 1]
        if len(chosen) == 4:
            splits, above = splits + 1, above + (sum(chosen) - (sum(both) - sum(chosen)) >= observed - 1e-9)
    assert splits == 126 and permutation_test(both[:4], both[4:]) == (above / 126, True)
    assert permutation_test([1, 1, 0], [1, 0, 0]) == (.5, True) # 10 of 20 splits, ties among them
    assert permutation_test([3, 4], [1, 2]) == (1 / 6, True) and permutation_test([1, 2], [3, 4]) == (1., True)
    with expect_fail(ValueError, 'A set of targets is empty'): permutation_test([], y)


def test_permutation_test_2(): # nbs/api/28_associations.ipynb, cell 0ad22d5f
    """The p-value from drawn splits is near the exact one, and it is never zero."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(.3, 1, 8), rng.normal(0, 1, 8)
    exact, _ = permutation_test(x, y)
    sampled = (1 + (rng.permuted(np.tile(np.concatenate([x, y]), (4000, 1)), axis=1)[:, :8].sum(1) >= x.sum()).sum()) / 4001
    assert abs(exact - sampled) < .03
    far = permutation_test(rng.normal(5, 1, 30), rng.normal(0, 1, 30), n_samples=500)
    assert far == (1 / 501, False)


def test_read_sets(): # nbs/api/28_associations.ipynb, cell 745d4305
    """2022) publishes."""
    with tempfile.TemporaryDirectory() as d:
        path = Path(d)/'weat6.jsonl'
        whole = json.dumps({k: dict(category='', examples=['a', 'b']) for k in ('targ1', 'targ2', 'attr1', 'attr2')})
        assert (path.write_text(whole), _read_sets(path))[1] == dict.fromkeys('XYAB', ['a', 'b'])
        path.write_text(whole[:len(whole) // 2])
        with expect_fail(ValueError, 'weat6.jsonl is no complete JSON file'): _read_sets(path)
        path.write_text('{"targ1": {"examples": ["a"]}}')
        with expect_fail(ValueError, 'no examples of targ2, attr1, attr2'): _read_sets(path)


def test_words_of(): # nbs/api/28_associations.ipynb, cell ef003e06
    """Which sentences belong to one word is found from the order of the file: a sentence with another word in the singular begins a new unit, and a plural continues it."""
    assert words_of(
        [
            'This is a man.',
            'The man is here.',
            'These are men.',
            'Men are people.',
            'Here he is.',
            "The person's name is Amy.",
            'Ann',
        ]
    ) == ['man'] * 4 + ['he', 'amy', 'ann']


def test_Seat(): # nbs/api/28_associations.ipynb, cell 8fc8fca7
    """This example reads a few names from a file in a folder of the user's own."""
    bert = tiny_classifier()
    names = dict(
        targ1=['John', 'Paul', 'Mike'],
        targ2=['Amy', 'Joan', 'Lisa'],
        attr1=['office', 'salary', 'career'],
        attr2=['home', 'family', 'children'],
    )
    def tiny_scores(model, benchmark=Weat('weat6')):
        with tempfile.TemporaryDirectory() as d:
            (Path(d)/'seat').mkdir()
            (Path(d) / 'seat' / 'weat6.jsonl').write_text(
                json.dumps({k: dict(category=k, examples=v) for k, v in names.items()})
            )
            own = os.environ.get('FAIRPRUNE_DATA')
            try: os.environ['FAIRPRUNE_DATA'] = d; return benchmark(model)
            finally: os.environ.pop('FAIRPRUNE_DATA') if own is None else os.environ.update(FAIRPRUNE_DATA=own)
    scores = tiny_scores(bert)
    x, y, a, b = (embed(bert, names[k]) for k in names)
    direct = effect_size(associations(x, a, b), associations(y, a, b))
    table = scores.table.set_index('metric')
    assert (
        len(scores) == 6
        and np.isclose(table.value[Weat.bias], direct)
        and np.isclose(table.value['mean_absolute_effect'], abs(direct))
    )
    assert list(scores.table.type) == ['weat6', 'across'] and list(scores.items.unit) == [
        'john',
        'paul',
        'mike',
        'amy',
        'joan',
        'lisa',
    ]


def test_Seat_2(): # nbs/api/28_associations.ipynb, cell cf01fbcc
    assert str(Weat('weat6')) == "weat(tests=('weat6',))" and str(
        parse_benchmark("seat(tests=('weat6', 'religion1'))")
    ) == str(Seat(['weat6', 'religion1']))
    assert (
        str(Seat()) == 'seat'
        and list(Seat('weat6').files) == ['sent-weat6.jsonl']
        and len(Seat().files) == 23
        and len(Weat().files) == 15
    )
    with expect_fail(ValueError, "Unknown test 'religion1'. Known: weat1,"): Weat('religion1')
    with expect_fail(ValueError, 'No test is named'): Seat(())
    with expect_fail(ValueError, "Unknown pooling 'sum'"): Seat(pooling='sum')
    with expect_fail(ValueError, 'The first token of a causal model'): Weat(pooling='cls')(tiny_lm())


def test_Seat_3(): # nbs/api/28_associations.ipynb, cell 1c5303c4
    """In both cases there is nothing to measure."""
    bert = tiny_classifier()
    names = dict(
        targ1=['John', 'Paul', 'Mike'],
        targ2=['Amy', 'Joan', 'Lisa'],
        attr1=['office', 'salary', 'career'],
        attr2=['home', 'family', 'children'],
    )
    def tiny_scores(model, benchmark=Weat('weat6')):
        with tempfile.TemporaryDirectory() as d:
            (Path(d)/'seat').mkdir()
            (Path(d) / 'seat' / 'weat6.jsonl').write_text(
                json.dumps({k: dict(category=k, examples=v) for k, v in names.items()})
            )
            own = os.environ.get('FAIRPRUNE_DATA')
            try: os.environ['FAIRPRUNE_DATA'] = d; return benchmark(model)
            finally: os.environ.pop('FAIRPRUNE_DATA') if own is None else os.environ.update(FAIRPRUNE_DATA=own)
    first_token, nothing = tiny_classifier(family='gpt2'), tiny_classifier()
    for p in nothing.parameters(): p.data.zero_()
    for model, pooling in ((first_token, 'cls'), (nothing, 'mean'), (nothing, 'cls')):
        same = tiny_scores(model, Weat('weat6', pooling=pooling))
        assert len(same) == 6 and same.table.value.isna().all()
    before, after = (tiny_scores(m) for m in (bert, nothing))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        found = compare_scores(before, after, n_resamples=200)
    assert found[['compressed', 'change', 'low', 'high', 'p']].isna().all(axis=None) and found.dense.notna().all()
    assert collapsed(after, found) == 'its effect_size is undefined, as where all answers are the same'


def test_Seat_4(): # nbs/api/28_associations.ipynb, cell 56f9d604
    """A model that is bent towards the stereotype gets a larger $d$."""
    bert = tiny_classifier()
    names = dict(
        targ1=['John', 'Paul', 'Mike'],
        targ2=['Amy', 'Joan', 'Lisa'],
        attr1=['office', 'salary', 'career'],
        attr2=['home', 'family', 'children'],
    )
    def tiny_scores(model, benchmark=Weat('weat6')):
        with tempfile.TemporaryDirectory() as d:
            (Path(d)/'seat').mkdir()
            (Path(d) / 'seat' / 'weat6.jsonl').write_text(
                json.dumps({k: dict(category=k, examples=v) for k, v in names.items()})
            )
            own = os.environ.get('FAIRPRUNE_DATA')
            try: os.environ['FAIRPRUNE_DATA'] = d; return benchmark(model)
            finally: os.environ.pop('FAIRPRUNE_DATA') if own is None else os.environ.update(FAIRPRUNE_DATA=own)
    scores = tiny_scores(bert)
    scores.table.round(3)
    bent = Scores(scores.items.assign(s=lambda t: t.s + .05 * t.x), scores.benchmark)
    change = compare_scores(scores, bent, n_resamples=200).set_index('metric').loc['effect_size']
    assert change.change > 0 and change.n == 6 and not change.judged # six items are too few to judge
    assert np.isclose(change.compressed, effect_size(bent.items.s[:3], bent.items.s[3:]))


def test_permutation_table(): # nbs/api/28_associations.ipynb, cell 9d662efa
    """The p-value to believe is `p_words`."""
    bert = tiny_classifier()
    names = dict(
        targ1=['John', 'Paul', 'Mike'],
        targ2=['Amy', 'Joan', 'Lisa'],
        attr1=['office', 'salary', 'career'],
        attr2=['home', 'family', 'children'],
    )
    def tiny_scores(model, benchmark=Weat('weat6')):
        with tempfile.TemporaryDirectory() as d:
            (Path(d)/'seat').mkdir()
            (Path(d) / 'seat' / 'weat6.jsonl').write_text(
                json.dumps({k: dict(category=k, examples=v) for k, v in names.items()})
            )
            own = os.environ.get('FAIRPRUNE_DATA')
            try: os.environ['FAIRPRUNE_DATA'] = d; return benchmark(model)
            finally: os.environ.pop('FAIRPRUNE_DATA') if own is None else os.environ.update(FAIRPRUNE_DATA=own)
    scores = tiny_scores(bert)
    scores.table.round(3)
    first_token, nothing = tiny_classifier(family='gpt2'), tiny_classifier()
    for p in nothing.parameters(): p.data.zero_()
    before, after = (tiny_scores(m) for m in (bert, nothing))
    row = permutation_table(scores).squeeze()
    assert (
        row.n == row.words == 6
        and row.exact
        and row.p == row.p_words == permutation_test(scores.items.s[:3], scores.items.s[3:])[0]
    )
    copied = Scores(
        pd.concat([scores.items.assign(id=scores.items.id + str(k)) for k in range(5)], ignore_index=True), scores.benchmark
    )
    again = permutation_table(copied, n_samples=2000).squeeze()
    assert again.n == 30 and not again.exact and again.words == 6 and again.p_words == row.p # copies are no new evidence
    nobody = permutation_table(after).squeeze()
    assert np.isnan(nobody.effect_size) and nobody.p == 1 # of vectors that are all alike


@pytest.mark.data
def test_permutation_table_2(): # nbs/api/28_associations.ipynb, cell 193b694e
    for benchmark in (Weat(), Seat()):
        sets = {test: _read_sets(path) for test, path in zip(benchmark.tests, benchmark.paths().values())}
        assert all(len(s['X']) == len(s['Y']) and not set(s['X']) & set(s['Y']) for s in sets.values())
        assert all(public_files('seat', benchmark.files)[f][1] == checksum for f, (_, checksum) in benchmark.files.items())
        words = {test: (len(set(words_of(s['X']))), len(set(words_of(s['Y'])))) for test, s in sets.items()}
        assert (
            words['weat1'] == (25, 25)
            and words['weat6'] == words['weat6b'] == words['weat7b'] == (8, 8)
            and words['weat3'] == (32, 32)
        )
    assert len(sets['weat6']['X']) == 64 and len(sets['weat1']['A']) == 215 and words['religion1'] == (6, 6)


@pytest.mark.slow
@pytest.mark.data
def test_permutation_table_3(): # nbs/api/28_associations.ipynb, cell 8b428410
    """A model that has lost these associations has lost more than a bias."""
    dense = load_classifier(MINILM, labels=('no', 'yes'))
    small = Magnitude(.5)(dense)
    before, after = Seat()(dense), Seat()(small)
    tests = permutation_table(before).merge(permutation_table(after), on=['type', 'n', 'words'], suffixes=('', ' at 50%'))
    assert (tests.p < 0.05).sum() > (tests.p_words < 0.05).sum() and (
        tests.set_index('type').p_words[['weat1', 'weat2']] < 0.01
    ).all()


@pytest.mark.slow
@pytest.mark.data
def test_permutation_table_4(): # nbs/api/28_associations.ipynb, cell 8bc1edd3
    """Fourteen of the 23 tests are significant at 5% if sentences are counted as independent, and eight are if words are."""
    dense = load_classifier(MINILM, labels=('no', 'yes'))
    small = Magnitude(.5)(dense)
    before, after = Seat()(dense), Seat()(small)
    change = compare_scores(before, after)
    d = change[change.metric == 'effect_size']
    assert (d.p_holm.dropna() < 0.05).sum() == 1 and change.query("metric == 'mean_absolute_effect'").eval(
        'low < 0 < high'
    ).all()
