"""Arrays whose own elements lie in one place, and random views through random bodies."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.calls.test_overlap import check
from tracejit import jit
from tracejit.errors import FallbackWarning


@st.composite
def view_of(draw: Any, shape: tuple[int, ...]) -> Callable[[Any], Any]:
    slices = []
    for n in shape:
        start = draw(st.integers(0, n - 1))
        stop = draw(st.integers(start + 1, n))
        step = draw(st.sampled_from([1, 1, 2, 3]))
        cut = slice(start, stop, step)
        if draw(st.integers(0, 3)) == 0:
            cut = slice(stop - 1, start - 1 if start else None, -step)
        slices.append(cut)
    turned = draw(st.booleans())
    flat = draw(st.integers(0, 4)) == 0
    row = draw(st.integers(0, 5)) == 0

    def view(a: Any) -> Any:
        found = a.reshape(-1)[slices[0]] if flat else a[tuple(slices)]
        found = found.T if turned else found
        return found[0] if row and found.ndim > 1 else found

    return view


BODIES: list[Callable[..., Any]] = []


def body(function: Callable[..., Any]) -> Callable[..., Any]:
    BODIES.append(function)
    return function


@body
def _sums(x: Any, y: Any, z: Any) -> Any:
    x += y.sum()
    z -= x.max()
    return x.sum() + y.sum() + z.sum()


@body
def _last_first(x: Any, y: Any, z: Any) -> Any:
    y[-1] = x[0].sum()
    t = z + 0
    x *= 2
    return t, z, y[0]


@body
def _in_turn(x: Any, y: Any, z: Any) -> Any:
    for i in range(len(x)):
        y[i % len(y)] += x[len(x) - 1 - i].sum()
        if y[0].sum() > z[-1].sum():
            z[0] = i
    return y


@body
def _onto_itself(x: Any, y: Any, z: Any) -> Any:
    x[1:] = x[:-1]
    y[::2] = 7
    z[...] = z[::-1]
    return x + x, y.sum(), z


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_random_views(data: Any) -> None:
    shape = data.draw(st.sampled_from([(7,), (3, 4), (4, 4), (2, 3, 3)]))
    order = data.draw(st.sampled_from("CF"))
    dtype = data.draw(st.sampled_from([np.float64, np.int64, np.float32]))
    base = np.array(np.arange(np.prod(shape)).reshape(shape), dtype=dtype, order=order)
    views = [data.draw(view_of(shape)) for _ in range(3)]
    function = data.draw(st.sampled_from(BODIES))
    compiled = jit(function, shapes=data.draw(st.sampled_from(["auto", "dynamic"])))
    check(compiled, function, base, lambda a: tuple(v(a) for v in views))


def test_views_of_windows_are_views() -> None:
    def f(x: Any, y: Any) -> Any:
        x[0] = y[-1].sum()
        return x.T, y.T, y[1:], x

    compiled = jit(f)
    base = np.arange(24.0)
    blocks = np.lib.stride_tricks.as_strided(base[1:], (2, 2, 3), (80, 24, 8))
    for views in (
        lambda a: (a.reshape(4, 6), a[3:]),
        lambda a: (a.reshape(4, 6), a.reshape(6, 4)),
        lambda a: (a[2:], np.ndarray(blocks.shape, "f8", a, 8, blocks.strides)),
    ):
        a = base.copy()
        x, y = views(a)
        for result, want in zip(compiled(x, y), f(x, y), strict=True):
            assert result.__array_interface__["data"] == want.__array_interface__["data"]
            assert result.strides == want.strides
    assert compiled.stats().python_calls == 0


def _within(a: Any, shape: tuple[int, ...], strides: tuple[int, ...], start: int = 0) -> Any:
    """A view of elements of ``a``, strides in elements."""
    steps = tuple(s * a.itemsize for s in strides)
    return np.lib.stride_tricks.as_strided(a[start:], shape, steps)


ITSELF: dict[str, tuple[Callable[[Any], Any], bool]] = {
    "one element": (lambda a: _within(a, (5,), (0,)), True),
    "rows that are one": (lambda a: _within(a, (3, 4), (0, 1)), True),
    "windows": (lambda a: _within(a, (5, 3), (1, 1)), True),
    "windows, backwards": (lambda a: _within(a, (5, 3), (-1, 1), 6), True),
    "windows of two": (lambda a: _within(a, (3, 3), (2, 1)), True),
    "every other": (lambda a: a[::2], False),
    "backwards": (lambda a: a[::-1], False),
    "rows and columns backwards": (lambda a: a.reshape(3, 4)[::-1, ::-1], False),
    "every other column": (lambda a: a.reshape(2, 6)[:, ::2], False),
    "rows apart": (lambda a: _within(a, (3, 3), (4, 1)), False),
    "columns": (lambda a: _within(a, (3, 4), (1, 3)), False),
}


def _ascending(x: Any) -> Any:
    x += np.arange(x.size).reshape(x.shape)
    return x


@pytest.mark.parametrize("shapes", ["auto", "dynamic"])
def test_arrays_that_meet_themselves(shapes: Any) -> None:
    compiled = jit(_ascending, shapes=shapes)
    in_python = 0
    for name in [*ITSELF, *reversed(ITSELF)]:
        view, meets = ITSELF[name]
        ours, theirs = np.arange(12.0), np.arange(12.0)
        in_python += meets
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FallbackWarning)
            result = compiled(view(ours))
        np.testing.assert_array_equal(result, _ascending(view(theirs)), name)
        np.testing.assert_array_equal(ours, theirs, name)
        assert compiled.stats().python_calls == in_python, name


def test_arrays_that_meet_themselves_are_read() -> None:
    compiled = jit(lambda x: (x * 2).sum())
    for view, _ in ITSELF.values():
        assert compiled(view(np.arange(12.0))) == (view(np.arange(12.0)) * 2).sum()
    assert compiled.stats().python_calls == 0


def test_the_first_such_call_is_announced() -> None:
    compiled = jit(_ascending)
    with pytest.warns(FallbackWarning, match="lie in one place"):
        compiled(_within(np.zeros(3), (3,), (0,)))
    with pytest.raises(ValueError, match="read-only"):
        compiled(np.broadcast_to(np.zeros(1), (3,)))
    assert compiled.stats().python_calls == 1


HELD = np.zeros(1)


def _add_to_held(y: float) -> Any:
    HELD[...] += y
    return HELD.sum()


def test_global_arrays_that_meet_themselves(monkeypatch: Any) -> None:
    compiled = jit(_add_to_held)
    for view, meets in [*ITSELF.values(), *ITSELF.values()]:
        before = compiled.stats().python_calls
        ours, theirs = np.arange(12.0), np.arange(12.0)
        monkeypatch.setitem(globals(), "HELD", view(theirs))
        want = _add_to_held(2.0)
        monkeypatch.setitem(globals(), "HELD", view(ours))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FallbackWarning)
            assert compiled(2.0) == want
        np.testing.assert_array_equal(ours, theirs)
        assert compiled.stats().python_calls - before == meets
