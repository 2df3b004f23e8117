"""What methods read that Python calls by itself, in code that is not compiled, is looked at in each
call: ``__str__`` in ``str(a)``, ``__eq__`` in ``a in items``, ``__hash__`` in ``set(items)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import jit

UNIT = ["m"]


class Length:
    def __init__(self, k: float) -> None:
        self.k = k

    def __repr__(self) -> str:
        return f"{self.shown()}{UNIT[0]}"

    def shown(self) -> str:
        return str(self.k)

    def __eq__(self, other: Any) -> bool:
        return bool(self.k == other.k)

    def __hash__(self) -> int:
        return hash(self.k)


A, ITEMS = Length(2.0), [Length(3.0), Length(2.0)]
READS: dict[str, Callable[[Any], Any]] = {
    "str": lambda x: x * ord(str(A)[0]),
    "repr": lambda x: x * ord(repr(A)[0]),
    "a text with it": lambda x: x * ord(f"{A}"[0]),
    "a conversion": lambda x: x * ord(f"{A!r:>9}".strip()[0]),
    "%": lambda x: x * ord(("%s" % A)[0]),
    "str.format": lambda x: x * ord("{}".format(A)[0]),
    "in a list that is shown": lambda x: x * ord(str([A])[1]),
    "in a dict that is shown": lambda x: x * ord(str({"q": A})[6]),
    "in": lambda x: x * (A in ITEMS),
    "index": lambda x: x * ITEMS.index(Length(2.0)),
    "count": lambda x: x * ITEMS.count(A),
    "set": lambda x: x * len(set([A, *ITEMS])),
    "a dict": lambda x: x * len({i: 1 for i in ITEMS}),
    "hash": lambda x: x * hash(A),
    "what a method reads of a global": lambda x: x * ord(str(A)[-1]),
}


@pytest.mark.parametrize("name", READS)
def test_each_call_reads_again(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function, x = READS[name], np.ones(2)
    f = jit(function)
    assert f(x).tolist() == function(x).tolist()
    monkeypatch.setattr(A, "k", 5.0)
    monkeypatch.setattr(ITEMS[0], "k", 2.0)
    monkeypatch.setitem(globals(), "UNIT", ["s"])
    assert f(x).tolist() == function(x).tolist()
