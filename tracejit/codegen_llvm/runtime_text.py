"""LLVM text of the functions that cores call: memory, polling, host calls, failing.

Compiled once per process (`runtime.py`). A core declares what it uses:

    declare ptr  @tj_alloc(ptr ctx, i64 bytes)                 64-byte aligned; null: return 1
    declare ptr  @tj_alloc_zero(ptr ctx, i64 bytes)            the same, zero-filled
    declare ptr  @tj_realloc(ptr ctx, ptr data, i64 bytes)     keeps contents; null: return 1
    declare void @tj_free(ptr ctx, ptr data)                   data may be null
    declare i32  @tj_poll(ptr ctx)                             nonzero: return 1
    declare i32  @tj_host_call(ptr ctx, i64 call, ptr slots)   nonzero: return 1
    declare i32  @tj_host_numbers(ptr ctx, i64 call, ptr slots, i64 n, i64 kinds)    the same
    declare i32  @tj_left_error(ptr ctx)                       nonzero: return 1
    declare i64  @tj_stack_limit(i64 here)                     see `stack_text`
    declare i32  @tj_partition(...)                            see `partition_text`

Every allocation is linked into the context and freed when the call ends unless a result took it, so
a core may simply return 1 at any point.
"""

from __future__ import annotations

import sys

from tracejit.abi import capi
from tracejit.codegen_llvm import holding_text, partition_text, stack_text
from tracejit.codegen_llvm.memory_text import memory_text
from tracejit.llvm_text.nested import plain

DECLARATIONS = """
declare ptr @tj_alloc(ptr, i64)
declare ptr @tj_alloc_zero(ptr, i64)
declare ptr @tj_realloc(ptr, ptr, i64)
declare void @tj_free(ptr, ptr)
declare i32 @tj_poll(ptr)
declare i32 @tj_host_call(ptr, i64, ptr)
declare i32 @tj_host_numbers(ptr, i64, ptr, i64, i64)
declare i32 @tj_hold(ptr, ptr, ptr)
declare void @tj_hold_gil(ptr)
declare void @tj_release_held(ptr)
declare void @tj_keep(ptr, ptr, ptr)
declare i32 @tj_left_error(ptr)
declare i64 @tj_stack_limit(i64)
"""

_POLL_NANOSECONDS = 10_000_000

_PYTHON = """
declare i32 @clock_gettime(i32, ptr)
declare i32 @PyErr_CheckSignals()
declare ptr @PyErr_NoMemory()
declare ptr @PyErr_Occurred()
declare void @PyErr_SetObject(ptr, ptr)
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare ptr @PyFloat_FromDouble(double)
declare ptr @PyList_GetItem(ptr, i64)
declare ptr @PyLong_FromLongLong(i64)
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare void @Py_DecRef(ptr)
declare ptr @PyArray_NewFromDescr(ptr, ptr, i32, ptr, ptr, ptr, i32, ptr)
@PyArray_Type = external global i8
@tj_name_functions = external global i8

define internal i64 @tj_now() #0 {
  %spec = alloca [2 x i64]
  %status = call i32 @clock_gettime(i32 CLOCK, ptr %spec)
  %seconds = load i64, ptr %spec
  %rest = load i64, ptr %spec[i64 1]
  %whole = mul i64 %seconds, 1000000000
  %now = add i64 %whole, %rest
  ret i64 %now
}

define internal void @tj_take_gil(ptr %ctx) #0 {
  %saved = load ptr, ptr %ctx[i64 12]
  br i1 (icmp eq ptr %saved, null), label %done, label %take
take:
  call void @PyEval_RestoreThread(ptr %saved)
  br label %done
done:
  ret void
}

; Lets other threads run; afterwards the GIL is held or not as the core had it.
define internal void @tj_give_gil(ptr %ctx) #0 {
  %saved = load ptr, ptr %ctx[i64 12]
  %thread = call ptr @PyEval_SaveThread()
  br i1 (icmp eq ptr %saved, null), label %again, label %done
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
  br i1 (icmp eq i64 %deadline, 0), label %start, label %compare
start:
  %first = add i64 %now, POLL
  store i64 %first, ptr %deadlinep
  br label %go_on
compare:
  br i1 (icmp slt i64 %now, %deadline), label %go_on, label %look
look:
  call void @tj_take_gil(ptr %ctx)
  call void @tj_release_list(ptr %ctx)
  %status = call i32 @PyErr_CheckSignals()
  call void @tj_give_gil(ptr %ctx)
  %later = call i64 @tj_now()
  %next = add i64 %later, POLL
  store i64 %next, ptr %deadlinep
  br i1 (icmp eq i32 %status, 0), label %go_on, label %interrupted
go_on:
  ret i32 0
interrupted:
  store i64 -1, ptr %ctx
  ret i32 1
}

; Gives the GIL back where the core ran without it; nonzero where a Python exception is set.
define internal i32 @tj_after_python(ptr %ctx, i1 %failed) #0 {
entry:
  %saved = load ptr, ptr %ctx[i64 12]
  br i1 (icmp eq ptr %saved, null), label %check, label %give
give:
  %thread = call ptr @PyEval_SaveThread()
  br label %check
check:
  br i1 %failed, label %fail, label %good
good:
  ret i32 0
fail:
  store i64 -1, ptr %ctx
  ret i32 1
}

define i32 @tj_host_call(ptr %ctx, i64 %call, ptr %slots) #0 {
entry:
  %args = alloca [4 x ptr]
  %host = load ptr, ptr %ctx[i64 11]
  call void @tj_take_gil(ptr %ctx)
  call void @tj_release_list(ptr %ctx)
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
  %failed = icmp eq ptr %r, null
  %status = call i32 @tj_after_python(ptr %ctx, i1 %failed)
  ret i32 %status
}

; Calls row `call` of what the host has for numbers, with n of them that the slots hold: two bits of
; `kinds` for each say whether it is an int (0), a float (1) or a bool (2).
define i32 @tj_host_numbers(ptr %ctx, i64 %call, ptr %slots, i64 %n, i64 %kinds) #0 {
entry:
  %room = add i64 %n, 1
  %args = alloca ptr, i64 %room
  %host = load ptr, ptr %ctx[i64 11]
  call void @tj_take_gil(ptr %ctx)
  call void @tj_release_list(ptr %ctx)
  %rows = call ptr @PyObject_GetAttr(ptr %host, ptr @tj_name_functions)
  br i1 (icmp eq ptr %rows, null), label %failed, label %found
found:
  %function = call ptr @PyList_GetItem(ptr %rows, i64 %call)
  br label %head
head:
  %k = phi i64 [ 0, %found ], [ %k1, %put ]
  %rest = phi i64 [ %kinds, %found ], [ %rest1, %put ]
  br i1 (icmp ult i64 %k, %n), label %step, label %made
step:
  %at = getelementptr i64, ptr %slots, i64 %k
  %kind = and i64 %rest, 3
  switch i64 %kind, label %int [
    i64 1, label %float
    i64 2, label %bool
  ]
int:
  %i = load i64, ptr %at
  %whole = call ptr @PyLong_FromLongLong(i64 %i)
  br label %put
float:
  %x = load double, ptr %at
  %real = call ptr @PyFloat_FromDouble(double %x)
  br label %put
bool:
  %b = load i8, ptr %at
  %truth = select i1 (icmp ne i8 %b, 0), ptr @Py_True, ptr @Py_False
  call void @Py_IncRef(ptr %truth)
  br label %put
put:
  %o = phi ptr [ %whole, %int ], [ %real, %float ], [ %truth, %bool ]
  store ptr %o, ptr %args[ptr %k]
  %k1 = add i64 %k, 1
  %rest1 = lshr i64 %rest, 2
  br label %head
made:
  %r = call ptr @PyObject_Vectorcall(ptr %function, ptr %args, i64 %n, ptr null)
  br label %drop
drop:
  %j = phi i64 [ 0, %made ], [ %j1, %dropped ]
  br i1 (icmp ult i64 %j, %n), label %dropped, label %done
dropped:
  %old = load ptr, ptr %args[ptr %j]
  call void @Py_DecRef(ptr %old)
  %j1 = add i64 %j, 1
  br label %drop
done:
  call void @Py_DecRef(ptr %rows)
  call void @Py_DecRef(ptr %r)
  br label %failed
failed:
  %answer = phi ptr [ null, %entry ], [ %r, %done ]
  %status = call i32 @tj_after_python(ptr %ctx, i1 (icmp eq ptr %answer, null))
  ret i32 %status
}

; An array over memory of the core: its pointer, extents and strides are words from `slot` on.
define ptr @tj_array_at(ptr %slot, ptr %descr, i32 %nd) #0 {
entry:
  %data = load ptr, ptr %slot
  %n = zext i32 %nd to i64
  %dims = getelementptr i64, ptr %slot, i64 1
  %strides = getelementptr i64, ptr %dims, i64 %n
  call void @Py_IncRef(ptr %descr)
  %array = call ptr @PyArray_NewFromDescr(ptr @PyArray_Type, ptr %descr, i32 %nd, ptr %dims,
                                          ptr %strides, ptr %data, i32 WRITEABLE, ptr null)
  ret ptr %array
}

; Whether a library that was called by address has left a Python exception.
define i32 @tj_left_error(ptr %ctx) #0 {
entry:
  call void @tj_take_gil(ptr %ctx)
  %error = call ptr @PyErr_Occurred()
  %failed = icmp ne ptr %error, null
  %status = call i32 @tj_after_python(ptr %ctx, i1 %failed)
  ret i32 %status
}

; Sets the Python exception that the context describes. `build` is ErrorTable.build.
define void @tj_raise(ptr %ctx, ptr %build) #0 {
entry:
  %args = alloca [9 x ptr]
  %id = load i64, ptr %ctx
  br i1 (icmp eq i64 %id, -2), label %no_memory, label %not_memory
no_memory:
  %ignored = call ptr @PyErr_NoMemory()
  ret void
not_memory:
  br i1 (icmp eq i64 %id, -1), label %done, label %fill
fill:
  %k = phi i64 [ 0, %not_memory ], [ %k1, %fill ]
  %word = load i64, ptr %ctx[i64 %k]
  %boxed = call ptr @PyLong_FromLongLong(i64 %word)
  store ptr %boxed, ptr %args[ptr %k]
  %k1 = add i64 %k, 1
  br i1 (icmp ult i64 %k1, 9), label %fill, label %make
make:
  %error = call ptr @PyObject_Vectorcall(ptr %build, ptr %args, i64 9, ptr null)
  br label %drop
drop:
  %j = phi i64 [ 0, %make ], [ %j1, %drop ]
  %old = load ptr, ptr %args[ptr %j]
  call void @Py_DecRef(ptr %old)
  %j1 = add i64 %j, 1
  br i1 (icmp ult i64 %j1, 9), label %drop, label %raise
raise:
  br i1 (icmp eq ptr %error, null), label %done, label %set_it
set_it:
  %type = load ptr, ptr %error[i8 8]
  call void @PyErr_SetObject(ptr %type, ptr %error)
  call void @Py_DecRef(ptr %error)
  br label %done
done:
  ret void
}
"""

EXPORTS = (
    "tj_alloc", "tj_alloc_zero", "tj_realloc", "tj_free", "tj_poll", "tj_host_call",
    "tj_host_numbers", "tj_left_error", "tj_array_at",
    "tj_detach", "tj_free_all", "tj_raise", "tj_peak_taken",
    "tj_data_malloc", "tj_data_calloc", "tj_data_realloc", "tj_data_free",
    *holding_text.EXPORTS, *partition_text.EXPORTS, *stack_text.EXPORTS,
)  # fmt: skip
#: Those that are for threads only that have the GIL, or gave it away as the context says.
_OF_PYTHON = (
    "tj_poll", "tj_host_call", "tj_host_numbers", "tj_left_error",
    *holding_text.EXPORTS, *partition_text.EXPORTS,
)  # fmt: skip


def calls_python(core: str) -> bool:
    """Whether the text of a core calls Python, itself or through the functions here."""
    return "@Py" in core or any(f"@{name}(" in core for name in _OF_PYTHON)


def runtime_text() -> str:
    """The module's text for this platform."""
    clock = "1," if sys.platform.startswith("linux") else "6,"
    python = plain(_PYTHON).replace("CLOCK,", clock).replace("POLL", str(_POLL_NANOSECONDS))
    python = python.replace("WRITEABLE", str(capi.WRITEABLE))
    of_python = holding_text.holding_text() + partition_text.partition_text()
    return memory_text() + python + of_python + stack_text.stack_text()
