"""What a program changes between two calls, where compiled code has looked at it: the next call
does as Python does. (Classes: `test_classes_changed_later.py`; variables: `test_stale.py`.)"""

from __future__ import annotations

import abc
import dataclasses
import functools
import sys
import types
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import pytest

from tests.trace import changing_module
from tracejit import jit

Made = tuple[Callable[..., Any], Callable[[], object], tuple[Any, ...]]


def single_dispatch() -> Made:
    @functools.singledispatch
    def h(x: Any) -> Any:
        return 1.0

    return lambda x: h(x) * 2, lambda: h.register(float, lambda x: 8.0), (3.0,)


def single_dispatch_method() -> Made:
    class P:
        def __init__(self) -> None:
            self.q = 1.0

        @functools.singledispatchmethod
        def h(self, x: Any) -> Any:
            return self.q

    def change() -> None:
        P.__dict__["h"].register(float, lambda self, x: x * 8)

    return lambda x, p: p.h(x) * 2, change, (3.0, P())


def registered() -> Made:
    class A(abc.ABC):
        pass

    class P:
        def __init__(self) -> None:
            self.q = 1.0

    return lambda x, p: x if isinstance(p, A) else -x, lambda: A.register(P), (3.0, P())


def registered_number() -> Made:
    class A(abc.ABC):
        pass

    return lambda x: x if isinstance(x, int | A) else -x, lambda: A.register(float), (3.0,)


def registered_class() -> Made:
    class A(abc.ABC):
        pass

    class P:
        pass

    return lambda x: x if issubclass(P, (int, A)) else -x, lambda: A.register(P), (3.0,)


@runtime_checkable
class _HasT(Protocol):
    t: float


def attribute_of_a_protocol() -> Made:
    held = types.SimpleNamespace(p=_Holder())
    return lambda x: x if isinstance(held.p, _HasT) else -x, lambda: held.p.put(), (3.0,)


class _Holder:
    def put(self) -> None:
        self.t = 1.0


def asked_by_a_metaclass() -> Made:
    class M(type):
        pass

    class A(metaclass=M):
        pass

    def change() -> None:
        M.__instancecheck__ = lambda cls, x: x > 2  # type: ignore[method-assign]

    return lambda x: x if isinstance(x, A) else -x, change, (3.0,)


def called_by_a_metaclass() -> Made:
    class M(type):
        pass

    class P(metaclass=M):
        def __init__(self, v: Any) -> None:
            self.v = v

    def change() -> None:
        M.__call__ = lambda cls, v: types.SimpleNamespace(v=100.0)  # type: ignore[method-assign]

    return lambda x: P(x).v, change, (3.0,)


class _State:
    def __init__(self) -> None:
        self.q = 1.0

    def m(self) -> float:
        return self.q


class _Other(_State):
    def m(self) -> float:
        return self.q * 50


def class_of_a_variable() -> Made:
    p = _State()

    def change() -> None:
        p.__class__ = _Other

    return lambda x: x + p.m(), change, (3.0,)


def class_of_an_attribute() -> Made:
    held = types.SimpleNamespace(p=_State())

    def change() -> None:
        held.p.__class__ = _Other

    return lambda x: x + held.p.m(), change, (3.0,)


def class_of_an_argument() -> Made:
    p = _State()

    def change() -> None:
        p.__class__ = _Other

    return lambda x, p: x + p.m(), change, (3.0, p)


def imported_module() -> Made:
    def f(x: Any) -> Any:
        from tests.trace import changing_module

        return x * changing_module.k

    return f, lambda: setattr(changing_module, "k", changing_module.k + 1), (3.0,)


def imported_by_name() -> Made:
    def f(x: Any) -> Any:
        import tests.trace.changing_module as module

        return x * module.k

    return f, lambda: setattr(changing_module, "k", changing_module.k + 1), (3.0,)


def imported_value() -> Made:
    def f(x: Any) -> Any:
        from tests.trace.changing_module import a, k

        return x * k + a[1]

    def change() -> None:
        changing_module.k += 1
        changing_module.a[1] += 1

    return f, change, (3.0,)


def imported_relatively() -> Made:
    def f(x: Any) -> Any:
        from .changing_module import k

        return x * k

    return f, lambda: setattr(changing_module, "k", changing_module.k + 1), (3.0,)


def imported_anew() -> Made:
    name = "tests.trace.made_up"

    def put(k: float) -> None:
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].k = k  # type: ignore[attr-defined]

    def f(x: Any) -> Any:
        from tests.trace.made_up import k  # type: ignore[import-not-found]

        return x * k

    put(2.0)
    return f, lambda: put(7.0), (3.0,)


def own_before_cached() -> Made:
    class P:
        def __init__(self) -> None:
            self.q = 1.0

        @functools.cached_property
        def c(self) -> Any:
            return self.q * 3

    p = P()
    return lambda x, p: x + p.c, lambda: p.__dict__.update(c=50.0), (3.0, p)


def own_before_descriptor() -> Made:
    class D:
        def __get__(self, x: Any, kind: Any = None) -> float:
            return 5.0

    class P:
        d = D()

        def __init__(self) -> None:
            self.q = 1.0

    p = P()
    return lambda x, p: x + p.d, lambda: p.__dict__.update(d=50.0), (3.0, p)


def default_of_a_record() -> Made:
    @dataclasses.dataclass
    class P:
        a: float
        b: float = 2.0

    def change() -> None:
        P.__init__.__defaults__ = (9.0,)  # type: ignore[misc]

    return lambda x: P(x).b * x, change, (3.0,)


class _Matched:
    __match_args__ = ("a", "b")

    def __init__(self) -> None:
        self.a, self.b = 1.0, 2.0


def names_of_a_pattern() -> Made:
    class P(_Matched):
        __match_args__ = ("a", "b")

    def f(x: Any, p: Any) -> Any:
        match p:
            case P(v):
                return x * v
        return -x

    return f, lambda: setattr(P, "__match_args__", ("b", "a")), (3.0, P())


def equality_of_keys() -> Made:
    class K:
        def __init__(self, v: int) -> None:
            self.v = v

        def __eq__(self, other: object) -> bool:
            return isinstance(other, K) and self.v == other.v

        def __hash__(self) -> int:
            return hash(self.v)

    d = {K(1): 5.0}
    return lambda x: x * d.get(K(1), 7.0), lambda: setattr(K, "__eq__", lambda s, o: False), (3.0,)


def built_in_without_source() -> Made:
    space: dict[str, Any] = {}
    exec("def f(x): return abs(x)", space)
    return space["f"], lambda: space.update(abs=lambda x: 99.0), (3.0,)


def undefined_without_source() -> Made:
    space: dict[str, Any] = {}
    exec("def f(x):\n    try: return x * K\n    except NameError: return -x", space)
    return space["f"], lambda: space.update(K=4.0), (3.0,)


CASES = [
    single_dispatch, single_dispatch_method, registered, registered_number, registered_class,
    attribute_of_a_protocol,
    asked_by_a_metaclass, called_by_a_metaclass, class_of_a_variable, class_of_an_attribute,
    class_of_an_argument, imported_module, imported_by_name, imported_value, imported_relatively,
    imported_anew, own_before_cached, own_before_descriptor, default_of_a_record,
    names_of_a_pattern, equality_of_keys, built_in_without_source, undefined_without_source,
]  # fmt: skip


def _outcomes(make: Callable[[], Made], wrap: Callable[..., Any]) -> list[Any]:
    changing_module.k, changing_module.a[1] = 2.0, 1.0
    function, change, args = make()
    wrapped = wrap(function)
    found = [wrapped(*args), wrapped(*args)]
    change()
    return [*found, wrapped(*args), wrapped(*args)]


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_as_python(make: Callable[[], Made]) -> None:
    want = _outcomes(make, lambda f: f)
    assert _outcomes(make, lambda f: jit(f, cache=False)) == want
    assert want[1] != want[2], "nothing has changed"
