"""LLVM text that takes arguments apart into leaves for the entries behind (see `unpacking.py`).

Part of what `boxing_text` compiles. A program is words in the order of a walk: (0, leaf), or
(1 tuple, 2 list, 3 dict, 4 attributes of an object; the class; how many), then the items. All but
tuples have two words more before the items: where, after the leaves, those that were met before
stand, and where this one is noted. Before each item of dicts and objects come its key and whether
keys like it may be compared. Lists that are packed are in `packing_text`.
"""

from __future__ import annotations

from tracejit.python_entry.packing_text import WORDS_BEFORE

EXPORTS = ("tj_unpack", "tj_alike", "tj_bound_as")

TEXT = """
declare i64 @PyList_Size(ptr)
declare ptr @PyList_GetItem(ptr, i64)
declare i64 @PyDict_Size(ptr)
declare i32 @PyDict_Next(ptr, ptr, ptr, ptr)
declare i32 @PyObject_RichCompareBool(ptr, ptr, i32)
declare ptr @PyObject_GenericGetDict(ptr, ptr)
declare void @PyErr_Fetch(ptr, ptr, ptr)
declare void @PyErr_NormalizeException(ptr, ptr, ptr)
declare void @PyErr_Restore(ptr, ptr, ptr)

declare ptr @PyFunction_GetCode(ptr)
declare ptr @PyFunction_GetGlobals(ptr)
declare ptr @PyFunction_GetClosure(ptr)
declare ptr @PyObject_GetAttrString(ptr, ptr)
declare ptr @_PyObject_GetDictPtr(ptr)

@PyFunction_Type = external global i8
@tj_qualname = private constant [13 x i8] c"__qualname__\\00"
@Py_Slice_Type = external global i8
@Py_Long_Type = external global i8

; Whether an object is the wanted one or, of that class, equal to it.
define internal i1 @tj_equal_in(ptr %o, ptr %wanted, ptr %class) #0 {
entry:
  br i1 (icmp eq ptr %o, %wanted), label %yes, label %other
other:
  %kind = load ptr, ptr %o[i8 8]
  %right = load ptr, ptr %wanted[i8 8]
  %alike = icmp eq ptr %kind, %class
  br i1 (and i1 %alike, (icmp eq ptr %right, %class)), label %compare, label %no
compare:
  %status = call i32 @PyObject_RichCompareBool(ptr %o, ptr %wanted, i32 2)
  %same = icmp eq i32 %status, 1
  ret i1 %same
yes:
  ret i1 true
no:
  ret i1 false
}

; Whether tuples, each of which may be missing, hold the same objects.
define internal i1 @tj_same_items(ptr %a, ptr %b) #0 {
entry:
  br i1 (icmp eq ptr %a, %b), label %yes, label %both
both:
  %one = icmp ne ptr %a, null
  br i1 (and i1 %one, (icmp ne ptr %b, null)), label %sizes, label %no
sizes:
  %n = call i64 @PyTuple_Size(ptr %a)
  %m = call i64 @PyTuple_Size(ptr %b)
  br i1 (icmp eq i64 %n, %m), label %head, label %no
head:
  %k = phi i64 [ 0, %sizes ], [ %next, %more ]
  br i1 (icmp ult i64 %k, %n), label %items, label %yes
items:
  %x = call ptr @PyTuple_GetItem(ptr %a, i64 %k)
  %y = call ptr @PyTuple_GetItem(ptr %b, i64 %k)
  br i1 (icmp eq ptr %x, %y), label %more, label %no
more:
  %next = add i64 %k, 1
  br label %head
yes:
  ret i1 true
no:
  ret i1 false
}

; Whether functions are made of the same: code, name, globals, enclosing variables and defaults; and
; the first has no attributes.
define internal i1 @tj_same_function(ptr %o, ptr %wanted) #0 {
entry:
  %code = call ptr @PyFunction_GetCode(ptr %o)
  %its = call ptr @PyFunction_GetCode(ptr %wanted)
  br i1 (icmp eq ptr %code, %its), label %spaces, label %no
spaces:
  %space = call ptr @PyFunction_GetGlobals(ptr %o)
  %outer = call ptr @PyFunction_GetGlobals(ptr %wanted)
  br i1 (icmp eq ptr %space, %outer), label %closures, label %no
closures:
  %cells = call ptr @PyFunction_GetClosure(ptr %o)
  %around = call ptr @PyFunction_GetClosure(ptr %wanted)
  %enclosed = call i1 @tj_same_items(ptr %cells, ptr %around)
  br i1 %enclosed, label %given, label %no
given:
  %defaults = call ptr @PyFunction_GetDefaults(ptr %o)
  %values = call ptr @PyFunction_GetDefaults(ptr %wanted)
  %filled = call i1 @tj_same_items(ptr %defaults, ptr %values)
  br i1 %filled, label %named, label %no
named:
  %kw = call ptr @PyFunction_GetKwDefaults(ptr %o)
  %kws = call ptr @PyFunction_GetKwDefaults(ptr %wanted)
  br i1 (icmp eq ptr %kw, %kws), label %attributes, label %no
attributes:
  %place = call ptr @_PyObject_GetDictPtr(ptr %o)
  br i1 (icmp eq ptr %place, null), label %names, label %held
held:
  %dict = load ptr, ptr %place
  br i1 (icmp eq ptr %dict, null), label %names, label %count
count:
  %size = call i64 @PyDict_Size(ptr %dict)
  br i1 (icmp eq i64 %size, 0), label %names, label %no
names:
  %name = call ptr @PyObject_GetAttrString(ptr %o, ptr @tj_qualname)
  %other = call ptr @PyObject_GetAttrString(ptr %wanted, ptr @tj_qualname)
  call void @Py_DecRef(ptr %name)
  call void @Py_DecRef(ptr %other)
  %same = icmp eq ptr %name, %other
  ret i1 %same
no:
  ret i1 false
}

; Whether an object is the wanted one, or a text or a slice of ints that is equal to it, or a
; function that is made of the same.
define i1 @tj_alike(ptr %o, ptr %wanted) #0 {
entry:
  %text = call i1 @tj_equal_in(ptr %o, ptr %wanted, ptr @Py_Unicode_Type)
  br i1 %text, label %yes, label %classes
classes:
  %kind = load ptr, ptr %o[i8 8]
  %right = load ptr, ptr %wanted[i8 8]
  %callable = icmp eq ptr %kind, @PyFunction_Type
  br i1 (and i1 %callable, (icmp eq ptr %right, @PyFunction_Type)), label %functions, label %slices
functions:
  %made = call i1 @tj_same_function(ptr %o, ptr %wanted)
  br i1 %made, label %yes, label %no
slices:
  %alike = icmp eq ptr %kind, @Py_Slice_Type
  br i1 (and i1 %alike, (icmp eq ptr %right, @Py_Slice_Type)), label %head, label %no
head:
  %at = phi i64 [ 16, %slices ], [ %next, %more ]
  %part = load ptr, ptr %o[i8 %at]
  %other = load ptr, ptr %wanted[i8 %at]
  %same = call i1 @tj_equal_in(ptr %part, ptr %other, ptr @Py_Long_Type)
  br i1 %same, label %more, label %no
more:
  %next = add i64 %at, 8
  br i1 (icmp ult i64 %next, 40), label %head, label %yes
yes:
  ret i1 true
no:
  ret i1 false
}

; Whether names are bound to objects: n triples of a namespace, a name and an object. What a
; namespace lacks is looked for among the builtins. An error may be set where it is false.
define i1 @tj_bound_as(ptr %table, i64 %n, ptr %builtins) #0 {
entry:
  br label %head
head:
  %k = phi i64 [ 0, %entry ], [ %next, %more ]
  %at = mul i64 %k, 24
  %row = getelementptr i8, ptr %table, i64 %at
  %space = load ptr, ptr %row
  %namep = getelementptr i8, ptr %row, i64 8
  %name = load ptr, ptr %namep
  %wantedp = getelementptr i8, ptr %row, i64 16
  %wanted = load ptr, ptr %wantedp
  %found = call ptr @PyDict_GetItemWithError(ptr %space, ptr %name)
  %same = icmp eq ptr %found, %wanted
  br i1 %same, label %more, label %other
other:
  %there = icmp ne ptr %found, null
  br i1 %there, label %no, label %builtin
builtin:
  %second = call ptr @PyDict_GetItemWithError(ptr %builtins, ptr %name)
  %right = icmp eq ptr %second, %wanted
  br i1 %right, label %more, label %no
more:
  %next = add i64 %k, 1
  %done = icmp eq i64 %next, %n
  br i1 %done, label %yes, label %head
yes:
  ret i1 true
no:
  ret i1 false
}

; Whether a key is the one that two words describe.
define internal i1 @tj_same_key(ptr %key, ptr %p) #0 {
entry:
  %wanted = load ptr, ptr %p
  br i1 (icmp eq ptr %key, %wanted), label %yes, label %other
other:
  %plain = load i64, ptr %p[i64 1]
  %kind = load ptr, ptr %key[i8 8]
  %right = load ptr, ptr %wanted[i8 8]
  br i1 (and i1 (icmp eq ptr %kind, %right), (icmp ne i64 %plain, 0)), label %compare, label %no
compare:
  %status = call i32 @PyObject_RichCompareBool(ptr %key, ptr %wanted, i32 2)
  %same = icmp eq i32 %status, 1
  ret i1 %same
yes:
  ret i1 true
no:
  ret i1 false
}

; Values of a dict, or of an object's, in their order. The next word of the program, or null.
define internal ptr @tj_leaves_of_dict(ptr %dict, ptr %start, i64 %n, ptr %out) #0 {
entry:
  %pos = alloca i64
  %key = alloca ptr
  %value = alloca ptr
  store i64 0, ptr %pos
  %size = call i64 @PyDict_Size(ptr %dict)
  br i1 (icmp eq i64 %size, %n), label %head, label %fail
head:
  %k = phi i64 [ 0, %entry ], [ %k1, %next ]
  %p = phi ptr [ %start, %entry ], [ %after, %next ]
  br i1 (icmp slt i64 %k, %n), label %step, label %done
step:
  %found = call i32 @PyDict_Next(ptr %dict, ptr %pos, ptr %key, ptr %value)
  br i1 (icmp ne i32 %found, 0), label %named, label %fail
named:
  %name = load ptr, ptr %key
  %same = call i1 @tj_same_key(ptr %name, ptr %p)
  br i1 %same, label %take, label %fail
take:
  %one = load ptr, ptr %value
  %inner = getelementptr i64, ptr %p, i64 2
  call void @Py_IncRef(ptr %one)
  %after = call ptr @tj_leaves(ptr %one, ptr %inner, ptr %out)
  call void @Py_DecRef(ptr %one)
  %k1 = add i64 %k, 1
  br i1 (icmp eq ptr %after, null), label %fail, label %next
next:
  br label %head
done:
  ret ptr %p
fail:
  ret ptr null
}

; Leaves of an object, each a reference that we own. The next word of the program, or null where
; the object is another kind of thing. Making a dict can collect garbage, so that anything may run:
; what is looked at is held.
define internal ptr @tj_leaves(ptr %o, ptr %p, ptr %out) #0 {
entry:
  %kind = load i64, ptr %p
  %firstp = getelementptr i64, ptr %p, i64 1
  br i1 (icmp eq i64 %kind, 0), label %leaf, label %typed
leaf:
  %index = load i64, ptr %firstp
  %slot = getelementptr ptr, ptr %out, i64 %index
  call void @Py_IncRef(ptr %o)
  store ptr %o, ptr %slot
  ret ptr %p[i64 2]
typed:
  %class = load ptr, ptr %o[i8 8]
  %wanted = load ptr, ptr %firstp
  %n = load i64, ptr %p[i64 2]
  %third = getelementptr i64, ptr %p, i64 3
  %fourth = getelementptr i64, ptr %p, i64 4
  %fifth = getelementptr i64, ptr %p, i64 5
  %fixes = icmp eq i64 %kind, 1
  %items = select i1 %fixes, ptr %third, ptr %fifth
  br i1 (icmp eq ptr %class, %wanted), label %changeable, label %fail
changeable:
  br i1 %fixes, label %which, label %bounds
bounds:
  %from = load i64, ptr %third
  %to = load i64, ptr %fourth
  br label %earlier
earlier:
  %m = phi i64 [ %from, %bounds ], [ %m1, %another ]
  br i1 (icmp slt i64 %m, %to), label %compared, label %note
compared:
  %met = load ptr, ptr %out[ptr %m]
  br i1 (icmp eq ptr %met, %o), label %fail, label %another
another:
  %m1 = add i64 %m, 1
  br label %earlier
note:
  store ptr %o, ptr %out[ptr %to]
  %apart = call i1 @tj_apart(ptr %o, ptr %out)
  br i1 %apart, label %which, label %fail
which:
  switch i64 %kind, label %fail [
    i64 1, label %tuple
    i64 2, label %list
    i64 3, label %dict
    i64 4, label %record
    i64 5, label %packed
    i64 6, label %rows
  ]
packed:
  %whole = call i1 @tj_packed_list(ptr %o, ptr %p, ptr %out)
  br i1 %whole, label %behind, label %fail
rows:
  %lists = call i1 @tj_packed_rows(ptr %o, ptr %p, ptr %out)
  br i1 %lists, label %behind, label %fail
behind:
  ret ptr %p[i64 9]
dict:
  %last = call ptr @tj_leaves_of_dict(ptr %o, ptr %items, i64 %n, ptr %out)
  ret ptr %last
record:
  %fields = call ptr @PyObject_GenericGetDict(ptr %o, ptr null)
  br i1 (icmp eq ptr %fields, null), label %fail, label %fielded
fielded:
  %end = call ptr @tj_leaves_of_dict(ptr %fields, ptr %items, i64 %n, ptr %out)
  call void @Py_DecRef(ptr %fields)
  ret ptr %end
tuple:
  %tn = call i64 @PyTuple_Size(ptr %o)
  br label %sized
list:
  %ln = call i64 @PyList_Size(ptr %o)
  br label %sized
sized:
  %size = phi i64 [ %tn, %tuple ], [ %ln, %list ]
  br i1 (icmp eq i64 %size, %n), label %head, label %fail
head:
  %k = phi i64 [ 0, %sized ], [ %k1, %next ]
  %q = phi ptr [ %items, %sized ], [ %after, %next ]
  br i1 (icmp slt i64 %k, %n), label %step, label %done
step:
  br i1 (icmp eq i64 %kind, 1), label %oftuple, label %oflist
oftuple:
  %t = call ptr @PyTuple_GetItem(ptr %o, i64 %k)
  br label %item
oflist:
  %l = call ptr @PyList_GetItem(ptr %o, i64 %k)
  br label %item
item:
  %one = phi ptr [ %t, %oftuple ], [ %l, %oflist ]
  br i1 (icmp eq ptr %one, null), label %fail, label %take
take:
  call void @Py_IncRef(ptr %one)
  %after = call ptr @tj_leaves(ptr %one, ptr %q, ptr %out)
  call void @Py_DecRef(ptr %one)
  %k1 = add i64 %k, 1
  br i1 (icmp eq ptr %after, null), label %fail, label %next
next:
  br label %head
done:
  ret ptr %q
fail:
  ret ptr null
}

; Calls a function with the exception that is set and n arguments. The exception stays set, unless
; the call raises another.
define internal void @tj_tell(ptr %function, ptr %args, i64 %n) #0 {
entry:
  %kind = alloca ptr
  %error = alloca ptr
  %trace = alloca ptr
  call void @PyErr_Fetch(ptr %kind, ptr %error, ptr %trace)
  call void @PyErr_NormalizeException(ptr %kind, ptr %error, ptr %trace)
  %k = load ptr, ptr %kind
  %e = load ptr, ptr %error
  %t = load ptr, ptr %trace
  %size = add i64 %n, 1
  %given = alloca ptr, i64 %size
  store ptr %e, ptr %given
  %behind = getelementptr ptr, ptr %given, i64 1
  %argbytes = mul i64 %n, 8
  call void @llvm.memcpy.p0.p0.i64(ptr %behind, ptr %args, i64 %argbytes, i1 false)
  %made = call ptr @PyObject_Vectorcall(ptr %function, ptr %given, i64 %size, ptr null)
  br i1 (icmp eq ptr %made, null), label %other, label %same
same:
  call void @Py_DecRef(ptr %made)
  call void @PyErr_Restore(ptr %k, ptr %e, ptr %t)
  ret void
other:
  call void @Py_DecRef(ptr %k)
  call void @Py_DecRef(ptr %e)
  call void @Py_DecRef(ptr %t)
  ret void
}

; A row of a chain: the words of %env are how many arguments, their program, how many leaves, rows
; that take these, what makes the result of an answer and the arguments, or null, how many
; containers that can be changed there are, and what is told of exceptions, or null.
define ptr @tj_unpack(ptr %args, i64 %n, ptr %env) #0 {
entry:
  %wanted = load i64, ptr %env
  br i1 (icmp eq i64 %wanted, %n), label %room, label %never
never:
  ret ptr inttoptr (i64 1 to ptr)
room:
  %program = load ptr, ptr %env[i64 1]
  %count = load i64, ptr %env[i64 2]
  %rows = load ptr, ptr %env[i64 3]
  %finish = load ptr, ptr %env[i64 4]
  %words = add i64 %count, 1
  %bytes = mul i64 %words, 8
  %changeable = load i64, ptr %env[i64 5]
  %beside = add i64 %changeable, BEFORE
  %slots = add i64 %words, %beside
  %area = alloca ptr, i64 %slots
  %leaves = getelementptr ptr, ptr %area, i64 BEFORE
  %cleared = add i64 %bytes, BEFORE_BYTES
  call void @llvm.memset.p0.i64(ptr %area, i8 0, i64 %cleared, i1 false)
  br label %head
head:
  %k = phi i64 [ 0, %room ], [ %k1, %next ]
  %p = phi ptr [ %program, %room ], [ %after, %next ]
  br i1 (icmp slt i64 %k, %n), label %step, label %call
step:
  %arg = load ptr, ptr %args[ptr %k]
  %after = call ptr @tj_leaves(ptr %arg, ptr %p, ptr %leaves)
  %k1 = add i64 %k, 1
  br i1 (icmp eq ptr %after, null), label %fail, label %next
next:
  br label %head
call:
  %lists = load ptr, ptr %leaves[ptr -2]
  call void @PyMem_RawFree(ptr %lists)
  %r = call ptr @tj_rows(ptr %rows, ptr %leaves, i64 %count)
  call void @tj_decref_all(ptr %leaves, i64 %count)
  %value = ptrtoint ptr %r to i64
  br i1 (icmp eq ptr %r, null), label %raised, label %answered
raised:
  %failed = load ptr, ptr %env[i64 6]
  br i1 (icmp eq ptr %failed, null), label %out, label %tell
tell:
  call void @tj_tell(ptr %failed, ptr %args, i64 %n)
  br label %out
answered:
  br i1 (and i1 (icmp ugt i64 %value, 1), (icmp ne ptr %finish, null)), label %end, label %out
out:
  ret ptr %r
end:
  %size = add i64 %n, 1
  %given = alloca ptr, i64 %size
  store ptr %r, ptr %given
  %behind = getelementptr ptr, ptr %given, i64 1
  %argbytes = mul i64 %n, 8
  call void @llvm.memcpy.p0.p0.i64(ptr %behind, ptr %args, i64 %argbytes, i1 false)
  %made = call ptr @PyObject_Vectorcall(ptr %finish, ptr %given, i64 %size, ptr null)
  call void @Py_DecRef(ptr %r)
  ret ptr %made
fail:
  %found = load ptr, ptr %leaves[ptr -2]
  call void @PyMem_RawFree(ptr %found)
  call void @PyErr_Clear()
  call void @tj_decref_all(ptr %leaves, i64 %count)
  ret ptr inttoptr (i64 1 to ptr)
}
""".replace("BEFORE_BYTES", str(8 * WORDS_BEFORE)).replace("BEFORE", str(WORDS_BEFORE))
