"""One form for what can be written in several ways.

Chains of index maps become one; conversions that lose nothing vanish; integers that are the same
extent become one value; what a loop never changes stops being carried; arithmetic on repeated
scalars is done once. Exact: no rounding, no sign of a zero and no nan changes.
"""

from __future__ import annotations

from collections.abc import Callable

from tracejit.dtypes import holds, is_inexact, is_integer
from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.extent import Dim, Extent, leaves, single_atom
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.traits import Trait
from tracejit.ir.types import TensorType
from tracejit.passes.rebuild import Rebuild

Rule = Callable[[Rebuild, Instr], Value | None]


def canonicalize(function: Function) -> Function:
    """Bring a function and its regions into the one form."""
    re = Rebuild(function)
    numbers = _Numbers(function)
    for instr in function.instrs:
        now = re.renamed(instr)
        if now.has(Trait.LOOP) and _invariants(re, instr, now):
            continue
        if now.regions:
            re.emit(instr, re.with_regions(now, tuple(canonicalize(r) for r in now.regions)))
            continue
        by = numbers.same(re, now)
        if by is None and now.prim.effect == "none":
            by = rewritten(re, now, _RULES)
        if by is not None and re.fits(instr.results[0], by):
            re.replace(instr.results[0], by)
        else:
            re.emit(instr, now)
            numbers.note(now)
    return re.finish()


def rewritten(re: Rebuild, instr: Instr, rules: dict[str, tuple[Rule, ...]]) -> Value | None:
    """What the first rule that applies makes of an instruction."""
    for rule in (*rules.get(instr.name, ()), *rules.get(instr.prim.kind, ())):
        by = rule(re, instr)
        if by is not None:
            return by
    return None


class _Numbers:
    """Integers by their normal form.

    ``expr`` is arithmetic without bounds, the program's is modulo 2**64. Sums and products agree
    under both; quotients, minima and maxima agree only when nothing below them wraps, which is
    granted for extents alone (see ``EXTENT_LIMIT`` in ``passes/ranges.py``).
    """

    def __init__(self, function: Function) -> None:
        self.sizes = {
            leaf
            for p in function.params
            if isinstance(p.type, TensorType)
            for d in p.shape
            for leaf in leaves(d)
        }
        self.wrapped: set[Value] = set()
        self.known: dict[Dim, Value] = {}

    def same(self, re: Rebuild, instr: Instr) -> Value | None:
        """An earlier value, or a constant, equal to the integer that ``instr`` makes."""
        if len(instr.results) != 1 or instr.result.expr is None or instr.has(Trait.LITERAL):
            return None
        result, expr = instr.result, instr.result.expr
        if any(v in self.wrapped for v in instr.operands) or not self._exact(instr):
            self.wrapped.add(result)
            return None
        if isinstance(expr, int):
            return re.b.const(expr, "i64")
        alone = _single(expr)
        return alone if alone is not None else self.known.get(expr)

    def note(self, instr: Instr) -> None:
        """Remember the integer that an emitted instruction makes."""
        if len(instr.results) == 1 and instr.results[0].expr is not None:
            result = instr.results[0]
            if result not in self.wrapped and isinstance(result.expr, Extent):
                self.known.setdefault(result.expr, result)

    def _exact(self, instr: Instr) -> bool:
        if instr.has(Trait.RING):
            return True
        dims = [v.dim for v in instr.operands]
        return all(leaf in self.sizes for d in dims for leaf in leaves(d))


def _single(expr: Extent) -> Value | None:
    atom = single_atom(expr)
    return atom if isinstance(atom, Value) else None


def _invariants(re: Rebuild, old: Instr, now: Instr) -> bool:
    """Pass what the body hands on unchanged as a loop constant."""
    op = RegionOp(now)
    first, last, body = op.first, op.last, op.body
    if body.diverges:
        return False
    carried = range(op.count)
    kept = {k for k in carried if body.results[k] is body.params[first + k]}
    fixed = [k for k in carried if k in kept]
    if not fixed:
        return False
    moving = [k for k in carried if k not in kept]
    order = [*range(first), *(first + k for k in moving), *(first + k for k in fixed)]
    order += range(last, len(now.operands))
    regions = []
    for region in now.regions:
        outs = region.results
        if region is body:
            outs = tuple(body.results[k] for k in moving)
        params = tuple(region.params[k] for k in order)
        regions.append(canonicalize(Function(region.name, params, region.instrs, outs)))
    operands = [now.operands[k] for k in order]
    try:
        made = re.b.append(
            now.prim, operands, {**now.attrs, "carried": len(moving)}, tuple(regions), now.loc
        )
    except TypeError:
        return False
    re.changed = True
    for k in fixed:
        re.replace(old.results[k], now.operands[first + k])
    for k, r in zip(moving, made.results, strict=True):
        re.replace(old.results[k], r)
    return True


# ---- index maps ----


def _broadcast(re: Rebuild, instr: Instr) -> Value | None:
    x, axes = instr.operands[0], instr.attrs["axes"]
    if x.type == instr.result.type and axes == tuple(range(x.rank)):
        return x
    inner = re.made(x, "broadcast")
    maybe = instr.attrs.get("maybe_one", ())
    if inner is None or maybe or inner.attrs.get("maybe_one", ()):
        return None
    through = tuple(axes[a] for a in inner.attrs["axes"])
    return re.b.broadcast(inner.operands[0], instr.attrs["shape"], through)


def _reshape(re: Rebuild, instr: Instr) -> Value | None:
    x = instr.operands[0]
    if x.type == instr.result.type:
        return x
    inner = re.made(x, "reshape")
    if inner is not None:
        return re.b.reshape(inner.operands[0], instr.attrs["shape"])
    return _of_splat(re, x, instr)


def _of_splat(re: Rebuild, x: Value, instr: Instr) -> Value | None:
    """A repeated scalar in another shape."""
    scalar = re.repeated(x)
    return None if scalar is None else re.b.broadcast(scalar, instr.attrs["shape"])


def _transpose(re: Rebuild, instr: Instr) -> Value | None:
    x, perm = instr.operands[0], instr.attrs["perm"]
    if perm == tuple(range(x.rank)):
        return x
    inner = re.made(x, "transpose")
    if inner is None:
        return None
    through = tuple(inner.attrs["perm"][p] for p in perm)
    if through == tuple(range(x.rank)):
        return inner.operands[0]
    made: Value = re.b.op("transpose", inner.operands[0], perm=through)
    return made


def _bounds(instr: Instr) -> tuple[list[Dim], list[Dim]]:
    rank = instr.result.rank
    dims = [v.dim for v in instr.operands[-2 * rank :]] if rank else []
    return dims[:rank], dims[rank:]


def _slice(re: Rebuild, instr: Instr) -> Value | None:
    x = instr.operands[0]
    starts, steps = _bounds(instr)
    if x.type == instr.result.type and all(s == 0 for s in starts) and all(s == 1 for s in steps):
        return x
    inner, written = re.made(x, "slice"), re.made(x, "put_slice")
    if inner is not None:
        low, by = _bounds(inner)
        starts = [a + b * c for a, b, c in zip(low, by, starts, strict=True)]
        steps = [a * b for a, b in zip(by, steps, strict=True)]
        return re.b.slice(inner.operands[0], starts, instr.attrs["shape"], steps)
    if written is not None and written.operands[2:] == instr.operands[1:]:
        # A step of zero writes one element many times; what was written is not what is read.
        return written.operands[1] if all(isinstance(s, int) and s for s in steps) else None
    return _of_splat(re, x, instr)


# ---- conversions and selections ----


def _convert(re: Rebuild, instr: Instr) -> Value | None:
    x, target = instr.operands[0], instr.attrs["dtype"]
    if x.dtype == target:
        return x
    inner = re.made(x, "convert")
    if inner is None:
        return None
    source = inner.operands[0]
    # A float that does not fit an integer gives what the float's own conversion gives.
    narrows = is_inexact(x.dtype) and is_integer(target) and is_inexact(source.dtype)
    if not holds(x.dtype, source.dtype) or (narrows and source.dtype != target):
        return None
    return re.b.convert(source, target)


def _select(re: Rebuild, instr: Instr) -> Value | None:
    condition, a, b = instr.operands
    if a is b:
        return a
    known = re.literal(condition)
    if known is not None:
        return a if known else b
    inner = re.made(condition, "invert")
    if inner is not None:
        made: Value = re.b.op("select", inner.operands[0], b, a)
        return made
    return None


def _repeated(re: Rebuild, instr: Instr) -> Value | None:
    """Elementwise on repeated scalars: the scalar operation, repeated."""
    if instr.results[0].rank == 0 or len(instr.results) != 1:
        return None
    scalars = []
    for v in instr.operands:
        scalar = re.repeated(v)
        if scalar is None:
            return None
        scalars.append(scalar)
    out = re.b.append(instr.prim, scalars, instr.attrs, (), instr.loc).result
    return re.b.broadcast(out, instr.result.shape)


_RULES: dict[str, tuple[Rule, ...]] = {
    "broadcast": (_broadcast,),
    "reshape": (_reshape,),
    "transpose": (_transpose,),
    "slice": (_slice,),
    "convert": (_convert,),
    "select": (_select,),
    "elementwise": (_repeated,),
}
