"""Makes the generated part of docs/coverage.md: each name is traced on an example and looked at."""

from __future__ import annotations

import importlib.util
import inspect
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.trace.array_api import name_table as table
from tracejit.autodiff.transform import jvp
from tracejit.errors import TracejitError
from tracejit.ir.arguments import ArrayArg
from tracejit.ir.core import Function
from tracejit.trace.array_api import METHODS, coverage
from tracejit.trace.driver import trace

#: What the examples are made of; an example is a function of those that it names.
GIVEN: dict[str, Any] = {
    "x": table.POSITIVE * 0.2 + 0.1,
    "y": table.POSITIVE[::-1] * 0.2 + 0.1,
    "v": table.LINE,
    "w": table.LINE[::-1] + 0.5,
    "a": table.SYMMETRIC,
    "c": table.SYMMETRIC + 1j,
    "n": table.COUNTS,
    "m": table.MASK,
}
#: Tried in this order where a name has no example of its own: the first that NumPy takes.
FORMS = ("{0}(x)", "{0}(a)", "{0}(v)", "{0}(x, y)", "{0}(v, w)", "{0}(n)", "{0}(n, n)", "{0}(m)")
#: Examples of names that the forms do not fit, by name.
EXAMPLES = {
    line.split("(")[0]: line
    for line in """
np.append(v, w)
np.apply_along_axis(np.sum, 0, x)
np.apply_over_axes(np.sum, x, 0)
np.arange(v[0])
np.argpartition(v, 2)
np.array_split(v, 2)
np.astype(x, "f4")
np.average(x, 0, y[:, 0])
np.bincount(n, v)
np.block([v, w])
np.broadcast_to(v, (2, 5))
np.can_cast(x, "f4")
np.choose(n, [v, v, v, v])
np.clip(x, 0.2, y)
np.column_stack([v, w])
np.compress(m[0], x, 1)
np.concatenate([v, w])
np.copyto(v, w)
np.cross(a, a)
np.delete(v, 1)
np.bartlett(n[1])
np.blackman(n[1])
np.digitize(v, [1.0, 2.0])
np.hamming(n[1])
np.hanning(n[1])
np.poly(v)
np.polyadd(v, w)
np.polysub(v, w)
np.trim_zeros(v)
np.dsplit(x.reshape(2, 3, 2), 2)
np.dstack([v, w])
np.einsum("ij,kj->ik", x, y)
np.empty(n[1])
np.expand_dims(x, 0)
np.extract(m, x)
np.eye(n[1])
np.fft.fftfreq(n[1])
np.fft.rfftfreq(n[1])
np.fill_diagonal(a, 2.0)
np.fromfunction(lambda i, j: i * v[0] + j, (2, 3))
np.fromiter(v, float)
np.full((2, 3), v[0])
np.full_like(x, v[0])
np.geomspace(v[0], w[0], 5)
np.histogram(v, 3)
np.histogram2d(v, w, 3)
np.histogram_bin_edges(v, 3)
np.histogramdd((v, w), 3)
np.hsplit(x, 2)
np.hstack([v, w])
np.identity(n[1])
np.indices((2, n[1]))
np.insert(v, 1, w[0])
np.interp(v, [0.0, 3.0, 6.0], w[:3])
np.isin(v, w)
np.ix_(n, n)
np.kaiser(5, v[0])
np.lexsort((v, w))
np.linalg.cross(a, a)
np.linalg.eig(c)
np.linalg.eigvals(c)
np.linalg.lstsq(a, a[0])
np.linalg.matrix_power(a, 3)
np.linalg.multi_dot([a, a, a])
np.linalg.solve(a, a[0])
np.linalg.tensorinv(a, 1)
np.linalg.tensorsolve(a, a[0])
np.linspace(v[0], w[0], 5)
np.logspace(v[0], w[0], 5)
np.mask_indices(3, np.triu)
np.matvec(a, a[0])
np.meshgrid(v, w)
np.min_scalar_type(x)
np.moveaxis(x, 0, 1)
np.nanpercentile(v, 30)
np.nanquantile(v, 0.3)
np.ndenumerate(x)
np.ndindex(2, 3)
np.ones(n[1])
np.pad(v, 2)
np.partition(v, 2)
np.percentile(v, 30)
np.piecewise(v, [v > 2], [lambda t: t * t, 0.0])
np.place(v, v > 2, w)
np.polydiv(v, w[:2])
np.polyfit(v, w, 2)
np.put(v, n, w)
np.put_along_axis(v, n, w, 0)
np.putmask(v, v > 2, w)
np.quantile(v, 0.3)
np.ravel_multi_index((n, n), (4, 4))
np.repeat(v, 2)
np.require(x)
np.reshape(x, (4, 3))
np.resize(v, 7)
np.result_type(x, 1.0)
np.roll(v, 2)
np.rollaxis(x, 1)
np.searchsorted(v, w)
np.select([v > 2], [v])
np.shares_memory(x, y)
np.split(v, 5)
np.stack([v, w])
np.swapaxes(x, 0, 1)
np.take(v, n)
np.take_along_axis(v, n, 0)
np.tensordot(x, y)
np.tile(v, 2)
np.trapezoid(v, w)
np.tri(n[1])
np.tril_indices(n[1])
np.triu_indices(n[1])
np.unpackbits(n.astype(np.uint8))
np.unravel_index(n, (2, 2))
np.unstack(a)
np.vecdot(x, y)
np.vecmat(a[0], a)
np.vsplit(a, 3)
np.vstack([v, w])
np.where(m, x, y)
np.zeros(n[1])
np.lib.stride_tricks.sliding_window_view(v, 2)
np.ldexp(x, 3)
np.linalg.trace(a)
np.nan_to_num(x)
np.diag_indices(n[1])
""".strip().splitlines()
}
METHOD_EXAMPLES = {
    "argpartition": "v.argpartition(2)",
    "astype": 'x.astype("f4")',
    "choose": "n.choose([v, v, v, v])",
    "clip": "x.clip(0.2, 0.5)",
    "compress": "v.compress(v > 2)",
    "dot": "a.dot(a)",
    "fill": "v.fill(w[0])",
    "item": "v.item(2)",
    "partition": "v.partition(2)",
    "put": "v.put(n, w)",
    "repeat": "v.repeat(2)",
    "reshape": "x.reshape(4, 3)",
    "searchsorted": "v.searchsorted(w)",
    "squeeze": "x.squeeze()",
    "swapaxes": "x.swapaxes(0, 1)",
    "take": "v.take(n)",
    "view": "x.view(np.int64)",
}
#: Arguments that NumPy takes and compiled code does not, where the signature does not show it.
LIMITS = {
    "np.histogram": '`bins="stone"`, complex data',
    "np.histogram_bin_edges": '`bins="stone"`, complex data',
    "np.linalg.qr": '`mode="raw"`',
    "np.pad": "`mode` as a function, `stat_length`",
    "np.std": "`dtype` of integers",
    "np.var": "`dtype` of integers",
    "np.lib.stride_tricks.sliding_window_view": "`writeable=True`",
    "np.random.default_rng": "bit generators",
    "x.view": "`type`, bool as another size",
}


def _example(forms: list[str]) -> str:
    """The first form that NumPy takes, so changed that something is computed from a view."""
    for form in forms:
        given = {k: np.copy(v) for k, v in GIVEN.items()}
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = eval(form, {"np": np, **given})
        except (TypeError, ValueError, IndexError, AttributeError):
            continue
        if _is_float(found):
            return f"2 * {form}"
        several = isinstance(found, (tuple, list)) and len(found) and _is_float(found[0])
        return f"2 * {form}[0]" if several else form
    raise AssertionError(f"no example fits: {forms}")


def _is_float(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind in "fc"


def _functions(forms: dict[str, list[str]], folder: Path) -> dict[str, Any]:
    """The examples as functions of a real file, whose source the tracer can read."""
    lines = ["import numpy as np", ""]
    for number, candidates in enumerate(forms.values()):
        example = _example(candidates)
        used = [k for k in GIVEN if re.search(rf"\b{k}\b(?!\s*=[^=])", example)]
        lines += [f"def f{number}({', '.join(used)}):", f"    return {example}", ""]
    file = folder / "coverage_examples.py"
    file.write_text("\n".join(lines))
    spec = importlib.util.spec_from_file_location("coverage_examples", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name: getattr(module, f"f{number}") for number, name in enumerate(forms)}


def _prims(function: Function) -> set[str]:
    """Names of primitives; rows that a library computes count as calls of the host."""
    found = set()
    for instr in function.instrs:
        found.add("host_call" if instr.prim.kind == "extern" else instr.name)
        for region in instr.regions:
            found |= _prims(region)
    return found


def facts(function: Any) -> tuple[str, str, str]:
    """Where an example runs, whether it has a derivative, and PTX."""
    given = [GIVEN[k] for k in inspect.signature(function).parameters]
    ir = trace(function, [ArrayArg(x.dtype, x.shape) for x in given]).function
    prims = _prims(ir)
    where = "NumPy" if "host_call" in prims else "native"
    ptx = "no" if prims & {"host_call", "print", "tape"} else "yes"
    wrt = [k for k, p in enumerate(ir.params) if p.dtype.kind in "fc"]
    changed = [i.operands[0] for i in ir.instrs if i.name == "write_back"]
    if not any(v.dtype.kind in "fc" for v in (*ir.results, *changed)) or not wrt:
        return where, "–", ptx
    try:
        jvp(ir, wrt)
    except (TypeError, TracejitError):
        return where, "no", ptx
    return where, "yes", ptx


def _row(name: str, shown: str, found: tuple[str, str, str], limits: str) -> str:
    return f"| `{name}` | {shown} | {found[0]} | {found[1]} | {found[2]} | {limits} |"


_HEADER = "| Name | Arguments | Runs | Derivative | PTX | Not |\n|---|---|---|---|---|---|"


def page(folder: Path) -> Iterator[str]:
    """The generated part, line by line."""
    functions, ufuncs, methods = coverage.functions(), coverage.ufuncs(), coverage.methods()
    forms: dict[str, list[str]] = {}
    plain = [name for name in functions if name != "np.random.default_rng"]
    for name in [*plain, *(f"np.{u}" for u in ufuncs)]:
        own = EXAMPLES.get(name)
        forms[name] = [own] if own else [form.format(name) for form in FORMS]
    for name in methods:
        own = METHOD_EXAMPLES.get(name)
        forms[f"x.{name}"] = [own] if own else [f"{g}.{name}()" for g in ("x", "a", "v")]
    made = _functions(forms, folder)
    yield "## Ufuncs\n"
    yield (
        "With `out`, `where`, `dtype`, `casting` and `signature`, and the methods `reduce`, "
        "`accumulate`, `reduceat`, `outer` and `at` where NumPy has them. Types: bool, integers, "
        "float16, float32, float64, complex64, complex128.\n"
    )
    yield "| Name | Runs | Derivative | PTX |\n|---|---|---|---|"
    for name in ufuncs:
        where, derivative, ptx = facts(made[f"np.{name}"])
        yield f"| `np.{name}` | {where} | {derivative} | {ptx} |"
    yield "\n## Functions\n"
    yield _HEADER
    for name in sorted(functions):
        implementation = functions[name]
        refused = [f"`{a}`" for a in coverage.refused_arguments(implementation)]
        limits = ", ".join([*refused, *([LIMITS[name]] if name in LIMITS else [])])
        shown = f"`{coverage.arguments(implementation)}`"
        if name == "np.random.default_rng":
            yield _row(name, shown, ("NumPy", "–", "no"), limits)
        else:
            yield _row(name, shown, facts(made[name]), limits)
    yield "\n## Array methods\n"
    yield "| Name | Runs | Derivative | PTX | Not |\n|---|---|---|---|---|"
    for name in methods:
        refused = ", ".join(f"`{a}`" for a in coverage.refused_arguments(METHODS[name]))
        where, derivative, ptx = facts(made[f"x.{name}"])
        limits = LIMITS.get(f"x.{name}", refused)
        yield f"| `x.{name}` | {where} | {derivative} | {ptx} | {limits} |"
    yield "\n## Missing\n"
    yield "Each is an error that says what to use instead.\n"
    yield "| Name | Instead |\n|---|---|"
    for name, instead in coverage.missing().items():
        yield f"| `{name}` | {instead} |"
    yield ""
