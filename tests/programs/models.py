"""Statistics and small neural networks: reductions, contractions, masks, parameter trees."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tests.programs.program import Program

Rng = np.random.Generator


class Dense(NamedTuple):
    w: np.ndarray
    b: np.ndarray


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def logsumexp(x):
    m = np.max(x, axis=1)
    return m + np.log(np.sum(np.exp(x - m[:, None]), axis=1))


def layer_norm(x, gain, bias):
    mean = x.mean(axis=-1, keepdims=True)
    var = x.var(axis=-1, keepdims=True)
    return gain * (x - mean) / np.sqrt(var + 1e-5) + bias


def mlp_loss(params, x, labels):
    """Parameters in a dict, labels as integer indices."""
    h = np.tanh(x @ params["w1"] + params["b1"])
    logits = h @ params["w2"] + params["b2"]
    logits = logits - logits.max(axis=1, keepdims=True)
    logp = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -logp[np.arange(len(labels)), labels].mean()


def dense_stack(layers, x):
    """A list of named tuples, a loop over it, and a rectifier."""
    for layer in layers[:-1]:
        x = np.maximum(x @ layer.w + layer.b, 0.0)
    return x @ layers[-1].w + layers[-1].b


def conv2d(x, w):
    """Valid convolution [n, h, w, c] * [kh, kw, c, o], one output pixel at a time."""
    kh, kw = w.shape[:2]
    h, wd = x.shape[1] - kh + 1, x.shape[2] - kw + 1
    out = np.empty((x.shape[0], h, wd, w.shape[3]))
    for i in range(h):
        for j in range(wd):
            patch = x[:, i : i + kh, j : j + kw, :, None]
            out[:, i, j, :] = np.sum(patch * w[None], axis=(1, 2, 3))
    return out


def max_pool(x):
    out = np.empty((x.shape[0] // 2, x.shape[1] // 2))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = np.max(x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2])
    return out


def attention(q, k, v):
    """Causal multi-head attention by einsum."""
    scores = np.einsum("bqhd,bkhd->bhqk", q, k) / np.sqrt(q.shape[-1])
    n = q.shape[1]
    scores = np.where(np.arange(n)[:, None] >= np.arange(n)[None, :], scores, -1e9)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    return np.einsum("bhqk,bkhd->bqhd", p, v)


def lstm(x, w, u, b):
    """Four gates split from one product, a state carried over time."""
    n = u.shape[0]
    h = np.zeros(n)
    c = np.zeros(n)
    for t in range(x.shape[0]):
        z = x[t] @ w + h @ u + b
        i, f, o, g = z[:n], z[n : 2 * n], z[2 * n : 3 * n], z[3 * n :]
        c = c / (1.0 + np.exp(-f)) + np.tanh(g) / (1.0 + np.exp(-i))
        h = np.tanh(c) / (1.0 + np.exp(-o))
    return h, c


def k_means(points, centers, rounds):
    k = centers.shape[0]
    for _ in range(rounds):
        d = ((points[:, None, :] - centers[None, :, :]) ** 2).sum(axis=2)
        label = d.argmin(axis=1)
        for c in range(k):
            mine = label == c
            if mine.any():
                centers[c] = points[mine].mean(axis=0)
    return label


def covariance(data):
    mean = np.mean(data, axis=0)
    data -= mean
    return data.T @ data / (data.shape[0] - 1.0)


def correlation(data):
    z = (data - data.mean(axis=0)) / data.std(axis=0)
    return np.dot(z.T, z) / len(data)


def moving_average(x, width):
    total = np.cumsum(np.concatenate([np.zeros(1), x]))
    return (total[width:] - total[:-width]) / width


def running_median(x, width):
    out = np.empty(len(x) - width + 1)
    for i in range(len(out)):
        out[i] = np.sort(x[i : i + width])[width // 2]
    return out


def histogram(x, bins):
    counts = np.zeros(bins, dtype=np.int64)
    lo, hi = x.min(), x.max()
    for v in x:
        i = int((v - lo) / (hi - lo) * bins)
        counts[min(i, bins - 1)] += 1
    return counts


def exponential_smoothing(x, a):
    out = np.empty_like(x)
    out[0] = x[0]
    for i in range(1, len(x)):
        out[i] = a * x[i] + (1 - a) * out[i - 1]
    return out


def hmm_forward(start, move, emit, seen):
    """Scaled forward recursion; the log-likelihood is summed on the way."""
    p = start * emit[:, seen[0]]
    ll = np.log(p.sum())
    p = p / p.sum()
    for t in range(1, len(seen)):
        p = (p @ move) * emit[:, seen[t]]
        s = p.sum()
        ll += np.log(s)
        p /= s
    return ll


def logistic_newton(X, y):
    """Two-parameter logistic regression by Newton steps with an explicit inverse."""
    b = np.zeros(2)
    for _ in range(8):
        p = 1.0 / (1.0 + np.exp(-(X @ b)))
        g = X.T @ (y - p)
        H = (X * (p * (1.0 - p))[:, None]).T @ X + 0.1 * np.eye(2)
        det = H[0, 0] * H[1, 1] - H[0, 1] * H[1, 0]
        b = b + np.array([H[1, 1] * g[0] - H[0, 1] * g[1], H[0, 0] * g[1] - H[1, 0] * g[0]]) / det
    return b


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def option_tree(spot, strike, up, rate, steps):
    """American put on a binomial tree: a vector that shrinks by one at each step back."""
    down = 1.0 / up
    q = (np.exp(rate) - down) / (up - down)
    price = spot * up ** np.arange(steps, -steps - 1, -2)
    value = np.maximum(strike - price, 0.0)
    for _ in range(steps):
        price = price[:-1] * down
        value = np.exp(-rate) * (q * value[:-1] + (1.0 - q) * value[1:])
        value = np.maximum(value, strike - price)
    return value[0]


def dft(x):
    n = len(x)
    k = np.arange(n)
    return np.exp(-2j * np.pi * np.outer(k, k) / n) @ x


def mlp_args(r: Rng) -> tuple[object, ...]:
    shapes = {"b1": (6,), "b2": (3,), "w1": (4, 6), "w2": (6, 3)}
    params = {name: r.standard_normal(shape) for name, shape in shapes.items()}
    return params, r.standard_normal((8, 4)), r.integers(0, 3, 8)


def stack_args(r: Rng) -> tuple[object, ...]:
    sizes = (4, 6, 5, 2)
    layers = [
        Dense(r.standard_normal(s), r.standard_normal(s[1])) for s in zip(sizes[:-1], sizes[1:])
    ]
    return layers, r.standard_normal((3, 4))


def lstm_args(r: Rng) -> tuple[object, ...]:
    return tuple(0.5 * r.standard_normal(s) for s in ((6, 3), (3, 16), (4, 16), (16,)))


def hmm_args(r: Rng) -> tuple[object, ...]:
    move, emit = r.random((3, 3)) + 0.1, r.random((3, 4)) + 0.1
    return np.full(3, 1 / 3), move / move.sum(1)[:, None], emit, r.integers(0, 4, 9)


def logistic_args(r: Rng) -> tuple[object, ...]:
    return r.standard_normal((12, 2)), (r.random(12) < 0.5).astype(float)


def heads(r: Rng) -> tuple[object, ...]:
    return tuple(r.standard_normal((2, 5, 2, 3)) for _ in range(3))


def norm_args(r: Rng) -> tuple[object, ...]:
    return r.standard_normal((4, 7)), r.random(7), r.random(7)


def images(r: Rng) -> tuple[object, ...]:
    return r.standard_normal((2, 6, 5, 3)), r.standard_normal((3, 2, 3, 4))


MODELS = (
    Program("softmax", softmax, lambda r: (r.standard_normal((4, 7)),), argnums=(0,)),
    Program("logsumexp", logsumexp, lambda r: (30 * r.standard_normal((4, 7)),), argnums=(0,)),
    Program("layer_norm", layer_norm, norm_args, argnums=(0, 1, 2)),
    Program("mlp_loss", mlp_loss, mlp_args, argnums=(0, 1)),
    Program("dense_stack", dense_stack, stack_args, argnums=(0, 1)),
    Program("conv2d", conv2d, images, argnums=(0, 1)),
    Program("max_pool", max_pool, lambda r: (r.random((6, 8)),), argnums=(0,), exact=True),
    Program("attention", attention, heads, argnums=(0, 1, 2)),
    Program("lstm", lstm, lstm_args, argnums=(0, 1, 2, 3)),
    Program(
        "k_means",
        k_means,
        lambda r: (r.standard_normal((30, 2)), r.standard_normal((3, 2)), 4),
        argnums=(0,),
    ),
    Program("covariance", covariance, lambda r: (r.standard_normal((9, 4)),), argnums=(0,)),
    Program("correlation", correlation, lambda r: (r.standard_normal((9, 4)),), argnums=(0,)),
    Program(
        "moving_average",
        moving_average,
        lambda r: (r.standard_normal(20), 4),
        argnums=(0,),
        exact=True,
    ),
    Program(
        "running_median",
        running_median,
        lambda r: (r.standard_normal(20), 5),
        exact=True,
        argnums=(0,),
    ),
    Program("histogram", histogram, lambda r: (r.standard_normal(50), 6), exact=True),
    Program(
        "exponential_smoothing",
        exponential_smoothing,
        lambda r: (r.standard_normal(15), 0.3),
        argnums=(0, 1),
        exact=True,
    ),
    Program("hmm_forward", hmm_forward, hmm_args, argnums=(0, 1, 2)),
    Program("logistic_newton", logistic_newton, logistic_args, argnums=(0,)),
    Program("rosenbrock", rosenbrock, lambda r: (r.standard_normal(7),), argnums=(0,)),
    Program(
        "option_tree",
        option_tree,
        lambda r: (100.0, 103.0 + r.random(), 1.05, 0.002, 10),
        argnums=(0, 1, 2, 3),
    ),
    Program("dft", dft, lambda r: (r.standard_normal(8) + 1j * r.standard_normal(8),)),
)
