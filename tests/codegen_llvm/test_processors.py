"""Names of processors are checked before LLVM, which can end the process for them, has them."""

from __future__ import annotations

import re

import pytest

from tracejit.codegen_llvm import engine
from tracejit.codegen_llvm.processors import Subtarget, problem
from tracejit.errors import SettingError, TracejitError

X86, RISCV = "x86_64-unknown-linux-gnu", "riscv64-unknown-linux-gnu"


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (Subtarget(X86, "x86-64-v3"), "^$"),
        (Subtarget(X86, "x86-64-v9"), "no processor 'x86-64-v9' of x86_64: near it are x86-64-v4"),
        (Subtarget(X86, "pentium4"), "^pentium4 is no processor for x86_64: LLVM ERROR: 64-bit"),
        (Subtarget(X86, "help"), "no processor 'help' of x86_64: "),
        (Subtarget(RISCV, "generic-rv32", "+d", "lp64d"), "^generic-rv32 is no processor"),
        (Subtarget("wasm32-unknown-unknown", "z80"), "some are bleeding-edge, generic, "),
    ],
)
def test_what_llvm_says_of_a_name(asked: Subtarget, says: str) -> None:
    assert re.search(says, problem(asked))


def test_a_wrong_name_in_the_environment_is_an_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEJIT_CPU", "skylakk")
    monkeypatch.setattr(engine, "_shared", [])
    with pytest.raises(SettingError, match=r"^TRACEJIT_CPU=skylakk: LLVM knows no ") as error:
        engine.shared_engine()
    assert isinstance(error.value, ValueError)
    assert isinstance(error.value, TracejitError)
