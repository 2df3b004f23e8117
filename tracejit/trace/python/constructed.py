"""A class called in a trace: NumPy's scalars, and objects of the program's classes."""

from __future__ import annotations

import dataclasses
import inspect
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError, all_ask
from tracejit.ir.types import dtype_of
from tracejit.trace.python.contexts import GENERATOR_MANAGER, generator_manager
from tracejit.trace.python.opaque_calls import contains_tracer, in_table, run_as_it_is
from tracejit.trace.session.plain import class_attribute, is_plain_module
from tracejit.trace.session.registry import CONSTRUCTORS
from tracejit.trace.session.session import current, where
from tracejit.trace.session.unsupported import must_be_pure, refuse_library
from tracejit.trace.values.all import Scalar, fresh
from tracejit.trace.values.dunder_methods import convertible


def construct(ops: Any, cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A class called: NumPy scalar types convert; ``__init__`` in Python is converted."""
    own = in_table(CONSTRUCTORS, cls)
    if own is not None:
        return own(*args, **kwargs)
    traced = any(contains_tracer(a) for a in args)
    if issubclass(cls, np.generic) and traced:
        return numpy_scalar(cls, *args)
    if traced and cls.__module__.startswith("scipy.") and is_plain_module(cls.__module__):
        refuse_library(cls)
    if cls.__module__.startswith("numpy.random"):
        raise UnsupportedError(
            f"{where()}: a {cls.__name__} made inside a compiled function would be made only once, "
            "when compiling; make it outside and pass it as an argument"
        )
    if cls is GENERATOR_MANAGER:
        return generator_manager(ops, cls, *args)
    plain = is_plain_module(cls.__module__)
    current().outside.member(type(cls), "__call__")
    if type(cls).__call__ is type.__call__ and not plain:
        made = by_users_code(ops, cls, args, kwargs)
        if made is not NotImplemented:
            return made
    must_be_pure(cls)
    return run_as_it_is(cls, args, kwargs)


def by_users_code(ops: Any, cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """An object made by the user's ``__new__`` or ``__init__``; NotImplemented without either."""
    new: Any = class_attribute(cls, "__new__")
    owner = next(base for base in cls.__mro__ if "__init__" in base.__dict__)
    init: Any = owner.__dict__["__init__"]
    current().outside.member(cls, "__init__")
    current().outside.member(cls, "__new__")
    own_new = isinstance(new, staticmethod) and _is_for_user(new.__func__)
    own_init = _is_for_user(init)
    if own_new:
        made: Any = ops.call(new.__func__, cls, *args, **kwargs)
    elif own_init and new is object.__dict__["__new__"]:
        made = object.__new__(cls)
    elif own_init and "__new__" not in cls.__dict__:
        made = cls.__new__(cls, *args, **kwargs)
    else:
        return NotImplemented
    if not isinstance(made, cls):
        return made
    session = current()
    session.made[id(made)] = (made, session.frame)
    if own_init and init.__code__.co_filename == "<string>" and dataclasses.is_dataclass(owner):
        fill_record(ops, owner, init, made, args, kwargs)
    elif init is not object.__init__:
        ops.call(MethodType(init, made), *args, **kwargs)
    return made


def _is_for_user(f: Any) -> bool:
    return isinstance(f, FunctionType) and convertible(f)


#: What the generated ``__init__`` of a dataclass has for a default that is made by a function.
_BY_FACTORY: Any = dataclasses._HAS_DEFAULT_FACTORY  # type: ignore[attr-defined]


def fill_record(
    ops: Any, owner: type, init: Any, made: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """What the generated ``__init__`` of a dataclass does, its calls as the program makes calls."""
    current().outside.defaults(init)
    call = inspect.signature(init).bind(made, *args, **kwargs)
    call.apply_defaults()
    given = call.arguments
    frozen = owner.__dataclass_params__.frozen  # type: ignore[attr-defined]
    later = []
    for name, field in owner.__dataclass_fields__.items():  # type: ignore[attr-defined]
        kind = field._field_type
        if kind is dataclasses._FIELD_CLASSVAR:  # type: ignore[attr-defined]
            continue
        made_anew = field.default_factory is not dataclasses.MISSING
        if made_anew and given.get(name, _BY_FACTORY) is _BY_FACTORY:
            value = ops.call(field.default_factory)
        elif name in given:
            value = given[name]
        elif field.default is not dataclasses.MISSING:
            value = field.default
        else:
            continue
        if kind is dataclasses._FIELD_INITVAR:  # type: ignore[attr-defined]
            later.append(value)
        elif field.init or made_anew:
            if frozen:
                object.__setattr__(made, name, value)
            else:
                ops.setattr(made, name, value)
    if hasattr(owner, "__post_init__"):
        ops.call(made.__post_init__, *later)


def numpy_scalar(cls: type[np.generic], x: Any) -> Any:
    """``np.float32(x)`` and friends."""
    from tracejit.trace.values.casting import element

    value = element(x, dtype_of(np.dtype(cls)), direct=False)
    return Scalar(value) if value.rank == 0 else fresh(value)


all_ask(globals(), Exception)
