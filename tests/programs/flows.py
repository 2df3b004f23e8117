"""Flows, waves and weather: grids with boundaries, convergence loops, columns of the atmosphere."""

from __future__ import annotations

import numpy as np

from tests.programs.program import Program

Rng = np.random.Generator


def source_term(u, v, dt, dx, dy):
    """Right-hand side of the pressure equation from the divergence of a velocity field."""
    c = slice(1, -1)
    b = np.zeros_like(u)
    ux = (u[c, 2:] - u[c, :-2]) / (2 * dx)
    vy = (v[2:, c] - v[:-2, c]) / (2 * dy)
    uy = (u[2:, c] - u[:-2, c]) / (2 * dy)
    vx = (v[c, 2:] - v[c, :-2]) / (2 * dx)
    b[c, c] = (ux + vy) / dt - ux**2 - 2 * uy * vx - vy**2
    return b


def relax(p, b, dx, dy, rounds=4):
    """Sweeps of the pressure equation with walls on three sides and a lid."""
    old = np.empty_like(p)
    for _ in range(rounds):
        old = p.copy()
        p[1:-1, 1:-1] = (
            (old[1:-1, 2:] + old[1:-1, :-2]) * dy**2
            + (old[2:, 1:-1] + old[:-2, 1:-1]) * dx**2
            - b[1:-1, 1:-1] * dx**2 * dy**2
        ) / (2 * (dx**2 + dy**2))
        p[:, -1] = p[:, -2]
        p[0, :] = p[1, :]
        p[:, 0] = p[:, 1]
        p[-1, :] = 0


def advance(f, u, v, dt, dx, dy, nu):
    """Advection upwind and diffusion of one component, inside the walls."""
    c = slice(1, -1)
    return (
        f[c, c]
        - u[c, c] * dt / dx * (f[c, c] - f[c, :-2])
        - v[c, c] * dt / dy * (f[c, c] - f[:-2, c])
        + nu * dt / dx**2 * (f[c, 2:] - 2 * f[c, c] + f[c, :-2])
        + nu * dt / dy**2 * (f[2:, c] - 2 * f[c, c] + f[:-2, c])
    )


def cavity_flow(u, v, p, steps, nu):
    """A lid drags the fluid of a square box."""
    ny, nx = u.shape
    dx, dy, dt = 2 / (nx - 1), 2 / (ny - 1), 0.001
    for _ in range(steps):
        un, vn = u.copy(), v.copy()
        relax(p, source_term(un, vn, dt, dx, dy), dx, dy)
        c = slice(1, -1)
        u[c, c] = advance(un, un, vn, dt, dx, dy, nu) - dt / (2 * dx) * (p[c, 2:] - p[c, :-2])
        v[c, c] = advance(vn, un, vn, dt, dx, dy, nu) - dt / (2 * dy) * (p[2:, c] - p[:-2, c])
        u[0, :] = u[:, 0] = u[:, -1] = 0
        u[-1, :] = 1
        v[0, :] = v[-1, :] = v[:, 0] = v[:, -1] = 0


def channel_flow(u, force, nu, tolerance):
    """Periodic in x, walls in y; steps until the flow no longer changes."""
    dt, dy = 0.05, 0.25
    udiff = 1.0
    steps = 0
    while udiff > tolerance:
        un = u.copy()
        east, west = np.roll(un, -1, axis=1), np.roll(un, 1, axis=1)
        lap = (un[2:] - 2 * un[1:-1] + un[:-2]) / dy**2
        u[1:-1] = (
            un[1:-1]
            - dt * un[1:-1] * (un[1:-1] - west[1:-1])
            + nu * dt * (lap + east[1:-1] - 2 * un[1:-1] + west[1:-1])
            + force * dt
        )
        u[0, :] = 0
        u[-1, :] = 0
        udiff = (np.sum(u) - np.sum(un)) / np.sum(u)
        steps += 1
    return steps


def horizontal_diffusion(field, coeff):
    """Fourth-order diffusion whose fluxes are limited where they would go uphill."""
    ni, nj = field.shape[0] - 4, field.shape[1] - 4
    lap = 4.0 * field[1 : ni + 3, 1 : nj + 3, :] - (
        field[2 : ni + 4, 1 : nj + 3, :]
        + field[0 : ni + 2, 1 : nj + 3, :]
        + field[1 : ni + 3, 2 : nj + 4, :]
        + field[1 : ni + 3, 0 : nj + 2, :]
    )
    step = lap[1:, 1 : nj + 1, :] - lap[:-1, 1 : nj + 1, :]
    up = field[2 : ni + 3, 2 : nj + 2, :] - field[1 : ni + 2, 2 : nj + 2, :]
    flx = np.where(step * up > 0, 0, step)
    step = lap[1 : ni + 1, 1:, :] - lap[1 : ni + 1, :-1, :]
    up = field[2 : ni + 2, 2 : nj + 3, :] - field[2 : ni + 2, 1 : nj + 2, :]
    fly = np.where(step * up > 0, 0, step)
    out = np.zeros((ni, nj, field.shape[2]))
    out[:, :, :] = field[2 : ni + 2, 2 : nj + 2, :] - coeff * (
        flx[1:, :, :] - flx[:-1, :, :] + fly[:, 1:, :] - fly[:, :-1, :]
    )
    return out


def vertical_advection(tendency, wcon, u, dtr):
    """An implicit step in every column: a tridiagonal system, down and up again, level by level."""
    ni, nj, nk = u.shape
    ccol = np.empty((ni, nj, nk))
    dcol = np.empty((ni, nj, nk))
    for k in range(nk):
        w = 0.25 * (wcon[:, :, k] + wcon[:, :, k + 1])
        if k == 0:
            bcol = dtr - w
            ccol[:, :, k] = w / bcol
            dcol[:, :, k] = (dtr * u[:, :, k] + tendency[:, :, k] + w) / bcol
        elif k < nk - 1:
            acol = -w
            bcol = dtr + w
            divided = 1.0 / (bcol - ccol[:, :, k - 1] * acol)
            ccol[:, :, k] = 0.5 * w * divided
            right = dtr * u[:, :, k] + tendency[:, :, k] - acol * u[:, :, k - 1]
            dcol[:, :, k] = (right - dcol[:, :, k - 1] * acol) * divided
        else:
            acol = -w
            divided = 1.0 / (dtr - ccol[:, :, k - 1] * acol)
            dcol[:, :, k] = (dtr * u[:, :, k] - dcol[:, :, k - 1] * acol) * divided
    for k in range(nk - 1, -1, -1):
        if k == nk - 1:
            data = dcol[:, :, k]
        else:
            data = dcol[:, :, k] - ccol[:, :, k] * data
        tendency[:, :, k] = dtr * (data - u[:, :, k])


def shallow_water(h, u, v, steps):
    """Height and momentum on a doubly periodic grid; mass is returned to be conserved."""

    def ddx(f):
        return 0.5 * (np.roll(f, -1, 1) - np.roll(f, 1, 1))

    def ddy(f):
        return 0.5 * (np.roll(f, -1, 0) - np.roll(f, 1, 0))

    for _ in range(steps):
        u, v = u - 0.05 * ddx(h), v - 0.05 * ddy(h)
        h = h - 0.05 * (ddx(u * h) + ddy(v * h))
    return h, u, v, h.sum()


def burgers(u, steps):
    """Godunov fluxes for shocks: the sign of the speed picks the side, cell by cell."""
    for _ in range(steps):
        left, right = u[:-1], u[1:]
        shock = 0.5 * (left + right) > 0
        fan = np.where(left > 0, left, np.where(right < 0, right, 0.0))
        at = np.where(left > right, np.where(shock, left, right), fan)
        flux = 0.5 * at**2
        u[1:-1] -= 0.3 * (flux[1:] - flux[:-1])
    return u


def multigrid(u, f, levels=3):
    """A V cycle for Poisson's equation in one dimension: recursion of static depth."""
    h = 1.0 / (len(u) - 1)
    for _ in range(2):
        u[1:-1] += 0.4 * (u[:-2] - 2 * u[1:-1] + u[2:] - h**2 * f[1:-1])
    if levels > 1:
        r = np.zeros_like(u)
        r[1:-1] = f[1:-1] - (u[:-2] - 2 * u[1:-1] + u[2:]) / h**2
        e = multigrid(np.zeros(len(u) // 2 + 1), r[::2].copy(), levels - 1)
        u[::2] += e
        u[1::2] += 0.5 * (e[:-1] + e[1:])
    for _ in range(2):
        u[1:-1] += 0.4 * (u[:-2] - 2 * u[1:-1] + u[2:] - h**2 * f[1:-1])
    return u


def cavity_args(r: Rng) -> tuple[object, ...]:
    return *(0.1 * r.random((8, 9)) for _ in range(3)), 3, 0.1


def vertical_args(r: Rng) -> tuple[object, ...]:
    return r.random((3, 4, 6)), r.random((3, 4, 7)), r.random((3, 4, 6)), 3.0 / 20.0


def water_args(r: Rng) -> tuple[object, ...]:
    return 1 + 0.1 * r.random((6, 7)), 0.1 * r.random((6, 7)), 0.1 * r.random((6, 7)), 4


FLOWS = (
    Program("cavity_flow", cavity_flow, cavity_args, argnums=(0, 1, 2, 4)),
    Program(
        "channel_flow",
        channel_flow,
        lambda r: (0.5 * r.random((6, 7)), 1.0, 0.1 + 0.01 * r.random(), 1e-3),
        tags=frozenset({"while"}),
        argnums=(0, 1, 2),
    ),
    Program(
        "horizontal_diffusion",
        horizontal_diffusion,
        lambda r: (r.random((9, 8, 3)), r.random((5, 4, 3))),
        argnums=(0, 1),
        exact=True,
    ),
    Program("vertical_advection", vertical_advection, vertical_args, argnums=(0, 1, 2, 3)),
    Program("shallow_water", shallow_water, water_args, argnums=(0, 1, 2)),
    Program("burgers", burgers, lambda r: (r.standard_normal(20), 5), argnums=(0,), exact=True),
    Program(
        "multigrid", multigrid, lambda r: (r.random(17), r.standard_normal(17)), argnums=(0, 1)
    ),
)
