"""Numbers of both sides of a branch under one name: of a kind that holds them, or tagged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracejit.dtypes import digits
from tracejit.errors import StructureError
from tracejit.ir.core import Value
from tracejit.trace.control.join_arrays import ArrayJoin, Finish
from tracejit.trace.control.number_plans import (
    MOST_KINDS,
    Number,
    NumberPlan,
    Tagged,
    compact,
    kinds_of,
    several,
)
from tracejit.trace.control.plans import Results
from tracejit.trace.convert import UNDEFINED
from tracejit.trace.values.all import (
    Array,
    IntOrFloat,
    IntOrScalar,
    MixedScalar,
    PyScalar,
    Scalar,
    TaggedScalar,
    Tracer,
)
from tracejit.trace.values.scalars import EitherNumber, most_of
from tracejit.trace.values.tagged import Flag

#: The name of what a branch gives that is a value.
VALUE = "the value of the branch"


class NumberJoin(ArrayJoin):
    """Joins of numbers, at least one of them traced or unlike the other."""

    def numbers(self, name: str, a: Any, b: Any) -> Finish:
        """One number of the kind that it has on its side."""
        kinds = {*kinds_of(a), *kinds_of(b)}
        plan = compact(kinds, (a, b)) or several(kinds)
        if isinstance(plan, Tagged):
            return self._tagged(name, plan, a, b)
        values = self._both(plan, a, b)
        dtype, most = plan.dtype, max(most_of(a), most_of(b))

        def finish(results: Sequence[Value]) -> Any:
            found = plan.rebuild(UNDEFINED, Results([results[k] for k in values]))
            if isinstance(found, EitherNumber):
                found.most = min(most, 1 << digits(dtype))
            return found

        return finish

    def _both(self, plan: NumberPlan, a: Any, b: Any) -> list[int]:
        """The results that keep either number."""
        found = []
        for side, x in zip(self.sides, (a, b), strict=True):
            with side.inside():
                found.append(plan.flatten(x))
        return [self.pair([lambda _, v=v: v for v in pair]) for pair in zip(*found, strict=True)]  # type: ignore[misc]

    def _tagged(self, name: str, plan: Tagged, a: Any, b: Any) -> Finish:
        """A number for each kind there is on either side, and which one it is. Where it is a known
        one of its kind on both, it stays known."""
        if len(plan.kinds) > MOST_KINDS:
            raise unlike(name, a, b, f"numbers of at most {MOST_KINDS} kinds may have one name")
        values = self._both(plan, a, b)
        known = [_known(kind, a, b) for kind in plan.kinds]

        def finish(results: Sequence[Value]) -> TaggedScalar:
            found = plan.rebuild(UNDEFINED, Results([results[k] for k in values]))
            numbers = [
                x if k is None else k for x, k in zip(found.alternatives, known, strict=True)
            ]
            return TaggedScalar(numbers, found.flags)

        return finish

    def one_sided_number(self, x: Any, there: int) -> Finish:
        """A number that only side ``there`` has; the other yields zeros of its type."""
        if isinstance(x, TaggedScalar):
            parts = [self.one_sided_number(part, there) for part in x.alternatives]
            flags = [self.only(there, flag) for flag in x.flags]
            return lambda results: TaggedScalar(
                [part(results) for part in parts], [results[k] for k in flags]
            )
        if not isinstance(x, Tracer):
            return lambda results: x
        value = x.read()
        k = self.only(there, value)
        if isinstance(x, IntOrFloat):
            flag = self.only(there, x.integer)
            return lambda results: IntOrFloat(x.kind, results[k], results[flag], x.most)
        if isinstance(x, IntOrScalar):
            flag = self.only(there, x.integer)
            return lambda results: IntOrScalar(results[k], results[flag], x.most)
        if isinstance(x, PyScalar):
            return lambda results: PyScalar(x.kind, results[k])
        if isinstance(x, MixedScalar):
            flag = self.only(there, x.python)
            return lambda results: MixedScalar(results[k], x.kind, results[flag])
        return lambda results: Scalar(results[k])

    def only(self, there: int, value: Value) -> int:
        """A result that is a value of side ``there``, and zero on the other."""
        makers: list[Flag] = [lambda b: b.const(0, value.dtype)] * 2
        makers[there] = lambda _: value
        return self.pair(makers)


def _known(kind: Number, *sides: Any) -> Any:
    """The one known number of a kind that sides leave; None where there is none."""
    pieces = [p for x in sides for p in (x.alternatives if isinstance(x, TaggedScalar) else (x,))]
    mine = [x for x in pieces if kind in kinds_of(x)]
    if any(isinstance(x, Tracer) for x in mine) or len({repr(x) for x in mine}) != 1:
        return None
    return mine[0]


def unlike(name: str, a: Any, b: Any, fix: str) -> StructureError:
    """What is said where the sides of a branch leave different kinds of things."""
    if name == VALUE:  # of a conditional expression, or of what stands for one
        return StructureError(
            f"what is decided at run time is {describe(a)} in some runs and {describe(b)} in "
            f"others; {fix}"
        )
    return StructureError(
        f"the two sides of a branch that is decided at run time leave {name!r} as {describe(a)} "
        f"and as {describe(b)}; {fix}"
    )


def describe(x: Any) -> str:
    """A value's kind for messages."""
    if isinstance(x, Array):
        shown = ", ".join(str(d) if isinstance(d, int) else "n" for d in x.dims)
        return f"{x.dtype} array of shape ({shown})"
    if isinstance(x, IntOrFloat | IntOrScalar | MixedScalar | TaggedScalar):
        return " or ".join(map(_shown, kinds_of(x)))
    if isinstance(x, Scalar):
        return f"NumPy {x.dtype} scalar"
    if isinstance(x, PyScalar):
        return f"Python {x.kind}"
    return repr(x) if isinstance(x, int | float | complex | str | type(None)) else type(x).__name__


def _shown(kind: Number) -> str:
    return f"Python {kind.kind}" if isinstance(kind.kind, str) else f"NumPy {kind.kind} scalar"
