"""What an entry asks of parameters: how it finds them, and how they lie."""

from __future__ import annotations

import operator
from typing import Any

from tracejit import abi


def attribute_read(read: Any) -> str | None:
    """The one attribute that a function reads, if that is what it does."""
    if type(read) is not operator.attrgetter:
        return None
    names: Any = read.__reduce__()[1]
    return str(names[0]) if len(names) == 1 and "." not in names[0] else None


def is_binding(hidden: abi.Hidden) -> bool:
    """Whether a hidden parameter is a name of a module that must be bound to a certain object."""
    identity = isinstance(hidden.param, abi.IdentityParam)
    return identity and isinstance(hidden.source, abi.GlobalSource)


def contiguity(param: abi.ArrayParam) -> str | None:
    """ "C" or "F" where NumPy's flag says all that the strides would say."""
    if isinstance(param.strides, str):
        return param.strides
    if None in param.shape or None in param.strides:
        return None
    running = param.dtype.itemsize
    for extent, stride in zip(reversed(param.shape), reversed(param.strides), strict=True):
        if stride != running:
            return None
        running *= extent or 1
    return "C"
