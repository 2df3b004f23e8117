"""Networks by loops over slices: convolutions, blocks, recurrent cells, training by hand."""

from __future__ import annotations

import numpy as np

from tests.programs.program import Program

Rng = np.random.Generator


def relu(x):
    return np.maximum(x, 0)


def conv2d(image, weights):
    """Valid convolution [n, h, w, c] * [k, k, c, o], pixel by pixel."""
    k = weights.shape[0]
    n, h_out, w_out = image.shape[0], image.shape[1] - k + 1, image.shape[2] - k + 1
    output = np.empty((n, h_out, w_out, weights.shape[3]), dtype=image.dtype)
    for i in range(h_out):
        for j in range(w_out):
            output[:, i, j, :] = np.sum(
                image[:, i : i + k, j : j + k, :, np.newaxis] * weights[np.newaxis, :, :, :],
                axis=(1, 2, 3),
            )
    return output


def max_pool(x):
    output = np.empty([x.shape[0], x.shape[1] // 2, x.shape[2] // 2, x.shape[3]], dtype=x.dtype)
    for i in range(x.shape[1] // 2):
        for j in range(x.shape[2] // 2):
            window = x[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2, :]
            output[:, i, j, :] = np.max(window, axis=(1, 2))
    return output


def softmax(x):
    shifted = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return shifted / np.sum(shifted, axis=-1, keepdims=True)


def lenet(image, conv1, bias1, conv2, bias2, dense1, shift1, dense2, shift2, n, flat):
    """Two convolutions with pooling, two dense layers; the flat size is an argument."""
    x = max_pool(relu(conv2d(image, conv1) + bias1))
    x = max_pool(relu(conv2d(x, conv2) + bias2))
    x = np.reshape(x, (n, flat))
    x = relu(x @ dense1 + shift1)
    return x @ dense2 + shift2


def batch_norm(x, eps=1e-5):
    mean = np.mean(x, axis=0, keepdims=True)
    std = np.std(x, axis=0, keepdims=True)
    return (x - mean) / np.sqrt(std + eps)


def residual_block(x, conv1, conv2, conv3):
    """A bottleneck: narrow, padded three by three, wide again, and the input added."""
    y = relu(batch_norm(conv2d(x, conv1)))
    padded = np.zeros((y.shape[0], y.shape[1] + 2, y.shape[2] + 2, y.shape[3]))
    padded[:, 1:-1, 1:-1, :] = y
    y = relu(batch_norm(conv2d(padded, conv2)))
    y = batch_norm(conv2d(y, conv3))
    return relu(y + x)


def perceptron_layers(x, w1, b1, w2, b2, w3, b3):
    x = relu(x @ w1 + b1)
    x = relu(x @ w2 + b2)
    return softmax(x @ w3 + b3)


def running_norm(batches, mean, var, momentum=0.1):
    """Statistics are kept in arrays of the caller while batches go by, row after row."""
    out = np.empty_like(batches)
    for k, batch in enumerate(batches):
        mu, sigma = batch.mean(axis=0), batch.var(axis=0)
        mean *= 1 - momentum
        mean += momentum * mu
        var[:] = (1 - momentum) * var + momentum * sigma
        out[k] = (batch - mu) / np.sqrt(sigma + 1e-5)
    return out


def gru(x, h, wx, wh, b):
    """Gates by `np.split`; states are stacked at the end."""
    states = []
    for t in range(4):
        zx, rx, nx = np.split(x[t] @ wx + b, 3)
        zh, rh, nh = np.split(h @ wh, 3)
        z = 1 / (1 + np.exp(-(zx + zh)))
        r = 1 / (1 + np.exp(-(rx + rh)))
        h = (1 - z) * np.tanh(nx + r * nh) + z * h
        states.append(h)
    return np.stack(states)


def backpropagation(x, y, w1, w2, rate, epochs):
    """Training with the derivative written out; weights are the caller's."""
    losses = np.zeros(epochs)
    for epoch in range(epochs):
        hidden = np.tanh(x @ w1)
        error = hidden @ w2 - y
        losses[epoch] = 0.5 * np.mean(error**2)
        step = error / error.size
        back = (step @ w2.T) * (1 - hidden**2)
        w2 -= rate * hidden.T @ step
        w1 -= rate * x.T @ back
    return losses


def adam(params, grads, moments, rate=0.01):
    """One step on a dict of arrays and a list of pairs, all updated in place."""
    t = 3
    for k, name in enumerate(params):
        m, v = moments[k]
        g = grads[name]
        m[...] = 0.9 * m + 0.1 * g
        v[...] = 0.999 * v + 0.001 * g * g
        params[name] -= rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)


def perceptron(X, labels, epochs):
    """Rosenblatt's rule, sample by sample, until an epoch makes no mistake."""
    w = np.zeros(X.shape[1])
    b = 0.0
    for epoch in range(epochs):
        mistakes = 0
        for row, label in zip(X, labels):
            if label * (row @ w + b) <= 0:
                w += label * row
                b += label
                mistakes += 1
        if mistakes == 0:
            break
    return w, b, mistakes


def embedding_bag(table, tokens, offsets):
    """Means of rows of a table over runs of tokens; gathers and a loop over run-time slices."""
    out = np.zeros((len(offsets) - 1, table.shape[1]))
    for i in range(len(offsets) - 1):
        bag = tokens[offsets[i] : offsets[i + 1]]
        if len(bag) > 0:
            out[i] = table[bag].sum(axis=0) / len(bag)
    return out


def self_attention_step(x, wq, wk, wv, cache_k, cache_v, length):
    """One token: keys and values go into a cache at a run-time position."""
    cache_k[length] = x @ wk
    cache_v[length] = x @ wv
    scores = cache_k[: length + 1] @ (x @ wq) / np.sqrt(len(x))
    return softmax(scores) @ cache_v[: length + 1]


def normal(*shapes: tuple[int, ...]):
    return lambda r: tuple(0.5 * r.standard_normal(s) for s in shapes)


def lenet_args(r: Rng) -> tuple[object, ...]:
    shapes = ((2, 14, 14, 1), (3, 3, 1, 2), (2,), (3, 3, 2, 3), (3,), (12, 5), (5,), (5, 4), (4,))
    return *normal(*shapes)(r), 2, 12


def running_args(r: Rng) -> tuple[object, ...]:
    return r.standard_normal((3, 5, 4)), np.zeros(4), np.ones(4)


def training_args(r: Rng) -> tuple[object, ...]:
    return *normal((9, 3), (9, 2), (3, 4), (4, 2))(r), 0.3, 6


def adam_args(r: Rng) -> tuple[object, ...]:
    shapes = {"bias": (3,), "weight": (3, 4)}
    params = {k: r.standard_normal(s) for k, s in shapes.items()}
    grads = {k: r.standard_normal(s) for k, s in shapes.items()}
    moments = [(r.random(s), r.random(s)) for s in shapes.values()]
    return params, grads, moments


def separable(r: Rng) -> tuple[object, ...]:
    X = r.standard_normal((12, 3))
    return X, np.where(X @ np.array([1.0, -2.0, 0.5]) > 0, 1.0, -1.0), 50


def bag_args(r: Rng) -> tuple[object, ...]:
    return r.standard_normal((7, 3)), r.integers(0, 7, 10), np.array([0, 3, 3, 8, 10])


def step_args(r: Rng) -> tuple[object, ...]:
    return *normal((4,), (4, 4), (4, 4), (4, 4), (6, 4), (6, 4))(r), 3


NETWORKS = (
    Program("lenet", lenet, lenet_args, argnums=(0, 1, 2, 3, 5, 8)),
    Program(
        "residual_block",
        residual_block,
        normal((3, 4, 5, 4), (1, 1, 4, 2), (3, 3, 2, 2), (1, 1, 2, 4)),
        argnums=(0, 1, 2, 3),
        rtol=1e-10,
    ),
    Program(
        "perceptron_layers",
        perceptron_layers,
        normal((5, 4), (4, 6), (6,), (6, 5), (5,), (5, 3), (3,)),
        argnums=(0, 1, 2, 5, 6),
    ),
    Program("running_norm", running_norm, running_args, argnums=(0,)),
    Program("gru", gru, normal((4, 3), (5,), (3, 15), (5, 15), (15,)), argnums=(0, 1, 2, 3, 4)),
    Program("backpropagation", backpropagation, training_args, argnums=(0, 1, 2, 3, 4)),
    Program("adam", adam, adam_args, argnums=(0, 1)),
    Program("perceptron", perceptron, separable, tags=frozenset({"while"}), argnums=(0,)),
    Program("embedding_bag", embedding_bag, bag_args, argnums=(0,)),
    Program("self_attention_step", self_attention_step, step_args, argnums=(0, 1, 2, 3, 4, 5)),
)
