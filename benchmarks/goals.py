"""What speed is promised for: each row has a goal, as time relative to the fastest peer.

python -m tracejit.bench -k goal:
"""

from __future__ import annotations

import numpy as np

from tracejit.bench import Row


def increment(x):
    return x + 1.0


def multiply_add(a, b, c):
    return a * b + c


def black_scholes(spot, strike, time):
    """Prices of calls; the normal distribution by a polynomial (Abramowitz and Stegun 26.2.17)."""
    sigma = 0.3 * np.sqrt(time)
    d1 = (np.log(spot / strike) + (0.02 + 0.045) * time) / sigma
    found = []
    for d in (d1, d1 - sigma):
        k = 1.0 / (1.0 + 0.2316419 * np.abs(d))
        tail = k * (
            0.31938153
            + k * (-0.356563782 + k * (1.781477937 + k * (-1.821255978 + k * 1.330274429)))
        )
        tail = tail * np.exp(-0.5 * d * d) * 0.3989422804014327
        found.append(np.where(d >= 0.0, 1.0 - tail, tail))
    return spot * found[0] - strike * np.exp(-0.02 * time) * found[1]


def chain(a, b, c):
    return 2.0 * a + 3.0 * b - a * c + 1.5


def sum_of(a, b):
    return np.sum(a * b + np.abs(a - b))


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def norm_and_gelu(x, gain, bias):
    centred = x - x.mean(axis=1, keepdims=True)
    scale = np.sqrt((centred * centred).mean(axis=1, keepdims=True) + np.float32(1e-5))
    y = gain * centred / scale + bias
    inner = np.float32(0.7978846) * (y + np.float32(0.044715) * y * y * y)
    return np.float32(0.5) * y * (np.float32(1.0) + np.tanh(inner))


def distances(x):
    d = x[:, None, :] - x[None, :, :]
    return np.sqrt((d * d).sum(axis=2))


def distances_by_loops(x):
    n, m = x.shape
    out = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            s = 0.0
            for k in range(m):
                d = x[i, k] - x[j, k]
                s += d * d
            out[i, j] = np.sqrt(s)
    return out


def elementwise_loss(x):
    return np.sum(np.sin(x) * np.exp(-x * x) + np.sqrt(1.0 + x * x))


def mlp_loss(w1, w2, x, y):
    h = np.tanh(x @ w1)
    d = h @ w2 - y
    return np.sum(d * d)


def rnn_loss(w, u, xs):
    h = np.zeros(w.shape[0], dtype=w.dtype)
    for t in range(xs.shape[0]):
        h = np.tanh(w @ h + u * xs[t])
    return np.sum(h * h)


def runge_kutta_loss(a, n):
    """A pendulum with friction, in steps of scalars."""
    angle, speed, h = 1.0, 0.0, 0.002
    for _ in range(n):
        k1, l1 = speed, -a[0] * np.sin(angle) - a[1] * speed
        s = speed + 0.5 * h * l1
        k2, l2 = s, -a[0] * np.sin(angle + 0.5 * h * k1) - a[1] * s
        s = speed + 0.5 * h * l2
        k3, l3 = s, -a[0] * np.sin(angle + 0.5 * h * k2) - a[1] * s
        s = speed + h * l3
        k4, l4 = s, -a[0] * np.sin(angle + h * k3) - a[1] * s
        angle = angle + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        speed = speed + h / 6.0 * (l1 + 2.0 * l2 + 2.0 * l3 + l4)
    return angle


def mixture_loss(means, logs, x):
    """Minus the likelihood of a mixture of normal distributions with diagonal covariances."""
    d = (x[:, None, :] - means) * np.exp(-logs)
    each = -0.5 * (d * d).sum(axis=2) - logs.sum(axis=1)
    top = each.max(axis=1)
    return -np.sum(top + np.log(np.exp(each - top[:, None]).sum(axis=1)))


# -- values and gradients in NumPy, by hand --------------------------------------------------------


def elementwise_by_hand(x):
    e, r = np.exp(-x * x), np.sqrt(1.0 + x * x)
    return np.sum(np.sin(x) * e + r), (np.cos(x) - 2.0 * x * np.sin(x)) * e + x / r


def mlp_by_hand(w1, w2, x, y):
    h = np.tanh(x @ w1)
    d = h @ w2 - y
    back = (2 * d) @ w2.T * (1 - h * h)
    return np.sum(d * d), (x.T @ back, h.T @ (2 * d))


def rnn_by_hand(w, u, xs):
    states = [np.zeros(w.shape[0], dtype=w.dtype)]
    for x in xs:
        states.append(np.tanh(w @ states[-1] + u * x))
    back, of_w, of_u = 2 * states[-1], np.zeros_like(w), np.zeros_like(u)
    for t in range(len(xs) - 1, -1, -1):
        back = back * (1 - states[t + 1] * states[t + 1])
        of_w += np.outer(back, states[t])
        of_u += back * xs[t]
        back = w.T @ back
    return np.sum(states[-1] * states[-1]), (of_w, of_u)


def runge_kutta_by_hand(a, n):
    """Complex steps: the imaginary part is the derivative, to the last bits."""
    along = [runge_kutta_loss(a + 1e-30j * unit, n) for unit in np.eye(2)]
    return along[0].real, np.array([v.imag for v in along]) * 1e30


def mixture_by_hand(means, logs, x):
    d = (x[:, None, :] - means) * np.exp(-logs)
    each = -0.5 * (d * d).sum(axis=2) - logs.sum(axis=1)
    top = each.max(axis=1)
    e = np.exp(each - top[:, None])
    total = e.sum(axis=1)
    p = -(e / total[:, None])[:, :, None]
    of_means, of_logs = (p * d * np.exp(-logs)).sum(axis=0), (p * (d * d - 1)).sum(axis=0)
    return -np.sum(top + np.log(total)), (of_means, of_logs)


# -- peers -----------------------------------------------------------------------------------------


def with_numpy_as(module, function):
    """A function of this file in another module's terms: it finds that module as `np`."""
    import types

    return types.FunctionType(function.__code__, {"np": module, "range": range}, function.__name__)


def of_jax(function):
    return lambda jax: jax.jit(with_numpy_as(jax.numpy, function))


def of_numba(function, parallel=False):
    return lambda numba: numba.njit(parallel=parallel)(function)


def of_numexpr(text, *names):
    def make(numexpr):
        return lambda *args: numexpr.evaluate(text, local_dict=dict(zip(names, args, strict=True)))

    return make


def of_torch(function):
    return lambda torch: torch.compile(function(torch))


def softmax_of_jax(jax):
    return jax.jit(lambda x: jax.nn.softmax(x, axis=1))


def softmax_of_torch(torch):
    return lambda x: torch.softmax(x, dim=1)


def chain_of_torch(torch):
    return lambda a, b, c: 2.0 * a + 3.0 * b - a * c + 1.5


def scholes_of_torch(torch):
    def fn(spot, strike, time):
        sigma = 0.3 * torch.sqrt(time)
        d1 = (torch.log(spot / strike) + (0.02 + 0.045) * time) / sigma
        n1, n2 = torch.special.ndtr(d1), torch.special.ndtr(d1 - sigma)
        return spot * n1 - strike * torch.exp(-0.02 * time) * n2

    return fn


def gradient_of_jax(function, argnums=0):
    def make(jax):
        made = with_numpy_as(jax.numpy, function)
        return jax.jit(jax.value_and_grad(made, argnums=argnums))

    return make


def rnn_of_jax(jax):
    def loss(w, u, xs):
        def step(h, x):
            return jax.numpy.tanh(w @ h + u * x), None

        h, _ = jax.lax.scan(step, jax.numpy.zeros(w.shape[0], w.dtype), xs)
        return jax.numpy.sum(h * h)

    return jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))


def runge_kutta_of_jax(jax):
    def step_of(a):
        def slope(angle, speed):
            return speed, -a[0] * jax.numpy.sin(angle) - a[1] * speed

        def step(state, _):
            angle, speed, h = *state, 0.002
            k1, l1 = slope(angle, speed)
            k2, l2 = slope(angle + 0.5 * h * k1, speed + 0.5 * h * l1)
            k3, l3 = slope(angle + 0.5 * h * k2, speed + 0.5 * h * l2)
            k4, l4 = slope(angle + h * k3, speed + h * l3)
            angle += h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
            return (angle, speed + h / 6.0 * (l1 + 2.0 * l2 + 2.0 * l3 + l4)), None

        return step

    def loss(a, n):
        return jax.lax.scan(step_of(a), (1.0, 0.0), None, n)[0][0]

    return jax.jit(jax.value_and_grad(loss), static_argnums=1)


def gradient(function, argnums=0):
    """What tracejit runs: the value alone is written."""

    def make():
        from tracejit import jit, value_and_grad

        return jit(value_and_grad(function, argnums=argnums))

    return make


def values(n, count, dtype="f8"):
    return lambda rng: tuple(rng.standard_normal(n).astype(dtype) for _ in range(count))


def options(rng):
    n = 1_000_000
    return 80.0 + 40.0 * rng.random(n), 80.0 + 40.0 * rng.random(n), 0.1 + rng.random(n)


def layer(rng):
    x = rng.standard_normal((4096, 768)).astype("f4")
    return x, rng.random(768).astype("f4"), rng.random(768).astype("f4")


def network(rng):
    sizes = ((784, 256), (256, 10), (128, 784), (128, 10))
    return tuple(0.05 * rng.standard_normal(s).astype("f4") for s in sizes)


def recurrent(rng):
    """Orthogonal weights, and inputs that leave tanh its slope: the gradient reaches the start."""
    w = np.linalg.qr(rng.standard_normal((32, 32)))[0].astype("f4")
    return w, (0.1 * rng.random(32)).astype("f4"), rng.standard_normal(500).astype("f4")


def forgetful(rng):
    """Weights that halve the gradient in each step: from some step on it is subnormal, then 0."""
    w = 0.1 * rng.standard_normal((32, 32)).astype("f4")
    return w, rng.random(32).astype("f4"), rng.standard_normal(500).astype("f4")


def mixture(rng):
    return rng.random((10, 8)), 0.1 * rng.random((10, 8)), rng.random((2000, 8))


CHAIN = "2*a + 3*b - a*c + 1.5"
CHAIN_PEERS = {
    "jax": of_jax(chain),
    "numba": of_numba(chain, parallel=True),
    "numexpr": of_numexpr(CHAIN, "a", "b", "c"),
    "torch": of_torch(chain_of_torch),
}


def graded(name, function, by_hand, setup, goal, jax=None, argnums=0, rtol=1e-6):
    """A row of value and gradient."""
    return Row(
        f"goal: value and gradient, {name}",
        setup,
        by_hand,
        {"jax": jax or gradient_of_jax(function, argnums)},
        traced=gradient(function, argnums),
        goal=goal,
        rtol=rtol,
    )


ROWS = (
    Row(
        "goal: call x + 1.0, 10",
        values(10, 1),
        increment,
        {"jax": of_jax(increment), "numba": of_numba(increment)},
        goal=0.15,
    ),
    Row(
        "goal: call a * b + c, 100",
        values(100, 3),
        multiply_add,
        {"jax": of_jax(multiply_add), "numba": of_numba(multiply_add)},
        goal=0.15,
    ),
    Row(
        "goal: Black-Scholes, 1M f64",
        options,
        black_scholes,
        {
            "jax": of_jax(black_scholes),
            "numba": of_numba(black_scholes, parallel=True),
            "torch": of_torch(scholes_of_torch),
        },
        streams=True,
        goal=0.75,
        rtol=1e-6,
    ),
    Row(
        "goal: 2a + 3b - ac + 1.5, 8M f64",
        values(8_000_000, 3),
        chain,
        CHAIN_PEERS,
        streams=True,
        goal=0.4,
    ),
    Row(
        "goal: 2a + 3b - ac + 1.5, 50k f32",
        values(50_000, 3, "f4"),
        chain,
        CHAIN_PEERS,
        streams=True,
        goal=0.15,
        rtol=1e-5,
    ),
    Row(
        "goal: sum(a * b + abs(a - b)), 8M f64",
        values(8_000_000, 2),
        sum_of,
        {"jax": of_jax(sum_of), "numba": of_numba(sum_of, parallel=True)},
        streams=True,
        goal=0.9,
    ),
    Row(
        "goal: softmax 4096 x 1024 f32",
        values((4096, 1024), 1, "f4"),
        softmax,
        {"jax": softmax_of_jax, "torch": softmax_of_torch},
        streams=True,
        goal=0.7,
        rtol=1e-5,
    ),
    Row(
        "goal: layer norm and GELU 4096 x 768 f32",
        layer,
        norm_and_gelu,
        {"jax": of_jax(norm_and_gelu)},
        streams=True,
        goal=0.6,
        rtol=1e-4,
    ),
    Row(
        "goal: pairwise distances 1500 x 16 f64",
        lambda rng: (rng.random((1500, 16)),),
        distances,
        {"jax": of_jax(distances), "numba": lambda numba: numba.njit(distances_by_loops)},
        goal=0.5,
    ),
    graded("elementwise 1M f64", elementwise_loss, elementwise_by_hand, values(1_000_000, 1), 0.6),
    graded(
        "MLP 128 x 784 x 256 x 10 f32",
        mlp_loss,
        mlp_by_hand,
        network,
        0.7,
        argnums=(0, 1),
        rtol=1e-3,
    ),
    graded(
        "RNN, 500 steps of 32 f32",
        rnn_loss,
        rnn_by_hand,
        recurrent,
        0.4,
        rnn_of_jax,
        (0, 1),
        rtol=1e-3,
    ),
    graded(
        "RNN whose gradient vanishes",
        rnn_loss,
        rnn_by_hand,
        forgetful,
        None,
        rnn_of_jax,
        (0, 1),
        rtol=1e-3,
    ),
    graded(
        "5,000 scalar Runge-Kutta steps",
        runge_kutta_loss,
        runge_kutta_by_hand,
        lambda rng: (np.array([9.8, 0.1]), 5000),
        0.22,
        runge_kutta_of_jax,
    ),
    graded("mixture of 10 normals", mixture_loss, mixture_by_hand, mixture, 0.28, argnums=(0, 1)),
)
