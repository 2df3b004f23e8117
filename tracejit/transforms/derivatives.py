"""Derivatives of Python functions: ``grad``, ``value_and_grad``, ``jvp``, ``hvp``.

A transformed function is traced like any other: inside a trace its function becomes an IR function
of its own, is transformed (``autodiff/``) and inlined. Called from Python it is compiled first.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from tracejit import autodiff, trees
from tracejit.trace.known import shown_shape
from tracejit.trace.values import lift
from tracejit.transforms.staged import (
    Staged,
    check_aux,
    fitted,
    gradient_like,
    require_inexact,
    tangent_tree,
)
from tracejit.transforms.transform import Transform, applied, checked_argnums, shown


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
        self.argnums = checked_argnums(argnums, self.what)
        self.has_aux = has_aux
        self.with_value = with_value

    @property
    def options(self) -> tuple[Hashable, ...]:
        return self.argnums, self.has_aux, self.with_value

    def __traced_call__(self, ops: Any, *args: Any, **kwargs: Any) -> Any:
        single = isinstance(self.argnums, int)
        argnums = [self.argnums] if isinstance(self.argnums, int) else list(self.argnums)
        argnums = [_argnum(n, len(args)) for n in argnums]
        staged = Staged(ops, self.function, args, kwargs)
        require_inexact(tuple(args[n] for n in argnums), shown(self))
        staged.run(argnums)
        if not staged.function.diverges:
            _check_loss(staged, self.has_aux, self)
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


def _check_loss(staged: Staged, has_aux: bool, transform: Transform) -> None:
    name = f"{shown(transform)}:"
    check_aux(staged, has_aux, name)
    first = staged.values[0] if staged.values else None
    if not has_aux and len(staged.out) != 1:
        raise TypeError(
            f"{name} a differentiated function returns one scalar, not {len(staged.out)} values; "
            "with has_aux=True it returns a pair of it and of anything else"
        )
    if first is None or first.rank != 0 or first.dtype.kind != "f":
        what = _kind_of(staged.out[0] if staged.out else None)
        if first is not None:
            what = f"shape {shown_shape(first.shape)}, {first.dtype}"
        raise TypeError(
            f"{name} needs a function that returns a real scalar, not {what}: reduce arrays (sum, "
            "mean), take the real part of complex values, or use vjp"
        )


def _kind_of(x: Any) -> str:
    return "None" if x is None else f"a {type(x).__name__}"


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
        require_inexact(tuple(primals), shown(self))
        staged.run(range(len(primals)))
        found, found_tree = trees.flatten(tuple(tangents))
        if found_tree != staged.wrt_tree:
            raise TypeError(f"{shown(self)}: tangents have another structure than the arguments")
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
    result: tuple[Any, Any] = applied(_Jvp(fun, "jvp"), tuple(primals), tuple(tangents))
    return result


def hvp(
    fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]
) -> tuple[Any, ...]:
    """The Hessian of a scalar function at ``primals`` times ``tangents``, forward over reverse.

    ``tangents`` has the structure, shapes and dtypes of ``primals``, and so has the answer: a tuple
    of one product per argument. It costs a few gradients, whatever the number of parameters.

        (product,) = hvp(loss, (x,), (v,))
    """
    slope = Gradient(fun, tuple(range(len(primals))), False, False)
    product: tuple[Any, ...] = jvp(slope, primals, tangents)[1]
    return product
