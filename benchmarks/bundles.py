"""GradBench's `ba` as a user writes it: `python -m tracejit.bench --gradients -k "eval ba"`.

Cameras see points. The mathematics follows the eval (github.com/gradbench/gradbench), on random
inputs: once the gradient of the sum of squares, and once what the eval wants, the sparse Jacobian
of all errors by cameras, points and weights.
"""

from __future__ import annotations

import numpy as np

from tracejit import grad, jacrev, vmap
from tracejit.bench.gradients import GradientRow


def error(camera, point, weight, seen):
    """Where a camera sees a point, less where it was seen. A camera: rotation, centre, focal
    length, principal point, distortion by two numbers."""
    x = point - camera[3:6]
    angle = np.sqrt(camera[:3] @ camera[:3])
    axis = camera[:3] / angle
    x = (
        x * np.cos(angle)
        + np.cross(axis, x) * np.sin(angle)
        + axis * (axis @ x) * (1.0 - np.cos(angle))
    )
    flat = x[:2] / x[2]
    square = flat @ flat
    flat = flat * (1.0 + camera[9] * square + camera[10] * square * square)
    return weight * (flat * camera[6] + camera[7:9] - seen)


def of_weight(weight):
    return 1.0 - weight**2


def errors(cameras, points, weights, seen, which_camera, which_point):
    each = vmap(error)(cameras[which_camera], points[which_point], weights, seen)
    return each, of_weight(weights)


def reprojection(cameras, points, weights, seen, which_camera, which_point):
    total = 0.0
    for i in range(seen.shape[0]):
        found = error(cameras[which_camera[i]], points[which_point[i]], weights[i], seen[i])
        total += found @ found + of_weight(weights[i]) ** 2
    return total


def jacobian(cameras, points, weights, seen, which_camera, which_point):
    """Values, columns and ends of rows of the sparse matrix: two rows for each error, then one for
    each weight; a column for each number of each camera, point and weight."""
    p = len(seen)
    points_from = 11 * len(cameras)
    weights_from = points_from + 3 * len(points)
    values, columns = np.empty(31 * p), np.empty(31 * p, np.int32)
    of_errors, at = values[: 30 * p].reshape(p, 2, 15), columns[: 30 * p].reshape(p, 2, 15)
    for i in range(p):
        camera, point = which_camera[i], which_point[i]
        by_camera, by_point, by_weight = jacrev(error, (0, 1, 2))(
            cameras[camera], points[point], weights[i], seen[i]
        )
        of_errors[i, :, :11], of_errors[i, :, 11:14], of_errors[i, :, 14] = (
            by_camera,
            by_point,
            by_weight,
        )
        at[i, :, :11] = 11 * camera + np.arange(11)
        at[i, :, 11:14] = points_from + 3 * point + np.arange(3)
        at[i, :, 14] = weights_from + i
    values[30 * p :] = vmap(grad(of_weight))(weights)
    columns[30 * p :] = weights_from + np.arange(p)
    ends = np.concatenate([15 * np.arange(2 * p), 30 * p + np.arange(p + 1)])
    return values, columns, ends.astype(np.int32)


def error_of_jax(jax):
    jnp = jax.numpy

    def fn(camera, x, weight, seen):
        x = x - camera[3:6]
        angle = jnp.sqrt(camera[:3] @ camera[:3])
        axis = camera[:3] / angle
        x = (
            x * jnp.cos(angle)
            + jnp.cross(axis, x) * jnp.sin(angle)
            + axis * (axis @ x) * (1.0 - jnp.cos(angle))
        )
        flat = x[:2] / x[2]
        square = flat @ flat
        flat = flat * (1.0 + camera[9] * square + camera[10] * square * square)
        return weight * (flat * camera[6] + camera[7:9] - seen)

    return fn


def reprojection_of_jax(jax):
    jnp = jax.numpy

    def fn(cameras, points, weights, seen, which_camera, which_point):
        def one(*of_one):
            found = error_of_jax(jax)(*of_one)
            return found @ found + of_weight(of_one[2]) ** 2

        return jnp.sum(jax.vmap(one)(cameras[which_camera], points[which_point], weights, seen))

    return fn


def jacobian_of_jax(jax):
    jnp = jax.numpy

    def fn(cameras, points, weights, seen, which_camera, which_point):
        by_camera, by_point, by_weight = jax.vmap(jax.jacrev(error_of_jax(jax), (0, 1, 2)))(
            cameras[which_camera], points[which_point], weights, seen
        )
        p = len(seen)
        points_from = 11 * len(cameras)
        weights_from = points_from + 3 * len(points)
        columns = jnp.concatenate(
            [
                11 * which_camera[:, None] + jnp.arange(11),
                points_from + 3 * which_point[:, None] + jnp.arange(3),
                weights_from + jnp.arange(p)[:, None],
            ],
            axis=1,
        )
        values = jnp.concatenate([by_camera, by_point, by_weight[:, :, None]], axis=2)
        own = weights_from + jnp.arange(p)
        ends = jnp.concatenate([15 * jnp.arange(2 * p), 30 * p + jnp.arange(p + 1)])
        return (
            jnp.concatenate([values.ravel(), jax.vmap(jax.grad(of_weight))(weights)]),
            jnp.concatenate([jnp.repeat(columns, 2, axis=0).ravel(), own]).astype(jnp.int32),
            ends.astype(jnp.int32),
        )

    return fn


def setup(cameras, points, count):
    def made(rng):
        of_cameras = 0.1 * rng.normal(size=(cameras, 11))
        of_cameras[:, 6] += 1.0
        return (
            of_cameras,
            rng.normal(size=(points, 3)) + (0.0, 0.0, 5.0),
            rng.random(count),
            rng.normal(size=(count, 2)),
            rng.integers(0, cameras, count),
            rng.integers(0, points, count),
        )

    return made


GRADIENTS = [
    GradientRow(
        "eval ba: 20 cameras, 500 points, 5000 seen",
        reprojection,
        setup(20, 500, 5000),
        (0, 1, 2),
        reprojection_of_jax,
    ),
    GradientRow(
        "eval ba: Jacobian, 20 cameras, 500 points, 5000 seen",
        errors,
        setup(20, 500, 5000),
        derivative=jacobian,
        jax=jacobian_of_jax,
    ),
]
