"""Calls of exported functions in memory of an emulator's, or of WebAssembly's."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit.export.interface import Interface


def trampoline(f: Interface) -> str:
    """LLVM text of ``i32 call(ptr)``, which takes the arguments from memory, 8 bytes each."""
    lines, given = [], []
    for k, p in enumerate([*f.parameters, None]):
        kind = "ptr" if p is None else p.llvm
        lines += [
            f"%p{k} = getelementptr i8, ptr %a, i64 {8 * k}",
            f"%v{k} = load {kind}, ptr %p{k}",
        ]
        given.append(f"{kind} %v{k}")
    types = ", ".join(g.split()[0] for g in given)
    body = "\n".join([*lines, f"%r = call i32 @{f.name}({', '.join(given)})", "ret i32 %r"])
    return f"declare i32 @{f.name}({types})\ndefine i32 @call(ptr %a) #0 {{\n{body}\n}}\n"


def call(loaded: Any, f: Interface, args: Sequence[Any]) -> tuple[int, list[Any], list[int]]:
    """Call a function of what is loaded, which has ``memory``, ``cpu`` and ``call``."""
    words, outs, pending = b"", [], list(args)
    extents: dict[str, int] = {}
    for p in f.arguments:
        if p.low is None:
            value = pending.pop(0)
            if isinstance(value, np.ndarray):
                at = loaded.memory(value.nbytes)
                loaded.cpu.mem_write(at, value.tobytes())
                words += struct.pack("<Q", at)
            else:
                kind = {"double": "<d", "float": "<fxxxx"}.get(p.llvm, "<q")
                words += struct.pack(kind, value)
        else:
            extents[p.name] = int(pending.pop(0))
            words += struct.pack("<q", extents[p.name])
    for r in f.results:
        shape = (
            [eval(e.replace("/", "//"), {}, extents) for e in r.shape] if r.kind != "owned" else []
        )
        size = max(8, int(np.prod(shape, dtype=int)) * r.dtype.itemsize)
        outs.append(
            (r, shape, [loaded.memory(size if k == 0 else 8) for k in range(len(r.parameters))])
        )
        words += b"".join(struct.pack("<Q", at) for at in outs[-1][2])
    error, given = loaded.memory(72), loaded.memory(len(words) + 8)
    loaded.cpu.mem_write(given, words + struct.pack("<Q", error))
    status = loaded.call("call", given)
    results = [_read(loaded, *out) for out in outs] if status == 0 else []
    return status, results, list(struct.unpack("<9q", bytes(loaded.cpu.mem_read(error, 72))))


def _read(loaded: Any, r: Any, shape: Sequence[int], places: Sequence[int]) -> Any:
    at = places[0]
    if r.kind == "owned":
        raw = bytes(loaded.cpu.mem_read(at, 8))
        at = int.from_bytes(raw[: loaded.machine.bits // 8], "little")
        shape = [int.from_bytes(bytes(loaded.cpu.mem_read(p, 8)), "little") for p in places[1:]]
    count = int(np.prod(shape, dtype=int))
    data = bytes(loaded.cpu.mem_read(at, count * r.dtype.itemsize)) if count else b""
    return np.frombuffer(data, r.dtype).reshape(shape)
