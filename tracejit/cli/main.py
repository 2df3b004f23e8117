"""``tracejit doctor|bench|cache|inspect|explain``; ``python -m tracejit`` is the same.

Typer and rich are optional: without them the command names them, with the pip command.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec

_NEEDED = ("typer", "rich")


def missing(packages: Sequence[str], extra: str) -> str | None:
    """What to install where one of ``packages`` is not there."""
    absent = [name for name in packages if find_spec(name) is None]
    if not absent:
        return None
    return f"this needs {' and '.join(absent)}: pip install 'tracejit[{extra}]'"


def main(argv: Sequence[str] | None = None) -> int:
    """The command's exit status: 0, 1 where something is wrong, 2 for a wrong command."""
    problem = missing(_NEEDED, "cli")
    if problem is not None:
        print(f"tracejit: {problem}", file=sys.stderr)
        return 1
    from tracejit.cli.commands import run

    return run(sys.argv[1:] if argv is None else list(argv))
