"""Scalar lowering of each elementwise primitive against the abstract emitter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LOWER: dict[str, Callable[..., Any]] = {}
