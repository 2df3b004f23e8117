"""GradBench's `ht` as a user writes it: `python -m tracejit.bench --gradients -k "eval ht"`.

A hand of 22 bones is bent by 26 numbers, and its skin is compared with measured points. The
mathematics follows the eval (github.com/gradbench/gradbench), on a random hand: once the gradient
of the sum of squares of distances from corners, and once what the eval wants, the Jacobian of the
distances from places in triangles, by the numbers and by each one's place.
"""

from __future__ import annotations

import numpy as np

from tracejit import jacfwd
from tracejit.bench.gradients import GradientRow

FINGERS, JOINTS = 5, 4
#: The bone that each bone hangs on: the wrist, from it five chains of four, and the arm.
PARENTS = (-1, *(0 if k == 0 else JOINTS * f + k for f in range(5) for k in range(4)), 0)


def angles_of(theta, bones):
    """What turns each bone about the three axes: four angles of a finger, one of them sideways."""
    angles = np.zeros((bones, 3))
    at, bone = 6, 2
    for _ in range(FINGERS):
        for joint in range(1, JOINTS):
            angles[bone, 0] = theta[at]
            at += 1
            if joint == 1:
                angles[bone, 1] = theta[at]
                at += 1
            bone += 1
        bone += 1
    return angles


def turned_by_angles(angles):
    """Rotations about x, then y, then z."""
    (sx, sz, sy), (cx, cz, cy) = np.sin(angles), np.cos(angles)
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, cx, -sx], [0.0, sx, cx]])
    about_y = np.array([[cy, 0.0, sy], [0.0, 1.0, 0.0], [-sy, 0.0, cy]])
    about_z = np.array([[cz, -sz, 0.0], [sz, cz, 0.0], [0.0, 0.0, 1.0]])
    return about_z @ about_y @ about_x


def turned_about(axis):
    """The rotation about an axis by its length."""
    angle = np.sqrt(np.sum(axis * axis))
    x, y, z = axis / angle
    s, c = np.sin(angle), np.cos(angle)
    return np.array(
        [
            [x * x + (1 - x * x) * c, x * y * (1 - c) - z * s, x * z * (1 - c) + y * s],
            [x * y * (1 - c) + z * s, y * y + (1 - y * y) * c, y * z * (1 - c) - x * s],
            [x * z * (1 - c) - y * s, z * y * (1 - c) + x * s, z * z + (1 - z * z) * c],
        ]
    )


def placed_skin(theta, parents, relatives, inverses, skin, weights):
    angles = angles_of(theta, len(parents))
    absolutes = np.empty_like(relatives)
    for bone in range(len(parents)):
        turn = np.eye(4)
        turn[:3, :3] = turned_by_angles(angles[bone])
        absolutes[bone] = relatives[bone] @ turn
        if parents[bone] >= 0:
            absolutes[bone] = absolutes[parents[bone]] @ absolutes[bone]
    moved = (absolutes @ inverses)[:, :3].transpose(1, 0, 2).reshape(3, -1)
    placed = moved @ (weights[:, None] * skin).reshape(-1, skin.shape[1])
    return turned_about(theta[:3]) @ placed + theta[3:6][:, None]


def hand(theta, parents, relatives, inverses, skin, weights, points, which):
    placed = placed_skin(theta, parents, relatives, inverses, skin, weights)
    return np.sum((points - placed[:, which]) ** 2)


def distances(theta, places, parents, relatives, inverses, skin, weights, points, corners):
    placed = placed_skin(theta, parents, relatives, inverses, skin, weights)
    a, b, c = placed[:, corners[0]], placed[:, corners[1]], placed[:, corners[2]]
    return points - (places[0] * a + places[1] * b + (1.0 - places[0] - places[1]) * c)


def jacobian(theta, places, *hand):
    """Columns of the eval: by the two coordinates of each one's place, which are of no other, so
    that all of them move at once, and by the numbers."""
    moved = lambda theta, by: distances(theta, places + by[:, None], *hand)  # noqa: E731
    by_theta, by_places = jacfwd(moved, (0, 1))(theta, np.zeros(2))
    return np.concatenate([by_places, by_theta], axis=2).transpose(2, 1, 0)


def skin_of_jax(jax):
    jnp = jax.numpy

    def turned_by(angles):
        (sx, sz, sy), (cx, cz, cy) = jnp.sin(angles), jnp.cos(angles)
        about_x = jnp.array([[1.0, 0.0, 0.0], [0.0, cx, -sx], [0.0, sx, cx]])
        about_y = jnp.array([[cy, 0.0, sy], [0.0, 1.0, 0.0], [-sy, 0.0, cy]])
        about_z = jnp.array([[cz, -sz, 0.0], [sz, cz, 0.0], [0.0, 0.0, 1.0]])
        return about_z @ about_y @ about_x

    def about(axis):
        angle = jnp.sqrt(jnp.sum(axis * axis))
        x, y, z = axis / angle
        cross = jnp.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
        return jnp.eye(3) + jnp.sin(angle) * cross + (1 - jnp.cos(angle)) * cross @ cross

    rows = [2 + JOINTS * f + k for f in range(FINGERS) for k in (0, 0, 1, 2)]
    columns = [0, 1, 0, 0] * FINGERS

    def placed_skin(theta, parents, relatives, inverses, skin, weights):
        angles = jnp.zeros((len(PARENTS), 3)).at[jnp.array(rows), jnp.array(columns)].set(theta[6:])
        turns = jnp.tile(jnp.eye(4), (len(PARENTS), 1, 1))
        bent = relatives @ turns.at[:, :3, :3].set(jax.vmap(turned_by)(angles))
        absolutes = []
        for bone, parent in enumerate(PARENTS):
            absolutes.append(bent[bone] if parent < 0 else absolutes[parent] @ bent[bone])
        moved = (jnp.stack(absolutes) @ inverses)[:, :3].transpose(1, 0, 2).reshape(3, -1)
        placed = moved @ (weights[:, None] * skin).reshape(-1, skin.shape[1])
        return about(theta[:3]) @ placed + theta[3:6][:, None]

    return placed_skin


def hand_of_jax(jax):
    def fn(theta, parents, relatives, inverses, skin, weights, points, which):
        placed = skin_of_jax(jax)(theta, parents, relatives, inverses, skin, weights)
        return jax.numpy.sum((points - placed[:, which]) ** 2)

    return fn


def jacobian_of_jax(jax):
    jnp = jax.numpy

    def fn(theta, places, parents, relatives, inverses, skin, weights, points, corners):
        def moved(theta, by):
            at = places + by[:, None]
            placed = skin_of_jax(jax)(theta, parents, relatives, inverses, skin, weights)
            a, b, c = (placed[:, corners[k]] for k in range(3))
            return points - (at[0] * a + at[1] * b + (1.0 - at[0] - at[1]) * c)

        by_theta, by_places = jax.jacfwd(moved, (0, 1))(theta, jnp.zeros(2))
        return jnp.concatenate([by_places, by_theta], axis=2).transpose(2, 1, 0)

    return fn


def hand_setup(vertices, count):
    def setup(rng):
        bones = len(PARENTS)
        relatives = np.tile(np.eye(4), (bones, 1, 1))
        relatives[:, :3, :] += 0.3 * rng.normal(size=(bones, 3, 4))
        absolutes = np.empty_like(relatives)
        for bone, parent in enumerate(PARENTS):
            above = np.eye(4) if parent < 0 else absolutes[parent]
            absolutes[bone] = above @ relatives[bone]
        weights = rng.random((bones, vertices))
        return (
            0.3 * rng.normal(size=6 + FINGERS * JOINTS),
            np.array(PARENTS),
            relatives,
            np.linalg.inv(absolutes),
            np.vstack([rng.normal(size=(3, vertices)), np.ones(vertices)]),
            weights / weights.sum(axis=0),
            rng.normal(size=(3, count)),
            rng.integers(0, vertices, count),
        )

    return setup


def places_setup(vertices, count):
    def setup(rng):
        theta, *of_hand, _ = hand_setup(vertices, count)(rng)
        places = rng.random((2, count)) / 2.0
        return theta, places, *of_hand, rng.integers(0, vertices, (3, count))

    return setup


GRADIENTS = [
    GradientRow(
        "eval ht: 22 bones, 544 vertices, 500 points", hand, hand_setup(544, 500), 0, hand_of_jax
    ),
    GradientRow(
        "eval ht: Jacobian, 22 bones, 544 vertices, 500 points",
        distances,
        places_setup(544, 500),
        derivative=jacobian,
        jax=jacobian_of_jax,
    ),
]
