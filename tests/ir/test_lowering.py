"""Every elementwise lowering, evaluated by `NumpyEmitter`, against NumPy on edge values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.ir.scalar_samples import BOOL, COMPLEX, FLOATS, INTS, agrees, operands, pairs, samples
from tracejit.ir import ops  # noqa: F401
from tracejit.ir.core import TABLE, Value
from tracejit.ir.scalar.emit_numpy import apply
from tracejit.ir.types import TensorType

DTYPES = [BOOL, *INTS, *FLOATS, *COMPLEX]
OTHERS = ("convert", "bitcast", "select")


def lowering(name: str) -> Any:
    """The scalar code of a row."""
    return TABLE[name].lower


def cases() -> list[Any]:
    """(name, dtype) for each dtype that the row's own type rule accepts."""
    out = []
    for name, prim in TABLE.items():
        if prim.kind != "elementwise" or name in OTHERS or name.endswith("_overflow"):
            continue
        for dtype in DTYPES:
            own = prim.samples.dtypes
            types = [TensorType(own.get(k, dtype), ()) for k in range(prim.arity or 0)]
            try:
                prim.infer([Value(t) for t in types], {}, ())
            except TypeError:
                continue
            out.append(pytest.param(name, dtype, id=f"{name}-{dtype}"))
    return out


def reference(name: str, inputs: tuple[Any, ...]) -> Any:
    with np.errstate(all="ignore"):
        if name == "mul" and inputs[0].dtype.kind == "c":
            # NumPy's vector loop contracts to fma where the CPU has it, its scalars do not.
            (a, b), out = inputs, np.empty_like(inputs[0])
            out.real = a.real * b.real - a.imag * b.imag
            out.imag = a.real * b.imag + a.imag * b.real
            return out
        return np.asarray(TABLE[name].eval(*inputs))


def check(name: str, got: Any, inputs: tuple[Any, ...]) -> None:
    want = reference(name, inputs)
    got = np.broadcast_to(got, want.shape)
    assert got.dtype == want.dtype
    bad = np.flatnonzero(~agrees(TABLE[name], got, want, inputs))
    shown = [(*(x[k] for x in inputs), got[k], want[k]) for k in bad[:5]]
    assert not bad.size, f"{name}: {bad.size} differ, (inputs…, got, want): {shown}"


@pytest.mark.parametrize(("name", "dtype"), cases())
def test_lowering_is_numpy(name: str, dtype: Any) -> None:
    inputs = operands(TABLE[name], dtype)
    check(name, apply(lowering(name), *inputs), inputs)


def test_every_row_has_a_lowering() -> None:
    assert all(p.lower for p in TABLE.values() if p.kind == "elementwise")


def convert_inputs(source: Any) -> Any:
    x = samples(source)
    if source.kind in "fc":
        part = np.dtype(f"f{source.itemsize // (2 if source.kind == 'c' else 1)}")
        span = np.ldexp(np.linspace(-1, 1, 41), 34).astype(part)
        wide = np.ldexp(np.linspace(-1, 1, 41), 65).astype(part)
        small = np.linspace(-300, 300, 81).astype(part)
        x = np.concatenate([x, span, wide, small, np.array([1e20, -1e20, 255, 256, -1], part)])
    return x.astype(source)


def convert_reference(x: Any, target: Any) -> Any:
    with np.errstate(all="ignore"):
        if x.dtype.kind == "c" and target.kind not in "cb":
            x = x.real
        return np.repeat(x, 16).astype(target)[::16]  # NumPy's vector loop, not its tail


def check_convert(got: Any, x: Any, target: Any) -> None:
    want = convert_reference(x, target)
    if target == np.dtype("u4") and x.dtype.kind in "fc":
        # NumPy's own loops differ from one another out of range.
        re = x.real
        inside = (re > -(2.0**31)) & (re < 2.0**32)
        got, want = got[inside], want[inside]
    np.testing.assert_array_equal(got, want)
    assert got.dtype == target


@pytest.mark.parametrize("target", DTYPES, ids=str)
@pytest.mark.parametrize("source", DTYPES, ids=str)
def test_convert(source: Any, target: Any) -> None:
    x = convert_inputs(source)
    got = np.broadcast_to(apply(lowering("convert"), x, dtype=target), x.shape)
    check_convert(got, x, target)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_select(dtype: Any) -> None:
    a, b = pairs(dtype)
    c = np.arange(a.size) % 3 == 0
    np.testing.assert_array_equal(apply(lowering("select"), c, a, b), np.where(c, a, b))


@pytest.mark.parametrize("name", ["add", "sub", "mul"])
def test_overflow(name: str) -> None:
    a, b = pairs(np.dtype("i8"))
    wrapped, flag = apply(lowering(f"{name}_overflow"), a, b)
    exact = {"add": np.add, "sub": np.subtract, "mul": np.multiply}[name](
        a.astype(object), b.astype(object)
    )
    np.testing.assert_array_equal(flag, [not -(2**63) <= v < 2**63 for v in exact])
    np.testing.assert_array_equal(wrapped, [(v + 2**63) % 2**64 - 2**63 for v in exact])
