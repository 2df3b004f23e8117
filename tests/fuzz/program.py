"""One random program: its source, its arguments, and how to make a function of it."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.fuzz.choose import Chooser
from tests.fuzz.expressions import Shape, Var
from tests.fuzz.object_statements import ObjectStatements
from tests.fuzz.wide import Wide

KINDS = {"float64": "f", "float32": "f", "int64": "i", "bool": "b", "complex128": "c"}
KINDS |= {"int32": "i", "uint8": "i", "int16": "i", "complex64": "c"}
SCALARS: tuple[Any, ...] = (2, 0.5, 0, -1.5, 3, np.float64(1.25), True, float("nan"), 1)


@dataclass(frozen=True)
class Param:
    """How to make one argument. ``same`` is the number of an argument that it is identical to."""

    name: str
    dtype: str = ""
    shape: Shape = ()
    layout: str = "C"
    scalar: Any = None
    same: int | None = None

    def __str__(self) -> str:
        if self.dtype:
            alias = "" if self.same is None else f" is argument {self.same}"
            return f"{self.name}: {self.dtype}{list(self.shape)} {self.layout}{alias}"
        return f"{self.name}: {self.scalar!r}"


@dataclass(frozen=True)
class Program:
    """A function's source and its parameters; ``policy`` is the shape policy to compile with.

    ``rounded``: floating results are compared within a few units in the last place.
    """

    source: str
    params: tuple[Param, ...]
    policy: str
    seed: int
    rounded: bool = False

    def __str__(self) -> str:
        rows = "\n".join(f"# {p}" for p in self.params)
        return f"{rows}\n# shapes={self.policy!r}, seed={self.seed}\n{self.source}"

    def function(self, called: str = "f") -> Callable[..., Any]:
        """A function of the source, which is put where ``inspect`` finds it."""
        name = f"<fuzz {abs(hash(self.source)):x}>"
        linecache.cache[name] = (len(self.source), None, self.source.splitlines(True), name)
        space: dict[str, Any] = {"np": np}
        exec(compile(self.source, name, "exec"), space)
        function: Callable[..., Any] = space[called]
        return function

    def arguments(self, seed: int = 0) -> tuple[Any, ...]:
        """Arguments; the same seed gives the same."""
        rng = np.random.default_rng([self.seed, seed])
        made: list[Any] = []
        for p in self.params:
            if p.same is not None:
                made.append(made[p.same])
            elif p.dtype:
                made.append(laid_out(values(p.dtype, p.shape, rng), p.layout))
            else:
                made.append(p.scalar)
        return tuple(made)


def values(dtype: str, shape: Shape, rng: np.random.Generator) -> Any:
    """Small multiples of a quarter with some special values among them."""
    kind = np.dtype(dtype).kind
    if kind == "b":
        return rng.random(shape) < 0.5
    if kind in "iu":
        return rng.integers(-4 if kind == "i" else 0, 8, shape).astype(dtype)
    x = rng.integers(-16, 17, shape) / 4
    if rng.random() < 0.25:
        x = np.where(rng.random(shape) < 0.2, rng.choice([np.nan, np.inf, -np.inf, -0.0]), x)
    if kind == "c":
        return (x + 1j * rng.integers(-8, 9, shape) / 4).astype(dtype)
    return x.astype(dtype)


def laid_out(x: Any, layout: str) -> Any:
    """The same array otherwise in memory."""
    if layout == "F":
        return np.asfortranarray(x)
    if layout == "strided":
        room = np.zeros(tuple(2 * n + 1 for n in x.shape), x.dtype)
        view = room[tuple(slice(0, 2 * n, 2) for n in x.shape)]
        view[...] = x
        return view
    if layout == "reversed":
        return np.ascontiguousarray(x[::-1])[::-1]
    x = np.array(x, order="C")
    x.flags.writeable = layout != "readonly"
    return x


def parameters(c: Chooser, sizes: tuple[int, ...], *, narrow: bool) -> tuple[Param, ...]:
    """Parameters of a function; ``narrow`` ones have all dtypes."""
    params: list[Param] = []
    dtypes = ["float64", "float64", "float64", "int64", "bool", "complex128"]
    scalars = SCALARS
    if narrow:
        dtypes += ["int32", "uint8", "int16", "complex64", "float32", "float32"]
        scalars = tuple(s for s in SCALARS if not isinstance(s, np.generic))
    layouts = [*["C"] * 8, *["F", "strided", "reversed"] * 2, "readonly"]
    for k in range(c.number(1, 3)):
        if params and c.often(10):
            params.append(Param(**{**vars(params[0]), "name": f"a{k}", "same": 0}))
            continue
        n, m = c.pick(sizes), c.pick(sizes)
        shape: Shape = (n,) if c.often(60) else (n, m)
        layout = c.pick(layouts)
        params.append(Param(f"a{k}", c.pick(dtypes), shape, layout))
    params += [Param(f"s{k}", scalar=c.pick(scalars)) for k in range(c.number(0, 2))]
    return tuple(params)


def variable(p: Param) -> Var:
    if p.dtype:
        return Var(p.name, KINDS[p.dtype], p.shape, p.dtype)
    kind = np.asarray(p.scalar).dtype.kind
    return Var(p.name, kind, (), np.asarray(p.scalar).dtype.name, type(p.scalar) is int)


def program(c: Chooser) -> Program:
    """A program of the chooser's choosing."""
    sizes = c.pick([(3, 4), (4, 2, 5), (3, 19), (2, 1, 3), (8, 3), (4, 0)])
    narrow = c.often(50)
    params = parameters(c, sizes, narrow=narrow)
    readonly = any(p.layout == "readonly" for p in params)
    e = Wide(c, [variable(p) for p in params], dyadic=c.often(50), sizes=sizes)
    e.narrow = narrow
    writer = ObjectStatements(c, e, readonly=readonly)
    body = writer.program(c.number(2, 6))
    source = f"def f({', '.join(p.name for p in params)}):\n{body}\n"
    source = "".join([*writer.before, source])
    policy = c.pick(["auto", "auto", "dynamic"])
    return Program(source, params, policy, c.number(0, 99), rounded=writer.rounded)
