# Generated from nbs/api/07_values.ipynb: edit the notebook
from dataclasses import dataclass
from fastcore.test import expect_fail
from fairprune.values import *


def test_text_of(): # nbs/api/07_values.ipynb, cell fa629fe4
    """What stands at its default is left out."""
    @dataclass(frozen=True)
    class Halve:
        times: int = 1
        where: str = 'all'
    assert text_of(Halve()) == 'halve()' and text_of(Halve(3)) == 'halve(times=3)'


def test_value_of(): # nbs/api/07_values.ipynb, cell f546ec3c
    """A name alone stands for its defaults, and `>>` joins what can be joined."""
    @dataclass(frozen=True)
    class Halve:
        times: int = 1
        where: str = 'all'
    known = dict(halve=Halve)
    assert value_of('halve(times=2)', known, 'step', 'halve()') == Halve(2) and value_of('Halve', known, 'step', 'halve()') == Halve()
    with expect_fail(ValueError, "Unknown step 'double'. Known: halve."): value_of('double()', known, 'step', 'halve()')
    with expect_fail(ValueError, 'halve takes times, where'): value_of('halve(n=1)', known, 'step', 'halve()')
    with expect_fail(ValueError, 'Write it as halve()'): value_of('halve(times=open)', known, 'step', 'halve()')
    with expect_fail(ValueError, 'Write it as halve()'): value_of('halve(', known, 'step', 'halve()')
