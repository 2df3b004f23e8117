"""Values of the run looked for among keys that are known while tracing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tracejit.trace.control.branch import bool_of
from tracejit.trace.values.all import Scalar, Tracer
from tracejit.trace.values.scalars import weak_kind
from tracejit.trace.values.table_forms import must_hash


def has_traced(key: Any) -> bool:
    """Whether a key is, or has in it, a value of the run."""
    return any(map(has_traced, key)) if type(key) is tuple else isinstance(key, Tracer)


def is_among(ops: Any, key: Any, known: Iterable[Any]) -> Any:
    """Whether a key equals one of the keys of a set or dict. TypeError for arrays, as Python."""
    must_hash(key)
    found: Any = False
    for other in known:
        if comparable(key, other):
            found = found | bool_of(ops.compare_one("==", key, other))
    return found


def comparable(key: Any, other: Any) -> bool:
    """Whether two keys are of kinds that may be equal: numbers, or tuples of them."""
    if type(key) is tuple or type(other) is tuple:
        same = type(key) is type(other) and len(key) == len(other)
        return same and all(map(comparable, key, other))
    if not isinstance(key, Tracer):
        return _is_number(key) == _is_number(other)
    return _is_number(other)


def _is_number(x: Any) -> bool:
    return weak_kind(x) is not None or isinstance(x, Scalar) or hasattr(x, "dtype")
