"""What an entry makes of the results of a core: leaves, what is around them, and new items for the
caller's containers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MemberDescriptorType
from typing import Any

import numpy as np

from tracejit import abi, trees
from tracejit.abi.packing import MANY
from tracejit.calls.epilogue import Epilogue, ResultBuilder, TreeBuilder
from tracejit.calls.new_items import (
    GivenBack,
    ItemsBuilder,
    NewAttribute,
    NewItems,
    Returned,
    ReturnedChoice,
    ReturnedTuple,
)
from tracejit.calls.result_objects import Boxes
from tracejit.ir.arguments import KIND_TYPE
from tracejit.ir.results import (
    ArgOut,
    ArrayOut,
    AttributeChange,
    CallerOut,
    ContainerChange,
    CopyOut,
    ListOut,
    MadeOut,
    ObjectOut,
    Out,
    PartOut,
    PythonOut,
    SameOut,
    ScalarOut,
    SelectOut,
    StaticOut,
    TableOut,
    ViewOut,
    every_part,
)
from tracejit.python_entry.entry_params import attribute_read
from tracejit.python_entry.native_outs import is_native
from tracejit.records import dataclass
from tracejit.trace.session.plain import class_attribute, goes_before
from tracejit.trace.session.registry import CLASS_SEEN
from tracejit.trace.traced import Traced

#: Outs of which one that is in several places is one object.
_ONCE = (ArrayOut, ScalarOut, PythonOut, TableOut, CopyOut)

#: Python's numbers by the dtype that has all of their bits.
_KINDS = {np.dtype(KIND_TYPE[kind]): kind for kind in ("int", "float", "complex", "bool")}


class _NotNative(Exception):  # noqa: N818  (Python puts the result together)
    """There is something that an entry does not make."""


class ResultConvention:
    """The results of a traced function; ``params``: all of its parameters; ``stored``: the results
    of the core; ``passed``: which of these are which parameters; ``boxes``: what results become
    that are not NumPy's."""

    def __init__(
        self,
        traced: Traced,
        params: Sequence[abi.Param],
        stored: Sequence[abi.Result],
        passed: Mapping[int, int],
        boxes: Boxes | None,
    ) -> None:
        self.traced = traced
        self.params = params
        self.stored = stored
        self.passed = passed
        self.boxes = boxes
        self._outs: list[Out] = []
        self._once: dict[Any, int] = {}
        self._objects: set[ObjectOut] = set()

    def found(self, *, stands: bool) -> tuple[tuple[Out, ...], abi.Structure]:
        """The leaves, and what is around them; ``stands``: views are left to Python."""
        held = any(h.held is not None for h in self.traced.hidden_arrays().values())
        changes = Epilogue(self.traced).needs_call
        try:
            if held or stands or (changes and self.boxes):
                raise _NotNative
            structure = self._new_items() if changes else self._structure()
        except _NotNative:
            return self._rebuilt()
        return tuple(self._outs), structure

    def _leaves(self, outs: Sequence[Out]) -> list[_Leaf]:
        """Leaves that native code makes."""
        found: list[_Leaf] = []
        for out in outs:
            if isinstance(out, SameOut):
                found.append(found[out.leaf])
            elif _has_given(out):
                found.append(_Leaf(-1, out))
            elif isinstance(out, ObjectOut):
                found.append(self._object(out))
            else:
                found.append(self._leaf(out))
        return found

    def _object(self, out: ObjectOut) -> _Leaf:
        """A new object that is in one place."""
        if out in self._objects or self.boxes:
            raise _NotNative
        self._objects.add(out)
        held = trees.unflatten(out.tree, self._leaves(out.outs))
        return _Leaf(-1, out, _record(out.kind, held))

    def _leaf(self, out: Out) -> _Leaf:
        if isinstance(out, ScalarOut) and isinstance(self.stored[out.index], abi.ArrayResult):
            out = ArrayOut(out.index)
        out = self._itself(out)
        if not is_native(out, self.params, self.stored) or not self._is_alike(out):
            raise _NotNative
        key = out if isinstance(out, _ONCE) else id(out) if isinstance(out, ViewOut) else None
        index = self._once.get(key, len(self._outs))
        if index == len(self._outs):
            self._outs.append(out)
        if key is not None:
            self._once[key] = index
        return _Leaf(index, out)

    def _itself(self, out: Out) -> Out:
        """The argument, where a number is one as it came; else the same."""
        if self.boxes or not isinstance(out, PythonOut | ScalarOut) or out.index not in self.passed:
            return out
        k = self.passed[out.index]
        param = self.params[k]
        kind = out.kind if isinstance(out, PythonOut) else None
        same = isinstance(param, abi.ScalarParam) and param.kind == kind
        return ArgOut(k) if same else out

    def _is_alike(self, out: Out) -> bool:
        """Whether a leaf is what ``boxes`` would make, too."""
        if not self.boxes:
            return True
        if isinstance(out, ArrayOut):
            return isinstance(self.stored[out.index], abi.ArrayResult)
        if isinstance(out, ArgOut):
            return out.arg < len(self.traced.args)
        return isinstance(out, PythonOut | StaticOut)

    def _structure(self) -> abi.Structure:
        """What is around the leaves of the result."""
        return _structure(self._result())

    def _result(self) -> Any:
        """The result with leaves in it; a set of an array's elements is one."""
        outs, tree = self.traced.outs, self.traced.out_tree
        sets = any(kind in CLASS_SEEN for kind in trees.node_types(tree))
        if sets and not any(isinstance(out, SameOut) for out in outs):
            made = self._with_sets(trees.unflatten(tree, outs))
            outs, tree = trees.flatten(made, is_leaf=lambda x: isinstance(x, Out))
        return trees.unflatten(tree, self._leaves(outs))

    def _with_sets(self, x: Any) -> Any:
        """A result with what makes sets natively in the place of arrays of their elements."""
        if type(x) in (tuple, list):
            return type(x)(map(self._with_sets, x))
        if type(x) is dict:
            return {key: self._with_sets(value) for key, value in x.items()}
        seen = CLASS_SEEN.get(type(x))
        elements = getattr(x, "elements", None) if seen is not None and seen(x) is set else None
        if not isinstance(elements, ArrayOut):
            return x
        dtype = self.stored[elements.index].dtype
        kind = _KINDS.get(dtype) if x.is_python else dtype
        if kind is None:
            return x
        items = ListOut((PartOut(elements.index, (kind,)),), None)
        return TableOut(items, StaticOut(None), is_set=True)

    def _new_items(self) -> abi.Structure:
        """New items for the caller's lists, dicts and deques, and what is returned."""
        traced = self.traced
        if traced.beyond:
            raise _NotNative
        parts = [self._items(change) for change in traced.containers]
        changes: list[Any] = [NewItems(c.path, c.lent, c.others_stay) for c in traced.containers]
        for change in traced.attributes:
            changes.append(self._attribute(change))
            parts.append(_structure(trees.unflatten(change.tree, self._leaves(change.outs))))
        if any(c.lent is not None and c.lent.but != ((),) for c in traced.containers):
            raise _NotNative
        result = self._result()
        built = ItemsBuilder(tuple(changes), self._returned(result, parts))
        return abi.Unflatten(built, tuple(parts))

    def _returned(self, x: Any, parts: list[abi.Structure]) -> Returned:
        """What is returned, of parts that this adds to. A container of the caller's is in a tuple,
        or one of several things."""
        if type(x) is tuple:
            return ReturnedTuple(tuple(self._returned(item, parts) for item in x))
        out = x.out if isinstance(x, _Leaf) and x.index < 0 else None
        if isinstance(out, CallerOut):
            return GivenBack(out.path)
        if isinstance(out, SelectOut):
            if not isinstance(self.stored[out.index], abi.ScalarResult):
                raise _NotNative
            parts.append(self._leaf(PythonOut(out.index, "bool")).index)
            flag = len(parts) - 1
            then, other = (
                self._returned(self._leaves([k])[0], parts) for k in (out.then, out.other)
            )
            return ReturnedChoice(flag, then, other)
        if isinstance(out, MadeOut):
            made = trees.unflatten(out.tree, self._leaves(out.outs))
            return self._returned(made, parts)
        parts.append(_structure(x))
        return len(parts) - 1

    def _attribute(self, change: AttributeChange) -> NewAttribute:
        """What becomes of an attribute of an argument, of what it holds, or of a global object."""
        leaf = change.owner.leaf
        if not _sets_plainly(change.kind):
            raise _NotNative
        if leaf is None:
            return NewAttribute((), 0, change.name, change.owner)
        names = [attribute_read(step) for step in change.owner.steps]
        if not isinstance(self.params[leaf.number], abi.TypeParam) or not all(names):
            raise _NotNative
        if any(o.name in names for o in self.traced.attributes if o is not change):
            raise _NotNative  # which may be an attribute on the way
        return NewAttribute(leaf.where, leaf.number, change.name, steps=tuple(map(str, names)))

    def _items(self, change: ContainerChange) -> abi.Structure:
        """A new list or dict of what a container of the caller's holds from now on."""
        numbers = self._column_of(change)
        if numbers is not None:
            return self._leaf(numbers).index
        items = trees.unflatten(change.tree, self._leaves(change.outs))
        if change.keys is None:
            found = _structure(items)
            if isinstance(found, abi.Container) and change.lent is None:
                return abi.Container("tuple", found.children)
            return found
        if change.keys == (trees.Entries,):
            return _structure(dict(zip(change.keys, items)))
        return abi.Container("dict", tuple(map(_structure, items)), change.keys)

    def _column_of(self, change: ContainerChange) -> ArrayOut | None:
        """What has the items of a list that holds nothing but numbers of one kind of Python's."""
        outs = change.outs
        if change.keys is not None or change.lent is not None or len(outs) != 1:
            return None
        if not isinstance(outs[0], ListOut) or len(trees.unflatten(change.tree, outs)) != 1:
            return None
        part, *others = outs[0].parts
        alone = not others and outs[0].make is None and part.items is None
        stored = self.stored[part.column]
        count = stored.shape[0] if isinstance(stored, abi.ArrayResult) else 0
        if isinstance(count, int) and count < MANY:
            return None  # an array would take longer to make
        (kind, *more) = part.kinds
        # A dtype of NumPy's is equal to a text.
        plain = alone and not more and type(kind) is str and kind == _KINDS.get(stored.dtype)
        return ArrayOut(part.column) if plain and not (part.heap or part.texts) else None

    def _rebuilt(self) -> tuple[tuple[Out, ...], abi.Structure]:
        """Results that Python puts together: it is given those of the core, and the arrays that
        it needs."""
        epilogue = Epilogue(self.traced, self.boxes)
        arrays = sorted(epilogue.arrays)
        outs: list[Out] = [
            ArrayOut(k) if isinstance(result, abi.ArrayResult) else ScalarOut(k)
            for k, result in enumerate(self.stored)
        ]
        outside = self.traced.hidden_arrays().items()
        maps = {k: h.held for k, h in outside if h.held is not None and k in epilogue.arrays}
        build = ResultBuilder(epilogue, len(outs), tuple(arrays), maps)
        return (*outs, *map(ArgOut, arrays)), abi.Unflatten(build)


def _sets_plainly(kind: type) -> bool:
    """Whether setting an attribute of an object is what ``object`` makes of it."""
    sets: Any = kind.__setattr__
    return sets is object.__setattr__ and not issubclass(kind, type)


def _has_given(out: Out) -> bool:
    """Whether containers of the caller's may be in what an out makes."""
    return any(isinstance(x, CallerOut) for x in every_part([out]))


@dataclass(frozen=True)
class _Leaf:
    """``made``: what is made of other leaves, where it is none of its own."""

    index: int
    out: Out
    made: abi.Structure = None


def _alone(tree: Any) -> _Leaf | None:
    """The items or entries of the run that a list or dict is made of, if these are all."""
    held = list(tree.values()) if type(tree) is dict and trees.Entries in tree else tree
    if type(held) is not list or len(held) != 1 or not isinstance(held[0], _Leaf):
        return None
    leaf: _Leaf = held[0]
    return leaf if isinstance(leaf.out, ListOut if held is tree else TableOut) else None


def _stands_for_items(out: Out) -> bool:
    """Whether a list or dict around it holds its items or entries instead of it."""
    return isinstance(out, ListOut) or (isinstance(out, TableOut) and not out.is_set)


def _record(kind: type, held: Mapping[str, Any]) -> abi.Structure:
    """An object of a class with these attributes."""
    for name in held:
        found = class_attribute(kind, name)
        if goes_before(found) and not isinstance(found, MemberDescriptorType):
            raise _NotNative
    children = tuple(map(_structure, held.values()))
    return abi.Container("record", children, tuple(held), kind)


def _is_plain_named(kind: type) -> bool:
    """Whether it is a class of named tuples that are made as `collections.namedtuple` has it."""
    return kind.__bases__ == (tuple,) and hasattr(kind, "_fields") and hasattr(kind, "_make")


def _structure(tree: Any) -> abi.Structure:
    """The nesting of results as the entry builds it; anything unusual goes through optree."""
    if tree is None:
        return None
    alone = _alone(tree)
    if alone is not None:
        return alone.index
    if isinstance(tree, _Leaf) and tree.made is not None:
        return tree.made
    if isinstance(tree, _Leaf):
        if _stands_for_items(tree.out) or tree.index < 0:
            raise _NotNative
        index: abi.Structure = tree.index
        return index
    if type(tree) in (tuple, list):
        kind: Any = type(tree).__name__
        return abi.Container(kind, tuple(map(_structure, tree)))
    if isinstance(tree, tuple) and _is_plain_named(type(tree)):
        return abi.Container("tuple", tuple(map(_structure, tree)), cls=type(tree))
    if type(tree) is dict:
        children = tuple(map(_structure, tree.values()))
        return abi.Container("dict", children, tuple(tree))
    if trees.is_record(tree):
        return _record(type(tree), trees.children(tree))
    leaves, treedef = trees.flatten(tree, is_leaf=lambda x: isinstance(x, _Leaf))
    if any(_stands_for_items(leaf.out) or leaf.index < 0 for leaf in leaves):
        raise _NotNative
    return abi.Unflatten(TreeBuilder(treedef, tuple(leaf.index for leaf in leaves)))
