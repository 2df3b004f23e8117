"""Extents: their algebra is that of Python's integers, and equal polynomials are equal extents."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

import tracejit.ir.ops  # noqa: F401  (enters the op table)
from tracejit.ir import extent as ex
from tracejit.ir.builder import Builder
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.interpret.interpreter import interpret
from tracejit.ir.types import INDEX

ATOMS = [Value(INDEX, name) for name in "nmk"]
NUMBERS = st.lists(st.integers(0, 50), min_size=3, max_size=3)
LEAVES = st.one_of(st.integers(-20, 20), st.sampled_from([ex.atom_dim(a) for a in ATOMS]))
POSITIVE = st.integers(1, 7)


def _grow(inner: st.SearchStrategy[Dim]) -> st.SearchStrategy[Dim]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        pairs.map(lambda p: p[0] + p[1]),
        pairs.map(lambda p: p[0] - p[1]),
        pairs.map(lambda p: p[0] * p[1]),
        pairs.map(lambda p: ex.emin(*p)),
        pairs.map(lambda p: ex.emax(*p)),
        st.tuples(inner, POSITIVE).map(lambda p: ex.floordiv(*p)),
        st.tuples(inner, POSITIVE).map(lambda p: ex.mod(*p)),
    )


DIMS = st.recursive(LEAVES, _grow, max_leaves=6)


def value_of(dim: Dim, numbers: list[int]) -> int:
    at = dict(zip(ATOMS, numbers, strict=True))
    return ex.evaluate(dim, lambda leaf: at[leaf])  # type: ignore[index]


@given(DIMS, DIMS, NUMBERS)
def test_arithmetic(a: Dim, b: Dim, numbers: list[int]) -> None:
    x, y = value_of(a, numbers), value_of(b, numbers)
    assert value_of(a + b, numbers) == x + y
    assert value_of(a - b, numbers) == x - y
    assert value_of(a * b, numbers) == x * y
    assert value_of(ex.emin(a, b), numbers) == min(x, y)
    assert value_of(ex.emax(a, b), numbers) == max(x, y)


@given(DIMS, POSITIVE, NUMBERS)
def test_division(a: Dim, d: int, numbers: list[int]) -> None:
    x = value_of(a, numbers)
    assert value_of(ex.floordiv(a, d), numbers) == x // d
    assert value_of(ex.mod(a, d), numbers) == x % d
    assert value_of(ex.ceildiv(a, d), numbers) == -(-x // d)


@given(DIMS, DIMS, DIMS)
def test_normal_form(a: Dim, b: Dim, c: Dim) -> None:
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a * (b + c) == a * b + a * c
    assert a - a == 0
    assert hash(a * b) == hash(b * a)


@given(DIMS, NUMBERS)
def test_the_halves_of_an_extent_add_up(a: Dim, numbers: list[int]) -> None:
    assert ex.ceildiv(a, 2) + ex.floordiv(a, 2) == a


@given(DIMS, NUMBERS)
def test_substitution_is_evaluation(a: Dim, numbers: list[int]) -> None:
    assert ex.subst(a, dict(zip(ATOMS, numbers, strict=True))) == value_of(a, numbers)


@given(DIMS, DIMS, NUMBERS)
def test_what_is_provably_greater_is(a: Dim, b: Dim, numbers: list[int]) -> None:
    # Only granted for polynomials whose atoms are not negative.
    opaque = any(
        isinstance(x, ex.Opaque) for d in (a, b) if not isinstance(d, int) for x in d.atoms()
    )
    if not opaque and ex.provably_ge(a, b):
        assert value_of(a, numbers) >= value_of(b, numbers)


@given(DIMS, NUMBERS)
def test_the_value_of_an_extent(a: Dim, numbers: list[int]) -> None:
    """The builder's arithmetic computes what the extent says, and knows that it does."""
    b = Builder("extent")
    b.params += ATOMS
    value = b.index(a)
    assert value.dim == a
    assert interpret(b.build([value]), numbers)[0] == value_of(a, numbers)


@given(DIMS)
def test_leaves_are_all_there_is(a: Dim) -> None:
    assert set(ex.leaves(a)) <= set(ATOMS)
    assert isinstance(a, int) or any(ex.leaves(a))
