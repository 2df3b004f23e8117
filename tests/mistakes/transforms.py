"""Transforms used as they are not meant: each row is a call, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.mistakes.row import X
from tracejit import (
    StructureError,
    UnsupportedError,
    check_grads,
    checkpoint,
    custom_gradient,
    custom_jvp,
    custom_vjp,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    value_and_grad,
    vjp,
    vmap,
)

any_grad: Any = grad  # calls that a type checker refuses
any_jvp: Any = jvp
any_hvp: Any = hvp
any_vmap: Any = vmap


@dataclass(frozen=True)
class Wrong:
    """One row: a call that raises; ``says`` are words of the message, ``do`` what to write."""

    problem: str
    kind: type[Exception]
    says: str
    do: str
    call: Callable[[], Any]


WRONG: list[Wrong] = []


def wrong(problem: str, kind: type[Exception], says: str, do: str) -> Callable[[Any], Any]:
    def enter(call: Any) -> Any:
        WRONG.append(Wrong(problem, kind, says, do, call))
        return call

    return enter


def loss(x: Any) -> Any:
    return np.sum(x**2)


def weighted(w: Any, x: Any) -> Any:
    return np.sum(w * x)


def twice(x: Any) -> Any:
    return x * 2.0


def pair(x: Any) -> Any:
    return x, x * 2.0


def kept_above(x: Any) -> Any:
    return x[x > 0]


def ones_and_zeros(x: Any) -> Any:
    return x > 1.0


ROWS = np.ones((2, 3))

# grad ---------------------------------------------------------------------------------------------


@wrong("`grad(f, x)`", TypeError, "write grad(f)(x)", "`grad(f)(x)`")
def _() -> Any:
    return any_grad(loss, X)


@wrong("`grad(f, (x, y))`", TypeError, "is a position of an argument, not an array",
       "`grad(f, argnums=(0, 1))(x, y)`")  # fmt: skip
def _() -> Any:
    return any_grad(weighted, (X, X))


@wrong("`value_and_grad(f, 2.0)`", TypeError, "write value_and_grad(f)(x)",
       "`value_and_grad(f)(2.0)`")  # fmt: skip
def _() -> Any:
    return value_and_grad(loss, 2.0)  # type: ignore[call-overload]


@wrong("`grad(f(x))`", TypeError, "grad takes a function, not a number: write grad(f)(x)",
       "`grad(f)(x)`")  # fmt: skip
def _() -> Any:
    return any_grad(loss(X))


@wrong("the gradient by a number that is an int", TypeError, "x is int64: convert it (float(x))",
       "pass a float")  # fmt: skip
def _() -> Any:
    return grad(loss)(3)


@wrong("an int among the parameters", TypeError, "p['n'] is int64: convert it (float(p['n']))",
       "make it a float, or pass it apart")  # fmt: skip
def _() -> Any:
    return grad(lambda p: np.sum(p["w"]) * p["n"])({"w": X, "n": 3})


@wrong("a second argument that is an int is among argnums", TypeError, "x is int64",
       "leave it out of argnums")  # fmt: skip
def _() -> Any:
    return grad(weighted, argnums=(0, 1))(X, 3)


@wrong("the gradient by a text", TypeError, "x is a str", "choose other arguments by argnums")
def _() -> Any:
    return grad(loss)("a")


@wrong("argnums is out of range", TypeError,
       "argnums has 2, and the call has 2 positional arguments, counted from 0",
       "count from 0")  # fmt: skip
def _() -> Any:
    return grad(weighted, argnums=2)(X, X)


@wrong("a position twice in argnums", TypeError, "distinct positions", "name it once")
def _() -> Any:
    return grad(weighted, argnums=(0, 0))


@wrong("a name in argnums", TypeError, "for names say argnames", "`argnames=`")
def _() -> Any:
    return any_grad(weighted, argnums="w")


@wrong("argnames has a name that the function does not", TypeError, "has no parameter 'z'",
       "read its signature")  # fmt: skip
def _() -> Any:
    return grad(weighted, argnames="z")(X, X)


@wrong("a function that returns nothing", TypeError, "not None: return the loss", "`return`")
def _() -> Any:
    return grad(lambda x: None)(X)


@wrong("a function that returns a text", TypeError, "not a str: return the loss",
       "return the loss")  # fmt: skip
def _() -> Any:
    return grad(lambda x: "text")(X)


@wrong("the gradient of an array of one element", TypeError, "shape (1,), float64: reduce it",
       "`x[0]`, or sum it")  # fmt: skip
def _() -> Any:
    return grad(lambda x: x[:1])(X)


@wrong("the gradient of an int", TypeError, "int64: it has no derivative",
       "return it beside the loss, with `has_aux=True`")  # fmt: skip
def _() -> Any:
    return grad(lambda x: np.argmax(x))(X)


@wrong("the gradient of a complex number", TypeError, "complex128: take its real part",
       "`.real`, or `holomorphic=True`")  # fmt: skip
def _() -> Any:
    return grad(lambda x: np.sum(x * 1j))(X)


@wrong("a second result without has_aux", TypeError, "with has_aux=True", "`has_aux=True`")
def _() -> Any:
    return grad(lambda x: (np.sum(x), x))(X)


@wrong("has_aux of a function with one result", TypeError,
       "with has_aux the function returns a pair", "leave out `has_aux`")  # fmt: skip
def _() -> Any:
    return grad(loss, has_aux=True)(X)


@wrong("holomorphic with real arguments", TypeError, "the arguments are complex",
       "leave out `holomorphic`")  # fmt: skip
def _() -> Any:
    return grad(loss, holomorphic=True)(X)


@wrong("holomorphic with a real result", TypeError, "leave out holomorphic=True",
       "leave out `holomorphic`")  # fmt: skip
def _() -> Any:
    return grad(lambda x: np.sum(x).real, holomorphic=True)(X + 0j)


@wrong("`disconnected_inputs=\"raise\"` finds an argument that is not used", ValueError,
       "the result does not depend on w", "leave it out of argnums")  # fmt: skip
def _() -> Any:
    return grad(lambda w, x: np.sum(x), disconnected_inputs="raise")(X, X)


# Jacobians ----------------------------------------------------------------------------------------


@wrong("`hessian(f, x)`", TypeError, "write jacrev(f)(x)", "`hessian(f)(x)`")
def _() -> Any:
    return hessian(loss, X)  # type: ignore[arg-type]


@wrong("the Hessian by integers", TypeError, "x is int64: convert it", "pass floats")
def _() -> Any:
    return hessian(loss)(np.arange(3))


@wrong("the Jacobian by complex numbers", TypeError, "for a complex argument say holomorphic=True",
       "`holomorphic=True`")  # fmt: skip
def _() -> Any:
    return jacfwd(twice)(X + 0j)


@wrong("the Jacobian of numbers that have no derivative", TypeError, "a result is bool",
       "return them beside the result, with `has_aux=True`")  # fmt: skip
def _() -> Any:
    return jacrev(ones_and_zeros)(X)


# jvp, vjp, linearize, hvp -------------------------------------------------------------------------


@wrong("`jvp(f, x, v)`", TypeError, "primals are a tuple with one entry per argument, not an array",
       "`jvp(f, (x,), (v,))`")  # fmt: skip
def _() -> Any:
    return any_jvp(twice, X, X)


@wrong("a tangent of another shape", TypeError,
       "a tangent of shape (4,), float64, for a value of shape (6,), float64",
       "give it the argument's shape")  # fmt: skip
def _() -> Any:
    return jvp(twice, (X,), (np.ones(4),))


@wrong("a complex tangent of a real argument", TypeError, "a tangent of shape (6,), complex128",
       "take its real part")  # fmt: skip
def _() -> Any:
    return jvp(twice, (X,), (X + 1j,))


@wrong("fewer tangents than arguments", TypeError,
       "tangents have another structure than the arguments: (…,), not (…, …)",
       "give one per argument, zeros where it does not move")  # fmt: skip
def _() -> Any:
    return jvp(weighted, (X, X), (X,))


@wrong("`None` for a tangent", TypeError, "a tangent is an array or a number, not None",
       "give zeros")  # fmt: skip
def _() -> Any:
    return any_jvp(twice, (X,), (None,))


@wrong("`vjp(f)(x)`", TypeError, "write vjp(f, x)", "`vjp(f, x)`")
def _() -> Any:
    return vjp(twice)


@wrong("a cotangent of another structure than the result", TypeError,
       "another structure than the result: one array or number, not (…, …)",
       "give one per result, in a tuple")  # fmt: skip
def _() -> Any:
    return vjp(pair, X)[1](X)


@wrong("a cotangent per argument of the pullback", TypeError, "takes one argument, which has",
       "give one tuple: `pullback((a, b))`")  # fmt: skip
def _() -> Any:
    return vjp(pair, X)[1](X, X)  # type: ignore[call-arg]


@wrong("a complex cotangent of a real result", TypeError, "a cotangent of shape (6,), complex128",
       "take its real part")  # fmt: skip
def _() -> Any:
    return vjp(twice, X)[1](X + 1j)


@wrong("a number as the cotangent of an array", TypeError, "a cotangent of shape (), float64",
       "`np.ones_like(result)`")  # fmt: skip
def _() -> Any:
    return vjp(twice, X)[1](1.0)


@wrong("fewer tangents than `linearize` has arguments", TypeError, "the pushforward of linearize",
       "give one per argument")  # fmt: skip
def _() -> Any:
    return linearize(weighted, X, X)[1](X)


@wrong("`hvp(f, x, v)`", TypeError, "write hvp(f, (x,), (v,))", "`hvp(f, (x,), (v,))`")
def _() -> Any:
    return any_hvp(loss, X, X)


@wrong("`hvp` of an array", TypeError, "returns a real scalar", "sum it")
def _() -> Any:
    return hvp(twice, (X,), (X,))


# vmap ---------------------------------------------------------------------------------------------


@wrong("`vmap(f, x)`", TypeError, "vmap(f)(x)", "`vmap(f)(x)`")
def _() -> Any:
    return any_vmap(loss, X)


@wrong("a batch of a number", ValueError, "axis 0 of w is to be mapped, which is a number",
       "`in_axes=(None, 0)`")  # fmt: skip
def _() -> Any:
    return vmap(weighted)(2.0, X)


@wrong("an axis that the batch does not have", ValueError,
       "axis 1 of x is to be mapped, which is an array of shape (6,)",
       "an axis that is there")  # fmt: skip
def _() -> Any:
    return vmap(loss, in_axes=1)(X)


@wrong("batches of different sizes", ValueError, "6 and 4 examples", "cut them to one size")
def _() -> Any:
    return vmap(weighted)(X, np.ones(4))


@wrong("fewer axes than arguments", ValueError, "in_axes has 1 entries for 2",
       "one per argument")  # fmt: skip
def _() -> Any:
    return vmap(weighted, in_axes=(0,))(X, X)


@wrong("in_axes of another structure than the arguments", ValueError,
       "({'v': …},), not ({'w': …},)", "the structure of the arguments")  # fmt: skip
def _() -> Any:
    return vmap(lambda p: p["w"], in_axes=({"v": 0},))({"w": X})


@wrong("in_axes that is no axis", TypeError, "in_axes is an axis, None or a tree of them",
       "a number, `None`, or a tree of them")  # fmt: skip
def _() -> Any:
    return any_vmap(loss, in_axes=0.0)


@wrong("nothing is mapped", ValueError, "no argument is mapped", "`axis_size=`")
def _() -> Any:
    return vmap(loss, in_axes=None)(X)


@wrong("axis_size is not that of the arguments", ValueError,
       "axis_size is 4, an argument has 2 examples", "leave out `axis_size`")  # fmt: skip
def _() -> Any:
    return vmap(loss, axis_size=4)(ROWS)


@wrong("out_axes is None for a result that differs", ValueError, "out_axes is None",
       "an axis")  # fmt: skip
def _() -> Any:
    return vmap(loss, out_axes=None)(ROWS)


@wrong("out_axes is out of range", ValueError, "axis 2 is outside", "an axis of the result")
def _() -> Any:
    return vmap(loss, out_axes=2)(ROWS)


@wrong("a result whose size differs between examples", UnsupportedError,
       "the size of a result differs between examples", "`np.where`, or a mask")  # fmt: skip
def _() -> Any:
    return vmap(kept_above)(ROWS)


# Rules --------------------------------------------------------------------------------------------


@wrong("a custom_vjp without a rule", TypeError, "has no rule: give one by defvjp", "`defvjp`")
def _() -> Any:
    return grad(custom_vjp(loss))(X)


@wrong("`forward` gives no residuals", StructureError, "not an array",
       "`return result, residuals`")  # fmt: skip
def _() -> Any:
    f = custom_vjp(twice)
    f.defvjp(twice, lambda kept, ct: (ct,))
    return grad(lambda x: np.sum(f(x)))(X)


@wrong("`forward` gives another result than the function", StructureError,
       "gives a result of shape (), float64, for a value of shape (6,), float64",
       "give what the function gives")  # fmt: skip
def _() -> Any:
    f = custom_vjp(twice)
    f.defvjp(lambda x: (np.sum(x), None), lambda kept, ct: (ct,))
    return grad(lambda x: np.sum(f(x)))(X)


@wrong("`backward` gives no tuple", StructureError, "a tuple of 1 cotangents", "`return (ct,)`")
def _() -> Any:
    f = custom_vjp(twice)
    f.defvjp(lambda x: (twice(x), None), lambda kept, ct: ct)
    return grad(lambda x: np.sum(f(x)))(X)


@wrong("`backward` gives fewer cotangents than arguments", StructureError, "not a tuple of 1",
       "one per argument, `None` for zero")  # fmt: skip
def _() -> Any:
    f = custom_vjp(weighted)
    f.defvjp(lambda w, x: (weighted(w, x), x), lambda x, ct: (ct * x,))
    return grad(f)(X, X)


@wrong("`backward` gives a cotangent of another shape", StructureError,
       "gives a cotangent of shape (), float64, for a value of shape (6,), float64",
       "`ct * np.ones_like(x)`")  # fmt: skip
def _() -> Any:
    f = custom_vjp(loss)
    f.defvjp(lambda x: (loss(x), None), lambda kept, ct: (ct,))
    return grad(f)(X)


@wrong("`backward` takes the cotangents alone", TypeError,
       "backward takes (residuals, cotangents)", "`def backward(residuals, ct)`")  # fmt: skip
def _() -> Any:
    custom_vjp(loss).defvjp(lambda x: (loss(x), None), lambda ct: (ct,))


@wrong("a custom_vjp in forward mode", TypeError, "give it a rule by custom_jvp", "`custom_jvp`")
def _() -> Any:
    f = custom_vjp(twice)
    f.defvjp(lambda x: (twice(x), None), lambda kept, ct: (ct,))
    return jvp(f, (X,), (X,))


@wrong("a rule of tangents that gives the tangent alone", StructureError,
       "the rule gives a pair (result, tangent), not an array",
       "`return result, tangent`")  # fmt: skip
def _() -> Any:
    f = custom_jvp(twice)
    f.defjvp(lambda primals, tangents: tangents[0])
    return jvp(f, (X,), (X,))


@wrong("a rule whose tangent has another shape", StructureError,
       "gives a tangent of shape (), float64, for a value of shape (6,), float64",
       "the shape of the result")  # fmt: skip
def _() -> Any:
    f = custom_jvp(twice)
    f.defjvp(lambda primals, tangents: (f(*primals), np.sum(tangents[0])))
    return jvp(f, (X,), (X,))


@wrong("a rule that is not linear in the tangents", TypeError, "not linear in them",
       "`custom_vjp`")  # fmt: skip
def _() -> Any:
    f = custom_jvp(twice)
    f.defjvp(lambda primals, tangents: (f(*primals), tangents[0] ** 2))
    return grad(lambda x: np.sum(f(x)))(X)


@wrong("a function with a rule closes over what is differentiated", TypeError,
       "pass it as an argument", "pass it")  # fmt: skip
def _() -> Any:
    def outer(a: Any) -> Any:
        f = custom_jvp(lambda x: x * a)
        f.defjvp(lambda primals, tangents: (f(*primals), tangents[0] * a))
        return np.sum(f(a))

    return grad(outer)(X)


@wrong("a custom_gradient that returns the result alone", StructureError,
       "it returns a pair (result, function of the cotangents)",
       "`return result, lambda ct: …`")  # fmt: skip
def _() -> Any:
    return grad(custom_gradient(loss))(X)


@wrong("a policy that does not exist", ValueError, "policy is one of 'nothing_saveable'",
       "`policy=\"dots_saveable\"`")  # fmt: skip
def _() -> Any:
    return checkpoint(loss, policy="dots")  # type: ignore[arg-type]


@wrong("`checkpoint(f(x))`", TypeError, "checkpoint takes a function, not a number",
       "`checkpoint(f)(x)`")  # fmt: skip
def _() -> Any:
    return checkpoint(loss(X))


@wrong("`check_grads(f, x)`", TypeError, "write check_grads(f, (x,))", "`check_grads(f, (x,))`")
def _() -> Any:
    return check_grads(loss, X)  # type: ignore[arg-type]


@wrong("check_grads of order 0", ValueError, "order is 1, 2 or more", "`order=1`")
def _() -> Any:
    return check_grads(loss, (X,), order=0)
