"""What transforms ask of their arguments, and what they say of others: in the user's words."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.dtypes import is_inexact
from tracejit.errors import UnsupportedError, throw
from tracejit.signatures import own_signature
from tracejit.trace.values.all import Array, PyScalar, Scalar, Tracer, lift

_ARRAYS = np.ndarray | np.generic | Array | Scalar | PyScalar
#: How those are called that do not return a function of the same arguments.
_USES = {
    "jvp": "jvp(f, (x,), (v,))",
    "vjp": "vjp(f, x)",
    "linearize": "linearize(f, x)",
}
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def require_function(x: Any, what: str) -> None:
    """Raise TypeError for what cannot be called, as the result of a call."""
    if not callable(x):
        use = _USES.get(what, f"{what}(f)(x)")
        throw(TypeError(f"{what} takes a function, not {kind_of_object(x)}: write {use}"))
    require_whole(x, what)


def require_whole(function: Callable[..., Any], what: str) -> None:
    """Raise UnsupportedError for a function that stops half way."""
    inner = inspect.unwrap(function)
    if inspect.isgeneratorfunction(inner) or inspect.iscoroutinefunction(inner):
        raise UnsupportedError(
            f"{what}: {function.__qualname__} is a generator or coroutine, which stops half way: "
            "write an ordinary function that returns arrays"
        )


def names_of_positions(function: Callable[..., Any], positions: Sequence[int]) -> list[str]:
    """What the function calls its positional arguments of these numbers."""
    try:
        parameters = own_signature(function).parameters.values()
    except (TypeError, ValueError):
        names = []
    else:
        names = [p.name for p in parameters if p.kind in _POSITIONAL]
    return [names[n] if n < len(names) else f"argument {n}" for n in positions]


#: Leaves of arguments with their names.
Named = list[tuple[str, Any]]


def named_leaves(names: Sequence[str], arguments: Sequence[Any]) -> Named:
    """Each leaf of arguments of these names with its own: ``params['w']``, say."""
    leaves, tree = trees.flatten((tuple(arguments), {}))
    return [(trees.name_of_leaf(tree, k, names), x) for k, x in enumerate(leaves)]


def named_positional(function: Callable[..., Any], arguments: Sequence[Any]) -> Named:
    """The same of all positional arguments of a function."""
    return named_leaves(names_of_positions(function, range(len(arguments))), arguments)


def require_inexact(what: str, named: Named) -> None:
    """Raise TypeError for an argument that has no derivative, which ``what`` would be by."""
    for name, x in named:
        if x is None:
            continue
        if not isinstance(x, Tracer | bool | int | float | complex) and not hasattr(x, "dtype"):
            throw(
                TypeError(
                    f"{what} needs floating or complex arguments, {name} is a {type(x).__name__}: "
                    "choose others by argnums, or pass the arrays in it (a dict or a dataclass)"
                )
            )
        dtype = lift(x).value.dtype
        if not is_inexact(dtype):
            throw(
                TypeError(
                    f"{what} needs floating or complex arguments, {name} is {dtype}: convert it "
                    f"({_converted(x, name)}), or choose others by argnums"
                )
            )


def _converted(x: Any, name: str) -> str:
    return f"{name}.astype(float)" if lift(x).value.rank else f"float({name})"


def require_primals(primals: Sequence[Any], what: str, function: str) -> None:
    """Raise TypeError where no point is given, as for a call of what is returned elsewhere."""
    if not primals:
        throw(TypeError(f"{what} of {function} is taken at a point: write {_USES[what]}"))


def require_tuple(x: Any, what: str, call: str) -> tuple[Any, ...]:
    """The arguments in a tuple or list; TypeError for the one argument alone."""
    if isinstance(x, dict | str | bool | int | float | complex | _ARRAYS) or not hasattr(
        type(x), "__iter__"
    ):
        throw(
            TypeError(
                f"{what} are a tuple with one entry per argument, not {kind_of_object(x)}: "
                f"write {call}"
            )
        )
    return tuple(x)


def require_structure(given: Any, want: Any, what: str, like: str) -> list[Any]:
    """The leaves of ``given``, which has the structure ``want``; TypeError for another one."""
    leaves, tree = trees.flatten(given)
    if tree != want:
        throw(
            TypeError(
                f"{what} another structure than {like}: {shown_structure(tree)}, not "
                f"{shown_structure(want)}"
            )
        )
    return leaves


def shown_structure(tree: Any) -> str:
    """A structure as it is written, with dots for the arrays and numbers in it."""
    return "one array or number" if tree.type is None else _written(tree)


def _written(tree: Any) -> str:
    kind = tree.type
    if kind is None:
        return "…"
    parts = [_written(child) for child in tree.children()]
    if kind is tuple:
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    if kind is list:
        return f"[{', '.join(parts)}]"
    if issubclass(kind, dict):
        return "{" + ", ".join(f"{k!r}: {p}" for k, p in zip(tree.entries(), parts)) + "}"
    return f"{kind.__name__}({', '.join(parts)})"


def require_numbers(leaves: Sequence[Any], what: str) -> None:
    """Raise TypeError where a leaf is neither an array nor a number."""
    for x in leaves:
        if not isinstance(x, Tracer | bool | int | float | complex) and not hasattr(x, "dtype"):
            throw(TypeError(f"{what} is an array or a number, not {kind_of_object(x)}"))


def kind_of_object(x: Any) -> str:
    """What an object is, in a word of the user's."""
    if x is None:
        return "None"
    if isinstance(x, _ARRAYS):
        return "a number" if isinstance(x, Scalar | PyScalar | np.generic) else "an array"
    name = "function" if isinstance(x, FunctionType) else type(x).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
