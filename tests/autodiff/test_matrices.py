"""Derivatives of LAPACK, FFT and ``i0``: differences and the dot-product identity, to order 2.

Each case is a function of one array, real and complex, of one matrix and of a stack. Vectors that
are unique up to a phase are compared through what does not depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from tracejit.autodiff import grad
from tracejit.autodiff.numeric import check_function
from tracejit.ir.arguments import ArrayArg
from tracejit.ir.core import Function
from tracejit.ir.interpret.interpreter import interpret
from tracejit.ir.verifier import verify
from tracejit.trace.driver import trace

RNG = np.random.default_rng(11)
SQUARE = RNG.normal(size=(3, 3)) + 2.5 * np.eye(3)
TALL, WIDE = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 4))
#: As numbers: arrays in globals would be further parameters.
RIGHT = tuple(map(tuple, RNG.normal(size=(3, 2)).tolist()))
LEFT, LONG = (tuple(map(tuple, a.tolist())) for a in (SQUARE, TALL))
STACK = np.stack([SQUARE, SQUARE.T + 0.3 * RNG.normal(size=(3, 3))])
TALLS = np.stack([TALL, TALL + RNG.normal(size=(4, 3))])


def definite(a: Any) -> Any:
    return a @ np.conj(np.swapaxes(a, -1, -2)) + np.eye(3)


def hermitian(a: Any) -> Any:
    return a + np.conj(np.swapaxes(a, -1, -2))


def outer(v: Any) -> Any:
    """Projectors on the columns: no phase is left in them."""
    return np.einsum("...ik,...jk->...kij", v, np.conj(v))


def singular_system(a: Any, full: bool) -> Any:
    u, s, vh = np.linalg.svd(a, full_matrices=full)
    k = s.shape[-1]
    return outer(u[..., :k]), s, outer(np.conj(np.swapaxes(vh[..., :k, :], -1, -2)))


def complement(a: Any) -> Any:
    """The projector on what the full factors have more."""
    u, s, vh = np.linalg.svd(a)
    u, v = u[..., s.shape[-1] :], np.conj(np.swapaxes(vh[..., s.shape[-1] :, :], -1, -2))
    return outer(u).sum(-3), outer(v).sum(-3)


def both(w: Any) -> Any:
    """Symmetric functions of complex numbers of which the order may change."""
    return np.sum(w**2, -1), np.sum(np.exp(w * 0.3), -1)


LINALG: dict[str, Callable[[Any], Any]] = {
    "inv": np.linalg.inv,
    "solve": lambda a: np.linalg.solve(a, np.array(RIGHT) * a[..., :1]),
    "solve a vector": lambda a: np.linalg.solve(a, np.array(RIGHT)[:, 0]),
    "solve by b": lambda a: np.linalg.solve(np.array(LEFT), a),
    "det": np.linalg.det,
    "slogdet": lambda a: tuple(np.linalg.slogdet(a)),
    "cholesky": lambda a: np.linalg.cholesky(definite(a)),
    "cholesky upper": lambda a: np.linalg.cholesky(definite(a), upper=True),
    "cholesky of a triangle": lambda a: np.linalg.cholesky(definite(np.array(LEFT)) + 0.1 * a),
    "qr": lambda a: tuple(np.linalg.qr(a)),
    "qr r": lambda a: np.linalg.qr(a, mode="r"),
    "svd": lambda a: singular_system(a, False),
    "svdvals": np.linalg.svdvals,
    "svd hermitian": lambda a: np.linalg.svd(hermitian(a), compute_uv=False, hermitian=True),
    "eigvalsh": lambda a: np.linalg.eigvalsh(hermitian(a)),
    "eigvalsh of a triangle": lambda a: np.linalg.eigvalsh(hermitian(np.array(LEFT)) + a, "U"),
    "eigh": lambda a: (np.linalg.eigh(hermitian(a))[0], outer(np.linalg.eigh(hermitian(a))[1])),
    "eigvals": lambda a: both(np.linalg.eigvals(a + 0j)),
    "eig": lambda a: both(np.linalg.eig(a + 0j)[0] * np.sum(np.abs(np.linalg.eig(a + 0j)[1]), -2)),
    "pinv": np.linalg.pinv,
    "pinv hermitian": lambda a: np.linalg.pinv(hermitian(a), hermitian=True),
    "cond": np.linalg.cond,
    "cond 1": lambda a: np.linalg.cond(a, 1),
    "norm 2": lambda a: np.linalg.norm(a, 2, axis=(-2, -1)),
    "norm -2": lambda a: np.linalg.norm(a, -2, axis=(-2, -1)),
    "norm nuc": lambda a: np.linalg.norm(a, "nuc", axis=(-2, -1)),
    "norm fro": lambda a: np.linalg.norm(a, "fro", axis=(-2, -1)),
    "norm inf": lambda a: np.linalg.norm(a, np.inf, axis=(-2, -1)),
    "matrix_power": lambda a: np.linalg.matrix_power(a, -2),
}
REAL: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "real eigvals": (lambda a: np.linalg.eigvals(a @ a.T + np.diag([0.1, 0.2, 0.5])), SQUARE),
    "real eig": (lambda a: np.linalg.eig(hermitian(a) + 0.1 * a), SQUARE),
    "eigh vectors": (lambda a: tuple(np.linalg.eigh(hermitian(a))), SQUARE),
    "svd vectors": (lambda a: tuple(np.linalg.svd(a, full_matrices=False)), TALL),
    "svd full": (lambda a: tuple(np.linalg.svd(a)), SQUARE),
    "svd full, tall": (complement, TALL),
    "svd full, wide": (complement, WIDE),
    "svd hermitian": (lambda a: tuple(np.linalg.svd(hermitian(a), hermitian=True)), SQUARE),
    "qr tall": (lambda a: tuple(np.linalg.qr(a)), TALL),
    "qr complete": (lambda a: (np.linalg.qr(a, "complete")[1], _beside(a)), TALL),
    "qr wide": (lambda a: tuple(np.linalg.qr(a)), WIDE),
    "qr wide r": (lambda a: np.linalg.qr(a, "r"), WIDE),
    "lstsq": (lambda a: np.linalg.lstsq(a, np.array(LONG)[:, :2] * a[:, :2])[0], TALL),
    "lstsq values": (lambda a: np.linalg.lstsq(a, np.array(LONG)[:, 0])[3], TALL),
    "lstsq residuals": (lambda a: _residuals(a), TALL),
    "lstsq wide": (lambda a: np.linalg.lstsq(a, np.array(RIGHT))[0], WIDE),
    "lstsq tolerance": (lambda a: np.linalg.lstsq(a, np.array(RIGHT), 0.1)[0], SQUARE),
    "pinv tall": (np.linalg.pinv, TALL),
    "pinv wide": (np.linalg.pinv, WIDE),
    "pinv of rank 1": (lambda a: np.linalg.pinv(np.outer(a[0], a[1])), SQUARE),
    "tensorinv": (lambda a: np.linalg.tensorinv(a.reshape(3, 3), 1), SQUARE),
    "tensorsolve": (lambda a: np.linalg.tensorsolve(a, np.array(RIGHT)[:, 0]), SQUARE),
    "det of rank 2": (
        lambda a: np.linalg.det(a - a[:, :1] * (a[0, 2] / a[0, 0]) * np.array([0.0, 0.0, 1.0])),
        SQUARE,
    ),
    "roots": (lambda a: both(np.roots(a) + 0j), np.array([1.0, -6.0, 11.0, -5.9])),
    "polyfit": (lambda a: np.polyfit(np.arange(5.0), a, 2), RNG.normal(size=5)),
    "poly": (np.poly, np.array([1.0, -2.0, 0.5])),
    "poly of a matrix": (lambda a: np.poly(hermitian(a)), SQUARE),
    "i0": (np.i0, np.array([-9.5, -3.0, -0.2, 0.0, 0.7, 8.5, 11.0])),
    "kaiser": (lambda a: np.kaiser(5, a[0]), np.array([2.5])),
}
FFT: dict[str, Callable[[Any], Any]] = {
    "fft": np.fft.fft,
    "fft padded": lambda x: np.fft.fft(x, 7),
    "fft cut": lambda x: np.fft.fft(x, 3, norm="ortho"),
    "fft axis": lambda x: np.fft.fft(x, axis=0, norm="forward"),
    "ifft": np.fft.ifft,
    "irfft": np.fft.irfft,
    "irfft odd": lambda x: np.fft.irfft(x, 7, norm="ortho"),
    "irfft cut": lambda x: np.fft.irfft(x, 4, norm="forward"),
    "hfft": lambda x: np.fft.hfft(x, 7),
    "fft2": np.fft.fft2,
    "ifftn": lambda x: np.fft.ifftn(x, s=(4, 4)),
    "irfft2": np.fft.irfft2,
    "fftshift": np.fft.fftshift,
}
REAL_FFT: dict[str, Callable[[Any], Any]] = {
    "rfft": np.fft.rfft,
    "rfft odd": lambda x: np.fft.rfft(x, 5, norm="ortho"),
    "rfft padded": lambda x: np.fft.rfft(x, 8, axis=0, norm="forward"),
    "ihfft": np.fft.ihfft,
    "rfftn": np.fft.rfftn,
    "rfft2": lambda x: np.fft.rfft2(x, norm="ortho"),
    "irfftn": lambda x: np.fft.irfftn(np.fft.rfftn(x) * 2, s=x.shape),
}


def _beside(a: Any) -> Any:
    q = np.linalg.qr(a, "complete")[0]
    return outer(q[..., a.shape[-1] :]).sum(-3)


def _residuals(a: Any) -> Any:
    gap = np.array(LONG)[:, 0] - a @ np.linalg.lstsq(a, np.array(LONG)[:, 0])[0]
    return gap @ gap


def traced(function: Callable[[Any], Any], x: Any) -> Function:
    return trace(function, [ArrayArg(x.dtype, x.shape)]).function


def run(function: Function, args: Sequence[Any]) -> list[Any]:
    verify(function)
    return interpret(function, args)


def check(function: Callable[[Any], Any], x: Any, order: int = 2) -> None:
    check_function(traced(function, x), [x], [0], run, order=order)


@pytest.mark.parametrize("kind", ["one", "stack", "complex", "complex stack"])
@pytest.mark.parametrize("name", LINALG)
def test_square(name: str, kind: str) -> None:
    x = STACK if "stack" in kind else SQUARE
    order = 1 if "stack" in kind else 2
    check(LINALG[name], x + 0.4j * np.cos(x) if "complex" in kind else x, order)


@pytest.mark.parametrize("kind", ["stack", "complex"])
@pytest.mark.parametrize("name", ["svd", "qr", "qr r", "pinv", "norm nuc", "svdvals"])
def test_tall(name: str, kind: str) -> None:
    check(LINALG[name], TALLS if kind == "stack" else TALL + 0.4j * np.cos(TALL))


@pytest.mark.parametrize("name", REAL)
def test_real(name: str) -> None:
    check(*REAL[name])


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("name", FFT)
def test_fft(name: str, dtype: Any) -> None:
    check(FFT[name], (TALL + 0.3j * np.cos(TALL)).astype(dtype) if dtype is complex else TALL)


@pytest.mark.parametrize("name", REAL_FFT)
def test_real_fft(name: str) -> None:
    check(REAL_FFT[name], TALL)


# Where factors have no derivative -------------------------------------------------------------

EYE = np.eye(3)
LOW = np.outer([1.0, 2.0, -1.0], [0.5, 1.0, 3.0])
WEIGHTS = ((0.3, -1.2, 0.7), (0.4, 2.0, 0.1), (-0.5, 0.6, 1.1))


def of_eigenvalues(power: int) -> Callable[[Any], Any]:
    return lambda a: np.sum(np.linalg.eigvalsh(a) ** power * 0.5)


@pytest.mark.parametrize(
    ("function", "x", "order"),
    [
        (np.linalg.det, LOW, 2),
        (np.linalg.det, np.diag([1.0, 0.0, 2.0]), 2),
        (np.linalg.det, LOW * (1 + 0.5j), 2),
        (lambda a: np.linalg.det(a) ** 2 * a[:, 0, 0], np.stack([LOW, EYE]), 2),
        (of_eigenvalues(3), EYE, 1),
        (of_eigenvalues(3), np.diag([1.0, 1.0, 2.0]), 1),
        (lambda a: np.sum(np.linalg.eigvalsh(a)), EYE, 1),
        (lambda a: np.linalg.norm(a, "nuc"), EYE * 2, 1),
        (lambda a: np.sum(np.linalg.svdvals(a) ** 2), np.vstack([EYE, EYE]), 1),
        (lambda a: np.sum(np.linalg.eigvals(a + 0j) ** 2), np.diag([1.0, 1.0, 2.0]), 1),
    ],
)
def test_what_has_a_derivative_has_the_right_one(function: Any, x: Any, order: int) -> None:
    check(function, x, order)


@pytest.mark.parametrize("x", [EYE, EYE * 0, np.diag([1.0, 0.0, 0.0])], ids=["1", "0", "diagonal"])
@pytest.mark.parametrize(
    "function",
    [
        lambda a: np.sum(_rebuilt(*np.linalg.eigh(a)) * np.array(WEIGHTS)),
        lambda a: np.sum((_rebuilt(*np.linalg.eigh(a)) * np.array(WEIGHTS))[0]),
        lambda a: np.sum(_product(*np.linalg.svd(a)) * np.array(WEIGHTS)),
        lambda a: np.sum((_product(*np.linalg.svd(a)) * np.array(WEIGHTS))[1]),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_cannot_be_known_is_not_a_number(function: Any, x: Any) -> None:
    """The matrix put together again from vectors that have no derivative: never a wrong number."""
    gradient = run(grad(traced(function, x), [0]), [x])[-1]
    assert not np.isfinite(gradient).all()


def test_zero_singular_values_are_kinks() -> None:
    """As the absolute value, whose derivative at zero is zero."""
    function = traced(lambda a: np.linalg.norm(a, "nuc"), EYE)
    np.testing.assert_array_equal(run(grad(function, [0]), [EYE * 0])[-1], EYE * 0)


def _rebuilt(w: Any, v: Any) -> Any:
    return (v * w) @ v.T


def _product(u: Any, s: Any, vh: Any) -> Any:
    return (u * s) @ vh


def test_one_singular_matrix_of_a_stack_is_its_own_affair() -> None:
    """Its derivative is nan; those of the others are theirs."""
    function = traced(lambda a: np.sum(np.linalg.slogdet(a)[0] * np.linalg.slogdet(a)[1]), STACK)
    x = np.stack([SQUARE, EYE * 2])
    x[1, 2, 2] = 0
    gradient = run(grad(function, [0]), [x])[-1]
    sign = np.sign(np.linalg.det(SQUARE))
    np.testing.assert_allclose(gradient[0], sign * np.linalg.inv(SQUARE).T, rtol=1e-12)
    assert np.isnan(gradient[1]).all()
