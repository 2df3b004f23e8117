"""Derivatives, Function to Function: forward mode, and linearize + transpose for reverse mode."""

from tracejit.autodiff.transform import grad, jvp, vjp

__all__ = ["grad", "jvp", "vjp"]
