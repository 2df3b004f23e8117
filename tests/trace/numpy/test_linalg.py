"""Linear algebra and Fourier transforms: traced and interpreted equals NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from tests.trace.numpy.tracing import compare

LINALG = [
    "np.linalg.inv(x)",
    "np.linalg.inv(x.astype(np.float32))",
    "np.linalg.inv(x * 0)",
    "np.linalg.inv(y)",
    "np.linalg.inv(x[0])",
    "np.linalg.inv(np.stack([x, 2 * x]))",
    "np.linalg.inv(np.eye(3, dtype=int))",
    "np.linalg.solve(x, y.T)",
    "np.linalg.solve(x, y[0])",
    "np.linalg.solve(x + 1j, y.T)",
    "np.linalg.solve(np.stack([x, x.T]), y.T)",
    "np.linalg.solve(x, y)",
    "np.linalg.det(x)",
    "np.linalg.det(np.stack([x, 2 * x]))",
    "list(np.linalg.slogdet(x))",
    "list(np.linalg.slogdet(x * 1j))",
    "np.linalg.cholesky(x @ x.T)",
    "np.linalg.cholesky(x @ x.T, upper=True)",
    "np.linalg.cholesky(-x @ x.T)",
    "list(np.linalg.qr(y))",
    "list(np.linalg.qr(y.T))",
    "list(np.linalg.qr(y.T, mode='complete'))",
    "np.linalg.qr(y, mode='r')",
    "np.linalg.qr(y, mode='other')",
    "list(np.linalg.svd(y))",
    "list(np.linalg.svd(y, full_matrices=False))",
    "np.linalg.svd(y * 1j, compute_uv=False)",
    "np.linalg.svdvals(y.T)",
    "list(np.linalg.eigh(x + x.T))",
    "np.linalg.eigvalsh(x, 'U')",
    "np.linalg.eigvals(x + 0j)",
    "list(np.linalg.eig(x + 0j))",
    "np.linalg.pinv(y)",
    "np.linalg.pinv(y, 0.5)",
    "np.linalg.pinv(y, rtol=0.5)",
    "list(np.linalg.lstsq(y.T, x[0]))[:2]",
    "list(np.linalg.lstsq(y.T, x))",
    "list(np.linalg.lstsq(y, y))",
    "list(np.linalg.lstsq(y.T * [1, 0], x))",
    "np.linalg.matrix_rank(y)",
    "np.linalg.matrix_rank(y * 0)",
    "np.linalg.matrix_rank(y, tol=1.0)",
    "np.linalg.cond(x)",
    "np.linalg.cond(x, -2)",
    "np.linalg.cond(x, 1)",
    "np.linalg.cond(x, 'fro')",
    "np.linalg.matrix_power(x, 0)",
    "np.linalg.matrix_power(x, 1)",
    "np.linalg.matrix_power(x, 3)",
    "np.linalg.matrix_power(x, 10)",
    "np.linalg.matrix_power(x, -2)",
    "np.linalg.matrix_transpose(y)",
    "np.linalg.diagonal(y)",
    "np.linalg.trace(x, offset=1)",
    "np.linalg.vecdot(x, x)",
    "np.linalg.tensordot(x, y.T, axes=1)",
    "np.linalg.matrix_norm(y)",
    "np.linalg.norm(y, 2)",
    "np.linalg.norm(y, -2)",
    "np.linalg.norm(y, 'nuc')",
    "np.linalg.norm(np.stack([x, x]), 2, axis=(1, 2), keepdims=True)",
    "np.linalg.norm(y, 3)",
    "np.linalg.multi_dot([x, y.T, y])",
    "np.linalg.tensorsolve(np.reshape(x, (3, 3)), x[0])",
]
TRANSFORMS = [
    "np.fft.fft(y)",
    "np.fft.fft(y, axis=0)",
    "np.fft.fft(y, 5)",
    "np.fft.fft(y, 2)",
    "np.fft.fft(y, 0)",
    "np.fft.fft(y, norm='ortho')",
    "np.fft.fft(y, norm='other')",
    "np.fft.fft(y.astype(np.float32))",
    "np.fft.fft(y, y.shape[0])",
    "np.fft.ifft(y * 1j)",
    "np.fft.rfft(y)",
    "np.fft.rfft(y, 4, axis=0)",
    "np.fft.rfft(y * 1j)",
    "np.fft.irfft(y + 1j)",
    "np.fft.irfft(y, 5)",
    "np.fft.irfft(y.astype(np.float32))",
    "np.fft.hfft(y + 1j)",
    "np.fft.ihfft(y, norm='forward')",
    "np.fft.fft2(y)",
    "np.fft.ifft2(y, norm='ortho')",
    "np.fft.fftn(y, s=(4, 4))",
    "np.fft.fftn(y, axes=(0,))",
    "np.fft.fftn(y, s=(4, 4), axes=(0,))",
    "np.fft.rfft2(y)",
    "np.fft.irfft2(y + 1j)",
    "np.fft.irfftn(y + 1j, s=(2, 5), axes=(0, 1))",
    "np.fft.rfftn(y)",
    "np.fft.fftshift(y)",
    "np.fft.ifftshift(y, axes=1)",
    "np.fft.fftfreq(y.shape[1])",
    "np.fft.fftfreq(y.size, 0.5)",
    "np.fft.rfftfreq(y.size, d=0.1)",
    "r = np.zeros((2, 3), complex); np.fft.fft(y, out=r)",
]

X = np.array([[4.0, 1.0, -0.5], [0.3, 3.0, 0.25], [1.5, -1.0, 5.0]])
Y = np.array([[0.5, -1.0, 2.5], [1.5, 0.25, -3.0]])


@pytest.mark.parametrize("symbolic", [False, True], ids=["static", "symbolic"])
@pytest.mark.parametrize("source", [*LINALG, *TRANSFORMS])
def test_as_numpy(source: str, symbolic: bool) -> None:
    compare(source, X, Y, symbolic=symbolic)


@pytest.mark.parametrize("name", ["eig", "eigvals"])
def test_results_whose_dtype_depends_on_values(name: str) -> None:
    with pytest.raises(AssertionError, match="astype"):
        compare(f"np.linalg.{name}(x)", X)
