"""Products of matrices by cuBLAS: `gemm` as one call, for a stack of matrices as well.

cuBLAS has columns one after another where a Program has rows, so it is asked for the transposed
product: `c = a @ b` is `c.T = b.T @ a.T` in its terms. What it cannot read (no axis along memory,
steps that go backwards) and empty sums are left to the kernel of `lower/expand_gemm.py`. A product
of float32 sums in float32.
"""

from __future__ import annotations

from collections.abc import Callable

from tracejit.codegen_llvm.gemm_text import shape_text
from tracejit.device.host_function import HostFunction
from tracejit.ir.core import Instr, Value
from tracejit.ir.types import BufferType
from tracejit.llvm_text.emit import Reg
from tracejit.llvm_text.lower_function import Pointer
from tracejit.records import dataclass

_MATRIX = "ptr, i32, i64, i64"
_PRODUCT = f"ptr, i32, i32, i64, i64, i64, ptr, {_MATRIX}, {_MATRIX}, ptr, {_MATRIX}, i64, i32, i32"
DECLARATIONS = (
    "declare ptr @tj_blas(ptr)",  # null, and the context says why: return 1
    f"declare i32 @cublasGemmStridedBatchedEx_64({_PRODUCT})",
)


@dataclass(frozen=True)
class _Kind:
    """A dtype in cuBLAS's numbers: `cudaDataType`, `cublasComputeType_t`; one and zero in LLVM."""

    letter: str
    data: int
    compute: int
    one: str
    zero: str


def _complex(part: str) -> tuple[str, str]:
    pair = f"{{ {part}, {part} }}"
    return f"{pair} {{ {part} 1.0, {part} 0.0 }}", f"{pair} zeroinitializer"


_KINDS = {
    "f4": _Kind("s", 0, 68, "float 1.0", "float 0.0"),
    "f8": _Kind("d", 1, 70, "double 1.0", "double 0.0"),
    "c8": _Kind("c", 4, 68, *_complex("float")),
    "c16": _Kind("z", 5, 70, *_complex("double")),
}
#: `CUBLAS_GEMM_DEFAULT`.
_ALGORITHM = -1
#: A call asks for its handle once.
_HANDLE = """define internal ptr @blas_handle(ptr %ctx, ptr %cell) #0 {
  %kept = load ptr, ptr %cell
  %none = icmp eq ptr %kept, null
  br i1 %none, label %ask, label %done
ask:
  %new = call ptr @tj_blas(ptr %ctx)
  store ptr %new, ptr %cell
  ret ptr %new
done:
  ret ptr %kept
}"""


def needs_kernel(instr: Instr) -> bool:
    """Whether sizes and strides do not say that cuBLAS can do a product."""
    a, b, c = instr.operands
    if c.dtype.str[1:] not in _KINDS or not _is_dense(c):
        return True
    sizes = (*c.shape, a.shape[-1])
    if not all(isinstance(n, int) and n > 0 for n in sizes):
        return True
    return not (_reads(a) and _reads(b))


def _reads(x: Value) -> bool:
    """Whether cuBLAS is known to read a matrix, or a stack of them."""
    assert isinstance(x.type, BufferType)
    size = x.dtype.itemsize
    *stack, rows, columns = x.type.strides
    steps = [s for s in (*stack, rows, columns) if isinstance(s, int) and s >= 0 and s % size == 0]
    if len(steps) != x.rank:
        return False
    m, n = x.shape[-2:]
    assert isinstance(m, int)
    assert isinstance(n, int)
    by_rows = columns == size and steps[-2] >= n * size
    return by_rows or (rows == size and steps[-1] >= m * size)


def _is_dense(c: Value) -> bool:
    """Whether a result lies in C order, as all that are lowered do."""
    assert isinstance(c.type, BufferType)
    step: object = c.dtype.itemsize
    for n, stride in zip(reversed(c.shape), reversed(c.type.strides), strict=True):
        if stride != step:
            return False
        step = stride * n
    return True


def product(f: HostFunction, instr: Instr, kernel: Callable[[], None] | None) -> None:
    """One product; ``kernel`` lowers the launch that does it where cuBLAS does not."""
    if kernel is None:
        _Product(f, instr).call()
    elif instr.operands[2].dtype.str[1:] in _KINDS and _is_dense(instr.operands[2]):
        _Product(f, instr).call_if_readable(kernel)
    else:
        kernel()


class _Product:
    """A call of cuBLAS under construction."""

    def __init__(self, f: HostFunction, instr: Instr) -> None:
        self.f, self.instr = f, instr
        self.kind = _KINDS[instr.operands[2].dtype.str[1:]]
        for line in DECLARATIONS:
            f.module.declare(line)
        letter = self.kind.letter
        self.shape = f.module.once(f"@blas_shape_{letter}", shape_text(letter, "blas_shape", 0, 1))
        self.size = f.const(instr.operands[2].dtype.itemsize)
        a, b, c = instr.operands
        self.m, self.n, self.k = f.dim(c.shape[-2]), f.dim(c.shape[-1]), f.dim(a.shape[-1])
        self.count = f.dim(c.shape[0]) if c.rank > 2 else f.const(1)
        self.left, self.right = self._operand(a), self._operand(b)

    def _operand(self, x: Value) -> tuple[str, Reg, Reg, Reg]:
        """How cuBLAS reads a matrix, its leading size, the step of a stack, whether it can."""
        f, e = self.f, self.f.e
        assert isinstance(x.type, BufferType)
        strides = [f.dim(s) for s in x.type.strides]
        rows, columns = f.dim(x.shape[-2]), f.dim(x.shape[-1])
        found = e.fresh()
        given = ", ".join(map(str, (*strides[-2:], rows, columns)))
        e.line(f"{found} = call {{ i32, i64, i1 }} {self.shape}({given})")
        trans = e.fresh()
        e.line(f"{trans} = extractvalue {{ i32, i64, i1 }} {found}, 0")
        lead = e.op(self.size.dtype, f"extractvalue {{ i32, i64, i1 }} {found}, 1")
        good = e.icmp("eq", self.size, self.size)
        good = e.op(good.dtype, f"extractvalue {{ i32, i64, i1 }} {found}, 2")
        step = f.const(0)
        if x.rank > 2:
            step = e.sdiv(strides[0], self.size)
            whole = e.icmp("eq", e.imul(step, self.size), strides[0])
            good = e.iand(good, e.iand(whole, e.icmp("ge", step, f.const(0))))
        return trans, lead, step, good

    def call_if_readable(self, kernel: Callable[[], None]) -> None:
        """cuBLAS where it reads both operands and there is something to sum, else the kernel."""
        f, e = self.f, self.f.e
        good = e.iand(self.left[3], self.right[3])
        for size in (self.m, self.n, self.k, self.count):
            good = e.iand(good, e.icmp("gt", size, f.const(0)))
        call, loops, after = map(e.fresh_label, ("blas", "loops", "after"))
        e.line(f"br {good}, label %{call}, label %{loops}")
        e.label(call)
        self.call()
        e.line(f"br label %{after}")
        e.label(loops)
        kernel()
        e.line(f"br label %{after}")
        e.label(after)

    def call(self) -> None:
        f, e, kind = self.f, self.f.e, self.kind
        a, b, c = (f.pointer(v) for v in self.instr.operands)
        (ta, lda, step_a, _), (tb, ldb, step_b, _) = self.left, self.right
        one, zero = (self._constant(n) for n in ("one", "zero"))
        beta = one if self.instr.attrs.get("beta", 0) else zero
        step_c = e.imul(self.m, self.n)
        f.module.once("@blas_handle", _HANDLE)
        handle = f.call_pointer(f"@blas_handle(ptr %ctx, {f.kept('cublas', self._cell)})")
        arguments = [
            str(handle),
            f"i32 {tb}, i32 {ta}, {self.n}, {self.m}, {self.k}, ptr {one}",
            f"{b}, i32 {kind.data}, {ldb}, {step_b}",
            f"{a}, i32 {kind.data}, {lda}, {step_a}",
            f"ptr {beta}, {c}, i32 {kind.data}, {self.n}, {step_c}, {self.count}",
            f"i32 {kind.compute}, i32 {_ALGORITHM}",
        ]
        call = f"@cublasGemmStridedBatchedEx_64({', '.join(arguments)})"
        f.drive(call, "a product of matrices", self.instr, library="cuBLAS")

    def _constant(self, name: str) -> str:
        symbol = f"@blas_{name}_{self.kind.letter}"
        text = self.kind.one if name == "one" else self.kind.zero
        self.f.module.tables[symbol] = f"{symbol} = internal constant {text}"
        return symbol

    def _cell(self) -> Pointer:
        """Where a call keeps the handle."""
        cell = self.f.stack("ptr")
        self.f.entry.append(f"  store ptr null, {cell}")
        return cell
