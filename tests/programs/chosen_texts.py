"""Phrases of texts, and members of enumerations, that the run chooses among a few."""

from __future__ import annotations

import enum
import math
from typing import Any

import numpy as np

from tests.programs.phrase import Phrases

CHOSEN = Phrases()
SIGNS = ((np.array([-1.0, 2.0, 0.0, 1.0]),), (np.array([1.0, -2.0, 3.0, -1.0]),), (np.zeros(4),))


class Mode(enum.Enum):
    IDLE = 0
    BUSY = 1


@CHOSEN(*SIGNS)
def of_a_conditional_expression(x: Any) -> Any:
    return "negative" if x[0] < 0 else "pos"


@CHOSEN(*SIGNS)
def of_several_branches(x: Any) -> Any:
    if x[0] < 0:
        tag = "neg"
    elif x[0] == 0:
        tag = "zero"
    else:
        tag = "pos"
    return tag, tag == "zero", tag != "neg", tag in ("pos", "zero"), tag < "q"


@CHOSEN(*SIGNS)
def of_an_early_return(x: Any) -> Any:
    for v in x:
        if v > 2:
            return "large"
    return "small"


@CHOSEN(*SIGNS)
def counted_in_a_dict(x: Any) -> Any:
    found = {"neg": 0, "pos": 0}
    for v in x:
        found["neg" if v < 0 else "pos"] += 1
    return found


@CHOSEN(*SIGNS)
def of_a_machine_of_states(x: Any) -> Any:
    state, visits = "start", {"start": 0, "run": 0, "stop": 0}
    for v in x:
        visits[state] += 1
        if state == "start":
            state = "run"
        elif state == "run" and v < 0:
            state = "stop"
        elif state == "stop" and v > 0:
            state = "start"
    return state, visits


@CHOSEN(*SIGNS)
def in_a_while_loop(x: Any) -> Any:
    i, mode, total = 0, "up", 0.0
    while i < len(x):
        total = total + x[i] if mode == "up" else total - x[i]
        mode = "down" if x[i] > 0 else "up"
        i += 1
    return total, mode


@CHOSEN(*SIGNS)
def first_bound_in_a_loop(x: Any) -> Any:
    n = 0
    for v in x:
        kind = "neg" if v < 0 else "pos"
        if kind == "neg":
            n += 1
    return n, kind


@CHOSEN(*SIGNS, policies=("static",))  # a list of texts is as long as is known
def of_a_list(x: Any) -> Any:
    names, log, state = ["idle", "busy", "done"], [], 0
    for v in x:
        state = (state + int(v > 0)) % 3
        log.append(names[state])
    return log, names[state]


@CHOSEN(*SIGNS)
def of_a_tuple_with_repeats(x: Any) -> Any:
    names, n = ("lo", "hi", "hi", "lo"), 0
    for v in x:
        if names[int(abs(v))] == "hi":
            n += 1
    return n, names[int(x[1])]


@CHOSEN(*SIGNS)
def its_methods(x: Any) -> Any:
    k = "1" if x[0] < 0 else "23"
    return k.upper(), k.replace("1", "x"), k.startswith("2"), k.center(5, "-"), k[0], k[::-1]


@CHOSEN(*SIGNS)
def operators_and_conversions(x: Any) -> Any:
    k = "1" if x[0] < 0 else "23"
    return k + "0", "0" + k, k * 2, "%s!" % k, int(k), float(k), len(k), "2" in k


@CHOSEN(*SIGNS)
def two_of_them(x: Any) -> Any:
    a = "a" if x[0] > 0 else "b"
    b = "a" if x[1] > 0 else "b"
    return a + b, a == b, (a, b), {"k": a}, [a, b, "a"].index("a"), ",".join([a, b])


@CHOSEN(*SIGNS)
def tested(x: Any) -> Any:
    k = "some" if x[0] > 0 else ""
    return (1 if k else 2), not k, k or "none", k and "any"


@CHOSEN(*SIGNS)
def or_none(x: Any) -> Any:
    k = None if x[0] == 0 else ("a" if x[0] > 0 else "b")
    return k, k is None, k == "a"


@CHOSEN(*SIGNS)
def a_key_of_arrays(x: Any) -> Any:
    table = {"twice": x * 2, "less": x - 1}
    return table["twice" if x[0] > 0 else "less"]


@CHOSEN(*SIGNS)
def given_to_a_function(x: Any) -> Any:
    def reduced(how: str, y: Any) -> Any:
        if how == "sum":
            return y.sum()
        return y.max()

    return reduced("sum" if x[0] < 0 else "max", x)


@CHOSEN(*SIGNS, rtol=1e-15)
def given_to_numpy(x: Any) -> Any:
    return np.linalg.norm(x.reshape(2, 2), "fro" if x[0] < 0 else "nuc")


@CHOSEN(*SIGNS)
def matched(x: Any) -> Any:
    match "a" if x[0] > 0 else "b":
        case "a":
            return 1
        case _:
            return 2


@CHOSEN(*SIGNS)
def an_attribute(x: Any) -> Any:
    class Switch:
        pass

    s: Any = Switch()
    s.state = "off"
    for v in x:
        if v > 0:
            s.state = "on"
    return s.state


@CHOSEN(*SIGNS)
def its_class(x: Any) -> Any:
    k = "a" if x[0] > 0 else "b"
    return isinstance(k, str), isinstance(k, bytes), type(k) is str


@CHOSEN(*SIGNS)
def of_bytes(x: Any) -> Any:
    k = b"a" if x[0] > 0 else b"bc"
    return k, k + b"x"


@CHOSEN(*SIGNS)
def of_an_enumeration(x: Any) -> Any:
    mode = Mode.IDLE
    for v in x:
        mode = Mode.BUSY if v > 0 else Mode.IDLE
    return mode, mode is Mode.BUSY, mode == Mode.IDLE, mode.name, {Mode.IDLE: 1, Mode.BUSY: 2}[mode]


@CHOSEN(*SIGNS)
def after_an_exception(x: Any) -> Any:
    k = "fine"
    try:
        if x[0] < 0:
            math.sqrt(x[0])
    except ValueError:
        k = "caught"
    return k


@CHOSEN(*SIGNS)
def built_up_in_a_loop_of_few_turns(x: Any) -> Any:
    text = ""
    for i in range(4):
        text += "ab"
        x[i] += len(text)
    return text, x


@CHOSEN((np.array([5.0, 1.0]),), (np.array([0.5, 0.0]),))
def numbers_of_several_kinds_at_a_place_of_the_run(w: Any) -> Any:
    best = [math.inf] * 3
    best[0] = 0
    hops = 0
    for v in w:
        if v < best[int(v) % 3]:
            best[int(v) % 3] = v
            hops += 1
    return best, hops


@CHOSEN((np.array([100.0]),), (np.array([5.0]),))
def numbers_of_several_kinds_in_a_while_loop(x: Any) -> Any:
    table, s, i = [0, 1.5, 2.5], 0, 0
    while s < x[0]:
        s += table[i % 3]
        i += 1
    return s, i


@CHOSEN(*SIGNS)
def of_a_list_that_a_branch_changed(x: Any) -> Any:
    names = ["a", "b"]
    if x[0] > 0:
        names[0] = "b"
    return names[int(x[3] > 0)], names[int(x[0] > 0)], names


@CHOSEN(*SIGNS)
def of_a_list_that_the_loop_changes(x: Any) -> Any:
    names, n = ["a", "b", "c"], 0
    for v in x:
        if names[int(abs(v)) % 3] == "b":
            n += 1
        if v > 0:
            names[0] = names[1]
    return n, names


@CHOSEN(*SIGNS)
def of_a_tuple_that_a_branch_chose(x: Any) -> Any:
    names = ("a", "b") if x[0] > 0 else ("c", "d")
    return names[int(x[3] > 0)], names


@CHOSEN(*SIGNS)
def said_by_an_exception(x: Any) -> Any:
    name = "up" if x[0] > 0 else "down"
    if x[1] > 0:
        raise ValueError("goes " + name)
    if x[1] < 0:
        raise KeyError(name, x.size)
    return name


@CHOSEN(*SIGNS)
def said_beside_a_number(x: Any) -> Any:
    sign = "+" if x[0] > 0 else "-"
    name = ("up", "down")[int(x[1] > 0)]
    for i, v in enumerate(x):
        if v < 0:
            raise RuntimeError(f"{name!r:>8} at {i}: {float(v)} ({sign})")
    return sign


@CHOSEN(*SIGNS)
def said_and_caught(x: Any) -> Any:
    found = []
    for v in x:
        name = "up" if v > 0 else "down"
        try:
            if v != 0:
                raise ValueError(f"it goes {name}")
            found.append(0)
        except ValueError:
            found.append(len(name))
    return found


# Characters ---------------------------------------------------------------------------------------

PLACES = ((np.array([0, 4, -1, -5]),), (np.array([2, 1, 3, 0]),), (np.array([1, 5]),))


@CHOSEN(*PLACES)
def characters_at_places(x: Any) -> Any:
    text, found = "abcab", 0
    for v in x:
        c = text[v]
        if c == "a" or "b" != c:
            found += 1
        if c == text[0]:
            found += 10
    return found, text[x[0]], text[x[1] - 1] + "!"


@CHOSEN(*PLACES)
def bytes_at_places(x: Any) -> Any:
    data, total = b"hello", 0
    for v in x:
        total += data[v]
    return total, data[x[0]]


@CHOSEN(("kitten", "sitting"), ("flaw", "lawn"), ("", "ab"), policies=("auto",))
def edit_distance(a: Any, b: Any) -> Any:
    table = np.zeros((len(a) + 1, len(b) + 1), int)
    table[:, 0], table[0] = np.arange(len(a) + 1), np.arange(len(b) + 1)
    for i in range(len(a)):
        for j in range(len(b)):
            near = min(table[i, j + 1], table[i + 1, j]) + 1
            table[i + 1, j + 1] = min(near, table[i, j] + (a[i] != b[j]))
    return table


@CHOSEN(("abracadabra", "cad"), ("abracadabra", "xyz"), ("abracadabra", "abra"), policies=("auto",))
def place_of_a_text(text: Any, pattern: Any) -> Any:
    for i in range(len(text) - len(pattern) + 1):
        k = 0
        while k < len(pattern) and text[i + k] == pattern[k]:
            k += 1
        if k == len(pattern):
            return i
    return -1


@CHOSEN((np.linspace(0.0, 1.0, 4),), (np.linspace(3.0, -1.0, 4),), policies=("auto",), rtol=1e-13)
def much_code_for_each_character(x: Any) -> Any:
    total = 0.0
    for c in "ACGTACGGTTACAGATTACA":
        if c == "A":
            total += np.sin(x).sum()
        elif c == "C":
            total -= np.cos(2 * x).sum() * total
        else:
            total = total * 0.5 + np.tanh(3 * x).sum()
        x = x + 0.1 * np.sin(x) * np.cos(x) - np.sqrt(np.abs(x) + 1) / (1 + x * x)
    return total, x


@CHOSEN(*SIGNS)
def members_compared_with_members(x: Any) -> Any:
    last, found = Mode.IDLE, 0
    for v in x:
        mode = Mode.BUSY if v > 0 else Mode.IDLE
        if mode == last:
            found += 1
        if mode != Mode.BUSY:
            found += 10
        last = mode
    return found, last
