"""Which text a function is compiled from: the one that its code was compiled from, or none."""

from __future__ import annotations

import ast
import collections
import contextlib
import dataclasses
import enum
import fractions
import importlib
import inspect
import linecache
import os
import pickle
import statistics
import subprocess
import sys
import types
import typing
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trace import flow_cases, function_cases, value_cases  # noqa: F401  (enter the table)
from tests.trace.case_table import CASES
from tracejit import UnsupportedError, grad, jit, sources
from tracejit.trace.convert.same_code import Parsed, has_code

# The text is the one of the code ------------------------------------------------------------------


def parsed(filename: str) -> Parsed:
    lines = linecache.getlines(filename)
    return Parsed(lines, ast.parse("".join(lines)))


def functions_of(owner: Any, filename: str) -> Iterator[types.FunctionType]:
    for found in list(vars(owner).values()):
        if isinstance(found, property):
            found = found.fget
        found = getattr(found, "__func__", found)
        if isinstance(found, types.FunctionType) and found.__code__.co_filename == filename:
            yield found
        elif isinstance(found, type) and found.__module__ == getattr(owner, "__name__", ""):
            yield from functions_of(found, filename)


LIBRARY = (collections, contextlib, dataclasses, enum, fractions, inspect, statistics, typing)


@pytest.mark.parametrize("module", [*LIBRARY, np.lib._function_base_impl], ids=lambda m: m.__name__)
def test_texts_of_libraries(module: Any) -> None:
    filename = module.__file__
    text, found = parsed(filename), list(functions_of(module, filename))
    assert len(found) > 5
    assert [f.__qualname__ for f in found if not has_code(text, f.__code__)] == []


def test_texts_of_the_cases() -> None:
    texts = {f.__code__.co_filename: parsed(f.__code__.co_filename) for f, _ in CASES}
    wrong = [f for f, _ in CASES if not has_code(texts[f.__code__.co_filename], f.__code__)]
    assert len(CASES) > 50
    assert wrong == []


def asserts(x: Any) -> Any:
    assert x > 0, "positive"  # pytest rewrites this
    return x if x > 1 else -x


PAIR = jit(lambda x: x if x > 0 else -x), jit(lambda x: x if x > 0 else -2 * x)  # fmt: skip


def test_asserts_that_pytest_rewrites() -> None:
    assert has_code(parsed(__file__), asserts.__code__)
    assert jit(asserts)(0.5) == -0.5
    assert [f(-1.0) for f in PAIR] == [1.0, 2.0]


# Files that are edited ----------------------------------------------------------------------------

BEFORE = """
import numpy as np
from tracejit import jit
@jit
def decorated(x):
    if x > 0:
        return x * 2
    return plain(x)
def plain(x):
    return x - 2 if x < 5 else x
many = [jit(lambda x, k=k: x * k if x > 0 else -x * k) for k in (1, 2)]
"""
EDITS = {
    "a number": BEFORE.replace("2", "3"),
    "a comment and lines that move": "# new\n\n" + BEFORE.replace("2", "30"),
    "an operator": BEFORE.replace("*", "+").replace("x - 2", "x + 2"),
    "a name": BEFORE.replace("x > 0", "x > _0").replace("x < 5", "x < _5"),
    "a branch": BEFORE.replace("else x", "else -x"),
    "what does not parse": BEFORE.replace("return", "return ->"),
    "a function is gone": BEFORE.replace("def plain", "def other"),
}


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "edited_module.py").write_text(BEFORE)
    importlib.invalidate_caches()
    yield importlib.import_module("edited_module")
    del sys.modules["edited_module"]


@pytest.mark.parametrize("edit", EDITS)
def test_edited_before_the_first_call(module: Any, edit: str) -> None:
    """What ``jit`` was given has its text kept; so has what it calls in the same file."""
    Path(module.__file__).write_text(EDITS[edit])
    for x in (3.0, -3.0):
        assert module.decorated(x) == module.decorated.py_func(x)
        assert [f(x) for f in module.many] == [f.py_func(x) for f in module.many]


@pytest.mark.parametrize("edit", EDITS)
def test_edited_and_no_text_kept(module: Any, edit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_kept", {})
    Path(module.__file__).write_text(EDITS[edit])
    linecache.clearcache()
    changed = r"edited_module.py:9: the file was changed since plain was imported.*reload"
    with pytest.raises(UnsupportedError, match=changed):
        jit(lambda x: module.plain(x))(3.0)
    if edit in ("a number", "an operator", "a branch"):
        importlib.reload(module)
        assert module.decorated(-3.0) == module.decorated.py_func(-3.0)


def test_gone_and_no_text_kept(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_kept", {})
    os.remove(module.__file__)
    linecache.clearcache()
    with pytest.raises(UnsupportedError, match="put the function in a file"):
        jit(module.plain)(3.0)


def test_rewritten_by_a_tool(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that differs from a file older than the process: a tool has changed it on import."""
    monkeypatch.setattr(sources, "_kept", {})
    tree = ast.parse(BEFORE)
    next(f for f in tree.body if isinstance(f, ast.FunctionDef) and f.name == "plain").body.insert(
        0, ast.parse("checked = True").body[0]
    )
    exec(compile(ast.fix_missing_locations(tree), module.__file__, "exec"), module.__dict__)
    os.utime(module.__file__, (1.0, 1.0))
    linecache.clearcache()
    assert jit(module.plain)(3.0) == 1.0


# Texts that are in no file ------------------------------------------------------------------------

SCRIPT = """
import numpy as np
from tracejit import jit
@jit
def total(x):
    s = 0.0
    for v in x:
        if v > 0.5:
            s += helper(v)
    return s
def helper(v):
    assert v > 0
    return v if v < 2 else -v
print(total(np.linspace(0, 3, 7)), jit(lambda x: x if x > 0 else -x)(-2.0))
"""


def run(*words: str, stdin: Any = None, env: dict[str, str] | None = None) -> str:
    root = str(Path(__file__).resolve().parent.parent.parent)
    found = subprocess.run(
        [sys.executable, *words], stdin=stdin, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": root, **(env or {})}, timeout=300,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()


@pytest.mark.parametrize("options", [["-c"], ["-Bsc"], ["-W", "ignore", "-Oc"]], ids=" ".join)
def test_argument_of_the_interpreter(options: list[str]) -> None:
    assert run(*options, SCRIPT) == "-5.0 2.0"


def test_standard_input(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    with open(tmp_path / "script.py") as file:
        assert run("-", stdin=file) == "-5.0 2.0"


def test_typed_at_a_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    readline = pytest.importorskip("readline")
    typed = ["@jit", "def f(x):", "    if x > 0:", "        return x", "    return -x", "f(2.0)"]
    for line in typed:
        readline.add_history(line)
    namespace: dict[str, Any] = {"jit": jit}
    exec(compile("\n".join(typed[:5]), "<stdin>", "single"), namespace)
    assert namespace["f"](-2.0) == 2.0


KEPT = """
import ast
import numpy as np
from tracejit import jit, sources
sources.keep_compiled()
sources.keep_compiled()
TEXT = "def f(x):\\n    return x if x > 0 else -x\\ng = lambda x: x if x > 1 else 2 * x\\n"
made = {{}}
{make}
assert (jit(made["f"])(-3.0), jit(made["f"])(3.0)) == (3.0, 3.0)
assert (jit(made["g"])(0.5), jit(made["g"])(3.0)) == (1.0, 3.0)
"""
WAYS_TO_MAKE = {
    "exec": "exec(TEXT, made)",
    "compiled text": "exec(compile(TEXT, '<made>', 'exec'), made)",
    "bytes": "exec(TEXT.encode(), made)",
    "tree": "exec(compile(ast.parse(TEXT), '<ast>', 'exec'), made)",
    "changed tree": """
tree = ast.parse(TEXT.replace("-x", "+x"))
tree.body[0].body[0].value.orelse.op = ast.USub()
exec(compile(tree, '<ast>', 'exec'), made)
tree.body.clear()""",
    "lambdas": """
made["f"] = eval("lambda x: x if x > 0 else -x")
made["g"] = eval("lambda x: x if x > 1 else 2 * x")""",
    "several of one name": """
for k in range(20):
    exec(TEXT.replace("x > 0", f"x > {k}"), {})
    exec(compile(ast.parse(TEXT.replace("x > 0", f"x > {k}")), '<string>', 'exec'), {})
exec(TEXT, made)""",
}


@pytest.mark.parametrize("make", WAYS_TO_MAKE.values(), ids=WAYS_TO_MAKE)
def test_what_is_compiled_may_be_kept(make: str, tmp_path: Path) -> None:
    script = tmp_path / "made.py"
    script.write_text(KEPT.format(make=make))
    subprocess.run([sys.executable, str(script)], check=True)


def test_exec_says_what_to_do() -> None:
    namespace: dict[str, Any] = {}
    exec("def f(x):\n    return x if x > 0 else -x", namespace)
    with pytest.raises(UnsupportedError, match="put the function in a file if it is from exec"):
        jit(namespace["f"])(2.0)


# Other processes ----------------------------------------------------------------------------------

POOL = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
import numpy as np
from tracejit import grad, jit
@jit
def branch(x): return helper(x) + 1
def helper(x): return x if x > 0 else -x
@jit
def factorial(n): return 1.0 if n <= 0 else n * before(n)
def before(n): return factorial(n - 1)
def loss(w): return (w * w).sum() if w[0] > 0 else w.sum()
slope = grad(loss)
if __name__ == "__main__":
    {body}
"""
SPAWN = """with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        print(*pool.map(branch, [-1.0, 2.0]))"""
LOKY = """import joblib
    many = lambda f, *xs: joblib.Parallel(2)(joblib.delayed(f)(x) for x in xs)
    print(*many(branch, -1.0, 2.0), *many(factorial, 3, 4), *many(slope, np.ones(1), -np.ones(1)),
          *many(jit(lambda x: x if x > 0 else -x), -3.0, 4.0))"""


def test_spawned_process(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(POOL.format(body=SPAWN))
    assert run(str(tmp_path / "script.py")) == "2.0 3.0"


@pytest.mark.parametrize("how", ["file", "argument"])
def test_joblib(how: str, tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    text = POOL.format(body=LOKY)
    (tmp_path / "script.py").write_text(text)
    words = [str(tmp_path / "script.py")] if how == "file" else ["-c", text]
    assert run(*words) == "2.0 3.0 6.0 24.0 [2.] [1.] 3.0 4.0"


def local(k: float) -> Any:
    return jit(lambda x: x * k if x > 0 else -x), grad(lambda x: x**2 if x > 0 else x)


def test_cloudpickle_by_value() -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    for f in local(3.0):
        again = pickle.loads(cloudpickle.dumps(f))
        assert [again(x) for x in (2.0, -2.0)] == [f(x) for x in (2.0, -2.0)]


# What Python warns of in the text ----------------------------------------------------------------


def test_warnings_of_the_text_are_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where warnings are errors, a function of a module that Python warned of compiles."""
    text = 'def escaped(x):\n    "\\d"\n    return x if len(x) is 3 else 2 * x\n'
    (tmp_path / "warned_of.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        module = importlib.import_module("warned_of")
        assert said
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(jit(module.escaped)(np.ones(2)), [2.0, 2.0])
