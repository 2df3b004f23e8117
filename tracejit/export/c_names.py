"""Names in C: those of parameters are changed where C has them, those of functions refused."""

from __future__ import annotations

import ctypes
import keyword
import re
from functools import cache

_WORDS = frozenset(
    """alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t
    char32_t class co_await co_return co_yield compl concept const const_cast consteval constexpr
    constinit continue decltype default delete do double dynamic_cast else enum explicit export
    extern false float for friend goto if inline int long mutable namespace new noexcept not not_eq
    nullptr operator or or_eq private protected public register reinterpret_cast requires restrict
    return short signed sizeof static static_assert static_cast struct switch template this
    thread_local throw true try typedef typeid typename typeof typeof_unqual union unsigned using
    virtual void volatile wchar_t while xor xor_eq""".split()  # noqa: SIM905
)
#: What headers define as macros or types, and some compilers without a header.
_OF_HEADERS = frozenset(
    """EOF FILE I NULL assert complex environ errno imaginary linux offsetof ptrdiff_t size_t stderr
    stdin stdout unix""".split()  # noqa: SIM905
)
_OF_HEADERS |= {f"{u}int{bits}_t" for u in ("", "u") for bits in (8, 16, 32, 64)}
#: Functions that the C library has only as macros, or only where a program is linked.
_NOT_LOADED = frozenset(
    """alloca at_quick_exit atexit fpclassify isfinite isgreater isgreaterequal isinf isless
    islessequal islessgreater isnan isnormal isunordered main setjmp signbit va_arg va_copy va_end
    va_start""".split()  # noqa: SIM905
)


def plain_name(text: str) -> str:
    """Letters, digits and underscores like this text, without underscores at its ends, which C
    keeps for itself: ``params['w'][0]`` is ``params_w_0``."""
    name = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_") or "x"
    return f"x{name}" if name[0].isdigit() else name


def c_name(text: str) -> str:
    """The name of a parameter or file: as above, with an underscore after what C, C++, their
    headers or Python mean by it."""
    name = plain_name(text)
    return f"{name}_" if _is_word(name) or keyword.iskeyword(name) else name


def free_symbol(text: str) -> str:
    """The name of a function that nobody writes down: with an underscore after what is taken."""
    name = plain_name(text)
    return name if _taken(name) is None else f"{name}_"


def function_name(text: str) -> str:
    """The name of a function that C calls. ValueError for what it calls something else."""
    name = plain_name(text)
    why = _taken(name)
    if why is not None:
        refuse_name(name, why)
    return name


def refuse_name(name: str, why: str) -> None:
    """ValueError that says how to name a function."""
    raise ValueError(
        f"a C function cannot be called {name}, which is {why}: name it by a dict of signatures, "
        f'{{"my_{name}": ...}}'
    )


def _is_word(name: str) -> bool:
    return name in _WORDS or name in _OF_HEADERS or name.startswith("tracejit_")


def _taken(name: str) -> str | None:
    """What the name is already."""
    if name in _WORDS:
        return "a word of C or C++"
    if _is_word(name) or name.startswith("tj_"):
        return "a name of headers or of tracejit"
    if name in _NOT_LOADED or _in_c_library(name):
        return "a function of the C library"
    return None


@cache
def _in_c_library(name: str) -> bool:
    return hasattr(ctypes.CDLL(None), name)
