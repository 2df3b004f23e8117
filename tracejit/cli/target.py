"""``FILE:FUNCTION`` and ``--args`` of the command line."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tracejit.api import jit


class TargetError(Exception):
    """What the command line names is not there, or not as it says."""


def function_at(target: str) -> Any:
    """The function of ``FILE:FUNCTION``, compiled by ``jit`` if it is not yet."""
    file, separator, name = target.rpartition(":")
    path = Path(file)
    if not separator or not name:
        raise TargetError(f"{target!r} names no function: write FILE:FUNCTION, as model.py:step")
    if not path.is_file():
        raise TargetError(f"there is no file {file}")
    found: Any = _module(path)
    for part in name.split("."):
        if not hasattr(found, part):
            own = getattr(found, "__name__", "")
            known = [n for n, v in vars(found).items() if getattr(v, "__module__", "") == own]
            raise TargetError(f"{file} has no function {name}; there are {', '.join(known)}")
        found = getattr(found, part)
    if not callable(found):
        raise TargetError(f"{name} in {file} is a {type(found).__name__}, not a function")
    return found if hasattr(found, "inspect_ir") else jit(found)


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise TargetError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)
    sys.path.insert(0, str(path.parent.resolve()))
    spec.loader.exec_module(module)
    return module


def arguments(text: str, function: Any) -> tuple[Any, ...]:
    """The arguments that ``--args`` gives: Python expressions, as the user would write them."""
    names = {"np": np, **getattr(function.py_func, "__globals__", {})}
    try:
        return tuple(eval(f"({text},)" if text.strip() else "()", names))
    except Exception as error:
        kind = type(error).__name__
        raise TargetError(f"--args {text!r} cannot be evaluated: {kind}: {error}") from None
