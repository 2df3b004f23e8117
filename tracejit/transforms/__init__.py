"""Functions made of functions: derivatives, and batches of examples.

Each may be used under ``jit`` and called as it is.
"""

from tracejit.transforms.callbacks import callback
from tracejit.transforms.checking import check_grads
from tracejit.transforms.custom_rules import custom_jvp, custom_vjp
from tracejit.transforms.derivatives import grad, hvp, jvp, value_and_grad
from tracejit.transforms.jacobians import hessian, jacfwd, jacobian, jacrev
from tracejit.transforms.linear_maps import linearize, vjp
from tracejit.transforms.linear_solves import custom_linear_solve
from tracejit.transforms.ready_rules import (
    checkpoint,
    clip_gradient,
    custom_gradient,
    remat,
    scale_gradient,
    stop_gradient,
)
from tracejit.transforms.registered import register
from tracejit.transforms.roots import custom_root
from tracejit.transforms.structured import cond, fori_loop, map, scan, switch, while_loop
from tracejit.transforms.traced_modules import trace_through
from tracejit.transforms.vmapping import vmap

__all__ = [
    "callback",
    "check_grads",
    "checkpoint",
    "clip_gradient",
    "cond",
    "custom_gradient",
    "custom_jvp",
    "custom_linear_solve",
    "custom_root",
    "custom_vjp",
    "fori_loop",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linearize",
    "map",
    "register",
    "remat",
    "scale_gradient",
    "scan",
    "stop_gradient",
    "switch",
    "trace_through",
    "value_and_grad",
    "vjp",
    "vmap",
    "while_loop",
]
