"""Functions that the traced program makes, where they would leave it.

Their bodies are staging code, which answers inside of the trace alone; and Python makes another
function, with variables of its own, in each call.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any

from tracejit.errors import UnsupportedError
from tracejit.trace.convert.function import is_made_inside


def refuse_inner(leaf: Any) -> None:
    """UnsupportedError for a result that is such a function."""
    if isinstance(leaf, FunctionType) and is_made_inside(leaf):
        raise UnsupportedError(
            f"the function {leaf.__name__} cannot be returned, as it is made in a compiled "
            "function: make it outside, with a parameter for each value that it uses"
        )
