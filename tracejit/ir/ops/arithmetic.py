"""Arithmetic, divisions, rounding, the parts of complex numbers, and checked integers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tracejit.dtypes import complex_of, is_complex
from tracejit.ir.core import Primitive, Value, row
from tracejit.ir.ops.derivatives import Expr, binary, unary
from tracejit.ir.ops.derivatives_linear import Attrs, linear, maps, negated, same_map, through
from tracejit.ir.ops.elementwise import common, elementwise, same, to_real
from tracejit.ir.ops.rules import Operands, Regions, all_tensors, arity, require, same_shape
from tracejit.ir.samples import Samples
from tracejit.ir.scalar.lowering import arithmetic, division, floats
from tracejit.ir.traits import Trait
from tracejit.ir.types import BOOL, DTYPES, TensorType, Type

_FLAT: dict[str, Any] = {"differentiable": False}
"""The derivative is zero wherever it exists."""
_reference: np.ufunc
_STEADY = frozenset([Trait.STEADY])

elementwise(
    "neg",
    same("iufc"),
    np.negative,
    arithmetic.neg,
    count=1,
    **linear((0,), maps(negated)),
    traits=_STEADY,
)


def _jvp_abs(t: Expr, x: Expr, y: Expr) -> Expr:
    if not is_complex(x.dtype):
        return t * x.op("sign")
    unit = x.op("conj") / Expr(x.b, x.b.convert(y.nonzero().v, x.v.dtype))
    return (t * unit).op("real")


def _jvp_sign(t: Expr, x: Expr, y: Expr) -> Expr | None:
    if not is_complex(x.dtype):
        return None
    turn = (y.op("conj") * t).op("imag") / x.op("abs").nonzero()
    return y * Expr(x.b, x.b.op("complex", turn.num(0).v, turn.v))


elementwise(
    "abs",
    to_real,
    np.absolute,
    arithmetic.absolute,
    count=1,
    jvp=unary(_jvp_abs),
    traits=_STEADY,
    samples=Samples(complex_ulps=2, smooth=((0.3, 2.0),)),
)
elementwise(
    "sign",
    same("iufc"),
    np.sign,
    arithmetic.sign,
    count=1,
    own_format=True,
    jvp=unary(_jvp_sign),
    traits=frozenset([Trait.BOUNDED, Trait.STEADY]),
    samples=Samples(complex_ulps=8),
)
for _name, _reference, _lower in [
    ("floor", np.floor, floats.floor),
    ("ceil", np.ceil, floats.ceil),
    ("trunc", np.trunc, floats.trunc),
]:
    elementwise(_name, same("f"), _reference, _lower, count=1, traits=_STEADY, **_FLAT)
elementwise("rint", same("fc"), np.rint, floats.rint, count=1, traits=_STEADY, **_FLAT)


def _imag(b: Any, ct: Value, operands: Operands, attrs: Attrs) -> Value:
    return b.op("complex", b.zeros_like(ct), b.op("neg", ct))  # type: ignore[no-any-return]


def _minus_imag(b: Any, ct: Value, operands: Operands, attrs: Attrs) -> Value:
    return b.op("neg", b.op("imag", ct))  # type: ignore[no-any-return]


def _real(b: Any, ct: Value, operands: Operands, attrs: Attrs) -> Value:
    return b.op("complex", ct, b.zeros_like(ct))  # type: ignore[no-any-return]


def _to_complex(operands: Operands) -> np.dtype[np.generic]:
    return complex_of(common(operands, "f"))


def _eval_complex(re: Any, im: Any) -> Any:
    out = np.empty(np.shape(re), np.result_type(re, np.complex64))
    out.real, out.imag = re, im
    return out


elementwise(
    "real",
    to_real,
    lambda x: np.real(x).copy(),
    arithmetic.real,
    count=1,
    **linear((0,), maps(_real)),
    traits=_STEADY,
    samples=Samples(smooth_in="c"),
)
elementwise(
    "imag",
    to_real,
    lambda x: np.imag(x).copy(),
    arithmetic.imag,
    count=1,
    **linear((0,), maps(_imag)),
    traits=_STEADY,
    samples=Samples(smooth_in="c"),
)
elementwise(
    "conj",
    same("fc"),
    np.conjugate,
    arithmetic.conj,
    count=1,
    **linear((0,), maps(through("conj"))),
    traits=_STEADY,
)
elementwise(
    "complex",
    _to_complex,
    _eval_complex,
    arithmetic.complex_of,
    count=2,
    **linear((0, 1), maps(through("real"), _minus_imag)),
    traits=_STEADY,
)
elementwise(
    "add",
    same("iufc"),
    np.add,
    arithmetic.add,
    count=2,
    **linear((0, 1), maps(same_map, same_map)),
    traits=_STEADY | {Trait.RING, Trait.FOLDS},
)
elementwise(
    "sub",
    same("iufc"),
    np.subtract,
    arithmetic.sub,
    count=2,
    **linear((0, 1), maps(same_map, negated)),
    traits=_STEADY | {Trait.RING},
)


def _times(other: int) -> Any:
    return lambda b, ct, operands, attrs: b.op("mul", ct, operands[other])


elementwise(
    "mul",
    same("iufc"),
    np.multiply,
    arithmetic.mul,
    count=2,
    **linear((0,), (1,), maps(_times(1), _times(0))),
    traits=_STEADY | {Trait.RING, Trait.FOLDS},
    samples=Samples(complex_ulps=8),
)
elementwise(
    "div",
    same("fc"),
    np.true_divide,
    arithmetic.div,
    count=2,
    jvp=binary(lambda t, a, b, z: t / b, lambda t, a, b, z: -(t * (z / b))),
    **linear((0,), maps(lambda b, ct, operands, attrs: b.op("div", ct, operands[1]), None)),
    cost=4,
    samples=Samples(complex_ulps=8, smooth=((0.5, 2.0),)),
)
elementwise(
    "floor_divide", same("iuf"), np.floor_divide, division.floor_divide, count=2, cost=6, **_FLAT
)
_BETWEEN = Samples(smooth=((5.2, 5.8), (1.55, 1.65)))
"""The quotients have one whole part."""
elementwise(
    "remainder",
    same("iuf"),
    np.remainder,
    division.remainder,
    count=2,
    jvp=binary(lambda t, a, b, z: t, lambda t, a, b, z: -(t * a.op("floor_divide", b))),
    cost=6,
    samples=_BETWEEN,
)
elementwise(
    "fmod",
    same("iuf"),
    np.fmod,
    division.fmod,
    count=2,
    jvp=binary(lambda t, a, b, z: t, lambda t, a, b, z: -(t * ((a - z) / b).op("rint"))),
    cost=8,
    samples=_BETWEEN,
)


def _overflow(operands: Operands, attrs: Attrs, regions: Regions) -> Sequence[Type]:
    arity(operands, 2)
    all_tensors(operands)
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


for _name, _reference, _lower in [
    ("add_overflow", np.add, lambda e, a, b: e.sadd_overflow(a, b)),
    ("sub_overflow", np.subtract, lambda e, a, b: e.ssub_overflow(a, b)),
    ("mul_overflow", np.multiply, lambda e, a, b: e.smul_overflow(a, b)),
]:
    row(
        Primitive(
            _name,
            "elementwise",
            _overflow,
            _checked(_reference),
            lower=_lower,
            arity=2,
            traits=frozenset([Trait.OVERFLOWS]),
            **_FLAT,
            doc="Wrapped i64 result and whether it overflowed (Python int arithmetic).",
        )
    )
