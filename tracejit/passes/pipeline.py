"""The pipelines: tuples of passes, in the order in which they run."""

from __future__ import annotations

from tracejit.passes.algebra import algebra
from tracejit.passes.canonicalize import canonicalize
from tracejit.passes.cse import cse
from tracejit.passes.dce import dce
from tracejit.passes.fold import fold
from tracejit.passes.hoist import hoist
from tracejit.passes.masks import masks
from tracejit.passes.ranges import ranges
from tracejit.passes.rebuild import Pass
from tracejit.passes.sink import sink

#: Before rewrites: fewer instructions, the same loops.
SIMPLIFY: tuple[Pass, ...] = (canonicalize, fold, cse, dce)

#: Before lowering.
DEFAULT: tuple[Pass, ...] = (
    dce,
    canonicalize,
    fold,
    cse,
    algebra,
    masks,
    ranges,
    fold,
    canonicalize,
    algebra,
    cse,
    sink,
    hoist,
    cse,
    dce,
)

#: After a derivative was taken, of which another one may be: nothing leaves its loop, as what a
#: choice in the loop left out is known to be left out there alone (autodiff/masking.py).
REDUCE: tuple[Pass, ...] = tuple(p for p in DEFAULT if p not in (sink, hoist))
