"""The operators that a converted function runs on while it is traced."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import (
    BuiltinMethodType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    NoneType,
    WrapperDescriptorType,
)
from typing import Any

from tracejit.errors import all_ask, throw
from tracejit.trace.control import watched
from tracejit.trace.control.branch import as_test, bool_of, staged_if
from tracejit.trace.control.generated import Generated
from tracejit.trace.control.loop import loop_over, staged_for, staged_while
from tracejit.trace.convert import Site, Traits, Turns, VarInfo
from tracejit.trace.guards.process_state import is_reader, read_state
from tracejit.trace.python import (
    contexts,
    deques,
    dynamic_list_methods,
    generators,
    run_time_places,
    starred_calls,
    table_methods,
    table_views,
    text_methods,
)
from tracejit.trace.python.builtin_functions import sized_by_the_run
from tracejit.trace.python.calls import (
    call_for_each,
    is_seen_through,
    keeps_chosen,
    takes_none,
    traced_call,
)
from tracejit.trace.python.chosen_messages import raised_for_each
from tracejit.trace.python.distinct import Distinct
from tracejit.trace.python.generator_reductions import folded, listed, measured
from tracejit.trace.python.opaque_calls import MUTATING, contains_tracer, has_array, refuse_mutation
from tracejit.trace.python.operator_functions import written_out
from tracejit.trace.python.ordering import LIST_METHODS
from tracejit.trace.python.staged_functions import StagedFunctions
from tracejit.trace.python.staged_operations import StagedOperations
from tracejit.trace.python.tuples import zipped
from tracejit.trace.session.concretize import DeferredText
from tracejit.trace.values import containers, dunder_methods
from tracejit.trace.values.all import (
    as_dim,
    dim_value,
)
from tracejit.trace.values.captured_arrays import seen, seen_or_none
from tracejit.trace.values.chosen_constants import ChosenConstant, any_chosen
from tracejit.trace.values.dynamic_list import by_value, is_grown
from tracejit.trace.values.iterables import ENDLESS, Once, steps_of, unchanged
from tracejit.trace.values.marked_texts import is_marked
from tracejit.trace.values.run_tuples import RunTuple
from tracejit.trace.values.symbolic_text import (
    check_call,
    must_be_plain_text,
    plain_key,
)
from tracejit.trace.values.tagged import each_kind

#: Methods of a dict that look for a key.
_LOOKUPS = ("get", "pop", "setdefault", "__getitem__", "__contains__")
#: Methods of a list or dict that leave it as it is.
_READING = ("get", "keys", "values", "items", "copy", "index", "count")

_CONTAINERS = (list, dict, tuple, set, frozenset, deque)
#: Methods that stand for operations.
_OPERATIONS: dict[str, Callable[..., Any]] = {
    "__getitem__": lambda ops, x, key: ops.getitem(x, key),
    "__setitem__": lambda ops, x, key, value: ops.setitem(x, key, value),
    "__delitem__": lambda ops, x, key: ops.delitem(x, key),
    "__contains__": lambda ops, x, item: ops.contains(item, x),
    "__len__": lambda ops, x: ops.call(len, x),
}
#: A method that is asked of its class: ``list.append(x, item)``.
_OF_CLASSES = (MethodDescriptorType, WrapperDescriptorType)

Thunk = Callable[[], Any]
GetState = Callable[[], tuple[Any, ...]]
SetState = Callable[[tuple[Any, ...]], None]


class StagedOperators(StagedFunctions, StagedOperations):
    """Stages what meets traced values; plain Python otherwise."""

    # Statements -----------------------------------------------------------------------------------

    def if_stmt(
        self, test: Any, then_fn: Thunk, else_fn: Thunk, get_state: GetState,
        set_state: SetState, names: tuple[VarInfo, ...], site: Site,
    ) -> None:  # fmt: skip
        pred = as_test(test)
        if isinstance(pred, bool):
            (then_fn if pred else else_fn)()
            return
        staged_if(pred, then_fn, else_fn, get_state, set_state, names)

    def if_return(
        self, test: Any, then_fn: Thunk, else_fn: Thunk, get_state: GetState,
        set_state: SetState, names: tuple[VarInfo, ...], site: Site | None,
    ) -> Any:  # fmt: skip
        pred = as_test(test)
        if isinstance(pred, bool):
            return (then_fn if pred else else_fn)()
        return staged_if(pred, then_fn, else_fn, get_state, set_state, names)

    def while_stmt(
        self, test_fn: Thunk, body_fn: Thunk, get_state: GetState, set_state: SetState,
        names: tuple[VarInfo, ...], site: Site, extra_test_fn: Thunk | None = None,
    ) -> None:  # fmt: skip
        def test() -> Any:
            if extra_test_fn is None:
                return test_fn()
            return self.and_(extra_test_fn(), lambda: bool_of(test_fn()))

        staged_while(self, test, body_fn, get_state, set_state, names, site)

    def for_stmt(
        self, iterable: Any, body_fn: Callable[[Any], Any], get_state: GetState,
        set_state: SetState, names: tuple[VarInfo, ...], site: Site,
        extra_test_fn: Thunk | None = None,
    ) -> None:  # fmt: skip
        self.session.outside.whole(iterable)
        must_be_plain_text(iterable)
        watched.must_not_advance(self.session, iterable)
        iterable = seen(iterable)
        if isinstance(iterable, Once) and iterable.life.is_followed:
            more, body = _item_by_item(self, iterable, body_fn)
            self.while_stmt(more, body, get_state, set_state, names, site, extra_test_fn)
            return
        iterable = dunder_methods.iterable(self, iterable)
        staged_for(self, iterable, body_fn, get_state, set_state, names, site, extra_test_fn)

    def loop_over(self, iterable: Any, body_fn: Callable[[Any], Any], state: list[Any]) -> None:
        """A loop of our own whose variables are the items of ``state``."""
        loop_over(self, iterable, body_fn, state)

    def entered(self, manager: Any) -> Any:
        return contexts.entered(self, manager)

    def raised(self, error: Any) -> Any:
        """A way out (``SystemExit``) is raised here, where it is told from one that is not the
        program's."""
        kind = error if isinstance(error, type) else type(error)
        if not issubclass(kind, BaseException) or issubclass(kind, Exception):
            return raised_for_each(error)
        throw(self.call(error) if isinstance(error, type) else error)

    def assertion(self, *message: Any) -> BaseException:
        return AssertionError(*message)

    # Calls ----------------------------------------------------------------------------------------

    def call(self, f: Any, /, *args: Any, **kwargs: Any) -> Any:
        outside = self.session.outside
        owner = getattr(f, "__self__", None)
        outside.read_held(f)
        if is_reader(f, args):
            return read_state(f, args, kwargs)
        written = written_out(f, args, kwargs)
        if written is not None:
            return written(self, *args)
        if isinstance(f, _OF_CLASSES) and args and type(args[0]) is f.__objclass__ in _CONTAINERS:
            return self.call(f.__get__(args[0]), *args[1:], **kwargs)
        if type(owner) in _CONTAINERS and f.__name__ in _OPERATIONS and len(args) < 3:
            return _OPERATIONS[f.__name__](self, owner, *args, **kwargs)
        if type(owner) in (str, DeferredText) and (self.session.shown or _has_tracer(args, kwargs)):
            found = text_methods.called(owner, f.__name__, args, kwargs)
            if found is not NotImplemented:
                return found
        elif f is format and args and isinstance(text := self.padded(args[0]), ChosenConstant):
            return format(text, *args[1:])
        for used in (owner, *args, *kwargs.values()):
            outside.whole(used)
        if any_chosen(*args, *kwargs.values()) and not keeps_chosen(f):
            return call_for_each(self, f, args, kwargs)
        of_text = isinstance(owner, str | bytes) and len(args) == 1
        if of_text and isinstance(args[0], list | tuple) and any_chosen(*args[0]):
            return each_kind(lambda *items: self.call(f, items), *args[0])
        ask = seen_or_none if takes_none(f) else seen
        args, kwargs = tuple(map(ask, args)), {name: ask(x) for name, x in kwargs.items()}
        if not is_seen_through(f):
            given = [x for x in (*args, *kwargs.values()) if not has_array(x)]
            self.unseen(owner, *given, functions=_tells_apart(f))
        elif _tells_apart(f):
            outside.told_apart(*args)
        if f is len and self.session.shown and len(args) == 1 and is_marked(args[0]):
            found = text_methods.length(args[0])
            if found is not NotImplemented:
                return found
        if self.session.shown:
            check_call(f, args, kwargs)
        if table_methods.is_python(owner):
            found = table_methods.method(owner, f.__name__, args, kwargs)
            if found is not NotImplemented:
                return found
        if isinstance(owner, set | deque) and f.__name__ in MUTATING:
            containers.must_be_known(self.session, owner)
        if isinstance(owner, list | dict) and not isinstance(f, MethodType):
            if f.__name__ in MUTATING:
                containers.must_be_known(self.session, owner)
            if f.__name__ not in _READING:
                containers.touch(self.session, owner)
            if type(owner) is list and f.__name__ == "extend":
                args = tuple(by_value(table_views.as_list(x)) for x in args)
            if isinstance(owner, dict) and args and f.__name__ in _LOOKUPS:
                args = (plain_key(args[0]), *args[1:])
            if type(owner) is list and f.__name__ in LIST_METHODS and _asks(owner, args, kwargs):
                refuse_mutation(f)
                return LIST_METHODS[f.__name__](owner, *args, **kwargs)
            if type(owner) is list and self._is_of_grown(owner, f, args):
                return self._list_method(owner, f, args, kwargs)
        if deques.is_of_the_run(owner, getattr(f, "__name__", ""), args):
            return deques.method(owner, f.__name__, args, kwargs)
        watched.check_call(self.session, f, args, kwargs)
        args = dunder_methods.iterated_by(self, f, args)
        found = NotImplemented
        if any(isinstance(x, Generated) for x in (*args, *kwargs.values())):
            found = generators.called(f, args, kwargs)
        if found is NotImplemented:
            found = traced_call(self, f, args, kwargs)
        return containers.made_by_call(self.session, found)

    def looked_into(self, mapping: Any) -> None:
        table_methods.must_be_plain("a pattern", mapping)

    def call_star(self, f: Any, /, *pieces: tuple[str, Any]) -> Any:
        if f is zip and [key for key, _ in pieces] in (["*"], ["*", "strict"]):
            found = zipped(seen(pieces[0][1]))
            if found is not NotImplemented:
                return found
        if any(key == "*" for key, _ in pieces):
            pieces = tuple(
                (key, starred_calls.gone_through(self, x) if key == "*" else x) for key, x in pieces
            )
            if any(key == "*" and starred_calls.is_of_run(x) for key, x in pieces):
                return starred_calls.called(self, f, pieces)
        return super().call_star(f, *pieces)

    def call_generator(
        self, f: Any, turns: Turns, traits: Traits, source: Any, site: Site, /, *args: Any,
        **kwargs: Any,
    ) -> Any:  # fmt: skip
        if is_seen_through(f) or (isinstance(source, Generated) and source.is_whole):
            items = generators.of_turns(self, turns, source, site)
            return self.call(f, items, *args, **kwargs)
        source = self._listed(source)
        with unchanged(source):
            found = folded(self, f, turns, traits, source, site, args, kwargs)
            if found is not NotImplemented:
                return found
            if kwargs and steps_of(source) is not None:
                return self.call(f, generators.of_turns(self, turns, source, site), *args, **kwargs)
            return super().call_generator(f, turns, traits, source, site, *args, **kwargs)

    def list_of(self, turns: Turns, traits: Traits, source: Any, site: Site, flat: bool) -> Any:
        source = seen(source)
        if isinstance(source, Generated) and source.is_whole:
            return generators.listed(self, turns, source, site, flat)
        source = self._listed(source)
        with unchanged(source):
            found = listed(self, turns, traits, source, site, flat)
            if found is not NotImplemented:
                return found
            turns = measured(turns, source, site)
            return super().list_of(turns, traits, source, site, flat)

    def _listed(self, source: Any) -> Any:
        """What a comprehension goes over: of a set or tuple of the run, the list of its items."""
        stands_in = type(source) in (Distinct, RunTuple)
        return dunder_methods.iterable(self, source) if stands_in else source

    def _is_of_grown(self, owner: list[Any], f: Any, args: Any) -> bool:
        if f.__name__ in ("pop", "insert") and args and run_time_places.is_place(args[0]):
            run_time_places.can_be_buffer(owner)
        return is_grown(owner) or (f.__name__ == "extend" and any(map(sized_by_the_run, args)))

    def _list_method(self, owner: list[Any], f: Any, args: Any, kwargs: Any) -> Any:
        refuse_mutation(f)
        found = dynamic_list_methods.method(owner, f.__name__, args, kwargs)
        return self.made(found) if f.__name__ == "copy" else found


def _tells_apart(f: Any) -> bool:
    """Whether which function an argument is may decide what a builtin gives: a method of a
    container looks for it, or keeps it."""
    method = isinstance(f, BuiltinMethodType | MethodWrapperType)
    return f is id or f is hash or (method and not isinstance(f.__self__, ModuleType | NoneType))


def _item_by_item(ops: Any, items: Once, body_fn: Callable[[Any], Any]) -> tuple[Thunk, Thunk]:
    """The test and the body of a loop over an iterator that others may take items of."""
    whole, life = items.whole(), items.life

    def more() -> Any:
        endless = whole.trip == ENDLESS
        return True if endless else ops.compare_one("<", life.taken, dim_value(whole.trip))

    def body() -> None:
        life.taken += 1
        body_fn(whole.item(as_dim(life.taken - 1)))

    return more, body


def _has_tracer(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    return any(map(contains_tracer, args)) or any(map(contains_tracer, kwargs.values()))


def _asks(items: list[Any], args: Any, kwargs: dict[str, Any]) -> bool:
    """Whether the run decides what a list is asked for."""
    return "key" in kwargs or contains_tracer(items) or any(map(contains_tracer, args))


all_ask(globals(), Exception)
