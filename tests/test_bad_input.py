"""Each mistake gives one line, the right exit code, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from mlproject.cli.main import cli
from tests.conftest import Shell, free_port

TRAIN = {
    "name": "mine",
    "task": "regression",
    "data": {"source": "sklearn:diabetes", "target": "target"},
    "pipeline": [{"scaler": "StandardScaler"}, {"model": "LassoLars"}],
    "search": {"parameters": {"model__alpha": [0.1, 0.2]}},
    "metrics": ["rmse"],
}
ROWS = [(f"{i}", f"{i * 2 % 7}", "a" if i % 2 else "b") for i in range(40)]
GOOD = "size,rooms,kind\n" + "".join(f"{','.join(row)}\n" for row in ROWS)


def invoke(*arguments: str) -> Result:
    """Call the command line inside this process; what libraries print goes elsewhere."""
    return CliRunner().invoke(cli, ["train", *arguments])


def recipe(folder: Path, **changes: Any) -> str:
    """Write a recipe that differs from a good one, and return its name."""
    content = {**TRAIN, **changes}
    (folder / "mine.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return "mine.yaml"


def refused(result: Result, folder: Path, code: int, *texts: str) -> None:
    """Assert one line, an exit code, and no store."""
    lines = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, result.stderr
    assert result.exit_code == code, result.stderr
    for text in texts:
        assert text in lines[0]
    assert not (folder / "mlruns").exists()
    assert not (folder / "mlflow.db").exists()


DATA_MISTAKES = {
    "no such file": (None, ["--data", "godo.csv", "--target", "size"], "Did you mean 'good.csv'?"),
    "no such folder": (None, ["--data", "nothing/", "--target", "size"], "No such file or folder"),
    "nothing matches": (None, ["--data", "*.parquet", "--target", "size"], "No file matches"),
    "unknown extension": (
        "size\n1\n",
        ["--data", "bad.csv.zip", "--target", "size"],
        "unknown extension",
    ),
    "too few fields": ("a,b\n1,2\n3\n", ["--target", "a"], "line 3: Expected 2 columns, got 1"),
    "too many fields": ("a,b\n1,2\n3,4\n5,6,7\n", ["--target", "a"], "line 4: Expected 2"),
    "not UTF-8": (b"a,b\n1,x\n2,\xff\n", ["--target", "a"], "not UTF-8 text: line 3"),
    "empty": ("", ["--target", "a"], "Empty CSV file"),
    "no rows": ("a,b\n", ["--target", "a"], "has no rows"),
    "a column twice": ("a,a,b\n1,2,3\n", ["--target", "b"], "'a' more than once"),
    "unknown target": (GOOD, ["--target", "siez"], "No target 'siez'", "Did you mean 'size'?"),
    "missing target": (
        "a,b\n1,\n2,3\n3,\n4,5\n",
        ["--target", "b", "--missing-target", "fail"],
        "missing in 2 of 4 rows",
        "--missing-target drop",
    ),
    "constant target": ("a,b\n1,7\n2,7\n3,7\n", ["--target", "b"], "constant", "7"),
    "text for regression": (
        GOOD,
        ["diabetes-lassolars", "--target", "kind"],
        "'kind' holds text such as 'b'; regression needs numbers",
    ),
    "quantities for classes": (
        "a,b\n" + "".join(f"{i},{i * 0.37}\n" for i in range(50)),
        ["iris-svc", "--target", "b"],
        "classification needs classes",
    ),
    "as many classes as rows": (
        "a,b\n" + "".join(f"{i},name{i}\n" for i in range(50)),
        ["iris-svc", "--target", "b"],
        "50 classes in 50 rows",
    ),
    "fewer rows than folds": (
        "a,b\n1,2.5\n2,3.5\n3,5.1\n4,1.2\n",
        ["diabetes-lassolars", "--target", "b"],
        "3 training rows cannot make 5 folds",
    ),
    "a class smaller than the folds": (
        "a,b\n" + "".join(f"{i},{'yes' if i < 46 else 'no'}\n" for i in range(50)),
        ["iris-svc", "--target", "b"],
        "The class 'no' has 3 training rows, fewer than 5 folds",
    ),
    "folds too small for a metric": (
        "a,b\n" + "".join(f"{i},{i * 1.37}\n" for i in range(9)),
        ["--target", "b", "--folds", "5"],
        "7 training rows make 5 folds of fewer than 2 rows",
    ),
    "a class with one row": (
        "a,b\n" + "".join(f"{i},{'yes' if i else 'no'}\n" for i in range(50)),
        ["iris-svc", "--target", "b"],
        "The class 'no' has 1 row",
    ),
    "only the target": ("b\n1\n2\n", ["--target", "b"], "no column that can be a feature"),
    "an infinite feature": (
        "a,b\n1,2.5\ninf,3.5\n",
        ["diabetes-lassolars", "--target", "b"],
        "The column 'a' of",
        "infinite values, the first in row 2 of 2",
    ),
    "UTF-16": ("a,b\n".encode("utf-16"), ["--target", "a"], "has no rows"),
    "no such sample": (None, ["--data", "sklearn:irsi", "--target", "target"], "'iris'?"),
}


@pytest.mark.parametrize("mistake", DATA_MISTAKES)
def test_a_mistake_in_the_data_is_one_line_and_exit_code_3(work: Path, mistake: str) -> None:
    content, arguments, *texts = DATA_MISTAKES[mistake]
    (work / "good.csv").write_text(GOOD)
    (work / "bad.csv.zip").write_text("x")
    if content is not None:
        data = content if isinstance(content, bytes) else content.encode()
        (work / "bad.csv").write_bytes(data)
        if "--data" not in arguments:
            arguments = [*arguments, "--data", "bad.csv"]

    refused(invoke(*arguments), work, 3, *texts)


RECIPE_MISTAKES: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown key": ({"serach": {}}, "unknown key 'serach'", "Did you mean 'search'?"),
    "an unknown key inside": (
        {"search": {"fold": 3}},
        "unknown key 'search.fold'",
        "Did you mean 'folds'?",
    ),
    "a value that is empty": ({"name": ""}, "name", "at least 1"),
    "an unknown estimator": (
        {"pipeline": [{"model": "LasoLars"}]},
        "no estimator 'LasoLars'",
        "Did you mean 'LassoLars'?",
    ),
    "an unknown parameter": (
        {"pipeline": [{"model": {"LassoLars": {"alhpa": 1}}}], "search": {}},
        "LassoLars has no parameter 'alhpa'",
        "Did you mean 'alpha'?",
    ),
    "an unknown axis": (
        {"search": {"parameters": {"model__alhpa": [1, 2]}}},
        "no parameter 'model__alhpa'",
        "Did you mean 'model__alpha'?",
    ),
    "an unknown step": (
        {"search": {"parameters": {"modle__alpha": [1, 2]}}},
        "no parameter 'modle__alpha'",
        "Did you mean 'model'?",
    ),
    "a value that the estimator refuses": (
        {"search": {"parameters": {"model__alpha": [0.1, -1]}}},
        "model__alpha: The 'alpha' parameter of LassoLars must be",
        "Got -1",
    ),
    "a fixed value that the estimator refuses": (
        {"pipeline": [{"model": {"LassoLars": {"alpha": "much"}}}], "search": {}},
        "The 'alpha' parameter of LassoLars must be",
        "'much'",
    ),
    "an axis without values": (
        {"search": {"parameters": {"model__alpha": []}}},
        "'model__alpha' has no values",
        "",
    ),
    "an axis that is not a list": (
        {"search": {"parameters": {"model__alpha": 0.1}}},
        "should be a list",
        "0.1",
    ),
    "a module that is not listed": (
        {"pipeline": [{"model": "os.path.join"}]},
        "'os.path' is not listed under the recipe's 'imports'",
        "imports: [os.path]",
    ),
    "a function that is not listed": (
        {"pipeline": "mine:build"},
        "'mine' is not listed under the recipe's 'imports'",
        "mine:build",
    ),
    "a module that is not there": (
        {"pipeline": "mine:build", "imports": ["mine"]},
        "'mine' cannot be imported",
        "PYTHONPATH",
    ),
    "an unknown metric": ({"metrics": ["rsme"]}, "No metric 'rsme'", "Did you mean 'rmse'?"),
    "a metric of the other task": ({"metrics": ["accuracy"]}, "does not fit a regression", ""),
    "two steps of one name": (
        {"pipeline": [{"model": "Ridge"}, {"model": "Lasso"}]},
        "two steps named 'model'",
        "",
    ),
    "a refit that is not scored": (
        {"search": {"scoring": ["r2"], "refit": "rmse"}},
        "'refit' is 'rmse', which is not scored",
        "Known scores: r2",
    ),
    "a grouped split without its column": (
        {"split": {"kind": "group"}},
        "a split of kind 'group' needs 'group'",
        "",
    ),
    "a kind of search that is none": (
        {"search": {"kind": "gird"}},
        "search.kind cannot be 'gird'",
        "Did you mean 'grid'?",
    ),
    "a last step that does not predict": (
        {"pipeline": [{"model": "StandardScaler"}], "search": {}},
        "The last step 'model' (StandardScaler) does not predict",
        "",
    ),
    "a model in the middle": (
        {"pipeline": [{"first": "Ridge"}, {"model": "LassoLars"}]},
        "The step 'first' (Ridge) does not transform",
        "",
    ),
    "a model replaced by nothing": (
        {"search": {"parameters": {"model": ["passthrough", "Ridge"]}}},
        "The last step 'model' (passthrough) does not predict",
        "",
    ),
    "a parameter that one of several models lacks": (
        {"search": {"parameters": {"model": ["Ridge", "SVR"], "model__alpha": [1, 2]}}},
        "no parameter 'model__alpha'",
        "",
    ),
    "a step that is not an estimator": (
        {"pipeline": [{"model": "sklearn.datasets:make_regression"}], "search": {}},
        "The step 'model' is a tuple, not an estimator",
        "",
    ),
    "a step with a reserved name": (
        {"pipeline": [{"steps": "Ridge"}], "search": {}},
        "'steps' cannot be the name of a step",
        "",
    ),
    "a module that cannot be": (
        {"imports": ["..mine"]},
        "'..mine' under the recipe's 'imports' is not a module",
        "",
    ),
    "a module that ends the process": (
        {"imports": ["exits"], "pipeline": "exits:build"},
        "The module 'exits' cannot be imported: SystemExit: 9",
        "",
    ),
    "a split file without a name": ({"split": {"kind": "file", "source": ""}}, "split.source", ""),
}


@pytest.mark.parametrize("mistake", RECIPE_MISTAKES)
def test_a_mistake_in_the_recipe_is_one_line_and_exit_code_2(work: Path, mistake: str) -> None:
    changes, *texts = RECIPE_MISTAKES[mistake]
    (work / "exits.py").write_text("import sys; sys.exit(9)")

    refused(invoke(recipe(work, **changes)), work, 2, *texts)


OPTION_MISTAKES = {
    "no such recipe": (["diabetes-lasolars"], "Did you mean 'diabetes-lassolars'?"),
    "no such recipe file": (["mien.yaml"], "No recipe file mien.yaml"),
    "no data and no recipe": (["--data", "sklearn:iris"], "Give --target COLUMN"),
    "a recipe without data": (["pima-random-forest"], "Give --data SOURCE"),
    "a parameter without a value": (["--param", "model__alpha"], "NAME=VALUE"),
    "a parameter twice": (["--param", "a=1", "--param", "a=2"], "given twice"),
    "an unknown parameter": (["--param", "model__alfa=1"], "Did you mean 'model__alpha'?"),
    "a value that is refused": (["--param", "model__alpha=-1"], "must be a float"),
    "a name that cannot be registered": (["--register", "a/b"], "cannot be the name"),
    "an unknown scheme": (["--tracking", "htp://localhost"], "Did you mean 'http'?"),
    "a misspelled target": (["--tracking", "locl"], "Did you mean 'local'?"),
}


@pytest.mark.parametrize("mistake", OPTION_MISTAKES)
def test_a_mistake_in_an_option_is_one_line_and_exit_code_2(work: Path, mistake: str) -> None:
    arguments, text = OPTION_MISTAKES[mistake]

    refused(invoke(*arguments), work, 2, text)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--sead", "1"], "--seed"),
        (["--jobs", "many"], "not a valid integer"),
        (["--jobs", "0"], "-1 for all cores"),
        (["--engine", "ray"], "'ray' is not one of"),
    ],
)
def test_a_mistake_in_usage_is_one_line_and_exit_code_2(
    shell: Shell, arguments: list[str], text: str
) -> None:
    done = shell.train(*arguments, "--json")

    assert done.code == 2
    assert text in done.error
    assert done.json["exit_code"] == 2


def test_a_misspelled_estimator_is_named_where_pytest_is_not_installed(shell: Shell) -> None:
    name = recipe(shell.folder, pipeline=[{"model": "StandrdScaler"}])
    code = (
        "import sys; sys.modules['pytest'] = None; sys.argv = ['x', 'train', sys.argv[1]]\n"
        "from mlproject.cli.main import main; main()"
    )
    done = shell.python("-c", code, name)

    assert done.code == 2
    assert "Did you mean 'StandardScaler'?" in done.error


def test_dask_that_is_not_installed_is_said_before_anything_runs(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    from mlproject.base import clusters

    monkeypatch.setattr(clusters, "find_spec", lambda name: None)

    refused(invoke("--engine", "dask"), work, 2, "pip install -e '.[dask]' in the checkout")


def test_a_recipe_that_is_not_yaml_is_named_by_its_line(work: Path) -> None:
    (work / "mine.yaml").write_text("name: x\ntask: [regression\nseed: 1\n")

    refused(invoke("mine.yaml"), work, 2, "mine.yaml is not YAML: line 3")


def test_azure_ml_without_its_extra_says_which_extra(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlproject.azure import plugins

    monkeypatch.setattr(plugins, "find_spec", lambda name: None)

    refused(invoke("--tracking", "azureml"), work, 4, "pip install -e '.[azureml]'")


def test_a_server_that_is_not_there_is_given_up_within_seconds(shell: Shell) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    started = time.monotonic()
    done = shell.train("--tracking", address)

    assert done.code == 4
    assert address in done.error
    assert "Connection refused" in done.error
    assert time.monotonic() - started < 60


def test_a_password_in_an_address_is_not_printed(shell: Shell) -> None:
    address = f"http://me:s3cret@127.0.0.1:{free_port()}"
    done = shell.train("--tracking", address, "--json")

    assert done.code == 4
    assert "s3cret" not in done.out + done.err


def test_a_damaged_store_is_named_and_the_exit_code_is_4(work: Path) -> None:
    (work / "broken" / "0").mkdir(parents=True)
    (work / "broken" / "0" / "meta.yaml").write_text("{{{")
    (work / "keyless" / "0").mkdir(parents=True)
    (work / "keyless" / "0" / "meta.yaml").write_text("foo: bar")

    for name in ("broken", "keyless"):
        done = invoke("--tracking", f"./{name}")
        assert done.exit_code == 4, done.stderr
        assert f"{name} cannot be used" in done.stderr


def test_a_database_of_a_newer_mlflow_is_exit_code_4(work: Path) -> None:
    with contextlib.closing(sqlite3.connect("new.db")) as database:
        database.execute("create table alembic_version (version_num varchar)")
        database.execute("insert into alembic_version values ('from-the-future')")
        database.commit()
    done = invoke("--tracking", "sqlite:///new.db")

    assert done.exit_code == 4, done.stderr
    assert "from-the-future" in done.stderr


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("sqlite:///.", "is a folder"),
        ("sqlite:///no/where.db", "is in a folder that does not exist"),
    ],
)
def test_a_database_that_cannot_be_opened_is_refused_at_once(
    work: Path, target: str, text: str
) -> None:
    refused(invoke("--tracking", target), work, 2, text)


def test_an_experiment_that_was_deleted_is_named_with_how_to_restore_it(
    shell: Shell, client: Any
) -> None:
    uri = f"sqlite:///{shell.folder.as_posix()}/mlflow.db"
    store = client(uri)
    experiment = store.create_experiment("diabetes-lassolars", (shell.folder / "a").as_uri())
    store.delete_experiment(experiment)
    done = shell.train("--tracking", uri)

    assert done.code == 4
    assert "'diabetes-lassolars' was deleted" in done.error
    assert f"mlflow experiments restore -x {experiment}" in done.error


def test_an_unknown_command_names_the_nearest(shell: Shell) -> None:
    done = shell.mlproject("trian")

    assert done.code == 2
    assert "Did you mean 'train'?" in done.error


def test_an_unexpected_failure_is_one_line_and_exit_code_1_and_debug_shows_where(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training import preparation

    def broken(options: Any) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("training.train.prepare", broken)
    assert preparation.prepare is not broken

    refused(invoke(), work, 1, "RuntimeError: boom", "--debug")
    assert "Traceback" in invoke("--debug").stderr
