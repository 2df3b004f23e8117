"""LLVM text: selections by NumPy's C API, which has them of array objects only.

    declare i32 @tj_partition(ptr ctx, ptr array, i32 type, i32 nd, i32 axis, ptr kth, i64 count,
                              ptr order, i64 bytes)             nonzero: return 1

`array` describes memory of the core as `tj_array_at` has it; it is partitioned in place. Where
`order` is not null, it gets the positions of an `argpartition` instead, which are so many bytes.
Where a `kth` is outside of the axis, which a check of the program says, the array stays as it is
and positions are 0.

NumPy makes the array of positions itself. Of many positions it makes it in the memory of the core:
it allocates by the NEP 49 handler of the thread, and for so long that is one of ours. The others
are copied, since changing the handler takes longer.
"""

from __future__ import annotations

import numpy as np

from tracejit.abi import capi
from tracejit.llvm_text.nested import plain

EXPORTS = ("tj_partition",)
#: Positions, in bytes, from which on they are made in place.
_IN_PLACE_FROM = 1 << 15

_HANDLER = """
declare ptr @realloc(ptr, i64)
declare ptr @PyArray_DescrFromType(i32)
declare i32 @PyArray_Partition(ptr, ptr, i32, i32)
declare ptr @PyArray_ArgPartition(ptr, ptr, i32, i32)
declare ptr @PyCapsule_New(ptr, ptr, ptr)
declare ptr @PyDataMem_SetHandler(ptr)
@tj_handler_name = internal constant [12 x i8] c"mem_handler\\00"

; `place`: memory that is given for the one request of its size, and that size.
define internal ptr @tj_placed_malloc(ptr %place, i64 %bytes) #0 {
  %wanted = load i64, ptr %place[i64 1]
  br i1 (icmp eq i64 %bytes, %wanted), label %give, label %other
give:
  %data = load ptr, ptr %place
  store i64 -1, ptr %place[i64 1]
  ret ptr %data
other:
  %new = call ptr @malloc(i64 %bytes)
  ret ptr %new
}

define internal ptr @tj_placed_calloc(ptr %place, i64 %count, i64 %size) #0 {
  %new = call ptr @calloc(i64 %count, i64 %size)
  ret ptr %new
}

define internal ptr @tj_placed_realloc(ptr %place, ptr %data, i64 %bytes) #0 {
  %new = call ptr @realloc(ptr %data, i64 %bytes)
  ret ptr %new
}

define internal void @tj_placed_free(ptr %place, ptr %data, i64 %bytes) #0 {
  %given = load ptr, ptr %place
  br i1 (icmp eq ptr %data, %given), label %done, label %drop
drop:
  call void @free(ptr %data)
  br label %done
done:
  ret void
}
"""

_POSITIONS = """
; The positions at `order`; false where an exception is set.
define internal i1 @tj_positions(ptr %array, ptr %kth, i32 %axis, ptr %order, i64 %bytes) #0 {
entry:
  %place = alloca [2 x i64]
  %handler = alloca [21 x i64]
  %kind = alloca ptr
  %value = alloca ptr
  %trace = alloca ptr
  br i1 (icmp ult i64 %bytes, IN_PLACE_FROM), label %make, label %set
set:
  store ptr %order, ptr %place
  store i64 %bytes, ptr %place[i64 1]
  call void @llvm.memset.p0.i64(ptr %handler, i8 0, i64 168, i1 false)
  store i8 116, ptr %handler
  store i8 1, ptr %handler[i8 127]
  store ptr %place, ptr %handler[i8 128]
  store ptr @tj_placed_malloc, ptr %handler[i8 136]
  store ptr @tj_placed_calloc, ptr %handler[i8 144]
  store ptr @tj_placed_realloc, ptr %handler[i8 152]
  store ptr @tj_placed_free, ptr %handler[i8 160]
  %capsule = call ptr @PyCapsule_New(ptr %handler, ptr @tj_handler_name, ptr null)
  br i1 (icmp eq ptr %capsule, null), label %fail, label %change
change:
  %old = call ptr @PyDataMem_SetHandler(ptr %capsule)
  call void @Py_DecRef(ptr %capsule)
  br i1 (icmp eq ptr %old, null), label %fail, label %make
make:
  %before = phi ptr [ null, %entry ], [ %old, %change ]
  %made = call ptr @PyArray_ArgPartition(ptr %array, ptr %kth, i32 %axis, i32 0)
  br i1 (icmp eq ptr %before, null), label %look, label %restore
restore:
  call void @PyErr_Fetch(ptr %kind, ptr %value, ptr %trace)
  %ours = call ptr @PyDataMem_SetHandler(ptr %before)
  call void @Py_DecRef(ptr %ours)
  call void @Py_DecRef(ptr %before)
  %k = load ptr, ptr %kind
  %v = load ptr, ptr %value
  %t = load ptr, ptr %trace
  call void @PyErr_Restore(ptr %k, ptr %v, ptr %t)
  br label %look
look:
  br i1 (icmp eq ptr %made, null), label %fail, label %copy
copy:
  %data = load ptr, ptr %made[i8 DATA]
  br i1 (icmp eq ptr %data, %order), label %drop, label %move
move:
  call void @llvm.memcpy.p0.p0.i64(ptr %order, ptr %data, i64 %bytes, i1 false)
  br label %drop
drop:
  ; It goes before the handler, which ends with this function.
  call void @Py_DecRef(ptr %made)
  ret i1 true
fail:
  ret i1 false
}
"""

_PARTITION = """
; Whether each `kth` is on an axis of this length.
define internal i1 @tj_all_on_axis(i64 %n, ptr %kth, i64 %count) #0 {
entry:
  %least = sub i64 0, %n
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %i1, %next ]
  br i1 (icmp slt i64 %i, %count), label %look, label %good
look:
  %k = load i64, ptr %kth[i64 %i]
  %low = icmp sge i64 %k, %least
  br i1 (and i1 %low, (icmp slt i64 %k, %n)), label %next, label %bad
next:
  %i1 = add i64 %i, 1
  br label %head
good:
  ret i1 true
bad:
  ret i1 false
}

define i32 @tj_partition(ptr %ctx, ptr %slot, i32 %type, i32 %nd, i32 %axis, ptr %kth, i64 %count,
    ptr %order, i64 %bytes) #0 {
entry:
  %many = alloca i64
  store i64 %count, ptr %many
  %behind = add i32 %axis, 1
  %place = zext i32 %behind to i64
  %n = load i64, ptr %slot[i64 %place]
  %sane = call i1 @tj_all_on_axis(i64 %n, ptr %kth, i64 %count)
  br i1 %sane, label %take, label %nothing
nothing:
  br i1 (icmp eq ptr %order, null), label %done, label %zero
zero:
  call void @llvm.memset.p0.i64(ptr %order, i8 0, i64 %bytes, i1 false)
  br label %done
done:
  ret i32 0
take:
  call void @tj_take_gil(ptr %ctx)
  call void @tj_release_list(ptr %ctx)
  %descr = call ptr @PyArray_DescrFromType(i32 %type)
  %array = call ptr @tj_array_at(ptr %slot, ptr %descr, i32 %nd)
  call void @Py_DecRef(ptr %descr)
  br i1 (icmp eq ptr %array, null), label %end, label %places
places:
  %integer = call ptr @PyArray_DescrFromType(i32 INT64)
  %wanted = call ptr @PyArray_NewFromDescr(ptr @PyArray_Type, ptr %integer, i32 1, ptr %many,
                                           ptr null, ptr %kth, i32 0, ptr null)
  br i1 (icmp eq ptr %wanted, null), label %drop, label %choose
choose:
  br i1 (icmp eq ptr %order, null), label %values, label %positions
values:
  %status = call i32 @PyArray_Partition(ptr %array, ptr %wanted, i32 %axis, i32 0)
  %moved = icmp eq i32 %status, 0
  br label %drop
positions:
  %found = call i1 @tj_positions(ptr %array, ptr %wanted, i32 %axis, ptr %order, i64 %bytes)
  br label %drop
drop:
  %well = phi i1 [ false, %places ], [ %moved, %values ], [ %found, %positions ]
  %other = phi ptr [ null, %places ], [ %wanted, %values ], [ %wanted, %positions ]
  call void @Py_DecRef(ptr %other)
  call void @Py_DecRef(ptr %array)
  br label %end
end:
  %good = phi i1 [ false, %take ], [ %well, %drop ]
  %failed = xor i1 %good, true
  %result = call i32 @tj_after_python(ptr %ctx, i1 %failed)
  ret i32 %result
}
"""


def partition_text() -> str:
    """The functions; `runtime_text` has what they call."""
    values = {
        "IN_PLACE_FROM": str(_IN_PLACE_FROM),
        "i64 DATA": f"i64 {capi.DATA}",
        "INT64": str(np.dtype(np.int64).num),
    }
    text = plain(_HANDLER + _POSITIONS + _PARTITION)
    for name, value in values.items():
        text = text.replace(name, value)
    return text
