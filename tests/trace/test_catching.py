"""``try`` around what is known at run time only: each program in NumPy and compiled.

Every program is called with arguments for which it fails in different places, so that one compiled
version sees both outcomes.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.trace.catching_programs import PROGRAMS, Program, X, outcome, raised_again
from tracejit import UnsupportedError, grad, jit


@pytest.mark.parametrize(("opt_level", "shapes"), [(3, "auto"), (0, "dynamic")])
@pytest.mark.parametrize(("f", "calls"), PROGRAMS, ids=lambda x: getattr(x, "__name__", ""))
def test_program(
    f: Program,
    calls: list[tuple[Any, ...]],
    opt_level: int,
    shapes: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    compiled = jit(opt_level=opt_level, shapes=shapes)(f)
    for args in [*calls, *calls]:
        plain, given = copy.deepcopy(args), copy.deepcopy(args)
        want = outcome(f, plain)
        printed = capsys.readouterr().out
        got = outcome(compiled, given)
        assert got[0] == want[0], (args, got, want)
        np.testing.assert_equal(got[1], want[1])
        np.testing.assert_equal(given, plain)
        assert capsys.readouterr().out == printed


def test_the_line_of_what_is_raised_again() -> None:
    import linecache
    import traceback

    with pytest.raises(IndexError) as caught:
        jit(raised_again)(X.copy(), 8)
    frame = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert linecache.getline(frame.filename, frame.lineno or 0).strip() == "return x[i]"


def test_derivative() -> None:
    def f(x: Any, i: int) -> Any:
        try:
            s = x[i] ** 2
            s += x[i + 1] ** 3
        except IndexError:
            s = x[0] * 7
        return s

    g = jit(grad(f))
    x = np.arange(1.0, 6.0)
    np.testing.assert_allclose(g(x, 1), [0, 4, 27, 0, 0])
    np.testing.assert_allclose(g(x, 4), [7, 0, 0, 0, 0])
    np.testing.assert_allclose(g(x, 7), [7, 0, 0, 0, 0])


def test_what_cannot_be_compiled_is_never_caught() -> None:
    def f(x: Any) -> Any:
        try:
            return np.frombuffer(x.tobytes())
        except Exception:
            return x

    with pytest.raises(UnsupportedError, match="tobytes"):
        jit(f)(X)


def test_a_caught_exception_has_its_cause() -> None:
    def f(x: Any, i: int) -> Any:
        try:
            try:
                x[i] = 1.0
            except IndexError as error:
                raise KeyError("none") from error
        except KeyError as error:
            return type(error.__cause__) is IndexError
        return False

    compiled = jit(shapes="static")(f)
    for i in (1, 9):
        assert compiled(X.copy(), i) is f(X.copy(), i)


@contextlib.contextmanager
def marking(x: Any) -> Iterator[None]:
    try:
        yield
    finally:
        x[0] = 5.0


@contextlib.contextmanager
def marking_after(x: Any) -> Iterator[None]:
    yield
    x[0] = 5.0


class Marking:
    def __init__(self, x: Any) -> None:
        self.x = x

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        self.x[0] = 5.0


@pytest.mark.parametrize("manager", [marking, Marking])
def test_the_end_of_a_context_whose_body_may_fail(manager: Any) -> None:
    def f(x: Any, i: int) -> None:
        with manager(x):
            x[i] = 1.0

    def safe(x: Any, i: int) -> None:
        with manager(x):
            x += i

    shapes: Any = "dynamic"
    if manager is marking:  # which Python runs while tracing
        with pytest.raises(UnsupportedError, match=r"write `try: ... finally"):
            jit(shapes="dynamic")(f)(X.copy(), 9)
        shapes = "static"
    for function, i in ((f, 9), (f, 1), (safe, 2)):
        want, got = X.copy(), X.copy()
        for call, x in ((function, want), (jit(shapes=shapes)(function), got)):
            with contextlib.suppress(IndexError):
                call(x, i)
        np.testing.assert_array_equal(got, want)


def test_the_end_of_a_context_that_does_not_see_a_failure() -> None:
    def f(x: Any, i: int) -> None:
        with marking_after(x):
            x[i] = 1.0

    compiled = jit(shapes="dynamic")(f)
    for i in (1, 9):
        want, got = X.copy(), X.copy()
        for call, x in ((f, want), (compiled, got)):
            with contextlib.suppress(IndexError):
                call(x, i)
        np.testing.assert_array_equal(got, want)


def test_too_many_operations_that_may_fail() -> None:
    def f(x: Any, i: int) -> Any:
        try:
            return sum([x[k * i] for k in range(2, 60)])
        except IndexError:
            return -1.0

    with pytest.raises(UnsupportedError, match="operations in one `try`"):
        jit(shapes="dynamic")(f)(np.arange(100.0), 1)
    assert jit(f)(np.arange(100.0), 1) == f(np.arange(100.0), 1)


def test_wrong_except() -> None:
    def f(x: Any, i: int) -> Any:
        try:
            return x[i]
        except "IndexError":  # type: ignore[misc]
            return 0.0

    with pytest.raises(TypeError, match="catching classes that do not inherit"):
        jit(shapes="dynamic")(f)(X, 9)
