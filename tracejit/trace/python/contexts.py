"""Context managers in ``with`` statements.

``__enter__`` and ``__exit__`` of the user's own classes are called as the program calls functions.
A generator under ``contextlib.contextmanager`` runs as it is, after what it reads was looked at.
Any other manager must be pure: what a lock or a redirection does would be done once.

``__exit__`` of a class of the user's is in the code after the body, and wherever an exception of
the run leaves the body. For other managers, and where a ``try`` around them may catch it, it is in
the code after the body alone: what others would see of it is refused where the body may fail.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Sequence
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from tracejit.errors import UnsupportedError, is_for_user
from tracejit.ir.core import Instr, instr_effect
from tracejit.trace.control.branch import as_test
from tracejit.trace.convert.source import SourceUnavailable, locate
from tracejit.trace.python import library_in_python
from tracejit.trace.session.plain import class_attribute
from tracejit.trace.session.pure import is_pure
from tracejit.trace.session.session import current, where
from tracejit.trace.session.unsupported import refuse_effect
from tracejit.trace.values.dunder_methods import convertible


class Entered:
    """A manager of a class of the user's, entered and left through the operators."""

    def __init__(self, ops: Any, manager: Any, enter: Any, leave: Any) -> None:
        self.ops, self.manager, self.enter, self.leave = ops, manager, enter, leave
        #: Whether it is told of exceptions of the run: no ``try`` around it is.
        self.is_told = not current().catching

    def __enter__(self) -> Any:
        found = self.ops.call(MethodType(self.enter, self.manager))
        if self.is_told:
            current().leaving.append(self.leave_with)
        return found

    def __exit__(self, *error: Any) -> Any:
        if self.is_told:
            current().leaving.pop()
        if error[1] is not None and not is_for_user(error[1]):
            return False  # ours, or of sides that have left it
        return self.ops.call(MethodType(self.leave, self.manager), *error)

    def leave_with(self, error: BaseException) -> None:
        """An exception leaves the body at run time."""
        call = MethodType(self.leave, self.manager)
        swallowed = as_test(self.ops.call(call, type(error), error, error.__traceback__))
        if swallowed is not False:
            raise UnsupportedError(
                f"{where()}: {type(self.manager).__name__}.__exit__ may swallow an exception that "
                "is raised at run time, which compiled code cannot: write `try: ... except ...`"
            )


class Watched:
    """A manager that is left where its body fails, too."""

    def __init__(self, manager: Any) -> None:
        self.manager = manager
        self.start = 0

    def __enter__(self) -> Any:
        found = self.manager.__enter__()
        self.start = len(current().frame.builder.instrs)
        return found

    def __exit__(self, *error: Any) -> Any:
        session = current()
        before, held = len(session.frame.builder.instrs), session.outside.seen_by_the_caller()
        found = self.manager.__exit__(*error)
        instrs = session.frame.builder.instrs
        done, body = instrs[before:], instrs[self.start : before]
        fails = error[0] is None and _may_fail(body)
        if fails and getattr(self.manager, "catches", False):
            raise UnsupportedError(
                f"{where()}: a context manager has an `except` around its yield, and what it does "
                "there is not compiled; write `try: ... except ...` around the body"
            )
        seen = done if session.catching else [i for i in done if instr_effect(i) == "ordered"]
        if fails and (seen or held != session.outside.seen_by_the_caller()):
            raise UnsupportedError(
                f"{where()}: what a context manager does at its end is compiled for a body that "
                "does not fail; write `try: ... finally: ...`, which is compiled for both"
            )
        return found


def _may_fail(instrs: Sequence[Instr]) -> bool:
    return any(
        i.prim.effect == "check" or any(_may_fail(region.instrs) for region in i.regions)
        for i in instrs
    )


def entered(ops: Any, manager: Any) -> Any:
    """What a ``with`` statement enters for ``manager``; UnsupportedError if that has effects."""
    kind = type(manager)
    if kind is contextlib.suppress:
        raise UnsupportedError(
            f"{where()}: contextlib.suppress is compiled where a `with` statement makes it, under "
            "that name (`with suppress(IndexError): ...`); use that, or `try` and `except`"
        )
    if kind is contextlib.closing:
        return _entered_by(ops, manager, contextlib.closing.__enter__, library_in_python.close)
    enter, leave = (class_attribute(kind, name) for name in ("__enter__", "__exit__"))
    if enter is None or leave is None:
        return manager  # Python says what is wrong
    if any(isinstance(f, FunctionType) and convertible(f) for f in (enter, leave)):
        return _entered_by(ops, manager, enter, leave)
    errstate = kind is np.errstate  # made by the function that stands for it in the table
    if not (errstate or (is_pure(enter) and is_pure(leave))):
        refuse_effect(enter)
    return Watched(manager) if getattr(manager, "ends_always", False) else manager


def _entered_by(ops: Any, manager: Any, enter: Any, leave: Any) -> Any:
    made = Entered(ops, manager, enter, leave)
    return made if made.is_told else Watched(made)


def generator_manager(ops: Any, cls: Any, f: Any, *rest: Any) -> Any:
    """What ``contextlib.contextmanager`` makes of a generator function."""
    made = cls(ops.converted(f) if isinstance(f, FunctionType) else f, *rest)
    made.ends_always, made.catches = True, False
    if isinstance(f, FunctionType):
        made.ends_always, made.catches = _around_yields(f)
    return made


def _around_yields(f: FunctionType) -> tuple[bool, bool]:
    """Whether a ``yield`` is in a ``try`` or ``with``, which notices that the body failed; and in a
    ``try`` with handlers."""
    try:
        tree = locate(f.__code__, f.__globals__).tree
    except SourceUnavailable:
        return True, True
    statements = [n for n in ast.walk(tree) if isinstance(n, ast.Try | ast.TryStar | ast.With)]
    held = [s for s in statements if any(isinstance(n, ast.Yield) for n in ast.walk(s))]
    return bool(held), any(not isinstance(s, ast.With) and bool(s.handlers) for s in held)


GENERATOR_MANAGER: Any = contextlib._GeneratorContextManager
