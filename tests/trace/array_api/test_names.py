"""The tables: parameters are NumPy's own, and the coverage page can be made."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from tracejit.trace.array_api import METHODS, NAMES
from tracejit.trace.array_api.coverage import refused

FUNCTIONS = [
    f for f in NAMES if inspect.isfunction(f) or type(f).__name__ == "_ArrayFunctionDispatcher"
]


#: Parameters that NumPy had deprecated, and took away in 2.4.
REMOVED = {"corrcoef": {"bias", "ddof"}} | {
    name: {"interpolation"} for name in ("quantile", "percentile", "nanquantile", "nanpercentile")
}


def _positional(signature: inspect.Signature) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [n for n, p in signature.parameters.items() if p.kind in kinds]


def _theirs(function: object) -> inspect.Signature:
    found = inspect.signature(function)  # type: ignore[arg-type]
    removed = REMOVED.get(getattr(function, "__name__", ""), set())
    return found.replace(parameters=[p for p in found.parameters.values() if p.name not in removed])


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_parameters_are_numpys(function: object) -> None:
    implementation = NAMES[function]
    if refused(implementation):
        pytest.skip("refused whole")
    try:
        theirs = _theirs(function)
    except ValueError:
        pytest.skip("NumPy does not tell")
    ours = inspect.signature(implementation)
    if any(p.kind is p.VAR_POSITIONAL for p in ours.parameters.values()):
        pytest.skip("takes any positional arguments")
    positional, own = _positional(theirs), _positional(ours)
    assert own[: len(positional)] == positional
    missing = [
        n
        for n, p in theirs.parameters.items()
        if n not in ours.parameters
        and p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)
        and not any(q.kind is q.VAR_KEYWORD for q in ours.parameters.values())
    ]
    assert not missing


def test_methods_are_numpys() -> None:
    assert all(hasattr(np.ndarray, name) for name in METHODS)
