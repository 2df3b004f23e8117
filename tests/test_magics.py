"""``%load_ext tracejit``: the magics, in IPython's own shell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

shells = pytest.importorskip("IPython.core.interactiveshell")


@pytest.fixture
def shell(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    made = shells.InteractiveShell.instance()
    made.run_cell("%load_ext tracejit\nimport numpy as np\nx = np.arange(1.0, 5.0)")
    yield made
    shells.InteractiveShell.clear_instance()


def run(shell: Any, cell: str) -> Any:
    done = shell.run_cell(cell)
    done.raise_error()
    return done.result


CELL = """%%tracejit {line}
import functools
offset = 1.0

def scaled(x, n):
    for _ in range(n):
        x = x * 2.0 + offset
    return x

@functools.cache
def cached(n):
    return n + 1

class Kept:
    def method(self):
        return 3

def unused(x):
    return x

scaled(x, 3)
"""


def test_the_functions_of_a_cell_are_compiled_and_its_value_is_shown(shell: Any) -> None:
    result = run(shell, CELL.format(line=""))
    np.testing.assert_array_equal(result, np.arange(1.0, 5.0) * 8.0 + 7.0)
    names = shell.user_ns
    assert names["scaled"].stats().compilations == 1
    assert names["scaled"].stats().python_calls == 0
    assert names["offset"] == 1.0
    assert names["cached"](1) == 2
    assert not hasattr(names["cached"], "inspect_ir")
    assert names["Kept"]().method() == 3
    assert not [n for n in names if n.startswith("_tracejit")]


def test_a_later_cell_sees_them_and_a_global_that_changed(shell: Any) -> None:
    run(shell, CELL.format(line=""))
    run(shell, "offset = 0.0")
    np.testing.assert_array_equal(run(shell, "scaled(x, 1)"), np.arange(1.0, 5.0) * 2.0)


def test_options_are_those_of_jit(shell: Any) -> None:
    run(shell, CELL.format(line='shapes="static", check_nan=True'))
    assert shell.user_ns["scaled"]._options.check_nan
    assert shell.user_ns["scaled"]._options.shapes == "static"
    with pytest.raises(TypeError, match="nopython"):
        run(shell, CELL.format(line="nopython=True"))
    with pytest.raises(ValueError, match="neither --explain, --page nor options of jit"):
        run(shell, CELL.format(line="--annotate"))


def test_it_explains_and_shows(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run(shell, CELL.format(line="--explain --page"))
    said = capsys.readouterr().out
    assert re.search(r"scaled: \d+ kernels?, 0 calls", said)
    assert "unused is not compiled yet: the cell does not call it" in said
    shown = [o["data"] for o in _displayed(shell, "%%tracejit --page\ndef f(x): return x\nf(x)")]
    assert any("srcdoc" in data.get("text/html", "") for data in shown)


def _displayed(shell: Any, cell: str) -> list[dict[str, Any]]:
    from IPython.utils.capture import capture_output

    with capture_output() as captured:
        run(shell, cell)
    return [{"data": o.data} for o in captured.outputs]


def test_an_error_goes_through_and_magics_inside_run(shell: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        run(shell, "%%tracejit\ndef f(x): return x\n1 // 0")
    assert not [n for n in shell.user_ns if n.startswith("_tracejit")]
    run(shell, "%%tracejit\n%precision 3\ndef f(x): return x + 1.0\ny = f(x)")
    np.testing.assert_array_equal(shell.user_ns["y"], np.arange(2.0, 6.0))


def test_a_call_is_timed_beside_python(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run(shell, "def f(x, n):\n    for _ in range(n):\n        x = np.sin(x) + 1.0\n    return x")
    assert run(shell, "%timejit f(x, n=3)") is None
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "f(x, n=3)"
    assert re.fullmatch(r"  tracejit [\d.e+]+ \w+   first call [\d.e+]+ \w+", said[1])
    assert re.fullmatch(
        r"  Python   [\d.e+]+ \w+   [\d.e+-]+ times as long, the same values", said[2]
    )


def test_what_a_function_changes_is_left_alone_and_changes_each_time(shell: Any) -> None:
    run(shell, "def grows(x):\n    x *= 3.0\n    return x.sum()")
    found = run(shell, "%timejit -o grows(x)")
    np.testing.assert_array_equal(shell.user_ns["x"], np.arange(1.0, 5.0))
    assert found.differs == ""
    assert found.python > 0.0


def test_other_values_are_told(shell: Any) -> None:
    """Where Python is another function than the one compiled: it was replaced afterwards."""
    run(shell, "from tracejit import jit\ng = jit(lambda x: x + 1.0)")
    shell.user_ns["g"].py_func = lambda x: x + 2.0
    assert "values differ by 1.0e+00" in str(run(shell, "%timejit -o g(x)"))


def test_a_gradient_has_nothing_beside_it(shell: Any) -> None:
    run(shell, "from tracejit import grad\nslope = grad(lambda x: (x * x).sum())")
    found = run(shell, "%timejit -o slope(x)")
    assert found.python is None
    assert "no form in plain Python" in str(found)


@pytest.mark.parametrize("text", ["", "x", "x +", "f = 3"])
def test_only_calls_are_timed(shell: Any, text: str) -> None:
    with pytest.raises(ValueError, match="takes a call, such as"):
        run(shell, f"%timejit {text}")
