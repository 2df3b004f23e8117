"""LLVM text of functions that run LAPACK on stacks of matrices in C order.

`@lapack_<name>_<letter>(ctx, arrays…, ok, batch, n, k)`, nonzero when memory is short. The routines
and their arguments are NumPy's, on copies by columns as NumPy's, so that values agree with its own
to rounding and the same matrices are singular. `ok` has a byte per matrix: whether it was good.
"""

from __future__ import annotations

from tracejit.llvm_text.nested import plain

_REAL = {"s": "float", "d": "double", "c": "float", "z": "double"}
_ELEMENT = {"s": "i32", "d": "i64", "c": "i64", "z": "<2 x i64>"}
_SIZE = {"s": 4, "d": 8, "c": 8, "z": 16}
#: A register as a double, and a double as such a register.
_WIDER = {"float": "fpext float {} to double", "double": "fadd double {}, -0.0"}
_NARROWER = {"float": "fptrunc double {} to float", "double": "fadd double {}, -0.0"}
_NAN = "0x7FF8000000000000"

_TRANSPOSE = """define internal void @lapack_transpose_L(
    ptr %src, ptr %dst, i64 %rows, i64 %cols) #0 {
entry:
  br i1 (and i1 (icmp sgt i64 %rows, 0), (icmp sgt i64 %cols, 0)), label %row, label %done
row:
  %i = phi i64 [ 0, %entry ], [ %i1, %next ]
  %base = mul nsw i64 %i, %cols
  br label %col
col:
  %j = phi i64 [ 0, %row ], [ %j1, %col ]
  %from = add nsw i64 %base, %j
  %down = mul nsw i64 %j, %rows
  %to = add nsw i64 %down, %i
  %fromp = getelementptr inbounds ELEMENT, ptr %src, i64 %from
  %top = getelementptr inbounds ELEMENT, ptr %dst, i64 %to
  %x = load ELEMENT, ptr %fromp, align ALIGN
  store ELEMENT %x, ptr %top, align ALIGN
  %j1 = add nuw nsw i64 %j, 1
  br i1 (icmp slt i64 %j1, %cols), label %col, label %next
next:
  %i1 = add nuw nsw i64 %i, 1
  br i1 (icmp slt i64 %i1, %rows), label %row, label %done
done:
  ret void
}"""

# A square matrix transposed in place.
_MIRROR = """define internal void @lapack_mirror_L(ptr %dst, i64 %n) #0 {
entry:
  br i1 (icmp sgt i64 %n, 1), label %row, label %done
row:
  %i = phi i64 [ 1, %entry ], [ %i1, %next ]
  %base = mul nsw i64 %i, %n
  br label %col
col:
  %j = phi i64 [ 0, %row ], [ %j1, %col ]
  %below = add nsw i64 %base, %j
  %down = mul nsw i64 %j, %n
  %above = add nsw i64 %down, %i
  %belowp = getelementptr inbounds ELEMENT, ptr %dst, i64 %below
  %abovep = getelementptr inbounds ELEMENT, ptr %dst, i64 %above
  %x = load ELEMENT, ptr %belowp, align ALIGN
  %y = load ELEMENT, ptr %abovep, align ALIGN
  store ELEMENT %y, ptr %belowp, align ALIGN
  store ELEMENT %x, ptr %abovep, align ALIGN
  %j1 = add nuw nsw i64 %j, 1
  br i1 (icmp slt i64 %j1, %i), label %col, label %next
next:
  %i1 = add nuw nsw i64 %i, 1
  br i1 (icmp slt i64 %i1, %n), label %row, label %done
done:
  ret void
}"""

_FILL = """define internal void @lapack_nan_L(ptr %dst, i64 %count) #0 {
entry:
  %reals = mul nsw i64 %count, PARTS
  br i1 (icmp sgt i64 %reals, 0), label %fill, label %done
fill:
  %i = phi i64 [ 0, %entry ], [ %i1, %fill ]
  %p = getelementptr inbounds REAL, ptr %dst, i64 %i
  store REAL NAN, ptr %p
  %i1 = add nuw nsw i64 %i, 1
  br i1 (icmp slt i64 %i1, %reals), label %fill, label %done
done:
  ret void
}"""

_IDENTITY = """define internal void @lapack_eye_L(ptr %dst, i64 %n) #0 {
entry:
  %square = mul nsw i64 %n, %n
  %bytes = mul nsw i64 %square, SIZE
  call void @llvm.memset.p0.i64(ptr %dst, i8 0, i64 %bytes, i1 false)
  br i1 (icmp sgt i64 %n, 0), label %set, label %done
set:
  %i = phi i64 [ 0, %entry ], [ %i1, %set ]
  %n1 = add nsw i64 %n, 1
  %at = mul nsw i64 %i, %n1
  %atr = mul nsw i64 %at, PARTS
  %p = getelementptr inbounds REAL, ptr %dst, i64 %atr
  store REAL 1.0, ptr %p
  %i1 = add nuw nsw i64 %i, 1
  br i1 (icmp slt i64 %i1, %n), label %set, label %done
done:
  ret void
}"""

# The inverse is the solution for the identity: there `b` is null.
_SOLVE = """define internal i32 @lapack_solve_L(ptr %ctx, ptr %a, ptr %b, ptr %x, ptr %ok,
    i64 %batch, i64 %n, i64 %k) #0 {
entry:
  %np = alloca i64
  %kp = alloca i64
  %infop = alloca i64
  call void @llvm.memset.p0.i64(ptr %ok, i8 1, i64 %batch, i1 false)
  %nk = mul nsw i64 %n, %k
  %nn = mul nsw i64 %n, %n
  %work = mul nsw i64 %nk, %batch
  br i1 (icmp sgt i64 %work, 0), label %begin, label %done
begin:
  store i64 %n, ptr %np
  store i64 %k, ptr %kp
  %nnb = mul nsw i64 %nn, SIZE
  %nkb = mul nsw i64 %nk, SIZE
  %both = add nsw i64 %nnb, %nkb
  %up = add nsw i64 %both, 15
  %pivots = and i64 %up, -16
  %pivb = mul nsw i64 %n, 8
  %total = add nsw i64 %pivots, %pivb
  %pa = call ptr @tj_alloc(ptr %ctx, i64 %total)
  br i1 (icmp eq ptr %pa, null), label %short, label %ready
ready:
  %pb = getelementptr inbounds i8, ptr %pa, i64 %nnb
  %piv = getelementptr inbounds i8, ptr %pa, i64 %pivots
  %invert = icmp eq ptr %b, null
  br label %each
each:
  %t = phi i64 [ 0, %ready ], [ %t1, %next ]
  %offa = mul nsw i64 %t, %nnb
  %offb = mul nsw i64 %t, %nkb
  %at = getelementptr inbounds i8, ptr %a, i64 %offa
  %xt = getelementptr inbounds i8, ptr %x, i64 %offb
  call void @lapack_transpose_L(ptr %at, ptr %pa, i64 %n, i64 %n)
  br i1 %invert, label %eye, label %right
eye:
  call void @lapack_eye_L(ptr %pb, i64 %n)
  br label %solve
right:
  %bt = getelementptr inbounds i8, ptr %b, i64 %offb
  call void @lapack_transpose_L(ptr %bt, ptr %pb, i64 %n, i64 %k)
  br label %solve
solve:
  call void @Lgesv(ptr %np, ptr %kp, ptr %pa, ptr %np, ptr %piv, ptr %pb, ptr %np, ptr %infop)
  %info = load i64, ptr %infop
  %good = icmp eq i64 %info, 0
  %flag = zext i1 %good to i8
  %okt = getelementptr inbounds i8, ptr %ok, i64 %t
  store i8 %flag, ptr %okt
  br i1 %good, label %back, label %bad
back:
  call void @lapack_transpose_L(ptr %pb, ptr %xt, i64 %k, i64 %n)
  br label %next
bad:
  call void @lapack_nan_L(ptr %xt, i64 %nk)
  br label %next
next:
  %t1 = add nuw nsw i64 %t, 1
  br i1 (icmp slt i64 %t1, %batch), label %each, label %free
free:
  call void @tj_free(ptr %ctx, ptr %pa)
  br label %done
done:
  ret i32 0
short:
  ret i32 1
}"""

# By rows a lower triangle is, by columns, an upper one, and its factor the transposed one; but the
# signs of zeros are NumPy's only where the matrix is by columns, as NumPy's copy is.
_CHOLESKY = """define internal i32 @lapack_cholesky_L(ptr %ctx, ptr %a, ptr %x, ptr %ok,
    i64 %batch, i64 %n, i1 %upper) #0 {
entry:
  %np = alloca i64
  %infop = alloca i64
  %uplo = alloca i8
  call void @llvm.memset.p0.i64(ptr %ok, i8 1, i64 %batch, i1 false)
  store i64 %n, ptr %np
  %letter = select i1 %upper, i8 85, i8 76
  store i8 %letter, ptr %uplo
  %nn = mul nsw i64 %n, %n
  %nnb = mul nsw i64 %nn, SIZE
  %work = mul nsw i64 %nn, %batch
  br i1 (icmp sgt i64 %work, 0), label %each, label %done
each:
  %t = phi i64 [ 0, %entry ], [ %t1, %next ]
  %off = mul nsw i64 %t, %nnb
  %at = getelementptr inbounds i8, ptr %a, i64 %off
  %xt = getelementptr inbounds i8, ptr %x, i64 %off
  call void @llvm.memcpy.p0.p0.i64(ptr %xt, ptr %at, i64 %nnb, i1 false)
  call void @lapack_mirror_L(ptr %xt, i64 %n)
  call void @Lpotrf(ptr %uplo, ptr %np, ptr %xt, ptr %np, ptr %infop, i64 1)
  %info = load i64, ptr %infop
  %good = icmp eq i64 %info, 0
  %flag = zext i1 %good to i8
  %okt = getelementptr inbounds i8, ptr %ok, i64 %t
  store i8 %flag, ptr %okt
  br i1 %good, label %rows, label %bad
bad:
  call void @lapack_nan_L(ptr %xt, i64 %nn)
  br label %next
rows:
  call void @lapack_mirror_L(ptr %xt, i64 %n)
  br label %row
row:
  %i = phi i64 [ 0, %rows ], [ %i1, %row ]
  %start = mul nsw i64 %i, %n
  %i1 = add nuw nsw i64 %i, 1
  %after = add nsw i64 %start, %i1
  %first = select i1 %upper, i64 %start, i64 %after
  %rest = sub nsw i64 %n, %i1
  %count = select i1 %upper, i64 %i, i64 %rest
  %firstb = mul nsw i64 %first, SIZE
  %countb = mul nsw i64 %count, SIZE
  %zp = getelementptr inbounds i8, ptr %xt, i64 %firstb
  call void @llvm.memset.p0.i64(ptr %zp, i8 0, i64 %countb, i1 false)
  br i1 (icmp slt i64 %i1, %n), label %row, label %next
next:
  %t1 = add nuw nsw i64 %t, 1
  br i1 (icmp slt i64 %t1, %batch), label %each, label %done
done:
  ret i32 0
}"""

_TRIANGULAR = """define internal i32 @lapack_triangular_solve_L(ptr %ctx, ptr %a, ptr %b, ptr %x,
    i64 %batch, i64 %n, i64 %k, i1 %lower) #0 {
entry:
  %one = alloca [2 x REAL]
  store [2 x REAL] [REAL 1.0, REAL 0.0], ptr %one
  %nk = mul nsw i64 %n, %k
  %nkb = mul nsw i64 %nk, SIZE
  %nn = mul nsw i64 %n, %n
  %nnb = mul nsw i64 %nn, SIZE
  %work = mul nsw i64 %nk, %batch
  %some = icmp sgt i64 %work, 0
  %uplo = select i1 %lower, i32 122, i32 121
  br i1 %some, label %each, label %done
each:
  %t = phi i64 [ 0, %entry ], [ %t1, %each ]
  %offa = mul nsw i64 %t, %nnb
  %offb = mul nsw i64 %t, %nkb
  %at = getelementptr inbounds i8, ptr %a, i64 %offa
  %bt = getelementptr inbounds i8, ptr %b, i64 %offb
  %xt = getelementptr inbounds i8, ptr %x, i64 %offb
  call void @llvm.memcpy.p0.p0.i64(ptr %xt, ptr %bt, i64 %nkb, i1 false)
  call void @cblas_Ltrsm(i32 101, i32 141, i32 %uplo, i32 111, i32 131, i64 %n, i64 %k,
    ALPHA, ptr %at, i64 %n, ptr %xt, i64 %k)
  %t1 = add nuw nsw i64 %t, 1
  br i1 (icmp slt i64 %t1, %batch), label %each, label %done
done:
  ret i32 0
}"""

# A number with room in its exponent: `%x` times 2**(500 `%e`), `%x` not far from one.
_SCALED = """define internal { double, i64 } @lapack_scaled_L(double %x, i64 %e) #0 {
  %size = call double @llvm.fabs.f64(double %x)
  %big = fcmp ogt double %size, 0x5F30000000000000
  %small = and i1 (fcmp olt double %size, 0x20B0000000000000), (fcmp ogt double %size, 0.0)
  %up = select i1 %small, double 0x5F30000000000000, double 1.0
  %by = select i1 %big, double 0x20B0000000000000, double %up
  %y = fmul double %x, %by
  %more = zext i1 %big to i64
  %less = zext i1 %small to i64
  %e1 = add i64 %e, %more
  %e2 = sub i64 %e1, %less
  %r0 = insertvalue { double, i64 } poison, double %y, 0
  %r1 = insertvalue { double, i64 } %r0, i64 %e2, 1
  ret { double, i64 } %r1
}"""

# An LU factorization, and a product that overflows only where the determinant does.
_DET = """define internal i32 @lapack_det_L(ptr %ctx, ptr %a, ptr %m,
    i64 %batch, i64 %n) #0 {
entry:
  %np = alloca i64
  %infop = alloca i64
  store i64 %n, ptr %np
  %nn = mul nsw i64 %n, %n
  %nnb = mul nsw i64 %nn, SIZE
  %up = add nsw i64 %nnb, 15
  %pivots = and i64 %up, -16
  %pivb = mul nsw i64 %n, 8
  %bytes = add nsw i64 %pivots, %pivb
  %total = add nsw i64 %bytes, 8
  br i1 (icmp sgt i64 %batch, 0), label %begin, label %done
begin:
  %pa = call ptr @tj_alloc(ptr %ctx, i64 %total)
  br i1 (icmp eq ptr %pa, null), label %short, label %ready
ready:
  %piv = getelementptr inbounds i8, ptr %pa, i64 %pivots
  %n1 = add nsw i64 %n, 1
  %any = icmp sgt i64 %n, 0
  br label %each
each:
  %t = phi i64 [ 0, %ready ], [ %t1, %next ]
  br i1 %any, label %factor, label %next
factor:
  %off = mul nsw i64 %t, %nnb
  %at = getelementptr inbounds i8, ptr %a, i64 %off
  call void @lapack_transpose_L(ptr %at, ptr %pa, i64 %n, i64 %n)
  call void @Lgetrf(ptr %np, ptr %np, ptr %pa, ptr %np, ptr %piv, ptr %infop)
  %info = load i64, ptr %infop
  br i1 (icmp eq i64 %info, 0), label %product, label %next
product:
  br label %times
times:
  %i = phi i64 [ 0, %product ], [ %i1, %times ]
  %p = phi double [ 1.0, %product ], [ %p3, %times ]
  %x = phi i64 [ 0, %product ], [ %x3, %times ]
  %place = mul nsw i64 %i, %n1
  %dp = getelementptr inbounds REAL, ptr %pa, i64 %place
  %d0 = load REAL, ptr %dp
  WIDEN
  %i1 = add nuw nsw i64 %i, 1
  %pivp = getelementptr inbounds i64, ptr %piv, i64 %i
  %pivot = load i64, ptr %pivp
  %moved = icmp ne i64 %pivot, %i1
  %turned = fneg double %d1
  %d = select i1 %moved, double %turned, double %d1
  %s1 = call { double, i64 } @lapack_scaled_L(double %d, i64 %x)
  %d2 = extractvalue { double, i64 } %s1, 0
  %x2 = extractvalue { double, i64 } %s1, 1
  %p2 = fmul double %p, %d2
  %s2 = call { double, i64 } @lapack_scaled_L(double %p2, i64 %x2)
  %p3 = extractvalue { double, i64 } %s2, 0
  %x3 = extractvalue { double, i64 } %s2, 1
  br i1 (icmp slt i64 %i1, %n), label %times, label %back
back:
  ; Four steps are beyond any double, from wherever they start.
  %q = phi double [ %p3, %times ], [ %q1, %step ]
  %z = phi i64 [ %x3, %times ], [ %z1, %step ]
  %tries = phi i64 [ 0, %times ], [ %tries1, %step ]
  br i1 (and i1 (icmp ne i64 %z, 0), (icmp slt i64 %tries, 4)), label %step, label %next
step:
  %above = icmp sgt i64 %z, 0
  %unit = select i1 %above, double 0x5F30000000000000, double 0x20B0000000000000
  %q1 = fmul double %q, %unit
  %dir = select i1 %above, i64 -1, i64 1
  %z1 = add i64 %z, %dir
  %tries1 = add i64 %tries, 1
  br label %back
next:
  %found = phi double [ 1.0, %each ], [ 0.0, %factor ], [ %q, %back ]
  NARROW
  %mp = getelementptr inbounds REAL, ptr %m, i64 %t
  store REAL %out, ptr %mp
  %t1 = add nuw nsw i64 %t, 1
  br i1 (icmp slt i64 %t1, %batch), label %each, label %free
free:
  call void @tj_free(ptr %ctx, ptr %pa)
  br label %done
done:
  ret i32 0
short:
  ret i32 1
}"""

_TEXTS = {"det": _DET, "solve": _SOLVE, "cholesky": _CHOLESKY, "triangular_solve": _TRIANGULAR}
_SHARED = {
    "transpose": _TRANSPOSE,
    "mirror": _MIRROR,
    "nan": _FILL,
    "eye": _IDENTITY,
    "scaled": _SCALED,
}
#: What each function calls: shared functions, and routines by their names without a letter.
NEEDS = {
    "solve": (("transpose", "nan", "eye"), ("gesv",)),
    "cholesky": (("mirror", "nan"), ("potrf",)),
    "triangular_solve": ((), ("trsm",)),
    "det": (("transpose", "scaled"), ("getrf",)),
}
#: The routines' parameters; the trailing length of a string is as gfortran passes it.
_PARAMETERS = {
    "gesv": ", ".join(["ptr"] * 8),
    "getrf": ", ".join(["ptr"] * 6),
    "potrf": "ptr, ptr, ptr, ptr, ptr, i64",
    "trsm": "i32, i32, i32, i32, i32, i64, i64, ALPHA, ptr, i64, ptr, i64",
}


def _filled(text: str, letter: str) -> str:
    real = _REAL[letter]
    is_complex = letter in "cz"
    words = {
        "ALIGN": str(min(_SIZE[letter], 8)),
        "ELEMENT": _ELEMENT[letter],
        "PARTS": str(1 + is_complex),
        "SIZE": str(_SIZE[letter]),
        "REAL": real,
        "NAN": _NAN,
        "WIDEN": f"%d1 = {_WIDER[real].format('%d0')}",
        "NARROW": f"%out = {_NARROWER[real].format('%found')}",
        "_L(": f"_{letter}(",
        "@L": f"@{letter}",
        "_Ltrsm": f"_{letter}trsm",
    }
    text = plain(text)
    for word, by in words.items():
        text = text.replace(word, by)
    return text


def function_text(name: str, letter: str) -> str:
    """The function of a row for one of BLAS' letters."""
    alpha = "ptr %one" if letter in "cz" else f"{_REAL[letter]} 1.0"
    return _filled(_TEXTS[name].replace("ALPHA", alpha), letter)


def shared_text(name: str, letter: str) -> str:
    """A function that several rows call."""
    return _filled(_SHARED[name], letter)


def routine(name: str, letter: str) -> tuple[str, str]:
    """A routine's symbol and its declaration."""
    symbol = f"cblas_{letter}{name}" if name == "trsm" else f"{letter}{name}"
    alpha = "ptr" if letter in "cz" else _REAL[letter]
    parameters = _PARAMETERS[name].replace("ALPHA", alpha)
    return symbol, f"declare void @{symbol}({parameters})"
