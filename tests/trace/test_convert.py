"""Converted functions do what the originals do: results, exceptions, mutations, line numbers."""

from __future__ import annotations

import ast
import copy
import subprocess
import sys
import textwrap
import traceback
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.trace import flow_cases, function_cases, value_cases
from tests.trace.case_table import CASES, INTS
from tracejit.trace.convert import (
    Operators,
    SourceUnavailable,
    VarInfo,
    bind,
    convert,
    is_converted,
    liveness,
)
from tracejit.trace.convert import source as finding
from tracejit.trace.convert.scope import function_scope

MODULES = (flow_cases, function_cases, value_cases)


class Recursive(Operators):
    """Converts the functions of the modules of cases that are called."""

    modules = frozenset(module.__name__ for module in MODULES)

    def call(self, f: Any, /, *args: Any, **kwargs: Any) -> Any:
        function = getattr(f, "__func__", f)
        if getattr(function, "__module__", None) in self.modules and not is_converted(f):
            try:
                f = bind(f, self)
            except SourceUnavailable:
                return f(*args, **kwargs)
        return f(*args, **kwargs)


def outcome(f: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a call does: its result or exception, and its arguments afterwards."""
    arguments = copy.deepcopy(arguments)
    try:
        result = f(*arguments)
    except Exception as error:
        cause = repr(error.__cause__), repr(error.__context__)
        return "raised", type(error), str(error), *cause, arguments
    return "returned", type(result), repr(result), arguments


@pytest.mark.parametrize("ops", [Operators(), Recursive()], ids=["shallow", "recursive"])
@pytest.mark.parametrize(("fn", "calls"), CASES, ids=lambda v: getattr(v, "__name__", ""))
def test_converted_equals_original(fn: Any, calls: Any, ops: Operators) -> None:
    converted = bind(fn, ops)
    for arguments in calls:
        assert outcome(converted, arguments) == outcome(fn, arguments), arguments


@pytest.mark.parametrize("kind", [value_cases.Box, value_cases.Child])
@pytest.mark.parametrize("name", ["bump", "delete", "deep", "make", "static"])
def test_methods(kind: type, name: str) -> None:
    def run(convert_it: bool) -> Any:
        if not hasattr(kind, name):
            return None
        obj = kind(4)
        f = getattr(obj, name)
        if convert_it:
            f = bind(f, Recursive())
        return outcome(f, () if name == "delete" else (2,)), obj.__dict__

    assert repr(run(True)) == repr(run(False))


def test_constructor_with_super() -> None:
    child = object.__new__(value_cases.Child)
    bind(value_cases.Child.__init__, Recursive())(child, 3)
    assert child.__dict__ == value_cases.Child(3).__dict__


def test_function_attributes_are_the_originals() -> None:
    def f(a: int, b: list[int] = [1], *, c: dict[str, int] = {}) -> Any:
        """doc"""
        b.append(a)
        return b, c

    f.extra = 3  # type: ignore[attr-defined]
    g = bind(f, Operators())
    assert isinstance(g, types.FunctionType)
    assert g.__defaults__ is f.__defaults__
    assert g.__kwdefaults__ is f.__kwdefaults__
    assert g.__globals__ is f.__globals__
    assert (g.__name__, g.__qualname__, g.__doc__) == (f.__name__, f.__qualname__, f.__doc__)
    assert g.__dict__ == {"extra": 3}
    assert g.__annotations__ == f.__annotations__
    assert g(2)[0] is f(3)[0]


def test_closure_cells_and_globals_are_live(monkeypatch: pytest.MonkeyPatch) -> None:
    value = 1

    def f() -> Any:
        return value, flow_cases.LIMIT

    g = bind(f, Operators())
    assert g() == (1, 10)
    value = 2
    monkeypatch.setattr(flow_cases, "LIMIT", 20)
    assert g() == (2, 20)


def test_nonlocal_of_an_outer_function_is_written() -> None:
    count = 0

    def f(n: int) -> None:
        nonlocal count
        for i in range(n):
            if i:
                count += i

    bind(f, Operators())(4)
    assert count == 6


def test_conversion_happens_once_per_code_object() -> None:
    def make(k: int) -> Callable[[int], int]:
        return lambda x: x + k

    assert convert(make(1)) is convert(make(2))
    assert [bind(make(k), Operators())(1) for k in (1, 2)] == [2, 3]


@pytest.mark.parametrize(
    "fn", [lambda x: x + 1, lambda x: x * 7, lambda x: (lambda x: x - 2)(x)], ids=["a", "b", "c"]
)
def test_lambdas_on_one_line_are_told_apart(fn: Any) -> None:
    assert bind(fn, Operators())(10) == fn(10)


def no_source() -> Any:
    space: dict[str, Any] = {}
    exec("def f(x):\n    return x", space)
    return space["f"]


def generator() -> Any:
    yield 1


async def coroutine() -> None:
    return None


def looks_at_frame() -> Any:
    return locals()


def jumps_out_of_finally(x: int) -> Any:
    for _ in range(x):
        try:
            x //= 0
        finally:
            break


@pytest.mark.parametrize(
    "fn", [no_source(), generator, coroutine, looks_at_frame, jumps_out_of_finally, len, int]
)
def test_what_cannot_be_converted_says_so(fn: Any) -> None:
    for _ in range(2):
        with pytest.raises(SourceUnavailable):
            convert(fn)


def test_converted_functions_are_known() -> None:
    def f(x: int) -> Any:
        def g(y: int) -> int:
            return y + x if y else 0

        return g

    assert not is_converted(f)
    converted = bind(f, Operators())
    assert is_converted(converted)
    assert is_converted(converted(1))
    with pytest.raises(SourceUnavailable, match="already"):
        convert(converted)


@pytest.mark.parametrize(
    ("fn", "arguments"),
    [
        (flow_cases.raises, (1,)),
        (flow_cases.raises, (0,)),
        (flow_cases.asserts, (0,)),
        (flow_cases.nested_loops, ([1, "x"],)),
        (flow_cases.maybe_unbound, (0,)),
        (value_cases.attribute_error, (1,)),
        (value_cases.unpack_two, (5,)),
        (flow_cases.try_in_loop, ([1, "x"],)),
        (value_cases.short_circuit, ("x", 1)),
    ],
)
def test_traceback_ends_at_the_users_line(fn: Any, arguments: tuple[Any, ...]) -> None:
    def last_line(f: Any) -> tuple[int | None, str]:
        with pytest.raises(Exception) as caught:
            f(*arguments)
        frames = traceback.extract_tb(caught.value.__traceback__)
        own = [frame for frame in frames if frame.filename in {m.__file__ for m in MODULES}]
        return own[-1].lineno, own[-1].name

    assert last_line(bind(fn, Operators())) == last_line(fn)


class Recording(Operators):
    """Keeps what the converter says of each statement's variables, by line within the function."""

    def __init__(self) -> None:
        self.seen: dict[str, tuple[VarInfo, ...]] = {}

    def if_stmt(self, test: Any, *rest: Any) -> None:
        self.seen[rest[-1].segment] = rest[-2]
        super().if_stmt(test, *rest)

    def while_stmt(self, *args: Any, extra_test_fn: Any = None) -> None:
        self.seen[args[-1].segment] = args[-2]
        super().while_stmt(*args, extra_test_fn=extra_test_fn)

    def for_stmt(self, *args: Any, extra_test_fn: Any = None) -> None:
        self.seen[args[-1].segment] = args[-2]
        super().for_stmt(*args, extra_test_fn=extra_test_fn)


def variables(infos: tuple[VarInfo, ...]) -> dict[str, str]:
    """Each variable with "i" when live in, "o" when live out."""
    return {v.name: "i" * v.live_in + "o" * v.live_out for v in infos}


def live(n: int) -> Any:
    s = t = 0
    for i in range(n):
        u = i * 2
        s += u
        if s > 3:
            t = u
            v = t
            s -= v
    w = n
    while w > 1:
        w -= 1
        old, t = t, w  # noqa: F841
    try:
        for k in range(n):
            x = k
    except ValueError:
        return x
    for q in range(n):
        keep = q

    def late() -> Any:
        return keep

    for a in range(n):
        r = [a for a in range(2)]  # noqa: F841
    return s, t, late


def test_liveness() -> None:
    ops = Recording()
    bind(live, ops)(5)
    found = {segment: variables(infos) for segment, infos in ops.seen.items()}
    assert found["for i in range(n):"] == {"i": "", "s": "io", "t": "o", "u": "", "v": ""}
    assert found["if s > 3:"] == {"s": "io", "t": "o", "v": ""}
    assert found["while w > 1:"] == {"old": "", "t": "io", "w": "i"}
    assert found["for k in range(n):"] == {"k": "", "x": "o"}
    assert found["for q in range(n):"] == {"q": "", "keep": "o"}
    assert found["for a in range(n):"] == {"a": "", "r": ""}


def nested(depth: int) -> str:
    """A function with loops within one another, and one expression in the innermost."""
    heads = [f"{'  ' * k}for i{k} in range(n + {k}):" for k in range(depth)]
    return "\n".join([*heads, f"{'  ' * depth}s = s + i0 * n"])


def test_expressions_are_read_once_however_deep_they_lie(monkeypatch: Any) -> None:
    """Loops are walked until nothing changes; what their expressions read is kept."""
    read = []
    usual = liveness._Flow.visit

    def visit(flow: Any, tree: ast.AST | None, is_sure: bool = True) -> None:
        read.extend([tree] if isinstance(tree, ast.Name) else [])
        usual(flow, tree, is_sure)

    monkeypatch.setattr(liveness._Flow, "visit", visit)
    for depth in (2, 5):
        read.clear()
        tree = ast.parse(f"def f(n, s):\n{textwrap.indent(nested(depth), ' ')}").body[0]
        assert isinstance(tree, ast.FunctionDef)
        liveness.loop_liveness(tree.body, function_scope(tree.args, tree.body))
        assert len(read) == len(set(read)) == 2 * depth + 3


def flags(n: int) -> Any:
    for i in range(n):
        if i == 2:
            break
        if i > n:
            return i
    return n


def test_flags_are_marked_as_such() -> None:
    ops = Recording()
    bind(flags, ops)(5)
    kinds = {v.name: v.kind for v in ops.seen["for i in range(n):"]}
    assert kinds == {
        "i": "local",
        "_tj_break_1": "flag",
        "_tj_returned": "flag",
        "_tj_value": "return_value",
    }


class StateChecking(Recording):
    """Runs every statement through its saved and restored state, as a tracer does."""

    def if_stmt(self, test: Any, then_fn: Any, else_fn: Any, *rest: Any) -> None:
        get_state, set_state = rest[:2]
        before = get_state()
        try:
            (else_fn if test else then_fn)()
        except Exception:
            pass
        set_state(before)
        assert all(a is b for a, b in zip(get_state(), before, strict=True))
        (then_fn if test else else_fn)()


@pytest.mark.parametrize(
    "fn", [flow_cases.maybe_unbound, flow_cases.if_else, flow_cases.mixed_returns]
)
def test_state_restores_variables_and_unbinds(fn: Any) -> None:
    for arguments in INTS:
        converted = bind(fn, StateChecking())
        assert outcome(converted, arguments) == outcome(fn, arguments)


def test_many_early_returns_convert_quickly() -> None:
    lines = ["def f(x):"]
    for k in range(40):
        lines += [f"    if x == {k}:", f"        return {k} * 2", f"    y{k} = x + {k}"]
    source = "\n".join([*lines, "    return y3"])
    f = from_source(source, "<early returns>")
    assert [bind(f, Operators())(x) for x in (0, 7, 50)] == [0, 14, 53]


@pytest.mark.parametrize("text", ["def f(x):\n    return x + 1", "f = lambda x: x + 1"])
def test_finding_a_function_passes_over_those_beside_it(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    visited: list[ast.AST] = []

    class Counting(finding._Finder):
        def generic_visit(self, tree: ast.AST) -> None:
            visited.append(tree)
            super().generic_visit(tree)

    def cost(beside: int) -> int:
        others = "def g(x):\n    return [y + x for y in (x, 2 * x)]\n" * beside
        f = from_source(f"{others}{text}\n{others}", f"<beside {beside} {text}>")
        visited.clear()
        assert [bind(f, Operators())(x) for x in (0, 7)] == [1, 8]
        return len(visited)

    monkeypatch.setattr(finding, "_Finder", Counting)
    assert cost(1) == cost(50)


def from_source(source: str, filename: str) -> Any:
    import linecache

    lines = source.splitlines(keepends=True)
    linecache.cache[filename] = (len(source), None, lines, filename)
    space: dict[str, Any] = {}
    exec(compile(source, filename, "exec"), space)
    return space["f"]


def test_what_tools_write_into_trees_is_not_followed() -> None:
    """IPython's tracebacks note the parent of each node, also of the one ``ast.Load()``."""

    def f(x: Any) -> Any:
        return [y + 1 for y in x] if x else None

    shared = (ast.parse("x", mode="eval").body.ctx, ast.parse("x + x", mode="eval").body.op)  # type: ignore[attr-defined]
    try:
        for node in shared:
            node.parent = around = ast.Expr(ast.Name("x", node))
            around.parent = around  # type: ignore[attr-defined]
        assert convert(f).code.co_name == "f"
    finally:
        for node in shared:
            del node.parent


def test_lambdas_of_one_line_without_columns(tmp_path: Path) -> None:
    """Python 3.12.1 gives `lambda x: "a"` no columns, and `-X no_debug_ranges` no code at all."""
    script = tmp_path / "lambdas.py"
    script.write_text(
        "from tracejit import jit\n"
        'made = lambda x: "a", lambda x: "b", lambda x: x + 1, lambda x: x - 1, lambda x: "a"\n'
        "print(jit(lambda x: [f(x) for f in made])(5))\n"
    )
    for options in ([], ["-X", "no_debug_ranges"]):
        out = subprocess.check_output([sys.executable, *options, str(script)], text=True)
        assert out == "['a', 'b', 6, 4, 'a']\n"
