"""QR, least squares and the pseudo-inverse by the C functions that NumPy itself runs, by address.

Each is more than one loop of NumPy, or a loop with results that the row has not. They work in
double precision on copies, as NumPy does. What fails, and what is empty, NumPy does again.
"""

from __future__ import annotations

from collections.abc import Sequence

from tracejit.abi import numpy_loops
from tracejit.codegen_llvm import blas
from tracejit.codegen_llvm.gemm_text import declared as gemm_declared
from tracejit.codegen_llvm.lower_numpy_sorts import Host, LoopRule, Lowering, Operands
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
from tracejit.codegen_llvm.numpy_formats import convert
from tracejit.dtypes import is_complex, is_float, is_real, part_of
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim, emax, emin, product
from tracejit.ir.ops.extern import Reference
from tracejit.ir.scalar.emit import BOOL, F64, DType
from tracejit.ir.types import BufferType
from tracejit.llvm_text.emit import Reg, llvm_type
from tracejit.llvm_text.lower_function import FunctionText, Pointer
from tracejit.llvm_text.lower_memory import load_scalar, store_scalar
from tracejit.llvm_text.nested import plain

_LINE = 64


class Scratch:
    """Memory of a call, cut into pieces."""

    def __init__(self, f: FunctionText, sizes: Sequence[Dim]) -> None:
        """``sizes``: bytes of each piece."""
        self.f = f
        f.module.declare("declare ptr @tj_alloc(ptr, i64)")
        f.module.declare("declare void @tj_free(ptr, ptr)")
        starts: list[Dim] = [0]
        for size in sizes:
            starts.append(starts[-1] + size + _LINE)
        self.memory = f.call_pointer(f"@tj_alloc(ptr %ctx, {f.dim(starts[-1])})")
        self.pieces = [f.at(self.memory, f.dim(start)) for start in starts[:-1]]

    def free(self) -> None:
        self.f.e.line(f"call void @tj_free(ptr %ctx, {self.memory})")


def _loop_call(
    f: FunctionText, where: str, types: str, places: Sequence[Pointer], numbers: Sequence[Dim],
    steps: Sequence[Dim],
) -> str:  # fmt: skip
    loop, data = declared(f, where, types)
    args = pointers(f, places)
    return f"call void {loop.text}({args}, {words(f, numbers)}, {words(f, steps)}, {data})"


def _is_empty(f: FunctionText, *extents: Dim) -> Reg:
    found: Reg = f.e.const(False, BOOL)
    for extent in extents:
        found = f.e.ior(found, f.e.icmp("lt", f.dim(extent), f.const(1)))
    return found


# -- QR --------------------------------------------------------------------------------------------

#: The upper triangles of the first rows of matrices, in another format.
_TRIANGLES = """define internal void SYMBOL(ptr noalias %source, ptr noalias %dest, i64 %count,
    i64 %m, i64 %n, i64 %rows) #0 {
entry:
  %some = and i1 (icmp sgt i64 %count, 0), (icmp sgt i64 %n, 0)
  br i1 (and i1 %some, (icmp sgt i64 %rows, 0)), label %row, label %done
row:
  %b = phi i64 [ 0, %entry ], [ %b2, %next ]
  %i = phi i64 [ 0, %entry ], [ %i2, %next ]
  %bm = mul nsw i64 %b, %m
  %down = add nsw i64 %bm, %i
  %from = mul nsw i64 %down, %n
  %br = mul nsw i64 %b, %rows
  %lower = add nsw i64 %br, %i
  %to = mul nsw i64 %lower, %n
  %first = mul nsw i64 %i, PARTS
  %all = mul nsw i64 %n, PARTS
  %fromr = mul nsw i64 %from, PARTS
  %tor = mul nsw i64 %to, PARTS
  %src = getelementptr inbounds GIVEN, ptr %source, i64 %fromr
  %dst = getelementptr inbounds WANTED, ptr %dest, i64 %tor
  br label %col
col:
  %j = phi i64 [ 0, %row ], [ %j1, %col ]
  %x = load GIVEN, ptr %src[GIVEN %j]
  %inside = icmp sge i64 %j, %first
  %kept = select i1 %inside, GIVEN %x, GIVEN 0.0
  CAST
  store WANTED %y, ptr %dst[WANTED %j]
  %j1 = add nuw nsw i64 %j, 1
  br i1 (icmp slt i64 %j1, %all), label %col, label %next
next:
  %i1 = add nuw nsw i64 %i, 1
  %last = icmp eq i64 %i1, %rows
  %b1 = add nuw nsw i64 %b, 1
  %b2 = select i1 %last, i64 %b1, i64 %b
  %i2 = select i1 %last, i64 0, i64 %i1
  br i1 (icmp slt i64 %b2, %count), label %row, label %done
done:
  ret void
}"""


def _triangles(f: FunctionText, given: DType, wanted: DType) -> str:
    symbol = f"@numpy_triangles_{given.char}_{wanted.char}"
    a, b = (llvm_type(part_of(d) if is_complex(d) else d) for d in (given, wanted))
    cast = "%y = fadd double %kept, -0.0" if a == b else f"%y = fptrunc {a} %kept to {b}"
    text = _TRIANGLES.replace("CAST", cast).replace("GIVEN", a).replace("WANTED", b)
    text = text.replace("PARTS", str(1 + is_complex(given))).replace("SYMBOL", symbol)
    return f.module.once(symbol, plain(text))


def _qr(call: Reference, operands: Operands, results: Operands) -> Lowering | None:
    x, mode, flags = operands[0], dict(call.attrs)["mode"], numpy_loops.invalid_flag()
    *lead, m, n = x.shape
    taken = in_double(x.dtype)
    whole = mode == "complete" and m != n
    if whole and not (isinstance(m, int) and isinstance(n, int)):
        return None  # which of two loops it is the run decides
    whole = whole and m > n  # type: ignore[operator]
    of_q = "linalg.qr_complete" if whole else "linalg.qr_reduced"
    c = taken.char
    loops = (("linalg.qr_r_raw", f"{c}->{c}"), (of_q, f"{c}{c}->{c}"))
    if flags is None or any(numpy_loops.core_loop(*loop) is None for loop in loops):
        return None
    k: Dim = n if whole else results[-1].shape[-2]

    def run(f: FunctionText, operands: Operands, results: Operands, host: Host) -> None:
        *q, r = results
        size, batch = taken.itemsize, product(tuple(lead))
        wide = [batch * product(v.shape[-2:]) * size for v in q if v.dtype != taken]
        scratch = Scratch(f, [batch * m * n * size, batch * k * size, *wide])
        a, tau, *rest = scratch.pieces
        convert(f, x, f.pointer(operands[0]), x.dtype, a, taken)
        heads, along = [m * n * size, k * size], [*strides((m, n), size), size]
        calls = [_loop_call(f, *loops[0], (a, tau), (batch, m, n, k), (*heads, *along))]
        dest = [*rest, *map(f.pointer, q)][: len(q)]
        for v, at in zip(q, dest, strict=True):
            last = [product(v.shape[-2:]) * size], strides(v.shape[-2:], size)
            sizes = (batch, m, n) if whole else (batch, m, n, k)
            steps = (*heads, *last[0], *along, *last[1])
            calls.append(_loop_call(f, *loops[1], (a, tau, at), sizes, steps))

        def finish() -> None:
            for v, at in zip(q, dest, strict=True):
                if v.dtype != taken:
                    convert(f, v, at, taken, f.pointer(v), v.dtype)
            sizes = ", ".join(f"i64 {f.dim(d).text}" for d in (batch, m, n, r.shape[-2]))
            triangles = _triangles(f, taken, r.dtype)
            f.e.line(f"call void {triangles}({a}, {f.pointer(r)}, {sizes})")

        places = [f.pointer(v) for v in results]
        or_host(f, flagged(f, flags, *calls), results, places, host, finish, scratch.free)

    return run


# -- least squares ---------------------------------------------------------------------------------


def _tolerance(f: FunctionText, given: Sequence[Value], otherwise: Reg) -> Reg:
    """What singular values are compared with, relative to the largest, as a double."""
    if not given:
        return otherwise
    (value,) = given
    found = (
        load_scalar(f, f.pointer(value), value.dtype)
        if isinstance(value.type, BufferType)
        else f.scalar(value)
    )
    cast = f.e.float_cast if is_float(value.dtype) else f.e.int_to_float
    return cast(found, F64) if value.dtype != F64 else found


def _given(call: Reference, operands: Operands, count: int) -> Operands | None:
    """The tolerance among the operands, if there is one; None where it is not a real number."""
    given = operands[count : len(operands) - len(call.extents)]
    scalar = all(not isinstance(v.type, BufferType) or v.rank == 0 for v in given)
    return given if scalar and all(is_real(v.dtype) for v in given) else None


def _lstsq(call: Reference, operands: Operands, results: Operands) -> Lowering | None:
    """A matrix ``b`` is solved for; NumPy's residuals are not the row's."""
    a, b = operands[:2]
    solved, rank, values, _ = results
    given, flags = _given(call, operands, 2), numpy_loops.invalid_flag()
    (m, n), nrhs, p = a.shape, b.shape[-1], values.shape[0]
    taken = in_double(a.dtype)
    c = taken.char
    loop = ("linalg.lstsq", f"{c}{c}d->{c}did")
    if given is None or flags is None or numpy_loops.core_loop(*loop) is None:
        return None

    def run(f: FunctionText, operands: Operands, results: Operands, host: Host) -> None:
        size = taken.itemsize
        sizes: list[Dim] = [m * n * size, m * nrhs * size, n * nrhs * size, p * 8, nrhs * 8]
        scratch = Scratch(f, sizes)
        at_a, at_b, at_x, at_s, residuals = scratch.pieces
        places = [place(f, v) for v in results]
        for v, source, dest in zip((a, b), operands, (at_a, at_b)):
            convert(f, v, f.pointer(source), v.dtype, dest, taken)
        longer = f.dim(emax(m, n))
        eps = f.e.fmul(f.e.int_to_float(longer, F64), f.e.const(2.0**-52, F64))
        cond, at_rank = f.stack("[8 x i8]"), f.stack("[8 x i8]")
        store_scalar(f, cond, _tolerance(f, given, eps))
        inner = [strides(shape, size) for shape in ((m, n), (m, nrhs), (n, nrhs))]
        steps = [*[0] * 7, *(step for one in inner for step in one), 8, 8]
        args = (at_a, at_b, cond, at_x, residuals, at_rank, at_s)
        failed = flagged(f, flags, _loop_call(f, *loop, args, (1, m, n, nrhs, p), steps))

        def finish() -> None:
            convert(f, solved, at_x, taken, f.pointer(solved), solved.dtype)
            convert(f, values, at_s, F64, f.pointer(values), values.dtype)
            store_scalar(f, places[1], load_scalar(f, at_rank, rank.dtype))
            fill(f, places[3], 1, 1)

        failed = f.e.ior(failed, _is_empty(f, m, n, nrhs))
        or_host(f, failed, results, places, host, finish, scratch.free)

    return run


# -- the pseudo-inverse ----------------------------------------------------------------------------

#: Of u, s, vh the product of vh.T and, times the inverses of what is above the tolerance, u.T.
_PSEUDO = plain("""define internal void @numpy_pseudo(ptr %u, ptr %s, ptr %vh, ptr %out,
    i64 %count, i64 %m, i64 %n, i64 %k, double %tolerance) #0 {
entry:
  %mk = mul nsw i64 %m, %k
  %kn = mul nsw i64 %k, %n
  %nm = mul nsw i64 %n, %m
  br label %each
each:
  %b = phi i64 [ 0, %entry ], [ %b1, %next ]
  br i1 (icmp slt i64 %b, %count), label %one, label %done
one:
  %us = mul nsw i64 %b, %mk
  %ss = mul nsw i64 %b, %k
  %vs = mul nsw i64 %b, %kn
  %os = mul nsw i64 %b, %nm
  %ub = getelementptr inbounds double, ptr %u, i64 %us
  %sb = getelementptr inbounds double, ptr %s, i64 %ss
  %vb = getelementptr inbounds double, ptr %vh, i64 %vs
  %ob = getelementptr inbounds double, ptr %out, i64 %os
  %largest = load double, ptr %sb
  %least = fmul double %largest, %tolerance
  br label %factor
factor:
  %i = phi i64 [ 0, %one ], [ %i1, %factor ]
  %x = load double, ptr %sb[double %i]
  %inverse = fdiv double 1.0, %x
  %above = fcmp ogt double %x, %least
  %by = select i1 %above, double %inverse, double 0.0
  store double %by, ptr %sb[double %i]
  %i1 = add nuw nsw i64 %i, 1
  br i1 (icmp slt i64 %i1, %k), label %factor, label %row
row:
  %r = phi i64 [ 0, %factor ], [ %r1, %scaled ]
  %start = mul nsw i64 %r, %k
  %line = getelementptr inbounds double, ptr %ub, i64 %start
  br label %col
col:
  %j = phi i64 [ 0, %row ], [ %j1, %col ]
  %v = load double, ptr %line[double %j]
  %f = load double, ptr %sb[double %j]
  %w = fmul double %v, %f
  store double %w, ptr %line[double %j]
  %j1 = add nuw nsw i64 %j, 1
  br i1 (icmp slt i64 %j1, %k), label %col, label %scaled
scaled:
  %r1 = add nuw nsw i64 %r, 1
  br i1 (icmp slt i64 %r1, %m), label %row, label %next
next:
  call void @cblas_dgemm(i32 101, i32 112, i32 112, i64 %n, i64 %m, i64 %k, double 1.0,
    ptr %vb, i64 %n, ptr %ub, i64 %k, double 0.0, ptr %ob, i64 %m)
  %b1 = add nuw nsw i64 %b, 1
  br label %each
done:
  ret void
}""")


def _pinv(call: Reference, operands: Operands, results: Operands) -> Lowering | None:
    """Of real matrices, with one tolerance for all of a stack."""
    a, given, flags = operands[0], _given(call, operands, 1), numpy_loops.invalid_flag()
    *lead, m, n = a.shape
    loop = ("linalg.svd_s", "d->ddd")
    if is_complex(a.dtype) or dict(call.attrs)["hermitian"] or given is None:
        return None
    if flags is None or numpy_loops.core_loop(*loop) is None:
        return None

    def run(f: FunctionText, operands: Operands, results: Operands, host: Host) -> None:
        found, batch = results[0], product(tuple(lead))
        k = emin(m, n)
        sizes = [8 * m * n, 8 * m * k, 8 * k, 8 * k * n, 8 * m * n]
        scratch = Scratch(f, [batch * size for size in sizes])
        at_a, at_u, at_s, at_v, at_out = scratch.pieces
        convert(f, a, f.pointer(operands[0]), a.dtype, at_a, F64)
        inner = [*strides((m, n), 8), *strides((m, k), 8), 8, *strides((k, n), 8)]
        args = (at_a, at_u, at_s, at_v)
        calls = _loop_call(f, *loop, args, (batch, m, n, k), (*sizes[:4], *inner))
        tolerance = _tolerance(f, given, f.e.const(1e-15, F64))

        def finish() -> None:
            f.module.declare(gemm_declared("d", "cblas_dgemm"))
            f.module.symbols.update(blas.cblas_symbols("cblas_dgemm"))
            f.module.once("@numpy_pseudo", _PSEUDO)
            numbers = ", ".join(f"i64 {f.dim(d).text}" for d in (batch, m, n, k))
            matrices = f"{at_u}, {at_s}, {at_v}, {at_out}"
            f.e.line(f"call void @numpy_pseudo({matrices}, {numbers}, {tolerance})")
            convert(f, found, at_out, F64, f.pointer(found), found.dtype)
            fill(f, places[1], 1, batch)

        places = [place(f, v) for v in results]
        failed = f.e.ior(flagged(f, flags, calls), _is_empty(f, m, n))
        or_host(f, failed, results, places, host, finish, scratch.free)

    return run


LEAST_SQUARES: dict[str, LoopRule] = {"qr": _qr, "lstsq": _lstsq, "pinv": _pinv}
