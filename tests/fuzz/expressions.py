"""Random NumPy expressions as source text, with the dtype and shape that each will have.

Kinds: ``f`` float64 or float32, ``i`` int64, ``b`` bool, ``c`` complex128. A shape of ``()`` is a
number. Everything here is exact, so that two ways of running a program agree in every bit: each
operation is one IEEE operation, or an integer one; what depends on the order of a sum occurs only
in ``dyadic`` programs, whose numbers are small multiples of powers of two. Where loops may have
made them long, they are made short again before a product or sum (``short``).

In ``narrow`` programs, which have arrays of narrow dtypes, a number whose type would depend on the
way that the program took is made a Python number: see docs/differences.md, "A Python constant takes
the type that it meets".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tests.fuzz.choose import Chooser

Shape = tuple[int, ...]
CONSTANTS = {
    "f": ("0.5", "1.0", "2.0", "-1.0", "0.0", "3.0", "-0.25"),
    "i": ("1", "2", "0", "3", "-1", "5"),
    "b": ("True", "False"),
    "c": ("1j", "(0.5 - 2j)", "(1 + 0j)"),
}
PYTHON = {"f": "float", "i": "int", "b": "bool", "c": "complex"}
DTYPES = {"f": "float64", "i": "int64", "b": "bool", "c": "complex128"}


@dataclass(frozen=True)
class Var:
    """A name in scope. ``python`` says that a number is a Python number and small."""

    name: str
    kind: str
    shape: Shape
    dtype: str
    python: bool = False


@dataclass
class Expressions:
    """Writes expressions over the variables in scope."""

    choose: Chooser
    scope: list[Var] = field(default_factory=list)
    dyadic: bool = False
    looping: bool = False
    looped: bool = False
    narrow: bool = False
    sizes: tuple[int, ...] = (3, 4)

    # -- entry ---------------------------------------------------------------------------------

    def value(self, kind: str, shape: Shape, depth: int) -> str:
        """Source of an expression of this kind and exactly this shape."""
        if depth <= 0 or self.choose.often(25):
            return self.leaf(kind, shape)
        table = self.numbers if shape == () else self.arrays
        return self.choose.pick(table(kind, shape))(kind, shape, depth - 1)

    def operand(self, kind: str, shape: Shape, depth: int) -> str:
        """An expression that broadcasts to the shape."""
        shapes: list[Shape] = [shape, shape, ()]
        if len(shape) == 2:
            shapes += [shape[1:], (1, shape[1]), (shape[0], 1)]
        return self.value(kind, self.choose.pick(shapes), depth)

    # -- leaves --------------------------------------------------------------------------------

    def leaf(self, kind: str, shape: Shape) -> str:
        """A variable, a view of one, or a constant."""
        exact = [v.name for v in self.scope if v.kind == kind and v.shape == shape]
        if exact and self.choose.often(75):
            return self.choose.pick(exact)
        if shape == ():
            return self.element(kind)
        views = [t for v in self.scope if v.kind == kind for t in self.views(v, shape)]
        if views and self.choose.often(80):
            return self.choose.pick(views)
        if exact:
            return self.choose.pick(exact)
        return self.made(kind, shape)

    def element(self, kind: str) -> str:
        arrays = [v for v in self.scope if v.kind == kind and v.shape and 0 not in v.shape]
        if arrays and self.choose.often(50):
            v = self.choose.pick(arrays)
            return f"{v.name}[{', '.join(self.index(n) for n in v.shape)}]"
        return self.choose.pick(CONSTANTS[kind])

    def index(self, n: int) -> str:
        """An index into an axis: mostly in range."""
        if self.choose.often(50):
            return str(self.choose.number(-n, n - 1))
        small = [v.name for v in self.scope if v.kind == "i" and v.shape == ()]
        if not small:
            return "0"
        name = self.choose.pick(small)
        return name if self.choose.often(15) else f"{name} % {n}"

    def made(self, kind: str, shape: Shape) -> str:
        c = self.choose
        if len(shape) == 1 and kind in "fi" and c.often(50):
            tail = " * 0.5" if kind == "f" else ""
            return f"(np.arange({shape[0]}){tail})"
        if c.often(40):
            return f"np.{c.pick(['ones', 'zeros'])}({shape}, dtype=np.{DTYPES[kind]})"
        return f"np.full({shape}, {c.pick(CONSTANTS[kind])})"

    def views(self, v: Var, shape: Shape) -> list[str]:
        """Texts of views of a variable that have the shape."""
        out: list[str] = []
        name, c = v.name, self.choose
        if not v.shape:
            return out
        if v.shape == shape:
            out += [f"{name}[::-1]", f"{name}[...]"]
        if v.shape == shape[::-1] and len(shape) == 2:
            out += [f"{name}.T", f"{name}.swapaxes(0, 1)"]
        if len(v.shape) == len(shape) and all(a > b for a, b in zip(v.shape, shape, strict=True)):
            cuts = [self.cut(a, b) for a, b in zip(v.shape, shape, strict=True)]
            out.append(f"{name}[{', '.join(cuts)}]")
        if len(v.shape) == 2 and len(shape) == 1:
            if v.shape[1] == shape[0] and v.shape[0]:
                out.append(f"{name}[{self.index(v.shape[0])}]")
            if v.shape[0] == shape[0] and v.shape[1]:
                out.append(f"{name}[:, {self.index(v.shape[1])}]")
        if v.shape != shape and np.prod(v.shape, dtype=int) == np.prod(shape, dtype=int):
            way = c.pick(["reshape", "reshape", "ravel"]) if len(shape) == 1 else "reshape"
            out.append(f"{name}.ravel()" if way == "ravel" else f"{name}.reshape({shape})")
        if len(v.shape) == 1 and len(shape) == 2:
            if shape == (v.shape[0], 1):
                out.append(f"{name}[:, None]")
            if shape == (1, v.shape[0]):
                out.append(f"{name}[None]")
        return out

    def cut(self, n: int, want: int) -> str:
        """A slice of ``want`` out of ``n`` elements (``want < n``)."""
        c = self.choose
        if want and (n + 1) // 2 == want and c.often(40):
            return c.pick(["::2", "::-2"])
        start = c.number(0, n - want)
        stop = start + want
        if want and c.often(20):
            low = start - 1
            return f"{stop - 1}:{low if low >= 0 else ''}:-1"
        ints = [v.name for v in self.scope if v.kind == "i" and v.shape == () and v.python]
        if ints and c.often(15):
            k = f"{c.pick(ints)} % {n - want + 1}"
            return f"{k}:{k} + {want}"
        if start and c.often(30):
            return f"{start}:{stop - n}" if stop < n else f"{start}:"
        return f"{start}:{stop}"

    # -- arrays --------------------------------------------------------------------------------

    def arrays(self, kind: str, shape: Shape) -> list[Callable[[str, Shape, int], str]]:
        table = [self.binary, self.binary, self.binary, self.unary, self.where, self.moved]
        table += [self.joined, self.folded, self.gathered, self.scan]
        if kind == "f":
            table += [self.product, self.from_other]
        if kind in "ib":
            table += [self.from_other, self.from_other]
        return table

    def binary(self, kind: str, shape: Shape, depth: int) -> str:
        c = self.choose
        if kind == "b":
            return self.comparison(shape, depth)
        a, b = self.value(kind, shape, depth), self.operand(kind, shape, depth)
        if c.often(30):
            a, b = b, a
        ops = {"f": ["+", "-", "*", "/", "%", "//"], "i": ["+", "-", "*", "//", "%"], "c": "+-*"}
        if self.dyadic:
            ops["f"] = ["+", "-", "*"]
        if not self.dyadic or self.looping:
            ops["c"] = "+-"  # NumPy's own product is fused or not by the length of a loop
        named = {"f": ["maximum", "minimum", "fmax", "copysign"], "i": ["maximum", "minimum"]}
        if kind in named and c.often(20):
            name = c.pick(named[kind])
            # What sign a nan has is nobody's choice.
            b = f"np.nan_to_num({b})" if name == "copysign" else b
            return f"np.{name}({a}, {b})"
        if kind == "i" and shape != () and c.often(10):
            return f"({a} {c.pick(['&', '|', '^'])} {b})"
        return f"({a} {c.pick(ops[kind])} {b})"

    def comparison(self, shape: Shape, depth: int) -> str:
        c = self.choose
        if c.often(25):
            a, b = self.value("b", shape, depth), self.operand("b", shape, depth)
            return f"({a} {c.pick(['&', '|', '^', '=='])} {b})"
        kind = c.pick(["f", "f", "i", "c"])
        a, b = self.value(kind, shape, depth), self.operand(kind, shape, depth)
        ops = ["==", "!="] if kind == "c" else ["<", ">", "<=", ">=", "==", "!="]
        return f"({a} {c.pick(ops)} {b})"

    def unary(self, kind: str, shape: Shape, depth: int) -> str:
        a = self.value(kind, shape, depth)
        texts = {
            "f": ["(-{})", "np.abs({})", "np.sqrt({})", "np.floor({})", "np.square({})",
                  "np.sign({})", "np.clip({}, -1.0, 2.0)", "({} ** 2)", "np.ascontiguousarray({})",
                  "np.nan_to_num({})", "np.round({})"],
            "i": ["(-{})", "np.abs({})", "({} ** 2)", "(~{})", "np.clip({}, -2, 3)"],
            "b": ["(~{})", "np.logical_not({})"],
            "c": ["(-{})", "np.conj({})", "{}.conj()"],
        }  # fmt: skip
        return self.choose.pick(self.allowed(texts[kind])).format(a)

    def allowed(self, texts: list[str]) -> list[str]:
        """Square roots round: not in dyadic programs."""
        return [t for t in texts if not (self.dyadic and "sqrt" in t)]

    def where(self, kind: str, shape: Shape, depth: int) -> str:
        test = self.value("b", shape, depth)
        a, b = self.operand(kind, shape, depth), self.operand(kind, shape, depth)
        return f"np.where({test}, {a}, {b})"

    def moved(self, kind: str, shape: Shape, depth: int) -> str:
        """The same elements elsewhere."""
        c = self.choose
        if len(shape) == 2 and c.often(50):
            return f"{self.value(kind, shape[::-1], depth)}.T"
        a = self.value(kind, shape, depth)
        ways = ["{}[::-1]", "np.flip({})", "np.roll({}, 1)", "{}.copy()"]
        ways += ["np.roll({}, -2, axis=0)", "np.array({})"]
        return c.pick(ways).format(a)

    def joined(self, kind: str, shape: Shape, depth: int) -> str:
        c = self.choose
        if len(shape) == 2 and c.often(30) and shape[0] == 2:
            rows = [self.value(kind, shape[1:], depth) for _ in range(2)]
            return f"np.stack([{', '.join(rows)}])"
        k = c.number(0, shape[0])
        parts = [self.value(kind, (n, *shape[1:]), depth) for n in (k, shape[0] - k)]
        return f"np.concatenate([{', '.join(parts)}])"

    def folded(self, kind: str, shape: Shape, depth: int) -> str:
        """A reduction over an axis of something of one rank more."""
        c = self.choose
        if len(shape) != 1:
            return self.binary(kind, shape, depth)
        axis, n = c.number(0, 1), c.pick([2, *self.sizes])
        a = self.short(kind, (n, *shape) if axis == 0 else (*shape, n), depth)
        names = {"f": ["sum", "max", "min"], "i": ["sum", "max", "min", "prod"], "c": ["sum"]}
        names["b"] = ["any", "all"]
        if not self.dyadic:
            names["f"] = ["max", "min"]
        if not self.dyadic or self.looped:
            names["c"] = []
        if not names[kind]:
            return self.binary(kind, shape, depth)
        name = c.pick(names[kind])
        return f"{a}.{name}(axis={axis if c.often(70) else axis - 2})"

    def gathered(self, kind: str, shape: Shape, depth: int) -> str:
        c = self.choose
        n = c.pick(self.sizes)
        if len(shape) != 1:
            return self.where(kind, shape, depth)
        a = self.value(kind, (n,), depth)
        at = self.value("i", shape, depth)
        at = at if c.often(10) else f"({at}) % {n}"
        return f"np.take({a}, {at})" if c.often(20) else f"({a})[{at}]"

    def scan(self, kind: str, shape: Shape, depth: int) -> str:
        c = self.choose
        if kind == "b" or 0 in shape:
            return self.unary(kind, shape, depth)
        a = self.value(kind, shape, depth)
        axis = c.number(0, len(shape) - 1)
        if c.often(40) and kind != "c":
            return f"np.maximum.accumulate({a}, axis={axis})"
        return f"np.cumsum({a}, axis={axis})"

    def product(self, kind: str, shape: Shape, depth: int) -> str:
        if not self.dyadic:
            return self.binary(kind, shape, depth)
        k = self.choose.pick(self.sizes)
        if len(shape) == 2:
            left, right = (shape[0], k), (k, shape[1])
        else:
            left, right = (shape[0], k), (k,)
        return f"({self.short('f', left, depth)} @ {self.short('f', right, depth)})"

    def short(self, kind: str, shape: Shape, depth: int) -> str:
        """A value whose numbers have few bits, so that sums of their products are exact."""
        a = self.value(kind, shape, depth)
        return f"(np.rint({a}) % 16.0)" if self.looped and kind == "f" else a

    def from_other(self, kind: str, shape: Shape, depth: int) -> str:
        """A value of another kind, converted."""
        c = self.choose
        if kind == "f":
            if c.often(30):
                return f"({self.value('c', shape, depth)}).{c.pick(['real', 'imag'])}"
            return f"({self.value(c.pick(['i', 'b']), shape, depth)}).astype(np.float64)"
        if kind == "b":
            a = self.value("f", shape, depth)
            return c.pick(
                ["np.isnan({})", "np.isfinite({})", "np.signbit(np.nan_to_num({}))"]
            ).format(a)
        if c.often(50):
            return f"({self.value('b', shape, depth)}).astype(np.int64)"
        if len(shape) == 1 and c.often(50):
            a = self.value("f", (*shape, c.pick([2, 3])), depth)
            return f"{a}.{c.pick(['argmax', 'argmin'])}(axis=1)"
        return f"np.clip(np.nan_to_num({self.value('f', shape, depth)}), -9, 9).astype(np.int64)"

    # -- numbers -------------------------------------------------------------------------------

    def numbers(self, kind: str, shape: Shape) -> list[Callable[[str, Shape, int], str]]:
        table = [self.number_binary, self.reduction, self.reduction, self.choice]
        return [*table, self.number_unary, self.converted]

    def number_binary(self, kind: str, shape: Shape, depth: int) -> str:
        c = self.choose
        a = self.value(kind, (), depth)
        if kind == "b":
            k = c.pick(["f", "i"])
            if c.often(50):
                return f"({self.number('b', depth)} {c.pick(['and', 'or'])} {a})"
            op = c.pick(["<", ">", "<=", "==", "!="])
            return f"({self.value(k, (), depth)} {op} {self.value(k, (), depth)})"
        if kind == "i":
            # Python integers have no bounds: they stay small here.
            return f"({a} {c.pick(['+', '-'])} {c.pick(['1', '2', '7'])}) % {c.number(2, 7)}"
        return f"({a} {c.pick(['+', '-', '*'])} {self.value(kind, (), depth)})"

    def number_unary(self, kind: str, shape: Shape, depth: int) -> str:
        a = self.number(kind, depth)
        texts = {
            "f": ["(-{})", "abs({})", "np.sqrt(abs({}))", "float({})", "np.float64({})"],
            "i": ["abs({})", "-({}) % 5", "int({})", "min({}, 3)", "max(1, {})"],
            "b": ["(not {})", "bool({})"],
            "c": ["(-{})", "np.conj({})", "complex({})"],
        }
        return self.choose.pick(self.allowed(texts[kind])).format(a)

    def reduction(self, kind: str, shape: Shape, depth: int) -> str:
        c = self.choose
        inner: Shape = (c.pick(self.sizes),)
        if c.often(30) and (kind in "bi" or (self.dyadic and not (kind == "c" and self.looped))):
            inner = (c.pick(self.sizes), *inner)
        if kind == "b":
            return f"({self.value('b', inner, depth)}).{c.pick(['any', 'all'])}()"
        if kind == "i":
            if c.often(50):
                return f"int(np.count_nonzero({self.value('b', inner, depth)}))"
            name = c.pick(["argmax", "argmin"])
            return f"int(({self.value(c.pick(['f', 'i']), inner, depth)}).{name}())"
        name = c.pick(["sum", "sum"] + ["max", "min"] * (kind == "f"))
        if c.often(20) and kind == "f":
            masked = f"({self.short('f', inner, depth)})[{self.value('b', inner, depth)}]"
            return f"({masked}).sum()"
        a = self.short(kind, inner, depth) if len(inner) > 1 else self.value(kind, inner, depth)
        return f"({a}).{name}()"

    def number(self, kind: str, depth: int) -> str:
        """A number of a type that does not depend on the way that the program takes."""
        text = self.value(kind, (), depth)
        return f"{PYTHON[kind]}({text})" if self.narrow else text

    def choice(self, kind: str, shape: Shape, depth: int) -> str:
        a, b = self.number(kind, depth), self.number(kind, depth)
        return f"({a} if {self.value('b', (), depth)} else {b})"

    def converted(self, kind: str, shape: Shape, depth: int) -> str:
        c = self.choose
        if kind == "f":
            return f"float({self.value(c.pick(['i', 'b']), (), depth)})"
        if kind == "i":
            arrays = [v for v in self.scope if v.shape]
            if arrays and c.often(60):
                v = c.pick(arrays)
                return c.pick([f"len({v.name})", f"{v.name}.shape[-1]", f"{v.name}.size % 11"])
            return f"int({self.value('b', (), depth)})"
        if kind == "b":
            return f"({self.value('f', (), depth)} > 0)"
        return f"complex({self.value('f', (), depth)}, {self.value('f', (), depth)})"
