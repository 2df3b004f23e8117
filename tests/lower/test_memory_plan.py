"""Blocks of temporary memory: no two tenants of a slot at once, and each slot large enough."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tracejit.ir.core import TABLE, Function, Instr, Value
from tracejit.ir.extent import evaluate, product
from tracejit.ir.types import INDEX, BufferType, dense_buffer, tensor
from tracejit.lower.memory_plan import Block, memory_plan

N, M = Value(INDEX, "n"), Value(INDEX, "m")
SHAPES = [(3,), (100,), (7, 5), (N.dim,), (N.dim, 4), (4, N.dim), (N.dim, M.dim), (M.dim,)]


def alloc(shape: Sequence[object]) -> Instr:
    type_ = dense_buffer(tensor("f64", tuple(shape)))
    return Instr(TABLE["alloc"], (), {"type": type_}, (), (Value(type_),))


def free(made: Instr) -> Instr:
    return Instr(TABLE["free"], (made.result,), {}, (), ())


def constant() -> Instr:
    return Instr(TABLE["constant"], (), {"value": 1}, (), (Value(INDEX),))


def drawn(rng: np.random.Generator) -> list[Instr]:
    """Arrays that are made and freed in some order; one or two are never freed."""
    instrs: list[Instr] = []
    alive: list[Instr] = []
    for _ in range(int(rng.integers(2, 30))):
        kind = rng.integers(4)
        if kind < 2:
            alive.append(alloc(SHAPES[rng.integers(len(SHAPES))]))
            instrs.append(alive[-1])
        elif kind == 2 and alive:
            instrs.append(free(alive.pop(int(rng.integers(len(alive))))))
        else:
            instrs.append(constant())
    return instrs + [free(made) for made in alive[2:]]


def size(kind: int | BufferType) -> int:
    if isinstance(kind, int):
        return kind
    return evaluate(product(kind.shape), {N: 11, M: 5}.__getitem__) * kind.dtype.itemsize


def stays(instrs: Sequence[Instr], room: dict[Instr, int], block: Block) -> list[tuple[int, ...]]:
    """First and last instruction, slot, and bytes of each tenant."""
    found = []
    for tenant, slot in block.places.items():
        if isinstance(tenant, Instr):
            at = instrs.index(tenant)
            found.append((at, at, slot, room[tenant]))
            continue
        (first,) = [k for k, i in enumerate(instrs) if tenant in i.results]
        (last,) = [k for k, i in enumerate(instrs) if tenant in i.operands]
        found.append((first, last, slot, size(tenant.type)))
    return found


@pytest.mark.parametrize("seed", range(60))
def test_no_two_at_once(seed: int) -> None:
    rng = np.random.default_rng(seed)
    instrs = drawn(rng)
    room = {i: int(rng.integers(1, 900)) for i in instrs if i.name == "constant"}
    blocks = [*memory_plan(Function("f", (N, M), tuple(instrs), ()), lambda i: room.get(i, 0))]
    tenants = [t for b in blocks for t in b.places]
    assert len(tenants) == len(set(tenants))
    for block in blocks:
        found = stays(instrs, room, block)
        assert min(f for f, *_ in found) == instrs.index(block.first)
        assert max(last for _, last, *_ in found) == instrs.index(block.last)
        for k, (first, last, slot, bytes_) in enumerate(found):
            assert bytes_ <= size(block.slots[slot])
            others = [f for f in found[:k] if f[2] == slot]
            assert all(last < f or end < first for f, end, *_ in others)


def test_one_block_and_few_slots() -> None:
    """A chain of temporaries takes turns in two slots, whatever the run says of their size."""
    made = [alloc((N.dim, 4)) for _ in range(6)]
    instrs = [made[0]]
    for before, after in zip(made, made[1:], strict=False):
        instrs += [after, free(before)]
    instrs.append(free(made[-1]))
    (block,) = memory_plan(Function("f", (N,), tuple(instrs), ()), lambda _: 0)
    assert len(block.slots) == 2
    assert len(block.places) == 6


def test_sizes_that_are_found_later_have_a_block_of_their_own() -> None:
    early, late = constant(), constant()
    found = [alloc((late.result.dim, k)) for k in (2, 3)]
    first = [alloc((early.result.dim,)), alloc((4,))]
    instrs = [early, *first, late, *found, *(free(x) for x in (*first, *found))]
    blocks = [*memory_plan(Function("f", (), tuple(instrs), ()), lambda _: 0)]
    assert [{*b.places} for b in blocks] == [{i.result for i in k} for k in (first, found)]


def test_what_is_not_freed_here_has_no_place() -> None:
    moved, kept = alloc((3,)), alloc((3,))
    function = Function("f", (), (moved, kept, free(kept)), (moved.result,))
    assert not [*memory_plan(function, lambda _: 0)]
