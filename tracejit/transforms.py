"""Derivatives of Python functions: ``grad``, ``value_and_grad``, ``jvp``, ``vjp``, ``check_grads``.

A transformed function is traced like any other: inside a trace its function becomes an IR function
of its own, is transformed (``autodiff/``) and inlined. Called from Python it is compiled first.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tracejit import autodiff, trees
from tracejit.attempts import Doubt
from tracejit.errors import UnsupportedError
from tracejit.ir.builder import rename_attr, rename_type
from tracejit.ir.core import Function, Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import INDEX, TensorType, Type
from tracejit.trace.guesses import Guesses, Supposed, Unsupposed
from tracejit.trace.known import shown_shape
from tracejit.trace.raising import Diverged, emit_raise, is_users
from tracejit.trace.regions import Free, closed, diverged
from tracejit.trace.session import active, current
from tracejit.trace.values import Array, PyScalar, Scalar, Tracer, fresh, lift, wrap_array


class Staged:
    """A function of some leaves, traced as a closed IR function inside the trace under way."""

    def __init__(self, ops: Any, function: Callable[..., Any], args: Sequence[Any], kwargs: Any):
        self.session = current()
        self.ops = ops
        self.call = function
        self.args = args
        self.kwargs = kwargs
        self.session.outside.root(getattr(function, "__self__", function), "self")

    def run(self, argnums: Sequence[int]) -> None:
        """Trace; ``argnums``: the arguments whose leaves become the first parameters."""
        session = self.session
        wrt_trees = [self.args[n] for n in argnums]
        self.wrt, self.wrt_tree = trees.flatten(tuple(wrt_trees))
        with session.region("branch", getattr(self.call, "__name__", "f").strip("<>")) as frame:
            self.params = [Value(lift(x).value.type) for x in self.wrt]
            inner = [_like(x, p) for x, p in zip(self.wrt, self.params, strict=True)]
            replaced = dict(zip(argnums, trees.unflatten(self.wrt_tree, inner), strict=True))
            args = [replaced.get(k, _own(a)) for k, a in enumerate(self.args)]
            result: Any = ()
            try:
                result = self.ops.call(self.call, *args, **_own(self.kwargs))
            except Exception as error:
                if not isinstance(error, Diverged) and not is_users(error):
                    raise
                emit_raise(session, error)
            builder = frame.builder
            self.out, self.out_tree = trees.flatten(result)
            self.out = [_constant(x) for x in self.out]
            self.values = [lift(x).value if isinstance(x, Tracer) else None for x in self.out]
        session.leave(frame)
        results = [v for v in self.values if v is not None]
        builder.params = list(self.params)
        self.free = Free(session)
        self.free.scan(builder, [] if diverged(builder) else results)
        self.function = closed(builder, results, self.params, self.free.values, self.free)

    @property
    def operands(self) -> list[Value]:
        """Entry values of the parameters, then outer values that the function uses."""
        return [*[lift(x).value for x in self.wrt], *self.free.values]

    def twice(self) -> Function:
        """The function, where rules apply with its results once more, stabilised: derivatives are
        taken of these, the value is what NumPy computes."""
        from tracejit.passes.beside import twice  # passes wait until something is compiled

        return twice(self.function, self._some)

    def derived(self, function: Function, keep: int) -> Function:
        """A derivative, simplified, its results from number ``keep`` on stabilised."""
        from tracejit.passes.beside import stabilized_after
        from tracejit.passes.pipeline import DEFAULT
        from tracejit.passes.runner import run

        return stabilized_after(run(function, DEFAULT), keep, self._some)

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

    def rebuild(self, values: Sequence[Value]) -> Any:
        """The function's result from its IR results."""
        found = iter(values)
        leaves = [
            x if v is None else _like(x, next(found))
            for x, v in zip(self.out, self.values, strict=True)
        ]
        return trees.unflatten(self.out_tree, leaves)


def _like(x: Any, value: Value) -> Any:
    """A traced value of the same kind as ``x`` that holds ``value``."""
    if isinstance(x, Scalar | np.generic):
        return Scalar(value)
    if isinstance(x, PyScalar):
        return PyScalar(x.kind, value)
    if isinstance(x, bool | int | float | complex):
        kinds = {bool: "bool", int: "int", float: "float", complex: "complex"}
        return PyScalar(kinds[type(x)], value)  # type: ignore[arg-type]
    return wrap_array(value)


def _constant(x: Any) -> Any:
    """Floating constants among results as traced values, so that they have derivatives (zero)."""
    return _like(x, lift(x).value) if isinstance(x, float | complex | np.inexact) else x


def _own(tree: Any) -> Any:
    """Arguments whose arrays may be changed without the caller's changing."""
    return trees.map_leaves(lambda x: fresh(x.read()) if isinstance(x, Array) else x, tree)


def _gradient_like(x: Any, value: Value) -> Any:
    """A gradient leaf: an array for arrays, a NumPy scalar for scalars."""
    return wrap_array(value) if isinstance(x, Array) else Scalar(value)


def _require_inexact(leaves: Sequence[Any], what: str) -> None:
    for x in leaves:
        dtype = lift(x).value.dtype
        if dtype.kind not in "fc":
            raise TypeError(
                f"{what} needs floating or complex arguments, not {dtype}: convert them, or choose "
                "others by argnums"
            )


class Transform:
    """A function made of another one. Subclasses give ``__traced_call__``."""

    def __init__(self, function: Callable[..., Any], what: str) -> None:
        if not callable(function):
            raise TypeError(f"{what} takes a function, not {type(function).__name__}")
        self.function = function
        functools.update_wrapper(self, function, updated=())
        self.__name__ = f"{what}_{getattr(function, '__name__', 'function')}".replace("<", "")
        self._compiled: Any = None

    def __traced_call__(self, ops: Any, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    @property
    def __call__(self) -> Callable[..., Any]:
        """The compiled function: calling a transform leaves no frame in tracebacks."""
        if self._compiled is None:
            from tracejit.api import jitted_type
            from tracejit.versions import Options

            self._compiled = jitted_type()(self, Options())
        return self._compiled  # type: ignore[no-any-return]

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)


class Gradient(Transform):
    """``grad`` and ``value_and_grad``."""

    def __init__(
        self,
        function: Callable[..., Any],
        argnums: int | Sequence[int],
        has_aux: bool,
        with_value: bool,
    ) -> None:
        super().__init__(function, "value_and_grad" if with_value else "grad")
        nums = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        if not all(isinstance(n, int) for n in nums) or len(set(nums)) != len(nums):
            raise TypeError(f"argnums are distinct positions of arguments, not {argnums!r}")
        self.argnums = argnums
        self.has_aux = has_aux
        self.with_value = with_value

    def __traced_call__(self, ops: Any, *args: Any, **kwargs: Any) -> Any:
        single = isinstance(self.argnums, int)
        argnums = [self.argnums] if isinstance(self.argnums, int) else list(self.argnums)
        argnums = [_argnum(n, len(args)) for n in argnums]
        staged = Staged(ops, self.function, args, kwargs)
        _require_inexact(trees.leaves_of(tuple(args[n] for n in argnums)), self.__name__)
        staged.run(argnums)
        if not staged.function.diverges:
            _check_loss(staged, self.has_aux)
        function, count = staged.twice(), len(staged.function.results)
        loss = len(function.results) - count if count else 0
        gradient = autodiff.grad(function, range(len(staged.params)), loss)
        out = staged.inline(staged.derived(gradient, len(function.results)))
        value = staged.rebuild(out[:count])
        found = out[len(function.results) :]
        leaves = [_gradient_like(x, v) for x, v in zip(staged.wrt, found, strict=True)]
        grads = trees.unflatten(staged.wrt_tree, leaves)
        grads = grads[0] if single else grads
        if self.with_value:
            return value, grads
        return (grads, value[1]) if self.has_aux else grads


def _argnum(n: int, count: int) -> int:
    if not -count <= n < count:
        raise TypeError(f"argnums {n} is outside of the {count} positional arguments")
    return n % count


def _check_loss(staged: Staged, has_aux: bool) -> None:
    if has_aux and not (staged.out_tree.type is tuple and staged.out_tree.num_children == 2):
        raise TypeError("with has_aux the function returns a pair (loss, auxiliary data)")
    first = staged.values[0] if staged.values else None
    if not has_aux and len(staged.out) != 1:
        raise TypeError(
            f"a differentiated function returns one scalar, not {len(staged.out)} values"
        )
    if first is None or first.rank != 0 or first.dtype.kind != "f":
        what = "no floating value"
        if first is not None:
            what = f"shape {shown_shape(first.shape)}, {first.dtype}"
        raise TypeError(
            f"grad needs a function that returns a real scalar, not {what}: reduce arrays (sum, "
            "mean), take the real part of complex values, or use vjp"
        )


def grad(
    fun: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Gradient:
    """The gradient of a function that returns one real floating scalar.

    Returns a function of the same arguments; its result has the structure of the argument (or, for
    several ``argnums``, a tuple of such). With ``has_aux`` the function returns ``(loss, aux)`` and
    the gradient ``(gradient, aux)``. Gradients of complex arguments follow JAX's convention. The
    caller's arrays are left alone even where ``fun`` changes them; derivatives are with respect to
    their values on entry. Raises TypeError for a result or argument without derivative.
    """
    return Gradient(fun, argnums, has_aux, False)


def value_and_grad(
    fun: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Gradient:
    """``(value, gradient)`` of a function, see ``grad``; with ``has_aux`` the value is a pair."""
    return Gradient(fun, argnums, has_aux, True)


def _signature(names: Sequence[str]) -> inspect.Signature:
    kind = inspect.Parameter.POSITIONAL_ONLY
    return inspect.Signature([inspect.Parameter(n, kind) for n in names])


class _Jvp(Transform):
    __signature__ = _signature(("primals", "tangents"))

    def __traced_call__(self, ops: Any, *args: Any, **kwargs: Any) -> Any:
        primals, tangents = args
        staged = Staged(ops, self.function, primals, {})
        _require_inexact(trees.leaves_of(tuple(primals)), "jvp")
        staged.run(range(len(primals)))
        found, found_tree = trees.flatten(tuple(tangents))
        if found_tree != staged.wrt_tree:
            raise TypeError("tangents have another structure than the arguments")
        wanted = zip(found, staged.params, strict=True)
        dots = [_fitted(lift(x).value, p.type, "tangent") for x, p in wanted]
        function, count = staged.twice(), len(staged.function.results)
        transformed = autodiff.jvp(function, range(len(staged.params)))
        # jvp takes the tangents after all parameters, outer values included
        out = staged.inline(staged.derived(transformed, len(function.results)), dots)
        inexact = sum(v.dtype.kind in "fc" for v in staged.function.results)
        moved = out[len(out) - inexact :]
        return staged.rebuild(out[:count]), _tangent_tree(staged, moved)


def _tangent_tree(staged: Staged, values: Sequence[Value]) -> Any:
    """Tangents (or cotangents) of results in the results' structure; zeros for integers."""
    found = iter(values)
    b = staged.session.b
    leaves = []
    for x, v in zip(staged.out, staged.values, strict=True):
        if v is None:
            leaves.append(0.0)
        elif v.dtype.kind in "fc":
            leaves.append(_gradient_like(x, next(found)))
        else:
            leaves.append(_gradient_like(x, b.zeros_like(v) if v.rank else b.const(0, v.dtype)))
    return trees.unflatten(staged.out_tree, leaves)


def _fitted(value: Value, want: Type, what: str) -> Value:
    """A tangent or cotangent converted to the dtype that it has to have; its shape is checked."""
    assert isinstance(want, TensorType)
    session, given = current(), value.type
    if value.rank == want.rank:
        value = session.b.convert(value, want.dtype)
    message = f"a {what} of type {given} does not match {want}"
    if value.rank != want.rank or value.dtype != want.dtype:
        raise TypeError(message)
    for have, need in zip(value.shape, want.shape, strict=True):
        session.require_equal(have, need, TypeError, message)
    if value.shape == want.shape:
        return value
    return session.b.op(  # type: ignore[no-any-return]
        "cast_shape", value, shape=want.shape, exc="TypeError", message=message
    )


def jvp(
    fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]
) -> tuple[Any, Any]:
    """``(fun(*primals), directional derivative along tangents)``, by forward mode.

    ``tangents`` has the structure, shapes and dtypes of ``primals``. Raises TypeError otherwise.
    """
    result: tuple[Any, Any] = _apply(_Jvp, fun, "jvp", tuple(primals), tuple(tangents))
    return result


class _Vjp(Transform):
    __signature__ = _signature(("primals", "cotangents"))

    def __traced_call__(self, ops: Any, *args: Any, **kwargs: Any) -> Any:
        primals, cotangents = args
        staged = Staged(ops, self.function, primals, {})
        _require_inexact(trees.leaves_of(tuple(primals)), "vjp")
        staged.run(range(len(primals)))
        function, count = staged.twice(), len(staged.function.results)
        function = replace(function, results=function.results[len(function.results) - count :])
        transformed = autodiff.vjp(function, range(len(staged.params)))
        if transformed.diverges:
            staged.inline(transformed)
        cts, tree = trees.flatten(cotangents)
        if tree != staged.out_tree:
            raise TypeError("cotangents have another structure than the results")
        both = zip(cts, staged.values, strict=True)
        kept = [c for c, v in both if v is not None and v.dtype.kind in "fc"]
        values = _cotangents(staged, transformed, [lift(c).value for c in kept])
        out = staged.inline(staged.derived(transformed, count), values)
        grads = out[count:]
        leaves = [_gradient_like(x, v) for x, v in zip(staged.wrt, grads, strict=True)]
        return trees.unflatten(staged.wrt_tree, leaves)


def _cotangents(staged: Staged, transformed: Function, given: Sequence[Value]) -> list[Value]:
    """What ``autodiff.vjp`` takes after the parameters: before a cotangent the extents of it that
    only the function finds."""
    count = len(staged.function.params)
    mapping = dict(zip(transformed.params, staged.operands, strict=False))
    values: list[Value] = []
    found, own = iter(given), []
    for p in transformed.params[count:]:
        if p.type == INDEX:
            own.append(p)
            continue
        value = next(found)
        if value.rank == p.rank:
            sizes = dict(zip(p.shape, value.shape, strict=True))
            mapping.update((q, current().b.index(sizes[q.dim])) for q in own)
            values += [mapping[q] for q in own]
        values.append(_fitted(value, rename_type(p.type, mapping), "cotangent"))
        own = []
    return values


def vjp(fun: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """``(fun(*primals), pullback)``; ``pullback(cotangents)`` gives one cotangent per argument.

    ``cotangents`` has the structure of the result. Nothing is conjugated: a cotangent ``c`` pairs
    with a tangent ``t`` as ``Re(c * t)``. The pullback runs the function again.
    """
    from tracejit.api import jit

    inner = _copies(primals)
    value = current().operators.call(fun, *inner) if active() else jit(fun)(*inner)
    kept = _copies(primals)
    return value, lambda cotangents: _apply(_Vjp, fun, "vjp", kept, cotangents)


def _apply(kind: type[Transform], fun: Callable[..., Any], what: str, *args: Any) -> Any:
    """Call the transform of a function; inside a trace it is inlined there."""
    if active():
        return current().operators.call(kind(fun, what), *args)
    return _cached(kind, fun, what)(*args)  # type: ignore[arg-type]


def _copies(primals: tuple[Any, ...]) -> tuple[Any, ...]:
    copies = trees.map_leaves(lambda x: np.array(x) if isinstance(x, np.ndarray) else x, primals)
    return _own(copies) if active() else copies  # type: ignore[no-any-return]


@functools.lru_cache(maxsize=256)
def _cached(kind: type[Transform], fun: Callable[..., Any], what: str) -> Transform:
    return kind(fun, what)


def check_grads(
    fun: Callable[..., Any],
    args: Sequence[Any],
    order: int = 2,
    **tolerances: Any,
) -> None:
    """Check derivatives of ``fun`` at ``args`` in both modes up to ``order``.

    Forward mode against central differences, reverse mode against forward mode by the dot-product
    identity. Floating and complex leaves of ``args`` are differentiated. Raises AssertionError.
    """
    from tracejit.autodiff.numeric import check_function
    from tracejit.compiler import run_function, traced_function

    doubt = Doubt()
    while True:
        guesses = Guesses(doubt.supposed or Supposed())
        function, values, wrt = traced_function(fun, args, guesses)
        if not wrt:
            raise UnsupportedError("check_grads needs at least one floating or complex argument")
        try:
            check_function(function, values, wrt, run_function, order=order, **tolerances)
        except Unsupposed as wrong:
            doubt.learn(wrong, guesses)
        else:
            return
