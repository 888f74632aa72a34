"""What training without a recipe is worth: against gradient boosting with its defaults.

    make bench-auto                               # all twenty data sets, about half an hour
    python benchmarks/auto.py diamonds penguins   # these two

The data sets are those of tests/public_data.py, as strangers have them. Each is trained with
`python -m training --data FILE --target COLUMN` in a fresh folder, and the same file is scored with
the run. The peer is a script of a few lines around scikit-learn's HistGradientBoosting, which is
told what ours has to find out: the task, and the columns that number rows. Both learn from the same
rows and are judged on the same held-out rows. Every command is a process of its own; CPU seconds
are those of all its threads and children.

Scores: RMSE of quantities, ROC AUC of two classes, accuracy of more (log loss in brackets). The
ratio is above 100 % where ours is better. Exits with 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import yaml  # noqa: E402
from sklearn.metrics import roc_auc_score  # noqa: E402
from tests.public_data import BY_NAME, TWENTY, UNNAMED, DataSet  # noqa: E402

from mlproject.data import table as tables  # noqa: E402
from training.recipe import parse  # noqa: E402
from training.rows import labelled  # noqa: E402
from training.split import positions  # noqa: E402

# What one writes who knows the data: rows without a target dropped, text as categories.
PEER = """
import sys, numpy as np, pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
file, target, task, *left_out = sys.argv[1:]
separator = ";" if ";" in open(file).readline() else ","
frame = pd.read_csv(file, sep=separator, low_memory=False).drop(columns=left_out)
test = np.load("held-out.npy")
train = np.setdiff1d(np.flatnonzero(frame[target].notna()), test)
X, y = frame.drop(columns=target), frame[target]
for name in X.select_dtypes(["object", "bool"]):
    X[name] = X[name].astype("category")
    if X[name].nunique() > 255:  # more than it takes
        X[name] = X[name].cat.codes
kind = HistGradientBoostingClassifier if task == "classification" else HistGradientBoostingRegressor
model = kind(categorical_features="from_dtype", random_state=0).fit(X.iloc[train], y.iloc[train])
asked = {"predictions": model.predict(X.iloc[test])}
if task == "classification":
    asked |= {"chances": model.predict_proba(X.iloc[test]), "classes": model.classes_}
np.savez("peer.npz", **asked)
"""
# Seconds of CPU that every training may take, whatever the peer does: imports, tracking.
START = 5
WORSE, BETTER_ON, TIMES_CPU = 98, 14, 10
LOWER_IS_BETTER = {"rmse", "log_loss"}


class Failed(Exception):  # noqa: N818
    """A command that did not do what it should; says which and why."""


@dataclass
class Finished:
    """A process that has ended, and what it took."""

    out: str
    wall: float
    cpu: float
    peak_mb: float


@dataclass
class Case:
    """What is known of one data set; empty where it was not reached."""

    data: DataSet
    rows: int = 0
    columns: int = 0
    task: str = "-"
    metric: str = "-"
    ours: dict[str, float] = field(default_factory=dict)
    peer: dict[str, float] = field(default_factory=dict)
    training: Finished | None = None
    peer_cpu: float = 0.0
    back: str = "-"
    short: list[str] = field(default_factory=list)

    @property
    def ratio(self) -> float | None:
        """Percent; above 100 where ours is better."""
        if self.metric not in self.ours or self.metric not in self.peer:
            return None
        mine, other = self.ours[self.metric], self.peer[self.metric]
        return 100 * (other / mine if self.metric in LOWER_IS_BETTER else mine / other)

    @property
    def times_cpu(self) -> float | None:
        if self.training is None or not self.peer_cpu:
            return None
        return self.training.cpu / (self.peer_cpu + START)

    @property
    def in_time(self) -> bool:
        return self.training is not None and self.training.wall <= self.data.budget

    def cells(self) -> list[str]:
        ratio, times, done = self.ratio, self.times_cpu, self.training
        return [
            self.data.name,
            f"{self.rows:,} x {self.columns}",
            self.task,
            self.metric,
            shown(self.metric, self.ours),
            shown(self.metric, self.peer),
            "-" if ratio is None else f"{ratio:.1f} %",
            "-" if done is None or times is None else f"{done.cpu:.0f} s, {times:.1f}x",
            "-" if done is None else f"{done.wall:.0f} of {self.data.budget} s",
            "-" if done is None else f"{done.peak_mb:.0f} MB",
            self.back,
            "; ".join(self.short),
        ]


def shown(metric: str, scores: dict[str, float]) -> str:
    """Return a score, and the log loss where the score is accuracy."""
    if metric not in scores:
        return "-"
    loss = f" ({scores['log_loss']:.3f})" if metric == "accuracy" and "log_loss" in scores else ""
    return f"{scores[metric]:.4g}{loss}"


def run(folder: Path, limit: float, *command: str) -> Finished:
    """Run Python with a command; raise Failed when it fails or takes longer than the limit."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    environment = kept | {"PYTHONPATH": str(ROOT / "src"), "MLFLOW_DISABLE_TELEMETRY": "true"}
    out, err = folder / "out.txt", folder / "err.txt"
    started = time.perf_counter()
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env=environment | {"HOME": str(folder)},
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
    status, usage = 0, None
    while usage is None:
        ended, status, found = os.wait4(process.pid, os.WNOHANG)
        if ended:
            usage = found
        elif time.perf_counter() - started > limit:
            os.killpg(process.pid, signal.SIGKILL)
            os.wait4(process.pid, 0)
            process.returncode = -signal.SIGKILL
            raise Failed(f"not done in {limit:.0f} s")
        else:
            time.sleep(0.02)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        lines = err.read_text(encoding="utf-8", errors="replace").splitlines()
        why = next((line for line in reversed(lines) if "Error" in line), "no message")
        raise Failed(f"exit code {process.returncode}: {why.replace(f'{folder}/', '')[:160]}")
    return Finished(
        out.read_text(encoding="utf-8"),
        time.perf_counter() - started,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2),
    )


class Bench:
    """One data set in a folder of its own."""

    def __init__(self, data: DataSet, folder: Path, limit: float) -> None:
        self.folder = folder
        self.limit = limit
        self.file = data.written(folder)
        self.case = Case(data)
        with self.file.open(encoding="utf-8", newline="") as stream:
            self.case.rows = sum(1 for _ in csv.reader(stream)) - 1
        self.result: dict[str, Any] = {}
        self.table = tables.load(str(self.file))
        self.case.columns = self.table.frame.shape[1]

    def measured(self) -> Case:
        """Train, score back, and compare; what cannot be done is noted."""
        for step in (self.train, self.score_back, self.compare):
            try:
                step()
            except Failed as error:
                self.case.short.append(f"{step.__name__.replace('_', ' ')}: {error}")
            if not self.result:
                break
        return self.case

    def train(self) -> None:
        """Train as a stranger does, and see what was made of the file."""
        case = self.case
        command = ["-m", "training", "--data", self.file.name, "--target", case.data.target]
        command += ["--budget", f"{case.data.budget}s", "--json"]
        case.training = run(self.folder, self.limit, *command)
        self.result = json.loads(case.training.out)
        case.ours = self.result["metrics"]
        recipe = self._artifact("recipe.yaml")
        case.task = recipe["task"]
        if case.task != case.data.task:
            case.short.append(f"a person would say {case.data.task}")
        used = json.loads(self._artifact("MLmodel")["signature"]["inputs"])
        names = {feature["name"] for feature in used}
        case.short += [
            f"uses '{name}'" for name in case.data.row_numbers + case.data.leaks if name in names
        ]

    def score_back(self) -> None:
        """Score the raw file, and count."""
        case = self.case
        command = ["-m", "inference", "--run-id", self.result["run_id"], "--input", self.file.name]
        command += ["--output", "scored.csv", "--on-error", "reject", "--json"]
        tally = json.loads(run(self.folder, self.limit, *command).out)
        found, out, rejected = (tally[f"rows_{name}"] for name in ("in", "out", "rejected"))
        case.back = f"{out:,}"
        if found != case.rows or out + rejected != found:
            case.short.append(f"{case.rows} rows, {found} read, {out} scored, {rejected} rejected")
        elif rejected:
            case.short.append(f"{rejected} rows are rejected")

    def compare(self) -> None:
        """Let the peer learn from the same rows, and judge both on the others."""
        case = self.case
        if case.task != case.data.task:
            return
        test, y = self._held_out()
        np.save(self.folder / "held-out.npy", test)
        left_out = ["Unnamed: 0" if name == UNNAMED else name for name in case.data.row_numbers]
        options = [self.file.name, case.data.target, case.data.task, *left_out]
        case.peer_cpu = run(self.folder, 10 * self.limit, "-c", PEER, *options).cpu
        with np.load(self.folder / "peer.npz", allow_pickle=True) as found:
            case.peer = scored(case.task, y, found)
        case.metric = next(iter(case.peer))
        self._same_rows(y, test)

    def _held_out(self) -> tuple[np.ndarray[Any, Any], pd.Series[Any]]:
        """Return the rows of the file that the run held out, and their targets."""
        recipe = parse(self._artifact("recipe.yaml"), "recipe.yaml")
        y = labelled(recipe, self.table).y
        _, test = positions(recipe, self.table, y)
        return y.index[test].to_numpy(), y.iloc[test]

    def _same_rows(self, y: pd.Series[Any], test: np.ndarray[Any, Any]) -> None:
        """Note when the predictions of the held-out rows do not give the score of the run."""
        try:
            predictions = pd.read_csv(self.folder / "scored.csv", low_memory=False)["prediction"]
        except (FileNotFoundError, KeyError):
            return
        if len(predictions) != self.case.rows:
            return
        found = {"predictions": predictions.iloc[test].to_numpy()}
        [(name, again)] = scored(self.case.task, y, found).items()
        if not np.isclose(again, self.case.ours[name], rtol=1e-6):
            self.case.short.append(f"{name} of the scored file is {again:.4g}")

    def _artifact(self, name: str) -> Any:
        [path] = (self.folder / "mlruns").rglob(name)
        return yaml.safe_load(path.read_text(encoding="utf-8"))


def scored(task: str, y: pd.Series[Any], found: Mapping[str, Any]) -> dict[str, float]:
    """Return the scores of predictions, and of chances where there are; the main one first."""
    if task == "regression":
        return {"rmse": float(np.sqrt(np.mean((y.to_numpy(float) - found["predictions"]) ** 2)))}
    right = {"accuracy": float(np.mean(y.to_numpy() == found["predictions"]))}
    if "classes" not in found:
        return right
    classes, chances = found["classes"], found["chances"]
    if len(classes) == 2:
        return {"roc_auc": float(roc_auc_score(y == classes[1], chances[:, 1]))} | right
    # A class that the model never met has no chance.
    columns = pd.Index(classes).get_indexer(y)
    chance = np.where(columns < 0, 0, chances[np.arange(len(y)), columns])
    return right | {"log_loss": float(-np.log(np.clip(chance, 1e-15, 1)).mean())}


def goals(cases: list[Case]) -> list[tuple[str, int, int]]:
    """Return each goal, on how many data sets it was met, and on how many it should be."""
    count = len(cases)
    ratios = [case.ratio or 0 for case in cases]
    whole = [case.back == f"{case.rows:,}" for case in cases]
    taken = [case.times_cpu is not None and case.times_cpu <= TIMES_CPU for case in cases]
    clean = [case.training is not None and "uses '" not in str(case.short) for case in cases]
    better = -(-BETTER_ON * count // len(TWENTY))
    return [
        ("trained, and every row scored back", sum(whole), count),
        ("task as a person would say", sum(case.task == case.data.task for case in cases), count),
        ("no row number or leak used", sum(clean), count),
        (f"at least {WORSE} % of the peer", sum(ratio >= WORSE for ratio in ratios), count),
        ("as good as the peer or better", sum(round(ratio, 1) >= 100 for ratio in ratios), better),
        (f"at most {TIMES_CPU}x the CPU of the peer and {START} s", sum(taken), count),
        ("within the budget", sum(case.in_time for case in cases), count),
    ]


def main() -> int:
    """Measure and print a table, a line for each data set, and the goals."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BY_NAME)}")
    parser.add_argument("--without", action="append", default=[], metavar="NAME")
    parser.add_argument(
        "--limit", type=float, default=300, help="seconds after which a command is ended"
    )
    options = parser.parse_args()
    unknown = [name for name in [*options.names, *options.without] if name not in BY_NAME]
    if unknown:
        parser.error(f"no data set '{unknown[0]}'; there are {', '.join(BY_NAME)}")
    names = [name for name in options.names or BY_NAME if name not in options.without]
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores\n")
    head = ["data", "size", "task", "score", "ours", "peer", "ratio", "CPU", "wall", "memory"]
    print(f"| {' | '.join([*head, 'rows back', 'falls short'])} |")
    print("| --- " * (len(head) + 2) + "|", flush=True)
    cases = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            cases.append(Bench(BY_NAME[name], Path(folder), options.limit).measured())
        print(f"| {' | '.join(cases[-1].cells())} |", flush=True)
    print("\n| goal | met on | wanted on |\n| --- | --- | --- |")
    missed = 0
    for goal, met, wanted in goals(cases):
        missed += met < wanted
        print(f"| {goal} | {met} | {wanted} of {len(cases)} |")
    print(f"\n{len(goals(cases)) - missed} goals met, {missed} missed", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
