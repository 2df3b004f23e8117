"""The operators that a converted function runs on while it is traced."""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable, KeysView
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError, all_ask, throw
from tracejit.ir.core import Value
from tracejit.trace import convert
from tracejit.trace.control import watched
from tracejit.trace.control.branch import as_test, bool_of, staged_if
from tracejit.trace.control.generated import Generated
from tracejit.trace.control.loop import loop_over, staged_for, staged_while
from tracejit.trace.convert import Env, Operators, Site, SourceUnavailable, Traits, Turns, VarInfo
from tracejit.trace.guards.conditions import Known
from tracejit.trace.guards.paths import EnclosingVariable, GlobalVariable
from tracejit.trace.guards.process_state import is_reader, read_state
from tracejit.trace.python import contexts, dynamic_list_methods, generators, run_time_places
from tracejit.trace.python.builtin_functions import LOOPED
from tracejit.trace.python.calls import (
    MUTATING,
    contains_tracer,
    has_array,
    is_seen_through,
    refuse_mutation,
    takes_none,
    traced_call,
)
from tracejit.trace.python.generator_reductions import folded, listed
from tracejit.trace.python.keys import has_traced, is_among
from tracejit.trace.python.opaque_functions import stand_in
from tracejit.trace.python.ordering import LIST_METHODS, same_items
from tracejit.trace.python.sets import set_of
from tracejit.trace.session.concretize import AS_ARRAYS
from tracejit.trace.session.plain import class_attribute, is_plain_value
from tracejit.trace.session.registry import INDEXED
from tracejit.trace.session.session import Session, where
from tracejit.trace.values import containers, dunder_methods
from tracejit.trace.values.all import (
    Array,
    PyScalar,
    Scalar,
    TaggedScalar,
    Tracer,
    as_dim,
    dim_value,
    lift,
    name_of,
    structural_int,
)
from tracejit.trace.values.captured_arrays import seen, seen_or_none
from tracejit.trace.values.dynamic_list import is_grown, refuse, run_of
from tracejit.trace.values.identity import same_array
from tracejit.trace.values.iterables import ENDLESS, Once, spend, steps_of
from tracejit.trace.values.kinds import operands, stands_for_other, type_of
from tracejit.trace.values.maybe_unbound import MaybeNone, MaybeUnbound, some, some_inside
from tracejit.trace.values.symbolic_text import (
    check_call,
    must_be_plain,
    must_be_plain_text,
    plain_key,
)
from tracejit.trace.values.tagged import each_kind
from tracejit.trace.views.parameters import byte_strides

#: Attributes of an array that can be assigned.
_SETTABLE = ("shape", "flat", "real", "imag")

#: Methods of a dict that look for a key.
_LOOKUPS = ("get", "pop", "setdefault", "__getitem__", "__contains__")

Thunk = Callable[[], Any]
GetState = Callable[[], tuple[Any, ...]]
SetState = Callable[[tuple[Any, ...]], None]


class StagedOperators(Operators):
    """Stages what meets traced values; plain Python otherwise."""

    def __init__(self, session: Session, entry: Any = None) -> None:
        self.session = session
        #: The function whose call this is: Python binds its defaults before, at each call.
        self._entry = entry
        self._converted: dict[int, tuple[Any, Callable[..., Any]]] = {}
        #: Generator functions, each with itself inside out; those that the trace defines apart.
        self._turned: dict[int, tuple[Any, Callable[..., Any] | None, str]] = {}
        self._marked: dict[int, tuple[Any, Callable[..., Any] | None, str]] = {}
        #: By identity: namespaces of functions that run as they are, and what each stands for.
        self.namespaces: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}

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
        if container is os.environ:
            return self.call(container.__contains__, item)
        self.session.outside.whole(container)
        item, container = seen(item), seen(container)
        if dunder_methods.method_of(container, "__contains__") is None:
            self.session.outside.pin(item)
        if self.session.shown:
            must_be_plain(item, container)
        traced = isinstance(item, Tracer)
        if is_grown(container):
            return dynamic_list_methods.holds(item, container)
        watched.must_not_advance(self.session, container)
        if isinstance(container, Generated) and container.is_whole:
            return generators.holds(container, item)
        found = dunder_methods.applied(self, container, "__contains__", item)
        if found is not NotImplemented:
            return bool_of(found)
        if isinstance(container, Array):
            return bool_of(name_of(np.any)(container == item))
        if isinstance(container, tuple | list) and any(
            isinstance(x, Tracer) for x in (item, *container)
        ):
            return self.or_(False, *(lambda x=x: self._is_found(x, item) for x in container))
        if traced and isinstance(container, range):
            inside = self.and_(item >= container.start, lambda: item < container.stop)
            return self.and_(inside, lambda: (item - container.start) % container.step == 0)
        hashed = isinstance(container, dict | set | frozenset | KeysView)
        if hashed and (traced or type(item) is tuple) and has_traced(item):
            return is_among(self, item, container)
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
        ask = seen_or_none if takes_none(f) else seen
        args, kwargs = tuple(map(ask, args)), {name: ask(x) for name, x in kwargs.items()}
        if outside.has_arguments and not is_seen_through(f):
            outside.pin(owner, *(x for x in (*args, *kwargs.values()) if not has_array(x)))
        if self.session.shown:
            check_call(f, args, kwargs)
        if isinstance(owner, list | dict) and not isinstance(f, MethodType):
            if f.__name__ in MUTATING:
                containers.must_be_known(self.session, owner)
            containers.touch(self.session, owner)
            if isinstance(owner, dict) and args and f.__name__ in _LOOKUPS:
                args = (plain_key(args[0]), *args[1:])
            if type(owner) is list and f.__name__ in LIST_METHODS and _asks(owner, args, kwargs):
                refuse_mutation(f)
                return LIST_METHODS[f.__name__](owner, *args, **kwargs)
            if type(owner) is list and self._is_of_grown(owner, f, args):
                return self._list_method(owner, f, args, kwargs)
        watched.check_call(self.session, f, args, kwargs)
        args = dunder_methods.iterated_by(self, f, args)
        found = NotImplemented
        if any(isinstance(x, Generated) for x in (*args, *kwargs.values())):
            found = generators.called(f, args, kwargs)
        if found is NotImplemented:
            found = traced_call(self, f, args, kwargs)
        return containers.made_by_call(self.session, found)

    def call_generator(
        self, f: Any, turns: Turns, traits: Traits, source: Any, site: Site, /, *args: Any,
        **kwargs: Any,
    ) -> Any:  # fmt: skip
        if isinstance(source, Generated) and source.is_whole:
            items = generators.of_turns(self, turns, source, site)
            return self.call(f, items, *args, **kwargs)
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
        found = listed(self, turns, traits, source, site, flat)
        if found is not NotImplemented:
            return found
        return super().list_of(turns, traits, source, site, flat)

    def _is_of_grown(self, owner: list[Any], f: Any, args: Any) -> bool:
        if f.__name__ in ("pop", "insert") and args and run_time_places.is_place(args[0]):
            run_time_places.can_be_buffer(owner)
        return is_grown(owner) or (f.__name__ == "extend" and any(map(_sized_by_the_run, args)))

    def _list_method(self, owner: list[Any], f: Any, args: Any, kwargs: Any) -> Any:
        refuse_mutation(f)
        found = dynamic_list_methods.method(owner, f.__name__, args, kwargs)
        return self.made(found) if f.__name__ == "copy" else found

    def converted(self, f: Any) -> Callable[..., Any]:
        """A user function bound to these operators; itself where there is no source."""
        function = f.__func__ if isinstance(f, MethodType) else f
        found = self._converted.get(id(function))
        if found is None:
            found = (function, self._bind(function))
            self._converted[id(function)] = found
        elif function is self._entry:
            self.session.outside.defaults(function)
        bound = found[1]
        if isinstance(f, MethodType):
            self._guard_method(f)
        return MethodType(bound, f.__self__) if isinstance(f, MethodType) else bound

    def _guard_method(self, method: MethodType) -> None:
        owner, name = method.__self__, builtins.getattr(method.__func__, "__name__", "")
        cls = owner if isinstance(owner, type) else type(owner)
        found = class_attribute(cls, name)
        if method.__func__ in (found, builtins.getattr(found, "__func__", None)):
            self.session.outside.member(cls, name)

    def functions(self) -> list[tuple[Any, bool]]:
        """The functions that the trace went through, and whether they were converted."""
        found = [*self._converted.values(), *((f, t) for f, t, _ in self._turned.values())]
        return [
            (f, convert.is_converted(bound)) for f, bound in found if not convert.is_converted(f)
        ]

    def turned(self, function: FunctionType) -> tuple[Callable[..., Any] | None, str]:
        """A generator function of the user's inside out; None where it cannot be turned, and why.

        One that the trace defines was marked then (see ``generator``)."""
        found = self._marked.get(id(function)) or self._turned.get(id(function))
        if found is None:
            self._guard_function(function)
            turned: Callable[..., Any] | None = None
            why = ""
            try:
                turned = convert.bind(function, self, turned=True)
                cleans_up = convert.convert(function, turned=True).cleans_up
                setattr(turned, generators.CLEANS_UP, cleans_up)
            except SourceUnavailable as reason:
                why = str(reason)
            found = self._turned[id(function)] = function, turned, why
        return found[1:]

    def kept(self, iterable: Any) -> Any:
        if isinstance(iterable, Generated):
            iterable.is_kept = True
        return iterable

    def generator(
        self, inside_out: Callable[..., Any] | None, cleans_up: bool, why: str
    ) -> Callable[[Any], Any]:
        if inside_out is not None:
            setattr(inside_out, generators.CLEANS_UP, cleans_up)

        def mark(function: Any) -> Any:
            self._marked[id(function)] = function, inside_out, why
            return function

        return mark

    def returned(self, generator: Any) -> Any:
        return generator.result if isinstance(generator, Generated) else None

    def generator_of(
        self, inside_out: Callable[..., Any], items: Callable[[Any], Any], source: Any
    ) -> Any:
        return generators.of_expression(self, inside_out, items, source)

    def cells_named(self, name: str) -> list[Any]:
        """Cells of functions of the trace that hold the enclosing variable ``name``."""
        functions = [f for f, _ in self._converted.values() if isinstance(f, FunctionType)]
        return [
            cell
            for f in functions
            for free, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True)
            if free == name
        ]

    def _guard_function(self, function: Callable[..., Any]) -> None:
        defaults = getattr(function, "__defaults__", None) or ()
        keyword_only = getattr(function, "__kwdefaults__", None) or {}
        for value in (*defaults, *keyword_only.values()):
            self.session.outside.root(value, f"a default of {function.__name__}")
        if isinstance(function, FunctionType) and not convert.is_converted(function):
            self.session.outside.code(function)
            if function is not self._entry:
                self.session.outside.defaults(function)

    def _bind(self, function: Callable[..., Any]) -> Callable[..., Any]:
        self._guard_function(function)
        try:
            return convert.bind(function, self)
        except SourceUnavailable:
            if not isinstance(function, FunctionType):
                return function
            return stand_in(self, function)

    # Loads and stores -----------------------------------------------------------------------------

    def load(self, read: Thunk, name: str, is_captured: bool = False) -> Any:
        value = super().load(read, name, is_captured)
        return value.value_or_raise(name) if isinstance(value, MaybeUnbound) else value

    def load_enclosing(self, name: str, value: Any) -> Any:
        unsure = isinstance(value, MaybeUnbound)
        return value.value_or_raise(name, is_free=True) if unsure else value

    def load_global(self, name: str, value: Any, env: Env) -> Any:
        found = GlobalVariable(env.globals, name)
        return self.session.outside.read(value, found, name, env.globals)

    def namespace(self, env: Env) -> dict[str, Any]:
        found: dict[str, Any] = self.session.outside.read(
            env.globals, Known(env.globals), "globals()", env
        )
        return found

    def load_free(self, name: str, value: Any, env: Env) -> Any:
        cell = env.cells.get(name)
        if cell is None:
            return value
        return self.session.outside.read(value, EnclosingVariable(cell), name, cell)

    def store_outer(self, name: str, value: Any, env: Env) -> Any:
        raise UnsupportedError(
            f"{where()}: the global or closure variable {name!r} would be set once, when "
            "compiling; return the value instead, or keep it in an array that is passed in"
        )

    def getattr(self, obj: Any, name: str) -> Any:
        outside = self.session.outside
        obj = seen(obj)
        changed = outside.changed_attribute(obj, name)
        if changed is not None:
            return changed[0]
        if name == "strides" and isinstance(obj, Array):
            return byte_strides(obj)
        if name == "__class__" and stands_for_other(obj):
            return type_of(obj)
        found = dunder_methods.property_of(obj, name)
        if found is not None and not outside.is_outside(obj):
            outside.member(type(obj), name)
            return dunder_methods.read_property(self, obj, name, found)
        try:
            value = builtins.getattr(obj, name)
        except AttributeError:
            outside.missing(obj, name)
            raise
        if isinstance(obj, Tracer):
            return value
        if isinstance(value, MethodType):
            outside.member(_class_with(obj, name), name)
        if not outside.is_outside(obj) and dunder_methods.is_of_class(obj, name):
            obj = type(obj)  # which is outside, although the object is not
        return outside.attribute(obj, name, value)

    def setattr(self, obj: Any, name: str, value: Any) -> None:
        outside = self.session.outside
        if isinstance(obj, Array) and name not in _SETTABLE:
            if not hasattr(np.ndarray, name):
                throw(AttributeError(f"'numpy.ndarray' object has no attribute '{name}'"))
            raise UnsupportedError(
                f"{where()}: .{name} of an array cannot be set in a compiled function; use "
                "x.view(dtype), x.astype(dtype) or slices"
            )
        if isinstance(obj, Tracer) or not outside.is_outside(obj):
            found = dunder_methods.property_of(obj, name)
            if isinstance(found, property) and found.fset is not None:
                self.call(MethodType(found.fset, obj), value)
                return
            if not isinstance(obj, Tracer):
                containers.touch_attributes(self.session, obj, name)
            builtins.setattr(obj, name, value)
            return
        outside.set_attribute(obj, name, value, lambda: self.getattr(obj, name))

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
        if isinstance(obj, TaggedScalar) or isinstance(key, TaggedScalar):
            return each_kind(self.getitem, obj, key)
        if isinstance(obj, Tracer):
            return obj[key]  # type: ignore[index]
        found = dunder_methods.applied(self, obj, "__getitem__", key)
        if found is not NotImplemented:
            return found
        if type(obj).__module__.startswith("numpy."):
            ours: Any = next((ours for theirs, ours in INDEXED.items() if theirs is obj), None)
            if ours is not None:
                return ours[key]
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
        return self.session.outside.item(obj, key, value)

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
        return obj[structural_int(key, "a key", AS_ARRAYS)]

    def setitem(self, obj: Any, key: Any, value: Any) -> None:
        obj, key = seen(obj), some_inside(key)
        if isinstance(obj, Tracer):
            value = some(value)
            if isinstance(key, TaggedScalar) or isinstance(value, TaggedScalar):
                each_kind(lambda k, x: self.setitem(obj, k, x), key, value)
                return
        if isinstance(obj, list | dict):
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
            self._refuse_outside(obj)
            with watched.watching("item assignment", obj):
                obj[key] = value

    def _refuse_outside(self, obj: Any) -> None:
        if self.session.outside.is_outside(obj):
            raise UnsupportedError(
                f"{where()}: a {type(obj).__name__} that is not an argument would be changed once, "
                "when compiling; pass it as an argument or return what it should hold"
            )

    def delitem(self, obj: Any, key: Any) -> None:
        obj, key = some(obj), some_inside(key)
        if isinstance(obj, list | dict):
            self._refuse_outside(obj)
            containers.must_be_known(self.session, obj)
            containers.touch(self.session, obj)
        if type(obj) is list and (run_time_places.is_place(key) or run_time_places.is_part(key)):
            run_time_places.can_be_buffer(obj)
        if is_grown(obj):
            dynamic_list_methods.delitem(obj, key)
            return
        if dunder_methods.applied(self, obj, "__delitem__", key) is NotImplemented:
            self._refuse_outside(obj)
            with watched.watching("item deletion", obj):
                del obj[key]

    def augassign(self, op: str, target: Any, value: Any) -> Any:
        if isinstance(target, list):
            containers.must_be_known(self.session, target)
            containers.touch(self.session, target)
            if isinstance(value, Tracer):  # an operation of arrays
                target = dynamic_list_methods.as_array(target) if is_grown(target) else target
            elif is_grown(target) or is_grown(value) or _sized_by_the_run(value):
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
        return containers.made(self.session, value)

    def set_of(self, items: list[Any]) -> Any:
        return self.made(set_of(set, items))

    def iterate(self, value: Any) -> Any:
        self.session.outside.whole(value)
        if is_grown(value):
            refuse("a comprehension or *")
        must_be_plain_text(value)
        watched.must_not_advance(self.session, value)
        return dunder_methods.iterable(self, seen(value))

    def binary(self, symbol: str, left: Any, right: Any) -> Any:
        self.session.outside.whole(left)
        self.session.outside.whole(right)
        if isinstance(left, MaybeNone) or isinstance(right, MaybeNone):
            left, right = operands(symbol, left, right)
        left, right = seen(left), seen(right)
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
        found = dunder_methods.unary(self, symbol, value)
        return super().unary(symbol, value) if found is NotImplemented else found

    def compare_one(self, symbol: str, left: Any, right: Any) -> Any:
        if symbol in ("is", "is not"):
            return super().compare_one(symbol, left, right)
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
        found = dunder_methods.compared(self, symbol, left, right)
        if found is NotImplemented and not (is_plain_value(left) or is_plain_value(right)):
            self.session.outside.pin(left, right)
        return super().compare_one(symbol, left, right) if found is NotImplemented else found

    def shown(self, value: Any, conversion: str) -> Any:
        self.session.outside.pin(value)
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
        if isinstance(left, TaggedScalar) or isinstance(right, TaggedScalar):
            return each_kind(self.is_, left, right)
        left, right = seen(left), seen(right)
        if isinstance(left, Array) and isinstance(right, Array):
            return same_array(left, right)
        if not (is_plain_value(left) or is_plain_value(right)):
            self.session.outside.pin(left, right)
        return super().is_(left, right)

    def unpack(self, value: Any, n: int, star_index: int | None) -> tuple[Any, ...]:
        value = seen(value)
        if isinstance(value, Generated) and value.is_whole:
            value = generators.items_up_to(value, None if star_index is not None else n + 1)
        if isinstance(value, Array) and value.ndim and not isinstance(value.dims[0], int):
            return self._unpack_array(value, n, star_index)
        if isinstance(value, PyScalar | Scalar):
            kind = value.kind if isinstance(value, PyScalar) else f"numpy.{value.dtype.name}"
            throw(TypeError(f"cannot unpack non-iterable {kind} object"))
        if is_grown(value):
            if star_index is not None:
                refuse("unpacking with *")
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


def _sized_by_the_run(items: Any) -> bool:
    """Whether only the run says how many items there are."""
    if isinstance(items, Array):
        return items.ndim > 0 and not isinstance(items.dims[0], int)
    return isinstance(items, LOOPED) and not isinstance(steps_of(items).trip, int)  # type: ignore[union-attr]


def _asks(items: list[Any], args: Any, kwargs: dict[str, Any]) -> bool:
    """Whether the run decides what a list is asked for."""
    return "key" in kwargs or contains_tracer(items) or any(map(contains_tracer, args))


all_ask(globals(), Exception)


def _class_with(obj: Any, name: str) -> type:
    """The class in which Python looks for a method, which ``super()`` leaves out some of."""
    part: Any = obj
    if type(obj) is super:
        bases = part.__self_class__.__mro__
        behind = bases[bases.index(part.__thisclass__) + 1 :]
        return next((base for base in behind if name in vars(base)), object)
    return obj if isinstance(obj, type) else type(obj)
