"""A loop of the host as a launch.

A kernel cannot raise. What may fail keeps a state: the number of the first check that did not hold,
and its payload. After a failure nothing more is done, so memory is as the program has left it; the
host looks at the state after the launch and raises there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import tracejit.ir.ops  # noqa: F401  (enters the op table)
from tracejit.ir.builder import Builder
from tracejit.ir.core import TABLE, Function, Instr, Value
from tracejit.ir.region_ops import RegionOp, is_counted
from tracejit.ir.regions import outer_values, with_extents
from tracejit.ir.roots import walk
from tracejit.ir.traits import Trait
from tracejit.ir.types import INDEX
from tracejit.lower.host_bodies import Memory, aliases_of

FETCH, LITERAL_ARRAY = TABLE["fetch"], TABLE["const_buffer"]


def is_site(instr: Instr) -> bool:
    """Whether an instruction raises, or does unless something holds."""
    return instr.has(Trait.GUARD) or instr.has(Trait.ENDS)


def may_fail(instr: Instr) -> bool:
    if instr.has(Trait.LAUNCHES):
        return False
    return is_site(instr) or any(may_fail(i) for r in instr.regions for i in r.instrs)


def is_made_once(instr: Instr) -> bool:
    """Whether an instruction makes an array that the host makes before the loop."""
    return instr.has(Trait.ALLOCATES)


class Outlined:
    """The launch that a loop becomes."""

    def __init__(self, loop: Instr, roots: Memory) -> None:
        self.loop = loop
        self.roots = roots
        #: Checks and raises, in order; a state is the number of one from 1, or 0.
        self.sites = [i for i in walk([loop]) if is_site(i)]
        self.width = max((len(payload(i)) for i in self.sites), default=0)

    def statements(self) -> list[Instr]:
        """The launch, and the checks of its state."""
        b = Builder("kernel")
        host = Builder("host", self.loop.loc)
        made = _literals([self.loop])
        literals = {i.result: host.op(i.prim, **i.attrs) for i in made}
        operands = with_extents([*self.loop.operands, *literals.values()])
        names = b.params_like(operands)
        names.update({inner: names[outer] for inner, outer in literals.items()})
        state = [b.const(0, "i64") for _ in range(1 + self.width if self.sites else 0)]
        results, state = self._region_op(b, self.loop, names, state)
        kernel = b.build([*results, *state])
        aliases = aliases_of(operands, self.roots)
        launch = host.append("launch", operands, aliases, (kernel,), self.loop.loc)
        count = len(self.loop.results)
        found = replace(launch, results=(*self.loop.results, *launch.results[count:]))
        host.instrs[-1] = found
        for instr in made:
            if instr.prim is not LITERAL_ARRAY:
                host.op("free", literals[instr.result])
        self._raise_on_host(host, found.results[count:])
        return host.instrs

    def _raise_on_host(self, b: Builder, state: Sequence[Value]) -> None:
        for number, site in enumerate(self.sites, 1):
            status, *words = state
            ok = b.op("ne", status, b.const(number, "i64"))
            found = [b.convert(w, v.dtype) for w, v in zip(words, payload(site), strict=False)]
            b.append("check", [ok, *found], site.attrs, (), site.loc)

    def holds(self, b: Builder, instrs: Sequence[Instr], names: dict[Value, Value]) -> Value:
        """Whether no check of some statements fails."""
        state = [b.const(0, "i64") for _ in range(1 + self.width)]
        _, after = self._block(b, instrs, names, state, (), ())
        return b.op("eq", after[0], b.const(0, "i64"))  # type: ignore[no-any-return]

    # -- statements ------------------------------------------------------------------------------

    def _block(
        self,
        b: Builder,
        instrs: Sequence[Instr],
        names: dict[Value, Value],
        state: Sequence[Value],
        wanted: Sequence[Value],
        otherwise: Sequence[Value],
    ) -> tuple[list[Value], list[Value]]:
        """Emit statements: what is wanted of them, ``otherwise`` if they fail, and the state."""
        for k, instr in enumerate(instrs):
            rest = instrs[k + 1 :]
            if instr.has(Trait.ENDS):
                return list(otherwise), self._failed(b, instr, names, state)
            if instr.has(Trait.GUARD):
                failed = self._failed(b, instr, names, state)
                ok = names[instr.operands[0]]
                return self._while_ok(b, ok, rest, names, (state, failed), wanted, otherwise)
            if instr.regions and not instr.has(Trait.LAUNCHES):
                results, after = self._region_op(b, instr, names, state)
                names.update(zip(instr.results, results, strict=True))
                if may_fail(instr):
                    ok = b.op("eq", after[0], b.const(0, "i64"))
                    states = (after, after)
                    return self._while_ok(b, ok, rest, names, states, wanted, otherwise)
            else:
                self._plain(b, instr, names)
        return [names[v] for v in wanted], list(state)

    def _plain(self, b: Builder, instr: Instr, names: dict[Value, Value]) -> None:
        if instr.has(Trait.LAUNCHES):
            found = b.inline(instr.regions[0], [names[v] for v in instr.operands])
            names.update(zip(instr.results, found, strict=True))
        elif instr.has(Trait.ALLOCATES) or instr.has(Trait.FREES):
            return  # the host makes it before the loop, and frees it after that
        elif instr.prim is FETCH:
            names[instr.result] = b.op("load", *(names[v] for v in instr.operands), loc=instr.loc)
        else:
            b.clone(instr, names)

    def _failed(
        self, b: Builder, site: Instr, names: Mapping[Value, Value], state: Sequence[Value]
    ) -> list[Value]:
        """The state once a check did not hold."""
        number = b.const(1 + self.sites.index(site), "i64")
        words = [b.convert(names[v], "i64") for v in payload(site)]
        return [number, *words, *state[1 + len(words) :]]

    def _while_ok(
        self,
        b: Builder,
        ok: Value,
        rest: Sequence[Instr],
        names: Mapping[Value, Value],
        states: tuple[Sequence[Value], Sequence[Value]],
        wanted: Sequence[Value],
        otherwise: Sequence[Value],
    ) -> tuple[list[Value], list[Value]]:
        """The statements that follow where all is well; ``states``: then, and where it is not."""
        literals = [i.result for i in _literals(rest)]
        outer = {v: names[v] for v in (*outer_values(rest, wanted), *literals)}
        good, bad = states
        operands = with_extents([*outer.values(), *good, *bad, *otherwise])
        then, other = Builder("then"), Builder("failed")
        inside = then.params_like(operands)
        known = {v: inside[n] for v, n in outer.items()}
        fallback = [inside[v] for v in otherwise]
        values, after = self._block(then, rest, known, [inside[v] for v in good], wanted, fallback)
        outside = other.params_like(operands)
        left = [*(outside[v] for v in otherwise), *(outside[v] for v in bad)]
        regions = (then.build([*values, *after]), other.build(left))
        results = b.append("cond", [ok, *operands], {}, regions).results
        return list(results[: len(wanted)]), list(results[len(wanted) :])

    # -- statements with regions -------------------------------------------------------------------

    def _region_op(
        self, b: Builder, instr: Instr, names: Mapping[Value, Value], state: Sequence[Value]
    ) -> tuple[list[Value], list[Value]]:
        """A loop or branch, its state among what it carries or gives."""
        op = RegionOp(instr)
        carried = list(state) if may_fail(instr) else []
        lead, inits, consts = op.split([names[v] for v in instr.operands])
        consts += [names[i.result] for i in _inner_literals(instr)]
        if op.is_branch:
            regions = tuple(self._side(instr, r, len(carried)) for r in instr.regions)
            found = b.append(instr.prim, [*lead, *carried, *consts], {}, regions, instr.loc).results
        elif is_counted(instr):
            body = self._body(instr, instr.regions[0], len(carried))
            found = self._loop(b, instr, [*lead, *inits, *carried, *consts], (body,), len(carried))
        elif carried:
            return self._failing_while(b, instr, inits, carried, consts)
        else:
            bodies = tuple(self._body(instr, r, 0) for r in instr.regions)
            found = self._loop(b, instr, [*inits, *consts], bodies, 0)
        count = len(instr.results)
        return list(found[:count]), list(found[count:]) if carried else list(state)

    def _loop(
        self,
        b: Builder,
        instr: Instr,
        operands: Sequence[Value],
        regions: tuple[Function, ...],
        states: int,
    ) -> tuple[Value, ...]:
        attrs = {**instr.attrs, "carried": instr.attrs["carried"] + states}
        return b.append(instr.prim, operands, attrs, regions, instr.loc).results

    def _side(self, instr: Instr, region: Function, states: int) -> Function:
        """One side of a branch; the state comes first."""
        b = Builder(region.name)
        state = [b.param(INDEX) for _ in range(states)]
        names = b.params_like(region.params)
        self._name_literals(b, instr, names)
        if region.diverges:
            wanted: Sequence[Value] = instr.results
            otherwise = [_nothing(b, v) for v in wanted]
            values, after = self._block(b, region.instrs, names, state, (), ())
            values = otherwise
        else:
            otherwise = [_nothing(b, v) for v in region.results] if states else []
            values, after = self._block(b, region.instrs, names, state, region.results, otherwise)
        return b.build([*values, *(after if states else ())])

    def _params(
        self, b: Builder, instr: Instr, region: Function, states: int
    ) -> tuple[dict[Value, Value], list[Value]]:
        """Parameters of a loop's region with the state after what is carried."""
        op = RegionOp(instr)
        names = b.params_like(region.params)
        first = op.own + op.count
        state = [b.param(INDEX) for _ in range(states)]
        ordered = b.params[: len(region.params)]
        b.params[:] = [*ordered[:first], *state, *ordered[first:]]
        self._name_literals(b, instr, names)
        return names, state

    def _name_literals(self, b: Builder, instr: Instr, names: dict[Value, Value]) -> None:
        """Parameters for the literal and temporary arrays in the regions of an instruction."""
        for literal in _inner_literals(instr):
            names[literal.result] = b.param(literal.result.type)

    def _body(self, instr: Instr, region: Function, states: int) -> Function:
        """A region of a loop; of a body that may fail nothing is done after a failure."""
        b = Builder(region.name)
        names, state = self._params(b, instr, region, states)
        if not states:
            values, _ = self._block(b, region.instrs, names, (), region.results, ())
            return b.build(values)
        before = [names[v] for v in RegionOp(instr).carried_in(region)]
        wanted = () if region.diverges else region.results
        ok = b.op("eq", state[0], b.const(0, "i64"))
        otherwise = before if wanted else []
        values, after = self._while_ok(
            b, ok, region.instrs, names, (state, state), wanted, otherwise
        )
        return b.build([*(values if wanted else before), *after])

    def _failing_while(
        self,
        b: Builder,
        instr: Instr,
        inits: Sequence[Value],
        state: Sequence[Value],
        consts: Sequence[Value],
    ) -> tuple[list[Value], list[Value]]:
        """`while` with a flag that says whether to go on, which is found before and after each
        run of the body: a test that fails ends the loop."""
        test, body = instr.regions
        count, states = len(inits), len(state)
        literals = [i.result for i in _inner_literals(instr)]
        inner_consts = [*RegionOp(instr).consts_in(test), *literals]

        def known(values: Sequence[Value], rest: Sequence[Value]) -> dict[Value, Value]:
            carried = zip(RegionOp(instr).carried_in(test), values, strict=True)
            return dict([*carried, *zip(inner_consts, rest, strict=True)])

        go, first = self._tested(b, test, known(inits, consts), state)

        asked = Builder(test.name)
        names, _ = self._params(asked, instr, test, states + 1)
        flag = asked.op("ne", asked.params[count + states], asked.const(0, "i64"))
        head = asked.build([flag])

        run = Builder(body.name)
        names, inner = self._params(run, instr, body, states + 1)
        before = [names[v] for v in RegionOp(instr).carried_in(body)]
        rest = [names[v] for v in (*RegionOp(instr).consts_in(body), *literals)]
        wanted = () if body.diverges else body.results
        values, after = self._block(
            run, body.instrs, names, inner[:states], wanted, before if wanted else ()
        )
        values = values if wanted else before
        again, last = self._tested(run, test, known(values, rest), after)
        tail = run.build([*values, *last, run.convert(again, "i64")])

        operands = [*inits, *first, b.convert(go, "i64"), *consts]
        found = self._loop(b, instr, operands, (head, tail), states + 1)
        return list(found[:count]), list(found[count : count + states])

    def _tested(
        self, b: Builder, test: Function, names: Mapping[Value, Value], state: Sequence[Value]
    ) -> tuple[Value, list[Value]]:
        """Whether to go on: not after a failure, of the test or before it."""
        ok = b.op("eq", state[0], b.const(0, "i64"))
        no = b.const(False, "bool")
        wanted = () if test.diverges else test.results
        found, after = self._while_ok(
            b, ok, test.instrs, names, (state, state), wanted, [no] if wanted else ()
        )
        return (found[0] if wanted else no), after


def _literals(instrs: Sequence[Instr]) -> list[Instr]:
    """What makes literal and temporary arrays, at every depth."""
    return [i for i in walk(instrs) if is_made_once(i)]


def _inner_literals(instr: Instr) -> list[Instr]:
    return _literals([i for r in instr.regions for i in r.instrs])


def payload(site: Instr) -> tuple[Value, ...]:
    return site.operands[site.has(Trait.GUARD) :]


def _nothing(b: Builder, like: Value) -> Value:
    """What a value is where it is never looked at."""
    return b.const(0, like.dtype)
