"""``vmap``: a function of one example, called with a batch of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from tracejit import autodiff, trees
from tracejit.errors import UnsupportedError, throw
from tracejit.ir.core import Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import TensorType
from tracejit.trace.session.concretize import plain_text, shown_dim, shown_shape
from tracejit.trace.session.raising import Diverged
from tracejit.trace.values.all import Array, PyScalar, Scalar, lift, wrap_array
from tracejit.trace.values.chosen_constants import ChosenConstant
from tracejit.transforms.outermost import outermost
from tracejit.transforms.requirements import (
    kind_of_object,
    names_of_positions,
    require_numbers,
    shown_structure,
)
from tracejit.transforms.staged import Staged, like, own
from tracejit.transforms.transform import Transform, shown

if TYPE_CHECKING:
    from tracejit.callables import Vmapping

Fun = TypeVar("Fun", bound=Callable[..., Any])


class Vmapped(Transform):
    """What ``vmap`` returns."""

    def __init__(
        self, function: Callable[..., Any], in_axes: Any, out_axes: Any, axis_size: int | None
    ) -> None:
        super().__init__(function, "vmap")
        _check_axes(in_axes, "in_axes")
        _check_axes(out_axes, "out_axes")
        self.in_axes, self.out_axes, self.axis_size = in_axes, out_axes, axis_size

    @property
    def options(self) -> tuple[Hashable, ...]:
        return _frozen(self.in_axes), _frozen(self.out_axes), self.axis_size

    def example(self, args: tuple[Any, ...], kwargs: Any) -> tuple[tuple[Any, ...], Any]:
        """The first example of the batch."""
        axes = self._spread(args, kwargs)
        leaves, tree = trees.flatten((args, kwargs))
        first = [
            x if a is None or x is None else x.take(0, a) for x, a in zip(leaves, axes, strict=True)
        ]
        return trees.unflatten(tree, first)  # type: ignore[no-any-return]

    def _spread(self, args: Sequence[Any], kwargs: Any) -> list[int | None]:
        """The mapped axis of each leaf of the arguments."""
        in_axes = self.in_axes
        whole = tuple(in_axes) if isinstance(in_axes, list | tuple) else (in_axes,) * len(args)
        return spread_axes((whole, dict.fromkeys(kwargs, 0)), (args, kwargs), "in_axes")

    def __traced_call__(self, ops: Any, /, *args: Any, **kwargs: Any) -> Any:
        in_axes = self.in_axes
        if isinstance(in_axes, list | tuple) and len(in_axes) != len(args):
            throw(
                ValueError(
                    f"vmap: in_axes has {len(in_axes)} entries for {len(args)} positional arguments"
                )
            )
        leaves, tree = trees.flatten((args, kwargs))
        axes = self._spread(args, kwargs)
        staged = Staged(ops, self.function)
        # None is nothing that has examples, as among the leaves that derivatives are taken by.
        mapped = [k for k, a in enumerate(axes) if a is not None and leaves[k] is not None]
        staged.wrt = [leaves[k] for k in mapped]
        names = names_of_positions(self.function, range(len(args)))
        fronts = [
            _front(x, axes[k], trees.name_of_leaf(tree, k, names))
            for k, x in zip(mapped, staged.wrt, strict=True)
        ]
        size, fronts = self._of_one_size(staged, fronts)
        staged.wrt_values = fronts
        staged.params = [Value(TensorType(v.dtype, v.shape[1:])) for v in fronts]

        def arguments() -> tuple[Sequence[Any], Any]:
            inner = {k: _example(p) for k, p in zip(mapped, staged.params, strict=True)}
            found = [inner.get(k, own(x)) for k, x in enumerate(leaves)]
            return trees.unflatten(tree, found)  # type: ignore[no-any-return]

        staged.trace(arguments, 0)
        if staged.wrote:
            raise UnsupportedError(
                f"{shown(self)}: it writes to an array from outside, which examples side by side "
                "have no order for; return what it should hold"
            )
        flags = [k < len(fronts) for k in range(len(staged.operands))]
        b = staged.session.b
        results, differ = autodiff.batched(b, staged.function, staged.operands, flags, size)
        if staged.function.diverges:
            raise Diverged
        return self._result(staged, results, differ, size)

    def _of_one_size(self, staged: Staged, fronts: Sequence[Value]) -> tuple[Dim, list[Value]]:
        """The number of examples, which all mapped arguments agree on, and they with it."""
        if not fronts and self.axis_size is None:
            throw(ValueError("vmap: no argument is mapped: give one an axis, or axis_size"))
        size = self.axis_size if self.axis_size is not None else fronts[0].shape[0]
        found = []
        for front in fronts:
            other, *rest = front.shape
            have, many = shown_dim(size), shown_dim(other)
            message = f"vmap: arguments have {have} and {many} examples along their mapped axes"
            if self.axis_size is not None:
                message = f"vmap: axis_size is {have}, an argument has {many} examples"
            staged.session.require_equal(size, other, ValueError, message)
            if other != size:
                front = staged.session.b.op(
                    "cast_shape",
                    front,
                    shape=(size, *rest),
                    exc="ValueError",
                    message=plain_text(message),
                )
            found.append(front)
        return size, found

    def _result(
        self, staged: Staged, results: Sequence[Value], differ: Sequence[bool], size: Dim
    ) -> Any:
        tree = staged.out_tree
        axes = spread_axes(self.out_axes, trees.unflatten(tree, staged.out), "out_axes")
        b = staged.session.b
        found = iter(zip(results, differ, strict=True))
        out = []
        for x, v, axis in zip(staged.out, staged.values, axes, strict=True):
            if v is None:
                out.append(x if axis is None else _repeated(staged, x, size))
                continue
            value, differs = next(found)
            if isinstance(x, ChosenConstant):
                if differs:
                    x.refuse("differs by example of vmap")
                out.append(like(x, value))
                continue
            if axis is None:
                if differs:
                    throw(ValueError("vmap: out_axes is None for a result that differs by example"))
                out.append(wrap_array(value) if value.rank else Scalar(value))
                continue
            if not differs:
                value = b.broadcast(value, (size, *value.shape))
            out.append(wrap_array(_moved(b, value, 0, axis)))
        return trees.unflatten(tree, out)


def _check_axes(axes: Any, what: str) -> None:
    """Raise TypeError for what is no tree of axes: an array, as if it were the argument."""
    for x in trees.leaves_of(axes):
        if isinstance(x, bool) or not isinstance(x, int | PyScalar | Scalar | None):
            throw(
                TypeError(
                    f"vmap: {what} is an axis, None or a tree of them, not {kind_of_object(x)}; "
                    "a batch is given to what vmap returns: vmap(f)(x)"
                )
            )


def _frozen(axes: Any) -> Hashable:
    leaves, tree = trees.flatten(axes)
    return tuple(leaves), tree


def spread_axes(axes: Any, tree: Any, what: str) -> list[int | None]:
    """The axis of each leaf of ``tree``: ``axes`` is a tree of which each leaf stands for all of
    the part that it is in the place of."""
    if axes is None or isinstance(axes, int):
        return [axes] * len(trees.leaves_of(tree))
    parts, above = trees.flatten(axes)
    try:
        below = above.flatten_up_to(tree)
    except ValueError:
        given, of = above, trees.flatten(tree)[1]
        if what == "in_axes":
            given, of = given.children()[0], of.children()[0]  # keyword arguments have no axes
        throw(
            ValueError(
                f"vmap: {what} has another structure than what it is for: "
                f"{shown_structure(given)}, not {shown_structure(of)} or a part of it"
            )
        )
    return [
        a for axis, part in zip(parts, below, strict=True) for a in spread_axes(axis, part, what)
    ]


def _front(x: Any, axis: int | None, name: str) -> Value:
    """An argument's value with the mapped axis first."""
    from tracejit.trace.session.session import current

    require_numbers([x], f"vmap: {name}, which is to be mapped,")
    value = lift(x).value
    assert axis is not None
    if not isinstance(x, Array) or not -value.rank <= axis < value.rank:
        what = f"an array of shape {shown_shape(value.shape)}" if value.rank else "a number"
        throw(
            ValueError(
                f"vmap: axis {axis} of {name} is to be mapped, which is {what}: set in_axes to "
                "None for what all examples share"
            )
        )
    return _moved(current().b, value, axis % value.rank, 0)


def _moved(b: Any, value: Value, source: int, target: int) -> Value:
    if not -value.rank <= target < value.rank:
        throw(ValueError(f"vmap: axis {target} is outside of a result with {value.rank} axes"))
    target %= value.rank
    if source == target:
        return value
    order = [a for a in range(value.rank) if a != source]
    order.insert(target, source)
    return b.op("transpose", value, perm=tuple(order))  # type: ignore[no-any-return]


def _example(param: Value) -> Any:
    """What the function is given: an array, or a scalar as indexing gives it."""
    return wrap_array(param) if param.rank else Scalar(param)


def _repeated(staged: Staged, x: Any, size: Dim) -> Any:
    """A constant result for all examples; what is no number stays as it is."""
    if not isinstance(x, bool | int):
        return x
    value = lift(x).value
    return wrap_array(staged.session.b.broadcast(value, (size, *value.shape)))


@outermost
def vmap(
    fun: Fun,
    in_axes: Any = 0,
    out_axes: Any = 0,
    axis_size: int | None = None,
) -> Vmapping[Fun]:
    """``fun`` for each example of a batch, as a loop over the examples would give it.

    ``in_axes``: which axis of the positional arguments counts examples; None for what they share;
    one for all arguments, or one per argument, where a tree of axes stands for the leaves of a
    container. Keyword arguments are mapped over their first axis. ``out_axes``: where that axis is
    in the results. ``axis_size``: the number of examples where no argument says so.

    Loops, branches, ``while``, mutation and views inside mean what they mean for one example; the
    caller's arrays are left alone. Results of examples have to have one shape: UnsupportedError
    where values decide it. ValueError for axes that do not fit.

        def of_one(w, x):
            return w @ x

        of_many = vmap(of_one, in_axes=(None, 0))
        assert of_many(np.arange(3.0), np.eye(3)).tolist() == [0.0, 1.0, 2.0]
    """
    return Vmapped(fun, in_axes, out_axes, axis_size)
