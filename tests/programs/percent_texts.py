"""Phrases of ``"..." % values``: printed, raised, caught."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

PERCENT = Phrases()
XS = (
    (np.array([0.25, -1.5, 2.0]), 7),
    (np.array([1234567.5, 2.5]), -3),
    (np.array([-0.0, 1e-7]), 0),
)


@PERCENT(*XS)
def general(x: Any, n: Any) -> Any:
    raise ValueError("%g and %d of %s: %5.2f%%" % (x[0], n, len(x), x[1]))


@PERCENT(*XS)
def alone(x: Any, n: Any) -> Any:
    if n > 0:
        raise ValueError("bad value %r" % n)
    raise ValueError("bad value %.3e" % x[0])


@PERCENT(*XS)
def aligned(x: Any, n: Any) -> Any:
    raise ValueError(
        "[%8.3f|%-8.3f|%+.1f|%08.2f|% d|%5d|%-5d|%05d]" % (*x[:2], x[0], x[1], n, n, n, n)
    )


@PERCENT(*XS)
def based(x: Any, n: Any) -> Any:
    raise ValueError("%x %X %o %#x %i %u" % (n, n, n, n, n, n))


@PERCENT(*XS)
def floats_as_whole_numbers(x: Any, n: Any) -> Any:
    raise ValueError("%d %i %f %G %E" % (x[0], x[1], n, x[0], x[1]))


@PERCENT(*XS)
def texts_and_values(x: Any, n: Any) -> Any:
    raise ValueError("%s|%10s|%-10s|%s|%6.2f" % ("a", n, n, [n], 2.5))


@PERCENT(*XS)
def by_name(x: Any, n: Any) -> Any:
    raise ValueError("%(n)d of %(x).2f at %(where)s" % {"n": n, "x": x[0], "where": "here"})


@PERCENT(*XS)
def width_of_the_program(x: Any, n: Any) -> Any:
    raise ValueError("%*.*f" % (9, 2, x[0]))


@PERCENT(*XS)
def in_a_loop(x: Any, n: Any) -> Any:
    for i, v in enumerate(x):
        if v > 1:
            raise ValueError("bad value at %d: %.3f" % (i, v))
    return n


@PERCENT(*XS)
def caught(x: Any, n: Any) -> Any:
    try:
        if x[0] > 0:
            raise ValueError("at %d" % n)
    except ValueError:
        return 1
    return 0


@PERCENT(*XS)
def too_few(x: Any, n: Any) -> Any:
    template = "%d %d"
    return template % (n,)


@PERCENT(*XS)
def too_many(x: Any, n: Any) -> Any:
    template = "%d"
    return template % (n, n)


@PERCENT(*XS)
def no_whole_number(x: Any, n: Any) -> Any:
    return "%x" % float(x[0])
