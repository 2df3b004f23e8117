"""LLVM text of loops over lists of many numbers: a module of its own, optimised, and compiled where
a call has such a list.

`packing_text` reads such lists, `refilling_text` gives them new items.
"""

from __future__ import annotations

from tracejit.abi import capi
from tracejit.llvm_text.nested import plain

EXPORTS = ("tj_numbers_into", "tj_unlike")

_TEXT = """
declare double @PyComplex_ImagAsDouble(ptr)
declare double @PyComplex_RealAsDouble(ptr)
declare i64 @PyLong_AsLongLongAndOverflow(ptr, ptr)
@Py_Complex_Type = external global i8
@Py_Float_Type = external global i8
@Py_Long_Type = external global i8

; Numbers of a list, all of one class, into memory. False where something else is among them.
; Nothing here runs Python code, so the list stays as it is.
define i1 @tj_numbers_into(ptr %list, i64 %n, ptr %class, ptr %data) #0 {
entry:
  %over = alloca i32
  %items = load ptr, ptr %list[i8 LIST_ITEMS]
  br i1 (icmp eq ptr %class, @Py_Float_Type), label %reals, label %others
others:
  br i1 (icmp eq ptr %class, @Py_Complex_Type), label %pairs, label %wholes
reals:
  br label %real_head
real_head:
  %r = phi i64 [ 0, %reals ], [ %r1, %real ]
  br i1 (icmp ult i64 %r, %n), label %real_step, label %yes
real_step:
  %x = load ptr, ptr %items[ptr %r]
  %x_class = load ptr, ptr %x[i8 8]
  br i1 (icmp eq ptr %x_class, @Py_Float_Type), label %real, label %no
real:
  %f = load double, ptr %x[i8 FLOAT_VALUE]
  store double %f, ptr %data[double %r]
  %r1 = add i64 %r, 1
  br label %real_head
wholes:
  br label %whole_head
whole_head:
  %w = phi i64 [ 0, %wholes ], [ %w1, %whole ]
  br i1 (icmp ult i64 %w, %n), label %whole_step, label %yes
whole_step:
  %o = load ptr, ptr %items[ptr %w]
  %o_class = load ptr, ptr %o[i8 8]
  br i1 (icmp eq ptr %o_class, @Py_Long_Type), label %sized, label %no
sized:
  %size = load i64, ptr %o[i8 INT_SIZE]
  %first = load i32, ptr %o[i8 INT_DIGIT]
  %digit = zext i32 %first to i64
  SIGN_OF_INT
  br i1 %small, label %short, label %long
short:
  %signed = mul i64 %sign, %digit
  br label %whole
long:
  %value = call i64 @PyLong_AsLongLongAndOverflow(ptr %o, ptr %over)
  %beyond = load i32, ptr %over
  br i1 (icmp eq i32 %beyond, 0), label %whole, label %no
whole:
  %i = phi i64 [ %signed, %short ], [ %value, %long ]
  store i64 %i, ptr %data[i64 %w]
  %w1 = add i64 %w, 1
  br label %whole_head
pairs:
  br label %pair_head
pair_head:
  %k = phi i64 [ 0, %pairs ], [ %k1, %pair ]
  br i1 (icmp ult i64 %k, %n), label %pair_step, label %yes
pair_step:
  %z = load ptr, ptr %items[ptr %k]
  %z_class = load ptr, ptr %z[i8 8]
  br i1 (icmp eq ptr %z_class, @Py_Complex_Type), label %pair, label %no
pair:
  %re = call double @PyComplex_RealAsDouble(ptr %z)
  %im = call double @PyComplex_ImagAsDouble(ptr %z)
  %word = mul i64 %k, 2
  %slot = getelementptr i64, ptr %data, i64 %word
  store double %re, ptr %slot
  store double %im, ptr %slot[double 1]
  %k1 = add i64 %k, 1
  br label %pair_head
yes:
  ret i1 true
no:
  ret i1 false
}

; From byte %k on, where two pieces of memory of %end bytes, a multiple of 8, are not alike: the
; word; %end where they are alike.
define i64 @tj_unlike(ptr %a, ptr %b, i64 %k, i64 %end) #0 {
entry:
  br label %many
many:
  %at = phi i64 [ %k, %entry ], [ %beyond, %alike ]
  %beyond = add i64 %at, 64
  br i1 (icmp ule i64 %beyond, %end), label %block, label %head
block:
  %x = load <8 x i64>, ptr %a[i8 %at], align 8
  %y = load <8 x i64>, ptr %b[i8 %at], align 8
  %lanes = icmp ne <8 x i64> %x, %y
  %mask = bitcast <8 x i1> %lanes to i8
  br i1 (icmp eq i8 %mask, 0), label %alike, label %head
alike:
  br label %many
head:
  %j = phi i64 [ %at, %many ], [ %at, %block ], [ %j1, %same ]
  br i1 (icmp ult i64 %j, %end), label %step, label %found
step:
  %v = load i64, ptr %a[i8 %j]
  %w = load i64, ptr %b[i8 %j]
  %j1 = add i64 %j, 8
  br i1 (icmp eq i64 %v, %w), label %same, label %found
same:
  br label %head
found:
  %answer = phi i64 [ %end, %head ], [ %j, %step ]
  ret i64 %answer
}
"""

#: The sign of an int of one digit, and whether it is one.
_SIZED = """%sign = add i64 %size, 0
  %above = add i64 %size, 1
  %small = icmp ult i64 %above, 3"""
_TAGGED = """%bits = and i64 %size, 3
  %sign = sub i64 1, %bits
  %small = icmp ult i64 %size, 16"""


def text() -> str:
    """The functions with the places of fields filled in."""
    found = plain(_TEXT).replace("SIGN_OF_INT", _SIZED if capi.INT_IS_SIZED else _TAGGED)
    places = {
        "LIST_ITEMS": capi.LIST_ITEMS,
        "FLOAT_VALUE": capi.FLOAT_VALUE,
        "INT_SIZE": capi.INT_SIZE,
        "INT_DIGIT": capi.INT_DIGIT,
    }
    for name, value in places.items():
        found = found.replace(name, str(value))
    return found
