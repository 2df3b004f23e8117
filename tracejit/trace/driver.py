"""Traces a Python function into an IR function, with all that a caller needs to call it.

Parameters of the IR function: one ``i64`` per symbolic extent in order of appearance, then the
argument leaves that are parameters, then hidden arguments in order of discovery. ``write_back`` and
``ArgOut`` count arrays as arguments are counted in ``Traced.all_args``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import AsyncGeneratorType, CoroutineType, FunctionType, GeneratorType
from typing import Any, NoReturn

import numpy as np

from tracejit import trees
from tracejit.errors import (
    LeakedTracerError,
    StructureError,
    TracejitError,
    UnsupportedError,
    is_for_user,
    raise_at,
)
from tracejit.ir.arguments import (
    ARG_TYPES,
    ArgType,
    ArrayArg,
    ObjectArg,
    ScalarArg,
    StaticArg,
    SymDim,
)
from tracejit.ir.core import Function, Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import INDEX, TensorType, dtype_of
from tracejit.trace import array_api  # noqa: F401  (fills the registry, as these do)
from tracejit.trace.array_api.generators import RandomSource
from tracejit.trace.control.calls_under_way import refuse_endless
from tracejit.trace.control.generated import Generated
from tracejit.trace.control.objects import refers_to_itself
from tracejit.trace.control.try_statement import TryOperators
from tracejit.trace.guards.outside import Outside
from tracejit.trace.guards.paths import bound
from tracejit.trace.python import number_methods  # noqa: F401
from tracejit.trace.python.inner_functions import refuse_inner
from tracejit.trace.python.staged_operators import StagedOperators
from tracejit.trace.session.assumption_sets import TraceAssumptions
from tracejit.trace.session.concretize import DeferredText, made_at
from tracejit.trace.session.frames import Restart, SharedResults
from tracejit.trace.session.marks import MARK
from tracejit.trace.session.raising import Diverged, emit_raise, raised_at
from tracejit.trace.session.regions import Free, diverged
from tracejit.trace.session.session import Session, nested, session_scope
from tracejit.trace.session.unobserved import unobserved
from tracejit.trace.traced import Traced, mutated_by
from tracejit.trace.values import operators  # noqa: F401  (attaches the operators)
from tracejit.trace.values.all import Array, PyScalar, Scalar, Tracer
from tracejit.trace.values.caller_lists import as_list
from tracejit.trace.values.captured_arrays import CapturedArray, argument_cell
from tracejit.trace.values.entries import is_table, is_view
from tracejit.trace.values.going_on import must_leave_plain
from tracejit.trace.values.lent_lists import lend
from tracejit.trace.values.made_objects import made_attributes
from tracejit.trace.values.maybe_unbound import MaybeNone, MaybeUnbound, bound_value
from tracejit.trace.values.ranges import Range
from tracejit.trace.values.reach import holds_traced
from tracejit.trace.values.results import Describer
from tracejit.trace.views import assignment, indexing, reshape, views  # noqa: F401
from tracejit.trace.views.overlapping_arguments import window_on
from tracejit.trace.views.reshape import Flat

_RESTARTS = 32


class TraceOperators(TryOperators, StagedOperators):
    """All that a converted function runs on while it is traced."""


def is_spec(x: Any) -> bool:
    """Whether ``x`` describes an argument."""
    return isinstance(x, ARG_TYPES)


@unobserved
def trace(
    fn: Callable[..., Any],
    arg_specs: Sequence[Any],
    kwarg_specs: Mapping[str, Any] | None = None,
    shared: Sequence[Any] = (),
    overlapping_globals: Sequence[Any] = (),
    assumptions: TraceAssumptions | None = None,
    run_time_globals: frozenset[str] = frozenset(),
    *,
    same: trees.Shared = (),
    orders: int = 0,
    goes_on: bool = False,
    keeps_changes: bool = False,
) -> Traced:
    """Trace ``fn`` on arguments described by pytrees of ``ArgType``.

    ``shared``: further leaves, not passed to ``fn``, that windows among the arguments refer to; the
    first of them are arrays that ``fn`` finds outside, in ``overlapping_globals``.
    ``assumptions``: what is assumed of values that decide dtypes.
    ``run_time_globals``: names of numbers outside that are run-time values.
    ``same``: places among the arguments that hold one list, dict or record.
    ``orders``: how many times derivatives will be taken of the result.
    ``goes_on``: Python goes on with the results, so that whose memory they share must be so, and
    they must be plain; else they have memory of their own where loops cannot say.
    ``keeps_changes``: a call that fails leaves what it has changed until then.
    """
    found = trees.flatten((arg_specs, dict(kwarg_specs or {})), is_leaf=is_spec)[0]
    seen_objects = [leaf.value if is_spec(leaf) and leaf.is_static else None for leaf in found]
    loops: frozenset[Any] = frozenset()
    refused: TracejitError | None = None
    shared_results: dict[Any, str] = {}
    results_by_value = False
    for _ in range(_RESTARTS):
        session = Session(
            getattr(fn, "__name__", "f").strip("<>"), loops, assumptions, run_time_globals
        )
        session.orders = orders
        session.results_by_value = results_by_value
        try:
            # What is known now is computed by NumPy, as silently as compiled code computes.
            with np.errstate(all="ignore"), session_scope(session), bound(seen_objects):
                return _trace(
                    session,
                    fn,
                    tuple(arg_specs),
                    dict(kwarg_specs or {}),
                    shared,
                    overlapping_globals,
                    same,
                    goes_on,
                    keeps_changes,
                )
        except Restart as restart:
            of_results = isinstance(restart, SharedResults)
            if restart.key not in loops:
                key, how = restart.key
                if how == "rolled":
                    loops -= {(key, "unroll")}
                loops |= {restart.key, *restart.also}
                shared_results |= {restart.key: str(restart)} if of_results else {}
            elif of_results and not goes_on:
                results_by_value = True
            else:
                raise refused or UnsupportedError(str(restart)) from None
        except (UnsupportedError, StructureError) as error:
            if shared_results:
                if goes_on:
                    raise UnsupportedError(next(iter(shared_results.values()))) from None
                loops, results_by_value = loops - set(shared_results), True
                shared_results = {}
                continue
            refused = refused or error
            rolled = [(key, "unroll") for key in session.kept_rolled]
            left = [key for key in rolled if key not in loops]
            lent = {key for key, _ in loops if type(key) is tuple and key[0] == "lent"}
            lent = {key for key in lent if (key, "lists") in loops}
            if left:
                loops |= {left[0]}
            elif lent:  # perhaps loops over these can be unrolled
                loops = (loops - {(key, "lists") for key in lent}) | {
                    (key, "unroll") for key in lent
                }
            else:
                raise refused from None
    raise UnsupportedError("too many loops need unrolling")


def _trace(
    session: Session,
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    shared: Sequence[Any],
    overlapping_globals: Sequence[Any],
    same: trees.Shared,
    goes_on: bool,
    keeps_changes: bool,
) -> Traced:
    leaves, in_tree = trees.flatten((args, kwargs), is_leaf=is_spec)
    count = len(leaves)
    given = [*leaves, *shared]
    types: list[ArgType] = [x if is_spec(x) else StaticArg(x, itself=True) for x in given]
    tracers = _leaf_params(session, types, _extent_params(session, types))
    static = [x.value for x in types if isinstance(x, ScalarArg | StaticArg) and x.is_static]
    objects = {k: x.value for k, x in enumerate(types) if isinstance(x, ObjectArg)}
    for value in static:
        _must_not_hold_itself(value)
    call_args, call_kwargs = trees.unflatten(in_tree, tracers[:count])
    call_args, call_kwargs = trees.map_containers(as_list, (call_args, call_kwargs))
    if same:
        call_args, call_kwargs = trees.with_shared((call_args, call_kwargs), same)
    session.overlapping_globals = {
        id(x): (x, tracers[count + k]) for k, x in enumerate(overlapping_globals)
    }
    outside = Outside(session, (call_args, call_kwargs), [*static, *objects.values()])
    session.outside = outside
    lend(session)
    outside.keeps_changes, outside.check_result = keeps_changes and not nested(), _check
    for value in static:
        outside.root(value, type(value).__name__)
    for k, value in objects.items():
        outside.argument(value, k)
    for arg in types:
        if isinstance(arg, StaticArg) and type(arg.value) is FunctionType and not arg.itself:
            outside.function(arg.value)
    outside.called(fn)
    session.first_hidden = len(types)
    ops = TraceOperators(session, fn)
    session.operators = ops
    session.entry = _trace.__code__
    result: Any = None
    try:
        result = ops.call(fn, *call_args, **call_kwargs)
    except TracejitError:
        raise
    except RecursionError as error:
        refuse_endless(raised_at(error))
    except BaseException as error:
        if not isinstance(error, Diverged) and not is_for_user(error):
            raise
        emit_raise(session, error)
    if diverged(session.frames[0].builder):
        result = None
    outside.must_be_as_met()
    _check_keys(result)
    found = [x for x in trees.flatten(result, outside.keeps)[0] if not outside.keeps(x)]
    found = [x.value if isinstance(x, MaybeUnbound) else x for x in found]
    optional = [x.value for x in found if isinstance(x, MaybeNone)]
    _check(trees.leaves_of([optional, [x for x in found if not isinstance(x, MaybeNone)]]))
    describer = Describer(outside.note_results([result, optional] if optional else result), _check)
    out_leaves, out_tree = trees.flatten(result, lambda x: isinstance(x, Range) or outside.apart(x))
    outs = describer.describe_all(list(map(bound_value, out_leaves)))
    containers = outside.container_changes(describer)
    attributes = outside.attribute_changes(describer)
    if goes_on:
        tuples = outside.holds_tuples()
        must_leave_plain(out_tree, outs, [*containers, *attributes], tuples=tuples)
    if not nested():
        outside.must_hold_nothing()
    function = _finished(session, describer.values)
    mutated = mutated_by(function)
    beyond = outside.containers_beyond()
    if outside.kept is not None:
        hidden = enumerate(session.hidden.values(), session.first_hidden)
        outside.kept.arrays = {k: h.getter for k, h in hidden if isinstance(h, CapturedArray)}
        outside.kept.beyond = beyond
    arrays = {count + k: id(x) for k, x in enumerate(overlapping_globals)}
    arrays |= {session.first_hidden + k: key for k, key in enumerate(session.hidden)}
    written = {key for number, key in arrays.items() if number in mutated}
    outside.handed.must_be_unchanged(outside.objects_changed() | written)
    return Traced(
        function,
        types,
        list(session.hidden.values()),
        outside.guards,
        outside.relations(),
        out_tree,
        outs,
        mutated,
        containers,
        attributes,
        beyond,
        ops.functions(),
        outside.kept is not None,
    )


def _must_not_hold_itself(x: Any) -> None:
    if isinstance(x, list | tuple | dict) and refers_to_itself(x):
        raise UnsupportedError(
            f"a {type(x).__name__} that holds itself cannot be an argument: pass what is in it"
        )


#: Results of which part is still to be computed.
_UNFINISHED = (GeneratorType, CoroutineType, AsyncGeneratorType, zip, map, filter, enumerate)


def _check(leaves: Sequence[Any], met: frozenset[int] = frozenset()) -> None:
    """Raise for what cannot be a result."""
    for leaf in leaves:
        if isinstance(leaf, MaybeNone | MaybeUnbound):
            _check(trees.leaves_of(leaf.value), met)
            continue
        attributes = made_attributes(leaf)
        if attributes is not None:
            if id(leaf) not in met:
                _check(trees.leaves_of(list(attributes.values())), met | {id(leaf)})
            continue
        if isinstance(leaf, str) and MARK in leaf and type(leaf) not in (str, DeferredText):
            refused = UnsupportedError(
                f"a {type(leaf).__name__} made from a traced value cannot be returned: return a "
                "str, or the value"
            )
            loc = made_at(leaf)
            if loc is not None:
                raise_at(refused, loc.filename, loc.line)
            raise refused
        if isinstance(leaf, (*_UNFINISHED, Generated)) or _is_iterator(leaf):
            kind = "generator" if isinstance(leaf, Generated) else type(leaf).__name__
            raise UnsupportedError(
                f"a {kind} cannot be returned from a compiled function, as it would go on after "
                "the call: return a list or an array"
            )
        refuse_inner(leaf)
        if is_table(leaf):
            continue
        if is_view(leaf):
            raise UnsupportedError(
                "the keys, values or items of a dict cannot be returned from a compiled function: "
                "return a list of them, list(d)"
            )
        if not isinstance(leaf, Tracer | type) and holds_traced(leaf):
            _refuse_holder(leaf)
        if isinstance(leaf, Flat):
            raise UnsupportedError(
                "x.flat cannot be returned from a compiled function: return x.ravel(), or x and "
                "take its flat outside"
            )
        if type(leaf) is RandomSource:
            raise UnsupportedError(
                "a generator of random numbers cannot be returned: make it outside and pass it"
            )
        ours = type(leaf).__module__.startswith("tracejit.trace.")
        if ours and not isinstance(leaf, Tracer | DeferredText | Range):
            kind = type(leaf).__name__.lower()
            raise UnsupportedError(f"a {kind} of traced values cannot be returned: return a list")


def _refuse_holder(leaf: Any) -> NoReturn:
    """A result that no container makes of results, with values of the call in it."""
    if isinstance(leaf, FunctionType):
        raise UnsupportedError(
            f"the function {leaf.__name__} cannot be returned, as it uses values of this call: "
            "return those, or write the function outside with a parameter for each"
        )
    kind = type(leaf).__name__
    own = hasattr(leaf, "__dict__") and not isinstance(leaf, list | dict | set | tuple)
    instead = f"make {kind} a dataclass" if own else "return a list or a dict"
    raise UnsupportedError(
        f"a {kind} object with values of this call cannot be returned: {instead}, or return the "
        "values and make the object outside"
    )


def _is_iterator(leaf: Any) -> bool:
    """Whether it is an iterator of Python's own, of which the next call would get what is left."""
    kind = type(leaf)
    return kind.__module__ in ("builtins", "itertools") and hasattr(kind, "__next__")


def _check_keys(result: Any) -> None:
    stack = list(trees.key_orders(result))
    while stack:
        key = stack.pop()
        if isinstance(key, tuple):
            stack += key
        elif isinstance(key, Tracer):
            raise UnsupportedError("a dict with traced keys cannot be returned: return pairs")


def _extent_params(session: Session, args: Sequence[ArgType]) -> dict[str, Value]:
    root = session.frames[0].builder
    found: dict[str, Value] = {}
    for arg in args:
        for d in arg.shape if isinstance(arg, ArrayArg) else ():
            if isinstance(d, SymDim) and d.name not in found:
                found[d.name] = session.ranges.extent(root.param(INDEX, d.name), d.low)
    return found


def _leaf_params(
    session: Session, args: Sequence[ArgType], extents: Mapping[str, Value]
) -> list[Any]:
    root = session.frames[0].builder
    groups: dict[int | None, Array] = {}
    tracers: list[Any] = []

    def dims(arg: ArrayArg) -> tuple[Dim, ...]:
        return tuple(extents[d.name].dim if isinstance(d, SymDim) else d or 0 for d in arg.shape)

    for k, arg in enumerate(args):
        if isinstance(arg, ArrayArg) and arg.is_parameter:
            # Each has a parameter, also where two are one array.
            param = root.param(TensorType(dtype_of(arg.dtype), dims(arg)), f"a{k}")
            if arg.alias_group is None or arg.alias_group not in groups:
                groups[arg.alias_group] = Array(argument_cell(param, arg, k))
            tracers.append(groups[arg.alias_group])
        elif isinstance(arg, ArrayArg):
            tracers.append(None)
        elif isinstance(arg, ScalarArg) and arg.is_parameter:
            tracers.append(_scalar_param(root, arg, k))
        else:
            tracers.append(arg.value)
    for k, arg in enumerate(args):
        if isinstance(arg, ArrayArg) and arg.window is not None:
            if arg.alias_group is None or arg.alias_group not in groups:
                groups[arg.alias_group] = window_on(arg, arg.window, dims(arg), tracers)
            tracers[k] = groups[arg.alias_group]
            session.windows.append((tracers[k], k))
    return tracers


def _scalar_param(root: Any, arg: ScalarArg, k: int) -> Any:
    if arg.source is not None:
        return RandomSource(arg.source, root.param(INDEX, f"a{k}"))
    param = root.param(TensorType(dtype_of(arg.dtype)), f"a{k}")
    return Scalar(param) if arg.kind is None else PyScalar(arg.kind, param)


def _finished(session: Session, results: Sequence[Value]) -> Function:
    builder = session.frames[0].builder
    free = Free(session)
    free.scan(builder, results)
    if free.values:
        raise LeakedTracerError(
            "a traced value was used outside of the trace, branch or loop that made it: it was "
            "stored in an object that outlives that; return it or use a local variable instead"
        )
    return builder.build([] if diverged(builder) else results)
