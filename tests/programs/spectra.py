"""Transforms, fractals and integrals: Fourier by hand, complex planes, quadrature, contours."""

from __future__ import annotations

import numpy as np

from tests.programs.program import Program

Rng = np.random.Generator


def stockham(x, radix, passes):
    """Self-sorting FFT: each pass turns by twiddles and transforms one digit by a small matrix."""
    n = radix**passes
    digit = np.arange(radix)
    small = np.exp(-2j * np.pi * np.outer(digit, digit) / radix)
    y = np.empty_like(x)
    y[:] = x
    for i in range(passes):
        done, rest = radix**i, radix ** (passes - i - 1)
        twiddle = np.exp(-2j * np.pi * np.outer(np.arange(done), digit) / (done * radix))
        turned = np.reshape(y, (done, radix, rest)) * twiddle[:, :, np.newaxis]
        y[:] = (small @ turned.transpose(1, 0, 2).reshape(radix, n // radix)).reshape(n)
    return y


def radix_two(x):
    """Recursive decimation in time; the depth follows from the length."""
    n = len(x)
    if n == 1:
        return x
    even, odd = radix_two(x[::2]), radix_two(x[1::2])
    turned = np.exp(-2j * np.pi * np.arange(n // 2) / n) * odd
    return np.concatenate((even + turned, even - turned))


def haar(x):
    """Wavelet transform in place on the shrinking first part of an array."""
    n = len(x)
    while n > 1:
        half = n // 2
        mean = (x[:n:2] + x[1:n:2]) / np.sqrt(2.0)
        x[half:n] = (x[:n:2] - x[1:n:2]) / np.sqrt(2.0)
        x[:half] = mean
        n = half
    return x


def walsh_hadamard(x):
    """Butterflies of growing width, written through two-dimensional views."""
    width = 1
    while width < len(x):
        for start in range(0, len(x), 2 * width):
            a = x[start : start + width]
            b = x[start + width : start + 2 * width]
            a[:], b[:] = a + b, a - b
        width *= 2


def mandelbrot_shrinking(xmin, xmax, ymin, ymax, nx, ny, limit):
    """Points that have escaped leave the working arrays: index sets that shrink each round."""
    xi, yi = np.mgrid[0:nx, 0:ny]
    x = np.linspace(xmin, xmax, nx)[xi]
    y = np.linspace(ymin, ymax, ny)[yi]
    c = x + 1j * y
    counts = np.zeros(c.shape, dtype=np.int64)
    xi.shape = yi.shape = c.shape = (nx * ny,)
    z = np.zeros_like(c)
    for i in range(limit):
        if not len(z):
            break
        z = z * z + c
        left = abs(z) > 2.0
        counts[xi[left], yi[left]] = i + 1
        stay = ~left
        z, c = z[stay], c[stay]
        xi, yi = xi[stay], yi[stay]
    return counts


def julia(z, c, limit):
    """The smooth count of iterations, for points that escape."""
    out = np.full(z.shape, np.inf)
    for n in range(limit):
        out = np.where((np.abs(z) > 4.0) & np.isinf(out), n - np.log2(np.log(np.abs(z))), out)
        z = np.where(np.abs(z) > 4.0, z, z * z + c)
    return out


def azimuthal_by_histogram(values, radius, bins):
    """Mean over rings, from a weighted histogram and a plain one."""
    edges = np.linspace(0.0, radius.max() * 1.0001, bins + 1)
    total, _ = np.histogram(radius, bins=edges, weights=values)
    count, _ = np.histogram(radius, bins=edges)
    return total / count


def azimuthal_by_masks(values, radius, bins):
    """Mean over rings, with a boolean index for each."""
    out = np.zeros(bins, dtype=values.dtype)
    limit = radius.max()
    for i in range(bins):
        low, high = limit * i / bins, limit * (i + 1) / bins
        ring = np.logical_and(low <= radius, radius < high)
        out[i] = values[ring].mean()
    return out


def contour_moments(h, points, eye):
    """Moments of a resolvent around a circle: `solve` at each point of the contour."""
    n = h.shape[0]
    p0 = np.zeros((n, n), dtype=np.complex128)
    p1 = np.zeros((n, n), dtype=np.complex128)
    for z in points:
        x = np.linalg.solve(z * eye - h, eye)
        if abs(z) < 1.0:
            x = -x
        p0 += x
        p1 += z * x
    return p0, p1


def contour_count(h, center, radius, count):
    """How many eigenvalues lie inside a circle, by `inv` on its points."""
    total = 0.0 + 0.0j
    for k in range(count):
        turn = radius * np.exp(2j * np.pi * (k + 0.5) / count)
        total += np.trace(np.linalg.inv((center + turn) * np.eye(len(h)) - h)) * turn
    return (total / count).real


def simpson(f_values, h):
    return (
        h
        / 3
        * (f_values[0] + 4 * f_values[1:-1:2].sum() + 2 * f_values[2:-1:2].sum() + f_values[-1])
    )


def romberg(a, b, levels):
    """Richardson's table of trapezoidal sums, filled row by row."""
    table = np.zeros((levels, levels))
    h = b - a
    table[0, 0] = 0.5 * h * (np.exp(-a * a) + np.exp(-b * b))
    for i in range(1, levels):
        h *= 0.5
        total = 0.0
        for k in range(1, 2**i, 2):
            total += np.exp(-((a + k * h) ** 2))
        table[i, 0] = 0.5 * table[i - 1, 0] + h * total
        for j in range(1, i + 1):
            table[i, j] = table[i, j - 1] + (table[i, j - 1] - table[i - 1, j - 1]) / (4**j - 1)
    return table[-1, -1]


def legendre_nodes(n):
    """Gauss nodes by Newton steps on the three-term recurrence."""
    x = np.cos(np.pi * (np.arange(n) + 0.75) / (n + 0.5))
    for _ in range(6):
        p, q = np.ones(n), x.copy()
        for k in range(2, n + 1):
            p, q = q, ((2 * k - 1) * x * q - (k - 1) * p) / k
        slope = n * (x * q - p) / (x * x - 1)
        x = x - q / slope
    return x, 2 / ((1 - x * x) * slope**2)


def clenshaw(coefficients, x):
    b1 = b2 = np.zeros_like(x)
    for c in coefficients[:0:-1]:
        b1, b2 = 2 * x * b1 - b2 + c, b1
    return x * b1 - b2 + coefficients[0]


def power_spectrum(x, window, hop):
    """Overlapping windowed frames through np.fft, averaged."""
    size = len(window)
    frames = (len(x) - size) // hop + 1
    total = np.zeros(size // 2 + 1)
    for i in range(frames):
        spectrum = np.fft.rfft(x[i * hop : i * hop + size] * window)
        total += spectrum.real**2 + spectrum.imag**2
    return total / frames


def rings(r: Rng) -> tuple[object, ...]:
    y, x = np.mgrid[-4:5, -4:5]
    return r.random(81), np.hypot(x, y).ravel() + 0.01, 4


def points_on_circles(r: Rng) -> tuple[object, ...]:
    h = r.standard_normal((4, 4)) + 1j * r.standard_normal((4, 4))
    turn = np.exp(2j * np.pi * (np.arange(5) + 0.5) / 5)
    return h, np.concatenate((7.0 * turn, 0.1 * turn)), np.eye(4)


def complex_normal(r: Rng, *shape: int) -> np.ndarray:
    return r.standard_normal(shape) + 1j * r.standard_normal(shape)


SPECTRA = (
    Program("stockham", stockham, lambda r: (complex_normal(r, 27), 3, 3)),
    Program("radix_two", radix_two, lambda r: (complex_normal(r, 16),)),
    Program("haar", haar, lambda r: (r.standard_normal(32),), argnums=(0,)),
    Program(
        "walsh_hadamard",
        walsh_hadamard,
        lambda r: (r.integers(-9, 9, 16).astype(float),),
        exact=True,
    ),
    Program(
        "mandelbrot_shrinking",
        mandelbrot_shrinking,
        lambda r: (-2.0, 0.5 + 0.1 * r.random(), -1.2, 1.2, 9, 11, 30),
        exact=True,
    ),
    Program("julia", julia, lambda r: (1.3 * complex_normal(r, 6, 5), -0.4 + 0.6j, 20), rtol=1e-9),
    Program("azimuthal_by_histogram", azimuthal_by_histogram, rings, argnums=(0,)),
    Program("azimuthal_by_masks", azimuthal_by_masks, rings, argnums=(0,)),
    Program("contour_moments", contour_moments, points_on_circles, rtol=1e-10),
    Program(
        "contour_count",
        contour_count,
        lambda r: (np.diag([1.0, 2.0, 6.0]) + 0.1 * r.random((3, 3)), 1.5, 2.0, 16),
        rtol=1e-10,
    ),
    Program("simpson", simpson, lambda r: (r.random(11), 0.1), argnums=(0, 1)),
    Program("romberg", romberg, lambda r: (r.random(), 1.0 + r.random(), 5), argnums=(0, 1)),
    Program("legendre_nodes", legendre_nodes, lambda r: (int(r.integers(4, 9)),), rtol=1e-11),
    Program(
        "clenshaw",
        clenshaw,
        lambda r: (r.standard_normal(6), r.uniform(-1, 1, 7)),
        argnums=(0, 1),
    ),
    Program(
        "power_spectrum",
        power_spectrum,
        lambda r: (r.standard_normal(40), np.hanning(16), 8),
        rtol=1e-11,
    ),
)
