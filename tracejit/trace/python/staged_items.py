"""Attributes and items while a function is traced: read, written, unpacked, made."""

from __future__ import annotations

import builtins
from collections import deque
from collections.abc import Callable
from types import MethodType
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError, all_ask, throw
from tracejit.trace.control import watched
from tracejit.trace.control.generated import Generated
from tracejit.trace.python import (
    dynamic_list_methods,
    generators,
    run_ranges,
    run_time_places,
    set_operators,
    table_methods,
    table_views,
)
from tracejit.trace.python.builtin_functions import sized_by_the_run
from tracejit.trace.python.dicts_made import dict_of, joined
from tracejit.trace.python.sets import set_of
from tracejit.trace.python.staged_names import StagedNames
from tracejit.trace.python.tuples import Columns, of_run
from tracejit.trace.python.unseen import guard_what_methods_read
from tracejit.trace.session.concretize import AS_ARRAYS
from tracejit.trace.session.plain import (
    class_attribute,
    goes_before,
    own_attributes,
    plain_attribute,
    put_attribute,
)
from tracejit.trace.session.registry import INDEXED
from tracejit.trace.session.session import where
from tracejit.trace.values import containers, dunder_methods
from tracejit.trace.values.all import (
    Array,
    PyScalar,
    Scalar,
    TaggedScalar,
    Tracer,
    structural_int,
)
from tracejit.trace.values.captured_arrays import seen
from tracejit.trace.values.chosen_constants import ChosenConstant, any_chosen
from tracejit.trace.values.dynamic_list import by_value, is_grown, refuse, replace_items, run_of
from tracejit.trace.values.entries import is_table, is_view
from tracejit.trace.values.entries import refuse as refuse_table
from tracejit.trace.values.iterables import Looped, Once, is_endless, iterated
from tracejit.trace.values.kinds import must_have, stands_for_other, type_of
from tracejit.trace.values.maybe_unbound import some, some_inside
from tracejit.trace.values.ranges import Range
from tracejit.trace.values.run_tuples import RunTuple
from tracejit.trace.values.symbolic_text import (
    must_be_plain,
    must_be_plain_text,
    plain_key,
)
from tracejit.trace.values.tagged import each_kind

#: Attributes of an array that can be assigned.
_SETTABLE = ("shape", "flat", "real", "imag")

Thunk = Callable[[], Any]


class StagedItems(StagedNames):
    """What is read from the program's objects and containers, and written there."""

    def getattr(self, obj: Any, name: str) -> Any:
        obj = seen(obj)
        if name == "__class__" and stands_for_other(obj):
            return type_of(obj)
        own = dunder_methods.method_of(obj, "__getattribute__")
        try:
            return self.plain_getattr(obj, name) if own is None else self.call(own, name)
        except AttributeError:
            return self._asked_last(obj, name)

    def _asked_last(self, obj: Any, name: str) -> Any:
        """What ``__getattr__`` says, in the handler of an ``AttributeError``."""
        method = dunder_methods.method_of(obj, "__getattr__")
        if method is None:
            raise
        return self.call(method, name)

    def plain_getattr(self, obj: Any, name: str) -> Any:
        """An attribute as ``object`` finds it: a property or another descriptor is asked."""
        outside = self.session.outside
        changed = outside.changed_attribute(obj, name)
        if changed is not None:
            return changed[0]
        getter = dunder_methods.own_getter(obj, name)
        if getter is not None:
            outside.member(type(obj), name)
            is_cached = dunder_methods.is_cached(obj, name)
            if not goes_before(class_attribute(type(obj), name)):
                outside.not_its_own(obj, name)
            value = self.call(getter)
            if is_cached:
                self.plain_setattr(obj, name, value)
            return value
        if isinstance(obj, Range | Once):
            return run_ranges.attribute(obj, name)
        try:
            value = plain_attribute(obj, name)
        except AttributeError:
            outside.missing(obj, name)
            outside.member(type(obj), name)
            raise
        if isinstance(obj, Tracer):
            return value
        if isinstance(value, MethodType):
            outside.member(_class_with(obj, name), name)
        if not outside.is_outside(obj):
            if dunder_methods.is_of_class(obj, name):
                obj = type(obj)  # which is outside, although the object is not
                if not outside.is_outside(obj):
                    outside.member(obj, name)  # known by its instance alone
            elif name in own_attributes(obj):
                outside.own_first(obj, name)
            else:
                outside.member(type(obj), name)
        return outside.attribute(obj, name, value)

    def setattr(self, obj: Any, name: str, value: Any) -> None:
        if isinstance(obj, Array) and name not in _SETTABLE:
            if not hasattr(np.ndarray, name):
                throw(AttributeError(f"'numpy.ndarray' object has no attribute '{name}'"))
            raise UnsupportedError(
                f"{where()}: .{name} of an array cannot be set in a compiled function; use "
                "x.view(dtype), x.astype(dtype) or slices"
            )
        own = dunder_methods.method_of(obj, "__setattr__")
        if own is None:
            self.plain_setattr(obj, name, value)
        else:
            self.call(own, name, value)

    def plain_setattr(self, obj: Any, name: str, value: Any) -> None:
        """Set an attribute as ``object`` does: a property or another descriptor is asked."""
        outside = self.session.outside
        setter = dunder_methods.own_setter(obj, name)
        if not isinstance(obj, Tracer):
            outside.own_first(obj, name)
        if setter is not None:
            self.call(setter, value)
        elif isinstance(obj, Tracer):
            builtins.setattr(obj, name, value)
        elif outside.is_outside(obj):
            outside.told_apart(obj)
            containers.must_not_be_chosen(self.session, obj, name)
            outside.set_attribute(obj, name, value, lambda: self.plain_getattr(obj, name))
        else:
            containers.touch_attributes(self.session, obj, name)
            put_attribute(obj, name, value)

    def delattr(self, obj: Any, name: str) -> None:
        if self.session.outside.is_outside(obj):
            raise UnsupportedError(
                f"{where()}: attribute {name!r} of an object from outside would be deleted once, "
                "when compiling; delete it before or after the call"
            )
        if not isinstance(obj, Tracer):
            containers.touch_attributes(self.session, obj, name)
        super().delattr(obj, name)

    def getitem(self, obj: Any, key: Any) -> Any:
        key = some_inside(key)
        if is_grown(obj):
            found = dynamic_list_methods.getitem(obj, key)
            return self.made(found) if isinstance(key, slice) else found
        if type(obj) is list and isinstance(key, slice):
            self.session.outside.whole(obj)
            part = run_time_places.part(obj, key) if run_time_places.is_part(key) else None
            return self.made(obj[key] if part is None else part)
        obj = seen(obj)
        if any(isinstance(x, TaggedScalar | ChosenConstant) for x in (obj, key)):
            return each_kind(self.getitem, obj, key)
        if isinstance(obj, dict) and table_methods.is_asked(obj, key):
            found = table_methods.getitem(obj, key)
            if found is not NotImplemented:
                return found
        if isinstance(obj, Tracer):
            return obj[key]  # type: ignore[index]
        if isinstance(obj, np.ndarray) and obj.dtype.names is not None:
            raise UnsupportedError(
                f"{where()}: a structured array from outside of the function is read: pass it as "
                "an argument"
            )
        found = dunder_methods.applied(self, obj, "__getitem__", key)
        if found is not NotImplemented:
            return found
        if type(obj).__module__.startswith("numpy."):
            ours: Any = next((ours for theirs, ours in INDEXED.items() if theirs is obj), None)
            if ours is not None:
                return ours[dynamic_list_methods.arrays_inside(key)]
        if run_ranges.is_asked(obj, key):
            return run_ranges.item(obj, key)
        if isinstance(key, Tracer):
            return self._traced_key(obj, key)
        must_be_plain_text(obj)
        self.session.outside.pin(key)
        if isinstance(obj, dict):
            key = plain_key(key)
        try:
            value = self._item(obj, key)
        except LookupError:
            self.session.outside.missing_item(obj, key)
            raise
        if value is key:  # np.s_[...]: what was made here
            return value
        return self.session.outside.item(obj, key, value)

    def item_to_change(self, obj: Any, key: Any) -> Any:
        if isinstance(key, ChosenConstant):
            return each_kind(self.item_to_change, obj, key)
        if isinstance(obj, dict) and table_methods.is_asked(obj, some_inside(key)):
            found = table_methods.item_to_change(obj, some_inside(key))
            if found is not NotImplemented:
                return found
        return self.getitem(obj, key)

    def _item(self, obj: Any, key: Any) -> Any:
        if not hasattr(type(obj), "__missing__"):
            return obj[key]
        with watched.watching("reading an item", obj):  # that may put one there
            return obj[key]

    def _traced_key(self, obj: Any, key: Any) -> Any:
        known = key.static_value() if isinstance(key, PyScalar | Scalar) else None
        if known is not None:
            return obj[known]
        if isinstance(obj, list | tuple) and len(obj) > 0:
            found = run_time_places.item(self, obj, key)
            if found is not None:
                return found
            what = "an index of a list or tuple"
            if any(isinstance(x, Array) for x in obj):
                return obj[structural_int(key, what, run_time_places.INSTEAD_OF_UNLIKE)]
            return obj[structural_int(key, what)]
        if isinstance(obj, str | bytes):
            found = run_time_places.character(obj, key)
            if found is not None:
                return found
            return obj[structural_int(key, "an index of a text")]
        return obj[structural_int(key, "a key", AS_ARRAYS)]

    def setitem(self, obj: Any, key: Any, value: Any) -> None:
        obj, key = seen(obj), some_inside(key)
        if isinstance(key, ChosenConstant):
            each_kind(lambda k: self.setitem(obj, k, value), key)
            return
        if isinstance(key, slice):
            value = by_value(table_views.as_list(value))
        if isinstance(obj, Tracer):
            value = some(value)
            if isinstance(key, TaggedScalar) or isinstance(value, TaggedScalar):
                each_kind(lambda k, x: self.setitem(obj, k, x), key, value)
                return
        if isinstance(obj, dict) and table_methods.is_asked(obj, key):
            table_methods.setitem(obj, key, value)
            return
        if isinstance(obj, list | dict) or is_grown(obj):
            self._refuse_outside(obj)
            containers.must_be_known(self.session, obj)
            containers.touch(self.session, obj)
            if is_grown(obj):
                dynamic_list_methods.setitem(obj, key, value)
                return
            if type(obj) is list and run_time_places.store(obj, key, value):
                return
            if isinstance(key, Tracer):
                kind = type(obj).__name__
                to_do = (AS_ARRAYS,) if isinstance(obj, dict) else ()
                key = structural_int(key, f"where to write in a {kind}", *to_do)
            must_be_plain_text(key)
        if dunder_methods.applied(self, obj, "__setitem__", key, value) is NotImplemented:
            must_have(obj, "__setitem__", "does not support item assignment")
            self._refuse_outside(obj)
            with watched.watching("item assignment", obj):
                obj[key] = value

    def _refuse_outside(self, obj: Any) -> None:
        if self.session.outside.is_outside(obj):
            raise UnsupportedError(
                f"{where()}: a {type(obj).__name__} that is not an argument would be changed once, "
                f"when compiling; {self.session.outside.instead_of_change(obj)}"
            )

    def delitem(self, obj: Any, key: Any) -> None:
        obj, key = some(obj), some_inside(key)
        if isinstance(key, ChosenConstant):
            each_kind(lambda k: self.delitem(obj, k), key)
            return
        if isinstance(obj, dict) and table_methods.is_asked(obj, key):
            table_methods.delitem(obj, key)
            return
        if isinstance(obj, list | dict) or is_grown(obj):
            self._refuse_outside(obj)
            containers.must_be_known(self.session, obj)
            containers.touch(self.session, obj)
        if type(obj) is list and (run_time_places.is_place(key) or run_time_places.is_part(key)):
            run_time_places.can_be_buffer(obj)
        if is_grown(obj):
            dynamic_list_methods.delitem(obj, key)
            return
        if dunder_methods.applied(self, obj, "__delitem__", key) is NotImplemented:
            must_have(obj, "__delitem__", "doesn't support item deletion")
            self._refuse_outside(obj)
            with watched.watching("item deletion", obj):
                del obj[key]

    def augassign(self, op: str, target: Any, value: Any) -> Any:
        if any_chosen(target) or (any_chosen(value) and type(target) is not list):
            if op == "+=" and isinstance(target, str | ChosenConstant):
                return self.binary("+", target, value)
            return each_kind(lambda x, y: self.augassign(op, x, y), target, value)
        of_dicts = type(target) is dict and (is_table(target) or is_table(value))
        if op == "|=" and of_dicts:
            table_methods.method(target, "update", (value,), {})
            return target
        found = set_operators.in_place(op, target, value)
        if found is not NotImplemented:
            return found
        if type(target) is list and op == "+=":
            value = by_value(table_views.as_list(value))
        table_methods.must_be_plain(f"the operator {op}", target, value)
        if type(target) is deque and op == "+=":
            self.session.operators.call(target.extend, value)
            return target
        if isinstance(target, list):
            containers.must_be_known(self.session, target)
            containers.touch(self.session, target)
            times = run_time_places.is_place(value) or isinstance(value, int | np.integer)
            if op == "*=" and times and (is_grown(target) or isinstance(value, Tracer)):
                self._refuse_outside(target)
                found = self.binary("*", target, value)
                if is_grown(found):
                    replace_items(target, run_of(found))
                else:
                    target[:] = found
                return target
            if isinstance(value, Tracer):  # an operation of arrays
                target = dynamic_list_methods.as_array(target) if is_grown(target) else target
            elif is_grown(target) or is_grown(value) or sized_by_the_run(value):
                if op != "+=":
                    refuse(f"the operator {op}")
                self._refuse_outside(target)
                dynamic_list_methods.extend(target, value)
                return target
        self.session.outside.whole(value)
        target, value = seen(target), seen(value)
        found = dunder_methods.in_place(self, op, target, value)
        if found is not NotImplemented:
            return found
        with watched.watching(f"the operator {op}", target):
            return super().augassign(op, target, value)

    def made(self, value: Any) -> Any:
        if self.session.shown and isinstance(value, dict | set):
            must_be_plain(value)
        if isinstance(value, dict | set):
            self.session.outside.pin(*value)
            guard_what_methods_read(self, *value)
        made = containers.made(self.session, value)
        if type(value) is list and len(value) > 1 and is_grown(value):
            run_of(made)  # now, and not in a region where the list is first asked for its items
        return made

    def set_of(self, items: list[Any]) -> Any:
        return self.made(set_of(set, items))

    def dict_joined(self, parts: list[Any]) -> Any:
        return self.made(joined(parts))

    def dict_of(self, items: list[Any]) -> Any:
        return self.made(dict_of(items))

    def iterate(self, value: Any) -> Any:
        self.session.outside.whole(value)
        if is_grown(value):
            return dynamic_list_methods.items_of_known(value)
        if is_view(value):
            refuse_table("a comprehension over several things, or *,")
        must_be_plain_text(value)
        watched.must_not_advance(self.session, value)
        items = dunder_methods.iterable(self, seen(value))
        if is_grown(items):
            return dynamic_list_methods.items_of_known(items)
        return items if type(items) is list else iterated(items, None)

    def items_of(self, value: Any) -> Any:
        value = seen(value)
        if isinstance(value, RunTuple):
            value = value.items
        if is_grown(value) or sized_by_the_run(value):
            return iter([run_of(self.call(list, value))])
        return self.iterate(value)

    def tuple_of(self, items: list[Any]) -> Any:
        return of_run(items) if is_grown(items) else tuple(items)

    def unpack(self, value: Any, n: int, star_index: int | None) -> tuple[Any, ...]:
        value = table_views.as_list(seen(value))
        if isinstance(value, Columns) and star_index is None:
            return value.unpacked(n)
        if isinstance(value, RunTuple):
            value = value.items
        if isinstance(value, Generated) and value.is_whole:
            value = generators.items_up_to(value, None if star_index is not None else n + 1)
        if isinstance(value, Array) and value.ndim and not isinstance(value.dims[0], int):
            return self._unpack_array(value, n, star_index)
        if isinstance(value, Looped) and not is_endless(value):
            value = self.call(list, value)
        if isinstance(value, PyScalar | Scalar):
            kind = value.kind if isinstance(value, PyScalar) else f"numpy.{value.dtype.name}"
            throw(TypeError(f"cannot unpack non-iterable {kind} object"))
        if is_grown(value):
            if star_index is not None:
                parts = dynamic_list_methods.unpacked_around(value, n - 1, star_index)
                self.made(parts[star_index])
                return parts
            return dynamic_list_methods.unpacked(value, n)
        self.session.outside.whole(value)
        must_be_plain_text(value)
        watched.must_not_advance(self.session, value)
        return super().unpack(dunder_methods.iterable(self, value), n, star_index)

    def _unpack_array(self, x: Array, n: int, star_index: int | None) -> tuple[Any, ...]:
        if star_index is not None:
            raise UnsupportedError(f"{where()}: * cannot take an unknown number of rows")
        message = f"not enough or too many values to unpack (expected {n})"
        self.session.require_equal(x.dims[0], n, ValueError, message)
        return tuple(x[k] for k in range(n))


all_ask(globals(), Exception)


def _class_with(obj: Any, name: str) -> type:
    """The class in which Python looks for a method, which ``super()`` leaves out some of."""
    part: Any = obj
    if type(obj) is super:
        bases = part.__self_class__.__mro__
        behind = bases[bases.index(part.__thisclass__) + 1 :]
        return next((base for base in behind if name in vars(base)), object)
    return obj if isinstance(obj, type) else type(obj)
