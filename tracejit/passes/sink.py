"""Writes to the caller's arrays: those nobody can see go, those a loop repeats move behind it.

Between two writes to one array only what may end the call or let others look (a check, a raise, an
ordered effect) makes the first one visible. ``contents`` says which value an array holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.traits import Trait
from tracejit.passes.rebuild import Rebuild

Contents = dict[int, Value]


def sink(function: Function, args: Sequence[int | None] = ()) -> Function:
    """Move ``write_back`` out of loops, then drop what is overwritten unseen.

    ``args[k]`` is the number of the caller's array that parameter k is, where it is one.
    """
    if not written(function):
        return function
    entry = {k: p for k, p in zip(args, function.params, strict=False) if k is not None}
    moved, _ = _forward(function, entry)
    return _overwritten(moved, set())[0]


def written(function: Function) -> set[int]:
    """Numbers of the arrays that a function or its regions write."""
    found: set[int] = set()
    for instr in function.instrs:
        if instr.has(Trait.WRITES_BACK):
            found.add(instr.attrs["arg"])
        for region in instr.regions:
            found |= written(region)
    return found


def _quiet(function: Function) -> bool:
    """Whether the only effects are writes to the caller's arrays."""
    return all(_visible(i) is False for i in function.instrs)


def _visible(instr: Instr) -> bool:
    if instr.has(Trait.WRITES_BACK):
        return False
    if instr.prim.effect != "none":
        return True
    return not all(_quiet(r) for r in instr.regions)


def _forward(function: Function, contents: Contents) -> tuple[Function, Contents]:
    """Drop writes of what is there already and empty loops of repeated ones."""
    contents = dict(contents)
    re = Rebuild(function)
    for instr in function.instrs:
        now = re.renamed(instr)
        if now.has(Trait.WRITES_BACK):
            k = now.attrs["arg"]
            if contents.get(k) is now.operands[0]:
                re.changed = True
                continue
            contents[k] = now.operands[0]
            re.emit(instr, now)
        elif now.has(Trait.LOOP) and written(now.regions[-1]):
            _loop(re, instr, now, contents)
        elif now.regions and any(written(r) for r in now.regions):
            regions = tuple(_forward(r, {})[0] for r in now.regions)
            for k in set().union(*map(written, now.regions)):
                contents.pop(k, None)
            re.emit(instr, re.with_regions(now, regions))
        else:
            re.emit(instr, now)
    return re.finish(), {k: re.value(v) for k, v in contents.items()}


def _loop(re: Rebuild, old: Instr, now: Instr, contents: Contents) -> None:
    body = now.regions[-1]
    inner, follow = _repeated(now, contents)
    taken: dict[int, int] = {}
    if all(_quiet(r) for r in now.regions):
        inner, taken = _take(inner, follow)
    made = re.with_regions(now, (*now.regions[:-1], inner))
    re.emit(old, made)
    for k in written(body):
        contents.pop(k, None)
    for k, c in follow.items():
        contents[k] = made.results[c]
    if made is not now:
        for k, c in sorted(taken.items()):
            re.b.op("write_back", made.results[c], arg=k)


def _repeated(loop: Instr, contents: Contents) -> tuple[Function, dict[int, int]]:
    """The body, and which array holds which carried value whenever an iteration ends.

    With no iteration an array must hold the initial value already; that is assumed where it does
    on entry, and kept only if every iteration ends so.
    """
    op = RegionOp(loop)
    body, carried = op.body, op.carried_in(op.body)
    runs = (op.known_trip or 0) >= 1
    places = _places(op, contents)
    while True:
        assumed = {k: carried[c] for k, c in places.items()}
        inner, after = _forward(body, assumed)
        good = {k: c for k, c in places.items() if _follows(inner, after, k, c)}
        if good == places:
            break
        places = good
    if runs and not body.diverges:
        for k in sorted(written(body) - set(places)):
            found = [c for c in range(op.count) if _follows(inner, after, k, c)]
            if found:
                places[k] = found[0]
    return inner, places


def _places(op: RegionOp, contents: Contents) -> dict[int, int]:
    """Arrays that hold the initial value of a carried value, and which one."""
    mine = written(op.body)
    return {k: op.inits.index(v) for k, v in contents.items() if k in mine and v in op.inits}


def _follows(body: Function, after: Contents, k: int, c: int) -> bool:
    return k in after and not body.diverges and after[k] is body.results[c]


def _take(body: Function, follow: dict[int, int]) -> tuple[Function, dict[int, int]]:
    """The body without the writes that one write behind the loop stands for."""
    taken = {k: c for k, c in follow.items() if k in written(body)}
    if not taken:
        return body, {}
    return _dropping(body, set(taken)), taken


def _dropping(function: Function, args: set[int]) -> Function:
    re = Rebuild(function)
    for instr in function.instrs:
        if instr.has(Trait.WRITES_BACK) and instr.attrs["arg"] in args:
            re.changed = True
            continue
        now = re.renamed(instr)
        if any(written(r) & args for r in now.regions):
            now = re.with_regions(now, tuple(_dropping(r, args) for r in now.regions))
        re.emit(instr, now)
    return re.finish()


def _overwritten(function: Function, later: Iterable[int]) -> tuple[Function, set[int]]:
    """Drop writes to arrays in ``later``, which are written again before anyone can look.

    Also gives the arrays that are surely written from the function's start on.
    """
    pending = set(later)
    kept: list[tuple[Instr, tuple[Function, ...]]] = []
    for instr in reversed(function.instrs):
        regions = instr.regions
        if instr.has(Trait.WRITES_BACK):
            if instr.attrs["arg"] in pending:
                continue
            pending.add(instr.attrs["arg"])
        elif _visible(instr):
            regions = tuple(_overwritten(r, ())[0] for r in regions)
            pending = set()
        elif instr.regions:
            regions = tuple(_overwritten(r, pending)[0] for r in regions)
        kept.append((instr, regions))
    re = Rebuild(function)
    re.changed = len(kept) != len(function.instrs)
    for instr, regions in reversed(kept):
        now = re.renamed(instr)
        re.emit(instr, re.with_regions(now, regions))
    return re.finish(), pending
