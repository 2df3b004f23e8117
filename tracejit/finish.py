"""What is done in Python after the native call: views, and changes of the caller's objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tracejit import trees
from tracejit.trace.driver import Traced
from tracejit.trace.guards import FIELDS
from tracejit.trace.results import CallerOut, rebuild


class Finish:
    """What happens after the native call when results are views or the caller's objects change."""

    def __init__(self, traced: Traced) -> None:
        self.traced = traced
        changes: list[Any] = [*traced.containers, *traced.attributes]
        outs = [*traced.outs, *(out for change in changes for out in change.outs)]
        paths = [change.path for change in traced.containers]
        self.paths = {*paths, *(out.path for out in outs if isinstance(out, CallerOut))}

    @property
    def needs_call(self) -> bool:
        """Whether it needs the containers of the call, or changes something."""
        return bool(self.paths or self.traced.attributes)

    def value(
        self,
        values: Sequence[Any],
        array: Callable[[int], Any],
        containers: Mapping[tuple[Any, ...], Any] | None = None,
    ) -> Any:
        """The function's result from IR results, argument arrays and containers by path."""
        leaves = rebuild(self.traced.outs, values, array, containers)
        return trees.unflatten(self.traced.out_tree, leaves)

    def apply(self, call: tuple[Any, Any], raw: tuple[Sequence[Any], dict[int, Any]]) -> Any:
        """Change the caller's lists, dicts and attributes; then the result."""
        values, by_number = raw
        array = by_number.__getitem__
        # All are found before one is changed: the change of one may drop another.
        containers = {path: _container(call, path) for path in self.paths}
        for change in self.traced.containers:
            target = containers[change.path]
            items = trees.unflatten(change.tree, rebuild(change.outs, values, array, containers))
            if isinstance(target, dict):
                target.clear()
                target.update(zip(change.keys or (), items, strict=True))
            else:
                target[:] = items
        for attribute in self.traced.attributes:
            leaves = rebuild(attribute.outs, values, array, containers)
            setattr(attribute.owner, attribute.name, trees.unflatten(attribute.tree, leaves))
        return self.value(values, array, containers)


def _container(call: tuple[Any, Any], path: Sequence[Any]) -> Any:
    """The container of the caller that lies at a path in the arguments."""
    target: Any = call
    for key in path:
        target = vars(target) if key is FIELDS else target[key]
    return target
