"""What a function is exported for: types of its arguments, written down or shown by examples."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.calls.argument_types import arg_of
from tracejit.calls.signature_strings import (
    ParsedSignature,
    example_of,
    parse_signature,
    parse_type,
)
from tracejit.calls.versions import Options
from tracejit.dtypes import is_complex
from tracejit.errors import UnsupportedError
from tracejit.export.c_names import c_name
from tracejit.ir.arguments import ArgType, ArrayArg, ObjectArg, ScalarArg, StaticArg, SymDim
from tracejit.records import dataclass


@dataclass(frozen=True)
class ArgumentTypes:
    """The leaves of a call's arguments: what each one is, its name, and how they are nested.

    ``declared``: what a signature in one text says of the result.
    """

    leaves: tuple[ArgType, ...]
    names: tuple[str, ...]
    tree: Any
    declared: ParsedSignature | None = None

    @property
    def extents(self) -> dict[str, str]:
        """The parameter of each extent: its name, unless another parameter has that."""
        pairs = zip(self.names, self.leaves, strict=True)
        taken = {"error"}.union(*(_parameters_of(name, arg) for name, arg in pairs))
        found: dict[str, str] = {}
        for arg in self.leaves:
            for dim in arg.shape if isinstance(arg, ArrayArg) else ():
                if isinstance(dim, SymDim) and dim.name not in found:
                    found[dim.name] = distinct_name(c_name(dim.name), lambda n: {n}, taken)
        return found

    def nested(self) -> tuple[Any, ...]:
        """The arguments as ``trace`` takes them."""
        return self.nested_as(lambda count: self.leaves)

    def nested_as(self, leaves: Callable[[int], Iterable[Any]]) -> tuple[Any, ...]:
        """Containers like the arguments, of other leaves."""
        found: tuple[Any, ...] = trees.unflatten(self.tree, list(leaves(len(self.leaves))))
        return found


def argument_types(signature: Any, function: Any, options: Options) -> ArgumentTypes:
    """The types of ``"f8[n](f8[n, 3], f8)"``, or of a tuple with an item per argument: a type as
    text (``"f8[n, 3]"``), an array or number like it, or containers of those.

    ValueError for what is no signature, TypeError for a wrong number of arguments.
    """
    declared = None
    if isinstance(signature, str):
        declared = parse_signature(signature, extents=True)
        args: Sequence[Any] = declared.args
    elif isinstance(signature, tuple):
        args = signature
    else:
        raise ValueError(
            'a signature is a text such as "(f8[n, 3], f8)" or a tuple with the type of each '
            f"argument, not {signature!r}"
        )
    names = _parameters(function, len(args))
    static = set(options.static_argnums)
    static |= {k for k, name in enumerate(names) if name in options.static_argnames}
    given = [StaticArg(x, itself=True) if k in static else x for k, x in enumerate(args)]
    leaves, tree = trees.flatten(tuple(given), is_leaf=lambda x: isinstance(x, _TYPES))
    called = [_called(tree, k, names) for k in range(len(leaves))]
    types = tuple(
        _decided(_type(x, str(signature)), n) for x, n in zip(leaves, called, strict=True)
    )
    return ArgumentTypes(types, _distinct(called, types), tree, declared)


_TYPES = (ArrayArg, ScalarArg, StaticArg)


def _parameters(function: Any, count: int) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return [f"x{k}" for k in range(count)]
    by_position = [p for p in parameters if p.kind < inspect.Parameter.KEYWORD_ONLY]
    names = [p.name for p in by_position if p.kind is not inspect.Parameter.VAR_POSITIONAL]
    needed = sum(p.default is p.empty for p in by_position if p.name in names)
    some = next((p.name for p in by_position if p.kind is inspect.Parameter.VAR_POSITIONAL), None)
    if count < needed or (count > len(names) and some is None):
        raise TypeError(f"{function.__name__} has {needed} arguments; the signature has {count}")
    return names + [f"{some}_{k}" for k in range(count - len(names))]


def _called(tree: Any, k: int, names: Sequence[str]) -> str:
    first, *rest = tree.paths()[k]
    return c_name("_".join([names[first], *map(str, rest)]))


def _distinct(names: Sequence[str], types: Sequence[ArgType]) -> tuple[str, ...]:
    """The names, changed where parameters of C would have one name."""
    taken = {"error"}
    pairs = zip(names, types, strict=True)
    return tuple(
        distinct_name(name, partial(_parameters_of, arg=arg), taken) for name, arg in pairs
    )


def _parameters_of(name: str, arg: ArgType) -> set[str]:
    """A name, and the parameters that an argument of that name has: of a complex number two."""
    two = isinstance(arg, ScalarArg) and arg.is_parameter and is_complex(arg.dtype)
    return {name, f"{name}_re", f"{name}_im"} if two else {name}


def distinct_name(name: str, parameters: Callable[[str], set[str]], taken: set[str]) -> str:
    """The name, with underscores until none of its parameters is taken; they are from now on."""
    while parameters(name) & taken:
        name += "_"
    taken |= parameters(name)
    return name


def _type(given: Any, text: str) -> ArgType:
    if isinstance(given, str):
        given = parse_type(given, text, extents=True)
    if isinstance(given, ArrayArg | StaticArg):
        return given
    arg = arg_of(example_of(given) if isinstance(given, ScalarArg) else given)
    if isinstance(arg, ArrayArg):
        if arg.layout == "strided":
            raise UnsupportedError(
                "an array that is not contiguous cannot be exported for: give its type as text"
            )
        return replace(arg, shape=np.shape(given), writeable=True)
    if isinstance(arg, ScalarArg) and arg.source is not None:
        raise UnsupportedError(
            f"a {arg.source.__name__} needs Python: pass an array of random numbers instead"
        )
    if isinstance(arg, ObjectArg):
        raise UnsupportedError(f"a {arg.kind.__name__} needs Python: pass its numbers and arrays")
    return arg


def _decided(arg: ArgType, name: str) -> ArgType:
    """The type with a name for each extent that has none: it is an extent of its own."""
    if not isinstance(arg, ArrayArg):
        return arg
    axes = enumerate(arg.shape)
    dims = tuple(SymDim(f"{name}_dim{k}", low=0) if d is None else d for k, d in axes)
    return replace(arg, shape=dims)
