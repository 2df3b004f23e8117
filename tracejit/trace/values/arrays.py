"""Traced arrays: views of storage cells. Also how a new one is made, and its order in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tracejit.dtypes import is_complex
from tracejit.errors import LeakedTracerError, UnsupportedError, throw
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.session.concretize import bound, structural_int, truth
from tracejit.trace.session.registry import ARRAY, METHODS, NAMES
from tracejit.trace.session.session import Session, current, where
from tracejit.trace.session.storage import Cell
from tracejit.trace.session.tracer import Steps, Tracer
from tracejit.trace.values.memory import ArrayMemory
from tracejit.trace.values.scalars import PyScalar, Scalar, dim_value
from tracejit.trace.values.selected_storage import Select
from tracejit.trace.values.view_transforms import Layer, Transpose, layered
from tracejit.versions import NO_IMAGINARY_PART


class Array(Tracer):
    """A traced ndarray: a view (``layers``) of storage (``cell``); ``element_strides`` count
    elements, None is for what only the run knows."""

    __slots__ = ("_cache", "cell", "dims", "dtype", "element_strides", "layers")

    def __init__(
        self,
        cell: Cell | Select,
        layers: tuple[Layer, ...] = (),
        dims: tuple[Dim, ...] | None = None,
        strides: tuple[Dim | None, ...] | None = None,
        dtype: np.dtype[Any] | None = None,
    ) -> None:
        self.cell = cell
        cell.users += 1
        self.layers = layers
        self.dims: tuple[Dim, ...] = cell.shape if dims is None else dims
        self.element_strides = cell.strides() if strides is None else strides
        self.dtype: np.dtype[Any] = cell.dtype if dtype is None else dtype
        self._cache: tuple[Any, Any, Value] | None = None

    def __del__(self) -> None:
        self.cell.users -= 1

    def sides(self) -> tuple[Array, Array]:
        """The two views of which this is one, known at run time."""
        cell = self.cell
        assert isinstance(cell, Select)
        if not self.layers:
            return cell.then, cell.other
        return _onto(cell.then, self), _onto(cell.other, self)

    # Contents -------------------------------------------------------------------------------------

    def read(self) -> Value:
        """The view's elements now."""
        session = current()
        if isinstance(self.cell, Select):
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

    def as_it_is(self) -> Array:
        return Array(Cell(self.read()))

    def write(self, value: Value) -> None:
        """Replace the view's elements by ``value`` of the view's dtype and shape."""
        session = current()
        if isinstance(self.cell, Select):
            self._write_choice(self.cell, value, session)
            return
        if self.cell.writeable is None:
            raise UnsupportedError(
                f"{where()}: whether the array is read-only is decided by how a loop or branch "
                "went; copy it before it is written"
            )
        if not self.cell.writeable:
            session.fail(ValueError, "assignment destination is read-only")
        self.cell.must_be_known()
        self._same_trace(session)
        b = session.b
        values = [session.read_cell(self.cell)] if self.layers else []
        for layer in self.layers[:-1]:
            values.append(layer.get(b, values[-1]))
        for layer, parent in zip(reversed(self.layers), reversed(values), strict=True):
            value = layer.put(b, parent, value)
        session.write_cell(self.cell, value)

    def _read_choice(self, cell: Select, session: Session) -> Value:
        known = cell.contents()
        b = session.b
        if known is not None:
            for layer in self.layers:
                known = layer.get(b, known)
            return known
        then, other = _onto(cell.then, self), _onto(cell.other, self)
        if cell.both:
            values = (then.read(), other.read())
            if values[0].shape == values[1].shape:  # else one is so only where it is chosen
                pred = b.broadcast(cell.pred, values[0].shape, ())
                return b.op("select", pred, *values)  # type: ignore[no-any-return]
        from tracejit.trace.session.regions import emit_cond

        def side(view: Array) -> Callable[[], list[Value]]:
            return lambda: [_as_shape(view.read(), self.dims)]

        return emit_cond(cell.pred, side(then), side(other))[0]

    def _write_choice(self, cell: Select, value: Value, session: Session) -> None:
        def side(view: Array) -> Callable[[], None]:
            target = _onto(view, self)
            dims = self.dims if self.layers else view.dims
            return lambda: target.write(_as_shape(value, dims))

        test = PyScalar("bool", cell.pred)
        session.operators.if_expr(test, side(cell.then), side(cell.other), None)

    def _same_trace(self, session: Session) -> None:
        assert isinstance(self.cell, Cell)
        if self.cell.session() is not session:
            raise LeakedTracerError(
                f"{where()}: a traced array from another trace was used; traced values live only "
                "while their function is being compiled"
            )

    def viewed(
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
    # What is assigned to one NumPy makes an array first, so that it is cast as one.

    @property
    def shape(self) -> tuple[Any, ...]:
        return tuple(dim_value(d) for d in self.dims)

    @shape.setter
    def shape(self, shape: Any) -> None:
        other = ARRAY["shape"](self, shape)
        if other.dims != self.dims and self._is_argument():
            raise UnsupportedError(
                f"{where()}: the caller would see another shape of its array after `x.shape = ...`;"
                " bind a name to x.reshape(...), which is a view of the same elements"
            )
        self.cell.users -= 1
        self.cell, self.layers = other.cell, other.layers
        self.cell.users += 1
        self.dims, self.element_strides = other.dims, other.element_strides
        self._cache = None

    def _is_argument(self) -> bool:
        """Whether this is an array of the caller, not a view made here."""
        mine = isinstance(self.cell, Cell) and self.cell.arg is not None and not self.layers
        return mine or any(window is self for window, _ in current().windows)

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
    def strides(self) -> tuple[Any, ...]:
        return ARRAY["strides"](self)  # type: ignore[no-any-return]

    @property
    def T(self) -> Array:  # noqa: N802
        return ARRAY["T"](self)  # type: ignore[no-any-return]

    @property
    def mT(self) -> Array:  # noqa: N802
        return ARRAY["mT"](self)  # type: ignore[no-any-return]

    @property
    def real(self) -> Array:
        return ARRAY["real"](self)  # type: ignore[no-any-return]

    @real.setter
    def real(self, value: Any) -> None:
        self.real[...] = NAMES[np.asarray](value)

    @property
    def imag(self) -> Array:
        return ARRAY["imag"](self)  # type: ignore[no-any-return]

    @imag.setter
    def imag(self, value: Any) -> None:
        if not is_complex(self.dtype):
            throw(TypeError(NO_IMAGINARY_PART))
        self.imag[...] = NAMES[np.asarray](value)

    @property
    def flat(self) -> Any:
        return ARRAY["flat"](self)

    @flat.setter
    def flat(self, value: Any) -> None:
        self.flat[:] = value

    @property
    def base(self) -> Any:
        if isinstance(self.cell, Cell) and self.cell.arg is None and not self.layers:
            return None
        raise UnsupportedError(
            f"{where()}: which object an array is a view of is not known when compiling (an "
            "argument may itself be a view); np.may_share_memory can be asked"
        )

    @property
    def ctypes(self) -> ArrayMemory:
        return ArrayMemory(self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            throw(AttributeError(name))
        return bound(self, METHODS.get(name), name)

    def steps(self) -> Steps:
        if not self.dims:
            throw(TypeError("iteration over a 0-d array"))
        return Steps(self.dims[0], lambda i: self[dim_value(i)])

    def __getitem__(self, key: Any) -> Any:
        return ARRAY["getitem"](self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        ARRAY["setitem"](self, key, value)

    def __len__(self) -> int:
        if not self.dims:
            throw(TypeError("len() of unsized object"))
        return structural_int(dim_value(self.dims[0]), "len()")

    def __iter__(self) -> Iterator[Any]:
        if not self.dims:
            throw(TypeError("iteration over a 0-d array"))
        return (self[i] for i in range(len(self)))

    def __contains__(self, item: Any) -> bool:
        return truth(METHODS["any"](self == item))

    def __repr__(self) -> str:
        return f"<traced {self.dtype}[{', '.join(map(str, self.dims))}]>"


def layered_on(x: Array, layer: Layer) -> tuple[Layer, ...]:
    """The layers of a view of ``x``."""
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
    layers = view.layers
    for layer in top.layers:
        layers = layered(layers, layer)
    return Array(view.cell, layers, top.dims, top.element_strides, top.dtype)


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
        strides = x.element_strides
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
