"""Implementations with loops over run-time extents: written in Python, converted like a user's.

A function given to ``staged`` sees ``np`` and plain statements; its loops become loops of the IR.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tracejit.trace.session.session import current


def staged(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` with its control flow staged in the trace under way."""
    return current().operators.converted(function)  # type: ignore[no-any-return]


def user_call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call what the user passed, converted where it is Python."""
    return current().operators.call(function, *args, **kwargs)
