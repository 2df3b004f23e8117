"""``dataclass`` of the standard library, of which the methods are written when they are called.

The standard library writes and compiles up to six functions for each class as it is defined. That
was a third of what importing tracejit and a first call cost: some 260 classes, of which a process
makes objects of a third. Here a class has its fields at once (``fields``, ``replace`` and
``asdict`` take it as any other); ``__init__``, ``__eq__`` and ``__hash__`` are compiled by their
first call.

That nothing writes to ``frozen`` classes is what mypy sees to: a test at run time would make each
construction three times as dear.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(
        cls: type | None = None,
        /,
        *,
        frozen: bool = False,
        eq: bool = True,
        kw_only: bool = False,
        slots: bool = False,
    ) -> Any:
        """``dataclasses.dataclass``; with ``slots``, which make another class, it is just that."""
        if slots:
            return dataclasses.dataclass(frozen=frozen, eq=eq, kw_only=kw_only, slots=True)

        def decorate(cls: type) -> type:
            return _decorated(cls, frozen, eq, kw_only)

        return decorate if cls is None else decorate(cls)


def _decorated(cls: type, frozen: bool, eq: bool, kw_only: bool) -> type:
    own = vars(cls)
    if cls.__doc__ is None:
        cls.__doc__ = cls.__name__  # otherwise it would be the signature, which is dear to make
    hashed = own.get("__hash__") or ("__hash__" in own and "__eq__" not in own)
    dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=kw_only)(cls)
    methods: dict[str, Any] = {"__repr__": _repr, "__init__": _at_first_call(cls, _init)}
    if eq:
        methods["__eq__"] = _at_first_call(cls, _eq)
        if not hashed:
            methods["__hash__"] = None
    if eq and frozen and not hashed:
        methods["__hash__"] = _at_first_call(cls, _hash)
    for name, method in methods.items():
        if name == "__hash__" or name not in own:
            setattr(cls, name, method)
    return cls


def _at_first_call(cls: type, write: Callable[[type], tuple[str, Mapping[str, Any]]]) -> Any:
    """A method that is replaced by what ``write`` gives the text and the names of."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        text, names = write(cls)
        made: dict[str, Any] = {}
        exec(text, dict(names), made)
        ((name, function),) = made.items()
        function.__qualname__ = f"{cls.__qualname__}.{name}"
        setattr(cls, name, function)
        return function(self, *args, **kwargs)

    return method


def _init(cls: type) -> tuple[str, Mapping[str, Any]]:
    names: dict[str, Any] = {}
    positional: list[str] = ["self"]
    named: list[str] = []
    body: list[str] = []
    for f in dataclasses.fields(cls):
        value = f.name
        if f.default_factory is not dataclasses.MISSING:
            names[f"_new_{f.name}"] = f.default_factory
            value = f"_new_{f.name}()"
            default = "=_unset"
            if f.init:
                value = f"{value} if {f.name} is _unset else {f.name}"
        elif f.default is not dataclasses.MISSING:
            names[f"_default_{f.name}"] = f.default
            default = f"=_default_{f.name}"
        else:
            default = ""
        if f.init:
            (named if f.kw_only else positional).append(f.name + default)
        if f.init or f.default_factory is not dataclasses.MISSING:
            body.append(f"self.{f.name} = {value}")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    params = ", ".join(positional + (["*", *named] if named else []))
    lines = "\n  ".join(body or ["pass"])
    return f"def __init__({params}):\n  {lines}", {**names, "_unset": object()}


def _eq(cls: type) -> tuple[str, Mapping[str, Any]]:
    names = [f.name for f in dataclasses.fields(cls) if f.compare]
    mine, other = (f"({''.join(f'{who}.{n},' for n in names)})" for who in ("self", "other"))
    same_class = "other.__class__ is self.__class__"
    return (
        f"def __eq__(self, other): return {mine} == {other} if {same_class} else NotImplemented",
        {},
    )


def _hash(cls: type) -> tuple[str, Mapping[str, Any]]:
    asked = [f for f in dataclasses.fields(cls) if (f.compare if f.hash is None else f.hash)]
    return f"def __hash__(self): return hash(({''.join(f'self.{f.name},' for f in asked)}))", {}


@recursive_repr()
def _repr(self: Any) -> str:
    shown = (f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self) if f.repr)
    return f"{self.__class__.__qualname__}({', '.join(shown)})"
