"""Exported Python packages: they answer as the function does in NumPy, and need no tracejit."""

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
def test_a_package_answers_as_the_function(name: str, tmp_path: Path) -> None:
    function, signature, calls = PROGRAMS[name]
    module = package(tmp_path / f"p_{name.replace(' ', '_')}", function, signature)
    exported = next(f for n, f in vars(module).items() if n in module.__all__)
    for args in calls:
        mine, theirs = copy.deepcopy(args), copy.deepcopy(args)
        try:
            wanted = function(*theirs)
        except np.linalg.LinAlgError as error:
            with pytest.raises(type(error), match=str(error)):
                exported(*mine)
            continue
        alike(exported(*mine), wanted)
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


def takes(x: Any, w: Any, i: Any, r: Any, flag: Any) -> Any:
    w[0] += r
    return x.T, x[i], flag, (np.inf, -0.0, 1j * np.inf, np.float32(2.5), x.dtype, np.int8, ...)


@pytest.fixture(scope="module")
def taking(tmp_path_factory: pytest.TempPathFactory) -> Any:
    signature = "(f8[n, m], f8[k], i8, f4, b1)"
    return package(tmp_path_factory.mktemp("taking") / "p_takes", takes, signature).takes


def test_a_package_needs_numpy_alone(taking: Any) -> None:
    code = """
    import sys, numpy as np, p_takes
    print(p_takes.takes(np.eye(2), np.zeros(1), 0, 0.5, True)[1].tolist())
    print({"tracejit", "llvmlite", "optree"} & set(sys.modules))
    """.replace("    ", "")
    folder = Path(sys.modules["p_takes"].__file__ or "").parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, env={"PATH": ""}
    )
    assert done.stdout.splitlines() == ["[1.0, 0.0]", "set()"], done.stderr


def _unaligned(x: Any) -> Any:
    room = np.zeros(x.nbytes + 1, np.uint8)[1:]
    room[:] = np.frombuffer(x.tobytes(), np.uint8)
    return room.view(x.dtype).reshape(x.shape)


class Marked(np.ndarray[Any, Any]):
    pass


TABLE = np.arange(4000.0).reshape(40, 100)


@pytest.mark.parametrize(
    "x",
    [
        TABLE,
        np.asfortranarray(TABLE),
        TABLE[::2, ::-3],
        TABLE.T,
        np.broadcast_to(TABLE[0], (7, 100)),
        _unaligned(TABLE),
        TABLE[:0],
        TABLE[:1, :1],
    ],
    ids=["dense", "columns", "strided", "turned", "repeated", "unaligned", "empty", "one"],
)
def test_an_array_that_is_copied_lives_as_long_as_the_call(taking: Any, x: Any) -> None:
    i = -len(x) if len(x) else 0
    if not len(x):
        with pytest.raises(IndexError, match="index 0 is out of bounds"):
            taking(x, np.zeros(1), i, 0.5, True)
        return
    wanted = takes(x, np.zeros(1), i, 0.5, True)[:3]
    for _ in range(3):  # memory that was freed would be used again
        alike(taking(x, np.zeros(1), i, 0.5, True)[:3], wanted)


def test_constants_are_returned_as_they_are(taking: Any) -> None:
    found, wanted = (f(TABLE, np.zeros(1), 0, 1.0, False)[3] for f in (taking, takes))
    assert repr(found) == repr(wanted)


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (TABLE.astype(">f8"), "x is >f8 with 2 axes"),
        (np.ma.masked_array(TABLE, TABLE > 3), "x is a MaskedArray"),
        (TABLE.view(Marked), "x is a Marked, not an ndarray"),
        (TABLE.tolist(), "x is list"),
    ],
)
def test_another_kind_of_array_is_no_argument(taking: Any, x: Any, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        taking(x, np.zeros(1), 0, 0.5, True)


@pytest.mark.parametrize("which", ["strided", "unaligned", "read only"])
def test_an_array_that_is_written_is_not_copied(taking: Any, which: str) -> None:
    w = {"strided": np.zeros(6)[::2], "unaligned": _unaligned(np.zeros(3)), "read only": np.ones(3)}
    w["read only"].flags.writeable = False
    with pytest.raises(ValueError, match=r"w is written: .* in C order, aligned and writeable"):
        taking(TABLE, w[which], 0, 0.5, True)
    assert not w["strided"].any()


def test_an_array_that_is_written_is_seen_by_no_other(taking: Any) -> None:
    """Also where C would be given a copy of the other."""
    x = np.zeros((4, 6))
    for w, other in ((x[0], x), (x[0], x[:, ::2]), (x[0], x.T), (x[1], x[1:3])):
        with pytest.raises(ValueError, match="x and w share memory, and one is written"):
            taking(other, w, 0, 0.5, True)
    assert taking(x[::2, :3], x[1], 0, 0.5, True)[1].tolist() == [0.0, 0.0, 0.0]
    assert x[1, 0] == 0.5


@pytest.mark.parametrize(
    ("i", "r", "flag", "says"),
    [
        (True, 0.5, True, "i is bool"),
        (np.True_, 0.5, True, "i is bool"),
        (1.0, 0.5, True, "i is float"),
        (0, True, True, "r is bool"),
        (0, np.float64(0.5), True, "r is float64"),
        (0, 0.5j, True, "r is complex"),
        (0, np.str_("1"), True, "r is str"),
        (0, 0.5, 1, "flag is int"),
        (0, 0.5, np.int8(1), "flag is int8"),
    ],
)
def test_a_number_is_what_its_type_says(taking: Any, i: Any, r: Any, flag: Any, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        taking(TABLE, np.zeros(1), i, r, flag)


def test_numbers_whose_value_the_type_has(taking: Any) -> None:
    for i, r, flag in ((np.int8(1), 2, np.True_), (np.uint64(1), np.float16(2), True)):
        assert taking(TABLE, np.zeros(1), i, r, flag)[1].tolist() == TABLE[1].tolist()
    with pytest.raises(OverflowError, match="i is 9223372036854775808: int64 has no such number"):
        taking(TABLE, np.zeros(1), 2**63, 0.5, True)
    with pytest.raises(TypeError, match="5 arguments are wanted, not 1"):
        taking(TABLE)
