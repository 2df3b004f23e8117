"""``np.random.Generator`` and ``RandomState`` in compiled code: ordered calls of their methods.

A generator that is an argument is a run-time value, the address of the object; one found in a
global is held by the calls. The numbers drawn, and the state left, are NumPy's own.
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError, throw
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim, emax
from tracejit.ir.interpret.draws import HostDraw, HostMake, MadeSource
from tracejit.ir.types import TensorType
from tracejit.records import dataclass
from tracejit.trace.array_api.creation import asarray, shape_of
from tracejit.trace.array_api.delivery import write
from tracejit.trace.array_api.names import covers
from tracejit.trace.array_api.operands import axis_of, builder, given_dtype, operand
from tracejit.trace.session.concretize import BoundMethod
from tracejit.trace.session.host_calls import host_call
from tracejit.trace.session.registry import CLASS_SEEN, CONSTRUCTORS
from tracejit.trace.session.session import where
from tracejit.trace.values.all import Array, PyScalar, Scalar, as_dim, fresh
from tracejit.trace.views.broadcast import broadcast_shapes

_WHOLE_NUMBERS = {
    "binomial", "geometric", "hypergeometric", "logseries", "negative_binomial", "poisson", "zipf",
    "tomaxint",
}  # fmt: skip
#: Methods whose results have one more axis, as long as the last axis of this parameter.
_ROWS = {
    "dirichlet": ("alpha", 1, np.float64),
    "multinomial": ("pvals", 1, np.int64),
    "multivariate_hypergeometric": ("colors", 1, np.int64),
    "multivariate_normal": ("mean", 1, np.float64),
}
_REFUSED = {
    "bytes": "draw integers of dtype np.uint8",
    "spawn": "spawn outside and pass the generators",
    "get_state": "use it outside",
    "set_state": "use it outside",
    "random_integers": "use randint",
}
#: What drawing may raise, depending on values.
_RAISED = (ValueError, TypeError, OverflowError)
_PLAIN = (bool, int, float, str, type(None), type, np.dtype)


class RandomSource:
    """A generator inside a trace: ``handle`` is its address, or ``held`` the object itself, or
    ``made`` holds the one that the program made."""

    def __init__(
        self,
        kind: type,
        handle: Value | None = None,
        held: Any = None,
        made: MadeSource | None = None,
    ) -> None:
        self.kind = kind
        self.handle = handle
        self.held = held
        self.made = made

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """What ``isinstance`` looks at besides the type."""
        return self.kind

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            throw(AttributeError(name))
        what = f"np.random.{self.kind.__name__}.{name}"
        if name in _REFUSED:
            raise UnsupportedError(
                f"{where()}: {what} is not supported inside a compiled function; {_REFUSED[name]}"
            )
        if not callable(getattr(self.kind, name, None)):
            if hasattr(self.kind, name):
                raise UnsupportedError(f"{where()}: {what} cannot be read in a compiled function")
            throw(AttributeError(f"'{self.kind.__name__}' object has no attribute '{name}'"))
        special = _SPECIAL.get(name)
        if special is not None:
            return BoundMethod(self, special)
        return BoundMethod(self, _Draw(name))

    def call(
        self,
        method: str,
        given: dict[str, Any],
        results: Sequence[tuple[Any, Sequence[Dim]]],
        size: Sequence[Dim] | None = None,
    ) -> Any:
        """An ordered call; ``size`` is passed when it is not None. The value of its result."""
        b = builder()
        options = {k: v for k, v in given.items() if type(v) in _PLAIN}
        named = {k: asarray(v).read() for k, v in given.items() if k not in options}
        extents: list[Value] = []
        if size is not None and all(isinstance(d, int) for d in size):
            options["size"] = tuple(size)
        elif size is not None:
            extents = [b.index(d) for d in size]
        function = HostDraw(
            method,
            tuple(named),
            tuple(sorted(options.items())),
            len(extents),
            self.held,
            self.made,
            self.kind if self.kind in _KNOWN else None,
        )
        handle = [] if self.handle is None else [self.handle]
        types = tuple(TensorType(np.dtype(dtype), tuple(shape)) for dtype, shape in results)
        operands = [*handle, *named.values(), *extents]
        (found,) = host_call(function, operands, types, _RAISED)
        return found

    def bound(self, method: str, args: Any, kwargs: Any) -> dict[str, Any]:
        """The arguments by NumPy's parameter names, defaults left out."""
        bound = _signature(self.kind, method).bind(self, *args, **kwargs)
        given = dict(bound.arguments)
        given.pop("self")
        return {name: v for name, v in given.items() if not (name in _OPTIONAL and v is None)}


_OPTIONAL = {"size", "out", "high", "p"}
#: Classes whose methods code generators may know; those of a class derived from them may differ.
_KNOWN = (np.random.Generator, np.random.RandomState, random.Random)


@cache
def _signature(kind: type, method: str) -> inspect.Signature:
    return inspect.signature(getattr(kind, method))


@dataclass(frozen=True)
class _Draw:
    """A method whose parameters broadcast: ``rng.normal(loc, scale, size)``."""

    method: str

    @property
    def __name__(self) -> str:
        return self.method

    def __call__(self, source: RandomSource, *args: Any, **kwargs: Any) -> Any:
        given = source.bound(self.method, args, kwargs)
        size, out = given.pop("size", None), given.pop("out", None)
        dtype, kind = _result_kind(source, self.method, given)
        shapes = [operand(v).shape for v in given.values() if not isinstance(v, str | type)]
        row: list[Dim] = []
        if self.method in _ROWS:
            name, _, dtype = _ROWS[self.method]
            given_shape = operand(asarray(given[name])).shape
            row = [given_shape[-1]]
            shapes = [operand(v).shape for k, v in given.items() if k == "n"]
            if self.method == "multinomial":
                shapes.append(given_shape[:-1])
        if out is not None:
            size = out.dims
        dims = None if size is None else shape_of(_sizes(size))
        shape = [*(broadcast_shapes(shapes) if dims is None else dims), *row]
        value = source.call(self.method, given, [(dtype, shape)], dims)
        if out is not None:
            return write(out, value)
        if shape or dims is not None:
            return fresh(value)
        return (
            Scalar(value) if kind is None else PyScalar(kind, builder().convert(value, _OF[kind]))
        )


_OF = {"float": "f64", "int": "i64", "bool": "bool"}


def _sizes(size: Any) -> Any:
    return tuple(size) if isinstance(size, tuple | list) else size


def _result_kind(source: RandomSource, method: str, given: dict[str, Any]) -> tuple[Any, Any]:
    """The dtype of what is drawn, and the kind of Python scalar that one number is."""
    asked = given.get("dtype")
    if method in ("integers", "randint"):
        default = np.int64 if method == "integers" else int
        asked = asked or default
        return given_dtype(asked), {int: "int", bool: "bool"}.get(asked)
    if method in _WHOLE_NUMBERS:
        return np.dtype(np.int64), "int"
    return given_dtype(asked, np.float64), "float"


def _counted(method: str) -> Any:
    """``rand`` and ``randn``, whose arguments are the extents."""

    def draw(source: RandomSource, *shape: Any) -> Any:
        name = {"rand": "random_sample", "randn": "standard_normal"}[method]
        return _Draw(name)(source, size=shape or None)

    return draw


def _shuffle(source: RandomSource, x: Any, axis: int = 0) -> None:
    """In place."""
    if not isinstance(x, Array):
        raise UnsupportedError(
            f"{where()}: shuffle of a {type(x).__name__} in a compiled function; use an array"
        )
    given = {"x": x} if axis == 0 else {"x": x, "axis": axis}
    x.write(source.call("shuffle", given, [(x.dtype, x.dims)]))


def _permutation(source: RandomSource, x: Any, axis: int = 0) -> Any:
    given = {"x": x} if axis == 0 else {"x": x, "axis": axis}
    if _is_count(x):
        return fresh(source.call("permutation", given, [(np.int64, [emax(as_dim(x), 0)])]))
    given["x"] = array = asarray(x)
    return fresh(source.call("permutation", given, [(array.dtype, array.dims)]))


def _permuted(source: RandomSource, x: Any, *, axis: Any = None, out: Any = None) -> Any:
    array = asarray(x)
    given = {"x": array} if axis is None else {"x": array, "axis": axis}
    value = source.call("permuted", given, [(array.dtype, array.dims)])
    return fresh(value) if out is None else write(out, value)


def _choice(source: RandomSource, *args: Any, **kwargs: Any) -> Any:
    given = source.bound("choice", args, kwargs)
    a, size = given["a"], given.pop("size", None)
    dims = None if size is None else shape_of(_sizes(size))
    if _is_count(a):
        value = source.call("choice", given, [(np.int64, dims or ())], dims)
        return PyScalar("int", value) if dims is None else fresh(value)
    given["a"] = array = asarray(a)
    axis = axis_of(given.get("axis", 0), array.ndim)
    shape = [*array.dims[:axis], *(dims or ()), *array.dims[axis + 1 :]]
    value = source.call("choice", given, [(array.dtype, shape)], dims)
    return Scalar(value) if dims is None and not shape else fresh(value)


def _seed(source: RandomSource, seed: Any = None) -> None:
    source.call("seed", {} if seed is None else {"seed": seed}, [(np.int64, ())])


def _is_count(x: Any) -> bool:
    return isinstance(x, int | np.integer | PyScalar | Scalar)


_SPECIAL = {
    "choice": _choice,
    "permutation": _permutation,
    "permuted": _permuted,
    "rand": _counted("rand"),
    "randn": _counted("randn"),
    "seed": _seed,
    "shuffle": _shuffle,
}


def is_source(x: Any) -> bool:
    """Whether ``x`` is a generator of NumPy's."""
    return isinstance(x, np.random.Generator | np.random.RandomState)


def held_source(x: Any) -> RandomSource:
    """A generator that is not an argument: the compiled function keeps the object."""
    return RandomSource(type(x), held=x)


def source_made(kind: type, maker: str, seed: Any) -> RandomSource:
    """A generator made in compiled code, from a seed that may be known at run time only."""
    made = MadeSource()
    result = (TensorType(np.dtype(np.int64), ()),)
    if seed is None or isinstance(seed, int):
        host_call(HostMake(maker, made, (seed,)), [], result, _RAISED)
    else:
        host_call(HostMake(maker, made), [asarray(seed).read()], result, _RAISED)
    return RandomSource(kind, made=made)


@covers(np.random.default_rng)
def default_rng(seed: Any = None) -> Any:
    """A generator given is the result."""
    if isinstance(seed, RandomSource):
        return seed
    if is_source(seed):
        return held_source(seed)
    if type(seed).__module__.startswith("numpy.random"):
        raise UnsupportedError(
            f"{where()}: np.random.default_rng of a {type(seed).__name__} inside a compiled "
            "function; make the generator outside and pass it as an argument"
        )
    return source_made(np.random.Generator, "default_rng", seed)


CLASS_SEEN[RandomSource] = lambda x: x.kind
CONSTRUCTORS[np.random.RandomState] = partial(source_made, np.random.RandomState, "RandomState")
