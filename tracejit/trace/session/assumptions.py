"""What a version assumes of values that decide dtypes, and the checks that this is so.

Whether ``np.linalg.eigvals`` of a real matrix is real is known when it has run. A trace goes on
under an assumption, and a check in the code ends the run with ``AssumptionFailed`` where values are
otherwise: the call begins again then, with a version that assumes what was found
(``calls.deopt``).
"""

from __future__ import annotations

from collections.abc import Sequence

from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.exceptions import ExceptionName
from tracejit.records import dataclass
from tracejit.trace.session.assumption_sets import AssumptionFailed, AssumptionSite
from tracejit.trace.session.raising import Diverged
from tracejit.trace.session.session import current


@dataclass(frozen=True)
class FailedAssumption:
    """Makes the exception of a run that found this at a site."""

    site: AssumptionSite
    found: bool

    def __call__(self, message: str) -> BaseException:
        return AssumptionFailed(self.site, self.found)


def assume(holds: Value, what: str, instead: str) -> bool:
    """Whether ``holds`` (a bool scalar) is true, as this version assumes and checks.

    ``what`` it says, and what to write ``instead`` where it is so only in part of a run.
    """
    session = current()
    known = session.literal(holds)
    if known is not None:
        return bool(known)
    loc = session.loc
    place = ("<unknown>", 1) if loc is None else (loc.filename, loc.line)
    site = AssumptionSite(
        what, instead, *place, sum(_count(f.builder.instrs) for f in session.frames)
    )
    assumed = session.assumptions.at(site)
    b = session.b
    if assumed is not False:
        b.op("check", holds, exc=_exception(site, False), message="")
    if assumed is not True:
        no = holds if assumed is None else b.op("invert", holds)
        if assumed is None:
            b.op("raise", exc=_exception(site, True), message="")
            raise Diverged
        b.op("check", no, exc=_exception(site, True), message="")
    return assumed


def nothing_to_undo() -> bool:
    """Whether a run has changed nothing yet at the place that is traced now, nor will come back."""
    frames = current().frames
    return not any(f.kind == "loop" or _ordered(f.builder.instrs) for f in frames)


def _ordered(instrs: Sequence[Instr]) -> bool:
    return any(
        i.prim.effect == "ordered" or any(_ordered(region.instrs) for region in i.regions)
        for i in instrs
    )


def _exception(site: AssumptionSite, found: bool) -> str:
    """The name in the IR of what ends a run that found this at a site."""
    name = f"AssumptionFailed {site.what} {site.filename}:{site.line} #{site.before} {found}"
    return ExceptionName(name, FailedAssumption(site, found))


def is_assumption(instr: Instr) -> bool:
    """Whether an instruction ends a run that its version is wrong for."""
    return instr.name in ("check", "raise") and instr.attrs["exc"].startswith("AssumptionFailed ")


def _count(instrs: Sequence[Instr]) -> int:
    return sum(
        is_assumption(i) + sum(_count(region.instrs) for region in i.regions) for i in instrs
    )


def effects_before(function: Function) -> list[Instr]:
    """Ordered effects after which a run may still turn out to be wrong, in program order."""
    found: list[Instr] = []
    _scan(function, False, found)
    return found[::-1]


def _scan(function: Function, later: bool, found: list[Instr]) -> bool:
    """Walk backwards; ``later``: whether a assumption may be checked after the function."""
    for instr in reversed(function.instrs):
        inside = any(_count(region.instrs) for region in instr.regions)
        again = later or (inside and instr.name != "cond")
        for region in instr.regions:
            _scan(region, again, found)
        later = later or inside or is_assumption(instr)
        if later and instr.prim.effect == "ordered":
            found.append(instr)
    return later
