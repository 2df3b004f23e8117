"""Once compiled, calls stay native whatever they return: views, parts, generators."""

from __future__ import annotations

import copy
import itertools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.calls.warm import arrays_in, assert_same
from tracejit import jit
from tracejit.python_entry import entry

VIEWS: list[tuple[str, Any]] = [
    ("slice", lambda x: x[1:]),
    ("backwards", lambda x: x[::-1]),
    ("steps", lambda x: x[::2, 1::3]),
    ("backwards by steps", lambda x: x[-1:0:-2, ::-1]),
    ("empty", lambda x: x[5:3]),
    ("nothing of an axis", lambda x: x[:, 9:]),
    ("one row", lambda x: x[-1]),
    ("one column", lambda x: x[:, 1]),
    ("one element", lambda x: x[1:2, 0:1]),
    ("rank 0", lambda x: x[1, 1, ...]),
    ("transposed", lambda x: x.T),
    ("transposed slice", lambda x: x[1:].T[::2]),
    ("new axes", lambda x: x[None, 1:, None]),
    ("new axes of a column", lambda x: x[:, 1][:, None]),
    ("broadcast", lambda x: np.broadcast_to(x[:1], x.shape)),
    ("broadcast of more", lambda x: np.broadcast_to(x, (2, *x.shape))),
    ("bits", lambda x: x.view(np.int64)),
    ("bits of a slice", lambda x: x[1:].view(np.uint64)[::-1]),
    ("diagonal", lambda x: np.diagonal(x)),
    ("several", lambda x: (x[1:], x, x[:-1], {"t": x.T, "again": x})),
    ("one object twice", lambda x: (lambda v: (v, v, x[1:]))(x[1:])),
    ("of a result", lambda x: (lambda y: (y, y[1:], y.T))(x + 1)),
    ("half of a result", lambda x: (x + 1)[1:]),
    ("beside numbers", lambda x: (x[0], x[0, 0], x.shape, 3, None, x.ndim)),
]
ARRAYS = {
    "C": np.arange(20.0).reshape(4, 5),
    "F": np.asfortranarray(np.arange(20.0).reshape(4, 5)),
    "strided": np.arange(80.0).reshape(8, 10)[::2, ::-2],
    "small": np.arange(4.0).reshape(2, 2),
    "large": np.arange(42.0).reshape(6, 7),
    "read only": np.arange(20.0).reshape(4, 5).copy(),
}
ARRAYS["read only"].flags.writeable = False


def assert_same_views(got: Any, want: Any, x: Any) -> None:
    ours, theirs = arrays_in(got), arrays_in(want)
    assert len(ours) == len(theirs)
    for g, w in zip(ours, theirs, strict=True):
        assert g.shape == w.shape
        assert g.flags.writeable == w.flags.writeable
        assert np.may_share_memory(g, x) == np.may_share_memory(w, x)
        assert (g is x) == (w is x)
        if g.size and np.may_share_memory(w, x):
            assert g.__array_interface__["data"] == w.__array_interface__["data"]
            assert [s for s, n in zip(g.strides, g.shape, strict=True) if n > 1] == [
                s for s, n in zip(w.strides, w.shape, strict=True) if n > 1
            ]
        np.testing.assert_array_equal(g, w)
    for a, b in itertools.combinations(range(len(ours)), 2):
        assert (ours[a] is ours[b]) == (theirs[a] is theirs[b])
        assert np.may_share_memory(ours[a], ours[b]) == np.may_share_memory(theirs[a], theirs[b])


@pytest.mark.parametrize(("name", "function"), VIEWS, ids=[v[0] for v in VIEWS])
@pytest.mark.parametrize("shapes", ["auto", "dynamic"])
def test_views_that_are_returned(name: str, function: Any, shapes: Any) -> None:
    f = jit(shapes=shapes)(function)
    for _ in range(2):
        for x in ARRAYS.values():
            assert_same_views(f(x), function(x), x)
    before = f.stats().slow_calls
    for x in ARRAYS.values():
        assert_same_views(f(x), function(x), x)
    if entry.uses_native_entry():
        assert f.stats().slow_calls == before


PARTS: list[tuple[Any, Any]] = [
    (lambda z: (z.real, z.imag[1:]), np.arange(4) + 1j),
    (lambda z: z[::2].imag, (np.arange(8) - 2j).astype(np.complex64)),
    (lambda z: np.array(z[1]), np.arange(4) + 1j),
    (lambda z: np.array(z[1]), (np.arange(4) + 1j).astype(np.complex64)),
    (lambda z: np.array(z[1]), np.arange(4, dtype=np.int8) - 3),
    (lambda z: np.array(z[1]), np.arange(4, dtype=np.float32) / 3),
    (lambda z: np.array(z[1] > 2), np.arange(4)),
    (lambda z: (lambda a: (a, a[()], float(a)))(np.array(z[1])), np.arange(4.0)),
    (lambda z: z[z > 1][1:], np.arange(6.0)),
    (lambda z: (lambda a: (a, a[1:], a[::-1]))(z[z > 1]), np.arange(6.0)),
    (lambda z, k: (z[k:], z[:k], z[k:][::-1]), (np.arange(6.0), 2)),
    (lambda z, k: z[::k], (np.arange(6.0), 2)),
    (lambda x: (x.reshape(-1), x[1:].reshape(-1, 2)), np.arange(12.0).reshape(3, 4)),
    (lambda x: (x.reshape(4, 3).T, x[1:2].reshape(2, 2)[::-1]), np.arange(12.0).reshape(3, 4)),
]


@pytest.mark.parametrize("number", range(len(PARTS)))
@pytest.mark.parametrize("shapes", ["auto", "dynamic"])
def test_parts_that_are_returned(number: int, shapes: Any) -> None:
    function, given = PARTS[number]
    args = given if isinstance(given, tuple) else (given,)
    f = jit(shapes=shapes)(function)
    for _ in range(3):
        got, want = f(*args), function(*args)
        assert_same_views(got, want, args[0])
        assert_same(got, want)
    before = f.stats().slow_calls
    f(*args)
    if entry.uses_native_entry():
        assert f.stats().slow_calls == before


SETS: list[tuple[Any, tuple[Any, ...]]] = [
    *((set, ([a, a + a, a],)) for a in (5, 2.5, 2**61)),
    *((lambda x: (set(x), [{v + v for v in x}], 1), (list(x),)) for x in (
        range(70), np.arange(70.0).tolist(), [1.5, float("nan"), float("nan")],
    )),
    *((set, (x,)) for x in (np.array([3, 1, 3]), np.array([0.5, 2, 0.5], np.float32), np.ones(0))),
    (lambda x: {"a": set(x), "b": {1, 2}}, ([3, 1, 3],)),
    (lambda x: x.append(1.5) or set(x), ([2.5, 1.5],)),
    (lambda x: (lambda s: (s, s))(set(x)), ([2.5, 1.5],)),
    (lambda x: ({1, "a"}, frozenset(x)), ([2.5, 1.5],)),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(SETS)))
def test_sets_that_are_returned(number: int) -> None:
    """With items of Python's classes; natively, but for frozen ones and those in two places."""

    def shown(x: Any) -> Any:
        if isinstance(x, set | frozenset):
            return type(x), sorted((repr(v), type(v)) for v in x)
        return {k: shown(v) for k, v in x.items()} if type(x) is dict else list(map(shown, x))

    function, args = SETS[number]

    def alone(x: Any) -> Any:
        found = function(x)
        return (found,) if isinstance(found, set) else found

    f, made = jit(function), []
    for _ in range(4):
        got = f(*copy.deepcopy(args))
        got = (got,) if isinstance(got, set) else got
        want = alone(*copy.deepcopy(args))
        sets = [tuple(x for x in found if isinstance(x, set | frozenset)) for found in (got, want)]
        assert shown(sets[0]) == shown(sets[1])
        if isinstance(want, tuple):
            assert (got[0] is got[-1]) == (want[0] is want[-1])
    given = copy.deepcopy(args)
    sys.setprofile(lambda frame, event, arg: made.append((event, frame.f_code.co_name)))
    try:
        f(*given)
    finally:
        sys.setprofile(None)
    rare = isinstance(got, tuple) and any(isinstance(x, frozenset) for x in got)
    rare = rare or (isinstance(got, tuple) and got[0] is got[-1] and len(got) > 1)
    if entry.uses_native_entry() and not rare:
        assert [x for x in made if x[0] == "call"] == []


def test_what_is_written_to_a_view_is_seen() -> None:
    f, x = jit(lambda x: x[1::2]), np.zeros(6)
    for k in range(3):
        f(x)[:] = k
        assert list(x) == [0, k, 0, k, 0, k]
        view = f(x)
        assert view.base is x
        assert f(view).base is x


ONE_ROW: list[Any] = [
    lambda x, a, b: x[a:b].reshape(-1),
    lambda x, a, b: x[a:b].ravel(),
    lambda x, a, b: np.reshape(x[a:b], (1, -1)),
    lambda x, a, b: x[a:b][..., None].reshape(-1, 1),
]


@pytest.mark.parametrize("function", ONE_ROW, ids=["reshape", "ravel", "a row", "a column"])
@pytest.mark.parametrize("turned", [True, False])
def test_reshaped_is_a_view_where_the_run_leaves_one_row(function: Any, turned: bool) -> None:
    def written(x: Any, a: Any, b: Any) -> Any:
        y = function(x, a, b)
        y[...] = 9
        return y

    for f, g in ((function, jit(function)), (written, jit(written))):
        for a, b in [(0, 2), (0, 1), (1, 2), (0, 3), (2, 3), (1, 1)] * 2:
            wide = np.arange(24.0).reshape(4, 6)
            theirs = wide.T[:3] if turned else wide[:, ::2][:3]
            ours = theirs.copy("K") if turned else wide.copy()[:, ::2][:3]
            want, got = f(theirs, a, b), g(ours, a, b)
            np.testing.assert_array_equal(got, want)
            np.testing.assert_array_equal(ours, theirs)
            assert np.shares_memory(got, ours) == np.shares_memory(want, theirs)


def test_views_of_arrays_that_others_stand_for(tmp_path: Path) -> None:
    swapped = np.arange(6.0).astype(">f8")
    np.save(tmp_path / "x.npy", np.arange(6.0))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r+")
    f = jit(lambda x: (x[1:], x))
    for x in [np.arange(6.0), swapped, mapped] * 2:
        view, itself = f(x)
        assert itself is x
        assert type(view) is type(x[1:])
        assert view.dtype == x.dtype
        assert np.shares_memory(view, x)
        np.testing.assert_array_equal(view, x[1:])


@pytest.mark.parametrize("kind", [np.random.default_rng, np.random.RandomState])
def test_generators(kind: Any) -> None:
    def draw(rng: Any, n: Any = 1) -> Any:
        return rng.random() * n + rng.standard_normal()

    sources = [lambda: kind(3), lambda: kind(4)]
    if kind is np.random.default_rng:
        sources.append(lambda: np.random.Generator(np.random.MT19937(5)))
    f = jit(draw)
    for make in sources * 2:
        ours, theirs = make(), make()
        assert [f(ours) for _ in range(3)] == [draw(theirs) for _ in range(3)]
        assert f(rng=ours, n=2) == draw(theirs, 2)
    before = f.stats().slow_calls
    rng = sources[0]()
    count = sys.getrefcount(rng)
    for _ in range(20):
        f(rng), f(n=2, rng=rng)
    assert sys.getrefcount(rng) == count
    if entry.uses_native_entry():
        assert f.stats().slow_calls == before
