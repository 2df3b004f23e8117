"""Derivatives of Python functions: ``grad``, ``value_and_grad``, ``jvp``, ``vjp``.

A transformed function is traced like any other: inside a trace its function becomes an IR function
of its own, is transformed (``autodiff/``) and inlined. Called from Python it is compiled first.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tracejit import autodiff, trees
from tracejit.ir.builder import rename_type
from tracejit.ir.core import Function, Value
from tracejit.ir.types import INDEX
from tracejit.trace.known import shown_shape
from tracejit.trace.session import active, current
from tracejit.trace.values import lift
from tracejit.transforms.staged import (
    Staged,
    fitted,
    gradient_like,
    own,
    require_inexact,
    tangent_tree,
)
from tracejit.transforms.transform import Transform


class Gradient(Transform):
    """``grad`` and ``value_and_grad``."""

    def __init__(
        self,
        function: Callable[..., Any],
        argnums: int | Sequence[int],
        has_aux: bool,
        with_value: bool,
    ) -> None:
        super().__init__(function, "value_and_grad" if with_value else "grad")
        nums = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        if not all(isinstance(n, int) for n in nums) or len(set(nums)) != len(nums):
            raise TypeError(f"argnums are distinct positions of arguments, not {argnums!r}")
        self.argnums = argnums
        self.has_aux = has_aux
        self.with_value = with_value

    @property
    def options(self) -> tuple[Hashable, ...]:
        nums = self.argnums if isinstance(self.argnums, int) else tuple(self.argnums)
        return nums, self.has_aux, self.with_value

    def __traced_call__(self, ops: Any, *args: Any, **kwargs: Any) -> Any:
        single = isinstance(self.argnums, int)
        argnums = [self.argnums] if isinstance(self.argnums, int) else list(self.argnums)
        argnums = [_argnum(n, len(args)) for n in argnums]
        staged = Staged(ops, self.function, args, kwargs)
        require_inexact(trees.leaves_of(tuple(args[n] for n in argnums)), self.__name__)
        staged.run(argnums)
        if not staged.function.diverges:
            _check_loss(staged, self.has_aux)
        function, count = staged.twice(), len(staged.function.results)
        loss = len(function.results) - count if count else 0
        gradient = autodiff.grad(function, range(len(staged.params)), loss)
        out = staged.inline(staged.derived(gradient, len(function.results)))
        value = staged.rebuild(out[:count])
        found = out[len(function.results) :]
        leaves = [gradient_like(x, v) for x, v in zip(staged.wrt, found, strict=True)]
        grads = trees.unflatten(staged.wrt_tree, leaves)
        grads = grads[0] if single else grads
        if self.with_value:
            return value, grads
        return (grads, value[1]) if self.has_aux else grads


def _argnum(n: int, count: int) -> int:
    if not -count <= n < count:
        raise TypeError(f"argnums {n} is outside of the {count} positional arguments")
    return n % count


def _check_loss(staged: Staged, has_aux: bool) -> None:
    if has_aux and not (staged.out_tree.type is tuple and staged.out_tree.num_children == 2):
        raise TypeError("with has_aux the function returns a pair (loss, auxiliary data)")
    first = staged.values[0] if staged.values else None
    if not has_aux and len(staged.out) != 1:
        raise TypeError(
            f"a differentiated function returns one scalar, not {len(staged.out)} values"
        )
    if first is None or first.rank != 0 or first.dtype.kind != "f":
        what = "no floating value"
        if first is not None:
            what = f"shape {shown_shape(first.shape)}, {first.dtype}"
        raise TypeError(
            f"grad needs a function that returns a real scalar, not {what}: reduce arrays (sum, "
            "mean), take the real part of complex values, or use vjp"
        )


def grad(
    fun: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Gradient:
    """The gradient of a function that returns one real floating scalar.

    Returns a function of the same arguments; its result has the structure of the argument (or, for
    several ``argnums``, a tuple of such). With ``has_aux`` the function returns ``(loss, aux)`` and
    the gradient ``(gradient, aux)``. Gradients of complex arguments follow JAX's convention. The
    caller's arrays are left alone even where ``fun`` changes them; derivatives are with respect to
    their values on entry. Raises TypeError for a result or argument without derivative.
    """
    return Gradient(fun, argnums, has_aux, False)


def value_and_grad(
    fun: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Gradient:
    """``(value, gradient)`` of a function, see ``grad``; with ``has_aux`` the value is a pair."""
    return Gradient(fun, argnums, has_aux, True)


def _signature(names: Sequence[str]) -> inspect.Signature:
    kind = inspect.Parameter.POSITIONAL_ONLY
    return inspect.Signature([inspect.Parameter(n, kind) for n in names])


class _Jvp(Transform):
    __signature__ = _signature(("primals", "tangents"))

    def __traced_call__(self, ops: Any, *args: Any, **kwargs: Any) -> Any:
        primals, tangents = args
        staged = Staged(ops, self.function, primals, {})
        require_inexact(trees.leaves_of(tuple(primals)), "jvp")
        staged.run(range(len(primals)))
        found, found_tree = trees.flatten(tuple(tangents))
        if found_tree != staged.wrt_tree:
            raise TypeError("tangents have another structure than the arguments")
        wanted = zip(found, staged.params, strict=True)
        dots = [fitted(lift(x).value, p.type, "tangent") for x, p in wanted]
        function, count = staged.twice(), len(staged.function.results)
        transformed = autodiff.jvp(function, range(len(staged.params)))
        # jvp takes the tangents after all parameters, outer values included
        out = staged.inline(staged.derived(transformed, len(function.results)), dots)
        inexact = sum(v.dtype.kind in "fc" for v in staged.function.results)
        moved = out[len(out) - inexact :]
        return staged.rebuild(out[:count]), tangent_tree(staged, moved)


def jvp(
    fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]
) -> tuple[Any, Any]:
    """``(fun(*primals), directional derivative along tangents)``, by forward mode.

    ``tangents`` has the structure, shapes and dtypes of ``primals``. Raises TypeError otherwise.
    """
    result: tuple[Any, Any] = _apply(_Jvp, fun, "jvp", tuple(primals), tuple(tangents))
    return result


class _Vjp(Transform):
    __signature__ = _signature(("primals", "cotangents"))

    def __traced_call__(self, ops: Any, *args: Any, **kwargs: Any) -> Any:
        primals, cotangents = args
        staged = Staged(ops, self.function, primals, {})
        require_inexact(trees.leaves_of(tuple(primals)), "vjp")
        staged.run(range(len(primals)))
        function, count = staged.twice(), len(staged.function.results)
        function = replace(function, results=function.results[len(function.results) - count :])
        transformed = autodiff.vjp(function, range(len(staged.params)))
        if transformed.diverges:
            staged.inline(transformed)
        cts, tree = trees.flatten(cotangents)
        if tree != staged.out_tree:
            raise TypeError("cotangents have another structure than the results")
        both = zip(cts, staged.values, strict=True)
        kept = [c for c, v in both if v is not None and v.dtype.kind in "fc"]
        values = _cotangents(staged, transformed, [lift(c).value for c in kept])
        out = staged.inline(staged.derived(transformed, count), values)
        grads = out[count:]
        leaves = [gradient_like(x, v) for x, v in zip(staged.wrt, grads, strict=True)]
        return trees.unflatten(staged.wrt_tree, leaves)


def _cotangents(staged: Staged, transformed: Function, given: Sequence[Value]) -> list[Value]:
    """What ``autodiff.vjp`` takes after the parameters: before a cotangent the extents of it that
    only the function finds."""
    count = len(staged.function.params)
    mapping = dict(zip(transformed.params, staged.operands, strict=False))
    values: list[Value] = []
    found, own = iter(given), []
    for p in transformed.params[count:]:
        if p.type == INDEX:
            own.append(p)
            continue
        value = next(found)
        if value.rank == p.rank:
            sizes = dict(zip(p.shape, value.shape, strict=True))
            mapping.update((q, current().b.index(sizes[q.dim])) for q in own)
            values += [mapping[q] for q in own]
        values.append(fitted(value, rename_type(p.type, mapping), "cotangent"))
        own = []
    return values


def vjp(fun: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """``(fun(*primals), pullback)``; ``pullback(cotangents)`` gives one cotangent per argument.

    ``cotangents`` has the structure of the result. Nothing is conjugated: a cotangent ``c`` pairs
    with a tangent ``t`` as ``Re(c * t)``. The pullback runs the function again.
    """
    value = _apply(_Value, fun, "value", *_copies(primals))
    kept = _copies(primals)
    return value, lambda cotangents: _apply(_Vjp, fun, "vjp", kept, cotangents)


class _Value(Transform):
    """The function itself, on arguments that it may change."""

    def __traced_call__(self, ops: Any, *args: Any, **kwargs: Any) -> Any:
        return ops.call(self.function, *args)


def _apply(kind: type[Transform], fun: Callable[..., Any], what: str, *args: Any) -> Any:
    """Call the transform of a function; inside a trace it is inlined there."""
    made = kind(fun, what)
    return current().operators.call(made, *args) if active() else made(*args)


def _copies(primals: tuple[Any, ...]) -> tuple[Any, ...]:
    copies = trees.map_leaves(lambda x: np.array(x) if isinstance(x, np.ndarray) else x, primals)
    return own(copies) if active() else copies  # type: ignore[no-any-return]
