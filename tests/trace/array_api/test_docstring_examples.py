"""NumPy's docstring examples compiled: the answer is NumPy's, or a refusal that is in the table.

Half of the docstrings is run, always the same half; ``TRACEJIT_ALL_EXAMPLES=1`` runs all of them.
"""

from __future__ import annotations

import os
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.trace.array_api.docstring_examples import docstrings, outcomes
from tests.trace.array_api.docstring_table import (
    BY_CHANCE,
    FIRST,
    LAST,
    NOT_RUN,
    OPEN,
    OPEN_ELSEWHERE,
    PAGE,
    REASONS,
    REFUSED,
    reason,
    refused_by_reason,
)

_ALL = bool(os.environ.get("TRACEJIT_ALL_EXAMPLES"))
#: The table is of this NumPy's docstrings; those of others have other examples.
_SAME_NUMPY = np.__version__.startswith("2.4.")
#: Deprecated names, which NumPy 2.4 and 2.5 took away.
_REMOVED = ("np.in1d", "np.row_stack", "np.trapz")
_TEXTS = {n: text for n, text in docstrings().items() if n not in NOT_RUN and n not in _REMOVED}
_OPEN = OPEN | OPEN_ELSEWHERE
_NAMES = [name for name in _TEXTS if _ALL or zlib.crc32(name.encode()) % 2 == 0]


@pytest.mark.parametrize("name", _NAMES)
def test_examples(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No example differs; those refused are refused for the reasons in the table, and as often."""
    monkeypatch.chdir(tmp_path)
    found = list(outcomes(_TEXTS[name]))
    different = [o for o in found if o.kind == "different" and o.source.strip() not in _OPEN]
    assert not different
    answered = {o.source.strip() for o in found if o.kind == "same"}
    answered -= {o.source.strip() for o in found if o.kind == "different"}
    assert not [s for s in answered if _OPEN.get(s, BY_CHANCE[0]) not in BY_CHANCE]
    refused = [o for o in found if o.kind == "refused"]
    assert not [o for o in refused if reason(o.why) is None]
    if _SAME_NUMPY:
        assert Counter(reason(o.why) for o in refused) == REFUSED.get(name, {})


def test_tables_name_what_there_is() -> None:
    """Every row is of a docstring that exists, and gives a reason that exists."""
    if _SAME_NUMPY:
        everything = "".join(docstrings().values())
        assert set(REFUSED) <= set(_TEXTS)
        assert set(NOT_RUN) <= set(docstrings())
        assert all(source.splitlines()[0] in everything for source in OPEN)
    assert {r for row in REFUSED.values() for r in row} == set(REASONS)


def test_page_has_the_counts_of_the_table() -> None:
    text = PAGE.read_text()
    shown = text[text.index(FIRST) : text.index(LAST)]
    rows = [line for line in shown.splitlines() if "refused: " in line]
    wanted = refused_by_reason().most_common()
    assert sorted(rows) == sorted(f"| {count} | refused: {why} |" for why, count in wanted)
