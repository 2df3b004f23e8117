"""Calls that say themselves how they are differentiated, in both modes.

``jvp``: a rule for tangents, linear in them. ``vjp``: a forward part with residuals, and a backward
part. ``both``: one for each mode. ``checkpoint``: computed again in reverse. ``stop``: no
derivative. ``solve``: linear in its first operands, with a transpose, and a rule for tangents for
all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tracejit.autodiff.forward import Forward
from tracejit.autodiff.linearity import NotLinearError, linear_results
from tracejit.autodiff.linearize import Linearizer, Reverse
from tracejit.autodiff.tangents import has_tangent, where_of
from tracejit.errors import throw
from tracejit.ir.builder import Builder
from tracejit.ir.core import Constant, Function, Instr, Value, is_array
from tracejit.ir.types import TensorType
from tracejit.records import dataclass


def forward_call(
    forward: Forward, instr: Instr, operands: list[Value], mapping: dict[Value, Value]
) -> None:
    """Forward mode of a ``call``."""
    rule = instr.attrs["rule"]
    if rule == "stop":
        forward.b.clone(instr, mapping)
        return
    if rule == "checkpoint":
        results = forward.run(instr.regions[0], operands)
        mapping.update(zip(instr.results, results, strict=True))
        return
    if rule == "vjp":
        throw(
            TypeError(
                f"{where_of(instr)}a function with a rule for reverse mode (custom_vjp) in forward "
                "mode (jvp, linearize, jacfwd, hessian): give it a rule by custom_jvp, or use "
                "grad, vjp, jacrev"
            )
        )
    active = [v in forward.tangents for v in operands]
    args, outer = _apart(instr, operands, active)
    if not _moves_matrix(instr, active):
        _forward_linear(forward, instr, operands, mapping)
        return
    dots = [forward.dense(v) for v in args if has_tangent(v)]
    found = list(forward.b.inline(instr.regions[1], [*args, *dots, *outer]))
    count = len(instr.results)
    primal = _own(forward.b, found[:count])
    mapping.update(zip(instr.results, primal, strict=True))
    moving = [r for r in primal if has_tangent(r)]
    forward.tangents.update(zip(moving, found[count:], strict=True))


def _moves_matrix(instr: Instr, active: Sequence[bool]) -> bool:
    """Whether more is active than operands in which a call is linear."""
    return any(active[instr.attrs.get("linear", 0) :])


def _forward_linear(
    forward: Forward, instr: Instr, operands: list[Value], mapping: dict[Value, Value]
) -> None:
    """Forward mode of a call by what it is linear in: the same call of the tangents."""
    b, linear = forward.b, instr.attrs["linear"]
    primal = b.clone(instr, mapping).results
    given = [*map(forward.dense, operands[:linear]), *operands[linear:]]
    pushed = b.append(instr.prim, given, dict(instr.attrs), instr.regions, instr.loc).results
    forward.tangents.update(zip(primal, pushed, strict=True))


def active_call(instr: Instr, flags: Sequence[bool]) -> list[bool]:
    """All results of a call may have tangents, but where its rule is that there are none."""
    return [instr.attrs["rule"] != "stop"] * len(instr.results)


def linear_call(instr: Instr, flags: Sequence[bool]) -> list[bool]:
    """Its own rule says how a call is linear."""
    if "linear" in instr.attrs and _moves_matrix(instr, flags):
        raise NotLinearError(instr)
    return [has_tangent(r) for r in instr.results]


def linearize_call(lin: Linearizer, instr: Instr, mapping: dict[Value, Value]) -> None:
    """Reverse mode of a ``call``: its primal part, and its linear steps."""
    rule, operands = instr.attrs["rule"], [mapping.get(v, v) for v in instr.operands]
    kept: list[Value] = []
    residuals: list[Value] = []
    active = [v in lin.tangents for v in operands]
    args, outer = _apart(instr, operands, active)
    if rule == "jvp" or (rule == "solve" and _moves_matrix(instr, active)):
        _by_jvp(lin, instr, args, outer, mapping)
        return
    if rule in ("vjp", "both"):
        found = list(lin.b.inline(instr.regions[-2], operands))
        count = len(instr.results)
        results, residuals = _own(lin.b, found[:count]), found[count:]
        mapping.update(zip(instr.results, results, strict=True))
    elif instr.attrs.get("keep") == "dots":
        kept = _products(instr.regions[0])
        body = instr.regions[0]
        wider = replace(body, results=(*body.results, *kept))
        found = list(lin.b.inline(wider, operands))
        results, residuals = _own(lin.b, found[: len(instr.results)]), found[len(instr.results) :]
        mapping.update(zip(instr.results, results, strict=True))
    else:
        results = list(lin.b.clone(instr, mapping).results)
    linear = [lin.tangent(v) for v in operands]
    if rule == "stop":
        return
    out = [lin.fresh(r) if has_tangent(r) else None for r in results]
    if "linear" in instr.attrs:
        right, rest = linear[: instr.attrs["linear"]], operands[instr.attrs["linear"] :]
        lin.steps.append(_Backward(instr.regions[-1], [], rest, right, out))
    elif rule in ("vjp", "both"):
        moving = [lin.tangent(v) for v in args if has_tangent(v)]
        lin.steps.append(_Backward(instr.regions[-1], residuals, outer, moving, out))
    else:
        at_hand = dict(zip(kept, residuals, strict=True))
        lin.steps.append(_Again(instr.regions[0], operands, linear, out, at_hand))


def _products(function: Function) -> list[Value]:
    """Results of products of matrices and of what LAPACK computes: dear to compute again."""
    dear = [i for i in function.instrs if i.prim.dear]
    return [r for i in dear for r in i.results if isinstance(r.type, TensorType)]


def _apart(
    instr: Instr, operands: Sequence[Value], active: Sequence[bool]
) -> tuple[list[Value], list[Value]]:
    """Arguments of a call, and what it closes over, which has to be constant."""
    count = instr.attrs["args"]
    if instr.attrs["rule"] not in ("checkpoint", "stop") and any(active[count:]):
        throw(
            TypeError(
                f"{where_of(instr)}a function with a derivative rule of its own closes over a "
                "value that is differentiated: pass it as an argument"
            )
        )
    return list(operands[:count]), list(operands[count:])


def _own(b: Builder, values: Sequence[Value]) -> list[Value]:
    """Values of their own, so that each has its own tangent."""
    return [
        b.op("reshape", v, shape=v.shape)
        if isinstance(v.type, TensorType) and has_tangent(v)
        else v
        for v in values
    ]


def _by_jvp(
    lin: Linearizer,
    instr: Instr,
    args: list[Value],
    outer: list[Value],
    mapping: dict[Value, Value],
) -> None:
    """The rule is linear in the tangents: it is its own derivative, here taken at zero."""
    inner = Linearizer(lin.b, lin.tape)
    inner.steps, inner.linear, inner.finite = lin.steps, lin.linear, lin.finite
    inner.guarded = lin.guarded
    dots = []
    for v in args:
        if has_tangent(v):
            dots.append(_zero(lin.b, v.tensor))
            linear = lin.tangent(v)
            if linear is not None:
                inner.tangents[dots[-1]] = linear
    _require_linear(instr, len(args), len(dots))
    found = inner.run(instr.regions[1], [*args, *dots, *outer])
    lin.tape = inner.tape
    count = len(instr.results)
    primal = _own(lin.b, found[:count])
    mapping.update(zip(instr.results, primal, strict=True))
    moving = [r for r in primal if has_tangent(r)]
    for result, dot in zip(moving, found[count:], strict=True):
        linear = inner.tangent(dot)
        if linear is not None:
            lin.tangents[result] = linear


def _require_linear(instr: Instr, args: int, dots: int) -> None:
    rule = instr.regions[1]
    flags = [args <= k < args + dots for k in range(len(rule.params))]
    try:
        linear_results(rule, flags)
    except NotLinearError as found:
        throw(
            TypeError(
                f"{where_of(found.instr)}a rule for tangents is not linear in them "
                f"({found.instr.name}), so that it has no reverse mode: give a rule by custom_vjp"
            )
        )


def _zero(b: Builder, type_: TensorType) -> Value:
    """A zero that is one value only."""
    zero = b.op("constant", value=Constant(0, type_.dtype))
    return b.broadcast(zero, type_.shape)


@dataclass
class _Backward:
    """The backward part of a ``vjp`` rule as a step."""

    function: Function
    residuals: list[Value]
    outer: list[Value]
    linear: list[Value | None]
    out: list[Value | None]

    def transpose(self, reverse: Reverse) -> None:
        moved = [t for t in self.out if t is not None]
        if all(reverse.cotangent(t) is None for t in moved):
            return
        cts = [reverse.sum(t).dense() for t in moved]
        found = reverse.b.inline(self.function, [*self.residuals, *cts, *self.outer])
        for t, ct in zip(self.linear, found, strict=True):
            if t is not None:
                reverse.sum(t).add(ct)


@dataclass
class _Again:
    """A checkpointed function as a step: linearized where its cotangents arrive."""

    function: Function
    args: list[Value]
    linear: list[Value | None]
    out: list[Value | None]
    at_hand: dict[Value, Value]

    def transpose(self, reverse: Reverse) -> None:
        moved = [t for t in self.out if t is not None]
        if all(reverse.cotangent(t) is None for t in moved):
            return
        b = reverse.b
        # Copies, so that nobody finds that all of this has been computed before.
        args = [b.op("copy", v) if is_array(v) else v for v in self.args]
        inner = Linearizer(b)
        inner.at_hand = self.at_hand
        own = [
            None if t is None else inner.fresh(v) for v, t in zip(args, self.linear, strict=True)
        ]
        results = inner.run(self.function, args)
        back = Reverse(b, inner.tape)
        for r, t in zip(results, self.out, strict=True):
            linear, ct = inner.tangent(r), reverse.cotangent(t)
            if linear is not None and ct is not None:
                back.sum(linear).add(ct)
        inner.transpose(back)
        for t, mine in zip(self.linear, own, strict=True):
            ct = back.cotangent(mine)
            if t is not None and ct is not None:
                reverse.sum(t).add(ct)
