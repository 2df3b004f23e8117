"""What lives as long as the process does not grow with what is compiled in it.

Tables with a bound are given a small one, so that growth beyond it shows.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import sys
import weakref
from collections import deque
from pathlib import Path
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

import numpy as np
import pytest

from tracejit import grad, jit, sources
from tracejit.trace.convert import function as convert
from tracejit.trace.convert import source
from tracejit.transforms import kept

TABLES = (dict, list, set, deque, WeakKeyDictionary, WeakSet, WeakValueDictionary)
X = np.linspace(0.5, 1.5, 7)

PROGRAM = """
import numpy as np

SCALE = {n}.0
TABLE = np.arange({n}, {n} + 7.0)


class Step:
    def __init__(self, by):
        self.by = by


def program(x, steps, by=Step({n})):
    total = np.zeros_like(x)
    for k in range(steps):
        total = total + np.sin(x * SCALE + k) * TABLE + by.by
    if total.sum() > {n}:
        total = -total
    return {{"total": total, "parts": [total[1:], {n}]}}


def energy(x):
    return np.sum(np.exp(-x / {n}) * TABLE)
"""


def module_of(folder: Path, n: int) -> ModuleType:
    path = folder / f"program_{n}.py"
    path.write_text(PROGRAM.format(n=n))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compile_some(folder: Path, numbers: range) -> None:
    """Compile programs of files of their own, call them in several ways, and forget them."""
    for n in numbers:
        module = module_of(folder, n)
        f = jit(module.program)
        f(X, 3)
        f(X, 4)
        grad(module.energy)(X)
    gc.collect()


def sizes() -> dict[str, int]:
    """How many entries there are in the tables, caches and lists of our modules and classes."""
    found: dict[str, int] = {}

    def look(name: str, value: Any) -> None:
        if isinstance(value, TABLES):
            found[name] = len(value)
        elif callable(getattr(value, "cache_info", None)) and value.cache_info().maxsize is None:
            found[name] = value.cache_info().currsize

    for name, module in list(sys.modules.items()):
        if name.split(".")[0] != "tracejit" or module is None:
            continue
        for attr, value in list(vars(module).items()):
            look(f"{name}.{attr}", value)
            if isinstance(value, type) and value.__module__ == name:
                for inner, held in list(vars(value).items()):
                    look(f"{name}.{attr}.{inner}", held)
    return found


def test_no_table_grows_with_the_functions_that_were_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_MOST_FILES", 4)
    monkeypatch.setattr(source, "_MOST_FILES", 4)
    # A transform's globals keep its function alive, and so it stays until others take its place.
    monkeypatch.setattr(kept, "LIMIT", 4)
    compile_some(tmp_path, range(2, 10))
    before = sizes()
    compile_some(tmp_path, range(20, 32))
    after = sizes()
    more = {name: n - before.get(name, 0) for name, n in after.items()}
    assert {name: n for name, n in more.items() if n > 0} == {}


def test_conversions_are_dropped_silently_when_python_exits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python clears the names of modules before the last functions go."""
    namespace: dict[str, Any] = {}
    exec("def used(x): return x + 1.0", namespace)
    with contextlib.suppress(convert.SourceUnavailable):
        convert.convert(namespace["used"])
    gone = weakref.ref(namespace["used"].__code__)
    raised: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", raised.append)
    monkeypatch.setattr(convert, "_converted", None)
    namespace.clear()
    gc.collect()
    assert gone() is None
    assert raised == []
