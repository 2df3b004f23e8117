"""The arguments that a derivative is taken by, chosen by position or name; the others are fixed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit.errors import throw
from tracejit.signatures import signature_with
from tracejit.trace.session.concretize import structural_int
from tracejit.trace.session.session import current
from tracejit.trace.values.all import PyScalar, Scalar
from tracejit.transforms.requirements import Named, kind_of_object, named_leaves, names_of_positions
from tracejit.transforms.staged import own
from tracejit.transforms.transform import shown

#: What is chosen: one argument, or several, each by its position or name.
Asked = int | str | tuple[int | str, ...]


def asked_of(argnums: Any, argnames: Any, what: str) -> Asked:
    """What ``argnums`` and ``argnames`` of a transform ask for. Raises TypeError."""
    found = _checked_argnums(argnums, what)
    if argnames is None:
        return found
    names = (argnames,) if isinstance(argnames, str) else tuple(argnames)
    wrong = [n for n in names if not isinstance(n, str)]
    if wrong:
        throw(TypeError(f"argnames are names of arguments, not {kind_of_object(wrong[0])}"))
    if len(set(names)) != len(names):
        throw(TypeError(f"argnames are distinct names of arguments, not {argnames!r}"))
    return argnames if isinstance(argnames, str) else names


def _checked_argnums(argnums: Any, what: str) -> int | tuple[int, ...]:
    """One position of an argument, or several distinct ones."""
    one = not isinstance(argnums, list | tuple | range)
    nums = (argnums,) if one else tuple(argnums)
    if any(isinstance(n, str) for n in nums):
        throw(TypeError("argnums are positions of arguments, not names: for names say argnames"))
    wrong = [n for n in nums if not isinstance(n, int | np.integer | PyScalar | Scalar)]
    if wrong:
        kind = kind_of_object(wrong[0])
        throw(
            TypeError(
                f"{what}(f) makes a function of the arguments of f: write {what}(f)(x). The second "
                f"argument of {what}, argnums, is a position of an argument, not {kind}"
            )
        )
    found = tuple(
        int(n) if isinstance(n, np.integer) else structural_int(n, "argnums") for n in nums
    )
    if len(set(found)) != len(found):
        throw(TypeError(f"argnums are distinct positions of arguments, not {argnums!r}"))
    return found[0] if one else found


class Chosen:
    """A function of the arguments that are chosen, for the transform that errors call ``what``.

    The others are those of the call that it is made for. Each call gets copies of them, so that the
    caller's arrays are left alone where the function changes them.
    """

    def __init__(self, what: str, function: Any, asked: Asked, args: Sequence[Any], kwargs: Any):
        current().outside.called(function)
        self.what, self.function = what, function
        self.single = not isinstance(asked, tuple)
        wanted = asked if isinstance(asked, tuple) else (asked,)
        names = [n for n in wanted if isinstance(n, str)]
        if names:
            bound = signature_with(function, names).bind(*args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs
        self.args, self.kwargs = list(args), dict(kwargs)
        self.places = [self._place(n) for n in wanted]
        self.__name__ = getattr(function, "__name__", "f")
        self.__wrapped__ = function  # errors show it

    def _place(self, asked: int | str) -> int | str:
        """Where an argument is: its position, or its name where it is passed by that alone."""
        count = len(self.args)
        if isinstance(asked, int):
            if not -count <= asked < count:
                throw(
                    TypeError(
                        f"{self.what}: argnums has {asked}, and the call has {count} positional "
                        f"argument{'' if count == 1 else 's'}, counted from 0"
                    )
                )
            return asked % count
        if asked in self.kwargs:
            return asked
        names = list(signature_with(self.function, [asked]).parameters)
        if asked not in names or names.index(asked) >= count:
            throw(TypeError(f"argnames: {shown(self.function)} has no parameter {asked!r}"))
        return names.index(asked)

    @property
    def values(self) -> tuple[Any, ...]:
        """The arguments that are chosen, as they are passed."""
        return tuple(self.args[n] if isinstance(n, int) else self.kwargs[n] for n in self.places)

    def named(self) -> Named:
        """Each leaf of them with its name."""
        names = [
            names_of_positions(self.function, [n])[0] if isinstance(n, int) else n
            for n in self.places
        ]
        return named_leaves(names, self.values)

    def __call__(self, *values: Any) -> Any:
        args, kwargs = self._arguments(values)
        return self.function(*args, **kwargs)

    def __traced_call__(self, ops: Any, *values: Any) -> Any:
        args, kwargs = self._arguments(values)
        return ops.call(self.function, *args, **kwargs)

    def _arguments(self, values: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
        found = dict(zip(self.places, values, strict=True))
        args = [found[k] if k in found else own(x) for k, x in enumerate(self.args)]
        return args, {n: found[n] if n in found else own(x) for n, x in self.kwargs.items()}
