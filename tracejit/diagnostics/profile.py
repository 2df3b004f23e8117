"""``f.profile(*args)``: the time of each kernel, call and line of the user's, by counting cycles.

The function is compiled once more, with the processor's counter read around each statement of the
host that may take long. What the lines of one fused kernel take cannot be told apart by a clock: it
is divided among them as their operations cost in the table of primitives.
"""

from __future__ import annotations

import ctypes
import html
import linecache
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from tracejit.calls.compiler import compile_version
from tracejit.calls.dispatcher import Dispatcher
from tracejit.calls.versions import Options, Request, Version
from tracejit.codegen_llvm.engine import shared_engine
from tracejit.codegen_llvm.lower import RULES
from tracejit.diagnostics.checked_calls import copied
from tracejit.diagnostics.flame import LineShare, drawn
from tracejit.diagnostics.linked import Links, Place, document, framed, shown
from tracejit.ir.core import Instr
from tracejit.ir.program import instructions
from tracejit.llvm_text.lower_function import FunctionText, Rule
from tracejit.python_entry.entry import Miss
from tracejit.records import dataclass

#: Statements of the host that are timed besides calls of LAPACK and of NumPy.
_LONG = frozenset(["launch", "gemm", "host_call", "alloc", "print"])
_LIMIT = 4096
_SECONDS = 0.25


@dataclass(frozen=True)
class Spent:
    """One timed statement: what it is, its lines, its milliseconds per call, how often it ran in
    one, the milliseconds of each of its lines, and its number if it is a kernel."""

    what: str
    places: tuple[Place, ...]
    milliseconds: float
    runs: float
    by_line: tuple[float, ...] = ()
    kernel: int | None = None


@dataclass(frozen=True)
class Profile:
    """Where the time of a call goes. ``milliseconds``: of one call; ``calls``: how many were timed.

    ``rows``: kernels, calls and allocations, the longest first. ``lines``: milliseconds by file and
    line, the longest first. What is in neither is the host's own code and the way into the call.
    ``functions``: the function that each line is in.
    """

    name: str
    milliseconds: float
    calls: int
    rows: tuple[Spent, ...]
    lines: Mapping[Place, float] = field(default_factory=dict)
    functions: Mapping[Place, str] = field(default_factory=dict)

    def __str__(self) -> str:
        head = f"{self.name}: {self.milliseconds:.4f} ms per call, of {self.calls} calls"
        lines = [head, "", "      ms     %  line"]
        for place, ms in self.lines.items():
            lines.append(f"{ms:8.4f} {self._share(ms):5.1f}  {_named(place)}  {_source(place)}")
        lines += ["", "      ms     %    runs  statement"]
        for row in self.rows:
            text = f"{row.what} ({_listed(row.places)})" if row.places else row.what
            share = self._share(row.milliseconds)
            lines.append(f"{row.milliseconds:8.4f} {share:5.1f} {row.runs:7g}  {text}")
        return "\n".join(lines)

    def _share(self, ms: float) -> float:
        return 100.0 * ms / self.milliseconds if self.milliseconds else 0.0

    def html(self) -> str:
        """A page: the flame, the lines and the statements. It loads nothing."""
        links = Links()
        parts = (
            LineShare(self.functions.get(place, ""), place, row.what, row.kernel, ms)
            for row in self.rows
            for place, ms in zip(row.places, row.by_line)
        )
        flame = drawn(self.name, self.milliseconds, parts, _source, links)
        rows: list[tuple[float, str, str, tuple[Place, ...], int | None]] = [
            (ms, _named(p), _source(p), (p,), None) for p, ms in self.lines.items()
        ]
        rows += [(r.milliseconds, r.what, _listed(r.places), r.places, r.kernel) for r in self.rows]
        cells = "".join(
            f"<tr {links.attribute(places, kernel)}><td class='r'>{ms:.4f}</td>"
            f"<td class='r'>{self._share(ms):.1f} %</td><td>{html.escape(a)}</td>"
            f"<td><code>{html.escape(b)}</code></td></tr>"
            for ms, a, b, places, kernel in rows
        )
        head = html.escape(f"{self.milliseconds:.4f} ms per call, of {self.calls} calls")
        body = f"<h1>{html.escape(self.name)}</h1><p class='note'>{head}</p>{flame}"
        return document(self.name, f"{body}<table>{cells}</table>")

    def _repr_html_(self) -> str:
        """What a notebook shows: the page."""
        rows = len(self.lines) + len(self.rows)
        return framed(self.html(), height=min(600, 200 + 22 * rows))

    def show(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Write the page to a file, a temporary one that is opened in the browser if none is
        named. Returns the path."""
        return shown(self.html(), self.name, path)


def profiled(
    function: Callable[..., Any], options: Options, args: Sequence[Any], kwargs: Any
) -> Profile:
    """Time calls with these arguments, which are copied for each."""
    timed = _Timed()
    compile_timed = partial(_compile, timed)
    unkept = replace(options, cache=False)  # the text holds an address of this process
    call = Dispatcher(function, unkept, compile_timed, lambda chain: None, Miss).miss
    given, named = copied(args, kwargs)
    call(*given, **named)
    timed.counts[:] = 0
    spent, calls = 0.0, 0
    while calls < 3 or (spent < _SECONDS and calls < 1000):
        given, named = copied(args, kwargs)
        start = time.perf_counter()
        call(*given, **named)
        spent += time.perf_counter() - start
        calls += 1
    name = getattr(function, "__qualname__", type(function).__name__)
    return _profile(name, timed, spent * 1e3 / calls, calls)


def _compile(timed: _Timed, request: Request, options: Options) -> Version:
    timed.begin()
    return compile_version(request, options, timed)


class _Timed(Mapping[str, Rule]):
    """Rules that read the counter before and after what may take long."""

    def __init__(self) -> None:
        self.instrs: list[Instr] = []
        #: Cycles and runs of each, in turn.
        self.counts = np.zeros(2 * _LIMIT, np.int64)

    def begin(self) -> None:
        """What is lowered from here on is another version."""
        self.instrs.clear()

    def __getitem__(self, name: str) -> Rule:
        return partial(self._lowered, RULES[name])

    def __iter__(self) -> Iterator[str]:
        return iter(RULES)

    def __len__(self) -> int:
        return len(RULES)

    def _lowered(self, rule: Rule, f: FunctionText, instr: Instr) -> None:
        long = instr.name in _LONG or instr.prim.kind == "extern"
        if f.kernel or not long or len(self.instrs) >= _LIMIT:
            rule(f, instr)
            return
        f.module.declare("declare i64 @llvm.readcyclecounter()")
        where = self.counts.ctypes.data + 16 * len(self.instrs)
        self.instrs.append(instr)
        start, end, cycles = f.e.fresh(), f.e.fresh(), f.e.fresh()
        f.e.line(f"{start} = call i64 @llvm.readcyclecounter()")
        rule(f, instr)
        f.e.line(f"{end} = call i64 @llvm.readcyclecounter()")
        f.e.line(f"{cycles} = sub i64 {end}, {start}")
        for offset, more in ((0, cycles), (8, "1")):
            old, new = f.e.fresh(), f.e.fresh()
            at = f"ptr inttoptr (i64 {where + offset} to ptr)"
            f.e.line(f"{old} = load i64, {at}")
            f.e.line(f"{new} = add i64 {old}, {more}")
            f.e.line(f"store i64 {new}, {at}")


def _profile(name: str, timed: _Timed, milliseconds: float, calls: int) -> Profile:
    per_call = _milliseconds_per_cycle() / calls
    lines: dict[Place, float] = defaultdict(float)
    functions: dict[Place, str] = {}
    rows, number = [], 0
    for k, instr in enumerate(timed.instrs):
        number += instr.name == "launch"
        ms = float(timed.counts[2 * k]) * per_call
        weights = _weights(instr)
        for place, weight in weights.items():
            lines[place] += ms * weight
        functions |= {(i.loc.filename, i.loc.line): i.loc.function for i in _all(instr) if i.loc}
        places, runs = tuple(sorted(weights)), float(timed.counts[2 * k + 1]) / calls
        kernel = number if instr.name == "launch" else None
        by_line = tuple(ms * weights[p] for p in places)
        rows.append(Spent(_what(instr, number), places, ms, runs, by_line, kernel))
    rows.sort(key=lambda r: -r.milliseconds)
    ordered = dict(sorted(lines.items(), key=lambda item: -item[1]))
    return Profile(name, milliseconds, calls, tuple(rows), ordered, functions)


def _weights(instr: Instr) -> dict[Place, float]:
    """The share of each line in a statement, by what its operations cost."""
    found: dict[Place, float] = defaultdict(float)
    for i in _all(instr):
        if i.loc is not None:
            found[i.loc.filename, i.loc.line] += i.prim.cost
    total = sum(found.values())
    return {p: (w / total if total else 1.0 / len(found)) for p, w in found.items()}


def _all(instr: Instr) -> Iterable[Instr]:
    if not instr.regions:
        return [instr]
    return [i for region in instr.regions for i in instructions(region)]


def _what(instr: Instr, number: int) -> str:
    if instr.name == "launch":
        return f"kernel {number}"
    fn = instr.attrs.get("fn")
    named = getattr(fn, "__qualname__", None) or type(fn).__name__
    return instr.name if fn is None else f"{instr.name} of {named}"


@cache
def _milliseconds_per_cycle() -> float:
    """How long the processor's counter takes from one number to the next."""
    text = (
        "declare i64 @llvm.readcyclecounter()\n"
        "define i64 @cycles() {\n  %c = call i64 @llvm.readcyclecounter()\n  ret i64 %c\n}\n"
    )
    module = shared_engine().compile(text, exports=["cycles"], cache=False)
    cycles = ctypes.CFUNCTYPE(ctypes.c_int64)(module.addresses["cycles"])
    first, start = cycles(), time.perf_counter()
    while time.perf_counter() - start < 0.02:
        pass
    last, end = cycles(), time.perf_counter()
    return (end - start) * 1e3 / float(max(1, last - first))


def _named(place: Place) -> str:
    return f"{place[0].rpartition('/')[2]}:{place[1]}"


def _listed(places: Sequence[Place]) -> str:
    if not places:
        return ""
    word = "line" if len(places) == 1 else "lines"
    return f"{word} {', '.join(str(line) for _, line in places)}"


def _source(place: Place) -> str:
    return linecache.getline(*place).strip()
