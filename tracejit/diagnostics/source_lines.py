"""Which user's line each line of assembly is for: the code generated once more, with debug lines.

The text is that of the running code but for its notes, which LLVM's passes are bound to ignore.
Lines are numbers of places in a table, since one function may come from several files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from tracejit.codegen_llvm.lower import RULES, lower_program
from tracejit.ir.core import Instr
from tracejit.llvm_text.lower_function import FunctionText, Rule
from tracejit.records import dataclass

Place = tuple[str, int]
_MARK = re.compile(r" ;@(\d+)$")
_DEFINE = re.compile(r'^define .*@"?((?:kernel\.\d+)|core)"?\(.*\{$')
_LOC = re.compile(r"\s*\.loc\s+\d+\s+(\d+)")
_LABEL = re.compile(r'^"?(kernel\.\d+|core)"?:')
_UNIT = (
    'language: DW_LANG_C99, file: !90001, producer: "tracejit", isOptimized: true, '
    "runtimeVersion: 0, emissionKind: LineTablesOnly"
)
_FUNCTION = (
    'name: "%s", file: !90001, line: 1, type: !90003, unit: !90000, '
    "spFlags: DISPFlagDefinition | DISPFlagOptimized"
)
_HEAD = [
    f"!90000 = distinct !DICompileUnit({_UNIT})",
    '!90001 = !DIFile(filename: "program", directory: ".")',
    "!llvm.dbg.cu = !{!90000}",
    '!90002 = !{i32 2, !"Debug Info Version", i32 3}',
    "!llvm.module.flags = !{!90002}",
    "!90003 = !DISubroutineType(types: !{})",
]


@dataclass
class Marking(Mapping[str, Rule]):
    """Rules that end each line of LLVM text with the number of the user's line that it is for."""

    places: list[Place] = field(default_factory=list)

    def __getitem__(self, name: str) -> Rule:
        return self._lowered

    def __iter__(self) -> Iterator[str]:
        return iter(RULES)

    def __len__(self) -> int:
        return len(RULES)

    def _lowered(self, f: FunctionText, instr: Instr) -> None:
        first = len(f.e.lines)
        rule = RULES.get(instr.name)
        if rule is None:
            f.scalar_instr(instr)
        else:
            rule(f, instr)
        if instr.loc is None:
            return
        mark = f" ;@{self.number((instr.loc.filename, instr.loc.line))}"
        lines = f.e.lines
        for k in range(first, len(lines)):
            if lines[k].startswith("  ") and not _MARK.search(lines[k]):
                lines[k] += mark

    def number(self, place: Place) -> int:
        """The number of a place, from 1 on."""
        if place not in self.places:
            self.places.append(place)
        return self.places.index(place) + 1


@dataclass(frozen=True)
class Assembly:
    """A line of assembly, the native function that it is in, and the user's line."""

    text: str
    function: str
    place: Place | None


def assembly_of(made: Any) -> list[Assembly]:
    """The assembly of a version's kernels and of what is around them."""
    marking = Marking()
    core = lower_program(made.program, rules=marking)
    module = made.spec.module
    engine = module.engine
    optimised = engine.optimise(with_debug_lines(core.text), module.opt_level)
    text = str(engine.target_machine(module.opt_level).emit_assembly(optimised))
    return list(_read(text, marking.places))


def _read(text: str, places: list[Place]) -> Iterator[Assembly]:
    function, place = "", None
    for line in text.splitlines():
        label = _LABEL.match(line)
        if label:
            function, place = label[1], None
        elif line.startswith(".Lfunc_end"):
            function = ""
        if not function:
            continue
        loc = _LOC.match(line)
        if loc:
            number = int(loc[1])
            place = places[number - 1] if 0 < number <= len(places) else None
        stripped = line.split("#")[0].rstrip()
        if not stripped or (stripped.lstrip().startswith(".") and not stripped.endswith(":")):
            continue
        if re.match(r"\.L(tmp|func|Ltmp)", stripped):
            continue
        yield Assembly(stripped.replace("\t", "  "), function, place)


def with_debug_lines(text: str) -> str:
    """LLVM text whose marks are notes to debuggers."""
    out: list[str] = []
    notes = _HEAD.copy()
    scope, number, known = 0, 90004, dict[int, int]()
    for line in text.splitlines():
        head = _DEFINE.match(line)
        if head:
            scope, number, known = number, number + 1, {}
            notes.append(f"!{scope} = distinct !DISubprogram({_FUNCTION % head[1]})")
            out.append(f"{line[:-1]}!dbg !{scope} {{")
            continue
        if line == "}":
            scope = 0
        mark = _MARK.search(line)
        bare = line[: mark.start()] if mark else line
        if scope and line.startswith("  "):
            user = int(mark[1]) if mark else 0
            if user not in known:
                known[user], number = number, number + 1
                notes.append(f"!{known[user]} = !DILocation(line: {user}, scope: !{scope})")
            bare += f", !dbg !{known[user]}"
        out.append(bare)
    return "\n".join([*out, *notes, ""])
