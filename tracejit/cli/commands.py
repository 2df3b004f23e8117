"""The commands and their options."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tracejit import __version__
from tracejit.cli import doctor as checks
from tracejit.cli.target import TargetError, arguments, function_at, told
from tracejit.cli.waiting import waiting
from tracejit.codegen_llvm.object_cache import DiskCache, default_cache
from tracejit.errors import TracejitError

app = typer.Typer(no_args_is_help=True, add_completion=False)
cache_app = typer.Typer(no_args_is_help=True, help="The object code that is kept on disk.")
app.add_typer(cache_app, name="cache")

Target = Annotated[str, typer.Argument(metavar="FILE:FUNCTION", help="a function in a file")]
Args = Annotated[
    str,
    typer.Option(
        metavar="EXPRESSIONS",
        help="arguments, as Python expressions with np: 'np.ones((3, 4)), 2.0'",
    ),
]
STAGES = ("ir", "program", "llvm", "asm", "ptx")


def run(argv: Sequence[str]) -> int:
    """Run a command; its exit status."""
    try:
        app(list(argv), prog_name="tracejit", standalone_mode=True)
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(bool(done.code))
    except (TargetError, TracejitError) as error:
        _console(stderr=True).print(f"tracejit: {error}", style="red", markup=False)
        return 1
    return 0


def _console(*, stderr: bool = False) -> Any:
    from rich.console import Console

    return Console(stderr=stderr, soft_wrap=True, highlight=False)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"tracejit {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="say it, and end")
    ] = False,
) -> None:
    """NumPy functions, compiled."""


@app.command()
def doctor() -> None:
    """Say what works here: the processor, LLVM, BLAS, the cache, and what is optional."""
    from rich.table import Table

    table = Table("", "what", "here")
    with waiting("checking"):
        found = checks.all_checks()
    for check in found:
        mark = {True: "[green]ok[/]", False: "[red]no[/]", None: "-"}[check.good]
        table.add_row(mark, check.what, check.text)
    console = _console()
    console.print(table)
    for check in found:
        if check.advice and not check.good:
            console.print(f"{check.what}: {check.advice}", markup=False)
    if any(check.good is False for check in found):
        raise typer.Exit(1)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(context: typer.Context) -> None:
    """Time rows side by side with NumPy and other compilers.

    Takes the options of `python -m tracejit.bench`, which `python -m tracejit.bench --help` lists.
    """
    from tracejit.bench.__main__ import main as timed

    raise typer.Exit(timed(context.args))


@cache_app.command("path")
def cache_path() -> None:
    """Print the folder."""
    print(_cache(read=False).folder)


@cache_app.command("ls")
def cache_ls() -> None:
    """List entries, the one used last at the end, and their sizes."""
    from datetime import datetime

    from rich.table import Table

    entries = _cache().entries()
    table = Table("used", "bytes", "entry")
    for entry in entries:
        used = datetime.fromtimestamp(entry.used).strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(used, str(entry.size), f"{entry.path.parent.name}{entry.path.stem}")
    console = _console()
    if entries:
        console.print(table)
    console.print(f"{len(entries)} entries, {sum(e.size for e in entries)} bytes")


@cache_app.command("clear")
def cache_clear() -> None:
    """Remove all entries; exit status 1 if some are left."""
    cache = _cache()
    print(f"{cache.clear()} entries removed")
    if left := len(cache.entries()):
        raise TargetError(f"{left} entries in {cache.folder} cannot be removed")


@cache_app.command("verify")
def cache_verify() -> None:
    """Find entries that are not what was written; exit status 1 if there are any."""
    from rich.progress import track

    cache = _cache()
    entries = cache.entries()
    quick = sum(e.size for e in entries) < 100 << 20  # less than a second
    states = [
        cache.state(entry) for entry in track(entries, "verifying", transient=True, disable=quick)
    ]
    wrong = [entry.path for entry, state in zip(entries, states) if state == "damaged"]
    for path in wrong:
        print(f"damaged: {path}")
    print(f"{len(wrong)} of {len(entries)} entries are damaged")
    if old := states.count("of another version"):
        print(f"{old} are of another version of tracejit: `tracejit cache clear` removes them")
    if wrong:
        raise typer.Exit(1)


def _cache(*, read: bool = True) -> DiskCache:
    """The cache; ``read``: of which the entries can be seen."""
    cache = default_cache()
    if cache is None:
        raise TargetError("the cache is switched off by TRACEJIT_CACHE_DIR=")
    if read and (wrong := cache.problem()):
        raise TargetError(wrong)
    return cache


@app.command()
def inspect(
    target: Target,
    args: Args = "",
    stage: Annotated[str, typer.Option(help="ir, program, llvm, asm or ptx")] = "ir",
    page: Annotated[Path | None, typer.Option(help="write an HTML page of all stages here")] = None,
) -> None:
    """Print a stage of a compiled function, or write a page of all of them."""
    if stage not in STAGES:
        raise TargetError(f"--stage is one of {', '.join(STAGES)}, not {stage!r}")
    function = function_at(target)
    with told(target), waiting("working"):
        given = arguments(args, function)
        found = getattr(function, f"inspect_{stage}")(*given)
    with told(target, writes=page):
        print(_text(found) if page is None else function.show(path=page))


def _text(found: Any) -> str:
    """Of one version, or of all that the file compiled when it ran, by signature."""
    if isinstance(found, str):
        return found
    return "\n\n".join(f"{signature}\n{text}" for signature, text in found.items())


_FILES = "step.o, libstep.a, libstep.so, step.wasm, or the folder of a Python package"


@app.command()
def export(
    target: Target,
    path: Annotated[Path, typer.Argument(help=_FILES)],
    signature: Annotated[
        list[str], typer.Option("--signature", "-s", help="'(f8[n, 3], f8)'; may be repeated")
    ],
    machine: Annotated[
        str | None,
        typer.Option("--target", help="aarch64, say (docs/export.md); else this machine"),
    ] = None,
    cpu: Annotated[str | None, typer.Option(help="LLVM's name of the processor, or native")] = None,
) -> None:
    """Write a function to files that need neither Python nor LLVM, and print their names."""
    function: Any = function_at(target)
    with told(target, ValueError, TypeError, writes=path), waiting("writing files"):
        written = function.export(path, list(signature), target=machine, cpu=cpu)
    for file in written:
        print(file)


@app.command()
def explain(
    target: Target,
    args: Args = "",
    profile: Annotated[bool, typer.Option(help="run it, and print the time of each line")] = False,
) -> None:
    """Tell what the compiler made of a function: fused, vectorised, called, copied, and why not."""
    function: Any = function_at(target)
    with told(target), waiting("working"):
        given = arguments(args, function)
        text = _text(function.explain(*given))
        measured = f"\n{function.profile(*given)}" if profile else ""
    print(text)
    if measured:
        print(measured)
