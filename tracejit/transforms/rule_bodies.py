"""Rules of the program's own as bodies of the call: what they take, and what they must give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracejit import trees
from tracejit.dtypes import is_inexact
from tracejit.errors import StructureError
from tracejit.ir.core import Value
from tracejit.ir.types import TensorType
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Tracer, lift
from tracejit.transforms.custom_calls import Custom, CustomCall, Rule
from tracejit.transforms.requirements import (
    kind_of_object,
    require_numbers,
    shown_structure,
)
from tracejit.transforms.staged import StagedBody, fitted, like, value_like


def jvp_body(custom: Custom[..., Any], call: CustomCall, rule: Rule) -> StagedBody:
    """The body of a rule for tangents."""
    current().outside.called(rule)
    params = call.params()
    dots = [Value(params[k].type) for k in call.inexact]

    def body() -> Any:
        primals = call.chosen(params)
        leaves: list[Any] = [0.0] * len(call.leaves)
        for k, dot in zip(call.inexact, dots, strict=True):
            leaves[call.moving[k]] = value_like(dot)
        tangents = trees.unflatten(call.tree, leaves)
        answer = call.ops.call(rule, *call.fixed, primals, tangents)
        if not isinstance(answer, list | tuple) or len(answer) != 2:
            raise StructureError(
                f"{custom.rule_name}: the rule gives a pair (result, tangent), not "
                f"{_what_came(answer)}"
            )
        first = _as_results(custom, call.primal, answer[0], "result")
        return [*first, *_as_tangents(custom, call.primal, answer[1])]

    return call.body("its rule", [*params, *dots], body, current().orders - 1)


def vjp_bodies(
    custom: Custom[..., Any], call: CustomCall, rules: tuple[Rule, Rule]
) -> list[StagedBody]:
    """The bodies of a forward and a backward rule."""
    current().outside.called(*rules)
    (forward, backward), params, kept = rules, call.params(), list[Any]()

    def first() -> Any:
        answer = call.ops.call(forward, *call.whole(params))
        if not isinstance(answer, list | tuple) or len(answer) != 2:
            raise StructureError(
                f"{custom.rule_name}: forward gives a pair (result, residuals), not "
                f"{_what_came(answer)}"
            )
        leaves, tree = trees.flatten(answer[1])
        kept[:] = leaves, tree
        results = _as_results(custom, call.primal, answer[0], "result")
        return [*results, *(x for x in leaves if isinstance(x, Tracer))]

    made = call.body("forward", params, first, current().orders - 1)
    leaves, tree = kept
    count = len(call.primal.results)
    residuals = [Value(v.type) for v in made.results[count:]]
    ends = [v for v in call.primal.results if is_inexact(v.dtype)]
    cts = [Value(v.type) for v in ends]

    def second() -> Any:
        found = iter(residuals)
        inner = [like(x, next(found)) if isinstance(x, Tracer) else x for x in leaves]
        answer = call.ops.call(
            backward, *call.fixed, trees.unflatten(tree, inner), _cotangents(call.primal, cts)
        )
        return _checked(custom, call, answer)

    return [made, call.body("backward", [*residuals, *cts], second, current().orders - 1)]


def _checked(custom: Custom[..., Any], call: CustomCall, answer: Any) -> list[Any]:
    """Cotangents of the arguments that have any, in order."""
    parts = call.tree.children()
    if not isinstance(answer, list | tuple) or len(answer) != len(parts):
        raise StructureError(
            f"{custom.rule_name}: backward gives a tuple of {len(parts)} cotangents, one for "
            f"each argument that is differentiated, not {_what_came(answer)}"
        )
    leaves: list[Any] = []
    for part, given in zip(parts, answer, strict=True):
        if given is None:
            leaves += [None] * part.num_leaves
            continue
        found, tree = trees.flatten(given)
        if tree != part:
            raise StructureError(
                f"{custom.rule_name}: a cotangent of backward has another structure than its "
                f"argument: {shown_structure(tree)}, not {shown_structure(part)}"
            )
        leaves += found
    b = current().b
    return [
        value_like(
            b.zeros_like(call.operands[k])
            if leaves[call.moving[k]] is None
            else _fit(custom, leaves[call.moving[k]], call.operands[k].tensor, "cotangent")
        )
        for k in call.inexact
    ]


def _what_came(answer: Any) -> str:
    sequence = isinstance(answer, list | tuple)
    return f"{kind_of_object(answer)}{f' of {len(answer)}' if sequence else ''}"


def _fit(custom: Custom[..., Any], x: Any, want: TensorType, what: str) -> Value:
    """A value of a rule as what it has to be: a constant, 0.0 say, stands for arrays of it as a
    tangent or cotangent."""
    require_numbers([x], f"{custom.rule_name}: a {what} of its rule")
    value = lift(x).value
    b = current().b
    if isinstance(x, bool | int | float | complex) and want.shape and what != "result":
        value = b.broadcast(b.convert(value, want.dtype), want.shape)
    try:
        return fitted(value, want, what)
    except TypeError as error:
        raise StructureError(f"{custom.rule_name}: its rule gives {error}") from None


def _as_results(custom: Custom[..., Any], primal: StagedBody, answer: Any, what: str) -> list[Any]:
    leaves, tree = trees.flatten(answer)
    if tree != primal.tree:
        raise StructureError(
            f"{custom.rule_name}: the {what} of the rule has another structure than the "
            f"function's: {shown_structure(tree)}, not {shown_structure(primal.tree)}"
        )
    pairs = zip(leaves, primal.values, strict=True)
    return [value_like(_fit(custom, x, v.tensor, what)) for x, v in pairs if v is not None]


def _as_tangents(custom: Custom[..., Any], primal: StagedBody, answer: Any) -> list[Any]:
    leaves, tree = trees.flatten(answer)
    if tree != primal.tree:
        raise StructureError(
            f"{custom.rule_name}: the tangent of the rule has another structure than the result: "
            f"{shown_structure(tree)}, not {shown_structure(primal.tree)}"
        )
    pairs = zip(leaves, primal.values, strict=True)
    moving = [(x, v) for x, v in pairs if v is not None and is_inexact(v.dtype)]
    return [value_like(_fit(custom, x, v.tensor, "tangent")) for x, v in moving]


def _cotangents(primal: StagedBody, cts: Sequence[Value]) -> Any:
    found = iter(cts)
    leaves = [
        value_like(next(found)) if v is not None and is_inexact(v.dtype) else 0.0
        for v in primal.values
    ]
    return trees.unflatten(primal.tree, leaves)
