"""The operators of ``try``, and of branches and loops inside of one (see ``try_regions``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from tracejit.errors import is_for_user, throw
from tracejit.ir.core import Value
from tracejit.records import dataclass
from tracejit.trace.control.branch import as_test, bool_of, join_sides, trace_side
from tracejit.trace.control.generated import Generated, go_through
from tracejit.trace.control.join import VALUE
from tracejit.trace.control.nonlocals import Captured, with_captured
from tracejit.trace.control.try_regions import (
    Escape,
    Handler,
    State,
    Thunk,
    TryRegion,
    complete,
    exception_of,
)
from tracejit.trace.convert import UNDEFINED, Operators, Site, VarInfo
from tracejit.trace.convert.statement_operators import catches
from tracejit.trace.convert.statement_parts import ExceptPart
from tracejit.trace.session.raising import Diverged, note_unbound, say_as_python
from tracejit.trace.session.session import Session, user_location
from tracejit.trace.values.all import PyScalar


class TryOperators(Operators):
    """Stages ``try`` statements, over operators that stage branches and loops."""

    session: Session

    def try_stmt(
        self, body_fn: Thunk, handlers: tuple[ExceptPart, ...], else_fn: Thunk | None,
        final_fn: Thunk | None, get_state: Callable[[], tuple[Any, ...]],
        set_state: Callable[[tuple[Any, ...]], None], names: tuple[VarInfo, ...], site: Site,
    ) -> None:  # fmt: skip
        state = with_captured(self.session, State(get_state, set_state, names))
        found = tuple(map(_handler, handlers))
        body = body_fn
        if found:
            body = partial(self._catch, body_fn, found, else_fn, state)
        if final_fn is None:
            body()
            return

        def finally_raise(error: BaseException) -> None:
            assert final_fn is not None
            final_fn()
            throw(error)

        everything = Handler(lambda kind: True, finally_raise, True, _all_kinds)
        self._catch(body, (everything,), final_fn, state)

    def _catch(
        self, body: Thunk, handlers: tuple[Handler, ...], orelse: Thunk | None, state: State
    ) -> None:
        if not self.session.catching:
            self._scoped(body, handlers, orelse, state, None)
            return
        escape = Escape(self.session)
        inner = escape.extended(state)
        self._scoped(body, (*handlers, escape.handler), orelse, inner, escape)
        escape.deliver()

    def _scoped(
        self,
        body: Thunk,
        handlers: tuple[Handler, ...],
        orelse: Thunk | None,
        state: State,
        escape: Escape | None,
    ) -> None:
        """``body`` with these handlers; what ``else`` and handlers raise goes to ``escape``."""

        def within(run: Thunk) -> None:
            if escape is None:
                run()
            else:
                self._scoped(run, (escape.handler,), None, state, None)

        session = self.session
        region = TryRegion(session, handlers, state, within)
        error: BaseException | None = None
        session.catching.append(region)
        try:
            body()
        except BaseException as raised:
            if not isinstance(raised, Diverged) and not is_for_user(raised):
                region.abandon()
                raise
            error = raised
            note_unbound(session, raised)
            say_as_python(raised)
        finally:
            session.catching.pop()
        region.close(partial(complete, region, error, orelse))

    def check_and_leave(
        self, ok: Value, kind: type[BaseException], message: str, payload: Sequence[Value]
    ) -> None:
        """A check inside of a ``with``, whose manager is left where it fails."""
        loc = user_location()

        def fail() -> None:
            throw(exception_of(kind, message, payload, loc))

        then = trace_side(self.session, "then", _nothing, tuple)
        other = trace_side(self.session, "else", fail, tuple)
        join_sides(self.session, ok, then, other, lambda values: None, ())

    def captured(
        self, get_state: Callable[[], tuple[Any, ...]],
        set_state: Callable[[tuple[Any, ...]], None], names: tuple[VarInfo, ...],
    ) -> Captured:  # fmt: skip
        return Captured(self.session, get_state, set_state, names)

    def carried(
        self, get_state: Callable[[], tuple[Any, ...]],
        set_state: Callable[[tuple[Any, ...]], None], name: str,
    ) -> Captured:  # fmt: skip
        """Branches and loops carry one more variable, as long as the result is held."""
        return self.captured(get_state, set_state, (VarInfo(name, True, True),))

    # Regions --------------------------------------------------------------------------------------

    def if_stmt(
        self, test: Any, then_fn: Thunk, else_fn: Thunk,
        get_state: Callable[[], tuple[Any, ...]], set_state: Callable[[tuple[Any, ...]], None],
        names: tuple[VarInfo, ...], site: Site,
    ) -> None:  # fmt: skip
        whole = with_captured(self.session, State(get_state, set_state, names))
        if not self.session.catching:
            super().if_stmt(test, then_fn, else_fn, whole.get, whole.set, whole.names, site)
            return
        pred = as_test(test)
        if isinstance(pred, bool):
            (then_fn if pred else else_fn)()
            return
        escape, state, inside = self._region(whole)
        self._branch(pred, partial(inside, then_fn), partial(inside, else_fn), state)
        escape.deliver()

    def _branch(self, pred: Value, then_fn: Thunk, else_fn: Thunk, state: State) -> None:
        """A branch whose sides may escape."""
        before = state.get()
        sides = []
        for name, run in (("then", then_fn), ("else", else_fn)):
            sides.append(trace_side(self.session, name, run, state.get))
            state.set(before)
        state.join(self.session, pred, *sides)

    def if_return(
        self, test: Any, then_fn: Thunk, else_fn: Thunk,
        get_state: Callable[[], tuple[Any, ...]], set_state: Callable[[tuple[Any, ...]], None],
        names: tuple[VarInfo, ...], site: Site | None,
    ) -> Any:  # fmt: skip
        whole = with_captured(self.session, State(get_state, set_state, names))
        own = (whole.get, whole.set, whole.names)
        if not self.session.catching:
            return super().if_return(test, then_fn, else_fn, *own, site)
        pred = as_test(test)
        if isinstance(pred, bool):
            return (then_fn if pred else else_fn)()
        result = _Result()
        state = result.added(whole)
        arms = (partial(result.keep, then_fn), partial(result.keep, else_fn))
        bit = PyScalar("bool", pred)
        self.if_stmt(bit, *arms, state.get, state.set, state.names, site)  # type: ignore[arg-type]
        return result.value

    def for_stmt(
        self, iterable: Any, body_fn: Callable[[Any], Any],
        get_state: Callable[[], tuple[Any, ...]], set_state: Callable[[tuple[Any, ...]], None],
        names: tuple[VarInfo, ...], site: Site, extra_test_fn: Thunk | None = None,
    ) -> None:  # fmt: skip
        if isinstance(iterable, Generated) and (iterable.is_whole or iterable.is_over):
            own = (get_state, set_state, names)
            go_through(self, iterable, body_fn, *own, extra_test_fn)
            return
        whole = with_captured(self.session, State(get_state, set_state, names))
        if not self.session.catching:
            own = (whole.get, whole.set, whole.names)
            super().for_stmt(iterable, body_fn, *own, site, extra_test_fn)
            return
        escape, state, inside = self._region(whole, again=True)

        def body(item: Any) -> None:
            inside(partial(body_fn, item))

        extra = self._unless(escape, extra_test_fn)
        super().for_stmt(iterable, body, state.get, state.set, state.names, site, extra)
        escape.deliver()

    def while_stmt(
        self, test_fn: Thunk, body_fn: Thunk, get_state: Callable[[], tuple[Any, ...]],
        set_state: Callable[[tuple[Any, ...]], None], names: tuple[VarInfo, ...], site: Site,
        extra_test_fn: Thunk | None = None,
    ) -> None:  # fmt: skip
        whole = with_captured(self.session, State(get_state, set_state, names))
        if not self.session.catching:
            own = (whole.get, whole.set, whole.names)
            super().while_stmt(test_fn, body_fn, *own, site, extra_test_fn)
            return
        escape, state, inside = self._region(whole, again=True)

        def test() -> Any:
            """The test, which may itself raise; false once something escaped."""
            result = _Result(value=False)
            found = result.added(state.alive(all_names=True))

            def truth() -> Any:
                return bool_of(test_fn())

            def evaluate() -> None:
                asked = test_fn() if extra_test_fn is None else self.and_(extra_test_fn(), truth)
                bit = as_test(asked)
                result.value = bit if isinstance(bit, bool) else PyScalar("bool", bit)

            run = partial(self._scoped, evaluate, (escape.handler,), None, found, None)
            none = escape.none()
            if none is True:
                run()
            elif none is not False:
                self._branch(none.read(), run, _nothing, found)
            return result.value

        body = partial(inside, body_fn)
        super().while_stmt(test, body, state.get, state.set, state.names, site)
        escape.deliver()

    def _region(
        self, state: State, *, again: bool = False
    ) -> tuple[Escape, State, Callable[[Thunk], None]]:
        """For a region inside of a ``try``: how to run what is in it, once or ``again``."""
        escape = Escape(self.session)
        extended = escape.extended(state)

        own = extended.alive(all_names=False) if again else extended

        def inside(run: Thunk) -> None:
            self._scoped(run, (escape.handler,), None, own, None)

        return escape, extended, inside

    def _unless(self, escape: Escape, extra: Thunk | None) -> Thunk:
        if extra is None:
            return escape.none
        return lambda: self.and_(escape.none(), extra)


@dataclass
class _Result:
    """The value of an expression whose sides are statements."""

    value: Any = UNDEFINED

    def keep(self, run: Thunk) -> None:
        self.value = run()

    def added(self, state: State) -> State:
        def set_state(values: tuple[Any, ...]) -> None:
            state.set(values[:-1])
            self.value = values[-1]

        info = VarInfo(VALUE, False, True, "return_value")
        names = (*state.names, info)
        return State(lambda: (*state.get(), self.value), set_state, names, state.code_at)


def _nothing() -> None:
    """The side of a branch on which nothing happens."""


def _handler(part: ExceptPart) -> Handler:
    kinds, run, keeps = part
    if kinds is None:
        return Handler(lambda kind: True, run, keeps, _all_kinds)

    def named() -> tuple[type, ...]:
        found = kinds()
        given = found if isinstance(found, tuple) else (found,)
        return tuple(kind for kind in given if isinstance(kind, type))

    return Handler(lambda kind: catches(kinds(), kind), run, keeps, named)


def _all_kinds() -> tuple[type, ...]:
    return (BaseException,)
