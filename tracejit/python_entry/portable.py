"""The entry in plain Python: the same guards, slots and results through ctypes.

It is what runs where the native entry cannot (`capi.native_entry_problem`), and what the native
entry is tested against. Slower by some microseconds a call, and it never releases the GIL.
"""

from __future__ import annotations

import builtins
import ctypes
import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from types import MethodType
from typing import Any

import numpy as np

from tracejit import abi
from tracejit.abi import capi
from tracejit.codegen_llvm.core_call import CoreCall, address_of, callable_core, new_slots
from tracejit.codegen_llvm.runtime import HostTable, store_scalar
from tracejit.ir.results import (
    ArgOut,
    ArrayOut,
    CopyOut,
    JoinOut,
    ListOut,
    MadeOut,
    Out,
    PythonOut,
    RefOut,
    ScalarOut,
    SelectOut,
    StaticOut,
    TableOut,
    TextOut,
    ViewOut,
)
from tracejit.llvm_text.tables import ErrorTable
from tracejit.python_entry.lists import Lists, joined
from tracejit.python_entry.native_outs import leaf_or_tuple
from tracejit.python_entry.parameters import CallParameters
from tracejit.python_entry.views import StridedView, strided


class Miss(Exception):  # noqa: N818  (not an error: the next entry is tried)
    """The arguments are not the ones that this code was made for."""


_RELATIONS = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
_OPS: dict[str, Callable[[int, int], int]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "min": min,
    "max": max,
}
_PYTHON_KINDS = {"bool": bool, "int": int, "float": float, "complex": complex}


def evaluate(
    expr: abi.Expr, values: Sequence[Any], found: Callable[[abi.Expr], int] | None = None
) -> int:
    """The value of an extent expression for these parameter values; ``found``: of what looks at
    results."""
    if isinstance(expr, abi.AxisLength):
        return int(values[expr.param].shape[expr.axis])
    if isinstance(expr, abi.Stride):
        return int(values[expr.param].strides[expr.axis])
    if isinstance(expr, abi.ScalarOf):
        return int(values[expr.param])
    if isinstance(expr, abi.BinOp):
        sides = (evaluate(side, values, found) for side in (expr.left, expr.right))
        return _OPS[expr.op](*sides)
    if isinstance(expr, abi.ResultOf | abi.ResultExtent):
        assert found is not None
        return found(expr)
    return expr


def read_source(source: abi.Source, args: Sequence[Any] = ()) -> Any:
    """A hidden parameter's present object. Raises `Miss` where there is none."""
    try:
        if isinstance(source, abi.GlobalSource):
            if source.name in source.namespace:
                return source.namespace[source.name]
            return getattr(builtins, source.name)
        if isinstance(source, abi.CellSource):
            return source.cell.cell_contents
        if isinstance(source, abi.FunctionSource):
            return getattr(source.function, f"__{source.field.lower()}__")
        if isinstance(source, abi.ClassSource):
            holding = (vars(b) for b in source.cls.__mro__ if source.name in vars(b))
            return next(holding, {source.name: source.absent})[source.name]
        if isinstance(source, abi.AttributeSource):
            at = source.start
            found = args[at] if isinstance(at, int) else read_source(at)
            return functools.reduce(getattr, source.names, found)
        if isinstance(source, abi.ArgSource):
            return source.read(args[source.param])
        return source.read()
    except Exception as error:
        raise Miss from error


def param_matches(param: abi.Param, value: Any) -> bool:
    """Whether `value` passes the guards of `param`."""
    if isinstance(param, abi.ArrayParam):
        return type(value) is np.ndarray and _array_matches(param, value)
    if isinstance(param, abi.ScalarParam):
        if param.kind is None:
            return isinstance(value, np.generic) and value.dtype == param.dtype
        if type(value) is not _PYTHON_KINDS[param.kind]:
            return False
        return type(value) is not int or -(2**63) <= value < 2**63
    if isinstance(param, abi.TypeParam | abi.AddressParam):
        return type(value) is param.cls
    if isinstance(param, abi.EqualParam):
        return abi.alike(param.value, value)
    if not isinstance(param, abi.IdentityParam):
        return True
    return value is param.value and param.kind in (None, type(value))


def _array_matches(param: abi.ArrayParam, value: np.ndarray[Any, Any]) -> bool:
    flags = value.flags
    if value.dtype != param.dtype or not flags.aligned or value.ndim != len(param.shape):
        return False
    if (param.writable and not flags.writeable) or (param.frozen and flags.writeable):
        return False
    if any(s is not None and s != e for s, e in zip(param.shape, value.shape, strict=True)):
        return False
    if isinstance(param.strides, str):
        return flags.c_contiguous if param.strides == "C" else flags.f_contiguous
    return value.size == 0 or all(
        wanted is None or wanted == found or param.shape[axis] in (0, 1)
        for axis, (wanted, found) in enumerate(zip(param.strides, value.strides, strict=True))
    )


def matches(signature: abi.Signature, values: Sequence[Any]) -> bool:
    """Whether explicit and hidden parameters pass every guard of the signature."""
    params = signature.all_params
    if len(values) != len(params) or not all(map(param_matches, params, values)):
        return False
    if any(values[a] is not values[b] for a, b in signature.same):
        return False
    if any(values[a] is values[b] for a, b in signature.distinct):
        return False
    for a, b in signature.disjoint:
        if np.may_share_memory(values[a], values[b]):
            return False
    for a, b in signature.identical:
        x, y = address_of(values[a]), address_of(values[b])
        if (x, values[a].shape, values[a].strides) != (y, values[b].shape, values[b].strides):
            return False
    return all(
        _RELATIONS[g.relation](evaluate(g.left, values), evaluate(g.right, values))
        for g in signature.guards
    )


class PortableEntry:
    """Calls one core. `call(args)` returns its result or raises `Miss`."""

    def __init__(
        self,
        signature: abi.Signature,
        core: int,
        errors: ErrorTable,
        host: HostTable | None,
        rejecting: Sequence[int] = (),
    ) -> None:
        self.signature = signature
        self.rejecting = rejecting
        self.layout = abi.layout(signature)
        self.errors = errors
        self.host = host
        self._core = callable_core(core)

    def call(self, args: Sequence[Any]) -> Any:
        """Check, call, and build the result."""
        if len(args) != len(self.signature.params):
            raise Miss
        values = [*args, *(read_source(h.source, args) for h in self.signature.hidden)]
        if not matches(self.signature, values):
            raise Miss
        call = CoreCall(self.slots_of(values), self.host)
        arrays = self._allocate(call.slots, values)
        rollback = self.signature.rollback
        saved = rollback and rollback.save(*(values[k] for k in rollback.params))
        try:
            if not call.run(self._core):
                if rollback is not None and call.error in self.rejecting:
                    rollback.restore(saved)
                raise call.exception(self.errors)
            for k, result in enumerate(self.signature.results):
                if isinstance(result, abi.ArrayResult) and k not in arrays:
                    at = self.layout.results[k]
                    assert at.data is not None
                    shape = known(result.shape, at.extents, call.slots, values)
                    arrays[k] = call.array(result.dtype, shape, at.data)
            lists = Lists(arrays.__getitem__)
            leaves = [self._leaf(out, arrays, call, values, lists) for out in self.signature.outs]
        finally:
            call.free()
        return assemble(self.signature.structure, leaves)

    def slots_of(self, values: Sequence[Any]) -> Any:
        """The slots of a call, without its results."""
        slots = new_slots(self.layout.count)
        for param, at, value in zip(self.signature.all_params, self.layout.params, values):
            fill(slots, param, at, value)
        return slots

    def _allocate(self, slots: Any, values: Sequence[Any]) -> dict[int, Any]:
        """Arrays that the core fills, by number of its result."""
        arrays: dict[int, Any] = {}
        for k, result in enumerate(self.signature.results):
            if isinstance(result, abi.ArrayResult) and not result.core_allocates:
                shape = tuple(evaluate(e, values) for e in result.shape if e is not None)
                arrays[k] = np.empty(shape, result.dtype)
                slots[self.layout.results[k].data] = address_of(arrays[k])
        return arrays

    def _leaf(
        self, out: Out, arrays: Mapping[int, Any], call: CoreCall, values: Any, lists: Lists
    ) -> Any:
        if isinstance(out, ArrayOut) and out.index in arrays:
            return arrays[out.index]
        if isinstance(out, ArrayOut | ScalarOut | PythonOut):
            at = self.layout.results[out.index]
            assert at.data is not None
            dtype = self.signature.results[out.index].dtype
            value = call.scalar(dtype, at.data)
            if isinstance(out, ArrayOut):
                return np.array(value)
            return value.item() if isinstance(out, PythonOut) else value
        if isinstance(out, ViewOut):
            view = strided(out, self.signature.all_params, self.signature.results)
            assert view is not None
            of = view.source
            source = values[of.arg] if isinstance(of, ArgOut) else arrays[of.index]
            return self._view(view, call.slots, source, values)
        if isinstance(out, RefOut):
            at = self.layout.results[out.index]
            assert at.data is not None
            return lists.numbered(out.heap, int(call.scalar(np.dtype(np.int64), at.data)))
        if isinstance(out, ListOut):
            return lists.items(out)
        if isinstance(out, TableOut):
            return lists.table(out)

        def leaf(x: Out) -> Any:
            return self._leaf(x, arrays, call, values, lists)

        if isinstance(out, JoinOut):
            return joined(out, lists.items(out.items))
        if isinstance(out, TextOut):
            return out.make(*map(leaf, out.outs))
        if isinstance(out, SelectOut):
            at = self.layout.results[out.index]
            assert at.data is not None
            return leaf(out.then if call.slots[at.data] else out.other)
        if isinstance(out, MadeOut):
            inside = leaf_or_tuple(out)
            assert inside is not None
            return tuple(map(leaf, inside)) if isinstance(inside, tuple) else leaf(inside)
        if isinstance(out, CopyOut):
            return set(out.value)
        assert isinstance(out, ArgOut | StaticOut), out
        return values[out.arg] if isinstance(out, ArgOut) else out.value

    def _view(
        self, view: StridedView, slots: Any, source: Any, values: Any
    ) -> np.ndarray[Any, Any]:
        def found(expr: abi.Expr) -> int:
            assert isinstance(expr, abi.ResultOf | abi.ResultExtent)
            at = self.layout.results[expr.result]
            slot = at.data if isinstance(expr, abi.ResultOf) else at.extents[expr.axis]
            assert slot is not None
            return int(slots[slot])

        shape, strides = (
            tuple(evaluate(expr, values, found) for expr in exprs)
            for exprs in (view.shape, view.strides)
        )
        offset = evaluate(view.offset, values, found)
        return _strided_view(source, view.dtype, shape, strides, offset, view.writeable)


def fill(slots: Any, param: abi.Param, at: abi.Slots, value: Any) -> None:
    if isinstance(param, abi.ArrayParam):
        slots[at.data] = address_of(value)
        for places, found in ((at.extents, value.shape), (at.strides, value.strides)):
            for place, number in zip(places, found, strict=True):
                if place is not None:
                    slots[place] = number
    elif isinstance(param, abi.ScalarParam):
        assert at.data is not None
        store_scalar(param.dtype, value, ctypes.addressof(slots) + 8 * at.data)
    elif isinstance(param, abi.AddressParam):
        assert at.data is not None
        slots[at.data] = id(value)


def known(
    exprs: Sequence[abi.Expr | None], places: Sequence[int | None], slots: Any, values: Any
) -> tuple[int, ...]:
    return tuple(
        slots[place] if expr is None else evaluate(expr, values)
        for expr, place in zip(exprs, places, strict=True)
    )


def _strided_view(
    source: np.ndarray[Any, Any],
    dtype: abi.DType,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    offset: int,
    writeable: bool,
) -> np.ndarray[Any, Any]:
    """A view with `source` as its base. (`as_strided` would put an object of its own between.)"""
    where, n = capi.symbols(), len(shape)
    pointer, py = ctypes.c_void_p, ctypes.py_object
    new = ctypes.PYFUNCTYPE(
        py, py, py, ctypes.c_int, pointer, pointer, pointer, ctypes.c_int, pointer
    )(where["PyArray_NewFromDescr"])
    set_base = ctypes.PYFUNCTYPE(ctypes.c_int, py, py)(where["PyArray_SetBaseObject"])
    dims, steps = ((ctypes.c_ssize_t * n)(*numbers) for numbers in (shape, strides))
    data = address_of(source) + offset
    flags = capi.WRITEABLE if writeable and source.flags.writeable else 0
    for stolen in (dtype, source):
        ctypes.pythonapi.Py_IncRef(py(stolen))
    made: np.ndarray[Any, Any] = new(np.ndarray, dtype, n, dims, steps, data, flags, None)
    set_base(made, source)
    return made


def assemble(structure: abi.Structure, leaves: list[Any]) -> Any:
    if structure is None:
        return None
    if isinstance(structure, int):
        return leaves[structure]
    if isinstance(structure, abi.Unflatten):
        parts = structure.parts
        found = leaves if parts is None else [assemble(part, leaves) for part in parts]
        return structure.build(tuple(found))
    assert isinstance(structure, abi.Container)
    children = [assemble(child, leaves) for child in structure.children]
    if structure.kind == "dict":
        return dict(zip(structure.keys, children, strict=True))
    if structure.kind == "record":
        made: Any = object.__new__(structure.cls or object)
        for name, value in zip(structure.keys, children, strict=True):
            object.__setattr__(made, name, value)
        return made
    if structure.kind == "tuple":
        return tuple.__new__(structure.cls or tuple, children)
    return children


class PortableCallable:
    """What `native_callable_type` makes natively: base of the class of jitted functions."""

    _miss: Callable[..., Any]
    _chain: tuple[Any, ...] = ()
    _parameters: CallParameters | None = None

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        places: Sequence[Any] | None = None if kwargs else args
        if self._parameters is not None:
            places = self._parameters.placed(args, kwargs)
        for specialisation in self._chain if places is not None else ():
            try:
                return specialisation.portable.call(places)
            except Miss:
                continue
        return self._miss(*args, **kwargs)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)
