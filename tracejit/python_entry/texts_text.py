"""LLVM text that makes texts with values in them, part of what ``runs_text`` compiles.

The words of a *text* are how many values it has, where what comes before them begins, and how long
that is, in UTF-8. Of each value follow

0. what it is converted to: nothing (0), ``str`` (1), ``repr`` (2) or ``ascii`` (3); or the letter
   for which CPython shows a float with so many digits;
1. what comes after the colon of its replacement field, or null; or the digits;
2. where the text behind it begins; 3. how long that is;
4. and on: a part as in a run; an object (5, where it stands); or texts that are joined (6, the part
   of their run, how many, the length of what is between, whether the last comes first, and where
   what is between begins).

A buffer is where the letters are, how many there are, the room, and a block, or null.
"""

from __future__ import annotations

#: Words of a text before its values, and of each value.
WORDS_BEFORE, VALUE_WORDS = 3, 12

DECLARATIONS = """
declare ptr @PyBytes_AsString(ptr)
declare i64 @PyBytes_Size(ptr)
declare void @PyErr_Clear()
declare ptr @PyErr_NoMemory()
declare void @PyMem_RawFree(ptr)
declare ptr @PyMem_RawRealloc(ptr, i64)
declare void @PyMem_Free(ptr)
declare ptr @PyOS_double_to_string(double, i8 signext, i32, i32, ptr)
declare i64 @strlen(ptr)
declare ptr @PyObject_ASCII(ptr)
declare ptr @PyObject_Format(ptr, ptr)
declare ptr @PyObject_Repr(ptr)
declare ptr @PyObject_Str(ptr)
declare ptr @PyUnicode_AsEncodedString(ptr, ptr, ptr)
declare ptr @PyUnicode_AsUTF8AndSize(ptr, ptr)
declare ptr @PyUnicode_DecodeUTF8(ptr, i64, ptr)
@tj_utf8 = private constant [6 x i8] c"utf-8\\00"
@tj_pass = private constant [14 x i8] c"surrogatepass\\00"
"""

TEXT = """
; False, with an exception set, where memory is short.
define internal i1 @tj_put(ptr %buf, ptr %from, i64 %n) #0 {
entry:
  %len = load i64, ptr %buf[i64 1]
  %room = load i64, ptr %buf[i64 2]
  %end = add i64 %len, %n
  br i1 (icmp ule i64 %end, %room), label %fits, label %grow
grow:
  %twice = mul i64 %end, 2
  %old = load ptr, ptr %buf[i64 3]
  %new = call ptr @PyMem_RawRealloc(ptr %old, i64 %twice)
  br i1 (icmp eq ptr %new, null), label %no, label %grown
grown:
  br i1 (icmp eq ptr %old, null), label %first, label %moved
first:
  %was = load ptr, ptr %buf
  call void @llvm.memcpy.p0.p0.i64(ptr %new, ptr %was, i64 %len, i1 false)
  br label %moved
moved:
  store ptr %new, ptr %buf
  store ptr %new, ptr %buf[i64 3]
  store i64 %twice, ptr %buf[i64 2]
  br label %fits
fits:
  %data = load ptr, ptr %buf
  %to = getelementptr i8, ptr %data, i64 %len
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %from, i64 %n, i1 false)
  store i64 %end, ptr %buf[i64 1]
  ret i1 true
no:
  %set = call ptr @PyErr_NoMemory()
  ret i1 false
}

define internal i1 @tj_put_int(ptr %buf, i64 %x) #0 {
entry:
  %digits = alloca [24 x i8]
  %below = icmp slt i64 %x, 0
  %minus = sub i64 0, %x
  %size = select i1 %below, i64 %minus, i64 %x
  br label %head
head:
  %k = phi i64 [ 24, %entry ], [ %k1, %head ]
  %v = phi i64 [ %size, %entry ], [ %q, %head ]
  %k1 = sub i64 %k, 1
  %q = udiv i64 %v, 10
  %tens = mul i64 %q, 10
  %d = sub i64 %v, %tens
  %c = add i64 %d, 48
  %letter = trunc i64 %c to i8
  store i8 %letter, ptr %digits[i8 %k1]
  br i1 (icmp eq i64 %q, 0), label %done, label %head
done:
  %k2 = sub i64 %k1, 1
  store i8 45, ptr %digits[i8 %k2]
  %start = select i1 %below, i64 %k2, i64 %k1
  %n = sub i64 24, %start
  %from = getelementptr i8, ptr %digits, i64 %start
  %good = call i1 @tj_put(ptr %buf, ptr %from, i64 %n)
  ret i1 %good
}

; A float with so many digits, and at least one behind the point where it is shown in full.
define internal i1 @tj_put_float(ptr %buf, double %x, i64 %how, i64 %digits) #0 {
entry:
  %letter = trunc i64 %how to i8
  %precision = trunc i64 %digits to i32
  %full = icmp eq i64 %how, 114
  %flags = select i1 %full, i32 2, i32 0
  %text = call ptr @PyOS_double_to_string(double %x, i8 signext %letter, i32 %precision,
                                        i32 %flags, ptr null)
  br i1 (icmp eq ptr %text, null), label %no, label %put
put:
  %n = call i64 @strlen(ptr %text)
  %good = call i1 @tj_put(ptr %buf, ptr %text, i64 %n)
  call void @PyMem_Free(ptr %text)
  ret i1 %good
no:
  ret i1 false
}

; The letters of a text. Those that UTF-8 does not have are as `tj_text_of` reads them.
define internal i1 @tj_put_str(ptr %buf, ptr %text) #0 {
entry:
  %size = alloca i64
  %letters = call ptr @PyUnicode_AsUTF8AndSize(ptr %text, ptr %size)
  br i1 (icmp eq ptr %letters, null), label %other, label %usual
usual:
  %n = load i64, ptr %size
  %good = call i1 @tj_put(ptr %buf, ptr %letters, i64 %n)
  ret i1 %good
other:
  call void @PyErr_Clear()
  %bytes = call ptr @PyUnicode_AsEncodedString(ptr %text, ptr @tj_utf8, ptr @tj_pass)
  br i1 (icmp eq ptr %bytes, null), label %no, label %encoded
encoded:
  %from = call ptr @PyBytes_AsString(ptr %bytes)
  %length = call i64 @PyBytes_Size(ptr %bytes)
  %put = call i1 @tj_put(ptr %buf, ptr %from, i64 %length)
  call void @Py_DecRef(ptr %bytes)
  ret i1 %put
no:
  ret i1 false
}

; An object, which is dropped, as a replacement field shows it.
define internal i1 @tj_put_object(ptr %buf, ptr %o, i64 %how, ptr %spec) #0 {
entry:
  br i1 (icmp eq ptr %o, null), label %no, label %which
which:
  switch i64 %how, label %as_is [
    i64 1, label %str
    i64 2, label %repr
    i64 3, label %ascii
  ]
str:
  %s = call ptr @PyObject_Str(ptr %o)
  br label %converted
repr:
  %r = call ptr @PyObject_Repr(ptr %o)
  br label %converted
ascii:
  %a = call ptr @PyObject_ASCII(ptr %o)
  br label %converted
converted:
  %c = phi ptr [ %s, %str ], [ %r, %repr ], [ %a, %ascii ]
  call void @Py_DecRef(ptr %o)
  br i1 (icmp eq ptr %c, null), label %no, label %as_is
as_is:
  %x = phi ptr [ %o, %which ], [ %c, %converted ]
  %shown = call ptr @PyObject_Format(ptr %x, ptr %spec)
  call void @Py_DecRef(ptr %x)
  br i1 (icmp eq ptr %shown, null), label %no, label %put
put:
  %good = call i1 @tj_put_str(ptr %buf, ptr %shown)
  call void @Py_DecRef(ptr %shown)
  ret i1 %good
no:
  ret i1 false
}

; Texts of a run in one.
define internal i1 @tj_put_joined(ptr %buf, ptr %p) #0 {
entry:
  %part = load ptr, ptr %p[i64 1]
  %n = load i64, ptr %p[i64 2]
  %length = load i64, ptr %p[i64 3]
  %turned = load i64, ptr %p[i64 4]
  %between = load ptr, ptr %p[i64 5]
  %last = sub i64 %n, 1
  br label %head
head:
  %j = phi i64 [ 0, %entry ], [ %j1, %next ]
  br i1 (icmp slt i64 %j, %n), label %step, label %yes
step:
  br i1 (icmp eq i64 %j, 0), label %item, label %separate
separate:
  %apart = call i1 @tj_put(ptr %buf, ptr %between, i64 %length)
  br i1 %apart, label %item, label %no
item:
  %mirrored = sub i64 %last, %j
  %k = select i1 (icmp eq i64 %turned, 0), i64 %j, i64 %mirrored
  %text = call ptr @tj_text_at(ptr %part, i64 %k)
  %good = call i1 @tj_put_text(ptr %buf, ptr %text, i64 %k)
  br i1 %good, label %next, label %no
next:
  %j1 = add i64 %j, 1
  br label %head
yes:
  ret i1 true
no:
  ret i1 false
}

; Which of the texts of a part item k is.
define internal ptr @tj_text_at(ptr %p, i64 %k) #0 {
  %places = load ptr, ptr %p[i64 1]
  %table = load ptr, ptr %p[i64 6]
  %place = load i64, ptr %places[i64 %k]
  %text = load ptr, ptr %table[ptr %place]
  ret ptr %text
}

define internal i1 @tj_put_value(ptr %buf, ptr %value, i64 %k) #0 {
entry:
  %how = load i64, ptr %value
  %spec = load ptr, ptr %value[i64 1]
  %p = getelementptr i64, ptr %value, i64 4
  %what = load i64, ptr %p
  switch i64 %what, label %made [
    i64 0, label %number
    i64 5, label %object
    i64 6, label %joined
  ]
number:
  %kind = load i64, ptr %p[i64 4]
  %data = load ptr, ptr %p[i64 1]
  br i1 (icmp sgt i64 %how, 3), label %float, label %other
float:
  %precision = ptrtoint ptr %spec to i64
  %f = load double, ptr %data[double %k]
  %written = call i1 @tj_put_float(ptr %buf, double %f, i64 %how, i64 %precision)
  ret i1 %written
other:
  %plain = icmp eq ptr %spec, null
  br i1 (and i1 %plain, (icmp eq i64 %kind, 0)), label %int, label %made
int:
  %x = load i64, ptr %data[i64 %k]
  %digits = call i1 @tj_put_int(ptr %buf, i64 %x)
  ret i1 %digits
made:
  %new = call ptr @tj_part(ptr %p, i64 %k)
  %shown = call i1 @tj_put_object(ptr %buf, ptr %new, i64 %how, ptr %spec)
  ret i1 %shown
object:
  %slot = load ptr, ptr %p[i64 1]
  %o = load ptr, ptr %slot
  call void @Py_IncRef(ptr %o)
  %good = call i1 @tj_put_object(ptr %buf, ptr %o, i64 %how, ptr %spec)
  ret i1 %good
joined:
  %one = call i1 @tj_put_joined(ptr %buf, ptr %p)
  ret i1 %one
}

define internal i1 @tj_put_text(ptr %buf, ptr %text, i64 %k) #0 {
entry:
  %n = load i64, ptr %text
  %before = load ptr, ptr %text[i64 1]
  %length = load i64, ptr %text[i64 2]
  %begun = call i1 @tj_put(ptr %buf, ptr %before, i64 %length)
  br i1 %begun, label %head, label %no
head:
  %j = phi i64 [ 0, %entry ], [ %j1, %next ]
  br i1 (icmp slt i64 %j, %n), label %step, label %yes
step:
  %words = mul i64 %j, 12
  %at = add i64 %words, 3
  %value = getelementptr i64, ptr %text, i64 %at
  %put = call i1 @tj_put_value(ptr %buf, ptr %value, i64 %k)
  br i1 %put, label %behind, label %no
behind:
  %after = load ptr, ptr %value[i64 2]
  %size = load i64, ptr %value[i64 3]
  %good = call i1 @tj_put(ptr %buf, ptr %after, i64 %size)
  br i1 %good, label %next, label %no
next:
  %j1 = add i64 %j, 1
  br label %head
yes:
  ret i1 true
no:
  ret i1 false
}

define ptr @tj_text_of(ptr %text, i64 %k) #0 {
entry:
  %letters = alloca [240 x i8]
  %buf = alloca [4 x i64]
  store ptr %letters, ptr %buf
  store i64 0, ptr %buf[i64 1]
  store i64 240, ptr %buf[i64 2]
  store ptr null, ptr %buf[i64 3]
  %good = call i1 @tj_put_text(ptr %buf, ptr %text, i64 %k)
  br i1 %good, label %whole, label %end
whole:
  %data = load ptr, ptr %buf
  %n = load i64, ptr %buf[i64 1]
  %made = call ptr @PyUnicode_DecodeUTF8(ptr %data, i64 %n, ptr @tj_pass)
  br label %end
end:
  %found = phi ptr [ null, %entry ], [ %made, %whole ]
  %block = load ptr, ptr %buf[i64 3]
  call void @PyMem_RawFree(ptr %block)
  ret ptr %found
}
"""
