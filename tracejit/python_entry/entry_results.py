"""The result half of a native entry: allocate what is known at entry, box what comes back."""

from __future__ import annotations

from collections.abc import Sequence

from tracejit import abi
from tracejit.abi import capi
from tracejit.dtypes import is_complex, is_unsigned
from tracejit.ir.results import (
    ArgOut,
    ArrayOut,
    CopyOut,
    JoinOut,
    MadeOut,
    Out,
    PythonOut,
    ScalarOut,
    SelectOut,
    StaticOut,
    TextOut,
    ViewOut,
)
from tracejit.python_entry.entry_writer import Writer
from tracejit.python_entry.native_outs import leaf_or_tuple
from tracejit.python_entry.run_writer import RUNS, RunWriter, arrays_needed, heaps_in, number_part
from tracejit.python_entry.text_writer import TextWriter, field
from tracejit.python_entry.views import strided

#: Bytes of one result that may lie on the stack.
_MOST_ON_STACK = 1024


class ResultWriter:
    """Emits a signature's results. `answer` is the object that the entry returns.

    What the call holds until then stands in the block `%leaves` of `count` words: arrays that the
    core fills, then the other leaves.
    """

    def __init__(
        self, writer: Writer, signature: abi.Signature, layout: abi.SlotLayout, objects: list[str]
    ) -> None:
        self.w = writer
        self.signature = signature
        self.layout = layout
        self.objects = objects
        results = enumerate(signature.results)
        arrays = [k for k, result in results if isinstance(result, abi.ArrayResult)]
        self._places = {k: place for place, k in enumerate(arrays)}
        self._arrays: dict[int, str] = {}
        self.leaves: list[str] = []
        self._next = len(arrays)
        others = sum(not self._is_array(out) for out in signature.outs)
        self.count = len(arrays) + others + len(list(heaps_in(signature.outs)))
        #: The place of what is around the leaves, where the references to these move into it.
        self._around = self.count
        self._moves = moves(signature.structure)
        self.count += self._moves
        self._place_of: list[int] = []
        self._needed = arrays_needed(signature.outs)
        self._runs = RunWriter(
            writer, signature.results, self._column, self._column_dims, self._keep_next
        )
        self._texts = TextWriter(writer)
        self.answer = "null"

    def _is_array(self, out: Out) -> bool:
        """Whether it is memory that the core fills."""
        return isinstance(out, ArrayOut) and out.index in self._places

    def allocate(self) -> None:
        """Before the call: arrays whose shape is known, and their pointers into the slots."""
        w = self.w
        for k, result in enumerate(self.signature.results):
            if not isinstance(result, abi.ArrayResult) or result.core_allocates:
                continue
            if k not in self._needed and (size := _known_size(result)) is not None:
                block = w.alloca(f"[{max(1, size)} x i8], align 64")
                w.store(f"ptr {block}", "%slots", self.layout.results[k].data)
                continue
            made = self._new(result.dtype, self._dims(k, result))
            self._keep(self._places[k], made, otherwise="drop")
            self._arrays[k] = made
            w.store(f"ptr {self._data_of(made)}", "%slots", self.layout.results[k].data)

    def _new(self, dtype: abi.DType, dims: list[str]) -> str:
        descr, block = self.w.env_load(dtype), self._block(dims)
        return self.w.op(f"call ptr @tj_new_array(ptr {descr}, i32 {len(dims)}, ptr {block})")

    def _data_of(self, made: str) -> str:
        return self.w.load_at("ptr", made, 16)

    def _keep(self, place: int, made: str, otherwise: str = "unwind") -> None:
        self.w.guard(self.w.op(f"icmp ne ptr {made}, null"), otherwise)
        self.w.store(f"ptr {made}", "%leaves", place)

    def _keep_next(self, made: str) -> None:
        self._keep(self._next, made)
        self._next += 1

    def _column(self, k: int) -> str:
        """Where the memory of a result begins."""
        made = self._arrays.get(k)
        if made is None:
            return self._slot("ptr", self.layout.results[k].data)
        return self._data_of(made)

    def _column_dims(self, k: int) -> list[str]:
        result = self.signature.results[k]
        assert isinstance(result, abi.ArrayResult)
        return self._dims(k, result)

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
            if isinstance(result, abi.ArrayResult) and result.core_allocates and k in self._needed:
                self._adopt(k, result)
        for out in self.signature.outs:
            if isinstance(out, ArrayOut) and self._is_array(out):
                self.leaves.append(self._arrays[out.index])
                self._place_of.append(self._places[out.index])
                continue
            made = self._made(out)
            self._place_of.append(self._next)
            self._keep_next(made)
            self.leaves.append(made)
        self._release_rest()
        self._assemble()

    def _made(self, out: Out) -> str:
        """A new reference to what is made for a leaf, or null."""
        if isinstance(out, ArrayOut) and self._is_array(out):
            return self._another(self._arrays[out.index])
        if isinstance(out, ArrayOut):
            return self._rank_zero(*self._scalar(out.index))
        if isinstance(out, PythonOut):
            return self._box(out.kind, *self._scalar(out.index))
        if isinstance(out, ScalarOut):
            return self._box_numpy(*self._scalar(out.index))
        if isinstance(out, ViewOut):
            return self._view(out)
        if isinstance(out, RUNS):
            return self._runs.made(out, lambda k: self._slot("i64", self._scalar(k)[1]))
        if isinstance(out, TextOut):
            return self._text(out)
        if isinstance(out, JoinOut):
            return self._text_of(self._texts.alone(self._joined(out)))
        if isinstance(out, SelectOut):
            return self._select(out)
        if isinstance(out, MadeOut):
            inside = leaf_or_tuple(out)
            if isinstance(inside, tuple):
                return self._container("tuple", list(map(self._made, inside)))
            assert inside is not None
            return self._made(inside)
        if isinstance(out, CopyOut):
            return self.w.op(f"call ptr @PySet_New(ptr {self.w.env_load(out.value)})")
        assert isinstance(out, ArgOut | StaticOut), out
        known = self.objects[out.arg] if isinstance(out, ArgOut) else self.w.env_load(out.value)
        return self._another(known)

    def _another(self, known: str) -> str:
        """A new reference to an object."""
        self.w.emit(f"call void @Py_IncRef(ptr {known})")
        return known

    def _select(self, out: SelectOut) -> str:
        w = self.w
        found, done = w.alloca("ptr"), w.label("selected")
        which = {"then": out.then, "other": out.other}
        places = {name: w.label(name) for name in which}
        bits = self._slot("i64", self._scalar(out.index)[1])
        flag = w.op(f"icmp ne i64 {bits}, 0")
        w.emit(f"br i1 {flag}, label %{places['then']}, label %{places['other']}")
        for name, part in which.items():
            w.block(places[name])
            w.emit(f"store ptr {self._made(part)}, ptr {found}")
            w.emit(f"br label %{done}")
        w.block(done)
        return w.op(f"load ptr, ptr {found}")

    def _text(self, out: TextOut) -> str:
        """A text with values in it. What is no number of Python's is made first, and dropped."""
        parts = [self._shown(x, how) for x, how in zip(out.outs, out.make.between[1], strict=True)]
        made = [self._made(x) for x, part in zip(out.outs, parts, strict=True) if part is None]

        def write(places: Sequence[str]) -> str:
            rest = iter(places)
            found = [["i64 5", f"ptr {next(rest)}"] if part is None else part for part in parts]
            return self._text_of(self._texts.text(out.make.between, found))

        return self._texts.shown(made, write)

    def _text_of(self, words: str) -> str:
        return self.w.op(f"call ptr @tj_text_of(ptr {words}, i64 0)")

    def _joined(self, out: JoinOut) -> list[str]:
        part = self._runs.part(out.items.parts[0])
        return self._texts.joined(part, self._runs.count(out.items), out.between, out.backwards)

    def _shown(self, out: Out, how: str) -> list[str] | None:
        """The part of a text that is a number of Python's or texts in one; None of others."""
        if isinstance(out, PythonOut):
            dtype, slot = self._scalar(out.index)
            at = self.w.op(f"getelementptr i64, ptr %slots, i64 {slot}")
            return number_part(out.kind, dtype, at)
        if isinstance(out, JoinOut) and field(how) == (0, ""):
            return self._joined(out)
        return None

    def _scalar(self, k: int) -> tuple[abi.DType, int]:
        """Dtype and first slot of a number that the core stores."""
        result, slot = self.signature.results[k], self.layout.results[k].data
        assert isinstance(result, abi.ScalarResult)
        assert slot is not None
        return result.dtype, slot

    def _adopt(self, k: int, result: abi.ArrayResult) -> None:
        w, dims = self.w, self._dims(k, result)
        data = self._slot("ptr", self.layout.results[k].data)
        descr = w.env_load(result.dtype)
        made = w.op(
            f"call ptr @tj_adopt(ptr %ctx, ptr {data}, ptr {descr}, i32 {len(dims)}, "
            f"ptr {self._block(dims)})"
        )
        self._keep(self._places[k], made)
        self._arrays[k] = made

    def _rank_zero(self, dtype: abi.DType, slot: int) -> str:
        """An array that gets the bits of a scalar."""
        w = self.w
        made = self._new(dtype, [])
        w.guard(w.op(f"icmp ne ptr {made}, null"), "unwind")
        data = w.load_at("ptr", made, 16)
        parts = 2 if is_complex(dtype) else 1
        size = dtype.itemsize // parts
        for part in range(parts):
            bits = self._slot(f"i{8 * size}", slot + part)
            at = w.op(f"getelementptr i8, ptr {data}, i64 {size * part}")
            w.emit(f"store i{8 * size} {bits}, ptr {at}")
        return made

    def _view(self, out: ViewOut) -> str:
        w, view = self.w, strided(out, self.signature.all_params, self.signature.results)
        assert view is not None
        of = view.source
        source = self.objects[of.arg] if isinstance(of, ArgOut) else self._arrays[of.index]
        for expr in (view.offset, *view.shape, *view.strides):
            self._know(expr)
        offset = w.expr(view.offset)
        dims = self._block([w.expr(x) for x in view.shape])
        strides = self._block([w.expr(x) for x in view.strides])
        return w.op(
            f"call ptr @tj_view(ptr {source}, ptr {w.env_load(view.dtype)}, "
            f"i32 {len(view.shape)}, ptr {dims}, ptr {strides}, i64 {offset}, "
            f"i1 {int(view.writeable)})"
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

    def _box(self, kind: str, dtype: abi.DType, slot: int) -> str:
        """A number of Python's."""
        w = self.w
        if kind == "float":
            return w.op(f"call ptr @PyFloat_FromDouble(double {self._slot('double', slot)})")
        if kind == "complex":
            parts = [self._slot("double", slot + part) for part in (0, 1)]
            return w.op(f"call ptr @PyComplex_FromDoubles(double {parts[0]}, double {parts[1]})")
        bits = self._slot("i64", slot)
        if kind == "int":
            sign = "Unsigned" if is_unsigned(dtype) else ""
            return w.op(f"call ptr @PyLong_From{sign}LongLong(i64 {bits})")
        true = w.op(f"icmp ne i64 {bits}, 0")
        made = w.op(f"select i1 {true}, ptr @Py_True, ptr @Py_False")
        w.emit(f"call void @Py_IncRef(ptr {made})")
        return made

    def _box_numpy(self, dtype: abi.DType, slot: int) -> str:
        w = self.w
        at = w.op(f"getelementptr i64, ptr %slots, i64 {slot}")
        if dtype.itemsize == 8 and is_complex(dtype):
            # Two slots of one f32 each; the scalar wants them side by side.
            imag = self._slot("i32", slot + 1)
            beside = w.op(f"getelementptr i32, ptr {at}, i64 1")
            w.emit(f"store i32 {imag}, ptr {beside}")
        descr = w.env_load(dtype)
        return w.op(f"call ptr @PyArray_Scalar(ptr {at}, ptr {descr}, ptr null)")

    def _release_rest(self) -> None:
        """Free what the core allocated and neither freed nor handed over."""
        w = self.w
        head = w.load_at("ptr", "%ctx", 8 * abi.CTX_OWNED)
        left = w.op(f"icmp ne ptr {head}, null")
        w.choose(left, "call void @tj_free_all(ptr %ctx)")

    def _assemble(self) -> None:
        w, structure = self.w, self.signature.structure
        count = self.count
        if isinstance(structure, int) and count == 1:
            self.answer = self.leaves[structure]  # the reference moves to the caller
            return
        if self._moves:
            self.answer = self._moved(structure)
            return
        made = self._structure(structure)
        w.guard(w.op(f"icmp ne ptr {made}, null"), otherwise="drop")
        if count:
            w.emit(f"call void @tj_decref_all(ptr %leaves, i64 {count})")
        self.answer = made

    def _moved(self, structure: abi.Structure) -> str:
        """What is around the leaves, which is given the references to them."""
        w = self.w
        if isinstance(structure, abi.Unflatten):
            parts = abi.Container("tuple", structure.parts or tuple(range(len(self.leaves))))
            made = self._moved_into(parts, "%leaves", self._around)
            w.store("ptr null", "%leaves", self._around)
            made = w.op(f"call ptr @tj_built(ptr {w.env_load(structure.build)}, ptr {made})")
            w.guard(w.op(f"icmp ne ptr {made}, null"), otherwise="drop")
        else:
            assert isinstance(structure, abi.Container)
            made = self._moved_into(structure, "%leaves", self._around)
        w.emit(f"call void @tj_decref_all(ptr %leaves, i64 {self._around})")
        return made

    def _moved_into(self, structure: abi.Container, block: str, place: int) -> str:
        """A tuple or list, kept in a word of a block before anything is put into it."""
        w, n = self.w, len(structure.children)
        new = {"tuple": "@PyTuple_New", "list": "@PyList_New"}[structure.kind]
        made = w.op(f"call ptr {new}(i64 {n})")
        w.guard(w.op(f"icmp ne ptr {made}, null"), otherwise="drop")
        w.store(f"ptr {made}", block, place)
        if structure.kind == "tuple":
            items = w.op(f"getelementptr i8, ptr {made}, i64 {capi.TUPLE_ITEMS}")
        else:
            items = w.load_at("ptr", made, capi.LIST_ITEMS)
        for k, child in enumerate(structure.children):
            if isinstance(child, abi.Container):
                self._moved_into(child, items, k)
            elif child is None:
                w.store(f"ptr {self._another('@Py_None')}", items, k)
            else:
                assert isinstance(child, int)
                w.store(f"ptr {self.leaves[child]}", items, k)
                w.store("ptr null", "%leaves", self._place_of[child])
        return made

    def _structure(self, structure: abi.Structure) -> str:
        """A new reference to the assembled object, or null."""
        w = self.w
        if structure is None or isinstance(structure, int):
            made = "@Py_None" if structure is None else self.leaves[structure]
            w.emit(f"call void @Py_IncRef(ptr {made})")
            return str(made)
        if isinstance(structure, abi.Unflatten):
            parts = range(len(self.leaves)) if structure.parts is None else structure.parts
            leaves = self._container("tuple", list(map(self._structure, parts)))
            w.guard(w.op(f"icmp ne ptr {leaves}, null"), otherwise="drop")
            build = w.env_load(structure.build)
            return w.op(f"call ptr @tj_built(ptr {build}, ptr {leaves})")
        assert isinstance(structure, abi.Container)
        items = [self._structure(child) for child in structure.children]
        keys = structure.keys
        if structure.kind == "record":
            keys = (object.__new__, structure.cls, *keys)
        made = self._container(structure.kind, items, keys)
        if structure.kind != "tuple" or structure.cls is None:
            return made
        new, cls = w.env_load(tuple.__new__), w.env_load(structure.cls)
        return w.op(f"call ptr @tj_named(ptr {new}, ptr {cls}, ptr {made})")

    def _container(self, kind: str, items: list[str], keys: tuple[object, ...] = ()) -> str:
        w = self.w
        block = w.alloca(f"[{max(1, len(items))} x ptr]")
        for k, item in enumerate(items):
            w.store(f"ptr {item}", block, k)
        at = w.env_run(keys) if keys else "null"
        return w.op(f"call ptr @tj_{kind}(ptr {at}, ptr {block}, i64 {len(items)})")


def _known_size(result: abi.ArrayResult) -> int | None:
    """The bytes of memory that only lists are made of, if that fits on the stack."""
    size = result.dtype.itemsize
    for n in result.shape:
        if not isinstance(n, int):
            return None
        size *= n
    return size if size <= _MOST_ON_STACK else None


def moves(structure: abi.Structure) -> bool:
    """Whether tuples and lists are all that is around leaves, each of which is in one place."""
    if isinstance(structure, abi.Unflatten):
        return structure.parts is None or moves(abi.Container("tuple", structure.parts))
    found: list[int] = []

    def known(x: abi.Structure) -> bool:
        if isinstance(x, int):
            found.append(x)
        if isinstance(x, abi.Container):
            plain = x.kind in ("tuple", "list") and x.cls is None
            return plain and all(map(known, x.children))
        return x is None or isinstance(x, int)

    container = isinstance(structure, abi.Container)
    return container and known(structure) and len(set(found)) == len(found)
