"""Lowering one function body: memory for each tensor, kernels for each root, in program order.

``Body`` knows storages and how to run kernels against them; ``instructions.py`` has one small
function per kind of instruction, ``control.py`` the structured ones.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from functools import cached_property

from tracejit.ir import extent as ex
from tracejit.ir.core import Function, Instr, Value, uses
from tracejit.ir.extent import Dim, product
from tracejit.ir.printer import format_type
from tracejit.ir.regions import Scope, launch
from tracejit.ir.traits import Trait
from tracejit.ir.types import BufferType, TensorType, dense_buffer, dense_strides
from tracejit.lower import loop_nests, masked_loops
from tracejit.lower.element import Index, Puller, linear_index
from tracejit.lower.fusion import Inlining, line_of, unflattened_shape
from tracejit.lower.overwriting import before_overwrite
from tracejit.lower.pieces import pieces
from tracejit.lower.storage import Liveness, Storage, may_fail, versions
from tracejit.records import dataclass

Build = Callable[[Puller, Scope, Value], Index | None]


@dataclass
class Notes:
    """What the whole lowering collects, and whether it is for a GPU."""

    copies: list[str] = field(default_factory=list)
    gpu: bool = False


class Body:
    """State of lowering one body into ``scope``."""

    def __init__(self, function: Function, scope: Scope, notes: Notes, depth: int = 0) -> None:
        self.function = function
        self.scope = scope
        self.notes = notes
        self.depth = depth
        self.scalars: dict[Value, Value] = {}
        self.storage: dict[Value, Storage] = {}
        self.held: dict[Value, Value] = {}
        self.early: dict[Value, int] = {}
        self.owned: list[Storage] = []
        self.args: dict[int, Storage] = {}
        self.homes: list[Storage] = []  # of what each call of the recursion around has in turn
        self.exposed_after: set[int] = set()
        self.wants: dict[Value, Storage] = {}
        self._flat: dict[Value, Value] = {}
        self.inlining = Inlining(function, frozenset())
        self.live = Liveness(function, self.inlining)
        self.t = 0

    # -- scalars and extents -------------------------------------------------------------------

    def scalar(self, value: Value) -> Value:
        """The host scalar (or tape) of a rank-0 tensor."""
        return self.scalars[value]

    def dim(self, dim: Dim) -> Dim:
        """A tensor-level extent over host scalars."""
        if isinstance(dim, int):
            return dim
        return ex.subst(
            dim, {v: self.scalars[v].dim for v in ex.leaves(dim) if isinstance(v, Value)}
        )

    def type(self, value: Value) -> TensorType:
        """A tensor's type over host scalars."""
        return TensorType(value.dtype, tuple(self.dim(d) for d in value.shape))

    # -- storages ------------------------------------------------------------------------------

    def stored(self, value: Value) -> Value | None:
        """The buffer a tensor is read from, None when it is inlined."""
        found = self.storage.get(value)
        return None if found is None else found.values[value]

    def place(self, value: Value, storage: Storage, buffer: Value | None = None) -> None:
        """``value`` now lives in ``storage``."""
        self.storage[value] = storage
        storage.values[value] = storage.buffer if buffer is None else buffer

    def fresh(self, type_: TensorType) -> Storage:
        """New memory owned by this body."""
        local = TensorType(type_.dtype, tuple(self.scope.dim(d) for d in type_.shape))
        buffer = self.scope.own(self.scope.b.op("alloc", type=dense_buffer(local)))
        storage = Storage(buffer, "owned")
        self.owned.append(storage)
        return storage

    def busy(self, storage: Storage, but: Iterable[Value] = (), at: bool = False) -> list[Value]:
        """Tensors in ``storage`` that are read after this instruction (``at``: or by it)."""
        spared = set(but)
        limit = self.t - 1 if at else self.t
        return [v for v in storage.values if v not in spared and self.live.live_after(v, limit)]

    def dense(self, buffer: Value) -> bool:
        """Whether a buffer is C-contiguous."""
        assert isinstance(buffer.type, BufferType)
        return buffer.type.strides == dense_strides(buffer.dtype, buffer.shape)

    @cached_property
    def users(self) -> dict[Value, list[tuple[int, Instr]]]:
        """Who takes a value, and where."""
        found: dict[Value, list[tuple[int, Instr]]] = {}
        for t, instr in enumerate(self.function.instrs):
            for v in set(uses(instr)):
                found.setdefault(v, []).append((t, instr))
        return found

    @cached_property
    def _failing(self) -> list[int]:
        return [t for t, instr in enumerate(self.function.instrs) if may_fail(instr)]

    def may_fail_between(self, first: int, last: int) -> bool:
        """Whether the call may end at one of the instructions from ``first`` to before ``last``."""
        at = bisect.bisect_left(self._failing, first)
        return at < len(self._failing) and self._failing[at] < last

    def release(self) -> None:
        """Free owned memory that nothing reads any more."""
        for storage in list(self.owned):
            if not self.busy(storage):
                self.owned.remove(storage)
                self.scope.op("free", storage.buffer)
                for v in storage.values:
                    self.storage.pop(v, None)

    def exposed(self, storage: Storage) -> bool:
        """Whether the call may end before what now goes into a caller's array is written back."""
        if storage.arg is None:
            return False
        for instr in self.function.instrs[self.t + 1 :]:
            if instr.has(Trait.WRITES_BACK) and instr.attrs["arg"] == storage.arg:
                return False
            if may_fail(instr):
                return True
        return storage.arg in self.exposed_after

    # -- kernels -------------------------------------------------------------------------------

    def puller(self) -> Puller:
        """A puller over this body's tensors."""
        return Puller(
            self.inlining.defs,
            self.stored,
            self.scalar,
            self.dim,
            self.flat,
            self.held.get,
            gpu=self.notes.gpu,
        )

    def flat(self, buffer: Value) -> Value | None:
        """A dense buffer as one line of elements."""
        if not self.dense(buffer) or buffer.rank < 2:
            return None
        found = self._flat.get(buffer)
        if found is None:
            base = self.scope.use(buffer)
            line = TensorType(base.dtype, (product(base.shape),))
            found = self.scope.op("view", base, self.scope.index(0), type=dense_buffer(line))
            self._flat[buffer] = found
        return found

    def share_key(self, buffer: Value) -> object:
        """Buffers with equal keys may be the same memory."""
        buffer = next((b for b, line in self._flat.items() if line is buffer), buffer)
        for storage in (*self.storage.values(), *self.owned, *self.args.values()):
            if buffer is storage.buffer or any(b is buffer for b in storage.values.values()):
                return storage
        return buffer

    def launch(self, kernel: Scope, results: Sequence[Value] = ()) -> list[Value]:
        """Emit a finished kernel."""
        return launch(self.scope, kernel, results, self.share_key)

    def run(self, build: Callable[[Puller, Scope], Sequence[Value]]) -> list[Value]:
        """Build and emit a kernel; its scalar results."""
        kernel = self.scope.child("kernel")
        return self.launch(kernel, build(self.puller(), kernel))

    def compute(self, value: Value, build: Build, *, reuse: bool) -> None:
        """Give ``value`` memory and fill it: wanted or dying memory when the kernel allows it."""
        for storage in self.candidates(value) if reuse else ():
            kernel, p = self.scope.child("kernel"), self.puller()
            written = build(p, kernel, storage.buffer)
            if written is not None and self.pointwise(p, storage, written, storage.buffer):
                self.launch(kernel)
                self.place(value, storage)
                return
        storage = self.wanted(value) or self.fresh(self.type(value))
        kernel = self.scope.child("kernel")
        build(self.puller(), kernel, storage.buffer)
        self.launch(kernel)
        self.place(value, storage)

    def wanted(self, value: Value) -> Storage | None:
        """The memory where ``value`` has to end up, when nothing else is in it."""
        storage = self.wants.get(value)
        if storage is None or self.busy(storage, at=True) or self.exposed(storage):
            return None
        return storage if storage.buffer.shape == self.type(value).shape else None

    def candidates(self, value: Value) -> list[Storage]:
        """Memory that may be overwritten element by element while it is still read."""
        type_ = self.type(value)
        wanted = self.wants.get(value)
        now = self.function.instrs[self.t : self.t + 1]
        early = not now or value not in now[0].results
        found = []
        if wanted is not None and not self.busy(wanted, at=early) and not self.exposed(wanted):
            found.append(wanted)
        for leaf in self.inlining.leaves_below(value):
            storage = self.storage.get(leaf)
            if storage is None or storage in found or storage.mode != "owned":
                continue
            if not self.busy(storage, at=early) and storage.buffer.type == dense_buffer(type_):
                found.append(storage)
        return [s for s in found if s.buffer.shape == type_.shape]

    def pointwise(self, p: Puller, storage: Storage, written: Index, buffer: Value) -> bool:
        """Whether each element of ``storage`` was read only at the index of ``buffer``, which is
        over all of it, that is written.

        Reads of another constant row or column than the written one do not matter.
        """
        for value, indices in p.reads.items():
            if self.storage.get(value) is not storage:
                continue
            if storage.values[value] is not buffer:
                return False
            if any(len(idx) != len(written) for idx in indices):
                return False  # one of them is a position in the line of all elements
            if not all(idx == written or p.apart(idx, written) for idx in indices):
                return False
        return True

    def materialize(self, value: Value) -> None:
        """Store a tensor computed so far at its uses (or a view of what is stored)."""
        if value in self.storage or value in self.held:
            return
        self._at_once(value)
        instr = self.inlining.defs.get(value)
        if instr is not None and instr.has(Trait.SELECTS):
            masked_loops.fill_selection(self, instr)
            return
        for v in instr.operands if instr is not None else ():
            for selection in masked_loops.selections(self.inlining, v):
                self.materialize(selection.results[1])
        with self.scope.at(None if instr is None else instr.loc):
            if not self.as_view(value):
                self.fill(value)

    def _at_once(self, value: Value) -> None:
        """Compute a value here instead of at its uses."""
        if value in self.inlining.inlined:
            self.inlining.inlined.discard(value)
            self.live = Liveness(self.function, self.inlining, self.early)

    def compute_now(self, value: Value) -> None:
        """Say that a value which is computed later otherwise is computed at this instruction."""
        if self.live.position.get(value, -1) > self.t:
            self.early[value] = self.t
            self.live = Liveness(self.function, self.inlining, self.early)

    def is_one_element(self, value: Value) -> bool:
        """Whether a tensor is known to have one element."""
        return all(n == 1 for n in self.type(value).shape)

    def hold(self, value: Value) -> None:
        """Keep a tensor of one element in a host scalar."""
        if value.rank == 0:
            instr = self.inlining.defs[value]
            self.scalars[value] = self.run(lambda p, k: [p.pull_rank0(instr, k)])[0]
            return
        at = (0,) * value.rank
        found = self.run(lambda p, kernel: [p.pull(value, at, kernel)])[0]
        self._at_once(value)
        self.held[value] = found
        home = self.storage.pop(value, None)
        if home is not None:
            home.values.pop(value)

    def fill(self, value: Value) -> None:
        """Compute a tensor into memory of its own."""
        shape = self.type(value).shape
        line = line_of(self.inlining, value)
        several = line is not value or value.rank == 1
        axes = unflattened_shape(self.inlining, line, self.dim) if several else ()
        parts = None if axes else pieces(self.inlining, value, self.dim)

        def build(p: Puller, kernel: Scope, dest: Value) -> Index | None:
            if parts is not None:
                loop_nests.fill_pieces(p, kernel, dest, value, *parts)
                return None
            flat = (dest if dest.rank == 1 else self.flat(dest)) if axes else None
            if flat is None:
                nest = loop_nests.Nest(p, kernel, shape)
                idx, element = nest.idx, p.pull(value, nest.idx, nest.scope)
            else:
                nest = loop_nests.Nest(p, kernel, axes)
                idx = (linear_index(nest.idx, axes),)
                element = p.pull(line, idx if line.rank == 1 else nest.idx, nest.scope)
            loop_nests.store(nest.scope, dest if flat is None else flat, element, idx)
            nest.close()
            return idx

        self.compute(value, build, reuse=True)

    def as_view(self, value: Value) -> bool:
        """Make ``value`` a view of stored memory when it is a strided window of it."""
        from tracejit.lower.windows import view_of

        found = view_of(self, value)
        if found is None:
            return False
        storage, buffer = found
        instr = self.inlining.defs[value]
        x = instr.operands[0]
        if instr.has(Trait.SAME_ELEMENTS) and self.storage.get(x) is storage and self.is_whole(x):
            storage.whole.add(buffer)
        self.place(value, storage, buffer)
        return True

    def as_reshape(self, value: Value) -> None:
        """Make ``value`` a view where it is computed at its uses and all of stored memory."""
        instr = self.inlining.defs.get(value)
        if value not in self.inlining.inlined or instr is None or value in self.storage:
            return
        if instr.has(Trait.SAME_ELEMENTS):
            x = instr.operands[0]
            self.as_reshape(x)
            if x in self.storage and self.is_whole(x):
                self.as_view(value)

    def is_whole(self, value: Value) -> bool:
        """Whether a stored tensor is all of its memory, under whatever shape."""
        storage = self.storage[value]
        buffer = storage.values[value]
        return buffer is storage.buffer or buffer in storage.whole

    def buffer(self, value: Value) -> Value:
        """The buffer of a tensor, storing it first when it was inlined."""
        self.materialize(value)
        if value not in self.storage:  # one element, held so far
            self.fill(value)
        return self.storage[value].values[value]

    def copy_into(self, dest: Value, value: Value) -> None:
        """dest[...] = value."""
        shape = self.type(value).shape

        def build(p: Puller, kernel: Scope) -> Sequence[Value]:
            loop_nests.fill(p, kernel, dest, shape, lambda idx, s: p.pull(value, idx, s))
            return ()

        self.run(build)

    def detach(self, value: Value, why: str) -> Storage:
        """Move a tensor to fresh memory of its own by copying."""
        storage = self.fresh(self.type(value))
        self.note_copy(value, why)
        self.copy_into(storage.buffer, value)
        old = self.storage.get(value)
        if old is not None:
            old.values.pop(value, None)
        self.place(value, storage)
        return storage

    def note_copy(self, value: Value, why: str) -> None:
        """Record a copy for ``explain()``: what, how often, why, and the user's line."""
        place = "in a loop" if self.depth else "once"
        now = self.function.instrs[self.t : self.t + 1]
        loc = now[0].loc if now else None
        line = "" if loc is None else f" ({loc.filename.rpartition('/')[2]}:{loc.line})"
        shown = format_type(value.type, lambda v: v.hint or "n")
        self.notes.copies.append(f"{shown} copied {place}{line}: {why}")

    # -- where a tensor has to be ---------------------------------------------------------------

    def ensure_in(self, value: Value, storage: Storage) -> None:
        """Make ``storage`` hold ``value`` (by copying unless it already does)."""
        self.as_reshape(value)
        if self.fills(value, storage):
            return
        if value in self.storage and self.storage[value] is not storage:
            self.note_copy(value, "its result belongs elsewhere")
        self.copy_to(value, storage)
        old = self.storage.get(value)
        if old is not None:
            old.values.pop(value, None)
        self.place(value, storage)

    def fills(self, value: Value, storage: Storage) -> bool:
        """Whether ``value``, of its shape, is all that is in ``storage``."""
        return self.storage.get(value) is storage and self.is_whole(value)

    def copy_to(self, value: Value, storage: Storage) -> None:
        """Copy ``value`` to ``storage``, where what is needed later is saved first."""
        if self.fills(value, storage):
            return
        before_overwrite(self, storage, [value])
        if self.storage.get(value) is storage:
            self.detach(value, "written over its own memory")
        self.copy_into(storage.buffer, value)

    def take(self, value: Value) -> Value:
        """An owned dense buffer of ``value`` that leaves this body."""
        if value not in self.storage and value in self.inlining.inlined:
            self.as_view(value)
        storage = self.storage.get(value)
        if storage is not None and self._movable(storage, value):
            buffer = storage.values[value]
        else:
            if storage is not None:
                self.note_copy(value, "a result needs memory of its own")
            storage = self.fresh(self.type(value))
            buffer = storage.buffer
            self.copy_into(buffer, value)
        self.owned.remove(storage)
        self.storage.pop(value, None)
        return self._over_own_extents(buffer, value)

    def _over_own_extents(self, buffer: Value, value: Value) -> Value:
        """The same memory, its type in terms of the extents that ``value`` has here."""
        wanted = self.type(value)
        shape = tuple(self.scope.dim(d) for d in wanted.shape)
        type_ = dense_buffer(TensorType(wanted.dtype, shape))
        here = self.scope.use(buffer)
        if here.type == type_:
            return buffer
        return self.scope.own(self.scope.b.op("view", here, self.scope.index(0), type=type_))

    def _movable(self, storage: Storage, value: Value) -> bool:
        """Whether ``value`` is all that is left in memory owned here."""
        own = storage in self.owned and self.dense(storage.values[value])
        return own and self.is_whole(value) and not self.busy(storage, [value])

    def want(self, value: Value, storage: Storage) -> None:
        """Prefer ``storage`` for ``value`` and the tensors that it is an updated version of."""
        for version in versions(self.function, value):
            self.wants.setdefault(version, storage)
