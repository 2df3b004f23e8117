"""Expressions that overflow or cancel as written, and the float32 points at which they do.

Each is written once, for NumPy; the truth is the derivative of the same text in mpmath. A row is a
function of a vector ``x`` of which the sum is differentiated, with the vectors to take it at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Function = Callable[[Any], Any]
Row = tuple[str, Function, list[list[float]]]

#: Logits: shifted far up and down, spread, equal, and ordinary ones.
UP, DOWN = [1000.0, 1001.0, 999.0], [-1000.0, -1001.0, -999.0]
SPREAD, PLAIN = [120.0, -150.0, 3.0], [0.3, -0.2, 1.1]
LOGITS = [UP, DOWN, SPREAD, PLAIN]
#: Scalars, each point on its own.
FAR = [[-1000.0, -95.0, -20.0, -1.5, -1e-6], [1000.0, 95.0, 20.0, 1.5, 1e-6]]
RIGHT = [[1000.0, 95.0, 20.0, 1.5], [0.1, 1e-3, 1e-6, 1e-20]]
LEFT = [[-v for v in p] for p in RIGHT]
NEAR = [[1e-6, -1e-6, 1e-3], [-1e-3, 0.1, -0.3], [1.0, -2.0, 5.0]]
SIZES = [[3e30, -4e30, 1e29], [3e-30, 4e-30, -1e-31], [3.0, -4.0, 0.5]]


def logs_of_sums(np: Any) -> list[Row]:
    """Log-mean-exp and mixtures in every form."""
    w = np.float32([0.2, 0.3, 0.5])
    matrix = np.float32([[0.5, 0.25, 0.25], [0.1, 0.6, 0.3], [0.2, 0.2, 0.6]])
    mu = np.float32([-1.0, 0.5, 2.0])
    ahead = np.array([True, False, True])

    def loop(x: Any) -> Any:
        s = 0.0
        for i in range(x.shape[0]):
            s += np.exp(x[i])
        return np.log(s)

    def weighted_loop(x: Any) -> Any:
        s = 0.0
        for i in range(x.shape[0]):
            s = s + w[i] * np.exp(x[i])
        return np.log(s / x.shape[0])

    def generator(x: Any) -> Any:
        return np.log(sum(np.exp(x[i]) for i in range(3)))

    def masked_loop(x: Any) -> Any:
        s = 0.0
        for i in range(x.shape[0]):
            if ahead[i]:
                s += np.exp(x[i])
        return np.log(s)

    def forward_algorithm(x: Any) -> Any:
        a = w * np.exp(x)
        for _ in range(3):
            a = (a @ matrix) * np.exp(x)
        return np.log(np.sum(a))

    return [
        ("log(sum(exp x))", lambda x: np.log(np.sum(np.exp(x))), LOGITS),
        ("log(mean(exp x))", lambda x: np.log(np.mean(np.exp(x))), LOGITS),
        ("log(exp(x).mean())", lambda x: np.log(np.exp(x).mean()), LOGITS),
        ("log(sum(exp x)/n)", lambda x: np.log(np.sum(np.exp(x)) / 3), LOGITS),
        ("log(sum(exp x)) - log(n)", lambda x: np.log(np.exp(x).sum()) - np.log(3.0), LOGITS),
        ("log2(sum(exp x))", lambda x: np.log2(np.sum(np.exp(x))), LOGITS),
        ("log10(mean(exp x))", lambda x: np.log10(np.mean(np.exp(x))), LOGITS),
        ("log(e0 + e1 + e2)", lambda x: np.log(np.exp(x[0]) + np.exp(x[1]) + np.exp(x[2])), LOGITS),
        ("log(exp(x) @ 1)", lambda x: np.log(np.exp(x) @ np.float32([1, 1, 1])), LOGITS),
        ("log(dot(w, exp x))", lambda x: np.log(np.dot(w, np.exp(x))), LOGITS),
        ("log(sum(w exp x))", lambda x: np.log(np.sum(w * np.exp(x))), LOGITS),
        ("log(average)", lambda x: np.log(np.sum(w * np.exp(x)) / np.sum(w)), LOGITS),
        ("log(sum(exp(x)**2))", lambda x: np.log(np.sum(np.exp(x) ** 2)), LOGITS),
        ("log(sum(exp(-x)))", lambda x: np.log(np.sum(np.exp(-x))), LOGITS),
        ("log(sum(1/exp(x)))", lambda x: np.log(np.sum(1 / np.exp(x))), LOGITS),
        ("-log(sum(exp(-3x)))/3", lambda x: -np.log(np.sum(np.exp(-3 * x))) / 3, LOGITS),
        ("1/t log(mean(exp(t x)))", lambda x: np.log(np.mean(np.exp(10 * x))) / 10, LOGITS),
        ("log(matrix @ exp x)", lambda x: np.log(matrix @ np.exp(x)), LOGITS),
        ("log(1 + sum(exp x))", lambda x: np.log(1 + np.sum(np.exp(x))), LOGITS),
        ("log1p(sum(exp x))", lambda x: np.log1p(np.sum(np.exp(x))), LOGITS),
        ("logaddexp by hand", lambda x: np.log(np.exp(x[0]) + np.exp(x[1])) + x[2], LOGITS),
        (
            "log-mean-exp of shifted",
            lambda x: np.max(x) + np.log(np.mean(np.exp(x - np.max(x)))),
            LOGITS,
        ),
        ("masked by where", lambda x: np.log(np.sum(np.where(ahead, np.exp(x), 0.0))), LOGITS),
        ("masked by a product", lambda x: np.log(np.sum(np.exp(x) * ahead)), LOGITS),
        ("masked by selection", lambda x: np.log(np.sum(np.exp(x)[::2])), LOGITS),
        ("loop", loop, LOGITS),
        ("weighted loop", weighted_loop, LOGITS),
        ("generator", generator, LOGITS),
        ("masked loop", masked_loop, LOGITS),
        ("forward algorithm", forward_algorithm, [UP, DOWN, PLAIN]),
        (
            "normal mixture",
            lambda x: np.log(np.sum(w * np.exp(-0.5 * (x[:, None] - mu) ** 2), axis=1)),
            [[40.0, -30.0, 0.2], [200.0, -400.0, 1.0]],
        ),
        (
            "scaled normal mixture",
            lambda x: np.log(
                np.exp(-0.5 * (x - 1.0) ** 2 / 0.25) / 0.5 * 0.3
                + np.exp(-0.5 * (x + 1.0) ** 2) * 0.7
            ),
            [[40.0, -30.0, 0.2], [200.0, -400.0, 1.0]],
        ),
        ("log of a product", lambda x: np.log(np.exp(x[0]) * np.exp(x[1]) * x[2] ** 2), LOGITS),
        (
            "log of a ratio",
            lambda x: np.log(np.exp(x[0]) / (np.exp(x[1]) + np.exp(x[2]))),
            LOGITS,
        ),
        ("ratio of sums", lambda x: np.sum(np.exp(x) * w) / np.sum(np.exp(x)), [UP, DOWN, PLAIN]),
    ]


def softmaxes(np: Any) -> list[Row]:
    """Softmax, its logarithm, cross-entropy and entropy."""
    k = np.float32([0.0, 1.0, 0.0])
    w = np.float32([0.2, 0.3, 0.5])

    def soft(x: Any) -> Any:
        e = np.exp(x)
        return e / np.sum(e)

    def shifted(x: Any) -> Any:
        e = np.exp(x - np.max(x))
        return e / np.sum(e)

    def in_place(x: Any) -> Any:
        e = np.exp(x)
        e /= e.sum()
        return -np.log(e[0])

    def log_softmax(x: Any) -> Any:
        return x - np.log(np.sum(np.exp(x)))

    def shifted_log_softmax(x: Any) -> Any:
        z = x - np.max(x)
        return z - np.log(np.sum(np.exp(z)))

    def rows(x: Any) -> Any:
        z = np.stack([x, -x, 2 * x])
        e = np.exp(z)
        return -np.log((e.T / np.sum(e, axis=1)).T[:, 0])

    def mixture(x: Any) -> Any:
        return np.log(np.sum(soft(x) * w))

    return [
        ("softmax[1]", lambda x: soft(x)[1], LOGITS),
        ("softmax * w", lambda x: soft(x) * w, LOGITS),
        ("shifted softmax * w", lambda x: shifted(x) * w, LOGITS),
        ("-log(softmax[0])", lambda x: -np.log(soft(x)[0]), LOGITS),
        ("-log(softmax)[1]", lambda x: -np.log(soft(x))[1], LOGITS),
        ("-sum(k log softmax)", lambda x: -np.sum(k * np.log(soft(x))), LOGITS),
        ("-sum(k log shifted)", lambda x: -np.sum(k * np.log(shifted(x))), LOGITS),
        ("softmax in place, nll", in_place, LOGITS),
        ("log-softmax[1]", lambda x: log_softmax(x)[1], LOGITS),
        ("cross-entropy with w", lambda x: -np.sum(w * log_softmax(x)), LOGITS),
        ("shifted log-softmax, w", lambda x: -np.sum(w * shifted_log_softmax(x)), LOGITS),
        ("entropy of softmax", lambda x: -np.sum(soft(x) * np.log(soft(x))), LOGITS),
        ("entropy of shifted", lambda x: -np.sum(shifted(x) * np.log(shifted(x))), LOGITS),
        (
            "entropy of log-softmax",
            lambda x: -np.sum(np.exp(log_softmax(x)) * log_softmax(x)),
            LOGITS,
        ),
        ("kl to w", lambda x: np.sum(w * (np.log(w) - np.log(soft(x)))), LOGITS),
        ("log(sum(softmax w))", mixture, LOGITS),
        ("rows by transposes", rows, LOGITS),
        ("softmin * w", lambda x: np.exp(-x) / np.sum(np.exp(-x)) * w, LOGITS),
        ("attention of 2", lambda x: 1 / (1 + np.exp(x[0] - x[1])) * x[2], [UP, DOWN, PLAIN]),
    ]


def sigmoids(np: Any) -> list[Row]:
    """Softplus, sigmoid and its logarithms, binary cross-entropy."""

    def sigma(x: Any) -> Any:
        return 1 / (1 + np.exp(-x))

    def by_tanh(x: Any) -> Any:
        return 0.5 * (1 + np.tanh(x / 2))

    def by_ratio(x: Any) -> Any:
        return np.exp(x) / (1 + np.exp(x))

    y = 0.3
    return [
        ("log(1 + exp x)", lambda x: np.log(1 + np.exp(x)), FAR),
        ("log(exp(x) + 1)", lambda x: np.log(np.exp(x) + 1), FAR),
        ("log1p(exp x)", lambda x: np.log1p(np.exp(x)), FAR),
        ("log(1 + exp(2x))/2", lambda x: np.log(1 + np.exp(2 * x)) / 2, FAR),
        ("log(1 + 3 exp x)", lambda x: np.log(1 + 3 * np.exp(x)), FAR),
        ("sigmoid", sigma, FAR),
        ("sigmoid by ratio", by_ratio, FAR),
        ("sigmoid by tanh", by_tanh, FAR),
        ("1/(1 + exp x)", lambda x: 1 / (1 + np.exp(x)), FAR),
        ("1/(1 + exp x)**2", lambda x: 1 / (1 + np.exp(x)) ** 2, FAR),
        ("x sigmoid", lambda x: x * sigma(x), FAR),
        ("log sigmoid", lambda x: np.log(sigma(x)), FAR),
        ("log sigmoid by ratio", lambda x: np.log(by_ratio(x)), FAR),
        ("log sigmoid by tanh", lambda x: np.log(by_tanh(x)), FAR),
        ("log(1 - sigmoid)", lambda x: np.log(1 - sigma(x)), FAR),
        ("log(1 - ratio)", lambda x: np.log(1 - by_ratio(x)), FAR),
        ("log(1 - tanh form)", lambda x: np.log(1 - by_tanh(x)), FAR),
        ("bce", lambda x: -(y * np.log(sigma(x)) + (1 - y) * np.log(1 - sigma(x))), FAR),
        ("bce by tanh", lambda x: -(y * np.log(by_tanh(x)) + 0.7 * np.log(1 - by_tanh(x))), FAR),
        ("bce where", lambda x: np.where(x > 0, -np.log(sigma(x)), -np.log(1 - sigma(x))), FAR),
        ("logit of sigmoid", lambda x: np.log(sigma(x) / (1 - sigma(x))), FAR),
        ("mish", lambda x: x * np.tanh(np.log(1 + np.exp(x))), FAR),
        ("logistic density", lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2, FAR),
        ("log logistic density", lambda x: np.log(np.exp(-x) / (1 + np.exp(-x)) ** 2), FAR),
        ("tanh by exps", lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)), FAR),
    ]


def hyperbolics(np: Any) -> list[Row]:
    """Logarithms of cosh, sinh, 1 - exp and exp - 1."""
    return [
        ("log cosh", lambda x: np.log(np.cosh(x)), FAR),
        ("log cosh by exps", lambda x: np.log((np.exp(x) + np.exp(-x)) / 2), FAR),
        ("log sinh", lambda x: np.log(np.sinh(x)), RIGHT),
        ("log abs sinh", lambda x: np.log(np.abs(np.sinh(x))), LEFT),
        ("log tanh", lambda x: np.log(np.tanh(x)), RIGHT),
        ("sinh/cosh", lambda x: np.sinh(x) / np.cosh(x), FAR),
        ("1/cosh", lambda x: 1 / np.cosh(x), FAR),
        ("log(1 - exp(-x))", lambda x: np.log(1 - np.exp(-x)), RIGHT),
        ("log(1 - exp x)", lambda x: np.log(1 - np.exp(x)), LEFT),
        ("log1p(-exp x)", lambda x: np.log1p(-np.exp(x)), LEFT),
        ("log(-expm1 x)", lambda x: np.log(-np.expm1(x)), LEFT),
        ("log(expm1 x)", lambda x: np.log(np.expm1(x)), RIGHT),
        ("log(exp(x) - 1)", lambda x: np.log(np.exp(x) - 1), RIGHT),
        (
            "log(exp a - exp b)",
            lambda x: np.log(np.exp(x[0]) - np.exp(x[1])) + 0 * x[2],
            [[1000.0, 999.0, 0.0], [-1000.0, -1000.5, 0.0], [1.0, 0.3, 0.0]],
        ),
        ("exp(x) - 1", lambda x: np.exp(x) - 1, [[-20.0, 1e-6, 3.0]]),
    ]


def quotients(np: Any) -> list[Row]:
    """Quotients with a removable singularity."""
    far = [*NEAR, [95.0, -95.0, 30.0], [1000.0, -1000.0, -30.0]]
    return [
        ("expm1(x)/x", lambda x: np.expm1(x) / x, [*NEAR, [50.0, -95.0, -1000.0]]),
        ("(exp(x) - 1)/x", lambda x: (np.exp(x) - 1) / x, [*NEAR, [50.0, -95.0, -1000.0]]),
        ("(1 - exp(-x))/x", lambda x: (1 - np.exp(-x)) / x, [*NEAR, [-50.0, 95.0, 1000.0]]),
        ("x/expm1(x)", lambda x: x / np.expm1(x), far),
        ("x/(exp(x) - 1)", lambda x: x / (np.exp(x) - 1), far),
        ("x/(1 - exp(-x))", lambda x: x / (1 - np.exp(-x)), far),
        ("log1p(x)/x", lambda x: np.log1p(x) / x, [[1e-6, -1e-6, 1e-3], [-1e-3, 0.1, 3.0]]),
        ("log(1 + x)/x", lambda x: np.log(1 + x) / x, [[1e-6, -1e-6, 1e-3], [-1e-3, 0.1, 3.0]]),
        ("sin(x)/x", lambda x: np.sin(x) / x, NEAR),
        ("sinh(x)/x", lambda x: np.sinh(x) / x, NEAR),
        ("tanh(x)/x", lambda x: np.tanh(x) / x, NEAR),
        ("(1 - cos x)/x**2", lambda x: (1 - np.cos(x)) / x**2, NEAR),
        ("(1 - cos x)/x", lambda x: (1 - np.cos(x)) / x, NEAR),
        ("(cosh x - 1)/x**2", lambda x: (np.cosh(x) - 1) / x**2, NEAR),
        ("(exp x - 1 - x)/x**2", lambda x: (np.exp(x) - 1 - x) / x**2, NEAR),
        ("(x - sin x)/x**3", lambda x: (x - np.sin(x)) / x**3, NEAR),
        ("1 - cos x", lambda x: 1 - np.cos(x), NEAR),
    ]


def norms(np: Any) -> list[Row]:
    """Norms and what is divided by them, very large, very small and ordinary."""
    w = np.float32([0.2, 0.3, 0.5])
    return [
        ("sqrt(sum(x**2))", lambda x: np.sqrt(np.sum(x**2)), SIZES),
        ("sqrt(sum(x*x))", lambda x: np.sqrt(np.sum(x * x)), SIZES),
        ("sqrt(x @ x)", lambda x: np.sqrt(x @ x), SIZES),
        ("(x @ x)**0.5", lambda x: np.dot(x, x) ** 0.5, SIZES),
        ("norm(x)", lambda x: np.linalg.norm(x), SIZES),
        ("norm by components", lambda x: np.sqrt(x[0] ** 2 + x[1] ** 2 + x[2] ** 2), SIZES),
        ("sqrt(a**2 + b**2)", lambda x: np.sqrt(x[0] ** 2 + x[1] ** 2) + 0 * x[2], SIZES),
        ("norm of differences", lambda x: np.sqrt(np.sum((x - x[::-1]) ** 2)), SIZES),
        ("rms", lambda x: np.sqrt(np.mean(x**2)), SIZES),
        ("std", lambda x: np.std(x), SIZES),
        ("var**0.5", lambda x: np.var(x) ** 0.5, SIZES),
        ("x/norm", lambda x: np.sum(w * (x / np.linalg.norm(x))), SIZES),
        ("x/sqrt(sum(x*x))", lambda x: np.sum(w * (x / np.sqrt(np.sum(x * x)))), SIZES),
        ("x*(x@x)**-0.5", lambda x: np.sum(w * (x * (x @ x) ** -0.5)), SIZES),
        ("1/norm", lambda x: 1 / np.sqrt(np.sum(x * x)), [SIZES[2], [3e15, 1e15, -4e15]]),
        ("cosine", lambda x: x @ w / (np.sqrt(x @ x) * np.sqrt(w @ w)), SIZES),
        ("log(sum(x**2))", lambda x: np.log(np.sum(x**2)), SIZES),
        ("log norm", lambda x: np.log(np.sqrt(np.sum(x * x))), SIZES),
        ("sqrt(1 + x**2)", lambda x: np.sqrt(1 + x**2), SIZES),
        ("(x*x + 1)**0.5", lambda x: (x * x + 1) ** 0.5, SIZES),
        ("x/sqrt(1 + x@x)", lambda x: np.sum(w * (x / np.sqrt(1 + x @ x))), SIZES),
        ("(x**2 + 1e-6)**-0.5", lambda x: (x**2 + 1e-6) ** -0.5, SIZES),
    ]


def powers(np: Any) -> list[Row]:
    """Roots and logarithms of powers, exponentials and products."""
    sizes = [[3e30, 1e25, 2e38], [3e-30, 1e-25, 2e-37], [3.0, 0.5, 1.0]]
    signed = [[a, -b, c] for a, b, c in sizes]
    return [
        ("log(x**2)", lambda x: np.log(x**2), signed),
        ("log(x*x)", lambda x: np.log(x * x), signed),
        ("log(x**3)", lambda x: np.log(x**3), sizes),
        ("log(x**2)/2", lambda x: 0.5 * np.log(x**2), signed),
        ("sqrt(x**2)", lambda x: np.sqrt(x**2), signed),
        ("sqrt(x*x)", lambda x: np.sqrt(x * x), signed),
        ("log(1/x)", lambda x: np.log(1 / x), [sizes[0][:2], sizes[2]]),
        ("log(a*b)", lambda x: np.log(x[0] * x[1] * x[2]), sizes),
        ("log(prod x)", lambda x: np.log(np.prod(x)), sizes),
        ("geometric mean", lambda x: np.prod(x) ** (1 / 3), sizes),
        ("sqrt(prod)", lambda x: np.sqrt(np.prod(x)), [[3e15, 1e25, 2e18], [3.0, 0.5, 1.0]]),
        (
            "sqrt(exp x)",
            lambda x: np.sqrt(np.exp(x)),
            [[-150.0, 150.0, -1.5], [1e-3, 100.0, 170.0]],
        ),
        (
            "exp(x)**0.25",
            lambda x: np.exp(x) ** 0.25,
            [[-150.0, 150.0, -1.5], [1e-3, 100.0, 300.0]],
        ),
        ("log(exp x)", lambda x: np.log(np.exp(x)), FAR),
        ("log(exp(x)**2)", lambda x: np.log(np.exp(x) ** 2), FAR),
        ("exp(x)/exp(x - 1)", lambda x: np.exp(x) / np.exp(x - 1) * x, FAR),
        ("exp(log x * 2)", lambda x: np.exp(2 * np.log(x)), [sizes[2]]),
    ]


FAMILIES = [logs_of_sums, softmaxes, sigmoids, hyperbolics, quotients, norms, powers]
