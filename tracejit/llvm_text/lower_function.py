"""What lowering a Program carries along: one `Module`, and one `FunctionText` per LLVM function.

The rules for the instructions are elsewhere (`lower_control.py`, `lower_memory.py`, …); they get a
`FunctionText` and an instruction. A scalar is a `Reg` or a `ComplexPair`, a buffer or tape a
`Pointer`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any, TypeAlias

import tracejit.ir.ops  # noqa: F401  (enters the op table)
from tracejit.dtypes import is_complex, part_of
from tracejit.ir import extent as ex
from tracejit.ir.core import TABLE, Function, Instr, Value
from tracejit.ir.scalar.emit import I64, ComplexPair
from tracejit.ir.traits import Trait
from tracejit.ir.types import TensorType, Type
from tracejit.llvm_text.emit import LLVMEmitter, Reg, literal, llvm_type
from tracejit.llvm_text.tables import ErrorTable, HostCalls
from tracejit.records import dataclass


@dataclass(frozen=True, eq=False)
class Pointer:
    """An LLVM pointer: the data of a buffer, or a tape."""

    text: str
    type: str = "ptr"

    def __str__(self) -> str:
        return f"ptr {self.text}"


Scalar: TypeAlias = Reg | ComplexPair | Pointer
Rule: TypeAlias = Callable[["FunctionText", Instr], None]


@dataclass
class Module:
    """Everything of the module besides the function at hand."""

    rules: Mapping[str, Rule]
    errors: ErrorTable = field(default_factory=ErrorTable)
    host: HostCalls = field(default_factory=HostCalls)
    functions: list[str] = field(default_factory=list)
    declares: dict[str, str] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    symbols: dict[str, int] = field(default_factory=dict)
    #: The number of each metadata node by its text.
    metadata: dict[str, int] = field(default_factory=dict)
    #: Calls of the host that are as short as arithmetic.
    light: Callable[[Instr], bool] = field(default=lambda instr: False)
    #: How the loops at the top of a launch's kernel are shared out among threads.
    schedule: Callable[[Instr], Mapping[Instr, Any]] = field(default=lambda launch: {})
    #: Whether there are threads that share work.
    threads: bool = False
    #: Whether functions may take kilobytes of the stack for a moment.
    deep_stack: bool = True
    #: Whether what is called may leave a Python exception behind, without saying so.
    leaves_errors: bool = False
    #: The function that each kernel became, where it became one.
    kernels: dict[Instr, str] = field(default_factory=dict)
    _shared: dict[str, str] = field(default_factory=dict)

    def declare(self, line: str) -> None:
        """Make an external function callable; `line` is its `declare`."""
        symbol = line[line.index("@") :].split("(")[0]
        self.declares[symbol] = line

    def once(self, symbol: str, text: str) -> str:
        """Define a helper function unless it is there; its symbol."""
        if symbol not in self._shared.values():
            self._shared[symbol] = symbol
            self.functions.append(text)
        return symbol

    def define(self, hint: str, text: Callable[[str], str]) -> str:
        """Define the internal function `text(symbol)`; equal functions are defined once."""
        key = text("@")
        symbol = self._shared.get(key)
        if symbol is None:
            symbol = self._shared[key] = f"@{hint}.{len(self.functions)}"
            self.functions.append(text(symbol))
        return symbol

    def node(self, text: str) -> str:
        """The name of the metadata node with this text."""
        return f"!{self.metadata.setdefault(text, len(self.metadata))}"

    def loop_node(self, *hints: str) -> str:
        """The name of a node that says how loops are to be compiled."""
        nodes = ", ".join(map(self.node, hints))
        return self.node(f"distinct !{{SELF, {nodes}}}")

    def text(self) -> str:
        """The module; functions in order of completion, tables and declarations sorted."""
        tables = [self.tables[k] for k in sorted(self.tables)]
        declares = [self.declares[k] for k in sorted(self.declares)]
        nodes = [f"!{k} = {text.replace('SELF', f'!{k}')}" for text, k in self.metadata.items()]
        return "\n".join([*tables, *declares, *self.functions, *nodes, ""])


class FunctionText:
    """One LLVM function under construction."""

    #: An address in the memory that buffers lie in.
    address_type: type[Pointer] = Pointer

    def __init__(self, module: Module, *, kernel: bool) -> None:
        self.module = module
        self.kernel = kernel
        self.entry: list[str] = []
        self.e = LLVMEmitter([], declares=module.declares, tables=module.tables)
        self.env: dict[Value, Any] = {}
        self.fails = False
        self.on_stack: set[Value] = set()
        self.stack_bytes = 0
        self.extremes: set[Instr] = set()
        self.leaving: list[str] = []
        #: Where the iterations of a loop begin and end when they are not all there are.
        self.spans: dict[Instr, tuple[Reg, Reg]] = {}
        #: The schedule of a kernel.
        self.shared: Mapping[Instr, Any] = {}
        self._kept: dict[Any, Pointer] = {}
        #: Pointers to memory that no other pointer of the function reaches.
        self.alone: set[str] = set()
        self.stores = True
        #: How the recursion is called whose function this is (see ``recursions``).
        self.recursion: object = None
        self._numbers = itertools.count()

    # -- values --------------------------------------------------------------------------------

    def scalar(self, value: Value) -> Any:
        """The register(s) or pointer of a value."""
        return self.env[value]

    def pointer(self, value: Value) -> Pointer:
        """The data pointer of a buffer."""
        found = self.env[value]
        assert isinstance(found, Pointer)
        return found

    def bind(self, values: Iterable[Value], scalars: Iterable[Any]) -> None:
        """Remember what values are."""
        self.env.update(zip(values, scalars, strict=True))

    def const(self, number: int) -> Reg:
        """An i64 literal."""
        return Reg(str(number), I64)

    def dim(self, dim: ex.Dim) -> Reg:
        """The i64 of an extent or stride."""
        if isinstance(dim, int):
            return self.const(dim)
        total: Reg | None = None
        for mono, coef in dim.terms.items():
            term: Reg | None = None if coef == 1 and mono else self.const(coef)
            for atom, power in mono:
                factor = self._atom(atom)
                for _ in range(power):
                    term = factor if term is None else self.mul(term, factor)
            assert term is not None
            total = term if total is None else self.add(total, term)
        assert total is not None
        return total

    def _atom(self, atom: ex.Atom) -> Reg:
        if isinstance(atom, Value):
            found = self.env[atom]
            assert isinstance(found, Reg)
            return found
        assert isinstance(atom, ex.Opaque), atom
        name = {"floordiv": "floor_divide", "mod": "remainder"}.get(atom.kind, atom.kind + "imum")
        lower = TABLE[name].lower
        assert lower is not None
        out = lower(self.e, self.dim(atom.a), self.dim(atom.b))
        assert isinstance(out, Reg)
        return out

    def add(self, a: Reg, b: Reg) -> Reg:
        """i64 addition that cannot overflow (offsets inside one allocation)."""
        if number(a) == 0:
            return b
        return a if number(b) == 0 else self.e.op(I64, f"add nsw {a}, {b.text}")

    def mul(self, a: Reg, b: Reg) -> Reg:
        """i64 multiplication that cannot overflow."""
        x, y = number(a), number(b)
        if x is not None and y is not None:
            return self.const(x * y)
        if x == 1:
            return b
        return a if y == 1 else self.e.op(I64, f"mul nsw {a}, {b.text}")

    # -- code ----------------------------------------------------------------------------------

    def run(self, function: Function, args: Sequence[Any]) -> bool:
        """Lower a region here, its parameters bound to `args`; False when it always raises."""
        self.bind(function.params, args)
        for instr in function.instrs:
            self.instr(instr)
        return not function.diverges

    def instr(self, instr: Instr) -> None:
        """Lower one instruction."""
        rule = self.module.rules.get(instr.name)
        if rule is not None:
            rule(self, instr)
        else:
            self.scalar_instr(instr)

    def scalar_instr(self, instr: Instr) -> None:
        """Lower one instruction by its row."""
        if instr in self.extremes:
            self.env[instr.result] = self.e.intrinsic(
                instr.name, instr.result.dtype, *[self.env[v] for v in instr.operands]
            )
            return
        if instr.prim.lower is None:
            raise NotImplementedError(f"no native code for {instr.name}")
        out = instr.prim.lower(self.e, *[self.env[v] for v in instr.operands], **instr.attrs)
        self.bind(instr.results, out if isinstance(out, tuple) else (out,))

    def results(self, function: Function) -> list[Any]:
        """What a region that was run yields."""
        return [self.env[r] for r in function.results]

    def fail(self) -> str:
        """The label of the one block that reports failure."""
        self.fails = True
        return "fail"

    def stack(self, type_: str, align: int = 8) -> Pointer:
        """Memory that lives as long as the call of this LLVM function."""
        name = f"%stack.{next(self._numbers)}"
        self.entry.append(f"  {name} = alloca {type_}, align {align}")
        return Pointer(name)

    def kept(self, key: object, new: Callable[[], Pointer]) -> Pointer:
        """Memory that the call has one of for each key, made at first use."""
        if key not in self._kept:
            self._kept[key] = new()
        return self._kept[key]

    def leaves(self, line: str) -> None:
        """Code to be run on every way out of the function."""
        if line not in self.leaving:
            self.leaving.append(line)

    def at(self, base: Pointer, offset: Reg | int, bound: str = "inbounds ") -> Pointer:
        """`base` moved by bytes."""
        text = str(offset) if isinstance(offset, int) else offset.text
        if text == "0":
            return base
        name = self.e.fresh()
        self.e.line(f"{name} = getelementptr {bound}i8, {base}, i64 {text}")
        return self.address_type(name)

    def call_pointer(self, text: str) -> Pointer:
        """A call that returns a pointer, null having been reported as failure."""
        name, good = self.e.fresh(), self.e.fresh_label("got")
        null = self.e.fresh()
        self.e.line(f"{name} = call ptr {text}")
        self.e.line(f"{null} = icmp eq ptr {name}, null")
        self.e.line(f"br i1 {null}, label %{self.fail()}, label %{good}")
        self.e.label(good)
        return Pointer(name)

    def call_status(self, text: str) -> None:
        """A call whose nonzero i32 means failure."""
        status, bad, good = self.e.fresh(), self.e.fresh(), self.e.fresh_label("ok")
        self.e.line(f"{status} = call i32 {text}")
        self.e.line(f"{bad} = icmp ne i32 {status}, 0")
        self.e.line(f"br i1 {bad}, label %{self.fail()}, label %{good}")
        self.e.label(good)

    def body(self) -> str:
        """All blocks as text, from the entry on."""
        return "\n".join([*self.entry, *self.e.lines])


def number(reg: Reg) -> int | None:
    """The value of an i64 literal, None for a register."""
    return None if reg.text.startswith("%") else int(reg.text)


def parts(scalar: Any) -> list[Reg | Pointer]:
    """The LLVM values that a scalar consists of."""
    return [scalar.re, scalar.im] if isinstance(scalar, ComplexPair) else [scalar]


def part_types(type_: Type) -> list[str]:
    """The LLVM types of a value's parts."""
    if not isinstance(type_, TensorType):
        return ["ptr"]
    if is_complex(type_.dtype):
        return [llvm_type(part_of(type_.dtype))] * 2
    return [llvm_type(type_.dtype)]


def joined(type_: Type, names: Iterable[str]) -> Any:
    """A scalar of `type_` from the names of its parts, taken from an iterator."""
    if not isinstance(type_, TensorType):
        return Pointer(next(iter(names)))
    if is_complex(type_.dtype):
        source, part = iter(names), part_of(type_.dtype)
        return ComplexPair(Reg(next(source), part), Reg(next(source), part))
    return Reg(next(iter(names)), type_.dtype)


def zero(type_: Type) -> Any:
    """A value for code that cannot be reached."""
    if not isinstance(type_, TensorType):
        return Pointer("null")
    if is_complex(type_.dtype):
        part = part_of(type_.dtype)
        return ComplexPair(Reg("0.0", part), Reg("0.0", part))
    return Reg(literal(0, type_.dtype), type_.dtype)


def loops_inside(function: Function) -> bool:
    """Whether a region repeats anything."""
    return any(
        instr.has(Trait.REPEATS_REGION) or any(map(loops_inside, instr.regions))
        for instr in function.instrs
    )


def is_heavy(function: Function, light: Callable[[Instr], bool]) -> bool:
    """Whether one run of a host region may take more than some ten nanoseconds, unless it is the
    last: what a side that raises does is done once."""
    for instr in function.instrs:
        if instr.has(Trait.HEAVY) and not light(instr):
            return True
        inside = [
            loops_inside(r) if instr.has(Trait.LAUNCHES) else is_heavy(r, light)
            for r in instr.regions
            if not r.diverges
        ]
        if any(inside):
            return True
    return False
