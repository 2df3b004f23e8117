"""scikit-learn's sample photograph, smoothed in place by an ordinary NumPy loop."""

from __future__ import annotations

import numpy as np

from demo.report import OUTPUT, Result, Step, seconds, side_by_side

ITERATIONS = 25
ROUNDS = 5
STEPS = ROUNDS + 2


def smooth(img: np.ndarray, steps: int) -> np.ndarray:
    """Edge-preserving smoothing of `img` (f8[h, w] within 0..1), in place.

    The flow is slowed where the picture changes much: by 1.4 at a difference of 0.05, by 10 at 0.5.
    """
    for _ in range(steps):
        gx = np.diff(img, axis=1, append=img[:, -1:])
        gy = np.diff(img, axis=0, append=img[-1:, :])
        w = 1.0 / np.sqrt(1.0 + 400.0 * (gx * gx + gy * gy))
        img[1:-1, 1:-1] += 0.2 * (w * (gx + gy))[1:-1, 1:-1]
        if img.max() > 1.0:
            img /= img.max()
    return img


def photograph() -> np.ndarray:
    """The temple as three colour planes, f8[3, 427, 640] within 0..1."""
    from sklearn.datasets import load_sample_images

    picture = load_sample_images().images[0]
    return np.ascontiguousarray(picture.transpose(2, 0, 1)) / 255.0


def smooth_colours(fn, planes: np.ndarray) -> np.ndarray:
    done = planes.copy()
    for plane in done:
        fn(plane, ITERATIONS)
    return done


def pixels(planes: np.ndarray) -> np.ndarray:
    return np.rint(255.0 * np.clip(planes, 0.0, 1.0)).astype(np.uint8).transpose(1, 2, 0)


def run(step: Step) -> Result:
    from matplotlib.image import imsave

    from tracejit import jit

    planes = photograph()
    step()
    compiled = jit(smooth)
    first = seconds(lambda: compiled(planes[0].copy(), ITERATIONS))
    expected = smooth_colours(smooth, planes)
    actual = smooth_colours(compiled, planes)
    step()
    times = side_by_side(
        lambda: smooth_colours(smooth, planes),
        lambda: smooth_colours(compiled, planes),
        ROUNDS,
        step,
    )
    before, after = pixels(planes), pixels(actual)
    imsave(OUTPUT / "photo_before.png", before)
    imsave(OUTPUT / "photo_after.png", after)
    imsave(OUTPUT / "photo_before_after.png", np.concatenate([before, after], axis=1))
    same = np.array_equal(after, pixels(expected))
    gap = float(np.abs(actual - expected).max())
    bits = "same bits" if gap == 0.0 else f"values within {gap:.0e}"
    check = f"{'same' if same else 'OTHER'} pixels, {bits}"
    return Result("photo: smoothing in place", "NumPy", *times, first, check, same)
