"""Jacobians and Hessians: a linear map applied to all unit vectors at once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, Literal, ParamSpec

from tracejit import trees
from tracejit.dtypes import kind_of
from tracejit.errors import throw
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import INDEX
from tracejit.trace.session.session import current
from tracejit.trace.values.all import Scalar, lift, wrap_array
from tracejit.transforms.chosen import Chosen, asked_of
from tracejit.transforms.linear_maps import Linearized
from tracejit.transforms.outermost import outermost
from tracejit.transforms.requirements import require_inexact, require_numbers
from tracejit.transforms.transform import Transform, shown
from tracejit.transforms.vmapping import Vmapped

if TYPE_CHECKING:
    from tracejit.callables import Transformed

P = ParamSpec("P")
Mode = Literal["jacfwd", "jacrev"]


class Jacobian(Transform):
    """What ``jacfwd`` and ``jacrev`` return."""

    def __init__(
        self,
        function: Callable[..., Any],
        argnums: int | Sequence[int],
        argnames: str | Sequence[str] | None,
        mode: Mode,
        has_aux: bool,
        holomorphic: bool,
        what: str | None = None,
    ) -> None:
        super().__init__(function, what or mode)
        self.asked = asked_of(argnums, argnames, self.what)
        self.mode, self.has_aux, self.holomorphic = mode, has_aux, holomorphic

    @property
    def options(self) -> tuple[Hashable, ...]:
        return self.asked, self.mode, self.has_aux, self.holomorphic

    def __traced_call__(self, ops: Any, /, *args: Any, **kwargs: Any) -> Any:
        chosen = Chosen(shown(self), self.function, self.asked, args, kwargs)
        require_inexact(shown(self), chosen.named())
        self._check(trees.leaves_of(chosen.values), "argument", real=not self.holomorphic)
        reverse = self.mode == "jacrev"
        what = "vjp" if reverse else "linearize"
        out, linear, *aux = ops.call(Linearized(chosen, what, self.has_aux), *chosen.values)
        build = self._by_rows if reverse else self._by_columns
        self._check(trees.leaves_of(out), "result", real=reverse and not self.holomorphic)
        found = build(ops, linear, out, chosen.values)
        found = [t[0] for t in found] if chosen.single else found
        whole = trees.unflatten(trees.flatten(out)[1], found)
        return (whole, aux[0]) if self.has_aux else whole

    def _check(self, leaves: Sequence[Any], what: str, *, real: bool) -> None:
        leaves = [x for x in leaves if x is not None]
        require_numbers(leaves, f"{shown(self)}: each {what}")
        for x in leaves:
            kind = kind_of(lift(x).value.dtype)
            if what == "result" and kind not in "fc":
                throw(
                    TypeError(
                        f"{shown(self)}: a result is {lift(x).value.dtype}, which has no "
                        "derivative: with has_aux=True it is returned beside the others"
                    )
                )
            if self.holomorphic and kind != "c":
                throw(TypeError(f"{shown(self)}: with holomorphic=True each {what} is complex"))
            if real and kind == "c":
                throw(
                    TypeError(
                        f"{shown(self)}: for a complex {what} say holomorphic=True where the "
                        "function is, or take real and imaginary parts"
                    )
                )

    def _by_rows(self, ops: Any, pullback: Any, out: Any, chosen: Any) -> list[Any]:
        """Per leaf of the result, the tree of the arguments: pulled back unit vectors."""
        leaves, tree = trees.flatten(out)
        found = []
        for k, leaf in enumerate(leaves):
            if leaf is None:
                found.append(trees.map_leaves(lambda x: None, chosen))
                continue
            rows = _of_units(ops, pullback, leaves, k, tree, packed=False)
            shape = lift(leaf).value.shape
            parts, inner = trees.flatten(rows)
            split = [None if x is None else _split(x, 0, shape) for x in parts]
            found.append(trees.unflatten(inner, split))
        return found

    def _by_columns(self, ops: Any, pushforward: Any, out: Any, chosen: Any) -> list[Any]:
        """The same by columns: pushed unit vectors of each leaf of the arguments."""
        leaves, tree = trees.flatten(chosen)
        results = trees.leaves_of(out)
        columns = []
        for k, leaf in enumerate(leaves):
            if leaf is None:
                columns.append([None] * len(results))
                continue
            moved = trees.leaves_of(_of_units(ops, pushforward, leaves, k, tree, packed=True))
            shape = lift(leaf).value.shape
            columns.append([None if x is None else _split(_last(x), -1, shape) for x in moved])
        return [trees.unflatten(tree, list(row)) for row in zip(*columns, strict=True)]


class Hessian(Jacobian):
    """What ``hessian`` returns: ``jacfwd`` of a ``jacrev``, which errors do not show."""

    def __init__(
        self,
        function: Callable[..., Any],
        argnums: int | Sequence[int],
        argnames: str | Sequence[str] | None,
        has_aux: bool,
        holomorphic: bool,
    ) -> None:
        inner = Jacobian(function, argnums, argnames, "jacrev", has_aux, holomorphic, "hessian")
        super().__init__(inner, argnums, argnames, "jacfwd", has_aux, holomorphic, "hessian")

    @property
    def of_what(self) -> Any:
        return self.function.function  # type: ignore[attr-defined]


def _of_units(
    ops: Any, linear: Any, leaves: Sequence[Any], k: int, tree: Any, *, packed: bool
) -> Any:
    """A linear map of the unit vectors of leaf ``k`` beside zeros for the others."""

    def given(j: int, x: Any) -> Any:
        value = lift(x).value
        return wrap_array(_units(value) if j == k else current().b.zeros_like(value))

    axes = [0 if j == k else None for j in range(len(leaves))]
    arrays = trees.unflatten(
        tree, [None if x is None else given(j, x) for j, x in enumerate(leaves)]
    )
    mapped = trees.unflatten(tree, axes)
    if packed:
        return ops.call(Vmapped(linear, mapped, 0, None), *arrays)
    return ops.call(Vmapped(linear, (mapped,), 0, None), arrays)


def _size(shape: Sequence[Dim]) -> Dim:
    total: Dim = 1
    for d in shape:
        total = total * d
    return total


def _units(value: Value) -> Value:
    """Unit vectors of a value's type along a first axis."""
    b, size = current().b, _size(value.shape)
    square = (size, size)
    row = b.op("iota", shape=square, axis=0, dtype=INDEX.dtype)
    column = b.op("iota", shape=square, axis=1, dtype=INDEX.dtype)
    ones = b.convert(b.op("eq", row, column), value.dtype)
    return b.reshape(ones, (size, *value.shape))


def _split(x: Any, axis: int, shape: Sequence[Dim]) -> Any:
    """Axis 0 or -1 as the axes of ``shape``."""
    value = lift(x).value
    rest = value.shape[1:] if axis == 0 else value.shape[:-1]
    whole = (*shape, *rest) if axis == 0 else (*rest, *shape)
    found = current().b.reshape(value, whole)
    return wrap_array(found) if found.rank else Scalar(found)


def _last(x: Any) -> Any:
    value = lift(x).value
    if value.rank == 1:
        return x
    return wrap_array(current().b.op("transpose", value, perm=(*range(1, value.rank), 0)))


@outermost
def jacfwd(
    fun: Callable[P, Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
) -> Transformed[P, Any]:
    """The Jacobian of a function, by pushing forward all unit vectors of its arguments at once.

    Returns a function of the same arguments. For a result of shape ``s`` and an argument of shape
    ``t`` the Jacobian has the shape ``s + t``; where they are containers it is a container of the
    result's structure, with the argument's inside (a tuple of these for several ``argnums``).
    ``argnames`` chooses arguments by name in place of ``argnums``. With ``has_aux`` the function
    returns ``(result, aux)``, and its Jacobian comes with ``aux``. The caller's arguments are left
    alone even where ``fun`` changes them. Best where there are fewer arguments than results. Raises
    TypeError for complex arguments, unless ``holomorphic``.

        matrix = jacfwd(lambda x: np.array([x[0] * x[1], x[1]]))(np.array([2.0, 3.0]))
        assert matrix.tolist() == [[3.0, 2.0], [0.0, 1.0]]
    """
    return Jacobian(fun, argnums, argnames, "jacfwd", has_aux, holomorphic)


@outermost
def jacrev(
    fun: Callable[P, Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
) -> Transformed[P, Any]:
    """The Jacobian of a function, by pulling back all unit vectors of its results at once.

    As ``jacfwd`` in all else. Best where there are fewer results than arguments.

        matrix = jacrev(lambda x: x * x)(np.array([1.0, 2.0]))
        assert matrix.tolist() == [[2.0, 0.0], [0.0, 4.0]]
    """
    return Jacobian(fun, argnums, argnames, "jacrev", has_aux, holomorphic)


jacobian = jacrev


@outermost
def hessian(
    fun: Callable[P, Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
) -> Transformed[P, Any]:
    """The second derivatives of a function, forward over reverse: ``jacfwd(jacrev(fun))``.

    For a scalar function of an argument of shape ``t`` it has the shape ``t + t``. See ``jacfwd``.

        matrix = hessian(lambda x: np.sum(x**3))(np.array([1.0, 2.0]))
        assert matrix.tolist() == [[6.0, 0.0], [0.0, 12.0]]
    """
    return Hessian(fun, argnums, argnames, has_aux, holomorphic)
