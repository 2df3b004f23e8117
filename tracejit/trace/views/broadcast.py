"""NumPy broadcasting on extents: static where provable, otherwise checked at run time."""

from __future__ import annotations

from collections.abc import Sequence

from tracejit.errors import throw
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.session.concretize import plain_text, shown_shape
from tracejit.trace.session.session import current
from tracejit.trace.values.view_transforms import Broadcast, stretched


def shapes_message(shapes: Sequence[Sequence[Dim]]) -> str:
    """NumPy's text, with the extents at run time."""
    shown = " ".join(map(shown_shape, shapes))
    return f"operands could not be broadcast together with shapes {shown} "


def broadcast_shapes(
    shapes: Sequence[Sequence[Dim]], message: str | None = None
) -> tuple[Dim, ...]:
    """The common shape. Where two extents may or may not be equal one of them is taken, and
    ``stretch`` asserts it at run time. ValueError when they cannot fit."""
    message = message or shapes_message(shapes)
    rank = max((len(s) for s in shapes), default=0)
    result: list[Dim] = []
    for axis in range(rank):
        dims = [s[axis - rank + len(s)] for s in shapes if axis - rank + len(s) >= 0]
        result.append(_joined([d for d in dims if d != 1], message))
    return tuple(result)


def _joined(dims: list[Dim], message: str) -> Dim:
    """The extent of one axis, none of ``dims`` being known to be 1."""
    if not dims:
        return 1
    ranges = current().ranges
    known = [d for d in dims if isinstance(d, int) or ranges.at_least(d, 2) or d == 0]
    for d in known[1:]:
        if ranges.equal(known[0], d) is False:
            throw(ValueError(message))
    if known:
        return next((d for d in known if isinstance(d, int)), known[0])
    first = dims[0]
    for d in dims[1:]:
        if d != first:
            first = _either(first, d)
    return first


def _either(a: Dim, b: Dim) -> Dim:
    """The extent that two, each possibly 1, broadcast to: the one that is not 1."""
    session = current()
    found = session.remembered(("either", a, b))
    if found is not None:
        return found  # type: ignore[no-any-return]
    builder = session.b
    one = builder.op("eq", builder.index(a), builder.index(1))
    value = builder.op("select", one, builder.index(b), builder.index(a))
    session.ranges.extent(value)
    session.remember(("either", a, b), ex.atom_dim(value))
    return ex.atom_dim(value)


def stretch(value: Value, shape: Sequence[Dim], message: str | None = None) -> Value:
    """``value`` broadcast to ``shape`` (trailing axes aligned), asserting what is not proved."""
    shape = tuple(shape)
    if value.shape == shape:
        return value
    message = message or shapes_message((value.shape, shape))
    how = stretching(value.shape, shape, message)
    return stretched(current().b, value, how, plain_text(_braced(message)))


def stretching(dims: tuple[Dim, ...], shape: tuple[Dim, ...], message: str) -> Broadcast:
    """How extents are broadcast to a shape (trailing axes aligned), what is not proved checked."""
    ranges = current().ranges
    offset = len(shape) - len(dims)
    if offset < 0:
        throw(ValueError(message))
    cast: list[Dim] = list(dims)
    maybe_one: list[int] = []
    for axis, dim in enumerate(dims):
        want = shape[axis + offset]
        if dim in (1, want):
            continue
        if ranges.equal(dim, 1) is not False:
            _check_one_or(dim, want, message)
            maybe_one.append(axis + offset)
            continue
        if ranges.equal(dim, want) is False:
            throw(ValueError(message))
        check_equal(dim, want, message)
        cast[axis] = want
    axes = tuple(range(offset, len(shape)))
    return Broadcast(shape, axes, tuple(cast), tuple(maybe_one))


def _check_one_or(dim: Dim, want: Dim, message: str) -> None:
    session = current()
    if session.remembered(("one or", dim, want)):
        return
    b = session.b
    have = b.index(dim)
    ok = b.op("bitwise_or", b.op("eq", have, b.index(1)), b.op("eq", have, b.index(want)))
    session.check(ok, ValueError, _braced(message))
    session.remember(("one or", dim, want), True)


def _braced(message: str) -> str:
    """A message as a format without fields."""
    return message.replace("{", "{{").replace("}", "}}")


def check_equal(have: Dim, want: Dim, message: str, exc: str = "ValueError") -> None:
    """Assert that two extents are equal, once."""
    session = current()
    if not session.remembered(("equal", have, want)):
        b = session.b
        session.check(b.op("eq", b.index(have), b.index(want)), exc, _braced(message))
        session.remember(("equal", have, want), True)


def cast_shape(value: Value, shape: Sequence[Dim], message: str, exc: str = "ValueError") -> Value:
    """``value`` with its extents asserted to be ``shape`` at run time.

    The check before it is the one that fails, with the extents in its message."""
    if value.shape == tuple(shape):
        return value
    session = current()
    for have, want in zip(value.shape, shape, strict=True):
        if have != want:
            check_equal(have, want, message, exc)
    return session.b.op(  # type: ignore[no-any-return]
        "cast_shape", value, shape=tuple(shape), exc=exc, message=plain_text(_braced(message))
    )


def broadcast_together(values: Sequence[Value]) -> list[Value]:
    """All values with one common shape."""
    shapes = [v.shape for v in values]
    message = shapes_message(shapes)
    shape = broadcast_shapes(shapes, message)
    return [stretch(v, shape, message) for v in values]


def match_shape(x: Value, shape: Sequence[Dim], message: str) -> Value:
    """``x`` with its extents asserted to be ``shape``."""
    for have, want in zip(x.shape, shape, strict=True):
        if isinstance(have, int) and isinstance(want, int) and have != want:
            throw(ValueError(message))
    return cast_shape(x, shape, message)
