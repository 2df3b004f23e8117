"""``jit(fallback=True)``: loops of a function that runs in Python are compiled one by one.

Functions as users write them; each is compared with plain Python: what is returned, printed,
raised, left in the arguments, and which result is which argument. Loops that ran compiled are
counted.
"""

from __future__ import annotations

import copy
import inspect
import logging
import re
import threading
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tests.programs.program import Program, assert_same, run
from tracejit import FallbackWarning, LeakedTracerError, jit
from tracejit.calls.regions import COMPILATIONS, REFUSALS

X = np.arange(6.0)
Case = tuple[Callable[..., Any], tuple[Any, ...], int]
CASES: dict[str, Case] = {}
LIMIT = 2.0
log = logging.getLogger(__name__)


def case(*args: Any, native: int) -> Callable[[Any], Any]:
    """Enters a function, with arguments for it, and how many loops of such a call are compiled."""

    def add(f: Any) -> Any:
        CASES[f.__name__] = f, args, native
        return f

    return add


def opaque(x: Any) -> int:
    """What cannot be compiled."""
    return len(bytearray(np.asarray(x).tobytes()))


@case(X, 5, native=2)
def unsupported_call_between_loops(x: Any, n: int) -> Any:
    a = np.zeros(n)
    for i in range(n):
        a[i] = x[i] * 2
    size = opaque(a)
    total = 0.0
    k = 0
    while k < n:
        total += a[k] + size
        last = a[k] * 2
        k += 1
    return a, total, last, i, k


@case([X, X[1:]], native=1)
def print_in_the_outer_loop(rows: Any) -> Any:
    totals = {}
    for k, row in enumerate(rows):
        print("row", k, opaque(row))
        total = 0.0
        for value in row:
            total += value**2
        totals[f"row {k}"] = total
    return totals


@case(X, native=1)
def logging_before_a_loop(x: Any) -> Any:
    log.debug("%d elements, %d bytes", len(x), opaque(x))
    for i in range(1, len(x)):
        x[i] += x[i - 1]
    return x


@case(X, 3.0, native=1)
def early_return(x: Any, limit: float) -> Any:
    opaque(x)
    best = 0.0
    for i in range(len(x)):
        if x[i] > limit:
            return i, x[i], x
        best = max(best, x[i])
    return best, i


@case(X, 30.0, native=1)
def return_that_is_not_reached(x: Any, limit: float) -> Any:
    opaque(x)
    best = 0.0
    for i in range(len(x)):
        if x[i] > limit:
            return i
        best = max(best, x[i])
    return best, i


@case(X, native=1)
def exception_out_of_a_loop(x: Any) -> Any:
    opaque(x)
    try:
        for i in range(len(x) + 1):
            x[i] = -1
    except IndexError as error:
        return str(error), x
    return x


@case(X, native=0)
def variable_read_where_an_exception_is_caught(x: Any) -> Any:
    opaque(x)
    done = 0
    try:
        for i in range(len(x)):
            x[i + 1] = x[i]
            done += 1
    except IndexError:
        return done
    return None


@case(X, native=1)
def error_that_is_not_caught(x: Any) -> Any:
    opaque(x)
    for i in range(len(x)):
        if x[i] == 3:
            raise ValueError("three is too much")
        x[i] = 0
    return x


@case(X, 0, native=1)
def variable_that_stays_unbound(x: Any, n: int) -> Any:
    opaque(x)
    for i in range(n):
        y = x[i]
    return y


@case(X, native=2)
def aliases_made_in_a_loop(x: Any) -> Any:
    opaque(x)
    for k in range(2):
        view = x[k:]
        same = x
        fresh = np.zeros(3)
        twin = fresh
    opaque(x)
    for k in range(2):
        view[0] += 10
        twin[k] = 1
    return view, same, fresh, twin, x


@case([1.0, 2.0], {"a": 1.0}, native=0)
def containers_of_the_caller(numbers: Any, table: Any) -> Any:
    opaque(numbers)
    mine = numbers
    for k in range(3):
        numbers.append(k * 0.5)
        table["a"] += numbers[k]
    return mine is numbers, numbers, table


@case(X, native=1)
def generator_expression_and_lambda_in_a_loop(x: Any) -> Any:
    opaque(x)
    total = 0.0
    for i in range(1, 4):
        total += sum(x[k] for k in range(i)) + (lambda v: v * i)(x[i])
    return total


@case(X, native=0)
def variables_shared_with_functions(x: Any) -> Any:
    opaque(x)
    count = total = 0

    def bump() -> None:
        nonlocal count
        count += 1

    def seen() -> int:
        return total

    for _ in range(2):
        bump()
        x[0] += count
    for k in range(3):
        total += k
        x[1] += seen()
    return x, count, seen()


@case(X, native=1)
def loop_in_a_loop_whose_variables_live_on(x: Any) -> Any:
    step = 0
    while step < 3:
        opaque(x)
        for k in range(len(x)):
            if k == step:
                continue
            worst = abs(x[k])
            x[k] *= 0.5
        if worst < 1:
            break
        step += 1
    else:
        step = -1
    return x, step, worst, k


@case(X, np.arange(3), native=1)
def loop_else_and_with(x: Any, wanted: Any) -> Any:
    with np.errstate(all="ignore"):
        opaque(x)
        found = np.zeros(3, bool)
        for k in range(3):
            for v in x:
                if v == wanted[k]:
                    found[k] = True
                    break
            else:
                x[0] = -1
    return found, x


@case(X, 3, native=1)
def view_made_in_a_loop(x: Any, n: int) -> Any:
    opaque(x)
    for k in range(n):
        last = x[k:]
    last[0] = 50
    return last, x


@case(X, 3, native=1)
def views_whose_storage_a_loop_decides(x: Any, n: int) -> Any:
    opaque(x)
    for k in range(n):
        last = x[k:] * 2
        part = last[1:]
    part[0] = 50
    return last, part


@case(X, native=0)
def functions_made_in_a_loop(x: Any) -> Any:
    opaque(x)
    made = []
    for k in range(3):
        made.append(lambda: k)
    k = 10
    for value in x:
        made.append(lambda: value)
    return [f() for f in made]


@case(X, native=1)
def global_number(x: Any) -> Any:
    opaque(x)
    for k in range(len(x)):
        x[k] += LIMIT
    return x


class Counted:
    """What a user's class may be."""

    made = 0

    def __init__(self) -> None:
        self.v = 0

    def count(self) -> None:
        type(self).made += 1


SEEN: list[int] = []
QUEUE: deque[int] = deque()
TABLE = (1, [2])


@case(X, [], {}, native=0)
def containers_when_it_raises(x: Any, numbers: Any, table: Any) -> Any:
    opaque(x)
    try:
        for i in range(10):
            numbers.append(i)
            table[i] = i
            x[i] = 10 // (2 - i)
    except ZeroDivisionError:
        pass
    return numbers, table


@case({"x": [1]}, 3, native=0)
def other_names_of_a_list(table: Any, n: int) -> Any:
    opaque(n)
    found = None
    for _ in range(n):
        found = table["x"]
    found.append(2)
    for i in range(n):
        q = {"i": i}
        r = q
    q["i"] = 100
    return table, found, q, r


@case(3, native=0)
def other_names_of_an_object(n: int) -> Any:
    opaque(n)
    made, found = Counted(), None
    for _ in range(n):
        found = made
    found.v = 100
    return made.v


@case(3, native=0)
def arrays_in_containers(n: int) -> Any:
    opaque(n)
    table = {}
    for i in range(n):
        row = np.zeros(2)
        table[i] = row
    row += 100
    for _ in range(n):
        x = np.zeros(2)
        pair = (x, x)
    pair[0][0] = 1
    return table, row, pair, pair[0] is pair[1]


@case((1, 2.0), 3, native=0)
def one_tuple(pair: Any, n: int) -> Any:
    opaque(n)
    found, table = pair, TABLE
    for _ in range(n):
        found, table = pair, TABLE
    for _ in range(n):
        pair = pair[1], pair[0]
    return found is TABLE, table is TABLE, pair


@case(deque([1, 2]), native=0)
def queues(queue: Any) -> Any:
    opaque(1)
    QUEUE.clear()
    total = 0
    while queue:
        total += queue.popleft()
    for k in range(3):
        QUEUE.append(k)
    return total, list(queue), list(QUEUE)


@case(3, native=0)
def what_is_outside(n: int) -> Any:
    opaque(n)
    SEEN.clear()
    mine: list[int] = []

    def add(k: int) -> None:
        mine.append(k)

    for k in range(n):
        SEEN.append(k)
    for k in range(n):
        add(k)
    return list(SEEN), mine


@case(3, native=0)
def attributes_of_a_class(n: int) -> Any:
    opaque(n)
    Counted.made = 0
    counted = Counted()
    for _ in range(n):
        counted.count()
    for _ in range(n):
        Counted.made += 1
    return Counted.made


@case(3, native=0)
def bound_methods(n: int) -> Any:
    opaque(n)
    found: set[int] = set()
    add = found.add
    for k in range(n):
        add(k)
    return found


@case(60, native=0)
def beyond_64_bits(n: int) -> Any:
    opaque(n)
    product = 1
    for _ in range(n):
        product *= 3
    return product


@case(X, native=1)
def tuple_that_is_returned(x: Any) -> Any:
    opaque(x)
    for k in range(4):
        row = np.zeros(2)
        if x[k] > 2:
            return row, row, x
    return None


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
        "unsupported_call_between_loops is not compiled as a whole: test_regions.py:"
        f"{line_in(opaque, 'tobytes')}: np.ndarray.tobytes is not supported inside a compiled "
        "function: return the array and call it outside; "
        f"compiled: lines {first}-{first + 1}, lines {second}-{second + 3}"
    )
    assert called(f, X, 4)[1] == []
    g = jit(fallback=True)(variable_read_where_an_exception_is_caught)
    (text,) = called(g, X.copy())[1]
    assert "and runs in Python: test_regions.py:" in text
    assert re.search(r"; in Python: lines \d+-\d+ \(it binds done, which is read where", text)


def test_explain_shows_the_split() -> None:
    f = jit(fallback=True)(print_in_the_outer_loop)
    called(f, [X])
    text = f.explain([X])
    outer, inner = line_in(f, "for k"), line_in(f, "for value")
    assert f"\nlines {outer}-{outer + 5} in Python: test_regions.py:" in text
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
    assert {frame.filename for frame in frames} == {__file__}
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


def test_a_value_that_stays_in_an_object_is_an_error() -> None:
    @jit(fallback=True)
    def f(add: Any, n: int) -> None:
        for k in range(n):
            add(k)

    with pytest.raises(LeakedTracerError):
        f(set().add, 3)


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
