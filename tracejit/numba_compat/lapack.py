"""``numba.np.linalg._LAPACK``: what libraries call for LAPACK's routines without checks.

Such a routine takes the memory of arrays (``x.ctypes``), matrices by columns, and gives a number
that says how it went.
"""

from __future__ import annotations

from typing import Any, NoReturn

from tracejit.errors import UnsupportedError, throw
from tracejit.trace.array_api.matrix_functions import lu_factor, lu_solve
from tracejit.trace.array_api.staged import staged
from tracejit.trace.session.session import where
from tracejit.trace.values.memory import ArrayMemory


class _LAPACK:
    """LAPACK's routines by Numba's names. ``numba_xgesv`` is there."""

    def numba_xgesv(self, dtype: Any) -> Solver:
        """``xgesv(kind, n, nrhs, a, lda, ipiv, b, ldb)`` for matrices of ``dtype``."""
        return Solver()

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise UnsupportedError(
            f"_LAPACK().{name} is not there: use np.linalg or scipy.linalg in compiled code"
        )


class Solver:
    """``xgesv``: ``a`` becomes its factors, ``ipiv`` the rows exchanged (from 1 on), ``b`` the
    solution. Gives 0, or the place (from 1 on) of the pivot that is zero, and leaves ``b``."""

    def __traced_call__(
        self, ops: Any, kind: Any, n: Any, nrhs: Any, a: Any, lda: Any, ipiv: Any, b: Any, ldb: Any
    ) -> Any:
        if not all(isinstance(x, ArrayMemory) for x in (a, ipiv, b)):
            throw(TypeError("xgesv takes the memory of arrays: x.ctypes"))
        return staged(_solved)(by_columns(a.array), ipiv.array, by_columns(b.array))


def by_columns(x: Any) -> Any:
    """The array as which a routine sees its memory, which takes matrices by columns."""
    if x.ndim == 1:
        return x
    if x.ndim == 2 and x.element_strides[0] == 1:
        return x
    if x.ndim == 2 and x.element_strides[1] == 1:
        return x.reshape(x.shape[::-1]).T
    raise UnsupportedError(
        f"{where()}: how an array that LAPACK takes lies in memory is not known when compiling: "
        "copy it first (np.asfortranarray)"
    )


def _solved(a: Any, pivots: Any, b: Any) -> Any:
    factors, rows = lu_factor(a, check_finite=False)
    a[...] = factors
    pivots[:] = rows + 1
    for k in range(a.shape[0]):
        if factors[k, k] == 0:
            return k + 1
    b[...] = lu_solve((factors, rows), b, check_finite=False)
    return 0
