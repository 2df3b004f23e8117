"""The native chain of one function: which rows answer its calls.

A version whose arguments are leaves as they lie is a row by itself. Arguments with containers in
them are taken apart by a row per structure, with the versions for it behind. Structures that native
code does not take apart (deques, classes that programs register) are flattened in Python, and so
are calls in which a container is in several places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from types import GetSetDescriptorType
from typing import Any

from tracejit import abi, trees
from tracejit.abi.packing import MANY
from tracejit.calls.new_items import Pending, changing
from tracejit.calls.tracebacks import boundary
from tracejit.python_entry.parameters import CallParameters
from tracejit.records import dataclass

_MISSED = object()
#: Rows kept for versions, and for structures; the slow path serves all the others.
VERSIONS, STRUCTURES = 32, 64


def _missed(*args: Any, **kwargs: Any) -> Any:
    return _MISSED


@cache
def _leaf_type() -> type:
    from tracejit.python_entry.entry import callable_type

    return callable_type("LeafCall", __name__, {"__doc__": "A native chain over leaves."})


@dataclass(frozen=True)
class ChainRow:
    """What native code tries for leaves of a structure; ``needs_call``: it answers ``Pending``."""

    structure: Any
    entry: Any
    needs_call: bool


@dataclass(frozen=True)
class _Arrangement:
    """How the leaves of calls of one structure lie in the places of parameters (see
    ``CallParameters``)."""

    places: tuple[abi.Structure, ...]
    count: int
    call: Any
    #: What can be changed in the places, in the order in which it is taken apart.
    changeable: tuple[Any, ...]

    @property
    def plain(self) -> bool:
        """Whether each place is one leaf, in order."""
        return self.places == tuple(range(self.count))


class Chains:
    """The rows of one function, and the calls that are flattened in Python."""

    def __init__(
        self,
        function: Callable[..., Any],
        chain: Callable[[Sequence[Any]], None],
    ) -> None:
        self.function = function
        self._chain = chain
        self._arrangements: dict[Any, _Arrangement | None] = {}
        self._inner: dict[Any, Any] = {}
        self.dispatcher: Any = None

    @property
    def parameters(self) -> CallParameters | None:
        found: CallParameters | None = self.dispatcher.parameters
        return found

    def renew(self, found: Sequence[ChainRow]) -> None:
        """These are the rows now. Where there are too many, those in front go."""
        rows: list[Any] = []
        apart: dict[Any, list[ChainRow]] = {}
        for row in found:
            arrangement = self._arrangement(row.structure)
            if arrangement is not None and arrangement.plain and not row.needs_call:
                rows.append(row.entry)
            else:
                apart.setdefault(row.structure, []).append(row)
        rows = rows[-VERSIONS:]
        inner: dict[Any, Any] = {}
        for structure, behind in list(apart.items())[-STRUCTURES:]:
            unpacking = self._unpacking(structure, behind)
            if unpacking is not None:
                rows.append(unpacking)
            else:
                inner[structure] = _leaf_call([row.entry for row in behind])
        self._inner = inner
        self._chain(rows)

    def _arrangement(self, structure: Any) -> _Arrangement | None:
        if structure not in self._arrangements:
            if len(self._arrangements) > 4 * STRUCTURES:
                self._arrangements.clear()
            self._arrangements[structure] = self._arranged(structure[0])
        return self._arrangements[structure]

    def _arranged(self, treedef: Any) -> _Arrangement | None:
        """None where native code does not take such a structure apart."""
        if not all(map(_is_known, trees.node_types(treedef))):
            return None
        args, kwargs = trees.unflatten(treedef, range(treedef.num_leaves))
        if self.parameters is not None:
            places = self.parameters.places(args, kwargs)
        else:
            places = None if kwargs else list(args)
        if places is None or any(map(_is_long, trees.lists_in(places))):
            return None
        found = tuple(x for place in places for x in _changeable(place))
        structures = tuple(map(_structure, places))
        return _Arrangement(structures, treedef.num_leaves, (args, kwargs), found)

    def _unpacking(self, structure: Any, behind: Sequence[ChainRow]) -> Any:
        from tracejit.python_entry.unpacking import Unpacking

        arrangement = self._arrangement(structure)
        _, (_, shared) = structure
        if arrangement is None or shared:
            return None
        finish = failed = None
        if any(row.needs_call for row in behind):
            finish, failed = boundary(self.function, self._finished), self._failed
        entries = [self._entry(row, arrangement) for row in behind]
        found = Unpacking(arrangement.places, arrangement.count, entries, finish, failed)
        pairs = zip(behind, entries, strict=True)
        found.finishes = any(row.needs_call and entry is row.entry for row, entry in pairs)
        return found

    def _entry(self, row: ChainRow, arrangement: _Arrangement) -> Any:
        """A row that changes the caller's containers natively, if that is all there is to do."""
        return changing(row.entry, arrangement.call, arrangement.changeable) or row.entry

    def _finished(self, answer: Any, *places: Any) -> Any:
        """The result, once the caller's containers and attributes are changed."""
        if type(answer) is not Pending:
            return answer
        parameters = self.dispatcher.parameters
        call = (places, {}) if parameters is None else parameters.call(places)
        return answer.finish(call, answer.raw)

    def _failed(self, error: BaseException, *places: Any) -> None:
        """An exception leaves native code."""
        args, kwargs = self.parameters.call(places) if self.parameters is not None else (places, {})
        self.dispatcher.failed(error, args, kwargs)

    def miss(self, /, *args: Any, **kwargs: Any) -> Any:
        """A call that native code did not take."""
        try:
            return self._answer(args, kwargs)
        except BaseException as error:
            self.dispatcher.failed(error, args, kwargs)
            raise

    def _answer(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._inner and not kwargs:
            call = (args, kwargs)
            seen, whole = self.dispatcher.packed(call)
            leaves, treedef = trees.flatten(seen)
            inner = self._inner.get((treedef, trees.arrangement(call, whole)))
            if inner is not None:
                result = inner(*leaves)
                if type(result) is Pending:
                    return result.finish(call, result.raw)
                if result is not _MISSED:
                    return result
        return self.dispatcher.miss(*args, **kwargs)


def _changeable(x: Any) -> Iterator[Any]:
    """Containers that can be changed, in the order of ``Unpacking``."""
    if type(x) is int:
        return
    if not isinstance(x, tuple):
        yield x
    if isinstance(x, trees.Numbers | trees.Rows):
        return
    fields = x if isinstance(x, tuple | list) else (x if type(x) is dict else vars(x)).values()
    for item in fields:
        yield from _changeable(item)


def _leaf_call(rows: Sequence[Any]) -> Any:
    from tracejit.python_entry.entry import set_chain, set_miss

    call = _leaf_type()()
    set_miss(call, _missed)
    set_chain(call, rows)
    return call


def _is_known(kind: type) -> bool:
    """Whether native code takes objects of a class apart as ``trees.flatten`` does."""
    if kind in (tuple, list, dict, trees.Numbers, trees.Rows) or trees.is_namedtuple_type(kind):
        return True
    return trees.is_record_type(kind) and _shows_its_dict(kind)


def _shows_its_dict(kind: type) -> bool:
    """Whether ``vars`` of an object runs no code of the program's."""
    looks_up: Any = kind.__getattribute__
    if looks_up is not object.__getattribute__:
        return False
    found = [c.__dict__["__dict__"] for c in kind.__mro__ if "__dict__" in c.__dict__]
    return bool(found) and all(type(f) is GetSetDescriptorType for f in found)


def _is_long(x: list[Any]) -> bool:
    """Whether a list like this one may be passed as an array (see ``many_numbers``)."""
    return len(x) >= MANY and all(type(item) is int for item in x)


def _structure(x: Any) -> abi.Structure:
    """Of an object whose leaves are numbers."""
    kind = type(x)
    if kind is int:
        number: int = x
        return number
    if kind is trees.Numbers:
        return abi.Packed((x.array,))
    if kind is trees.Rows:
        return abi.Packed((x.array, x.counts))
    if kind is list:
        return abi.Container("list", tuple(map(_structure, x)))
    if isinstance(x, tuple):
        return abi.Container("tuple", tuple(map(_structure, x)), cls=kind)
    fields = x if kind is dict else vars(x)
    children = tuple(map(_structure, fields.values()))
    name: Any = "dict" if kind is dict else "record"
    return abi.Container(name, children, tuple(fields), kind)
