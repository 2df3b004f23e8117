"""From a request to native code: trace, simplify, lower, generate, link; and the call's signature.

This is where the stages meet. Nothing here decides what a program means.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.codegen_llvm import abi
from tracejit.codegen_llvm.entry import Specialisation, specialise
from tracejit.codegen_llvm.lower import lower_program
from tracejit.dispatch import NeedsStatic, Options, Request, StaticArgument, Version
from tracejit.errors import StructureError, UnsupportedError
from tracejit.ir import extent as ex
from tracejit.ir.core import Function, Value
from tracejit.ir.extent import Dim
from tracejit.ir.interpreter import EXCEPTIONS
from tracejit.ir.printer import format_function
from tracejit.ir.program import Program
from tracejit.passes.lower import Layout, lower
from tracejit.passes.merge import merge
from tracejit.passes.pipeline import DEFAULT
from tracejit.passes.runner import dump_stage, dump_text, run
from tracejit.specialize import ArrayKey, LeafKey, ScalarKey, StaticKey
from tracejit.trace.driver import Traced, trace
from tracejit.trace.guards import FIELDS
from tracejit.trace.packing import Packing
from tracejit.trace.results import (
    ArgOut,
    ArrayOut,
    PythonOut,
    SameOut,
    ScalarOut,
    StaticOut,
    rebuild,
)
from tracejit.trace.specs import ArraySpec, ScalarSpec, Static, SymDim

#: Elements above which a call lets other threads run.
RELEASE_ELEMENTS = 20_000


@dataclass
class Artefacts:
    """What a version was made of, for inspection."""

    traced: Traced
    function: Function
    program: Program
    core_text: str
    spec: Specialisation
    notes: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def ir(self) -> str:
        """Tensor-level IR after simplification."""
        return format_function(self.function)

    @cached_property
    def program_text(self) -> str:
        """The lowered Program."""
        return format_function(self.program.host)


def specs_for(request: Request) -> list[Any]:
    """What the tracer is told of each leaf."""
    flags = iter(request.dynamic)
    names = iter(range(len(request.dynamic)))
    specs: list[Any] = []
    for k, (leaf, key) in enumerate(zip(request.leaves, request.keys, strict=True)):
        if isinstance(key, ArrayKey):
            shape = tuple(
                u if u is not None else _extent(n, next(flags), next(names))
                for n, u in zip(leaf.shape, key.units, strict=True)
            )
            group = request.groups[k] if request.groups.count(request.groups[k]) > 1 else None
            specs.append(ArraySpec(key.dtype, shape, key.layout, group, key.writeable, key.packing))
        elif isinstance(key, ScalarKey):
            dynamic = True
            if key.by_value:
                dynamic = next(flags)
                next(names)
            specs.append(ScalarSpec(key.kind or key.dtype) if dynamic else Static(leaf))
        else:
            specs.append(Static(unwrapped(key.value)))
    return specs


def _extent(n: int, dynamic: bool, number: int) -> int | SymDim:
    return SymDim(f"n{number}", n) if dynamic else n


def unwrapped(value: Any) -> Any:
    """A static argument's value without its marker."""
    return value.value if isinstance(value, StaticArgument) else value


def simplify(function: Function, *, stabilize: bool = False) -> Function:
    """The function as it is lowered."""
    dump_stage("trace", function)
    pipeline = DEFAULT
    if stabilize:
        from tracejit.passes.stabilize import stabilize as rewrite

        pipeline = (rewrite, *DEFAULT)
    return run(function, pipeline)


def compile_version(request: Request, options: Options) -> Version:
    """Trace and compile one version."""
    specs = specs_for(request)
    args, kwargs = trees.unflatten(request.treedef, specs)
    try:
        traced = trace(request.function, args, kwargs)
    except (UnsupportedError, StructureError) as error:
        if any(request.dynamic):
            raise NeedsStatic(error) from None
        raise
    EXCEPTIONS.update(traced.exceptions)
    function = simplify(traced.function, stabilize=options.stabilize)
    layouts, numbers = _layouts(traced, request, function)
    program = merge(lower(function, layouts, numbers))
    signature = _Signatures(traced, function, program, request).build()
    layout = abi.layout(signature)
    core = lower_program(
        program,
        _param_slots(traced, function, program, layout),
        _result_slots(program, signature, layout),
    )
    _dump(program, core.text)
    spec = specialise(core.text, signature, core.errors, core.host, core.symbols, options.opt_level)
    artefacts = Artefacts(traced, function, program, core.text, spec)
    changes = bool(traced.containers or traced.attributes)
    return Version(
        keys=request.keys,
        sizes=_sizes(request),
        dynamic=request.dynamic,
        call=spec,
        guards=lambda: all(g.holds() for g in traced.guards),
        writes=tuple(sorted(k for k in traced.mutated if k < len(specs))),
        fast=None if changes or not _plain(request) else spec,
        finish=_Finish(traced).apply if changes else None,
        artefacts=artefacts,
    )


def _dump(program: Program, text: str) -> None:
    dump_stage("lower", program.host)
    asked = os.environ.get("TRACEJIT_DUMP", "").split(",")
    if "llvm" in asked or "all" in asked:
        dump_text("llvm", program.host.name, text)


def _sizes(request: Request) -> tuple[int, ...]:
    from tracejit.specialize import sizes_of

    return sizes_of(request.leaves, request.keys)


def _plain(request: Request) -> bool:
    """Whether every argument is itself one leaf, so that native code sees arguments as they are."""
    args, kwargs = trees.unflatten(request.treedef, list(range(len(request.leaves))))
    return not kwargs and list(args) == list(range(len(request.leaves)))


def _param_owner(traced: Traced) -> list[tuple[str, int]]:
    """What each function parameter is: ("extent", n), ("leaf", k) or ("hidden", n)."""
    owners = [("extent", n) for n in range(len(traced.sym_dims))]
    owners += [("leaf", k) for k, x in enumerate(traced.leaves) if not isinstance(x, Static)]
    return owners + [("hidden", n) for n in range(len(traced.hidden))]


def _layouts(
    traced: Traced, request: Request, function: Function
) -> tuple[list[Layout], list[int]]:
    layouts: list[Layout] = []
    numbers: list[int] = []
    for (kind, k), param in zip(_param_owner(traced), function.params, strict=True):
        layout: Layout = None
        number = -1
        if kind == "leaf":
            number = k
            leaf = traced.leaves[k]
            if isinstance(leaf, ArraySpec):
                layout = leaf.layout if leaf.layout != "strided" else (None,) * param.rank
        elif kind == "hidden":
            number = len(traced.leaves) + k
            layout = hidden_layout(traced.hidden[k].array)
        layouts.append(layout)
        numbers.append(number)
    return layouts, numbers


def hidden_layout(array: np.ndarray[Any, Any]) -> Layout:
    """How a global array lies in memory now."""
    if array.flags.c_contiguous:
        return "C"
    return "F" if array.flags.f_contiguous else (None,) * array.ndim


def _param_slots(
    traced: Traced, function: Function, program: Program, layout: abi.SlotLayout
) -> list[int]:
    owners = _param_owner(traced)
    first = len(traced.leaves)
    where = _extent_places(traced)
    slots: list[int] = []
    for slot in program.slots:
        if slot.kind == "out":
            data = layout.results[slot.index].data
        else:
            kind, k = owners[slot.index]
            if kind == "extent":
                leaf, axis = where[k]
                data = layout.params[leaf].extents[axis]
            else:
                at = layout.params[k if kind == "leaf" else first + k]
                data = at.strides[slot.axis] if slot.kind == "stride" else at.data
        assert data is not None, slot
        slots.append(data)
    return slots


def _extent_places(traced: Traced) -> list[tuple[int, int]]:
    """Leaf and axis where each symbolic extent is found."""
    places: dict[SymDim, tuple[int, int]] = {}
    for k, leaf in enumerate(traced.leaves):
        for axis, d in enumerate(leaf.shape if isinstance(leaf, ArraySpec) else ()):
            if isinstance(d, SymDim):
                places.setdefault(d, (k, axis))
    return [places[d] for d in traced.sym_dims]


def _result_slots(program: Program, signature: abi.Signature, layout: abi.SlotLayout) -> list[int]:
    slots = [-1] * len(program.host.results)
    for k, result in enumerate(program.results):
        at = layout.results[k]
        if result.kind == "out":
            continue
        assert at.data is not None
        slots[result.first] = at.data
        for axis, place in enumerate(at.extents if result.kind == "dynamic" else ()):
            assert place is not None
            slots[result.first + 1 + axis] = place
    return slots


def _packing_guards(k: int, packing: Packing, itemsize: int) -> list[abi.Guard]:
    """What of its strides makes an array have this packing."""
    signs = {"+": 1, "-": -1, "0": 0}
    found: list[abi.Guard] = []
    sign = 1
    dense: abi.Expr = itemsize
    behind: tuple[int, abi.Expr] | None = None
    for axis, kind in reversed(packing):
        stride = abi.Stride(k, axis)
        found.append(abi.Guard("eq" if kind == "packed" else "ne", stride, dense))
        if kind != "packed":
            sign = signs[kind]
            found.append(abi.Guard({1: "gt", -1: "lt", 0: "eq"}[sign], stride, 0))  # type: ignore[arg-type]
        length = abi.BinOp("mul", sign, stride)
        if behind is not None:
            found.append(abi.Guard("ge" if axis < behind[0] else "gt", length, behind[1]))
        behind = (axis, length)
        dense = abi.BinOp("mul", abi.Extent(k, axis), stride)
    return found


class _Signatures:
    """Builds the abi signature of a lowered trace."""

    def __init__(
        self, traced: Traced, function: Function, program: Program, request: Request
    ) -> None:
        self.traced = traced
        self.function = function
        self.program = program
        self.request = request
        self.owners = _param_owner(traced)
        self.places = _extent_places(traced)

    def build(self) -> abi.Signature:
        traced = self.traced
        params = tuple(map(self.param, traced.leaves, self.request.keys))
        hidden = [abi.Hidden(abi.CallSource(h.getter), self.hidden_param(h)) for h in traced.hidden]
        hidden += [
            abi.Hidden(abi.CallSource(g.getter), abi.IdentityParam(g.expected))
            for g in traced.guards
        ]
        results, structure = self.results()
        return abi.Signature(
            params,
            results,
            structure,
            tuple(hidden),
            guards=self.values(),
            disjoint=self.disjoint(),
            identical=self.identical(),
            release_gil=self.release(),
        )

    def param(self, leaf: Any, key: LeafKey) -> abi.Param:
        if isinstance(leaf, ArraySpec):
            shape = tuple(None if isinstance(d, SymDim) else d for d in leaf.shape)
            strides: Any = leaf.layout if leaf.layout != "strided" else (None,) * len(shape)
            frozen = not leaf.writeable
            return abi.ArrayParam(leaf.dtype, shape, strides, leaf.writeable, frozen)
        if isinstance(leaf, ScalarSpec):
            assert isinstance(key, ScalarKey)
            return abi.ScalarParam(key.dtype, key.kind)
        if isinstance(key, ScalarKey):
            if key.kind == "bool":
                return abi.IdentityParam(leaf.value)
            return abi.ScalarParam(key.dtype, key.kind)  # its value is guarded
        assert isinstance(key, StaticKey)
        return abi.IdentityParam(unwrapped(key.value))

    def values(self) -> tuple[abi.Guard, ...]:
        """Python ints that the code is compiled for; run-time extents were traced as 2 or more."""
        extents = tuple(abi.Guard("ge", abi.Extent(k, axis), 2) for k, axis in self.places)
        return (
            extents
            + self.packings()
            + tuple(
                abi.Guard("eq", abi.ScalarOf(k), leaf.value)
                for k, (leaf, key) in enumerate(
                    zip(self.traced.leaves, self.request.keys, strict=True)
                )
                if isinstance(leaf, Static) and isinstance(key, ScalarKey) and key.kind == "int"
            )
        )

    def packings(self) -> tuple[abi.Guard, ...]:
        """What the trace supposed of arrays that are not dense."""
        arrays: list[Any] = [*self.traced.leaves, *(h.cell for h in self.traced.hidden)]
        found: list[abi.Guard] = []
        for k, array in enumerate(arrays):
            packing = getattr(array, "packing", None)
            if packing is not None:
                found += _packing_guards(k, packing, np.dtype(array.dtype).itemsize)
        return tuple(found)

    def hidden_param(self, hidden: Any) -> abi.Param:
        x = hidden.array
        layout: Any = hidden_layout(x)
        written = hidden.cell.arg in self.traced.mutated
        return abi.ArrayParam(x.dtype, x.shape, layout, written)

    # -- aliasing ------------------------------------------------------------------------------

    def arrays(self) -> list[int]:
        leaves = [k for k, x in enumerate(self.traced.leaves) if isinstance(x, ArraySpec)]
        return leaves + [len(self.traced.leaves) + n for n in range(len(self.traced.hidden))]

    def identical(self) -> tuple[tuple[int, int], ...]:
        groups: dict[int, list[int]] = {}
        for k, leaf in enumerate(self.traced.leaves):
            if isinstance(leaf, ArraySpec) and leaf.alias_group is not None:
                groups.setdefault(leaf.alias_group, []).append(k)
        return tuple((g[0], k) for g in groups.values() for k in g[1:])

    def disjoint(self) -> tuple[tuple[int, int], ...]:
        same = {frozenset(p) for p in self.identical()}
        firsts = {k: first for first, k in self.identical()}
        arrays = [k for k in self.arrays() if k not in firsts]
        pairs = {
            frozenset((k, j))
            for k in arrays
            for j in arrays
            if k != j and (k in self.traced.mutated or j in self.traced.mutated)
        }
        return tuple(sorted((min(p), max(p)) for p in pairs - same))

    # -- results -------------------------------------------------------------------------------

    def results(self) -> tuple[tuple[abi.Result, ...], abi.Structure]:
        traced = self.traced
        raw = [self.raw(k) for k in range(len(self.program.results))]
        if self.function.diverges:
            return (), None
        scalar_arrays = any(self.is_zero_d(o) for o in traced.outs)
        simple = ArrayOut | ScalarOut | PythonOut | ArgOut | SameOut | StaticOut
        plain = all(isinstance(o, simple) for o in traced.outs)
        if not plain or scalar_arrays or traced.containers or traced.attributes:
            return self.rebuilt(raw)
        return self.direct(raw)

    def is_zero_d(self, out: Any) -> bool:
        """An array of rank 0, which comes back from native code as a scalar."""
        return isinstance(out, ArrayOut) and self.program.results[out.index].kind == "scalar"

    def direct(self, raw: list[abi.Result]) -> tuple[tuple[abi.Result, ...], abi.Structure]:
        results = list(raw)
        leaves: list[abi.Structure] = []
        for out in self.traced.outs:
            if isinstance(out, SameOut):
                leaves.append(leaves[out.leaf])
            elif isinstance(out, ArrayOut | ScalarOut):
                leaves.append(out.index)
            elif isinstance(out, PythonOut):
                leaves.append(self.python_scalar(results, out))
            elif isinstance(out, ArgOut):
                results.append(abi.ArgResult(out.arg))
                leaves.append(len(results) - 1)
            else:
                assert isinstance(out, StaticOut)
                results.append(abi.ConstantResult(out.value))
                leaves.append(len(results) - 1)
        tree = trees.unflatten(self.traced.out_tree, [_Leaf(x) for x in leaves])
        return tuple(results), _structure(tree, results, self.traced)

    def python_scalar(self, results: list[abi.Result], out: PythonOut) -> int:
        old = results[out.index]
        assert isinstance(old, abi.ScalarResult)
        results[out.index] = abi.ScalarResult(old.dtype, out.kind)  # type: ignore[arg-type]
        return out.index

    def rebuilt(self, raw: list[abi.Result]) -> tuple[tuple[abi.Result, ...], abi.Structure]:
        arrays = self.arrays()
        results = [*raw, *[abi.ArgResult(k) for k in arrays]]
        finish = _Finish(self.traced)
        keep = bool(self.traced.containers or self.traced.attributes)

        def build(leaves: list[Any]) -> Any:
            values = leaves[: len(raw)]
            by_number = dict(zip(arrays, leaves[len(raw) :], strict=True))
            if keep:
                return values, by_number
            return finish.value(values, by_number.__getitem__)

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
            return abi.Extent(*self.places[k])
        return abi.ScalarOf(k)

    def release(self) -> bool | abi.WorkAbove:
        arrays = [k for k, x in enumerate(self.traced.leaves) if isinstance(x, ArraySpec)]
        if not arrays:
            return False
        work: abi.Expr = 0
        for k in arrays:
            size: abi.Expr = 1
            for axis, d in enumerate(self.traced.leaves[k].shape):
                extent = abi.Extent(k, axis) if isinstance(d, SymDim) else d
                size = extent if size == 1 else abi.BinOp("mul", size, extent)
            work = size if work == 0 else abi.BinOp("add", work, size)
        return abi.WorkAbove(work, RELEASE_ELEMENTS)


@dataclass(frozen=True)
class _Leaf:
    index: Any


def _structure(tree: Any, results: list[abi.Result], traced: Traced) -> abi.Structure:
    """The nesting of results as the entry builds it; anything unusual goes through optree."""
    if isinstance(tree, _Leaf):
        index: abi.Structure = tree.index
        return index
    if type(tree) in (tuple, list):
        kind: Any = type(tree).__name__
        return abi.Container(kind, tuple(_structure(x, results, traced) for x in tree))
    if type(tree) is dict:
        children = tuple(_structure(x, results, traced) for x in tree.values())
        return abi.Container("dict", children, tuple(tree))
    leaves, treedef = trees.flatten(tree, is_leaf=lambda x: isinstance(x, _Leaf))
    order = [leaf.index for leaf in leaves]

    def build(values: list[Any]) -> Any:
        return trees.unflatten(treedef, [values[k] for k in order])

    return abi.Unflatten(build)


class _Finish:
    """What happens after the native call when results are views or the caller's objects change."""

    def __init__(self, traced: Traced) -> None:
        self.traced = traced

    def value(self, values: Sequence[Any], array: Callable[[int], Any]) -> Any:
        """The function's result from IR results and argument arrays."""
        leaves = rebuild(self.traced.outs, values, array)
        return trees.unflatten(self.traced.out_tree, leaves)

    def apply(self, call: tuple[Any, Any], raw: tuple[Sequence[Any], dict[int, Any]]) -> Any:
        """Change the caller's lists, dicts and attributes; then the result."""
        values, by_number = raw
        array = by_number.__getitem__
        # All are found before one is changed: the change of one may drop another.
        targets = [_container(call, change.path) for change in self.traced.containers]
        for target, change in zip(targets, self.traced.containers, strict=True):
            items = trees.unflatten(change.tree, rebuild(change.outs, values, array))
            if isinstance(target, dict):
                target.clear()
                target.update(zip(change.keys or (), items, strict=True))
            else:
                target[:] = items
        for attribute in self.traced.attributes:
            leaves = rebuild(attribute.outs, values, array)
            setattr(attribute.owner, attribute.name, trees.unflatten(attribute.tree, leaves))
        return self.value(values, array)


def _container(call: tuple[Any, Any], path: Sequence[Any]) -> Any:
    """The container of the caller that lies at a path in the arguments."""
    target: Any = call
    for key in path:
        target = vars(target) if key is FIELDS else target[key]
    return target


def traced_function(
    fun: Callable[..., Any], args: Sequence[Any]
) -> tuple[Function, list[Any], list[int]]:
    """``fun`` as an IR function of exact shapes, its argument values, and which are inexact."""
    from tracejit.specialize import alias_groups, leaf_key

    leaves, treedef = trees.flatten((tuple(args), {}))
    keys = tuple(map(leaf_key, leaves))
    from tracejit.specialize import sizes_of

    dynamic = (False,) * len(sizes_of(leaves, keys))
    request = Request(fun, treedef, tuple(leaves), keys, dynamic, alias_groups(leaves)[0], ())
    call_args, call_kwargs = trees.unflatten(treedef, specs_for(request))
    traced = trace(fun, call_args, call_kwargs)
    EXCEPTIONS.update(traced.exceptions)
    values = [x for x, s in zip(leaves, traced.leaves, strict=True) if not isinstance(s, Static)]
    values += [h.array for h in traced.hidden]
    count = sum(not isinstance(s, Static) for s in traced.leaves)
    wrt = [k for k, v in enumerate(values[:count]) if np.asarray(v).dtype.kind in "fc"]
    return simplify(traced.function), values, wrt


def run_function(function: Function, args: Sequence[Any]) -> list[Any]:
    """Compile and run one IR function on arrays; for tools and checks."""
    from tracejit.codegen_llvm.compile import compile_program

    compiled = compile_program(merge(lower(simplify(function))))
    arrays = [np.array(a, dtype=p.dtype) for a, p in zip(args, function.params, strict=True)]
    return compiled.call(*arrays)
