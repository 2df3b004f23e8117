"""IR that is built without a Python function is compiled and called as a traced one is."""

from __future__ import annotations

import numpy as np
import pytest

from tracejit.autodiff.transform import jvp
from tracejit.calls.ir_functions import compile_ir
from tracejit.ir.arguments import ArrayArg, ScalarArg, StaticArg, SymDim
from tracejit.ir.builder import Builder
from tracejit.ir.core import Function
from tracejit.ir.types import INDEX, TensorType, dtype_of
from tracejit.python_entry.portable import Miss

F64 = dtype_of("f64")
N = SymDim("n")
VECTORS = [ArrayArg(F64, (N,)), ArrayArg(F64, (N,)), ScalarArg.python("float")]


def scaled_sum() -> Function:
    """``x * s + y``, and the sum of that."""
    b = Builder("scaled_sum")
    n = b.param(INDEX, "n")
    x, y = (b.param(TensorType(F64, (n.dim,)), name) for name in "xy")
    s = b.param(TensorType(F64), "s")
    z = b.op("add", b.op("mul", x, b.broadcast(s, (n.dim,), ())), y)
    return b.build([z, b.op("reduce_sum", z, axes=(0,))])


@pytest.mark.parametrize("size", [2, 7, 1000])
def test_one_compilation_serves_all_extents(size: int) -> None:
    call = compile_ir(scaled_sum(), VECTORS)
    x, y = np.linspace(0, 1, size), np.arange(float(size))
    z, total = call(x, y, 3.0)
    np.testing.assert_array_equal(z, x * 3.0 + y)
    assert type(z) is np.ndarray
    np.testing.assert_allclose(total, np.sum(x * 3.0 + y))
    assert type(total) is np.float64


@pytest.mark.parametrize(
    "args",
    [
        (np.ones(3), np.ones(4), 1.0),  # one name is one extent
        (np.ones(3, "f4"), np.ones(3), 1.0),
        (np.ones(6)[::2], np.ones(3), 1.0),
        (np.ones(3), np.ones(3), 1),
        (np.ones(3), np.ones(3)),
    ],
)
def test_other_arguments_are_a_miss(args: tuple[object, ...]) -> None:
    with pytest.raises(Miss):
        compile_ir(scaled_sum(), VECTORS)(*args)


def test_what_is_written_and_what_is_compiled_for() -> None:
    """Arguments are numbered for ``write_back``; one that is static has no parameter."""
    b = Builder("negate")
    x = b.param(TensorType(F64, (3, 2)), "x")
    b.op("write_back", b.op("neg", x), arg=1)
    call = compile_ir(b.build([]), [StaticArg("in place"), ArrayArg(F64, (3, 2), "F")])
    x = np.asfortranarray(np.arange(6.0).reshape(3, 2))
    assert call("in place", x) == ()
    np.testing.assert_array_equal(x, -np.arange(6.0).reshape(3, 2))
    with pytest.raises(Miss):
        call("elsewhere", x)


def test_a_derivative_of_it_is_compiled_in_the_same_way() -> None:
    b = Builder("sines")
    x = b.param(TensorType(F64, (5,)), "x")
    derived = jvp(b.build([b.op("mul", b.op("sin", x), x)]), [0])
    call = compile_ir(derived, [ArrayArg(F64, (5,)), ArrayArg(F64, (5,))])
    at, along = np.linspace(0, 2, 5), np.arange(5.0)
    value, tangent = call(at, along)
    np.testing.assert_allclose(value, np.sin(at) * at, rtol=1e-15)
    np.testing.assert_allclose(tangent, (np.cos(at) * at + np.sin(at)) * along, rtol=1e-14)


def test_parameters_must_be_what_the_arguments_say() -> None:
    with pytest.raises(ValueError, match="has 4 parameters"):
        compile_ir(scaled_sum(), VECTORS[:2])
    with pytest.raises(ValueError, match=r"parameter s of scaled_sum is f64\[\], not i64"):
        compile_ir(scaled_sum(), [*VECTORS[:2], ScalarArg.python("int")])
    with pytest.raises(ValueError, match="not decided"):
        compile_ir(scaled_sum(), [ArrayArg(F64, (None,)), VECTORS[0], VECTORS[2]])
