"""What a call gives back: one description for each leaf of the results.

An ``Out`` is made once, from what a traced function returns (``trace/values/results.py``), or
written down by whoever builds IR without a Python function. It says how the leaf is made of results
of the IR function and of what the caller has. The native entry makes those that it can
(``python_entry/entry_results.py``), Python the others (``calls/result_objects.py``); what is
exported reads the same ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol, TypeAlias

import numpy as np

from tracejit.records import dataclass

Extents: TypeAlias = tuple["int | Ref", ...]


@dataclass(frozen=True)
class Ref:
    """An extent that is IR result ``index``."""

    index: int


@dataclass(frozen=True)
class ArrayOut:
    """A new array: IR result ``index``."""

    index: int


@dataclass(frozen=True)
class ScalarOut:
    """A NumPy scalar: IR result ``index``."""

    index: int


@dataclass(frozen=True)
class PythonOut:
    """A Python scalar of ``kind``: IR result ``index``."""

    index: int
    kind: str


class TextMaker(Protocol):
    """Makes a text of values: ``between`` has the texts around them, and what a replacement field
    says of each."""

    @property
    def between(self) -> tuple[tuple[str, ...], tuple[str, ...]]: ...

    @property
    def plain(self) -> bool:
        """Whether Python's ``format`` shows the values so."""

    def __call__(self, *values: Any) -> str: ...


@dataclass(frozen=True)
class PartOut:
    """One part of each item of a list: IR result ``column``, numbers of these kinds of Python's or
    dtypes of NumPy's, IR result ``tag`` saying of which where there are several. ``items``: arrays
    or lists of numbers. ``heap``: they are numbers of its lists. ``texts``: they are places among
    texts, each made of the parts beside it."""

    column: int
    kinds: tuple[str | np.dtype[Any], ...]
    tag: int | None = None
    items: type | None = None
    heap: HeapOut | None = None
    texts: tuple[tuple[TextMaker, tuple[PartOut, ...]], ...] = ()


@dataclass(frozen=True)
class ListOut:
    """All items of a list. ``make``: what puts the parts of an item together."""

    parts: tuple[PartOut, ...]
    make: type | None


@dataclass(frozen=True)
class Lent:
    """The lists that are items of the caller's list or dict at ``path`` in (args, kwargs), or so
    many steps further down: each once, in order. ``but``: for each step, which are left out,
    since they are in another container, too, and lent with that."""

    path: tuple[Any, ...]
    but: tuple[tuple[int, ...], ...]


@dataclass(eq=False)
class HeapOut:
    """Lists that are items of others: IR result ``rows`` says of each where it begins in ``items``,
    and how many it has. None for ``items``: all are empty. ``lent``: the first are the caller's,
    one group after the other."""

    rows: int
    items: ListOut | None = None
    lent: tuple[Lent, ...] = ()


@dataclass(frozen=True)
class RefOut:
    """The list of ``heap`` whose number is IR result ``index``, the same one wherever it is."""

    index: int
    heap: HeapOut


@dataclass(frozen=True, eq=False)
class TableOut:
    """The entries of a new dict, or all of a new set, the same one wherever it is returned.
    ``values``: of None that is all of them."""

    keys: Out
    values: Out
    is_set: bool = False


@dataclass(frozen=True)
class ArgOut:
    """The caller's array ``arg`` itself (a leaf number, hidden arrays after the leaves)."""

    arg: int


@dataclass(frozen=True)
class ViewOut:
    """A view of another result: ``layers`` as (name, parameters) with extents as ints or Refs."""

    base: Out
    layers: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class SelectOut:
    """One of two, by the bool IR result ``index``."""

    index: int
    then: Out
    other: Out


@dataclass(frozen=True)
class MadeOut:
    """A new container of this structure, where there is one."""

    tree: Any
    outs: tuple[Out, ...]


@dataclass(frozen=True)
class TextOut:
    """A text that is made of these."""

    make: TextMaker
    outs: tuple[Out, ...]


@dataclass(frozen=True)
class JoinOut:
    """The texts of a list in one, with ``between`` between them; ``backwards``: the last first."""

    items: ListOut
    between: str
    backwards: bool


@dataclass(frozen=True)
class SameOut:
    """The object that result leaf ``leaf`` is."""

    leaf: int


@dataclass(frozen=True)
class CallerOut:
    """The caller's container at ``path`` in (args, kwargs), which keeps its identity."""

    path: tuple[Any, ...]


@dataclass(frozen=True)
class TreeOut:
    """New container ``number`` of ``tree``, which is in several places: one object."""

    number: int
    tree: Any
    outs: tuple[Out, ...]


@dataclass(frozen=True)
class StaticOut:
    """An object known when tracing."""

    value: Any


@dataclass(frozen=True, eq=False)
class CopyOut:
    """A new set or buffer with what ``value`` holds, the same one wherever it is returned."""

    value: Any


@dataclass(eq=False)
class ObjectOut:
    """A new object of the program's class ``kind`` with these attributes, the same one wherever it
    is returned."""

    kind: type
    tree: Any = None
    outs: tuple[Out, ...] = ()


Out: TypeAlias = (
    ArrayOut
    | ScalarOut
    | PythonOut
    | ListOut
    | RefOut
    | TableOut
    | ArgOut
    | ViewOut
    | SelectOut
    | MadeOut
    | TextOut
    | JoinOut
    | SameOut
    | CallerOut
    | TreeOut
    | StaticOut
    | CopyOut
    | ObjectOut
)


def parts(out: Out) -> tuple[Out, ...]:
    """The outs that an out is made of."""
    match out:
        case ViewOut(base=base):
            return (base,)
        case JoinOut(items=items):
            return (items,)
        case SelectOut(then=then, other=other):
            return then, other
        case MadeOut(outs=outs) | TextOut(outs=outs) | TreeOut(outs=outs) | ObjectOut(outs=outs):
            return outs
        case TableOut(keys=keys, values=values):
            return keys, values
    return ()


def every_part(outs: Iterable[Out]) -> Iterator[Out]:
    """Outs and all that they are made of; an object once, which may hold itself."""
    met: set[int] = set()
    stack = [*outs]
    while stack:
        out = stack.pop()
        if isinstance(out, ObjectOut):
            if id(out) in met:
                continue
            met.add(id(out))
        stack += parts(out)
        yield out


def lent_in(outs: Iterable[Out]) -> set[Lent]:
    """Lists of the caller's that may be in what outs make."""
    found: set[Lent] = set()
    heaps: list[HeapOut] = []
    for out in every_part(outs):
        if isinstance(out, RefOut):
            heaps.append(out.heap)
        elif isinstance(out, ListOut):
            heaps += [part.heap for part in out.parts if part.heap is not None]
    met: set[int] = set()
    while heaps:
        heap = heaps.pop()
        if id(heap) not in met:
            met.add(id(heap))
            found |= {*heap.lent}
            parts_of_items = heap.items.parts if heap.items is not None else ()
            heaps += [part.heap for part in parts_of_items if part.heap is not None]
    return found


class FIELDS:
    """In a path: the step from a dataclass instance to the dict of its attributes."""


@dataclass(frozen=True)
class ContainerChange:
    """The caller's list or dict at ``path`` (from (args, kwargs)) now holds ``outs``; or each of
    the lists that are ``lent`` does hold one of them. ``others_stay``: a dict keeps what it has
    under other keys."""

    path: tuple[Any, ...]
    keys: tuple[Any, ...] | None
    tree: Any
    outs: tuple[Out, ...]
    lent: Lent | None = None
    others_stay: bool = False


@dataclass(frozen=True)
class AttributeChange:
    """Attribute ``name`` of ``owner``, an object of class ``kind``, was set; None for ``outs`` when
    it was deleted."""

    owner: Any
    name: str
    tree: Any
    outs: tuple[Out, ...]
    kind: type
