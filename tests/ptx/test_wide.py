"""Nests that move 16 bytes at a time: what they move, and that misaligned memory is right too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tests.ptx.run_program import Simulator, run_program
from tests.ptx.traffic import Traffic, traffic
from tracejit import jit
from tracejit.calls.argument_layouts import param_owners
from tracejit.codegen_ptx.lower import PtxProgram, ptx_module
from tracejit.ir.arguments import places_of_extents
from tracejit.ir.types import Math

RNG = np.random.default_rng(3)


def axpy(x, y, z):
    return 2 * x + y * z


def greater(x, y, z):
    return (x > y) & (y < z)


def in_place(x, y, z):
    x += y * z
    return x


def bias(x, y, z):
    return x * y[0] + z


def shifted(x, y, z):
    return x[1:] + y[:-1] * z[1:]


def numbered(x, y, z):
    return x + np.arange(x.shape[-1]) * y + z


class Misaligned(Simulator):
    """All arrays begin `by` bytes after a multiple of 256."""

    def __init__(self, text: str, by: int) -> None:
        super().__init__(text)
        self.by = by

    def put(self, data: np.ndarray) -> int:
        return super().put(np.concatenate([np.zeros(self.by, np.uint8), data])) + self.by


@dataclass
class Compiled:
    """A version of a function for the GPU, and how it finds its arguments."""

    ptx: PtxProgram
    owners: list[tuple[str, int]]
    extents: list[tuple[int, int]]

    def moved(self, args: tuple[Any, ...], want: Any, by: int = 0) -> Traffic:
        """What a call moves; its result has to have the bits of the CPU's."""
        args = tuple(a.copy() if a.flags.c_contiguous else a for a in args)
        given = [
            args[k] if kind == "arg" else args[self.extents[k][0]].shape[self.extents[k][1]]
            for kind, k in self.owners
        ]
        with traffic() as found:
            got = run_program(self.ptx, given, Misaligned(self.ptx.text, by))
        result = got[0] if got else args[0]
        assert (result.dtype, result.shape) == (want.dtype, want.shape)
        np.testing.assert_array_equal(result, want)
        return found


def compiled(
    fn: Callable[..., Any], shapes: str, args: tuple[Any, ...], math: Math = "portable"
) -> tuple[Any, Compiled]:
    function = jit(fn, shapes=shapes)
    want = function(*[a.copy() if a.flags.c_contiguous else a for a in args])
    artefacts = function._dispatcher.versions()[-1].artefacts
    places = [at[0] for at in places_of_extents(artefacts.traced.args).values()]
    ptx = ptx_module(artefacts.program, math=math)
    return want, Compiled(ptx, param_owners(artefacts.traced), places)


def numbers(dtype: str, *shape: int) -> np.ndarray:
    return (RNG.integers(0, 100, shape) + (1j if "c" in dtype else 0.25)).astype(dtype)


def three(dtype: str, *shape: int) -> tuple[Any, ...]:
    return tuple(numbers(dtype, *shape) for _ in range(3))


@pytest.mark.parametrize("shapes", ["static", "dynamic"])
@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "u1", "c8", "c16"])
def test_contiguous_nests_move_16_bytes(dtype: str, shapes: str) -> None:
    args = three(dtype, 3, 48)
    want, ptx = compiled(axpy, shapes, args)
    assert set(ptx.moved(args, want).widths) == {16}
    size = args[0].dtype.itemsize
    if size > 1 and dtype != "c16":
        assert max(ptx.moved(args, want, by=size).widths) < 16


@pytest.mark.parametrize("fn", [greater, in_place, numbered], ids=lambda f: f.__name__)
def test_other_nests_move_16_bytes(fn: Callable[..., Any]) -> None:
    args = three("f4", 4, 16)
    want, ptx = compiled(fn, "static", args)
    assert set(ptx.moved(args, want).widths) == {16}
    assert max(ptx.moved(args, want, by=4).widths) < 16


@pytest.mark.parametrize("columns", [1, 2, 7, 31, 33, 64])
def test_any_size_and_any_alignment(columns: int) -> None:
    first = three("f4", 5, 16)
    _, ptx = compiled(axpy, "dynamic", first)
    args = three("f4", 5, columns)
    want = jit(axpy)(*args)
    widths = ptx.moved(args, want).widths
    assert (16 in widths) == (5 * columns >= 4)
    assert (4 in widths) == (5 * columns % 4 != 0)
    ptx.moved(args, want, by=4)
    ptx.moved(args, want, by=8)


@pytest.mark.parametrize("fn", [bias, shifted], ids=lambda f: f.__name__)
@pytest.mark.parametrize("columns", [7, 8])
def test_rows_that_do_not_make_one_line(fn: Callable[..., Any], columns: int) -> None:
    args = three("f4", 5, columns)
    want, ptx = compiled(fn, "dynamic", args)
    found = ptx.moved(args, want).widths
    assert (16 in found) == (columns == 8)
    ptx.moved(args, want, by=4)


def test_views_with_gaps_and_other_orders() -> None:
    whole = three("f4", 6, 20)
    for cut in (np.s_[:, :16], np.s_[:, 1:], np.s_[::2], np.s_[:, ::2]):
        args = tuple(a[cut] for a in whole)
        want, ptx = compiled(axpy, "dynamic", args)
        ptx.moved(args, want)
    args = tuple(np.asfortranarray(a) for a in whole)
    want, ptx = compiled(axpy, "static", args)
    ptx.moved(args, want)
