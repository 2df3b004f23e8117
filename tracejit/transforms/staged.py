"""A function traced as a closed IR function inside the trace under way, to be transformed there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.dtypes import is_complex, is_inexact
from tracejit.errors import is_for_user, throw
from tracejit.ir.builder import rename_attr
from tracejit.ir.core import Function, Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import INDEX, TensorType, Type
from tracejit.records import dataclass
from tracejit.trace.session.concretize import shown_shape
from tracejit.trace.session.frames import TraceBuilder
from tracejit.trace.session.raising import Diverged, emit_raise
from tracejit.trace.session.regions import Free, closed, diverged
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Array, Cell, PyScalar, Scalar, Tracer, fresh, lift, wrap_array
from tracejit.trace.values.chosen_constants import ChosenConstant
from tracejit.trace.values.marked_texts import must_be_unmarked
from tracejit.trace.values.tagged import widest


class Staged:
    """A function of some leaves, traced as a closed IR function inside the trace under way."""

    def __init__(self, ops: Any, function: Callable[..., Any], args: Sequence[Any] = ()):
        self.session = current()
        self.ops = ops
        self.call = function
        self.args = args
        self.session.outside.called(function)

    def run(self) -> None:
        """Trace; the leaves of the arguments become the first parameters."""
        self.wrt_leaves, self.wrt_tree = trees.flatten(tuple(self.args))
        self.wrt = [x for x in self.wrt_leaves if x is not None]
        self.wrt_values = [lift(x).value for x in self.wrt]
        self.params = [Value(v.type) for v in self.wrt_values]

        def arguments() -> tuple[Sequence[Any], Any]:
            inner = [like(x, p) for x, p in zip(self.wrt, self.params, strict=True)]
            return self.of_arguments(inner), {}

        self.trace(arguments, 1)

    def of_arguments(self, values: Sequence[Any]) -> Any:
        """A tuple like the arguments, with a value for each leaf that is not None."""
        found = iter(values)
        leaves = [None if x is None else next(found) for x in self.wrt_leaves]
        return trees.unflatten(self.wrt_tree, leaves)

    def trace(self, arguments: Callable[[], tuple[Sequence[Any], Any]], orders: int) -> None:
        """Trace a call of the function on ``arguments()``, made of ``params`` and outer values;
        ``orders``: how many derivatives this transform takes of it."""
        name = getattr(self.call, "__name__", "f").strip("<>")
        body = traced_body(
            self.ops,
            name,
            self.params,
            lambda: self._called(arguments),
            self.session.orders + orders,
        )
        self.out, self.out_tree, self.values = body.out, body.tree, body.values
        self.wrote = body.wrote
        self.free = Free(self.session)
        self.free.scan(body.builder, body.results)
        self.function = body.closed(self.free)

    def _called(self, arguments: Callable[[], tuple[Sequence[Any], Any]]) -> Any:
        args, kwargs = arguments()
        return self.ops.call(self.call, *args, **kwargs)

    @property
    def operands(self) -> list[Value]:
        """Entry values of the parameters, then outer values that the function uses."""
        return [*self.wrt_values, *self.free.values]

    def twice(self) -> Function:
        """The function, where rules apply with its results once more, stabilised: derivatives are
        taken of these, the value is what NumPy computes."""
        from tracejit.passes.stabilized_results import (
            twice,  # passes wait until something is compiled
        )

        return twice(self.function, self._some)

    def derived(self, function: Function, keep: int) -> Function:
        """A derivative, simplified, its results from number ``keep`` on stabilised."""
        from tracejit.passes.stabilized_results import stabilized_after

        return stabilized_after(simplified(function), keep, self._some)

    def _some(self, dim: Dim) -> bool:
        pairs = zip(self.function.params, self.operands, strict=True)
        sizes = {p: v for p, v in pairs if p.type == INDEX}
        return self.session.ranges.at_least(rename_attr(dim, sizes), 1)

    def inline(self, function: Function, extra: Sequence[Value] = ()) -> list[Value]:
        """Emit a transformed function on the operands (and ``extra`` ones after them)."""
        results = list(self.session.b.inline(function, [*self.operands, *extra]))
        if function.diverges:
            raise Diverged
        return results

    def main_results(self, has_aux: bool) -> list[int]:
        """Numbers of the IR results that are not auxiliary data."""
        count = self.out_tree.children()[0].num_leaves if has_aux else len(self.out)
        return list(range(sum(v is not None for v in self.values[:count])))

    def rebuild(self, values: Sequence[Value]) -> Any:
        """The function's result from its IR results, after what it wrote to arrays from outside."""
        found = iter(values)
        leaves = [
            x if v is None else like(x, next(found))
            for x, v in zip(self.out, self.values, strict=True)
        ]
        for cell, value in zip(self.wrote, found, strict=True):
            self.session.write_cell(cell, value)
        return trees.unflatten(self.out_tree, leaves)


@dataclass
class StagedBody:
    """What was traced into a builder of its own: leaves of the result, and their IR values; what
    was written outside, and what it holds now."""

    builder: TraceBuilder
    out: list[Any]
    tree: Any
    values: list[Value | None]
    wrote: dict[Cell, Value]

    @property
    def results(self) -> list[Value]:
        """The IR results, none where the body always raises. What was written comes last."""
        if diverged(self.builder):
            return []
        return [*(v for v in self.values if v is not None), *self.wrote.values()]

    def closed(self, free: Free) -> Function:
        """The function of its parameters and the outer values of ``free``."""
        params = list(self.builder.params)
        return closed(self.builder, self.results, params, free.values, free)


def traced_body(
    ops: Any, name: str, params: Sequence[Value], call: Callable[[], Any], orders: int
) -> StagedBody:
    """Trace what ``call`` does as a body of ``params``, of which derivatives are taken ``orders``
    times."""
    session = current()
    outer, session.orders = session.orders, orders
    try:
        with session.region("branch", name) as frame:
            result: Any = ()
            try:
                result = call()
            except BaseException as error:
                if not isinstance(error, Diverged) and not is_for_user(error):
                    raise
                emit_raise(session, error)
            out, tree = trees.flatten(result)
            must_be_unmarked(out, "a result of a function that a transform takes")
            out = [constant(widest(x)) for x in out]
            values = [_value(x) if isinstance(x, Tracer) else None for x in out]
    finally:
        session.orders = outer
    before = dict(frame.touched)
    final = session.leave(frame)
    frame.builder.params = list(params)
    wrote = {cell: value for cell, value in final.items() if value is not before[cell]}
    return StagedBody(frame.builder, out, tree, values, wrote)


def _value(x: Tracer) -> Value:
    """What the run decides of a leaf: a number, an array, which of a few texts."""
    return x.which if isinstance(x, ChosenConstant) else lift(x).value


def like(x: Any, value: Value) -> Any:
    """A traced value of the same kind as ``x`` that holds ``value``."""
    if isinstance(x, ChosenConstant):
        return ChosenConstant(x.choices, value)
    if isinstance(x, Scalar | np.generic):
        return Scalar(value)
    if isinstance(x, PyScalar):
        return PyScalar(x.kind, value)
    if isinstance(x, bool | int | float | complex):
        kinds = {bool: "bool", int: "int", float: "float", complex: "complex"}
        return PyScalar(kinds[type(x)], value)  # type: ignore[arg-type]
    return wrap_array(value)


def constant(x: Any) -> Any:
    """Floating constants among results as traced values, so that they have derivatives (zero)."""
    return like(x, lift(x).value) if isinstance(x, float | complex | np.inexact) else x


def own(tree: Any) -> Any:
    """Arguments whose arrays may be changed without the caller's changing."""
    return trees.map_leaves(lambda x: fresh(x.read()) if isinstance(x, Array) else x, tree)


def gradient_like(x: Any, value: Value) -> Any:
    """A gradient leaf: an array for arrays, a NumPy scalar for scalars."""
    return wrap_array(value) if isinstance(x, Array) else Scalar(value)


def value_like(value: Value) -> Any:
    """An IR value as an array of its own, or as a NumPy scalar."""
    return wrap_array(value) if value.rank else Scalar(value)


def simplified(function: Function) -> Function:
    """A function as it is left by the passes, for others to be made of it."""
    from tracejit.passes.pipeline import REDUCE  # passes wait until something is compiled
    from tracejit.passes.runner import run

    return run(function, REDUCE)


def check_aux(staged: Staged, has_aux: bool, name: str) -> None:
    """With ``has_aux`` a function returns a pair."""
    if has_aux and not (staged.out_tree.type is tuple and staged.out_tree.num_children == 2):
        throw(
            TypeError(f"{name} with has_aux the function returns a pair (result, auxiliary data)")
        )


def tangent_tree(staged: Staged, results: Sequence[Value], values: Sequence[Value]) -> Any:
    """Tangents (or cotangents) of ``results`` in their structure; zeros for integers, None for
    None."""
    found, primals = iter(values), iter(results)
    b = staged.session.b
    leaves = []
    for x, inner in zip(staged.out, staged.values, strict=True):
        if inner is None:
            leaves.append(none_or_zero(x))
            continue
        v = next(primals)  # whose extents are values of the trace around, unlike those of `inner`
        if isinstance(x, ChosenConstant):
            leaves.append(none_or_zero(x))
        elif is_inexact(v.dtype):
            leaves.append(gradient_like(x, next(found)))
        else:
            leaves.append(gradient_like(x, b.zeros_like(v) if v.rank else b.const(0, v.dtype)))
    return trees.unflatten(staged.out_tree, leaves)


def none_or_zero(x: Any) -> float | None:
    """The tangent of what has no derivative; None is no leaf that could have one."""
    return None if x is None else 0.0


def fitted(value: Value, want: Type, what: str) -> Value:
    """A tangent or cotangent converted to the dtype that it has to have; its shape is checked, and
    that no imaginary part is lost."""
    assert isinstance(want, TensorType)
    session, given = current(), value.tensor
    if value.rank == want.rank and (is_complex(want.dtype) or not is_complex(given.dtype)):
        value = session.b.convert(value, want.dtype)
    message = (
        f"a {what} of shape {shown_shape(given.shape)}, {given.dtype}, for a value of shape "
        f"{shown_shape(want.shape)}, {want.dtype}: it has to have the same"
    )
    if value.rank != want.rank or value.dtype != want.dtype:
        throw(TypeError(message))
    for have, need in zip(value.shape, want.shape, strict=True):
        session.require_equal(have, need, TypeError, message)
    if value.shape == want.shape:
        return value
    return session.b.op(  # type: ignore[no-any-return]
        "cast_shape", value, shape=want.shape, exc="TypeError", message=message
    )
