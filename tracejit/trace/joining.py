"""Joining two sides of a branch: what each name is bound to, and what storage holds, afterwards.

Values that differ become results of the ``cond``. A name bound to existing storage on one side and
to other storage on the other denotes a ``Choice``: writing through it reaches the right one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tracejit.errors import StructureError
from tracejit.ir.core import Value
from tracejit.trace.builtins import Range
from tracejit.trace.convert import UNDEFINED
from tracejit.trace.definedness import MaybeUndefined
from tracejit.trace.joining_arrays import ArrayJoin, Finish
from tracejit.trace.objects import choose_among, is_object, is_older, made_object, parts_of
from tracejit.trace.python_scalars import as_kind
from tracejit.trace.session import current
from tracejit.trace.values import (
    KIND_RANK,
    KIND_TYPE,
    Array,
    MixedScalar,
    PyScalar,
    Scalar,
    Tracer,
    WeakKind,
    lift,
    python_int,
    weak_kind,
)


class Join(ArrayJoin):
    """Collects results of the ``cond`` pairwise and says how to bind names to them."""

    # Bindings -------------------------------------------------------------------------------------

    def note(self, a: Any, b: Any) -> None:
        """Say, before anything is joined, that ``a`` and ``b`` will be: what shares storage on one
        side only must not become one on both."""
        a, b = (x.value if isinstance(x, MaybeUndefined) else x for x in (a, b))
        if isinstance(a, Array) and isinstance(b, Array):
            self.note_arrays(a, b)
        elif isinstance(a, Array) or isinstance(b, Array):
            self.note_arrays(*(x if isinstance(x, Array) else None for x in (a, b)))
        parts = [parts_of(x) for x in (a, b)]
        for key in {**parts[0], **parts[1]}:
            self.note(*(p.get(key, UNDEFINED) for p in parts))

    def join(self, name: str, a: Any, b: Any, *, either: bool = False) -> Finish:
        """How to bind ``name`` after the branch. ``either``: an unbound side does not matter."""
        if a is b:
            return lambda results: a
        if a is UNDEFINED or b is UNDEFINED:
            return self._half_defined(name, a, b, either)
        if isinstance(a, MaybeUndefined) or isinstance(b, MaybeUndefined):
            return self._maybe(name, a, b)
        if isinstance(a, Array) and isinstance(b, Array):
            if a.dtype != b.dtype or a.ndim != b.ndim:
                raise StructureError(
                    f"the two sides of a branch that is decided at run time leave {name!r} as "
                    f"{describe(a)} and as {describe(b)}; give both one dtype and rank"
                )
            return self.arrays(a, b)
        if is_number(a) and is_number(b):
            return self._numbers(name, a, b)
        if type(a) is type(b) and isinstance(a, tuple | list | dict) and len(a) == len(b):
            return self._structures(name, a, b)
        if isinstance(a, range | Range) and isinstance(b, range | Range):
            ends = [
                self.join(f"{name}.{end}", getattr(a, end), getattr(b, end))
                for end in ("start", "stop", "step")
            ]
            return lambda results: Range(*(end(results) for end in ends))
        if self._are_objects(a, b):
            return self._objects(name, a, b)
        if _same_static(a, b):
            return lambda results: a
        raise StructureError(
            f"the two sides of a branch that is decided at run time leave {name!r} as "
            f"{describe(a)} and as {describe(b)}; make both the same kind"
        )

    def _structures(self, name: str, a: Any, b: Any) -> Finish:
        if isinstance(a, dict):
            if list(a) != list(b):
                raise StructureError(f"the sides of a branch give {name!r} different keys")
            parts = {k: self.join(f"{name}[{k!r}]", a[k], b[k]) for k in a}
            return lambda results: {k: part(results) for k, part in parts.items()}
        items = [self.join(f"{name}[{k}]", x, y) for k, (x, y) in enumerate(zip(a, b, strict=True))]
        if isinstance(a, list):
            return lambda results: [part(results) for part in items]
        if hasattr(a, "_fields"):
            return lambda results: type(a)(*(part(results) for part in items))
        return lambda results: tuple(part(results) for part in items)

    def _are_objects(self, a: Any, b: Any) -> bool:
        """Whether both are objects of one class of the user's, made inside or passed in."""
        session = self.session
        return (
            type(a) is type(b)
            and all(is_object(x) and not session.outside.is_outside(x) for x in (a, b))
            and vars(a).keys() == vars(b).keys()
        )

    def _objects(self, name: str, a: Any, b: Any) -> Finish:
        """An object whose attributes are joined. Those that were there before may not be changed
        from here on, nor may what stands for them."""
        session = self.session
        old = [x for x in (a, b) if is_older(session, x)]
        parts = {k: self.join(f"{name}.{k}", v, vars(b)[k]) for k, v in vars(a).items()}

        def finish(results: Any) -> Any:
            attributes = {k: part(results) for k, part in parts.items()}
            made = made_object(session, type(a), attributes)
            if old:
                choose_among(session, made, *old)
            return made

        return finish

    def _numbers(self, name: str, a: Any, b: Any) -> Finish:
        if _same_static(a, b):
            return lambda results: a
        kind = joined_number(a, b)
        if kind is None:
            raise StructureError(
                f"the two sides of a branch that is decided at run time leave {name!r} as "
                f"{describe(a)} and as {describe(b)}; convert one of them"
            )
        chosen = kind
        k = self.pair([lambda _: number_value(a, chosen), lambda _: number_value(b, chosen)])
        if isinstance(kind, str):
            return lambda results: (
                python_int(results[k]) if kind == "int" else PyScalar(kind, results[k])
            )
        weak = [weak_kind(x) for x in (a, b)]
        if weak[0] == weak[1]:
            return lambda results: Scalar(results[k])
        python = weak[0] or weak[1] or "float"
        if chosen != np.dtype(KIND_TYPE[python]):
            return lambda results: Scalar(results[k])
        flags = [lambda b: b.const(weak[0] is not None, "bool")]
        flag = self.pair([*flags, lambda b: b.const(weak[1] is not None, "bool")])
        return lambda results: MixedScalar(results[k], python, results[flag])

    def _half_defined(self, name: str, a: Any, b: Any, either: bool) -> Finish:
        bound = b if a is UNDEFINED else a
        if isinstance(bound, MaybeUndefined):
            return self._maybe(name, a, b)
        there = 1 if a is UNDEFINED else 0
        value = self.one_sided(name, bound, there)
        if either:
            return value
        flag = self.pair(
            [lambda b: b.const(there == 0, "bool"), lambda b: b.const(there == 1, "bool")]
        )
        return lambda results: MaybeUndefined(name, results[flag], value(results))

    def _maybe(self, name: str, a: Any, b: Any) -> Finish:
        def flag_of(x: Any) -> Callable[[Any], Value]:
            if isinstance(x, MaybeUndefined):
                return lambda _: x.flag
            return lambda b: b.const(x is not UNDEFINED, "bool")

        inner = [x.value if isinstance(x, MaybeUndefined) else x for x in (a, b)]
        value = self.join(name, inner[0], inner[1], either=True)
        flag = self.pair([flag_of(a), flag_of(b)])
        return lambda results: MaybeUndefined(name, results[flag], value(results))

    def one_sided(self, name: str, x: Any, there: int) -> Finish:
        """A binding that only side ``there`` makes; the other yields zeros of its type."""
        if isinstance(x, Array):
            return self.exported(x, there)
        if isinstance(x, MaybeUndefined):
            flag, found = self._only(there, x.flag), self.one_sided(name, x.value, there)
            return lambda results: MaybeUndefined(x.name, results[flag], found(results))
        if isinstance(x, Tracer):
            value = x.read()
            k = self._only(there, value)
            if isinstance(x, PyScalar):
                return lambda results: PyScalar(x.kind, results[k])
            return lambda results: Scalar(results[k])
        if isinstance(x, tuple | list) and _holds_tracer(x):
            parts = [self.one_sided(f"{name}[{i}]", v, there) for i, v in enumerate(x)]
            if hasattr(x, "_fields"):
                return lambda results: type(x)(*(p(results) for p in parts))
            return lambda results: type(x)(p(results) for p in parts)
        if is_object(x) and _holds_tracer(list(vars(x).values())):
            if is_older(self.session, x):
                return lambda results: x
            attributes = {k: self.one_sided(f"{name}.{k}", v, there) for k, v in vars(x).items()}
            return lambda results: made_object(
                self.session, type(x), {k: p(results) for k, p in attributes.items()}
            )
        if isinstance(x, dict) and _holds_tracer(list(x.values())):
            items = {k: self.one_sided(f"{name}[{k!r}]", v, there) for k, v in x.items()}
            return lambda results: {k: p(results) for k, p in items.items()}
        return lambda results: x

    def _only(self, there: int, value: Value) -> int:
        makers: list[Callable[[Any], Value]] = [lambda b: b.const(0, value.dtype)] * 2
        makers[there] = lambda _: value
        return self.pair(makers)


# Numbers ------------------------------------------------------------------------------------------


def is_number(x: Any) -> bool:
    """A traced or plain Python or NumPy scalar."""
    return isinstance(x, PyScalar | Scalar | np.number | np.bool_ | bool | int | float | complex)


def joined_number(a: Any, b: Any) -> WeakKind | np.dtype[Any] | None:
    """The kind (weak) or dtype of a name that is bound to either number; None if there is none.

    A constant takes the other's type when it is exact in it (decision 3)."""
    ka, kb = weak_kind(a), weak_kind(b)
    if ka is not None and kb is not None:
        if ka == kb:
            return ka
        low, high = sorted((ka, kb), key=lambda k: KIND_RANK[k])
        narrow = a if ka == low else b
        if low == "bool":
            return None if high != "int" else "int"
        exact = not isinstance(narrow, PyScalar) and float(narrow) == narrow
        return high if exact else None
    if ka is None and kb is None:
        return a.dtype if a.dtype == b.dtype else _exact_constant(a, b) or _exact_constant(b, a)
    weak, strong = (a, b) if ka is not None else (b, a)
    return _exact_constant(weak, strong) or _same_width(weak, strong)


def _same_width(weak: Any, strong: Any) -> np.dtype[Any] | None:
    kind = weak_kind(weak)
    wide = {"bool": "?", "int": "i8", "float": "f8", "complex": "c16"}[kind or "int"]
    dtype: np.dtype[Any] = strong.dtype
    return dtype if dtype == np.dtype(wide) else None


def _exact_constant(a: Any, b: Any) -> np.dtype[Any] | None:
    """The dtype of ``b`` if ``a`` is a constant that is exact in it."""
    if isinstance(a, Tracer):
        known = a.static_value()  # type: ignore[attr-defined]
        if known is None:
            return None
        a = known
    dtype: np.dtype[Any] = b.dtype
    order = "biufc"
    kind = np.asarray(a).dtype.kind
    if (kind == "b") != (dtype.kind == "b"):
        return None
    if order.index(kind.replace("u", "i")) > order.index(dtype.kind.replace("u", "i")):
        return None
    try:
        with np.errstate(all="ignore"):
            converted = np.array(a, dtype)
    except OverflowError:
        return None
    return dtype if converted == a or a != a else None


def number_value(x: Any, kind: WeakKind | np.dtype[Any]) -> Value:
    """A number as an IR value of a joined kind."""
    if isinstance(kind, str):
        return as_kind(x, kind)
    lifted = lift(x)
    if lifted.static is not None:
        return current().b.const(np.array(lifted.static, kind))
    return current().b.convert(lifted.value, kind)


def _same_static(a: Any, b: Any) -> bool:
    if isinstance(a, Tracer) or isinstance(b, Tracer) or type(a) is not type(b):
        return False
    if isinstance(a, list | dict | set | np.ndarray):
        return False
    try:
        return bool(a == b) and repr(a) == repr(b)
    except (TypeError, ValueError):
        return False


def _holds_tracer(items: Sequence[Any]) -> bool:
    return any(
        isinstance(i, Tracer) or (isinstance(i, tuple | list) and _holds_tracer(i)) for i in items
    )


def describe(x: Any) -> str:
    """A value's kind for messages."""
    if isinstance(x, Array):
        return f"{x.dtype} array of shape ({', '.join(map(str, x.dims))})"
    if isinstance(x, Scalar):
        return f"NumPy {x.dtype} scalar"
    if isinstance(x, PyScalar):
        return f"Python {x.kind}"
    return repr(x) if isinstance(x, int | float | complex | str | type(None)) else type(x).__name__
