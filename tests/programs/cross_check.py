"""The ways to run a function that must agree, each with its outcome beside NumPy's.

Native code as `jit` makes it; the IR interpreter on the traced function; the Program interpreter on
what was lowered, which checks every access to memory; and native code without passes at level 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from unittest import mock

from tests.programs.program import Outcome, run
from tests.trace.running import call_traced
from tracejit import compiler, jit
from tracejit.ir.program_interpreter import interpret_program

Way = tuple[str, Outcome, Outcome]


def outcomes(
    function: Callable[..., Any],
    makers: Sequence[Callable[[], tuple[Any, ...]]],
    policy: str = "auto",
) -> Iterator[Way]:
    """The name of a way, its outcome and NumPy's, way after way.

    `makers` make arguments of one kind: all are called natively, the first also in the other ways.
    """
    wanted = [run(function, make()) for make in makers]
    fast = jit(function, shapes=policy)
    for make, want in zip(makers, wanted, strict=True):
        yield "native", run(fast, make()), want
    versions = fast._dispatcher.versions()
    if versions:
        made = versions[0].artefacts
        yield (
            "interpreter",
            run(lambda *args: call_traced(made.traced, args), makers[0]()),
            wanted[0],
        )
        yield "lowered", run(lambda *args: call_lowered(made, args), makers[0]()), wanted[0]
    yield "plain", run(plain(function, policy), makers[0]()), wanted[0]


def call_lowered(made: Any, args: Sequence[Any]) -> Any:
    """Call a version through the Program interpreter."""
    return call_traced(
        made.traced, args, lambda values, write_back: interpret_program(made.program, values)
    )


def plain(function: Callable[..., Any], policy: str = "auto") -> Callable[..., Any]:
    """The function compiled without passes, at optimisation level 0."""
    slow = jit(function, opt_level=0, shapes=policy)

    def call(*args: Any) -> Any:
        with mock.patch.object(compiler, "simplify", lambda function, **_: function):
            return slow(*args)

    return call
