"""Phrases of views and aliases: what is written through one name is seen through the others."""

from __future__ import annotations

import numpy as np

from tests.programs.phrase import Phrases

VIEWS = Phrases()
X = np.array([3.0, -1.0, 4.0, -1.5, 5.0, 9.0])
A = np.arange(12.0).reshape(3, 4)
S = np.arange(16.0).reshape(4, 4)
Z = np.arange(6) * (1.0 + 2.0j)
LAYOUTS = ((A,), (np.asfortranarray(A),))


@VIEWS((X,), (X[:2],))
def overlapping_slices(x):
    x[1:] = x[:-1]
    x[:-1] = x[1:] * 2
    x[1:] += x[:-1]
    x[:-1] -= x[1:]
    x[:] = x[::-1]
    x[::-1] *= x
    x[2:] = x[:-2] + x[1:-1]


@VIEWS((S,), (np.asfortranarray(S),), (S[:2, :2],))
def with_its_transpose(a):
    a += a.T
    a.T[0] = a[:, 1]
    a[:] = a.T
    a -= 0.5 * a.T
    b = a.T
    b[1:] = a[:-1]
    return b


@VIEWS(*LAYOUTS)
def reshape_and_ravel(a):
    v = a.reshape(4, 3)
    v[0, 1] = 100.0
    w = a.ravel()
    w[5] = -100.0
    u = a.reshape(-1)[2:5]
    u += 1.0
    f = a.ravel(order="F")
    f[1] = 7.0
    c = a.flatten()
    c[:] = 0.0
    t = a.T.reshape(-1)
    t[0] = -7.0
    return v.sum(), w.sum(), f.sum(), t.sum()


@VIEWS(*LAYOUTS)
def views_returned(a):
    return a.T, a[1:, ::2], a[None], a[..., 0], a.reshape(2, 6), a[:, np.newaxis, 1:]


@VIEWS((A,))
def more_views_returned(a):
    return a.swapaxes(0, 1), np.moveaxis(a, 0, 1), a[:1].squeeze(), np.expand_dims(a, 1), a[::-1]


@VIEWS((A,), (A[:, ::-1],))
def base_and_view_see_each_other(a):
    row, column = a[1], a[:, 2]
    block = a[1:, 1:3]
    a[1, 2] = 50.0
    first = row[2] + column[1] + block[0, 1]
    block[:] = -1.0
    column += 10.0
    row *= 2.0
    return first, a.sum(), block.sum()


@VIEWS((S,))
def diagonals(a):
    d = a.diagonal()
    first = d.sum()
    a[1, 1] = 99.0
    np.fill_diagonal(a[1:], -1.0)
    np.einsum("ii->i", a)[:] += 3.0
    return first, d.sum(), d[::-1].copy(), np.diagonal(a, 1)


@VIEWS((S,))
def diagonal_is_read_only(a):
    a[0, 0] = 5.0
    a.diagonal()[0] = 1.0


@VIEWS((X,))
def broadcast_is_read_only(x):
    b = np.broadcast_to(x, (2, 6))
    x[0] = 8.0
    total = b.sum()
    if total > 0:
        b[0, 0] = 1.0
    return total


@VIEWS((Z,))
def parts_of_complex(z):
    z.real[1:] = 5.0
    z.imag *= -1.0
    re = z.real
    re += 1.0
    z[0] = 3.0 - 4.0j
    return re, z.conj().imag, z.imag


@VIEWS((X,), (np.arange(4.0),))
def other_dtypes(x):
    bits = x.view(np.int64)
    bits[0] = 0
    signs = bits < 0
    bits[-1] ^= 1 << 52
    return signs, x, bits[2:] & 0xFF


@VIEWS((A,), (np.asfortranarray(A),), (A.T,))
def flat_assignment(a):
    a.flat[3] = 30.0
    a.flat[-1] = -30.0
    a.flat[4:8:2] = (1.5, 2.5)
    a.flat[[0, 5]] = 9.0
    total = a.flat[7] + a.flat[2:4].sum()
    if total > 100:
        a.flat = 0.0
    else:
        a.flat = np.arange(5.0)
    return total


@VIEWS((A,), (A.T,))
def flat_places(a):
    k = a.argmax()
    top = a.flat[k]
    a.flat[k] = -top
    a.flat[np.argsort(a.ravel())[:3]] = 0.0
    total = np.sum(a.flat) + np.max(a.flat)
    copy = a.flat.copy()
    a.flat[a.flat[:] > 3] = 1.0
    return top, total, copy, a.flat[1:3]


@VIEWS((A,))
def shape_is_set(a):
    other = a
    b = a * 2
    c = b
    b.shape = (2, 6)
    b[1, 0] = -5.0
    c.shape = -1
    c[0] = 11.0
    return other, b, c, b.shape, a.shape


@VIEWS((A,))
def names_for_one_array(a):
    b = a
    b += 1.0
    c = a[:]
    c[0, 0] = -50.0
    d = a
    d = d + 1.0
    e = np.asarray(a)
    e *= 2.0
    f = a.astype(np.float64, copy=False)
    f[1] -= 3.0
    g = np.array(a)
    g[:] = 0.0
    h = np.ascontiguousarray(a)
    h[2, 2] = 0.125
    return b, c, d, e is a, f is a, g


@VIEWS((A,), policies=("auto",))
def rows_are_views(a):
    for row in a:
        row += row[0]
        row[1:] = row[:-1]
    for column in a.T:
        column[0] = column[1:].sum()
    rows = [row for row in a]
    rows[1][:] = -1.0
    first, *others = a
    others[-1][0] = 123.0
    return first


@VIEWS((A,))
def swapped_rows(a):
    a[[0, 2]] = a[[2, 0]]
    a[0], a[1] = a[1].copy(), a[0].copy()
    a[:, 0], a[:, 1] = a[:, 1], a[:, 0]
    x, y = a[1], a[2]
    x[:], y[:] = y + 1, x + 1
    return x


@VIEWS((X,))
def out_of_place_and_in(x):
    np.add(x[:-1], x[1:], out=x[1:])
    np.multiply(x, 2.0, out=x)
    np.copyto(x[2:], x[:-2])
    y = np.negative(x, out=x[::-1])
    np.cumsum(x, out=x)
    x[1:3].fill(7.0)
    np.clip(x, -50.0, 50.0, out=x)
    np.maximum(x, x[::-1], out=x)
    return y


@VIEWS((X,), (X[:4],))
def methods_in_place(x):
    x[::2].sort()
    x[1:].sort()
    x[:3][::-1].sort()
    x.put([0, -1], [0.5, 1.5])
    np.put(x, 1, 4.5)
    x[x > 4] *= 0.5
    return x.sum()


@VIEWS((A, 0), (A, 2))
def view_made_before_a_loop(a, n):
    last = a[-1]
    corner = a[:2, :2]
    total = np.float64(0.0)
    for i in range(n):
        a[i] += last
        corner *= 1.5
        total += corner.sum() + last[i]
        last[i] = total
    return total, corner


@VIEWS((X, 1), (X, 0))
def view_in_a_branch(x, n):
    y = x * 1.0
    v = y[1:4]
    if n > 0:
        v[:] = 0.0
        y[0] = v.sum() - 1.0
    else:
        y[2] = 77.0
        v = v * 2
    v[0] = 5.0
    return y, v.sum()


@VIEWS((X, 2), (X, 4))
def windows_that_move(x, k):
    total = 0.0
    for i in range(len(x) - k + 1):
        w = x[i : i + k]
        w[0] = w.sum()
        total += w[-1]
    windows = np.lib.stride_tricks.sliding_window_view(x, 3)
    x[2] = -9.0
    return total, windows.sum(axis=1)


def same_twice():
    x = X.copy()
    return x, x


def shifted():
    x = np.arange(10.0)
    return x[1:], x[:-1]


def with_transpose():
    a = np.arange(9.0).reshape(3, 3)
    return a, a.T


def reversed_self():
    x = np.arange(7.0)
    return x, x[::-1]


def apart():
    x = np.arange(8.0)
    return x[:4], x[4:]


def interleaved():
    x = np.arange(8.0)
    return x[::2], x[1::2]


@VIEWS(same_twice, shifted, with_transpose, reversed_self, apart, interleaved)
def arguments_that_overlap(a, b):
    a += 2 * b
    b[...] = a + 1
    a[0] = b[-1]
    return a.sum() + b.sum()


@VIEWS(same_twice, shifted, reversed_self, apart, interleaved)
def arguments_that_overlap_in_a_loop(a, b):
    for i in range(len(a)):
        a[i] = 1.5 * b[i] + 1.0
    return b


def zero_strides():
    return (np.broadcast_to(np.float64(3.0), (4,)), np.zeros(4))


def negative_strides():
    return (np.arange(8.0)[::-2], np.zeros(8)[::-2])


def misaligned():
    raw = np.zeros(33, np.uint8)
    x = raw[1:].view(np.float64)
    x[:] = [1.0, 2.0, 3.0, 4.0]
    return x, np.zeros(4)


def other_byte_order():
    return np.arange(4.0).astype(">f8"), np.zeros(4)


@VIEWS(zero_strides, negative_strides, misaligned, other_byte_order)
def layouts_of_arguments(x, y):
    y += x[::-1] + x
    y[1:] = y[:-1] * x[1:]
    return y.sum(), x[1:] @ y[1:]


@VIEWS((A,), (A.T,))
def splits_are_views(a):
    left, right = np.split(a, [1], axis=1)
    left[:] = -1.0
    right[0] = 5.0
    top = np.atleast_2d(a[0])
    top += 1.0
    np.flip(a, 0)[0] *= 2.0
    np.rot90(a)[0, 0] = 17.0
    return right.sum(), left.sum()


@VIEWS((X,))
def scalars_are_not_views(x):
    first = x[0]
    zero = x[1, ...]
    x[0] = 100.0
    x[1] = 200.0
    zero += 1.0
    first += 1.0
    return first, zero, x[()]


@VIEWS((A, 2, 0), (A, 1, 1), (A, 3, 0))
def stretched_views(a, k, j):
    """What is stretched is seen to change, also where the run says how many rows there are."""
    b = np.broadcast_to(a[0], (2, 4))
    c = np.broadcast_to(a[:k], (k, 4))
    d = np.broadcast_to(a[j : j + 1], (3, 4))
    e, f = np.broadcast_arrays(a[0, :k], a[:k, :1])
    a[0, 0] = 55.0
    return b, c, d, e, f, b.sum(), a[0] + c


@VIEWS((A, 1), (A, 3))
def rows_that_may_be_one(a, k):
    total = np.einsum("ij,ij->i", a, a[:k])
    b = a.copy()
    b[:] = a[:k][:1] * 2
    b[k - 1] = a[k - 1 : k]
    b[[0, 2]] = a[None, k - 1 : k] + 1
    return total, b


@VIEWS((A, 1), (A, 2))
def a_row_of_what_may_be_one(a, k):
    a[0] = a[:k]
    return a
