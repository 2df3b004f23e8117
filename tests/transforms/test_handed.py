"""What passes between compiled code and functions that stay Python: objects, errors, numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tracejit import UnsupportedError, callback, jit, register


class Held:
    def __init__(self, v: Any) -> None:
        self.v = v


@dataclass
class Record:
    v: float


class Own(Exception):
    pass


def total(o: Any, x: float = 0.0) -> float:
    return float(np.sum((o["o"] if isinstance(o, dict) else o).v)) + x


ordered = register(total, 0.0)
pure = register(total, 0.0, pure=True)
CALLS = {"register": ordered, "callback": lambda o, x: callback(total, 0.0, o, x)}
OUTSIDE, RECORD = Held(1.0), Record(1.0)


@pytest.mark.parametrize("name", CALLS)
def test_the_object_is_that_of_this_call(name: str) -> None:
    call = CALLS[name]
    f = jit(lambda o, x: call(o, x))
    for v in (1.0, 5.0, np.ones(2), np.full(2, 3.0)):
        assert f(Held(v), 1.0) == f({"o": Held(v)}, 1.0) == np.sum(v) + 1
    of_record = jit(lambda x: call(RECORD, x))
    for v in (1.0, 5.0):
        RECORD.v = v
        assert of_record(1.0) == v + 1


def sets(call: Any, o: Any, x: Any) -> Any:
    o.v = x
    return call(o, x)


def sets_outside(call: Any, o: Any, x: Any) -> Any:
    OUTSIDE.v = x
    return call(OUTSIDE, x)


def sets_later(call: Any, o: Any, x: Any) -> Any:
    found = 0.0
    for _ in range(2):
        found += call(o, x)
        o.v = x
    return found


def writes(call: Any, o: Any, x: Any) -> Any:
    o.v[0] = x
    return call(o, x)


def makes(call: Any, o: Any, x: Any) -> Any:
    return call(Held(2.0), x)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("program", [sets, sets_outside, sets_later, writes, makes])
def test_objects_that_the_program_makes_or_changes_are_refused(program: Any, name: str) -> None:
    call = CALLS[name]
    o = Held(np.zeros(2)) if program is writes else Held(0.0)
    message = r"test_handed.py:\d+: .*total (may look into|is given) a .*numbers and arrays"
    with pytest.raises(UnsupportedError, match=message):
        jit(lambda o, x: program(call, o, x))(o, 7.0)


def outside_total(x: float) -> float:
    return float(OUTSIDE.v) + x


def test_what_a_function_itself_refers_to_counts() -> None:
    looks = register(outside_total, 0.0)
    with pytest.raises(UnsupportedError, match="may look into a Held that the program changes"):
        jit(lambda x: sets_outside(lambda _, y: looks(y), None, x))(7.0)


def test_a_pure_function_takes_static_objects_only() -> None:
    with pytest.raises(UnsupportedError, match=r"Held, which may change .*make it static"):
        jit(lambda o: pure(o, 1.0))(Held(1.0))
    f = jit(lambda o, x: pure(o, x), static_argnums=0)
    assert [f(Held(v), 1.0) for v in (1.0, 5.0)] == [2.0, 6.0]


# Exceptions --------------------------------------------------------------------------------------


def raising(kind: int) -> float:
    if kind == 0:
        raise Own("own")
    if kind == 1:
        raise KeyError("key")
    if kind == 2:
        b"\xff".decode()
    return 1.0


RAISING = [
    register(raising, 0.0),
    register(raising, 0.0, pure=True),
    lambda kind: callback(raising, 0.0, kind),
]


@pytest.mark.parametrize("call", RAISING)
def test_a_try_takes_an_exception_rightly_or_the_run_ends(call: Any) -> None:
    def by_class(kind: int, a: Any) -> float:
        try:
            return call(kind)  # type: ignore[no-any-return]
        except Own:
            return 2.0
        except LookupError:
            return 3.0

    def by_any(kind: int, a: Any) -> float:
        try:
            return call(kind)  # type: ignore[no-any-return]
        except UnicodeDecodeError:
            return 4.0
        except Exception:
            return 5.0

    def at_last(kind: int, a: Any) -> float:
        try:
            return call(kind)  # type: ignore[no-any-return]
        finally:
            a[0] = 1.0

    refused = {(by_class, 0), (by_any, 0), (by_any, 2), (at_last, 0), (at_last, 2)}
    for f in (by_class, by_any, at_last):
        g = jit(f)
        for kind in range(4):
            if (f, kind) in refused:
                with pytest.raises(UnsupportedError, match=r"py:\d+: .*raises .*`try`") as caught:
                    g(kind, np.zeros(1))
                assert isinstance(caught.value.__cause__, Own | UnicodeDecodeError)
                continue
            assert _outcome(g, kind) == _outcome(f, kind)


def _outcome(f: Any, kind: int) -> Any:
    a = np.zeros(1)
    try:
        return f(kind, a), a[0]
    except Exception as error:
        return type(error), error.args, a[0]


# Results -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "result"),
    [
        (300, np.int8(0)),
        (np.uint64(2**63), 0),
        (1e300, np.float32(0)),
        (np.array([1.0, 1e300]), np.empty(2, np.float32)),
        (complex(0.0, -1e300), np.complex64(0)),
        (70000, np.float16(0)),
    ],
)
@pytest.mark.parametrize("is_pure", [True, False])
def test_a_number_that_its_dtype_cannot_hold(given: Any, result: Any, is_pure: bool) -> None:
    f = register(lambda: given, result, pure=is_pure)
    for g in (f, jit(lambda: f())):
        with pytest.raises(OverflowError, match=r"lambda> gives a number that \w+ cannot hold"):
            g()


def test_what_is_not_finite_stays() -> None:
    f = register(lambda x: np.array([x, np.inf, np.nan, 0.1]), np.empty(4, np.float32))
    np.testing.assert_array_equal(jit(f)(-np.inf), np.float32([-np.inf, np.inf, np.nan, 0.1]))
    assert jit(register(lambda: 127, np.int8(0)))() == 127


def test_an_exception_is_kept_no_longer_than_it_is_raised() -> None:
    from tracejit.transforms import python_call

    f = jit(lambda kind: RAISING[1](kind) + 1.0)
    for _ in range(3):
        with pytest.raises(Own):
            f(0)
    assert not any(isinstance(error, Own) for error in python_call._HELD.values())
