"""``f.explain()``: what the compiler made of a function, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tracejit.device.compile import DeviceSpecialisation
from tracejit.diagnostics.device_report import explained_on_device
from tracejit.diagnostics.kernels import CompiledKernel, kernels_of, sizes_of
from tracejit.diagnostics.places import at
from tracejit.ir.core import Instr
from tracejit.lower.schedule import WORTH, Shared

CALLS = {"gemm": "a product of matrices, by BLAS or loops of our own"}
#: Kernels that are described one by one.
_SHOWN = 60


def explained(made: Any, name: str) -> str:
    """The text for a version's artefacts."""
    if isinstance(made.spec, DeviceSpecialisation):
        return explained_on_device(made, name)
    found, sizes = kernels_of(made), sizes_of(made)
    host = list(_of_host(made.program.host))
    lines = [f"{name}: {_counted(found, host)}, {sum(sizes.values())} bytes of native code"]
    loops = [k for k in found if k.loops]
    lines += [line for k in loops[:_SHOWN] for line in _of_kernel(k, sizes)]
    if len(loops) > _SHOWN:
        lines.append(f"and {len(loops) - _SHOWN} kernels more")
    if len(loops) < len(found):
        places = [p for k in found if not k.loops for p in k.places]
        lines.append(f"in line: {len(found) - len(loops)} kernels without a loop{at(places)}")
    lines += [f"call{at([i.loc])}: {CALLS.get(i.name) or _called(i)}" for i in host if is_call(i)]
    if made.program.copies:
        lines += [f"copy: {text}" for text in made.program.copies]
    else:
        lines.append("no array is copied")
    return "\n".join(lines)


def _of_host(function: Any) -> Iterator[Instr]:
    """Statements outside of kernels."""
    for instr in function.instrs:
        yield instr
        if instr.name != "launch":
            for region in instr.regions:
                yield from _of_host(region)


def is_call(instr: Instr) -> bool:
    return instr.name in ("gemm", "host_call") or instr.prim.kind == "extern"


def _called(instr: Instr) -> str:
    name = called_name(instr)
    if name is None:
        return f"{instr.name}, by LAPACK or code of its own"
    return f"{getattr(instr.attrs['fn'], '__module__', '') or 'numpy'}.{name}, in Python"


def called_name(instr: Instr) -> str | None:
    """The name of the Python function that a statement calls; None if it calls none."""
    fn = instr.attrs.get("fn")
    return None if fn is None else getattr(fn, "__qualname__", None) or type(fn).__name__


def _counted(found: Sequence[CompiledKernel], host: Sequence[Instr]) -> str:
    def some(n: int, what: str) -> str:
        return f"{n} {what}{'' if n == 1 else 's'}"

    allocated = sum(i.name == "alloc" for i in host)
    calls = sum(map(is_call, host))
    return (
        f"{some(len(found), 'kernel')}, {some(calls, 'call')}, {some(allocated, 'temporary array')}"
    )


def _of_kernel(kernel: CompiledKernel, sizes: Any) -> list[str]:
    size = f", {sizes[kernel.symbol]} bytes" if kernel.symbol in sizes else ""
    head = f"kernel {kernel.number}{at(kernel.places)}: {what(kernel)}{size}"
    return [head, f"  {vector_code(kernel)}", f"  {threads(kernel)}"]


def what(kernel: CompiledKernel) -> str:
    """What a kernel does, in words."""
    operations = kernel.operations
    reads, writes = kernel.count("load"), kernel.count("store")
    loops = "one loop" if kernel.loops == 1 else f"loops {kernel.loops} deep"
    if not operations:
        return f"fills or copies elements, in {loops}"
    fused = " fused" if len(operations) > 1 else ""
    moved = f"{reads} read{'' if reads == 1 else 's'}, {writes} write{'' if writes == 1 else 's'}"
    return f"{', '.join(operations)}{fused} in {loops}, {moved} of elements"


def vector_code(kernel: CompiledKernel) -> str:
    """Whether it is vector code, and why not."""
    if not kernel.loops:
        return "in line, without a loop"
    if kernel.vectors is not None:
        return f"vectorised, {kernel.vectors} at once"
    if kernel.moves_blocks:
        return "moves memory in blocks"
    return f"not vectorised: {kernel.why_scalar}"


def threads(kernel: CompiledKernel) -> str:
    """Whether threads share its work, and why not."""
    if kernel.schedule is None:
        return "one thread: parallel=False"
    said = dict.fromkeys(map(_shared, kernel.schedule.values()))
    return "; ".join(said) if said else "one thread: it is little work"


def _shared(how: Shared | str) -> str:
    if isinstance(how, str):
        return f"one thread: {how}"
    what = {"loop": "steps of the loop", "sum": "elements of the sum", "fold": "elements"}[how.way]
    if not isinstance(how.cost, int):
        return f"several threads share {what} where there is enough to do"
    least = -(-WORTH // how.cost)
    if isinstance(how.trip, int):
        return f"several threads share {how.trip} {what}"
    return f"several threads share {what} from {least} on"
