"""Random programs and their derivatives: ``jvp`` against differences, ``vjp`` against ``jvp``.

A program is the source of three functions: ``f`` with arguments of all kinds, ``g`` of the floating
and complex ones alone, which returns what ``f`` returned and wrote, and ``loss``, a real number.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optree

from tests.fuzz.choose import Chooser
from tests.fuzz.expressions import Shape
from tests.fuzz.nested import IMPORTS, Nested
from tests.fuzz.program import Param, Program, variable
from tests.fuzz.smooth import Smooth
from tests.fuzz.wide_statements import WideStatements
from tracejit import grad, jit, jvp, vjp
from tracejit.autodiff.numeric import norm, pairing, random_like
from tracejit.errors import TracejitError

STEPS = (1e-3, 2e-4)
LARGE = 1e4  # differences of larger numbers say little


class Wrong(AssertionError):
    """A derivative that is not one."""


@dataclass(frozen=True)
class Smoothed(Program):
    """A program whose ``g`` and ``loss`` have derivatives."""

    @property
    def floating(self) -> list[Param]:
        return [p for p in self.params if is_floating(p)]

    def point(self) -> list[Any]:
        """Arguments of ``g``: nowhere special."""
        rng = np.random.default_rng(self.seed)
        return [at_random(p, rng) for p in self.floating]


def is_floating(p: Param) -> bool:
    return p.dtype in ("float64", "complex128") or isinstance(p.scalar, float)


def at_random(p: Param, rng: np.random.Generator) -> Any:
    if not p.dtype:
        return type(p.scalar)(rng.uniform(-1.5, 1.5))
    x = rng.uniform(-1.5, 1.5, p.shape)
    return x + 1j * rng.uniform(-1.5, 1.5, p.shape) if p.dtype == "complex128" else x


def smooth_program(c: Chooser) -> Smoothed:
    """A program of the chooser's choosing with at least one floating array; two of five call LAPACK
    and transforms."""
    sizes = c.pick([(3, 4), (4, 2, 5), (2, 1, 3), (3,), (3, 0)])
    params = [Param("a0", "float64", (c.pick(sizes[:1]),))]
    for k in range(1, c.number(1, 3)):
        shape: Shape = (c.pick(sizes),) if c.often(60) else (c.pick(sizes), c.pick(sizes))
        dtype = c.pick(["float64", "float64", "complex128", "int64", "bool"])
        params.append(Param(f"a{k}", dtype, shape))
    scalars = (0.5, 2, np.float64(1.25), -1.5)
    params += [Param(f"s{k}", scalar=c.pick(scalars)) for k in range(c.number(0, 2))]
    kind = Nested if c.often(50) else Smooth
    e = kind(c, [variable(p) for p in params], dyadic=True, sizes=sizes)
    writer = WideStatements(c, e, readonly=False)
    body = writer.program(c.number(1, 4), exact=True)
    source = "".join([IMPORTS if kind is Nested else "", *writer.before])
    source += f"def f({', '.join(p.name for p in params)}):\n{body}\n"
    source += wrappers(params, len(writer.results))
    return Smoothed(source, tuple(params), "auto", c.number(0, 99))


def wrappers(params: Sequence[Param], count: int) -> str:
    """Source of ``g`` and ``loss``."""
    names = ", ".join(p.name for p in params if is_floating(p))
    lines = [f"def g({names}):"]
    rng = np.random.default_rng(len(params))
    for p in params:
        if not is_floating(p):
            lines.append(f"    {p.name} = {constant(p, rng)}")
    lines.append(f"    r = f({', '.join(p.name for p in params)})")
    arrays = [p.name for p in params if p.dtype]
    results = "r" if count == 1 else ", ".join(f"r[{k}]" for k in range(count))
    lines += [f"    return {', '.join([results, *arrays])}", f"def loss({names}):"]
    lines += [f"    r = g({names})", "    total = 0.0", "    for x in r:"]
    lines += ["        total = total + np.sum(np.sin(np.real(x) + 1.0) + np.cos(np.imag(x) * 1.0))"]
    return "\n".join([*lines, "    return total", ""])


def constant(p: Param, rng: np.random.Generator) -> str:
    if not p.dtype:
        return repr(p.scalar)
    array = rng.integers(-4, 8, p.shape) if p.dtype == "int64" else rng.random(p.shape) < 0.5
    return f"np.array({array.tolist()}, dtype=np.{p.dtype}).reshape({p.shape})"


def leaves(tree: Any) -> list[Any]:
    return [x for x in optree.tree_leaves(tree) if np.asarray(x).dtype.kind in "fc"]


def moved(args: Sequence[Any], tangents: Sequence[Any], step: float) -> list[Any]:
    return [a + step * t for a, t in zip(args, tangents, strict=True)]


def copied(args: Sequence[Any]) -> list[Any]:
    return [np.array(a) if isinstance(a, np.ndarray) else a for a in args]


def differences(
    g: Callable[..., Any], args: Sequence[Any], tangents: Sequence[Any]
) -> list[Any] | None:
    """Central differences of fourth order of the floating results; None near kinks and jumps."""
    value = [np.array(x) for x in leaves(g(*copied(args)))]

    def at(step: float) -> list[Any]:
        return [np.array(x) for x in leaves(g(*moved(args, tangents, step)))]

    found = []
    for h in STEPS:
        rows = [at(k * h) for k in (-2, -1, 1, 2)]
        shapes = {tuple(x.shape for x in row) for row in [*rows, value]}
        if len(shapes) > 1:
            return None
        found.append([(a - 8 * b + 8 * c - d) / (12 * h) for a, b, c, d in zip(*rows, strict=True)])
        right = [(4 * c - d - 3 * v) / (2 * h) for c, d, v in zip(*rows[2:], value, strict=True)]
        if not close(right, found[-1], norm(value), 1e-2):
            return None
    return found[1] if close(*found, norm(value), 1e-7) else None


def close(xs: Sequence[Any], ys: Sequence[Any], scale: float, tolerance: float) -> bool:
    bound = tolerance * max(scale, norm(ys), 1.0)
    return norm([x - y for x, y in zip(xs, ys, strict=True)]) <= bound


def check(program: Smoothed, *, second: bool = False, together: bool = False) -> str:
    """Check the derivatives of a program; what came of it, in a word. Raises Wrong.

    ``second``: also to second order; ``together``: both modes in one compiled function.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return checked(program, second, together)
        except TracejitError:
            return "refused"
        except Wrong as error:
            raise Wrong(f"{error}\n{program}") from None


def checked(program: Smoothed, second: bool, together: bool) -> str:
    g, args = program.function("g"), program.point()
    rng = np.random.default_rng([program.seed, 1])
    tangents = [random_like(rng, a) for a in args]
    run = jit(g) if IMPORTS in program.source else g  # transforms would compile in every call
    try:
        want = differences(run, args, tangents)
        tree = run(*copied(args))
    except TracejitError:
        raise
    except Exception as error:
        return raises_as_well(g, args, tangents, error)
    value = leaves(tree)
    if want is None or not norm([*value, *want]) < LARGE:
        return "skipped"
    cts = optree.tree_map(lambda x: random_like(rng, x) if floats(x) else x, tree)
    (out, pushed), (same, pulled) = derivatives(g, args, tangents, cts, together)
    expect(leaves(out), value, norm(value), 1e-9, "value under jvp")
    expect(leaves(same), value, norm(value), 1e-9, "value under vjp")
    both = zip(optree.tree_leaves(pushed), optree.tree_leaves(out), strict=True)
    pushed = [t for t, x in both if floats(x)]
    expect(pushed, want, norm(value), 2e-6, "jvp against differences")
    left, right = pairing(leaves(cts), pushed), pairing(pulled, tangents)
    bound = norm(leaves(cts)) * norm(pushed) + norm(pulled) * norm(tangents)
    if not abs(left - right) <= 1e-9 * max(bound, 1.0):
        raise Wrong(f"<v, Ju> = {left:.12g} but <J'v, u> = {right:.12g}")
    return second_order(program, args, tangents) if second else "first order"


def derivatives(
    g: Callable[..., Any], args: Sequence[Any], tangents: Sequence[Any], cts: Any, together: bool
) -> Any:
    """Values with tangents and values with cotangents."""

    def both(args: Any, tangents: Any, cts: Any) -> Any:
        pushed = jvp(g, args, tangents)
        value, pull = vjp(g, *args)
        return pushed, (value, pull(cts))

    return (jit(both) if together else both)(copied(args), tangents, cts)


def floats(x: Any) -> bool:
    return np.asarray(x).dtype.kind in "fc"


def expect(got: Sequence[Any], want: Sequence[Any], scale: float, bound: float, what: str) -> None:
    if len(got) != len(want) or any(np.shape(x) != np.shape(y) for x, y in zip(got, want)):
        raise Wrong(f"{what}: {got} is not {want}")
    if not close(got, want, scale, bound):
        raise Wrong(f"{what}: {list(got)} is not {list(want)}")


def raises_as_well(
    g: Callable[..., Any], args: Sequence[Any], tangents: Sequence[Any], error: Exception
) -> str:
    """Where NumPy raises, at the point or beside it: at the point, the derivative raises too."""
    try:
        g(*copied(args))
    except type(error):
        try:
            jvp(g, copied(args), tangents)
        except type(error):
            return "raised"
        raise Wrong(f"NumPy raises {error!r}, jvp does not") from error
    return "skipped"


def second_order(program: Smoothed, args: Sequence[Any], tangents: Sequence[Any]) -> str:
    """Forward over reverse and reverse over reverse: the same product with the Hessian."""
    loss, places = program.function("loss"), tuple(range(len(args)))
    gradient = grad(loss, argnums=places)

    def along(*inputs: Any) -> Any:
        half = len(inputs) // 2
        slopes = gradient(*inputs[:half])
        total = 0.0
        for s, t in zip(slopes, inputs[half:]):
            total = total + np.sum(np.real(s * t))
        return total

    want = differences(lambda *xs: gradient(*xs), args, tangents)
    if want is None or not norm(want) < LARGE:
        return "first order"
    forward = leaves(jvp(gradient, copied(args), tangents)[1])
    scale = norm(leaves(gradient(*copied(args))))
    expect(forward, want, scale, 1e-5, "jvp of grad against differences of grad")
    reverse = leaves(jit(grad(along, argnums=places))(*copied(args), *tangents))
    expect(reverse, forward, scale, 1e-8, "grad of <grad, u> against jvp of grad")
    return "second order"
