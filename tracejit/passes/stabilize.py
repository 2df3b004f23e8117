"""Stabilising rewrites: the same real function, computed without cancellation or overflow.

They change bits, so they run on what autodiff made (``only``), and on everything under
``jit(stabilize=True)``. Each rule says where it holds; all are for real floating values.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.extent import Dim
from tracejit.passes.rebuild import Rebuild

Some = Callable[[Dim], bool]
_PRODUCT_DEPTH = 3


def is_positive(dim: Dim) -> bool:
    """Whether an extent is a number that is not zero."""
    return isinstance(dim, int) and dim > 0


class Stable(Rebuild):
    """A body under construction that knows which extents are not zero."""

    def __init__(self, function: Function, some: Some) -> None:
        super().__init__(function)
        self.some = some


Rule = Callable[[Stable, Instr], Value | None]


def stabilize(
    function: Function, only: Collection[Value] | None = None, some: Some = is_positive
) -> Function:
    """Rewrite the instructions that make a value in ``only`` (None: all), in regions too.

    ``some``: whether an extent is known not to be zero. The same function where no rule applies.
    """
    re = Stable(function, some)
    changed = False
    for instr in function.instrs:
        now = re.renamed(instr)
        if now.regions:
            regions = tuple(stabilize(r, only) for r in now.regions)
            changed |= any(a is not b for a, b in zip(regions, now.regions, strict=True))
            re.emit(instr, re.with_regions(now, regions))
            continue
        by = None
        if only is None or (instr.results and instr.results[0] in only):
            by = _rewritten(re, now)
        if by is not None and re.fits(instr.results[0], by):
            re.replace(instr.results[0], by)
            changed = True
        else:
            re.emit(instr, now)
    return re.finish() if changed else function


def _rewritten(re: Stable, instr: Instr) -> Value | None:
    if instr.prim.kind != "elementwise" or instr.results[0].dtype.kind != "f":
        return None
    for rule in RULES.get(instr.name, ()):
        by = rule(re, instr)
        if by is not None:
            return by
    return None


def _made(re: Stable, value: Value, name: str) -> Instr | None:
    instr = re.instr_of(value)
    return instr if instr is not None and instr.name == name else None


def _one_plus(re: Stable, value: Value) -> Value | None:
    """``x`` where ``value`` is ``1 + x``."""
    made = _made(re, value, "add")
    if made is None:
        return None
    a, b = made.operands
    if re.literal(a) == 1:
        return b
    return a if re.literal(b) == 1 else None


def _exp_of(re: Stable, value: Value) -> Value | None:
    made = _made(re, value, "exp")
    return None if made is None else made.operands[0]


def _op(re: Stable, name: str, *operands: Value) -> Value:
    out: Value = re.b.op(name, *operands)
    return out


def log_exp(re: Stable, instr: Instr) -> Value | None:
    """``log(exp(x)) -> x``: everywhere; the left side overflows where x does not."""
    return _exp_of(re, instr.operands[0])


def log_one_plus(re: Stable, instr: Instr) -> Value | None:
    """``log(1 + x) -> log1p(x)`` and ``log(1 - x) -> log1p(-x)``: everywhere."""
    x = _one_plus(re, instr.operands[0])
    if x is not None:
        e = _exp_of(re, x)
        if e is not None:
            return _op(re, "logaddexp", re.full(0, e), e)
        return _op(re, "log1p", x)
    made = _made(re, instr.operands[0], "sub")
    if made is None or re.literal(made.operands[0]) != 1:
        return None
    y = _sigmoid_of(re, made.operands[1])
    if y is not None:  # 1 - 1 / (1 + exp(y)) = 1 / (1 + exp(-y))
        return _op(re, "neg", _op(re, "logaddexp", re.full(0, y), _op(re, "neg", y)))
    return _op(re, "log1p", _op(re, "neg", made.operands[1]))


def _sigmoid_of(re: Stable, value: Value) -> Value | None:
    """``y`` where ``value`` is ``1 / (1 + exp(y))``."""
    made = _made(re, value, "div")
    if made is None or re.literal(made.operands[0]) != 1:
        return None
    x = _one_plus(re, made.operands[1])
    return None if x is None else _exp_of(re, x)


def log1p_exp(re: Stable, instr: Instr) -> Value | None:
    """``log1p(exp(x)) -> logaddexp(0, x)``: everywhere, x itself where exp overflows."""
    x = _exp_of(re, instr.operands[0])
    return None if x is None else _op(re, "logaddexp", re.full(0, x), x)


def log_sigmoid(re: Stable, instr: Instr) -> Value | None:
    """``log(1 / (1 + exp(y))) -> -logaddexp(0, y)``: everywhere."""
    y = _sigmoid_of(re, instr.operands[0])
    return None if y is None else _op(re, "neg", _op(re, "logaddexp", re.full(0, y), y))


def exp_minus_one(re: Stable, instr: Instr) -> Value | None:
    """``exp(x) - 1 -> expm1(x)``: everywhere."""
    x = _exp_of(re, instr.operands[0])
    return _op(re, "expm1", x) if x is not None and re.literal(instr.operands[1]) == 1 else None


def sigmoid(re: Stable, instr: Instr) -> Value | None:
    """``exp(x) / (1 + exp(x)) -> 1 / (1 + exp(-x))``: everywhere; no inf / inf."""
    e, below = instr.operands
    x = _exp_of(re, e)
    if x is None or _one_plus(re, below) is not e:
        return None
    return _op(re, "div", re.full(1, x), _sigmoid_below(re, x))


def _sigmoid_below(re: Stable, x: Value) -> Value:
    return _op(re, "add", re.full(1, x), _op(re, "exp", _op(re, "neg", x)))


def weighted_sigmoid(re: Stable, instr: Instr) -> Value | None:
    """``c / (1 + exp(x)) * exp(x) -> c / (1 + exp(-x))``, also among other factors and signs:
    finite c; no 0 * inf."""
    factors, negative = _factors(re, instr, _PRODUCT_DEPTH)
    for k, e in enumerate(factors):
        x = _exp_of(re, e)
        if x is None:
            continue
        for n, q in enumerate(factors):
            made = _made(re, q, "div")
            if made is None or _one_plus(re, made.operands[1]) is not e:
                continue
            out = _op(re, "div", made.operands[0], _sigmoid_below(re, x))
            for m, other in enumerate(factors):
                if m not in (k, n):
                    out = _op(re, "mul", out, other)
            return _op(re, "neg", out) if negative else out
    return None


def _factors(re: Stable, instr: Instr, depth: int) -> tuple[list[Value], bool]:
    """The factors of a product of products, and whether their product is to be negated."""
    found: list[Value] = []
    negative = False
    for operand in instr.operands:
        made = re.instr_of(operand)
        if made is None or depth == 0 or made.name not in ("mul", "neg"):
            found.append(operand)
            continue
        inner, minus = _factors(re, made, depth - 1)
        found += inner
        negative ^= minus
    return found, negative ^ (instr.name == "neg")


def _spread(re: Stable, value: Value) -> tuple[Value, Instr | None]:
    """A value looked at through the broadcasts and reshapes that spread a reduction's result."""
    first = re.instr_of(value)
    made = first
    while made is not None and made.name in ("broadcast", "reshape"):
        value = made.operands[0]
        made = re.instr_of(value)
    return value, first


def _sum_exp(re: Stable, value: Value) -> Instr | None:
    """The ``reduce_sum`` of an ``exp`` that makes ``value``."""
    made = _made(re, value, "reduce_sum")
    if made is None or _exp_of(re, made.operands[0]) is None or not made.attrs["axes"]:
        return None
    # The maximum of nothing does not exist.
    sizes = [made.operands[0].shape[a] for a in made.attrs["axes"]]
    return made if all(map(re.some, sizes)) else None


def _shifted(re: Stable, total: Instr) -> tuple[Value, Value, Value]:
    """Maximum m of x, ``exp(x - m)`` and its sum; m is 0 where it is not finite.

    It is rounded down: any number near the maximum does, and rounding has no derivative.
    """
    x = _exp_of(re, total.operands[0])
    assert x is not None
    axes = total.attrs["axes"]
    top = _op(re, "floor", _reduce(re, "reduce_max", x, axes))
    top = _op(re, "select", _op(re, "isfinite", top), top, re.full(0, top))
    kept = tuple(a for a in range(x.rank) if a not in axes)
    e = _op(re, "exp", _op(re, "sub", x, re.b.broadcast(top, x.shape, kept)))
    return top, e, _reduce(re, "reduce_sum", e, axes)


def _reduce(re: Stable, name: str, x: Value, axes: tuple[int, ...]) -> Value:
    out: Value = re.b.op(name, x, axes=axes)
    return out


def log_sum_exp(re: Stable, instr: Instr) -> Value | None:
    """``log(sum(exp(x))) -> m + log(sum(exp(x - m)))``, m near the maximum: everywhere, also with
    ``keepdims``, and of a mean."""
    x = instr.operands[0]
    made = _made(re, x, "div")
    count = None if made is None else made.operands[1]
    if made is not None:
        x = made.operands[0]
    total = _sum_exp(re, _without_units(re, x))
    if total is None:
        return None
    top, _, below = _shifted(re, total)
    out: Value = re.b.reshape(_op(re, "add", top, _op(re, "log", below)), x.shape)
    return out if count is None else _op(re, "sub", out, _op(re, "log", count))


def _without_units(re: Stable, value: Value) -> Value:
    """A value looked at through what only adds axes of extent one to it (``keepdims``)."""
    made = re.instr_of(value)
    while made is not None and made.name in ("broadcast", "reshape"):
        inner = made.operands[0]
        if [d for d in inner.shape if d != 1] != [d for d in value.shape if d != 1]:
            break
        value, made = inner, re.instr_of(inner)
    return value


def _spread_like(re: Stable, total: Instr, value: Value, x: Value) -> Value | None:
    """``value``, of the shape of a sum's result, repeated along the summed axes."""
    kept = tuple(a for a in range(x.rank) if a not in total.attrs["axes"])
    return re.b.broadcast(value, x.shape, kept)


def softmax(re: Stable, instr: Instr) -> Value | None:
    """``exp(x) / sum(exp(x))``, shifted by the maximum of x: everywhere."""
    e, spread = instr.operands
    below, first = _spread(re, spread)
    total = _sum_exp(re, below)
    if total is None or first is None or total.operands[0] is not e:
        return None
    if not _along(re, spread, total):
        return None
    _, shifted, new = _shifted(re, total)
    again = _spread_like(re, total, new, e)
    return None if again is None else _op(re, "div", shifted, again)


def _along(re: Stable, spread: Value, total: Instr) -> bool:
    """Whether ``spread`` repeats a sum's result along the axes that were summed."""
    x = total.operands[0]
    kept = tuple(a for a in range(x.rank) if a not in total.attrs["axes"])
    made = re.instr_of(spread)
    if made is None or made.name != "broadcast" or spread.shape != x.shape:
        return False
    if made.operands[0] is total.result:
        return bool(made.attrs["axes"] == kept)
    inner = made.operands[0]
    if _without_units(re, inner) is not total.result:
        return False
    ones = tuple(1 if a in total.attrs["axes"] else d for a, d in enumerate(x.shape))
    return bool(inner.shape == ones and made.attrs["axes"] == tuple(range(x.rank)))


def weighted_softmax(re: Stable, instr: Instr) -> Value | None:
    """``spread(c / s) * exp(x)`` with ``s = sum(exp(x))``, shifted: the derivative of log(s).

    Finite c. Without the shift it is ``0 * inf`` where exp overflows.
    """
    for spread, e in (instr.operands, instr.operands[::-1]):
        made = re.instr_of(spread)
        if made is None or made.name != "broadcast" or _exp_of(re, e) is None:
            continue
        quotient = _made(re, made.operands[0], "div")
        total = None if quotient is None else _sum_exp(re, quotient.operands[1])
        if quotient is None or total is None or total.operands[0] is not e:
            continue
        kept = tuple(a for a in range(e.rank) if a not in total.attrs["axes"])
        if made.attrs["axes"] != kept:
            continue
        _, shifted, new = _shifted(re, total)
        again = _op(re, "div", quotient.operands[0], new)
        return _op(re, "mul", re.b.broadcast(again, e.shape, kept), shifted)
    return None


RULES: dict[str, tuple[Rule, ...]] = {
    "log": (log_exp, log_one_plus, log_sigmoid, log_sum_exp),
    "log1p": (log1p_exp,),
    "sub": (exp_minus_one,),
    "div": (sigmoid, softmax),
    "mul": (weighted_sigmoid, weighted_softmax),
}
