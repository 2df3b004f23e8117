"""What is known about integers: bounds of extents and loop counters, and proofs from them.

An atom is an ``i64`` SSA value; ``low`` and ``high`` are inclusive bounds. Proofs substitute
bounds into polynomials, so ``0 <= i < n`` gives ``n - 1 - i >= 0``.
"""

from __future__ import annotations

from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Atom, Dim, Extent

#: No array has more elements than this, so sums of extents with small factors fit in 64 bits.
EXTENT_LIMIT = 2**47
INT_MAX = 2**63 - 1
_DEPTH = 6
#: How many proofs of lower bounds are within one another.
_WITHIN = 3


class IntegerFacts:
    """Bounds of atoms, and polynomials that are not negative (``holds``)."""

    #: How many bounds are put one into another in a proof.
    depth = _DEPTH

    def __init__(self) -> None:
        self.low: dict[Atom, Dim] = {}
        self.high: dict[Atom, Dim] = {}
        self.extents: set[Atom] = set()
        self.holds: list[Dim] = []
        self._tried: dict[tuple[Extent, int], bool] = {}  # in the proof under way
        self._within = 0

    def extent(self, value: Value, low: int = 0) -> Value:
        """Note that ``value`` is the extent of an existing array."""
        self.low[value] = low
        self.extents.add(value)
        return value

    def bound(self, value: Value, low: Dim | None, high: Dim | None) -> Value:
        """Note ``low <= value <= high`` for a value that is an atom."""
        atom = ex.single_atom(value.dim)
        if atom is not None:
            if low is not None:
                self.low[atom] = low
            if high is not None:
                self.high[atom] = high
        return value

    def at_least(self, a: Dim, b: Dim) -> bool:
        """Whether ``a >= b`` is proved."""
        return self.nonnegative(a - b)

    def equal(self, a: Dim, b: Dim) -> bool | None:
        """Whether two extents are equal: True and False are proofs."""
        if a == b:
            return True
        if self.at_least(a, b + 1) or self.at_least(b, a + 1):
            return False
        return None

    def nonnegative(self, dim: Dim) -> bool:
        """Whether ``dim >= 0`` is proved."""
        self._tried.clear()
        return self._proved(dim, self.depth)

    def _proved(self, dim: Dim, depth: int) -> bool:
        if isinstance(dim, int):
            return dim >= 0
        found = self._tried.get((dim, depth))
        if found is None:
            found = self._tried[dim, depth] = self._try(dim, depth)
        return found

    def _try(self, dim: Extent, depth: int) -> bool:
        if self._by_lower_bounds(dim):
            return True
        if depth == 0:
            return False
        for atom in dict.fromkeys(dim.atoms()):
            parts = ex.linear_in(dim, atom)
            if parts is None:
                continue
            slope, rest = parts
            sign = self._sign(slope, depth)
            for bound in self._bounds(atom, upper=sign < 0) if sign else ():
                if isinstance(slope, int) and sign > 0 and bound == 0 and rest != 0:
                    continue  # the term helps while it is there
                if self._proved(slope * bound + rest, depth - 1):
                    return True
        facts = (f for f in self.holds if isinstance(f, Extent) and _may_leave_none_below(dim, f))
        return any(self._by_lower_bounds(dim - fact) for fact in facts)

    def _sign(self, dim: Dim, depth: int) -> int:
        """1 where ``dim >= 0`` is proved, -1 where ``dim <= 0`` is, else 0.

        An atom may only be replaced by its bound where the whole polynomial that it is multiplied
        with has one sign: ``m*r - 2*q*r`` neither grows nor falls with ``r`` for certain.
        """
        if isinstance(dim, int):
            return 1 if dim >= 0 else -1
        signs = {coef > 0 for coef in dim.terms.values()}
        if len(signs) == 1 and all(self._least(atom) is not None for atom in dim.atoms()):
            return 1 if signs.pop() else -1
        if len(signs) == 1 or depth < 2:
            return 0
        return self._proved(dim, 2) - self._proved(-dim, 2)

    def _by_lower_bounds(self, dim: Dim) -> bool:
        if isinstance(dim, int):
            return dim >= 0
        if any(coef < 0 for mono, coef in dim.terms.items() if mono):
            return False
        total = 0
        for mono, coef in dim.terms.items():
            for atom, power in mono:
                low = self._least(atom)
                if low is None:
                    return False
                coef *= low**power
            total += coef
        return total >= 0

    def _least(self, atom: Atom) -> int | None:
        """A non-negative integer lower bound, if there is one."""
        low = None if isinstance(atom, ex.Opaque) else self.low.get(atom)
        if isinstance(low, int):
            return low if low >= 0 else None
        if self._within == _WITHIN:
            return None
        self._within += 1  # facts mention atoms whose bounds facts prove, and so on
        try:
            if isinstance(atom, ex.Opaque):
                enough = any if atom.kind == "max" else all
                return 0 if enough(self._proved(part, 2) for part in (atom.b, atom.a)) else None
            return 0 if low is not None and self._proved(low, 2) else None
        finally:
            self._within -= 1

    def _bounds(self, atom: Atom, *, upper: bool) -> list[Dim]:
        if isinstance(atom, ex.Opaque):
            if atom.kind == ("min" if upper else "max"):
                return [atom.b, atom.a]
            halves = atom.kind == "floordiv" and isinstance(atom.b, int) and atom.b > 0
            if halves and self._proved(atom.a, 2):
                return [atom.a if upper else 0]
            return [0] if not upper and self._least(atom) is not None else []
        found = (self.high if upper else self.low).get(atom)
        return [] if found is None else [found]

    def magnitude(self, dim: Dim, depth: int = 4) -> int:
        """A bound on ``abs(dim)``; more than ``INT_MAX`` where there is none."""
        if isinstance(dim, int):
            return abs(dim)
        total = 0
        for mono, coef in dim.terms.items():
            size = abs(coef)
            for atom, power in mono:
                size *= self._atom_magnitude(atom, depth) ** power
            total += size
        return total

    def _atom_magnitude(self, atom: Atom, depth: int) -> int:
        if isinstance(atom, ex.Opaque):
            a, b = self.magnitude(atom.a, depth), self.magnitude(atom.b, depth)
            return {"floordiv": a, "mod": b}.get(atom.kind, max(a, b))
        if atom in self.extents:
            return EXTENT_LIMIT
        low, high = self.low.get(atom), self.high.get(atom)
        if low is None or high is None or depth == 0:
            return INT_MAX + 1
        return max(self.magnitude(low, depth - 1), self.magnitude(high, depth - 1))

    def fits_int64(self, dim: Dim) -> bool:
        """Whether an integer expression provably stays in 64 bits."""
        if isinstance(ex.single_atom(dim), Value) or self.magnitude(dim) <= INT_MAX:
            return True
        if isinstance(dim, int):
            return False
        self._tried.clear()
        upper, lower = self._extreme(dim, 1), self._extreme(dim, -1)
        if upper is None or lower is None:
            return False
        return _is_stored_value(upper) and self.magnitude(lower) <= INT_MAX

    def _extreme(self, dim: Extent, side: int) -> Dim | None:
        """What ``dim`` is at most (side 1) or at least (side -1), its atoms replaced by bounds."""
        found: Dim = dim
        for atom in dict.fromkeys(dim.atoms()):
            parts = ex.linear_in(found, atom)
            if parts is None:
                return None
            slope, rest = parts
            if slope == 0:
                continue
            sign = self._sign(slope, self.depth) * side
            bounds = self._bounds(atom, upper=sign > 0) if sign else []
            if not bounds:
                return None
            found = slope * bounds[0] + rest
        return found


def _is_stored_value(dim: Dim) -> bool:
    """``v`` or ``v - c``-like: one atom that exists at run time, lowered by at most a little."""
    if isinstance(dim, int):
        return abs(dim) <= INT_MAX
    constant = dim.terms.get(ex.ONE, 0)
    return ex.single_atom(dim - constant) is not None and constant in (0, -1)


def _may_leave_none_below(dim: Extent, fact: Extent) -> bool:
    """Whether no term of ``dim - fact``, but the constant one, has a negative factor."""
    for mono, coef in fact.terms.items():
        if coef > 0 and mono and dim.terms.get(mono, 0) < coef:
            return False
    return all(
        coef >= 0 or not mono or fact.terms.get(mono, 0) <= coef for mono, coef in dim.terms.items()
    )
