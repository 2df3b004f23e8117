"""The oracle: runs a tensor-level function with NumPy, one instruction at a time.

Every other way of running a function must give what this gives. Reads and writes nothing outside
its arguments, except through ``write_back`` and ``print``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from tracejit.ir.core import Function, Instr, Value
from tracejit.ir.exceptions import exception_type
from tracejit.ir.extent import Dim, Extent, evaluate
from tracejit.ir.interpret.print_effect import formatted, print_values
from tracejit.ir.interpret.recursions import innermost, under_way
from tracejit.ir.types import TapeType, TensorType

Env = dict[Value, Any]
WriteBack = Callable[[int, Any], None]


def interpret(
    function: Function, args: Sequence[Any], *, write_back: WriteBack | None = None
) -> list[Any]:
    """Run ``function`` on arrays (converted to the parameter dtypes); its results as arrays.

    ``write_back(k, array)`` sees each write to the caller's array number k. What the program
    raises is raised.
    """
    env: Env = {}
    if len(args) != len(function.params):
        raise TypeError(f"@{function.name} takes {len(function.params)} arguments, not {len(args)}")
    for param, arg in zip(function.params, args, strict=True):
        env[param] = _argument(param, arg)
    for param in function.params:
        _check_shape(param, env[param], env, function.name)
    return _run(function, env, write_back)


def values_of(function: Function, args: Sequence[Any]) -> Env:
    """Every value at the outermost level of a function, as far as it runs."""
    env: Env = dict(zip(function.params, map(_argument, function.params, args), strict=True))
    with suppress(Exception):  # as the program ends
        _run(function, env, None)
    return env


def _argument(param: Value, arg: Any) -> Any:
    return arg if isinstance(param.type, TapeType) else np.array(arg, dtype=param.dtype)


def _run(function: Function, env: Env, write_back: WriteBack | None) -> list[Any]:
    for instr in function.instrs:
        results = _step(instr, env, write_back)
        for value, got in zip(instr.results, results, strict=True):
            env[value] = _frozen(value, got)
            _check_shape(value, env[value], env, instr.name)
    return [env[r] for r in function.results]


def _frozen(value: Value, got: Any) -> Any:
    if isinstance(value.type, TapeType):
        return got
    array = np.asarray(got)
    if array.dtype != value.dtype:
        raise AssertionError(f"{value.type} computed as {array.dtype}")
    return array


def number(dim: Dim, env: Env) -> int:
    """The number of an extent in an environment."""
    return evaluate(dim, lambda leaf: int(env[leaf]))  # type: ignore[index]


def _check_shape(value: Value, array: Any, env: Env, where: str) -> None:
    if isinstance(value.type, TensorType):
        want = tuple(number(d, env) for d in value.type.shape)
        if array.shape != want:
            raise AssertionError(f"{where}: {value.type} has shape {array.shape}, not {want}")


def _resolve(attr: Any, env: Env) -> Any:
    if isinstance(attr, Extent):
        return number(attr, env)
    if isinstance(attr, tuple):
        return tuple(_resolve(a, env) for a in attr)
    return attr


def _call(region: Function, args: Sequence[Any], write_back: WriteBack | None) -> list[Any]:
    env = dict(zip(region.params, args, strict=True))
    return _run(region, env, write_back)


def _step(instr: Instr, env: Env, write_back: WriteBack | None) -> Sequence[Any]:
    args = [env[v] for v in instr.operands]
    control = _CONTROL.get(instr.name)
    if control is not None:
        return control(instr, args, env, write_back)
    assert instr.prim.eval is not None, f"{instr.name} has no reference"
    attrs = {k: _resolve(v, env) for k, v in instr.attrs.items()}
    got = instr.prim.eval(*args, **attrs)
    return got if len(instr.results) != 1 else (got,)


def _run_for(
    instr: Instr, args: list[Any], env: Env, write_back: WriteBack | None
) -> Sequence[Any]:
    k = instr.attrs["carried"]
    carried, consts = args[1 : 1 + k], args[1 + k :]
    for i in range(int(args[0])):
        carried = _call(instr.regions[0], [np.asarray(i, np.int64), *carried, *consts], write_back)
    return carried


def _run_while(
    instr: Instr, args: list[Any], env: Env, write_back: WriteBack | None
) -> Sequence[Any]:
    k = instr.attrs["carried"]
    test, body = instr.regions
    carried, consts = args[:k], args[k:]
    while bool(_call(test, [*carried, *consts], write_back)[0]):
        carried = _call(body, [*carried, *consts], write_back)
    return carried


def _run_cond(
    instr: Instr, args: list[Any], env: Env, write_back: WriteBack | None
) -> Sequence[Any]:
    region = instr.regions[0] if bool(args[0]) else instr.regions[1]
    return _call(region, args[1:], write_back)


def _run_call(
    instr: Instr, args: list[Any], env: Env, write_back: WriteBack | None
) -> Sequence[Any]:
    return _call(instr.regions[0], args, write_back)


def _run_recursion(
    instr: Instr, args: list[Any], env: Env, write_back: WriteBack | None
) -> Sequence[Any]:
    count, last = instr.attrs["args"], len(args) - instr.attrs.get("arrays", 0)
    with under_way(instr, args[count:last]):
        return _call(instr.regions[0], args, write_back)


def _run_recur(
    instr: Instr, args: list[Any], env: Env, write_back: WriteBack | None
) -> Sequence[Any]:
    around, outer = innermost()
    count = around.attrs["args"]
    return _call(around.regions[0], [*args[:count], *outer, *args[count:]], write_back)


def _raise(attrs: Mapping[str, Any], payload: Sequence[Any]) -> None:
    values = [p.item() if isinstance(p, np.ndarray) else p for p in payload]
    raise exception_type(attrs["exc"])(formatted(attrs["message"], values))


def _run_raise(
    instr: Instr, args: list[Any], env: Env, write_back: WriteBack | None
) -> Sequence[Any]:
    _raise(instr.attrs, args)
    return ()


def _run_check(
    instr: Instr, args: list[Any], env: Env, write_back: WriteBack | None
) -> Sequence[Any]:
    if not bool(args[0]):
        _raise(instr.attrs, args[1:])
    return ()


def _run_print(
    instr: Instr, args: list[Any], env: Env, write_back: WriteBack | None
) -> Sequence[Any]:
    print_values(instr.attrs, [a[()] for a in args])
    return ()


def _run_write_back(
    instr: Instr, args: list[Any], env: Env, write_back: WriteBack | None
) -> Sequence[Any]:
    if write_back is not None:
        write_back(instr.attrs["arg"], args[0])
    return ()


def _run_host_call(
    instr: Instr, args: list[Any], env: Env, write_back: WriteBack | None
) -> Sequence[Any]:
    got = instr.attrs["fn"](*args)
    return got if len(instr.results) != 1 or isinstance(got, tuple | list) else (got,)


def _run_push(
    instr: Instr, args: list[Any], env: Env, write_back: WriteBack | None
) -> Sequence[Any]:
    return ((args[0], tuple(args[1:])),)


def _run_pop(
    instr: Instr, args: list[Any], env: Env, write_back: WriteBack | None
) -> Sequence[Any]:
    if args[0] is None:
        raise AssertionError("pop from an empty tape")
    rest, values = args[0]
    return (rest, *values)


_CONTROL: dict[str, Callable[..., Sequence[Any]]] = {
    "for": _run_for,
    "while": _run_while,
    "cond": _run_cond,
    "call": _run_call,
    "recursion": _run_recursion,
    "recur": _run_recur,
    "raise": _run_raise,
    "check": _run_check,
    "print": _run_print,
    "write_back": _run_write_back,
    "host_call": _run_host_call,
    "tape": lambda instr, args, env, write_back: (None,),
    "push": _run_push,
    "pop": _run_pop,
}
