"""A linker for tests: one relocatable ELF object, placed at an address.

It knows the relocations that our object code has; of another one it says so.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_ALLOC, _NOBITS = 2, 8
_SKIPPED = (".eh_frame", ".ARM.ex")  # what unwinds a stack


@dataclass
class Image:
    """Bytes to be placed at ``base``, and the addresses of what is defined."""

    base: int
    data: bytearray
    symbols: dict[str, int]
    got: dict[int, int] = field(default_factory=dict)

    def word(self, at: int) -> int:
        return int(struct.unpack_from("<I", self.data, at - self.base)[0])

    def put(self, at: int, value: int, size: int = 4) -> None:
        data = (value & (2 ** (8 * size) - 1)).to_bytes(size, "little")
        self.data[at - self.base : at - self.base + size] = data


@dataclass(frozen=True)
class Section:
    name: str
    kind: int
    flags: int
    offset: int
    size: int
    link: int
    info: int
    align: int


def link(code: bytes, base: int, outside: Callable[[str], int]) -> Image:
    """Place an object. ``outside``: the address of what it does not define, by name."""
    wide = code[4] == 2
    machine = struct.unpack_from("<H", code, 18)[0]
    sections = _sections(code, wide)
    image, places = Image(base, bytearray(), {}), {}
    for k, s in enumerate(sections):
        if s.flags & _ALLOC:
            image.data += bytes(-len(image.data) % max(s.align, 1))
            places[k] = base + len(image.data)
            part = bytes(s.size) if s.kind == _NOBITS else code[s.offset : s.offset + s.size]
            image.data += part
    image.data += bytes(-len(image.data) % 16 + 1024)  # the last of it: addresses, as in a GOT
    image.got[0] = base + len(image.data) - 1024
    addresses: list[int] = []
    for name, info, section, value in _symbols(code, sections, wide):
        if section in places:
            address = places[section] + value
        elif section == 0 and name:
            address = 0 if info >> 4 == 2 else outside(name)
        else:
            address = value
        addresses.append(address)
        if info >> 4 and section:
            image.symbols[name] = address
    relocate = _MACHINES[machine]
    for s in sections:
        if s.kind not in (4, 9) or s.info not in places:
            continue
        if sections[s.info].name.startswith(_SKIPPED):
            continue
        relocate(image, [
            (places[s.info] + at, kind, addresses[symbol], added)
            for at, kind, symbol, added in _relocations(code, s, wide)
        ])  # fmt: skip
    return image


def _sections(code: bytes, wide: bool) -> list[Section]:
    at = struct.unpack_from("<Q" if wide else "<I", code, 40 if wide else 32)[0]
    count, names = struct.unpack_from("<HH", code, 60 if wide else 48)
    size, form = (64, "<IIQQQQIIQQ") if wide else (40, "<IIIIIIIIII")
    raw = [struct.unpack_from(form, code, at + k * size) for k in range(count)]
    start = raw[names][4]
    return [
        Section(_text(code, start + r[0]), r[1], r[2], r[4], r[5], r[6], r[7], r[8]) for r in raw
    ]


def _text(code: bytes, at: int) -> str:
    return code[at : code.index(b"\0", at)].decode()


def _symbols(code: bytes, sections: list[Section], wide: bool) -> list[tuple[str, int, int, int]]:
    table = next(s for s in sections if s.kind == 2)
    names = sections[table.link].offset
    found = []
    for at in range(table.offset, table.offset + table.size, 24 if wide else 16):
        if wide:
            name, info, _, section, value, _ = struct.unpack_from("<IBBHQQ", code, at)
        else:
            name, value, _, info, _, section = struct.unpack_from("<IIIBBH", code, at)
        found.append((_text(code, names + name), info, section, value))
    return found


def _relocations(code: bytes, s: Section, wide: bool) -> list[tuple[int, int, int, int]]:
    found = []
    for at in range(s.offset, s.offset + s.size, 24 if wide else 8):
        if wide:
            place, info, added = struct.unpack_from("<QQq", code, at)
            found.append((place, info & 0xFFFFFFFF, info >> 32, added))
        else:
            place, info = struct.unpack_from("<II", code, at)
            found.append((place, info & 0xFF, info >> 8, 0))
    return found


def _got(image: Image, address: int, size: int) -> int:
    """Where an address is kept."""
    if address not in image.got or address == 0:
        at = image.got[0] + size * (len(image.got) - 1) if address else image.got[0] + 1016
        if address:
            image.got[address] = at
        image.put(at, address, size)
        return at
    return image.got[address]


Relocation = tuple[int, int, int, int]


def _x86_64(image: Image, found: list[Relocation]) -> None:
    for at, kind, s, a in found:
        if kind == 1:
            image.put(at, s + a, 8)
        elif kind in (2, 4):
            image.put(at, s + a - at)
        elif kind in (9, 41, 42):
            image.put(at, _got(image, s, 8) + a - at)
        else:
            raise NotImplementedError(f"x86-64 relocation {kind}")


def _aarch64(image: Image, found: list[Relocation]) -> None:
    scaled = {277: 0, 278: 0, 284: 1, 285: 2, 286: 3, 299: 4, 312: 3}
    for at, kind, s, a in found:
        value = s + a if kind not in (311, 312) else _got(image, s, 8)
        word = image.word(at)
        if kind in (282, 283):
            word |= (value - at >> 2) & 0x3FFFFFF
        elif kind in (275, 311):
            pages = (value >> 12) - (at >> 12)
            word |= (pages & 3) << 29 | (pages >> 2 & 0x7FFFF) << 5
        elif kind in scaled:
            word |= (value & 0xFFF) >> scaled[kind] << 10
        elif kind == 257:
            image.put(at, value, 8)
            continue
        else:
            raise NotImplementedError(f"aarch64 relocation {kind}")
        image.put(at, word)


def _arm(image: Image, found: list[Relocation]) -> None:
    for at, kind, s, _ in found:
        word = image.word(at)
        if kind in (28, 29):
            added = ((word & 0xFFFFFF) ^ 0x800000) - 0x800000
            image.put(at, word & 0xFF000000 | (s + 4 * added - at >> 2) & 0xFFFFFF)
        elif kind in (2, 3, 96):
            value = _got(image, s, 4) if kind == 96 else s
            image.put(at, value + word - (0 if kind == 2 else at))
        elif kind in (10, 30):
            _thumb_branch(image, at, (s & ~1) - 4 - at)
        elif kind in (47, 48):
            high, low = word & 0xFFFF, word >> 16
            added = (high & 15) << 12 | (high & 0x400) << 1 | (low >> 12 & 7) << 8 | low & 0xFF
            value = (s + ((added ^ 0x8000) - 0x8000)) >> (16 if kind == 48 else 0)
            high = high & ~0x40F | (value >> 12 & 15) | (value >> 11 & 1) << 10
            low = low & 0x8F00 | (value >> 8 & 7) << 12 | value & 0xFF
            image.put(at, high | low << 16)
        elif kind != 42:
            raise NotImplementedError(f"arm relocation {kind}")


def _thumb_branch(image: Image, at: int, offset: int) -> None:
    sign = offset >> 24 & 1
    bits = [(offset >> n & 1) ^ sign ^ 1 for n in (23, 22)]
    word = image.word(at)
    high = word & 0xF800 | sign << 10 | offset >> 12 & 0x3FF
    low = word >> 16 & 0xD000 | bits[0] << 13 | bits[1] << 11 | offset >> 1 & 0x7FF
    image.put(at, high | low << 16)


def _riscv(image: Image, found: list[Relocation]) -> None:
    highs: dict[int, int] = {}
    for at, kind, s, a in found:
        if kind in (19, 20, 23):
            value = (_got(image, s, 8) if kind == 20 else s + a) - at
            highs[at] = value
            image.put(at, image.word(at) | (value + 0x800) & 0xFFFFF000)
            if kind == 19:
                image.put(at + 4, image.word(at + 4) | (value & 0xFFF) << 20)
    for at, kind, s, a in found:
        if kind == 24:
            image.put(at, image.word(at) | (highs[s] & 0xFFF) << 20)
        elif kind == 25:
            low = highs[s] & 0xFFF
            image.put(at, image.word(at) | low >> 5 << 25 | (low & 31) << 7)
        elif kind == 2:
            image.put(at, s + a, 8)
        elif kind not in (19, 20, 23, 51):
            raise NotImplementedError(f"riscv relocation {kind}")


_MACHINES: Mapping[int, Callable[[Image, list[Relocation]], None]] = {
    62: _x86_64,
    183: _aarch64,
    40: _arm,
    243: _riscv,
}
