"""``custom_linear_solve``: a solution of linear equations, differentiated as such.

Inside of a trace of which derivatives are taken it is a ``call`` whose first operands are the right
side, in which it is linear: forward mode solves for the tangent, reverse mode solves the transposed
equations for the cotangent. What moves the matrix is moved to the right side (``jvp``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tracejit import autodiff, trees
from tracejit.dtypes import is_inexact
from tracejit.errors import StructureError, UnsupportedError, throw
from tracejit.ir.core import Value
from tracejit.trace.session.raising import Diverged
from tracejit.trace.session.regions import Free, closed, diverged
from tracejit.trace.session.session import active, current
from tracejit.trace.values.all import Tracer, lift
from tracejit.transforms.linear_maps import Linearized
from tracejit.transforms.outermost import outermost
from tracejit.transforms.roots import custom_root
from tracejit.transforms.staged import Staged, StagedBody, fitted, like, traced_body, value_like

_NAME = "custom_linear_solve"
Map = Callable[[Any], Any]
Solver = Callable[[Map, Any], Any]


class _Transposed:
    """The transpose of a linear map of what is like ``example``."""

    __name__ = "transposed"

    def __init__(self, matvec: Any, example: Any) -> None:
        self.matvec, self.example = matvec, example

    def __call__(self, y: Any) -> Any:
        return self.__traced_call__(current().operators, y)

    def __traced_call__(self, ops: Any, y: Any) -> Any:
        pullback = ops.call(Linearized(self.matvec, "vjp", False), self.example)[1]
        return ops.call(pullback, y)[0]


class _Solution:
    """``matvec(x) = b`` for x, by a solver and one of the transposed equations."""

    def __init__(self, matvec: Any, solve: Any, transposed: Any, symmetric: bool) -> None:
        self.matvec, self.solve, self.transposed = matvec, solve, transposed
        self.symmetric = symmetric

    def __traced_call__(self, ops: Any, b: Any) -> Any:
        if not ops.session.orders:
            return ops.call(self.solve, self.matvec, b)
        return self.emit(ops, b)

    def emit(self, ops: Any, b: Any) -> Any:
        """The ``call``; with a rule for tangents as far as derivatives of it are taken."""
        orders, leaves, tree = ops.session.orders, *trees.flatten(b)
        right = [lift(x).value for x in leaves]
        if not all(is_inexact(v.dtype) for v in right):
            throw(TypeError(f"{_NAME} needs floating or complex right sides"))
        params = [Value(v.type) for v in right]

        def unknown(values: Sequence[Value]) -> Any:
            inner = [like(x, v) for x, v in zip(leaves, values, strict=True)]
            return trees.unflatten(tree, inner)

        def body(what: str, given: Sequence[Value], call: Map, times: int) -> StagedBody:
            made = traced_body(ops, what, given, lambda: call(unknown(params)), times)
            if made.wrote:
                raise UnsupportedError(
                    f"{_NAME}: {what} writes to an array from outside; write to a copy and "
                    "return it"
                )
            if made.tree != tree and not diverged(made.builder) and what != "its rule":
                raise StructureError(f"{_NAME}: {what} gives another structure than b")
            return made

        session, free = ops.session, Free(ops.session)
        primal = body("solve", params, lambda y: ops.call(self.solve, self.matvec, y), 0)
        free.scan(primal.builder, primal.results)
        if diverged(primal.builder):
            session.b.inline(primal.closed(free), [*right, *free.values])
            raise Diverged
        equation = body("matvec", params, lambda y: ops.call(self.matvec, y), 0)
        free.scan(equation.builder, equation.results)
        known = list(free.values)
        moving = [v for v in (*params, *known) if is_inexact(v.dtype)]
        dots = [Value(v.type) for v in moving]
        cts = [Value(v.type) for v in params]
        rules = []
        if orders:
            tangents = dict(zip(moving, dots, strict=True))
            rule = body(
                "its rule", [*params, *dots], lambda y: self._rule(ops, y, tangents), orders - 1
            )
            free.scan(rule.builder, rule.results)
            rules.append((rule, [*params, *known, *dots]))
        back = traced_body(
            ops, "back", cts, lambda: self._back(ops, unknown(cts)), max(orders - 1, 0)
        )
        if diverged(back.builder):
            raise StructureError(f"{_NAME}: transpose_solve always raises")
        free.scan(back.builder, back.results)
        rules.append((back, [*cts, *known]))
        outer = free.values[len(known) :]
        regions = tuple(
            closed(made.builder, made.results, given, outer, free)
            for made, given in ((primal, [*params, *known]), *rules)
        )
        attrs = {
            "rule": "solve" if orders else "solved",
            "args": len(right) + len(known),
            "linear": len(right),
        }
        new = session.b.append("call", [*right, *known, *outer], attrs, regions, session.loc)
        found = zip(primal.out, new.results, strict=True)
        return trees.unflatten(primal.tree, [like(x, v) for x, v in found])

    def _back(self, ops: Any, ct: Any) -> Any:
        if self.symmetric:
            return self.__traced_call__(ops, ct)
        zeros = trees.map_leaves(lambda x: value_like(current().b.zeros_like(lift(x).value)), ct)
        transposed = _Transposed(self.matvec, zeros)
        return _Solution(transposed, self.transposed, self.solve, False).__traced_call__(ops, ct)

    def _rule(self, ops: Any, right: Any, tangents: dict[Value, Value]) -> list[Any]:
        """The solution, and its tangent: what moves the matrix goes to the right side."""
        x = self.__traced_call__(ops, right)
        staged = Staged(ops, self.matvec, (x,))
        staged.run()
        count, known = len(staged.params), staged.free.values
        wrt = [k for k, v in enumerate(known, count) if v in tangents]
        b = current().b
        moved: list[Value] = [tangents[lift(y).value] for y in trees.leaves_of(right)]
        if wrt:
            pushed = autodiff.jvp(staged.function, wrt)
            given = [tangents[known[k - count]] for k in wrt]
            found = b.inline(pushed, [*staged.operands, *given])
            shifts = found[len(found) - len(moved) :]
            moved = [b.op("sub", t, s) for t, s in zip(moved, shifts, strict=True)]
        structure = trees.flatten(right)[1]
        answer = self.emit(ops, trees.unflatten(structure, [value_like(v) for v in moved]))
        types = [lift(v).value.tensor for v in trees.leaves_of(x)]
        dots = [
            fitted(lift(v).value, t, "tangent")
            for v, t in zip(trees.leaves_of(answer), types, strict=True)
        ]
        return [*(v for v in trees.leaves_of(x) if isinstance(v, Tracer)), *map(value_like, dots)]


def _minus(x: Any, y: Any) -> Value:
    b, want = current().b, lift(y).value
    return b.op("sub", fitted(lift(x).value, want.type, "right side"), want)  # type: ignore[no-any-return]


@outermost
def custom_linear_solve(
    matvec: Map,
    b: Any,
    solve: Solver,
    transpose_solve: Solver | None = None,
    symmetric: bool = False,
) -> Any:
    """The x with ``matvec(x) = b``, found by ``solve(matvec, b)`` and differentiated as such.

    ``matvec`` is linear, maps what ``b`` is like to the same, and may close over what is
    differentiated. How ``solve`` works is not differentiated, so that it may iterate until a
    residual is small. Reverse mode calls ``transpose_solve(vecmat, cotangent)`` with the transposed
    map, or ``solve`` again where ``matvec`` is ``symmetric``; without either it goes through
    ``solve``, which then has to be linear in its right side as it is written. TypeError where
    structures, shapes or dtypes differ.

        def jacobi(matvec, b):
            x = np.zeros_like(b)
            while np.max(np.abs(b - matvec(x))) > 1e-13:
                x = x + (b - matvec(x)) / 4.0
            return x

        def solved(scale):
            matrix = np.array([[4.0, 1.0], [1.0, 4.0]]) + scale * np.eye(2)
            return custom_linear_solve(lambda x: matrix @ x, np.ones(2), jacobi, symmetric=True)

        assert np.isclose(grad(lambda s: np.sum(solved(s)))(0.0), -2 / 25)
    """
    if not active():
        return solve(matvec, b)
    ops = current().operators
    if transpose_solve is None and not symmetric:

        def residual(x: Any) -> Any:
            (left, tree), (right, want) = map(trees.flatten, (ops.call(matvec, x), b))
            if tree != want:
                raise StructureError(f"{_NAME}: matvec gives another structure than b")
            pairs = zip(left, right, strict=True)
            return trees.unflatten(tree, [value_like(_minus(y, z)) for y, z in pairs])

        return custom_root(residual, b, lambda f, guess: ops.call(solve, matvec, b), solve)
    return ops.call(_Solution(matvec, solve, transpose_solve, symmetric), b)
