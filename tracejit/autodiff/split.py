"""A function cut in two: what computes its results and keeps residuals, and the derivative there.

    forward:  params -> results, residuals
    pullback: residuals, cotangents -> cotangents of params
    pushforward: residuals, tangents -> tangents of results

The derivative is a function of its own: it can be called any number of times, anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tracejit.autodiff.forward import Forward
from tracejit.autodiff.regions import Joint, Replay, emit_primal, joint
from tracejit.autodiff.residuals import Chooser
from tracejit.autodiff.tangents import has_tangent, without_write_back
from tracejit.autodiff.transform import jvp, vjp
from tracejit.errors import UnsupportedError
from tracejit.ir.builder import Builder, rename_type
from tracejit.ir.core import Function, Instr, Value, instr_effect, type_uses, uses
from tracejit.ir.extent import leaves
from tracejit.ir.types import TapeType
from tracejit.records import dataclass


@dataclass(frozen=True)
class Split:
    """``forward`` and a derivative; the last ``kept`` results of one are the first parameters of
    the other."""

    forward: Function
    derivative: Function
    kept: int


def pullback(function: Function, wrt: Sequence[int], of: Sequence[int]) -> Split:
    """``function`` and the pullback of its results number ``of`` to its parameters ``wrt``.

    Cotangents are those of the results that have any. A function whose residuals are unknown in
    number keeps its parameters instead, and the pullback runs it again; UnsupportedError where that
    would repeat an effect.
    """
    function = without_write_back(function)
    active = [k in set(wrt) for k in range(len(function.params))]
    ends = set(of)
    moving = [k in ends and has_tangent(r) for k, r in enumerate(function.results)]
    j = joint(function, active, moving, [False] * len(active))
    if j.uses_tape:
        return _again(function, wrt, of, "vjp")
    cts = [ct for ct in j.cts if ct is not None]
    kept = _residuals(j, [*cts, *j.params])
    typed = [(grad, j.params[k]) for k in wrt if (grad := j.grads[k]) is not None]
    return Split(_forward(j, kept), _derivative(j, kept, cts, typed), len(kept))


def _residuals(j: Joint, ends: Sequence[Value]) -> list[Value]:
    """What the derivative reads, cheapest to keep; extents of what it takes and gives first."""
    extents = list(dict.fromkeys(u for v in ends for u in type_uses(v.type)))
    found = Chooser(j, [], [], extents).choose().kept
    inner = [u for v in found for u in type_uses(v.type)]
    return list(dict.fromkeys([*extents, *inner, *found]))


def _forward(j: Joint, kept: Sequence[Value]) -> Function:
    b = Builder(j.name)
    mapping = b.params_like(j.params)
    emit_primal(b, j, {}, [*j.results, *kept], mapping)
    return b.build([] if j.diverges else [mapping[v] for v in [*j.results, *kept]])


def _derivative(
    j: Joint,
    kept: Sequence[Value],
    given: Sequence[Value],
    made: Sequence[tuple[Value, Value]],
) -> Function:
    """The linear part over residuals and what it is ``given``; ``made``: results, as what typed."""
    b = Builder(f"{j.name}_derivative")
    mapping = b.params_like(kept)
    if j.diverges:
        return b.build([])
    for v in given:
        mapping[v] = b.param(rename_type(v.type, mapping))
    replay = Replay(b, j, mapping, {})
    replay.run()
    return b.build([replay.typed(replay.get(v), t) for v, t in made])


def pushforward(function: Function, wrt: Sequence[int], of: Sequence[int]) -> Split:
    """``function`` and the pushforward of its parameters ``wrt`` to its results number ``of``.

    Loops that tangents go through run again beside them; UnsupportedError where that would repeat
    an effect.
    """
    function = without_write_back(function)
    found = _apart(function, wrt, of, ())
    if any(r in found.moving for r in found.joint.results) or _effects(found.joint.reverse):
        quiet = without_prints(function)
        _require_repeatable(quiet, "linearize")
        found = _apart(quiet, wrt, of, (function,))
    ends = [v for v in found.joint.grads if v is not None]
    if any(u in found.moving for v in ends for u in type_uses(v.type)):
        return _pushed_again(function, wrt, of)
    kept = _residuals(found.joint, [*found.tangents, *ends])
    derivative = _derivative(found.joint, kept, found.tangents, [(v, v) for v in ends])
    return Split(_forward(found.joint, kept), derivative, len(kept))


def _pushed_again(function: Function, wrt: Sequence[int], of: Sequence[int]) -> Split:
    """Keep the parameters: extents of results are found by what tangents go through."""
    quiet = without_prints(function)
    _require_repeatable(quiet, "linearize")
    forward = replace(function, results=(*function.results, *function.params))
    pushed = jvp(replace(quiet, results=tuple(function.results[k] for k in of)), wrt)
    count = sum(has_tangent(function.results[k]) for k in of)
    derivative = replace(pushed, results=pushed.results[len(pushed.results) - count :])
    return Split(forward, derivative, len(function.params))


@dataclass(frozen=True)
class _Apart:
    """Forward mode as a joint: what depends on tangents is its reverse part."""

    joint: Joint
    tangents: list[Value]
    moving: set[Value]


def _apart(
    function: Function, wrt: Sequence[int], of: Sequence[int], plain: tuple[Function, ...]
) -> _Apart:
    """``plain``: a function whose results are the primal ones, where tangents run beside others."""
    w = Builder(function.name)
    made = w.params_like(function.params)
    params = [made[p] for p in function.params]
    first = [r for f in plain for r in w.inline(f, params)]
    mark = len(w.instrs)
    forward = Forward(w)
    tangents = [Value(params[k].type) for k in wrt]
    forward.tangents.update(zip((params[k] for k in wrt), tangents, strict=True))
    results = forward.run(function, params)
    ends = [] if function.diverges else [forward.dense(results[k]) for k in of]
    dots: list[Value | None] = [v for v in ends if has_tangent(v)]
    moving, known, linear = set(tangents), w.instrs[:mark], list[Instr]()
    for instr in w.instrs[mark:]:
        values = (*instr.results, *uses(instr))
        if any(v in moving or isinstance(v.type, TapeType) for v in values):
            moving.update(instr.results)
            linear.append(instr)
        else:
            known.append(instr)
    tape = Value(TapeType())
    cts: list[Value | None] = [None] * len(results)
    name, done = function.name, function.diverges
    ends_at = (tape, tape, tape)
    joined = Joint(
        name, params, known, linear, first or results, cts, [], dots, ends_at, {}, done
    )  # fmt: skip
    return _Apart(joined, tangents, moving)


def without_prints(function: Function) -> Function:
    """The function without effects that give nothing."""
    instrs = tuple(
        replace(i, regions=tuple(map(without_prints, i.regions)))
        for i in function.instrs
        if i.prim.effect != "ordered" or i.results
    )
    return replace(function, instrs=instrs)


def _effects(instrs: Sequence[Instr]) -> bool:
    return any(instr_effect(i) == "ordered" for i in instrs)


def _require_repeatable(function: Function, what: str) -> None:
    """Raise for effects that must not happen twice: all but calls of NumPy's functions."""
    for instr in function.instrs:
        for region in instr.regions:
            _require_repeatable(region, what)
        if instr.prim.effect != "ordered":
            continue
        called = instr.attrs.get("fn")
        if not hasattr(getattr(called, "function", called), "path"):
            raise UnsupportedError(
                f"{what} of a function with a loop and with effects (random numbers, calls of "
                "Python), which would happen twice: use grad, value_and_grad or jvp"
            )


def _again(function: Function, wrt: Sequence[int], of: Sequence[int], mode: str) -> Split:
    """Keep the parameters; the derivative computes all of it again."""
    quiet = without_prints(function)
    _require_repeatable(quiet, mode)
    ends = [r for k, r in enumerate(function.results) if k in set(of)]
    extents = [u for r in ends if has_tangent(r) for u in type_uses(r.type)]
    extents = [u for u in dict.fromkeys(extents) if u not in function.params]
    wanted = (*function.results, *function.params, *extents)
    forward = replace(function, results=wanted)
    b = Builder(f"{function.name}_pullback")
    mapping = b.params_like([*function.params, *extents])
    given = list(b.params[: len(function.params)])
    for r in ends:
        if has_tangent(r):
            given += _with_extents(b, r, mapping, function)
    done = vjp(replace(quiet, results=tuple(ends)), wrt)
    found = b.inline(done, given)
    return Split(forward, b.build(found[len(ends) :]), len(function.params) + len(extents))


def _with_extents(
    b: Builder, result: Value, mapping: dict[Value, Value], function: Function
) -> list[Value]:
    """What ``vjp`` takes for one cotangent: extents that only the function finds, then itself."""
    type_ = rename_type(result.type, mapping)
    found: list[Value] = []
    for dim, own in zip(result.shape, type_.shape, strict=True):  # type: ignore[union-attr]
        if any(u not in function.params for u in leaves(dim)):
            found.append(b.index(own))
    return [*found, b.param(type_)]
