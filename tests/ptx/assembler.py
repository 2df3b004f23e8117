"""NVIDIA's assembler and disassembler as checks on PTX text, where they are installed.

The extra `gpu-test` brings both as wheels; a CUDA toolkit on the path will do as well.
"""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest


@functools.cache
def tool(name: str) -> str:
    """Where `ptxas` or `nvdisasm` is. Skips the test where it is not installed."""
    spec = find_spec("nvidia")
    folders = [] if spec is None else [Path(f) for f in spec.submodule_search_locations or ()]
    found = [str(f) for folder in folders for f in sorted(folder.glob(f"*/bin/{name}"))]
    program = next(iter(found), shutil.which(name))
    if program is None:
        pytest.skip(f"{name} is not installed")
    return program


def assemble(ptx: str, architecture: str, folder: Path) -> str:
    """Runs ptxas; returns its report (registers, spills)."""
    program = tool("ptxas")
    source = folder / "kernel.ptx"
    source.write_text(ptx)
    command = [program, "-v", f"-arch={architecture}", str(source), "-o", str(folder / "out.cubin")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def disassemble(ptx: str, architecture: str, folder: Path) -> dict[str, Machine]:
    """The machine code of each kernel of a module, by name."""
    report = assemble(ptx, architecture, folder)
    command = [tool("nvdisasm"), "-c", str(folder / "out.cubin")]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    sections = re.split(r"^\s*\.section\s+\.text\.(\w+).*$", text, flags=re.M)[1:]
    pairs = dict(zip(sections[::2], sections[1::2], strict=True))
    return {name: _machine(code, name, report) for name, code in pairs.items()}


@dataclass(frozen=True)
class Machine:
    """A kernel's instructions, and the places that jumps go to."""

    instrs: tuple[str, ...]
    labels: dict[str, int]
    registers: int
    spilled: int

    @property
    def jumps(self) -> list[tuple[int, int]]:
        """Where jumps are, and where they go to."""
        found = [re.search(r"\bBRA\b.*`\((\.L_x_\d+)\)", i) for i in self.instrs]
        return [(at, self.labels[f[1]]) for at, f in enumerate(found) if f]

    def loops(self) -> list[Loop]:
        """Innermost loops: from where a jump goes back to, to that jump."""
        spans = [(to, at + 1) for at, to in self.jumps if to < at]
        inner = [
            s for s in spans if not any(s != t and s[0] <= t[0] and t[1] <= s[1] for t in spans)
        ]
        return [self._loop(*span) for span in inner]

    def _loop(self, first: int, last: int) -> Loop:
        """What jumps leave out is for rare elements: a denormal divisor, a huge argument of sin.

        A jump that is left out itself goes back to what is usual, over more of what is.
        """
        rare: set[int] = set()
        for at, to in self.jumps:
            if first <= at < to <= last and at not in rare:
                rare.update(range(at + 1, to))
        usual = [self.instrs[k] for k in range(first, last) if k not in rare]
        return Loop(self.instrs[first:last], tuple(usual))


@dataclass(frozen=True)
class Loop:
    """The instructions of a loop, and those that are not jumped over for most elements."""

    instrs: tuple[str, ...]
    usual: tuple[str, ...]

    @property
    def accesses(self) -> list[int]:
        """The bits that each usual access of global memory moves."""
        found = [re.search(r"\b(?:LDG|STG)\.E(\S*)", i) for i in self.usual]
        names = [re.search(r"\.[US]?(8|16|64|128)\b", f[1]) for f in found if f]
        return [32 if n is None else int(n[1]) for n in names]

    @property
    def widths(self) -> set[int]:
        return {*self.accesses}

    @property
    def calls(self) -> set[str]:
        """The routines of the assembler that are called."""
        found = [re.search(r"\bCALL\b.*?\$(__cuda_\w+)", i) for i in self.instrs if "CALL" in i]
        return {"?" if f is None else f[1] for f in found}


def _machine(code: str, name: str, report: str) -> Machine:
    instrs: list[str] = []
    labels: dict[str, int] = {}
    for line in code.splitlines():
        if label := re.match(r"\s*(\.L_x_\d+):", line):
            labels[label[1]] = len(instrs)
        elif instr := re.match(r"\s*/\*[0-9a-f]{4,}\*/\s+(.*?);", line):
            instrs.append(instr[1].strip())
    (own,) = re.findall(rf"Compiling entry function '{name}'.*?Used (\d+) registers", report, re.S)
    (spilled,) = re.findall(
        rf"Function properties for {name}\s.*?(\d+) bytes spill stores", report, re.S
    )
    return Machine(tuple(instrs), labels, int(own), int(spilled))
