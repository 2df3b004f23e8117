"""`run_program`: the host function of a Program for the GPU, its kernels run by a `Machine`.

The simulator is one machine, a device driven through cupy another; both get the same text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from tests.ptx.simulator import Device
from tests.ptx.simulator import launch as simulate
from tracejit.codegen_ptx.lower import PARTED, KernelInfo, PtxProgram
from tracejit.codegen_ptx.parameters import Argument
from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.exceptions import exception_type
from tracejit.ir.extent import Dim, evaluate
from tracejit.ir.types import BufferType


class Machine(Protocol):
    """Global memory, and kernels that run on it."""

    def put(self, data: np.ndarray) -> int: ...
    def empty(self, size: int) -> int: ...
    def get(self, address: int, size: int) -> np.ndarray: ...
    def launch(self, name: str, grid: int, block: int, args: Sequence[Any]) -> None: ...


class Simulator:
    """The PTX interpreter; `steps` counts instructions."""

    def __init__(self, text: str) -> None:
        self.text, self.device, self.steps = text, Device(), 0

    def put(self, data: np.ndarray) -> int:
        return self.device.put(data)

    def empty(self, size: int) -> int:
        return self.device.empty(max(size, 1), np.uint8)

    def get(self, address: int, size: int) -> np.ndarray:
        return self.device.get(address, size, np.uint8)

    def launch(self, name: str, grid: int, block: int, args: Sequence[Any]) -> None:
        self.steps += simulate(self.device, self.text, name, grid, block, args)


class CupyMachine:
    """The current CUDA device."""

    def __init__(self, text: str) -> None:
        import cupy

        from tracejit.codegen_ptx.launch import load

        self.cupy, self.kernels = cupy, load(text)
        self.arrays: list[Any] = []

    def put(self, data: np.ndarray) -> int:
        address = self.empty(data.nbytes)
        self.arrays[-1][: data.nbytes] = self.cupy.asarray(np.ascontiguousarray(data))
        return address

    def empty(self, size: int) -> int:
        self.arrays.append(self.cupy.full(max(size, 1), 0xCD, np.uint8))
        return int(self.arrays[-1].data.ptr)

    def get(self, address: int, size: int) -> np.ndarray:
        for array in self.arrays:
            start = address - int(array.data.ptr)
            if 0 <= start and start + size <= array.size:
                return array[start : start + size].get()
        raise AssertionError("no such memory")

    def launch(self, name: str, grid: int, block: int, args: Sequence[Any]) -> None:
        exact = [np.uint64(a) if isinstance(a, int) else a for a in args]
        self.kernels.launch(name, grid, block, exact)


Env = dict[Value, Any]


def run_program(ptx: PtxProgram, args: Sequence[Any], machine: Machine) -> list[np.ndarray]:
    """The program's results for scalars and arrays. Arrays that it writes are written."""
    assert not ptx.on_host, ptx.on_host
    return _Run(ptx, machine).run(args)


class _Run:
    def __init__(self, ptx: PtxProgram, machine: Machine) -> None:
        self.ptx, self.machine = ptx, machine
        self.copied: list[tuple[int, np.ndarray]] = []

    def run(self, args: Sequence[Any]) -> list[np.ndarray]:
        program, env = self.ptx.program, {}
        for slot, value in zip(program.slots, program.host.params, strict=True):
            if slot.kind == "scalar":
                env[value] = np.asarray(args[slot.index]).astype(value.dtype)[()]
            elif slot.kind == "stride":
                env[value] = np.int64(args[slot.index].strides[slot.axis])
            elif slot.kind == "array":
                env[value] = self._upload(args[slot.index], slot.index in program.writes)
            else:
                env[value] = self.machine.empty(self._size(value, env))
        places = {s.index: v for s, v in zip(program.slots, program.host.params) if s.kind == "out"}
        found = self._call(program.host, env)
        for address, raw in self.copied:
            raw[:] = self.machine.get(address, raw.size)
        results = []
        for k, result in enumerate(program.results):
            if result.kind == "scalar":
                results.append(np.asarray(found[result.first]))
            elif result.kind == "out":
                shape = _numbers(places[k].shape, env)
                results.append(self._array(env[places[k]], shape, result.type.dtype))
            else:
                extents = found[result.first + 1 : result.first + 1 + result.type.rank]
                shape = tuple(int(n) for n in extents)
                results.append(self._array(found[result.first], shape, result.type.dtype))
        return results

    def _upload(self, array: np.ndarray, written: bool) -> int:
        """All bytes that an array spans, so that its strides hold on the device."""
        if not array.size:
            return self.machine.empty(0)
        low, high = np.lib.array_utils.byte_bounds(array)
        start = array.__array_interface__["data"][0]
        raw = np.asarray(_Span(low, high - low, array))
        address = self.machine.put(raw)
        if written:
            self.copied.append((address, raw))
        return address + start - low

    def _array(self, address: int, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        if size == 0:
            return np.empty(shape, dtype)
        return self.machine.get(address, size).view(dtype).reshape(shape)

    def _size(self, value: Value, env: Env) -> int:
        shape = _numbers(value.shape, env)
        return int(np.prod(shape, dtype=np.int64)) * value.dtype.itemsize

    def _call(self, function: Function, env: Env) -> list[Any]:
        for instr in function.instrs:
            rule = _RULES.get(instr.name)
            if rule is not None:
                results = rule(self, instr, env)
            else:
                results = _scalar(instr, env)
            env.update(zip(instr.results, results, strict=True))
        return [env[r] for r in function.results]

    # -- statements ----------------------------------------------------------------------------

    def alloc(self, instr: Instr, env: Env) -> Sequence[Any]:
        return (self.machine.empty(self._size(instr.result, env)),)

    def free(self, instr: Instr, env: Env) -> Sequence[Any]:
        return ()

    def view(self, instr: Instr, env: Env) -> Sequence[Any]:
        base, offset = (env[v] for v in instr.operands)
        return (base + int(offset),)

    def const_buffer(self, instr: Instr, env: Env) -> Sequence[Any]:
        data = np.frombuffer(instr.attrs["value"].array.tobytes(), np.uint8)
        return (self.machine.put(data) if data.size else self.machine.empty(0),)

    def fetch(self, instr: Instr, env: Env) -> Sequence[Any]:
        buffer, *index = instr.operands
        assert isinstance(buffer.type, BufferType)
        strides = _numbers(buffer.type.strides, env)
        offset = sum(int(env[v]) * s for v, s in zip(index, strides, strict=True))
        raw = self.machine.get(env[buffer] + offset, buffer.dtype.itemsize)
        return (raw.view(buffer.dtype)[0],)

    def constant(self, instr: Instr, env: Env) -> Sequence[Any]:
        return (instr.attrs["value"].array[()],)

    def for_(self, instr: Instr, env: Env) -> Sequence[Any]:
        trip, *rest = [env[v] for v in instr.operands]
        carried, consts = rest[: instr.attrs["carried"]], rest[instr.attrs["carried"] :]
        (body,) = instr.regions
        for i in range(int(trip)):
            given = [np.int64(i), *carried, *consts]
            carried = self._call(body, dict(zip(body.params, given, strict=True)))
        return carried

    def while_(self, instr: Instr, env: Env) -> Sequence[Any]:
        values = [env[v] for v in instr.operands]
        carried, consts = values[: instr.attrs["carried"]], values[instr.attrs["carried"] :]
        test, body = instr.regions
        while self._call(test, dict(zip(test.params, [*carried, *consts], strict=True)))[0]:
            carried = self._call(body, dict(zip(body.params, [*carried, *consts], strict=True)))
        return carried

    def cond(self, instr: Instr, env: Env) -> Sequence[Any]:
        pred, *given = [env[v] for v in instr.operands]
        region = instr.regions[0 if pred else 1]
        return self._call(region, dict(zip(region.params, given, strict=True)))

    def raise_(self, instr: Instr, env: Env) -> Sequence[Any]:
        payload = [env[v].item() for v in instr.operands[instr.name == "check" :]]
        raise exception_type(instr.attrs["exc"])(instr.attrs["message"].format(*payload))

    def check(self, instr: Instr, env: Env) -> Sequence[Any]:
        return () if env[instr.operands[0]] else self.raise_(instr, env)

    def launch(self, instr: Instr, env: Env) -> Sequence[Any]:
        """All kernels of a launch, one after another."""
        results = [self.machine.empty(r.dtype.itemsize) for r in instr.results]
        (kernel,) = instr.regions
        inner = dict(zip(kernel.params, [env[v] for v in instr.operands], strict=True))
        partials: dict[int, int] = {}
        blocks = 0
        for info in self.ptx.launches[instr]:
            grid = info.grid(lambda v: int(inner[v]))
            if info.stage in PARTED:
                blocks = grid
                partials = self._partials(info, grid)
            given = []
            for a in info.params:
                if a.source == "blocks":
                    given.append(np.int64(blocks))
                elif a.source == "operand":
                    given.append(_operand(a, [env[v] for v in instr.operands]))
                else:
                    given.append(_address(a, results if a.source == "result" else partials))
            self.machine.launch(info.name, grid, info.block, given)
        return [
            self.machine.get(at, r.dtype.itemsize).view(r.dtype)[0]
            for at, r in zip(results, instr.results, strict=True)
        ]

    def gemm(self, instr: Instr, env: Env) -> Sequence[Any]:
        return self.launch(self.ptx.products[instr], env)

    def _partials(self, info: KernelInfo, grid: int) -> dict[Any, int]:
        wanted = [a for a in info.params if a.source == "partial"]
        return {
            (a.index, a.part): self.machine.empty(info.left(grid) * a.param.dtype.itemsize)
            for a in wanted
        }


def _operand(argument: Argument, operands: Sequence[Any]) -> Any:
    value = operands[argument.index]
    if argument.param.buffer:
        return value
    if value.dtype.kind == "c":
        value = value.imag if argument.part else value.real
    return value.astype(argument.param.dtype)


def _address(argument: Argument, places: Any) -> int:
    if argument.source == "partial":
        return int(places[argument.index, argument.part])
    return int(places[argument.index]) + argument.part * argument.param.dtype.itemsize


def _scalar(instr: Instr, env: Env) -> Sequence[Any]:
    assert instr.prim.eval is not None, f"{instr.name} has no reference"
    with np.errstate(all="ignore"):
        got = instr.prim.eval(*[np.asarray(env[v]) for v in instr.operands], **instr.attrs)
    return [np.asarray(g)[()] for g in (got if isinstance(got, tuple) else (got,))]


def _numbers(dims: Sequence[Dim], env: Env) -> tuple[int, ...]:
    return tuple(evaluate(d, lambda leaf: int(env[leaf])) for d in dims)


class _Span:
    """Raw bytes, kept alive by the array that they belong to."""

    def __init__(self, address: int, size: int, base: Any) -> None:
        self.base = base
        self.__array_interface__ = {
            "data": (address, False),
            "shape": (size,),
            "typestr": "|u1",
            "version": 3,
        }


_RULES: dict[str, Callable[[_Run, Instr, Env], Sequence[Any]]] = {
    "alloc": _Run.alloc,
    "free": _Run.free,
    "view": _Run.view,
    "const_buffer": _Run.const_buffer,
    "fetch": _Run.fetch,
    "constant": _Run.constant,
    "for": _Run.for_,
    "while": _Run.while_,
    "cond": _Run.cond,
    "raise": _Run.raise_,
    "check": _Run.check,
    "launch": _Run.launch,
    "gemm": _Run.gemm,
}
