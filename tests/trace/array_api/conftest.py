"""What tests of draws share: which of them the host makes."""

from __future__ import annotations

from typing import Any

import pytest

from tracejit.ir.interpret.draws import HostDraw


@pytest.fixture
def host_draws(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The methods that Python called."""
    seen: list[str] = []
    call = HostDraw.__call__

    def counted(self: HostDraw, *operands: Any) -> Any:
        seen.append(self.method)
        return call(self, *operands)

    monkeypatch.setattr(HostDraw, "__call__", counted)
    return seen
