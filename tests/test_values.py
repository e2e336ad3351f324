# Generated from nbs/api/07_values.ipynb: edit the notebook
from dataclasses import dataclass
import numpy as np
from fastcore.test import expect_fail
from fairprune.values import *


def test_text_of(): # nbs/api/07_values.ipynb, cell fa629fe4
    """The text of a value leaves out each parameter that has its default."""
    @dataclass(frozen=True)
    class Halve:
        times: int = 1
        where: str = 'all'
    assert text_of(Halve()) == 'halve()' and text_of(Halve(3)) == 'halve(times=3)'


def test_steps_of(): # nbs/api/07_values.ipynb, cell 9c42cce8
    """All functions below first read a line into its steps."""
    one, other = steps_of(" magnitude( sparsity = .50 )>>int8( ) ")
    assert (
        one == Step('magnitude', (), (('sparsity', 0.5),))
        and str(one) == 'magnitude(sparsity=0.5)'
        and str(other) == 'int8()'
    )
    assert steps_of('(a >> b(1)) >> c') == steps_of('a >> (b(1) >> c)') and str(steps_of('none')[0]) == 'none'
    for wrong in ('halve(', 'halve(times=open)', 'a + b', 'a.b()', 'f(**{})', 'f(*[1])', '3', ''):
        with expect_fail(ValueError, f'Cannot read {wrong!r}. Write it as magnitude(sparsity=0.5) >> int8().'):
            steps_of(wrong)


def test_kind_of(): # nbs/api/07_values.ipynb, cell f546ec3c
    """Values that can be joined, such as methods, are joined by `>>`."""
    @dataclass(frozen=True)
    class Halve:
        times: int = 1
        where: str = 'all'
    known = dict(halve=Halve)
    assert (
        value_of('halve(times=2)', known, 'step', 'halve()') == Halve(2)
        and value_of('Halve', known, 'step', 'halve()') == Halve()
    )
    with expect_fail(ValueError, "Unknown step 'double'. Known: halve."): value_of('double()', known, 'step', 'halve()')
    with expect_fail(ValueError, 'halve takes times, where'): value_of('halve(n=1)', known, 'step', 'halve()')
    for wrong in ('halve(times=open)', 'halve(', 'halve() >> halve()'): # these cannot be joined
        with expect_fail(ValueError, 'Write it as halve()'): value_of(wrong, known, 'step', 'halve()')


def test_expanded(): # nbs/api/07_values.ipynb, cell c70316e7
    """If an element is itself a list, this inner list is one value of the parameter."""
    assert expanded('magnitude(sparsity=[.3,.50])') == ['magnitude(sparsity=0.3)', 'magnitude(sparsity=0.5)']
    assert len(expanded('magnitude(sparsity=[.1, .2, .3]) >> recover(epochs=[1, 2])')) == 6 and expanded('none') == ['none']
    assert expanded("ceag(dense='runs/é', step=[0.1, 0.2])") == [
        "ceag(dense='runs/é', step=0.1)",
        "ceag(dense='runs/é', step=0.2)",
    ]
    assert expanded('f( (1,[2, 3]) ,x=[[1, 2], [3]])')[::3] == ['f((1, 2), x=[1, 2])', 'f((1, 3), x=[3])']
    with expect_fail(ValueError, 'Cannot read'): expanded('magnitude(sparsity=[.3')
    with expect_fail(ValueError, 'a list is empty'): expanded('int8() >> magnitude(sparsity=[])')


def test_family_level(): # nbs/api/07_values.ipynb, cell 0afa6b2d
    """If it has several numbers of which one alone is called sparsity, the sparsity is the level."""
    assert family_level('magnitude(sparsity=0.3)') == ('magnitude', 0.3) and family_level('magnitude(0.3) >> int8()') == (
        'magnitude >> int8',
        0.3,
    )
    assert (
        family_level('int8()')[0] == 'int8' and family_level('dense')[0] == 'dense' and np.isnan(family_level('dense')[1])
    )
    assert family_level('a(x=1) >> b(y=2, on=True)')[0] == 'a(x=1) >> b(y=2, on=True)' and family_level(
        'wanda(sparsity=0.3, n=8) >> int8()'
    ) == ('wanda(n=8) >> int8', 0.3)
    assert family_level("f(words='()')")[0] == "f(words='()')" and family_level('a(shift=-2)') == ('a', -2)


def test_revision_of(): # nbs/api/07_values.ipynb, cell 963a1826
    """The revision of a class includes the revisions of all its bases, because changing a base also changes the classes built on it."""
    class Base: revision = 1
    class Plain(Base): pass
    class Changed(Base): revision = 2
    assert [revision_of(c) for c in (Base, Plain, Changed)] == [1, 1, 3]
    Base.revision = 2 # a change of the base is one of all
    assert [revision_of(c) for c in (Base, Plain, Changed)] == [2, 2, 4]
