"""PTX text to structured kernels: statements, operands, declarations. No execution lives here."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field

import numpy as np

DTYPES: dict[str, np.dtype] = {
    **{
        f"{k}{n}": np.dtype(f"{'i' if k == 's' else 'u'}{n // 8}")
        for k in "bus"
        for n in (8, 16, 32, 64)
    },
    "f16": np.dtype("f2"),
    "f32": np.dtype("f4"),
    "f64": np.dtype("f8"),
    "pred": np.dtype("?"),
}


class PtxError(Exception):
    """The text is malformed, or the program did something that a device would not allow."""


@dataclass(frozen=True)
class Reg:
    name: str
    negated: bool = False


@dataclass(frozen=True)
class Imm:
    """A literal; `bits` is its two's-complement pattern, `width` 0 for a plain integer."""

    bits: int
    width: int = 0


@dataclass(frozen=True)
class Sym:
    """A variable, parameter or label, by name; as a value, its address plus `offset`."""

    name: str
    offset: int = 0


@dataclass(frozen=True)
class Address:
    base: Reg | Sym | Imm
    offset: int = 0


@dataclass(frozen=True)
class Group:
    """`{a, b}` (a vector) or `a|b` (two destinations); `_` is None."""

    items: tuple[Operand | None, ...]
    pair: bool = False


Operand = Reg | Imm | Sym | Address | Group


@dataclass(frozen=True)
class Statement:
    line: int
    text: str
    opcode: str
    modifiers: tuple[str, ...]
    operands: tuple[Operand, ...]
    guard: Reg | None = None


@dataclass(frozen=True)
class Variable:
    name: str
    space: str
    align: int
    size: int  # bytes
    initial: bytes = b""


@dataclass
class Kernel:
    name: str
    params: list[Variable] = field(default_factory=list)
    directives: dict[str, tuple[int, ...]] = field(default_factory=dict)
    registers: dict[str, np.dtype] = field(default_factory=dict)
    variables: list[Variable] = field(default_factory=list)
    code: list[Statement] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    tables: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass
class Module:
    kernels: dict[str, Kernel]
    variables: list[Variable]


_VARIABLE = re.compile(
    r"(?:\.(?:visible|extern|weak|common)\s+)*\.(global|const|shared|local)\s+"
    r"(?:\.align\s+(\d+)\s+)?\.(\w+)\s+([\w$]+)((?:\s*\[\d*\])*)\s*(?:=\s*(\{[^}]*\}|[^;]+))?$",
    re.S,
)
_ENTRY = re.compile(r"(?:\.(?:visible|weak)\s+)?\.entry\s+([\w$]+)\s*(?:\(([^)]*)\))?([^{]*)\{")
_PARAM = re.compile(
    r"\.param\s+(?:\.align\s+(\d+)\s+)?\.(\w+)(?:\s+\.ptr(?:\s+\.(?:global|shared|const|local))?"
    r"(?:\s+\.align\s+\d+)?)?\s+([\w$]+)(?:\[(\d+)\])?$"
)
_OPERAND = re.compile(r"\{[^}]*\}|\[[^\]]*\]|[^,\s][^,]*")


@functools.lru_cache(maxsize=64)
def parse_module(text: str) -> Module:
    """Parses a whole PTX file, once for all its launches. Raises PtxError on anything that is not
    understood."""
    clean = _without_comments(text)
    if re.search(r"\.func\b", clean):
        raise PtxError("device functions (.func) are not supported: everything must be inlined")
    kernels: dict[str, Kernel] = {}
    rest, at = [], 0
    while match := _ENTRY.search(clean, at):
        rest.append(clean[at : match.start()])
        end = _closing_brace(clean, match.end())
        line = clean.count("\n", 0, match.end()) + 1
        kernel = Kernel(match[1], _parameters(match[2] or ""), _directives(match[3]))
        _Body(kernel, line).parse(clean[match.end() : end])
        kernels[kernel.name] = kernel
        at = end + 1
    rest.append(clean[at:])
    return Module(kernels, _module_variables("".join(rest)))


def _without_comments(text: str) -> str:
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), text, flags=re.S)
    text = re.sub(r"//[^\n]*", "", text)
    return re.sub(r"(?m)^\s*\.(?:loc|file|section)\b[^\n]*$", "", text)


def _closing_brace(text: str, at: int) -> int:
    depth = 1
    for match in re.compile(r"[{}]").finditer(text, at):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return match.start()
    raise PtxError("a kernel's closing brace is missing")


def _parameters(text: str) -> list[Variable]:
    params = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        match = _PARAM.match(" ".join(item.split()))
        if not match:
            raise PtxError(f"unknown form of parameter: {item}")
        width = DTYPES[match[2]].itemsize
        size = width * int(match[4] or 1)
        params.append(Variable(match[3], "param", int(match[1] or width), size))
    return params


def _directives(text: str) -> dict[str, tuple[int, ...]]:
    found = re.findall(r"\.(\w+)([\d,\s]*)", text)
    return {name: tuple(map(int, re.findall(r"\d+", numbers))) for name, numbers in found}


def _module_variables(text: str) -> list[Variable]:
    text = re.sub(r"(?m)^\s*\.(version|target|address_size)[^\n]*$", "", text)
    statements = filter(None, (part.strip() for part in text.split(";")))
    return [_variable(statement) for statement in statements]


def _variable(text: str) -> Variable:
    match = _VARIABLE.match(text)
    if not match:
        raise PtxError(f"unknown declaration: {text}")
    space, align, kind, name, dims, initial = match.groups()
    dtype = DTYPES[kind]
    count = 1
    for extent in re.findall(r"\[(\d*)\]", dims):
        count *= int(extent or 0)
    data = b""
    if initial:
        words = [literal(word) for word in re.findall(r"[^{},\s]+", initial)]
        if any(word is None for word in words):
            raise PtxError(f"an initial value that is not a number: {text[:80]}")
        mask = (1 << 8 * dtype.itemsize) - 1
        data = b"".join((w.bits & mask).to_bytes(dtype.itemsize, "little") for w in words if w)
        data = data.ljust(count * dtype.itemsize, b"\0")
    return Variable(name, space, int(align or dtype.itemsize), count * dtype.itemsize, data)


def literal(text: str) -> Imm | None:
    """`12`, `-1`, `0x3C00`, `0f3F800000`, `0d3FF0000000000000`; None if it is not a literal."""
    if match := re.fullmatch(r"0([fFdD])([0-9a-fA-F]{8,16})", text):
        return Imm(int(match[2], 16), 32 if match[1] in "fF" else 64)
    if re.fullmatch(r"-?(0[xX][0-9a-fA-F]+|\d+)U?", text):
        return Imm(int(text.rstrip("U"), 0))
    return None


class _Body:
    """Statements of one kernel. Inner `{ }` scopes get register names of their own."""

    def __init__(self, kernel: Kernel, line: int) -> None:
        self.kernel = kernel
        self.line = line
        self.scopes: list[dict[str, str]] = [{}]
        self.scope_count = 0

    def parse(self, text: str) -> None:
        at, last_label = 0, ""
        token = re.compile(r"\s*(?:([{}])|([\w$]+)\s*:(?!:)|([^;]+);)")
        while text[at:].strip():
            match = token.match(text, at)
            if not match:
                raise PtxError(f"cannot read: {text[at : at + 60].strip()!r}")
            brace, label, statement = match.groups()
            start = match.start(match.lastindex or 0)
            if brace:
                self._scope(brace)
            elif label:
                last_label = label
                self.kernel.labels[label] = len(self.kernel.code)
            elif statement.startswith(".branchtargets"):
                self.kernel.tables[last_label] = tuple(re.findall(r"[\w$]+", statement)[1:])
            else:
                self._statement(" ".join(statement.split()), self.line + text.count("\n", 0, start))
            at = match.end()

    def _scope(self, brace: str) -> None:
        if brace == "{":
            self.scope_count += 1
            self.scopes.append({})
        else:
            self.scopes.pop()

    def _statement(self, text: str, line: int) -> None:
        if text.startswith(".reg"):
            self._registers(text)
        elif text.startswith((".shared", ".local")):
            self.kernel.variables.append(_variable(text))
        elif not text.startswith(".pragma"):
            self._instruction(text, line)

    def _registers(self, text: str) -> None:
        match = re.match(r"\.reg\s+\.(\w+)\s+(.*)$", text)
        if not match or match[1] not in DTYPES:
            raise PtxError(f"unknown register declaration: {text}")
        dtype = DTYPES[match[1]]
        bits = dtype if dtype.kind == "b" else np.dtype(f"u{dtype.itemsize}")
        for item in (part.strip() for part in match[2].split(",")):
            base, count = re.fullmatch(r"(%?[\w$]+)(?:<(\d+)>)?", item).groups()  # type: ignore[union-attr]
            names = [base] if count is None else [f"{base}{i}" for i in range(int(count))]
            for name in names:
                depth = len(self.scopes) - 1
                unique = f"{name}@{self.scope_count}" if depth else name
                self.scopes[-1][name] = unique
                self.kernel.registers[unique] = bits

    def _instruction(self, text: str, line: int) -> None:
        match = re.match(r"(?:@(!?)(%?[\w$]+)\s+)?([a-z][\w.:]*)\s*(.*)$", text, re.S)
        if not match:
            raise PtxError(f"line {line}: cannot read {text!r}")
        negated, predicate, opcode, rest = match.groups()
        if opcode == "call" or opcode.startswith("call."):
            raise PtxError(f"line {line}: calls are not supported: everything must be inlined")
        name, *modifiers = opcode.replace("::", "_").split(".")
        operands = tuple(self._operand(item) for item in _OPERAND.findall(rest))
        guard = Reg(self._resolve(predicate), negated == "!") if predicate else None
        self.kernel.code.append(Statement(line, text, name, tuple(modifiers), operands, guard))

    def _resolve(self, name: str) -> str:
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return name

    def _operand(self, text: str) -> Operand:
        text = text.strip()
        if text[0] == "{":
            return Group(tuple(self._item(part) for part in text[1:-1].split(",")))
        if text[0] == "[":
            return self._address(text[1:-1])
        if "|" in text:
            return Group(tuple(self._item(part) for part in text.split("|")), pair=True)
        if text[0] == "!":
            return Reg(self._resolve(text[1:].strip()), negated=True)
        if (value := literal(text)) is not None:
            return value
        name, _, offset = text.partition("+")
        resolved = self._resolve(name)
        if resolved in self.kernel.registers or name.startswith("%"):
            return Reg(resolved)
        return Sym(name, int(offset or "0", 0))

    def _item(self, text: str) -> Operand | None:
        return None if text.strip() == "_" else self._operand(text)

    def _address(self, text: str) -> Address:
        match = re.fullmatch(r"\s*([^+]+?)\s*(?:\+\s*(-?\w+))?\s*", text)
        base = self._operand(match[1]) if match else None
        if not isinstance(base, Reg | Sym | Imm):
            raise PtxError(f"unknown form of address: [{text}]")
        return Address(base, int(match[2] or "0", 0) if match else 0)
