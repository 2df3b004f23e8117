"""The same program gives the same text in every process, whatever the addresses of its objects."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from tracejit import jit

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


class Coded(Exception):
    def __init__(self, code: float) -> None:
        super().__init__(code)
        self.code = code


def raises_one_of_two(x: Any, k: Any) -> Any:
    if x[0] > k:
        raise Coded(float(x[0]))
    if x[1] > k:
        raise Coded(float(-x[1]))
    return x


def test_what_was_compiled_before_is_not_in_the_text() -> None:
    x = np.array([1.0, 2.0])
    texts = [str(jit(raises_one_of_two).inspect_ir(x, 5.0)) for _ in range(3)]
    assert texts[0] == texts[1] == texts[2]
    assert "Coded" in texts[0]
    f = jit(raises_one_of_two)
    for k, code in ((0.5, 1.0), (1.5, -2.0)):
        with pytest.raises(Coded) as found:
            f(x, k)
        assert found.value.code == code
