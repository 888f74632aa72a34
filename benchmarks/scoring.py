"""What scoring costs: this project against a plain script that holds the whole table.

    make bench-scoring                  # everything
    python benchmarks/scoring.py --rows 200000

Rows of ten doubles are made from the diabetes data. Each way is a process of its own, started in
turn; its imports are timed the same way and taken off. "rate" is the speed of this project over
that of the script.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
IMPORTS = "import mlflow.sklearn, skops.io, pandas, pyarrow.csv, pyarrow.parquet, sklearn.pipeline"
PLAIN = (
    IMPORTS
    + """
import sys, pyarrow as pa
import pyarrow.csv as csv, pyarrow.parquet as parquet
source, target, model = sys.argv[1:]
table = parquet.read_table(source) if source.endswith("parquet") else csv.read_csv(source)
import skops.io
file = model + "/model.skops"
estimator = skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))
table = table.append_column("prediction", pa.array(estimator.predict(table.to_pandas())))
(parquet.write_table if target.endswith("parquet") else csv.write_csv)(table, target)
"""
)


def made(folder: Path, rows: int) -> None:
    """Write the input as Parquet and CSV, and two models."""
    import mlflow
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet
    from sklearn.datasets import load_diabetes
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.linear_model import LassoLars
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = load_diabetes(as_frame=True, return_X_y=True)
    rng = np.random.default_rng(0)
    values = X.to_numpy()[rng.integers(0, len(X), rows)] + rng.normal(0, 0.01, (rows, 10))
    table = pa.Table.from_pandas(pd.DataFrame(values, columns=X.columns), preserve_index=False)
    pyarrow.parquet.write_table(table, folder / "in.parquet")
    pyarrow.csv.write_csv(table, folder / "in.csv")
    X.to_csv(folder / "small.csv", index=False)
    models = {
        "lasso": make_pipeline(StandardScaler(), LassoLars(0.1)),
        "forest": RandomForestRegressor(100, random_state=0),
    }
    for name, model in models.items():
        model.fit(X, y)
        mlflow.sklearn.save_model(
            model,
            folder / name,
            serialization_format="skops",
            skops_trusted_types=["numpy.dtype", "sklearn.tree._tree.Tree"],
            signature=mlflow.models.infer_signature(X, model.predict(X)),
            input_example=X.head(3),
            pip_requirements=[],
        )


def seconds(folder: Path, *command: str) -> tuple[float, dict[str, Any]]:
    """Return how long a process takes, and the JSON that it prints."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "MLFLOW_DISABLE_TELEMETRY": "true"}
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, check=True, capture_output=True
    )
    taken = time.perf_counter() - started
    return taken, json.loads(done.stdout) if done.stdout.startswith(b"{") else {}


def ours(folder: Path, model: str, source: str, target: str) -> tuple[float, dict[str, Any]]:
    """Score with this project."""
    options = ["--model", model, "--input", source, "--output", target, "--overwrite"]
    return seconds(folder, "-m", "inference", *options, "--no-track", "--json", "--quiet")


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| workload | plain script | mlproject | rate | peak memory |")
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        made(folder, options.rows)
        imports = min(seconds(folder, "-c", IMPORTS)[0] for _ in range(options.repeats))
        for model, kind in (("lasso", "parquet"), ("lasso", "csv"), ("forest", "parquet")):
            plain, mine = [], []
            for _ in range(options.repeats if model == "lasso" else 1):
                arguments = (f"in.{kind}", f"plain.{kind}", model)
                plain.append(seconds(folder, "-c", PLAIN, *arguments)[0] - imports)
                taken, result = ours(folder, model, f"in.{kind}", f"ours.{kind}")
                mine.append(taken - imports)
            rate = min(plain) / min(mine)
            row = f"{min(plain):.2f} s | {min(mine):.2f} s | {rate:.2f}"
            print(f"| {model}, {kind} | {row} | {result['peak_rss_mb']:.0f} MB |", flush=True)
        taken, result = ours(folder, "lasso", "small.csv", "small-out.csv")
        print(
            f"| 442 rows, CSV | {imports:.2f} s of imports | +{taken - imports:.2f} s | | ", end=""
        )
        print(f"{result['peak_rss_mb']:.0f} MB |")


if __name__ == "__main__":
    main()
