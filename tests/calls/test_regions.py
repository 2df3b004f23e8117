"""``jit(fallback=True)``: loops of a function that runs in Python are compiled one by one.

Functions as users write them; each is compared with plain Python: what is returned, printed,
raised, left in the arguments, and which result is which argument. Loops that ran compiled are
counted.
"""

from __future__ import annotations

import copy
import inspect
import re
import threading
import traceback
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.calls.region_cases import (
    CASES,
    LIMIT,
    X,
    containers_of_the_caller,
    error_that_is_not_caught,
    loop_else_and_with,
    opaque,
    print_in_the_outer_loop,
    unsupported_call_between_loops,
    variable_read_where_an_exception_is_caught,
)
from tests.programs.program import Program, assert_same, run
from tracejit import FallbackWarning, UnsupportedError, jit
from tracejit.calls.regions import COMPILATIONS, REFUSALS


def called(f: Any, *args: Any) -> tuple[Any, list[str]]:
    """The result of a call, and the warnings that it gives."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = f(*args)
    return result, [str(w.message) for w in caught if w.category is FallbackWarning]


@pytest.mark.parametrize("name", CASES)
def test_results_are_those_of_python(name: str) -> None:
    f, args, native = CASES[name]
    compiled = jit(fallback=True, opt_level=0)(f)
    program = Program(name, f, lambda rng: args)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(2):
            want, got = run(f, copy.deepcopy(args)), run(compiled, copy.deepcopy(args))
            assert_same(got, want, program)
    ran = [r for r in compiled._dispatcher.fallback.parts.regions if r.native]
    assert len(ran) == native, compiled.explain()
    assert compiled.stats().python_calls == 2


def line_in(f: Any, text: str) -> int:
    lines, first = inspect.getsourcelines(f)
    return first + next(k for k, line in enumerate(lines) if text in line)


def test_one_warning_has_the_lines_and_reasons() -> None:
    f = jit(fallback=True)(unsupported_call_between_loops)
    (text,) = called(f, X, 5)[1]
    first, second = line_in(f, "for i"), line_in(f, "while k")
    assert text == (
        "unsupported_call_between_loops is not compiled as a whole: region_cases.py:"
        f"{line_in(opaque, 'tobytes')}: np.ndarray.tobytes is not supported inside a compiled "
        "function: return the array and call it outside; "
        f"compiled: lines {first}-{first + 1}, lines {second}-{second + 3}"
    )
    assert called(f, X, 4)[1] == []
    g = jit(fallback=True)(variable_read_where_an_exception_is_caught)
    (text,) = called(g, X.copy())[1]
    assert "and runs in Python: region_cases.py:" in text
    assert re.search(r"; in Python: lines \d+-\d+ \(it binds done, which is read where", text)


def test_explain_shows_the_split() -> None:
    f = jit(fallback=True)(print_in_the_outer_loop)
    called(f, [X])
    text = f.explain([X])
    outer, inner = line_in(f, "for k"), line_in(f, "for value")
    assert f"\nlines {outer}-{outer + 5} in Python: region_cases.py:" in text
    assert f"\nlines {inner}-{inner + 1} compiled: 1 calls\n" in text
    assert "1 kernel" in text
    assert f.explain() == {"in Python": text}
    later = jit(fallback=True)(loop_else_and_with)
    assert "not reached yet" in later.explain(X, np.arange(3))


def test_a_traceback_shows_the_users_lines() -> None:
    f = jit(fallback=True)(error_that_is_not_caught)
    with warnings.catch_warnings(), pytest.raises(ValueError, match="three") as caught:
        warnings.simplefilter("ignore")
        f(X.copy())
    frames = traceback.extract_tb(caught.value.__traceback__)[1:]
    assert {frame.name for frame in frames} == {f.__name__}
    assert {frame.filename for frame in frames} == {inspect.getsourcefile(error_that_is_not_caught)}
    assert frames[-1].lineno == line_in(f, "raise")


def test_late_changes_of_globals_and_closures_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    scale = 2.0

    @jit(fallback=True)
    def f(x: Any) -> Any:
        opaque(x)
        total = 0.0
        for value in x:
            total += value * scale + LIMIT
        return total

    assert called(f, X)[0] == 2 * X.sum() + 6 * LIMIT
    scale = 3.0
    monkeypatch.setitem(globals(), "LIMIT", 1.0)
    assert called(f, X)[0] == 3 * X.sum() + 6
    assert f.stats().native_loops == 2


def test_any_argument() -> None:
    @jit(fallback=True)
    def f(thing: Any, x: Any) -> Any:
        total = 0.0
        for value in x:
            total += value
        return thing, total

    for thing in (memoryview(b"abc"), object(), 10**30, {1: "a", "b": print}, open):
        assert called(f, thing, X)[0] == (thing, 15.0)
    assert f.stats().native_loops == f.stats().python_calls > 0


def test_the_column_of_a_frame() -> None:
    pandas = pytest.importorskip("pandas")

    @jit(fallback=True)
    def f(frame: Any, name: str) -> Any:
        frame = frame.dropna()
        column = frame[name].to_numpy()
        best = column[0]
        for k in range(1, len(column)):
            best = best if best > column[k] else column[k]
        frame[name] -= best
        return frame, best

    frame = pandas.DataFrame({"a": [1.0, 5.0, np.nan, 2.0]})
    got, want = called(f, frame, "a")[0], f.py_func(frame, "a")
    pandas.testing.assert_frame_equal(got[0], want[0])
    assert (type(got[1]), got[1]) == (type(want[1]), want[1])
    assert f.stats().native_loops == 1


def test_generators_and_methods() -> None:
    class Sums:
        scale = 2.0

        @jit(fallback=True)
        def each(self, rows: Any) -> Iterator[Any]:
            scale = self.scale
            for row in rows:
                total = 0.0
                for value in row:
                    total += value * scale
                yield total

    rows = np.ones((3, 4))
    items, (text,) = called(lambda: list(Sums().each(rows)))
    assert items == [8.0, 8.0, 8.0]
    assert "gives up control by `yield`" in text
    assert "not reached yet: lines" in text
    assert Sums.each.stats().native_loops == 3


def test_a_loop_that_is_refused_again_and_again_is_left_alone() -> None:
    @jit(fallback=True)
    def f(things: Any) -> Any:
        found = 0
        for thing in things:
            opaque(thing)
            for part in thing:
                found += opaque(part)
        return found

    things = [X] * (2 * REFUSALS)
    assert called(f, things)[0] == f.py_func(things)
    inner = f._dispatcher.fallback.parts.regions[1]
    assert inner.calls == inner.refusals.calls == REFUSALS
    assert f"{REFUSALS} calls were refused" in f.explain()["in Python"]


def test_a_loop_that_is_compiled_again_and_again_is_left_alone() -> None:
    @jit(fallback=True, opt_level=0)
    def f(names: Any, x: Any) -> Any:
        total = 0.0
        for name in names:
            opaque(x)
            for k in range(2):
                total += x[k] if name == "1" else 1.0
        return total

    names = [str(k) for k in range(COMPILATIONS + 3)]
    assert called(f, names, X)[0] == f.py_func(names, X)
    assert f._dispatcher.fallback.parts.regions[1].calls == COMPILATIONS


def test_why_a_loop_is_given_to_python() -> None:
    f = jit(fallback=True)(containers_of_the_caller)
    (text,) = called(f, [1.0, 2.0], {"a": 1.0})[1]
    assert "numbers is or holds a list, which may have other names" in text
    assert "compiled:" not in text
    (region,) = f._dispatcher.fallback.parts.regions
    assert region.compiled._dispatcher.compilations == 0


def test_an_overflow_after_something_was_done_is_raised() -> None:
    @jit(fallback=True)
    def f(x: Any, n: int) -> int:
        opaque(x)
        product = 1
        for _ in range(n):
            x[0] += 1
            product *= 3
        return product

    x = np.zeros(1)
    with warnings.catch_warnings(), pytest.raises(OverflowError):
        warnings.simplefilter("ignore")
        f(x, 60)
    assert x[0] == 40


def test_a_set_that_is_changed_through_its_method() -> None:
    """What the method is bound to is seen: compiled, it would keep a traced value."""

    def f(add: Any, n: int) -> None:
        for k in range(n):
            add(k)

    found: set[int] = set()
    with pytest.raises(UnsupportedError, match="a set that is not an argument would be changed"):
        jit(f)(found.add, 3)
    with pytest.warns(FallbackWarning):
        jit(f, fallback=True)(found.add, 3)
    assert found == {0, 1, 2}


def test_threads() -> None:
    f = jit(fallback=True)(unsupported_call_between_loops)
    want = called(f, X, 5)[0][1]
    found: list[Any] = []
    calls = [threading.Thread(target=lambda: found.append(f(X, 5)[1])) for _ in range(8)]
    for call in calls:
        call.start()
    for call in calls:
        call.join()
    assert found == [want] * 8
