"""What the keys and values of a dict or set are of which the run decides the keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tracejit.dtypes import is_complex
from tracejit.errors import UnsupportedError
from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import INDEX, TensorType
from tracejit.records import dataclass
from tracejit.trace.session.session import current, where
from tracejit.trace.values.all import Array
from tracejit.trace.values.dynamic_list import ListBuffer, form_of
from tracejit.trace.values.entries import is_table, table_in
from tracejit.trace.values.list_heap_sites import by_reference
from tracejit.trace.values.list_kinds import ElementKinds, Kind
from tracejit.trace.values.scalar_join import meeting_kind
from tracejit.trace.values.scalars import IntOrFloat, IntOrScalar, MixedScalar, TaggedScalar

#: The form of values that are all None, as those of a set are held.
NOTHING: ElementKinds = ((), tuple)


@dataclass(frozen=True)
class TableForm:
    """What keys and values are. ``removes``: whether entries may be gone, which a further column
    then says."""

    keys: ElementKinds
    values: ElementKinds
    removes: bool = False

    def columns(self, room: Dim) -> list[TensorType]:
        """Types of the columns with room for so many entries."""
        kinds = [*self.keys[0], *self.values[0]]
        types = [t for k in kinds for t in k.types(k.column(room))]
        return [*types, TensorType(np.dtype(bool), (room,))] if self.removes else types


def form_of_entries(keys: Sequence[Any], values: Sequence[Any], like: Any = None) -> TableForm:
    """What holds some entries, beside those of a form. UnsupportedError where nothing does."""
    for key in keys:
        must_hash(key)
        if any(map(has_list, values)):  # in a loop that is unrolled keys are known
            _note_loops(key if type(key) is tuple else (key,))
    before: list[list[Any]] = [[], []]
    if like is not None:
        before = [[empty_of(f)] for f in (like.keys, like.values)]
    found = _joined([*before[0], *keys], "keys")
    if any(is_complex(k.dtype) or k.shape is not None for k in found[0]):
        raise UnsupportedError(
            f"{where()}: a dict or set whose keys are known at run time only has keys that are "
            "real numbers, or tuples of them"
        )
    return TableForm(
        found, _joined([*before[1], *values], "values"), like is not None and like.removes
    )


_VALUES = "numbers, arrays of one dtype and shape, lists of such"


def _note_loops(parts: Sequence[Any]) -> None:
    """A loop whose counter is in a key may be unrolled, if the trace is refused otherwise."""
    session = current()
    for x in parts:
        if hasattr(x, "static_value") and x.read().type == INDEX:
            for leaf in ex.leaves(x.read().dim):
                loop = session.loop_of.get(leaf)  # type: ignore[arg-type]
                if loop is not None:
                    session.kept_rolled.setdefault(loop)


def must_hash(key: Any) -> None:
    """TypeError for what is no key, as Python has it: an array, list, dict or set, or a tuple with
    one of them inside."""
    for part in key if type(key) is tuple else ():
        must_hash(part)
    if isinstance(key, Array) or type(key).__hash__ is None:
        hash(key)


def _joined(items: Sequence[Any], what: str) -> ElementKinds:
    if all(type(x) is tuple and not x for x in items):
        return NOTHING
    if what == "values":
        found = form_of(items, resolve=False)
        found = None if found is None else by_reference(found, every=True)
    else:
        found = None if any(map(_is_of_several, items)) else _joined_kinds(items)
    if found is not None:
        return found
    numbers = "numbers of one kind" if what == "keys" else _VALUES
    raise UnsupportedError(
        f"{where()}: the {what} of a dict or set whose keys are known at run time only are "
        f"{numbers}, or tuples of them: convert them (int(k), float(v)), or keep several dicts"
    )


def are_values(items: Sequence[Any]) -> bool:
    """Whether columns give back each of some items as it is."""
    return not any(map(has_list, items)) and form_of(items) is not None


def has_list(x: Any) -> bool:
    """Whether something is a list, or a tuple with one inside."""
    return type(x) is list or (type(x) is tuple and any(map(has_list, x)))


def _is_of_several(x: Any) -> bool:
    if isinstance(x, tuple | list):
        return any(map(_is_of_several, x))
    return isinstance(x, IntOrFloat | IntOrScalar | MixedScalar | TaggedScalar)


def _joined_kinds(items: Sequence[Any]) -> ElementKinds | None:
    """As ``form_of``, where all are of one kind: nothing may come back as another. Numbers of
    several have for now the kind that they meet in: a loop that is traced again may settle on
    one."""
    forms = [x.form if type(x) is ListBuffer else form_of([x]) for x in items]
    first = forms[0]
    if all(form == first for form in forms):
        return form_of(items)
    if None in forms:
        return None
    for form in forms[1:]:
        if first is None or form is None or form[1] != first[1] or len(form[0]) != len(first[0]):
            return None
        kinds = [_meeting(a, b) for a, b in zip(first[0], form[0], strict=True)]
        if any(k is None for k in kinds):
            return None
        first = tuple(k for k in kinds if k is not None), first[1]
    current().refuse_later(
        UnsupportedError(
            f"{where()}: the keys of a dict or set whose keys are known at run time only are of "
            "several kinds: convert them (int(k), float(k))"
        )
    )
    return first


def _meeting(a: Kind, b: Kind) -> Kind | None:
    if a == b or a.shape is not None or b.shape is not None:
        return a if a == b else None
    kind = meeting_kind(*(k.part([Value(t) for t in k.types(())]) for k in (a, b)))
    return None if kind is None else Kind(kind)


def empty_of(form: ElementKinds) -> Any:
    """What stands for items of which only the form counts."""
    if form == NOTHING:
        return ()
    return ListBuffer([Value(t) for k in form[0] for t in k.types(k.column(1))], 1, form)


def entries_of(contents: Any) -> tuple[list[Any], list[Any]]:
    """Keys and values of a plain dict, or of what a set holds."""
    values = contents.values() if isinstance(contents, dict) else [None] * len(contents)
    return list(contents), [() if v is None else v for v in values]


def common_form(*contents: Any) -> TableForm:
    """What holds the entries of several dicts, tables or not."""
    keys: list[Any] = []
    values: list[Any] = []
    removes = False
    for each in contents:
        if is_table(each):
            form = table_in(each).form
            keys.append(empty_of(form.keys))
            values.append(empty_of(form.values))
            removes = removes or form.removes
        else:
            more = entries_of(each)
            keys += more[0]
            values += more[1]
    return replace(form_of_entries(keys, values), removes=removes)


def are_keyed(*contents: Any) -> bool:
    """Whether a table can hold the entries of any of some dicts or sets."""
    try:
        common_form(*contents)
    except UnsupportedError:
        return False
    return True
