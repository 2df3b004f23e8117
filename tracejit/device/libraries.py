"""What libraries compute on the device: sorts, FFT, LAPACK, by the functions of cupy.

`LIBRARY` has one line for each row of the primitives that cupy computes: which of its functions,
with what arguments, and of which operands. A row that is not here, or an operand that its line
does not take, is NumPy's (`staging.py`). Nothing here computes with arrays but by those functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any, Protocol

import numpy as np

from tracejit.dtypes import is_complex, is_float, kind_of
from tracejit.ir.core import Instr, Value
from tracejit.ir.ops.extern import Reference
from tracejit.records import dataclass

Array = Any


class DeviceLibrary(Protocol):
    """The functions of cupy, on the current device and stream."""

    def __call__(self, path: str) -> Callable[..., Any]:
        """The function at a path below ``cupy``, such as ``linalg.solve``."""

    def has(self, path: str) -> bool:
        """Whether this version of cupy and of CUDA has a function."""

    def raising(self) -> AbstractContextManager[Any]:
        """While this lasts LinAlgError is raised where LAPACK fails, which waits for the device."""

    def number(self, x: Array) -> Any:
        """The element of an array that has one; waits for the device."""


#: Routines of cuSOLVER that came late, by the functions that need them.
_ROUTINES = {"linalg.eig": "geev", "linalg.eigvals": "geev"}


class RealLibrary:
    """cupy itself."""

    def __call__(self, path: str) -> Callable[..., Any]:
        import cupy

        found: Any = cupy
        for name in path.split("."):
            found = getattr(found, name)
        function: Callable[..., Any] = found
        return function

    def has(self, path: str) -> bool:
        try:
            self(path)
        except AttributeError:
            return False
        if path not in _ROUTINES:
            return True
        from cupyx import cusolver

        return bool(cusolver.check_availability(_ROUTINES[path]))

    def raising(self) -> AbstractContextManager[Any]:
        import cupyx

        found: AbstractContextManager[Any] = cupyx.errstate(linalg="raise")
        return found

    def number(self, x: Array) -> Any:
        return x.item()


Run = Callable[..., Any]
#: Why operands, with these attributes, are not taken; "" where they are.
Refusal = Callable[[Sequence[Value], dict[str, Any]], str]


@dataclass(frozen=True)
class LibraryRow:
    """``run(library, *operands, **attrs)`` gives the results of the row, in its order.

    ``uses``: the functions that it calls. ``fails``: whether LAPACK may fail, for which `run`
    raises LinAlgError, with `nan` for matrices with nan as well; ``ok``: whether the last result
    of the row, which `run` leaves out, says that it did not.
    """

    run: Run
    uses: tuple[str, ...]
    refuses: Refusal = lambda operands, attrs: ""
    fails: bool = False
    ok: bool = True
    nan: bool = False


# -- sorts -------------------------------------------------------------------------------------


def _ordered(lib: DeviceLibrary, x: Array) -> Array:
    """An array to sort: nan that have a sign are the smallest of all where bits are sorted."""
    if not is_float(x.dtype):
        return x
    return lib("where")(lib("isnan")(x), x.dtype.type(math.nan), x)


def _sort(lib: DeviceLibrary, x: Array, *, axis: int, kind: object) -> Array:
    """cupy's sorts are stable, whatever is asked for."""
    return lib("sort")(_ordered(lib, x), axis=axis)


def _argsort(lib: DeviceLibrary, x: Array, *, axis: int, kind: object) -> Array:
    return lib("argsort")(_ordered(lib, x), axis=axis)


def _partition(lib: DeviceLibrary, x: Array, kth: Array, *, axis: int) -> Array:
    """A sort, which needs no `kth` on the host."""
    return _sort(lib, x, axis=axis, kind=None)


def _argpartition(lib: DeviceLibrary, x: Array, kth: Array, *, axis: int) -> Array:
    return _argsort(lib, x, axis=axis, kind=None)


def _one_row_of_keys(operands: Sequence[Value], attrs: dict[str, Any]) -> str:
    return "" if operands[0].rank == 2 else "cupy.lexsort takes keys of one axis"


# -- Fourier transforms ------------------------------------------------------------------------


def _fft(lib: DeviceLibrary, x: Array, *, axis: int, norm: str, inverse: bool) -> Array:
    return lib("fft.ifft" if inverse else "fft.fft")(x, axis=axis, norm=norm)


def _rfft(lib: DeviceLibrary, x: Array, *, axis: int, norm: str) -> Array:
    return lib("fft.rfft")(x, axis=axis, norm=norm)


def _irfft(lib: DeviceLibrary, x: Array, *, points: int, axis: int, norm: str) -> Array:
    return lib("fft.irfft")(x, n=points, axis=axis, norm=norm)


# -- linear algebra ----------------------------------------------------------------------------


def _same(path: str) -> Run:
    """The function of this name does what the row does."""
    return lambda lib, *operands: lib(path)(*operands)


def _triangular_solve(lib: DeviceLibrary, a: Array, b: Array, *, lower: bool) -> Array:
    return lib("linalg.solve")(lib("tril" if lower else "triu")(a), b)


def _cholesky(lib: DeviceLibrary, a: Array, *, upper: bool) -> Array:
    """cupy reads and gives the lower triangle."""
    if not upper:
        return lib("linalg.cholesky")(a)
    return _adjoint(lib, lib("linalg.cholesky")(_adjoint(lib, a)))


def _adjoint(lib: DeviceLibrary, a: Array) -> Array:
    turned = a.swapaxes(-1, -2)
    return lib("conj")(turned) if is_complex(a.dtype) else turned


def _qr(lib: DeviceLibrary, a: Array, *, k: int, mode: str) -> Any:
    return lib("linalg.qr")(a, mode=mode)


def _svd(lib: DeviceLibrary, a: Array, *, k: int, full: bool) -> Any:
    return lib("linalg.svd")(a, full_matrices=full)


def _svdvals(lib: DeviceLibrary, a: Array, *, k: int) -> Array:
    return lib("linalg.svd")(a, compute_uv=False)


def _of_triangle(path: str) -> Run:
    return lambda lib, a, *, lower: lib(path)(a, UPLO="L" if lower else "U")


def _eig(lib: DeviceLibrary, a: Array) -> Any:
    _finite(lib, a)
    w, v = lib("linalg.eig")(a)
    return w, v, _are_real(lib, a, w)


def _eigvals(lib: DeviceLibrary, a: Array) -> Any:
    _finite(lib, a)
    w = lib("linalg.eigvals")(a)
    return w, _are_real(lib, a, w)


def _finite(lib: DeviceLibrary, a: Array) -> None:
    if not lib.number(lib("all")(lib("isfinite")(a))):
        raise np.linalg.LinAlgError("Array must not contain infs or NaNs")


def _are_real(lib: DeviceLibrary, a: Array, w: Array) -> bool:
    """Whether the eigenvalues of a real matrix are real, as the row says."""
    return not is_complex(a.dtype) and not lib.number(lib("count_nonzero")(lib("imag")(w)))


def _one_matrix(operands: Sequence[Value], attrs: dict[str, Any]) -> str:
    return "" if operands[0].rank == 2 else "cupy looks at failures of the last matrix of a stack"


def _pinv(lib: DeviceLibrary, a: Array, rcond: Any = 1e-15, *, hermitian: bool) -> Array:
    return lib("linalg.pinv")(a, rcond=rcond)


def _one_tolerance(operands: Sequence[Value], attrs: dict[str, Any]) -> str:
    if attrs["hermitian"]:
        return "cupy.linalg.pinv knows no hermitian matrices"
    return "a tolerance for each matrix" if len(operands) > 1 and operands[1].rank else ""


def _lstsq(lib: DeviceLibrary, a: Array, b: Array, *, k: int) -> Any:
    x, _, rank, values = lib("linalg.lstsq")(a, b)
    return x, rank, values


def _no_tolerance(operands: Sequence[Value], attrs: dict[str, Any]) -> str:
    return "cupy.linalg.lstsq reads tolerances otherwise" if len(operands) > 2 else ""


# -- special functions -------------------------------------------------------------------------


def _bessel(lib: DeviceLibrary, x: Array, *, n: int) -> Array:
    return lib("i0")(x)


def _order_zero(operands: Sequence[Value], attrs: dict[str, Any]) -> str:
    if attrs["n"]:
        return "cupy has no Bessel functions of this order"
    return "" if operands[0].dtype == np.float64 else "cupy.i0 is less exact in this dtype"


_ORDER = ("where", "isnan")
_REAL = ("all", "isfinite", "count_nonzero", "imag")
LIBRARY: dict[str, LibraryRow] = {
    "sort": LibraryRow(_sort, ("sort", *_ORDER)),
    "argsort": LibraryRow(_argsort, ("argsort", *_ORDER)),
    "partition": LibraryRow(_partition, ("sort", *_ORDER)),
    "argpartition": LibraryRow(_argpartition, ("argsort", *_ORDER)),
    "lexsort": LibraryRow(_same("lexsort"), ("lexsort",), _one_row_of_keys),
    "fft": LibraryRow(_fft, ("fft.fft", "fft.ifft")),
    "rfft": LibraryRow(_rfft, ("fft.rfft",)),
    "irfft": LibraryRow(_irfft, ("fft.irfft",)),
    "det": LibraryRow(_same("linalg.det"), ("linalg.det",)),
    "slogdet": LibraryRow(_same("linalg.slogdet"), ("linalg.slogdet",)),
    "qr": LibraryRow(_qr, ("linalg.qr",)),
    "bessel_i": LibraryRow(_bessel, ("i0",), _order_zero),
    "triangular_solve": LibraryRow(
        _triangular_solve, ("linalg.solve", "tril", "triu"), fails=True, ok=False
    ),
    "solve": LibraryRow(_same("linalg.solve"), ("linalg.solve",), fails=True),
    "inv": LibraryRow(_same("linalg.inv"), ("linalg.inv",), fails=True),
    "cholesky": LibraryRow(_cholesky, ("linalg.cholesky", "conj"), fails=True),
    "svd": LibraryRow(_svd, ("linalg.svd",), fails=True, nan=True),
    "svdvals": LibraryRow(_svdvals, ("linalg.svd",), fails=True, nan=True),
    "eigh": LibraryRow(_of_triangle("linalg.eigh"), ("linalg.eigh",), fails=True, nan=True),
    "eigvalsh": LibraryRow(
        _of_triangle("linalg.eigvalsh"), ("linalg.eigvalsh",), fails=True, nan=True
    ),
    "eig": LibraryRow(_eig, ("linalg.eig", *_REAL), _one_matrix, fails=True),
    "eigvals": LibraryRow(_eigvals, ("linalg.eigvals", *_REAL), _one_matrix, fails=True),
    "pinv": LibraryRow(_pinv, ("linalg.pinv",), _one_tolerance, fails=True, nan=True),
    "lstsq": LibraryRow(_lstsq, ("linalg.lstsq",), _no_tolerance, fails=True, nan=True),
}
#: What `answer` calls besides.
FOR_ALL = ("copyto", "any", "isnan")


def row_for(instr: Instr, library: DeviceLibrary) -> LibraryRow | str:
    """What computes a call of the host on the device, or why it has to be computed there."""
    function = instr.attrs.get("fn")
    if not isinstance(function, Reference):
        return ""
    entry = LIBRARY.get(function.name)
    if entry is None:
        return "cupy has no function with the same values"
    missing = [path for path in entry.uses if not library.has(path)]
    if missing:
        return f"this version of cupy or CUDA has no {missing[0]}"
    operands = instr.operands[: instr.attrs["inputs"] - len(function.extents)]
    return entry.refuses(operands, dict(function.attrs)) or entry


@dataclass(frozen=True)
class Destination:
    """Where one result goes: an array on the device, or (`array` None) a number for the host."""

    dtype: np.dtype[Any]
    array: Array


def answer(
    entry: LibraryRow,
    library: DeviceLibrary,
    operands: Sequence[Any],
    attrs: Any,
    places: Sequence[Destination],
) -> list[Any]:
    """Run a row: arrays are filled, numbers are given back (None for each array).

    A failure of LAPACK is nan, and false where the row says so, matrix by matrix of a stack.
    """
    if not entry.fails:
        return _stored(library, places, _parts(entry.run(library, *operands, **attrs)))
    with library.raising():
        try:
            return _attempt(entry, library, operands, attrs, places)
        except np.linalg.LinAlgError:
            found = _failed(entry, library, places)
        lead = operands[0].shape[:-2]
        for at in np.ndindex(lead) if lead else ():
            matrices = [x[at] if getattr(x, "ndim", 0) else x for x in operands]
            inner = [Destination(p.dtype, p.array[at]) for p in places]
            with suppress(np.linalg.LinAlgError):  # the others of a stack do not fail
                _attempt(entry, library, matrices, attrs, inner)
    return found


def _attempt(
    entry: LibraryRow,
    library: DeviceLibrary,
    operands: Sequence[Any],
    attrs: Any,
    places: Sequence[Destination],
) -> list[Any]:
    if entry.nan and library.number(library("any")(library("isnan")(operands[0]))):
        raise np.linalg.LinAlgError("LAPACK does not converge")
    found = _parts(entry.run(library, *operands, **attrs))
    return _stored(library, places, (*found, True) if entry.ok else found)


def _failed(entry: LibraryRow, library: DeviceLibrary, places: Sequence[Destination]) -> list[Any]:
    nothing: list[Any] = [math.nan if kind_of(p.dtype) in "fc" else 0 for p in places]
    if entry.ok:
        nothing[-1] = False
    return _stored(library, places, nothing)


def _stored(
    library: DeviceLibrary, places: Sequence[Destination], values: Sequence[Any]
) -> list[Any]:
    numbers: list[Any] = []
    for place, value in zip(places, values, strict=True):
        if place.array is not None:
            library("copyto")(place.array, value)
            numbers.append(None)
        else:
            numbers.append(library.number(value) if hasattr(value, "shape") else value)
    return numbers


def _parts(found: Any) -> tuple[Any, ...]:
    return tuple(found) if isinstance(found, tuple) else (found,)
