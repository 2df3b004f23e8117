"""Matrix products as kernels: `gemm` becomes a `launch` of loops.

One thread per element of the result, the inner sum from first to last: correct and deterministic,
far from what tensor cores do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tracejit.dtypes import is_bool
from tracejit.ir.builder import Builder, rename_type
from tracejit.ir.core import Function, Instr, Value, type_uses
from tracejit.ir.extent import Dim, ResultRef, leaves, subst
from tracejit.ir.traits import Trait
from tracejit.ir.types import INDEX

Names = dict[Value, Value]
Body = Callable[[Builder, Value, list[Value], Names], Sequence[Value]]


def as_launch(gemm: Instr) -> Instr:
    """`gemm(a, b, c)` as a launch; its operands are the extents and strides, then the buffers."""
    a, b, c = gemm.operands
    outer = list(dict.fromkeys(leaf for v in (a, b, c) for leaf in type_uses(v.type)))
    operands = [*outer, a, b, c]
    kernel = Builder("gemm")
    names = _params(kernel, operands)
    _nest(kernel, operands, names, bool(gemm.attrs.get("beta", 0)))
    host = Builder("host")
    return host.append("launch", operands, {}, (kernel.build([]),), gemm.loc)


def _params(b: Builder, values: Sequence[Value]) -> Names:
    """Parameters for values, extents before the buffers that mention them."""
    names: Names = {}
    for v in values:
        names[v] = b.param(rename_type(v.type, names), v.hint)
    return names


def _loop(
    b: Builder, names: Names, consts: Sequence[Value], trip: Dim, inits: list[Value], body: Body
) -> tuple[Value, ...]:
    """A `for` of which the body sees `consts` under names of its own."""
    inner = Builder("body")
    i = inner.param(INDEX, "i")
    carried = [inner.param(v.type) for v in inits]
    own = _params(inner, consts)
    region = inner.build(list(body(inner, i, carried, own)))
    operands = [_index(b, trip, names), *inits, *[names[v] for v in consts]]
    return b.append("for", operands, {"carried": len(inits)}, (region,)).results


def _index(b: Builder, dim: Dim, names: Names) -> Value:
    inner: dict[Value | ResultRef, Dim] = {
        v: names[v].dim for v in leaves(dim) if isinstance(v, Value)
    }
    return b.index(subst(dim, inner))


def _nest(kernel: Builder, values: list[Value], names: Names, beta: bool) -> None:
    a, b, c = values[-3:]
    add, mul = "add", "mul"
    if is_bool(a.dtype):
        add, mul = "bitwise_or", "bitwise_and"

    def element(e: Builder, at: list[Value], names: Names) -> None:
        *outer, n = at

        def term(e: Builder, k: Value, acc: list[Value], own: Names) -> Sequence[Value]:
            *stack, row = [own[v] for v in outer]
            x = e.op("load", own[a], *stack, row, k)
            y = e.op("load", own[b], *stack, k, own[n])
            return [e.op(add, acc[0], e.op(mul, x, y))]

        start = e.const(0, c.dtype)
        (total,) = _loop(e, names, [*values, *at], a.shape[-1], [start], term)
        place = [names[v] for v in at]
        if beta:
            total = e.op(add, e.op("load", names[c], *place), total)
        e.append("store", [names[c], total, *place], {})

    def nest(e: Builder, at: list[Value], names: Names) -> None:
        def body(e: Builder, i: Value, _: list[Value], own: Names) -> Sequence[Value]:
            (element if len(at) == c.rank - 1 else nest)(e, [*at, i], {**own, i: i})
            return []

        _loop(e, names, [*values, *at], c.shape[len(at)], [], body)

    nest(kernel, [], names)


def products(function: Function) -> dict[Instr, Instr]:
    """The launch for every `gemm` of a host function, at any depth."""
    found: dict[Instr, Instr] = {}
    for instr in function.instrs:
        expand = _EXPANDED.get(instr.name)
        if expand is not None:
            found[instr] = expand(instr)
        elif not instr.has(Trait.LAUNCHES):
            for region in instr.regions:
                found |= products(region)
    return found


#: By name: statements of the host that become kernels.
_EXPANDED = {"gemm": as_launch}
