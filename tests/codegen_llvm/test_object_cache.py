"""The object cache on disk: hits between processes, damage, races, permissions, bounds."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tracejit import jit
from tracejit.codegen_llvm import object_cache
from tracejit.codegen_llvm.engine import shared_engine
from tracejit.codegen_llvm.object_cache import DiskCache

ROOT = Path(__file__).parents[2]
CODE = bytes(range(256)) * 40


def key_of(k: int) -> str:
    return hashlib.sha256(str(k).encode()).hexdigest()


@pytest.fixture
def cache(tmp_path):
    return DiskCache(tmp_path / "objects")


def test_what_was_put_is_got(cache):
    assert cache.get(key_of(1)) is None
    cache.put(key_of(1), CODE)
    assert cache.get(key_of(1)) == CODE
    assert cache.get(key_of(2)) is None
    assert (cache.hits, cache.misses) == (1, 2)
    assert cache.folder.stat().st_mode & 0o077 == 0


DAMAGE = {
    "empty": lambda data: b"",
    "the head alone": lambda data: data[: len(object_cache._MAGIC) + 32],
    "cut short": lambda data: data[:-1],
    "half": lambda data: data[: len(data) // 2],
    "longer": lambda data: data + b"\0",
    "a bit turned": lambda data: data[:-7] + bytes([data[-7] ^ 4]) + data[-6:],
    "another hash": lambda data: data[:20] + bytes([data[20] ^ 1]) + data[21:],
    "another format": lambda data: b"tracejit-object-0\n" + data[18:],
    "foreign": lambda data: b"\x7fELF" + os.urandom(500),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_file_is_a_miss_and_is_written_again(cache, how):
    cache.put(key_of(1), CODE)
    (entry,) = cache.entries()
    entry.path.write_bytes(DAMAGE[how](entry.path.read_bytes()))
    state = "of another version" if how == "another format" else "damaged"
    assert cache.state(entry) == state
    assert cache.damaged() == [entry.path] * (state == "damaged")
    assert cache.get(key_of(1)) is None
    assert cache.entries() == []
    cache.put(key_of(1), CODE)
    assert cache.get(key_of(1)) == CODE
    assert cache.damaged() == []


def test_an_entry_under_the_name_of_another_is_damaged(cache):
    cache.put(key_of(1), CODE)
    cache.put(key_of(2), CODE + b"2")
    first = cache._path(key_of(1))
    first.write_bytes(cache._path(key_of(2)).read_bytes())
    assert cache.damaged() == [first]
    assert cache.get(key_of(1)) is None


def test_an_entry_that_cannot_be_read_is_damaged(cache):
    cache.put(key_of(1), CODE)
    path = cache._path(key_of(1))
    path.unlink()
    path.mkdir()
    assert cache.damaged() == [path]
    assert cache.get(key_of(1)) is None
    cache.put(key_of(1), CODE)


def test_the_least_recently_used_go_first(tmp_path):
    cache = DiskCache(tmp_path, limit=10 * len(CODE))
    for k in range(8):
        cache.put(key_of(k), CODE)
        past = time.time() - 1000 + k
        os.utime(cache._path(key_of(k)), (past, past))
    assert cache.get(key_of(0)) == CODE
    cache.trim(limit=5 * len(CODE))
    left = {k for k in range(8) if cache._path(key_of(k)).exists()}
    assert 0 in left
    assert left - {0} == set(range(9 - len(left), 8))
    assert 1 <= len(left) <= 4


def test_writing_keeps_below_the_limit(tmp_path):
    cache = DiskCache(tmp_path, limit=20 * len(CODE))
    for k in range(100):
        cache.put(key_of(k), CODE)
    assert sum(e.size for e in cache.entries()) <= cache.limit * 5 // 4


def test_short_processes_keep_below_the_limit_too(tmp_path, monkeypatch):
    """Each writes far less than what is written between two looks at how much is stored."""
    monkeypatch.setattr(os, "urandom", random.Random(7).randbytes)
    limit = 80 * len(CODE)
    for k in range(400):
        DiskCache(tmp_path, limit).put(key_of(k), CODE)
    assert sum(e.size for e in DiskCache(tmp_path, limit).entries()) <= limit * 3 // 2


def test_what_a_killed_process_left_is_removed(cache):
    cache.put(key_of(1), CODE)
    left = cache._path(key_of(1)).with_name("half.part")
    left.write_bytes(CODE)
    cache.trim()
    assert left.exists(), "another process may be writing it"
    os.utime(left, (1, 1))
    cache.trim()
    assert not left.exists()
    assert cache.get(key_of(1)) == CODE
    assert cache.clear() == 1
    assert cache.entries() == []


def test_a_folder_that_others_can_write_is_refused(tmp_path):
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    cache = DiskCache(folder)
    with pytest.warns(RuntimeWarning, match="others can write to it"):
        cache.put(key_of(1), CODE)
    assert cache.get(key_of(1)) is None
    assert list(folder.iterdir()) == []


def test_another_users_folder_is_refused(tmp_path, monkeypatch):
    cache = DiskCache(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.warns(RuntimeWarning, match="belongs to another user"):
        assert not cache.usable()


def test_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "objects").write_text("")
    cache = DiskCache(tmp_path / "objects")
    cache.put(key_of(1), CODE)
    assert cache.get(key_of(1)) is None


@pytest.mark.parametrize("call", ["mkstemp", "replace", "fdopen"])
def test_a_disk_that_cannot_be_written_changes_nothing(cache, monkeypatch, call):
    def fails(*args, **kwargs):
        raise OSError(28, "No space left on device")

    owner = object_cache.tempfile if call == "mkstemp" else os
    if call == "fdopen":
        real = os.fdopen
        monkeypatch.setattr(os, "fdopen", lambda handle, mode: real(handle, mode) and fails())
    else:
        monkeypatch.setattr(owner, call, fails)
    cache.put(key_of(1), CODE)
    monkeypatch.undo()
    assert cache.get(key_of(1)) is None
    assert [p for p in cache.folder.rglob("*") if p.is_file()] == []


def write_and_read(folder: str, seed: int, failures) -> None:
    cache = DiskCache(Path(folder), limit=12 * len(CODE))
    for turn in range(60):
        k = (turn * 7 + seed) % 16
        expected = bytes([k]) * len(CODE)
        found = cache.get(key_of(k))
        if found is not None and found != expected:
            failures.put((seed, k))
        cache.put(key_of(k), expected)


def test_processes_at_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    failures = context.SimpleQueue()
    workers = [
        context.Process(target=write_and_read, args=(str(tmp_path / "c"), seed, failures))
        for seed in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [w.exitcode for w in workers] == [0, 0, 0]
    assert failures.empty()


def test_threads_at_once(cache):
    def work(seed):
        for k in range(40):
            cache.put(key_of(k % 5), CODE)
            assert cache.get(key_of((k + seed) % 5)) in (None, CODE)

    threads = [threading.Thread(target=work, args=(s,)) for s in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert cache.damaged() == []


PROGRAM = """
import numpy as np
from tracejit import jit, grad
from tracejit.codegen_llvm.engine import shared_engine

@jit
def f(x, n):
    for i in range(n):
        x = np.sin(x) + x[::-1].sum() / (1 + i)
    if x[0] > 100:
        raise ValueError("large")
    return x, np.linalg.inv(np.outer(x, x) + np.eye(3))

print(f(np.arange(3.0), 4)[0].tobytes().hex(), grad(lambda x: np.sum(x * x[0]))(np.arange(4.0)))
cache = shared_engine().cache
print(cache.hits, cache.misses)
"""


def run(program: Path, folder: Path) -> list[str]:
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, str(program)],
        env={**os.environ, "TRACEJIT_CACHE_DIR": str(folder), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


def test_a_second_process_compiles_nothing(tmp_path):
    program, folder = tmp_path / "program.py", tmp_path / "c"
    first, counts = run(program, folder)
    again, counts_again = run(program, folder)
    assert first == again
    misses = int(counts.split()[1])
    assert counts == f"0 {misses}"
    assert counts_again == f"{misses} 0", "text of some module differs from process to process"
    for entry in DiskCache(folder).entries():
        entry.path.write_bytes(entry.path.read_bytes()[:-100])
    assert run(program, folder) == [first, counts]


def test_jit_can_do_without(tmp_path, monkeypatch):
    mine = DiskCache(tmp_path)
    x = np.arange(3.0)
    jit(lambda x: x + 1)(x)  # compiles what all functions share
    monkeypatch.setattr(shared_engine(), "cache", mine)
    jit(lambda x: x * 3 + 1.25, cache=False)(x)
    assert (mine.hits, mine.misses, mine.entries()) == (0, 0, [])
    for hits in (0, 1):
        jit(lambda x: x * 3 + 1.25)(x)
        assert (mine.hits, mine.misses) == (hits, 1)


def test_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACEJIT_CACHE_DIR", "")
    assert object_cache.default_cache() is None
    monkeypatch.setenv("TRACEJIT_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("TRACEJIT_CACHE_SIZE", "3")
    assert object_cache.default_cache().limit == 3 << 20
    monkeypatch.setenv("TRACEJIT_CACHE_SIZE", "many")
    with pytest.raises(ValueError, match="MiB, not 'many'"):
        object_cache.default_cache()
    monkeypatch.delenv("TRACEJIT_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert object_cache.default_folder() == tmp_path / "home" / "tracejit" / "objects"


def test_a_home_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    program = tmp_path / "program.py"
    values = run(program, tmp_path / "c")[0]
    assert run(program, tmp_path / "file" / "under") == [values, "0 0"]
