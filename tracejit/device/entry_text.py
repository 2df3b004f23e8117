"""Writes the native entry of code for a GPU: guards, slots, the call and results of one signature.

It is the entry of the CPU (`python_entry/entry_text.py`) but for arrays, which are cupy's: their
fields are read where `fields` says, and results are made by cupy. What a call needs beyond that
(views among the results, arrays that the core allocates, NumPy arrays from outside) goes through
`entry.py`, which is Python.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from tracejit import abi
from tracejit.device.fields import Fields
from tracejit.ir.results import ArgOut, ArrayOut, PythonOut, StaticOut
from tracejit.llvm_text.nested import plain
from tracejit.python_entry.entry_results import ResultWriter
from tracejit.python_entry.entry_text import ENV_HOST, EntryText

#: C functions of the driver: the current stream, and the current device.
NATIVES = ("tj_device_stream", "tj_device_number")
DECLARATIONS = """
declare ptr @tj_device_stream()
declare i32 @tj_device_number(i32)
declare { i64, i1 } @llvm.smul.with.overflow.i64(i64, i64)
declare ptr @PyTuple_New(i64)
declare i32 @PyTuple_SetItem(ptr, i64, ptr)
declare void @PyErr_Fetch(ptr, ptr, ptr)
declare void @PyErr_Restore(ptr, ptr, ptr)
"""
_HELPERS = """
; Calls a function with the address of a context. An exception that is set stays so, unless the call
; raises another: then it is false.
define internal i1 @tj_with_context(ptr %function, ptr %ctx) noinline optnone nounwind {
entry:
  %kind = alloca ptr
  %error = alloca ptr
  %trace = alloca ptr
  call void @PyErr_Fetch(ptr %kind, ptr %error, ptr %trace)
  %k = load ptr, ptr %kind
  %e = load ptr, ptr %error
  %t = load ptr, ptr %trace
  %where = ptrtoint ptr %ctx to i64
  %number = call ptr @PyLong_FromLongLong(i64 %where)
  br i1 (icmp eq ptr %number, null), label %other, label %call
call:
  %made = call ptr @PyObject_CallOneArg(ptr %function, ptr %number)
  call void @Py_DecRef(ptr %number)
  br i1 (icmp eq ptr %made, null), label %other, label %same
same:
  call void @Py_DecRef(ptr %made)
  call void @PyErr_Restore(ptr %k, ptr %e, ptr %t)
  ret i1 true
other:
  call void @Py_DecRef(ptr %k)
  call void @Py_DecRef(ptr %e)
  call void @Py_DecRef(ptr %t)
  ret i1 false
}

; A new cupy array, and its address: null with an exception set, where it cannot be made.
define internal ptr @tj_cupy_array(ptr %class, ptr %empty, ptr %init, ptr %allocate, ptr %descr,
                                   i64 %bytes, i64 %n, ptr %dims, ptr %address)
    noinline optnone nounwind {
entry:
  %args = alloca [4 x ptr]
  %some = icmp sgt i64 %bytes, 0
  %size = select i1 %some, i64 %bytes, i64 1
  %number = call ptr @PyLong_FromLongLong(i64 %size)
  br i1 (icmp eq ptr %number, null), label %fail, label %sized
sized:
  %memory = call ptr @PyObject_CallOneArg(ptr %allocate, ptr %number)
  call void @Py_DecRef(ptr %number)
  br i1 (icmp eq ptr %memory, null), label %fail, label %shaped
shaped:
  %shape = call ptr @PyTuple_New(i64 %n)
  br i1 (icmp eq ptr %shape, null), label %drop, label %head
head:
  %k = phi i64 [ 0, %shaped ], [ %k1, %put ]
  br i1 (icmp ult i64 %k, %n), label %item, label %make
item:
  %dim = load i64, ptr %dims[i64 %k]
  %one = call ptr @PyLong_FromLongLong(i64 %dim)
  br i1 (icmp eq ptr %one, null), label %unshape, label %put
put:
  %status = call i32 @PyTuple_SetItem(ptr %shape, i64 %k, ptr %one)
  %k1 = add i64 %k, 1
  br label %head
make:
  %where = load i64, ptr %memory[i8 ADDRESS]
  store i64 %where, ptr %address
  %made = call ptr @PyObject_CallOneArg(ptr %empty, ptr %class)
  br i1 (icmp eq ptr %made, null), label %unshape, label %fill
fill:
  store ptr %made, ptr %args
  store ptr %shape, ptr %args[i64 1]
  store ptr %descr, ptr %args[i64 2]
  store ptr %memory, ptr %args[i64 3]
  %none = call ptr @PyObject_Vectorcall(ptr %init, ptr %args, i64 4, ptr null)
  br i1 (icmp eq ptr %none, null), label %unmake, label %done
done:
  call void @Py_DecRef(ptr %none)
  call void @Py_DecRef(ptr %shape)
  call void @Py_DecRef(ptr %memory)
  ret ptr %made
unmake:
  call void @Py_DecRef(ptr %made)
  br label %unshape
unshape:
  call void @Py_DecRef(ptr %shape)
  br label %drop
drop:
  call void @Py_DecRef(ptr %memory)
  br label %fail
fail:
  ret ptr null
}
"""


def is_native(signature: abi.Signature) -> bool:
    """Whether calls by a signature can go through an entry of this kind."""
    if signature.rollback is not None:
        return False
    checked = (abi.IdentityParam, abi.TypeParam)
    hidden = all(isinstance(h.param, checked) for h in signature.hidden)
    kinds = (abi.ArrayParam, abi.ScalarParam, abi.IdentityParam, abi.EqualParam, abi.TypeParam)
    if not hidden or not all(isinstance(p, kinds) for p in signature.params):
        return False
    for result in signature.results:
        if isinstance(result, abi.ArrayResult) and result.core_allocates:
            return False
    return all(_is_made(signature, out) for out in signature.outs)


def _is_made(signature: abi.Signature, out: object) -> bool:
    if isinstance(out, ArrayOut):
        return isinstance(signature.results[out.index], abi.ArrayResult)
    return isinstance(out, PythonOut | ArgOut | StaticOut)


class DeviceEntryText(EntryText):
    """The text of one entry (`text`) and the objects that its environment holds (`env`).

    ``new``: the two calls that make an array (`fields.new_array`). ``allocates``: whether the core
    takes device memory. ``around``: called with the address of the
    context before and after the core, where it asks for cuBLAS; otherwise None.
    """

    def __init__(
        self,
        signature: abi.Signature,
        fields: Fields,
        device: int,
        array: type,
        new: tuple[Any, Any],
        allocate: Any,
        allocates: bool,
        around: tuple[Any, Any] | None,
    ) -> None:
        self.fields, self.device, self.array, self.new = fields, device, array, new
        self.allocate, self.allocates, self.around = allocate, allocates, around
        self._addresses: dict[int, str] = {}
        super().__init__(signature)
        self.text = plain(_HELPERS).replace("ADDRESS", str(fields.address)) + self.text

    def _results(self) -> ResultWriter:
        return _Results(self)

    def _guard_array(self, k: int, param: abi.ArrayParam) -> None:
        w, o, at = self.w, self.objects[k], self.fields
        kind = w.load_at("ptr", o, 8)
        w.guard(w.op(f"icmp eq ptr {kind}, {w.env_load(self.array)}"))
        self._guard_dtype(w.load_at("ptr", o, at.dtype), param.dtype)
        pointer = w.load_at("ptr", o, at.data)
        device = w.load_at("i32", pointer, at.device)
        first, end = (w.load_at("i64", o, at.shape + 8 * word) for word in (0, 1))
        size = w.op(f"sub i64 {end}, {first}")
        rank = w.op(f"icmp eq i64 {size}, {8 * len(param.shape)}")
        w.guard_all([rank, w.op(f"icmp eq i32 {device}, {self.device}")])
        address = w.load_at("i64", pointer, at.address)
        self._addresses[k] = address
        w.store(f"i64 {address}", "%slots", self.layout.params[k].data)
        self._guard_sizes(k, param)

    def _guard_sizes(self, k: int, param: abi.ArrayParam) -> None:
        """Extents and strides; arrays without elements are looked at in Python."""
        w, o, slots = self.w, self.objects[k], self.layout.params[k]
        dims = w.load_at("ptr", o, self.fields.shape)
        strides = w.load_at("ptr", o, self.fields.strides)
        checks, extents = [], []
        for axis, wanted in enumerate(param.shape):
            extent = w.load_at("i64", dims, 8 * axis)
            w.values[abi.AxisLength(k, axis)] = extent
            extents.append(extent)
            if wanted is None:
                w.store(f"i64 {extent}", "%slots", slots.extents[axis])
                checks.append(w.op(f"icmp ne i64 {extent}, 0"))
            else:
                checks.append(w.op(f"icmp eq i64 {extent}, {wanted}"))
        found = [w.load_at("i64", strides, 8 * axis) for axis in range(len(extents))]
        for axis, stride in enumerate(param.stride_axes()):
            w.values[abi.Stride(k, axis)] = found[axis]
            if stride is None:
                w.store(f"i64 {found[axis]}", "%slots", slots.strides[axis])
                rest = w.op(f"srem i64 {found[axis]}, {param.dtype.itemsize}")
                checks.append(w.op(f"icmp eq i64 {rest}, 0"))
            elif not isinstance(param.strides, str) and param.shape[axis] not in (0, 1):
                checks.append(w.op(f"icmp eq i64 {found[axis]}, {stride}"))
        if isinstance(param.strides, str):
            checks += self._side_by_side(param, extents, found)
        w.guard_all(checks)

    def _side_by_side(
        self, param: abi.ArrayParam, extents: list[str], strides: list[str]
    ) -> list[str]:
        """That elements lie in an order, "C" or "F"; an axis of one element may have any stride."""
        w, checks = self.w, []
        axes = range(len(extents)) if param.strides == "F" else reversed(range(len(extents)))
        running = str(param.dtype.itemsize)
        for axis in axes:
            one = w.op(f"icmp eq i64 {extents[axis]}, 1")
            same = w.op(f"icmp eq i64 {strides[axis]}, {running}")
            checks.append(w.op(f"or i1 {one}, {same}"))
            running = w.op(f"mul i64 {running}, {extents[axis]}")
        return checks

    def _bounds(self, k: int) -> tuple[str, str]:
        w, param = self.w, self.signature.all_params[k]
        assert isinstance(param, abi.ArrayParam)
        low = self._addresses[k]
        high = w.op(f"add i64 {low}, {param.dtype.itemsize}")
        for axis in range(len(param.shape)):
            extent, stride = (w.values[term(k, axis)] for term in (abi.AxisLength, abi.Stride))
            span = w.op(f"mul i64 {w.op(f'sub i64 {extent}, 1')}, {stride}")
            down = w.op(f"icmp slt i64 {span}, 0")
            under, over = (
                w.op(f"select i1 {down}, i64 {a}, i64 {b}") for a, b in ((span, 0), (0, span))
            )
            low, high = w.op(f"add i64 {low}, {under}"), w.op(f"add i64 {high}, {over}")
        return low, high

    def _data(self, k: int) -> str:
        return self.w.op(f"inttoptr i64 {self._addresses[k]} to ptr")

    def _call(self, core: str) -> None:
        w = self.w
        for word in range(abi.CTX_WORDS):
            if word not in (abi.CTX_HOST, abi.CTX_STREAM, abi.CTX_ALLOCATE):
                w.store("i64 0", "%ctx", word)
        w.store(f"ptr {w.env_at(ENV_HOST)}", "%ctx", abi.CTX_HOST)
        stream = w.op("call ptr @tj_device_stream()")
        w.store(f"ptr {stream}", "%ctx", abi.CTX_STREAM)
        allocate = w.env_load(self.allocate) if self.allocates else "null"
        w.store(f"ptr {allocate}", "%ctx", abi.CTX_ALLOCATE)
        self._around(0)
        status = w.op(f"call i32 @{core}(ptr %ctx, ptr %slots)")
        if self.allocates:
            kept = w.load_at("ptr", "%ctx", 8 * abi.CTX_MEMORY)
            some = w.op(f"icmp ne ptr {kept}, null")
            w.choose(some, f"call void @Py_DecRef(ptr {kept})")
        self._around(1)
        w.guard(w.op(f"icmp eq i32 {status}, 0"), otherwise="failed")

    def _around(self, which: int) -> None:
        """What comes before (0) and after (1) a core that asks for cuBLAS."""
        if self.around is not None:
            function = self.w.env_load(self.around[which])
            done = self.w.op(f"call i1 @tj_with_context(ptr {function}, ptr %ctx)")
            self.w.guard(done, otherwise="unwind")

    def _allocate_frame(self, leaves: int) -> None:
        super()._allocate_frame(leaves)
        w = self.w
        current = w.op("call i32 @tj_device_number(i32 0)")
        w.guard(w.op(f"icmp eq i32 {current}, {self.device}"))


class _Results(ResultWriter):
    """Results that are cupy's arrays, and numbers."""

    def __init__(self, entry: DeviceEntryText) -> None:
        super().__init__(entry.w, entry.signature, entry.layout, entry.objects)
        self.entry = entry
        self._addresses: dict[str, str] = {}

    def _new(self, dtype: abi.DType, dims: list[str]) -> str:
        w, bytes_ = self.w, str(dtype.itemsize)
        for dim in dims:
            pair = w.op(f"call {{ i64, i1 }} @llvm.smul.with.overflow.i64(i64 {bytes_}, i64 {dim})")
            size, over = (w.op(f"extractvalue {{ i64, i1 }} {pair}, {part}") for part in (0, 1))
            bytes_ = w.op(f"select i1 {over}, i64 {2**63 - 1}, i64 {size}")  # no memory: an error
        cell, block = w.alloca("i64"), self._block(dims)
        # Of a letter cupy makes less; the letters of dtypes from outside are not NumPy's.
        kind = dtype.char if dtype.isbuiltin == 1 and np.dtype(dtype.char) == dtype else dtype
        entry = self.entry
        making = (entry.array, *entry.new, entry.allocate, kind)
        objects = [w.env_load(x) for x in making]
        given = ", ".join(f"ptr {x}" for x in objects)
        made = w.op(
            f"call ptr @tj_cupy_array({given}, i64 {bytes_}, i64 {len(dims)}, ptr {block}, "
            f"ptr {cell})"
        )
        self._addresses[made] = cell
        return made

    def _data_of(self, made: str) -> str:
        return self.w.op(f"load ptr, ptr {self._addresses[made]}")


def calls(core: str, function: str) -> bool:
    """Whether the text of a core calls a function."""
    return re.search(rf"call [^\n]*@{function}\(", core) is not None
