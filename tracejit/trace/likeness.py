"""When what a version found outside is still the same."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic)
LIBRARY = ("numpy", "math", "cmath", "builtins", "tracejit", "typing", "functools", "operator")


def contents(x: Any) -> Any:
    """A copy of containers all the way down."""
    if type(x) is dict:
        return {k: contents(v) for k, v in x.items()}
    return type(x)(map(contents, x)) if type(x) in (list, tuple, set, deque) else x


def objects_in(x: Any) -> list[Any]:
    """What is in a container, containers inside of it too."""
    if not isinstance(x, list | tuple | dict | set | deque):
        return []
    items = list(x.values()) if isinstance(x, dict) else list(x)
    return [*items, *(o for i in items for o in objects_in(i))]


def same_contents(held: Any, now: Any) -> bool:
    if held is now:
        return type(now) not in (list, dict, set, deque)
    if type(held) is not type(now):
        return False
    if type(held) is dict:
        same_keys = list(held) == list(now)
        return same_keys and all(same_contents(v, now[k]) for k, v in held.items())
    if type(held) in (list, tuple, deque):
        same_length = len(held) == len(now)
        return same_length and all(map(same_contents, held, now))
    if type(held) is set:
        return bool(held == now)
    return isinstance(held, PLAIN) and same_value(held, now)


def is_plain_value(x: Any) -> bool:
    """Whether a guard compares it by type and value: a scalar, a text, None."""
    return isinstance(x, PLAIN)


def same_value(a: Any, b: Any) -> bool:
    """Equal scalars of one type (nan equals nan, 0.0 is not -0.0)."""
    return type(a) is type(b) and (a == b or a != a) and repr(a) == repr(b)
