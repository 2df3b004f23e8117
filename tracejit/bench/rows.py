"""What a benchmark row is, and how rows are found in a folder."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tracejit.records import dataclass

Arguments = tuple[Any, ...]


@dataclass(frozen=True)
class Row:
    """One function on one set of arguments.

    `numpy` is the program as a user writes it. tracejit compiles it unchanged, unless `traced` says
    otherwise (a gradient, say). `peers` maps a module's name to a factory that gets the module and
    returns the same computation in its terms; a factory runs only if the module is there.
    `writes` says that the program changes its arguments: each timed call then gets fresh copies.
    Values agree to `rtol` relative to the largest magnitude. `goal`: the time that is promised,
    relative to the fastest of the others. `streams`: memory is what bounds it, so that a copy of as
    many bytes is timed beside it.
    """

    name: str
    setup: Callable[[np.random.Generator], Arguments]
    numpy: Callable[..., Any]
    peers: Mapping[str, Callable[[Any], Callable[..., Any]]] = field(default_factory=dict)
    traced: Callable[[], Callable[..., Any]] | None = None
    baseline: str = "numpy"
    writes: bool = False
    rtol: float = 1e-9
    goal: float | None = None
    streams: bool = False


def load(path: Path) -> list[Row]:
    """The `ROWS` of every python file in a folder, in the order of file names; or of one file."""
    files = sorted(path.glob("*.py")) if path.is_dir() else [path]
    return [row for file in files for row in getattr(module_at(file), "ROWS", ())]


def module_at(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"tracejit_benchmark_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f"{file} is not a python file with rows")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look for it there
    spec.loader.exec_module(module)
    return module
