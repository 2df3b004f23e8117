"""Runs a Program with NumPy on byte buffers, one instruction at a time.

Between the tensor-level oracle (`interpreter.py`) and native code: what differs from the oracle
here is a bug of the lowering, what differs from native code a bug of the code generator. Every
access is checked to lie inside memory that is still allocated; fresh memory is filled with a
pattern.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

import numpy as np

from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.exceptions import exception_type
from tracejit.ir.extent import Dim, evaluate
from tracejit.ir.interpret.print_effect import formatted, print_values
from tracejit.ir.interpret.recursions import innermost, under_way
from tracejit.ir.program import Program, ProgramResult
from tracejit.ir.types import BufferType, TensorType
from tracejit.records import dataclass

_PATTERN = 0xCD


class MemoryFaultError(AssertionError):
    """An access outside a buffer, to freed memory, or a leak: a bug of the lowering."""


@dataclass(eq=False)
class Memory:
    """One allocation, or the bytes that an argument spans."""

    data: np.ndarray[Any, np.dtype[np.uint8]]
    alive: bool = True
    constant: bool = False


@dataclass(frozen=True, eq=False)
class Buffer:
    """A place in a memory; its shape and strides are in the type of the value."""

    memory: Memory
    offset: int


Env = dict[Value, Any]


@dataclass
class Traffic:
    """What a run does to memory: elements loaded and stored by kernels, and bytes owned at most.

    ``taped`` is the part of the bytes that the tape of a derivative takes.
    """

    loads: int = 0
    stores: int = 0
    bytes: int = 0
    taped: int = 0
    peak: int = 0

    def hold(self, size: int) -> None:
        """Memory that is owned from here on (negative: no longer)."""
        self.bytes += size
        self.peak = max(self.peak, self.bytes + self.taped)

    def tape(self, size: int) -> None:
        """The tape grows."""
        self.taped += size
        self.peak = max(self.peak, self.bytes + self.taped)


@dataclass
class _Machine:
    traffic: Traffic
    owned: list[Memory] = field(default_factory=list)

    def allocate(self, size: int) -> Buffer:
        if size < 0:
            raise MemoryFaultError(f"an allocation of {size} bytes")
        memory = Memory(np.full(size, _PATTERN, np.uint8))
        self.owned.append(memory)
        self.traffic.hold(size)
        return Buffer(memory, 0)


def interpret_program(
    program: Program, args: Sequence[Any], traffic: Traffic | None = None
) -> list[Any]:
    """Results of a Program for scalars and arrays, as `CompiledProgram.call` gives them.

    Arrays that the Program writes are written; ``traffic`` is added to. Raises what the program
    raises, and `MemoryFaultError` where it touches memory that it may not.
    """
    machine = _Machine(Traffic() if traffic is None else traffic)
    env: Env = {}
    outs: dict[int, np.ndarray[Any, Any]] = {}
    for slot, value in zip(program.slots, program.host.params, strict=True):
        if slot.kind == "scalar":
            env[value] = np.asarray(args[slot.index]).astype(value.dtype)[()]
        elif slot.kind == "stride":
            env[value] = np.int64(args[slot.index].strides[slot.axis])
        elif slot.kind == "array":
            env[value] = _argument(args[slot.index], value, env)
        else:
            outs[slot.index] = np.zeros(_numbers(value.shape, env), value.dtype)
            env[value] = _argument(outs[slot.index], value, env)
    results = _run(machine, program.host, env)
    return [
        outs[k] if r.kind == "out" else _result(r, results) for k, r in enumerate(program.results)
    ]


def _argument(array: Any, value: Value, env: Env) -> Buffer:
    if array.dtype != value.dtype or array.shape != _numbers(value.shape, env):
        raise TypeError(f"{value.type} is wanted, not {array.dtype} of shape {array.shape}")
    assert isinstance(value.type, BufferType)
    strides = _numbers(value.type.strides, env)
    if array.size and any(
        s != t and n > 1 for s, t, n in zip(array.strides, strides, array.shape, strict=True)
    ):
        raise TypeError(f"strides {strides} are wanted, not {array.strides}")
    low, high = np.lib.array_utils.byte_bounds(array)
    start = array.__array_interface__["data"][0]
    if array.size == 0:
        return Buffer(Memory(np.zeros(0, np.uint8)), 0)
    spans = _Span(low, high - low, array)
    return Buffer(Memory(np.asarray(spans)), start - low)


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


def _result(result: ProgramResult, results: Sequence[Any]) -> Any:
    first = results[result.first]
    if result.kind == "scalar":
        return first
    rank = result.type.rank
    shape = tuple(int(n) for n in results[result.first + 1 : result.first + 1 + rank])
    count = int(np.prod(shape, dtype=np.int64)) * result.type.dtype.itemsize
    _check(first, 0, count)
    raw = first.memory.data[first.offset : first.offset + count]
    return raw.view(result.type.dtype).reshape(shape).copy()


def _numbers(dims: Sequence[Dim], env: Env) -> tuple[int, ...]:
    return tuple(evaluate(d, lambda leaf: int(env[leaf])) for d in dims)  # type: ignore[index]


def _run(machine: _Machine, function: Function, env: Env) -> list[Any]:
    for instr in function.instrs:
        results = _step(machine, instr, env)
        env.update(zip(instr.results, results, strict=True))
    return [env[r] for r in function.results]


def _call(machine: _Machine, region: Function, args: Sequence[Any]) -> list[Any]:
    return _run(machine, region, dict(zip(region.params, args, strict=True)))


def _step(machine: _Machine, instr: Instr, env: Env) -> Sequence[Any]:
    rule = _RULES.get(instr.name)
    if rule is not None:
        return rule(machine, instr, env)
    assert instr.prim.eval is not None, f"{instr.name} has no reference"
    args = [np.asarray(env[v]) for v in instr.operands]
    with np.errstate(all="ignore"):
        got = instr.prim.eval(*args, **instr.attrs)
    results = got if isinstance(got, tuple) else (got,)
    return [np.asarray(g)[()] for g in results]


# -- memory ------------------------------------------------------------------------------------


def _check(buffer: Buffer, offset: int, size: int) -> int:
    start = buffer.offset + offset
    if not buffer.memory.alive:
        raise MemoryFaultError("freed memory is used")
    if size and not 0 <= start <= len(buffer.memory.data) - size:
        raise MemoryFaultError(f"byte {start} of {len(buffer.memory.data)}")
    return start


def _place(instr: Instr, buffer: Value, index: Sequence[Value], env: Env) -> tuple[Buffer, int]:
    assert isinstance(buffer.type, BufferType)
    at = [int(env[v]) for v in index]
    for i, n in zip(at, _numbers(buffer.type.shape, env), strict=True):
        if not 0 <= i < n:
            raise MemoryFaultError(f"{instr.name} at {at} of {buffer.type}")
    strides = _numbers(buffer.type.strides, env)
    found = env[buffer]
    offset = sum(i * s for i, s in zip(at, strides, strict=True))
    return found, _check(found, offset, buffer.dtype.itemsize)


def _load(machine: _Machine, instr: Instr, env: Env) -> Sequence[Any]:
    buffer, *index = instr.operands
    found, at = _place(instr, buffer, index, env)
    machine.traffic.loads += 1
    raw = found.memory.data[at : at + buffer.dtype.itemsize].tobytes()
    return (np.frombuffer(raw, buffer.dtype)[0],)


def _store(machine: _Machine, instr: Instr, env: Env) -> Sequence[Any]:
    buffer, value, *index = instr.operands
    found, at = _place(instr, buffer, index, env)
    if found.memory.constant:
        raise MemoryFaultError("a literal array is written")
    machine.traffic.stores += 1
    raw = np.asarray(env[value], buffer.dtype).tobytes()
    found.memory.data[at : at + len(raw)] = np.frombuffer(raw, np.uint8)
    return ()


def _size(type_: BufferType, env: Env) -> int:
    return int(np.prod(_numbers(type_.shape, env), dtype=np.int64)) * type_.dtype.itemsize


def _alloc(machine: _Machine, instr: Instr, env: Env) -> Sequence[Any]:
    return (machine.allocate(_size(instr.attrs["type"], env)),)


def _free(machine: _Machine, instr: Instr, env: Env) -> Sequence[Any]:
    buffer = env[instr.operands[0]]
    _check(buffer, 0, 0)
    if buffer.memory not in machine.owned:
        raise MemoryFaultError("memory that is not owned is freed")
    machine.owned.remove(buffer.memory)
    machine.traffic.hold(-len(buffer.memory.data))
    buffer.memory.alive = False
    return ()


def _view(machine: _Machine, instr: Instr, env: Env) -> Sequence[Any]:
    base = env[instr.operands[0]]
    return (Buffer(base.memory, base.offset + int(env[instr.operands[1]])),)


def _const_buffer(machine: _Machine, instr: Instr, env: Env) -> Sequence[Any]:
    data = np.frombuffer(instr.attrs["value"].array.tobytes(), np.uint8)
    return (Buffer(Memory(data, constant=True), 0),)


def array_of(value: Value, env: Mapping[Value, Any]) -> np.ndarray[Any, Any]:
    """A buffer as an array over the same memory."""
    type_, found = value.type, env[value]
    assert isinstance(type_, BufferType)
    shape, strides = _numbers(type_.shape, dict(env)), _numbers(type_.strides, dict(env))
    if 0 in shape:
        return np.empty(shape, type_.dtype)
    span = [(n - 1) * s for n, s in zip(shape, strides, strict=True)]
    low, high = sum(min(0, s) for s in span), sum(max(0, s) for s in span)
    _check(found, low, high - low + type_.dtype.itemsize)
    return np.ndarray(shape, type_.dtype, found.memory.data.data, found.offset, strides)


# -- control and the rest ----------------------------------------------------------------------


def _for(machine: _Machine, instr: Instr, env: Env) -> Sequence[Any]:
    trip, *rest = [env[v] for v in instr.operands]
    count = instr.attrs["carried"]
    carried, consts = rest[:count], rest[count:]
    for i in range(int(trip)):
        carried = _call(machine, instr.regions[0], [np.int64(i), *carried, *consts])
    return carried


def _while(machine: _Machine, instr: Instr, env: Env) -> Sequence[Any]:
    values = [env[v] for v in instr.operands]
    count = instr.attrs["carried"]
    carried, consts = values[:count], values[count:]
    test, body = instr.regions
    while bool(_call(machine, test, [*carried, *consts])[0]):
        carried = _call(machine, body, [*carried, *consts])
    return carried


def _cond(machine: _Machine, instr: Instr, env: Env) -> Sequence[Any]:
    pred, *args = [env[v] for v in instr.operands]
    return _call(machine, instr.regions[0 if bool(pred) else 1], args)


def _recursion(machine: _Machine, instr: Instr, env: Env) -> Sequence[Any]:
    args = [env[v] for v in instr.operands]
    with under_way(instr, args[instr.attrs["args"] :]):
        return _call(machine, instr.regions[0], args)


def _recur(machine: _Machine, instr: Instr, env: Env) -> Sequence[Any]:
    around, outer = innermost()
    return _call(machine, around.regions[0], [*(env[v] for v in instr.operands), *outer])


def _launch(machine: _Machine, instr: Instr, env: Env) -> Sequence[Any]:
    return _call(machine, instr.regions[0], [env[v] for v in instr.operands])


def _raise(machine: _Machine, instr: Instr, env: Env) -> Sequence[Any]:
    payload = instr.operands[1:] if instr.name == "check" else instr.operands
    values = [env[v].item() for v in payload]
    raise exception_type(instr.attrs["exc"])(formatted(instr.attrs["message"], values))


def _check_instr(machine: _Machine, instr: Instr, env: Env) -> Sequence[Any]:
    return () if bool(env[instr.operands[0]]) else _raise(machine, instr, env)


def _sum_pairwise(machine: _Machine, instr: Instr, env: Env) -> Sequence[Any]:
    count, *consts = [env[v] for v in instr.operands]
    (element,) = instr.regions
    rows = [_call(machine, element, [np.int64(i), *consts]) for i in range(int(count))]
    with np.errstate(all="ignore"):
        return [
            np.array([row[k] for row in rows], r.dtype).sum(dtype=r.dtype)
            for k, r in enumerate(element.results)
        ]


def _true(machine: _Machine, mask: Function, n: Any, consts: Sequence[Any]) -> Iterator[np.int64]:
    """The positions where a mask holds; each one is asked before the next is used."""
    for i in range(int(n)):
        if bool(_call(machine, mask, [np.int64(i), *consts])[0]):
            yield np.int64(i)


def _for_true(machine: _Machine, instr: Instr, env: Env) -> Sequence[Any]:
    n, *rest = [env[v] for v in instr.operands]
    count = instr.attrs["carried"]
    carried, consts = rest[:count], rest[count:]
    mask, body = instr.regions
    for i in _true(machine, mask, n, consts):
        carried = _call(machine, body, [i, *carried, *consts])
    return carried


def _sum_true(machine: _Machine, instr: Instr, env: Env) -> Sequence[Any]:
    count, n, *consts = [env[v] for v in instr.operands]
    mask, element = instr.regions
    found = [_call(machine, element, [i, *consts])[0] for i in _true(machine, mask, n, consts)]
    if len(found) != int(count):
        raise MemoryFaultError(f"{len(found)} elements where {count} were counted")
    dtype = instr.result.dtype
    with np.errstate(all="ignore"):
        return [np.array(found, dtype).sum(dtype=dtype)]


def _gemm(machine: _Machine, instr: Instr, env: Env) -> Sequence[Any]:
    a, b, c = (array_of(v, env) for v in instr.operands)
    with np.errstate(all="ignore"):
        c[...] = a @ b + (c if instr.attrs.get("beta", 0) else 0)
    return ()


def _contents(value: Value, env: Env) -> Any:
    return array_of(value, env).copy() if isinstance(value.type, BufferType) else env[value]


def _tape_push(machine: _Machine, instr: Instr, env: Env) -> Sequence[Any]:
    tape, *values = instr.operands
    pushed = [_contents(v, env) for v in values]
    machine.traffic.tape(sum(v.nbytes for v in pushed))
    return ((env[tape], pushed),)


def _tape_pop(machine: _Machine, instr: Instr, env: Env) -> Sequence[Any]:
    rest, values = env[instr.operands[0]]
    machine.traffic.tape(-sum(v.nbytes for v in values))
    dests, scalars = iter(instr.operands[1:]), []
    for value, is_array in zip(values, instr.attrs["order"], strict=True):
        if is_array:
            array_of(next(dests), env)[...] = value
        else:
            scalars.append(value)
    return (rest, *scalars)


def _host_call(machine: _Machine, instr: Instr, env: Env) -> Sequence[Any]:
    count, order = instr.attrs["inputs"], instr.attrs["order"]
    got = instr.attrs["fn"](*[_contents(v, env) for v in instr.operands[:count]])
    answers = got if len(order) != 1 or isinstance(got, tuple | list) else (got,)
    dests, types, scalars = iter(instr.operands[count:]), iter(instr.results), []
    for value, is_array in zip(answers, order, strict=True):
        if is_array:
            array_of(next(dests), env)[...] = value
        else:
            scalars.append(np.asarray(value).astype(next(types).dtype)[()])
    return scalars


def _print(machine: _Machine, instr: Instr, env: Env) -> Sequence[Any]:
    print_values(instr.attrs, [_contents(v, env) for v in instr.operands])
    return ()


def _constant(machine: _Machine, instr: Instr, env: Env) -> Sequence[Any]:
    assert isinstance(instr.result.type, TensorType)
    return (instr.attrs["value"].array[()],)


_RULES: dict[str, Callable[[_Machine, Instr, Env], Sequence[Any]]] = {
    "constant": _constant,
    "load": _load,
    "fetch": _load,
    "store": _store,
    "alloc": _alloc,
    "free": _free,
    "view": _view,
    "const_buffer": _const_buffer,
    "for": _for,
    "while": _while,
    "cond": _cond,
    "recursion": _recursion,
    "recur": _recur,
    "launch": _launch,
    "raise": _raise,
    "check": _check_instr,
    "sum_pairwise": _sum_pairwise,
    "for_true": _for_true,
    "sum_true": _sum_true,
    "gemm": _gemm,
    "tape": lambda machine, instr, env: (None,),
    "tape_push": _tape_push,
    "tape_pop": _tape_pop,
    "host_call": _host_call,
    "print": _print,
}
