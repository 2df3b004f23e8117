"""``FILE:FUNCTION`` and ``--args`` of the command line."""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MethodType
from typing import Any

import numpy as np

from tracejit.api import jit
from tracejit.cli.waiting import waiting
from tracejit.errors import TracejitError

_PACKAGE = str(Path(__file__).resolve().parents[1]) + os.sep


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
    with told(target), waiting(f"running {file}"):
        found: Any = _module(path)
    for part in name.split("."):
        if not hasattr(found, part):
            own = getattr(found, "__name__", "")
            known = [n for n, v in vars(found).items() if getattr(v, "__module__", "") == own]
            raise TargetError(f"{file} has no function {name}; there are {', '.join(known)}")
        found = getattr(found, part)
    if not callable(found):
        raise TargetError(f"{name} in {file} is a {type(found).__name__}, not a function")
    compiled = hasattr(found, "inspect_ir") and not isinstance(found, MethodType)
    return found if compiled else jit(found)


@contextmanager
def told(target: str, *answers: type[Exception], writes: Path | None = None) -> Iterator[None]:
    """An exception of the program is one line, with the last line of its file that was under way.

    ``answers``: what ours say of what was given. ``writes``: where files are written meanwhile.
    A mistake of ours goes through.
    """
    try:
        yield
    except TargetError:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        path = Path(target.rpartition(":")[0]).resolve()
        own = [f for f in frames if Path(f.filename).resolve() == path]
        if not own and writes is not None and isinstance(error, OSError):
            at = error.filename or writes
            raise TargetError(f"{at} cannot be written: {error.strerror}") from None
        ours = frames[-1].filename.startswith(_PACKAGE)
        plain = not isinstance(error, TracejitError)
        if plain and ours and not isinstance(error, answers):
            raise
        said = f"{type(error).__name__}: {error}" if plain and not ours else str(error)
        place = f"{own[-1].filename}:{own[-1].lineno}: " if own else ""
        # Some errors name the line themselves, in the short form.
        inner = said.removeprefix(place).removeprefix(os.path.basename(place))
        raise TargetError(f"{place}{inner}") from None


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
        given = tuple(eval(f"({text},)" if text.strip() else "()", names))
    except Exception as error:
        kind = type(error).__name__
        raise TargetError(f"--args {text!r} cannot be evaluated: {kind}: {error}") from None
    takes = inspect.signature(function.py_func)
    try:
        takes.bind(*given)
    except TypeError as error:
        if given or not function.signatures:
            advice = "" if given else ": give arguments by --args"
            message = f"{function.__name__}{takes} is not called so: {error}{advice}"
            raise TargetError(message) from None
    if not given and not function.signatures:
        function.compile("()")
    return given
