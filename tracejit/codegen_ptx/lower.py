"""Program -> PTX: every `launch` becomes GPU kernels; the host function stays as it is.

The host's statements allocate, evaluate scalars, fetch single elements and launch; who runs them
takes the kernels of each launch from `PtxProgram.launches`, in order, on one stream.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from tracejit.codegen_ptx.compile import PtxCodegenError, compile_ptx
from tracejit.codegen_ptx.emit import KernelText, module_text
from tracejit.codegen_ptx.kernels import Stage, count, phase_kernels
from tracejit.codegen_ptx.parameters import Argument
from tracejit.codegen_ptx.tiles import SIDE
from tracejit.ir.core import Function, Instr, Value, uses
from tracejit.ir.extent import Dim, evaluate, format_dim
from tracejit.ir.program import Program, kernels
from tracejit.ir.traits import Trait
from tracejit.ir.types import BufferType, Math
from tracejit.lower.expand_gemm import products
from tracejit.lower.expand_masked import plain
from tracejit.lower.parallel import Kernel
from tracejit.lower.serial import why_serial
from tracejit.records import dataclass

#: Statements that compute on the host: arrays are copied there, and what is written back again.
_ON_HOST = frozenset(["tape", "tape_push", "tape_pop", "host_call", "print"])
#: Blocks that a grid has at most, by stage; kernels loop over what is left.
_MOST: dict[Stage, int] = {
    "map": 4096,
    "tiles": 4096,
    "rows": 4096,
    "parts": 1 << 16,
    "joined": 1 << 16,
    "partials": 1024,
    "finish": 1,
    "counts": 1024,
    "compact": 1024,
    "summed": 1024,
    "scan": 1024,
    "scatter": 132,
    "serial": 1,
}
#: Stages that leave parts: one for each block, or (`parts`) one for each of their points.
PARTED: tuple[Stage, ...] = ("partials", "counts", "summed", "parts")
#: Stages that only blocks with others before them need.
FOR_SEVERAL: tuple[Stage, ...] = ("counts", "summed")
_UNKNOWN_BLOCKS = 64


@dataclass(frozen=True)
class KernelInfo:
    """A kernel of the module. `points` (None: unknown) is in terms of the launch's kernel.

    A thread does `width` points at once; of the stage `parts`, a block does. `reason`: why one
    thread does it all, where one does.
    """

    name: str
    stage: Stage
    block: int
    points: Dim | None
    params: tuple[Argument, ...]
    width: int = 1
    reason: str = ""

    @property
    def fixed_grid(self) -> int | None:
        """Blocks to launch where sizes do not matter."""
        if self.stage in ("serial", "finish"):
            return 1
        return _UNKNOWN_BLOCKS if self.points is None else None

    @property
    def points_per_block(self) -> int:
        """Points for which one more block is launched, up to `most_blocks`."""
        known = {"map": self.block * self.width, "tiles": SIDE * SIDE, "parts": self.width}
        known |= {"rows": 1, "joined": 1}
        return known.get(self.stage, 4 * self.block)

    @property
    def most_blocks(self) -> int:
        return _MOST[self.stage]

    def grid(self, number: Callable[[Value], int]) -> int:
        """Blocks to launch, given the integers that the launch's kernel gets. Sizes alone count."""
        if self.fixed_grid is not None:
            return self.fixed_grid
        assert self.points is not None
        count = evaluate(self.points, number)  # type: ignore[arg-type]
        return max(1, min(-(-count // self.points_per_block), self.most_blocks))

    def left(self, grid: int) -> int:
        """How many parts of reductions it leaves, when it is launched with so many blocks."""
        return self.known_left or grid

    @property
    def known_left(self) -> int:
        """How many parts it leaves, where that is not one a block; otherwise 0."""
        return self.points if self.stage == "parts" and isinstance(self.points, int) else 0

    def rule(self) -> str:
        """The grid as text."""
        if self.fixed_grid is not None:
            return str(self.fixed_grid)
        assert self.points is not None
        count = format_dim(self.points, lambda v: f"%{v.hint or 'v'}")
        return f"clamp(ceil(({count}) / {self.points_per_block}), 1, {self.most_blocks})"


@dataclass(frozen=True)
class PtxProgram:
    """A Program for the GPU. `text` is PTX with `plan`, the host's device statements, in comments.

    `products` has the launch that does the work of each `gemm` that needs one. `on_host` says what
    is computed there, with its line.
    """

    text: str
    program: Program
    kernels: tuple[KernelInfo, ...]
    launches: Mapping[Instr, tuple[KernelInfo, ...]]
    products: Mapping[Instr, Instr]
    on_host: tuple[str, ...]
    plan: str


def ptx_module(
    program: Program,
    arch: str = "sm_80",
    opt_level: int = 3,
    needs_kernel: Callable[[Instr], bool] = lambda _: True,
    compiled: Callable[[str, str, int], str] = compile_ptx,
    why_on_host: Callable[[Instr], str | None] = lambda _: "",
    math: Math = "portable",
) -> PtxProgram:
    """PTX of all kernels of a verified Program, and how each launch uses them.

    ``needs_kernel``: of a product of matrices; the others are a library's. ``compiled``: as
    `compile_ptx`, which may remember. ``why_on_host``: of a statement of the host that computes
    with arrays; None where it is a library's. ``math``: see `device_math.py`.
    """
    program = plain(program)
    texts: list[KernelText] = []
    launches: dict[Instr, tuple[KernelInfo, ...]] = {}
    on_host = tuple(_on_host(program.host, why_on_host))
    name = re.sub(r"\W", "_", program.host.name) or "f"
    gemms = {i: launch for i, launch in products(program.host).items() if needs_kernel(i)}
    own = temporaries(program.host)
    for number, instr in enumerate([*kernels(program.host), *gemms.values()]):
        try:
            made = _launch(instr, f"{name}_{number}", own, math)
        except NotImplementedError as error:
            raise PtxCodegenError(f"kernel {number} of {name}: {error}") from error
        texts += [text for text, _ in made]
        launches[instr] = tuple(info for _, info in made)
    infos = tuple(info for found in launches.values() for info in found)
    ptx = compiled(module_text(texts), arch, opt_level) if texts else ""
    lines = [f"host @{program.host.name}", *_plan(program.host, launches, gemms, 1)]
    lines += [f"on the host, with copies: {statement}" for statement in on_host]
    plan = "\n".join(lines) + "\n"
    text = "".join(f"// {line}\n" for line in lines) + ptx
    return PtxProgram(text, program, infos, launches, gemms, on_host, plan)


_SHOWN = frozenset(["alloc", "free", "fetch", "view", "gemm", "check", "raise"])


def _plan(
    function: Function,
    launches: Mapping[Instr, tuple[KernelInfo, ...]],
    gemms: Mapping[Instr, Instr],
    depth: int,
) -> Iterator[str]:
    """The host's statements that touch the device, one a line, for people."""
    pad = "  " * depth
    for instr in function.instrs:
        found = launches.get(gemms.get(instr, instr))
        if found is not None:
            for info in found:
                grid = f"<<<{info.rule()}, {info.block}>>>"
                yield f"{pad}launch {info.name} {grid} ({info.stage})"
        elif instr.name in _SHOWN:
            yield f"{pad}{instr.name}"
        elif instr.regions and not instr.has(Trait.LAUNCHES):
            yield f"{pad}{instr.name}"
            for region in instr.regions:
                yield from _plan(region, launches, gemms, depth + 1)


def temporaries(function: Function) -> frozenset[Value]:
    """Buffers of a host function, at any depth, that one launch alone has to do with."""
    made = {i.result for i in function.instrs if i.has(Trait.ALLOCATES)}
    users: Counter[Value] = Counter(function.results)
    for instr in function.instrs:
        if not instr.has(Trait.FREES):
            users.update({v: 1 if instr.has(Trait.LAUNCHES) else 2 for v in uses(instr)})
    found = {v for v in made if users[v] == 1}
    for instr in function.instrs:
        if not instr.has(Trait.LAUNCHES):
            found.update(*map(temporaries, instr.regions))
    return frozenset(found)


def _launch(
    instr: Instr, name: str, own: frozenset[Value], math: Math
) -> list[tuple[KernelText, KernelInfo]]:
    """The kernels of one launch."""
    kernel = Kernel(instr.regions[0], instr.attrs.get("aliases", ()))
    phases = kernel.phases()
    operands = zip(instr.operands, kernel.function.params, strict=True)
    mine = frozenset(p for v, p in operands if v in own and instr.operands.count(v) == 1)
    made = []
    for k, phase in enumerate(phases):
        suffix = f"_{k}" if len(phases) > 1 else ""
        stages = phase_kernels(kernel, phase, f"{name}{suffix}_{phase.role}", mine, math)
        alone = phase.role == "serial"
        number = None if alone else count(kernel, phase)
        numbers = stages.points or (number,) * len(stages.texts)
        reason = why_serial(kernel, phase) if alone else ""
        for text, stage, arguments, number in zip(
            stages.texts, stages.stages, stages.arguments, numbers, strict=True
        ):
            info = KernelInfo(
                text.name, stage, text.threads, number, arguments, stages.width, reason
            )
            made.append((text, info))
    return made


def _on_host(function: Function, why: Callable[[Instr], str | None]) -> Iterator[str]:
    for instr in function.instrs:
        if instr.name in _ON_HOST:
            reason = why(instr) if _copies(instr) else None
            if reason is not None:
                where = f" (line {instr.loc.line})" if instr.loc is not None else ""
                yield f"{_called(instr)}{where}{reason and ': '}{reason}"
        elif not instr.has(Trait.LAUNCHES):
            for region in instr.regions:
                yield from _on_host(region, why)


def _copies(instr: Instr) -> bool:
    """Whether arrays are copied for a statement: a call of numbers alone is the host's anyway."""
    return "fn" not in instr.attrs or any(isinstance(v.type, BufferType) for v in instr.operands)


def _called(instr: Instr) -> str:
    """A statement by what it calls, if it calls something."""
    function = instr.attrs.get("fn")
    if function is None:
        return instr.name
    return getattr(function, "__qualname__", None) or type(function).__name__
