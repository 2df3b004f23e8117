"""Expressions over more of NumPy and Python: sorts, selections, joins, counts, comprehensions.

Everything is exact here too; ``ROUNDED`` functions are applied to results only, and compared within
a few units in the last place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.fuzz.expressions import Expressions, Shape

#: Applied to a result, of which no other result is computed.
ROUNDED = (
    "np.sin({})", "np.cos({})", "np.exp({})", "np.log({})", "np.tanh({})", "np.arctan({})",
    "np.expm1({})", "np.log1p({})", "np.log2({})", "np.log10({})", "np.exp2({})", "np.sinh({})",
    "np.cosh({})", "np.arcsinh({})", "np.arcsin({})", "np.arccosh({})", "np.arctanh({})",
    "np.cbrt({})", "np.tan({})", "np.power({}, 1.5)", "np.hypot({}, 2.0)", "np.arctan2({}, 3.0)",
    "np.power(2.0, {})", "np.arccos({})",
)  # fmt: skip

SAME = {  # one array of the kind and shape in, one out
    "f": ["np.trunc({})", "np.ceil({})", "np.rint({})", "np.fmod({}, 1.5)", "np.heaviside({}, 0.5)",
          "np.modf({})[1]", "np.divmod({}, 0.75)[1]", "np.reciprocal({})", "np.fabs({})",
          "np.nan_to_num({}, nan=1.0)", "np.clip({}, None, 1.0)", "np.spacing({})", "np.abs({})",
          "np.ldexp({}, 2)", "np.frexp({})[0]", "({} ** 0.5)", "({} ** -1)", "np.float64(2) * {}"],
    "i": ["({} << 1)", "({} >> 1)", "np.left_shift({}, 2)", "np.gcd({}, 6)", "np.sign({})",
          "np.fmod({}, 3)", "np.bitwise_xor({}, 5)", "np.floor_divide({}, 2)", "({} // -3)",
          "({} % -3)", "np.invert({})", "np.power({}, 3)", "np.minimum({}, np.int64(2))"],
    "b": ["np.invert({})", "np.logical_xor({}, True)", "np.array({}, dtype=bool)"],
    "c": ["{}.conjugate()", "np.positive({})", "(0.5 * {})", "np.conj({}) + 1"],
}  # fmt: skip
REARRANGED = (
    "np.sort({0}, axis=0)", "np.sort({0}[::-1], axis=0)", "np.rot90({0}, 2)", "np.fliplr({0})",
    "np.flipud({0})", "np.roll({0}, 1, axis=-1)", "np.tile({0}, ({tiled}))[:{n}]",
    "np.concatenate([{0}, {0}])[1:{n1}]", "np.repeat({0}, 2, axis=0)[::2]",
    "np.append({0}[:1], {0}[1:], axis=0)", "np.delete(np.insert({0}, 0, 1, axis=0), 0, axis=0)",
    "np.moveaxis({0}, 0, 0)", "np.squeeze({0}[None], axis=0)", "np.expand_dims({0}, 0)[0]",
    "np.vstack([{0}, {0}])[:{n}]", "np.asarray({0})", "{0}.take(range({n}), axis=0)",
    "np.array_split({0}, [{n}])[0]", "np.broadcast_to({0}, (2, *{0}.shape))[1]",
    "np.stack([{0}, {0}], axis=-1)[..., 0]",
    "np.dstack([{0}, {0}]).ravel()[:{size}].reshape({shape})",
    "np.atleast_2d({0}).reshape({shape})", "{0}.swapaxes(0, -1).swapaxes(0, -1)", "np.block([{0}])",
)  # fmt: skip


@dataclass
class Helper:
    """A function that the program defines: of one array and one number, to an array like it."""

    name: str
    kind: str
    shape: Shape


@dataclass
class Wide(Expressions):
    """Widens the tables; ``helpers`` can be called."""

    helpers: list[Helper] = field(default_factory=list)

    def arrays(self, kind: str, shape: Shape) -> list[Callable[[str, Shape, int], str]]:
        table = super().arrays(kind, shape)
        table += [self.same, self.same, self.rearranged, self.selected, self.called, self.built]
        return [*table, self.called, self.joined_many]

    def same(self, kind: str, shape: Shape, depth: int) -> str:
        text = self.choose.pick(SAME[kind])
        return f"({text.format(self.value(kind, shape, depth))})"

    def rearranged(self, kind: str, shape: Shape, depth: int) -> str:
        texts = REARRANGED if kind != "c" else REARRANGED[2:]
        text = self.choose.pick(
            [t for t in texts if len(shape) == 2 or not ("lr" in t or "rot" in t)]
        )
        a = self.value(kind, shape, depth)
        size = shape[0] * (shape[1] if len(shape) == 2 else 1)
        tiled = ", ".join(["2"] + ["1"] * (len(shape) - 1))
        return text.format(
            f"({a})", n=shape[0], n1=shape[0] + 1, size=size, shape=shape, tiled=tiled
        )

    def selected(self, kind: str, shape: Shape, depth: int) -> str:
        """Selections by masks and by order."""
        c = self.choose
        if len(shape) != 1 or 0 in shape:
            return self.where(kind, shape, depth)
        n, a, mask = shape[0], self.value(kind, shape, depth), self.value("b", shape, depth)
        ways = [
            "np.concatenate([({a})[{m}], ({a})[~({m})]])",
            "({a})[np.argsort({m}, kind='stable')]",
        ]
        ways += ["np.select([{m}, ~({m})], [{a}, ({a})[::-1]])", "np.append(({a})[{m}], {a})[:{n}]"]
        ways += ["np.concatenate([np.compress({m}, {a}), np.extract({m}, {a}), {a}])[-{n}:]"]
        ways += ["np.take_along_axis({a}, np.nonzero(np.ones({n}))[0], axis=0)"]
        ways += ["np.choose(({m}).astype(int), [{a}, ({a}) * 1])"] * (kind != "b")
        if kind == "i":
            ways += [
                "np.append(np.where({m})[0], {a})[:{n}]",
                "np.bincount(({a}) % {n}, minlength={n})",
            ]
            ways += ["np.searchsorted(np.sort({a}), {a})", "np.argsort({a}, kind='stable')"]
            ways += ["np.digitize({a}, [0, 2])", "np.cumsum({m})", "np.cumprod(np.clip({a}, 1, 2))"]
        if kind == "f":
            ways += ["np.pad({a}, 1)[1:-1]", "np.pad({a}, (0, 1), mode='edge')[1:]"]
            ways += ["np.pad({a}, (1, 0), mode='wrap')[:-1]", "np.diff({a}, prepend=0.0)"]
            ways += ["np.ediff1d({a}, to_end=1.0)", "np.minimum.accumulate({a})"]
        return c.pick(ways).format(a=a, m=mask, n=n)

    def joined_many(self, kind: str, shape: Shape, depth: int) -> str:
        """Rows and columns put together; outer sums; triangles."""
        if len(shape) != 2 or 0 in shape or kind == "b":
            return self.joined(kind, shape, depth)
        n, m = shape
        column, row = self.value(kind, (n,), depth), self.value(kind, (m,), depth)
        rows = ", ".join([row] * n)
        ways = [f"np.add.outer({column}, {row})", f"np.vstack([{rows}])", f"np.array([{rows}])"]
        ways += [f"np.tril({self.value(kind, shape, depth)})", f"np.array([({row})] * {n})"]
        ways += [
            f"np.triu({self.value(kind, shape, depth)}, 1)",
            f"({column})[:, np.newaxis] + {row}",
        ]
        ways += [f"np.column_stack([{', '.join([column] * m)}])", f"np.eye({n}, {m}) + {row}"]
        return self.choose.pick(ways)

    def built(self, kind: str, shape: Shape, depth: int) -> str:
        """An array of a comprehension."""
        n = shape[0]
        name, item = f"k{depth}", self.value(kind, shape[1:], depth - 1)
        if n == 0 or n > 5:
            return self.same(kind, shape, depth)
        return f"np.array([{item} for {name} in range({n})])"

    def called(self, kind: str, shape: Shape, depth: int) -> str:
        """A call of a function of the program's own."""
        found = [h for h in self.helpers if (h.kind, h.shape) == (kind, shape)]
        if not found:
            return self.unary(kind, shape, depth)
        a, number = self.value(kind, shape, depth), self.value("i", (), 1)
        return f"{self.choose.pick(found).name}({a}, {number})"

    # -- numbers -------------------------------------------------------------------------------

    def numbers(self, kind: str, shape: Shape) -> list[Callable[[str, Shape, int], str]]:
        return [*super().numbers(kind, shape), self.counted, self.python]

    def counted(self, kind: str, shape: Shape, depth: int) -> str:
        """What NumPy counts and finds."""
        n = self.choose.pick(self.sizes)
        a, b = self.value("i", (n,), depth), self.value("i", (n,), depth)
        x = self.value("f", (n,), depth)
        texts = {
            "i": ["len(np.unique({a}))", "int(np.flatnonzero({a}).sum())", "np.where({a})[0].size",
                  "int((({a}) > 1).sum())", "len(({x})[({x}) > 0])",
                  "int(np.ptp(np.append({a}, 0)))",
                  "int(np.searchsorted(np.sort({a}), 1))", "int(({a}) @ ({b})) % 11",
                  "len({{1, 2}} | {{3}})", "int(np.nonzero({a})[0].max(initial=-1))"],
            "b": ["np.array_equal({a}, {b})", "bool(np.isin(1, {a}))", "all({a} > 0)",
                  "any({b} < 2)", "np.allclose({a}, {b})", "bool((({x}) == ({x})).all())",
                  "(0 < {n} <= 3)"],
            "f": ["np.float64(np.max({x}, initial=0.5))", "np.median(np.append({a}, 2))",
                  "np.mean(({a}) * 0.5 if {n} else [1.0])", "float(np.dot({a}, {b}) % 64)",
                  "max(0.5, 1.5)", "np.min(np.abs({x}), initial=3.0)"],
            "c": ["complex(1.0, {n})", "np.sum(({a}) * 1j)"],
        }  # fmt: skip
        return self.choose.pick(texts[kind]).format(a=f"({a})", b=f"({b})", x=f"({x})", n=n)

    def python(self, kind: str, shape: Shape, depth: int) -> str:
        """What Python computes on numbers."""
        a, b = self.number(kind, depth), self.number(kind, depth)
        test = self.value("b", (), depth)
        texts = {
            "i": ["sum([{a}, {b}]) % 5", "divmod(({a}) % 9, 4)[1]", "[{a}, {b}][{t} and 1]",
                  "round({a})",
                  "min([{a}, {b}, 2])", "({a}) ** 2 % 7", "sum(q for q in (1, 2, 3)) - ({a})"],
            "b": ["({a} != {b})", "(not ({a} or {b}))", "all([{a}, {b}])",
                  "any((q for q in [{a}]))", "(bool({a}) is True)", "(({a} and {b}) or {t})"],
            "f": ["max({a}, {b})", "min({a}, 0.25)", "(lambda q: q + 0.5)({a})", "sum([{a}, {b}])",
                  "({{'p': {a}, 'q': {b}}}['p'])", "[{a}, {b}][-1]", "pow({a}, 1)", "abs(-({a}))"],
            "c": ["({a}).real + 1j", "abs({a}) * 0j", "[{a}, {b}][0]"],
        }  # fmt: skip
        return f"({self.choose.pick(texts[kind]).format(a=a, b=b, t=test)})"
