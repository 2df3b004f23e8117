"""Options that there are not: misspelt ones, and those of other compilers; what to write here.

A function that takes options gives what it does not know to ``refuse``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

_LEAVE_OUT = "leave it out"
_ONE_DEVICE = 'a call runs where its arrays are, or on one device that target="cpu" or "cuda" names'
_NUMBAS = frozenset(
    [
        *("boundscheck", "error_model", "fastmath", "forceobj", "inline", "locals", "looplift"),
        *("nogil", "nopython", "nrt", "pipeline_class"),
    ]
)
_IN_PLACE = "write the result where it is to go, and return that: p[:] = new; return p"
_STATIC = "compile the transform: jit(grad(f), static_argnames=...)"

#: By function, then by option: what to do here.
FOREIGN: dict[str, dict[str, str]] = {
    "jit": {
        "abstracted_axes": 'shapes="dynamic" compiles for any extents',
        "backend": _ONE_DEVICE,
        "boundscheck": f"indices are always checked: {_LEAVE_OUT}",
        "cache_dir": "set TRACEJIT_CACHE_DIR in the environment",
        "compiler_options": "opt_level (0 to 3) is the one there is",
        "debug_info": "f.inspect_ir(), f.inspect_llvm() and f.inspect_asm() show the stages",
        "device": _ONE_DEVICE,
        "donate_argnames": _IN_PLACE,
        "donate_argnums": _IN_PLACE,
        "dynamic": 'shapes="dynamic" compiles for any extents, shapes="static" for exact ones',
        "error_model": f"division does what NumPy and Python do: {_LEAVE_OUT}",
        "fastmath": (
            f"arithmetic keeps the order and rounding of NumPy: {_LEAVE_OUT}; on a GPU "
            'math="device" makes functions of float32 faster and less exact'
        ),
        "forceobj": "fallback=True runs in Python what cannot be compiled",
        "fullgraph": f"a function is compiled whole, or an error says why not: {_LEAVE_OUT}",
        "in_shardings": _ONE_DEVICE,
        "inline": f"calls of Python functions are compiled in line: {_LEAVE_OUT}",
        "keep_unused": _LEAVE_OUT,
        "locals": "types are NumPy's: convert where you want another, x.astype(np.float32)",
        "looplift": "fallback=True compiles the loops of what cannot be compiled as a whole",
        "mode": "opt_level (0 to 3) is the nearest",
        "nogil": f"the GIL is released by itself where a call has much to do: {_LEAVE_OUT}",
        "nopython": f"compiled code never runs in the interpreter: {_LEAVE_OUT}",
        "nrt": _LEAVE_OUT,
        "out_shardings": _ONE_DEVICE,
        "pipeline_class": _LEAVE_OUT,
        "signature": 'it comes first and without a name: jit("f8[:](f8[:])")',
        "static": "static_argnums or static_argnames",
    },
    "grad": {
        "allow_int": "gradients are of floats: convert the argument, or choose others by argnums",
        "allow_unused": 'disconnected_inputs="ignore", which is the default',
        "consider_constant": "stop_gradient(x) inside of the function",
        "create_graph": f"a gradient is differentiated again by grad(grad(f)): {_LEAVE_OUT}",
        "known_grads": "vjp starts from cotangents of your own",
        "reduce_axes": _LEAVE_OUT,
        "retain_graph": _LEAVE_OUT,
        "return_disconnected": "disconnected_inputs",
        "static_argnames": _STATIC,
        "static_argnums": _STATIC,
        "wrt": "argnums (positions) or argnames",
    },
    "vmap": {
        "axis": "in_axes",
        "axis_name": f"there are no collective operations: {_LEAVE_OUT}",
        "chunk_size": _LEAVE_OUT,
        "in_dims": "in_axes",
        "out_dims": "out_axes",
        "randomness": "draws take keys: map over tracejit.random.split(key, n)",
        "spmd_axis_name": f"there are no collective operations: {_LEAVE_OUT}",
    },
    "jacfwd": {
        "chunk_size": _LEAVE_OUT,
        "randomness": _LEAVE_OUT,
        "strict": _LEAVE_OUT,
        "vectorize": f"all unit vectors are pushed or pulled at once: {_LEAVE_OUT}",
    },
}
_LIKE = {"value_and_grad": "grad", "jacrev": "jacfwd", "hessian": "jacfwd"}


def refuse(function: Callable[..., Any], options: Mapping[str, Any]) -> NoReturn:
    """Raise TypeError for the first of ``options``, none of which ``function`` has."""
    from difflib import get_close_matches

    name = next(iter(options))
    what = function.__name__
    parameters = inspect.signature(function).parameters.values()
    known = [
        p.name
        for p in parameters
        if p.kind is p.KEYWORD_ONLY
        or (p.default is not p.empty and p.kind is not p.POSITIONAL_ONLY)
    ]
    meant = FOREIGN.get(_LIKE.get(what, what), {}).get(name)
    if meant is None:
        close = get_close_matches(name, known, 1, 0.6)
        others = f"there are {', '.join(known)}" if known else "it has none"
        meant = f"did you mean {close[0]}?" if close else others
    if what == "jit" and name in _NUMBAS:
        meant += "; tracejit.numba.jit takes Numba's options"
    raise TypeError(f"{what} has no option {name!r}: {meant}")
