"""``np.einsum``: any subscripts, as products, diagonals, sums and pairwise contractions."""

from __future__ import annotations

import string
from typing import Any

import numpy as np

from tracejit.errors import throw
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.trace.array_api.delivery import deliver
from tracejit.trace.array_api.names import covers
from tracejit.trace.array_api.operands import (
    builder,
    cast,
    given_dtype,
    operand,
    permuted,
)
from tracejit.trace.array_api.products import contracted
from tracejit.trace.array_api.promotion import promote
from tracejit.trace.array_api.reductions import fold_value
from tracejit.trace.array_api.ufunc_loops import LOOPS
from tracejit.trace.session.concretize import shown_dim
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array
from tracejit.trace.views.broadcast import broadcast_shapes, stretch
from tracejit.trace.views.views import diagonal_view, transposed

Term = tuple[str, Value]


@covers(np.einsum)
def einsum(
    *operands: Any,
    out: Any = None,
    optimize: Any = False,
    dtype: Any = None,
    order: str = "K",
    casting: Any = "safe",
) -> Any:
    """Einstein summation; products of many operands follow ``np.einsum_path`` where it can."""
    subscripts, args = _subscripts(operands)
    if len(args) == 1 and out is None and dtype is None and isinstance(args[0], Array):
        label, result = _parsed(subscripts, [args[0].ndim])
        if set(label[0]) == set(result):
            return _as_view(args[0], label[0], result)
    inputs = [operand(a) for a in args]
    kind = promote(inputs) if dtype is None else given_dtype(dtype)
    values = [cast(x, kind) for x in inputs]
    labels, result = _parsed(subscripts, [v.rank for v in values])
    sizes = _sizes(labels, values)
    terms = [_prepared(label, v, sizes) for label, v in zip(labels, values, strict=True)]
    for pair in _path(terms, result):
        picked = [terms[i] for i in pair]
        terms = [t for i, t in enumerate(terms) if i not in pair]
        keep = set(result).union(*(label for label, _ in terms))
        terms.append(_product(picked[0], picked[1], keep, sizes))
    return deliver(_arranged(terms[0], result), out)


def _as_view(x: Array, label: str, result: str) -> Array:
    """Diagonals and another order of axes, where nothing is summed: a view that can be written."""
    for c in dict.fromkeys(label):
        while label.count(c) > 1:
            i = label.index(c)
            j = label.index(c, i + 1)
            message = f"dimensions in single operand for collapsing index '{c}' don't match"
            current().require_equal(x.dims[i], x.dims[j], ValueError, message)
            x = diagonal_view(x, 0, i, j)
            label = "".join(o for k, o in enumerate(label) if k not in (i, j)) + c
    return transposed(x, [label.index(c) for c in result])


def _subscripts(operands: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """The string form, also for ``einsum(a, [0, 1], b, [1, 2], [0, 2])``."""
    if isinstance(operands[0], str):
        return operands[0].replace(" ", ""), list(operands[1:])
    letters = string.ascii_letters

    def text(spec: Any) -> str:
        return "".join("..." if s is Ellipsis else letters[s] for s in spec)

    args = list(operands[: len(operands) // 2 * 2 : 2])
    joined = ",".join(text(s) for s in operands[1::2])
    return (f"{joined}->{text(operands[-1])}" if len(operands) % 2 else joined), args


def _parsed(subscripts: str, ranks: list[int]) -> tuple[list[str], str]:
    """Labels per operand and of the result, ellipses replaced by unused letters."""
    left, arrow, right = subscripts.partition("->")
    given = left.split(",")
    if len(given) != len(ranks):
        throw(
            ValueError("fewer or more operands provided to einstein sum function than subscripts")
        )
    unused = [c for c in string.ascii_uppercase + string.ascii_lowercase if c not in subscripts]
    hidden = [r - len(g.replace("...", "")) if "..." in g else 0 for g, r in zip(given, ranks)]
    most = max(hidden, default=0)
    dots = "".join(unused[:most])
    labels = []
    for k, (g, r, h) in enumerate(zip(given, ranks, hidden, strict=True)):
        label = g.replace("...", dots[most - h :] if h > 0 else "")
        if len(label) != r or h < 0:
            throw(
                ValueError(
                    f"einstein sum subscripts string contains too many subscripts for operand {k}"
                    if len(label) > r
                    else "operand has more dimensions than subscripts given in einstein sum, but "
                    "no '...' ellipsis provided to broadcast the extra dimensions."
                )
            )
        labels.append(label)
    if arrow:
        result = right.replace("...", dots)
    else:
        joined = "".join(labels)
        once = [c for c in set(joined) if joined.count(c) == 1 and c not in dots]
        result = dots + "".join(sorted(once))
    for c in result:
        said = "einstein sum subscripts string {} output subscript '" + c + "' {}"
        if result.count(c) > 1:
            throw(ValueError(said.format("includes", "multiple times")))
        if not any(c in label for label in labels):
            throw(ValueError(said.format("included", "which never appeared in an input")))
    return labels, result


def _sizes(labels: list[str], values: list[Value]) -> dict[str, Dim]:
    """The extent of each label, which others are matched with or, of 1, stretched to."""
    found: dict[str, list[Dim]] = {}
    for label, v in zip(labels, values, strict=True):
        for c, d in zip(label, v.shape, strict=True):
            found.setdefault(c, []).append(d)
    sizes: dict[str, Dim] = {}
    for c, dims in found.items():
        message = f"operands could not be broadcast together: subscript '{c}' has sizes "
        message += " and ".join(map(shown_dim, dict.fromkeys(dims)))
        (sizes[c],) = broadcast_shapes([(d,) for d in dims], message)
    return sizes


def _prepared(label: str, x: Value, sizes: dict[str, Dim]) -> Term:
    """Extents matched, axes of extent 1 that broadcast dropped, repeated labels to diagonals."""
    b = builder()
    for k, c in enumerate(label):
        if x.shape[k] != 1:
            message = f"operands could not be broadcast together: subscript '{c}' has sizes "
            message += f"{shown_dim(x.shape[k])} and {shown_dim(sizes[c])}"
            x = stretch(x, (*x.shape[:k], sizes[c], *x.shape[k + 1 :]), message)
    dropped = [k for k, c in enumerate(label) if x.shape[k] == 1 and sizes[c] != 1]
    if dropped:
        x = b.reshape(x, [d for k, d in enumerate(x.shape) if k not in dropped])
        label = "".join(c for k, c in enumerate(label) if k not in dropped)
    for c in dict.fromkeys(label):
        while label.count(c) > 1:
            i = label.index(c)
            j = label.index(c, i + 1)
            x = diagonal_value(x, i, j)
            label = "".join(o for k, o in enumerate(label) if k not in (i, j)) + c
    return label, x


def diagonal_value(x: Value, i: int, j: int, offset: int = 0) -> Value:
    """The diagonal of two axes as the last axis: a strided slice of the merged axes."""
    b = builder()
    others = [k for k in range(x.rank) if k not in (i, j)]
    x = permuted(x, (*others, i, j))
    *lead, m, n = x.shape
    flat = b.reshape(x, (*lead, m * n))
    start: Dim = offset if offset >= 0 else -offset * n
    zeros, ones = [0] * len(lead), [1] * len(lead)
    shape = (*lead, diagonal_length(m, n, offset))
    return b.slice(flat, [*zeros, start], shape, [*ones, n + 1])


def diagonal_length(m: Dim, n: Dim, offset: int) -> Dim:
    """Elements on a diagonal of an m by n matrix."""
    left, right = (m, n - offset) if offset >= 0 else (m + offset, n)
    return left if left == right and offset == 0 else ex.emax(ex.emin(left, right), 0)


def _path(terms: list[Term], result: str) -> list[tuple[int, int]]:
    """Pairs to contract; positions as in ``np.einsum_path``."""
    count = len(terms)
    if count < 2:
        return []
    static = all(isinstance(d, int) for _, v in terms for d in v.shape)
    if count == 2 or not static:
        return [(0, 1)] + [(0, k) for k in range(count - 2, 0, -1)]
    dummies = [np.broadcast_to(0.0, tuple(map(int, v.shape))) for _, v in terms]  # type: ignore[arg-type]
    text = ",".join(label for label, _ in terms) + "->" + result
    steps = np.einsum_path(text, *dummies, optimize="greedy")[0][1:]
    pairs: list[tuple[int, int]] = []
    for step in steps:
        positions = sorted(step)
        left = len(terms) - len(pairs)
        first = positions[:2]
        pairs.append((first[0], first[1]))
        for extra in range(len(positions) - 2):
            pairs.append((positions[2 + extra] - 2 - extra, left - 2 - extra))
    return [(min(p), max(p)) for p in pairs]


def _product(a: Term, c: Term, keep: set[str], sizes: dict[str, Dim]) -> Term:
    """One pairwise product, labels that no one needs any more summed away."""
    a, c = _summed(a, keep | set(c[0])), _summed(c, keep | set(a[0]))
    (la, x), (lc, y) = a, c
    shared = [s for s in la if s in lc]
    batch = [s for s in shared if s in keep]
    gone = [s for s in shared if s not in keep]
    if not gone:
        return _outer_product(a, c)
    contract = (tuple(la.index(s) for s in gone), tuple(lc.index(s) for s in gone))
    pairs = (tuple(la.index(s) for s in batch), tuple(lc.index(s) for s in batch))
    label = "".join(
        [*batch, *(s for s in la if s not in shared), *(s for s in lc if s not in shared)]
    )
    return label, contracted(x, y, contract, pairs)


def _outer_product(a: Term, c: Term) -> Term:
    """Without contraction: an elementwise product over the union of the labels."""
    b = builder()
    (la, x), (lc, y) = a, c
    label = la + "".join(s for s in lc if s not in la)
    dims = {**dict(zip(lc, y.shape, strict=True)), **dict(zip(la, x.shape, strict=True))}
    shape = [dims[s] for s in label]
    left = b.broadcast(x, shape, [label.index(s) for s in la])
    right = b.broadcast(y, shape, [label.index(s) for s in lc])
    return label, LOOPS[np.multiply](b, left, right)


def _summed(term: Term, keep: set[str]) -> Term:
    label, x = term
    axes = tuple(k for k, c in enumerate(label) if c not in keep)
    if not axes:
        return term
    rest = "".join(c for c in label if c in keep)
    return rest, fold_value(np.add, x, axes, x.dtype)


def _arranged(term: Term, result: str) -> Value:
    label, x = _summed(term, set(result))
    return permuted(x, [label.index(c) for c in result])
