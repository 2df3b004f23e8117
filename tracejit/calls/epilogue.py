"""What is done in Python after the native call: views, and changes of the caller's objects."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tracejit import trees
from tracejit.calls.chains import Pending
from tracejit.calls.non_native import standing
from tracejit.calls.result_objects import Boxes, HostBoxes, Rebuilder
from tracejit.errors import UnsupportedError
from tracejit.ir.results import (
    FIELDS,
    AttributeChange,
    CallerOut,
    ContainerChange,
    ObjectOut,
    Out,
    TreeOut,
)
from tracejit.records import dataclass
from tracejit.trace.guards.paths import Path, as_path
from tracejit.trace.session.plain import put_attribute
from tracejit.trace.values.kept_changes import taken

if TYPE_CHECKING:
    from tracejit.trace.traced import Traced


class Epilogue:
    """What happens after the native call when results are views or the caller's objects change."""

    def __init__(self, traced: Traced, boxes: Boxes | None = None) -> None:
        self._boxes = boxes or HostBoxes()
        self.outs, self.out_tree = tuple(traced.outs), traced.out_tree
        self.containers, self.attributes = tuple(traced.containers), tuple(traced.attributes)
        self.beyond = tuple(traced.beyond)
        changes: list[Any] = [*self.containers, *self.attributes]
        outs = [*self.outs, *(out for change in changes for out in change.outs)]
        self.paths = {change.path for change in self.containers} | set(_caller_paths(outs))

    @property
    def needs_call(self) -> bool:
        """Whether it needs the containers of the call, or changes something."""
        return bool(self.paths or self.attributes)

    def value(self, values: Sequence[Any], array: Callable[[int], Any]) -> Any:
        """The function's result from IR results and argument arrays."""
        return Rebuilder(values, array, {}, self._boxes).tree(self.outs, self.out_tree)

    def apply(self, call: tuple[Any, Any], raw: tuple[Sequence[Any], dict[int, Any]]) -> Any:
        """Change the caller's lists, dicts, deques and attributes; then the result."""
        values, by_number = raw
        # All are found before one is changed: the change of one may drop another.
        containers = {path: _container(call, path) for path in self.paths}
        owners = [_owner(call, change.owner) for change in self.attributes]
        changed = [containers[change.path] for change in self.containers]
        _must_be_seen(call, changed, self.beyond)
        rebuilder = Rebuilder(values, by_number.__getitem__, containers, self._boxes)
        _change(rebuilder, self.containers, containers, self.attributes, owners)
        return rebuilder.tree(self.outs, self.out_tree)


def left_as_changed(error: BaseException, call: tuple[Any, Any], leaves: Sequence[Any]) -> None:
    """A call has failed: change the caller's lists, dicts, deques and attributes as it has until
    then. ``leaves``: of the call."""
    kept = taken(error)
    if kept is None:
        return
    changes = kept.changes
    if changes.lost is not None:
        error.add_note(
            "Lists, dicts and attributes that the compiled call was given are as before it, as it "
            f"is not known what they held when it failed: {changes.lost}"
        )
        return
    every: list[Any] = [*changes.containers, *changes.attributes]
    outs = [out for change in every for out in change.outs]
    paths = {change.path for change in changes.containers} | set(_caller_paths(outs))
    containers = {path: _container(call, path) for path in paths}
    owners = [_owner(call, change.owner) for change in changes.attributes]
    changed = [containers[change.path] for change in changes.containers]
    _must_be_seen(call, changed, changes.around.beyond)

    def array(k: int) -> Any:
        return leaves[k] if k < len(leaves) else _owner(call, as_path(changes.around.arrays[k]))

    rebuilder = Rebuilder(kept.values, array, containers, HostBoxes())
    _change(rebuilder, changes.containers, containers, changes.attributes, owners)


def _change(
    rebuilder: Rebuilder,
    changes: Sequence[ContainerChange],
    containers: Mapping[tuple[Any, ...], Any],
    attributes: Sequence[AttributeChange],
    owners: Sequence[Any],
) -> None:
    for change in changes:
        target = containers[change.path]
        items = rebuilder.tree(change.outs, change.tree)
        if isinstance(target, dict) and change.keys == (trees.Entries,):
            target.clear()
            target.update(items[0])
        elif isinstance(target, dict):
            target.clear()
            target.update(dict(zip(change.keys or (), items, strict=True)))
        elif isinstance(target, deque):
            target.clear()
            target.extend(items)
        else:
            target[:] = items
    for attribute, owner in zip(attributes, owners, strict=True):
        value = rebuilder.tree(attribute.outs, attribute.tree)
        put_attribute(owner, attribute.name, value)


def _must_be_seen(
    call: tuple[Any, Any], changed: Sequence[Any], beyond: Sequence[tuple[Path, str]]
) -> None:
    """UnsupportedError where an argument that is changed was also found in another way: there the
    compiled code saw what it held before."""
    for path, name in beyond if changed else ():
        found = _owner(call, path)
        found = vars(found) if trees.is_record(found) else found
        if any(found is x for x in changed):
            raise UnsupportedError(
                f"an argument that the function changes is {name} too, where compiled code "
                "does not see the change: pass it once, or reach it in one way"
            )


@dataclass(frozen=True, eq=False)
class ResultBuilder:
    """The function's result from what native code gives: ``count`` results of the core, then the
    argument arrays of the numbers ``arrays``; ``maps``: memory maps, by number."""

    epilogue: Epilogue
    count: int
    arrays: tuple[int, ...]
    maps: Mapping[int, Callable[[], Any]]

    def __call__(self, leaves: list[Any]) -> Any:
        values = leaves[: self.count]
        by_number = dict(zip(self.arrays, leaves[self.count :], strict=True))
        originals = standing()
        if originals:
            by_number = {k: originals.get(id(x), x) for k, x in by_number.items()}
        by_number |= {k: held() for k, held in self.maps.items()}
        if self.epilogue.needs_call:
            return Pending(self.epilogue.apply, (values, by_number))
        return self.epilogue.value(values, by_number.__getitem__)


@dataclass(frozen=True, eq=False)
class TreeBuilder:
    """A pytree whose leaf k is result ``order[k]``."""

    treedef: Any
    order: tuple[int, ...]

    def __call__(self, values: list[Any]) -> Any:
        return trees.unflatten(self.treedef, [values[k] for k in self.order])


def _caller_paths(
    outs: Iterable[Out], met: tuple[ObjectOut, ...] = ()
) -> Iterator[tuple[Any, ...]]:
    for out in outs:
        if isinstance(out, CallerOut):
            yield out.path
        elif isinstance(out, TreeOut):
            yield from _caller_paths(out.outs, met)
        elif isinstance(out, ObjectOut) and out not in met:
            yield from _caller_paths(out.outs, (*met, out))


def _owner(call: tuple[Any, Any], path: Path) -> Any:
    """The object at the end of a path, which may begin at an argument."""
    return path() if path.leaf is None else path.of(_container(call, path.leaf.where))


def _container(call: tuple[Any, Any], path: Sequence[Any]) -> Any:
    """The container of the caller that lies at a path in the arguments."""
    target: Any = call
    for key in path:
        target = vars(target) if key is FIELDS else target[key]
    return target
