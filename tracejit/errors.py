"""Exceptions that are tracejit's own. What NumPy or Python would raise is raised as theirs."""

from __future__ import annotations


class TracejitError(Exception):
    """Base of the exceptions that only tracejit raises."""


class UnsupportedError(TracejitError, NotImplementedError):
    """Something NumPy or Python can do and tracejit cannot; says where and what to do instead."""


class LeakedTracerError(TracejitError):
    """A traced value was used after, or outside, the trace that made it."""


class StructureError(TracejitError, TypeError):
    """Two sides of a staged branch, or two iterations of a loop, disagree in structure."""


class InternalError(TracejitError):
    """A broken promise inside tracejit: please report it."""
