"""LLVM IR text of kernels in, PTX text out, for one NVIDIA architecture.

The text is checked before LLVM sees it (some intrinsics make the NVPTX backend abort the process)
and after (a call that was not resolved would only fail when the driver links it).
"""

from __future__ import annotations

import functools
import re
import threading
from typing import Any

from tracejit.llvm_text.narrow import PTX, with_conversions
from tracejit.records import dataclass

TRIPLE = "nvptx64-nvidia-cuda"


class PtxCodegenError(RuntimeError):
    """The compiler made text that has no PTX: a bug in tracejit, never in the user's code."""


@dataclass(frozen=True)
class Architecture:
    """A GPU architecture and the oldest PTX version that is asked of the driver."""

    name: str
    features: str


ARCHITECTURES = {
    name: Architecture(name, features)
    for name, features in (
        ("sm_75", "+ptx63"),
        ("sm_80", "+ptx70"),
        ("sm_90", "+ptx80"),
        ("sm_100", "+ptx86"),
    )
}

# The backend has no code for these and ends the process, or (frem) is inexact.
_FORBIDDEN = re.compile(
    r"@llvm\.(?:exp|exp2|exp10|log|log2|log10|sin|cos|tan|asin|acos|atan|atan2|sinh|cosh|tanh"
    r"|sincos|pow|powi|ldexp|frexp)\.|\bfrem\b"
)
# Without .rn the PTX assembler may contract a multiplication and an addition.
_CONTRACTIBLE = re.compile(r"^\s*(?:@!?%p\d+ )?(?:add|sub|mul)\.(?:ftz\.)?f(?:32|64)\b.*$", re.M)
_lock = threading.Lock()


def architecture_for(capability: tuple[int, int]) -> Architecture:
    """The newest architecture here that a device of compute capability `capability` runs.

    Raises PtxCodegenError for devices older than every architecture here.
    """
    number = 10 * capability[0] + capability[1]
    usable = [a for a in ARCHITECTURES.values() if int(a.name[3:]) <= number]
    if not usable:
        raise PtxCodegenError(f"compute capability {capability[0]}.{capability[1]} is too old")
    return max(usable, key=lambda a: int(a.name[3:]))


def compile_ptx(ir: str, architecture: str = "sm_80", opt_level: int = 3) -> str:
    """PTX text for a module of `ptx_kernel` functions. The same text gives the same PTX.

    Raises PtxCodegenError when LLVM rejects the text, or when it calls what PTX does not have.
    """
    if architecture not in ARCHITECTURES:
        raise PtxCodegenError(f"unknown architecture {architecture}: one of {[*ARCHITECTURES]}")
    if found := _FORBIDDEN.search(ir):
        raise PtxCodegenError(f"{found[0].strip('.')} has no lowering to PTX")
    with _lock:
        ptx = _optimised_assembly(ir, architecture, opt_level)
    _check(ptx)
    return ptx


def made_from(ir: str, architecture: str, opt_level: int) -> tuple[str, ...]:
    """All that the PTX of a text depends on."""
    import llvmlite
    import llvmlite.binding as llvm

    features = ARCHITECTURES[architecture].features
    versions = (llvmlite.__version__, str(llvm.llvm_version_info))
    return (with_conversions(ir, PTX), architecture, features, str(opt_level), *versions)


def _optimised_assembly(ir: str, architecture: str, opt_level: int) -> str:
    import llvmlite.binding as llvm

    _initialise()
    machine = _target_machine(architecture, opt_level)
    try:
        module = llvm.parse_assembly(with_conversions(ir, PTX))
        module.triple, module.data_layout = TRIPLE, str(machine.target_data)
        module.verify()
    except RuntimeError as error:
        raise PtxCodegenError(f"LLVM rejects the kernel's text: {error}") from error
    options = llvm.create_pipeline_tuning_options(speed_level=opt_level)
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return str(machine.emit_assembly(module))


@functools.cache
def _initialise() -> None:
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()


@functools.cache
def _target_machine(architecture: str, opt_level: int) -> Any:
    import llvmlite.binding as llvm

    target = llvm.Target.from_triple(TRIPLE)
    features = ARCHITECTURES[architecture].features
    return target.create_target_machine(cpu=architecture, features=features, opt=opt_level)


def _check(ptx: str) -> None:
    if found := re.search(r"^\s*\.extern \.func[^;]*", ptx, re.M):
        raise PtxCodegenError(
            f"the kernel calls what PTX does not have: {' '.join(found[0].split())}"
        )
    if found := _CONTRACTIBLE.search(ptx):
        raise PtxCodegenError(f"rounding is left to the assembler: {found[0].strip()}")
