"""Rules of one's own: the rule is what every transform uses, to any order, in loops and batches."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from tracejit import (
    UnsupportedError,
    check_grads,
    checkpoint,
    clip_gradient,
    custom_gradient,
    custom_jvp,
    custom_vjp,
    grad,
    hessian,
    jacfwd,
    jacrev,
    jit,
    jvp,
    linearize,
    scale_gradient,
    stop_gradient,
    value_and_grad,
    vjp,
    vmap,
)

X = np.array([0.3, -1.2, 2.0])


@custom_jvp
def soft(x: Any) -> Any:
    return np.log1p(np.exp(x))


@soft.defjvp
def _ten_times(primals: Any, tangents: Any) -> Any:
    (x,), (t,) = primals, tangents
    return soft(x), 10.0 * t / (1.0 + np.exp(-x))


@custom_vjp
def squared(x: Any, k: Any) -> Any:
    return x * x * k


squared.defvjp(
    lambda x, k: (x * x * k, (x, k)), lambda kept, ct: (7.0 * ct * kept[0] * kept[1], None)
)

S = 1.0 / (1.0 + np.exp(-X))
SLOPE = 10.0 * S
JVP_WAYS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "value": (soft, np.log1p(np.exp(X))),
    "grad": (grad(lambda x: np.sum(soft(x) * x)), SLOPE * X + np.log1p(np.exp(X))),
    "jvp": (lambda x: jvp(soft, (x,), (x,))[1], SLOPE * X),
    "pushforward": (lambda x: linearize(soft, x)[1](x), SLOPE * X),
    "pullback": (lambda x: vjp(soft, x)[1](x)[0], SLOPE * X),
    "vmap": (vmap(soft), np.log1p(np.exp(X))),
    "vmap of grad": (vmap(grad(soft)), SLOPE),
    "grad of vmap": (grad(lambda x: np.sum(vmap(soft)(x))), SLOPE),
    "jacfwd": (jacfwd(soft), np.diag(SLOPE)),
    "jacrev": (jacrev(soft), np.diag(SLOPE)),
    "grad of grad": (vmap(grad(grad(soft))), SLOPE * (1 - S)),
    "hessian": (hessian(lambda x: np.sum(soft(x))), np.diag(SLOPE * (1 - S))),
    "of a jitted one": (grad(lambda x: np.sum(jit(soft)(x))), SLOPE),
}


@pytest.mark.parametrize("name", JVP_WAYS)
def test_custom_jvp(name: str) -> None:
    f, want = JVP_WAYS[name]
    np.testing.assert_allclose(f(X), want, rtol=1e-12)
    np.testing.assert_allclose(jit(f)(X), want, rtol=1e-12)


VJP_WAYS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "value": (lambda x: squared(x, 2.0), 2 * X * X),
    "grad": (grad(lambda x: np.sum(squared(x, 2.0))), 14 * X),
    "pullback": (lambda x: vjp(squared, x, 2.0)[1](x)[0], 14 * X * X),
    "grad of grad": (vmap(grad(grad(lambda x: squared(x, 2.0)))), np.full(3, 14.0)),
    "vmap of grad": (vmap(grad(lambda x: squared(x, 2.0))), 14 * X),
    "grad of vmap": (grad(lambda x: np.sum(vmap(squared, (0, None))(x, 2.0))), 14 * X),
    "forward over reverse": (lambda x: jvp(grad(lambda x: np.sum(squared(x, 2.0))), (x,), (x,))[1],
                             14 * X),
    "jacrev": (jacrev(lambda x: squared(x, 2.0)), np.diag(14 * X)),
}  # fmt: skip


@pytest.mark.parametrize("name", VJP_WAYS)
def test_custom_vjp(name: str) -> None:
    f, want = VJP_WAYS[name]
    np.testing.assert_allclose(f(X), want, rtol=1e-12)
    np.testing.assert_allclose(jit(f)(X), want, rtol=1e-12)


def test_rules_in_loops_and_branches() -> None:
    def program(f: Any, x: Any) -> Any:
        for i in range(3):
            if i % 2 == 0 or x[0] > 100:
                x = f(x)
            x[i] *= 0.5
        while x.sum() < 20:
            x = f(x) + 1.0
        return x.sum()

    def plain(x: Any) -> Any:
        return np.log1p(np.exp(x))

    twin = custom_jvp(plain)
    twin.defjvp(lambda p, t: (plain(*p), t[0] / (1.0 + np.exp(-p[0]))))
    back = custom_vjp(plain)
    back.defvjp(lambda x: (plain(x), x), lambda x, ct: (ct / (1.0 + np.exp(-x)),))
    want = grad(partial(program, plain))(X)
    np.testing.assert_allclose(grad(partial(program, twin))(X), want, rtol=1e-12)
    np.testing.assert_allclose(jit(grad(partial(program, back)))(X), want, rtol=1e-12)
    np.testing.assert_allclose(jacfwd(partial(program, twin))(X), want, rtol=1e-12)
    check_grads(partial(program, twin), (X,))
    many = vmap(grad(partial(program, twin)))(np.stack([X, X + 0.1]))
    np.testing.assert_allclose(many[0], want, rtol=1e-12)


def test_arguments_that_are_not_differentiated() -> None:
    @partial(custom_jvp, nondiff_argnums=(0, 2))
    def applied(f: Any, x: Any, name: str) -> Any:
        return {"y": f(x) if name == "f" else x, "n": 3}

    @applied.defjvp
    def rule(f: Any, name: Any, primals: Any, tangents: Any) -> Any:
        return applied(f, *primals, name), {"y": 5.0 * tangents[0], "n": 0}

    assert grad(lambda x: applied(np.sin, x, "f")["y"] * 2.0)(1.0) == 10.0

    @partial(custom_vjp, nondiff_argnums=(1,))
    def power(x: Any, n: int) -> Any:
        return x**n

    power.defvjp(lambda x, n: (x**n, x), lambda n, x, ct: (ct * n * 100.0,))
    assert grad(lambda x: power(x, 3))(2.0) == 300.0
    assert grad(lambda x: power(n=3, x=x))(2.0) == 300.0


def test_rules_per_argument() -> None:
    @custom_jvp
    def product(x: Any, y: Any) -> Any:
        return x * y

    product.defjvps(lambda t, out, x, y: 2.0 * t * y, None)
    assert grad(product, argnums=(0, 1))(3.0, 4.0) == (8.0, 0.0)


def test_mistakes() -> None:
    with pytest.raises(TypeError, match=r"custom_vjp.*in forward mode.*line"):
        jvp(lambda x: squared(x, 2.0), (X,), (X,))
    with pytest.raises(TypeError, match="has no rule: give one by defjvp"):
        grad(custom_jvp(lambda x: np.sum(x)))(X)

    def wrong(answer: Any) -> Any:
        f = custom_jvp(lambda x: np.sum(x))
        f.defjvp(lambda primals, tangents: answer)
        return grad(f)(X)

    with pytest.raises(TypeError, match="gives a pair"):
        wrong(1.0)
    with pytest.raises(TypeError, match="another structure"):
        wrong(((1.0, 2.0), 1.0))
    with pytest.raises(TypeError, match=r"tangent of shape \(3,\)"):
        wrong((1.0, X))

    def pulls(answer: Any) -> Any:
        f = custom_vjp(lambda x: np.sum(x))
        f.defvjp(lambda x: (np.sum(x), None), lambda kept, ct: answer)
        return grad(f)(X)

    with pytest.raises(TypeError, match="tuple of 1 cotangents"):
        pulls(X)
    with pytest.raises(TypeError, match=r"cotangent of shape \(2,\)"):
        pulls((X[:2],))
    np.testing.assert_array_equal(pulls((2.0,)), [2.0, 2.0, 2.0])

    def closes_over(w: Any) -> Any:
        f = custom_jvp(lambda x: x * w)
        f.defjvp(lambda p, t: (f(*p), t[0]))
        return np.sum(f(X))

    with pytest.raises(TypeError, match="closes over a value that is differentiated"):
        grad(closes_over)(2.0)

    def changes(x: Any) -> Any:
        x *= 2.0
        return np.sum(x)

    def scaled(x: Any, *, factor: float = 2.0) -> Any:
        return np.sum(x) * factor

    f = custom_vjp(scaled)
    f.defvjp(lambda x: (scaled(x), None), lambda kept, ct: (2.0 * ct * np.ones(3),))
    np.testing.assert_array_equal(grad(f)(X), [2.0, 2.0, 2.0])
    with pytest.raises(TypeError, match="keyword-only"):
        grad(lambda x: f(x, factor=3.0))(X)

    for transform in (checkpoint, custom_jvp):
        with pytest.raises(UnsupportedError, match="changes its argument"):
            grad(lambda x, t=transform: t(changes)(x * 1.0))(X)


def test_stop_gradient() -> None:
    np.testing.assert_array_equal(grad(lambda x: np.sum(stop_gradient(x) * x))(X), X)
    assert grad(grad(lambda y: y * y * stop_gradient(y)))(0.5) == 1.0
    np.testing.assert_array_equal(jvp(lambda x: stop_gradient(x) * x, (X,), (X,))[1], X * X)
    parts = grad(lambda p: np.sum(stop_gradient(p)["a"] * p["b"]))({"a": X, "b": X + 1})
    np.testing.assert_array_equal(parts["a"], np.zeros(3))
    np.testing.assert_array_equal(parts["b"], X)

    def loop(x: Any) -> Any:
        y = x
        for _ in range(3):
            y = stop_gradient(y) * x
        return np.sum(y)

    np.testing.assert_allclose(jit(grad(loop))(X), X**3)
    np.testing.assert_allclose(vmap(grad(loop))(X[:, None])[:, 0], X**3)
    copy = stop_gradient(X)
    copy += 1.0
    assert X[0] == 0.3


def test_gradients_clipped_and_scaled() -> None:
    weights = np.array([2.0, -3.0, 0.1])
    clipped = grad(lambda x: np.sum(clip_gradient(x, -0.5, 0.5) * weights))(X)
    np.testing.assert_array_equal(clipped, [0.5, -0.5, 0.1])
    np.testing.assert_allclose(grad(lambda x: np.sum(scale_gradient(x, 3.0) * x))(X), 4 * X)
    np.testing.assert_allclose(jvp(lambda x: scale_gradient(x, 3.0), (X,), (X,))[1], 3 * X)

    def of_parts(x: Any, change: Any) -> Any:
        parts = change({"a": x, "rest": (2.0 * x, None, 3)})
        return np.sum(parts["a"] * weights + parts["rest"][0])

    both = grad(of_parts)(X, lambda parts: clip_gradient(parts, -0.5, 0.5))
    np.testing.assert_allclose(both, np.clip(weights, -0.5, 0.5) + 2 * 0.5)
    both = grad(of_parts)(X, lambda parts: scale_gradient(parts, 3.0))
    np.testing.assert_allclose(both, 3.0 * (weights + 2.0))


def steps(x: Any) -> Any:
    for _ in range(20):
        x = np.sin(x) * 1.1
    return x


def deep(x: Any, inner: Any = steps) -> Any:
    for _ in range(30):
        x = inner(x)
    return np.sum(x)


def largest(f: Any, x: Any) -> int:
    """The most elements that a value of a compiled function has."""
    shapes = re.findall(r"f64\[([\d, ]+)\]", jit(f).inspect_ir(x))
    return max(int(np.prod([int(d) for d in s.split(",")])) for s in shapes)


@pytest.mark.parametrize("shapes", ["auto", "dynamic"])
@pytest.mark.parametrize(
    "part", [lambda x: x[x > 0] * x[0], lambda x: x[: int(x[0])] ** 3, lambda x: np.sin(x) * x]
)
def test_checkpoint_of_results_whose_extent_is_computed(part: Any, shapes: Any) -> None:
    def loss(x: Any, part: Any) -> Any:
        return np.sum(part(x) ** 2)

    @jit(shapes=shapes)
    def both(x: Any) -> Any:
        again = checkpoint(part)
        dots = [jvp(f, (x,), (x,))[1] for f in (again, part)]
        return [grad(loss)(x, f) for f in (again, part)], dots, again(x)

    x = np.array([2.0, -1.0, 3.0, 4.0])
    (again, once), (pushed, want), value = both(x)
    np.testing.assert_array_equal(again, once)
    np.testing.assert_array_equal(pushed, want)
    np.testing.assert_array_equal(value, part(x))


def test_checkpoint_gives_the_same_and_keeps_less() -> None:
    again = partial(deep, inner=checkpoint(steps))
    np.testing.assert_allclose(grad(again)(X), grad(deep)(X), rtol=1e-12)
    np.testing.assert_allclose(jacfwd(again)(X), grad(deep)(X), rtol=1e-12)
    np.testing.assert_allclose(hessian(again)(X), hessian(deep)(X), rtol=1e-9)
    np.testing.assert_allclose(vmap(grad(again))(np.stack([X, X]))[1], grad(deep)(X), rtol=1e-12)
    assert largest(grad(deep), X) >= 30 * 20 * 3
    assert largest(grad(again), X) <= 30 * 3

    def scaled(w: Any) -> Any:
        return np.sum(checkpoint(lambda x: np.sin(x * w))(X))

    np.testing.assert_allclose(grad(scaled)(2.0), np.sum(np.cos(X * 2.0) * X))


def test_policies() -> None:
    weights = np.random.default_rng(0).normal(size=(3, 3))

    def layers(x: Any) -> Any:
        return np.tanh(weights @ np.tanh(weights @ np.sin(weights @ x)))

    def loops(x: Any) -> Any:
        for _ in range(3):
            x = np.tanh(weights @ x)
        return x

    def products(policy: Any) -> int:
        again = checkpoint(layers, policy=policy)
        text: str = jit(grad(lambda x: np.sum(again(x) ** 2))).inspect_ir(X)
        return len(re.findall(r"= dot ", text))

    policies = ("nothing_saveable", "dots_saveable", "everything_saveable")
    assert [products(policy) for policy in policies] == [9, 6, 6]
    for f in (layers, loops):
        want = grad(lambda x, f=f: np.sum(f(x) ** 2))
        for policy in policies:
            again = grad(lambda x, f=checkpoint(f, policy=policy): np.sum(f(x) ** 2))
            np.testing.assert_allclose(again(X), want(X), rtol=1e-12)
            np.testing.assert_allclose(jacfwd(again)(X), jacfwd(want)(X), rtol=1e-10)


def test_custom_gradient() -> None:
    @custom_gradient
    def product(x: Any, y: Any) -> Any:
        s = np.sin(x)
        return s * y, lambda ct: (10.0 * ct * np.cos(x) * y, ct * s)

    @custom_gradient
    def soft(x: Any) -> Any:
        e = np.exp(x)
        return np.log1p(e), lambda ct: ct * (1.0 - 1.0 / (1.0 + e))

    assert product(1.0, 2.0) == jit(product)(1.0, 2.0) == np.sin(1.0) * 2.0
    slopes = grad(product, (0, 1))(1.0, 2.0)
    np.testing.assert_allclose(slopes, (20.0 * np.cos(1.0), np.sin(1.0)))
    np.testing.assert_allclose(vmap(grad(soft))(X), 1.0 - 1.0 / (1.0 + np.exp(X)))
    np.testing.assert_allclose(grad(grad(soft))(0.0), 0.25)
    with pytest.raises(TypeError, match="custom_vjp"):
        jvp(soft, (1.0,), (1.0,))


def test_a_checkpointed_line_is_not_merged_with_its_first_run() -> None:
    def wave(x: Any) -> Any:
        return np.sin(np.cumsum(np.exp(np.cumsum(x))))

    def line(x: Any) -> Any:
        return np.sum(checkpoint(wave)(x))

    def scans(f: Any) -> int:
        text: str = jit(value_and_grad(f)).inspect_ir(X)
        return len(re.findall(r"= cumsum [^{]*\{axis=0\}", text))

    assert (scans(line), scans(lambda x: np.sum(wave(x)))) == (4, 2)
    np.testing.assert_allclose(grad(line)(X), grad(lambda x: np.sum(wave(x)))(X), rtol=1e-12)


def test_defaults_and_integers_that_are_known() -> None:
    """A keyword after arguments that are left out; an axis, which is no number of the run."""

    @custom_vjp
    def summed(x: Any, scale: float = 2.0, axis: int = 0, how: str = "so") -> Any:
        assert axis in (0, 1)
        return scale * np.sum(x, axis=axis)

    def back(kept: Any, ct: Any) -> Any:
        shape, scale, axis = kept
        return np.broadcast_to(np.expand_dims(scale * ct, axis), shape), None, None, None

    summed.defvjp(lambda x, s, a, how: (summed(x, s, a), (x.shape, s, a)), back)
    x = np.arange(6.0).reshape(2, 3)
    for options in ({}, {"axis": 1}, {"how": "other"}, {"scale": 2.0, "axis": 1}):
        found = jit(grad(lambda x, o=options: np.sum(summed(x, **o))))(x)
        assert found.tolist() == np.full((2, 3), 2.0).tolist()
