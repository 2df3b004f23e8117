"""NumPy's own docstrings as programs: each example, as written and compiled, side by side.

The examples of a docstring run in order in one namespace, as doctest would run them; what they
print is not looked at. An example that computes something is also made a function, whose parameters
are the arrays, numbers and containers of the namespace that it reads, and this function is called
compiled, on copies.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import copy
import doctest
import inspect
import io
import linecache
import re
import sys
import warnings
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.array_api.agreement import disagreement
from tests.programs.program import owner, position
from tracejit import jit, trees
from tracejit.errors import TracejitError

#: Where the names come from: a prefix, and the object that has them.
PLACES: dict[str, Any] = {
    "np": np,
    "np.linalg": np.linalg,
    "np.fft": np.fft,
    "np.emath": np.emath,
    "np.lib.stride_tricks": np.lib.stride_tricks,
    "np.ndarray": np.ndarray,
    "np.ufunc": np.ufunc,
    "np.random.Generator": np.random.Generator,
    "np.polynomial.polynomial": np.polynomial.polynomial,
    "np.polynomial.chebyshev": np.polynomial.chebyshev,
    "np.polynomial.legendre": np.polynomial.legendre,
    "np.polynomial.hermite": np.polynomial.hermite,
    "np.polynomial.laguerre": np.polynomial.laguerre,
}
#: Not imported even where installed: the same examples run everywhere, and nothing is drawn.
_ABSENT = ("matplotlib", "matplotlib.pyplot", "scipy", "scipy.special", "scipy.stats")
#: Bytes that the arguments may have together.
_LARGE = 1 << 22
#: Examples that measure time: they are not run at all.
_LONG = re.compile(r"range\((0, ?)?\d{3,}\)|\d{6,}\)|timeit")
_ADDRESS = re.compile(r" at 0x[0-9a-f]+|builtins.*")
_STEADY = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Delete)
_WORK = (ast.Call, ast.Subscript, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Attribute, ast.AugAssign)
#: What needs no copy.
_ATOMS = (
    type(np),
    type(np.sin),
    type(len),
    type(inspect.getdoc),
    type,
    type(np.ogrid),
    type(np.mgrid),
)
_DATA = (np.ndarray, np.generic, np.random.Generator, int, float, complex, type(None))


@dataclass(frozen=True)
class Outcome:
    """What one example gave: ``kind`` is same, refused, different, or plain if not compiled."""

    source: str
    kind: str
    why: str = ""


def docstrings() -> dict[str, str]:
    """Docstrings that have examples, by the first name that has them."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    for prefix, place in PLACES.items():
        for name in sorted(getattr(place, "__all__", None) or dir(place)):
            value = getattr(place, name, None)
            text = "" if isinstance(value, np.ndarray) else inspect.getdoc(value) or ""
            if not name.startswith("_") and ">>>" in text and text not in seen:
                seen.add(text)
                found[f"{prefix}.{name}"] = text
    return found


def outcomes(text: str) -> Iterator[Outcome]:
    """What each example of a docstring gives compiled."""
    space: dict[str, Any] = {"np": np, "__name__": "examples"}
    state = np.random.get_state()
    with np.printoptions(), np.errstate(all="ignore"), warnings.catch_warnings(), _without():
        warnings.simplefilter("ignore")
        np.random.seed(0)
        for example in doctest.DocTestParser().get_examples(text):
            yield _outcome(example.source, space)
    np.random.set_state(state)


@contextlib.contextmanager
def _without() -> Iterator[None]:
    """Imports of what is absent fail. (``mock.patch.dict`` would forget what is first imported.)"""
    found = {name: sys.modules.get(name) for name in _ABSENT}
    sys.modules.update(dict.fromkeys(_ABSENT))  # type: ignore[arg-type]
    yield
    for name, module in found.items():
        del sys.modules[name]
        if module is not None:
            sys.modules[name] = module


def _outcome(source: str, space: dict[str, Any]) -> Outcome:
    """Compare, then run the example in the namespace for those that follow."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return Outcome(source, "plain", "no Python")
    found = Outcome(source, "plain", "nothing is computed")
    if _LONG.search(source):
        return Outcome(source, "plain", "takes long")
    works = any(isinstance(part, _WORK) for statement in body for part in ast.walk(statement))
    if works and not any(isinstance(statement, _STEADY) for statement in body):
        found = _compared(source, body, space)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
        exec(compile(source, _file(source), "exec"), space)
    return found


def _compared(source: str, body: list[ast.stmt], space: dict[str, Any]) -> Outcome:
    read = {p.id: p for s in body for p in ast.walk(s) if isinstance(p, ast.Name)}
    missing = [n for n in read if n not in space and not hasattr(builtins, n)]
    bound = [n for s in body for n in _bound(s)]
    if set(missing) - set(bound):
        return Outcome(source, "plain", "reads a name that is not there")
    if sum(x.nbytes for x in _arrays(space, read)) > _LARGE:
        return Outcome(source, "plain", "large")
    data = {n: space[n] for n in read if n in space and _is_data(space[n])}
    runs = []
    for compiled in (False, True):
        try:
            made = _copied({n: v for n, v in space.items() if n in read})
        except Exception as error:
            return Outcome(source, "plain", f"cannot be copied: {error}")
        function = _function(body, list(data), bound, made)
        runs.append(_run(jit(function) if compiled else function, [made[n] for n in data]))
    return Outcome(source, *_verdict(*runs))


def _arrays(space: dict[str, Any], names: Iterable[str]) -> Iterator[Any]:
    """Arrays and numbers that are read."""
    for leaf in trees.leaves_of([space[n] for n in names if n in space]):
        if isinstance(leaf, np.ndarray | np.generic):
            yield leaf
        elif type(leaf) in (int, float, complex):
            yield np.asarray(leaf)


def _bound(statement: ast.stmt) -> list[str]:
    """Names that a statement binds, in order."""
    parts = [p for p in ast.walk(statement) if isinstance(p, ast.Name)]
    inner = [p for p in ast.walk(statement) if isinstance(p, ast.comprehension)]
    hidden = {p.id for c in inner for p in ast.walk(c.target) if isinstance(p, ast.Name)}
    names = [p.id for p in parts if isinstance(p.ctx, ast.Store) and p.id not in hidden]
    return list(dict.fromkeys(names))


def _is_data(value: Any) -> bool:
    if type(value) in (list, tuple, dict):
        items = value.values() if type(value) is dict else value
        return all(_is_data(v) for v in items)
    return isinstance(value, _DATA) and not isinstance(value, np.character)


def _copied(space: dict[str, Any]) -> dict[str, Any]:
    """Copies of what may be changed: arrays that share memory still do, layouts are kept."""
    memo: dict[int, Any] = {}
    for value in trees.leaves_of(list(space.values())):
        if type(value) is np.ndarray and id(value) not in memo:
            memo[id(value)] = _array_copied(value, memo)
    return {n: v if isinstance(v, _ATOMS) else copy.deepcopy(v, memo) for n, v in space.items()}


def _array_copied(value: Any, memo: dict[int, Any]) -> Any:
    root = owner(value)
    if type(root) is not np.ndarray or value.dtype.hasobject or root.dtype.hasobject:
        return copy.deepcopy(value)
    if not root.flags.c_contiguous and not root.flags.f_contiguous:
        return copy.deepcopy(value)
    if id(root) not in memo:
        memo[id(root)] = root.copy("K")
    if root is value:
        made = memo[id(root)]
    else:
        offset = value.__array_interface__["data"][0] - root.__array_interface__["data"][0]
        flat = memo[id(root)].ravel("K").view(np.uint8)
        made = np.ndarray(value.shape, value.dtype, flat, offset, value.strides)
    made.flags.writeable = value.flags.writeable
    return made


def _function(body: list[ast.stmt], names: list[str], bound: list[str], space: Any) -> Any:
    """The example as a function of these names; its source is where ``inspect`` finds it."""
    lines = [ast.unparse(s) for s in body]
    last = body[-1]
    if isinstance(last, ast.Expr):
        lines[-1] = f"return {lines[-1]}"
    elif bound:
        lines.append(f"return {', '.join(bound)}")
    text = "\n".join(lines).replace("\n", "\n    ")
    source = f"def example({', '.join(names)}):\n    {text}\n"
    scope = {k: v for k, v in space.items() if k not in names}
    exec(compile(source, _file(source), "exec"), scope)
    return scope["example"]


def _file(source: str) -> str:
    """The name of a file that ``inspect`` finds the source in."""
    file = f"<example {zlib.crc32(source.encode()):x}>"
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    return file


def _run(function: Any, arguments: list[Any]) -> tuple[Any, list[Any], str, list[Any]]:
    """The result or exception, the arguments afterwards, what was printed, and what is shared."""
    state = np.random.get_state()
    printed = io.StringIO()
    result: Any
    try:
        with contextlib.redirect_stdout(printed):
            result = function(*arguments)
    except Exception as error:
        result = error
    np.random.set_state(state)
    given = [x for x in trees.leaves_of(arguments) if isinstance(x, np.ndarray)]
    owners = [owner(x) for x in given]
    arrays = [x for x in trees.leaves_of(result) if isinstance(x, np.ndarray)]
    shared = [(position(x, given), position(owner(x), owners)) for x in arrays]
    return result, arguments, printed.getvalue(), shared


def _comparable(value: Any) -> Any:
    """The value with what has no useful ``==`` as text: generators as their state, objects."""
    if isinstance(value, np.random.Generator):
        return repr(value.bit_generator.state)
    if type(value) in (list, tuple, dict):
        items = value.items() if type(value) is dict else value
        made = [_comparable(v) for v in items]
        return tuple(made) if type(value) is tuple else made
    if isinstance(value, np.ndarray | np.generic | Exception | tuple | int | float | complex | str):
        return value
    return type(value).__name__, _ADDRESS.sub("", repr(value))


def _verdict(plain: Any, compiled: Any) -> tuple[str, str]:
    (theirs, left, text, shared), (mine, changed, printed, aliases) = plain, compiled
    if isinstance(mine, TracejitError):
        return "refused", f"{type(mine).__name__}: {mine}"
    found = disagreement(*_comparable((mine, theirs, changed, left)))
    if not found and isinstance(theirs, Exception) and str(theirs) not in str(mine):
        found = f"says {str(mine)!r}, not {str(theirs)!r}"
    if not found and text != printed:
        found = f"prints {printed!r}, not {text!r}"
    if not found and shared != aliases:
        found = f"memory is shared as {aliases}, not {shared}"
    return ("different", found) if found else ("same", "")
