"""tracejit: NumPy code compiled as it is, with exact derivatives of the same code."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import numpy as _np  # noqa: F401  (arrays are what everything here is about)

__version__ = "0.1.0"

if TYPE_CHECKING:
    from tracejit import numba_compat as numba
    from tracejit import random
    from tracejit.api import jit
    from tracejit.errors import (
        FallbackWarning,
        InternalError,
        LeakedTracerError,
        SettingError,
        StructureError,
        TracejitError,
        UnsupportedError,
    )
    from tracejit.threads import get_num_threads, set_num_threads
    from tracejit.transforms import (
        callback,
        check_grads,
        checkpoint,
        clip_gradient,
        cond,
        custom_gradient,
        custom_jvp,
        custom_linear_solve,
        custom_root,
        custom_vjp,
        fori_loop,
        grad,
        hessian,
        hvp,
        jacfwd,
        jacobian,
        jacrev,
        jvp,
        linearize,
        register,
        remat,
        scale_gradient,
        scan,
        stop_gradient,
        switch,
        trace_through,
        value_and_grad,
        vjp,
        vmap,
        while_loop,
    )
    from tracejit.transforms import map as map  # not in __all__: it would hide Python's

_WHERE = {
    "jit": "tracejit.api",
    "grad": "tracejit.transforms",
    "value_and_grad": "tracejit.transforms",
    "jvp": "tracejit.transforms",
    "vjp": "tracejit.transforms",
    "hvp": "tracejit.transforms",
    "custom_root": "tracejit.transforms",
    "map": "tracejit.transforms",
    "cond": "tracejit.transforms",
    "fori_loop": "tracejit.transforms",
    "scan": "tracejit.transforms",
    "switch": "tracejit.transforms",
    "while_loop": "tracejit.transforms",
    "checkpoint": "tracejit.transforms",
    "clip_gradient": "tracejit.transforms",
    "custom_gradient": "tracejit.transforms",
    "custom_jvp": "tracejit.transforms",
    "custom_linear_solve": "tracejit.transforms",
    "custom_vjp": "tracejit.transforms",
    "register": "tracejit.transforms",
    "trace_through": "tracejit.transforms",
    "remat": "tracejit.transforms",
    "scale_gradient": "tracejit.transforms",
    "stop_gradient": "tracejit.transforms",
    "hessian": "tracejit.transforms",
    "jacfwd": "tracejit.transforms",
    "jacobian": "tracejit.transforms",
    "jacrev": "tracejit.transforms",
    "vmap": "tracejit.transforms",
    "linearize": "tracejit.transforms",
    "check_grads": "tracejit.transforms",
    "callback": "tracejit.transforms",
    "get_num_threads": "tracejit.threads",
    "set_num_threads": "tracejit.threads",
    "FallbackWarning": "tracejit.errors",
    "TracejitError": "tracejit.errors",
    "UnsupportedError": "tracejit.errors",
    "LeakedTracerError": "tracejit.errors",
    "SettingError": "tracejit.errors",
    "StructureError": "tracejit.errors",
    "InternalError": "tracejit.errors",
}

#: Modules that are attributes of this one before they are imported.
_MODULES = {"numba": "tracejit.numba_compat", "random": "tracejit.random"}

__all__ = [
    "FallbackWarning",
    "InternalError",
    "LeakedTracerError",
    "SettingError",
    "StructureError",
    "TracejitError",
    "UnsupportedError",
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
    "get_num_threads",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jit",
    "jvp",
    "linearize",
    "numba",
    "random",
    "register",
    "remat",
    "scale_gradient",
    "scan",
    "set_num_threads",
    "stop_gradient",
    "switch",
    "trace_through",
    "value_and_grad",
    "vjp",
    "vmap",
    "while_loop",
]


_ELSEWHERE = {
    "njit": "it is `jit` here, and `tracejit.numba.njit` takes Numba's options",
    "vectorize": "it is `tracejit.numba.vectorize` here; `vmap` maps functions",
    "guvectorize": "it is `tracejit.numba.guvectorize` here; `vmap` maps functions",
    "prange": "it is `range` here",
    "stencil": "it is `tracejit.numba.stencil` here",
    "pmap": "it is `vmap` here",
    "compile": "it is `jit` here",
    "numpy": "use NumPy itself: `import numpy as np`",
    "lax": "`scan`, `cond`, `switch`, `map`, `fori_loop` and `while_loop` are in `tracejit` itself",
    "elementwise_grad": "it is `vmap(grad(f))` here",
    "make_jvp": "it is `jvp` here",
    "make_vjp": "it is `vjp` here",
    "hessian_vector_product": "it is `hvp` here",
    "value_and_jacobian": "`vjp` and `linearize` give value and derivative",
}
"""What other compilers export under these names, and where it is here."""

if not TYPE_CHECKING:  # type checkers know the names above, and refuse others

    def __getattr__(name):
        if name in _MODULES:
            return import_module(_MODULES[name])
        if name == "load_ipython_extension":  # what IPython looks for: %load_ext tracejit
            return import_module("tracejit.cli.magics").load_ipython_extension
        module = _WHERE.get(name)
        if module is None:
            hint = f": {_ELSEWHERE[name]}" if name in _ELSEWHERE else ""
            raise AttributeError(f"module 'tracejit' has no attribute {name!r}{hint}")
        return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return sorted({*__all__, *_WHERE, *_MODULES, "__version__"})
