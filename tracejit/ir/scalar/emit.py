"""The abstract scalar emitter: the one interface that scalar lowerings are written against.

A lowering (`tracejit/ir/lowering`, `tracejit/ir/elementary`) is a Python function of an `Emitter`
and opaque scalars. `tracejit/llvm_text/emit.py` answers with LLVM text; `ir/scalar/emit_numpy.py`
evaluates on whole NumPy arrays, so the same algorithm is testable without LLVM.

Every method is strict IEEE 754 (round to nearest even, no contraction, no reassociation) unless
the emitter was made for `fastmath`; `strict()` restores that for algorithms that depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np

from tracejit.records import dataclass

DType = np.dtype[Any]

BOOL: DType = np.dtype(np.bool_)
I32: DType = np.dtype(np.int32)
I64: DType = np.dtype(np.int64)
U32: DType = np.dtype(np.uint32)
U64: DType = np.dtype(np.uint64)
F16: DType = np.dtype(np.float16)
F32: DType = np.dtype(np.float32)
F64: DType = np.dtype(np.float64)
C64: DType = np.dtype(np.complex64)
C128: DType = np.dtype(np.complex128)


@dataclass(frozen=True, eq=False)
class ComplexPair:
    """A complex scalar: two floats of one dtype."""

    re: Any
    im: Any

    @property
    def dtype(self) -> DType:
        return C64 if self.re.dtype == F32 else C128


class Emitter(Protocol):
    """Scalar instructions. Operands of one call have one dtype unless stated otherwise.

    Float methods take float scalars, integer methods integer scalars (`iand ior ixor` also bool);
    complex numbers exist only as `ComplexPair` and are taken apart by the lowerings.
    """

    def const(self, value: Any, dtype: DType) -> Any:
        """A constant; for a complex dtype a `ComplexPair` of constants."""

    def known(self, a: Any) -> float | int | None:
        """What a real scalar is if that is known while code is made, else None."""

    @property
    def many(self) -> bool:
        """Whether this is computed for many elements at once: in vectors, or a loop that becomes
        such."""

    @property
    def rounds_quotients(self) -> bool:
        """Whether `fdiv` rounds to nearest, or is an approximation that a device has."""

    def strict(self) -> AbstractContextManager[None]:
        """While active, no fast-math licence is given, whatever the emitter was made for."""

    # Floating point. `rint` rounds half to even; `fma` rounds once.
    def fadd(self, a: Any, b: Any) -> Any: ...
    def fsub(self, a: Any, b: Any) -> Any: ...
    def fmul(self, a: Any, b: Any) -> Any: ...
    def fdiv(self, a: Any, b: Any) -> Any: ...
    def fma(self, a: Any, b: Any, c: Any) -> Any: ...
    def fneg(self, a: Any) -> Any: ...
    def fabs(self, a: Any) -> Any: ...
    def copysign(self, a: Any, b: Any) -> Any: ...
    def sqrt(self, a: Any) -> Any: ...
    def floor(self, a: Any) -> Any: ...
    def ceil(self, a: Any) -> Any: ...
    def trunc(self, a: Any) -> Any: ...
    def rint(self, a: Any) -> Any: ...

    def fcmp(self, pred: str, a: Any, b: Any) -> Any:
        """LLVM predicates: oeq one olt ole ogt oge (false on nan), ueq une ult … uno, ord."""

    # Integers wrap. Division by zero and minimum // -1 are undefined, as are shift counts
    # outside [0, width): lowerings select them away before they get here.
    def iadd(self, a: Any, b: Any) -> Any: ...
    def isub(self, a: Any, b: Any) -> Any: ...
    def imul(self, a: Any, b: Any) -> Any: ...
    def sdiv(self, a: Any, b: Any) -> Any: ...
    def udiv(self, a: Any, b: Any) -> Any: ...
    def urem(self, a: Any, b: Any) -> Any: ...
    def iand(self, a: Any, b: Any) -> Any: ...
    def ior(self, a: Any, b: Any) -> Any: ...
    def ixor(self, a: Any, b: Any) -> Any: ...
    def shl(self, a: Any, b: Any) -> Any: ...
    def lshr(self, a: Any, b: Any) -> Any: ...
    def ashr(self, a: Any, b: Any) -> Any: ...
    def ctpop(self, a: Any) -> Any: ...

    def icmp(self, pred: str, a: Any, b: Any) -> Any:
        """`eq ne lt le gt ge`; signedness comes from the dtype (bool is unsigned)."""

    def sadd_overflow(self, a: Any, b: Any) -> tuple[Any, Any]: ...
    def ssub_overflow(self, a: Any, b: Any) -> tuple[Any, Any]: ...
    def smul_overflow(self, a: Any, b: Any) -> tuple[Any, Any]: ...

    def select(self, c: Any, a: Any, b: Any) -> Any:
        """`a` where the bool `c` holds, else `b`; both real and of one dtype."""

    def int_to_float(self, a: Any, dtype: DType) -> Any:
        """From an integer or bool, rounded to nearest."""

    def float_to_int(self, a: Any, dtype: DType) -> Any:
        """Truncates; defined only where the result is in range."""

    def int_cast(self, a: Any, dtype: DType) -> Any:
        """Truncates or extends by the signedness of the source (bool extends with zeros)."""

    def float_cast(self, a: Any, dtype: DType) -> Any: ...

    def bitcast(self, a: Any, dtype: DType) -> Any:
        """The same bits as another dtype of the same size."""

    def lookup(self, table: Sequence[float], index: Any, dtype: DType) -> Any:
        """Entry `index` (an i32 or i64 in range) of a table of constants of a float dtype."""

    def rarely(
        self, c: Any, usual: Sequence[Any], otherwise: Callable[[], Sequence[Any]]
    ) -> tuple[Any, ...]:
        """`otherwise()` where the bool `c` holds, else `usual`: real scalars of equal dtypes.

        For what few elements need and is dear: whether it runs at all is found out first, by a
        branch or for many elements at once. `usual` must be computable where `c` holds, too; what
        it is there does not matter.
        """

    def shortcut(self, quick: Callable[[], tuple[Any, Any]], full: Callable[[], Any]) -> Any:
        """`full()`, a real scalar. Where the bool that `quick()` makes holds, the scalar beside it
        has the same bits and took less: threads of a GPU make that and branch; vectors do not.
        """

    def while_loop(
        self,
        init: Sequence[Any],
        cond: Callable[[tuple[Any, ...]], Any],
        body: Callable[[tuple[Any, ...]], Sequence[Any]],
    ) -> tuple[Any, ...]:
        """`vals = init; while cond(vals): vals = body(vals)`; blocks vectorization, so only
        where nothing branch-free exists."""
