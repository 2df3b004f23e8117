"""NumPy's array-API namespace with every call compiled, for data-apis/array-api-tests.

What the suite's ``test_*`` modules call goes through ``jit``: namespace functions, operators, and
in its tests of the array object also indexing and casts. A call is written out as a small function,
arrays and NumPy scalars as its parameters and everything else as literals, so a failure shows a
program to run. What Hypothesis and the suite's own oracles call is NumPy itself: the two do not
vouch for one another.

Each result is also compared with NumPy's own. With ``TRACEJIT_ARRAY_API_LOG=path`` the counts and
all disagreements are written there as JSON when the process ends. ``docs/coverage.md`` has the
command and what came of it.
"""

from __future__ import annotations

import atexit
import functools
import json
import linecache
import math
import operator
import os
import sys
import time
import types
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import Phase, settings

from tests.array_api.agreement import disagreement
from tracejit import jit

_TESTS = "array_api_tests.test_"
_ARRAY_OBJECT = "array_api_tests.test_array_object"
_KEPT = 400
# These take or give dtypes and devices, not arrays: there is nothing to compile.
_PLAIN = {"can_cast", "finfo", "iinfo", "isdtype", "result_type", "from_dlpack"}
_MODULES = {np: "np", np.linalg: "np.linalg", np.fft: "np.fft"}

_compiled: OrderedDict[str, tuple[Any, Any]] = OrderedDict()
_counts: Counter[str] = Counter()
_problems: dict[str, Counter[str]] = {}
_seconds = 0.0


class Array(np.ndarray):
    """An array whose operators, used in a test, are compiled calls."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs and _caller().startswith(_TESTS):
            # An operator whose left side is a NumPy scalar.
            name = f"np.{ufunc.__name__}"
            return _run(name, f"return {name}({{all}})", inputs, {})
        done = getattr(ufunc, method)(*_strip(inputs), **_strip(kwargs))
        out = kwargs.get("out")
        return out[0] if out is not None and len(out) == 1 else _dress(done)

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return namespace


def _strip(value: Any) -> Any:
    """The value with base-class arrays over the same memory."""
    if isinstance(value, Array):
        return value.view(np.ndarray)
    if isinstance(value, dict):
        return {k: _strip(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return _rebuilt(value, [_strip(v) for v in value])
    return value


def _dress(value: Any) -> Any:
    """The inverse of ``_strip``."""
    if type(value) is np.ndarray:
        return value.view(Array)
    if isinstance(value, list | tuple):
        return _rebuilt(value, [_dress(v) for v in value])
    return value


def _rebuilt(like: Any, items: list[Any]) -> Any:
    if isinstance(like, tuple):
        return type(like)(*items) if hasattr(like, "_fields") else tuple(items)
    return items


def _literal(value: Any, arrays: list[Any]) -> str:
    """Source text for a value; arrays and NumPy scalars become parameters."""
    if isinstance(value, np.ndarray | np.generic):
        arrays.append(value)
        return f"a{len(arrays) - 1}"
    if isinstance(value, np.dtype):
        return f"np.dtype({value.name!r})"
    if isinstance(value, type) and issubclass(value, np.generic):
        return f"np.{value.__name__}"
    if isinstance(value, float):
        text = {"nan": "np.nan", "inf": "np.inf"}.get(repr(abs(value)), repr(abs(value)))
        return f"(-{text})" if math.copysign(1.0, value) < 0.0 else text
    if isinstance(value, complex):
        return f"complex({_literal(value.real, arrays)}, {_literal(value.imag, arrays)})"
    if isinstance(value, slice):
        parts = (_literal(p, arrays) for p in (value.start, value.stop, value.step))
        return f"slice({', '.join(parts)})"
    if isinstance(value, list | tuple):
        items = ", ".join(_literal(v, arrays) for v in value)
        if isinstance(value, list):
            return f"[{items}]"
        return f"({items},)" if len(value) == 1 else f"({items})"
    if value is Ellipsis:
        return "..."
    return f"({value!r})" if isinstance(value, int) and value < 0 else repr(value)


def _index(key: Any, arrays: list[Any]) -> str:
    """Source text of what stands between the brackets."""
    if isinstance(key, slice):
        start, stop, step = (
            "" if p is None else _literal(p, arrays) for p in (key.start, key.stop, key.step)
        )
        return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"
    if isinstance(key, tuple) and key and all(type(k) is int for k in key):
        # Loops over all elements are many: one function for all of them.
        arrays.extend(key)
        return ", ".join(f"a{i}" for i in range(len(arrays) - len(key), len(arrays)))
    if isinstance(key, tuple) and key:
        return ", ".join(_index(k, arrays) for k in key) + "," * (len(key) == 1)
    return _literal(key, arrays)


def _functions(source: str) -> tuple[Any, Any]:
    """The function as written, and compiled; the latest are kept."""
    found = _compiled.get(source)
    if found is None:
        name = f"<call {len(linecache.cache)}>"
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        scope: dict[str, Any] = {"np": np, "operator": operator}
        exec(compile(source, name, "exec"), scope)
        found = scope["call"], jit(scope["call"])
        _compiled[source] = found
        if len(_compiled) > _KEPT:
            _compiled.popitem(last=False)
    else:
        _compiled.move_to_end(source)
    return found


def _run(name: str, template: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run one call compiled; its result or exception is compared with NumPy's."""
    global _seconds
    arrays: list[Any] = []
    args, kwargs = _strip(args), _strip(kwargs)
    key = 1 if name.endswith("item__") else None
    texts = [(_index if i == key else _literal)(a, arrays) for i, a in enumerate(args)]
    named = [f"{k}={_literal(v, arrays)}" for k, v in kwargs.items()]
    line = template.format(*texts, all=", ".join(texts + named))
    parameters = ", ".join(f"a{i}" for i in range(len(arrays)))
    source = f"def call({parameters}):\n    {line}\n"
    plain, compiled = _functions(source)
    copies = [a.copy() if isinstance(a, np.ndarray) else a for a in arrays]
    before = time.perf_counter()
    try:
        result = compiled(*arrays)
    except Exception as error:
        result = error
    _seconds += time.perf_counter() - before
    _counts[name] += 1
    with np.errstate(all="ignore"):
        try:
            expected = plain(*copies)
        except Exception as error:
            expected = error
    found = disagreement(result, expected, arrays, copies)
    if found and "np.empty" not in name:
        shown = ", ".join(_shown(a) for a in arrays)
        _problems.setdefault(name, Counter())[f"{line} ({shown}): {found}"] += 1
    if isinstance(result, Exception):
        raise result
    return _dress(result)


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype.name}{list(value.shape)}"
    return f"{type(value).__name__} {value!r}"


def _caller(depth: int = 2) -> str:
    return str(sys._getframe(depth).f_globals.get("__name__", ""))


def _wrapped(function: Callable[..., Any], module: str) -> Any:
    """The function compiled where a test calls it."""
    name = f"{module}.{getattr(function, '__name__', '')}"

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if _caller().startswith(_TESTS):
            return _run(name, f"return {name}({{all}})", args, kwargs)
        return _dress(function(*_strip(args), **_strip(kwargs)))

    return call


def _operator(name: str, template: str, module: str = _TESTS) -> Any:
    """A method of ``Array``, compiled where a module with this prefix uses it."""
    original = getattr(np.ndarray, name)

    @functools.wraps(original)
    def method(self: Any, *args: Any) -> Any:
        if not _caller().startswith(module):
            return _dress(original(_strip(self), *_strip(args)))
        result = _run(name, template, (self, *args), {})
        return self if result is None and name.startswith("__i") else result

    return method


_BINARY = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%",
    "pow": "**", "matmul": "@", "and": "&", "or": "|", "xor": "^", "lshift": "<<",
    "rshift": ">>",
}  # fmt: skip
_COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_UNARY = {"abs": "abs({0})", "neg": "-{0}", "pos": "+{0}", "invert": "~{0}"}
_CASTS = {
    "bool": "bool({0})", "int": "int({0})", "float": "float({0})", "complex": "complex({0})",
    "index": "operator.index({0})",
}  # fmt: skip


def _give_operators() -> None:
    for name, symbol in _BINARY.items():
        setattr(Array, f"__{name}__", _operator(f"__{name}__", f"return {{0}} {symbol} {{1}}"))
        setattr(Array, f"__r{name}__", _operator(f"__r{name}__", f"return {{1}} {symbol} {{0}}"))
        setattr(Array, f"__i{name}__", _operator(f"__i{name}__", f"{{0}} {symbol}= {{1}}"))
    for name, symbol in _COMPARISONS.items():
        setattr(Array, f"__{name}__", _operator(f"__{name}__", f"return {{0}} {symbol} {{1}}"))
    for name, text in _UNARY.items():
        setattr(Array, f"__{name}__", _operator(f"__{name}__", f"return {text}"))
    for name, text in _CASTS.items():
        method = _operator(f"__{name}__", f"return {text}", _ARRAY_OBJECT)
        setattr(Array, f"__{name}__", method)
    for name, text in {"getitem": "return {0}[{1}]", "setitem": "{0}[{1}] = {2}"}.items():
        setattr(Array, f"__{name}__", _operator(f"__{name}__", text, _ARRAY_OBJECT))


def _write_log(path: str) -> None:
    with open(path, "w") as log:
        calls = dict(_counts.most_common())
        problems = {k: dict(v.most_common()) for k, v in sorted(_problems.items())}
        totals = {"calls": sum(calls.values()), "seconds": round(_seconds, 1)}
        json.dump({**totals, "by_name": calls, "problems": problems}, log, indent=1)


def _namespace(source: types.ModuleType) -> Any:
    """The module with its functions wrapped."""
    made = types.ModuleType("jitted_" + source.__name__)
    for name in source.__all__:
        value = getattr(source, name)
        function = callable(value) and not isinstance(value, type)
        plain = not function or name in _PLAIN
        setattr(made, name, value if plain else _wrapped(value, _MODULES[source]))
    return made


_give_operators()
namespace = _namespace(np)
namespace.linalg, namespace.fft = _namespace(np.linalg), _namespace(np.fft)
for _name in ("__array_api_version__", "__array_namespace_info__", "__version__"):
    setattr(namespace, _name, getattr(np, _name))
if "array_api_tests" in sys.modules:
    # The suite's own profile is made from this one. To shrink and explain a failure, thousands of
    # calls would be compiled.
    settings.register_profile("compiled", phases=[Phase.explicit, Phase.generate])
    settings.load_profile("compiled")
if log_path := os.environ.get("TRACEJIT_ARRAY_API_LOG"):
    atexit.register(_write_log, log_path)
