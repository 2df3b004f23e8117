"""LLVM text in which operands may be addresses and comparisons, and its plain form.

``load ptr, ptr %table[i64 5]`` loads word 5 of a table: a register or global with an index stands
for its ``getelementptr``. ``br i1 (icmp eq ptr %r, null), label %fail, label %good`` branches on a
result that nothing else reads. Both are within one line, and in the order of reading.
"""

from __future__ import annotations

import itertools
import re

_TESTS = "and|fcmp|icmp|or|xor"
#: A test without one inside, or a register or global with an index.
_INNERMOST = re.compile(rf"\(((?:{_TESTS}) [^()\[\]]*)\)|([%@][\w.]+)\[(\w+) ([^\[\]]+)\]")
_LINE = re.compile(rf"^  .*(?:\((?:{_TESTS}) |[%@][\w.]+\[).*$", re.MULTILINE)


def plain(text: str) -> str:
    """The text with an instruction a line, as LLVM reads it."""
    numbers = itertools.count()

    def in_lines(line: re.Match[str]) -> str:
        lines, rest = [], line[0]
        while found := _INNERMOST.search(rest):
            test, base, kind, index = found.groups()
            name = f"%.{next(numbers)}"
            lines.append(f"  {name} = {test or f'getelementptr {kind}, ptr {base}, i64 {index}'}")
            rest = rest[: found.start()] + name + rest[found.end() :]
        return "\n".join([*lines, rest])

    return _LINE.sub(in_lines, text)
