"""How often bodies of nested loops are traced: in proportion to the depth, not doubled by it."""

from __future__ import annotations

import importlib.util
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracejit import jit
from tracejit.trace.control import loop_fixpoint, loop_trace

DEPTH = 5
#: What stands before the loops, at the beginning of each body, in the innermost one, and last.
NESTS = {
    "a float": ("s = 0.0", "", "s += 1.5", "s"),
    "an int that becomes a float": ("s = 0", "", "s += x[0]", "s"),
    "an int that changes before it becomes one": ("s = 0", "s += K", "s += x[0]", "s"),
    "an int set at each depth": ("s = 0", "s = K", "s += x[0]", "s"),
    "a number of a list": ("t = [0.0, 1.0]", "", "t[0] += x[0]", "t"),
    "a number of a dict": ("t = {'a': 0}", "", "t['a'] += x[0]", "t"),
    "a tuple": ("t = (0, 0.0)", "", "t = (t[0] + 1, t[1] + x[0])", "t"),
    "an array bound anew": ("y = x", "", "y = y + 1.0", "y"),
    "a view that moves": ("v = x", "", "v = v[::-1]", "v"),
    "elements of an array": ("", "", "x[0] += 1.0", "x"),
    "a name that may be unbound": ("", "", "last = x[0]", "last"),
    "a text": ("s = 'a'", "", "s = 'b' if x[0] > 0 else s", "s"),
    "a branch": ("s = 0", "", "if x[0] > s: s = x[0]", "s"),
}


def load(text: str, folder: Path) -> Callable[..., Any]:
    """The function ``f`` of a file of its own: the tracer reads source."""
    file = folder / "nest.py"
    file.write_text(text)
    spec = importlib.util.spec_from_file_location("nest", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: Callable[..., Any] = module.f
    return made


def source(nest: str, depth: int, while_loops: bool) -> str:
    before, each, innermost, last = NESTS[nest]
    lines, indent = ["def f(x, n):", f"    {before}"], "    "
    for k in range(depth):
        if while_loops:
            lines += [f"{indent}i{k} = 0", f"{indent}while i{k} < n:", f"{indent}    i{k} += 1"]
        else:
            lines += [f"{indent}for i{k} in range(n):"]
        indent += "    "
        lines += [indent + each.replace("K", str(k))] if each else []
    return "\n".join([*lines, indent + innermost, f"    return {last}"])


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> dict[Any, int]:
    """How often the body of each loop was traced, by its place."""
    counts: dict[Any, int] = {}

    def counting(loop: Any, plans: Any, entry: Any) -> Any:
        counts[loop.key] = counts.get(loop.key, 0) + 1
        return loop_trace.trace_body(loop, plans, entry)

    monkeypatch.setattr(loop_fixpoint, "trace_body", counting)
    return counts


@pytest.mark.parametrize("while_loops", [False, True], ids=["for", "while"])
@pytest.mark.parametrize("nest", NESTS)
def test_bodies_are_traced_in_proportion_to_the_depth(
    nest: str, while_loops: bool, traces: dict[Any, int], tmp_path: Path
) -> None:
    f = load(source(nest, DEPTH, while_loops), tmp_path)
    got = jit(f, shapes="dynamic")(np.ones(3), 2)
    assert repr(got) == repr(f(np.ones(3), 2))
    assert len(traces) == DEPTH
    assert max(traces.values()) <= 2 * DEPTH + 1
    assert sum(traces.values()) <= DEPTH * (DEPTH + 2)


#: What a loop inside asks an outer loop to carry as a float must not become one for that alone.
KEPT = {
    "reset": """
        s, out = 0, np.zeros(n)
        for i in range(n):
            for j in range(n):
                s += x[j]
            out[i] = s
            s = 0
        return s, out
    """,
    "of another": """
        s = k = 0
        for i in range(n):
            k += 1
            s = k * 2
            for j in range(n):
                s += x[j]
        return s, k
    """,
    "as before the inner loop": """
        s = 0
        for i in range(n):
            before = s
            for j in range(n):
                s += x[j]
            s = before + 1
        return s
    """,
    "listed": """
        s, t = 0, []
        for i in range(n):
            t.append(s)
            for j in range(n):
                s += x[j]
            s = i
        return s, t
    """,
    "an index": """
        s = 0
        for i in range(n):
            x[s] += 1
            for j in range(n):
                s += x[j]
            s = i
        return s, x
    """,
    "a float in the end": """
        s = 0
        for i in range(n):
            s += 1
            for j in range(n):
                s += x[j]
        return s
    """,
}


#: One line, or one helper, that runs with unlike types: what it settled on once is not the next's.
KEPT |= {
    "two sums in a line": """
        s = 0
        for i in range(n):
            a, b = sum(v * 2 for v in x if v > 0), sum(1 for v in x if v > 0)
            s += a
        return s, a, b
    """,
    "a helper, twice": """
        def total(y):
            t = 0
            for v in y:
                t += v
            return t
        s, k = 0, np.arange(3)
        for i in range(n):
            s += total(x)
            m = total(k)
        return s, m
    """,
    "a helper in a loop over both": """
        def total(y):
            t = 0
            for v in y:
                for w in y:
                    t += v * w
            return t
        s, m, k = 0, 0, np.arange(3)
        for i in range(n):
            m = total(k)
            s += total(x)
            m += total(k)
        return s, m
    """,
    "first the one, later the other": """
        def total(y):
            t = 0
            for v in y:
                t += v
            return t
        s, r, k = 0, 0, np.arange(3)
        for i in range(n):
            if i > 0:
                r = total(x)
            s = total(k)
        return s, float(r)
    """,
}


@pytest.mark.parametrize("shapes", ["static", "dynamic"])
@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("case", KEPT)
def test_types_are_pythons(case: str, n: int, shapes: Any, tmp_path: Path) -> None:
    body = textwrap.indent(textwrap.dedent(KEPT[case]), "    ")
    f = load(f"import numpy as np\ndef f(x, n):\n{body}", tmp_path)
    assert repr(jit(f, shapes=shapes)(np.ones(3), n)) == repr(f(np.ones(3), n))


#: Rows of a list that a loop makes longer, or writes into, which each attempt finds at once.
ROWS = {
    "rows of two arguments, one after the other": """
        while n > 0:
            n -= 1
            new = [[0.0] * len(u[0]) for _ in u]
            for i in range(1, len(u) - 1):
                for j in range(1, len(u[0]) - 1):
                    new[i][j] = u[i][j + 1] - v[i][j]
            v = u
            u = new
        return u, v
    """,
    "rows that grow": """
        a, b, c, d = [1.0], [2.0], [3.0], [4.0]
        for i in range(n):
            a.append(i * 0.5)
            b.append(a[-1])
            c.append(b[0])
            d.append(c[-1] + a[0])
        return a, b, c, d
    """,
}


@pytest.mark.parametrize("rows", [4, 7])
@pytest.mark.parametrize("case", ROWS)
def test_attempts_do_not_grow_with_the_rows(
    case: str, rows: int, traces: dict[Any, int], tmp_path: Path
) -> None:
    body = textwrap.indent(textwrap.dedent(ROWS[case]), "    ")
    f = load(f"import numpy as np\ndef f(u, v, n):\n{body}", tmp_path)
    u, v = ([[r + c * k for c in range(5)] for r in range(rows)] for k in (1.5, 2.5))
    assert repr(jit(f, shapes="dynamic")(u, v, 3)) == repr(f(u, v, 3))
    outer = min(traces, key=lambda key: key[1])
    # Each list of lists that is an argument, and changed or returned, is found by an attempt.
    assert traces[outer] <= (13 if "arguments" in case else 8)
