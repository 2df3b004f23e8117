"""Cases for the converter: branches, loops, jumps, exceptions, `with` and `match`."""

# ruff: noqa
from __future__ import annotations

import contextlib

from tests.trace.case_table import INTS, LISTS, PAIRS, case

LIMIT = 10


@case(*INTS)
def if_else(a):
    if a > 1:
        b = a
    elif a == 1:
        b = "one"
    else:
        b = -a
    return b


@case(*INTS)
def maybe_unbound(a):
    if a > 1:
        b = a
    return b


@case(*INTS)
def unbound_in_arm(a):
    if a:
        print_me = later
    later = 1
    return print_me


@case(*INTS)
def deleted_in_arm(a):
    b = 1
    if a > 0:
        del b
    if a > 1:
        b = 5
    if a < 2:
        return b
    del b
    return b


@case(*INTS)
def double_delete(a):
    b = 1
    if a:
        del b
    if a > 1:
        del b
    return b


@case(*INTS)
def early_returns(a):
    if a < 0:
        return "neg"
    if a == 0:
        return
    if a == 1:
        if LIMIT:
            return "nested"
    b = a * 2
    if b > 5:
        return b
    else:
        b += 1
    return b, "end"


@case(*INTS)
def mixed_returns(a):
    x = 0
    if a > 0:
        if a > 2:
            return "big"
        x = 1
    else:
        if a < 0:
            return "neg"
        x = 2
    x += 10
    return x


@case(*INTS)
def return_none_at_end(a):
    if a:
        return a


@case(*PAIRS)
def while_loop(a, b):
    n = 0
    while a < b * 3:
        a += 1
        n += a
    return a, n


@case(*PAIRS)
def while_else_break(a, b):
    while a < 5:
        a += 1
        if a == b:
            break
    else:
        return "no break", a
    return "break", a


@case(*PAIRS)
def while_continue(a, b):
    out = []
    while a < 6:
        a += 1
        if a % 2:
            continue
        if a > b:
            out.append((a, b))
            continue
        out.append(a)
    return out


@case(*INTS)
def while_true(a):
    while True:
        a += 1
        if a > 5:
            return a


@case(*INTS)
def while_true_break(a):
    while 1:
        a += 1
        if a > 5:
            break
        if a == 3:
            a += 10
    return a


@case(*INTS)
def loop_var_after(a):
    for i in range(a):
        pass
    return i


@case(*LISTS)
def search(xs):
    for i, x in enumerate(xs):
        if x > 2:
            return i
    return -1


@case(*LISTS)
def search_else(xs):
    for x in xs:
        if x == 5:
            found = x
            break
    else:
        found = None
    return found


@case(*LISTS)
def nested_loops(xs):
    out = []
    for x in xs:
        for y in xs:
            if y == x:
                continue
            if y < 0:
                break
            if x + y == 9:
                return "nine", out
            out.append((x, y))
        else:
            out.append("complete")
            continue
        out.append("broken")
    return out


@case(*LISTS)
def else_jumps(xs):
    out = []
    for x in xs:
        for y in range(x):
            if y == 3:
                break
        else:
            if x < 0:
                continue
            if x == 3:
                break
            out.append("else")
        out.append(x)
    return out


@case(*INTS)
def partial_continue(a):
    out = []
    for i in range(a):
        if i > 1:
            if i == 3:
                continue
            out.append("in")
        else:
            out.append("out")
        out.append(i)
    return out


@case(*INTS)
def partial_break_and_return(a):
    total = 0
    for i in range(6):
        if i > a:
            if a == 1:
                return "one", i
            if a == 2:
                break
        total += i
    else:
        total = -total
    return total, i


@case(*INTS)
def iterator_not_advanced(a):
    it = iter(range(10))
    for i in it:
        if i >= a:
            break
    return next(it), i


@case(*INTS)
def asserts(a):
    assert a != 0
    assert a > 0, f"bad {a}"
    return a


@case(*INTS)
def raises(a):
    if a == 1:
        raise ValueError("one")
    if a == 2:
        raise KeyError
    try:
        if a == 0:
            raise ZeroDivisionError("zero") from None
        return 6 // a
    except ZeroDivisionError as e:
        if a == 0:
            raise RuntimeError("again") from e


@case(*INTS)
def reraise(a):
    try:
        1 // a
    except ZeroDivisionError:
        if a == 0:
            raise
    return a


@case(*INTS)
def handler_name_is_unbound(a):
    e = 1
    try:
        if a > 0:
            raise ValueError(a)
    except ValueError as e:
        pass
    return e


@case(*LISTS)
def try_in_loop(xs):
    out = []
    for x in xs:
        try:
            v = 10 // x
        except ZeroDivisionError:
            out.append("skip")
            continue
        else:
            if v == 2:
                break
        finally:
            out.append("finally")
        out.append(v)
    return out


@case(*LISTS)
def return_in_try_in_loop(xs):
    log = []
    for x in xs:
        try:
            log.append(x)
            if x == 5:
                return log, "five"
            if x == 1:
                continue
            log.append("end")
        except ValueError:
            return "never"
        else:
            log.append("else")
        finally:
            log.append("f")
    return log


@case(*INTS)
def return_in_with(a):
    log = []
    with contextlib.closing(contextlib.ExitStack()) as stack:
        stack.callback(log.append, "closed")
        if a > 1:
            return log
        log.append(a)
        for i in range(a + 3):
            if i == 3:
                return log, i
    return log, "end"


@case(*INTS)
def suppressed(a):
    with contextlib.suppress(ZeroDivisionError, AttributeError):
        x = 1 // a
        return x
    return x


@case(*INTS)
def with_targets(a):
    with contextlib.nullcontext((a, [a])) as (b, c), contextlib.nullcontext(b) as d:
        c[0] += d
    return b, c, d


@case(*INTS)
def try_finally_returns(a):
    log = [a]
    try:
        if a > 0:
            return log
        log.append("x")
    finally:
        log.append("finally")
    return log, 1


@case(*INTS)
def return_in_handler(a):
    try:
        x = 4 // a
    except ZeroDivisionError as e:
        return str(e)
    else:
        if x == 2:
            return "two"
    return x


@case(*INTS)
def match_statement(a):
    for i in range(3):
        match a:
            case 0:
                return "zero"
            case 1 | 2 if i == 1:
                break
            case -2:
                continue
            case n:
                a = n - 1
    else:
        return "else", a
    return "end", a


@case(({"k": 1, "z": 2},), ([1, 2, 3],), ("s",), (4,))
def match_patterns(v):
    match v:
        case {"k": k, **rest}:
            return k, rest
        case [a, *b]:
            return a, b
        case str() as s:
            return s
    return v
