"""What the kernels of a version are: their lines, operations, loops, memory, and vector code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from tracejit.codegen_llvm.perf_map import functions
from tracejit.ir.core import Function, Instr, Loc
from tracejit.ir.program import instructions, kernels
from tracejit.lower.schedule import Schedule, schedule
from tracejit.records import dataclass

_PLUMBING = frozenset(
    [
        *("constant", "const_buffer", "load", "store", "fetch", "for", "cond", "select"),
        *("bitcast", "convert", "shift_right", "bitwise_and", "bitwise_xor", "invert"),
        *("isnan", "eq", "ne", "lt", "le", "gt", "ge"),
    ]
)
_VECTOR = re.compile(r"<(\d+) x (double|float|half|i\d+)>")
_DEFINE = re.compile(r"^define .*?@\"?([\w.$]+)\"?\(.*?^}", re.MULTILINE | re.DOTALL)
_CALL = re.compile(r"call [^@\n]*@(?!llvm\.|shared\.|task\.|combine\.|tj_parallel)([\w.$]+)")
_SHARED = re.compile(r"@((?:shared|task)\.\d+)\b")
_BLOCKS = re.compile(r"@llvm\.mem(cpy|move|set)\.")
_NAMES = {"double": "f64", "float": "f32", "half": "f16"}


@dataclass(frozen=True)
class CompiledKernel:
    """One kernel: its number in program order, its ``launch``, and the function that it became
    (None: so short that it stands in line)."""

    number: int
    instr: Instr
    symbol: str | None
    text: str
    #: How each of its loops is shared out among threads, or why it is not; None: that is off.
    schedule: Schedule | None = None

    @property
    def body(self) -> Function:
        return self.instr.regions[0]

    @cached_property
    def places(self) -> list[Loc]:
        """The user's lines in it, in order."""
        found = {(i.loc.filename, i.loc.line): i.loc for i in instructions(self.body) if i.loc}
        return [found[k] for k in sorted(found)]

    @cached_property
    def operations(self) -> list[str]:
        """What it computes, by name, in order, without moving and comparing."""
        names = (i.name for i in instructions(self.body))
        found = list(dict.fromkeys(n for n in names if n not in _PLUMBING))
        return ["sum" if n in ("sum_pairwise", "sum_true") else n for n in found]

    @cached_property
    def loops(self) -> int:
        """How deep its loops are nested."""
        return _depth(self.body)

    def count(self, name: str) -> int:
        """How many instructions of a name it has."""
        return sum(i.name == name for i in instructions(self.body))

    @cached_property
    def vectors(self) -> str | None:
        """The widest vectors of its code, as ``8 x f64``; None where there are none."""
        found = [(int(n), kind) for n, kind in _VECTOR.findall(self.text)]
        floats = [f for f in found if not f[1].startswith("i")] or found
        if not floats:
            return None
        width, kind = max(floats)
        return f"{width} x {_NAMES.get(kind, kind)}"

    @property
    def moves_blocks(self) -> bool:
        """Whether it is calls of memcpy, memmove or memset."""
        return not self.operations and bool(_BLOCKS.search(self.text))

    @cached_property
    def why_scalar(self) -> str:
        """Why it has no vector code, as far as the program shows."""
        if " phi " not in self.text:
            return "its loop has so few steps that they are written out one after another"
        if called := sorted(set(_CALL.findall(self.text))):
            return f"its loop calls {called[0]}"
        inner = list(_innermost(self.body))
        if any(i.name == "cond" for f in inner for i in f.instrs):
            return "its innermost loop branches"
        if any(f.results for f in inner):
            return "each step of its innermost loop needs the one before"
        if len(self.places) and any(i.name == "load" for f in inner for i in f.instrs):
            return "LLVM found no gain: few elements, or elements that lie apart"
        return "LLVM found no gain"


def _depth(function: Function) -> int:
    inner = [_depth(r) + (i.name != "cond") for i in function.instrs for r in i.regions]
    return max(inner, default=0)


def _innermost(function: Function) -> Iterator[Function]:
    """Bodies of the loops that hold no other."""
    for instr in function.instrs:
        for region in instr.regions:
            if instr.name != "cond" and not _depth(region):
                yield region
            else:
                yield from _innermost(region)


def kernels_of(made: Any) -> list[CompiledKernel]:
    """The kernels of a version's artefacts."""
    texts = {m[1]: m[0] for m in _DEFINE.finditer(made.spec.module.llvm_ir_optimised())}
    found = []
    for number, instr in enumerate(kernels(made.program.host), 1):
        symbol = made.kernels.get(instr)
        text = _with_shared(texts, symbol or "")
        how = schedule(instr) if made.parallel else None
        found.append(CompiledKernel(number, instr, symbol, text, how))
    return found


def _with_shared(texts: Mapping[str, str], symbol: str) -> str:
    """The text of a kernel and of what threads share of it, which are functions of their own."""
    found = {symbol: texts.get(symbol, "")}
    for text in (found[symbol], *map(texts.get, _SHARED.findall(found[symbol]))):
        found |= {s: texts.get(s, "") for s in _SHARED.findall(text or "")}
    return "".join(found.values())


def sizes_of(made: Any) -> Mapping[str, int]:
    """The bytes of each native function."""
    return {s.symbol: s.size for s in functions(made.spec.module.object_code)}
