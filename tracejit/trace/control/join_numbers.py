"""Numbers of both sides of a branch under one name: of a kind that holds them, or tagged."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import digits, is_inexact
from tracejit.errors import StructureError
from tracejit.ir.core import Value
from tracejit.trace.control.join_arrays import ArrayJoin, Finish
from tracejit.trace.values.all import (
    KIND_TYPE,
    Array,
    IntOrFloat,
    IntOrScalar,
    MixedScalar,
    PyScalar,
    Scalar,
    TaggedScalar,
    Tracer,
    python_int,
    weak_kind,
)
from tracejit.trace.values.scalar_join import (
    common_kind,
    exact_value,
    fits,
    is_python,
    joined_number,
    meeting_kind,
)
from tracejit.trace.values.scalars import is_int, may_be_int, most_of
from tracejit.trace.values.tagged import Flag, tags


class NumberJoin(ArrayJoin):
    """Joins of numbers, at least one of them traced or unlike the other."""

    def numbers(self, name: str, a: Any, b: Any) -> Finish:
        """One number of a kind that holds either, or of the kind that it has on its side."""
        if isinstance(a, TaggedScalar) or isinstance(b, TaggedScalar):
            return self._tagged(name, a, b)
        found = joined_number(a, b) or meeting_kind(a, b)
        if found is None:
            return self._tagged(name, a, b)
        kind = found
        if not (fits(a, kind) and fits(b, kind)):
            if not self.session.attempts:
                return self._tagged(name, a, b)
            self.session.refuse_later(unlike(name, a, b, "convert one of them"))
        k = self.pair([lambda _: exact_value(a, kind), lambda _: exact_value(b, kind)])
        dtype = np.dtype(KIND_TYPE[kind]) if isinstance(kind, str) else kind
        if is_inexact(dtype) and (may_be_int(a) or may_be_int(b)):
            integer = self.pair([lambda _: is_int(a), lambda _: is_int(b)])
            most = min(max(most_of(a), most_of(b)), 1 << digits(dtype))
            if isinstance(kind, str):
                return lambda results: IntOrFloat(kind, results[k], results[integer], most)
            return lambda results: IntOrScalar(results[k], results[integer], most)
        if isinstance(kind, str):
            return lambda results: (
                python_int(results[k]) if kind == "int" else PyScalar(kind, results[k])
            )
        weak = [x.kind if isinstance(x, MixedScalar) else weak_kind(x) for x in (a, b)]
        pythons = {kind for kind in weak if kind is not None}
        if len(pythons) != 1 or kind != np.dtype(KIND_TYPE[(python := pythons.pop())]):
            return lambda results: Scalar(results[k])
        flag = self.pair([lambda _: is_python(a), lambda _: is_python(b)])
        return lambda results: MixedScalar(results[k], python, results[flag])

    def _tagged(self, name: str, a: Any, b: Any) -> Finish:
        """A number for each kind there is on either side, and which one it is."""
        theirs = dict(enumerate(tags(b)))
        parts, flags = [], []
        for x, flag in tags(a):
            match = next((k for k, (y, _) in theirs.items() if common_kind(x, y) is not None), None)
            if match is None:
                parts.append(self.one_sided_number(x, 0))
                flags.append([flag, _never])
            else:
                y, other = theirs.pop(match)
                parts.append(self.numbers(name, x, y))
                flags.append([flag, other])
        for y, flag in theirs.values():
            parts.append(self.one_sided_number(y, 1))
            flags.append([_never, flag])
        numbers = list(map(self.pair, flags[:-1]))
        return lambda results: TaggedScalar(
            [part(results) for part in parts], [results[k] for k in numbers]
        )

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


def _never(b: Any) -> Value:
    return b.const(False, "bool")  # type: ignore[no-any-return]


def unlike(name: str, a: Any, b: Any, fix: str) -> StructureError:
    """What is said where the sides of a branch leave different kinds of things."""
    return StructureError(
        f"the two sides of a branch that is decided at run time leave {name!r} as {describe(a)} "
        f"and as {describe(b)}; {fix}"
    )


def describe(x: Any) -> str:
    """A value's kind for messages."""
    if isinstance(x, Array):
        shown = ", ".join(str(d) if isinstance(d, int) else "n" for d in x.dims)
        return f"{x.dtype} array of shape ({shown})"
    if isinstance(x, Scalar):
        return f"NumPy {x.dtype} scalar"
    if isinstance(x, PyScalar):
        return f"Python {x.kind}"
    return repr(x) if isinstance(x, int | float | complex | str | type(None)) else type(x).__name__
