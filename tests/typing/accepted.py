"""Calls as they should be: type checkers accept all of it, and the comments say what they see."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

import tracejit
from tracejit import (
    check_grads,
    checkpoint,
    cond,
    custom_jvp,
    custom_vjp,
    fori_loop,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jit,
    jvp,
    linearize,
    random,
    scan,
    stop_gradient,
    switch,
    value_and_grad,
    vjp,
    vmap,
    while_loop,
)

F = npt.NDArray[np.float64]


@dataclass
class Params:
    w: F
    b: float


@jit
def scaled(x: F, n: int = 3) -> F:
    return x * n


@jit(shapes="static", opt_level=2, fallback=True)
def shifted(x: F) -> F:
    return x + 1.0


@jit("f8[:](f8[:])")
def by_signature(x: F) -> F:
    return -x


@jit(["f8(f8)", "f4(f4)"], static_argnames="n")
def by_signatures(x: float, n: int = 1) -> float:
    return x * n


def loss(w: F, x: F, *, scale: float = 1.0) -> float:
    return float(np.sum(w * x) * scale)


def of_numbers(x: float, k: float, by: float = 2.0, *, n: int = 1) -> float:
    return x * k * by * n


def with_aux(w: F, x: F) -> tuple[float, int]:
    return float(np.sum(w * x)), 3


def of_params(p: Params, x: F) -> float:
    return float(np.sum(p.w * x) + p.b)


class Model:
    def __init__(self) -> None:
        self.w: F = np.ones(3)

    @jit
    def apply(self, x: F) -> F:
        return self.w * x

    @jit(stabilize=True)
    def scaled(self, x: F, by: float = 1.0) -> F:
        return self.w * x * by

    @staticmethod
    @jit
    def double(x: F) -> F:
        return x * 2.0

    @jit
    @staticmethod
    def triple(x: F) -> F:
        return x * 3.0

    @property
    @jit
    def doubled(self) -> F:
        return self.w * 2.0


@custom_jvp
def softplus(x: F) -> F:
    return np.log1p(np.exp(x))


@softplus.defjvp
def softplus_rule(primals: Any, tangents: Any) -> Any:
    return softplus(primals[0]), tangents[0] / (1.0 + np.exp(-primals[0]))


@functools.partial(custom_vjp, nondiff_argnums=(1,))
def clipped(x: F, limit: float) -> F:
    return x


x, w = np.ones(3), np.ones(3)
model, p = Model(), Params(np.ones(3), 0.0)

assert_type(scaled(x), F)
assert_type(scaled(x, n=2), F)
assert_type(shifted(x), F)
assert_type(by_signature(x), F)
assert_type(by_signatures(1.0, n=2), float)
assert_type(scaled.inspect_ir(), Mapping[str, str])
assert_type(scaled.compile_times(x, 2), dict[str, float])
assert_type(scaled.inspect_ir(x, 2), str)
assert_type(scaled.inspect_asm(x, n=2), str)
assert_type(scaled.stats().compilations, int)
assert_type(scaled.py_func(x, 2), F)
assert_type(scaled.signatures, list[str])
assert_type(scaled.__name__, str)
scaled.compile("f8[:](f8[:], i8)")
scaled.recompile()

assert_type(model.apply(x), F)
assert_type(model.scaled(x, by=2.0), F)
assert_type(Model.apply(model, x), F)
assert_type(Model.double(x), F)
assert_type(Model.triple(x), F)
assert_type(model.doubled, F)

assert_type(grad(loss)(w, x), F)
assert_type(grad(loss)(w, x, scale=2.0), F)
assert_type(grad(with_aux, has_aux=True)(w, x), tuple[F, int])
assert_type(grad(of_params)(p, x), Params)
assert_type(value_and_grad(of_params)(p, x), tuple[float, Params])
assert_type(value_and_grad(loss)(w, x), tuple[float, F])
assert_type(value_and_grad(with_aux, has_aux=True)(w, x), tuple[tuple[float, int], F])
assert_type(jit(value_and_grad(loss))(w, x), tuple[float, F])
assert_type(grad(jit(loss))(w, x), F)
by_both = grad(loss, argnums=(0, 1))(w, x)
by_name = grad(loss, argnames="x", disconnected_inputs="raise")(w, x)
second = grad(grad(lambda t: t**3))(2.0)
of_lambda = grad(lambda v: np.sum(v * v))(x)
of_method = grad(lambda v: np.sum(model.apply(v)))(x)
assert_type(value_and_grad(jit(loss, fallback=True), 1)(w, x)[0], float)

assert_type(jvp(shifted, (x,), (x,)), tuple[F, F])
value, pullback = vjp(scaled, x)
assert_type(value, F)
assert_type(pullback(value), tuple[Any, ...])
assert_type(vjp(with_aux, w, x, has_aux=True)[2], int)
assert_type(linearize(shifted, x)[1](x), F)
(product,) = hvp(loss, (w, x), (w, x))[:1]
for curvature in (jacfwd, jacrev, jacobian, hessian):
    curvature(loss)(w, x, scale=2.0)
    curvature(loss, argnums=(0, 1))(w, x)
    curvature(loss, argnames=("w", "x"))(w, x)
check_grads(loss, (w, x), order=1)

vmap(grad(loss), in_axes=(None, 0))(w, np.ones((4, 3)))
vmap(lambda t: t * 2.0)(x)
vmap(by_signatures)(x, n=np.arange(3))
vmap(lambda s, t: s * t, in_axes=(0, None))(x, 2.0)
vmap(of_numbers)(x, x)
vmap(of_numbers, in_axes=(0, None))(x, 2.0, n=np.arange(3))
vmap(of_numbers, in_axes=(0, 0, None))(x, x, 2.0)
vmap(of_numbers)(x, x, by=x)
vmap(grad(of_numbers))(x, x)
vmap(vmap(of_numbers))(np.ones((2, 3)), np.ones((2, 3)))
vmap(of_params, in_axes=(None, 0))(p, np.ones((4, 3)))

assert_type(checkpoint(scaled)(x, n=2), F)
assert_type(softplus(x), F)
assert_type(stop_gradient(p), Params)
clipped(x, 2.0)
tracejit.clip_gradient(x, -1.0, 1.0)
tracejit.scale_gradient(x, 2.0)
assert_type(fori_loop(0, 3, lambda i, total: total + 1.0, 0.0), float)
assert_type(while_loop(lambda t: t < 3.0, lambda t: t * 2.0, 1.0), float)
assert_type(cond(x[0] > 0, shifted, by_signature, x), F)
assert_type(switch(1, [shifted, by_signature], x), F)
total: float = scan(lambda total, v: (total + v, total), 0.0, x)[0]
tracejit.map(lambda row: row / row.sum(), np.ones((2, 2)))
draws = random.normal(random.key(0), (3,))
