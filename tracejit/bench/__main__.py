"""`python -m tracejit.bench`: run rows side by side and show the times.

python -m tracejit.bench                          all rows of benchmarks/
python -m tracejit.bench -k softmax --peers numba
python -m tracejit.bench -k goal:                             what speed is promised for
python -m tracejit.bench --json times.json --plot times.png --html times.html
python -m tracejit.bench --compare times.json                 what became slower since then
python -m tracejit.bench --npbench CHECKOUT --preset M        NPBench's programs instead
python -m tracejit.bench --elementary                         elementary functions, by target
python -m tracejit.bench --names                              every NumPy name against NumPy
python -m tracejit.bench --calls                              what a warm call costs
python -m tracejit.bench --first                              first calls in fresh processes
python -m tracejit.bench --gradients                          values and gradients, time and memory
python -m tracejit.bench --gradients --first                  first calls of both in fresh processes
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tracejit.bench import (
    calls,
    elementary,
    first,
    gradients,
    names,
    npbench,
    regressions,
    report,
    show,
)
from tracejit.bench.contenders import ALL
from tracejit.bench.rows import Row, load
from tracejit.bench.timing import CLOCKS, Measurement, measure

HERE = Path(__file__).resolve().parents[2] / "benchmarks"


def count(text: str) -> int:
    """A number of samples, at least one."""
    if not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of samples")
    return int(text)


def some_of(known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """Some of the names that there are, separated by commas."""

    def found(text: str) -> tuple[str, ...]:
        given = tuple(text.split(","))
        for name in given:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
        return given

    return found


def new_file(text: str) -> Path:
    """Where results can be written: what was measured for an hour must not be lost."""
    path = Path(text)
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is in no folder, or is one")
    return path


def old_file(text: str) -> Path:
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text!r}")
    return Path(text)


def checkout(text: str) -> Path:
    if not any(npbench.programs(Path(text))):
        raise argparse.ArgumentTypeError(f"{text!r} is no checkout of NPBench")
    return Path(text)


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tracejit.bench", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("path", nargs="?", type=Path, help="a folder or file with ROWS")
    parser.add_argument("-k", default="", metavar="TEXT", help="only rows whose name contains TEXT")
    parser.add_argument(
        "--peers", type=some_of(sorted(ALL)), help="only these contenders, separated by commas"
    )
    parser.add_argument("--rounds", type=count, default=25, help="samples of each contender")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: of all threads")
    parser.add_argument("--json", type=new_file, metavar="FILE")
    parser.add_argument("--plot", type=new_file, metavar="FILE")
    parser.add_argument(
        "--html", type=new_file, metavar="FILE", help="a page that needs nothing else"
    )
    parser.add_argument(
        "--compare", type=old_file, metavar="OLD.json", help="what --json wrote before"
    )
    parser.add_argument(
        "--npbench", type=checkout, metavar="CHECKOUT", help="run NPBench's programs"
    )
    parser.add_argument("--calls", action="store_true", help="what warm calls cost, in µs")
    parser.add_argument("--first", action="store_true", help="first calls in fresh processes")
    parser.add_argument("--gradients", action="store_true", help="values and their gradients")
    parser.add_argument("--preset", choices=npbench.PRESETS, default="S", help="of NPBench")
    parser.add_argument("--names", action="store_true", help="every NumPy name against NumPy")
    parser.add_argument(
        "--dtypes",
        type=some_of(names.DTYPES),
        default=names.DTYPES,
        metavar="LIST",
        help="of --names, separated by commas",
    )
    parser.add_argument("--elementary", action="store_true", help="ns per element by function")
    return parser.parse_args(argv)


def run(rows: Sequence[Row], only: frozenset[str], rounds: int, clock: str) -> list[Measurement]:
    from rich.progress import Progress

    found: list[Measurement] = []
    with Progress(transient=True) as progress:
        for row in rows:
            task = progress.add_task(row.name, total=rounds)
            found += measure(row, only, rounds, partial(progress.advance, task), clock)
            progress.remove_task(task)
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Returns 1 when no row was found, tracejit's values were wrong or, with `--compare`, a row
    became slower."""
    options = arguments(argv)
    if options.npbench:
        return npbench.show(
            options.npbench, options.preset, options.k, options.rounds, options.json
        )
    if options.elementary:
        return elementary.show(options.k, options.rounds, options.json)
    if options.first and not options.gradients:
        return first.show(options.k)
    path = options.path or (Path("benchmarks") if Path("benchmarks").is_dir() else HERE)
    if not path.exists():
        print(
            f"there are no rows at {path}: they are in the folder benchmarks of the repository, "
            "which is not installed; pass its path, or run in a checkout",
            file=sys.stderr,
        )
        return 1
    if options.names:
        rounds = min(options.rounds, names.ROUNDS)
        return names.show(path, options.k, rounds, options.json, options.dtypes)
    if options.calls:
        return calls.show([call for call in calls.load(path) if options.k in call.name])
    if options.gradients:
        chosen = [row for row in gradients.load(path) if options.k in row.name]
        if options.first:
            return gradients.show_first(path, chosen, min(options.rounds, 5))
        return gradients.show(chosen, min(options.rounds, gradients.ROUNDS))
    from rich.console import Console

    rows = [row for row in load(path) if options.k in row.name]
    if not rows:
        print(f"no rows named like {options.k!r} in {path}", file=sys.stderr)
        return 1
    only = frozenset({*options.peers, "tracejit"}) if options.peers else frozenset()
    found = run(rows, only, options.rounds, options.clock)
    console = Console()
    goals = {row.name: row.goal for row in rows if row.goal is not None}
    console.print(show.table(found, goals))
    for name, (mean, count) in show.means(found).items():
        console.print(f"{name:10} {mean:6.2f}x over {count} rows (geometric mean)")
    if options.json:
        show.write_json(found, options.json)
    if options.plot:
        show.plot(found, options.plot)
    if options.html:
        options.html.write_text(report.page(found, show.about(), goals))
    worse = False
    if options.compare:
        changes = regressions.changes(found, regressions.read(options.compare))
        print(regressions.table(changes))
        worse = any(c.verdict == "slower" for c in changes)
    return 1 if worse or any(m.problem for m in found if m.contender == "tracejit") else 0


if __name__ == "__main__":
    sys.exit(main())
