"""Gradients in float32, and values under ``stabilize=True``, of what overflows or cancels as
written: what is not right is listed here and may only become less (``docs/stability.md``)."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("mpmath")

from tests.autodiff.stability import gradient, measure, true_gradient, true_value, value
from tests.autodiff.stability_table import FAMILIES
from tracejit.passes.stable_exp import EXP_RULES, LAST_RULES
from tracejit.passes.stable_norms import NORM_RULES
from tracejit.passes.stable_series import SERIES_RULES

#: Cancellation at a point where the derivative is near 0, and tanh's own rule far out.
GRADIENTS: dict[str, dict[str, str]] = {
    "softmaxes": {"softmax * w": "inaccurate"},
    "sigmoids": {
        "logistic density": "inaccurate",
        "log logistic density": "inaccurate",
        "tanh by exps": "inaccurate",
    },
    "hyperbolics": {"sinh/cosh": "inaccurate"},
    "powers": {"log(a*b)": "nan"},
}
VALUES: dict[str, dict[str, str]] = {
    "quotients": {"1 - cos x": "inaccurate"},
    "powers": {"log(a*b)": "nan"},
}
PAGE = Path(__file__).resolve().parents[2] / "docs" / "stability.md"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.__name__)
def test_gradients(family: object) -> None:
    left = measure(family, gradient, true_gradient)
    assert left == GRADIENTS.get(family.__name__, {})  # type: ignore[attr-defined]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.__name__)
def test_values(family: object) -> None:
    left = measure(family, value, true_value)
    assert left == VALUES.get(family.__name__, {})  # type: ignore[attr-defined]


def test_the_page_has_the_numbers_and_the_rules() -> None:
    import numpy

    page = PAGE.read_text()
    for family in FAMILIES:
        left = GRADIENTS.get(family.__name__, {})
        row = f"| {len(family(numpy))} | {list(left.values()).count('nan')} |"
        assert row in page, (family.__name__, row)
        assert all(name in page for name in left)
    rules = {
        r for t in (EXP_RULES, LAST_RULES, NORM_RULES, SERIES_RULES) for g in t.values() for r in g
    }
    assert all(f"`{rule.__name__}`" in page for rule in rules), [
        r.__name__ for r in rules if f"`{r.__name__}`" not in page
    ]
