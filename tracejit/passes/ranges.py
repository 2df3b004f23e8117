"""Range analysis: checks that cannot fail go, and overflow flags that cannot be set are false.

Extents are not negative, a ``for`` counter lies below its trip count, a branch or a passed check
or a loop's test makes its condition a fact. Every region is seen through the values bound to its
parameters, so all knowledge is about polynomials over values of the outermost function.
"""

from __future__ import annotations

from collections.abc import Iterable

from tracejit.ir import extent as ex
from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.extent import Dim, Extent
from tracejit.ir.facts import EXTENT_LIMIT, IntegerFacts
from tracejit.ir.region_ops import RegionOp
from tracejit.ir.traits import Trait
from tracejit.ir.types import INDEX, TensorType
from tracejit.passes.rebuild import Rebuild

#: Sign of ``a - b``, and what to take off for strictness.
_COMPARED = {"lt": (-1, 1), "le": (-1, 0), "gt": (1, 1), "ge": (1, 0)}
_DENIED = {"lt": "ge", "ge": "lt", "le": "gt", "gt": "le"}


class Facts(IntegerFacts):
    """What is known where the walk stands: what holds in ``parent``, and more."""

    depth = 4

    def __init__(self, parent: Facts | None = None) -> None:
        super().__init__()
        self.dims: dict[Value, Dim] = {}
        self.made: dict[Value, Instr] = {}
        if parent is not None:
            self.dims |= parent.dims
            self.low |= parent.low
            self.high |= parent.high
            self.holds += parent.holds
            self.made |= parent.made

    def dim(self, value: Value) -> Dim:
        """An i64 scalar as a polynomial over outermost values, itself where that might wrap."""
        found = self.dims.get(value)
        if found is None:
            found = self._arithmetic(value)
            if not self.fits(found):
                found = ex.atom_dim(value)
            self.dims[value] = found
        return found

    def _arithmetic(self, value: Value) -> Dim:
        instr = self.made.get(value)
        if instr is None or value.expr is None:
            return ex.atom_dim(value)
        if instr.has(Trait.LITERAL):
            return value.dim
        a, b = map(self.dim, instr.operands)
        return ex.ARITHMETIC[instr.name](a, b)

    def exist(self, params: Iterable[Value]) -> None:
        """Extents of existing arrays are not negative and not huge."""
        for p in params:
            for d in p.type.shape if isinstance(p.type, TensorType) else ():
                for leaf in ex.leaves(d):
                    if isinstance(leaf, Value):
                        atom = ex.single_atom(self.dim(leaf))
                        if atom is not None and not isinstance(atom, ex.Opaque):
                            self.low.setdefault(atom, 0)
                            self.high.setdefault(atom, EXTENT_LIMIT)

    def assume(self, value: Value, truth: bool) -> None:
        """A bool scalar is known to be ``truth`` from here on."""
        instr = self.made.get(value)
        if instr is None:
            return
        if _JOINS.get(instr.name) is truth:
            for v in instr.operands:
                self.assume(v, truth)
        elif instr.has(Trait.NEGATES):
            self.assume(instr.operands[0], not truth)
        elif _compares(instr):
            self.holds.append(self._gap(instr, truth))

    def _gap(self, instr: Instr, truth: bool) -> Dim:
        """What is not negative exactly when the comparison has this outcome."""
        name = instr.name if truth else _DENIED[instr.name]
        a, b = map(self.dim, instr.operands)
        sign, strict = _COMPARED[name]
        return (a - b if sign > 0 else b - a) - strict

    def known(self, value: Value) -> bool | None:
        """The outcome of a condition, where proved."""
        instr = self.made.get(value)
        if instr is None:
            return None
        whole = _JOINS.get(instr.name)
        if whole is not None and instr.operands[0].rank == 0:
            parts = [self.known(v) for v in instr.operands]
            if (not whole) in parts:
                return not whole
            return None if None in parts else whole
        if instr.has(Trait.NEGATES):
            inside = self.known(instr.operands[0])
            return None if inside is None else not inside
        if instr.has(Trait.LITERAL) and instr.results[0].rank == 0:
            return bool(instr.attrs["value"].array)
        if not _compares(instr):
            return None
        if self.nonnegative(self._gap(instr, True)):
            return True
        return False if self.nonnegative(self._gap(instr, False)) else None

    def fits(self, dim: Dim) -> bool:
        """Whether an integer provably stays within 64 bits."""
        if self.fits_int64(dim):
            return True
        if not self.nonnegative(dim):
            return False
        # What does not exceed a value that exists is within 64 bits.
        bounds = [*self.high.values(), *self.holds]
        tops = {a for d in bounds if isinstance(d, Extent) for a in d.atoms()}
        return any(self.nonnegative(ex.atom_dim(a) - dim) for a in tops if isinstance(a, Value))


#: What all operands are where a conjunction or disjunction is that.
_JOINS = {"bitwise_and": True, "bitwise_or": False}


def _compares(instr: Instr) -> bool:
    """Whether an instruction compares two integers."""
    return instr.name in _COMPARED and instr.operands[0].type == INDEX


def ranges(function: Function) -> Function:
    """Drop proved checks; decide proved comparisons of integers; clear proved overflow flags."""
    facts = Facts()
    facts.exist(function.params)
    return _run(function, facts)


def _run(function: Function, facts: Facts) -> Function:
    if not _anything(function):
        return function
    re = Rebuild(function)
    for instr in function.instrs:
        now = re.renamed(instr)
        for r in now.results:
            facts.made[r] = now
        if now.regions:
            regions = tuple(_region(now, k, facts) for k in range(len(now.regions)))
            re.emit(instr, re.with_regions(now, regions))
        elif now.has(Trait.GUARD):
            if facts.known(now.operands[0]):
                re.changed = True
                continue
            re.emit(instr, now)
            facts.assume(now.operands[0], True)
        elif now.has(Trait.OVERFLOWS) and now.operands[0].type == INDEX:
            _checked(re, instr, now, facts)
        else:
            re.emit(instr, now)
    return re.finish()


def _anything(function: Function) -> bool:
    return any(i.has(Trait.GUARD) or i.has(Trait.OVERFLOWS) or i.regions for i in function.instrs)


_CHECKED = {"add_overflow": "add", "sub_overflow": "sub", "mul_overflow": "mul"}


def _checked(re: Rebuild, old: Instr, now: Instr, facts: Facts) -> None:
    a, b = map(facts.dim, now.operands)
    exact = {"add_overflow": a + b, "sub_overflow": a - b, "mul_overflow": a * b}[now.name]
    if not facts.fits(exact):
        re.emit(old, now)
        return
    plain = re.b.op(_CHECKED[now.name], *now.operands)
    re.replace(old.results[0], plain)
    flag = re.b.const(False)
    re.replace(old.results[1], flag)
    for v in (plain, flag):
        made = re.instr_of(v)
        if made is not None:
            facts.made[v] = made


def _region(instr: Instr, k: int, outer: Facts) -> Function:
    region = instr.regions[k]
    facts = Facts(outer)
    op = RegionOp(instr)
    for p, v in op.constants(region):
        _bind(facts, p, v)
    if op.is_branch:
        facts.assume(instr.operands[0], k == 0)
    elif op.is_loop:
        if op.trip is not None:
            counter = region.params[0]
            facts.low[counter] = 0
            facts.high[counter] = facts.dim(instr.operands[0]) - 1
        _steps(facts, op)
        if op.test is not None and region is op.body:
            _tested(facts, op)
    facts.exist(region.params)
    return _run(region, facts)


def _bind(facts: Facts, param: Value, operand: Value) -> None:
    if param.type == INDEX:
        facts.dims[param] = facts.dim(operand)
    if operand in facts.made:
        facts.made[param] = facts.made[operand]


def _steps(facts: Facts, op: RegionOp) -> None:
    """A carried integer with a fixed step: ``init + step * i``, or bounded by its first value."""
    body = op.body
    if body.diverges:
        return
    defs = {r: i for i in body.instrs for r in i.results}
    inside = Facts(facts)
    inside.made.update(defs)
    for k, (p, v) in enumerate(zip(op.carried_in(body), op.inits, strict=True)):
        step = _step(Facts(inside), p, body.results[k], defs)
        if not step:
            continue
        init = facts.dim(v)
        if op.test is None:
            exact = init + step * ex.atom_dim(body.params[0])
            if facts.fits(exact) and facts.fits(exact + step):
                facts.dims[p] = exact
        else:
            _bounded(facts, op, k, init, step)


def _step(facts: Facts, p: Value, out: Value, defs: dict[Value, Instr]) -> int:
    """What one iteration adds to a carried integer; 0 when that is not fixed."""
    if p.type != INDEX:
        return 0
    dim = facts.dim(out)
    made = defs.get(out)
    if made is not None and made.has(Trait.OVERFLOWS) and out is made.results[0]:
        a, b = map(facts.dim, made.operands)
        dim = ex.ARITHMETIC[_CHECKED[made.name]](a, b)
    elif made is not None and made.has(Trait.RING):
        a, b = map(facts.dim, made.operands)
        dim = ex.ARITHMETIC[made.name](a, b)
    step = dim - ex.atom_dim(p)
    return step if isinstance(step, int) else 0


def _bounded(facts: Facts, op: RegionOp, k: int, init: Dim, step: int) -> None:
    """By induction: if the value is beyond its first and the test holds, the next one fits."""
    test, body = op.instr.regions
    trial = Facts(facts)
    bound = trial.low if step > 0 else trial.high
    bound[body.params[k]] = init
    _tested(trial, op)
    if trial.fits(ex.atom_dim(body.params[k]) + step):
        bound = facts.low if step > 0 else facts.high
        for region in (test, body):
            bound[region.params[k]] = init


def _tested(facts: Facts, op: RegionOp) -> None:
    """What a loop's test has found, in terms of its body's parameters."""
    test, body = op.instr.regions
    if test.diverges:
        return
    inner = Facts(facts)
    for p, q in zip(test.params, body.params, strict=True):
        if p.type == INDEX:
            inner.dims[p] = facts.dim(q)
    for instr in test.instrs:
        for r in instr.results:
            inner.made[r] = instr
    inner.assume(test.results[0], True)
    facts.holds = inner.holds
