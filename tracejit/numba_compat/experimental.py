"""What Numba has under ``experimental``: ``jitclass``, refused."""

from __future__ import annotations

from typing import Any, NoReturn

from tracejit.errors import UnsupportedError


def jitclass(cls_or_spec: Any = None, spec: Any = None) -> NoReturn:
    """Refused: compiled functions take objects of ordinary classes. Raises UnsupportedError."""
    name = getattr(cls_or_spec, "__name__", "")
    raise UnsupportedError(
        f"jitclass {name}".rstrip() + " is refused: leave the class as it is (a dataclass, say) "
        "and compile the functions that take its objects"
    )
