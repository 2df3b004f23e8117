"""Matrix products as kernels: `gemm` becomes a `launch` of three loops.

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
    _rows(kernel, operands, names, bool(gemm.attrs.get("beta", 0)))
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


def _rows(kernel: Builder, values: list[Value], names: Names, beta: bool) -> None:
    a, b, c = values[-3:]
    add, mul = "add", "mul"
    if is_bool(a.dtype):
        add, mul = "bitwise_or", "bitwise_and"

    def row(e: Builder, m: Value, _: list[Value], own: Names) -> Sequence[Value]:
        def column(e: Builder, n: Value, _: list[Value], own: Names) -> Sequence[Value]:
            def term(e: Builder, k: Value, acc: list[Value], own: Names) -> Sequence[Value]:
                x = e.op("load", own[a], own[m], k)
                y = e.op("load", own[b], k, own[n])
                return [e.op(add, acc[0], e.op(mul, x, y))]

            start = e.const(0, c.dtype)
            inner = {**own, n: n}
            (total,) = _loop(e, inner, [*values, m, n], a.shape[1], [start], term)
            if beta:
                total = e.op(add, e.op("load", own[c], own[m], n), total)
            e.append("store", [own[c], total, own[m], n], {})
            return []

        _loop(e, {**own, m: m}, [*values, m], c.shape[1], [], column)
        return []

    _loop(kernel, names, values, c.shape[0], [], row)


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
