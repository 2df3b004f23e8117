"""What converted functions call in place of statements: the plain meaning of each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from tracejit.errors import all_ask, throw
from tracejit.trace.convert.statement_parts import (
    ExceptPart,
    GetState,
    SetState,
    Site,
    Thunk,
    VarInfo,
)


def catches(kinds: Any, raised: type[BaseException]) -> bool:
    """Whether `except kinds` catches an exception of this class; TypeError as Python."""
    listed = kinds if isinstance(kinds, tuple) else (kinds,)
    for kind in listed:
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            throw(
                TypeError("catching classes that do not inherit from BaseException is not allowed")
            )
    return issubclass(raised, listed)


class StatementOperators:
    """Branches, loops and `try`, on functions for their parts."""

    def if_stmt(
        self,
        test: Any,
        then_fn: Thunk,
        else_fn: Thunk,
        get_state: GetState,
        set_state: SetState,
        names: tuple[VarInfo, ...],
        site: Site,
    ) -> None:
        """`if test: then else: orelse`; the arms write the variables `names` in place."""
        if test:
            then_fn()
        else:
            else_fn()

    def if_return(
        self,
        test: Any,
        then_fn: Thunk,
        else_fn: Thunk,
        get_state: GetState,
        set_state: SetState,
        names: tuple[VarInfo, ...],
        site: Site | None,
    ) -> Any:
        """An `if` both arms of which end the function: the value of the arm taken is returned."""
        return then_fn() if test else else_fn()

    def while_stmt(
        self,
        test_fn: Thunk,
        body_fn: Thunk,
        get_state: GetState,
        set_state: SetState,
        names: tuple[VarInfo, ...],
        site: Site,
        extra_test_fn: Thunk | None = None,
    ) -> None:
        """`while test: body`. `extra_test_fn`, asked before `test_fn`, is false after `break`.

        A loop's `else` is ordinary code after the loop, under `if not <break flag>`.
        """
        if extra_test_fn is None:
            while test_fn():
                body_fn()
        else:
            while extra_test_fn() and test_fn():
                body_fn()

    def for_stmt(
        self,
        iterable: Any,
        body_fn: Callable[[Any], Any],
        get_state: GetState,
        set_state: SetState,
        names: tuple[VarInfo, ...],
        site: Site,
        extra_test_fn: Thunk | None = None,
    ) -> None:
        """`for target in iterable: body`; `body_fn(item)` assigns the target first.

        The iterator is not advanced once `extra_test_fn` is false.
        """
        for item in iterable:
            body_fn(item)
            if extra_test_fn is not None and not extra_test_fn():
                break

    def try_stmt(
        self,
        body_fn: Thunk,
        handlers: tuple[ExceptPart, ...],
        else_fn: Thunk | None,
        final_fn: Thunk | None,
        get_state: GetState,
        set_state: SetState,
        names: tuple[VarInfo, ...],
        site: Site,
    ) -> None:
        """`try`, with what each `except` catches (None: everything), runs, and whether it uses the
        exception."""
        try:
            try:
                body_fn()
            except BaseException as error:
                for kinds, run, _ in handlers:
                    if kinds is None or catches(kinds(), type(error)):
                        run(error)
                        break
                else:
                    raise
            else:
                if else_fn is not None:
                    else_fn()
        finally:
            if final_fn is not None:
                final_fn()

    def entered(self, manager: Any) -> Any:
        """What a `with` statement enters for a context manager."""
        return manager

    def suppressed(self, manager: Any) -> tuple[type[BaseException], ...] | None:
        """The exceptions that a `contextlib.suppress` suppresses; None for another manager."""
        return manager._exceptions if type(manager) is contextlib.suppress else None  # type: ignore[attr-defined]

    def raised(self, error: Any) -> Any:
        """What a `raise` statement raises."""
        return error

    def assertion(self, *message: Any) -> BaseException:
        """The exception of a failed `assert`."""
        return AssertionError(*message)


all_ask(globals(), Exception)
