"""``jit(fallback=True)``: what cannot be compiled runs in Python, once said; errors stay errors."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tracejit import FallbackWarning, UnsupportedError, grad, jit
from tracejit.calls.fallback import LIMIT

X = np.arange(5.0)


def bits(x: Any) -> Any:
    x[0] = 7
    y = x + 1
    return np.frombuffer(y.tobytes())


def line_in(f: Any, text: str) -> int:
    lines, first = inspect.getsourcelines(f)
    return first + next(k for k, line in enumerate(lines) if text in line)


def test_runs_in_python_and_says_so_once() -> None:
    f = jit(fallback=True)(bits)
    x = X.copy()
    with pytest.warns(FallbackWarning) as caught:
        y = f(x)
    np.testing.assert_array_equal(y, bits(X.copy()))
    assert x[0] == 7
    assert len(caught) == 1
    line = line_in(bits, "tobytes")
    assert (caught[0].filename, caught[0].lineno) == (__file__, line)
    text = str(caught[0].message)
    assert text.startswith(f"bits is not compiled and runs in Python: test_fallback.py:{line}: ")
    assert "tobytes" in text
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        f(X.copy())
        f(np.arange(7.0))
    stats = f.stats()
    assert (stats.python_calls, stats.compilations) == (3, 0)
    assert stats.fallback is not None
    assert "tobytes" in stats.fallback


def test_never_without_the_option() -> None:
    f = jit(bits)
    for _ in range(2):
        with pytest.raises(UnsupportedError, match="tobytes"):
            f(X.copy())
    assert f.stats().python_calls == 0


def test_what_compiles_is_compiled() -> None:
    f = jit(fallback=True)(lambda x, flag: np.frombuffer(x.tobytes()) if flag else x + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(f(X, False), X + 1)
    assert f.stats().compilations == 1
    assert f.stats().fallback is None
    with pytest.warns(FallbackWarning):
        f(X + 1, True)
    np.testing.assert_array_equal(f(X, False), X + 1)
    assert f.stats().compilations == 1
    assert f.stats().python_calls == 1


def reject(x: Any) -> Any:
    if x.sum() > 3:
        raise NotImplementedError("no such sums")
    return x


@pytest.mark.parametrize(
    ("f", "kind"),
    [
        (lambda x: x + np.ones(3), ValueError),
        (lambda x: x[9], IndexError),
        (lambda x: x.nothing, AttributeError),
        (lambda x: np.sum(x, axes=0), TypeError),  # type: ignore[call-overload]
        (reject, NotImplementedError),
    ],
)
def test_errors_of_the_program_are_raised(f: Any, kind: type[Exception]) -> None:
    made = jit(fallback=True)(f)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(kind):
            made(X)
    assert made.stats().python_calls == 0


@pytest.mark.parametrize(
    "x", [X.astype(np.longdouble), np.array(["a", "b"]), np.ma.masked_array(X), np.longdouble(2)]
)
def test_arguments_that_compiled_code_does_not_have(x: Any) -> None:
    f = jit(fallback=True)(lambda x: x[..., None] if x.ndim else x * x)
    with pytest.warns(FallbackWarning):
        result = f(x)
    np.testing.assert_array_equal(result, f.py_func(x))
    assert type(result) is type(f.py_func(x))


def test_what_was_refused_is_not_traced_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = jit(fallback=True, shapes="static")(bits)
    with pytest.warns(FallbackWarning):
        made(X.copy())
    tried: list[Any] = []
    find = made._dispatcher.find
    monkeypatch.setattr(made._dispatcher, "find", lambda *a: tried.append(a) or find(*a))
    for n in range(30):
        made(np.arange(4.0 + n % 15))
    assert 0 < len(tried) <= LIMIT
    assert made.stats().python_calls == 31


def test_recompile_tries_again() -> None:
    f = jit(fallback=True)(bits)
    with pytest.warns(FallbackWarning):
        f(X.copy())
    f.recompile()
    f(X.copy())
    assert f.stats().python_calls == 2


def test_generators() -> None:
    @jit(fallback=True)
    def rows(x: Any) -> Iterator[Any]:
        yield x[0]
        yield x[1]

    with pytest.warns(FallbackWarning):
        assert list(rows(X)) == [0.0, 1.0]


def test_gradients_do_not_fall_back() -> None:
    def loss(x: Any) -> Any:
        return np.frombuffer(x.tobytes()).sum()

    f = jit(fallback=True)(grad(loss))
    with pytest.raises(UnsupportedError):
        f(X)
