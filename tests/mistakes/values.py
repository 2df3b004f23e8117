"""Values that are wanted while compiling; what would happen only once.

``# here`` marks the line that the traceback ends at; without it that is the first line of the
function.
"""

from __future__ import annotations

import contextlib
import datetime
import gc
import itertools
import logging
import random
import secrets
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.mistakes.row import mistake
from tracejit import UnsupportedError
from tracejit.errors import UnsupportedRecursionError

SEEN: list[Any] = []
CACHE: dict[str, Any] = {}
COUNT = 0
LAST: Any = None
NUMBERS = itertools.count()
LOCK = threading.Lock()


@contextlib.contextmanager
def timed() -> Iterator[None]:
    start = time.time()
    yield
    print(time.time() - start)


# Values that are wanted while compiling -----------------------------------------------------------


@mistake("`if` on an array", "jax#17650", ValueError, "Use a.any() or a.all()", "reduce it first")
def _(x: Any) -> Any:
    if x > 2:  # here
        return x
    return -x


@mistake("`and` between arrays", "jax#16430", ValueError, "Use a.any() or a.all()", "write `&`")
def _(x: Any) -> Any:
    return x[(x > 1) and (x < 3)]  # here


@mistake("`int()` of an array", "jax#17650", TypeError, "can be converted to Python scalars",
         "take the element first, `int(x[0])`")  # fmt: skip
def _(x: Any) -> Any:
    return int(x)  # here


@mistake("`math` on an array", "jax#6976", TypeError, "can be converted to Python scalars",
         "use the function of NumPy")  # fmt: skip
def _(x: Any) -> Any:
    import math

    return math.sin(x)  # here


@mistake("a dict with run-time keys whose values are no numbers", "", UnsupportedError,
         "arrays of one dtype and shape, lists of such", "keep an array beside it")  # fmt: skip
def _(x: Any) -> Any:
    d = {}
    d[int(x[0])] = b"a"  # here
    return d


@mistake("a run-time value as place in a list of unlike items", "jax#2962", UnsupportedError,
         "an index of a list or tuple needs a value that is known at run time only",
         "stack what is alike, or choose by `if`")  # fmt: skip
def _(x: Any) -> Any:
    parts = [x, x[:3, None]]
    return parts[int(x[1])].sum()  # here


@mistake("`hash()` of an array or number", "", UnsupportedError,
         "key by something that is known when compiling", "key by a shape or a dtype")  # fmt: skip
def _(x: Any) -> Any:
    return hash(x[0]) % 7  # here


@mistake("a text made of run-time values is compared", "numba#8969", UnsupportedError,
         "what a text decides", "compare the number")  # fmt: skip
def _(x: Any) -> Any:
    return x if f"{x.sum():.2f}" == "1.00" else -x  # here


@mistake("a function calls itself on new arrays until a value says stop", "jax#13796",
         UnsupportedRecursionError, "write a loop", "write a `while`")  # fmt: skip
def _(x: Any) -> Any:
    def double(v: Any) -> Any:
        return v if v.sum() > 100 else double(v * 2)  # here

    return double(x)


@mistake("a list of arrays is repeated a run-time number of times", "", UnsupportedError,
         "how often a list is repeated", "`np.tile(x, (n, 1))`")  # fmt: skip
def _(x: Any) -> Any:
    return [x] * int(x[2])  # here


# What would happen only once ----------------------------------------------------------------------


@mistake("a list of the module is appended to", "jax#5492", UnsupportedError,
         "pass it as an argument", "return what it should hold")  # fmt: skip
def _(x: Any) -> Any:
    SEEN.append(x.sum())  # here
    return x


@mistake("a dict of the module is written", "jax#13022", UnsupportedError,
         "pass it as an argument", "return what it should hold")  # fmt: skip
def _(x: Any) -> Any:
    CACHE["x"] = x  # here
    return x


@mistake("a global counter is increased", "numba#2447", UnsupportedError,
         "would be set once, when compiling", "count outside, or in an array")  # fmt: skip
def _(x: Any) -> Any:
    global COUNT
    COUNT += 1  # here
    return x


@mistake("a traced value is kept in a global", "jax#3086", UnsupportedError,
         "return the value instead", "return it")  # fmt: skip
def _(x: Any) -> Any:
    global LAST
    LAST = x * 2  # here
    return x


@mistake("a sample is drawn by Python's `random`", "numba#9196", UnsupportedError, "use np.random",
         "shuffle and take the first")  # fmt: skip
def _(x: Any) -> Any:
    order = random.sample(range(3), 2)  # here
    return x[order]


@mistake("a random number of the operating system is drawn", "", UnsupportedError,
         "use np.random or tracejit.random", "draw with NumPy")  # fmt: skip
def _(x: Any) -> Any:
    return x * secrets.randbelow(5)  # here


@mistake("a bit generator is made inside", "numba#4499", UnsupportedError,
         "make it outside and pass it as an argument", "pass the generator")  # fmt: skip
def _(x: Any) -> Any:
    rng = np.random.Generator(np.random.PCG64(0))  # here
    return x + rng.normal(size=6)


@mistake("the clock is read", "numba#4003", UnsupportedError, "time the call from outside",
         "time the call")  # fmt: skip
def _(x: Any) -> Any:
    start = time.perf_counter()  # here
    y = x * 2
    return y, time.perf_counter() - start


@mistake("the date is asked for", "numba#4544", UnsupportedError, "read the clock once",
         "pass it as an argument")  # fmt: skip
def _(x: Any) -> Any:
    return x * datetime.datetime.now().hour  # here


@mistake("a file is opened", "numba#3934", UnsupportedError, "read before the call",
         "read before, write after the call")  # fmt: skip
def _(x: Any) -> Any:
    with open("numbers.txt", "w") as file:  # here
        file.write(str(x))
    return x


@mistake("a path is read", "numba#3934", UnsupportedError, "read before the call",
         "read before the call")  # fmt: skip
def _(x: Any) -> Any:
    return x * float(Path("scale.txt").read_text())  # here


@mistake("arrays are saved", "", UnsupportedError, "write its results after it",
         "save what the call returns")  # fmt: skip
def _(x: Any) -> Any:
    np.save("x.npy", x)  # here
    return x


@mistake("messages are logged", "jax#196", UnsupportedError, "use print, which is compiled",
         "`print`, or log outside")  # fmt: skip
def _(x: Any) -> Any:
    logging.info("sum %s", x.sum())  # here
    return x


@mistake("a warning is given", "jax#196", UnsupportedError, "use print, which is compiled",
         "warn outside, by what the call returns")  # fmt: skip
def _(x: Any) -> Any:
    if len(x) > 3:
        warnings.warn("long", stacklevel=2)  # here
    return x


@mistake("the next item of an iterator of the module is taken", "", UnsupportedError,
         "would be taken once", "pass a list or an array")  # fmt: skip
def _(x: Any) -> Any:
    return x * next(NUMBERS)  # here


@mistake("a lock is taken", "", UnsupportedError, "threading.lock.__enter__",
         "lock around the call")  # fmt: skip
def _(x: Any) -> Any:
    with LOCK:  # here
        return x * 2


@mistake("a generator or context manager reads the clock", "", UnsupportedError,
         "read the clock once", "time the call")  # fmt: skip
def _(x: Any) -> Any:
    with timed():  # here
        return x * 2


@mistake("a function in C is called that is in no list of pure ones", "", UnsupportedError,
         "call it outside and pass what it gives as an argument", "call it outside")  # fmt: skip
def _(x: Any) -> Any:
    return x * gc.get_count()[0]  # here


@mistake("a `contextlib.suppress` that was made before its `with`", "", UnsupportedError,
         "use that, or `try` and `except`", "write `with suppress(IndexError):`")  # fmt: skip
def _(x: Any) -> Any:
    ignored = contextlib.suppress(IndexError)
    with ignored:  # here
        return x[int(x[5]) + 4]
    return x[0]
