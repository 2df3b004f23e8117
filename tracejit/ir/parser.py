"""Functions from their text form: the inverse of ``ir/printer.py`` (grammar in ``docs/ir.md``).

Everything is made through the builder, and a stated type must be the one that the type rule
infers. Source locations and hints are not part of the text.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tracejit.dtypes import is_name, named
from tracejit.ir import extent as ex
from tracejit.ir.builder import Builder
from tracejit.ir.core import TABLE, Constant, Function, Value
from tracejit.ir.extent import Dim
from tracejit.ir.types import (
    INDEX,
    BufferType,
    TapeType,
    TensorType,
    Type,
    dense_strides,
)
from tracejit.records import dataclass

_TOKEN = re.compile(
    r"""(?P<space>\s+|;[^\n]*)
  | (?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
  | (?P<value>%\w+)
  | (?P<symbol>@[^\s(]+(?=\())
  | (?P<ref>\$\d+)
  | (?P<number>-?(?:inf|nan)\b|-?\d+(?:\.\d*)?(?:e[+-]?\d+)?)
  | (?P<callable><[^>\n]+(?:>\.?[^>\n]*)*>)
  | (?P<arrow>->)
  | (?P<word>\w+)
  | (?P<mark>[\[\](){},:=*+])""",
    re.VERBOSE,
)


class ParseError(ValueError):
    """The text is not a function; the message has the line number."""


@dataclass(frozen=True)
class Token:
    """A piece of text, its kind (a group of ``_TOKEN``) and line number."""

    kind: str
    text: str
    line: int


def parse_function(text: str, callables: Mapping[str, Callable[..., Any]] = {}) -> Function:
    """The function that ``text`` shows.

    ``callables`` gives what ``host_call`` calls, by the name that the printer shows. Raises
    ParseError when the text is malformed or a stated type is wrong.
    """
    parser = _Parser(_tokens(text), callables)
    function = parser.function()
    parser.end()
    return function


def _tokens(text: str) -> list[Token]:
    tokens, at, line = [], 0, 1
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ParseError(f"line {line}: cannot read {text[at : at + 20]!r}")
        kind = match.lastgroup or ""
        if kind != "space":
            tokens.append(Token(kind, match.group(), line))
        line += match.group().count("\n")
        at = match.end()
    return [*tokens, Token("end", "", line)]


class _Parser:
    def __init__(self, tokens: list[Token], callables: Mapping[str, Callable[..., Any]]) -> None:
        self.tokens = tokens
        self.at = 0
        self.callables = callables
        self.names: dict[str, Value] = {}

    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    def fail(self, message: str, at: int | None = None) -> ParseError:
        token = self.now if at is None else self.tokens[at]
        return ParseError(f"line {token.line}: {message}, at {token.text!r}")

    def take(self, kind: str) -> str:
        if self.now.kind != kind:
            raise self.fail(f"expected a {kind}")
        self.at += 1
        return self.tokens[self.at - 1].text

    def mark(self, text: str) -> None:
        if self.now.text != text:
            raise self.fail(f"expected {text!r}")
        self.at += 1

    def found(self, text: str) -> bool:
        """Step over ``text`` when it is next."""
        if self.now.text != text or self.now.kind == "string":
            return False
        self.at += 1
        return True

    def end(self) -> None:
        if self.now.kind != "end":
            raise self.fail("expected the end of the text")

    def list_of(self, item: Callable[[], Any], opening: str, closing: str) -> list[Any]:
        self.mark(opening)
        items: list[Any] = []
        while not self.found(closing):
            if items:
                self.mark(",")
            items.append(item())
        return items

    # ---- functions ----

    def function(self) -> Function:
        """A function; names are its own, so those of the surrounding one are put aside."""
        outer, self.names = self.names, {}
        self.mark("func")
        b = Builder(self.take("symbol")[1:])
        self.params(b)
        self.mark("->")
        stated = self.at
        self.skip_parentheses()
        self.mark("{")
        results: list[Value] = []
        while not self.found("}"):
            if self.found("return"):
                results = self.values()
            else:
                self.instr(b)
        made = b.build(results)
        self.check_results(made, stated)
        self.names = outer
        return made

    def params(self, b: Builder) -> None:
        """Extents may come after the parameters that mention them, so they are named first."""
        first = self.at
        depth = 0
        while depth or self.at == first:
            text = self.now.text
            depth += {"(": 1, ")": -1}.get(text, 0)
            following = [t.text for t in self.tokens[self.at + 1 : self.at + 5]]
            if self.now.kind == "value" and following == [":", "i64", "[", "]"]:
                self.names[text] = Value(INDEX)
            if self.now.kind == "end":
                raise self.fail("expected ')'")
            self.at += 1
        self.at = first
        b.params += self.list_of(self.param, "(", ")")

    def param(self) -> Value:
        name = self.take("value")
        self.mark(":")
        type_ = self.type()
        if type_ != INDEX or name not in self.names:
            self.names[name] = Value(type_)
        return self.names[name]

    def skip_parentheses(self) -> None:
        self.mark("(")
        depth = 1
        while depth:
            depth += {"(": 1, ")": -1}.get(self.now.text, 0)
            if self.now.kind == "end":
                raise self.fail("expected ')'")
            self.at += 1

    def check_results(self, function: Function, stated: int) -> None:
        after, self.at = self.at, stated
        types = self.list_of(self.type, "(", ")")
        if types != [r.type for r in function.results]:
            raise self.fail(f"@{function.name} returns other types than it states")
        self.at = after

    def values(self) -> list[Value]:
        found: list[Value] = []
        # A value before a colon is a result of the next instruction.
        while self.now.kind == "value" and self.tokens[self.at + 1].text != ":":
            found.append(self.value())
            if not self.found(","):
                break
        return found

    def value(self) -> Value:
        name = self.now.text
        if name not in self.names:
            raise self.fail("this value is not defined above")
        self.at += 1
        return self.names[name]

    # ---- instructions ----

    def instr(self, b: Builder) -> None:
        first = self.at
        names = self.result_names()
        name = self.take("word")
        if name not in TABLE:
            raise self.fail(f"there is no primitive {name!r}")
        operands = self.values()
        stated = self.at
        self.at = first
        literal = self.first_type() if name in ("constant", "const_buffer") else None
        self.at = stated
        attrs = (
            dict(self.list_of(lambda: self.attr(literal), "{", "}")) if self.now.text == "{" else {}
        )
        regions = []
        if self.found("("):
            while not self.found(")"):
                regions.append(self.function())
        try:
            made = b.append(name, operands, attrs, tuple(regions))
        except (TypeError, KeyError, IndexError, ValueError) as error:
            raise self.fail(f"{name}: {error}", first) from error
        if len(made.results) != len(names):
            raise self.fail(f"{name} has {len(made.results)} results", first)
        self.names.update(zip(names, made.results, strict=True))
        self.check_stated(first, made.results)

    def result_names(self) -> list[str]:
        """Names on the left; their types are read when the names are known."""
        names = []
        while self.now.kind == "value":
            names.append(self.take("value"))
            self.mark(":")
            depth = 0
            while depth or self.now.text not in (",", "="):
                depth += {"[": 1, "{": 1, "(": 1, "]": -1, "}": -1, ")": -1}.get(self.now.text, 0)
                if self.now.kind == "end":
                    raise self.fail("expected '='")
                self.at += 1
            if not self.found(","):
                break
        if names:
            self.mark("=")
        return names

    def first_type(self) -> Type:
        self.take("value")
        self.mark(":")
        return self.type()

    def check_stated(self, first: int, results: tuple[Value, ...]) -> None:
        after, self.at = self.at, first
        for k, result in enumerate(results):
            if k:
                self.mark(",")
            if self.first_type() != result.type:
                raise self.fail("a stated type is not the one that the row infers")
        self.at = after

    def attr(self, literal: Type | None) -> tuple[str, Any]:
        name = self.take("word")
        self.mark("=")
        if literal is not None and name == "value":
            assert isinstance(literal, TensorType | BufferType)
            return name, self.constant(literal)
        return name, self.attr_value()

    def attr_value(self) -> Any:
        kind, text = self.now.kind, self.now.text
        if text == "[":
            return tuple(self.list_of(self.attr_value, "[", "]"))
        if kind == "string":
            self.at += 1
            return ast.literal_eval(text)
        if text in ("True", "False", "None"):
            self.at += 1
            return {"True": True, "False": False, "None": None}[text]
        if kind == "callable":
            self.at += 1
            if text[1:-1] not in self.callables:
                raise self.fail(f"no callable is given for {text}")
            return self.callables[text[1:-1]]
        if is_name(text) and self.tokens[self.at + 1].text != "[":
            self.at += 1
            return named(text)
        if is_name(text) or text in ("buf", "tape"):
            return self.type()
        if kind == "number" and not re.fullmatch(r"-?\d+", text):
            self.at += 1
            return float(text)
        return self.dim()

    def constant(self, type_: TensorType | BufferType) -> Constant:
        flat: list[Any] = []
        self.numbers(flat)
        shape = tuple(d for d in type_.shape if isinstance(d, int))
        if len(shape) != type_.rank or np.prod(shape, dtype=np.int64) != len(flat):
            raise self.fail("a constant has another number of elements than its type")
        return Constant(np.array(flat, type_.dtype).reshape(shape), type_.dtype)

    def numbers(self, into: list[Any]) -> None:
        if self.now.text == "[":
            self.list_of(lambda: self.numbers(into), "[", "]")
        elif self.found("("):
            re_part = float(self.take("number"))
            self.mark(",")
            into.append(complex(re_part, float(self.take("number"))))
            self.mark(")")
        elif self.now.text in ("True", "False"):
            into.append(self.take("word") == "True")
        else:
            text = self.take("number")
            into.append(int(text) if re.fullmatch(r"-?\d+", text) else float(text))

    # ---- types and extents ----

    def type(self) -> Type:
        if self.found("tape"):
            return TapeType()
        buffer = self.found("buf")
        name = self.take("word")
        if not is_name(name):
            raise self.fail(f"{name!r} is no dtype")
        shape = tuple(self.list_of(self.dim, "[", "]"))
        if not buffer:
            return TensorType(named(name), shape)
        strides = dense_strides(named(name), shape)
        if self.now.text == "{" and self.tokens[self.at + 1].text == "strides":
            self.at += 2
            self.mark("=")
            strides = tuple(self.list_of(self.dim, "[", "]"))
            self.mark("}")
        space = self.take("word") if self.now.text in ("shared", "register") else "global"
        return BufferType(named(name), shape, strides, space)

    def dim(self) -> Dim:
        total = self.product()
        while self.found("+"):
            total = total + self.product()
        return total

    def product(self) -> Dim:
        total = self.factor()
        while self.found("*"):
            total = total * self.factor()
        return total

    def factor(self) -> Dim:
        kind, text = self.now.kind, self.now.text
        if kind == "value":
            return ex.atom_dim(self.value())
        self.at += 1
        if kind == "number" and re.fullmatch(r"-?\d+", text):
            return int(text)
        if kind == "ref":
            return ex.atom_dim(ex.ResultRef(int(text[1:])))
        if kind == "word" and text in ("floordiv", "mod", "min", "max"):
            a, b = self.list_of(self.dim, "(", ")")
            return ex.opaque(text, a, b)
        self.at -= 1
        raise self.fail("expected an extent")
