"""The operators that a converted function runs on while it is traced."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, KeysView
from types import BuiltinMethodType, MethodType, MethodWrapperType, ModuleType, NoneType
from typing import Any

import numpy as np

from tracejit.errors import all_ask, throw
from tracejit.ir.core import Value
from tracejit.trace.control import watched
from tracejit.trace.control.branch import as_test, bool_of, staged_if
from tracejit.trace.control.generated import Generated
from tracejit.trace.control.loop import loop_over, staged_for, staged_while
from tracejit.trace.convert import Site, Traits, Turns, VarInfo
from tracejit.trace.guards.process_state import is_reader, read_state
from tracejit.trace.python import (
    contexts,
    deques,
    dicts_made,
    dynamic_list_methods,
    generators,
    run_time_places,
    set_operators,
    table_methods,
    table_views,
)
from tracejit.trace.python.calls import (
    call_for_each,
    is_seen_through,
    keeps_chosen,
    takes_none,
    traced_call,
)
from tracejit.trace.python.distinct import Distinct
from tracejit.trace.python.generator_reductions import folded, listed
from tracejit.trace.python.keys import has_traced, is_among
from tracejit.trace.python.opaque_calls import MUTATING, contains_tracer, has_array, refuse_mutation
from tracejit.trace.python.ordering import LIST_METHODS, same_items
from tracejit.trace.python.staged_functions import StagedFunctions
from tracejit.trace.python.staged_items import StagedItems, sized_by_the_run
from tracejit.trace.python.unseen import guard_what_methods_read
from tracejit.trace.session.plain import is_plain_value
from tracejit.trace.values import containers, dunder_methods
from tracejit.trace.values.all import (
    Array,
    MixedScalar,
    PyScalar,
    Scalar,
    TaggedScalar,
    Tracer,
    as_dim,
    dim_value,
    lift,
    name_of,
)
from tracejit.trace.values.captured_arrays import seen, seen_or_none
from tracejit.trace.values.chosen_constants import ChosenConstant, any_chosen
from tracejit.trace.values.dynamic_list import by_value, is_grown, is_ref, refuse, run_of
from tracejit.trace.values.entries import holds_view, is_table, must_hold_none
from tracejit.trace.values.identity import must_be_certain, same_array, same_list
from tracejit.trace.values.iterables import ENDLESS, Once, spend, steps_of, unchanged
from tracejit.trace.values.kinds import operands
from tracejit.trace.values.maybe_unbound import MaybeNone
from tracejit.trace.values.symbolic_text import (
    check_call,
    must_be_plain,
    must_be_plain_text,
    plain_key,
)
from tracejit.trace.values.tagged import each_kind
from tracejit.trees import is_record

#: Methods of a dict that look for a key.
_LOOKUPS = ("get", "pop", "setdefault", "__getitem__", "__contains__")
#: Methods of a list or dict that leave it as it is.
_READING = ("get", "keys", "values", "items", "copy", "index", "count")

Thunk = Callable[[], Any]
GetState = Callable[[], tuple[Any, ...]]
SetState = Callable[[tuple[Any, ...]], None]


class StagedOperators(StagedFunctions, StagedItems):
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
            return error
        throw(self.call(error) if isinstance(error, type) else error)

    def assertion(self, *message: Any) -> BaseException:
        return AssertionError(*message)

    # Logic ----------------------------------------------------------------------------------------

    def if_expr(self, test: Any, then_fn: Thunk, else_fn: Thunk, site: Site | None) -> Any:
        return self.if_return(test, then_fn, else_fn, tuple, lambda state: None, (), site)

    def and_(self, first: Any, *rest: Thunk) -> Any:
        if not rest:
            return first
        test = as_test(first)
        if isinstance(test, bool):
            return self.and_(rest[0](), *rest[1:]) if test else first
        pred, last = PyScalar("bool", test), []

        def others() -> Any:
            last.append(self.and_(rest[0](), *rest[1:]))
            return last[0]

        return self._known_truth(False, test, last, self.if_expr(pred, others, lambda: first, None))

    def or_(self, first: Any, *rest: Thunk) -> Any:
        if not rest:
            return first
        test = as_test(first)
        if isinstance(test, bool):
            return first if test else self.or_(rest[0](), *rest[1:])
        pred, last = PyScalar("bool", test), []

        def others() -> Any:
            last.append(self.or_(rest[0](), *rest[1:]))
            return last[0]

        return self._known_truth(True, test, last, self.if_expr(pred, lambda: first, others, None))

    def _known_truth(self, truth: bool, first: Value, last: list[Any], result: Any) -> Any:
        """``x or True`` is true and ``x and False`` is false, whatever is known of ``x``;
        ``x or False`` and ``x and True`` are as ``x``, whose truth is ``first``."""
        simple = last and isinstance(last[0], bool | int | float | type(None))
        if simple and isinstance(result, TaggedScalar):
            result.test = truth if bool(last[0]) is truth else first
        if simple and bool(last[0]) is truth and isinstance(result, PyScalar | Scalar):
            self.session.truths[result.read()] = truth
        return result

    def not_(self, value: Any) -> Any:
        test = as_test(value)
        if isinstance(test, bool):
            return not test
        return PyScalar("bool", self.session.inverted(test))

    def compare(self, left: Any, symbols: tuple[str, ...], second: Any, *rest: Thunk) -> Any:
        result = self.compare_one(symbols[0], left, second)
        if not rest:
            return result

        def more() -> Any:
            return self.compare(second, symbols[1:], rest[0](), *rest[1:])

        return self.and_(result, more)

    def contains(self, item: Any, container: Any) -> Any:
        if any_chosen(item, container):
            return each_kind(self.contains, item, container)
        if container is os.environ:
            return self.call(container.__contains__, item)
        self.session.outside.whole(container)
        item, container = seen(item), seen(container)
        if dunder_methods.method_of(container, "__contains__") is None:
            self.unseen(item, container)
        if self.session.shown:
            must_be_plain(item, container)
        traced = isinstance(item, Tracer)
        if is_grown(container):
            return dynamic_list_methods.holds(item, container)
        few = not is_table(container) and table_methods.is_few(container)
        if table_methods.is_asked(container, item) and not few:
            found = table_methods.contains(container, item)
            if found is not NotImplemented:
                return found
        watched.must_not_advance(self.session, container)
        if isinstance(container, Generated) and container.is_whole:
            return generators.holds(container, item)
        found = dunder_methods.applied(self, container, "__contains__", item)
        if found is not NotImplemented:
            return bool_of(found)
        if isinstance(container, Array):
            return bool_of(name_of(np.any)(container == item))
        if isinstance(container, tuple | list | deque) and any(
            isinstance(x, Tracer) or holds_view(x) for x in (item, *container)
        ):
            return self.or_(False, *(lambda x=x: self._is_found(x, item) for x in container))
        if traced and isinstance(container, range):
            inside = self.and_(item >= container.start, lambda: item < container.stop)
            return self.and_(inside, lambda: (item - container.start) % container.step == 0)
        hashed = isinstance(container, dict | set | frozenset | KeysView)
        if hashed and (traced or type(item) is tuple) and has_traced(item):
            return is_among(self, item, container)
        must_hold_none("a search", item, container)
        spend(container)
        return item in container

    def _is_found(self, x: Any, item: Any) -> Any:
        """Whether an item of a container is the one that is looked for: a bool of Python's."""
        return x is item or bool_of(self.compare_one("==", x, item))

    # Calls ----------------------------------------------------------------------------------------

    def call(self, f: Any, /, *args: Any, **kwargs: Any) -> Any:
        outside = self.session.outside
        owner = getattr(f, "__self__", None)
        if is_reader(f, args):
            return read_state(f, args, kwargs)
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
        if self.session.shown:
            check_call(f, args, kwargs)
        if table_methods.is_python(owner):
            found = table_methods.method(owner, f.__name__, args, kwargs)
            if found is not NotImplemented:
                return found
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

    def call_generator(
        self, f: Any, turns: Turns, traits: Traits, source: Any, site: Site, /, *args: Any,
        **kwargs: Any,
    ) -> Any:  # fmt: skip
        if isinstance(source, Generated) and source.is_whole:
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
            return super().list_of(turns, traits, source, site, flat)

    def _listed(self, source: Any) -> Any:
        """What a comprehension goes over: of a set of numbers of the run, the list of them."""
        return dunder_methods.iterable(self, source) if type(source) is Distinct else source

    def _is_of_grown(self, owner: list[Any], f: Any, args: Any) -> bool:
        if f.__name__ in ("pop", "insert") and args and run_time_places.is_place(args[0]):
            run_time_places.can_be_buffer(owner)
        return is_grown(owner) or (f.__name__ == "extend" and any(map(sized_by_the_run, args)))

    def _list_method(self, owner: list[Any], f: Any, args: Any, kwargs: Any) -> Any:
        refuse_mutation(f)
        found = dynamic_list_methods.method(owner, f.__name__, args, kwargs)
        return self.made(found) if f.__name__ == "copy" else found

    def unseen(self, *values: Any, functions: bool = True) -> None:
        """What is done with these is not seen. Without ``functions`` these are only called."""
        self.session.outside.pin(*values, functions=functions)
        guard_what_methods_read(self, *values)

    # Operations -----------------------------------------------------------------------------------

    each_kind = staticmethod(each_kind)

    def binary(self, symbol: str, left: Any, right: Any) -> Any:
        if any_chosen(left, right):
            return each_kind(lambda x, y: self.binary(symbol, x, y), left, right)
        if symbol == "|":
            found = dicts_made.united(left, right)
            if found is not NotImplemented:
                return found
        found = set_operators.binary(symbol, left, right)
        if found is not NotImplemented:
            return found
        table_methods.must_be_plain(f"the operator {symbol}", left, right)
        self.session.outside.whole(left)
        self.session.outside.whole(right)
        if isinstance(left, MaybeNone) or isinstance(right, MaybeNone):
            left, right = operands(symbol, left, right)
        left, right = seen(left), seen(right)
        if symbol == "%" and isinstance(left, str | bytes):
            must_hold_none("the text", right)
            self.unseen(right)
        left, right = by_value(left), by_value(right)
        if symbol == "*" and (type(left) is list or type(right) is list):
            items, n = (left, right) if type(left) is list else (right, left)
            repeated = run_time_places.times(items, n)
            if repeated is not None:
                return repeated
        found = dunder_methods.binary(self, symbol, left, right)
        if found is not NotImplemented:
            return found
        made = super().binary(symbol, left, right)
        if type(made) is not list:
            return made
        self.made(made)
        if is_grown(made):
            run_of(made)  # now, and not in a region where the list is first asked for its items
        return made

    def unary(self, symbol: str, value: Any) -> Any:
        value = seen(value)
        table_methods.must_be_plain(f"the operator {symbol}", value)
        found = dunder_methods.unary(self, symbol, value)
        return super().unary(symbol, value) if found is NotImplemented else found

    def compare_one(self, symbol: str, left: Any, right: Any) -> Any:
        if symbol in ("is", "is not"):
            return super().compare_one(symbol, left, right)
        if any_chosen(left, right):
            return each_kind(lambda x, y: self.compare_one(symbol, x, y), left, right)
        if symbol in ("==", "!="):
            same = dicts_made.same(left, right)
            if same is not NotImplemented:
                return same if symbol == "==" else self.not_(same)
        found = set_operators.compared(symbol, left, right)
        if found is not NotImplemented:
            return found
        table_methods.must_be_plain(f"the comparison {symbol}", left, right)
        self.session.outside.whole(left)
        self.session.outside.whole(right)
        if self.session.shown:
            must_be_plain(left, right)
        optional = next((x for x in (left, right) if isinstance(x, MaybeNone)), None)
        if symbol in ("==", "!=") and optional is not None:
            return self._same_as_optional(symbol, optional, right if optional is left else left)
        if is_grown(left) or is_grown(right):
            if symbol not in ("==", "!="):
                refuse(f"the comparison {symbol}")
            same = same_items(left, right)
            return same if symbol == "==" else self.not_(same)
        left, right = seen(left), seen(right)
        if type(left) is complex and isinstance(right, Scalar):
            left = PyScalar("complex", lift(left).value)  # or the right side would be asked first
        if is_record(left) or is_record(right):  # whose attributes Python compares
            must_hold_none(f"the comparison {symbol}", left, right)
        found = dunder_methods.compared(self, symbol, left, right)
        if found is NotImplemented and not (is_plain_value(left) or is_plain_value(right)):
            kind: Any = type(left)
            if kind.__eq__ is object.__eq__:  # equal is what is one object
                containers.must_be_told_apart(self.session, left, right)
            self.unseen(left, right)
            if not (type(left) is type(right) and type(left) in (tuple, list)):
                must_hold_none(f"the comparison {symbol}", left, right)
        return super().compare_one(symbol, left, right) if found is NotImplemented else found

    def shown(self, value: Any, conversion: str) -> Any:
        must_hold_none("the text", value)
        self.unseen(value)
        if isinstance(value, MaybeNone):
            conversion = conversion or "s"
        return super().shown(value, conversion)

    def _same_as_optional(self, symbol: str, x: MaybeNone, other: Any) -> Any:
        """`==` or `!=` of what may be None."""

        def without() -> Any:
            return self.compare_one(symbol, None, other)

        def with_value() -> Any:
            return self.compare_one(symbol, x.value, other)

        return self.if_expr(x.is_none(), without, with_value, None)

    def is_(self, left: Any, right: Any) -> Any:
        for x, other in ((left, right), (right, left)):
            if isinstance(x, MaybeNone) and other is None:
                return x.is_none()
            if isinstance(x, TaggedScalar | ChosenConstant) or (
                isinstance(x, MixedScalar) and isinstance(other, bool)
            ):
                return each_kind(self.is_, left, right)
        left, right = seen(left), seen(right)
        if isinstance(left, Array) and isinstance(right, Array):
            return same_array(left, right)
        if is_ref(left) and is_ref(right):
            return same_list(left[0], right[0])
        must_be_certain(left, right)
        containers.must_be_told_apart(self.session, left, right)
        if not (is_plain_value(left) or is_plain_value(right)):
            self.session.outside.pin(left, right)
        return super().is_(left, right)


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


def _asks(items: list[Any], args: Any, kwargs: dict[str, Any]) -> bool:
    """Whether the run decides what a list is asked for."""
    return "key" in kwargs or contains_tracer(items) or any(map(contains_tracer, args))


all_ask(globals(), Exception)
