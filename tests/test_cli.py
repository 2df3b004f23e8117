"""The command line: each command once, with something wrong that it must name."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tracejit
from tracejit.calls import compiler
from tracejit.cli import doctor
from tracejit.cli import main as cli

ROOT = Path(__file__).resolve().parent.parent
SOURCE = """
import numpy as np
from tracejit import jit

SIZE = 4

@jit
def compiled(x, n):
    for _ in range(n):
        x = np.sin(x) + 1.0
    return x

def plain(x):
    return np.sqrt(x) * 2.0

value = 3

def text(x):
    return x.tobytes()

def fails(x):
    raise ValueError("no 3")

def shows(x):
    print(x)
    return x

class Scaled:
    def __init__(self, by):
        self.by = by

    @jit
    def method(self, x):
        return x * self.by

scaled = Scaled(2.0)

@jit
def constant():
    return np.arange(3.0).sum()
"""
FILES = {"model": SOURCE, "wrong": "def f(:\n", "absent": "\nimport not_there\n"}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    pytest.importorskip("typer")
    pytest.importorskip("rich")
    (tmp_path / "model.py").write_text(SOURCE)

    def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        own = {"PYTHONPATH": str(ROOT), "COLUMNS": "200", "NO_COLOR": "1"}
        own["TRACEJIT_CACHE_DIR"] = str(tmp_path / "cache")
        env = {**os.environ, **own, **environment}
        return subprocess.run(
            [sys.executable, "-m", "tracejit", *words],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
        )

    return command


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files in the working folder, for commands that run in this process."""
    pytest.importorskip("typer")
    pytest.importorskip("rich")
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name, text in FILES.items():
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "words",
    [("model.py:scaled.method", "--args", "np.ones(3)"), ("model.py:constant",)],
    ids=["a method", "no arguments"],
)
def test_a_method_and_a_function_of_nothing(
    words: tuple[str, ...], files: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["explain", *words]) == 0
    assert ": 1 kernel, " in capsys.readouterr().out


def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    assert cli.main(["doctor"]) == 1
    says = "tracejit: this needs typer and rich: pip install 'tracejit[cli]'\n"
    assert capsys.readouterr().err == says


def test_doctor(run: Run) -> None:
    done = run("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("python", "processor", "calls", "compiling", "BLAS", "threads", "cache", "cupy"):
        assert word in done.stdout
    assert "native entry" in done.stdout
    assert "TRACEJIT_NUM_THREADS=1 does without" not in done.stdout
    slow = run("doctor", TRACEJIT_PORTABLE_ENTRY="1")
    assert slow.returncode == 1
    assert "TRACEJIT_PORTABLE_ENTRY is set" in slow.stdout
    assert "switched off" in run("doctor", TRACEJIT_CACHE_DIR="").stdout


@pytest.mark.parametrize(
    ("row", "module", "name", "by"),
    [
        ("compiles", "tracejit", "grad", lambda f: lambda x: x),
        ("blas", "numpy.linalg", "solve", lambda a, b: a + 1.0),
        ("threads", "tracejit.codegen_llvm.pool", "threads_started", lambda: -1),
        ("llvm", "tracejit.codegen_llvm.engine", "shared_engine", lambda: 1 // 0),
        ("cache", "tracejit.codegen_llvm.object_cache.DiskCache", "usable", lambda self: False),
    ],
)
def test_doctor_names_what_is_broken(
    row: str, module: str, name: str, by: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = getattr(doctor, f"_{row}")
    assert check().good is True
    monkeypatch.setattr(f"{module}.{name}", by)
    found = doctor._tried(check)
    assert found.good is False
    assert found.text


def test_the_cache_is_listed_verified_and_cleared(run: Run, tmp_path: Path) -> None:
    assert run("cache", "path").stdout.strip() == str(tmp_path / "cache")
    assert run("cache", "ls").stdout.strip() == "0 entries, 0 bytes"
    assert run("explain", "model.py:plain", "--args", "np.ones(3)").returncode == 0
    files = sorted((tmp_path / "cache").glob("??/*.obj"))
    assert files
    assert f"{len(files)} entries, " in run("cache", "ls").stdout
    assert run("cache", "verify").stdout == f"0 of {len(files)} entries are damaged\n"
    files[0].write_bytes(files[0].read_bytes()[:-1])
    found = run("cache", "verify")
    assert found.returncode == 1
    assert found.stdout.splitlines()[0] == f"damaged: {files[0]}"
    files[0].write_bytes(b"tracejit-object-1\n" + bytes(40))
    found = run("cache", "verify")
    assert found.returncode == 0
    assert "\n1 are of another version of tracejit: " in found.stdout
    assert run("cache", "clear").stdout == f"{len(files)} entries removed\n"
    assert run("cache", "ls", TRACEJIT_CACHE_DIR="").returncode == 1


def test_a_function_is_inspected_and_explained(run: Run, tmp_path: Path) -> None:
    target = ("model.py:compiled", "--args", "np.ones(SIZE), 3")
    for stage, word in (("ir", "func @compiled"), ("llvm", "define "), ("asm", ".text")):
        assert word in run("inspect", *target, "--stage", stage).stdout
    explained = run("explain", *target, "--profile").stdout
    assert "compiled: " in explained
    assert "sin, add fused" in explained
    assert "ms per call" in explained
    assert run("inspect", *target, "--page", "page.html").stdout.strip() == "page.html"
    assert "np.sin(x) + 1.0" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("inspect", "model.py"), "names no function: write FILE:FUNCTION"),
        (("inspect", "other.py:f"), "there is no file other.py"),
        (("explain", "model.py:plane"), "has no function plane; there are compiled, plain"),
        (("explain", "model.py:value"), "is a int, not a function"),
        (("explain", "model.py:plain", "--args", "np.one(3)"), "AttributeError"),
        (("inspect", "model.py:plain", "--args", "1.0", "--stage", "ast"), "--stage is one of ir"),
        (
            ("explain", "model.py:plain"),
            "missing a required argument: 'x': give arguments by --args",
        ),
        (
            ("inspect", "model.py:compiled", "--args", "1.0"),
            "compiled(x, n) is not called so: missing",
        ),
        (
            ("explain", "model.py:text", "--args", "np.ones(2)"),
            "/model.py:19: np.ndarray.tobytes is",
        ),
        (
            ("explain", "model.py:fails", "--args", "3.0", "--profile"),
            "model.py:22: ValueError: no 3",
        ),
        (
            ("export", "model.py:shows", "x.o", "-s", "(f8)"),
            "model.py:25: an exported function has",
        ),
        (("export", "model.py:plain", "model.py/x.o", "-s", "(f8)"), "model.py cannot be written"),
        (("export", "model.py:plain", "model.py/x", "-s", "(f8)"), "/x cannot be written: Not a d"),
        (
            ("export", "model.py:plain", "x.o", "-s", "(f8)", "--cpu", "skylakk"),
            "no processor 'sky",
        ),
        (("inspect", "model.py:constant", "--page", "."), ". cannot be written: Is a directory"),
        (
            ("inspect", "model.py:constant", "--page", "no/x.html"),
            "no/x.html cannot be written: No",
        ),
        (("explain", "wrong.py:f"), "tracejit: SyntaxError: invalid syntax (wrong.py, line 1)"),
        (
            ("explain", "absent.py:f"),
            "absent.py:2: ModuleNotFoundError: No module named 'not_there'",
        ),
    ],
)
def test_what_is_wrong_is_named(
    words: tuple[str, ...], says: str, files: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == 1
    told = capsys.readouterr().err
    assert told.startswith("tracejit: ")
    assert len(told.splitlines()) == 1
    assert says in told


@pytest.mark.parametrize(("name", "says"), [("unlink", "removed"), ("iterdir", "read: no")])
def test_a_cache_that_is_not_ones_own(
    name: str,
    says: str,
    files: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuses(path: Path, *args: Any) -> Any:
        raise PermissionError(13, "no", str(path))

    monkeypatch.setenv("TRACEJIT_CACHE_DIR", str(tmp_path / "kept"))
    (tmp_path / "kept" / "ab").mkdir(parents=True)
    (tmp_path / "kept" / "ab" / "cd.obj").touch()
    with monkeypatch.context() as here:
        here.setattr(Path, name, refuses)
        assert cli.main(["cache", "clear"]) == 1
    assert f"cannot be {says}" in capsys.readouterr().err
    assert cli.main(["cache", "clear"]) == 0
    assert capsys.readouterr().out == "1 entries removed\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_takes_long_is_shown_on_a_terminal(
    files: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right, terminal, drawing = compiler.simplify, Terminal(), [True]

    def waits(*args: Any, **kwargs: Any) -> Any:
        until = time.monotonic() + 10.0
        while drawing and "passes, " not in terminal.getvalue():
            assert time.monotonic() < until
            time.sleep(0.05)
        return right(*args, **kwargs)

    monkeypatch.setattr(compiler, "simplify", waits)
    monkeypatch.setattr("tracejit.cli.waiting.PATIENCE", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    words = ("model.py:plain", "--args", "np.ones(3)")
    with monkeypatch.context() as here:
        here.setattr(sys, "stderr", terminal)
        assert cli.main(["explain", *words]) == 0
    drawing.clear()
    assert "compiling plain (model.py:13): passes, " in terminal.getvalue()
    assert "sqrt" in capsys.readouterr().out
    assert cli.main(["explain", *words]) == 0
    assert capsys.readouterr().err == ""


def test_a_function_is_exported(run: Run, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(SOURCE)
    words = ("export", "model.py:plain", "out/model.o", "-s", "(f8[n])", "--target", "aarch64")
    done = run(*words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["out/model.o", "out/model.h", "out/model_errors.c"]
    assert (tmp_path / "out" / "model.o").read_bytes()[:4] == b"\x7fELF"
    wrong = run("export", "model.py:plain", "model.o", "-s", "(f9[n])")
    assert wrong.returncode == 1
    assert "'f9[n]' in signature '(f9[n])' is no type that is known" in wrong.stderr


def test_the_version(files: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"tracejit {tracejit.__version__}\n"


def test_bench_is_the_benchmark(run: Run) -> None:
    done = run("bench", "-k", "no such row", str(ROOT / "benchmarks"))
    assert done.returncode == 1
    assert "no rows named like 'no such row'" in done.stderr
    done = run("bench", "elsewhere")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "there are no rows at elsewhere: they are in the folder benchmarks"
    )
