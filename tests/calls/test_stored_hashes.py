"""Versions on disk where hashes of texts, or namespaces of ``exec``, are others in each process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAD = "import os\nimport numpy as np\nfrom tracejit import jit\nE = os.environ.get('E', '')\n"
X = "np.array([1.0, 2.0])"
TEXTS = "{'alpha', 'beta', 'gamma', 'delta'}"
ORDER = "[ord(t[0]) for t in {}][0]"


def called(body: str, static: str = "") -> str:
    """A program that prints what a function gives, as it is and compiled."""
    text = f"def f(x{', S' if static else ''}):\n    return x * {body}\n"
    more = f", {static}" if static else ""
    options = ", static_argnames='S'" if static else ""
    return f"{text}g = jit(f{options})\nprint(f({X}{more}).tolist() == g({X}{more}).tolist())\n"


PROGRAMS = {
    "order of a set": f"S = {TEXTS}\n" + called(ORDER.format("S")),
    "order of a set made inside": called(ORDER.format(TEXTS)),
    "order of a set in a list": f"S = [{TEXTS}]\n" + called(ORDER.format("S[0]")),
    "order of a static argument": called(ORDER.format("S"), f"frozenset({TEXTS})"),
    "hash of a text": called("(hash('abc') % 1000)"),
    "a tuple as a static argument": called("len(S[0])", "('alpha', 'b')"),
    "keyword defaults": "def h(x, *, a=2): return x * a\n"
    f"f = jit(lambda x: h(x))\nf({X})\nh.__kwdefaults__ = {{'a': 9}}\n"
    f"print(f({X}).tolist() == [9.0, 18.0])\n",
    "a namespace of exec": "ns = {'K': len(E)}\n"
    "exec('def f(x):\\n    return x * 2 + K\\n', ns)\nf = ns['f']\n"
    f"print(f({X}).tolist() == jit(f)({X}).tolist())\n",
    "a name that a namespace of exec lacks": "ns = {'K': 4} if E else {}\n"
    "exec('def f(x):\\n    try:\\n        return x * K\\n"
    "    except NameError:\\n        return x - 1\\n', ns)\nf = ns['f']\n"
    f"print(f({X}).tolist() == jit(f)({X}).tolist())\n",
    "another value of a member": "from enum import Enum\n"
    "class C(Enum):\n    A = (1, 2 + len(E))\n" + called("S.value[1]", "C.A"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_another_process_gives_what_python_gives(tmp_path: Path, name: str) -> None:
    (tmp_path / "program.py").write_text(HEAD + PROGRAMS[name])
    for seed, more in (("1", ""), ("2", ""), ("3", "abc")):
        found = subprocess.run(
            [sys.executable, "program.py"],
            cwd=tmp_path,
            env=os.environ
            | {"PYTHONHASHSEED": seed, "E": more, "TRACEJIT_CACHE_VERSIONS": "1"}
            | {"TRACEJIT_CACHE_DIR": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (found.stdout, found.stderr) == ("True\n", ""), seed
