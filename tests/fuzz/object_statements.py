"""Statements over lists that grow as the run goes or are read and written at places that it knows,
lists of lists among them, and over objects of the program's own class."""

from __future__ import annotations

from tests.fuzz.expressions import PYTHON, Var
from tests.fuzz.generator_statements import GeneratorStatements

DTYPE = {"f": "np.float64", "i": "np.int64"}
ZERO = {"f": "0.0", "i": "0"}


class ObjectStatements(GeneratorStatements):
    """Variables of kind ``l`` are lists of Python numbers (the dtype says of which kind), those of
    kind ``t`` lists of lists of them, with the shape, and those of kind ``o`` objects with a number
    ``n`` and an array ``x`` of the variable's shape and dtype."""

    boxes = False

    def program(self, size: int, *, exact: bool = False) -> str:
        self.boxes = self.choose.often(30)
        found = super().program(size, exact=exact)
        if self.boxes:
            self.before.insert(0, BOX.format(self.choose.pick(["k", "2 * k + 1", "self.n + k"])))
        return found

    def function(self, size: int) -> str:
        """The statements, a look at some of the lists, and a ``return``."""
        self.block(size, 2)
        for v in self.e.scope:
            if v.kind == "l" and self.choose.often(50):
                self.emit(f"print(len({v.name}), sum({v.name}[-2:], {ZERO[v.dtype]}))")
            if v.kind == "t" and self.choose.often(50):
                n, m = v.shape
                places = [(0, 0), (n - 1, m - 1), (1, m // 2)]
                self.emit(f"print({', '.join(f'{v.name}[{i}][{j}]' for i, j in places)})")
        self.emit(f"return {self.returned()}")
        return "\n".join(self.lines)

    def statement(self, depth: int) -> None:
        more = [self.listed, self.changed, self.changed, self.told]
        more += [self.tabled, self.put, self.put]
        if self.boxes:
            more += [self.boxed, self.set, self.set, self.read]
        if self.choose.often(80):
            return super().statement(depth)
        return self.choose.pick(more)()

    # -- lists that grow -------------------------------------------------------------------------

    def listed(self) -> None:
        """A list, empty or not."""
        kind, name = self.choose.pick(["f", "i"]), self.fresh()
        items = [self.item(kind, 1) for _ in range(self.choose.pick([0, 0, 0, 1, 2]))]
        times = self.choose.pick(["", "", "", " * 3", " * 70"]) if len(items) == 1 else ""
        self.emit(f"{name} = [{', '.join(items)}]{times}")
        self.e.scope.append(Var(name, "l", (), kind))

    def item(self, kind: str, depth: int) -> str:
        return f"{PYTHON[kind]}({self.e.value(kind, (), depth)})"

    def lists(self) -> list[Var]:
        return [v for v in self.e.scope if v.kind == "l"]

    def changed(self) -> None:
        """One change of a list, in a branch or not."""
        lists = self.lists()
        if not lists:
            return self.listed()
        c, v = self.choose, self.choose.pick(lists)
        indent = ""
        if c.often(60):
            self.emit(f"if {self.e.value('b', (), 2)}:")
            indent = "    "
        item = self.item(v.dtype, 2)
        ways = [f"{v.name}.append({item})"] * 4
        ways += [f"{v.name}.extend([{item}, {self.item(v.dtype, 1)}])", f"{v.name} += [{item}]"]
        ways += [f"{v.name}.insert(0, {item})", f"{v.name} = {v.name} + [{item}]"]
        ways += [f"{v.name} = [{item}]", f"{v.name}.reverse()"]
        if c.often(20):
            ways = [f"{v.name}.pop()", f"{v.name}[-1] = {item}", f"{v.name}.clear()"]
            ways += [f"del {v.name}[0]", f"{v.name} = {v.name}[1:]"]
        place = f"{v.name}[{self.place(f'len({v.name})')}]"
        ways += [f"if {v.name}: {place} {c.pick(['=', '+='])} {item}"] * 4
        return self.emit(indent + c.pick(ways))

    def place(self, count: str) -> str:
        """A place that the run knows."""
        return f"int({self.e.value('i', (), 1)}) % {count}"

    # -- lists of lists --------------------------------------------------------------------------

    def tabled(self) -> None:
        """A list of lists."""
        kind, name = self.choose.pick(["f", "i"]), self.fresh()
        n, m = self.choose.pick([2, 3, 66]), self.choose.pick([1, 3])
        self.emit(f"{name} = [[{self.item(kind, 1)}] * {m} for _ in range({n})]")
        self.e.scope.append(Var(name, "t", (n, m), kind))

    def put(self) -> None:
        """An item of a list of lists changes or is read, in a branch, a loop or neither."""
        tables = [v for v in self.e.scope if v.kind == "t"]
        if not tables:
            return self.tabled()
        c, v = self.choose, self.choose.pick(tables)
        n, m = v.shape
        if c.often(30):
            name = self.fresh()
            row = f"{v.name}[{self.place(str(n))}]"
            ways = [f"{row}[{self.place(str(m))}]", f"{row}[-1]", f"len({row})", f"{row}[0]"]
            self.emit(f"{name} = {PYTHON[v.dtype]}({c.pick(ways)})")
            if v.dtype == "i":
                self.emit(f"{name} %= 7")
            return self.e.scope.append(Var(name, v.dtype, (), "float64", python=v.dtype == "i"))
        item, sign = self.item(v.dtype, 2), c.pick(["=", "="]) if c.often(60) else "+="
        if c.often(40):
            self.emit(f"if {self.e.value('b', (), 2)}:")
            return self.emit(
                f"    {v.name}[{self.place(str(n))}][{self.place(str(m))}] {sign} {item}"
            )
        if c.often(40):
            self.emit(f"for q in range({c.pick([3, 70])}):")
            return self.emit(f"    {v.name}[q % {n}][(q * q) % {m}] {sign} {item}")
        return self.emit(f"{v.name}[{self.place(str(n))}][{self.place(str(m))}] {sign} {item}")

    # -- what is in a list -----------------------------------------------------------------------

    def told(self) -> None:
        """A number or an array of what is in a list."""
        lists = self.lists()
        if not lists:
            return self.listed()
        c, v = self.choose, self.choose.pick(lists)
        name, kind = self.fresh(), v.dtype
        if c.often(25):
            self.emit(f"{name} = len({v.name})")
            return self.e.scope.append(self.index_var(name))
        if c.often(25):
            n = c.pick(self.e.sizes)
            made = f"np.array({v.name}, dtype={DTYPE[kind]})"
            self.emit(f"{name} = np.append({made}, np.zeros({n}, dtype={DTYPE[kind]}))[:{n}]")
            dtype = {"f": "float64", "i": "int64"}[kind]
            return self.e.scope.append(Var(name, kind, (n,), dtype))
        zero = ZERO[kind]
        ways = [f"({v.name}[-1] if {v.name} else {zero})"]
        ways += [f"({v.name}[0] if len({v.name}) > 1 else {zero})"]
        ways += [f"({v.name}[{self.place(f'len({v.name})')}] if {v.name} else {zero})"] * 3
        ways += [f"sum({v.name}, {zero})"] * (kind == "i" or self.e.dyadic)
        self.emit(f"{name} = {PYTHON[kind]}({c.pick(ways)})")
        if kind == "i":
            self.emit(f"{name} %= 7")
        return self.e.scope.append(Var(name, kind, (), "float64", python=kind == "i"))

    # -- objects -----------------------------------------------------------------------------------

    def objects(self) -> list[Var]:
        return [v for v in self.e.scope if v.kind == "o"]

    def boxed(self) -> None:
        """An object, or another name for one."""
        objects, name = self.objects(), self.fresh()
        if objects and self.choose.often(25):
            v = self.choose.pick(objects)
            self.emit(f"{name} = {v.name}")
            return self.e.scope.append(Var(name, "o", v.shape, v.dtype))
        shape = self.shape()
        array = f"({self.e.value('f', shape, 2)}) + 0.0"
        self.emit(f"{name} = Box(int({self.e.value('i', (), 1)}), {array})")
        return self.e.scope.append(Var(name, "o", shape, "float64"))

    def set(self) -> None:
        """An object changes, in a branch or not."""
        objects = self.objects()
        if not objects:
            return self.boxed()
        c, v = self.choose, self.choose.pick(objects)
        indent = ""
        if c.often(40):
            self.emit(f"if {self.e.value('b', (), 2)}:")
            indent = "    "
        number, array = f"int({self.e.value('i', (), 1)})", self.e.value("f", v.shape, 2)
        ways = [f"{v.name}.n = {number} % 7", f"{v.name}.n += 1", f"{v.name}.step({number})"]
        ways += [f"{v.name}.x = ({array}) + 0.0", f"{v.name}.x += {array}", f"{v.name}.x[:] = 1.5"]
        ways += [f"{v.name}.step({number}).n -= 1", f"{v.name}.last = {v.name}.n % 5"]
        return self.emit(indent + c.pick(ways))

    def read(self) -> None:
        """Something of an object gets a name."""
        objects = self.objects()
        if not objects:
            return self.boxed()
        v, name = self.choose.pick(objects), self.fresh()
        if self.choose.often(50):
            self.emit(f"{name} = {v.name}.n % 7")
            return self.e.scope.append(self.index_var(name))
        self.emit(f"{name} = {self.choose.pick([f'{v.name}.x', f'{v.name}.half'])}")
        return self.e.scope.append(Var(name, "f", v.shape, "float64"))


BOX = """class Box:
    def __init__(self, n, x):
        self.n = n
        self.x = x
        self.last = 0

    def step(self, k):
        if k > 2:
            self.n = ({}) % 7
        return self

    @property
    def half(self):
        return self.x * 0.5
"""
