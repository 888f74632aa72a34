"""What an Azure ML workspace costs, and whether it loses anything: on the emulator.

    make bench-workspace
    python benchmarks/workspace.py faults      # the last table alone

Three tables. Requests: a search of nine candidates under plain autologging, on Microsoft's plugin
with models switched off (with them it fails), on ours with models, and by ``python -m training``.
Overhead: 100 candidates where each request takes 50 ms, against the FileStore in the same process.
Faults: training and registering while requests fail, and whether the run tree is the FileStore's.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(ROOT / "benchmarks")]

import mlflow  # noqa: E402
from tests.conftest import Shell, new_environment  # noqa: E402
from tests.workspace.conftest import URI, emulated  # noqa: E402
from tests.workspace.test_training_and_scoring import tree  # noqa: E402

from mlproject.emulator import identities  # noqa: E402
from mlproject.emulator.instance import EmulatorInstance  # noqa: E402
from tracking import bare, ours, recipe_of, timed  # noqa: E402

CANDIDATES, REPEATS = 100, 3
SCRIPT = """
import sys
import mlflow
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LassoLars
from sklearn.model_selection import GridSearchCV

mlflow.set_experiment("plain")
mlflow.sklearn.autolog(max_tuning_runs=None, log_models=sys.argv[1] == "models")
X, y = load_diabetes(return_X_y=True, as_frame=True)
with mlflow.start_run():
    GridSearchCV(LassoLars(), {"alpha": [10.0**-k for k in range(9)]}, cv=3).fit(X, y)
"""
FAULTS = {
    "none": [],
    "tokens hold 3 s": ["--token-life", "3"],
    "10 % are answered 429": ["--throttled", "0.1"],
    "10 % are answered 503": ["--unavailable", "0.1"],
    "10 % are answered by a gateway, 502": ["--gateway", "0.1"],
    "10 % of connections break": ["--reset", "0.1"],
    "10 % of answers are lost": ["--lost", "0.1"],
}
SEEDS = 10
MIX = [word for words in FAULTS.values() for word in words]
CASES = {name: [*options, "--seed", "5"] for name, options in FAULTS.items()}
CASES |= {f"all six, seed {seed}": [*MIX, "--seed", str(seed)] for seed in range(1, SEEDS + 1)}
# What the emulator asks to wait after a 429, and the blob store after its 503.
RETRY_AFTER = 1


def shell_in(folder: Path) -> Shell:
    """Return a shell in a new folder, with a HOME of its own."""
    (folder / "work").mkdir(parents=True)
    return Shell(folder / "work", new_environment(folder / "home"))


def asked(running: EmulatorInstance) -> int:
    """Return how many requests the workspace and its storage have had; signing in is left out."""
    hosts = (identities.API_HOST, identities.BLOB_HOST)
    return sum(item.host in hosts for item in running.requests())


def requests(folder: Path) -> list[list[str]]:
    """Count the requests of a search of nine candidates."""
    shell = shell_in(folder)
    (shell.folder / "plain.py").write_text(SCRIPT)
    recipe = recipe_of(shell.folder, 9)
    ways = {
        "azureml://, models off": (identities.TRACKING_URI, ["plain.py", "none"]),
        "azureml3://, models on": (URI, ["plain.py", "models"]),
        "python -m training": (URI, ["-m", "training", recipe]),
    }
    counts = {}
    for number, (way, (uri, command)) in enumerate(ways.items()):
        with emulated(folder / f"emulator-{number}") as running:
            there = Shell(shell.folder, shell.environment | running.environment)
            done = there.python(*command, MLFLOW_TRACKING_URI=uri)
            assert done.code == 0, done.err
            counts[way] = asked(running)
    first = next(iter(counts.values()))
    return [[way, str(count), f"{count - first:+}"] for way, count in counts.items()]


@contextmanager
def led_to(running: EmulatorInstance, home: Path) -> Iterator[None]:
    """Lead this process to an emulator for the block."""
    before = dict(os.environ)
    os.environ.update(running.environment | {"HOME": str(home)})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def overhead(folder: Path) -> list[list[str]]:
    """Time 100 candidates on the FileStore and in a workspace that is 50 ms away."""
    folder.mkdir()
    recipe, small = recipe_of(folder, CANDIDATES), recipe_of(folder, 5)
    seconds: dict[str, list[float]] = {"bare": [], "FileStore": [], "workspace": []}
    with emulated(folder / "emulator", "--delay", "0.05") as running, led_to(running, folder):
        timed(lambda: ours(small, (folder / "warm").as_uri(), "warm"))
        timed(lambda: ours(small, URI, "warm"))
        for number in range(REPEATS):
            uri = (folder / f"files-{number}").as_uri()
            seconds["bare"].append(timed(lambda: bare(recipe)))
            seconds["FileStore"].append(timed(lambda u=uri: ours(recipe, u, "x")))
            before = asked(running)
            seconds["workspace"].append(timed(lambda: ours(recipe, URI, "x")))
            sent = asked(running) - before
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    over = {name: middle[name] - middle["bare"] for name in middle}
    ratio = f"{over['workspace'] / over['FileStore']:.1f}x"
    return [
        ["FileStore", f"+{over['FileStore']:.2f} s", "", ""],
        ["workspace, 50 ms a request", f"+{over['workspace']:.2f} s", str(sent), ratio],
    ]


def faults(folder: Path) -> list[list[str]]:
    """Train and register while requests fail; compare the run tree with the FileStore's."""
    shell = shell_in(folder)
    training = ["-m", "training", "iris-svc", "--seed", "7", "--json"]
    here = shell.python(*training, "--tracking", "local").json
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    local = mlflow.MlflowClient((shell.folder / "mlruns").as_uri())
    expected = tree(local, here["run_id"])
    rows, without = [], 0.0
    for number, (name, options) in enumerate(CASES.items()):
        with emulated(folder / f"emulator-{number}", *options) as running:
            there = Shell(shell.folder, shell.environment | running.environment)
            started = time.perf_counter()
            done = there.python(*training, "--tracking", "azureml", "--register", "flowers")
            seconds = time.perf_counter() - started
            statuses = [item.status for item in running.requests()]
            found = done.err.splitlines()[-1]
            if done.code == 0:
                with led_to(running, folder):
                    found = _compared(done.json["run_id"], expected)
        without = without or seconds
        failed = sum(status not in (200, 201) for status in statuses)
        waits = RETRY_AFTER * statuses.count(429)
        ratio = f"{(seconds - waits) / without:.1f}"
        rows.append([name, str(done.code), found, str(failed), f"{seconds:.0f} s", ratio])
        print(rows[-1], file=sys.stderr)
    return rows


def _compared(run_id: str, expected: dict[str, object]) -> str:
    client = mlflow.MlflowClient(URI, URI)
    found = tree(client, run_id)
    experiment = client.get_run(run_id).info.experiment_id
    runs = client.search_runs([experiment], max_results=1000)
    versions = client.search_model_versions("name='flowers'")
    once = len(runs) == 1 + len(found["children"]) and len(versions) == 1
    return "equal, once" if found == expected and once else "NOT EQUAL"


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """Return a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Print the tables."""
    assert subprocess.call([sys.executable, "-c", "import azureml.mlflow"]) == 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if "faults" not in sys.argv[1:]:
            print(markdown(["nine candidates", "requests", "more"], requests(folder / "requests")))
            head = ["100 candidates", "over the bare search", "requests", "of the FileStore's"]
            print("\n" + markdown(head, overhead(folder / "overhead")))
        head = ["faults", "exit code", "run tree", "failed requests", "whole process"]
        head += ["less the pauses asked for, to none"]
        print("\n" + markdown(head, faults(folder / "faults")))


if __name__ == "__main__":
    main()
