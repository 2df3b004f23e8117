"""``check_grads``: derivatives against differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tracejit.calls.deopt import DeoptState
from tracejit.errors import UnsupportedError, throw
from tracejit.trace.session.assumption_sets import AssumptionFailed, AssumptionSet, TraceAssumptions
from tracejit.transforms.requirements import require_tuple


def check_grads(
    fun: Callable[..., Any],
    args: Sequence[Any],
    order: int = 2,
    modes: str | Sequence[str] = ("fwd", "rev"),
    eps: float | None = None,
) -> None:
    """Check derivatives of ``fun`` at ``args`` up to ``order``.

    Forward mode against central differences, reverse mode against forward mode by the dot-product
    identity. ``modes`` are those of JAX: ``("rev",)`` checks reverse mode alone, against
    differences, for functions that have no other (``custom_vjp``). ``eps`` is the step of the
    differences, where a kink is near. Floating and complex leaves of
    ``args`` are differentiated, and from the second order on cotangents as well. AssertionError
    where a derivative is wrong, ValueError for other modes and orders.

        check_grads(lambda x: np.sum(np.tanh(x)), (np.ones(3),))
    """
    args = require_tuple(args, "check_grads: args", "check_grads(f, (x,))")
    if not isinstance(order, int) or order < 1:
        throw(ValueError(f"check_grads: order is 1, 2 or more, not {order!r}"))
    modes = (modes,) if isinstance(modes, str) else modes
    if not modes or any(mode not in ("fwd", "rev") for mode in modes):
        throw(ValueError(f"check_grads: modes are 'fwd' and 'rev', not {modes!r}"))
    from tracejit.autodiff.numeric import check_function
    from tracejit.calls.compiler import traced_function
    from tracejit.calls.ir_functions import run_function
    from tracejit.passes.stabilize import stabilize

    deopt = DeoptState()
    while True:
        assumptions = TraceAssumptions(deopt.assumed or AssumptionSet())
        function, values, wrt = traced_function(fun, args, assumptions, order)
        if not wrt:
            raise UnsupportedError("check_grads needs at least one floating or complex argument")
        try:
            check_function(
                function,
                values,
                wrt,
                run_function,
                order=order,
                modes=modes,
                step=eps,
                prepare=stabilize,
            )
        except AssumptionFailed as wrong:
            deopt.learn(wrong, assumptions)
        else:
            return
