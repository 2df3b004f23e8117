# %% [markdown]
# # Planets
#
# The Sun and eight planets, from where they were on 1 January 2000 (ERFA's `plan94`, from `pip
# install pyerfa`). We follow them for twelve years and compare with ERFA. Then we ask how the
# Earth's place depends on the mass of Jupiter: a derivative through all steps.

# %%
import erfa
import matplotlib.pyplot as plt
import numpy as np

from tracejit import jit, jvp

NAMES = ["Sun", "Mercury", "Venus", "Earth", "Mars", "Jupiter", "Saturn", "Uranus", "Neptune"]
# Solar masses; the Earth's is with the Moon's.
SUN_OVER = [6023600.0, 408523.71, 328900.56, 3098708.0, 1047.3486, 3497.898, 22902.98, 19412.24]
masses = np.array([1.0, *(1.0 / m for m in SUN_OVER)])
GRAVITY = 0.01720209895**2  # astronomical units, days, solar masses
START = 2451544.5


def planets(day):
    """Positions and velocities around the Sun: astronomical units, and those per day."""
    found = erfa.plan94(START, day, np.arange(1, 9))
    zero = np.zeros((1, 3))
    return np.concatenate([zero, found["p"]]), np.concatenate([zero, found["v"]])


# %% [markdown]
# ## The program
#
# Leapfrog: half a kick, a drift, half a kick. It changes its arrays in place.


# %%
def accelerations(x, masses):
    apart = x[None, :, :] - x[:, None, :]
    squared = np.sum(apart**2, axis=-1) + np.eye(len(masses))
    return GRAVITY * np.sum(masses[None, :, None] * apart / squared[:, :, None] ** 1.5, axis=1)


def follow(x, v, masses, step, steps, every):
    x, v = x.copy(), v.copy()
    path = np.zeros((steps // every, *x.shape))
    a = accelerations(x, masses)
    for k in range(steps):
        v += 0.5 * step * a
        x += step * v
        a = accelerations(x, masses)
        v += 0.5 * step * a
        if (k + 1) % every == 0:
            path[k // every] = x
    return path, x, v


def energy(x, v, masses):
    apart = np.sqrt(np.sum((x[None] - x[:, None]) ** 2, axis=-1)) + np.eye(len(masses))
    pairs = masses[:, None] * masses[None, :] * (1.0 - np.eye(len(masses))) / apart
    return 0.5 * np.sum(masses * np.sum(v**2, axis=1)) - 0.5 * GRAVITY * np.sum(pairs)


fast = jit(follow)
x, v = planets(0.0)
v -= (masses @ v) / masses.sum()  # the centre of mass rests
STEP, YEARS = 0.5, 12
steps = int(YEARS * 365.25 / STEP)
path, x_end, v_end = fast(x, v, masses, STEP, steps, 20)
np.testing.assert_allclose(path.shape, (steps // 20, 9, 3))

# %% [markdown]
# ## Is it right?
#
# Energy hardly changes. ERFA's series are made for the positions of planets; its velocities, with
# which we start, are a little less exact. So the planets run a little ahead or behind.

# %%
lost = energy(x_end, v_end, masses) / energy(x, v, masses) - 1.0
assert abs(lost) < 1e-5
expected, _ = planets(steps * STEP)
apart = np.linalg.norm((x_end - x_end[0]) - expected, axis=1)
assert apart[3] < 0.01
for name, distance in zip(NAMES, apart):
    print(f"{name:8} {distance:.5f} astronomical units apart after {YEARS} years")

# %% [markdown]
# ## What if Jupiter were heavier?
#
# `jvp` carries a derivative along with the program: here by Jupiter's mass.


# %%
def earth(jupiter):
    heavier = masses.copy()
    heavier[5] = jupiter
    path, _, _ = follow(x, v, heavier, STEP, steps, 20)
    return path[:, 3] - path[:, 0]


sensitivity = jit(lambda mass: jvp(earth, (mass,), (1.0,)))
at, by_mass = sensitivity(masses[5])
more = 1e-3 * masses[5]
difference = (sensitivity(masses[5] + more)[0] - sensitivity(masses[5] - more)[0]) / (2.0 * more)
np.testing.assert_allclose(by_mass, difference, rtol=1e-3, atol=1e-3 * np.abs(by_mass).max())

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5))
for k in range(1, 6):
    left.plot(path[:, k, 0], path[:, k, 1], linewidth=0.8, label=NAMES[k])
left.plot([0], [0], "o", color="orange")
left.legend(loc="upper right", fontsize=8)
left.set(xlabel="x (au)", ylabel="y (au)", aspect="equal")
years = np.arange(1, len(path) + 1) * 20 * STEP / 365.25
moved = 0.01 * masses[5] * np.linalg.norm(by_mass, axis=1) * 149_597_870.7
right.semilogy(years, moved)
right.set(xlabel="years", ylabel="Earth is moved by (km)", title="Jupiter heavier by one percent")
figure.tight_layout()
