"""Phrases in which axes, shapes and counts are arrays, or computed of what the text says."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

SIZES_IN_ARRAYS = Phrases()
CUBE = np.arange(24.0).reshape(2, 3, 4)
CUBES = ((CUBE,), (CUBE[::-1] * 2,))


@SIZES_IN_ARRAYS(*CUBES)
def orders_of_axes(x: Any) -> Any:
    given = np.array([1, 0, 2])
    return np.transpose(x, given), x.transpose(given), x.transpose(np.argsort([2, 0, 1]))


@SIZES_IN_ARRAYS(*CUBES)
def computed_orders(x: Any) -> Any:
    order = np.arange(x.ndim)[::-1]
    back = np.empty(3, int)
    back[order] = np.arange(3)
    return x.transpose(order).transpose(back), np.transpose(x, np.roll(np.arange(3), 1))


@SIZES_IN_ARRAYS(*CUBES)
def moved_and_turned(x: Any) -> Any:
    moved = np.moveaxis(x, np.array([0, 1]), np.array([2, 0]))
    return moved, np.flip(x, np.array([0, 2])), np.rot90(x, axes=np.array([0, 1]))


@SIZES_IN_ARRAYS(*CUBES)
def one_axis(x: Any) -> Any:
    k = np.argmin(np.array([3, 1, 2]))
    return x.sum(axis=k), np.concatenate([x, x], axis=np.array(1)), np.stack([x, x], axis=k)


@SIZES_IN_ARRAYS(*CUBES)
def an_axis_that_is_none(x: Any) -> Any:
    return x.sum(axis=np.array([1]))


@SIZES_IN_ARRAYS(*CUBES)
def shapes(x: Any) -> Any:
    turned = x.reshape(np.array(x.shape)[::-1])
    return x.reshape(np.array([3, -1])), np.reshape(x, np.array([4, 6])), turned


@SIZES_IN_ARRAYS(*CUBES)
def a_shape_of_another_size(x: Any) -> Any:
    return x.reshape(np.array([5, 5]))


@SIZES_IN_ARRAYS(*CUBES)
def made(x: Any) -> Any:
    shape = np.array([x.ndim, 2])
    return np.ones(shape), np.full(shape // 1, x[0, 0, 0]), np.broadcast_to(x[0, 0, 0], shape)


@SIZES_IN_ARRAYS(*CUBES)
def repeated(x: Any) -> Any:
    row = x[0, 0]
    return np.tile(row, np.array([2, 2])), np.repeat(x, np.array([1, 2]), axis=np.int64(0))


@SIZES_IN_ARRAYS(*CUBES)
def shifted(x: Any) -> Any:
    axes = np.array([0, 1])
    one, each = np.roll(x, 1, axis=axes), np.roll(x, np.array([1, 2]), axis=axes)
    return one, each, np.roll(x, (1, 2), axis=0), np.roll(x, np.array([1, 1]), axis=-1)


@SIZES_IN_ARRAYS(*CUBES)
def shifts_that_do_not_fit(x: Any) -> Any:
    return np.roll(x, (1, 2, 3), axis=(0, 1))


@SIZES_IN_ARRAYS(*CUBES)
def padded(x: Any) -> Any:
    each, all_axes = np.array([[1, 0], [0, 2]]), np.array([1, 2])
    return np.pad(x[0], each), np.pad(x[1], all_axes, mode="edge")


@SIZES_IN_ARRAYS(*CUBES)
def places(x: Any) -> Any:
    shape = np.array(x.shape)
    return np.unravel_index(17, shape), np.ravel_multi_index((1, 1, 1), shape)


@SIZES_IN_ARRAYS(*CUBES)
def contracted(x: Any) -> Any:
    axes = np.array([0, 1])
    return np.tensordot(x, x, axes=(axes, axes)), np.tensordot(x, x, axes=np.array([[0], [0]]))
