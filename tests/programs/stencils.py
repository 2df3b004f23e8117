"""Grids updated in place by slices: heat, waves, fields, images, cellular automata."""

from __future__ import annotations

import numpy as np

from tests.programs.program import Program

Rng = np.random.Generator


def heat_1d(u, steps):
    for _ in range(steps):
        u[1:-1] += 0.25 * (u[:-2] - 2.0 * u[1:-1] + u[2:])
    return u


def heat_2d(A, B, steps):
    """Two buffers, written alternately by slices."""
    for _ in range(steps):
        B[1:-1, 1:-1] = 0.2 * (
            A[1:-1, 1:-1] + A[1:-1, :-2] + A[1:-1, 2:] + A[2:, 1:-1] + A[:-2, 1:-1]
        )
        A[1:-1, 1:-1] = 0.2 * (
            B[1:-1, 1:-1] + B[1:-1, :-2] + B[1:-1, 2:] + B[2:, 1:-1] + B[:-2, 1:-1]
        )


def heat_3d(u, steps):
    c = slice(1, -1)
    for _ in range(steps):
        lap = (
            (u[2:, c, c] - 2.0 * u[c, c, c] + u[:-2, c, c])
            + (u[c, 2:, c] - 2.0 * u[c, c, c] + u[c, :-2, c])
            + (u[c, c, 2:] - 2.0 * u[c, c, c] + u[c, c, :-2])
        )
        u[c, c, c] += 0.1 * lap
    return u


def seidel(A, steps):
    """Gauss-Seidel: each point reads points already written in this sweep."""
    n = A.shape[0]
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                A[i, j] = 0.25 * (A[i - 1, j] + A[i + 1, j] + A[i, j - 1] + A[i, j + 1])
    return A


def fdtd_2d(ex, ey, hz, drive):
    """Electromagnetic fields on staggered grids, driven along one edge."""
    for t in range(len(drive)):
        ey[0, :] = drive[t]
        ey[1:, :] -= 0.5 * (hz[1:, :] - hz[:-1, :])
        ex[:, 1:] -= 0.5 * (hz[:, 1:] - hz[:, :-1])
        hz[:-1, :-1] -= 0.7 * (ex[:-1, 1:] - ex[:-1, :-1] + ey[1:, :-1] - ey[:-1, :-1])
    return hz


def wave(u, v, steps):
    """Periodic wave equation with np.roll."""
    for _ in range(steps):
        lap = np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1) - 4 * u
        v = v + 0.1 * lap
        u = u + 0.1 * v
    return u, v


def adi(u, steps):
    """Alternating directions: recurrences along rows, then along columns, forth and back."""
    n = u.shape[0]
    p = np.zeros_like(u)
    q = np.zeros_like(u)
    for _ in range(steps):
        q[:, 0] = u[:, 0]
        for j in range(1, n - 1):
            p[:, j] = 0.3 / (2.0 - 0.3 * p[:, j - 1])
            q[:, j] = (u[:, j] + 0.3 * q[:, j - 1]) / (2.0 - 0.3 * p[:, j - 1])
        for j in range(n - 2, 0, -1):
            u[:, j] = p[:, j] * u[:, j + 1] + q[:, j]
        for i in range(1, n):
            u[i] = 0.9 * u[i] + 0.1 * u[i - 1]
    return u


def deriche_like(x, a):
    """A recursive filter, forth and back along the rows."""
    left = np.zeros_like(x)
    right = np.zeros_like(x)
    h, w = x.shape
    left[:, 0] = x[:, 0]
    for j in range(1, w):
        left[:, j] = a * x[:, j] + (1.0 - a) * left[:, j - 1]
    right[:, -1] = x[:, -1]
    for j in range(w - 2, -1, -1):
        right[:, j] = a * x[:, j] + (1.0 - a) * right[:, j + 1]
    return left + right


def life(grid, steps):
    """Conway's rules on bools with wrap-around."""
    for _ in range(steps):
        count = np.zeros(grid.shape, dtype=np.int64)
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                if dy != 0 or dx != 0:
                    count += np.roll(np.roll(grid, dy, 0), dx, 1)
        grid = (count == 3) | (grid & (count == 2))
    return grid


def blur(image, kernel):
    """Separable blur of a padded colour image."""
    k = len(kernel) // 2
    padded = np.pad(image, ((k, k), (k, k), (0, 0)), mode="edge")
    rows = np.zeros_like(image)
    h, w = image.shape[:2]
    wide = np.zeros((h, w + 2 * k, 3))
    for i in range(len(kernel)):
        wide += kernel[i] * padded[i : i + h]
    for i in range(len(kernel)):
        rows += kernel[i] * wide[:, i : i + w]
    return np.clip(rows, 0.0, 1.0)


def sobel(image):
    p = np.pad(image, 1)
    gx = p[:-2, 2:] - p[:-2, :-2] + 2 * (p[1:-1, 2:] - p[1:-1, :-2]) + p[2:, 2:] - p[2:, :-2]
    gy = p[2:, :-2] - p[:-2, :-2] + 2 * (p[2:, 1:-1] - p[:-2, 1:-1]) + p[2:, 2:] - p[:-2, 2:]
    size = np.hypot(gx, gy)
    return size, size > size.mean() + size.std()


def smooth(img, steps):
    """Edge-preserving smoothing in place, with a branch on the image itself."""
    for _ in range(steps):
        gx = np.diff(img, axis=1, append=img[:, -1:])
        gy = np.diff(img, axis=0, append=img[-1:, :])
        w = 1.0 / np.sqrt(1.0 + gx * gx + gy * gy)
        img[1:-1, 1:-1] += 0.2 * (w * (gx + gy))[1:-1, 1:-1]
        if img.max() > 1.0:
            img /= img.max()
    return img


def median_3x3(image):
    """A stack of shifted views, sorted along the new axis."""
    h, w = image.shape
    views = [image[i : h - 2 + i, j : w - 2 + j] for i in range(3) for j in range(3)]
    return np.sort(np.stack(views), axis=0)[4]


def cavity_pressure(p, b, steps):
    """Pressure Poisson with boundary rows copied after each sweep."""
    for _ in range(steps):
        pn = p.copy()
        p[1:-1, 1:-1] = (
            pn[1:-1, 2:] + pn[1:-1, :-2] + pn[2:, 1:-1] + pn[:-2, 1:-1] - b[1:-1, 1:-1]
        ) / 4.0
        p[:, -1] = p[:, -2]
        p[0, :] = p[1, :]
        p[:, 0] = p[:, 1]
        p[-1, :] = 0
    return p


def square(n: int):
    return lambda r: (r.random((n, n)), 3)


def fields(r: Rng) -> tuple[object, ...]:
    return r.random((7, 8)), r.random((7, 8)), r.random((7, 8)), np.arange(4.0)


def pressure_args(r: Rng) -> tuple[object, ...]:
    return r.random((7, 9)), r.standard_normal((7, 9)), 3


STENCILS = (
    Program("heat_1d", heat_1d, lambda r: (r.random(20), 5), argnums=(0,), exact=True),
    Program(
        "heat_2d",
        heat_2d,
        lambda r: (r.random((9, 8)), r.random((9, 8)), 3),
        exact=True,
        argnums=(0, 1),
    ),
    Program("heat_3d", heat_3d, lambda r: (r.random((6, 5, 7)), 3), argnums=(0,), exact=True),
    Program("seidel", seidel, square(8), argnums=(0,), exact=True),
    Program("fdtd_2d", fdtd_2d, fields, argnums=(0, 1, 2, 3), exact=True),
    Program(
        "wave", wave, lambda r: (r.random((6, 5)), r.random((6, 5)), 4), argnums=(0, 1), exact=True
    ),
    Program("adi", adi, square(7), argnums=(0,), exact=True),
    Program("deriche_like", deriche_like, lambda r: (r.random((4, 9)), 0.3), argnums=(0, 1)),
    Program("life", life, lambda r: (r.random((8, 9)) < 0.4, 4), exact=True),
    Program(
        "blur",
        blur,
        lambda r: (0.9 * r.random((7, 6, 3)), np.array([0.25, 0.5, 0.25])),
        argnums=(0, 1),
    ),
    Program("sobel", sobel, lambda r: (r.random((8, 9)),), argnums=(0,)),
    Program("smooth", smooth, lambda r: (1.5 * r.random((8, 9)), 3), argnums=(0,)),
    Program("median_3x3", median_3x3, lambda r: (r.random((7, 8)),), argnums=(0,), exact=True),
    Program("cavity_pressure", cavity_pressure, pressure_args, argnums=(0, 1), exact=True),
)
