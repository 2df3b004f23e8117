"""The transforms: ``jvp``, ``vjp`` and ``grad`` of a Function are Functions.

All drop ``write_back``: derivatives are with respect to entry values and leave the caller's arrays
alone. Checks, raises and prints stay, once, in the primal part.
"""

from __future__ import annotations

from collections.abc import Sequence

from tracejit.autodiff.forward import Forward
from tracejit.autodiff.linearize import Linearizer, Reverse
from tracejit.autodiff.tangents import has_tangent, without_write_back, zero
from tracejit.dtypes import kind_of
from tracejit.errors import throw
from tracejit.ir.builder import Builder, rename_attr
from tracejit.ir.core import Function, Value
from tracejit.ir.extent import Dim, leaves
from tracejit.ir.types import INDEX, TensorType


def _check_wrt(function: Function, wrt: Sequence[int]) -> None:
    for k in wrt:
        if not has_tangent(function.params[k]):
            throw(
                TypeError(
                    f"cannot differentiate @{function.name} by parameter {k} of type "
                    f"{function.params[k].type}: only floating and complex values have derivatives"
                )
            )


def jvp(function: Function, wrt: Sequence[int]) -> Function:
    """Forward mode: ``(params, tangents of wrt) -> (results, tangents of inexact results)``.

    Tangents have the types of their primals, in the order of ``wrt``; integer and bool results
    have none. Raises TypeError when a parameter in ``wrt`` has no derivative.
    """
    _check_wrt(function, wrt)
    function = without_write_back(function)
    b = Builder(f"{function.name}_jvp")
    mapping = b.params_like(function.params)
    forward = Forward(b)
    for k in wrt:
        primal = mapping[function.params[k]]
        forward.tangents[primal] = b.param(primal.type)
    results = forward.run(function, [mapping[p] for p in function.params])
    out = [forward.dense(r) for r in results if has_tangent(r)]
    return b.build([*results, *out])


def vjp(function: Function, wrt: Sequence[int]) -> Function:
    """Reverse mode: ``(params, cotangents of inexact results) -> (results, cotangents of wrt)``.

    A cotangent ``c`` pairs with a tangent ``t`` as ``Re(c * t)``, nothing is conjugated. A result
    whose extents are found on the way takes them as ``i64`` parameters before its cotangent, and
    a mismatch raises ValueError at run time. Raises TypeError as ``jvp`` does.
    """
    _check_wrt(function, wrt)
    function = without_write_back(function)
    b = Builder(f"{function.name}_vjp")
    mapping = b.params_like(function.params)
    cts = {k: _cotangent_param(b, r, mapping) for k, r in _inexact(function)}
    lin, results = _linearized(b, function, mapping, wrt)
    if function.diverges:
        return b.build([])
    reverse = Reverse(b, lin.tape)
    for k, ct in cts.items():
        t = lin.tangent(results[k])
        if t is not None:
            reverse.sum(t).add(_as_type_of(b, ct, results[k]))
    lin.transpose(reverse)
    return b.build([*results, *_gradients(reverse, lin, function, mapping, wrt)])


def grad(
    function: Function, wrt: Sequence[int], result: int = 0, *, holomorphic: bool = False
) -> Function:
    """``params -> (results, gradients of result number ``result`` by wrt)``; the seed is one.

    Raises TypeError when that result is not a real floating scalar (a complex one, if holomorphic).
    """
    _check_wrt(function, wrt)
    function = without_write_back(function)
    b = Builder(f"{function.name}_grad")
    mapping = b.params_like(function.params)
    wanted = [k == result for k in range(len(function.results))]
    lin, results = _linearized(b, function, mapping, wrt, wanted)
    if function.diverges:
        return b.build([])
    loss = results[result]
    if loss.type != TensorType(loss.dtype) or kind_of(loss.dtype) != ("c" if holomorphic else "f"):
        throw(TypeError(f"grad needs a real floating scalar, @{function.name} gives {loss.type}"))
    reverse = Reverse(b, lin.tape)
    t = lin.tangent(loss)
    if t is not None:
        reverse.sum(t).add(b.const(1, loss.dtype))
        lin.transpose(reverse)
    return b.build([*results, *_gradients(reverse, lin, function, mapping, wrt)])


def _inexact(function: Function) -> list[tuple[int, Value]]:
    if function.diverges:
        return []
    return [(k, r) for k, r in enumerate(function.results) if has_tangent(r)]


def _cotangent_param(b: Builder, result: Value, mapping: dict[Value, Value]) -> Value:
    shape: list[Dim] = []
    for dim in result.shape:
        if all(v in mapping for v in leaves(dim)):
            shape.append(rename_attr(dim, mapping))
        else:
            shape.append(b.param(INDEX).dim)
    return b.param(TensorType(result.dtype, tuple(shape)))


def _as_type_of(b: Builder, ct: Value, result: Value) -> Value:
    if ct.type == result.type:
        return ct
    message = "a cotangent has another shape than its result"
    return b.op("cast_shape", ct, shape=result.shape, exc="ValueError", message=message)  # type: ignore[no-any-return]


def _linearized(
    b: Builder,
    function: Function,
    mapping: dict[Value, Value],
    wrt: Sequence[int],
    wanted: Sequence[bool] | None = None,
) -> tuple[Linearizer, list[Value]]:
    lin = Linearizer(b)
    for k in wrt:
        lin.fresh(mapping[function.params[k]])
    return lin, lin.run(function, [mapping[p] for p in function.params], wanted)


def _gradients(
    reverse: Reverse,
    lin: Linearizer,
    function: Function,
    mapping: dict[Value, Value],
    wrt: Sequence[int],
) -> list[Value]:
    out = []
    for k in wrt:
        primal = mapping[function.params[k]]
        t = lin.tangent(primal)
        assert t is not None
        ct = reverse.cotangent(t)
        out.append(zero(reverse.b, primal) if ct is None else ct)
    return out
