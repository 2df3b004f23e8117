"""Transforms used as they are not meant: each row is a call, and what it says."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.mistakes.row import X
from tests.mistakes.wrong_calls import loss, twice, weighted, wrong
from tracejit import (
    UnsupportedError,
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


def loss_by_steps(x: Any) -> Any:
    yield np.sum(x**2)


async def awaited_loss(x: Any) -> Any:
    return np.sum(x**2)


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


@wrong("more arguments than the function has", TypeError,
       "loss() takes 1 positional argument but 2", "Python's words of the function")  # fmt: skip
def _() -> Any:
    return grad(loss)(X, X)


@wrong("a name that the function does not have", TypeError,
       "got an unexpected keyword argument 'y'", "Python's words of the function")  # fmt: skip
def _() -> Any:
    return any_vmap(loss)(y=X)


@wrong("the gradient of a generator function", UnsupportedError, "is a generator or coroutine",
       "an ordinary function that returns the loss")  # fmt: skip
def _() -> Any:
    return grad(loss_by_steps)


@wrong("`vmap` of an `async` function", UnsupportedError, "is a generator or coroutine",
       "an ordinary function that returns the loss")  # fmt: skip
def _() -> Any:
    return vmap(awaited_loss)


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


@wrong("`hessian(f, x)`", TypeError, "write hessian(f)(x)", "`hessian(f)(x)`")
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
