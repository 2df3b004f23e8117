"""LLVM text that puts the arguments of a call in their places (see `parameters.py`).

Part of what `boxing_text` compiles. The words of a table of parameters are: the function whose
defaults are read (or null), how many are positional, how many of these have no name, how many are
keyword-only, flags (1 ``*args``, 2 ``**kwargs``, 4 no defaults are filled in), names, other
defaults, and the least and most arguments that lie in their places as they are.
"""

from __future__ import annotations

TEXT = """
declare ptr @PyFunction_GetDefaults(ptr)
declare ptr @PyFunction_GetKwDefaults(ptr)
declare i64 @PyTuple_Size(ptr)
declare ptr @PyTuple_GetItem(ptr, i64)
declare ptr @PyDict_GetItemWithError(ptr, ptr)
declare i32 @PyUnicode_Compare(ptr, ptr)
declare void @PyErr_Clear()
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare i64 @llvm.smax.i64(i64, i64)
@Py_Unicode_Type = external global i8

; Where a name is among known[from..to): by identity, then by comparison; -1 where it is not, and
; -2 for what is no plain str, whose comparison could be anything.
define internal i64 @tj_find(ptr %known, i64 %from, i64 %to, ptr %name) #0 {
entry:
  %kind = load ptr, ptr %name[i8 8]
  br i1 (icmp eq ptr %kind, @Py_Unicode_Type), label %head, label %odd
odd:
  ret i64 -2
head:
  %k = phi i64 [ %from, %entry ], [ %k1, %next ]
  br i1 (icmp slt i64 %k, %to), label %look, label %slowly
look:
  %one = load ptr, ptr %known[ptr %k]
  br i1 (icmp eq ptr %one, %name), label %found, label %next
next:
  %k1 = add i64 %k, 1
  br label %head
found:
  ret i64 %k
slowly:
  %j = phi i64 [ %from, %head ], [ %j1, %on ]
  br i1 (icmp slt i64 %j, %to), label %compare, label %none
compare:
  %other = load ptr, ptr %known[ptr %j]
  %order = call i32 @PyUnicode_Compare(ptr %other, ptr %name)
  br i1 (icmp eq i32 %order, 0), label %late, label %on
on:
  %j1 = add i64 %j, 1
  br label %slowly
late:
  ret i64 %j
none:
  ret i64 -1
}

; The default of a parameter now (borrowed), or null.
define internal ptr @tj_default(ptr %table, i64 %k) #0 {
entry:
  %function = load ptr, ptr %table
  %count = load i64, ptr %table[i64 1]
  br i1 (icmp eq ptr %function, null), label %kept, label %live
kept:
  %given = load ptr, ptr %table[i64 6]
  %value = load ptr, ptr %given[ptr %k]
  ret ptr %value
live:
  br i1 (icmp slt i64 %k, %count), label %tuple, label %dict
tuple:
  %defaults = call ptr @PyFunction_GetDefaults(ptr %function)
  br i1 (icmp eq ptr %defaults, null), label %missing, label %sized
sized:
  %size = call i64 @PyTuple_Size(ptr %defaults)
  %back = sub i64 %k, %count
  %at = add i64 %back, %size
  br i1 (icmp slt i64 %at, 0), label %missing, label %item
item:
  %found = call ptr @PyTuple_GetItem(ptr %defaults, i64 %at)
  ret ptr %found
dict:
  %named = call ptr @PyFunction_GetKwDefaults(ptr %function)
  br i1 (icmp eq ptr %named, null), label %missing, label %entryof
entryof:
  %known = load ptr, ptr %table[i64 5]
  %name = load ptr, ptr %known[ptr %k]
  %default = call ptr @PyDict_GetItemWithError(ptr %named, ptr %name)
  ret ptr %default
missing:
  ret ptr null
}

; Keywords to their places. A name of no place goes to %rest, a dict or null. 0 where that is wrong.
define internal i1 @tj_keywords(ptr %table, ptr %values, ptr %names, ptr %out, i64 %base,
                                ptr %rest) #0 {
entry:
  br i1 (icmp eq ptr %names, null), label %good, label %sized
sized:
  %count = call i64 @PyTuple_Size(ptr %names)
  %pos = load i64, ptr %table[i64 1]
  %from = load i64, ptr %table[i64 2]
  %only = load i64, ptr %table[i64 3]
  %to = add i64 %pos, %only
  %known = load ptr, ptr %table[i64 5]
  br label %head
head:
  %k = phi i64 [ 0, %sized ], [ %k1, %next ]
  br i1 (icmp slt i64 %k, %count), label %step, label %good
step:
  %name = call ptr @PyTuple_GetItem(ptr %names, i64 %k)
  %value = load ptr, ptr %values[ptr %k]
  %at = call i64 @tj_find(ptr %known, i64 %from, i64 %to, ptr %name)
  %k1 = add i64 %k, 1
  br i1 (icmp sge i64 %at, 0), label %place, label %extra
place:
  %positional = icmp slt i64 %at, %pos
  %past = sub i64 %at, %pos
  %behind = add i64 %base, %past
  %slot = select i1 %positional, i64 %at, i64 %behind
  %p = getelementptr ptr, ptr %out, i64 %slot
  %old = load ptr, ptr %p
  br i1 (icmp eq ptr %old, null), label %fill, label %bad
fill:
  store ptr %value, ptr %p
  br label %next
extra:
  br i1 (and i1 (icmp eq i64 %at, -1), (icmp ne ptr %rest, null)), label %keep, label %bad
keep:
  %status = call i32 @PyDict_SetItem(ptr %rest, ptr %name, ptr %value)
  br i1 (icmp eq i32 %status, 0), label %next, label %bad
next:
  br label %head
good:
  ret i1 true
bad:
  ret i1 false
}

; Defaults to the places that are still empty; %held gets them too, as references that we own.
define internal i1 @tj_defaults(ptr %table, ptr %out, ptr %held, i64 %base) #0 {
entry:
  %pos = load i64, ptr %table[i64 1]
  %only = load i64, ptr %table[i64 3]
  %count = add i64 %pos, %only
  br label %head
head:
  %k = phi i64 [ 0, %entry ], [ %k1, %next ]
  br i1 (icmp slt i64 %k, %count), label %step, label %good
step:
  %k1 = add i64 %k, 1
  %positional = icmp slt i64 %k, %pos
  %past = sub i64 %k, %pos
  %behind = add i64 %base, %past
  %slot = select i1 %positional, i64 %k, i64 %behind
  %p = getelementptr ptr, ptr %out, i64 %slot
  %old = load ptr, ptr %p
  br i1 (icmp eq ptr %old, null), label %ask, label %next
ask:
  %value = call ptr @tj_default(ptr %table, i64 %k)
  br i1 (icmp eq ptr %value, null), label %bad, label %fill
fill:
  call void @Py_IncRef(ptr %value)
  store ptr %value, ptr %p
  store ptr %value, ptr %held[ptr %slot]
  br label %next
next:
  br label %head
good:
  ret i1 true
bad:
  ret i1 false
}

; How many of out[0..total) come before the first null one; -1 where others follow that.
define internal i64 @tj_prefix(ptr %out, i64 %total) #0 {
entry:
  br label %head
head:
  %k = phi i64 [ 0, %entry ], [ %k1, %next ]
  %found = phi i64 [ 0, %entry ], [ %found1, %next ]
  br i1 (icmp slt i64 %k, %total), label %step, label %done
step:
  %one = load ptr, ptr %out[ptr %k]
  br i1 (icmp eq ptr %one, null), label %next, label %full
full:
  %adjacent = icmp eq i64 %found, %k
  %longer = add i64 %k, 1
  br i1 %adjacent, label %next, label %gap
next:
  %found1 = phi i64 [ %found, %step ], [ %longer, %full ]
  %k1 = add i64 %k, 1
  br label %head
gap:
  ret i64 -1
done:
  ret i64 %found
}

; The call through the chain with every argument in its place; MISS where it has none.
define internal ptr @tj_placed(ptr %self, ptr %args, i64 %n, ptr %names, ptr %table) #0 {
entry:
  %pos = load i64, ptr %table[i64 1]
  %only = load i64, ptr %table[i64 3]
  %flags = load i64, ptr %table[i64 4]
  %past = sub i64 %n, %pos
  %over = call i64 @llvm.smax.i64(i64 %past, i64 0)
  %base = add i64 %pos, %over
  %variadic = and i64 %flags, 1
  %wrong = and i1 (icmp eq i64 %variadic, 0), (icmp sgt i64 %over, 0)
  %restbit = and i64 %flags, 2
  %rests = lshr i64 %restbit, 1
  %named = add i64 %base, %only
  %total = add i64 %named, %rests
  br i1 (or i1 %wrong, (icmp sgt i64 %total, 1000)), label %never, label %room
never:
  ret ptr inttoptr (i64 1 to ptr)
room:
  %words = add i64 %total, 1
  %bytes = mul i64 %words, 8
  %out = alloca ptr, i64 %words
  %held = alloca ptr, i64 %words
  call void @llvm.memset.p0.i64(ptr %out, i8 0, i64 %bytes, i1 false)
  call void @llvm.memset.p0.i64(ptr %held, i8 0, i64 %bytes, i1 false)
  %given = mul i64 %n, 8
  call void @llvm.memcpy.p0.p0.i64(ptr %out, ptr %args, i64 %given, i1 false)
  br i1 (icmp ne i64 %rests, 0), label %dict, label %keywords
dict:
  %made = call ptr @PyDict_New()
  %o = getelementptr ptr, ptr %out, i64 %named
  %h = getelementptr ptr, ptr %held, i64 %named
  store ptr %made, ptr %o
  store ptr %made, ptr %h
  br i1 (icmp eq ptr %made, null), label %miss, label %keywords
keywords:
  %rest = phi ptr [ null, %room ], [ %made, %dict ]
  %values = getelementptr ptr, ptr %args, i64 %n
  %known = call i1 @tj_keywords(ptr %table, ptr %values, ptr %names, ptr %out, i64 %base, ptr %rest)
  br i1 %known, label %filled, label %miss
filled:
  %bare = and i64 %flags, 4
  br i1 (icmp eq i64 %bare, 0), label %defaults, label %prefix
defaults:
  %whole = call i1 @tj_defaults(ptr %table, ptr %out, ptr %held, i64 %base)
  br i1 %whole, label %call, label %miss
prefix:
  %adjacent = call i64 @tj_prefix(ptr %out, i64 %total)
  %positional = icmp sle i64 %adjacent, %base
  br i1 (and i1 %positional, (icmp sge i64 %adjacent, 0)), label %call, label %miss
call:
  %count = phi i64 [ %total, %defaults ], [ %adjacent, %prefix ]
  %answer = call ptr @tj_through(ptr %self, ptr %out, i64 %count)
  call void @tj_decref_all(ptr %held, i64 %words)
  ret ptr %answer
miss:
  call void @PyErr_Clear()
  call void @tj_decref_all(ptr %held, i64 %words)
  ret ptr inttoptr (i64 1 to ptr)
}
"""
