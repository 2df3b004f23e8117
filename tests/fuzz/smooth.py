"""Random expressions with derivatives: smooth almost everywhere, and bounded for bounded values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.fuzz.expressions import Shape
from tests.fuzz.wide import Wide

# Of one real argument, of any shape. Kinks and steps are met away from them almost surely.
SMOOTH = (
    "np.sin({})", "np.cos({})", "np.tanh({})", "(-{})", "np.square({})", "({} ** 2)", "({} ** 3)",
    "np.sqrt(1.0 + np.square({}))", "np.log1p(np.square({}))", "np.exp(-np.square({}))",
    "np.arctan({})", "np.abs({})", "np.clip({}, -1.1, 0.7)", "np.maximum({}, 0.3)",
    "(1.0 / (1.5 + np.square({})))", "np.expm1(np.tanh({}))", "np.sinh(np.tanh({}))",
    "np.arcsinh({})", "np.logaddexp({}, 0.5)", "np.floor({})", "np.sign({})", "np.nan_to_num({})",
    "np.reciprocal(2.0 + np.sin({}))", "np.exp2(np.cos({}))", "np.cbrt(2.0 + np.sin({}))",
    "np.log(2.0 + np.cos({}))", "np.cosh(np.sin({}))", "np.arcsin(0.9 * np.sin({}))",
    "np.arctanh(0.5 * np.cos({}))", "np.mod({}, 1.7)", "np.positive({})", "np.abs(1.0 + {} * 1j)",
)  # fmt: skip
SMOOTH_ARRAYS = ("np.sort({})", "np.ascontiguousarray({})", "np.cumsum({}, axis=0)")
COMPLEX = (
    "(-{})", "np.conj({})", "np.exp(1j * {}.real)", "np.sin({} * 0.25)",
    "({} * {})", "np.square({})", "np.sqrt(3.0 + np.sin({}.real) + 0.25j * np.cos({}.imag))",
)  # fmt: skip
PAIRS = (
    "({} + {})", "({} - {})", "({} * {})", "({} * {})", "np.maximum({}, {})", "np.minimum({}, {})",
    "({} / (1.5 + np.square({})))", "np.hypot(1.0 + {}, {})", "np.arctan2({}, 2.5 + np.sin({}))",
    "np.power(1.5 + np.tanh({}), {})", "np.logaddexp({}, {})", "np.fmax({}, {})",
    "np.copysign(1.0 + np.square({}), {})",
)  # fmt: skip


@dataclass
class Smooth(Wide):
    """Expressions of kind ``f`` and ``c`` have derivatives; ``i`` and ``b`` decide the way."""

    def binary(self, kind: str, shape: Shape, depth: int) -> str:
        if kind not in "fc":
            return super().binary(kind, shape, depth)
        a, b = self.value(kind, shape, depth), self.operand(kind, shape, depth)
        if self.choose.often(30):
            a, b = b, a
        pairs = PAIRS if kind == "f" else PAIRS[:4]
        return self.choose.pick(pairs).format(a, b)

    def number_binary(self, kind: str, shape: Shape, depth: int) -> str:
        if kind not in "fc":
            return super().number_binary(kind, shape, depth)
        return self.binary(kind, (), depth)

    def unary(self, kind: str, shape: Shape, depth: int) -> str:
        if kind not in "fc":
            return super().unary(kind, shape, depth)
        a = self.value(kind, shape, depth)
        texts = COMPLEX if kind == "c" else SMOOTH if shape == () else SMOOTH + SMOOTH_ARRAYS
        return self.choose.pick(texts).replace("{}", f"({a})")

    def same(self, kind: str, shape: Shape, depth: int) -> str:
        if kind not in "fc":
            return super().same(kind, shape, depth)
        return self.unary(kind, shape, depth)

    def number_unary(self, kind: str, shape: Shape, depth: int) -> str:
        if kind not in "fc":
            return super().number_unary(kind, shape, depth)
        return self.unary(kind, shape, depth)

    def folded(self, kind: str, shape: Shape, depth: int) -> str:
        if kind != "f" or len(shape) != 1 or self.choose.often(30):
            return super().folded(kind, shape, depth)
        c = self.choose
        n = c.pick([n for n in (2, *self.sizes) if n])
        a = self.value(kind, (n, *shape), depth)
        ways = ["{}.mean(axis=0)", "{}.var(axis=0)", "np.prod(np.sin({}), axis=0)"]
        ways += ["np.linalg.norm(2.0 + np.sin({}), axis=0)", "np.sqrt(1.0 + {}.var(axis=0))"]
        ways += ["np.einsum('ij,ij->j', {0}, {0})"]
        return c.pick(ways).format(f"({a})")

    def reduction(self, kind: str, shape: Shape, depth: int) -> str:
        if kind != "f" or self.choose.often(40):
            return super().reduction(kind, shape, depth)
        c = self.choose
        inner: Shape = (c.pick([n for n in self.sizes if n]),)
        a = self.value(kind, inner, depth)
        ways = ["{}.mean()", "{}.max()", "np.prod(np.cos({}))", "({0} @ {0})", "np.median({})"]
        ways += ["np.dot({0}, np.sin({0}))", "np.sin({}).sum()", "{}.min()", "np.ptp({})"]
        return c.pick(ways).format(f"({a})")

    def scan(self, kind: str, shape: Shape, depth: int) -> str:
        if kind == "f" and len(shape) == 1 and shape[0] and self.choose.often(50):
            n = shape[0]
            a = self.value("f", (n + 1,), depth)
            ways = [f"np.diff({a})", f"np.cumprod(np.cos({a}))[1:]", f"({a})[1:] * ({a})[:-1]"]
            ways += [f"np.pad(({a})[1:-1], 1, mode='edge')[:{n}]", f"np.repeat({a}, 2)[1:{n + 1}]"]
            return f"({self.choose.pick(ways)})"
        return super().scan(kind, shape, depth)

    def from_other(self, kind: str, shape: Shape, depth: int) -> str:
        if kind == "f" and self.choose.often(50):
            part = self.choose.pick(["{}.real", "{}.imag", "np.abs(2.5 + {})", "np.abs({} + 3j)"])
            return part.format(f"({self.value('c', shape, depth)})")
        return super().from_other(kind, shape, depth)

    def numbers(self, kind: str, shape: Shape) -> list[Callable[[str, Shape, int], str]]:
        return [*super().numbers(kind, shape), *[self.number_unary] * 2]
