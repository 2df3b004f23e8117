"""The long fuzz: many seeds on several processes, with progress, resumed where it was stopped.

    python -m tests.fuzz.campaign --count 50000 --jobs 2

Seeds run in chunks, each in a process of its own, so that a crash or a hang costs one program and
is reported with its seed. Finished chunks are lines of the log file; a second run skips them. The
exit status is the number of differences, at most 100.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

CHUNK = 50
SECONDS = 120  # for one program


def kinds() -> dict[str, Callable[[int], str]]:
    """What can be run: one program by its seed; the answer is a word to count."""
    from tests.fuzz import (
        test_gradients,
        test_random_programs,
        test_scalars,
        test_sharing,
        test_transforms,
    )

    return {
        "programs": test_random_programs.from_seed,
        "gradients": test_gradients.from_seed,
        "interpreted": test_gradients.interpreted_from_seed,
        "transforms": test_transforms.from_seed,
        "scalars": test_scalars.from_seed,
        "sharing": test_sharing.from_seed,
    }


def run_chunk(kind: str, first: int, count: int) -> None:
    """Run seeds and print a line for each: its number before, the outcome after."""
    one = kinds()[kind]
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends the process, native loops included
    for seed in range(first, first + count):
        print(json.dumps({"seed": seed}), flush=True)
        signal.alarm(SECONDS)
        try:
            row = {"seed": seed, "outcome": one(seed)}
        except Exception as error:
            row = {
                "seed": seed,
                "outcome": "difference",
                "text": f"{type(error).__name__}: {error}",
            }
        print(json.dumps(row), flush=True)
    signal.alarm(0)


def finished_chunk(kind: str, first: int, count: int) -> dict[str, Any]:
    """The counts of a chunk and what was found; goes on after a program that ends its process."""
    counts: dict[str, int] = {}
    found: list[dict[str, Any]] = []
    seed, stop = first, first + count
    while seed < stop:
        command = [sys.executable, "-m", "tests.fuzz.campaign", "--kind", kind]
        command += ["--chunk", str(seed), str(stop - seed)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        for row in rows:
            if "outcome" in row:
                counts[row["outcome"]] = counts.get(row["outcome"], 0) + 1
                found += [row] if "text" in row else []
        if done.returncode == 0:
            break
        if not rows:
            raise RuntimeError(f"the process of seed {seed} did not start:\n{done.stderr}")
        seed = rows[-1]["seed"] + 1
        counts["crash"] = counts.get("crash", 0) + 1
        text = f"exit status {done.returncode}\n{done.stderr[-2000:]}"
        found.append({"seed": seed - 1, "outcome": "crash", "text": text})
    return {"kind": kind, "first": first, "count": count, "counts": counts, "found": found}


def chunks(start: int, count: int) -> Iterator[tuple[int, int]]:
    for first in range(start, start + count, CHUNK):
        yield first, min(CHUNK, start + count - first)


def read_log(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def progress(totals: dict[str, int], count: int, new: int, began: float) -> str:
    """One line: how many, of which outcomes, how fast, how long yet."""
    done = sum(totals.values())
    rate = new / max(time.monotonic() - began, 1e-9)
    words = ", ".join(f"{k} {n}" for k, n in sorted(totals.items()))
    left = (count - done) / max(rate, 1e-9) / 60
    return f"{done}/{count}: {words}; {1000 / max(rate, 1e-9):.0f} s per 1,000, {left:.0f} min left"


def campaign(kind: str, start: int, count: int, jobs: int, log: Path) -> int:
    """Run what the log has not; the number of differences and crashes."""
    wanted = set(chunks(start, count))
    rows = [r for r in read_log(log) if r["kind"] == kind and (r["first"], r["count"]) in wanted]
    todo = sorted(wanted - {(r["first"], r["count"]) for r in rows})
    totals: dict[str, int] = {}
    for row in rows:
        _add(totals, row["counts"])
    began, new = time.monotonic(), 0
    log.parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(jobs) as pool, log.open("a") as out:
        for future in as_completed([pool.submit(finished_chunk, kind, *c) for c in todo]):
            row = future.result()
            out.write(json.dumps(row) + "\n")
            out.flush()
            _add(totals, row["counts"])
            new += row["count"]
            for item in row["found"]:
                print(f"--- {kind} seed {item['seed']}: {item['text']}", flush=True)
            print(progress(totals, count, new, began), flush=True)
    print(f"{kind}, seeds {start} to {start + count - 1}: {totals}")
    return totals.get("difference", 0) + totals.get("crash", 0)


def _add(totals: dict[str, int], counts: dict[str, int]) -> None:
    for k, n in counts.items():
        totals[k] = totals.get(k, 0) + n


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--kind", default="programs", help="programs, gradients, interpreted, transforms or scalars"
    )
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--jobs", type=int, default=2, help="processes at the same time")
    parser.add_argument("--log", type=Path, default=Path("build/fuzz.log"), help="what is done")
    parser.add_argument("--chunk", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.chunk:
        run_chunk(options.kind, *options.chunk)
        return 0
    found = campaign(options.kind, options.start, options.count, options.jobs, options.log)
    return min(found, 100)


if __name__ == "__main__":
    sys.exit(main())
