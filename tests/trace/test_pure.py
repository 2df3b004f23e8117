"""What may run while tracing: nothing that reads a clock or chance, or changes something outside,
happens once instead of at every call. It is refused, or every call looks again."""

from __future__ import annotations

import array
import base64
import bisect
import calendar
import collections
import contextlib
import contextvars
import copy
import ctypes
import datetime
import decimal
import enum
import fractions
import functools
import gc
import hashlib
import heapq
import io
import itertools
import json
import logging
import math
import operator
import os
import pathlib
import pickle
import queue
import random
import re
import secrets
import shutil
import socket
import statistics
import string
import struct
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import uuid
import warnings
import weakref
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tracejit import UnsupportedError, jit
from tracejit.trace.session.pure import is_pure, is_pure_class


class Color(enum.Enum):
    RED = 1


class Stack(list[Any]):
    """A class of the user's over one of Python's."""


class Failed(ValueError):
    """An exception of the user's."""


Point = collections.namedtuple("Point", "x y")

PURE: list[Any] = [
    "a".upper, str.join, "{}".format, b"a".hex, bytes.fromhex, (1).bit_length, int.__add__,
    (1).__add__, dict.fromkeys, {}.get, {}.keys().isdisjoint, [].index, float.fromhex,
    object.__new__, len, sorted, isinstance, id, hash, repr, format, iter, next, callable,
    getattr, divmod, math.gcd, math.comb, operator.add, operator.itemgetter(0),
    operator.methodcaller("upper"), functools.reduce, functools.cmp_to_key, functools.partial,
    itertools.chain.from_iterable, collections.deque().append,
    collections.OrderedDict().move_to_end, collections.Counter().update, heapq.heappush,
    bisect.insort, copy.deepcopy, array.array("d").append, queue.Queue().put,
    fractions.Fraction(1, 2).limit_denominator, decimal.Decimal(2).sqrt, statistics.mean,
    re.compile("a").match, re.sub, string.Template("a").substitute, textwrap.dedent,
    struct.pack, base64.b64encode, hashlib.md5, hashlib.sha256, hashlib.md5(b"").hexdigest,
    zlib.crc32, json.dumps, json.loads, io.StringIO().write, uuid.uuid5,
    datetime.datetime.strptime, datetime.date(2020, 1, 1).isoformat,
    datetime.timedelta(1).total_seconds, calendar.monthrange, os.path.join, os.path.splitext,
    os.fspath, pathlib.Path("a").with_suffix, pathlib.Path("a").joinpath, np.sin, np.sum,
    np.add.reduce, np.frombuffer, np.array2string, np.ones(2).tolist, np.float64(1).item,
    np.dtype("f8").newbyteorder, np.linalg.inv, np.fft.fft, np.issubdtype,
    Color.RED.__class__.__members__.get, Point._make, Point(1, 2)._replace,
]  # fmt: skip
EFFECTS: list[Any] = [
    open, input, print, exec, eval, globals, locals, vars, dir, __import__, time.time,
    time.sleep, time.strftime, time.localtime, datetime.datetime.now, datetime.date.today,
    datetime.datetime.utcnow, random.random, random.randint, random.Random(1).gauss,
    secrets.token_hex, uuid.uuid1, uuid.uuid4, os.urandom, os.getenv, os.environ.get,
    os.environ.pop, os.listdir, os.remove, os.system, os.getcwd, os.path.exists,
    os.path.abspath, os.path.getsize, pathlib.Path("a").exists, pathlib.Path.cwd,
    pathlib.Path("a").write_text, shutil.copy, tempfile.mkdtemp, io.open, sys.stdout.write,
    sys.exit, sys.setrecursionlimit, subprocess.run, socket.gethostname, threading.Lock(),
    threading.Lock().acquire, threading.current_thread, gc.collect, weakref.ref(Color),
    weakref.getweakrefcount, contextvars.ContextVar("v").get, contextvars.ContextVar("v").set,
    logging.info, logging.getLogger("a").warning, logging.getLogger, warnings.warn, pickle.load,
    json.dump, decimal.getcontext, statistics.NormalDist().samples,
    contextlib.redirect_stdout(io.StringIO()), ctypes.pythonapi.Py_IsInitialized, np.load,
    np.save, np.savetxt, np.fromfile, np.ones(2).tofile, np.random.seed, np.random.rand,
    np.random.ranf, np.random.default_rng, np.set_printoptions, np.seterr, np.printoptions,
    np.testing.assert_equal, np.show_config, queue.SimpleQueue().put, hashlib.md5().update,
    hashlib.blake2b().update, zlib.compressobj().compress, zlib.decompressobj().decompress,
]  # fmt: skip


@pytest.mark.parametrize("f", PURE, ids=lambda f: getattr(f, "__qualname__", repr(f)))
def test_pure(f: Any) -> None:
    assert is_pure_class(f) if isinstance(f, type) else is_pure(f)


@pytest.mark.parametrize("f", EFFECTS, ids=lambda f: getattr(f, "__qualname__", type(f).__name__))
def test_not_pure(f: Any) -> None:
    assert not is_pure(f)


def test_classes() -> None:
    made = (Stack, Failed, Point, Color, collections.Counter, itertools.count, decimal.Decimal)
    made += (
        datetime.date,
        pathlib.Path,
        queue.Queue,
        np.dtype,
        np.float64,
        ValueError,
        io.StringIO,
    )
    assert all(map(is_pure_class, made))
    started = (threading.Thread, subprocess.Popen, random.Random, logging.Logger, io.FileIO)
    started += (weakref.ref, contextvars.ContextVar, np.random.PCG64, np.memmap, socket.socket)
    assert not any(map(is_pure_class, started))


def test_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    linalg = pytest.importorskip("scipy.linalg")
    optimize = pytest.importorskip("scipy.optimize")
    sparse = pytest.importorskip("scipy.sparse")
    for f in (stats.norm.pdf, stats.norm(0, 1).ppf, linalg.expm, optimize.brentq, sparse.eye):
        assert is_pure(f)
    drawing = (stats.norm.rvs, stats.norm(0, 1).rvs, sparse.random, stats.bootstrap)
    for f in (*drawing, optimize.differential_evolution, pytest.importorskip("scipy.io").loadmat):
        assert not is_pure(f)


# Refused ------------------------------------------------------------------------------------------

NUMBERS = itertools.count()
SQUARES = (k * k for k in range(9))
HELD = [iter([1.0, 2.0])]
LOCK = threading.Lock()
FILE = open(os.devnull)
BOX = Stack()
ALIVE = weakref.ref(BOX)
TOKEN = contextvars.ContextVar("TOKEN", default=1.0)


class Timer:
    """A context manager as programs have them."""

    def __enter__(self) -> Timer:
        self.start = time.perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        self.spent = time.perf_counter() - self.start


class Stamped:
    """Reads the clock where Python makes the object."""

    stamp: float

    def __new__(cls) -> Stamped:
        made = super().__new__(cls)
        made.stamp = time.time()
        return made


@contextlib.contextmanager
def timed() -> Iterator[None]:
    start = time.time()
    yield
    print(time.time() - start)


@contextlib.contextmanager
def doubled(x: Any) -> Iterator[Any]:
    yield x * 2


def shown(items: Any) -> Iterator[Any]:
    for item in items:
        print(item)
        yield item


def stamps() -> Iterator[float]:
    from time import time as now

    yield now()


def aliased() -> Iterator[float]:
    yield NOW()


def indirect() -> Iterator[float]:
    yield from stamps()


NOW = time.time


def in_timer(x: Any) -> Any:
    with Timer() as timer:
        y = x * 2
    return y * timer.spent


def in_timed(x: Any) -> Any:
    with timed():
        return x * 2


def under_lock(x: Any) -> Any:
    with LOCK:
        return x * 2


def sets_environment(x: Any) -> Any:
    os.environ["TRACEJIT_TEST"] = "1"
    return x


def takes_rest(x: Any) -> Any:
    first, *rest = SQUARES
    return x * first * len(rest)


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "next of an iterator": (lambda x: x * next(NUMBERS), "items of NUMBERS, a count"),
    "a loop over a generator": (lambda x: sum(x * k for k in SQUARES), "items of SQUARES"),
    "a list of a generator": (lambda x: x * len(list(SQUARES)), "items of SQUARES"),
    "unpacking a generator": (takes_rest, "items of SQUARES"),
    "an iterator in a list": (lambda x: x * next(HELD[0]), r"items of HELD\[0\]"),
    "an iterator that is passed on": (lambda x: x * sum(zip(NUMBERS, [1])[0]), "NUMBERS"),  # type: ignore[index]
    "lines of a file": (lambda x: [x for _ in FILE], "the file FILE would be used once"),
    "writing to a stream": (lambda x: sys.stdout.write("a"), "would use the file once"),
    "a weak reference": (lambda x: x if ALIVE() is None else -x, "weakref.ReferenceType"),
    "a context variable is set": (lambda x: TOKEN.set(2.0), "ContextVar.set"),
    "the environment is set": (sets_environment, "would be changed once"),
    "a lock": (under_lock, r"threading.lock.__enter__"),
    "a timer": (in_timer, "time.perf_counter .* read the clock once"),
    "a timer that is a generator": (in_timed, "timed, whose source .* time.time"),
    "the clock in __new__": (lambda x: x * Stamped().stamp, "read the clock"),
    "the clock in a generator": (lambda x: x * sum(stamps()), "time.time .* read the clock"),
    "the clock by another name": (lambda x: x * sum(aliased()), "time.time .* read the clock"),
    "the clock in a generator of it": (
        lambda x: x * sum(indirect()),
        "time.time .* read the clock",
    ),
    "time by its name": (lambda x: x * getattr(time, "time")(), "read the clock"),
    "the clock in a partial": (lambda x: x * functools.partial(time.time)(), "read the clock"),
    "the clock as a key": (lambda x: sorted([3, 1], key=lambda v: time.time()), "the clock"),
    "an unknown function in C": (lambda x: x * gc.get_count()[0], "nothing says that it"),
    "eval": (lambda x: eval("x * 2"), "see the variables of the compiler"),
    "locals": (lambda x: locals()["x"], "see the variables of the compiler"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    f, words = REFUSED[name]
    before = [repr(NUMBERS), repr(os.environ), TOKEN.get()]
    with pytest.raises(UnsupportedError, match=rf"^test_pure.py:\d+: .*{words}"):
        jit(f)(2.0)
    assert [repr(NUMBERS), repr(os.environ), TOKEN.get()] == before


def test_a_generator_prints_in_each_call(capsys: pytest.CaptureFixture[str]) -> None:
    f = jit(lambda x: x * sum(shown([1, 2])))
    for _ in range(2):
        assert f(2.0) == 6.0
        assert capsys.readouterr().out == "1\n2\n"


def test_scipy_draws() -> None:
    stats = pytest.importorskip("scipy.stats")
    with pytest.raises(UnsupportedError, match="rvs inside a compiled function would draw once"):
        jit(lambda x: x + stats.norm.rvs(size=3))(np.ones(3))
    np.testing.assert_allclose(jit(lambda x: x * stats.norm.pdf(0.0))(2.0), 2 * stats.norm.pdf(0))


# Looked at in every call --------------------------------------------------------------------------

ARRAY = contextvars.ContextVar("ARRAY", default=np.ones(3))
LOCAL = threading.local()
SCALE = 1.0


def has_variable(x: Any) -> Any:
    return x if "TRACEJIT_TEST" in os.environ else -x


READ: dict[str, Callable[[Any], Any]] = {
    "environ.get": lambda x: x * float(os.environ.get("TRACEJIT_TEST", "7")),
    "environ[...]": lambda x: x * len(os.environ["TRACEJIT_TEST"]),
    "getenv": lambda x: x * float(os.getenv("TRACEJIT_TEST", "7")),
    "in environ": has_variable,
    "all of environ": lambda x: x * len(dict(os.environ)["TRACEJIT_TEST"]),
    "getcwd": lambda x: x * len(os.getcwd()),
    "a context variable": lambda x: x * TOKEN.get(),
    "an array in a context variable": lambda x: x * ARRAY.get().sum(),
    "threading.local": lambda x: x * LOCAL.k,
    "sys.argv": lambda x: x * len(sys.argv),
    "globals()": lambda x: x * globals()["SCALE"],
    "np.geterr": lambda x: x * len(np.geterr()["over"]),
    "doubled": lambda x: x,
}


def in_doubled(x: Any) -> Any:
    with doubled(x) as y:
        return y + SCALE


READ["doubled"] = in_doubled


@pytest.mark.parametrize("name", READ)
def test_every_call_looks(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    f = READ[name]
    compiled = jit(f)
    LOCAL.k = 1.0
    monkeypatch.setenv("TRACEJIT_TEST", "3")
    assert compiled(2.0) == f(2.0)
    first = f(2.0)
    monkeypatch.setenv("TRACEJIT_TEST", "33333")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [*sys.argv, "more"])
    monkeypatch.setitem(globals(), "SCALE", 5.0)
    monkeypatch.setattr(LOCAL, "k", 4.0)
    before, held = TOKEN.set(6.0), ARRAY.get().copy()
    ARRAY.get()[:] += 1
    try:
        with np.errstate(over="ignore" if np.geterr()["over"] != "ignore" else "warn"):
            assert compiled(2.0) == f(2.0)
            assert f(2.0) != first or name == "in environ"
        monkeypatch.delenv("TRACEJIT_TEST")
        if name not in ("environ[...]", "all of environ"):
            assert compiled(2.0) == f(2.0)
    finally:
        TOKEN.reset(before)
        ARRAY.get()[:] = held


def test_new_is_compiled() -> None:
    class Pair:
        first: Any

        def __new__(cls, x: Any) -> Pair:
            made = super().__new__(cls)
            made.first = x * 2 if x > 0 else -x
            return made

        def __init__(self, x: Any) -> None:
            self.second = self.first + x

    def total(x: Any) -> Any:
        pair = Pair(x)
        return pair.first + pair.second

    for x in (3.0, -3.0):
        assert jit(total)(x) == total(x)


@pytest.mark.parametrize("draw", [np.random.ranf, np.random.sample, np.random.random_sample])
def test_draws_are_made_at_each_call(draw: Any) -> None:
    compiled = jit(lambda: draw(3))
    np.random.seed(3)
    want = [draw(3) for _ in range(3)]
    np.random.seed(3)
    np.testing.assert_array_equal([compiled() for _ in range(3)], want)
