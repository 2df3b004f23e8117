"""What NVIDIA's assembler makes of kernels: accesses, registers, calls, instructions for a byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.ptx.assembler import Loop, Machine, disassemble
from tests.ptx.test_wide import axpy, bias, compiled, greater, in_place, numbered
from tracejit.ir.types import Math

ARCHITECTURE = "sm_90"
#: Divisions and roots have a routine for denormal numbers and the like, which usual ones jump over.
RARE = {"div_rn", "rcp_rn", "sqrt_rn", "dsqrt_rn", "rsqrt"}


def copy(x):
    return x.copy()


def quotient(x, y):
    return x / y


def root(x):
    return np.sqrt(x)


def cube(x):
    return x**3


def power(x):
    return np.exp(x)


def sine(x):
    return np.sin(x)


def chosen(x, y):
    return np.where(x > y, x, -y)


def gelu(x):
    return 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x**3)))


def black_scholes(price, strike, time):
    spread = 0.3 * np.sqrt(time)
    d = (np.log(price / strike) + 0.065 * time) / spread
    first, second = gelu(d), gelu(d - spread)
    return price * first - strike * np.exp(-0.02 * time) * second


def machine_code(
    fn: Callable[..., Any], dtype: str, shapes: str, folder: Path, math: Math = "portable"
) -> list[Machine]:
    count = fn.__code__.co_argcount
    args = tuple((np.arange(1 << 20).reshape(64, -1) % 7 + 1).astype(dtype) for _ in range(count))
    _, found = compiled(fn, shapes, args, math)
    assert {k.stage for k in found.ptx.kernels} == {"map"}
    return list(disassemble(found.ptx.text, ARCHITECTURE, folder).values())


def hot(machine: Machine) -> Loop:
    """The loop over groups of elements: of the others, one does what is left."""
    (found,) = [loop for loop in machine.loops() if 128 in loop.widths]
    return found


MAPS = [
    (copy, "f4", "dynamic"),
    (copy, "c8", "static"),
    (axpy, "f4", "static"),
    (axpy, "f8", "dynamic"),
    (axpy, "i4", "dynamic"),
    (axpy, "c8", "dynamic"),
    (in_place, "f4", "dynamic"),
    (bias, "f4", "dynamic"),
    (quotient, "f4", "dynamic"),
    (cube, "f4", "static"),
    (chosen, "f8", "dynamic"),
    (root, "f8", "static"),
    (power, "f4", "dynamic"),
    (sine, "f4", "dynamic"),
    (sine, "f8", "dynamic"),
    (black_scholes, "f4", "dynamic"),
    (black_scholes, "f8", "static"),
]


@pytest.mark.parametrize(("fn", "dtype", "shapes"), MAPS)
def test_maps_move_128_bits_and_nothing_else(
    fn: Callable[..., Any], dtype: str, shapes: str, tmp_path: Path
) -> None:
    for machine in machine_code(fn, dtype, shapes, tmp_path):
        loop = hot(machine)
        assert loop.widths == {128}
        assert not any(i.startswith(("LDL", "STL")) for i in loop.usual)
        assert all(any(name in call for name in RARE) for call in loop.calls), loop.calls


@pytest.mark.parametrize("fn", [greater, numbered], ids=lambda f: f.__name__)
def test_what_is_narrower_beside_it_is_moved_at_once_too(
    fn: Callable[..., Any], tmp_path: Path
) -> None:
    (machine,) = machine_code(fn, "f4", "dynamic", tmp_path)
    assert 128 in hot(machine).widths
    assert not hot(machine).calls


def called(name: str) -> Callable[..., Any]:
    ufunc = getattr(np, name)
    return lambda x: ufunc(x)


#: Instructions for each byte that is moved, in float32. The goal is 6; rare ways are not counted.
BUDGET = {
    "copy": (copy, 0.5),
    "x**3": (cube, 0.8),
    "1/x": (lambda x: 1 / x, 2.5),
    "sqrt": (lambda x: np.sqrt(x), 2.5),
    "x**2.3": (lambda x: x**2.3, 6),
    "gelu": (gelu, 6),
    **{
        name: (called(name), most)
        for name, most in {
            "exp": 4,
            "exp2": 3.2,
            "expm1": 4.8,
            "log": 5,
            "log1p": 5.2,
            "log2": 5.7,
            "log10": 6,
            "sin": 5.5,
            "cos": 5.5,
            "tan": 6,
            "arcsin": 5.3,
            "arccos": 5.8,
            "arctan": 5.7,
            "sinh": 5,
            "cosh": 4.7,
            "tanh": 4.8,
            "arcsinh": 6,
            "arccosh": 6,
            "arctanh": 4.8,
            "cbrt": 6,
        }.items()
    },
    "arctan2": (lambda x, y: np.arctan2(x, y), 5.7),
    "hypot": (lambda x, y: np.hypot(x, y), 5.2),
    "power": (lambda x, y: x**y, 6),
    "logaddexp": (lambda x, y: np.logaddexp(x, y), 5.4),
}


#: The same under ``math="device"``.
OF_THE_DEVICE = {
    "exp": (BUDGET["exp"][0], 1.9),
    "exp2": (BUDGET["exp2"][0], 1),
    "log": (BUDGET["log"][0], 1.1),
    "sin": (BUDGET["sin"][0], 1.9),
    "cos": (BUDGET["cos"][0], 1.9),
    "tanh": (BUDGET["tanh"][0], 2.4),
    "arctan": (BUDGET["arctan"][0], 4.5),
    "arctan2": (BUDGET["arctan2"][0], 5.5),
    "gelu": (gelu, 3.4),
}
BUDGETS: list[tuple[str, Math]] = [
    *((name, "portable") for name in BUDGET),
    *((name, "device") for name in OF_THE_DEVICE),
]


@pytest.mark.parametrize(("name", "math"), BUDGETS)
def test_elementary_functions_have_a_budget(name: str, math: Math, tmp_path: Path) -> None:
    fn, most = (BUDGET if math == "portable" else OF_THE_DEVICE)[name]
    (machine,) = machine_code(fn, "f4", "dynamic", tmp_path, math)
    loop = hot(machine)
    per_byte = len(loop.usual) / (sum(loop.accesses) / 8)
    print(name, math, per_byte)
    assert per_byte <= most
