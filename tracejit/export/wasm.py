"""A WebAssembly module of one relocatable object, as LLVM writes it.

Functions keep their numbers, so that of the code only addresses of data change. The module exports
its memory and the functions that it defines; what it does not define it imports from ``env``. Data
begins at 1024, the stack of `STACK_BYTES` lies behind it, and then what `malloc` gives.

Format: webassembly.github.io/spec, and LLVM's tool-conventions (Linking.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import field

from tracejit.errors import InternalError
from tracejit.records import dataclass

STACK_BYTES = 1 << 16
_FIRST = 1024
_PAGE = 1 << 16
_CUSTOM, _TYPE, _IMPORT, _FUNCTION, _MEMORY, _GLOBAL, _EXPORT = 0, 1, 2, 3, 5, 6, 7
_COUNT, _CODE, _DATA = 12, 10, 11
#: Relocations of addresses: of which form, and whether they add something.
_ADDRESSES = {3: "leb", 4: "sleb", 5: "i32"}
#: Relocations of numbers of functions, types and globals, which stay as they are.
_NUMBERS = {0, 6, 7, 13}


class _Reader:
    """Numbers and texts of a part of the object."""

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self.data, self.at = data, at
        self.end = len(data) if end is None else end

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        """An unsigned LEB128."""
        return self._number()[0]

    def signed(self) -> int:
        value, bits = self._number()
        return value - (1 << bits) if value >> (bits - 1) else value

    def _number(self) -> tuple[int, int]:
        """A number, and of how many bits it is."""
        value = bits = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << bits
            bits += 7
            if byte < 0x80:
                return value, bits

    def take(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at]

    def text(self) -> str:
        return self.take(self.number()).decode()


def _leb(value: int) -> bytes:
    found = bytearray()
    while True:
        byte, value = value & 0x7F, value >> 7
        found.append(byte | (0x80 if value else 0))
        if not value:
            return bytes(found)


def _sleb(value: int) -> bytes:
    """Padded to five bytes, which holds any value of 32 bits."""
    parts = [value >> 7 * k & 0x7F for k in range(5)]
    return bytes([*(p | 0x80 for p in parts[:-1]), parts[-1]])


def _text(name: str) -> bytes:
    return _leb(len(name.encode())) + name.encode()


def _vector(parts: list[bytes]) -> bytes:
    return _leb(len(parts)) + b"".join(parts)


@dataclass
class _Object:
    """The parts of an object: sections by number, relocations by the number of their section."""

    sections: dict[int, bytes] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    custom: dict[str, bytes] = field(default_factory=dict)


def _parsed(code: bytes) -> _Object:
    found = _Object()
    r = _Reader(code, 8)
    while r.at < r.end:
        number, size = r.byte(), r.number()
        body = r.take(size)
        found.order.append(number)
        if number == _CUSTOM:
            inner = _Reader(body)
            name = inner.text()
            found.custom[name] = body[inner.at :]
        else:
            found.sections[number] = body
    return found


@dataclass(frozen=True)
class _Symbol:
    kind: int
    flags: int
    index: int
    offset: int
    name: str

    @property
    def is_defined(self) -> bool:
        return not self.flags & 0x10

    @property
    def is_exported(self) -> bool:
        """Whether others see it: it is not local and not hidden."""
        return self.is_defined and self.flags & 3 != 2 and not self.flags & 4


def _symbols(linking: bytes, imported: list[str]) -> list[_Symbol]:
    r = _Reader(linking)
    r.number()  # the version
    while r.at < r.end:
        kind, size = r.byte(), r.number()
        if kind == 8:
            return list(_symbol_table(_Reader(linking, r.at, r.at + size), imported))
        r.take(size)
    return []


def _symbol_table(r: _Reader, imported: list[str]) -> Iterator[_Symbol]:
    for _ in range(r.number()):
        kind, flags = r.byte(), r.number()
        name, index, offset = "", 0, 0
        if kind == 1:  # data
            name = r.text()
            if not flags & 0x10:
                index, offset, _ = r.number(), r.number(), r.number()
        elif kind == 3:  # a section
            index = r.number()
        else:
            index = r.number()
            if not flags & 0x10 or flags & 0x40:
                name = r.text()
            elif kind == 0:
                name = imported[index]
        yield _Symbol(kind, flags, index, offset, name)


def _imports(body: bytes) -> tuple[list[bytes], list[str], list[tuple[str, int]]]:
    """Entries for functions, their names, and what else is imported, with its kind."""
    r = _Reader(body)
    functions, names, others = [], [], []
    for _ in range(r.number()):
        start = r.at
        r.text()
        name, kind = r.text(), r.byte()
        if kind == 0:
            r.number()
            functions.append(body[start : r.at])
            names.append(name)
            continue
        if kind == 1:
            r.byte()
        if kind in (1, 2):
            limits = r.byte()
            r.number()
            if limits & 1:
                r.number()
        else:
            r.take(2)
        others.append((name, kind))
    return functions, names, others


def module_of(code: bytes) -> bytes:
    """The module. InternalError for an object with what ours do not have."""
    parts = _parsed(code)
    functions, imported, others = _imports(parts.sections.get(_IMPORT, b"\0"))
    known = {"__linear_memory": 2, "__stack_pointer": 3, "__indirect_function_table": 1}
    if any(known.get(name) != kind for name, kind in others) or 9 in parts.sections:
        raise InternalError(f"an object with {others} or a table is not linked")
    symbols = _symbols(parts.custom["linking"], imported)
    starts, data, end = _placed(parts.sections.get(_DATA, b"\0"))
    sections = {k: bytearray(body) for k, body in parts.sections.items()}
    for name in ("reloc.CODE", "reloc.DATA"):
        if name in parts.custom:
            _relocate(parts, sections, parts.custom[name], symbols, starts)
    top = (end + STACK_BYTES + 15) & -16
    sections[_IMPORT] = bytearray(_vector(functions))
    sections[_MEMORY] = bytearray(b"\1\0" + _leb((top + _PAGE - 1) // _PAGE))
    has_stack = any(name == "__stack_pointer" for name, _ in others)
    stack = b"\x7f\1\x41" + _sleb(top) + b"\x0b"
    sections[_GLOBAL] = bytearray(_vector([stack] if has_stack else []))
    exports = [_text("memory") + b"\2\0"]
    exports += [
        _text(s.name) + b"\0" + _leb(s.index) for s in symbols if s.kind == 0 and s.is_exported
    ]
    sections[_EXPORT] = bytearray(_vector(exports))
    if _DATA in sections:
        sections[_DATA] = bytearray(data(bytes(sections[_DATA])))
    order = [_TYPE, _IMPORT, _FUNCTION, _MEMORY, _GLOBAL, _EXPORT, _COUNT, _CODE, _DATA]
    body = b"".join(
        bytes([k]) + _leb(len(sections[k])) + bytes(sections[k]) for k in order if k in sections
    )
    return code[:8] + body


def _placed(body: bytes) -> tuple[list[int], Callable[[bytes], bytes], int]:
    """Where each segment begins, what writes the section with these addresses, and their end."""
    old = _segments(body)
    starts = [at + _FIRST for at, _, _ in old]
    end = max([s + b - a for s, (_, a, b) in zip(starts, old, strict=True)], default=_FIRST)

    def written(relocated: bytes) -> bytes:
        return _vector(
            [
                b"\0\x41" + _sleb(start) + b"\x0b" + _leb(b - a) + relocated[a:b]
                for start, (_, a, b) in zip(starts, old, strict=True)
            ]
        )

    return starts, written, end


def _segments(body: bytes) -> list[tuple[int, int, int]]:
    """The address of each segment, and where in the section its bytes are."""
    r = _Reader(body)
    found = []
    for _ in range(r.number()):
        if r.number() != 0 or r.byte() != 0x41:
            raise InternalError("a segment of data without an address is not linked")
        address = r.signed()
        r.byte()
        size = r.number()
        found.append((address, r.at, r.at + size))
        r.take(size)
    return found


def _relocate(
    parts: _Object,
    sections: dict[int, bytearray],
    body: bytes,
    symbols: list[_Symbol],
    starts: list[int],
) -> None:
    r = _Reader(body)
    target = sections[parts.order[r.number()]]
    for _ in range(r.number()):
        kind, at, index = r.byte(), r.number(), r.number()
        if kind in _NUMBERS:
            continue
        form = _ADDRESSES.get(kind)
        if form is None:
            raise InternalError(f"a relocation of kind {kind} is not linked")
        added, symbol = r.signed(), symbols[index]
        if not symbol.is_defined:
            raise InternalError(f"{symbol.name} is data that the object does not have")
        value = starts[symbol.index] + symbol.offset + added
        written = value.to_bytes(4, "little") if form == "i32" else _sleb(value)
        target[at : at + len(written)] = written
