"""What the operators and methods of sets do, converted like the program's own functions.

``items``: those of a set as a list, in whatever order; of ``made`` only its final contents count.
"""

from __future__ import annotations

from typing import Any


def put_all(made: Any, items: Any) -> None:
    for item in items:
        made.add(item)


def take_all(made: Any, items: Any) -> None:
    for item in items:
        made.discard(item)


def keep(made: Any, items: Any, others: Any) -> None:
    for item in items:
        if item not in others:
            made.discard(item)


def put_or_take(made: Any, items: Any, before: Any) -> None:
    for item in items:
        if item in before:
            made.discard(item)
        else:
            made.add(item)


def are_in(items: Any, others: Any) -> bool:
    return all(item in others for item in items)


def are_not_in(items: Any, others: Any) -> bool:
    return all(item not in others for item in items)
