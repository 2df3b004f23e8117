"""LLVM text that gives a list of the caller's new items: what `changing_text` calls.

An item that stays what it was stays the same object, as in Python, and is not written. New items
are a tuple or list of objects, or an array of numbers. Numbers are compared by class and bits.
"""

from __future__ import annotations

import numpy as np

from tracejit.abi import capi
from tracejit.python_entry.numbers_text import PLAIN_NUMBER

TEXT = """
declare i64 @llvm.smin.i64(i64, i64)
declare i32 @PyList_Append(ptr, ptr)
declare ptr @PyComplex_FromDoubles(double, double)
declare ptr @PyFloat_FromDouble(double)
declare ptr @PyLong_FromLongLong(i64)
@Py_False = external global i8
@Py_Tuple_Type = external global i8

; Whether a float or an int, of exactly that class, has these bits.
define internal i1 @tj_has_bits(ptr %o, i64 %bits) #0 {
entry:
  %over = alloca i32
  %class = load ptr, ptr %o[i8 8]
  br i1 (icmp eq ptr %class, @Py_Float_Type), label %float, label %other
float:
  %f = load i64, ptr %o[i8 FLOAT_VALUE]
  %same = icmp eq i64 %f, %bits
  ret i1 %same
other:
  br i1 (icmp eq ptr %class, @Py_Long_Type), label %int, label %no
int:
  %i = call i64 @PyLong_AsLongLongAndOverflow(ptr %o, ptr %over)
  %beyond = load i32, ptr %over
  %fits = icmp eq i32 %beyond, 0
  %whole = and i1 %fits, (icmp eq i64 %i, %bits)
  ret i1 %whole
no:
  ret i1 false
}

; Whether a complex number, of exactly that class, has these parts.
define internal i1 @tj_has_parts(ptr %o, i64 %re, i64 %im) #0 {
entry:
  %class = load ptr, ptr %o[i8 8]
  br i1 (icmp eq ptr %class, @Py_Complex_Type), label %complex, label %no
complex:
  %x = call double @PyComplex_RealAsDouble(ptr %o)
  %y = call double @PyComplex_ImagAsDouble(ptr %o)
  %a = bitcast double %x to i64
  %b = bitcast double %y to i64
  %first = icmp eq i64 %a, %re
  %same = and i1 %first, (icmp eq i64 %b, %im)
  ret i1 %same
no:
  ret i1 false
}

; Whether an item need not be replaced by another object.
define internal i1 @tj_is_as_good(ptr %old, ptr %new) #0 {
entry:
  %over = alloca i32
  br i1 (icmp eq ptr %old, %new), label %yes, label %classes
classes:
  %class = load ptr, ptr %old[i8 8]
  %its = load ptr, ptr %new[i8 8]
  br i1 (icmp eq ptr %class, %its), label %which, label %no
which:
  br i1 (icmp eq ptr %class, @Py_Float_Type), label %float, label %other
float:
  %f = load i64, ptr %new[i8 FLOAT_VALUE]
  %real = call i1 @tj_has_bits(ptr %old, i64 %f)
  ret i1 %real
other:
  br i1 (icmp eq ptr %class, @Py_Long_Type), label %int, label %rest
int:
  %i = call i64 @PyLong_AsLongLongAndOverflow(ptr %new, ptr %over)
  %beyond = load i32, ptr %over
  br i1 (icmp eq i32 %beyond, 0), label %whole, label %no
whole:
  %equal = call i1 @tj_has_bits(ptr %old, i64 %i)
  ret i1 %equal
rest:
  br i1 (icmp eq ptr %class, @Py_Complex_Type), label %complex, label %no
complex:
  %re = call double @PyComplex_RealAsDouble(ptr %new)
  %im = call double @PyComplex_ImagAsDouble(ptr %new)
  %a = bitcast double %re to i64
  %b = bitcast double %im to i64
  %both = call i1 @tj_has_parts(ptr %old, i64 %a, i64 %b)
  ret i1 %both
yes:
  ret i1 true
no:
  ret i1 false
}

; A list that had %old items has %n now; what it had more goes.
define internal i32 @tj_cut(ptr %list, i64 %n, i64 %old) #0 {
entry:
  br i1 (icmp sgt i64 %old, %n), label %cut, label %good
cut:
  %status = call i32 @PyList_SetSlice(ptr %list, i64 %n, i64 %old, ptr null)
  ret i32 %status
good:
  ret i32 0
}

; Item k of a list is a new object now, whose reference is taken; k may be its length.
define internal i32 @tj_put(ptr %list, i64 %k, ptr %o) #0 {
entry:
  br i1 (icmp eq ptr %o, null), label %failed, label %where
where:
  %n = load i64, ptr %list[i8 LIST_FIRST]
  br i1 (icmp slt i64 %k, %n), label %set, label %add
set:
  %status = call i32 @PyList_SetItem(ptr %list, i64 %k, ptr %o)
  ret i32 %status
add:
  %added = call i32 @PyList_Append(ptr %list, ptr %o)
  call void @Py_DecRef(ptr %o)
  ret i32 %added
failed:
  ret i32 -1
}

; Give a list the items of a list or tuple. Where nothing else has that, items are exchanged, which
; counts no references and runs no code.
define internal i32 @tj_refill(ptr %list, ptr %items) #0 {
entry:
  %class = load ptr, ptr %items[i8 8]
  %n = load i64, ptr %items[i8 LIST_FIRST]
  %listed = load ptr, ptr %items[i8 LIST_ITEMS]
  %inside = getelementptr i8, ptr %items, i64 TUPLE_ITEMS
  %fixed = icmp eq ptr %class, @Py_Tuple_Type
  %from = select i1 %fixed, ptr %inside, ptr %listed
  %had = load i64, ptr %list[i8 LIST_FIRST]
  %references = load i64, ptr %items
  %alone = icmp eq i64 %references, 1
  br i1 (and i1 %alone, (icmp eq i64 %had, %n)), label %swaps, label %all
swaps:
  %there = load ptr, ptr %list[i8 LIST_ITEMS]
  br label %swap_head
swap_head:
  %j = phi i64 [ 0, %swaps ], [ %j1, %swapped ]
  br i1 (icmp slt i64 %j, %n), label %look, label %good_all
look:
  %x = load ptr, ptr %there[ptr %j]
  %y = load ptr, ptr %from[ptr %j]
  %stays = call i1 @tj_is_as_good(ptr %x, ptr %y)
  br i1 %stays, label %swapped, label %swap
swap:
  store ptr %y, ptr %there[ptr %j]
  store ptr %x, ptr %from[ptr %j]
  br label %swapped
swapped:
  %j1 = add i64 %j, 1
  br label %swap_head
good_all:
  ret i32 0
all:
  br label %head
head:
  %k = phi i64 [ 0, %all ], [ %k1, %next ]
  br i1 (icmp slt i64 %k, %n), label %step, label %cut
step:
  %new = load ptr, ptr %from[ptr %k]
  %size = load i64, ptr %list[i8 LIST_FIRST]
  br i1 (icmp slt i64 %k, %size), label %compare, label %put
compare:
  %held = load ptr, ptr %list[i8 LIST_ITEMS]
  %old = load ptr, ptr %held[ptr %k]
  %good = call i1 @tj_is_as_good(ptr %old, ptr %new)
  br i1 %good, label %next, label %put
put:
  call void @Py_IncRef(ptr %new)
  %status = call i32 @tj_put(ptr %list, i64 %k, ptr %new)
  br i1 (icmp eq i32 %status, 0), label %next, label %failed
next:
  %k1 = add i64 %k, 1
  br label %head
cut:
  %done = call i32 @tj_cut(ptr %list, i64 %n, i64 %had)
  ret i32 %done
failed:
  ret i32 -1
}

; A number of an array as an object, by the number of its type.
define internal ptr @tj_object_of(ptr %at, i32 %type) #0 {
entry:
  %float = zext i1 (icmp eq i32 %type, FLOATS) to i64
  %complex = select i1 (icmp eq i32 %type, COMPLEX), i64 2, i64 %float
  %kind = select i1 (icmp eq i32 %type, BOOLS), i64 3, i64 %complex
  %made = call ptr @tj_plain_number(ptr %at, i64 %kind)
  ret ptr %made
}

; Whether an item is the number that an array has.
define internal i1 @tj_is_number(ptr %o, ptr %at, i32 %type) #0 {
entry:
  switch i32 %type, label %int [
    i32 FLOATS, label %float
    i32 COMPLEX, label %complex
    i32 BOOLS, label %bool
  ]
float:
  br label %word
int:
  br label %word
word:
  %class = phi ptr [ @Py_Float_Type, %float ], [ @Py_Long_Type, %int ]
  %its = load ptr, ptr %o[i8 8]
  %bits = load i64, ptr %at
  %has = call i1 @tj_has_bits(ptr %o, i64 %bits)
  %same = and i1 %has, (icmp eq ptr %class, %its)
  ret i1 %same
complex:
  %re = load i64, ptr %at
  %im = load i64, ptr %at[i64 1]
  %both = call i1 @tj_has_parts(ptr %o, i64 %re, i64 %im)
  ret i1 %both
bool:
  %b = load i8, ptr %at
  %truth = select i1 (icmp ne i8 %b, 0), ptr @Py_True, ptr @Py_False
  %equal = icmp eq ptr %truth, %o
  ret i1 %equal
}

; Give a list the numbers of an array. %before: an array of those that the list had, or null;
; %unlike: the code of tj_unlike, where it is not null.
define internal i32 @tj_refill_numbers(ptr %list, ptr %array, ptr %before, ptr %unlike) #0 {
entry:
  %dims = load ptr, ptr %array[i8 DIMS]
  %n = load i64, ptr %dims
  %data = load ptr, ptr %array[i8 DATA]
  %descr = load ptr, ptr %array[i8 DESCR]
  %type = load i32, ptr %descr[i8 DESCR_TYPE_NUM]
  %size = load i64, ptr %descr[i8 DESCR_ELSIZE]
  %length = load i64, ptr %list[i8 LIST_FIRST]
  %common = call i64 @llvm.smin.i64(i64 %length, i64 %n)
  br i1 (icmp eq ptr %before, null), label %slow, label %known
known:
  %shape = load ptr, ptr %before[i8 DIMS]
  %had = load i64, ptr %shape
  %old = load ptr, ptr %before[i8 DATA]
  %its = load ptr, ptr %before[i8 DESCR]
  %kind = load i32, ptr %its[i8 DESCR_TYPE_NUM]
  %alike = icmp eq i32 %kind, %type
  br i1 (and i1 %alike, (icmp eq i64 %had, %length)), label %fast, label %slow
fast:
  %end = mul i64 %common, %size
  br label %search
search:
  %from = phi i64 [ 0, %fast ], [ %after, %exchanged ]
  %at = call i64 %unlike(ptr %data, ptr %old, i64 %from, i64 %end)
  br i1 (icmp ult i64 %at, %end), label %exchange, label %more
exchange:
  %place = udiv i64 %at, %size
  %byte = mul i64 %place, %size
  %after = add i64 %byte, %size
  %number = getelementptr i8, ptr %data, i64 %byte
  %made = call ptr @tj_object_of(ptr %number, i32 %type)
  %put = call i32 @tj_put(ptr %list, i64 %place, ptr %made)
  br i1 (icmp eq i32 %put, 0), label %exchanged, label %failed
exchanged:
  br label %search
more:
  br label %slow
slow:
  %first = phi i64 [ 0, %entry ], [ 0, %known ], [ %common, %more ]
  br label %head
head:
  %k = phi i64 [ %first, %slow ], [ %k1, %next ]
  br i1 (icmp slt i64 %k, %n), label %step, label %cut
step:
  %offset = mul i64 %k, %size
  %x = getelementptr i8, ptr %data, i64 %offset
  %now = load i64, ptr %list[i8 LIST_FIRST]
  br i1 (icmp slt i64 %k, %now), label %compare, label %make
compare:
  %held = load ptr, ptr %list[i8 LIST_ITEMS]
  %there = load ptr, ptr %held[ptr %k]
  %good = call i1 @tj_is_number(ptr %there, ptr %x, i32 %type)
  br i1 %good, label %next, label %make
make:
  %o = call ptr @tj_object_of(ptr %x, i32 %type)
  %status = call i32 @tj_put(ptr %list, i64 %k, ptr %o)
  br i1 (icmp eq i32 %status, 0), label %next, label %failed
next:
  %k1 = add i64 %k, 1
  br label %head
cut:
  %done = call i32 @tj_cut(ptr %list, i64 %n, i64 %length)
  ret i32 %done
failed:
  ret i32 -1
}
"""


def text() -> str:
    """The functions, with places of fields that nothing else in the module has."""
    values = {
        "FLOATS": np.dtype(np.float64).num,
        "COMPLEX": np.dtype(np.complex128).num,
        "BOOLS": np.dtype(np.bool_).num,
        "TUPLE_ITEMS": capi.TUPLE_ITEMS,
        "LIST_ITEMS": capi.LIST_ITEMS,
    }
    found = PLAIN_NUMBER + TEXT
    for name, value in values.items():
        found = found.replace(name, str(value))
    return found
