"""An escape-time fractal with Python's own `while` and early exit."""

from __future__ import annotations

import numpy as np

from demo.report import OUTPUT, Result, Step, seconds

LIMIT = 200
SMALL = (120, 180)
LARGE = (800, 1200)
STEPS = 3


def escape_time(re: np.ndarray, im: np.ndarray, limit: int) -> np.ndarray:
    """Steps until z*z + c leaves the circle of radius 2, for c = re[j] + i im[i]: i8[h, w]."""
    counts = np.zeros((len(im), len(re)), dtype=np.int64)
    for i in range(len(im)):
        for j in range(len(re)):
            x = y = 0.0
            n = 0
            while n < limit and x * x + y * y <= 4.0:
                x, y = x * x - y * y + re[j], 2.0 * x * y + im[i]
                n += 1
            counts[i, j] = n
    return counts


def plane(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    return np.linspace(-2.2, 0.8, shape[1]), np.linspace(-1.0, 1.0, shape[0])


def run(step: Step) -> Result:
    from matplotlib.image import imsave

    from tracejit import jit

    small = plane(SMALL)
    compiled = jit(escape_time)
    first = seconds(lambda: compiled(*small, LIMIT))
    step()
    results = {}

    def python() -> None:
        results["python"] = escape_time(*small, LIMIT)

    def native() -> None:
        results["native"] = compiled(*small, LIMIT)

    python_time = seconds(python)
    native_time = min(seconds(native) for _ in range(5))
    step()
    same = np.array_equal(results["python"], results["native"])
    picture = compiled(*plane(LARGE), LIMIT)
    imsave(OUTPUT / "fractal.png", np.log1p(picture % LIMIT), cmap="magma")
    step()
    check = f"{'same' if same else 'OTHER'} counts on {SMALL[0]} x {SMALL[1]} points"
    return Result(
        "fractal: while per pixel", "Python", python_time, native_time, first, check, same
    )
