"""What a whole program is to the tests, and how two ways of running it are compared.

A run is summarized as an `Outcome`: the results or the exception, the arguments as they were left,
and which result is, or is a view of, which argument. Two outcomes agree when all of that does.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.lib._stride_tricks_impl import DummyArray

from tracejit import trees

Arguments = tuple[Any, ...]


@dataclass(frozen=True)
class Program:
    """A function as a NumPy user writes it, with arguments to call it on.

    `exact` asks for the same bits, otherwise values agree to `rtol` relative to each leaf's largest
    magnitude. `argnums` are the arguments to differentiate with respect to (none: not
    differentiated). `raises` says that it ends with an exception, `own_message` that NumPy does not
    define its text.
    """

    name: str
    fn: Callable[..., Any]
    make_args: Callable[[np.random.Generator], Arguments]
    argnums: tuple[int, ...] = ()
    tags: frozenset[str] = field(default_factory=frozenset)
    exact: bool = False
    rtol: float = 1e-12
    grad_rtol: float = 1e-6
    own_message: bool = False
    raises: bool = False

    def arguments(self, seed: int) -> Arguments:
        """The same arguments for the same seed, aliases among them included."""
        return self.make_args(np.random.default_rng([seed, 2024]))


@dataclass(frozen=True)
class Outcome:
    results: list[Any]
    structure: Any
    arguments: list[Any]
    aliases: list[tuple[int | None, int | None]]
    shared: list[bool]
    raised: Exception | None
    printed: str


def owner(array: np.ndarray) -> Any:
    """The object at the end of the chain of bases; a part of a structured array names the whole,
    and what `as_strided` puts in between is left out."""
    found: Any = array
    while isinstance(found, np.ndarray | DummyArray) and found.base is not None:
        found = getattr(found.base, "whole", found.base)
    return found


def position(item: Any, items: Sequence[Any]) -> int | None:
    return next((i for i, other in enumerate(items) if other is item), None)


def run(fn: Callable[..., Any], args: Arguments) -> Outcome:
    """Call `fn` and note everything about the call that a caller could see."""
    before = trees.leaves_of(args)
    raised: Exception | None = None
    value: Any = None
    printed = io.StringIO()
    try:
        with np.errstate(all="ignore"), contextlib.redirect_stdout(printed):
            value = fn(*args)
    except Exception as error:
        raised = error
    results, structure = trees.flatten(value)
    arrays = [leaf for leaf in before if isinstance(leaf, np.ndarray)]
    owners = [owner(leaf) for leaf in arrays]
    found = [leaf for leaf in results if isinstance(leaf, np.ndarray)]
    aliases = [(position(leaf, arrays), position(owner(leaf), owners)) for leaf in found]
    shared = [np.shares_memory(a, b) for i, a in enumerate(found) for b in found[:i]]
    after = trees.leaves_of(args)
    return Outcome(results, structure, after, aliases, shared, raised, printed.getvalue())


def assert_same_leaf(actual: Any, expected: Any, program: Program, what: str) -> None:
    """Kind (array, NumPy scalar, Python scalar), dtype, shape and values."""
    assert type(actual) is type(expected), f"{what}: {type(actual)} is not {type(expected)}"
    if not isinstance(expected, np.ndarray | np.generic | int | float | complex):
        assert actual == expected, what
        return
    a, b = np.asarray(actual), np.asarray(expected)
    assert a.dtype == b.dtype, f"{what}: dtype {a.dtype} is not {b.dtype}"
    assert a.shape == b.shape, f"{what}: shape {a.shape} is not {b.shape}"
    if program.exact or b.dtype.kind not in "fc":
        np.testing.assert_array_equal(a, b, err_msg=what)
        if b.dtype.kind == "f":
            same = (np.signbit(a) == np.signbit(b)) | np.isnan(b)
            assert same.all(), f"{what}: the sign of a zero differs"
        return
    finite = np.abs(b[np.isfinite(b)])
    scale = float(finite.max()) if finite.size else 0.0
    rtol = program.rtol if b.dtype in (np.float64, np.complex128) else max(program.rtol, 2e-5)
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * scale, err_msg=what)


def assert_same(actual: Outcome, expected: Outcome, program: Program, way: str = "") -> None:
    """Fail with what differs first: the exception, an argument, a result, an alias."""
    if actual.raised is not None and expected.raised is None:
        raise actual.raised
    name = f"{program.name} {way}"
    assert type(actual.raised) is type(expected.raised), (
        f"{name} raised {actual.raised!r}, NumPy {expected.raised!r}"
    )
    if expected.raised is not None and not program.own_message:
        assert str(expected.raised) in str(actual.raised)
    assert len(actual.arguments) == len(expected.arguments)
    for i, (a, b) in enumerate(zip(actual.arguments, expected.arguments)):
        assert_same_leaf(a, b, program, f"{name}: argument leaf {i} after the call")
    assert actual.structure == expected.structure
    for i, (a, b) in enumerate(zip(actual.results, expected.results)):
        assert_same_leaf(a, b, program, f"{name}: result leaf {i}")
    assert actual.printed == expected.printed, f"{name}: printed {actual.printed!r}"
    assert actual.aliases == expected.aliases, f"{name}: results alias other arguments"
    assert actual.shared == expected.shared, f"{name}: results alias one another otherwise"


def scalar_loss(program: Program, rng: np.random.Generator) -> Callable[..., Any]:
    """A weighted sum of the program's floating results, and of what it leaves in its arguments."""
    args = program.arguments(0)
    results = trees.leaves_of(program.fn(*args))
    given = trees.leaves_of(program.arguments(0))
    changed = [
        isinstance(new, np.ndarray) and not np.array_equal(new, old, equal_nan=True)
        for new, old in zip(trees.leaves_of(args), given)
    ]
    parts = [
        np.asarray(r) if isinstance(r, np.ndarray | np.generic | float) else None for r in results
    ]
    weights = [_weight(p, rng) for p in parts]
    weights += [_weight(x, rng) if new else None for x, new in zip(given, changed)]
    fn = program.fn

    def loss(*args: Any) -> Any:
        leaves = trees.leaves_of(fn(*args))
        leaves += trees.leaves_of(args)
        total = 0.0
        for i in range(len(weights)):
            if weights[i] is not None:
                total = total + np.sum(leaves[i] * weights[i])
        return total

    return loss


def _weight(x: np.ndarray | None, rng: np.random.Generator) -> np.ndarray | None:
    return None if x is None or x.dtype.kind != "f" else rng.standard_normal(x.shape)


def directional(
    loss: Callable[..., Any], program: Program, seed: int, argnum: int, direction: Any, step: float
) -> float:
    """The central difference of `loss` along `direction` in argument `argnum`, fourth order."""

    def at(t: float) -> float:
        args = list(program.arguments(seed))
        leaves, structure = trees.flatten(args[argnum])
        moved = [x + t * u for x, u in zip(leaves, trees.leaves_of(direction))]
        args[argnum] = trees.unflatten(structure, moved)
        return float(loss(*args))

    near, far = at(step) - at(-step), at(2 * step) - at(-2 * step)
    return (8 * near - far) / (12 * step)


def assert_slopes(program: Program, loss: Callable[..., Any], gradients: Any) -> None:
    """Gradients along random directions are central differences; one of them is not zero."""
    slopes = []
    for argnum, gradient in zip(program.argnums, gradients, strict=True):
        direction = random_direction(program, 0, argnum)
        parts = zip(trees.leaves_of(gradient), trees.leaves_of(direction), strict=True)
        actual = float(sum(np.sum(g * u) for g, u in parts))
        with np.errstate(all="ignore"):
            expected = directional(loss, program, 0, argnum, direction, 1e-5)
        np.testing.assert_allclose(actual, expected, rtol=program.grad_rtol, atol=1e-7)
        slopes.append(expected)
    assert any(slopes), "no argument matters"


def random_direction(program: Program, seed: int, argnum: int) -> Any:
    """A tangent for one argument: normal entries; a scalar's is scaled with the scalar's size."""
    rng = np.random.default_rng([seed, argnum, 77])

    def one(x: Any) -> Any:
        u = rng.standard_normal(np.shape(x))
        return u if isinstance(x, np.ndarray) else float(u) * x

    return trees.map_leaves(one, program.arguments(seed)[argnum])
