"""Functions that say how they are differentiated: ``custom_jvp``, ``custom_vjp``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tracejit.errors import throw
from tracejit.transforms.custom_calls import Custom, CustomCall, P, R, Rule
from tracejit.transforms.rule_bodies import jvp_body, vjp_bodies
from tracejit.transforms.staged import StagedBody


class custom_jvp(Custom[P, R]):  # noqa: N801  (used as a decorator)
    """A function with a rule for tangents.

    ``f.defjvp(rule)``: ``rule(primals, tangents)`` gives the result and its tangent, of the
    result's structure, shapes and dtypes, linear in the tangents; arguments in ``nondiff_argnums``
    come before the primals, as they are. Tangents of integers are 0. It serves all transforms,
    reverse mode by transposing the rule. TypeError where a rule gives another structure, or where
    the function closes over a value that is differentiated.

        @custom_jvp
        def f(x):
            return np.log1p(np.exp(x))

        @f.defjvp
        def rule(primals, tangents):
            (x,), (t,) = primals, tangents
            return f(x), t / (1.0 + np.exp(-x))
    """

    rule = "jvp"

    def __init__(self, function: Callable[P, R], nondiff_argnums: int | Sequence[int] = ()) -> None:
        super().__init__(function, nondiff_argnums)
        self.jvp: Rule | None = None

    def defjvp(self, rule: Rule) -> Rule:
        """Give the rule; returns it, so that it may be used as a decorator. TypeError for one that
        cannot take its arguments."""
        self._require_takes(rule, "rule", "primals, tangents")
        self.jvp = rule
        return rule

    def defjvps(self, *rules: Rule | None) -> None:
        """A rule per argument: ``rule(tangent, result, *primals)`` gives what it adds to the
        result's tangent; None adds nothing."""
        function: Callable[..., Any] = self

        def rule(*args: Any) -> Any:
            *fixed, primals, tangents = args
            result = function(*fixed, *primals)
            parts = [
                r(t, result, *primals)
                for r, t in zip(rules, tangents, strict=True)
                if r is not None
            ]
            total = parts[0] if parts else 0.0 * result
            for part in parts[1:]:
                total = total + part
            return result, total

        self.jvp = rule

    def bodies(self, call: CustomCall) -> list[StagedBody]:
        if self.jvp is None:
            throw(TypeError(f"{self.rule_name} has no rule: give one by defjvp"))
        return [jvp_body(self, call, self.jvp)]


class custom_vjp(Custom[P, R]):  # noqa: N801  (used as a decorator)
    """A function with a rule for reverse mode.

    ``f.defvjp(forward, backward)``: ``forward`` takes the arguments and gives the result and any
    residuals; ``backward(residuals, cotangents)`` gives a tuple with one cotangent per argument,
    None for one that is zero. Arguments in ``nondiff_argnums`` stay where they are in ``forward``
    and come first in ``backward``. TypeError in forward mode, where a rule gives another structure,
    and where the function closes over a value that is differentiated.

        @custom_vjp
        def clipped(x):
            return x

        clipped.defvjp(lambda x: (x, None), lambda residuals, ct: (np.clip(ct, -1.0, 1.0),))
    """

    rule = "vjp"

    def __init__(self, function: Callable[P, R], nondiff_argnums: int | Sequence[int] = ()) -> None:
        super().__init__(function, nondiff_argnums)
        self.rules: tuple[Rule, Rule] | None = None

    def defvjp(self, forward: Rule, backward: Rule) -> None:
        """Give the rule. TypeError for a ``backward`` that cannot take its arguments."""
        self._require_takes(backward, "backward", "residuals, cotangents")
        self.rules = forward, backward

    def bodies(self, call: CustomCall) -> list[StagedBody]:
        if self.rules is None:
            throw(TypeError(f"{self.rule_name} has no rule: give one by defvjp"))
        return vjp_bodies(self, call, self.rules)
