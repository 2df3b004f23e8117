"""Products of which all is known are the calls of BLAS that the general function makes of them."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Iterator
from typing import Any

import numpy as np

from tracejit import jit
from tracejit.codegen_llvm.engine import Engine
from tracejit.codegen_llvm.gemm_known import known_call
from tracejit.codegen_llvm.gemm_shared_text import is_cut
from tracejit.codegen_llvm.gemm_text import declared, gemm_text
from tracejit.llvm_text.product_calls import Product

WHERE = {
    "p": ctypes.c_void_p,
    "i32": ctypes.c_int32,
    "i64": ctypes.c_int64,
    "double": ctypes.c_double,
}
CALLS: list[tuple[str, list[Any]]] = []


def _recorder(routine: str) -> tuple[Any, int]:
    """A stand-in for a routine of BLAS, which notes what it is called with; its address."""
    given = declared("d", routine).partition("(")[2].removesuffix(")").split(", ")
    kinds = [WHERE["p" if kind == "ptr" else kind] for kind in given]
    function = ctypes.CFUNCTYPE(None, *kinds)(lambda *args: CALLS.append((routine, list(args))))
    return function, ctypes.cast(function, ctypes.c_void_p).value or 0


def _general() -> tuple[Any, list[Any]]:
    """``matmul_d`` over such stand-ins, and what has to live as long as it does."""
    lines: list[str] = []
    text = gemm_text("d", lines.append).replace(
        "define internal void @matmul_d(", "define void @matmul_d("
    )
    stand_ins = {r: _recorder(r) for r in ("cblas_dgemv", "cblas_dgemm", "cblas_dsyrk")}
    symbols = {name: address for name, (_, address) in stand_ins.items()}
    text = "\n".join([*dict.fromkeys(lines), text])
    module = Engine().compile(text, symbols, ["matmul_d"], opt_level=0)
    matrix = (ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
    kind = ctypes.CFUNCTYPE(None, *matrix * 3, *[ctypes.c_int64] * 3, ctypes.c_bool)
    return kind(module.addresses["matmul_d"]), [module, stand_ins]


def _products(pointers: list[int]) -> Iterator[Product]:
    """Small products whose strides are all sorts of numbers, and large contiguous ones."""
    rng = random.Random(3)
    steps = (0, 8, 8, 8, 16, 24, 32, 40, 48, -8, -16, 12)
    for _ in range(4000):
        sizes = [rng.choice((0, 1, 1, 2, 3, 5)) for _ in range(3)]
        strides = [(rng.choice(steps), rng.choice(steps)) for _ in range(3)]
        yield Product([str(p) for p in pointers], strides, sizes, rng.random() < 0.5)
    for m, n, k in (
        (200, 100, 100),
        (100, 200, 100),
        (127, 127, 127),
        (127, 127, 120),
        (400, 1, 9000),
    ):
        strides = [(8 * k, 8), (8 * n, 8), (8 * n, 8)]
        yield Product([str(p) for p in pointers], strides, (m, n, k), False)


def _numbers(arguments: str) -> list[Any]:
    """The arguments in a text of LLVM."""
    words = [word.split() for word in arguments.split(", ")]
    return [float(w[1]) if w[0] == "double" else int(w[-1]) for w in words]


def test_as_the_general_function_calls_it() -> None:
    """Where nothing is known beforehand, more is done than one call, or memory decides."""
    function, _alive = _general()
    memory = [np.zeros(1000) for _ in range(3)]
    pointers = [x.ctypes.data + 4000 for x in memory]
    seen = {"gemm": 0, "gemv": 0, "none": 0}
    for product in _products(pointers):
        CALLS.clear()
        flat = [x for p, s in zip(pointers, product.strides, strict=True) for x in (p, *s)]
        function(*flat, *product.sizes, product.adds)
        known = known_call("d", product)
        if known is not None:
            seen[known[0][-4:]] += 1
            assert [(known[0], _numbers(known[1]))] == CALLS, product
            continue
        seen["none"] += 1
        (a, b, _), (m, n, k) = product.strides, product.sizes
        square = m == n and a[0] == b[1] and a[1] == b[0] and not product.adds
        assert len(CALLS) != 1 or square or is_cut(m, n, k), product
    assert min(seen.values()) > 200, seen


def test_the_text_has_no_other_way() -> None:
    """LLVM is not given the function that looks at strides where nothing is left to look at."""
    x, y = np.ones((20, 30)), np.ones((30, 20))
    known, unknown = jit(lambda a, b: a @ b), jit(lambda a, b: a @ b, shapes="dynamic")
    texts = []
    for function in (known, unknown):
        function(x, y)
        texts.append(function._dispatcher.versions()[0].artefacts.core_text)
    assert texts[0].count("call void @cblas_dgemm(") == 1
    assert "@matmul_d" not in texts[0]
    assert "@matmul_d" in texts[1]
