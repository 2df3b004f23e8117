"""What converted functions call instead of Python's control flow: the plain meaning of each.

On plain values every operator does what the statement or expression that it replaces would have
done, including exceptions and order of evaluation. A tracer subclasses `Operators` and stages the
operators that meet a traced value.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from tracejit.errors import all_ask, throw
from tracejit.trace.convert.patterns import Pattern, matched
from tracejit.trace.convert.statement_operators import StatementOperators
from tracejit.trace.convert.statement_parts import (
    UNDEFINED,
    Env,
    GetState,
    SetState,
    Site,
    Thunk,
    Traits,
    Turn,
    Turns,
    VarInfo,
)
from tracejit.trace.convert.symbols import AUGMENTED, BINARY, COMPARED, UNARY

#: What shows the values in it, so that its text is made as ``str`` makes it.
_NESTED = (list, tuple, dict, set, BaseException)


def generated(turns: Iterator[Turn]) -> Iterator[Any]:
    """The items of a generator that was taken apart."""
    for test, value in turns:
        if test is None or test():
            yield value()


class Operators(StatementOperators):
    """Plain semantics. An override stages, and falls back to these on plain values."""

    UNDEFINED: Final = UNDEFINED

    # Logic ----------------------------------------------------------------------------------------

    def if_expr(self, test: Any, then_fn: Thunk, else_fn: Thunk, site: Site | None) -> Any:
        return then_fn() if test else else_fn()

    def and_(self, first: Any, *rest: Thunk) -> Any:
        result = first
        for thunk in rest:
            if not result:
                return result
            result = thunk()
        return result

    def or_(self, first: Any, *rest: Thunk) -> Any:
        result = first
        for thunk in rest:
            if result:
                return result
            result = thunk()
        return result

    def not_(self, value: Any) -> Any:
        return not value

    def truth(self, value: Any) -> Any:
        """`bool(value)`."""
        return self.not_(self.not_(value))

    def match(self, subject: Any, pattern: Pattern, names: tuple[str, ...]) -> tuple[Any, ...]:
        """Whether a value matches a pattern, and what that captures under each of `names`."""
        return matched(self, subject, pattern, names)

    def looked_into(self, mapping: Any) -> None:
        """A mapping's keys are about to be looked at as they are."""

    def none_set(self, *flags: Any) -> Any:
        """Whether no flag is set; the flags are bools made by the converter."""
        return self.not_(self.or_(flags[0], *(lambda flag=flag: flag for flag in flags[1:])))

    def binary(self, symbol: str, left: Any, right: Any) -> Any:
        """`left symbol right` for an arithmetic or bitwise operator."""
        return BINARY[symbol](left, right)

    def unary(self, symbol: str, value: Any) -> Any:
        """`-value`, `+value` or `~value`."""
        return UNARY[symbol](value)

    def compare(self, left: Any, symbols: tuple[str, ...], second: Any, *rest: Thunk) -> Any:
        """`left s0 second s1 rest[0] ...`: a chained comparison, each operand evaluated once."""
        result = self.compare_one(symbols[0], left, second)
        left = second
        for symbol, thunk in zip(symbols[1:], rest, strict=True):
            if not result:
                return result
            right = thunk()
            result = self.compare_one(symbol, left, right)
            left = right
        return result

    def compare_one(self, symbol: str, left: Any, right: Any) -> Any:
        if symbol in COMPARED and type(left) is type(right) and type(left) in (tuple, list):
            if symbol not in ("==", "!="):
                return self._ordered(symbol, left, right)
            same = self._same_items(left, right)
            return same if symbol == "==" else self.not_(same)
        if symbol in COMPARED:
            return COMPARED[symbol](left, right)
        if symbol in ("in", "not in"):
            found = self.contains(left, right)
            return found if symbol == "in" else self.not_(found)
        same = self.is_(left, right)
        return same if symbol == "is" else self.not_(same)

    def _same_items(self, left: Sequence[Any], right: Sequence[Any]) -> Any:
        """`==` of tuples or lists, item by item."""
        if len(left) != len(right):
            return False
        pairs = zip(left, right, strict=True)
        tests = [lambda x=x, y=y: x is y or self.compare_one("==", x, y) for x, y in pairs]
        return self.truth(self.and_(True, *tests))

    def _ordered(self, symbol: str, left: Sequence[Any], right: Sequence[Any]) -> Any:
        """`<`, `<=`, `>` or `>=` of tuples or lists: of the first items that are not equal."""
        for k, (x, y) in enumerate(zip(left, right, strict=False), 1):
            same = x is y or self.compare_one("==", x, y)
            if same is False:
                return self.compare_one(symbol, x, y)
            if same is not True:
                return self._ordered_after(same, symbol, left[k - 1 :], right[k - 1 :])
        return COMPARED[symbol](len(left), len(right))

    def _ordered_after(
        self, same: Any, symbol: str, left: Sequence[Any], right: Sequence[Any]
    ) -> Any:
        """As `_ordered`, where the run says whether the first items are the same."""

        def rest() -> Any:
            return self._ordered(symbol, left[1:], right[1:])

        return self.if_expr(same, rest, lambda: self.compare_one(symbol, left[0], right[0]), None)

    def contains(self, item: Any, container: Any) -> Any:
        return item in container

    def shown(self, value: Any, conversion: str) -> Any:
        """What a replacement field of an f-string formats; `conversion` is as after its "!"."""
        if conversion == "r":
            return self.call(builtins.repr, value)
        if conversion == "s" or isinstance(value, _NESTED):
            return self.call(builtins.str, value)
        return value

    def padded(self, value: Any) -> Any:
        """What a replacement field of an f-string formats that says how."""
        return value

    def in_field(self, value: Any, spec: str) -> Any:
        """What a replacement field of an f-string shows that computes how."""
        return format(value, spec)

    def is_(self, left: Any, right: Any) -> Any:
        for a, b in ((left, right), (right, left)):
            if isinstance(b, bool) and getattr(a, "singleton", False):
                return a if b else self.not_(a)
        return left is right

    # Calls ----------------------------------------------------------------------------------------

    def call(self, f: Any, /, *args: Any, **kwargs: Any) -> Any:
        return f(*args, **kwargs)

    def call_star(self, f: Any, /, *pieces: tuple[str, Any]) -> Any:
        """A call with `*` or `**` arguments: pieces ("", value), ("*", values), ("**", mapping)
        and (name, value), in source order."""
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for key, value in pieces:
            if key == "":
                args.append(value)
            elif key == "*":
                args.extend(self._star(f, value))
            elif key == "**":
                for name in self._double_star(f, value):
                    _add_keyword(f, kwargs, name, value[name])
            else:
                _add_keyword(f, kwargs, key, value)
        return self.call(f, *args, **kwargs)

    def _star(self, f: Any, value: Any) -> Iterable[Any]:
        if not hasattr(type(value), "__iter__") and not hasattr(type(value), "__getitem__"):
            kind = type(value).__name__
            throw(TypeError(f"{_described(f)} argument after * must be an iterable, not {kind}"))
        iterated: Iterable[Any] = self.iterate(value)
        return iterated

    def _double_star(self, f: Any, value: Any) -> Iterable[str]:
        if not hasattr(value, "keys"):
            kind = type(value).__name__
            throw(TypeError(f"{_described(f)} argument after ** must be a mapping, not {kind}"))
        keys: Iterable[str] = value.keys()
        return keys

    # Loads and stores -----------------------------------------------------------------------------

    def load(self, read: Thunk, name: str, is_captured: bool = False) -> Any:
        """Reads a local variable that may be unbound here.

        `is_captured`: Python reads it from an inner scope (a comprehension), which shows in the
        exception.
        """
        try:
            return read()
        except NameError:
            if is_captured:
                raise
        throw(
            UnboundLocalError(
                f"cannot access local variable '{name}' where it is not associated with a value"
            )
        )

    def captured(self, get_state: GetState, set_state: SetState, names: tuple[VarInfo, ...]) -> Any:
        """Run when a call begins whose inner functions may rebind the variables `names` of it.

        The call, and the inner functions that do, hold the result as long as they are around.
        """
        return None

    def kept(self, iterable: Any) -> Any:
        """What a loop that may end early goes over, where something else may hold it, too."""
        return iterable

    def generator(
        self, inside_out: Callable[..., Any] | None, cleans_up: bool, why: str
    ) -> Callable[[Any], Any]:
        """The innermost decorator of a generator function; `inside_out` gives the items to its
        first argument. `cleans_up`: closing the generator at a `yield` runs something. `why`:
        there is no `inside_out`."""
        return lambda function: function

    def returned(self, generator: Any) -> Any:
        """What a generator returned, all of which was gone through."""
        return None

    def generator_of(
        self, inside_out: Callable[..., Any], items: Callable[[Any], Any], source: Any
    ) -> Any:
        """A generator expression: its items, and the function that gives them to another."""
        return items(source)

    def peek(self, read: Thunk) -> Any:
        """The value of a variable, or UNDEFINED. Used by `get_state`."""
        try:
            return read()
        except NameError:
            return UNDEFINED

    def value_of_return(self, read: Thunk) -> Any:
        """What a `return` in a loop or `try` gave: None where nothing but None was ever given."""
        found = self.peek(read)
        return None if found is UNDEFINED else found

    def load_enclosing(self, name: str, value: Any) -> Any:
        """A variable of a converted function around that was read."""
        return value

    def load_global(self, name: str, value: Any, env: Env) -> Any:
        """A global or builtin that was read."""
        return value

    def imported(self, value: Any, module: str, attribute: str, level: int, env: Env) -> Any:
        """What an import has bound: a module, or this attribute of one."""
        return value

    def namespace(self, env: Env) -> dict[str, Any]:
        """`globals()`."""
        return env.globals

    def load_free(self, name: str, value: Any, env: Env) -> Any:
        """A variable of the original closure that was read: `env.cells[name]`."""
        return value

    def store_outer(self, name: str, value: Any, env: Env) -> Any:
        """A global or closure variable about to be assigned `value`; the result is stored."""
        return value

    def getattr(self, obj: Any, name: str) -> Any:
        return builtins.getattr(obj, name)

    def setattr(self, obj: Any, name: str, value: Any) -> None:
        builtins.setattr(obj, name, value)

    def delattr(self, obj: Any, name: str) -> None:
        builtins.delattr(obj, name)

    def getitem(self, obj: Any, key: Any) -> Any:
        return obj[key]

    def item_to_change(self, obj: Any, key: Any) -> Any:
        """`obj[key]` of `obj[key] op= value`, which is stored there next."""
        return self.getitem(obj, key)

    def setitem(self, obj: Any, key: Any, value: Any) -> None:
        obj[key] = value

    def delitem(self, obj: Any, key: Any) -> None:
        del obj[key]

    def slice(self, start: Any, stop: Any, step: Any) -> Any:
        return builtins.slice(start, stop, step)

    def augassign(self, op: str, target: Any, value: Any) -> Any:
        """`target op value` with `op` such as "+="; the result is stored where target came from."""
        return AUGMENTED[op](target, value)

    def made(self, value: Any) -> Any:
        """What a display, a comprehension or a generator expression has made."""
        return value

    def set_of(self, items: list[Any]) -> Any:
        """The set of a display or comprehension."""
        return self.made(set(items))

    def dict_of(self, items: list[Any]) -> Any:
        """The dict of a display or comprehension."""
        return self.made(dict(items))

    def dict_joined(self, parts: list[Any]) -> Any:
        """The dict of a display with ``**``: of dicts and pairs, in order."""
        made: dict[Any, Any] = {}
        for part in parts:
            made.update(part if type(part) is dict else [part])
        return self.made(made)

    def iterate(self, value: Any) -> Any:
        """What a comprehension or a `*` display iterates over."""
        return value

    def items_of(self, value: Any) -> Any:
        """What `*value` puts into the display of a list or set."""
        return self.iterate(value)

    def tuple_of(self, items: list[Any]) -> Any:
        """A tuple display with `*value` in it."""
        return tuple(items)

    def call_generator(
        self, f: Any, turns: Turns, traits: Traits, source: Any, site: Site, /, *args: Any,
        **kwargs: Any,
    ) -> Any:  # fmt: skip
        """`f(generator, *args, **kwargs)` where the generator has one `for`, over `source`."""
        return self.call(f, self.made(generated(turns(self.iterate(source)))), *args, **kwargs)

    def list_of(self, turns: Turns, traits: Traits, source: Any, site: Site, flat: bool) -> Any:
        """The list that a comprehension makes; `flat`: of the items of what each turn gives."""
        found = generated(turns(self.iterate(source)))
        return self.made([x for items in found for x in items] if flat else list(found))

    def unpack(self, value: Any, n: int, star_index: int | None) -> tuple[Any, ...]:
        """Exactly `n` values for `n` targets; the one at `star_index` is a list."""
        if not hasattr(type(value), "__iter__") and not hasattr(type(value), "__getitem__"):
            throw(TypeError(f"cannot unpack non-iterable {type(value).__name__} object"))
        if star_index is None:
            return _unpack_exactly(value, n)
        values = list(value)
        if len(values) < n - 1:
            throw(
                ValueError(
                    f"not enough values to unpack (expected at least {n - 1}, got {len(values)})"
                )
            )
        after = len(values) - (n - 1 - star_index)
        return (*values[:star_index], values[star_index:after], *values[after:])


def _says_how_many() -> bool:
    too_many: Any = [1, 2]
    try:
        [_] = too_many
    except ValueError as error:
        return "got 2" in str(error)
    return False


#: Whether Python says how many values there are in what knows its length (since 3.14).
SAYS_HOW_MANY = _says_how_many()


def too_many_values(n: int, value: Any) -> str:
    """What Python says where more than ``n`` values are unpacked."""
    known = SAYS_HOW_MANY and type(value) in (list, tuple, dict)
    got = f", got {len(value)}" if known else ""
    return f"too many values to unpack (expected {n}{got})"


def _unpack_exactly(value: Any, n: int) -> tuple[Any, ...]:
    found: list[Any] = []
    for item in value:
        if len(found) == n:
            throw(ValueError(too_many_values(n, value)))
        found.append(item)
    if len(found) < n:
        throw(ValueError(f"not enough values to unpack (expected {n}, got {len(found)})"))
    return tuple(found)


def _add_keyword(f: Any, kwargs: dict[str, Any], name: Any, value: Any) -> None:
    if not isinstance(name, str):
        throw(TypeError("keywords must be strings"))
    if name in kwargs:
        throw(TypeError(f"{_described(f)} got multiple values for keyword argument '{name}'"))
    kwargs[name] = value


def _described(f: Any) -> str:
    """The callable as CPython's own call errors print it."""
    name = getattr(f, "__qualname__", None)
    if name is None:
        return str(f)
    module = getattr(f, "__module__", None)
    return f"{name}()" if module in (None, "builtins") else f"{module}.{name}()"


all_ask(globals(), Exception)
