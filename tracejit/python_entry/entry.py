"""From a signature and a core's LLVM text to something that Python calls.

    spec = specialise(text, signature, errors=table, host=host_table)    # text defines @core
    Jit = callable_type("Jit", __name__, {"__init__": ..., ...})
    f = Jit(...); set_miss(f, slow_path); set_chain(f, [spec])           # f(x) is native now

`spec(*args)` calls one specialisation alone and raises `Miss` where its guards fail.
"""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, cached_property
from typing import Any

from tracejit.abi import Signature, Unflatten, capi
from tracejit.codegen_llvm.engine import CompiledModule, Engine, shared_engine
from tracejit.codegen_llvm.pool_text import COUNTER as SHARED_LAUNCHES
from tracejit.codegen_llvm.runtime import HostTable, runtime_symbols
from tracejit.llvm_text.tables import ErrorTable
from tracejit.python_entry import callable as native
from tracejit.python_entry import runs_text
from tracejit.python_entry.parameters import CallParameters
from tracejit.python_entry.portable import Miss, PortableCallable, PortableEntry

__all__ = [
    "Miss",
    "Specialisation",
    "callable_type",
    "set_chain",
    "set_miss",
    "set_parameters",
    "specialise",
    "uses_native_entry",
]

_NAME = re.compile(r"@([\w.$]+)")


@cache
def uses_native_entry() -> bool:
    """Whether calls are native. `TRACEJIT_PORTABLE_ENTRY=1` says no, as an unknown layout does."""
    forced = os.environ.get("TRACEJIT_PORTABLE_ENTRY", "") not in ("", "0")
    return not forced and capi.native_entry_problem() is None


def native_symbols(names: Iterable[str] = ()) -> dict[str, int]:
    """Addresses by name of what compiled code may call that calls these."""
    boxing = native.boxing_symbols() if uses_native_entry() else {}
    if not set(runs_text.EXPORTS).isdisjoint(names):
        boxing |= native.run_symbols()
    return {**capi.symbols(), **runtime_symbols(), **boxing}


class Specialisation:
    """One compiled core with its entry, its environment and the objects that both point to."""

    def __init__(
        self,
        module: CompiledModule,
        signature: Signature,
        env: Sequence[Any],
        errors: ErrorTable,
        host: HostTable | None,
        symbols: Mapping[str, int],
        rejecting: Sequence[int] = (),
    ) -> None:
        """``symbols``: the addresses outside of itself that the code has."""
        self.module = module
        self.symbols = symbols
        self.rejecting = rejecting
        self.signature = signature
        self.errors = errors
        self.host = host
        self.core_address = module.addresses["core"]
        self.entry_address = module.addresses.get("entry", 0)
        self.env = list(env)  # the native environment holds bare pointers into this list
        self._env = (ctypes.c_void_p * max(1, len(self.env)))(*map(id, self.env))
        self.env_address = ctypes.addressof(self._env)
        self._armed = self._env
        if rejecting and self.env:
            self._armed = (ctypes.c_void_p * len(self.env))(*self._env)
            self._env[len(self.env) - 1] = None

    @property
    def shared_launches(self) -> int:
        """How many loops and sums have run on several threads so far."""
        address = self.module.addresses.get(SHARED_LAUNCHES)
        return 0 if address is None else ctypes.c_int64.from_address(address).value

    @cached_property
    def portable(self) -> PortableEntry:
        """The plain Python entry to the same core."""
        found = (self.signature, self.core_address, self.errors, self.host, self.rejecting)
        return PortableEntry(*found)

    @cached_property
    def chained(self) -> Any:
        """What a chain takes: misses where ``self`` raises one of the errors ``rejecting``.

        None where there is no such entry.
        """
        if not self.rejecting:
            return self
        return Armed(self, self._armed) if self.entry_address else None

    @cached_property
    def unbuilt(self) -> Any:
        """``chained`` that returns the parts which Python would put together, in a tuple. None
        where there is no such entry."""
        structure = self.signature.structure
        if not self.entry_address or not isinstance(structure, Unflatten):
            return None
        env = (ctypes.c_void_p * len(self.env))(*self._armed)
        env[next(k for k, x in enumerate(self.env) if x is structure.build)] = None
        return Armed(self, env)

    @cached_property
    def _alone(self) -> Callable[..., Any]:
        if not self.entry_address:
            return lambda *args: self.portable.call(args)
        single = _single_type()()
        set_miss(single, _raise_miss)
        set_chain(single, [self])
        return single  # type: ignore[no-any-return]

    def __call__(self, *args: Any) -> Any:
        return self._alone(*args)


class Armed:
    """The entry of a specialisation in another environment: some errors are misses, say."""

    def __init__(self, of: Specialisation, env: Any) -> None:
        self.of = of
        self.env = env
        self.entry_address = of.entry_address
        self.env_address = ctypes.addressof(env)


def _raise_miss(*args: Any, **kwargs: Any) -> Any:
    raise Miss


@cache
def _single_type() -> type:
    return callable_type("SingleEntry", __name__, {})


def specialise(
    core_text: str,
    signature: Signature,
    errors: ErrorTable | None = None,
    host: HostTable | None = None,
    symbols: Mapping[str, int] | None = None,
    opt_level: int = 3,
    engine: Engine | None = None,
    cache: bool = True,
    rejecting: Sequence[int] = (),
) -> Specialisation:
    """Compile `core_text`, which defines `i32 @core(ptr, ptr)`, together with its entry.

    The text may declare what `runtime_text.DECLARATIONS` lists; `symbols` are further addresses.
    ``rejecting``: numbers of errors that are misses in a chain (see ``Specialisation.chained``).
    """
    errors = ErrorTable() if errors is None else errors
    exports, parts = ["core"], [core_text]
    if f"@{SHARED_LAUNCHES} = " in core_text:
        exports.append(SHARED_LAUNCHES)
    env: list[Any] = [None, None]
    if uses_native_entry():
        from tracejit.python_entry import boxing_text, entry_text

        text, env = entry_text.entry_text(signature, rejecting=rejecting)
        exports.append("entry")
        parts += [text, entry_text.DECLARATIONS, boxing_text.DECLARATIONS]
        parts += [runs_text.DECLARATIONS] if runs_text.is_used(text) else []
    env[0], env[1] = errors.build, host
    text = merge_declarations("\n".join(parts))
    names = _NAME.findall(text)
    available = {**native_symbols(names), **(symbols or {})}
    wanted = {name: available[name] for name in names if name in available}
    compiled = (engine or shared_engine()).compile(text, wanted, exports, opt_level, cache)
    return Specialisation(compiled, signature, env, errors, host, wanted, rejecting)


def merge_declarations(text: str) -> str:
    """Drop repeated `declare` and external global lines: LLVM allows each name once."""
    seen: set[str] = set()
    kept = []
    for line in text.splitlines():
        if line.startswith("declare ") or " = external global " in line:
            name = line[line.index("@") :].split("(")[0].split(" ")[0]
            if name in seen:
                continue
            seen.add(name)
        kept.append(line)
    return "\n".join(kept)


def callable_type(name: str, module: str, namespace: Mapping[str, Any]) -> type:
    """A class with `namespace` as its body whose instances are called natively where possible."""
    if uses_native_entry():
        return native.native_callable_type(name, module, namespace)
    return type(name, (PortableCallable,), {"__module__": module, **namespace})


def set_miss(instance: Any, miss: Callable[..., Any]) -> None:
    """What answers calls that no entry takes: `miss(*args, **kwargs)`. Needed before any call."""
    if isinstance(instance, PortableCallable):
        instance._miss = miss
    else:
        native.set_miss(instance, miss)


def set_parameters(instance: Any, parameters: CallParameters) -> None:
    """Where the arguments of calls belong; without it a call with keywords is a miss."""
    if isinstance(instance, PortableCallable):
        instance._parameters = parameters
    else:
        native.set_parameters(instance, parameters)


def set_chain(instance: Any, specialisations: Sequence[Specialisation | Armed]) -> None:
    """The specialisations that a call tries, in order."""
    if isinstance(instance, PortableCallable):
        instance._chain = tuple(specialisations)
    else:
        native.set_chain(instance, specialisations)
