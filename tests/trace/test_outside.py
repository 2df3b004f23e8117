"""What a function reads and changes outside of itself: globals, closures, attributes, containers;
which result is which argument; and the errors that are tracejit's own."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from tests.trace.running import assert_same, call_traced, run_traced, specs_of
from tracejit.errors import StructureError, UnsupportedError
from tracejit.trace.driver import trace

WEIGHTS = np.array([1.0, 2.0, 3.0])
SCALE = 2.0
TABLE = {"w": np.array([5.0, 6.0, 7.0]), "k": 3}


def x3() -> np.ndarray[Any, Any]:
    return np.array([1.0, -2.0, 4.0])


def uses_globals(x):  # type: ignore[no-untyped-def]
    return x * WEIGHTS * SCALE + TABLE["w"] ** TABLE["k"]


def test_global_arrays_are_read_afresh() -> None:
    args = [x3()]
    traced = trace(uses_globals, specs_of(args))
    assert len(traced.hidden) == 2
    before = call_traced(traced, args)
    WEIGHTS[0] = 10.0
    try:
        np.testing.assert_array_equal(call_traced(traced, args), uses_globals(x3()))
        assert before[0] != call_traced(traced, args)[0]
    finally:
        WEIGHTS[0] = 1.0


def test_global_scalars_are_guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    traced = trace(uses_globals, specs_of([x3()]))
    assert all(g.holds() for g in traced.guards)
    monkeypatch.setitem(globals(), "SCALE", 3.0)
    assert not all(g.holds() for g in traced.guards)
    monkeypatch.setitem(globals(), "SCALE", 2)
    assert not all(g.holds() for g in traced.guards)
    monkeypatch.setitem(globals(), "SCALE", 2.0)
    assert all(g.holds() for g in traced.guards)
    monkeypatch.setitem(TABLE, "k", 4)
    assert not all(g.holds() for g in traced.guards)


def test_closure_arrays_may_be_written() -> None:
    state = np.zeros(3)
    bias = 0.5

    def step(x):  # type: ignore[no-untyped-def]
        state[...] += x + bias
        return state.sum()

    traced = trace(step, specs_of([x3()]))
    assert traced.mutated == {1}
    call_traced(traced, [x3()])
    np.testing.assert_array_equal(state, x3() + 0.5)
    assert all(g.holds() for g in traced.guards)
    bias = 1.5
    assert not all(g.holds() for g in traced.guards)


class Model:
    def __init__(self) -> None:
        self.w = np.array([1.0, 2.0, 3.0])
        self.rate = 0.5
        self.calls = 0

    def step(self, x):  # type: ignore[no-untyped-def]
        self.w -= self.rate * x
        self.calls += 1
        return (self.w**2).sum()


def test_methods_and_attributes() -> None:
    model, same = Model(), Model()
    traced = trace(Model.step, specs_of([model, x3()]))
    assert all(g.holds() for g in traced.guards)
    assert call_traced(traced, [model, x3()]) == same.step(x3())
    np.testing.assert_array_equal(model.w, same.w)
    (change,) = traced.attributes
    assert (change.owner(), change.name) == (model, "calls")
    assert (model.calls, same.calls) == (1, 1)
    model.calls = 0
    assert all(g.holds() for g in traced.guards)
    model.rate = 0.25
    assert not all(g.holds() for g in traced.guards)


def containers(x, items, table):  # type: ignore[no-untyped-def]
    items.append(x * 2)
    items[0] += 1
    table["new"] = x.sum()
    del table["old"]
    return len(items)


def test_containers_of_the_caller() -> None:
    assert_same(containers, lambda: [x3(), [x3(), 1.0], {"old": 1.0, "kept": x3()}])


def staged_containers(x, items, n):  # type: ignore[no-untyped-def]
    if n > 0:
        items[0] = x * 2
    else:
        items[1] = items[1] + 1
    for i in range(n):
        items[1] += i
    return items[0]


def test_containers_in_branches_and_loops() -> None:
    for n in (-1, 3):
        assert_same(staged_containers, lambda n=n: [x3(), [x3(), 1.0], n])


@dataclasses.dataclass
class Point:
    x: Any
    y: Any

    def norm(self) -> Any:
        return np.sqrt(self.x**2 + self.y**2)


def makes_objects(x):  # type: ignore[no-untyped-def]
    p = Point(x[0], x[1])
    p.x += 1
    return p.norm()


def test_objects_made_inside() -> None:
    assert_same(makes_objects, lambda: [x3()])


def test_results_are_the_arguments() -> None:
    def same(x, y, n):  # type: ignore[no-untyped-def]
        for _ in range(n):
            x, y = y, x
        return x, y[1:], x if n > 1 else y

    for n in (0, 1, 2):
        a, b = x3(), x3() * 2
        p, q, r = run_traced(same, [a, b, n])
        first, second = (b, a) if n % 2 else (a, b)
        assert p is first
        assert q.base is second
        assert r is (first if n > 1 else second)


def test_rebound_or_not() -> None:
    def scaled(x, n):  # type: ignore[no-untyped-def]
        for _ in range(n):
            x = x * 2
        return x

    a = x3()
    assert run_traced(scaled, [a, 0]) is a
    got = run_traced(scaled, [a, 2])
    assert got is not a
    np.testing.assert_array_equal(got, x3() * 4)


def test_views_made_inside_share_memory() -> None:
    def pair(n):  # type: ignore[no-untyped-def]
        z = np.zeros(4) + n
        return z, z[1:3], z

    z, part, again = run_traced(pair, [1.0])
    assert again is z
    assert np.shares_memory(part, z)


def test_equal_arguments_alias() -> None:
    def both(x, y):  # type: ignore[no-untyped-def]
        x[0] = 5
        y[1:] += x[0]
        return x.sum() + y.sum()

    a, b = x3(), x3()
    assert run_traced(both, [a, a]) == both(b, b)
    np.testing.assert_array_equal(a, b)


LEAKED: list[Any] = []
# Without source a function is not converted: what it can reach is looked at before and after.
_unseen: dict[str, Any] = {"LEAKED": LEAKED}
exec("def keep(value):\n    LEAKED.append(value)", _unseen)
keep = _unseen["keep"]


def leaks(x):  # type: ignore[no-untyped-def]
    keep(x * 2)
    return x


def test_leaked_values() -> None:
    with pytest.raises(UnsupportedError, match="keep\\(\\) would change a list"):
        run_traced(leaks, [x3()])
    assert not LEAKED


def leaks_scalar(x, n):  # type: ignore[no-untyped-def]
    if n > 0:
        keep(x[0] + n)
    return x


def test_values_of_a_branch_leak() -> None:
    with pytest.raises(UnsupportedError, match="keep\\(\\) would change a list"):
        run_traced(leaks_scalar, [x3(), 1])
    assert not LEAKED


def test_random_numbers() -> None:
    def noisy(x):  # type: ignore[no-untyped-def]
        return x + np.random.Generator(np.random.PCG64(0)).standard_normal(3)

    with pytest.raises(UnsupportedError, match=r"test_outside.py.*PCG64 made inside"):
        run_traced(noisy, [x3()])


def test_unsupported_name() -> None:
    def sets(x):  # type: ignore[no-untyped-def]
        return np.array2string(x)

    with pytest.raises(UnsupportedError, match="array2string"):
        run_traced(sets, [x3()])


def test_structures_that_disagree() -> None:
    def differs(x, c):  # type: ignore[no-untyped-def]
        y = x if c > 0 else other
        return y

    for other in ("none", 0, (x3(), x3()), [x3()], {"x": x3()}):
        with pytest.raises(StructureError, match=r"float64 array of shape.*in some runs and"):
            run_traced(differs, [x3(), 1])
    other = None
    x = x3()
    assert run_traced(differs, [x, 1]) is x
    assert run_traced(differs, [x, 0]) is None


def test_read_only_argument() -> None:
    def write(x):  # type: ignore[no-untyped-def]
        x[0] = 1

    def read_only() -> list[Any]:
        x = x3()
        x.flags.writeable = False
        return [x]

    assert_same(write, read_only)


class CustomError(Exception):
    pass


def raises_custom(x, n):  # type: ignore[no-untyped-def]
    x[0] = 3
    if n > 2:
        raise CustomError(f"more than {2}")
    return x


def test_exceptions_of_the_user() -> None:
    assert_same(raises_custom, lambda: [x3(), 3])
    assert_same(raises_custom, lambda: [x3(), 1])
