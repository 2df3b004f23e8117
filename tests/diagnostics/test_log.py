"""``TRACEJIT_LOG``: that a function is compiled again, and why; stages, cache, and fallbacks."""

from __future__ import annotations

import contextlib
import re
import sys
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tracejit import FallbackWarning, jit
from tracejit.calls import compiler, under_way
from tracejit.calls.log import asked_for
from tracejit.calls.under_way import Compilation

LIMIT = 2.0


def scaled(x: Any, n: Any) -> Any:
    return x * n * LIMIT


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def after(topics: str, calls: Callable[[], Any]) -> list[str]:
        monkeypatch.setenv("TRACEJIT_LOG", topics)
        capsys.readouterr()
        calls()
        monkeypatch.setenv("TRACEJIT_LOG", "")
        return capsys.readouterr().err.splitlines()

    return after


HEAD = f"scaled (test_log.py:{scaled.__code__.co_firstlineno}): "


def test_why_it_is_compiled_again(lines: Any) -> None:
    f = jit(scaled)
    asked = [
        (lambda: f(np.ones(3), 2), "the first call"),
        (lambda: f(np.ones(3), 2), None),
        (lambda: f(np.ones(4), 2), "the extent of axis 0 of argument 'x' was 3, is 4"),
        (lambda: f(np.ones(5), 2), None),
        (lambda: f(np.ones(3, "f4"), 2), "the dtype of argument 'x' was float64, is float32"),
        (lambda: f(np.ones((3, 3), "f4"), 2), "the rank of argument 'x' was 1, is 2"),
        (lambda: f(np.ones((3, 3), "f4"), 2.5), "argument 'n' was of type int, is of type float"),
    ]
    for call, why in asked:
        want = [] if why is None else [f"tracejit recompile: {HEAD}{why}"]
        assert lines("recompile", call) == want


def test_a_changed_global_is_a_reason(lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    f = jit(scaled)
    f(np.ones(3), 2)
    monkeypatch.setitem(globals(), "LIMIT", np.arange(3.0))
    found = lines("recompile", lambda: f(np.ones(3), 2))
    assert found[0] == f"tracejit recompile: {HEAD}LIMIT was 2.0, is float64[3]"


class Config:
    """Where numbers are."""

    def __init__(self) -> None:
        self.k: Any = 2.0
        self.by_name: dict[str, Any] = {"a": 1, "b": np.ones(2)}


def test_the_reason_is_what_changed(lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One thing changes at a time, and the line names it with both values."""
    config = Config()
    held: Any = 1.0

    def outside(x: Any) -> Any:
        return x * config.k + config.by_name["a"] + config.by_name["b"] * held * LIMIT

    def inside(x: Any, y: Any, flag: Any = True, mode: str = "a") -> Any:
        x += y
        return x if flag and mode == "a" else -x

    def choice(d: Any) -> Any:
        return d["a"] + 1.0

    def set_held(value: Any) -> None:
        nonlocal held
        held = value

    f, g, h, x, y = jit(outside), jit(inside), jit(choice), np.ones(2), np.ones(6)
    steps: list[tuple[Callable[[], Any], Callable[[], Any], str | None]] = [
        (lambda: None, lambda: f(x), "the first call"),
        (lambda: setattr(config, "k", 3.0), lambda: f(x), "config.k was 2.0, is 3.0"),
        (lambda: setattr(config, "k", 4.0), lambda: f(x), None),
        (lambda: setattr(config, "k", 5), lambda: f(x), "config.k was a float, is 5"),
        (lambda: set_held(2.5), lambda: f(x), "held was 1.0, is 2.5"),
        (
            lambda: config.by_name.update(a=7),
            lambda: f(x),
            "config.by_name['a'] was 1, is 7",
        ),
        (
            lambda: config.by_name.update(b=np.ones((3, 2))),
            lambda: f(x),
            "config.by_name['b'] was float64[2], is float64[3, 2]",
        ),
        (lambda: set_held(None), lambda: f(x), "held was a float, is None"),
        (lambda: None, lambda: g(np.ones(2), np.ones(2)), "the first call"),
        (
            lambda: None,
            lambda: g(np.ones(2), np.ones(2), False),
            "argument 'flag' was True, is False",
        ),
        (
            lambda: None,
            lambda: g(np.ones(2), np.ones(2), False, "b"),
            "argument 'mode' was 'a', is 'b'",
        ),
        (
            lambda: None,
            lambda: g(y[:2], y[1:3], False),
            "argument 'x' and argument 'y' overlap",
        ),
        (
            lambda: None,
            lambda: g(x, x, False),
            "argument 'x' and argument 'y' are one object",
        ),
        (
            lambda: None,
            lambda: g(np.ones(2), np.ones(2, "f4"), False),
            "the dtype of argument 'y' was float64, is float32",
        ),
        (
            lambda: None,
            lambda: g(np.ones((2, 2)), np.ones(2), False),
            "the rank of argument 'x' was 1, is 2",
        ),
        (lambda: None, lambda: h({"a": 1.0}), "the first call"),
        (
            lambda: None,
            lambda: h({"a": 1.0, "b": 2}),
            "the containers among the arguments have another structure",
        ),
        (
            lambda: None,
            lambda: h({"a": x}),
            "argument d['a'] was of type float, is float64[n]",
        ),
    ]
    for change, call, why in steps:
        change()

        def tried(call: Callable[[], Any] = call) -> None:
            with contextlib.suppress(TypeError):  # what is None is multiplied
                call()

        told = [line.partition("): ")[2] for line in lines("recompile", tried)]
        assert told == ([] if why is None else [why])


def test_stages_and_the_cache(lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, cached = lines("compile,cache", lambda: jit(scaled)(np.ones(3), 2))[::-1]
    assert compiled.startswith(f"tracejit compile: {HEAD}")
    for stage in ("trace", "passes", "lower", "llvm text", "entry", "link"):
        assert f"{stage} " in compiled
    assert cached.startswith(f"tracejit cache: {HEAD}object code ")
    assert lines("cache", lambda: jit(scaled)(np.ones(3), 2)) == [
        f"tracejit cache: {HEAD}object code from disk"
    ]


def test_what_runs_in_python(lines: Any) -> None:
    @jit(fallback=True)
    def held(x: Any) -> Any:
        return hash((x + 1).tobytes())

    with pytest.warns(FallbackWarning):
        first = lines("fallback", lambda: held(np.ones(3)))
    (second,) = lines("all", lambda: held(np.ones(3)))
    assert [second] == first
    assert "runs in Python: test_log.py" in second
    assert "tobytes" in second


def test_times_by_stage() -> None:
    f = jit(scaled)
    f(np.ones(3), 2)
    ((signature, times),) = f.compile_times().items()
    assert signature in f.signatures
    assert times == f.compile_times(np.ones(3), 2)
    assert {"trace", "passes", "lower", "entry", "link"} <= set(times)
    assert all(ms >= 0.0 for ms in times.values())


@pytest.mark.parametrize(("stage", "slow"), [("passes", "simplify"), ("lower", "lowered")])
def test_the_slow_stage_is_named(
    lines: Any, stage: str, slow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = getattr(compiler, slow)

    def sleeps(*args: Any, **kwargs: Any) -> Any:
        time.sleep(0.3)
        return right(*args, **kwargs)

    monkeypatch.setattr(compiler, slow, sleeps)
    f = jit(scaled, cache=False)
    (told,) = lines("compile", lambda: f(np.ones(3), 2))
    (times,) = f.compile_times().values()
    assert max(times, key=lambda name: times[name]) == stage
    assert times[stage] > 300.0
    assert float(re.search(rf"\b{stage} (\d+)", told)[1]) >= 300.0


@pytest.mark.parametrize(
    ("slow", "where"),
    [("trace", "trace, test_log.py:"), ("simplify", "passes"), ("specialise", "machine code")],
)
def test_a_long_compilation_says_where_it_is(
    lines: Any, slow: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, told = getattr(compiler, slow), threading.Event()

    def waits(*args: Any, **kwargs: Any) -> Any:
        assert told.wait(10.0)
        return right(*args, **kwargs)

    def said(text: str) -> None:
        print(text, file=sys.stderr)
        told.set()

    def call() -> None:
        jit(scaled, cache=False)(np.ones(3), 2)
        watcher = under_way._watcher
        if watcher is not None:
            watcher.join()

    monkeypatch.setattr(under_way, "_say", said)
    assert lines("progress", call) == []
    monkeypatch.setattr(under_way, "PATIENCE", 0.1)
    monkeypatch.setattr(compiler, slow, waits)
    first, *_, last = lines("progress", call)
    assert re.fullmatch(rf"{re.escape(HEAD + where)}\d*, \d+ s", first)
    assert last.startswith(f"{HEAD}ready after ")


def test_an_unknown_topic_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEJIT_LOG", "recompiles, cache")
    with pytest.warns(RuntimeWarning, match="no topic recompiles; it is a list.* of recompile, "):
        assert asked_for("cache")
    assert not asked_for("recompile")


def test_progress_names_a_file_rather_than_what_python_writes() -> None:
    """A function of Python's making (`namedtuple`, dataclasses) is under no file's name."""
    clock = SimpleNamespace(stage="trace")
    waiting = Compilation(lines, clock, threading.get_ident())  # type: ignore[arg-type]
    space: dict[str, Any] = {"__name__": "made", "waiting": waiting}
    exec("def made(): return str(waiting)", space)
    assert re.search(r", test_log\.py:\d+$", space["made"]())
