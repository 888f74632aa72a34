"""What scoring on Dask and on Spark costs, and how it grows, against what one writes by hand.

    make bench-engines                  # everything, about half an hour on two cores
    python benchmarks/engines.py --rows 400000 --most 4000000 --quick

Data, models and manner are those of ``benchmarks/scoring.py``: each way is a process of its own,
ways take turns, and what a way takes for 442 rows (start, imports, the cluster) is taken off. On
Spark both ways run in one process, in a session that has run each of them once.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scoring import Row, made, seconds

JOBS = 2
# What one writes by hand for Dask: each partition is read, scored and written by a worker.
DASK = """
import sys, skops.io
import dask.dataframe as dd
from distributed import Client

def scored(frame, model):
    return frame.assign(prediction=model.predict(frame))

if __name__ == "__main__":
    source, target, model, jobs = sys.argv[1:]
    file = model + "/model.skops"
    model = skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))
    with Client(n_workers=int(jobs), threads_per_worker=1, dashboard_address=None):
        frame = dd.read_parquet(source, split_row_groups=True)
        meta = frame._meta.assign(prediction=0.0)
        frame.map_partitions(scored, model, meta=meta).to_parquet(target)
"""
# MLflow's own way on Spark, and ours, in one session; the seconds of each.
SPARK = """
import json, sys, time
import mlflow, mlproject
from pyspark.sql import SparkSession
from pyspark.sql.functions import struct

source, model, jobs, repeats = sys.argv[1:]
spark = SparkSession.builder.master(f"local[{jobs}]").config("spark.log.level", "ERROR")
spark = spark.config("spark.ui.showConsoleProgress", "false").getOrCreate()
udf = mlflow.pyfunc.spark_udf(spark, model, result_type="double", env_manager="local")

def peer(source):
    frame = spark.read.parquet(source)
    frame = frame.withColumn("prediction", udf(struct(*frame.columns)))
    frame.write.mode("overwrite").parquet("udf.parquet")

def ours(source):
    mlproject.score(
        model, source, "spark/", engine="spark", overwrite=True, track=False, progress=False
    )

best = {}
for way in (peer, ours):
    way("small.parquet")
for _ in range(int(repeats)):
    for way in (peer, ours):
        started = time.perf_counter()
        way(source)
        taken = time.perf_counter() - started
        best[way.__name__] = min(taken, best.get(way.__name__, taken))
print(json.dumps(best))
"""
# A scoring that counts what goes through its process: on Dask all messages of the client and of the
# scheduler, in both directions; on Spark the arguments of calls and their answers.
COUNTED = """
import json, sys
import mlproject

def length(frames):
    return sum(memoryview(frame).nbytes for frame in frames)

if __name__ == "__main__":
    source, target, engine, jobs = sys.argv[1:]
    through = 0
    if engine == "dask":
        from distributed.comm import tcp
        to_frames, from_frames = tcp.to_frames, tcp.from_frames

        async def sent(*args, **options):
            global through
            frames = await to_frames(*args, **options)
            through += length(frames)
            return frames

        async def received(frames, *args, **options):
            global through
            through += length(frames)
            return await from_frames(frames, *args, **options)

        tcp.to_frames, tcp.from_frames = sent, received
    else:
        from inference.engines import spark
        packed, unpacked = spark.packed, spark.unpacked

        def argument(number, item):
            global through
            data = packed(number, item)
            through += len(data)
            return data

        def answer(data):
            global through
            through += len(data)
            return unpacked(data)

        spark.packed, spark.unpacked = argument, answer
    mlproject.score(
        "lasso", source, target, engine=engine, jobs=int(jobs), overwrite=True, track=False,
        progress=False,
    )
    print(json.dumps({"bytes": through}))
"""
ENGINES = ("local", "dask", "spark")
_GROWTH = 0.15


class Bench:
    """The ways, in a folder with the data."""

    def __init__(self, folder: Path, rows: int, most: int, repeats: int) -> None:
        self.folder = folder
        self.rows = rows
        self.most = most
        self.repeats = repeats

    def scored(self, engine: str, model: str, source: str) -> tuple[float, dict[str, Any]]:
        """Score to a folder; return the seconds of the process, and what it says of itself."""
        options = ["--model", model, "--input", source, "--output", f"{engine}/", "--overwrite"]
        options += ["--engine", engine, "--jobs", str(JOBS), "--no-track", "--json", "--quiet"]
        return seconds(self.folder, "-m", "inference", *options)

    def by_hand(self, source: str) -> float:
        """Score with the script for Dask."""
        return seconds(self.folder, "-c", DASK, source, "hand", "forest", str(JOBS))[0]

    def ours(self, engine: str) -> Callable[[str], float]:
        """Return what scores with the forest on an engine."""
        return lambda source: self.scored(engine, "forest", source)[0]

    def rounds(self, ways: dict[str, Callable[[str], float]], source: str) -> dict[str, float]:
        """Return the seconds of each way, without its start."""
        best = dict.fromkeys(ways, float("inf"))
        starts = dict.fromkeys(ways, float("inf"))
        for _ in range(self.repeats):
            for name, way in ways.items():
                starts[name] = min(starts[name], way("small.parquet"))
                best[name] = min(best[name], way(source))
        return {name: best[name] - starts[name] for name in ways}

    def forest_on_dask(self) -> list[Row]:
        """Measure a forest on two workers of Dask against two threads here, and by hand."""
        ways = {"local": self.ours("local"), "hand": self.by_hand, "dask": self.ours("dask")}
        found = self.rounds(ways, "in.parquet")
        what = f"forest of 100, {self.rows:,} rows of Parquet, Dask with {JOBS} workers, against "
        dask = found["dask"]
        return [
            Row(
                what + f"`--jobs {JOBS}` without Dask",
                f"{found['local']:.1f} s",
                f"{dask:.1f} s",
                f"{found['local'] / dask:.2f}x its speed",
                "at least 0.9x",
            ),
            Row(
                what + "`dd.read_parquet().map_partitions().to_parquet()`",
                f"{found['hand']:.1f} s",
                f"{dask:.1f} s",
                f"{found['hand'] / dask:.2f}x its speed",
                "at least 1x",
            ),
        ]

    def forest_on_spark(self) -> list[Row]:
        """Measure a forest on a Spark that is up against MLflow's way there."""
        command = ("-c", SPARK, "in.parquet", "forest", str(JOBS), str(self.repeats))
        _, found = seconds(self.folder, *command)
        return [
            Row(
                f"forest of 100, {self.rows:,} rows of Parquet, Spark `local[{JOBS}]`, warm, "
                "against `mlflow.pyfunc.spark_udf`",
                f"{found['peer']:.1f} s",
                f"{found['ours']:.1f} s",
                f"{found['peer'] / found['ours']:.2f}x its speed",
                "at least 1.2x",
            )
        ]

    def through_the_driver(self) -> list[Row]:
        """Count the bytes that pass through the process that asks, for half of the most rows."""
        rows = []
        for engine, among in (("dask", ", code and model among it"), ("spark", "")):
            start, grown = (
                seconds(self.folder, "-c", COUNTED, source, "counted/", engine, str(JOBS))[1]
                for source in ("small.parquet", "half.parquet")
            )
            through = grown["bytes"] - start["bytes"]
            rows.append(
                Row(
                    f"bytes through the driver for {self.most // 2:,} rows, {engine.capitalize()}",
                    f"{start['bytes'] / 1e3:,.0f} kB for 442 rows{among}",
                    f"{grown['bytes'] / 1e3:,.0f} kB",
                    f"{through / 1e3:,.0f} kB for the rows",
                    "under 1 MB",
                )
            )
        return rows

    def growth(self) -> list[Row]:
        """Measure seconds and memory of each engine for more and more rows."""
        sizes = {"few": self.most // 20, "half": self.most // 2, "most": self.most}
        rows = []
        for engine in ENGINES:
            best = dict.fromkeys(sizes, float("inf"))
            memory: dict[str, float] = {}
            for _ in range(self.repeats):
                for name in sizes:
                    taken, said = self.scored(engine, "lasso", f"{name}.parquet")
                    best[name] = min(best[name], taken)
                    memory[name] = said["peak_rss_mb"]
            first = (best["half"] - best["few"]) / (sizes["half"] - sizes["few"])
            second = (best["most"] - best["half"]) / (sizes["most"] - sizes["half"])
            rows.append(
                Row(
                    f"LassoLars, {', '.join(f'{size:,}' for size in sizes.values())} rows of "
                    f"Parquet, {engine}",
                    f"{first * 1e6:.2f} s a million rows up to half",
                    f"{second * 1e6:.2f} s a million beyond",
                    f"{second / first - 1:+.0%}; {', '.join(f'{best[n]:.1f}' for n in sizes)} s; "
                    f"{', '.join(f'{memory[name]:.0f}' for name in sizes)} MB in the driver",
                    f"within {_GROWTH:.0%}, memory flat",
                )
            )
        return rows

    def small_files(self) -> list[Row]:
        """Measure 200 files in a folder against one file of the same rows."""
        ways: dict[str, Callable[[str], float]] = {
            "one": lambda source: self.scored("local", "lasso", source)[0],
            "many": lambda source: self.scored(
                "local", "lasso", "files" if source == "in.parquet" else source
            )[0],
        }
        found = self.rounds(ways, "in.parquet")
        return [
            Row(
                f"LassoLars, {self.rows:,} rows in 200 files of Parquet, against one file",
                f"{found['one']:.2f} s",
                f"{found['many']:.2f} s",
                f"{found['many'] / found['one']:.2f} of its time",
                "at most 1.2",
            )
        ]


def grown(folder: Path, rows: int, most: int) -> None:
    """Write the rows of the input again: in 200 files, and in files of more and more rows."""
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(folder / "in.parquet")
    (folder / "files").mkdir()
    for number in range(200):
        start, stop = (rows * n // 200 for n in (number, number + 1))
        part = table.slice(start, stop - start)
        pyarrow.parquet.write_table(part, folder / "files" / f"{number:03d}.parquet")
    for name, size in (("few", most // 20), ("half", most // 2), ("most", most)):
        with pyarrow.parquet.ParquetWriter(folder / f"{name}.parquet", table.schema) as writer:
            for start in range(0, size, rows):
                writer.write_table(table.slice(0, min(rows, size - start)))


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=4_000_000, help="of the forest")
    parser.add_argument("--most", type=int, default=20_000_000, help="of LassoLars")
    parser.add_argument("--quick", action="store_true", help="one repeat of everything")
    lines = ("forest_on_dask", "forest_on_spark", "through_the_driver", "growth", "small_files")
    parser.add_argument("--only", choices=lines, nargs="*", default=lines)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        made(folder, options.rows)
        grown(folder, options.rows, options.most)
        bench = Bench(folder, options.rows, options.most, 1 if options.quick else 2)
        print(f"Python {platform.python_version()}, {os.cpu_count()} cores\n")
        print("| workload | peer | mlproject | measured | goal |")
        print("| --- | --- | --- | --- | --- |", flush=True)
        for line in options.only:
            for row in getattr(bench, line)():
                cells = (row.workload, row.peer, row.ours, row.measured, row.goal)
                print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
