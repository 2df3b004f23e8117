"""Phrases of texts with values of the run in them: returned, chosen, shown in other texts."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

SHOWN = Phrases()
XS = (
    (np.array([0.25, -1.5, 2.0]), 7),
    (np.array([1234567.5, 2.5, 1e-9]), -300),
    (np.array([-0.0, 1e-7, 5.0]), 15),
)


@SHOWN(*XS)
def of_fields(x: Any, n: Any) -> Any:
    a, b = float(x[0]), x[1]
    return f"{a}", f"{a!r} {b!r} {b:.3f} {n:05d} {n:,} {n:b} {{}} {a=}", f"{x.mean():.2f} {len(x)}"


@SHOWN(*XS)
def of_methods(x: Any, n: Any) -> Any:
    a = float(x[0])
    by_name = "{a:.2f} {b[0]} {0!r:>12} {1!s:<6}{{}}".format(a, n, a=a, b=[n])
    return by_name, "%g and %5.2f|%-8d|%s|%r" % (a, a, n, a, x[1]), str(n), repr(a), str(a) + "!"


@SHOWN(*XS)
def of_arrays_as_they_were(x: Any, n: Any) -> Any:
    before, part, y = f"{x}", x[1:], x * 2
    shown = str(part), repr(y), f"{[y[0], n]}"
    x[:], y[0] = 0, n
    print(before, shown)
    return before, shown, x, y


@SHOWN(*XS)
def aligned(x: Any, n: Any) -> Any:
    s = f"{x[0]:.1f}"
    sides = f"{s:>12}|{s!r:>12}|{s!s:<12}|", "%14s|%-14r" % (s, s), format(s, ">12")
    return sides, s.rjust(12), s.ljust(12, "*"), str(n).zfill(8), str(n).rjust(6), f"{s:{9}}"


@SHOWN(*XS)
def of_texts(x: Any, n: Any) -> Any:
    s = f"{x[0]}"
    return f"{s!r} {[s]} {(s,)}", repr(s), "{!r} {!s}".format(s, s), "%s|%r" % (s, s), s * 2


@SHOWN(*XS)
def in_containers(x: Any, n: Any) -> Any:
    s = f"{x[0]:.2f}"
    d = {"a": s, "b": [s, str(n)]}
    d["c"] = ", ".join([s, f"{n}", "end"])
    return d, (s, s)


@SHOWN(*XS)
def of_an_early_return(x: Any, n: Any) -> Any:
    if n % 15 == 0:
        return "FizzBuzz"
    if n < 0:
        return f"minus {-n}"
    return str(n)


@SHOWN(*XS)
def of_a_loop_that_ends_early(x: Any, n: Any) -> Any:
    size = abs(float(x[0])) * 1e4
    for unit in ("B", "KB", "MB"):
        if size < 1024:
            return f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GB"


@SHOWN(*XS)
def of_a_branch(x: Any, n: Any) -> Any:
    s = f"pos {x[0]}" if x[0] > 0 else "neg"
    print(s, f"<{s}>", n, sep=", ")
    return s, s + "!", [s], {"s": s}


@SHOWN(*XS)
def of_one_side(x: Any, n: Any) -> Any:
    if n > 0:
        y = x[0] * 3
        s = f"{y} {x}"
    else:
        raise ValueError(f"no {n}")
    return s


@SHOWN(*XS)
def of_a_loop(x: Any, n: Any) -> Any:
    s, best = "none", None
    for i in range(len(x)):
        if x[i] > 1:
            s = f"{i}: {x[i]:.3f}"
            best = str(i)
    return s, best


@SHOWN(*XS)
def that_many_are_chosen_for(x: Any, n: Any) -> Any:
    signs = ["+" if v > 0 else "-" if n > 0 else f"{v}" for v in (x[0], x[1], x[2], n, n * x[0])]
    return ",".join(signs), signs[0] + signs[1] + signs[2] + signs[3]


class Account:
    def __init__(self, balance: Any) -> None:
        self.balance = balance
        self.name = f"account of {balance:.0f}"

    def withdraw(self, amount: Any) -> Any:
        if amount > self.balance:
            return f"only {self.balance:.2f}"
        self.balance -= amount
        return f"{self.balance:.2f} left"

    def __str__(self) -> str:
        return f"<{self.balance:.1f}>"


@SHOWN(*XS)
def of_objects(x: Any, n: Any) -> Any:
    a = Account(abs(float(x[0])) + 2)
    return a.withdraw(2.0), a.withdraw(2.0), str(a), f"{a}", a.name, a.balance


@SHOWN(*XS)
def of_a_message(x: Any, n: Any) -> Any:
    try:
        if n < 0:
            raise ValueError(f"negative {n}")
    except ValueError as error:
        return f"caught {error}"
    return "fine"


@SHOWN(*XS)
def joined_generators(x: Any, n: Any) -> Any:
    """Each goes through its items once, whatever was joined before."""
    shown = ",".join(str(v) for v in x), " ".join(f"{v:.1f}" for v in x if v > 0)
    plain = "".join("ab" for v in x), "-".join(c for c in "abc"), "".join(iter(["a", "b"]))
    return shown, plain, "".join("*" for v in x if v > n), ";".join(map(str, x))


@SHOWN(*XS)
def that_says_too_little(x: Any, n: Any) -> Any:
    return "{} {}".format(n)  # noqa: F524
