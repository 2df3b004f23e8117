"""Classes of `records.dataclass` are as the standard library's; their methods are made later."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

import pytest

from tracejit import records

Decorator = Callable[..., Any]


def classes(dataclass: Decorator) -> Sequence[type]:
    """One class of each kind, by either decorator."""

    @dataclass
    class Plain:
        a: int
        b: list[int] = field(default_factory=list)

    @dataclass(frozen=True)
    class Frozen:
        a: int
        b: Any = 2
        seen: int = field(default=3, compare=False)
        hidden: int = field(default=4, repr=False, hash=False)

    @dataclass(frozen=True, eq=False)
    class Identity:
        a: int
        b: int = 0

    @dataclass(frozen=True, kw_only=True)
    class Named(Frozen):
        c: int = 7

    @dataclass(frozen=True)
    class OwnMethods(Frozen):
        c: Any = field(init=False, default=None)

        def __post_init__(self) -> None:
            object.__setattr__(self, "c", (self.a, self.b))

        def __hash__(self) -> int:
            return 5

        def __repr__(self) -> str:
            return "own"

    @dataclass
    class OwnEq:
        a: int
        b: int = 0

        def __eq__(self, other: object) -> bool:
            return True

    class Undecorated(Frozen):
        pass

    @dataclass(frozen=True)
    class Empty:
        """Nothing."""

    return Plain, Frozen, Identity, Named, OwnMethods, OwnEq, Undecorated, Empty


STANDARD, OURS = classes(dataclasses.dataclass), classes(records.dataclass)
CALLS: Sequence[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    ((1,), {}),
    ((1, [2]), {}),
    ((), {"a": 1, "b": [2]}),
    ((1, 2), {"c": 3}),
    ((1, 2, 3, 4, 5), {}),
    ((1,), {"a": 1}),
]


def _outcome(run: Callable[[], Any]) -> Any:
    try:
        return run()
    except TypeError as error:
        return re.sub(r"\S*__init__", "__init__", str(error))


@pytest.mark.parametrize("number", range(len(OURS)), ids=[c.__name__ for c in OURS])
def test_as_in_the_standard_library(number: int) -> None:
    """What constructing, comparing, hashing and showing give, and which errors."""
    answers = []
    for kind in (STANDARD[number], OURS[number]):
        made = [_outcome(lambda c=c: kind(*c[0], **c[1])) for c in CALLS]
        again = [_outcome(lambda c=c: kind(*c[0], **c[1])) for c in CALLS]
        found = [x for x in made if not isinstance(x, str)]
        assert found
        answers.append(
            [
                [x if isinstance(x, str) else (repr(x), vars(x)) for x in made],
                [[x == y for x in made] for y in again],
                [
                    _outcome(lambda x=x: hash(x) == hash(y))
                    for x, y in zip(made, again, strict=True)
                ],
                [dataclasses.asdict(x) for x in found],
                [vars(dataclasses.replace(x)) for x in found],
                [f.name for f in dataclasses.fields(kind)],
                kind.__match_args__,
                kind.__doc__ == "Nothing.",
            ]
        )
    assert answers[0] == answers[1]


def test_fields_of_lists_are_not_shared() -> None:
    """A default that is made is made for each object."""
    first, second = OURS[0](1), OURS[0](1)
    assert first.b is not second.b


def test_methods_are_made_by_their_first_call() -> None:
    """Nothing is compiled for a class of which there are no objects."""

    @records.dataclass(frozen=True)
    class Fresh:
        a: int

    before = {name: vars(Fresh)[name] for name in ("__init__", "__eq__", "__hash__")}
    Fresh(1)
    assert vars(Fresh)["__init__"] is not before["__init__"]
    assert vars(Fresh)["__eq__"] is before["__eq__"]
    assert Fresh(1) == Fresh(1)
    assert Fresh(1) != Fresh(2)
    assert vars(Fresh)["__eq__"] is not before["__eq__"]
    assert vars(Fresh)["__hash__"] is before["__hash__"]


def test_the_package_has_no_others() -> None:
    """No module takes the standard library's, which costs at each import, but for the one that
    exported packages have a copy of."""
    package = Path(records.__file__).parent
    taken = re.compile(r"^from dataclasses import .*\bdataclass\b|@dataclasses\.dataclass", re.M)
    others = [p.name for p in package.rglob("*.py") if taken.search(p.read_text())]
    assert others == ["python_runtime.py"]
