"""What `test_layering.py` still lets pass. These lists and numbers may only shrink."""

from __future__ import annotations

#: Comparisons of names and kinds of instructions with literals, by folder.
NAMES_COMPARED = {
    "autodiff": 8,
    "codegen_llvm": 8,
    "codegen_ptx": 2,
    "llvm_text": 0,
    "lower": 2,
    "passes": 19,
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
