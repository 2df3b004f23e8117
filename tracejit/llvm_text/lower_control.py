"""Control flow and effects: `for`, `while`, `cond`, `check`, `raise`, `launch`.

Loops are emitted rotated, with a guard. Host loops that may run long ask now and then whether the
user has pressed Ctrl-C: a `for` is cut into chunks with the question between them, so that its
inner loop is as plain as without it. Kernels do not ask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracejit.dtypes import computed_in, is_wide_float, kind_of
from tracejit.ir.accesses import accesses
from tracejit.ir.core import Function, Instr, Loc, Value
from tracejit.ir.exceptions import exception_type
from tracejit.ir.scalar.emit import F64, I64, ComplexPair
from tracejit.ir.traits import Trait
from tracejit.ir.types import INDEX, BufferType, Type
from tracejit.llvm_text import lower_apart, lower_counts, lower_decided, lower_usual
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.loops import CountedLoop, Phis, merge, poll
from tracejit.llvm_text.lower_function import (
    FunctionText,
    Pointer,
    Rule,
    is_heavy,
    joined,
    loops_inside,
    number,
    part_types,
    parts,
    zero,
)
from tracejit.llvm_text.tables import ErrorSite, Location, PayloadKind

_LIGHT_CHUNK = 8192
_HEAVY_CHUNK = 8
_UNCHUNKED_LIGHT = 1 << 18
_UNCHUNKED_HEAVY = 64


# -- for ---------------------------------------------------------------------------------------


def _for(f: FunctionText, instr: Instr) -> None:
    (body,) = instr.regions
    trip, rest = f.scalar(instr.operands[0]), [f.scalar(v) for v in instr.operands[1:]]
    first, trip = f.spans.get(instr, (f.const(0), trip))
    carried = instr.attrs["carried"]
    inits, consts = rest[:carried], rest[carried:]
    heavy = is_heavy(body, f.module.light)
    f.extremes.update(_extremes(body))
    known = number(trip)
    if known is not None and known <= 0:
        f.bind(instr.results, inits)
        return
    limit = _UNCHUNKED_HEAVY if heavy else _UNCHUNKED_LIGHT
    plain = f.kernel or body.diverges or (known is not None and known <= limit)
    loop = CountedLoop(f, body, inits, consts, known)
    apart = _apart(f, body, carried, known)
    usual = lower_usual.trial(f, body, [*inits, *consts]) if f.kernel and plain else None
    counts = lower_counts.counts_of(body, carried, known) if loop.many and plain else None
    last = lower_decided.decided(body, carried, known) if loop.many and plain else None
    exits = [] if known is not None else [(f.e.block, inits)]
    inside, after = f.e.fresh_label("loop"), f.e.fresh_label("after")
    if known is None:
        some = f.e.icmp("gt", trip, first)
        f.e.line(f"br {some}, label %{inside}, label %{after}")
    else:
        f.e.line(f"br label %{inside}")
    if apart is not None:
        exits += lower_apart.Apart(f, loop, apart).run(inside, after, first, trip)
    elif usual is not None:
        exits += lower_usual.Chunks(f, loop, first, trip, usual).run(inside, after)
    elif counts is not None:
        exits += lower_counts.Counting(f, loop, counts).run(inside, after, first, trip)
    elif last is not None:
        exits += lower_decided.Deciding(f, loop, last).run(inside, after, first, trip)
    elif plain:
        entry = f.e.block
        f.e.label(inside)
        exits += loop.run(entry, first, trip, after)
    else:
        chunk = _HEAVY_CHUNK if heavy else _LIGHT_CHUNK
        exits += loop.run_chunks(inside, after, trip, chunk)
    if not exits:  # the body raises the first time, and there is a first time
        f.e.label(after)
        f.bind(instr.results, [zero(r.type) for r in instr.results])
        return
    f.e.label(after)
    f.bind(instr.results, merge(f, [v.type for v in instr.results], exits))


def _apart(
    f: FunctionText, body: Function, carried: int, known: int | None
) -> lower_apart.Parts | None:
    """How a loop is done in two: none where a launch is more than a call, or the stack is small or
    is a recursion's."""
    launches = f.kernel or f.module.rules.get("launch") is _launch
    if not launches or f.recursion is not None or not f.module.deep_stack:
        return None
    return lower_apart.parts_of(body, carried, known)


def _extremes(body: Function) -> list[Instr]:
    """Running float maxima and minima of a loop.

    They become LLVM's `maximum` and `minimum`, which may be taken in any order (nan wins, and which
    zero wins NumPy does not say either), so that the loop becomes vector code.
    """
    uses: dict[Value, int] = {}
    for instr in body.instrs:
        for v in instr.operands:
            uses[v] = uses.get(v, 0) + 1
    makers = {i.results[0]: i for i in body.instrs if i.has(Trait.EXTREME)}
    found = []
    for param, result in zip(body.params[1:], body.results, strict=False):
        maker = makers.get(result)
        if maker is None or not is_wide_float(maker.result.dtype) or param not in maker.operands:
            continue
        if uses[param] == 1 and result not in uses:
            found.append(maker)
    return found


# -- while and cond ----------------------------------------------------------------------------


def _while(f: FunctionText, instr: Instr) -> None:
    test, body = instr.regions
    e = f.e
    operands = [f.scalar(v) for v in instr.operands]
    carried = instr.attrs["carried"]
    inits, consts = operands[:carried], operands[carried:]
    types = [p.type for p in test.params[:carried]]
    head, inside, after = (e.fresh_label(h) for h in ("head", "inside", "after"))
    entry = e.block
    e.line(f"br label %{head}")
    e.label(head)
    counter = not f.kernel
    phis = Phis(f, [*types, *([INDEX] if counter else [])])
    phis.edge(entry, [*inits, *([f.const(1)] if counter else [])])
    values = phis.values[:carried]
    if not f.run(test, [*values, *consts]):
        phis.close()
        e.label(after)
        f.bind(instr.results, [zero(r.type) for r in instr.results])
        return
    (ok,) = f.results(test)
    e.line(f"br {ok}, label %{inside}, label %{after}")
    e.label(inside)
    if counter:
        heavy = any(is_heavy(r, f.module.light) for r in (body, test))
        _poll_sometimes(f, phis.values[carried], 8 if heavy else 1024)
    if f.run(body, [*values, *consts]):
        steps = [e.iadd(phis.values[carried], f.const(1))] if counter else []
        phis.edge(e.block, [*f.results(body), *steps])
        e.line(f"br label %{head}")
    phis.close()
    e.label(after)
    f.bind(instr.results, values)


def _poll_sometimes(f: FunctionText, count: Reg, every: int) -> None:
    e = f.e
    rest = e.iand(count, f.const(every - 1))
    due, ask, on = e.icmp("eq", rest, f.const(0)), e.fresh_label("poll"), e.fresh_label("on")
    e.line(f"br {due}, label %{ask}, label %{on}")
    e.label(ask)
    poll(f)
    e.line(f"br label %{on}")
    e.label(on)


def _cond(f: FunctionText, instr: Instr) -> None:
    e = f.e
    pred, args = f.scalar(instr.operands[0]), [f.scalar(v) for v in instr.operands[1:]]
    labels = [e.fresh_label(h) for h in ("then", "else")]
    after = e.fresh_label("after")
    e.line(f"br {pred}, label %{labels[0]}, label %{labels[1]}")
    edges: list[tuple[str, list[Any]]] = []
    for region, label in zip(instr.regions, labels, strict=True):
        e.label(label)
        if f.run(region, args):
            edges.append((e.block, f.results(region)))
            e.line(f"br label %{after}")
    e.label(after)
    types = [r.type for r in instr.results]
    f.bind(instr.results, merge(f, types, edges) if edges else [zero(t) for t in types])


# -- check and raise ---------------------------------------------------------------------------


def _check(f: FunctionText, instr: Instr) -> None:
    e = f.e
    ok = f.scalar(instr.operands[0])
    good, bad = e.fresh_label("good"), e.fresh_label("bad")
    e.line(f"br {ok}, label %{good}, label %{bad}")
    e.label(bad)
    report(f, instr, instr.operands[1:])
    e.label(good)


def _raise(f: FunctionText, instr: Instr) -> None:
    report(f, instr, instr.operands)


def report(f: FunctionText, instr: Instr, payload: Sequence[Value]) -> None:
    """Store error id and payload, and leave through `fail`."""
    kinds: list[PayloadKind] = []
    words: list[Reg] = []
    for value in payload:
        kind, word = _payload(f, f.scalar(value))
        kinds.append(kind)
        words.append(word)
    site = ErrorSite(
        exception_type(instr.attrs["exc"]),
        instr.attrs["message"],
        tuple(kinds),
        location_of(instr.loc),
    )
    number_ = f.module.errors.add(site)
    f.e.line(f"store i64 {number_}, ptr %ctx")
    for k, word in enumerate(words[:8]):
        f.e.line(f"store {word.type} {word.text}, {f.at(Pointer('%ctx'), 8 * (1 + k))}")
    f.e.line(f"br label %{f.fail()}")


def _payload(f: FunctionText, scalar: Any) -> tuple[PayloadKind, Reg]:
    assert not isinstance(scalar, ComplexPair | Pointer), "a payload is a real scalar"
    kind = kind_of(scalar.dtype)
    if kind == "f":
        return "float", f.e.float_cast(f.e.float_cast(scalar, computed_in(scalar.dtype)), F64)
    wide = f.e.int_cast(scalar, I64)
    names: dict[str, PayloadKind] = {"b": "bool", "u": "unsigned", "i": "int"}
    return names[kind], wide


def location_of(loc: Loc | None) -> Location | None:
    """A place of the IR as error tables have it."""
    return None if loc is None else Location(loc.filename, loc.line, loc.function or "<module>")


# -- launch ------------------------------------------------------------------------------------


def _launch(f: FunctionText, instr: Instr) -> None:
    """A kernel with loops is a function of its own; a straight one is emitted in place."""
    (kernel,) = instr.regions
    args = [f.scalar(v) for v in instr.operands]
    if not loops_inside(kernel):
        f.run(kernel, args)
        f.bind(instr.results, f.results(kernel))
        return
    shared = f.module.schedule(instr)
    symbol, result = kernel_function(f, kernel, instr.attrs.get("aliases", ()), shared)
    f.module.kernels[instr] = symbol.removeprefix("@")
    operands = ", ".join(str(p) for a in args for p in parts(a))
    call = f"call {result} {symbol}({operands})"
    f.bind(instr.results, unpack(f, call, result, [r.type for r in instr.results]))


def unpack(f: FunctionText, call: str, result: str, types: Sequence[Type]) -> list[Any]:
    """Emit a call that returns a struct, and take its fields."""
    if not types:
        f.e.line(call)
        return []
    both = f.e.fresh()
    f.e.line(f"{both} = {call}")
    names = []
    for k, _ in enumerate(t for type_ in types for t in part_types(type_)):
        names.append(f.e.fresh())
        f.e.line(f"{names[-1]} = extractvalue {result} {both}, {k}")
    source = iter(names)
    return [joined(t, source) for t in types]


def kernel_function(
    f: FunctionText,
    kernel: Function,
    aliases: Sequence[Sequence[int]],
    shared: Mapping[Instr, Any],
) -> tuple[str, str]:
    """Define a kernel; its symbol and LLVM result type."""
    k = FunctionText(f.module, kernel=True)
    k.shared = shared
    written = stored_params(kernel)
    met = {p for group in aliases if written.intersection(group) for p in group}
    params, args = parameters(kernel.params, met)
    k.alone = {a.text for p, a in enumerate(args) if isinstance(a, Pointer) and p not in met}
    k.run(kernel, args)
    result = result_type([r.type for r in kernel.results])
    return_results(k, k.results(kernel), result)
    body = f"({params}) noinline #0 {{\nentry:\n{k.body()}\n}}"
    symbol = f.module.define("kernel", lambda name: f"define internal {result} {name}{body}")
    return symbol, result


def parameters(values: Sequence[Value], shared: set[int]) -> tuple[str, list[Any]]:
    """LLVM parameters for values; pointers at positions in `shared` may overlap others."""
    texts: list[str] = []
    args = []
    for position, value in enumerate(values):
        kinds = part_types(value.type)
        names = [f"%a{position}" + ("" if len(kinds) == 1 else f".{k}") for k in range(len(kinds))]
        noalias = isinstance(value.type, BufferType) and position not in shared
        texts += [f"{t}{' noalias' if noalias else ''} {n}" for t, n in zip(kinds, names)]
        args.append(joined(value.type, iter(names)))
    return ", ".join(texts), args


def result_type(types: Sequence[Type]) -> str:
    """The struct that holds all parts, or void."""
    kinds = [t for type_ in types for t in part_types(type_)]
    return f"{{ {', '.join(kinds)} }}" if kinds else "void"


def return_results(f: FunctionText, scalars: Sequence[Any], result: str) -> None:
    """`ret` of the parts of scalars as one struct."""
    held = packed(f, scalars, result)
    f.e.line(f"ret {result} {held}" if scalars else "ret void")


def packed(f: FunctionText, scalars: Sequence[Any], result: str) -> str:
    """The parts of scalars as one struct."""
    held = "poison"
    for k, part in enumerate(p for s in scalars for p in parts(s)):
        name = f.e.fresh()
        f.e.line(f"{name} = insertvalue {result} {held}, {part}, {k}")
        held = name
    return held


def stored_params(function: Function) -> set[int]:
    """Positions of the parameters of a kernel that it stores to."""
    stored = {a.root for a in accesses(function.instrs).values() if a.stores}
    return {k for k, p in enumerate(function.params) if p in stored}


CONTROL: dict[str, Rule] = {
    "for": _for,
    "while": _while,
    "cond": _cond,
    "check": _check,
    "raise": _raise,
    "launch": _launch,
}
