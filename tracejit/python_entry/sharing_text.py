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
  %basep = getelementptr i8, ptr %at, i64 BASE
  %base = load ptr, ptr %basep
  %none = icmp eq ptr %base, null
  br i1 %none, label %found, label %look
look:
  %kindp = getelementptr i8, ptr %base, i64 8
  %kind = load ptr, ptr %kindp
  %plain = icmp eq ptr %kind, @PyArray_Type
  br i1 %plain, label %up, label %other
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
  %datap = getelementptr i8, ptr %array, i64 DATA
  %data = load i64, ptr %datap
  %delta = load i64, ptr %p
  %wanted = add i64 %first, %delta
  %there = icmp eq i64 %data, %wanted
  br i1 %there, label %typed, label %no
typed:
  %descrp = getelementptr i8, ptr %array, i64 DESCR
  %descr = load ptr, ptr %descrp
  %nump = getelementptr i64, ptr %p, i64 1
  %twinp = getelementptr i64, ptr %p, i64 2
  %num64 = load i64, ptr %nump
  %twin64 = load i64, ptr %twinp
  %num = trunc i64 %num64 to i32
  %twin = trunc i64 %twin64 to i32
  %same = call i1 @tj_same_dtype(ptr %descr, i32 %num, i32 %twin)
  br i1 %same, label %ranked, label %no
ranked:
  %ndp = getelementptr i8, ptr %array, i64 NDIM
  %nd = load i32, ptr %ndp
  %n = zext i32 %nd to i64
  %rankp = getelementptr i64, ptr %p, i64 3
  %rank = load i64, ptr %rankp
  %right = icmp eq i64 %n, %rank
  br i1 %right, label %axes, label %no
axes:
  %dimsp = getelementptr i8, ptr %array, i64 DIMS
  %dims = load ptr, ptr %dimsp
  %stridesp = getelementptr i8, ptr %array, i64 STRIDES
  %strides = load ptr, ptr %stridesp
  %extents = getelementptr i64, ptr %p, i64 4
  %steps = getelementptr i64, ptr %extents, i64 %n
  br label %head
head:
  %k = phi i64 [ 0, %axes ], [ %k1, %next ]
  %more = icmp slt i64 %k, %n
  br i1 %more, label %axis, label %yes
axis:
  %dp = getelementptr i64, ptr %dims, i64 %k
  %d = load i64, ptr %dp
  %ep = getelementptr i64, ptr %extents, i64 %k
  %e = load i64, ptr %ep
  %long = icmp eq i64 %d, %e
  %sp = getelementptr i64, ptr %strides, i64 %k
  %s = load i64, ptr %sp
  %tp = getelementptr i64, ptr %steps, i64 %k
  %t = load i64, ptr %tp
  %far = icmp eq i64 %s, %t
  %both = and i1 %long, %far
  %k1 = add i64 %k, 1
  br i1 %both, label %next, label %no
next:
  br label %head
yes:
  %end = getelementptr i64, ptr %steps, i64 %n
  ret ptr %end
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
  %more = icmp slt i64 %k, %count
  br i1 %more, label %step, label %yes
step:
  %k1 = add i64 %k, 1
  %index = load i64, ptr %p
  %argp = getelementptr ptr, ptr %args, i64 %index
  %arg = load ptr, ptr %argp
  %kindp = getelementptr i8, ptr %arg, i64 8
  %kind = load ptr, ptr %kindp
  %plain = icmp eq ptr %kind, @PyArray_Type
  br i1 %plain, label %flagged, label %no
flagged:
  %flagsp = getelementptr i8, ptr %arg, i64 FLAGS
  %flags = load i32, ptr %flagsp
  %write = and i32 %flags, WRITEABLE
  %write64 = zext i32 %write to i64
  %writep = getelementptr i64, ptr %p, i64 1
  %wanted = load i64, ptr %writep
  %may = icmp eq i64 %write64, %wanted
  br i1 %may, label %placed, label %no
placed:
  %self = getelementptr i64, ptr %p, i64 2
  %owners = call ptr @tj_lies(ptr %arg, i64 %first, ptr %self)
  %moved = icmp eq ptr %owners, null
  br i1 %moved, label %no, label %owned
owned:
  %owner = call ptr @tj_owner(ptr %arg)
  %other = icmp eq ptr %owner, null
  br i1 %other, label %no, label %behind
behind:
  %q = call ptr @tj_lies(ptr %owner, i64 %first, ptr %owners)
  %gone = icmp eq ptr %q, null
  br i1 %gone, label %no, label %next
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
  %descrp = getelementptr i64, ptr %p, i64 1
  %descr = load ptr, ptr %descrp
  %flagsp = getelementptr i64, ptr %p, i64 2
  %flags64 = load i64, ptr %flagsp
  %flags = trunc i64 %flags64 to i32
  %ndp = getelementptr i64, ptr %p, i64 3
  %nd64 = load i64, ptr %ndp
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
  %right = icmp eq i64 %wanted, %n
  br i1 %right, label %find, label %never
never:
  ret ptr inttoptr (i64 1 to ptr)
find:
  %wherep = getelementptr i64, ptr %env, i64 1
  %where = load i64, ptr %wherep
  %firstp = getelementptr ptr, ptr %args, i64 %where
  %array = load ptr, ptr %firstp
  %kindp = getelementptr i8, ptr %array, i64 8
  %kind = load ptr, ptr %kindp
  %plain = icmp eq ptr %kind, @PyArray_Type
  br i1 %plain, label %compare, label %never
compare:
  %datap = getelementptr i8, ptr %array, i64 DATA
  %first = load i64, ptr %datap
  %checksp = getelementptr i64, ptr %env, i64 2
  %checks = load ptr, ptr %checksp
  %countp = getelementptr i64, ptr %env, i64 3
  %count = load i64, ptr %countp
  %lie = call i1 @tj_all_lie(ptr %args, i64 %first, ptr %checks, i64 %count)
  br i1 %lie, label %room, label %never
room:
  %storagesp = getelementptr i64, ptr %env, i64 4
  %storages = load ptr, ptr %storagesp
  %manyp = getelementptr i64, ptr %env, i64 5
  %many = load i64, ptr %manyp
  %numbersp = getelementptr i64, ptr %env, i64 6
  %numbers = load ptr, ptr %numbersp
  %fewp = getelementptr i64, ptr %env, i64 7
  %few = load i64, ptr %fewp
  %rowsp = getelementptr i64, ptr %env, i64 8
  %rows = load ptr, ptr %rowsp
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
  %more = icmp slt i64 %k, %many
  br i1 %more, label %step, label %call
step:
  %k1 = add i64 %k, 1
  %wordsp = getelementptr ptr, ptr %storages, i64 %k
  %words = load ptr, ptr %wordsp
  %member = load i64, ptr %words
  %ownerp = getelementptr ptr, ptr %args, i64 %member
  %owner = load ptr, ptr %ownerp
  %lies = getelementptr i64, ptr %words, i64 1
  %storage = call ptr @tj_storage(ptr %owner, i64 %first, ptr %lies)
  %failed = icmp eq ptr %storage, null
  br i1 %failed, label %fail, label %next
next:
  %slot = getelementptr ptr, ptr %made, i64 %k
  store ptr %storage, ptr %slot
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
