"""Print, parse, print: the same text; and the parsed function is the same program."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.autodiff.programs import PROGRAMS
from tests.autodiff.test_random_programs import SIZE, program
from tests.passes.derived import derivative
from tracejit.ir import ops  # noqa: F401
from tracejit.ir.builder import Builder
from tracejit.ir.core import Function
from tracejit.ir.parser import ParseError, parse_function
from tracejit.ir.printer import format_function
from tracejit.ir.types import DTYPES, INDEX, BufferType, tensor
from tracejit.ir.verifier import verify
from tracejit.lower.lower import lower
from tracejit.passes.runner import outcome


def again(function: Function) -> Function:
    """The function through its text; the text must come back unchanged."""
    text = format_function(function)
    parsed = parse_function(text)
    assert format_function(parsed) == text
    return parsed


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_and_their_derivatives(name: str) -> None:
    function, args, wrt = PROGRAMS[name]()
    for subject, inputs in [(function, args), derivative(function, args, wrt)]:
        parsed = again(subject)
        verify(parsed)
        assert outcome(parsed, inputs) == outcome(subject, inputs)


@pytest.mark.parametrize("seed", range(10))
def test_random_programs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    args = [SIZE, *rng.uniform(0.3, 1.2, 3), *rng.uniform(0.3, 1.2, (2, SIZE))]
    assert outcome(again(program(seed)), args) == outcome(program(seed), args)


@pytest.mark.parametrize("name", PROGRAMS)
def test_host_functions_and_kernels(name: str) -> None:
    host = lower(PROGRAMS[name]()[0]).host
    verify(again(host), level="program")


def _edges(dtype: np.dtype[Any]) -> list[Any]:
    if dtype.kind == "b":
        return [True, False]
    if dtype.kind in "iu":
        return [0, 1, np.iinfo(dtype).min, np.iinfo(dtype).max]
    numbers = [0.0, -0.0, np.nan, np.inf, -np.inf, 0.1, -1.5, np.finfo(dtype).max]
    numbers += [np.finfo(dtype).smallest_subnormal, 1e300 if dtype.itemsize > 8 else 1e30]
    if dtype.kind == "f":
        return numbers
    return [complex(a, b) for a in numbers for b in numbers]


@pytest.mark.parametrize("dtype", DTYPES)
def test_constants_of_every_dtype(dtype: str) -> None:
    b = Builder("constants")
    edges = np.array(_edges(DTYPES[dtype]), DTYPES[dtype])
    out = [b.const(x, dtype) for x in edges]
    out += [b.const(edges, dtype), b.const(edges[:, None], dtype), b.const(edges[:0], dtype)]
    out.append(b.const(np.empty((2, 0, 3)), dtype))
    function = b.build(out)
    for old, new in zip(function.instrs, again(function).instrs, strict=True):
        assert new.attrs["value"] == old.attrs["value"]


def test_extents_strings_and_types_in_attrs() -> None:
    b = Builder("attrs")
    x = b.param(tensor("f64", ()))
    n, m = b.param(INDEX), b.param(INDEX)
    half = b.op("floor_divide", n, b.const(2))
    shape = (n.dim * m.dim + half.dim - 1, half.dim)
    y = b.op("empty", shape=shape, dtype=DTYPES["f32"])
    b.op("check", b.op("gt", n, m), n, exc="ValueError", message='it\'s "so"; {0}\n} ) $')
    b.op("print", x, parts=("a, b = [", None, True, -3, 2.5), sep="", end="\\")
    t = b.op("push", b.op("tape"), x, y)
    out = b.op("pop", t, types=(x.type, y.type))
    again(b.build([out[1], out[2]]))


def test_buffers() -> None:
    b = Builder("memory")
    n = b.param(INDEX)
    strided = BufferType(DTYPES["f32"], (n.dim, 4), (n.dim * 8, 4))
    x = b.param(strided)
    y = b.op("alloc", type=BufferType(DTYPES["i8"], (3,), (1,), "shared"))
    b.op("free", y)
    again(b.build([b.op("load", x, n, n)]))


GOOD = """
func @f(%a0: f64[%a1], %a1: i64[]) -> (f64[%a1]) {
  %0: f64[%a1] = mul %a0, %a0  ; a comment
  return %0
}
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("mul %a0, %a0", "mul %a0", "line 3: mul: expected 2 operands"),
        ("mul %a0, %a0", "mul %a0, %9", "line 3: this value is not defined above"),
        ("mul", "mull", "no primitive 'mull'"),
        ("%0: f64[%a1] =", "%0: f32[%a1] =", "line 3: a stated type is not the one"),
        ("-> (f64[%a1])", "-> (f64[])", "line 2: @f returns other types"),
        ("%a0: f64[%a1]", "%a0: f99[%a1]", "'f99' is no dtype"),
        ("%a0: f64[%a1]", "%a0: f64[%b]", "not defined above"),
        ("}\n", "", "line 5: expected a word"),
        ("}\n", "} }", "expected the end"),
        ("mul", "`", "line 3: cannot read"),
    ],
)
def test_errors_have_line_numbers(old: str, new: str, message: str) -> None:
    parse_function(GOOD)
    assert old in GOOD
    with pytest.raises(ParseError, match=message.replace("(", r"\(").replace(")", r"\)")):
        parse_function(GOOD.replace(old, new))


def test_host_callables_are_given_by_name() -> None:
    b = Builder("calls")
    out = b.op("host_call", b.param(tensor("f64")), fn=np.sort, types=(tensor("f64"),))
    text = format_function(b.build([out]))
    with pytest.raises(ParseError, match="no callable is given"):
        parse_function(text)
    parsed = parse_function(text, {"numpy.sort": np.sort})
    assert parsed.instrs[0].attrs["fn"] is np.sort
    assert format_function(parsed) == text
