"""Versions on disk where hashes of texts, or namespaces of ``exec``, are others in each process."""

from __future__ import annotations

import json
import os
import subprocess
import sys

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


#: Runs each program as the main one, and says what it printed.
RUNNER = """
import contextlib, io, json, runpy, sys
found = {}
for path in sys.argv[1:]:
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        runpy.run_path(path, run_name="__main__")
    found[path] = shown.getvalue()
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """What every program prints in one process and in two later ones, which are others."""
    folder = tmp_path_factory.mktemp("programs")
    files = [folder / f"program_{k}.py" for k in range(len(PROGRAMS))]
    for file, text in zip(files, PROGRAMS.values(), strict=True):
        file.write_text(HEAD + text)
    found = []
    for seed, more in (("1", ""), ("2", ""), ("3", "abc")):
        done = subprocess.run(
            [sys.executable, "-c", RUNNER, *map(str, files)],
            env=os.environ
            | {"PYTHONHASHSEED": seed, "E": more, "TRACEJIT_CACHE_VERSIONS": "1"}
            | {"TRACEJIT_CACHE_DIR": str(folder / "cache")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        printed = json.loads(done.stdout)
        found.append(dict(zip(PROGRAMS, (printed[str(file)] for file in files), strict=True)))
    return found


@pytest.mark.parametrize("name", PROGRAMS)
def test_another_process_gives_what_python_gives(shown: list[dict[str, str]], name: str) -> None:
    assert [process[name] for process in shown] == ["True\n"] * 3
