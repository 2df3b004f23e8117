"""Python's operators on traced values, attached to the classes of ``values``.

Two Python scalars follow Python, and so does a Python complex left of an np.float64; everything
else is NumPy's ufunc of that operator.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal
from numbers import Number
from types import EllipsisType, FunctionType
from typing import Any

import numpy as np

from tracejit.dtypes import is_float, is_integer
from tracejit.errors import UnsupportedError, all_ask, throw
from tracejit.trace.session.session import where
from tracejit.trace.values.all import (
    KIND_TYPE,
    Array,
    IntOrScalar,
    MixedScalar,
    PyScalar,
    Scalar,
    TaggedScalar,
    Tracer,
    name_of,
    structural_int,
    weak_kind,
)
from tracejit.trace.values.mixed import may_be_python, operated
from tracejit.trace.values.python_comparisons import COMPARED
from tracejit.trace.values.python_scalars import BINARY, UNARY
from tracejit.trace.values.ranges import Range
from tracejit.trace.values.scalar_join import number_value
from tracejit.trace.values.scalars import as_int_too, stays_int
from tracejit.trace.values.tagged import OF_INTS, as_int, depends_on_kind, each_kind

UFUNCS: dict[str, np.ufunc] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.true_divide,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "pow": np.power,
    "matmul": np.matmul,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "lshift": np.left_shift,
    "rshift": np.right_shift,
}
COMPARISONS: dict[str, np.ufunc] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}
UNARIES: dict[str, np.ufunc] = {
    "neg": np.negative,
    "pos": np.positive,
    "abs": np.absolute,
    "invert": np.invert,
}


def _known(other: Any) -> bool:
    """Whether an operand is array-like to us; others may have a reflected operator."""
    return isinstance(
        other,
        Tracer | int | float | complex | np.generic | np.ndarray | list | tuple | range | Range,
    )


def _binary(name: str, ufunc: np.ufunc, *, reflected: bool) -> Callable[[Any, Any], Any]:
    python = BINARY.get(name, COMPARED.get(name))

    def operate(self: Any, other: Any) -> Any:
        if not _known(other):
            return _foreign(name, self, other, reflected=reflected)
        if isinstance(other, range | Range):
            if isinstance(self, PyScalar):
                return _foreign(name, self, range(0), reflected=reflected)
            other = name_of(np.array)(other)
        if isinstance(other, list | tuple) and not isinstance(self, Array):
            if isinstance(self, TaggedScalar):
                self.read()
            repeated = name == "mul" and is_integer(self.value.dtype)
            if repeated:
                return other * structural_int(self, "how often a list is repeated")
            if isinstance(self, PyScalar):
                return NotImplemented
        left, right = (other, self) if reflected else (self, other)
        if depends_on_kind(name, left, right):
            return _for_each_kind(name, left, right)
        if name in _OF_COMPLEX and weak_kind(left) == "complex":
            right = _as_float(right)
        if python is not None and weak_kind(left) is not None and weak_kind(right) is not None:
            return python(left, right)
        if python is not None and may_be_python(left, right):
            return operated(name, python, name_of(ufunc), left, right)
        if name in OF_INTS and stays_int((left, right)):
            return _int_too(name, ufunc, left, right)
        if name == "pow" and isinstance(left, Array) and type(right) is int and right == 2:
            ufunc_here = np.square if left.dtype == bool else ufunc  # int8, as NumPy's operator
            return name_of(ufunc_here)(*(left, right)[: ufunc_here.nin])
        return name_of(ufunc)(left, right)

    return operate


def _int_too(name: str, ufunc: np.ufunc, *operands: Any) -> Any:
    """NumPy's result, an int of Python's in the runs in which all operands are."""
    found = name_of(ufunc)(*operands)
    values = [number_value(x, found.dtype) for x in operands]
    return as_int_too(name, None, found.value, operands, values)


#: Operators that take a bool of Python's for what it is, and not for an int.
_OF_BOOLS = frozenset(["and", "or", "xor"])


def _may_be_numpys_bool(x: Any) -> bool:
    numbers = x.alternatives if isinstance(x, TaggedScalar) else (x,)
    return any(getattr(n, "dtype", None) == np.bool_ for n in numbers)


def _for_each_kind(name: str, *operands: Any) -> Any:
    if name not in _OF_BOOLS and not any(map(_may_be_numpys_bool, operands)):
        ints = (as_int(x) if isinstance(x, TaggedScalar) else None for x in operands)
        operands = tuple(x if n is None else n for x, n in zip(operands, ints, strict=True))
    return each_kind(PLAIN[name], *operands)


#: What Python's complex numbers answer where a float, and so an np.float64, stands on the right.
_OF_COMPLEX = frozenset(["add", "sub", "mul", "truediv", "pow", "eq", "ne"])


def _as_float(x: Any) -> Any:
    """An np.float64 as the Python float that it is too; what else there is as it is."""
    if isinstance(x, np.float64):
        return float(x)
    if isinstance(x, Scalar) and x.dtype == np.float64:
        return PyScalar("float", x.value)
    return x


def _foreign(name: str, self: Any, other: Any, *, reflected: bool = False) -> Any:
    """The answer where the other operand is not array-like."""
    if name in ("eq", "ne") and (other is None or isinstance(other, str | bytes)):
        differs = name == "ne"
        return name_of(np.full)(self.shape, differs) if isinstance(self, Array) else differs
    if isinstance(other, Number) and not isinstance(other, Decimal):
        kind = type(other).__name__
        raise UnsupportedError(
            f"{where()}: arithmetic with a {kind}, which makes arrays of objects: convert it with "
            "float()"
        )
    if name not in ("eq", "ne") and (other is None or isinstance(other, _NO_OPERANDS)):
        example = _example(self)
        # Raises what NumPy says of such operands.
        PLAIN[name](*((other, example) if reflected else (example, other)))
    return NotImplemented


#: Python's operators, also those in place (as "iadd").
PLAIN: dict[str, Callable[..., Any]] = {
    name: getattr(operator, f"{name}_" if name in ("and", "or") else name)
    for name in [*UFUNCS, *(f"i{name}" for name in UFUNCS), *COMPARISONS, *UNARIES]
}


#: Types whose objects are no operands of numbers; what NumPy says of them is the program's error.
_NO_OPERANDS = (str, bytes, dict, set, frozenset, FunctionType, type, slice, EllipsisType, range)


def _example(x: Any) -> Any:
    """A real number or array of the kind of a traced one."""
    if isinstance(x, PyScalar):
        return KIND_TYPE[x.kind](1)
    ones = np.ones((1,) * len(x.dims), x.dtype)
    return ones if isinstance(x, Array) else ones[()]


def _unary(name: str, ufunc: np.ufunc) -> Callable[[Any], Any]:
    def operate(self: Any) -> Any:
        if depends_on_kind(name, self):
            return _for_each_kind(name, self)
        if isinstance(self, PyScalar):
            return UNARY[name](self)
        if isinstance(self, MixedScalar):
            return operated(name, UNARY[name], name_of(ufunc), self)
        if isinstance(self, IntOrScalar) and name == "pos":
            return self
        if isinstance(self, IntOrScalar) and (name == "neg" or is_float(self.dtype)):
            return _int_too(name, ufunc, self) if name in OF_INTS else name_of(ufunc)(self)
        return name_of(ufunc)(self)

    return operate


def _in_place(name: str, ufunc: np.ufunc) -> Callable[[Array, Any], Any]:
    def operate(self: Array, other: Any) -> Any:
        if not _known(other):
            return _foreign(name, self, other)
        if name == "imatmul" and (not self.ndim or np.ndim(other) < 2):
            throw(
                ValueError(
                    "inplace matrix multiplication requires the first operand to have at least one "
                    "and the second at least two dimensions."
                )
            )
        name_of(ufunc)(self, other, out=(self,))
        return self

    return operate


def _divmod(self: Any, other: Any) -> Any:
    quotient: Any = self // other
    return quotient, self % other


def _rdivmod(self: Any, other: Any) -> Any:
    return other // self, other % self


def install() -> None:
    """Attach the operators to the three classes."""
    for cls in (Array, Scalar, PyScalar, TaggedScalar):
        for name, ufunc in UFUNCS.items():
            setattr(cls, f"__{name}__", _binary(name, ufunc, reflected=False))
            setattr(cls, f"__r{name}__", _binary(name, ufunc, reflected=True))
        for name, ufunc in COMPARISONS.items():
            setattr(cls, f"__{name}__", _binary(name, ufunc, reflected=False))
        for name, ufunc in UNARIES.items():
            setattr(cls, f"__{name}__", _unary(name, ufunc))
        attach: Any = cls
        attach.__divmod__, attach.__rdivmod__ = _divmod, _rdivmod
    for name, ufunc in UFUNCS.items():
        setattr(Array, f"__i{name}__", _in_place(f"i{name}", ufunc))


install()


all_ask(globals(), Exception)
