"""Settings for all tests: a first call compiles, so Hypothesis must not time single examples."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "tracejit", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tracejit")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--bless` rewrites golden files to what the passes do now; review the difference."""
    parser.addoption("--bless", action="store_true", help="rewrite tests/golden")
