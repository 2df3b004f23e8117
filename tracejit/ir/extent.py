"""Extents: integers or polynomials over opaque atoms, in one normal form.

An atom is a rank-0 ``i64`` SSA value, a reference to another result of the same instruction
(``ResultRef``), or an opaque ``floordiv | mod | min | max`` of two extents. Two extents are equal
exactly when their normal forms are. Nothing here knows about instructions or tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias, Union

from tracejit.records import dataclass

if TYPE_CHECKING:
    from tracejit.ir.core import Value

Dim: TypeAlias = Union[int, "Extent"]

#: Stands for the unknown number behind a symbolic extent when sizes are compared.
TYPICAL_EXTENT = 256


@dataclass(frozen=True)
class ResultRef:
    """Result ``index`` of the instruction whose types are being inferred."""

    index: int


@dataclass(frozen=True)
class Opaque:
    """``kind(a, b)`` for kind in floordiv, mod, min, max, kept whole."""

    kind: str
    a: Dim
    b: Dim


Atom: TypeAlias = Union["Value", ResultRef, Opaque]


class Monomial:
    """A product of powers of atoms, equal to itself in any order.

    The factors keep the order in which they came: an order of hashes, which are addresses, would
    be another in each process, and so would be the text of the code.
    """

    __slots__ = ("_hash", "factors")

    def __init__(self, factors: Iterable[tuple[Atom, int]] = ()) -> None:
        self.factors = tuple(factors)
        self._hash = hash(self.factors if len(self.factors) < 2 else frozenset(self.factors))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Monomial):
            return NotImplemented
        return self.factors == other.factors or (
            len(self.factors) > 1 and frozenset(self.factors) == frozenset(other.factors)
        )

    def __iter__(self) -> Iterator[tuple[Atom, int]]:
        return iter(self.factors)

    def __len__(self) -> int:
        return len(self.factors)


_Terms: TypeAlias = dict[Monomial, int]
#: The monomial of constants.
ONE = Monomial()


class Extent:
    """A polynomial with integer coefficients; never a constant (``as_dim`` returns ints)."""

    __slots__ = ("_hash", "terms")

    def __init__(self, terms: _Terms) -> None:
        self.terms = terms
        self._hash: int | None = None

    def __hash__(self) -> int:
        if self._hash is None:  # most are never asked
            self._hash = hash(frozenset(self.terms.items()))
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Extent) and self.terms == other.terms

    def __add__(self, other: Dim) -> Dim:
        if other == 0:
            return self
        terms = dict(self.terms)
        for mono, coef in _terms(other).items():
            terms[mono] = terms.get(mono, 0) + coef
        return _normal(terms)

    __radd__ = __add__

    def __neg__(self) -> Dim:
        return _normal({m: -c for m, c in self.terms.items()})

    def __sub__(self, other: Dim) -> Dim:
        return self + (-other)

    def __rsub__(self, other: Dim) -> Dim:
        return (-self) + other

    def __mul__(self, other: Dim) -> Dim:
        if other == 1:
            return self
        terms: _Terms = {}
        for ma, ca in self.terms.items():
            for mb, cb in _terms(other).items():
                mono = _times(ma, mb)
                terms[mono] = terms.get(mono, 0) + ca * cb
        return _normal(terms)

    __rmul__ = __mul__

    def atoms(self) -> Iterator[Atom]:
        for mono in self.terms:
            for atom, _ in mono:
                yield atom

    def __repr__(self) -> str:
        return format_dim(self, lambda v: f"%{v.hint or 'v'}")


def _times(a: Monomial, b: Monomial) -> Monomial:
    if not (a.factors and b.factors):
        return a if a.factors else b
    powers = dict(a)
    for atom, power in b:
        powers[atom] = powers.get(atom, 0) + power
    return Monomial(powers.items())


def _terms(dim: Dim) -> _Terms:
    return dim.terms if isinstance(dim, Extent) else ({ONE: dim} if dim else {})


def _normal(terms: _Terms) -> Dim:
    terms = {m: c for m, c in terms.items() if c}
    if not terms:
        return 0
    if len(terms) == 1 and ONE in terms:
        return terms[ONE]
    return Extent(terms)


def atom_dim(atom: Atom) -> Extent:
    """The extent that is just ``atom``."""
    return Extent({Monomial([(atom, 1)]): 1})


def single_atom(dim: Dim) -> Atom | None:
    """The atom when ``dim`` is exactly one atom, else None."""
    if isinstance(dim, Extent) and len(dim.terms) == 1:
        ((mono, coef),) = dim.terms.items()
        if coef == 1 and len(mono) == 1:
            ((atom, power),) = mono
            return atom if power == 1 else None
    return None


def linear_in(dim: Dim, atom: Atom) -> tuple[Dim, Dim] | None:
    """``(slope, rest)`` with ``dim == slope * atom + rest``, neither of them of the atom.

    None where the atom has a higher power. (An opaque atom may hide it; that is another atom.)
    """
    slope: _Terms = {}
    rest: _Terms = {}
    for mono, coef in _terms(dim).items():
        power = next((p for other, p in mono if other == atom), 0)
        if power > 1:
            return None
        if power:
            slope[Monomial(f for f in mono if f[0] != atom)] = coef
        else:
            rest[mono] = coef
    return _normal(slope), _normal(rest)


def _split(dim: Dim, divisor: int) -> tuple[Dim, Dim]:
    """``dim == divisor * whole + rest`` with the coefficients of ``rest`` in [0, divisor)."""
    whole: _Terms = {}
    rest: _Terms = {}
    for mono, coef in _terms(dim).items():
        q, r = divmod(coef, divisor)
        whole[mono], rest[mono] = q, r
    return _normal(whole), _normal(rest)


def floordiv(a: Dim, b: Dim) -> Dim:
    """Python's ``a // b``; multiples of a constant divisor leave the opaque part."""
    if isinstance(a, int) and isinstance(b, int):
        if b == 0:
            raise ZeroDivisionError("extent divided by zero")
        return a // b
    if isinstance(b, int) and b > 0:
        whole, rest = _split(a, b)
        if isinstance(rest, int):
            return whole + rest // b
        constant = rest.terms.get(ONE, 0)
        if b == 2 and constant == 1:  # Hermite: floor((n+1)/2) == n - floor(n/2)
            even = rest - 1
            return whole + even - floordiv(even, 2)
        return whole + atom_dim(Opaque("floordiv", rest, b))
    return atom_dim(Opaque("floordiv", a, b))


def mod(a: Dim, b: Dim) -> Dim:
    """Python's ``a % b``, as ``a - b * (a // b)`` so that sums with quotients cancel."""
    if isinstance(a, int) and isinstance(b, int):
        return a % b
    return a - b * floordiv(a, b)


def ceildiv(a: Dim, b: Dim) -> Dim:
    """``ceil(a / b)`` for positive b."""
    return floordiv(a + b - 1, b)


def emin(a: Dim, b: Dim) -> Dim:
    """The smaller of two extents; folded when their difference is a constant."""
    diff = a - b
    if isinstance(diff, int):
        return a if diff <= 0 else b
    return atom_dim(Opaque("min", a, b))


def emax(a: Dim, b: Dim) -> Dim:
    """The larger of two extents; folded when their difference is a constant."""
    diff = a - b
    if isinstance(diff, int):
        return a if diff >= 0 else b
    return atom_dim(Opaque("max", a, b))


#: What integer primitives do to extents.
ARITHMETIC: dict[str, Callable[[Dim, Dim], Dim]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "floor_divide": floordiv,
    "remainder": mod,
    "minimum": emin,
    "maximum": emax,
}
_OPAQUE: dict[str, Callable[[Dim, Dim], Dim]] = {
    "floordiv": floordiv,
    "mod": mod,
    "min": emin,
    "max": emax,
}


def opaque(kind: str, a: Dim, b: Dim) -> Dim:
    """Build ``kind(a, b)`` in normal form."""
    return _OPAQUE[kind](a, b)


def fold_dim(
    dim: Dim, atom: Callable[[Value | ResultRef], Dim], ops: Mapping[str, Callable[[Dim, Dim], Dim]]
) -> Dim:
    """Rebuild ``dim`` with every leaf atom replaced by ``atom(leaf)``."""
    if isinstance(dim, int):
        return dim
    total: Dim = 0
    for mono, coef in dim.terms.items():
        term: Dim = coef
        for leaf, power in mono:
            if isinstance(leaf, Opaque):
                value = ops[leaf.kind](fold_dim(leaf.a, atom, ops), fold_dim(leaf.b, atom, ops))
            else:
                value = atom(leaf)
            for _ in range(power):
                term = term * value
        total = total + term
    return total


def subst(dim: Dim, mapping: Mapping[Value | ResultRef, Dim]) -> Dim:
    """``dim`` with leaf atoms replaced through ``mapping`` (others kept)."""
    if isinstance(dim, int):
        return dim
    return fold_dim(dim, lambda a: mapping[a] if a in mapping else atom_dim(a), _OPAQUE)


def evaluate(dim: Dim, value: Callable[[Value | ResultRef], int]) -> int:
    """The number that ``dim`` stands for, given the numbers of its atoms."""
    result = fold_dim(dim, value, _OPAQUE)
    assert isinstance(result, int)
    return result


def typical(dim: Dim) -> int:
    """An estimate of an extent, for comparing sizes: unknown numbers count as typical ones.

    What is divided by an unknown number that seems to be 0 is as large as it was.
    """
    quotient = {"floordiv": lambda a, b: floordiv(a, b or 1), "mod": lambda a, b: mod(a, b or 1)}
    result = fold_dim(dim, lambda _: TYPICAL_EXTENT, {**_OPAQUE, **quotient})
    assert isinstance(result, int)
    return result


def leaves(dim: Dim) -> Iterator[Value | ResultRef]:
    """Leaf atoms (values and result references) in order of appearance."""
    if isinstance(dim, Extent):
        for atom in dim.atoms():
            if isinstance(atom, Opaque):
                yield from leaves(atom.a)
                yield from leaves(atom.b)
            else:
                yield atom


def product(dims: tuple[Dim, ...]) -> Dim:
    """Product of extents (1 for none)."""
    total: Dim = 1
    for d in dims:
        total = d * total
    return total


def provably_ge(a: Dim, b: Dim) -> bool:
    """True when a >= b follows from coefficients alone, every atom being non-negative.

    Only for extents of existing arrays, whose atoms are themselves extents; never for offsets.
    """
    diff = a - b
    if isinstance(diff, int):
        return diff >= 0
    return all(coef >= 0 for coef in diff.terms.values())


def format_dim(dim: Dim, name: Callable[[Value], str]) -> str:
    """Text of an extent: ``2*%0*%1 + floordiv(%0, 2) + -1``; the parser reads it back."""
    if isinstance(dim, int):
        return str(dim)
    parts = []
    for mono, coef in dim.terms.items():
        names = sorted(_format_atom(a, name) for a, p in mono for _ in range(p))
        factors = ([str(coef)] if coef != 1 or not names else []) + names
        parts.append((not mono, "*".join(factors)))
    return " + ".join(text for _, text in sorted(parts))


def _format_atom(atom: Atom, name: Callable[[Value], str]) -> str:
    if isinstance(atom, Opaque):
        return f"{atom.kind}({format_dim(atom.a, name)}, {format_dim(atom.b, name)})"
    if isinstance(atom, ResultRef):
        return f"${atom.index}"
    return name(atom)
