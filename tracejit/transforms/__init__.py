"""Functions made of functions: derivatives. Each may be used under ``jit`` and called as it is."""

from tracejit.transforms.checking import check_grads
from tracejit.transforms.derivatives import grad, jvp, value_and_grad, vjp

__all__ = ["check_grads", "grad", "jvp", "value_and_grad", "vjp"]
