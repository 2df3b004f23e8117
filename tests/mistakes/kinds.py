"""Structure that depends on values; functions, classes and types that are not compiled.

``# here`` marks the line that the traceback ends at; without it that is the first line of the
function.
"""

from __future__ import annotations

import fractions
import functools
from typing import Any

import numpy as np

from tests.mistakes.row import X, mistake
from tracejit import StructureError, UnsupportedError, jit
from tracejit.errors import UnsupportedTypeError


class Model:
    def __init__(self, w: Any) -> None:
        self.w = w


# Structure that depends on values -----------------------------------------------------------------


@mistake("a list of arrays of unlike shapes grows under a run-time condition", "numba#2931",
         UnsupportedError, "arrays of one dtype and shape",
         "an array of rows, and a count")  # fmt: skip
def _(x: Any) -> Any:
    out = []
    for i in range(len(x)):
        if x[i] > 2:
            out.append(x[i:] * 2)  # here
    return out[0]


@mistake("`is` asks for a list that a loop binds", "", UnsupportedError,
         "whether two names mean one list", "a flag that says it")  # fmt: skip
def _(x: Any) -> Any:
    a, b = [1], [2]
    for v in x:
        a, b = b, a
        if v > 2:
            b = a
    return a is b  # here


@mistake("`is` of two tuples that hold numbers of the run", "", UnsupportedError,
         "whether two names mean one tuple", "compare them with `==`", 70)  # fmt: skip
def _(n: Any) -> Any:
    pairs = []
    for i in range(n):
        pairs.append((i, 2))
    return pairs[3] is pairs[3]  # here


@mistake("a list that grows under a run-time condition gets a number here, a tuple there", "",
         UnsupportedError, "holds numbers", "keep several lists")  # fmt: skip
def _(x: Any) -> Any:
    out: Any = []
    for i in range(len(x)):
        if x[i] > 2:
            out.append(x[i])
        if x[i] > 3:
            out.append((i, x[i]))  # here
    return out


@mistake("a comparison of a list that grew at run time", "", UnsupportedError,
         "make an array of it with np.array",
         "NumPy on `np.array(out)`")  # fmt: skip
def _(x: Any) -> Any:
    out = []
    for i in range(len(x)):
        if x[i] > 2:
            out.append(x[i])
    return out < [3.0]  # here


@mistake("a loop over a list that it appends to", "", UnsupportedError,
         "a change, in a loop over it,", "a `while` that counts")  # fmt: skip
def _(x: Any) -> Any:
    out = [1]
    while out[-1] < x[3]:
        out.append(out[-1] + 1)
    for k in out:  # here
        if k < x[4]:
            out.append(k + 1)
    return out


@mistake("which list is changed is decided at run time", "", UnsupportedError,
         "change each in a branch of its own", "`if`, with a change in each branch")  # fmt: skip
def _(x: Any) -> Any:
    small, large = [1.0], [2.0]
    (small if x[0] > 1 else large)[0] = x[1]  # here
    return small, large


@mistake("two names are one list after one side of a branch", "", UnsupportedError,
         "which list a name is bound to is decided", "copy it: `list(small)`")  # fmt: skip
def _(x: Any) -> Any:
    small = [x[0]]
    if x[1] > 1:
        large = small = [x[1]]
    else:
        large = [x[2]]
    large[0] = 5.0  # here
    return small, large


@mistake("a list changes in a comprehension over it", "", UnsupportedError,
         "a list changes in a comprehension over it", "a `for` statement")  # fmt: skip
def _(x: Any) -> Any:
    out = [1.0, 2.0, x[3]]
    return [v + out.pop() for v in out if v > 0]  # here


@mistake("a list on one side of a branch, a number on the other", "numba#8048", StructureError,
         "make both the same kind", "return one kind", X, 1)  # fmt: skip
def _(x: Any, i: int) -> Any:
    if x[i] > 0:  # here
        return [1]
    return 1


@mistake("a text on one side of a branch", "", StructureError, "make both the same kind",
         "return an array on both, and a flag")  # fmt: skip
def _(x: Any) -> Any:
    if x[0] > 5:  # here
        return x
    return "small"


@mistake("a name is bound on one side only", "", UnboundLocalError, "'y'",
         "bind it before the branch")  # fmt: skip
def _(x: Any) -> Any:
    if x.sum() > 100:
        y = x
    return y  # here


# Functions and classes ----------------------------------------------------------------------------


@mistake("the function is a coroutine", "numba#984", UnsupportedError, "stops half way",
         "compile an ordinary function")  # fmt: skip
async def _(x: Any) -> Any:
    return x


@mistake("the function is a generator", "numba#1808", UnsupportedError,
         "an ordinary function that returns arrays", "return a list or an array")  # fmt: skip
def _(x: Any) -> Any:
    yield x[0]
    yield x[1]


@mistake("a generator is returned", "numba#1808", UnsupportedError, "return a list or an array",
         "return a list or an array")  # fmt: skip
def _(x: Any) -> Any:
    return (v * 2 for v in x)


@mistake("a function that uses traced values is returned", "jax#7556", UnsupportedError,
         "make it outside, with a parameter", "return the values")  # fmt: skip
def _(x: Any) -> Any:
    y = x * 2
    return lambda z: y + z


class Slotted:
    __slots__ = ("w",)


@mistake("an object with `__slots__` is changed in a loop", "jax#853", UnsupportedError,
         "or use a local variable", "leave `__slots__` out")  # fmt: skip
def _(x: Any) -> Any:
    made = Slotted()
    made.w = x[0]
    while made.w < 100:
        made.w = made.w + 1  # here
    return made.w


@mistake("a static argument that cannot be hashed", "jax#3701", TypeError,
         "a static argument must be hashable", "pass a tuple", X, [1, 2],
         wrap=functools.partial(jit, static_argnums=1))  # fmt: skip
def _(x: Any, sizes: list[int]) -> Any:
    return x.reshape(sizes)


@mistake("an argument is missing", "", TypeError, "missing 1 required positional argument",
         "pass it")  # fmt: skip
def _(x: Any, n: int) -> Any:
    return x * n


@mistake("SciPy is called", "numba#3351", UnsupportedError, "call it outside and pass its result",
         "call it outside")  # fmt: skip
def _(x: Any) -> Any:
    from scipy import linalg

    return linalg.logm(x.reshape(2, 3)[:, :2])  # here


@mistake("two generators side by side, which decide by values", "", UnsupportedError,
         "a truth test in a generator", "go through one of them in a list")  # fmt: skip
def _(x: Any) -> Any:
    def positive() -> Any:
        for v in x:
            if v > 0:  # here
                yield v

    return sum(a * b for a, b in zip(positive(), positive(), strict=False))


@mistake("`yield` in a `try` with `except`, which decides by values", "", UnsupportedError,
         "compute the item there and yield it after", "yield after the `try`")  # fmt: skip
def _(x: Any) -> Any:
    def inverses() -> Any:
        for v in x:
            try:
                if v > 0:
                    yield 1 // v
            except ZeroDivisionError:
                yield 0.0

    return sum(inverses())  # here


@mistake("a kept generator is left before its `finally`", "", UnsupportedError,
         "call numbers() in the for statement", "call it in the `for` statement")  # fmt: skip
def _(x: Any) -> Any:
    def numbers() -> Any:
        try:
            for v in x:
                yield v
        finally:
            print("closed")

    items = numbers()
    for v in items:  # here
        if v > 0:
            break
    return v


@mistake("an array is made sparse", "numba-scipy#29", UnsupportedError, "call it outside",
         "pass data, indices and indptr")  # fmt: skip
def _(x: Any) -> Any:
    from scipy import sparse

    return sparse.csr_matrix(x)  # here


# Types --------------------------------------------------------------------------------------------


@mistake("an array of objects", "numba#2840", UnsupportedTypeError, "make it an array of numbers",
         "pass a list of arrays", np.array([1, None], object))  # fmt: skip
def _(x: Any) -> Any:
    return x[0]


@mistake("`longdouble`", "numba#4822", UnsupportedTypeError, "x.astype(np.float64)", "convert it",
         X.astype(np.longdouble))  # fmt: skip
def _(x: Any) -> Any:
    return x + 1


@mistake("an array of texts", "numba#4018", UnsupportedTypeError, "np.unique(x, return_inverse",
         "pass numbers for the texts", np.array(["a", "b"]))  # fmt: skip
def _(x: Any) -> Any:
    return x == "a"


@mistake("dates", "numba#6555", UnsupportedTypeError, "x.view(np.int64)", "pass their numbers",
         np.array(["2020-01-01"], "M8[D]"))  # fmt: skip
def _(x: Any) -> Any:
    return x + 1


@mistake("arithmetic of a structured array", "numba#1314", UnsupportedError, "use their fields",
         "use the fields", np.zeros(3, [("a", float)]))  # fmt: skip
def _(x: Any) -> Any:
    return x + 1  # here


@mistake("a masked array", "numba#1834", UnsupportedTypeError, "pass x.data and x.mask",
         "pass data and mask", np.ma.masked_array(X, X > 2))  # fmt: skip
def _(x: Any) -> Any:
    return x.sum()


@mistake("a conversion to extended precision", "", UnsupportedError,
         "use float32, float64", "use float32")  # fmt: skip
def _(x: Any) -> Any:
    return x.astype(np.longdouble)  # here


@mistake("a `Fraction` in arithmetic", "", UnsupportedError, "convert it with float()",
         "`float(...)`")  # fmt: skip
def _(x: Any) -> Any:
    return x * fractions.Fraction(1, 3)  # here


@mistake("the bytes of an array", "", UnsupportedError, "call it outside",
         "call it outside")  # fmt: skip
def _(x: Any) -> Any:
    return np.frombuffer(x.tobytes())  # here
