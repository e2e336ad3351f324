# Generated from nbs/api/08d_adjusting.ipynb: edit the notebook
import numpy as np
from fastcore.test import expect_fail
from fairprune.adjusting import *
from fairprune.adjusting import _as_logits


def test_combinations_of(): # nbs/api/08d_adjusting.ipynb, cell 79648510
    """This page holds the code that follows it."""
    assert combinations_of([['b', 'a'], ['a'], []]).tolist() == ['a & b', 'a', '(none)']


def test_log_odds(): # nbs/api/08d_adjusting.ipynb, cell 69ff5630
    """The same text always gets the same answer, and over many texts the shares are right."""
    three = np.log([[.5, .3, .2], [.1, .1, .8]])
    assert np.allclose(log_odds(three), np.log([[1, 0.3 / 0.7, 0.25], [1 / 9, 1 / 9, 4]])) and np.allclose(
        log_odds([[0, 2.0], [1, 0]]), [[2], [-1]]
    )
    assert _as_logits(np.array([[3.], [-2]])).tolist() == [[0, 3], [0, -2]]


def test_check_adjustment(): # nbs/api/08d_adjusting.ipynb, cell 32c61d1b
    """A text of an unknown group keeps the decision of the model."""
    draws = (np.arange(10) + .5) / 10
    assert (margin_of(np.full(10, 2.), [.2, .5, 1., 1., 1.], draws) > 0).tolist() == [True, False] + [True] * 8
    rule = dict(kind='threshold', problems=[dict(a=[0., 0., 1., 1., 1.])])
    assert adjusted(rule, [[0, .5], [0, .5]], None, [['a'], ['b']], 'xy').argmax(1).tolist() == [0, 1]


def test_check_adjustment_2(): # nbs/api/08d_adjusting.ipynb, cell 4673af9b
    hot = adjusted(
        dict(kind='temperature', groups={'a': 2.0}, everybody=4.0), np.array([[4.0, 0], [4, 0]]), None, [['a'], ['z']], 'xy'
    )
    assert hot.tolist() == [[2, 0], [1, 0]]


def test_check_adjustment_3(): # nbs/api/08d_adjusting.ipynb, cell 7264fa95
    """A missing part, or a part of another type or size, is refused."""
    right = (
        dict(kind='temperature', groups=dict(a=1.5), everybody=2.0),
        dict(kind='threshold', problems=[dict(a=[0.0, 0.0, 1.0, 0.2, 0.3])]),
        dict(kind='linear', problems=[[[1.0, 0.5, [0.1] * 8]]]),
    )
    for told in right: check_adjustment(told, 2, 8)
    for told in (
        5,
        dict(kind='oracle', problems=[]),
        dict(right[0], groups=dict(a=0.0)),
        dict(right[0], groups=dict(a='x')),
        dict(right[1], problems=[dict(a=[0.0, 0.0, 1.0, 0.2])]),
        dict(right[1], problems=[]),
        dict(right[2], problems=[]),
        dict(right[2], problems=[[[1.0, 0.5, [0.1] * 7]]]),
    ):
        with expect_fail(ValueError, 'fairprune_adjustment is damaged'): check_adjustment(told, 2, 8)
