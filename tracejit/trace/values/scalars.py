"""Traced NumPy scalars and Python scalars, and the kinds of the latter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NoReturn, TypeAlias

import numpy as np

from tracejit.dtypes import digits, is_bool, is_complex, is_float
from tracejit.errors import UnsupportedError, throw
from tracejit.ir.arguments import KIND_TYPE, PYTHON_DTYPES, Kind
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import DTYPES
from tracejit.trace.session.concretize import name_of
from tracejit.trace.session.registry import NUMBER
from tracejit.trace.session.session import current, where
from tracejit.trace.session.tracer import Tracer

WeakKind = Kind
KIND_DTYPE = PYTHON_DTYPES
KIND_RANK = {"bool": 0, "int": 1, "float": 2, "complex": 3}


class Scalar(Tracer):
    """A traced NumPy scalar."""

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        assert value.rank == 0, value.type
        self.value = value

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.value.dtype

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            throw(AttributeError(name))
        return NUMBER["attribute"](self, name)

    @property
    def real(self) -> Scalar:
        return self if not is_complex(self.dtype) else Scalar(current().b.op("real", self.value))

    @property
    def imag(self) -> Scalar:
        b = current().b
        if is_complex(self.dtype):
            return Scalar(b.op("imag", self.value))
        return Scalar(b.const(0, self.dtype))

    @property
    def shape(self) -> tuple[()]:
        return ()

    ndim: ClassVar[int] = 0
    size: ClassVar[int] = 1
    base: ClassVar[None] = None

    @property
    def dims(self) -> tuple[()]:
        return ()

    @property
    def T(self) -> Scalar:  # noqa: N802
        return self

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.dtype.itemsize

    def read(self) -> Value:
        """The value (as for arrays)."""
        return self.value

    def parser(self) -> Callable[[str], Any] | None:
        scalar: Any = self.dtype.type
        if is_bool(self.dtype):
            return lambda text: scalar(text == "True")
        if is_complex(self.dtype):
            return None
        return lambda text: scalar(float(text) if is_float(self.dtype) else int(text))

    def out_of(self, array: Any) -> Any:
        return array[()]

    def static_value(self) -> Any:
        """The value when it is a constant, else None."""
        known = current().literal(self.value)
        return None if known is None else known[()]

    def __getitem__(self, key: Any) -> Any:
        from tracejit.trace.values.arrays import wrap_array

        if key == () or key is Ellipsis:
            return self if key == () else wrap_array(self.value)
        if key is None or isinstance(key, tuple):
            return wrap_array(self.value)[key]
        throw(IndexError("invalid index to scalar variable."))

    def __iter__(self) -> NoReturn:
        # Without it Python would iterate by __getitem__ and find nothing.
        throw(TypeError(f"'numpy.{self.dtype.name}' object is not iterable"))

    def __repr__(self) -> str:
        return f"<traced {self.dtype} scalar>"


class MixedScalar(Scalar):
    """A NumPy scalar that is a Python scalar of ``kind`` where ``python`` holds (so returned)."""

    __slots__ = ("kind", "python")

    def __init__(self, value: Value, kind: WeakKind, python: Value) -> None:
        super().__init__(value)
        self.kind = kind
        self.python = python

    @property
    def real(self) -> Any:
        return self._of_each_kind("real")

    @property
    def imag(self) -> Any:
        return self._of_each_kind("imag")

    def __getattr__(self, name: str) -> Any:
        known = (KIND_TYPE[self.kind], self.dtype.type)
        if name.startswith("__") or not any(hasattr(kind, name) for kind in known):
            return super().__getattr__(name)
        return self._of_each_kind(name)

    def _of_each_kind(self, name: str) -> Any:
        from tracejit.trace.values.tagged import attribute, by_kind

        return attribute(by_kind(self), name)


class PyScalar(Tracer):
    """A traced Python bool, int, float or complex (weak under NEP 50)."""

    __slots__ = ("kind", "value")

    def __init__(self, kind: WeakKind, value: Value) -> None:
        assert value.rank == 0, value.type
        assert value.dtype == DTYPES[KIND_DTYPE[kind]], (kind, value.type)
        self.kind = kind
        self.value = value

    @property
    def singleton(self) -> bool:
        """Whether it is one of two objects, ``True`` or ``False``: ``is`` is then equality."""
        return self.kind == "bool"

    @property
    def dims(self) -> tuple[()]:
        return ()

    @property
    def real(self) -> Any:
        return NUMBER["real"](self)

    @property
    def imag(self) -> Any:
        return NUMBER["imag"](self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            throw(AttributeError(name))
        return NUMBER["attribute"](self, name)

    def __iter__(self) -> NoReturn:
        # Without it the exception would name the class of tracers.
        throw(TypeError(f"'{self.kind}' object is not iterable"))

    def read(self) -> Value:
        """The value (as for arrays)."""
        return self.value

    def parser(self) -> Callable[[str], Any] | None:
        kind = KIND_TYPE[self.kind]
        if kind is bool:
            return lambda text: text == "True"
        return None if kind is complex else kind

    def out_of(self, array: Any) -> Any:
        return KIND_TYPE[self.kind](array.item())

    def static_value(self) -> Any:
        """The value when it is a constant, else None."""
        known = current().literal(self.value)
        return None if known is None else known.item()

    def __repr__(self) -> str:
        return f"<traced Python {self.kind}>"


class IntOrFloat(PyScalar):
    """A Python float that is an int where ``integer`` holds: so returned, and asked for its type.
    What is computed with it is computed with the float; sums, differences, products and signs of
    ints are ints again. ``most``: no such int is larger; the float holds all up to it."""

    __slots__ = ("integer", "most")

    def __init__(self, kind: WeakKind, value: Value, integer: Value, most: int) -> None:
        super().__init__(kind, value)
        self.integer = integer
        self.most = most


class IntOrScalar(Scalar):
    """A NumPy scalar that is a Python int where ``integer`` holds, as ``IntOrFloat``."""

    __slots__ = ("integer", "most")

    def __init__(self, value: Value, integer: Value, most: int) -> None:
        super().__init__(value)
        self.integer = integer
        self.most = most


class TaggedScalar(Tracer):
    """``alternatives[k]`` where ``flags[k]`` holds, which one does at most; else the last.

    ``test``: its truth, where more is known of it than of the alternatives."""

    __slots__ = ("alternatives", "flags", "test")
    ndim: ClassVar[int] = 0

    def __init__(self, alternatives: Sequence[Any], flags: Sequence[Value]) -> None:
        assert len(alternatives) == len(flags) + 1
        self.alternatives = tuple(alternatives)
        self.flags = tuple(flags)
        self.test: bool | Value | None = None

    @property
    def dims(self) -> tuple[()]:
        return ()

    def read(self) -> NoReturn:
        kinds = " or ".join(dict.fromkeys(map(shown_kind, self.alternatives)))
        raise UnsupportedError(
            f"{where()}: a number that is {kinds} as a loop or branch went is used where it must "
            "be of one kind; convert it with bool(), int() or float()"
        )

    def static_value(self) -> None:
        """No constant."""

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        if method != "__call__":
            self.read()
        from tracejit.trace.values.tagged import each_kind

        return each_kind(lambda *xs: name_of(ufunc)(*xs, **kwargs), *args)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            throw(AttributeError(name))
        from tracejit.trace.values.tagged import attribute

        return attribute(self, name)

    def __iter__(self) -> NoReturn:
        throw(TypeError(f"'{shown_kind(self.alternatives[0])}' object is not iterable"))

    def __repr__(self) -> str:
        return f"<traced {' or '.join(map(shown_kind, self.alternatives))}>"


def weak_kind(x: Any) -> WeakKind | None:
    """The kind of a Python scalar, traced or not, else None."""
    if isinstance(x, PyScalar):
        return x.kind
    if isinstance(x, np.generic):
        return None
    for kind in ("bool", "int", "float", "complex"):
        if isinstance(x, KIND_TYPE[kind]):
            return kind
    return None


def shown_kind(x: Any) -> str:
    """The kind of a scalar for messages."""
    kind = weak_kind(x)
    return f"a Python {kind}" if kind is not None else f"a NumPy {x.dtype}"


def dim_value(dim: Dim) -> Any:
    """An extent as the user sees it: an int, or a traced Python int."""
    return dim if isinstance(dim, int) else PyScalar("int", current().b.index(dim))


def python_int(value: Value) -> PyScalar | int:
    """An ``i64[]`` value as a Python int, a plain one when it is known."""
    known = current().literal(value)
    return int(known) if known is not None else PyScalar("int", value)


# Numbers that are Python's ints in some runs and floats, Python's or NumPy's, in others: what is
# computed with them is computed with the floats, which hold these ints exactly, and says which
# results are ints.

EitherNumber: TypeAlias = IntOrFloat | IntOrScalar


def is_int(x: Any) -> Value:
    """Whether a number is an int of Python's, as a value."""
    if isinstance(x, EitherNumber):
        return x.integer
    return current().b.const(weak_kind(x) == "int", "bool")


def most_of(x: Any) -> int:
    """What a number does not exceed, up or down, where it is an int."""
    if isinstance(x, EitherNumber):
        return x.most
    if weak_kind(x) not in ("bool", "int"):
        return 0
    if isinstance(x, PyScalar):
        return int(min(current().ranges.magnitude(x.value.dim), 2**63))
    return abs(int(x))


def payload_of(x: EitherNumber) -> np.dtype[Any] | None:
    """NumPy's dtype of what is no int, None for Python's float."""
    return None if isinstance(x, PyScalar) else x.dtype


def stays_int(operands: Sequence[Any]) -> bool:
    """Whether a sum, a difference or a product is an int in the runs in which operands are ints
    that are floats in others, and of the float's kind in those."""
    kinds = {payload_of(x) for x in operands if isinstance(x, EitherNumber)}
    whole = (isinstance(x, EitherNumber) or weak_kind(x) in ("bool", "int") for x in operands)
    return len(kinds) == 1 and all(whole)


def as_int_too(
    name: str,
    kind: WeakKind | None,
    value: Value,
    operands: Sequence[Any],
    values: Sequence[Value],
) -> EitherNumber:
    """The result ``value`` of ``add``, ``sub``, ``mul``, ``neg`` or ``abs``, a number of Python's
    ``kind`` or (None) of NumPy's, of operands of which `stays_int` holds, and that were converted
    to ``values``. OverflowError at run time where the float cannot hold such an int."""
    b = current().b
    first, *others = [x.integer for x in operands if isinstance(x, EitherNumber)]
    for flag in others:
        first = b.op("bitwise_and", first, flag)
    bounds = list(map(most_of, operands))
    most = bounds[0] * bounds[-1] if name == "mul" else sum(bounds)
    if name in ("mul", "neg"):  # no int is -0.0
        value = b.op("select", first, b.op("add", value, b.const(0, value.dtype)), value)
    most = _checked([most, *bounds], [value, *values], first)
    if kind is None:
        return IntOrScalar(value, first, most)
    return IntOrFloat(kind, value, first, most)


def _checked(bounds: Sequence[int], values: Sequence[Value], integer: Value) -> int:
    """The bound of a result, the first, that is checked along with the operands where need be."""
    b = current().b
    bits = digits(values[0].dtype)
    largest = 1 << bits
    for most, value in zip(bounds, values, strict=True):
        if most > largest:
            real = b.op("real", value) if is_complex(value.dtype) else value
            fits = b.op("lt", b.op("abs", real), b.const(largest, real.dtype))
            fits = b.op("bitwise_or", b.op("invert", integer), fits)
            message = f"an int of more than {bits} bits where other runs have a {real.dtype}"
            current().check(fits, OverflowError, message)
    return min(bounds[0], largest)
