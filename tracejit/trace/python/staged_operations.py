"""What operators, comparisons and logic do with traced values."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, KeysView
from typing import Any

import numpy as np

from tracejit.errors import all_ask
from tracejit.ir.core import Value
from tracejit.trace.control import watched
from tracejit.trace.control.branch import as_test, bool_of
from tracejit.trace.control.generated import Generated
from tracejit.trace.convert import Site
from tracejit.trace.python import (
    dicts_made,
    generators,
    run_ranges,
    run_time_places,
    set_operators,
    table_methods,
    text_methods,
)
from tracejit.trace.python.keys import has_traced, is_among
from tracejit.trace.python.opaque_calls import contains_tracer
from tracejit.trace.python.ordering import holds, same_items
from tracejit.trace.python.percent import formatted
from tracejit.trace.python.staged_items import StagedItems
from tracejit.trace.python.unseen import guard_what_methods_read
from tracejit.trace.session.marks import MARK
from tracejit.trace.session.plain import is_plain_value
from tracejit.trace.values import containers, dunder_methods
from tracejit.trace.values.all import (
    Array,
    MixedScalar,
    PyScalar,
    Scalar,
    TaggedScalar,
    Tracer,
    lift,
    name_of,
)
from tracejit.trace.values.captured_arrays import seen
from tracejit.trace.values.chosen_constants import ChosenConstant, any_chosen, equal_choices
from tracejit.trace.values.dynamic_list import by_value, is_grown, is_ref, refuse, run_of
from tracejit.trace.values.entries import holds_view, is_table, must_hold_none
from tracejit.trace.values.identity import must_be_certain, same_array, same_list
from tracejit.trace.values.iterables import spend
from tracejit.trace.values.kinds import operands
from tracejit.trace.values.marked_texts import has_marks
from tracejit.trace.values.maybe_unbound import MaybeNone
from tracejit.trace.values.ranges import Range
from tracejit.trace.values.symbolic_text import must_be_plain
from tracejit.trace.values.tagged import each_kind
from tracejit.trees import is_record

Thunk = Callable[[], Any]


class StagedOperations(StagedItems):
    """Stages operations on traced values; plain Python otherwise."""

    def unseen(self, *values: Any, functions: bool = True) -> None:
        """What is done with these is not seen. Without ``functions`` these are only called."""
        self.session.outside.pin(*values, functions=functions)
        guard_what_methods_read(self, *values)

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
            return holds(container, item)
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
        if isinstance(container, Range) or (traced and isinstance(container, range)):
            return run_ranges.contains(container, item)
        hashed = isinstance(container, dict | set | frozenset | KeysView)
        if hashed and (traced or type(item) is tuple) and has_traced(item):
            return is_among(self, item, container)
        must_hold_none("a search", item, container)
        spend(container)
        return item in container

    def _is_found(self, x: Any, item: Any) -> Any:
        """Whether an item of a container is the one that is looked for: a bool of Python's."""
        return x is item or bool_of(self.compare_one("==", x, item))

    # Operations -----------------------------------------------------------------------------------

    each_kind = staticmethod(each_kind)

    def binary(self, symbol: str, left: Any, right: Any) -> Any:
        if symbol == "+" and isinstance(left, str | ChosenConstant):
            found = text_methods.added(left, right)
            if found is not NotImplemented:
                return found
        if symbol == "*" and (isinstance(left, str) or isinstance(right, str)):
            found = text_methods.repeated(left, right)
            if found is not NotImplemented:
                return found
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
            if isinstance(left, str) and (contains_tracer(right) or has_marks(right)):
                return formatted(left, right)
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
            equal = equal_choices(left, right) if symbol in ("==", "!=") else None
            if equal is None:
                return each_kind(lambda x, y: self.compare_one(symbol, x, y), left, right)
            same = equal if isinstance(equal, bool) else PyScalar("bool", equal)
            return same if symbol == "==" else self.not_(same)
        if symbol in ("==", "!="):
            same = dicts_made.same(left, right)
            if same is NotImplemented:
                same = run_ranges.same(left, right)
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

    def padded(self, value: Any) -> Any:
        return text_methods.padded(value) if self.session.shown else value

    def in_field(self, value: Any, spec: str) -> Any:
        return (
            text_methods.in_field(value, spec) if MARK in spec else format(self.padded(value), spec)
        )

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


all_ask(globals(), Exception)
