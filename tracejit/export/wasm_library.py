"""LLVM text of what a WebAssembly module has of a C library: malloc and free, and two routines that
LLVM calls where the machine lacks an instruction.

`malloc` takes memory from the end, by whole pages; what is freed waits in a list for a request that
it fits. ``fma`` rounds once but where the result is subnormal (Boldo and Melquiond, "Emulation of
FMA and correctly rounded sums", 2008): a product and a sum without error, and what is left over
rounded to odd.
"""

from __future__ import annotations

MALLOC = """
@heap.at = internal global i32 0
@heap.end = internal global i32 0
@heap.freed = internal global ptr null
declare i32 @llvm.wasm.memory.grow.i32(i32, i32)

define ptr @malloc(i32 %bytes) "no-builtins" {
entry:
  %insane = icmp ugt i32 %bytes, 2147483000
  br i1 %insane, label %none, label %sane
sane:
  %up = add i32 %bytes, 15
  %size = and i32 %up, -16
  br label %look
look:
  %link = phi ptr [ @heap.freed, %sane ], [ %nextp, %other ]
  %block = load ptr, ptr %link
  %last = icmp eq ptr %block, null
  br i1 %last, label %fresh, label %measure
measure:
  %has = load i32, ptr %block
  %twice = shl i32 %size, 1
  %most = add i32 %twice, 64
  %enough = icmp uge i32 %has, %size
  %snug = icmp ule i32 %has, %most
  %fits = and i1 %enough, %snug
  %nextp = getelementptr i8, ptr %block, i32 4
  br i1 %fits, label %reuse, label %other
other:
  br label %look
reuse:
  %next = load ptr, ptr %nextp
  store ptr %next, ptr %link
  %old = getelementptr i8, ptr %block, i32 16
  ret ptr %old
fresh:
  %total = add i32 %size, 16
  %at = load i32, ptr @heap.at
  %end = load i32, ptr @heap.end
  %room = sub i32 %end, %at
  %there = icmp uge i32 %room, %total
  br i1 %there, label %take, label %grow
grow:
  %rounded = add i32 %total, 65535
  %pages = lshr i32 %rounded, 16
  %before = call i32 @llvm.wasm.memory.grow.i32(i32 0, i32 %pages)
  %full = icmp eq i32 %before, -1
  br i1 %full, label %none, label %grown
grown:
  %start = shl i32 %before, 16
  %more = shl i32 %pages, 16
  %after = add i32 %start, %more
  store i32 %after, ptr @heap.end
  %joins = icmp eq i32 %start, %end
  %from = select i1 %joins, i32 %at, i32 %start
  br label %take
take:
  %where = phi i32 [ %at, %fresh ], [ %from, %grown ]
  %behind = add i32 %where, %total
  store i32 %behind, ptr @heap.at
  %header = inttoptr i32 %where to ptr
  store i32 %size, ptr %header
  %data = getelementptr i8, ptr %header, i32 16
  ret ptr %data
none:
  ret ptr null
}

define void @free(ptr %data) "no-builtins" {
  %null = icmp eq ptr %data, null
  br i1 %null, label %done, label %keep
keep:
  %block = getelementptr i8, ptr %data, i32 -16
  %nextp = getelementptr i8, ptr %block, i32 4
  %first = load ptr, ptr @heap.freed
  store ptr %first, ptr %nextp
  store ptr %block, ptr @heap.freed
  br label %done
done:
  ret void
}
"""

# The product of two 128-bit integers; the result's low half is stored first.
_MULTIPLY = """
define hidden void @__multi3(ptr %result, i64 %al, i64 %ah, i64 %bl, i64 %bh) "no-builtins" {
  %a0 = and i64 %al, 4294967295
  %a1 = lshr i64 %al, 32
  %b0 = and i64 %bl, 4294967295
  %b1 = lshr i64 %bl, 32
  %p00 = mul i64 %a0, %b0
  %p01 = mul i64 %a0, %b1
  %p10 = mul i64 %a1, %b0
  %p11 = mul i64 %a1, %b1
  %carry = lshr i64 %p00, 32
  %m0 = add i64 %p10, %carry
  %m0l = and i64 %m0, 4294967295
  %m0h = lshr i64 %m0, 32
  %m1 = add i64 %p01, %m0l
  %m1h = lshr i64 %m1, 32
  %low = mul i64 %al, %bl
  %h0 = add i64 %p11, %m0h
  %h1 = add i64 %h0, %m1h
  %x0 = mul i64 %al, %bh
  %x1 = mul i64 %ah, %bl
  %h2 = add i64 %h1, %x0
  %high = add i64 %h2, %x1
  store i64 %low, ptr %result
  %second = getelementptr i64, ptr %result, i32 1
  store i64 %high, ptr %second
  ret void
}
"""

_FMA = """
declare double @llvm.copysign.f64(double, double)
declare i64 @llvm.smax.i64(i64, i64)
declare i64 @llvm.smin.i64(i64, i64)

define internal { double, double } @fma.sum(double %a, double %b) alwaysinline {
  %s = fadd double %a, %b
  %bb = fsub double %s, %a
  %aa = fsub double %s, %bb
  %eb = fsub double %b, %bb
  %ea = fsub double %a, %aa
  %e = fadd double %ea, %eb
  %r0 = insertvalue { double, double } poison, double %s, 0
  %r1 = insertvalue { double, double } %r0, double %e, 1
  ret { double, double } %r1
}

define internal { double, double } @fma.split(double %a) alwaysinline {
  %t = fmul double %a, 134217729.0
  %u = fsub double %t, %a
  %h = fsub double %t, %u
  %l = fsub double %a, %h
  %r0 = insertvalue { double, double } poison, double %h, 0
  %r1 = insertvalue { double, double } %r0, double %l, 1
  ret { double, double } %r1
}

; Far from overflow and underflow.
define internal double @fma.near(double %a, double %b, double %c) {
  %p = fmul double %a, %b
  %sa = call { double, double } @fma.split(double %a)
  %sb = call { double, double } @fma.split(double %b)
  %ah = extractvalue { double, double } %sa, 0
  %al = extractvalue { double, double } %sa, 1
  %bh = extractvalue { double, double } %sb, 0
  %bl = extractvalue { double, double } %sb, 1
  %hh = fmul double %ah, %bh
  %hl = fmul double %ah, %bl
  %lh = fmul double %al, %bh
  %ll = fmul double %al, %bl
  %e0 = fsub double %hh, %p
  %e1 = fadd double %e0, %hl
  %e2 = fadd double %e1, %lh
  %e = fadd double %e2, %ll
  %t = call { double, double } @fma.sum(double %c, double %e)
  %th = extractvalue { double, double } %t, 0
  %tl = extractvalue { double, double } %t, 1
  %v = call { double, double } @fma.sum(double %p, double %th)
  %vh = extractvalue { double, double } %v, 0
  %vl = extractvalue { double, double } %v, 1
  %z = call { double, double } @fma.sum(double %tl, double %vl)
  %zh = extractvalue { double, double } %z, 0
  %zl = extractvalue { double, double } %z, 1
  %rest = call double @fma.odd(double %zh, double %zl)
  %r = fadd double %vh, %rest
  ret double %r
}

define internal double @fma.odd(double %h, double %l) alwaysinline {
  %bits = bitcast double %h to i64
  %last = and i64 %bits, 1
  %even = icmp eq i64 %last, 0
  %inexact = fcmp one double %l, 0.0
  %moves = and i1 %even, %inexact
  %up = fcmp ogt double %l, 0.0
  %positive = fcmp ogt double %h, 0.0
  %apart = xor i1 %up, %positive
  %step = select i1 %apart, i64 -1, i64 1
  %change = select i1 %moves, i64 %step, i64 0
  %odd = add i64 %bits, %change
  %rest = bitcast i64 %odd to double
  ret double %rest
}

define internal i64 @fma.exponent(double %x) alwaysinline {
  %bits = bitcast double %x to i64
  %up = lshr i64 %bits, 52
  %e = and i64 %up, 2047
  ret i64 %e
}

define internal double @fma.power(i64 %e) alwaysinline {
  %biased = add i64 %e, 1023
  %bits = shl i64 %biased, 52
  %x = bitcast i64 %bits to double
  ret double %x
}

; The number with an exponent of 0, and its exponent.
define internal { double, i64 } @fma.apart(double %x) {
  %e = call i64 @fma.exponent(double %x)
  %tiny = icmp eq i64 %e, 0
  %large = fmul double %x, 18014398509481984.0
  %normal = select i1 %tiny, double %large, double %x
  %ne = call i64 @fma.exponent(double %normal)
  %shift = select i1 %tiny, i64 -1077, i64 -1023
  %exponent = add i64 %ne, %shift
  %bits = bitcast double %normal to i64
  %rest = and i64 %bits, -9218868437227405313
  %one = or i64 %rest, 4607182418800017408
  %m = bitcast i64 %one to double
  %r0 = insertvalue { double, i64 } poison, double %m, 0
  %r1 = insertvalue { double, i64 } %r0, i64 %exponent, 1
  ret { double, i64 } %r1
}

define hidden double @fma(double %a, double %b, double %c) "no-builtins" {
  %p = fmul double %a, %b
  %plain = fadd double %p, %c
  %ea = call i64 @fma.exponent(double %a)
  %eb = call i64 @fma.exponent(double %b)
  %ec = call i64 @fma.exponent(double %c)
  %most0 = call i64 @llvm.smax.i64(i64 %ea, i64 %eb)
  %most = call i64 @llvm.smax.i64(i64 %most0, i64 %ec)
  %least0 = call i64 @llvm.smin.i64(i64 %ea, i64 %eb)
  %least = call i64 @llvm.smin.i64(i64 %least0, i64 %ec)
  %low = icmp sge i64 %least, 623
  %high = icmp sle i64 %most, 1423
  %near = and i1 %low, %high
  br i1 %near, label %usual, label %unusual
usual:
  %r = call double @fma.near(double %a, double %b, double %c)
  ret double %r
unusual:
  %beyond = icmp eq i64 %most, 2047
  %a0 = fcmp oeq double %a, 0.0
  %b0 = fcmp oeq double %b, 0.0
  %c0 = fcmp oeq double %c, 0.0
  %z0 = or i1 %a0, %b0
  %z1 = or i1 %z0, %c0
  %simple = or i1 %z1, %beyond
  br i1 %simple, label %exact, label %scaled
exact:
  ; A product that is too small to see keeps its sign.
  %product = xor i1 %z0, true
  %alone = and i1 %c0, %product
  %known = select i1 %alone, double %p, double %plain
  ret double %known
scaled:
  %as = call { double, i64 } @fma.apart(double %a)
  %bs = call { double, i64 } @fma.apart(double %b)
  %cs = call { double, i64 } @fma.apart(double %c)
  %am = extractvalue { double, i64 } %as, 0
  %bm = extractvalue { double, i64 } %bs, 0
  %cm = extractvalue { double, i64 } %cs, 0
  %ax = extractvalue { double, i64 } %as, 1
  %bx = extractvalue { double, i64 } %bs, 1
  %cx = extractvalue { double, i64 } %cs, 1
  %px = add i64 %ax, %bx
  %d = sub i64 %cx, %px
  %dominates = icmp sgt i64 %d, 120
  br i1 %dominates, label %larger, label %comparable
larger:
  ret double %c
comparable:
  %bounded = call i64 @llvm.smax.i64(i64 %d, i64 -120)
  %power = call double @fma.power(i64 %bounded)
  %cn = fmul double %cm, %power
  %f = call double @fma.near(double %am, double %bm, double %cn)
  %px0 = call i64 @llvm.smax.i64(i64 %px, i64 -1300)
  %px1 = call i64 @llvm.smin.i64(i64 %px0, i64 1300)
  %half = ashr i64 %px1, 1
  %rest = sub i64 %px1, %half
  %s0 = call double @fma.power(i64 %half)
  %s1 = call double @fma.power(i64 %rest)
  %f0 = fmul double %f, %s0
  %f1 = fmul double %f0, %s1
  ret double %f1
}
"""

# The product of two floats is exact as a double; what the sum leaves over is rounded to odd.
_FMAF = """
define hidden float @fmaf(float %a, float %b, float %c) "no-builtins" {
  %x = fpext float %a to double
  %y = fpext float %b to double
  %z = fpext float %c to double
  %p = fmul double %x, %y
  %sum = call { double, double } @fma.sum(double %p, double %z)
  %s = extractvalue { double, double } %sum, 0
  %e = extractvalue { double, double } %sum, 1
  %rest = call double @fma.odd(double %s, double %e)
  %r = fptrunc double %rest to float
  ret float %r
}
"""

ROUTINES = _MULTIPLY + _FMA + _FMAF
