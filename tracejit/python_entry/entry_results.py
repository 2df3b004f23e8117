"""The result half of a native entry: allocate what is known at entry, box what comes back."""

from __future__ import annotations

from tracejit import abi
from tracejit.dtypes import is_complex, is_unsigned
from tracejit.python_entry.entry_writer import Writer


class ResultWriter:
    """Emits a signature's results. `answer` is the object that the entry returns."""

    def __init__(
        self, writer: Writer, signature: abi.Signature, layout: abi.SlotLayout, objects: list[str]
    ) -> None:
        self.w = writer
        self.signature = signature
        self.layout = layout
        self.objects = objects
        self.leaves: list[str | None] = [None] * len(signature.results)
        self.answer = "null"

    def allocate(self) -> None:
        """Before the call: arrays whose shape is known, and their pointers into the slots."""
        w = self.w
        for k, result in enumerate(self.signature.results):
            if not isinstance(result, abi.ArrayResult) or result.core_allocates:
                continue
            self._keep(k, self._new(result.dtype, self._dims(k, result)), otherwise="drop")
            data = w.load_at("ptr", self.leaves[k] or "", 16)
            w.store(f"ptr {data}", "%slots", self.layout.results[k].data)

    def _new(self, dtype: abi.DType, dims: list[str]) -> str:
        descr, block = self.w.env_load(dtype), self._block(dims)
        return self.w.op(f"call ptr @tj_new_array(ptr {descr}, i32 {len(dims)}, ptr {block})")

    def _keep(self, k: int, made: str, otherwise: str = "unwind") -> None:
        self.w.guard(self.w.op(f"icmp ne ptr {made}, null"), otherwise)
        self.w.store(f"ptr {made}", "%leaves", k)
        self.leaves[k] = made

    def _slot(self, kind: str, slot: int | None) -> str:
        assert slot is not None
        return self.w.load_at(kind, "%slots", 8 * slot)

    def _block(self, values: list[str]) -> str:
        """A block of i64 on the stack, filled with `values`."""
        if not values:
            return "null"
        block = self.w.alloca(f"[{len(values)} x i64]")
        for axis, value in enumerate(values):
            self.w.store(f"i64 {value}", block, axis)
        return block

    def _size(self, extent: abi.Expr) -> str:
        """An extent before the code has run: where it is negative, that fails in its own place."""
        found = self.w.expr(extent)
        if isinstance(extent, int | abi.AxisLength):
            return found
        return self.w.op(f"call i64 @llvm.smax.i64(i64 {found}, i64 0)")

    def _dims(self, k: int, result: abi.ArrayResult) -> list[str]:
        """A result's extents."""
        slots = self.layout.results[k]
        return [
            self._slot("i64", slots.extents[axis]) if extent is None else self._size(extent)
            for axis, extent in enumerate(result.shape)
        ]

    def build(self) -> None:
        """After the call: every leaf, then the structure around them."""
        for k, result in enumerate(self.signature.results):
            if isinstance(result, abi.ArrayResult):
                if result.core_allocates:
                    self._adopt(k, result)
            elif isinstance(result, abi.ScalarResult):
                self._keep(k, self._box(k, result))
            elif isinstance(result, abi.RankZeroResult):
                self._keep(k, self._rank_zero(k, result))
            elif isinstance(result, abi.UnboxedResult):
                continue
            elif isinstance(result, abi.ViewResult):
                self._keep(k, self._view(k, result))
            else:
                known = (
                    self.objects[result.param]
                    if isinstance(result, abi.ArgResult)
                    else self.w.env_load(result.value)
                )
                self.w.emit(f"call void @Py_IncRef(ptr {known})")
                self._keep(k, known)
        self._release_rest()
        self._assemble()

    def _adopt(self, k: int, result: abi.ArrayResult) -> None:
        w, dims = self.w, self._dims(k, result)
        data = self._slot("ptr", self.layout.results[k].data)
        descr = w.env_load(result.dtype)
        made = w.op(
            f"call ptr @tj_adopt(ptr %ctx, ptr {data}, ptr {descr}, i32 {len(dims)}, "
            f"ptr {self._block(dims)})"
        )
        self._keep(k, made)

    def _rank_zero(self, k: int, result: abi.RankZeroResult) -> str:
        """An array that gets the bits of a scalar."""
        w, slot = self.w, self.layout.results[k].data
        assert slot is not None
        made = self._new(result.dtype, [])
        w.guard(w.op(f"icmp ne ptr {made}, null"), "unwind")
        data = w.load_at("ptr", made, 16)
        parts = 2 if is_complex(result.dtype) else 1
        size = result.dtype.itemsize // parts
        for part in range(parts):
            bits = self._slot(f"i{8 * size}", slot + part)
            at = w.op(f"getelementptr i8, ptr {data}, i64 {size * part}")
            w.emit(f"store i{8 * size} {bits}, ptr {at}")
        return made

    def _view(self, k: int, result: abi.ViewResult) -> str:
        w = self.w
        source = self.leaves[result.source] if result.of_result else self.objects[result.source]
        for expr in (result.offset, *result.shape, *result.strides):
            self._know(expr)
        offset = w.expr(result.offset)
        dims = self._block([w.expr(x) for x in result.shape])
        strides = self._block([w.expr(x) for x in result.strides])
        return w.op(
            f"call ptr @tj_view(ptr {source}, ptr {w.env_load(result.dtype)}, "
            f"i32 {len(result.shape)}, ptr {dims}, ptr {strides}, i64 {offset}, "
            f"i1 {int(result.writeable)})"
        )

    def _know(self, expr: abi.Expr) -> None:
        """Load what an expression looks at of the core's results."""
        if isinstance(expr, abi.BinOp):
            self._know(expr.left)
            self._know(expr.right)
        elif isinstance(expr, abi.ResultOf | abi.ResultExtent) and expr not in self.w.values:
            at = self.layout.results[expr.result]
            slot = at.data if isinstance(expr, abi.ResultOf) else at.extents[expr.axis]
            self.w.values[expr] = self._slot("i64", slot)

    def _box(self, k: int, result: abi.ScalarResult) -> str:
        w, slot = self.w, self.layout.results[k].data
        assert slot is not None
        if result.kind is None:
            return self._box_numpy(result, slot)
        if result.kind == "float":
            return w.op(f"call ptr @PyFloat_FromDouble(double {self._slot('double', slot)})")
        if result.kind == "complex":
            parts = [self._slot("double", slot + part) for part in (0, 1)]
            return w.op(f"call ptr @PyComplex_FromDoubles(double {parts[0]}, double {parts[1]})")
        bits = self._slot("i64", slot)
        if result.kind == "int":
            sign = "Unsigned" if is_unsigned(result.dtype) else ""
            return w.op(f"call ptr @PyLong_From{sign}LongLong(i64 {bits})")
        true = w.op(f"icmp ne i64 {bits}, 0")
        made = w.op(f"select i1 {true}, ptr @Py_True, ptr @Py_False")
        w.emit(f"call void @Py_IncRef(ptr {made})")
        return made

    def _box_numpy(self, result: abi.ScalarResult, slot: int) -> str:
        w = self.w
        at = w.op(f"getelementptr i64, ptr %slots, i64 {slot}")
        if result.dtype.itemsize == 8 and is_complex(result.dtype):
            # Two slots of one f32 each; the scalar wants them side by side.
            imag = self._slot("i32", slot + 1)
            beside = w.op(f"getelementptr i32, ptr {at}, i64 1")
            w.emit(f"store i32 {imag}, ptr {beside}")
        descr = w.env_load(result.dtype)
        return w.op(f"call ptr @PyArray_Scalar(ptr {at}, ptr {descr}, ptr null)")

    def _release_rest(self) -> None:
        """Free what the core allocated and neither freed nor handed over."""
        w = self.w
        head = w.load_at("ptr", "%ctx", 8 * abi.CTX_OWNED)
        left = w.op(f"icmp ne ptr {head}, null")
        w.choose(left, "call void @tj_free_all(ptr %ctx)")

    def _assemble(self) -> None:
        w, structure = self.w, self.signature.structure
        count = len(self.leaves)
        if isinstance(structure, int) and count == 1:
            self.answer = self.leaves[structure] or "null"  # the reference moves to the caller
            return
        made = self._structure(structure)
        w.guard(w.op(f"icmp ne ptr {made}, null"), otherwise="drop")
        if count:
            w.emit(f"call void @tj_decref_all(ptr %leaves, i64 {count})")
        self.answer = made

    def _structure(self, structure: abi.Structure) -> str:
        """A new reference to the assembled object, or null."""
        w = self.w
        if structure is None or isinstance(structure, int):
            made = "@Py_None" if structure is None else self.leaves[structure]
            w.emit(f"call void @Py_IncRef(ptr {made})")
            return str(made)
        if isinstance(structure, abi.Unflatten):
            args = w.alloca("ptr")
            objects = [None if leaf is None else k for k, leaf in enumerate(self.leaves)]
            leaves = self._container("list", [self._structure(k) for k in objects])
            w.emit(f"store ptr {leaves}, ptr {args}")
            w.guard(w.op(f"icmp ne ptr {leaves}, null"), otherwise="drop")
            build = w.env_load(structure.build)
            made = w.op(f"call ptr @PyObject_Vectorcall(ptr {build}, ptr {args}, i64 1, ptr null)")
            w.emit(f"call void @Py_DecRef(ptr {leaves})")
            return made
        items = [self._structure(child) for child in structure.children]
        return self._container(structure.kind, items, structure.keys)

    def _container(self, kind: str, items: list[str], keys: tuple[object, ...] = ()) -> str:
        w = self.w
        block = w.alloca(f"[{max(1, len(items))} x ptr]")
        for k, item in enumerate(items):
            w.store(f"ptr {item}", block, k)
        at = w.env_run(keys) if keys else "null"
        return w.op(f"call ptr @tj_{kind}(ptr {at}, ptr {block}, i64 {len(items)})")
