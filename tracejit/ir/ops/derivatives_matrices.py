"""Derivatives of solvers and factorizations, as compositions of rows: any order, either mode.

``t`` names tangents. Formulas: M. Giles, "Collected matrix derivative results" (2008); Golub and
Pereyra, "The differentiation of pseudo-inverses" (1973). Triangular and Hermitian rows read one
triangle of their operand, and so do these: the derivative by the other triangle is zero.

Eigenvectors and singular vectors are unique only up to a phase, which is held still: ``v^H dv`` of
a column is zero (in ``svd`` of the right one, and the left one takes what turns). Where two of the
eigenvalues or singular values are equal, their vectors have no derivative and it is infinite or
nan; the values' own first derivatives do not touch the vectors' and are right for symmetric
functions of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tracejit.dtypes import is_complex, part_of
from tracejit.ir.core import Value
from tracejit.ir.ops.derivatives_linear import Accs, Cts
from tracejit.ir.ops.derivatives_reductions import Expand
from tracejit.ir.ops.matrix_expressions import Mat
from tracejit.ir.types import INDEX

if TYPE_CHECKING:
    from tracejit.ir.builder import Builder

Values: TypeAlias = Sequence[Value]
Tangents: TypeAlias = Sequence["Value | None"]
Attrs: TypeAlias = Mapping[str, Any]
Out: TypeAlias = "list[Value | None]"


def _solved(a: Mat, right: Mat) -> Mat:
    return a.like(a.b.op("solve", a.v, right.v)[0])


def _triangular(a: Mat, right: Mat, lower: bool) -> Mat:
    return a.like(a.b.op("triangular_solve", a.v, right.v, lower=lower))


def _right_side(b: Builder, ta: Mat | None, tb: Value | None, x: Value) -> Mat:
    """``tb - ta @ x``, of which at least one is there."""
    if ta is None:
        assert tb is not None
        return Mat(b, tb)
    product = ta @ Mat(b, x)
    return -product if tb is None else Mat(b, tb) - product


def solve_jvp(
    b: Builder, operands: Values, tangents: Tangents, results: Values, attrs: Attrs
) -> Out:
    """``a tx = tb - ta x``."""
    ta = None if tangents[0] is None else Mat(b, tangents[0])
    right = _right_side(b, ta, tangents[1], results[0])
    return [_solved(Mat(b, operands[0]), right).v, None]


def solve_transpose(b: Builder, cts: Cts, operands: Values, accs: Accs, attrs: Attrs) -> None:
    """Linear in the right side: solve with the transposed matrix."""
    acc, ct = accs[1], cts[0]
    assert acc is not None
    assert ct is not None
    acc.add(_solved(Mat(b, operands[0]).T, Mat(b, ct)).v)


def triangular_jvp(
    b: Builder, operands: Values, tangents: Tangents, results: Values, attrs: Attrs
) -> Out:
    """As ``solve``, by the triangle that is read."""
    lower = attrs["lower"]
    ta = None if tangents[0] is None else Mat(b, tangents[0]).triangle(lower)
    right = _right_side(b, ta, tangents[1], results[0])
    return [_triangular(Mat(b, operands[0]), right, lower).v]


def triangular_transpose(b: Builder, cts: Cts, operands: Values, accs: Accs, attrs: Attrs) -> None:
    """Linear in the right side."""
    acc, ct = accs[1], cts[0]
    assert acc is not None
    assert ct is not None
    acc.add(_triangular(Mat(b, operands[0]).T, Mat(b, ct), not attrs["lower"]).v)


def inv_jvp(b: Builder, operands: Values, tangents: Tangents, results: Values, attrs: Attrs) -> Out:
    """``-x ta x``."""
    t, x = tangents[0], Mat(b, results[0])
    assert t is not None
    return [(-(x @ Mat(b, t) @ x)).v, None]


def det_jvp(b: Builder, operands: Values, tangents: Tangents, results: Values, attrs: Attrs) -> Out:
    """By cofactors, which singular matrices have too."""
    t = tangents[0]
    assert t is not None
    cofactor = Mat(b, b.op("cofactor", operands[0]))
    return [(cofactor * Mat(b, t)).total()]


def slogdet_jvp(
    b: Builder, operands: Values, tangents: Tangents, results: Values, attrs: Attrs
) -> Out:
    """``tr(inv(a) ta)``: its real part for the logarithm, its imaginary part turns the sign."""
    t, sign = tangents[0], results[0]
    assert t is not None
    inverse = Mat(b, b.op("inv", operands[0])[0])
    trace = (inverse.T * Mat(b, t)).total()
    if not is_complex(sign.dtype):
        return [None, trace]
    part = b.op("imag", trace)
    turn = b.op("complex", b.zeros_like(part), part)
    return [b.op("mul", sign, turn), b.op("real", trace)]


def cofactor_jvp(
    b: Builder, operands: Values, tangents: Tangents, results: Values, attrs: Attrs
) -> Out:
    """Second derivatives of ``det(u s vh)``: products of all singular values but two.

    No division, so that singular matrices are right.
    """
    (a,), t = operands, tangents[0]
    assert t is not None
    n = a.shape[-1]
    u, s, vh, _ = b.op("svd", a, k=n, full=True)
    left, right = Mat(b, u), Mat(b, vh)
    m = left.H @ Mat(b, t) @ right.H
    others = Mat(b, _products_but_two(b, s)).where("ne").to(a.dtype)
    diagonal = others.columns(m.diagonal).sum((a.rank - 1,))
    inner = m.spread(diagonal, a.rank - 1).where("eq") - others * m.T
    phase = b.op("mul", b.op("det", u), b.op("det", vh))
    whole = left.conj @ inner @ right.conj
    return [(whole * whole.like(b.broadcast(phase, a.shape, whole.lead))).v]


def _products_but_two(b: Builder, s: Value) -> Value:
    """``[..., i, j]``: the product of the elements other than i and j."""
    *lead, n = s.shape
    rank = len(lead)
    shape = (*lead, n, n, n)
    i, j, k = (b.op("iota", shape=shape, axis=rank + a, dtype=INDEX.dtype) for a in range(3))
    wide = b.broadcast(s, shape, (*range(rank), rank + 2))
    skipped = b.op("bitwise_or", b.op("eq", k, i), b.op("eq", k, j))
    kept = b.op("select", skipped, b.lit(1, wide), wide)
    return b.op("reduce_prod", kept, axes=(rank + 2,))  # type: ignore[no-any-return]


def cholesky_jvp(
    b: Builder, operands: Values, tangents: Tangents, results: Values, attrs: Attrs
) -> Out:
    """``l phi(inv(l) ta inv(l)^H)``, ``phi`` the lower triangle with half of the diagonal."""
    t, upper = tangents[0], attrs["upper"]
    assert t is not None
    found = Mat(b, results[0])
    factor = found.H if upper else found
    half = _triangular(factor, Mat(b, t).hermitian(lower=not upper), True)
    middle = _triangular(factor, half.H, True)
    diagonal = middle.where("eq")
    phi = middle.triangle(True, strict=True) + diagonal * diagonal.like(b.lit(0.5, diagonal.v))
    out = factor @ phi
    return [(out.H if upper else out).v, None]


def qr_jvp(b: Builder, operands: Values, tangents: Tangents, results: Values, attrs: Attrs) -> Out:
    """By the first ``k`` columns, which have to be independent; the rest of ``r`` follows."""
    (a,), t, mode, k = operands, tangents[0], attrs["mode"], attrs["k"]
    assert t is not None
    q, r = b.op("qr", a, k=k, mode="reduced") if mode == "r" else results
    whole, ta, first = Mat(b, a), Mat(b, t), Mat(b, q).first_columns(k)
    square = Mat(b, r).part((0, k), (0, k))
    x = _triangular(square.T, ta.first_columns(k).T, True).T
    m = first.H @ x
    below = m.triangle(True, strict=True)
    turn = below - below.H
    if m.is_complex:
        turn = turn + m.where("eq").imaginary
    tq = x - first @ (m - turn)
    tr = (m - turn) @ square
    if a.shape[-1] != k:
        tr = tr.beside(tq.H @ whole.columns_from(k) + first.H @ ta.columns_from(k))
    if mode == "r":
        return [tr.v]
    if mode == "complete" and a.shape[-2] != k:
        tq = tq.beside(_complement(first, tq, Mat(b, q).columns_from(k)))
        rest = Mat(b, r).rows_from(k)
        tr = tr.above(rest.like(b.zeros_like(rest.v)))
    return [tq.v, tr.v]


def _complement(first: Mat, t: Mat, rest: Mat) -> Mat:
    """The tangent of a basis of what is orthogonal to ``first``; it does not turn in itself."""
    return -(first @ (t.H @ rest))


def svd_jvp(b: Builder, operands: Values, tangents: Tangents, results: Values, attrs: Attrs) -> Out:
    """Giles (2008), 3.2; a complex phase is taken by ``u``."""
    (a,), t, (u, s, vh, _), k = operands, tangents[0], results, attrs["k"]
    assert t is not None
    ta = Mat(b, t)
    left, right = Mat(b, u).first_columns(k), Mat(b, vh).first_rows(k).H
    m = left.H @ ta @ right
    by_column, by_row = m.columns(s), m.rows(s)
    turn = (by_column + by_column.H).over_gaps_of_squares(s)
    inverse = b.op("div", b.lit(1, s), s)
    if m.is_complex:
        turn = turn + m.where("eq").imaginary.columns(inverse)
    tu = left @ turn
    tv = right @ (by_row + by_row.H).over_gaps_of_squares(s)
    if a.shape[-2] != k:
        across = ta @ right - left @ m
        tu = tu + across.columns(inverse)
    if a.shape[-1] != k:
        down = ta.H @ left - right @ m.H
        tv = tv + down.columns(inverse)
    if attrs["full"] and a.shape[-2] != k:
        tu = tu.beside(_complement(left, tu, Mat(b, u).columns_from(k)))
    if attrs["full"] and a.shape[-1] != k:
        tv = tv.beside(_complement(right, tv, Mat(b, vh).rows_from(k).H))
    values = b.op("mul", m.real.diagonal, b.op("sign", s))  # as of |x|: zero at zero
    return [tu.v, values, tv.H.v, None]


def eigh_jvp(
    b: Builder, operands: Values, tangents: Tangents, results: Values, attrs: Attrs
) -> Out:
    """``v^H ta v``: its diagonal, and over the gaps between eigenvalues."""
    t, (w, v, _) = tangents[0], results
    assert t is not None
    vectors = Mat(b, v)
    m = vectors.H @ Mat(b, t).hermitian(attrs["lower"]) @ vectors
    return [m.real.diagonal, (vectors @ m.over_gaps(w)).v, None]


def eig_jvp(b: Builder, operands: Values, tangents: Tangents, results: Values, attrs: Attrs) -> Out:
    """``inv(v) ta v``: its diagonal, and over the gaps; columns keep their length and phase."""
    t, (w, v, *_) = tangents[0], results
    assert t is not None
    vectors = Mat(b, v)
    m = _solved(vectors, Mat(b, t).to(v.dtype) @ vectors)
    tv = vectors @ m.over_gaps(w)
    along = (vectors.conj * tv).sum((v.rank - 2,))
    return [m.diagonal, (tv - vectors.columns(along)).v, None, None]


def pinv_jvp(
    b: Builder, operands: Values, tangents: Tangents, results: Values, attrs: Attrs
) -> Out:
    """Golub and Pereyra (1973), for changes that keep the rank."""
    t, x, a = tangents[0], Mat(b, results[0]), Mat(b, operands[0])
    if t is None:  # the tolerance alone
        return [None, None]
    ta = Mat(b, t)
    if len(operands) == 2:
        return [_cut_off(a, ta, operands[1]).v, None]
    below = x @ x.H @ ta.H
    beside = ta.H @ x.H @ x
    out = -(x @ ta @ x) + (below - below @ a @ x) + (beside - x @ (a @ beside))
    return [out.v, None]


def _cut_off(a: Mat, ta: Mat, tolerance: Value) -> Mat:
    """The tangent of a pseudo-inverse that leaves out small singular values, which need not be 0.

    It is a function of singular values, 1/s of those kept: its divided differences have gaps only
    between one that is kept and one that is not.
    """
    b, (m, n) = a.b, a.v.shape[-2:]
    k = m if m == n else b.op("minimum", b.index(m), b.index(n)).dim
    u, s, vh, _ = b.op("svd", a.v, k=k, full=False)
    left, right = Mat(b, u), Mat(b, vh).H
    inner = left.H @ ta @ right
    kept = _kept(b, s, tolerance)
    one, zero = b.lit(1, s), b.zeros_like(s)
    inverse = b.op("select", kept, b.op("div", one, b.op("select", kept, s, one)), zero)
    first, last = inner.v.rank - 2, inner.v.rank - 1
    gi, gj = (inner.spread(inverse, axis) for axis in (first, last))
    si, sj = (inner.spread(s, axis) for axis in (first, last))
    flags = [inner.spread(b.convert(kept, s.dtype), axis).v for axis in (first, last)]
    mixed = b.op("ne", *flags)

    def quotient(over: Mat, under: Mat, same: Mat) -> Mat:
        safe = b.op("select", mixed, under.v, b.lit(1, under.v))
        return over.like(b.op("select", mixed, b.op("div", over.v, safe), same.v))

    half = inner.like(b.lit(0.5, inner.v))
    even, odd = (inner + inner.H) * half, (inner - inner.H) * half
    moved = (
        quotient(gi - gj, si - sj, -(gi * gj)) * even + quotient(gi + gj, si + sj, gi * gj) * odd
    )
    out = left @ moved @ right.H
    square = b.op("mul", inverse, inverse)
    across, down = ta @ right - left @ inner, ta.H @ left - right @ inner.H
    out = out + across.columns(square) @ right.H + (down.columns(square) @ left.H).H
    return out.H


def _kept(b: Builder, s: Value, tolerance: Value) -> Value:
    """Singular values above the tolerance times the largest one."""
    last = s.rank - 1
    largest = b.op("reduce_max", s, axes=(last,))
    limit = b.convert(tolerance, s.dtype)
    limit = b.op("mul", largest, b.broadcast(limit, largest.shape))
    return b.op("gt", s, b.broadcast(limit, s.shape, range(last)))  # type: ignore[no-any-return]


def lstsq_jvp(
    b: Builder, operands: Values, tangents: Tangents, results: Values, attrs: Attrs
) -> Out:
    """As ``pinv(a) @ b`` by the same tolerance; singular values as those of ``svd``."""
    (a, right, *given), (ta, tb) = operands, tangents[:2]
    limit = given[0] if given else _machine_tolerance(b, a)
    inverse = Mat(b, b.op("pinv", a, limit, hermitian=False)[0])
    out = None if tb is None else inverse @ Mat(b, tb)
    if ta is None:
        return [None if out is None else out.v, None, None, None]
    t, x, matrix = Mat(b, ta), Mat(b, results[0]), Mat(b, a)
    if given:
        moved = _cut_off(matrix, t, limit) @ Mat(b, right)
    else:
        gap = Mat(b, right) - matrix @ x
        beside = t.H @ (inverse.H @ x)
        moved = inverse @ (inverse.H @ (t.H @ gap)) - inverse @ (t @ x)
        moved = moved + beside - inverse @ (matrix @ beside)
    u, _, vh, _ = b.op("svd", a, k=attrs["k"], full=False)
    values = (Mat(b, u).H @ t @ Mat(b, vh).H).real.diagonal
    return [(moved if out is None else out + moved).v, None, values, None]


def _machine_tolerance(b: Builder, a: Value) -> Value:
    """NumPy's default of ``lstsq``: the precision times the larger side."""
    real = part_of(a.dtype)
    larger = b.op("maximum", *(b.index(n) for n in a.shape[-2:]))
    size = b.convert(larger, real)
    return b.op("mul", size, b.const(np.finfo(real).eps, real))  # type: ignore[no-any-return]


def _by_eigh(b: Builder, operands: Values, attrs: Attrs) -> list[Value]:
    w, _, ok = b.op("eigh", *operands, **attrs)
    return [w, ok]


def _by_eig(b: Builder, operands: Values, attrs: Attrs) -> list[Value]:
    w, _, real, ok = b.op("eig", *operands)
    return [w, real, ok]


def _by_svd(b: Builder, operands: Values, attrs: Attrs) -> list[Value]:
    _, s, _, ok = b.op("svd", *operands, k=attrs["k"], full=False)
    return [s, ok]


_RIGHT_SIDE = ((1,),)
SOLVE = {"jvp": solve_jvp, "linear": _RIGHT_SIDE, "transpose": solve_transpose}
TRIANGULAR_SOLVE = {
    "jvp": triangular_jvp,
    "linear": _RIGHT_SIDE,
    "transpose": triangular_transpose,
}
INV = {"jvp": inv_jvp}
DET = {"jvp": det_jvp}
SLOGDET = {"jvp": slogdet_jvp}
COFACTOR = {"jvp": cofactor_jvp}
CHOLESKY = {"jvp": cholesky_jvp}
QR = {"jvp": qr_jvp}
SVD = {"jvp": svd_jvp}
SVDVALS = {"jvp": Expand(_by_svd)}
EIGH = {"jvp": eigh_jvp}
EIGVALSH = {"jvp": Expand(_by_eigh)}
EIG = {"jvp": eig_jvp}
EIGVALS = {"jvp": Expand(_by_eig)}
PINV = {"jvp": pinv_jvp}
LSTSQ = {"jvp": lstsq_jvp}
