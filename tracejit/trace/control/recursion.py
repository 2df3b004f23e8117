"""Calls of one function within one another that only run-time values end: a ``recursion``.

Calls are traced in line until there are many, or one is known to have no end there: nothing that
tracing knows differs from the call around it. Then the trace begins again, and the outermost call
becomes an instruction whose body is traced as that of a loop is: on placeholders, again and again
until its arguments and results are of the kinds that it was traced for. In the first trace a call
inside ends it, so the results are those of the calls that make no other.

What calls write of storage that was there before them, they have in turn: the instruction carries
its contents. Where calls do more than give numbers for numbers (they print, pass on other arrays,
change lists), the trace begins once more, with all calls in line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import CodeType, FunctionType
from typing import Any, NoReturn

from tracejit.dtypes import is_inexact
from tracejit.errors import asks
from tracejit.ir.core import Value
from tracejit.records import dataclass
from tracejit.trace.control.branch import trace_side
from tracejit.trace.control.calls_under_way import under_way
from tracejit.trace.control.choices import binding
from tracejit.trace.control.edges import TracedSide
from tracejit.trace.control.nonlocals import alive
from tracejit.trace.control.number_plans import (
    MOST_KINDS,
    Number,
    Tagged,
    is_any_number,
    kinds_of,
    several,
)
from tracejit.trace.control.plans import (
    BindingPlan,
    Invariant,
    Maybe,
    Placeholders,
    Results,
    Structure,
    is_known,
)
from tracejit.trace.control.repeated_calls import acts, repeated
from tracejit.trace.convert import UNDEFINED
from tracejit.trace.session.frames import Restart
from tracejit.trace.session.raising import Diverged, emit_raise
from tracejit.trace.session.regions import Carried, emit_recursion
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, Cell, PyScalar, Scalar, Tracer
from tracejit.trace.values.maybe_unbound import MaybeNone, MaybeUnbound
from tracejit.trace.values.scalar_join import is_number

_TOO_DEEP = "maximum recursion depth exceeded"
_ATTEMPTS = 12


@asks(TypeError)  # a call that does not fit the parameters
def called(
    function: FunctionType,
    owner: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    run: Callable[..., Any],
) -> Any:
    """``run(*args, **kwargs)``, a call of ``function``, as part of a recursion if it is."""
    session, code = current(), function.__code__
    if session.loop_is(code, "recursion") and not session.loop_is(code, "in line"):
        given = Given(owner, args, tuple(kwargs.items()))
        around = [r for r in session.recursions if r.function.__code__ is code]
        if not around:
            return Recursion(function, given, run).result()
        if around[-1] is not session.recursions[-1] or not around[-1].is_of(function):
            _refuse(code)
        return around[-1].again(given)

    def inside(*args: Any, **kwargs: Any) -> Any:
        with under_way(code, (owner, *args), kwargs):
            return run(*args, **kwargs)

    if session.calls.get(code):
        return repeated(function, owner, args, kwargs, inside)
    return inside(*args, **kwargs)


@dataclass(frozen=True)
class Given:
    """What a call is given: the object of a method, arguments, and arguments by name."""

    owner: Any
    args: tuple[Any, ...]
    kwargs: tuple[tuple[str, Any], ...]

    @property
    def values(self) -> tuple[Any, ...]:
        return (self.owner, *self.args, *(x for _, x in self.kwargs))

    @property
    def form(self) -> Any:
        return len(self.args), tuple(name for name, _ in self.kwargs)

    @asks(TypeError)
    def call(self, run: Callable[..., Any], values: list[Any]) -> Any:
        """``run`` on other values in place of these; the object of a method is bound already."""
        count = len(self.args)
        names = (name for name, _ in self.kwargs)
        return run(*values[1 : 1 + count], **dict(zip(names, values[1 + count :], strict=True)))


class Recursion:
    """One recursion: its outermost call, and what has been found of the calls inside."""

    def __init__(self, function: FunctionType, given: Given, run: Callable[..., Any]) -> None:
        self.function = function
        self.given = given
        self.run = run
        self.plans = [self.first(x) for x in given.values]
        self.wider = list(self.plans)
        self.returned: BindingPlan | None = None
        self.example: Any = None
        #: The storage that calls write: each finds it as the one before left it.
        self.written: list[Cell] = []

    def is_of(self, function: FunctionType) -> bool:
        """Whether it is a recursion of this function, with the same variables around it."""
        return function is self.function or (
            not function.__defaults__
            and not function.__kwdefaults__
            and _cells(function) == _cells(self.function)
        )

    def again(self, given: Given) -> Any:
        """A call inside: a ``recur`` once arguments and results are of the kinds expected."""
        session = current()
        if session.catching or given.form != self.given.form:
            self.refuse()  # what a call inside raises ends all of them: no handler would see it
        rows = list(zip(self.plans, self.given.values, given.values, strict=True))
        wider = [self.wider_plan(plan, entry, x) for plan, entry, x in rows]
        fits = wider == self.plans
        self.wider = [
            self.wider_plan(plan, entry, x)
            for plan, entry, x in zip(self.wider, self.given.values, given.values, strict=True)
        ]
        if self.returned is None or not fits:
            emit_raise(session, RecursionError("not reached"))
            raise Diverged
        operands = [v for plan, _, x in rows for v in plan.flatten(x)]
        operands += [session.read_cell(cell) for cell in self.written]
        types = tuple(v.type for v in _placeholders(self.returned, self.example))
        attrs: dict[str, Any] = {"types": types, "exc": "RecursionError", "message": _TOO_DEEP}
        if self.written:
            attrs["arrays"] = len(self.written)
        instr = session.b.append("recur", operands, attrs, (), session.loc)
        for cell, value in zip(self.written, instr.results[len(types) :], strict=True):
            session.write_cell(cell, value)
        numbers = instr.results[: len(types)]
        return self.returned.rebuild(self.example, Results(numbers))

    def result(self) -> Any:
        """The outermost call: the instruction, once a trace of its body bears out the plans."""
        session = current()
        if session.catching:
            self.refuse()
        before = len(session.refusals)
        for _ in range(_ATTEMPTS):
            self.wider = list(self.plans)
            del session.refusals[before:]
            out = Placeholders()
            side = self._traced(out)
            wider, returned = self.wider, None
            if not side.raised:
                returned = self._returned(side.value)
            elif wider == self.plans:
                self.refuse()
            written = self._written(side)
            if (wider, returned, written) == (self.plans, self.returned, self.written):
                refusals = session.refusals[before:]
                del session.refusals[before:]
                session.settle(refusals)
                return self._emitted(side, out)
            if wider != self.plans:  # what it gave may be of what it was given
                self.plans, returned = wider, None
            self.written = written
            self.returned, self.example = returned, side.value
        self.refuse()

    def _traced(self, out: Placeholders) -> TracedSide:
        session = current()
        captured = [(c, c.get()) for c in alive(session)]

        def body() -> Any:
            start = [p.rebuild(x, out) for p, x in zip(self.plans, self.given.values, strict=True)]
            session.frame.own = set(out.values)
            for cell in self.written:
                session.read_cell(cell)
            return self.given.call(self.run, start)

        session.attempts += 1
        session.recursions.append(self)
        try:
            side = trace_side(session, "recursion", body, lambda: (), kind="recursion")
        finally:
            session.recursions.pop()
            session.attempts -= 1
        rebinds = any(x is not y for c, old in captured for x, y in zip(old, c.get(), strict=True))
        if rebinds or acts(side.frame.builder.instrs) or side.containers:
            self.refuse()
        return side

    def _written(self, side: TracedSide) -> list[Cell]:
        """The storage around that a trace of the body has written, and that was known before."""
        before = side.frame.placeholders
        found = [c for c, v in before.items() if side.final[c] is not v and c not in self.written]
        if found and current().orders and any(is_inexact(c.dtype) for c in found):
            self.refuse()  # a recursion has no derivative
        return [*self.written, *found]

    def _returned(self, value: Any) -> BindingPlan:
        if self.returned is None:
            plan = self.first(value, result=True)
        else:
            plan = self.wider_plan(self.returned, self.example, value)
        if current().orders and any(is_inexact(v.dtype) for v in _placeholders(plan, value)):
            self.refuse()  # a recursion has no derivative, and integers need none
        return plan

    def _emitted(self, side: TracedSide, out: Placeholders) -> Any:
        session = current()
        assert self.returned is not None
        with side.inside():
            ends = self.returned.flatten(side.value)
        rows = zip(self.plans, self.given.values, strict=True)
        args = [v for plan, x in rows for v in plan.flatten(x)]
        outside, placeholders = side.frame.touched, side.frame.placeholders
        turns = [Carried(placeholders[c], outside[c], side.final[c]) for c in self.written]
        read = {v: outside[c] for c, v in placeholders.items() if c not in self.written}
        made = emit_recursion(side.frame.builder, out.values, ends, args, turns, read)
        for cell, value in zip(self.written, made[len(ends) :], strict=True):
            session.write_cell(cell, value)
        return self.returned.rebuild(self.example, Results(made[: len(ends)]))

    def first(self, x: Any, *, result: bool = False) -> BindingPlan:
        """The plan for what a call is given, or returns: numbers of the run vary, and all else is
        the same in each call (known numbers may be others in other calls)."""
        if is_any_number(x):
            return self.of_kinds(kinds_of(x)) if result or not _is_known(x) else Invariant()
        if isinstance(x, tuple) and (result or any(map(is_number, x))):
            parts = tuple(self.first(part, result=result) for part in x)
            return Structure(type(x), tuple(range(len(x))), parts)
        if isinstance(x, MaybeNone):
            return Maybe("", self.first(x.value, result=result), none=True)
        if result and any(isinstance(x, Array) and _is_same(v, x) for v in self.given.values):
            return Invariant()
        if isinstance(x, MaybeUnbound) or (result and not is_known(x)):
            self.refuse()
        return Invariant()

    def of_kinds(self, kinds: Sequence[Number]) -> BindingPlan:
        """The plan for a number of any of these kinds."""
        found = several(kinds)
        if len(found.kinds) > MOST_KINDS:
            self.refuse()
        return found

    def wider_plan(self, plan: BindingPlan, entry: Any, x: Any) -> BindingPlan:
        """The plan for what is ``entry`` in one call and ``x`` in another."""
        if isinstance(plan, Maybe):
            inner = plan.inner(x)
            if inner is UNDEFINED:
                return plan
            before = plan.inner(entry)
            before = inner if before is UNDEFINED else before
            return Maybe("", self.wider_plan(plan.plan, before, inner), none=True)
        if isinstance(plan, Invariant) and _is_same(entry, x):
            return plan
        if isinstance(x, MaybeNone) or x is None or entry is None:
            if isinstance(plan, Invariant):
                value = x if entry is None else entry
                plan = self.first(
                    value.value if isinstance(value, MaybeNone) else value, result=True
                )
            return self.wider_plan(Maybe("", plan, none=True), entry, x)
        if isinstance(plan, Structure):
            if not isinstance(x, tuple) or type(x) is not plan.make or len(x) != len(plan.parts):
                self.refuse()
            parts = zip(plan.parts, entry, x, strict=True)
            return Structure(plan.make, plan.keys, tuple(self.wider_plan(*p) for p in parts))
        if not all(map(is_any_number, (entry, x))):
            self.refuse()
        kinds = plan.kinds if isinstance(plan, Number | Tagged) else kinds_of(entry)
        return self.of_kinds([*kinds, *kinds_of(x)])

    def refuse(self) -> NoReturn:
        """This is no recursion of numbers."""
        _refuse(self.function.__code__)


def _cells(function: FunctionType) -> list[int]:
    return [id(cell) for cell in function.__closure__ or ()]


def _placeholders(plan: BindingPlan, example: Any) -> list[Value]:
    out = Placeholders()
    plan.rebuild(example, out)
    return out.values


def _is_known(x: Any) -> bool:
    return not isinstance(x, PyScalar | Scalar) or x.static_value() is not None


def _is_same(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if isinstance(a, Array) and isinstance(b, Array):
        return bool(binding(a) == binding(b))
    if is_number(a) and is_number(b) and type(a) is type(b) and _is_known(a) and _is_known(b):
        return repr(_number(a)) == repr(_number(b))  # 0.0 and -0.0 are two
    return not isinstance(a, Tracer) and is_known(a) and type(a) is type(b) and bool(a == b)


def _number(x: Any) -> Any:
    return x.static_value() if isinstance(x, PyScalar | Scalar) else x


def _refuse(code: CodeType) -> NoReturn:
    raise Restart(code, "in line", "calls within one another that are no function of numbers")
