"""Rules that are ready: ``checkpoint``, ``custom_gradient``, ``stop_gradient`` and their kin."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

import numpy as np

from tracejit import trees
from tracejit.errors import StructureError, throw
from tracejit.transforms.custom_calls import Custom, CustomCall
from tracejit.transforms.custom_rules import custom_jvp, custom_vjp
from tracejit.transforms.outermost import outermost
from tracejit.transforms.requirements import kind_of_object, require_function
from tracejit.transforms.transform import shown

if TYPE_CHECKING:
    from tracejit.callables import Transformed

P = ParamSpec("P")
R = TypeVar("R")
X = TypeVar("X")


class _Checkpoint(Custom[P, R]):
    rule = "checkpoint"

    def __init__(self, function: Callable[P, R], keep: str) -> None:
        super().__init__(function)
        self.attrs = {"keep": keep} if keep else {}


class _Stop(Custom[P, R]):
    rule = "stop"

    def __traced_call__(self, ops: Any, /, *args: Any, **kwargs: Any) -> Any:
        return CustomCall(ops, self, args).emit()


#: What ``checkpoint`` keeps besides arguments, by policy; None: all, as without it.
_POLICIES: dict[str, str | None] = {
    "nothing_saveable": "",
    "dots_saveable": "dots",
    "everything_saveable": None,
}


@outermost
def checkpoint(
    fun: Callable[P, R],
    *,
    policy: Literal["nothing_saveable", "dots_saveable", "everything_saveable"] = (
        "nothing_saveable"
    ),
) -> Transformed[P, R]:
    """``fun``, of which reverse mode keeps the arguments only and computes the rest again.

    Values and derivatives are those of ``fun``; memory is less. In a loop of ``n`` steps that calls
    a checkpointed loop of ``n`` steps, what is kept grows with ``n``, not with ``n * n``. With the
    ``policy`` "dots_saveable" products of matrices and results of LAPACK are kept too, outside of
    loops and branches in ``fun``; "everything_saveable" is ``fun`` itself, as is a function whose
    result has an extent that it computes (``x[x > 0]``). UnsupportedError where the function
    changes its arguments, ValueError for another policy.

        def ten_steps(x):
            for _ in range(10):
                x = np.sin(x)
            return x

        def loss(x):
            for _ in range(10):
                x = checkpoint(ten_steps)(x)
            return np.sum(x)

        assert grad(loss)(np.ones(2)).shape == (2,)
    """
    if not isinstance(policy, str) or policy not in _POLICIES:
        given = repr(policy) if isinstance(policy, str) else kind_of_object(policy)
        names = ", ".join(map(repr, _POLICIES))
        throw(ValueError(f"checkpoint: policy is one of {names}, not {given}"))
    require_function(fun, "checkpoint")
    keep = _POLICIES[policy]
    made: Any = fun if keep is None else _Checkpoint(fun, keep)
    return made  # type: ignore[no-any-return]


remat = checkpoint


@outermost
def custom_gradient(fun: Callable[P, tuple[R, Callable[..., Any]]]) -> Transformed[P, R]:
    """A function that returns its result and, beside it, the function of its cotangents.

    ``fun(*args)`` gives ``(result, backward)``; ``backward(cotangents)`` one cotangent per
    argument, as a tuple, or as it is where there is one argument. ``fun`` runs again in reverse
    mode, so that ``backward`` may close over what it computes; where that is dear,
    ``custom_vjp`` names what is kept. Errors are those of ``custom_vjp``.

        @custom_gradient
        def log1pexp(x):
            e = np.exp(x)
            return np.log1p(e), lambda ct: ct * (1.0 - 1.0 / (1.0 + e))

        assert grad(log1pexp)(0.0) == 0.5
    """

    require_function(fun, "custom_gradient")

    def both(*args: Any) -> tuple[Any, Any]:
        found = fun(*args)  # type: ignore[call-arg]
        if not (isinstance(found, tuple | list) and len(found) == 2 and callable(found[1])):
            raise StructureError(
                f"custom_gradient of {shown(fun)}: it returns a pair (result, function of the "
                "cotangents)"
            )
        return found[0], found[1]

    def result(*args: Any) -> Any:
        return both(*args)[0]

    def backward(args: Any, ct: Any) -> Any:
        found = both(*args)[1](ct)
        return found if isinstance(found, tuple | list) and len(found) == len(args) else (found,)

    made: Any = custom_vjp(result)
    functools.update_wrapper(made, fun, updated=())
    made.defvjp(lambda *args: (result(*args), args), backward)
    return made  # type: ignore[no-any-return]


def stop_gradient(x: X) -> X:
    """``x``, a number, array or container of them, as a constant for derivatives: a copy.

    Shape and dtype stay.

        assert grad(lambda x: x * stop_gradient(x))(3.0) == 3.0
    """
    return _stopped(x)  # type: ignore[no-any-return]


def _copied(x: Any) -> Any:
    return trees.map_leaves(lambda v: v.copy() if isinstance(v, np.ndarray) else v, x)


_stopped = _Stop(_copied)


@functools.partial(custom_vjp, nondiff_argnums=(1, 2))
def clip_gradient(x: Any, low: float, high: float) -> Any:
    """``x``, a number, array or container of them, of which the cotangents are clipped to
    ``low .. high``; for reverse mode.

    Forward mode is refused with TypeError.

        slope = grad(lambda x: 10.0 * clip_gradient(x, -1.0, 1.0))(2.0)
        assert slope == 1.0
    """
    return x


clip_gradient.defvjp(
    lambda x, low, high: (x, None),
    lambda low, high, residuals, ct: (_clipped(ct, low, high),),
)


@functools.partial(custom_jvp, nondiff_argnums=(1,))
def scale_gradient(x: Any, factor: float) -> Any:
    """``x``, a number, array or container of them, of which tangents and cotangents are multiplied
    by ``factor``.

    The value is ``x`` itself, in every mode.

        assert grad(lambda x: scale_gradient(x, 0.5) ** 2)(3.0) == 3.0
    """
    return x


@scale_gradient.defjvp
def _scaled(factor: float, primals: Any, tangents: Any) -> Any:
    return primals[0], trees.map_leaves(lambda t: t * factor, tangents[0])


def _clipped(ct: Any, low: float, high: float) -> Any:
    return trees.map_leaves(lambda c: np.clip(c, low, high), ct)
