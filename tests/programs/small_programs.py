"""Small programs that break weak designs: each has one point that a careless compiler misses."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.programs.program import Program

Rng = np.random.Generator


def late_shape_error(x, flag):
    """The error comes after the mutation, and only when the branch is taken."""
    x += 1
    return x @ x[:2] if flag > 0 else x


def index_error_half_way(x, idx):
    """Entries before the bad index are done, those after it are not."""
    for i in range(len(idx)):
        x[idx[i]] += 1


def swapped_names(a, b, T):
    """Names swap cells; the result *is* one of the arguments, which one depends on T."""
    for t in range(T):
        b[1:-1] = 0.5 * (a[:-2] + a[2:])
        a, b = b, a
    return a


def maybe_view(a, k):
    """A view exactly when k == a.shape[1]: then the write reaches the argument."""
    v = a[:, :k].reshape(-1)
    v[0] = 7
    return v


def weak_and_wide(x, n):
    """float32 stays float32 each step; Python ints never wrap silently."""
    s = 0.0
    for v in x:
        s += v
    p, q = 0, 1
    for _ in range(n):
        p, q = q, p + q
    return s, p


def compress_times(x, w):
    """Legal when as many survive as w has, or when one survives."""
    return x[x > 0] * w


def halves(x):
    """ceil(n/2) + floor(n/2) == n."""
    return x + np.concatenate([x[::2], x[1::2]])


def layers(x, params):
    """A loop variable indexes a Python list of different things."""
    for i in range(len(params)):
        x = np.tanh(x @ params[i])
    return x


def overlapping(a, b):
    """Called with overlapping views of one array; NumPy reads before it writes."""
    a[:] = b * 2 + a


def length_dependent(x):
    """Structure depends on the length: thousands of lengths, three compilations."""
    if len(x) % 2:
        x = x[:-1]
    n = len(x)
    while n > 8:
        n //= 2
    return x[:n].sum()


def zero_trips(x, n):
    """A name bound only in the loop: UnboundLocalError when it runs no time."""
    for i in range(n):
        last = x[i]
    return last


def scalar_or_array(n):
    """`s += 1` rebinds a scalar, `z += 1` is in place on a 0-d array that has another name."""
    z = np.zeros(())
    alias = z
    s = np.float64(0.0)
    other = s
    for _ in range(n):
        z += 1
        s += 1
    return alias, other, s


def write_through_transpose(a):
    """Views of views: the write lands in the argument, the row read later sees it."""
    row = a[1]
    a.T[::2, 1] = -1.0
    return row.sum()


def narrowing_list(x, items):
    """Lists that came in as arguments and were changed are changed in the caller."""
    items.append(x * 2)
    items[0] = x[1:]
    return len(items)


def shrinking(x):
    """An array that shrinks from iteration to iteration is carried with its extent."""
    steps = 0
    while x.size > 1:
        x = x[x > x.mean()]
        steps += 1
    return x, steps


def last_index_wins(x, idx, values):
    """Duplicate indices in an assignment: the last one wins; in `+=`, one addition counts."""
    x[idx] = values
    x[idx] += 1.0
    return x


def read_only(x, y):
    """The first write in program order raises; what was written before stays."""
    y[0] = 5.0
    x[0] = 1.0


def loop_else(x, limit):
    """`for ... else` with a break, and a return from inside a loop."""
    total = 0.0
    for i in range(len(x)):
        if x[i] < 0:
            return -1.0
        if total > limit:
            break
        total += x[i]
    else:
        total = total * 2
    return total


def wrapping(x):
    """NumPy integers wrap, shifts and floor divisions keep their signs."""
    y = x * np.int8(3)
    return y, x // np.int8(-7), x % np.int8(-7), x >> np.int8(1)


def frozen(x: np.ndarray) -> np.ndarray:
    x.flags.writeable = False
    return x


def overlap_args(rng: Rng) -> tuple[Any, ...]:
    base = rng.standard_normal(12)
    return base[1:9], base[3:11]


def normal(*shape: int):
    return lambda rng: (rng.standard_normal(shape),)


SMALL_PROGRAMS = (
    Program("a_not_taken", late_shape_error, lambda r: (r.standard_normal(5), -1), exact=True),
    Program(
        "a_taken", late_shape_error, lambda r: (r.standard_normal(5), 1), exact=True, raises=True
    ),
    Program(
        "b_error",
        index_error_half_way,
        lambda r: (r.standard_normal(4), np.array([0, 1, 1, 9, 2])),
        exact=True,
        raises=True,
    ),
    Program(
        "b_fine",
        index_error_half_way,
        lambda r: (r.standard_normal(4), np.array([0, 1, -1, -1])),
        exact=True,
    ),
    *(
        Program(
            f"c_{steps}_steps",
            swapped_names,
            lambda r, steps=steps: (r.standard_normal(9), r.standard_normal(9), steps),
            argnums=(0, 1),
            exact=True,
        )
        for steps in (0, 1, 4, 7)
    ),
    Program("d_view", maybe_view, lambda r: (r.standard_normal((3, 4)), 4), exact=True),
    Program("d_copy", maybe_view, lambda r: (r.standard_normal((3, 4)), 2), exact=True),
    Program("e", weak_and_wide, lambda r: (r.standard_normal(9).astype("f4"), 90), exact=True),
    Program("f_all", compress_times, lambda r: (np.array([1.0, -2.0, 3.0]), np.array([2.0, 5.0]))),
    Program("f_one", compress_times, lambda r: (np.array([-1.0, -2.0, 3.0]), r.standard_normal(4))),
    Program(
        "f_error",
        compress_times,
        lambda r: (np.array([1.0, 2.0, 3.0]), np.array([2.0, 5.0])),
        raises=True,
    ),
    Program("g_even", halves, normal(8), argnums=(0,), exact=True),
    Program("g_odd", halves, normal(9), argnums=(0,), exact=True),
    Program(
        "h",
        layers,
        lambda r: (
            r.standard_normal((5, 3)),
            [r.standard_normal((3, 7)), r.standard_normal((7, 2)), r.standard_normal((2, 2))],
        ),
        argnums=(0, 1),
    ),
    Program("k_overlap", overlapping, overlap_args, exact=True),
    Program(
        "k_disjoint",
        overlapping,
        lambda r: (r.standard_normal(8), r.standard_normal(8)),
        exact=True,
    ),
    Program("k_same", overlapping, lambda r: (r.standard_normal(8),) * 2, exact=True),
    Program("m_odd", length_dependent, normal(1001), argnums=(0,), exact=True),
    Program("m_short", length_dependent, normal(3), argnums=(0,), exact=True),
    Program(
        "zero_trips_error",
        zero_trips,
        lambda r: (r.standard_normal(3), 0),
        own_message=True,
        raises=True,
    ),
    Program("zero_trips_fine", zero_trips, lambda r: (r.standard_normal(3), 2), exact=True),
    Program("scalar_or_array", scalar_or_array, lambda r: (3,), exact=True),
    Program("write_through_transpose", write_through_transpose, normal(3, 5)),
    Program("narrowing_list", narrowing_list, lambda r: (r.standard_normal(4), [1.0]), exact=True),
    Program("shrinking", shrinking, normal(50), exact=True),
    Program(
        "last_index_wins",
        last_index_wins,
        lambda r: (r.standard_normal(6), np.array([1, 4, 1, -2]), r.standard_normal(4)),
        argnums=(0, 2),
        exact=True,
    ),
    Program(
        "read_only",
        read_only,
        lambda r: (frozen(r.standard_normal(3)), r.standard_normal(3)),
        exact=True,
        raises=True,
    ),
    Program(
        "loop_else_through", loop_else, lambda r: (np.abs(r.standard_normal(5)), 99.0), exact=True
    ),
    Program(
        "loop_else_break", loop_else, lambda r: (np.abs(r.standard_normal(5)), 0.1), exact=True
    ),
    Program("loop_else_return", loop_else, lambda r: (np.array([1.0, -1.0]), 99.0), exact=True),
    Program("wrapping", wrapping, lambda r: (np.arange(-128, 128).astype("i1"),), exact=True),
)
