"""What `jit` and the transforms return, as type checkers see it; nothing here runs.

A compiled function and a transform keep the parameters of the function that they are made of, so
that a call with other arguments is an error before the program runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, Protocol, TypeVar, overload

import numpy as np

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

    from tracejit.calls.versions import Stats
    from tracejit.diagnostics.page import Stage
    from tracejit.diagnostics.profile import Profile
    from tracejit.export.c_function import FunctionPointer

P = ParamSpec("P")
Q = ParamSpec("Q")
T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
R_co = TypeVar("R_co", covariant=True)
Fun_co = TypeVar("Fun_co", bound=Callable[..., Any], covariant=True)


class Exportable(Protocol):
    """What has its code in files and C functions."""

    def export(
        self,
        path: str | PathLike[str],
        signatures: Any,
        *,
        target: str | None = None,
        cpu: str | None = None,
    ) -> list[Path]: ...
    def c_function(
        self, signature: Any, form: Literal["plain", "integrand", "filter"] = "plain"
    ) -> FunctionPointer: ...


class Transformed(Exportable, Protocol[P, R_co]):
    """A function of the parameters of another one; as a member of a class it is a method."""

    __name__: str

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...

    @overload
    def __get__(self, instance: None, owner: Any = None) -> Transformed[P, R_co]: ...
    @overload
    def __get__(
        self: Transformed[Concatenate[T, Q], R_co], instance: T, owner: Any = None
    ) -> Callable[Q, R_co]: ...


class Inspected(Protocol[P, R_co]):
    """What is told of the version for some arguments; without arguments, of all by signature."""

    @overload
    def __call__(self) -> Mapping[str, R_co]: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


class Jitted(Exportable, Protocol[P, R_co]):
    """What ``jit`` returns."""

    __name__: str
    __qualname__: str
    __module__: str

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...

    @overload
    def __get__(self, instance: None, owner: Any = None) -> Jitted[P, R_co]: ...
    @overload
    def __get__(
        self: Jitted[Concatenate[T, Q], R_co], instance: T, owner: Any = None
    ) -> Callable[Q, R_co]: ...

    @property
    def py_func(self) -> Callable[P, R_co]: ...
    @property
    def __wrapped__(self) -> Callable[P, R_co]: ...
    @property
    def signatures(self) -> list[str]: ...
    @property
    def inspect_ir(self) -> Inspected[P, str]: ...
    @property
    def inspect_program(self) -> Inspected[P, str]: ...
    @property
    def inspect_llvm(self) -> Inspected[P, str]: ...
    @property
    def inspect_asm(self) -> Inspected[P, str]: ...
    @property
    def explain(self) -> Inspected[P, str]: ...
    @property
    def compile_times(self) -> Inspected[P, dict[str, float]]: ...
    def profile(self, *args: P.args, **kwargs: P.kwargs) -> Profile: ...
    def show(self, stage: Stage = "all", path: str | PathLike[str] | None = None) -> Path: ...
    def inspect_ptx(self, *args: Any, arch: str = "sm_80", **kwargs: Any) -> Any: ...
    def compile(self, signature: str) -> None: ...
    def peak_bytes(self, *args: P.args, **kwargs: P.kwargs) -> int: ...
    def stats(self) -> Stats: ...
    def recompile(self) -> None: ...


class Decorator(Protocol):
    """``jit`` with options, before it is given the function."""

    @overload
    def __call__(  # type: ignore[overload-overlap]  # it can be called, too
        self, function: staticmethod[P, T], /
    ) -> staticmethod[P, T]: ...
    @overload
    def __call__(self, function: classmethod[T, P, R_co], /) -> classmethod[T, P, R_co]: ...
    @overload
    def __call__(self, function: Callable[P, T], /) -> Jitted[P, T]: ...


#: Examples of a number: an array of them, or containers of arrays.
Batch = np.ndarray[Any, Any] | list[Any] | tuple[Any, ...] | dict[Any, Any] | None


class Vmapping(Protocol[Fun_co]):
    """What ``vmap`` returns: it is called as the function is, or with arrays of examples for
    numbers of the parameters, by position as many as the function cannot do without."""

    __name__: str

    @overload
    def __call__(self: Vmapping[Callable[P, Any]], /, *args: P.args, **kwargs: P.kwargs) -> Any: ...
    @overload
    def __call__(self: Vmapping[Callable[[], Any]], **kwargs: Batch) -> Any: ...
    @overload
    def __call__(self: Vmapping[Callable[[A], Any]], a: A | Batch, /, **kwargs: Batch) -> Any: ...
    @overload
    def __call__(
        self: Vmapping[Callable[[A, B], Any]],
        a: A | Batch,
        b: B | Batch,
        /,
        **kwargs: Batch,
    ) -> Any: ...
    @overload
    def __call__(
        self: Vmapping[Callable[[A, B, C], Any]],
        a: A | Batch,
        b: B | Batch,
        c: C | Batch,
        /,
        **kwargs: Batch,
    ) -> Any: ...
    @overload
    def __call__(
        self: Vmapping[Callable[[A, B, C, D], Any]],
        a: A | Batch,
        b: B | Batch,
        c: C | Batch,
        d: D | Batch,
        /,
        *more: Any,
        **kwargs: Batch,
    ) -> Any: ...
