"""Imports point one way, and `import tracejit` stays light.

The rules are read off the sources with `ast`, so that a lazy import inside a function and one for
types alone count too. Of other rules, what does not keep them yet is listed in
`layering_exceptions.py`; those lists may only shrink.
"""

from __future__ import annotations

import ast
import functools
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import layering_exceptions as known

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "tracejit"


def written_arrows() -> dict[str, set[str]]:
    """Which rooms a room imports, as `docs/architecture.md` has it; from the top down."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    table = text.split("| room | imports |")[1].split("\n\n")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    return {row[0].strip("`"): set(re.findall(r"`([^`]+)`", row[-1])) for row in rows}


ROOMS = written_arrows()
"""Which rooms a room may import, besides itself."""
MODULES = {"api": "api", "callables": "api", "options": "api", "random": "random"}
MODULES |= {"rounded": "random"}
"""Rooms of modules that stand in no folder; any other is the package."""

SHARED = {
    "device_arrays", "dtypes", "errors", "numpy_names", "records", "signatures", "sources",
    "threads", "trees", "versions",
}  # fmt: skip
"""Modules beside the rooms that every room may import; of tracejit they import `records` alone."""

THIRD_PARTY = {
    "ir": {"numpy"},
    "trace": {"numpy", "optree"},
    "autodiff": {"numpy", "optree"},
    "passes": {"numpy"},
    "lower": {"numpy"},
    "abi": {"numpy"},
    "llvm_text": {"numpy"},
    "codegen_llvm": {"numpy", "llvmlite", "platformdirs", "scipy_openblas64"},
    "codegen_ptx": {"numpy", "llvmlite", "cupy"},
    "device": {"numpy", "cupy", "cupyx"},
    "python_entry": {"numpy"},
    "export": {"numpy", "llvmlite"},
    "cli": {"IPython", "numpy", "cupy", "llvmlite", "rich", "typer"},
    "bench": {"numpy", "optree", "matplotlib", "rich", "jax", "numba", "numexpr", "torch"},
}
"""Which packages from outside the standard library each folder may import."""
OTHERS = {"numpy", "optree"}

LAZY = {"IPython", "cupy", "matplotlib", "rich", "jax", "numba", "numexpr", "torch"}
"""Packages that may be imported inside functions only."""


@dataclass(frozen=True)
class Import:
    file: str
    line: int
    module: str
    lazy: bool
    typing_only: bool

    @property
    def source(self) -> str:
        """The importing module, dotted, below the package."""
        return self.file.removeprefix("tracejit/").removesuffix(".py").replace("/", ".")

    @property
    def target(self) -> str:
        return self.module.removeprefix("tracejit").removeprefix(".")

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"


def room_of(module: str) -> str:
    """The room of a module below the package; empty for what every room may import."""
    parts = module.split(".")
    if parts[0] in SHARED:
        return ""
    for length in (2, 1):
        room = "/".join(parts[:length])
        if (PACKAGE / room).is_dir() and room in ROOMS:
            return room
    return MODULES.get(parts[0], "tracejit")


def absolute(node: ast.ImportFrom, package: list[str]) -> str:
    if not node.level:
        return node.module or ""
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


def is_typing_guard(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def walk(tree: ast.AST) -> Iterator[tuple[ast.AST, bool, bool]]:
    """Every node, whether it is inside of a function, and whether it is for type checkers only."""
    stack = [(tree, False, False)]
    while stack:
        node, lazy, typing_only = stack.pop()
        for child in ast.iter_child_nodes(node):
            inner = lazy or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            guarded = typing_only or is_typing_guard(child)
            yield child, inner, guarded
            if not isinstance(child, ast.expr):  # no import is inside of an expression
                stack.append((child, inner, guarded))


@functools.cache
def is_module(dotted: str) -> bool:
    path = ROOT / dotted.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").is_file()


def imports_of(path: Path, tree: ast.AST) -> list[Import]:
    """Every import of one file; `from tracejit import ir` counts as importing `tracejit.ir`."""
    relative = path.relative_to(PACKAGE)
    package = ["tracejit", *relative.parts[:-1]]
    found = []
    for node, lazy, typing_only in walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = absolute(node, package)
            names = [f"{origin}.{a.name}" for a in node.names]
            modules = [n if origin == "tracejit" or is_module(n) else origin for n in names]
        else:
            continue
        name = str(path.relative_to(ROOT))
        found += [Import(name, node.lineno, m, lazy, typing_only) for m in dict.fromkeys(modules)]
    return found


def objection(i: Import) -> str | None:
    top = i.module.split(".")[0]
    if top == "tracejit":
        return objection_within(i)
    if top in sys.stdlib_module_names:
        return None
    folder = i.source.split(".")[0]
    if top not in THIRD_PARTY.get(folder, OTHERS):
        return f"{top} is not allowed in {folder}"
    if top in LAZY and not i.lazy and not i.typing_only:
        return f"{top} is optional: import it where it is used"
    return None


def objection_within(i: Import) -> str | None:
    if i.source in SHARED and i.target.split(".")[0] != "records":
        return "what every room imports imports no room"
    source, target = room_of(i.source), room_of(i.target)
    if not target or source in (target, "tracejit") or target in ROOMS[source]:
        return None
    return f"{source} may import only {sorted(ROOMS[source])}"


@functools.cache
def all_imports() -> list[Import]:
    return [i for file, tree in sources() for i in imports_of(PACKAGE / file, tree)]


def test_imports_point_one_way() -> None:
    assert [f"{i}: {reason}" for i in all_imports() if (reason := objection(i))] == []


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("ir/x.py", "import llvmlite.binding"),
        ("ir/x.py", "from ..trace import driver"),
        ("ir/scalar/x.py", "from tracejit.ir.ops import elementwise"),
        ("trace/x.py", "from tracejit import passes"),
        ("trace/values/x.py", "from tracejit.trace.array_api import creation"),
        ("trace/control/x.py", "def f():\n    from tracejit.trace.python.calls import traced_call"),
        ("passes/x.py", "def f():\n    from tracejit.autodiff.forward import jvp"),
        ("passes/x.py", "from tracejit.lower import fusion"),
        ("autodiff/x.py", "import tracejit.api"),
        ("codegen_llvm/x.py", "import cupy"),
        ("codegen_ptx/x.py", "import cupy"),
        ("codegen_ptx/x.py", "from tracejit.codegen_llvm import engine"),
        ("codegen_llvm/x.py", "from tracejit.codegen_ptx import emit"),
        ("api.py", "import scipy"),
        ("errors.py", "from tracejit import ir"),
    ],
)
def test_the_rules_see(place: str, line: str) -> None:
    assert len([i for i in imports_of(PACKAGE / place, ast.parse(line)) if objection(i)]) == 1


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("codegen_ptx/x.py", "def f():\n    import cupy"),
        ("codegen_llvm/x.py", "import llvmlite.binding, ctypes"),
        ("trace/x.py", "from ..ir import types"),
        ("trace/array_api/x.py", "from tracejit.trace.values.all import Array"),
        ("trace/views/x.py", "from tracejit.errors import UnsupportedError"),
        ("calls/x.py", "from tracejit.python_entry import entry"),
        ("api.py", "from tracejit import calls, diagnostics"),
    ],
)
def test_the_rules_allow(place: str, line: str) -> None:
    assert [i for i in imports_of(PACKAGE / place, ast.parse(line)) if objection(i)] == []


def test_the_picture_is_of_the_imports_that_there_are() -> None:
    """Rooms and arrows of `docs/architecture.md`: all of them, no other, and none points up."""
    found: dict[str, set[str]] = {room: set() for room in ROOMS}
    for i in all_imports():
        if i.module.split(".")[0] == "tracejit" and i.source != "__main__":
            found.setdefault(room_of(i.source), set()).add(room_of(i.target))
    found = {room: targets - {room, ""} for room, targets in found.items() if room}
    assert found == ROOMS
    order = list(ROOMS)
    assert [(a, b) for a in order for b in ROOMS[a] if order.index(a) > order.index(b)] == []


def circles() -> list[set[str]]:
    """Modules that import one another, also in functions and for types."""
    modules = {path.relative_to(ROOT).with_suffix("") for path in PACKAGE.rglob("*.py")}
    names = {".".join(m.parts).removesuffix(".__init__") for m in modules} - {"tracejit"}
    edges: dict[str, set[str]] = {name: set() for name in names}
    for i in all_imports():
        source, target = f"tracejit.{i.source}".removesuffix(".__init__"), i.module
        while target and target not in names:
            target = target.rpartition(".")[0]
        if source in names and target:
            edges[source].add(target)

    def reached(start: str) -> set[str]:
        seen, waiting = set(), [start]
        while waiting:
            new = edges[waiting.pop()] - seen
            seen |= new
            waiting += new
        return seen

    behind = {name: reached(name) for name in names}
    alike = [frozenset(m for m in behind[n] if n in behind[m]) for n in names if n in behind[n]]
    return [set(found) for found in dict.fromkeys(alike) if len(found) > 1]


def test_modules_import_one_another_nowhere_else() -> None:
    found = sorted((min(c).removeprefix("tracejit."), len(c)) for c in circles())
    assert dict(found) == known.CIRCLES, "fewer and smaller is better: lower the numbers"


@functools.cache
def sources() -> list[tuple[str, ast.Module]]:
    paths = sorted(PACKAGE.rglob("*.py"))
    return [(str(path.relative_to(PACKAGE)), ast.parse(path.read_text())) for path in paths]


def test_no_module_bears_the_name_of_a_library() -> None:
    taken = {"builtins", "cupy", "functools", "llvmlite", "numba", "numpy", "optree", "scipy"}
    names = {part.removesuffix(".py") for file, _ in sources() for part in file.split("/")}
    assert names & taken == set()


def test_no_code_knows_the_name_of_a_file() -> None:
    files = {Path(file).name for file, _ in sources()} - {"__init__.py"}
    strings = {
        (file, node.value)
        for file, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in files
    }
    assert strings == set()


def test_no_module_counts() -> None:
    """A counter that lives as long as the process gets into names, and makes them depend on what
    was compiled before."""
    counters = [
        f"{file}:{node.lineno}"
        for file, tree in sources()
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call)
        if getattr(node.value.func, "attr", getattr(node.value.func, "id", "")) == "count"
    ]
    assert counters == []


def test_passes_ask_rows_and_not_names() -> None:
    """Comparisons of an instruction's name, or a row's kind, with a literal.

    What is left is what one rewrite rule says of itself. A table by name is no comparison.
    """
    of_others = r"(?<!dtype)(?<!dtype\))(?<!\batom)(?<!\bslot)(?<!\bos)(?<!\bresult)(?<!\br)"
    compared = re.compile(of_others + r"\.(name|kind) (==|!=|(not )?in (?!_[A-Z])) ?")
    folders = ("autodiff", "codegen_llvm", "codegen_ptx", "device", "llvm_text", "lower", "passes")
    counts = {
        folder: sum(
            len(compared.findall(path.read_text())) for path in (PACKAGE / folder).rglob("*.py")
        )
        for folder in folders
    }
    counts = {folder: n for folder, n in counts.items() if n}
    assert counts == known.NAMES_COMPARED, "fewer is better: lower the number"


def test_only_one_file_reads_what_a_dtype_says_of_its_kind() -> None:
    """``tracejit/dtypes.py`` says what a dtype is; a dtype from outside of NumPy is of kind `V`."""
    letters = set("biufcOSUVMmT")
    found = []
    for file, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr == "kind":
                of = ast.unparse(node.value)
                if re.search(r"dtype(\b|\(.*\)$|[\"']\]$)", of) and file != "dtypes.py":
                    found.append(f"{file}:{node.lineno} {of}.kind")
            elif isinstance(node, ast.Compare) and getattr(node.left, "attr", "") == "kind":
                to = getattr(node.comparators[0], "value", "")
                one = isinstance(to, str) and (len(to) == 1 or isinstance(node.ops[0], ast.In))
                if one and to and set(to) <= letters and file != "dtypes.py":
                    found.append(f"{file}:{node.lineno} {ast.unparse(node)}")
    assert found == []


def test_one_class_name_has_one_meaning() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for file, tree in sources():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(file)
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_exceptions_of_the_program_are_thrown() -> None:
    """A ``raise ValueError`` does not say whose exception it is; ``throw`` does."""
    wrong = []
    for file, tree in sources():
        if not file.startswith(("trace/", "transforms/", "autodiff/")):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                name = getattr(node.exc.func, "id", "")
                if name in known.PROGRAMS_EXCEPTIONS:
                    wrong.append(f"{file}:{node.lineno} raises {name}")
    assert wrong == []
