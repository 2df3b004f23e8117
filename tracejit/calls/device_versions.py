"""Versions that run on a GPU: which ones do, and what their results become."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.calls.epilogue import Epilogue
from tracejit.calls.versions import Request
from tracejit.device import transfers
from tracejit.device.driver import Driver, driver
from tracejit.device_arrays import device_of, is_cupy_array
from tracejit.errors import throw
from tracejit.ir.arguments import ArrayArg
from tracejit.ir.program import Program
from tracejit.ir.results import ArgOut, ArrayOut, PythonOut, SameOut, ScalarOut, StaticOut
from tracejit.lower.numbers_in_memory import numbers_in_memory
from tracejit.trace.guards.paths import GlobalVariable, as_path
from tracejit.trace.traced import Traced


class DeviceBoxes:
    """Results as cupy has them: NumPy scalars are arrays without axes."""

    def __init__(self, of: Driver) -> None:
        self._driver = of

    def array(self, x: Any) -> Any:
        return x if is_cupy_array(x) else self.scalar(x)

    def scalar(self, x: Any) -> Any:
        return x if is_cupy_array(x) else transfers.scalar(self._driver, x)

    def items(self, x: Any) -> np.ndarray[Any, Any]:
        return transfers.host(self._driver, x)


def boxes_of(device: int | None) -> DeviceBoxes | None:
    """What results become on a device; None for the CPU."""
    return None if device is None else DeviceBoxes(driver())


def on_device(traced: Traced, program: Program) -> Program:
    """The Program with numbers that become arrays left on the device, where nothing else is made of
    them."""
    kinds = (ArrayOut, ScalarOut, PythonOut, ArgOut, StaticOut, SameOut)
    if not all(isinstance(out, kinds) for out in traced.outs) or Epilogue(traced).needs_call:
        return program
    numbers = {out.index for out in traced.outs if isinstance(out, PythonOut)}
    arrays = {out.index for out in traced.outs if isinstance(out, ArrayOut | ScalarOut)}
    return numbers_in_memory(program, arrays - numbers)


def device_of_version(request: Request, traced: Traced) -> int | None:
    """The GPU that a version is for: that of the call, or of arrays found outside.

    TypeError: arrays are in several places.
    """
    hidden = traced.hidden_arrays()
    arrays = {k: h.array for k, h in hidden.items() if h.array is not None}
    found = {k: device for k, x in arrays.items() if (device := device_of(x)) is not None}
    if not found:
        return request.device
    k, device = next(iter(found.items()))
    name = outside_name(traced, k)
    if request.device is None and any(isinstance(arg, ArrayArg) for arg in request.args):
        throw(
            TypeError(
                f"{name} is on GPU {device}, and arguments are NumPy arrays: "
                "pass them as cupy.asarray(x)"
            )
        )
    if {*found.values()} - {device if request.device is None else request.device}:
        throw(TypeError(f"{name} is on another GPU than the arguments: a call runs on one GPU"))
    return device


def outside_name(traced: Traced, k: int) -> str:
    """What argument array k is called, one that the function finds outside."""
    hidden = traced.hidden_arrays().get(k)
    path = None if hidden is None else as_path(hidden.held or hidden.getter)
    if path is not None and isinstance(path.start, GlobalVariable) and not path.steps:
        return path.start.name
    return "an array that the function finds outside"
