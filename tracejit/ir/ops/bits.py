"""Integers bit by bit, the fields of floats, and conversions between dtypes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit.dtypes import is_complex, is_from_outside, kind_of
from tracejit.ir.core import Primitive, Value, row
from tracejit.ir.ops.derivatives import Expr, binary, unary
from tracejit.ir.ops.derivatives_linear import Attrs, linear, maps
from tracejit.ir.ops.elementwise import common, elementwise, same, to, to_bool
from tracejit.ir.ops.rules import Operands, Regions, all_tensors, arity, require
from tracejit.ir.samples import Samples
from tracejit.ir.scalar.lowering import conversion, floats, integers
from tracejit.ir.traits import Trait
from tracejit.ir.types import DTYPES, TensorType, Type

_FLAT: dict[str, Any] = {"differentiable": False}
_FOLDS = frozenset([Trait.FOLDS])
_reference: np.ufunc

elementwise(
    "invert",
    same("biu"),
    np.invert,
    integers.invert,
    count=1,
    traits=frozenset([Trait.NEGATES]),
    **_FLAT,
)
elementwise(
    "bit_count", to(DTYPES["u8"], "iu"), np.bitwise_count, integers.bit_count, count=1, **_FLAT
)
for _name, _reference, _lower in [
    ("bitwise_and", np.bitwise_and, integers.bits("iand")),
    ("bitwise_or", np.bitwise_or, integers.bits("ior")),
    ("bitwise_xor", np.bitwise_xor, integers.bits("ixor")),
]:
    elementwise(_name, same("biu"), _reference, _lower, count=2, traits=_FOLDS, **_FLAT)
for _name, _reference, _lower in [
    ("shift_left", np.left_shift, integers.shift_left),
    ("shift_right", np.right_shift, integers.shift_right),
    ("gcd", np.gcd, integers.gcd),
    ("lcm", np.lcm, integers.lcm),
]:
    elementwise(_name, same("iu"), _reference, _lower, count=2, **_FLAT)

elementwise("signbit", to_bool("f"), np.signbit, floats.signbit, count=1, **_FLAT)
elementwise("spacing", same("f"), np.spacing, floats.spacing, count=1, own_format=True, **_FLAT)


def _jvp_mantissa(t: Expr, x: Expr, y: Expr) -> Expr:
    exponent = x.b.convert(x.op("frexp_exponent").v, "i64")
    return Expr(x.b, x.b.op("ldexp", t.v, x.b.op("neg", exponent)))


elementwise(
    "frexp_mantissa",
    same("f"),
    lambda x: np.frexp(x)[0],
    floats.frexp_mantissa,
    count=1,
    jvp=unary(_jvp_mantissa),
    samples=Samples(smooth=((1.1, 1.8),)),
)
elementwise(
    "frexp_exponent",
    to(DTYPES["i32"], "f"),
    lambda x: np.frexp(x)[1],
    floats.frexp_exponent,
    count=1,
    **_FLAT,
)


def _scaled(operands: Operands) -> np.dtype[np.generic]:
    require(operands[1].dtype == DTYPES["i64"], "ldexp exponent must be i64", operands[1].type)
    require(not is_from_outside(operands[0].dtype), "ldexp has no such loop", operands[0].type)
    return common(operands[:1], "f")


elementwise(
    "ldexp",
    _scaled,
    np.ldexp,
    floats.ldexp,
    count=2,
    **linear((0,), maps(lambda b, ct, operands, attrs: b.op("ldexp", ct, operands[1]), None)),
    samples=Samples(dtypes={1: DTYPES["i64"]}),
)


def _same_sign(a: Expr, b: Expr) -> Expr:
    return a.op("signbit").op("eq", b.op("signbit")).where(a.num(1), -1)


_APART = Samples(smooth=((-2.0, -0.2), (0.2, 2.0)))
elementwise(
    "copysign",
    same("f"),
    np.copysign,
    floats.copysign,
    count=2,
    jvp=binary(lambda t, a, b, z: t * _same_sign(a, b), None),
    samples=_APART,
)
elementwise(
    "nextafter",
    same("f"),
    np.nextafter,
    floats.nextafter,
    count=2,
    own_format=True,
    jvp=binary(lambda t, a, b, z: t, None),
    samples=_APART,
)


def _convert(operands: Operands, attrs: Attrs, regions: Regions) -> Sequence[Type]:
    arity(operands, 1)
    all_tensors(operands)
    return (TensorType(attrs["dtype"], operands[0].shape),)


def _eval_convert(x: Any, *, dtype: np.dtype[Any]) -> Any:
    x = np.asarray(x)
    if is_complex(x.dtype) and kind_of(dtype) not in "cb":
        x = x.real
    with np.errstate(all="ignore"):
        return x.astype(dtype)


def _back(b: Any, ct: Value, operands: Operands, attrs: Attrs) -> Value:
    return b.convert(ct, operands[0].dtype)  # type: ignore[no-any-return]


def _bitcast(operands: Operands, attrs: Attrs, regions: Regions) -> Sequence[Type]:
    require(
        operands[0].dtype.itemsize == attrs["dtype"].itemsize, "bitcast between different sizes"
    )
    kinds = kind_of(operands[0].dtype) + kind_of(attrs["dtype"])
    require("c" not in kinds, "bitcast of or to complex numbers", kinds)
    return _convert(operands, attrs, regions)


row(
    Primitive(
        "convert",
        "elementwise",
        _convert,
        _eval_convert,
        lower=conversion.convert,
        arity=1,
        **linear((0,), maps(_back)),
        traits=frozenset([Trait.STEADY]),
        doc="NumPy's unsafe cast to dtype; complex to real keeps the real part.",
    )
)
row(
    Primitive(
        "bitcast",
        "elementwise",
        _bitcast,
        lambda x, *, dtype: np.asarray(x).view(dtype),
        lower=conversion.bitcast,
        arity=1,
        differentiable=False,
        opaque=lambda results: True,  # of integers too: they may become floats again
        doc="The same bits as another dtype of the same size.",
    )
)
