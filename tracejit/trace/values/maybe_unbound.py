"""Variables that are bound on some paths only, and values that are None on some."""

from __future__ import annotations

from typing import Any

from tracejit.ir.core import Value
from tracejit.trace.session.session import current
from tracejit.trace.session.tracer import Conditional
from tracejit.trace.values.scalars import PyScalar


class MaybeUnbound(Conditional):
    """A variable's value where it is known at run time only whether it is bound.

    ``definite``: it is bound unless an exception is under way to a ``try`` around.
    """

    def __init__(self, name: str, flag: Value, value: Any) -> None:
        self.name = name
        self.flag = flag
        self.value = value
        self.definite = False

    def __repr__(self) -> str:
        return f"<{self.value!r}, or nothing where no value is assigned>"

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


class MaybeNone(Conditional):
    """A value where it is known at run time only whether it is that value (``flag``) or None."""

    def __init__(self, flag: Value, value: Any) -> None:
        self.flag = flag
        self.value = value

    def __repr__(self) -> str:
        return f"<{self.value!r} or None>"

    def some(self, message: str = "a value is needed where there is None") -> Any:
        """The value, after a check that it is one: for what None cannot be used for."""
        session = current()
        if session.truth_of(self.flag) is not True:
            session.check(self.flag, TypeError, message)
        return self.value

    def is_none(self) -> Any:
        """``x is None``."""
        session = current()
        known = session.truth_of(self.flag)
        return PyScalar("bool", session.inverted(self.flag)) if known is None else not known


def some(x: Any) -> Any:
    """What a value that may be None is, after a check; anything else as it is."""
    return x.some() if isinstance(x, MaybeNone) else x


def some_inside(key: Any) -> Any:
    """``some`` of an index, and of what is in one."""
    if type(key) is tuple:
        return tuple(map(some_inside, key))
    if isinstance(key, slice):
        return slice(*map(some, (key.start, key.stop, key.step)))
    return some(key)


def bound_value(x: Any) -> Any:
    """The value of a variable that may be unbound, after a check; anything else as it is."""
    return x.value_or_raise() if isinstance(x, MaybeUnbound) else x
