"""Random programs: ``vmap`` is a loop, derivatives at a point are those of ``jvp``."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tests.fuzz.gradients import Smoothed, Wrong, copied, floats
from tracejit import jit, jvp, linearize, trees, vjp, vmap
from tracejit.autodiff.numeric import random_like
from tracejit.errors import TracejitError

SCALES = (1.0, 0.9, 1.1)


def check(program: Smoothed) -> str:
    """Check the transforms of a program; what came of it, in a word. Raises Wrong."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return checked(program)
        except TracejitError:
            return "refused"
        except Wrong as error:
            raise Wrong(f"{error}\n{program}") from None


def checked(program: Smoothed) -> str:
    g, args = program.function("g"), program.point()
    batch = [np.stack([np.asarray(a) * s for s in SCALES]) for a in args]
    try:
        each = [jit(g)(*(b[k].copy() if b[k].ndim else b[k] for b in batch)) for k in range(3)]
    except TracejitError:
        raise
    except Exception:
        return "raises"
    batched(g, batch, [trees.leaves_of(y) for y in each])
    at_a_point(g, args, np.random.default_rng([program.seed, 2]))
    return "checked"


def batched(g: Any, batch: list[Any], each: list[list[Any]]) -> None:
    """``vmap`` of ``g`` gives what a loop gave, wherever it is not refused."""
    try:
        found = trees.leaves_of(vmap(g)(*copied(batch)))
    except TracejitError:
        return
    for k, got in enumerate(found):
        want = np.stack([np.asarray(leaves[k]) for leaves in each])
        if not np.allclose(got, want, rtol=1e-9, atol=1e-11, equal_nan=True):
            raise Wrong(f"vmap gives {got} where a loop gives {want}")


def at_a_point(g: Any, args: list[Any], rng: np.random.Generator) -> None:
    """A pushforward is ``jvp``, and a pullback its transpose."""
    y, pullback = vjp(g, *copied(args))
    pushforward = linearize(g, *copied(args))[1]
    tangents = [random_like(rng, a) for a in args]
    cts = trees.map_leaves(lambda x: random_like(rng, x) if floats(x) else x, y)
    inexact = [floats(x) for x in trees.leaves_of(y)]
    want = paired(cts, jvp(g, copied(args), tangents)[1], inexact)
    pushed = paired(cts, pushforward(*tangents), inexact)
    pulled = paired(list(pullback(cts)), tangents, [True] * len(args))
    if not all(map(np.isfinite, (want, pushed, pulled))):
        return
    for what, got in (("pushforward", pushed), ("pullback", pulled)):
        if not abs(got - want) <= 1e-7 * max(1.0, abs(want)):
            raise Wrong(f"{what} gives {got:.12g}, jvp {want:.12g}")


def paired(a: Any, b: Any, inexact: list[bool]) -> float:
    """The real part of the sum of products of leaves that have derivatives."""
    leaves = zip(trees.leaves_of(a), trees.leaves_of(b), inexact, strict=True)
    return sum(float(np.sum(np.real(np.asarray(x) * np.asarray(y)))) for x, y, f in leaves if f)
