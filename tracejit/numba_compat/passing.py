"""What is made of a function, in another process: by name where that finds it, else by value."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any

from tracejit import sources


class Passed:
    """Base of what is made of ``function`` and may be pickled. ``_compiled`` names attributes that
    hold what each process makes for itself, and their first values."""

    function: Callable[..., Any]
    _compiled: dict[str, Any] = {}  # noqa: RUF012 (read only)

    def __init__(self, function: Callable[..., Any]) -> None:
        sources.keep(function)
        wrapper: Any = self
        functools.update_wrapper(wrapper, function, updated=())
        self.function = function
        self.__dict__.update(copy.deepcopy(self._compiled))

    def __reduce__(self) -> Any:
        name = sources.name_elsewhere(self, self.function)
        if name is not None:
            return name
        state = {**self.__dict__, **copy.deepcopy(self._compiled)}
        return _rebuilt, (type(self), state, sources.packed(self.function))


def _rebuilt(kind: type[Passed], state: dict[str, Any], file: Any) -> Passed:
    made = kind.__new__(kind)
    made.__dict__.update(state)
    sources.unpack(made.function, file)
    return made
