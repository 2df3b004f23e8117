"""Each invariant broken on purpose: the verifier says which."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tracejit.ir import ops  # noqa: F401
from tracejit.ir.builder import Builder
from tracejit.ir.core import TABLE, Function, Instr, Value, frozen_attrs
from tracejit.ir.parser import parse_function
from tracejit.ir.types import INDEX, dense_buffer, tensor
from tracejit.ir.verifier import VerifyError, verify

F64 = tensor("f64")


def instr(name: str, operands: list[Value], results: list[Value], **attrs: Any) -> Instr:
    regions = attrs.pop("regions", ())
    return Instr(TABLE[name], tuple(operands), frozen_attrs(attrs), regions, tuple(results))


def function(params: list[Value], instrs: list[Instr], results: list[Value]) -> Function:
    return Function("f", tuple(params), tuple(instrs), tuple(results))


def recursion(x: Value, out: Value, body: list[Instr]) -> Instr:
    """A recursion of one number that gives it back after `body`."""
    region = function([x], body, [x])
    return instr("recursion", [x], [out], args=1, types=(F64,), regions=(region,))


def broken() -> dict[str, tuple[Function, str]]:
    x, y, z, n = Value(F64), Value(F64), Value(F64), Value(INDEX)
    t = Value(parse_function("func @t() -> () { %0: tape = tape  return }").instrs[0].result.type)
    u, v = Value(t.type), Value(t.type)
    once = instr("neg", [x], [y])
    inner = function([], [instr("neg", [x], [y])], [y])
    p = Value(
        parse_function("func @p() -> () { %0: bool[] = constant {value=True} return }")
        .instrs[0]
        .result.type
    )
    raises = instr("raise", [], [], exc="ValueError", message="")
    sized = Value(tensor("f64", (n.dim,)))
    buffer = Value(dense_buffer(tensor("f64", (2,))))
    cond = instr("cond", [p], [z], regions=(inner, inner))
    return {
        "defined twice": (function([x], [once, once], [y]), "a value is defined twice"),
        "parameter twice": (function([x, x], [], [x]), "a value is defined twice"),
        "not defined": (function([], [once], [y]), "neg uses a value that is not defined here"),
        "used before": (
            function([x], [instr("neg", [y], [z]), once], [z]),
            "neg uses a value that is not defined here",
        ),
        "result undefined": (function([x], [], [y]), "a returned value is not defined here"),
        "open region": (function([x, p], [cond], [z]), "neg uses a value that is not defined"),
        "wrong type": (
            function([x], [instr("neg", [x], [Value(tensor("f32"))])], []),
            "but its row infers",
        ),
        "wrong count": (
            function([x], [instr("neg", [x], [y, z])], []),
            "neg has 1 results by its row",
        ),
        "ill-typed": (function([x, n], [instr("add", [x, n], [y])], []), "add is ill-typed"),
        "missing attr": (function([x], [instr("convert", [x], [y])], []), "convert is ill-typed"),
        "raise in the middle": (
            function([x], [raises, once], [y]),
            "raise is not the last instruction",
        ),
        "raise with results": (function([x], [raises], [x]), "a function that raises has results"),
        "recur of other arguments": (
            function([x], [recursion(x, y, [instr("recur", [], [y], types=(F64,))])], [y]),
            "recur takes what recursion takes",
        ),
        "recur of other results": (
            function(
                [x],
                [recursion(x, y, [instr("recur", [x], [n], types=(INDEX,))])],
                [y],
            ),
            "recur gives what recursion gives",
        ),
        "extent of a parameter": (
            function([sized], [], []),
            "mentions what is not an i64 parameter",
        ),
        "tape twice": (
            function(
                [x],
                [instr("tape", [], [t]), instr("push", [t, x], [u]), instr("push", [t, x], [v])],
                [u, v],
            ),
            "a tape is used twice",
        ),
        "buffer": (function([buffer], [], []), "a buffer at the tensor level"),
    }


@pytest.mark.parametrize("name", broken())
def test_broken_invariant(name: str) -> None:
    subject, message = broken()[name]
    with pytest.raises(VerifyError, match=message):
        verify(subject)


def test_the_lines_around_are_shown() -> None:
    with pytest.raises(VerifyError) as caught:
        verify(broken()["wrong type"][0])
    assert "> %0: f32[] = neg %a0" in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 15


LOOP = """
func @loop(%a0: i64[], %a1: f64[]) -> (f64[]) {
  %0: f64[] = for %a0, %a1 {carried=1} (
    func @body(%a0: i64[], %a1: f64[]) -> (f64[]) {
      %0: f64[] = neg %a1
      return %0
    }
  )
  return %0
}
"""


@pytest.mark.parametrize("carried", [0, 2])
def test_carried_must_fit(carried: int) -> None:
    good = parse_function(LOOP)
    verify(good)
    attrs = frozen_attrs({"carried": carried})
    with pytest.raises(VerifyError, match=r"for is ill-typed|results by its row"):
        verify(replace(good, instrs=(replace(good.instrs[0], attrs=attrs),)))


def test_good_functions_pass() -> None:
    b = Builder("good")
    n = b.param(INDEX)
    x = b.param(tensor("f64", (n.dim,)))
    verify(b.build([b.op("neg", x)]))
