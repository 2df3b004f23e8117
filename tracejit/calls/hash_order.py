"""What a version may owe to the hashes of texts, which are others in every process.

The order of a set of texts is one of them. A version that may know such an order, or such a hash,
is for processes with the same hashes only (PYTHONHASHSEED sets them).
"""

from __future__ import annotations

import dis
from collections.abc import Iterable, Iterator
from itertools import pairwise
from types import CodeType, FunctionType
from typing import Any, Final

from tracejit.ir.arguments import StaticArg

#: Names by which code makes sets, or asks for hashes.
_NAMES: Final = {"set", "frozenset", "hash", "__hash__", "keys", "items"}
_MAKES_SETS: Final = {"BUILD_SET", "SET_ADD", "SET_UPDATE"}
#: Of these the hash is a number that every process has.
_NUMBERS: Final = (bool, int, float, complex)


def hashes() -> int:
    """A number that stands for the hashes of this process."""
    return hash("tracejit")


def depends(functions: Iterable[FunctionType], values: Iterable[Any]) -> bool:
    """Whether code of ``functions``, or a set in ``values``, may show an order or a hash."""
    return any(_asks(f.__code__) for f in functions) or any(_has_order(x) for x in values)


def _asks(code: CodeType) -> bool:
    if not _NAMES.isdisjoint((*code.co_names, *code.co_freevars)):
        return True
    steps = list(dis.get_instructions(code))
    if any(step.opname in _MAKES_SETS for step in steps):
        return True
    for step, after in pairwise(steps):
        if isinstance(step.argval, frozenset) and after.opname != "CONTAINS_OP":
            return True
    return any(_asks(inner) for inner in code.co_consts if isinstance(inner, CodeType))


def _has_order(x: Any) -> bool:
    return any(
        isinstance(held, set | frozenset) and any(not isinstance(i, _NUMBERS) for i in held)
        for held in _all(x)
    )


def _all(x: Any) -> Iterator[Any]:
    x = x.value if isinstance(x, StaticArg) else x
    yield x
    if isinstance(x, dict):
        for item in x.items():
            yield from _all(item)
    elif isinstance(x, list | tuple):
        for item in x:
            yield from _all(item)
