"""Appends LLVM lines for an entry: fresh names, blocks, guards, environment and slot access."""

from __future__ import annotations

from typing import Any

from tracejit import abi

_EXPR_OPS = {"add": "add", "sub": "sub", "mul": "mul"}


class Writer:
    """Lines of one function, the objects of its environment and known values of extents."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.constants: list[str] = []  # what stands before the function
        self.frame: list[str] = []  # allocas: at the top of the function, so that they cost nothing
        self.env: list[Any] = [None, None]  # error builder and host table come first
        self.values: dict[abi.Expr, str] = {}  # what an Extent, Stride or ScalarOf was loaded as
        self._names = 0
        self._current = "0"

    def emit(self, line: str) -> None:
        """Append one instruction."""
        self.lines.append("  " + line)

    def op(self, line: str) -> str:
        """Append an instruction with a result; returns its name."""
        name = f"%v{self._names}"
        self._names += 1
        self.emit(f"{name} = {line}")
        return name

    def alloca(self, kind: str) -> str:
        """Room on the stack for one `kind`."""
        name = f"%v{self._names}"
        self._names += 1
        self.frame.append(f"  {name} = alloca {kind}")
        return name

    def constant(self, data: bytes) -> str:
        """The name of known bytes."""
        name = f"@tj_known{len(self.constants)}"
        letters = "".join(f"\\{byte:02x}" for byte in data)
        self.constants.append(f'{name} = private constant [{len(data)} x i8] c"{letters}"')
        return name

    def label(self, stem: str) -> str:
        """A fresh label."""
        self._names += 1
        return f"{stem}{self._names}"

    def block(self, label: str) -> None:
        """Start a basic block."""
        self.lines.append(f"{label}:")
        self._current = label

    def load_at(self, kind: str, base: str, offset: int) -> str:
        """Load `kind` at `offset` bytes from `base`."""
        at = self.op(f"getelementptr i8, ptr {base}, i64 {offset}") if offset else base
        return self.op(f"load {kind}, ptr {at}")

    def store(self, typed: str, base: str, word: int | None) -> None:
        """Store into a word (8 bytes) of a block."""
        assert word is not None
        at = self.op(f"getelementptr i64, ptr {base}, i64 {word}") if word else base
        self.emit(f"store {typed}, ptr {at}")

    def env_at(self, index: int) -> str:
        """Load word `index` of the environment."""
        return self.load_at("ptr", "%env", 8 * index)

    def env_load(self, value: object) -> str:
        """Load an object that the environment is made to hold (once per object)."""
        for index, known in enumerate(self.env):
            if known is value and index >= 2:
                return self.env_at(index)
        self.env.append(value)
        return self.env_at(len(self.env) - 1)

    def env_run(self, values: tuple[Any, ...]) -> str:
        """Pointer to consecutive environment words holding `values`."""
        start = len(self.env)
        self.env.extend(values)
        return self.op(f"getelementptr i8, ptr %env, i64 {8 * start}")

    def guard(self, condition: str, otherwise: str = "miss") -> None:
        """Go on where `condition` holds, else to `otherwise`."""
        go_on = self.label("ok")
        self.emit(f"br i1 {condition}, label %{go_on}, label %{otherwise}")
        self.block(go_on)

    def guard_all(self, conditions: list[str]) -> None:
        """One branch for several conditions."""
        if not conditions:
            return
        whole = conditions[0]
        for condition in conditions[1:]:
            whole = self.op(f"and i1 {whole}, {condition}")
        self.guard(whole)

    def guard_type(self, value: str, type_symbol: str) -> None:
        """The object's type must be exactly the one at `type_symbol`."""
        kind = self.load_at("ptr", value, 8)
        self.guard(self.op(f"icmp eq ptr {kind}, {type_symbol}"))

    def choose(self, condition: str, line: str) -> str:
        """Run `line` where `condition` holds; its pointer result, or null."""
        gives = not line.startswith("call void")
        before = self._current
        then, done = self.label("then"), self.label("done")
        self.emit(f"br i1 {condition}, label %{then}, label %{done}")
        self.block(then)
        value = self.op(line) if gives else ""
        if not gives:
            self.emit(line)
        self.emit(f"br label %{done}")
        self.block(done)
        if not gives:
            return ""
        return self.op(f"phi ptr [ {value}, %{then} ], [ null, %{before} ]")

    def expr(self, value: abi.Expr) -> str:
        """Compute an expression; returns an i64 operand."""
        if isinstance(value, int):
            return str(value)
        if not isinstance(value, abi.BinOp):
            return self.values[value]
        left, right = self.expr(value.left), self.expr(value.right)
        if value.op in _EXPR_OPS:
            return self.op(f"{_EXPR_OPS[value.op]} i64 {left}, {right}")
        if value.op in ("min", "max"):
            relation = "slt" if value.op == "min" else "sgt"
            first = self.op(f"icmp {relation} i64 {left}, {right}")
            return self.op(f"select i1 {first}, i64 {left}, i64 {right}")
        rest = self.op(f"srem i64 {left}, {right}")
        negative = self.op(f"icmp slt i64 {rest}, 0")
        if value.op == "mod":
            lifted = self.op(f"add i64 {rest}, {right}")
            return self.op(f"select i1 {negative}, i64 {lifted}, i64 {rest}")
        quotient = self.op(f"sdiv i64 {left}, {right}")
        less = self.op(f"sub i64 {quotient}, 1")
        return self.op(f"select i1 {negative}, i64 {less}, i64 {quotient}")
