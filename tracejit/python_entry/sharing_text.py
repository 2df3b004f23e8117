"""LLVM text that passes storages of arguments which overlap (see `sharing.py`).

Part of what `boxing_text` compiles. How an array lies is words: bytes from the first array, the
number of its type and that type's twin, how many axes, extents, strides.
"""

from __future__ import annotations

EXPORTS = ("tj_share",)

TEXT = """
; The array that owns the memory of another; null where that is no plain array.
define internal ptr @tj_owner(ptr %array) #0 {
entry:
  br label %head
head:
  %at = phi ptr [ %array, %entry ], [ %base, %up ]
  %base = load ptr, ptr %at[i8 BASE]
  br i1 (icmp eq ptr %base, null), label %found, label %look
look:
  %kind = load ptr, ptr %base[i8 8]
  br i1 (icmp eq ptr %kind, @PyArray_Type), label %up, label %other
up:
  br label %head
found:
  ret ptr %at
other:
  ret ptr null
}

; The word behind those that say how an array lies; null where it lies in another way.
define internal ptr @tj_lies(ptr %array, i64 %first, ptr %p) #0 {
entry:
  %data = load i64, ptr %array[i8 DATA]
  %delta = load i64, ptr %p
  %wanted = add i64 %first, %delta
  br i1 (icmp eq i64 %data, %wanted), label %typed, label %no
typed:
  %descr = load ptr, ptr %array[i8 DESCR]
  %nump = getelementptr i64, ptr %p, i64 1
  %twinp = getelementptr i64, ptr %p, i64 2
  %num64 = load i64, ptr %nump
  %twin64 = load i64, ptr %twinp
  %num = trunc i64 %num64 to i32
  %twin = trunc i64 %twin64 to i32
  %same = call i1 @tj_same_dtype(ptr %descr, i32 %num, i32 %twin)
  br i1 %same, label %ranked, label %no
ranked:
  %nd = load i32, ptr %array[i8 NDIM]
  %n = zext i32 %nd to i64
  %rank = load i64, ptr %p[i64 3]
  br i1 (icmp eq i64 %n, %rank), label %axes, label %no
axes:
  %dims = load ptr, ptr %array[i8 DIMS]
  %strides = load ptr, ptr %array[i8 STRIDES]
  %extents = getelementptr i64, ptr %p, i64 4
  %steps = getelementptr i64, ptr %extents, i64 %n
  br label %head
head:
  %k = phi i64 [ 0, %axes ], [ %k1, %next ]
  br i1 (icmp slt i64 %k, %n), label %axis, label %yes
axis:
  %d = load i64, ptr %dims[i64 %k]
  %e = load i64, ptr %extents[i64 %k]
  %long = icmp eq i64 %d, %e
  %s = load i64, ptr %strides[i64 %k]
  %t = load i64, ptr %steps[i64 %k]
  %both = and i1 %long, (icmp eq i64 %s, %t)
  %k1 = add i64 %k, 1
  br i1 %both, label %next, label %no
next:
  br label %head
yes:
  ret ptr %steps[i64 %n]
no:
  ret ptr null
}

; Whether arguments lie as %count descriptions say: which argument, whether it is writeable, how it
; lies, and how the array lies that owns its memory.
define internal i1 @tj_all_lie(ptr %args, i64 %first, ptr %start, i64 %count) #0 {
entry:
  br label %head
head:
  %k = phi i64 [ 0, %entry ], [ %k1, %next ]
  %p = phi ptr [ %start, %entry ], [ %q, %next ]
  br i1 (icmp slt i64 %k, %count), label %step, label %yes
step:
  %k1 = add i64 %k, 1
  %index = load i64, ptr %p
  %arg = load ptr, ptr %args[ptr %index]
  %kind = load ptr, ptr %arg[i8 8]
  br i1 (icmp eq ptr %kind, @PyArray_Type), label %flagged, label %no
flagged:
  %flags = load i32, ptr %arg[i8 FLAGS]
  %write = and i32 %flags, WRITEABLE
  %write64 = zext i32 %write to i64
  %wanted = load i64, ptr %p[i64 1]
  br i1 (icmp eq i64 %write64, %wanted), label %placed, label %no
placed:
  %owners = call ptr @tj_lies(ptr %arg, i64 %first, ptr %p[i64 2])
  br i1 (icmp eq ptr %owners, null), label %no, label %owned
owned:
  %owner = call ptr @tj_owner(ptr %arg)
  br i1 (icmp eq ptr %owner, null), label %no, label %behind
behind:
  %q = call ptr @tj_lies(ptr %owner, i64 %first, ptr %owners)
  br i1 (icmp eq ptr %q, null), label %no, label %next
next:
  br label %head
yes:
  ret i1 true
no:
  ret i1 false
}

; An array over memory, as words say: bytes from the first array, a dtype, flags, how many axes,
; extents. Views of it outlive the call: its base is the argument %owner, whose memory it is.
define internal ptr @tj_storage(ptr %owner, i64 %first, ptr %p) #0 {
  %at = load i64, ptr %p
  %address = add i64 %first, %at
  %data = inttoptr i64 %address to ptr
  %descr = load ptr, ptr %p[i64 1]
  %flags64 = load i64, ptr %p[i64 2]
  %flags = trunc i64 %flags64 to i32
  %nd64 = load i64, ptr %p[i64 3]
  %nd = trunc i64 %nd64 to i32
  %dims = getelementptr i64, ptr %p, i64 4
  call void @Py_IncRef(ptr %descr)
  %array = call ptr @PyArray_NewFromDescr(ptr @PyArray_Type, ptr %descr, i32 %nd, ptr %dims,
                                          ptr null, ptr %data, i32 %flags, ptr null)
  %based = call ptr @tj_based(ptr %array, ptr %owner)
  ret ptr %based
}

; A row of a chain: the words of %env are how many arguments, which is the first array, descriptions
; of arrays and their number, addresses of storages' words and their number, numbers and how many,
; and the rows that take all of it. The first word of a storage is which argument lies in it.
define ptr @tj_share(ptr %args, i64 %n, ptr %env) #0 {
entry:
  %wanted = load i64, ptr %env
  br i1 (icmp eq i64 %wanted, %n), label %find, label %never
never:
  ret ptr inttoptr (i64 1 to ptr)
find:
  %where = load i64, ptr %env[i64 1]
  %array = load ptr, ptr %args[ptr %where]
  %kind = load ptr, ptr %array[i8 8]
  br i1 (icmp eq ptr %kind, @PyArray_Type), label %compare, label %never
compare:
  %first = load i64, ptr %array[i8 DATA]
  %checks = load ptr, ptr %env[i64 2]
  %count = load i64, ptr %env[i64 3]
  %lie = call i1 @tj_all_lie(ptr %args, i64 %first, ptr %checks, i64 %count)
  br i1 %lie, label %room, label %never
room:
  %storages = load ptr, ptr %env[i64 4]
  %many = load i64, ptr %env[i64 5]
  %numbers = load ptr, ptr %env[i64 6]
  %few = load i64, ptr %env[i64 7]
  %rows = load ptr, ptr %env[i64 8]
  %behind = add i64 %n, %many
  %total = add i64 %behind, %few
  %all = alloca ptr, i64 %total
  %made = getelementptr ptr, ptr %all, i64 %n
  %rest = getelementptr ptr, ptr %all, i64 %behind
  %argbytes = mul i64 %n, 8
  %numberbytes = mul i64 %few, 8
  %madebytes = mul i64 %many, 8
  call void @llvm.memcpy.p0.p0.i64(ptr %all, ptr %args, i64 %argbytes, i1 false)
  call void @llvm.memset.p0.i64(ptr %made, i8 0, i64 %madebytes, i1 false)
  call void @llvm.memcpy.p0.p0.i64(ptr %rest, ptr %numbers, i64 %numberbytes, i1 false)
  br label %head
head:
  %k = phi i64 [ 0, %room ], [ %k1, %next ]
  br i1 (icmp slt i64 %k, %many), label %step, label %call
step:
  %k1 = add i64 %k, 1
  %words = load ptr, ptr %storages[ptr %k]
  %member = load i64, ptr %words
  %owner = load ptr, ptr %args[ptr %member]
  %storage = call ptr @tj_storage(ptr %owner, i64 %first, ptr %words[i64 1])
  br i1 (icmp eq ptr %storage, null), label %fail, label %next
next:
  store ptr %storage, ptr %made[ptr %k]
  br label %head
call:
  %r = call ptr @tj_rows(ptr %rows, ptr %all, i64 %total)
  call void @tj_decref_all(ptr %made, i64 %many)
  ret ptr %r
fail:
  call void @tj_decref_all(ptr %made, i64 %many)
  ret ptr null
}
"""
