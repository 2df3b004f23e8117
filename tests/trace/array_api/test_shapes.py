"""Shape, joining and rearranging functions: traced and interpreted equals NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.trace.array_api.tracing import compare
from tracejit import jit

CALLS = [
    "np.reshape(x, (4, 6))",
    "np.reshape(x, -1)",
    "np.reshape(x, (2, -1))",
    "np.reshape(x, (-1, 4))",
    "np.reshape(x, (5, -1))",
    "np.reshape(x, (4, 5))",
    "np.reshape(x, (4, 6), order='F')",
    "x.reshape(6, 4)",
    "x.reshape((6, 4), order='F')",
    "x.T.reshape(-1)",
    "np.ravel(x)",
    "x.ravel('F')",
    "x.flatten()",
    "x.flatten('F')",
    "np.transpose(x)",
    "np.transpose(x, (1, 0, 2))",
    "np.transpose(x, (1, 1, 2))",
    "x.transpose(2, 0, 1)",
    "x.transpose((2, 0, 1))",
    "x.T",
    "np.swapaxes(x, 0, -1)",
    "np.moveaxis(x, 0, -1)",
    "np.moveaxis(x, (0, 1), (-1, 0))",
    "np.rollaxis(x, 2)",
    "np.rollaxis(x, 0, 3)",
    "np.matrix_transpose(x)",
    "np.expand_dims(x, 0)",
    "np.expand_dims(x, (0, -1))",
    "np.squeeze(x[:, :1])",
    "np.squeeze(x[:, :1], axis=1)",
    "np.squeeze(x, axis=1)",
    "np.broadcast_to(x[0], (5, 3, 4))",
    "np.broadcast_to(x, (3, 4))",
    "np.broadcast_arrays(x, x[0, 0])",
    "np.atleast_1d(3.5)",
    "np.atleast_2d(x[0, 0])",
    "np.atleast_3d(x[0])",
    "np.atleast_3d(x[0, 0])",
    "np.atleast_2d(x, 1.0)",
    "np.flip(x)",
    "np.flip(x, 1)",
    "np.flip(x, (0, 2))",
    "np.fliplr(x)",
    "np.flipud(x)",
    "np.rot90(x)",
    "np.rot90(x, 2)",
    "np.rot90(x, -1, (1, 2))",
    "x.astype('f4')",
    "x.astype(int)",
    "x.astype('i4', casting='safe')",
    "x.item(3)",
    "x[0, 0, 0].item()",
    "x.item()",
    "r = np.zeros((2, 3)); r.fill(2.5)",
    "np.real(x)",
    "np.imag(x)",
    "(x + 1j).real",
    "(x + 1j).conj().imag",
    "x[0, 0].tolist()",
    "np.diagonal(x)",
    "np.diagonal(x, 1, 1, 2)",
    "r = x.reshape(-1); r[0] = 7; r = x",
    "r = x.T.reshape(-1); r[0] = 7; r = x",
    "np.concatenate([x, x])",
    "np.concatenate([x, x, x], axis=-1)",
    "np.concatenate([x, x.astype('f4')], axis=None)",
    "np.concatenate([x[0], [[1, 2, 3, 4]]])",
    "np.concatenate([x[0], [[1, 2, 3]]])",
    "np.concatenate([x, x[0]])",
    "np.concatenate([])",
    "np.concatenate([x, x], dtype='f4')",
    "np.concatenate([x, x], dtype='i4')",
    "np.stack([x, x])",
    "np.stack([x, x * 2], axis=-1)",
    "np.stack([x[0, 0, 0], 2.0])",
    "np.stack([x[0], x[0, 0]])",
    "np.vstack([x[0, 0], [1, 2, 3, 4]])",
    "np.hstack([x, x])",
    "np.hstack([x[0, 0], [1, 2]])",
    "np.dstack([x[0], x[1]])",
    "np.column_stack([x[0, 0], [1, 2, 3, 4]])",
    "np.block([[x[0], x[1]], [x[1], x[0]]])",
    "np.append(x, 1)",
    "np.append(x, x, axis=0)",
    "np.split(x, 3, axis=1)",
    "np.split(x, 5, axis=1)",
    "np.split(x, [1, 2], axis=2)",
    "np.array_split(x, 3, axis=2)",
    "np.hsplit(x, 3)",
    "np.vsplit(x, 2)",
    "np.dsplit(x, 2)",
    "np.repeat(x, 2)",
    "np.repeat(x, 3, axis=1)",
    "np.repeat(x[0, 0], [1, 0, 2, 3])",
    "np.repeat(x, -1)",
    "x.repeat(2, 0)",
    "np.tile(x, 2)",
    "np.tile(x, (2, 1, 1, 3))",
    "np.roll(x, 1)",
    "np.roll(x, -5, axis=2)",
    "np.roll(x, (1, 2), axis=(0, 1))",
    "np.roll(x, 1, axis=(1, 2))",
    "np.roll(x, 0)",
    "np.pad(x[0], 1)",
    "np.pad(x[0], (1, 2), constant_values=5)",
    "np.pad(x[0], ((1, 0), (2, 3)), mode='edge')",
    "np.pad(x[0], 2, mode='reflect')",
    "np.pad(x[0], 7, mode='reflect')",
    "np.pad(x[0], 2, mode='symmetric')",
    "np.pad(x[0], 9, mode='wrap')",
    "np.pad(x[0], 1, constant_values=((1, 2), (3, 4)))",
    "np.pad(x[0], {0: (1, 2)})",
    "np.pad(x[0], -1)",
    "np.insert(x[0, 0], 1, 9.5)",
    "np.insert(x[0], 1, [9, 8, 7, 6], axis=0)",
    "np.delete(x[0, 0], 1)",
    "np.delete(x, [0, 1], axis=2)",
]
ARRAYS = {
    "C": np.arange(24.0).reshape(2, 3, 4),
    "F": np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)),
}


@pytest.mark.parametrize("symbolic", [False, True])
@pytest.mark.parametrize("key", ARRAYS)
@pytest.mark.parametrize("source", CALLS)
def test_call(source: str, key: str, symbolic: bool) -> None:
    if symbolic and any(name in source for name in ("delete", "tolist", "[1, 0, 2, 3]")):
        pytest.skip("needs known extents")
    compare(source, ARRAYS[key], symbolic=symbolic)


@pytest.mark.parametrize("shift", [0, 1, -1, 7])
def test_roll_by_a_traced_shift(shift: int) -> None:
    compare("np.roll(x, y)", np.arange(5.0), shift, symbolic=True)
    compare("np.roll(x, y)", np.zeros(0), shift)


def test_reshape_to_traced_extents() -> None:
    compare("np.reshape(x, (y, -1))", np.arange(6.0), 3, symbolic=True)
    compare("np.reshape(x, (y, -1))", np.arange(6.0), 4, symbolic=True)
    compare("np.reshape(x, (y, 3))", np.arange(6.0), 2)
    compare("np.reshape(x, (y, 3))", np.arange(6.0), 3)


@pytest.mark.parametrize(
    "x", [2 + 1j, 2.0, 3, True, np.float32(2), np.complex64(1j), np.array(2.0)]
)
def test_parts_of_numbers_are_of_numpys_kind(x: Any) -> None:
    parts = (np.real(x), np.imag(x))
    found = jit(lambda x: (np.real(x), np.imag(x)))(x)
    assert found == parts
    assert [type(p) for p in found] == [type(p) for p in parts]
