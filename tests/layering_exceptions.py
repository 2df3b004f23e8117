"""What `test_layering.py` still lets pass. These lists and numbers may only shrink."""

from __future__ import annotations

#: Comparisons of names and kinds of instructions with literals, by folder.
NAMES_COMPARED = {
    "autodiff": 7,
    "device": 1,
    "passes": 13,
}

#: Modules that import one another: the first of them by name, and how many there are.
CIRCLES = {
    "autodiff.accumulator": 10,
    "ir.core": 3,
    "lower.body": 4,
    "numba_compat.foreign": 2,
    "trace.session.frames": 3,
    "trace.values.all": 9,
}

#: Exceptions of Python's that traced programs meet: `throw` raises them.
PROGRAMS_EXCEPTIONS = {
    "ArithmeticError",
    "AttributeError",
    "FloatingPointError",
    "IndexError",
    "KeyError",
    "LookupError",
    "NameError",
    "OverflowError",
    "RuntimeError",
    "TypeError",
    "UnboundLocalError",
    "ValueError",
    "ZeroDivisionError",
}
