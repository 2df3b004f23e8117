"""Random NumPy functions as source text: statements over the expressions of ``expressions.py``."""

from __future__ import annotations

from dataclasses import replace

from tests.fuzz.choose import Chooser
from tests.fuzz.expressions import Expressions, Shape, Var

FLOW = ("for", "for_static", "while", "if", "if_else", "for_in")


class Statements:
    """Writes the body of a function; ``lines`` is what it wrote."""

    def __init__(self, choose: Chooser, expressions: Expressions, *, readonly: bool) -> None:
        # NumPy's ufunc.at writes into read-only arrays: not used where one may be met.
        self.readonly = readonly
        self.choose = choose
        self.e = expressions
        params = list(expressions.scope)
        self.lines: list[str] = []
        self.indent = 1
        self.count = 0
        self.loops = 0
        self.frozen: set[str] = set()
        self.results = [choose.pick(params) for _ in range(choose.number(1, 3))]

    def emit(self, text: str) -> None:
        self.lines.append("    " * self.indent + text)

    def fresh(self) -> str:
        self.count += 1
        return f"v{self.count}"

    def shape(self) -> Shape:
        c = self.choose
        known = [v.shape for v in self.e.scope if v.shape]
        if known and c.often(70):
            return c.pick(known)
        n = c.pick(self.e.sizes)
        return (n,) if c.often(60) else (c.pick(self.e.sizes), n)

    def arrays(self, kinds: str = "fibc") -> list[Var]:
        return [v for v in self.e.scope if v.shape and v.kind in kinds]

    def function(self, size: int) -> str:
        """The statements and a ``return``."""
        self.block(size, 2)
        self.emit(f"return {self.returned()}")
        return "\n".join(self.lines)

    def returned(self) -> str:
        """What is returned: everywhere in the function of the same kinds and shapes."""
        texts = [self.result(v) for v in self.results]
        return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"

    def result(self, v: Var) -> str:
        same = [w.name for w in self.e.scope if replace(w, name=v.name) == v]
        if v.shape and v.dtype != "float32" and self.choose.often(30):
            return self.e.value(v.kind, v.shape, 2)
        return self.choose.pick(same)

    def block(self, size: int, depth: int) -> None:
        """Some statements in a scope of their own: names born here are gone after it."""
        before, start = list(self.e.scope), len(self.lines)
        for _ in range(size):
            self.statement(depth)
        if len(self.lines) == start:
            self.emit("pass")
        if self.indent > 1:
            kept = {v.name for v in before}
            self.e.scope = [v for v in self.e.scope if v.name in kept]

    def statement(self, depth: int) -> None:
        simple = [self.new, self.new, self.view, self.store, self.store, self.update, self.update]
        simple += [self.rebind, self.masked, self.scattered, self.swap, self.stored_element]
        simple += [self.into, self.step_number]
        if depth > 0 and self.choose.often(35):
            self.flow(depth)
        else:
            self.choose.pick(simple)()

    # -- names ---------------------------------------------------------------------------------

    def new(self) -> None:
        """A new name for a new value."""
        c = self.choose
        kind = c.pick(["f", "f", "f", "i", "b", "c"])
        shape = self.shape() if c.often(70) else ()
        text = self.e.value(kind, shape, 3) if shape else self.e.number(kind, 3)
        name = self.fresh()
        self.emit(f"{name} = {text}")
        dtype = {"f": "float64", "i": "int64", "b": "bool", "c": "complex128"}[kind]
        python = kind == "i" and shape == ()
        self.e.scope.append(Var(name, kind, shape, dtype, python))

    def view(self) -> None:
        """A new name for a view of an array, or the array itself."""
        arrays = self.arrays()
        if not arrays:
            return self.new()
        v = self.choose.pick(arrays)
        shapes = [v.shape, v.shape[::-1], v.shape[1:], (*v.shape[:1],)]
        shapes.append(tuple(max(n - 1, 0) for n in v.shape))
        shapes.append(tuple((n + 1) // 2 for n in v.shape))
        shape = self.choose.pick([s for s in shapes if s])
        texts = [*self.e.views(v, shape), *([v.name] if shape == v.shape else [])]
        if texts:
            name = self.fresh()
            self.emit(f"{name} = {self.choose.pick(texts)}")
            self.e.scope.append(replace(v, name=name, shape=shape))
        return None

    def rebind(self) -> None:
        """An old name for a new value of the same kind and shape."""
        names = [v for v in self.e.scope if v.name not in self.frozen and v.dtype != "float32"]
        names = [v for v in names if v.kind in "fibc" and (v.shape or v.name.startswith("v"))]
        if not names:
            return self.new()
        v = self.choose.pick(names)
        same = [w.name for w in self.e.scope if (w.dtype, w.shape) == (v.dtype, v.shape)]
        if v.shape and self.choose.often(40):
            self.emit(f"{v.name} = {self.choose.pick(same)}")
        elif v.shape or v.kind in "fbc" or v.python:
            text = self.e.value(v.kind, v.shape, 3) if v.shape else self.e.number(v.kind, 3)
            self.emit(f"{v.name} = {text}")
        return None

    def swap(self) -> None:
        arrays = [v for v in self.arrays() if v.name not in self.frozen]
        pairs = [
            (v, w)
            for v in arrays
            for w in arrays
            if v.name < w.name and (v.dtype, v.shape) == (w.dtype, w.shape)
        ]
        if not pairs:
            return self.new()
        v, w = self.choose.pick(pairs)
        self.emit(f"{v.name}, {w.name} = {w.name}, {v.name}")
        return None

    def step_number(self) -> None:
        """An augmented assignment to a number."""
        names = [v for v in self.e.scope if v.shape == () and v.kind in "fi"]
        names = [v for v in names if v.name not in self.frozen]
        if not names:
            return self.new()
        v = self.choose.pick(names)
        if v.kind == "i":
            self.emit(f"{v.name} = ({v.name} + {self.e.number('i', 1)}) % 7")
        else:
            self.emit(f"{v.name} {self.choose.pick(['+=', '-='])} {self.e.number('f', 2)}")
        return None

    # -- mutation ------------------------------------------------------------------------------

    def target(self, v: Var) -> tuple[str, Shape]:
        """A part of an array to assign to, and its shape."""
        c = self.choose
        n = v.shape[0]
        choices: list[tuple[str, Shape]] = [("[:]", v.shape), ("[...]", v.shape)]
        if n:
            choices.append((f"[{self.e.index(n)}]", v.shape[1:]))
        if n > 1:
            want = c.number(1, n - 1)
            choices.append((f"[{self.e.cut(n, want)}]", (want, *v.shape[1:])))
        if len(v.shape) == 2 and v.shape[1] > 1:
            k = c.number(1, v.shape[1] - 1)
            choices.append((f"[:, {self.e.index(v.shape[1])}]", (n,)))
            choices.append((f"[:, {self.e.cut(v.shape[1], k)}]", (n, k)))
            choices.append((f"[..., {self.e.cut(v.shape[1], k)}]", (n, k)))
        text, shape = c.pick(choices)
        if text.startswith("[") and "::" in text:
            shape = self.halved(text, v.shape, shape)
        return v.name + text, shape

    def halved(self, text: str, whole: Shape, shape: Shape) -> Shape:
        axis = 1 if text.startswith(("[:,", "[...,")) else 0
        return tuple((n + 1) // 2 if k == axis else shape[k] for k, n in enumerate(whole))

    def store(self) -> None:
        arrays = self.arrays()
        if not arrays:
            return self.new()
        v = self.choose.pick(arrays)
        target, shape = self.target(v)
        text = self.e.operand(v.kind, shape, 2)
        if len(shape) == 1:  # NumPy assigns lines that overlap wrongly where their strides differ
            text = f"np.array({text})"
        self.emit(f"{target} = {text}")
        return None

    def update(self) -> None:
        """An augmented assignment to an array or a part of it."""
        arrays = self.arrays("fic")
        if not arrays:
            return self.new()
        v = self.choose.pick(arrays)
        whole = self.choose.often(40)
        target, shape = (v.name, v.shape) if whole else self.target(v)
        op = self.choose.pick(["+=", "-="] + ["*="] * (v.kind != "c"))
        self.emit(f"{target} {op} {self.e.operand(v.kind, shape, 2)}")
        return None

    def masked(self) -> None:
        arrays = self.arrays()
        if not arrays:
            return self.new()
        v = self.choose.pick(arrays)
        op = self.choose.pick(["=", "="] + ["+=", "*="] * (v.kind in "fi"))
        mask = self.e.value("b", v.shape, 2)
        if v.kind == "b":  # NumPy reads such a mask while it changes
            mask = f"np.array({mask})"
        self.emit(f"{v.name}[{mask}] {op} {self.e.value(v.kind, (), 1)}")
        return None

    def scattered(self) -> None:
        arrays = [v for v in self.arrays() if v.shape[0] > 0]
        if not arrays:
            return self.new()
        v = self.choose.pick(arrays)
        k = self.choose.pick(self.e.sizes)
        at = self.e.value("i", (k,), 1)
        at = f"np.array({at})" if self.choose.often(10) else f"({at}) % {v.shape[0]}"
        op = self.choose.pick(["=", "="] + ["+="] * (v.kind in "fic"))
        if v.kind in "fi" and not self.readonly and self.choose.often(20):
            # NumPy 2.4 reads beyond the values where the index has more axes than they.
            values = self.e.value(v.kind, (k, *v.shape[1:]), 1)
            self.emit(f"np.add.at({v.name}, np.ravel({at}), {values})")
        else:
            self.emit(f"{v.name}[{at}] {op} {self.e.operand(v.kind, (k, *v.shape[1:]), 1)}")
        return None

    def stored_element(self) -> None:
        arrays = [v for v in self.arrays("fibc") if 0 not in v.shape]
        if not arrays:
            return self.new()
        v = self.choose.pick(arrays)
        at = ", ".join(self.e.index(n) for n in v.shape)
        op = self.choose.pick(["=", "+="]) if v.kind in "fic" else "="
        self.emit(f"{v.name}[{at}] {op} {self.e.value(v.kind, (), 2)}")
        return None

    def into(self) -> None:
        """Functions and methods that write into an array."""
        arrays = self.arrays("f")
        if not arrays:
            return self.new()
        v = self.choose.pick(arrays)
        a = self.e.value("f", v.shape, 2)
        texts = [f"np.add({v.name}, {a}, out={v.name})", f"{v.name}.fill(2.0)"]
        texts.append(f"np.multiply({a}, 0.5, out={v.name})")
        self.emit(self.choose.pick(texts))
        return None

    # -- control -------------------------------------------------------------------------------

    def flow(self, depth: int) -> None:
        kind = self.choose.pick(FLOW if self.loops < 2 else FLOW[3:5])
        getattr(self, f"flow_{kind}")(depth)

    def inner(self, depth: int, extra: list[Var] | None = None) -> None:
        self.indent += 1
        scope = list(self.e.scope)
        self.e.scope += extra or []
        self.block(self.choose.number(1, 3), depth - 1)
        self.e.scope = scope
        self.indent -= 1

    def loop(self, header: str, depth: int, extra: list[Var], first: str = "") -> None:
        self.emit(header)
        self.loops += 1
        self.e.looping = self.e.looped = True
        names = {v.name for v in extra}
        self.frozen |= names
        if first:
            self.emit("    " + first)
        if self.choose.often(25):
            self.jump(extra)
        self.inner(depth, extra)
        if self.choose.often(15):
            self.emit("else:")
            self.inner(depth)
        self.frozen -= names
        self.loops -= 1
        self.e.looping = self.loops > 0

    def jump(self, extra: list[Var]) -> None:
        self.indent += 1
        scope = list(self.e.scope)
        self.e.scope += extra
        self.emit(f"if {self.e.value('b', (), 2)}:")
        self.emit("    " + self.choose.pick(["break", "continue"]))
        self.e.scope = scope
        self.indent -= 1

    def flow_for(self, depth: int) -> None:
        """A ``range`` with bounds found at run time."""
        c = self.choose
        name = self.fresh()
        n = self.e.value("i", (), 1)
        bounds = c.pick(["({}) % 5", "1, ({}) % 6", "({}) % 6, -1, -1", "0, ({}) % 7, 2"])
        self.loop(f"for {name} in range({bounds.format(n)}):", depth, [self.index_var(name)])

    def flow_for_static(self, depth: int) -> None:
        bounds = self.choose.pick(["3", "1, 4", "3, 0, -1", "0", "0, 7, 3"])
        name = self.fresh()
        self.loop(f"for {name} in range({bounds}):", depth, [self.index_var(name)])

    def index_var(self, name: str) -> Var:
        return Var(name, "i", (), "int64", python=True)

    def flow_for_in(self, depth: int) -> None:
        """A loop over an array, with or without a count."""
        arrays = self.arrays("fi")
        if not arrays:
            return self.flow_for(depth)
        v = self.choose.pick(arrays)
        name = self.fresh()
        item = replace(v, name=name, shape=v.shape[1:])
        if self.choose.often(40):
            number = self.fresh()
            header = f"for {number}, {name} in enumerate({v.name}):"
            self.loop(header, depth, [self.index_var(number), item])
        else:
            self.loop(f"for {name} in {v.name}:", depth, [item])
        return None

    def flow_while(self, depth: int) -> None:
        name = self.fresh()
        self.emit(f"{name} = 0")
        test = f" and {self.e.value('b', (), 2)}" if self.choose.often(50) else ""
        trips = self.choose.pick(["3", "4", "1", f"({self.e.value('i', (), 1)}) % 4"])
        header = f"while {name} < {trips}{test}:"
        self.loop(header, depth, [self.index_var(name)], f"{name} += 1")
        self.e.scope.append(self.index_var(name))

    def flow_if(self, depth: int) -> None:
        self.emit(f"if {self.e.value('b', (), 2)}:")
        if self.choose.often(20):
            end = [f"return {self.returned()}", "raise ValueError('no')"]
            self.emit("    " + self.choose.pick(end))
        else:
            self.inner(depth)

    def flow_if_else(self, depth: int) -> None:
        self.emit(f"if {self.e.value('b', (), 2)}:")
        self.inner(depth)
        if self.choose.often(30):
            self.emit(f"elif {self.e.value('b', (), 2)}:")
            self.inner(depth)
        self.emit("else:")
        self.inner(depth)
