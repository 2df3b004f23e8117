"""Which C function draws what a method of a generator draws, and for which parameters it may.

Parameters that a row does not allow are left to NumPy, which raises its error or knows what to do;
a row may allow fewer than NumPy does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import numpy as np

from tracejit.records import dataclass

Allowed: TypeAlias = Literal[
    "any", "positive", "not negative", "probability", "some probability", "less than 1", "over 1",
    "mean", "likely", "small", "few",
]  # fmt: skip
#: Comparisons that must all hold, as `fcmp` names them; "sign": the sign bit is clear, as NumPy
#: refuses a scale of -0.0. Limits are below NumPy's.
CONDITIONS: Mapping[str, tuple[tuple[str, float], ...]] = {
    "any": (),
    "positive": (("ogt", 0.0),),
    "not negative": (("sign", 0.0),),
    "probability": (("oge", 0.0), ("ole", 1.0)),
    "some probability": (("ogt", 0.0), ("ole", 1.0)),
    "less than 1": (("oge", 0.0), ("olt", 1.0)),
    "over 1": (("ogt", 1.0),),
    "mean": (("oge", 0.0), ("ole", 1e18)),
    "likely": (("oge", 0.5), ("ole", 1.0)),
    "small": (("ogt", 0.0), ("ole", 1e6)),
    "few": (("oge", 0.0), ("ole", 5e8)),
}


@dataclass(frozen=True)
class Param:
    """A parameter of a method, in the order of the C function."""

    name: str
    allowed: Allowed = "any"
    default: float | None = None
    dtype: str = "f8"


@dataclass(frozen=True)
class Distribution:
    """`result function(interface, *params)`; with `fills`, `void function(interface, n, out)`,
    and `one`, which gives one number, where there is such a function.

    `legacy`: a function of `legacy_draws_text`, which gets the `aug_bitgen_t` instead. `extra`: a
    rule about all parameters, by name (see `lower_draws`). `options`: arguments that must be these.
    """

    function: str
    params: tuple[Param, ...] = ()
    result: str = "f8"
    fills: bool = False
    one: str = ""
    legacy: bool = False
    extra: str = ""
    options: tuple[tuple[str, object], ...] = ()


def _filling(name: str, result: str = "f8") -> Distribution:
    """A distribution of which NumPy exports a function for one number and one for many."""
    end = "_f" if result == "f4" else ""
    return Distribution(f"{name}_fill{end}", (), result, fills=True, one=f"{name}{end}")


_LOC, _SCALE = Param("loc", default=0.0), Param("scale", "not negative", 1.0)
_MEAN, _SIGMA = Param("mean", default=0.0), Param("sigma", "not negative", 1.0)
_A = Param("a", "positive")
_UNIFORM = Distribution(
    "random_uniform", (Param("low", default=0.0), Param("high", default=1.0)), extra="range"
)
_BOTH: dict[str, Distribution] = {
    "uniform": _UNIFORM,
    "laplace": Distribution("random_laplace", (_LOC, _SCALE)),
    "gumbel": Distribution("random_gumbel", (_LOC, _SCALE)),
    "logistic": Distribution("random_logistic", (_LOC, _SCALE)),
    "triangular": Distribution(
        "random_triangular", (Param("left"), Param("mode"), Param("right")), extra="ascending"
    ),
    "poisson": Distribution("random_poisson", (Param("lam", "mean", 1.0),), "i8"),
}
_GENERATOR: dict[str, Distribution] = {
    **_BOTH,
    "random": _filling("random_standard_uniform"),
    "standard_normal": _filling("random_standard_normal"),
    "standard_exponential": _filling("random_standard_exponential"),
    "normal": Distribution("random_normal", (_LOC, _SCALE)),
    "lognormal": Distribution("random_lognormal", (_MEAN, _SIGMA)),
    "exponential": Distribution("random_exponential", (_SCALE,)),
    "standard_gamma": Distribution("random_standard_gamma", (Param("shape", "not negative"),)),
    "gamma": Distribution("random_gamma", (Param("shape", "not negative"), _SCALE)),
    "beta": Distribution("random_beta", (_A, Param("b", "positive"))),
    "chisquare": Distribution("random_chisquare", (Param("df", "positive"),)),
    "noncentral_chisquare": Distribution(
        "random_noncentral_chisquare", (Param("df", "positive"), Param("nonc", "not negative"))
    ),
    "f": Distribution("random_f", (Param("dfnum", "positive"), Param("dfden", "positive"))),
    "noncentral_f": Distribution(
        "random_noncentral_f",
        (Param("dfnum", "positive"), Param("dfden", "positive"), Param("nonc", "not negative")),
    ),
    "standard_cauchy": Distribution("random_standard_cauchy"),
    "standard_t": Distribution("random_standard_t", (Param("df", "positive"),)),
    "vonmises": Distribution("random_vonmises", (Param("mu"), Param("kappa", "not negative"))),
    "pareto": Distribution("random_pareto", (_A,)),
    "weibull": Distribution("random_weibull", (Param("a", "not negative"),)),
    "power": Distribution("random_power", (_A,)),
    "rayleigh": Distribution("random_rayleigh", (_SCALE,)),
    "wald": Distribution("random_wald", (Param("mean", "positive"), Param("scale", "positive"))),
    "binomial": Distribution(
        "random_binomial",
        (Param("p", "probability"), Param("n", "not negative", dtype="i8")),
        "i8",
        extra="kept",
    ),
    "negative_binomial": Distribution(
        "random_negative_binomial", (Param("n", "small"), Param("p", "likely")), "i8"
    ),
    "zipf": Distribution("random_zipf", (Param("a", "over 1"),), "i8"),
    "geometric": Distribution("random_geometric", (Param("p", "some probability"),), "i8"),
    "logseries": Distribution("random_logseries", (Param("p", "less than 1"),), "i8"),
    "hypergeometric": Distribution(
        "random_hypergeometric",
        tuple(Param(name, "few", dtype="i8") for name in ("ngood", "nbad", "nsample")),
        "i8",
        extra="enough",
    ),
}
#: Other forms of the methods above: a method, the dtype of its results, what else is asked for.
_SINGLE: dict[str, Distribution] = {
    "random": _filling("random_standard_uniform", "f4"),
    "standard_normal": _filling("random_standard_normal", "f4"),
    "standard_exponential": _filling("random_standard_exponential", "f4"),
    "standard_gamma": Distribution(
        "random_standard_gamma_f", (Param("shape", "not negative", dtype="f4"),), "f4"
    ),
}
_INVERTED = {
    "f8": Distribution("random_standard_exponential_inv_fill", fills=True),
    "f4": Distribution("random_standard_exponential_inv_fill_f", result="f4", fills=True),
}
_LEGACY: dict[str, Distribution] = {
    **_BOTH,
    "random": _GENERATOR["random"],
    "random_sample": _GENERATOR["random"],
    "standard_normal": Distribution("gauss", legacy=True),
    "normal": Distribution("normal", (_LOC, _SCALE), legacy=True),
    "lognormal": Distribution("lognormal", (_MEAN, _SIGMA), legacy=True),
    "standard_exponential": Distribution("standard_exponential", legacy=True),
    "exponential": Distribution("exponential", (_SCALE,), legacy=True),
    "standard_gamma": Distribution("standard_gamma", (Param("shape", "positive"),), legacy=True),
    "gamma": Distribution("gamma", (Param("shape", "positive"), _SCALE), legacy=True),
    "chisquare": Distribution("chisquare", (Param("df", "positive"),), legacy=True),
    "pareto": Distribution("pareto", (_A,), legacy=True),
    "weibull": Distribution("weibull", (_A,), legacy=True),
    "power": Distribution("power", (_A,), legacy=True),
    "geometric": Distribution("random_geometric_search", (Param("p", "likely"),), "i8"),
}


def distribution_of(
    kind: type, method: str, dtype: str, options: Mapping[str, object]
) -> Distribution | None:
    """The row of a method whose results have this dtype; None where there is none."""
    if kind is np.random.RandomState:
        return _LEGACY.get(method)
    if kind is not np.random.Generator:
        return None
    if method == "standard_exponential" and options.get("method", "zig") != "zig":
        return _INVERTED.get(dtype) if options["method"] == "inv" else None
    return _SINGLE.get(method) if dtype == "f4" else _GENERATOR.get(method)
