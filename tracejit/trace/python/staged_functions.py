"""Functions of the program's while it is traced: converted, bound to the operators, remembered."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any

from tracejit.errors import all_ask
from tracejit.trace import convert
from tracejit.trace.control.generated import Generated
from tracejit.trace.convert import Operators, SourceUnavailable
from tracejit.trace.python import generators
from tracejit.trace.python.opaque_functions import AS_IT_IS, stand_in
from tracejit.trace.session.plain import class_attribute
from tracejit.trace.session.session import Session


class StagedFunctions(Operators):
    """What becomes of a function that is called or defined."""

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
        return [(f, _is_ours(f, bound)) for f, bound in found if not convert.is_converted(f)]

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


all_ask(globals(), Exception)


def _is_ours(function: Any, bound: Any) -> bool:
    """Whether what runs for a function is its converted form (which may need no operators)."""
    if convert.is_converted(bound):
        return True
    return (
        isinstance(bound, FunctionType) and bound is not function and not hasattr(bound, AS_IT_IS)
    )
