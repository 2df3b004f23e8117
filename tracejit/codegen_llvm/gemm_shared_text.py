"""LLVM text of large matrix products, which the threads of the pool share.

The bits shall not depend on the number of threads, and BLAS gives other bits for other sizes. A
product is cut in one of two ways:

- **In rows, as many parts as there are threads.** OpenBLAS goes through the rows of the result in
  groups that its kernels take at once, and each element is summed up along `k` in steps that depend
  on `k` alone. So parts that begin at a multiple of every kernel's group have the bits of the
  whole, as long as each is large enough that no routine for small matrices takes it, and has no
  more rows than OpenBLAS packs at once. `tests/codegen_llvm/test_products.py` holds it to that.
- **In blocks whose sizes depend on the product alone**, where rows are few, or so short that the
  whole is bound by memory. Then one thread does the same blocks.

A part of the columns costs more than one of the rows: the factor that is packed again for each
is the one whose packing is a transposition. Where there is a choice, rows are cut.
"""

from __future__ import annotations

#: Products of scalars below which a product is one call: 0.1 ms or so.
WORTH = 2_000_000
#: Rows that parts begin at a multiple of: the groups of OpenBLAS's kernels divide it.
_GROUP = 24
#: Products of scalars in a part: more than OpenBLAS's routines for small matrices take.
_LEAST = 1_250_000
#: Rows from which on packing the other factor once more is a few per cent, and most parts a thread.
_ROWS, _PARTS = 384, 4
#: Rows of one call, and how many may be left for the last one.
_STEP, _LAST = 3072, 4608
#: Fewer rows than this are cut in columns, where these are as many as `_WIDE`.
_FEW, _WIDE = 96, 1024
#: Products of one row of the result and the other factor below which memory is the limit.
_THIN = 1024
#: Blocks whose number depends on the sizes: about so many columns, or rows; at most so many.
_LENGTH, _TALL, _BLOCKS = 768, 4096, 16
#: Such blocks begin at multiples of what a kernel of BLAS does at once.
_UNIT = 16

#: A product as the task finds it: bytes from the start of the closure.
_FIELDS = (
    *(("ptr", n) for n in "abc"),
    *(("i64", n) for n in ("lda", "ldb", "ldc", "m", "n", "k", "arow", "bcol", "crow")),
    *(("i64", n) for n in ("units", "unit", "count", "step", "last")),
    *(("i32", n) for n in ("ta", "tb")),
    *(("i1", n) for n in ("add", "tall")),
)


def _fill() -> str:
    lines = []
    given = {"arow": "%as0", "bcol": "%bs1", "crow": "%cs0"}
    for k, (kind, name) in enumerate(_FIELDS):
        lines.append(f"  %p{k} = getelementptr i8, ptr %closure, i64 {8 * k}")
        lines.append(f"  store {kind} {given.get(name, f'%{name}')}, ptr %p{k}")
    return "\n".join(lines)


def _read() -> str:
    lines = []
    for k, (kind, name) in enumerate(_FIELDS):
        lines.append(f"  %p{k} = getelementptr i8, ptr %closure, i64 {8 * k}")
        lines.append(f"  %{name} = load {kind}, ptr %p{k}")
    return "\n".join(lines)


#: Follows the label that says that BLAS takes this product; ends with ``ret i1 true``.
GENERAL = """  %mn = mul i64 %m, %n
  %nk = mul i64 %n, %k
  %work = mul i64 %mn, %k
  %large = icmp sge i64 %work, WORTH
  br i1 %large, label %cut, label %one
one:
  call void @cblas_Lgemm(i32 ORDER, i32 %ta, i32 %tb, i64 %m, i64 %n, i64 %k,
    ALPHA, ptr %a, i64 %lda, ptr %b, i64 %ldb, BETAARG, ptr %c, i64 %ldc)
  ret i1 true
cut:
  %few = icmp slt i64 %m, FEW
  %columns = and i1 %few, (icmp sge i64 %n, WIDE)
  %thin = icmp slt i64 %nk, THIN
  br i1 (or i1 %columns, %thin), label %fixed, label %in_rows
fixed:
  %few_rows = xor i1 %columns, true
  %side = select i1 %columns, i64 %n, i64 %m
  %usual = select i1 %columns, i64 LENGTH, i64 TALL
  %fewest = select i1 %columns, i64 2, i64 1
  %times0 = sdiv i64 %side, %usual
  %times1 = call i64 @llvm.smin.i64(i64 %times0, i64 BLOCKS)
  %times = call i64 @llvm.smax.i64(i64 %times1, i64 %fewest)
  %side_up0 = add i64 %side, %times
  %side_up = add i64 %side_up0, -1
  %length0 = sdiv i64 %side_up, %times
  %length_up = add i64 %length0, UNIT_LESS
  %length = and i64 %length_up, -UNIT
  %length_less = add i64 %length, -1
  %all = add i64 %side, %length_less
  %blocks = sdiv i64 %all, %length
  br label %share
in_rows:
  %groups = sdiv i64 %m, GROUP
  %group_work = mul i64 %nk, GROUP
  %group_work_less = add i64 %group_work, -1
  %least_work = add i64 %group_work_less, LEAST
  %least = sdiv i64 %least_work, %group_work
  %most = sdiv i64 %groups, %least
  THREADS
  %wanted = mul i64 %threads, ROWS
  %rounds0 = sdiv i64 %m, %wanted
  %rounds1 = call i64 @llvm.smin.i64(i64 %rounds0, i64 PARTS)
  %rounds = call i64 @llvm.smax.i64(i64 %rounds1, i64 1)
  %parts0 = mul i64 %threads, %rounds
  %parts1 = call i64 @llvm.smin.i64(i64 %parts0, i64 %most)
  %parts = call i64 @llvm.smax.i64(i64 %parts1, i64 1)
  br label %share
share:
  %tall = phi i1 [ %few_rows, %fixed ], [ true, %in_rows ]
  %units = phi i64 [ %blocks, %fixed ], [ %groups, %in_rows ]
  %unit = phi i64 [ %length, %fixed ], [ GROUP, %in_rows ]
  %count = phi i64 [ %blocks, %fixed ], [ %parts, %in_rows ]
  %step = phi i64 [ %length, %fixed ], [ STEP, %in_rows ]
  %last = phi i64 [ %length, %fixed ], [ LAST, %in_rows ]
FILL
  LAUNCH
  ret i1 true
"""

#: Parts ``lo`` to ``hi``: from unit ``lo * units / count`` on, in calls of ``step``.
TASK = """define internal void @matmul_task_L(ptr %closure, i64 %lo, i64 %hi) #0 {
entry:
READ
  BETA
  %side = select i1 %tall, i64 %m, i64 %n
  %lo_units0 = mul i64 %lo, %units
  %lo_units = sdiv i64 %lo_units0, %count
  %start = mul i64 %lo_units, %unit
  %hi_units0 = mul i64 %hi, %units
  %hi_units = sdiv i64 %hi_units0, %count
  %stop0 = mul i64 %hi_units, %unit
  %whole = icmp eq i64 %hi, %count
  %stop = select i1 %whole, i64 %side, i64 %stop0
  br label %block
block:
  %from = phi i64 [ %start, %entry ], [ %next, %block ]
  %left = sub i64 %stop, %from
  %ends = icmp sle i64 %left, %last
  %now = select i1 %ends, i64 %left, i64 %step
  %next = add i64 %from, %now
  %m1 = select i1 %tall, i64 %now, i64 %m
  %n1 = select i1 %tall, i64 %n, i64 %now
  %down = mul i64 %from, %arow
  %right = mul i64 %from, %bcol
  %cdown = mul i64 %from, %crow
  %cright = mul i64 %from, SIZE
  %moved_a = select i1 %tall, i64 %down, i64 0
  %moved_b = select i1 %tall, i64 0, i64 %right
  %moved_c = select i1 %tall, i64 %cdown, i64 %cright
  %a1 = getelementptr i8, ptr %a, i64 %moved_a
  %b1 = getelementptr i8, ptr %b, i64 %moved_b
  %c1 = getelementptr i8, ptr %c, i64 %moved_c
  call void @cblas_Lgemm(i32 ORDER, i32 %ta, i32 %tb, i64 %m1, i64 %n1, i64 %k,
    ALPHA, ptr %a1, i64 %lda, ptr %b1, i64 %ldb, BETAARG, ptr %c1, i64 %ldc)
  br i1 %ends, label %done, label %block
done:
  ret void
}"""

_ALONE = "call void @matmul_task_L(ptr %closure, i64 0, i64 %count)"
_TOGETHER = """%helped = call i64 @tj_parallel(ptr @matmul_task_L, ptr %closure, i64 %count, i64 1)
  %counted = atomicrmw add ptr @COUNTER, i64 %helped monotonic"""


#: How many threads there may be, for the count of parts; the bits are those of one.
_THREADS = "%threads = call i64 @tj_threads()"
_NO_THREADS = "%threads = add i64 1, 0"


def is_cut(m: int, n: int, k: int) -> bool:
    """Whether a product may be more than one call."""
    return m * n * k >= WORTH and (m >= 2 * _GROUP or n >= _WIDE)


def general(counter: str | None) -> str:
    """A product, cut where it is large; ``counter`` as ``gemm_text`` takes it."""
    launch = _ALONE if counter is None else _TOGETHER.replace("COUNTER", counter)
    text = GENERAL.replace("FILL", _fill()).replace("LAUNCH", launch)
    text = text.replace("THREADS", _NO_THREADS if counter is None else _THREADS)
    for name, number in (
        ("WORTH", WORTH), ("FEW", _FEW), ("WIDE", _WIDE), ("THIN", _THIN), ("LENGTH", _LENGTH),
        ("TALL", _TALL), ("BLOCKS", _BLOCKS), ("GROUP", _GROUP),
        ("UNIT_LESS", _UNIT - 1), ("UNIT", _UNIT), ("LEAST", _LEAST), ("ROWS", _ROWS),
        ("PARTS", _PARTS), ("STEP", _STEP), ("LAST", _LAST),
    ):  # fmt: skip
        text = text.replace(name, str(number))
    return text.rstrip("\n")


def closure() -> str:
    """The memory of a closure, made on entry."""
    return f"  %closure = alloca [{len(_FIELDS)} x i64], align 8"


def task() -> str:
    """The function that does some of the blocks."""
    return TASK.replace("READ", _read())
