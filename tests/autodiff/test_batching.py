"""Every row of the op table, batched in each operand, gives what a loop over examples gives."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest

from tests.ops.samples import Case, apply, cases, rows
from tracejit.autodiff import batched
from tracejit.errors import UnsupportedError
from tracejit.ir.builder import Builder
from tracejit.ir.core import TABLE, Function
from tracejit.ir.interpret.interpreter import interpret
from tracejit.ir.types import DTYPES, TensorType, tensor
from tracejit.ir.verifier import verify

COUNT = 3
RAGGED = {n for n in TABLE if TABLE[n].kind == "dynamic"}
NAMES = [n for n in rows() if n not in RAGGED]


def single(case: Case) -> Function:
    b = Builder("single")
    return b.build(apply(b, case))


def subsets(count: int) -> Iterator[tuple[bool, ...]]:
    """Which operands differ: each set of them up to three operands, else one at a time and all."""
    if count <= 3:
        yield from (f for f in product((False, True), repeat=count) if any(f))
        return
    yield from (tuple(j == k for j in range(count)) for k in range(count))
    yield (True,) * count


def examples(operand: Any, *, index: bool) -> Any:
    """A batch of an operand: other elements first, unless they are places in an array."""
    array = np.asarray(operand)
    shift = 0 if index or not array.ndim else 1
    return np.stack([np.roll(array, shift * k) for k in range(COUNT)])


def over_examples(function: Function, flags: tuple[bool, ...]) -> Function:
    b = Builder("batched")
    params = [
        b.param(TensorType(p.dtype, (COUNT, *p.shape)) if f else p.type)
        for p, f in zip(function.params, flags, strict=True)
    ]
    results, differ = batched(b, function, params, flags, COUNT)
    assert all(differ)
    return b.build(results)


def check(case: Case) -> int:
    function = single(case)
    if not function.params:
        return 0
    places = {k for k, p in enumerate(function.params) if p.dtype == DTYPES["i64"]}
    indexed = TABLE[case.name].kind in ("index_map", "update")
    for flags in subsets(len(function.params)):
        made = over_examples(function, flags)
        verify(made)
        args = [
            examples(x, index=indexed and k in places) if f else np.asarray(x)
            for k, (x, f) in enumerate(zip(case.operands, flags, strict=True))
        ]
        with np.errstate(all="ignore"):
            got = interpret(made, args)
            each = [
                interpret(function, [a[k] if f else a for a, f in zip(args, flags, strict=True)])
                for k in range(COUNT)
            ]
        for found, *wanted in zip(got, *each, strict=True):
            close = np.testing.assert_array_equal if case.exact else np.testing.assert_allclose
            close(found, np.stack(wanted), err_msg=f"{case.name} {case.attrs} {flags}")
    return 1


@pytest.mark.parametrize("name", NAMES)
def test_a_row_batched_is_a_loop(name: str) -> None:
    done = 0
    dear = TABLE[name].cost >= 500  # for the interpreter
    for dtype in ["f64"] if dear else DTYPES:
        found = list(cases(name, DTYPES[dtype]))[: 1 if dear else None]
        done += sum(check(c) for c in found[:4] if all(np.size(x) < 200 for x in c.operands))
        done += sum(
            check(_small(c)) for c in found[:1] if any(np.size(x) >= 200 for x in c.operands)
        )
    assert done or not any(single(c).params for c in cases(name, DTYPES["f64"]))


def _small(case: Case) -> Case:
    """An elementwise case on few of its many samples."""
    return Case(case.name, tuple(np.asarray(x)[:7] for x in case.operands), case.attrs)


@pytest.mark.parametrize("name", sorted(RAGGED))
def test_sizes_that_differ_are_refused(name: str) -> None:
    case = next(iter(cases(name, DTYPES["bool"])), None) or next(iter(cases(name, DTYPES["f64"])))
    function = single(case)
    with pytest.raises(UnsupportedError, match="size of a result differs"):
        over_examples(function, (True,) * len(function.params))


def test_the_number_of_examples_may_be_symbolic() -> None:
    one = Builder("one")
    x = one.param(tensor("f64", (4,)))
    y = one.op("cumsum", one.op("mul", x, x), axis=0)
    b = Builder("many")
    n = b.param(tensor("i64"))
    batch = b.param(TensorType(DTYPES["f64"], (n.dim, 4)))
    (found,), _ = batched(b, one.build([y]), [batch], [True], n.dim)
    values = np.arange(12.0).reshape(3, 4)
    (got,) = interpret(b.build([found]), [np.int64(3), values])
    np.testing.assert_array_equal(got, np.cumsum(values**2, axis=1))
