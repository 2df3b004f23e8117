"""Numerical checks of derivatives: finite differences against ``jvp``, and ``vjp`` against ``jvp``.

Works on Functions and any way of running them; ``check_function`` raises AssertionError naming the
order and the two numbers that disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from tracejit.autodiff.transform import jvp, vjp
from tracejit.dtypes import is_complex, is_inexact
from tracejit.ir.core import Function
from tracejit.ir.types import INDEX, TensorType
from tracejit.records import dataclass

Run: TypeAlias = Callable[[Function, Sequence[Any]], Sequence[Any]]


@dataclass(frozen=True)
class Tolerance:
    """Step and relative error of a central difference, and error of the dot-product identity."""

    step: float
    difference: float
    identity: float


TOLERANCES = {
    "f": Tolerance(1e-2, 3e-2, 2e-4),
    "d": Tolerance(1e-5, 1e-6, 1e-10),
}


def tolerance(arrays: Sequence[Any]) -> Tolerance:
    """By the least precise inexact dtype among the arrays."""
    singles = any(np.asarray(a).dtype.char in "fF" for a in arrays)
    return TOLERANCES["f" if singles else "d"]


def precision(function: Function, args: Sequence[Any], wrt: Sequence[int]) -> Tolerance:
    """The tolerance that the parameters and results of a function allow."""
    results = [np.empty(0, r.dtype) for r in function.results if isinstance(r.type, TensorType)]
    return tolerance([*(args[k] for k in wrt), *results])


def random_like(rng: np.random.Generator, array: Any) -> Any:
    """A normal random array of the shape and inexact dtype of ``array``."""
    array = np.asarray(array)
    out = rng.standard_normal(array.shape)
    if is_complex(array.dtype):
        out = out + 1j * rng.standard_normal(array.shape)
    return np.asarray(out, array.dtype)


def pairing(cts: Sequence[Any], tangents: Sequence[Any]) -> float:
    """``sum Re(c * t)``, in double precision."""
    total = 0.0
    for c, t in zip(cts, tangents, strict=True):
        wide = np.asarray(c, np.complex128) * np.asarray(t, np.complex128)
        total += float(np.sum(wide.real))
    return total


def norm(arrays: Sequence[Any]) -> float:
    """Euclidean norm of all elements together."""
    return float(np.sqrt(sum(np.sum(np.abs(np.asarray(a, np.complex128)) ** 2) for a in arrays)))


def inexact_results(function: Function, outs: Sequence[Any]) -> list[Any]:
    """The outputs that have tangents."""
    return [
        o
        for r, o in zip(function.results, outs, strict=True)
        if isinstance(r.type, TensorType) and is_inexact(r.dtype)
    ]


def difference(
    run: Run,
    function: Function,
    args: Sequence[Any],
    wrt: Sequence[int],
    tangents: Sequence[Any],
    step: float | None = None,
) -> list[Any]:
    """Central difference of the inexact results along ``tangents``, fourth order in the step."""
    h = precision(function, args, wrt).step if step is None else step

    def shifted(s: float) -> list[Any]:
        moved = list(args)
        for k, t in zip(wrt, tangents, strict=True):
            moved[k] = np.asarray(args[k] + s * t, np.asarray(args[k]).dtype)
        outs = inexact_results(function, run(function, moved))
        return [np.asarray(o, np.complex128) for o in outs]

    near = [(a - b) / (2 * h) for a, b in zip(shifted(h), shifted(-h), strict=True)]
    far = [(a - b) / (4 * h) for a, b in zip(shifted(2 * h), shifted(-2 * h), strict=True)]
    return [(4 * n - f) / 3 for n, f in zip(near, far, strict=True)]


def _with_sizes(backward: Function, count: int, cts: Sequence[Any]) -> list[Any]:
    """What a ``vjp`` takes after ``count`` parameters: cotangents, and before each of them the
    extents of it that only the function finds."""
    params = backward.params[count:]
    sizes: dict[Any, int] = {}
    for p, ct in zip([p for p in params if p.type != INDEX], cts, strict=True):
        sizes.update(zip(p.shape, np.shape(ct), strict=True))
    given = iter(cts)
    return [sizes[p.dim] if p.type == INDEX else next(given) for p in params]


def check_function(
    function: Function,
    args: Sequence[Any],
    wrt: Sequence[int],
    run: Run,
    *,
    order: int = 2,
    modes: Sequence[str] = ("fwd", "rev"),
    step: float | None = None,
    seed: int = 0,
    prepare: Callable[[Function], Function] | None = None,
    taken: int = 0,
) -> None:
    """Check ``jvp`` and ``vjp`` of a function at ``args`` to the given order of derivative.

    Forward mode is compared with central differences, reverse mode with forward mode through
    ``<c, J t> == <vjp c, t>``, or where that is not among ``modes`` with the differences; higher
    orders repeat this on the derivatives themselves, as functions of the arguments and of the
    tangents or cotangents. Raises AssertionError where they differ by
    more than ``tolerance`` relative to the norms involved. ``step`` is of the
    differences. ``prepare`` gives the function that
    derivatives are taken of, the same real function. ``taken``: the order of derivative that
    ``function`` is itself, for what errors say.
    """
    function = function if prepare is None else prepare(function)
    rng = np.random.default_rng(seed)
    tol = precision(function, args, wrt)
    tangents = [random_like(rng, args[k]) for k in wrt]
    want = difference(run, function, args, wrt, tangents, step)
    deeper: Any = {"order": order - 1, "modes": modes, "step": step, "prepare": prepare}
    deeper["taken"] = taken + 1
    moved, exact = want, tol.difference
    if "fwd" in modes:
        forward = jvp(function, wrt)
        outs = list(run(forward, [*args, *tangents]))
        count = len(function.results)
        moved, exact = outs[count:], tol.identity
        scale = norm(want) + norm(inexact_results(function, outs[:count])) + norm(tangents)
        error = norm([p - w for p, w in zip(moved, want, strict=True)])
        assert error <= tol.difference * max(scale, 1.0), (
            f"order {taken + 1}: jvp of @{function.name} differs from central differences by "
            f"{error:.3g} (norms {norm(moved):.6g}, {norm(want):.6g})"
        )
        if order > 1:
            both = [*wrt, *range(len(args), len(args) + len(tangents))]
            check_function(forward, [*args, *tangents], both, run, **deeper, seed=seed + 2)
    if "rev" in modes:
        _check_reverse(function, args, wrt, run, tangents, moved, exact, {**deeper, "seed": seed})


def _check_reverse(
    function: Function,
    args: Sequence[Any],
    wrt: Sequence[int],
    run: Run,
    tangents: Sequence[Any],
    moved: Sequence[Any],
    exact: float,
    deeper: dict[str, Any],
) -> None:
    """``vjp`` against the derivative ``moved`` along ``tangents``, which is ``exact`` so far."""
    backward, rng = vjp(function, wrt), np.random.default_rng([deeper["seed"], 1])
    ends = [r for r in function.results if isinstance(r.type, TensorType) and is_inexact(r.dtype)]
    cts = [random_like(rng, np.empty_like(m, r.dtype)) for r, m in zip(ends, moved, strict=True)]
    cts_and_sizes = _with_sizes(backward, len(args), cts)
    outs = list(run(backward, [*args, *cts_and_sizes]))
    pulled = outs[len(function.results) :]
    left, right = pairing(cts, moved), pairing(pulled, tangents)
    bound = norm(cts) * norm(moved) + norm(pulled) * norm(tangents)
    assert abs(left - right) <= exact * max(bound, 1.0), (
        f"order {deeper['taken']}: <c, Jt> = {left:.9g} but <vjp c, t> = {right:.9g} "
        f"for @{function.name}"
    )
    if deeper["order"]:
        deeper["seed"] += 1
        given = enumerate(backward.params[len(args) :], len(args))
        both = [*wrt, *(k for k, p in given if p.type != INDEX)]
        check_function(backward, [*args, *cts_and_sizes], both, run, **deeper)
