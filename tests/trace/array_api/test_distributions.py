"""`scipy.stats` in compiled code: every method of the table against SciPy, and its derivatives."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

stats = pytest.importorskip("scipy.stats")

from tracejit import UnsupportedError, grad, jit, jvp, vjp, vmap  # noqa: E402
from tracejit.trace.array_api.distributions import _OF_CONTINUOUS, _OF_DISCRETE  # noqa: E402
from tracejit.trace.array_api.standard_forms import CONTINUOUS, DISCRETE  # noqa: E402

TABLE = CONTINUOUS | DISCRETE
METHODS = [(n, m) for n in CONTINUOUS for m in _OF_CONTINUOUS]
METHODS += [(n, m) for n in DISCRETE for m in _OF_DISCRETE]

SHARES = np.array([0, 0.01, 0.3, 0.5, 0.9, 0.999, 1, 1.2, -0.1, np.nan])
COUNTS = np.array([-1, 0, 1, 2, 2.5, 3, 5, 7, 8, 9.0, np.nan])
NUMBERS = np.array([-np.inf, -3, -1.0, 0, 0.2, 0.5, 0.9, 1, 1.5, 2.5, 4.0, 30, np.inf, np.nan])


def shapes_of(name: str) -> list[float]:
    return [{"n": 7.0, "p": 0.3}.get(s, 2.3) for s in TABLE[name].shapes]


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_values(name: str, method: str) -> None:
    """In and out of the support, at its ends, for good parameters and bad ones."""
    f, shapes = getattr(getattr(stats, name), method), shapes_of(name)
    discrete = name in DISCRETE
    x = SHARES if method in ("ppf", "isf") else COUNTS if discrete else NUMBERS
    moved = {"loc": 1} if discrete else {"loc": 0.5, "scale": 1.5}
    bad = [-1.0 for _ in shapes]
    if discrete and method.startswith("logc"):
        bad = shapes  # where SciPy's is not nan at the upper end

    def several(x: Any) -> Any:
        return f(x, *shapes), f(x, *shapes, **moved), f(x, *bad), f(x[3], *shapes)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = several(x)
        got = jit(several)(x)
    for have, want in zip(got, expected, strict=True):
        assert type(have) is type(want)
        assert have.dtype == want.dtype
        np.testing.assert_allclose(have, want, rtol=3e-13, atol=3e-16)


@pytest.mark.parametrize(
    ("name", "method"),
    [
        (n, m)
        for n, m in METHODS
        if m in ("logpdf", "logpmf", "cdf", "logsf") or (m == "ppf" and n in CONTINUOUS)
    ],
)
def test_derivatives(name: str, method: str) -> None:
    """By the argument, location and scale, and the shape parameters, against differences."""
    f, shapes, discrete = getattr(getattr(stats, name), method), shapes_of(name), name in DISCRETE
    of_law = "pdf" not in method and "pmf" not in method
    inner = 0.37 if method in ("ppf", "isf") or name in ("beta", "uniform") else 1.7
    x: Any = (1.0 if name == "bernoulli" else 2.0) if discrete else inner
    if name == "bernoulli" and of_law:
        x = 0.0
    parameters = [*shapes, *([] if discrete else [0.05, 1.3])]
    first = int(name == "binom")  # a count
    at = np.array([*parameters[first:], *([] if discrete else [x])])

    def of(p: Any) -> Any:
        given = [*parameters[:first], *(p[k] for k in range(len(parameters) - first))]
        return f(x if discrete else p[-1], *given)

    if not len(at):
        return
    slope = grad(of)(at)
    for k, step in enumerate(1e-4 * np.eye(len(at))):
        near = [of(at + j * step) for j in (1, -1, 2, -2)]
        expected = (8 * (near[0] - near[1]) - (near[2] - near[3])) / 12e-4
        assert np.isclose(slope[k], expected, rtol=1e-8, atol=1e-9), (k, slope[k], expected)


def test_outside_the_support_the_gradient_is_zero() -> None:
    def loss(a: Any) -> Any:
        return np.sum(stats.gamma.pdf(np.array([-1.0, 0.5, 2.0]), a))

    slope = (loss(2.0 + 1e-6) - loss(2.0 - 1e-6)) / 2e-6
    assert np.isclose(grad(loss)(2.0), slope, rtol=1e-7)


SPELLINGS: dict[str, Callable[..., Any]] = {
    "positions": lambda x: stats.norm.logpdf(x, 0.5, 2.0),
    "names": lambda x: stats.norm.logpdf(x, scale=2.0, loc=x.mean()),
    "frozen inside": lambda x: stats.norm(0.5, scale=x.std()).logpdf(x),
    "frozen outside": lambda x: FROZEN.cdf(x),
    "arrays of parameters": lambda x: stats.gamma.logpdf(abs(x), np.arange(1, 5), scale=abs(x) + 1),
    "broadcast": lambda x: stats.poisson.logpmf(np.arange(3)[:, None], abs(x)),
    "numbers": lambda x: stats.t.sf(x[0], 4) + stats.beta.ppf(0.3, abs(x[1]), 2),
    "float32": lambda x: stats.norm.pdf(x.astype(np.float32)),
    "a loop": lambda x: sum(stats.expon.logsf(abs(v)) for v in x),
    "imported": lambda x: norm.logsf(x),
    "vectors": lambda x: stats.multivariate_normal.logpdf(x, np.ones(4), np.diag([1.0, 2, 3, 4])),
    "stack of vectors": lambda x: stats.multivariate_normal.pdf(
        x.reshape(2, 2), [0.0, 1], [[2.0, 0.3], [0.3, 1]]
    ),
    "one axis": lambda x: stats.multivariate_normal.logpdf(x, 0.5, 2.0),
    "dirichlet": lambda x: (
        stats.dirichlet.logpdf(np.array([0.2, 0.3, 0.4, 0.1]), np.array([1.5, 2.0, 3.0, 0.7]))
        + 0 * x[0]
    ),
}
FROZEN, norm = stats.norm(0.3, scale=1.7), stats.norm


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spellings(spelling: str) -> None:
    f, x = SPELLINGS[spelling], np.array([0.4, -1.2, 2.2, 0.1])
    want, have = f(x), jit(f)(x)
    assert np.shape(have) == np.shape(want)
    assert np.asarray(have).dtype == np.asarray(want).dtype
    np.testing.assert_allclose(have, want, rtol=1e-12)


def test_a_model() -> None:
    """Maximum of a likelihood: gradient, forward and reverse, and over a batch of data."""
    rng = np.random.default_rng(1)
    data = rng.normal(2.0, 0.7, 50)

    def loss(theta: Any, data: Any) -> Any:
        prior = stats.norm.logpdf(theta[0], 0, 10) + stats.expon.logpdf(np.exp(theta[1]))
        return -(prior + np.sum(stats.t.logpdf(data, 5, theta[0], np.exp(theta[1]))))

    theta = np.array([1.0, 0.2])
    slope = grad(loss)(theta, data)
    for k in range(2):
        step = 1e-5 * np.eye(2)[k]
        near = (loss(theta + step, data) - loss(theta - step, data)) / 2e-5
        assert np.isclose(slope[k], near, rtol=1e-7)
    value, pull = vjp(lambda t: loss(t, data), theta)
    _, forward = jvp(lambda t: loss(t, data), (theta,), (np.array([1.0, -2.0]),))
    assert np.isclose(forward, pull(1.0)[0] @ [1.0, -2.0], rtol=1e-12)
    many = vmap(loss, in_axes=(None, 0))(theta, data.reshape(5, 10))
    np.testing.assert_allclose(many, [loss(theta, d) for d in data.reshape(5, 10)], rtol=1e-13)


def test_covariance_has_a_gradient() -> None:
    def loss(a: Any) -> Any:
        return stats.multivariate_normal.logpdf(
            np.array([0.3, -0.2]), np.zeros(2), a @ a.T + np.eye(2)
        )

    a = np.array([[1.0, 0.2], [-0.4, 0.7]])
    slope = grad(loss)(a)
    for i in range(2):
        for j in range(2):
            step = np.zeros((2, 2))
            step[i, j] = 1e-5
            assert np.isclose(slope[i, j], (loss(a + step) - loss(a - step)) / 2e-5, rtol=1e-7)


def test_wrong_arguments_and_what_is_not_compiled() -> None:
    x = np.array([1.0])
    for wrong, message in (
        (lambda x: stats.gamma.pdf(x), "missing a required argument: 'a'"),
        (lambda x: stats.norm.pdf(x, mean=0), "unexpected keyword argument 'mean'"),
        (lambda x: stats.norm.pdf(x, 0, loc=1), "multiple values for argument 'loc'"),
    ):
        with pytest.raises(TypeError):
            wrong(x)
        with pytest.raises(TypeError, match=message):
            jit(wrong)(x)
    with pytest.raises(UnsupportedError, match="is not compiled"):
        jit(lambda x: stats.norm.fit(x))(x)
    with pytest.raises(UnsupportedError, match=r"skewnorm|logpdf"):
        jit(lambda x: stats.skewnorm.logpdf(x, 2))(x)
    with pytest.raises(UnsupportedError, match="would"):
        jit(lambda x: stats.norm.rvs(x[0]))(x)


@pytest.mark.filterwarnings("ignore")
def test_quantiles_of_counts_are_scipys() -> None:
    rng = np.random.default_rng(5)
    q = np.concatenate([rng.random(500), [1e-300, 1e-12, 0.0, 1.0]])
    share, size = rng.random(q.size), np.floor(np.exp(rng.uniform(0, 8, q.size)))
    share[:4] = 0.0, 1.0, 0.0, 1.0
    size[2:5] = 0.0

    def all_of(q: Any, n: Any, p: Any) -> Any:
        return stats.poisson.ppf(q, n), stats.binom.ppf(q, n, p), stats.geom.ppf(q, p)

    for have, want in zip(jit(all_of)(q, size, share), all_of(q, size, share), strict=True):
        np.testing.assert_array_equal(have, want)


def test_distributions_of_vectors_with_their_parameters_given() -> None:
    center, spread, x = (
        np.array([0.1, 0.2]),
        np.array([[2.0, 0.3], [0.3, 1.5]]),
        np.array([0.3, 0.6]),
    )
    weights, shares = np.array([1.5, 2.0]), np.array([0.4, 0.6])
    normal, dirichlet = stats.multivariate_normal(center, spread), stats.dirichlet(weights)
    inside = jit(
        lambda x, y: (
            stats.multivariate_normal(center, spread).logpdf(x),
            stats.dirichlet(weights).pdf(y),
            normal.pdf(x),
            dirichlet.logpdf(y),
        )
    )
    want = normal.logpdf(x), dirichlet.pdf(shares), normal.pdf(x), dirichlet.logpdf(shares)
    np.testing.assert_allclose(inside(x, shares), want, rtol=3e-13)
    slope = grad(lambda m: stats.multivariate_normal(m, spread).logpdf(x))(center)
    np.testing.assert_allclose(slope, np.linalg.solve(spread, x - center), rtol=1e-12)
    normal.mean = np.zeros(2)
    np.testing.assert_allclose(inside(x, shares)[2], normal.pdf(x), rtol=3e-13)
    with pytest.raises(UnsupportedError, match="rvs is not compiled"):
        jit(lambda: stats.multivariate_normal(center, spread).rvs())()
