"""What functions return beside what is differentiated: texts of which the run chooses one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tracejit import (
    UnsupportedError,
    checkpoint,
    grad,
    hessian,
    jacfwd,
    jacrev,
    jit,
    jvp,
    linearize,
    value_and_grad,
    vjp,
    vmap,
)


def named(x: Any) -> Any:
    tag = "negative" if x[0] < 0 else "positive"
    return np.sum(x**2), {"tag": tag, "first": x[0]}


AUXILIARY: dict[str, Any] = {
    "grad": lambda x: grad(named, has_aux=True)(x)[1],
    "value_and_grad": lambda x: value_and_grad(named, has_aux=True)(x)[0][1],
    "vjp": lambda x: vjp(named, x, has_aux=True)[2],
    "linearize": lambda x: linearize(named, x, has_aux=True)[2],
    "jvp": lambda x: jvp(named, (x,), (x,))[0][1],
    "jacfwd": lambda x: jacfwd(named, has_aux=True)(x)[1],
    "jacrev": lambda x: jacrev(named, has_aux=True)(x)[1],
    "hessian": lambda x: hessian(named, has_aux=True)(x)[1],
    "checkpoint": lambda x: grad(checkpoint(named), has_aux=True)(x)[1],
    "shared by examples": lambda x: vmap(lambda t, y: named(y)[1], in_axes=(0, None))(x, x),
}


@pytest.mark.parametrize("found", AUXILIARY.values(), ids=AUXILIARY)
@pytest.mark.parametrize("under_jit", [False, True], ids=["alone", "jit"])
def test_texts_that_the_run_chooses_are_given_back(found: Any, under_jit: bool) -> None:
    fast = jit(found) if under_jit else found
    for first in (-1.0, 1.0):
        aux = fast(np.array([first, 2.0]))
        assert aux["tag"] == ("negative" if first < 0 else "positive")
        assert np.all(aux["first"] == first)


def test_a_text_that_differs_by_example_is_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"'neg' or 'pos'.* differs by example of vmap"):
        vmap(lambda t: "neg" if t < 0 else "pos")(np.array([1.0, -1.0]))


def test_a_text_is_no_loss() -> None:
    with pytest.raises(TypeError, match="needs a function that returns a real scalar, not a str"):
        grad(lambda x: "neg" if x[0] < 0 else "pos")(np.ones(2))
