"""Elementwise rows: all operands have one shape; the IR never broadcasts implicitly.

``_ROWS`` is the table. Each line: name, arity, dtype rule, NumPy reference. Scalar lowerings come
from ``ir/scalar/lowering/`` under the same name; derivative columns from
``derivatives_columns.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tracejit.ir.core import ELEMENTARY_COST, Primitive, Value, row
from tracejit.ir.ops.derivatives_columns import derivative
from tracejit.ir.ops.rules import Attrs, Operands, Regions, all_tensors, arity, require, same_shape
from tracejit.ir.scalar.lowering import LOWER
from tracejit.ir.types import BOOL, DTYPES, TensorType, Type

_REAL_OF = {"c64": "f32", "c128": "f64"}
_COMPLEX_OF = {DTYPES["f32"]: DTYPES["c64"], DTYPES["f64"]: DTYPES["c128"]}


def _kinds(operands: Operands, kinds: str) -> np.dtype[np.generic]:
    dtype = operands[0].dtype
    for v in operands:
        require(v.dtype == dtype, "dtypes differ", *(o.type for o in operands))
    require(dtype.kind in kinds, f"dtype kind must be one of {kinds!r}", dtype)
    return dtype


def _same(kinds: str) -> Callable[[Operands], np.dtype[np.generic]]:
    return lambda operands: _kinds(operands, kinds)


def _to_bool(kinds: str) -> Callable[[Operands], np.dtype[np.generic]]:
    def rule(operands: Operands) -> np.dtype[np.generic]:
        _kinds(operands, kinds)
        return BOOL.dtype

    return rule


def _to_real(operands: Operands) -> np.dtype[np.generic]:
    dtype = _kinds(operands, "iufcb")
    return np.dtype(f"f{dtype.itemsize // 2}") if dtype.kind == "c" else dtype


def _to_complex(operands: Operands) -> np.dtype[np.generic]:
    return _COMPLEX_OF[_kinds(operands, "f")]


def _bit_count(operands: Operands) -> np.dtype[np.generic]:
    _kinds(operands, "iu")
    return DTYPES["u8"]


def _ldexp(operands: Operands) -> np.dtype[np.generic]:
    require(operands[1].dtype == DTYPES["i64"], "ldexp exponent must be i64", operands[1].type)
    return _kinds(operands[:1], "f")


def _frexp_exponent(operands: Operands) -> np.dtype[np.generic]:
    _kinds(operands, "f")
    return DTYPES["i32"]


def _select(operands: Operands) -> np.dtype[np.generic]:
    require(operands[0].dtype == BOOL.dtype, "select condition must be bool", operands[0].type)
    return _kinds(operands[1:], "biufc")


def _erf(x: Any) -> Any:
    out = np.vectorize(math.erf, otypes=[np.float64])(np.asarray(x, np.float64))
    return out.astype(np.asarray(x).dtype)


def _complex(re: Any, im: Any) -> Any:
    out = np.empty(np.shape(re), np.result_type(re, np.complex64))
    out.real, out.imag = re, im
    return out


_F, _FC, _NUM, _ANY, _INT, _BITS = "f", "fc", "iufc", "biufc", "iu", "biu"
_ROWS: list[tuple[str, int, Callable[[Operands], np.dtype[np.generic]], Callable[..., Any]]] = [
    ("neg", 1, _same(_NUM), np.negative),
    ("abs", 1, _to_real, np.absolute),
    ("sign", 1, _same(_NUM), np.sign),
    ("floor", 1, _same(_F), np.floor),
    ("ceil", 1, _same(_F), np.ceil),
    ("trunc", 1, _same(_F), np.trunc),
    ("rint", 1, _same(_FC), np.rint),
    ("sqrt", 1, _same(_FC), np.sqrt),
    ("cbrt", 1, _same(_F), np.cbrt),
    ("exp", 1, _same(_FC), np.exp),
    ("exp2", 1, _same(_FC), np.exp2),
    ("expm1", 1, _same(_FC), np.expm1),
    ("log", 1, _same(_FC), np.log),
    ("log2", 1, _same(_FC), np.log2),
    ("log10", 1, _same(_FC), np.log10),
    ("log1p", 1, _same(_FC), np.log1p),
    ("sin", 1, _same(_FC), np.sin),
    ("cos", 1, _same(_FC), np.cos),
    ("tan", 1, _same(_FC), np.tan),
    ("arcsin", 1, _same(_FC), np.arcsin),
    ("arccos", 1, _same(_FC), np.arccos),
    ("arctan", 1, _same(_FC), np.arctan),
    ("sinh", 1, _same(_FC), np.sinh),
    ("cosh", 1, _same(_FC), np.cosh),
    ("tanh", 1, _same(_FC), np.tanh),
    ("arcsinh", 1, _same(_FC), np.arcsinh),
    ("arccosh", 1, _same(_FC), np.arccosh),
    ("arctanh", 1, _same(_FC), np.arctanh),
    ("erf", 1, _same(_F), _erf),
    ("logistic", 1, _same(_F), lambda x: 1 / (1 + np.exp(-x))),
    ("isnan", 1, _to_bool(_FC), np.isnan),
    ("isinf", 1, _to_bool(_FC), np.isinf),
    ("isfinite", 1, _to_bool(_FC), np.isfinite),
    ("signbit", 1, _to_bool(_F), np.signbit),
    ("spacing", 1, _same(_F), np.spacing),
    ("real", 1, _to_real, lambda x: np.real(x).copy()),
    ("imag", 1, _to_real, lambda x: np.imag(x).copy()),
    ("conj", 1, _same(_FC), np.conjugate),
    ("invert", 1, _same(_BITS), np.invert),
    ("bit_count", 1, _bit_count, np.bitwise_count),
    ("frexp_mantissa", 1, _same(_F), lambda x: np.frexp(x)[0]),
    ("frexp_exponent", 1, _frexp_exponent, lambda x: np.frexp(x)[1]),
    ("add", 2, _same(_NUM), np.add),
    ("sub", 2, _same(_NUM), np.subtract),
    ("mul", 2, _same(_NUM), np.multiply),
    ("div", 2, _same(_FC), np.true_divide),
    ("floor_divide", 2, _same("iuf"), np.floor_divide),
    ("remainder", 2, _same("iuf"), np.remainder),
    ("fmod", 2, _same("iuf"), np.fmod),
    ("pow", 2, _same(_NUM), np.power),
    ("arctan2", 2, _same(_F), np.arctan2),
    ("hypot", 2, _same(_F), np.hypot),
    ("minimum", 2, _same(_ANY), np.minimum),
    ("maximum", 2, _same(_ANY), np.maximum),
    ("fmin", 2, _same(_ANY), np.fmin),
    ("fmax", 2, _same(_ANY), np.fmax),
    ("copysign", 2, _same(_F), np.copysign),
    ("nextafter", 2, _same(_F), np.nextafter),
    ("logaddexp", 2, _same(_F), np.logaddexp),
    ("logaddexp2", 2, _same(_F), np.logaddexp2),
    ("eq", 2, _to_bool(_ANY), np.equal),
    ("ne", 2, _to_bool(_ANY), np.not_equal),
    ("lt", 2, _to_bool(_ANY), np.less),
    ("le", 2, _to_bool(_ANY), np.less_equal),
    ("gt", 2, _to_bool(_ANY), np.greater),
    ("ge", 2, _to_bool(_ANY), np.greater_equal),
    ("bitwise_and", 2, _same(_BITS), np.bitwise_and),
    ("bitwise_or", 2, _same(_BITS), np.bitwise_or),
    ("bitwise_xor", 2, _same(_BITS), np.bitwise_xor),
    ("shift_left", 2, _same(_INT), np.left_shift),
    ("shift_right", 2, _same(_INT), np.right_shift),
    ("gcd", 2, _same(_INT), np.gcd),
    ("lcm", 2, _same(_INT), np.lcm),
    ("ldexp", 2, _ldexp, np.ldexp),
    ("complex", 2, _to_complex, _complex),
    ("select", 3, _select, np.where),
]


#: What one element costs, in machine operations, where that is not about one.
_COST = {
    "div": 4,
    "sqrt": 4,
    "floor_divide": 6,
    "remainder": 6,
    "fmod": 8,
    "hypot": 12,
    "arctan2": 40,
    "pow": 60,
}
_ELEMENTARY = """cbrt exp exp2 expm1 log log2 log10 log1p sin cos tan arcsin arccos arctan sinh
    cosh tanh arcsinh arccosh arctanh erf logistic logaddexp logaddexp2"""
_COST |= dict.fromkeys(_ELEMENTARY.split(), ELEMENTARY_COST)


def _infer(
    count: int, dtype_rule: Callable[[Operands], np.dtype[np.generic]]
) -> Callable[[Operands, Attrs, Regions], Sequence[Type]]:
    def infer(operands: Operands, attrs: Attrs, regions: Regions) -> Sequence[Type]:
        arity(operands, count)
        all_tensors(operands)
        return (TensorType(dtype_rule(operands), same_shape(operands)),)

    return infer


def _quiet(reference: Callable[..., Any]) -> Callable[..., Any]:
    def evaluate(*operands: Any) -> Any:
        with np.errstate(all="ignore"):
            return np.asarray(reference(*operands))

    return evaluate


for _name, _count, _rule, _reference in _ROWS:
    row(
        Primitive(
            _name,
            "elementwise",
            _infer(_count, _rule),
            _quiet(_reference),
            lower=LOWER.get(_name),
            cost=_COST.get(_name, 1),
            **derivative(_name),
        )
    )


def _convert(operands: Operands, attrs: Attrs, regions: Regions) -> Sequence[Type]:
    arity(operands, 1)
    all_tensors(operands)
    return (TensorType(attrs["dtype"], operands[0].shape),)


def _eval_convert(x: Any, *, dtype: np.dtype[Any]) -> Any:
    x = np.asarray(x)
    if x.dtype.kind == "c" and dtype.kind not in "cb":
        x = x.real
    with np.errstate(all="ignore"):
        return x.astype(dtype)


def _bitcast(operands: Operands, attrs: Attrs, regions: Regions) -> Sequence[Type]:
    require(
        operands[0].dtype.itemsize == attrs["dtype"].itemsize, "bitcast between different sizes"
    )
    kinds = operands[0].dtype.kind + attrs["dtype"].kind
    require("c" not in kinds, "bitcast of or to complex numbers", kinds)
    return _convert(operands, attrs, regions)


def _overflow(operands: Operands, attrs: Attrs, regions: Regions) -> Sequence[Type]:
    arity(operands, 2)
    for v in operands:
        require(v.dtype == DTYPES["i64"], "checked arithmetic is on i64", v.type)
    shape = same_shape(operands)
    return (TensorType(DTYPES["i64"], shape), TensorType(BOOL.dtype, shape))


def _checked(reference: Callable[..., Any]) -> Callable[..., Any]:
    def evaluate(a: Any, b: Any) -> Any:
        exact = reference(np.asarray(a, object), np.asarray(b, object))
        wrapped = reference(np.asarray(a, np.uint64), np.asarray(b, np.uint64)).view(np.int64)
        return wrapped, np.asarray(exact != wrapped.astype(object), np.bool_)

    return evaluate


row(
    Primitive(
        "convert",
        "elementwise",
        _convert,
        _eval_convert,
        lower=LOWER.get("convert"),
        **derivative("convert"),
        doc="NumPy's unsafe cast to dtype; complex to real keeps the real part.",
    )
)
row(
    Primitive(
        "bitcast",
        "elementwise",
        _bitcast,
        lambda x, *, dtype: np.asarray(x).view(dtype),
        differentiable=False,
        opaque=lambda results: True,  # of integers too: they may become floats again
        lower=LOWER.get("bitcast"),
        doc="The same bits as another dtype of the same size.",
    )
)
for _name, _reference in [
    ("add_overflow", np.add),
    ("sub_overflow", np.subtract),
    ("mul_overflow", np.multiply),
]:
    row(
        Primitive(
            _name,
            "elementwise",
            _overflow,
            _checked(_reference),
            differentiable=False,
            lower=LOWER.get(_name),
            doc="Wrapped i64 result and whether it overflowed (Python int arithmetic).",
        )
    )


def elementwise_names() -> list[str]:
    """Names of all rows in this file, in table order."""
    return [name for name, *_ in _ROWS] + [
        "convert",
        "bitcast",
        "add_overflow",
        "sub_overflow",
        "mul_overflow",
    ]


def is_scalar(value: Value) -> bool:
    """Whether a value is a rank-0 tensor."""
    return isinstance(value.type, TensorType) and value.type.rank == 0
