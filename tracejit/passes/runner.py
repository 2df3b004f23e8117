"""Runs a pipeline: verifies and dumps after each pass, and finds the pass that changed a result.

``TRACEJIT_VERIFY=1`` verifies. ``TRACEJIT_DUMP=trace,grad,cse,...|all`` prints the IR after those
stages and passes to stderr, or to files in ``TRACEJIT_DUMP_DIR``: the same bytes in every run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tracejit.dtypes import is_complex, is_inexact
from tracejit.ir.core import Function
from tracejit.ir.interpret.interpreter import interpret
from tracejit.ir.printer import format_function
from tracejit.ir.verifier import VerifyError
from tracejit.ir.verifier import verify as verify_function
from tracejit.passes.rebuild import Pass


class PassError(Exception):
    """A pass broke an invariant or changed what a function computes; the message names it."""


def run(
    function: Function,
    pipeline: Sequence[Pass],
    *,
    verify: bool | None = None,
    dump: Callable[[str, Function], None] | None = None,
    inputs: Sequence[Any] | None = None,
) -> Function:
    """Run the passes in order.

    ``verify`` (default: ``TRACEJIT_VERIFY``) checks the invariants after each; ``dump`` (default:
    as ``TRACEJIT_DUMP`` says) sees the function after each. With ``inputs`` the function is
    interpreted before and after each pass. Raises PassError naming the pass that is at fault.
    """
    verify = os.environ.get("TRACEJIT_VERIFY", "") not in ("", "0") if verify is None else verify
    dump = dump_stage if dump is None else dump
    want = None if inputs is None else outcome(function, inputs)
    for each in pipeline:
        before, function = function, each(function)
        dump(each.__name__, function)
        if verify:
            _verified(each, before, function)
        if inputs is not None and outcome(function, inputs) != want:
            _blame(each, "changed what the function computes", before, function)
    return function


def _verified(each: Pass, before: Function, after: Function) -> None:
    try:
        verify_function(after)
    except VerifyError as error:
        _blame(each, f"broke an invariant: {error}", before, after)


def _blame(each: Pass, what: str, before: Function, after: Function) -> None:
    raise PassError(
        f"pass {each.__name__} {what}\nbefore:\n{format_function(before)}"
        f"after:\n{format_function(after)}"
    )


def outcome(function: Function, inputs: Sequence[Any]) -> tuple[Any, ...]:
    """All that a call shows: results bit for bit, or its exception, and the arrays it leaves.

    Every nan counts as the same, because passes keep that a value is nan but not its payload.
    """
    left: dict[int, Any] = {}

    def write_back(k: int, array: Any) -> None:
        left[k] = bits(array)

    try:
        got: tuple[Any, ...] = tuple(map(bits, interpret(function, inputs, write_back=write_back)))
    except Exception as error:
        if isinstance(error, AssertionError):
            raise
        got = (type(error).__name__, str(error))
    return (*got, tuple(sorted(left.items())))


def bits(array: Any) -> tuple[str, tuple[int, ...], bytes]:
    array = np.array(array, order="C")
    if is_inexact(array.dtype):
        parts = array.reshape(-1).view(
            f"f{array.dtype.itemsize // (1 + (is_complex(array.dtype)))}"
        )
        parts[np.isnan(parts)] = np.nan
    return array.dtype.str, array.shape, array.tobytes()


def dump_stage(stage: str, function: Function) -> None:
    """Show a function after ``stage`` when the environment asks for it."""
    asked = os.environ.get("TRACEJIT_DUMP", "")
    if not asked or not {"all", stage} & set(asked.split(",")):
        return
    dump_text(stage, function.name, format_function(function))


def dump_text(stage: str, name: str, text: str) -> None:
    """Write one dump: to stderr, or to the next file ``NAME.NN.STAGE.ir`` of the directory."""
    folder = os.environ.get("TRACEJIT_DUMP_DIR")
    if not folder:
        print(f"; {stage}\n{text}", file=sys.stderr, end="")
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    number = len(list(Path(folder).glob(f"{name}.*.ir")))
    (Path(folder) / f"{name}.{number:02d}.{stage}.ir").write_text(text)
