"""What other compilers of this kind refuse or get wrong, and what is right here."""

from __future__ import annotations

import bisect
import functools
import heapq
import random
from typing import Any

import numpy as np

from tests.mistakes.row import X, right
from tracejit import grad, jit

SCALE = 2.0


@right("`print` of a traced array", "jax#196")
def _(x: Any) -> Any:
    print("sum", x.sum(), x)
    return x


@right("a ufunc of SciPy is called", "numba-scipy#64")
def _(x: Any) -> Any:
    from scipy import special

    return special.gammaln(x + 9)


@right("a mask as index", "jax#4471")
def _(x: Any) -> Any:
    return x[x > 2].sum(), x[x > 2]


@right("a mask as target", "jax#21994")
def _(x: Any) -> Any:
    x[x < 3] = 0
    x[2:][x[2:] > 4] *= 2
    return x


@right("`np.where` with one argument", "jax#4418")
def _(x: Any) -> Any:
    return np.where(x > 2)


@right("a shape computed by NumPy", "jax#4449")
def _(x: Any) -> Any:
    return np.ones((np.add(x.size, 1),))


@right("a shape that depends on values", "jax#19433")
def _(x: Any) -> Any:
    return np.arange(x[0] - 1, x[0] + 1), np.zeros(int(x[3]))


@right("a branch on a number", "jax#24511")
def _(x: Any) -> Any:
    if x.sum() > 3:
        return x
    return np.sin(x)


@right("Python's `random` draws", "numba#9196")
def _(x: Any) -> Any:
    random.seed(7)
    return x * random.random()


@right("a list is shuffled by Python's `random`", "numba#9196")
def _(x: Any) -> Any:
    random.seed(7)
    order = [0, 1, 2]
    random.shuffle(order)
    return x[order]


@right("a seed is set inside", "numba#7715")
def _(x: Any) -> Any:
    np.random.seed(3)
    return x + np.random.rand(6)


@right("a generator is made inside", "numba#4499")
def _(x: Any) -> Any:
    rng = np.random.default_rng(0)
    return x + rng.normal(size=6)


@right("`or` with a default", "jax#16430", X, None)
def _(x: Any, scale: Any) -> Any:
    return x * (scale or 3.0)


@right("a list of arrays of different shapes", "jax#2962", [X, X[:3], X[:2]])
def _(parts: Any) -> Any:
    s = 0.0
    for i in range(len(parts)):
        s += parts[i].sum()
    return s


@right("a list of mixed items", "numba#1605", [0, 1.5, 3.7])
def _(items: Any) -> Any:
    return items[0] + items[1] * items[2]


@right("a list that is changed", "numba#2791", [1.0, 2.0])
def _(items: Any) -> Any:
    items[0] = items[1] + 1
    items.append(4.0)
    return sum(items)


@right("nested lists of mixed numbers", "numba#3818")
def _(x: Any) -> Any:
    rows = []
    rows.append([[0], [1.0]])
    return rows[0][1][0] + x


@right("a dict of arrays, numbers and texts", "", {"x": X, "n": 3, "how": "sum"})
def _(d: Any) -> Any:
    return d["x"].sum() * d["n"] if d["how"] == "sum" else d["x"]


@right("a name that changes its dtype in a loop", "numba#1706")
def _(x: Any) -> Any:
    b = np.zeros(6, np.float32)
    for _ in range(2):
        b = x
    return b


@right("a name that changes its rank in a loop", "numba#5637")
def _(x: Any) -> Any:
    c = x
    for _ in range(3):
        c = np.vstack((c, x))
    return c


@right("`np.stack` of a list", "numba#9178")
def _(x: Any) -> Any:
    return np.stack([x, x + 1])


@right("a reduction with `axis`", "numba#1269", X.reshape(2, 3))
def _(x: Any) -> Any:
    return x.sum(1), x.mean(axis=0), np.linalg.norm(x, axis=1)


@right("`np.apply_along_axis`", "numba#9486", X.reshape(2, 3))
def _(x: Any) -> Any:
    return np.apply_along_axis(lambda row: row.sum(), 1, x)


@right("`try` and `except`", "numba#2097", X, 9)
def _(x: Any, i: int) -> Any:
    try:
        y = x[i]
    except IndexError:
        y = -1.0
    finally:
        x[0] = 7
    return y


@right("a list made by a comprehension with a condition", "numba#8048", [3.0, -1.0, 4.0])
def _(items: Any) -> Any:
    return [v if v > 0 else 0.0 for v in items]


@right("recursion of known depth", "numba#110", X, 5)
def _(x: Any, n: int) -> Any:
    def factorial(k: int) -> int:
        return 1 if k <= 1 else k * factorial(k - 1)

    return x * factorial(n)


@right("`isinstance` and `type` of an array", "autograd#515")
def _(x: Any) -> Any:
    return 1 if isinstance(x, np.ndarray) and type(x) is np.ndarray else 2


@right("a comprehension over a list that grew at run time", "–")
def _(x: Any) -> Any:
    out = []
    for i in range(len(x)):
        if x[i] > 2:
            out.append(x[i])
    return [v * 2 for v in out], [i for i in range(len(out)) if out[i] > 3]


@right("`match` on types and values", "–")
def _(x: Any) -> Any:
    match x[0]:
        case float(v) if v > 100:
            return v
        case 0 | 1:
            return 2.0 * x[0]
        case _:
            return -x[0]


@right("`functools.reduce` over an array, `max` with a key", "–")
def _(x: Any) -> Any:
    return functools.reduce(lambda a, b: a + b, x), max([x[0], x[1]], key=lambda v: -v)


@right("`None` on one side of a branch", "–")
def _(x: Any) -> Any:
    found = None
    for i in range(len(x)):
        if x[i] > 2:
            found = i
    if found is None:
        return None
    return x[found]


@right("`sorted`, `heapq` and `bisect` of run-time values", "–")
def _(x: Any) -> Any:
    heap: Any = []
    for v in x:
        heapq.heappush(heap, -v)
    order = sorted([x[1], x[0]])
    return order, heapq.heappop(heap), bisect.bisect(order, 2.0)


@right("comparison with a text or `None`", "")
def _(x: Any) -> Any:
    return x == "a", x != None  # noqa: E711


@right("an eigenvector under a gradient", "–")
def _(x: Any) -> Any:
    return grad(lambda v: np.linalg.eigh(v.reshape(2, 3) @ v.reshape(3, 2))[1][0, 0])(x)


@right("an assignment under a gradient", "autograd#58, autograd#177, autograd#375")
def _(x: Any) -> Any:
    def f(b: Any) -> Any:
        c = np.zeros(3)
        c[0] = b[0] * b[0]
        for m in range(1, 3):
            c[m] = np.sum(b[m] * b)
        return c.sum()

    return grad(f)(x)


@right("a mask under a gradient", "autograd#159")
def _(x: Any) -> Any:
    def softplus(v: Any) -> Any:
        r = np.copy(v)
        r[v < 3] = np.log(1 + np.exp(v[v < 3]))
        return r.sum()

    return grad(softplus)(x)


@right("floats cast to indices under a gradient", "autograd#71")
def _(x: Any) -> Any:
    return grad(lambda v: v[np.int64(v[:3])].sum())(x)


def changed_global() -> None:
    """A global that changes between calls (numba#6525)."""
    global SCALE
    SCALE += 1


@jit
def scaled(x: Any) -> Any:
    return x * SCALE


@right("a list grows under a run-time condition", "numba#2931")
def _(x: Any) -> Any:
    out = []
    for i in range(len(x)):
        if x[i] > 2:
            out.append(x[i])
    return np.array(out), out


@right("a list grows in a run-time `while`", "")
def _(x: Any) -> Any:
    items = [x[0]]
    while items[-1] < 10:
        items.append(items[-1] + 3)
    return items


@right("an effect in a conditional expression", "")
def _(x: Any) -> Any:
    def clear(y: Any) -> None:
        y[0] = -1

    clear(x) if x[1] > 0 else 0
    return x


@right("half precision", "numba#4402", X.astype(np.float16))
def _(x: Any) -> Any:
    return x / 3 + 1, x.sum(), np.sqrt(abs(x))


@right("a conversion to half precision", "numba#8138")
def _(x: Any) -> Any:
    return x.astype(np.float16)
