"""LLVM text that makes numbers of Python's and NumPy's, and lists of them: a part of what
``runs_text`` compiles. What they are is a word of a part there."""

from __future__ import annotations

#: A number of Python's: an int (0), a float (1), a complex number (2) or a bool (3).
PLAIN_NUMBER = """
define internal ptr @tj_plain_number(ptr %at, i64 %kind) #0 {
entry:
  switch i64 %kind, label %bool [
    i64 0, label %int
    i64 1, label %float
    i64 2, label %complex
  ]
int:
  %i = load i64, ptr %at
  %whole = call ptr @PyLong_FromLongLong(i64 %i)
  ret ptr %whole
float:
  %f = load double, ptr %at
  %real = call ptr @PyFloat_FromDouble(double %f)
  ret ptr %real
complex:
  %re = load double, ptr %at
  %im = load double, ptr %at[double 1]
  %both = call ptr @PyComplex_FromDoubles(double %re, double %im)
  ret ptr %both
bool:
  %b = load i8, ptr %at
  %true = icmp ne i8 %b, 0
  %truth = select i1 %true, ptr @Py_True, ptr @Py_False
  call void @Py_IncRef(ptr %truth)
  ret ptr %truth
}
"""

TEXT = """
define internal ptr @tj_number(ptr %at, i64 %kind, ptr %descr) #0 {
entry:
  switch i64 %kind, label %other [
    i64 4, label %numpys
  ]
other:
  br i1 (icmp ult i64 %kind, 4), label %plain, label %tagged
plain:
  %number = call ptr @tj_plain_number(ptr %at, i64 %kind)
  ret ptr %number
numpys:
  %scalar = call ptr @PyArray_Scalar(ptr %at, ptr %descr, ptr null)
  ret ptr %scalar
tagged:
  %tag = load i8, ptr %descr
  %found = call ptr @tj_of_kind(ptr %at, i64 %kind, i8 %tag)
  ret ptr %found
}

; A number of one of several kinds.
define internal ptr @tj_of_kind(ptr %at, i64 %kinds, i8 %tag) #0 {
entry:
  %place = zext i8 %tag to i64
  %bits = mul i64 %place, 4
  %shift = add i64 %bits, 16
  %rest = lshr i64 %kinds, %shift
  %kind = and i64 %rest, 15
  %store = lshr i64 %kinds, 8
  %stored = and i64 %store, 255
  %im = load double, ptr %at[double 1]
  br i1 (icmp eq i64 %stored, 0), label %ints, label %reals
ints:
  %i0 = load i64, ptr %at
  %f0 = sitofp i64 %i0 to double
  br label %both
reals:
  %f1 = load double, ptr %at
  %i1 = fptosi double %f1 to i64
  br label %both
both:
  %i = phi i64 [ %i0, %ints ], [ %i1, %reals ]
  %f = phi double [ %f0, %ints ], [ %f1, %reals ]
  switch i64 %kind, label %bool [
    i64 0, label %int
    i64 1, label %float
    i64 2, label %complex
  ]
int:
  %whole = call ptr @PyLong_FromLongLong(i64 %i)
  ret ptr %whole
float:
  %real = call ptr @PyFloat_FromDouble(double %f)
  ret ptr %real
complex:
  %pair = call ptr @PyComplex_FromDoubles(double %f, double %im)
  ret ptr %pair
bool:
  %true = fcmp une double %f, 0.0
  %truth = select i1 %true, ptr @Py_True, ptr @Py_False
  call void @Py_IncRef(ptr %truth)
  ret ptr %truth
}

; Numbers that lie side by side as the items of a new list of n. False, with an exception set, or
; true. Nothing that makes a number looks at the list.
; What is equal to the number before is the same object, as in a list that was made of one.
define internal i1 @tj_numbers(ptr %list, ptr %data, i64 %size, i64 %kind, ptr %descr, i64 %n) #0 {
entry:
  switch i64 %kind, label %others [
    i64 0, label %ints
    i64 1, label %floats
  ]
ints:
  %int_items = load ptr, ptr %list[i8 LIST_ITEMS]
  br label %int_head
int_head:
  %int_j = phi i64 [ 0, %ints ], [ %int_j1, %int_put ]
  %int_last = phi i64 [ 0, %ints ], [ %int_bits, %int_put ]
  %int_known = phi ptr [ null, %ints ], [ %int_o, %int_put ]
  br i1 (icmp slt i64 %int_j, %n), label %int_step, label %yes
int_step:
  %int_at = getelementptr i64, ptr %data, i64 %int_j
  %int_bits = load i64, ptr %int_at
  %int_same = icmp eq i64 %int_bits, %int_last
  br i1 (and i1 %int_same, (icmp ne ptr %int_known, null)), label %int_again, label %int_new
int_again:
  call void @Py_IncRef(ptr %int_known)
  br label %int_got
int_new:
  %int_x = load i64, ptr %int_at
  %int_made = call ptr @PyLong_FromLongLong(i64 %int_x)
  br label %int_got
int_got:
  %int_o = phi ptr [ %int_known, %int_again ], [ %int_made, %int_new ]
  br i1 (icmp eq ptr %int_o, null), label %no, label %int_put
int_put:
  store ptr %int_o, ptr %int_items[ptr %int_j]
  %int_j1 = add i64 %int_j, 1
  br label %int_head
floats:
  %float_items = load ptr, ptr %list[i8 LIST_ITEMS]
  br label %float_head
float_head:
  %float_j = phi i64 [ 0, %floats ], [ %float_j1, %float_put ]
  %float_last = phi i64 [ 0, %floats ], [ %float_bits, %float_put ]
  %float_known = phi ptr [ null, %floats ], [ %float_o, %float_put ]
  br i1 (icmp slt i64 %float_j, %n), label %float_step, label %yes
float_step:
  %float_at = getelementptr i64, ptr %data, i64 %float_j
  %float_bits = load i64, ptr %float_at
  %float_same = icmp eq i64 %float_bits, %float_last
  br i1 (and i1 %float_same, (icmp ne ptr %float_known, null)), label %float_again, label %float_new
float_again:
  call void @Py_IncRef(ptr %float_known)
  br label %float_got
float_new:
  %float_x = load double, ptr %float_at
  %float_made = call ptr @PyFloat_FromDouble(double %float_x)
  br label %float_got
float_got:
  %float_o = phi ptr [ %float_known, %float_again ], [ %float_made, %float_new ]
  br i1 (icmp eq ptr %float_o, null), label %no, label %float_put
float_put:
  store ptr %float_o, ptr %float_items[ptr %float_j]
  %float_j1 = add i64 %float_j, 1
  br label %float_head
others:
  br label %head
head:
  %j = phi i64 [ 0, %others ], [ %j1, %put ]
  br i1 (icmp slt i64 %j, %n), label %step, label %yes
step:
  %bytes = mul i64 %j, %size
  %at = getelementptr i8, ptr %data, i64 %bytes
  %tagged = icmp sgt i64 %kind, 4
  %skipped = select i1 %tagged, i64 %j, i64 0
  %what = getelementptr i8, ptr %descr, i64 %skipped
  %o = call ptr @tj_number(ptr %at, i64 %kind, ptr %what)
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
"""
