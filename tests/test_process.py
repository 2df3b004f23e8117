"""Threads, forks, signals, memory, interpreter exit, environment variables."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracejit import jit, value_and_grad

X = np.arange(5.0)
ROOT = Path(__file__).resolve().parent.parent


def run_python(source: str, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **env},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """Run ``work(k)`` in threads that start together; the first exception is raised."""
    errors: list[BaseException] = []
    barrier = threading.Barrier(count)

    def guarded(k: int) -> None:
        barrier.wait()
        try:
            work(k)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(k,)) for k in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]


def test_threads_with_many_signatures() -> None:
    def f(x: Any, n: int) -> Any:
        for _ in range(n):
            x = np.sin(x) + 1
        return x.sum()

    g = jit(f)
    sizes = (3, 5, 8, 100, 1000, 40000)

    def work(k: int) -> None:
        for i in range(30):
            x = np.full(sizes[(i + k) % 6], 0.5, ("f8", "f4")[(i + k) % 2])
            np.testing.assert_allclose(g(x, 1 + i % 3), f(x, 1 + i % 3), rtol=1e-3)

    in_threads(8, work)


def test_threads_that_compile_at_once() -> None:
    def work(k: int) -> None:
        f = jit(lambda x: np.exp(x) * k + x.sum())
        np.testing.assert_allclose(f(X), np.exp(X) * k + 10)

    in_threads(6, work)


def test_exceptions_in_threads() -> None:
    @jit
    def f(x: Any, i: int) -> Any:
        x[0] = 1
        return x[i]

    def work(k: int) -> None:
        for i in range(160):
            j = (i + k) % 8
            if j < 5:
                assert f(np.zeros(5), j) == (j == 0)
            else:
                with pytest.raises(IndexError, match=f"index {j} "):
                    f(np.zeros(5), j)

    in_threads(4, work)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fork() -> None:
    before, after = jit(lambda x: x * 2 + 1), jit(lambda x: np.exp(x).sum())
    product = jit(lambda a: a @ a)
    big = np.ones((300, 300))
    before(X)
    product(big)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            assert before(X)[1] == 3.0
            assert before(X.astype("f4"))[1] == 3.0
            np.testing.assert_allclose(after(X), np.exp(X).sum())
            np.testing.assert_allclose(product(big), big @ big)
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    np.testing.assert_allclose(after(X), np.exp(X).sum())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("wait", [0.0, 0.02, 0.05, 0.1])
def test_fork_while_another_thread_compiles(wait: float) -> None:
    """The child has only the thread that forked: locks that the other one held are free there."""
    jit(lambda x: x - wait)(X)  # modules are imported by now
    compiled = jit(lambda x: np.exp(x * wait).sum() + np.sort(x)[0] + np.sin(x).mean())
    other = threading.Thread(target=compiled, args=(X,))
    other.start()
    time.sleep(wait)
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)  # ends a child that waits for ever
        os._exit(0 if compiled(X) > 0 and jit(lambda x: x + wait)(X)[1] == 1 + wait else 2)
    other.join()
    assert os.waitpid(pid, 0)[1] == 0


@jit
def doubled(x: Any, n: int = 2) -> Any:
    return x * n


def plain(x: Any) -> Any:
    return x - 1


def test_pickle_and_copy() -> None:
    assert pickle.loads(pickle.dumps(doubled)) is doubled
    assert copy.deepcopy(doubled) is doubled
    again = pickle.loads(pickle.dumps(jit(plain)))
    np.testing.assert_array_equal(again(X), X - 1)


def endless_float(x: float) -> float:
    while x > 0:
        x = x + 1.0 - 1.0
    return x


def endless_array(x: Any) -> int:
    i = 0
    while True:
        i += 1
        if x.sum() > 1e300:
            break
    return i


def long_loop(x: Any) -> Any:
    s = 0.0
    for i in range(10**12):
        s += np.sin(x[i % 5] + i)
    return s


def long_recursion(n: Any) -> Any:
    return 1 if n < 2 else long_recursion(n - 1) + long_recursion(n - 2)


@pytest.mark.parametrize(
    ("f", "x"),
    [(endless_float, 1.0), (endless_array, X), (long_loop, X), (long_recursion, 90)],
)
def test_ctrl_c_ends_a_loop(f: Any, x: Any) -> None:
    g = jit(f)
    timer = threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT))
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    start = time.monotonic()
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            g(x)
    finally:
        signal.signal(signal.SIGINT, old)
    assert time.monotonic() - start < 10


def test_nothing_leaks() -> None:
    f = jit(lambda x, d: {"a": x * 2, "b": [x.sum(), d["k"] + x]})
    pick = jit(lambda x, i: (x * 2)[i] + x)
    step = jit(value_and_grad(lambda p: (np.tanh(p["w"]) ** 2).sum()))

    def once() -> None:
        x = np.ones(5000)
        f(x, {"k": x})
        step({"w": x})
        pick(x, 3)
        with pytest.raises(IndexError):
            pick(x, 9999)

    for _ in range(50):
        once()
    gc.collect()
    tracemalloc.start()
    once()
    start = tracemalloc.get_traced_memory()[0]
    for _ in range(500):
        once()
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - start
    tracemalloc.stop()
    assert grown < 50_000


def test_reference_counts() -> None:
    x, d = np.ones(50), {"k": np.ones(50)}
    calls: list[tuple[Any, tuple[Any, ...]]] = [
        (jit(lambda x, d: {"a": x * 2, "b": [x.sum(), d["k"] + x]}), (x, d)),
        (jit(lambda x: None), (x,)),
        (jit(lambda x: (x, None, True, 3, x[1:])), (x,)),
        (jit(lambda x, b=None: x), (x,)),
    ]
    for f, args in calls:
        f(*args)
        f(*args)
        gc.collect()
        before = [sys.getrefcount(o) for o in (None, True, x, d, np.ndarray, tuple, x.dtype)]
        for _ in range(2000):
            f(*args)
        after = [sys.getrefcount(o) for o in (None, True, x, d, np.ndarray, tuple, x.dtype)]
        assert all(abs(p - q) < 500 for p, q in zip(before, after, strict=True))


def test_interpreter_exit() -> None:
    source = """
import atexit, sys, threading
import numpy as np
from tracejit import jit
f = jit(lambda x: x * 2)
r = f(np.ones(100000))[1:]
atexit.register(lambda: print(f(np.ones(3)).sum() + r[0]))
class Late:
    def __del__(self):
        f(np.ones(3))
sys.late = Late()
threading.Thread(target=lambda: [f(np.ones(100)) for _ in range(10**9)], daemon=True).start()
"""
    assert run_python(source).strip() == "8.0"


def test_import_is_light() -> None:
    """Compilers, the tracer and other libraries wait until something is compiled, what is for a GPU
    until there is something for one."""
    source = """
import sys, numpy
before = set(sys.modules)
from tracejit import jit
loaded = set(sys.modules) - before
roots = {m.partition(".")[0] for m in loaded} - sys.stdlib_module_names
print(len([m for m in loaded if m.startswith("tracejit")]), *sorted(roots))
assert jit(lambda x: x + 1)(1.0) == 2.0
print(*(m for m in sys.modules if m.startswith(("tracejit.codegen_ptx.", "tracejit.device.c"))))
"""
    lines = run_python(source).splitlines()
    count, *roots = lines[0].split()
    assert int(count) <= 64
    assert lines[1].split() in ([], ["tracejit.codegen_ptx.compile"])
    assert set(roots) <= {"tracejit", "optree", "typing_extensions"}


def test_disabled() -> None:
    source = """
import numpy as np
from tracejit import grad, jit
@jit
def f(x):
    return type(x).__name__
@jit("f8(f8)")
def g(x):
    return type(x).__name__
print(f(1), g(1), f.stats().python_calls, jit(grad(lambda x: x**2))(3.0))
"""
    assert run_python(source, TRACEJIT_DISABLE_JIT="1").strip() == "int int 1 6.0"


def test_dump_is_the_same_in_every_process(tmp_path: Path) -> None:
    source = """
import numpy as np
from tracejit import grad, jit
@jit
def f(x, y):
    s = {"b": x, "a": y}
    for i in range(3):
        x = np.sin(x) + y * i
    return x @ y, s
f(np.ones((4, 4)), np.ones((4, 4)))
jit(grad(lambda x: (np.tanh(x) ** 2).sum()))(np.ones(4))
"""
    found = []
    for seed in "01":
        folder = tmp_path / seed
        folder.mkdir()
        run_python(
            source,
            TRACEJIT_DUMP="all",
            TRACEJIT_DUMP_DIR=str(folder),
            TRACEJIT_VERIFY="1",
            PYTHONHASHSEED=seed,
        )
        found.append({p.name: p.read_bytes() for p in folder.iterdir()})
    assert found[0]
    assert found[0] == found[1]


def test_reload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    text = "from tracejit import jit\nK = {}\n@jit\ndef f(x):\n    return x * K{}\n"
    (tmp_path / "reloaded.py").write_text(text.format("2.0", ""))
    module = importlib.import_module("reloaded")
    old = module.f
    np.testing.assert_array_equal(old(X), X * 2)
    (tmp_path / "reloaded.py").write_text(text.format("3.0", " + 10"))
    importlib.invalidate_caches()
    importlib.reload(module)
    np.testing.assert_array_equal(module.f(X), X * 3 + 10)
    np.testing.assert_array_equal(old(X), X * 3)


def test_our_lapack_is_nobody_elses() -> None:
    """SciPy, loaded later, would call it with 32-bit integers."""
    out = run_python(
        """
import ctypes
import numpy as np
from tracejit import jit
a = np.random.default_rng(0).normal(size=(40, 40))
jit(lambda a: np.linalg.inv(a) @ a)(a)
for symbol in ("scipy_dgesv_64_", "scipy_cblas_dgemm64_"):
    try:
        getattr(ctypes.CDLL(None), symbol)
    except AttributeError:
        print("private")
"""
    )
    assert out.split() == ["private", "private"]
