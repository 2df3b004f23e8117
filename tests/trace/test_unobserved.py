"""Lines that only the tracer ran are not counted as run; debuggers still see them."""

from __future__ import annotations

import bdb
import linecache
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tracejit import UnsupportedError, grad, jit, vmap
from tracejit.trace.session.unobserved import unobserved


class Counter:
    """A trace function that notes the lines of this file, and whether calls and returns match.

    No lines of a `def`: the module runs these, and what takes a call's arguments stands there, too.
    """

    def __init__(self) -> None:
        self.lines: set[str] = set()
        self.depth = 0

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != __file__:
            return None
        self.depth += {"call": 1, "return": -1}.get(event, 0)
        text = linecache.getline(__file__, frame.f_lineno).strip()
        if event == "line" and not text.startswith("def "):
            self.lines.add(text)
        return self


@pytest.fixture
def counter() -> Iterator[Counter]:
    outer, counter = sys.gettrace(), Counter()
    yield counter
    sys.settrace(outer)


def counted(counter: Counter, call: Callable[[], Any]) -> set[str]:
    """The lines that a call ran, of functions of this file."""
    counter.lines = set()

    def within() -> None:
        call()

    sys.settrace(counter)
    within()
    assert sys.gettrace() is counter
    sys.settrace(None)
    assert counter.depth == 0
    return {text for text in counter.lines if "lambda" not in text} - {"call()"}


def helper(x: Any) -> Any:
    return x + 1.0


def branches(x: Any, n: int) -> Any:
    if x.sum() > 0.0:
        y = helper(x)
    else:
        y = x - 1.0
    for _ in range(n):
        y = y * 2.0
    return y.sum()


def one(x: float) -> float:
    if x > 0.0:
        return x * 2.0
    return -x


def items(x: Any) -> Any:
    try:
        for item in x:
            yield item
    finally:
        x[0] = 0.0


def first(x: Any) -> Any:
    for item in items(x):
        return item


def refused(x: Any) -> Any:
    breakpoint()
    return x


def raises(x: Any) -> Any:
    y = x * 2.0
    raise KeyError(y.shape)


def test_what_only_the_tracer_ran_is_not_counted(counter: Counter) -> None:
    f, x = jit(branches), np.ones(3)
    assert counted(counter, lambda: f(x, 2)) == set()
    assert counted(counter, lambda: f(x, 3)) == set()
    assert counted(counter, lambda: grad(branches)(x, 2)) == set()
    assert counted(counter, lambda: jit(grad(branches))(x, 2)) == set()
    assert counted(counter, lambda: vmap(branches, in_axes=(0, None))(np.ones((2, 3)), 2)) == set()
    assert counted(counter, lambda: jit(one)(2.0)) == set()
    assert counted(counter, lambda: jit(first)(np.ones(3))) == set()
    assert branches(-np.ones(3), 1) == -12.0


def test_what_python_runs_is_counted(counter: Counter) -> None:
    off = jit(disable_jit=True)(branches)
    assert counted(counter, lambda: off(np.ones(3), 0)) == {
        "if x.sum() > 0.0:",
        "y = helper(x)",
        "return x + 1.0",
        "for _ in range(n):",
        "return y.sum()",
    }


def test_counting_goes_on_after_an_exception(counter: Counter) -> None:
    def call() -> None:
        for function, kind in ((refused, UnsupportedError), (raises, KeyError)):
            with pytest.raises(kind):
                jit(function)(np.ones(3))
        helper(1.0)

    # An exception is raised at the line that raises it.
    assert counted(counter, call) == {
        "for function, kind in ((refused, UnsupportedError), (raises, KeyError)):",
        "with pytest.raises(kind):",
        "jit(function)(np.ones(3))",
        "raise KeyError(y.shape)",
        "helper(1.0)",
        "return x + 1.0",
    }


def test_a_debugger_stops_in_what_is_traced() -> None:
    seen = set()

    class Debugger(bdb.Bdb):
        def user_line(self, frame: FrameType) -> None:
            if frame.f_code.co_filename == __file__:
                seen.add(linecache.getline(__file__, frame.f_lineno).strip())
            self.set_step()

    outer = sys.gettrace()
    try:
        assert Debugger().runcall(jit(one), 2.0) == 4.0
    finally:
        sys.settrace(outer)
    assert {"if x > 0.0:", "return x * 2.0", "return -x"} <= seen


def test_a_trace_function_that_is_set_meanwhile_stays(counter: Counter) -> None:
    def debugger(*_: Any) -> None:
        return None

    sys.settrace(counter)
    unobserved(lambda: sys.settrace(debugger))()
    assert sys.gettrace() is debugger


def test_other_threads_are_counted_meanwhile(counter: Counter) -> None:
    def other() -> None:
        sys.settrace(counter)
        helper(1.0)
        sys.settrace(None)

    def waits() -> None:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        helper(1.0)

    sys.settrace(lambda *_: None)
    unobserved(waits)()
    assert counter.lines == {"return x + 1.0"}


def test_events_of_a_coverage_tool_are_those_of_all_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first trace under way takes them, and the last gives them back."""
    events, seen = [32], []

    def note() -> None:
        seen.append(events[0])

    def second() -> None:
        unobserved(note)()
        note()

    monitoring = SimpleNamespace(
        get_tool=lambda tool: "coverage" if tool == 1 else None,
        get_events=lambda tool: events[0],
        set_events=lambda tool, new: events.__setitem__(0, new),
    )
    monkeypatch.setattr(sys, "monitoring", monitoring, raising=False)
    unobserved(second)()
    assert seen == [0, 0]
    assert events == [32]


@pytest.mark.skipif(not hasattr(sys, "monitoring"), reason="sys.monitoring is of Python 3.12")
def test_a_tool_of_sys_monitoring() -> None:
    monitoring = sys.monitoring  # type: ignore[attr-defined]
    tool, counted = monitoring.COVERAGE_ID, set()
    if monitoring.get_tool(tool) is not None:
        pytest.skip("the tests are measured")

    def line(code: Any, number: int) -> None:
        if code.co_filename == __file__:
            counted.add(number)

    bodies = {
        number
        for f in (branches, helper)
        for *_, number in f.__code__.co_lines()
        if number is not None and number > f.__code__.co_firstlineno
    }
    monitoring.use_tool_id(tool, "counter")
    try:
        monitoring.register_callback(tool, monitoring.events.LINE, line)
        monitoring.set_events(tool, monitoring.events.LINE)
        jit(branches)(np.ones(3), 2)
        assert not bodies & counted
        helper(1.0)
        assert bodies & counted
    finally:
        monitoring.set_events(tool, 0)
        monitoring.register_callback(tool, monitoring.events.LINE, None)
        monitoring.free_tool_id(tool)
