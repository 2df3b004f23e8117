"""What a version for a GPU was made into, in words: kernels, how each is spread, what waits."""

from __future__ import annotations

import re
from typing import Any

from tracejit.device.libraries import LibraryRow, row_for
from tracejit.diagnostics.places import at
from tracejit.dtypes import is_inexact
from tracejit.ir.core import Instr
from tracejit.ir.program import instructions
from tracejit.lower.waits import waits

#: How a kernel is spread over the GPU, by its stage.
_SPREAD = {
    "map": "a point a thread",
    "tiles": "a tile of points a block",
    "rows": "a row a block",
    "parts": "parts of each of few reductions by many threads",
    "joined": "parts of a reduction put together by a block",
    "partials": "parts by blocks",
    "finish": "parts put together by one block",
    "counts": "counts by blocks",
    "compact": "what is selected side by side, by blocks",
    "summed": "parts of a running total by blocks",
    "scan": "a running total, by blocks",
    "scatter": "elements by the place that they go to, by warps",
    "serial": "one thread",
}


def explained_on_device(made: Any, name: str) -> str:
    """The text for a version's artefacts."""
    ptx, device = made.spec.code.ptx, made.spec.code.device
    found = [(launch, info) for launch, infos in ptx.launches.items() for info in infos]
    lines = [f"{name} on GPU {device}: {len(found)} kernels"]
    for launch, info in found:
        spread = f"{_SPREAD[info.stage]}: {info.reason}" if info.reason else _SPREAD[info.stage]
        lines.append(f"kernel {info.name}: {spread}, {info.rule()} blocks{at(_places(launch))}")
    if approximate := sorted({*re.findall(r"\b(\w+)\.approx\b", ptx.text)}):
        lines.append(f'approximate instructions, by math="device": {", ".join(approximate)}')
    for instr in instructions(ptx.program.host):
        if instr.name == "gemm":
            lines.append(f"{_product(ptx, instr)}{at([instr.loc])}")
    for instr in instructions(ptx.program.host):
        entry = row_for(instr, made.spec.code.driver.library)
        if isinstance(entry, LibraryRow):
            what = instr.attrs["fn"].__qualname__
            known = ", which waits for the GPU" if entry.fails else ""
            lines.append(f"computed by cupy: {what}{known}{at([instr.loc])}")
    found_waits = list(waits(ptx.program.host))
    lines += [f"waits for the GPU: {why}{at([instr.loc])}" for instr, why in found_waits]
    if not found_waits:
        lines.append("nothing waits for the GPU")
    lines += [f"computed on the host, with copies: {text}" for text in ptx.on_host]
    return "\n".join(lines)


def _product(ptx: Any, instr: Instr) -> str:
    launch = ptx.products.get(instr)
    if launch is None:
        return "product of matrices by cuBLAS"
    names = ", ".join(info.name for info in ptx.launches[launch])
    if not is_inexact(instr.operands[2].dtype):
        return f"product of matrices: kernel {names}"
    return f"product of matrices by cuBLAS, where strides or sizes forbid it by kernel {names}"


def _places(launch: Instr) -> list[Any]:
    return [i.loc for i in instructions(launch.regions[0])]
