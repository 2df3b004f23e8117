"""Calls out of native code: matrix products by BLAS, Python functions, `print`.

`gemm` is a call of BLAS where one axis of each matrix is contiguous and the other at least as long
as a row, loops otherwise. What is not known of sizes and strides, a function per dtype looks at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tracejit.codegen_llvm import blas
from tracejit.codegen_llvm.gemm_known import known_call
from tracejit.codegen_llvm.gemm_text import declared, gemm_text
from tracejit.codegen_llvm.lower_c_call import native_c_call
from tracejit.codegen_llvm.lower_draws import draws_natively, native_draw
from tracejit.codegen_llvm.lower_lapack import native
from tracejit.codegen_llvm.lower_numpy_loops import numpys_loop
from tracejit.codegen_llvm.lower_shared import counts_launches
from tracejit.codegen_llvm.lower_ufunc import native_ufunc
from tracejit.dtypes import is_complex, part_of
from tracejit.ir.core import TABLE, Instr, Value
from tracejit.ir.interpret.print_effect import is_of_numbers, print_values, printer
from tracejit.ir.scalar.emit import ComplexPair
from tracejit.ir.types import BufferType
from tracejit.llvm_text.lower_function import FunctionText, Rule
from tracejit.llvm_text.lower_memory import load_scalar, store_scalar
from tracejit.llvm_text.product_calls import Product, call_products
from tracejit.llvm_text.tables import HostArray, HostCall, HostScalar

_LETTER = {"f4": "s", "f8": "d", "c8": "c", "c16": "z"}


def _gemm(f: FunctionText, instr: Instr) -> None:
    letter = _LETTER[instr.operands[2].dtype.str[1:]]
    alpha, beta = instr.attrs.get("alpha", 1), instr.attrs.get("beta", 0)
    assert (alpha, beta) in ((1, 0), (1, 1)), "only c = a @ b and c += a @ b are used"
    call_products(f, instr, lambda product: _product(f, letter, product))


def _product(f: FunctionText, letter: str, product: Product) -> str:
    known = known_call(letter, product)
    names = [known[0]] if known else [f"cblas_{letter}{name}" for name in ("gemm", "gemv", "syrk")]
    f.module.symbols.update(blas.cblas_symbols(*names))
    if known:
        f.module.declare(declared(letter, known[0]))
        return f"call void @{known[0]}({known[1]})"
    counter = counts_launches(f) if f.module.threads else None
    text = gemm_text(letter, f.module.declare, counter)
    return product.call(f, f.module.once(f"@matmul_{letter}", text))


# -- Python ------------------------------------------------------------------------------------


def _descriptor(value: Value) -> HostArray | HostScalar:
    if isinstance(value.type, BufferType):
        return HostArray(value.dtype, value.rank)
    return HostScalar(value.dtype)


def _width(value: Value) -> int:
    if isinstance(value.type, BufferType):
        return 1 + 2 * value.rank
    return 2 if is_complex(value.dtype) else 1


def call_host(
    f: FunctionText,
    function: Callable[..., Any],
    operands: Sequence[Value],
    results: Sequence[Value],
    *,
    raw: bool = False,
) -> None:
    """Arrays among `results` are buffers to fill; scalars come back in their slots. ``raw``: as
    `HostCall` has it."""
    given, made = (tuple(map(_descriptor, values)) for values in (operands, results))
    call = HostCall(function, given, made, raw)
    row = f.module.host.add(call)
    values = [*operands, *results]
    slots = f.stack(f"[{max(1, sum(map(_width, values)))} x i64]")
    place, read = 0, []
    for position, value in enumerate(values):
        at = f.at(slots, 8 * place)
        if isinstance(value.type, BufferType):
            f.e.line(f"store {f.pointer(value)}, {at}")
            for j, dim in enumerate((*value.type.shape, *value.type.strides)):
                f.e.line(f"store {f.dim(dim)}, {f.at(slots, 8 * (place + 1 + j))}")
        elif position < len(operands):
            store_slots(f, [f.at(slots, 8 * (place + j)) for j in range(2)], f.scalar(value))
        else:
            read.append((value, place))
        place += _width(value)
    f.module.declare("declare i32 @tj_host_call(ptr, i64, ptr)")
    rare = " cold" if getattr(function, "is_rare", False) else ""
    f.call_status(f"@tj_host_call(ptr %ctx, i64 {row}, {slots}){rare}")
    for value, place in read:
        f.env[value] = load_slots(f, [f.at(slots, 8 * (place + j)) for j in range(2)], value)


def store_slots(f: FunctionText, at: Sequence[Any], scalar: Any) -> None:
    """A scalar's bits into its slot (complex: two slots)."""
    if is_complex(scalar.dtype):
        store_scalar(f, at[0], scalar.re)
        store_scalar(f, at[1], scalar.im)
    else:
        store_scalar(f, at[0], scalar)


def load_slots(f: FunctionText, at: Sequence[Any], value: Value) -> Any:
    """A scalar from its slot or slots."""
    if not is_complex(value.dtype):
        return load_scalar(f, at[0], value.dtype)
    part = part_of(value.dtype)
    return ComplexPair(load_scalar(f, at[0], part), load_scalar(f, at[1], part))


def parts_of(instr: Instr) -> tuple[Any, Sequence[Value], Sequence[Value]]:
    """What a call of the host calls, with which operands, and its results."""
    count = instr.attrs["inputs"]
    inputs, dests = instr.operands[:count], iter(instr.operands[count:])
    scalars = iter(instr.results)
    order = instr.attrs["order"]
    results = [next(dests) if is_array else next(scalars) for is_array in order]
    return instr.attrs["fn"], inputs, results


def is_native_draw(instr: Instr) -> bool:
    """Whether an instruction draws one random number without the host, most of the time."""
    if instr.prim is not TABLE["host_call"] or any(instr.attrs["order"]):
        return False
    function, inputs, results = parts_of(instr)
    return draws_natively(*_own(function, inputs), results)


def _own(function: Any, inputs: Sequence[Value]) -> tuple[Any, Sequence[Value]]:
    """What a call calls with which operands, without those that it keeps for exceptions only."""
    of_its_own = getattr(function, "of_its_own", None)
    return (function, inputs) if of_its_own is None else of_its_own(inputs)


def _host_call(f: FunctionText, instr: Instr) -> None:
    function, inputs, results = parts_of(instr)

    def host(f: FunctionText) -> None:
        call_host(f, function, inputs, results)

    called, given = _own(function, inputs)
    rule = native(called, given, results) or native_ufunc(called, given, results)
    rule = rule or native_c_call(called)
    draw = native_draw(called, given, results, host)
    loop = numpys_loop(called, given, results)
    if rule is not None:
        rule(f, called, given, results)
    elif loop is not None:
        loop(f, given, results, host)
    else:
        (draw or host)(f)


class _Print:
    """Python's print with literals between the values."""

    def __init__(self, attrs: Mapping[str, Any]) -> None:
        self.attrs = attrs

    @property
    def of_numbers(self) -> Callable[..., None]:
        """The same for numbers of Python's."""
        return printer(self.attrs)

    def __call__(self, *values: Any) -> None:
        print_values(self.attrs, values)


def _print(f: FunctionText, instr: Instr) -> None:
    called, operands = _Print(instr.attrs), instr.operands
    numbers = all(not isinstance(x.type, BufferType) and x.dtype in _NUMBERS for x in operands)
    if numbers and len(operands) <= _MOST_NUMBERS and is_of_numbers(instr.attrs):
        _call_with_numbers(f, called, operands)
    else:
        call_host(f, called, operands, ())


#: What Python's numbers are in `tj_host_numbers`, which takes so many.
_NUMBERS = {np.dtype(np.int64): 0, np.dtype(np.float64): 1, np.dtype(np.bool_): 2}
_MOST_NUMBERS = 31


def _call_with_numbers(
    f: FunctionText, function: Callable[..., Any], operands: Sequence[Value]
) -> None:
    """A call with Python's numbers, and no result."""
    row = f.module.host.add(HostCall(function, tuple(map(_descriptor, operands))))
    slots = f.stack(f"[{max(1, len(operands))} x i64]")
    kinds = 0
    for place, value in enumerate(operands):
        store_slots(f, [f.at(slots, 8 * place)], f.scalar(value))
        kinds |= _NUMBERS[value.dtype] << 2 * place
    f.module.declare("declare i32 @tj_host_numbers(ptr, i64, ptr, i64, i64)")
    count = f"i64 {len(operands)}, i64 {kinds}"
    f.call_status(f"@tj_host_numbers(ptr %ctx, i64 {row}, {slots}, {count})")


EXTERN: dict[str, Rule] = {"gemm": _gemm, "host_call": _host_call, "print": _print}
