"""A Spark program that scores frames; its checks are told apart by name on standard output.

It runs as a process of its own, so that one Java serves all checks and none is left behind.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from pyspark.sql import SparkSession, functions

import mlproject

MODEL, REGRESSION = "classifier", "regression"


def everything(spark: Any) -> Any:
    """A frame with the columns of the model, others of all kinds, and three bad rows."""
    return (
        spark.read.parquet("in.parquet")
        .withColumn("cost", functions.expr("cast(row as decimal(12, 3))"))
        .withColumn("day", functions.expr("date_add(date'2020-01-31', cast(row as int))"))
        .withColumn("at", functions.expr("timestamp'2020-01-31 10:00:00'"))
        .withColumn(
            "nested", functions.struct("row", functions.array(functions.lit("x")).alias("list"))
        )
        .withColumn("void", functions.lit(None))
    )


def scored(spark: Any) -> dict[str, Any]:
    frame = everything(spark).repartition(7)
    result = mlproject.spark.score(frame, MODEL, method="predict_proba")
    fields = {field.name: field.dataType.simpleString() for field in result.schema.fields}
    same = result.select(*frame.columns).exceptAll(frame).count()
    added = [name for name in fields if name not in frame.columns]
    result.select("row", *added).toPandas().to_parquet("scored.parquet")
    return {"columns": fields, "given": frame.columns, "changed": same}


def judged(spark: Any) -> dict[str, Any]:
    """The predictions of MLflow's own function, for the rows that can be scored."""
    frame = spark.read.parquet("in.parquet").where("row not in (3, 60, 700)")
    judge = mlflow.pyfunc.spark_udf(spark, REGRESSION, env_manager="local", result_type="double")
    theirs = frame.withColumn("theirs", judge(functions.expr("struct(double(age) as age, weight)")))
    both = mlproject.spark.score(theirs, REGRESSION).toPandas()
    gap = float(np.abs(both["prediction"] - both["theirs"]).max())
    return {"rows": len(both), "rejected": int(both["reject_reason"].notna().sum()), "gap": gap}


def partitioned(spark: Any) -> dict[str, Any]:
    frame = spark.read.parquet("in.parquet")
    many = mlproject.spark.score(frame.repartition(50, "sex"), REGRESSION).toPandas()
    one = mlproject.spark.score(frame.coalesce(1), REGRESSION).toPandas()
    many, one = (made.sort_values("row", ignore_index=True) for made in (many, one))
    close = np.allclose(many["prediction"], one["prediction"], rtol=1e-13, equal_nan=True)
    return {"close": close, "reasons": many["reject_reason"].equals(one["reject_reason"])}


def empty(spark: Any) -> dict[str, Any]:
    nothing = mlproject.spark.score(spark.read.parquet("in.parquet").where("row < 0"), MODEL)
    return {"rows": nothing.count(), "columns": nothing.toPandas().columns.tolist()}


def streamed(spark: Any) -> dict[str, Any]:
    frame = spark.read.parquet("in.parquet")
    stream = spark.readStream.schema(frame.schema).parquet("stream")
    result = mlproject.spark.score(stream, MODEL)
    writer = result.writeStream.format("parquet").option("checkpointLocation", "checkpoint")
    writer.trigger(availableNow=True).start("streamed").awaitTermination()
    made = spark.read.parquet("streamed")
    return {"rows": made.count(), "rejected": made.where("reject_reason is not null").count()}


def twice(spark: Any) -> dict[str, Any]:
    """Two models beside each other, on workers that have none of this project."""
    frame = mlproject.spark.score(spark.read.parquet("in.parquet"), MODEL)
    frame = frame.withColumnsRenamed({"prediction": "first", "reject_reason": "first_reason"})
    made = mlproject.spark.score(frame, REGRESSION).toPandas()
    return {name: int(made[name].notna().sum()) for name in ("first", "prediction")}


def refused(spark: Any) -> dict[str, Any]:
    frame = spark.read.parquet("in.parquet")
    tries: dict[str, Callable[[], Any]] = {
        "clash": lambda: mlproject.spark.score(
            frame.withColumn("Prediction", functions.lit(1)), MODEL
        ),
        "missing": lambda: mlproject.spark.score(frame.withColumnRenamed("sex", "sexx"), MODEL),
        "pandas": lambda: mlproject.spark.score(pd.DataFrame({"a": [1]}), MODEL),
    }
    told = {}
    for name, call in tries.items():
        try:
            call()
        except mlproject.MlprojectError as error:
            told[name] = f"{type(error).__name__}: {error}"
    return told


def main() -> None:
    builder = SparkSession.builder.master("local[2]").appName("frames")
    options = {
        "spark.ui.enabled": "false",
        "spark.log.level": "ERROR",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.executorEnv.PYTHONPATH": sys.argv[1],
    }
    for name, value in options.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    try:
        checks = (scored, judged, partitioned, empty, streamed, twice, refused)
        told = {check.__name__: check(spark) for check in checks}
        alone = spark.sparkContext.parallelize([0], 1).map(_without_us).collect()
        Path("told.json").write_text(json.dumps(told | {"alone": alone[0]}))
    finally:
        spark.stop()


def _without_us(_: int) -> str:
    try:
        __import__("inference")
    except ImportError as error:
        return str(error)
    return "it is there"


if __name__ == "__main__":
    main()
