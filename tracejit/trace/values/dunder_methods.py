"""What operators, subscripts, attributes and builtins mean for objects of the user's own classes.

Python would run the methods that define it as they are; here they are called as the program calls
functions, so that their control flow is converted and what they set is known to loops and branches.
"""

from __future__ import annotations

import functools
import itertools
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, Final

from tracejit.trace.session.plain import HEAP_TYPE, class_attribute, own_attributes
from tracejit.trace.session.plain import convertible as convertible
from tracejit.trace.session.plain import own_method as own_method
from tracejit.trace.session.session import active, current
from tracejit.trace.values.all import Array, Tracer

#: Builtins that go over their first argument (``zip`` and ``map``: over all).
_ITERATING: Final = frozenset(
    (
        *(list, tuple, set, frozenset, enumerate, zip, map, sum, min, max, any, all, sorted, iter),
        *(itertools.cycle, itertools.islice, itertools.pairwise, itertools.product),
    )
)
#: The names of the methods of binary operators, without underscores.
_BINARY: Final = {
    "+": "add",
    "-": "sub",
    "*": "mul",
    "@": "matmul",
    "/": "truediv",
    "//": "floordiv",
    "%": "mod",
    "**": "pow",
    "<<": "lshift",
    ">>": "rshift",
    "&": "and",
    "|": "or",
    "^": "xor",
}
#: Methods by which an object answers for NumPy's functions.
_OVERRIDES: Final = ("__array_ufunc__", "__array_function__")
_UNARY: Final = {"-": "neg", "+": "pos", "~": "invert"}
#: The method of each comparison, and the one that the right side has for it.
_COMPARED: Final = {
    "==": ("__eq__", "__eq__"),
    "!=": ("__ne__", "__ne__"),
    "<": ("__lt__", "__gt__"),
    "<=": ("__le__", "__ge__"),
    ">": ("__gt__", "__lt__"),
    ">=": ("__ge__", "__le__"),
}


def iterable(ops: Any, x: Any) -> Any:
    """``x``, or what its own ``__iter__`` gives: it is gone through from here on."""
    from tracejit.trace.values.iterables import spend

    spend(x)
    method = method_of(x, "__iter__")
    if method is None:
        return x
    made = ops.call(method)
    return x if made is x else made


def iterated_by(ops: Any, f: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of a builtin, those that it goes over as ``iterable`` gives them."""
    if not isinstance(f, type | BuiltinFunctionType) or f not in _ITERATING:
        return args
    if f in (zip, map, itertools.product):
        return tuple(iterable(ops, x) for x in args)
    if f is iter and args and not method_of(args[0], "__iter__"):
        return args  # an iterator is its own: it is not gone through
    if not args or (f in (min, max) and len(args) > 1):
        return args
    return iterable(ops, args[0]), *args[1:]


def is_of_class(obj: Any, name: str) -> bool:
    """Whether an attribute of an instance is what its class holds."""
    if isinstance(obj, type) or name in own_attributes(obj):
        return False
    found = class_attribute(type(obj), name)
    return found is not None and not hasattr(type(found), "__get__")


def method_of(obj: Any, name: str) -> MethodType | None:
    """The user's own method of this name that Python would find for an operator, bound."""
    cls = type(obj)
    if not cls.__flags__ & HEAP_TYPE or isinstance(obj, Tracer):
        return None
    if active():
        current().outside.member(cls, name)
    found = class_attribute(cls, name)
    if isinstance(found, FunctionType) and convertible(found):
        return MethodType(found, obj)
    return None


def applied(ops: Any, obj: Any, name: str, *args: Any) -> Any:
    """The result of a method of the user's; NotImplemented where there is none."""
    method = method_of(obj, name)
    return NotImplemented if method is None else ops.call(method, *args)


def as_arrays(
    ops: Any, f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a function of NumPy's, the program's own objects as the arrays that their
    ``__array__`` gives."""

    def array(x: Any) -> Any:
        method = method_of(x, "__array__")
        answers = method is None or any(
            hasattr(type(x), name) for name in (*_OVERRIDES, f.__name__)
        )
        return x if answers else ops.call(method)

    return tuple(map(array, args)), {name: array(x) for name, x in kwargs.items()}


def unary(ops: Any, symbol: str, x: Any) -> Any:
    """NotImplemented unless a method of the user's defines it."""
    return applied(ops, x, f"__{_UNARY[symbol]}__")


def binary(ops: Any, symbol: str, left: Any, right: Any) -> Any:
    """NotImplemented unless a method of the user's defines it."""
    name = _BINARY[symbol]
    return _either(ops, left, right, f"__{name}__", f"__r{name}__", same_class=False)


def in_place(ops: Any, symbol: str, target: Any, value: Any) -> Any:
    """``target symbol value`` with a symbol such as "+="; NotImplemented as in ``binary``."""
    found = applied(ops, target, f"__i{_BINARY[symbol[:-1]]}__", value)
    return binary(ops, symbol[:-1], target, value) if found is NotImplemented else found


def compared(ops: Any, symbol: str, left: Any, right: Any) -> Any:
    """NotImplemented unless a method of the user's defines it."""
    found = _either(ops, left, right, *_COMPARED[symbol], same_class=True)
    if found is NotImplemented and symbol == "!=":
        same = applied(ops, left, "__eq__", right)
        return same if same is NotImplemented else ops.not_(same)
    return found


def _either(ops: Any, left: Any, right: Any, mine: str, theirs: str, *, same_class: bool) -> Any:
    sides = []
    if method_of(left, mine) is not None:
        sides.append((left, mine, right))
    if (same_class or type(left) is not type(right)) and _may_answer(left, right, theirs):
        first = type(left) in type(right).__mro__[1:]
        sides.insert(0 if first else len(sides), (right, theirs, left))
    for owner, name, other in sides:
        found = applied(ops, owner, name, other)
        if found is not NotImplemented:
            return found
    return NotImplemented


def _may_answer(left: Any, right: Any, name: str) -> bool:
    """Whether the right side's method is asked. Arrays answer first, unless told not to."""
    if method_of(right, name) is None:
        return False
    return not isinstance(left, Array) or getattr(right, "__array_ufunc__", 0) is None


def own_getter(obj: Any, name: str) -> Any:
    """What the user's class computes an attribute with, called without arguments: the getter of a
    property or of another descriptor. None where there is none."""
    cls = type(obj)
    if not cls.__flags__ & HEAP_TYPE or isinstance(obj, Tracer | type):
        return None
    found = class_attribute(cls, name)
    if isinstance(found, property):
        made: Any = found.fget
    elif isinstance(found, functools.cached_property) and name not in own_attributes(obj):
        made = found.func
    else:
        return _descriptor_getter(cls, obj, name, found)
    return MethodType(made, obj) if isinstance(made, FunctionType) and convertible(made) else None


def _descriptor_getter(cls: type, obj: Any, name: str, found: Any) -> Any:
    get = own_method(type(found), "__get__")
    shadowed = name in own_attributes(obj) and not hasattr(type(found), "__set__")
    if get is None or shadowed:
        return None
    return functools.partial(MethodType(get, found), obj, cls)


def own_setter(obj: Any, name: str) -> Any:
    """What the user's class sets an attribute with, called with the value: the setter of a property
    or of another descriptor. None where there is none."""
    cls = type(obj)
    if isinstance(obj, type) or not (cls.__flags__ & HEAP_TYPE or isinstance(obj, Tracer)):
        return None
    found = class_attribute(cls, name)
    if isinstance(found, property):
        made = found.fset
        own = isinstance(made, FunctionType) and convertible(made)
        return MethodType(made, obj) if own and made is not None else None
    put = own_method(type(found), "__set__")
    return None if put is None else functools.partial(MethodType(put, found), obj)


def is_cached(obj: Any, name: str) -> bool:
    """Whether what computes an attribute is asked once."""
    return isinstance(class_attribute(type(obj), name), functools.cached_property)
