"""Object code as files: objects, and libraries that the C compiler of this machine links."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tracejit.errors import UnsupportedError
from tracejit.export.targets import Target, native
from tracejit.export.wasm import module_of

#: What a file is by the end of its name; a name without an end is the folder of a Python package.
KINDS = {
    "": "python",
    ".o": "object",
    ".obj": "object",
    ".a": "static",
    ".so": "shared",
    ".dylib": "shared",
    ".wasm": "module",
}


def kind_of(file: Path) -> str:
    """What a file is by its name. ValueError for a name that says nothing."""
    kind = KINDS.get(file.suffix)
    if kind is None:
        raise ValueError(
            f"{file.name!r} is no object file or library: it ends in "
            f"{', '.join(filter(None, KINDS))}, or is a folder for a Python package"
        )
    return kind


def check(kind: str, file: Path, target: Target) -> None:
    """UnsupportedError for a library that cannot be linked here, before anything is written."""
    if kind in ("object", "module"):
        return
    if target.name != native():
        raise UnsupportedError(
            f"a library for {target.name} is linked by a compiler for it: export an object file "
            f"({file.stem}.o), and link that with the C file of errors beside it"
        )
    c_compiler()


def write(kind: str, file: Path, code: bytes, errors: Path) -> None:
    """Write an object file, or link a library of it and of the file of errors."""
    if kind in ("object", "module"):
        file.write_bytes(module_of(code) if kind == "module" else code)
        return
    with tempfile.TemporaryDirectory() as folder:
        made, told = Path(folder) / "code.o", Path(folder) / "errors.o"
        made.write_bytes(code)
        compiler = c_compiler()
        if kind == "shared":
            _run([compiler, "-shared", "-fPIC", "-O2", "-o", file, made, errors, "-lm"])
            return
        _run([compiler, "-c", "-fPIC", "-O2", "-o", told, errors])
        file.unlink(missing_ok=True)
        _run([_tool("ar"), "rcs", file, made, told])


def c_compiler() -> str:
    """The C compiler that CC names, or cc."""
    return _tool(os.environ.get("CC") or "cc")


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise UnsupportedError(
            f"there is no {name} here, which links a library: install a C compiler, or export an "
            "object file (.o) and link it elsewhere"
        )
    return found


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode:
        raise UnsupportedError(f"{command[0]} failed: {done.stderr.strip()[:500]}")
