"""LLVM text of the pool of threads: one for the process, asleep when there is nothing to do.

    declare i64 @tj_parallel(ptr task, ptr closure, i64 total, i64 least)

runs ``task(closure, lo, hi)`` over all of 0 to ``total`` in pieces of at least ``least``, and
returns 1 when threads of the pool were asked to help, 0 when the caller did all of it. It never
waits for another launch: while one is under way, others run in the thread that they come from.

A task is native code that knows no Python, allocates nothing and cannot fail. The caller takes
pieces like the rest, so a thread that comes late, or never, costs nothing but its share. A thread
takes part from when it has joined, under the lock, until it leaves; a launch ends when nobody can
join it any more and all have left.

Of a fork the child has one thread. Whose the state is stands in it: a process that finds another's
number begins with a pool of its own, even if the parent was in the middle of a launch.
"""

from __future__ import annotations

import platform
import sys

from tracejit.llvm_text.nested import plain

#: How often a thread looks for work, or for the end of it, before it goes to sleep.
SPINS = 2000
#: Pieces for each thread: how even the load is when some of the cores are busy with other things.
PIECES = 8

#: Counts, in each module of code, the launches in which threads of the pool were asked to help.
COUNTER = "shared_launches"

EXPORTS = ("tj_parallel", "tj_set_threads", "tj_forked", "tj_threads", "tj_pool_threads")

_TEXT = """
declare i32 @getpid()
declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_detach(ptr)
declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_signal(ptr)
declare i32 @sigfillset(ptr)
declare i32 @pthread_sigmask(i32, ptr, ptr)

; Threads that a launch may use, the caller among them.
@pool_limit = internal global i64 1
; The process that has a launch under way, or 0.
@pool_busy = internal global i32 0, align 64
; The process that the rest belongs to.
@pool_owner = internal global i32 0
@pool_lock = internal global [128 x i8] zeroinitializer, align 64
@pool_work = internal global [128 x i8] zeroinitializer, align 64
@pool_left = internal global [128 x i8] zeroinitializer, align 64
; Threads that there are; that sleep; that may still join; that take part. Changed under the lock.
@pool_made = internal global i64 0
@pool_asleep = internal global i64 0
@pool_open = internal global i64 0
@pool_active = internal global i64 0, align 64
; Counts launches.
@pool_number = internal global i64 0, align 64
@pool_task = internal global ptr null
@pool_closure = internal global ptr null
@pool_total = internal global i64 0
@pool_piece = internal global i64 0
; Where the next piece begins.
@pool_next = internal global i64 0, align 64

define void @tj_set_threads(i64 %n) #0 {
  store atomic i64 %n, ptr @pool_limit monotonic, align 8
  ret void
}

define i64 @tj_threads() #0 {
  %n = load atomic i64, ptr @pool_limit monotonic, align 8
  ret i64 %n
}

define i64 @tj_pool_threads() #0 {
  %made = load atomic i64, ptr @pool_made monotonic, align 8
  ret i64 %made
}

; In the child of a fork, before anything else runs there.
define void @tj_forked() #0 {
  store i32 0, ptr @pool_owner
  store i32 0, ptr @pool_busy
  store i64 0, ptr @pool_made
  ret void
}

define internal void @pool_begin(i32 %pid) #0 {
  %a = call i32 @pthread_mutex_init(ptr @pool_lock, ptr null)
  %b = call i32 @pthread_cond_init(ptr @pool_work, ptr null)
  %c = call i32 @pthread_cond_init(ptr @pool_left, ptr null)
  store i64 0, ptr @pool_made
  store i64 0, ptr @pool_asleep
  store i64 0, ptr @pool_open
  store i64 0, ptr @pool_active
  store i32 %pid, ptr @pool_owner
  ret void
}

; Make threads until there are as many, or as many as the system allows. Signals are Python's.
define internal void @pool_grow(i64 %wanted) #0 {
entry:
  %all = alloca [128 x i8], align 16
  %old = alloca [128 x i8], align 16
  %thread = alloca ptr
  %made0 = load i64, ptr @pool_made
  br i1 (icmp sge i64 %made0, %wanted), label %done, label %some
some:
  %seen = load i64, ptr @pool_number
  %arg = inttoptr i64 %seen to ptr
  %f = call i32 @sigfillset(ptr %all)
  %m = call i32 @pthread_sigmask(i32 SETMASK, ptr %all, ptr %old)
  br label %next
next:
  %made = phi i64 [ %made0, %some ], [ %more, %good ]
  %status = call i32 @pthread_create(ptr %thread, ptr null, ptr @pool_thread, ptr %arg)
  br i1 (icmp ne i32 %status, 0), label %restore, label %good
good:
  %handle = load ptr, ptr %thread
  %d = call i32 @pthread_detach(ptr %handle)
  %more = add i64 %made, 1
  store atomic i64 %more, ptr @pool_made monotonic, align 8
  br i1 (icmp slt i64 %more, %wanted), label %next, label %restore
restore:
  %r = call i32 @pthread_sigmask(i32 SETMASK, ptr %old, ptr null)
  br label %done
done:
  ret void
}

; Take pieces of the launch under way until there are none left.
define internal void @pool_pieces() #0 {
entry:
  %task = load ptr, ptr @pool_task
  %closure = load ptr, ptr @pool_closure
  %total = load i64, ptr @pool_total
  %piece = load i64, ptr @pool_piece
  br label %take
take:
  %lo = atomicrmw add ptr @pool_next, i64 %piece monotonic
  %left = sub i64 %total, %lo
  br i1 (icmp sgt i64 %left, 0), label %run, label %done
run:
  %size = call i64 @llvm.smin.i64(i64 %left, i64 %piece)
  %hi = add i64 %lo, %size
  call void %task(ptr %closure, i64 %lo, i64 %hi)
  br label %take
done:
  ret void
}

define internal ptr @pool_thread(ptr %arg) #0 {
entry:
  %first = ptrtoint ptr %arg to i64
  br label %watch
watch:
  %seen = phi i64 [ %first, %entry ], [ %joined, %spin ]
  %k = phi i64 [ 0, %entry ], [ %k1, %spin ]
  %number0 = load atomic i64, ptr @pool_number acquire, align 8
  br i1 (icmp ne i64 %number0, %seen), label %enter, label %wait_a_bit
wait_a_bit:
  PAUSE
  %kn = add i64 %k, 1
  br i1 (icmp ult i64 %kn, SPINS), label %spin, label %enter
spin:
  %joined = phi i64 [ %seen, %wait_a_bit ], [ %number, %leave ]
  %k1 = phi i64 [ %kn, %wait_a_bit ], [ 0, %leave ]
  br label %watch
enter:
  %e = call i32 @pthread_mutex_lock(ptr @pool_lock)
  br label %look
look:
  %known = phi i64 [ %seen, %enter ], [ %number1, %sleep ]
  %number1 = load i64, ptr @pool_number
  %open = load i64, ptr @pool_open
  %new = icmp ne i64 %number1, %known
  br i1 (and i1 %new, (icmp sgt i64 %open, 0)), label %join, label %sleep
sleep:
  %asleep = load i64, ptr @pool_asleep
  %asleep1 = add i64 %asleep, 1
  store i64 %asleep1, ptr @pool_asleep
  %w = call i32 @pthread_cond_wait(ptr @pool_work, ptr @pool_lock)
  %asleep2 = load i64, ptr @pool_asleep
  %asleep3 = sub i64 %asleep2, 1
  store i64 %asleep3, ptr @pool_asleep
  br label %look
join:
  %number = load i64, ptr @pool_number
  %open1 = sub i64 %open, 1
  store i64 %open1, ptr @pool_open
  %active = load i64, ptr @pool_active
  %active1 = add i64 %active, 1
  store atomic i64 %active1, ptr @pool_active monotonic, align 8
  %u = call i32 @pthread_mutex_unlock(ptr @pool_lock)
  call void @pool_pieces()
  %l = call i32 @pthread_mutex_lock(ptr @pool_lock)
  %active2 = load i64, ptr @pool_active
  %active3 = sub i64 %active2, 1
  store atomic i64 %active3, ptr @pool_active release, align 8
  br i1 (icmp eq i64 %active3, 0), label %tell, label %leave
tell:
  %s = call i32 @pthread_cond_signal(ptr @pool_left)
  br label %leave
leave:
  %v = call i32 @pthread_mutex_unlock(ptr @pool_lock)
  br label %spin
}

; Let others join, and help. The caller has the pool to itself.
define internal void @pool_launch(ptr %task, ptr %closure, i64 %total, i64 %piece, i64 %help) #0 {
entry:
  call void @pool_grow(i64 %help)
  %a = call i32 @pthread_mutex_lock(ptr @pool_lock)
  store ptr %task, ptr @pool_task
  store ptr %closure, ptr @pool_closure
  store i64 %total, ptr @pool_total
  store i64 %piece, ptr @pool_piece
  store atomic i64 0, ptr @pool_next monotonic, align 8
  store i64 %help, ptr @pool_open
  %number = load i64, ptr @pool_number
  %number1 = add i64 %number, 1
  store atomic i64 %number1, ptr @pool_number release, align 8
  %asleep = load i64, ptr @pool_asleep
  %wake = call i64 @llvm.smin.i64(i64 %asleep, i64 %help)
  %u = call i32 @pthread_mutex_unlock(ptr @pool_lock)
  br label %waking
waking:
  %k = phi i64 [ 0, %entry ], [ %k1, %one ]
  br i1 (icmp slt i64 %k, %wake), label %one, label %work
one:
  %s = call i32 @pthread_cond_signal(ptr @pool_work)
  %k1 = add i64 %k, 1
  br label %waking
work:
  call void @pool_pieces()
  br label %watch
watch:
  %j = phi i64 [ 0, %work ], [ %j1, %wait_a_bit ]
  %active = load atomic i64, ptr @pool_active acquire, align 8
  br i1 (icmp eq i64 %active, 0), label %end, label %wait_a_bit
wait_a_bit:
  PAUSE
  %j1 = add i64 %j, 1
  br i1 (icmp ult i64 %j1, SPINS), label %watch, label %end
end:
  %b = call i32 @pthread_mutex_lock(ptr @pool_lock)
  store i64 0, ptr @pool_open
  br label %look
look:
  %still = load i64, ptr @pool_active
  br i1 (icmp eq i64 %still, 0), label %done, label %wait
wait:
  %w = call i32 @pthread_cond_wait(ptr @pool_left, ptr @pool_lock)
  br label %look
done:
  %v = call i32 @pthread_mutex_unlock(ptr @pool_lock)
  ret void
}

define i64 @tj_parallel(ptr %task, ptr %closure, i64 %total, i64 %least) #0 {
entry:
  %limit = load atomic i64, ptr @pool_limit monotonic, align 8
  %spread = mul i64 %limit, PIECES
  %spread1 = sub i64 %spread, 1
  %even0 = add i64 %total, %spread1
  %even = sdiv i64 %even0, %spread
  %piece = call i64 @llvm.smax.i64(i64 %even, i64 %least)
  %pieces0 = sub i64 %total, 1
  %others = sdiv i64 %pieces0, %piece
  %allowed = sub i64 %limit, 1
  %help = call i64 @llvm.smin.i64(i64 %others, i64 %allowed)
  br i1 (icmp slt i64 %help, 1), label %serial, label %try
try:
  %pid = call i32 @getpid()
  %first = cmpxchg ptr @pool_busy, i32 0, i32 %pid acquire monotonic
  %got = extractvalue { i32, i1 } %first, 1
  br i1 %got, label %ours, label %taken
taken:
  %by = extractvalue { i32, i1 } %first, 0
  br i1 (icmp eq i32 %by, %pid), label %serial, label %inherited
inherited:
  %second = cmpxchg ptr @pool_busy, i32 %by, i32 %pid acquire monotonic
  %got2 = extractvalue { i32, i1 } %second, 1
  br i1 %got2, label %ours, label %serial
ours:
  %owner = load i32, ptr @pool_owner
  br i1 (icmp eq i32 %owner, %pid), label %launch, label %begin
begin:
  call void @pool_begin(i32 %pid)
  br label %launch
launch:
  call void @pool_launch(ptr %task, ptr %closure, i64 %total, i64 %piece, i64 %help)
  store atomic i32 0, ptr @pool_busy release, align 4
  ret i64 1
serial:
  call void %task(ptr %closure, i64 0, i64 %total)
  ret i64 0
}
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.smax.i64(i64, i64)
"""

#: What tells the core that it waits, by machine; elsewhere nothing does.
_PAUSES = {
    "x86_64": ("@llvm.x86.sse2.pause()", "@llvm.x86.sse2.pause()"),
    "aarch64": ("@llvm.aarch64.hint(i32)", "@llvm.aarch64.hint(i32 1)"),
}
_PAUSES |= {"amd64": _PAUSES["x86_64"], "arm64": _PAUSES["aarch64"]}


def pool_text() -> str:
    """The text for this platform."""
    declared, called = _PAUSES.get(platform.machine().lower(), ("", ""))
    wait = f"call void {called}" if called else ""
    text = plain(_TEXT).replace("PAUSE", wait).replace("SPINS", str(SPINS))
    mask = "2" if sys.platform.startswith("linux") else "3"
    text = text.replace("SETMASK", mask).replace("PIECES", str(PIECES))
    return f"declare void {declared}\n{text}" if called else text
