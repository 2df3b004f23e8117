"""Plans of draws of integers between bounds, and of elements of a vector."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.abi import generators
from tracejit.codegen_llvm.draws import (
    Draw,
    Drawing,
    DrawPlan,
    as_number,
    each,
    filled,
    is_number,
    numpy_function,
)
from tracejit.ir.core import Value
from tracejit.ir.scalar.emit import BOOL, I64
from tracejit.ir.types import BufferType
from tracejit.llvm_text.emit import Reg, llvm_type
from tracejit.llvm_text.lower_function import FunctionText, Pointer
from tracejit.llvm_text.lower_memory import load_scalar

_BYTE = np.dtype(np.uint8)


def integers_plan(draw: Draw) -> DrawPlan | None:
    """`Generator.integers` and `RandomState.randint` within bounds that are integers."""
    legacy = draw.of.of is np.random.RandomState
    given, dtype = dict(draw.given), draw.result.dtype
    asked, closed = given.pop("dtype", np.int64), given.pop("endpoint", False)
    if asked is int and legacy:
        asked = np.dtype("long")
    whole = dtype == BOOL or np.issubdtype(dtype, np.integer)
    if type(closed) is not bool or np.dtype(asked) != dtype or not whole:
        return None
    if given.get("high") is None:
        given = {"low": 0, "high": given.get("low")}
    bounds = [given.get("low"), given.get("high")]
    if not all(is_number(x, "i8") for x in bounds):
        return None
    name = _fill_name(dtype)
    if generators.distribution(name) is None:
        return None
    return DrawPlan(lambda f, d, c: _bounded(f, d, (bounds[0], bounds[1]), closed, legacy, c))


def _fill_name(dtype: np.dtype[Any]) -> str:
    letter = "bool" if dtype == BOOL else f"uint{8 * dtype.itemsize}"
    return f"random_bounded_{letter}_fill"


def _bounded(
    f: FunctionText,
    draw: Draw,
    bounds: tuple[Any, Any],
    closed: bool,
    masked: bool,
    conditions: list[Reg],
) -> Drawing:
    e, dtype = f.e, draw.result.dtype
    low, high = (as_number(f, x, "i8") for x in bounds)
    conditions.append(e.icmp("le" if closed else "lt", low, high))
    if not closed:
        high = e.op(I64, f"sub {high}, 1")
    least, most = _range_of(dtype)
    if least > -(2**63):
        conditions.append(e.icmp("ge", low, f.const(least)))
    if most < 2**63 - 1:
        conditions.append(e.icmp("le", high, f.const(most)))
    word = _BYTE if dtype == BOOL else np.dtype(f"u{dtype.itemsize}")
    wide = e.int_cast(e.isub(high, low), word)
    kind = f"{llvm_type(word)} zeroext" if word.itemsize < 4 else llvm_type(word)
    before = f"{kind} {e.int_cast(low, word).text}, {kind} {wide.text}"
    types = ["ptr", kind, kind, "i64", "i1 zeroext", "ptr"]
    symbol = numpy_function(f, _fill_name(dtype), "void", types)
    last = f"i1 zeroext {str(masked).lower()}"
    return lambda f, interface: filled(f, draw, symbol, interface, dtype, before, last)


def choice_plan(draw: Draw) -> DrawPlan | None:
    """One of `a` integers, or of the elements of a vector, each as likely as another."""
    given = dict(draw.given)
    of, legacy = given.pop("a", None), draw.of.of is np.random.RandomState
    if given.pop("replace", True) is not True or given.pop("axis", 0) != 0:
        return None
    given.pop("shuffle", None)
    vector = isinstance(of, Value) and isinstance(of.type, BufferType)
    if given or generators.distribution(_fill_name(np.dtype(np.int64))) is None:
        return None
    simple = not np.issubdtype(draw.result.dtype, np.complexfloating)
    if vector and of.rank == 1 and of.dtype == draw.result.dtype and simple:
        return DrawPlan(lambda f, d, c: _element(f, d, of, legacy, c))
    if vector or not is_number(of, "i8") or draw.result.dtype != np.int64:
        return None
    return DrawPlan(lambda f, d, c: _bounded(f, d, (0, of), False, legacy, c))


def _element(
    f: FunctionText, draw: Draw, of: Value, masked: bool, conditions: list[Reg]
) -> Drawing:
    count, word = f.dim(of.shape[0]), "i64"
    conditions.append(f.e.icmp("gt", count, f.const(0)))
    types = ["ptr", word, word, "i64", "i1 zeroext", "ptr"]
    symbol = numpy_function(f, _fill_name(np.dtype(np.int64)), "void", types)
    last = f.e.isub(count, f.const(1))
    place = f.stack("i64")

    def one(f: FunctionText, interface: Pointer) -> Reg:
        text = f"{interface}, i64 0, {last}, i64 1, i1 zeroext {str(masked).lower()}, {place}"
        f.e.line(f"call void {symbol}({text})")
        at = f.mul(load_scalar(f, place, I64), f.const(of.dtype.itemsize))
        found = load_scalar(f, f.at(f.pointer(of), at), of.dtype)
        assert isinstance(found, Reg)
        return found

    return lambda f, interface: each(f, draw, lambda: one(f, interface))


def _range_of(dtype: np.dtype[Any]) -> tuple[int, int]:
    """The least and the greatest integer of a dtype."""
    bits = 8 * dtype.itemsize
    if np.issubdtype(dtype, np.signedinteger):
        return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return 0, 1 if dtype == BOOL else 2**bits - 1
