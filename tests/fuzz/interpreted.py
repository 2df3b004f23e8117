"""Random programs traced once, their derivatives interpreted: most of the time of a check is
compiling, and what is wrong is mostly wrong in the IR.

``jvp`` is compared with differences of what NumPy computes (of the traced function where the
program has transforms of its own), ``vjp`` with ``jvp``, and the batched function, or its
pullback, with a loop over examples.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from tests.fuzz.gradients import (
    LARGE,
    Smoothed,
    Wrong,
    copied,
    differences,
    expect,
    leaves,
)
from tests.fuzz.nested import IMPORTS
from tests.trace.running import parameters, specs_of
from tracejit import autodiff
from tracejit.autodiff.numeric import norm, pairing, random_like
from tracejit.errors import StructureError, TracejitError, UnsupportedError
from tracejit.ir.builder import Builder, rename_type
from tracejit.ir.core import Function, Value
from tracejit.ir.interpret.interpreter import interpret
from tracejit.ir.types import INDEX, TensorType
from tracejit.ir.verifier import verify
from tracejit.passes.pipeline import REDUCE
from tracejit.passes.runner import run
from tracejit.passes.stabilized_results import stabilized_after, twice
from tracejit.trace.driver import trace
from tracejit.trace.traced import Traced

SCALES = (1.0, 0.9, 1.1)


def check(program: Smoothed, *, second: bool = False) -> str:
    """Check the derivatives of a program; what came of it, in a word. Raises Wrong.

    ``second``: forward over reverse is checked too.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return checked(program, second)
        except TracejitError:
            return "refused"
        except Wrong as error:
            raise Wrong(f"{error}\n{program}") from None


def checked(program: Smoothed, second: bool) -> str:
    g, args = program.function("g"), program.point()

    def fresh(*given: Any) -> list[Any]:
        """Every floating result in memory of its own: what is written to arguments is a result."""
        return [np.array(x) for x in leaves(g(*(np.array(a) for a in given)))]

    at = At(traced(fresh, args, symbolic=program.seed % 2 == 0), args)
    nested = IMPORTS in program.source
    called: Callable[..., list[Any]] = at.results if nested else fresh
    rng = np.random.default_rng([program.seed, 1])
    tangents = [random_like(rng, a) for a in args]
    try:
        want, value = differences(called, args, tangents), called(*copied(args))
    except TracejitError:
        raise
    except Exception as error:
        return at.raises_as_well(called, error)
    if want is None or not norm([*value, *want]) < LARGE:
        return "skipped"
    expect(at.results(*args), value, norm(value), 1e-9, "value")
    pushed = at.pushed(tangents)
    expect(pushed, want, norm(value), 2e-6, "jvp against differences")
    cts = [random_like(rng, x) for x in value]
    split = program.seed % 3 > 0
    pulled = at.pulled(cts, split)
    left, right = pairing(cts, pushed), pairing(pulled, tangents)
    bound = norm(cts) * norm(pushed) + norm(pulled) * norm(tangents)
    if not abs(left - right) <= 1e-9 * max(bound, 1.0):
        raise Wrong(f"<v, Ju> = {left:.12g} but <J'v, u> = {right:.12g}")
    at.check_batched(cts if program.seed // 2 % 2 else None)
    return at.second_order(cts, tangents) if second else "first order"


def traced(function: Callable[..., Any], args: Sequence[Any], *, symbolic: bool) -> Traced:
    """What ``jit`` traces: what fails in structure with symbolic extents, with static ones."""
    try:
        return trace(function, specs_of(tuple(args), symbolic=symbolic), orders=1)
    except (StructureError, UnsupportedError):
        if not symbolic:
            raise
        return trace(function, specs_of(tuple(args)), orders=1)


def some(dim: Any) -> bool:
    return isinstance(dim, int) and dim > 0


class At:
    """The traced function at a point, and its transforms, as the public ones put them together."""

    def __init__(self, traced: Traced, args: Sequence[Any]) -> None:
        self.traced = traced
        self.plain = run(traced.function, REDUCE)
        self.function = twice(self.plain, some)
        verify(self.function)
        self.count = len(self.plain.results)
        self.values = parameters(traced, args)
        end = len(self.values) - len(traced.hidden)
        self.wrt = range(end - len(args), end)
        self.ends = [
            k for k in range(len(self.function.results) - self.count, len(self.function.results))
        ]

    def results(self, *args: Any) -> list[Any]:
        return [np.asarray(x) for x in interpret(self.traced.function, self.given(args))]

    def given(self, args: Sequence[Any]) -> list[Any]:
        return [*self.values[: self.wrt.start], *args, *self.values[self.wrt.stop :]]

    def made(self, function: Function, keep: int) -> Function:
        """As ``Staged.derived``."""
        made = stabilized_after(run(function, REDUCE), keep, some)
        verify(made)
        return made

    @cached_property
    def backward(self) -> Function:
        """``vjp`` of the function."""
        return self.made(autodiff.vjp(self.plain, self.wrt), self.count)

    def pushed(self, tangents: Sequence[Any]) -> list[Any]:
        """Tangents of the results."""
        total = len(self.function.results)
        function = self.made(autodiff.jvp(self.function, self.wrt), total)
        return interpret(function, [*self.values, *tangents])[2 * total - self.count :]

    def pulled(self, cts: Sequence[Any], split: bool) -> list[Any]:
        """Cotangents of the arguments; ``split``: of a pullback that reads what was kept."""
        if not split:
            backward = self.backward
            return interpret(backward, [*self.values, *with_sizes(backward, self.values, cts)])[
                self.count :
            ]
        parts = autodiff.pullback(self.function, self.wrt, self.ends)
        forward, derivative = (run(f, REDUCE) for f in (parts.forward, parts.derivative))
        verify(forward)
        verify(derivative)
        kept = interpret(forward, self.values)[len(self.function.results) :]
        return interpret(derivative, [*kept, *cts])

    def raises_as_well(self, function: Callable[..., Any], error: Exception) -> str:
        """Where NumPy raises, at the point or beside it: there the derivative raises too."""
        args = [self.values[k] for k in self.wrt]
        try:
            function(*copied(args))
        except type(error):
            try:
                self.pushed([np.ones_like(a) for a in args])
            except type(error):
                return "raised"
            raise Wrong(f"NumPy raises {error!r}, jvp does not") from error
        return "skipped"

    def check_batched(self, cts: Sequence[Any] | None) -> None:
        """A function of a batch is a loop over examples; of ``vjp`` where there are ``cts``."""
        function, extra = self.plain, []
        if cts is not None:
            function = self.backward
            extra = with_sizes(function, self.values, cts)
        flags = [k in self.wrt for k in range(len(self.values))]
        flags += [p.type != INDEX for p in function.params[len(flags) :]]
        rows = [
            [self.scaled(x, f, s) for x, f in zip([*self.values, *extra], flags)] for s in SCALES
        ]
        try:
            each = [interpret(function, row) for row in rows]
        except Exception:  # an example raises: that a batch raises too is the matter of other tests
            return
        try:
            batched = over_examples(function, flags)
        except UnsupportedError:  # results that differ in size
            return
        args = [np.stack(c) if f else c[0] for c, f in zip(zip(*rows), flags, strict=True)]
        found = interpret(batched, args)
        for got, *want in zip(found, *each, strict=True):
            if not np.allclose(got, np.stack(want), rtol=1e-9, atol=1e-11, equal_nan=True):
                raise Wrong(f"a batch gives {got} where a loop gives {want}")

    @staticmethod
    def scaled(x: Any, differs: bool, scale: float) -> Any:
        return np.asarray(x) * scale if differs else x

    def second_order(self, cts: Sequence[Any], tangents: Sequence[Any]) -> str:
        """Forward over reverse against differences of reverse."""
        backward = self.backward
        extra = with_sizes(backward, self.values, cts)

        def gradient(*args: Any) -> list[Any]:
            return interpret(backward, [*self.given(args), *extra])[self.count :]

        args = [self.values[k] for k in self.wrt]
        want = differences(gradient, args, tangents)
        if want is None or not norm(want) < LARGE:
            return "first order"
        total = len(backward.results)
        forward = self.made(autodiff.jvp(backward, self.wrt), total)
        got = interpret(forward, [*self.values, *extra, *tangents])[total + self.count :]
        expect(got, want, norm(gradient(*args)), 1e-5, "jvp of vjp against differences of vjp")
        return "second order"


def with_sizes(backward: Function, values: Sequence[Any], cts: Sequence[Any]) -> list[Any]:
    """What a ``vjp`` takes after the function's parameters: extents that only the function finds
    come before the cotangent that has them."""
    params = backward.params[len(values) :]
    sizes: dict[Any, int] = {}
    for p, ct in zip([p for p in params if p.type != INDEX], cts, strict=True):
        sizes.update(zip(p.shape, np.shape(ct), strict=True))
    given = iter(cts)
    return [sizes[p.dim] if p.type == INDEX else next(given) for p in params]


def over_examples(function: Function, flags: Sequence[bool]) -> Function:
    b, mapping = Builder("batched"), dict[Value, Value]()
    for p, f in zip(function.params, flags, strict=True):
        one = rename_type(p.type, mapping)
        assert isinstance(one, TensorType)
        mapping[p] = b.param(TensorType(one.dtype, (len(SCALES), *one.shape)) if f else one)
    count = len(SCALES)
    results, differ = autodiff.batched(b, function, list(mapping.values()), flags, count)
    full = [r if d else b.broadcast(r, (count, *r.shape)) for r, d in zip(results, differ)]
    made = b.build(full)
    verify(made)
    return made
