"""Names in C: parameters are changed where C has them, functions are refused."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.export.test_python_package import package
from tracejit import jit


def plus(a: Any, b: Any) -> Any:
    return a + b


def named(name: str) -> Any:
    """A function of that name."""

    def f(a: Any, b: Any) -> Any:
        return np.exp(a) + b

    f.__name__ = name
    return f


TAKEN = {
    "the C library": "div exp free malloc memcpy round read index main isfinite exit",
    "a word of C or C++": "switch restrict template xor export alignas",
    "headers or of tracejit": "NULL stdin int64_t tracejit_free tj_alloc",
}


@pytest.mark.parametrize(
    ("name", "says"), [(name, says) for says, names in TAKEN.items() for name in names.split()]
)
def test_a_name_that_c_has_is_no_function(name: str, says: str, tmp_path: Path) -> None:
    wanted = f"cannot be called {name}, which is .*{says}.*" + r'\{"my_' + name
    for function, signatures in (
        (named(name), "(f8, f8)"),
        (named(f"_{name}"), "(f8, f8)"),
        (plus, {name: "(f8, f8)"}),
    ):
        with pytest.raises(ValueError, match=wanted):
            jit(function).export(tmp_path / "x.o", signatures)
    assert list(tmp_path.iterdir()) == []


def test_names_of_one_export_differ(tmp_path: Path) -> None:
    f = jit(plus)
    with pytest.raises(ValueError, match="two of 'a b', 'a_b' are one name in C"):
        f.export(tmp_path / "x.o", {"a b": "(f8, f8)", "a_b": "(f4, f4)"})
    with pytest.raises(ValueError, match="x_error_type, which is part of what is exported"):
        f.export(tmp_path / "x.o", {"x_error_type": "(f8, f8)"})
    with pytest.raises(ValueError, match="memory, which is part of what is exported"):
        f.export(tmp_path / "x.wasm", {"memory": "(f8, f8)"})
    with pytest.raises(ValueError, match="matmul_d, which is a name inside of its own code"):
        jit(lambda a, b: a @ b).export(tmp_path / "x.o", {"matmul_d": "(f8[n, n], f8[n, n])"})
    with pytest.raises(ValueError, match="signatures are one"):
        f.export(tmp_path / "x.o", {})


def test_a_name_begins_with_no_underscore(tmp_path: Path) -> None:
    names = {"__core__": "(f8, f8)", "2d": "(f8, f8)", "memory": "(f8, f8)"}
    jit(plus).export(tmp_path / "x.o", names)
    header = (tmp_path / "x.h").read_text()
    assert all(f"int32_t {name}(" in header for name in ("core", "x2d", "memory"))


def test_a_pointer_is_to_a_function_of_any_name() -> None:
    """A module with a function `exp` of its own would call that for NumPy's."""
    for name in ("exp", "free", "switch", "core"):
        c = jit(named(name)).c_function("(f8, f8)")
        np.testing.assert_allclose(c.ctypes(0.5, 1.0), np.exp(0.5) + 1, rtol=1e-14)


SIZE = 'static_assert(sizeof(tracejit_error) == 72, "");\n'


def crowded(error: Any, z: Any, z_re: Any, n: Any, n_: Any, I: Any, xor: Any, _x: Any, x: Any,
            result: Any, result_dim0: Any) -> Any:  # fmt: skip
    y = n * n_ + I.sum() + xor[0] + _x[-1] + x
    return y[y > error] + z * z_re, y * result + result_dim0


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_parameters_have_names_of_their_own(tmp_path: Path) -> None:
    """And those of C, C++ and their headers are none."""
    types = "f8, c16, f8, f8[n], f8, f8[n], f8[in], f8[error], f8[result_dim1], f8, f8"
    folder = tmp_path / "p_crowded"
    f = package(folder, crowded, {"crowded": f"({types})"}).crowded
    rng = np.random.default_rng(2)
    row = rng.normal(size=6)
    args = (0.1, 2 + 1j, 3.0, row, 0.5, row + 1, row[::-1], row * 2, row - 1, 0.25, -1.0)
    for found, wanted in zip(f(*args), crowded(*args), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-13)
    everything = "".join(f"#include <{h}.h>\n" for h in ("complex", "stdio", "errno", "assert"))
    for compiler, end in (("cc", "c"), ("c++", "cpp")):
        if shutil.which(compiler):
            source = tmp_path / f"all.{end}"
            source.write_text(everything + '#include "p_crowded.h"\n' + SIZE)
            flags = ["-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{folder / 'c'}"]
            done = subprocess.run([compiler, *flags, source], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("cc") is None, reason="a package is linked by cc")
def test_a_function_of_a_package_has_its_own_name(tmp_path: Path) -> None:
    names = {"div": "(f8, f8)", "free": "(f4, f4)", "_quiet": "(i8, i8)"}
    module: Any = package(tmp_path / "p_div", plus, names)
    assert module.__all__ == ["div", "free", "quiet"]
    assert module.div(1.0, 2.0) == 3.0
    assert module.free(np.float32(1), 0.5) == np.float32(1.5)
    for name in ("lambda", "PackageSignature", "np"):
        with pytest.raises(ValueError, match=f"of a package cannot be called {name}: name it by"):
            jit(plus).export(tmp_path / "x", {name: "(f8, f8)"})
