"""LLVM text: what a call holds of random generators while compiled code draws from them.

A draw holds the lock of the bit generator, as NumPy's own draws do: other threads may fill arrays
from it without the GIL. A core takes the lock at the first draw and keeps it until it calls the
host, looks for signals, or ends; so no other code of this thread or another waits for a lock that
waits for it. A record of a core, on its stack, says which generator's lock is held.

    declare i32  @tj_hold(ptr ctx, ptr record, ptr generator)   nonzero: return 1
    declare void @tj_release_held(ptr ctx)                       before the core returns
    declare void @tj_hold_gil(ptr ctx)                           until the core returns
    declare void @tj_keep(ptr ctx, ptr slot, ptr object)         `slot` owns a reference; null: none

Python's own `random` has no lock but the GIL: a core takes it at the first draw and keeps it.

Record, three words: the generator (null: not held), the next record, the lock (null where an
earlier record has the same one). Their list begins in the context.
"""

from __future__ import annotations

from tracejit import abi
from tracejit.llvm_text.nested import plain

RECORD = "[3 x ptr]"
EXPORTS = ("tj_hold", "tj_hold_gil", "tj_release_held", "tj_keep")

_TEXT = """
declare ptr @PyObject_GetAttr(ptr, ptr)
declare ptr @PyObject_VectorcallMethod(ptr, ptr, i64, ptr)
declare void @PyErr_Fetch(ptr, ptr, ptr)
declare void @PyErr_Restore(ptr, ptr, ptr)
declare void @Py_IncRef(ptr)
@Py_True = external global i8
@Py_False = external global i8
@tj_name_bit_generator = external global i8
@tj_name_lock = external global i8
@tj_name_acquire = external global i8
@tj_name_release = external global i8

; With the GIL held. An exception that is set stays set.
define internal void @tj_release_list(ptr %ctx) #0 {
entry:
  %kind = alloca ptr
  %value = alloca ptr
  %trace = alloca ptr
  %args = alloca [1 x ptr]
  %headp = getelementptr i64, ptr %ctx, i64 HELD
  %first = load ptr, ptr %headp
  br i1 (icmp eq ptr %first, null), label %done, label %some
some:
  call void @PyErr_Fetch(ptr %kind, ptr %value, ptr %trace)
  store ptr null, ptr %headp
  br label %head
head:
  %record = phi ptr [ %first, %some ], [ %next, %step ]
  %next = load ptr, ptr %record[ptr 1]
  %lock = load ptr, ptr %record[ptr 2]
  store ptr null, ptr %record
  br i1 (icmp eq ptr %lock, null), label %step, label %release
release:
  store ptr %lock, ptr %args
  %r = call ptr @PyObject_VectorcallMethod(ptr @tj_name_release, ptr %args, i64 1, ptr null)
  call void @Py_DecRef(ptr %r)
  call void @Py_DecRef(ptr %lock)
  br label %step
step:
  br i1 (icmp eq ptr %next, null), label %restore, label %head
restore:
  %k = load ptr, ptr %kind
  %v = load ptr, ptr %value
  %t = load ptr, ptr %trace
  call void @PyErr_Restore(ptr %k, ptr %v, ptr %t)
  br label %done
done:
  ret void
}

; Gives the GIL back where the core runs without it.
define internal void @tj_return_gil(ptr %ctx) #0 {
  %saved = load ptr, ptr %ctx[i64 12]
  br i1 (icmp eq ptr %saved, null), label %done, label %give
give:
  %thread = call ptr @PyEval_SaveThread()
  br label %done
done:
  ret void
}

define void @tj_release_held(ptr %ctx) #0 {
  %first = load ptr, ptr %ctx[i64 HELD]
  br i1 (icmp eq ptr %first, null), label %done, label %some
some:
  call void @tj_take_gil(ptr %ctx)
  call void @tj_release_list(ptr %ctx)
  call void @tj_return_gil(ptr %ctx)
  br label %done
done:
  ret void
}

; With the GIL held: a new reference to the generator's lock, or null.
define internal ptr @tj_lock_of(ptr %generator) #0 {
  %bits = call ptr @PyObject_GetAttr(ptr %generator, ptr @tj_name_bit_generator)
  br i1 (icmp eq ptr %bits, null), label %fail, label %look
look:
  %lock = call ptr @PyObject_GetAttr(ptr %bits, ptr @tj_name_lock)
  call void @Py_DecRef(ptr %bits)
  ret ptr %lock
fail:
  ret ptr null
}

; Never waits while it holds another lock.
define internal i1 @tj_acquire(ptr %ctx, ptr %lock) #0 {
  %args = alloca [2 x ptr]
  %second = getelementptr ptr, ptr %args, i64 1
  store ptr %lock, ptr %args
  store ptr @Py_False, ptr %second
  %at_once = call ptr @PyObject_VectorcallMethod(ptr @tj_name_acquire, ptr %args, i64 2, ptr null)
  br i1 (icmp eq ptr %at_once, null), label %done, label %look
look:
  call void @Py_DecRef(ptr %at_once)
  br i1 (icmp eq ptr %at_once, @Py_True), label %done, label %wait
wait:
  call void @tj_release_list(ptr %ctx)
  %later = call ptr @PyObject_VectorcallMethod(ptr @tj_name_acquire, ptr %args, i64 1, ptr null)
  call void @Py_DecRef(ptr %later)
  %interrupted = icmp eq ptr %later, null
  br label %done
done:
  %bad = phi i1 [ true, %0 ], [ false, %look ], [ %interrupted, %wait ]
  ret i1 %bad
}

define i32 @tj_hold(ptr %ctx, ptr %record, ptr %generator) #0 {
entry:
  call void @tj_take_gil(ptr %ctx)
  %old = load ptr, ptr %record
  br i1 (icmp ne ptr %old, null), label %drop, label %find
drop:
  call void @tj_release_list(ptr %ctx)
  br label %find
find:
  %lock = call ptr @tj_lock_of(ptr %generator)
  br i1 (icmp eq ptr %lock, null), label %fail, label %known
known:
  %headp = getelementptr i64, ptr %ctx, i64 HELD
  %first = load ptr, ptr %headp
  br label %search
search:
  %at = phi ptr [ %first, %known ], [ %next, %further ]
  br i1 (icmp eq ptr %at, null), label %take, label %compare
compare:
  %theirs = load ptr, ptr %at[ptr 2]
  br i1 (icmp eq ptr %theirs, %lock), label %share, label %further
further:
  %next = load ptr, ptr %at[ptr 1]
  br label %search
share:
  call void @Py_DecRef(ptr %lock)
  br label %link
take:
  %bad = call i1 @tj_acquire(ptr %ctx, ptr %lock)
  br i1 %bad, label %lose, label %link
link:
  %mine = phi ptr [ null, %share ], [ %lock, %take ]
  %before = load ptr, ptr %headp
  %p1 = getelementptr ptr, ptr %record, i64 1
  %p2 = getelementptr ptr, ptr %record, i64 2
  store ptr %generator, ptr %record
  store ptr %before, ptr %p1
  store ptr %mine, ptr %p2
  store ptr %record, ptr %headp
  call void @tj_return_gil(ptr %ctx)
  ret i32 0
lose:
  call void @Py_DecRef(ptr %lock)
  br label %fail
fail:
  call void @tj_return_gil(ptr %ctx)
  store i64 -1, ptr %ctx
  ret i32 1
}

define void @tj_hold_gil(ptr %ctx) #0 {
  %savedp = getelementptr i64, ptr %ctx, i64 12
  call void @tj_take_gil(ptr %ctx)
  store ptr null, ptr %savedp
  ret void
}

define void @tj_keep(ptr %ctx, ptr %slot, ptr %object) #0 {
entry:
  %old = load ptr, ptr %slot
  %was = icmp eq ptr %old, null
  br i1 (and i1 %was, (icmp eq ptr %object, null)), label %done, label %change
change:
  call void @tj_take_gil(ptr %ctx)
  call void @Py_IncRef(ptr %object)
  store ptr %object, ptr %slot
  call void @Py_DecRef(ptr %old)
  call void @tj_return_gil(ptr %ctx)
  br label %done
done:
  ret void
}
"""


def holding_text() -> str:
    """The functions; `runtime_text` has what they call."""
    return plain(_TEXT).replace("HELD", str(abi.CTX_HELD))
