"""What a compiled function is exported by; the code for it is loaded when it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def export(
    self: Any,
    path: Any,
    signatures: Any,
    *,
    target: str | None = None,
    cpu: str | None = None,
) -> list[Path]:
    """Write the function to files that need neither Python nor LLVM; returns their paths.

    ``path``: an object file (``step.o``); a static or shared library (``libstep.a``, ``.so``),
    which the C compiler links; without an end, the folder of a Python package that needs NumPy
    alone.
    Beside it come a C header and a C file with the texts of errors.
    ``signatures``: ``"(f8[n, 3], f8)"``, with extents that are numbers or names; or a tuple with
    the type of each argument, where containers and arrays as examples may stand; or a list of
    several, or a dict of them by the name of the C function. ``target``: the machine, by default
    this one: ``"x86-64"``, ``"aarch64"``, ``"armv7"``, ``"thumbv7em"``, ``"riscv64"`` or
    ``"wasm32"``; ``cpu``: LLVM's name of the processor. ValueError and TypeError for wrong
    signatures, UnsupportedError, with the line, for what needs Python (docs/export.md).
    """
    from tracejit.export.export import export as written

    return written(self.py_func, self._options, path, signatures, target, cpu)


def c_function(self: Any, signature: Any, form: str = "plain") -> Any:
    """The function as a C function of this process, with ``address`` and ``ctypes``.

    It returns one number. ``form``: ``"plain"`` takes what the C header of ``export`` says,
    ``"integrand"`` and ``"filter"`` are SciPy's: ``scipy.LowLevelCallable(c.ctypes)``. Where it
    fails it returns nan or zero. UnsupportedError for what the form cannot take.
    """
    from tracejit.export.c_function import c_function as made

    return made(self.py_func, self._options, signature, form)
