# Generated from nbs/api/60_audit.ipynb: edit the notebook
from dataclasses import dataclass, replace
import numpy as np
import pandas as pd
import copy
import tempfile
import warnings
import matplotlib.pyplot as plt
import torch
from fastcore.test import expect_fail
from fairprune.bias.benchmarks import Benchmark, preferred, tied
from fairprune.bias.groups import planted
from fairprune.compress.pruning import Magnitude
from fairprune.corpus import Corpus
from fairprune.data import GroupedText
from fairprune.likelihood import loglikelihoods
from fairprune.models import save, tiny_classifier, tiny_lm
from fairprune.auditing import *
from fairprune.auditing import _is_table


def test_checked(): # nbs/api/60_audit.ipynb, cell 2bc206ff
    """A name that ends in `.parquet`, in upper or lower case, is a file of predictions; any other name is a model."""
    assert _is_table('runs/DENSE.PARQUET') and not _is_table('runs/dense')


def test_audit(): # nbs/api/60_audit.ipynb, cell d0c81164
    """The control is matched by the purpose of the models: accuracy on the same split for classifiers, perplexity on running text for language models."""
    dense, small = planted()
    found = audit(dense, small)
    assert (
        'moved most: accuracy in c by -' in found.verdict
        and ', recall of yes in c by -' in found.verdict
        and found.summary().set_index('measure').note['equalized odds difference'] == 'uneven'
    )
    assert (
        '1 of 3 judged groups lost accuracy beyond chance: c' in found.verdict
        and 'The class yes has the lowest change of recall' in found.verdict
    )
    print(found.verdict)


def test_audit_2(): # nbs/api/60_audit.ipynb, cell e9cbca73
    """An audit of two copies of the same model: nobody is harmed, and the verdict does not claim more than that."""
    dense, small = planted()
    found = audit(dense, small)
    found.summary()
    assert 'No single group is shown to have moved otherwise' in audit(dense, dense).verdict and not set(
        audit(dense, dense).summary().note
    ) - {''}
    assert (
        '0.0% of the answers changed' in audit(dense, dense).verdict
        and '0 of 3 judged groups' in audit(dense, dense).verdict
        and 'no proof' in audit(dense, dense).verdict
    )
    assert 'No group has enough texts' in audit(*planted(40)).verdict
    few = audit(*planted(100, list('ab'))) # the rates of 25 texts a class are not judged
    assert (
        'The equalized odds difference went' in found.verdict
        and 'The equalized odds difference is undefined' in few.verdict
        and 'nan' not in few.verdict
    )
    spans = [a.summary().set_index('measure').interval for a in (few, found)]
    # a level alone
    assert (
        spans[0]['equalized odds difference'] == 'undefined'
        and spans[1]['equalized odds difference'] == ''
        and ' to ' in spans[1]['accuracy']
    )
    assert (
        'went from 0.056 to 0.456, beyond the 0.0' in found.verdict
        and 'of an even move of the same answers; chance alone makes one of 0.0' in found.verdict
        and 'even move' not in audit(dense, dense).verdict
    )
    assert found.verdict.count('What another training would have given is not in them.') == 1


def test_audit_3(): # nbs/api/60_audit.ipynb, cell b6cd640d
    """The verdict says that this is not fairness."""
    dense, small = planted()
    found = audit(dense, small)
    found.summary()
    constant = replace(small, logits=np.tile([0., 1.], (len(small), 1)).astype('float32'))
    coin = replace(small, logits=np.eye(2, dtype='float32')[np.random.default_rng(5).integers(0, 2, len(small))])
    for lost, why in (
        (
            constant,
            'The compressed model gives the answer yes to all texts: its mean recall is 0.500 (0.500 to 0.500), and a '
            'guess has 0.500.',
        ),
        (coin, 'The compressed model does not tell the classes apart'),
    ):
        said = audit(dense, lost, n_resamples=200)
        assert why in said.verdict and 'say nothing on fairness' in said.verdict and 'The dense model' not in said.verdict
        assert said.table.query("metric == 'equalized_odds_difference'").compressed.item() == 0 or lost is coin
    assert 'say nothing on fairness' not in found.verdict + audit(dense, dense, n_resamples=200).verdict


def test_audit_4(): # nbs/api/60_audit.ipynb, cell 313d4c7c
    """Groups may have names that the tables of this library use for other things: the group that loses is found, whatever its name."""
    dense, small = planted()
    found = audit(dense, small)
    found.summary()
    for name in ('all', 'judged', 'model', 'across'):
        called = audit(*planted(groups=('a', 'b', name)), n_resamples=500)
        assert f'1 of 3 judged groups lost accuracy beyond chance: {name} (' in called.verdict
        assert called.summary().measure.tolist() == [m.replace(': c', f': {name}') for m in found.summary().measure]


def test_audit_5(): # nbs/api/60_audit.ipynb, cell f7f2b3fb
    """Where many of the texts nearly repeat another and no clusters are named, the verdict says that they count as independent."""
    dense, small = planted()
    sources = np.array([str(i // 6) for i in range(900)])
    by_source = audit(*(replace(p, clusters=sources) for p in (dense, small)), n_resamples=500)
    assert by_source.table.even.notna().any() and 'of an even move of the same answers' in by_source.verdict
    authors = np.repeat(np.arange(41), [*range(1, 41), 80]).astype(str) # each with a number of texts that no other has
    alone = [
        replace(p, groups=[['xy'[int(a) % 2]] for a in authors], clusters=authors, labels=1 + 0 * p.labels)
        for p in (dense, small)
    ]
    alone[0] = replace(alone[0], logits=np.eye(2, dtype='float32')[alone[0].labels])
    of_authors = audit(*alone, n_resamples=200)
    assert 'what an even move would do is unknown' in of_authors.verdict and 'chance alone' not in of_authors.verdict
    assert of_authors.summary().set_index('measure').even_move['worst group accuracy'] == 'unknown'
    assert (
        'The 900 texts in 150 clusters are judged by whole clusters.' in by_source.verdict
        and by_source.table.units.max() == 150
        and 'clusters' not in audit(dense, small, n_resamples=200).verdict
    )
    known = GroupedText.from_frame(
        pd.DataFrame(
            dict(
                id=dense.ids,
                text='t',
                label=[dense.classes[k] for k in dense.labels],
                groups=[g for (g,) in dense.groups],
                source=sources,
            )
        ),
        id='id',
        clusters='source',
        whole='test',
    )
    pd.testing.assert_frame_equal(audit(dense, small, known, n_resamples=500).table, by_source.table)
    told = [replace(p, meta=dict(distinct=588)) for p in (dense, small)]
    assert (
        '312 of 900 texts nearly repeat another, and count as independent; clusters="text" (--clusters text) judges such '
        'texts together.'
        in audit(*told, n_resamples=200).verdict
    )
    with expect_fail(ValueError, 'names clusters of texts and the other does not'):
        audit(replace(dense, clusters=sources), small)


def test_audit_6(): # nbs/api/60_audit.ipynb, cell 59891f88
    """Predictions that do not say how they were computed are accepted without a remark."""
    dense, small = planted()
    def on(predictions, arithmetic, processor):
        return replace(predictions, meta=dict(arithmetic=arithmetic, processor=processor))
    def alike(a, b, **control):
        return 'not computed alike' not in audit(on(dense, *a), on(small, *b), n_resamples=100, **control).verdict
    here, eight = ('float32', 'AVX512'), ('float32, int8 x86', 'AVX512')
    assert (
        alike(here, here)
        and alike(here, eight)
        and alike(eight, here)
        and alike(here, ('float32, trained in bfloat16', 'AVX2'))
        and alike(('', ''), eight)
    )
    assert (
        not alike(here, ('bfloat16', 'AVX512'))
        and not alike(here, ('float32, int8 float', 'AVX2'))
        and not alike(('bfloat16', 'AVX512'), ('bfloat16', 'AVX2'))
    )
    assert not alike(eight, ('float32, int8 onednn', 'AVX512')) and not alike(
        here, eight, control=on(small, 'float32, int8 float', 'AVX2')
    )
    elsewhere = audit(on(dense, *here), on(small, 'float32, int8 float', 'AVX2'))
    assert (
        '(dense: float32 on AVX512; compressed: float32, int8 float on AVX2)' in elsewhere.verdict
        and elsewhere.cost.processor['compressed'] == 'AVX2'
    )


def test_audit_7(): # nbs/api/60_audit.ipynb, cell 4833f16d
    """The table holds more than fits on a screen: calibration and confidence by group and, where the harmless class is named, the AUCs of [groups](20_groups.ipynb)."""
    dense, small = planted()
    found = audit(dense, small)
    found.summary()
    graded = audit(dense, small, negative='no')
    assert {'ece', 'true_probability', 'shortfall', 'bpsn_auc', 'gmb_bpsn_auc'} <= set(
        graded.table.metric
    ) and 'gmb bpsn auc' in set(graded.summary().measure)
    assert (
        'gmb_bpsn_auc' not in set(found.table.metric)
        and list(graded.summary().measure)[:3] == list(found.summary().measure)[:3]
    )


def test_audit_8(): # nbs/api/60_audit.ipynb, cell 2aeb060f
    """Measures of probabilities take the larger part of the time, and can be left out."""
    dense, small = planted()
    found = audit(dense, small)
    found.summary()
    assert set(audit(dense, small, probabilities=False).table.metric) == set(found.table.metric) - {
        'confidence',
        'true_probability',
        'ece',
    }
    with expect_fail(ValueError, 'The AUCs are of probabilities'): audit(dense, small, negative='no', probabilities=False)


def test_audit_9(): # nbs/api/60_audit.ipynb, cell 43749fda
    """So many groups need many resamples, and as many are drawn: with 30 groups at 95% confidence, 1,200."""
    many = audit(*planted(3000, [f'g{i:02d}' for i in range(30)], harm=1.), n_resamples=100)
    assert many.settings['n_resamples'] == 1200 and 2 * 30 / 1201 < .05 < 2 * 30 / 1199
    assert (
        '1 of 30 judged groups lost accuracy beyond chance: g29' in many.verdict
        and many.table.query("metric == 'true_probability' and group == 'g29'").p_holm.item() < 0.05
    )


def test_audit_10(): # nbs/api/60_audit.ipynb, cell 84edb5a0
    """If models are given, they are asked for predictions first, and timed."""
    dense, small = planted()
    sources = np.array([str(i // 6) for i in range(900)])
    by_source = audit(*(replace(p, clusters=sources) for p in (dense, small)), n_resamples=500)
    known = GroupedText.from_frame(
        pd.DataFrame(
            dict(
                id=dense.ids,
                text='t',
                label=[dense.classes[k] for k in dense.labels],
                groups=[g for (g,) in dense.groups],
                source=sources,
            )
        ),
        id='id',
        clusters='source',
        whole='test',
    )
    pd.testing.assert_frame_equal(audit(dense, small, known, n_resamples=500).table, by_source.table)
    words = pd.DataFrame(
        dict(
            text=[f'{w} word' for w in ['good', 'bad'] * 200], label=['yes', 'no'] * 200, groups=['a', 'b', 'b', 'a'] * 100
        )
    )
    toy, tiny = GroupedText.from_frame(words, name='toy'), tiny_classifier()
    from_models = audit(tiny, Magnitude(.9)(tiny), toy)
    assert (
        from_models.cost.nonzero['compressed'] < from_models.cost.nonzero['dense']
        and (from_models.cost.ms_per_text > 0).all()
    )
    assert from_models.cost.method['compressed'] == 'magnitude(sparsity=0.9)'
    with expect_fail(ValueError, 'A model is judged on data'): audit(tiny, tiny)


def test_audit_11(): # nbs/api/60_audit.ipynb, cell b341b66c
    """A copy that was changed by hand, cast, or quantized by another library does not show the numbers of the original."""
    dense, small = planted()
    sources = np.array([str(i // 6) for i in range(900)])
    by_source = audit(*(replace(p, clusters=sources) for p in (dense, small)), n_resamples=500)
    known = GroupedText.from_frame(
        pd.DataFrame(
            dict(
                id=dense.ids,
                text='t',
                label=[dense.classes[k] for k in dense.labels],
                groups=[g for (g,) in dense.groups],
                source=sources,
            )
        ),
        id='id',
        clusters='source',
        whole='test',
    )
    pd.testing.assert_frame_equal(audit(dense, small, known, n_resamples=500).table, by_source.table)
    words = pd.DataFrame(
        dict(
            text=[f'{w} word' for w in ['good', 'bad'] * 200], label=['yes', 'no'] * 200, groups=['a', 'b', 'b', 'a'] * 100
        )
    )
    toy, tiny = GroupedText.from_frame(words, name='toy'), tiny_classifier()
    pruned, cast = copy.deepcopy(tiny), copy.deepcopy(tiny).bfloat16()
    with torch.no_grad(): pruned.bert.encoder.layer[0].intermediate.dense.weight[:32] = 0 # half of 64 x 32
    with warnings.catch_warnings(): # torch would rather have it done by torchao
        warnings.simplefilter('ignore')
        byte = torch.ao.quantization.quantize_dynamic(copy.deepcopy(tiny), {torch.nn.Linear}, torch.qint8)
    costs = {
        name: audit(tiny, m, toy, control=None, n_resamples=100).cost
        for name, m in dict(pruned=pruned, cast=cast, byte=byte).items()
    }
    gone = {
        name: c.loc['dense', ['parameters', 'nonzero', 'bytes', 'macs']]
        - c.loc['compressed', ['parameters', 'nonzero', 'bytes', 'macs']]
        for name, c in costs.items()
    }
    assert (
        gone['pruned'][['parameters', 'nonzero', 'macs']].tolist() == [0, 1024, 1024]
        and gone['pruned'].bytes > 0
        and costs['pruned'].method['compressed'] == 'changed elsewhere'
    )
    assert costs['cast'].bytes['compressed'] < .51 * costs['cast'].bytes['dense']
    linear = sum(m.weight.numel() for m in tiny.modules() if isinstance(m, torch.nn.Linear))
    # small weights are rounded to zero
    assert gone['byte'].bytes > 2.8 * linear and gone['byte'].parameters == 0 and 0 <= gone['byte'].macs < .05 * linear


def test_audit_12(): # nbs/api/60_audit.ipynb, cell 9da4f18e
    """If texts are cut, by the model's own limit or by a given one, the verdict says so."""
    dense, small = planted()
    sources = np.array([str(i // 6) for i in range(900)])
    by_source = audit(*(replace(p, clusters=sources) for p in (dense, small)), n_resamples=500)
    known = GroupedText.from_frame(
        pd.DataFrame(
            dict(
                id=dense.ids,
                text='t',
                label=[dense.classes[k] for k in dense.labels],
                groups=[g for (g,) in dense.groups],
                source=sources,
            )
        ),
        id='id',
        clusters='source',
        whole='test',
    )
    pd.testing.assert_frame_equal(audit(dense, small, known, n_resamples=500).table, by_source.table)
    words = pd.DataFrame(
        dict(
            text=[f'{w} word' for w in ['good', 'bad'] * 200], label=['yes', 'no'] * 200, groups=['a', 'b', 'b', 'a'] * 100
        )
    )
    toy, tiny = GroupedText.from_frame(words, name='toy'), tiny_classifier()
    from_models = audit(tiny, Magnitude(.9)(tiny), toy)
    telling = tiny_classifier(family='llama', seed=1) # reads 128 tokens
    ends = pd.DataFrame(
        dict(
            text=[f'{"so " * (100 if i % 4 else 200)}{"good" if i % 2 else "bad"}' for i in range(200)],
            label=['yes' if i % 2 else 'no' for i in range(200)],
            groups=['a', 'b', 'b', 'a'] * 50,
        )
    )
    late = GroupedText.from_frame(ends, complete=False, fractions=(0, 0))
    read, short = (audit(telling, telling, late, control=None, n_resamples=100, max_length=m) for m in (None, 64))
    assert (
        '50 of 200 texts are longer than the 128 tokens that were read of them.' in read.verdict
        and '200 of 200 texts are longer than the 64 tokens' in short.verdict
    )
    assert read.dense.meta['cut'] == 50 and read.dense.meta['limit'] == 128 and 'longer' not in from_models.verdict
    # the word that tells is past the 64
    assert len({tuple(row) for row in short.dense.logits}) < len({tuple(row) for row in read.dense.logits})


def test_audit_13(): # nbs/api/60_audit.ipynb, cell 9673c8b5
    """A classifier with one logit is [one of two classes](01_models.ipynb); a regression is refused before any work."""
    dense, small = planted()
    sources = np.array([str(i // 6) for i in range(900)])
    by_source = audit(*(replace(p, clusters=sources) for p in (dense, small)), n_resamples=500)
    known = GroupedText.from_frame(
        pd.DataFrame(
            dict(
                id=dense.ids,
                text='t',
                label=[dense.classes[k] for k in dense.labels],
                groups=[g for (g,) in dense.groups],
                source=sources,
            )
        ),
        id='id',
        clusters='source',
        whole='test',
    )
    pd.testing.assert_frame_equal(audit(dense, small, known, n_resamples=500).table, by_source.table)
    ends = pd.DataFrame(
        dict(
            text=[f'{"so " * (100 if i % 4 else 200)}{"good" if i % 2 else "bad"}' for i in range(200)],
            label=['yes' if i % 2 else 'no' for i in range(200)],
            groups=['a', 'b', 'b', 'a'] * 50,
        )
    )
    single, score = (tiny_classifier(('yes',), problem_type=p) for p in ('multi_label_classification', None))
    binary = GroupedText.from_frame(
        ends.assign(label=np.where(ends.label == 'yes', 'yes', 'not yes')),
        complete=False,
        fractions=(0, 0),
        labels=('not yes', 'yes'),
    )
    by_one = audit(single, Magnitude(.5)(single), binary, control=None, n_resamples=100)
    assert (
        by_one.dense.classes == ('not yes', 'yes')
        and (by_one.dense.logits[:, 0] == 0).all()
        and by_one.cost.method['compressed'] == 'magnitude()'
    )
    with expect_fail(ValueError, 'has one logit, which transformers takes for a regression'): audit(score, score, binary)


def test_audit_14(): # nbs/api/60_audit.ipynb, cell 6c0be733
    """A control of your own, as a model, its folder or predictions, is taken as it is, and `control=None` leaves the control out."""
    dense, small = planted()
    sources = np.array([str(i // 6) for i in range(900)])
    by_source = audit(*(replace(p, clusters=sources) for p in (dense, small)), n_resamples=500)
    known = GroupedText.from_frame(
        pd.DataFrame(
            dict(
                id=dense.ids,
                text='t',
                label=[dense.classes[k] for k in dense.labels],
                groups=[g for (g,) in dense.groups],
                source=sources,
            )
        ),
        id='id',
        clusters='source',
        whole='test',
    )
    pd.testing.assert_frame_equal(audit(dense, small, known, n_resamples=500).table, by_source.table)
    words = pd.DataFrame(
        dict(
            text=[f'{w} word' for w in ['good', 'bad'] * 200], label=['yes', 'no'] * 200, groups=['a', 'b', 'b', 'a'] * 100
        )
    )
    toy, tiny = GroupedText.from_frame(words, name='toy'), tiny_classifier()
    from_models = audit(tiny, Magnitude(.9)(tiny), toy)
    assert from_models.settings['control'].startswith('random(') or from_models.settings['control'] == 'dense'
    assert abs(from_models.settings['control_reached'] - from_models.settings['control_target']) <= .05
    assert list(from_models.cost.index) == ['dense', 'compressed', 'control'] and from_models.table.control.notna().any()
    without, own = audit(tiny, Magnitude(.9)(tiny), toy, control=None), audit(dense, small, control=dense)
    assert (
        list(without.cost.index) == ['dense', 'compressed']
        and without.table.control.isna().all()
        and 'control' not in without.summary()
    )
    assert (
        own.table.query("metric == 'accuracy' and group == 'c'").over_control.item()
        == own.table.query("metric == 'accuracy' and group == 'c'").change.item()
    )
    with expect_fail(ValueError, 'A control is made from models'): audit(dense, small, control='random')
    with tempfile.TemporaryDirectory() as folder:
        of_folder = audit(tiny, Magnitude(.9)(tiny), toy, control=str(save(Magnitude(.6)(tiny), f'{folder}/own')))
    damaged = replace(from_models, settings=from_models.settings | dict(control='random(sparsity=0.5)'))
    assert (
        'The control changed its accuracy by' in of_folder.verdict
        and 'A control that is damaged as much at random changed its accuracy by' in damaged.verdict
    )
    # the control explains all
    assert (
        'its worst group by -20.3 (-20.3), its equalized odds difference by +0.400 (+0.400). No single group is shown'
        in audit(dense, small, control=small, n_resamples=500).verdict
    )
    assert (
        'by +0.0 points (the compressed model by -6.7)' in own.verdict
        and 'Beyond the control and beyond the mean of the groups moved most: accuracy in c' in own.verdict
    )
    assert of_folder.cost.method['control'] == 'magnitude(sparsity=0.6)' and of_folder.table.control.notna().any()
    with expect_fail(ValueError, 'The control is neither random nor noise'): audit(tiny, tiny, toy, control='./chance')
    # before these are opened
    with expect_fail(ValueError, 'confidence = 95'): audit('runs/dense', 'runs/small', confidence=95)


def test_audit_15(): # nbs/api/60_audit.ipynb, cell 1776f8bc
    """Its control is the dense model, and the audit says so instead of speaking of damage."""
    dense, small = planted()
    sources = np.array([str(i // 6) for i in range(900)])
    by_source = audit(*(replace(p, clusters=sources) for p in (dense, small)), n_resamples=500)
    known = GroupedText.from_frame(
        pd.DataFrame(
            dict(
                id=dense.ids,
                text='t',
                label=[dense.classes[k] for k in dense.labels],
                groups=[g for (g,) in dense.groups],
                source=sources,
            )
        ),
        id='id',
        clusters='source',
        whole='test',
    )
    pd.testing.assert_frame_equal(audit(dense, small, known, n_resamples=500).table, by_source.table)
    words = pd.DataFrame(
        dict(
            text=[f'{w} word' for w in ['good', 'bad'] * 200], label=['yes', 'no'] * 200, groups=['a', 'b', 'b', 'a'] * 100
        )
    )
    toy, tiny = GroupedText.from_frame(words, name='toy'), tiny_classifier()
    unhurt = audit(tiny, tiny, toy, n_resamples=100)
    assert (
        unhurt.settings['control'] == 'dense' and 'so its control needs no damage: it is the dense model.' in unhurt.verdict
    )
    assert 'at random' not in unhurt.verdict and 'control changed its accuracy' not in unhurt.verdict


def test_audit_16(): # nbs/api/60_audit.ipynb, cell 0228387b
    """The benchmark of this example asks which pronoun is likelier after an occupation."""
    dense, small = planted()
    sources = np.array([str(i // 6) for i in range(900)])
    by_source = audit(*(replace(p, clusters=sources) for p in (dense, small)), n_resamples=500)
    known = GroupedText.from_frame(
        pd.DataFrame(
            dict(
                id=dense.ids,
                text='t',
                label=[dense.classes[k] for k in dense.labels],
                groups=[g for (g,) in dense.groups],
                source=sources,
            )
        ),
        id='id',
        clusters='source',
        whole='test',
    )
    pd.testing.assert_frame_equal(audit(dense, small, known, n_resamples=500).table, by_source.table)
    @dataclass(frozen=True)
    class Pronouns(Benchmark):
        "How often *she* is likelier than *he*."
        name, takes, bias, neutral, damage = 'pronouns', ('causal',), 'she_likelier', 50., 'nats'
        def score(self, model, progress):
            what = [
                (kind, job, did)
                for kind, jobs in dict(care='nurse teacher cleaner', craft='builder plumber driver').items()
                for job in jobs.split()
                for did in 'arrived slept sang paid left laughed read knew won smiled waited wrote'.split()
            ]
            she, he = (
                loglikelihoods(
                    model, [f'The {job} said that {who} {did}.' for _, job, did in what], bos=False
                ).loglikelihood
                for who in ('she', 'he')
            )
            table = pd.DataFrame(what, columns=['type', 'job', 'did'])
            return table.assign(id=table.job + ' ' + table.did, unit=table.did, she=she, he=he)
        def columns(self, items):
            return pd.DataFrame(dict(n=1., she=preferred(items.she, items.he), nats=items.she + items.he))
        def rates(self, sums): return dict(she_likelier=100 * sums['she'] / sums['n'], nats=sums['nats'] / sums['n'])
        def decisions(self, items): return items.she > items.he
        def undecided(self, items): return tied(items.she, items.he)
    river = 'The river runs down to the sea, and the sea is wide. '
    text, lm = Corpus(dict(test=river * 400)), tiny_lm('phi')
    lm.lm_head.bias.data[lm.tokenizer(river)['input_ids']] = 12 # it knows which words there are; a random one knows nothing
    told = audit(lm, Magnitude(.5)(lm), benchmarks=[Pronouns()], corpus=text)
    assert told.table is None and 'perplexity' in told.cost and told.benchmarks.control.notna().any()
    assert (
        told.verdict.startswith('pronouns: she_likelier went from') and 'judged types changed beyond chance' in told.verdict
    )
    assert 'tells nothing' not in told.verdict and told.cost.perplexity['compressed'] < 100


def test_audit_17(): # nbs/api/60_audit.ipynb, cell cf08be39
    """It did not become fair: it guesses."""
    dense, small = planted()
    sources = np.array([str(i // 6) for i in range(900)])
    by_source = audit(*(replace(p, clusters=sources) for p in (dense, small)), n_resamples=500)
    known = GroupedText.from_frame(
        pd.DataFrame(
            dict(
                id=dense.ids,
                text='t',
                label=[dense.classes[k] for k in dense.labels],
                groups=[g for (g,) in dense.groups],
                source=sources,
            )
        ),
        id='id',
        clusters='source',
        whole='test',
    )
    pd.testing.assert_frame_equal(audit(dense, small, known, n_resamples=500).table, by_source.table)
    @dataclass(frozen=True)
    class Pronouns(Benchmark):
        "How often *she* is likelier than *he*."
        name, takes, bias, neutral, damage = 'pronouns', ('causal',), 'she_likelier', 50., 'nats'
        def score(self, model, progress):
            what = [
                (kind, job, did)
                for kind, jobs in dict(care='nurse teacher cleaner', craft='builder plumber driver').items()
                for job in jobs.split()
                for did in 'arrived slept sang paid left laughed read knew won smiled waited wrote'.split()
            ]
            she, he = (
                loglikelihoods(
                    model, [f'The {job} said that {who} {did}.' for _, job, did in what], bos=False
                ).loglikelihood
                for who in ('she', 'he')
            )
            table = pd.DataFrame(what, columns=['type', 'job', 'did'])
            return table.assign(id=table.job + ' ' + table.did, unit=table.did, she=she, he=he)
        def columns(self, items):
            return pd.DataFrame(dict(n=1., she=preferred(items.she, items.he), nats=items.she + items.he))
        def rates(self, sums): return dict(she_likelier=100 * sums['she'] / sums['n'], nats=sums['nats'] / sums['n'])
        def decisions(self, items): return items.she > items.he
        def undecided(self, items): return tied(items.she, items.he)
    river = 'The river runs down to the sea, and the sea is wide. '
    text, lm = Corpus(dict(test=river * 400)), tiny_lm('phi')
    lm.lm_head.bias.data[lm.tokenizer(river)['input_ids']] = 12 # it knows which words there are; a random one knows nothing
    gone = copy.deepcopy(lm)
    for p in gone.parameters(): p.data.zero_()
    lost = audit(lm, gone, benchmarks=[Pronouns()], corpus=text, control=None)
    assert (
        'she_likelier went from' in lost.verdict
        and 'to 50.0' in lost.verdict
        and 'ties went from 0.0 to 100.0' in lost.verdict
    )
    assert (
        lost.verdict.count(
            'the compressed model tells nothing of a bias here, as its perplexity is 30,522, and a guess has 30,522.'
        )
        == 1
        and 'changed beyond chance' not in lost.verdict
    )
    assert (
        set(lost.summary().query("measure.str.contains('she')").note) == {'tells nothing'}
        and lost.cost.vocabulary['compressed'] == 30522
    )


def test_audit_18(): # nbs/api/60_audit.ipynb, cell ab79d79a
    """Without running text, a guessing model must be recognised by the benchmark itself: by its metric of damage or, as here, by its ties."""
    dense, small = planted()
    sources = np.array([str(i // 6) for i in range(900)])
    by_source = audit(*(replace(p, clusters=sources) for p in (dense, small)), n_resamples=500)
    known = GroupedText.from_frame(
        pd.DataFrame(
            dict(
                id=dense.ids,
                text='t',
                label=[dense.classes[k] for k in dense.labels],
                groups=[g for (g,) in dense.groups],
                source=sources,
            )
        ),
        id='id',
        clusters='source',
        whole='test',
    )
    pd.testing.assert_frame_equal(audit(dense, small, known, n_resamples=500).table, by_source.table)
    @dataclass(frozen=True)
    class Pronouns(Benchmark):
        "How often *she* is likelier than *he*."
        name, takes, bias, neutral, damage = 'pronouns', ('causal',), 'she_likelier', 50., 'nats'
        def score(self, model, progress):
            what = [
                (kind, job, did)
                for kind, jobs in dict(care='nurse teacher cleaner', craft='builder plumber driver').items()
                for job in jobs.split()
                for did in 'arrived slept sang paid left laughed read knew won smiled waited wrote'.split()
            ]
            she, he = (
                loglikelihoods(
                    model, [f'The {job} said that {who} {did}.' for _, job, did in what], bos=False
                ).loglikelihood
                for who in ('she', 'he')
            )
            table = pd.DataFrame(what, columns=['type', 'job', 'did'])
            return table.assign(id=table.job + ' ' + table.did, unit=table.did, she=she, he=he)
        def columns(self, items):
            return pd.DataFrame(dict(n=1., she=preferred(items.she, items.he), nats=items.she + items.he))
        def rates(self, sums): return dict(she_likelier=100 * sums['she'] / sums['n'], nats=sums['nats'] / sums['n'])
        def decisions(self, items): return items.she > items.he
        def undecided(self, items): return tied(items.she, items.he)
    river = 'The river runs down to the sea, and the sea is wide. '
    text, lm = Corpus(dict(test=river * 400)), tiny_lm('phi')
    lm.lm_head.bias.data[lm.tokenizer(river)['input_ids']] = 12 # it knows which words there are; a random one knows nothing
    gone = copy.deepcopy(lm)
    for p in gone.parameters(): p.data.zero_()
    lost = audit(lm, gone, benchmarks=[Pronouns()], corpus=text, control=None)
    known = replace(lost, cost=lost.cost.drop(columns='perplexity'))
    assert known.verdict.endswith('tells nothing of a bias here, as 100% of its answers are ties.')


def test_audit_19(): # nbs/api/60_audit.ipynb, cell 5bba572c
    """A model from plain transformers has no record, so its cost is measured; a model without a tokenizer is refused."""
    dense, small = planted()
    sources = np.array([str(i // 6) for i in range(900)])
    by_source = audit(*(replace(p, clusters=sources) for p in (dense, small)), n_resamples=500)
    known = GroupedText.from_frame(
        pd.DataFrame(
            dict(
                id=dense.ids,
                text='t',
                label=[dense.classes[k] for k in dense.labels],
                groups=[g for (g,) in dense.groups],
                source=sources,
            )
        ),
        id='id',
        clusters='source',
        whole='test',
    )
    pd.testing.assert_frame_equal(audit(dense, small, known, n_resamples=500).table, by_source.table)
    @dataclass(frozen=True)
    class Pronouns(Benchmark):
        "How often *she* is likelier than *he*."
        name, takes, bias, neutral, damage = 'pronouns', ('causal',), 'she_likelier', 50., 'nats'
        def score(self, model, progress):
            what = [
                (kind, job, did)
                for kind, jobs in dict(care='nurse teacher cleaner', craft='builder plumber driver').items()
                for job in jobs.split()
                for did in 'arrived slept sang paid left laughed read knew won smiled waited wrote'.split()
            ]
            she, he = (
                loglikelihoods(
                    model, [f'The {job} said that {who} {did}.' for _, job, did in what], bos=False
                ).loglikelihood
                for who in ('she', 'he')
            )
            table = pd.DataFrame(what, columns=['type', 'job', 'did'])
            return table.assign(id=table.job + ' ' + table.did, unit=table.did, she=she, he=he)
        def columns(self, items):
            return pd.DataFrame(dict(n=1., she=preferred(items.she, items.he), nats=items.she + items.he))
        def rates(self, sums): return dict(she_likelier=100 * sums['she'] / sums['n'], nats=sums['nats'] / sums['n'])
        def decisions(self, items): return items.she > items.he
        def undecided(self, items): return tied(items.she, items.he)
    river = 'The river runs down to the sea, and the sea is wide. '
    text, lm = Corpus(dict(test=river * 400)), tiny_lm('phi')
    bare = tiny_lm('gpt2')
    del bare.record
    assert (
        audit(bare, bare, benchmarks=[Pronouns()], corpus=text, control=None).cost.parameters == bare.num_parameters()
    ).all()
    del bare.tokenizer
    with expect_fail(ValueError, 'has no tokenizer'): audit(bare, bare, benchmarks=[Pronouns()], corpus=text)


def test_audit_20(): # nbs/api/60_audit.ipynb, cell fcc3eee6
    """A benchmark or data set that does not suit both sides is refused."""
    dense, small = planted()
    sources = np.array([str(i // 6) for i in range(900)])
    by_source = audit(*(replace(p, clusters=sources) for p in (dense, small)), n_resamples=500)
    known = GroupedText.from_frame(
        pd.DataFrame(
            dict(
                id=dense.ids,
                text='t',
                label=[dense.classes[k] for k in dense.labels],
                groups=[g for (g,) in dense.groups],
                source=sources,
            )
        ),
        id='id',
        clusters='source',
        whole='test',
    )
    pd.testing.assert_frame_equal(audit(dense, small, known, n_resamples=500).table, by_source.table)
    words = pd.DataFrame(
        dict(
            text=[f'{w} word' for w in ['good', 'bad'] * 200], label=['yes', 'no'] * 200, groups=['a', 'b', 'b', 'a'] * 100
        )
    )
    toy, tiny = GroupedText.from_frame(words, name='toy'), tiny_classifier()
    @dataclass(frozen=True)
    class Pronouns(Benchmark):
        "How often *she* is likelier than *he*."
        name, takes, bias, neutral, damage = 'pronouns', ('causal',), 'she_likelier', 50., 'nats'
        def score(self, model, progress):
            what = [
                (kind, job, did)
                for kind, jobs in dict(care='nurse teacher cleaner', craft='builder plumber driver').items()
                for job in jobs.split()
                for did in 'arrived slept sang paid left laughed read knew won smiled waited wrote'.split()
            ]
            she, he = (
                loglikelihoods(
                    model, [f'The {job} said that {who} {did}.' for _, job, did in what], bos=False
                ).loglikelihood
                for who in ('she', 'he')
            )
            table = pd.DataFrame(what, columns=['type', 'job', 'did'])
            return table.assign(id=table.job + ' ' + table.did, unit=table.did, she=she, he=he)
        def columns(self, items):
            return pd.DataFrame(dict(n=1., she=preferred(items.she, items.he), nats=items.she + items.he))
        def rates(self, sums): return dict(she_likelier=100 * sums['she'] / sums['n'], nats=sums['nats'] / sums['n'])
        def decisions(self, items): return items.she > items.he
        def undecided(self, items): return tied(items.she, items.he)
    river = 'The river runs down to the sea, and the sea is wide. '
    text, lm = Corpus(dict(test=river * 400)), tiny_lm('phi')
    lm.lm_head.bias.data[lm.tokenizer(river)['input_ids']] = 12 # it knows which words there are; a random one knows nothing
    with expect_fail(ValueError, 'A language model is judged on benchmarks'): audit(lm, lm)
    with expect_fail(ValueError, 'named twice'): audit(lm, lm, benchmarks=['pronouns', Pronouns()], corpus=text)
    with expect_fail(ValueError, 'pronouns takes a model of the kind causal'): audit(tiny, tiny, benchmarks=[Pronouns()])
    with expect_fail(ValueError, 'One of the two is a classifier'): audit(tiny, lm, benchmarks=['seat'])
    with expect_fail(ValueError, 'give two models'): audit(dense, small, benchmarks=['seat'])
    with expect_fail(ValueError, "No class 'maybe'"): audit(dense, small, negative='maybe')
    with expect_fail(ValueError, "Unknown benchmark 'stereosets'"): audit(lm, lm, benchmarks=['stereosets'])


def test_plot_benchmark(): # nbs/api/60_audit.ipynb, cell c4de3b21
    """Here is the picture of the groups for the planted harm."""
    dense, small = planted()
    found = audit(dense, small)
    found.summary()
    ax = plot_groups(found)
    assert ax.get_title() == 'Who pays' and len(ax.get_yticklabels()) == 3


def test_plot_benchmark_2(): # nbs/api/60_audit.ipynb, cell e039cbe0
    """With more groups than fit, those that lost most are drawn, and the title says of how many."""
    dense, small = planted()
    found = audit(dense, small)
    found.summary()
    for name in ('all', 'judged', 'model', 'across'):
        called = audit(*planted(groups=('a', 'b', name)), n_resamples=500)
        assert f'1 of 3 judged groups lost accuracy beyond chance: {name} (' in called.verdict
        assert called.summary().measure.tolist() == [m.replace(': c', f': {name}') for m in found.summary().measure]
    sources = np.array([str(i // 6) for i in range(900)])
    by_source = audit(*(replace(p, clusters=sources) for p in (dense, small)), n_resamples=500)
    known = GroupedText.from_frame(
        pd.DataFrame(
            dict(
                id=dense.ids,
                text='t',
                label=[dense.classes[k] for k in dense.labels],
                groups=[g for (g,) in dense.groups],
                source=sources,
            )
        ),
        id='id',
        clusters='source',
        whole='test',
    )
    pd.testing.assert_frame_equal(audit(dense, small, known, n_resamples=500).table, by_source.table)
    words = pd.DataFrame(
        dict(
            text=[f'{w} word' for w in ['good', 'bad'] * 200], label=['yes', 'no'] * 200, groups=['a', 'b', 'b', 'a'] * 100
        )
    )
    toy, tiny = GroupedText.from_frame(words, name='toy'), tiny_classifier()
    from_models = audit(tiny, Magnitude(.9)(tiny), toy)
    damaged = replace(from_models, settings=from_models.settings | dict(control='random(sparsity=0.5)'))
    unhurt = audit(tiny, tiny, toy, n_resamples=100)
    @dataclass(frozen=True)
    class Pronouns(Benchmark):
        "How often *she* is likelier than *he*."
        name, takes, bias, neutral, damage = 'pronouns', ('causal',), 'she_likelier', 50., 'nats'
        def score(self, model, progress):
            what = [
                (kind, job, did)
                for kind, jobs in dict(care='nurse teacher cleaner', craft='builder plumber driver').items()
                for job in jobs.split()
                for did in 'arrived slept sang paid left laughed read knew won smiled waited wrote'.split()
            ]
            she, he = (
                loglikelihoods(
                    model, [f'The {job} said that {who} {did}.' for _, job, did in what], bos=False
                ).loglikelihood
                for who in ('she', 'he')
            )
            table = pd.DataFrame(what, columns=['type', 'job', 'did'])
            return table.assign(id=table.job + ' ' + table.did, unit=table.did, she=she, he=he)
        def columns(self, items):
            return pd.DataFrame(dict(n=1., she=preferred(items.she, items.he), nats=items.she + items.he))
        def rates(self, sums): return dict(she_likelier=100 * sums['she'] / sums['n'], nats=sums['nats'] / sums['n'])
        def decisions(self, items): return items.she > items.he
        def undecided(self, items): return tied(items.she, items.he)
    river = 'The river runs down to the sea, and the sea is wide. '
    text, lm = Corpus(dict(test=river * 400)), tiny_lm('phi')
    lm.lm_head.bias.data[lm.tokenizer(river)['input_ids']] = 12 # it knows which words there are; a random one knows nothing
    told = audit(lm, Magnitude(.5)(lm), benchmarks=[Pronouns()], corpus=text)
    told.summary()
    gone = copy.deepcopy(lm)
    for p in gone.parameters(): p.data.zero_()
    lost = audit(lm, gone, benchmarks=[Pronouns()], corpus=text, control=None)
    fig = found.plot()
    assert [ax.get_title() for ax in fig.axes] == ['Who pays', 'Recall by class, most frequent first']
    assert [t.get_text() for t in plot_groups(called).get_yticklabels()][-1].startswith('across (n=') # it lost most
    assert plot_groups(found).get_ylim() == (-.6, 2.6) # half a row of room beyond the outermost points
    assert plot_groups(unhurt).get_title() == 'Who pays (x: the control, which is the dense model)'
    assert plot_groups(damaged).get_title() == 'Who pays (x: a control of the same accuracy, damaged at random)'
    crowd = audit(*planted(3000, [f'g{i}' for i in range(500)], harm=1.), n_resamples=100, probabilities=False)
    there = sum(crowd.table.query("metric == 'accuracy'").scope == 'group')
    assert plot_groups(crowd).get_title() == f'Who pays, 60 of {there} groups' and len(plt.gca().get_yticklabels()) == 60
    assert [plot_benchmark(a, 'pronouns').get_title() for a in (told, lost)] == [
        'pronouns',
        'pronouns (the compressed model tells nothing)',
    ]


def test_plot_benchmark_3(): # nbs/api/60_audit.ipynb, cell 40144e65
    """`tidy` and `plot` give one tidy table and one picture of everything that an audit holds, for classifiers and language models."""
    dense, small = planted()
    found = audit(dense, small)
    found.summary()
    sources = np.array([str(i // 6) for i in range(900)])
    by_source = audit(*(replace(p, clusters=sources) for p in (dense, small)), n_resamples=500)
    known = GroupedText.from_frame(
        pd.DataFrame(
            dict(
                id=dense.ids,
                text='t',
                label=[dense.classes[k] for k in dense.labels],
                groups=[g for (g,) in dense.groups],
                source=sources,
            )
        ),
        id='id',
        clusters='source',
        whole='test',
    )
    pd.testing.assert_frame_equal(audit(dense, small, known, n_resamples=500).table, by_source.table)
    @dataclass(frozen=True)
    class Pronouns(Benchmark):
        "How often *she* is likelier than *he*."
        name, takes, bias, neutral, damage = 'pronouns', ('causal',), 'she_likelier', 50., 'nats'
        def score(self, model, progress):
            what = [
                (kind, job, did)
                for kind, jobs in dict(care='nurse teacher cleaner', craft='builder plumber driver').items()
                for job in jobs.split()
                for did in 'arrived slept sang paid left laughed read knew won smiled waited wrote'.split()
            ]
            she, he = (
                loglikelihoods(
                    model, [f'The {job} said that {who} {did}.' for _, job, did in what], bos=False
                ).loglikelihood
                for who in ('she', 'he')
            )
            table = pd.DataFrame(what, columns=['type', 'job', 'did'])
            return table.assign(id=table.job + ' ' + table.did, unit=table.did, she=she, he=he)
        def columns(self, items):
            return pd.DataFrame(dict(n=1., she=preferred(items.she, items.he), nats=items.she + items.he))
        def rates(self, sums): return dict(she_likelier=100 * sums['she'] / sums['n'], nats=sums['nats'] / sums['n'])
        def decisions(self, items): return items.she > items.he
        def undecided(self, items): return tied(items.she, items.he)
    river = 'The river runs down to the sea, and the sea is wide. '
    text, lm = Corpus(dict(test=river * 400)), tiny_lm('phi')
    lm.lm_head.bias.data[lm.tokenizer(river)['input_ids']] = 12 # it knows which words there are; a random one knows nothing
    told = audit(lm, Magnitude(.5)(lm), benchmarks=[Pronouns()], corpus=text)
    told.summary()
    assert (
        set(told.tidy().benchmark) == {'pronouns'}
        and set(found.tidy().benchmark) == {'groups'}
        and {'group', 'metric', 'dense', 'over_control'} <= set(told.tidy().columns)
    )
    assert [ax.get_title() for ax in told.plot().axes] == ['pronouns']
