"""Products of a vector and a small matrix are loops of our own, along memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tracejit import jit, value_and_grad
from tracejit.ir.core import Instr
from tracejit.ir.program import kernels
from tracejit.ir.roots import walk
from tracejit.ir.traits import Trait

RNG = np.random.default_rng(0)


def instructions(function: Any, *args: Any) -> list[Instr]:
    """All that the kernels of a call consist of."""
    compiled = function if hasattr(function, "_dispatcher") else jit(function)
    compiled(*args)
    (version,) = compiled._dispatcher.versions()
    return [i for k in kernels(version.artefacts.program.host) for i in walk([k])]


def sums(function: Any, *args: Any) -> int:
    """How many sums of one run there are: none where rows are added to the result."""
    return sum(i.has(Trait.SUMS) for i in instructions(function, *args))


def matrix(rows: int, columns: int, dtype: str = "f8", order: Any = "C") -> np.ndarray[Any, Any]:
    return np.asarray(RNG.standard_normal((rows, columns)), dtype, order=order)


def vector_times(m, v):
    return v @ m


def times_vector(m, v):
    return m @ v


def transposed_times(m, v):
    return m.T @ v


# function, the matrix, how many sums: rows are added where memory runs along the result
ORDERS = [
    (vector_times, matrix(20, 30), 0),
    (transposed_times, matrix(20, 30), 0),
    (times_vector, matrix(30, 20, order="F"), 0),
    (times_vector, matrix(30, 20), 1),
    (vector_times, matrix(20, 30, order="F"), 1),
    (transposed_times, matrix(20, 30, order="F"), 1),
    (vector_times, matrix(20, 30, "f4"), 0),
    (vector_times, matrix(20, 30, "c16"), 0),
    (vector_times, matrix(20, 30, "f2"), 0),  # in f32
    (vector_times, matrix(20, 7), 1),  # a row is shorter than a vector
    (vector_times, matrix(7, 30), 1),  # the sum is written out in the loop over the columns
    (vector_times, matrix(20, 400), 0),  # by BLAS
]


@pytest.mark.parametrize(("function", "m", "want"), ORDERS)
def test_memory_says_what_the_inner_loop_is(function, m, want):
    v = RNG.standard_normal(20 if 20 in m.shape else 7).astype(m.dtype)
    assert sums(function, m, v) == want
    exact = function(m.astype("c16"), v.astype("c16"))
    terms = function(abs(m).astype("f8"), abs(v).astype("f8"))
    got = jit(function)(m, v)
    assert got.dtype == m.dtype
    assert (abs(got - exact) <= 20 * np.finfo(m.dtype).eps * terms).all()


def test_several_free_axes():
    v, m = RNG.random(9), RNG.random((9, 4, 10))

    def product(v, m):
        return np.tensordot(v, m, 1)

    assert sums(product, v, m) == 0
    np.testing.assert_allclose(jit(product)(v, m), product(v, m), rtol=1e-14)


def test_what_is_not_finite():
    m = matrix(9, 9)
    m[2, 3], m[4, 5], m[6, 7] = np.inf, np.nan, -np.inf
    v = RNG.random(9)
    v[6] = 0.0
    with np.errstate(invalid="ignore"):
        want = v @ m
    got = jit(vector_times)(m, v)
    assert (np.isnan(got) == np.isnan(want)).all()
    np.testing.assert_allclose(got, want, rtol=1e-14)


def test_the_vector_may_be_the_memory_that_the_result_goes_to():
    """The result is set to 0 first, while the vector is still needed."""

    def powers(m, v):
        for _ in range(5):
            v = v @ m
        return v

    def in_place(m, v):
        v[:] = v @ m
        return v

    m, v = matrix(12, 12), RNG.random(12)
    for function in (powers, in_place):
        want = function(m, v.copy())
        np.testing.assert_allclose(jit(function)(m, v.copy()), want, rtol=1e-10)


def test_an_element_of_the_vector_is_computed_once_a_row():
    def of_exponentials(m, v):
        return np.exp(v) @ m

    m, v = matrix(16, 16), RNG.random(16)
    found = instructions(of_exponentials, m, v)
    innermost = [i for i in found if i.regions and not any(j.regions for j in walk_in(i))]
    assert sum(i.name == "exp" for i in found) == 1
    stored = [i for i in innermost if any(j.name == "mul" for j in walk_in(i))]
    assert stored
    assert not any(j.name == "exp" for i in stored for j in walk_in(i))
    np.testing.assert_allclose(jit(of_exponentials)(m, v), np.exp(v) @ m, rtol=1e-13)


def walk_in(instr: Instr) -> list[Instr]:
    return list(walk([i for region in instr.regions for i in region.instrs]))


def test_the_gradient_of_a_recurrence_has_no_sum_down_columns():
    """One nest adds to the gradient of the matrix and to that of the state."""

    def loss(w, xs):
        h = np.zeros(w.shape[0])
        for t in range(xs.shape[0]):
            h = np.tanh(w @ h + xs[t])
        return np.sum(h * h)

    w, xs = 0.1 * matrix(16, 16), RNG.random((10, 16))
    gradient = jit(lambda w, xs: value_and_grad(loss)(w, xs))
    assert sums(loss, w, xs) == sums(gradient, w, xs) == 2  # w @ h, and the loss
    value, of_w = gradient(w, xs)
    step = 1e-6 * matrix(16, 16)
    np.testing.assert_allclose(value, loss(w, xs), rtol=1e-12)
    change = (loss(w + step, xs) - loss(w - step, xs)) / 2
    np.testing.assert_allclose(np.sum(of_w * step), change, rtol=1e-6)


def _replaced(a, b):
    a[:] = a @ b
    return a


def _half_replaced(a, b):
    a[:, 1:] = (a @ b)[:, :-1]
    return a


EXACT = [
    lambda a, b: a @ b,
    lambda a, b: a @ b.T,
    lambda a, b: a.T @ b,
    lambda a, b: np.einsum("ij,kj->ki", a + a, b),
    lambda a, b: np.stack((a, b)) @ np.stack((b, a)),
    lambda a, b: np.tensordot(np.stack((a, b)), np.stack((b, a)), axes=([0, 2], [0, 1])),
    _replaced,
    _half_replaced,
]


@pytest.mark.parametrize("f", EXACT)
@pytest.mark.parametrize("dtype", ["i8", "u1", "i2", "?"])
@pytest.mark.parametrize("shapes", ["static", "dynamic"])
def test_exact_products_add_rows(f, dtype, shapes):
    g = jit(f, shapes=shapes)
    for n in (0, 1, 3, 13, 40):
        a, b = (RNG.integers(-90, 90, (n, n)).astype(dtype) for _ in range(2))
        found, wanted = g(a.copy(), b), f(a.copy(), b)
        np.testing.assert_array_equal(found, wanted, strict=True)


def test_exact_products_read_along_memory():
    a = RNG.integers(0, 9, (40, 40))
    loops = [i for i in instructions(lambda a, b: a @ b, a, a) if i.name == "for"]
    assert len(loops) == 5  # the result is cleared; rows are added
    assert len([i for i in instructions(lambda a, b: a @ b.T, a, a) if i.name == "for"]) == 3
