"""What the Python that runs says where it refuses a number: its versions have other words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def words(value: Any, refused: Callable[[Any], Any], example: Any) -> tuple[Any, ...]:
    """The message of a check, as ``refused(example)`` gives it, and ``value`` if it is named."""
    try:
        refused(example)
    except ValueError as error:
        text = str(error).replace("{", "{{").replace("}", "}}").replace(repr(example), "{0}")
        return (text, value) if "{0}" in text else (text,)
    raise AssertionError(f"{refused} takes {example!r}")
