"""Joining two sides of a branch: what each name is bound to, and what storage holds, afterwards.

Values that differ become results of the ``cond``. A name bound to existing storage on one side and
to other storage on the other denotes a ``Select``: writing through it reaches the right one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from tracejit.errors import StructureError
from tracejit.ir.core import Value
from tracejit.trace.control.edges import Edge, TracedSide
from tracejit.trace.control.grown_texts import shows
from tracejit.trace.control.held_contents import NotInHeap, Target, common_target, is_held, refers
from tracejit.trace.control.join_arrays import ArrayJoin, Finish
from tracejit.trace.control.list_plans import AllOf, ListPlan, RefPlan, TablePlan
from tracejit.trace.control.meeting import Ends, Meeting
from tracejit.trace.control.number_plans import (
    MOST_KINDS,
    Number,
    is_any_number,
    kinds_of,
    met_numbers,
    values_of,
)
from tracejit.trace.control.objects import choose_among, has_parts, is_object, is_older, parts_of
from tracejit.trace.control.plans import (
    Arrivals,
    BindingPlan,
    KnownValue,
    Maybe,
    Results,
    Structure,
    is_same,
    maker_of,
)
from tracejit.trace.convert import UNDEFINED
from tracejit.trace.session.concretize import DeferredText
from tracejit.trace.session.session import Session
from tracejit.trace.values import containers
from tracejit.trace.values.all import (
    Array,
    IntOrFloat,
    IntOrScalar,
    MixedScalar,
    PyScalar,
    Scalar,
    TaggedScalar,
    Tracer,
)
from tracejit.trace.values.chosen_constants import ChosenConstant
from tracejit.trace.values.dynamic_list import is_grown, length_of
from tracejit.trace.values.grown_texts import GrownText
from tracejit.trace.values.list_heap_sites import one_heap
from tracejit.trace.values.list_heaps import Heap
from tracejit.trace.values.marked_texts import apart, as_text, is_marked
from tracejit.trace.values.maybe_unbound import MaybeNone, MaybeUnbound
from tracejit.trace.values.program_names import known_elsewhere
from tracejit.trace.values.structured_arrays import StructuredArray
from tracejit.trace.values.table_forms import TableForm

#: The name of what a branch gives that is a value.
VALUE = "the value of the branch"


class JoinedArray(BindingPlan):
    """An array: what is passed of it was decided when its sides met."""

    def __init__(self, bound: Callable[[], Any]) -> None:
        self.bound = bound

    def flatten(self, x: Any, edge: Edge | None = None) -> list[Value]:
        return []

    def opened(self, entry: Any, given: Arrivals) -> Any:
        return self.bound()


class SharedPlan(BindingPlan):
    """What several names are bound to: it is passed, and made, for the first of them."""

    def __init__(self, plan: BindingPlan) -> None:
        self.plan = plan
        self._passed: set[int] = set()
        self._made: list[Any] = []

    def flatten(self, x: Any, edge: Edge | None = None) -> list[Value]:
        if id(edge) in self._passed:
            return []
        self._passed.add(id(edge))
        return self.plan.flatten(x, edge)

    def opened(self, entry: Any, given: Arrivals) -> Any:
        if not self._made:
            self._made.append(self.plan.opened(entry, given))
        return self._made[0]


class Join(ArrayJoin, Meeting):
    """Collects results of the ``cond`` pairwise and says how to bind names to them."""

    def __init__(self, session: Session, pred: Value, then: TracedSide, other: TracedSide) -> None:
        super().__init__(session, pred, then, other)
        #: Results of the ``cond``, once it is there.
        self.found: Sequence[Value] = ()
        self._plans: dict[tuple[int, int], BindingPlan] = {}
        #: Which containers and objects (None: nothing of the kind) one of a side is joined with.
        self._others: dict[tuple[int, int], set[int | None]] = {}
        #: Names that are bound to other things on one side than on the other.
        self.anew: frozenset[str] = frozenset()

    def note(self, a: Any, b: Any) -> None:
        """Say, before anything is joined, that ``a`` and ``b`` will be: what shares storage on one
        side only must not become one on both."""
        a, b = (x.value if isinstance(x, MaybeUnbound) else x for x in (a, b))
        a, b = (x.value if isinstance(x, MaybeNone) else x for x in (a, b))
        if isinstance(a, Array) and isinstance(b, Array):
            self.note_arrays(a, b)
        elif isinstance(a, Array) or isinstance(b, Array):
            self.note_arrays(*(x if isinstance(x, Array) else None for x in (a, b)))
        for side, (x, other) in enumerate(((a, b), (b, a))):
            for key in containers.stands_for(self.session, x) if is_shared(x) else ():
                others = self._others.setdefault((side, key), set())
                others.add(id(other) if is_shared(other) else None)
        self.note_parts(a, b)

    def note_parts(self, a: Any, b: Any) -> None:
        """The same of what lists, dicts and objects hold."""
        parts = [parts_of(x) for x in (a, b)]
        for key in {**parts[0], **parts[1]}:
            self.note(*(p.get(key, UNDEFINED) for p in parts))

    def join(self, name: str, a: Any, b: Any, *, either: bool = False) -> Finish:
        """How to bind ``name`` after the branch. ``either``: an unbound side does not matter."""
        return self.passed(self.of_both(name, a, b, either=either), a, b)

    def of_both(self, name: str, a: Any, b: Any, *, either: bool = False) -> BindingPlan:
        """The plan of a binding that is ``a`` on one side and ``b`` on the other."""
        if either and (a is UNDEFINED) is not (b is UNDEFINED):
            return self.alone(name, b, 1) if a is UNDEFINED else self.alone(name, a, 0)
        return self.met(name, KnownValue(a), Ends(a, a, b))

    def survive(self, plan: BindingPlan, x: Any, there: int) -> Finish:
        """How to bind what side ``there`` leaves, where the other one raises."""
        return self.passed(plan, *((UNDEFINED, x) if there else (x, UNDEFINED)))

    def passed(self, plan: BindingPlan, a: Any, b: Any) -> Finish:
        """Pass over what a plan keeps of a binding of either side."""
        found = []
        for side, x in zip(self.sides, (a, b), strict=True):
            with side.inside():
                found.append(plan.flatten(x, side))
        numbers = self.pairs(*found)

        def finish(results: Sequence[Value]) -> Any:
            self.found = results
            return plan.opened(UNDEFINED, Results([results[k] for k in numbers]))

        return finish

    def forget(self) -> None:
        """All is bound: what was made is held by names alone."""
        self._plans.clear()

    # What a branch decides by itself --------------------------------------------------------------

    def half_bound(self, name: str, plan: BindingPlan, x: Ends) -> BindingPlan:
        bound, there = (x.end, 1) if x.entry is UNDEFINED else (x.entry, 0)
        value = self.alone(name, bound, there)
        return value if isinstance(bound, MaybeUnbound) else Maybe(name, value)

    def optional(self, name: str, plan: BindingPlan, x: Ends) -> BindingPlan:
        a, b = (_some(v) for v in x.both)
        return Maybe("", self.of_both(name, a, b, either=True), none=True)

    def numbers(self, name: str, plan: BindingPlan, x: Ends) -> BindingPlan:
        """One number of the kind that it has on its side."""
        if is_same(*x.both):
            return plan
        found = met_numbers(x.both)
        if len(found.kinds) > MOST_KINDS:
            self.refuse(name, *x.both, f"numbers of at most {MOST_KINDS} kinds may have one name")
        return found

    def arrays_met(self, name: str, plan: BindingPlan, x: Ends) -> BindingPlan:
        a, b = x.both
        return self._once((id(a), id(b)), x, lambda: self._array(self.arrays(a, b)))

    def structures(self, name: str, plan: BindingPlan, x: Ends) -> BindingPlan:
        if not is_shared(x.entry):
            return self._structures(name, plan, x)
        return self._once((id(x.entry), id(x.end)), x, lambda: self._structures(name, plan, x))

    def _once(self, key: tuple[int, int], of: Any, plan: Callable[[], BindingPlan]) -> BindingPlan:
        if key not in self._plans:
            self._plans[key] = SharedPlan(plan())
            self._kept.append(of)
        return self._plans[key]

    def _structures(self, name: str, plan: BindingPlan, x: Ends) -> BindingPlan:
        a, b = x.both
        found: BindingPlan | None = None
        if isinstance(a, list | deque | dict | set):
            one, two = (side.held_in(v) for side, v in zip(self.sides, x.both, strict=True))
            found = self.contents(name, (a, b), one, two)
            if found is None and isinstance(a, dict):
                raise StructureError(f"the sides of a branch give {name!r} different keys")
        elif self._are_alike(a, b):
            like = self.structure(name, a, self.parts_met(name, plan, x, KnownValue))
            found = replace(like, note=self._chosen(a, b)) if is_object(a) else like
        if found is None:
            self.refuse(name, a, b, "make both the same kind")
        return found

    def contents(self, name: str, lists: tuple[Any, Any], a: Any, b: Any) -> BindingPlan | None:
        """What two lists, dicts or sets hold, as one object; None where nothing holds both."""
        like, note = lists[0], self._note_of(name, lists)
        a, b = (parts_of(x) if isinstance(x, set) else x for x in (a, b))
        grows = type(like) in (list, deque) or isinstance(like, dict | set)
        target = common_target(a, b) if grows else None
        if target is not None and refers(target):
            self._must_be(name, lists, (a, b), target)
        if isinstance(target, Heap):
            one_heap(a[0].heap, b[0].heap)
            found = self.structure(name, a, {0: RefPlan(target)})
            return replace(found, note=note) if lists[0] is lists[1] else found
        if isinstance(target, TableForm):
            return AllOf(TablePlan(target), like, note)
        if target is not None:
            one, two = (length_of(x) if is_grown(x) else len(x) for x in (a, b))
            count = one if one == two else None
            return AllOf(ListPlan(target, type(like) is deque, count), like, note)
        if len(a) != len(b) or (isinstance(a, dict) and list(a) != list(b)):
            return None
        of = "" if lists[0] is lists[1] else name
        parts = self.parts_met(of, KnownValue(a), Ends(a, a, b), KnownValue)
        return Structure(type(like), tuple(parts), tuple(parts.values()), note, like)

    def _must_be(
        self, name: str, lists: tuple[Any, Any], contents: tuple[Any, Any], target: Target
    ) -> None:
        """NotInHeap where a list or dict is not as it must be already before the sides end."""
        for side, x, held in zip(self.sides, lists, contents, strict=True):
            if not is_held(held, target):
                raise NotInHeap(name, x, target, side.frame.made.get(id(x)) is x)

    def _note_of(self, name: str, lists: tuple[Any, Any]) -> Callable[[Any, Any], Any]:
        """What is noted of a list or dict that is made of two."""
        session, root = self.session, name.partition("[")[0]
        if lists[0] is lists[1]:
            return lambda found, _: found  # it is still that one: these are its contents
        known = self._are_joined_apart(lists) or any(
            known_elsewhere(session, one, root, self.anew)
            for x in lists
            for one in containers.stands_for(session, x).values()
        )

        def noted(found: Any, _: Any) -> Any:
            made = containers.made(session, found)
            return containers.joined(session, made, lists) if known else made

        return noted

    def _are_joined_apart(self, both: tuple[Any, Any]) -> bool:
        """Whether names that may share one of these on its side do not share the other on the
        other."""
        return any(
            len(self._others.get((k, key), ())) > 1
            for k, x in enumerate(both)
            for key in containers.stands_for(self.session, x)
        )

    def _chosen(self, a: Any, b: Any) -> Callable[[Any, Any], Any]:
        """What is noted of an object that stands for one of two: those that were there before may
        not be changed from here on, nor may it."""
        session = self.session
        old = [x for x in (a, b) if is_older(session, x)]
        apart = self._are_joined_apart((a, b))

        def noted(made: Any, _: Any) -> Any:
            if old or apart:
                choose_among(session, made, *old)
            return made

        return noted

    def _are_alike(self, a: Any, b: Any) -> bool:
        """Whether two structures have the same parts."""
        one, two = (parts_of(s.held_in(x)) for s, x in zip(self.sides, (a, b), strict=True))
        return one.keys() == two.keys()

    def refuse(self, name: str, a: Any, b: Any, fix: str) -> NoReturn:
        raise unlike(name, a, b, fix)

    # What one side alone has ----------------------------------------------------------------------

    def contents_alone(self, held: Any, there: int) -> BindingPlan:
        """What a list, dict or set holds after side ``there``, where the other one raises."""
        parts = {k: self.alone(str(k), v, there) for k, v in parts_of(held).items()}
        note = lambda found, _: found  # noqa: E731
        return Structure(type(held), tuple(parts), tuple(parts.values()), note, held)

    def number(self, x: Any, edge: int) -> BindingPlan:
        return met_numbers([x]) if self._is_made_in(x, edge) else KnownValue(x)

    def array(self, x: Array, edge: int) -> BindingPlan:
        return self._array(self.exported(x, edge))

    def _array(self, finish: Finish) -> BindingPlan:
        return JoinedArray(lambda: finish(self.found))

    def texts(self, name: str, plan: BindingPlan, x: Ends) -> BindingPlan:
        """What one side leaves as it was and the other one makes longer is shown by both."""
        a, b = x.both
        if isinstance(a, ChosenConstant) and shows(b, a):
            a = as_text(a)
        elif isinstance(b, ChosenConstant) and shows(a, b):
            b = as_text(b)
        return super().texts(name, KnownValue(a), Ends(a, a, b))

    def alone(self, name: str, x: Any, edge: int = 1) -> BindingPlan:
        alone = super().alone
        made = x.which if isinstance(x, ChosenConstant) else None
        made = x.items.columns[0] if isinstance(x, GrownText) else made
        if made is not None and not self.sides[edge].defines(made):
            return KnownValue(x)
        if not is_shared(x):
            return alone(name, x, edge)
        return self._once((id(x), edge), x, lambda: alone(name, x, edge))

    def held_in(self, x: Any, edge: int) -> Any:
        return self.sides[edge].held_in(x)

    def known(self, name: str, x: Any) -> BindingPlan:
        if is_shared(x) and not is_object(x) and not is_older(self.session, x):
            containers.made(self.session, x)
        return KnownValue(x)

    def is_made_anew(self, x: Any, edge: int) -> bool:
        """What was there before the side stays the same object: what the side left in it is joined
        where that is stored."""
        return self._is_made_in(x, edge) and not (is_shared(x) and is_older(self.session, x))

    def structure(self, name: str, x: Any, parts: Mapping[Any, BindingPlan]) -> Structure:
        session, is_made = self.session, not is_object(x)
        note = lambda made, _: containers.made(session, made) if is_made else made  # noqa: E731
        return Structure(maker_of(x), tuple(parts), tuple(parts.values()), note, x)

    def _is_made_in(self, x: Any, there: int) -> bool:
        """Whether a binding, or a part of it, was made in a side."""
        if isinstance(x, Array):
            return not self.is_outer(x, there)
        if is_any_number(x):
            return any(map(self.sides[there].defines, values_of(x)))
        if type(x) in (str, DeferredText):
            return is_marked(x) and any(self._is_made_in(v, there) for v in apart(x)[1])
        if isinstance(x, MaybeUnbound | MaybeNone):
            return self.sides[there].defines(x.flag) or self._is_made_in(x.value, there)
        if isinstance(x, Tracer) and not isinstance(x, StructuredArray):
            return True
        if not has_parts(x):
            return False
        held = self.sides[there].held_in(x)
        parts = held if isinstance(held, list | tuple) else parts_of(held).values()
        return any(self._is_made_in(part, there) for part in parts)


def is_shared(x: Any) -> bool:
    """Whether it makes a difference that two names are bound to the same one."""
    return isinstance(x, list | deque | dict | set) or is_object(x)


def _some(x: Any) -> Any:
    """What a binding is where it is not None; UNDEFINED where it surely is None."""
    return x.value if isinstance(x, MaybeNone) else UNDEFINED if x is None else x


def unlike(name: str, a: Any, b: Any, fix: str) -> StructureError:
    """What is said where the sides of a branch leave different kinds of things."""
    if isinstance(a, ChosenConstant) and isinstance(b, ChosenConstant):
        fix = "collect what they are made of, and make the text outside"
    if name == VALUE:  # of a conditional expression, or of what stands for one
        return StructureError(
            f"what is decided at run time is {describe(a)} in some runs and {describe(b)} in "
            f"others; {fix}"
        )
    return StructureError(
        f"the two sides of a branch that is decided at run time leave {name!r} as {describe(a)} "
        f"and as {describe(b)}; {fix}"
    )


def describe(x: Any) -> str:
    """A value's kind for messages."""
    if isinstance(x, Array):
        shown = ", ".join(str(d) if isinstance(d, int) else "n" for d in x.dims)
        return f"{x.dtype} array of shape ({shown})"
    if isinstance(x, IntOrFloat | IntOrScalar | MixedScalar | TaggedScalar):
        return " or ".join(map(_shown, kinds_of(x)))
    if isinstance(x, Scalar):
        return f"NumPy {x.dtype} scalar"
    if isinstance(x, PyScalar):
        return f"Python {x.kind}"
    if isinstance(x, ChosenConstant):
        return f"one of {len(x.choices)} of {type(x.choices[0]).__name__}"
    if type(x) in (tuple, list) and not is_grown(x):
        return f"{type(x).__name__} of {len(x)}"
    return repr(x) if isinstance(x, int | float | complex | str | type(None)) else type(x).__name__


def _shown(kind: Number) -> str:
    return f"Python {kind.kind}" if isinstance(kind.kind, str) else f"NumPy {kind.kind} scalar"
