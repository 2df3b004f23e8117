"""An exception is the program's where our code says so, and a mistake of ours otherwise."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import pytest

from tracejit import jit
from tracejit.errors import PACKAGE, UnsupportedError, all_ask, asks, is_for_user, throw
from tracejit.trace.array_api import NAMES

X = np.arange(3.0)


def program(x: Any) -> Any:
    """Catches what np.sinc raises."""
    try:
        y = np.sinc(x)
    except (KeyError, ValueError):
        y = x - 1
    return y


def mistake(x: Any) -> Any:
    return {}["no such key"]


def intended(x: Any) -> Any:
    throw(ValueError("as NumPy"))


def as_ours(f: Any, name: str) -> Callable[..., Any]:
    """The function as if it stood in a file of the package called ``name``."""
    code = f.__code__.replace(co_filename=f"{PACKAGE}trace/{name}")
    return FunctionType(code, f.__globals__)


FILES = ["calls.py", "staging.py", "operands.py", "any_other_name.py"]


@pytest.mark.parametrize("name", FILES)
def test_a_mistake_of_ours_is_never_the_programs(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(NAMES, np.sinc, as_ours(mistake, name))
    with pytest.raises(KeyError, match="no such key"):
        jit(program)(X)


@pytest.mark.parametrize("name", FILES)
def test_what_is_thrown_is_the_programs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NAMES, np.sinc, as_ours(intended, name))
    np.testing.assert_array_equal(jit(program)(X), X - 1)


def caught(f: Callable[..., Any], *args: Any) -> BaseException:
    with pytest.raises(BaseException) as found:
        f(*args)
    return found.value


def test_who_asks_python_for_the_program() -> None:
    asking = as_ours(mistake, "x.py")
    assert not is_for_user(caught(asking, 0))
    asks(ValueError)(asking)
    assert not is_for_user(caught(asking, 0)), "a KeyError is no answer"
    asks(LookupError)(asking)
    assert is_for_user(caught(asking, 0))


def module(text: str, folder: Path) -> ModuleType:
    file = folder / "asking.py"
    file.write_text(text)
    spec = importlib.util.spec_from_file_location("asking", file)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_a_whole_module_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "def f(x):\n    return [1 // i for i in x]\n"
        "class C:\n    def g(self, x):\n        return 1 // x\n"
        "    @property\n    def h(self):\n        return 1 // 0\n"
    )
    found = module(text, tmp_path)
    monkeypatch.setattr("tracejit.errors.PACKAGE", str(tmp_path))
    calls: list[Callable[[], Any]] = [
        lambda: found.f([0]),
        lambda: found.C().g(0),
        lambda: found.C().h,
    ]
    assert [is_for_user(caught(f)) for f in calls] == [False] * 3
    all_ask(vars(found), ArithmeticError)
    assert [is_for_user(caught(f)) for f in calls] == [True] * 3


def test_what_only_we_raise_is_ours() -> None:
    assert not is_for_user(caught(throw, UnsupportedError("no")))
    assert is_for_user(caught(throw, KeyboardInterrupt()))  # as `raise KeyboardInterrupt` does
    assert is_for_user(caught(throw, IndexError("out of bounds")))


def popped(x: Any, n: int) -> Any:
    v: list[int] = []
    if n > 3:
        v.pop()
    return x


def accumulated(x: Any, n: int) -> Any:
    x[0] = 5
    np.add.accumulate(2.0)  # type: ignore[arg-type]
    return x


def unlike(x: Any, n: int) -> Any:
    x[0] = 6
    return sorted([1, "a"])  # type: ignore[type-var,list-item]


def smallest_of_none(x: Any, n: int) -> Any:
    x[1] = 7
    return min([])


def badly_shown(x: Any, n: int) -> Any:
    x[1] = 8
    return format(3, "nonsense")


def stopped(x: Any, n: int) -> Any:
    x[2] = 9
    return list(zip([1], [1, 2], strict=True))


def no_hexadecimal(x: Any, n: int) -> Any:
    x[2] = 10
    return float.fromhex("no")


def not_there(x: Any, n: int) -> Any:
    x[2] = 11
    return [1, 2].index(3)


CALLS = [popped, accumulated, unlike, smallest_of_none, badly_shown, stopped, no_hexadecimal]


def outcome(f: Callable[..., Any], n: int) -> Any:
    x = np.arange(3.0)
    try:
        value = f(x, n)
    except Exception as error:
        value = f"{type(error).__name__}: {error}"
    return repr(value), x.tolist()


@pytest.mark.parametrize("n", [1, 5])
@pytest.mark.parametrize("f", [*CALLS, not_there], ids=lambda f: f.__name__)
def test_what_plain_calls_raise_comes_after_what_was_written(f: Callable[..., Any], n: int) -> None:
    assert outcome(jit(f), n) == outcome(f, n)


@pytest.mark.parametrize("f", [*CALLS[1:], not_there], ids=lambda f: f.__name__)
def test_what_plain_calls_raise_is_raised_where_a_branch_is_taken(f: Callable[..., Any]) -> None:
    def chosen(x: Any, n: int) -> Any:
        if n > 3:
            f(x, n)
        return x

    for n in (1, 5):
        assert outcome(jit(chosen), n) == outcome(chosen, n)
