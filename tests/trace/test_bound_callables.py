"""Bound methods and partial functions from outside: what is in them is read at each call."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import (
    checkpoint,
    custom_jvp,
    custom_vjp,
    grad,
    hessian,
    jacfwd,
    jacrev,
    jit,
    linearize,
    vjp,
    vmap,
)

X = np.array([0.5, -1.0])


class Model:
    def __init__(self) -> None:
        self.k, self.w = 3.0, np.ones(2)

    def loss(self, x: Any) -> Any:
        return np.sum(x * x * self.w) * self.k

    def scaled(self, by: Any) -> Any:
        return self.w * self.k * by

    def forward(self, x: Any) -> Any:
        return self.loss(x), x

    def backward(self, x: Any, ct: Any) -> Any:
        return (ct * 2.0 * x * self.w * self.k,)

    def rule(self, primals: Any, tangents: Any) -> Any:
        slope = 2.0 * primals[0] * self.w * self.k
        return self.loss(primals[0]), np.sum(slope * tangents[0])


class Holder:
    def __init__(self, f: Any) -> None:
        self.f = f


def _looped(functions: Any) -> Any:
    def total(x: Any) -> Any:
        s = 0.0
        for f in functions:
            s = s + f(x)
        return s

    return total


WAYS: dict[str, Callable[[Model], Any]] = {
    "closure": lambda m: (lambda f: lambda x: f(x))(m.loss),
    "default": lambda m: lambda x, f=m.loss: f(x),
    "attribute": lambda m: (lambda h: lambda x: h.f(x))(Holder(m.loss)),
    "list": lambda m: (lambda fs: lambda x: fs[0](x))([m.loss]),
    "dict": lambda m: (lambda fs: lambda x: fs["f"](x))({"f": m.loss}),
    "loop": lambda m: _looped((m.loss, m.loss)),
    "map": lambda m: (lambda f: lambda x: sum(map(f, [x, x])))(m.loss),
    "partial": lambda m: (lambda f: lambda x: f(x))(functools.partial(Model.loss, m)),
    "partial of a method": lambda m: (lambda f: lambda x: f(x))(functools.partial(m.loss)),
    "by name": lambda m: functools.partial(lambda x, m: m.loss(x), m=m),
    "jit of a partial": lambda m: functools.partial(Model.loss, m),
    "methodcaller": lambda m: (lambda f: lambda x: f(m))(operator.methodcaller("scaled", by=2.0)),
    "attrgetter": lambda m: (lambda f: lambda x: f(m)[0] * x[0])(operator.attrgetter("k", "w")),
    "dict.get": lambda m: (lambda get: lambda x: get("k") * x[0])(vars(m).get),
}
TRANSFORMS: dict[str, Callable[[Model], Any]] = {
    "grad": lambda m: grad(m.loss),
    "jacrev": lambda m: jacrev(m.loss),
    "jacfwd": lambda m: jacfwd(functools.partial(m.loss)),
    "hessian": lambda m: hessian(m.loss),
    "vjp": lambda m: lambda x: vjp(m.loss, x)[1](1.0)[0],
    "linearize": lambda m: lambda x: linearize(functools.partial(Model.loss, m), x)[1](x),
    "vmap": lambda m: lambda x: vmap(m.loss)(np.stack([x, x])),
    "checkpoint": lambda m: grad(checkpoint(m.loss)),
    "custom_vjp": lambda m: grad(_with_rules(custom_vjp(m.loss), m.forward, m.backward)),
    "custom_jvp": lambda m: grad(_with_rules(custom_jvp(m.loss), m.rule)),
}


def _with_rules(f: Any, *rules: Any) -> Any:
    (f.defjvp if len(rules) == 1 else f.defvjp)(*rules)
    return f


def _changes(m: Model) -> Any:
    yield
    m.k = 5.0
    yield
    m.w[0] = 7.0
    yield
    m.w = np.zeros(2)
    yield


@pytest.mark.parametrize("way", WAYS)
def test_what_is_in_them_is_read_at_each_call(way: str) -> None:
    m = Model()
    function = WAYS[way](m)
    compiled = jit(function)
    for _ in _changes(m):
        np.testing.assert_allclose(compiled(X), function(X), rtol=1e-14)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_of_methods_read_their_objects(name: str) -> None:
    m = Model()
    transformed = TRANSFORMS[name](m)
    for _ in _changes(m):
        fresh = Model()
        fresh.k, fresh.w = m.k, m.w.copy()
        np.testing.assert_allclose(transformed(X), TRANSFORMS[name](fresh)(X), rtol=1e-14)


def test_getters_and_callers_do_what_a_program_does() -> None:
    first, ends = operator.itemgetter(0), operator.itemgetter(0, -1)
    rest, total = operator.itemgetter(slice(1, None)), operator.methodcaller("sum", axis=0)
    shape, append = operator.attrgetter("T.shape"), operator.methodcaller("append", 2.0)

    def all_of(x: Any) -> Any:
        found = [total(x) * 1.0]
        append(found)
        by_first = sorted([(x[1], 1.0), (x[0], 2.0)], key=first)
        return first(x), ends(x), rest(x), shape(x), found, by_first[0][1]

    for ours, theirs in zip(jit(all_of)(X), all_of(X), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(TypeError, match="itemgetter expected 1 argument, got 2"):
        jit(lambda x: first(x, x))(X)


def _of_new_object(transform: Any, bind: Any) -> Any:
    def function(x: Any) -> Any:
        m = Model()
        m.w = x
        slope = transform(bind(m))(x)
        m.k = 7.0  # changes no call that was made
        return slope

    return jit(function)


@pytest.mark.parametrize("bind", [lambda m: m.loss, lambda m: functools.partial(Model.loss, m)])
def test_methods_of_objects_that_the_program_makes(bind: Any) -> None:
    for transform in (grad, jacrev, lambda f: grad(checkpoint(f))):
        found = _of_new_object(transform, bind)
        for x in (X, 2.0 * X):
            np.testing.assert_allclose(found(x), 6.0 * x * x, rtol=1e-14)
        assert found.stats().compilations == 1
