"""What submitting a job costs beside the service's own answers: on the emulator.

    make bench-jobs

A repository of some hundred files is submitted, once with all of its code to upload and then
again and again unchanged, as a process each time. Every request takes 100 ms. `import mlflow` alone
is timed beside each, as it takes most of what is over the service's answers and is nobody's to
shorten. Fails when unchanged code is uploaded, or when the median of what is over the service's
answers and that import is more than two seconds.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(ROOT / "benchmarks")]

from tests.conftest import Shell, new_environment  # noqa: E402
from tests.workspace.conftest import emulated  # noqa: E402

from mlproject.emulator import identities  # noqa: E402
from mlproject.emulator.instance import EmulatorInstance  # noqa: E402

DELAY, REPEATS, FILES, LIMIT = "0.1", 5, 200, 2.0
WORDS = ("submit", "train", "iris-svc", "--compute", "cpu-cluster", "--no-wait", "--json")


@dataclass(frozen=True)
class Cost:
    """What one submission took, in seconds.

    Attributes
    ----------
    service : float
        While at least one request was being answered.
    """

    wall: float
    service: float
    importing: float
    cpu: float
    requests: int
    uploaded: int

    @property
    def over(self) -> float:
        return self.wall - self.service

    @property
    def own(self) -> float:
        return self.over - self.importing

    def row(self, name: str) -> list[str]:
        times = (self.wall, self.service, self.over, self.importing, self.own, self.cpu)
        shown = (f"{value:.2f}" for value in times)
        return [name, *shown, str(self.requests), str(self.uploaded)]


def repository(folder: Path) -> Shell:
    (folder / "work").mkdir(parents=True)
    shell = Shell(folder / "work", new_environment(folder / "home"))
    for number in range(FILES):
        (shell.folder / f"module_{number}.py").write_text(f"VALUE = {number}\n" * 50)
    author = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for words in (("init", "-q"), ("add", "."), (*author, "commit", "-qm", "files")):
        subprocess.run(["git", *words], cwd=shell.folder, check=True)
    return shell


def answering(running: EmulatorInstance, seen: int) -> tuple[float, int, int]:
    """Return how long requests were under way since, how many there were, and uploads among them.

    Requests of one moment count once: files are uploaded several at a time.
    """
    new = running.requests()[seen:]
    total, end = 0.0, 0.0
    for item in sorted(new, key=lambda item: item.time):
        start, stop = max(item.time, end), item.time + item.seconds
        total += max(stop - start, 0.0)
        end = max(end, stop)
    blobs = sum(item.host == identities.BLOB_HOST and item.method == "PUT" for item in new)
    return total, len(new), blobs


def submitted(shell: Shell, running: EmulatorInstance) -> Cost:
    environment = shell.environment | running.environment
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import mlflow"], env=environment, check=True)
    importing = time.perf_counter() - start
    seen = len(running.requests())
    cpu, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "mlproject", *WORDS],
        cwd=shell.folder,
        env=environment,
        capture_output=True,
        check=False,
    )
    wall = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr.decode()
    service, requests, uploads = answering(running, seen)
    uploaded = json.loads(done.stdout)["files_uploaded"]
    assert bool(uploads) == bool(uploaded)
    spent = used.ru_utime + used.ru_stime - cpu.ru_utime - cpu.ru_stime
    return Cost(wall, service, importing, spent, requests, uploaded)


def table(rows: list[list[str]]) -> None:
    head = ["code", "seconds", "service", "over it", "import mlflow", "the rest", "CPU", "requests"]
    head.append("uploaded")
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-jobs-") as name:
        folder = Path(name)
        shell = repository(folder / "repository")
        # Jobs stay queued, so that no job's own work is measured.
        options = ("--delay", DELAY, "--job-fate", "queue")
        with emulated(folder / "emulator", *options) as running:
            first = submitted(shell, running)
            again = [submitted(shell, running) for _ in range(REPEATS)]
    table([first.row("new"), *(cost.row("unchanged") for cost in again)])
    over = statistics.median(cost.over for cost in again)
    own = statistics.median(cost.own for cost in again)
    print(f"\nUnchanged code: {over:.2f} s over the service; {own:.2f} s without importing MLflow")
    if any(cost.uploaded for cost in again) or own > LIMIT:
        sys.exit(f"At most {LIMIT:g} s, and nothing uploaded, was wanted on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
