"""The signature of a version: parameters, guards, aliasing and results as its entry sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tracejit import abi
from tracejit.calls.argument_layouts import param_owners
from tracejit.calls.result_convention import ResultConvention
from tracejit.calls.result_objects import Boxes
from tracejit.ir import extent as ex
from tracejit.ir.arguments import (
    ArgType,
    ArrayArg,
    ObjectArg,
    Packing,
    ScalarArg,
    StaticArg,
    SymDim,
    places_of_extents,
)
from tracejit.ir.core import Function, Value
from tracejit.ir.extent import Dim
from tracejit.ir.program import Program
from tracejit.ir.results import Out
from tracejit.python_entry.entry_params import attribute_read
from tracejit.trace.guards.conditions import FunctionField, MemberOf
from tracejit.trace.guards.guards import Guard
from tracejit.trace.guards.paths import EnclosingVariable, GlobalVariable, Path, as_path
from tracejit.trace.session.plain import Missing
from tracejit.trace.traced import Traced

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
    start = path.start
    if isinstance(start, FunctionField) and start.field != "KwDefaults" and not path.steps:
        return abi.FunctionSource(start.function, start.field)
    if isinstance(path.start, MemberOf) and not path.steps:
        return abi.ClassSource(path.start.cls, path.start.name, Missing.ABSENT)
    names = [attribute_read(step) for step in path.steps]
    if path.leaf is None:
        at = _source(path.start) if names else None
        if all(names) and isinstance(at, abi.GlobalSource | abi.CellSource):
            return abi.AttributeSource(at, tuple(names))  # type: ignore[arg-type]
        return abi.CallSource(path if path.steps else path.start)
    if len(names) != 1 and all(names):
        return abi.AttributeSource(path.leaf.number, tuple(names))  # type: ignore[arg-type]
    read = path.steps[0] if len(path.steps) == 1 else path.of
    return abi.ArgSource(read, path.leaf.number)


def _guard(guard: Guard) -> abi.Hidden:
    """A guard as native code checks it."""
    path = as_path(guard.getter)
    if path.steps and path.steps[-1] is type and not guard.by_value:
        holder = Path(path.start, path.steps[:-1])
        return abi.Hidden(_source(holder), abi.TypeParam(guard.expected))
    return abi.Hidden(_source(guard.source), abi.IdentityParam(guard.expected, guard.kind))


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
    """Builds the abi signature of a lowered function. ``stands``: views are left to Python, see
    ``non_native``."""

    def __init__(
        self,
        traced: Traced,
        function: Function,
        program: Program,
        boxes: Boxes | None = None,
        *,
        stands: bool = False,
    ) -> None:
        """``boxes``: what results become that are not NumPy's."""
        self.boxes = boxes
        self.traced = traced
        self.function = function
        self.program = program
        self.stands = stands
        self.args = traced.all_args
        self.owners = param_owners(traced)
        self.places = list(places_of_extents(traced.args).values())

    def build(self) -> abi.Signature:
        traced = self.traced
        every = list(map(self.param, range(len(self.args))))
        params = tuple(every[: len(traced.args)])
        outside = zip(traced.hidden, every[len(params) :], strict=True)
        hidden = [abi.Hidden(_source(h.getter), param) for h, param in outside]
        hidden += map(_guard, traced.guards)
        first = len(params) + len(hidden)
        pairs = [(first + 2 * k, first + 2 * k + 1) for k in range(len(traced.relations))]
        related = list(zip(traced.relations, pairs, strict=True))
        for relation in traced.relations:
            for path in (relation.first, relation.second):
                hidden.append(abi.Hidden(_source(path), abi.AnyParam()))
        same, distinct = self.objects()
        results, outs, structure = self.results()
        return abi.Signature(
            params,
            results,
            outs,
            structure,
            tuple(hidden),
            guards=self.values(),
            disjoint=self.disjoint(),
            identical=self.identical(),
            same=(*same, *(pair for relation, pair in related if relation.same)),
            distinct=(*distinct, *(pair for relation, pair in related if not relation.same)),
            release_gil=self.release(),
        )

    def param(self, k: int) -> abi.Param:
        arg = self.args[k]
        if isinstance(arg, ArrayArg):
            shape = tuple(d if isinstance(d, int) else None for d in arg.shape)
            found_outside = k >= len(self.traced.args)
            writable = k in self.traced.mutated if found_outside else arg.writeable
            return abi.ArrayParam(arg.dtype, shape, arg.strides, writable, not arg.writeable)
        if isinstance(arg, ObjectArg):
            return abi.TypeParam(arg.kind)
        if isinstance(arg, ScalarArg) and not isinstance(arg.value, bool):
            if arg.source is not None:
                return abi.AddressParam(arg.source)
            return abi.ScalarParam(arg.dtype, arg.kind)  # where it has a value, that is guarded
        itself = isinstance(arg, StaticArg) and arg.itself
        by_value = not itself and abi.told_by_value(arg.value)
        return abi.EqualParam(arg.value) if by_value else abi.IdentityParam(arg.value)

    def values(self) -> tuple[abi.IntegerGuard, ...]:
        """Extents that were traced as so many or more, and as equal; Python ints that the code is
        compiled for; strides."""
        found: list[abi.IntegerGuard] = []
        for first, *others in self.places:
            dim = _array(self.args[first[0]]).shape[first[1]]
            low = dim.low if isinstance(dim, SymDim) else 0
            found.append(abi.IntegerGuard("ge", abi.AxisLength(*first), low))
            found += [
                abi.IntegerGuard("eq", abi.AxisLength(*other), abi.AxisLength(*first))
                for other in others
            ]
        found += self.packings()
        for k, arg in enumerate(self.args):
            if isinstance(arg, ScalarArg) and arg.kind == "int" and arg.value is not None:
                found.append(abi.IntegerGuard("eq", abi.ScalarOf(k), arg.value))
        return tuple(found)

    def packings(self) -> list[abi.IntegerGuard]:
        """What the trace assumed of arrays that are not dense."""
        found: list[abi.IntegerGuard] = []
        for k in self.arrays():
            arg = _array(self.args[k])
            if arg.packing is not None:
                found += _packing_guards(k, arg.packing, arg.dtype.itemsize)
                if k in self.traced.mutated:
                    found += _apart_guards(k, arg.packing, arg.dtype.itemsize)
        return found

    def objects(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Which objects of the program's among the arguments are one, and which are not."""
        found = [(k, arg) for k, arg in enumerate(self.args) if isinstance(arg, ObjectArg)]
        pairs: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
        for n, (k, arg) in enumerate(found):
            for j, other in found[:n]:
                if other.kind is arg.kind:
                    one = arg.alias_group is not None and arg.alias_group == other.alias_group
                    pairs[one].append((j, k))
        return pairs[True], pairs[False]

    # -- aliasing ------------------------------------------------------------------------------

    def arrays(self) -> list[int]:
        return [k for k, arg in enumerate(self.args) if isinstance(arg, ArrayArg)]

    def identical(self) -> tuple[tuple[int, int], ...]:
        groups: dict[int, list[int]] = {}
        for k, arg in enumerate(self.args):
            if isinstance(arg, ArrayArg) and arg.alias_group is not None:
                groups.setdefault(arg.alias_group, []).append(k)
        return tuple((g[0], k) for g in groups.values() for k in g[1:])

    def disjoint(self) -> tuple[tuple[int, int], ...]:
        same = {frozenset(p) for p in self.identical()}
        firsts = {k: first for first, k in self.identical()}
        arrays = [k for k in self.arrays() if k not in firsts and self.args[k].is_parameter]
        pairs = {
            frozenset((k, j))
            for k in arrays
            for j in arrays
            if k != j and (k in self.traced.mutated or j in self.traced.mutated)
        }
        groups = {k: _array(self.args[k]).apart for k in arrays}
        return tuple(
            sorted(
                (min(p), max(p))
                for p in pairs - same
                if groups[min(p)] is None or groups[min(p)] != groups[max(p)]
            )
        )

    # -- results -------------------------------------------------------------------------------

    def results(self) -> tuple[tuple[abi.Result, ...], tuple[Out, ...], abi.Structure]:
        """What the core stores, the leaves of results, and what is around them."""
        stored = tuple(self.raw(k) for k in range(len(self.program.results)))
        if self.function.diverges:
            return (), (), None
        params = list(map(self.param, range(len(self.args))))
        convention = ResultConvention(self.traced, params, stored, self.passed(), self.boxes)
        return stored, *convention.found(stands=self.stands)

    def passed(self) -> dict[int, int]:
        """Results that are parameters as they came, by number: these are arguments ``k``."""
        given = dict(zip(self.function.params, self.owners, strict=True))
        found = ((n, given.get(x, ("", 0))) for n, x in enumerate(self.function.results))
        return {n: k for n, (kind, k) in found if kind == "arg"}

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
            return abi.AxisLength(*self.places[k][0])
        return abi.ScalarOf(k)

    def release(self) -> bool | abi.WorkAbove:
        arrays = [(k, arg) for k, arg in enumerate(self.traced.args) if isinstance(arg, ArrayArg)]
        if not arrays:
            return False
        work: abi.Expr = 0
        for k, arg in arrays:
            size: abi.Expr = 1
            for axis, d in enumerate(arg.shape):
                extent = d if isinstance(d, int) else abi.AxisLength(k, axis)
                size = extent if size == 1 else abi.BinOp("mul", size, extent)
            work = size if work == 0 else abi.BinOp("add", work, size)
        return abi.WorkAbove(work, RELEASE_ELEMENTS)


def _array(arg: ArgType) -> ArrayArg:
    assert isinstance(arg, ArrayArg)
    return arg
