"""LLVM text of the allocator: 64-byte aligned blocks, the large ones recycled.

Header, 64 bytes before the data: previous, next, capacity in bytes, what malloc returned. The
functions named `tj_data_*` are NEP 49's; the others link a block into the context of a call.
`runtime_text` says how cores use them.
"""

from __future__ import annotations

import sys

from tracejit import abi
from tracejit.llvm_text.nested import plain

RECYCLE_FROM = 1 << 16  # bytes: below, malloc recycles well by itself
RECYCLE_UP_TO = 1 << 26
_SLOTS = 16  # blocks that are kept, and how many bytes of them
_KEPT_BYTES = 1 << 28
_HUGE_FROM = 1 << 22

_MEMORY = """
declare ptr @malloc(i64)
declare ptr @calloc(i64, i64)
declare void @free(ptr)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare i32 @madvise(ptr, i64, i32)

; Blocks waiting for reuse. Taken and given back by atomic exchange: no lock, no GIL.
@tj_blocks = internal global [SLOTS x ptr] zeroinitializer
@tj_kept = internal global i64 0

define internal ptr @tj_place(ptr %base, i64 %bytes) #0 {
  %b = ptrtoint ptr %base to i64
  %up = add i64 %b, 127
  %at = and i64 %up, -64
  %data = inttoptr i64 %at to ptr
  %header = getelementptr i8, ptr %data, i64 -64
  %sizep = getelementptr i8, ptr %data, i64 -48
  %basep = getelementptr i8, ptr %data, i64 -40
  call void @llvm.memset.p0.i64(ptr %header, i8 0, i64 64, i1 false)
  store i64 %bytes, ptr %sizep
  store ptr %base, ptr %basep
  ret ptr %data
}
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)

define internal void @tj_release(ptr %data) #0 {
  %basep = getelementptr i8, ptr %data, i64 -40
  %base = load ptr, ptr %basep
  call void @free(ptr %base)
  ret void
}

; A block that was kept is given back to malloc.
define internal void @tj_evict(ptr %data) #0 {
  %sizep = getelementptr i8, ptr %data, i64 -48
  %size = load i64, ptr %sizep
  %before = atomicrmw sub ptr @tj_kept, i64 %size acq_rel
  call void @tj_release(ptr %data)
  ret void
}

define internal ptr @tj_take_block(i64 %bytes) #0 {
entry:
  br label %head
head:
  %k = phi i64 [ 0, %entry ], [ %k1, %next ]
  br i1 (icmp ult i64 %k, SLOTS), label %try, label %none
try:
  %slot = getelementptr ptr, ptr @tj_blocks, i64 %k
  %seen = load atomic ptr, ptr %slot monotonic, align 8
  br i1 (icmp eq ptr %seen, null), label %next, label %take
take:
  %data = atomicrmw xchg ptr %slot, ptr null acq_rel
  br i1 (icmp eq ptr %data, null), label %next, label %measure
measure:
  %sizep = getelementptr i8, ptr %data, i64 -48
  %size = load i64, ptr %sizep
  %fits = icmp ule i64 %bytes, %size
  %half = lshr i64 %size, 1
  br i1 (and i1 %fits, (icmp uge i64 %bytes, %half)), label %found, label %back
back:
  %other = atomicrmw xchg ptr %slot, ptr %data acq_rel
  br i1 (icmp eq ptr %other, null), label %next, label %drop
drop:
  call void @tj_evict(ptr %other)
  br label %next
next:
  %k1 = add i64 %k, 1
  br label %head
found:
  %before = atomicrmw sub ptr @tj_kept, i64 %size acq_rel
  ret ptr %data
none:
  ret ptr null
}

define ptr @tj_data_malloc(ptr %unused, i64 %bytes) #0 {
entry:
  br i1 (icmp ugt i64 %bytes, 9223372036854775000), label %fail, label %sane
sane:
  %large = icmp uge i64 %bytes, RECYCLE_FROM
  br i1 (and i1 %large, (icmp ule i64 %bytes, RECYCLE_UP_TO)), label %recycle, label %fresh
recycle:
  %old = call ptr @tj_take_block(i64 %bytes)
  br i1 (icmp ne ptr %old, null), label %reuse, label %fresh
reuse:
  ret ptr %old
fresh:
  %total = add i64 %bytes, 128
  %base = call ptr @malloc(i64 %total)
  br i1 (icmp eq ptr %base, null), label %fail, label %got
got:
  br i1 (icmp uge i64 %bytes, HUGE_FROM), label %advise, label %place
advise:
  MADVISE
  br label %place
place:
  %data = call ptr @tj_place(ptr %base, i64 %bytes)
  ret ptr %data
fail:
  ret ptr null
}

define ptr @tj_data_calloc(ptr %unused, i64 %count, i64 %size) #0 {
  %product = call { i64, i1 } @llvm.umul.with.overflow.i64(i64 %count, i64 %size)
  %bytes = extractvalue { i64, i1 } %product, 0
  %over = extractvalue { i64, i1 } %product, 1
  br i1 (or i1 %over, (icmp ugt i64 %bytes, 9223372036854775000)), label %fail, label %sane
sane:
  %total = add i64 %bytes, 128
  %base = call ptr @calloc(i64 %total, i64 1)
  br i1 (icmp eq ptr %base, null), label %fail, label %got
got:
  %data = call ptr @tj_place(ptr %base, i64 %bytes)
  ret ptr %data
fail:
  ret ptr null
}
declare { i64, i1 } @llvm.umul.with.overflow.i64(i64, i64)

define void @tj_data_free(ptr %unused, ptr %data, i64 %ignored) #0 {
entry:
  br i1 (icmp eq ptr %data, null), label %done, label %look
look:
  %sizep = getelementptr i8, ptr %data, i64 -48
  %size = load i64, ptr %sizep
  %large = icmp uge i64 %size, RECYCLE_FROM
  br i1 (and i1 %large, (icmp ule i64 %size, RECYCLE_UP_TO)), label %count, label %drop
count:
  %before = atomicrmw add ptr @tj_kept, i64 %size acq_rel
  %after = add i64 %before, %size
  br i1 (icmp ule i64 %after, KEPT_BYTES), label %head, label %full
full:
  ; One that is kept goes too, so that a program whose sizes change is not stuck.
  %undone = atomicrmw sub ptr @tj_kept, i64 %size acq_rel
  br label %search
search:
  %n = phi i64 [ 0, %full ], [ %n1, %absent ]
  %old = atomicrmw xchg ptr @tj_blocks[ptr %n], ptr null acq_rel
  br i1 (icmp eq ptr %old, null), label %absent, label %replace
absent:
  %n1 = add i64 %n, 1
  br i1 (icmp ult i64 %n1, SLOTS), label %search, label %drop
replace:
  call void @tj_evict(ptr %old)
  br label %drop
head:
  %k = phi i64 [ 0, %count ], [ %k1, %occupied ]
  %pair = cmpxchg ptr @tj_blocks[ptr %k], ptr null, ptr %data acq_rel monotonic
  %stored = extractvalue { ptr, i1 } %pair, 1
  br i1 %stored, label %done, label %occupied
occupied:
  %k1 = add i64 %k, 1
  br i1 (icmp ult i64 %k1, SLOTS), label %head, label %evict
evict:
  ; Full: the oldest guess goes, for the same reason.
  %other = atomicrmw xchg ptr @tj_blocks, ptr %data acq_rel
  br i1 (icmp eq ptr %other, null), label %done, label %swap
swap:
  call void @tj_evict(ptr %other)
  br label %done
drop:
  call void @tj_release(ptr %data)
  br label %done
done:
  ret void
}

define ptr @tj_data_realloc(ptr %unused, ptr %data, i64 %bytes) #0 {
entry:
  br i1 (icmp eq ptr %data, null), label %plain, label %move
plain:
  %first = call ptr @tj_data_malloc(ptr null, i64 %bytes)
  ret ptr %first
move:
  %new = call ptr @tj_data_malloc(ptr null, i64 %bytes)
  br i1 (icmp eq ptr %new, null), label %fail, label %copy
copy:
  %sizep = getelementptr i8, ptr %data, i64 -48
  %size = load i64, ptr %sizep
  %common = select i1 (icmp ult i64 %size, %bytes), i64 %size, i64 %bytes
  call void @llvm.memcpy.p0.p0.i64(ptr %new, ptr %data, i64 %common, i1 false)
  call void @tj_data_free(ptr null, ptr %data, i64 0)
  ret ptr %new
fail:
  ret ptr null
}
"""

_PEAK = """
; The most bytes that a call has owned since it was last asked for. Calls of other threads count
; too; where two set it at the same time, one is lost.
@tj_peak = internal global i64 0

; Blocks that wait are given back: a larger one that a call takes would count as it is.
define i64 @tj_peak_taken() #0 {
entry:
  br label %head
head:
  %k = phi i64 [ 0, %entry ], [ %k1, %next ]
  %old = atomicrmw xchg ptr @tj_blocks[ptr %k], ptr null acq_rel
  br i1 (icmp eq ptr %old, null), label %next, label %drop
drop:
  call void @tj_evict(ptr %old)
  br label %next
next:
  %k1 = add i64 %k, 1
  br i1 (icmp ult i64 %k1, SLOTS), label %head, label %take
take:
  %peak = atomicrmw xchg ptr @tj_peak, i64 0 monotonic
  ret i64 %peak
}

define internal void @tj_note_peak(i64 %live) #0 {
  %peak = load atomic i64, ptr @tj_peak monotonic, align 8
  br i1 (icmp ugt i64 %live, %peak), label %note, label %done
note:
  store atomic i64 %live, ptr @tj_peak monotonic, align 8
  br label %done
done:
  ret void
}
"""

_OWNED = """
define internal i64 @tj_count(ptr %ctx, ptr %data, i1 %more) #0 {
  %sizep = getelementptr i8, ptr %data, i64 -48
  %size = load i64, ptr %sizep
  %less = sub i64 0, %size
  %change = select i1 %more, i64 %size, i64 %less
  %livep = getelementptr i64, ptr %ctx, i64 LIVE
  %before = load i64, ptr %livep
  %live = add i64 %before, %change
  store i64 %live, ptr %livep
  ret i64 %live
}

define internal void @tj_link(ptr %ctx, ptr %data) #0 {
  %live = call i64 @tj_count(ptr %ctx, ptr %data, i1 true)
  call void @tj_note_peak(i64 %live)
  %header = getelementptr i8, ptr %data, i64 -64
  %nextp = getelementptr i8, ptr %data, i64 -56
  %headp = getelementptr i64, ptr %ctx, i64 9
  %head = load ptr, ptr %headp
  store ptr null, ptr %header
  store ptr %head, ptr %nextp
  store ptr %header, ptr %headp
  br i1 (icmp eq ptr %head, null), label %done, label %behind
behind:
  store ptr %header, ptr %head
  br label %done
done:
  ret void
}

define void @tj_detach(ptr %ctx, ptr %data) #0 {
entry:
  %live = call i64 @tj_count(ptr %ctx, ptr %data, i1 false)
  %header = getelementptr i8, ptr %data, i64 -64
  %nextp = getelementptr i8, ptr %data, i64 -56
  %previous = load ptr, ptr %header
  %next = load ptr, ptr %nextp
  %link = select i1 (icmp eq ptr %previous, null), ptr %ctx[i64 9], ptr %previous[i8 8]
  store ptr %next, ptr %link
  br i1 (icmp eq ptr %next, null), label %done, label %back
back:
  store ptr %previous, ptr %next
  br label %done
done:
  ret void
}

define internal ptr @tj_own(ptr %ctx, ptr %data) #0 {
  br i1 (icmp eq ptr %data, null), label %fail, label %good
good:
  call void @tj_link(ptr %ctx, ptr %data)
  ret ptr %data
fail:
  store i64 -2, ptr %ctx
  ret ptr null
}

define ptr @tj_alloc(ptr %ctx, i64 %bytes) #0 {
  %data = call ptr @tj_data_malloc(ptr null, i64 %bytes)
  %owned = call ptr @tj_own(ptr %ctx, ptr %data)
  ret ptr %owned
}

define ptr @tj_alloc_zero(ptr %ctx, i64 %bytes) #0 {
  %data = call ptr @tj_data_calloc(ptr null, i64 %bytes, i64 1)
  %owned = call ptr @tj_own(ptr %ctx, ptr %data)
  ret ptr %owned
}

define ptr @tj_realloc(ptr %ctx, ptr %data, i64 %bytes) #0 {
  %null = icmp eq ptr %data, null
  br i1 %null, label %move, label %unlink
unlink:
  call void @tj_detach(ptr %ctx, ptr %data)
  br label %move
move:
  %new = call ptr @tj_data_realloc(ptr null, ptr %data, i64 %bytes)
  br i1 (and i1 (icmp eq ptr %new, null), (xor i1 %null, true)), label %relink, label %own
relink:
  call void @tj_link(ptr %ctx, ptr %data)
  br label %own
own:
  %owned = call ptr @tj_own(ptr %ctx, ptr %new)
  ret ptr %owned
}

define void @tj_free(ptr %ctx, ptr %data) #0 {
  br i1 (icmp eq ptr %data, null), label %done, label %drop
drop:
  call void @tj_detach(ptr %ctx, ptr %data)
  call void @tj_data_free(ptr null, ptr %data, i64 0)
  br label %done
done:
  ret void
}

define void @tj_free_all(ptr %ctx) #0 {
entry:
  %headp = getelementptr i64, ptr %ctx, i64 9
  %first = load ptr, ptr %headp
  br label %head
head:
  %header = phi ptr [ %first, %entry ], [ %next, %drop ]
  br i1 (icmp eq ptr %header, null), label %done, label %drop
drop:
  %next = load ptr, ptr %header[i8 8]
  call void @tj_data_free(ptr null, ptr %header[i8 64], i64 0)
  br label %head
done:
  store ptr null, ptr %headp
  ret void
}
"""

_MADVISE_LINUX = """%at = ptrtoint ptr %base to i64
  %up = add i64 %at, 4095
  %page = and i64 %up, -4096
  %first = inttoptr i64 %page to ptr
  %advised = call i32 @madvise(ptr %first, i64 %bytes, i32 14)"""


def owned_text() -> str:
    """What links blocks into the context of a call, over `tj_data_*` and `tj_note_peak`."""
    return plain(_OWNED).replace("i64 LIVE", f"i64 {abi.CTX_LIVE}")


def memory_text() -> str:
    """The functions' text for this platform."""
    text = plain(_MEMORY + _PEAK) + owned_text()
    values = {
        "RECYCLE_FROM": str(RECYCLE_FROM),
        "RECYCLE_UP_TO": str(RECYCLE_UP_TO),
        "HUGE_FROM": str(_HUGE_FROM),
        "KEPT_BYTES": str(_KEPT_BYTES),
        "SLOTS": str(_SLOTS),
        "MADVISE": _MADVISE_LINUX if sys.platform.startswith("linux") else "",
    }
    for name, value in values.items():
        text = text.replace(name, value)
    return text
