"""Runs PTX text without a GPU: `launch(device, text, name, grid, block, args)`.

A program that leaves what the ISA promises (out-of-bounds or misaligned access, a register read
before it is written, a shuffle from a lane that is not there, a barrier that some lanes never
reach, an instruction that is not modelled) ends in a PtxError that names the line. Blocks run
together, up to `MAX_LANES` lanes at a time, so a kernel must not wait for another block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.ptx.alu_choice import OPS
from tests.ptx.lanes import Lanes, Triple
from tests.ptx.memory import AccessError, Device, Space
from tests.ptx.memory_ops import MEMORY_OPS, Spaces, with_carry
from tests.ptx.parse import DTYPES, Group, Kernel, Module, PtxError, Statement, parse_module
from tests.ptx.warp_ops import WARP_OPS

__all__ = ["Device", "PtxError", "launch"]

Array = NDArray[Any]
Ints = NDArray[np.int64]

MAX_LANES = 1 << 15
MAX_STEPS = 5_000_000
NO_EFFECT = {"fence", "membar", "prefetch", "prefetchu", "nanosleep", "griddepcontrol"}


def launch(
    device: Device,
    text: str,
    name: str | None,
    grid: int | tuple[int, ...],
    block: int | tuple[int, ...],
    args: Sequence[object],
    dynamic_shared: int = 0,
) -> int:
    """Runs kernel `name` (None: the only one) of PTX `text`; returns the instructions stepped.

    `args` are Python or NumPy scalars (addresses are ints), in the order of the parameters.
    """
    module = parse_module(text)
    if name is None and len(module.kernels) != 1:
        raise PtxError(f"name one of the kernels {sorted(module.kernels)}")
    if name is not None and name not in module.kernels:
        raise PtxError(f"no kernel {name}; there are {sorted(module.kernels)}")
    kernel = module.kernels[name] if name else next(iter(module.kernels.values()))
    grid3, block3 = _triple(grid), _triple(block)
    _check_block(kernel, block3)
    params = _parameters(kernel, args)
    for region in device.memory.regions:
        region.marks = None
    constants = {
        v.name: _global_variable(device, v.name, v.size, v.align, v.initial, v.space)
        for v in module.variables
        if v.space in ("global", "const")
    }
    threads = -(-block3[0] * block3[1] * block3[2] // 32) * 32
    at_once, total, steps = max(MAX_LANES // threads, 1), grid3[0] * grid3[1] * grid3[2], 0
    for first in range(0, total, at_once):
        blocks = range(first, min(first + at_once, total))
        lanes = Lanes(kernel, grid3, block3, blocks)
        spaces = _spaces(device, module, kernel, lanes, params, dynamic_shared)
        lanes.symbols.update(constants)
        steps += _Run(kernel, lanes, spaces).run()
    return steps


def _triple(extents: int | tuple[int, ...]) -> Triple:
    x, y, z = (*((extents,) if isinstance(extents, int) else extents), 1, 1)[:3]
    if min(x, y, z) < 1:
        raise PtxError(f"a launch needs positive extents, not {extents}")
    return x, y, z


def _check_block(kernel: Kernel, block: Triple) -> None:
    threads = block[0] * block[1] * block[2]
    if threads > 1024:
        raise PtxError(f"{threads} threads in a block: at most 1024")
    limits = {name: int(np.prod(sizes)) for name, sizes in kernel.directives.items()}
    if limits.get("reqntid", threads) != threads:
        raise PtxError(f"{kernel.name} requires blocks of {kernel.directives['reqntid']}")
    if limits.get("maxntid", threads) < threads:
        raise PtxError(f"{kernel.name} allows blocks up to {kernel.directives['maxntid']}")


def _parameters(kernel: Kernel, args: Sequence[object]) -> list[bytes]:
    if len(args) != len(kernel.params):
        raise PtxError(f"{kernel.name} takes {len(kernel.params)} arguments, not {len(args)}")
    data = []
    for value, param in zip(args, kernel.params):
        if isinstance(value, bytes):
            raw = value
        elif isinstance(value, int | np.integer | np.bool_):
            raw = (int(value) & ((1 << 8 * param.size) - 1)).to_bytes(param.size, "little")
        elif isinstance(value, float):
            raw = np.array(value, f"f{param.size}").tobytes()
        else:
            raw = np.asarray(value).tobytes()
        if len(raw) != param.size:
            raise PtxError(f"{param.name} has {param.size} bytes; the argument has {len(raw)}")
        data.append(raw)
    return data


def _global_variable(
    device: Device, name: str, size: int, align: int, initial: bytes, space: str
) -> int:
    start = device.memory.allocate(name, size, max(align, 16), writable=space != "const")
    device.memory.fill(start, initial or bytes(size))
    return start


def _spaces(
    device: Device, module: Module, kernel: Kernel, lanes: Lanes, params: list[bytes], dynamic: int
) -> Spaces:
    shared = Space("shared", owners=int(lanes.block[-1]) + 1)
    local = Space("local", owners=lanes.count)
    param = Space("param")
    for variable, data in zip(kernel.params, params):
        start = param.allocate(variable.name, variable.size, variable.align, writable=False)
        param.fill(start, data)
        lanes.symbols[variable.name] = start
    for variable in (*module.variables, *kernel.variables):
        if variable.space in ("shared", "local"):
            space = shared if variable.space == "shared" else local
            size = variable.size or dynamic
            lanes.symbols[variable.name] = space.allocate(variable.name, size, variable.align)
    for space in (shared, local):
        space.commit()
    return Spaces(lanes, device.memory, shared, local, param)


class _Run:
    """One kernel over one set of lanes."""

    def __init__(self, kernel: Kernel, lanes: Lanes, spaces: Spaces) -> None:
        self.kernel = kernel
        self.lanes = lanes
        self.spaces = spaces
        self.steps = 0

    def run(self) -> int:
        with np.errstate(all="ignore"):
            for pc, group, stop in self.lanes.schedule():
                self._stretch(pc, group, stop)
        return self.steps

    def _stretch(self, pc: int, group: Ints, stop: int) -> None:
        """Runs `group` from `pc` until control divides, or another group is met."""
        while pc < stop:
            if pc >= len(self.kernel.code):
                raise PtxError(f"{self.kernel.name} runs past its last instruction")
            self.steps += 1
            if self.steps > MAX_STEPS:
                raise PtxError(f"{self.kernel.name} did not end in {MAX_STEPS} steps")
            statement = self.kernel.code[pc]
            try:
                if not self._step(statement, pc, group):
                    return
            except AccessError as error:
                lane = self._active(statement, group)[error.first]
                raise self._located(statement, f"{error}, {self.lanes.where(int(lane))}") from error
            except PtxError as error:
                raise self._located(statement, str(error)) from error
            pc += 1
        self.lanes.pc[group] = pc

    def _located(self, statement: Statement, text: str) -> PtxError:
        return PtxError(f"{self.kernel.name}, line {statement.line}: {statement.text}: {text}")

    def _active(self, statement: Statement, group: Ints) -> Ints:
        if statement.guard is None:
            return group
        return group[self.lanes.read(statement.guard, DTYPES["pred"], group)]

    def _step(self, statement: Statement, pc: int, group: Ints) -> bool:
        """Executes one instruction; False when the group must be formed anew."""
        active = self._active(statement, group)
        name = statement.opcode
        if name in _CONTROL:
            self.lanes.pc[group] = pc + 1
            _CONTROL[name](self, statement, active)
            return False
        if name in WARP_OPS:
            if name != "activemask":
                self.lanes.pc[group] = pc + 1
                WARP_OPS[name](self.lanes, statement, pc, active)
                return False
            WARP_OPS[name](self.lanes, statement, pc, active)
        elif active.size:
            self._compute(statement, active)
        return True

    def _compute(self, statement: Statement, active: Ints) -> None:
        name, m = statement.opcode, statement.modifiers
        lanes: Ints | slice = slice(None) if active.size == self.lanes.count else active
        if name in ("add", "sub") and "cc" in m:
            with_carry(self.spaces, statement, active)
        elif name in MEMORY_OPS:
            MEMORY_OPS[name](self.spaces, statement, active)
        elif name in OPS:
            allowed, semantics = OPS[name]
            unknown = [x for x in m[:-1] if x not in allowed]
            if unknown:
                raise PtxError(f"modifier .{unknown[0]} is not modelled")
            read = self.lanes.read
            result = semantics(m, lambda i, t: read(statement.operands[i], t, lanes))
            self._store(statement, result, lanes)
        elif name not in NO_EFFECT:
            raise PtxError(f"unknown instruction {name}")

    def _store(self, statement: Statement, result: Any, lanes: Ints | slice) -> None:
        target = statement.operands[0]
        if isinstance(target, Group) and target.pair:
            for item, value in zip(target.items, result):
                self.lanes.write(item, value, lanes)
            return
        value = result[0] if isinstance(result, tuple) else result
        self.lanes.write(target, value, lanes)

    def branch(self, statement: Statement, active: Ints) -> None:
        self.lanes.pc[active] = self._label(statement.operands[-1].name)  # type: ignore[union-attr]

    def branch_table(self, statement: Statement, active: Ints) -> None:
        index = self.lanes.read(statement.operands[0], DTYPES["u32"], active)
        targets = self.kernel.tables[statement.operands[1].name]  # type: ignore[union-attr]
        if (index >= len(targets)).any():
            raise PtxError(f"branch index out of range: there are {len(targets)} targets")
        self.lanes.pc[active] = np.array([self._label(t) for t in targets])[index]

    def _label(self, name: str) -> int:
        if name not in self.kernel.labels:
            raise PtxError(f"unknown label {name}")
        return self.kernel.labels[name]

    def leave(self, statement: Statement, active: Ints) -> None:
        self.lanes.exit(active)

    def trap(self, statement: Statement, active: Ints) -> None:
        if active.size:
            raise PtxError(f"trap in {self.lanes.where(int(active[0]))}")


_CONTROL: dict[str, Callable[[_Run, Statement, Ints], None]] = {
    "bra": _Run.branch,
    "brx": _Run.branch_table,
    "ret": _Run.leave,
    "exit": _Run.leave,
    "trap": _Run.trap,
}
