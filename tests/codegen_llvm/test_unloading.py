"""Compiled code is unloaded when nothing can call it, and never before."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from typing import Any

import numpy as np
import pytest

from tracejit import jit
from tracejit.codegen_llvm.engine import shared_engine
from tracejit.codegen_llvm.linker import SESSION, Linker
from tracejit.python_entry.entry import uses_native_entry

X = np.arange(5.0)
NATIVE = pytest.mark.skipif(not uses_native_entry(), reason="the chain is native")


def loaded() -> int:
    gc.collect()
    return shared_engine().linker.loaded


def new_function() -> Any:
    return jit(lambda x: np.cumsum(x) + 1.0)


def test_code_goes_with_its_function() -> None:
    new_function()(X)
    before = loaded()
    f = new_function()
    f(X)
    f(np.ones((2, 3)))
    assert loaded() == before + 2
    artefacts = weakref.ref(f._dispatcher.versions()[0].artefacts)
    del f
    assert loaded() == before
    assert artefacts() is None


def test_sessions_of_the_linker_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = shared_engine()
    linker = Linker(lambda: engine._new_machine(2))
    code, _ = engine.emit("define i64 @f(i64 %x) #0 {\n  ret i64 %x\n}", 0)
    held = [linker.link(code, {}, ("f",)) for _ in range(3 * SESSION)]
    sessions = [weakref.ref(s) for s in {h.session for h in held}]
    assert len(sessions) == 3
    kept = held.pop()
    for h in held:
        linker.drop(h)
    del held, h
    gc.collect()
    assert (linker.loaded, linker.linked) == (1, 3 * SESSION)
    assert [r() is None for r in sessions].count(False) == 1
    linker.drop(kept)
    assert linker.loaded == 0


def test_results_outlive_the_code_that_made_them() -> None:
    f = jit(lambda x: (x * 2, np.array([1.0, 2.0, 3.0]), np.zeros(1 << 18), {"a": x[::2]}))
    doubled, constant, large, part = f(X)
    del f
    gc.collect()
    for _ in range(3):  # others take the place of what was unloaded
        new_function()(X)
    np.testing.assert_array_equal(doubled, 2 * X)
    np.testing.assert_array_equal(constant, [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(part["a"], X[::2])
    doubled.resize(9)
    large += 1.0
    assert large.sum() == 1 << 18


def test_forgotten_versions_go_at_once() -> None:
    f = new_function()
    before = loaded()
    for _ in range(4):
        f(X)
        f.recompile()
    assert loaded() == before


@NATIVE
def test_code_stays_while_a_call_is_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Stream:
        recompiles = False

        def write(self, text: str) -> int:
            if text.strip() and self.recompiles:
                f.recompile()
                seen.append(loaded())
            return len(text)

        def flush(self) -> None:
            pass

    def shows(x: Any) -> Any:
        print("inside")
        return x + 1.0

    f, stream = jit(shows), Stream()
    monkeypatch.setattr(sys, "stdout", stream)
    before = loaded()
    f(X)
    stream.recompiles = True
    np.testing.assert_array_equal(f(X), X + 1.0)  # by the native chain, which is emptied meanwhile
    monkeypatch.undo()
    assert seen == [before + 1]
    f.recompile()
    assert loaded() == before


def test_threads_call_what_others_forget() -> None:
    f, stop, wrong = new_function(), threading.Event(), []
    large = np.arange(50_000.0)
    want = np.cumsum(large) + 1.0

    def calls() -> None:
        while not stop.is_set():
            if not np.array_equal(f(large), want):
                wrong.append(1)

    threads = [threading.Thread(target=calls) for _ in range(2)]
    for t in threads:
        t.start()
    for _ in range(6):
        f(large)
        f.recompile()
        gc.collect()
    stop.set()
    for t in threads:
        t.join()
    assert wrong == []
