"""The three kinds of traced value: arrays (views of storage cells), NumPy and Python scalars.

Nothing here knows a NumPy function: operators and methods look their implementations up in
``tracejit.trace.numpy``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NoReturn

import numpy as np

from tracejit.errors import LeakedTracerError, UnsupportedError
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import DTYPES, dtype_of
from tracejit.trace.cells import Cell, Choice
from tracejit.trace.known import (
    bound,
    method,
    methods,
    name_of,
    run_time_only,
    shown_later,
    structural_int,
    truth,
)
from tracejit.trace.layers import Layer, Transpose
from tracejit.trace.session import Session, current, where

WeakKind = Literal["bool", "int", "float", "complex"]
KIND_DTYPE = {"bool": "bool", "int": "i64", "float": "f64", "complex": "c128"}
KIND_RANK = {"bool": 0, "int": 1, "float": 2, "complex": 3}
KIND_TYPE: dict[str, type] = {"bool": bool, "int": int, "float": float, "complex": complex}


class Tracer:
    """Base of traced values."""

    __slots__ = ("__weakref__",)
    __array_priority__ = 1e9
    __hash__ = object.__hash__

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise UnsupportedError(
            f"{where()}: NumPy asked for the contents of a traced value, which are known at run "
            "time only; use a NumPy function that tracejit knows (docs/coverage.md)"
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        implementation = name_of(ufunc)
        if method == "__call__":
            return implementation(*args, **kwargs)
        return getattr(implementation, method)(*args, **kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return name_of(func)(*args, **kwargs)

    def read(self) -> Value:
        """The IR value now."""
        raise NotImplementedError

    def __bool__(self) -> bool:
        return truth(self)

    def __index__(self) -> int:
        return structural_int(self, "an index")

    def __int__(self) -> int:
        return structural_int(self, "int()")

    def __float__(self) -> float:
        raise UnsupportedError(run_time_only("float()", self))

    def __complex__(self) -> complex:
        raise UnsupportedError(run_time_only("complex()", self))

    def __format__(self, spec: str) -> str:
        """A mark in the text, which messages and ``print`` replace by the value at run time."""
        return shown_later(self, spec)

    def __str__(self) -> str:
        return shown_later(self, "")

    def __round__(self, digits: int | None = None) -> Any:
        from tracejit.trace.builtins import builtin_round

        return builtin_round(self, digits)


class Array(Tracer):
    """A traced ndarray: a view (``layers``) of storage (``cell``)."""

    __slots__ = ("_cache", "cell", "dims", "dtype", "layers", "strides")

    def __init__(
        self,
        cell: Cell | Choice,
        layers: tuple[Layer, ...] = (),
        dims: tuple[Dim, ...] | None = None,
        strides: tuple[Dim | None, ...] | None = None,
        dtype: np.dtype[Any] | None = None,
    ) -> None:
        self.cell = cell
        self.layers = layers
        self.dims = cell.shape if dims is None else dims
        self.strides = cell.strides() if strides is None else strides
        self.dtype = cell.dtype if dtype is None else dtype
        self._cache: tuple[Any, Any, Value] | None = None

    # Contents -------------------------------------------------------------------------------------

    def read(self) -> Value:
        """The view's elements now."""
        session = current()
        if isinstance(self.cell, Choice):
            return self._read_choice(self.cell, session)
        self._same_trace(session)
        value = base = session.read_cell(self.cell)
        b = session.b
        if self._cache is not None and self._cache[0] is base and self._cache[1] is b:
            return self._cache[2]
        for layer in self.layers:
            value = layer.get(b, value)
        self._cache = (base, b, value)
        return value

    def write(self, value: Value) -> None:
        """Replace the view's elements by ``value`` of the view's dtype and shape."""
        session = current()
        if isinstance(self.cell, Choice):
            self._write_choice(self.cell, value, session)
            return
        if not self.cell.writeable:
            session.fail(ValueError, "assignment destination is read-only")
        if self.cell.unclear:
            raise UnsupportedError(
                f"{where()}: whether this writes to the caller's array is decided by how a loop "
                "went; copy the array before the loop, or after it"
            )
        self._same_trace(session)
        b = session.b
        values = [session.read_cell(self.cell)] if self.layers else []
        for layer in self.layers[:-1]:
            values.append(layer.get(b, values[-1]))
        for layer, parent in zip(reversed(self.layers), reversed(values), strict=True):
            value = layer.put(b, parent, value)
        session.write_cell(self.cell, value)

    def _read_choice(self, cell: Choice, session: Session) -> Value:
        known = cell.contents()
        b = session.b
        if known is not None:
            for layer in self.layers:
                known = layer.get(b, known)
            return known
        then, other = _onto(cell.then, self), _onto(cell.other, self)
        if cell.then.dims == cell.other.dims:
            values = (then.read(), other.read())
            pred = b.broadcast(cell.pred, values[0].shape, ())
            return b.op("select", pred, *values)  # type: ignore[no-any-return]
        from tracejit.trace.regions import emit_cond

        def side(view: Array) -> Callable[[], list[Value]]:
            return lambda: [_as_shape(view.read(), self.dims)]

        return emit_cond(cell.pred, side(then), side(other))[0]

    def _write_choice(self, cell: Choice, value: Value, session: Session) -> None:
        from tracejit.trace.staging_if import staged_if

        def side(view: Array) -> Callable[[], None]:
            target = _onto(view, self)
            dims = self.dims if self.layers else view.dims
            return lambda: target.write(_as_shape(value, dims))

        staged_if(cell.pred, side(cell.then), side(cell.other), tuple, lambda state: None, ())

    def _same_trace(self, session: Session) -> None:
        assert isinstance(self.cell, Cell)
        if self.cell.session() is not session:
            raise LeakedTracerError(
                f"{where()}: a traced array from another trace was used; traced values live only "
                "while their function is being compiled"
            )

    def view(
        self,
        layer: Layer,
        dims: Sequence[Dim],
        strides: Sequence[Dim | None] | None = None,
        dtype: np.dtype[Any] | None = None,
    ) -> Array:
        """A view of this view."""
        known = tuple(strides) if strides is not None else (None,) * len(dims)
        layers = layered_on(self, layer)
        return Array(self.cell, layers, tuple(dims), known, dtype or self.dtype)

    # NumPy attributes -----------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[Any, ...]:
        return tuple(dim_value(d) for d in self.dims)

    @shape.setter
    def shape(self, shape: Any) -> None:
        other = method("reshape")(self, shape)
        if other.cell is not self.cell:
            current().fail(AttributeError, "Incompatible shape for in-place modification.")
        self.layers, self.dims, self.strides = other.layers, other.dims, other.strides
        self._cache = None

    @property
    def ndim(self) -> int:
        return len(self.dims)

    @property
    def size(self) -> Any:
        return dim_value(ex.product(self.dims))

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> Any:
        return dim_value(ex.product(self.dims) * self.dtype.itemsize)

    @property
    def T(self) -> Array:  # noqa: N802
        from tracejit.trace.views import transposed

        return transposed(self, tuple(reversed(range(self.ndim))))

    @property
    def mT(self) -> Array:  # noqa: N802
        from tracejit.trace.views import transposed

        rank = self.ndim
        return transposed(self, (*range(rank - 2), rank - 1, rank - 2))

    @property
    def real(self) -> Array:
        from tracejit.trace.views import part

        return part(self, "real")

    @real.setter
    def real(self, value: Any) -> None:
        self.real[...] = value

    @property
    def imag(self) -> Array:
        from tracejit.trace.views import part

        return part(self, "imag")

    @imag.setter
    def imag(self, value: Any) -> None:
        self.imag[...] = value

    @property
    def flat(self) -> Any:
        from tracejit.trace.views import Flat

        return Flat(self)

    @property
    def base(self) -> Any:
        return None if not self.layers and isinstance(self.cell, Cell) else Array(self.cell)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return bound(self, methods().get(name), name, "numpy.ndarray")

    def __getitem__(self, key: Any) -> Any:
        from tracejit.trace.indexing import getitem

        return getitem(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        from tracejit.trace.assign import setitem

        setitem(self, key, value)

    def __len__(self) -> int:
        if not self.dims:
            raise TypeError("len() of unsized object")
        return structural_int(dim_value(self.dims[0]), "len()")

    def __iter__(self) -> Iterator[Any]:
        if not self.dims:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __contains__(self, item: Any) -> bool:
        return truth(method("any")(self == item))

    def __repr__(self) -> str:
        return f"<traced {self.dtype}[{', '.join(map(str, self.dims))}]>"


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
            raise AttributeError(name)
        from tracejit.trace.numpy import SCALAR_METHODS

        return bound(self, SCALAR_METHODS.get(name), name, f"numpy.{self.dtype.name}")

    @property
    def real(self) -> Scalar:
        return self if self.dtype.kind != "c" else Scalar(current().b.op("real", self.value))

    @property
    def imag(self) -> Scalar:
        b = current().b
        if self.dtype.kind == "c":
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

    def static_value(self) -> Any:
        """The value when it is a constant, else None."""
        known = current().literal(self.value)
        return None if known is None else known[()]

    def __getitem__(self, key: Any) -> Any:
        if key == () or key is Ellipsis:
            return self if key == () else wrap_array(self.value)
        if key is None or isinstance(key, tuple):
            return wrap_array(self.value)[key]
        raise IndexError("invalid index to scalar variable.")

    def __repr__(self) -> str:
        return f"<traced {self.dtype} scalar>"


class MixedScalar(Scalar):
    """A NumPy scalar that is a Python scalar of ``kind`` where ``python`` holds (so returned)."""

    __slots__ = ("kind", "python")

    def __init__(self, value: Value, kind: WeakKind, python: Value) -> None:
        super().__init__(value)
        self.kind = kind
        self.python = python


class PyScalar(Tracer):
    """A traced Python bool, int, float or complex (weak under NEP 50)."""

    __slots__ = ("kind", "value")

    def __init__(self, kind: WeakKind, value: Value) -> None:
        assert value.rank == 0, value.type
        assert value.dtype == DTYPES[KIND_DTYPE[kind]], (kind, value.type)
        self.kind = kind
        self.value = value

    @property
    def dtype(self) -> np.dtype[Any]:
        raise AttributeError(f"'{self.kind}' object has no attribute 'dtype'")

    @property
    def dims(self) -> tuple[()]:
        return ()

    @property
    def real(self) -> PyScalar:
        if self.kind == "complex":
            return PyScalar("float", current().b.op("real", self.value))
        return self

    @property
    def imag(self) -> Any:
        if self.kind == "complex":
            return PyScalar("float", current().b.op("imag", self.value))
        return 0.0 if self.kind == "float" else 0

    def conjugate(self) -> PyScalar:
        if self.kind == "complex":
            return PyScalar("complex", current().b.op("conj", self.value))
        return self

    def read(self) -> Value:
        """The value (as for arrays)."""
        return self.value

    def static_value(self) -> Any:
        """The value when it is a constant, else None."""
        known = current().literal(self.value)
        return None if known is None else known.item()

    def __repr__(self) -> str:
        return f"<traced Python {self.kind}>"


@dataclass(frozen=True)
class Lifted:
    """An IR value and, for Python scalars, its weak kind; ``static`` is a literal's own value."""

    value: Value
    weak: WeakKind | None = None
    static: Any = None


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


def is_traced(x: Any) -> bool:
    return isinstance(x, Tracer)


def lift(x: Any) -> Lifted:
    """Any array-like as an IR value. TypeError for what is not one."""
    if isinstance(x, Array | Scalar):
        return Lifted(x.read())
    if isinstance(x, PyScalar):
        return Lifted(x.value, x.kind)
    b = current().b
    kind = weak_kind(x)
    if kind is not None:
        return Lifted(_literal(x, kind), kind, x)
    if isinstance(x, np.generic):
        return Lifted(b.const(x, dtype_of(x.dtype)), None, x)
    if isinstance(x, np.ndarray):
        from tracejit.trace.hidden import hidden_array

        return Lifted(hidden_array(x).read())
    if isinstance(x, list | tuple | range):
        return Lifted(_nested(x))
    if isinstance(x, Value):
        return Lifted(x)
    if hasattr(x, "__array__"):
        return lift(np.asarray(x))
    raise TypeError(f"{where()}: {type(x).__name__} object is not an array or a number")


def _literal(x: Any, kind: WeakKind) -> Value:
    b = current().b
    if kind == "int" and not -(2**63) <= int(x) < 2**63:
        if 0 <= int(x) < 2**64:
            return b.const(int(x), "u64")
        raise OverflowError("Python int too large to convert to C long")
    return b.const(x, KIND_DTYPE[kind])


def _nested(x: Sequence[Any]) -> Value:
    items = list(x)
    if not any(_has_tracer(i) for i in items):
        array = np.array(items)
        return current().b.const(array, dtype_of(array.dtype))
    from tracejit.trace.numpy import NAMES

    return NAMES[np.stack](items).read()  # type: ignore[no-any-return]


def _has_tracer(x: Any) -> bool:
    if isinstance(x, list | tuple):
        return any(_has_tracer(i) for i in x)
    return isinstance(x, Tracer | np.ndarray)


def fresh(value: Value, order: tuple[int, ...] | None = None) -> Array:
    """A new array in storage of its own; ``order``: its axes from slowest to fastest."""
    return Array(Cell(value, order))


def wrap_array(value: Value) -> Array:
    """A new array, also for rank 0."""
    return Array(Cell(value))


def wrap(value: Value, order: tuple[int, ...] | None = None) -> Array | Scalar:
    """What a ufunc returns: a new array, or a NumPy scalar for rank 0."""
    return Scalar(value) if value.rank == 0 else fresh(value, order)


def k_order(arrays: Sequence[Any], rank: int) -> tuple[int, ...] | None:
    """Axis order of an elementwise result: NumPy's K order over array operands of full rank."""
    for x in arrays:
        if not isinstance(x, Array) or x.ndim != rank or rank < 2:
            continue
        strides = x.strides
        if all(isinstance(s, int) for s in strides):
            return _memory_order([abs(s) for s in strides if isinstance(s, int)])
        if isinstance(x.cell, Cell) and x.cell.order is not None:
            perm: tuple[int, ...] = x.cell.order
            if not x.layers and len(perm) == rank:
                return perm
            if len(x.layers) == 1 and isinstance(x.layers[0], Transpose):
                place = {axis: i for i, axis in enumerate(x.layers[0].perm)}
                return tuple(place[a] for a in perm)
    return None


def _memory_order(sizes: Sequence[int]) -> tuple[int, ...]:
    """Axes from slowest to fastest; a stretched axis (stride 0) stays where it is, as in NumPy."""
    order: list[int] = []
    for axis in reversed(range(len(sizes))):
        place = 0
        for i, faster in enumerate(order):
            if sizes[axis] and sizes[faster]:
                if sizes[faster] <= sizes[axis]:
                    break
                place = i + 1
        order.insert(place, axis)
    return tuple(order)


def as_dim(x: Any) -> Dim:
    """An integer, traced or not, as an extent. TypeError as ``operator.index``."""
    if isinstance(x, ex.Extent):
        return x
    if isinstance(x, Value):
        return current().b.convert(x, "i64").dim
    if isinstance(x, PyScalar) and x.kind in ("int", "bool"):
        return current().b.convert(x.value, "i64").dim
    if isinstance(x, Scalar | Array) and x.dtype.kind in "iu" and not x.dims:
        return current().b.convert(x.read(), "i64").dim
    if isinstance(x, Tracer):
        kind = x.kind if isinstance(x, PyScalar) else getattr(x, "dtype", type(x).__name__)
        raise TypeError(f"'{kind}' object cannot be interpreted as an integer")
    import operator

    return operator.index(x)


def dim_value(dim: Dim) -> Any:
    """An extent as the user sees it: an int, or a traced Python int."""
    return dim if isinstance(dim, int) else PyScalar("int", current().b.index(dim))


def python_int(value: Value) -> PyScalar | int:
    """An ``i64[]`` value as a Python int, a plain one when it is known."""
    known = current().literal(value)
    return int(known) if known is not None else PyScalar("int", value)


def layered_on(x: Array, layer: Layer) -> tuple[Layer, ...]:
    """The layers of a view of ``x``."""
    from tracejit.trace.layers import layered

    return layered(x.layers, layer)


def _as_shape(value: Value, dims: tuple[Dim, ...]) -> Value:
    """A value whose extents are ``dims`` where it is used, though that is not known."""
    if value.shape == dims:
        return value
    message = "an extent changed between a view and itself"
    return current().b.op(  # type: ignore[no-any-return]
        "cast_shape", value, shape=dims, exc="AssertionError", message=message
    )


def _onto(view: Array, top: Array) -> Array:
    """``view`` under the further layers of ``top``."""
    from tracejit.trace.layers import layered

    layers = view.layers
    for layer in top.layers:
        layers = layered(layers, layer)
    return Array(view.cell, layers, top.dims, top.strides, top.dtype)


__all__ = [
    "Array",
    "Cell",
    "Choice",
    "Lifted",
    "MixedScalar",
    "PyScalar",
    "Scalar",
    "Tracer",
    "as_dim",
    "dim_value",
    "fresh",
    "is_traced",
    "k_order",
    "lift",
    "name_of",
    "python_int",
    "structural_int",
    "truth",
    "weak_kind",
    "wrap",
    "wrap_array",
]
