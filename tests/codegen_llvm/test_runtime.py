"""What a core does besides computing: failing, being interrupted, calling Python, calling BLAS."""

from __future__ import annotations

import os
import signal
import struct
import threading
import time
import traceback

import numpy as np
import pytest

from tracejit.abi import (
    ArrayParam,
    ArrayResult,
    AxisLength,
    Container,
    ScalarParam,
    ScalarResult,
    Signature,
)
from tracejit.codegen_llvm import blas
from tracejit.codegen_llvm.engine import CodegenError, Engine, shared_engine
from tracejit.codegen_llvm.runtime import HostTable
from tracejit.ir.results import ArrayOut, PythonOut, ScalarOut
from tracejit.llvm_text.tables import (
    ErrorSite,
    ErrorTable,
    HostArray,
    HostCall,
    HostScalar,
    Location,
)
from tracejit.python_entry import entry

F8, I8, C8, I2 = (np.dtype(c) for c in ("f8", "i8", "c8", "i2"))


@pytest.fixture(params=["native", "portable"])
def make(request):
    def build(text, signature, **options):
        made = entry.specialise(text, signature, **options)
        if request.param == "portable":
            return lambda *args: made.portable.call(args)
        return made

    return build


def define(*lines):
    body = "\n  ".join(lines)
    return (
        "declare i32 @tj_host_call(ptr, i64, ptr)\n"
        f"define i32 @core(ptr %ctx, ptr %slots) #0 {{\n  {body}\n}}\n"
    )


def store_payload(values):
    lines = []
    for k, value in enumerate(values, start=1):
        lines.append(f"%p{k} = getelementptr i64, ptr %ctx, i64 {k}")
        lines.append(f"store i64 {value}, ptr %p{k}")
    return lines


def test_error_with_payload_points_at_the_users_line(make):
    table = ErrorTable()
    message = "index {0} is out of bounds for axis {1} with size {2}, {3} {4} {5}"
    kinds = ("int", "int", "unsigned", "float", "bool", "int")
    error = table.add(ErrorSite(IndexError, message, kinds, Location(__file__, 7, "user_function")))
    half = struct.unpack("<q", struct.pack("<d", 0.5))[0]
    lines = store_payload([-9, 0, -1, half, 1, 2**62])
    f = make(
        define(*lines, f"store i64 {error}, ptr %ctx", "ret i32 1"), Signature(()), errors=table
    )
    with pytest.raises(IndexError) as caught:
        f()
    assert str(caught.value) == (
        f"index -9 is out of bounds for axis 0 with size {2**64 - 1}, 0.5 True {2**62}"
    )
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (last.filename, last.lineno, last.name) == (__file__, 7, "user_function")


def test_native_error_shows_no_internal_frame():
    if not entry.uses_native_entry():
        pytest.skip("portable entry in use")
    table = ErrorTable([ErrorSite(ValueError, "bad", (), Location(__file__, 3, "f"))])
    made = entry.specialise(
        define("store i64 1, ptr %ctx", "ret i32 1"), Signature(()), errors=table
    )
    f = entry.callable_type("Sample", __name__, {})()
    entry.set_miss(f, lambda: None)
    entry.set_chain(f, [made])
    with pytest.raises(ValueError) as caught:
        f()
    frames = [row.filename for row in traceback.extract_tb(caught.value.__traceback__)]
    assert frames == [__file__, __file__]


FOREVER = """
declare i32 @tj_poll(ptr)
define i32 @core(ptr %ctx, ptr %slots) #0 {
entry:
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %i1, %next ]
  %i1 = add i64 %i, 1
  %low = and i64 %i1, 1023
  %look = icmp eq i64 %low, 0
  br i1 %look, label %poll, label %next
poll:
  %stop = call i32 @tj_poll(ptr %ctx)
  %yes = icmp ne i32 %stop, 0
  br i1 %yes, label %out, label %next
next:
  br label %head
out:
  ret i32 1
}
"""


@pytest.mark.parametrize("release", [False, True])
def test_ctrl_c_ends_an_endless_loop_and_threads_run_meanwhile(make, release):
    f = make(FOREVER, Signature((), release_gil=release))
    turns = []

    def interrupt():
        for _ in range(10):
            time.sleep(0.01)
            turns.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    start = time.perf_counter()
    # A process that was started in the background may ignore the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            thread.start()
            f()
    finally:
        signal.signal(signal.SIGINT, before)
    thread.join()
    assert len(turns) == 10
    assert time.perf_counter() - start < 20


def test_the_users_own_signal_handler_ends_a_loop(make):
    class AlarmError(Exception):
        pass

    def ring(number, frame):
        raise AlarmError

    f = make(FOREVER, Signature(()))
    old = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(AlarmError):
            f()
    finally:
        signal.signal(signal.SIGALRM, old)


# Slots: x data, n; o data, m, then the scalar result. The block for the host follows its contract.
CALL_HOST = define(
    "%block = alloca [16 x i64]",
    "%x = load i64, ptr %slots",
    "%np = getelementptr i64, ptr %slots, i64 1",
    "%n = load i64, ptr %np",
    "store i64 %x, ptr %block",
    "%b1 = getelementptr i64, ptr %block, i64 1",
    "store i64 %n, ptr %b1",
    "%b2 = getelementptr i64, ptr %block, i64 2",
    "store i64 8, ptr %b2",
    "%b3 = getelementptr i64, ptr %block, i64 3",
    "store i64 -2, ptr %b3",
    "%status = call i32 @tj_host_call(ptr %ctx, i64 0, ptr %block)",
    "%good = icmp eq i32 %status, 0",
    "br i1 %good, label %done, label %fail",
    "done:",
    "%b4 = getelementptr i64, ptr %block, i64 4",
    "%o = load i64, ptr %b4",
    "%b5 = getelementptr i64, ptr %block, i64 5",
    "%m = load i64, ptr %b5",
    "%b6 = getelementptr i64, ptr %block, i64 6",
    "%c = load <2 x i64>, ptr %b6, align 8",
    "%s2 = getelementptr i64, ptr %slots, i64 2",
    "store i64 %o, ptr %s2",
    "%s3 = getelementptr i64, ptr %slots, i64 3",
    "store i64 %m, ptr %s3",
    "%s4 = getelementptr i64, ptr %slots, i64 4",
    "store <2 x i64> %c, ptr %s4, align 8",
    "ret i32 0",
    "fail:",
    "ret i32 1",
)


@pytest.mark.parametrize("release", [False, True])
def test_host_call_with_a_result_of_unknown_size(make, release):
    def positive(x, k):
        if k != -2 or len(x) == 1:
            raise LookupError(len(x))
        return x[x > 0], np.complex64(complex(x.sum(), k))

    host = HostTable(
        [
            HostCall(
                positive,
                (HostArray(F8, 1), HostScalar(I2, weak=True)),
                (HostArray(F8, 1, preallocated=False), HostScalar(C8)),
            )
        ]
    )
    results = (ArrayResult(F8, (None,)), ScalarResult(C8))
    signature = Signature(
        (ArrayParam(F8, (None,)),),
        results,
        (ArrayOut(0), ScalarOut(1)),
        Container("tuple", (0, 1)),
        release_gil=release,
    )
    f = make(CALL_HOST, signature, host=host)
    kept, total = f(np.array([1.0, -2, 3]))
    assert kept.tolist() == [1, 3]
    assert total == np.complex64(2 - 2j)
    assert f(np.zeros(0))[0].shape == (0,)
    with pytest.raises(LookupError, match="1"):
        f(np.zeros(1))


def test_host_call_into_memory_of_the_core():
    out = np.zeros((2, 3), I2)
    x = np.arange(6.0).reshape(3, 2)[:, ::-1].T
    table = HostTable([HostCall(lambda a: a * 2, (HostArray(F8, 2),), (HostArray(I2, 2),))])
    words = [
        word for a in (x, out) for word in (a.__array_interface__["data"][0], *a.shape, *a.strides)
    ]
    block = np.array(words, np.int64)
    table(0, block.__array_interface__["data"][0], 0)
    np.testing.assert_array_equal(out, x * 2)


GEMM = """
declare void @cblas_dgemm(i32, i32, i32, i64, i64, i64,
                           double, ptr, i64, ptr, i64, double, ptr, i64)
define i32 @core(ptr %ctx, ptr %slots) #0 {
  %a = load ptr, ptr %slots
  %s1 = getelementptr i64, ptr %slots, i64 1
  %n = load i64, ptr %s1
  %s2 = getelementptr i64, ptr %slots, i64 2
  %b = load ptr, ptr %s2
  %s3 = getelementptr i64, ptr %slots, i64 3
  %c = load ptr, ptr %s3
  call void @cblas_dgemm(i32 101, i32 111, i32 111, i64 %n, i64 3, i64 4, double 1.0, ptr %a, i64 4,
                         ptr %b, i64 3, double 0.0, ptr %c, i64 3)
  ret i32 0
}
"""


@pytest.mark.parametrize("kinds", ["dqd?", "qqfd", "?", "d", "Fd", "bHLq"])
@pytest.mark.parametrize("weak", [True, False])
def test_a_host_call_is_given_the_numbers_of_its_slots(kinds, weak):
    values = [np.dtype(k).type(-3 if k in "dqfb" else 1) for k in kinds]
    slots, seen = bytearray(), []
    for x in values:
        for part in (x.real, x.imag) if x.dtype.kind == "c" else (x,):
            slots += part.tobytes().ljust(8, b"\xff" if part < 0 else b"\0")
    operands = tuple(HostScalar(x.dtype, weak=weak) for x in values)
    table = HostTable([HostCall(lambda *found: seen.append(found), operands, ())])
    memory = np.frombuffer(slots, np.uint8)
    for _ in range(2):
        table(0, memory.ctypes.data, 0)
    wanted = [x.item() if weak else x for x in values]
    for found in seen:
        assert list(found) == wanted
        assert [type(x) for x in found] == [type(x) for x in wanted]


def test_blas_is_called_by_address_and_single_threaded(make):
    signature = Signature(
        (ArrayParam(F8, (None, 4)), ArrayParam(F8, (4, 3))),
        (ArrayResult(F8, (AxisLength(0, 0), 3)),),
        (ArrayOut(0),),
        0,
    )
    f = make(GEMM, signature, symbols=blas.cblas_symbols("cblas_dgemm"))
    a, b = np.arange(20.0).reshape(5, 4), np.arange(12.0).reshape(4, 3)
    np.testing.assert_array_equal(f(a, b), a @ b)
    assert blas.thread_count() == 1
    assert blas.address("dgesv") != blas.address("zgesv")
    with pytest.raises(KeyError):
        blas.address("cblas_nothing")


class Shelf(dict):
    """An object cache that counts what it is asked."""

    def put(self, key, code):
        self[key] = code


COPY = define(
    "%v = load i64, ptr %slots",
    "%o = getelementptr i64, ptr %slots, i64 1",
    "store i64 %v, ptr %o",
    "ret i32 0",
)


def test_cached_object_code_is_relinked_and_right():
    signature = Signature((ScalarParam(I8, "int"),), (ScalarResult(I8),), (PythonOut(0, "int"),), 0)
    shelf = Shelf()
    engine = Engine(cache=shelf)
    first = entry.specialise(COPY, signature, engine=engine)
    again = entry.specialise(COPY, signature, engine=engine)
    other = entry.specialise(COPY, signature, engine=engine, opt_level=1)
    assert not first.module.from_cache
    assert again.module.from_cache
    assert not other.module.from_cache
    assert len(shelf) == 2
    assert [f(-5) for f in (first, again, other)] == [-5, -5, -5]


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_every_optimisation_level_and_inspection(level):
    module = shared_engine().compile(COPY, exports=["core"], opt_level=level, cache=False)
    assert "@core" in module.llvm_ir_optimised()
    assert "core:" in module.asm()
    assert set(module.milliseconds) == {"parse", "optimise", "emit", "link"}


def test_rejected_text_is_an_internal_error_that_quotes_the_line():
    with pytest.raises(CodegenError, match=r"(?s)bug in tracejit.*>.*add i33 %nothing"):
        shared_engine().compile("define i32 @core() {\n  %r = add i33 %nothing, 1\n  ret i32 0\n}")
    with pytest.raises(CodegenError, match="linking native code failed"):
        shared_engine().compile(
            "declare void @no_such_function()\n"
            "define void @f() {\n  call void @no_such_function()\n  ret void\n}",
            exports=["f"],
        )


def test_a_wide_loop_uses_the_widest_registers_of_the_host():
    engine = Engine()
    text = """
define void @f(ptr noalias %x, i64 %n) #0 {
entry:
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %i1, %head ]
  %p = getelementptr double, ptr %x, i64 %i
  %v = load double, ptr %p
  %w = fmul double %v, %v
  store double %w, ptr %p
  %i1 = add i64 %i, 1
  %more = icmp slt i64 %i1, %n
  br i1 %more, label %head, label %done
done:
  ret void
}
"""
    asm = engine.compile(text, exports=["f"]).asm()
    if "+avx512f" in engine.features.split(","):
        assert "%zmm" in asm
    elif "+avx2" in engine.features.split(","):
        assert "%ymm" in asm
    assert "<" in engine.compile(text, exports=["f"]).llvm_ir_optimised()
