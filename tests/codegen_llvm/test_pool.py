"""The pool of threads, and what goes on around it: forks, other threads, signals, the end."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tracejit import threads
from tracejit.codegen_llvm import pool
from tracejit.codegen_llvm.engine import shared_engine

_TASK = """
define void @count(ptr %data, i64 %lo, i64 %hi) #0 {
entry:
  br label %loop
loop:
  %i = phi i64 [ %lo, %entry ], [ %next, %loop ]
  %at = getelementptr i64, ptr %data, i64 %i
  %old = load i64, ptr %at
  %new = add i64 %old, 1
  store i64 %new, ptr %at
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %hi
  br i1 %more, label %loop, label %done
done:
  ret void
}
"""

PIECES = 4000


class Launcher:
    """Launches that add one to each of some integers."""

    def __init__(self):
        self.module = shared_engine().compile(_TASK, {}, ["count"])
        kinds = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64]
        launch = ctypes.CFUNCTYPE(ctypes.c_int64, *kinds)
        self.native = launch(pool.pool_symbols()["tj_parallel"])

    def __call__(self, data, least=1):
        task = self.module.addresses["count"]
        return self.native(task, data.ctypes.data, len(data), least)


@pytest.fixture
def launch():
    return Launcher()


@pytest.fixture
def number():
    """Sets the number of threads; it is what it was afterwards."""
    before = threads.get_num_threads()
    yield threads.set_num_threads
    threads.set_num_threads(before)


def test_each_element_is_done_once(launch, number):
    for count in (1, 2, 3, 7):
        number(count)
        for size in (1, 2, 5, 16, 1000, 12_345):
            data = np.zeros(size, np.int64)
            for _ in range(20):
                launch(data)
            assert (data == 20).all(), (count, size)


def test_one_thread_asks_no_other(launch, number):
    number(1)
    assert launch(np.zeros(PIECES, np.int64)) == 0
    number(2)
    assert launch(np.zeros(PIECES, np.int64)) == 1


def test_what_is_too_little_for_two_stays_where_it_is(launch, number):
    number(4)
    assert launch(np.zeros(100, np.int64), least=100) == 0
    assert launch(np.zeros(100, np.int64), least=50) == 1


def test_threads_are_made_when_they_are_needed(launch, number):
    number(2)
    launch(np.zeros(PIECES, np.int64))
    made = pool.threads_started()
    number(made + 3)
    assert pool.threads_started() == made
    launch(np.zeros(PIECES, np.int64))
    assert pool.threads_started() == made + 2
    number(2)
    data = np.zeros(PIECES, np.int64)
    assert launch(data) == 1
    assert (data == 1).all()


def test_launches_from_many_threads_at_once(launch, number):
    number(3)
    arrays = [np.zeros(PIECES, np.int64) for _ in range(8)]
    shared = []

    def work(data):
        shared.append(sum(launch(data) for _ in range(300)))

    workers = [threading.Thread(target=work, args=(a,)) for a in arrays]
    for w in workers:
        w.start()
    for w in workers:
        w.join(60)
    assert all((a == 300).all() for a in arrays)
    assert sum(shared) > 0


def test_the_number_changes_while_launches_run(launch, number):
    data, stop = np.zeros(PIECES, np.int64), threading.Event()
    number(2)

    def change():
        while not stop.is_set():
            for n in (1, 5, 2, 3):
                threads.set_num_threads(n)

    changer = threading.Thread(target=change)
    changer.start()
    for _ in range(2000):
        launch(data)
    stop.set()
    changer.join()
    assert (data == 2000).all()


def test_threads_of_the_pool_sleep_when_idle(launch, number):
    number(4)
    launch(np.zeros(PIECES, np.int64))
    time.sleep(0.05)
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.1


def run_script(text, timeout=60, **environment):
    """Standard output of a process of its own, in which ``launch`` and ``np`` are there."""
    head = """
        import os, signal, sys, threading, time
        import numpy as np
        from tests.codegen_llvm.test_pool import Launcher
        from tracejit import threads
        from tracejit.codegen_llvm import pool
        launch = Launcher()
    """
    script = textwrap.dedent(head) + textwrap.dedent(text)
    made = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, **environment},
    )
    assert made.returncode == 0, made.stderr[-2000:]
    return made.stdout.split()


def test_a_child_has_a_pool_of_its_own():
    out = run_script(
        """
        threads.set_num_threads(3)
        data = np.zeros(4000, np.int64)
        launch(data)
        child = os.fork()
        if child == 0:
            ok = launch(data) == 1 and (data == 2).all() and pool.threads_started() == 2
            grandchild = os.fork()
            if grandchild == 0:
                os._exit(0 if launch(data) == 1 and (data == 3).all() else 5)
            ok = ok and os.waitpid(grandchild, 0)[1] == 0 and launch(data) == 1
            os._exit(0 if ok else 4)
        print(os.waitpid(child, 0)[1], launch(data))
        """
    )
    assert out == ["0", "1"]


def test_forks_in_the_middle_of_launches():
    out = run_script(
        """
        threads.set_num_threads(3)
        stop = threading.Event()
        def work():
            data = np.zeros(100_000, np.int64)
            while not stop.is_set():
                launch(data)
        workers = [threading.Thread(target=work) for _ in range(2)]
        for w in workers:
            w.start()
        bad = 0
        for _ in range(40):
            child = os.fork()
            if child == 0:
                data = np.zeros(4000, np.int64)
                shared = [launch(data) for _ in range(50)]
                os._exit(0 if (data == 50).all() and all(shared) else 4)
            bad += os.waitpid(child, 0)[1] != 0
        stop.set()
        for w in workers:
            w.join()
        print(bad)
        """
    )
    assert out == ["0"]


def test_a_fork_without_pythons_knowledge():
    """A library may fork in C: nobody tells the pool, which then sees it by the number."""
    out = run_script(
        """
        import ctypes
        threads.set_num_threads(2)
        data = np.zeros(4000, np.int64)
        launch(data)
        child = ctypes.PyDLL(None).fork()
        if child == 0:
            os._exit(0 if launch(data) == 1 and (data == 2).all() else 4)
        print(os.waitpid(child, 0)[1])
        """
    )
    assert out == ["0"]


def test_ctrl_c_reaches_the_main_thread():
    out = run_script(
        """
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
        threads.set_num_threads(4)
        data = np.zeros(100_000, np.int64)
        launch(data)
        timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        start = time.perf_counter()
        try:
            while time.perf_counter() - start < 30:
                launch(data)
        except KeyboardInterrupt:
            print("interrupted", launch(data))
        """
    )
    assert out == ["interrupted", "1"]


@pytest.mark.parametrize("end", ["pass", "sys.exit(0)", "os._exit(0)"])
def test_the_interpreter_ends_while_launches_run(end):
    out = run_script(
        f"""
        threads.set_num_threads(3)
        data = np.zeros(2_000_000, np.int64)
        def work():
            while True:
                launch(data)
        for _ in range(2):
            threading.Thread(target=work, daemon=True).start()
        time.sleep(0.1)
        print("end", flush=True)
        {end}
        """
    )
    assert out == ["end"]


def test_threads_have_no_signals():
    """What the system sends to the process goes to Python's threads."""
    if not sys.platform.startswith("linux"):
        pytest.skip("reads /proc")
    out = run_script(
        """
        threads.set_num_threads(3)
        before = set(os.listdir("/proc/self/task"))
        launch(np.zeros(4000, np.int64))
        made = set(os.listdir("/proc/self/task")) - before
        def blocked(task):
            for line in open(f"/proc/self/task/{task}/status"):
                if line.startswith("SigBlk"):
                    return int(line.split()[1], 16) >> (signal.SIGINT - 1) & 1
        print(len(made), *{blocked(t) for t in made}, blocked(os.getpid()))
        """
    )
    assert out == ["2", "1", "0"]


# -- how many ----------------------------------------------------------------------------------


def test_the_environment_says_how_many():
    say = "print(threads.get_num_threads())"
    assert run_script(say, TRACEJIT_NUM_THREADS="5") == ["5"]
    assert run_script(say, TRACEJIT_NUM_THREADS="") != ["0"]


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5", "1000"])
def test_what_is_no_number_of_threads_is_refused(text, monkeypatch):
    monkeypatch.setattr(threads, "_chosen", [])
    monkeypatch.setenv("TRACEJIT_NUM_THREADS", text)
    with pytest.raises(ValueError, match="TRACEJIT_NUM_THREADS"):
        threads.get_num_threads()


def test_set_num_threads_refuses(number):
    for wrong in (0, -3, threads.MOST + 1):
        with pytest.raises(ValueError, match="number of threads"):
            number(wrong)
    for wrong in (1.0, "2", None, True):
        with pytest.raises(TypeError, match="number of threads"):
            number(wrong)
    number(np.int64(2))
    assert threads.get_num_threads() == 2


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity")
def test_affinity_is_what_there_is():
    out = run_script(
        """
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        print(threads.available_cores())
        """,
        TRACEJIT_NUM_THREADS="",
    )
    assert out == ["1"]


def test_quota_of_a_cgroup(tmp_path):
    """The least of what the group and those above it have, in both versions."""
    membership = tmp_path / "cgroup"
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    membership.write_text("0::/a/b\n")
    assert threads.cgroup_quota(tmp_path, membership) is None
    (inner / "cpu.max").write_text("max 100000\n")
    assert threads.cgroup_quota(tmp_path, membership) is None
    (tmp_path / "a" / "cpu.max").write_text("150000 100000\n")
    assert threads.cgroup_quota(tmp_path, membership) == 1.5
    old = tmp_path / "cpu" / "c"
    old.mkdir(parents=True)
    membership.write_text("4:cpu,cpuacct:/c\n2:memory:/c\n")
    (old / "cpu.cfs_quota_us").write_text("-1\n")
    (old / "cpu.cfs_period_us").write_text("100000\n")
    assert threads.cgroup_quota(tmp_path, membership) is None
    (old / "cpu.cfs_quota_us").write_text("300000\n")
    assert threads.cgroup_quota(tmp_path, membership) == 3.0
    assert threads.cgroup_quota(tmp_path, tmp_path / "nothing") is None
