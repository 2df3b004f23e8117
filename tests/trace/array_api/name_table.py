"""Calls of NumPy's names as expressions of x, y and z, for ``test_table``: data, no code.

``CALLS``: one list per set of arguments. What is listed in ``refused`` raises UnsupportedError in
compiled code, with advice, where NumPy gives a result.
"""

from __future__ import annotations

import numpy as np

MATRIX = np.linspace(-2.0, 3.0, 12).reshape(3, 4)
MATRIX[0, 0] = 0.5
POSITIVE = np.abs(MATRIX) + 0.1
INTEGERS = np.arange(-6, 6).reshape(3, 4)
MASK = np.array([[1, 0, 1, 1], [0, 0, 1, 0], [1, 1, 1, 1]], bool)
HOLES = MATRIX.copy()
HOLES[0, 1] = np.nan
CUBE = POSITIVE.reshape(2, 3, 2)
LINE = np.array([3.0, 1.0, 2.0, 5.0, 4.0])
OTHER = np.array([3.0, 0.0, 2.0, 1.0, 7.0])
COUNTS = np.array([1, 3, 3, 0, 2])
SYMMETRIC = np.array([[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]])
COMPLEX = MATRIX + 1j * POSITIVE[::-1]

REDUCTIONS = (
    "sum prod mean std var min max any all ptp argmin argmax median nansum nanprod nanmean nanstd "
    "nanvar nanmin nanmax nanargmin nanargmax nanmedian count_nonzero cumsum cumprod nancumsum "
    "nancumprod average amin amax"
).split()
FOLDED = "sum prod mean std var nansum nanprod nanmean nanstd nanvar".split()

VECTORS = """
np.percentile(x, 30); np.percentile(x, [10, 50.0], method="weibull"); np.quantile(x, y[1])
np.quantile(x, 0.5, weights=y, method="inverted_cdf"); np.nanquantile(x, [0.1, 0.9])
np.percentile(x, [20, 70], weights=y, method="inverted_cdf"); np.quantile(x, 1.5)
np.sort(x); np.sort(x, kind="stable"); np.argsort(x, stable=True); np.sort(x, order="f0")
np.partition(x, 2)[2]; np.argpartition(x, 2)[2]; np.lexsort((x, y)); np.sort(x, kind="bogus")
np.searchsorted(np.sort(x), y); np.searchsorted(x, y, side="right", sorter=np.argsort(x))
np.unique(x); np.unique(y, return_index=True, return_inverse=True, return_counts=True)
np.unique_counts(x); np.unique_inverse(x); np.unique_all(x); np.isin(x, y); np.union1d(x, y)
np.intersect1d(x, y, return_indices=True); np.setdiff1d(x, y); np.setxor1d(x, y)
np.histogram(x); np.histogram(x, bins=4, range=(0, 4)); np.histogram(x, bins=[0, 1, 2, 9])
np.histogram(x, bins=3, weights=y, density=True); np.histogram_bin_edges(x, 5)
np.histogram(x, "auto"); np.histogram(x, "fd", (1, 4)); np.histogram(x * 9, "doane")
np.histogram(x, "rice"); np.histogram(y.astype(int), "sqrt"); np.histogram(x, "scott")
np.histogram_bin_edges(x, "sturges"); np.histogram(x, "auto", weights=y); np.histogram(x, "none")
np.histogram(np.zeros(3), "auto"); np.histogram(x[:0], "auto"); np.nan_to_num(np.log(x - 3) * 1j)
np.histogram2d(x, y); np.histogram2d(x, y, bins=(3, 4), range=[[0, 5], [0, 5]])
np.histogram2d(x, y, bins=[np.array([0.0, 2, 5]), 3]); np.histogram2d(x, y, 3, None, True, y)
np.histogramdd((x, y), bins=(2, 3), weights=x); np.histogramdd(np.stack([x, y, x], 1), bins=2)
np.digitize(x, [1, 2.5, 4]); np.digitize(x, [4, 2.5, 1], right=True)
np.interp(x, [0, 1, 5], [3.0, 4, 1], left=-1); np.interp(x, [0, 1, 2.5], [3.0, 4, 1], period=3)
np.convolve(x, y, "same"); np.correlate(x, y, "full"); np.cov(x, y, ddof=0); np.corrcoef(x, y)
np.gradient(x, y + x); np.gradient(x, 2.0, edge_order=2); np.trapezoid(x, y); np.diff(x, 2)
np.diff(x, prepend=0, append=[9.0]); np.ediff1d(x, to_begin=0.0); np.unwrap(x, period=3)
np.polyval([1, 2, 3], x); np.polyfit(x, y, 2); np.polyfit(x, y, 1, w=x); np.polyadd(x, y[:3])
np.polyfit(x, y, 1, cov=True)[1]; np.polyfit(x, y, 2, full=True)[0]; np.polymul(x, y)
np.polydiv(x, [2.0, 1.0]); np.polyder(x, 2); np.polyint(x, 2, [1.0, 2.0]); np.poly(x); np.i0(x)
np.kaiser(5, 2.0); np.hanning(5); np.vander(x, 3, True); np.sinc(x); np.nan_to_num(x)
np.select([x > 2, x > 1], [x, y], default=7); np.piecewise(x, [x < 2], [-1, lambda v: v * 2])
np.choose([0, 1, 0, 1, 1], [x, y]); np.choose(x, [y, y]); np.compress([True, False, True], x)
np.extract(x > 2, y); np.where(x > 2); np.where(x > 2, x, y); np.argwhere(x > 2)
np.delete(x, 2); np.delete(x, [0, -1]); np.delete(x, slice(1, 3)); np.delete(x, y > 1)
np.insert(x, 2, 9.0); np.insert(x, [1, 3], [7.0, 8.0]); np.insert(x, -1, y); np.append(x, y)
np.resize(x, 7); np.resize(x, (2, 3)); np.repeat(x, [1, 0, 2, 1, 1]); np.tile(x, (2, 1))
np.roll(x, -1); np.pad(x, (1, 2), "edge"); np.pad(x, 2, "linear_ramp", end_values=3)
np.pad(x, 1, "mean"); np.pad(x, 1, "median"); np.pad(x, 2, constant_values=(1, 2))
np.array_split(x, 3); np.split(x, [1, 3]); np.block([[x, y], [y, x]]); np.r_[x, 0, 1:3, y]
np.c_[x, y]; np.r_["1,2,0", x, y]; np.r_[-1:1:5j, x]; np.packbits(y > 1)
np.unpackbits(y.astype(np.uint8)); np.unpackbits(y.astype(np.uint8), count=11, bitorder="little")
np.lib.stride_tricks.sliding_window_view(x, 2); np.vectorize(lambda a: a + 1)(x)
np.vectorize(lambda a, b: (a * b, -a))(x, 2); np.vectorize(abs, otypes=["f4"])(x)
np.vectorize(lambda v: v.sum(), signature="(n)->()")(np.outer(x, y)); np.allclose(x, y)
np.linspace(x, y, 4); np.geomspace(1, x[0], 4); np.arange(x[0]); np.meshgrid(x, y, sparse=True)
np.clip(x, y, None); np.clip(x, 2, 4, out=np.zeros(5)); np.round(x, 1); np.cumulative_sum(x)
np.concatenate([x, y], dtype="f4"); np.stack([x, y], out=np.zeros((2, 5))); np.take(x, [0, 9])
np.take(x, [0, 9], mode="wrap"); np.take(x, [[0, 1]], out=np.zeros((1, 2)), mode="clip")
r = x.copy(); np.place(r, r > 2, [9.0, 8])
r = x.copy(); np.putmask(r, r > 2, y)
r = x.copy(); np.copyto(r, y, where=x > 2)
r = x.copy(); np.add.at(r, [0, 0, 3], y[:3])
r = x.copy(); np.maximum.at(r, [0, 0, 3], 9)
r = x.copy(); np.divide.at(r, x > 2, 2)
r = x.astype(int); np.bitwise_xor.at(r, [0, 0, 3], 9)
r = np.zeros(5); np.add(x, y, out=r)
r = np.ones((2, 5)); np.sqrt(x, r)
r = np.ones(5); np.multiply(x, y, out=r, where=x > 2)
np.add(x, y, out=np.zeros(4)); np.add(x, y, out=np.zeros(5, int)); np.exp(x, dtype="f4")
np.add(x, y, out=np.zeros(5, int), casting="unsafe"); np.add(x, 1, dtype=int); np.add(x, 1, int)
np.power.accumulate(y); np.subtract.reduce(x); np.divide.reduce(x, initial=9.0); np.hypot.reduce(x)
np.subtract.reduceat(x, [0, 2, 1]); np.add.reduceat(x, [0, 3], out=np.zeros(2))
np.add.reduceat(x, [0, 7]); np.fmax.accumulate(x); np.logaddexp.reduce(x, keepdims=True)
np.subtract.outer(x, y); np.gcd.reduce(x.astype(int)); np.minimum.reduce(x, where=x > 2, initial=9)
np.mask_indices(3, np.triu); np.common_type(x, y) is np.float64; np.may_share_memory(x, y)
np.may_share_memory(x, x[1:]); np.require(x, dtype=np.float32); np.linalg.vector_norm(x, ord=3)
np.fft.fftfreq(7, 0.5); np.einsum("i,j->ij", x, y); np.matmul(x, y); np.vecdot(x, y)
np.roots(x); np.roots([1.0, 0, 1]); np.emath.sqrt(x); np.emath.sqrt(-x); np.emath.log2(1 - x)
np.emath.arccos(x); np.emath.power(x, -2); np.real_if_close(x + 0j); np.real_if_close(x * 1j)
np.average(x, weights=y, returned=True); np.trim_zeros(x - 3); np.cross(x[:3], y[:3])
"""
MATRICES = """
np.median(x, axis=0); np.percentile(x, 30, axis=0, keepdims=True)
np.quantile(x, [0.5], axis=(0, 1))
np.quantile(x, [0.3, 0.9], axis=1, weights=np.abs(x), method="inverted_cdf")
np.sort(x, axis=0); np.sort(x, axis=None); np.argsort(x, axis=0)
np.take_along_axis(x, x.argsort(0), 0)
np.unique((x > 0).astype(int), axis=0, return_index=True, return_inverse=True, return_counts=True)
np.unique(np.round(x), axis=1); np.apply_along_axis(np.sort, 1, x)
np.apply_along_axis(np.sum, 0, x)
np.apply_along_axis(lambda v: np.outer(v, v), 0, x); np.apply_along_axis(lambda v: v[:2], 1, x)
np.apply_over_axes(np.sum, x, [0, 1]); np.lib.stride_tricks.sliding_window_view(x, (2, 2))
np.pad(x, ((1, 1), (0, 2))); np.pad(x, 1, "maximum"); np.pad(x, ((0, 1), (2, 0)), "reflect")
np.insert(x, [1, 2], 5, axis=1); np.insert(x, 1, [1, 2, 3], axis=1); np.delete(x, [0, 2], axis=1)
np.roll(x, (1, 2), axis=(0, 1)); np.rot90(x, 3); np.repeat(x, [1, 2, 0], axis=0); np.kron(x, x[:2])
np.compress([True, False, True], x, axis=0, out=np.zeros((2, 4))); np.nonzero(x > 0); np.cov(x)
np.linalg.norm(x, axis=1); np.linalg.norm(x, 1); np.linalg.norm(x, 2); np.linalg.norm(x, "nuc")
np.linalg.norm(x.astype("f4")[0], 3); np.linalg.vector_norm(x, axis=(0, 1), keepdims=True)
np.linalg.vector_norm(x, keepdims=True, ord=1); np.linalg.matrix_norm(x); np.linalg.pinv(x)
np.linalg.svd(x, compute_uv=False); np.linalg.matrix_rank(x); np.linalg.lstsq(x, x[:, 0])[0]
np.fft.fft2(x); np.fft.rfftn(x, s=(2, 2)); np.fft.irfft(x, 5, axis=0); np.fft.hfft(x, norm="ortho")
np.fft.fft(x, axis=0, out=np.zeros((3, 4), complex)); np.fft.fftn(x[0], s=(2, 2))
np.fft.fftshift(x, axes=0); np.fft.ihfft(x); np.einsum("ij,kj->ik", x, x, optimize=True)
np.dot(x, x.T, out=np.zeros((3, 3))); np.dot(x, x.T, out=np.zeros((3, 3), "f4")); np.vdot(x, x)
np.subtract.reduce(x, axis=1); np.subtract.reduce(x, axis=None); np.copysign.accumulate(x, axis=1)
np.multiply.reduceat(x, [0, 2], axis=1); np.hypot.reduce(x, axis=(0, 1), where=x > 0)
np.add.reduce(x, axis=(0, 1), keepdims=True, dtype="c16"); np.maximum.accumulate(x, axis=0)
r = x.copy(); np.subtract.at(r, (np.array([0, 1, 0]), np.array([1, 1, 1])), 2.0)
r = x.copy(); np.arctan.at(r, [0, 0])
r = x.copy(); np.put_along_axis(r, np.argmax(x, axis=1, keepdims=True), 0, 1)
r = x.copy(); np.fill_diagonal(r, 3)
np.modf(x); np.frexp(x); np.divmod(x, 2.0); np.bitwise_count(x.astype(int)); x.astype("c8"); x.T
x.max(axis=0); x.argmax(1); x.trace(); x.diagonal(1); x.ravel(order="F"); x.flat[3]; x.item(1, 2)
"""
SQUARE = """
np.linalg.solve(x, x[0]); np.linalg.inv(x); np.linalg.det(x); np.linalg.slogdet(x); np.trace(x, 1)
np.linalg.cholesky(x, upper=True); np.linalg.eigvalsh(x); np.abs(np.linalg.eigh(x)[1])
np.linalg.eigvals(x.astype(complex)); np.abs(np.linalg.svd(x)[0]); np.abs(np.linalg.qr(x)[0])
np.linalg.matrix_power(x, -2); np.linalg.cond(x, 1); np.linalg.multi_dot([x, x, x[0]])
np.linalg.tensorsolve(x, x[0]); np.linalg.inv(x[:2]); np.linalg.inv(x * 0); np.linalg.cholesky(-x)
np.linalg.eigvals(x); np.linalg.eigvals(x - 3 * x.T); np.abs(np.linalg.eig(x)[1]); np.poly(x)
np.tril(x); np.triu(x, 1); np.diagonal(x, 1); np.einsum("ii", x); np.linalg.cross(x, x)
"""
ADVICE = {
    "np.frompyfunc(abs, 1, 1)(x)": "np.vectorize",
    "np.poly1d(x[0])": "np.polyval",
    "np.nditer(x)": "np.ndindex",
    "np.array2string(x)": "outside",
    "np.linalg.qr(x, mode='raw')": "reduced",
    "np.lib.stride_tricks.as_strided(x)": "sliding_window_view",
    "x.tobytes()": "outside",
    "np.histogram(x, bins='stone')": "give a number",
    "np.var(x, dtype=int)": "float dtype",
}


def split(text: str) -> list[str]:
    """One expression between semicolons; lines that assign are taken whole."""
    found: list[str] = []
    for line in text.strip().splitlines():
        found += [line] if line.startswith("r = ") else line.split("; ")
    return found
