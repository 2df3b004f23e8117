"""A whole program called with cupy arrays on a device that is not there, beside NumPy.

Arrays that share memory are put on the device as one block, of which they are views. What the call
leaves and returns is brought back, and compared as any outcome is: `tests.programs.program`.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.programs.program import Arguments, Outcome, owner, position
from tests.ptx.fake_device import FakeDriver
from tracejit import trees
from tracejit.device_arrays import is_cupy_array, stand_in


def put_all(gpu: FakeDriver, tree: Any) -> Any:
    """The tree with cupy arrays for its NumPy arrays; what was one object, or shared memory, is."""
    import cupy

    owners: dict[int, tuple[Any, Any]] = {}
    made: dict[int, Any] = {}

    def put(x: Any) -> Any:
        if not isinstance(x, np.ndarray) or x.dtype.kind not in "biufc":
            return x
        if id(x) not in made:
            base = owner(x)
            if not isinstance(base, np.ndarray):
                base = x
            if id(base) not in owners:
                owners[id(base)] = base, gpu.put(base)
            _, whole = owners[id(base)]
            if base is x:
                made[id(x)] = x, whole
            else:
                offset = _address(x) - _address(base)
                view = cupy.ndarray(x.shape, x.dtype, whole.data + offset, strides=x.strides)
                made[id(x)] = x, view
        return made[id(x)][1]

    return trees.map_leaves(put, tree)


def _address(x: np.ndarray) -> int:
    return int(x.__array_interface__["data"][0])


def run_on(gpu: FakeDriver, fn: Callable[..., Any], args: Arguments, expected: Outcome) -> Outcome:
    """Call `fn` on the device; NumPy's scalars, which are arrays without axes there, come back as
    scalars where `expected` has one."""
    given = put_all(gpu, args)
    before = trees.leaves_of(given)
    raised: Exception | None = None
    value: Any = None
    printed = io.StringIO()
    try:
        with np.errstate(all="ignore"), contextlib.redirect_stdout(printed):
            value = fn(*given)
    except Exception as error:
        raised = error
    results, structure = trees.flatten(value)
    arrays = [x for x in before if is_cupy_array(x)]
    memories = [x.data.mem for x in arrays]
    found = [x for x, e in zip(results, expected.results) if is_cupy_array(x) and _is_array(e)]
    aliases = [(position(x, arrays), position(x.data.mem, memories)) for x in found]
    shared = [
        np.shares_memory(stand_in(a), stand_in(b)) for i, a in enumerate(found) for b in found[:i]
    ]

    def back(x: Any, like: Any) -> Any:
        if not is_cupy_array(x):
            return x
        host = gpu.get(x)
        return host if _is_array(like) else host[()]

    results = [back(x, e) for x, e in zip(results, [*expected.results, *[None] * len(results)])]
    after = [back(x, e) for x, e in zip(trees.leaves_of(given), expected.arguments)]
    return Outcome(results, structure, after, aliases, shared, raised, printed.getvalue())


def _is_array(x: Any) -> bool:
    return isinstance(x, np.ndarray)
