"""Parts of the tracer are tested without its driver, which fills the registry that they ask."""

from __future__ import annotations

from tracejit.trace import driver  # noqa: F401
