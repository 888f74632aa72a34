"""What plots and the report add to a training, and how large they are.

    make bench-report

Each recipe is trained with and without them, in turn, in one process that has imported everything.
Seconds of CPU stand in brackets.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(ROOT / "benchmarks")]

import mlproject  # noqa: E402

RECIPES = ("diabetes-lassolars", "iris-svc", "digits-logistic")
REPEATS = 5


def timed(recipe: str, *, report: bool) -> tuple[float, float, Path]:
    """Train; return seconds of the clock, seconds of CPU, and the folder of the run's artifacts."""
    clock, cpu = time.perf_counter(), time.process_time()
    result = mlproject.train(recipe, tracking="local", report=report, progress=False)
    taken = time.perf_counter() - clock, time.process_time() - cpu
    return *taken, Path("mlruns") / result.experiment_id / result.run_id / "artifacts"


def row(recipe: str) -> list[str]:
    timed(recipe, report=True)
    ways: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for _ in range(REPEATS):
        for report, found in ways.items():
            *taken, folder = timed(recipe, report=report)
            found.append((taken[0], taken[1]))
            if report:
                page, plots = folder / "report.html", list((folder / "plots").iterdir())
    middle = {
        w: [statistics.median(part) for part in zip(*t, strict=True)] for w, t in ways.items()
    }
    without, more = middle[False], [a - b for a, b in zip(middle[True], middle[False], strict=True)]
    return [
        recipe,
        f"{without[0]:.2f} s ({without[1]:.2f})",
        f"+{more[0]:.2f} s ({more[1]:.2f})",
        str(len(plots)),
        f"{page.stat().st_size / 1000:.0f} kB",
    ]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        print(f"Python {platform.python_version()}, {os.cpu_count()} cores\n")
        print("| recipe | without | plots and report | plots | report.html |")
        print("| --- | --- | --- | --- | --- |", flush=True)
        for recipe in RECIPES:
            print(f"| {' | '.join(row(recipe))} |", flush=True)
        os.chdir(ROOT)


if __name__ == "__main__":
    main()
