"""Structured control flow, effects, host calls and tapes.

Regions are closed: everything they use comes in as an operand. ``for`` and ``while`` carry values;
a carried extent makes later carried types follow it.
"""

from __future__ import annotations

from typing import Any

from tracejit.dtypes import is_inexact
from tracejit.ir.core import Function, Primitive, Value, row, type_uses
from tracejit.ir.extent import Dim
from tracejit.ir.ops import derivatives_linear as d
from tracejit.ir.ops.rules import Attrs, Operands, Regions, arity, require
from tracejit.ir.traits import Passing, Trait
from tracejit.ir.types import BOOL, INDEX, TapeType, TensorType, Type, subst_type


def bind(params: tuple[Value, ...], args: Operands) -> dict[Any, Dim]:
    """Extents of region parameters in terms of the operands bound to them."""
    return {p: a.dim for p, a in zip(params, args, strict=True) if p.type == INDEX}


def check_params(region: Function, args: Operands, what: str) -> dict[Any, Dim]:
    require(len(region.params) == len(args), f"{what} takes another number of operands")
    mapping = bind(region.params, args)
    for param, arg in zip(region.params, args, strict=True):
        want = subst_type(param.type, mapping)
        require(want == arg.type, f"{what} parameter does not match", param.type, arg.type)
    return mapping


def _carried_types(body: Function, first: int, carried: int, args: Operands) -> tuple[Type, ...]:
    """Result types of a loop: the carried parameter types over the loop's own result extents.

    An extent that the body yields unchanged stays the operand's extent.
    """
    from tracejit.ir.extent import ResultRef, atom_dim

    params = body.params
    mapping = bind(params, args)
    for k in range(carried):
        p = params[first + k]
        changes = not body.diverges and body.results[k] is not p
        if p.type == INDEX and changes:
            mapping[p] = atom_dim(ResultRef(k))
    return tuple(subst_type(p.type, mapping) for p in params[first : first + carried])


def check_yield(region: Function, first: int, carried: int, what: str) -> None:
    if region.diverges:
        return
    require(len(region.results) == carried, f"{what} must yield {carried} values")
    params = region.params[first : first + carried]
    mapping = bind(params, region.results)
    for param, result in zip(params, region.results, strict=True):
        want = subst_type(param.type, mapping)
        require(want == result.type, f"{what} yields another type", param.type, result.type)


def _for(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    (body,), carried = regions, attrs["carried"]
    require(bool(operands) and operands[0].type == INDEX, "for needs a trip count")
    require(body.params[0].type == INDEX, "for body needs the iteration number first")
    args = (operands[0], *operands[1:])
    check_params(body, args, "for body")
    for k in range(1 + carried, len(body.params)):
        require(
            all(v is not body.params[0] for v in type_uses(body.params[k].type)),
            "a loop constant's type cannot mention the iteration number",
        )
    check_yield(body, 1, carried, "for body")
    return _carried_types(body, 1, carried, args)


def _while(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    (test, body), carried = regions, attrs["carried"]
    check_params(test, operands, "while test")
    check_params(body, operands, "while body")
    if not test.diverges:
        require(
            len(test.results) == 1 and test.results[0].type == BOOL,
            "while test must yield one bool",
        )
    check_yield(body, 0, carried, "while body")
    return _carried_types(body, 0, carried, operands)


def _cond(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    require(operands[0].type == BOOL, "cond needs a bool", operands[0].type)
    args = operands[1:]
    then, other = regions
    found: tuple[Type, ...] | None = None
    for region, what in ((then, "cond then"), (other, "cond else")):
        mapping = check_params(region, args, what)
        if region.diverges:
            continue
        types = _result_types(region, mapping)
        require(found is None or found == types, "cond sides yield different types", found, types)
        found = types
    return found or tuple(attrs.get("types", ()))


def _result_types(region: Function, mapping: dict[Any, Dim]) -> tuple[Type, ...]:
    """Result types seen from outside; an extent made inside must itself be a result."""
    from tracejit.ir.extent import ResultRef, atom_dim

    mapping = dict(mapping)
    for k, r in enumerate(region.results):
        if r.type == INDEX and r.expr is None and r not in mapping:
            mapping[r] = atom_dim(ResultRef(k))
    types = tuple(subst_type(r.type, mapping) for r in region.results)
    inner = {v for i in region.instrs for v in i.results}
    for t in types:
        require(
            not any(v in inner for v in type_uses(t)),
            "an extent made in a branch must be yielded by it",
            t,
        )
    return types


#: The rules that a ``call`` may have, and how many regions say so.
CALL_REGIONS = {
    "jvp": 2, "vjp": 3, "both": 4, "checkpoint": 1, "stop": 1, "solve": 3, "solved": 2,
}  # fmt: skip


def _call(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    rule, count = attrs["rule"], attrs["args"]
    require(len(regions) == CALL_REGIONS.get(rule, 0), "call has other regions", rule)
    require(0 <= count <= len(operands), "call has fewer operands than args", count)
    primal = regions[0]
    require(not primal.diverges, "a function that always raises is not a call")
    types = _result_types(primal, check_params(primal, operands, "call"))
    moving = [v.type for v in operands[:count] if _inexact(v.type)]
    ends = [t for t in types if _inexact(t)]
    pushed, right = (*types, *ends), [v.type for v in operands[: attrs.get("linear", 0)]]
    takes = count + (len(moving) if rule in ("jvp", "both", "solve") else 0)
    for region in regions[1:2] if rule != "solved" else ():
        require(len(region.params) == takes + len(operands) - count, "call rule's operands")
    yields = {
        "jvp": (pushed,), "vjp": (types, moving), "both": (pushed, types, moving),
        "solve": (pushed, right), "solved": (right,),
    }  # fmt: skip
    for region, results in zip(regions[1:], yields.get(rule, ()), strict=True):
        if not region.diverges:
            few = len(region.results) < len(results)
            require(not few, f"the {rule} rule of a call yields too few values")
    return types


def _inexact(type_: Type) -> bool:
    return isinstance(type_, TensorType) and is_inexact(type_.dtype)


def _none(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    return ()


def _check(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    require(operands[0].type == BOOL, "check needs a bool", operands[0].type)
    return ()


def _write_back(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    return ()


def _host_call(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    return tuple(attrs["types"])


def _pure_call(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    return (*attrs["types"], BOOL, INDEX)


def _eval_pure_call(*operands: Any, fn: Any, types: Any, extents: int) -> Any:
    return fn(*operands)


def _tape(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 0)
    return (TapeType(),)


def _push(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    require(isinstance(operands[0].type, TapeType), "push needs a tape", operands[0].type)
    require(all(isinstance(v.type, TensorType) for v in operands[1:]), "only tensors are pushed")
    return (TapeType(),)


def _pop(operands: Operands, attrs: Attrs, regions: Regions) -> tuple[Type, ...]:
    arity(operands, 1)
    require(isinstance(operands[0].type, TapeType), "pop needs a tape", operands[0].type)
    return (TapeType(), *attrs["types"])


row(
    Primitive(
        "for",
        "control",
        _for,
        traits=frozenset([Trait.LOOP, Trait.HEAVY, Trait.REPEATS_REGION]),
        passing=Passing(lead=1, counted=True),
        doc="for(n, *inits, *consts) {carried} body(i, *carried, *consts): i from 0 to n-1.",
    )
)
row(
    Primitive(
        "while",
        "control",
        _while,
        traits=frozenset([Trait.LOOP, Trait.HEAVY, Trait.REPEATS_REGION]),
        doc="while(*inits, *consts) {carried} test(*all) -> bool, body(*all) -> carried.",
    )
)
row(
    Primitive(
        "cond",
        "control",
        _cond,
        traits=frozenset([Trait.BRANCH]),
        passing=Passing(lead=1),
        doc="cond(pred, *args) then(*args), else(*args); a side that diverges joins with anything. "
        "idle: where pred is false, then would give what else gives, if all numbers are finite.",
    )
)
row(
    Primitive(
        "call",
        "control",
        _call,
        traits=frozenset([Trait.CALL]),
        doc="call(*args, *outer) {rule, args} primal(*args, *outer), and its derivative: "
        "jvp(*args, *tangents, *outer), or forward(*args, *outer) and "
        "backward(*residuals, *cotangents, *outer), or both of these, or none where the rule is "
        "stop or checkpoint. "
        "solve {linear} has jvp and transposed(*cotangents, *rest, *outer): it is linear in the "
        "first of args, and rest are the others; solved has the second alone.",
    )
)
row(
    Primitive(
        "raise",
        "effect",
        _none,
        effect="check",
        differentiable=False,
        traits=frozenset([Trait.ENDS]),
        doc="raise(*payload) {exc, message}: ends its function.",
    )
)
row(
    Primitive(
        "check",
        "effect",
        _check,
        effect="check",
        differentiable=False,
        traits=frozenset([Trait.GUARD]),
        doc="check(ok, *payload) {exc, message}: raises unless ok.",
    )
)
row(
    Primitive(
        "print",
        "effect",
        _none,
        effect="ordered",
        differentiable=False,
        traits=frozenset([Trait.HEAVY]),
        doc="print(*values) {parts, sep, end, formats?, file?, flush?}: Python's; parts are "
        "literals, None per value; the file is a name in sys.",
    )
)
row(
    Primitive(
        "write_back",
        "effect",
        _write_back,
        effect="ordered",
        differentiable=False,
        traits=frozenset([Trait.WRITES_BACK]),
        doc="write_back(x) {arg}: the caller's array number arg now holds x.",
    )
)
row(
    Primitive(
        "host_call",
        "effect",
        _host_call,
        effect="ordered",
        differentiable=False,
        opaque=lambda results: any(is_inexact(r.dtype) for r in results),
        traits=frozenset([Trait.HEAVY]),
        doc="host_call(*args) {fn, types}: Python called under the GIL, in program order.",
    )
)
row(
    Primitive(
        "pure_call",
        "extern",
        _pure_call,
        _eval_pure_call,
        differentiable=False,
        opaque=lambda results: any(is_inexact(r.dtype) for r in results),
        traits=frozenset([Trait.HEAVY, Trait.TELLS]),
        doc="pure_call(*args, *sizes) {fn, types, extents}: a function of Python without effects, "
        "and whether it raised nothing, and the number of what it raised. The last extents "
        "operands are extents of results.",
    )
)
row(Primitive("tape", "tape", _tape, traits=frozenset([Trait.DISTINCT]), doc="An empty tape."))
row(
    Primitive(
        "push",
        "tape",
        _push,
        jvp=d.jvp_push,
        transpose=d.push,
        traits=frozenset([Trait.DISTINCT]),
        doc="push(tape, *values): the values on top, first deepest.",
    )
)
row(
    Primitive(
        "pop",
        "tape",
        _pop,
        jvp=d.jvp_pop,
        transpose=d.pop,
        traits=frozenset([Trait.DISTINCT]),
        doc="%t, *values = pop(tape) {types}: inverse of one push of those types.",
    )
)
