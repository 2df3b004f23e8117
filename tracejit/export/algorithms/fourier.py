"""Discrete Fourier transforms of any length: Stockham's algorithm over the prime factors.

O(n times the sum of the prime factors of n): fast where those are small. Reference: Van Loan,
Computational Frameworks for the Fast Fourier Transform, 1.7 and 2.3.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = Any


def fft(x: Array, axis: int, norm: str, inverse: bool) -> Array:
    """The transform along an axis."""
    lines, lead = _lines(x, axis)
    made = _transformed(lines + np.complex64(0), inverse)
    return _back(made * _scale(made, norm, inverse), lead, axis)


def rfft(x: Array, axis: int, norm: str) -> Array:
    """The frequencies from zero to half of real data."""
    lines, lead = _lines(x, axis)
    made = _transformed(lines + np.complex64(0), False)
    found = np.empty((lines.shape[0], lines.shape[1] // 2 + 1), made.dtype)
    for k in range(found.shape[1]):
        found[:, k] = made[:, k]
    return _back(found * _scale(made, norm, False), lead, axis)


def irfft(x: Array, points: int, axis: int, norm: str) -> Array:
    """Real data of this many points from the frequencies from zero to half."""
    half, lead = _lines(x, axis)
    lines = np.empty((half.shape[0], points), half.dtype)
    lines[:, 0] = half[:, 0].real
    for k in range(1, points // 2 + 1):
        lines[:, points - k] = half[:, k].conj()
        if 2 * k < points:
            lines[:, k] = half[:, k]
        else:
            lines[:, k] = half[:, k].real
    made = _transformed(lines, True)
    return _back(made.real * _scale(made, norm, True), lead, axis)


def _lines(x: Array, axis: int) -> Array:
    """The lines along an axis as rows of a matrix, and the other axes."""
    moved = np.moveaxis(x, axis, -1)
    lead = moved.shape[:-1]
    return moved.reshape((math.prod(lead), moved.shape[-1])), lead


def _back(rows: Array, lead: Any, axis: int) -> Array:
    return np.moveaxis(rows.reshape((*lead, rows.shape[1])), -1, axis).copy()


def _scale(made: Array, norm: str, inverse: bool) -> Array:
    """The factor that the direction and the norm ask for, in the precision of the data."""
    n = made.shape[1]
    if norm == "ortho":
        factor = 1.0 / np.sqrt(n)
    else:
        factor = 1.0 / n if inverse == (norm == "backward") else 1.0
    return made.real.dtype.type(factor)


def _transformed(rows: Array, inverse: bool) -> Array:
    n = rows.shape[1]
    turns = np.arange(n)
    turns = np.where(2 * turns > n, turns - n, turns) / n
    angles = turns * (2.0 * np.pi if inverse else -2.0 * np.pi)
    roots = (np.cos(angles) + 1j * np.sin(angles)).astype(rows.dtype)
    made = np.empty(rows.shape, rows.dtype)
    for t in range(rows.shape[0]):
        made[t] = _line(rows[t], roots)
    return made


def _line(x: Array, roots: Array) -> Array:
    """One transform. Before each step there are ``rest`` transforms of ``done`` points, of every
    ``rest``-th point each; ``p`` of them become one of ``p`` times as many."""
    n = x.shape[0]
    x, spare = x.copy(), np.empty_like(x)
    done, rest, p = 1, n, 2
    for _ in range(64):
        if rest <= 1:
            break
        while rest % p:
            p = p + 1 if p * p < rest else rest
        rest //= p
        if p == 2:
            _pairs(x, spare, roots, done, rest)
        else:
            _groups(x, spare, roots, done, rest, p)
        x[:] = spare
        done *= p
    return x


def _pairs(x: Array, spare: Array, roots: Array, done: Array, rest: Array) -> None:
    for j in range(rest):
        for k in range(done):
            first = x[j * done + k]
            second = roots[k * rest] * x[(j + rest) * done + k]
            spare[2 * j * done + k] = first + second
            spare[(2 * j + 1) * done + k] = first - second


def _groups(x: Array, spare: Array, roots: Array, done: Array, rest: Array, p: Array) -> None:
    n = x.shape[0]
    for j in range(rest):
        for k in range(done):
            for r in range(p):
                step = (k + done * r) * rest
                turn = 0
                total = x[j * done + k]
                for q in range(1, p):
                    turn += step
                    if turn >= n:
                        turn -= n
                    total = total + roots[turn] * x[(j + rest * q) * done + k]
                spare[(j * p + r) * done + k] = total
