"""scikit-learn's digits: a multilayer perceptron in plain NumPy, trained by its compiled gradient.

`loss` is all that tracejit sees. `gradient_by_hand` is what one would write without it: it checks
the values and is the time to beat.
"""

from __future__ import annotations

import itertools

import numpy as np

from demo.report import OUTPUT, Result, Step, seconds, side_by_side

Params = dict[str, np.ndarray]

EPOCHS = 40
BATCH = 64
HIDDEN = 64
ROUNDS = 60
STEPS = EPOCHS + ROUNDS + 1
WANTED_ACCURACY = 0.96


def logits(params: Params, x: np.ndarray) -> np.ndarray:
    h = np.tanh(x @ params["w1"] + params["b1"])
    h = np.tanh(h @ params["w2"] + params["b2"])
    return h @ params["w3"] + params["b3"]


def loss(params: Params, x: np.ndarray, y: np.ndarray) -> np.floating:
    """Mean cross entropy of the labels `y` (int[n]), with a little weight decay."""
    z = logits(params, x)
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    decay = sum(np.sum(params[name] ** 2) for name in ("w1", "w2", "w3"))
    return 1e-4 * decay - log_p[np.arange(len(y)), y].mean()


def gradient_by_hand(params: Params, x: np.ndarray, y: np.ndarray) -> tuple[float, Params]:
    h1 = np.tanh(x @ params["w1"] + params["b1"])
    h2 = np.tanh(h1 @ params["w2"] + params["b2"])
    z = h2 @ params["w3"] + params["b3"]
    z -= z.max(axis=1, keepdims=True)
    e = np.exp(z)
    total = e.sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    value = (np.log(total[:, 0]) - z[rows, y]).mean()
    value += 1e-4 * sum(np.sum(params[name] ** 2) for name in ("w1", "w2", "w3"))
    dz = e / total
    dz[rows, y] -= 1.0
    dz /= len(y)
    d2 = (dz @ params["w3"].T) * (1.0 - h2 * h2)
    d1 = (d2 @ params["w2"].T) * (1.0 - h1 * h1)
    grads = {"b1": d1.sum(axis=0), "b2": d2.sum(axis=0), "b3": dz.sum(axis=0)}
    for name, left, right in (("w1", x, d1), ("w2", h1, d2), ("w3", h2, dz)):
        grads[name] = left.T @ right + 2e-4 * params[name]
    return value, grads


def initial(rng: np.random.Generator) -> Params:
    sizes = (64, HIDDEN, HIDDEN, 10)
    params = {}
    for i, (m, n) in enumerate(itertools.pairwise(sizes), start=1):
        params[f"w{i}"] = rng.standard_normal((m, n)) / np.sqrt(m)
        params[f"b{i}"] = np.zeros(n)
    return params


def worst_difference(params: Params, x: np.ndarray, y: np.ndarray, grads: Params) -> float:
    """The gradient along random directions against central differences of `loss`: relative."""
    rng = np.random.default_rng(1)
    worst = 0.0
    for _ in range(5):
        u = {name: rng.standard_normal(p.shape) for name, p in params.items()}
        sides = [loss({n: p + t * u[n] for n, p in params.items()}, x, y) for t in (1e-5, -1e-5)]
        expected = (sides[0] - sides[1]) / 2e-5
        actual = sum(np.sum(grads[name] * u[name]) for name in params)
        worst = max(worst, abs(actual - expected) / max(abs(expected), 1e-3))
    return worst


def train(step_fn, params: Params, x: np.ndarray, y: np.ndarray, step: Step) -> list[float]:
    """Stochastic gradient descent with momentum over minibatches; changes `params` in place."""
    rng = np.random.default_rng(2)
    speed = {name: np.zeros_like(p) for name, p in params.items()}
    history = []
    for epoch in range(EPOCHS):
        order = rng.permutation(len(x))
        rate = 0.1 * 0.5 ** (epoch // 10)
        for i in range(0, len(x) - BATCH + 1, BATCH):
            batch = order[i : i + BATCH]
            value, grads = step_fn(params, x[batch], y[batch])
            history.append(float(value))
            for name, p in params.items():
                speed[name] = 0.9 * speed[name] - rate * grads[name]
                p += speed[name]
        step()
    return history


def draw(history: list[float], x: np.ndarray, guesses: np.ndarray) -> None:
    """The loss over time, and some test digits with what the network takes them for."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(3, 6, figsize=(9, 5))
    for axis, image, guess in zip(axes[1:].flat, x, guesses, strict=False):
        axis.imshow(image.reshape(8, 8), cmap="gray_r")
        axis.set_title(str(guess), fontsize=9)
        axis.axis("off")
    for axis in axes[0]:
        axis.remove()
    curve = figure.add_subplot(3, 1, 1)
    curve.semilogy(history, linewidth=0.7)
    curve.set_ylabel("loss")
    figure.tight_layout()
    figure.savefig(OUTPUT / "digits.png", dpi=120)
    plt.close(figure)


def run(step: Step) -> Result:
    from sklearn.datasets import load_digits

    from tracejit import jit, value_and_grad

    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.data))
    x, y = data.data[order] / 16.0, data.target[order]
    x_train, y_train, x_test, y_test = x[:1437], y[:1437], x[1437:], y[1437:]

    step_fn = jit(value_and_grad(loss, argnums=0))
    params = initial(np.random.default_rng(3))
    first = seconds(lambda: step_fn(params, x_train[:BATCH], y_train[:BATCH]))
    step()
    history = train(step_fn, params, x_train, y_train, step)

    batch = (params, x_train[:BATCH], y_train[:BATCH])
    _, grads = step_fn(*batch)
    _, by_hand = gradient_by_hand(*batch)
    same = all(np.allclose(grads[n], by_hand[n], rtol=1e-8, atol=1e-10) for n in params)
    difference = worst_difference(*batch, grads)
    times = side_by_side(lambda: gradient_by_hand(*batch), lambda: step_fn(*batch), ROUNDS, step)

    guesses = logits(params, x_test).argmax(axis=1)
    accuracy = float(np.mean(guesses == y_test))
    draw(history, x_test, guesses)
    check = f"{accuracy:.1%} of test digits; differences agree to {difference:.0e}"
    ok = accuracy >= WANTED_ACCURACY and same and difference < 1e-4
    return Result("digits: loss and gradient", "NumPy by hand", *times, first, check, ok)
