"""What no derivative rule describes is an error wherever an active value goes through it.

Never a gradient of zero: outside of loops, in ``for``, ``while`` and either side of ``cond``, and
in each of these inside another, in every mode; where the result depends on it only through what a
loop carries, too.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import tracejit as tj
from tracejit.autodiff import grad, jvp, vjp
from tracejit.ir import ops  # noqa: F401
from tracejit.ir.builder import Builder
from tracejit.ir.core import TABLE, Function, Loc, Value
from tracejit.ir.types import BOOL, INDEX, tensor

F64 = tensor("f64")
Emit = Callable[[Builder, Value, Value, Value], Value]  # b, x, y, sum -> sum


def _host(b: Builder, x: Value) -> Value:
    return b.op("host_call", x, fn=np.square, types=(F64,))  # type: ignore[no-any-return]


def _bits(b: Builder, x: Value) -> Value:
    bits = b.op("bitcast", x, dtype=np.dtype(np.int64))
    return b.op("bitcast", bits, dtype=np.dtype(np.float64))  # type: ignore[no-any-return]


def _pure(b: Builder, x: Value) -> Value:
    return b.op("pure_call", x, fn=np.square, types=(F64,), extents=0)[0]  # type: ignore[no-any-return]


def _recursion(b: Builder, x: Value) -> Value:
    body = Builder("recursion")
    p = body.param(F64)
    attrs: dict[str, Any] = {"args": 1, "types": (F64,)}
    region = body.build([body.op("neg", p)])
    return b.op("recursion", x, regions=(region,), **attrs)  # type: ignore[no-any-return]


OPAQUE: dict[str, Callable[[Builder, Value], Value]] = {
    "host_call": _host,
    "pure_call": _pure,
    "recursion": _recursion,
    "bitcast": _bits,
}


def _term(name: str) -> Emit:
    """``sum + y * opaque(x)``."""

    def emit(b: Builder, x: Value, y: Value, total: Value) -> Value:
        b.loc = Loc("user.py", 7)
        product = b.op("mul", y, OPAQUE[name](b, x))
        return b.op("add", total, product)  # type: ignore[no-any-return]

    return emit


def _region(name: str, inner: Emit, number: bool) -> Function:
    """``(i)? sum x y -> sum``."""
    b = Builder(name)
    if number:
        b.param(INDEX)
    total, x, y = (b.param(F64) for _ in range(3))
    return b.build([inner(b, x, y, total)])


def _for(inner: Emit) -> Emit:
    def emit(b: Builder, x: Value, y: Value, total: Value) -> Value:
        body = _region("body", inner, True)
        return b.op(  # type: ignore[no-any-return]
            "for", b.const(3, "i64"), total, x, y, regions=(body,), carried=1
        )

    return emit


def _while(inner: Emit) -> Emit:
    def emit(b: Builder, x: Value, y: Value, total: Value) -> Value:
        test = Builder("test")
        now, *_ = (test.param(F64) for _ in range(3))
        going = test.build([test.op("lt", now, test.const(10.0, "f64"))])
        body = _region("body", inner, False)
        return b.op(  # type: ignore[no-any-return]
            "while", total, x, y, regions=(going, body), carried=1
        )

    return emit


def _side(then: bool) -> Callable[[Emit], Emit]:
    def wrap(inner: Emit) -> Emit:
        def emit(b: Builder, x: Value, y: Value, total: Value) -> Value:
            sides = [
                _region("taken", inner, False),
                _region("other", lambda b, x, y, s: s, False),
            ]
            pred = b.op("lt", total, b.const(5.0, "f64"))
            assert pred.type == BOOL
            regions = tuple(sides if then else sides[::-1])
            return b.op("cond", pred, total, x, y, regions=regions)  # type: ignore[no-any-return]

        return emit

    return wrap


WRAP = {"for": _for, "while": _while, "then": _side(True), "else": _side(False)}
PLACES = [(), *((w,) for w in WRAP), *itertools.product(WRAP, repeat=2), ("for", "then", "while")]


def function_at(name: str, place: Sequence[str]) -> Function:
    """``(x, y) -> y * opaque(x)`` summed somewhere."""
    emit = _term(name)
    for wrap in reversed(place):
        emit = WRAP[wrap](emit)
    b = Builder("f")
    x, y = b.param(F64), b.param(F64)
    return b.build([emit(b, x, y, b.const(0.0, "f64"))])


MODES: dict[str, Callable[[Function], Any]] = {
    "jvp": lambda f: jvp(f, [0]),
    "vjp": lambda f: vjp(f, [0]),
    "grad": lambda f: grad(f, [0]),
    "both": lambda f: grad(f, [1, 0]),
    # By y first, which is right; what that gives depends on x through the opaque row.
    "jvp of grad": lambda f: jvp(grad(f, [1]), [0]),
    "grad of grad": lambda f: grad(grad(f, [1]), [0], 1),
    "vjp of jvp": lambda f: vjp(jvp(f, [1]), [0]),
}


def test_every_opaque_row_is_here() -> None:
    assert sorted(OPAQUE) == sorted(name for name, p in TABLE.items() if p.opaque is not None)


@pytest.mark.parametrize("place", PLACES, ids="-".join)
@pytest.mark.parametrize("name", OPAQUE)
def test_refused_everywhere(name: str, place: Sequence[str]) -> None:
    function = function_at(name, place)
    for mode, transform in MODES.items():
        with pytest.raises(TypeError, match=r"user\.py:7: .* has no derivative"):
            pytest.fail(f"{mode} gave {transform(function)}")


@pytest.mark.parametrize("place", PLACES, ids="-".join)
@pytest.mark.parametrize("name", OPAQUE)
def test_fine_where_nothing_active_goes_through(name: str, place: Sequence[str]) -> None:
    grad(function_at(name, place), [1])
    jvp(function_at(name, place), [1])


# As users write it ----------------------------------------------------------------------------

X = np.array([0.3, 1.2])
RNG = np.random.default_rng(0)


def bits(x: Any) -> Any:
    return np.sum(x.view(np.int64).view(np.float64) * 2)


def halves(x: Any) -> Any:
    return np.sum(x.view(np.float32))


def bits_in_a_loop(x: Any) -> Any:
    total = 0.0
    for i in range(2):
        total += x.view(np.int64)[i : i + 1].view(np.float64)[0]
    return total


def written_bits(x: Any) -> Any:
    y = x * 2
    y.view(np.int64)[0] += 1
    return np.sum(y)


def drawn(x: Any) -> Any:
    total = 0.0
    while total < 3.0:
        total += np.sum(RNG.gamma(x)) + 1.0
    return total


def drawn_in_a_branch(x: Any) -> Any:
    total = 0.0
    for i in range(3):
        if x[0] > i:
            total += RNG.standard_gamma(x[0])
    return total


def bits_under_a_map(x: Any) -> Any:
    return sum([np.sum(v.view(np.int64).view(np.float64)) for v in (x, x * 2)])


USERS = [bits, halves, bits_in_a_loop, written_bits, drawn, drawn_in_a_branch, bits_under_a_map]
USERS_MODES: dict[str, Callable[[Any], Any]] = {
    "grad": lambda f: tj.grad(f)(X),
    "jit": lambda f: tj.jit(tj.value_and_grad(f))(X),
    "jvp": lambda f: tj.jvp(f, (X,), (X,)),
    "vjp": lambda f: tj.vjp(f, X)[1](1.0),
    "nested": lambda f: tj.grad(lambda x: np.sum(tj.grad(lambda y: f(x) * y)(x[0])))(X),
}


@pytest.mark.parametrize("mode", USERS_MODES)
@pytest.mark.parametrize("function", USERS, ids=lambda f: f.__name__)
def test_users_are_told(function: Any, mode: str) -> None:
    with pytest.raises(TypeError, match=r"test_opaque\.py:\d+: .* has no derivative"):
        USERS_MODES[mode](function)


def test_what_only_decides_is_fine() -> None:
    """A number that only a comparison or an index reads has the derivative zero."""

    def ordered(x: Any) -> Any:
        total = 0.0
        for i in range(2):
            total += x[np.lexsort((x,))[i]] * (i + 1)
        return total

    np.testing.assert_array_equal(tj.grad(ordered)(X[::-1].copy()), [2.0, 1.0])
