"""Functions with rules of their own, and checks of derivatives, used as they are not meant."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.mistakes.row import X
from tests.mistakes.wrong_calls import loss, twice, weighted, wrong
from tracejit import (
    StructureError,
    check_grads,
    checkpoint,
    custom_gradient,
    custom_jvp,
    custom_vjp,
    grad,
    jvp,
)


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


@wrong("a function with a rule decides how long its result is", StructureError,
       "is known when the function has run only", "take the elements outside of it")  # fmt: skip
def _() -> Any:
    f = custom_jvp(lambda x: x[x > 0])
    f.defjvp(lambda primals, dots: (f(*primals), dots[0][primals[0] > 0]))
    return grad(lambda x: np.sum(f(x)))(X)


@wrong("`check_grads(f, x)`", TypeError, "write check_grads(f, (x,))", "`check_grads(f, (x,))`")
def _() -> Any:
    return check_grads(loss, X)  # type: ignore[arg-type]


@wrong("check_grads of order 0", ValueError, "order is 1, 2 or more", "`order=1`")
def _() -> Any:
    return check_grads(loss, (X,), order=0)
