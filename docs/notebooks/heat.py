# %% [markdown]
# # Heat, forwards and backwards
#
# A photograph is a plate with a temperature at each pixel. Heat flows and blurs it. Two questions
# go backwards: how well does the plate conduct, and what did the photograph look like? Both are
# derivatives of the program that blurs, with its loop and its changes in place.
#
# The photograph is one of scikit-learn's.

# %%
import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_sample_image

from tracejit import grad, jit, value_and_grad

photo = load_sample_image("china.jpg")[::4, ::4].mean(axis=2) / 255.0
photo.shape

# %% [markdown]
# ## Forwards
#
# In each step heat flows between neighbours, in proportion to the difference. No heat leaves the
# plate.


# %%
@jit
def diffuse(plate, conductivity, steps):
    plate = plate.copy()
    for _ in range(steps):
        right = conductivity * np.diff(plate, axis=1)
        down = conductivity * np.diff(plate, axis=0)
        plate[:, :-1] += right
        plate[:, 1:] -= right
        plate[:-1] += down
        plate[1:] -= down
    return plate


STEPS, TRUE = 12, 0.15
rng = np.random.default_rng(0)
blurred = diffuse(photo, TRUE, STEPS)
assert np.isclose(blurred.mean(), photo.mean())
seen = blurred + 0.002 * rng.normal(size=photo.shape)

# %% [markdown]
# ## How well does it conduct?
#
# We know the photograph and what is seen after 12 steps. The misfit is a function of one number.
# Newton's method needs its first and second derivative: `grad`, and `grad` of `grad`.


# %%
def misfit(conductivity):
    return np.mean((diffuse(photo, conductivity, STEPS) - seen) ** 2)


slope = jit(grad(misfit))
curvature = jit(grad(grad(misfit)))
conductivity, tried = 0.1, []
for _ in range(8):
    tried.append(conductivity)
    conductivity -= float(slope(conductivity) / curvature(conductivity))
assert abs(conductivity - TRUE) < 1e-3
tried

# %% [markdown]
# ## What did it look like?
#
# Now the photograph is unknown: 17,120 numbers. Blurring loses the details, so many photographs
# fit. We prefer those with few edges, and let SciPy look for the best with the exact gradient.


# %%
def loss(flat):
    plate = flat.reshape(photo.shape)
    edges = np.sqrt(1e-4 + np.diff(plate, axis=0) ** 2).sum()
    edges += np.sqrt(1e-4 + np.diff(plate, axis=1) ** 2).sum()
    return np.sum((diffuse(plate, TRUE, STEPS) - seen) ** 2) + 1e-5 * edges


both = jit(value_and_grad(loss))
found = minimize(both, seen.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 60})
sharp = found.x.reshape(photo.shape)


def error(picture):
    return np.sqrt(np.mean((picture - photo) ** 2))


assert error(sharp) < 0.9 * error(seen)
error(seen), error(sharp)

# %%
figure, axes = plt.subplots(1, 3, figsize=(12, 3))
for axis, picture, name in zip(axes, (photo, seen, sharp), ("before", "seen", "found")):
    axis.imshow(picture, cmap="gray", vmin=0, vmax=1)
    axis.set_title(name)
    axis.axis("off")

# %% [markdown]
# One compilation serves all calls of a function. `f.stats()` counts.

# %%
assert both.stats().compilations == 1
print(both.explain(seen.ravel()).splitlines()[0])
