"""Random expressions that call LAPACK and FFT, and transforms of functions in place.

Matrices are positive definite with eigenvalues apart, so that every factor has derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.fuzz.expressions import Shape, Var
from tests.fuzz.smooth import Smooth

#: Names that a program with such expressions begins with.
IMPORTS = "from tracejit import checkpoint, grad, jacfwd, jacrev, jvp, linearize, vjp, vmap\n"
#: Of a matrix ``q`` (n, n) and a vector ``{b}`` (n,), to a vector.
VECTORS = (
    "np.linalg.solve(q, {b})", "np.linalg.inv(q) @ {b}", "np.linalg.cholesky(q) @ {b}",
    "np.linalg.eigvalsh(q)", "np.linalg.svd(q, compute_uv=False)", "np.linalg.pinv(q) @ {b}",
    "np.abs(np.linalg.qr(q)[1]) @ {b}", "np.linalg.lstsq(q, {b}, rcond=None)[0]",
    "np.fft.irfft(np.fft.rfft({b}), {n}) * q[0]", "np.real(np.fft.ifft(q[-1] * np.fft.fft({b})))",
    "np.linalg.matrix_power(q, -1)[0]", "np.linalg.eigh(q)[1] ** 2 @ {b}",
)  # fmt: skip
NUMBERS = (
    "np.linalg.slogdet(q)[1]", "np.log(np.linalg.det(q))", "np.linalg.norm(q)",
    "np.log(np.linalg.cond(q))", "np.linalg.norm(q, 2)", "np.trace(np.linalg.inv(q))",
    "np.linalg.norm(q, 1)", "np.sum(np.abs(np.fft.fft2(q)))",
)  # fmt: skip


@dataclass
class Nested(Smooth):
    """Some of the smooth expressions are factorisations or transforms."""

    def arrays(self, kind: str, shape: Shape) -> list[Callable[[str, Shape, int], str]]:
        table = super().arrays(kind, shape)
        if kind != "f" or 0 in shape:
            return table
        return [*table, *[self.factored] * 5, *[self.transformed] * 5]

    def reduction(self, kind: str, shape: Shape, depth: int) -> str:
        sizes = [n for n in self.sizes if n]
        if kind == "f" and sizes and self.choose.often(15):
            return f"({self.of_matrix(self.choose.pick(sizes), self.choose.pick(NUMBERS), depth)})"
        return super().reduction(kind, shape, depth)

    def factored(self, kind: str, shape: Shape, depth: int) -> str:
        """Something of LAPACK or an FFT."""
        if len(shape) == 2:
            columns = self.factored(kind, shape[:1], depth - 1)
            return f"(({columns})[:, None] * {self.value(kind, shape, depth)})"
        b = self.value(kind, shape, depth)
        text = self.choose.pick(VECTORS).format(b=f"({b})", n=shape[0])
        return f"({self.of_matrix(shape[0], text, depth)})"

    def of_matrix(self, n: int, text: str, depth: int) -> str:
        column = self.value("f", (n,), depth - 1)
        spread = f"np.diag(np.arange({n}) * 4.0 + 1.0)"
        return (
            f"(lambda q: {text})"
            f"((lambda p: np.outer(p, p) + {spread})(np.tanh(np.array({column}))))"
        )

    def transformed(self, kind: str, shape: Shape, depth: int) -> str:
        """A transform of a function that is written where it is used."""
        name, n = f"q{depth}", shape[0]
        if len(shape) == 2:
            inner = self.body(name, shape[1:], shape[1:], depth)
            return f"(vmap(lambda {name}: {inner})(np.array({self.value(kind, shape, depth)})))"
        inner = self.body(name, shape, shape, depth)
        a, b = (f"np.array({self.value(kind, shape, depth - 1)})" for _ in range(2))
        f = f"lambda {name}: {inner}"
        ways = (
            f"grad(lambda {name}: np.sum(np.tanh({inner})))({a})",
            f"jvp({f}, ({a},), ({b},))[1]",
            f"vjp({f}, {a})[1]({b})[0]",
            f"linearize({f}, {a})[1]({b})",
            f"jacfwd({f})({a}) @ {b}",
            f"jacrev({f})({a})[0]",
            f"checkpoint({f})({a})",
            f"vmap({f})(np.stack([{a}, {b}]))[1]",
            f"vmap(grad(lambda {name}: np.sum(np.tanh({inner}))))(np.stack([{a}, {b}]))[0]",
            f"vmap({f})(np.stack([{a}, {b}]).T.copy().T)[0]",
        )
        calls = [h.name for h in self.helpers if (h.kind, h.shape) == (kind, shape)]
        if calls and self.choose.often(60):
            ways = self.of_helper(self.choose.pick(calls), a, b)
        return f"np.clip({self.choose.pick(ways)}, -{n + 9}.0, {n + 9}.0)"

    def of_helper(self, h: str, a: str, b: str) -> tuple[str, ...]:
        """Transforms of a function of the program, with its loops and what it writes."""
        n = self.choose.number(0, 3)
        f = f"lambda x: {h}(x, {n})"
        loss = f"lambda x: np.sum(np.sin({h}(x, {n})))"
        return (
            f"vmap({h}, in_axes=(0, None))(np.stack([{a}, {b}]), {n})[1]",
            f"grad({loss})({a})",
            f"vmap(grad({loss}))(np.stack([{a}, {b}]))[0]",
            f"jvp({f}, ({a},), ({b},))[1]",
            f"vjp({f}, {a})[1]({b})[0]",
            f"jacrev({f})({a}) @ {b}",
            f"jvp(grad({loss}), ({a},), ({b},))[1]",
            f"linearize(checkpoint({f}), {a})[1]({b})",
        )

    def body(self, name: str, shape: Shape, out: Shape, depth: int) -> str:
        """An expression of everything that there is, and of an array by a new name."""
        self.scope.append(Var(name, "f", shape, "float64"))
        inner = self.value("f", out, min(depth - 1, 2))
        self.scope.pop()
        return f"np.sin({name} * 0.5) * 1.0 + ({inner})"
