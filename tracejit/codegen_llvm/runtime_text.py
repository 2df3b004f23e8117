"""LLVM text of the functions that cores call: memory, polling, host calls, failing.

Compiled once per process (`runtime.py`). A core declares what it uses:

    declare ptr  @tj_alloc(ptr ctx, i64 bytes)                 64-byte aligned; null: return 1
    declare ptr  @tj_alloc_zero(ptr ctx, i64 bytes)            the same, zero-filled
    declare ptr  @tj_realloc(ptr ctx, ptr data, i64 bytes)     keeps contents; null: return 1
    declare void @tj_free(ptr ctx, ptr data)                   data may be null
    declare i32  @tj_poll(ptr ctx)                             nonzero: return 1
    declare i32  @tj_host_call(ptr ctx, i64 call, ptr slots)   nonzero: return 1

Every allocation is linked into the context and freed when the call ends unless a result took it, so
a core may simply return 1 at any point. The functions without `ctx` serve NumPy (NEP 49).

Header, 64 bytes before the data: previous, next, capacity in bytes, what malloc returned.
"""

from __future__ import annotations

import sys

DECLARATIONS = """
declare ptr @tj_alloc(ptr, i64)
declare ptr @tj_alloc_zero(ptr, i64)
declare ptr @tj_realloc(ptr, ptr, i64)
declare void @tj_free(ptr, ptr)
declare i32 @tj_poll(ptr)
declare i32 @tj_host_call(ptr, i64, ptr)
"""

RECYCLE_FROM = 1 << 20  # bytes: below, malloc recycles well by itself
RECYCLE_UP_TO = 1 << 26  # four blocks at most are kept, so this bounds what stays resident
_HUGE_FROM = 1 << 22
_POLL_NANOSECONDS = 10_000_000

_MEMORY = """
declare ptr @malloc(i64)
declare ptr @calloc(i64, i64)
declare void @free(ptr)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare i32 @madvise(ptr, i64, i32)

; Blocks waiting for reuse. Taken and given back by atomic exchange: no lock, no GIL.
@tj_blocks = internal global [4 x ptr] zeroinitializer

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

define internal ptr @tj_take_block(i64 %bytes) #0 {
entry:
  br label %head
head:
  %k = phi i64 [ 0, %entry ], [ %k1, %next ]
  %more = icmp ult i64 %k, 4
  br i1 %more, label %try, label %none
try:
  %slot = getelementptr ptr, ptr @tj_blocks, i64 %k
  %seen = load atomic ptr, ptr %slot monotonic, align 8
  %empty = icmp eq ptr %seen, null
  br i1 %empty, label %next, label %take
take:
  %data = atomicrmw xchg ptr %slot, ptr null acq_rel
  %lost = icmp eq ptr %data, null
  br i1 %lost, label %next, label %measure
measure:
  %sizep = getelementptr i8, ptr %data, i64 -48
  %size = load i64, ptr %sizep
  %fits = icmp ule i64 %bytes, %size
  %half = lshr i64 %size, 1
  %snug = icmp uge i64 %bytes, %half
  %good = and i1 %fits, %snug
  br i1 %good, label %found, label %back
back:
  %other = atomicrmw xchg ptr %slot, ptr %data acq_rel
  %none_lost = icmp eq ptr %other, null
  br i1 %none_lost, label %next, label %drop
drop:
  call void @tj_release(ptr %other)
  br label %next
next:
  %k1 = add i64 %k, 1
  br label %head
found:
  ret ptr %data
none:
  ret ptr null
}

define ptr @tj_data_malloc(ptr %unused, i64 %bytes) #0 {
entry:
  %insane = icmp ugt i64 %bytes, 9223372036854775000
  br i1 %insane, label %fail, label %sane
sane:
  %large = icmp uge i64 %bytes, RECYCLE_FROM
  %small = icmp ule i64 %bytes, RECYCLE_UP_TO
  %kept = and i1 %large, %small
  br i1 %kept, label %recycle, label %fresh
recycle:
  %old = call ptr @tj_take_block(i64 %bytes)
  %hit = icmp ne ptr %old, null
  br i1 %hit, label %reuse, label %fresh
reuse:
  ret ptr %old
fresh:
  %total = add i64 %bytes, 128
  %base = call ptr @malloc(i64 %total)
  %null = icmp eq ptr %base, null
  br i1 %null, label %fail, label %got
got:
  %huge = icmp uge i64 %bytes, HUGE_FROM
  br i1 %huge, label %advise, label %place
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
  %insane = icmp ugt i64 %bytes, 9223372036854775000
  %bad = or i1 %over, %insane
  br i1 %bad, label %fail, label %sane
sane:
  %total = add i64 %bytes, 128
  %base = call ptr @calloc(i64 %total, i64 1)
  %null = icmp eq ptr %base, null
  br i1 %null, label %fail, label %got
got:
  %data = call ptr @tj_place(ptr %base, i64 %bytes)
  ret ptr %data
fail:
  ret ptr null
}
declare { i64, i1 } @llvm.umul.with.overflow.i64(i64, i64)

define void @tj_data_free(ptr %unused, ptr %data, i64 %ignored) #0 {
entry:
  %null = icmp eq ptr %data, null
  br i1 %null, label %done, label %look
look:
  %sizep = getelementptr i8, ptr %data, i64 -48
  %size = load i64, ptr %sizep
  %large = icmp uge i64 %size, RECYCLE_FROM
  %small = icmp ule i64 %size, RECYCLE_UP_TO
  %kept = and i1 %large, %small
  br i1 %kept, label %head, label %drop
head:
  %k = phi i64 [ 0, %look ], [ %k1, %occupied ]
  %slot = getelementptr ptr, ptr @tj_blocks, i64 %k
  %pair = cmpxchg ptr %slot, ptr null, ptr %data acq_rel monotonic
  %stored = extractvalue { ptr, i1 } %pair, 1
  br i1 %stored, label %done, label %occupied
occupied:
  %k1 = add i64 %k, 1
  %more = icmp ult i64 %k1, 4
  br i1 %more, label %head, label %evict
evict:
  ; Full: the oldest guess goes, so that a program that changes its sizes is not stuck with old ones.
  %other = atomicrmw xchg ptr @tj_blocks, ptr %data acq_rel
  %gone = icmp eq ptr %other, null
  br i1 %gone, label %done, label %drop
drop:
  %victim = phi ptr [ %data, %look ], [ %other, %evict ]
  call void @tj_release(ptr %victim)
  br label %done
done:
  ret void
}

define ptr @tj_data_realloc(ptr %unused, ptr %data, i64 %bytes) #0 {
entry:
  %null = icmp eq ptr %data, null
  br i1 %null, label %plain, label %move
plain:
  %first = call ptr @tj_data_malloc(ptr null, i64 %bytes)
  ret ptr %first
move:
  %new = call ptr @tj_data_malloc(ptr null, i64 %bytes)
  %failed = icmp eq ptr %new, null
  br i1 %failed, label %fail, label %copy
copy:
  %sizep = getelementptr i8, ptr %data, i64 -48
  %size = load i64, ptr %sizep
  %less = icmp ult i64 %size, %bytes
  %common = select i1 %less, i64 %size, i64 %bytes
  call void @llvm.memcpy.p0.p0.i64(ptr %new, ptr %data, i64 %common, i1 false)
  call void @tj_data_free(ptr null, ptr %data, i64 0)
  ret ptr %new
fail:
  ret ptr null
}
"""

_OWNED = """
define internal void @tj_link(ptr %ctx, ptr %data) #0 {
  %header = getelementptr i8, ptr %data, i64 -64
  %nextp = getelementptr i8, ptr %data, i64 -56
  %headp = getelementptr i64, ptr %ctx, i64 9
  %head = load ptr, ptr %headp
  store ptr null, ptr %header
  store ptr %head, ptr %nextp
  store ptr %header, ptr %headp
  %first = icmp eq ptr %head, null
  br i1 %first, label %done, label %behind
behind:
  store ptr %header, ptr %head
  br label %done
done:
  ret void
}

define void @tj_detach(ptr %ctx, ptr %data) #0 {
entry:
  %header = getelementptr i8, ptr %data, i64 -64
  %nextp = getelementptr i8, ptr %data, i64 -56
  %previous = load ptr, ptr %header
  %next = load ptr, ptr %nextp
  %first = icmp eq ptr %previous, null
  %headp = getelementptr i64, ptr %ctx, i64 9
  %afterp = getelementptr i8, ptr %previous, i64 8
  %link = select i1 %first, ptr %headp, ptr %afterp
  store ptr %next, ptr %link
  %last = icmp eq ptr %next, null
  br i1 %last, label %done, label %back
back:
  store ptr %previous, ptr %next
  br label %done
done:
  ret void
}

define internal ptr @tj_own(ptr %ctx, ptr %data) #0 {
  %failed = icmp eq ptr %data, null
  br i1 %failed, label %fail, label %good
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
  %failed = icmp eq ptr %new, null
  %orphan = xor i1 %null, true
  %keep = and i1 %failed, %orphan
  br i1 %keep, label %relink, label %own
relink:
  call void @tj_link(ptr %ctx, ptr %data)
  br label %own
own:
  %owned = call ptr @tj_own(ptr %ctx, ptr %new)
  ret ptr %owned
}

define void @tj_free(ptr %ctx, ptr %data) #0 {
  %null = icmp eq ptr %data, null
  br i1 %null, label %done, label %drop
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
  %end = icmp eq ptr %header, null
  br i1 %end, label %done, label %drop
drop:
  %nextp = getelementptr i8, ptr %header, i64 8
  %next = load ptr, ptr %nextp
  %data = getelementptr i8, ptr %header, i64 64
  call void @tj_data_free(ptr null, ptr %data, i64 0)
  br label %head
done:
  store ptr null, ptr %headp
  ret void
}
"""

_PYTHON = """
declare i32 @clock_gettime(i32, ptr)
declare i32 @PyErr_CheckSignals()
declare ptr @PyErr_NoMemory()
declare ptr @PyErr_Occurred()
declare void @PyErr_SetObject(ptr, ptr)
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare ptr @PyLong_FromLongLong(i64)
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare void @Py_DecRef(ptr)

define internal i64 @tj_now() #0 {
  %spec = alloca [2 x i64]
  %status = call i32 @clock_gettime(i32 CLOCK, ptr %spec)
  %seconds = load i64, ptr %spec
  %restp = getelementptr i64, ptr %spec, i64 1
  %rest = load i64, ptr %restp
  %whole = mul i64 %seconds, 1000000000
  %now = add i64 %whole, %rest
  ret i64 %now
}

define internal void @tj_take_gil(ptr %ctx) #0 {
  %savedp = getelementptr i64, ptr %ctx, i64 12
  %saved = load ptr, ptr %savedp
  %held = icmp eq ptr %saved, null
  br i1 %held, label %done, label %take
take:
  call void @PyEval_RestoreThread(ptr %saved)
  br label %done
done:
  ret void
}

; Lets other threads run; afterwards the GIL is held or not as the core had it.
define internal void @tj_give_gil(ptr %ctx) #0 {
  %savedp = getelementptr i64, ptr %ctx, i64 12
  %saved = load ptr, ptr %savedp
  %thread = call ptr @PyEval_SaveThread()
  %held = icmp eq ptr %saved, null
  br i1 %held, label %again, label %done
again:
  call void @PyEval_RestoreThread(ptr %thread)
  br label %done
done:
  ret void
}

; Cheap until its 10 ms are over; then signal handlers run (Ctrl-C) and other threads get a turn.
define i32 @tj_poll(ptr %ctx) #0 {
entry:
  %now = call i64 @tj_now()
  %deadlinep = getelementptr i64, ptr %ctx, i64 10
  %deadline = load i64, ptr %deadlinep
  %unset = icmp eq i64 %deadline, 0
  br i1 %unset, label %start, label %compare
start:
  %first = add i64 %now, POLL
  store i64 %first, ptr %deadlinep
  br label %go_on
compare:
  %early = icmp slt i64 %now, %deadline
  br i1 %early, label %go_on, label %look
look:
  call void @tj_take_gil(ptr %ctx)
  %status = call i32 @PyErr_CheckSignals()
  call void @tj_give_gil(ptr %ctx)
  %later = call i64 @tj_now()
  %next = add i64 %later, POLL
  store i64 %next, ptr %deadlinep
  %quiet = icmp eq i32 %status, 0
  br i1 %quiet, label %go_on, label %interrupted
go_on:
  ret i32 0
interrupted:
  store i64 -1, ptr %ctx
  ret i32 1
}

define i32 @tj_host_call(ptr %ctx, i64 %call, ptr %slots) #0 {
entry:
  %args = alloca [4 x ptr]
  %hostp = getelementptr i64, ptr %ctx, i64 11
  %host = load ptr, ptr %hostp
  call void @tj_take_gil(ptr %ctx)
  %at = ptrtoint ptr %slots to i64
  %owner = ptrtoint ptr %ctx to i64
  %a = call ptr @PyLong_FromLongLong(i64 %call)
  %b = call ptr @PyLong_FromLongLong(i64 %at)
  %c = call ptr @PyLong_FromLongLong(i64 %owner)
  %a1 = getelementptr ptr, ptr %args, i64 1
  %a2 = getelementptr ptr, ptr %args, i64 2
  store ptr %a, ptr %args
  store ptr %b, ptr %a1
  store ptr %c, ptr %a2
  %r = call ptr @PyObject_Vectorcall(ptr %host, ptr %args, i64 3, ptr null)
  call void @Py_DecRef(ptr %a)
  call void @Py_DecRef(ptr %b)
  call void @Py_DecRef(ptr %c)
  call void @Py_DecRef(ptr %r)
  %savedp = getelementptr i64, ptr %ctx, i64 12
  %saved = load ptr, ptr %savedp
  %held = icmp eq ptr %saved, null
  br i1 %held, label %check, label %give
give:
  %thread = call ptr @PyEval_SaveThread()
  br label %check
check:
  %failed = icmp eq ptr %r, null
  br i1 %failed, label %fail, label %good
good:
  ret i32 0
fail:
  store i64 -1, ptr %ctx
  ret i32 1
}

; Sets the Python exception that the context describes. `build` is ErrorTable.build.
define void @tj_raise(ptr %ctx, ptr %build) #0 {
entry:
  %args = alloca [9 x ptr]
  %id = load i64, ptr %ctx
  %memory = icmp eq i64 %id, -2
  br i1 %memory, label %no_memory, label %not_memory
no_memory:
  %ignored = call ptr @PyErr_NoMemory()
  ret void
not_memory:
  %set = icmp eq i64 %id, -1
  br i1 %set, label %done, label %fill
fill:
  %k = phi i64 [ 0, %not_memory ], [ %k1, %fill ]
  %wordp = getelementptr i64, ptr %ctx, i64 %k
  %word = load i64, ptr %wordp
  %boxed = call ptr @PyLong_FromLongLong(i64 %word)
  %argp = getelementptr ptr, ptr %args, i64 %k
  store ptr %boxed, ptr %argp
  %k1 = add i64 %k, 1
  %more = icmp ult i64 %k1, 9
  br i1 %more, label %fill, label %make
make:
  %error = call ptr @PyObject_Vectorcall(ptr %build, ptr %args, i64 9, ptr null)
  br label %drop
drop:
  %j = phi i64 [ 0, %make ], [ %j1, %drop ]
  %oldp = getelementptr ptr, ptr %args, i64 %j
  %old = load ptr, ptr %oldp
  call void @Py_DecRef(ptr %old)
  %j1 = add i64 %j, 1
  %rest = icmp ult i64 %j1, 9
  br i1 %rest, label %drop, label %raise
raise:
  %nothing = icmp eq ptr %error, null
  br i1 %nothing, label %done, label %set_it
set_it:
  %typep = getelementptr i8, ptr %error, i64 8
  %type = load ptr, ptr %typep
  call void @PyErr_SetObject(ptr %type, ptr %error)
  call void @Py_DecRef(ptr %error)
  br label %done
done:
  ret void
}
"""

_MADVISE_LINUX = """%at = ptrtoint ptr %base to i64
  %up = add i64 %at, 4095
  %page = and i64 %up, -4096
  %first = inttoptr i64 %page to ptr
  %advised = call i32 @madvise(ptr %first, i64 %bytes, i32 14)"""

EXPORTS = (
    "tj_alloc", "tj_alloc_zero", "tj_realloc", "tj_free", "tj_poll", "tj_host_call",
    "tj_detach", "tj_free_all", "tj_raise",
    "tj_data_malloc", "tj_data_calloc", "tj_data_realloc", "tj_data_free",
)  # fmt: skip


def runtime_text() -> str:
    """The module's text for this platform."""
    text = _MEMORY + _OWNED + _PYTHON
    linux = sys.platform.startswith("linux")
    values = {
        "RECYCLE_FROM": str(RECYCLE_FROM),
        "RECYCLE_UP_TO": str(RECYCLE_UP_TO),
        "HUGE_FROM": str(_HUGE_FROM),
        "POLL": str(_POLL_NANOSECONDS),
        "CLOCK,": ("1," if linux else "6,"),
        "MADVISE": _MADVISE_LINUX if linux else "",
    }
    for name, value in values.items():
        text = text.replace(name, value)
    return text
