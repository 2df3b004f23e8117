"""Calls that may begin again: what a version supposed, what the call found, what is put back.

Values can decide the dtype of a result (see ``trace/session/assumptions.py``). A run that finds
another value than its version supposes ends before anything depends on it; what it wrote, drew and
printed until then is undone, and the version that supposes what was found starts from the
beginning.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from tracejit.calls.argument_types import LeafKey, ScalarKey
from tracejit.errors import UnsupportedError, raise_at
from tracejit.ir.interpret.print_effect import kept_back
from tracejit.trace.session.assumption_sets import AssumptionSite, Guesses, Supposed, Unsupposed

if TYPE_CHECKING:
    from tracejit.trace.driver import Traced

#: Times that one call may begin again.
LIMIT = 64


@dataclass
class Doubt:
    """What one call found that versions had supposed otherwise.

    ``supposed``: what its next version supposes, None to begin as the last call ended.
    """

    supposed: Supposed | None = None
    found: dict[AssumptionSite, bool] = field(default_factory=dict)

    def learn(self, wrong: Unsupposed, guesses: Guesses) -> None:
        """Suppose what a run found. UnsupportedError where a run finds both at one place."""
        site = wrong.site
        if self.found.get(site, wrong.found) is not wrong.found or len(self.found) >= LIMIT:
            _refuse(site)
        self.found[site] = wrong.found
        self.supposed = guesses.corrected(site, wrong.found)

    def only_found(self, guesses: Guesses) -> Supposed | None:
        """What to suppose when code does not compile that stands on guesses; None if none do."""
        guessed = {s for s, v in guesses.sites.items() if v is not None}
        if all(self.found.get(s) is guesses.sites[s] for s in guessed):
            return None
        return Supposed.of(None, self.found)


@dataclass
class Front:
    """Which versions for one kind of arguments are tried first: those that suppose the same.

    They give way to others that answered ``patience`` calls; each change doubles that.
    """

    supposed: Supposed
    patience: int = 8
    others: int = 0

    def answered(self, supposed: Supposed) -> bool:
        """Note what a version supposed that was found by the slow path; whether it is in front now,
        and was not before."""
        if supposed == self.supposed:
            return False
        self.others += 1
        if self.others < self.patience:
            return False
        self.supposed, self.patience, self.others = supposed, 2 * self.patience, 0
        return True


def _refuse(site: AssumptionSite) -> NoReturn:
    error = UnsupportedError(
        f"{site.what} in one part of this call and not in another, which decides a dtype: "
        f"{site.instead}"
    )
    raise_at(error, site.filename, site.line)


@dataclass(frozen=True)
class Rollback:
    """What a run may have changed before it finds that its version supposes something wrong."""

    arrays: tuple[int, ...]
    hidden: tuple[Callable[[], Any], ...]
    sources: tuple[int, ...]
    held: tuple[Any, ...]
    prints: bool

    def call(self, run: Callable[..., Any], given: Sequence[Any], leaves: Sequence[Any]) -> Any:
        """``run(*given)``; as if it had not been called where it ends with ``Unsupposed``."""
        arrays = [leaves[k] for k in self.arrays] + [find() for find in self.hidden]
        copies = [x.copy() for x in arrays]
        sources = [leaves[k] for k in self.sources] + list(self.held)
        states = [_state(source) for source in sources]
        with kept_back(self.prints, unless=Unsupposed):
            try:
                return run(*given)
            except Unsupposed:
                for x, old in zip(arrays, copies, strict=True):
                    x[...] = old
                for source, state in zip(sources, states, strict=True):
                    _set_state(source, state)
                raise


def undo_of(traced: Traced, keys: Sequence[LeafKey]) -> Rollback | None:
    """What to undo after a failed run of a version; None when there is nothing."""
    from tracejit.trace.session.assumptions import (
        effects_before,  # not before something is compiled
    )

    before = effects_before(traced.function)
    count = len(traced.leaves)
    written = sorted({i.attrs["arg"] for i in before if i.name == "write_back"})
    draws = [i.attrs["fn"] for i in before if hasattr(i.attrs.get("fn"), "held")]
    held = {id(f.held): f.held for f in draws if f.held is not None}
    sources = [k for k, key in enumerate(keys) if isinstance(key, ScalarKey) and key.source]
    undo = Rollback(
        tuple(k for k in written if k < count),
        tuple(traced.hidden_arrays()[k].getter for k in written if k >= count),
        tuple(sources) if any(f.held is None for f in draws) else (),
        tuple(held.values()),
        any(i.name == "print" for i in before),
    )
    nothing = Rollback((), (), (), (), False)
    return None if undo == nothing else undo


def _state(source: Any) -> Any:
    if isinstance(source, random.Random):
        return source.getstate()
    if isinstance(source, np.random.RandomState):
        return copy.deepcopy(source.get_state(legacy=False))
    return copy.deepcopy(source.bit_generator.state)


def _set_state(source: Any, state: Any) -> None:
    if isinstance(source, random.Random):
        source.setstate(state)
    elif isinstance(source, np.random.RandomState):
        source.set_state(state)
    else:
        source.bit_generator.state = state
