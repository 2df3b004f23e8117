"""Settings for all tests: a first call compiles, so Hypothesis must not time single examples.

Examples are the same in every run; `TRACEJIT_FUZZ_RANDOM=1` takes others. Object code is kept in
`build/`, where both processes of a run and the next run find it: half of a compilation is LLVM's.

Rooms that say what is traced, called, refused and derived have LLVM optimise nothing: what it does
is the matter of ops, programs, fuzz and code generation, but for what is marked `unoptimised`.
`TRACEJIT_OPT_LEVEL=3` optimises all.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("TRACEJIT_CACHE_DIR", str(Path(__file__).parents[1] / "build" / "objects"))
os.environ.setdefault("TRACEJIT_CACHE_SIZE", "2048")
# What is tested is that programs are traced and compiled: tests of stored versions switch them on.
os.environ.setdefault("TRACEJIT_CACHE_VERSIONS", "0")

SAME = not os.environ.get("TRACEJIT_FUZZ_RANDOM")
settings.register_profile(
    "tracejit",
    deadline=None,
    print_blob=True,
    derandomize=SAME,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tracejit")


_ROOT = Path(__file__).parent
_UNOPTIMISED = frozenset(
    ["autodiff", "calls", "mistakes", "numba_compat", "passes", "trace", "transforms"]
)
_LEVEL = os.environ.get("TRACEJIT_OPT_LEVEL")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """The level of optimisation of the test's room, unless the environment said one for all."""
    if _LEVEL is None:
        room = item.path.relative_to(_ROOT).parts[0]
        plain = room in _UNOPTIMISED or item.get_closest_marker("unoptimised") is not None
        os.environ["TRACEJIT_OPT_LEVEL"] = "0" if plain else "3"


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """Garbage is not looked for among the tests themselves: they stay to the end."""
    gc.disable()
    try:
        yield
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--bless` rewrites golden files to what the passes do now; review the difference."""
    parser.addoption("--bless", action="store_true", help="rewrite tests/golden")
