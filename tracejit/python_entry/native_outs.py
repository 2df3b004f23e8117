"""Which leaves of results an entry makes itself; the others Python puts together
(``calls/result_objects.py``)."""

from __future__ import annotations

from collections.abc import Sequence

from tracejit import abi, trees
from tracejit.ir.results import (
    ArgOut,
    ArrayOut,
    CopyOut,
    JoinOut,
    ListOut,
    MadeOut,
    Out,
    PythonOut,
    ScalarOut,
    SelectOut,
    StaticOut,
    TableOut,
    TextOut,
    ViewOut,
)
from tracejit.python_entry.run_writer import RUNS, heaps_in, is_native_run
from tracejit.python_entry.text_writer import is_native_text
from tracejit.python_entry.views import strided


def is_native(out: Out, params: Sequence[abi.Param], results: Sequence[abi.Result]) -> bool:
    """Whether an entry makes this leaf of results itself."""
    if isinstance(out, ViewOut):
        return strided(out, params, results) is not None
    if isinstance(out, RUNS):
        return is_native_run(out, results)
    if isinstance(out, TextOut):
        shown = (x.items if isinstance(x, JoinOut) else x for x in out.outs)
        return is_native_text(out.make) and all(_is_native_apart(x, params, results) for x in shown)
    if isinstance(out, SelectOut):
        either = out.then, out.other
        number = isinstance(results[out.index], abi.ScalarResult)
        return number and all(_is_native_apart(x, params, results) for x in either)
    if isinstance(out, MadeOut):
        known = leaf_or_tuple(out) is not None
        return known and all(_is_native_apart(x, params, results) for x in out.outs)
    if isinstance(out, CopyOut):
        return type(out.value) is set
    return isinstance(out, ArrayOut | ScalarOut | PythonOut | ArgOut | StaticOut)


def _is_native_apart(out: Out, params: Sequence[abi.Param], results: Sequence[abi.Result]) -> bool:
    """Whether an entry makes it where it is not known whether it is made: what is kept for others
    to use again is not made there."""
    if isinstance(out, ViewOut) or next(heaps_in([out]), None) is not None:
        return False
    return is_native(out, params, results)


def leaf_or_tuple(out: MadeOut) -> tuple[Out, ...] | Out | None:
    """What an out makes is a leaf or a tuple of leaves: these; else None."""
    if trees.is_leaf(out.tree):
        found: tuple[Out, ...] | Out = out.outs[0]
        return None if isinstance(found, ListOut) else found
    items = trees.unflatten(out.tree, list(out.outs))
    if type(items) is list and len(items) == 1 and isinstance(items[0], ListOut):
        return items[0]  # all that the list holds
    plain = type(items) is tuple and len(items) == len(out.outs)
    plain = plain and all(x is leaf for x, leaf in zip(items, out.outs, strict=True))
    runs = ListOut | TableOut
    return items if plain and not any(isinstance(x, runs) for x in items) else None
