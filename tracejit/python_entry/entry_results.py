"""The result half of a native entry: allocate what is known at entry, box what comes back."""

from __future__ import annotations

from tracejit import abi
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
            dims, strides = self._geometry(k, result)
            made = w.op(
                f"call ptr @tj_new_array(ptr {w.env_load(result.dtype)}, i32 {len(result.shape)}, "
                f"ptr {dims}, ptr {strides})"
            )
            self._keep(k, made, otherwise="drop")
            w.store(f"ptr {w.load_at('ptr', made, 16)}", "%slots", self.layout.results[k].data)

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
        if isinstance(extent, int | abi.Extent):
            return found
        return self.w.op(f"call i64 @llvm.smax.i64(i64 {found}, i64 0)")

    def _geometry(self, k: int, result: abi.ArrayResult) -> tuple[str, str]:
        """Pointers to a result's extents and strides (null strides: C order)."""
        w, slots = self.w, self.layout.results[k]
        extents = [
            self._slot("i64", slots.extents[axis]) if extent is None else self._size(extent)
            for axis, extent in enumerate(result.shape)
        ]
        dims = self._block(extents)
        if result.axis_order is None or not extents:
            return dims, "null"
        strides = [""] * len(extents)
        running = str(result.dtype.itemsize)
        for axis in reversed(result.axis_order):
            strides[axis] = running
            # As NumPy: an empty axis does not make the strides of the others zero.
            some = w.op(f"call i64 @llvm.smax.i64(i64 {extents[axis]}, i64 1)")
            running = w.op(f"mul i64 {running}, {some}")
        return dims, self._block(strides)

    def build(self) -> None:
        """After the call: every leaf, then the structure around them."""
        for k, result in enumerate(self.signature.results):
            if isinstance(result, abi.ArrayResult):
                if result.core_allocates:
                    self._adopt(k, result)
            elif isinstance(result, abi.ScalarResult):
                self._keep(k, self._box(k, result))
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
        w = self.w
        dims, strides = self._geometry(k, result)
        data = self._slot("ptr", self.layout.results[k].data)
        descr = w.env_load(result.dtype)
        made = w.op(
            f"call ptr @tj_adopt(ptr %ctx, ptr {data}, ptr {descr}, i32 {len(result.shape)}, "
            f"ptr {dims}, ptr {strides})"
        )
        self._keep(k, made)

    def _view(self, k: int, result: abi.ViewResult) -> str:
        w, slots = self.w, self.layout.results[k]
        source = self.leaves[result.source] if result.of_result else self.objects[result.source]

        def known(value: abi.Expr | None, slot: int | None) -> str:
            return self._slot("i64", slot) if value is None else w.expr(value)

        offset = known(result.offset, slots.data)
        dims = self._block([known(*x) for x in zip(result.shape, slots.extents, strict=True)])
        strides = self._block([known(*x) for x in zip(result.strides, slots.strides, strict=True)])
        return w.op(
            f"call ptr @tj_view(ptr {source}, ptr {w.env_load(result.dtype)}, "
            f"i32 {len(result.shape)}, ptr {dims}, ptr {strides}, i64 {offset})"
        )

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
            sign = "Unsigned" if result.dtype.kind == "u" else ""
            return w.op(f"call ptr @PyLong_From{sign}LongLong(i64 {bits})")
        true = w.op(f"icmp ne i64 {bits}, 0")
        made = w.op(f"select i1 {true}, ptr @Py_True, ptr @Py_False")
        w.emit(f"call void @Py_IncRef(ptr {made})")
        return made

    def _box_numpy(self, result: abi.ScalarResult, slot: int) -> str:
        w = self.w
        at = w.op(f"getelementptr i64, ptr %slots, i64 {slot}")
        if result.dtype.itemsize == 8 and result.dtype.kind == "c":
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
            leaves = self._container("list", [self._structure(k) for k in range(len(self.leaves))])
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
