"""``dot``: BLAS for matrices, a fused reduction for vectors, integers and small products."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from tracejit.dtypes import is_bool, is_inexact
from tracejit.ir.core import Instr, Value
from tracejit.ir.extent import Dim, product
from tracejit.ir.ops.contraction import free_axes
from tracejit.ir.regions import Loop, Scope
from tracejit.ir.types import BufferType, TensorType
from tracejit.lower import loop_nests
from tracejit.lower.body import Body
from tracejit.lower.element import Index, Puller, delinearize
from tracejit.lower.storage import Storage

#: Products with fewer multiplications than this are loops of our own.
SMALL = 512
#: The same for a matrix and a vector, whose loops fuse with what makes the operands.
SMALL_VECTOR = 4096
#: Columns that are shorter, or fewer, are summed one at a time.
LANES = 8


class _Axes:
    """The axes of one operand: batch, free, contracted, with their extents."""

    def __init__(self, body: Body, value: Value, batch: Sequence[int], contract: Sequence[int]):
        self.value = value
        self.batch, self.contract = tuple(batch), tuple(contract)
        self.free = tuple(free_axes(value.rank, self.contract, self.batch))
        self.shape = body.type(value).shape

    def extents(self, axes: Sequence[int]) -> tuple[Dim, ...]:
        return tuple(self.shape[a] for a in axes)

    def place(self, batch: Index, free: Index, contract: Index) -> Index:
        out: list[Dim] = [0] * len(self.shape)
        for axes, idx in ((self.batch, batch), (self.free, free), (self.contract, contract)):
            for a, i in zip(axes, idx, strict=True):
                out[a] = i
        return tuple(out)


def lower_dot(body: Body, instr: Instr) -> None:
    """Choose BLAS or loops for one contraction."""
    a, b = instr.operands
    contract, batch = instr.attrs["contract"], instr.attrs["batch"]
    left = _Axes(body, a, batch[0], contract[0])
    right = _Axes(body, b, batch[1], contract[1])
    work = product((*left.shape, *right.extents(right.free)))
    matrices = bool(left.free and right.free)
    small = isinstance(work, int) and work <= (SMALL if matrices else SMALL_VECTOR)
    vectors = not left.free and not right.free
    if small and _sums_columns(body, left, right):
        _lower_columns(body, instr, left, right)
    elif matrices and not body.notes.gpu and _adds_rows(body, left, right):
        _lower_rows(body, instr, left, right)
    elif not is_inexact(a.dtype) or vectors or not left.contract or small:
        _lower_loops(body, instr, left, right)
    else:
        _lower_blas(body, instr, left, right)


def _lower_loops(body: Body, instr: Instr, left: _Axes, right: _Axes) -> None:
    result = instr.result
    inner = left.extents(left.contract)

    def element(p: Puller, scope: Scope, idx: Index) -> Value:
        nb, nf = len(left.batch), len(left.free)
        batch, fa, fb = idx[:nb], idx[nb : nb + nf], idx[nb + nf :]

        def term(flat: Dim, s: Scope) -> Value:
            at = delinearize(flat, inner, p.bounds) if inner else ()
            x = p.pull(left.value, left.place(batch, fa, at), s)
            y = p.pull(right.value, right.place(batch, fb, at), s)
            name = "bitwise_and" if is_bool(result.dtype) else "mul"
            out = s.op(name, x, y)
            assert isinstance(out, Value)
            return out

        if not inner:
            return term(0, scope)
        if is_inexact(result.dtype):
            return loop_nests.pairwise(p, scope, product(inner), term)
        name = "bitwise_or" if is_bool(result.dtype) else "add"
        zero = scope.own(scope.b.const(0, result.dtype))
        loop = Loop(scope, product(inner), [zero])
        p.bounds.upper[loop.i] = product(inner)
        value = term(loop.i.dim, loop.inner)
        return loop.close([loop.inner.op(name, loop.carried[0], value)])[0]

    if result.rank == 0:
        body.scalars[result] = body.run(lambda p, k: [element(p, k, ())])[0]
        return
    shape = body.type(result).shape

    def build(p: Puller, kernel: Scope, dest: Value) -> None:
        loop_nests.fill(p, kernel, dest, shape, lambda idx, s: element(p, s, idx))

    body.compute(result, build, reuse=False)


def _sums_columns(body: Body, left: _Axes, right: _Axes) -> bool:
    """Whether a vector times a matrix is a sum of the rows of the matrix.

    Memory runs along the free axis then, and the sums of the columns are vectors of accumulators.
    Short columns are written out inside the loop over the free axis, which is vector code, too.
    """
    if left.batch or len(left.contract) != 1 or bool(left.free) == bool(right.free):
        return False
    matrix = left if left.free else right
    dtype = matrix.value.dtype
    sizes = (matrix.shape[matrix.contract[0]], matrix.shape[matrix.free[-1]])
    if not is_inexact(dtype) or not all(isinstance(n, int) and n >= LANES for n in sizes):
        return False
    stored = body.stored(matrix.value)
    if stored is None:
        return matrix.free[-1] == len(matrix.shape) - 1
    assert isinstance(stored.type, BufferType)
    return stored.type.strides[matrix.free[-1]] == dtype.itemsize


def _lower_columns(body: Body, instr: Instr, left: _Axes, right: _Axes) -> None:
    """result[j] = sum of vector[k] * matrix[k, j], one row k after another."""
    result = instr.result
    matrix, vector = (left, right) if left.free else (right, left)
    free = matrix.extents(matrix.free)

    def build(p: Puller, kernel: Scope, dest: Value) -> None:
        zero = kernel.own(kernel.b.const(0, result.dtype))
        loop_nests.fill(p, kernel, dest, free, lambda _, __: zero)
        rows = loop_nests.Nest(p, kernel, matrix.extents(matrix.contract))
        number = p.pull(vector.value, vector.place((), (), rows.idx), rows.scope)
        row = loop_nests.Nest(p, rows.scope, free)
        element = p.pull(matrix.value, matrix.place((), row.idx, rows.idx), row.scope)
        term = row.scope.op("mul", number, element)
        assert isinstance(term, Value)
        loop_nests.combine_into(row.scope, "add", dest, term, row.idx)
        row.close()
        rows.close()

    body.compute(result, build, reuse=False)


def _adds_rows(body: Body, left: _Axes, right: _Axes) -> bool:
    """Whether an exact product is sums of rows of the right matrix: memory runs along them."""
    last = right.free[-1]
    columns = right.shape[last]
    if is_inexact(left.value.dtype) or not left.contract:
        return False
    if isinstance(columns, int) and columns < LANES:
        return False
    stored = body.stored(right.value)
    if stored is None:
        return last == len(right.shape) - 1
    assert isinstance(stored.type, BufferType)
    return stored.type.strides[last] == right.value.dtype.itemsize


def _lower_rows(body: Body, instr: Instr, left: _Axes, right: _Axes) -> None:
    """result[i, :] = sum of left[i, k] * right[k, :], in any order: the numbers are exact."""
    result = instr.result
    of_bools = is_bool(result.dtype)
    multiply, add = ("bitwise_and", "bitwise_or") if of_bools else ("mul", "add")
    counts = [len(axes) for axes in (left.batch, left.free, left.contract)]
    row_extents = right.extents(right.free)

    def build(p: Puller, kernel: Scope, dest: Value) -> None:
        zero = kernel.own(kernel.b.const(0, result.dtype))
        loop_nests.fill(p, kernel, dest, body.type(result).shape, lambda _, __: zero)
        outer = [left.extents(axes) for axes in (left.batch, left.free, left.contract)]
        steps = loop_nests.Nest(p, kernel, [n for extents in outer for n in extents])
        at = iter(steps.idx)
        batch, free, inner = (tuple(next(at) for _ in range(n)) for n in counts)
        number = p.pull(left.value, left.place(batch, free, inner), steps.scope)
        row = loop_nests.Nest(p, steps.scope, row_extents)
        element = p.pull(right.value, right.place(batch, row.idx, inner), row.scope)
        term = row.scope.op(multiply, number, element)
        assert isinstance(term, Value)
        loop_nests.combine_into(row.scope, add, dest, term, (*batch, *free, *row.idx))
        row.close()
        steps.close()

    body.compute(result, build, reuse=False)


def _lower_blas(body: Body, instr: Instr, left: _Axes, right: _Axes) -> None:
    result = instr.result
    a, a_storage = _matrices(body, left, left.free, left.contract)
    b, b_storage = _matrices(body, right, right.contract, right.free)
    wanted = body.wanted(result)
    storage = wanted or body.fresh(body.type(result))
    batch = left.extents(left.batch)
    m, n = product(left.extents(left.free)), product(right.extents(right.free))
    step = result.dtype.itemsize
    shape = (product(batch), m, n)
    c = _view(body.scope, storage.buffer, 0, shape, (m * n * step, n * step, step))
    operands = (a, b, c) if batch else [_first(body.scope, x) for x in (a, b, c)]
    body.scope.op("gemm", *operands)
    for temp in (a_storage, b_storage):
        if temp is not None:
            body.owned.remove(temp)
            body.scope.op("free", temp.buffer)
    body.place(result, storage)


def _view(
    scope: Scope, base: Value, offset: Dim, shape: Sequence[Dim], strides: Sequence[Dim]
) -> Value:
    type_ = BufferType(base.dtype, tuple(map(scope.dim, shape)), tuple(map(scope.dim, strides)))
    out = scope.b.op("view", scope.use(base), scope.index(offset), type=type_)
    return scope.own(out)


def _first(scope: Scope, x: Value) -> Value:
    """The first matrix of a rank-3 buffer."""
    assert isinstance(x.type, BufferType)
    return _view(scope, x, 0, x.type.shape[1:], x.type.strides[1:])


def _matrices(
    body: Body, side: _Axes, rows: Sequence[int], cols: Sequence[int]
) -> tuple[Value, Storage | None]:
    """A rank-3 buffer [batch, rows, cols] over an operand, copied only when axes do not merge."""
    groups = (side.batch, tuple(rows), tuple(cols))
    shape = tuple(product(side.extents(g)) for g in groups)
    buffer = body.buffer(side.value)
    assert isinstance(buffer.type, BufferType)
    strides = [_merged(buffer.type, g) for g in groups]
    size = side.value.dtype.itemsize
    unit = any(s == size for s in strides[1:])
    if all(s is not None for s in strides) and unit:
        return _view(body.scope, buffer, 0, shape, [s or 0 for s in strides]), None
    storage = body.fresh(TensorType(side.value.dtype, shape))
    body.note_copy(side.value, "BLAS needs its axes next to each other")

    def build(p: Puller, kernel: Scope) -> Sequence[Value]:
        def element(idx: Index, s: Scope) -> Value:
            parts = [
                delinearize(i, side.extents(g), p.bounds) if g else ()
                for i, g in zip(idx, groups, strict=True)
            ]
            out: list[Dim] = [0] * len(side.shape)
            for axes, at in zip(groups, parts, strict=True):
                for axis, i in zip(axes, at, strict=True):
                    out[axis] = i
            return p.pull(side.value, tuple(out), s)

        loop_nests.fill(p, kernel, storage.buffer, shape, element)
        return ()

    body.run(build)
    return storage.buffer, storage


def _merged(type_: BufferType, axes: Sequence[int]) -> Dim | None:
    """The stride of several axes walked as one in C order, None when they do not merge."""
    if not axes:
        return 0
    for outer, inner in pairwise(axes):
        if type_.strides[outer] != type_.shape[inner] * type_.strides[inner]:
            return None
    return type_.strides[axes[-1]]
