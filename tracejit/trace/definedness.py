"""Variables that are bound on some paths only."""

from __future__ import annotations

from typing import Any

from tracejit.ir.core import Value
from tracejit.trace.session import current


class MaybeUndefined:
    """A variable's value where it is known at run time only whether it is bound.

    ``sure``: it is bound unless an exception is under way to a ``try`` around.
    """

    def __init__(self, name: str, flag: Value, value: Any) -> None:
        self.name = name
        self.flag = flag
        self.value = value
        self.sure = False

    def value_or_raise(self, name: str | None = None, *, is_free: bool = False) -> Any:
        """The value, after a check that the variable is bound. ``name``: as the program has it.
        ``is_free``: read as a variable of a function around."""
        if is_free:
            message = (
                f"cannot access free variable '{name}' where it is not associated with a value "
                "in enclosing scope"
            )
            current().check(self.flag, NameError, message)
            return self.value
        message = (
            f"cannot access local variable '{name or self.name}' "
            "where it is not associated with a value"
        )
        current().check(self.flag, UnboundLocalError, message)
        return self.value


def bound_value(x: Any) -> Any:
    """The value of a variable that may be unbound, after a check; anything else as it is."""
    return x.value_or_raise() if isinstance(x, MaybeUndefined) else x
