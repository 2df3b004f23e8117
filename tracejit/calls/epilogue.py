"""What is done in Python after the native call: views, and changes of the caller's objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tracejit import trees
from tracejit.calls.new_items import Pending, container_at, fill, lent_lists, refill
from tracejit.calls.non_native import standing
from tracejit.calls.result_objects import Boxes, HostBoxes, Rebuilder, Recipe
from tracejit.errors import UnsupportedError
from tracejit.ir.results import (
    ArgOut,
    AttributeChange,
    CallerOut,
    ContainerChange,
    Out,
    every_part,
    lent_in,
)
from tracejit.records import dataclass
from tracejit.trace.guards.paths import Path, as_path
from tracejit.trace.session.plain import put_attribute
from tracejit.trace.values.kept_changes import taken

if TYPE_CHECKING:
    from tracejit.trace.traced import Traced


class CallerChanges:
    """What becomes of the caller's lists, dicts, deques and attributes. ``outs``: what else is made
    of the same call."""

    def __init__(
        self,
        containers: Sequence[ContainerChange],
        attributes: Sequence[AttributeChange],
        beyond: Sequence[tuple[Path, str]],
        outs: Sequence[Out] = (),
    ) -> None:
        changes: list[Any] = [*containers, *attributes]
        found = [*every_part([*outs, *(out for change in changes for out in change.outs)])]
        #: Numbers of the argument arrays that are in what is made.
        self.arrays = {out.arg for out in found if isinstance(out, ArgOut)}
        self._paths = {change.path for change in containers}
        self._paths |= {out.path for out in found if isinstance(out, CallerOut)}
        self._lent = {*lent_in(found), *(c.lent for c in containers if c.lent is not None)}
        self._paths |= {lent.path for lent in self._lent}
        self._containers = [(change, Recipe(change.outs, change.tree)) for change in containers]
        self._attributes = [(a.owner, a.name, Recipe(a.outs, a.tree)) for a in attributes]
        self._beyond = tuple(beyond)
        #: Whether it needs the containers of the call, or changes something.
        self.needs_call = bool(self._paths or attributes)

    def apply(
        self,
        call: tuple[Any, Any],
        values: Sequence[Any],
        array: Callable[[int], Any],
        boxes: Boxes,
    ) -> Rebuilder:
        """Change them; then what makes the result. ``values`` and ``array``: as in it."""
        # All are found before one is changed: the change of one may drop another.
        containers = {path: container_at(call, path) for path in self._paths}
        lent = {}
        for some in self._lent:
            lent[some] = lent_lists(containers[some.path], some)
        owners = [_owner(call, owner) for owner, _, _ in self._attributes]
        if self._beyond:
            changed = [containers[change.path] for change, _ in self._containers]
            changed += [x for lists in lent.values() for x in lists]
            _must_be_seen(call, changed, self._beyond)
        rebuilder = Rebuilder(values, array, containers, boxes, lent)
        for change, recipe in self._containers:
            items, target = recipe.make(rebuilder), containers[change.path]
            if change.lent is None:
                fill(target, change.keys, items, others_stay=change.others_stay)
            else:
                for x, held in zip(lent[change.lent], items, strict=True):
                    refill(x, held)
        for owner, (_, name, recipe) in zip(owners, self._attributes, strict=True):
            put_attribute(owner, name, recipe.make(rebuilder))
        return rebuilder


class Epilogue:
    """What happens after the native call when results are views or the caller's objects change."""

    def __init__(self, traced: Traced, boxes: Boxes | None = None) -> None:
        self._boxes = boxes or HostBoxes()
        self._result = Recipe(traced.outs, traced.out_tree)
        self._changes = CallerChanges(
            traced.containers, traced.attributes, traced.beyond, traced.outs
        )
        self.arrays, self.needs_call = self._changes.arrays, self._changes.needs_call

    def value(self, values: Sequence[Any], array: Callable[[int], Any]) -> Any:
        """The function's result from IR results and argument arrays."""
        return self._result.make(Rebuilder(values, array, {}, self._boxes))

    def apply(self, call: tuple[Any, Any], raw: tuple[Sequence[Any], dict[int, Any]]) -> Any:
        """Change the caller's lists, dicts, deques and attributes; then the result."""
        values, by_number = raw
        made = self._changes.apply(call, values, by_number.__getitem__, self._boxes)
        return self._result.make(made)


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

    def array(k: int) -> Any:
        return leaves[k] if k < len(leaves) else _owner(call, as_path(changes.around.arrays[k]))

    until_then = CallerChanges(changes.containers, changes.attributes, changes.around.beyond)
    until_then.apply(call, kept.values, array, HostBoxes())


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
    argument arrays of the numbers ``arrays``; ``maps``: memory maps, by number. Both: of those that
    are in the result, or in what is changed."""

    epilogue: Epilogue
    count: int
    arrays: tuple[int, ...]
    maps: Mapping[int, Callable[[], Any]]

    def __call__(self, leaves: tuple[Any, ...]) -> Any:
        values = leaves[: self.count]
        by_number = dict(zip(self.arrays, leaves[self.count :], strict=True))
        originals = standing()
        if originals:
            by_number = {k: originals.get(id(x), x) for k, x in by_number.items()}
        if self.maps:
            by_number |= {k: held() for k, held in self.maps.items()}
        if self.epilogue.needs_call:
            return Pending(self.epilogue.apply, (values, by_number))
        return self.epilogue.value(values, by_number.__getitem__)


@dataclass(frozen=True, eq=False)
class TreeBuilder:
    """A pytree whose leaf k is result ``order[k]``."""

    treedef: Any
    order: tuple[int, ...]

    def __call__(self, values: tuple[Any, ...]) -> Any:
        return trees.unflatten(self.treedef, [values[k] for k in self.order])


def _owner(call: tuple[Any, Any], path: Path) -> Any:
    """The object at the end of a path, which may begin at an argument."""
    return path() if path.leaf is None else path.of(container_at(call, path.leaf.where))
