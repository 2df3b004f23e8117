"""Functions made of functions: derivatives, and batches of examples.

Each may be used under ``jit`` and called as it is.
"""

from tracejit.transforms.checking import check_grads
from tracejit.transforms.custom_rules import (
    checkpoint,
    clip_gradient,
    custom_jvp,
    custom_vjp,
    remat,
    scale_gradient,
    stop_gradient,
)
from tracejit.transforms.derivatives import grad, hvp, jvp, value_and_grad
from tracejit.transforms.jacobians import hessian, jacfwd, jacobian, jacrev
from tracejit.transforms.linear_maps import linearize, vjp
from tracejit.transforms.vmapping import vmap

__all__ = [
    "check_grads",
    "checkpoint",
    "clip_gradient",
    "custom_jvp",
    "custom_vjp",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linearize",
    "remat",
    "scale_gradient",
    "stop_gradient",
    "value_and_grad",
    "vjp",
    "vmap",
]
