"""What is made of a function, in another process: by name where that finds it, else by value."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from typing import Any

from tracejit import sources
from tracejit.api import _by_cloudpickle


class Passed:
    """Base of what is made of ``function`` and may be pickled. ``_compiled`` names attributes that
    hold what each process makes for itself, and their first values."""

    function: Callable[..., Any]
    _compiled: dict[str, Any] = {}  # noqa: RUF012 (read only)

    def __reduce__(self) -> Any:
        name, module = self.function.__qualname__, self.function.__module__
        found: Any = sys.modules.get(module)
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is self and not (module == "__main__" and _by_cloudpickle()):
            return name
        state = {**self.__dict__, **copy.deepcopy(self._compiled)}
        return _rebuilt, (type(self), state, sources.packed(self.function))


def _rebuilt(kind: type[Passed], state: dict[str, Any], file: Any) -> Passed:
    made = kind.__new__(kind)
    made.__dict__.update(state)
    sources.unpack(made.function, file)
    return made
