"""The signature of a version: parameters, guards, aliasing and results as its entry sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tracejit import abi, trees
from tracejit.calls.argument_layouts import extent_places, hidden_layout, param_owners, unwrapped
from tracejit.calls.argument_types import LeafKey, ScalarKey, StaticKey
from tracejit.calls.epilogue import Epilogue, ResultBuilder, TreeBuilder
from tracejit.calls.native_views import ViewMaker
from tracejit.calls.versions import Request
from tracejit.ir import extent as ex
from tracejit.ir.core import Function, Value
from tracejit.ir.extent import Dim
from tracejit.ir.program import Program
from tracejit.trace.driver import Traced
from tracejit.trace.guards.paths import EnclosingVariable, GlobalVariable, as_path
from tracejit.trace.session.specs import ArraySpec, ObjectSpec, ScalarSpec, Static, SymDim
from tracejit.trace.session.stride_classes import Packing
from tracejit.trace.values.captured_arrays import CapturedArray, CapturedNumber
from tracejit.trace.values.outs import (
    ArgOut,
    ArrayOut,
    Boxes,
    PythonOut,
    SameOut,
    ScalarOut,
    StaticOut,
    ViewOut,
)

#: Elements above which a call lets other threads run.
RELEASE_ELEMENTS = 20_000


def _source(getter: Callable[[], Any]) -> abi.Source:
    """How native code finds a value outside."""
    path = as_path(getter)
    if isinstance(path.start, EnclosingVariable) and not path.steps:
        return abi.CellSource(path.start.cell)
    if isinstance(path.start, GlobalVariable) and not path.steps:
        namespace, name = path.start.namespace, path.start.name
        if type(namespace) is dict:
            return abi.GlobalSource(namespace, name)
    if path.leaf is None:
        return abi.CallSource(path if path.steps else path.start)
    read = path.steps[0] if len(path.steps) == 1 else path.of
    return abi.ArgSource(read, path.leaf.number)


def _packing_guards(k: int, packing: Packing, itemsize: int) -> list[abi.IntegerGuard]:
    """What of its strides makes an array have this packing."""
    signs = {"+": 1, "-": -1, "0": 0}
    found: list[abi.IntegerGuard] = []
    sign = 1
    dense: abi.Expr = itemsize
    behind: tuple[int, abi.Expr] | None = None
    for axis, kind in reversed(packing):
        stride = abi.Stride(k, axis)
        found.append(abi.IntegerGuard("eq" if kind == "packed" else "ne", stride, dense))
        if kind != "packed":
            sign = signs[kind]
            found.append(abi.IntegerGuard({1: "gt", -1: "lt", 0: "eq"}[sign], stride, 0))  # type: ignore[arg-type]
        length = abi.BinOp("mul", sign, stride)
        if behind is not None:
            found.append(abi.IntegerGuard("ge" if axis < behind[0] else "gt", length, behind[1]))
        behind = (axis, length)
        dense = abi.BinOp("mul", abi.AxisLength(k, axis), stride)
    return found


def _apart_guards(k: int, packing: Packing, itemsize: int) -> list[abi.IntegerGuard]:
    """No two elements lie in one place, as ``overlap.meets_itself`` tells it: each stride is longer
    than all that the axes inside of it take."""
    found: list[abi.IntegerGuard] = []
    reach: abi.Expr = itemsize
    sign = 1  # packed axes run as the axis inside of them
    for axis, kind in reversed(packing):
        sign = {"packed": sign, "-": -1}.get(kind, 1)
        length = abi.BinOp("mul", sign, abi.Stride(k, axis))
        found.append(abi.IntegerGuard("ge", length, reach))
        count = abi.BinOp("add", abi.AxisLength(k, axis), -1)
        reach = abi.BinOp("add", reach, abi.BinOp("mul", length, count))
    return found


class SignatureBuilder:
    """Builds the abi signature of a lowered trace."""

    def __init__(
        self,
        traced: Traced,
        function: Function,
        program: Program,
        request: Request,
        boxes: Boxes | None = None,
    ) -> None:
        """``boxes``: what results become that are not NumPy's."""
        self.boxes = boxes
        self.traced = traced
        self.function = function
        self.program = program
        self.request = request
        self.owners = param_owners(traced)
        self.places = extent_places(traced)

    def build(self) -> abi.Signature:
        traced = self.traced
        params = tuple(map(self.param, traced.leaves, self.request.keys))
        hidden = [abi.Hidden(_source(h.getter), self.hidden_param(h)) for h in traced.hidden]
        hidden += [
            abi.Hidden(_source(g.source), abi.IdentityParam(g.expected)) for g in traced.guards
        ]
        first = len(params) + len(hidden)
        pairs = [(first + 2 * k, first + 2 * k + 1) for k in range(len(traced.relations))]
        related = list(zip(traced.relations, pairs, strict=True))
        for relation in traced.relations:
            for path in (relation.first, relation.second):
                hidden.append(abi.Hidden(_source(path), abi.AnyParam()))
        same, distinct = self.objects()
        results, structure = self.results()
        return abi.Signature(
            params,
            results,
            structure,
            tuple(hidden),
            guards=self.values(),
            disjoint=self.disjoint(),
            identical=self.identical(),
            same=(*same, *(pair for relation, pair in related if relation.same)),
            distinct=(*distinct, *(pair for relation, pair in related if not relation.same)),
            release_gil=self.release(),
        )

    def param(self, leaf: Any, key: LeafKey) -> abi.Param:
        if isinstance(leaf, ArraySpec):
            shape = tuple(None if isinstance(d, SymDim) else d for d in leaf.shape)
            strides: Any = leaf.layout if leaf.layout != "strided" else (None,) * len(shape)
            frozen = not leaf.writeable
            return abi.ArrayParam(leaf.dtype, shape, strides, leaf.writeable, frozen)
        if isinstance(leaf, ObjectSpec):
            return abi.TypeParam(leaf.kind)
        if isinstance(leaf, ScalarSpec):
            assert isinstance(key, ScalarKey)
            if key.source is not None:
                return abi.AddressParam(key.source)
            return abi.ScalarParam(key.dtype, key.kind)
        if isinstance(key, ScalarKey):
            if key.kind == "bool":
                return abi.IdentityParam(leaf.value)
            return abi.ScalarParam(key.dtype, key.kind)  # its value is guarded
        assert isinstance(key, StaticKey)
        return abi.IdentityParam(unwrapped(key.value))

    def values(self) -> tuple[abi.IntegerGuard, ...]:
        """Python ints that the code is compiled for; run-time extents were traced as 2 or more."""
        extents = tuple(
            abi.IntegerGuard("ge", abi.AxisLength(k, axis), 2) for k, axis in self.places
        )
        return (
            extents
            + self.packings()
            + tuple(
                abi.IntegerGuard("eq", abi.ScalarOf(k), leaf.value)
                for k, (leaf, key) in enumerate(
                    zip(self.traced.leaves, self.request.keys, strict=True)
                )
                if isinstance(leaf, Static) and isinstance(key, ScalarKey) and key.kind == "int"
            )
        )

    def packings(self) -> tuple[abi.IntegerGuard, ...]:
        """What the trace assumed of arrays that are not dense."""
        hidden = self.traced.hidden_arrays()
        arrays = {**dict(enumerate(self.traced.leaves)), **{k: h.cell for k, h in hidden.items()}}
        found: list[abi.IntegerGuard] = []
        for k, array in arrays.items():
            packing = getattr(array, "packing", None)
            if packing is not None:
                found += _packing_guards(k, packing, np.dtype(array.dtype).itemsize)
            if packing is not None and k in self.traced.mutated:
                found += _apart_guards(k, packing, np.dtype(array.dtype).itemsize)
        return tuple(found)

    def hidden_param(self, hidden: CapturedArray | CapturedNumber) -> abi.Param:
        if isinstance(hidden, CapturedNumber):
            kind: Any = hidden.kind if isinstance(hidden.kind, str) else None
            return abi.ScalarParam(hidden.traced.value.dtype, kind)
        x = hidden.array
        layout: Any = hidden_layout(x)
        written = hidden.cell.arg in self.traced.mutated
        return abi.ArrayParam(x.dtype, x.shape, layout, written)

    def objects(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Which objects of the program's among the arguments are one, and which are not."""
        leaves = self.traced.leaves
        found = [k for k, leaf in enumerate(leaves) if isinstance(leaf, ObjectSpec)]
        pairs = [
            (j, k)
            for n, k in enumerate(found)
            for j in found[:n]
            if leaves[j].kind is leaves[k].kind
        ]
        groups = self.request.groups
        same = [(j, k) for j, k in pairs if groups[j] == groups[k]]
        return same, [pair for pair in pairs if pair not in same]

    # -- aliasing ------------------------------------------------------------------------------

    def arrays(self) -> list[int]:
        leaves = [k for k, x in enumerate(self.traced.leaves) if isinstance(x, ArraySpec)]
        return [*leaves, *self.traced.hidden_arrays()]

    def identical(self) -> tuple[tuple[int, int], ...]:
        groups: dict[int, list[int]] = {}
        for k, leaf in enumerate(self.traced.leaves):
            if isinstance(leaf, ArraySpec) and leaf.alias_group is not None:
                groups.setdefault(leaf.alias_group, []).append(k)
        return tuple((g[0], k) for g in groups.values() for k in g[1:])

    def disjoint(self) -> tuple[tuple[int, int], ...]:
        same = {frozenset(p) for p in self.identical()}
        firsts = {k: first for first, k in self.identical()}
        inside = {k for k, _ in self.request.windows}
        arrays = [k for k in self.arrays() if k not in firsts and k not in inside]
        pairs = {
            frozenset((k, j))
            for k in arrays
            for j in arrays
            if k != j and (k in self.traced.mutated or j in self.traced.mutated)
        }
        return tuple(sorted((min(p), max(p)) for p in pairs - same))

    # -- results -------------------------------------------------------------------------------

    def results(self) -> tuple[tuple[abi.Result, ...], abi.Structure]:
        raw = [self.raw(k) for k in range(len(self.program.results))]
        if self.function.diverges:
            return (), None
        held = any(h.held is not None for h in self.traced.hidden_arrays().values())
        found = None
        if not (held or self.boxes or self.request.stands or Epilogue(self.traced).needs_call):
            found = self.direct(raw)
        return self.rebuilt(raw) if found is None else found

    def direct(self, raw: list[abi.Result]) -> tuple[tuple[abi.Result, ...], abi.Structure] | None:
        """Results that native code makes; None where Python has to put some together."""
        results = list(raw)
        shown: dict[int, abi.Result] = {}
        leaves: list[abi.Structure] = []
        for out in self.traced.outs:
            if isinstance(out, SameOut):
                leaves.append(leaves[out.leaf])
                continue
            if isinstance(out, ArrayOut | ScalarOut | PythonOut):
                result = self.boxed(raw[out.index], out)
                if shown.setdefault(out.index, result) != result:
                    return None
                leaves.append(out.index)
                continue
            made = self.other(out, raw)
            if made is None:
                return None
            results.append(made)
            leaves.append(len(results) - 1)
        for k, result in enumerate(raw):
            if k in shown:
                results[k] = shown[k]
            elif isinstance(result, abi.ScalarResult):
                results[k] = abi.UnboxedResult(result.dtype)
        tree = trees.unflatten(self.traced.out_tree, [_Leaf(x) for x in leaves])
        return tuple(results), _structure(tree)

    def boxed(self, raw: abi.Result, out: ArrayOut | ScalarOut | PythonOut) -> abi.Result:
        """What becomes of a result of the core that is returned itself."""
        if not isinstance(raw, abi.ScalarResult):
            return raw
        if isinstance(out, ArrayOut):
            return abi.RankZeroResult(raw.dtype)
        kind: Any = out.kind if isinstance(out, PythonOut) else None
        return abi.ScalarResult(raw.dtype, kind)

    def other(self, out: Any, raw: list[abi.Result]) -> abi.Result | None:
        """A result that is no result of the core."""
        if isinstance(out, ArgOut):
            return abi.ArgResult(out.arg)
        if isinstance(out, StaticOut):
            return abi.ConstantResult(out.value)
        if isinstance(out, ViewOut):
            return ViewMaker(self.array, raw).result(out)
        return None

    def array(self, k: int) -> abi.ArrayParam | None:
        """The parameter that argument array k is (arrays found outside follow the leaves)."""
        leaves = self.traced.leaves
        if k < len(leaves):
            found = self.param(leaves[k], self.request.keys[k])
        else:
            found = self.hidden_param(self.traced.hidden_arrays()[k])
        return found if isinstance(found, abi.ArrayParam) else None

    def rebuilt(self, raw: list[abi.Result]) -> tuple[tuple[abi.Result, ...], abi.Structure]:
        arrays = self.arrays()
        results = [*raw, *[abi.ArgResult(k) for k in arrays]]
        outside = self.traced.hidden_arrays().items()
        maps = {k: h.held for k, h in outside if h.held is not None}
        build = ResultBuilder(Epilogue(self.traced, self.boxes), len(raw), tuple(arrays), maps)
        return tuple(results), abi.Unflatten(build)

    def raw(self, k: int) -> abi.Result:
        result = self.program.results[k]
        type_ = result.type
        if result.kind == "scalar":
            return abi.ScalarResult(type_.dtype)
        if result.kind == "dynamic":
            return abi.ArrayResult(type_.dtype, (None,) * type_.rank)
        return abi.ArrayResult(type_.dtype, tuple(map(self.expr, result.shape)))

    def expr(self, dim: Dim) -> abi.Expr:
        """An extent over host parameters as the entry computes it."""
        if isinstance(dim, int):
            return dim
        total: abi.Expr = 0
        for mono, coef in dim.terms.items():
            term: abi.Expr = coef
            for atom, power in sorted(mono, key=lambda p: repr(p[0])):
                for _ in range(power):
                    factor = self.atom(atom)
                    term = factor if term == 1 else abi.BinOp("mul", term, factor)
            total = term if total == 0 else abi.BinOp("add", total, term)
        return total

    def atom(self, atom: ex.Atom) -> abi.Expr:
        if isinstance(atom, ex.Opaque):
            return abi.BinOp(atom.kind, self.expr(atom.a), self.expr(atom.b))  # type: ignore[arg-type]
        assert isinstance(atom, Value)
        slot = self.program.slots[self.program.host.params.index(atom)]
        kind, k = self.owners[slot.index]
        if kind == "extent":
            return abi.AxisLength(*self.places[k])
        return abi.ScalarOf(k if kind == "leaf" else len(self.traced.leaves) + k)

    def release(self) -> bool | abi.WorkAbove:
        arrays = [k for k, x in enumerate(self.traced.leaves) if isinstance(x, ArraySpec)]
        if not arrays:
            return False
        work: abi.Expr = 0
        for k in arrays:
            size: abi.Expr = 1
            for axis, d in enumerate(self.traced.leaves[k].shape):
                extent = abi.AxisLength(k, axis) if isinstance(d, SymDim) else d
                size = extent if size == 1 else abi.BinOp("mul", size, extent)
            work = size if work == 0 else abi.BinOp("add", work, size)
        return abi.WorkAbove(work, RELEASE_ELEMENTS)


@dataclass(frozen=True)
class _Leaf:
    index: Any


def _structure(tree: Any) -> abi.Structure:
    """The nesting of results as the entry builds it; anything unusual goes through optree."""
    if isinstance(tree, _Leaf):
        index: abi.Structure = tree.index
        return index
    if type(tree) in (tuple, list):
        kind: Any = type(tree).__name__
        return abi.Container(kind, tuple(map(_structure, tree)))
    if type(tree) is dict:
        children = tuple(map(_structure, tree.values()))
        return abi.Container("dict", children, tuple(tree))
    leaves, treedef = trees.flatten(tree, is_leaf=lambda x: isinstance(x, _Leaf))
    return abi.Unflatten(TreeBuilder(treedef, tuple(leaf.index for leaf in leaves)))
