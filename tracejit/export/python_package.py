"""A Python package around an exported library, which installs with ``pip`` and needs NumPy alone.

model/pyproject.toml
model/hatch_build.py       which machine the wheel is for
model/model/__init__.py    the functions
model/model/…              the calls, and the library
"""

from __future__ import annotations

import inspect
import keyword
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.errors import UnsupportedError
from tracejit.export import python_runtime as runtime
from tracejit.export.c_names import plain_name
from tracejit.export.errors import ErrorRow
from tracejit.export.interface import Interface, tree_of
from tracejit.ir.arguments import ArrayArg, ScalarArg, StaticArg, SymDim
from tracejit.ir.results import ArrayOut, PythonOut, StaticOut
from tracejit.records import dataclass

_PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "0.1.0"
description = "Compiled by tracejit"
requires-python = ">=3.10"
dependencies = ["numpy>=1.24"]

[tool.hatch.build.targets.wheel]
packages = ["{name}"]

[tool.hatch.build.targets.wheel.hooks.custom]
"""

_HOOK = """\
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Platform(BuildHookInterface):
    def initialize(self, version, build_data):
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-{platform}"
"""


#: What the module of a package needs while it is loaded.
_OF_MODULE = frozenset({"PackageArgument", "FixedValue", "PackageResult", "PackageSignature", "np"})


def python_name(text: str) -> str:
    """The name of a function of a package. ValueError for what cannot be one."""
    name = plain_name(text)
    if keyword.iskeyword(name) or name in _OF_MODULE:
        raise ValueError(
            f"a function of a package cannot be called {name}: name it by a dict of signatures, "
            f'{{"my_{name}": ...}}'
        )
    return name


def package_files(
    name: str, library: str, functions: Mapping[str, Sequence[Interface]], rows: Sequence[ErrorRow]
) -> dict[Path, str]:
    """The texts by path; ``functions``: those of the library for each function in Python."""
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return {
        Path("pyproject.toml"): _PYPROJECT.format(name=name),
        Path("hatch_build.py"): _HOOK.format(platform=platform),
        Path(name, "__init__.py"): _module(name, library, functions, rows),
        Path(name, "_library.py"): inspect.getsource(runtime),
        Path(name, "py.typed"): "",
    }


def _module(
    name: str, library: str, functions: Mapping[str, Sequence[Interface]], rows: Sequence[ErrorRow]
) -> str:
    errors = "".join(f"    {(r.type, r.template, r.kinds, r.place)!r},\n" for r in rows)
    made = "".join(_function(f, overloads) for f, overloads in functions.items())
    return f'''"""{name}: compiled by tracejit."""

from pathlib import Path

import numpy as np

from {name}._library import PackageArgument, FixedValue, Library, PackageResult, PackageSignature

__all__ = {list(functions)!r}

_ERRORS = [
{errors}]
_library = Library(Path(__file__).with_name({library!r}), _ERRORS)
{made}'''


def _function(name: str, overloads: Sequence[Interface]) -> str:
    signatures = "".join(f"        {signature(f)!r},\n" for f in overloads)
    doc = "\n".join(f"{name}({f.function.signature_text()})" for f in overloads)
    return f"""
{name} = _library.function(
    {name!r},
    [
{signatures}    ],
    {doc!r},
)
"""


def signature(f: Interface) -> runtime.PackageSignature:
    """How Python calls a function of the library. UnsupportedError for containers that are no
    tuples, lists or dicts."""
    function = f.function
    returned = [
        runtime.FixedValue(_constant(out.value)) if isinstance(out, StaticOut) else out.index
        for out in function.outs
    ]
    nesting, returns = function.types.nested_as(range), _without_names(tree_of(function, returned))
    results_of = {t for t in trees.node_types(function.tree) if not hasattr(t, "_fields")}
    if {*trees.node_types(function.types.tree), *results_of} - {tuple, list, dict}:
        raise UnsupportedError("a package takes and returns tuples, lists and dicts alone")
    arguments = [_argument(f, k) for k in range(len(function.types.names))]
    kinds: dict[int, str] = {}
    for out in function.outs:
        if isinstance(out, ArrayOut | PythonOut):
            kinds[out.index] = out.kind if isinstance(out, PythonOut) else "array"
    results = [
        runtime.PackageResult(
            kinds.get(k, "numpy"), r.dtype.name, r.python_shape, r.kind == "owned"
        )
        for k, r in enumerate(f.results)
    ]
    return runtime.PackageSignature(f.name, tuple(arguments), nesting, tuple(results), returns)


def _without_names(x: Any) -> Any:
    """Nested results with plain tuples for named ones, whose classes a package does not have."""
    if isinstance(x, tuple):
        return tuple(map(_without_names, x))
    if isinstance(x, list):
        return list(map(_without_names, x))
    return {k: _without_names(v) for k, v in x.items()} if isinstance(x, dict) else x


def _argument(f: Interface, k: int) -> runtime.PackageArgument:
    function = f.function
    names, extents = function.types.names, function.types.extents
    arg: Any = function.traced.args[k]
    if isinstance(arg, ArrayArg):
        shape = tuple(extents[d.name] if isinstance(d, SymDim) else d or 0 for d in arg.shape)
        order = "F" if arg.layout == "F" else "C"
        return runtime.PackageArgument(
            names[k], "array", arg.dtype.name, shape, order, k in function.writes
        )
    if isinstance(arg, ScalarArg) and arg.is_parameter:
        return runtime.PackageArgument(
            names[k], "number", arg.dtype.name, python=arg.kind is not None
        )
    assert isinstance(arg, StaticArg | ScalarArg)
    return runtime.PackageArgument(names[k], "static", value=_constant(arg.value))


@dataclass(frozen=True)
class _Source:
    """What evaluates to a value in the module of the package."""

    text: str

    def __repr__(self) -> str:
        return self.text


def _constant(x: Any) -> _Source:
    """A value that is part of the code. UnsupportedError for what has no text that makes it."""
    if x is None or x is ... or type(x) in (bool, int, str, bytes):
        return _Source(repr(x))
    if type(x) in (float, complex):
        return _Source(f"{type(x).__name__}({str(x)!r})")
    if isinstance(x, np.number | np.bool_):
        return _Source(f"{_constant(x.dtype)}.type({_constant(x.item())})")
    if isinstance(x, np.dtype) and issubclass(x.type, np.number | np.bool_):
        return _Source(f"np.dtype({x.str!r})")
    if isinstance(x, type) and issubclass(x, np.number | np.bool_):
        return _Source(f"{_constant(np.dtype(x))}.type")
    if isinstance(x, type) and x in (bool, int, float, complex):
        return _Source(x.__name__)
    if type(x) in (tuple, slice, range):
        parts = x if isinstance(x, tuple) else (x.start, x.stop, x.step)
        items = "".join(f"{_constant(part)}, " for part in parts)
        return _Source(f"({items})" if isinstance(x, tuple) else f"{type(x).__name__}({items})")
    raise UnsupportedError(f"a package cannot hold {x!r}, which is neither a number nor a text")
