"""``typed.List`` and ``typed.Dict``: the lists and dicts of Python, which compiled code takes.

They are made as Numba's are and are no classes of their own: ``List()`` is a list.
"""

from __future__ import annotations

from typing import Any


class _OfPython(type):
    """Classes that make and stand for a container of Python's."""

    kind: type

    def __call__(cls, /, *args: Any, **kwargs: Any) -> Any:
        return cls.kind(*args, **kwargs)

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, cls.kind)

    def __traced_call__(cls, ops: Any, /, *args: Any, **kwargs: Any) -> Any:
        return ops.call(cls.kind, *args, **kwargs)


class List(metaclass=_OfPython):
    """A list. ``List.empty_list(float64)`` is an empty one."""

    kind = list

    @staticmethod
    def empty_list(item_type: Any, allocated: int = 0) -> list[Any]:
        """An empty list; its items take the type of what is put in."""
        return []


class Dict(metaclass=_OfPython):
    """A dict. ``Dict.empty(int64, float64)`` is an empty one."""

    kind = dict

    @staticmethod
    def empty(key_type: Any, value_type: Any, n_keys: int = 0) -> dict[Any, Any]:
        """An empty dict; keys and values have the types of what is put in."""
        return {}
