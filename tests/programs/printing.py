"""Functions that print numbers and texts of the run, in each way that ``print`` has."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

PRINTING: list[Callable[[Any, Any], Any]] = []
#: Arguments for each of them.
GIVEN = ((2.5, 3), (-0.0, -2), (float("nan"), 0), (1e300, 2**53 + 1), (7, 2))


def _prints(f: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    PRINTING.append(f)
    return f


@_prints
def plainly(a: Any, n: Any) -> None:
    print(a, n, a > n, "{", "%s {0}", a * 2)
    print()


@_prints
def with_words(a: Any, n: Any) -> None:
    print(a, n, sep=", ", end="!\n")
    print(n, a, sep=None, end=None, file=None, flush=False)
    print(a, n, 1j, sep="{}", end="%")


@_prints
def with_words_of_the_run(a: Any, n: Any) -> None:
    print(a, n, "x", sep=f"<{n}>", end=f"|{a}\n")


@_prints
def to_other_files(a: Any, n: Any) -> None:
    print(a, n, file=sys.stderr)
    print(a, n, file=sys.stdout, flush=True)
    print(n, file=sys.stderr, flush=True, end="")


@_prints
def in_fields(a: Any, n: Any) -> None:
    print(f"{a:.3f} {n!r} {{}} {a=}", "x", f"{n:>6d}|{n:,}|{n > 2}", flush=n is not None)


@_prints
def by_percent(a: Any, n: Any) -> None:
    x = np.array([a, n])
    side = "left" if a < 0 else "right"
    print("%g|%4d|%s|%r" % (a, n, [x[1], n], n), "%s" % x, "%5.1f%%" % a)
    print("%s at %6s, %r of %d" % (side, side, side, n), "%-6s!" % side)


@_prints
def chosen(a: Any, n: Any) -> None:
    tag = "neg" if a < 0 else "pos"
    print([tag, 1], {"k": tag}, f"{tag:>6s}|{a:.2f}|{tag!r}", tag, sep="-", end="!\n")
    print(tag, n, file=sys.stderr, flush=True)


@_prints
def numpys_numbers(a: Any, n: Any) -> None:
    print(np.float64(a), np.int64(3) - n, np.float32(2) * np.float32(n), np.bool_(True), [a, n])


@_prints
def in_a_loop(a: Any, n: Any) -> None:
    for i in range(3):
        print(i, a * i, end=" ")
    print("=" * 3, n)


@_prints
def until_it_raises(a: Any, n: Any) -> None:
    print("before", a)
    if n > 2:
        raise ValueError("that was all")
    print("after", n)


@_prints
def wrongly(a: Any, n: Any) -> None:
    print(a, n, sep=3)  # type: ignore[call-overload]


@_prints
def with_an_unknown_word(a: Any, n: Any) -> None:
    print(a, n, to=3)  # type: ignore[call-overload]


class Pieces(io.StringIO):
    """A file that says when it is flushed."""

    def flush(self) -> None:
        self.write("<flush>")


def printed(f: Any, *args: Any) -> tuple[str, str, Any]:
    """What a call prints to both files, and what it returns or raises."""
    files = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = out, err = Pieces(), Pieces()
    try:
        answer = f(*args)
    except Exception as error:
        answer = type(error), str(error)
    finally:
        sys.stdout, sys.stderr = files
    return out.getvalue(), err.getvalue(), answer
