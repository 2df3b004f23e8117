"""Calls that may begin again: what a version assumed, what the call found, what is put back.

Values can decide the dtype of a result (see ``trace/session/assumptions.py``). A run that finds
another value than its version assumes ends before anything depends on it; what it wrote, drew and
printed until then is undone, and the version that assumes what was found starts from the
beginning.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from tracejit import abi
from tracejit.errors import UnsupportedError, raise_at
from tracejit.ir.arguments import ScalarArg
from tracejit.records import dataclass
from tracejit.trace.session.assumption_sets import (
    AssumptionFailed,
    AssumptionSet,
    AssumptionSite,
    TraceAssumptions,
)

if TYPE_CHECKING:
    from tracejit.trace.traced import Traced

#: Times that one call may begin again.
LIMIT = 64


@dataclass
class DeoptState:
    """What one call found that versions had assumed otherwise.

    ``assumed``: what its next version assumes, None to begin as the last call ended.
    """

    assumed: AssumptionSet | None = None
    found: dict[AssumptionSite, bool] = field(default_factory=dict)

    def learn(self, wrong: AssumptionFailed, assumptions: TraceAssumptions) -> None:
        """Assume what a run found. UnsupportedError where a run finds both at one place."""
        site = wrong.site
        if self.found.get(site, wrong.found) is not wrong.found or len(self.found) >= LIMIT:
            _refuse(site)
        self.found[site] = wrong.found
        self.assumed = assumptions.corrected(site, wrong.found)

    def only_found(self, assumptions: TraceAssumptions) -> AssumptionSet | None:
        """What to assume when code does not compile that rests on assumptions; None if none."""
        assumed = {s for s, v in assumptions.sites.items() if v is not None}
        if all(self.found.get(s) is assumptions.sites[s] for s in assumed):
            return None
        return AssumptionSet.of(None, self.found)


@dataclass
class ActiveSet:
    """Which versions for one kind of arguments are tried first: those that assume the same.

    They give way to others that answered ``patience`` calls; each change doubles that.
    """

    assumed: AssumptionSet
    patience: int = 8
    others: int = 0

    def answered(self, assumed: AssumptionSet) -> bool:
        """Note what a version assumed that was found by the slow path; whether it is in front now,
        and was not before."""
        if assumed == self.assumed:
            return False
        self.others += 1
        if self.others < self.patience:
            return False
        self.assumed, self.patience, self.others = assumed, 2 * self.patience, 0
        return True


def _refuse(site: AssumptionSite) -> NoReturn:
    error = UnsupportedError(
        f"{site.what} in one part of this call and not in another, which decides a dtype: "
        f"{site.instead}"
    )
    raise_at(error, site.filename, site.line)


def rollback_of(traced: Traced) -> abi.Rollback | None:
    """What to put back after a run that finds that its version assumes something wrong; None when
    there is nothing."""
    from tracejit.trace.session.assumptions import (
        effects_before,  # not before something is compiled
    )

    before = effects_before(traced.function)
    written = sorted({i.attrs["arg"] for i in before if i.name == "write_back"})
    draws = [i.attrs["fn"] for i in before if hasattr(i.attrs.get("fn"), "held")]
    held = list({id(f.held): f.held for f in draws if f.held is not None}.values())
    sources = [k for k, x in enumerate(traced.args) if isinstance(x, ScalarArg) and x.source]
    if all(f.held is not None for f in draws):
        sources = []
    if not (written or held or sources):
        return None

    def save(*found: Any) -> list[tuple[Any, Any]]:
        return [(x, _state(x)) for x in (*found, *held)]

    return abi.Rollback((*written, *sources), save, _restore)


def prints_before(traced: Traced) -> bool:
    """Whether a run may print before it finds that its version assumes something wrong."""
    from tracejit.trace.session.assumptions import effects_before

    return any(i.name == "print" for i in effects_before(traced.function))


def _restore(saved: Sequence[tuple[Any, Any]]) -> None:
    for x, state in saved:
        _set_state(x, state)


def _state(source: Any) -> Any:
    if isinstance(source, np.ndarray):
        return source.copy()
    if isinstance(source, random.Random):
        return source.getstate()
    if isinstance(source, np.random.RandomState):
        return copy.deepcopy(source.get_state(legacy=False))
    return copy.deepcopy(source.bit_generator.state)


def _set_state(source: Any, state: Any) -> None:
    if isinstance(source, np.ndarray):
        source[...] = state
    elif isinstance(source, random.Random):
        source.setstate(state)
    elif isinstance(source, np.random.RandomState):
        source.set_state(state)
    else:
        source.bit_generator.state = state
