"""Trace a function of arrays without the driver, interpret it, and compare with NumPy."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tracejit.calls.deopt import DeoptState
from tracejit.ir.interpret.interpreter import interpret
from tracejit.ir.types import INDEX, TensorType
from tracejit.ir.verifier import verify
from tracejit.trace.array_api import NAMES, matrices
from tracejit.trace.array_api.applying import vectorized
from tracejit.trace.guards.outside import Outside
from tracejit.trace.python.staged_operators import StagedOperators
from tracejit.trace.session.assumption_sets import AssumptionFailed, AssumptionSet, TraceAssumptions
from tracejit.trace.session.session import Session, session_scope
from tracejit.trace.values import operators  # noqa: F401  (attaches the operators)
from tracejit.trace.values.all import Array, Cell, PyScalar, Scalar

CONSTRUCTORS = re.compile(r"np\.(float32|int64|bool_|complex128)\(")
KINDS = {bool: "bool", int: "int", float: "float", complex: "complex"}


def run_traced(function: Callable[..., Any], args: tuple[Any, ...], symbolic: bool) -> Any:
    """``function(*args)`` through a trace and the interpreter, as often as values ask for."""
    deopt = DeoptState()
    while True:
        assumptions = TraceAssumptions(deopt.assumed or AssumptionSet())
        try:
            return _run_once(function, args, symbolic, assumptions)
        except AssumptionFailed as wrong:
            deopt.learn(wrong, assumptions)


def _run_once(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    symbolic: bool,
    assumptions: TraceAssumptions,
) -> Any:
    session = Session("f", assumptions=assumptions)
    with session_scope(session):
        session.outside = Outside(session, ((), {}))
        session.operators = StagedOperators(session)
        b, inputs = session.b, []
        tracers = [_tracer(session, a, inputs, symbolic) for a in args]
        out = function(*tracers)
        values: list[Any] = []
        rebuild = _flatten(out, values)
        ir = session.frames[0].builder.build(values)
    assert b is not None
    verify(ir)
    return rebuild(iter(interpret(ir, inputs)))


def _tracer(session: Session, arg: Any, inputs: list[Any], symbolic: bool) -> Any:
    b = session.b
    if isinstance(arg, (list, tuple)):
        return type(arg)(_tracer(session, a, inputs, symbolic) for a in arg)
    if type(arg) in KINDS:
        kind = KINDS[type(arg)]
        inputs.append(np.asarray(arg)[()])
        return PyScalar(kind, b.param(TensorType(np.asarray(arg).dtype)))  # type: ignore[arg-type]
    if not isinstance(arg, (np.ndarray, np.generic)):
        return arg
    shape: list[Any] = []
    for d in arg.shape:
        if symbolic and d > 1:
            extent = session.ranges.extent(b.param(INDEX), 2)
            inputs.append(np.int64(d))
            shape.append(extent.dim)
        else:
            shape.append(d)
    inputs.append(arg)
    value = b.param(TensorType(arg.dtype, tuple(shape)))
    if isinstance(arg, np.generic):
        return Scalar(value)
    fortran = arg.flags.f_contiguous and not arg.flags.c_contiguous
    order = tuple(reversed(range(arg.ndim))) if fortran else None
    return Array(Cell(value, order))


def _flatten(out: Any, values: list[Any]) -> Callable[[Any], Any]:
    if isinstance(out, (list, tuple)):
        parts = [_flatten(o, values) for o in out]
        if hasattr(out, "_fields"):
            return lambda found: type(out)(*(p(found) for p in parts))
        return lambda found: type(out)(p(found) for p in parts)
    if isinstance(out, (Array, Scalar, PyScalar)):
        values.append(out.read())
        convert: Callable[[Any], Any] = {
            Array: np.asarray,
            Scalar: lambda x: np.asarray(x)[()],
            PyScalar: lambda x: np.asarray(x).item(),
        }[type(out)]
        return lambda found: convert(next(found))
    return lambda found: out


class TracedNumpy:
    """``np`` as converted code sees it: every function replaced by its implementation."""

    def __init__(self, module: Any = np, constructors: bool = False) -> None:
        self._module = module
        self._constructors = constructors

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        if inspect.ismodule(found):
            return TracedNumpy(found)
        if name in ("mgrid", "ogrid", "r_", "c_"):
            return getattr(matrices, name)
        if found is np.vectorize:
            return lambda *args, **kwargs: partial(vectorized, np.vectorize(*args, **kwargs))
        scalar_type = isinstance(found, type) and issubclass(found, np.generic)
        plain = not callable(found) or (scalar_type and not self._constructors)
        return found if plain else NAMES.get(found, found)


def outcome(run: Callable[[], Any]) -> Any:
    """What a call gives, or the exception it raises."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return run()
        except Exception as error:
            return error


def compare(source: str, *args: Any, symbolic: bool = False) -> None:
    """An expression of ``np`` and x, y, z traced and plain: the same result or exception."""
    code = compile(source, source, "exec" if ";" in source or " = " in source else "eval")

    def evaluate(namespace: Any, *values: Any) -> Any:
        scope = {"np": namespace, **dict(zip("xyz", values, strict=False))}
        result = eval(code, scope)
        return scope["r"] if "r" in scope else result

    namespace = TracedNumpy(constructors=bool(CONSTRUCTORS.search(source)))
    copies = tuple(np.copy(a, order="K") if isinstance(a, np.ndarray) else a for a in args)
    want = outcome(lambda: evaluate(np, *copies))
    got = outcome(lambda: run_traced(lambda *v: evaluate(namespace, *v), args, symbolic))
    if isinstance(want, Exception):
        expected = type(want).__mro__[1 if type(want).__module__.startswith("numpy._") else 0]
        assert isinstance(got, expected), f"NumPy raised {want!r}; traced gave {got!r}"
        return
    if isinstance(got, Exception):
        raise AssertionError(f"NumPy gave {want!r}; traced raised {got!r}") from got
    same(got, want)


def same(got: Any, want: Any) -> None:
    """Equal in kind, dtype, shape and (up to rounding) values."""
    if isinstance(want, (list, tuple)):
        assert len(got) == len(want)
        for g, w in zip(got, want, strict=True):
            same(g, w)
        return
    assert isinstance(got, np.ndarray) == isinstance(want, np.ndarray), (type(got), type(want))
    if isinstance(want, (np.ndarray, np.generic)):
        assert got.dtype == want.dtype, (got.dtype, want.dtype)
        assert got.shape == want.shape, (got.shape, want.shape)
    elif not isinstance(want, np.dtype):
        assert type(got) is type(want), (type(got), type(want))
    if isinstance(want, (np.dtype, str)) or want is None:
        assert got == want
        return
    inexact = np.asarray(want).dtype.kind in "fc"
    tolerance = 1e-5 if inexact and np.asarray(want).dtype.itemsize in (4,) else 1e-12
    if np.asarray(want).dtype == np.complex64:
        tolerance = 1e-5
    np.testing.assert_allclose(
        got, want, rtol=tolerance if inexact else 0, atol=tolerance * inexact
    )
