"""Functions of the IR that were built without a Python function: compiled, and called.

Any front end can hand over such a function, with what a caller passes for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracejit import trees
from tracejit.calls.compiler import native_code, simplify
from tracejit.calls.versions import Options
from tracejit.ir.arguments import ArgType, ArrayArg, ScalarArg, SymDim, places_of_extents
from tracejit.ir.core import Function, Value
from tracejit.ir.extent import Dim
from tracejit.ir.printer import format_type
from tracejit.ir.results import ArrayOut, Out, ScalarOut
from tracejit.ir.types import INDEX, TensorType, dtype_of
from tracejit.ir.verifier import verify
from tracejit.lower.kernel_fusion import merge
from tracejit.lower.lower import lower
from tracejit.lower.shared_loops import share_loops
from tracejit.python_entry.entry import Specialisation
from tracejit.trace.traced import Traced, mutated_by


def compile_ir(
    function: Function, args: Sequence[ArgType], options: Options | None = None
) -> Specialisation:
    """Compile IR that was built without a Python function; no source is looked for.

    ``args``: what a caller passes, see ``from_ir``. What is returned is called with that; ``Miss``
    where something else comes. Raises as ``from_ir`` and ``verify``.

        b = Builder("twice")
        n = b.param(INDEX)
        x = b.param(TensorType(dtype_of("f64"), (n.dim,)))
        doubled = compile_ir(b.build([b.op("add", x, x)]), [ArrayArg(x.dtype, (SymDim("n"),))])
        doubled(np.arange(3.0))  # (array([0., 2., 4.]),)
    """
    verify(function)
    found = native_code(from_ir(function, args), options or Options()).spec
    assert isinstance(found, Specialisation)  # for the CPU
    return found


def from_ir(function: Function, args: Sequence[ArgType]) -> Traced:
    """IR that was built without a Python function, as ``trace`` gives it.

    ``args``: what the caller passes. Parameters are in the order of ``ir/arguments.py``. The call
    returns a tuple of the results: arrays, and NumPy scalars for those without axes. ``write_back``
    numbers arguments. ValueError where parameters are not what the arguments say.
    """
    names = list(places_of_extents(args))
    passed = [arg for arg in args if arg.is_parameter]
    params = function.params
    if len(params) != len(names) + len(passed):
        raise ValueError(
            f"{function.name} has {len(params)} parameters; its arguments have {len(names)} "
            f"extents of the run's and {len(passed)} values"
        )
    extents = dict(zip(names, params, strict=False))
    wanted = [INDEX] * len(names) + [_type_of(arg, extents) for arg in passed]
    for param, type_ in zip(params, wanted, strict=True):
        if param.type != type_:
            name = param.hint or params.index(param)
            found, want = (format_type(t, lambda v: v.hint) for t in (param.type, type_))
            raise ValueError(f"parameter {name} of {function.name} is {found}, not {want}")
    outs: list[Out] = [
        ArrayOut(k) if value.rank else ScalarOut(k) for k, value in enumerate(function.results)
    ]
    tree = trees.flatten((None,) * len(outs))[1]
    return Traced(function, list(args), [], [], [], tree, outs, mutated_by(function))


def _type_of(arg: ArgType, extents: dict[str, Value]) -> TensorType:
    if isinstance(arg, ScalarArg):
        return INDEX if arg.source is not None else TensorType(dtype_of(arg.dtype))
    assert isinstance(arg, ArrayArg)
    shape: list[Dim] = []
    for d in arg.shape:
        if d is None:
            raise ValueError("an extent is not decided: give a number or a SymDim")
        shape.append(extents[d.name].dim if isinstance(d, SymDim) else d)
    return TensorType(dtype_of(arg.dtype), tuple(shape))


def run_function(function: Function, args: Sequence[Any]) -> list[Any]:
    """Compile and run one IR function on arrays, whatever the order of its parameters; for tools
    and checks."""
    from tracejit.codegen_llvm.compile import compile_program

    compiled = compile_program(share_loops(merge(lower(simplify(function)))))
    arrays = [
        np.array(a, dtype=p.dtype, order="C") for a, p in zip(args, function.params, strict=True)
    ]
    return compiled.call(*arrays)
