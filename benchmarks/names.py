"""What `python -m tracejit.bench --names` times: an expression for every supported name of NumPy.

`x`, `y`, `A` and the rest are what `tracejit.bench.names.given` makes.
"""

from __future__ import annotations

_UNARY = """
absolute arccos arcsin arctan arcsinh arctanh bitwise_count cbrt ceil conjugate cos cosh deg2rad
degrees exp exp2 expm1 fabs floor frexp invert isfinite isinf isnan log log10 log1p log2 logical_not
modf negative positive rad2deg radians reciprocal rint sign signbit sin sinh spacing sqrt square tan
tanh trunc
"""
_BINARY = """
add arctan2 bitwise_and bitwise_or bitwise_xor copysign divide divmod equal float_power floor_divide
fmax fmin fmod gcd greater greater_equal heaviside hypot lcm less less_equal logaddexp logaddexp2
logical_and logical_or logical_xor maximum minimum multiply nextafter not_equal power remainder
subtract
"""
_EXPRESSIONS = """
np.arccosh(w)
np.ldexp(x, h)
np.left_shift(x, np.int64(3))
np.right_shift(x, np.int64(3))
np.matmul(T, S)
np.matvec(A, A[0])
np.vecdot(P, Q)
np.vecmat(A[0], A)

np.all(x > 0)
np.allclose(x, x)
np.amax(x)
np.amin(x)
np.angle(z)
np.any(x < 0)
np.append(x, y)
np.apply_along_axis(np.sum, 0, T)
np.apply_over_axes(np.sum, A, 0)
np.arange(n)
np.argmax(x)
np.argmin(x)
np.argpartition(x, 9)
np.argsort(x)
np.argwhere(b)
np.around(x, 2)
np.array(x)
np.array_equal(x, x)
np.array_equiv(x, x)
np.array_split(x, 3)
np.asanyarray(x)
np.asarray(x)
np.asarray_chkfinite(x)
np.ascontiguousarray(A.T)
np.asfortranarray(A)
np.astype(x, np.float32)
np.atleast_1d(x)
np.atleast_2d(x)
np.atleast_3d(x)
np.average(x, weights=y)
np.bartlett(n)
np.bincount(h)
np.blackman(n)
np.block([[A, B], [B, A]])
np.broadcast_arrays(A, A[0])
np.broadcast_to(x, (3, n))
np.choose(h % 2, (x, y))
np.clip(x, 0.2, 0.8)
np.column_stack((x, y))
np.compress(b, x)
np.concatenate((x, y))
np.convolve(x, v)
np.copy(x)
np.copyto(x, y)
np.corrcoef(P.T)
np.correlate(x, v)
np.count_nonzero(b)
np.cov(P.T)
np.cross(P, Q)
np.cumprod(x)
np.cumsum(x)
np.cumulative_prod(x)
np.cumulative_sum(x)
np.delete(x, 3)
np.diag(A)
np.diag_indices(m)
np.diag_indices_from(A)
np.diagflat(r)
np.diagonal(A)
np.diff(x)
np.digitize(x, s[::10])
np.dot(A, A[0])
np.dsplit(A[None], 2)
np.dstack((x, y))
np.ediff1d(x)
np.einsum("ij,ij->i", A, B)
np.emath.arccos(x)
np.emath.arcsin(x)
np.emath.arctanh(x)
np.emath.log(x)
np.emath.log10(x)
np.emath.log2(x)
np.emath.logn(3.0, x)
np.emath.power(x, 2.5)
np.emath.sqrt(z)
np.empty(n)
np.empty_like(x)
np.expand_dims(x, 0)
np.extract(b, x)
np.eye(m)
np.fft.fft(x)
np.fft.fft2(A)
np.fft.fftfreq(n)
np.fft.fftn(A)
np.fft.fftshift(x)
np.fft.hfft(x)
np.fft.ifft(x)
np.fft.ifft2(A)
np.fft.ifftn(A)
np.fft.ifftshift(x)
np.fft.ihfft(x)
np.fft.irfft(x)
np.fft.irfft2(A)
np.fft.irfftn(A)
np.fft.rfft(x)
np.fft.rfft2(A)
np.fft.rfftfreq(n)
np.fft.rfftn(A)
np.fill_diagonal(A, 2.0)
np.fix(z)
np.flatnonzero(b)
np.flip(x)
np.fliplr(A)
np.flipud(A)
np.fromfunction(lambda i, j: i + j, (m, m))
np.full(n, 2.0)
np.full_like(x, 2.0)
np.geomspace(1.0, 9.0, n)
np.gradient(x)
np.hamming(n)
np.hanning(n)
np.histogram(x, 10)
np.histogram2d(x, y, 10)
np.histogram_bin_edges(x, 10)
np.histogramdd((x, y), 10)
np.hsplit(A, 2)
np.hstack((x, y))
np.i0(x)
np.identity(m)
np.imag(x)
np.indices((m, m))
np.inner(A, A[0])
np.insert(x, 3, 0.5)
np.interp(y, s, x)
np.intersect1d(h, x)
np.isclose(x, y)
np.iscomplex(x)
np.isin(h, v)
np.isneginf(x)
np.isposinf(x)
np.isreal(x)
np.ix_(h, h)
np.kaiser(n, 14.0)
np.kron(T[:9, :9], S[:99, :99])
np.lexsort((x, y))
np.lib.stride_tricks.sliding_window_view(x, 5)
np.linalg.cholesky(S)
np.linalg.cond(S)
np.linalg.cross(P, Q)
np.linalg.det(S)
np.linalg.diagonal(A)
np.linalg.eig(T)
np.linalg.eigh(S)
np.linalg.eigvals(S)
np.linalg.eigvalsh(S)
np.linalg.inv(S)
np.linalg.lstsq(S, r)
np.linalg.matmul(T, S)
np.linalg.matrix_norm(A)
np.linalg.matrix_power(S * 0.01, 3)
np.linalg.matrix_rank(S)
np.linalg.matrix_transpose(A)
np.linalg.multi_dot([T, S, r])
np.linalg.norm(x)
np.linalg.outer(A[0], A[1])
np.linalg.pinv(S)
np.linalg.qr(S)
np.linalg.slogdet(S)
np.linalg.solve(S, r)
np.linalg.svd(S)
np.linalg.svdvals(S)
np.linalg.tensordot(T, S, axes=1)
np.linalg.tensorinv(S, 1)
np.linalg.tensorsolve(S, r)
np.linalg.trace(A)
np.linalg.vecdot(P, Q)
np.linalg.vector_norm(x)
np.linspace(0.0, 1.0, n)
np.logspace(0.0, 1.0, n)
np.mask_indices(m, np.triu)
np.matrix_transpose(A)
np.max(A, 0)
np.mean(x)
np.median(x)
np.meshgrid(A[0], A[1])
np.min(A, 1)
np.moveaxis(A, 0, 1)
np.nan_to_num(x)
np.nanargmax(x)
np.nanargmin(x)
np.nancumprod(x)
np.nancumsum(x)
np.nanmax(x)
np.nanmean(x)
np.nanmedian(x)
np.nanmin(x)
np.nanpercentile(x, 30)
np.nanprod(x)
np.nanquantile(x, 0.3)
np.nanstd(x)
np.nansum(x)
np.nanvar(x)
np.nonzero(b)
np.ones(n)
np.ones_like(x)
np.outer(A[0], A[1])
np.packbits(u)
np.pad(x, 2)
np.partition(x, 9)
np.percentile(x, 30)
np.piecewise(x, [x > 0.5], [lambda t: t * t, 0.0])
np.place(x, b, v)
np.poly(v)
np.polyadd(x, v)
np.polyder(x)
np.polydiv(r, v)
np.polyfit(x, y, 2)
np.polyint(x)
np.polymul(x, v)
np.polysub(x, v)
np.polyval(v, x)
np.prod(x)
np.ptp(x)
np.put(x, h, v)
np.put_along_axis(x, i, y, 0)
np.putmask(x, b, y)
np.quantile(x, 0.3)
np.ravel(A.T)
np.ravel_multi_index((h, h), (100, 100))
np.real(x)
np.real_if_close(x)
np.repeat(x, 3)
np.require(x)
np.reshape(x, (m, m))
np.resize(x, n + 7)
np.roll(x, 3)
np.rollaxis(A, 1)
np.roots(v)
np.rot90(A)
np.round(x)
np.searchsorted(s, y)
np.select([x > 0.5, y > 0.5], [x, y])
np.setdiff1d(h, v)
np.setxor1d(h, v)
np.sinc(z)
np.sort(x)
np.sort_complex(x)
np.split(x, 2)
np.squeeze(A[None])
np.stack((x, y))
np.std(x)
np.sum(A, 0)
np.swapaxes(A, 0, 1)
np.take(x, i)
np.take_along_axis(x, i, 0)
np.tensordot(T, S, 1)
np.tile(x, 3)
np.trace(A)
np.transpose(A)
np.trapezoid(x)
np.tri(m)
np.tril(A)
np.tril_indices(m)
np.tril_indices_from(A)
np.trim_zeros(x)
np.triu(A)
np.triu_indices(m)
np.triu_indices_from(A)
np.union1d(h, x)
np.unique(h)
np.unique_all(h)
np.unique_counts(h)
np.unique_inverse(h)
np.unique_values(h)
np.unpackbits(u)
np.unravel_index(i, (m, m))
np.unstack(P.T)
np.unwrap(x)
np.vander(r, 5)
np.var(A, 1)
np.vdot(x, y)
np.vsplit(A, 2)
np.vstack((x, y))
np.where(x > 0.5, x, y)
np.zeros(n)
np.zeros_like(x)

x.all()
x.any()
x.argmax()
x.argmin()
x.argpartition(9)
x.argsort()
x.astype(np.float64)
(h % 2).choose((x, y))
x.clip(0.2, 0.8)
x.compress(b)
x.conj()
x.conjugate()
x.copy()
x.cumprod()
x.cumsum()
A.diagonal()
A.dot(A[0])
x.fill(0.5)
A.flatten()
x[:1].item()
A.max(1)
A.mean(0)
A.min(0)
b.nonzero()
x.prod()
x.put(h, v)
A.ravel()
x.repeat(3)
x.reshape((m, m))
x.round(2)
s.searchsorted(y)
A[None].squeeze()
A.std(0)
A.sum(1)
A.swapaxes(0, 1)
x.take(i)
x.tolist()
A.trace()
A.transpose()
A.var(0)
x.view(np.uint8)
"""


def _name(expression: str) -> str:
    """`np.sum` of `np.sum(A, 0)`, `x.sum` of `A.sum(1)`."""
    head = expression[: expression.index("(", 1 if expression[0] == "(" else 0)]
    if expression[0] == "(":
        head = expression.split(")", 1)[1].split("(")[0]
    return head if head.startswith("np.") else "x." + head.split(".")[-1]


#: The expression by the name that it stands for.
NAMES = {
    **{f"np.{name}": f"np.{name}(x)" for name in _UNARY.split()},
    **{f"np.{name}": f"np.{name}(x, y)" for name in _BINARY.split()},
    **{_name(line): line for line in _EXPRESSIONS.splitlines() if line},
    "x.partition": "t = x.copy(); t.partition(9); t",
    "x.sort": "t = x.copy(); t.sort(); t",
}
_OF_TYPES = (
    *("broadcast_shapes", "can_cast", "common_type", "iscomplexobj", "isrealobj", "isscalar"),
    *("may_share_memory", "min_scalar_type", "ndim", "result_type", "shape", "shares_memory"),
    "size",
)
#: Names whose values are not compared: NumPy does not say what they are, or in which order.
UNORDERED = {
    **dict.fromkeys(("np.empty", "np.empty_like"), "what was in memory before"),
    "np.unique_values": "NumPy does not sort them",
}
#: Supported names that are not timed, and why.
NOT_TIMED = {
    "np.fromiter": "its iterator is used up by a call",
    "np.random.default_rng": "see `benchmarks/draws.py`",
    **{f"np.{name}": "a question about types, answered when compiling" for name in _OF_TYPES},
}
_SVML = "NumPy has AVX-512 code of SVML's (docs/accuracy.md)"
_SAME = "the same C function runs; under load the figures differ by as much"
_WRITES = "memory of results is used again, and read before it is written; NumPy's is new"
_TURNED = "element by element, not in blocks"
_SVML_NAMES = (
    "arccos arccosh arcsin arcsinh arctan arctan2 arctanh cbrt cosh exp2 expm1 log10 log2 power tan"
)
_WRITING_NAMES = """
array clip copy delete diff divide eye fmax full full_like identity maximum minimum multiply
negative ones ones_like resize round sign square subtract tile trunc zeros
"""
#: Why a name is slower than NumPy, at some sizes.
EXPLAINED: dict[str, str] = {
    **{f"np.{name}": _SVML for name in _SVML_NAMES.split()},
    **dict.fromkeys(("np.emath.arccos", "np.emath.arcsin"), _SVML),
    **{n: _SAME for n in NAMES if n.startswith(("np.fft.", "np.linalg."))},
    **dict.fromkeys(("np.sort", "np.argsort", "np.lexsort", "x.sort"), _SAME),
    **dict.fromkeys((f"{x}.{n}partition" for x in ("np", "x") for n in ("", "arg")), _SAME),
    **{f"np.{name}": _WRITES for name in _WRITING_NAMES.split()},
    **dict.fromkeys(("np.ravel", "np.ascontiguousarray", "x.ravel", "x.flatten"), _TURNED),
    "np.i0": "NumPy makes the call, through Python",
    **dict.fromkeys(("np.take", "x.take"), "all indices are checked before the first is used"),
    "np.packbits": "NumPy takes the sign bits of 16 bytes at once",
    "np.unpackbits": "NumPy stores eight bytes at once, from a table",
    "np.nanmax": "read twice: for the largest, and for whether there is a number at all",
    "np.nanmin": "read twice: for the least, and for whether there is a number at all",
}
