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
    return "\n".join([text[:start] + asked + text[start:], *shims])


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
