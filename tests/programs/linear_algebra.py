"""Factorizations, solvers and products written with loops and slices."""

from __future__ import annotations

import numpy as np

from tests.programs.program import Program

Rng = np.random.Generator


def lu(A):
    """Doolittle without pivoting, in place."""
    n = A.shape[0]
    for i in range(n):
        for j in range(i):
            A[i, j] -= A[i, :j] @ A[:j, j]
            A[i, j] /= A[j, j]
        for j in range(i, n):
            A[i, j] -= A[i, :i] @ A[:i, j]
    return A


def lu_pivoted(A):
    """Right-looking with partial pivoting: argmax, row swaps by fancy assignment, outer update."""
    n = A.shape[0]
    perm = np.arange(n)
    for k in range(n - 1):
        p = k + np.argmax(np.abs(A[k:, k]))
        if p != k:
            A[[k, p]] = A[[p, k]]
            perm[[k, p]] = perm[[p, k]]
        A[k + 1 :, k] /= A[k, k]
        A[k + 1 :, k + 1 :] -= np.outer(A[k + 1 :, k], A[k, k + 1 :])
    return A, perm


def cholesky(A):
    n = A.shape[0]
    A[0, 0] = np.sqrt(A[0, 0])
    for i in range(1, n):
        for j in range(i):
            A[i, j] -= np.dot(A[i, :j], A[j, :j])
            A[i, j] /= A[j, j]
        A[i, i] -= np.dot(A[i, :i], A[i, :i])
        A[i, i] = np.sqrt(A[i, i])
    return np.tril(A)


def gram_schmidt(A):
    """Modified Gram-Schmidt, column by column."""
    m, n = A.shape
    Q = np.zeros_like(A)
    R = np.zeros((n, n), dtype=A.dtype)
    for k in range(n):
        R[k, k] = np.sqrt(np.dot(A[:, k], A[:, k]))
        Q[:, k] = A[:, k] / R[k, k]
        for j in range(k + 1, n):
            R[k, j] = np.dot(Q[:, k], A[:, j])
            A[:, j] -= Q[:, k] * R[k, j]
    return Q, R


def durbin(r):
    """Levinson-Durbin recursion for the Yule-Walker equations: flips and growing slices."""
    y = np.empty_like(r)
    alpha = -r[0]
    beta = 1.0
    y[0] = -r[0]
    for k in range(1, r.shape[0]):
        beta *= 1.0 - alpha * alpha
        alpha = -(r[k] + np.dot(np.flip(r[:k]), y[:k])) / beta
        y[:k] += alpha * np.flip(y[:k])
        y[k] = alpha
    return y


def forward_substitution(L, b):
    x = np.zeros_like(b)
    for i in range(L.shape[0]):
        x[i] = (b[i] - L[i, :i] @ x[:i]) / L[i, i]
    return x


def back_substitution(U, b):
    x = b.copy()
    for i in range(len(b) - 1, -1, -1):
        x[i] = x[i] / U[i, i]
        for j in range(i):
            x[j] -= U[j, i] * x[i]
    return x


def thomas(a, b, c, d):
    """Tridiagonal solve; the arguments b and d are used as scratch."""
    n = len(d)
    for i in range(1, n):
        w = a[i - 1] / b[i - 1]
        b[i] -= w * c[i - 1]
        d[i] -= w * d[i - 1]
    x = np.zeros(n)
    x[-1] = d[-1] / b[-1]
    for i in range(n - 2, -1, -1):
        x[i] = (d[i] - c[i] * x[i + 1]) / b[i]
    return x


def householder(A):
    """QR by reflections: a sign, a norm and a rank-one update per column."""
    m, n = A.shape
    for k in range(n):
        x = A[k:, k].copy()
        x[0] += np.copysign(np.sqrt(np.sum(x**2)), x[0])
        x /= np.sqrt(np.sum(x**2))
        A[k:, k:] -= 2.0 * np.outer(x, x @ A[k:, k:])
    return A


def conjugate_gradient(A, b):
    """Runs until the residual is small: `while` over a traced scalar."""
    x = np.zeros_like(b)
    r = b - A @ x
    p = r.copy()
    rs = r @ r
    while rs > 1e-8:
        Ap = A @ p
        step = rs / (p @ Ap)
        x += step * p
        r -= step * Ap
        new = r @ r
        p = r + (new / rs) * p
        rs = new
    return x


def power_iteration(A, v):
    value = 0.0
    while True:
        w = A @ v
        w /= np.sqrt(np.sum(w * w))
        new = w @ A @ w
        if abs(new - value) < 1e-13 * abs(new):
            break
        value, v = new, w
    return new


def matrix_power(A, n):
    """Square and multiply: a Python int is halved and its parity is tested."""
    result = np.eye(A.shape[0])
    while n > 0:
        if n % 2 == 1:
            result = result @ A
        A = A @ A
        n //= 2
    return result


def gemm_update(alpha, beta, C, A, B):
    C[:] = alpha * A @ B + beta * C


def matrix_chain(A, B, C, x):
    """Covariance-like products with transposes on both sides."""
    M = A.T @ B @ B.T @ A
    return M @ x + C.T @ (C @ x), np.trace(M)


def jacobi_rotations(A):
    """Eigenvalues by sweeping rotations over all pairs of rows and columns."""
    n = A.shape[0]
    for _ in range(6):
        for p in range(n - 1):
            for q in range(p + 1, n):
                theta = 0.5 * np.arctan2(2.0 * A[p, q], A[p, p] - A[q, q])
                c, s = np.cos(theta), np.sin(theta)
                row_p, row_q = A[p].copy(), A[q].copy()
                A[p], A[q] = c * row_p + s * row_q, c * row_q - s * row_p
                col_p, col_q = A[:, p].copy(), A[:, q].copy()
                A[:, p], A[:, q] = c * col_p + s * col_q, c * col_q - s * col_p
    return np.sort(np.diag(A))


def dominant(rng: Rng, n: int) -> np.ndarray:
    """A matrix whose diagonal dominates: no pivoting needed."""
    return rng.standard_normal((n, n)) + 2.0 * n * np.eye(n)


def definite(rng: Rng, n: int) -> np.ndarray:
    X = rng.standard_normal((n, n))
    return X @ X.T / n + np.eye(n)


def separated(rng: Rng, n: int) -> np.ndarray:
    """Symmetric with eigenvalues far apart, so that iterations converge at a known rate."""
    S = 0.1 * rng.standard_normal((n, n))
    return S + S.T + np.diag(3.0 ** np.arange(n))


def gemm_args(r: Rng) -> tuple[object, ...]:
    return 1.5, 1.2, *(r.standard_normal(s) for s in ((6, 5), (6, 7), (7, 5)))


def chain_args(r: Rng) -> tuple[object, ...]:
    return tuple(r.standard_normal(s) for s in ((5, 4), (5, 3), (6, 4), (4,)))


LINEAR_ALGEBRA = (
    Program("lu", lu, lambda r: (dominant(r, 9),), argnums=(0,)),
    Program("lu_pivoted", lu_pivoted, lambda r: (r.standard_normal((8, 8)),), argnums=(0,)),
    Program("cholesky", cholesky, lambda r: (definite(r, 8),), argnums=(0,)),
    Program("gram_schmidt", gram_schmidt, lambda r: (r.standard_normal((9, 5)),), argnums=(0,)),
    Program("durbin", durbin, lambda r: (0.5 ** np.arange(1, 9) + 0.01 * r.random(8),), (0,)),
    Program(
        "forward_substitution",
        forward_substitution,
        lambda r: (dominant(r, 8), r.standard_normal(8)),
        argnums=(0, 1),
    ),
    Program(
        "back_substitution",
        back_substitution,
        lambda r: (dominant(r, 8), r.standard_normal(8)),
        argnums=(0, 1),
        rtol=1e-14,
    ),
    Program(
        "thomas",
        thomas,
        lambda r: (r.random(9), 4 + r.random(10), r.random(9), r.standard_normal(10)),
        argnums=(0, 1, 2, 3),
        exact=True,
    ),
    Program("householder", householder, lambda r: (r.standard_normal((7, 4)),), argnums=(0,)),
    Program(
        "conjugate_gradient",
        conjugate_gradient,
        lambda r: (definite(r, 10), r.standard_normal(10)),
        argnums=(0, 1),
        tags=frozenset({"while"}),
        rtol=1e-9,
        grad_rtol=1e-5,
    ),
    Program(
        "power_iteration",
        power_iteration,
        lambda r: (separated(r, 5), r.random(5) + 0.5),
        argnums=(0,),
        tags=frozenset({"while"}),
        rtol=1e-11,
    ),
    Program("matrix_power", matrix_power, lambda r: (r.standard_normal((4, 4)), 13), argnums=(0,)),
    Program("gemm_update", gemm_update, gemm_args, argnums=(0, 1, 2, 3, 4)),
    Program("matrix_chain", matrix_chain, chain_args, argnums=(0, 1, 2, 3)),
    Program("jacobi_rotations", jacobi_rotations, lambda r: (separated(r, 5),), argnums=(0,)),
)
