"""Derivatives, Function to Function: forward mode, and linearize + transpose for reverse mode."""

from tracejit.autodiff.split import Split, pullback, pushforward
from tracejit.autodiff.transform import grad, jvp, vjp

__all__ = ["Split", "grad", "jvp", "pullback", "pushforward", "vjp"]
