"""Calls of functions that say how they are differentiated: a ``call`` that holds its rule.

Called from Python, or where no derivative is taken, they are the function that they were made of.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from tracejit import trees
from tracejit.dtypes import is_inexact
from tracejit.errors import StructureError, UnsupportedError, throw
from tracejit.ir.core import Function, Value, type_uses
from tracejit.signatures import own_signature
from tracejit.trace.session.raising import Diverged
from tracejit.trace.session.regions import Free, diverged
from tracejit.trace.session.session import active, current
from tracejit.trace.values.all import Array, Tracer, lift
from tracejit.transforms.requirements import (
    require_function,
)
from tracejit.transforms.staged import StagedBody, like, traced_body
from tracejit.transforms.transform import shown

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
S = TypeVar("S")
X = TypeVar("X")
Rule = Callable[..., Any]
FUNCTION = "the function"


class Custom(Generic[P, R]):
    """A function with a derivative rule of its own; ``rule`` says which kind."""

    rule = ""
    #: More that its ``call`` says.
    attrs: dict[str, Any] = {}  # noqa: RUF012  (subclasses have their own)

    def __init__(self, function: Callable[P, R], nondiff_argnums: int | Sequence[int] = ()) -> None:
        require_function(function, type(self).__name__.strip("_").lower())
        self.function = function
        self.nondiff_argnums = (
            (nondiff_argnums,) if isinstance(nondiff_argnums, int) else tuple(nondiff_argnums)
        )
        functools.update_wrapper(self, function, updated=())

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if active():
            return current().operators.call(self, *args, **kwargs)  # type: ignore[no-any-return]
        return self.function(*args, **kwargs)

    @overload
    def __get__(self, instance: None, owner: Any = None) -> Custom[P, R]: ...
    @overload
    def __get__(
        self: Custom[Concatenate[S, Q], X], instance: S, owner: Any = None
    ) -> Callable[Q, X]: ...
    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __traced_call__(self, ops: Any, /, *args: Any, **kwargs: Any) -> Any:
        ops.session.outside.called(self.function)
        if not ops.session.orders:
            return ops.call(self.function, *args, **kwargs)
        args, kwargs = self._bound(args, kwargs)
        if kwargs:
            throw(TypeError(f"{self.rule_name}: keyword-only arguments cannot be differentiated"))
        return CustomCall(ops, self, args).emit()

    def _bound(self, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """The arguments by position, those left out with their defaults; what can only be passed by
        name, where it is."""
        if not kwargs and self.rule not in ("jvp", "vjp"):
            return args, kwargs
        bound = own_signature(self.function).bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.args, {k: v for k, v in bound.kwargs.items() if k in kwargs}

    def _require_takes(self, rule: Any, what: str, arguments: str) -> None:
        """Raise TypeError for a rule that a call with these arguments does not fit."""
        count = len(self.nondiff_argnums)
        try:
            own_signature(rule).bind(*range(count + 2))
        except TypeError:
            fixed = f", after {count} of nondiff_argnums" if count else ""
            throw(TypeError(f"{self.rule_name}: {what} takes ({arguments}){fixed}"))
        except ValueError:
            return  # a builtin tells no signature

    @property
    def rule_name(self) -> str:
        """How errors name it."""
        return f"{type(self).__name__.strip('_').lower()} of {shown(self.function)}"

    def primal(self, ops: Any, args: Sequence[Any]) -> Any:
        """The function called as it is."""
        return ops.call(self.function, *args)

    def bodies(self, call: CustomCall) -> list[StagedBody]:
        """The bodies of the rule, to be closed after that of the function."""
        return []


class CustomCall:
    """One call of such a function: its arguments apart, and its bodies."""

    def __init__(self, ops: Any, custom: Custom[..., Any], args: Sequence[Any]) -> None:
        self.ops, self.custom, self.args = ops, custom, list(args)
        count = len(self.args)
        fixed = {n % count for n in custom.nondiff_argnums if -count <= n < count}
        self.fixed = [self.args[n] for n in sorted(fixed)]
        self.places = [n for n in range(count) if n not in fixed]
        self.leaves, self.tree = trees.flatten(tuple(self.args[n] for n in self.places))
        self.moving = [k for k, x in enumerate(self.leaves) if _is_number(x)]
        self.operands = [lift(self.leaves[k]).value for k in self.moving]
        self.inexact = [k for k, v in enumerate(self.operands) if is_inexact(v.dtype)]

    def params(self) -> list[Value]:
        """Parameters for the arguments that are numbers."""
        return [Value(v.type) for v in self.operands]

    def chosen(self, params: Sequence[Value]) -> tuple[Any, ...]:
        """The differentiable arguments, in terms of parameters."""
        inner = list(self.leaves)
        for k, p in zip(self.moving, params, strict=True):
            inner[k] = like(self.leaves[k], p)
        return trees.unflatten(self.tree, inner)  # type: ignore[no-any-return]

    def whole(self, params: Sequence[Value]) -> list[Any]:
        """All arguments in their order."""
        args = list(self.args)
        for n, x in zip(self.places, self.chosen(params), strict=True):
            args[n] = x
        return args

    def body(
        self, what: str, params: Sequence[Value], call: Callable[[], Any], orders: int
    ) -> StagedBody:
        """Trace a body, which changes nothing outside of it."""
        made = traced_body(self.ops, what, params, call, orders)
        if what != FUNCTION and diverged(made.builder):
            last = made.builder.instrs[-1]
            at = f" at {last.loc.shown}" if last.loc else ""
            raised = f"{last.attrs['exc']}: {last.attrs['message']}"
            raise StructureError(f"{self.custom.rule_name}: {what} always raises{at} ({raised})")
        if made.wrote:
            raise UnsupportedError(
                f"{self.custom.rule_name}: {what} writes to an array that is not its own; "
                "write to a copy and return it"
            )
        return made

    def emit(self) -> Any:
        """The ``call`` instruction; the function's result."""
        session, params = current(), self.params()
        given: list[Any] = []

        def primal() -> Any:
            given.append(self.whole(params))
            result = self.custom.primal(self.ops, given[0])
            self._require_unchanged(given[0], params)
            return result

        # What a rule stands for is not differentiated; what is checkpointed is.
        orders = session.orders if self.custom.rule == "checkpoint" else 0
        self.primal = self.body(FUNCTION, params, primal, orders)
        bodies = [self.primal]
        if not diverged(self.primal.builder):
            self._require_known_extents()
            bodies += self.custom.bodies(self)
        free = Free(session)
        for body in bodies:
            free.scan(body.builder, body.results)
        regions = tuple(body.closed(free) for body in bodies)
        if regions[0].diverges:
            session.b.inline(regions[0], [*self.operands, *free.values])
            raise Diverged
        if self.custom.rule == "checkpoint" and self._is_sized_inside():
            results = iter(session.b.inline(regions[0], [*self.operands, *free.values]))
        else:
            results = self._emitted(regions, free)
        leaves = [
            x if v is None else like(x, next(results))
            for x, v in zip(self.primal.out, self.primal.values, strict=True)
        ]
        return trees.unflatten(self.primal.tree, leaves)

    def _require_known_extents(self) -> None:
        """StructureError for a function with a rule, which could not say of what shape its own
        results are."""
        if self.custom.rule != "checkpoint" and self._is_sized_inside():
            raise StructureError(
                f"{self.custom.rule_name}: how long the result is, is known when the function has "
                "run only; take the elements (x[x > 0], x[:n]) outside of it"
            )

    def _is_sized_inside(self) -> bool:
        """Whether a result has an extent that is computed in the function."""
        made = {v for instr in self.primal.builder.instrs for v in instr.results}
        return any(v in made for r in self.primal.results for v in type_uses(r.type))

    def _emitted(self, regions: tuple[Function, ...], free: Free) -> Any:
        session, rule = current(), self.custom.rule
        count = len(self.operands) + (len(free.values) if rule == "checkpoint" else 0)
        attrs = {"rule": rule, "args": count, **self.custom.attrs}
        operands = [*self.operands, *free.values]
        return iter(session.b.append("call", operands, attrs, regions, session.loc).results)

    def _require_unchanged(self, args: Sequence[Any], params: Sequence[Value]) -> None:
        leaves = trees.leaves_of(tuple(args[n] for n in self.places))
        for k, p in zip(self.moving, params, strict=True):
            if isinstance(leaves[k], Array) and leaves[k].read() is not p:
                raise UnsupportedError(
                    f"{self.custom.rule_name}: the function changes its argument, which its rule "
                    "would not show; change a copy and return it"
                )


def _is_number(x: Any) -> bool:
    """Whether a leaf may have a derivative; an int that is known stays what it is: an axis, say."""
    return isinstance(x, Tracer | float | complex) or hasattr(x, "dtype")
