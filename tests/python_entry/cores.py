"""Cores written by hand, and callables made of them."""

from __future__ import annotations

import numpy as np

from tracejit.abi import ArrayParam, ArrayResult, AxisLength, ScalarParam, Signature
from tracejit.codegen_llvm import runtime_text
from tracejit.ir.results import ArrayOut
from tracejit.python_entry import entry

F8, F4, I8, C8, C16 = (np.dtype(c) for c in ("f8", "f4", "i8", "c8", "c16"))


def core(*lines: str) -> str:
    """A core of straight-line code; `%sK` are pointers to the slots."""
    slots = [f"%s{k} = getelementptr i64, ptr %slots, i64 {k}" for k in range(12)]
    body = "\n  ".join([*slots, *lines])
    return f"define i32 @core(ptr %ctx, ptr %slots) #0 {{\n  {body}\n}}\n" + runtime_needs(body)


def runtime_needs(body: str) -> str:
    wanted = runtime_text.DECLARATIONS.strip().splitlines()
    return "\n".join(d for d in wanted if d[d.index("@") :].split("(")[0] in body)


NOTHING = core("ret i32 0")

# o[i] = x[i * stride] + 1; slots: x, n, stride, o
ADD_ONE = """
define i32 @core(ptr %ctx, ptr %slots) #0 {
  %x = load ptr, ptr %slots
  %np = getelementptr i64, ptr %slots, i64 1
  %n = load i64, ptr %np
  %sp = getelementptr i64, ptr %slots, i64 2
  %s = load i64, ptr %sp
  %op = getelementptr i64, ptr %slots, i64 3
  %o = load ptr, ptr %op
  br label %head
head:
  %i = phi i64 [ 0, %0 ], [ %i1, %body ]
  %more = icmp slt i64 %i, %n
  br i1 %more, label %body, label %done
body:
  %at = mul i64 %i, %s
  %p = getelementptr i8, ptr %x, i64 %at
  %v = load double, ptr %p
  %w = fadd double %v, 1.0
  %q = getelementptr double, ptr %o, i64 %i
  store double %w, ptr %q
  %i1 = add i64 %i, 1
  br label %head
done:
  ret i32 0
}
"""
STRIDED = Signature(
    (ArrayParam(F8, (None,), (None,)),), (ArrayResult(F8, (AxisLength(0, 0),)),), (ArrayOut(0),), 0
)

# A result whose length only the core knows: the numbers 0 .. k-1 for a Python int k.
ARANGE = """
declare ptr @tj_alloc(ptr, i64)
define i32 @core(ptr %ctx, ptr %slots) #0 {
  %k = load i64, ptr %slots
  %bytes = shl i64 %k, 3
  %o = call ptr @tj_alloc(ptr %ctx, i64 %bytes)
  %scrap = call ptr @tj_alloc(ptr %ctx, i64 100)
  %null = icmp eq ptr %o, null
  br i1 %null, label %fail, label %head
head:
  %i = phi i64 [ 0, %0 ], [ %i1, %body ]
  %more = icmp slt i64 %i, %k
  br i1 %more, label %body, label %done
body:
  %q = getelementptr i64, ptr %o, i64 %i
  store i64 %i, ptr %q
  %i1 = add i64 %i, 1
  br label %head
done:
  %s1 = getelementptr i64, ptr %slots, i64 1
  %s2 = getelementptr i64, ptr %slots, i64 2
  store ptr %o, ptr %s1
  store i64 %k, ptr %s2
  ret i32 0
fail:
  ret i32 1
}
"""
ARANGE_SIGNATURE = Signature(
    (ScalarParam(I8, "int"),), (ArrayResult(I8, (None,)),), (ArrayOut(0),), 0
)


def new_callable(*specs, **namespace):
    made = entry.callable_type("Sample", __name__, namespace)()
    entry.set_miss(made, lambda *args, **kwargs: ("miss", args, kwargs))
    entry.set_chain(made, specs)
    return made
