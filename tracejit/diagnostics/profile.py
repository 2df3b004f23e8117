"""``f.profile(*args)``: the time of each kernel, call and line of the user's, by counting cycles.

The function is compiled once more, with the processor's counter read around each statement of the
host that may take long. What the lines of one fused kernel take cannot be told apart by a clock: it
is divided among them as their operations cost in the table of primitives.

Reading the counter takes time itself, and more than a short statement in a loop does. Calls without
it are timed in turn with these: they say how long a call takes. What reading the counter takes
between its two readings is subtracted; where the statements take longer than the call nevertheless,
as they do where the compiler could not move code across the readings, they are made smaller alike.
"""

from __future__ import annotations

import ctypes
import html
import linecache
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tracejit.calls.compiler import compile_version
from tracejit.calls.versions import Options, Request, Version
from tracejit.codegen_llvm.engine import shared_engine
from tracejit.codegen_llvm.lower import RULES
from tracejit.diagnostics.checked_calls import copied
from tracejit.diagnostics.flame import LineShare, drawn
from tracejit.diagnostics.linked import Links, Place, document, framed, shown
from tracejit.ir.core import Instr
from tracejit.ir.program import instructions
from tracejit.llvm_text.lower_function import FunctionText, Rule
from tracejit.records import dataclass

Call = Callable[..., Any]
Floats = npt.NDArray[np.float64]

#: Statements of the host that are timed besides calls of LAPACK and of NumPy.
_LONG = frozenset(["launch", "gemm", "host_call", "alloc", "print"])
_LIMIT = 4096
_SECONDS = 0.25
_REST = "the rest: the host's own code, and the way into the call"


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
    """Where the time of a call goes. ``milliseconds``: of one call, without anything that measures;
    ``calls``: how many were timed.

    ``rows``: kernels, calls and allocations, the longest first. ``lines``: milliseconds by file and
    line, the longest first. ``rest``: what is in neither, the host's own code and the way into the
    call. ``probes``: how many milliseconds longer a call takes whose statements are timed; where
    that is much, the times of lines and rows are estimates. ``functions``: the function that each
    line is in.
    """

    name: str
    milliseconds: float
    calls: int
    rows: tuple[Spent, ...]
    lines: Mapping[Place, float] = field(default_factory=dict)
    functions: Mapping[Place, str] = field(default_factory=dict)
    probes: float = 0.0

    @property
    def rest(self) -> float:
        """Milliseconds of a call that are in no row."""
        return max(0.0, self.milliseconds - sum(row.milliseconds for row in self.rows))

    def __str__(self) -> str:
        lines = [f"{self.name}: {self._head()}", "", "      ms     %  line"]
        for place, ms in self.lines.items():
            lines.append(f"{ms:8.4f} {self._share(ms):5.1f}  {_named(place)}  {_source(place)}")
        lines += ["", "      ms     %    runs  statement"]
        for row in self.rows:
            text = f"{row.what} ({_listed(row.places)})" if row.places else row.what
            share = self._share(row.milliseconds)
            lines.append(f"{row.milliseconds:8.4f} {share:5.1f} {row.runs:7g}  {text}")
        lines.append(f"{self.rest:8.4f} {self._share(self.rest):5.1f} {'':7}  {_REST}")
        if note := self._note():
            lines += ["", note]
        return "\n".join(lines)

    def _head(self) -> str:
        return f"{self.milliseconds:.4f} ms per call, of {self.calls} calls"

    def _note(self) -> str:
        """What is to be known of the figures: nothing where timing took little."""
        if self.probes < 0.1 * self.milliseconds:
            return ""
        return (
            f"Timing the statements took {self.probes:.4f} ms more per call, which is not counted "
            "above: the times of lines and statements are estimates."
        )

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
        rows.append((self.rest, _REST, "", (), None))
        cells = "".join(
            f"<tr {links.attribute(places, kernel)}><td class='r'>{ms:.4f}</td>"
            f"<td class='r'>{self._share(ms):.1f} %</td><td>{html.escape(a)}</td>"
            f"<td><code>{html.escape(b)}</code></td></tr>"
            for ms, a, b, places, kernel in rows
        )
        head = html.escape(" ".join(filter(None, (self._head() + ".", self._note()))))
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
    name: str,
    plain: Call,
    compiled_by: Callable[[Callable[[Request, Options], Version]], Call],
    args: Sequence[Any],
    kwargs: Any,
) -> Profile:
    """Time calls with these arguments, which are copied for each. ``plain``: the compiled function;
    ``compiled_by``: the same, with versions that are compiled by what it is given."""
    timed = _Timed()
    ways = (compiled_by(partial(_compile, timed)), plain)
    for call in ways * 2:
        _seconds(call, args, kwargs)
    timed.counts[:] = 0
    spent: list[list[float]] = []
    while len(spent) < 3 or (np.sum(spent) < _SECONDS * 1e3 and len(spent) < 1000):
        spent.append([_seconds(call, args, kwargs) * 1e3 for call in ways])
    probed, whole = (float(ms) for ms in np.mean(spent, axis=0))
    return _profile(name, timed, whole, max(0.0, probed - whole), len(spent))


def _seconds(call: Call, args: Sequence[Any], kwargs: Any) -> float:
    given, named = copied(args, kwargs)
    start = time.perf_counter()
    call(*given, **named)
    return time.perf_counter() - start


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


def _profile(name: str, timed: _Timed, milliseconds: float, probes: float, calls: int) -> Profile:
    lines: dict[Place, float] = defaultdict(float)
    functions: dict[Place, str] = {}
    rows, number = [], 0
    runs = timed.counts[1::2][: len(timed.instrs)] / calls
    spent = _spent(timed.counts[::2][: len(timed.instrs)] / calls, runs, milliseconds)
    for k, instr in enumerate(timed.instrs):
        number += instr.name == "launch"
        ms = float(spent[k])
        weights = _weights(instr)
        for place, weight in weights.items():
            lines[place] += ms * weight
        functions |= {(i.loc.filename, i.loc.line): i.loc.function for i in _all(instr) if i.loc}
        places = tuple(sorted(weights))
        kernel = number if instr.name == "launch" else None
        by_line = tuple(ms * weights[p] for p in places)
        rows.append(Spent(_what(instr, number), places, ms, float(runs[k]), by_line, kernel))
    rows.sort(key=lambda r: -r.milliseconds)
    ordered = dict(sorted(lines.items(), key=lambda item: -item[1]))
    return Profile(name, milliseconds, calls, tuple(rows), ordered, functions, probes)


def _spent(cycles: Floats, runs: Floats, milliseconds: float) -> Floats:
    """The milliseconds of each statement in a call that takes ``milliseconds``."""
    clock = _clock()
    spent = np.maximum(0.0, cycles - clock.reading * runs) * clock.milliseconds
    total = float(spent.sum())
    return spent * (milliseconds / total) if total > milliseconds else spent


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


@dataclass(frozen=True)
class _Clock:
    """The processor's counter: the milliseconds from one number to the next, and the cycles that
    are counted between two readings with nothing in between."""

    milliseconds: float
    reading: float


@cache
def _clock() -> _Clock:
    text = (
        "declare i64 @llvm.readcyclecounter()\n"
        "define i64 @cycles() {\n  %c = call i64 @llvm.readcyclecounter()\n  ret i64 %c\n}\n"
        "define i64 @reading() {\n  %a = call i64 @llvm.readcyclecounter()\n"
        "  %b = call i64 @llvm.readcyclecounter()\n  %d = sub i64 %b, %a\n  ret i64 %d\n}\n"
    )
    module = shared_engine().compile(text, exports=["cycles", "reading"], cache=False)
    cycles, reading = (
        ctypes.CFUNCTYPE(ctypes.c_int64)(module.addresses[name]) for name in ("cycles", "reading")
    )
    first, start = cycles(), time.perf_counter()
    readings = []
    while time.perf_counter() - start < 0.02:
        readings.append(reading())
    last, end = cycles(), time.perf_counter()
    return _Clock((end - start) * 1e3 / float(max(1, last - first)), float(np.median(readings)))


def _named(place: Place) -> str:
    return f"{place[0].rpartition('/')[2]}:{place[1]}"


def _listed(places: Sequence[Place]) -> str:
    if not places:
        return ""
    word = "line" if len(places) == 1 else "lines"
    return f"{word} {', '.join(str(line) for _, line in places)}"


def _source(place: Place) -> str:
    return linecache.getline(*place).strip()
