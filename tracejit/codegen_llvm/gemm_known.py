"""Matrix products whose sizes and strides are known: the one routine of BLAS that each of them is.

`gemm_text.py` has the function that finds this out when it runs. For most products the answer is
known beforehand; then LLVM need not read that function, copy it to each product and take it apart.
"""

from __future__ import annotations

from tracejit.codegen_llvm.blas import NO_TRANS, ROW_MAJOR, TRANS
from tracejit.codegen_llvm.gemm_shared_text import is_cut
from tracejit.llvm_text.product_calls import Product
from tracejit.records import dataclass

_SIZE = {"s": 4, "d": 8}
_REAL = {"s": "float", "d": "double"}


@dataclass(frozen=True)
class _Matrix:
    """A matrix as it lies: a pointer, strides in bytes, rows and columns."""

    pointer: str
    strides: tuple[int, int]
    sizes: tuple[int, int]

    def turned(self) -> _Matrix:
        """Its transpose."""
        return _Matrix(self.pointer, self.strides[::-1], self.sizes[::-1])

    def read_as(self, size: int) -> tuple[int, int] | None:
        """How BLAS takes it, and its leading size; None where it cannot."""
        (s0, s1), (rows, columns) = self.strides, self.sizes
        row_major = s1 == size or columns == 1
        if not row_major and s0 != size and rows != 1:
            return None
        step, length, count = (s0, columns, rows) if row_major else (s1, rows, columns)
        if count > 1 and (step % size or step // size < length):
            return None
        leading = length if count <= 1 else step // size
        return NO_TRANS if row_major else TRANS, max(1, leading)


def known_call(letter: str, product: Product) -> tuple[str, str] | None:
    """The routine for a product and the text of its arguments, as ``matmul_<letter>`` would call
    it; None where only the run knows, or where it is more than one call."""
    if letter not in _SIZE or not product.is_known:  # complex factors are passed by address
        return None
    a, b, c = (_Matrix(*parts) for parts in product.matrices())
    size = _SIZE[letter]
    m, n = c.sizes
    if m <= 0 or n <= 0:
        return None
    by_rows = m != 1 and (c.strides[1] == size or n == 1)
    if not by_rows:  # cᵀ = bᵀ @ aᵀ
        if m != 1 and c.strides[0] != size:
            return None
        a, b, c = b.turned(), a.turned(), c.turned()
    reads = [x.read_as(size) for x in (a, b, c)]
    if None in reads:
        return None
    (ta, lda), (tb, ldb), (tc, ldc) = (r for r in reads if r is not None)
    if tc != NO_TRANS:
        return None
    (m, n), k = c.sizes, a.sizes[1]
    kind = _REAL[letter]
    alpha, beta = f"{kind} 1.0", f"{kind} {'1.0' if product.adds else '0.0'}"
    step = b.strides[0]
    if k > 0 and n == 1 and step > 0 and step % size == 0:
        rows, columns = (m, k) if ta == NO_TRANS else (k, m)
        return f"cblas_{letter}gemv", (
            f"i32 {ROW_MAJOR}, i32 {ta}, i64 {rows}, i64 {columns}, {alpha}, {a.pointer}, "
            f"i64 {lda}, {b.pointer}, i64 {step // size}, {beta}, {c.pointer}, i64 {ldc}"
        )
    may_be_square = not product.adds and m == n and a.strides == b.strides[::-1]
    if may_be_square or is_cut(m, n, k):
        return None
    return f"cblas_{letter}gemm", (
        f"i32 {ROW_MAJOR}, i32 {ta}, i32 {tb}, i64 {m}, i64 {n}, i64 {k}, {alpha}, {a.pointer}, "
        f"i64 {lda}, {b.pointer}, i64 {ldb}, {beta}, {c.pointer}, i64 {ldc}"
    )
