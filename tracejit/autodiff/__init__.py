"""Derivatives, Function to Function: forward mode, and linearize + transpose for reverse mode; and
functions of one example as functions of a batch."""

from tracejit.autodiff import control  # noqa: F401  (the rows of region ops)
from tracejit.autodiff.batching import batched
from tracejit.autodiff.split import Split, pullback, pushforward
from tracejit.autodiff.transform import grad, jvp, vjp

__all__ = ["Split", "batched", "grad", "jvp", "pullback", "pushforward", "vjp"]
