"""What NumPy says too, and derivatives.

``# here`` marks the line that the traceback ends at; without it that is the first line of the
function.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.mistakes.row import X, mistake
from tracejit import grad

# What NumPy says too ------------------------------------------------------------------------------


@mistake("an index out of range", "numba#8028", IndexError,
         "index 10 is out of bounds for axis 0 with size 6", "test it before", X, 10)  # fmt: skip
def _(x: Any, i: int) -> Any:
    return x[i]  # here


@mistake("an index array out of range", "numba#8127", IndexError,
         "index 9 is out of bounds for axis 0 with size 6", "test it before", X,
         np.array([0, 9]))  # fmt: skip
def _(x: Any, places: Any) -> Any:
    x[places] = 0  # here
    return x


@mistake("a mask of another length", "jax#7329", IndexError, "boolean index did not match",
         "make it from the array", X, np.array([True, False]))  # fmt: skip
def _(x: Any, mask: Any) -> Any:
    return x[mask]  # here


@mistake("a float as index", "autograd#71", IndexError, "only integers, slices",
         "use `//`")  # fmt: skip
def _(x: Any) -> Any:
    return x[len(x) / 2]  # here


@mistake("a keyword that the function does not have", "numba#2446", TypeError,
         "sum() got an unexpected keyword argument 'axes'", "read its signature")  # fmt: skip
def _(x: Any) -> Any:
    return np.sum(x, axes=0)  # type: ignore[call-overload]  # here


@mistake("rows of different lengths", "autograd#515", ValueError, "inhomogeneous shape",
         "pad them, or keep a list")  # fmt: skip
def _(x: Any) -> Any:
    return np.array([x, x[:3]])  # here


@mistake("shapes that do not fit", "", ValueError,
         "could not be broadcast together with shapes (6,) (3,)", "add an axis")  # fmt: skip
def _(x: Any) -> Any:
    return x + x[:3]  # here


@mistake("a complex result in a real array", "autograd#77", TypeError, "Cannot cast ufunc",
         "make the array complex")  # fmt: skip
def _(x: Any) -> Any:
    x *= 1j  # here
    return x


@mistake("`nan` in an integer array", "", ValueError,
         "cannot convert float NaN to integer", "use a float array", np.arange(6))  # fmt: skip
def _(x: Any) -> Any:
    x[0] = np.nan  # here
    return x


@mistake("a number too large for the dtype", "", OverflowError,
         "Python integer 300 out of bounds for uint8", "widen the array",
         np.arange(6, dtype=np.uint8))  # fmt: skip
def _(x: Any) -> Any:
    return x + 300  # here


@mistake("a loop over a single number", "", TypeError, "object is not iterable",
         "loop over the array")  # fmt: skip
def _(x: Any) -> Any:
    s = 0.0
    for v in x[0]:  # here
        s += v
    return s


# Derivatives --------------------------------------------------------------------------------------


@mistake("the gradient of integers", "jax#424, autograd#482", TypeError,
         "needs floating or complex arguments", "pass floats", np.arange(3), wrap=grad)  # fmt: skip
def _(x: Any) -> Any:
    return (x * x).sum()


@mistake("the gradient of an array", "jax#2303", TypeError, "returns a real scalar",
         "sum it, or use `vjp`", wrap=grad)  # fmt: skip
def _(x: Any) -> Any:
    return x * x


@mistake("the gradient by a parameter of drawn numbers", "", TypeError,
         "gamma of a random generator", "scale and shift numbers of a fixed distribution",
         np.ones(6), wrap=grad)  # fmt: skip
def _(x: Any) -> Any:
    return np.random.default_rng(0).gamma(x).sum()
