"""Phrases of texts in lists whose length the run decides, and of texts that loops make longer."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

GROWN_TEXTS = Phrases()
XS = (
    (np.array([0.25, -1.5, 2.0, 7.5, -3.0, 0.0, 1.0, 4.0, 5.0, -2.0]), 15),
    (np.array([1234567.5, 2.5, -1e-9]), 0),
    (np.linspace(-2.0, 3.0, 40), 1994),
)


@GROWN_TEXTS(*XS)
def in_a_list(x: Any, n: Any) -> Any:
    out = []
    for i in range(1, n % 100 + 1):
        if i % 15 == 0:
            out.append("FizzBuzz")
        elif i % 3 == 0:
            out.append("Fizz")
        else:
            out.append(str(i))
    return out, len(out)


@GROWN_TEXTS(*XS)
def under_conditions(x: Any, n: Any) -> Any:
    out = []
    for i, v in enumerate(x):
        if v > 1:
            out.append((i, "large", v))
        elif v > 0:
            out.append((i, f"{v:.2f}", v))
    return out


@GROWN_TEXTS(*XS)
def asked_of_a_list(x: Any, n: Any) -> Any:
    out = ["pos" if v > 0 else "neg" for v in x]
    some = 0
    for text in out:
        if text == "pos":
            some += 1
    return some, out.count("pos"), "neg" in out, "zero" in out, out[0], out[1:3], out[::-1]


@GROWN_TEXTS(*XS)
def made_of_a_list(x: Any, n: Any) -> Any:
    out = ["pos" if v > 0 else "neg" for v in x]
    out[1] = "zero"
    out.append("x")
    last = out.pop()
    return last, out, [t.upper() for t in out], [t + "!" for t in out], [(t, 1) for t in out]


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.n = 0

    def add(self, v: Any) -> None:
        self.lines.append(f"#{self.n} {v:.1f}")
        self.n += 1


@GROWN_TEXTS(*XS)
def in_an_object(x: Any, n: Any) -> Any:
    log = Log()
    for v in x:
        log.add(v)
    return log.lines, log.n


@GROWN_TEXTS(*XS)
def joined(x: Any, n: Any) -> Any:
    out = [f"{v:.1f}" for v in x if v > 0]
    text = ", ".join(out)
    return text, "[" + text + "]", "".join(["a" if v > 0 else "b" for v in x])


@GROWN_TEXTS(*XS)
def by_one_of_two(x: Any, n: Any) -> Any:
    signs = ""
    for v in x:
        if v > 0:
            signs += "+"
        else:
            signs += "-"
    return signs


@GROWN_TEXTS(*XS)
def at_the_front(x: Any, n: Any) -> Any:
    bits = digits = ""
    while n > 0:
        bits = ("1" if n % 2 else "0") + bits
        digits = str(n % 3) + digits
        n //= 2
    return bits or "0", digits, "some" if bits else "none"


@GROWN_TEXTS(*XS)
def by_several_in_turn(x: Any, n: Any) -> Any:
    values, names = [1000, 900, 500, 400, 100, 90, 50, 5, 4, 1], "M CM D CD C XC L V IV I".split()
    roman = ""
    for value, name in zip(values, names):
        while n >= value:
            roman += name
            n -= value
    return roman


@GROWN_TEXTS(*XS)
def with_values(x: Any, n: Any) -> Any:
    text = "["
    for i, v in enumerate(x):
        if i > 0:
            text += ", "
        text += f"{v:.1f}"
    return text + "]"


@GROWN_TEXTS(*XS)
def where_something_holds(x: Any, n: Any) -> Any:
    text = "start"
    for v in x:
        if v > 1:
            text = text + " big"
        elif v < 0:
            text = f"{text} neg{v}"
    return text, text + "!"


@GROWN_TEXTS(*XS)
def by_what_is_known(x: Any, n: Any) -> Any:
    always = some = ""
    for v in x:
        always += "ab"
        if v > 0:
            some = "-" + some
    return always, some, "=" * n, "ab" * (n - 3) + "|"


@GROWN_TEXTS(*XS)
def shown(x: Any, n: Any) -> Any:
    bits = ""
    while n > 0:
        bits, n = str(n % 2) + bits, n // 2
    print(bits, f"[{', '.join(map(str, x))}]", sep=": ")
    for i in range(len(x)):
        print("*" * i + ".", " ".join([f"{v:.1f}" for v in x if v > 0]), end=";\n")
    return len(x)


@GROWN_TEXTS(*((np.array(p), n) for p, n in (([0, 9, -9], 10), ([-10, 123, 99], -(2**63)))))
def of_ints(x: Any, n: Any) -> Any:
    """How long texts with ints in them are, and ints in other bases."""
    based = bin(n), hex(x[0]), oct(n), format(n, "b"), format(x[1], "08x"), format(n)
    return based, len(str(n)), [len(f"<{v}>") for v in x], n if len(f"{x[1]}") > 2 else 0


WIDTHS = tuple((w, n) for w in (0, 1, 3, 8, -1, -4) for n in (3, -12, 12345))


@GROWN_TEXTS(*WIDTHS)
def as_wide_as_the_run_says(w: Any, n: Any) -> Any:
    s = "less" if n < 0 else "positive"
    sides = "ab".rjust(w), "ab".ljust(w, "-"), "ab".center(w), "abc".center(w, "*"), s.rjust(w)
    zeros = "ab".zfill(w), "-5".zfill(w), str(n).rjust(w), f"<{n}>".center(w, "+")
    print(s.ljust(w), "-" * w + "title".center(w), str(n).rjust(w), sep="|")
    return sides, zeros, f"{n:>{w}}|{n:<{w}d}|{n:^{w}}|{n:{w}}|{n:.>{w}}", "{0:{1}}".format(n, w)


@GROWN_TEXTS(*WIDTHS)
def in_fields_as_wide_as_the_run_says(w: Any, n: Any) -> Any:
    """Of texts, where a negative width is an error."""
    s = "less" if n < 0 else "positive"
    sides = f"{'ab':>{w}}|{'ab':<{w}s}|{'ab':^{w}}|{'abc':^{w}}|{'ab':{w}}|{s:.>{w}}|{'ab'!r:>{w}}"
    return sides, "{:>{}}".format("ab", w), f"{f'<{n}>':^{w}}", "-" * w + f"{'title':^{w + 1}}"


@GROWN_TEXTS(*WIDTHS)
def with_a_wrong_fill(w: Any, n: Any) -> Any:
    return "ab".rjust(w, "xx") if n else "".center(w)
