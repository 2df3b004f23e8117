"""LLVM text of the slots of the callable type (`callable.py`): call, bind, collect.

Part of what `boxing_text` compiles. Instances are
header 0, vectorcall 16, dict 24, weak references 32, chain 40, miss 48, kept 56, how many calls are
in the chain 64, the object that describes the parameters 72, and its table 80.
"""

from __future__ import annotations

EXPORTS = ("tj_dispatch", "tj_bind", "tj_traverse", "tj_clear", "tj_dealloc")

SLOTS = """
declare i64 @PyObject_Size(ptr)
declare ptr @PyMethod_New(ptr, ptr)
declare void @PyObject_GC_UnTrack(ptr)
declare void @PyObject_GC_Del(ptr)
declare void @PyObject_ClearWeakRefs(ptr)
@Py_None = external global i8

; Calls come and go with the GIL held, other calls between: the count is read again.
define internal i64 @tj_left(ptr %insidep) #0 {
  %inside = load i64, ptr %insidep
  %left = sub i64 %inside, 1
  store i64 %left, ptr %insidep
  ret i64 %left
}

; The first answer of rows (code, environment) that end with null code; MISS where none has one.
define internal ptr @tj_rows(ptr %rows, ptr %args, i64 %n) #0 {
entry:
  br label %head
head:
  %row = phi ptr [ %rows, %entry ], [ %next, %try ]
  %code = load ptr, ptr %row
  br i1 (icmp eq ptr %code, null), label %none, label %try
try:
  %env = load ptr, ptr %row[i8 8]
  %r = call ptr %code(ptr %args, i64 %n, ptr %env)
  %next = getelementptr i8, ptr %row, i64 16
  %missed = icmp eq ptr %r, inttoptr (i64 1 to ptr)
  br i1 %missed, label %head, label %hit
hit:
  ret ptr %r
none:
  ret ptr inttoptr (i64 1 to ptr)
}

; The chain's answer; meanwhile the chain stays alive.
define internal ptr @tj_through(ptr %self, ptr %args, i64 %n) #0 {
entry:
  %chain = load ptr, ptr %self[i8 40]
  br i1 (icmp eq ptr %chain, null), label %miss, label %enter
enter:
  %insidep = getelementptr i8, ptr %self, i64 64
  %outside = load i64, ptr %insidep
  %inside = add i64 %outside, 1
  store i64 %inside, ptr %insidep
  %r = call ptr @tj_rows(ptr %chain, ptr %args, i64 %n)
  %left = call i64 @tj_left(ptr %insidep)
  ret ptr %r
miss:
  ret ptr inttoptr (i64 1 to ptr)
}

; Arguments that lie in their places, or whose function says nothing of its parameters, go through
; the chain as they are.
define ptr @tj_dispatch(ptr %self, ptr %args, i64 %nargsf, ptr %names) #0 {
entry:
  %n = and i64 %nargsf, 9223372036854775807
  %table = load ptr, ptr %self[i8 80]
  %plain = icmp eq ptr %names, null
  br i1 (icmp eq ptr %table, null), label %anyhow, label %look
look:
  %leastp = getelementptr i64, ptr %table, i64 7
  %mostp = getelementptr i64, ptr %table, i64 8
  %least = load i64, ptr %leastp
  %most = load i64, ptr %mostp
  %above = icmp sge i64 %n, %least
  %below = icmp sle i64 %n, %most
  br i1 (and i1 (and i1 %above, %below), %plain), label %asis, label %place
place:
  %placed = call ptr @tj_placed(ptr %self, ptr %args, i64 %n, ptr %names, ptr %table)
  br label %answered
anyhow:
  br i1 %plain, label %asis, label %named
named:
  %count = call i64 @PyObject_Size(ptr %names)
  br i1 (icmp eq i64 %count, 0), label %asis, label %miss
asis:
  %through = call ptr @tj_through(ptr %self, ptr %args, i64 %n)
  br label %answered
answered:
  %r = phi ptr [ %placed, %place ], [ %through, %asis ]
  %missed = icmp eq ptr %r, inttoptr (i64 1 to ptr)
  br i1 %missed, label %miss, label %hit
hit:
  ret ptr %r
miss:
  %slow = load ptr, ptr %self[i8 48]
  %target = select i1 (icmp ne ptr %slow, null), ptr %slow, ptr @Py_None
  %answer = call ptr @PyObject_Vectorcall(ptr %target, ptr %args, i64 %nargsf, ptr %names)
  ret ptr %answer
}

define ptr @tj_bind(ptr %self, ptr %object, ptr %type) #0 {
  %null = icmp eq ptr %object, null
  br i1 (or i1 %null, (icmp eq ptr %object, @Py_None)), label %same, label %bound
same:
  call void @Py_IncRef(ptr %self)
  ret ptr %self
bound:
  %method = call ptr @PyMethod_New(ptr %self, ptr %object)
  ret ptr %method
}

; The references that an instance holds: type, dict, miss, kept, parameters.
@tj_held = internal constant [5 x i64] [i64 8, i64 24, i64 48, i64 56, i64 72]

define i32 @tj_traverse(ptr %self, ptr %visit, ptr %arg) #0 {
entry:
  br label %head
head:
  %k = phi i64 [ 0, %entry ], [ %k1, %next ]
  %offset = load i64, ptr @tj_held[i64 %k]
  %o = load ptr, ptr %self[i8 %offset]
  br i1 (icmp eq ptr %o, null), label %next, label %call
call:
  %status = call i32 %visit(ptr %o, ptr %arg)
  br i1 (icmp ne i32 %status, 0), label %out, label %next
next:
  %k1 = add i64 %k, 1
  br i1 (icmp ult i64 %k1, 5), label %head, label %done
out:
  ret i32 %status
done:
  ret i32 0
}

define i32 @tj_clear(ptr %self) #0 {
  %dictp = getelementptr i8, ptr %self, i64 24
  %chainp = getelementptr i8, ptr %self, i64 40
  %missp = getelementptr i8, ptr %self, i64 48
  %keptp = getelementptr i8, ptr %self, i64 56
  %dict = load ptr, ptr %dictp
  %miss = load ptr, ptr %missp
  %kept = load ptr, ptr %keptp
  %describedp = getelementptr i8, ptr %self, i64 72
  %tablep = getelementptr i8, ptr %self, i64 80
  %described = load ptr, ptr %describedp
  store ptr null, ptr %dictp
  store ptr null, ptr %chainp
  store ptr null, ptr %missp
  store ptr null, ptr %keptp
  store ptr null, ptr %tablep
  store ptr null, ptr %describedp
  call void @Py_DecRef(ptr %dict)
  call void @Py_DecRef(ptr %miss)
  call void @Py_DecRef(ptr %kept)
  call void @Py_DecRef(ptr %described)
  ret i32 0
}

define void @tj_dealloc(ptr %self) #0 {
  call void @PyObject_GC_UnTrack(ptr %self)
  %weak = load ptr, ptr %self[i8 32]
  br i1 (icmp eq ptr %weak, null), label %clear, label %weakly
weakly:
  call void @PyObject_ClearWeakRefs(ptr %self)
  br label %clear
clear:
  %type = load ptr, ptr %self[i8 8]
  %cleared = call i32 @tj_clear(ptr %self)
  call void @PyObject_GC_Del(ptr %self)
  call void @Py_DecRef(ptr %type)
  ret void
}
"""
