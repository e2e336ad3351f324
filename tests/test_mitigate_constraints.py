# Generated from nbs/api/42_constraints.ipynb: edit the notebook
import pytest
import numpy as np
import tempfile
import pandas as pd
from fairlearn.metrics import equalized_odds_difference
from fairlearn.postprocessing import ThresholdOptimizer
from fairlearn.reductions import DemographicParity, ExponentiatedGradient as Reference
from fastcore.test import expect_fail
from fairprune.adjusting import adjusted, margin_of
from sklearn.linear_model import LogisticRegression
from fairprune.method import parse
from fairprune.compress.pruning import Magnitude
from fairprune.compress.quantization import Int8
from fairprune.recovery import Recover
from fairprune.data import GroupedText
from fairprune.mitigate.mitigation import debias, mitigation_table, undone
from fairprune.models import finetune, load, logits, predict, save, tiny_classifier
from fairprune.synthetic import bios
from fairprune.mitigate.constraints import *
from fairprune.mitigate.constraints import _Shown, _frequent, _layers, _rules


def test_frequent(): # nbs/api/42_constraints.ipynb, cell 32f33084
    """For such texts, and for groups that did not occur, the decision of the model stays."""
    lists = [['b', 'a']] * 3 + [['a']] * 2 + [[]]
    assert _frequent(lists, 2) == ['a', 'a & b']


def test_rules(): # nbs/api/42_constraints.ipynb, cell cfed7428
    """In this example the logits of group *b* are too low by one, as if compression had made the model forget this group."""
    rng = np.random.default_rng(0)
    def scored(n):
        yes, group = rng.random(n) < .5, np.where(rng.random(n) < .4, 'b', 'a').astype(object)
        return np.where(yes, 1.2, -1.2) + rng.normal(size=n) - np.where(group == 'b', 1., 0), yes, group
    odds, yes, group = scored(4000)
    for constraint in ('equalized_odds', 'demographic_parity', 'true_positive_rate_parity'):
        rules = _rules(odds, yes, group, constraint, 'accuracy_score')
        theirs = ThresholdOptimizer(estimator=_Shown(), constraints=constraint, prefit=True, predict_method='predict').fit(
            odds[:, None], yes.astype(int), sensitive_features=group
        )
        expected = theirs._pmf_predict(odds[:, None], sensitive_features=group)[:, 1]
        draws = (np.arange(2000) + .5) / 2000
        for i in range(0, 400, 7):
            assert abs((margin_of(np.full(2000, odds[i]), rules[group[i]], draws) > 0).mean() - expected[i]) < 1e-3


def test_Threshold(): # nbs/api/42_constraints.ipynb, cell 35ba0cc9
    """The bars are true positive and false positive rates."""
    rng = np.random.default_rng(0)
    def scored(n):
        yes, group = rng.random(n) < .5, np.where(rng.random(n) < .4, 'b', 'a').astype(object)
        return np.where(yes, 1.2, -1.2) + rng.normal(size=n) - np.where(group == 'b', 1., 0), yes, group
    odds, yes, group = scored(4000)
    new_odds, new_yes, new_group = scored(4000)
    rules = _rules(odds, yes, group, 'equalized_odds', 'accuracy_score')
    said = adjusted(
        dict(kind='threshold', problems=[rules]),
        np.c_[np.zeros(4000), new_odds],
        None,
        [[g] for g in new_group],
        range(4000),
    ).argmax(1)
    gaps = [equalized_odds_difference(new_yes, p, sensitive_features=new_group) for p in (new_odds > 0, said)]
    assert gaps[0] > .2 > .08 > gaps[1]
    said_again = adjusted(
        dict(kind='threshold', problems=[rules]),
        np.c_[np.zeros(4000), new_odds],
        None,
        [[g] for g in new_group],
        range(4000),
    ).argmax(1)
    unknown = adjusted(
        dict(kind='threshold', problems=[rules]), np.c_[np.zeros(4000), new_odds], None, [['c']] * 4000, range(4000)
    ).argmax(1)
    # the same text, the same answer; an unknown group, the model's own
    assert (said == said_again).all() and (unknown == (new_odds > 0)).all()


def test_GridSearch(): # nbs/api/42_constraints.ipynb, cell 35e4ff74
    """The chances are the same as those of Fairlearn called directly."""
    rng = np.random.default_rng(0)
    def described(n):
        of = np.where(rng.random(n) < .4, 'b', 'a').astype(object)
        is_yes = (rng.random(n) < np.where(of == 'a', .7, .3)).astype(int)
        return np.c_[1.5 * is_yes + rng.normal(size=n), (of == 'b') + .3 * rng.normal(size=n)], is_yes, of
    (X, y, of), (X2, y2, of2) = described(1500), described(4000)
    mixture = ExponentiatedGradient('demographic_parity').layers(X, y, of)
    direct = Reference(
        LogisticRegression(C=1.0, max_iter=1000), DemographicParity(difference_bound=0.01), eps=0.01, max_iter=50
    ).fit(X, y, sensitive_features=of)
    assert (
        np.allclose(sum(s * (X2 @ w + b > 0) for s, b, w in mixture), direct._pmf_predict(X2)[:, 1])
        and abs(sum(s for s, *_ in mixture) - 1) < 1e-6
    )


def test_GridSearch_2(): # nbs/api/42_constraints.ipynb, cell 637bd975
    rng = np.random.default_rng(0)
    def described(n):
        of = np.where(rng.random(n) < .4, 'b', 'a').astype(object)
        is_yes = (rng.random(n) < np.where(of == 'a', .7, .3)).astype(int)
        return np.c_[1.5 * is_yes + rng.normal(size=n), (of == 'b') + .3 * rng.normal(size=n)], is_yes, of
    (X, y, of), (X2, y2, of2) = described(1500), described(4000)
    mixture = ExponentiatedGradient('demographic_parity').layers(X, y, of)
    decided = {
        name: adjusted(dict(kind='linear', problems=[layers]), np.zeros((4000, 2)), X2, [[]] * 4000, range(4000)).argmax(1)
        for name, layers in {
            'plain': _layers([LogisticRegression().fit(X, y)], [1.0]),
            'exponentiated gradient': mixture,
            'grid search': GridSearch('demographic_parity').layers(X, y, of),
        }.items()
    }
    reached = pd.DataFrame(
        {
            name: dict(accuracy=(p == y2).mean(), yes_in_a=p[of2 == 'a'].mean(), yes_in_b=p[of2 == 'b'].mean())
            for name, p in decided.items()
        }
    ).T.assign(difference=lambda t: t.yes_in_a - t.yes_in_b)
    assert (
        reached.difference['plain'] > 0.4
        and (reached.difference.drop('plain').abs() < 0.08).all()
        and reached.accuracy.min() > 0.6
    )


def test_Temperature(): # nbs/api/42_constraints.ipynb, cell a9758089
    """The number for all texts serves rare and unknown groups."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(20000, 3)) * 2
    drawn = (truth + rng.gumbel(size=truth.shape)).argmax(1) # labels that are as probable as the logits say
    assert abs(best_temperature(truth * 2.5, drawn) - 2.5) < .1 and abs(best_temperature(truth, drawn) - 1) < .05


@pytest.mark.heavy
def test_Temperature_2(): # nbs/api/42_constraints.ipynb, cell bb8773a2
    """The weights are unchanged, `predict` applies the adjustment, and a saved copy gives the same answers."""
    people = bios(600)
    half = Magnitude(.5)(finetune(tiny_classifier(people.labels), people, epochs=1, lr=4e-3, progress=False))
    few_needed = dict(min_n=15)
    for way in (
        Temperature(**few_needed),
        GridSearch('demographic_parity', grid_size=5, **few_needed),
        ExponentiatedGradient('demographic_parity', max_iter=5, **few_needed),
    ):
        fair = debias(half, people, way)
        assert undone(half, fair) == [] and parse(str(way)) == way and str(way) in fair.record.method
        assert np.array_equal(logits(fair, people['test']['text']), logits(half, people['test']['text'])) # the model itself
        told, before = predict(fair, people), predict(half, people)
        assert (
            told.meta['adjusted'] == fair.config.fairprune_adjustment['kind']
            and 'adjusted' not in before.meta
            and not np.array_equal(told.logits, before.logits)
        )
        assert not isinstance(way, Temperature) or (told.predicted == before.predicted).all()
        with tempfile.TemporaryDirectory() as folder:
            assert np.array_equal(predict(load(save(fair, folder)), people).logits, told.logits)


def test_Temperature_3(): # nbs/api/42_constraints.ipynb, cell db0cf147
    two = GroupedText.from_frame(
        pd.DataFrame(
            dict(
                text=[f'{w} {i % 9}' for i in range(200) for w in ('good', 'bad', 'fine', 'poor')],
                label=['yes', 'no'] * 400,
                groups=['a', 'a', 'b', 'b'] * 200,
            )
        ),
        name='two',
    )
    small = Magnitude(.5)(tiny_classifier())
    equal = debias(small, two, 'recover(epochs=0.5, lr=0.001) >> threshold()')
    assert set(equal.config.fairprune_adjustment['problems'][0]) == {'a', 'b'} and predict(equal, two).accuracy > .5
    alike = debias(Int8()(small), two, Threshold('demographic_parity'))
    assert alike.record.method == f"{Magnitude(.5)} >> {Int8()} >> {Threshold('demographic_parity')}"


def test_Temperature_4(): # nbs/api/42_constraints.ipynb, cell 4993d29d
    """Training or compressing the model afterwards would leave thresholds that were made for another model, so this is refused."""
    two = GroupedText.from_frame(
        pd.DataFrame(
            dict(
                text=[f'{w} {i % 9}' for i in range(200) for w in ('good', 'bad', 'fine', 'poor')],
                label=['yes', 'no'] * 400,
                groups=['a', 'a', 'b', 'b'] * 200,
            )
        ),
        name='two',
    )
    small = Magnitude(.5)(tiny_classifier())
    equal = debias(small, two, 'recover(epochs=0.5, lr=0.001) >> threshold()')
    for stale in (
        lambda: Recover(0.5)(equal, two),
        lambda: Int8()(equal),
        lambda: finetune(equal, two, epochs=1, progress=False),
        lambda: debias(equal, two, Temperature()),
    ):
        with expect_fail(ValueError, 'Adjust last'): stale()


def test_Temperature_5(): # nbs/api/42_constraints.ipynb, cell be6472ca
    """Settings and data that do not go together are refused as well."""
    two = GroupedText.from_frame(
        pd.DataFrame(
            dict(
                text=[f'{w} {i % 9}' for i in range(200) for w in ('good', 'bad', 'fine', 'poor')],
                label=['yes', 'no'] * 400,
                groups=['a', 'a', 'b', 'b'] * 200,
            )
        ),
        name='two',
    )
    small = Magnitude(.5)(tiny_classifier())
    lonely = GroupedText.from_frame(
        pd.DataFrame(dict(text=['a', 'b'] * 60, label=['no', 'yes'] * 60, groups=[[]] * 120)), name='lonely'
    )
    single = GroupedText.from_frame(
        two.frame('validation')
        .assign(label='yes', split='validation', groups=([['c'], ['d']] * len(two['validation']))[: len(two['validation'])])
        .pipe(
            lambda t: pd.concat(
                [
                    t,
                    *(
                        two.frame(s).assign(
                            split=s,
                            label=['no', 'yes'] * (len(two[s]) // 2) + ['no'] * (len(two[s]) % 2),
                            groups=([['c'], ['c'], ['d'], ['d']] * len(two[s]))[: len(two[s])],
                        )
                        for s in ('train', 'test')
                    ),
                ]
            )
        ),
        split='split',
        labels=('no', 'yes'),
        name='single',
    )
    for wrong, call in {
        "Unknown constraint 'parity'. Known: equalized_odds": lambda: debias(small, two, Threshold('parity')),
        "Unknown objective 'f1'": lambda: debias(small, two, Threshold(objective='f1')),
        'needs groups': lambda: debias(small, lonely, Threshold()),
        'No combination of groups has 5000 texts': lambda: debias(small, two, Temperature(5000)),
        "has no validation text of class no": lambda: debias(small, single, Threshold()),
        'bound and C': lambda: debias(small, two, GridSearch(bound=0.0)),
        "Unknown constraint 'calibration'": lambda: debias(small, two, ExponentiatedGradient('calibration')),
    }.items():
        with expect_fail(ValueError, wrong): call()


def test_Temperature_6(): # nbs/api/42_constraints.ipynb, cell 861b8e5a
    """Whether the group of a text must be known when the model is used decides where a mitigation can be used at all."""
    needs = mitigation_table().set_index('name')
    assert (
        needs.query('group_at_prediction').index.tolist() == ['threshold', 'temperature']
        and needs.needs_groups['exponentiatedgradient']
    )
