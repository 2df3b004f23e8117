"""LLVM text of `void matmul_<letter>(a, as0, as1, b, bs0, bs1, c, cs0, cs1, m, n, k, add)`.

c[m, n] = a[m, k] @ b[k, n], or += when `add`. Strides are in bytes. BLAS wants for each matrix one
axis contiguous and the other's stride a multiple of the element not below the row length; c must be
contiguous along rows, or along columns, when the transposed product is taken. Otherwise: loops.
A matrix times its own transpose is computed by half, as NumPy does.
"""

from __future__ import annotations

from collections.abc import Callable

from tracejit.codegen_llvm.blas import NO_TRANS, ROW_MAJOR, TRANS, UPPER
from tracejit.codegen_llvm.gemm_shared_text import closure, general, task
from tracejit.llvm_text.nested import plain

_REAL = {"s": "float", "d": "double", "c": "float", "z": "double"}
_SIZE = {"s": 4, "d": 8, "c": 8, "z": 16}

_MAIN = """define internal void @matmul_L(PARAMS) #0 {
entry:
  br i1 (or i1 (icmp sle i64 %m, 0), (icmp sle i64 %n, 0)), label %done, label %shape
shape:
  ; One row is taken as one column of the transposed product: a matrix times a vector.
  br i1 (icmp eq i64 %m, 1), label %flipped, label %look
look:
  br i1 (or i1 (icmp eq i64 %cs1, SIZE), (icmp eq i64 %n, 1)), label %straight, label %maybe
maybe:
  br i1 (icmp eq i64 %cs0, SIZE), label %flipped, label %loops
straight:
  %ok1 = call i1 @matmul_rows_L(ARGS)
  br i1 %ok1, label %done, label %loops
flipped:
  %ok2 = call i1 @matmul_rows_L(FLIPPED)
  br i1 %ok2, label %done, label %loops
loops:
  call void @matmul_loops_L(ARGS)
  br label %done
done:
  ret void
}"""

# A matrix is given as rows by columns: `trans`, `ld` and whether BLAS can read it.
_SHAPE = """define internal { i32, i64, i1 } @matmul_shape_L(
    i64 %s0, i64 %s1, i64 %rows, i64 %cols) #0 {
  %row_major = or i1 (icmp eq i64 %s1, SIZE), (icmp eq i64 %cols, 1)
  %any = or i1 %row_major, (or i1 (icmp eq i64 %s0, SIZE), (icmp eq i64 %rows, 1))
  %step = select i1 %row_major, i64 %s0, i64 %s1
  %length = select i1 %row_major, i64 %cols, i64 %rows
  %count = select i1 %row_major, i64 %rows, i64 %cols
  %ld0 = sdiv i64 %step, SIZE
  %rest = srem i64 %step, SIZE
  %good = and i1 (icmp eq i64 %rest, 0), (icmp sge i64 %ld0, %length)
  %single = icmp sle i64 %count, 1
  %ok = and i1 %any, (or i1 %good, %single)
  %use = select i1 %single, i64 %length, i64 %ld0
  %least = call i64 @llvm.smax.i64(i64 %use, i64 1)
  %trans = select i1 %row_major, i32 NO_TRANS, i32 TRANS
  %r0 = insertvalue { i32, i64, i1 } poison, i32 %trans, 0
  %r1 = insertvalue { i32, i64, i1 } %r0, i64 %least, 1
  %r2 = insertvalue { i32, i64, i1 } %r1, i1 %ok, 2
  ret { i32, i64, i1 } %r2
}"""

# The product with c contiguous along its rows; false when BLAS cannot read a, b or c.
_ROWS = """define internal i1 @matmul_rows_L(PARAMS) #0 {
entry:
CLOSURE
  %fa = call { i32, i64, i1 } @matmul_shape_L(i64 %as0, i64 %as1, i64 %m, i64 %k)
  %fb = call { i32, i64, i1 } @matmul_shape_L(i64 %bs0, i64 %bs1, i64 %k, i64 %n)
  %fc = call { i32, i64, i1 } @matmul_shape_L(i64 %cs0, i64 %cs1, i64 %m, i64 %n)
  %oka = extractvalue { i32, i64, i1 } %fa, 2
  %okb = extractvalue { i32, i64, i1 } %fb, 2
  %okc0 = extractvalue { i32, i64, i1 } %fc, 2
  %tc = extractvalue { i32, i64, i1 } %fc, 0
  %okc = and i1 %okc0, (icmp eq i32 %tc, NO_TRANS)
  br i1 (and i1 (and i1 %oka, %okb), %okc), label %go, label %no
go:
  %ta = extractvalue { i32, i64, i1 } %fa, 0
  %tb = extractvalue { i32, i64, i1 } %fb, 0
  %lda = extractvalue { i32, i64, i1 } %fa, 1
  %ldb = extractvalue { i32, i64, i1 } %fb, 1
  %ldc = extractvalue { i32, i64, i1 } %fc, 1
  %some = icmp sgt i64 %k, 0
  %one_col = icmp eq i64 %n, 1
  %inb = sdiv i64 %bs0, SIZE
  %restb = srem i64 %bs0, SIZE
  %wholeb = icmp eq i64 %restb, 0
  %positive = icmp sgt i64 %inb, 0
  %vec = and i1 (and i1 %some, %one_col), (and i1 %wholeb, %positive)
  BETA
  br i1 %vec, label %vector, label %matrix
vector:
  %isn = icmp eq i32 %ta, NO_TRANS
  %rows = select i1 %isn, i64 %m, i64 %k
  %cols = select i1 %isn, i64 %k, i64 %m
  call void @cblas_Lgemv(i32 ORDER, i32 %ta, i64 %rows, i64 %cols,
    ALPHA, ptr %a, i64 %lda, ptr %b, i64 %inb, BETAARG, ptr %c, i64 %ldc)
  ret i1 true
matrix:
  %fresh = xor i1 %add, true
  %same = icmp eq ptr %a, %b
  %square = icmp eq i64 %m, %n
  %turned0 = icmp eq i64 %as0, %bs1
  %turned1 = icmp eq i64 %as1, %bs0
  %self1 = and i1 (and i1 %fresh, %same), %square
  br i1 (and i1 (and i1 %self1, %turned0), %turned1), label %symmetric, label %general
symmetric:
  call void @cblas_Lsyrk(i32 ORDER, i32 UPPER, i32 %ta, i64 %m, i64 %k,
    ALPHA, ptr %a, i64 %lda, BETAARG, ptr %c, i64 %ldc)
  call void @matmul_mirror_L(ptr %c, i64 %cs0, i64 %m)
  ret i1 true
general:
GENERAL
no:
  ret i1 false
}"""

# The lower triangle of c from the upper one, 32 rows at a time so that both are in cache.
_MIRROR = """define internal void @matmul_mirror_L(ptr %c, i64 %cs0, i64 %m) #0 {
entry:
  br label %block
block:
  %first = phi i64 [ 0, %entry ], [ %next, %block_end ]
  %next = add i64 %first, 32
  %last = call i64 @llvm.smin.i64(i64 %next, i64 %m)
  br label %row
row:
  %i = phi i64 [ 0, %block ], [ %i1, %row_end ]
  %above = add i64 %i, 1
  %from = call i64 @llvm.smax.i64(i64 %above, i64 %first)
  %i_row = mul i64 %i, %cs0
  %i_column = mul i64 %i, SIZE
  br i1 (icmp slt i64 %from, %last), label %column, label %row_end
column:
  %j = phi i64 [ %from, %row ], [ %j1, %column ]
  %j_row = mul i64 %j, %cs0
  %j_column = mul i64 %j, SIZE
  %read = add i64 %i_row, %j_column
  %write = add i64 %j_row, %i_column
  %source = getelementptr i8, ptr %c, i64 %read
  %target = getelementptr i8, ptr %c, i64 %write
  %number = load BITS, ptr %source, align HALF
  store BITS %number, ptr %target, align HALF
  %j1 = add i64 %j, 1
  br i1 (icmp slt i64 %j1, %last), label %column, label %row_end
row_end:
  %i1 = add i64 %i, 1
  br i1 (icmp slt i64 %i1, %last), label %row, label %block_end
block_end:
  br i1 (icmp slt i64 %next, %m), label %block, label %done
done:
  ret void
}"""

_LOOPS = """define internal void @matmul_loops_L(PARAMS) #0 {
entry:
  br label %row
row:
  %i = phi i64 [ 0, %entry ], [ %i1, %row_end ]
  %ai = mul i64 %i, %as0
  %ci = mul i64 %i, %cs0
  br label %column
column:
  %j = phi i64 [ 0, %row ], [ %j1, %column_end ]
  %bj = mul i64 %j, %bs1
  %cj0 = mul i64 %j, %cs1
  %cj = add i64 %ci, %cj0
  %cp = getelementptr i8, ptr %c, i64 %cj
  START
  br i1 (icmp sgt i64 %k, 0), label %dot, label %column_end
dot:
  %l = phi i64 [ 0, %column ], [ %l1, %dot ]
  ACCUMULATOR
  %al0 = mul i64 %l, %as1
  %al = add i64 %ai, %al0
  %bl0 = mul i64 %l, %bs0
  %bl = add i64 %bj, %bl0
  %ap = getelementptr i8, ptr %a, i64 %al
  %bp = getelementptr i8, ptr %b, i64 %bl
  STEP
  %l1 = add i64 %l, 1
  br i1 (icmp slt i64 %l1, %k), label %dot, label %column_end
column_end:
  FINISH
  %j1 = add i64 %j, 1
  br i1 (icmp slt i64 %j1, %n), label %column, label %row_end
row_end:
  %i1 = add i64 %i, 1
  br i1 (icmp slt i64 %i1, %m), label %row, label %done
done:
  ret void
}"""

_REAL_PARTS = {
    "START": "%old = load T, ptr %cp\n  %start = select i1 %add, T %old, T 0.0",
    "ACCUMULATOR": "%acc = phi T [ %start, %column ], [ %next, %dot ]",
    "STEP": "%x = load T, ptr %ap\n  %y = load T, ptr %bp\n  %xy = fmul T %x, %y\n"
    "  %next = fadd T %acc, %xy",
    "FINISH": "%sum = phi T [ %start, %column ], [ %next, %dot ]\n  store T %sum, ptr %cp",
}

_COMPLEX_PARTS = {
    "START": "%cq = getelementptr i8, ptr %cp, i64 HALF\n"
    "  %oldr = load T, ptr %cp\n  %oldi = load T, ptr %cq\n"
    "  %startr = select i1 %add, T %oldr, T 0.0\n  %starti = select i1 %add, T %oldi, T 0.0",
    "ACCUMULATOR": "%accr = phi T [ %startr, %column ], [ %nextr, %dot ]\n"
    "  %acci = phi T [ %starti, %column ], [ %nexti, %dot ]",
    "STEP": "%aq = getelementptr i8, ptr %ap, i64 HALF\n"
    "  %bq = getelementptr i8, ptr %bp, i64 HALF\n"
    "  %xr = load T, ptr %ap\n  %xi = load T, ptr %aq\n  %yr = load T, ptr %bp\n"
    "  %yi = load T, ptr %bq\n  %rr = fmul T %xr, %yr\n  %ii = fmul T %xi, %yi\n"
    "  %ri = fmul T %xr, %yi\n  %ir = fmul T %xi, %yr\n  %re = fsub T %rr, %ii\n"
    "  %im = fadd T %ri, %ir\n  %nextr = fadd T %accr, %re\n  %nexti = fadd T %acci, %im",
    "FINISH": "%sumr = phi T [ %startr, %column ], [ %nextr, %dot ]\n"
    "  %sumi = phi T [ %starti, %column ], [ %nexti, %dot ]\n"
    "  store T %sumr, ptr %cp\n  store T %sumi, ptr %cq",
}


def _args(flipped: bool) -> str:
    a, b = ("ptr %a, i64 %as0, i64 %as1", "ptr %b, i64 %bs0, i64 %bs1")
    if flipped:  # cᵀ = bᵀ @ aᵀ
        return (
            "ptr %b, i64 %bs1, i64 %bs0, ptr %a, i64 %as1, i64 %as0, "
            "ptr %c, i64 %cs1, i64 %cs0, i64 %n, i64 %m, i64 %k, i1 %add"
        )
    return f"{a}, {b}, ptr %c, i64 %cs0, i64 %cs1, i64 %m, i64 %n, i64 %k, i1 %add"


def shape_text(letter: str, name: str, by_rows: int, by_columns: int) -> str:
    """The function `{ i32, i64, i1 } name_<letter>(s0, s1, rows, cols)`: how a BLAS reads a matrix
    (as its rows or its columns lie), its leading size, and whether it can."""
    text = plain(_SHAPE)
    for old, new in {
        "matmul_shape_L": f"{name}_{letter}",
        "NO_TRANS": str(by_rows),
        "TRANS": str(by_columns),
        "SIZE": str(_SIZE[letter]),
    }.items():
        text = text.replace(old, new)
    return text


def declared(letter: str, routine: str) -> str:
    """The ``declare`` of a routine of BLAS for a dtype (s d c z)."""
    scalar = "ptr" if letter in "cz" else _REAL[letter]
    sizes = {"gemv": "i32, i32, i64, i64", "syrk": "i32, i32, i32, i64, i64"}
    matrices = {"syrk": f"{scalar}, ptr, i64, {scalar}, ptr, i64"}
    first = sizes.get(routine[-4:], "i32, i32, i32, i64, i64, i64")
    rest = matrices.get(routine[-4:], f"{scalar}, ptr, i64, ptr, i64, {scalar}, ptr, i64")
    return f"declare void @{routine}({first}, {rest})"


def gemm_text(letter: str, declare: Callable[[str], None], counter: str | None = None) -> str:
    """The functions for one dtype (s d c z); `declare` gets what they call.

    `counter`: the global that counts what threads shared; None: all in the calling thread.
    """
    real, complex_ = _REAL[letter], letter in "cz"
    declare("declare i64 @llvm.smax.i64(i64, i64)")
    declare("declare i64 @llvm.smin.i64(i64, i64)")
    for routine in ("gemv", "syrk", "gemm"):
        declare(declared(letter, f"cblas_{letter}{routine}"))
    kind = f"[2 x {real}]"
    one, zero = (f"@matmul_{name}_{letter}" for name in ("one", "zero"))
    pieces: dict[str, str] = dict(_COMPLEX_PARTS if complex_ else _REAL_PARTS)
    if complex_:
        pieces |= {
            "BETAARG": "ptr %beta",
            "ALPHA": f"ptr {one}",
            "BETA": f"%beta = select i1 %add, ptr {one}, ptr {zero}",
        }
    else:
        pieces |= {
            "BETAARG": f"{real} %beta",
            "ALPHA": f"{real} 1.0",
            "BETA": f"%beta = select i1 %add, {real} 1.0, {real} 0.0",
        }
    if counter is not None:
        declare("declare i64 @tj_threads()")
    rows = _ROWS.replace("GENERAL", general(counter)).replace("CLOSURE", closure())
    text = plain("\n".join([_MAIN, rows, _MIRROR, _LOOPS, task()]))
    for name, piece in pieces.items():
        text = text.replace(f"  {name}\n", f"  {piece}\n").replace(f" {name},", f" {piece},")
    params = _args(False)
    for name, piece in {
        "FLIPPED": _args(True),
        "PARAMS": params,
        "ARGS": params,
        "NO_TRANS": str(NO_TRANS),
        "ORDER": str(ROW_MAJOR),
        "UPPER": str(UPPER),
        "BITS": f"i{8 * _SIZE[letter]}",
        "SIZE": str(_SIZE[letter]),
        "HALF": str(_SIZE[letter] // 2),
        " T ": f" {real} ",
        " T,": f" {real},",
        "_L(": f"_{letter}(",
        "_L,": f"_{letter},",
        "cblas_L": f"cblas_{letter}",
    }.items():
        text = text.replace(name, piece)
    text = f"{shape_text(letter, 'matmul_shape', NO_TRANS, TRANS)}\n{text}"
    if complex_:
        text = (
            f"{one} = internal unnamed_addr constant {kind} [{real} 1.0, {real} 0.0]\n"
            f"{zero} = internal unnamed_addr constant {kind} zeroinitializer\n{text}"
        )
    return text
