"""Structured arrays in a trace: one array for each number in a record, views of the whole.

Fields that compiled code has no dtype for (texts, objects, dates) are in none of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError, throw
from tracejit.ir.extent import Dim
from tracejit.trace.session.concretize import structural_int
from tracejit.trace.session.registry import NAMES, STRUCTURED
from tracejit.trace.session.session import where
from tracejit.trace.session.tracer import Steps, Tracer
from tracejit.trace.values.all import Array, PyScalar, Scalar, dim_value, fresh
from tracejit.trace.values.record_layouts import (
    RecordLayout,
    RecordNumber,
    has_others,
    leaves_of,
    within,
)


class StructuredArray(Tracer):
    """A structured array, or one record of one: an array per number in a record."""

    __slots__ = ("layout", "parts")

    def __init__(self, parts: Sequence[Any], layout: RecordLayout) -> None:
        object.__setattr__(self, "parts", tuple(parts))
        object.__setattr__(self, "layout", layout)

    def __setattr__(self, name: str, value: Any) -> None:
        if self.layout.has_attributes and name in (self.dtype.names or ()):
            self[name] = value
            return
        raise UnsupportedError(f"{where()}: .{name} of a structured array cannot be set")

    # What it is -----------------------------------------------------------------------------------

    @property
    def dtype(self) -> np.dtype[Any]:
        found: np.dtype[Any] = self.layout.dtype
        return found

    @property
    def ndim(self) -> int:
        found: int = self.layout.rank
        return found

    @property
    def dims(self) -> tuple[Dim, ...]:
        found: tuple[Dim, ...] = self.parts[0].dims[: self.layout.rank]
        return found

    @property
    def shape(self) -> tuple[Any, ...]:
        return tuple(map(dim_value, self.dims))

    @property
    def size(self) -> Any:
        found: Any = 1
        for n in self.shape:
            found = found * n
        return found

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> Any:
        return self.size * self.dtype.itemsize

    @property
    def T(self) -> StructuredArray:  # noqa: N802
        return self._of_each(lambda x, own: x.transpose(*_reversed(self.ndim, x.ndim)))

    def _no_loop(self, *others: Any) -> Any:
        raise UnsupportedError(
            f"{where()}: structured arrays have no arithmetic and no order: use their fields, "
            f"x[{(self.dtype.names or ('name',))[0]!r}]"
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = (
        _no_loop
    )
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __matmul__ = _no_loop
    __neg__ = __pos__ = __abs__ = __invert__ = __and__ = __or__ = __xor__ = _no_loop
    __lt__ = __le__ = __gt__ = __ge__ = _no_loop

    @property
    def base(self) -> Any:
        raise UnsupportedError(
            f"{where()}: .base of a structured array is not known when compiling"
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            throw(AttributeError(name))
        if self.layout.has_attributes and name in (self.dtype.names or ()):
            return self[name]
        kind = "numpy.void" if self.layout.is_record else "numpy.ndarray"
        if not hasattr(np.void if self.layout.is_record else np.ndarray, name):
            throw(AttributeError(f"'{kind}' object has no attribute '{name}'"))
        raise UnsupportedError(
            f"{where()}: .{name} of a structured array is not supported: use it of the fields, "
            f"x[{(self.dtype.names or ('name',))[0]!r}].{name}"
        )

    def __repr__(self) -> str:
        return f"<traced {self.dtype}[{', '.join(map(str, self.dims))}]>"

    # Going through it -----------------------------------------------------------------------------

    def steps(self) -> Steps | None:
        if self.layout.is_record:
            return None
        if not self.ndim:
            throw(TypeError("iteration over a 0-d array"))
        return Steps(self.dims[0], lambda i: self[dim_value(i)])

    def __len__(self) -> int:
        if self.layout.is_record:
            return len(self.dtype.names or ())
        if not self.ndim:
            throw(TypeError("len() of unsized object"))
        return structural_int(dim_value(self.dims[0]), "len()")

    def __iter__(self) -> Iterator[Any]:
        if self.layout.is_record:
            return iter([self[name] for name in self.dtype.names or ()])
        if not self.ndim:
            throw(TypeError("iteration over a 0-d array"))
        return (self[i] for i in range(len(self)))

    # Fields and items -----------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return self._field(key)
        if isinstance(key, list) and key and all(isinstance(k, str) for k in key):
            return self._fields(key)
        if self.layout.is_record:
            return self[self._name_at(key)]
        return self._of_each(lambda x, own: x[self._key(key, own)], key)

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, str) or (isinstance(key, list) and key and isinstance(key[0], str)):
            found = self._field(key, whole=True) if isinstance(key, str) else self._fields(key)
            _put(found, value)
        elif self.layout.is_record:
            self[self._name_at(key)] = value
        else:
            for part, leaf, mine in self._against(value):
                if mine is not None:
                    part[self._key(key, len(leaf.shape))] = mine

    def _name_at(self, key: Any) -> str:
        names = self.dtype.names or ()
        k = structural_int(key, "the number of a field")
        if not -len(names) <= k < len(names):
            throw(IndexError(f"invalid index ({k})"))
        return names[k]

    def _field(self, name: str, whole: bool = False) -> Any:
        """A field as a view; of a single record the number itself, unless ``whole``."""
        self._must_have(name)
        inner = self.dtype.fields[name][0]  # type: ignore[index]
        mine = [
            (x, leaf)
            for x, leaf in zip(self.parts, leaves_of(self.dtype), strict=True)
            if leaf.path[0] == name
        ]
        if inner.base.names is not None and not inner.shape:
            layout = replace(self.layout, dtype=inner.base)
            return StructuredArray([x for x, _ in mine], layout)
        if not mine:
            raise UnsupportedError(
                f"{where()}: field {name!r} is of dtype {inner}, which compiled code does not have"
            )
        found = mine[0][0]
        return found[()] if self.layout.is_record and not found.ndim and not whole else found

    def _must_have(self, name: str) -> None:
        if name not in (self.dtype.names or ()):
            throw(ValueError(f"no field of name {name}"))

    def _fields(self, names: list[str]) -> StructuredArray:
        """Some fields, as a view."""
        for name in names:
            self._must_have(name)
        dtype = self.dtype[names]
        pairs = dict(zip((x.path for x in leaves_of(self.dtype)), self.parts, strict=True))
        parts = [pairs[leaf.path] for leaf in leaves_of(dtype)]
        if not parts:
            raise UnsupportedError(f"{where()}: fields {names} hold no numbers")
        return StructuredArray(parts, replace(self.layout, dtype=dtype))

    def _key(self, key: Any, own: int) -> Any:
        """An index of the records as one of a part whose records have ``own`` axes each."""
        keys = key if isinstance(key, tuple) else (key,)
        if any(k is Ellipsis for k in keys):
            return (*keys, *[slice(None)] * own)
        if len(keys) == self.ndim and all(map(_is_place, keys)) and not own:
            return (*keys, Ellipsis)
        return key

    def _of_each(self, f: Any, key: Any = None) -> StructuredArray:
        """Of each part ``f(part, how many axes it has in a record)``."""
        leaves = leaves_of(self.dtype)
        parts = [f(x, len(leaf.shape)) for x, leaf in zip(self.parts, leaves, strict=True)]
        moved = any(x.cell is not part.cell for x, part in zip(self.parts, parts, strict=True))
        if moved and has_others(self.dtype):
            raise UnsupportedError(
                f"{where()}: records with a field that is no number are picked by a mask or by "
                "indices: pick from the fields, x['name'][mask], or from some, x[['a', 'b']]"
            )
        rank = parts[0].ndim - len(leaves[0].shape)
        keys = key if isinstance(key, tuple) else (key,)
        single = key is not None and rank == 0 and all(map(_is_place, keys))
        return StructuredArray(parts, replace(self.layout, rank=rank, is_record=single))

    def _against(self, value: Any) -> list[tuple[Any, RecordNumber, Any]]:
        """The parts, each with what a value assigns to it."""
        leaves = leaves_of(self.dtype)
        return list(zip(self.parts, leaves, spread(self.dtype, value), strict=True))

    # Methods --------------------------------------------------------------------------------------

    def copy(self, order: str = "C") -> StructuredArray:
        return self._copied()

    def __copy__(self) -> StructuredArray:
        return self._copied()

    def _copied(self) -> StructuredArray:
        if has_others(self.dtype):
            raise UnsupportedError(
                f"{where()}: a structured array with fields that are no numbers is copied: take "
                "the fields that you need first, x[['a', 'b']]"
            )
        return StructuredArray([fresh(x.read()) for x in self.parts], self.layout)

    def reshape(self, *shape: Any, order: str = "C") -> StructuredArray:
        dims = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        if any(leaf.shape for leaf in leaves_of(self.dtype)):
            raise UnsupportedError(f"{where()}: reshape of records with fields of several numbers")
        return self._of_each(lambda x, own: x.reshape(tuple(dims), order=order))

    def ravel(self, order: str = "C") -> StructuredArray:
        return self.reshape(-1, order=order)

    def flatten(self, order: str = "C") -> StructuredArray:
        return self.ravel(order)._copied()

    def fill(self, value: Any) -> None:
        self[...] = value

    def item(self, *key: Any) -> Any:
        if self.layout.is_record or not self.ndim:
            return tuple(
                x.item() if isinstance(x, Scalar | StructuredArray | Array) else x
                for x in StructuredArray(self.parts, replace(self.layout, is_record=True))
            )
        return self[key[0] if len(key) == 1 else key].item()

    def tolist(self) -> Any:
        if self.layout.is_record or not self.ndim:
            return self.item()
        return [x.tolist() for x in self]

    def sort(self, axis: int = -1, kind: Any = None, order: Any = None) -> None:
        _put(self, self[self.argsort(axis, kind, order)].copy())

    def argsort(self, axis: int = -1, kind: Any = None, order: Any = None) -> Any:
        if self.ndim != 1:
            raise UnsupportedError(f"{where()}: structured arrays of one axis can be sorted")
        first = [order] if isinstance(order, str) else list(order or ())
        for name in first:
            if name not in (self.dtype.names or ()):
                throw(ValueError(f"unknown field name: {name}"))
        names = [*first, *(n for n in self.dtype.names or () if n not in first)]
        keys = [self[name] for name in names]
        if has_others(self.dtype) or any(not isinstance(k, Array) or k.ndim != 1 for k in keys):
            raise UnsupportedError(
                f"{where()}: records of which a field is no single number are sorted: use "
                "x[np.argsort(x['name'])]"
            )
        return NAMES[np.lexsort](tuple(reversed(keys)))

    def take(self, indices: Any, axis: Any = None) -> StructuredArray:
        if self.ndim != 1:
            raise UnsupportedError(f"{where()}: take of a structured array of several axes")
        found: StructuredArray = self[NAMES[np.asarray](indices)]
        return found

    def __eq__(self, other: object) -> Any:
        return self._compared(other)

    def __ne__(self, other: object) -> Any:
        found = self._compared(other)
        return found if found is NotImplemented else NAMES[np.logical_not](found)

    __hash__ = Tracer.__hash__

    def _compared(self, other: Any) -> Any:
        if not isinstance(other, StructuredArray) or other.dtype != self.dtype:
            raise UnsupportedError(f"{where()}: compare the fields, x['name'] == y['name']")
        leaves = leaves_of(self.dtype)
        if has_others(self.dtype) or any(leaf.shape for leaf in leaves):
            raise UnsupportedError(f"{where()}: compare the fields, x['name'] == y['name']")
        found: Any = True
        for x, y in zip(self.parts, other.parts, strict=True):
            found = NAMES[np.logical_and](found, NAMES[np.equal](x, y))
        return found


def _is_place(key: Any) -> bool:
    """Whether an index takes one item: an integer."""
    if isinstance(key, PyScalar):
        return key.kind == "int"
    if isinstance(key, Scalar | np.generic):
        return bool(np.issubdtype(key.dtype, np.integer))
    return type(key) is int


def _reversed(rank: int, every: int) -> tuple[int, ...]:
    return (*reversed(range(rank)), *range(rank, every))


def _put(target: Any, value: Any) -> None:
    """``target[...] = value``; nothing where it is the same view, as after ``x['a'] += 1``."""
    if isinstance(target, Array):
        same = isinstance(value, Array) and value.cell is target.cell
        if not (same and value.layers == target.layers):
            target[...] = value
        return
    for part, _, mine in target._against(value):
        _put(part, mine)


def spread(dtype: np.dtype[Any], value: Any) -> list[Any]:
    """What assigning a value to records assigns to each number in them."""
    if has_others(dtype):
        raise UnsupportedError(
            f"{where()}: records with a field that is no number are assigned to: assign to the "
            "fields, x['name'][i] = y"
        )
    if isinstance(value, StructuredArray):
        theirs = [leaf.shape for leaf in leaves_of(value.dtype)]
        if theirs != [leaf.shape for leaf in leaves_of(dtype)] or has_others(value.dtype):
            raise UnsupportedError(f"{where()}: records of another structure are assigned")
        return [x[()] if not x.ndim else fresh(x.read()) for x in value.parts]
    if isinstance(value, np.void | np.ndarray) and value.dtype.names is not None:
        return [within(value, leaf.path) for leaf in leaves_of(value.dtype)]
    if isinstance(value, list):
        rows = [spread(dtype, x) for x in value]
        columns = zip(*rows, strict=True)
        leaves = leaves_of(dtype)
        return [NAMES[np.array](list(c), x.dtype) for c, x in zip(columns, leaves, strict=True)]
    names = dtype.names or ()
    if not isinstance(value, tuple):
        return [value] * len(leaves_of(dtype))
    if len(value) != len(names):
        throw(
            ValueError(
                f"could not assign tuple of length {len(value)} to structure with {len(names)} "
                "fields."
            )
        )
    found: list[Any] = []
    for name, x in zip(names, value, strict=True):
        inner = dtype.fields[name][0]  # type: ignore[index]
        found += spread(inner.base, x) if inner.base.names is not None else [x]
    return found


def concerns_structured(args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether a call is given a structured array, or the dtype of one."""
    given = (*args, *kwargs.values())
    return any(_has_structured(x) or _is_list_of_fields(x) for x in given)


def _has_structured(x: Any) -> bool:
    if type(x) in (list, tuple):
        kinds = set(map(type, x))
        return StructuredArray in kinds or (
            bool(kinds & {list, tuple}) and any(map(_has_structured, x))
        )
    return type(x) is StructuredArray or (isinstance(x, np.dtype) and x.names is not None)


def _is_list_of_fields(x: Any) -> bool:
    """Whether ``x`` is a structured dtype as a list of fields."""
    return (
        type(x) is list
        and all(type(f) is tuple and 2 <= len(f) <= 3 and type(f[0]) is str for f in x)
        and bool(x)
    )


def of_structured(f: Any) -> Any:
    """What stands for a function of NumPy that is given structured arrays."""
    found = STRUCTURED.get(f)
    if found is None:
        raise UnsupportedError(
            f"{where()}: np.{f.__name__} of a structured array is not supported: use it of the "
            "fields, x['name']"
        )
    return found
