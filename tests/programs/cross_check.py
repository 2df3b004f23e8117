"""The ways to run a function that must agree, each with its outcome beside NumPy's.

Native code as `jit` makes it; the IR interpreter on the traced function; the Program interpreter on
what was lowered, which checks every access to memory; and native code without passes at level 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from unittest import mock

import numpy as np

from tests.programs.program import Outcome, run
from tests.trace.running import Execute, call_traced
from tracejit import jit, trees
from tracejit.calls import compiler
from tracejit.ir.interpret.program_interpreter import interpret_program
from tracejit.trace.session.assumption_sets import AssumptionFailed

Way = tuple[str, Outcome, Outcome]


def outcomes(
    function: Callable[..., Any],
    makers: Sequence[Callable[[], tuple[Any, ...]]],
    policy: str = "auto",
    unoptimised: bool = True,
    level: int | None = None,
) -> Iterator[Way]:
    """The name of a way, its outcome and NumPy's, way after way; the last only if `unoptimised`.

    `makers` make arguments of one kind: all are called natively, the first also in the other ways.
    `level`: how much LLVM optimises native code.
    """
    wanted = [run(function, make()) for make in makers]
    fast = jit(function, shapes=policy, opt_level=level)
    for make, want in zip(makers, wanted, strict=True):
        yield "native", run(fast, make()), want
    made = _answering(fast, makers[0]())
    if made is not None:
        for way, execute in (("interpreter", None), ("lowered", lowered(made))):

            def call(*args: Any, execute: Execute | None = execute) -> Any:
                bound, kwargs = fast._dispatcher.bind(args, {})
                return call_traced(made.traced, bound, execute, kwargs)

            yield way, run(call, makers[0]()), wanted[0]
    if unoptimised:
        yield "plain", run(plain(function, policy), makers[0]()), wanted[0]


def _answering(fast: Any, args: tuple[Any, ...]) -> Any:
    """The artefacts of the first version that assumes of values what is so in a call."""
    for version in fast._dispatcher.versions():
        bound, kwargs = fast._dispatcher.bind(args, {})
        if not version.assumptions.sites:
            return version.artefacts
        try:
            call_traced(version.artefacts.traced, trees.map_leaves(_copied, bound), None, kwargs)
        except AssumptionFailed:
            continue
        except Exception:  # as the program may end: what matters is that it was not the first
            return version.artefacts
        return version.artefacts
    return None


def _copied(x: Any) -> Any:
    return x.copy() if isinstance(x, np.ndarray) else x


def lowered(made: Any) -> Execute:
    """Runs a version's Program in the interpreter of Programs, which writes arguments itself."""
    return lambda values, write_back: interpret_program(made.program, values)


def plain(function: Callable[..., Any], policy: str = "auto") -> Callable[..., Any]:
    """The function compiled without passes, at optimisation level 0."""
    slow = jit(function, opt_level=0, shapes=policy)

    def call(*args: Any) -> Any:
        with mock.patch.object(compiler, "simplify", lambda function, **_: function):
            return slow(*args)

    return call
