"""What cannot be exported is refused by name, with the user's line where there is one."""

from __future__ import annotations

import math
import shutil
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.special

from tracejit import callback, jit, register
from tracejit.errors import TracejitError, UnsupportedError

OUTSIDE = np.zeros(3)


def prints(x: Any) -> Any:
    print(x)  # here
    return x


def draws(x: Any) -> Any:
    return x + np.random.rand(3)  # here


def calls_lapack(x: Any) -> Any:
    return np.linalg.eigvals(x)  # here


def calls_scipy(x: Any) -> Any:
    return scipy.special.gammaln(x)  # here


def sums(x: Any) -> Any:
    return math.fsum(x)  # here


def twice(x: Any) -> Any:
    return 2 * x


registered = register(twice, lambda x: x, pure=True)


def calls_python(x: Any) -> Any:
    return callback(twice, x, x)  # here


def calls_registered(x: Any) -> Any:
    return registered(x)  # here


def writes_outside(x: Any) -> Any:
    OUTSIDE[0] = x  # here
    return x


def returns_a_list(x: Any) -> Any:
    found = []
    for v in x:
        if v > 0:
            found.append(v)
    return found  # here


def returns_a_generator(x: Any) -> Any:
    return (v for v in x)  # here


def changes_a_dict(d: Any) -> Any:  # here
    d["w"] = d["w"] * 2


def one_kind_or_another(x: Any) -> Any:
    return None if x > 0 else x  # here


def takes(x: Any) -> Any:
    return x


@pytest.mark.parametrize(
    ("function", "signature", "says"),
    [
        (prints, "(f8)", "has no Python: it cannot print"),
        (draws, "(f8)", "has no Python: random_sample draws random numbers"),
        (calls_lapack, "(f8[n, n])", "has no Python: eigvals is a call of NumPy"),
        (calls_scipy, "(f8)", r"has no Python: scipy\.special\.gammaln is a call of NumPy, SciPy"),
        (calls_python, "(f8[3])", "has no Python: callback of twice is called"),
        (calls_registered, "(f8[3])", "has no Python: .*twice is called"),
        (sums, "(f8[n])", r"has no Python: math\.fsum is called"),
        (writes_outside, "(f8)", "cannot write to an array that it finds outside"),
        (returns_a_list, "(f8[n])", "a list of which the run decides the length"),
        (returns_a_generator, "(f8[3])", "a generator cannot be returned"),
        (changes_a_dict, ({"w": "f8[n]"},), "changes a list, dict or object of its caller"),
        (one_kind_or_another, "(f8)", "of one kind or another"),
        (takes, (np.random.default_rng(1),), "a Generator needs Python"),
        (takes, (np.zeros((4, 4))[::2, ::2],), "an array that is not contiguous"),
        (takes, (np.float16(1),), "a number of float16 cannot be passed to C"),
    ],
)
def test_what_needs_python(
    function: Callable[..., Any], signature: Any, says: str, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedError, match=says) as error:
        jit(function).export(tmp_path / "x.o", signature)
    if function is not takes:
        assert "# here" in (traceback.extract_tb(error.value.__traceback__)[-1].line or "")
    assert list(tmp_path.iterdir()) == []


def test_what_has_no_fixed_size(tmp_path: Path) -> None:
    def some(x: Any) -> Any:
        return x[x > 0]  # here

    with pytest.raises(UnsupportedError, match="the run decides the size") as error:
        jit(some).export(tmp_path / "x.o", "(f8[4])", target="thumbv7em")
    assert "# here" in (traceback.extract_tb(error.value.__traceback__)[-1].line or "")


@pytest.mark.parametrize(
    ("signature", "kind", "says"),
    [
        ("f8", ValueError, "a signature looks like"),
        ("(f8[n)", ValueError, "is no type that is known"),
        ("(f8[-1])", ValueError, "axes are"),
        ("(f8, f8)", TypeError, "takes has 1 arguments; the signature has 2"),
        ("i8(f8)", TypeError, "states another result than f64"),
        ([], ValueError, "signatures are one"),
        ([3], ValueError, "a signature is a text"),
    ],
)
def test_wrong_signatures(signature: Any, kind: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(kind, match=says):
        jit(takes).export(tmp_path / "x.o", signature)


def test_wrong_files_and_targets(tmp_path: Path) -> None:
    f = jit(takes)
    with pytest.raises(ValueError, match=r"'x\.txt' is no object file or library"):
        f.export(tmp_path / "x.txt", "(f8)")
    with pytest.raises(ValueError, match="there is no target 'vax': it is one of x86-64"):
        f.export(tmp_path / "x.o", "(f8)", target="vax")
    with pytest.raises(ValueError, match="no processor 'skylakk' of x86_64: near it are skylake"):
        f.export(tmp_path / "x.o", "(f8)", target="x86-64", cpu="skylakk")
    with pytest.raises(UnsupportedError, match=r"export an object file \(x\.o\)"):
        f.export(tmp_path / "x.so", "(f8)", target="riscv64")
    with pytest.raises(UnsupportedError, match="a library for thumbv7em is linked by a compiler"):
        f.export(tmp_path / "x", "(f8)", target="thumbv7em")
    assert list(tmp_path.iterdir()) == []


def test_without_a_compiler_no_library_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    for name in ("libx.a", "x.so", "x"):
        with pytest.raises(UnsupportedError, match="there is no no-such-compiler here"):
            jit(takes).export(tmp_path / name, "(f8)")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("cc") is None, reason="a package is linked by cc")
def test_a_package_holds_what_has_a_text(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"a package cannot hold .*sin"):
        jit(lambda x: (x, np.sin)).export(tmp_path / "p", {"f": "(f8)"})
    assert list(tmp_path.iterdir()) == []


def test_what_is_switched_off_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(TracejitError, match="takes is not compiled, as jit is switched off"):
        jit(takes, disable_jit=True).export(tmp_path / "x.o", "(f8)")


class Model:
    def __init__(self) -> None:
        self.weights = np.arange(3.0)

    def step(self, x: Any) -> Any:
        return x * self.weights


def test_a_method_is_exported_with_what_its_object_holds_now(tmp_path: Path) -> None:
    jit(Model().step).export(tmp_path / "step.o", "(f8[3])")
    assert "const double *TRACEJIT_RESTRICT x,\n    double *" in (tmp_path / "step.h").read_text()
    with pytest.raises(UnsupportedError, match="a Model needs Python: pass its numbers and arrays"):
        jit(Model.step).export(tmp_path / "x.o", (Model(), "f8[3]"))


def test_static_arguments_are_part_of_the_code(tmp_path: Path) -> None:
    power = jit(lambda x, n: x**n, static_argnums=1)
    power.export(tmp_path / "power.o", {"cube": ("f8[k]", 3)})
    assert "/* cube: x: float64[k], n: always 3" in (tmp_path / "power.h").read_text()
