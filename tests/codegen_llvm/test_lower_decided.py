"""Whether any or all of something holds: found in any chunk, and not read on behind it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit import jit
from tracejit.llvm_text.lower_decided import CHUNK


def asked(x: Any) -> Any:
    return np.any(x > 0), np.all(x > 0), np.any(x > 0) and not np.all(x < 2)


def test_wherever_it_is() -> None:
    fast = jit(asked, shapes="dynamic")
    for n in (1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1):
        for place in (0, n // 2, n - 1):
            for rest, there in ((0.0, 1.0), (1.0, 0.0), (0.0, np.nan)):
                x = np.full(n, rest)
                x[place] = there
                assert fast(x) == asked(x)
        assert fast(np.zeros(n)) == asked(np.zeros(n))


def test_what_is_long_is_read_in_chunks() -> None:
    texts = []
    for n in (3 * CHUNK + 5, CHUNK):
        fast = jit(lambda x: np.any(x))
        fast(np.zeros(n, bool))
        texts.append("".join(fast.inspect_llvm().values()).partition("@entry(")[0])
    assert [f", {CHUNK}\n" in text for text in texts] == [True, False]
