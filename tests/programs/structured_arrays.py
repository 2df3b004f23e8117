"""Programs on structured arrays, as people write them: particles, tables of records, images."""

from __future__ import annotations

import numpy as np

PARTICLE = np.dtype([("x", "f8"), ("y", "f8"), ("m", "i8")])
PACKED = np.dtype([("x", "f8"), ("n", "i4")])
NESTED = np.dtype([("pos", [("x", "f8"), ("y", "f8")]), ("v", "f4", (3,)), ("id", "i4")])
NAMED = np.dtype([("name", "U5"), ("x", "f8")])


def filled(dtype, n=6):
    """An array in which every number is another one."""

    def fill(a):
        for name in a.dtype.names:
            if a[name].dtype.names:
                fill(a[name])
            else:
                a[name] = np.arange(a[name].size).reshape(a[name].shape) + 1

    made = np.zeros(n, dtype)
    fill(made)
    return made


def sums(a):
    return a["x"].sum() + a["y"].max() * len(a), a.shape, a.size, a.dtype.names


def forces(a):
    n = len(a)
    f = np.zeros((n, 2))
    for i in range(n):
        for j in range(n):
            if i != j:
                dx = a[i]["x"] - a[j]["x"]
                dy = a[i]["y"] - a[j]["y"]
                r2 = dx * dx + dy * dy + 0.1
                f[i, 0] += dx / r2 * a[j]["m"]
                f[i, 1] += dy / r2
    a["x"] += f[:, 0]
    a["y"] += f[:, 1]


def records(a):
    s = 0.0
    for r in a:
        s += r["x"]
        r["y"] = s
    for k, (x, y, m) in enumerate(a):
        s += x * y * k + m
    return s


def swaps(a):
    for _ in range(len(a)):
        for i in range(len(a) - 1):
            if a[i]["x"] < a[i + 1]["x"]:
                kept = a[i].copy()
                a[i] = a[i + 1]
                a[i + 1] = kept


def largest(a):
    best = a[0]
    for i in range(1, len(a)):
        if 2 < a[i]["x"] < 5:
            best = a[i]
    best["y"] = 99.0
    return best


def searched(a):
    i, r = 0, a[0]
    while r["x"] < 4:
        i += 1
        r = a[i]
    return i, r["m"]


def assigned(a):
    a[0] = (1.0, 2.0, 3)
    a[1] = a[2]
    a[3:5] = [(7, 8, 9), (10, 11, 12)]
    a[5]["x"], a[5]["y"] = a[5]["y"], a[5]["x"]
    a[np.array([1, 0])] = a[[4, 4]]
    a["x"][a["m"] > 9] = -1
    return a[2].item(), a[:2].tolist()


def chosen(a):
    return a[a["x"] > 2], a[["x", "m"]], a[[3, 1]], a[-1], a.copy()


def whole(a):
    a["x"] *= 2
    return a


def part(a):
    a["x"][1] = 50
    return a[1:4]


def backwards(a):
    return a[::-2]


def made(n):
    a = np.zeros(n, dtype=[("x", "f8"), ("k", "i4")])
    for i in range(n):
        a[i] = (i * 0.5, i)
    b = np.array([(1.5, 2), (n, 4)], dtype=a.dtype)
    return np.concatenate([a, b]), np.empty_like(a).dtype == a.dtype


def sorted_by(a):
    a["x"] = -a["x"]
    a["y"] = a["m"] % 2
    found = np.sort(a, order=["y", "x"]), np.argsort(a, order="x")
    a.sort(order="x")
    return found


def nested(a):
    a["pos"]["x"][1] = 5
    a[2]["pos"]["y"] = 7
    a["v"][:, 1] += 1
    a[0]["v"][2] = 9
    return a["pos"]["x"].sum() + a["v"].sum(), a["pos"]


def attributes(a):
    a.x += 1
    return a.x.sum(), a[1].m


def compared(a):
    return a == a[::-1], (a != a[::-1]).sum(), isinstance(a, np.ndarray), type(a[0]) is np.void


def two_axes(a):
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            a[i, j]["x"] += i * j
    return a[1]["x"], a.T["y"], a[:, 1]


def within(given):
    given[0]["x"] += given[1]["p"]["y"]
    return given[1]["p"]["x"].mean()


def branch(a, k):
    b = a[:2] if k > 1 else a[2:4]
    b["x"] += 10
    return b


#: (function, makers of its arguments)
PROGRAMS = [
    (sums, (lambda: filled(PARTICLE),)),
    (forces, (lambda: filled(PARTICLE),)),
    (records, (lambda: filled(PARTICLE),)),
    (swaps, (lambda: filled(PARTICLE),)),
    (largest, (lambda: filled(PARTICLE),)),
    (searched, (lambda: filled(PARTICLE),)),
    (assigned, (lambda: filled(PARTICLE),)),
    (chosen, (lambda: filled(PARTICLE),)),
    (whole, (lambda: filled(PARTICLE),)),
    (whole, (lambda: filled(PACKED),)),
    (whole, (lambda: filled(NAMED),)),
    (whole, (lambda: filled(PARTICLE).astype(PARTICLE.newbyteorder(">")),)),
    (whole, (lambda: np.zeros(0, PARTICLE),)),
    (whole, (lambda: filled(PARTICLE, 1),)),
    (part, (lambda: filled(PARTICLE),)),
    (part, (lambda: filled(PACKED),)),
    (part, (lambda: filled(PARTICLE, 12)[::2],)),
    (backwards, (lambda: filled(NAMED),)),
    (made, (lambda: 4,)),
    (sorted_by, (lambda: filled(PARTICLE),)),
    (nested, (lambda: filled(NESTED),)),
    (nested, (lambda: filled(np.dtype(NESTED.descr, align=True)),)),
    (attributes, (lambda: filled(PARTICLE).view(np.recarray),)),
    (compared, (lambda: filled(PARTICLE),)),
    (two_axes, (lambda: filled(PARTICLE).reshape(2, 3),)),
    (within, (lambda: [filled(PARTICLE), {"p": filled(PARTICLE)}],)),
    (branch, (lambda: filled(PARTICLE), lambda: 2)),
    (branch, (lambda: filled(PARTICLE), lambda: 1)),
]
