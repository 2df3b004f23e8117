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
from tracejit.trace.convert import UNDEFINED
from tracejit.trace.definedness import MaybeUndefined
from tracejit.trace.joining_arrays import ArrayJoin, Finish
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
        parts = [_parts(x) for x in (a, b)]
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
                raise unlike(name, a, b, "give both one dtype and rank")
            return self.arrays(a, b)
        if is_number(a) and is_number(b):
            return self._numbers(name, a, b)
        if type(a) is type(b) and isinstance(a, tuple | list | dict) and len(a) == len(b):
            return self._structures(name, a, b)
        if _same_static(a, b):
            return lambda results: a
        fix = "make both the same kind"
        if a is None or b is None:
            fix += ", with a number such as -1 or np.nan where there is none"
        raise unlike(name, a, b, fix)

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

    def _numbers(self, name: str, a: Any, b: Any) -> Finish:
        if _same_static(a, b):
            return lambda results: a
        kind = joined_number(a, b) or meeting_kind(a, b)
        if kind is None:
            raise unlike(name, a, b, "convert one of them")
        if not (fits(a, kind) and fits(b, kind)):
            self.session.refuse_later(unlike(name, a, b, "convert one of them"))
        chosen = kind
        k = self.pair([lambda _: exact_value(a, chosen), lambda _: exact_value(b, chosen)])
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
        if isinstance(x, dict) and _holds_tracer(list(x.values())):
            items = {k: self.one_sided(f"{name}[{k!r}]", v, there) for k, v in x.items()}
            return lambda results: {k: p(results) for k, p in items.items()}
        return lambda results: x

    def _only(self, there: int, value: Value) -> int:
        makers: list[Callable[[Any], Value]] = [lambda b: b.const(0, value.dtype)] * 2
        makers[there] = lambda _: value
        return self.pair(makers)


def _parts(x: Any) -> dict[Any, Any]:
    """Items of a container by position or key."""
    if isinstance(x, dict):
        return x
    return dict(enumerate(x)) if isinstance(x, tuple | list) else {}


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


def meeting_kind(a: Any, b: Any) -> WeakKind | np.dtype[Any] | None:
    """What holds either of two numbers of unlike kinds, by NumPy's promotion; None where one is a
    bool and one is not. Whether it holds them as they are, ``fits`` says."""
    weak = [weak_kind(x) for x in (a, b)]
    bools = [k == "bool" or (k is None and x.dtype.kind == "b") for k, x in zip(weak, (a, b))]
    if any(bools):
        return None
    if weak[0] is not None and weak[1] is not None:
        return max(weak[0], weak[1], key=lambda k: KIND_RANK[k])
    examples = (x.dtype if k is None else KIND_TYPE[k]() for k, x in zip(weak, (a, b)))
    return np.result_type(*examples)


def fits(x: Any, kind: WeakKind | np.dtype[Any]) -> bool:
    """Whether a number keeps its value in another kind, for integers if they are not too large,
    and what is computed with it is the same then."""
    weak = weak_kind(x)
    target = np.dtype(KIND_TYPE[kind]) if isinstance(kind, str) else kind
    known = x.static_value() if isinstance(x, Tracer) else x  # type: ignore[attr-defined]
    if weak is not None and known is not None:
        try:
            return bool(np.array(known, target) == known or known != known)
        except OverflowError:
            return False
    have = np.dtype(KIND_TYPE[weak]) if weak is not None else x.dtype
    if have == target:
        return True
    if have.kind in "iu" and target.kind in "fc":
        return weak is not None or target.itemsize >= np.dtype("f8").itemsize
    return bool(weak is not None and np.can_cast(have, target))


def exact_value(x: Any, kind: WeakKind | np.dtype[Any]) -> Value:
    """A number as a value of a joined kind; OverflowError at run time for an integer that a
    floating kind cannot hold."""
    made = number_value(x, kind)
    if made.dtype.kind not in "fc" or not isinstance(x, Tracer):
        return made
    value = x.read()
    digits = np.finfo(made.dtype).nmant + 1
    session = current()
    if value.dtype.kind not in "iu" or session.literal(value) is not None:
        return made
    small = value.dtype.itemsize * 8 <= digits
    if small or (value.dtype == np.int64 and session.ranges.magnitude(value.dim) <= 2**digits):
        return made
    b = session.b
    ok = b.op("le", value, b.const(2**digits, value.dtype))
    if value.dtype.kind == "i":
        low = b.op("ge", value, b.const(-(2**digits), value.dtype))
        ok = b.op("bitwise_and", ok, low)
    message = f"an int of more than {digits} bits where other runs have a {made.dtype}"
    b.op("check", ok, exc="OverflowError", message=message)
    return made


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
