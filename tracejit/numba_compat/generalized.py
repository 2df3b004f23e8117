"""``guvectorize``: a function of small arrays as a generalised ufunc.

The layout ``"(n),(n)->()"`` names the core axes of the operands; what is before them is broadcast
and looped over. The function gets one view for each operand, and writes its results. Operands of
the layout ``()`` are numbers, or arrays of one element where the signature says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tracejit import api
from tracejit.errors import throw
from tracejit.numba_compat import operands as op
from tracejit.numba_compat import signatures as sg
from tracejit.numba_compat import types as nt
from tracejit.numba_compat.axes import moved_back, moved_inputs
from tracejit.numba_compat.decorators import plain
from tracejit.numba_compat.options import understood
from tracejit.numba_compat.passing import Passed
from tracejit.records import dataclass
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.values.all import as_dim, dim_value
from tracejit.trace.views.broadcast import broadcast_shapes

_GROUP = re.compile(r"\(([^()]*)\)")


@dataclass(frozen=True)
class CoreAxes:
    """Names (or fixed sizes) of the core axes of inputs and results."""

    text: str
    inputs: tuple[tuple[str, ...], ...]
    results: tuple[tuple[str, ...], ...]


def parsed_layout(text: str) -> CoreAxes:
    """The core axes that ``"(m,n),(n)->(m)"`` means. Raises ValueError for other texts."""
    compact = "".join(text.split())
    left, _, right = compact.partition("->")
    groups = [_GROUP.findall(side) for side in (left, right)]
    written = [",".join(f"({g})" for g in side) for side in groups]
    if "?" in compact or not groups[0] or written != [left, right]:
        raise ValueError(f'a layout looks like "(n),(n)->()", not {text!r}')
    sides = [tuple(tuple(n for n in g.split(",") if n) for g in side) for side in groups]
    return CoreAxes(compact, sides[0], sides[1])


@dataclass(frozen=True)
class CoreLoop:
    """Dtypes of the operands, and which operands of layout ``()`` are arrays of one element."""

    dtypes: op.Dtypes
    boxed: tuple[bool, ...]


class GeneralizedFunction(Passed):
    """What `guvectorize` returns."""

    __name__: str
    _made: dict[Any, Any]
    _compiled = {"_made": {}}  # noqa: RUF012 (read only)

    def __init__(
        self,
        function: Callable[..., Any],
        signatures: Sequence[nt.FunctionSignature],
        layout: CoreAxes,
        keywords: dict[str, Any],
    ) -> None:
        super().__init__(function)
        self.py_func = function
        self.layout = layout
        self.nin, self.nout = len(layout.inputs), len(layout.results)
        self.loops = [self._declared(s) for s in signatures]
        self._keywords = keywords

    def _declared(self, signature: nt.FunctionSignature) -> CoreLoop:
        if len(signature.args) != self.nargs:
            raise TypeError(
                f"the layout {self.layout.text} has {self.nargs} operands, the signature "
                f"{len(signature.args)}"
            )
        arrays = [isinstance(t, nt.ArrayType) for t in signature.args]
        dtypes = [
            nt.as_dtype(t.dtype if a else t) for t, a in zip(signature.args, arrays, strict=True)
        ]
        core = (*self.layout.inputs, *self.layout.results)
        boxed = tuple(a and not names for a, names in zip(arrays, core, strict=True))
        return CoreLoop(tuple(dtypes), boxed)

    @property
    def nargs(self) -> int:
        """Inputs and results."""
        return self.nin + self.nout

    @property
    def signature(self) -> str:
        """The layout, as NumPy's generalised ufuncs show it."""
        return self.layout.text

    @property
    def types(self) -> list[str]:
        """The loops, as ``dd->d``."""
        chars = ["".join(d.char for d in loop.dtypes) for loop in self.loops]
        return [f"{c[: self.nin]}->{c[self.nin :]}" for c in chars]

    @property
    def ntypes(self) -> int:
        """The number of loops."""
        return len(self.loops)

    identity = None

    def __repr__(self) -> str:
        return f"<tracejit.guvectorize of {self.function.__qualname__!r}>"

    # -- calls -------------------------------------------------------------------------------------

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        inputs, outs = self._split(args, kwargs)
        given = {"out": tuple(outs)} if any(o is not None for o in outs) else {}
        found = op.overridden(self, "__call__", inputs, {**kwargs, **given})
        if found is not NotImplemented:
            return found
        casting = kwargs.pop("casting", "same_kind")
        loop = self._loop(inputs, outs, kwargs.pop("signature", None), kwargs.pop("dtype", None))
        axes = {k: kwargs.pop(k) for k in ("axis", "axes", "keepdims") if k in kwargs}
        if kwargs:
            raise TypeError(f"{self.__name__}() got an unexpected keyword {next(iter(kwargs))!r}")
        results = self._run(inputs, outs, loop, axes, casting)
        done = tuple(
            op.wrapped(r, inputs) if out is None else out
            for r, out in zip(results, outs, strict=True)
        )
        return None if not done else done[0] if len(done) == 1 else done

    def _split(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], list[Any]]:
        """Inputs, and a result or None for each place."""
        if not self.nin <= len(args) <= self.nargs:
            throw(
                TypeError(
                    f"{self.__name__}() takes from {self.nin} to {self.nargs} positional arguments "
                    f"but {len(args)} were given"
                )
            )
        kwargs.pop("order", None)
        kwargs.pop("subok", None)
        out = kwargs.pop("out", None)
        outs = list(out if isinstance(out, tuple) else [out] if out is not None else [])
        outs = [*args[self.nin :], *outs]
        return args[: self.nin], outs + [None] * (self.nout - len(outs))

    def _loop(self, inputs: Any, outs: Any, signature: Any, dtype: Any) -> CoreLoop:
        if not self.loops:
            return self._dynamic(inputs, outs)
        loops = self.loops
        if signature is not None or dtype is not None:
            text = signature.replace("->", "") if isinstance(signature, str) else signature
            wanted = tuple(map(np.dtype, text)) if text is not None else None
            loops = [
                lp
                for lp in loops
                if lp.dtypes == wanted or (dtype is not None and lp.dtypes[-1] == np.dtype(dtype))
            ]
        found = op.loop_for(self.__name__, [lp.dtypes for lp in loops], inputs)
        return next(lp for lp in loops if lp.dtypes == found)

    def _dynamic(self, inputs: Any, outs: Any) -> CoreLoop:
        """A loop for the dtypes as they are; those of results have to be given."""
        if any(o is None for o in outs):
            throw(TypeError(f"{self.__name__}() without signatures takes its results as arguments"))
        given = [*inputs, *outs]
        core = (*self.layout.inputs, *self.layout.results)
        boxed = tuple(k >= self.nin and not names for k, names in enumerate(core))
        return CoreLoop(tuple(map(op.dtype_of_input, given)), boxed)

    def _run(self, inputs: Any, outs: Any, loop: CoreLoop, axes: Any, casting: Any) -> list[Any]:
        """The results, in the arrays given for them or in fresh ones."""
        arrays = [
            self._taken(x, dtype, casting) for x, dtype in zip(inputs, loop.dtypes, strict=False)
        ]
        moves = moved_inputs(self.layout, arrays, axes)
        lead, sizes = self._bound(moves.arrays, [moves.result(k, o) for k, o in enumerate(outs)])
        made, targets = [], []
        for k, (names, out) in enumerate(zip(self.layout.results, outs, strict=True)):
            shape = (*lead, *(sizes[n] for n in names))
            dtype = loop.dtypes[self.nin + k]
            target = None if out is None else moves.result(k, out)
            if not _usable(target, shape, dtype, moves.arrays):
                target = np.empty(shape, dtype)
            targets.append(target)
            made.append(moved_back(moves, k, target))
        self._nested(loop, lead, moves.arrays, targets)
        for k, out in enumerate(outs):
            if out is not None and not np.may_share_memory(out, targets[k]):
                op.copied_out(made[k], out, casting)
        return made

    def _taken(self, x: Any, dtype: np.dtype[Any], casting: Any) -> Any:
        if not op.is_weak(x) and not np.can_cast(op.dtype_of_input(x), dtype, casting):
            raise TypeError(
                f"Cannot cast ufunc '{self.__name__}' input from {op.dtype_of_input(x)!r} to "
                f"{dtype!r} with casting rule {casting!r}"
            )
        return np.asarray(x, dtype)

    def _bound(self, arrays: Sequence[Any], outs: Sequence[Any]) -> tuple[Any, dict[str, int]]:
        """The shape of the loop, and the size of each core axis. Raises ValueError as NumPy."""
        sizes: dict[str, int] = {}
        leads = []
        operands = [*arrays, *outs]
        core = (*self.layout.inputs, *self.layout.results)
        for k, (x, names) in enumerate(zip(operands, core, strict=True)):
            if x is None:
                continue
            if x.ndim < len(names):
                raise ValueError(
                    f"{self.__name__}: operand {k} does not have enough dimensions (has {x.ndim}, "
                    f"gufunc core with signature {self.layout.text} requires {len(names)})"
                )
            leads.append(x.shape[: x.ndim - len(names)])
            self._sized(k, names, x.shape[x.ndim - len(names) :], sizes)
        for name in (n for names in self.layout.results for n in names if n not in sizes):
            if not name.isdigit():
                raise ValueError(
                    f"{self.__name__}: the size of core dimension {name} of the result is not "
                    "known; pass out="
                )
            sizes[name] = int(name)
        return np.broadcast_shapes(*leads), sizes

    def _sized(self, k: int, names: Any, shape: Any, sizes: dict[str, int]) -> None:
        for axis, (name, n) in enumerate(zip(names, shape, strict=True)):
            want = sizes.setdefault(name, int(name) if name.isdigit() else n)
            if want != n:
                raise ValueError(
                    f"{self.__name__}: Input operand {k} has a mismatch in its core dimension "
                    f"{axis}, with gufunc signature {self.layout.text} (size {n} is different from "
                    f"{want})"
                )

    def _nested(self, loop: CoreLoop, lead: Any, arrays: Any, targets: Any) -> None:
        """Run the loop nest, one loop for each leading axis."""
        core = (*self.layout.inputs, *self.layout.results)
        views = []
        for x, names, boxed in zip([*arrays, *targets], core, loop.boxed, strict=True):
            inner = x.shape[x.ndim - len(names) :]
            if x.shape != (*lead, *inner):
                x = np.broadcast_to(x, (*lead, *inner))
            views.append(x[..., None] if boxed else x)
        if 0 in lead:
            return
        key = (len(lead), loop)
        made = self._made.get(key)
        if made is None:
            nest = NestOf(self.function, len(lead))
            made = self._made[key] = api.jit(nest, **self._keywords)
        made(*[x[()] if x.ndim == 0 else x for x in views])

    def __traced_call__(self, ops: Any, /, *args: Any, **kwargs: Any) -> Any:
        inputs, outs = self._split(args, kwargs)
        if kwargs:
            throw(TypeError(f"{self.__name__}() got an unexpected keyword {next(iter(kwargs))!r}"))
        loop = self._loop(inputs, outs, None, None)
        return traced(ops, self, loop, inputs, outs)


def _usable(target: Any, shape: Any, dtype: Any, inputs: Sequence[Any]) -> bool:
    """Whether a result can be written where the caller wants it while inputs are read."""
    fits = target is not None and (target.dtype, target.shape) == (dtype, shape)
    return fits and not any(np.may_share_memory(target, x) for x in inputs)


@dataclass(frozen=True)
class NestOf:
    """Loops over ``rank`` leading axes around a function that writes its last arguments."""

    function: Callable[..., Any]
    rank: int

    def __call__(self, *views: Any) -> None:
        if self.rank == 0:
            self.function(*views)
            return
        inner = NestOf(self.function, self.rank - 1)
        for i in range(len(views[0])):
            inner(*[v[i] for v in views])

    def __traced_call__(self, ops: Any, *views: Any) -> None:
        if self.rank == 0:
            ops.call(self.function, *views)
            return
        ops.converted(_each)(NestOf(self.function, self.rank - 1), views)


def _each(inner: Any, views: Any) -> None:
    for i in range(views[0].shape[0]):
        inner(*[v[i] for v in views])


def traced(ops: Any, f: GeneralizedFunction, loop: CoreLoop, inputs: Any, outs: Any) -> Any:
    """A call in compiled code."""
    arrays: list[Any] = [
        asarray(x).astype(d, copy=False) for x, d in zip(inputs, loop.dtypes, strict=False)
    ]
    sizes: dict[str, Any] = {}
    leads = []
    for x, names in zip(arrays, f.layout.inputs, strict=True):
        leads.append(tuple(x.shape[: x.ndim - len(names)]))
        sizes.update(zip(names, x.shape[x.ndim - len(names) :], strict=True))
    lead = tuple(map(dim_value, broadcast_shapes([tuple(map(as_dim, d)) for d in leads])))
    targets = []
    for k, (names, out) in enumerate(zip(f.layout.results, outs, strict=True)):
        if out is not None:
            targets.append(out)
            continue
        missing = [n for n in names if n not in sizes]
        if missing:
            throw(ValueError(f"{f.__name__}: the size of core dimension {missing[0]} is not known"))
        shape = (*lead, *(sizes[n] for n in names))
        targets.append(ops.call(np.empty, shape, loop.dtypes[f.nin + k]))
    core = (*f.layout.inputs, *f.layout.results)
    views = []
    for x, names, boxed in zip([*arrays, *targets], core, loop.boxed, strict=True):
        inner = tuple(x.shape[x.ndim - len(names) :])
        seen = np.broadcast_to(x, (*lead, *inner)) if x.ndim != len(lead) + len(inner) else x
        seen = np.expand_dims(seen, seen.ndim) if boxed else seen
        views.append(seen[()] if seen.ndim == 0 else seen)
    ops.call(NestOf(f.function, len(lead)), *views)
    done = [
        t[()] if out is None and t.ndim == 0 else t for t, out in zip(targets, outs, strict=True)
    ]
    return None if not done else done[0] if len(done) == 1 else tuple(done)


def guvectorize(*args: Any, **options: Any) -> Any:
    """Numba's ``guvectorize``: ``@guvectorize(["(f8[:], f8[:])"], "(n)->(n)")``, or without
    signatures ``@guvectorize("(n)->(n)")``, where results are passed as arguments.

    Raises ValueError for what is no layout, and what `understood` raises for options.
    """
    keywords = dict(understood({k: v for k, v in options.items() if k != "identity"}).keywords)
    if len(args) == 1:
        args = ([], args[0])
    given, text = args
    layout = parsed_layout(text)
    declared = sg.parsed(given) if given else []
    return lambda function: GeneralizedFunction(plain(function), declared, layout, keywords)
