"""Context managers in ``with`` statements.

``__enter__`` and ``__exit__`` of the user's own classes are called as the program calls functions.
A generator under ``contextlib.contextmanager`` runs as it is, after what it reads was looked at.
Any other manager must be pure: what a lock or a redirection does would be done once.
"""

from __future__ import annotations

import contextlib
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from tracejit.trace.session.plain import class_attribute
from tracejit.trace.session.pure import is_pure
from tracejit.trace.session.unsupported import refuse_effect
from tracejit.trace.values.dunder_methods import convertible


class Entered:
    """A manager of a class of the user's, entered and left through the operators."""

    def __init__(self, ops: Any, manager: Any, enter: Any, leave: Any) -> None:
        self.ops, self.manager, self.enter, self.leave = ops, manager, enter, leave

    def __enter__(self) -> Any:
        return self.ops.call(MethodType(self.enter, self.manager))

    def __exit__(self, *error: Any) -> Any:
        return self.ops.call(MethodType(self.leave, self.manager), *error)


def entered(ops: Any, manager: Any) -> Any:
    """What a ``with`` statement enters for ``manager``; UnsupportedError if that has effects."""
    kind = type(manager)
    enter, leave = (class_attribute(kind, name) for name in ("__enter__", "__exit__"))
    if enter is None or leave is None:
        return manager  # Python says what is wrong
    if any(isinstance(f, FunctionType) and convertible(f) for f in (enter, leave)):
        return Entered(ops, manager, enter, leave)
    errstate = kind is np.errstate  # made by the function that stands for it in the table
    if not (errstate or (is_pure(enter) and is_pure(leave))):
        refuse_effect(enter)
    return manager


def generator_manager(ops: Any, cls: Any, f: Any, *rest: Any) -> Any:
    """What ``contextlib.contextmanager`` makes of a generator function."""
    return cls(ops.converted(f) if isinstance(f, FunctionType) else f, *rest)


GENERATOR_MANAGER: Any = contextlib._GeneratorContextManager
