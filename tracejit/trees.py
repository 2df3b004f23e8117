"""Nested containers of arguments and results: optree's, with dataclasses and None as a leaf.

The only place that calls optree. Dataclasses register themselves, in tracejit's own namespace, when
one is first met; their children are what ``vars`` shows, so that ``__post_init__`` does not run.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from numbers import Number
from typing import Any, TypeAlias

import optree

PyTreeDef = optree.PyTreeSpec
VERSION: str = optree.__version__
_NAMESPACE = "tracejit"
_registered: set[type] = set()
_apart: dict[type, Callable[[Any], tuple[Sequence[Any], Any]]] = {}

optree.register_pytree_node(
    collections.Counter,
    lambda counts: (tuple(counts.values()), tuple(counts), tuple(counts)),
    lambda keys, values: collections.Counter(dict(zip(keys, values, strict=True))),
    namespace=_NAMESPACE,
)


class Numbers:
    """A list of many numbers of one Python kind, as an array of them: a node with one leaf."""

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = array


optree.register_pytree_node(
    Numbers, lambda x: ((x.array,), None), lambda _, leaves: Numbers(*leaves), namespace=_NAMESPACE
)


class Rows:
    """A list of lists of numbers of one Python kind: an array of all of these, and how many each
    list has. A node with two leaves."""

    __slots__ = ("array", "counts")

    def __init__(self, array: Any, counts: Any) -> None:
        self.array = array
        self.counts = counts


optree.register_pytree_node(
    Rows,
    lambda x: ((x.array, x.counts), None),
    lambda _, leaves: Rows(*leaves),
    namespace=_NAMESPACE,
)


class Nested:
    """A list of lists of lists, or deeper, of numbers of one Python kind: an array of all of these,
    and how many items each list has, level by level from the outermost. A node with as many
    leaves."""

    __slots__ = ("array", "counts")

    def __init__(self, array: Any, *counts: Any) -> None:
        self.array = array
        self.counts = counts


optree.register_pytree_node(
    Nested,
    lambda x: ((x.array, *x.counts), None),
    lambda _, leaves: Nested(*leaves),
    namespace=_NAMESPACE,
)


class Entries:
    """The key under which a dict of the trace of which the run decides the keys has its entries."""


class Run(list[Any]):
    """Items, of which only a call tells how many there are, that a list holds instead of it."""


def map_containers(f: Callable[[Any], Any], tree: Any) -> Any:
    """The tree with ``f`` of what is no number of Python's, plain list, tuple or dict where that is
    something else; ``f`` of a list first. What does not change stays the same object."""
    kind = type(tree)
    if kind not in (list, tuple, dict):
        return f(tree)
    if kind is list and (found := f(tree)) is not tree:
        return found
    items = tree.values() if kind is dict else tree
    if not _inner(items):
        return tree
    new = [x if type(x) in _NUMBERS else map_containers(f, x) for x in items]
    if all(a is b for a, b in zip(new, items, strict=True)):
        return tree
    return dict(zip(tree, new, strict=True)) if kind is dict else kind(new)


def flatten(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> tuple[list[Any], Any]:
    """Leaves of a pytree, and its structure. What refers to itself is a leaf."""
    try:
        return _flatten(tree, is_leaf)
    except RecursionError:
        found = _cyclic(tree)
        if not found:
            raise
    return _flatten(tree, lambda x: id(x) in found or (is_leaf is not None and is_leaf(x)))


def _cyclic(tree: Any) -> set[int]:
    """Of each circle of references, by identity, the records on it, or where it was met."""
    found: set[int] = set()
    path: list[Any] = []
    on_path: dict[int, int] = {}
    seen: dict[int, Any] = {}
    stack: list[tuple[Any, bool]] = [(tree, False)]
    while stack:
        x, is_over = stack.pop()
        if is_over:
            del on_path[id(path.pop())]
            continue
        if id(x) in on_path:
            circle = [id(r) for r in path[on_path[id(x)] :] if is_record(r)] or [id(x)]
            found.update(circle)
        elif id(x) not in seen and (is_record(x) or isinstance(x, list | tuple | dict)):
            seen[id(x)] = x
            on_path[id(x)] = len(path)
            path.append(x)
            stack.append((x, True))
            held = x if isinstance(x, list | tuple) else _held(x)
            stack.extend((part, False) for part in held)
    return found


def _held(x: Any) -> list[Any]:
    return list(x.values() if isinstance(x, dict) else children(x).values())


def _flatten(tree: Any, is_leaf: Callable[[Any], bool] | None) -> tuple[list[Any], Any]:
    while True:
        leaves, treedef = optree.tree_flatten(
            tree, is_leaf=is_leaf, none_is_leaf=True, namespace=_NAMESPACE
        )
        kinds = {k for k in set(map(type, leaves)) - _registered if dataclasses.is_dataclass(k)}
        new = {type(x) for x in leaves if type(x) in kinds and is_record(x)} if kinds else kinds
        if not new:
            return leaves, treedef
        for kind in new:
            _register(kind)


def leaves_of(tree: Any) -> list[Any]:
    """Leaves of a pytree."""
    return flatten(tree)[0]


def unflatten(treedef: Any, leaves: Sequence[Any]) -> Any:
    """A pytree of this structure."""
    return treedef.unflatten(leaves)


def is_leaf(treedef: Any) -> bool:
    """Whether a structure is a leaf, with nothing around it."""
    return bool(treedef.num_nodes == 1 and treedef.num_leaves == 1)


def is_list_of_leaves(treedef: Any) -> bool:
    """Whether a structure is a list, and all its items are leaves."""
    return treedef.type is list and bool(treedef.num_nodes == treedef.num_leaves + 1)


def name_of_leaf(treedef: Any, k: int, names: Sequence[str]) -> str:
    """What leaf ``k`` of a call's (args, kwargs) is called where the parameters have these names:
    ``params['w'][0]``, say."""
    kind, first, *rest = treedef.paths()[k]
    if kind == 1:
        name = str(first)
    else:
        name = names[first] if first < len(names) else f"argument {first}"
    return name + "".join(f"[{step!r}]" for step in rest)


def node_types(treedef: Any) -> Iterator[type]:
    """The class of every container in a structure."""
    if treedef.type is not None:
        yield treedef.type
        for child in treedef.children():
            yield from node_types(child)


def lists_in(tree: Any) -> Iterator[list[Any]]:
    """Every list in plain containers and records."""
    if isinstance(tree, list):
        yield tree
    if isinstance(tree, dict):
        tree = tuple(tree.values())
    elif is_record(tree):
        tree = tuple(children(tree).values())
    for x in tree if isinstance(tree, list | tuple) else ():
        yield from lists_in(x)


def is_namedtuple_type(kind: type) -> bool:
    """Whether instances are taken apart as named tuples."""
    return bool(optree.is_namedtuple_class(kind))


def is_record_type(kind: type) -> bool:
    """Whether instances are taken apart as dataclasses, by their attributes."""
    return kind in _registered and dataclasses.is_dataclass(kind)


def map_leaves(f: Callable[[Any], Any], tree: Any) -> Any:
    """A pytree of the same structure with ``f`` of each leaf."""
    leaves, treedef = flatten(tree)
    return unflatten(treedef, [f(x) for x in leaves])


def is_record(x: Any) -> bool:
    """Whether ``x`` is a dataclass instance that is a container here."""
    if not dataclasses.is_dataclass(x) or isinstance(x, type):
        return False
    return hasattr(x, "__dict__") or type(x).__dataclass_params__.frozen  # type: ignore[attr-defined]


def children(record: Any) -> dict[str, Any]:
    """Attributes of a dataclass instance by name, in order."""
    if hasattr(record, "__dict__"):
        return dict(vars(record))
    return {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}


def key_orders(tree: Any, whole: frozenset[int] = frozenset()) -> tuple[Any, ...]:
    """The order of keys of every dict within: optree sorts keys, a program may depend on order."""
    try:
        return _key_orders(tree, whole)
    except RecursionError:
        return _key_orders(tree, whole.union(_cyclic(tree)))


def _key_orders(tree: Any, leaves: frozenset[int]) -> tuple[Any, ...]:
    if id(tree) in leaves:
        return ()
    if isinstance(tree, dict):
        return (*tree, *(o for v in _inner(tree.values()) if (o := _key_orders(v, leaves))))
    if isinstance(tree, list | tuple):
        inner = _inner(tree)
        return tuple(o for v in inner if (o := _key_orders(v, leaves))) if inner else ()
    return _key_orders(tuple(children(tree).values()), leaves) if is_record(tree) else ()


def _inner(items: Iterable[Any]) -> list[Any]:
    """Those that may hold something: there may be many numbers beside them."""
    return [x for x in items if type(x) not in _NUMBERS]


_NUMBERS = frozenset({int, float, bool, complex})


def _exactly(key: Any) -> Any:
    """What is equal for keys only that are equal, of the same types, and have the same signs."""
    kind = type(key)
    if kind is str:
        return key
    if isinstance(key, tuple):
        return kind, tuple(map(_exactly, key))
    if isinstance(key, frozenset):
        return kind, frozenset(map(_exactly, key))
    return kind, repr(key) if isinstance(key, Number) and kind is not int else key


Place: TypeAlias = tuple[Any, ...]
#: Places of one list, dict or record: where it is first met, and another.
Shared: TypeAlias = tuple[tuple[Place, Place], ...]


def arrangement(tree: Any, whole: frozenset[int] = frozenset()) -> tuple[Any, Shared]:
    """What the structure that ``flatten`` gives does not say: the keys in order (``1`` is not
    ``True`` here), and which lists, dicts and records are one object in several places.

    ``whole``: lists of numbers, by identity, that are not looked into."""
    shared = _shared(tree, whole) if _repeats(tree, set(), whole) else ()
    return _exactly(key_orders(tree, whole)), shared


def _repeats(tree: Any, met: set[int], whole: frozenset[int]) -> bool:
    """Whether something that can be changed is met twice; what holds itself is no container."""
    if isinstance(tree, tuple):
        return any(_repeats(x, met, whole) for x in _inner(tree))
    if isinstance(tree, list | collections.deque):
        held: Any = () if id(tree) in whole else tree
    elif isinstance(tree, dict):
        held = tree.values()
    elif is_record(tree):
        held = children(tree).values()
    else:
        return False
    if id(tree) in met:
        return True
    met.add(id(tree))
    inner = _inner(held)
    return bool(inner) and any(_repeats(x, met, whole) for x in inner)


def _shared(tree: Any, whole: frozenset[int]) -> Shared:
    first: dict[int, Place] = {}
    found: list[tuple[Place, Place]] = []
    under_way: set[int] = set()

    def walk(x: Any, place: Place) -> None:
        parts = {} if id(x) in whole else parts_of(x)
        if parts is None or id(x) in under_way:
            return
        if not isinstance(x, tuple) and id(x) in first:
            found.append((first[id(x)], place))
            return
        first.setdefault(id(x), place)
        under_way.add(id(x))
        for key, part in parts.items():
            walk(part, (*place, key))
        under_way.remove(id(x))

    walk(tree, ())
    return tuple(found)


def parts_of(x: Any) -> dict[Any, Any] | None:
    """What a list, tuple, deque, dict or record holds, by key; None of anything else."""
    if isinstance(x, list | tuple | collections.deque):
        return dict(enumerate(x))
    if isinstance(x, dict):
        return x
    return children(x) if is_record(x) else None


def with_shared(tree: Any, shared: Shared) -> Any:
    """A tree of new containers in which ``shared`` places hold one object. Changes the tree."""
    firsts = {other: first for first, other in shared}
    held: dict[Place, Any] = {}

    def walk(x: Any, place: Place) -> Any:
        if place in firsts:
            return held[firsts[place]]
        parts = parts_of(x)
        if parts is None:
            return x
        held[place] = x
        new = {key: walk(part, (*place, key)) for key, part in parts.items()}
        changed = [key for key, part in parts.items() if new[key] is not part]
        if isinstance(x, tuple) and changed:
            return type(x)(*new.values()) if hasattr(x, "_fields") else type(x)(new.values())
        for key in changed:
            if isinstance(x, list | dict | collections.deque):
                x[key] = new[key]
            else:
                object.__setattr__(x, key, new[key])
        return x

    return walk(tree, ())


def register(
    kind: type,
    apart: Callable[[Any], tuple[Sequence[Any], Any]],
    together: Callable[[Any, Any], Any],
) -> None:
    """A class whose instances are containers: their parts, with what else tells how to make one."""
    optree.register_pytree_node(kind, apart, together, namespace=_NAMESPACE)
    _registered.add(kind)
    _apart[kind] = apart


def registered_parts(x: Any) -> list[Any] | None:
    """What an object of a class that ``register`` was told of holds; None of others."""
    apart = _apart.get(type(x))
    return None if apart is None else list(apart(x)[0])


def registered_in(treedef: optree.PyTreeSpec) -> set[type]:
    """The classes in a structure that have to be registered before it can be read from a file."""
    found: set[type] = set().union(*map(registered_in, treedef.children()))
    return found | {treedef.type} if treedef.type in _registered else found


def register_again(kinds: Iterable[type]) -> None:
    """Register records among ``kinds``, of another process's ``registered_in``. Whatever else
    there is of them registers itself where it is defined."""
    for kind in kinds:
        if kind not in _registered and dataclasses.is_dataclass(kind):
            _register(kind)


def _register(kind: type) -> None:
    def take_apart(record: Any) -> tuple[tuple[Any, ...], tuple[str, ...], tuple[str, ...]]:
        found = children(record)
        return tuple(found.values()), tuple(found), tuple(found)

    def put_together(names: tuple[str, ...], values: Sequence[Any]) -> Any:
        made: Any = object.__new__(kind)
        for name, value in zip(names, values, strict=True):
            object.__setattr__(made, name, value)
        return made

    optree.register_pytree_node(kind, take_apart, put_together, namespace=_NAMESPACE)
    _registered.add(kind)
