"""``jit`` and ``njit`` with Numba's signatures and options."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from tracejit import api
from tracejit.errors import throw
from tracejit.numba_compat import signatures as sg
from tracejit.numba_compat import types as nt
from tracejit.numba_compat.options import NumbaOptions, understood
from tracejit.numba_compat.passing import Passed
from tracejit.signatures import own_signature
from tracejit.trace.session.session import current

Function = Callable[..., Any]


class TypedFunction(Passed):
    """A function whose arguments are converted as its signatures and options say.

    ``signatures``: none where arguments are taken as they are. With ``numpy_errors`` floats are
    NumPy's in the function.
    """

    def __init__(
        self, function: Function, signatures: Sequence[nt.FunctionSignature], numpy_errors: bool
    ) -> None:
        super().__init__(function)
        self.declared = list(signatures)
        self.numpy_errors = numpy_errors
        self._parameters = own_signature(function)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __traced_call__(self, ops: Any, /, *args: Any, **kwargs: Any) -> Any:
        if kwargs or self.declared:
            bound = self._parameters.bind(*args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs
        if not self.declared:
            return self._called(ops, self._as_numpys(ops, args), kwargs)
        signature = sg.chosen(self.declared, args)
        if signature is None:
            throw(TypeError(f"No matching definition for argument type(s) {sg.shown(args)}"))
        given = [
            sg.converted(ops, x, want, self.numpy_errors)
            for x, want in zip(args, signature.args, strict=True)
        ]
        found = self._called(ops, given, kwargs)
        return self._result(ops, found, signature.return_type)

    def _called(self, ops: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        session = current()
        outer, session.numpy_errors = session.numpy_errors, self.numpy_errors
        try:
            return ops.call(self.function, *args, **kwargs)
        finally:
            session.numpy_errors = outer

    def _as_numpys(self, ops: Any, args: Sequence[Any]) -> list[Any]:
        """Floats of Python's as NumPy's, where division by zero is to be as in NumPy."""
        if not self.numpy_errors:
            return list(args)
        return [
            sg.converted(ops, x, nt.float64, True)
            if not isinstance(x, tuple) and nt.typeof(x) == nt.float64
            else x
            for x in args
        ]

    def _result(self, ops: Any, found: Any, want: Any) -> Any:
        if want is None or want == nt.void:
            return found if want is None else None
        if sg.cost(found, want) is None:
            throw(TypeError(f"the signature states {want}, the result is {sg.shown([found])}"))
        return sg.converted(ops, found, want, self.numpy_errors)


def jit(signature_or_function: Any = None, /, **options: Any) -> Any:
    """Numba's ``jit``: ``@jit``, ``@jit(nopython=True)``, ``@jit("f8(f8)")``, ``@jit([...])``.

    Signatures say what types arguments are converted to; code is compiled at the first call.
    Raises what `understood` raises for options.
    """
    signatures, function = _told_apart(signature_or_function)
    asked = understood(options)
    if function is not None:
        return compiled(function, (), asked)
    return functools.partial(compiled, signatures=signatures, asked=asked)


def _told_apart(given: Any) -> tuple[list[nt.FunctionSignature], Function | None]:
    if given is None:
        return [], None
    if isinstance(given, str | list | tuple | nt.FunctionSignature):
        return sg.parsed(given), None
    return [], given


def compiled(function: Any, signatures: Sequence[nt.FunctionSignature], asked: NumbaOptions) -> Any:
    """A compiled function of ``function``."""
    if isinstance(function, staticmethod | classmethod):
        return type(function)(compiled(function.__func__, signatures, asked))
    function = plain(function)
    if signatures or asked.numpy_errors:
        function = TypedFunction(function, signatures, asked.numpy_errors)
    keywords = dict(asked.keywords)
    if inspect.isgeneratorfunction(function):
        keywords["fallback"] = True  # in compiled code it is inlined; alone Python runs it
    return api.jit(function, **keywords)


def plain(function: Any) -> Any:
    """The function of the program behind what was compiled of it."""
    while True:
        if isinstance(function, TypedFunction):
            function = function.function
        elif isinstance(function, api.jitted_type()):
            function = getattr(function, "py_func")  # noqa: B009 (its type is made at run time)
        else:
            return function


def njit(signature_or_function: Any = None, /, **options: Any) -> Any:
    """`jit`, as here everything is compiled or an error says why not."""
    return jit(signature_or_function, **options)


def jit_module(**options: Any) -> None:
    """Compile all functions of the module that calls this."""
    frame = inspect.currentframe()
    caller = frame.f_back if frame is not None else None
    names = caller.f_globals if caller is not None else {}
    for name, found in list(names.items()):
        if inspect.isfunction(found) and found.__module__ == names.get("__name__"):
            names[name] = jit(found, **options)
