"""LLVM text that gives the caller's containers new items (see `changing.py`), part of what
`boxing_text` compiles.

A row of a chain behind one that takes arguments apart: the words of `%env` are the code and the
environment of an entry that returns a tuple of parts, how many changes there are, and how many
containers are noted. Then come four words for each change:

1. what it is: the items of a list (1), those of a dict (2), those of the lists in a list (3), an
   attribute (4), attributes of an object (5), entries of a dict (6), which keep the others, an
   attribute of an object from outside (7);
2. of which container, or of which argument, or the object;
3. the attribute's name; or one more than the leaf that has the numbers of a packed list, or 0;
4. the code of ``tj_unlike`` where there is such a leaf; of an attribute, names by which its object
   is found from the argument, and 0.

The words of what is returned are (0, which part), (1, which container), (2, how many, where the
words of each begin) for a tuple, or (3, which part, where the words begin of what it is where the
part is True, and where it is not).
"""

from __future__ import annotations

EXPORTS = ("tj_change",)

TEXT = """
declare i32 @PyDict_Update(ptr, ptr)
declare void @PyDict_Clear(ptr)
declare void @PyErr_BadInternalCall()
declare i32 @PyList_SetSlice(ptr, i64, i64, ptr)
declare ptr @PyObject_GetAttr(ptr, ptr)
declare i32 @PyObject_GenericSetAttr(ptr, ptr, ptr)
@Py_True = external global i8

; Give each list in a list the items of another.
define internal i32 @tj_change_inside(ptr %list, ptr %items) #0 {
entry:
  %n = call i64 @PyList_Size(ptr %list)
  %m = call i64 @PyList_Size(ptr %items)
  br i1 (icmp eq i64 %n, %m), label %head, label %bad
head:
  %k = phi i64 [ 0, %entry ], [ %k1, %set ]
  br i1 (icmp slt i64 %k, %m), label %step, label %good
step:
  %row = call ptr @PyList_GetItem(ptr %list, i64 %k)
  %new = call ptr @PyList_GetItem(ptr %items, i64 %k)
  br i1 (icmp eq ptr %row, null), label %failed, label %set
set:
  call void @Py_IncRef(ptr %row)
  %status = call i32 @tj_refill(ptr %row, ptr %new)
  call void @Py_DecRef(ptr %row)
  %k1 = add i64 %k, 1
  br i1 (icmp eq i32 %status, 0), label %head, label %failed
good:
  ret i32 0
bad:
  call void @PyErr_BadInternalCall()
  ret i32 -1
failed:
  ret i32 -1
}

; Give a container new items. %before: an array of the numbers that a list had, or null; %code:
; what compares such arrays.
define internal i32 @tj_change_one(i64 %kind, ptr %target, ptr %items, ptr %before, ptr %code) #0 {
entry:
  switch i64 %kind, label %inside [
    i64 1, label %list
    i64 2, label %dict
    i64 5, label %object
    i64 6, label %entries
  ]
list:
  %class = load ptr, ptr %items[i8 8]
  br i1 (icmp eq ptr %class, @PyArray_Type), label %numbers, label %objects
numbers:
  %filled = call i32 @tj_refill_numbers(ptr %target, ptr %items, ptr %before, ptr %code)
  ret i32 %filled
objects:
  %set = call i32 @tj_refill(ptr %target, ptr %items)
  ret i32 %set
dict:
  call void @PyDict_Clear(ptr %target)
  br label %entries
entries:
  %updated = call i32 @PyDict_Update(ptr %target, ptr %items)
  ret i32 %updated
object:
  %own = call ptr @PyObject_GenericGetDict(ptr %target, ptr null)
  br i1 (icmp eq ptr %own, null), label %failed, label %attributes
attributes:
  %put = call i32 @PyDict_Update(ptr %own, ptr %items)
  call void @Py_DecRef(ptr %own)
  ret i32 %put
failed:
  ret i32 -1
inside:
  %each = call i32 @tj_change_inside(ptr %target, ptr %items)
  ret i32 %each
}

; Set an attribute of what is found from an object by these names.
define internal i32 @tj_set_attribute(ptr %from, ptr %steps, ptr %name, ptr %value) #0 {
entry:
  call void @Py_IncRef(ptr %from)
  br label %head
head:
  %o = phi ptr [ %from, %entry ], [ %inner, %further ]
  %k = phi i64 [ 0, %entry ], [ %k1, %further ]
  %step = load ptr, ptr %steps[ptr %k]
  br i1 (icmp eq ptr %step, null), label %set, label %look
look:
  %inner = call ptr @PyObject_GetAttr(ptr %o, ptr %step)
  call void @Py_DecRef(ptr %o)
  %k1 = add i64 %k, 1
  br i1 (icmp eq ptr %inner, null), label %failed, label %further
further:
  br label %head
set:
  %status = call i32 @PyObject_GenericSetAttr(ptr %o, ptr %name, ptr %value)
  call void @Py_DecRef(ptr %o)
  ret i32 %status
failed:
  ret i32 -1
}

; What is returned, a new reference, or null.
define internal ptr @tj_result(ptr %words, i64 %at, ptr %parts, ptr %held) #0 {
entry:
  %p = getelementptr i64, ptr %words, i64 %at
  %kind = load i64, ptr %p
  %number = load i64, ptr %p[i64 1]
  %inner = getelementptr i64, ptr %p, i64 2
  switch i64 %kind, label %either [
    i64 0, label %part
    i64 1, label %container
    i64 2, label %tuple
  ]
part:
  %made = call ptr @PyTuple_GetItem(ptr %parts, i64 %number)
  br label %found
container:
  %own = load ptr, ptr %held[ptr %number]
  br label %found
found:
  %o = phi ptr [ %made, %part ], [ %own, %container ]
  call void @Py_IncRef(ptr %o)
  ret ptr %o
either:
  %flag = call ptr @PyTuple_GetItem(ptr %parts, i64 %number)
  %which = select i1 (icmp eq ptr %flag, @Py_True), i64 0, i64 1
  %one = load i64, ptr %inner[i64 %which]
  %chosen = call ptr @tj_result(ptr %words, i64 %one, ptr %parts, ptr %held)
  ret ptr %chosen
tuple:
  %several = call ptr @PyTuple_New(i64 %number)
  br i1 (icmp eq ptr %several, null), label %fail, label %head
head:
  %k = phi i64 [ 0, %tuple ], [ %k1, %put ]
  br i1 (icmp slt i64 %k, %number), label %step, label %done
step:
  %place = load i64, ptr %inner[i64 %k]
  %item = call ptr @tj_result(ptr %words, i64 %place, ptr %parts, ptr %held)
  br i1 (icmp eq ptr %item, null), label %drop, label %put
put:
  %status = call i32 @PyTuple_SetItem(ptr %several, i64 %k, ptr %item)
  %k1 = add i64 %k, 1
  br label %head
done:
  ret ptr %several
drop:
  call void @Py_DecRef(ptr %several)
  br label %fail
fail:
  ret ptr null
}

; Containers are held: what an entry calls, or what drops out of them, may run Python code.
define ptr @tj_change(ptr %args, i64 %n, ptr %env) #0 {
entry:
  %code = load ptr, ptr %env
  %inner = load ptr, ptr %env[i64 1]
  %changes = load i64, ptr %env[i64 2]
  %count = load i64, ptr %env[i64 3]
  %program = getelementptr i64, ptr %env, i64 4
  %met = getelementptr ptr, ptr %args, i64 %n
  %first = getelementptr ptr, ptr %met, i64 1
  %held = alloca ptr, i64 %count
  %size = mul i64 %count, 8
  call void @llvm.memcpy.p0.p0.i64(ptr %held, ptr %first, i64 %size, i1 false)
  br label %hold
hold:
  %h = phi i64 [ 0, %entry ], [ %h1, %holds ]
  br i1 (icmp slt i64 %h, %count), label %holds, label %call
holds:
  %o = load ptr, ptr %held[ptr %h]
  call void @Py_IncRef(ptr %o)
  %h1 = add i64 %h, 1
  br label %hold
call:
  %parts = call ptr %code(ptr %args, i64 %n, ptr %inner)
  %value = ptrtoint ptr %parts to i64
  %words = mul i64 %changes, 4
  %rest = getelementptr i64, ptr %program, i64 %words
  br i1 (icmp ugt i64 %value, 1), label %made, label %out
made:
  %result = call ptr @tj_result(ptr %rest, i64 0, ptr %parts, ptr %held)
  br i1 (icmp eq ptr %result, null), label %drop, label %head
head:
  %k = phi i64 [ 0, %made ], [ %k1, %stepped ]
  br i1 (icmp slt i64 %k, %changes), label %step, label %drop
step:
  %word = mul i64 %k, 4
  %p = getelementptr i64, ptr %program, i64 %word
  %kind = load i64, ptr %p
  %number = load i64, ptr %p[i64 1]
  %items = call ptr @PyTuple_GetItem(ptr %parts, i64 %k)
  switch i64 %kind, label %container [
    i64 4, label %attribute
    i64 7, label %outside
  ]
attribute:
  %argument = load ptr, ptr %args[ptr %number]
  br label %set
outside:
  %object = inttoptr i64 %number to ptr
  br label %set
set:
  %from = phi ptr [ %argument, %attribute ], [ %object, %outside ]
  %name = load ptr, ptr %p[ptr 2]
  %steps = load ptr, ptr %p[ptr 3]
  %put = call i32 @tj_set_attribute(ptr %from, ptr %steps, ptr %name, ptr %items)
  br label %stepped
container:
  %target = load ptr, ptr %held[ptr %number]
  %leaf = load i64, ptr %p[i64 2]
  br i1 (icmp eq i64 %leaf, 0), label %change, label %packed
packed:
  %place = sub i64 %leaf, 1
  %read = load ptr, ptr %args[ptr %place]
  br label %change
change:
  %before = phi ptr [ null, %container ], [ %read, %packed ]
  %unlike = load ptr, ptr %p[ptr 3]
  %given = call i32 @tj_change_one(i64 %kind, ptr %target, ptr %items, ptr %before, ptr %unlike)
  br label %stepped
stepped:
  %status = phi i32 [ %put, %set ], [ %given, %change ]
  %k1 = add i64 %k, 1
  br i1 (icmp eq i32 %status, 0), label %head, label %failed
failed:
  call void @Py_DecRef(ptr %result)
  br label %drop
drop:
  %answer = phi ptr [ null, %made ], [ %result, %head ], [ null, %failed ]
  call void @Py_DecRef(ptr %parts)
  br label %out
out:
  %r = phi ptr [ %parts, %call ], [ %answer, %drop ]
  call void @tj_decref_all(ptr %held, i64 %count)
  ret ptr %r
}
"""
