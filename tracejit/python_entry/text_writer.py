"""Which texts an entry makes itself, and what it writes for them: the words that ``texts_text``
reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from tracejit.ir.results import TextMaker
from tracejit.python_entry.entry_writer import Writer
from tracejit.python_entry.texts_text import VALUE_WORDS, WORDS_BEFORE

#: What is between values, and what a replacement field says of each.
Between: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]
_CONVERSIONS = {"": 0, "s": 1, "r": 2, "a": 3}
#: A float with so many digits.
_DIGITS = re.compile(r"\.(\d{1,2})([efg])")
#: The first and the fifth word of a part that is a float.
_FLOAT = "i64 0", "i64 1"


def is_native_text(make: TextMaker) -> bool:
    """Whether an entry shows values as a text does."""
    return make.plain and all(field(how) is not None for how in make.between[1])


def field(how: str) -> tuple[int, str] | None:
    """The conversion of a replacement field and what is after its colon; None for what is no such
    field of Python's, or has fields inside."""
    conversion = how[1:2] if how.startswith("!") else ""
    rest = how[2:] if conversion else how
    spec = rest[1:]
    if conversion not in _CONVERSIONS or (rest and rest[0] != ":") or set(spec) & set("{}"):
        return None
    return _CONVERSIONS[conversion], spec


def encoded(text: str) -> bytes:
    """A text as it is put into another."""
    return text.encode("utf-8", "surrogatepass")


class TextWriter:
    """Writes texts of one entry."""

    def __init__(self, writer: Writer) -> None:
        self.w = writer

    def text(self, between: Between, parts: Sequence[Sequence[str]]) -> str:
        """The words of a text of which the values are these parts."""
        w, (first, *rest), hows = self.w, *between
        block = w.alloca(f"[{WORDS_BEFORE + VALUE_WORDS * len(parts)} x i64]")
        words = [f"i64 {len(parts)}", *self.piece(first)]
        for how, part, behind in zip(hows, parts, rest, strict=True):
            value = [*self._shown(how, part), *self.piece(behind), *part]
            words += [*value, *["i64 0"] * (VALUE_WORDS - len(value))]
        for k, word in enumerate(words):
            w.store(word, block, k)
        return block

    def piece(self, text: str) -> tuple[str, str]:
        """Where a known text begins, and how long it is."""
        data = encoded(text)
        return f"ptr {self.w.constant(data)}", f"i64 {len(data)}"

    def _shown(self, how: str, part: Sequence[str]) -> tuple[str, str]:
        """How a value is shown."""
        found = field(how)
        assert found is not None
        conversion, spec = found
        if tuple(part[:5:4]) == _FLOAT:
            if not spec:
                return f"i64 {ord('r')}", "i64 0"
            digits = _DIGITS.fullmatch(spec)
            if digits is not None and not conversion:
                return f"i64 {ord(digits[2])}", f"i64 {digits[1]}"
        return f"i64 {conversion}", f"ptr {self.w.env_load(spec) if spec else 'null'}"

    def alone(self, part: Sequence[str]) -> str:
        """The words of a text that is one part."""
        return self.text((("", ""), ("",)), [part])

    def joined(self, part: Sequence[str], count: str, between: str, backwards: bool) -> list[str]:
        """The part of a text that is the texts of a run, of which this is the part, in one."""
        block = self.w.alloca(f"[{len(part)} x i64]")
        for k, word in enumerate(part):
            self.w.store(word, block, k)
        at, length = self.piece(between)
        return ["i64 6", f"ptr {block}", f"i64 {count}", length, f"i64 {int(backwards)}", at]

    def shown(self, objects: Sequence[str], write: Callable[[Sequence[str]], str]) -> str:
        """What ``write`` makes of these new objects, each where it stands; they are dropped."""
        w = self.w
        block = w.alloca(f"[{max(1, len(objects))} x ptr]")
        places = []
        for k, made in enumerate(objects):
            w.store(f"ptr {made}", block, k)
            places.append(w.op(f"getelementptr ptr, ptr {block}, i64 {k}"))
        found = write(places)
        if objects:
            w.emit(f"call void @tj_decref_all(ptr {block}, i64 {len(objects)})")
        return found
