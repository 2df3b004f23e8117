"""Which processors LLVM knows.

Of one that it does not know, it says so on stderr, and goes on or ends the process. So it is asked
in a process of its own about the names that users give.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from difflib import get_close_matches
from functools import cache

from tracejit.records import dataclass

#: Makes object code of a function for a processor, or, for "help", prints what there are.
_ASK = """
import sys
import llvmlite.binding as llvm
triple, cpu, features, abi = sys.argv[1:]
llvm.initialize_all_targets()
llvm.initialize_all_asmprinters()
target = llvm.Target.from_triple(triple)
machine = target.create_target_machine(cpu=cpu, features=features, abiname=abi)
if cpu != "help":
    module = llvm.parse_assembly(
        "define double @f(double %x) {\\n %y = fadd double %x, %x\\n ret double %y\\n}"
    )
    module.triple = triple
    machine.emit_object(module)
"""
_KNOWN = re.compile(r"^  (\S+) +- Select the \S+ processor\.$", re.MULTILINE)


@dataclass(frozen=True)
class Subtarget:
    """What code is made for, by LLVM's names; ``features`` as in ``+avx2,-fma``."""

    triple: str
    cpu: str
    features: str = ""
    abi: str = ""


@cache
def problem(asked: Subtarget) -> str:
    """What is wrong with the processor's name, and near ones that are right; empty if it is known.

    It takes about 0.2 s. Where Python is part of another program, nothing can be asked.
    """
    if not sys.executable:
        return ""
    code, told = (0, "is not a recognized") if asked.cpu == "help" else _answer(asked)
    if code == 0 and "is not a recognized" not in told:
        return ""
    machine = asked.triple.partition("-")[0]
    if "is not a recognized" not in told and "LLVM ERROR" not in told:
        return f"LLVM cannot be asked for the processor {asked.cpu!r}: {told.strip()[-200:]}"
    if asked.cpu in (known := known_processors(asked.triple)):
        return f"{asked.cpu} is no processor for {machine}: {told.strip().splitlines()[0]}"
    near = get_close_matches(asked.cpu.lower(), known, n=4, cutoff=0.5)
    names = f"near it are {', '.join(near)}" if near else f"some are {', '.join(known[:8])}"
    return f"LLVM knows no processor {asked.cpu!r} of {machine}: {names}"


def known_processors(triple: str) -> list[str]:
    """The names that LLVM has for a target."""
    return sorted(set(_KNOWN.findall(_answer(Subtarget(triple, "help"))[1])))


def _answer(asked: Subtarget) -> tuple[int, str]:
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", _ASK, asked.triple, asked.cpu, asked.features, asked.abi],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stderr
