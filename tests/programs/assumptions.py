"""Phrases in which values decide dtypes: spectra of real matrices, roots, complex square roots."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

ASSUMPTIONS = Phrases()

REAL = np.array([[2.0, 1.0, 0.0], [1.0, 3.0, 0.5], [0.0, 0.5, -1.0]])
TURN = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 2.0]])
SKEW = np.array([[1.0, 2.0, 0.0], [0.25, 1.0, 3.0], [0.0, 0.5, 4.0]])
TRIANGLE = np.array([[1.0, 5.0, 2.0], [0.0, 1.0, 7.0], [0.0, 0.0, 3.0]])
WIDE = np.array([[0.0, 1.0, 0.0, 0.0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0]])
BAD = np.array([[1.0, np.nan, 0.0], [0.0, 1.0, 0.0], [np.inf, 0.0, 1.0]])
MATRICES = ((REAL,), (TURN,), (SKEW,), (WIDE,), (TRIANGLE,), (WIDE + WIDE.T,), (BAD,))


@ASSUMPTIONS(*MATRICES, (np.zeros((1, 1)),), (np.zeros((0, 0)),))
def spectrum(a: Any) -> Any:
    return np.linalg.eigvals(a)


@ASSUMPTIONS(*MATRICES, (np.full((1, 1), 4.0),), (np.zeros((0, 0)),), (TURN[:2],))
def vectors(a: Any) -> Any:
    values, vectors = np.linalg.eig(a)
    return values, vectors


@ASSUMPTIONS(*((a.astype(np.float32),) for (a,) in MATRICES))
def in_single_precision(a: Any) -> Any:
    found = np.linalg.eig(a)
    return found.eigenvalues, found.eigenvectors, found.eigenvalues.dtype.itemsize


@ASSUMPTIONS(
    (TURN.astype(np.int64),), (np.array([[2, 1], [1, 2]]),), (np.array([[2, 1], [-1, 2]]),)
)
def of_integers(a: Any) -> Any:
    return np.linalg.eigvals(a)


@ASSUMPTIONS(
    (np.stack([REAL, TRIANGLE]),),
    (np.stack([REAL, TURN]),),
    (np.stack([TURN, TURN, SKEW]),),
    (np.stack([REAL, SKEW, TRIANGLE]),),
    (np.zeros((0, 3, 3)),),
)
def of_stacks(a: Any) -> Any:
    values, vectors = np.linalg.eig(a)
    return values, vectors, np.linalg.eigvals(a * 2)


@ASSUMPTIONS(*((a, np.ones(3)) for a in (REAL, TURN, TURN, REAL, SKEW, BAD)))
def after_writing(a: Any, out: Any) -> Any:
    out *= 2
    out[0] += a[0, 0]
    a[0, 0] += out[1]
    values = np.linalg.eigvals(a)
    out[1] = np.abs(values[0])
    return values


@ASSUMPTIONS(*((a,) for a in (TURN, REAL, TURN, REAL, BAD)))
def after_printing(a: Any) -> Any:
    print("trace", int(np.trace(a)))
    values = np.linalg.eigvals(a)
    print(len(values), "values")
    return values


@ASSUMPTIONS(*((a, np.arange(9.0)) for a in (TURN, REAL, TURN)))
def after_writing_what_overlaps(a: Any, x: Any) -> Any:
    left, right = x[:6], x[3:]
    left[:] = right * 2
    values = np.linalg.eigvals(a + left[0])
    right += left
    return values, x[::2]


@ASSUMPTIONS((REAL, 1), (TURN, 1), (TURN, -1), (REAL, -1), (TURN, 1))
def in_a_branch(a: Any, way: int) -> Any:
    if a[0, 0] * way >= 0:
        found = np.abs(np.linalg.eigvals(a)).sum()
    else:
        found = np.sqrt(np.linalg.eigvals(a.T) ** 2).real.sum() * 2
    return found


@ASSUMPTIONS(
    (np.stack([REAL, TRIANGLE]),),
    (np.stack([TURN, -2 * TURN]),),
    (np.stack([TURN, TURN, TURN]),),
    (np.stack([REAL, REAL, REAL, REAL]),),
    rtol=1e-13,
)
def in_a_loop(matrices: Any) -> Any:
    total = 0.0
    largest = np.zeros(len(matrices))
    for k in range(len(matrices)):
        values = np.linalg.eigvals(matrices[k])
        largest[k] = np.max(np.abs(values))
        total += np.sum(values * values).real
    return largest, total


@ASSUMPTIONS((TURN, 3), (TURN, 0), (TURN, 4), policies=("dynamic",))
def that_compiles_one_way_only(a: Any, n: int) -> Any:
    found = np.zeros(3, complex)
    for k in range(n):
        found = found + np.linalg.eigvals(a) * k
        found[0] = 1j
    return found


@ASSUMPTIONS((REAL, TURN), (TURN, REAL), (TURN, TURN), (REAL, REAL), (SKEW, TURN))
def several(a: Any, b: Any) -> Any:
    first, second = np.linalg.eigvals(a), np.linalg.eigvals(b)
    third = np.linalg.eigvals(a @ b) if first.dtype == second.dtype else first * second
    return first, second, third


@ASSUMPTIONS((TURN,), (REAL,), (TURN,))
def what_dtypes_decide(a: Any) -> Any:
    values = np.linalg.eigvals(a)
    if values.dtype.kind == "c":
        return "turns", values.imag
    return "stretches", values, values > 0


COEFFICIENTS = (
    [1.0, -3.0, 2.0],
    [1.0, 0.0, 1.0],
    [0.0, 0.0, 1.0, -3.0, 2.0, 0.0, 0.0],
    [0.0, 1.0, 0.0, 1.0, 0.0],
    [1.0, 2.0, 3.0, 4.0],
    [0.0, 0.0],
    [0.0, 5.0, 0.0],
    [5.0],
    [],
    [1.0, np.nan, 2.0],
)
POLYNOMIALS = tuple(np.array(p, float) for p in COEFFICIENTS)


@ASSUMPTIONS(*((p,) for p in POLYNOMIALS))
def roots_of(p: Any) -> Any:
    return np.roots(p)


@ASSUMPTIONS(*((p.astype(np.float32),) for p in POLYNOMIALS))
def roots_in_single_precision(p: Any) -> Any:
    return np.roots(p)


@ASSUMPTIONS(*((p * 1j,) for p in POLYNOMIALS))
def roots_of_complex(p: Any) -> Any:
    return np.roots(p)


@ASSUMPTIONS(*((p.astype(int),) for p in POLYNOMIALS[:-1]))
def roots_of_integers(p: Any) -> Any:
    return np.roots(p), np.roots(p[::-1]).real.sum()


@ASSUMPTIONS((1.0, 2.0), (3.0, 2.0), (0.0, 0.0), (3.0, 0.0))
def roots_of_a_list(b: float, c: float) -> Any:
    return np.roots([1.0, b, c])


@ASSUMPTIONS(
    (REAL,), (TURN,), (TRIANGLE.astype(int),), (REAL[:2],), (WIDE,), rtol=1e-13, policies=("auto",)
)
def characteristic_polynomial(a: Any) -> Any:
    return np.poly(a)


@ASSUMPTIONS(
    (np.array([1j, -1j]),),
    (np.array([1j, 1j]),),
    (np.array([2.0 + 1j, 3.0, 2.0 - 1j]),),
    (np.zeros(0, complex),),
    policies=("auto",),
)
def polynomial_of_complex_roots(zeros: Any) -> Any:
    return np.poly(zeros)


NUMBERS = ((np.array([1.0, 4.0]),), (np.array([-1.0, 0.5]),), (np.array([np.nan, 0.25]),))


@ASSUMPTIONS(*NUMBERS, (np.zeros(0),), (np.array([0.5, 0.25]),), rtol=1e-14)
def complex_where_needed(x: Any) -> Any:
    em = np.emath
    found = [em.sqrt(x), em.log(x), em.log2(x), em.log10(x), em.logn(2.0, x), em.power(x, 1.5)]
    return *found, em.arccos(x), em.arcsin(x), em.arctanh(x / 2)


@ASSUMPTIONS((np.array([2, 4]), 2), (np.array([2, 4]), -2), (np.array([-2, 4]), -2), rtol=1e-14)
def complex_powers_of_integers(x: Any, n: int) -> Any:
    return np.emath.power(x, n), np.emath.power(x, np.array([n, 1])), np.emath.sqrt(x)


@ASSUMPTIONS((4.0, 2), (-4.0, -2), (0.25, 3), rtol=1e-14)
def complex_numbers(x: float, n: int) -> Any:
    return np.emath.sqrt(x), np.emath.sqrt(n), np.emath.arccos(x)


@ASSUMPTIONS((np.array([1 + 1j, 2]),), (np.array([1 + 1e-15j, 2]),), (np.array([1 + 1e-5j, 2]),))
def nearly_real(z: Any) -> Any:
    return np.real_if_close(z), np.real_if_close(z, tol=1e-4), np.real_if_close(z.imag)


@ASSUMPTIONS((2, 3), (2, 2), (10, -2), (5, 0), (0, 2), (0, -1), policies=("dynamic",))
def integer_powers(a: int, n: int) -> Any:
    return 3 * a**n
