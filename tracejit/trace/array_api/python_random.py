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
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.generators import RandomSource, held_source, is_source
from tracejit.trace.array_api.staged import staged
from tracejit.trace.python.rewritten import become_run
from tracejit.trace.session.registry import STAND_INS
from tracejit.trace.session.session import current, where
from tracejit.trace.values.all import PyScalar, WeakKind, weak_kind
from tracejit.trace.values.dynamic_list import is_grown

_FLOATS: Final = {
    "random", "uniform", "triangular", "gauss", "normalvariate", "lognormvariate", "expovariate",
    "vonmisesvariate", "gammavariate", "betavariate", "paretovariate", "weibullvariate",
}  # fmt: skip
_INTEGERS: Final = {"randint", "randrange", "binomialvariate"}
_NUMBERS: Final = (bool, int, float, PyScalar)
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
    if name == "shuffle":
        return lambda x: _shuffle(source, x)
    if name == "choices":
        return lambda population, weights=None, *, cum_weights=None, k=1: _choices(
            source, population, (weights, cum_weights), k
        )
    raise UnsupportedError(f"{where()}: random.{name} inside a compiled function: {_INSTEAD}")


def _given(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments by the parameters' names."""
    return dict(inspect.signature(f).bind(*args, **kwargs).arguments)


def _seed(source: RandomSource, given: dict[str, Any]) -> None:
    source.call("seed", given, [(np.int64, ())])


def _below(source: RandomSource, n: Any) -> PyScalar:
    return PyScalar("int", source.call("_randbelow", {"n": n}, [(np.int64, ())]))


def _shuffle(source: RandomSource, x: Any) -> None:
    """In place."""
    if type(x) is list and not is_grown(x):
        become_run(x)
        if len(x) > 1 and not is_grown(x):
            raise UnsupportedError(
                f"{where()}: random.shuffle of a list that is not of numbers of one kind inside a "
                "compiled function: shuffle the places, order = list(range(n)), instead"
            )
    staged(_exchanged)(lambda n: _below(source, n), x)


def _exchanged(below: Callable[[Any], Any], x: Any) -> None:
    """The algorithm of Fisher and Yates from the end, as Python writes it."""
    for i in reversed(range(1, len(x))):
        j = below(i + 1)
        x[i], x[j] = x[j], x[i]


def _choices(source: RandomSource, population: Any, weights: Any, k: Any) -> Any:
    """Each as likely as another."""
    if weights != (None, None):
        raise UnsupportedError(
            f"{where()}: random.choices with weights inside a compiled function: {_INSTEAD}"
        )

    def drawn() -> PyScalar:
        return PyScalar("float", source.call("random", {}, [(np.float64, ())]))

    count, item = _items(population)
    if isinstance(count, int) and count == 0:
        raise UnsupportedError(f"{where()}: random.choices of nothing: {_INSTEAD}")
    return staged(_chosen)(drawn, item, count, k)


def _chosen(drawn: Callable[[], Any], item: Callable[[Any], Any], n: Any, k: Any) -> Any:
    return [item(int(drawn() * n)) for _ in range(k)]


def _item(seq: Any, place: Any) -> Any:
    """``seq[place]``."""
    if isinstance(seq, range):
        return seq.start + place * seq.step
    return current().operators.getitem(seq, place)


def _items(seq: Any) -> tuple[Any, Callable[[Any], Any]]:
    """How many items there are, and which one is at a place that the run decides."""
    from tracejit.trace.python.builtin_functions import builtin_len

    plain = type(seq) in (list, tuple) and not is_grown(seq)
    kinds = {weak_kind(x) if type(x) in _NUMBERS else None for x in seq} if plain else set()
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is None:
        return builtin_len(seq), lambda place: _item(seq, place)
    numbers = asarray(seq)
    return len(seq), lambda place: PyScalar(kind, asarray(_item(numbers, place)).read())


def _choice(source: RandomSource, seq: Any) -> Any:
    count, item = _items(seq)
    staged(_some)(count)
    return item(_below(source, count))


def _some(count: Any) -> None:
    if count == 0:
        throw(IndexError("Cannot choose from an empty sequence"))


@asks(Exception)
def drawn(f: Any) -> Any:
    """The traced form of a method of a generator of NumPy's (``np.random.rand`` is one too)."""
    if f is np.random.ranf or f is np.random.sample:
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
