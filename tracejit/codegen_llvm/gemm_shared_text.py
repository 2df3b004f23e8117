"""LLVM text of large matrix products in blocks, which the threads of the pool share.

The longer side of the result is cut into blocks whose number and length depend on the sizes alone,
so that the bits, which BLAS gives differently for other sizes, are the same on any number of
threads.
"""

from __future__ import annotations

#: Products of scalars below which a product is one block: 0.1 ms or so.
WORTH = 2_000_000
#: Blocks are at least about so long, and at most so many.
_LENGTH = 192
_BLOCKS = 16
#: Products with no side so long are one block.
_LONG = 128
#: Blocks begin at multiples of what a kernel of BLAS does at once.
_UNIT = 16

#: A product as the task finds it: bytes from the start of the closure.
_FIELDS = (
    *(("ptr", n) for n in "abc"),
    *(("i64", n) for n in ("lda", "ldb", "ldc", "m", "n", "k", "arow", "bcol", "crow", "size")),
    *(("i32", n) for n in ("ta", "tb")),
    *(("i1", n) for n in ("add", "tall")),
)


def _fill() -> str:
    lines = []
    given = {"arow": "%as0", "bcol": "%bs1", "crow": "%cs0", "size": "%length"}
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
  %work = mul i64 %mn, %k
  %large = icmp sge i64 %work, WORTH
  %tall = icmp sge i64 %m, %n
  %long = select i1 %tall, i64 %m, i64 %n
  %two = icmp sge i64 %long, LONG_SIDE
  %cut = and i1 %large, %two
  br i1 %cut, label %blocks, label %one
one:
  call void @cblas_Lgemm(i32 ORDER, i32 %ta, i32 %tb, i64 %m, i64 %n, i64 %k,
    ALPHA, ptr %a, i64 %lda, ptr %b, i64 %ldb, BETAARG, ptr %c, i64 %ldc)
  ret i1 true
blocks:
  %times = sdiv i64 %long, LENGTH
  %some_times = or i64 %times, 2
  %zeros = call i64 @llvm.ctlz.i64(i64 %some_times, i1 true)
  %log = sub i64 63, %zeros
  %power = shl i64 1, %log
  %count0 = call i64 @llvm.smin.i64(i64 %power, i64 BLOCKS)
  %up = add i64 %count0, -1
  %long_up = add i64 %long, %up
  %each = sdiv i64 %long_up, %count0
  %each_up = add i64 %each, UNIT_LESS
  %length = and i64 %each_up, -UNIT
  %length_less = add i64 %length, -1
  %all = add i64 %long, %length_less
  %count = sdiv i64 %all, %length
FILL
  LAUNCH
  ret i1 true
"""

TASK = """define internal void @matmul_task_L(ptr %closure, i64 %lo, i64 %hi) #0 {
entry:
READ
  BETA
  %side = select i1 %tall, i64 %m, i64 %n
  br label %block
block:
  %i = phi i64 [ %lo, %entry ], [ %i1, %block ]
  %i1 = add i64 %i, 1
  %from = mul i64 %i, %size
  %left = sub i64 %side, %from
  %now = call i64 @llvm.smin.i64(i64 %left, i64 %size)
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
  %more = icmp slt i64 %i1, %hi
  br i1 %more, label %block, label %done
done:
  ret void
}"""

_ALONE = "call void @matmul_task_L(ptr %closure, i64 0, i64 %count)"
_TOGETHER = """%helped = call i64 @tj_parallel(ptr @matmul_task_L, ptr %closure, i64 %count, i64 1)
  %counted = atomicrmw add ptr @COUNTER, i64 %helped monotonic"""


def is_cut(m: int, n: int, k: int) -> bool:
    """Whether a product is done in blocks."""
    return m * n * k >= WORTH and max(m, n) >= _LONG


def general(counter: str | None) -> str:
    """A product, in blocks where it is large; ``counter`` as ``gemm_text`` takes it."""
    launch = _ALONE if counter is None else _TOGETHER.replace("COUNTER", counter)
    text = GENERAL.replace("FILL", _fill()).replace("LAUNCH", launch)
    for name, number in (
        ("WORTH", WORTH), ("LENGTH", _LENGTH), ("BLOCKS", _BLOCKS), ("LONG_SIDE", _LONG),
        ("UNIT_LESS", _UNIT - 1), ("UNIT", _UNIT),
    ):  # fmt: skip
        text = text.replace(name, str(number))
    return text.rstrip("\n")


def closure() -> str:
    """The memory of a closure, made on entry."""
    return f"  %closure = alloca [{len(_FIELDS)} x i64], align 8"


def task() -> str:
    """The function that does some of the blocks."""
    return TASK.replace("READ", _read())
