"""cupy's functions in what is compiled: they are NumPy's, on the device and on the host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

cp = pytest.importorskip("cupy")

from tests.ptx.fake_device import fake_device  # noqa: E402
from tracejit import jit  # noqa: E402
from tracejit.errors import UnsupportedError  # noqa: E402


def module_of(x: Any) -> Any:
    xp = cp.get_array_module(x)
    e = xp.exp(x - xp.max(x))
    return e / xp.sum(e)


def in_place(x: Any) -> Any:
    cp.add.at(x, cp.array([1, 1]), 1)
    cp.multiply(x, 2, out=x)
    return x


CALLS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "module": (module_of, lambda x: np.exp(x - 5) / np.exp(x - 5).sum()),
    "made": (lambda x: cp.zeros(6, cp.float32) + x + cp.pi, lambda x: x + np.pi),
    "in place": (in_place, lambda x: 2 * (x + 2 * (np.arange(6) == 1))),
    "reduce": (lambda x: cp.add.reduce(x), lambda x: np.add.reduce(x)),
    "modules": (lambda x: cp.linalg.norm(cp.fft.fft(x)), lambda x: np.linalg.norm(np.fft.fft(x))),
}


@pytest.mark.parametrize("name", CALLS)
def test_names_of_cupy_are_numpys(name: str) -> None:
    written, plain = CALLS[name]
    x = np.arange(6.0)
    want = plain(x.copy())
    np.testing.assert_allclose(jit(written)(x.copy()), want, rtol=1e-12)
    with fake_device() as gpu:
        found = jit(written)(gpu.put(x))
        np.testing.assert_allclose(gpu.get(found), want, rtol=1e-12)


REFUSED: dict[str, Callable[[Any], Any]] = {
    "an array is where the arguments are: leave it out": lambda x: cp.asnumpy(x) + 1,
    "NumPy's wherever it is": lambda x: x + 1 if isinstance(x, cp.ndarray) else x,
    "ElementwiseKernel inside a compiled": lambda x: cp.ElementwiseKernel("T x", "T z", "z=x")(x),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_is_cupys_alone_is_refused(why: str) -> None:
    with fake_device() as gpu, pytest.raises(UnsupportedError, match=why):
        jit(REFUSED[why])(gpu.put(np.ones(3)))


def test_both_classes_of_arrays_may_be_asked_for() -> None:
    with fake_device() as gpu:
        f = jit(lambda x: x + 1 if isinstance(x, (np.ndarray, cp.ndarray)) else x)
        np.testing.assert_array_equal(gpu.get(f(gpu.put(np.ones(3)))), np.full(3, 2.0))
