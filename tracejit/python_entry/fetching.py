"""How a native entry finds the hidden parameters of a call: names, attributes, classes."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

from tracejit import abi
from tracejit.python_entry.entry_params import attribute_read
from tracejit.python_entry.entry_writer import Writer


class Fetching:
    """The part of an entry's text that fetches what lies outside of its arguments. ``bindings``:
    hidden parameters that are looked at and no more."""

    def __init__(self, writer: Writer, bindings: Sequence[abi.Hidden]) -> None:
        self.w = writer
        self.objects: list[str] = []  # %name of each parameter's object
        self.bindings = bindings

    def _guard_bindings(self) -> None:
        """Names of modules must be bound to what they were: most of what code reads outside."""
        if not self.bindings:
            return
        words: list[Any] = []
        for hidden in self.bindings:
            source, param = hidden.source, hidden.param
            assert isinstance(source, abi.GlobalSource)
            assert isinstance(param, abi.IdentityParam)
            words += [source.namespace, source.name, param.value]
        w, n = self.w, len(self.bindings)
        table, space = w.env_run(tuple(words)), w.env_load(builtins.__dict__)
        call = f"call i1 @tj_bound_as(ptr {table}, i64 {n}, ptr {space})"
        w.guard(w.op(call), otherwise="miss_clear")
        for hidden in self.bindings:
            assert isinstance(hidden.param, abi.IdentityParam)
            self._guard_class(hidden.param)

    def _guard_class(self, param: abi.IdentityParam) -> None:
        """The object is known, and so is where it says of which class it is."""
        if param.kind is not None:
            found = self.w.load_at("ptr", self.w.env_load(param.value), 8)
            self.w.guard(self.w.op(f"icmp eq ptr {found}, {self.w.env_load(param.kind)}"))

    def _fetch(self, number: int, source: abi.Source) -> None:
        """A new reference to a hidden parameter's object; its absence is a miss."""
        if isinstance(source, abi.AttributeSource):
            self.objects.append(self._attribute(number, source))
        else:
            self.objects.append(self._held(number, source))

    def _attribute(self, number: int, source: abi.AttributeSource) -> str:
        w = self.w
        if isinstance(source.start, int):
            found = self.objects[source.start]
            w.emit(f"call void @Py_IncRef(ptr {found})")
            w.store(f"ptr {found}", "%hidden", number)
        else:
            found = self._held(number, source.start)
        for name in source.names:
            inner = w.op(f"call ptr @PyObject_GetAttr(ptr {found}, ptr {w.env_load(name)})")
            w.guard(w.op(f"icmp ne ptr {inner}, null"), otherwise="miss_clear")
            w.store(f"ptr {inner}", "%hidden", number)
            w.emit(f"call void @Py_DecRef(ptr {found})")
            found = inner
        return found

    def _held(self, number: int, source: abi.Source) -> str:
        """What a source finds, kept in its place."""
        w = self.w
        if isinstance(source, abi.GlobalSource):
            space, key = w.env_load(source.namespace), w.env_load(source.name)
            found = w.op(f"call ptr @PyDict_GetItemWithError(ptr {space}, ptr {key})")
            missing = w.op(f"icmp eq ptr {found}, null")
            space = w.env_load(builtins.__dict__)
            look = f"call ptr @PyDict_GetItemWithError(ptr {space}, ptr {key})"
            other = w.choose(missing, look)
            found = w.op(f"select i1 {missing}, ptr {other}, ptr {found}")
        elif isinstance(source, abi.CellSource):
            found = w.op(f"call ptr @PyCell_Get(ptr {w.env_load(source.cell)})")
        elif isinstance(source, abi.FunctionSource):
            function = w.env_load(source.function)
            found = w.op(f"call ptr @PyFunction_Get{source.field}(ptr {function})")
        elif isinstance(source, abi.ClassSource):
            cls, name = w.env_load(source.cls), w.env_load(source.name)
            held = w.op(f"call ptr @_PyType_Lookup(ptr {cls}, ptr {name})")
            absent, missing = w.env_load(source.absent), w.op(f"icmp eq ptr {held}, null")
            found = w.op(f"select i1 {missing}, ptr {absent}, ptr {held}")
        elif isinstance(source, abi.ArgSource):
            of, attribute = self.objects[source.param], attribute_read(source.read)
            if attribute is not None:
                name = w.env_load(attribute)
                found = w.op(f"call ptr @PyObject_GetAttr(ptr {of}, ptr {name})")
            else:
                read = w.env_load(source.read)
                found = w.op(f"call ptr @PyObject_CallOneArg(ptr {read}, ptr {of})")
        else:
            assert isinstance(source, abi.CallSource)
            found = w.op(f"call ptr @PyObject_CallNoArgs(ptr {w.env_load(source.read)})")
        w.guard(w.op(f"icmp ne ptr {found}, null"), otherwise="miss_clear")
        if isinstance(source, abi.GlobalSource | abi.FunctionSource | abi.ClassSource):
            w.emit(f"call void @Py_IncRef(ptr {found})")  # the reference was borrowed
        w.store(f"ptr {found}", "%hidden", number)
        return found
