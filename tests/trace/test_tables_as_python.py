"""What Python does with dicts and sets, done to those of which the run decides the keys: the same
values, types and order, the same exception, or a refusal with the line; nothing else."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tracejit import UnsupportedError, jit
from tracejit.trace.values.entries import OfEntries, holds_view

X = np.array([3, 1, 2, 3, -1, 7, 3, 1])
HEAD = """
import bisect, copy, functools, heapq, itertools, json, operator, string
from collections import *
from dataclasses import dataclass
import numpy as np

@dataclass
class T:
    a: dict

def D(x):
    d = {}
    for v in x: d[int(v)] = int(v) * 2
    return d

def S(x):
    s = set()
    for v in x: s.add(int(v))
    return s

def C(x):
    c = Counter()
    for v in x: c[int(v)] += 1
    return c
"""
#: Bodies of functions of ``x``; an expression alone is returned. Right: as Python.
RIGHT = r"""
operator.eq(D(x), {}), operator.contains(D(x), 3)
D(x) == D(x), D(x) != D(x * 2), D(x) == {3: 6}, {} == D(x), (D(x), 1) == (D(x), 1), D(x) in [D(x)]
{**D(x), **D(x * 2)}, {99: 1, **D(x), 3: 5}, D(x) | {3: 50}, {50: 1} | D(x)
d = D(x); d |= {50: 1}; e = {9: 1}; e |= d; s = S(x); s |= {9}; return d, e, s, d != e, {**d} == d

d = D(x); t = [0]\n for e, k in enumerate(d): d[k] = e; t.append(k)\n return d, t
d = D(x)\n for e, (k, v) in zip(range(5), d.items()): d[k] = v + e\n return d
d = D(x)\n for e, k in zip(range(5), d):\n  if e == 4: d[9] = 1\n return len(d)
d = D(x)\n for k in reversed(d): d[k] += 1\n return d
d = {1: 1, 2: 2}\n for k in d:\n  if x[k] == 5: d[9] = 0\n return d
d = {1: 1, 2: 2}; t = 0\n for v in d.values():\n  t += v\n  if x[v] == 2: d[2] = 7\n return d, t
d = {1: 1, 2: 2}\n for k, e in zip(d, range(2)):\n  if x[k] == 5: d[9] = 0\n return d
l = list(D(x))\n for k, v in enumerate(l[:]): l[k] = v + 1; l.append(k)\n return l
l = list(D(x))\n for k, v in enumerate(l):\n  if k < 3: l[k + 1] = v * 2\n return l
l = list(D(x))\n for v in l: l[2] += v\n return l
m = list(D(x)); it = map(lambda v: v + 1, m); m.append(x[0]); return list(it)
s = {1, 2}; t = 0\n for k in s:\n  t += k\n  if x[k] == 5: s.add(9)\n return s, t
list(D(x)), max(D(x)), list(reversed(D(x))), list(itertools.combinations(D(x), 2)), {**D(x)}
dict(D(x)), copy.copy(D(x)), copy.deepcopy((D(x), C(x), S(x))), {'a': D(x)}['a'], len([D(x), D(x)])
dict.fromkeys(D(x), 1), type(D(x)) is dict, isinstance(S(x), set), bool(D(x)), 3 in D(x).keys()
C(x).most_common(2), np.array(list(D(x).keys())), len(D(x).keys()), sorted(S(x)), S(x).copy()
a, b, c, d, e = D(x); return e, d, c, b, a
a, *b = D(x); return a, b
dict.get(D(x), 3), dict.get(D(x), 1000), heapq.nlargest(2, D(x)), heapq.nsmallest(2, D(x))
l = [1]; l.extend(D(x)); l += D(x).values(); return l
f = D(x).get; return f(3), f(1000), D(x).get('a', 7), None in D(x), D(x).get((1, 2), 7)
c = C(x); c.update([3, 3, 9]); del c[1000]; del c[7]; return c
c = OrderedDict()\n for v in x: c[v] = 1\n return c.popitem(last=False), c.popitem(), list(c)
d = D(x); e = d; e[99] = 1; return d, d is e, D(x).popitem()
s = set(); s.discard(int(x[0])); s.add(int(x[1])); return s, {1} in s
d = {}; d.pop(int(x[0]), None); d[int(x[1])] = 1.5; return d
S(x) & S(x), S(x) - S(x), S(x) | S(x), S(x) ^ {3}, {50, 3} - S(x), S(x) <= S(x), S(x) == {3}
S(x).union({3}), S(x).issubset({3}), {3}.union(S(x)), {3} <= S(x), {3}.isdisjoint(S(x))
s = S(x); s &= S(x); return s
s = {1, 50}; s -= S(x); return s
s = {1, 50}; s.difference_update(S(x)); return s
d = dict.fromkeys([1, 3]); d[int(x[0])] = None; return d, d[int(x[1])], d.get(int(x[2]), 5)
q = [D(x)]; q.append(D(x)); q.reverse(); return q.pop()[3], q
match D(x):\n  case dict(): return 1
",".join(str(k) for k in D(x)); ";".join(f"{k}={v}" for k, v in D(x).items())
"-".join(map(str, D(x).values()))
p = {2**53 + 1: 1, .5: 2}; k = int(x[0]) * 0 + 2**53; return p.get(k, 0), p.get(k + 1, 0), k in p
p = {2.0**53: 1, .5: 2}; k = int(x[0]) * 0 + 2**53; return p.get(k, 0), p.get(k + 1, 0), k + 1 in p
p = {2**64: 1, 3: 2, True: 4}; return p.get(int(x[0]), 0), int(x[1]) in p, p[int(x[1])]
p = {1: 1, 2.5: 2, np.int64(7): 5}; return p.get(x[1] * 2.5, 0), p[int(x[5])], p.get(x[1], 0)
d = {}\n for v in x: d[int(v)] = (int(v), v)\n return d, d[3], D(x).get(50, 2.5)
p = {0: 0.0, 1: 1, 2: 2.0, 3: 3, 4: 4, 5: 5, 6: 6}; return p[int(x[0])]
p = {3: 1, 1: 2.5}; return p.get(int(x[0]), 0)
p = {1: (1, 2.0), 3: (2.0, 1)}; return p[int(x[0])]
p = {1: np.float32(1), 3: 2.0}; return p[int(x[0])]
p = {3: 1.5, 1: 2}; del p[int(x[0])]; return p
d = {}\n for v in x: d[int(v)] = v\n d[3] = 1\n return d
d = D(x); d[3] = 1.5; return d
return {**D(x), 99: 2.5}
d = {}\n for v in x: d[int(v)] = [0, 0]\n d[3][0] += 1\n return d
d = {}\n for v in x: d[int(v)] = ([0],)\n return d
d = defaultdict(list)\n for v in x: d[int(v)].append(v)\n return d
p = {3: [2, 1], 1: [2, 3]}; p[int(x[0])].append(5); return p
p = {3: [2, 1], 1: [2, 3]}; p[int(x[0])].sort(); return p
p = {3: [2, 1], 1: [2, 3]}; l = p[int(x[0])]; l[0] = 7; return p
p = {3: ([2],), 1: ([2],)}; p.get(int(x[0]))[0][0] = 7; return p
"""
REFUSED = r"""
l = list(D(x))\n for a, b in itertools.pairwise(l): l[3] = a + b\n return l
x = x.copy()\n for a, b in itertools.pairwise(x): x[3] = a + b\n return x
l = list(D(x))\n for k, v in enumerate(l):\n  if k < 3: l.append(v)\n return l
l = list(D(x))\n for v, e in zip(l, range(5)): l.pop()\n return l
d = {1: 1, 2: 2}\n for k in d:\n  if x[k] == 5: del d[k]\n return d
D(x) == C(x); D(x) | C(x); {**D(x), 'a': 1}
{k: v * .5 for k, v in D(x).items()} == D(x)
C(x) == C(x); OrderedDict() == D(x); C(x).update(a=3); C(x).update([3], a=1); D(x).keys().__iter__()
t = T({}); t.a[int(x[0])] = 6; return t == T({3: 6})
t = T({}); t.a[int(x[0])] = 6; return f"{t}"
d = C(x); d |= D(x); return d
D(x).keys() == D(x).keys(); D(x).keys() & {3}; D(x).items() | {3}; D(x).keys().isdisjoint({3})
{'a': D(x)} == {'a': D(x)}; D(x) in {5}; (D(x),).index(1); OrderedDict(D(x))
S(x).pop()
d = D(x); d -= {3}; return d
[*D(x)]; (*D(x), 5); {*D(x)}; [*S(x)]; list(S(x)); next(iter(D(x)))
'%s' % D(x); '%s' % (D(x),); f"{D(x)}"; "{}".format(D(x)); str(D(x)); repr([D(x)]); str(S(x))
string.Template("$a").substitute(a=D(x)); json.dumps([D(x)]); functools.partial(str, D(x))()
bisect.bisect(D(x), 1)
ChainMap(D(x), {})[3]; ChainMap({}, D(x))[3]; UserDict(D(x))[3]; list(deque(D(x)))
operator.itemgetter(3)(D(x)); hash((D(x),))
np.array(D(x)); np.array(D(x).keys()); np.array([D(x)]); np.asarray(S(x)); np.sum(D(x)); x + D(x)
np.where(D(x), 1, 2); np.isin(x, D(x)); x == D(x); np.isin(x, [D(x)])
C(x) + C(x); C(x) - C(x); C(x) & C(x); C(x) | C(x); +C(x); -C(x); C(x).total(); C(x) <= C(x)
C(x).elements(); C(x).subtract([3]); D(x).keys(); D(x).items(); D(x).keys().mapping
d = deque(); d.extend(D(x)); return list(d)
c = C(x); c.update({3: 2}); return c
match D(x):\n  case {3: a}: return a
match [D(x)]:\n  case [{3: a}]: return a
d = {}\n for v in x: d[int(v)] = ()\n return d
p = {3: 1, 1.5: 2}; del p[int(x[0])]; return p
s = {1, 2.5}; s.discard(int(x[0])); return s
d = {}\n for v in x: d[v] = 1\n d[50] = 1\n return d
p = {1.0: 1, 3.0: 2}; p[x[1] * 1.0] = 7; return p
p = {np.int64(1): 3}; p[int(x[0])] = 3; return p
s = {1, 2}; s.add(x[0]); return s
c = Counter([1, 3]); c[x[0]] += 1; return c
d = D(x); d[50.0] = 4; return d
d = D(x); d[True] = 4; return d
"""
RAISES = {
    TypeError: r"""
D(x).get([1], 7); D(x).pop({}, 7); {1} in D(x); D(x)[[1]]; x in D(x); [1] in S(x); S(x).add([1])
S(x).discard([1]); S(x).remove(x); D(x).get((1, [2]), 7); D(x).setdefault([], 2); D(x) in D(x)
sorted([D(x), D(x)]); D(x).popitem(last=False); D(x).popitem(1); (int(x[0]), [1]) in {3: 1, 1: 2}
{1: 2}.get(x, 7)
d = D(x); d[[1]] = 2; return d
d = D(x); del d[x]; return d
""",
    AttributeError: "D(x).nothing; D(x).keys().nothing; S(x).get(3)",
    KeyError: "D(x)[1000]; D(x)['a']; S(x).remove(1000); {}.pop(int(x[0]))",
    ValueError: "a, b = D(x); return a, b",
    # Python may go on where as many keys came as went, over which keys it does not say.
    RuntimeError: r"""
d = D(x)\n for e, k in enumerate(d): d[k + 90] = e\n return d
d = D(x)\n for k, e in zip(d, range(5)): d[9] = e\n return d
d = D(x)\n for e, k in zip(range(6), d): d[9] = e\n return d
d = D(x)\n for k in reversed(d):\n  if k == 3: d[9] = k\n return d
d = D(x)\n for k in map(lambda k: k + 1, d):\n  if k == 8: d.pop(3)\n return d
d = D(x)\n for k in filter(lambda k: k > 3, d): d.clear()\n return d
d = D(x); return [d.setdefault(k + 1, 0) for k in d]
d = D(x); return sum(d.setdefault(k + 1, 0) for k in d.values())
d = {1: 1, 2: 2}\n for k in d:\n  if x[k] == 2: d[9] = 0\n return d
d = {1: 1, 2: 2}\n for k, v in d.items():\n  if x[k] == 2: d[int(x[0])] = v\n return d
s = {1, 2}\n for k in s:\n  if x[k] == 2: s.add(9)\n return s
d = D(x)\n for k in d:\n  if k == 2: del d[k]\n return d
d = D(x)\n for k in d:\n  if k == 2:\n   del d[k]\n   d[50] = 1\n return d
d = {k: 1 for k in x[0] + np.arange(8)}\n for k in d:\n  del d[k]; d[x[5]*9] = 1\n return d
""",
}
#: Words of the package that no message may have.
_OURS = re.compile(r"TableBuffer|TableView|Entries|ListBuffer|_pop|tracejit")


def bodies(text: str) -> list[str]:
    found = []
    for line in filter(None, text.split("\n")):
        is_block = re.search(r"\breturn\b|\\n", line) is not None
        found += [line] if is_block else [f"return {part}" for part in line.split("; ")]
    return [body.replace("\\n", "\n").replace("; ", "\n ") for body in found]


ROWS = [(body, None) for body in bodies(RIGHT)]
ROWS += [(body, UnsupportedError) for body in bodies(REFUSED)]
ROWS += [(body, error) for error, text in RAISES.items() for body in bodies(text)]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    path: Path = tmp_path_factory.mktemp("tables") / "rows_of_tables.py"
    rows = [f"def row_{k}(x):\n {body}\n" for k, (body, _) in enumerate(ROWS)]
    path.write_text(HEAD + "\n".join(rows))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules[path.stem]


def shown(x: Any) -> Any:
    """What tells types and order; of sets, which have none, the items in some order."""
    if isinstance(x, set):
        return type(x), sorted(map(repr, x))
    if isinstance(x, dict):
        return type(x), [(shown(k), shown(v)) for k, v in x.items()]
    return (type(x), list(map(shown, x))) if isinstance(x, list | tuple) else (type(x), repr(x))


@pytest.mark.parametrize("k", range(len(ROWS)), ids=[body for body, _ in ROWS])
def test_each_row_is_as_in_python_or_refused(written: ModuleType, k: int) -> None:
    f: Callable[[Any], Any] = getattr(written, f"row_{k}")
    error = ROWS[k][1]
    if error is None:
        assert shown(jit(f)(X.copy())) == shown(f(X.copy()))
        return
    with pytest.raises(Exception) as caught:
        jit(f)(X.copy())
    assert type(caught.value) is error, caught.value
    text = str(caught.value)
    assert not _OURS.search(text.replace("rows_of_tables.py", "")), text
    if error is UnsupportedError:
        assert text.startswith("rows_of_tables.py:") or "cannot be returned" in text


class Linked:
    """Of a graph in which each is linked with all."""

    found: Any = None

    def __init__(self, every: list[Any]) -> None:
        self.every = every


def test_what_holds_a_table_is_looked_for_in_graphs() -> None:
    """Each object is looked at once, however many ways lead to it."""
    every: list[Any] = []
    every += [Linked(every) for _ in range(60)]
    assert not holds_view(every[0])
    every[30].found = [OfEntries()]
    assert holds_view(every[0])
