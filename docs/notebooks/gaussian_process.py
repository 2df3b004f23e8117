# %% [markdown]
# # A Gaussian process over mountains
#
# Matplotlib ships the heights of a piece of Tennessee. We look at 200 places and ask a Gaussian
# process for the heights between them, and how sure it is. Its three parameters are found by the
# gradient of the likelihood, through the Cholesky factor.

# %%
import matplotlib.cbook as cbook
import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

from tracejit import jit, value_and_grad

with cbook.get_sample_data("jacksboro_fault_dem.npz") as file:
    heights = file["elevation"][100:160, 200:260].astype(float)
rng = np.random.default_rng(0)
grid = np.stack(np.meshgrid(np.arange(60.0), np.arange(60.0), indexing="ij"), axis=-1)
chosen = rng.permutation(3600)[:200]
places = grid.reshape(-1, 2)[chosen]
mean = heights.ravel()[chosen].mean()
seen = (heights.ravel()[chosen] - mean) / 100.0
heights.min(), heights.max()

# %% [markdown]
# ## The likelihood
#
# The logarithms of three parameters: the length over which heights are alike, their spread, and
# the noise.


# %%
def covariance(a, b, length, spread):
    apart = np.sum((a[:, None, :] - b[None, :, :]) ** 2, axis=-1)
    return spread**2 * np.exp(-0.5 * apart / length**2)


def surprise(log_parameters, places, seen):
    length, spread, noise = np.exp(log_parameters)
    n = len(seen)
    factor = np.linalg.cholesky(covariance(places, places, length, spread) + noise**2 * np.eye(n))
    white = np.linalg.solve(factor, seen)
    return 0.5 * white @ white + np.log(np.diag(factor)).sum() + 0.5 * n * np.log(2 * np.pi)


both = jit(value_and_grad(surprise))
start = np.log([5.0, 1.0, 0.3])
found = minimize(both, start, args=(places, seen), jac=True, method="L-BFGS-B")
assert found.fun < surprise(start, places, seen) - 1.0
length, spread, noise = np.exp(found.x)
length, spread, noise

# %% [markdown]
# ## The heights between
#
# The same function, compiled for other sizes: the second shape makes the sizes symbolic.


# %%
@jit
def predict(wanted, places, seen, length, spread, noise):
    inside = covariance(places, places, length, spread) + noise**2 * np.eye(len(seen))
    across = covariance(wanted, places, length, spread)
    weights = np.linalg.solve(inside, across.T)
    variance = spread**2 - np.sum(across * weights.T, axis=1)
    return across @ np.linalg.solve(inside, seen), np.sqrt(np.maximum(variance, 0.0))


height, sure = predict(grid.reshape(-1, 2), places, seen, length, spread, noise)
height = height.reshape(60, 60) * 100.0 + mean
sure = sure.reshape(60, 60) * 100.0
wrong = np.sqrt(np.mean((height - heights) ** 2))
assert wrong < 0.5 * heights.std()
# About 95 of 100 heights lie within two standard deviations.
within = np.mean(np.abs(height - heights) < 2.0 * np.hypot(sure, 100.0 * noise))
assert 0.85 < within < 1.0
wrong, heights.std(), within

# %%
figure, axes = plt.subplots(1, 3, figsize=(12, 3.6))
shades = {"vmin": heights.min(), "vmax": heights.max(), "cmap": "terrain"}
axes[0].imshow(heights, **shades)
axes[0].plot(places[:, 1], places[:, 0], "k.", markersize=2)
axes[1].imshow(height, **shades)
figure.colorbar(axes[2].imshow(sure, cmap="magma"), ax=axes[2])
for axis, name in zip(axes, ("heights, and where we looked", "predicted", "not sure (metres)")):
    axis.set_title(name)
    axis.axis("off")
