"""Every elementwise row, each dtype it accepts, edge values: the interpreter is NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.ir.edges import edges
from tracejit.ir import ops  # noqa: F401
from tracejit.ir.builder import Builder
from tracejit.ir.core import TABLE, Function
from tracejit.ir.interpret.interpreter import interpret
from tracejit.ir.types import DTYPES, tensor

#: Rows whose NumPy function has another name.
NUMPY = {
    "neg": np.negative,
    "abs": np.absolute,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.true_divide,
    "pow": np.power,
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "shift_left": np.left_shift,
    "shift_right": np.right_shift,
    "bit_count": np.bitwise_count,
    "conj": np.conjugate,
}


def grid(dtype: str, count: int) -> list[Any]:
    """All pairs (or single values) of edges; of triples some."""
    line = edges(DTYPES[dtype])
    lines = [line] * count if count < 3 else [line[k::3] for k in range(count)]
    return [a.reshape(-1) for a in np.meshgrid(*lines, indexing="ij")]


def function_of(name: str, dtype: str, count: int, size: int) -> Function:
    b = Builder(name)
    params = [b.param(tensor(dtype, (size,))) for _ in range(count)]
    return b.build([b.op(name, *params)])


def _accepts(name: str, dtype: str) -> bool:
    try:
        function_of(name, dtype, TABLE[name].arity or 0, 1)
    except TypeError:
        return False
    return True


def ufunc_of(name: str) -> Any:
    """NumPy's function of a row, or None where it has no ufunc."""
    found = NUMPY.get(name, getattr(np, name, None))
    return found if isinstance(found, np.ufunc) else TABLE[name].ufunc


#: Rows of one dtype. The others have tests below.
PLAIN = [p for p in TABLE.values() if p.kind == "elementwise" and p.lower and not p.samples.dtypes]
PLAIN = [p for p in PLAIN if p.name not in ("convert", "bitcast") and not p.name.endswith("flow")]
ROWS = [(p.name, dtype) for p in PLAIN for dtype in DTYPES if _accepts(p.name, dtype)]


OVERFLOW = {"add_overflow": 1, "sub_overflow": -1, "mul_overflow": 0}


@pytest.mark.parametrize(("name", "dtype"), ROWS)
def test_row_is_numpy(name: str, dtype: str) -> None:
    """The reference of a row that is called as NumPy calls it is NumPy's."""
    prim = TABLE[name]
    args = grid(dtype, prim.arity or 0)
    if prim.samples.where is not None:
        defined = prim.samples.where(*args)
        args = [x[defined] for x in args]
    # What NumPy composes of ufuncs it rounds in steps, which shows in narrow floats.
    composed = None if dtype in ("f16", "bf16") else getattr(np, name, None)
    reference = ufunc_of(name) or composed or prim.eval
    with np.errstate(all="ignore"):
        want = np.asarray(reference(*args))
    (got,) = interpret(function_of(name, dtype, len(args), args[0].size), args)
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got, want)
    if want.dtype.kind == "f":
        zeros = want == 0
        np.testing.assert_array_equal(np.signbit(got[zeros]), np.signbit(want[zeros]))


@pytest.mark.parametrize("source", DTYPES)
@pytest.mark.parametrize("target", DTYPES)
def test_convert_is_astype(source: str, target: str) -> None:
    x = edges(DTYPES[source])
    if DTYPES[target].kind in "iu" and DTYPES[source].kind in "fc":
        # What does not fit is machine dependent in NumPy; docs/differences.md says what we do.
        x = x[np.isfinite(x) & (np.abs(x) < 100) & (x.real >= 0)]
    b = Builder("convert")
    p = b.param(tensor(source, x.shape))
    function = b.build([b.op("convert", p, dtype=DTYPES[target])])
    drops = DTYPES[source].kind == "c" and DTYPES[target].kind not in "cb"
    with np.errstate(all="ignore"):
        want = (x.real if drops else x).astype(DTYPES[target])
    np.testing.assert_array_equal(interpret(function, [x])[0], want)


@pytest.mark.parametrize("name", OVERFLOW)
def test_overflow_flags_are_those_of_python_integers(name: str) -> None:
    args = grid("i64", 2)
    b = Builder(name)
    x, y = (b.param(tensor("i64", args[0].shape)) for _ in range(2))
    got, flag = interpret(b.build(list(b.op(name, x, y))), args)
    rule = {"add": int.__add__, "sub": int.__sub__, "mul": int.__mul__}[name[:3]]
    exact = [rule(int(p), int(q)) for p, q in zip(*args, strict=True)]
    assert flag.tolist() == [not -(2**63) <= v < 2**63 for v in exact]
    assert got.tolist() == [(v + 2**63) % 2**64 - 2**63 for v in exact]
