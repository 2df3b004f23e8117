"""Functions that are exported, with arguments to call them with."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tracejit import jacobian, vmap

TABLE = np.array([[0.5, -1.0], [2.0, 0.25]])


def fixed(x: Any, k: Any) -> Any:
    y = np.sin(x) * k
    y[0] += x.sum()
    return y, y.max(), np.argmax(y)


def mixed(x: Any, flag: Any, z: Any, small: Any) -> Any:
    if flag:
        return x * z, x.size + 2.5, flag, small * small
    return x - z, 1.0, not flag, small


def in_place(x: Any, by: Any) -> Any:
    x[1:] += x[:-1] * by
    return x


def grows(x: Any, limit: Any) -> Any:
    kept = x[np.abs(x) < limit]
    return kept, kept.reshape(1, -1) @ kept.reshape(-1, 1), np.concatenate([kept, x])


def nested(params: Any, x: Any) -> Any:
    hidden = np.tanh(x @ params["w"] + params["b"][0])
    return {"out": hidden @ TABLE, "norms": [np.sqrt((hidden**2).sum()), hidden.T], "none": None}


def loops(x: Any, steps: Any) -> Any:
    y = np.zeros_like(x)
    for k in range(steps):
        y = y * 0.5 + np.roll(x, k) / (k + 1)
        if y.sum() > 10.0:
            break
    while np.abs(y).max() > 1.0:
        y = y / 3.0
    return y, k


def fails(x: Any, i: Any, k: Any) -> Any:
    if k < 0.5:
        raise ValueError(f"k is {k}, not at least {0.5}")
    if x.sum() > 1e6:
        raise ArithmeticError("too large")
    return x[i] / k


def loss(w: Any, x: Any, y: Any) -> Any:
    r = np.tanh(x @ w) - y
    for _ in range(2):
        r = r * (1 - r)
    return np.mean(r**2)


def kinds(a: Any, b: Any, c: Any) -> Any:
    return a + 1, b // 3, np.where(c, b, -b), c.any(), a.astype(np.float16)


def products(a: Any, b: Any) -> Any:
    c = b.T @ a.T
    out = np.ones((len(a), 2 * b.shape[1]))
    out[:, ::2] = a @ b
    return a @ b, c, a @ a.T, a[:, 1:] @ b[1:], out, b @ c, (a + 1j) @ b, b.T @ a[0]


class Columns(NamedTuple):
    total: Any
    turned: Any


def columns(m: Any) -> Any:
    return Columns(m.sum(axis=0), m[1:, ::-1].T)


def systems(a: Any, b: Any) -> Any:
    root = np.linalg.cholesky(a @ a.T + np.eye(len(a)))
    return np.linalg.solve(a, b), root


def orders(x: Any) -> Any:
    places = np.argsort(x, axis=0, stable=True)
    return np.sort(x), places, np.median(x, axis=1)


def spectra(a: Any, x: Any) -> Any:
    return np.linalg.svd(a, compute_uv=False), np.fft.rfft(x)


rng = np.random.default_rng(7)
X = rng.normal(size=5)
W, XS, Y = rng.normal(size=3), rng.normal(size=(6, 3)), rng.normal(size=6)

SQUARE = rng.normal(size=(4, 4))
TIES = np.array([[3.0, np.nan, -1.0, 3.0, 0.0], [2.0, 2.0, np.nan, -np.inf, 0.5]])

SHORT = np.array([0.3])
BITS = np.array([True, False, True, True, False, True])

#: A function, a signature, and arguments of calls.
PROGRAMS: dict[str, tuple[Any, Any, list[tuple[Any, ...]]]] = {
    "fixed": (fixed, "(f8[n], f8)", [(X, 0.75), (SHORT, 2.0)]),
    "mixed": (
        mixed,
        "(f8[n, m], b1, c16, f4)",
        [(XS, flag, 1 - 2j, np.float32(0.1)) for flag in (True, False)],
    ),
    "in place": (in_place, "(f8[:], f8)", [(X, 0.5)]),
    "grows": (grows, "(f8[n], f8)", [(X, 0.9), (X, 0.0)]),
    "nested": (
        nested,
        ({"w": "f8[k, 2]", "b": ("f8[2]", "f8")}, "f8[n, k]"),
        [({"w": XS[:3, :2].copy(), "b": (np.ones(2), 2.0)}, XS)],
    ),
    "loops": (loops, "(f8[n], i8)", [(X, 9), (X, 1)]),
    "batch": (
        vmap(jacobian(lambda x: np.sin(x) * x[0])),
        "(f8[n, 4])",
        [(rng.normal(size=(3, 4)),)],
    ),
    "kinds": (
        kinds,
        "(i2[n], u4[n], b1[n])",
        [(np.arange(-3, 3, dtype=np.int16), np.arange(6, dtype=np.uint32), BITS)],
    ),
    "products": (
        products,
        "(f8[n, k], f8[k, m])",
        [(XS, rng.normal(size=(3, 4))), (np.ones((1, 0)), np.ones((0, 4)))],
    ),
    "systems": (
        systems,
        "(f8[n, n], f8[n, k])",
        [(SQUARE, XS[:4]), (np.eye(1), np.ones((1, 0))), (np.zeros((3, 3)), np.ones((3, 2)))],
    ),
    "orders": (orders, "(f8[n, m])", [(TIES,), (TIES.T.copy(),), (TIES[:1, :1],)]),
    "spectra": (spectra, "(f8[n, m], f8[k])", [(XS, np.arange(7.0)), (XS.T.copy(), Y)]),
    "columns": (columns, "(f8[::1, :])", [(np.asfortranarray(XS),), (np.zeros((0, 4)),)]),
}
