"""LLVM text of matrix products in exported code: CBLAS where the program is linked with one, by
weak symbols and with its usual integers of 32 bits; loops otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable

from tracejit.codegen_llvm.gemm_text import gemm_text

_SIZES = ("m", "n", "k", "as0", "as1", "bs0", "bs1", "cs0", "cs1")


def matmul_text(letter: str, declare: Callable[[str], None], *, blas: bool) -> str:
    """``@matmul_<letter>`` and what it calls; ``declare`` gets what is declared."""
    routines: list[str] = []

    def declared(line: str) -> None:
        if "@cblas_" in line:
            routines.append(line)
        else:
            declare(line)

    text = gemm_text(letter, declared).replace("@cblas_", "@blas_")
    where = text.index(f"define internal i1 @matmul_rows_{letter}(")
    start = text.index("entry:\n", where) + len("entry:\n")
    asked = _asks(letter) if blas else "  br i1 false, label %.blas, label %no\n.blas:\n"
    shims = [_shim(line, declare, weak=blas) for line in routines]
    text = text[:start] + asked + text[start:]
    if letter in _REAL:
        loops = f"call void @matmul_loops_{letter}("
        text = text.replace(loops, loops.replace("loops", "by_rows"), 1)
        declare("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
        kind, size = _REAL[letter]
        shims.append(
            _BY_ROWS.replace("_L", f"_{letter}").replace("T ", f"{kind} ").replace("SIZE", size)
        )
    return "\n".join([text, *shims])


_REAL = {"s": ("float", "4"), "d": ("double", "8")}

# Where rows of b and of c are contiguous, a row of c is a sum of rows of b, which is vector code.
# The terms of an element are added in the same order as in the loops.
_BY_ROWS = """define internal void @matmul_add_row_L(
    ptr noalias %c, ptr noalias %b, T %x, i64 %n) #0 {
entry:
  br label %loop
loop:
  %j = phi i64 [ 0, %entry ], [ %j1, %loop ]
  %cp = getelementptr T , ptr %c, i64 %j
  %bp = getelementptr T , ptr %b, i64 %j
  %y = load T , ptr %bp
  %old = load T , ptr %cp
  %xy = fmul T %x, %y
  %new = fadd T %old, %xy
  store T %new, ptr %cp
  %j1 = add i64 %j, 1
  %more = icmp slt i64 %j1, %n
  br i1 %more, label %loop, label %done
done:
  ret void
}

define internal void @matmul_by_rows_L(ptr %a, i64 %as0, i64 %as1, ptr %b, i64 %bs0, i64 %bs1,
    ptr %c, i64 %cs0, i64 %cs1, i64 %m, i64 %n, i64 %k, i1 %add) #0 {
entry:
  %c_rows = icmp eq i64 %cs1, SIZE
  %b_rows = icmp eq i64 %bs1, SIZE
  %rows = and i1 %c_rows, %b_rows
  br i1 %rows, label %row, label %other
other:
  call void @matmul_loops_L(ptr %a, i64 %as0, i64 %as1, ptr %b, i64 %bs0, i64 %bs1,
    ptr %c, i64 %cs0, i64 %cs1, i64 %m, i64 %n, i64 %k, i1 %add)
  ret void
row:
  %i = phi i64 [ 0, %entry ], [ %i1, %row_end ]
  %ai = mul i64 %i, %as0
  %ci = mul i64 %i, %cs0
  %cr = getelementptr i8, ptr %c, i64 %ci
  br i1 %add, label %sum, label %clear
clear:
  %bytes = mul i64 %n, SIZE
  call void @llvm.memset.p0.i64(ptr %cr, i8 0, i64 %bytes, i1 false)
  br label %sum
sum:
  %some = icmp sgt i64 %k, 0
  br i1 %some, label %term, label %row_end
term:
  %l = phi i64 [ 0, %sum ], [ %l1, %term ]
  %al0 = mul i64 %l, %as1
  %al = add i64 %ai, %al0
  %ap = getelementptr i8, ptr %a, i64 %al
  %x = load T , ptr %ap
  %bl = mul i64 %l, %bs0
  %br = getelementptr i8, ptr %b, i64 %bl
  call void @matmul_add_row_L(ptr %cr, ptr %br, T %x, i64 %n)
  %l1 = add i64 %l, 1
  %more = icmp slt i64 %l1, %k
  br i1 %more, label %term, label %row_end
row_end:
  %i1 = add i64 %i, 1
  %morei = icmp slt i64 %i1, %m
  br i1 %morei, label %row, label %done
done:
  ret void
}"""


def _asks(letter: str) -> str:
    """Whether there is a CBLAS, and all sizes fit its integers."""
    lines = [f"%.there = icmp ne ptr @cblas_{letter}gemm, null", f"%.or.0 = or i64 %{_SIZES[0]}, 0"]
    for k, name in enumerate(_SIZES[1:]):
        lines.append(f"%.or.{k + 1} = or i64 %.or.{k}, %{name}")
    lines += [
        f"%.fits = icmp ult i64 %.or.{len(_SIZES) - 1}, {2**31}",
        "%.use = and i1 %.there, %.fits",
        "br i1 %.use, label %.blas, label %no",
    ]
    return "".join(f"  {line}\n" for line in lines) + ".blas:\n"


def _shim(line: str, declare: Callable[[str], None], *, weak: bool) -> str:
    """A function with integers of 64 bits that calls the routine of ``line`` with such of 32."""
    found = re.match(r"declare void @(cblas_\w+)\((.*)\)", line)
    assert found is not None, line
    name, types = found.group(1), found.group(2).split(", ")
    params = ", ".join(f"{t} %p{k}" for k, t in enumerate(types))
    inner = name.replace("cblas_", "blas_")
    if not weak:
        return f"define internal void @{inner}({params}) #0 {{\n  unreachable\n}}"
    narrow = ["i32" if t == "i64" else t for t in types]
    declare(f"declare extern_weak void @{name}({', '.join(narrow)})")
    casts = [f"  %q{k} = trunc i64 %p{k} to i32\n" for k, t in enumerate(types) if t == "i64"]
    kept = ["q" if t == "i64" else "p" for t in types]
    given = ", ".join(f"{t} %{p}{k}" for k, (t, p) in enumerate(zip(narrow, kept, strict=True)))
    call = f"  call void @{name}({given})\n  ret void\n"
    return f"define internal void @{inner}({params}) #0 {{\n{''.join(casts)}{call}}}"
