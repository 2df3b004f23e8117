"""Programs with ``try`` around what is known at run time only, each with arguments for which it
fails in different places.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

X = np.arange(5.0)


S = np.array([[2.0, 1, 0], [1, 3, 0], [0, 0, 1]])


Program = Callable[..., Any]


PROGRAMS: list[tuple[Program, list[tuple[Any, ...]]]] = []


class Coded(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def program(*calls: tuple[Any, ...]) -> Callable[[Program], Program]:
    def enter(f: Program) -> Program:
        PROGRAMS.append((f, list(calls)))
        return f

    return enter


def outcome(f: Program, args: tuple[Any, ...]) -> tuple[str, Any]:
    try:
        return "result", f(*args)
    except Exception as error:
        return type(error).__name__, str(error)


@program((X, 2), (X, 7), (X, -9), (X, 3))
def element(x: Any, i: int) -> Any:
    try:
        return x[i]
    except IndexError:
        return -1.0


@program((X, 2), (X, 7), (X, 3))
def nothing_after_the_failure(x: Any, i: int) -> Any:
    y = 0.0
    try:
        x[0] = 9
        y = x[i]
        x[1] = 8
    except IndexError:
        x[2] = 7
    return x.sum() + y


@program((X, 2), (X, 7), (X, 8))
def other_kinds_pass(x: Any, i: int) -> Any:
    try:
        x[0] = 5
        y = x[i]
    except (KeyError, AttributeError):
        y = -1.0
    return y


@program((X, 2, 1), (X, 7, 1), (X, 2, 0), (X, 3, 2))
def every_clause(x: Any, i: int, n: int) -> Any:
    try:
        y = x[i]
        z = 10 // n
    except IndexError as error:
        print(str(error))
        return -1.0
    except ZeroDivisionError:
        return -2.0
    else:
        x[0] = 5
    finally:
        x[4] = 77
    return y + z


@program((X, 2), (X, 7), (X, 9))
def cleaned_up(x: Any, i: int) -> Any:
    try:
        x[i] = 1
    finally:
        x[0] = 33
    return x


@program((X, 1.0), (X, -1.0), (X, -2.5))
def raised_and_caught(x: Any, t: float) -> Any:
    try:
        if t < 0:
            raise ValueError(f"negative {t}")
        y = x * t
    except ValueError:
        y = x - 1
    return y


@program((X, 1), (X, -1), (X, 9), (X, 3))
def own_exception(x: Any, i: int) -> Any:
    try:
        if i < 0:
            raise Coded(4)
        y = x[i]
    except Coded as error:
        y = error.code + x[0]
    except LookupError:
        y = x[1]
    return y


@program((X, np.array([0, 1, 7, 2])), (X, np.array([9, -1])))
def counted_in_a_loop(x: Any, places: Any) -> Any:
    missed = 0
    s = np.float64(0)
    for k in places:
        try:
            s += x[k]
        except IndexError:
            missed += 1
    return s, missed


@program((X, 3), (X, 7), (X, 5))
def around_a_loop(x: Any, n: int) -> Any:
    s = np.float64(0)
    try:
        for i in range(n):
            s += x[i]
            x[i] = -1
    except IndexError:
        s = -s
    return s


@program((X, 3), (X, 9), (X, 7))
def cleaned_up_after_a_loop(x: Any, n: int) -> Any:
    s = np.float64(0)
    try:
        for i in range(n):
            s += x[i]
            x[i] = 0
    finally:
        x[0] = 100 + s
    return s


@program((X, 3), (X, 7), (X, 6))
def another_in_its_place(x: Any, i: int) -> Any:
    try:
        return x[i]
    except IndexError as error:
        raise ValueError(f"bad: {error}") from error


@program((X, 3), (X, 7), (X, 6))
def raised_again(x: Any, i: int) -> Any:
    try:
        return x[i]
    except IndexError:
        x[0] = 99
        raise


def checked(x: Any, i: int, n: int) -> Any:
    if n == 0:
        raise ValueError("zero")
    return x[i] / n


@program((X, 3, 1), (X, 7, 1), (X, 3, 0), (X, 2, 5))
def raised_in_a_call(x: Any, i: int, n: int) -> Any:
    try:
        r = checked(x, i, n)
    except ValueError:
        r = x[0] - 5.0
    except IndexError:
        r = x[0] - 6.0
    return r


@program((X, 3, 1), (X, 7, 1), (X, 3, 0), (X, 2, 2))
def nested(x: Any, i: int, n: int) -> Any:
    r = np.float64(1)
    try:
        try:
            r = x[i]
            r += 5 // n
        except IndexError:
            r = r - 1.0
    except ZeroDivisionError:
        r = r - 2.0
    return r


@program((X, 3, 1), (X, 9, 1), (X, 9, 0), (X, 3, 0))
def handler_that_fails(x: Any, i: int, n: int) -> Any:
    try:
        try:
            r = x[i]
        except IndexError:
            r = np.float64(6 // n)
    except ZeroDivisionError:
        r = np.float64(-9)
    return r


@program((X, 3, 1), (X, 7, 1), (X, 3, 0))
def finally_inside(x: Any, i: int, n: int) -> Any:
    r = np.float64(1)
    try:
        try:
            r = x[i]
            r += 5 // n
        finally:
            x[1] = 50
    except ZeroDivisionError:
        r = r - 2.0
    return r, x


@program((X, 3), (X, 0), (X, -7))
def around_a_while(x: Any, n: int) -> Any:
    k = 0
    s = np.float64(0)
    try:
        while x[k] < n + 9:
            s += x[k]
            k += 1
    except IndexError:
        s = s * 2
    return s, k


@program((X, 3), (X, 9))
def while_with_names_of_its_own(x: Any, n: int) -> Any:
    try:
        limit = int(x.max() * 10) + n
        i = 0
        while i < limit:
            x[i] += 1
            i += 1
    except IndexError:
        x[0] = -1
    return x


@program((X, 3), (X, 9))
def until_it_fails(x: Any, n: int) -> Any:
    k = 0
    while True:
        try:
            x[k] += x[k + n - 3]
        except IndexError:
            break
        k += 1
    return k


@program((X, 0), (X, 3), (X, 9))
def jumps_out(x: Any, i: int) -> Any:
    y = x[0]
    for k in range(4):
        try:
            if k == 2:
                continue
            y = x[i + k]
            if y > 3:
                break
        except IndexError:
            return x[0] - 1.0, k
    return y, k


@program((X, 3), (X, 9))
def containers(x: Any, i: int) -> Any:
    items = [x[0], x[1]]
    counts = {"good": 0, "bad": 0}
    try:
        items[0] = x[2]
        items[1] = x[i]
        counts["good"] += 1
    except IndexError:
        items[1] = x[4]
        counts["bad"] += 1
    return items, counts


@program((X, np.array([0, 2])), (X, np.array([0, 9])), (X, np.array([-6, 1])))
def index_arrays(x: Any, places: Any) -> Any:
    try:
        return x[places].sum()
    except IndexError as error:
        print(str(error))
        return x[0] - 1.0


@program((X, 3), (X, 9))
def either_side_of_a_conditional(x: Any, i: int) -> Any:
    try:
        y = x[i] if i > 4 else x[i + 1]
        w = x[i] if i > 0 and x[i] > 2 else x[0] + 5.0
    except IndexError:
        return x[0] - 1.0
    return y + w


@program((X, 3), (X, 9))
def assertions(x: Any, i: int) -> Any:
    try:
        if x[0] + i >= 5:
            raise AssertionError("too big")
    except AssertionError as error:
        print("caught", error)
        return 1
    return 0


@program((X, 3), (X, 5), (X, 9))
def shapes(x: Any, n: int) -> Any:
    try:
        y = x + np.ones(n)
    except ValueError:
        y = x
    return y


@program((X, X > 2), (X, X[:3] > 1), (X[:3], X > 1), (X[:3], X[:3] > 1))
def masks(x: Any, mask: Any) -> Any:
    try:
        return x[mask].sum()
    except IndexError as error:
        print(str(error))
        return x[0] - 1.0


@program((X, X), (X, X[:3]), (X[:3], X), (X[:4], X[:4]))
def products(x: Any, y: Any) -> Any:
    try:
        return x @ y
    except ValueError:
        return x[0] - 1.0


@program((X, 3.0), (X, -9.0), (X, 0.0))
def mathematics(x: Any, t: float) -> Any:
    try:
        return math.sqrt(t) + math.log(t)
    except ValueError:
        return -1.0


@program((X, 3), (X, 9))
def sum_of_a_comprehension(x: Any, n: int) -> Any:
    try:
        return sum([x[n - k] for k in range(4)])
    except IndexError:
        return x[0] - 1.0


@program((X, 3), (X, 9), (X, 0))
def kinds_by_branch(x: Any, n: int) -> Any:
    try:
        if n == 0:
            raise ValueError
        elif n > 5:
            raise KeyError("k")
        z = 1
    except ValueError:
        z = 2
    except KeyError:
        z = 3
    return z


@program((X, 3), (X, 9), (X, -1), (X, 0))
def bound_on_some_paths(x: Any, i: int) -> Any:
    try:
        if i < 0:
            raise ValueError("negative")
        else:
            y = x * 2
        if i > 0:
            z = y[i]
    except ValueError:
        y, z = x + 1, x[0]
    except IndexError:
        z = y[0]
    return y, z


@program((X, 3), (X, -1), (X, 0))
def unbound_in_the_handler(x: Any, i: int) -> Any:
    try:
        if i < 0:
            raise ValueError("negative")
        else:
            y = x * 2
    except ValueError:
        x[0] = 1
        return y
    return y + 1


@program((X, 1, 2), (X, 0, 2), (X, 1, 1), (X, 0, 0))
def unbound_on_the_side_that_goes_on(x: Any, c: int, d: int) -> Any:
    if c == 0:
        raise ValueError("c")
    elif d > 1:
        y = x[0] * 2
    return y


@program((X, 2), (X, 0), (X, 9), (X, 1))
def bound_where_it_goes_on(x: Any, k: int) -> Any:
    s = x[0]
    try:
        s = s + 8 // k
        if k > 5:
            y = s + 1
        else:
            y = s + 8 // k
    except ZeroDivisionError:
        x[0] = 4
        raise
    return s, y


@program((X, np.ones((2, 5))), (X, np.ones((2, 3))), (X, np.ones((2, 1))))
def tried_again(x: Any, y: Any) -> Any:
    try:
        z = x + y
    except ValueError:
        x[0] = 4
        z = x + y
    return z


@program((X, "2.5"), (X, "q"))
def known_when_compiling(x: Any, text: str) -> Any:
    try:
        v = float(text)
    except ValueError:
        v = 0.0
    return x * v


@program((S,), (np.zeros((3, 3)),), (np.eye(4),), (np.zeros((4, 4)),))
def inverse(a: Any) -> Any:
    try:
        return np.linalg.inv(a)
    except np.linalg.LinAlgError as error:
        print(str(error))
        return np.full_like(a, np.nan)


@program((S,), (-S,))
def jitter(a: Any) -> Any:
    more = 0.0
    for _ in range(5):
        try:
            return np.linalg.cholesky(a + more * np.eye(3))
        except np.linalg.LinAlgError:
            more = more * 10 + 1e-3
    return a


@program((S,), (S + np.nan,), (S + np.inf,), (-S,))
def singular_values(a: Any) -> Any:
    try:
        return np.linalg.svd(a)[1]
    except np.linalg.LinAlgError as error:
        print("no:", error)
        return a[0]


@program((S,), (S + np.nan,), (S + np.inf,), (-S,))
def eigenvalues(a: Any) -> Any:
    try:
        return np.linalg.eigvalsh(a)
    except np.linalg.LinAlgError as error:
        raise ValueError(f"no eigenvalues: {error}") from None
    except IndexError:
        return a[0]


@program((S, 1.0), (S, 0.0), (S, np.nan))
def in_a_loop(a: Any, scale: float) -> Any:
    total = 0.0
    for k in range(3):
        try:
            total += np.linalg.inv(a * (scale - k)).sum()
            total += np.linalg.eigvalsh(a * (scale + k))[0]
        except Exception as error:
            print(k, error, repr(str(error)))
            total += 100
        finally:
            total += 1
    return total
