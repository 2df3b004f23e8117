"""The one way to make instructions: types are inferred, extents put in normal form.

Small conveniences that every stage needs (constants, broadcasting, extents as values, cloning a
function inline) live here; algebra does not (see ``passes/``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracejit.ir import extent as ex
from tracejit.ir.core import TABLE, Constant, Function, Instr, Loc, Primitive, Value, frozen_attrs
from tracejit.ir.extent import Dim, Extent
from tracejit.ir.types import (
    INDEX,
    BufferType,
    DTypeLike,
    TensorType,
    Type,
    dtype_of,
    subst_type,
)


class Builder:
    """Appends instructions to one function body."""

    def __init__(self, name: str = "f", loc: Loc | None = None) -> None:
        self.name = name
        self.loc = loc
        self.params: list[Value] = []
        self.instrs: list[Instr] = []
        self._constants: dict[tuple[Any, ...], Value] = {}

    def param(self, type_: Type, hint: str = "") -> Value:
        """A new parameter."""
        value = Value(type_, hint)
        self.params.append(value)
        return value

    def params_like(self, values: Sequence[Value]) -> dict[Value, Value]:
        """Parameters for ``values``, extents among them rebound; the map from old to new."""
        # A loop's constants come after the carried values whose types may mention them.
        mapping = {v: Value(v.type, v.hint) for v in values if v.type == INDEX}
        for value in values:
            if value not in mapping:
                mapping[value] = Value(rename_type(value.type, mapping), value.hint)
        self.params += [mapping[v] for v in values]
        return mapping

    def op(
        self,
        prim: str | Primitive,
        *operands: Value,
        regions: Sequence[Function] = (),
        loc: Loc | None = None,
        hint: str = "",
        **attrs: Any,
    ) -> Any:
        """Append an instruction; returns its result (a tuple of results unless exactly one).

        Raises TypeError when the type rule rejects the operands.
        """
        instr = self.append(prim, operands, attrs, tuple(regions), loc or self.loc, hint)
        return instr.results[0] if len(instr.results) == 1 else instr.results

    def append(
        self,
        prim: str | Primitive,
        operands: Sequence[Value],
        attrs: Mapping[str, Any],
        regions: tuple[Function, ...] = (),
        loc: Loc | None = None,
        hint: str = "",
    ) -> Instr:
        """As ``op``, returning the instruction."""
        row = TABLE[prim] if isinstance(prim, str) else prim
        types = row.infer(operands, attrs, regions)
        results: list[Value] = []
        extents: dict[Any, Dim] = {}
        for i, type_ in enumerate(types):
            expr = _index_expr(row.name, operands, attrs) if type_ == INDEX else None
            results.append(Value(subst_type(type_, extents), hint, expr))
            if type_ == INDEX and len(types) > 1:
                extents[ex.ResultRef(i)] = results[i].dim
        instr = Instr(row, tuple(operands), frozen_attrs(attrs), regions, tuple(results), loc)
        self.instrs.append(instr)
        return instr

    def const(self, value: Any, dtype: DTypeLike | None = None) -> Value:
        """A constant scalar or small array; equal constants are made once per body."""
        constant = Constant(value, None if dtype is None else dtype_of(dtype))
        found = self._constants.get(constant.key)
        if found is None:
            found = self.op("constant", value=constant)
            self._constants[constant.key] = found
        return found

    def index(self, dim: Dim) -> Value:
        """The rank-0 i64 value of an extent, emitting arithmetic where needed."""
        if isinstance(dim, int):
            return self.const(dim, "i64")
        atom = ex.single_atom(dim)
        if isinstance(atom, Value):
            return atom
        key = ("index", dim)
        found = self._constants.get(key)
        if found is None:
            found = self._emit_index(dim)
            self._constants[key] = found
        return found

    def _emit_index(self, dim: Extent) -> Value:
        total: Value | None = None
        for mono, coef in dim.terms.items():
            term: Value | None = None if coef == 1 and mono else self.const(coef, "i64")
            for atom, power in mono:
                for _ in range(power):
                    factor = self._emit_atom(atom)
                    term = factor if term is None else self.op("mul", term, factor)
            assert term is not None
            total = term if total is None else self.op("add", total, term)
        assert total is not None
        return total

    def _emit_atom(self, atom: ex.Atom) -> Value:
        if isinstance(atom, Value):
            return atom
        assert isinstance(atom, ex.Opaque), atom
        name = {"floordiv": "floor_divide", "mod": "remainder"}.get(atom.kind, atom.kind + "imum")
        return self.op(name, self.index(atom.a), self.index(atom.b))  # type: ignore[no-any-return]

    def full(self, value: Any, type_: TensorType) -> Value:
        """A tensor of one repeated constant."""
        return self.broadcast(self.const(value, type_.dtype), type_.shape)

    def zeros_like(self, value: Value) -> Value:
        """Zeros of a value's type."""
        return self.full(0, value.tensor)

    def lit(self, number: Any, like: Value) -> Value:
        """A constant with the type of ``like`` (for derivative rules)."""
        return self.full(number, like.tensor)

    def broadcast(
        self, value: Value, shape: Sequence[Dim], axes: Sequence[int] | None = None
    ) -> Value:
        """Broadcast to ``shape``; operand axis i becomes result axis ``axes[i]`` (default: last).

        Operand extents of static 1 are stretched. A no-op returns ``value`` itself.
        """
        shape = tuple(shape)
        if axes is None:
            axes = range(len(shape) - value.rank, len(shape))
        if value.shape == shape and tuple(axes) == tuple(range(len(shape))):
            return value
        return self.op("broadcast", value, shape=shape, axes=tuple(axes))  # type: ignore[no-any-return]

    def reshape(self, value: Value, shape: Sequence[Dim]) -> Value:
        """C-order reshape; a no-op returns ``value`` itself."""
        if value.shape == tuple(shape):
            return value
        return self.op("reshape", value, shape=tuple(shape))  # type: ignore[no-any-return]

    def convert(self, value: Value, dtype: DTypeLike) -> Value:
        """Cast elementwise; a no-op returns ``value`` itself."""
        target = dtype_of(dtype)
        if value.dtype == target:
            return value
        return self.op("convert", value, dtype=target)  # type: ignore[no-any-return]

    def slice(
        self,
        value: Value,
        starts: Sequence[Dim | Value],
        shape: Sequence[Dim],
        steps: Sequence[Dim | Value] | None = None,
    ) -> Value:
        """``value[s : s + step*n : step, …]``; bounds are the caller's responsibility."""
        return self.op(  # type: ignore[no-any-return]
            "slice", value, *self.bounds(starts, steps), shape=tuple(shape)
        )

    def bounds(
        self, starts: Sequence[Dim | Value], steps: Sequence[Dim | Value] | None
    ) -> list[Value]:
        """Index operands of slice-like rows: starts, then steps (default 1)."""
        every = [*starts, *(steps if steps is not None else [1] * len(starts))]
        return [d if isinstance(d, Value) else self.index(d) for d in every]

    def inline(self, function: Function, args: Sequence[Value]) -> tuple[Value, ...]:
        """Clone a function's body here with its parameters bound to ``args``."""
        mapping = dict(zip(function.params, args, strict=True))
        for instr in function.instrs:
            self.clone(instr, mapping)
        return tuple(mapping[r] for r in function.results)

    def clone(self, instr: Instr, mapping: dict[Value, Value]) -> Instr:
        """Re-emit one instruction under a renaming, which it extends with its results."""
        operands = [mapping.get(v, v) for v in instr.operands]
        attrs = {k: rename_attr(v, mapping) for k, v in instr.attrs.items()}
        new = self.append(instr.prim, operands, attrs, instr.regions, instr.loc)
        for old, result in zip(instr.results, new.results, strict=True):
            mapping[old] = result
        return new

    def build(self, results: Sequence[Value]) -> Function:
        """Finish the function."""
        return Function(self.name, tuple(self.params), tuple(self.instrs), tuple(results))


def _index_expr(name: str, operands: Sequence[Value], attrs: Mapping[str, Any]) -> Dim | None:
    if name == "constant":
        return int(attrs["value"].array)
    rule = ex.ARITHMETIC.get(name)
    if rule is None or any(v.type != INDEX for v in operands):
        return None
    a, b = (v.dim for v in operands)
    if name in ("floor_divide", "remainder") and not (isinstance(b, int) and b > 0):
        return None
    return rule(a, b)


def _leaf_map(dims: Sequence[Dim], mapping: Mapping[Value, Value]) -> dict[Any, Dim]:
    return {
        leaf: mapping[leaf].dim
        for dim in dims
        for leaf in ex.leaves(dim)
        if isinstance(leaf, Value) and leaf in mapping
    }


def rename_type(type_: Type, mapping: Mapping[Value, Value]) -> Type:
    """A type under a renaming of values."""
    if isinstance(type_, TensorType | BufferType):
        strides = type_.strides if isinstance(type_, BufferType) else ()
        leaves = _leaf_map((*type_.shape, *strides), mapping)
        return subst_type(type_, leaves) if leaves else type_
    return type_


def rename_attr(attr: Any, mapping: Mapping[Value, Value]) -> Any:
    """An attribute under a renaming of values."""
    if isinstance(attr, Extent):
        return ex.subst(attr, _leaf_map((attr,), mapping))
    if isinstance(attr, tuple):
        return tuple(rename_attr(a, mapping) for a in attr)
    if isinstance(attr, TensorType | BufferType):
        return rename_type(attr, mapping)
    return attr
