"""From a request to native code: trace, simplify, lower, generate, link.

This is where the stages meet. Nothing here decides what a program means.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tracejit import abi, trees
from tracejit.calls.argument_layouts import layouts_of, param_slots
from tracejit.calls.argument_types import EVERY_CLASS, args_of, is_source
from tracejit.calls.calling_convention import SignatureBuilder
from tracejit.calls.deopt import prints_before, rollback_of
from tracejit.calls.device_versions import boxes_of, device_of_version, on_device, outside_name
from tracejit.calls.epilogue import Epilogue
from tracejit.calls.log import Clock, described
from tracejit.calls.placement import ON_THE_CPU
from tracejit.calls.under_way import waited_for
from tracejit.calls.versions import NeedsStatic, Options, Request, Version
from tracejit.codegen_llvm import perf_map
from tracejit.codegen_llvm.lower import RULES, lower_program
from tracejit.dtypes import is_inexact
from tracejit.errors import StructureError, UnsupportedError, UnsupportedRecursionError
from tracejit.ir.arguments import resolved, sizes_of, without_objects
from tracejit.ir.core import Function, Instr
from tracejit.ir.printer import format_function
from tracejit.ir.program import Program, instructions
from tracejit.ir.results import ViewOut
from tracejit.llvm_text.lower_function import Rule
from tracejit.lower.kernel_fusion import merge
from tracejit.lower.lower import lower
from tracejit.lower.shared_loops import share_loops
from tracejit.lower.unroll_and_jam import unroll_and_jam
from tracejit.passes.calls import inline_calls
from tracejit.passes.pipeline import DEFAULT, SIMPLIFY
from tracejit.passes.rebuild import Pass
from tracejit.passes.runner import dump_stage, dump_text, run
from tracejit.python_entry.entry import Specialisation, specialise
from tracejit.records import dataclass
from tracejit.trace.driver import trace
from tracejit.trace.session.assumption_sets import TraceAssumptions
from tracejit.trace.session.assumptions import FailedAssumption
from tracejit.trace.traced import Traced
from tracejit.trace.values.exporters import plain_array

if TYPE_CHECKING:
    from tracejit.device.compile import DeviceSpecialisation


@dataclass
class Artefacts:
    """What a version was made of, for inspection."""

    traced: Traced
    function: Function
    program: Program
    core_text: str
    spec: Specialisation | DeviceSpecialisation
    kernels: Mapping[Instr, str]
    #: Numbers of the errors that say that an assumption is wrong.
    rejecting: Sequence[int] = ()
    milliseconds: dict[str, float] = field(default_factory=dict)
    parallel: bool = True

    @property
    def functions(self) -> Sequence[tuple[Any, bool]]:
        """The functions that were traced, and whether they were converted."""
        return self.traced.functions

    @cached_property
    def ir(self) -> str:
        """Tensor-level IR after simplification."""
        return format_function(self.function)

    @cached_property
    def program_text(self) -> str:
        """The lowered Program."""
        return format_function(self.program.host)


def simplify(function: Function, *, stabilize: bool = False) -> Function:
    """The function as it is lowered."""
    dump_stage("trace", function)
    return run(function, pipeline(stabilize=stabilize))


def pipeline(*, stabilize: bool = False) -> tuple[Pass, ...]:
    """The passes between the trace and the lowering."""
    if not stabilize:
        return (inline_calls, *DEFAULT)
    from tracejit.passes.stabilize import stabilize as rewrite

    # Rules look for one value used twice.
    return (inline_calls, *SIMPLIFY, rewrite, *DEFAULT)


def compile_version(
    request: Request, options: Options, rules: Mapping[str, Rule] = RULES
) -> Version:
    """Trace and compile one version; ``rules``: as ``lower_program`` takes them."""
    clock = Clock("trace")
    with waited_for(request.function, clock):
        traced = _traced(request, options.goes_on)
        clock.next("passes")
        device = device_of_version(request, traced)
        stands = request.stands
        made = native_code(traced, options, rules, stands=stands, device=device, clock=clock)
    clock.log(request.function, made.spec.module.from_cache)
    if perf_map.asked_for():
        perf_map.note(made.spec.module, _native_names(request.function, made))
    # Shared storages are found by the slow path.
    count = request.treedef.num_leaves
    prints = bool(made.rejecting) and prints_before(traced)
    unsure = prints or None in request.assumptions.sites.values()
    chained = None if unsure else made.spec.chained
    direct = len(request.args) == count and chained is not None
    preconditions = traced.preconditions()
    traced.release()
    return Version(
        args=without_objects(traced.args),
        sizes=request.sizes,
        dynamic=request.dynamic,
        call=made.spec,
        preconditions=preconditions,
        writes=tuple(sorted(k for k in traced.mutated if k < len(request.args))),
        needs_call=Epilogue(traced).needs_call or traced.keeps_changes,
        makes_views=any(isinstance(out, ViewOut) for out in made.spec.signature.outs),
        made=lambda: made,
        direct=direct,
        count=count,
        assumptions=request.assumptions,
        prints=prints,
        chained=chained,
    )


def _traced(request: Request, goes_on: bool) -> Traced:
    count = request.treedef.num_leaves
    args, kwargs = trees.unflatten(request.treedef, request.args[:count])
    try:
        return trace(
            request.function,
            args,
            kwargs,
            request.args[count:],
            request.leaves[count : count + request.overlapping_globals],
            request.assumptions,
            request.run_time_globals,
            same=request.shared,
            goes_on=goes_on,
            keeps_changes=True,
        )
    except (UnsupportedError, StructureError) as error:
        if any(request.dynamic):
            ends = isinstance(error, UnsupportedRecursionError)
            raise NeedsStatic(error, of_integers=ends) from None
        raise


def native_code(
    traced: Traced,
    options: Options,
    rules: Mapping[str, Rule] = RULES,
    *,
    stands: bool = False,
    device: int | None = None,
    clock: Clock | None = None,
) -> Artefacts:
    """Compile what a front end hands over, for the CPU or a GPU."""
    clock = clock or Clock("passes")
    function = simplify(traced.function, stabilize=options.stabilize)
    clock.next("lower")
    program = lowered(traced, function, gpu=device is not None)
    if device is not None:
        program = on_device(traced, program)
    else:
        program = unroll_and_jam(share_loops(program) if options.parallel else program)
    clock.next("llvm text")
    boxes = boxes_of(device)
    signature = SignatureBuilder(traced, function, program, boxes, stands=stands).build()
    signature = replace(signature, rollback=rollback_of(traced))
    layout = abi.layout(signature)
    slots = (param_slots(traced, program, layout), result_slots(program, layout))
    if device is not None and rules is not RULES:
        raise UnsupportedError(ON_THE_CPU)
    if device is None:
        core = lower_program(program, *slots, rules, parallel=options.parallel)
    else:
        from tracejit.device.compile import DeviceCode  # which is not needed without a GPU

        code = DeviceCode(program, device, slots, cache=options.cache, math=options.math)
        core = code.core
    _dump(program, core.text)
    clock.next("entry")
    wrong = [
        k for k, site in enumerate(core.errors.sites, 1) if type(site.exception) is FailedAssumption
    ]
    spec: Specialisation | DeviceSpecialisation
    if device is None:
        spec = specialise(
            core.text,
            signature,
            core.errors,
            core.host,
            core.symbols,
            options.opt_level,
            cache=options.cache,
            rejecting=wrong,
        )
    else:
        spec = code.specialise(
            signature,
            options.opt_level,
            cache=options.cache,
            rejecting=wrong,
            names=partial(outside_name, traced),
        )
    clock.end(spec.module.milliseconds)
    return Artefacts(
        traced,
        function,
        program,
        core.text,
        spec,
        core.kernels,
        wrong,
        clock.milliseconds,
        parallel=options.parallel,
    )


def _native_names(function: Callable[..., Any], made: Artefacts) -> dict[str, str]:
    """What profilers show for the native functions of a version."""
    name = described(function)
    names = {"core": name, "entry": f"{name}: entry"}
    for instr, symbol in made.kernels.items():
        places = sorted({i.loc.line for i in instructions(instr.regions[0]) if i.loc is not None})
        lines = ", ".join(map(str, places))
        names[symbol] = f"{name}: {symbol}" + (f", lines {lines}" if lines else "")
    return names


def _dump(program: Program, text: str) -> None:
    dump_stage("lower", program.host)
    asked = os.environ.get("TRACEJIT_DUMP", "").split(",")
    if "llvm" in asked or "all" in asked:
        dump_text("llvm", program.host.name, text)


def lowered(traced: Traced, function: Function, *, gpu: bool = False) -> Program:
    """The Program of a traced function as `simplify` gives it."""
    layouts, numbers = layouts_of(traced, function)
    return merge(lower(function, layouts, numbers, gpu=gpu), gpu=gpu)


def result_slots(program: Program, layout: abi.SlotLayout) -> list[int]:
    """The slot of each result of a Program's host function; -1 where the caller has the memory."""
    slots = [-1] * len(program.host.results)
    for k, result in enumerate(program.results):
        at = layout.results[k]
        if result.kind == "out":
            continue
        assert at.data is not None
        slots[result.first] = at.data
        for axis, place in enumerate(at.extents if result.kind == "dynamic" else ()):
            assert place is not None
            slots[result.first + 1 + axis] = place
    return slots


def traced_function(
    fun: Callable[..., Any],
    args: Sequence[Any],
    assumptions: TraceAssumptions | None = None,
    orders: int = 0,
) -> tuple[Function, list[Any], list[int]]:
    """``fun`` as an IR function of exact shapes, its argument values, and which are inexact;
    ``orders``: how many times derivatives will be taken of it."""
    traced, values = traced_call(fun, args, assumptions, orders)
    count = len(values) - len(traced.hidden_arrays())
    wrt = [k for k, v in enumerate(values[:count]) if is_inexact(np.asarray(v).dtype)]
    return run(traced.function, DEFAULT), values, wrt  # calls keep their rules


def traced_call(
    fun: Callable[..., Any],
    args: Sequence[Any],
    assumptions: TraceAssumptions | None = None,
    orders: int = 0,
    kwargs: Mapping[str, Any] | None = None,
) -> tuple[Traced, list[Any]]:
    """``fun`` traced for exact shapes, and the values of its parameters."""
    found, treedef = trees.flatten((tuple(args), dict(kwargs or {})))
    leaves = [x if (plain := plain_array(x)) is None else plain for x in found]
    types = args_of(leaves, EVERY_CLASS)[0]
    static = (False,) * len(sizes_of(types, leaves))
    specs = resolved(types, leaves, static)
    call_args, call_kwargs = trees.unflatten(treedef, specs)
    traced = trace(fun, call_args, call_kwargs, assumptions=assumptions, orders=orders)
    passed = [x for x, arg in zip(leaves, traced.args, strict=True) if arg.is_parameter]
    values = [np.int64(id(x)) if is_source(x) else x for x in passed]
    values += [h.array for h in traced.hidden_arrays().values()]
    return traced, values
