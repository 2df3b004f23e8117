"""Derivatives stay finite where the truth is, in each mode and for each way of saying a function;
the value keeps NumPy's bits, and what has effects happens once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import grad, jit, jvp, value_and_grad, vjp

Function = Callable[[Any], Any]
FAR = (-800.0, -40.0, -1.5, 0.0, 40.0, 800.0)


def sigma(x: Any) -> Any:
    return np.where(x < 0, np.exp(np.minimum(x, 0)), 1.0) / (1 + np.exp(-np.abs(x)))


SCALAR: dict[str, tuple[Function, Function]] = {
    "softplus": (lambda x: np.log(1 + np.exp(x)), sigma),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda x: sigma(x) * sigma(-x)),
    "sigmoid of e": (lambda x: np.exp(x) / (1 + np.exp(x)), lambda x: sigma(x) * sigma(-x)),
    "log sigmoid": (lambda x: np.log(1 / (1 + np.exp(-x))), lambda x: sigma(-x)),
    "log of the rest": (lambda x: np.log(1 - 1 / (1 + np.exp(-x))), lambda x: -sigma(x)),
    "log1p": (lambda x: np.log1p(np.exp(x)), sigma),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SCALAR)
def test_scalar_functions(name: str) -> None:
    function, slope = SCALAR[name]
    plain = jit(function)
    for x in FAR:
        want = float(slope(x))
        value, backward = value_and_grad(function)(x)
        assert repr(value) == repr(np.float64(plain(np.float64(x))))
        found = [backward, jvp(function, (x,), (1.0,))[1], vjp(function, x)[1](1.0)[0]]
        np.testing.assert_allclose([float(v) for v in found], want, rtol=1e-13)
        assert np.isfinite(grad(grad(function))(x))


def lse(x: Any) -> Any:
    return np.log(np.exp(x).sum(axis=1)).sum()


def lse_kept(x: Any) -> Any:
    return np.log(np.exp(x).sum(axis=1, keepdims=True)).sum()


def log_mean_exp(x: Any) -> Any:
    return np.log(np.exp(x).mean(axis=1)).sum()


def cross_entropy(x: Any) -> Any:
    return -(x - np.log(np.exp(x).sum(axis=1, keepdims=True)))[:, 0].sum() + x[:, 0].sum()


def softmax(x: Any) -> Any:
    e = np.exp(x)
    return (e / e.sum(axis=1, keepdims=True))[:, 0].sum()


def softmax_said_twice(x: Any) -> Any:
    return (np.exp(x) / np.exp(x).sum(axis=1)[:, None])[:, 0].sum()


def log_softmax(x: Any) -> Any:
    e = np.exp(x)
    return np.log(e / e.sum(axis=1, keepdims=True))[:, 0].sum()


def shares(x: Any) -> Any:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_slope(x: Any) -> Any:
    p = shares(x)
    return p[:, :1] * (np.eye(x.shape[1])[0] - p)


ROWS: list[tuple[Function, Function]] = [
    (lse, shares),
    (lse_kept, shares),
    (log_mean_exp, shares),
    (cross_entropy, shares),
    (softmax, softmax_slope),
    (softmax_said_twice, softmax_slope),
    (log_softmax, lambda x: np.eye(x.shape[1])[0] - shares(x)),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("shapes", ["static", "dynamic"])
@pytest.mark.parametrize("case", range(len(ROWS)))
def test_rows_of_exponentials(case: int, shapes: str) -> None:
    function, slope = ROWS[case]
    x = np.array([[1000.0, 1000.0, -10.0], [-1000.0, -1001.0, -1000.5], [0.1, 0.2, -0.3]])
    for compiled in (jit(grad(function), shapes=shapes), lambda x: vjp(function, x)[1](1.0)[0]):
        np.testing.assert_allclose(compiled(x), slope(x), rtol=1e-12, atol=1e-15)


def net(x: Any) -> Any:
    h = 1 / (1 + np.exp(-(x @ np.ones((3, 4)))))
    return np.sum((h @ np.ones((4, 2))) ** 2)


def lengths(x: Any) -> Any:
    return np.sum(np.sqrt(np.sum(x * x, axis=1)) @ np.ones((2, 5)))


@pytest.mark.parametrize(("function", "products"), [(net, 2), (lengths, 1)])
def test_what_keeps_every_bit_is_not_computed_twice(function: Function, products: int) -> None:
    """The value goes on from the root and the sigmoid that derivatives are taken of."""
    x = np.linspace(-1.0, 2.0, 6).reshape(2, 3)
    both = jit(value_and_grad(function))
    assert repr(both(x)[0]) == repr(jit(function)(x))
    (text,) = both.inspect_ir().values()
    assert text.count("= dot") == products * 2  # there and back


def test_what_has_effects_happens_once(capsys: pytest.CaptureFixture[str]) -> None:
    def noisy(x, draw):  # type: ignore[no-untyped-def]
        u = draw.random()
        print("drawn")
        return np.log(1 + np.exp(x * u)), u

    draw, again = np.random.default_rng(0), np.random.default_rng(0)
    (value, u), slope = value_and_grad(noisy, has_aux=True)(2.0, draw)
    assert u == again.random()
    assert draw.random() == again.random()
    np.testing.assert_allclose([value, slope], [np.log(1 + np.exp(2 * u)), u * sigma(2 * u)])
    assert capsys.readouterr().out == "drawn\n"
