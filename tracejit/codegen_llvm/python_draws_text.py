"""LLVM text of draws of Python's `random.Random`: MT19937, and `random.py` above it.

The generator is that of Matsumoto and Nishimura (ACM TOMACS 8, 1998): 624 words, refilled in place.
`%mt` is an index and the words, as they lie in the object. `gauss_next` is an attribute of the
object; where it is neither None nor a float, `random_gauss` gives false and has drawn nothing.
Logarithms, sines and cosines are the C library's that `math` calls. The GIL is held.
"""

from __future__ import annotations

import math
import struct

from tracejit.codegen_llvm.draw_texts import DrawTexts, with_callees

_REFILL = """
define internal void @random_refill(ptr %words) {
entry:
  br label %head
head:
  %k = phi i64 [ 0, %entry ], [ %k1, %head ]
  %k1 = add i64 %k, 1
  %last = icmp eq i64 %k1, 624
  %next = select i1 %last, i64 0, i64 %k1
  %far0 = add i64 %k, 397
  %far1 = sub i64 %far0, 624
  %far = select i1 (icmp uge i64 %far0, 624), i64 %far1, i64 %far0
  %ap = getelementptr i32, ptr %words, i64 %k
  %bp = getelementptr i32, ptr %words, i64 %next
  %cp = getelementptr i32, ptr %words, i64 %far
  %a = load i32, ptr %ap
  %b = load i32, ptr %bp
  %c = load i32, ptr %cp
  %high = and i32 %a, -2147483648
  %low = and i32 %b, 2147483647
  %y = or i32 %high, %low
  %half = lshr i32 %y, 1
  %odd = trunc i32 %y to i1
  %matrix = select i1 %odd, i32 -1727483681, i32 0
  %t = xor i32 %c, %half
  %new = xor i32 %t, %matrix
  store i32 %new, ptr %ap
  br i1 %last, label %done, label %head
done:
  ret void
}
"""
_WORD = """
define internal i32 @random_word(ptr %mt) {
entry:
  %words = getelementptr i8, ptr %mt, i64 4
  %index = load i32, ptr %mt
  br i1 (icmp uge i32 %index, 624), label %refill, label %take
refill:
  call void @random_refill(ptr %words)
  br label %take
take:
  %k = phi i32 [ %index, %entry ], [ 0, %refill ]
  %k1 = add i32 %k, 1
  store i32 %k1, ptr %mt
  %place = zext i32 %k to i64
  %y0 = load i32, ptr %words[i32 %place]
  %s0 = lshr i32 %y0, 11
  %y1 = xor i32 %y0, %s0
  %s1 = shl i32 %y1, 7
  %m1 = and i32 %s1, -1658038656
  %y2 = xor i32 %y1, %m1
  %s2 = shl i32 %y2, 15
  %m2 = and i32 %s2, -272236544
  %y3 = xor i32 %y2, %m2
  %s3 = lshr i32 %y3, 18
  %y4 = xor i32 %y3, %s3
  ret i32 %y4
}
"""
_RANDOM = """
define internal double @random_random(ptr %mt) {
  %w1 = call i32 @random_word(ptr %mt)
  %w2 = call i32 @random_word(ptr %mt)
  %a = lshr i32 %w1, 5
  %b = lshr i32 %w2, 6
  %fa = uitofp i32 %a to double
  %fb = uitofp i32 %b to double
  %high = fmul double %fa, 67108864.0
  %sum = fadd double %high, %fb
  %u = fmul double %sum, 0x3CA0000000000000
  ret double %u
}
"""
_BELOW = """
define internal i64 @random_below(ptr %mt, i64 %n) {
entry:
  %zeros = call i64 @llvm.ctlz.i64(i64 %n, i1 true)
  %bits = sub i64 64, %zeros
  br i1 (icmp ule i64 %bits, 32), label %one, label %two
one:
  %w = call i32 @random_word(ptr %mt)
  %w64 = zext i32 %w to i64
  %drop = sub i64 32, %bits
  %r1 = lshr i64 %w64, %drop
  br i1 (icmp ult i64 %r1, %n), label %done, label %one
two:
  %low = call i32 @random_word(ptr %mt)
  %high = call i32 @random_word(ptr %mt)
  %low64 = zext i32 %low to i64
  %high64 = zext i32 %high to i64
  %rest = sub i64 64, %bits
  %kept = lshr i64 %high64, %rest
  %up = shl i64 %kept, 32
  %r2 = or i64 %up, %low64
  br i1 (icmp ult i64 %r2, %n), label %done, label %two
done:
  %r = phi i64 [ %r1, %one ], [ %r2, %two ]
  ret i64 %r
}
"""
_UNIFORM = """
define internal double @random_uniform_between(ptr %mt, double %a, double %b) {
  %wide = fsub double %b, %a
  %u = call double @random_random(ptr %mt)
  %part = fmul double %wide, %u
  %x = fadd double %a, %part
  ret double %x
}
"""
_EXPOVARIATE = """
define internal double @random_expovariate(ptr %mt, double %lambd) {
  %u = call double @random_random(ptr %mt)
  %rest = fsub double 1.0, %u
  %log = call double @tj_c_log(double %rest)
  %minus = fneg double %log
  %x = fdiv double %minus, %lambd
  ret double %x
}
"""
_NORMALVARIATE = """
define internal double @random_normalvariate(ptr %mt, double %mu, double %sigma) {
entry:
  br label %draw
draw:
  %u1 = call double @random_random(ptr %mt)
  %u = call double @random_random(ptr %mt)
  %u2 = fsub double 1.0, %u
  %centred = fsub double %u1, 0.5
  %scaled = fmul double MAGIC, %centred
  %z = fdiv double %scaled, %u2
  %zz = fmul double %z, %z
  %quarter = fdiv double %zz, 4.0
  %log = call double @tj_c_log(double %u2)
  %minus = fneg double %log
  br i1 (fcmp ole double %quarter, %minus), label %done, label %draw
done:
  %wide = fmul double %z, %sigma
  %x = fadd double %mu, %wide
  ret double %x
}
"""
_GAUSS = """
define internal i1 @random_gauss(ptr %mt, ptr %generator, double %mu, double %sigma, ptr %out) {
entry:
  %next = call ptr @PyObject_GetAttr(ptr %generator, ptr @tj_name_gauss_next)
  br i1 (icmp eq ptr %next, null), label %clear, label %look
look:
  call void @Py_DecRef(ptr %next)
  br i1 (icmp eq ptr %next, @Py_None), label %draw, label %number
number:
  %kind = load ptr, ptr %next[i8 8]
  br i1 (icmp eq ptr %kind, @Py_Float_Type), label %take, label %no
take:
  %old = call double @PyFloat_AsDouble(ptr %next)
  %s1 = call i32 @PyObject_SetAttr(ptr %generator, ptr @tj_name_gauss_next, ptr @Py_None)
  br label %give
draw:
  %u1 = call double @random_random(ptr %mt)
  %angle = fmul double %u1, 0x401921FB54442D18
  %u2 = call double @random_random(ptr %mt)
  %rest = fsub double 1.0, %u2
  %log = call double @tj_c_log(double %rest)
  %minus = fmul double -2.0, %log
  %radius = call double @llvm.sqrt.f64(double %minus)
  %cos = call double @tj_c_cos(double %angle)
  %z = fmul double %cos, %radius
  %sin = call double @tj_c_sin(double %angle)
  %keep = fmul double %sin, %radius
  %boxed = call ptr @PyFloat_FromDouble(double %keep)
  %s2 = call i32 @PyObject_SetAttr(ptr %generator, ptr @tj_name_gauss_next, ptr %boxed)
  call void @Py_DecRef(ptr %boxed)
  br label %give
give:
  %normal = phi double [ %old, %take ], [ %z, %draw ]
  %wide = fmul double %normal, %sigma
  %x = fadd double %mu, %wide
  store double %x, ptr %out
  ret i1 true
clear:
  call void @PyErr_Clear()
  br label %no
no:
  ret i1 false
}
"""

_FUNCTIONS: DrawTexts = {
    "refill": (_REFILL, (), ()),
    "word": (_WORD, ("refill",), ()),
    "random": (_RANDOM, ("word",), ()),
    "below": (_BELOW, ("word",), ()),
    "uniform_between": (_UNIFORM, ("random",), ()),
    "expovariate": (_EXPOVARIATE, ("random",), ("log",)),
    "normalvariate": (_NORMALVARIATE, ("random",), ("log",)),
    "gauss": (_GAUSS, ("random",), ("log", "cos", "sin")),
}
#: Functions of LLVM's and CPython's that the texts call.
DECLARATIONS = (
    "declare i64 @llvm.ctlz.i64(i64, i1)",
    "declare double @llvm.sqrt.f64(double)",
    "declare ptr @PyObject_GetAttr(ptr, ptr)",
    "declare i32 @PyObject_SetAttr(ptr, ptr, ptr)",
    "declare double @PyFloat_AsDouble(ptr)",
    "declare ptr @PyFloat_FromDouble(double)",
    "declare void @PyErr_Clear()",
    "declare void @Py_DecRef(ptr)",
)
#: Objects that they know.
OBJECTS = ("Py_None", "Py_Float_Type", "tj_name_gauss_next")


#: Of Kinderman and Monahan's method for normal numbers, as its bits.
_MAGIC = struct.unpack("<Q", struct.pack("<d", 4 * math.exp(-0.5) / math.sqrt(2.0)))[0]


def python_draw_text(name: str) -> tuple[list[tuple[str, str]], set[str]]:
    """What defines `@random_<name>`, and what it calls of the C library (see ``with_callees``)."""
    return with_callees("random", _FUNCTIONS, {"MAGIC": f"0x{_MAGIC:016X}"}, name)
