"""LLVM text that makes lists, dicts and sets of columns of the core's, as ``lists`` does in Python.

A *run* says what items are made of: how many parts each has; whether these are it (0), or are in a
tuple (1) or list (2); and of each part eight words:

0. what it is: a number (0), a list of numbers (1), an array (2), a list of a heap (3), or a text
   (4, of which the column has places among those that ``texts_text`` describes);
1. where its column begins;
2. how many numbers a list has, or axes an array;
3. how many bytes a number has, or an array;
4. what its numbers are: Python's ints (0), floats (1), complex numbers (2), bools (3), NumPy's (4);
   or in the lowest byte 5, in the next one how they are stored (as these), and then in four bits
   each the kinds among which their tags are places;
5. their dtype, or where their tags begin; 6. the heap, or the texts; 7. the extents of an array.

The words of a heap are where its rows begin (place of the first item, count, room), a list with
what was made of each, and a run of its items, or null.
"""

from __future__ import annotations

from tracejit.abi import capi
from tracejit.llvm_text.nested import plain
from tracejit.python_entry import numbers_text, texts_text

PART_WORDS = 8
#: Words of a run before its parts.
WORDS_BEFORE = 2

_DECLARATIONS = """
declare ptr @tj_new_array(ptr, i32, ptr)
declare ptr @PyArray_Scalar(ptr, ptr, ptr)
declare ptr @PyComplex_FromDoubles(double, double)
declare ptr @PyDict_New()
declare i32 @PyDict_SetItem(ptr, ptr, ptr)
declare ptr @PyFloat_FromDouble(double)
declare ptr @PyList_GetItem(ptr, i64)
declare ptr @PyList_New(i64)
declare i32 @PyList_SetItem(ptr, i64, ptr)
declare ptr @PyLong_FromLongLong(i64)
declare ptr @PySet_New(ptr)
declare i32 @PySet_Add(ptr, ptr)
declare ptr @PyTuple_New(i64)
declare i32 @PyTuple_SetItem(ptr, i64, ptr)
declare void @Py_DecRef(ptr)
declare void @Py_IncRef(ptr)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
@Py_True = external global i8
@Py_False = external global i8
@Py_None = external global i8
"""

_TEXT = """
; A part of item k.
define internal ptr @tj_part(ptr %p, i64 %k) #0 {
entry:
  %what = load i64, ptr %p
  %data = load ptr, ptr %p[i64 1]
  %width = load i64, ptr %p[i64 2]
  %size = load i64, ptr %p[i64 3]
  %kind = load i64, ptr %p[i64 4]
  %descr = load ptr, ptr %p[i64 5]
  %tagged = icmp sgt i64 %kind, 4
  switch i64 %what, label %number [
    i64 1, label %as_row
    i64 2, label %as_array
    i64 3, label %as_list
    i64 4, label %as_text
  ]
as_text:
  %words = call ptr @tj_text_at(ptr %p, i64 %k)
  %text = call ptr @tj_text_of(ptr %words, i64 %k)
  ret ptr %text
number:
  %offset = mul i64 %k, %size
  %at = getelementptr i8, ptr %data, i64 %offset
  %skipped = select i1 %tagged, i64 %k, i64 0
  %kinds = getelementptr i8, ptr %descr, i64 %skipped
  %made = call ptr @tj_number(ptr %at, i64 %kind, ptr %kinds)
  ret ptr %made
as_row:
  %first = mul i64 %k, %width
  %before = mul i64 %first, %size
  %its = getelementptr i8, ptr %data, i64 %before
  %list = call ptr @PyList_New(i64 %width)
  br i1 (icmp eq ptr %list, null), label %none, label %fill
fill:
  %ahead = select i1 %tagged, i64 %first, i64 0
  %each = getelementptr i8, ptr %descr, i64 %ahead
  %good = call i1 @tj_numbers(ptr %list, ptr %its, i64 %size, i64 %kind, ptr %each, i64 %width)
  br i1 %good, label %whole, label %drop
whole:
  ret ptr %list
drop:
  call void @Py_DecRef(ptr %list)
  br label %none
none:
  ret ptr null
as_array:
  %dims = load ptr, ptr %p[i64 7]
  %nd = trunc i64 %width to i32
  %new = call ptr @tj_new_array(ptr %descr, i32 %nd, ptr %dims)
  br i1 (icmp eq ptr %new, null), label %none, label %filled
filled:
  %to = load ptr, ptr %new[i8 DATA]
  %start = mul i64 %k, %size
  %from = getelementptr i8, ptr %data, i64 %start
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %from, i64 %size, i1 false)
  ret ptr %new
as_list:
  %heap = load ptr, ptr %p[i64 6]
  %n = load i64, ptr %data[i64 %k]
  %held = call ptr @tj_list_of_heap(ptr %heap, i64 %n)
  ret ptr %held
}

define internal ptr @tj_run_item(ptr %run, i64 %k) #0 {
entry:
  %n = load i64, ptr %run
  %around = load i64, ptr %run[i64 1]
  %parts = getelementptr i64, ptr %run, i64 2
  br i1 (icmp eq i64 %around, 0), label %itself, label %some
itself:
  %only = call ptr @tj_part(ptr %parts, i64 %k)
  ret ptr %only
some:
  br i1 (icmp eq i64 %around, 1), label %tuple, label %list
tuple:
  %t = call ptr @PyTuple_New(i64 %n)
  br label %begin
list:
  %l = call ptr @PyList_New(i64 %n)
  br label %begin
begin:
  %made = phi ptr [ %t, %tuple ], [ %l, %list ]
  br i1 (icmp eq ptr %made, null), label %none, label %head
head:
  %j = phi i64 [ 0, %begin ], [ %j1, %next ]
  br i1 (icmp slt i64 %j, %n), label %step, label %whole
step:
  %word = mul i64 %j, 8
  %p = getelementptr i64, ptr %parts, i64 %word
  %o = call ptr @tj_part(ptr %p, i64 %k)
  br i1 (icmp eq ptr %o, null), label %drop, label %put
put:
  br i1 (icmp eq i64 %around, 1), label %in_tuple, label %in_list
in_tuple:
  %ts = call i32 @PyTuple_SetItem(ptr %made, i64 %j, ptr %o)
  br label %next
in_list:
  %ls = call i32 @PyList_SetItem(ptr %made, i64 %j, ptr %o)
  br label %next
next:
  %j1 = add i64 %j, 1
  br label %head
whole:
  ret ptr %made
drop:
  call void @Py_DecRef(ptr %made)
  br label %none
none:
  ret ptr null
}

; Items of a run, from one on, as those of a list of n. False, with an exception set: it failed.
define internal i1 @tj_fill(ptr %list, ptr %run, i64 %start, i64 %n) #0 {
entry:
  %around = load i64, ptr %run[i64 1]
  %what = load i64, ptr %run[i64 2]
  br i1 (icmp eq i64 %around, 0), label %itself, label %each
itself:
  br i1 (icmp eq i64 %what, 0), label %numbers, label %each
numbers:
  %data = load ptr, ptr %run[i64 3]
  %size = load i64, ptr %run[i64 5]
  %kind = load i64, ptr %run[i64 6]
  %descr = load ptr, ptr %run[i64 7]
  %before = mul i64 %start, %size
  %first = getelementptr i8, ptr %data, i64 %before
  %skipped = select i1 (icmp sgt i64 %kind, 4), i64 %start, i64 0
  %tags = getelementptr i8, ptr %descr, i64 %skipped
  %all = call i1 @tj_numbers(ptr %list, ptr %first, i64 %size, i64 %kind, ptr %tags, i64 %n)
  ret i1 %all
each:
  br label %head
head:
  %j = phi i64 [ 0, %each ], [ %j1, %put ]
  br i1 (icmp slt i64 %j, %n), label %step, label %yes
step:
  %k = add i64 %start, %j
  %o = call ptr @tj_run_item(ptr %run, i64 %k)
  br i1 (icmp eq ptr %o, null), label %no, label %put
put:
  %status = call i32 @PyList_SetItem(ptr %list, i64 %j, ptr %o)
  %j1 = add i64 %j, 1
  br label %head
yes:
  ret i1 true
no:
  ret i1 false
}

; List number n of a heap, made once. It is noted before it is filled: it may hold itself.
define ptr @tj_list_of_heap(ptr %heap, i64 %n) #0 {
entry:
  %made = load ptr, ptr %heap[i64 1]
  %known = call ptr @PyList_GetItem(ptr %made, i64 %n)
  br i1 (icmp eq ptr %known, null), label %new, label %again
again:
  call void @Py_IncRef(ptr %known)
  ret ptr %known
new:
  %rows = load ptr, ptr %heap
  %word = mul i64 %n, 3
  %row = getelementptr i64, ptr %rows, i64 %word
  %start = load i64, ptr %row
  %count = load i64, ptr %row[i64 1]
  %list = call ptr @PyList_New(i64 %count)
  br i1 (icmp eq ptr %list, null), label %none, label %note
note:
  call void @Py_IncRef(ptr %list)
  %status = call i32 @PyList_SetItem(ptr %made, i64 %n, ptr %list)
  %run = load ptr, ptr %heap[i64 2]
  br i1 (icmp eq ptr %run, null), label %done, label %fill
fill:
  %good = call i1 @tj_fill(ptr %list, ptr %run, i64 %start, i64 %count)
  br i1 %good, label %done, label %drop
done:
  ret ptr %list
drop:
  call void @Py_DecRef(ptr %list)
  br label %none
none:
  ret ptr null
}

define ptr @tj_list_of(ptr %run, i64 %n) #0 {
entry:
  %list = call ptr @PyList_New(i64 %n)
  br i1 (icmp eq ptr %list, null), label %none, label %fill
fill:
  %good = call i1 @tj_fill(ptr %list, ptr %run, i64 0, i64 %n)
  br i1 %good, label %done, label %drop
done:
  ret ptr %list
drop:
  call void @Py_DecRef(ptr %list)
  br label %none
none:
  ret ptr null
}

define ptr @tj_set_of(ptr %run, i64 %n) #0 {
entry:
  %set = call ptr @PySet_New(ptr null)
  br i1 (icmp eq ptr %set, null), label %none, label %head
head:
  %k = phi i64 [ 0, %entry ], [ %k1, %next ]
  br i1 (icmp slt i64 %k, %n), label %step, label %done
step:
  %o = call ptr @tj_run_item(ptr %run, i64 %k)
  br i1 (icmp eq ptr %o, null), label %drop, label %put
put:
  %status = call i32 @PySet_Add(ptr %set, ptr %o)
  call void @Py_DecRef(ptr %o)
  %k1 = add i64 %k, 1
  br i1 (icmp eq i32 %status, 0), label %next, label %drop
next:
  br label %head
done:
  ret ptr %set
drop:
  call void @Py_DecRef(ptr %set)
  br label %none
none:
  ret ptr null
}

; Where there are no values, all are None.
define ptr @tj_dict_of(ptr %keys, ptr %values, i64 %n) #0 {
entry:
  %dict = call ptr @PyDict_New()
  br i1 (icmp eq ptr %dict, null), label %none, label %head
head:
  %k = phi i64 [ 0, %entry ], [ %k1, %next ]
  br i1 (icmp slt i64 %k, %n), label %step, label %done
step:
  %key = call ptr @tj_run_item(ptr %keys, i64 %k)
  br i1 (icmp eq ptr %key, null), label %drop, label %keyed
keyed:
  br i1 (icmp eq ptr %values, null), label %nothing, label %something
nothing:
  call void @Py_IncRef(ptr @Py_None)
  br label %valued
something:
  %found = call ptr @tj_run_item(ptr %values, i64 %k)
  br label %valued
valued:
  %value = phi ptr [ @Py_None, %nothing ], [ %found, %something ]
  br i1 (icmp eq ptr %value, null), label %keyless, label %put
put:
  %status = call i32 @PyDict_SetItem(ptr %dict, ptr %key, ptr %value)
  call void @Py_DecRef(ptr %key)
  call void @Py_DecRef(ptr %value)
  %k1 = add i64 %k, 1
  br i1 (icmp eq i32 %status, 0), label %next, label %drop
next:
  br label %head
done:
  ret ptr %dict
keyless:
  call void @Py_DecRef(ptr %key)
  br label %drop
drop:
  call void @Py_DecRef(ptr %dict)
  br label %none
none:
  ret ptr null
}
"""


def text() -> str:
    """The functions, a module of their own: compiled where a result needs one of them."""
    runs = _DECLARATIONS + _TEXT.replace("i8 DATA", f"i8 {capi.DATA}")
    numbers = numbers_text.PLAIN_NUMBER + numbers_text.TEXT
    numbers = numbers.replace("LIST_ITEMS", str(capi.LIST_ITEMS))
    return plain(runs + numbers + texts_text.DECLARATIONS + texts_text.TEXT)


EXPORTS = ("tj_list_of_heap", "tj_list_of", "tj_set_of", "tj_dict_of", "tj_text_of")
DECLARATIONS = """
declare ptr @PyList_New(i64)
declare ptr @tj_list_of_heap(ptr, i64)
declare ptr @tj_list_of(ptr, i64)
declare ptr @tj_set_of(ptr, i64)
declare ptr @tj_dict_of(ptr, ptr, i64)
declare ptr @tj_text_of(ptr, i64)
"""


def is_used(entry: str) -> bool:
    """Whether the text of an entry calls one of the functions."""
    return any(f"@{name}(" in entry for name in EXPORTS)
