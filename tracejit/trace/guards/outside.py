"""What a trace read outside of itself: each object found there is guarded, arrays are passed."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from enum import Enum
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from tracejit.dtypes import is_numeric
from tracejit.errors import LeakedTracerError, UnsupportedError, UnsupportedTypeError
from tracejit.ir.arguments import number_arg
from tracejit.trace.convert import is_converted
from tracejit.trace.guards.bound_callables import held_by, known_by, owner_of
from tracejit.trace.guards.class_lookups import ClassLookups, is_ours
from tracejit.trace.guards.conditions import (
    Environment,
    FunctionField,
    HasAttribute,
    HasItem,
    IsBound,
    IsDefined,
    Known,
    SameContents,
    SameElements,
    SameKinds,
)
from tracejit.trace.guards.guard_equality import (
    MAPPINGS,
    SEQUENCES,
    contents,
    is_by_kind,
    kinds,
    objects_in,
)
from tracejit.trace.guards.guards import Getter, Guard, Relation
from tracejit.trace.guards.handed import Handed
from tracejit.trace.guards.paths import (
    ArgumentLeaf,
    GlobalVariable,
    NeedsIdentity,
    Path,
    as_path,
    need_identity,
)
from tracejit.trace.session.plain import (
    PLAIN,
    class_attribute,
)
from tracejit.trace.session.session import where
from tracejit.trace.values.all import Tracer
from tracejit.trace.values.captured_arrays import hidden_array, hidden_number, is_numbers
from tracejit.trace.values.dunder_methods import convertible, method_of
from tracejit.trace.values.exporters import frozen, refused
from tracejit.trace.values.made_objects import is_instance, is_slotted
from tracejit.trace.values.reach import holds_traced

if TYPE_CHECKING:
    from tracejit.trace.session.session import Session


class Outside(ClassLookups):
    """The objects that a trace did not make."""

    def __init__(self, session: Session, args: Any, static: Sequence[Any] = ()) -> None:
        super().__init__(session, args, static)
        self._places: dict[int, set[tuple[int, str]]] = {}
        #: Whether objects or functions of the program's are arguments.
        self.has_arguments = False
        self._by_code: dict[int, FunctionType] = {}
        self.handed = Handed()

    # Reading --------------------------------------------------------------------------------------

    def read(
        self, value: Any, getter: Getter, name: str, owner: Any = None, *, traced: bool = True
    ) -> Any:
        """A value found outside: arrays become hidden arguments (if ``traced``), the rest is
        guarded.

        ``owner``: the object, cell or namespace that held it under ``name``.
        """
        if isinstance(value, Tracer):
            return value
        path = as_path(getter)
        self._read.add(id(value))
        if traced and is_numbers(value):
            if path.leaf is not None and type(value) is not np.ndarray:
                need_identity(path)
            self._met(value, path, name, owner)
            return hidden_array(value, path, name)
        self._can_be_read(value, name, path)
        by_value = isinstance(value, PLAIN) and not hasattr(value, "__dict__")  # with no attributes
        if traced and name in self.session.run_time_globals and number_arg(value) is not None:
            self._owners.append(owner)
            return hidden_number(value, getter, name, owner)
        place = (id(owner), name, id(value))
        known = place in self._guarded or _is_our_module(owner)
        if path.leaf is not None and not by_value and self._of_argument(value, path, name, owner):
            return value
        if not known and (by_value or path.is_variable or path() is value):
            self._guarded.add(place)
            self._owners.append(owner)
            changing = not by_value and (is_instance(value) or is_slotted(value))
            kind = type(value) if changing else None
            self.guards.append(Guard(getter, value, by_value, name, kind))
        if not by_value:
            self._getters[id(value)] = (value, path, name)
            self.note_met(value)
        return value

    def _met(self, value: Any, path: Path, name: str, owner: Any) -> None:
        """An array or object that has been found before in another place is found in both."""
        places = self._places.setdefault(id(value), set())
        if (id(owner), name) not in places:
            places.add((id(owner), name))
            self._owners += [owner, value]
            first = self._getters.setdefault(id(value), (value, path, name))[1]
            self.note_met(value)
            if first is not path:
                self._relations.append(Relation(first, path, same=True))

    def _of_argument(self, value: Any, path: Path, name: str, owner: Any) -> bool:
        """Whether ``value``, which is a part of an object that is an argument, may be another one
        of its kind in other calls."""
        kind = type(value)
        if is_by_kind(kind):
            self._met(value, path, name, owner)
            self.guards.append(Guard(path.then(type), kind, False, name))
            return True
        if kind in (list, tuple, dict):
            self._met(value, path, name, owner)
            self._items_of_argument(value, path, name)
            self._guard_kinds(value, path, name, numbers=False)
            return True
        if not isinstance(value, _SHARED) and path() is value:
            need_identity(path)
        return False

    def _can_be_read(self, value: Any, name: str, path: Path | None = None) -> None:
        """UnsupportedTypeError for an object that holds an array which is not seen; arrays of texts
        and dates must hold what they do."""
        error = refused(value, name, f"{where()}: ")
        if error is not None:
            raise error
        if isinstance(value, np.ndarray) and not is_numeric(value.dtype):
            if value.dtype.hasobject:
                raise UnsupportedTypeError(
                    f"{where()}: {name} is an array of objects, which compiled code does not have: "
                    "make it a list, or an array of numbers"
                )
            self.constant(value, path)
        if type(value) is np.poly1d:
            self.constant(value, path)

    def _is_new(self, function: FunctionType, part: str) -> bool:
        """Whether this part of a function of the program's is not guarded yet; it will be."""
        place = (id(function), part, id(function))
        if place in self._guarded or is_ours(function):
            return False
        self._guarded.add(place)
        self._owners.append(function)
        return True

    def code(self, function: FunctionType) -> None:
        """The code of a function that is traced, which must stay its own."""
        if self._is_new(function, "__code__"):
            name = f"the code of {function.__qualname__}"
            code = Path(FunctionField(function, "Code"))
            self.guards.append(Guard(code, function.__code__, False, name))

    def defaults(self, function: FunctionType) -> None:
        """The defaults of a function that traced code calls."""
        if not self._is_new(function, "__defaults__"):
            return
        name = f"the defaults of {function.__qualname__}"
        if function.__defaults__ is not None:
            defaults = Path(FunctionField(function, "Defaults"))
            self.guards.append(Guard(defaults, function.__defaults__, False, name))
        if function.__kwdefaults__ is not None:
            held = contents(function.__kwdefaults__)
            by_name = Path(FunctionField(function, "KwDefaults")).then(SameContents(held))
            self.guards.append(Guard(by_name, held, False, name))

    def answer(self, getter: Getter, name: str, owner: Any) -> Any:
        """What a function says that was found outside; a container made anew is compared."""
        value = getter()
        if not isinstance(value, list | tuple | dict | set) or getter() is value:
            return self.read(value, getter, name, owner)
        held = contents(value)
        same = as_path(getter).then(SameContents(held))
        self.guards.append(Guard(same, held, False, name))
        return value

    def attribute(self, obj: Any, name: str, value: Any, *, traced: bool = True) -> Any:
        """An attribute that was read from an object found outside."""
        found = self._getters.get(id(obj))
        if found is None or found[0] is not obj:
            return value
        if isinstance(obj, ModuleType) and found[1].leaf is None:
            return self._of_module(obj, name, value, f"{found[2]}.{name}", traced)
        if isinstance(value, MethodType) and value.__self__ is obj:
            self.not_its_own(obj, name)
        path = found[1].attribute(name, plain=method_of(obj, "__getattribute__") is not None)
        return self.read(value, path, f"{found[2]}.{name}", obj, traced=traced)

    def _of_module(
        self, module: ModuleType, name: str, value: Any, called: str, traced: bool
    ) -> Any:
        """What a module has under a name is read in each call as a global variable of it is: of a
        library too, of which a program may replace parts."""
        found = GlobalVariable(vars(module), name)
        if vars(module).get(name) is not value:  # the module's own ``__getattr__``
            return self.read(
                value, Path(Known(module)).attribute(name), called, module, traced=traced
            )
        return self.read(value, found, called, vars(module), traced=traced)

    def constant(self, obj: Any, path: Path | None = None) -> None:
        """An array or polynomial that Python reads while tracing: its elements must stay what they
        are."""
        place = (id(obj), "contents", id(obj))
        if place not in self._guarded:
            self._guarded.add(place)
            self._owners.append(obj)
            same = (path or Path(Known(obj))).then(SameElements(frozen(obj)))
            self.guards.append(Guard(same, True, True, "contents of an array"))

    def item(self, obj: Any, key: Any, value: Any) -> Any:
        """An item of a container found outside."""
        found = self._getters.get(id(obj))
        if found is None or found[0] is not obj:
            return value
        if isinstance(key, slice):
            self.whole(obj)
            return value
        owner = found[1]
        if type(obj).__module__.split(".")[0] == "numpy" and owner()[key] is not value:
            raise UnsupportedError(
                f"{found[2]}[{key!r}] is another object each time that it is read: read it before "
                "the call and pass it as an argument"
            )
        return self.read(value, owner.item(key), f"{found[2]}[{key!r}]", obj)

    def missing(self, obj: Any, name: str) -> None:
        """An attribute that an object found outside does not have: it must not get it."""
        if self.is_outside(obj):
            owner, path = self._getters[id(obj)][1:]
            self._absent(owner.then(HasAttribute(name)), f"{path}.{name}", obj)

    def missing_item(self, obj: Any, key: Any) -> None:
        """A key or index that a container found outside does not have."""
        if self.is_outside(obj):
            owner, path = self._getters[id(obj)][1:]
            self._absent(owner.then(HasItem(key)), f"{path}[{key!r}]", obj)

    def missing_name(self, name: str, namespace: dict[str, Any]) -> None:
        """A global variable that does not exist."""
        is_there = IsDefined(name, namespace)
        if not is_there():
            self._absent(is_there, name, namespace)

    def missing_cell(self, name: str, cell: Any) -> None:
        """A variable of an enclosing function that is not bound yet."""
        is_there = IsBound(cell)
        if not is_there():
            self._absent(is_there, name, cell)

    def whole(self, obj: Any) -> None:
        """All of a list, tuple, dict, set or deque from outside is used (looped over, counted): it
        must still hold the same things, and attributes of these are guarded in their turn."""
        if obj is os.environ:
            held = dict(os.environ)
            self.guards.append(
                Guard(Path(Environment()).then(SameContents(held)), held, False, "os.environ")
            )
        if not self.is_outside(obj):
            return
        owner, name = self._getters[id(obj)][1:]
        refuse_iterator(obj, name)
        if not isinstance(obj, (*MAPPINGS, *SEQUENCES, set)):
            return
        place = (id(obj), "all of it", id(obj))
        if place in self._guarded:
            return
        self._guarded.add(place)
        self._owners.append(obj)
        if owner.leaf is not None:
            self._guard_kinds(obj, owner, name, numbers=True)
            return
        held = contents(obj)
        for item in objects_in(obj):
            self.root(item, f"item of {name}")
        same = owner.then(SameContents(held))
        self.guards.append(Guard(same, held, False, name))

    def _guard_kinds(self, obj: Any, path: Path, name: str, *, numbers: bool) -> None:
        held = kinds(obj, numbers=numbers)
        same = path.then(SameKinds(held, numbers))
        self.guards.append(Guard(same, held, False, name))

    def _items_of_argument(self, obj: Any, path: Path, name: str) -> None:
        """Items of a container in an object that is an argument, containers inside of it too."""
        for key, item in obj.items() if isinstance(obj, dict) else enumerate(obj):
            if isinstance(item, (*PLAIN, *_SHARED)):
                continue
            at, called = path.item(key), f"{name}[{key!r}]"
            self._can_be_read(item, called, at)
            if type(item) in (list, tuple, dict):
                self._met(item, at, called, obj)
                self._items_of_argument(item, at, called)
            elif type(item) is np.ndarray or is_by_kind(type(item)):
                self._met(item, at, called, obj)
            else:
                need_identity(path)

    def root(self, obj: Any, name: str) -> None:
        """An object that is itself known to the caller (a static argument, ``self``)."""
        if self.session.made.get(id(obj), (None,))[0] is obj:
            return
        if not isinstance(obj, PLAIN) or hasattr(obj, "__dict__"):
            self._can_be_read(obj, name)
            self._getters.setdefault(id(obj), (obj, Path(Known(obj)), name))
            self.note_met(obj)

    def called(self, *functions: Any) -> None:
        """Functions that the caller knows."""
        for function in functions:
            self.root(known_by(function), "self")

    def read_held(self, f: Any) -> None:
        """What is in a bound method or partial function is read where a program calls it."""
        if not self.is_outside(f):
            return
        if isinstance(f, partial):
            for name in ("func", "args", "keywords"):
                self.whole(self.attribute(f, name, getattr(f, name), traced=False))
        elif (owner := owner_of(f)) is not None and not self.is_outside(owner):
            self.attribute(f, "__self__", owner, traced=False)

    def argument(self, obj: Any, number: int) -> None:
        """An object of the program's that is argument leaf ``number``."""
        self.has_arguments = True
        where = self.path_of(obj)
        assert where is not None, obj
        path = Path(ArgumentLeaf(number, where))
        self._getters.setdefault(id(obj), (obj, path, type(obj).__name__))
        self.note_met(obj)

    def function(self, function: FunctionType) -> None:
        """A function that is an argument: another one that is made of the same may take its
        place."""
        self.has_arguments = True
        self._by_code[id(function)] = function

    def holds_tuples(self) -> bool:
        """Whether a tuple was found outside, or came in an argument."""
        found = (*self._getters.values(), *self._came_in.values())
        return any(isinstance(x[0], tuple) for x in found)

    def instead_of_change(self, obj: Any) -> str:
        """What the program can do where a list or dict from outside would be changed."""
        found = self._getters.get(id(obj))
        leaf = found[1].leaf if found is not None else None
        holder = "" if leaf is None else type(leaf()).__name__
        first = f"make {holder} a dataclass, " if leaf is not None else ""
        return f"{first}pass it as an argument or return what it should hold"

    def pin(self, *values: Any, functions: bool = True) -> None:
        """What is done with these is not seen, or depends on which objects they are: where one is
        an argument, or part of one, the trace is for that very object. Without ``functions`` these
        are only called."""
        for value in values if self.has_arguments else ():
            if functions:
                self.told_apart(value)
            found = self._getters.get(id(value))
            shared = isinstance(value, (np.ndarray, *_SHARED))
            if found is not None and found[0] is value and found[1].leaf and not shared:
                need_identity(found[1])
            self.pin(*held_by(value), functions=functions)

    def told_apart(self, *values: Any) -> None:
        """The trace is for these very functions, where one is an argument."""
        if any(id(value) in self._by_code for value in values):
            raise NeedsIdentity(FunctionType)

    def must_hold_nothing(self) -> None:
        """At the end of the trace: LeakedTracerError where an object from outside keeps a value of
        it, which no change that is noticed leads to."""
        # A function that the program defines inside, and differentiates, ends with the trace.
        roots = [root for root in self._getters.values() if not is_converted(root[0])]
        if not holds_traced(*(obj for obj, _, _ in roots)):
            return
        name = next(name for obj, _, name in roots if holds_traced(obj))
        raise LeakedTracerError(
            f"{name} keeps a value that is known at run time only: it would be used after the "
            "function is compiled; return it instead of storing it"
        )


#: Things that many objects share, and that a version may be for.
_SHARED = (type, FunctionType, BuiltinFunctionType, ModuleType, np.ufunc, np.dtype, Enum)


def refuse_iterator(x: Any, name: str) -> None:
    """Raise for an iterator, file or generator from outside: what is taken of it is gone."""
    advances = class_attribute(type(x), "__next__")
    if advances is None or (isinstance(advances, FunctionType) and convertible(advances)):
        return
    if x is sys.stdout or x is sys.stderr:
        return
    if isinstance(x, io.IOBase):
        raise UnsupportedError(
            f"{where()}: the file {name} would be used once, when compiling; read before the call "
            "and write its results after it, or use print, which is compiled"
        )
    raise UnsupportedError(
        f"{where()}: items of {name}, a {type(x).__name__}, would be taken once, when compiling; "
        "pass a list or an array of them as an argument"
    )


def _is_our_module(owner: Any) -> bool:
    """Whether something is found in a module of ours, which stays what it is."""
    return type(owner) is dict and str(owner.get("__name__")).startswith("tracejit.")
