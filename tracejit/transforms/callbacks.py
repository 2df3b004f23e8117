"""``callback``: a function of Python or of another library, called from compiled code as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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
from tracejit.transforms.python_call import Known, PythonCall
from tracejit.transforms.staged import like

#: What a ``try`` around a callback in compiled code can catch.
RAISED = (
    ZeroDivisionError, OverflowError, FloatingPointError, ArithmeticError, KeyError, IndexError,
    LookupError, NotImplementedError, RuntimeError, TypeError, ValueError, OSError,
)  # fmt: skip


def callback(function: Callable[..., Any], result: Any, *args: Any) -> Any:
    """``function(*args)``, called in plain Python each time that compiled code comes there.

    ``function`` gets copies of the arrays and numbers in ``args``, and whatever else is in them as
    it is: objects that the program does not change. ``result`` says what it returns: a number, an
    array, or containers of them, of which only the structure, shapes and dtypes count; None where
    it returns None. Calls happen once and
    in order, under ``vmap`` one per example. What the function raises is raised. It has no
    derivative: give it one by ``custom_jvp`` or ``custom_vjp``. Raises ValueError for a result of
    another shape, TypeError for one of another structure or kind, OverflowError for a number that
    its dtype cannot hold, UnsupportedError for a function that is defined inside of the one that is
    compiled, and for objects that this makes or changes.

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
    return Announced("callback", args, result).ordered(function)


class Announced:
    """A call of a function that stays Python: its arguments, and what its result will be."""

    def __init__(self, what: str, args: Sequence[Any], result: Any) -> None:
        leaves, self.tree = trees.flatten(tuple(args))
        self.is_operand = tuple(isinstance(x, Tracer | np.ndarray) for x in leaves)
        both = list(zip(leaves, self.is_operand, strict=True))
        self.operands = [x for x, given in both if given]
        self.constants = tuple(None if given else x for x, given in both)
        self.leaves, self.made = trees.flatten(result)
        self.what, self.args = what, tuple(args)
        self.wanted = [None if x is None else self._type(x) for x in self.leaves]
        self.types = [want for want in self.wanted if want is not None]

    def _type(self, x: Any) -> TensorType:
        """The type of a leaf of the result."""
        if isinstance(x, Tracer):
            value = lift(x).value
            return TensorType(value.dtype, value.shape)
        if isinstance(x, np.ndarray | np.generic | bool | int | float | complex):
            array = np.asarray(x)
            return TensorType(array.dtype, array.shape)
        kind = type(x).__name__
        throw(
            TypeError(f"{self.what}: result is made of arrays and numbers like its own, not {kind}")
        )

    def called(self, function: Callable[..., Any]) -> PythonCall:
        """The call as compiled code makes it."""
        return PythonCall(
            function,
            self.tree,
            self.constants,
            self.is_operand,
            tuple("python" if isinstance(x, PyScalar) else _kind(x) for x in self.operands),
            self.made,
            tuple(None if want is None else _known(want) for want in self.wanted),
            self.what,
        )

    def values(self) -> list[Value]:
        """The operands, then the extents of results that are known at run time only."""
        b = current().b
        dims = [d for want in self.types for d in want.shape]
        return [
            *(lift(x).value for x in self.operands),
            *(b.index(d) for d in dims if not isinstance(d, int)),
        ]

    def ordered(self, function: Callable[..., Any]) -> Any:
        """The result of a call with effects, in its place."""
        called = self.called(function)
        if not active():
            return called.plain(self.operands, self.leaves)
        self.hand_over(called)
        found = host_call(called, self.values(), self.types, RAISED, others=called.written)
        return self.rebuilt(found)

    def hand_over(self, called: PythonCall, *, pure: bool = False) -> None:
        """Note what the function is given; UnsupportedError for objects that it cannot be given."""
        session = current()
        given = (called.function, self.args)
        session.outside.handed.note(session, called.written, *given, pure=pure)

    def rebuilt(self, values: Iterable[Value]) -> Any:
        """The result, of leaves of the kinds that were announced."""
        found = iter(values)
        leaves = [None if x is None else like(x, next(found)) for x in self.leaves]
        return trees.unflatten(self.made, leaves)


def _kind(x: Any) -> str:
    return "array" if isinstance(x, Array | np.ndarray) else "scalar"


def _known(want: TensorType) -> Known:
    return want.dtype, tuple(d if isinstance(d, int) else None for d in want.shape)
