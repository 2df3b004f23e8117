"""Loops, branches and calls: the rows of ``RegionRules``."""

from __future__ import annotations

from tracejit.autodiff.batching import Batcher
from tracejit.autodiff.branches import linearize_branch
from tracejit.autodiff.calls import active_call, forward_call, linear_call, linearize_call
from tracejit.autodiff.forward import Forward
from tracejit.autodiff.linearity import linear_branch, linear_loop
from tracejit.autodiff.loops import linearize_loop
from tracejit.autodiff.recursions import (
    active_recursion,
    forward_recursion,
    linear_recursion,
    linearize_recursion,
    spread_recursion,
)
from tracejit.autodiff.region_rules import REGION_RULES, RegionRules
from tracejit.autodiff.spread import spread_branch, spread_call, spread_loop
from tracejit.autodiff.tangents import active_branch, active_carried

_LOOP = RegionRules(
    active=active_carried,
    linear=linear_loop,
    spread=spread_loop,
    batch=Batcher.loop,
    forward=Forward.loop,
    linearize=linearize_loop,
)
REGION_RULES["for"] = REGION_RULES["while"] = _LOOP
REGION_RULES["cond"] = RegionRules(
    active=active_branch,
    linear=linear_branch,
    spread=spread_branch,
    batch=Batcher.branch,
    forward=Forward.branch,
    linearize=linearize_branch,
)
REGION_RULES["call"] = RegionRules(
    active=active_call,
    linear=linear_call,
    spread=spread_call,
    batch=Batcher.call,
    forward=forward_call,
    linearize=linearize_call,
)
REGION_RULES["recursion"] = RegionRules(
    active=active_recursion,
    linear=linear_recursion,
    spread=spread_recursion,
    batch=lambda batcher, instr, operands, flags: None,
    forward=forward_recursion,
    linearize=linearize_recursion,
)
