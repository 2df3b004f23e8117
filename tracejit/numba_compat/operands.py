"""What a ufunc does before its loop runs: overrides, the choice of a loop, casts, and results.

The rules are NumPy's: the first loop to whose dtypes all inputs can be cast safely is taken, where
numbers of Python's are as weak as NEP 50 makes them beside arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tracejit.dtypes import kind_of
from tracejit.errors import throw
from tracejit.records import dataclass

_PYTHON = (int, float, complex)
_WEAK = {bool: "biufc", int: "iufc", float: "fc", complex: "c"}
Dtypes = tuple[np.dtype[Any], ...]


@dataclass(frozen=True)
class LoopOver:
    """``loop(function, *arrays)``, to be compiled."""

    loop: Callable[..., Any]
    function: Callable[..., Any]

    def __call__(self, *args: Any) -> Any:
        return self.loop(self.function, *args)

    def __traced_call__(self, ops: Any, *args: Any) -> Any:
        return ops.converted(self.loop)(self.function, *args)


def overridden(ufunc: Any, method: str, inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """What an ``__array_ufunc__`` of an operand answers; NotImplemented where none has its own.

    Raises TypeError where those that have decline.
    """
    out = kwargs.get("out")
    outs = out if isinstance(out, tuple) else () if out is None else (out,)
    asked = []
    for x in (*inputs, *outs):
        own = getattr(type(x), "__array_ufunc__", np.ndarray.__array_ufunc__)
        if own is np.ndarray.__array_ufunc__ or isinstance(x, np.generic):
            continue
        if own is None:
            raise TypeError(f"operand '{type(x).__name__}' does not support ufuncs")
        asked.append(x)
    for x in asked:
        found = x.__array_ufunc__(ufunc, method, *inputs, **kwargs)
        if found is not NotImplemented:
            return found
    if asked:
        names = ", ".join(repr(type(x).__name__) for x in asked)
        raise TypeError(f"operand type(s) all returned NotImplemented from {method}: {names}")
    return NotImplemented


def is_weak(x: Any) -> bool:
    """Whether it is a number of Python's, traced or not."""
    if getattr(x, "kind", None) in ("bool", "int", "float", "complex"):
        return True
    return isinstance(x, _PYTHON) and not isinstance(x, np.generic)


def loop_for(name: str, loops: Sequence[Dtypes], inputs: Sequence[Any]) -> Dtypes:
    """The first loop for these inputs. Raises TypeError where there is none."""
    weak = [is_weak(x) for x in inputs]
    beside = not all(weak)
    for loop in loops:
        if all(map(_castable, inputs, loop, [w and beside for w in weak])):
            return loop
    throw(
        TypeError(
            f"ufunc '{name}' not supported for the input types, and the inputs could not be safely "
            "coerced to any supported types according to the casting rule ''safe''"
        )
    )


def _castable(x: Any, want: np.dtype[Any], weak: bool) -> bool:
    if weak:
        kinds = [k for python, k in _WEAK.items() if python.__name__ == class_name(x)]
        return kind_of(want) in kinds[0]
    return bool(np.can_cast(dtype_of_input(x), want, "safe"))


def class_name(x: Any) -> str:
    """The name of the class of a number of Python's."""
    return str(getattr(x, "kind", type(x).__name__))


def dtype_of_input(x: Any) -> np.dtype[Any]:
    """The dtype of an input that is taken as it is."""
    if is_weak(x):
        return np.dtype(class_name(x))
    dtype = getattr(x, "dtype", None)
    return dtype if isinstance(dtype, np.dtype) else np.asarray(x).dtype


def wrapped(result: Any, inputs: Sequence[Any]) -> Any:
    """A result as the subclass of ``ndarray`` among the inputs that has most priority makes it."""
    kinds = [x for x in inputs if isinstance(x, np.ndarray) and type(x) is not np.ndarray]
    if not kinds:
        return result[()] if isinstance(result, np.ndarray) and result.ndim == 0 else result
    first = max(kinds, key=lambda x: getattr(x, "__array_priority__", 0.0))
    return first.__array_wrap__(np.asarray(result), None, False)


def copied_out(result: Any, out: Any, casting: Any, where: Any = True) -> Any:
    """The result written to ``out`` where ``where`` holds."""
    np.copyto(out, np.asarray(result), casting=casting, where=where)
    return out
