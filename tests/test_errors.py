"""What a failing call raises: type, the user's line, advice, and the state of the arguments."""

from __future__ import annotations

import collections
import inspect
import linecache
import os
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tracejit
from tracejit import (
    StructureError,
    UnsupportedError,
    grad,
    hvp,
    jit,
    jvp,
    linearize,
    vjp,
)

X = np.arange(5.0)
STORE: list[Any] = []
PACKAGE = os.path.dirname(tracejit.__file__)


def failure(f: Any, *args: Any) -> Exception:
    """What the call raises, after checks that hold for every error."""
    with pytest.raises(Exception) as caught:
        f(*args)
    error = caught.value
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    assert not [name for name in files if name.startswith(PACKAGE)]
    assert len(str(error).splitlines()) <= 15
    return error


def line_of(error: Exception) -> str:
    """The innermost source line of a traceback."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return linecache.getline(frame.filename, frame.lineno or 0).strip()


def unsupported(x: Any) -> Any:
    y = x + 1
    return np.frombuffer(y.tobytes())


def shapes(x: Any) -> Any:
    y = x[:3]
    return x + y


def product(x: Any) -> Any:
    y = np.ones((2, 3))
    return y @ x


def out_of_range(x: Any) -> Any:
    y = x * 2
    return y[17]


def leak_global(x: Any) -> Any:
    global LEAKED
    LEAKED = x + 1
    return x


def leak_list(x: Any) -> Any:
    STORE.append(x + 1)
    return x


def kinds(x: Any) -> Any:
    if x.sum() > 0:
        y = (x, x)
    else:
        y = x
    return y


def unbound(x: Any) -> Any:
    if x.sum() > 100:
        y = x
    return y


def generator(x: Any) -> Any:
    rng = np.random.Generator(np.random.PCG64(0))
    return x + rng.normal(size=5)


def truth(x: Any) -> Any:
    y = x + 1
    return 1 if y else 0


def wrong_slice(x: Any) -> Any:
    x[0] = 3
    x[1:3] = np.ones(5)


CASES: list[tuple[Callable[..., Any], type[Exception], str, str]] = [
    (unsupported, UnsupportedError, "return np.frombuffer(y.tobytes())", "call it outside"),
    (shapes, ValueError, "return x + y", "shapes (5,) (3,)"),
    (product, ValueError, "return y @ x", "size 5 is different from 3"),
    (out_of_range, IndexError, "return y[17]", "index 17 is out of bounds for axis 0 with size 5"),
    (leak_global, UnsupportedError, "LEAKED = x + 1", "return the value instead"),
    (leak_list, UnsupportedError, "STORE.append(x + 1)", "pass it as an argument"),
    (kinds, StructureError, "if x.sum() > 0:", "make both the same kind"),
    (unbound, UnboundLocalError, "return y", "'y'"),
    (
        generator,
        UnsupportedError,
        "rng = np.random.Generator(np.random.PCG64(0))",
        "pass it as an argument",
    ),
    (truth, ValueError, "return 1 if y else 0", "a.any() or a.all()"),
    (wrong_slice, ValueError, "x[1:3] = np.ones(5)", "(5,) into shape (2,)"),
]


@pytest.mark.parametrize(("f", "kind", "line", "message"), CASES, ids=lambda c: str(c)[:20])
def test_error(f: Any, kind: type[Exception], line: str, message: str) -> None:
    error = failure(jit(f), X.copy())
    assert type(error) is kind
    assert line_of(error) == line
    assert message in str(error)


def test_not_leaked_through_an_object() -> None:
    kept: collections.deque[Any] = collections.deque()
    keep = kept.append

    def asked(x: Any) -> Any:
        kept.append(x + 1)
        return x

    def bound(x: Any) -> Any:
        keep(x + 1)
        return x

    for function in (asked, bound):
        error = failure(jit(function), X)
        assert type(error) is UnsupportedError
        line = inspect.getsourcelines(function)[1] + 1
        assert str(error).startswith(f"test_errors.py:{line}: append() would change a deque")
        assert not kept


def index(x: Any, i: Any) -> Any:
    z = x * 2
    return z[i]


def test_index_known_at_run_time() -> None:
    f = jit(index)
    assert [f(X, i) for i in (1, 2, -5)] == [2, 4, 0]
    for i in (8, -6, np.int64(5)):
        error = failure(f, X, i)
        assert type(error) is IndexError
        assert line_of(error) == "return z[i]"
        assert str(error) == f"index {i} is out of bounds for axis 0 with size 5"


def fill(a: Any, b: Any, n: int) -> None:
    for i in range(n):
        a[i] = b[i] * 2


def scatter(a: Any, places: Any) -> None:
    for k in places:
        a[k] += 1


def write_then_fail(a: Any, i: Any) -> None:
    a[0] = 9
    a[i] = 1
    a[1] = 9


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (fill, (np.zeros(5), np.ones(3), 5)),
        (fill, (np.zeros(3), np.ones(5), 5)),
        (scatter, (np.zeros(5), np.array([0, 1, 7, 2]))),
        (scatter, (np.zeros(5), [0, 1, 7, 2])),
        (write_then_fail, (np.zeros(5), 6)),
        (write_then_fail, (np.zeros(5), np.int64(-9))),
    ],
)
def test_arguments_after_a_failing_call(f: Any, args: tuple[Any, ...]) -> None:
    plain = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    with pytest.raises(IndexError) as want:
        f(*plain)
    error = failure(jit(f), *args)
    assert type(error) is IndexError
    assert str(error) == str(want.value)
    for a, b in zip(args, plain, strict=True):
        np.testing.assert_array_equal(a, b)


def reject(x: Any, t: Any) -> Any:
    x[0] = 5
    if t < 0:
        raise ValueError(f"negative {t}")
    assert x.sum() < 100, "too much"
    x[1] = 6
    return 1 // int(t)


@pytest.mark.parametrize(
    ("x", "t", "kind", "message"),
    [
        (np.zeros(5), -1.5, ValueError, "negative -1.5"),
        (np.full(5, 99.0), 1.0, AssertionError, "too much"),
        (np.zeros(5), 0.25, ZeroDivisionError, None),  # in the words of the Python that runs
    ],
)
def test_exceptions_of_the_program(
    x: Any, t: float, kind: type[Exception], message: str | None
) -> None:
    plain = x.copy()
    with pytest.raises(kind) as wanted:
        reject(plain, t)
    error = failure(jit(reject), x, t)
    assert type(error) is kind
    assert str(error) == (message or str(wanted.value))
    np.testing.assert_array_equal(x, plain)


def test_own_exception_types() -> None:
    class TooBig(Exception):
        pass

    def f(x: Any) -> Any:
        if x.sum() > 3:
            raise TooBig("a")
        return x

    assert type(failure(jit(f), X)) is TooBig


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (lambda x: x.sum(axis=3), (X,)),
        (lambda x: x.reshape(2, 3), (X,)),
        (lambda x: x[0, 0], (X,)),
        (lambda x, y: x[y], (X, np.array([1.0, 2]))),
        (lambda x: x.max(), (np.zeros((0, 3)),)),
        (lambda x: np.stack([x, x[1:]]), (X,)),
        (lambda x: x.nothing, (X,)),
        (lambda x: x.sum(), ([1.0, 2],)),
        (lambda x: x * 2, (None,)),
        (lambda x: x + 2**63, (np.arange(3),)),
    ],
)
def test_types_are_numpys(f: Any, args: Any) -> None:
    with pytest.raises(Exception) as want:
        f(*args)
    assert type(failure(jit(f), *args)) is type(want.value)


def test_run_time_shapes() -> None:
    f = jit(shapes="dynamic")(lambda x, y: x + y)
    f(np.ones(4), np.ones(4))
    with pytest.raises(ValueError, match="could not be broadcast"):
        f(np.ones(4), np.ones(6))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: grad(lambda x: x.sum())(np.arange(3)), r"grad of a lambda \(test_errors.py:\d+\)"),
        (lambda: grad(unsupported)(np.arange(3)), r"grad of unsupported \(test_errors.py:\d+\) n"),
        (lambda: grad(grad(unsupported))(np.arange(3)), r"grad of grad of unsupported \("),
        (lambda: tracejit.jacrev(np.sin, X), r"write jacrev\(f\)\(x\)"),
        (lambda: jit(lambda x: grad(np.sum, x))(X), r"write grad\(f\)\(x\)"),
    ],
)
def test_wrong_derivatives(call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()


def test_argnums_of_any_integer_kind_and_from_a_variable_that_changes() -> None:
    def f(x: Any, y: Any) -> Any:
        return np.sum(x * y * y)

    y = X + 1
    for k, want in ((0, y * y), (1, 2 * X * y)):
        np.testing.assert_array_equal(grad(f, argnums=np.int64(k))(X, y), want)
        np.testing.assert_array_equal(jit(lambda x, y: grad(f, argnums=k)(x, y))(X, y), want)


def test_all_frames_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEJIT_FULL_TRACEBACK", "1")
    with pytest.raises(UnsupportedError) as caught:
        jit(unsupported)(X)
    files = [frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert any(name.startswith(PACKAGE) for name in files)


def test_the_function_itself_is_named() -> None:
    error = failure(jit(shapes), X)
    names = [f.name for f in traceback.extract_tb(error.__traceback__)]
    assert "shapes" in names
    lines = inspect.getsourcelines(shapes)[1]
    frame = traceback.extract_tb(error.__traceback__)[-1]
    assert frame.lineno == lines + 2


def _too_short(x: Any) -> Any:
    return np.sum(x + np.ones(4))


TANGENTS = np.ones(2), np.ones(3)
CALLS: list[tuple[str, Callable[[Any], Any]]] = [
    ("jvp", lambda f: jvp(f, TANGENTS[1:], TANGENTS[1:])),
    ("hvp", lambda f: hvp(f, TANGENTS[1:], TANGENTS[1:])),
    ("vjp", lambda f: vjp(f, TANGENTS[1])),
    ("linearize", lambda f: linearize(f, TANGENTS[1])),
]


@pytest.mark.parametrize(("name", "call"), CALLS, ids=[name for name, _ in CALLS])
def test_transforms_that_are_called_at_once_show_one_frame(
    name: str, call: Callable[[Any], Any]
) -> None:
    """The one that was called, and then the line of the user's that failed."""
    with pytest.raises(ValueError, match=r"shapes \(3,\) \(4,\)") as caught:
        call(_too_short)
    _, called, ours, *rest = traceback.extract_tb(caught.value.__traceback__)
    assert (called.filename, ours.name) == (__file__, name)
    assert ours.line is not None
    assert ours.line.startswith(f"def {name}(")
    assert {frame.filename for frame in rest} == {__file__}
    assert rest[-1].line == "return np.sum(x + np.ones(4))"


def test_pullbacks_and_wrong_uses_show_one_frame() -> None:
    _, pullback = vjp(np.sin, TANGENTS[0])
    _, pushforward = linearize(np.sin, TANGENTS[0])
    uses: list[Callable[[], Any]] = [
        lambda: pullback(TANGENTS[1]),
        lambda: pushforward(TANGENTS[1]),
        lambda: pullback(1.0, 2.0),  # type: ignore[call-arg]
        lambda: grad(np.sin, TANGENTS[0]),  # type: ignore[call-overload]
        lambda: hvp(np.sin, TANGENTS[0], TANGENTS[0]),
    ]
    for use in uses:
        with pytest.raises(TypeError) as caught:
            use()
        assert len(traceback.extract_tb(caught.value.__traceback__)) == 3  # test, lambda, ours
