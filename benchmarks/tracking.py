"""What tracking costs: this project against the bare search and against stock autologging.

    make bench-tracking                  # everything, about half an hour
    python benchmarks/tracking.py --quick

One process times the three ways on the same search, one after the other, several times over; the
table has the medians. "Over bare" is what tracking adds. Absolute seconds differ between machines;
the ratio between stock and ours is what to look at. Seconds of CPU stand beside those of the clock:
on a machine that others use as well, they are what can be compared. The stores are made in a
temporary folder, and the HTTP server is ``mlflow server`` on loopback, behind a proxy that counts
requests.
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
# The default recipe without this project: what a user's script does, with MLflow imported.
SCRIPT = """
import mlflow.sklearn
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LassoLars
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

X, y = load_diabetes(return_X_y=True, as_frame=True)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, random_state=1337)
search = GridSearchCV(
    Pipeline([("scaler", StandardScaler()), ("model", LassoLars())]),
    {"model__alpha": [0.001, 0.01, 0.1, 0.25, 0.5]},
    scoring="neg_root_mean_squared_error",
    cv=5,
).fit(X, y)
predicted = search.predict(X_test)
rmse = root_mean_squared_error(y_test, predicted)
print(rmse / np.ptp(y_test), rmse, mean_absolute_error(y_test, predicted))
print(r2_score(y_test, predicted))
"""


@dataclass(frozen=True)
class Cost:
    """Seconds of the clock, and of CPU in this process and those that it has started."""

    wall: float
    cpu: float

    def __sub__(self, other: Cost) -> Cost:
        """Return what this takes more."""
        return Cost(self.wall - other.wall, self.cpu - other.cpu)

    def __str__(self) -> str:
        """Return both in seconds."""
        return f"{self.wall:.2f} s ({self.cpu:.2f} s of CPU)"

    def a_child(self, count: int) -> str:
        """Return the share of one of so many children."""
        return f"{self.wall / count * 1000:.1f} ms a child ({self.cpu / count * 1000:.1f} of CPU)"


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
    return cost(work).wall


def cost(work: Callable[[], None]) -> Cost:
    """Return what a call costs; what it prints is thrown away."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        started, before = time.perf_counter(), os.times()
        work()
        after = os.times()
        return Cost(time.perf_counter() - started, sum(after[:4]) - sum(before[:4]))


def rounds(ways: dict[str, Callable[[int], None]], repeats: int) -> dict[str, Cost]:
    """Time the ways in turn, so that a slow moment of the machine meets all; return medians."""
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    for number in range(repeats):
        for name, work in ways.items():
            costs[name].append(cost(lambda w=work, n=number: w(n)))
    return {
        name: Cost(
            statistics.median(c.wall for c in found), statistics.median(c.cpu for c in found)
        )
        for name, found in costs.items()
    }


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
        str(seconds["bare"]),
        f"+{over['ours']}",
        f"+{over['stock']}",
        f"{over['stock'].wall / over['ours'].wall:.0f}x",
        "at most +1.5 s",
    )


@dataclass(frozen=True)
class Store:
    """A store for large searches, and what a child may cost there.

    ``uri_of`` gives the store for a name: the FileStore gets slower with the runs it has, so that
    each search needs one of its own.
    """

    name: str
    uri_of: Callable[[str], str]
    goal: str


def large_grid(store: Store, folder: Path, count: int, repeats: int, *, also_stock: bool) -> Row:
    """Hundreds of candidates on a store, the model included."""
    recipe, uri_of = recipe_of(folder, count), store.uri_of
    ways = {
        "bare": lambda _: bare(recipe),
        "ours": lambda number: ours(recipe, uri_of(f"ours-{count}-{number}"), "ours"),
        "stock": lambda number: stock(recipe, uri_of(f"stock-{count}-{number}"), "stock"),
    }
    if not also_stock:
        del ways["stock"]
    ours(recipe_of(folder, 5), uri_of("warm-up"), "warm-up")
    seconds = rounds(ways, repeats)
    over = {name: seconds[name] - seconds["bare"] for name in ways}
    return Row(
        f"{count:,} candidates, {store.name}",
        str(seconds["bare"]),
        f"+{over['ours'].a_child(count)}",
        f"+{over['stock'].a_child(count)}" if also_stock else "",
        f"{over['stock'].wall / over['ours'].wall:.1f}x" if also_stock else "",
        store.goal,
    )


def over_http(folder: Path, count: int) -> list[Row]:
    """Hundreds of candidates on a local server: seconds, and requests a child."""
    with server(folder) as address:
        store = Store("local HTTP server", lambda _: address, "faster than stock")
        timing = large_grid(store, folder, count, 1, also_stock=True)
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
    """Time the process ``python -m training`` against a script that does the same search."""
    # Without the experiment that this process is in.
    kept = {name: text for name, text in os.environ.items() if not name.startswith("MLFLOW_")}
    environment = kept | {"PYTHONPATH": str(ROOT / "src"), "MLFLOW_DISABLE_TELEMETRY": "true"}

    def process(*arguments: str) -> Callable[[int], None]:
        command = [sys.executable, *arguments]
        return lambda _: subprocess.run(
            command, cwd=folder, env=environment, check=True, capture_output=True
        ).check_returncode()

    ways = {
        "bare": process("-c", SCRIPT),
        "whole": process("-m", "training", "--tracking", "local"),
    }
    for work in ways.values():
        work(0)
    seconds = rounds(ways, repeats)
    over = seconds["whole"] - seconds["bare"]
    return Row(
        "whole process, default recipe", str(seconds["bare"]), f"+{over}", "", "", "at most +1 s"
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
        stores = [
            Store("FileStore", lambda name: (folder / name).as_uri(), "at most +10 ms a child"),
            Store("SQLite", lambda _: database, "at most +15 ms a child"),
        ]
        steps: list[Callable[[], Any]] = [
            lambda: rows.append(small_grid(folder, repeats)),
            *(
                lambda s=store: rows.append(large_grid(s, folder, count, few, also_stock=True))
                for store in stores
            ),
            *(
                lambda s=store: rows.append(large_grid(s, folder, 4 * count, 1, also_stock=False))
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
