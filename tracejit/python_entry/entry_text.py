"""Writes the native entry of one signature: guards, slots, the call, results, as LLVM text.

The entry is `ptr entry(ptr args, i64 nargs, ptr env)`: a new reference, null with an exception
set, or `MISS`. `env` is an array of pointers to the Python objects that the code needs
(`EntryText.env`), so that the text itself holds no address and can be cached.

References: arguments are the caller's for the whole call. Hidden parameters are fetched first,
before any array is looked at, because fetching can run Python code; they and the results made so
far are dropped on every way out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit import abi
from tracejit.abi import capi
from tracejit.dtypes import is_complex, is_from_outside, is_integer, is_signed
from tracejit.python_entry import boxing_text
from tracejit.python_entry.entry_params import contiguity, is_binding
from tracejit.python_entry.entry_results import ResultWriter
from tracejit.python_entry.entry_writer import Writer
from tracejit.python_entry.fetching import Fetching

ENV_ERRORS, ENV_HOST = 0, 1
#: Last word of the environment of an entry with errors that can be misses: whether they are.
ARMED = True

_RELATIONS = {"eq": "eq", "ne": "ne", "lt": "slt", "le": "sle", "gt": "sgt", "ge": "sge"}

DECLARATIONS = """
declare i64 @llvm.smax.i64(i64, i64)
@Py_None = external global i8
@Py_True = external global i8
@Py_False = external global i8
@Py_Long_Type = external global i8
@Py_Float_Type = external global i8
@Py_Complex_Type = external global i8
@PyArray_Type = external global i8
declare ptr @PyArray_Scalar(ptr, ptr, ptr)
declare ptr @PyCell_Get(ptr)
declare ptr @PyFunction_GetCode(ptr)
declare ptr @PyFunction_GetDefaults(ptr)
declare ptr @_PyType_Lookup(ptr, ptr)
declare ptr @PyComplex_FromDoubles(double, double)
declare double @PyComplex_ImagAsDouble(ptr)
declare double @PyComplex_RealAsDouble(ptr)
declare ptr @PyDict_GetItemWithError(ptr, ptr)
declare void @PyErr_Clear()
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare double @PyFloat_AsDouble(ptr)
declare ptr @PyFloat_FromDouble(double)
declare i64 @PyLong_AsLongLongAndOverflow(ptr, ptr)
declare ptr @PyLong_FromLongLong(i64)
declare ptr @PyLong_FromUnsignedLongLong(i64)
declare ptr @PyObject_CallNoArgs(ptr)
declare ptr @PyObject_CallOneArg(ptr, ptr)
declare ptr @PyObject_GetAttr(ptr, ptr)
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare ptr @PyList_New(i64)
declare ptr @PySet_New(ptr)
declare ptr @PyTuple_New(i64)
declare void @Py_DecRef(ptr)
declare void @Py_IncRef(ptr)
"""


class EntryText(Fetching):
    """The text of one entry (`text`) and the objects that its environment holds (`env`)."""

    def __init__(
        self,
        signature: abi.Signature,
        core: str = "core",
        name: str = "entry",
        rejecting: Sequence[int] = (),
    ) -> None:
        self.signature = signature
        self.rejecting = rejecting
        self.layout = abi.layout(signature)
        super().__init__(Writer(), [h for h in signature.hidden if is_binding(h)])
        #: References that the entry owns: other hidden parameters, then what a rollback saved.
        self.held = len(signature.hidden) - len(self.bindings) + (signature.rollback is not None)
        self._write(core)
        self.env = self.w.env
        # Not optimised: that would cost 9 ms a compilation and save 1 ns a call (measured).
        attributes = "noinline optnone nounwind"
        head = f"define ptr @{name}(ptr %args, i64 %nargs, ptr %env) {attributes} {{"
        body = [head, *self.w.frame, *self.w.lines, "}"]
        self.text = "\n".join([*self.w.constants, *body])

    def _write(self, core: str) -> None:
        s, w = self.signature, self.w
        results = self._results()
        self._allocate_frame(results.count)
        w.guard(w.op(f"icmp eq i64 %nargs, {len(s.params)}"))
        for k, param in enumerate(s.params):
            self.objects.append(w.load_at("ptr", "%args", 8 * k))
            if isinstance(param, abi.TypeParam):
                self._guard_param(k, param)  # before its attributes are read
        self._guard_bindings()
        number = 0
        for hidden in s.hidden:
            if is_binding(hidden):
                self.objects.append("null")
            else:
                self._fetch(number, hidden.source)
                number += 1
        for k, param in enumerate(s.all_params):
            if k < len(s.params) or not is_binding(s.hidden[k - len(s.params)]):
                self._guard_param(k, param)
        self._guard_relations()
        results.allocate()
        self._call(core)
        results.build()
        self._exits(results)

    def _results(self) -> ResultWriter:
        return ResultWriter(self.w, self.signature, self.layout, self.objects)

    def _allocate_frame(self, leaves: int) -> None:
        w = self.w
        w.emit(f"%ctx = alloca [{abi.CTX_WORDS} x i64], align 64")
        w.emit(f"%slots = alloca [{max(1, self.layout.count)} x i64], align 64")
        w.emit(f"%leaves = alloca [{max(1, leaves)} x ptr]")
        w.emit(f"%hidden = alloca [{max(1, self.held)} x ptr]")
        w.emit("%overflow = alloca i32")
        for block, words in (("%leaves", leaves), ("%hidden", self.held)):
            for k in range(words):
                w.store("ptr null", block, k)

    def _guard_param(self, k: int, param: abi.Param) -> None:
        if isinstance(param, abi.ArrayParam):
            self._guard_array(k, param)
        elif isinstance(param, abi.ScalarParam):
            self._guard_scalar(k, param)
        elif isinstance(param, abi.IdentityParam):
            wanted = self.w.env_load(param.value)
            self.w.guard(self.w.op(f"icmp eq ptr {self.objects[k]}, {wanted}"))
            self._guard_class(param)
        elif isinstance(param, abi.EqualParam):
            wanted = self.w.env_load(param.value)
            self.w.guard(self.w.op(f"call i1 @tj_alike(ptr {self.objects[k]}, ptr {wanted})"))
        elif isinstance(param, abi.TypeParam | abi.AddressParam):
            kind = self.w.load_at("ptr", self.objects[k], 8)
            self.w.guard(self.w.op(f"icmp eq ptr {kind}, {self.w.env_load(param.cls)}"))
            if isinstance(param, abi.AddressParam):
                slot = self.layout.params[k].data
                assert slot is not None
                self.w.store(f"ptr {self.objects[k]}", "%slots", slot)

    def _guard_array(self, k: int, param: abi.ArrayParam) -> None:
        w, o = self.w, self.objects[k]
        w.guard_type(o, "@PyArray_Type")
        self._guard_dtype(w.load_at("ptr", o, capi.DESCR), param.dtype)
        nd = w.load_at("i32", o, capi.NDIM)
        right_nd = w.op(f"icmp eq i32 {nd}, {len(param.shape)}")
        mask = capi.ALIGNED | (capi.WRITEABLE if param.writable else 0)
        if (contiguous := contiguity(param)) is not None:
            mask |= capi.C_CONTIGUOUS if contiguous == "C" else capi.F_CONTIGUOUS
        looked_at = mask | (capi.WRITEABLE if param.frozen else 0)
        flags = w.op(f"and i32 {w.load_at('i32', o, capi.FLAGS)}, {looked_at}")
        w.guard(w.op(f"and i1 {right_nd}, {w.op(f'icmp eq i32 {flags}, {mask}')}"))
        slots = self.layout.params[k]
        w.store(f"ptr {w.load_at('ptr', o, capi.DATA)}", "%slots", slots.data)
        self._guard_extents(k, param, contiguous)

    def _guard_dtype(self, found: str, dtype: abi.DType) -> None:
        w = self.w
        if is_from_outside(dtype):  # its number is another in each process
            kind = w.load_at("ptr", found, capi.DESCR_TYPE)
            order = w.load_at("i8", found, capi.DESCR_BYTEORDER)
            same = w.op(f"icmp eq ptr {kind}, {w.env_load(dtype.type)}")
            w.guard_all([same, w.op(f"icmp ne i8 {order}, {ord('>')}")])
            return
        usual = w.op(f"icmp eq ptr {found}, {w.env_load(dtype)}")
        rare, done = w.label("other_dtype"), w.label("dtype")
        w.emit(f"br i1 {usual}, label %{done}, label %{rare}")
        w.block(rare)
        twin = capi.TWIN_NUMBERS.get(dtype.num, dtype.num)
        same = w.op(f"call i1 @tj_same_dtype(ptr {found}, i32 {dtype.num}, i32 {twin})")
        w.emit(f"br i1 {same}, label %{done}, label %miss")
        w.block(done)

    def _guard_extents(self, k: int, param: abi.ArrayParam, contiguous: str | None) -> None:
        w, slots = self.w, self.layout.params[k]
        dims = w.load_at("ptr", self.objects[k], capi.DIMS)
        strides = w.load_at("ptr", self.objects[k], capi.STRIDES)
        checks = []
        for axis, wanted in enumerate(param.shape):
            extent = w.load_at("i64", dims, 8 * axis)
            w.values[abi.AxisLength(k, axis)] = extent
            if wanted is None:
                w.store(f"i64 {extent}", "%slots", slots.extents[axis])
            else:
                checks.append(w.op(f"icmp eq i64 {extent}, {wanted}"))
        for axis, stride in enumerate(param.stride_axes()):
            found = w.load_at("i64", strides, 8 * axis)
            w.values[abi.Stride(k, axis)] = found
            if stride is None:
                w.store(f"i64 {found}", "%slots", slots.strides[axis])
            elif contiguous is None and param.shape[axis] not in (0, 1):
                # NumPy gives an axis of length 0 or 1 any stride; nothing reads it.
                checks.append(w.op(f"icmp eq i64 {found}, {stride}"))
        w.guard_all(checks)

    def _guard_scalar(self, k: int, param: abi.ScalarParam) -> None:
        w, o = self.w, self.objects[k]
        slot = self.layout.params[k].data
        assert slot is not None
        if param.kind == "int":
            w.guard_type(o, "@Py_Long_Type")
            value = w.op(f"call i64 @PyLong_AsLongLongAndOverflow(ptr {o}, ptr %overflow)")
            w.guard(w.op(f"icmp eq i32 {w.op('load i32, ptr %overflow')}, 0"))
            w.values[abi.ScalarOf(k)] = value
            w.store(f"i64 {value}", "%slots", slot)
        elif param.kind == "bool":
            true = w.op(f"icmp eq ptr {o}, @Py_True")
            false = w.op(f"icmp eq ptr {o}, @Py_False")
            w.guard(w.op(f"or i1 {true}, {false}"))
            w.store(f"i64 {w.op(f'zext i1 {true} to i64')}", "%slots", slot)
        elif param.kind == "float":
            w.guard_type(o, "@Py_Float_Type")
            w.store(f"double {w.op(f'call double @PyFloat_AsDouble(ptr {o})')}", "%slots", slot)
        elif param.kind == "complex":
            w.guard_type(o, "@Py_Complex_Type")
            for part, at in (("Real", slot), ("Imag", slot + 1)):
                value = w.op(f"call double @PyComplex_{part}AsDouble(ptr {o})")
                w.store(f"double {value}", "%slots", at)
        else:
            self._guard_numpy_scalar(k, param, slot)

    def _guard_numpy_scalar(self, k: int, param: abi.ScalarParam, slot: int) -> None:
        w, o, dtype = self.w, self.objects[k], param.dtype
        kind = w.load_at("ptr", o, 8)
        right = w.op(f"icmp eq ptr {kind}, {w.env_load(dtype.type)}")
        if dtype.num in capi.TWIN_NUMBERS:
            twin = np.dtype(dtype.char.translate(str.maketrans("lqLQ", "qlQL"))).type
            other = w.op(f"icmp eq ptr {kind}, {w.env_load(twin)}")
            right = w.op(f"or i1 {right}, {other}")
        w.guard(right)
        parts = 2 if is_complex(dtype) else 1
        size = dtype.itemsize // parts
        for part in range(parts):
            raw = w.load_at(f"i{8 * size}", o, capi.SCALAR_VALUE + size * part)
            if size < 8:
                extend = "sext" if is_signed(dtype) else "zext"
                raw = w.op(f"{extend} i{8 * size} {raw} to i64")
            w.store(f"i64 {raw}", "%slots", slot + part)
            if is_integer(dtype):
                w.values[abi.ScalarOf(k)] = raw

    def _guard_relations(self) -> None:
        w, s = self.w, self.signature
        bounds: dict[int, tuple[str, str]] = {}
        for k in sorted({k for pair in s.disjoint for k in pair}):
            bounds[k] = self._bounds(k)
        checks = []
        for a, b in s.disjoint:
            before = w.op(f"icmp ule i64 {bounds[a][1]}, {bounds[b][0]}")
            after = w.op(f"icmp ule i64 {bounds[b][1]}, {bounds[a][0]}")
            checks.append(w.op(f"or i1 {before}, {after}"))
        for a, b in s.identical:
            checks += self._same_memory(a, b)
        for relation, pairs in (("eq", s.same), ("ne", s.distinct)):
            for a, b in pairs:
                one, other = self.objects[a], self.objects[b]
                checks.append(w.op(f"icmp {relation} ptr {one}, {other}"))
        for guard in s.guards:
            left, right = w.expr(guard.left), w.expr(guard.right)
            checks.append(w.op(f"icmp {_RELATIONS[guard.relation]} i64 {left}, {right}"))
        w.guard_all(checks)

    def _bounds(self, k: int) -> tuple[str, str]:
        """First byte and end of the memory that an array spans."""
        both = self.w.op(f"call {{ i64, i64 }} @tj_bounds(ptr {self.objects[k]})")
        low, high = (self.w.op(f"extractvalue {{ i64, i64 }} {both}, {at}") for at in (0, 1))
        return low, high

    def _data(self, k: int) -> str:
        return self.w.load_at("ptr", self.objects[k], capi.DATA)

    def _same_memory(self, a: int, b: int) -> list[str]:
        w, first = self.w, self.signature.all_params[a]
        assert isinstance(first, abi.ArrayParam)
        data = [self._data(k) for k in (a, b)]
        checks = [w.op(f"icmp eq ptr {data[0]}, {data[1]}")]
        for term in (abi.AxisLength, abi.Stride):
            for axis in range(len(first.shape)):
                x, y = w.values[term(a, axis)], w.values[term(b, axis)]
                checks.append(w.op(f"icmp eq i64 {x}, {y}"))
        return checks

    def _save(self, rollback: abi.Rollback) -> None:
        """Call ``save``, and keep what it says."""
        w, count = self.w, len(rollback.params)
        block = w.alloca(f"[{max(1, count)} x ptr]")
        for place, k in enumerate(rollback.params):
            w.store(f"ptr {self.objects[k]}", block, place)
        save = w.env_load(rollback.save)
        call = f"call ptr @PyObject_Vectorcall(ptr {save}, ptr {block}, i64 {count}, ptr null)"
        made = w.op(call)
        w.guard(w.op(f"icmp ne ptr {made}, null"), otherwise="drop")
        w.store(f"ptr {made}", "%hidden", self.held - 1)

    def _call(self, core: str) -> None:
        w, release = self.w, self.signature.release_gil
        if self.signature.rollback is not None:
            self._save(self.signature.rollback)
        for word in range(abi.CTX_WORDS):
            if word != abi.CTX_HOST:
                w.store("i64 0", "%ctx", word)
        w.store(f"ptr {w.env_at(ENV_HOST)}", "%ctx", abi.CTX_HOST)
        thread = "null"
        if release is True:
            thread = w.op("call ptr @PyEval_SaveThread()")
        elif isinstance(release, abi.WorkAbove):
            work = w.op(f"icmp sge i64 {w.expr(release.work)}, {release.minimum}")
            thread = w.choose(work, "call ptr @PyEval_SaveThread()")
        if release is not False:
            w.store(f"ptr {thread}", "%ctx", abi.CTX_THREAD)
        status = w.op(f"call i32 @{core}(ptr %ctx, ptr %slots)")
        if release is not False:
            # Read again: a core that polled or called the host may have another thread state saved.
            saved = w.load_at("ptr", "%ctx", 8 * abi.CTX_THREAD)
            held = w.op(f"icmp ne ptr {saved}, null")
            w.choose(held, f"call void @PyEval_RestoreThread(ptr {saved})")
        w.guard(w.op(f"icmp eq i32 {status}, 0"), otherwise="failed")

    def _exits(self, results: ResultWriter) -> None:
        w, n = self.w, self.held
        if n:
            w.emit(f"call void @tj_decref_all(ptr %hidden, i64 {n})")
        w.emit(f"ret ptr {results.answer}")
        w.block("failed")
        if self.rejecting:
            self._reject(results.count)
        w.emit(f"call void @tj_raise(ptr %ctx, ptr {w.env_at(ENV_ERRORS)})")
        w.emit("br label %unwind")
        w.block("unwind")
        w.emit("call void @tj_free_all(ptr %ctx)")
        w.emit("br label %drop")
        w.block("drop")
        for name, count in (("%leaves", results.count), ("%hidden", n)):
            if count:
                w.emit(f"call void @tj_decref_all(ptr {name}, i64 {count})")
        w.emit("ret ptr null")
        w.block("miss_clear")
        w.emit("call void @PyErr_Clear()")
        w.emit("br label %miss")
        w.block("miss")
        if n:
            w.emit(f"call void @tj_decref_all(ptr %hidden, i64 {n})")
        w.emit(f"ret ptr inttoptr (i64 {boxing_text.MISS} to ptr)")

    def _reject(self, leaves: int) -> None:
        """Errors that say that this code is not for these values: what it changed is put back; a
        miss, if the entry is armed."""
        w, rollback = self.w, self.signature.rollback
        restore = None if rollback is None else w.env_load(rollback.restore)
        w.env.append(ARMED)
        armed = w.op(f"icmp ne ptr {w.env_at(len(w.env) - 1)}, null")
        number = w.load_at("i64", "%ctx", 0)
        cases = " ".join(f"i64 {k}, label %rejected" for k in self.rejecting)
        w.emit(f"switch i64 {number}, label %raised [ {cases} ]")
        w.block("rejected")
        if restore is not None:
            saved = w.load_at("ptr", "%hidden", 8 * (self.held - 1))
            done = w.op(f"call ptr @PyObject_CallOneArg(ptr {restore}, ptr {saved})")
            w.guard(w.op(f"icmp ne ptr {done}, null"), otherwise="unwind")
            w.emit(f"call void @Py_DecRef(ptr {done})")
        w.emit(f"br i1 {armed}, label %given_up, label %raised")
        w.block("given_up")
        w.emit("call void @tj_free_all(ptr %ctx)")
        if leaves:
            w.emit(f"call void @tj_decref_all(ptr %leaves, i64 {leaves})")
        w.emit("br label %miss")
        w.block("raised")


def entry_text(
    signature: abi.Signature,
    core: str = "core",
    name: str = "entry",
    rejecting: Sequence[int] = (),
) -> tuple[str, list[Any]]:
    """The entry's LLVM text (without declarations) and the objects of its environment.

    Environment words 0 and 1 are the error builder and the host table, filled in by the caller.
    ``rejecting``: numbers of errors that are misses where the last word is not null.
    """
    made = EntryText(signature, core, name, rejecting)
    return made.text, made.env
