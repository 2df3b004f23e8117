"""Statements over more of Python: helper functions, containers, overlapping views, loops."""

from __future__ import annotations

from dataclasses import replace

from tests.fuzz.expressions import Var
from tests.fuzz.statements import Statements
from tests.fuzz.wide import ROUNDED, Helper, Wide

SMALL = {"i": ("int32", "int8", "uint8", "int16", "uint32"), "f": ("float32",), "c": ("complex64",)}


class WideStatements(Statements):
    """``before`` holds the sources of the helper functions."""

    e: Wide

    def program(self, size: int, *, exact: bool = False) -> str:
        """Helper functions, then ``f`` without its first line."""
        self.before: list[str] = []
        params = [v for v in self.e.scope if v.shape]
        for k in range(self.choose.number(0, 2)):
            self.helper(f"h{k}", self.choose.pick(params))
        self.rounded = not exact and self.choose.often(15)
        return self.function(size)

    def helper(self, name: str, like: Var) -> None:
        x = Var("x", like.kind, like.shape, like.dtype)
        number = Var("n", "i", (), "int64", python=True)
        scope = replace(self.e, scope=[x, number], looped=True)  # a loop may call it
        scope.helpers = list(self.e.helpers)
        writer = WideStatements(self.choose, scope, readonly=self.readonly)
        writer.rounded = False
        writer.results = [x]
        body = writer.function(self.choose.number(1, 3))
        self.before.append(f"def {name}(x, n):\n{body}\n")
        self.e.helpers.append(Helper(name, like.kind, like.shape))

    def result(self, v: Var) -> str:
        text = super().result(v)
        if self.rounded and v.kind == "f" and v.shape and v.dtype == "float64":
            return self.choose.pick(ROUNDED).format(text)
        return text

    def statement(self, depth: int) -> None:
        if self.choose.often(65):
            return super().statement(depth)
        more = [self.overlap, self.overlap, self.appended, self.unpacked, self.small, self.copied]
        more += [self.ordered, self.chained, self.closure, self.exchanged]
        if depth > 0 and self.loops < 2:
            more += [self.zipped, self.endless, self.triangle]
        chosen = self.choose.pick(more)
        if chosen in (self.zipped, self.endless, self.triangle):
            chosen(depth)  # type: ignore[call-arg]
        else:
            chosen()
        return None

    # -- memory --------------------------------------------------------------------------------

    def overlap(self) -> None:
        """Two windows of one array, one read and one written."""
        arrays = [v for v in self.arrays("fic") if v.shape[0] > 1]
        if not arrays:
            return self.new()
        c, v = self.choose, self.choose.pick(arrays)
        n = v.shape[0]
        windows = [("1:", ":-1"), (":-1", "1:"), ("::-1", ":"), (":", "::-1")]
        windows += [(f":{n // 2}", f"{n - n // 2}:"), (f"{n - n // 2}:", f"{n // 2 - 1}::-1")]
        to, source = c.pick(windows)
        ways = [f"{v.name}[{to}] = {v.name}[{source}]", f"{v.name}[{to}] += {v.name}[{source}]"]
        ways += [f"np.add({v.name}[{to}], {v.name}[{source}], out={v.name}[{to}])"]
        if not self.readonly:  # NumPy copies an array onto itself without asking
            ways += [f"np.copyto({v.name}[{to}], {v.name}[{source}])"]
        if len(v.shape) == 2 and v.shape[0] == v.shape[1]:
            ways += [f"{v.name}[...] = {v.name}.T", f"{v.name} += {v.name}.T"]
        if v.shape == (n,):
            ways += [f"{v.name}[{to}] -= {v.name}[0]", f"{v.name}.reshape(-1)[{to}] = 1"]
        text = c.pick(ways)
        if c.often(30):
            name = self.fresh()
            self.emit(f"{name} = {v.name}[{to}]")
            text = f"{name}[...] = {v.name}[{source}]"
        return self.emit(text)

    def small(self) -> None:
        """An array of a narrow dtype."""
        if not self.e.narrow:
            return self.new()
        kind = self.choose.pick(["i", "f", "c"])
        shape, dtype = self.shape(), self.choose.pick(SMALL[kind])
        name = self.fresh()
        a = self.e.value(kind, shape, 2)
        bounded = f"np.clip(np.nan_to_num({a}), -9, 9)" if kind == "f" else f"({a})"
        if kind == "i":
            bounded = f"(({a}) % 100)"
        self.emit(f"{name} = {bounded}.astype(np.{dtype})")
        return self.e.scope.append(Var(name, kind, shape, dtype))

    def copied(self) -> None:
        arrays = [v for v in self.arrays() if 0 not in v.shape]
        if not arrays:
            return self.new()
        c, v = self.choose, self.choose.pick(arrays)
        number, mask = self.e.value(v.kind, (), 1), self.e.value("b", v.shape, 1)
        ways = [f"np.copyto({v.name}, np.array({self.e.value(v.kind, v.shape, 2)}))"]
        ways += [f"np.putmask({v.name}, np.array({mask}), {number})"] * (v.kind in "fb")
        ways += [f"np.put({v.name}, [0, -1], {number})", f"{v.name}.flat[0] = {number}"]
        ways += [f"{v.name}.T[...] = {number}", f"{v.name}[..., 0] = {number}"]
        if len(v.shape) == 2:
            ways += [f"np.fill_diagonal({v.name}, {number})"]
        return self.emit(c.pick(ways))

    def ordered(self) -> None:
        arrays = [v for v in self.arrays("fi") if 0 not in v.shape]
        if not arrays:
            return self.new()
        v = self.choose.pick(arrays)
        return self.emit(self.choose.pick([f"{v.name}.sort()", f"{v.name}.sort(axis=0)"]))

    def exchanged(self) -> None:
        """Elements or rows that change places."""
        arrays = [v for v in self.arrays("fic") if v.shape[0] > 1]
        if not arrays:
            return self.new()
        v = self.choose.pick(arrays)
        copy = ".copy()" * (len(v.shape) == 2 and self.choose.often(70))
        return self.emit(f"{v.name}[0], {v.name}[-1] = {v.name}[-1]{copy}, {v.name}[0]{copy}")

    # -- containers and functions ----------------------------------------------------------------

    def appended(self) -> None:
        """A list that grows, then an array of it."""
        c = self.choose
        kind, n = c.pick(["f", "f", "i", "c"]), c.pick(self.e.sizes)
        if n == 0 or (self.indent > 1 and c.often(90)):  # refused where branches are staged
            return self.new()
        rows, name = self.fresh(), self.fresh()
        self.emit(f"{rows} = []")
        count = c.number(1, 3)
        if c.often(60):
            step = self.fresh()
            self.emit(f"for {step} in range({count}):")
            self.e.scope.append(Var(step, "i", (), "int64", python=True))
            self.emit(f"    {rows}.append({self.e.value(kind, (n,), 2)})")
            self.e.scope.pop()
        else:
            for _ in range(count):
                self.emit(f"{rows}.append({self.e.value(kind, (n,), 2)})")
        ends = [("np.stack({})", (count, n)), ("np.array({})", (count, n)), ("{}[-1]", (n,))]
        ends += [
            ("np.concatenate({})", (count * n,)),
            ("sum({})", (n,)),
            ("np.vstack({})", (count, n)),
        ]
        text, shape = c.pick(ends)
        self.emit(f"{name} = {text.format(rows)}")
        dtype = {"f": "float64", "i": "int64", "c": "complex128"}[kind]
        return self.e.scope.append(Var(name, kind, shape, dtype))

    def unpacked(self) -> None:
        """A tuple, list or dict and what is taken out of it."""
        c = self.choose
        shape, a, b = self.shape(), self.fresh(), self.fresh()
        left, right = self.e.value("f", shape, 2), self.e.value("i", (), 2)
        ways = [f"{a}, {b} = ({left}), ({right})", f"({b}, {a}) = [{right}, {left}]"]
        ways += [f"{a} = {{'x': {left}}}['x']; {b} = ({right}, 1)[0]"]
        ways += [
            f"*_, {a}, {b} = 1, {left}, {right}",
            f"{b}, {a} = (lambda p, q=3: (p, {left}))({right})",
        ]
        self.emit(c.pick(ways))
        self.e.scope += [Var(a, "f", shape, "float64"), Var(b, "i", (), "int64", python=True)]

    def chained(self) -> None:
        """Two names for one new array."""
        shape, a, b = self.shape(), self.fresh(), self.fresh()
        self.emit(f"{a} = {b} = {self.e.value('f', shape, 2)} + 0.0")
        self.e.scope += [Var(a, "f", shape, "float64"), Var(b, "f", shape, "float64")]

    def closure(self) -> None:
        """A function that reads a name of the program, which changes before the call."""
        arrays = self.arrays("f")
        if not arrays:
            return self.new()
        c, v = self.choose, self.choose.pick(arrays)
        function, name = self.fresh(), self.fresh()
        self.emit(f"def {function}(y, z=2.0):")
        if c.often(30):
            self.emit(f"    if {self.e.value('b', (), 1)}:")
            self.emit("        return y + z")
        self.emit(f"    return {v.name} * z + y")
        self.statement(0)
        self.emit(f"{name} = {function}({self.e.value('f', v.shape, 1)})")
        return self.e.scope.append(replace(v, name=name, dtype="float64"))

    # -- loops ---------------------------------------------------------------------------------

    def zipped(self, depth: int) -> None:
        arrays = self.arrays("fi")
        pairs = [(v, w) for v in arrays for w in arrays if v.shape[0] == w.shape[0]]
        if not pairs:
            return self.new()
        v, w = self.choose.pick(pairs)
        a, b = self.fresh(), self.fresh()
        items = [replace(v, name=a, shape=v.shape[1:]), replace(w, name=b, shape=w.shape[1:])]
        source = self.choose.pick([f"zip({v.name}, {w.name})", f"zip({v.name}, {w.name}[::-1])"])
        return self.loop(f"for {a}, {b} in {source}:", depth, items)

    def endless(self, depth: int) -> None:
        name = self.fresh()
        self.emit(f"{name} = 0")
        trips = self.choose.number(0, 3)
        first = f"{name} += 1\n" + "    " * (self.indent + 1)
        first += f"if {name} > {trips}:\n" + "    " * (self.indent + 2) + "break"
        test = self.choose.pick(["True", "True", f"not {self.e.value('b', (), 1)} or True"])
        self.loop(f"while {test}:", depth, [self.index_var(name)], first)
        self.e.scope.append(self.index_var(name))

    def triangle(self, depth: int) -> None:
        """Two loops, the inner as long as the outer has come."""
        i, j = self.fresh(), self.fresh()
        self.emit(f"for {i} in range(3):")
        self.indent += 1
        self.loop(f"for {j} in range({i}):", depth, [self.index_var(i), self.index_var(j)])
        self.indent -= 1
