"""Derivatives of Python functions: ``grad``, ``value_and_grad``, ``jvp``, ``hvp``.

A transformed function is traced like any other: inside a trace its function becomes an IR function
of its own, is transformed (``autodiff/``) and inlined. Called from Python it is compiled first.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, TypeVar, overload

from tracejit import autodiff
from tracejit.autodiff.tangents import active_results
from tracejit.dtypes import is_complex, is_inexact, kind_of
from tracejit.errors import throw
from tracejit.ir.core import Value
from tracejit.trace.session.concretize import shown_shape
from tracejit.trace.values.all import lift
from tracejit.trace.values.chosen_constants import ChosenConstant
from tracejit.transforms.chosen import Chosen, asked_of
from tracejit.transforms.outermost import outermost
from tracejit.transforms.requirements import (
    kind_of_object,
    named_positional,
    require_inexact,
    require_numbers,
    require_structure,
    require_tuple,
)
from tracejit.transforms.staged import Staged, check_aux, fitted, gradient_like, tangent_tree
from tracejit.transforms.transform import Transform, applied, shown

if TYPE_CHECKING:
    from tracejit.callables import Transformed

P = ParamSpec("P")
X = TypeVar("X", bound=Any)  # so that lambdas of it are accepted
R = TypeVar("R")
A = TypeVar("A")


class Gradient(Transform):
    """``grad`` and ``value_and_grad``."""

    def __init__(
        self,
        function: Callable[..., Any],
        argnums: int | Sequence[int],
        has_aux: bool,
        with_value: bool,
        holomorphic: bool = False,
        argnames: str | Sequence[str] | None = None,
        disconnected: str = "ignore",
    ) -> None:
        super().__init__(function, "value_and_grad" if with_value else "grad")
        self.asked = asked_of(argnums, argnames, self.what)
        if disconnected not in ("ignore", "raise"):
            throw(ValueError(f'disconnected_inputs is "ignore" or "raise", not {disconnected!r}'))
        self.has_aux, self.with_value = has_aux, with_value
        self.holomorphic, self.disconnected = holomorphic, disconnected

    @property
    def options(self) -> tuple[Hashable, ...]:
        how = self.has_aux, self.with_value, self.holomorphic, self.disconnected
        return self.asked, *how

    def __traced_call__(self, ops: Any, /, *args: Any, **kwargs: Any) -> Any:
        chosen = Chosen(shown(self), self.function, self.asked, args, kwargs)
        require_inexact(shown(self), chosen.named())
        staged = Staged(ops, chosen, chosen.values)
        staged.run()
        if not staged.function.diverges:
            self._check_loss(staged)
            self._check_connected(chosen, staged)
        both, count = staged.twice(), len(staged.function.results)
        loss = len(both.results) - count if count else 0
        gradient = autodiff.grad(
            both, range(len(staged.params)), loss, holomorphic=self.holomorphic
        )
        out = staged.inline(staged.derived(gradient, len(both.results)))
        value = staged.rebuild(out[:count])
        found = out[len(both.results) :]
        grads = staged.of_arguments(
            [gradient_like(x, v) for x, v in zip(staged.wrt, found, strict=True)]
        )
        grads = grads[0] if chosen.single else grads
        if self.with_value:
            return value, grads
        return (grads, value[1]) if self.has_aux else grads

    def _check_loss(self, staged: Staged) -> None:
        name = f"{shown(self)}:"
        check_aux(staged, self.has_aux, name)
        first = staged.values[0] if staged.values else None
        if not self.has_aux and len(staged.out) != 1:
            throw(
                TypeError(
                    f"{name} a differentiated function returns one scalar, not {len(staged.out)} "
                    "values; with has_aux=True it returns a pair of it and of anything else"
                )
            )
        kind, scalar = ("c", "complex") if self.holomorphic else ("f", "real")
        if self.holomorphic and any(not is_complex(v.dtype) for v in staged.wrt_values):
            throw(TypeError(f"{name} with holomorphic=True the arguments are complex"))
        if first is None or first.rank != 0 or kind_of(first.dtype) != kind:
            result = staged.out[0] if staged.out else None
            if isinstance(result, ChosenConstant):
                first, result = None, result.choices[0]
            what = kind_of_object(result)
            if first is not None:
                what = f"shape {shown_shape(first.shape)}, {first.dtype}"
            throw(
                TypeError(
                    f"{name} needs a function that returns a {scalar} scalar, not {what}: "
                    f"{self._instead(first)}"
                )
            )

    def _instead(self, result: Value | None) -> str:
        """What to do where a result is not the scalar that it has to be."""
        if result is None:
            return "return the loss"
        if result.rank:
            return "reduce it (sum, mean), or take vjp, jacrev, or vmap of grad"
        if self.holomorphic:
            return "leave out holomorphic=True"
        if is_complex(result.dtype):
            return "take its real part, or say holomorphic=True where the function is"
        return "it has no derivative; with has_aux=True it is returned beside the loss"

    def _check_connected(self, chosen: Chosen, staged: Staged) -> None:
        if self.disconnected == "ignore":
            return
        count = len(staged.function.params)
        names = [name for name, x in chosen.named() if x is not None]
        for k, name in enumerate(names):
            if not active_results(staged.function, [j == k for j in range(count)])[0]:
                throw(
                    ValueError(
                        f"{shown(self)}: the result does not depend on {name} "
                        '(disconnected_inputs="raise")'
                    )
                )


@overload
def grad(
    fun: Callable[Concatenate[X, P], Any],
    argnums: Literal[0] = ...,
    has_aux: Literal[False] = ...,
    holomorphic: bool = ...,
    *,
    argnames: None = ...,
    disconnected_inputs: Literal["ignore", "raise"] = ...,
) -> Transformed[Concatenate[X, P], X]: ...
@overload
def grad(
    fun: Callable[Concatenate[X, P], tuple[Any, A]],
    argnums: Literal[0] = ...,
    *,
    has_aux: Literal[True],
    holomorphic: bool = ...,
    argnames: None = ...,
    disconnected_inputs: Literal["ignore", "raise"] = ...,
) -> Transformed[Concatenate[X, P], tuple[X, A]]: ...
@overload
def grad(
    fun: Callable[P, Any],
    argnums: int | Sequence[int] = ...,
    has_aux: bool = ...,
    holomorphic: bool = ...,
    *,
    argnames: str | Sequence[str] | None = ...,
    disconnected_inputs: Literal["ignore", "raise"] = ...,
) -> Transformed[P, Any]: ...
@overload
def grad(  # type: ignore[overload-cannot-match]  # lambdas do
    fun: Callable[..., Any],
    argnums: int | Sequence[int] = ...,
    has_aux: bool = ...,
    holomorphic: bool = ...,
    *,
    argnames: str | Sequence[str] | None = ...,
    disconnected_inputs: Literal["ignore", "raise"] = ...,
) -> Transformed[..., Any]: ...
@outermost
def grad(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
    disconnected_inputs: Literal["ignore", "raise"] = "ignore",
) -> Any:
    """The gradient of a function that returns one real floating scalar.

    Returns a function of the same arguments; its result has the structure of the argument (or, for
    several ``argnums``, a tuple of such); None among leaves stays None. ``argnames`` chooses
    arguments by name in place of ``argnums``. With ``has_aux`` the function returns ``(loss, aux)``
    and the gradient ``(gradient, aux)``. Gradients of complex arguments follow JAX's convention;
    with ``holomorphic`` arguments and result are complex, and it is the derivative. What the result
    does not depend on has the gradient zero, or raises ValueError where ``disconnected_inputs`` is
    "raise". The caller's arrays are left alone even where ``fun`` changes them; derivatives are
    with respect to their values on entry. Raises TypeError for a result or argument without
    derivative.

        def loss(w, x):
            return np.sum(w * x) ** 2

        slope = grad(loss)(np.ones(3), np.arange(3.0))
        assert slope.tolist() == [0.0, 6.0, 12.0]
    """
    return Gradient(fun, argnums, has_aux, False, holomorphic, argnames, disconnected_inputs)


@overload
def value_and_grad(
    fun: Callable[Concatenate[X, P], R],
    argnums: Literal[0] = ...,
    has_aux: Literal[False] = ...,
    holomorphic: bool = ...,
    *,
    argnames: None = ...,
    disconnected_inputs: Literal["ignore", "raise"] = ...,
) -> Transformed[Concatenate[X, P], tuple[R, X]]: ...
@overload
def value_and_grad(  # type: ignore[overload-overlap]  # lambdas match the last
    fun: Callable[Concatenate[X, P], R],
    argnums: Literal[0] = ...,
    *,
    has_aux: Literal[True],
    holomorphic: bool = ...,
    argnames: None = ...,
    disconnected_inputs: Literal["ignore", "raise"] = ...,
) -> Transformed[Concatenate[X, P], tuple[R, X]]: ...
@overload
def value_and_grad(
    fun: Callable[P, R],
    argnums: int | Sequence[int] = ...,
    has_aux: bool = ...,
    holomorphic: bool = ...,
    *,
    argnames: str | Sequence[str] | None = ...,
    disconnected_inputs: Literal["ignore", "raise"] = ...,
) -> Transformed[P, tuple[R, Any]]: ...
@overload
def value_and_grad(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] = ...,
    has_aux: bool = ...,
    holomorphic: bool = ...,
    *,
    argnames: str | Sequence[str] | None = ...,
    disconnected_inputs: Literal["ignore", "raise"] = ...,
) -> Transformed[..., Any]: ...
@outermost
def value_and_grad(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
    disconnected_inputs: Literal["ignore", "raise"] = "ignore",
) -> Any:
    """``(value, gradient)`` of a function, see ``grad``; with ``has_aux`` the value is a pair.

    Raises what ``grad`` raises. Inside ``jit`` the value and the gradient are one computation.

        value, slope = value_and_grad(lambda w: np.sum(w**2))(np.array([1.0, 2.0]))
        assert value == 5.0
        assert slope.tolist() == [2.0, 4.0]
    """
    return Gradient(fun, argnums, has_aux, True, holomorphic, argnames, disconnected_inputs)


def _signature(names: Sequence[str]) -> inspect.Signature:
    kind = inspect.Parameter.POSITIONAL_ONLY
    return inspect.Signature([inspect.Parameter(n, kind) for n in names])


class _Jvp(Transform):
    __signature__ = _signature(("primals", "tangents"))

    def example(self, args: tuple[Any, ...], kwargs: Any) -> tuple[tuple[Any, ...], Any]:
        return args[0], {}

    def __traced_call__(self, ops: Any, /, *args: Any, **kwargs: Any) -> Any:
        primals, tangents = args
        staged = Staged(ops, self.function, primals)
        require_inexact(shown(self), named_positional(self.function, primals))
        staged.run()
        name = shown(self)
        found = require_structure(
            tuple(tangents), staged.wrt_tree, f"{name}: tangents have", "the arguments"
        )
        moved = [t for t, x in zip(found, staged.wrt_leaves, strict=True) if x is not None]
        require_numbers(moved, f"{name}: a tangent")
        wanted = zip(moved, staged.params, strict=True)
        dots = [fitted(lift(x).value, p.type, "tangent") for x, p in wanted]
        function, count = staged.twice(), len(staged.function.results)
        transformed = autodiff.jvp(function, range(len(staged.params)))
        # jvp takes the tangents after all parameters, outer values included
        out = staged.inline(staged.derived(transformed, len(function.results)), dots)
        inexact = sum(is_inexact(v.dtype) for v in staged.function.results)
        return staged.rebuild(out[:count]), tangent_tree(staged, out, out[len(out) - inexact :])


@outermost
def jvp(fun: Callable[..., R], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[R, R]:
    """``(fun(*primals), directional derivative along tangents)``, by forward mode.

    ``tangents`` has the structure, shapes and dtypes of ``primals``. Raises TypeError otherwise.

        value, moved = jvp(lambda x: x * x, (3.0,), (1.0,))
        assert (value, moved) == (9.0, 6.0)
    """
    use = "jvp(f, (x,), (v,))"
    transform = _Jvp(fun, "jvp")
    at = require_tuple(primals, "jvp: primals", use)
    result: tuple[R, R] = applied(transform, at, require_tuple(tangents, "jvp: tangents", use))
    return result


@outermost
def hvp(
    fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]
) -> tuple[Any, ...]:
    """The Hessian of a scalar function at ``primals`` times ``tangents``, forward over reverse.

    ``tangents`` has the structure, shapes and dtypes of ``primals``, and so has the answer: a tuple
    of one product per argument. It costs a few gradients, whatever the number of parameters.

        def cubes(x):
            return np.sum(x**3)

        (product,) = hvp(cubes, (np.array([1.0, 2.0]),), (np.array([1.0, 0.0]),))
        assert product.tolist() == [6.0, 0.0]
    """
    use = "hvp(f, (x,), (v,))"
    at = require_tuple(primals, "hvp: primals", use)
    slope = Gradient(fun, tuple(range(len(at))), False, False)
    product: tuple[Any, ...] = jvp(slope, at, require_tuple(tangents, "hvp: tangents", use))[1]
    return product
