"""Functions that stay Python, as compiled code calls them: what goes in, and what has to come out.

``PythonCall`` is called in order, with the effects that it has. ``PureCall`` is called for its
results alone: any number of times, also before it is known whether they are wanted. So it does not
raise: it says that it failed, and the exception is raised where the program called it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.dtypes import kind_of
from tracejit.errors import throw
from tracejit.records import dataclass

#: A dtype and a shape; None for an extent that is known at run time only.
Known = tuple[np.dtype[Any], tuple[int | None, ...]]


@dataclass(frozen=True, eq=False)
class PythonCall:
    """What compiled code calls: operands are the arrays and numbers of the arguments, then the
    extents of results that are known at run time only.

    ``tree``, ``constants``, ``is_operand``: the arguments, with what stands for itself; ``kinds``
    of the operands; ``made`` and ``results``: structure, dtypes and shapes of the result.
    """

    function: Callable[..., Any]
    tree: Any
    constants: tuple[Any, ...]
    is_operand: tuple[bool, ...]
    kinds: tuple[str, ...]
    made: Any
    results: tuple[Known | None, ...]
    what: str = "callback"

    @property
    def written(self) -> str:
        """As messages name it."""
        return f"{self.what} of {getattr(self.function, '__qualname__', self.function)}"

    @property
    def remedy(self) -> str:
        """What may be done where it has no derivative."""
        return "give it a rule (register, custom_jvp, custom_vjp)"

    def __call__(self, *operands: Any) -> Any:
        made = self.values(operands)
        return made[0] if len(made) == 1 else tuple(made)

    def values(self, operands: Sequence[Any]) -> list[Any]:
        """The arrays and numbers among the leaves of the result."""
        return [x for x in self._leaves(operands) if x is not None]

    def plain(self, operands: Sequence[Any], announced: Sequence[Any]) -> Any:
        """The call where nothing is compiled; leaves of the kinds of those announced."""
        both = zip(self._leaves(operands), announced, strict=True)
        return trees.unflatten(self.made, [_as_announced(x, want) for x, want in both])

    def _leaves(self, operands: Sequence[Any]) -> list[Any]:
        count = len(self.kinds)
        found = self._called(self.function, map(_passed, self.kinds, operands[:count]))
        return self._all_checked(found, operands[count:], ())

    def _called(self, function: Callable[..., Any], passed: Iterator[Any]) -> Any:
        both = zip(self.constants, self.is_operand, strict=True)
        args = trees.unflatten(self.tree, [next(passed) if given else x for x, given in both])
        return function(*args)

    def _all_checked(self, found: Any, extents: Sequence[Any], lead: tuple[int, ...]) -> list[Any]:
        leaves, made = trees.flatten(found)
        if made != self.made:
            throw(TypeError(f"{self.written} returns another structure than was announced"))
        sizes = iter(extents)
        both = zip(leaves, self.results, strict=True)
        return [self._checked(x, want, sizes, lead) for x, want in both]

    def _checked(
        self, x: Any, want: Known | None, extents: Iterator[Any], lead: tuple[int, ...]
    ) -> Any:
        if want is None or x is None:
            if want is not x:
                throw(TypeError(f"{self.written} returns another structure than was announced"))
            return None
        dtype, dims = want
        shape = (*lead, *(int(next(extents)) if d is None else d for d in dims))
        array = np.asarray(x)
        if array.shape != shape:
            throw(ValueError(f"{self.written} gives shape {array.shape}, announced was {shape}"))
        if not np.can_cast(array.dtype, dtype, "same_kind"):
            throw(TypeError(f"{self.written} gives {array.dtype}, announced was {dtype}"))
        return self._converted(array, dtype)

    def _converted(self, array: Any, dtype: np.dtype[Any]) -> Any:
        """OverflowError where a number is too large for what was announced."""
        with np.errstate(all="ignore"):
            made = array.astype(dtype)
        if np.can_cast(array.dtype, dtype):
            return made
        same = made == array if kind_of(dtype) in "iu" else np.isfinite(made) | ~np.isfinite(array)
        if not np.all(same):
            throw(OverflowError(f"{self.written} gives a number that {dtype} cannot hold"))
        return made


@dataclass(frozen=True, eq=False)
class PureCall(PythonCall):
    """A call without effects, of a batch where ``lead`` is not 0: that many first axes of each
    operand count examples. ``batch``: a function that takes one such axis, True where ``function``
    takes any number of them, None where it takes none. The last two results say whether there was
    no exception, and its number."""

    batch: Any = None
    lead: int = 0

    def __call__(self, *operands: Any) -> tuple[Any, ...]:
        try:
            return *self.values(operands), np.True_, np.int64(0)
        except Exception as error:
            nothing = [
                np.zeros((1,) * (self.lead + len(want[1])), want[0])
                for want in self.results
                if want is not None
            ]
            return *nothing, np.False_, np.int64(_hold(error))

    def batched(self) -> PureCall:
        """The call of a batch of what this one is called with."""
        return replace(self, lead=self.lead + 1)

    def _leaves(self, operands: Sequence[Any]) -> list[Any]:
        if not self.lead:
            return super()._leaves(operands)
        count, extents = len(self.kinds), operands[len(self.kinds) :]
        arrays = [np.array(x) for x in operands[:count]]
        lead = arrays[0].shape[: self.lead]
        if self.batch is True:
            return self._all_checked(self._called(self.function, iter(arrays)), extents, lead)
        size = int(np.prod(lead))
        flat = [x.reshape(size, *x.shape[self.lead :]) for x in arrays]
        if self.batch is not None:
            found = self._called(self.batch, iter(flat))
            leaves = self._all_checked(found, extents, (size,))
        else:
            one = replace(self, lead=0)
            each = [one._leaves([*(x[k] for x in flat), *extents]) for k in range(size)]
            leaves = self._stacked(each, extents)
        return [None if x is None else x.reshape(*lead, *x.shape[1:]) for x in leaves]

    def _stacked(self, each: list[list[Any]], extents: Sequence[Any]) -> list[Any]:
        if each:
            return [None if x[0] is None else np.stack(x) for x in zip(*each, strict=True)]
        sizes = iter(extents)
        return [
            None
            if want is None
            else np.empty((0, *(int(next(sizes)) if d is None else d for d in want[1])), want[0])
            for want in self.results
        ]

    def _key(self) -> tuple[Any, ...]:
        constants = tuple(map(_told_apart, self.constants, self.is_operand))
        same = (id(self.function), id(self.batch), self.lead, self.is_operand, self.kinds)
        return *same, constants, self.results

    def __eq__(self, other: object) -> bool:
        """Equal calls give equal results for equal operands."""
        if not isinstance(other, PureCall):
            return NotImplemented
        trees_are = (self.tree, self.made) == (other.tree, other.made)
        return trees_are and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())


def _told_apart(x: Any, is_operand: bool) -> Any:
    """Equal for constants that are the same to any function."""
    if is_operand or x is None:
        return None
    if isinstance(x, str | bytes | bool | int | float | complex):
        return type(x), repr(x)
    return id(x)


def _passed(kind: str, x: Any) -> Any:
    """An operand as the function gets it."""
    array = np.array(x)
    return array if kind == "array" else array[()] if kind == "scalar" else array.item()


def _as_announced(x: Any, want: Any) -> Any:
    if x is None or isinstance(want, np.ndarray):
        return x
    return x[()] if isinstance(want, np.generic) else x.item()


# -- exceptions that wait ----------------------------------------------------------------------

#: Exceptions that pure calls ended with, by number. Of a call ahead of its place that the program
#: then does not come to, nobody asks: the oldest go. None: it was raised.
_HELD: OrderedDict[int, BaseException | None] = OrderedDict()
_MOST = 1024
_LOCK = threading.Lock()


def _hold(error: BaseException) -> int:
    with _LOCK:
        number = next(reversed(_HELD), 0) + 1
        _HELD[number] = error
        if len(_HELD) > _MOST:
            _HELD.popitem(last=False)
    return number


def held(message: str) -> BaseException:
    """The exception of this number, which is raised once."""
    with _LOCK:
        found = _HELD.get(int(message))
        if found is not None:
            _HELD[int(message)] = None
    return found or RuntimeError(
        "a registered function failed, and more than 1024 others did since"
    )
