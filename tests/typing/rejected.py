"""Wrong calls: type checkers find an error on each marked line, and nowhere else."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

import tracejit
from tracejit import cond, custom_jvp, grad, hessian, jit, jvp, value_and_grad, vjp, vmap

F = npt.NDArray[np.float64]


@jit
def scaled(x: F, n: int = 3) -> F:
    return x * n


@jit(shapes="static")
def shifted(x: F) -> F:
    return x + 1.0


def of_numbers(x: float, k: float, *, n: int = 1) -> float:
    return x * k * n


def loss(w: F, x: F) -> float:
    return float(np.sum(w * x))


@custom_jvp
def softplus(x: F) -> F:
    return np.log1p(np.exp(x))


class Model:
    w: F

    @jit
    def apply(self, x: F) -> F:
        return self.w * x


x = np.ones(3)

scaled("wrong")  # error
scaled(x, 2, 3)  # error
scaled(x, m=2)  # error
scaled()  # error
shifted("wrong")  # error
scaled(x).nonsense  # error
scaled.nonsense  # error
scaled.inspect_ir("wrong")  # error
scaled.inspect_asm(x, m=2)  # error
number: int = scaled(x)  # error
jit(scaled, nopython=True)  # error
jit(parallel=2.5)  # error
jit(static_argnum=0)  # error
jit(shapes="dynamical")  # error
jit(3)  # error
Model().apply("wrong")  # error
Model().apply(x, x)  # error
grad(loss)("wrong", x)  # error
grad(loss)(x)  # error
grad(loss)(x, y=x)  # error
grad(loss, x)  # error
grad(loss, argnum=1)  # error
grad(loss, disconnected_inputs="warn")  # error
value_and_grad(loss)(x, "wrong")  # error
value, slope, more = value_and_grad(loss)(x, x)  # error
jit(grad(loss))(x)  # error
vjp(loss, x, x)[1]("wrong")  # error
jvp(loss, x, x)  # error
hessian(loss)(x)  # error
vmap(loss)("wrong", x)  # error
vmap(loss)(x)  # error
vmap(loss)(x, x, x)  # error
vmap(loss)(x, y=x)  # error
vmap(loss, axis=0)  # error
vmap(of_numbers)(x)  # error
vmap(of_numbers)("wrong", x)  # error
vmap(of_numbers)(x, x, n=x, m=3)  # error
vmap(vmap(loss))(x)  # error
hessian(loss, argnum=1)  # error
softplus("wrong")  # error
cond(True, shifted, loss, x)  # error
tracejit.njit  # error
