"""``custom_root``: the derivative of a solution is that of the equation, not of the solver."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tracejit import autodiff, trees
from tracejit.dtypes import is_inexact
from tracejit.errors import StructureError, UnsupportedError
from tracejit.ir.core import Function, Value
from tracejit.trace.session.raising import Diverged
from tracejit.trace.session.regions import Free, closed, diverged
from tracejit.trace.session.session import active, current
from tracejit.trace.values.all import Array, Tracer, lift
from tracejit.transforms.linear_maps import Leaf
from tracejit.transforms.outermost import outermost
from tracejit.transforms.staged import Staged, StagedBody, fitted, like, traced_body, value_like


class _Linear:
    """A linear function by its IR function over fixed operands; it is called while tracing."""

    def __init__(self, function: Function, fixed: Sequence[Value], made: Any, given: Any) -> None:
        self.function, self.fixed, self.made, self.given = function, fixed, made, given
        self.__name__ = "linearized"

    def __call__(self, x: Any) -> Any:
        return self.__traced_call__(current().operators, x)

    def __traced_call__(self, ops: Any, x: Any) -> Any:
        leaves, tree = trees.flatten(x)
        want, types = self.given
        if tree != want:
            raise StructureError("custom_root: a tangent has another structure than the root")
        dots = [fitted(lift(v).value, t, "tangent") for v, t in zip(leaves, types, strict=True)]
        found = current().b.inline(self.function, [*self.fixed, *dots])
        tree, kinds = self.made
        results = found[len(found) - len(kinds) :]
        return trees.unflatten(tree, [k.wrap(v) for k, v in zip(kinds, results, strict=True)])


def _pure(
    ops: Any, name: str, params: Sequence[Value], call: Callable[[], Any], orders: int
) -> StagedBody:
    """A body of the equation's."""
    made = traced_body(ops, name, params, call, orders)
    _must_not_write(made.wrote)
    return made


def _must_not_write(wrote: Any) -> None:
    if wrote:
        raise UnsupportedError(
            "custom_root: the equation or its solver writes to an array from outside; "
            "write to a copy and return it"
        )


class _Root:
    """``custom_root`` inside of a trace of which derivatives are taken."""

    def __init__(self, f: Any, guess: Any, solve: Any, tangent_solve: Any) -> None:
        self.f, self.guess, self.solve, self.tangent_solve = f, guess, solve, tangent_solve

    def __traced_call__(self, ops: Any) -> Any:
        if not ops.session.orders:
            return ops.call(self.solve, self.f, self.guess)
        orders = ops.session.orders - 1
        primal = _pure(ops, "root", [], lambda: ops.call(self.solve, self.f, self.guess), 0)
        session, free = ops.session, Free(ops.session)
        free.scan(primal.builder, primal.results)
        if diverged(primal.builder):
            session.b.inline(primal.closed(free), free.values)
            raise Diverged
        equation = _pure(ops, "equation", [], lambda: ops.call(self.f, self.guess), orders)
        free.scan(equation.builder, equation.results)
        args = list(free.values)
        moving = [v for v in args if is_inexact(v.dtype)]
        dots = [Value(v.type) for v in moving]
        tangents = dict(zip(moving, dots, strict=True))
        rule = _pure(ops, "rule", dots, lambda: self._rule(ops, primal, tangents), orders)
        free.scan(rule.builder, rule.results)
        outer = free.values[len(args) :]
        regions = (
            closed(primal.builder, primal.results, args, outer, free),
            closed(rule.builder, rule.results, [*args, *dots], outer, free),
        )
        attrs = {"rule": "jvp", "args": len(args)}
        new = session.b.append("call", [*args, *outer], attrs, regions, session.loc)
        results = iter(new.results)
        pairs = zip(primal.out, primal.values, strict=True)
        leaves = [x if v is None else like(x, next(results)) for x, v in pairs]
        return trees.unflatten(primal.tree, leaves)

    def _rule(self, ops: Any, primal: StagedBody, tangents: dict[Value, Value]) -> list[Any]:
        """The root, and its tangent: the equation linearized there, solved for what moves it."""
        root = self.__traced_call__(ops)  # which has this rule again, to the next order
        staged = Staged(ops, self.f, (root,))
        staged.run()
        _must_not_write(staged.wrote)
        if staged.out_tree != primal.tree:
            raise StructureError(
                "custom_root: f gives another structure than its argument, the root"
            )
        count, known = len(staged.params), staged.free.values
        wrt = [k for k, v in enumerate(known, count) if v in tangents]
        made = (staged.out_tree, [Leaf(isinstance(x, Array), True) for x in staged.out])
        pushed = autodiff.jvp(staged.function, wrt)
        given = [tangents[known[k - count]] for k in wrt]
        found = current().b.inline(pushed, [*staged.operands, *given])
        types = [v.tensor for v in staged.wrt_values]
        linear = _Linear(
            autodiff.jvp(staged.function, range(count)),
            staged.operands,
            made,
            (staged.wrt_tree.children()[0], types),
        )
        moved = found[len(found) - len(staged.out) :]
        right = [value_like(current().b.op("neg", v)) for v in moved]
        answer = ops.call(self.tangent_solve, linear, trees.unflatten(staged.out_tree, right))
        leaves = trees.leaves_of(answer)
        dots = [fitted(lift(x).value, t, "tangent") for x, t in zip(leaves, types, strict=True)]
        whole = [x for x in trees.leaves_of(root) if isinstance(x, Tracer)]
        return [*whole, *map(value_like, dots)]


@outermost
def custom_root(
    f: Callable[[Any], Any],
    initial_guess: Any,
    solve: Callable[[Callable[[Any], Any], Any], Any],
    tangent_solve: Callable[[Callable[[Any], Any], Any], Any],
) -> Any:
    """A root of ``f``, found by ``solve(f, initial_guess)``, with the derivative of the equation.

    ``f`` maps what ``initial_guess`` is like to the same, and may close over what is
    differentiated; how the root was found is not differentiated. ``tangent_solve(g, y)`` solves
    ``g(x) = y`` for a linear ``g``, ``f`` linearized at the root; for reverse mode by operations
    that are linear in ``y``. TypeError where structures, shapes or dtypes differ.

        def newton(f, x):
            for _ in range(20):
                x = x - f(x) / (2.0 * x)
            return x

        def square_root(a):
            return custom_root(lambda x: x * x - a, 1.0, newton, lambda g, y: y / g(1.0))

        assert np.isclose(grad(square_root)(4.0), 0.25)
    """
    if active():
        return current().operators.call(_Root(f, initial_guess, solve, tangent_solve))
    return solve(f, initial_guess)
