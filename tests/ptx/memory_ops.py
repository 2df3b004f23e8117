"""Instructions that move data: mov, ld, st, atom, red, cvta, and add/sub with carry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.ptx.lanes import Lanes
from tests.ptx.memory import WINDOW_SIZE, WINDOWS, AccessError, Space
from tests.ptx.parse import DTYPES, Address, Group, Operand, PtxError, Reg, Statement, Sym

Array = NDArray[Any]
Ints = NDArray[np.int64]

_HINTS = {
    *("volatile", "relaxed", "acquire", "release", "acq_rel", "weak", "sc", "cta", "gpu", "sys"),
    *("nc", "ca", "cg", "cs", "cv", "lu", "wb", "wt", "cluster", "mmio", "noftz"),
    *("L1_evict_last", "L1_evict_first", "L1_no_allocate", "L1_evict_normal", "L1_evict_unchanged"),
    *("L2_64B", "L2_128B", "L2_256B"),
}


class Spaces:
    """Every address space that the lanes of one launch can reach."""

    def __init__(
        self, lanes: Lanes, memory: Space, shared: Space, local: Space, param: Space
    ) -> None:
        self.lanes = lanes
        self.named = {
            "global": memory,
            "const": memory,
            "shared": shared,
            "local": local,
            "param": param,
        }
        self.carry = np.zeros(lanes.count, np.bool_)

    def address(self, operand: Operand, lanes: Ints) -> Ints:
        """The byte address in each lane, as an int64 array."""
        if not isinstance(operand, Address):
            raise PtxError(f"not an address: {operand}")
        base = operand.base
        if isinstance(base, Reg):
            bits = self.lanes.kernel.registers.get(base.name, np.dtype("u8"))
            value = self.lanes.read(base, np.dtype("i8" if bits.itemsize == 8 else "u4"), lanes)
        else:
            value = self.lanes.read(base, np.dtype("i8"), lanes)
        return np.broadcast_to(value.astype(np.int64), lanes.shape) + operand.offset

    def parts(self, space: str, address: Ints, lanes: Ints) -> list[tuple[Space, Ints, Ints]]:
        """(space, positions within `address`, addresses there), one per space that is met."""
        if space != "generic":
            return [(self.named[space], np.arange(len(address)), address)]
        kinds = np.zeros(len(address), np.int64)
        found = []
        for number, (name, start) in enumerate(WINDOWS.items(), 1):
            kinds[(address >= start) & (address < start + WINDOW_SIZE)] = number
            found.append((name, start))
        result = []
        for number, (name, start) in enumerate([("global", 0), *found]):
            at = np.flatnonzero(kinds == number)
            if at.size:
                result.append((self.named[name], at, address[at] - start))
        return result

    def owners(self, space: Space, lanes: Ints) -> Ints:
        return self.lanes.block[lanes] if space.name == "shared" else lanes

    def place(
        self, space: Space, at: Ints, address: Ints, width: int, lanes: Ints, use: str
    ) -> Ints:
        try:
            return space.place(address, width, self.owners(space, lanes[at]), use)
        except AccessError as error:
            error.first = int(at[error.first])
            raise


def _memory_modifiers(statement: Statement) -> tuple[str, int, np.dtype]:
    """(space, vector length, element type) of a load or store."""
    space, vector = "generic", 1
    *hints, kind = statement.modifiers
    for hint in hints:
        if hint.split("_")[0] in ("global", "shared", "local", "param", "const"):
            space = hint.split("_")[0]
        elif hint in ("v2", "v4", "v8"):
            vector = int(hint[1])
        elif hint not in _HINTS:
            raise PtxError(f"modifier .{hint} is not modelled")
    if kind not in DTYPES:
        raise PtxError(f"unsupported type .{kind}")
    return space, vector, DTYPES[kind]


def _items(operand: Operand, count: int) -> tuple[Operand | None, ...]:
    items = operand.items if isinstance(operand, Group) else (operand,)
    if len(items) != count:
        raise PtxError(f"{count} elements are moved, {len(items)} are named")
    return items


def load(spaces: Spaces, statement: Statement, lanes: Ints) -> None:
    space, vector, dtype = _memory_modifiers(statement)
    use = "constant" if "nc" in statement.modifiers else "read"
    address = spaces.address(statement.operands[1], lanes)
    values = np.zeros((vector, len(lanes)), dtype)
    for where, at, local in spaces.parts(space, address, lanes):
        start = spaces.place(where, at, local, vector * dtype.itemsize, lanes, use)
        index = start[None] // dtype.itemsize + np.arange(vector)[:, None]
        values[:, at] = _view(where, dtype)[index]
    for item, value in zip(_items(statement.operands[0], vector), values):
        spaces.lanes.write(item, value, lanes)


def store(spaces: Spaces, statement: Statement, lanes: Ints) -> None:
    space, vector, dtype = _memory_modifiers(statement)
    address = spaces.address(statement.operands[0], lanes)
    items = _items(statement.operands[1], vector)
    values = [np.broadcast_to(spaces.lanes.read(i, dtype, lanes), lanes.shape) for i in items]
    for where, at, local in spaces.parts(space, address, lanes):
        start = spaces.place(where, at, local, vector * dtype.itemsize, lanes, "write")
        for i, value in enumerate(values):
            _view(where, dtype)[start // dtype.itemsize + i] = value[at]


def _view(space: Space, dtype: np.dtype) -> Array:
    usable = len(space.bytes) // dtype.itemsize * dtype.itemsize
    return space.bytes[:usable].view(dtype)


_ATOMIC: dict[str, Callable[..., Any]] = {
    "add": lambda old, b: old + b,
    "min": lambda old, b: np.fmin(old, b),
    "max": lambda old, b: np.fmax(old, b),
    "and": lambda old, b: old & b,
    "or": lambda old, b: old | b,
    "xor": lambda old, b: old ^ b,
    "exch": lambda old, b: b,
    "inc": lambda old, b: np.where(old >= b, 0, old + old.dtype.type(1)).astype(old.dtype),
    "dec": lambda old, b: np.where((old == 0) | (old > b), b, old - old.dtype.type(1)).astype(
        old.dtype
    ),
    "cas": lambda old, b, c: np.where(old == b, c, old),
}


def atomic(spaces: Spaces, statement: Statement, lanes: Ints) -> None:
    """atom and red: lanes that meet at one address act one after another, lowest lane first."""
    space, operation = "generic", ""
    *hints, kind = statement.modifiers
    for hint in hints:
        if hint.split("_")[0] in ("global", "shared"):
            space = hint.split("_")[0]
        elif hint in _ATOMIC:
            operation = hint
        elif hint not in _HINTS:
            raise PtxError(f"modifier .{hint} is not modelled")
    if kind not in DTYPES or not operation:
        raise PtxError("unknown form of atomic")
    dtype, first = DTYPES[kind], 1 if statement.opcode == "atom" else 0
    address = spaces.address(statement.operands[first], lanes)
    read = spaces.lanes.read
    inputs = [
        np.broadcast_to(read(x, dtype, lanes), lanes.shape) for x in statement.operands[first + 1 :]
    ]
    old = np.zeros(len(lanes), dtype)
    for where, at, local in spaces.parts(space, address, lanes):
        start = spaces.place(where, at, local, dtype.itemsize, lanes, "write") // dtype.itemsize
        view = _view(where, dtype)
        for turn in _turns(start):
            found = view[start[turn]]
            old[at[turn]] = found
            view[start[turn]] = _ATOMIC[operation](found, *(x[at[turn]] for x in inputs))
    if statement.opcode == "atom":
        spaces.lanes.write(statement.operands[0], old, lanes)


def _turns(position: Ints) -> list[Ints]:
    """Positions in `position` split so that none is met twice in a turn."""
    order = np.argsort(position, kind="stable")
    ordered = position[order]
    begins = np.r_[True, ordered[1:] != ordered[:-1]]
    rank = np.arange(len(order)) - np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    return [np.sort(order[rank == r]) for r in range(int(rank.max()) + 1)]


def move(spaces: Spaces, statement: Statement, lanes: Ints) -> None:
    """mov, also packing and unpacking `{a, b}`, and taking addresses."""
    target, source = statement.operands
    if len(statement.modifiers) != 1 or statement.modifiers[0] not in DTYPES:
        raise PtxError("unknown form of mov")
    dtype = DTYPES[statement.modifiers[0]]
    state = spaces.lanes
    if isinstance(source, Group):
        part = np.dtype(f"u{dtype.itemsize // len(source.items)}")
        total = np.zeros(len(lanes), f"u{dtype.itemsize}")
        for i, item in enumerate(source.items):
            shift = total.dtype.type(8 * part.itemsize * i)
            total |= state.read(item, part, lanes).astype(total.dtype) << shift
        state.write(target, total, lanes)
    elif isinstance(target, Group):
        bits = state.read(source, np.dtype(f"u{dtype.itemsize}"), lanes)
        part = np.dtype(f"u{dtype.itemsize // len(target.items)}")
        for i, item in enumerate(target.items):
            state.write(item, (bits >> bits.dtype.type(8 * part.itemsize * i)).astype(part), lanes)
    else:
        if isinstance(source, Sym) and source.name not in state.symbols:
            raise PtxError(f"unknown name {source.name}")
        state.write(target, state.read(source, dtype, lanes), lanes)


def convert_address(spaces: Spaces, statement: Statement, lanes: Ints) -> None:
    """cvta: between a space's own addresses and generic ones."""
    space = next(
        m for m in statement.modifiers if m in ("global", "shared", "local", "const", "param")
    )
    start = WINDOWS.get(space, 0)
    step = -start if "to" in statement.modifiers else start
    value = spaces.lanes.read(statement.operands[1], np.dtype("i8"), lanes)
    spaces.lanes.write(statement.operands[0], value + step, lanes)


def with_carry(spaces: Spaces, statement: Statement, lanes: Ints) -> None:
    """add.cc, addc, sub.cc, subc: the carry lives per lane."""
    signed = DTYPES[statement.modifiers[-1]]
    dtype = np.dtype(f"u{signed.itemsize}")
    read = spaces.lanes.read
    a, b = (np.broadcast_to(read(x, dtype, lanes), lanes.shape) for x in statement.operands[1:3])
    takes = statement.opcode in ("addc", "subc")
    carry = spaces.carry[lanes].astype(dtype) if takes else np.zeros(len(lanes), dtype)
    if statement.opcode in ("add", "addc"):
        total = a + b + carry
        out = (total < a) | ((carry == 1) & (total == a))
    else:
        total = a - b - carry
        out = (a < b) | ((carry == 1) & (a == b))
    if "cc" in statement.modifiers:
        spaces.carry[lanes] = out
    spaces.lanes.write(statement.operands[0], total, lanes)


MEMORY_OPS: dict[str, Callable[[Spaces, Statement, Ints], None]] = {
    "mov": move,
    "ld": load,
    "ldu": load,
    "st": store,
    "atom": atomic,
    "red": atomic,
    "cvta": convert_address,
    "addc": with_carry,
    "subc": with_carry,
}
