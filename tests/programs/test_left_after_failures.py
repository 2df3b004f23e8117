"""What a call that fails leaves in lists, dicts, deques and attributes of the caller."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tests.programs.test_object_state import Body, held
from tracejit import UnsupportedError, callback, jit

RISING = np.arange(70.0)


def refuse(x: float) -> float:
    if x > 3:
        raise KeyError("host")
    return x


def certain(items: Any, x: Any) -> None:
    items.append(x[1])
    raise ValueError("always")


def in_a_branch(items: Any, x: Any) -> None:
    if x[0] < 1:
        items.append(1)
        if x[1] > 0:
            raise ValueError(x[1])
    items.append(2)


def grown(items: Any, x: Any) -> None:
    for k in range(len(x)):
        if x[k] > 40:
            raise ValueError(k)
        items.append(2 * x[k])
        items[0] += 1


def keys(found: Any, x: Any) -> None:
    for k in range(len(x)):
        found[k] = x[k]
        if x[k] > 50:
            raise KeyError(k)


def nested(rows: Any, x: Any) -> Any:
    rows[0].append(2)
    rows[1]["a"] = x
    rows.append([x[1:], x[2]])
    x[0] = 9
    return x[int(x[69])] + x[int(x[69]) + 1]


def shifted(queue: Any, x: Any) -> Any:
    queue.append(x[2])
    queue.popleft()
    return np.linalg.inv(np.outer(x, x))


def attributes(p: Any, x: Any) -> None:
    for k in range(len(x)):
        p.step(0.1)
        p.v[k] += x[k]


def in_the_last_line(p: Any, x: Any) -> Any:
    p.x, p.n = x, "text"
    return x + np.ones(int(x[3]))


def after_finally(p: Any, x: Any) -> None:
    try:
        for k in range(len(x)):
            p.n += 1
            if x[k] > 20:
                raise RuntimeError
    except KeyError:
        p.x = 5.0
    finally:
        p.n += 1000


def called(p: Any, x: Any) -> None:
    for k in range(len(x)):
        p.x += callback(refuse, 0.0, x[k])
        p.n += 1


def drawn(p: Any, x: Any) -> Any:
    p.n += 1
    return np.random.default_rng(1).normal(0.0, -x[5])


class Guarded:
    """Counts what it is around, and notes how that ended."""

    def __init__(self) -> None:
        self.n, self.ended, self.buffer = 0, "", np.zeros(2)

    def __enter__(self) -> Any:
        self.n += 1
        return self.buffer

    def __exit__(self, kind: Any, error: Any, where: Any) -> None:
        self.buffer[1] += 1
        self.ended = "well" if kind is None else "badly"
        if kind is ValueError:
            self.n += 1000


def around(p: Any, x: Any) -> Any:
    with p as buffer:
        buffer[0] = x[3]
    with p:
        for k in range(len(x)):
            with p:
                if x[k] > 20:
                    raise ValueError(k)
                buffer[0] += x[k]
        return x


def around_an_index(p: Any, x: Any) -> Any:
    with p:
        y = x[int(x[69]) + 1]
    return y


CASES: list[tuple[Callable[..., Any], Callable[[], Any]]] = [
    (certain, lambda: [1]),
    (in_a_branch, list),
    (grown, lambda: [1.0]),
    (keys, dict),
    (nested, lambda: [[1], {"a": 1.0}]),
    (shifted, lambda: deque([1.0, 2.0])),
    (attributes, Body),
    (in_the_last_line, Body),
    (after_finally, Body),
    (called, Body),
    (drawn, Body),
    (around, Guarded),
    (around_an_index, Guarded),
]


def failed(f: Callable[..., Any], given: Any, x: Any) -> tuple[type, str]:
    with pytest.raises(Exception) as caught:
        f(given, x)
    assert not getattr(caught.value, "__notes__", [])
    return caught.type, str(caught.value)


@pytest.mark.parametrize(("f", "make"), CASES)
def test_changes_until_the_failure_stay(f: Any, make: Any) -> None:
    compiled = jit(f)
    plain = (lambda p, x: called_plainly(p, x)) if f is called else f
    for _ in range(2):  # by the slow path and by native code alone
        (theirs, x), (ours, y) = (make(), RISING.copy()), (make(), RISING.copy())
        assert failed(compiled, ours, y) == failed(plain, theirs, x)
        assert state(ours) == state(theirs)
        assert held(y) == held(x)


def state(x: Any) -> Any:
    """What something of the caller's holds, with the types."""
    if isinstance(x, list | deque):
        return type(x), list(map(state, x))
    return {k: state(v) for k, v in x.items()} if isinstance(x, dict) else held(x)


def called_plainly(p: Any, x: Any) -> None:
    for k in range(len(x)):
        p.x += float(refuse(x[k]))
        p.n += 1


def test_what_cannot_be_told_is_said() -> None:
    def keeps(items: Any, x: Any) -> None:
        items.append(lambda: x[0])
        if x[0] == 0:
            raise ValueError("no")
        items.pop()

    given: list[Any] = [1]
    with pytest.raises(ValueError, match="no") as caught:
        jit(keeps)(given, RISING)
    assert given == [1]
    assert "as before it" in caught.value.__notes__[0]


def test_ways_out_are_raised_by_the_run() -> None:
    def leaves(items: Any, x: Any) -> None:
        try:
            items.append(1)
            if x[0] > 0:
                raise SystemExit(3)
            items.append(2)
        finally:
            items.append(3)

    compiled, left, stayed = jit(leaves), [0], [0]
    with pytest.raises(SystemExit) as caught:
        compiled(left, RISING + 1)
    assert caught.value.code == 3
    compiled(stayed, RISING)
    assert (left, stayed) == ([0, 1, 3], [0, 1, 2, 3])


def test_ways_out_of_a_callback_that_a_try_would_handle_are_refused() -> None:
    def leave(x: float) -> float:
        raise SystemExit(x)

    def handles(x: Any) -> Any:
        try:
            return callback(leave, 0.0, x[1])
        except BaseException:
            return -1.0

    with pytest.raises(UnsupportedError, match="raises SystemExit, which a `try` around it would"):
        jit(handles)(RISING)
    with pytest.raises(SystemExit):
        jit(lambda x: callback(leave, 0.0, x[1]))(RISING)


def test_a_manager_that_may_swallow_an_exception_of_the_run_is_refused() -> None:
    class Swallows(Guarded):
        def __exit__(self, *error: Any) -> Any:
            return True

    def f(p: Any, x: Any) -> None:
        with p:
            if x[0] == 0:
                raise ValueError

    with pytest.raises(UnsupportedError, match=r"Swallows\.__exit__ may swallow an exception"):
        jit(f)(Swallows(), RISING)


@contextlib.contextmanager
def noted(log: list[int]) -> Iterator[None]:
    log.append(0)
    try:
        yield
    finally:
        log.append(1)


@contextlib.contextmanager
def told(log: list[int]) -> Iterator[None]:
    try:
        yield
    except ValueError:
        log.append(1)
        raise


@pytest.mark.parametrize(
    ("manager", "words"), [(noted, "at its end"), (told, "an `except` around its yield")]
)
def test_what_a_generator_does_where_the_body_fails_is_refused(manager: Any, words: str) -> None:
    def f(x: Any, log: Any) -> None:
        with manager(log):
            if x[0] > 0:
                raise ValueError

    with pytest.raises(UnsupportedError, match=words):
        jit(f)(RISING, [])


@pytest.mark.parametrize("manager", [noted, told])
def test_a_generator_around_what_cannot_fail_is_as_in_python(manager: Any) -> None:
    def f(x: Any, log: Any) -> Any:
        with manager(log):
            y = x * 2
        return y

    mine: list[int] = []
    theirs: list[int] = []
    assert jit(f)(RISING, mine).tolist() == f(RISING, theirs).tolist()
    assert mine == theirs


class Total:
    total = 0.0


def test_a_loop_keeps_nothing_until_it_fails() -> None:
    """What an attribute should hold is carried by the loop, and kept in the branch that raises."""

    def total(p: Any, xs: Any) -> None:
        for x in xs:
            if x < 0.0:
                raise ValueError("negative")
            p.total += x

    f, p = jit(total, cache=False), Total()
    f(p, np.ones(50))
    lines = [line.strip() for line in f._dispatcher.versions()[0].artefacts.ir.splitlines()]
    kept = [k for k, line in enumerate(lines) if line.startswith("host_call")]
    assert len(kept) == 1
    assert any(line.startswith("raise") for line in lines[kept[0] + 1 : kept[0] + 4])
    assert sum("= for " in line and "carried=1" in line for line in lines) == 1
    with pytest.raises(ValueError, match="negative"):
        f(p, np.r_[np.ones(3), -1.0, np.ones(46)])
    assert p.total == 53.0
