"""Native code of Programs built by hand: buffers, kernels and calls out, at levels 0 and 3."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from tests.codegen_llvm.by_hand import LEVELS, SCALARS, both, each, kernel, region, scalars_program
from tracejit.codegen_llvm.compile import compile_program
from tracejit.ir.builder import Builder
from tracejit.ir.core import Constant, Value
from tracejit.ir.interpret.program_interpreter import MemoryFaultError, interpret_program
from tracejit.ir.program import Program, ProgramResult, Slot, verify_program
from tracejit.ir.types import INDEX, BufferType, dense_buffer, tensor

# -- memory ------------------------------------------------------------------------------------


@LEVELS
@pytest.mark.parametrize("name", SCALARS)
def test_load_store_every_dtype_reversed(name: str, level: int) -> None:
    b = Builder()
    n, stride = b.param(INDEX), b.param(INDEX)
    x = b.param(BufferType(tensor(name).dtype, (n.dim,), (stride.dim,)))
    y = b.param(dense_buffer(tensor(name, (n.dim,))))

    def copy(b: Builder, n: Value, stride: Value, x: Value, y: Value) -> list[Value]:
        def element(b: Builder, i: Value, n: Value, stride: Value, x: Value, y: Value) -> None:
            last = b.op("sub", b.op("sub", n, b.const(1, "i64")), i)
            b.op("store", y, b.op("load", x, last), i)

        each(b, n, [n, stride, x, y], element)
        return []

    kernel(b, [n, stride, x, y], copy)
    slots = (Slot("scalar", 0), Slot("stride", 1), Slot("array", 1), Slot("array", 2))
    program = Program(b.build([]), slots, ())
    verify_program(program)
    rng = np.random.default_rng(0)
    for count in (0, 1, 5, 40):
        source = rng.integers(0, 2 if name == "bool" else 100, 3 * count).astype(x.dtype)[::3]
        found, want = np.zeros(count, x.dtype), np.zeros(count, x.dtype)
        compile_program(program, level).call(count, source, found)
        interpret_program(program, [count, source, want])
        np.testing.assert_array_equal(found, source[::-1])
        np.testing.assert_array_equal(want, found)


@LEVELS
def test_true_is_any_nonzero_byte(level: int) -> None:
    b = Builder()
    x = b.param(dense_buffer(tensor("bool", (3,))))
    zero = b.const(0, "i64")
    seen = b.op("fetch", x, zero)
    program = scalars_program(
        b, [b.op("convert", seen, dtype=np.dtype(np.int64))], [Slot("array", 0)]
    )
    odd = np.array([2, 0, 1], np.uint8).view(np.bool_)
    assert compile_program(program, level).call(odd) == [1]


def scratch(count: int | None) -> Program:
    """Fills a temporary with i * i and gives back its last element."""
    b = Builder()
    n = b.param(INDEX)
    length = n.dim if count is None else count
    temp = b.op("alloc", type=dense_buffer(tensor("f64", (length,))))

    def fill(b: Builder, n: Value, t: Value) -> list[Value]:
        def element(b: Builder, i: Value, n: Value, t: Value) -> None:
            b.op("store", t, b.op("convert", b.op("mul", i, i), dtype=np.dtype(float)), i)

        each(b, n, [n, t], element)
        return []

    kernel(b, [n, temp], fill)
    last = b.op("fetch", temp, b.op("sub", n, b.const(1, "i64")))
    b.op("free", temp)
    return scalars_program(b, [last])


@LEVELS
def test_alloc_and_free(level: int) -> None:
    assert both(scratch(None), level, 300) == [299.0**2]
    assert both(scratch(16), level, 16) == [225.0]
    assert "alloca [128 x i8]" in compile_program(scratch(16), level).llvm_ir
    assert "alloca [8000 x i8]" not in compile_program(scratch(1000), level).llvm_ir


def test_stack_is_bounded() -> None:
    b = Builder()
    made = [b.op("alloc", type=dense_buffer(tensor("f64", (128,)))) for _ in range(200)]
    for buffer in made:
        b.op("free", buffer)
    compiled = compile_program(scalars_program(b, []))
    assert compiled.llvm_ir.count("alloca") == 64
    assert compiled.llvm_ir.count("call ptr @tj_alloc(") == 136
    compiled.call()


@LEVELS
def test_memory_error(level: int) -> None:
    b = Builder()
    n, m = b.param(INDEX), b.param(INDEX)
    for shape in [(n.dim,), (n.dim, m.dim), (n.dim, m.dim, 8)]:
        b.op("free", b.op("alloc", type=dense_buffer(tensor("f64", shape))))
    compiled = compile_program(scalars_program(b, [n]), level)
    assert compiled.call(3, 4) == [3]
    for sizes in [(2**40, 2**40), (2**59, 2**3), (2**62, 1), (2**33, 2**33)]:
        with pytest.raises(MemoryError):
            compiled.call(*sizes)


def test_dynamic_result_and_view() -> None:
    b = Builder()
    n = b.param(INDEX)
    made = b.op("alloc", type=dense_buffer(tensor("i32", (n.dim, 2))))
    window = b.op("view", made, b.const(4, "i64"), type=BufferType(made.dtype, (n.dim,), (8,)))
    for buffer, value in ((made, 7), (window, -1)):

        def fill(b: Builder, n: Value, t: Value, value: int = value) -> list[Value]:
            def element(b: Builder, i: Value, n: Value, t: Value) -> None:
                zero = [b.const(0, "i64")] * (t.rank - 1)
                b.op("store", t, b.const(value, "i32"), i, *zero)

            each(b, n, [n, t], element)
            return []

        kernel(b, [n, buffer], fill)
    result = ProgramResult("dynamic", tensor("i32", (n.dim, 2)), 0)
    program = Program(b.build([made, n, b.const(2, "i64")]), (Slot("scalar", 0),), (result,))
    verify_program(program)
    (got,) = compile_program(program).call(4)
    np.testing.assert_array_equal(got, [[7, -1]] * 4)
    np.testing.assert_array_equal(interpret_program(program, [4])[0], got)


@LEVELS
def test_literal_array(level: int) -> None:
    b = Builder()
    i = b.param(INDEX)
    table = b.op("const_buffer", value=Constant([1.5, 2.5, -3.5]))
    again = b.op("const_buffer", value=Constant([1.5, 2.5, -3.5]))
    out = b.op("add", b.op("fetch", table, i), b.op("fetch", again, i))
    program = scalars_program(b, [out])
    assert both(program, level, 2) == [-7.0]
    assert compile_program(program).llvm_ir.count("internal unnamed_addr constant") == 1


@LEVELS
def test_tape_is_last_in_first_out(level: int) -> None:
    b = Builder()
    n = b.param(INDEX)
    x = b.param(dense_buffer(tensor("f32", (3,))))
    tape = b.op("tape")

    def push(b: Builder, i: Value, t: Value, x: Value) -> list[Value]:
        flag = b.op("gt", i, b.const(2, "i64"))
        return [b.op("tape_push", t, i, x, flag, b.const(1 + 2j, "c128"))]

    body = region("push", [INDEX, tape.type, x.type], push)
    tape = b.op("for", n, tape, x, regions=(body,), carried=1)
    dest = b.op("alloc", type=x.type)

    def pop(b: Builder, i: Value, t: Value, s: Value, dest: Value) -> list[Value]:
        types = (tensor("i64"), tensor("bool"), tensor("c128"))
        t, k, flag, z = b.op("tape_pop", t, dest, types=types, order=(False, True, False, False))
        part = b.op("convert", b.op("real", z), dtype=np.dtype(np.int64))
        hot = b.op("convert", flag, dtype=np.dtype(np.int64))
        s = b.op("mul", b.op("add", s, b.op("add", k, part)), b.op("add", hot, b.const(1, "i64")))
        return [t, s]

    body = region("pop", [INDEX, tape.type, INDEX, x.type], pop)
    _, total = b.op("for", n, tape, b.const(0, "i64"), dest, regions=(body,), carried=2)
    got = b.op("fetch", dest, b.const(2, "i64"))
    b.op("free", dest)
    program = scalars_program(b, [total, got], [Slot("scalar", 0), Slot("array", 1)])
    data = np.array([1, 2, 3], np.float32)
    for count in (1, 5, 2000):
        got_ = compile_program(program, level).call(count, data)
        if count < 100:
            assert got_ == interpret_program(program, [count, data])
        assert got_[1] == 3


# -- kernels -----------------------------------------------------------------------------------


def overlapping() -> Program:
    """y[i + 1] = x[i] + 1, where y may be x."""
    b = Builder()
    n = b.param(INDEX)
    x, y = (b.param(dense_buffer(tensor("f64", (n.dim,)))) for _ in range(2))

    def shift(b: Builder, n: Value, x: Value, y: Value) -> list[Value]:
        def element(b: Builder, i: Value, n: Value, x: Value, y: Value) -> None:
            one = b.const(1, "i64")
            b.op(
                "store",
                y,
                b.op("add", b.op("load", x, i), b.const(1.0, "f64")),
                b.op("add", i, one),
            )

        each(b, b.op("sub", n, b.const(1, "i64")), [n, x, y], element)
        return []

    kernel(b, [n, x, y], shift, aliases=((1, 2),))
    slots = (Slot("scalar", 0), Slot("array", 1), Slot("array", 2))
    return Program(b.build([]), slots, ())


@LEVELS
def test_buffers_that_may_overlap(level: int) -> None:
    program = overlapping()
    compiled = compile_program(program, level)
    signature = re.search(r"@kernel\.\d+\(([^)]*)\)", compiled.llvm_ir)
    assert signature is not None
    assert "noalias" not in signature.group(1)
    data = np.zeros(100)
    compiled.call(100, data, data)
    np.testing.assert_array_equal(data, np.arange(100.0))


def test_equal_kernels_are_compiled_once() -> None:
    b = Builder()
    n = b.param(INDEX)
    x, y = (b.param(dense_buffer(tensor("f64", (n.dim,)))) for _ in range(2))

    def double(b: Builder, n: Value, x: Value) -> list[Value]:
        def element(b: Builder, i: Value, n: Value, x: Value) -> None:
            v = b.op("load", x, i)
            b.op("store", x, b.op("add", v, v), i)

        each(b, n, [n, x], element)
        return []

    for buffer in (x, y, x):
        kernel(b, [n, buffer], double)
    slots = (Slot("scalar", 0), Slot("array", 1), Slot("array", 2))
    compiled = compile_program(Program(b.build([]), slots, ()))
    # The kernel, its loop over a range, and the task that threads run.
    assert compiled.llvm_ir.count("define internal") == 3
    p, q = np.ones(5), np.ones(5)
    compiled.call(5, p, q)
    assert (p[0], q[4]) == (4.0, 2.0)


@LEVELS
@pytest.mark.parametrize("name", ["minimum", "maximum"])
def test_running_extreme_keeps_nan(name: str, level: int) -> None:
    b = Builder()
    n = b.param(INDEX)
    x = b.param(dense_buffer(tensor("f64", (n.dim,))))

    def extreme(b: Builder, n: Value, x: Value) -> list[Value]:
        inner = Builder("body")
        i, acc = inner.param(INDEX), inner.param(tensor("f64"))
        mapping = inner.params_like([n, x])
        out = inner.op(name, acc, inner.op("load", mapping[x], i))
        start = b.op("load", x, b.const(0, "i64"))
        return [b.op("for", n, start, n, x, regions=(inner.build([out]),), carried=1)]

    out = kernel(b, [n, x], extreme)
    program = scalars_program(b, [out], [Slot("scalar", 0), Slot("array", 1)])
    compiled = compile_program(program, level)
    rng = np.random.default_rng(0)
    reference = np.min if name == "minimum" else np.max
    for count in (1, 2, 7, 64, 1000):
        data = rng.normal(size=count)
        assert compiled.call(count, data) == [reference(data)]
        data[count // 2] = np.nan
        assert np.isnan(compiled.call(count, data)[0])


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("what", ["axpy", "stencil", "exp", "masked"])
def test_innermost_loops_are_vector_code(what: str, dtype: str) -> None:
    b = Builder()
    n = b.param(INDEX)
    x, y = (b.param(dense_buffer(tensor(dtype, (n.dim,)))) for _ in range(2))

    def element(b: Builder, i: Value, n: Value, x: Value, y: Value) -> None:
        one = b.const(1, "i64")
        here = b.op("load", x, i)
        if what == "axpy":
            out = b.op("add", b.op("mul", here, b.const(2.5, dtype)), b.op("load", y, i))
        elif what == "stencil":
            left, right = b.op("load", x, b.op("sub", i, one)), b.op("load", x, b.op("add", i, one))
            out = b.op("add", left, right)
        elif what == "exp":
            out = b.op("exp", here)
        else:
            there = b.op("load", y, i)
            out = b.op("select", b.op("gt", here, there), b.op("mul", here, here), there)
        b.op("store", y, out, i)

    kernel(b, [n, x, y], lambda b, *v: each(b, v[0], v, element) or [])
    slots = (Slot("scalar", 0), Slot("array", 1), Slot("array", 2))
    ir = compile_program(Program(b.build([]), slots, ())).llvm_ir_optimised
    kind = "float" if dtype == "f32" else "double"
    assert re.search(rf"store <\d+ x {kind}>", ir)
    assert not re.search(r"\bf(add|sub|mul) (fast|contract|reassoc)", ir)


# -- calls out ---------------------------------------------------------------------------------


def test_host_call_with_arrays_and_scalars() -> None:
    def fn(x: Any, k: Any) -> Any:
        return x * k, x.sum(), k + 1j

    b = Builder()
    n, k = b.param(INDEX), b.param(tensor("f64"))
    x = b.param(dense_buffer(tensor("f64", (n.dim,))))
    y = b.param(x.type)
    types = (tensor("f64"), tensor("c128"))
    total, z = b.op("host_call", x, k, y, fn=fn, types=types, inputs=2, order=(True, False, False))
    slots = (Slot("scalar", 0), Slot("scalar", 1), Slot("array", 2), Slot("array", 3))
    program = scalars_program(b, [total, z], slots)
    for run in (compile_program(program).call, lambda *a: interpret_program(program, a)):
        x_, y_ = np.arange(4.0), np.zeros(4)
        assert run(4, 2.0, x_, y_) == [6.0, 2 + 1j]
        np.testing.assert_array_equal(y_, 2 * x_)


def test_host_call_that_raises() -> None:
    b = Builder()
    k = b.param(tensor("f64"))
    attrs = {"types": (), "inputs": 1, "order": ()}
    b.op("host_call", k, fn=lambda k: [][int(k)], **attrs)
    compiled = compile_program(scalars_program(b, [k]))
    with pytest.raises(IndexError, match="list index"):
        compiled.call(3.0)


def test_print(capsys: pytest.CaptureFixture[str]) -> None:
    b = Builder()
    k, x = b.param(tensor("i64")), b.param(dense_buffer(tensor("f64", (2,))))
    b.op("print", k, x, parts=("k =", None, None), sep=" ", end="!\n")
    program = scalars_program(b, [k], [Slot("scalar", 0), Slot("array", 1)])
    compile_program(program).call(3, np.array([1.0, 2.5]))
    native = capsys.readouterr().out
    interpret_program(program, [3, np.array([1.0, 2.5])])
    assert native == capsys.readouterr().out == "k = 3 [1.  2.5]!\n"


# -- the Program interpreter itself ------------------------------------------------------------


def test_interpreter_catches_faults() -> None:
    b = Builder()
    i = b.param(INDEX)
    x = b.param(dense_buffer(tensor("f64", (3,))))
    program = scalars_program(b, [b.op("fetch", x, i)], [Slot("scalar", 0), Slot("array", 1)])
    assert interpret_program(program, [2, np.arange(3.0)]) == [2.0]
    with pytest.raises(MemoryFaultError):
        interpret_program(program, [3, np.arange(3.0)])
    b = Builder()
    made = b.op("alloc", type=dense_buffer(tensor("f64", (3,))))
    b.op("free", made)
    program = scalars_program(b, [b.op("fetch", made, b.const(0, "i64"))])
    with pytest.raises(MemoryFaultError):
        interpret_program(program, [])
