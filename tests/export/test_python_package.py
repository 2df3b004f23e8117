"""Exported Python packages: they answer as the compiled function does, and need no tracejit."""

from __future__ import annotations

import copy
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.export import programs
from tests.export.programs import PROGRAMS
from tracejit import jit
from tracejit.trees import leaves_of

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="a package is linked by cc")


def package(folder: Path, function: Any, signatures: Any) -> ModuleType:
    """Export a package, and import it."""
    jit(function).export(folder, signatures)
    name = folder.name
    where = folder / name / "__init__.py"
    spec = importlib.util.spec_from_file_location(
        name, where, submodule_search_locations=[str(where.parent)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def alike(found: Any, wanted: Any) -> None:
    assert str(found).count("[") == str(wanted).count("[")
    pairs = zip(leaves_of(found), leaves_of(wanted), strict=True)
    for x, y in pairs:
        assert type(x) is type(y)
        if isinstance(x, np.ndarray | np.generic):
            assert x.dtype == y.dtype
        if y is not None:
            np.testing.assert_allclose(x, y, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_package_answers_as_the_compiled_function(name: str, tmp_path: Path) -> None:
    function, signature, calls = PROGRAMS[name]
    module = package(tmp_path / f"p_{name.replace(' ', '_')}", function, signature)
    exported = next(f for n, f in vars(module).items() if n in module.__all__)
    for args in calls:
        mine, theirs = copy.deepcopy(args), copy.deepcopy(args)
        alike(exported(*mine), jit(function)(*theirs))
        alike(mine, theirs)  # what is written to


def test_errors_are_exceptions_with_the_line(tmp_path: Path) -> None:
    fails = package(tmp_path / "p_fails", programs.fails, "(f8[n], i8, f8)").fails
    x = np.ones(3)
    for args in ((x, 3, 1.0), (x, -4, 1.0), (x, 0, 0.1), (x, 0, -1e-20), (x * 1e7, 0, 1.0)):
        with pytest.raises(Exception) as wanted:
            programs.fails(*args)
        with pytest.raises(type(wanted.value)) as found:
            fails(*args)
        assert str(found.value) == str(wanted.value)
        assert "programs.py:" in found.value.__notes__[0]
    assert fails(x, 1, 2.0) == 0.5


def test_the_signature_is_chosen_by_the_arguments(tmp_path: Path) -> None:
    module = package(tmp_path / "p_two", programs.in_place, ["(f8[n], f8)", "(f4[n], f8)"])
    assert module.in_place(np.ones(2), 2.0).tolist() == [1.0, 3.0]
    assert module.in_place(np.ones(2, np.float32), 2.0).dtype == np.float32
    with pytest.raises(TypeError, match=r"(?s)no signature.*\(float32\[n\], float64\): x is int64"):
        module.in_place(np.ones(2, int), 2.0)
    x = np.ones(4)
    with pytest.raises(ValueError, match="x is written: it has to be contiguous"):
        module.in_place(x[::2], 2.0)


def test_a_package_needs_numpy_alone(tmp_path: Path) -> None:
    package(tmp_path / "p_alone", programs.fixed, "(f8[n], f8)")
    code = """
    import sys, numpy as np, p_alone
    print(p_alone.fixed(np.ones(2), 2.0)[2], {"tracejit", "llvmlite", "optree"} & set(sys.modules))
    """.replace("    ", "")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "p_alone", capture_output=True, text=True,
        env={"PATH": ""},
    )  # fmt: skip
    assert done.stdout.split() == ["0", "set()"], done.stderr
