"""Reverse-mode derivatives of test programs, with cotangents: large functions for the passes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.autodiff import vjp
from tracejit.autodiff.numeric import inexact_results
from tracejit.ir.core import Function
from tracejit.ir.interpret.interpreter import interpret


def derivative(function: Function, args: list[Any], wrt: list[int]) -> tuple[Function, list[Any]]:
    """``vjp`` and its arguments; every cotangent is one."""
    outs = inexact_results(function, interpret(function, args))
    return vjp(function, wrt), [*args, *(np.ones_like(o) for o in outs)]
