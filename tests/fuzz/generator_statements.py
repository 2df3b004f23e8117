"""Statements over generators that decide by values, and functions that call themselves."""

from __future__ import annotations

from dataclasses import replace

from tests.fuzz.expressions import Var
from tests.fuzz.wide_statements import WideStatements


class GeneratorStatements(WideStatements):
    def statement(self, depth: int) -> None:
        if self.choose.often(88):
            return super().statement(depth)
        if depth > 0 and self.loops < 2 and self.choose.often(70):
            return self.generated(depth)
        return self.choose.pick([self.first, self.recursive])()

    # -- generators ------------------------------------------------------------------------------

    def generator(self, v: Var) -> str:
        """A generator function over the items of ``a``; its name."""
        c, name = self.choose, self.fresh()
        self.emit(f"def {name}(a):")
        for line in c.pick([self.chosen, self.counted, self.twice, self.passed_on])(self.test(v)):
            self.emit("    " + line)
        return name

    def test(self, v: Var) -> str:
        item = "x.sum()" if len(v.shape) > 1 else "x"
        return f"{item} {self.choose.pick(['>', '<=', '!='])} {self.choose.pick([0, 1, 2])}"

    def chosen(self, test: str) -> list[str]:
        end = self.choose.pick([[], ["    else:", "        return"]])
        return ["for x in a:", f"    if {test}:", "        yield x", *end]

    def counted(self, test: str) -> list[str]:
        step = self.choose.number(1, 2)
        more = self.choose.pick([[], [f"    if {test}:", "        break"]])
        turn = ["    x = a[i]", *more, "    yield x", f"    i += {step}"]
        return ["i = 0", "while i < len(a):", *turn]

    def twice(self, test: str) -> list[str]:
        return ["for x in a:", "    yield x", f"    if {test}:", "        yield x + 1"]

    def passed_on(self, test: str) -> list[str]:
        return ["yield from a", f"yield from (x for x in a[::-1] if {test})"]

    def items(self, v: Var) -> str:
        """What gives items of an array."""
        if self.choose.often(25):
            return f"(x for x in {v.name} if {self.test(v)})"
        return f"{self.generator(v)}({v.name})"

    def generated(self, depth: int) -> None:
        """A loop over what a generator gives."""
        arrays = self.arrays("fi")
        if not arrays:
            return self.new()
        c, v = self.choose, self.choose.pick(arrays)
        name, k = self.fresh(), self.fresh()
        source = self.items(v)
        item = replace(v, name=name, shape=v.shape[1:])
        number = self.index_var(k)
        headers = [(f"for {name} in {source}:", [item])] * 3
        headers += [(f"for {k}, {name} in enumerate({source}):", [number, item])]
        headers += [(f"for {k}, {name} in zip(range(3), {source}):", [number, item])]
        header, extra = c.pick(headers)
        return self.loop(header, depth, extra)

    def first(self) -> None:
        """The first item that a generator gives, if any."""
        arrays = [v for v in self.arrays("fi") if len(v.shape) == 1]
        if not arrays:
            return self.new()
        v, name = self.choose.pick(arrays), self.fresh()
        self.emit(f"{name} = next({self.items(v)}, {v.name}.sum())")
        return None

    # -- recursion -------------------------------------------------------------------------------

    def recursive(self) -> None:
        """A function that calls itself, to a depth that is known."""
        arrays = self.arrays("f")
        if not arrays:
            return self.new()
        v, function, name = self.choose.pick(arrays), self.fresh(), self.fresh()
        self.emit(f"def {function}(y, n):")
        self.emit("    if n <= 0:")
        self.emit("        return y")
        turn = self.choose.pick(["y * 0.5", "y + n", "y[::-1] - 1"])
        self.emit(f"    return {function}({turn}, n - 1) + {self.choose.pick(['y', '1', 'n'])}")
        self.emit(f"{name} = {function}({v.name}, {self.choose.number(0, 3)})")
        return self.e.scope.append(replace(v, name=name))
