"""Classes as values: what a metaclass of the program's defines, abstract classes, enumerations, and
what the generated methods of dataclasses do."""

from __future__ import annotations

import abc
import collections.abc
import dataclasses
import enum
import numbers
from collections.abc import Callable
from typing import Any

import pytest

from tracejit import jit


class Meta(type):
    def __instancecheck__(cls, x: Any) -> Any:
        return x > 3

    def __len__(cls) -> int:
        return 5

    def __getitem__(cls, k: Any) -> Any:
        return k * 2.0

    def __iter__(cls) -> Any:
        return iter((1.0, 2.0))

    def __add__(cls, other: Any) -> Any:
        return other + 100

    def __bool__(cls) -> bool:
        return False

    def __contains__(cls, k: Any) -> bool:
        return bool(k == 3)

    def __getattr__(cls, name: str) -> Any:
        return 7.0


class A(metaclass=Meta):
    pass


class E(enum.IntEnum):
    X = 1
    Y = 2


class F(enum.Flag):
    P = 1
    Q = 2


class Abstract(abc.ABC):
    @abc.abstractmethod
    def m(self) -> Any: ...


class Concrete(Abstract):
    def m(self) -> Any:
        return 2.0


@dataclasses.dataclass
class Scaled:
    a: float
    b: float = 2.0

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value * 10)


@dataclasses.dataclass
class Doubled:
    a: float

    @property
    def b(self) -> Any:
        return self._b

    @b.setter
    def b(self, value: Any) -> None:
        self._b = value * 2

    def __post_init__(self) -> None:
        self.b = self.a


@dataclasses.dataclass
class Made:
    a: float
    c: list[float] = dataclasses.field(default_factory=lambda: [1.0, 2.0])
    d: float = dataclasses.field(default=3.0, init=False)


@dataclasses.dataclass(slots=True)
class Slotted:
    a: float
    b: float = 1.0


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: float
    b: float = 1.0


CASES: list[Callable[[Any], Any]] = [
    lambda x: x if isinstance(x, A) else -x,
    lambda x: len(A) * x,
    lambda x: A[x],
    lambda x: sum(A) + x,  # type: ignore[arg-type]
    lambda x: A + x,
    lambda x: x if A else -x,
    lambda x: x if 3 in A else -x,
    lambda x: A.nothing * x,
    lambda x: sum(e.value for e in E) * x,
    lambda x: E.X * x,
    lambda x: E(2) * x,
    lambda x: len(E) * x,
    lambda x: E["X"].value * x,
    lambda x: {E.X: x}[E.X],
    lambda x: x if E.X in E else -x,
    lambda x: x if (F.P | F.Q) & F.P else -x,
    lambda x: x if isinstance(Concrete(), Abstract) else -x,
    lambda x: Concrete().m() * x,
    lambda x: x if issubclass(Concrete, Abstract) else -x,
    lambda x: x if isinstance(x, numbers.Real) else -x,
    lambda x: x if isinstance((1, 2), collections.abc.Sequence) else -x,
    lambda x: x if isinstance(x, int | float) else -x,
    lambda x: Scaled(x).a + Scaled(x).b,
    lambda x: Doubled(x).b,
    lambda x: Made(x).c[1] + Made(x, [5.0, 7.0]).c[1] + Made(x).d,
    lambda x: Slotted(x).b + x,
    lambda x: Frozen(x).b + Frozen(x, x).b,
]


@pytest.mark.parametrize("k", range(len(CASES)))
def test_as_python(k: int) -> None:
    f = CASES[k]
    fast = jit(f, cache=False)
    assert [fast(x) for x in (2.0, 5.0)] == [f(x) for x in (2.0, 5.0)]


def test_an_abstract_class_is_not_made() -> None:
    def f(x: Any) -> Any:
        return Abstract().m() * x  # type: ignore[abstract]

    for g in (f, jit(f)):
        with pytest.raises(TypeError, match="abstract"):
            g(2.0)
