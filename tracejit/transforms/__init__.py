"""Functions made of functions: derivatives. Each may be used under ``jit`` and called as it is."""

from tracejit.transforms.checking import check_grads
from tracejit.transforms.derivatives import grad, hvp, jvp, value_and_grad
from tracejit.transforms.linear_maps import linearize, vjp

__all__ = ["check_grads", "grad", "hvp", "jvp", "linearize", "value_and_grad", "vjp"]
