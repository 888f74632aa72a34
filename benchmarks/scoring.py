"""What scoring costs: this project against a plain script, the estimator, and MLflow.

    make bench-scoring                  # everything, about ten minutes
    python benchmarks/scoring.py --rows 200000 --quick

Rows of ten doubles are made from the diabetes data. Each way is a process of its own, and the ways
take turns, so that a slow moment of the machine meets all. What a way takes for 442 rows, which is
its start and its imports, is taken off its time. The table has the best of the repeats: what
disturbs a process only makes it slower.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# The whole table at once, with Arrow: what one writes when nothing may go wrong.
PLAIN = """
import sys, skops.io
import pyarrow as pa, pyarrow.csv as csv, pyarrow.parquet as parquet
source, target, model = sys.argv[1:]
table = parquet.read_table(source) if source.endswith("parquet") else csv.read_csv(source)
file = model + "/model.skops"
estimator = skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))
table = table.append_column("prediction", pa.array(estimator.predict(table.to_pandas())))
(parquet.write_table if target.endswith("parquet") else csv.write_csv)(table, target)
"""
# The estimator alone: nothing is read or written while it is timed.
ESTIMATOR = """
import sys, json, time, skops.io
import pyarrow.parquet as parquet
source, model = sys.argv[1:]
file = model + "/model.skops"
estimator = skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))
frame = parquet.read_table(source).to_pandas()
estimator.predict(frame[:512])
started = time.perf_counter()
estimator.predict(frame)
print(json.dumps({"seconds": time.perf_counter() - started}))
"""
# What a scoring process has imported when it starts to read.
IMPORTS = """
import json, inference.score, skops.io, sklearn.pipeline, sklearn.preprocessing
import sklearn.linear_model, pandas, pyarrow.csv, pyarrow.parquet, threadpoolctl
print(json.dumps({"peak_rss_mb": inference.score.peak_rss_mb()}))
"""


@dataclass
class Row:
    """One line of the table."""

    workload: str
    peer: str
    ours: str
    measured: str
    goal: str


def made(folder: Path, rows: int) -> None:
    """Write the input as Parquet and CSV, a part of it, and two models."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet
    from sklearn.datasets import load_diabetes

    from models import two_models

    X, y = load_diabetes(as_frame=True, return_X_y=True)
    rng = np.random.default_rng(0)
    values = X.to_numpy()[rng.integers(0, len(X), rows)] + rng.normal(0, 0.01, (rows, 10))
    table = pa.Table.from_pandas(pd.DataFrame(values, columns=X.columns), preserve_index=False)
    pyarrow.parquet.write_table(table, folder / "in.parquet")
    pyarrow.csv.write_csv(table, folder / "in.csv")
    X.to_csv(folder / "small.csv", index=False)
    X.to_parquet(folder / "small.parquet", index=False)
    half = table.slice(0, rows // 2)
    for name, times in (("1m", 1), ("10m", 10)):
        with pyarrow.parquet.ParquetWriter(folder / f"{name}.parquet", table.schema) as writer:
            for _ in range(times):
                writer.write_table(half)
    two_models(folder, X, y)


def seconds(folder: Path, *command: str) -> tuple[float, dict[str, Any]]:
    """Return how long a process takes, and the JSON that it prints."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "MLFLOW_DISABLE_TELEMETRY": "true"}
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, check=True, capture_output=True
    )
    taken = time.perf_counter() - started
    return taken, json.loads(done.stdout) if done.stdout.startswith(b"{") else {}


class Bench:
    """The ways, in a folder with the data."""

    def __init__(self, folder: Path, rows: int, repeats: int) -> None:
        self.folder = folder
        self.rows = rows
        self.repeats = repeats

    def plain(self, model: str, source: str) -> float:
        """Score with the plain script."""
        target = f"plain.{source.split('.')[1]}"
        return seconds(self.folder, "-c", PLAIN, source, target, model)[0]

    def ours(self, model: str, source: str) -> float:
        """Score with this project."""
        return self.measured(model, source)[0]

    def predictions(self, model: str, source: str) -> float:
        """Score with this project, and write the predictions alone."""
        return self.measured(model, source, "--keep", "none")[0]

    def mlflow(self, model: str, source: str) -> float:
        """Score with MLflow's own command, which reads CSV and writes JSON."""
        command = ["-m", "mlflow", "models", "predict", "-m", model, "-i", source, "-t", "csv"]
        command += ["-o", "mlflow.json", "--env-manager", "local"]
        return seconds(self.folder, *command)[0]

    def measured(self, model: str, source: str, *more: str) -> tuple[float, dict[str, Any]]:
        """Score with this project; return also what it says of itself."""
        target = f"ours.{source.split('.')[1]}"
        options = ["--model", model, "--input", source, "--output", target, "--overwrite"]
        options += [*more, "--no-track", "--json", "--quiet"]
        return seconds(self.folder, "-m", "inference", *options)

    def rounds(
        self, model: str, kind: str, ways: dict[str, Callable[[str, str], float]], repeats: int
    ) -> dict[str, float]:
        """Return the seconds of each way, without its start."""
        best = dict.fromkeys(ways, float("inf"))
        starts = dict.fromkeys(ways, float("inf"))
        for _ in range(repeats):
            for name, way in ways.items():
                starts[name] = min(starts[name], way(model, f"small.{kind}"))
                best[name] = min(best[name], way(model, f"in.{kind}"))
        return {name: best[name] - starts[name] for name in ways}

    def against_plain(self, kind: str, goal: str) -> Row:
        """Measure the default model against the plain script."""
        found = self.rounds("lasso", kind, {"plain": self.plain, "ours": self.ours}, self.repeats)
        name = {"csv": "CSV", "parquet": "Parquet"}[kind]
        return Row(
            f"LassoLars, {name} to {name}, against the script",
            f"{found['plain']:.2f} s",
            f"{found['ours']:.2f} s",
            f"{found['plain'] / found['ours']:.2f}x its speed",
            goal,
        )

    def against_mlflow(self) -> Row:
        """Measure the default model against ``mlflow models predict``, which keeps no column."""
        ways = {"mlflow": self.mlflow, "ours": self.predictions}
        found = self.rounds("lasso", "csv", ways, self.repeats)
        return Row(
            "LassoLars, CSV to predictions, against `mlflow models predict`",
            f"{found['mlflow']:.2f} s",
            f"{found['ours']:.2f} s",
            f"{found['mlflow'] / found['ours']:.1f}x its speed",
            "at least 5x",
        )

    def against_the_estimator(self, repeats: int) -> Row:
        """Measure a forest against its own ``predict``."""
        mine, own = float("inf"), float("inf")
        for _ in range(repeats):
            found = self.rounds("forest", "parquet", {"ours": self.ours}, 1)
            mine = min(mine, found["ours"])
            _, said = seconds(self.folder, "-c", ESTIMATOR, "in.parquet", "forest")
            own = min(own, said["seconds"])
        return Row(
            "forest of 100, Parquet to Parquet, against its `predict`",
            f"{own:.1f} s",
            f"{mine:.1f} s",
            f"{own / mine:.2f} of its rate",
            "at least 0.95",
        )

    def memory(self) -> Row:
        """Measure memory: ten times the rows must not take more."""
        _, imports = seconds(self.folder, "-c", IMPORTS)
        few, many = (
            self.measured("lasso", f"{name}.parquet")[1]["peak_rss_mb"] for name in ("1m", "10m")
        )
        base = imports["peak_rss_mb"]
        return Row(
            f"peak memory, {self.rows // 2:,} and {self.rows * 5:,} rows of Parquet",
            f"{base:.0f} MB after imports",
            f"{few:.0f} and {many:.0f} MB",
            f"{many / few - 1:+.0%}, {max(few, many) - base:.0f} MB over imports",
            "within 10 %, at most 250 MB over",
        )

    def whole_process(self) -> Row:
        """Measure a small file from start to end, against a process that only imports."""
        imports, taken = float("inf"), float("inf")
        for _ in range(self.repeats):
            imports = min(imports, seconds(self.folder, "-c", IMPORTS)[0])
            taken = min(taken, self.ours("lasso", "small.csv"))
        return Row(
            "a CSV of 442 rows, the whole process",
            f"{imports:.2f} s of imports",
            f"{taken:.2f} s",
            f"imports {taken - imports:+.2f} s",
            "imports +1 s",
        )


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--quick", action="store_true", help="one repeat of everything")
    options = parser.parse_args()
    repeats = 1 if options.quick else 3
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        made(folder, options.rows)
        bench = Bench(folder, options.rows, repeats)
        print(f"{options.rows:,} rows of 10 doubles; Python {platform.python_version()}, ", end="")
        print(f"{os.cpu_count()} cores\n")
        print("| workload | peer | mlproject | measured | goal |")
        print("| --- | --- | --- | --- | --- |", flush=True)
        for work in (
            lambda: bench.against_plain("parquet", "at least 1.8x"),
            lambda: bench.against_plain("csv", "at least 2.2x"),
            bench.against_mlflow,
            lambda: bench.against_the_estimator(min(2, repeats)),
            bench.memory,
            bench.whole_process,
        ):
            row = work()
            cells = (row.workload, row.peer, row.ours, row.measured, row.goal)
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
