"""Scoring: predictions, formats, rows that cannot be scored, trust, and interruptions."""

from __future__ import annotations

import functools
import json
import os
import pickle
import random
import signal
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import skops.io
import yaml
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.ensemble import RandomForestRegressor, StackingRegressor
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from inference.summary import Summary
from mlproject.models import safe_types
from tests.conftest import Finished, Shell, saved

SAMPLES = {
    "diabetes-lassolars": load_diabetes,
    "iris-svc": load_iris,
    "digits-logistic": load_digits,
}


@pytest.fixture(scope="module")
def trained(own_shell: Callable[[], Shell], pima: Path) -> tuple[Shell, dict[str, str]]:
    """A folder with a run of each recipe, and the data of each as CSV, Parquet and JSON Lines."""
    shell = own_shell()
    runs = {}
    for recipe in (*SAMPLES, "pima-random-forest"):
        options = ["--data", str(pima)] if recipe.startswith("pima") else []
        runs[recipe] = shell.trained(recipe, *options)["run_id"]
        frame = pd.read_csv(pima) if options else SAMPLES[recipe](as_frame=True).frame
        frame.to_csv(shell.folder / f"{recipe}.csv", index=False)
        frame.to_parquet(shell.folder / f"{recipe}.parquet", index=False)
        frame.to_json(
            shell.folder / f"{recipe}.jsonl", orient="records", lines=True, double_precision=15
        )
    return shell, runs


def score(shell: Shell, *arguments: str, **more: str) -> Finished:
    return shell.score(*arguments, "--tracking", "local", **more)


def scored(shell: Shell, *arguments: str, **more: str) -> dict[str, Any]:
    done = score(shell, *arguments, "--json", **more)
    assert done.code == 0, done.err
    return done.json


def by_run(shell: Shell, run_id: str, recipe: str, output: str, *options: str) -> dict[str, Any]:
    """Score a recipe's CSV with the model of its run."""
    given = ["--run-id", run_id, "--input", f"{recipe}.csv", "--output", output]
    return scored(shell, *given, *options)


def read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if path.suffix == ".csv":
        return pd.read_csv(path, float_precision="round_trip")
    return pd.DataFrame([json.loads(line) for line in path.read_text().splitlines()])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("recipe", [*SAMPLES, "pima-random-forest"])
def test_predictions_are_those_of_the_model_whatever_the_format_and_the_batch(
    trained: tuple[Shell, dict[str, str]], recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    shell, runs = trained
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((shell.folder / "mlruns").as_uri())
    model = mlflow.sklearn.load_model(f"runs:/{runs[recipe]}/best_estimator")
    ways = [
        ("csv", "csv", []),
        ("csv", "parquet", ["--batch-rows", "1"]),
        ("parquet", "jsonl", ["--jobs", "2"]),
        ("jsonl", "csv", ["--jobs", "2", "--batch-rows", "100"]),
        ("parquet", "parquet", ["--keep", "none"]),
    ]
    for number, (source, output, options) in enumerate(ways):
        frame = read(shell.folder / f"{recipe}.{source}")
        X = frame[list(model.feature_names_in_)].astype("float64")
        name = f"{recipe}-{number}.{output}"
        result = scored(
            shell,
            "--run-id",
            runs[recipe],
            "--input",
            f"{recipe}.{source}",
            "--output",
            name,
            "--no-track",
            *options,
        )

        assert result["rows_in"] == result["rows_out"] == len(frame)
        assert read(shell.folder / name)["prediction"].tolist() == model.predict(X).tolist(), name


def test_probabilities_have_a_column_for_each_class(trained: tuple[Shell, dict[str, str]]) -> None:
    shell, runs = trained
    options = ["--method", "predict_proba", "--keep", "target", "--no-track"]
    by_run(shell, runs["iris-svc"], "iris-svc", "p.csv", *options)
    frame = read(shell.folder / "p.csv")

    assert list(frame) == [
        "target",
        "probability_0",
        "probability_1",
        "probability_2",
        "prediction",
    ]
    assert frame.filter(like="probability").sum(axis=1).round(9).eq(1).all()


def test_the_scoring_run_stands_beside_the_model_with_counts_and_hashes(
    trained: tuple[Shell, dict[str, str]], client: Callable[[str], Any]
) -> None:
    shell, runs = trained
    result = by_run(shell, runs["diabetes-lassolars"], "diabetes-lassolars", "tracked.csv")
    store = client((shell.folder / "mlruns").as_uri())
    run, model = store.get_run(result["scoring_run_id"]), store.get_run(result["run_id"])
    manifest = json.loads((shell.folder / "tracked.csv.manifest.json").read_text())

    assert run.info.experiment_id == model.info.experiment_id
    assert run.info.status == "FINISHED"
    assert run.data.metrics["rows_in"] == 442
    assert run.data.metrics["prediction_mean"] == pytest.approx(152, abs=5)
    assert run.data.tags["mlproject.input.sha256"] == manifest["input"]["sha256"]
    assert manifest["rows_out"] == 442
    assert run.inputs.model_inputs[0].model_id == manifest["model"]["model_id"]


def test_a_run_that_was_started_is_joined_with_the_parameters_it_has(
    trained: tuple[Shell, dict[str, str]], client: Callable[[str], Any]
) -> None:
    shell, runs = trained
    store = client((shell.folder / "mlruns").as_uri())
    started = store.create_run("0").info.run_id
    store.log_param(started, "model", "''")
    result = scored(
        shell,
        "--run-id",
        runs["iris-svc"],
        "--input",
        "iris-svc.csv",
        "--output",
        "joined.csv",
        MLFLOW_RUN_ID=started,
    )

    assert result["scoring_run_id"] == started
    assert store.get_run(started).data.params["method"] == "predict"
    assert store.get_run(started).data.metrics["predicted_0"] == 50


BAD = [
    ("0.1,abc,1,1,1,1,1,1,1,1\n", "line 3, column 'sex': 'abc' is not a number"),
    ("0.1,0.2\n", "line 3: it has 2 fields, not 10"),
    ("0.1,,1,1,1,1,1,1,1,1\n", "line 3, column 'sex': it is missing, which the model refuses"),
    ("0.1,inf,1,1,1,1,1,1,1,1\n", "line 3, column 'sex': it is infinite, which the model refuses"),
    ("0.1,\xff,1,1,1,1,1,1,1,1\n", "line 3: it is not UTF-8 text"),
]


@pytest.mark.parametrize(("row", "message"), BAD)
def test_a_bad_row_is_named_or_set_aside(
    trained: tuple[Shell, dict[str, str]], row: str, message: str
) -> None:
    shell, runs = trained
    folder = shell.folder / f"bad-{abs(hash(row))}"
    folder.mkdir()
    good = "0.1,0.2,0.3,0.1,0.1,0.1,0.1,0.1,0.1,0.1\n"
    header = "age,sex,bmi,bp,s1,s2,s3,s4,s5,s6\n"
    (folder / "in.csv").write_bytes((header + good + row + good).encode("latin-1"))
    options = ["--run-id", runs["diabetes-lassolars"], "--input", f"{folder}/in.csv", "--no-track"]

    failed = score(shell, *options, "--output", f"{folder}/out.csv")
    assert failed.code == 3
    assert message in failed.error
    assert sorted(path.name for path in folder.iterdir()) == ["in.csv"]

    result = scored(
        shell,
        *options,
        "--output",
        f"{folder}/out.csv",
        "--on-error",
        "reject",
        "--max-rejects",
        "1",
    )
    assert (result["rows_in"], result["rows_out"], result["rows_rejected"]) == (3, 2, 1)
    rejects = pd.read_csv(folder / "out.csv.rejects.csv", encoding="utf-8")
    assert rejects["line"].tolist() == [3]
    if "\xff" not in row:
        assert rejects["row"].tolist() == [row.strip()]
    assert len(read(folder / "out.csv")) == 2


@pytest.mark.filterwarnings("ignore")
def test_an_unknown_category_is_refused_and_a_hole_that_the_model_takes_is_not(
    shell: Shell,
) -> None:
    X = pd.DataFrame({"kind": ["a", "b", "a", "b"] * 5, "size": np.arange(20.0)})
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["kind"]), remainder="passthrough"),
        RandomForestRegressor(3, random_state=0),
    ).fit(X, X["size"])
    saved(shell.folder / "model", model, X)
    new = pd.DataFrame({"kind": ["a", "zebra", "b", "zebra"], "size": [1.0, 2.0, None, 3.0]})
    new.to_csv(shell.folder / "new.csv", index=False)
    options = [
        "--model",
        "model",
        "--input",
        "new.csv",
        "--output",
        "out.jsonl",
        "--trust",
        "pickle",
    ]

    failed = score(shell, *options)
    result = scored(shell, *options, "--on-error", "reject", "--max-rejects", "1")

    assert "new.csv line 3, column 'kind': the model refuses 'zebra'" in failed.error
    assert (result["rows_out"], result["rows_rejected"]) == (2, 2)
    assert pd.read_csv(shell.folder / "out.jsonl.rejects.csv")["line"].tolist() == [3, 5]


def test_missing_columns_are_named_with_the_nearest(trained: tuple[Shell, dict[str, str]]) -> None:
    shell, runs = trained
    frame = read(shell.folder / "diabetes-lassolars.csv").rename(columns={"bmi": "bim"})
    frame.to_csv(shell.folder / "typo.csv", index=False)
    failed = score(
        shell, "--run-id", runs["diabetes-lassolars"], "--input", "typo.csv", "--output", "x.csv"
    )

    assert failed.code == 3
    assert "No column 'bmi' in typo.csv" in failed.error
    assert "bim" in failed.error


def test_an_output_that_is_there_is_refused(trained: tuple[Shell, dict[str, str]]) -> None:
    shell, runs = trained
    (shell.folder / "there.csv").write_text("mine")
    options = [
        "--run-id",
        runs["iris-svc"],
        "--input",
        "iris-svc.csv",
        "--output",
        "there.csv",
        "--no-track",
    ]

    failed = score(shell, *options)
    assert failed.code == 2
    assert "there.csv already exists. Replace it with --overwrite" in failed.error
    assert (shell.folder / "there.csv").read_text() == "mine"
    assert scored(shell, *options, "--overwrite")["rows_out"] == 150


class Bomb:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (os.mkdir, (str(self.mark),))


@pytest.mark.filterwarnings("ignore")
def test_a_pickle_is_not_loaded_unless_it_is_trusted(shell: Shell) -> None:
    X = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
    saved(shell.folder / "model", LinearRegression().fit(X, X["a"]), X)
    X.to_csv(shell.folder / "x.csv", index=False)
    options = ["--model", "model", "--input", "x.csv", "--output", "o.csv", "--no-track"]
    failed = score(shell, *options)

    assert failed.code == 5
    assert "is a pickle, which can run any code when it is loaded" in failed.error
    given = next(word for word in failed.error.split() if word.startswith("sha256:"))
    assert scored(shell, *options, "--trust", given)["rows_out"] == 3
    other = "sha256:" + "0" * 64
    assert score(shell, *options, "--overwrite", "--trust", other).code == 5
    (shell.folder / ".mlproject.yaml").write_text("trust: [pickle]\n")
    assert shell.mlproject("allow").code == 0
    assert scored(shell, *options, "--overwrite")["rows_out"] == 3


@pytest.mark.filterwarnings("ignore")
def test_a_hostile_artifact_runs_nothing(shell: Shell) -> None:
    X = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
    X.to_csv(shell.folder / "x.csv", index=False)
    folder = saved(shell.folder / "model", LinearRegression().fit(X, X["a"]), X)
    mark = shell.folder / "mark"
    options = ["--model", "model", "--input", "x.csv", "--output", "o.csv", "--no-track"]
    content = yaml.safe_load((folder / "MLmodel").read_text())
    file = folder / content["flavors"]["sklearn"]["pickled_model"]

    file.write_bytes(pickle.dumps(Bomb(mark)))
    assert score(shell, *options).code == 5

    content["flavors"]["sklearn"] |= {
        "serialization_format": "skops",
        "skops_trusted_types": ["builtins.exec", "os.mkdir"],
        "code": "code",
    }
    (folder / "code").mkdir()
    (folder / "code" / "evil.py").write_text(f"import os; os.mkdir({str(mark)!r})")
    content["flavors"]["python_function"] |= {"loader_module": "evil", "code": "code"}
    (folder / "MLmodel").write_text(yaml.safe_dump(content))
    assert score(shell, *options).code == 5

    hostile = FunctionTransformer(os.mkdir, kw_args={"mode": 0})
    skops.io.dump(hostile, file)
    failed = score(shell, *options)
    assert failed.code == 5
    assert "holds types that are not known to be data: posix.mkdir" in failed.error

    # An allowed name on a node that makes something else of it.
    hostile = FunctionTransformer(functools.partial(np.log1p, 1))
    skops.io.dump(hostile, file)
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    schema = parts["schema.json"].decode()
    schema = schema.replace('"__class__": "partial"', '"__class__": "DummyRegressor"')
    schema = schema.replace('"__module__": "functools"', '"__module__": "sklearn.dummy"')
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in (parts | {"schema.json": schema.encode()}).items():
            archive.writestr(name, data)
    failed = score(shell, *options)
    assert failed.code == 5
    assert "sklearn.dummy.DummyRegressor (PartialNode)" in failed.error

    # Every type is allowed, and a method of an array would write a file when it predicts.
    stack = StackingRegressor([])
    stack.estimators_, stack.stack_method_ = [np.array([b"any bytes"])], ["tofile"]
    stack.final_estimator_ = None
    skops.io.dump(make_pipeline(stack, LinearRegression()), file)
    failed = score(shell, *options)
    assert failed.code == 5
    assert "StackingRegressor.estimators_ is not an estimator" in failed.error

    shadowed = LinearRegression().fit(X, X["a"])
    shadowed.predict = np.log1p
    skops.io.dump(shadowed, file)
    failed = score(shell, *options)
    assert failed.code == 5
    assert "LinearRegression.predict stands in the place of a method" in failed.error

    frame = LinearRegression()
    frame.coef_ = ["a list that calls itself a frame"]
    skops.io.dump(frame, file)
    with zipfile.ZipFile(file) as archive:
        schema = json.loads(archive.read("schema.json"))
    node = schema["content"]["content"]["coef_"]
    node["__module__"], node["__class__"] = "pandas.core.frame", "DataFrame"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
    failed = score(shell, *options)
    assert failed.code == 5
    assert "not known to be data: pandas.core.frame.DataFrame" in failed.error

    reader = CountVectorizer(input="filename", vocabulary=["secret"])
    skops.io.dump(make_pipeline(reader), file)
    failed = score(shell, *options)
    assert failed.code == 5
    assert "reads the files that its input names" in failed.error

    content["flavors"]["sklearn"]["pickled_model"] = "../x.csv"
    (folder / "MLmodel").write_text(yaml.safe_dump(content))
    assert "leads out of its folder" in score(shell, *options).error

    (folder / "MLmodel").write_text(f"flavors: !!python/object/apply:os.mkdir [{str(mark)!r}]")
    assert "cannot be read" in score(shell, *options).error
    assert not mark.exists()
    assert not (shell.folder / "o.csv").exists()


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "numpy.load",
        "numpy.memmap",
        "pandas.read_pickle",
        "pandas.eval",
        "builtins.eval",
        "scipy.stats._distn_infrastructure.rv_continuous",
        "numpy.testing._private.utils.runstring",
        "sklearn.datasets._base.load_files",
        "numpy.f2py.__main__.main",
        "sklearn.metrics.os",
        "sklearn.metrics.make_scorer",
        "pandas.core.frame.DataFrame",
        "pandas.core.series.SeriesApply",
        "scipy.interpolate._ndgriddata.cKDTree",
        "sklearn.feature_selection._base._get_feature_importances",
        "sklearn.feature_selection._base._safe_tags",
        "sklearn.model_selection._validation.cross_val_score",
    ],
)
def test_what_can_run_code_is_not_on_the_list(name: str) -> None:
    assert not safe_types.is_allowed(name)


@pytest.mark.parametrize(
    "name",
    [
        "numpy.dtype",
        "sklearn.tree._tree.Tree",
        "sklearn.linear_model._base.LinearRegression",
        "sklearn.feature_selection._univariate_selection.f_classif",
    ],
)
def test_what_models_are_made_of_is_on_the_list(name: str) -> None:
    assert safe_types.is_allowed(name)


def test_models_that_cannot_be_found_are_explained(
    trained: tuple[Shell, dict[str, str]], client: Callable[[str], Any]
) -> None:
    shell, runs = trained
    store = client((shell.folder / "mlruns").as_uri())
    options = ["--input", "iris-svc.csv", "--output", "none.csv"]

    unknown = score(shell, "--run-id", "0" * 32, *options)
    assert unknown.code == 4
    assert f"There is no run {'0' * 32} in file://" in unknown.error

    empty = store.create_run("0")
    assert "has no model" in score(shell, "--run-id", empty.info.run_id, *options).error
    store.delete_run(empty.info.run_id)
    deleted = score(shell, "--run-id", empty.info.run_id, *options)
    assert deleted.code == 4
    assert "was deleted. Restore it with" in deleted.error

    elsewhere = shell.python(
        "-m", "inference", "--run-id", runs["iris-svc"], *options, "--tracking", "sqlite:///o.db"
    )
    assert "add --tracking local" in elsewhere.error


def test_a_registered_model_is_found_by_version_and_alias(
    trained: tuple[Shell, dict[str, str]], client: Callable[[str], Any]
) -> None:
    shell, _ = trained
    run_id = shell.trained("iris-svc", "--register", "iris", "--tracking", "local")["run_id"]
    client((shell.folder / "mlruns").as_uri()).set_registered_model_alias("iris", "champion", "1")
    options = ["--input", "iris-svc.csv", "--no-track", "--output"]

    by_alias = scored(shell, "--model", "models:/iris@champion", *options, "a.csv")
    scored(shell, "--model", "models:/iris/1", *options, "b.csv")
    assert by_alias["run_id"] == run_id
    assert (shell.folder / "a.csv").read_bytes() == (shell.folder / "b.csv").read_bytes()
    wrong = score(shell, "--model", "models:/irsi/1", *options, "c.csv")
    assert wrong.code == 4
    assert "There is no registered model 'irsi'. Did you mean 'iris'" in wrong.error
    assert (
        "no version 9. It has 1"
        in score(shell, "--model", "models:/iris/9", *options, "c.csv").error
    )


@pytest.fixture(scope="module")
def slow_model(own_shell: Callable[[], Shell]) -> Shell:
    """A folder with a forest and an input that takes it some seconds."""
    shell = own_shell()
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(20_000, 5)), columns=list("abcde"))
    model = RandomForestRegressor(60, max_depth=8, random_state=0).fit(X[:500], X["a"][:500])
    saved(shell.folder / "model", model, X)
    pd.concat([X] * 8).to_csv(shell.folder / "in.csv", index=False)
    return shell


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_killed_run_leaves_nothing_and_is_finished_byte_for_byte(
    slow_model: Shell, ending: str
) -> None:
    shell = slow_model
    options = ["--model", "model", "--input", "in.csv", "--trust", "pickle", "--no-track"]
    options += ["--part-size", "500KB", "--output"]
    scored(shell, *options, f"whole.{ending}")
    whole = (shell.folder / f"whole.{ending}").read_bytes()
    moments = random.Random(7)  # noqa: S311 - no secret
    for number in range(5):
        output = shell.folder / f"{number}.{ending}"
        process = shell.start("-m", "inference", *options, output.name, "--tracking", "local")
        parts = moments.randint(0, 32)  # all of them, so also while the output is joined
        folder = output.with_name(f".{output.name}.scoring")
        while process.poll() is None and len(list(folder.glob("part-*.json"))) < parts:
            time.sleep(0.001)
        time.sleep(moments.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not output.exists() or output.read_bytes() == whole
        kept = 0 if output.exists() else len(list(folder.glob("part-*.json")))

        result = scored(shell, *options, output.name, "--resume")
        assert result["rows_resumed"] >= 2000 * kept
        assert output.read_bytes() == whole
        assert result["rows_out"] == 160_000
        assert not list(shell.folder.glob(f".{output.name}*"))


def test_an_old_output_beside_a_new_manifest_is_not_taken_for_finished(slow_model: Shell) -> None:
    shell = slow_model
    options = ["--model", "model", "--trust", "pickle", "--no-track", "--output", "old.csv"]
    read(shell.folder / "in.csv").head(100).to_csv(shell.folder / "few.csv", index=False)
    scored(shell, *options, "--input", "few.csv")
    (shell.folder / "old.csv").write_text("of before\n")
    failed = score(shell, *options, "--input", "few.csv", "--resume")

    assert failed.code == 2
    assert "old.csv already exists, and was made with another model or input" in failed.error
    assert (shell.folder / "old.csv").read_text() == "of before\n"


def test_an_interrupted_run_is_not_overwritten_by_accident(slow_model: Shell) -> None:
    shell = slow_model
    folder = shell.folder / ".left.csv.scoring"
    folder.mkdir()
    (folder / "plan.json").write_text("{}")
    (folder / "part-00000.json").write_bytes(b"")
    options = ["--model", "model", "--input", "in.csv", "--output", "left.csv", "--trust", "pickle"]
    failed = score(shell, *options)

    assert failed.code == 2
    assert "An interrupted run left left.csv unfinished" in failed.error
    assert folder.exists()


def test_a_server_that_is_gone_costs_a_warning_and_not_the_output(slow_model: Shell) -> None:
    shell = slow_model
    done = shell.python(
        "-m",
        "inference",
        "--model",
        "model",
        "--input",
        "in.csv",
        "--output",
        "alone.csv",
        "--trust",
        "pickle",
        "--tracking",
        "http://127.0.0.1:9",
        "--keep",
        "none",
    )

    assert done.code == 0
    assert "Warning: The output is complete, but not recorded." in done.err
    assert len(read(shell.folder / "alone.csv")) == 160_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--output", "o.csv"], "No data is given. Give --input SOURCE"),
        (["--input", "x.csv", "--output", "o.xlsx"], "--output o.xlsx has an unknown extension"),
        (["--input", "x.csv", "--output", "no/o.csv"], "there is no folder no"),
        (["--input", "x.csv", "--output", "o.csv"], "No model is given. Give --run-id ID"),
        (
            [*("--model", "m", "--input", "x.csv", "--output", "o.csv"), "--trust", "all"],
            "--trust is 'all'",
        ),
        (["--jobs", "0"], "give a number of parts, or -1 for all cores"),
    ],
)
def test_wrong_options_are_refused_in_one_line(
    shell: Shell, options: list[str], message: str
) -> None:
    failed = score(shell, *options)

    assert failed.code == 2
    assert message in failed.error


def test_the_count_of_a_label_is_named_by_the_label_alone() -> None:
    def counts(*labels: str) -> Summary:
        summary = Summary()
        summary.add(pa.table({"prediction": list(labels)}))
        return summary

    adults = counts(">50K", ">50K", "<=50K")
    assert adults.metrics() == {"predicted_gt-50K": 2, "predicted_lt-eq-50K": 1}
    assert counts("<=50K").metrics() == {"predicted_lt-eq-50K": 1}
    assert adults.shown() == {"predicted >50K": 2, "predicted <=50K": 1}
    assert counts("Nizza", "a:b").metrics() == {"predicted_Nizza": 1, "predicted_a-u3a-b": 1}
