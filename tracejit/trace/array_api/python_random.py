"""Python's ``random`` in compiled code: ordered calls of the generator's methods, as for NumPy's.

The numbers drawn, and the state left, are Python's own.
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from tracejit.errors import UnsupportedError, asks, throw
from tracejit.trace.array_api.generators import RandomSource, held_source, is_source
from tracejit.trace.session.registry import STAND_INS
from tracejit.trace.session.session import current, where
from tracejit.trace.values.all import PyScalar, WeakKind

_FLOATS: Final = {
    "random", "uniform", "triangular", "gauss", "normalvariate", "lognormvariate", "expovariate",
    "vonmisesvariate", "gammavariate", "betavariate", "paretovariate", "weibullvariate",
}  # fmt: skip
_INTEGERS: Final = {"randint", "randrange", "binomialvariate"}
_INSTEAD: Final = "use np.random, whose arrays compiled code draws, or draw outside"


def python_draw(owner: random.Random, f: Any) -> Callable[..., Any]:
    """The traced form of a method of a generator of Python's."""
    name = f.__name__
    if type(owner) not in (random.Random, random.SystemRandom):
        raise UnsupportedError(f"{where()}: {type(owner).__name__}.{name}: {_INSTEAD}")
    source = RandomSource(type(owner), held=owner)
    if name in _FLOATS or name in _INTEGERS:
        kind: WeakKind = "float" if name in _FLOATS else "int"
        dtype = {"float": np.float64, "int": np.int64}[kind]
        return lambda *args, **kwargs: PyScalar(
            kind, source.call(name, _given(f, args, kwargs), [(dtype, ())])
        )
    if name == "seed":
        return lambda *args, **kwargs: _seed(source, _given(f, args, kwargs))
    if name == "choice":
        return lambda seq: _choice(source, seq)
    raise UnsupportedError(f"{where()}: random.{name} inside a compiled function: {_INSTEAD}")


def _given(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments by the parameters' names."""
    return dict(inspect.signature(f).bind(*args, **kwargs).arguments)


def _seed(source: RandomSource, given: dict[str, Any]) -> None:
    source.call("seed", given, [(np.int64, ())])


def _choice(source: RandomSource, seq: Any) -> Any:
    from tracejit.trace.python.builtin_functions import builtin_len

    operators = current().operators
    count = builtin_len(seq)
    if isinstance(count, int) and count == 0:
        throw(IndexError("Cannot choose from an empty sequence"))
    place: Any = PyScalar("int", source.call("_randbelow", {"n": count}, [(np.int64, ())]))
    if isinstance(seq, range):
        return seq.start + place * seq.step
    return operators.getitem(seq, place)


@asks(Exception)
def drawn(f: Any) -> Any:
    """The traced form of a method of a generator of NumPy's (``np.random.rand`` is one too)."""
    if f in (np.random.ranf, np.random.sample):
        f = np.random.random_sample
    owner = getattr(np.random.rand if f is np.random.seed else f, "__self__", None)
    if isinstance(owner, random.Random):
        return python_draw(owner, f)
    if owner is None or not type(owner).__module__.startswith("numpy.random"):
        return None
    if is_source(owner):
        return getattr(held_source(owner), f.__name__)
    raise UnsupportedError(
        f"{where()}: {type(owner).__name__}.{f.__name__} inside a compiled function would run "
        "only once, when compiling; use it outside"
    )


STAND_INS.append(drawn)
