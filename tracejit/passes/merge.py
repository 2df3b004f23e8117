"""Program -> Program: neighbouring kernels over the same outer loop become one.

Rows are then computed while they are in cache: softmax, layer norm and variance are one pass over
memory. Two loops merge when every element that one writes and the other touches is indexed, along
one axis, by the loop variable itself, so that no iteration needs another's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tracejit.ir.builder import Builder
from tracejit.ir.core import Function, Instr, Value, uses
from tracejit.ir.program import Program
from tracejit.ir.types import BufferType

_MOVABLE = frozenset(["alloc", "view", "const_buffer"])
#: Merged kernels stay under this many instructions.
LIMIT = 400


def merge(program: Program) -> Program:
    """Merge neighbouring kernels everywhere in the host function."""
    roots = {p: p for p in program.host.params}
    return replace(program, host=_merge_body(program.host, roots))


# -- hosts -------------------------------------------------------------------------------------


def _merge_body(function: Function, roots: dict[Value, Value]) -> Function:
    """Merge in one host body; ``roots``: the memory that each buffer is a view of."""
    new: list[Instr] = []
    pending: Instr | None = None
    late: list[Instr] = []
    for instr in function.instrs:
        if instr.name == "view":
            roots[instr.result] = roots.get(instr.operands[0], instr.operands[0])
        if instr.name == "launch":
            joined = None if pending is None else _joined(pending, instr, roots)
            if joined is not None:
                pending = joined
                continue
            new += [pending, *late] if pending is not None else []
            pending, late = instr, []
            continue
        if pending is not None and _may_pass(instr, pending):
            (late if instr.name == "free" else new).append(instr)
            continue
        new += [pending, *late] if pending is not None else []
        pending, late = None, []
        new.append(_nested(instr, roots))
    new += [pending, *late] if pending is not None else []
    return replace_instrs(function, new)


def _may_pass(instr: Instr, launch: Instr) -> bool:
    """Whether an instruction can move before a launch (a ``free``: wait until after the next)."""
    if instr.name == "free":
        return True
    if instr.name not in _MOVABLE and (instr.prim.effect != "none" or instr.regions):
        return False
    return not set(launch.results) & set(uses(instr))


def _nested(instr: Instr, roots: Mapping[Value, Value]) -> Instr:
    if not instr.regions or instr.name == "launch":
        return instr
    regions = tuple(_merge_region(instr, region, roots) for region in instr.regions)
    return replace(instr, regions=regions)


def _merge_region(instr: Instr, region: Function, roots: Mapping[Value, Value]) -> Function:
    skipped = {"for": 0, "cond": 1}.get(instr.name, 0)
    inner: dict[Value, Value] = {}
    owner: dict[Value, Value] = {}
    for param, operand in zip(region.params, instr.operands[skipped:], strict=True):
        if isinstance(param.type, BufferType):
            root = roots.get(operand, operand)
            inner[param] = owner.setdefault(root, param)
    return _merge_body(region, inner)


def replace_instrs(function: Function, instrs: Sequence[Instr]) -> Function:
    """The function with other instructions."""
    if len(instrs) == len(function.instrs) and all(
        map(lambda a, b: a is b, instrs, function.instrs)
    ):
        return function
    return Function(function.name, function.params, tuple(instrs), function.results)


# -- kernels -----------------------------------------------------------------------------------


def _joined(first: Instr, second: Instr, roots: Mapping[Value, Value]) -> Instr | None:
    """One launch for two, when at least one pair of their loops merges."""
    if set(first.results) & set(uses(second)):
        return None
    a, b = first.regions[0], second.regions[0]
    if _size(a) + _size(b) > LIMIT or not (_has_loop(a) and _has_loop(b)):
        return None
    operands = list(dict.fromkeys([*first.operands, *second.operands]))
    builder = Builder("kernel")
    mapping = builder.params_like(operands)
    outs: list[Value] = []
    for kernel, launch in ((a, first), (b, second)):
        args = [mapping[v] for v in launch.operands]
        outs += builder.inline(kernel, args)
    sources = {mapping[v]: roots.get(v, v) for v in operands}
    merged = merge_loops(builder.build(outs), sources)
    if merged is None:
        return None
    aliases = _aliases(operands, roots)
    kernel = _inner_merged(merged, sources)
    return Instr(
        first.prim,
        tuple(operands),
        aliases,
        (kernel,),
        (*first.results, *second.results),
        first.loc,
    )


def _aliases(operands: Sequence[Value], roots: Mapping[Value, Value]) -> Mapping[str, object]:
    groups: dict[Value, list[int]] = {}
    for k, v in enumerate(operands):
        if isinstance(v.type, BufferType):
            groups.setdefault(roots.get(v, v), []).append(k)
    found = tuple(tuple(g) for g in groups.values() if len(g) > 1)
    return {"aliases": found} if found else {}


def _size(function: Function) -> int:
    return sum(1 + sum(map(_size, instr.regions)) for instr in function.instrs)


def _has_loop(function: Function) -> bool:
    return any(instr.name == "for" for instr in function.instrs)


def merge_loops(function: Function, roots: Mapping[Value, Value]) -> Function | None:
    """Merge the last loop before and the first loop after a seam; None when nothing merges."""
    instrs = list(function.instrs)
    loops = [k for k, i in enumerate(instrs) if i.name == "for"]
    changed = False
    position = 0
    while position + 1 < len(loops):
        k, j = loops[position], loops[position + 1]
        joined = _join_pair(instrs, k, j, roots)
        if joined is None:
            position += 1
            continue
        instrs = joined
        changed = True
        loops = [k for k, i in enumerate(instrs) if i.name == "for"]
        position = 0
    if not changed:
        return None
    return Function(function.name, function.params, tuple(instrs), function.results)


def _join_pair(
    instrs: list[Instr], k: int, j: int, roots: Mapping[Value, Value]
) -> list[Instr] | None:
    first, second = instrs[k], instrs[j]
    between = instrs[k + 1 : j]
    if not _same_trip(first.operands[0], second.operands[0]):
        return None
    made = set(first.results)
    for instr in between:
        if instr.prim.effect != "none" or instr.regions or made & set(uses(instr)):
            return None
    if made & set(uses(second)) or not _independent(first, second, roots):
        return None
    merged = _concatenated(first, second)
    return [*instrs[:k], *between, merged, *instrs[j + 1 :]]


def _same_trip(a: Value, b: Value) -> bool:
    return a is b or (a.expr is not None and a.expr == b.expr)


def _concatenated(first: Instr, second: Instr) -> Instr:
    """One loop that runs both bodies, its carried values those of the first, then the second."""
    na, nb = first.attrs["carried"], second.attrs["carried"]
    a, b = first.regions[0], second.regions[0]
    consts = list(dict.fromkeys([*first.operands[1 + na :], *second.operands[1 + nb :]]))
    operands = [
        first.operands[0], *first.operands[1 : 1 + na], *second.operands[1 : 1 + nb], *consts,
    ]  # fmt: skip
    builder = Builder("body")
    i = builder.param(a.params[0].type, "i")
    carried = [builder.param(p.type) for p in (*a.params[1 : 1 + na], *b.params[1 : 1 + nb])]
    outer = builder.params_like(consts)
    results: list[Value] = []
    for body, loop, own in ((a, first, carried[:na]), (b, second, carried[na:])):
        rest = [outer[v] for v in loop.operands[1 + len(own) :]]
        results += builder.inline(body, [i, *own, *rest])
    region = builder.build(results)
    attrs = {"carried": na + nb}
    out = (*first.results, *second.results)
    return Instr(first.prim, tuple(operands), attrs, (region,), out, first.loc)


def _inner_merged(function: Function, roots: Mapping[Value, Value]) -> Function:
    """Merge loops inside the loops of a kernel, too."""
    instrs = []
    for instr in function.instrs:
        if instr.name == "for":
            body = instr.regions[0]
            inner = {
                p: roots.get(v, v) for p, v in zip(body.params[1:], instr.operands[1:], strict=True)
            }
            merged = merge_loops(body, inner) or body
            instr = replace(instr, regions=(_inner_merged(merged, inner),))
        instrs.append(instr)
    return replace_instrs(function, instrs)


# -- dependence --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Access:
    """One load or store: the memory, the buffer as named outside, and which axes are the loop's
    variable."""

    root: Value
    buffer: Value
    store: bool
    axes: frozenset[int]


def _independent(first: Instr, second: Instr, roots: Mapping[Value, Value]) -> bool:
    """Whether no iteration of one loop touches what another iteration of the other writes."""
    a, b = list(_accesses(first, roots)), list(_accesses(second, roots))
    shared = {x.root for x in a} & {x.root for x in b}
    for root in shared:
        both = [x for x in (*a, *b) if x.root is root]
        if not any(x.store for x in both):
            continue
        if len({x.buffer for x in both}) != 1:
            return False
        if not frozenset.intersection(*(x.axes for x in both)):
            return False
    return True


def _accesses(loop: Instr, roots: Mapping[Value, Value]) -> Iterator[Access]:
    body = loop.regions[0]
    names = dict(zip(body.params[1:], loop.operands[1:], strict=True))
    yield from _walk(body, body.params[0], names, roots)


def _walk(
    function: Function, i: Value | None, names: Mapping[Value, Value], roots: Mapping[Value, Value]
) -> Iterator[Access]:
    """Accesses of a body whose outer buffers are ``names`` and whose outer variable is ``i``."""
    for instr in function.instrs:
        if instr.name in ("load", "store"):
            index = instr.operands[2 if instr.name == "store" else 1 :]
            buffer = names.get(instr.operands[0], instr.operands[0])
            axes = frozenset(k for k, v in enumerate(index) if i is not None and v is i)
            yield Access(roots.get(buffer, buffer), buffer, instr.name == "store", axes)
        for region, first, operands in _passed(instr):
            inner: dict[Value, Value] = {}
            counter: Value | None = None
            for param, operand in zip(region.params[first:], operands, strict=True):
                if operand is i:
                    counter = param
                inner[param] = names.get(operand, operand)
            yield from _walk(region, counter, inner, roots)


def _passed(instr: Instr) -> Iterator[tuple[Function, int, Sequence[Value]]]:
    """Regions, with the parameters (from that position on) that are just operands passed in."""
    for region in instr.regions:
        if instr.name == "cond":
            yield region, 0, instr.operands[1:]
        elif instr.name in ("for_true", "sum_true"):
            first = 1 + (instr.attrs.get("carried", 0) if region is instr.regions[-1] else 0)
            skipped = len(instr.operands) - len(region.params)
            yield region, first, instr.operands[skipped + first :]
        else:
            first = instr.attrs.get("carried", 0) + (instr.name != "while")
            yield region, first, instr.operands[first:]
