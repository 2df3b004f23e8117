"""argmin, argmax and their nan-ignoring forms."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracejit.dtypes import is_inexact
from tracejit.ir import extent as ex
from tracejit.trace.array_api.creation import asarray
from tracejit.trace.array_api.delivery import deliver
from tracejit.trace.array_api.names import covers
from tracejit.trace.array_api.operands import axes_of, axis_of, builder, check_dim, value_of
from tracejit.trace.array_api.reductions import NO_VALUE, kept
from tracejit.trace.session.session import current


def _arg_extremum(name: str) -> Any:
    def find(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = NO_VALUE) -> Any:
        b, x = builder(), value_of(a)
        rank = x.rank
        if axis is None or not rank:
            axes_of(axis, rank)
            x, k = b.reshape(x, (ex.product(x.shape),)), 0
            axes = tuple(range(rank))
        else:
            k = axis_of(axis, rank)
            axes = (k,)
        if not current().ranges.at_least(x.shape[k], 1):
            check_dim(
                "ge", x.shape[k], 1, "ValueError", f"attempt to get {name} of an empty sequence"
            )
        found = b.op(name, x, axis=k)
        return deliver(kept(found, axes, keepdims), out)

    return find


argmin = covers(np.argmin, method=True)(_arg_extremum("argmin"))
argmax = covers(np.argmax, method=True)(_arg_extremum("argmax"))


def _nan_arg(find: Any, worst: float) -> Any:
    def nan_find(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = NO_VALUE) -> Any:
        a = asarray(a)
        if is_inexact(a.dtype):
            missing = np.isnan(a)
            something = value_of((~np.all(missing, axis)).all())
            current().check(something, "ValueError", "All-NaN slice encountered")
            a = np.where(missing, a.dtype.type(worst), a)
        return find(a, axis, out, keepdims=keepdims)

    return nan_find


covers(np.nanargmin)(_nan_arg(argmin, np.inf))
covers(np.nanargmax)(_nan_arg(argmax, -np.inf))
