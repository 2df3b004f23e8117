"""Imports point one way, and `import tracejit` stays light.

The rules are read off the sources with `ast`, so that a lazy import inside a function counts too.
"""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "tracejit"

STAGES = {
    "ir": set(),
    "trace": {"ir"},
    "autodiff": {"ir"},
    "passes": {"ir"},
    "codegen_llvm": {"ir"},
    "codegen_ptx": {"ir", "codegen_llvm"},
}
"""Which stages a stage may import, besides itself. What is not a stage wires them: `api.py`."""

SHARED = {"errors", "sources", "trees"}
"""Modules beside the stages that every stage may import; they import nothing of tracejit."""

THIRD_PARTY = {
    "ir": {"numpy"},
    "trace": {"numpy", "optree"},
    "autodiff": {"numpy", "optree"},
    "passes": {"numpy"},
    "codegen_llvm": {"numpy", "llvmlite", "platformdirs", "scipy_openblas64"},
    "codegen_ptx": {"numpy", "llvmlite", "cupy"},
    "bench": {"numpy", "optree", "matplotlib", "rich", "jax", "numba", "numexpr", "torch"},
    "transforms": {"numpy", "optree"},
    "": {"numpy", "optree"},
}
"""Which packages from outside the standard library each folder may import."""

LAZY = {"cupy", "matplotlib", "rich", "jax", "numba", "numexpr", "torch"}
"""Packages that may be imported inside functions only."""

NOT_IMPORTED = ("scipy", "numba", "cupy", "matplotlib", "rich", "llvmlite", "sklearn", "torch")


@dataclass(frozen=True)
class Import:
    file: str
    line: int
    folder: str
    module: str
    lazy: bool
    typing_only: bool

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"


def absolute(node: ast.ImportFrom, package: list[str]) -> str:
    if not node.level:
        return node.module or ""
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


def is_typing_guard(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def walk(node: ast.AST, lazy: bool, typing_only: bool) -> Iterator[tuple[ast.AST, bool, bool]]:
    for child in ast.iter_child_nodes(node):
        inner = lazy or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        guarded = typing_only or is_typing_guard(child)
        yield child, inner, guarded
        yield from walk(child, inner, guarded)


def imports_of(path: Path, text: str) -> list[Import]:
    """Every import of one file; `from tracejit import ir` counts as importing `tracejit.ir`."""
    relative = path.relative_to(PACKAGE)
    folder = relative.parts[0] if len(relative.parts) > 1 else ""
    package = ["tracejit", *relative.parts[:-1]]
    found = []
    for node, lazy, typing_only in walk(ast.parse(text), False, False):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = absolute(node, package)
            whole = origin == "tracejit"
            modules = [f"{origin}.{a.name}" for a in node.names] if whole else [origin]
        else:
            continue
        name = str(path.relative_to(ROOT))
        found += [Import(name, node.lineno, folder, m, lazy, typing_only) for m in modules]
    return found


def violations(imports: list[Import]) -> list[str]:
    return [f"{i}: {reason}" for i in imports if (reason := objection(i))]


def objection(i: Import) -> str | None:
    top, *rest = i.module.split(".")
    if top == "tracejit":
        stage = rest[0] if rest else ""
        if Path(i.file).stem in SHARED and not i.folder:
            return "what every stage imports imports no stage"
        if i.folder not in STAGES or stage in {i.folder, *SHARED}:
            return None
        if stage not in STAGES:
            return "a stage does not know what wires it"
        if stage not in STAGES[i.folder]:
            return f"{i.folder} may import only {sorted(STAGES[i.folder])}"
        return None
    if top in sys.stdlib_module_names:
        return None
    if top not in THIRD_PARTY.get(i.folder, set()):
        return f"{top} is not allowed in {i.folder or 'the top of the package'}"
    if top in LAZY and not i.lazy and not i.typing_only:
        return f"{top} is optional: import it where it is used"
    return None


def all_imports() -> list[Import]:
    return [i for path in sorted(PACKAGE.rglob("*.py")) for i in imports_of(path, path.read_text())]


def test_imports_point_one_way() -> None:
    assert violations(all_imports()) == []


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("ir/x.py", "import llvmlite.binding"),
        ("ir/x.py", "from ..trace import tracer"),
        ("trace/x.py", "from tracejit import passes"),
        ("passes/x.py", "def f():\n    from tracejit.autodiff.jvp import jvp"),
        ("autodiff/x.py", "import tracejit.api"),
        ("codegen_llvm/x.py", "import cupy"),
        ("codegen_ptx/x.py", "import cupy"),
        ("codegen_llvm/x.py", "from tracejit.codegen_ptx import emit"),
        ("api.py", "import scipy"),
        ("errors.py", "from tracejit import ir"),
    ],
)
def test_the_rules_see(place: str, line: str) -> None:
    assert len(violations(imports_of(PACKAGE / place, line))) == 1


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("codegen_ptx/x.py", "def f():\n    import cupy"),
        ("codegen_llvm/x.py", "import llvmlite.binding, ctypes"),
        ("trace/x.py", "from ..ir import types"),
        ("trace/x.py", "from tracejit.errors import TraceError"),
        ("api.py", "from tracejit import trace, passes"),
    ],
)
def test_the_rules_allow(place: str, line: str) -> None:
    assert violations(imports_of(PACKAGE / place, line)) == []


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_import_brings_in_nothing_heavy() -> None:
    loaded = python("import tracejit, sys; print(*{m.split('.')[0] for m in sys.modules})").split()
    assert "numpy" in loaded
    assert sorted(set(NOT_IMPORTED) & set(loaded)) == []


def test_import_costs_at_most_150_ms_beyond_numpy() -> None:
    code = """
    import numpy, time
    start = time.perf_counter()
    import tracejit
    print(time.perf_counter() - start)
    """
    python(code)  # writes the byte code
    assert statistics.median(float(python(code)) for _ in range(7)) <= 0.15
