"""``vjp`` and ``linearize``: a function's results, and its derivative there as a function to call.

The derivative does not run the function again: it is compiled as a function of residuals, which the
first call kept.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Literal, TypeVar, overload

from tracejit import autodiff, trees
from tracejit.autodiff.split import Split
from tracejit.dtypes import is_inexact
from tracejit.errors import throw
from tracejit.ir.builder import rename_type
from tracejit.ir.core import Function, Value
from tracejit.ir.types import INDEX
from tracejit.records import dataclass
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, Scalar, lift, wrap_array
from tracejit.transforms.outermost import outermost
from tracejit.transforms.requirements import (
    named_positional,
    require_inexact,
    require_numbers,
    require_primals,
    require_structure,
    shown_structure,
)
from tracejit.transforms.staged import (
    Staged,
    check_aux,
    fitted,
    none_or_zero,
    simplified,
    value_like,
)
from tracejit.transforms.transform import Transform, applied, shown

R = TypeVar("R")
A = TypeVar("A")


@dataclass(frozen=True, eq=False)
class Leaf:
    """What is known of a leaf of a linear map's argument or result; ``other`` stands for one that
    has no derivative."""

    array: bool
    linear: bool
    other: Any = 0.0

    def wrap(self, value: Value) -> Any:
        return wrap_array(value) if self.array else Scalar(value)


class LinearMap:
    """A derivative as a function of residuals and one argument.

    ``given``, ``made``: structures of the argument and the result, with what is known of leaves.
    ``of``: how errors name what it is the derivative of.
    """

    def __init__(
        self,
        function: Function,
        kept: int,
        given: tuple[Any, Sequence[Leaf]],
        made: tuple[Any, Sequence[Leaf]],
        what: str,
        of: str,
    ) -> None:
        self.function, self.kept, self.given, self.made = function, kept, given, made
        self.what, self.of = what, of
        self._compiled: Any = None
        self.__name__ = function.name

    def __traced_call__(self, ops: Any, residuals: Sequence[Any], argument: Any) -> Any:
        b, args = current().b, list[Value]()
        values = [lift(x).value for x in (*residuals, *self._linear_leaves(argument))]
        given = list(zip(self.function.params, values, strict=True))
        mapping = {p: v for p, v in given if p.type == INDEX}  # may follow what has that extent
        for k, (p, value) in enumerate(given):
            what = self.what if k >= self.kept else "residual"
            mapping[p] = fitted(value, rename_type(p.type, mapping), what)
            args.append(mapping[p])
        found = iter(b.inline(self.function, args))
        tree, leaves = self.made
        return trees.unflatten(tree, [x.wrap(next(found)) if x.linear else x.other for x in leaves])

    def _linear_leaves(self, argument: Any) -> list[Any]:
        want, leaves = self.given
        like = "the result" if self.what == "cotangent" else "the arguments"
        found = require_structure(argument, want, f"{self.of}: what is given has", like)
        linear = [x for x, leaf in zip(found, leaves, strict=True) if leaf.linear]
        require_numbers(linear, f"{self.of}: a {self.what}")
        return linear

    def compiled(self) -> Any:
        """The map as it is called from Python."""
        if self._compiled is None:
            from tracejit.api import jitted_type
            from tracejit.calls.versions import Options

            self._compiled = jitted_type()(self, Options())
        return self._compiled


@dataclass(frozen=True, eq=False)
class Pullback:
    """What ``vjp`` returns: ``pullback(cotangents)`` gives one cotangent per argument."""

    map: LinearMap
    residuals: tuple[Any, ...]

    @outermost
    def __call__(self, *cotangents: Any) -> Any:
        return self.map.compiled()(self.residuals, self._one(cotangents))

    def __traced_call__(self, ops: Any, *cotangents: Any) -> Any:
        return self.map.__traced_call__(ops, self.residuals, self._one(cotangents))

    def _one(self, cotangents: Sequence[Any]) -> Any:
        """The argument; TypeError for more of them, as for a result of several arrays."""
        if len(cotangents) != 1:
            throw(
                TypeError(
                    f"{self.map.of} takes one argument, which has the structure of the result, "
                    f"{shown_structure(self.map.given[0])}: not {len(cotangents)} arguments"
                )
            )
        return cotangents[0]


@dataclass(frozen=True, eq=False)
class Pushforward:
    """What ``linearize`` returns: ``pushforward(*tangents)`` gives the tangents of the results."""

    map: LinearMap
    residuals: tuple[Any, ...]

    @outermost
    def __call__(self, *tangents: Any) -> Any:
        return self.map.compiled()(self.residuals, tangents)

    def __traced_call__(self, ops: Any, *tangents: Any) -> Any:
        return self.map.__traced_call__(ops, self.residuals, tangents)


class Linearized(Transform):
    """The results of a function and its derivative there."""

    def __init__(self, function: Callable[..., Any], what: str, has_aux: bool) -> None:
        super().__init__(function, what)
        self.has_aux = has_aux

    @property
    def options(self) -> tuple[Hashable, ...]:
        return self.what, self.has_aux

    def __traced_call__(self, ops: Any, *primals: Any) -> Any:
        staged = Staged(ops, self.function, primals)
        require_inexact(shown(self), named_positional(self.function, primals))
        staged.run()
        if not staged.function.diverges:
            check_aux(staged, self.has_aux, f"{shown(self)}:")
        function, count = staged.twice(), len(staged.function.results)
        main = staged.main_results(self.has_aux)
        moved = len(function.results) - count
        cut = autodiff.pullback if self.what == "vjp" else autodiff.pushforward
        split = cut(function, range(len(staged.params)), [moved + k for k in main])
        results = staged.inline(simplified(split.forward))
        out = staged.rebuild(results[:count])
        residuals = tuple(map(value_like, results[len(results) - split.kept :]))
        linear = self._map(staged, split)
        derivative = (Pullback if self.what == "vjp" else Pushforward)(linear, residuals)
        return (out[0], derivative, out[1]) if self.has_aux else (out, derivative)

    def _map(self, staged: Staged, split: Split) -> LinearMap:
        primals = [Leaf(isinstance(x, Array), x is not None, None) for x in staged.wrt_leaves]
        tree = staged.out_tree.children()[0] if self.has_aux else staged.out_tree
        both = zip(staged.out[: tree.num_leaves], staged.values, strict=False)
        results = [
            Leaf(isinstance(x, Array), v is not None and is_inexact(v.dtype), none_or_zero(x))
            for x, v in both
        ]
        ends = ((tree, results), (staged.wrt_tree, primals))
        given, made = ends if self.what == "vjp" else ends[::-1]
        what = "cotangent" if self.what == "vjp" else "tangent"
        of = f"the {'pullback' if self.what == 'vjp' else 'pushforward'} of {shown(self)}"
        return LinearMap(simplified(split.derivative), split.kept, given, made, what, of)


@overload
def vjp(
    fun: Callable[..., R], *primals: Any, has_aux: Literal[False] = ...
) -> tuple[R, Callable[[R], tuple[Any, ...]]]: ...
@overload
def vjp(
    fun: Callable[..., tuple[R, A]], *primals: Any, has_aux: Literal[True]
) -> tuple[R, Callable[[R], tuple[Any, ...]], A]: ...
@outermost
def vjp(fun: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """``(fun(*primals), pullback)``; ``pullback(cotangents)`` gives one cotangent per argument.

    ``cotangents`` has the structure, shapes and dtypes of the result; the answer is a tuple.
    Nothing is conjugated: a cotangent ``c`` pairs with a tangent ``t`` as ``Re(c * t)``. The
    pullback may be called any number of times and does not run the function again (it does where
    the function has a loop whose length only its values decide). With ``has_aux`` the function
    returns ``(result, aux)``, and ``vjp`` returns ``(result, pullback, aux)``. Raises TypeError for
    arguments without derivative and for cotangents of another structure.

        y, pullback = vjp(np.sin, np.zeros(2))
        (slope,) = pullback(np.ones_like(y))
        assert slope.tolist() == [1.0, 1.0]
    """
    transform = Linearized(fun, "vjp", has_aux)
    require_primals(primals, "vjp", shown(fun))
    return applied(transform, *primals)


@overload
def linearize(
    fun: Callable[..., R], *primals: Any, has_aux: Literal[False] = ...
) -> tuple[R, Callable[..., R]]: ...
@overload
def linearize(
    fun: Callable[..., tuple[R, A]], *primals: Any, has_aux: Literal[True]
) -> tuple[R, Callable[..., R], A]: ...
@outermost
def linearize(fun: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """``(fun(*primals), pushforward)``; ``pushforward(*tangents)`` gives the result's tangents.

    ``jvp`` at one point along many directions: what they have in common is computed once (loops
    run again beside their tangents). Structures, ``has_aux`` and errors as for ``vjp``.

        y, pushforward = linearize(lambda x: x**2, np.array([1.0, 2.0]))
        columns = [pushforward(e) for e in np.eye(2)]
        assert np.array(columns).tolist() == [[2.0, 0.0], [0.0, 4.0]]
    """
    transform = Linearized(fun, "linearize", has_aux)
    require_primals(primals, "linearize", shown(fun))
    return applied(transform, *primals)
