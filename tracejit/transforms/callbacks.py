"""``callback``: a function of Python or of another library, called from compiled code as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.errors import UnsupportedError, throw
from tracejit.ir.core import Value
from tracejit.ir.types import TensorType
from tracejit.trace.convert import is_converted
from tracejit.trace.session.host_calls import host_call
from tracejit.trace.session.session import active, current, where
from tracejit.trace.session.tracer import Tracer
from tracejit.trace.values.all import Array, PyScalar, lift
from tracejit.transforms.staged import like

#: What a ``try`` around a callback in compiled code can catch.
_RAISED = (
    ZeroDivisionError, OverflowError, FloatingPointError, ArithmeticError, KeyError, IndexError,
    LookupError, NotImplementedError, RuntimeError, TypeError, ValueError, OSError,
)  # fmt: skip


def callback(function: Callable[..., Any], result: Any, *args: Any) -> Any:
    """``function(*args)``, called in plain Python each time that compiled code comes there.

    ``function`` gets copies of the arrays and numbers in ``args``, and whatever else is in them as
    it is. ``result`` says what it returns: a number, an array, or containers of them, of which
    only the structure, shapes and dtypes count; None where it returns None. Calls happen once and
    in order, under ``vmap`` one per example. What the function raises is raised. It has no
    derivative: give it one by ``custom_jvp`` or ``custom_vjp``. Raises ValueError for a result of
    another shape, TypeError for one of another structure or kind, UnsupportedError for a function
    that is defined inside of the one that is compiled.

        import math

        @jit
        def f(x):
            return callback(math.fsum, 0.0, x) + 1.0

        assert f(np.array([0.5, 0.25])) == 1.75
    """
    if not callable(function):
        throw(TypeError(f"callback takes a function, not {type(function).__name__}"))
    if is_converted(function):
        raise UnsupportedError(
            f"{where()}: callback of a function that is defined inside of compiled code: define it "
            "outside, and pass what it needs as arguments"
        )
    leaves, tree = trees.flatten(args)
    is_operand = tuple(isinstance(x, Tracer | np.ndarray) for x in leaves)
    operands = [x for x, given in zip(leaves, is_operand, strict=True) if given]
    announced, made = trees.flatten(result)
    of_leaves = [None if x is None else _announced(x) for x in announced]
    types = [want for want in of_leaves if want is not None]
    called = PythonCall(
        function,
        tree,
        tuple(None if given else x for x, given in zip(leaves, is_operand, strict=True)),
        is_operand,
        tuple("python" if isinstance(x, PyScalar) else _kind(x) for x in operands),
        made,
        tuple(None if want is None else _known(want) for want in of_leaves),
    )
    if not active():
        return called.plain(operands, announced)
    b = current().b
    values: list[Value] = [lift(x).value for x in operands]
    values += [b.index(d) for want in types for d in want.shape if not isinstance(d, int)]
    found = iter(host_call(called, values, types, _RAISED))
    return trees.unflatten(made, [None if x is None else like(x, next(found)) for x in announced])


def _kind(x: Any) -> str:
    return "array" if isinstance(x, Array | np.ndarray) else "scalar"


def _announced(x: Any) -> TensorType:
    """The type of a leaf of ``result``."""
    if isinstance(x, Tracer):
        value = lift(x).value
        return TensorType(value.dtype, value.shape)
    if isinstance(x, np.ndarray | np.generic | bool | int | float | complex):
        array = np.asarray(x)
        return TensorType(array.dtype, array.shape)
    kind = type(x).__name__
    throw(TypeError(f"callback: result is made of arrays and numbers like its own, not {kind}"))


def _known(want: TensorType) -> tuple[np.dtype[Any], tuple[int | None, ...]]:
    """A dtype and a shape; None for an extent that is known at run time only."""
    return want.dtype, tuple(d if isinstance(d, int) else None for d in want.shape)


@dataclass(frozen=True, eq=False)
class PythonCall:
    """What compiled code calls: operands are the arrays and numbers of the arguments, then the
    extents of results that are known at run time only.

    ``tree``, ``constants``, ``is_operand``: the arguments, with what stands for itself; ``kinds``
    of the operands; ``made`` and ``results``: structure, dtypes and shapes of the result.
    """

    function: Callable[..., Any]
    tree: Any
    constants: tuple[Any, ...]
    is_operand: tuple[bool, ...]
    kinds: tuple[str, ...]
    made: Any
    results: tuple[tuple[np.dtype[Any], tuple[int | None, ...]] | None, ...]

    @property
    def written(self) -> str:
        """As messages name it."""
        return f"callback of {getattr(self.function, '__qualname__', self.function)}"

    def __call__(self, *operands: Any) -> Any:
        found = self._leaves(operands)
        made = [x for x in found if x is not None]
        return made[0] if len(made) == 1 else tuple(made)

    def plain(self, operands: list[Any], announced: list[Any]) -> Any:
        """The call where nothing is compiled."""
        both = zip(self._leaves(operands), announced, strict=True)
        return trees.unflatten(self.made, [_as_announced(x, want) for x, want in both])

    def _leaves(self, operands: Any) -> list[Any]:
        count = len(self.kinds)
        passed = map(_passed, self.kinds, operands[:count])
        both = zip(self.constants, self.is_operand, strict=True)
        args = trees.unflatten(self.tree, [next(passed) if given else x for x, given in both])
        leaves, made = trees.flatten(self.function(*args))
        if made != self.made:
            throw(TypeError(f"{self.written} returns another structure than was announced"))
        extents = iter(operands[count:])
        return [self._checked(x, want, extents) for x, want in zip(leaves, self.results)]

    def _checked(self, x: Any, want: Any, extents: Iterator[Any]) -> Any:
        if want is None or x is None:
            if want is not x:
                throw(TypeError(f"{self.written} returns another structure than was announced"))
            return None
        dtype, dims = want
        shape = tuple(int(next(extents)) if d is None else d for d in dims)
        array = np.asarray(x)
        if array.shape != shape:
            throw(ValueError(f"{self.written} gives shape {array.shape}, announced was {shape}"))
        if not np.can_cast(array.dtype, dtype, "same_kind"):
            throw(TypeError(f"{self.written} gives {array.dtype}, announced was {dtype}"))
        return array.astype(dtype)


def _passed(kind: str, x: Any) -> Any:
    """An operand as the function gets it."""
    array = np.array(x)
    return array if kind == "array" else array[()] if kind == "scalar" else array.item()


def _as_announced(x: Any, want: Any) -> Any:
    if x is None or isinstance(want, np.ndarray):
        return x
    return x[()] if isinstance(want, np.generic) else x.item()
