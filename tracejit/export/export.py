"""``f.export``: from a function and its signatures to files.

step.o          the code, which needs the C library (malloc and free, a few of math.h) alone
step.h          the C functions
step_errors.c   what errors say
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tracejit.calls.log import Clock
from tracejit.calls.under_way import waited_for
from tracejit.calls.versions import Options
from tracejit.codegen_llvm.lower import lower_program
from tracejit.errors import UnsupportedError
from tracejit.export import libraries
from tracejit.export.c_names import c_name, free_symbol, function_name, refuse_name
from tracejit.export.entry_text import entry_text
from tracejit.export.errors import NO_MEMORY_ROW, ErrorRow, errors_file, row_of
from tracejit.export.header import header
from tracejit.export.interface import Interface, interface
from tracejit.export.lowered import lowered_function, raise_in
from tracejit.export.python_package import package_files, python_name
from tracejit.export.rules import rules_for
from tracejit.export.runtime_text import POLL, heap_text, without_declared
from tracejit.export.signatures import argument_types
from tracejit.export.static_memory import RESET, blocks_of, without_stack
from tracejit.export.targets import Target, target_named
from tracejit.export.wasm_library import MALLOC, ROUTINES
from tracejit.records import dataclass

_ALLOCATES = re.compile(r"@tj_(alloc|realloc)")


@dataclass(frozen=True)
class Exported:
    """What is written to files: functions, the table of errors, object code, LLVM's text of it."""

    functions: tuple[Interface, ...]
    rows: tuple[ErrorRow, ...]
    code: bytes
    texts: tuple[str, ...]
    target: Target


def export(
    function: Any,
    options: Options,
    path: str | Path,
    signatures: Any,
    target: str | None = None,
    cpu: str | None = None,
) -> list[Path]:
    """Write the files; see ``f.export``."""
    file = Path(path)
    kind = libraries.kind_of(file)
    stem = c_name(file.stem.removeprefix("lib"))
    if kind == "module":
        target = "wasm32" if target is None else target
        if target != "wasm32":
            raise ValueError(f"{file.name} is for wasm32, not {target}")
    machine = target_named(target)
    libraries.check(kind, file, machine)
    machine.check(cpu)
    wanted = named(function, signatures, free_symbol if kind == "python" else function_name)
    own = {f"{stem}_error_{what}" for what in ("type", "place", "message")}
    for name in own.union(["memory"] if kind == "module" else []).intersection(wanted):
        refuse_name(name, "part of what is exported")
    found = made_of(function, options, wanted, machine, cpu, kind == "module")
    texts = {
        Path(f"{stem}.h"): header(stem, found.functions, found.rows, found.target.heap),
        Path(f"{stem}_errors.c"): errors_file(stem, found.rows),
    }
    if kind == "python":
        library = f"lib{stem}.so"
        by_name = _by_python_name(function, signatures, found.functions)
        package = package_files(stem, library, by_name, found.rows)
        inside = {Path("c") / name: text for name, text in texts.items()}
        written = _written(file, {**package, **inside})
        errors, file = file / "c" / f"{stem}_errors.c", file / stem / library
        libraries.write("shared", file, found.code, errors)
    else:
        written = _written(file.parent, texts)
        libraries.write(kind, file, found.code, written[1])
    return [file, *written]


def _written(folder: Path, texts: Mapping[Path, str]) -> list[Path]:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return [folder / name for name in texts]


def _by_python_name(
    function: Any, signatures: Any, made: Sequence[Interface]
) -> dict[str, list[Interface]]:
    """The C functions of each function in Python: a list of signatures is one function."""
    if isinstance(signatures, Mapping):
        return {python_name(str(key)): [f] for key, f in zip(signatures, made, strict=True)}
    return {python_name(function.__name__): list(made)}


def exported(
    function: Any,
    options: Options,
    signatures: Any,
    target: Target,
    cpu: str | None = None,
    alone: bool = False,
) -> Exported:
    """Code and tables for signatures, of which each has a function."""
    return made_of(function, options, named(function, signatures), target, cpu, alone)


def made_of(
    function: Any,
    options: Options,
    signatures: Mapping[str, Any],
    target: Target,
    cpu: str | None,
    alone: bool,
) -> Exported:
    """Code and tables for signatures by the name of the C function; ``alone``: with what it would
    else need of a C library."""
    rows = [NO_MEMORY_ROW]
    made, texts = [], []
    clock = Clock("trace")
    with waited_for(function, clock):
        for name, signature in signatures.items():
            types = argument_types(signature, function, options)
            lowered = lowered_function(function, name, types, options)
            found = interface(lowered)
            try:
                text, errors = _module(found, len(rows), target)
            except UnsupportedError as error:
                raise_in(function, error, returns=any(r.kind == "owned" for r in found.results))
            made.append(found)
            texts.append(text)
            rows += errors
        texts += [MALLOC + ROUTINES] if alone else []
        clock.next("machine code")
        code = target.engine(cpu).emit_together(texts, options.opt_level)
    return Exported(tuple(made), tuple(rows), code, tuple(texts), target)


def only_text(
    function: Any, options: Options, signature: Any, target: Target
) -> tuple[Interface, str]:
    """The C function of one signature, and its module as text."""
    name = free_symbol(function.__name__)
    types = argument_types(signature, function, options)
    found = interface(lowered_function(function, name, types, options))
    return found, _module(found, 1, target)[0]


def named(
    function: Any, signatures: Any, name_of: Callable[[str], str] = function_name
) -> Mapping[str, Any]:
    """The signatures by the name of the C function for each, which ``name_of`` makes of a text.

    ValueError for no signatures, and for a name that cannot be used.
    """
    if isinstance(signatures, Mapping) and signatures:
        found = {name_of(str(key)): value for key, value in signatures.items()}
        if len(found) < len(signatures):
            raise ValueError(f"two of {', '.join(map(repr, signatures))} are one name in C")
        return found
    if isinstance(signatures, str | tuple):
        return {name_of(function.__name__): signatures}
    if not isinstance(signatures, list) or not signatures:
        raise ValueError(
            "signatures are one (a text, or a tuple with the type of each argument), a list of "
            "them, or a dict by the name of the C function"
        )
    if len(signatures) == 1:
        return {name_of(function.__name__): signatures[0]}
    return {
        name_of(f"{function.__name__}_{k}"): signature for k, signature in enumerate(signatures, 1)
    }


def _module(f: Interface, base: int, target: Target) -> tuple[str, list[ErrorRow]]:
    """LLVM text of one function, and its errors, which begin after ``base`` others."""
    program, rules = f.function.program, rules_for(target)
    blocks = None
    if not target.heap:
        _need_fixed(f, target)
        blocks = blocks_of(program)
        rules |= blocks.rules()
    core = lower_program(
        program,
        f.param_slots,
        f.result_slots,
        rules,
        None if blocks is None else without_stack,
        parallel=False,
        deep_stack=target.deep_stack,
    )
    rows = list(map(row_of, core.errors.sites))
    low: dict[str, int] = {}
    for p in f.arguments:
        if p.low is not None:
            text = f"{p.name} is {{0}}: it is at least {p.low}"
            rows.append(ErrorRow("ValueError", text, ("int",)))
            low[p.name] = len(rows)
    inner = core.text.replace("define i32 @core(", "define internal i32 @tj.core(")
    if blocks is not None:
        runtime, begin, end = blocks.text() + POLL, RESET, None
    elif _ALLOCATES.search(core.text) or any(r.kind == "owned" for r in f.results):
        runtime, begin, end = heap_text(target.bits) + POLL, None, "tj_free_all(ptr %.ctx)"
    else:
        runtime, begin, end = POLL, None, None
    entry = entry_text(f, base, low, begin, end)
    if re.search(rf"@{f.name}\b(?!\.)", inner + runtime):
        refuse_name(f.name, "a name inside of its own code")
    text = "\n".join([without_declared(inner, runtime), runtime, entry])
    of_process = {*core.symbols, *re.findall(r"^declare [^@]*@(tj_\w+)", text, re.MULTILINE)}
    if of_process:
        raise UnsupportedError(
            f"{f.name} calls {', '.join(sorted(of_process))}, which an exported function cannot"
        )
    return text, rows


def _need_fixed(f: Interface, target: Target) -> None:
    """UnsupportedError where an extent is not a number."""
    free = [p.name for p in f.arguments if p.low is not None]
    if free or any(r.kind == "owned" for r in f.results):
        what = f"{free[0]} is an extent" if free else "the run decides the size of a result"
        raise UnsupportedError(
            f"{target.name} has no heap, where sizes are numbers: in {f.name}, {what}"
        )
