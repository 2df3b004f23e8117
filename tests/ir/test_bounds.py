"""What is proved about integers holds for every value that they can have.

The prover is asked, as the tracer and as the pass use it, about random polynomials; a proof is
tried on random numbers within the bounds.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tracejit.ir import extent as ex
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.facts import IntegerFacts
from tracejit.ir.types import INDEX
from tracejit.passes.ranges import Facts

INT_MAX = 2**63 - 1


class Numbers:
    """A few integers with bounds, some of which are polynomials of earlier ones."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.values = [Value(INDEX, hint=name) for name in "abcd"]
        self.low: dict[Value, Dim] = {}
        self.high: dict[Value, Dim] = {}
        for k, v in enumerate(self.values):
            if rng.random() < 0.4:  # an extent
                self.low[v] = rng.choice([0, 0, 1, 2])
            elif k and rng.random() < 0.5:  # a counter
                self.low[v] = 0
                self.high[v] = self.values[k - 1].dim - 1
            else:
                self.low[v] = rng.randint(-3, 2)
                self.high[v] = rng.randint(2, 5)

    def assignment(self) -> dict[Value, int] | None:
        """Numbers within the bounds, if there are any."""
        found: dict[Value, int] = {}
        for v in self.values:
            low = ex.evaluate(self.low[v], found.__getitem__)
            high = ex.evaluate(self.high.get(v, low + 6), found.__getitem__)
            if high < low:
                return None
            found[v] = self.rng.choice([low, high, self.rng.randint(low, high)])
        return found

    def atom(self) -> Dim:
        rng = self.rng
        a, b = rng.choice(self.values).dim, rng.choice(self.values).dim
        kinds: list[Callable[[], Dim]] = [
            lambda: a,
            lambda: a,
            lambda: a,
            lambda: ex.floordiv(a, 2),
            lambda: ex.emin(a, 2),
            lambda: ex.emin(b - 1, a),
            lambda: ex.emax(a, b),
            lambda: ex.mod(a, 3),
        ]
        return rng.choice(kinds)()

    def polynomial(self) -> Dim:
        total: Dim = self.rng.randint(-6, 6)
        for _ in range(self.rng.randint(1, 4)):
            term: Dim = self.rng.choice([-2, -1, 1, 1, 2, 3])
            for _ in range(self.rng.choice([1, 1, 2])):
                term = self.atom() * term
            total = term + total
        return total


def tracer(numbers: Numbers) -> Callable[[Dim], bool]:
    known = IntegerFacts()
    for v in numbers.values:
        known.bound(v, numbers.low[v], numbers.high.get(v))
    return lambda dim: known.at_least(dim, 0)


def pass_(numbers: Numbers) -> Callable[[Dim], bool]:
    facts = Facts()
    facts.low.update(numbers.low)
    facts.high.update(numbers.high)
    return facts.nonnegative


@pytest.mark.parametrize("prover", [tracer, pass_])
@pytest.mark.parametrize("shard", range(4))
def test_a_proof_holds_for_all_values(
    prover: Callable[[Numbers], Callable[[Dim], bool]], shard: int
) -> None:
    proved = 0
    for seed in range(shard * 250, shard * 250 + 250):
        numbers = Numbers(random.Random(seed))
        dims = [numbers.polynomial() for _ in range(8)]
        if not (holds := [d for d in dims if prover(numbers)(d)]):
            continue
        proved += len(holds)
        for _ in range(25):
            values = numbers.assignment()
            for dim in holds if values is not None else ():
                assert values is not None
                assert ex.evaluate(dim, values.__getitem__) >= 0, (seed, dim, values)
    assert proved > 100


def test_an_atom_is_not_replaced_where_its_factor_has_no_sign() -> None:
    # (m - 2*(m // 2)) * r is 0 or r: found as a reshape that was refused.
    m, n = Value(INDEX, hint="m"), Value(INDEX, hint="n")
    known = IntegerFacts()
    known.extent(m, 2)
    known.extent(n, 2)
    r = ex.emin(2, n.dim - 1)
    size = m.dim * r - ex.floordiv(m.dim, 2) * r
    assert known.equal(size, 4) is None


def test_a_difference_fits_where_both_ends_do() -> None:
    a, b = Value(INDEX, hint="a"), Value(INDEX, hint="b")
    known = IntegerFacts()
    known.bound(a, -(2**62), 2**62)
    known.bound(b, -(2**62), 2**62)
    assert known.fits_int64(a.dim)
    assert not known.fits_int64(a.dim - b.dim)
