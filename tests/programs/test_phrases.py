"""Phrases under `jit`, in every way; compiled for the first shapes and for all at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.programs.arrays_in_lists import CHANGED, ROWS
from tests.programs.assumptions import ASSUMPTIONS
from tests.programs.comprehensions import COMPREHENSIONS, ITERATORS
from tests.programs.contexts import CONTEXTS
from tests.programs.control_flow import CONTROL_FLOW
from tests.programs.copying import COPIES
from tests.programs.deep_lists import DEEP, LENT, new
from tests.programs.deques import DEQUES
from tests.programs.dynamic_sizes import DYNAMIC_SIZES
from tests.programs.edges_of_python import EDGES
from tests.programs.generator_functions import GENERATOR_FUNCTIONS
from tests.programs.generators import GENERATORS
from tests.programs.growing_lists import GROWING
from tests.programs.kept_lengths import KEPT
from tests.programs.keyed import KEYED
from tests.programs.keys import KEYS
from tests.programs.list_operations import OPERATIONS
from tests.programs.lists_as_arrays import PLACES
from tests.programs.lists_by_reference import REFERENCES
from tests.programs.lists_of_lists import BEHIND, TABLES
from tests.programs.many_items import MANY_ITEMS
from tests.programs.mathematics import MATHEMATICS
from tests.programs.numbers_that_meet import NUMBERS, STEPS
from tests.programs.objects import OBJECTS
from tests.programs.optional import OPTIONAL
from tests.programs.ordering import ORDERING
from tests.programs.phrase import Phrase, cases, check
from tests.programs.python_types import KEYWORDS, METHODS, PATTERNS, SENTINELS, TYPES
from tests.programs.rebinding import REBINDING, UP, loss
from tests.programs.recursions import RECURSIONS
from tests.programs.run_tuples import TUPLES
from tests.programs.set_algebra import SET_ALGEBRA
from tests.programs.several_kinds import SEVERAL_KINDS
from tests.programs.sizes_in_arrays import SIZES_IN_ARRAYS
from tests.programs.state import STATE
from tests.programs.tagged_numbers import TAGGED
from tests.programs.views import VIEWS
from tracejit import UnsupportedError, grad, jit


@pytest.mark.parametrize(("phrase", "policy"), cases(CONTROL_FLOW))
def test_control_flow(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(CONTEXTS))
def test_contexts(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(DYNAMIC_SIZES))
def test_dynamic_sizes(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(SIZES_IN_ARRAYS))
def test_sizes_in_arrays(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize("axes", [lambda: ORDER, lambda: (ORDER[0], ORDER[1], ORDER[2])])
def test_an_order_of_axes_that_the_run_decides(axes: Any) -> None:
    for f in (lambda x: np.transpose(x, axes()), lambda x: x.transpose(axes())):
        with pytest.raises(UnsupportedError, match="write it as an int, or a tuple of ints"):
            jit(f)(np.zeros((2, 3, 4)))


ORDER = np.array([2, 0, 1])


@pytest.mark.parametrize(("phrase", "policy"), cases(SET_ALGEBRA))
def test_set_algebra(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(
    "ask", [lambda a, b: a | b, lambda a, b: a <= b, lambda a, b: a | {1}, lambda a, b: a == b]
)
def test_sets_in_which_a_nan_may_be(ask: Any) -> None:
    def f(x: Any) -> Any:
        a, b = set(), set()
        for v in x:
            a.add(float(v))
            b.add(float(v))
        return ask(a, b)

    with pytest.raises(UnsupportedError, match=r"a nan is in both of them .* np\.union1d"):
        jit(f, opt_level=0)(np.array([1.0, 2.0]))


@pytest.mark.parametrize(("phrase", "policy"), cases(VIEWS))
def test_views(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(REBINDING))
def test_rebinding(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(GROWING))
def test_growing_lists(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(RECURSIONS))
def test_recursions(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(PLACES))
def test_lists_as_arrays(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(ROWS))
def test_arrays_in_lists(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize("f", CHANGED)
def test_arrays_in_lists_stay_as_they_are(f: Any) -> None:
    with pytest.raises(UnsupportedError, match="put a copy there"):
        jit(f)(np.array([1.0, 2.0]), 80)


def test_gradients_go_through_lists_of_arrays() -> None:
    def energy(x: Any) -> Any:
        rows = []
        for _ in range(80):
            x = x + 0.01 * np.sin(x)
            rows.append(x)
        return np.sum(np.array(rows) ** 2)

    x, h = np.array([1.0, 2.0]), 1e-6
    ends = [energy(x + h * e) - energy(x - h * e) for e in np.eye(2)]
    np.testing.assert_allclose(grad(energy)(x), np.array(ends) / (2 * h), rtol=1e-7)


@pytest.mark.parametrize(("phrase", "policy"), cases(GENERATOR_FUNCTIONS))
def test_generator_functions(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(MANY_ITEMS))
def test_many_items(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(TABLES))
def test_lists_of_lists(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize("f", BEHIND)
def test_rows_that_are_written_show_under_each_name(f: Any) -> None:
    x = np.array([1])
    assert jit(f, opt_level=0)(x) == f(x)


@pytest.mark.parametrize(("phrase", "policy"), cases(DEEP))
def test_deep_lists(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(LENT))
def test_lists_of_arguments_that_are_changed(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize("make", [new([[1], [2, 3], [4]], 1), new([[k, 5] for k in range(99)], 1)])
def test_lists_of_arguments_are_the_callers(make: Any) -> None:
    def f(x: Any, i: Any) -> Any:
        x[i].append(7)
        x[0], x[i] = x[i], x[0]
        return x[i], x[::-1], [x[0]]

    x, i = make()
    before = list(x)
    one, backwards, (first,) = jit(f, shapes="dynamic")(x, i)
    assert one is before[0] is x[1]
    assert first is before[1] is x[0]
    assert first[-1] == 7
    assert all(any(row is other for other in before) for row in backwards)


def test_a_list_that_is_returned_in_several_places_is_one() -> None:
    def f(n: int) -> Any:
        g: list[list[int]] = [[] for _ in range(n)]
        for i in range(n):
            g[i % 3].append(i)
        longest = g[0]
        for row in g:
            if len(row) > len(longest):
                longest = row
        return g, g[n // 2], longest, {"longest": longest}

    g, middle, longest, named = jit(f, shapes="dynamic")(7)
    assert (g, middle, longest, named) == f(7)
    assert middle is g[3]
    assert longest is g[0] is named["longest"]


@pytest.mark.parametrize(("phrase", "policy"), cases(REFERENCES))
def test_lists_by_reference(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(GENERATORS))
def test_generators(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(KEYED))
def test_dicts_of_which_the_run_decides_the_keys(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(KEYS))
def test_keys(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(COPIES))
def test_copies(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(STATE))
def test_state(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(NUMBERS))
def test_numbers_that_meet(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(TAGGED))
def test_tagged_numbers(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(SEVERAL_KINDS))
def test_numbers_of_several_kinds(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(STEPS))
def test_steps(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(OBJECTS))
def test_objects(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize("k", [-1.0, 0.7])
def test_gradient_through_rebinding(k: float) -> None:
    steps = 1e-6 * np.eye(3)
    slopes = [(loss(UP + h, k) - loss(UP - h, k)) / 2e-6 for h in steps]
    np.testing.assert_allclose(jit(grad(loss))(UP, k), slopes, rtol=1e-6)


def nested_steps(x: Any, n: int) -> Any:
    total = 0.0
    for i in range(n):
        for j in range(i):
            if x[j] > total:
                continue
            total += x[i] * j
    return total


def test_code_does_not_grow_with_trip_counts() -> None:
    lengths = []
    for n in (3, 30, 300):
        x = np.linspace(-1.0, 1.0, n)
        compiled = jit(nested_steps, shapes="static")
        assert compiled(x, n) == nested_steps(x, n)
        lengths.append(compiled.inspect_ir(x, n).count("\n"))
    assert len(set(lengths)) == 1


def test_trip_counts_share_one_compilation() -> None:
    compiled = jit(nested_steps)
    x = np.linspace(-1.0, 1.0, 40)
    for n in range(2, 40):
        assert compiled(x, n) == nested_steps(x, n)
    assert compiled.stats().compilations <= 3


@pytest.mark.parametrize(
    "consume",
    [
        lambda x: x[x > 0].mean(),
        lambda x: x[x > 0].sum(),
        lambda x: (x[x > 0] ** 2 + 1).max(),
        lambda x: np.count_nonzero(x[x > 0] < 0.5),
    ],
    ids=["mean", "sum", "max", "count"],
)
def test_what_is_consumed_at_once_is_not_stored(consume: Any) -> None:
    x = np.linspace(-1.0, 1.0, 50)
    compiled = jit(consume)
    np.testing.assert_allclose(compiled(x), consume(x), rtol=1e-14)
    assert "alloc" not in compiled.inspect_program(x)


def test_the_shape_of_an_argument_is_the_callers() -> None:
    def flattened(x: Any) -> Any:
        x.shape = -1
        return x

    with pytest.raises(UnsupportedError, match=r"bind a name to x.reshape"):
        jit(flattened)(np.ones((2, 3)))


@pytest.mark.parametrize(("phrase", "policy"), cases(ASSUMPTIONS))
def test_assumptions(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(TYPES))
def test_types(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(PATTERNS))
def test_patterns(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(METHODS))
def test_methods_of_numbers(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(KEYWORDS))
def test_keywords_of_builtins(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(SENTINELS))
def test_sentinels(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(COMPREHENSIONS))
def test_comprehensions(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(ITERATORS))
def test_iterators(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


def _total_again(pairs: Any) -> Any:
    return sum(a for a, _ in pairs)


@pytest.mark.parametrize("again", [_total_again, list])
def test_an_iterator_is_gone_through_once(again: Any) -> None:
    """What is left of it is not known when compiling: an error, not its items again."""

    def twice(x: Any) -> Any:
        pairs = zip(x, x)
        total = 0.0
        for a, b in pairs:
            total += a * b
        return total, again(pairs)

    with pytest.raises(UnsupportedError, match="gone through more than once"):
        jit(twice)(np.ones(5))


def test_an_iterator_that_is_at_its_end_has_no_next() -> None:
    def f(x: Any) -> Any:
        pairs = zip(x, x)
        for _ in pairs:
            pass
        return next(pairs)

    with pytest.raises(StopIteration):
        jit(f)(np.ones(5))


def test_an_iterator_goes_on_where_it_stopped_at_each_turn() -> None:
    def nested(x: Any, most: float) -> Any:
        pairs = enumerate(x)
        totals = np.zeros(len(x))
        for k in range(len(x)):
            for a, b in pairs:
                totals[k] += a * b
                if totals[k] > most:
                    break
        return totals

    x = np.arange(6.0)
    for most in (100.0, 3.0, -1.0):
        assert jit(nested)(x, most).tolist() == nested(x, most).tolist()


@pytest.mark.parametrize(("phrase", "policy"), cases(DEQUES))
def test_deques(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(MATHEMATICS))
def test_mathematics(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(OPERATIONS))
def test_operations_of_lists(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(EDGES))
def test_edges_of_python(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(KEPT))
def test_lists_that_keep_their_length(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(TUPLES))
def test_tuples_of_the_run(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(OPTIONAL))
def test_optional(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


@pytest.mark.parametrize(("phrase", "policy"), cases(ORDERING))
def test_ordering(phrase: Phrase, policy: str) -> None:
    check(phrase, policy)


def test_a_nan_has_no_place_in_an_order() -> None:
    with pytest.raises(ValueError, match="nan"):
        jit(lambda x: sorted(x))(np.array([1.0, np.nan, 0.0]))
