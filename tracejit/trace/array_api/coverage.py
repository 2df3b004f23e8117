"""How the names of the tables are spelled, called and refused, for `docs/coverage.md`."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any

import numpy as np

from tracejit.trace.array_api import METHODS, NAMES

_MODULES = (("np", np), ("np.linalg", np.linalg), ("np.fft", np.fft), ("np.emath", np.emath))
_WHOLE = re.compile(r"^    unsupported\((.*?)\)$", re.DOTALL | re.MULTILINE)
_KEYWORD = re.compile(r"(\w+)=\(")


def spelling(function: Any) -> str:
    """``np.linalg.norm`` for the function object."""
    name = getattr(function, "__name__", str(function))
    for prefix, module in (*_MODULES, ("np.random", np.random)):
        if getattr(module, name, None) is function:
            return f"{prefix}.{name}"
    return f"np.lib.stride_tricks.{name}"


def arguments(implementation: Any) -> str:
    """Parameters without annotations, ``None``-like defaults shortened."""
    signature = inspect.signature(implementation)
    parts = []
    star = False
    for p in signature.parameters.values():
        if p.kind is p.KEYWORD_ONLY and not star:
            parts.append("*")
            star = True
        star = star or p.kind is p.VAR_POSITIONAL
        mark = "*" if p.kind is p.VAR_POSITIONAL else "**" * (p.kind is p.VAR_KEYWORD)
        default = "" if p.default is p.empty else "=" + _default(p.default)
        parts.append(f"{mark}{p.name}{default}")
    return "(" + ", ".join(parts) + ")"


def _default(value: Any) -> str:
    if isinstance(value, (int, float, str, tuple, bool)) or value is None:
        return repr(value)
    return getattr(value, "__name__", "...") if isinstance(value, type) else "..."


def refused_arguments(implementation: Any) -> list[str]:
    """Parameters that may only have their default."""
    source = textwrap.dedent(inspect.getsource(implementation))
    return [name for call in _WHOLE.findall(source) for name in _KEYWORD.findall(call)]


def refused(implementation: Any) -> bool:
    """Whether the name is in the table only for its error message."""
    return getattr(implementation, "__name__", "") == "refuse"


def functions() -> dict[str, Any]:
    """Implementations by the name that NumPy gives the function, private names left out."""
    named = {spelling(f): f for f in NAMES if not isinstance(f, (np.ufunc, type))}
    public = {name: NAMES[f] for name, f in named.items() if "._" not in name}
    return {name: found for name, found in public.items() if not refused(found)}


def ufuncs() -> list[str]:
    """The names of NumPy's ufuncs; those of libraries enter the table when they are called."""
    every = [f for f, i in NAMES.items() if isinstance(f, np.ufunc) and not refused(i)]
    return sorted({f.__name__ for f in every if getattr(np, f.__name__, None) is f})


def methods() -> list[str]:
    """The names of the array methods."""
    return sorted(name for name, f in METHODS.items() if not refused(f))


def missing() -> dict[str, str]:
    """What is refused, with what to use instead."""
    named: dict[str, Any] = {spelling(f): i for f, i in NAMES.items() if refused(i)}
    named |= {f"ndarray.{name}": f for name, f in METHODS.items() if refused(f)}
    found = {name: implementation.instead for name, implementation in named.items()}
    return dict(sorted(found.items()))
