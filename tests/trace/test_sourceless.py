"""Functions whose source cannot be read: their answers are not stale either."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracejit import UnsupportedError, jit

TEXT = """
def scaled(x): return x * K
def shifted(x): return x + A
def first(x): return x + A[0]
def helped(x): return h(x)
def listed(x): return x * L[0]
def mapped(x): return x * D["a"]
def of_list(x): return x * L[1][0]
def of_object(x): return x * c.k + c.a * c.inner.k
def adds(x):
    A[0] += x.sum()
    A[1:] = 7
    return x * A
def late(x): return x * LATE
def power(x, n): return x if n == 0 else x * power(x, n - 1)
def sets(x):
    global K
    K = 5.0
    return x
def counted(x):
    n = 0
    def inc():
        nonlocal n
        n += 1
        return n
    return x * inc() * inc()
def parts(x):
    for i in range(3):
        yield x * i * K
def total(x): return sum(parts(x))
def asks(x): return x if x[0] > 0 else -x
def told(x, v): return x + 1 if isinstance(v, np.ndarray) else x - 1
def told_of_itself(x): return x + 1 if isinstance(x, (int, np.ndarray)) else x - 1
def told_of_number(x): return x * 2 if isinstance(x[0], np.float64) and type(x[0]) is not int else x
def told_by_type(x): return x * 3 if type(x) is np.ndarray and isinstance(type(x), type) else x
def told_by_class(x): return x * 3 if x.__class__ is np.ndarray else x
def matched(x):
    match x:
        case np.ndarray(): return x + 1
    return x
class C:
    w = 1.0
    def method(self, x): return x * self.k * K + self.a
    def weighted(self, x): return x * self.w
def calls(x): return c.method(x)
def weighs(x): return c.weighted(x)
def method_of(use): return lambda self, x: use(x, self.w)
def made(k, a):
    def inner(x): return x * k + a
    def change(v):
        nonlocal k
        k = v
    return inner, change
"""
X = np.arange(1.0, 4.0)


@pytest.fixture(name="space")
def _space() -> dict[str, Any]:
    space: dict[str, Any] = {"np": np, "K": 2.0, "A": np.ones(3), "h": lambda x: x + 1}
    space |= {"L": [1.0, np.ones(3)], "D": {"a": 1.0}}
    exec(TEXT, space)
    space["c"], space["inner"] = space["C"](), space["C"]()
    vars(space["c"]).update(k=1.0, a=np.ones(3), inner=space["inner"])
    space["inner"].k = 5.0
    return space


def check(function: Callable[..., Any], *changes: Callable[[], Any]) -> None:
    compiled = jit(function)
    for change in (lambda: None, *changes):
        change()
        np.testing.assert_array_equal(compiled(X), function(X))


def test_globals(space: dict[str, Any]) -> None:
    check(space["scaled"], lambda: space.update(K=3.0), lambda: space.update(K=3))
    check(space["helped"], lambda: space.update(h=lambda x: x + 10))
    check(space["total"], lambda: space.update(K=4.0))
    for name in ("shifted", "first"):
        check(
            space[name],
            lambda: space["A"].__setitem__(0, 9.0),
            lambda: space.update(A=np.full(3, 4.0)),
        )


def test_containers(space: dict[str, Any]) -> None:
    check(space["listed"], lambda: space["L"].__setitem__(0, 4.0))
    check(space["mapped"], lambda: space["D"].update(a=4.0))
    check(space["of_list"], lambda: space["L"][1].__setitem__(0, 4.0))


@pytest.mark.parametrize("name", ["of_object", "calls"])
def test_objects(space: dict[str, Any], name: str) -> None:
    c = space["c"]
    check(
        space[name],
        lambda: setattr(c, "k", 2.0),
        lambda: c.a.__setitem__(0, 7.0),
        lambda: setattr(c, "a", np.zeros(3)),
        lambda: setattr(c.inner, "k", 6.0),
        lambda: space.update(K=-1.0),
    )


def test_classes(space: dict[str, Any]) -> None:
    """What a method that runs as it is reads of its class and of functions around it."""
    cls, method_of = space["C"], space["method_of"]
    check(
        space["weighs"],
        lambda: setattr(cls, "w", 2.0),
        lambda: setattr(cls, "weighted", lambda self, x: x - self.w),
        lambda: setattr(cls, "weighted", method_of(lambda x, w: x * w)),
        lambda: setattr(cls, "weighted", method_of(lambda x, w: x + w)),
        lambda: setattr(cls, "w", 3.0),
        lambda: setattr(space["c"], "w", 4.0),
    )


def test_methods(space: dict[str, Any]) -> None:
    c = space["c"]
    check(c.method, lambda: setattr(c, "k", 2.0), lambda: c.a.__setitem__(0, 7.0))


def test_enclosing_variables(space: dict[str, Any]) -> None:
    a = np.ones(3)
    inner, change = space["made"](1.0, a)
    check(inner, lambda: change(5.0), lambda: a.__setitem__(0, 7.0))


def test_names_that_do_not_exist(space: dict[str, Any]) -> None:
    late = jit(space["late"])
    with pytest.raises(NameError):
        late(X)
    space["LATE"] = 3.0
    np.testing.assert_array_equal(late(X), X * 3.0)


def test_arrays_are_written(space: dict[str, Any]) -> None:
    adds = jit(space["adds"])
    want = np.ones(3)
    for _ in range(2):
        want[0] += X.sum()
        want[1:] = 7
        np.testing.assert_array_equal(adds(X), X * want)
        np.testing.assert_array_equal(space["A"], want)


def test_own_variables(space: dict[str, Any]) -> None:
    check(space["counted"])
    np.testing.assert_array_equal(jit(space["power"])(X, 3), X**4)


FILLED = """
import numpy as np
from numpy import empty_like, ones as made
def powers(x, k):
    out = np.zeros((len(x) + 1, 2))
    out[0, 0] = k
    for i in range(3):
        out[i + 1] = out[i] * x[i] + k
    return out
def squares(x, k):
    y, z = empty_like(x), made(3)
    y[:] = x**2
    z[1] += y[0] * k
    return y, z, np.pi, isinstance(y, np.ndarray), np.full_like(x, k)
"""


@pytest.mark.parametrize("name", ["powers", "squares"])
@pytest.mark.parametrize("shapes", ["static", "dynamic"])
def test_arrays_that_are_made_to_be_filled(name: str, shapes: Any) -> None:
    space: dict[str, Any] = {}
    exec(FILLED, space)
    compiled = jit(space[name], shapes=shapes)
    for k in (2.0, 3.0):
        found, want = compiled(X, k), space[name](X, k)
        for a, b in zip(found, want, strict=True):
            np.testing.assert_array_equal(a, b)


def test_what_the_program_puts_into_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    space: dict[str, Any] = {"np": np}
    exec("def f(x): return x * np.ours\ndef sets(x): np.ours = 5.0; return x", space)
    f = jit(space["f"])
    for value in (2.0, 3.0):
        monkeypatch.setattr(np, "ours", value, raising=False)
        np.testing.assert_array_equal(f(X), X * value)
    with pytest.raises(UnsupportedError, match=r"numpy\.ours would be set once"):
        jit(space["sets"])(X)


def test_what_is_refused(space: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError, match="'K' would be set once"):
        jit(space["sets"])(X)
    with pytest.raises(UnsupportedError, match="source cannot be read"):
        jit(space["asks"])(X)
    exec("def number(x): return float(x[0])", space)
    said = r"float\(\) needs .*\(number, whose source cannot be read: put it in a file"
    with pytest.raises(UnsupportedError, match=said):
        jit(space["number"])(X)


def test_an_effect_named_in_the_line_that_imports_it() -> None:
    """Python 3.13 makes one instruction of storing a name and loading it."""
    space: dict[str, Any] = {}
    exec("def stamped(x): import time; return x * time.time()", space)
    with pytest.raises(UnsupportedError, match="time"):
        jit(space["stamped"])(X)


@pytest.mark.parametrize("name", ["told_of_itself", "told_of_number", "told_by_type"])
def test_questions_about_types(space: dict[str, Any], name: str) -> None:
    check(space[name])
    told, held = space["told"], np.ones(3)
    check(lambda x: told(x, held))
    check(lambda x: told(x, x[0]))


@pytest.mark.parametrize("name", ["told_by_class", "matched"])
def test_what_asks_traced_values_themselves_is_refused(space: dict[str, Any], name: str) -> None:
    with pytest.raises(UnsupportedError, match="put it in a file, or ask isinstance"):
        jit(space[name])(X)


BOXES = """
class Box:
    def __init__(self, a):
        self.a = a

    def twice(self):
        return self.a * 2


def f(x):
    return Box(x).twice()
"""


@pytest.mark.parametrize("name", [{}, {"__name__": "somewhere"}])
def test_classes_of_exec_are_the_programs(name: dict[str, str]) -> None:
    space: dict[str, Any] = {**name}
    file = f"<boxes {len(name)}>"
    linecache.cache[file] = (len(BOXES), None, BOXES.splitlines(True), file)
    exec(compile(BOXES, file, "exec"), space)
    np.testing.assert_array_equal(jit(space["f"])(np.ones(2)), [2.0, 2.0])


FAR = """
K, items = 2.0, []
class Held: value = 1.0
held = Held()
def scaled(x): return x * K * held.value
def chained(x): return step_0(x)
class Op:
    def __init__(self): self.next = None
    def __add__(self, x): return chained(x)
    def __mul__(self, x): return self.next.next.next.next.next.next.value * x
    def __sub__(self, x): return every(x)
    def __neg__(self): return callbacks[0][0](ones)
    def __pos__(self): return bound(ones)
    def __lt__(self, other): return held.value < 1.5
    def plain(self, x): return scaled(x)
op = Op()
far = op
for _ in range(6):
    far.next = Op()
    far = far.next
far.value = 3.0
ones = [1.0]
callbacks = [[lambda x: x[0] * K]]
class Bound:
    def method(self, x): return x[0] * K * held.value
bound = Bound().method
def added(x): return op + x
def multiplied(x): return op * x
def subtracted(x): return op - x
def negated(x): return x * -op
def kept(x): return x * +op
def compared(x): return x if sorted([op, op])[0] < op else -x
"""
FAR += "".join(f"def step_{k}(x): return step_{k + 1}(x)\n" for k in range(30))
FAR += "def step_30(x): return scaled(x)\n"
FAR += "def every(x): return " + " + ".join(f"part_{k}(x)" for k in range(1500)) + "\n"
FAR += "".join(f"def part_{k}(x): return x\n" for k in range(1499))
FAR += "def part_1499(x): return scaled(x)\n"


@pytest.mark.parametrize(
    "name", ["added", "multiplied", "subtracted", "negated", "kept", "compared"]
)
def test_what_is_far_away(name: str) -> None:
    """Operators of Python's own reach it: through many functions, attributes and containers."""
    space: dict[str, Any] = {}
    exec(FAR, space)
    compiled, x = jit(space[name], opt_level=0), np.array([1.0, 2.0])
    for change in (
        "",
        "K = 5.0",
        "held.value = 7.0",
        "Held.value, K = 2.0, 3.0",
        "far.value = 4.0",
    ):
        exec(change, space)
        np.testing.assert_array_equal(compiled(x), space[name](x))


def test_what_may_read_too_much_is_refused() -> None:
    space: dict[str, Any] = {}
    exec(FAR + "held.many = [Op() for _ in range(11_000)]", space)
    with pytest.raises(UnsupportedError, match="may read more than 10,000 objects"):
        jit(space["added"])(np.ones(2))


def test_attributes_of_arrays_are_those_of_numpy() -> None:
    space: dict[str, Any] = {}
    exec("def f(x): return x.strides, x.T.strides, x[::2].strides, x.shape, x.itemsize", space)
    for x in (np.ones((3, 4)), np.ones(3, np.float32), np.asfortranarray(np.ones((2, 3)))):
        assert jit(space["f"])(x) == space["f"](x)


LISTS = """
def first(x): return x[0], x[-1], len(x)
def total(x):
    n = 0
    for v in x: n += v
    return n
def of_array(x): return (x + 1).tolist()[2]
def rows(x): return [x, x[::-1]][1][0]
"""


@pytest.mark.parametrize("name", ["first", "total", "of_array", "rows"])
@pytest.mark.parametrize("count", [3, 70])
def test_many_numbers_in_a_list(name: str, count: int) -> None:
    """A list whose length the run decides would be one of one item to such a function."""
    space: dict[str, Any] = {}
    exec(LISTS, space)
    x: Any = [float(i) for i in range(count)]
    x = np.array(x) if name == "of_array" else x
    assert jit(space[name])(x) == space[name](x)
