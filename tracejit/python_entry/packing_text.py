"""LLVM text that makes arrays of lists of many numbers, and of lists of such lists, for
`unpacking_text`. What such a list is, `calls/many_numbers.py` says.

The words of a program for one are (5 list, or 6 list of lists; the class; the first leaf; where,
after the leaves, the containers that were met before stand, and where this one is noted; the dtype
of floats, of ints and of complex numbers; the code of ``tj_numbers_into``). Lists in lists of lists
are entered in a table of those met: the words before the leaves are how many there are, the table,
and a mask of its places, a power of two of them.
"""

from __future__ import annotations

#: Words before the leaves.
WORDS_BEFORE = 3

TEXT = """
declare double @PyComplex_ImagAsDouble(ptr)
declare double @PyComplex_RealAsDouble(ptr)
declare i64 @PyLong_AsLongLongAndOverflow(ptr, ptr)
declare ptr @PyMem_RawCalloc(i64, i64)
declare void @PyMem_RawFree(ptr)
@Py_Complex_Type = external global i8
@Py_Float_Type = external global i8

; How many words a number of a class takes.
define internal i64 @tj_width(ptr %class) #0 {
  %wide = icmp eq ptr %class, @Py_Complex_Type
  %width = select i1 %wide, i64 2, i64 1
  ret i64 %width
}

; Enter an object in a table of those met. Whether it was not there.
define internal i1 @tj_enter(ptr %table, i64 %mask, ptr %o) #0 {
entry:
  %word = ptrtoint ptr %o to i64
  %mixed = mul i64 %word, -7046029254386353131
  %high = lshr i64 %mixed, 32
  br label %head
head:
  %h = phi i64 [ %high, %entry ], [ %h1, %other ]
  %at = and i64 %h, %mask
  %there = load ptr, ptr %table[ptr %at]
  br i1 (icmp eq ptr %there, null), label %new, label %taken
taken:
  %h1 = add i64 %at, 1
  br i1 (icmp eq ptr %there, %o), label %known, label %other
other:
  br label %head
new:
  store ptr %o, ptr %table[ptr %at]
  ret i1 true
known:
  ret i1 false
}

; Room for n more objects in the table of those met. False where memory is short.
define internal i1 @tj_room(ptr %out, i64 %n) #0 {
entry:
  %used = load i64, ptr %out[ptr -3]
  %old = load ptr, ptr %out[ptr -2]
  %mask = load i64, ptr %out[ptr -1]
  %all = add i64 %used, %n
  store i64 %all, ptr %out[ptr -3]
  %least = mul i64 %all, 2
  br i1 (icmp ugt i64 %least, %mask), label %sizes, label %yes
sizes:
  %size = phi i64 [ 64, %entry ], [ %twice, %sizes ]
  %twice = mul i64 %size, 2
  br i1 (icmp ugt i64 %size, %least), label %make, label %sizes
make:
  %new = call ptr @PyMem_RawCalloc(i64 %size, i64 8)
  %newmask = sub i64 %size, 1
  br i1 (icmp eq ptr %new, null), label %no, label %made
made:
  store ptr %new, ptr %out[ptr -2]
  store i64 %newmask, ptr %out[ptr -1]
  br i1 (icmp eq ptr %old, null), label %yes, label %head
head:
  %k = phi i64 [ 0, %made ], [ %k1, %next ]
  %o = load ptr, ptr %old[ptr %k]
  br i1 (icmp eq ptr %o, null), label %next, label %move
move:
  %moved = call i1 @tj_enter(ptr %new, i64 %newmask, ptr %o)
  br label %next
next:
  %k1 = add i64 %k, 1
  br i1 (icmp ule i64 %k1, %mask), label %head, label %drop
drop:
  call void @PyMem_RawFree(ptr %old)
  br label %yes
yes:
  ret i1 true
no:
  ret i1 false
}

; Whether a container is none of the lists that lists of lists hold. It is entered with these.
define internal i1 @tj_apart(ptr %o, ptr %out) #0 {
entry:
  %first = load ptr, ptr %out[ptr -2]
  br i1 (icmp eq ptr %first, null), label %yes, label %room
room:
  %roomy = call i1 @tj_room(ptr %out, i64 1)
  br i1 %roomy, label %enter, label %no
enter:
  %table = load ptr, ptr %out[ptr -2]
  %mask = load i64, ptr %out[ptr -1]
  %new = call i1 @tj_enter(ptr %table, i64 %mask, ptr %o)
  ret i1 %new
yes:
  ret i1 true
no:
  ret i1 false
}

; Room for so many numbers of a class as a leaf, or null.
define internal ptr @tj_room_for(ptr %class, i64 %n, ptr %p, ptr %leaf) #0 {
entry:
  %dims = alloca i64
  store i64 %n, ptr %dims
  %floats = icmp eq ptr %class, @Py_Float_Type
  %pairs = icmp eq ptr %class, @Py_Complex_Type
  %whole = select i1 %pairs, i64 7, i64 6
  %at = select i1 %floats, i64 5, i64 %whole
  %known = or i1 %floats, %pairs
  br i1 (or i1 %known, (icmp eq ptr %class, @Py_Long_Type)), label %make, label %no
make:
  %descr = load ptr, ptr %p[ptr %at]
  %array = call ptr @tj_new_array(ptr %descr, i32 1, ptr %dims)
  store ptr %array, ptr %leaf
  br i1 (icmp eq ptr %array, null), label %no, label %data
data:
  %found = load ptr, ptr %array[i8 DATA]
  ret ptr %found
no:
  ret ptr null
}

; A list of many numbers as a leaf. False where it is something else.
define internal i1 @tj_packed_list(ptr %o, ptr %p, ptr %out) #0 {
entry:
  %n = call i64 @PyList_Size(ptr %o)
  br i1 (icmp sge i64 %n, FEW), label %first, label %no
first:
  %x = call ptr @PyList_GetItem(ptr %o, i64 0)
  br i1 (icmp eq ptr %x, null), label %no, label %make
make:
  %class = load ptr, ptr %x[i8 8]
  %index = load i64, ptr %p[i64 2]
  %leaf = getelementptr ptr, ptr %out, i64 %index
  %data = call ptr @tj_room_for(ptr %class, i64 %n, ptr %p, ptr %leaf)
  br i1 (icmp eq ptr %data, null), label %no, label %fill
fill:
  %read = load ptr, ptr %p[i64 8]
  %good = call i1 %read(ptr %o, i64 %n, ptr %class, ptr %data)
  ret i1 %good
no:
  ret i1 false
}

; Whether a list is none of the containers that were met before.
define internal i1 @tj_is_new(ptr %o, ptr %p, ptr %out) #0 {
entry:
  %from = load i64, ptr %p[i64 3]
  %to = load i64, ptr %p[i64 4]
  br label %head
head:
  %m = phi i64 [ %from, %entry ], [ %m1, %next ]
  br i1 (icmp sle i64 %m, %to), label %compared, label %enter
compared:
  %met = load ptr, ptr %out[ptr %m]
  %m1 = add i64 %m, 1
  br i1 (icmp eq ptr %met, %o), label %no, label %next
next:
  br label %head
enter:
  %table = load ptr, ptr %out[ptr -2]
  %mask = load i64, ptr %out[ptr -1]
  %new = call i1 @tj_enter(ptr %table, i64 %mask, ptr %o)
  ret i1 %new
no:
  ret i1 false
}

; A list of lists of many numbers as two leaves: these, and how many each list has. False where it
; is something else, or one of the lists is met again.
define internal i1 @tj_packed_rows(ptr %o, ptr %p, ptr %out) #0 {
entry:
  %n = call i64 @PyList_Size(ptr %o)
  %list = load ptr, ptr %o[i8 8]
  %index = load i64, ptr %p[i64 2]
  %leaf = getelementptr ptr, ptr %out, i64 %index
  %ints = getelementptr i8, ptr @Py_Long_Type, i64 0
  %counts = call ptr @tj_room_for(ptr %ints, i64 %n, ptr %p, ptr %leaf[ptr 1])
  br i1 (icmp eq ptr %counts, null), label %no, label %room
room:
  %roomy = call i1 @tj_room(ptr %out, i64 %n)
  br i1 %roomy, label %head, label %no
head:
  %k = phi i64 [ 0, %room ], [ %k1, %next ]
  %total = phi i64 [ 0, %room ], [ %total1, %next ]
  %most = phi i64 [ 0, %room ], [ %most1, %next ]
  %class = phi ptr [ null, %room ], [ %class1, %next ]
  br i1 (icmp slt i64 %k, %n), label %step, label %sized
step:
  %row = call ptr @PyList_GetItem(ptr %o, i64 %k)
  br i1 (icmp eq ptr %row, null), label %no, label %typed
typed:
  %kind = load ptr, ptr %row[i8 8]
  br i1 (icmp eq ptr %kind, %list), label %known, label %no
known:
  %new = call i1 @tj_is_new(ptr %row, ptr %p, ptr %out)
  br i1 %new, label %count, label %no
count:
  %size = call i64 @PyList_Size(ptr %row)
  store i64 %size, ptr %counts[i64 %k]
  %total1 = add i64 %total, %size
  %more = icmp sgt i64 %size, %most
  %most1 = select i1 %more, i64 %size, i64 %most
  %classless = icmp eq ptr %class, null
  br i1 (and i1 %classless, (icmp sgt i64 %size, 0)), label %first, label %next
first:
  %x = call ptr @PyList_GetItem(ptr %row, i64 0)
  br i1 (icmp eq ptr %x, null), label %no, label %its
its:
  %found = load ptr, ptr %x[i8 8]
  br label %next
next:
  %class1 = phi ptr [ %class, %count ], [ %found, %its ]
  %k1 = add i64 %k, 1
  br label %head
sized:
  %many = icmp sge i64 %total, FEW_IN_ROWS
  %short = and i1 %many, (icmp slt i64 %most, FEW)
  br i1 (or i1 %short, (icmp sge i64 %n, FEW)), label %make, label %no
make:
  %data = call ptr @tj_room_for(ptr %class, i64 %total, ptr %p, ptr %leaf)
  %width = call i64 @tj_width(ptr %class)
  %read = load ptr, ptr %p[i64 8]
  br i1 (icmp eq ptr %data, null), label %no, label %rows
rows:
  %j = phi i64 [ 0, %make ], [ %j1, %filled ]
  %at = phi i64 [ 0, %make ], [ %at1, %filled ]
  br i1 (icmp slt i64 %j, %n), label %fill, label %yes
fill:
  %held = call ptr @PyList_GetItem(ptr %o, i64 %j)
  %its_size = load i64, ptr %counts[i64 %j]
  %word = mul i64 %at, %width
  %place = getelementptr i64, ptr %data, i64 %word
  %good = call i1 %read(ptr %held, i64 %its_size, ptr %class, ptr %place)
  %at1 = add i64 %at, %its_size
  %j1 = add i64 %j, 1
  br i1 %good, label %filled, label %no
filled:
  br label %rows
yes:
  ret i1 true
no:
  ret i1 false
}
"""
