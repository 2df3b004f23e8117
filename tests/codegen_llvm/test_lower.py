"""Native code of Programs built by hand: scalars, control and errors, at levels 0 and 3."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from tests.codegen_llvm.by_hand import LEVELS, SCALARS, both, region, scalars_program
from tracejit.codegen_llvm.compile import CompiledProgram, compile_program
from tracejit.ir.builder import Builder
from tracejit.ir.core import Loc, Value
from tracejit.ir.interpret.program_interpreter import interpret_program
from tracejit.ir.program import Program
from tracejit.ir.types import INDEX, tensor

# -- scalars and slots -------------------------------------------------------------------------


@LEVELS
@pytest.mark.parametrize("name", SCALARS)
def test_scalars_pass_through_slots(name: str, level: int) -> None:
    b = Builder()
    a, c = b.param(tensor(name)), b.param(tensor(name))
    program = scalars_program(b, [c, a, b.const(1, name)])
    dtype = a.dtype
    samples = [0, 1] if dtype.kind == "b" else [3, 100]
    values = [dtype.type(s) for s in samples]
    if dtype.kind in "iu":
        values = [
            np.iinfo(dtype).min + np.zeros((), dtype),
            np.iinfo(dtype).max + np.zeros((), dtype),
        ]
    if dtype.kind == "c":
        values = [dtype.type(1.5 - 2j), dtype.type(-0.25 + 8j)]
    got = both(program, level, *[v[()] for v in map(np.asarray, values)])
    assert got[1] == values[0]
    assert got[0] == values[1]


def test_slots_may_be_anywhere() -> None:
    b = Builder()
    a, c = b.param(tensor("c128")), b.param(INDEX)
    program = scalars_program(b, [b.op("add", c, c), a])
    compiled = compile_program(program, param_slots=[5, 1], result_slots=[0, 3])
    assert compiled.call(1 + 2j, 21) == [42, 1 + 2j]


def test_text_is_the_same_in_every_run() -> None:
    code = "from tests.codegen_llvm.test_lower import text_of_loops; print(text_of_loops())"
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout


def text_of_loops() -> str:
    return compile_program(fibonacci(), 0).llvm_ir


# -- control -----------------------------------------------------------------------------------


def fibonacci() -> Program:
    b = Builder("fibonacci")
    n = b.param(INDEX)
    body = region("body", [INDEX] * 3, lambda b, i, p, q: [q, b.op("add", p, q)])
    zero, one = b.const(0, "i64"), b.const(1, "i64")
    p, q = b.op("for", n, zero, one, regions=(body,), carried=2)
    return scalars_program(b, [p, q])


@LEVELS
@pytest.mark.parametrize("n", [-3, 0, 1, 2, 50])
def test_for(n: int, level: int) -> None:
    both(fibonacci(), level, n)


@LEVELS
def test_long_for_is_cut_into_chunks(level: int) -> None:
    b = Builder()
    n = b.param(INDEX)
    body = region(
        "body", [INDEX, INDEX], lambda b, i, s: [b.op("bitwise_xor", b.op("mul", s, i), i)]
    )
    out = b.op("for", n, b.const(3, "i64"), regions=(body,), carried=1)
    compiled = compile_program(scalars_program(b, [out]), level)
    assert "tj_poll" in compiled.llvm_ir
    for n_ in (0, 1, 8191, 8192, 8193, 20000):
        s = np.int64(3)
        with np.errstate(all="ignore"):
            for i in np.arange(n_):
                s = s * i ^ i
        assert compiled.call(n_) == [s]


@LEVELS
@pytest.mark.parametrize("trip", [-1, 0, 1, 5])
def test_static_trip_counts(trip: int, level: int) -> None:
    b = Builder()
    a = b.param(tensor("f64"))
    body = region("body", [INDEX, tensor("f64")], lambda b, i, s: [b.op("add", s, s)])
    out = b.op("for", b.const(trip, "i64"), a, regions=(body,), carried=1)
    assert both(scalars_program(b, [out]), level, 1.5) == [1.5 * 2 ** max(trip, 0)]


def collatz() -> Program:
    b = Builder("collatz")
    n = b.param(INDEX)
    test = region("test", [INDEX, INDEX], lambda b, n, c: [b.op("gt", n, b.const(1, "i64"))])

    def step(b: Builder, n: Value, c: Value) -> list[Value]:
        two, one = b.const(2, "i64"), b.const(1, "i64")
        odd = b.op("eq", b.op("remainder", n, two), one)
        then = region(
            "then",
            [INDEX],
            lambda b, n: [b.op("add", b.op("mul", n, b.const(3, "i64")), b.const(1, "i64"))],
        )
        other = region("else", [INDEX], lambda b, n: [b.op("floor_divide", n, b.const(2, "i64"))])
        return [b.op("cond", odd, n, regions=(then, other)), b.op("add", c, one)]

    body = region("body", [INDEX, INDEX], step)
    out = b.op("while", n, b.const(0, "i64"), regions=(test, body), carried=2)
    return scalars_program(b, list(out))


@LEVELS
@pytest.mark.parametrize("n", [0, 1, 27, 77031])
def test_while_and_cond(n: int, level: int) -> None:
    both(collatz(), level, n)


def test_endless_loop_can_be_interrupted() -> None:
    code = (
        "import signal, threading, os\n"
        "from tests.codegen_llvm.test_lower import endless\n"
        "f = endless()\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
        "try:\n    f.call(1)\nexcept BaseException as error:\n    print(type(error).__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == "KeyboardInterrupt", done.stderr


def endless() -> CompiledProgram:
    b = Builder()
    n = b.param(INDEX)
    test = region("test", [INDEX], lambda b, n: [b.op("ne", n, b.const(0, "i64"))])
    body = region(
        "body", [INDEX], lambda b, n: [b.op("bitwise_or", b.op("mul", n, n), b.const(1, "i64"))]
    )
    out = b.op("while", n, regions=(test, body), carried=1)
    return compile_program(scalars_program(b, [out]), 0)


# -- errors ------------------------------------------------------------------------------------


@LEVELS
def test_check_reports_type_message_and_line(level: int) -> None:
    b = Builder(loc=Loc(__file__, 7, "user"))
    i, x = b.param(INDEX), b.param(tensor("f32"))
    message = "index {0} is out of bounds, {1} {2} {3}"
    big = b.const(2**64 - 1, "u64")
    ok = b.op("lt", i, b.const(10, "i64"))
    b.op("check", ok, i, x, ok, big, exc="IndexError", message=message)
    compiled = compile_program(scalars_program(b, [i]), level)
    assert compiled.call(3, 0.5) == [3]
    with pytest.raises(IndexError) as caught:
        compiled.call(12, 0.5)
    assert str(caught.value) == f"index 12 is out of bounds, 0.5 False {2**64 - 1}"
    last = caught.traceback[-1]
    assert (str(last.path), last.lineno + 1) == (__file__, 7)


@LEVELS
def test_raise_joins_with_anything(level: int) -> None:
    b = Builder()
    n = b.param(INDEX)
    then = region(
        "then", [INDEX], lambda b, n: b.op("raise", n, exc="ValueError", message="no {0}") or []
    )
    other = region("else", [INDEX], lambda b, n: [b.op("mul", n, n)])
    ok = b.op("lt", n, b.const(0, "i64"))
    out = b.op("cond", ok, n, regions=(then, other))
    program = scalars_program(b, [out])
    assert both(program, level, 5) == [25]
    with pytest.raises(ValueError, match="no -1"):
        compile_program(program, level).call(-1)
    with pytest.raises(ValueError, match="no -1"):
        interpret_program(program, [-1])


@LEVELS
def test_loop_that_raises_at_once(level: int) -> None:
    b = Builder()
    n = b.param(INDEX)
    body = region(
        "body",
        [INDEX, INDEX],
        lambda b, i, s: b.op("raise", s, exc="ValueError", message="at {0}") or [],
    )
    out = b.op("for", n, b.const(4, "i64"), regions=(body,), carried=1)
    compiled = compile_program(scalars_program(b, [out]), level)
    assert compiled.call(0) == [4]
    with pytest.raises(ValueError, match="at 4"):
        compiled.call(1)
