"""Which class of Python's or NumPy's each traced value is an instance of.

What the program asks of types (``type``, ``isinstance``, ``x.__class__``, patterns of ``match``) is
answered from ``types_of`` alone, so that it never sees the classes that stand for its values.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError, throw
from tracejit.trace.session.concretize import BoundMethod, DeferredText
from tracejit.trace.session.registry import CLASS_SEEN
from tracejit.trace.session.session import current, where
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
)
from tracejit.trace.values.chosen_constants import ChosenConstant
from tracejit.trace.values.dunder_methods import method_of
from tracejit.trace.values.iterables import Enumerate, Reversed, Zip
from tracejit.trace.values.maybe_unbound import MaybeNone
from tracejit.trace.values.ranges import Range
from tracejit.trace.values.tagged import each_kind

CLASS_SEEN |= {
    Array: lambda x: np.ndarray,
    Range: lambda x: range,
    Enumerate: lambda x: enumerate,
    Zip: lambda x: zip,
    Reversed: lambda x: reversed,
    DeferredText: lambda x: str,
    BoundMethod: lambda x: type([].append),
    PyScalar: lambda x: KIND_TYPE[x.kind],
    Scalar: lambda x: x.dtype.type,
}


def types_of(x: Any) -> tuple[type, ...]:
    """The class of the value that ``x`` stands for; two where the run says which: NumPy's, and
    Python's where ``x.python`` holds."""
    if isinstance(x, MaybeNone):
        return *types_of(x.value), type(None)
    if isinstance(x, TaggedScalar):
        return tuple(kind for number in x.alternatives for kind in types_of(number))
    if isinstance(x, MixedScalar):
        return x.dtype.type, KIND_TYPE[x.kind]
    if isinstance(x, IntOrFloat):
        return KIND_TYPE[x.kind], int
    if isinstance(x, IntOrScalar):
        return x.dtype.type, int
    if isinstance(x, ChosenConstant):
        return (builtins.type(x.choices[0]),)
    seen = CLASS_SEEN.get(builtins.type(x), builtins.type)
    return (seen(x),)


def type_of(x: Any) -> type:
    """``type(x)``; UnsupportedError where the run says which of two it is."""
    found = types_of(x)
    if len(found) == 1:
        return found[0]
    names = " or ".join(_shown(kind) for kind in found)
    raise UnsupportedError(
        f"{where()}: the type of a number that is {names} as a loop or branch went; convert it "
        "with float() or int(), or ask isinstance"
    )


def stands_for_other(x: Any) -> bool:
    """Whether ``x`` is of a class of ours, which the program does not know of."""
    return types_of(x) != (builtins.type(x),)


def _shown(kind: type) -> str:
    return kind.__name__ if kind.__module__ == "builtins" else f"numpy.{kind.__name__}"


def must_have(obj: Any, method: str, cannot: str) -> None:
    """TypeError as Python's for what has no such method, whatever the key: it asks for an index of
    a sequence first, which is no number of Python's here."""
    kinds = types_of(obj)
    if not any(hasattr(kind, method) for kind in (type(obj), *kinds)):
        throw(TypeError(f"{_shown(kinds[0])!r} object {cannot}"))


def is_instance(x: Any, kinds: Any, /) -> Any:
    """``isinstance(x, kinds)``: known, but for a number whose type the run says."""
    if isinstance(x, MaybeNone):
        none = builtins.isinstance(None, kinds)
        return current().operators.if_expr(
            x.is_none(), lambda: none, lambda: is_instance(x.value, kinds), None
        )
    if isinstance(x, TaggedScalar):
        return each_kind(lambda number: is_instance(number, kinds), x)
    own = method_of(kinds, "__instancecheck__")
    if own is not None:
        operators = current().operators
        return operators.truth(operators.call(own, x))
    if not stands_for_other(x):
        answer = builtins.isinstance(x, kinds)
        current().outside.answers(type(x), kinds, x)
        return answer
    found = types_of(x)
    answers = [issubclass(kind, kinds) for kind in found]
    for kind in found:
        current().outside.answers(kind, kinds, kind)
    if not any(answers) and any(issubclass(kind, np.ndarray | np.generic) for kind in found):
        _refuse_cupys(kinds)
    if len(set(answers)) == 1:
        return answers[0]
    assert isinstance(x, MixedScalar | IntOrFloat | IntOrScalar)
    pythons = answers[1]
    flag = PyScalar("bool", x.python if isinstance(x, MixedScalar) else x.integer)
    return flag if pythons else current().operators.not_(flag)


def is_subclass(kind: Any, kinds: Any, /) -> bool:
    """``issubclass(kind, kinds)``."""
    answer = issubclass(kind, kinds)
    current().outside.answers(kind, kinds)
    return answer


def _refuse_cupys(kinds: Any) -> None:
    """An array on a GPU is NumPy's to the program: that it is not cupy's would be wrong there."""
    for kind in kinds if isinstance(kinds, tuple) else (kinds,):
        if getattr(kind, "__module__", "").partition(".")[0] == "cupy":
            raise UnsupportedError(
                f"{where()}: isinstance(x, cupy.{kind.__name__}) of an array that is traced, which "
                "is NumPy's wherever it is: ask outside, or leave it to where the arguments are"
            )


def operands(symbol: str, left: Any, right: Any) -> tuple[Any, Any]:
    """What stands on both sides of an operator that None does not have."""
    found = []
    for x in (left, right):
        names = ["NoneType" if x is side else _operand_name(side) for side in (left, right)]
        message = f"unsupported operand type(s) for {symbol}: '{names[0]}' and '{names[1]}'"
        found.append(x.some(message) if isinstance(x, MaybeNone) else x)
    return found[0], found[1]


def _operand_name(x: Any) -> str:
    kind = types_of(x)[0]
    return "float" if kind is np.float64 else kind.__name__


def builtin_type(x: Any, *rest: Any, **kwargs: Any) -> Any:
    return builtins.type(x, *rest, **kwargs) if rest or kwargs else type_of(x)


def builtin_callable(x: Any, /) -> bool:
    if isinstance(x, Tracer):
        return False
    current().outside.member(type(x), "__call__")
    return builtins.callable(x)


KINDS: dict[Any, Callable[..., Any]] = {
    builtins.type: builtin_type,
    builtins.isinstance: is_instance,
    builtins.issubclass: is_subclass,
    builtins.callable: builtin_callable,
}
