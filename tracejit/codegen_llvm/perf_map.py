"""``TRACEJIT_PERF_MAP=1``: a map file by which ``perf`` names the functions that are compiled.

``perf report`` reads ``/tmp/perf-PID.map``: a line per function, with its address, size and name.
"""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path

import llvmlite.binding as llvm

from tracejit.codegen_llvm.engine import CompiledModule
from tracejit.codegen_llvm.linker import llvm_lock
from tracejit.records import dataclass

_SYMBOL = struct.Struct("<IBBHQQ")  # name, info, other, section, value, size of Elf64_Sym
_FUNCTION = 2


@dataclass(frozen=True)
class NativeFunction:
    """A function of an object file: where it begins in its section, and its bytes."""

    symbol: str
    section: int
    start: int
    size: int


def functions(code: bytes) -> list[NativeFunction]:
    """The functions of an object file; none where it is not ELF of 64 bits, little endian."""
    if code[:6] != b"\x7fELF\x02\x01":
        return []
    with llvm_lock:
        tables = {s.name(): s.data() for s in llvm.ObjectFileRef.from_data(code).sections()}
    names, found = tables.get(b".strtab", b""), []
    symbols = tables.get(b".symtab", b"")
    for at in range(0, len(symbols) - len(symbols) % _SYMBOL.size, _SYMBOL.size):
        name, info, _, section, start, size = _SYMBOL.unpack_from(symbols, at)
        if info & 15 == _FUNCTION and size:
            text = names[name : names.index(b"\0", name)].decode()
            found.append(NativeFunction(text, section, start, size))
    return found


def loaded(module: CompiledModule) -> dict[str, tuple[int, int]]:
    """Address and size of each function of linked code; a section is loaded as one piece."""
    symbols = functions(module.object_code)
    bases = {
        s.section: module.addresses[s.symbol] - s.start
        for s in symbols
        if s.symbol in module.addresses
    }
    return {s.symbol: (bases[s.section] + s.start, s.size) for s in symbols if s.section in bases}


def asked_for() -> bool:
    """Whether the environment asks for a map."""
    return os.environ.get("TRACEJIT_PERF_MAP", "") not in ("", "0")


def path() -> Path:
    """Where ``perf`` looks for the map of this process."""
    return Path(tempfile.gettempdir()) / f"perf-{os.getpid()}.map"


def note(module: CompiledModule, names: Mapping[str, str]) -> None:
    """Add the functions of a module to the map."""
    with path().open("a") as file:
        for symbol, (start, size) in sorted(loaded(module).items()):
            file.write(f"{start:x} {size:x} tracejit {names.get(symbol, symbol)}\n")
