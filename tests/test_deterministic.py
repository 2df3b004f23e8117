"""The same program gives the same text in every process, whatever the addresses of its objects."""

from __future__ import annotations

import os
import subprocess
import sys

SCRIPT = """
import hashlib
import numpy as np
from tests.programs.all_programs import ALL
from tracejit import jit

for program in ALL:
    if program.name not in {names!r}:
        continue
    for policy in ("auto", "dynamic"):
        f = jit(shapes=policy)(program.fn)
        args = program.arguments(0)
        f(*program.arguments(0))
        for text in (f.inspect_ir(*args), f.inspect_program(*args), f.inspect_llvm(*args)):
            print(program.name, policy, hashlib.sha256(str(text).encode()).hexdigest())
"""
NAMES = ("n_body", "azimuthal_by_masks", "run_lengths", "adi")


def texts(seed: str) -> list[str]:
    command = [sys.executable, "-c", SCRIPT.format(names=NAMES)]
    env = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_two_processes_make_the_same_code() -> None:
    first = texts("1")
    assert len(first) == 6 * len(NAMES)
    assert first == texts("2")
