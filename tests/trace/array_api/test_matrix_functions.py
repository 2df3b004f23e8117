"""`scipy.linalg` in compiled code: values, derivatives, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

linalg = pytest.importorskip("scipy.linalg")

from tracejit import UnsupportedError, check_grads, grad, jit  # noqa: E402

RNG = np.random.default_rng(0)
A = RNG.normal(size=(4, 4))
S = A @ A.T + np.eye(4)
B = RNG.normal(size=4)
M = RNG.normal(size=(4, 2))
#: What finds a matrix of another kind than it is given shows which triangle it reads.
U = np.triu(S) + 7 * np.tril(A, -1)

Program = Callable[..., Any]
SMOOTH: dict[str, tuple[Program, tuple[Any, ...]]] = {
    "solve": (lambda a, b: linalg.solve(a, b), (A, B)),
    "solve, transposed": (lambda a, b: linalg.solve(a, b, transposed=True), (A, M)),
    "solve, symmetric": (lambda a, b: linalg.solve(a, b, assume_a="sym"), (U, B)),
    "solve, definite": (lambda a, b: linalg.solve(a, b, assume_a="pos", lower=True), (U.T, M)),
    "solve_triangular": (lambda a, b: linalg.solve_triangular(a, b), (A, B)),
    "lower, transposed": (
        lambda a, b: linalg.solve_triangular(a, b, lower=True, trans=1, check_finite=False),
        (A, M),
    ),
    "unit diagonal": (
        lambda a, b: linalg.solve_triangular(a, b, unit_diagonal=True, trans="C"),
        (A, B),
    ),
    "cholesky": (lambda a: linalg.cholesky(a @ a.T), (A,)),
    "cholesky, lower": (lambda a: linalg.cholesky(a @ a.T, lower=True), (A,)),
    "cho_factor": (lambda a: linalg.cho_factor(a @ a.T)[0], (A,)),
    "cho_solve": (lambda a, b: linalg.cho_solve(linalg.cho_factor(a @ a.T), b), (A, B)),
    "cho_solve, lower": (
        lambda a, b: linalg.cho_solve(linalg.cho_factor(a @ a.T, lower=True), b),
        (A, M),
    ),
    "lu_solve": (lambda a, b: linalg.lu_solve(linalg.lu_factor(a), b), (A, B)),
    "lu_solve, transposed": (
        lambda a, b: linalg.lu_solve(linalg.lu_factor(a), b, trans=1),
        (A, M),
    ),
    "lu, permuted": (lambda a: linalg.lu(a, permute_l=True), (A,)),
    "expm": (lambda a: linalg.expm(a), (A,)),
    "expm, large": (lambda a: linalg.expm(8 * a), (A,)),
    "expm, small": (lambda a: linalg.expm(1e-9 * a), (A,)),
    "sqrtm, symmetric": (lambda a: linalg.sqrtm(a @ a.T + np.eye(4)), (A,)),
    "sqrtm": (lambda a: linalg.sqrtm(a), (A + 4 * np.eye(4),)),
    "sqrtm, equal eigenvalues": (lambda a: linalg.sqrtm(a), (2 * np.eye(3),)),
    "block_diag": (lambda a, b: linalg.block_diag(a, b, 3.0), (M, B)),
    "toeplitz": (lambda a, b: linalg.toeplitz(b) @ a, (M, B)),
    "toeplitz, row": (lambda a, b: linalg.toeplitz(b, a[:, 0] * b[0]), (M, B)),
    "inv": (lambda a: linalg.inv(a), (A,)),
    "det": (lambda a: linalg.det(a), (A,)),
    "norm": (lambda a: linalg.norm(a) + linalg.norm(a, 1), (A,)),
    "eigh": (lambda a: linalg.eigh(a, eigvals_only=True, lower=False), (U,)),
    "eigvalsh": (lambda a: linalg.eigvalsh(a), (S,)),
    "svdvals": (lambda a: linalg.svdvals(a), (M,)),
}
OTHERS: dict[str, tuple[Program, tuple[Any, ...]]] = {
    "lu": (lambda a: linalg.lu(a), (A,)),
    "lu, indices": (lambda a: linalg.lu(a, p_indices=True), (A,)),
    "lu, tall": (lambda a: linalg.lu(a), (M,)),
    "lu, wide": (lambda a: linalg.lu(a), (M.T,)),
    "lu_factor": (lambda a: linalg.lu_factor(a), (A,)),
    "lu_factor, complex": (lambda a: linalg.lu_factor(a), (np.array([[3, 1], [2 + 2j, 1j]]),)),
    "qr": (lambda a: linalg.qr(a), (M,)),
    "qr, economic": (lambda a: linalg.qr(a, mode="economic"), (M,)),
    "qr, r": (lambda a: linalg.qr(a, mode="r"), (A,)),
    "svd": (lambda a: linalg.svd(a, compute_uv=False), (M,)),
    "sqrtm, wide spread": (lambda a: linalg.sqrtm(a), (np.diag([1e-6, 1.0, 1e6]),)),
    "sqrtm, complex": (lambda a: linalg.sqrtm(a + 4j * np.eye(4)), (A,)),
    "expm, stack": (lambda a: linalg.expm(a), (RNG.normal(size=(3, 2, 2)),)),
    "expm, complex": (lambda a: linalg.expm(1j * a), (S,)),
    "cholesky, complex": (lambda a: linalg.cholesky(a + 0.1j * (A - A.T)), (S + np.eye(4),)),
    "float32": (
        lambda a, b: linalg.cho_solve(linalg.cho_factor(a), b),
        (S.astype("f4"), M.astype("f4")),
    ),
    "integers": (lambda a: linalg.inv(a), (np.array([[2, 1], [1, 3]]),)),
    "toeplitz, complex": (lambda b: linalg.toeplitz(b), (B + 1j,)),
}


@pytest.mark.parametrize("name", [*SMOOTH, *OTHERS])
def test_values(name: str) -> None:
    f, args = (SMOOTH | OTHERS)[name]
    want, have = f(*args), jit(f)(*args)
    several = isinstance(want, tuple)
    assert isinstance(have, tuple) == several
    for w, h in zip(want, have, strict=True) if several else [(want, have)]:
        assert np.shape(h) == np.shape(w)
        assert np.asarray(h).dtype == np.asarray(w).dtype
        single = np.asarray(w).dtype.itemsize == 4 and np.asarray(w).dtype.kind == "f"
        scale = np.max(np.abs(w)) * (1e-4 if single else 3e-13)
        np.testing.assert_allclose(h, w, rtol=0, atol=scale)


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives(name: str) -> None:
    f, args = SMOOTH[name]
    check_grads(f, args, order=1)


def test_a_gaussian_process() -> None:
    """The marginal likelihood as it is usually written, and its gradient."""
    x, y = np.linspace(0, 1, 12), np.sin(6 * np.linspace(0, 1, 12))

    def loss(theta: Any) -> Any:
        gap = (x[:, None] - x[None, :]) / theta[0]
        kernel = theta[1] ** 2 * np.exp(-0.5 * gap * gap) + 1e-2 * np.eye(len(x))
        factor = linalg.cho_factor(kernel, lower=True)
        return 0.5 * y @ linalg.cho_solve(factor, y) + np.sum(np.log(np.diag(factor[0])))

    theta = np.array([0.3, 1.2])
    assert np.isclose(jit(loss)(theta), loss(theta), rtol=1e-12)
    for k, step in enumerate(1e-6 * np.eye(2)):
        near = (loss(theta + step) - loss(theta - step)) / 2e-6
        assert np.isclose(grad(loss)(theta)[k], near, rtol=1e-6)


def test_errors_and_refusals() -> None:
    bad = A.copy()
    bad[0, 0] = np.nan
    with pytest.raises(ValueError, match="must not contain infs or NaNs"):
        jit(lambda a: linalg.inv(a))(bad)
    assert np.isnan(jit(lambda a: linalg.det(a, check_finite=False))(bad))
    for singular in (lambda a: linalg.inv(a), lambda a: linalg.solve_triangular(a, a[0])):
        with pytest.raises(np.linalg.LinAlgError):
            singular(np.zeros((3, 3)))
        with pytest.raises(np.linalg.LinAlgError, match="ingular"):
            jit(singular)(np.zeros((3, 3)))
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        jit(lambda a: linalg.cho_factor(a)[0])(-np.eye(3))
    with pytest.raises(UnsupportedError, match="pivoting=True"):
        jit(lambda a: linalg.qr(a, pivoting=True))(A)


def test_roots_that_are_not_real() -> None:
    with pytest.raises(np.linalg.LinAlgError, match="eigenvalues <= 0"):
        jit(lambda a: linalg.sqrtm(a))(np.diag([1.0, -2.0]))
