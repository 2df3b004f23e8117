"""Whether a value matches a pattern of ``match``, asked through the operators, part by part.

What a pattern captures counts only where it matches; what decides it may be known at run time only.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from functools import partial
from typing import Any

from tracejit.errors import throw

Pattern = tuple[Any, ...]

#: Flags of classes: what CPython's own ``match`` looks at.
_SEQUENCE, _MAPPING, _SELF = 1 << 5, 1 << 6, 1 << 22


def matched(ops: Any, subject: Any, pattern: Pattern, names: tuple[str, ...]) -> tuple[Any, ...]:
    """Whether the pattern matches, and what it captured under each of the names (or None)."""
    matching = _Matching(ops)
    test = matching.test(pattern, subject)
    return test, *(matching.captured.get(name) for name in names)


class _Matching:
    def __init__(self, ops: Any) -> None:
        self.ops = ops
        self.captured: dict[str, Any] = {}

    def test(self, pattern: Pattern, subject: Any) -> Any:
        kind, *parts = pattern
        ask: Callable[..., Any] = getattr(self, f"_{kind}")
        return ask(subject, *parts)

    def all(self, *tests: Callable[[], Any]) -> Any:
        """Whether all hold. Those after one that surely fails are not asked."""
        result: Any = True
        for ask in tests:
            test = ask()
            if test is False:
                return False
            result = test if result is True else self.ops.and_(result, lambda test=test: test)
        return result

    def _value(self, subject: Any, value: Callable[[], Any]) -> Any:
        return self.ops.truth(self.ops.compare_one("==", subject, value()))

    def _same(self, subject: Any, constant: Any) -> Any:
        return self.ops.is_(subject, constant)

    def _as(self, subject: Any, inner: Pattern | None, name: str | None) -> Any:
        test = True if inner is None else self.test(inner, subject)
        if name is not None and test is not False:
            self.captured[name] = subject
        return test

    def _or(self, subject: Any, patterns: tuple[Pattern, ...]) -> Any:
        result: Any = False
        for pattern in patterns:
            held = self.captured
            self.captured = dict(held)
            test = self.test(pattern, subject)
            if test is False:
                self.captured = held
                continue
            if result is False:
                result = test
            else:
                self._either(result, held)
                result = self.ops.or_(result, lambda test=test: test)
            if result is True:
                break
        return result

    def _either(self, earlier: Any, held: dict[str, Any]) -> None:
        """What was captured is what an earlier alternative captured, where that matches."""
        for name, value in held.items():
            mine = self.captured[name]
            if mine is not value:
                self.captured[name] = self.ops.if_expr(
                    earlier, lambda v=value: v, lambda v=mine: v, None
                )

    def _sequence(self, subject: Any, patterns: tuple[Pattern, ...]) -> Any:
        if not self.ops.call(builtins.type, subject).__flags__ & _SEQUENCE:
            return False
        count = self.ops.call(builtins.len, subject).__index__()
        star = next((k for k, p in enumerate(patterns) if p[0] == "star"), None)
        if star is None:
            if count != len(patterns):
                return False
            return self._items(subject, patterns, 0)
        after = patterns[star + 1 :]
        if count < len(patterns) - 1:
            return False
        end = count - len(after)
        name = patterns[star][1]
        if name is not None:
            items = [self.ops.getitem(subject, k) for k in range(star, end)]
            self.captured[name] = self.ops.made(items)
        return self.all(
            lambda: self._items(subject, patterns[:star], 0),
            lambda: self._items(subject, after, end),
        )

    def _items(self, subject: Any, patterns: tuple[Pattern, ...], first: int) -> Any:
        return self.all(
            *(
                lambda p=p, k=k: (
                    p == ("as", None, None) or self.test(p, self.ops.getitem(subject, k))
                )
                for k, p in enumerate(patterns, first)
            )
        )

    def _mapping(
        self,
        subject: Any,
        keys: tuple[Callable[[], Any], ...],
        patterns: tuple[Pattern, ...],
        rest: str | None,
    ) -> Any:
        if not self.ops.call(builtins.type, subject).__flags__ & _MAPPING:
            return False
        self.ops.looked_into(subject)
        wanted = [key() for key in keys]
        if not all(key in subject for key in wanted):
            return False
        if rest is not None:
            others = {k: self.ops.getitem(subject, k) for k in subject if k not in wanted}
            self.captured[rest] = self.ops.made(others)
        pairs = zip(wanted, patterns, strict=True)
        return self.all(
            *(lambda k=k, p=p: self.test(p, self.ops.getitem(subject, k)) for k, p in pairs)
        )

    def _class(
        self,
        subject: Any,
        cls: Callable[[], Any],
        patterns: tuple[Pattern, ...],
        names: tuple[str, ...],
        named: tuple[Pattern, ...],
    ) -> Any:
        kind = cls()
        if not isinstance(kind, type):
            throw(TypeError("called match pattern must be a class"))
        test = self.ops.call(builtins.isinstance, subject, kind)
        if test is False:
            return False
        tests: list[Callable[[], Any]] = [lambda: test]
        own = _positional(self.ops, kind, len(patterns))
        if own is None:
            tests.append(lambda: self.test(patterns[0], subject))
        else:
            names, named = (*own, *names), (*patterns, *named)
        seen: set[str] = set()
        for name, pattern in zip(names, named, strict=True):
            if name in seen:
                throw(
                    TypeError(f"{kind.__name__}() got multiple sub-patterns for attribute {name!r}")
                )
            seen.add(name)
            tests.append(partial(self._attribute, subject, name, pattern))
        return self.all(*tests)

    def _attribute(self, subject: Any, name: str, pattern: Pattern) -> Any:
        try:
            value = self.ops.getattr(subject, name)
        except AttributeError:
            return False
        return self.test(pattern, value)


def _positional(ops: Any, kind: type, count: int) -> tuple[str, ...] | None:
    """The attributes that patterns without a name stand for; None where the one that there is
    stands for the object itself."""
    try:
        allowed = ops.getattr(kind, "__match_args__")
    except AttributeError:
        allowed = None
    is_own = allowed is None and bool(kind.__flags__ & _SELF)
    if allowed is not None and not isinstance(allowed, tuple):
        throw(
            TypeError(
                f"{kind.__name__}.__match_args__ must be a tuple (got {type(allowed).__name__})"
            )
        )
    most = 1 if is_own else len(allowed or ())
    if count > most:
        plural = "" if most == 1 else "s"
        throw(
            TypeError(
                f"{kind.__name__}() accepts {most} positional sub-pattern{plural} ({count} given)"
            )
        )
    return None if is_own and count else (allowed or ())[:count]
