"""WebAssembly modules, run by Node where there is one, and by wasmtime."""

from __future__ import annotations

import json
import math
import shutil
import struct
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.export import programs
from tests.export.calling import call, trampoline
from tests.export.programs import XS, W, X, Y
from tracejit import jit, value_and_grad
from tracejit.calls.versions import Options
from tracejit.errors import InternalError
from tracejit.export.export import exported
from tracejit.export.targets import TARGETS
from tracejit.export.wasm import module_of
from tracejit.export.wasm_library import MALLOC, ROUTINES
from tracejit.trees import leaves_of

WASM = TARGETS["wasm32"]
gradient = value_and_grad(programs.loss, (0, 1))

NODE = """
const code = require('fs').readFileSync(process.argv[1]);
const m = new WebAssembly.Instance(new WebAssembly.Module(code), {}).exports;
const x = m.malloc(40), kept = m.malloc(4), count = m.malloc(8), product = m.malloc(8),
      all = m.malloc(4), length = m.malloc(8), error = m.malloc(72);
const doubles = (at, n) => Array.from(new Float64Array(m.memory.buffer, at, n));
new Float64Array(m.memory.buffer, x, 5).set(JSON.parse(process.argv[2]));
const status = m.grows(x, 5n, 0.9, kept, count, product, all, length, error);
const view = new DataView(m.memory.buffer);
const n = Number(view.getBigInt64(count, true));
console.log(JSON.stringify([status, doubles(view.getUint32(kept, true), n), doubles(product, 1)]));
m.tracejit_free(view.getUint32(kept, true));
console.log(m.grows(x, -5n, 0.9, kept, count, product, all, length, error),
            Number(new DataView(m.memory.buffer).getBigInt64(error + 8, true)));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node")
def test_a_module_runs_in_node(tmp_path: Path) -> None:
    function = jit(programs.grows)
    function.export(tmp_path / "grows.wasm", "(f8[n], f8)")
    command = ["node", "-e", NODE, str(tmp_path / "grows.wasm"), json.dumps(X.tolist())]
    done = subprocess.run(command, capture_output=True, text=True)
    first, second = done.stdout.splitlines() or [done.stderr, ""]
    kept, product, _ = function(X, 0.9)
    status, found, squared = json.loads(first)
    assert [status, found] == [0, kept.tolist()]
    np.testing.assert_allclose(squared, product[0], rtol=1e-14)
    code, extent = second.split()
    assert int(code) > 0
    assert extent == "-5"


class Instance:
    """A module in wasmtime, as `call` takes it."""

    def __init__(self, code: bytes) -> None:
        wasmtime = pytest.importorskip("wasmtime")
        self.store = wasmtime.Store()
        module = wasmtime.Module(self.store.engine, module_of(code))
        assert module.imports == []
        self._exports = wasmtime.Instance(self.store, module, []).exports(self.store)
        self.machine = SimpleNamespace(bits=32)
        self.cpu = self

    def function(self, name: str) -> Callable[..., Any]:
        return lambda *args: self._exports[name](self.store, *args)

    def memory(self, size: int) -> int:
        return int(self.function("malloc")(size))

    def call(self, name: str, argument: int) -> int:
        return int(self.function(name)(argument))

    def mem_read(self, at: int, size: int) -> bytes:
        return bytes(self._exports["memory"].read(self.store, at, at + size))

    def mem_write(self, at: int, data: bytes) -> None:
        self._exports["memory"].write(self.store, data, at)


@pytest.mark.parametrize(
    ("function", "signature", "given", "args"),
    [
        (gradient, "(f8[k], f8[n, k], f8[n])", (W, 3, XS, 6, Y), (W, XS, Y)),
        (programs.fixed, "(f4[5], f4)", (X.astype("f4"), 0.75), (X.astype("f4"), np.float32(0.75))),
    ],
)
def test_a_module_answers_as_the_function(
    function: Any, signature: str, given: Any, args: Any
) -> None:
    made = exported(function, Options(), signature, WASM, alone=True)
    (f,) = made.functions
    code = WASM.engine(None).emit_together([*made.texts, trampoline(f)])
    status, results, _ = call(Instance(code), f, given)
    assert status == 0
    for x, y in zip(results, leaves_of(jit(function)(*args)), strict=True):
        assert x.dtype == y.dtype
        np.testing.assert_allclose(x, y, rtol=1e-6 if x.dtype == np.float32 else 1e-13)


def exact(a: float, b: float, c: float) -> float:
    if not all(map(math.isfinite, (a, b, c))):
        return a * b + c
    found = Fraction(a) * Fraction(b) + Fraction(c)
    if not found:
        return 0.0 if a * b and c else a * b + c
    try:
        return float(found)
    except OverflowError:
        return math.inf if found > 0 else -math.inf


def test_a_product_and_a_sum_are_rounded_once() -> None:
    """LLVM calls `fma` where WebAssembly lacks the instruction."""
    text = MALLOC + ROUTINES.replace("define hidden ", "define ")
    instance = Instance(WASM.engine(None).emit_together([text]))
    fma, fmaf = instance.function("fma"), instance.function("fmaf")
    edges = [0.0, -0.0, 1.0, math.inf, -math.inf, math.nan, 5e-324, -2.3e-308, 1.79e308, 1 - 2**-53]
    cases = [(a, b, c) for a in edges for b in edges for c in edges]
    rng = np.random.default_rng(3)
    for spread in (3, 60, 1000):
        for _ in range(300):
            a, b, c = np.ldexp(rng.normal(size=3), rng.integers(-spread, spread + 1, 3)).tolist()
            cases += [(a, b, c), (a, b, -a * b * (1 + float(rng.integers(-2, 3)) * 2**-52))]
    for a, b, c in cases:
        found, wanted = fma(a, b, c), exact(a, b, c)
        assert struct.pack("<d", found) == struct.pack("<d", wanted) or (
            found != found and wanted != wanted
        ), (a, b, c)
    for a, b, c in np.float32(rng.normal(size=(500, 3)) * 2.0 ** rng.integers(-9, 9, (500, 3))):
        near = exact(float(a), float(b), float(c))
        rest = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
        below, above = np.nextafter(np.float32(near), np.float32([-9e9, 9e9]))
        best = min((below, np.float32(near), above), key=lambda x: abs(Fraction(float(x)) - rest))
        assert fmaf(float(a), float(b), float(c)) == best


def test_memory_that_is_freed_is_used_again() -> None:
    instance = Instance(WASM.engine(None).emit_together([MALLOC]))
    malloc, free = instance.function("malloc"), instance.function("free")
    blocks = [malloc(n) for n in (1, 100, 70000, 16, 200000)]
    for at, after in zip(blocks, blocks[1:], strict=False):
        assert after > at
        assert at % 16 == 0
    instance.mem_write(blocks[-1] + 199992, b"last one")
    free(blocks[1])
    assert malloc(1000) not in blocks
    assert malloc(90) == blocks[1]
    assert malloc(2**31) == 0
    free(0)


def test_an_object_with_more_is_not_linked() -> None:
    text = "@f = global ptr @g\ndefine void @g() {\n ret void\n}\n"
    with pytest.raises(InternalError, match="not linked"):
        module_of(WASM.engine(None).emit_together([text]))
