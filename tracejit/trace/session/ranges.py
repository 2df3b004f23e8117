"""What is known about integers: bounds of extents and loop counters, and proofs from them.

An atom is an ``i64`` SSA value; ``low`` and ``high`` are inclusive bounds. Proofs substitute
bounds into polynomials, so ``0 <= i < n`` gives ``n - 1 - i >= 0``.
"""

from __future__ import annotations

from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim, Extent

#: No array has more elements than this, so sums of extents with small factors fit in 64 bits.
EXTENT_LIMIT = 2**47
INT_MAX = 2**63 - 1
_DEPTH = 6


class Ranges:
    """Bounds of atoms."""

    def __init__(self) -> None:
        self.low: dict[ex.Atom, Dim] = {}
        self.high: dict[ex.Atom, Dim] = {}
        self.extents: set[ex.Atom] = set()

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
        return self._nonnegative(a - b, _DEPTH)

    def equal(self, a: Dim, b: Dim) -> bool | None:
        """Whether two extents are equal: True and False are proofs."""
        if a == b:
            return True
        if self.at_least(a, b + 1) or self.at_least(b, a + 1):
            return False
        return None

    def _nonnegative(self, dim: Dim, depth: int) -> bool:
        if isinstance(dim, int):
            return dim >= 0
        if depth == 0:
            return False
        for atom in dict.fromkeys(dim.atoms()):
            parts = ex.linear_in(dim, atom)
            if parts is None:
                continue
            slope, rest = parts
            sign = self._sign(slope, depth)
            bound = self._low(atom) if sign > 0 else self._high(atom) if sign < 0 else None
            if isinstance(bound, int) and sign > 0 and bound == 0 and len(dim.terms) > 1:
                continue
            if bound is not None and self._nonnegative(slope * bound + rest, depth - 1):
                return True
        return self._by_lower_bounds(dim)

    def _sign(self, dim: Dim, depth: int) -> int:
        """1 where ``dim >= 0`` is proved, -1 where ``dim <= 0`` is, else 0.

        An atom may only be replaced by its bound where the whole polynomial that it is multiplied
        with has one sign: ``m*r - 2*q*r`` neither grows nor falls with ``r`` for certain.
        """
        if isinstance(dim, int):
            return 1 if dim >= 0 else -1
        signs = {coef > 0 for coef in dim.terms.values()}
        if len(signs) == 1 and all(self._known_low(atom) is not None for atom in dim.atoms()):
            return 1 if signs.pop() else -1
        if len(signs) == 1 or depth < 2:
            return 0
        return self._nonnegative(dim, 2) - self._nonnegative(-dim, 2)

    def _by_lower_bounds(self, dim: Extent) -> bool:
        total = 0
        for mono, coef in dim.terms.items():
            product = 1
            for atom, power in mono:
                low = self._known_low(atom)
                if low is None:
                    return False
                product *= low**power
            if mono and coef < 0:
                return False
            total += coef * product
        return total >= 0

    def _known_low(self, atom: ex.Atom) -> int | None:
        """A non-negative integer lower bound, if there is one."""
        low = self._low(atom)
        if isinstance(low, int):
            return low if low >= 0 else None
        return 0 if low is not None and self._nonnegative(low, 2) else None

    def _low(self, atom: ex.Atom) -> Dim | None:
        if isinstance(atom, ex.Opaque):
            if atom.kind == "floordiv" and isinstance(atom.b, int) and atom.b > 0:
                return 0 if self._nonnegative(atom.a, 3) else None
            if atom.kind == "max":
                return atom.a if not self._nonnegative(atom.b, 2) else 0
            if atom.kind == "min":
                both = self._nonnegative(atom.a, 2) and self._nonnegative(atom.b, 2)
                return 0 if both else None
            return None
        return self.low.get(atom)

    def _high(self, atom: ex.Atom) -> Dim | None:
        if isinstance(atom, ex.Opaque):
            if atom.kind == "min":
                return atom.a if isinstance(atom.b, int) else atom.b
            if atom.kind == "floordiv" and isinstance(atom.b, int) and atom.b > 0:
                return atom.a if self._nonnegative(atom.a, 2) else None
            return None
        return self.high.get(atom)

    def magnitude(self, dim: Dim) -> int:
        """A bound on ``abs(dim)`` as a Python int (unbounded values count as 2**63)."""
        if isinstance(dim, int):
            return abs(dim)
        total = 0
        for mono, coef in dim.terms.items():
            product = abs(coef)
            for atom, power in mono:
                product *= self._atom_magnitude(atom) ** power
            total += product
        return total

    def _atom_magnitude(self, atom: ex.Atom, depth: int = 4) -> int:
        if isinstance(atom, ex.Opaque):
            a, b = self.magnitude(atom.a), self.magnitude(atom.b)
            return {"floordiv": a, "mod": b}.get(atom.kind, max(a, b))
        if atom in self.extents:
            return EXTENT_LIMIT
        low, high = self.low.get(atom), self.high.get(atom)
        if low is None or high is None or depth == 0:
            return INT_MAX + 1
        return max(self.magnitude(low), self.magnitude(high))

    def fits_int64(self, dim: Dim) -> bool:
        """Whether an integer expression provably stays in 64 bits."""
        if self.magnitude(dim) <= INT_MAX:
            return True
        if isinstance(dim, int):
            return False
        upper, lower = self._extreme(dim, 1), self._extreme(dim, -1)
        if upper is None or lower is None:
            return False
        return _is_stored_value(upper) and self.magnitude(lower) <= INT_MAX

    def _extreme(self, dim: Extent, side: int) -> Dim | None:
        """What ``dim`` is at most (side 1) or at least (side -1), its atoms replaced by bounds."""
        found: Dim = dim
        for atom in dict.fromkeys(dim.atoms()):
            parts = ex.linear_in(found, atom) if isinstance(found, Extent) else (0, found)
            if parts is None:
                return None
            slope, rest = parts
            if slope == 0:
                continue
            sign = self._sign(slope, _DEPTH) * side
            bound = self._high(atom) if sign > 0 else self._low(atom) if sign < 0 else None
            if bound is None:
                return None
            found = slope * bound + rest
        return found


def _is_stored_value(dim: Dim) -> bool:
    """``v`` or ``v - c``-like: one atom that exists at run time, lowered by at most a little."""
    if isinstance(dim, int):
        return abs(dim) <= INT_MAX
    constant = dim.terms.get(ex.ONE, 0)
    return ex.single_atom(dim - constant) is not None and constant in (0, -1)
