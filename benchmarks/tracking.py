"""What tracking costs: this project against the bare search and against stock autologging.

    make bench-tracking                  # everything, about ten minutes
    python benchmarks/tracking.py --quick

One process times the three ways on the same search, one after the other, several times over; the
table has the medians. "Over bare" is what tracking adds. Absolute seconds differ between machines;
the ratio between stock and ours is what to look at. The stores are made in a temporary folder, and
the HTTP server is ``mlflow server`` on loopback, behind a proxy that counts requests.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"

import mlflow  # noqa: E402
import numpy as np  # noqa: E402
import yaml  # noqa: E402
from tests.proxy import proxied  # noqa: E402

from mlproject.base.console import Reporter  # noqa: E402
from training.preparation import prepare  # noqa: E402
from training.request import TrainRequest  # noqa: E402
from training.train import train  # noqa: E402

RECIPE = ROOT / "recipes" / "diabetes-lassolars.yaml"
WAYS = ("bare", "ours", "stock")


@dataclass
class Row:
    """One line of the table."""

    workload: str
    bare: str
    ours: str
    stock: str
    over: str
    goal: str


def recipe_of(folder: Path, candidates: int) -> str:
    """Write the default recipe with so many candidates."""
    content = yaml.safe_load(RECIPE.read_text())
    content["search"]["parameters"]["model__alpha"] = np.linspace(0.001, 0.5, candidates).tolist()
    path = folder / f"grid-{candidates}.yaml"
    path.write_text(yaml.safe_dump(content))
    return str(path)


def bare(recipe: str) -> None:
    """Prepare, fit and measure without recording anything."""
    found = prepare(TrainRequest(recipe=recipe)).plan
    found.search.fit(found.rows.X_train, found.rows.y_train)
    for metric in found.held_out.values():
        metric.scorer(found.search.best_estimator_, found.rows.X_test, found.rows.y_test)


def ours(recipe: str, uri: str, experiment: str) -> None:
    """Train with this project."""
    options = TrainRequest(recipe=recipe, tracking=uri, experiment=experiment)
    train(options, Reporter(quiet=True))


def stock(recipe: str, uri: str, experiment: str) -> None:
    """Do what ``bare`` does under stock autologging with all children; models are its default."""
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(experiment)
    mlflow.sklearn.autolog(max_tuning_runs=None, silent=True)
    try:
        with mlflow.start_run():
            bare(recipe)
    finally:
        mlflow.sklearn.autolog(disable=True, silent=True)


def timed(work: Callable[[], None]) -> float:
    """Return the seconds that a call takes; what it prints is thrown away."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        started = time.perf_counter()
        work()
        return time.perf_counter() - started


def rounds(ways: dict[str, Callable[[int], None]], repeats: int) -> dict[str, float]:
    """Time the ways in turn, so that a slow moment of the machine meets all; return medians."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(repeats):
        for name, work in ways.items():
            seconds[name].append(timed(lambda w=work, n=number: w(n)))
    return {name: statistics.median(values) for name, values in seconds.items()}


def small_grid(folder: Path, repeats: int) -> Row:
    """Five candidates on the FileStore, the model included."""
    recipe, uri = recipe_of(folder, 5), (folder / "small").as_uri()
    ways = {
        "bare": lambda _: bare(recipe),
        "ours": lambda _: ours(recipe, uri, "ours"),
        "stock": lambda _: stock(recipe, uri, "stock"),
    }
    bare(recipe)
    ours(recipe, uri, "warm-up")
    seconds = rounds(ways, repeats)
    over = {name: seconds[name] - seconds["bare"] for name in WAYS}
    return Row(
        "5 candidates, FileStore, with model",
        f"{seconds['bare']:.2f} s",
        f"+{over['ours']:.2f} s",
        f"+{over['stock']:.2f} s",
        f"{over['stock'] / over['ours']:.0f}x",
        "at most +1.5 s",
    )


def large_grid(
    name: str, uri_of: Callable[[str], str], folder: Path, count: int, goal: str, repeats: int
) -> Row:
    """Hundreds of candidates on a store, the model included.

    ``uri_of`` gives the store for a name: the FileStore gets slower with the runs it has, so that
    each search needs one of its own.
    """
    recipe = recipe_of(folder, count)
    ways = {
        "bare": lambda _: bare(recipe),
        "ours": lambda number: ours(recipe, uri_of(f"ours-{number}"), "ours"),
        "stock": lambda number: stock(recipe, uri_of(f"stock-{number}"), "stock"),
    }
    ours(recipe_of(folder, 5), uri_of("warm-up"), "warm-up")
    seconds = rounds(ways, repeats)
    per_child = {way: (seconds[way] - seconds["bare"]) / count * 1000 for way in WAYS}
    return Row(
        f"{count} candidates, {name}",
        f"{seconds['bare']:.2f} s",
        f"+{per_child['ours']:.1f} ms a child",
        f"+{per_child['stock']:.1f} ms a child",
        f"{per_child['stock'] / per_child['ours']:.1f}x",
        goal,
    )


def over_http(folder: Path, count: int) -> list[Row]:
    """Hundreds of candidates on a local server: seconds, and requests a child."""
    with server(folder) as address:
        timing = large_grid(
            "local HTTP server", lambda _: address, folder, count, "faster than stock", repeats=1
        )
        requests = {}
        for way in ("ours", "stock"):
            seen = []
            for candidates in (5, count):
                recipe = recipe_of(folder, candidates)
                with proxied(address) as proxy:
                    if way == "ours":
                        timed(lambda r=recipe, p=proxy: ours(r, p.address, "counted"))
                    else:
                        timed(lambda r=recipe, p=proxy: stock(r, p.address, "counted"))
                    seen.append(proxy.requests.total())
            requests[way] = (seen[1] - seen[0]) / (count - 5)
        ratio = requests["stock"] / requests["ours"]
    counted = Row(
        f"{count} candidates, local HTTP server",
        "none",
        f"{requests['ours']:.2f} requests a child",
        f"{requests['stock']:.2f} requests a child",
        f"{ratio:.1f}x",
        "at most 3 requests a child",
    )
    return [timing, counted]


def whole_process(folder: Path, repeats: int) -> Row:
    """Time the process ``python -m training`` against one that only imports what it needs."""
    imports = "import mlflow.sklearn, sklearn.model_selection, pandas, pyarrow.csv, pydantic"
    # Without the experiment that this process is in.
    kept = {name: text for name, text in os.environ.items() if not name.startswith("MLFLOW_")}
    environment = kept | {"PYTHONPATH": str(ROOT / "src"), "MLFLOW_DISABLE_TELEMETRY": "true"}

    def process(*arguments: str) -> Callable[[int], None]:
        command = [sys.executable, *arguments]
        return lambda _: subprocess.run(
            command, cwd=folder, env=environment, check=True, capture_output=True
        ).check_returncode()

    ways = {
        "imports": process("-c", imports),
        "whole": process("-m", "training", "--tracking", "local"),
    }
    ways["whole"](0)
    seconds = rounds(ways, repeats)
    return Row(
        "whole process, default recipe",
        f"{seconds['imports']:.2f} s of imports",
        f"+{seconds['whole'] - seconds['imports']:.2f} s",
        "",
        "",
        "imports plus 3 s",
    )


@contextlib.contextmanager
def server(folder: Path) -> Iterator[str]:
    """Run ``mlflow server`` on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{folder.as_posix()}/server.db"]
    command += ["--artifacts-destination", str(folder / "server-artifacts"), "--workers", "1"]
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        for _ in range(300):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2)
                break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def markdown(rows: list[Row]) -> str:
    """Return the table."""
    head = ["workload", "bare", "mlproject", "stock autologging", "stock / mlproject", "goal"]
    lines = [head, ["---"] * len(head)]
    lines += [[r.workload, r.bare, r.ours, r.stock, r.over, r.goal] for r in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer candidates and repeats")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    count, repeats, few = (50, 1, 1) if quick else (500, 5, 2)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        os.chdir(folder)
        database = f"sqlite:///{folder.as_posix()}/large.db"
        stores: list[tuple[str, Callable[[str], str], str]] = [
            ("FileStore", lambda store: (folder / store).as_uri(), "at most +10 ms a child"),
            ("SQLite", lambda _: database, "at most +15 ms a child"),
        ]
        steps: list[Callable[[], Any]] = [
            lambda: rows.append(small_grid(folder, repeats)),
            *(
                lambda s=store: rows.append(large_grid(s[0], s[1], folder, count, s[2], few))
                for store in stores
            ),
            lambda: rows.extend(over_http(folder, count)),
            lambda: rows.append(whole_process(folder, repeats)),
        ]
        for number, step in enumerate(steps, start=1):
            step()
            print(f"{number} of {len(steps)}: {rows[-1]}", file=sys.stderr)
    print(f"Python {platform.python_version()}, mlflow {mlflow.__version__}, ", end="")
    print(f"{os.cpu_count()} cores, {platform.system()}; ", end="")
    print(f"medians of {repeats} (small) and {few} (large).\n")
    print(markdown(rows))


if __name__ == "__main__":
    main()
