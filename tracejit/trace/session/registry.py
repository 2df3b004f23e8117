"""What rooms above have for those below: tables that modules fill when they are imported.

An array does not know what indexing it means, nor a number what ``round`` of it is; they ask here.
The tables compute nothing, and ``trace.driver`` imports all that fills the tables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Implementation = Callable[..., Any]

#: NumPy's functions and ufuncs: what stands for each, with NumPy's own parameters (array_api).
NAMES: dict[object, Implementation] = {}
#: What stands for those that take structured arrays, or make them (array_api).
STRUCTURED: dict[object, Implementation] = {}
#: Methods of arrays by name; each takes the array first (array_api).
METHODS: dict[str, Implementation] = {}
#: Methods of NumPy's scalars (array_api).
SCALAR_METHODS: dict[str, Implementation] = {}
#: Objects of NumPy that are indexed rather than called, and what stands for them (array_api).
INDEXED: dict[object, Any] = {}
#: Classes of NumPy's whose call makes something: what stands for the call (array_api).
CONSTRUCTORS: dict[object, Implementation] = {}
#: Asked in turn what stands for a callable that is in no table; None if nothing (array_api).
STAND_INS: list[Callable[[Any], Implementation | None]] = []
#: Asked in turn what stands for a function or ufunc of another library (array_api).
OF_LIBRARIES: list[Callable[[Any], Implementation | None]] = []
#: Of our classes that stand for Python's or NumPy's: the class that the program sees.
CLASS_SEEN: dict[type, Callable[[Any], type]] = {}
#: Python's builtins (python).
BUILTINS: dict[Any, Implementation] = {}
#: Attributes and special methods of arrays, by name (views).
ARRAY: dict[str, Implementation] = {}
#: Attributes of numbers (python).
NUMBER: dict[str, Implementation] = {}
#: What is known of lists of numbers as items of lists: as a value, made of one, its kind (values).
LIST_ROWS: dict[str, Implementation] = {}
#: What texts are as items of a list, and what holds two of them.
LIST_TEXTS: dict[str, Implementation] = {}
#: How a list becomes a reference, a reference a list, and what references meet in (values).
LIST_HEAPS: dict[str, Implementation] = {}
#: How a dict or set is gone through of which the run decides the keys (python).
TABLE_VIEWS: list[Implementation] = []


def from_library(f: Any) -> Implementation | None:
    """What stands for a function of another library, if anything."""
    found = (asked(f) for asked in OF_LIBRARIES)
    return next((implementation for implementation in found if implementation is not None), None)
