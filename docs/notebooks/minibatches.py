# %% [markdown]
# # A network, and a file larger than memory
#
# A network learns to read digits from minibatches of a file. The file is mapped into memory with
# `np.memmap`: only the rows of a minibatch are read. Here the file is small, scikit-learn's
# digits, but nothing in the program knows that.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from tracejit import jit, value_and_grad

digits = load_digits()
folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "digits.bin"
digits.data.astype(np.uint8).tofile(path)

images = np.memmap(path, dtype=np.uint8, mode="r", shape=(1797, 64))
labels = digits.target
held_out = 300
type(images), images.shape

# %% [markdown]
# ## The network
#
# Plain NumPy. The parameters are a dict.


# %%
def scores(params, pixels):
    hidden = np.maximum(pixels @ params["w1"] + params["b1"], 0.0)
    return hidden @ params["w2"] + params["b2"]


def loss(params, pixels, labels):
    found = scores(params, pixels)
    top = found.max(axis=1, keepdims=True)
    total = np.log(np.exp(found - top).sum(axis=1)) + top[:, 0]
    return np.mean(total - found[np.arange(len(labels)), labels])


# %% [markdown]
# ## A step of Adam
#
# All of it is compiled: the minibatch is gathered from the map, the gradient is computed, and the
# parameters are changed in place.


# %%
@jit
def step(params, first, second, count, images, labels, rows):
    pixels = images[rows] / 16.0
    value, slopes = value_and_grad(loss)(params, pixels, labels[rows])
    for name in params:
        first[name] *= 0.9
        first[name] += 0.1 * slopes[name]
        second[name] *= 0.999
        second[name] += 0.001 * slopes[name] ** 2
        size = np.sqrt(second[name] / (1.0 - 0.999**count)) + 1e-8
        params[name] -= 0.005 * (first[name] / (1.0 - 0.9**count)) / size
    return value


rng = np.random.default_rng(0)
params = {
    "w1": rng.normal(size=(64, 32)) / 8.0,
    "b1": np.zeros(32),
    "w2": rng.normal(size=(32, 10)) / 6.0,
    "b2": np.zeros(10),
}
first = {name: np.zeros_like(p) for name, p in params.items()}
second = {name: np.zeros_like(p) for name, p in params.items()}
losses = []
for count in range(1, 601):
    rows = rng.integers(held_out, len(images), size=64)
    losses.append(step(params, first, second, count, images, labels, rows))
assert step.stats().compilations <= 2

# %% [markdown]
# ## Digits that it has not seen

# %%
answers = jit(scores)(params, images[:held_out] / 16.0).argmax(axis=1)
right = np.mean(answers == labels[:held_out])
assert right > 0.9
right

# %%
figure, axes = plt.subplot_mosaic("aaabc;aaade", figsize=(10, 3.5))
axes["a"].semilogy(losses)
axes["a"].set(xlabel="minibatch", ylabel="loss")
wrong = np.flatnonzero(answers != labels[:held_out])[:4]
for axis, k in zip("bcde", wrong):
    axes[axis].imshow(images[k].reshape(8, 8), cmap="gray_r")
    axes[axis].set_title(f"{labels[k]} read as {answers[k]}", fontsize=8)
for axis in "bcde":
    axes[axis].axis("off")
figure.tight_layout()

# %%
del images
folder.cleanup()
