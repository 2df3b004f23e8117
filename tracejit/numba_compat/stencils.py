"""``stencil``: a kernel at relative indices, applied around every element.

The kernel is called for each element whose neighbourhood lies inside; what is at the border is
``cval``. The neighbourhood is read off the constant indices of the kernel.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tracejit import api
from tracejit.errors import UnsupportedError, throw
from tracejit.numba_compat.decorators import plain
from tracejit.numba_compat.passing import Passed
from tracejit.trace.convert.source import SourceUnavailable, locate
from tracejit.trace.session.session import current
from tracejit.transforms.staged import traced_body

Sides = list[tuple[int, int]]
Reach = tuple[tuple[int, int], ...]


class Around:
    """An array seen from one element: ``a[0, 1]`` is its neighbour."""

    def __init__(self, array: Any, place: Any) -> None:
        self.array = array
        self.place = place

    def __getitem__(self, offset: Any) -> Any:
        steps = offset if isinstance(offset, tuple) else (offset,)
        return self.array[tuple([p + s for p, s in zip(self.place, steps, strict=True)])]


class StencilFunction(Passed):
    """What `stencil` returns. ``out=`` takes the result; its border is written if ``cval`` was
    given."""

    __name__: str
    _jitted: Any
    _compiled = {"_jitted": None}  # noqa: RUF012 (read only)

    def __init__(
        self, kernel: Callable[..., Any], reach: Any, cval: Any, standard: Sequence[str]
    ) -> None:
        super().__init__(kernel)
        self.py_func = kernel
        self.names = list(inspect.signature(kernel).parameters)
        self.neighborhood = None if reach is None else tuple(map(tuple, reach))
        self.cval, self.standard = cval, tuple(standard)

    @functools.cached_property
    def reach(self) -> Reach:
        """The least and greatest offset on each axis."""
        return self.neighborhood or _offsets(self.function, self.names, self.standard)

    def __call__(self, *args: Any, out: Any = None) -> Any:
        if self._jitted is None:
            self._jitted = api.jit(OfStencil(self))
        return self._jitted(*args) if out is None else self._jitted(*args, out)

    def __traced_call__(self, ops: Any, *args: Any, out: Any = None) -> Any:
        return ops.call(OfStencil(self), *args, *([] if out is None else [out]))


class OfStencil:
    """The loop nest of a stencil; one argument more than the kernel has is the result's array."""

    def __init__(self, of: StencilFunction) -> None:
        self.of = of

    def __call__(self, *args: Any) -> Any:
        first, sides, at = self._prepared(args, lambda f, *given: f(*given))
        shape = [low + high + 1 for low, high in sides]
        kind = np.asarray(at(lambda x: np.zeros(shape, x.dtype))([low for low, _ in sides])).dtype
        return self._filled(args, first, sides, kind, functools.partial(_walk, at(lambda x: x)))

    def __traced_call__(self, ops: Any, *args: Any) -> Any:
        first, sides, at = self._prepared(args, ops.call)
        shape = [low + high + 1 for low, high in sides]

        def once() -> Any:
            return at(lambda x: ops.call(np.zeros, shape, x.dtype))([low for low, _ in sides])

        walk = functools.partial(ops.converted(_walk), at(lambda x: x))
        return self._filled(args, first, sides, _kind(ops, once), walk)

    def _prepared(self, args: tuple[Any, ...], call: Any) -> tuple[Any, Sides, Any]:
        """The first array, what is left out at both ends of each axis, and what makes the kernel at
        a place of the relative arrays, or of arrays in their place."""
        of = self.of
        given = args[: len(of.names)]
        first = given[0]
        if not getattr(first, "ndim", 0) or of.names[0] in of.standard:
            throw(TypeError(f"the first argument of the stencil {of.__name__} is a relative array"))
        if len(of.reach) != first.ndim:
            throw(
                ValueError(
                    f"the stencil {of.__name__} has {len(of.reach)} indices for {first.ndim} axes"
                )
            )
        relative = [
            bool(getattr(x, "ndim", 0)) and name not in of.standard
            for name, x in zip(of.names, given, strict=True)
        ]
        if any(r and x.ndim != first.ndim for r, x in zip(relative, given, strict=True)):
            throw(ValueError(f"relative arrays of the stencil {of.__name__} have the same ndim"))

        def at(array: Callable[[Any], Any]) -> Callable[[Any], Any]:
            pairs = [(array(x) if r else x, r) for x, r in zip(given, relative, strict=True)]
            return lambda place: call(
                of.function, *[Around(x, place) if r else x for x, r in pairs]
            )

        return first, [(max(0, -low), max(0, high)) for low, high in of.reach], at

    def _filled(self, args: Any, first: Any, sides: Sides, kind: Any, walk: Any) -> Any:
        of, out = self.of, args[len(self.of.names) :]
        border = 0 if of.cval is None else of.cval
        if of.cval is not None and not np.can_cast(
            np.asarray(border).dtype.type, kind, "same_kind"
        ):
            throw(ValueError(f"cval={border!r} does not fit results of dtype {kind}"))
        result = out[0] if out else np.full_like(first, border, kind)
        if out and of.cval is not None:
            result[...] = border
        walk(result, sides, ())
        return result


def _kind(ops: Any, call: Callable[[], Any]) -> np.dtype[Any]:
    """The dtype of the kernel's result, found by tracing it apart."""
    body = traced_body(ops, "kernel", [], call, current().orders)
    (value,) = body.values
    if value is None or value.rank:
        throw(TypeError("the kernel of a stencil gives a number"))
    return np.dtype(value.dtype)


def _walk(at: Any, result: Any, sides: Any, place: Any) -> None:
    axis = len(place)
    if axis == len(sides):
        result[place] = at(place)
        return
    for i in range(sides[axis][0], result.shape[axis] - sides[axis][1]):
        _walk(at, result, sides, (*place, i))


def _offsets(kernel: Callable[..., Any], names: Sequence[str], standard: Sequence[str]) -> Reach:
    """The reach that the constant indices of the kernel's source have. UnsupportedError where
    an index is no constant."""
    where = "give neighborhood=((low, high), ...), one pair for each axis"
    try:
        tree = locate(kernel.__code__, kernel.__globals__).tree
    except SourceUnavailable as problem:
        raise UnsupportedError(
            f"the indices of the stencil cannot be read: {problem}; {where}"
        ) from None
    found = []
    for item in ast.walk(tree):
        if not isinstance(item, ast.Subscript) or not isinstance(item.value, ast.Name):
            continue
        if item.value.id in names and item.value.id not in standard:
            found.append(_constants(item.slice, where))
    if not found or len(set(map(len, found))) != 1:
        raise UnsupportedError(f"the stencil {kernel.__name__} has no relative index; {where}")
    axes = list(zip(*found, strict=True))
    return tuple((min(0, *steps), max(0, *steps)) for steps in axes)


def _constants(index: ast.expr, where: str) -> tuple[int, ...]:
    try:
        found = ast.literal_eval(index)
    except ValueError:
        found = None
    steps = found if isinstance(found, tuple) else (found,)
    if not all(isinstance(s, int) for s in steps):
        raise UnsupportedError(
            f"line {index.lineno}: an index of the stencil is no constant; {where}"
        )
    return steps


def stencil(function_or_mode: Any = None, /, **options: Any) -> Any:
    """Numba's ``stencil``: ``@stencil``, ``@stencil(neighborhood=((-1, 1),), cval=0.0)``.

    ``func_or_mode``: only "constant", the one mode that Numba has. ``standard_indexing``: names of
    arrays that are indexed as they are. Raises UnsupportedError for other modes.
    """
    mode = options.pop("func_or_mode", None)
    given = function_or_mode if function_or_mode is not None else mode
    reach, cval = options.pop("neighborhood", None), options.pop("cval", None)
    standard = options.pop("standard_indexing", ())
    if options:
        raise TypeError(f"stencil has no option {next(iter(options))!r}")
    if isinstance(given, str) and given != "constant":
        raise UnsupportedError(f'stencil has the mode "constant", not {given!r}')

    def wrap(kernel: Any) -> StencilFunction:
        return StencilFunction(plain(kernel), reach, cval, standard)

    return wrap(given) if callable(given) else wrap
