"""What a trace takes as it is: plain values, and libraries whose code is not the program's."""

from __future__ import annotations

from typing import Any

import numpy as np

#: Values that are told apart by type and value.
PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic)
#: Modules of which nothing is guarded.
LIBRARY = ("numpy", "math", "cmath", "builtins", "tracejit", "typing", "functools", "operator")
#: Modules of which functions and classes are not the program's.
PLAIN_MODULES = {"numpy", "tracejit", "optree", "builtins", "math", "cmath", "typing", "scipy"}
#: Modules of ours that are written as a program would be, and converted like one.
CONVERTED = {
    "tracejit.trace.python.distinct",
    "tracejit.trace.python.iterators_in_python",
    "tracejit.trace.python.library_in_python",
    "tracejit.transforms.structured",
}


def is_plain_value(x: Any) -> bool:
    """Whether a guard compares it by type and value: a scalar, a text, None."""
    return isinstance(x, PLAIN)


def class_attribute(cls: type, name: str) -> Any:
    """What a class or the first of its bases that has it holds under ``name``, else None."""
    for base in cls.__mro__:
        if name in base.__dict__:
            return base.__dict__[name]
    return None
