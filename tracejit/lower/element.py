"""Computing one element of a tensor at an index: the inside of every kernel.

Indices are extents over loop variables, in normal form, so equal accesses are equal objects and
``floordiv`` of a flattened index folds. A stored value is a ``load``; an inlined one recurses
through its operands, with index maps rewriting the index on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field

from tracejit.ir import extent as ex
from tracejit.ir.core import Instr, Value
from tracejit.ir.extent import Dim, Extent, Monomial
from tracejit.ir.regions import Scope, unify
from tracejit.records import dataclass

Index = tuple[Dim, ...]


@dataclass
class Bounds:
    """Exclusive upper bounds of loop variables (all start at 0), for folding quotients."""

    upper: dict[Value, Dim] = field(default_factory=dict)

    def below(self, dim: Dim, limit: Dim) -> bool:
        """Whether 0 <= dim < limit is proved by the variables' bounds."""
        top = self.maximum(dim)
        return top is not None and ex.provably_ge(limit - 1, top)

    def under(self, dim: Dim, limit: Dim) -> bool:
        """Whether dim < limit is proved by the variables' bounds."""
        top = self._greatest(dim)
        return top is not None and ex.provably_ge(limit - 1, top)

    def _greatest(self, dim: Dim) -> Dim | None:
        """An upper bound of a sum whose variables all have non-negative coefficients.

        The constant may be negative; terms in extents alone are kept as they are.
        """
        if isinstance(dim, int):
            return dim
        total: Dim = 0
        for mono, coef in dim.terms.items():
            if not any(atom in self.upper for atom, _ in mono if isinstance(atom, Value)):
                total = total + (Extent({mono: coef}) if mono else coef)
                continue
            top = self._monomial(mono)
            if coef < 0 or top is None:
                return None
            total = total + top * coef
        return total

    def maximum(self, dim: Dim) -> Dim | None:
        """The largest value of a sum of non-negative multiples of bounded variables."""
        if isinstance(dim, int):
            return dim if dim >= 0 else None
        total: Dim = 0
        for mono, coef in dim.terms.items():
            top = self._monomial(mono)
            if coef < 0 or top is None:
                return None
            total = total + top * coef
        return total

    def at_least(self, dim: Dim, limit: Dim) -> bool:
        """Whether dim >= limit is proved, every variable and extent being non-negative."""
        return ex.provably_ge(dim, limit)

    def _monomial(self, mono: ex.Monomial) -> Dim | None:
        top: Dim = 1
        for atom, power in mono:
            if power != 1 or isinstance(atom, ex.ResultRef):
                return None
            if isinstance(atom, ex.Opaque):
                bound = self._opaque(atom)
                if bound is None:
                    return None
                top = top * bound
            elif atom in self.upper:
                top = top * (self.upper[atom] - 1)
            else:
                top = top * ex.atom_dim(atom)
        return top

    def _opaque(self, atom: ex.Opaque) -> Dim | None:
        if atom.kind == "floordiv" and isinstance(atom.b, int) and atom.b > 0:
            top = self.maximum(atom.a)
            return None if top is None else ex.floordiv(top, atom.b)
        return None

    def floordiv(self, a: Dim, b: Dim) -> Dim:
        """``a // b`` of a flattened index, folded where bounds allow."""
        whole, rest = self._split(a, b)
        return whole if self.below(rest, b) else whole + ex.floordiv(rest, b)

    def mod(self, a: Dim, b: Dim) -> Dim:
        """``a % b`` likewise."""
        _, rest = self._split(a, b)
        return rest if self.below(rest, b) else rest - b * ex.floordiv(rest, b)

    def _split(self, a: Dim, b: Dim) -> tuple[Dim, Dim]:
        """``a == b * whole + rest`` taking out the terms that are multiples of ``b``."""
        if isinstance(b, int):
            if isinstance(a, int):
                return (a // b, a % b) if b else (0, a)
            whole: Dim = 0
            rest: Dim = 0
            for mono, coef in a.terms.items():
                term = Extent({mono: 1}) if mono else 1
                q, r = divmod(coef, b)
                whole, rest = whole + term * q, rest + term * r
            return whole, rest
        atom = ex.single_atom(b)
        if atom is None or isinstance(a, int):
            return 0, a
        whole, rest = 0, 0
        for mono, coef in a.terms.items():
            powers = dict(mono)
            if atom in powers:
                powers[atom] -= 1
                left = Monomial((k, p) for k, p in powers.items() if p)
                whole = whole + (Extent({left: coef}) if left else coef)
            else:
                rest = rest + (Extent({mono: coef}) if mono else coef)
        return whole, rest


def linear_index(idx: Index, shape: Sequence[Dim]) -> Dim:
    """C-order position of an index."""
    flat: Dim = 0
    for i, n in zip(idx, shape, strict=True):
        flat = i + n * flat
    return flat


def delinearize(flat: Dim, shape: Sequence[Dim], bounds: Bounds) -> Index:
    """The index at a C-order position."""
    if any(n == 0 for n in shape):
        return (0,) * len(shape)  # of nothing: the code around is never run
    out: list[Dim] = []
    for n in reversed(shape[1:]):
        out.append(0 if n == 1 else bounds.mod(flat, n))
        flat = bounds.floordiv(flat, n)
    return (flat, *reversed(out)) if shape else ()


def _has_quotient(dim: Dim) -> bool:
    return isinstance(dim, Extent) and any(isinstance(a, ex.Opaque) for a in dim.atoms())


class Puller:
    """Emits elements of tensors into kernel scopes.

    ``stored(value)`` gives the buffer of a stored tensor, None when it is inlined; ``held(value)``
    the host scalar of a tensor of one element that is kept in one, ``scalar(value)`` that of a
    rank-0 tensor. ``reads`` notes every load by tensor.
    """

    def __init__(
        self,
        defs: Mapping[Value, Instr],
        stored: Callable[[Value], Value | None],
        scalar: Callable[[Value], Value],
        dim: Callable[[Dim], Dim],
        flat: Callable[[Value], Value | None] = lambda buffer: None,
        held: Callable[[Value], Value | None] = lambda value: None,
        *,
        gpu: bool = False,
    ) -> None:
        self.defs = defs
        self.stored = stored
        self.scalar = scalar
        self.dim = dim
        self.flat = flat
        self.held = held
        self.gpu = gpu
        self.bounds = Bounds()
        self.reads: dict[Value, set[Index]] = {}

    def shape(self, value: Value) -> tuple[Dim, ...]:
        """A tensor's extents over host values."""
        return tuple(self.dim(d) for d in value.shape)

    def pull(self, value: Value, idx: Index, scope: Scope) -> Value:
        """Element ``idx`` of ``value`` as a scalar of ``scope``."""
        if value.rank == 0:
            return scope.use(self.scalar(value))
        held = self.held(value)
        if held is not None:
            return scope.use(held)
        key = (value, idx)
        found = scope.memo.get(key)
        if found is None:
            found = scope.memo[key] = self._compute(value, idx, scope)
        assert isinstance(found, Value)
        return found

    def pull_rank0(self, instr: Instr, scope: Scope) -> Value:
        """The element that an index map of rank 0 reads."""
        if instr.prim.elementwise:
            return self._elementwise(instr, instr.results[0], (), scope)
        return _MAPS[instr.name](self, instr, (), scope)

    def _compute(self, value: Value, idx: Index, scope: Scope) -> Value:
        buffer = self.stored(value)
        if buffer is not None:
            self.reads.setdefault(value, set()).add(idx)
            return self._load(buffer, idx, scope)
        instr, place = self.defs[value], scope.place
        before = place.loc
        place.loc = instr.loc or before
        if instr.prim.elementwise:
            found = self._elementwise(instr, value, idx, scope)
        else:
            found = _MAPS[instr.name](self, instr, idx, scope)
        place.loc = before
        return found

    def _load(self, buffer: Value, idx: Index, scope: Scope) -> Value:
        """A load; a flattened index that was split again goes back to one number."""
        if any(_has_quotient(d) for d in idx):
            flat = self.flat(buffer)
            linear = linear_index(idx, buffer.shape)
            if flat is not None and not _has_quotient(linear):
                buffer, idx = flat, (linear,)
        loaded = scope.op("load", buffer, *[scope.index(d) for d in idx])
        assert isinstance(loaded, Value)
        return loaded

    def _elementwise(self, instr: Instr, value: Value, idx: Index, scope: Scope) -> Value:
        """Operands first, from left to right, by a stack of our own: a chain of operations may be
        longer than Python's is deep."""
        place, locs = scope.place, [scope.place.loc]
        under_way: list[tuple[Instr, list[Value]]] = [(instr, [])]
        while under_way:
            now, scalars = under_way[-1]
            if len(scalars) < len(now.operands):
                v = now.operands[len(scalars)]
                inner = self._next_elementwise(v, idx, scope)
                if inner is None:
                    scalars.append(self.pull(v, idx, scope))
                else:
                    locs.append(place.loc)
                    place.loc = inner.loc or place.loc
                    under_way.append((inner, []))
                continue
            out = scope.op(now.name, *scalars, loc=now.loc, **now.attrs)
            results = out if isinstance(out, tuple) else (out,)
            for r, s in zip(now.results, results, strict=True):
                scope.memo[(r, idx)] = s
            under_way.pop()
            place.loc = locs.pop()
        found = scope.memo[(value, idx)]
        assert isinstance(found, Value)
        return found

    def _next_elementwise(self, value: Value, idx: Index, scope: Scope) -> Instr | None:
        """The operation on elements that makes a tensor here, where it was not done yet."""
        instr = self.defs.get(value)
        if instr is None or not instr.prim.elementwise or value.rank == 0:
            return None
        if (value, idx) in scope.memo or self.held(value) is not None:
            return None
        return instr if self.stored(value) is None else None

    def apart(self, a: Index, b: Index) -> bool:
        """Whether two indices differ in every iteration: by a constant, on an axis without loop."""
        for x, y in zip(a, b, strict=True):
            diff = x - y
            fixed = not any(leaf in self.bounds.upper for d in (x, y) for leaf in ex.leaves(d))
            if isinstance(diff, int) and diff != 0 and fixed:
                return True
        return False

    def host_dim(self, value: Value) -> Dim:
        """An index operand as an extent over host values."""
        return self.dim(value.dim)

    def window(self, bounds: Sequence[Value], idx: Index) -> Index:
        """starts + steps * idx."""
        rank = len(idx)
        starts = [self.host_dim(v) for v in bounds[:rank]]
        steps = [self.host_dim(v) for v in bounds[rank:]]
        return tuple(s + k * i for s, k, i in zip(starts, steps, idx, strict=True))

    def positions(self, index: Sequence[Value], at: Index, scope: Scope) -> list[Dim]:
        """Elements of index tensors as extents."""
        return [self.pull(v, at, scope).dim for v in index]


def _broadcast(p: Puller, instr: Instr, idx: Index, scope: Scope) -> Value:
    (x,) = instr.operands
    maybe_one = instr.attrs.get("maybe_one", ())
    picked: list[Dim] = []
    for extent, axis in zip(p.shape(x), instr.attrs["axes"], strict=True):
        if extent == 1:
            picked.append(0)
        elif axis in maybe_one:
            many = scope.op("ne", scope.index(extent), scope.index(1))
            factor = scope.op("convert", many, dtype=scope.index(0).dtype)
            picked.append(scope.op("mul", factor, scope.index(idx[axis])).dim)
        else:
            picked.append(idx[axis])
    return p.pull(x, tuple(picked), scope)


def _transpose(p: Puller, instr: Instr, idx: Index, scope: Scope) -> Value:
    picked: list[Dim] = [0] * len(idx)
    for i, axis in enumerate(instr.attrs["perm"]):
        picked[axis] = idx[i]
    return p.pull(instr.operands[0], tuple(picked), scope)


def _reshape(p: Puller, instr: Instr, idx: Index, scope: Scope) -> Value:
    (x,) = instr.operands
    before = p.shape(x)
    after = p.shape(instr.results[0])
    squeezed = _squeeze(before, after, idx)
    if squeezed is None:
        squeezed = delinearize(linear_index(idx, after), before, p.bounds)
    return p.pull(x, squeezed, scope)


def _squeeze(before: Sequence[Dim], after: Sequence[Dim], idx: Index) -> Index | None:
    """The index when the reshape only adds or drops axes of extent 1."""
    kept = [(n, i) for n, i in zip(after, idx, strict=True) if n != 1]
    if [n for n, _ in kept] != [n for n in before if n != 1]:
        return None
    rest = iter(kept)
    return tuple(0 if n == 1 else next(rest)[1] for n in before)


def _slice(p: Puller, instr: Instr, idx: Index, scope: Scope) -> Value:
    return p.pull(instr.operands[0], p.window(instr.operands[1:], idx), scope)


def _same_index(p: Puller, instr: Instr, idx: Index, scope: Scope) -> Value:
    return p.pull(instr.operands[0], idx, scope)


def _iota(p: Puller, instr: Instr, idx: Index, scope: Scope) -> Value:
    i = scope.index(idx[instr.attrs["axis"]])
    out = (
        i if i.dtype == instr.attrs["dtype"] else scope.op("convert", i, dtype=instr.attrs["dtype"])
    )
    assert isinstance(out, Value)
    return out


def _gather(p: Puller, instr: Instr, idx: Index, scope: Scope) -> Value:
    x, index = instr.operands[0], instr.operands[1:]
    axes = instr.attrs["axes"]
    count = index[0].rank
    at = p.positions(index, idx[:count], scope)
    rest = iter(idx[count:])
    picked = tuple(at[axes.index(a)] if a in axes else next(rest) for a in range(x.rank))
    return p.pull(x, picked, scope)


def _pad(p: Puller, instr: Instr, idx: Index, scope: Scope) -> Value:
    x, fill, lows = instr.operands[0], instr.operands[1], instr.operands[2:]
    moved = [i - p.host_dim(low) for i, low in zip(idx, lows, strict=True)]
    inside = _inside(p.bounds, moved, p.shape(x), scope)
    if inside is None:
        return p.pull(x, tuple(moved), scope)
    return _guarded(
        inside,
        lambda inner: p.pull(x, tuple(moved), inner),
        lambda inner: inner.use(p.scalar(fill)),
        scope,
    )


def _inside(bounds: Bounds, idx: Sequence[Dim], shape: Sequence[Dim], scope: Scope) -> Value | None:
    """Whether an index is within a shape; None when that is proved."""
    ok: Value | None = None
    for i, n in zip(idx, shape, strict=True):
        tests: list[tuple[str, Dim]] = []
        if not bounds.at_least(i, 0):
            tests.append(("ge", 0))
        if not bounds.under(i, n):
            tests.append(("lt", n))
        for name, limit in tests:
            test = scope.op(name, scope.index(i), scope.index(limit))
            ok = test if ok is None else scope.op("bitwise_and", ok, test)
    return ok


def _guarded(
    test: Value,
    then: Callable[[Scope], Value],
    other: Callable[[Scope], Value],
    scope: Scope,
) -> Value:
    """``then`` evaluated only where the test holds: its loads may be out of range elsewhere."""
    left, right = scope.child("then"), scope.child("else")
    a, b = then(left), other(right)
    results = [[left.use(a)], [right.use(b)]]
    captured = unify((0, 0), (left, right))
    regions = (left.b.build(results[0]), right.b.build(results[1]))
    operands = [scope.use(test), *[scope.use(v) for v in captured]]
    out = scope.b.append("cond", operands, {}, regions)
    return scope.own(out.results[0])


def _concatenate(p: Puller, instr: Instr, idx: Index, scope: Scope) -> Value:
    """The piece that an index lies in is searched by halves."""
    axis = instr.attrs["axis"]
    starts: list[Dim] = [0]
    for x in instr.operands[:-1]:
        starts.append(starts[-1] + p.shape(x)[axis])

    def within(first: int, last: int, inner: Scope) -> Value:
        if last - first == 1:
            moved = (*idx[:axis], idx[axis] - starts[first], *idx[axis + 1 :])
            return p.pull(instr.operands[first], moved, inner)
        middle = (first + last) // 2
        if p.bounds.under(idx[axis], starts[middle]):
            return within(first, middle, inner)
        if p.bounds.at_least(idx[axis], starts[middle]):
            return within(middle, last, inner)
        before = inner.op("lt", inner.index(idx[axis]), inner.index(starts[middle]))
        return _guarded(
            before,
            lambda deeper: within(first, middle, deeper),
            lambda deeper: within(middle, last, deeper),
            inner,
        )

    return within(0, len(instr.operands), scope)


_MAPS: dict[str, Callable[[Puller, Instr, Index, Scope], Value]] = {
    "compress": _same_index,  # inside a reduction that visits where the mask holds
    "broadcast": _broadcast,
    "transpose": _transpose,
    "reshape": _reshape,
    "slice": _slice,
    "cast_shape": _same_index,
    "copy": _same_index,
    "iota": _iota,
    "gather": _gather,
    "pad": _pad,
    "concatenate": _concatenate,
}
