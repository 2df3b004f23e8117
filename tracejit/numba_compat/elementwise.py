"""``vectorize``: a function of numbers as a ufunc.

It has what NumPy's ufuncs have: broadcasting, ``out``, ``where``, ``casting``, ``dtype``,
``reduce``, ``accumulate``, ``reduceat``, ``outer`` and ``at``; loops are chosen by dtype as NumPy
chooses them. Without signatures there is a loop for any dtypes, made when they come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tracejit import api
from tracejit.errors import throw
from tracejit.numba_compat import operands as op
from tracejit.numba_compat import signatures as sg
from tracejit.numba_compat import types as nt
from tracejit.numba_compat.decorators import plain
from tracejit.numba_compat.folds import Folds
from tracejit.numba_compat.options import understood
from tracejit.numba_compat.passing import Passed
from tracejit.trace.array_api.applying import each_element
from tracejit.trace.array_api.creation import asarray

_IDENTITIES = (None, 0, 1, "reorderable")


class ElementFunction:
    """A traced function that applies another to elements; ``loop``: dtypes, the results last."""

    def __init__(self, function: Callable[..., Any], loop: op.Dtypes) -> None:
        self.function, self.loop = function, loop

    def __call__(self, *args: Any) -> Any:
        return np.vectorize(self.function, otypes=[self.loop[-1]])(*args)

    def __traced_call__(self, ops: Any, *args: Any) -> Any:
        given: list[Any] = [asarray(x).astype(d) for x, d in zip(args, self.loop, strict=False)]
        return each_element(self.function, given, self.loop[-1])


class UniversalFunction(Folds, Passed):
    """What `vectorize` returns: a function of numbers, applied to each element of arrays."""

    nout = 1
    signature = None
    _made: dict[Any, Any]
    _compiled = {"_made": {}}  # noqa: RUF012 (read only)

    def __init__(
        self,
        function: Callable[..., Any],
        signatures: Sequence[nt.FunctionSignature],
        identity: Any,
        keywords: dict[str, Any],
    ) -> None:
        super().__init__(function)
        self.py_func = function
        self.nin = function.__code__.co_argcount
        self.declared = [
            tuple(nt.as_dtype(t) for t in (*s.args, s.return_type)) for s in signatures
        ]
        self.identity = None if identity == "reorderable" else identity
        self.reorderable = identity is not None
        self._keywords = keywords
        self._results: dict[op.Dtypes, np.dtype[Any]] = {}

    # -- what NumPy's ufuncs say of themselves -----------------------------------------------------

    @property
    def nargs(self) -> int:
        """Inputs and results."""
        return self.nin + self.nout

    @property
    def types(self) -> list[str]:
        """The loops, as ``dd->d``."""
        found = self.declared or [(*k, v) for k, v in self._results.items()]
        return ["".join(d.char for d in loop[:-1]) + "->" + loop[-1].char for loop in found]

    @property
    def ntypes(self) -> int:
        """The number of loops."""
        return len(self.types)

    def __repr__(self) -> str:
        return f"<tracejit.vectorize of {self.function.__qualname__!r}>"

    # -- calls -------------------------------------------------------------------------------------

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        inputs, out = self._split(args, kwargs)
        found = op.overridden(self, "__call__", inputs, {**kwargs, **_given(out)})
        if found is not NotImplemented:
            return found
        where, casting = kwargs.pop("where", True), kwargs.pop("casting", "same_kind")
        loop = self._loop(inputs, kwargs)
        arrays = self._cast(inputs, loop, casting)
        result = self._jitted(loop)(*map(np.asarray, arrays))
        if out is not None:
            return op.copied_out(result, out, casting, where)
        if where is not True:
            masked = np.empty(np.broadcast_shapes(np.shape(result), np.shape(where)), loop[-1])
            result = op.copied_out(result, masked, casting, where)
        return op.wrapped(result, arrays)

    def __traced_call__(self, ops: Any, /, *args: Any, **kwargs: Any) -> Any:
        inputs, out = self._split(args, kwargs)
        where = kwargs.pop("where", True)
        kwargs.pop("casting", None)
        loop = self._loop(inputs, kwargs) if self.declared else None
        if loop is None:
            result = each_element(self.function, list(inputs), None)
        else:
            result = ops.call(ElementFunction(self.function, loop), *inputs)
        if out is None:
            if where is not True:
                throw(TypeError(f"{self.__name__} with where= needs out= in compiled code"))
            return result[()] if result.ndim == 0 else result
        ops.call(np.copyto, out, result, where=where)
        return out

    def _split(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], Any]:
        """The inputs, and ``out`` taken from either place."""
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
        if len(args) == self.nargs:
            out = args[-1]
        if isinstance(out, tuple):
            (out,) = out
        return args[: self.nin], out

    def _loop(self, inputs: Sequence[Any], kwargs: dict[str, Any]) -> op.Dtypes:
        """The dtypes that a call computes with."""
        wanted = kwargs.pop("signature", kwargs.pop("sig", None))
        dtype = kwargs.pop("dtype", None)
        if kwargs:
            throw(TypeError(f"{self.__name__}() got an unexpected keyword {next(iter(kwargs))!r}"))
        if wanted is not None:
            parts = wanted.replace("->", "") if isinstance(wanted, str) else wanted
            return tuple(map(np.dtype, parts))
        if not self.declared:
            return self._dynamic(inputs, dtype)
        loops = self.declared
        if dtype is not None:
            loops = [loop for loop in loops if loop[-1] == np.dtype(dtype)]
            return loops[0] if loops else op.loop_for(self.__name__, [], inputs)
        return op.loop_for(self.__name__, loops, inputs)

    def _dynamic(self, inputs: Sequence[Any], dtype: Any) -> op.Dtypes:
        """The dtypes of the inputs, numbers of Python's as those of the arrays beside them; or the
        dtype that is asked for."""
        if dtype is not None:
            wanted = (np.dtype(dtype),) * self.nin
            return (*wanted, self._result(wanted))
        arrays = [x for x in inputs if not op.is_weak(x)]
        dtypes = [op.dtype_of_input(x) for x in inputs]
        if arrays:
            common = np.result_type(*map(op.dtype_of_input, arrays))
            dtypes = [
                np.result_type(common, type(x)(1)) if op.is_weak(x) else d
                for x, d in zip(inputs, dtypes, strict=True)
            ]
        return (*dtypes, self._result(tuple(dtypes)))

    def _result(self, dtypes: op.Dtypes) -> np.dtype[Any]:
        """The dtype of the function of numbers of these dtypes, found by tracing it."""
        found = self._results.get(dtypes)
        if found is None:
            from tracejit.calls.compiler import traced_function

            function, _, _ = traced_function(self.function, [d.type(1) for d in dtypes])
            (result,) = function.results
            found = self._results[dtypes] = np.dtype(result.dtype)
        return found

    def _cast(self, inputs: Sequence[Any], loop: op.Dtypes, casting: Any) -> list[Any]:
        found = []
        for x, dtype in zip(inputs, loop, strict=False):
            if not op.is_weak(x) and not np.can_cast(op.dtype_of_input(x), dtype, casting):
                raise TypeError(
                    f"Cannot cast ufunc '{self.__name__}' input from {op.dtype_of_input(x)!r} "
                    f"to {dtype!r} with casting rule {casting!r}"
                )
            found.append(np.asarray(x, dtype) if op.is_weak(x) else np.asanyarray(x))
        return found

    def _jitted(self, loop: op.Dtypes) -> Any:
        return self._kept(loop, lambda: ElementFunction(self.function, loop))

    def _loop_jit(self, loop: Callable[..., Any]) -> Any:
        return self._kept(loop.__name__, lambda: op.LoopOver(loop, self.function))

    def _kept(self, key: Any, make: Callable[[], Any]) -> Any:
        """A compiled loop, made once."""
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = api.jit(make(), **self._keywords)
        return made


def _given(out: Any) -> dict[str, Any]:
    return {} if out is None else {"out": (out,)}


def vectorize(signatures_or_function: Any = None, /, **options: Any) -> Any:
    """Numba's ``vectorize``: ``@vectorize``, ``@vectorize(["f8(f8, f8)"], identity=0)``.

    ``identity``: None, 0, 1 or "reorderable", as NumPy's ufuncs have. Raises TypeError for a
    signature without a result, and what `understood` raises for options.
    """
    identity = options.pop("identity", None)
    if identity not in _IDENTITIES:
        raise ValueError(f"identity is 0, 1, None or 'reorderable', not {identity!r}")
    keywords = dict(understood(options).keywords)
    if callable(signatures_or_function) and not isinstance(signatures_or_function, nt.NumbaType):
        return UniversalFunction(plain(signatures_or_function), (), identity, keywords)
    given = signatures_or_function
    declared = [] if given is None else sg.parsed(given)
    if any(s.return_type is None for s in declared):
        raise TypeError("a signature of vectorize states its result, as in 'float64(float64)'")
    return lambda function: UniversalFunction(plain(function), declared, identity, keywords)
