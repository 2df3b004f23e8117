"""Fourier transforms and factors by the C functions that NumPy itself runs, by address.

So the values are NumPy's and nothing of Python is in the way. What does not lie in C order, and
what fails, is a call of NumPy (`lower_extern.py`), which knows what to do with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tracejit.abi import numpy_loops
from tracejit.codegen_llvm.lower_lapack import in_c_order
from tracejit.codegen_llvm.lower_numpy_least_squares import LEAST_SQUARES
from tracejit.codegen_llvm.lower_numpy_sorts import SORTS, Host, LoopRule, Lowering, Operands
from tracejit.codegen_llvm.numpy_calls import (
    declared,
    fill,
    flagged,
    in_double,
    or_host,
    place,
    pointers,
    strides,
    words,
)
from tracejit.codegen_llvm.numpy_formats import Formats, converts
from tracejit.dtypes import is_complex, part_of
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim, product
from tracejit.ir.ops.extern import Reference
from tracejit.ir.scalar.emit import BOOL, I64, DType
from tracejit.ir.types import BufferType
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.lower_function import FunctionText, Pointer
from tracejit.llvm_text.lower_memory import store_scalar
from tracejit.llvm_text.nested import plain

#: A loop of two operands and a result, on blocks that lie one after another.
_BLOCKS = plain("""define internal void @numpy_blocks(ptr %loop, ptr %data, ptr %args, ptr %dims,
    ptr %steps, i64 %blocks, i64 %in, i64 %out) #0 {
entry:
  %x = load ptr, ptr %args
  %y = load ptr, ptr %args[ptr 2]
  br i1 (icmp sgt i64 %blocks, 0), label %block, label %done
block:
  %i = phi i64 [ 0, %entry ], [ %i1, %block ]
  %from = mul nsw i64 %i, %in
  %to = mul nsw i64 %i, %out
  %xi = getelementptr inbounds i8, ptr %x, i64 %from
  %yi = getelementptr inbounds i8, ptr %y, i64 %to
  store ptr %xi, ptr %args
  store ptr %yi, ptr %args[ptr 2]
  call void %loop(ptr %args, ptr %dims, ptr %steps, ptr %data)
  %i1 = add nuw nsw i64 %i, 1
  br i1 (icmp slt i64 %i1, %blocks), label %block, label %done
done:
  ret void
}""")
#: Which of a stack of lines of complex numbers are of real ones alone.
_ARE_REAL = plain("""define internal void @numpy_are_real(ptr %values, ptr %flags, i64 %lines,
    i64 %n) #0 {
entry:
  br i1 (icmp sgt i64 %lines, 0), label %line, label %done
line:
  %i = phi i64 [ 0, %entry ], [ %i1, %next ]
  %first = mul nsw i64 %i, %n
  br label %head
head:
  %k = phi i64 [ 0, %line ], [ %k1, %look ]
  br i1 (icmp slt i64 %k, %n), label %look, label %next
look:
  %at = add nsw i64 %first, %k
  %twice = shl nsw i64 %at, 1
  %part = or i64 %twice, 1
  %imaginary = load double, ptr %values[double %part]
  %k1 = add nuw nsw i64 %k, 1
  br i1 (fcmp oeq double %imaginary, 0.0), label %head, label %next
next:
  %real = phi i8 [ 1, %head ], [ 0, %look ]
  store i8 %real, ptr %flags[i8 %i]
  %i1 = add nuw nsw i64 %i, 1
  br i1 (icmp slt i64 %i1, %lines), label %line, label %done
done:
  ret void
}""")


def numpys_loop(function: object, operands: Operands, results: Operands) -> Lowering | None:
    """What lowers a call of NumPy by one of its own loops; None where NumPy makes it."""
    if not isinstance(function, Reference) or function.name not in _RULES:
        return None
    arrays = [v.type for v in (*operands, *results) if isinstance(v.type, BufferType)]
    if not all(map(in_c_order, arrays)):
        return None
    return _RULES[function.name](function, operands, results)


# -- transforms ------------------------------------------------------------------------------------

_TRANSFORMS = {
    ("fft", False): ("fft.fft",),
    ("fft", True): ("fft.ifft",),
    ("rfft", False): ("fft.rfft_n_even", "fft.rfft_n_odd"),
    ("irfft", True): ("fft.irfft",),
}


def _transform(call: Reference, operands: Operands, results: Operands) -> Lowering | None:
    """Along one axis: the axes behind it are the loop's own iterations, those before it blocks."""
    attrs, x, out = dict(call.attrs), operands[0], results[0]
    axis, real_result = attrs["axis"], not is_complex(out.dtype)
    inverse = attrs.get("inverse", real_result)
    if not isinstance(x.type, BufferType):
        return None
    real = part_of(x.dtype) if is_complex(x.dtype) else x.dtype
    places = _TRANSFORMS[call.name, inverse]
    points = (out if real_result else x).shape[axis]
    norm = attrs["norm"]
    if inverse:
        norm = {"backward": "forward", "forward": "backward"}.get(norm, norm)
    by = int if norm == "backward" else real  # a factor of int makes NumPy take another loop
    found = {numpy_loops.chosen(place, (x.dtype, by, None)) for place in places}
    if len(found) != 1 or (loop_found := found.pop()) is None:
        return None
    types, (taken, factor_type, given) = loop_found
    if not (converts(x.dtype, taken) and converts(given, out.dtype)):
        return None

    def run(f: FunctionText, operands: Operands, results: Operands, _: Host) -> None:
        inner: Dim = product(x.shape[axis + 1 :])
        blocks: Dim = product(x.shape[:axis])
        core = [taken.itemsize, given.itemsize]
        sizes = [v.shape[axis] * inner * size for v, size in zip((x, out), core, strict=True)]
        count, between = inner, list(core)
        if inner == 1:
            count, blocks, between = blocks, 1, sizes
        factor = f.stack("[8 x i8]")
        number = _factor(f, f.dim(points), norm, real)
        store_scalar(f, factor, f.e.float_cast(number, factor_type))
        given_places = [f.pointer(operands[0]), f.pointer(results[0])]
        formats = Formats(f, (x, results[0]), given_places, (taken, given))
        source, dest = formats.places
        args = pointers(f, (source, factor, dest))
        dims = words(f, [count, x.shape[axis], out.shape[axis]])
        steps = [between[0], 0, between[1], *(inner * size for size in core)]
        loop, data = _chosen(f, places, types, points)
        f.module.once("@numpy_blocks", _BLOCKS)
        last = ", ".join(f"i64 {f.dim(d).text}" for d in (blocks, *sizes))
        head = f"{loop}, {data}, {args}, {dims}, {words(f, steps)}"
        f.e.line(f"call void @numpy_blocks({head}, {last})")
        formats.deliver()
        formats.free()
        f.module.leaves_errors = True

    return run


def _chosen(
    f: FunctionText, places: Sequence[str], types: str, points: Dim
) -> tuple[Pointer, Pointer]:
    """The loop for so many points, of one for even and one for odd numbers, and its data."""
    loops = [declared(f, place, types) for place in places]
    if len(loops) == 1:
        return loops[0]
    odd = f.e.op(I64, f"and i64 {f.dim(points).text}, 1")
    test = f.e.op(BOOL, f"icmp ne {odd}, 0")
    chosen = []
    for even, uneven in zip(*loops):
        chosen.append(Pointer(f.e.fresh()))
        f.e.line(f"{chosen[-1].text} = select {test}, {uneven}, {even}")
    return chosen[0], chosen[1]


def _factor(f: FunctionText, points: Reg, norm: str, dtype: DType) -> Reg:
    """What NumPy multiplies with, in its own steps."""
    one = Reg("1.0", dtype)
    if norm == "backward":
        return one
    number = f.e.int_to_float(points, dtype)
    if norm == "ortho":
        number = f.e.sqrt(number)
    return f.e.fdiv(one, number)


# -- factors ---------------------------------------------------------------------------------------


def _factors(call: Reference, operands: Operands, results: Operands) -> Lowering | None:
    """Of a stack of matrices. NumPy's loop raises a flag of the processor where it failed: then
    NumPy does it all again, for what is to be said of each matrix."""
    x, flags = operands[0], numpy_loops.invalid_flag()
    place_of, count, last, said = _FACTORS[call.name]
    where = place_of(dict(call.attrs))
    made = results[: len(results) - said]
    # NumPy computes in double precision only.
    taken, *given = [in_double(v.dtype) for v in (x, *made)]
    types = f"{taken.char}->{''.join(d.char for d in given)}"
    if flags is None or numpy_loops.core_loop(where, types) is None:
        return None
    lead, sizes = x.shape[:-2], [*x.shape[-2:][:count]]
    if last is not None:
        sizes.append(made[last].shape[-1])

    def run(f: FunctionText, operands: Operands, results: Operands, host: Host) -> None:
        matrix, *_ = operands  # sizes of the run may follow
        places = [place(f, v) for v in (matrix, *results)]
        loop, data = declared(f, where, types)
        several = (matrix, *results[: len(made)])
        formats = Formats(f, several, places[: len(several)], (taken, *given))
        items = [d.itemsize for d in (taken, *given)]
        shapes = [v.shape[len(lead) :] for v in (x, *made)]
        core = [strides(shape, size) for shape, size in zip(shapes, items, strict=True)]
        whole = [product(shape) * size for shape, size in zip(shapes, items, strict=True)]
        batch = product(lead)
        dims = words(f, [batch, *sizes])
        steps = words(f, [*whole, *(s for along in core for s in along)])
        args = pointers(f, formats.places)
        failed = flagged(f, flags, f"call void {loop.text}({args}, {dims}, {steps}, {data})")

        def finish() -> None:
            if said:
                fill(f, places[-1], 1, batch)
            if said > 1:
                _are_real(f, x, formats.places[1], places[-2], batch)
            formats.deliver()

        or_host(f, failed, results, places[1:], host, finish, formats.free)

    return run


def _are_real(f: FunctionText, x: Value, values: Pointer, flags: Pointer, batch: Dim) -> None:
    """Of a complex matrix NumPy's eigenvalues are complex whatever they are."""
    if is_complex(x.dtype):
        fill(f, flags, 0, batch)
        return
    f.module.once("@numpy_are_real", _ARE_REAL)
    sizes = ", ".join(f"i64 {f.dim(d).text}" for d in (batch, x.shape[-1]))
    f.e.line(f"call void @numpy_are_real({values}, {flags}, {sizes})")


_Place = Callable[[dict[str, Any]], str]


def _triangle(name: str) -> _Place:
    return lambda attrs: f"linalg.{name}_{'lo' if attrs['lower'] else 'up'}"


#: The loop, how many sizes of the matrix it takes first, which result's last extent is one more
#: size, and how many flags the row ends with: if the matrix was good; before that, if its
#: eigenvalues are real.
_FACTORS: dict[str, tuple[_Place, int, int | None, int]] = {
    "eigh": (_triangle("eigh"), 1, None, 1),
    "eigvalsh": (_triangle("eigvalsh"), 1, None, 1),
    "eig": (lambda attrs: "linalg.eig", 1, None, 2),
    "eigvals": (lambda attrs: "linalg.eigvals", 1, None, 2),
    "svdvals": (lambda attrs: "linalg.svd", 2, 0, 1),
    "svd": (lambda attrs: f"linalg.svd_{'f' if attrs['full'] else 's'}", 2, 1, 1),
    "slogdet": (lambda attrs: "linalg.slogdet", 1, None, 0),
}
_RULES: dict[str, LoopRule] = {
    **SORTS,
    **dict.fromkeys(("fft", "rfft", "irfft"), _transform),
    **dict.fromkeys(_FACTORS, _factors),
    **LEAST_SQUARES,
}
