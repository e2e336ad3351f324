# Generated from nbs/api/27_questions.ipynb: edit the notebook
import pytest
import json
import numpy as np
import pandas as pd
from fairprune.likelihood import loglikelihoods, pseudo_loglikelihoods, condition
import os
import tempfile
from pathlib import Path
from unittest import mock
from fastcore.test import expect_fail
from fairprune.bias.benchmarks import Scores, collapsed, compare_scores, parse_benchmark
from fairprune.compress.pruning import Magnitude, Random
from fairprune.corpus import wikitext2
from fairprune.named import SMOLLM2, public_files
from fairprune.models import load_lm, tiny_classifier, tiny_lm, tiny_masked_lm
from fairprune.bias.questions import *
from fairprune.bias.questions import _ANSWERS, _read, _shares


def test_biased_answer(): # nbs/api/27_questions.ipynb, cell 37eb6a28
    """In these cases the text of the answer itself tells the group."""
    def question(info, groups, polarity='neg', condition='ambig', label=2, id=0, category='Age', template='1', **texts):
        shown = (
            dict(
                context='An old man and a boy came in.',
                question='Who was late?',
                ans0='The man',
                ans1='The boy',
                ans2='Unknown',
            )
            | texts
        )
        return dict(
            example_id=id,
            question_index=template,
            question_polarity=polarity,
            context_condition=condition,
            category=category,
            answer_info=dict(zip(_ANSWERS, info)),
            additional_metadata=dict(stereotyped_groups=groups),
            label=label,
            **shown,
        )
    age = [['man', 'old'], ['boy', 'nonOld'], ['Not known', 'unknown']]
    assert biased_answer(question(age, ['old'])) == (0, 2) and biased_answer(question(age, ['old'], 'nonneg')) == (1, 2)
    assert biased_answer(question(age, ['nonOld'])) == (1, 2) and biased_answer(question(age, ['nonOld'], 'nonneg')) == (
        0,
        2,
    )
    by_name = [['Cannot answer', 'unknown'], ['Nigerian', 'Africa'], ['Mozambican', 'Africa']]
    def national(groups, polarity='neg'):
        return question(by_name, groups, polarity, category='Nationality', ans1='The first', ans2='The second')
    assert biased_answer(national(['Nigerian'])) == (1, 0) and biased_answer(national(['Nigerian'], 'nonneg')) == (2, 0)
    # a region
    with expect_fail(ValueError, 'Nationality 0 has 1 answers that say unknown and 0 of a stereotyped group'):
        biased_answer(national(['Africa']))
    with expect_fail(ValueError, 'Age 0 has 1 answers that say unknown and 2 of a stereotyped group'):
        biased_answer(question([*age[:1], ['dad', 'old'], age[2]], ['old']))
    with expect_fail(ValueError, 'has 0 answers that say unknown'):
        biased_answer(question([['a', 'x'], ['b', 'y'], ['c', 'z']], ['x']))


def test_biased_answer_2(): # nbs/api/27_questions.ipynb, cell 6c432ae6
    """These are examples of race, gender and riches, as the authors' files spell them."""
    def question(info, groups, polarity='neg', condition='ambig', label=2, id=0, category='Age', template='1', **texts):
        shown = (
            dict(
                context='An old man and a boy came in.',
                question='Who was late?',
                ans0='The man',
                ans1='The boy',
                ans2='Unknown',
            )
            | texts
        )
        return dict(
            example_id=id,
            question_index=template,
            question_polarity=polarity,
            context_condition=condition,
            category=category,
            answer_info=dict(zip(_ANSWERS, info)),
            additional_metadata=dict(stereotyped_groups=groups),
            label=label,
            **shown,
        )
    # who is the target: one or the other
    def target_of(category, groups, one, other, second=None, texts=('The first', 'The second')):
        row = question(
            [one, ['Unknown', 'unknown'], other], groups, category=category, ans0=texts[0], ans1='Unknown', ans2=texts[1]
        )
        return biased_answer(row, second)[0] // 2
    assert target_of('SES', ['low SES'], ['wealthy', 'highSES'], ['on welfare', 'lowSES']) == 1
    assert (
        target_of('Gender_identity', ['F'], ['woman', 'woman'], ['man', 'man'])
        == target_of('Gender_identity', ['F'], ['Mary', 'F'], ['Jim', 'M'])
        == target_of('Gender_identity', ['F'], ['girl', 'girl'], ['boy', 'boy'])
        == 0
    )
    assert (
        target_of(
            'Gender_identity', ['Transgender women', 'transgender men', 'trans'], ['Ann', 'nonTrans_F'], ['Eve', 'trans_F']
        )
        == target_of('Gender_identity', ['transgender men', 'trans'], ['cis man', 'nonTrans'], ['trans man', 'trans'])
        == 1
    )
    assert (
        target_of('Gender_identity', ['M'], ['male', 'M'], ['male', 'M'], texts=('The female teacher', 'The male teacher'))
        == 1
    )
    assert (
        target_of('Race_ethnicity', ['Black', 'African American'], ['Amy Lee', 'F-Asian'], ['Ebony Jones', 'F-Black']) == 1
    )
    assert (
        target_of(
            'Race_ethnicity',
            ['Black', 'African American'],
            ['African', 'African'],
            ['African', 'African'],
            texts=('The African American man', 'The African man'),
        )
        == 0
    )
    assert (
        target_of(
            'Race_ethnicity', ['Middle Eastern', 'Arab'], ['Middle Eastern', 'Middle Eastern'], ['European', 'European']
        )
        == 0
    )


def test_second_groups(): # nbs/api/27_questions.ipynb, cell 383193b4
    """In the other questions, the target is the person who has the same gender or riches as that target."""
    def question(info, groups, polarity='neg', condition='ambig', label=2, id=0, category='Age', template='1', **texts):
        shown = (
            dict(
                context='An old man and a boy came in.',
                question='Who was late?',
                ans0='The man',
                ans1='The boy',
                ans2='Unknown',
            )
            | texts
        )
        return dict(
            example_id=id,
            question_index=template,
            question_polarity=polarity,
            context_condition=condition,
            category=category,
            answer_info=dict(zip(_ANSWERS, info)),
            additional_metadata=dict(stereotyped_groups=groups),
            label=label,
            **shown,
        )
    age = [['man', 'old'], ['boy', 'nonOld'], ['Not known', 'unknown']]
    # who is the target: one or the other
    def target_of(category, groups, one, other, second=None, texts=('The first', 'The second')):
        row = question(
            [one, ['Unknown', 'unknown'], other], groups, category=category, ans0=texts[0], ans1='Unknown', ans2=texts[1]
        )
        return biased_answer(row, second)[0] // 2
    def crossed(one, other, template='1', category='Race_x_gender', groups=['Black', 'African American'], **texts):
        return question([one, other, ['Unknown', 'unknown']], groups, category=category, template=template, **texts)
    black, asian = ['Black woman', 'F-Black'], ['Asian woman', 'F-Asian']
    poor, rich = ['Ebony Jones', 'lowSES-F-Black'], ['Latoya Green', 'highSES-F-Black']
    told_by = [
        crossed(black, ['Black man', 'M-Black']),
        crossed(asian, black),
        crossed(black, ['Asian man', 'M-Asian']),
        crossed(rich, ['Amy Lee', 'lowSES-F-Asian'], '2', 'Race_x_SES'),
    ]
    assert (
        second_groups(told_by) == {('Race_x_gender', '1'): 'f', ('Race_x_SES', '2'): 'highses'}
        and second_groups([question(age, ['old'])]) == {}
    )
    assert [biased_answer(row, 'f')[0] for row in told_by[:3]] == [0, 1, 0] and [
        biased_answer(row, 'm')[0] for row in told_by[:1]
    ] == [1]
    assert biased_answer(crossed(poor, rich, category='Race_x_SES'), 'highses') == (1, 2) and biased_answer(
        crossed(poor, rich, category='Race_x_SES'), 'lowses'
    ) == (0, 2)
    assert (
        target_of(
            'Race_x_gender',
            ['Hispanic', 'Latino'],
            ['Latino man', 'M-Latino'],
            ['', ''],
            'f',
            ('The Latino man', 'The Latina woman'),
        )
        == 1
    )
    assert (
        target_of(
            'Race_x_gender',
            ['Black'],
            ['Black men', 'M-Black'],
            ['Black men', 'M-Black'],
            'f',
            ('the Black men', 'the Black women'),
        )
        == 1
    )
    assert (
        target_of(
            'Race_x_SES',
            ['Black', 'African American'],
            ['African cashier', 'lowSES-African'],
            ['African cashier', 'lowSES-African'],
            'lowses',
            ('The African cashier', 'The African American cashier'),
        )
        == 1
    )
    with expect_fail(ValueError, 'Race_x_gender 0 has 1 answers that say unknown and 0 of a stereotyped group'):
        biased_answer(crossed(asian, black), None)


def test_sampled(): # nbs/api/27_questions.ipynb, cell 4923f633
    """They are left out, as in the authors' own analysis."""
    def question(info, groups, polarity='neg', condition='ambig', label=2, id=0, category='Age', template='1', **texts):
        shown = (
            dict(
                context='An old man and a boy came in.',
                question='Who was late?',
                ans0='The man',
                ans1='The boy',
                ans2='Unknown',
            )
            | texts
        )
        return dict(
            example_id=id,
            question_index=template,
            question_polarity=polarity,
            context_condition=condition,
            category=category,
            answer_info=dict(zip(_ANSWERS, info)),
            additional_metadata=dict(stereotyped_groups=groups),
            label=label,
            **shown,
        )
    age = [['man', 'old'], ['boy', 'nonOld'], ['Not known', 'unknown']]
    def four(id, category, template, info=age, groups=['old'], answer=0, other=1, **texts):
        kinds = [(p, c) for p in ('neg', 'nonneg') for c in ('ambig', 'disambig')]
        return [
            question(
                info,
                groups,
                p,
                c,
                2 if c == 'ambig' else answer if p == 'neg' else other,
                4 * id + k,
                category,
                template,
                **texts,
            )
            for k, (p, c) in enumerate(kinds)
        ]
    rows = [
        r for c in ('Age', 'Religion') for i in range(6) for r in four(i, c, str(i // 3), answer=i % 2, other=1 - i % 2)
    ]
    items = bbq_items(rows)
    assert len(items) == 48 and items.unit.nunique() == 4 and items.four.nunique() == 12 and items.id[25] == 'Religion/1'
    few = sampled(items, 16)
    assert (
        (few.groupby(['type', 'ambiguous', 'negative']).size() == 2).all()
        and (few.groupby('four').size() == 4).all()
        and few.unit.nunique() == 4
    )
    assert (
        few.equals(sampled(items, 16))
        and any(not few.equals(sampled(items, 16, seed)) for seed in (1, 2, 3))
        and sampled(items, 48).equals(items)
    )
    for n in (0, 12, 56):
        with expect_fail(ValueError, f'n = {n}: give a multiple of 8, from 8 to 48'): sampled(items, n)


def test_shares(): # nbs/api/27_questions.ipynb, cell e5b0744c
    """So these figures are not comparable with those of instructed models that have prompts of their own."""
    def question(info, groups, polarity='neg', condition='ambig', label=2, id=0, category='Age', template='1', **texts):
        shown = (
            dict(
                context='An old man and a boy came in.',
                question='Who was late?',
                ans0='The man',
                ans1='The boy',
                ans2='Unknown',
            )
            | texts
        )
        return dict(
            example_id=id,
            question_index=template,
            question_polarity=polarity,
            context_condition=condition,
            category=category,
            answer_info=dict(zip(_ANSWERS, info)),
            additional_metadata=dict(stereotyped_groups=groups),
            label=label,
            **shown,
        )
    age = [['man', 'old'], ['boy', 'nonOld'], ['Not known', 'unknown']]
    by_name = [['Cannot answer', 'unknown'], ['Nigerian', 'Africa'], ['Mozambican', 'Africa']]
    def four(id, category, template, info=age, groups=['old'], answer=0, other=1, **texts):
        kinds = [(p, c) for p in ('neg', 'nonneg') for c in ('ambig', 'disambig')]
        return [
            question(
                info,
                groups,
                p,
                c,
                2 if c == 'ambig' else answer if p == 'neg' else other,
                4 * id + k,
                category,
                template,
                **texts,
            )
            for k, (p, c) in enumerate(kinds)
        ]
    texts = dict(
        context='The clerk and the old man came in.',
        question='Who paid?',
        ans0='The old man',
        ans1='The clerk',
        ans2='Not enough information',
    )
    two = bbq_items(four(0, 'Age', '1', **texts)[:1] + [question(by_name, ['Nigerian'], id=9, category='Nationality')])
    lm, mlm = tiny_lm('llama'), tiny_masked_lm('bert')
    told = answer(lm, two)
    one_by_one = [
        loglikelihoods(lm, [f' {texts[a]}'], ['The clerk and the old man came in.\nQ: Who paid?\nA:'], bos=False)
        for a in _ANSWERS
    ]
    assert np.allclose(
        told.loc[0, ['score0', 'score1', 'score2']].astype(float),
        [float(t.loglikelihood[0] / t.tokens[0]) for t in one_by_one],
        atol=1e-5,
    )
    assert (
        one_by_one[2].tokens[0] == 3
        and (told.unit == ['Age/1', 'Nationality/1']).all()
        and told.score0[1] != told.score0[0]
    )
    direct = [
        pseudo_loglikelihoods(mlm, [f' {texts[a]}'], ['The clerk and the old man came in. Who paid?']) for a in _ANSWERS
    ]
    assert np.allclose(
        answer(mlm, two).loc[0, ['score0', 'score1', 'score2']].astype(float),
        [float(t.loglikelihood[0] / t.tokens[0]) for t in direct],
        atol=1e-5,
    )
    assert chosen(pd.DataFrame(dict(score0=[-1., -3], score1=[-2., -2], score2=[-3., -1]))).tolist() == [0, 2]


def test_BBQ(): # nbs/api/27_questions.ipynb, cell 696441f1
    """The test writes a file about poor and rich people that is as long as the authors' file."""
    def question(info, groups, polarity='neg', condition='ambig', label=2, id=0, category='Age', template='1', **texts):
        shown = (
            dict(
                context='An old man and a boy came in.',
                question='Who was late?',
                ans0='The man',
                ans1='The boy',
                ans2='Unknown',
            )
            | texts
        )
        return dict(
            example_id=id,
            question_index=template,
            question_polarity=polarity,
            context_condition=condition,
            category=category,
            answer_info=dict(zip(_ANSWERS, info)),
            additional_metadata=dict(stereotyped_groups=groups),
            label=label,
            **shown,
        )
    age = [['man', 'old'], ['boy', 'nonOld'], ['Not known', 'unknown']]
    def four(id, category, template, info=age, groups=['old'], answer=0, other=1, **texts):
        kinds = [(p, c) for p in ('neg', 'nonneg') for c in ('ambig', 'disambig')]
        return [
            question(
                info,
                groups,
                p,
                c,
                2 if c == 'ambig' else answer if p == 'neg' else other,
                4 * id + k,
                category,
                template,
                **texts,
            )
            for k, (p, c) in enumerate(kinds)
        ]
    with tempfile.TemporaryDirectory() as d, mock.patch.dict(os.environ, FAIRPRUNE_DATA=d):
        money = [
            r
            for i in range(6864 // 4)
            for r in four(
                i, 'SES', str(i % 20), [['rich', 'highSES'], ['poor', 'lowSES'], ['Unknown', 'unknown']], ['low SES'], 1, 0
            )
        ]
        (Path(d)/'bbq').mkdir(); (Path(d)/'bbq'/'SES.jsonl').write_text('\n'.join(map(json.dumps, money)))
        poor_items = BBQ('SES').items()
        assert (
            len(poor_items) == 6864 and (poor_items.biased == poor_items.negative).all() and poor_items.unit.nunique() == 20
        )
        assert (
            len(BBQ('SES', 40)(tiny_lm('llama')).items) == 40
            and list(BBQ('SES').files) == ['SES.jsonl']
            and len(BBQ(('SES', 'Race_x_SES')).files['Race_x_SES.jsonl'][1]) == 40
        )
        with expect_fail(ValueError, 'FAIRPRUNE_DATA is set, but bbq/Race_x_gender.jsonl is not in that folder'):
            BBQ('Race_x_gender').items()
    same = [
        question(
            [['man', 'man'], ['boy', 'boy'], ['Unknown', 'unknown']],
            ['F'],
            category='Gender_identity',
            ans0='A man',
            ans1='A boy',
        ),
        question(
            [['woman', 'woman'], ['girl', 'girl'], ['Unknown', 'unknown']],
            ['F'],
            category='Gender_identity',
            ans0='A woman',
            ans1='A girl',
        ),
    ]
    assert (
        len(
            bbq_items(
                [
                    *same,
                    question(
                        [['man', 'man'], ['girl', 'girl'], ['Unknown', 'unknown']],
                        ['F'],
                        category='Gender_identity',
                        ans0='A man',
                        ans1='A girl',
                    ),
                ]
            )
        )
        == 1
    )


def test_BBQ_2(): # nbs/api/27_questions.ipynb, cell 5476c9c5
    """Four models need no weights: one is always right, one always follows the stereotype, one says that it does not know, and one contradicts the stereotype."""
    def question(info, groups, polarity='neg', condition='ambig', label=2, id=0, category='Age', template='1', **texts):
        shown = (
            dict(
                context='An old man and a boy came in.',
                question='Who was late?',
                ans0='The man',
                ans1='The boy',
                ans2='Unknown',
            )
            | texts
        )
        return dict(
            example_id=id,
            question_index=template,
            question_polarity=polarity,
            context_condition=condition,
            category=category,
            answer_info=dict(zip(_ANSWERS, info)),
            additional_metadata=dict(stereotyped_groups=groups),
            label=label,
            **shown,
        )
    age = [['man', 'old'], ['boy', 'nonOld'], ['Not known', 'unknown']]
    def four(id, category, template, info=age, groups=['old'], answer=0, other=1, **texts):
        kinds = [(p, c) for p in ('neg', 'nonneg') for c in ('ambig', 'disambig')]
        return [
            question(
                info,
                groups,
                p,
                c,
                2 if c == 'ambig' else answer if p == 'neg' else other,
                4 * id + k,
                category,
                template,
                **texts,
            )
            for k, (p, c) in enumerate(kinds)
        ]
    rows = [
        r for c in ('Age', 'Religion') for i in range(6) for r in four(i, c, str(i // 3), answer=i % 2, other=1 - i % 2)
    ]
    items = bbq_items(rows)
    def as_if(choice): # scores that make `choice` the answer
        kept = items[['id', 'type', 'unit', 'ambiguous', 'negative', 'label', 'biased', 'unknown']]
        return Scores(kept.assign(**{f'score{k}': -1. * (choice != k) for k in range(3)}), BBQ())
    def rates_of(choice): return as_if(choice).table.query("type == 'all'").set_index('metric').value.to_dict()
    assert {BBQ.bias, BBQ.damage} <= set(rates_of(items.label))
    assert rates_of(items.label) == dict(acc_amb=100, acc_dis=100, s_amb=0, s_dis=0, alignment_gap=0, ties=0)
    assert rates_of(items.biased) == dict(acc_amb=0, acc_dis=50, s_amb=100, s_dis=100, alignment_gap=100, ties=0)
    contrary = rates_of(3 - items.biased - items.unknown)
    assert contrary == dict(acc_amb=0, acc_dis=50, s_amb=-100, s_dis=-100, alignment_gap=-100, ties=0)
    unsure = rates_of(items.unknown)
    assert unsure['acc_amb'] == 100 and unsure['acc_dis'] == unsure['s_amb'] == 0 and np.isnan(unsure['s_dis'])


def test_BBQ_3(): # nbs/api/27_questions.ipynb, cell 117eb00f
    """A model between these answers half of the ambiguous questions with "unknown", and the others by the stereotype."""
    def question(info, groups, polarity='neg', condition='ambig', label=2, id=0, category='Age', template='1', **texts):
        shown = (
            dict(
                context='An old man and a boy came in.',
                question='Who was late?',
                ans0='The man',
                ans1='The boy',
                ans2='Unknown',
            )
            | texts
        )
        return dict(
            example_id=id,
            question_index=template,
            question_polarity=polarity,
            context_condition=condition,
            category=category,
            answer_info=dict(zip(_ANSWERS, info)),
            additional_metadata=dict(stereotyped_groups=groups),
            label=label,
            **shown,
        )
    age = [['man', 'old'], ['boy', 'nonOld'], ['Not known', 'unknown']]
    def four(id, category, template, info=age, groups=['old'], answer=0, other=1, **texts):
        kinds = [(p, c) for p in ('neg', 'nonneg') for c in ('ambig', 'disambig')]
        return [
            question(
                info,
                groups,
                p,
                c,
                2 if c == 'ambig' else answer if p == 'neg' else other,
                4 * id + k,
                category,
                template,
                **texts,
            )
            for k, (p, c) in enumerate(kinds)
        ]
    rows = [
        r for c in ('Age', 'Religion') for i in range(6) for r in four(i, c, str(i // 3), answer=i % 2, other=1 - i % 2)
    ]
    items = bbq_items(rows)
    def as_if(choice): # scores that make `choice` the answer
        kept = items[['id', 'type', 'unit', 'ambiguous', 'negative', 'label', 'biased', 'unknown']]
        return Scores(kept.assign(**{f'score{k}': -1. * (choice != k) for k in range(3)}), BBQ())
    def rates_of(choice): return as_if(choice).table.query("type == 'all'").set_index('metric').value.to_dict()
    half = np.where(items.ambiguous & (np.arange(len(items)) % 4 == 0), items.biased, items.label)
    found = rates_of(half)
    assert found['acc_amb'] == 50 and found['s_amb'] == 50 and found['s_dis'] == 0 and found['acc_dis'] == 100
    flips = (
        compare_scores(as_if(items.label), as_if(half), n_resamples=100)
        .query("type == 'all'")
        .set_index('metric')
        .compressed
    )
    assert flips['became_biased'] == 25 and flips['became_unbiased'] == 0 # 12 of 48


def test_BBQ_4(): # nbs/api/27_questions.ipynb, cell 9715bc7a
    """Nothing is said either about the bias of the model that always answers "unknown", because it misses every answer that the text settles."""
    def question(info, groups, polarity='neg', condition='ambig', label=2, id=0, category='Age', template='1', **texts):
        shown = (
            dict(
                context='An old man and a boy came in.',
                question='Who was late?',
                ans0='The man',
                ans1='The boy',
                ans2='Unknown',
            )
            | texts
        )
        return dict(
            example_id=id,
            question_index=template,
            question_polarity=polarity,
            context_condition=condition,
            category=category,
            answer_info=dict(zip(_ANSWERS, info)),
            additional_metadata=dict(stereotyped_groups=groups),
            label=label,
            **shown,
        )
    age = [['man', 'old'], ['boy', 'nonOld'], ['Not known', 'unknown']]
    def four(id, category, template, info=age, groups=['old'], answer=0, other=1, **texts):
        kinds = [(p, c) for p in ('neg', 'nonneg') for c in ('ambig', 'disambig')]
        return [
            question(
                info,
                groups,
                p,
                c,
                2 if c == 'ambig' else answer if p == 'neg' else other,
                4 * id + k,
                category,
                template,
                **texts,
            )
            for k, (p, c) in enumerate(kinds)
        ]
    rows = [
        r for c in ('Age', 'Religion') for i in range(6) for r in four(i, c, str(i // 3), answer=i % 2, other=1 - i % 2)
    ]
    items = bbq_items(rows)
    def as_if(choice): # scores that make `choice` the answer
        kept = items[['id', 'type', 'unit', 'ambiguous', 'negative', 'label', 'biased', 'unknown']]
        return Scores(kept.assign(**{f'score{k}': -1. * (choice != k) for k in range(3)}), BBQ())
    equal = as_if(np.full(len(items), 3)) # none of the three stands out
    found = equal.table.query("type == 'all'").set_index('metric').value
    assert np.allclose(
        found[['acc_amb', 'acc_dis', 's_amb', 's_dis', 'alignment_gap', 'ties']],
        [100 / 3, 100 / 3, 0, 0, 0, 100],
        atol=1e-9,
    )
    said = compare_scores(as_if(items.biased), equal, n_resamples=100)
    assert (
        collapsed(equal, said).startswith('its acc_dis is 33.3 (33.3 to 33.3)')
        and (said.query("metric == 'flip_rate'").compressed == 0).all()
    )
    assert collapsed(
        as_if(items.unknown), compare_scores(as_if(items.label), as_if(items.unknown), n_resamples=100)
    ).startswith('its acc_dis is 0.0')
    two = Scores(equal.items.assign(score2=-2.), BBQ()) # of the two people neither
    assert two.benchmark.undecided(two.items).all() and np.isclose(_shares(two.items), [.5, .5, 0]).all()


def test_BBQ_5(): # nbs/api/27_questions.ipynb, cell 596f7054
    assert (
        str(BBQ()) == 'bbq'
        and str(parse_benchmark("bbq(categories='Age', n=40)")) == str(BBQ(['Age'], 40))
        and list(BBQ('Age').files) == ['Age.jsonl']
    )
    with expect_fail(ValueError, "Unknown category 'age'. Known: Age, Disability_status"): BBQ('age')
    with expect_fail(ValueError, 'No category is named'): BBQ(())
    with expect_fail(ValueError, 'of the kind causal or masked; BertForSequenceClassification is of the kind classifier'):
        BBQ()(tiny_classifier())
    with tempfile.TemporaryDirectory() as d:
        path = Path(d)/'Age.jsonl'
        path.write_text('{}\n' * 1840)
        with expect_fail(ValueError, 'Age.jsonl has 1,840 of 3,680 questions. Is it cut off'): _read(path, 3680)
        path.write_text('{}\n{"a": ')
        with expect_fail(ValueError, 'Age.jsonl has a line that is no JSON'): _read(path, 2)


@pytest.mark.data
def test_BBQ_6(): # nbs/api/27_questions.ipynb, cell 8ca9afb8
    """All their questions have a target, except for the sixteen named above."""
    every = BBQ().items()
    assert len(every) == 11_956 and (every.groupby('four').size() == 4).all() and every.unit.nunique() == 150
    assert (every.groupby('four')[['ambiguous', 'negative']].sum() == 2).all(axis=None)
    assert (every.label[every.ambiguous] == every.unknown[every.ambiguous]).all() and (every.label != every.unknown)[
        ~every.ambiguous
    ].all()
    assert all(
        found == pinned for (_, found), (_, pinned) in zip(public_files('bbq', BBQ().files).values(), BBQ().files.values())
    )
    part = sampled(every, 600)
    # one four of every template
    assert (part.groupby(['type', 'ambiguous', 'negative']).size() == 25).all() and part.unit.nunique() == 150


@pytest.mark.slow
@pytest.mark.data
def test_BBQ_7(): # nbs/api/27_questions.ipynb, cell 07aa9507
    """The [control](../glossary.ipynb#matched-control) is pruned at random, at the level that [Coreference](25_coreference.ipynb) finds for the same perplexity."""
    dense = load_lm(SMOLLM2)
    small, random = Magnitude(.3, 'layer')(dense), Random(.0153125, 'layer')(dense)
    text = wikitext2()
    assert abs(condition(small, text, n=8) / condition(random, text, n=8) - 1) < .05
    change = compare_scores(*(BBQ(n=600)(m) for m in (dense, small, random)))
    whole = change[change.type == 'all'].set_index('metric')
    assert whole.high['acc_dis'] > 0 > whole.low['acc_dis'] and whole.compressed['flip_rate'] > 15
