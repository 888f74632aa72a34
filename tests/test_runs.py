"""``mlproject runs``: the same of runs on every server, whatever program made them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV

import mlproject
from mlproject.base.errors import ConfigurationError
from mlproject.runs import listing
from mlproject.runs.records import RunRecord
from tests.conftest import Finished, Shell
from tests.promotions import data
from tests.workspace.conftest import URI, in_workspace
from training import metrics

RECIPE = """\
name: lasso
task: regression
seed: 1
data: {source: rows.csv, target: y, features: [x1, x2]}
split: {kind: random, test_size: 0.5}
pipeline:
  - model: Lasso
search:
  folds: 3
  parameters: {model__alpha: [0.01, 5.0]}
metrics: [rmse, r2]
"""
STEERING = "mine \x1b[2J<script>alert(1)</script>"
BY_HAND = """\
import sys
import mlflow

mlflow.set_experiment(sys.argv[1])
with mlflow.start_run(run_name=sys.argv[2]) as run:
    mlflow.log_param("depth", 3)
    mlflow.log_metrics({"val_loss": 0.25, "foo": 7.0})
try:
    with mlflow.start_run():
        raise ValueError
except ValueError:
    pass
print(run.info.run_id)
"""


@dataclass(frozen=True)
class Recorded:
    """Runs on a server: two trainings, the second worse; one by hand, and one that failed."""

    shell: Shell
    tracking: str
    experiment: str
    first: str
    second: str
    by_hand: str

    def runs(self, command: str, *arguments: str, **more: str) -> Finished:
        return self.shell.mlproject(
            "runs", command, *arguments, "--tracking", self.tracking, **more
        )

    def listed(self, *options: str) -> list[dict[str, Any]]:
        done = self.runs("list", "--experiment", self.experiment, *options, "--json")
        assert done.code == 0, done.err
        found: list[dict[str, Any]] = done.json["runs"]
        return found

    def ids(self, *options: str) -> list[str]:
        return [run["run_id"] for run in self.listed(*options)]


@pytest.fixture(scope="module", params=["local", "sqlite:///own.db", "server", "azureml"])
def recorded(request: pytest.FixtureRequest, own_shell: Callable[[], Shell]) -> Iterator[Recorded]:
    shell, tracking = own_shell(), request.param
    uri = (shell.folder / "mlruns").as_uri()
    if tracking.startswith("sqlite"):
        uri = tracking = f"sqlite:///{shell.folder.as_posix()}/own.db"
    if tracking == "server":
        uri = tracking = request.getfixturevalue("server")
    if tracking == "azureml":
        shell, uri = in_workspace(shell, request.getfixturevalue("azureml_emulator")), URI
    experiment = f"runs-{uuid.uuid4().hex[:8]}"
    data(shell.folder, rows=200)
    (shell.folder / "lasso.yaml").write_text(RECIPE)
    (shell.folder / "by_hand.py").write_text(BY_HAND)
    options = ("lasso.yaml", "--experiment", experiment, "--tracking", tracking)
    first = shell.trained(*options, "--register", experiment)["run_id"]
    data(shell.folder, rows=200, seed=9)
    second = shell.trained(*options, "--param", "model__alpha=0.5")["run_id"]
    by_hand = shell.warm(
        "by_hand.py",
        experiment,
        STEERING,
        MLFLOW_TRACKING_URI=uri,
        MLFLOW_ALLOW_FILE_STORE="true",
        MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT="true",
    )
    assert by_hand.code == 0, by_hand.err
    yield Recorded(shell, tracking, experiment, first, second, by_hand.out.split()[-1])


def test_the_newest_runs_come_first_and_children_are_not_among_them(recorded: Recorded) -> None:
    found = recorded.listed()
    failed, by_hand, second, first = found

    assert [run["run_id"] for run in found[1:]] == [
        recorded.by_hand,
        recorded.second,
        recorded.first,
    ]
    assert (first["kind"], first["recipe"], first["status"]) == ("train", "lasso", "FINISHED")
    assert first["experiment"] == second["experiment"] == recorded.experiment
    assert (by_hand["kind"], by_hand["recipe"], by_hand["name"]) == ("other", None, STEERING)
    assert failed["status"] == "FAILED"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", first["started"])
    assert first["seconds"] > 0
    assert len(recorded.listed("--most", "2")) == 2


def test_children_are_listed_by_their_parent(recorded: Recorded) -> None:
    children = recorded.listed("--children", recorded.first, "--metric", "mean_test_r2")

    assert [run["kind"] for run in children] == ["candidate", "candidate"]
    assert {run["parent"] for run in children} == {recorded.first}
    assert children[0]["metrics"]["rank_test_r2"] == 1


def test_a_metric_sorts_by_its_own_direction(recorded: Recorded) -> None:
    assert recorded.ids("--metric", "rmse") == [recorded.first, recorded.second]
    assert recorded.ids("--metric", "r2") == [recorded.first, recorded.second]
    assert recorded.ids("--metric", "rmse", "--goal", "maximize") == [
        recorded.second,
        recorded.first,
    ]
    assert recorded.ids("--metric", "val_loss") == [recorded.by_hand]
    unknown = recorded.runs("list", "--metric", "foo")
    assert unknown.code == 2
    assert "Which way 'foo' is better is not known. Give --goal maximize" in unknown.error


def test_filters_are_those_of_a_training_and_of_mlflow(recorded: Recorded) -> None:
    both = [recorded.second, recorded.first]

    assert recorded.ids("--recipe", "lasso") == recorded.ids("--kind", "train") == both
    assert recorded.by_hand in recorded.ids("--kind", "other", "--status", "finished")
    assert len(recorded.ids("--status", "failed")) == 1
    assert recorded.ids("--filter", "params.depth = '3'") == [recorded.by_hand]
    assert recorded.ids("--filter", "params.depth = '3'", "--recipe", "lasso") == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("list", "--filter", "rmse is small"), 2, "does not take the filter rmse is small"),
        (("list", "--experiment", "no-such-experiment"), 4, "There is no experiment 'no-such-"),
        (("show", "0" * 32), 4, f"There is no run {'0' * 32}"),
    ],
)
def test_what_a_server_has_not_is_told_in_one_line(
    recorded: Recorded, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = recorded.runs(*arguments)

    assert (done.code, done.out) == (code, "")
    assert said in done.error


def test_what_cannot_be_compared_or_sorted_is_told_in_one_line(shell: Shell) -> None:
    made = shell.warm("-c", BY_HAND, "mine", "one", MLFLOW_ALLOW_FILE_STORE="true")
    for arguments, code, said in (
        (("list", "--metric", "val_los", "--goal", "minimize"), 2, "Did you mean 'val_loss'?"),
        (("list", "--children", "0" * 32), 4, f"There is no run {'0' * 32}"),
        (("compare", "0" * 32, "1" * 32), 4, f"There is no run {'0' * 32}"),
        (("compare", "0" * 32), 2, "Give two different runs"),
        (("compare", "a", "a", "b"), 2, "The run a is named twice. Give two different runs"),
        (("compare", "a", "b", "--html", ""), 2, "--html needs the name of a file"),
        (("list", "--children", "a", "--kind", "train"), 2, "--kind does not go with --children"),
        (("list", "--goal", "minimize"), 2, "--goal is for --metric. Give --metric"),
        (("list", "--recipe", 'it\'s "mine"'), 2, 'both kinds of quotes: it\'s "mine"'),
        (
            ("compare", "a", "b", "--html", "no/such/folder.html"),
            2,
            "is in a folder that does not exist",
        ),
    ):
        done = shell.mlproject("runs", *arguments)
        assert made.code == 0, made.err
        assert (done.code, done.out) == (code, ""), done.err
        assert said in done.error


def test_a_run_is_shown_with_all_that_it_says(recorded: Recorded) -> None:
    done = recorded.runs("show", recorded.first)
    found = recorded.runs("show", recorded.first, "--json").json

    assert done.code == 0, done.err
    for line in (
        r"recipe +lasso",
        r"data \(train\) +200 rows of .*rows.csv \([0-9a-f]{12}\)",
        r"split +kind random, test_size 0.5",
        r"rmse +[\d.]+ \(95 %: [\d.]+ to [\d.]+\)",
        r"model__alpha +0.01",
        r"code +mlproject \d",
        r"environment +python 3\.\d+\.\d+, scikit-learn \d.* in all",
        rf"model +runs:/{recorded.first}/best_estimator \(skops\)",
        rf"registered +{recorded.experiment} version 1",
        r"artifacts .*cv_results.csv, environment.txt",
    ):
        assert re.search(rf"^{line}", done.out, re.MULTILINE), (line, done.out)
    assert f"Next: mlproject score --model runs:/{recorded.first}/best_estimator" in done.out
    assert ("Studio: https://ml.azure.com/runs/" in done.out) == (recorded.tracking == "azureml")
    assert found["data"][0]["rows"] == 200
    assert len(found["data"][0]["sha256"]) == 64
    assert found["registered"][0]["version"] == "1"
    assert "Next: mlproject models register" in recorded.runs("show", recorded.second).out


def test_a_run_by_hand_is_shown_and_does_not_steer_the_terminal(recorded: Recorded) -> None:
    for arguments in (("show", recorded.by_hand), ("list", "--experiment", recorded.experiment)):
        done = recorded.runs(*arguments)

        assert done.code == 0, done.err
        assert "\x1b" not in done.out + done.err
        assert r"mine \x1b[2J<script>" in done.out
    shown = recorded.runs("show", recorded.by_hand, "--json").json
    assert shown["parameters"] == {"depth": "3"}
    assert shown["run"]["metrics"] == {"foo": 7.0, "val_loss": 0.25}
    assert (shown["models"], shown["packages"], shown["data"]) == ([], None, [])


def test_a_comparison_has_what_differs(recorded: Recorded) -> None:
    found = recorded.runs("compare", recorded.first, recorded.second, "--json").json
    sections = {
        name: {row["name"]: row for row in rows if row["differs"]}
        for name, rows in found["sections"].items()
    }

    assert sections["parameters"]["model__alpha"]["values"] == ["0.01", "0.5"]
    assert {"train: sha256"} == sections["data"].keys()
    assert sections["environment"] == sections["split"] == sections["code"] == {}
    rmse, r2 = sections["metrics"]["rmse"], sections["metrics"]["r2"]
    assert rmse["difference"] == pytest.approx(rmse["values"][1] - rmse["values"][0])
    assert (rmse["difference"] > 0, r2["difference"] < 0) == (True, True)
    assert rmse["best"] == r2["best"] == [0]
    assert sections["metrics"]["dummy_rmse"]["best"] is None

    shown = recorded.runs("compare", recorded.first, recorded.second).out
    assert re.search(r"^rmse +[\d.]+ +[\d.]+ +\+[\d.]+ +A$", shown, re.MULTILINE)
    assert re.search(r"^model__alpha +0.01 +0.5$", shown, re.MULTILINE)
    assert "metrics may come from different rows" in shown
    assert "model__max_iter" not in shown
    everything = recorded.runs("compare", recorded.first, recorded.second, "--all").out
    assert "model__max_iter" in everything
    assert "scikit-learn" in everything


def test_a_comparison_is_a_page_that_hostile_names_do_not_change(recorded: Recorded) -> None:
    three = (recorded.first, recorded.second, recorded.by_hand)
    done = recorded.runs("compare", *three, "--html", "page.html")
    page = (recorded.shell.folder / "page.html").read_text(encoding="utf-8")

    assert done.code == 0, done.err
    assert "\x1b" not in done.out + page
    assert "<script>alert" not in page
    assert r"mine \x1b[2J&lt;script&gt;" in page
    assert not re.findall(r'(?:src|href)="(?!#|data:)', page)
    for run in three:
        assert run in page
    assert "model__alpha" in page
    assert "model__max_iter" in page  # which the run by hand has not
    assert "depth" in page


MANY_SIDES = """\
import mlflow
import pandas as pd

mlflow.set_experiment("mine")
rows = mlflow.data.from_pandas(pd.DataFrame({"a": [1, 2]}), source="https://me:s3cret@host/a.csv?sig=b")
with mlflow.start_run() as run:
    mlflow.log_input(rows, context="training")
    mlflow.log_metric("nothing", float("nan"))
    mlflow.set_tags({"mlproject.data.rows_left_out": "some", "mlproject.recipe": "theirs"})
    mlflow.log_text(": [no YAML", "recipe.yaml")
    mlflow.log_text("\\0", "environment.txt")
client = mlflow.MlflowClient()
deleted = client.create_run(run.info.experiment_id)
client.delete_run(deleted.info.run_id)
print(run.info.run_id, deleted.info.run_id)
"""


def test_files_and_tags_of_another_program_are_no_obstacle(shell: Shell) -> None:
    made = shell.warm("-c", MANY_SIDES)
    run_id, deleted = made.out.split()[-2:]
    done = shell.mlproject("runs", "show", run_id)

    assert re.search(r"^data \(training\) +2 rows of https://host/a.csv \(\w+\)$", done.out, re.M)
    assert "s3cret" not in done.out
    assert "sig=" not in done.out
    shown = shell.mlproject("runs", "show", run_id, "--json").json
    assert (shown["packages"], shown["split"], shown["run"]["metrics"]) == (None, {}, {})
    assert "deleted since" in shell.mlproject("runs", "show", deleted).out
    assert [run["run_id"] for run in shell.mlproject("runs", "list", "--json").json["runs"]] == [
        run_id
    ]


def test_a_list_goes_on_to_pages_that_follow(
    work: Path, client: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = client(f"sqlite:///{work}/own.db")
    number = store.create_experiment("many")
    parents = [store.create_run(number).info.run_id for _ in range(3)]
    for _ in range(5):
        store.create_run(number, tags={"mlflow.parentRunId": parents[0]})
    monkeypatch.setattr("mlproject.runs.listing._PAGE", 2)
    found = mlproject.list_runs("many", most=3, tracking="sqlite:///own.db")

    assert {run.run_id for run in found} == {*parents}


def test_packages_that_differ_are_told_and_others_are_not(shell: Shell) -> None:
    data(shell.folder, rows=200)
    (shell.folder / "lasso.yaml").write_text(RECIPE)
    ids = [shell.trained("lasso.yaml")["run_id"] for _ in range(2)]
    (recorded,) = (shell.folder / "mlruns").glob(f"*/{ids[1]}/artifacts/environment.txt")
    text = re.sub(r"(?m)^numpy==.*$", "numpy==1.0", recorded.read_text())
    recorded.write_text(text + "of-one-run==2.0\n")
    done = shell.mlproject("runs", "compare", *ids)

    packages = done.out.partition("Packages\n")[2]
    assert re.search(r"^numpy +\d\S+ +1.0\n^of-one-run +- +2.0$", packages, re.M), done.out
    assert "scikit-learn" not in done.out


@pytest.mark.parametrize(
    ("split", "shown"),
    [
        ("", "kind random, test_size 0.2"),
        ("split: {kind: time, time: x1}\n", "kind time, test_size 0.2, time x1"),
    ],
)
def test_a_split_is_shown_with_what_the_recipe_leaves_to_the_defaults(
    shell: Shell, split: str, shown: str
) -> None:
    data(shell.folder, rows=200)
    recipe = RECIPE.replace("split: {kind: random, test_size: 0.5}\n", split)
    (shell.folder / "lasso.yaml").write_text(recipe)
    run_id = shell.trained("lasso.yaml", "--no-report")["run_id"]
    done = shell.mlproject("runs", "show", run_id)

    assert re.search(rf"^split +{shown}$", done.out, re.MULTILINE), done.out


def test_runs_that_are_the_same_do_not_differ(shell: Shell) -> None:
    data(shell.folder, rows=200)
    (shell.folder / "lasso.yaml").write_text(RECIPE)
    ids = [shell.trained("lasso.yaml")["run_id"] for _ in range(2)]
    done = shell.mlproject("runs", "compare", *ids)

    assert done.out.endswith("There are no differences\n"), done.out


def test_python_lists_shows_and_compares_as_the_commands_do(work: Path) -> None:
    data(work, rows=200)
    (work / "lasso.yaml").write_text(RECIPE)
    for alpha in (0.1, 1):
        mlproject.train(
            "lasso.yaml", params={"model__alpha": alpha}, report=False, tracking="local"
        )
    runs = mlproject.list_runs("lasso", metric="rmse")
    details = mlproject.show_run(runs[0].run_id)
    comparison = mlproject.compare_runs([run.run_id for run in runs])

    assert [run.metrics["rmse"] for run in runs] == sorted(run.metrics["rmse"] for run in runs)
    assert details.parameters["model__alpha"] == "0.1"
    assert [row.values for row in comparison.shown(everything=False)["parameters"]][-2:]
    with pytest.raises(ConfigurationError, match="'kind'"):
        mlproject.list_runs(kind="training")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("rmse cv_rmse cv_rmse_std training_log_loss val_loss test_mae val/rmse", "minimize"),
        ("rmse_low dummy_cv_rmse rank_test_score mean_fit_time max_error", "minimize"),
        ("mean_squared_error brier training_root_mean_squared_error", "minimize"),
        ("accuracy r2_high cv_f1_macro best_cv_score mean_test_score roc_auc_ovr", "maximize"),
        ("mean_test_neg_root_mean_squared_error over_dummy val_auc training_score", "maximize"),
        ("foo seconds rows_in", None),
    ],
)
def test_which_way_a_metric_is_better_follows_from_its_name(
    names: str, expected: str | None
) -> None:
    assert {name: metrics.goal(name) for name in names.split()} == dict.fromkeys(
        names.split(), expected
    )


def test_a_status_is_taken_in_either_case_and_no_runs_are_one_line(shell: Shell) -> None:
    shell.warm("-c", BY_HAND, "mine", "one", MLFLOW_ALLOW_FILE_STORE="true")
    finished = shell.mlproject("runs", "list", "--status", "FINISHED", "--json")
    killed = shell.mlproject("runs", "list", "--status", "Killed")

    assert [run["name"] for run in finished.json["runs"]] == ["one"]
    assert (killed.code, killed.out) == (0, "No runs\n")


def test_the_score_of_a_candidate_is_suggested_before_its_deviation() -> None:
    name = "neg_root_mean_squared_error"
    record = _record(**{f"{kind}_test_{name}": 1.0 for kind in ("mean", "rank", "std")})

    assert listing._instead(name, [record]) == f"Did you mean 'mean_test_{name}'?"


def _record(**measured: float) -> RunRecord:
    return RunRecord("0", "", "", "other", None, "FINISHED", "", 1.0, "", None, measured)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("mean_fit_time mean_test_score rank_test_score split0_test_score", "mean_test_score"),
        ("epoch_time std_test_score system/cpu_utilization_percentage", None),
        ("foo train_loss val_loss", "val_loss"),
        ("duration_seconds foo", "foo"),
        ("accuracy cv_rmse mean_fit_time", "cv_rmse"),
    ],
)
def test_the_result_of_a_run_is_a_score_and_never_a_time(names: str, expected: str | None) -> None:
    assert _record(**dict.fromkeys(names.split(), 1.0)).telling == expected


@pytest.mark.parametrize("scoring", ["[rmse, r2]", "[r2, rmse]", "[rmse]"])
def test_candidates_show_the_score_they_were_compared_by_in_order_of_their_numbers(
    shell: Shell, client: Callable[[str], Any], scoring: str
) -> None:
    data(shell.folder, rows=200)
    recipe = RECIPE.replace("metrics: [rmse, r2]", f"metrics: {scoring}")
    (shell.folder / "lasso.yaml").write_text(recipe.replace("[0.01, 5.0]", "[5.0, 2.0, 1.0, 0.01]"))
    parent = shell.trained("lasso.yaml", "--no-report")["run_id"]
    done = shell.mlproject("runs", "list", "--children", parent)
    children = shell.mlproject("runs", "list", "--children", parent, "--json").json["runs"]

    names = {"[rmse]": "score", "[r2, rmse]": "r2"}
    score = f"mean_test_{names.get(scoring, 'neg_root_mean_squared_error')}"
    assert done.out.count(f"{score} ") == len(children) == 4
    values = [run["metrics"][score] for run in children]
    assert values == sorted(values)  # the less a lasso shrinks, the better, and so its number


def test_looking_for_runs_makes_no_store(shell: Shell) -> None:
    for words in (("list",), ("show", "x"), ("compare", "x", "y"), ("best", "x")):
        for where in ((), ("--tracking", "./typo"), ("--tracking", "sqlite:///typo.db")):
            done = shell.mlproject("runs", *words, *where)
            assert done.code == 2, done.err
            assert "There are no runs to show" in done.error
    assert list(shell.folder.iterdir()) == []


def test_the_best_candidate_of_a_bare_estimator_is_shown_with_its_parameter(work: Path) -> None:
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    result = mlproject.fit(GridSearchCV(Ridge(), {"alpha": [0.1, 1.0, 10.0]}), X, y, report=False)

    assert mlproject.best_run(result.run_id).parameters == {"alpha": "0.1"}


def test_metrics_of_different_tasks_are_not_compared(shell: Shell) -> None:
    ids = [shell.trained(name)["run_id"] for name in ("diabetes-lassolars", "iris-svc")]
    done = shell.mlproject("runs", "compare", *ids, "--json")
    assert done.code == 0, done.err
    metrics = done.json["sections"]["metrics"]
    assert all(row["difference"] is None and row["best"] is None for row in metrics)
    shown = shell.mlproject("runs", "compare", *ids)
    assert "The runs have different tasks, so their metrics cannot be compared." in shown.out


def test_a_page_replaces_nothing_but_a_page(shell: Shell) -> None:
    ids = [shell.trained("--param", f"model__alpha={a}")["run_id"] for a in (0.1, 0.2)]
    (shell.folder / "rows.csv").write_text("a\n1\n")
    (shell.folder / "link.html").symlink_to("rows.csv")
    for name, why in (("rows.csv", "is not a page's"), ("link.html", "is a link or a device")):
        done = shell.mlproject("runs", "compare", *ids, "--html", name)
        assert done.code == 2
        assert why in done.error
    assert (shell.folder / "rows.csv").read_text() == "a\n1\n"
    for _ in range(2):
        assert shell.mlproject("runs", "compare", *ids, "--html", "page.html").code == 0
