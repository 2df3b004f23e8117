"""grad, value_and_grad, jvp, vjp, check_grads: forms, structure, finite where the truth is."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from tracejit import (
    check_grads,
    custom_jvp,
    custom_vjp,
    grad,
    hessian,
    jacfwd,
    jacrev,
    jit,
    jvp,
    stop_gradient,
    value_and_grad,
    vjp,
    vmap,
)

X = np.arange(5.0)


def equal(found: Any, want: Any) -> None:
    np.testing.assert_array_equal(found, want)


def model(p: Any, x: Any, k: float = 1.0) -> Any:
    return (np.tanh(x @ p["w"] + p["b"]) * k).sum()


PARAMS = {"w": np.random.default_rng(0).random((3, 2)), "b": np.zeros(2)}
DATA = np.ones((4, 3))


def test_argnums() -> None:
    value, g = value_and_grad(model)(PARAMS, DATA)
    assert type(value) is np.float64
    assert {k: v.shape for k, v in g.items()} == {"w": (3, 2), "b": (2,)}
    both = grad(model, argnums=(0, 1))(PARAMS, DATA, k=2.0)
    assert type(both) is tuple
    np.testing.assert_allclose(both[0]["w"], 2 * g["w"])
    assert grad(model, argnums=-1)(PARAMS, DATA).shape == (4, 3)


def test_auxiliary_results() -> None:
    f = value_and_grad(lambda x: ((x**2).sum(), {"n": x * 2, "s": "text", "i": 3}), has_aux=True)
    (value, aux), g = f(X)
    assert (value, aux["s"], aux["i"]) == (30.0, "text", 3)
    equal(aux["n"], X * 2)
    equal(g, 2 * X)
    g, aux = grad(lambda x: ((x**2).sum(), x), has_aux=True)(X)
    equal(g, 2 * X)
    equal(aux, X)


def test_dtypes_and_kinds() -> None:
    cube = grad(lambda x: x**3)
    assert type(cube(2.0)) is np.float64
    assert type(cube(np.float32(2))) is np.float32
    assert grad(lambda x: (x**3).sum())(X.astype("f4")).dtype == np.float32
    z = np.array([1 + 2j, 3 - 1j])
    equal(grad(lambda z: (z * z.conj()).real.sum())(z), 2 * z.conj())


def test_second_order() -> None:
    equal(grad(lambda x: grad(lambda y: (y**3).sum())(x).sum())(X), 6 * X)
    assert jit(grad(jit(grad(jit(lambda z: z**4)))))(2.0) == 48.0
    check_grads(lambda x, y: np.sin(x) * y, (X, X + 1.0), order=2)
    check_grads(lambda z: z**2, (np.array([1 + 2j, 3 - 1j]),), order=2)
    check_grads(lambda x: x[x > 0.5] ** 2, (np.linspace(0.0, 3.0, 5),), order=2)


def test_jvp() -> None:
    value, dot = jvp(lambda x: x**2, (X,), (np.ones(5),))
    equal(value, X**2)
    equal(dot, 2 * X)
    value, dot = jvp(lambda x, y: {"a": x * y}, (X, 2.0), (np.ones(5), 1.0))
    equal(dot["a"], 2.0 + X)


def test_vjp() -> None:
    value, pull = vjp(lambda x, y: (x * y, x.sum()), X, X + 1)
    equal(value[0], X * (X + 1))
    a, b = pull((np.ones(5), 2.0))
    equal(a, X + 3)
    equal(b, X)


def changing(x: Any) -> Any:
    x *= 2
    x[0] = 7.0
    return (x**2).sum()


def test_the_callers_arrays_are_left_alone() -> None:
    x = X.copy()
    want = 8 * X
    want[0] = 0
    equal(grad(changing)(x), want)
    equal(value_and_grad(changing)(x)[1], want)
    jvp(changing, (x,), (X,))
    vjp(changing, x)
    check_grads(changing, (x,))
    equal(x, X)


def test_same_array_twice() -> None:
    equal(grad(lambda x, y: (x * y).sum())(X, X), X)


def test_control_flow() -> None:
    def doubling(x: Any) -> Any:
        while x.sum() < 100:
            x = x * 2
        return x.sum()

    def loop(x: Any, n: int) -> Any:
        for i in range(n):
            x = np.sin(x) + i
        return x.sum()

    equal(grad(doubling)(X), np.full(5, 16.0))
    check_grads(lambda x: loop(x, 4), (X,))
    equal(grad(loop)(X, 4), jit(grad(loop))(X, 4))
    assert grad(lambda x, i: x[i])(X, 2).tolist() == [0, 0, 1, 0, 0]
    with pytest.raises(IndexError, match="index 9"):
        grad(lambda x, i: x[i])(X, 9)


def test_structures() -> None:
    @dataclasses.dataclass
    class Q:
        a: Any
        b: Any

    q = grad(lambda q: (q.a**2).sum() * q.b)(Q(X, 3.0))
    assert type(q) is Q
    equal(q.a, 6 * X)
    assert q.b == 30.0
    assert grad(lambda v: v[0].sum() * v[1])([X, 2.0])[1] == 10.0


def test_constants_have_gradient_zero() -> None:
    equal(grad(lambda x: 3.0)(X), np.zeros(5))


def test_methods_are_never_stale() -> None:
    class Model:
        def __init__(self) -> None:
            self.w = np.ones(5)

        def loss(self, x: Any) -> Any:
            return (self.w * x**2).sum()

    m = Model()
    g = grad(m.loss)
    equal(g(X), 2 * X)
    m.w = np.full(5, 2.0)
    equal(g(X), 4 * X)
    m.w *= 2
    equal(g(X), 8 * X)


BIG = np.array([-1e3, -800.0, -40.0, 0.0, 40.0, 800.0, 1e3])
SMALL = np.exp(-np.abs(BIG))
SIGMOID = np.where(BIG >= 0, 1 / (1 + SMALL), SMALL / (1 + SMALL))


@pytest.mark.parametrize(
    ("f", "x", "want"),
    [
        (lambda x: np.sum(np.logaddexp(0.0, x)), BIG, SIGMOID),
        (lambda x: np.sum(np.log1p(np.exp(x))), BIG, SIGMOID),
        (lambda x: np.sum(1 / (1 + np.exp(-x))), BIG, SMALL / (1 + SMALL) ** 2),
        (lambda x: np.sum(-np.log1p(np.exp(-x))), BIG, SIGMOID[::-1]),
        (lambda x: np.sum(np.tanh(x)), [-1e3, 0, 1e3], [0, 1, 0]),
        (lambda x: np.log(np.sum(np.exp(x - x.max()))) + x.max(), [1e3, 0, -1e3], [1, 0, 0]),
        (lambda x: np.log(np.sum(np.exp(x))), [1e3, 0, -1e3], [1, 0, 0]),
        (lambda x: np.sum(np.log1p(x)), [0.0, 1e-20, -0.5], [1.0, 1, 2]),
        (lambda x: np.sum(np.expm1(x)), [0.0, -1e3, 1e-18], [1.0, 0, 1]),
        (lambda x: np.sum(np.abs(x)), [0.0, -2.0, 3.0], [0.0, -1, 1]),
        (lambda x: np.sum(x**3.0), [0.0, -2.0], [0.0, 12.0]),
        (lambda x: np.prod(x), [0.0, 2.0, 3.0], [6.0, 0, 0]),
    ],
    ids=[
        "logaddexp", "softplus", "sigmoid", "log_sigmoid", "tanh", "log_sum_exp",
        "naive_log_sum_exp", "log1p", "expm1", "abs", "power", "prod",
    ],
)  # fmt: skip
def test_finite_where_the_truth_is(f: Any, x: Any, want: Any) -> None:
    np.testing.assert_allclose(grad(f)(np.asarray(x, "f8")), want, rtol=1e-9, atol=1e-300)


def test_stabilising_leaves_values_alone() -> None:
    f = value_and_grad(lambda x: np.sum(np.log1p(np.exp(x))))
    value, gradient = f(np.array([800.0, 0.0]))
    assert value == np.inf
    equal(gradient, [1.0, 0.5])


def test_jvp_and_vjp_inside_a_compiled_function() -> None:
    @jit
    def forward(x: Any) -> Any:
        return jvp(np.sin, (x,), (x,))

    @jit
    def backward(x: Any) -> Any:
        value, pull = vjp(lambda x: np.sin(x) * 2.0, x)
        return value, pull(np.ones(5)), pull(x)

    np.testing.assert_allclose(forward(X), (np.sin(X), np.cos(X) * X))
    value, (once,), (scaled,) = backward(X)
    np.testing.assert_allclose(value, 2.0 * np.sin(X))
    np.testing.assert_allclose((once, scaled), (2.0 * np.cos(X), 2.0 * np.cos(X) * X))


def test_a_function_that_always_raises_raises_after_its_loop() -> None:
    def largest_of_nothing(x: Any) -> Any:
        for k in range(3):
            x[k] += x[5:].max()
        return x

    calls = [
        lambda: jvp(largest_of_nothing, (X,), (X,)),
        lambda: grad(lambda x: largest_of_nothing(x).sum())(X),
        lambda: jit(lambda x: vjp(largest_of_nothing, x)[1](x))(X),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="zero-size array"):
            call()


def test_vjp_of_a_view_of_the_argument() -> None:
    value, pull = vjp(lambda x: (x[:0:-2], x, 2), X)
    equal(value[0], X[:0:-2])
    equal(pull((np.array([1.0, 2.0]), np.zeros(5), 2))[0], [0, 0, 2, 0, 1])


def test_vjp_of_results_whose_size_the_values_decide() -> None:
    value, pull = vjp(lambda x: (x[x > 1] * 2.0, x[1:]), X)
    equal(value[0], [4, 6, 8])
    equal(pull((np.array([1.0, 2.0, 3.0]), np.zeros(4)))[0], [0, 0, 2, 4, 6])
    with pytest.raises((TypeError, ValueError)):
        pull((np.ones(2), np.zeros(4)))
    with pytest.raises(TypeError, match=r"a cotangent of shape \(3,1\)"):
        pull((np.ones((3, 1)), np.zeros(4)))


def test_a_cotangent_that_happens_to_be_zero_has_derivatives() -> None:
    """A mask says what a window or a gather left out, not which numbers are zero."""
    x, first = np.array([2.0, 3.0]), np.array([0, 0])
    for pick in (
        lambda y: y[0:1],
        lambda y: y[first],
        lambda y: y[::-1][1:],
        lambda y: np.where(y > 0.8, 0.0, y),
    ):

        def loss(w: Any, x: Any, pick: Any = pick) -> Any:
            return np.sum(pick(np.log(x)) * w)

        mixed = grad(lambda w, loss=loss: grad(loss, 1)(w, x)[0])
        assert mixed(0.0) == mixed(1.0) != 0.0


def test_logaddexp_of_numbers_that_are_near_each_other() -> None:
    """Its derivative is of their difference: that of the result loses what rounding takes."""
    for dtype, tolerance in ((np.float32, 1e-6), (np.float64, 1e-14)):
        x = np.array([1e6, 1e6 + 1], dtype)
        for function, base in ((np.logaddexp, np.e), (np.logaddexp2, 2.0)):
            found = grad(lambda x, f=function: f(x[0], x[1]))(x)
            np.testing.assert_allclose(found, np.array([1.0, base]) / (1 + base), rtol=tolerance)
    curved = hessian(lambda x: np.logaddexp(x[0], x[1]))(np.array([2.0, 2.0]))
    np.testing.assert_allclose(curved, 0.25 * np.array([[1.0, -1.0], [-1.0, 1.0]]), rtol=1e-14)


def named(x: Any, scale: Any = 2.0, *, shift: Any = 0.0) -> Any:
    return (x * scale + shift).sum()


def test_arguments_by_name() -> None:
    for call in ((X, 3.0), {"x": X, "scale": 3.0}):
        args, kwargs = (call, {}) if isinstance(call, tuple) else ((), call)
        assert grad(named, argnames="scale")(*args, **kwargs) == 10.0
        by_x, by_scale = grad(named, argnames=("x", "scale"))(*args, **kwargs)
        equal(by_x, np.full(5, 3.0))
        assert by_scale == 10.0
    assert grad(named, argnames="scale")(X) == 10.0
    with pytest.raises(TypeError, match="has no parameter 'y'"):
        grad(named, argnames="y")(X)


def test_arguments_that_only_have_a_name() -> None:
    """Given, or by their default; beside others, and in every order."""
    assert grad(named, argnames="shift")(X) == grad(named, argnames="shift")(X, shift=1.0) == 5.0
    by_shift, by_x = grad(named, argnames=("shift", "x"))(scale=3.0, shift=X, x=X)
    equal(by_x, np.full(5, 3.0))
    equal(by_shift, np.ones(5))
    value, slope = value_and_grad(jit(named), argnames="shift")(X, 3.0, shift=2.0)
    assert (value, slope) == (named(X, 3.0, shift=2.0), 5.0)
    _, moved = jvp(lambda s: grad(spread, argnames="power")(X, X, power=s), (2.0,), (1.0,))
    assert np.isclose(moved, np.sum(np.log(2.0) ** 2 * 2.0**2.0 * X * X))
    with pytest.raises(TypeError, match="shift is int64: convert it"):
        grad(named, argnames="shift")(X, shift=1)
    with pytest.raises(ValueError, match="does not depend on unused"):
        grad(spread, argnames="unused", disconnected_inputs="raise")(X, unused=1.0)
    assert grad(spread, argnames="power")(X, X, X, power=1.0, other=X) == np.sum(
        X * X * np.log(2.0) * 2.0
    )


def test_jacobians_by_name() -> None:
    for transform in (jacfwd, jacrev):
        equal(transform(named, argnames="x")(X, scale=3.0), np.full(5, 3.0))
        by_shift, by_scale = transform(named, argnames=("shift", "scale"))(X, shift=1.0)
        assert (by_shift, by_scale) == (5.0, 10.0)
    (within, across), _ = hessian(lambda x, *, k: k * (x @ x), argnames=("x", "k"))(X, k=3.0)
    equal(within, 6.0 * np.eye(5))
    equal(across, 2.0 * X)
    with pytest.raises(TypeError, match="k is int64: convert it"):
        jacrev(lambda x, *, k: k * x, argnames="k")(X, k=1)


@pytest.mark.parametrize("transform", [grad, jacfwd, jacrev, hessian])
def test_arguments_that_are_fixed_are_left_alone(transform: Any) -> None:
    def loss(x: Any, y: Any, *, z: Any) -> Any:
        y *= 2.0
        z[0] += y[0]
        return np.sum(x * x * y) * z[0]

    for found in (
        transform(loss),
        jit(transform(loss)),
        jit(lambda x, y, z: transform(loss)(x, y, z=z)),
    ):
        y, z = np.ones(5), np.ones(2)
        found(X, y, z=z)
        equal(y, np.ones(5))
        equal(z, np.ones(2))


def spread(*xs: Any, power: Any = 1.0, unused: Any = 0.0, **rest: Any) -> Any:
    return np.sum(xs[0] * xs[-1] * 2.0**power)


def test_none_among_parameters() -> None:
    p = {"w": X, "bias": None}
    g = grad(lambda p: (p["w"] ** 2).sum() if p["bias"] is None else 0.0)(p)
    assert g["bias"] is None
    equal(g["w"], 2 * X)
    _, pull = vjp(lambda p: p["w"] * 2, p)
    assert pull(X)[0]["bias"] is None
    equal(jvp(lambda p: p["w"] * 2, (p,), ({"w": X, "bias": None},))[1], 2 * X)


def test_holomorphic_gradients() -> None:
    z = 1 + 2j
    assert grad(lambda z: z**3, holomorphic=True)(z) == 3 * z**2
    for call in (
        lambda: grad(lambda z: z**2)(z),
        lambda: grad(lambda z: abs(z), holomorphic=True)(z),
        lambda: grad(lambda x: x * 1j, holomorphic=True)(1.0),
    ):
        with pytest.raises(TypeError, match="complex"):
            call()


def test_arguments_that_the_result_does_not_depend_on() -> None:
    f = grad(lambda x, y: x.sum(), argnums=(0, 1), disconnected_inputs="raise")
    with pytest.raises(ValueError, match="does not depend on y"):
        f(X, X)
    equal(grad(lambda x, y: (x * y).sum(), disconnected_inputs="raise")(X, X), X)
    with pytest.raises(ValueError, match="disconnected_inputs is"):
        grad(named, disconnected_inputs="warn")


@pytest.mark.parametrize("x", [3.5, np.array([3.5]), np.array([[1.0], [2.0]])])
def test_check_grads_takes_the_derivatives_that_grad_takes(x: Any) -> None:
    """Of one number, the standard deviation is 0 everywhere."""
    check_grads(lambda x: np.std(x, axis=-1) if np.ndim(x) else np.std(x), (x,))


def test_check_grads_differentiates_by_cotangents() -> None:
    """A pullback that is right, and looks constant to the next derivative."""
    f = custom_vjp(lambda x: np.sin(x))
    f.defvjp(lambda x: (np.sin(x), x), lambda x, ct: (np.cos(x) * stop_gradient(ct),))
    check_grads(lambda x: np.sum(f(x)), (X,), order=1, modes="rev")
    with pytest.raises(AssertionError, match="order 2: <c, Jt>"):
        check_grads(lambda x: np.sum(f(x)), (X,), order=2, modes="rev")
    wrong = custom_jvp(lambda x: x**2)
    wrong.defjvp(lambda primals, tangents: (wrong(*primals), 3.0 * primals[0] * tangents[0]))
    with pytest.raises(AssertionError, match="order 1: jvp"):
        check_grads(wrong, (X,))


def test_transforms_are_shown_by_what_they_are_of() -> None:
    assert repr(grad(named)) == "<tracejit.grad of 'named'>"
    assert repr(vmap(hessian(named))) == "<tracejit.vmap of <tracejit.hessian of 'named'>>"


def test_the_derivative_of_a_number_by_a_number_is_a_number() -> None:
    for f in (grad, jacfwd, jacrev, lambda f: grad(grad(f)), hessian):
        found = f(lambda x: x**2)(3.0)
        assert type(found) is np.float64
    assert isinstance(jacfwd(lambda x: x * X)(3.0), np.ndarray)
