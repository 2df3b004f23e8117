"""What the command line shows while it works for over a second."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tracejit.calls.under_way import PATIENCE, latest


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Draw ``what``, or the compilation that is under way, and the seconds, on a terminal.

    It is drawn on stderr and gone at the end. What the program prints stands above it.
    """
    from rich.console import Console
    from rich.live import Live
    from rich.spinner import Spinner
    from rich.text import Text

    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield
        return
    began = time.monotonic()
    spinner = Spinner("dots")

    def drawn() -> Spinner | Text:
        spent = time.monotonic() - began
        if spent < PATIENCE:
            return Text()
        compilation = latest()
        spinner.text = Text(
            f"{what if compilation is None else f'compiling {compilation}'}, {spent:.0f} s",
            no_wrap=True,
            overflow="ellipsis",
        )
        return spinner

    both = sys.stdout.isatty()  # else what is printed is none of the terminal's
    with Live(
        get_renderable=drawn,
        console=console,
        transient=True,
        redirect_stdout=both,
        refresh_per_second=8,
    ):
        yield
