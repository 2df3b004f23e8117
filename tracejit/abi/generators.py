"""Where NumPy's random generators keep what C code draws from, and the addresses of that code.

NumPy publishes the C interface of its bit generators and, in `_generator`, its distributions
(`numpy/random/bitgen.h`, `numpy/random/distributions.h`). A `Generator` and a `RandomState` each
hold a copy of the bit generator's interface, which their methods pass on. Where it lies is probed
against public attributes at first use; what is not found is drawn by calls of the methods.
"""

from __future__ import annotations

import ctypes
import platform
import random
from functools import cache
from typing import Any

import numpy as np

_WORD = 8
#: `bitgen_t`: the state, and the functions that draw 64 bits, 32 bits, a double and raw bits.
STATE, NEXT_UINT64, NEXT_UINT32, NEXT_DOUBLE, NEXT_RAW = range(0, 5 * _WORD, _WORD)
_BITGEN_WORDS = 5
#: `aug_bitgen_t` of a `RandomState`: its interface, whether a normal number is kept, and that.
HAS_GAUSS, GAUSS = 8, 16


def _words(address: int, count: int) -> list[int]:
    return list((ctypes.c_uint64 * count).from_address(address))


def _interface(source: Any) -> list[int]:
    """The words of the `bitgen_t` of a generator's bit generator, by its public capsule."""
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return _words(get(source._bit_generator.capsule, b"BitGenerator"), _BITGEN_WORDS)


def _found(source: Any) -> int | None:
    """Where an object holds a copy of its interface; None unless there is exactly one."""
    own = _words(id(source), type(source).__basicsize__ // _WORD)
    wanted = _interface(source)
    places = [k for k in range(2, len(own) - 4) if own[k : k + _BITGEN_WORDS] == wanted]
    return places[0] * _WORD if len(places) == 1 else None


@cache
def interface_offset(kind: type) -> int | None:
    """Bytes from a `Generator` or `RandomState` to its `bitgen_t`; None where that is unknown."""
    if ctypes.sizeof(ctypes.c_void_p) != _WORD:
        return None
    made = [kind(np.random.PCG64(1)), kind(np.random.MT19937(2))]
    places = {_found(source) for source in made}
    return places.pop() if len(places) == 1 else None


@cache
def gauss_offset() -> int | None:
    """Bytes from a `RandomState` to its `aug_bitgen_t`; None where that is unknown."""
    start = interface_offset(np.random.RandomState)
    if start is None:
        return None
    source = np.random.RandomState(np.random.MT19937(3))
    own = _words(id(source), np.random.RandomState.__basicsize__ // _WORD)
    places = [k * _WORD for k in range(2, len(own) - 2) if own[k] == id(source) + start]
    if len(places) != 1:
        return None
    state: Any = source.get_state(legacy=False)
    for has, kept in ((1, 0.3125), (0, 0.0), (1, -7.5)):
        source.set_state({**state, "has_gauss": has, "gauss": kept})
        at = id(source) + places[0]
        found = ctypes.c_int.from_address(at + HAS_GAUSS), ctypes.c_double.from_address(at + GAUSS)
        if (found[0].value, found[1].value) != (has, kept):
            return None
    return places[0]


@cache
def python_state_offset() -> int | None:
    """Bytes from a `random.Random` to the index and the 624 words of its MT19937; None where that
    is unknown."""
    source = random.Random(1)
    header, words = object.__basicsize__, 625
    if random.Random.__basicsize__ < header + 4 * words:
        return None
    for _ in range(2):
        *state, index = source.getstate()[1]
        if list((ctypes.c_uint32 * words).from_address(id(source) + header)) != [index, *state]:
            return None
        source.random()
    return header


@cache
def _library(name: str) -> ctypes.CDLL:
    return ctypes.CDLL(getattr(np.random, name).__file__)


def _address(library: str, name: str) -> int | None:
    try:
        return ctypes.cast(getattr(_library(library), name), ctypes.c_void_p).value
    except (AttributeError, OSError):
        return None


#: What the symbols of C functions begin with, so that LLVM does not know them.
C_FUNCTION = "tj_c_"


def symbol_address(symbol: str) -> int | None:
    """The address of what code that draws numbers calls under this symbol; None for another."""
    if symbol.startswith(C_FUNCTION):
        return legacy_function(symbol.removeprefix(C_FUNCTION))
    return distribution(symbol)


@cache
def distribution(name: str) -> int | None:
    """The address of a function of `distributions.h`; None where NumPy does not export it."""
    return _address("_generator", name)


@cache
def legacy_function(name: str) -> int | None:
    """The address of the C library's `log`, `exp`, …, as NumPy's legacy distributions find it.

    None on machines whose compilers join products and sums: there those distributions have other
    bits than code that is written the same way.
    """
    if platform.machine() not in ("x86_64", "AMD64"):
        return None
    return _address("mtrand", name)
