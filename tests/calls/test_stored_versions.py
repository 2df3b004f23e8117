"""Versions on disk: taken where all is as it was, and never where something is another.

Each program is a module that is written, imported and called, and then, changed, once more: as in
two processes, since nothing of the first import is left but what lies on the disk.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pickle
import statistics
import subprocess
import sys
import textwrap
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.calls.changed_programs import PROGRAMS
from tracejit import UnsupportedError, trace_through
from tracejit.calls import fingerprints, stored_versions
from tracejit.calls.dispatcher import forget_all
from tracejit.codegen_llvm.engine import shared_engine
from tracejit.trace.session.plain import TRACED_THROUGH

HEAD = """
import functools
from dataclasses import dataclass
import numpy as np
from tracejit import grad, jit, value_and_grad
"""


@pytest.fixture(autouse=True)
def _versions_are_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEJIT_CACHE_VERSIONS", "1")
    if shared_engine().cache is None:
        pytest.skip("there is no cache")


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes a module and imports it; the same name each time."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def made(text: str) -> Any:
        (tmp_path / "a_program.py").write_text(HEAD + textwrap.dedent(text))
        sys.modules.pop("a_program", None)
        importlib.invalidate_caches()
        return importlib.import_module("a_program")

    yield made
    sys.modules.pop("a_program", None)


def outcome(module: Any) -> tuple[Any, int]:
    """What ``module.run()`` gives, and how many versions of ``module.f`` came from the disk."""
    result = module.run()
    return result, module.f.stats().loaded


RUN = """
def run():
    try:
        return np.asarray(f(np.array([1.5, 2.5, 4.0]))).tolist(), None
    except Exception as error:
        return repr(error), error.__traceback__.tb_next and error.__traceback__.tb_next.tb_lineno
"""
#: Programs of which another process does not find all, so that they are compiled there.
NOT_STORED = {
    "an object of another library as a constant": "@jit(static_argnums=1)\ndef g(x, d): return x\n"
    "import threading\nL = threading.Lock()\ndef f(x): return g(x, L)\nf.stats = g.stats",
    "what a function keeps": "@functools.cache\ndef h(k): return k * 2.0\n"
    "@jit\ndef f(x): return x * h(1)\n",
    "a number of the program's own class": "class Own(float): pass\nK = Own(2.0)\n"
    "@jit\ndef f(x): return x * K\n",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_version_is_taken_until_something_changes(program: Any, name: str) -> None:
    old, new, text = PROGRAMS[name]
    first, loaded = outcome(program(text + RUN))
    assert loaded == 0
    assert outcome(program(text + RUN)) == (first, 1)
    changed = text.replace(old, new, 1)
    assert changed != text
    other, loaded = outcome(program(changed + RUN))
    assert other != first
    assert loaded == 0
    assert outcome(program(changed + RUN)) == (other, 1)
    assert outcome(program(text + RUN)) == (first, 1)


def test_a_number_that_changes_is_of_another_kind_in_another_process(program: Any) -> None:
    text = """
    rate = START
    @jit
    def f(x): return x * rate
    def run():
        global rate
        found = []
        for _ in range(3):
            found.append(f(2))
            rate *= 2
        return found
    """
    for start in ("1", "1.0", "True", "np.float32(1)", "1", "1.0"):
        found, _ = outcome(program(text.replace("START", start)))
        assert found == [2.0, 4.0, 8.0]
        assert type(found[1]) is type(2 * (eval(start) * 2))


def test_an_array_outside_lies_in_another_way_in_another_process(program: Any) -> None:
    text = "TABLE = np.arange(8.0)[::STEP]\n@jit\ndef f(x): return x * TABLE"
    for step in (2, -2, 2):
        f = program(text.replace("STEP", str(step))).f
        assert np.array_equal(f(2.0), 2.0 * np.arange(8.0)[::step])


@pytest.mark.parametrize("name", NOT_STORED)
def test_what_has_no_name_in_another_process_is_compiled(program: Any, name: str) -> None:
    first, _ = outcome(program(NOT_STORED[name] + RUN))
    assert outcome(program(NOT_STORED[name] + RUN)) == (first, 0)


def test_a_version_is_for_its_own_arguments(program: Any) -> None:
    text = "@jit\ndef f(x): return x + 1"
    calls = [np.ones(3), np.ones(4), np.ones((2, 2)), np.ones(3, "f4"), 2.0, 3, np.ones(6)[::2]]
    want = [program(text).f(x) for x in calls]
    for x, answer in zip(calls, want, strict=True):
        f = program(text).f
        got = f(x)
        assert np.array_equal(got, answer)
        assert got.dtype == answer.dtype if hasattr(answer, "dtype") else type(got) is type(answer)
        assert f.stats().loaded == 1


def test_options_and_libraries_are_part_of_the_key(
    program: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "@jit\ndef f(x): return x * x"
    program(text).f(np.ones(3))
    other = program(text.replace("@jit", "@jit(opt_level=1)"))
    other.f(np.ones(3))
    assert other.f.stats().loaded == 0
    monkeypatch.setattr(stored_versions, "environment", lambda: "another NumPy")
    other = program(text)
    other.f(np.ones(3))
    assert other.f.stats().loaded == 0


def test_the_environment_says_which_files_of_ours_there_are() -> None:
    names = {os.path.basename(path) for path, _, _ in fingerprints._own_files()}
    assert {"api.py", "driver.py", "fingerprints.py"} <= names


def test_a_damaged_version_is_compiled_again(program: Any) -> None:
    text = "@jit\ndef f(x): return x * 5.25"
    program(text).f(np.ones(3))
    cache = shared_engine().cache
    for entry in cache.entries():  # type: ignore[union-attr]
        with contextlib.suppress(FileNotFoundError):  # of another process, which dropped it
            if b"StoredVersion" in (held := entry.path.read_bytes()):
                entry.path.write_bytes(held[:-7])
    module = program(text)
    assert module.f(np.ones(3)).tolist() == [5.25] * 3
    assert module.f.stats().loaded == 0


def test_without_a_cache_nothing_is_stored(program: Any) -> None:
    text = "@jit(cache=False)\ndef f(x): return x * 5.75"
    program(text).f(np.ones(3))
    module = program(text)
    module.f(np.ones(3))
    assert module.f.stats().loaded == 0


def test_what_was_loaded_can_be_looked_at(program: Any) -> None:
    text = "@jit\ndef f(x): return np.sin(x) * 7.5"
    x = np.ones(3)
    program(text).f(x)
    f = program(text).f
    f(x)
    assert f.stats().loaded == 1
    assert "sin" in next(iter(f.inspect_ir().values()))
    assert "sin" in f.inspect_ir(x)
    assert f.inspect_asm(x)


def test_writes_views_containers_and_errors_of_a_loaded_version(program: Any) -> None:
    text = """
    @jit
    def f(d, x, i):
        d["n"] = x[1:]
        x[0] = 9.0
        d["items"].append(x[i])
        return {"same": x, "view": x[::2], "pair": (x.sum(), None)}
    """

    def used(f: Any) -> Any:
        d: dict[str, Any] = {"items": [1.0]}
        x = np.arange(4.0)
        found = f(d, x, 2)
        assert found["same"] is x
        assert found["view"].base is x
        assert d["n"].base is x
        with pytest.raises(IndexError, match="out of bounds") as error:
            f(d, x, 11)
        shown = error.traceback[-1]
        return d["items"], found["pair"], shown.path.name, shown.lineno

    first = used(program(text).f)
    f = program(text).f
    assert used(f) == first
    assert f.stats().loaded == f.stats().compilations


def test_a_process_of_its_own_needs_no_tracer(tmp_path: Path) -> None:
    file = tmp_path / "script.py"
    file.write_text(
        """
import sys
import numpy as np
from tracejit import jit
K = np.arange(3.0)
def h(x): return np.sin(x) + K
@jit
def f(x, y=2.0): return h(x) * y, x[1:]
print(f(np.ones(3))[0].tolist(), f.stats().loaded)
print("tracejit.trace.driver" in sys.modules, "tracejit.ir.ops" in sys.modules)
"""
    )
    environment = {**os.environ, "TRACEJIT_CACHE_DIR": str(tmp_path / "cache")}
    runs = [
        subprocess.run(
            [sys.executable, str(file)], capture_output=True, text=True, env=environment, check=True
        ).stdout.split("\n")
        for _ in range(2)
    ]
    assert runs[0][0].endswith(" 0")
    assert runs[1][0] == runs[0][0][:-1] + "1"
    assert runs[1][1] == "False False"


def test_containers_of_a_result_are_known_in_another_process(tmp_path: Path) -> None:
    """Also those that nobody has met before there: a record, what a transform gives, a tuple of
    which the run decides the length. So are modules of ours that stand for some of Python's, which
    a call of a version does not load."""
    file = tmp_path / "a_script.py"
    text = """
    @dataclass
    class Pair:
        a: object
        b: object

    @jit
    def f(x): return Pair(x + 1.5, {"c": Pair(x, x - 1.5)})
    @jit
    def g(x): return linearize(f, x)[1]
    @jit
    def h(x):
        found = []
        for k in range(len(x)):
            if x[k] > 0: found.append((k, x[k]))
        return tuple(found)
    print(h(np.ones(2)), h.stats().loaded)
    print(f(np.ones(2)), f.stats().loaded)
    print(g(np.ones(2))(np.ones(2)), g.stats().loaded)
    @jit
    def k(x):
        heap, ordered = [], []
        for v in x:
            heapq.heappush(heap, v)
            bisect.insort(ordered, v)
        return heapq.heappop(heap), ordered
    print(k(np.array([3.0, 1.0])), k.stats().loaded)
    """
    imports = "import bisect, heapq\nfrom tracejit import linearize\n"
    file.write_text(HEAD + imports + textwrap.dedent(text))
    environment = {**os.environ, "TRACEJIT_CACHE_DIR": str(tmp_path / "cache")}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    runs = [
        subprocess.run(
            [sys.executable, str(file)], capture_output=True, text=True, env=environment, check=True
        ).stdout
        for _ in range(2)
    ]
    assert runs[0].count(" 0\n") == 4
    assert runs[1] == runs[0].replace(" 0\n", " 1\n")


def test_a_loaded_version_keeps_no_object_alive(program: Any) -> None:
    text = """
    class A:
        def __init__(self): self.v = np.ones(3)
    @jit
    def f(a): return a.v * 3.75
    """
    module = program(text)
    module.f(module.A())
    module = program(text)
    a = module.A()
    module.f(a)
    assert module.f.stats().loaded == 1
    assert "mul" in next(iter(module.f.inspect_ir().values()))
    module = program(text)
    a = module.A()
    gone = weakref.ref(a), weakref.ref(a.v)
    module.f(a)
    del a
    gc.collect()
    assert [there() for there in gone] == [None, None]
    with pytest.raises(UnsupportedError, match=r"is gone: call recompile\(\)"):
        module.f.inspect_ir()


def test_an_object_that_nothing_can_watch_is_an_argument_of_a_loaded_version(program: Any) -> None:
    text = """
    class A:
        __slots__ = ("__dict__",)
    @jit
    def f(a): return a.v * 3.875
    """
    for _ in range(2):
        module = program(text)
        a = module.A()
        a.v = 2.0
        assert module.f(a) == 7.75


def _unreadable(*_: Any) -> Any:
    raise RuntimeError("a class that nobody registered")


class Unreadable:
    """What an entry holds that is none of ours."""

    def __reduce__(self) -> Any:
        return _unreadable, ()


def test_an_entry_that_cannot_be_read_is_compiled_again(
    program: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "@jit\ndef f(x): return x * 6.25"
    program(text).f(np.ones(3))
    monkeypatch.setenv("TRACEJIT_LOG", "cache")
    cache = shared_engine().cache
    found = cache.get  # type: ignore[union-attr]

    def instead(data: bytes) -> Any:
        return lambda key: data if b"StoredVersion" in (found(key) or b"") else found(key)

    for data in (b"no pickle", pickle.dumps(3), pickle.dumps(Unreadable()), b""):
        monkeypatch.setattr(cache, "get", instead(data))
        module = program(text)
        assert module.f(np.ones(3)).tolist() == [6.25] * 3
        assert module.f.stats().loaded == 0
        assert "cannot be read" in capsys.readouterr().err


def test_a_version_knows_which_libraries_were_traced_through(program: Any) -> None:
    text = """
    import statistics

    @jit
    def f(x):
        return x * statistics.fmean([1.0, 2.0])
    """
    for loaded in (0, 1):
        module = program(textwrap.dedent(text) + RUN)
        assert outcome(module) == (([1.5 * x for x in (1.5, 2.5, 4.0)], None), loaded)
    try:
        trace_through(statistics)
        assert outcome(program(textwrap.dedent(text) + RUN))[1] == 0
    finally:
        TRACED_THROUGH.clear()
        forget_all()
