"""Programs run on three threads, however little work there is in them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tracejit import get_num_threads, set_num_threads
from tracejit.lower import schedule


@pytest.fixture(autouse=True)
def everything_is_shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Loops of two steps are worth it; the number of threads is what it was afterwards."""
    monkeypatch.setattr(schedule, "WORTH", 1)
    monkeypatch.setattr(schedule, "PIECE", 1)
    before = get_num_threads()
    set_num_threads(3)
    yield
    set_num_threads(before)
