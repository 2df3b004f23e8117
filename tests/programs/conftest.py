"""Programs run on three threads, however little there is in them; how often they are traced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tracejit import get_num_threads, set_num_threads
from tracejit.lower import schedule
from tracejit.trace import driver


@pytest.fixture(autouse=True)
def everything_is_shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Loops of two steps are worth it; the number of threads is what it was afterwards."""
    monkeypatch.setattr(schedule, "WORTH", 1)
    monkeypatch.setattr(schedule, "PIECE", 1)
    before = get_num_threads()
    set_num_threads(3)
    yield
    set_num_threads(before)


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The sessions of all traces from here on, also of those that began again."""
    found: list[Any] = []
    trace = driver._trace

    def noted(session: Any, *args: Any) -> Any:
        found.append(session)
        return trace(session, *args)

    monkeypatch.setattr(driver, "_trace", noted)
    return found
