# %% [markdown]
# # A particle filter for the stock market
#
# How nervous is the market today? That is not seen, only the price is. A particle filter follows
# a thousand guesses through the days, and keeps those that explain the price. Matplotlib ships
# the prices of Google from 2004 to October 2008.

# %%
import matplotlib.cbook as cbook
import matplotlib.pyplot as plt
import numpy as np

from tracejit import jit

with cbook.get_sample_data("goog.npz") as file:
    prices = file["price_data"]
days = prices["date"][1:]
returns = 100.0 * np.diff(np.log(prices["adj_close"]))
len(returns), returns.std()

# %% [markdown]
# ## The filter
#
# The logarithm of the variance wanders around a mean. Each day, particles move, are weighted by
# how well they explain the return, and are drawn anew: a loop over days with random numbers,
# sorting and searching. It is compiled as it stands, and draws the same numbers as NumPy.


# %%
def nervousness(returns, mean, persistence, spread, particles, rng):
    spread_at_start = spread / np.sqrt(1.0 - persistence**2)
    x = mean + spread_at_start * rng.standard_normal(particles)
    evidence = 0.0
    low, middle, high = np.empty((3, len(returns)))
    for day in range(len(returns)):
        x = mean + persistence * (x - mean) + spread * rng.standard_normal(particles)
        log_weight = -0.5 * (np.log(2.0 * np.pi) + x + returns[day] ** 2 * np.exp(-x))
        top = log_weight.max()
        weight = np.exp(log_weight - top)
        evidence += top + np.log(weight.mean())
        ladder = np.cumsum(weight)
        steps = (np.arange(particles) + rng.random()) / particles * ladder[-1]
        x = np.sort(x[np.minimum(np.searchsorted(ladder, steps), particles - 1)])
        low[day] = np.exp(0.5 * x[particles // 20])
        middle[day] = np.exp(0.5 * x[particles // 2])
        high[day] = np.exp(0.5 * x[particles - 1 - particles // 20])
    return evidence, low, middle, high


PARTICLES = 1000
fast = jit(nervousness)
guess = (np.log(returns.var()), 0.97, 0.2)
short = nervousness(returns[:50], *guess, PARTICLES, np.random.default_rng(0))
compiled = fast(returns[:50], *guess, PARTICLES, np.random.default_rng(0))
for theirs, ours in zip(short, compiled):
    np.testing.assert_allclose(ours, theirs, rtol=1e-10)

# %% [markdown]
# ## Which parameters?
#
# The filter also gives the likelihood of all returns. We try a few values of the spread.

# %%
spreads = np.linspace(0.1, 0.6, 11).tolist()
evidences = np.array(
    [fast(returns, *guess[:2], s, PARTICLES, np.random.default_rng(1))[0] for s in spreads]
)
best = spreads[evidences.argmax()]
# Returns of one and the same variance explain less.
constant = -0.5 * np.sum(np.log(2 * np.pi * returns.var()) + returns**2 / returns.var())
assert evidences.max() > constant + 20.0
best, evidences.max() - constant

# %% [markdown]
# ## The market, day by day

# %%
rng = np.random.default_rng(2)
evidence, low, middle, high = fast(returns, *guess[:2], best, PARTICLES, rng)
assert fast.stats().compilations == 2
autumn = middle[days >= np.datetime64("2008-09-15")].mean()
assert autumn > 1.5 * np.median(middle)

figure, (top, bottom) = plt.subplots(2, 1, figsize=(10, 5), sharex=True)
top.plot(days, returns, linewidth=0.5)
top.set(ylabel="return (%)")
bottom.fill_between(days, low, high, alpha=0.3)
bottom.plot(days, middle)
bottom.set(ylabel="standard deviation (%)")

# %%
figure, axis = plt.subplots(figsize=(5, 3))
axis.plot(spreads, evidences, "o-")
axis.axhline(constant, color="gray")
axis.set(xlabel="spread", ylabel="log likelihood")
figure.tight_layout()
