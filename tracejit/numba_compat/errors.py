"""Numba's exceptions, by the names under which programs catch them.

What cannot be compiled is an ``UnsupportedError`` here, whatever part of Numba would have said so.
"""

from __future__ import annotations

from tracejit.errors import FallbackWarning, TracejitError, UnsupportedError

NumbaError = TracejitError
TypingError = UnsupportedError
LoweringError = UnsupportedError
UnsupportedBytecodeError = UnsupportedError
ForbiddenConstruct = UnsupportedError
RequireLiteralValue = UnsupportedError


class NumbaWarning(UserWarning):
    """Base of Numba's warnings; none is given here but for `FallbackWarning`."""


class NumbaPerformanceWarning(NumbaWarning):
    """Numba's, given by none of ours."""


class NumbaDeprecationWarning(NumbaWarning, DeprecationWarning):
    """Numba's, given by none of ours."""


class NumbaPendingDeprecationWarning(NumbaWarning, PendingDeprecationWarning):
    """Numba's, given by none of ours."""


class NumbaExperimentalFeatureWarning(NumbaWarning):
    """Numba's, given by none of ours."""


class NumbaTypeSafetyWarning(NumbaWarning):
    """Numba's, given by none of ours."""


NumbaParallelSafetyWarning = NumbaDebugInfoWarning = NumbaWarning

__all__ = [
    "FallbackWarning",
    "ForbiddenConstruct",
    "LoweringError",
    "NumbaDeprecationWarning",
    "NumbaError",
    "NumbaExperimentalFeatureWarning",
    "NumbaPendingDeprecationWarning",
    "NumbaPerformanceWarning",
    "NumbaTypeSafetyWarning",
    "NumbaWarning",
    "RequireLiteralValue",
    "TypingError",
    "UnsupportedBytecodeError",
    "UnsupportedError",
]
