"""Rows that a block does in stages: where its threads meet, what is kept near, what is moved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.ptx import test_wide as wide
from tests.ptx.lanes import Lanes
from tests.ptx.parse import PtxError
from tests.ptx.run_program import Simulator, run_program
from tests.ptx.traffic import traffic
from tracejit import jit
from tracejit.codegen_ptx import kernels as kernel_text
from tracejit.codegen_ptx.lower import ptx_module
from tracejit.ir.core import Value
from tracejit.ir.interpret.program_interpreter import interpret_program
from tracejit.ir.program import Program, Slot, kernels, verify_program
from tracejit.ir.regions import Loop, Scope, launch
from tracejit.ir.types import dense_buffer, tensor
from tracejit.lower.parallel import Kernel, Phase


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def layer_norm(x):
    mean = x.mean(axis=-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-5)


def variance(x):
    return x.var(axis=-1)


def mean(x):
    return x.mean(axis=-1)


def entropy(x):
    """What is kept is stored, too, where it is a result."""
    p = np.abs(x) / np.abs(x).sum(axis=-1, keepdims=True)
    return p, -(p * np.log(p)).sum(axis=-1)


def in_place(x):
    x -= x.mean(axis=-1, keepdims=True)
    x /= np.sqrt((x * x).sum(axis=-1, keepdims=True))
    return x


def run(fn: Callable[..., Any], shapes: str, first: np.ndarray, x: np.ndarray) -> float:
    """Bytes that a call moves over the least possible; its results are checked."""
    _, made = wide.compiled(fn, shapes, (first,))
    assert [k.stage for k in made.ptx.kernels] == ["rows"]
    want = fn(x.copy())
    want = want if isinstance(want, tuple) else (want,)
    given = [x.copy() if kind == "arg" else x.shape[made.extents[k][1]] for kind, k in made.owners]
    with traffic() as moved:
        got = run_program(made.ptx, given, wide.Misaligned(made.ptx.text, 0)) or [given[-1]]
    for g, w in zip(got, want, strict=True):
        assert (g.dtype, g.shape) == (w.dtype, w.shape)
        np.testing.assert_allclose(g, w, rtol=1e-4, atol=1e-6)
    return moved.bytes / (x.nbytes + sum(w.nbytes for w in want))


def rows(dtype: str, *shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=shape).astype(dtype)


RESULTS = [softmax, layer_norm, variance, mean, entropy]


@pytest.mark.parametrize(
    ("fn", "shapes"),
    [*((f, s) for f in RESULTS for s in ("static", "dynamic")), (in_place, "static")],
)
def test_a_row_is_read_once_and_written_once(fn: Callable[..., Any], shapes: str) -> None:
    x = rows("f4", 9, 320)
    assert run(fn, shapes, x, x) <= 1.1


@pytest.mark.parametrize(
    ("shapes", "columns"), [("static", 6000), ("dynamic", 4000), ("dynamic", 1)]
)
def test_rows_of_any_length(shapes: str, columns: int) -> None:
    """Those that have no room in shared memory stay where they are."""
    x = rows("f8", 2, columns)
    first = x if shapes == "static" else rows("f8", 3, 200)
    moved = run(layer_norm, shapes, first, x)
    assert columns < 4000 or moved > 1.4


# -- where threads meet ----------------------------------------------------------------------------

N, M = 3, 200


def rows_program(leaf: Callable[[Scope, Value, Value, Value, Value], None]) -> Program:
    """for i in range(3): leaf(body, x, y, s, i), for f64[3, 200] x, y and a temporary f64[3] s."""
    host = Scope("staged")
    matrix = dense_buffer(tensor("f64", (N, M)))
    x, y = (host.own(host.b.param(matrix, n)) for n in "xy")
    s = host.own(host.b.op("alloc", type=dense_buffer(tensor("f64", (N,)))))
    kernel = host.child("kernel")
    loop = Loop(kernel, N)
    leaf(loop.inner, x, y, s, loop.i)
    loop.close()
    launch(host, kernel)
    host.op("free", s)
    slots = (Slot("array", 0), Slot("array", 1))
    program = Program(host.b.build([]), slots, (), writes=(0, 1))
    verify_program(program)
    return program


def each(outer: Scope, do: Callable[[Scope, Value], None]) -> None:
    """for j in range(200): do(body, j)."""
    loop = Loop(outer, M)
    do(loop.inner, loop.i)
    loop.close()


def store(b: Scope, buffer: Value, value: Value, *index: Value) -> None:
    b.b.append("store", [b.use(buffer), value, *[b.use(i) for i in index]], {})


def doubled(
    b: Scope, source: Value, to: Value, i: Value, at: Callable[[Scope, Value], Value]
) -> None:
    def point(body: Scope, j: Value) -> None:
        value = body.op("load", source, i, at(body, j))
        store(body, to, body.op("add", value, value), i, j)

    each(b, point)


def scaled(b: Scope, name: str, s: Value, source: Value, to: Value, i: Value) -> None:
    """to[i, j] = s[i] + source[i, j] for all j, or their product."""

    def point(body: Scope, j: Value) -> None:
        value = body.op(name, body.op("load", s, i), body.op("load", source, i, j))
        store(body, to, value, i, j)

    each(b, point)


def same(b: Scope, j: Value) -> Value:
    return b.use(j)


def back(b: Scope, j: Value) -> Value:
    return b.index(M - 1 - j.dim)


def one_element(b: Scope, x: Value, y: Value, s: Value, i: Value) -> None:
    """y = 2x, x = 2y: each thread goes on with its own elements."""
    doubled(b, x, y, i, same)
    doubled(b, y, x, i, same)


def others_read(b: Scope, x: Value, y: Value, s: Value, i: Value) -> None:
    """y = 2x, then x = 2y[::-1]: read by another thread than the one that has written."""
    doubled(b, x, y, i, same)
    doubled(b, y, x, i, back)


def others_write(b: Scope, x: Value, y: Value, s: Value, i: Value) -> None:
    """y = 2x[::-1], then x = 2y: written by another thread than the one that has read."""
    doubled(b, x, y, i, back)
    doubled(b, y, x, i, same)


def by_the_first(b: Scope, x: Value, y: Value, s: Value, i: Value) -> None:
    """x[i, 100] = x[i, 5] by one thread, then y = 2x, by all."""
    store(b, x, b.op("load", x, i, b.index(5)), i, b.index(100))
    doubled(b, x, y, i, same)


def number(b: Scope, x: Value, y: Value, s: Value, i: Value) -> None:
    """s[i] = x[i, 3], y = s[i] + y, x = s[i] * y: a number of the stages."""
    store(b, s, b.op("load", x, i, b.index(3)), i)
    scaled(b, "add", s, y, y, i)
    scaled(b, "mul", s, y, x, i)


LEAVES = {one_element: 0, others_read: 1, others_write: 1, by_the_first: 1, number: 1}
ORDERS: dict[str, Callable[[Any], int] | None] = {
    "in step": None,
    "first": min,
    "last": max,
    "any": lambda warps, rng=np.random.default_rng(5): int(rng.choice(warps)),
}


def phase_of(program: Program) -> Phase:
    (instr,) = kernels(program.host)
    (phase,) = Kernel(instr.regions[0]).phases()
    return phase


def outcome(run: Callable[[list[np.ndarray]], object]) -> list[np.ndarray]:
    args = [rows("f8", N, M), rows("f8", N, M) + 1.0]
    run(args)
    return args


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda f: f.__name__)
def test_threads_meet_where_they_touch_what_others_have_written(
    leaf: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = rows_program(leaf)
    phase = phase_of(program)
    assert phase.role == "rows"
    assert phase.stages is not None
    assert len(phase.stages.meetings) == LEAVES[leaf]
    want = outcome(lambda args: interpret_program(program, args))
    ptx = ptx_module(program)
    for choose in ORDERS.values():
        monkeypatch.setattr(Lanes, "choose", choose)
        got = outcome(lambda args: run_program(ptx, args, Simulator(ptx.text)))
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("leaf", [others_read, others_write, by_the_first])
def test_without_meetings_some_order_shows_it(
    leaf: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = rows_program(leaf)
    want = outcome(lambda args: interpret_program(program, args))
    monkeypatch.setattr(kernel_text.PTXEmitter, "barrier", lambda self: None)
    ptx = ptx_module(program)
    differs = []
    for choose in ORDERS.values():
        monkeypatch.setattr(Lanes, "choose", choose)
        got = outcome(lambda args: run_program(ptx, args, Simulator(ptx.text)))
        differs.append(not np.array_equal(got, want))
    assert any(differs)


def test_what_is_not_for_a_block() -> None:
    """A loop whose iterations meet, and a fold of floats, take one thread a row."""

    def meet(b: Scope, x: Value, y: Value, s: Value, i: Value) -> None:
        doubled(b, x, y, i, same)

        def point(body: Scope, j: Value) -> None:
            value = body.op("load", x, i, j)
            store(body, x, value, i, body.index(0))

        each(b, point)

    def fold(b: Scope, x: Value, y: Value, s: Value, i: Value) -> None:
        doubled(b, x, y, i, same)
        loop = Loop(b, M, [b.own(b.b.const(0.0))])
        found = loop.inner.op("add", loop.carried[0], loop.inner.op("load", y, i, loop.i))
        store(b, s, loop.close([found])[0], i)

    for leaf in (meet, fold):
        assert phase_of(rows_program(leaf)).role == "map"


# -- tiles ----------------------------------------------------------------------------------------


def turned(x):
    return x.T + 1


def both(x):
    return x.T * x[::-1, ::-1] - 2 * x.T


def run_turned(fn: Callable[..., Any], x: np.ndarray, shapes: str = "static") -> float:
    """Bytes that a call moves over the least possible; whether all elements are right."""
    want, made = wide.compiled(fn, shapes, (x,))
    assert [k.stage for k in made.ptx.kernels] == ["tiles"]
    given = [x if kind == "arg" else x.shape[made.extents[k][1]] for kind, k in made.owners]
    with traffic() as moved:
        (got,) = run_program(made.ptx, given, wide.Misaligned(made.ptx.text, 0))
    np.testing.assert_array_equal(got, want)
    return moved.bytes / (x.nbytes + want.nbytes)


@pytest.mark.parametrize("shapes", ["static", "dynamic"])
@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "?"])
def test_what_is_read_across_is_read_in_tiles(dtype: str, shapes: str) -> None:
    assert run_turned(turned, rows("f8", 96, 64).astype(dtype), shapes) <= 1.05
    run_turned(turned, rows("f8", 70, 45).astype(dtype), shapes)


def test_tiles_do_not_depend_on_the_order_of_warps(monkeypatch: pytest.MonkeyPatch) -> None:
    x = rows("f8", 40, 40)
    for choose in ORDERS.values():
        monkeypatch.setattr(Lanes, "choose", choose)
        run_turned(both, x)
    monkeypatch.setattr(kernel_text.PTXEmitter, "barrier", lambda self: None)
    monkeypatch.setattr(Lanes, "choose", max)
    with pytest.raises((AssertionError, PtxError)):
        run_turned(both, x)


# -- few reductions of many elements ---------------------------------------------------------------


def columns(x):
    return x.sum(axis=0)


def means(x):
    return x.mean(axis=0) + 1


def lines(x):
    return np.sqrt((x * x).sum(axis=1)) + x[:, 0]


def highest(x):
    return x.max(axis=1)


def counted(x):
    return (x > 0).sum(axis=0)


SPLIT = {
    columns: ("f4", (20_000, 32), ["map", "parts", "joined"], 1.2),
    means: ("f8", (4000, 3), ["map", "parts", "joined", "map"], 2.0),
    counted: ("f8", (4000, 3), ["map", "parts", "joined"], 2.0),
    lines: ("f4", (3, 20_000), ["parts", "joined"], 1.1),
    highest: ("i8", (2, 5_000), ["parts", "joined"], 1.1),
}


@pytest.mark.parametrize("fn", SPLIT, ids=lambda f: f.__name__)
def test_few_long_reductions_are_taken_in_parts(fn: Callable[..., Any]) -> None:
    dtype, shape, stages, most = SPLIT[fn]
    x = (100 * rows("f8", *shape)).astype(dtype)
    want, made = wide.compiled(fn, "static", (x,))
    assert [k.stage for k in made.ptx.kernels] == stages
    with traffic() as moved:
        (got,) = run_program(made.ptx, [x], wide.Misaligned(made.ptx.text, 0))
    assert (got.dtype, got.shape) == (want.dtype, want.shape)
    np.testing.assert_allclose(got, want, rtol=2e-4)
    assert moved.bytes <= most * (x.nbytes + want.nbytes)


def test_a_million_numbers_keep_a_gpu_busy() -> None:
    for fn, shape in ((columns, (1_000_000, 32)), (lines, (32, 1_000_000))):
        artefacts = jit(fn)._dispatcher.version_for(np.empty(shape, "f4")).artefacts
        (kernel,) = [k for k in ptx_module(artefacts.program).kernels if k.stage == "parts"]
        assert kernel.grid(int) * kernel.block >= 132 * 1024  # type: ignore[arg-type]
        # Parts are written and read again, which is more traffic than there has to be.
        assert 2 * 4 * kernel.known_left <= 0.1 * 4 * shape[0] * shape[1]


@pytest.mark.parametrize(
    ("dtype", "sums", "split"), [("f64", False, False), ("f64", True, True), ("i64", False, True)]
)
def test_a_users_sum_keeps_its_order(dtype: str, sums: bool, split: bool) -> None:
    """y[j] += x[i, j]: floats are added in parts only where the sum is NumPy's own."""
    kernel = Scope("kernel")
    y = kernel.own(kernel.b.param(dense_buffer(tensor(dtype, (4,)))))
    x = kernel.own(kernel.b.param(dense_buffer(tensor(dtype, (4000, 4)))))
    outer = Loop(kernel, 4000)
    inner = Loop(outer.inner, 4)
    b = inner.inner
    value = b.op("add", b.op("load", y, inner.i), b.op("load", x, outer.i, inner.i))
    b.op("store", y, value, inner.i, **({"sums": True} if sums else {}))
    inner.close()
    outer.close()
    (phase,) = Kernel(kernel.b.build([])).phases()
    assert (phase.split > 1) == split
