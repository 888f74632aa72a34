"""What the gate judges on: rows that no model has seen, as many as tell, and how they depend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

import mlproject
from mlproject.base.console import Reporter
from mlproject.base.errors import (
    ConfigurationError,
    DataError,
    GateError,
    MlprojectError,
    TrackingError,
)
from mlproject.data import row_hashes
from mlproject.gate import entry
from mlproject.gate.request import CompareRequest, RowsRequest

RECIPE = """\
name: m
task: regression
seed: {seed}
data: {{source: {source}, target: y, features: [{features}]}}
split: {split}
pipeline:
  - model: {model}
search: {{kind: none}}
metrics: [rmse]
"""
BETTER, WORSE = Ridge(alpha=1e-6), Ridge(alpha=1000)


def rows(count: int = 400, seed: int = 0, *, groups: int = 40) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.normal(size=(count, 3)), columns=["a", "b", "c"])
    frame["site"] = [f"s{number}" for number in random.integers(0, groups, count)]
    frame["day"] = np.arange(count)
    frame["y"] = frame["a"] + 2 * frame["b"] + random.normal(size=count)
    return frame


@pytest.fixture
def here(work: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    rows().to_csv(work / "rows.csv", index=False)
    rows(seed=1).to_csv(work / "new.csv", index=False)
    return work


def trained(
    folder: Path,
    model: str = "{Ridge: {alpha: 0.000001}}",
    *,
    split: str = "{kind: random, test_size: 0.5}",
    seed: int = 1,
    features: str = "a, b, c",
    more: str = "",
) -> Any:
    """Train a recipe on the rows, and register it as the next version."""
    recipe = RECIPE.format(
        source=folder / "rows.csv", model=model, split=split, seed=seed, features=features
    )
    (folder / "r.yaml").write_text(recipe + more)
    return mlproject.train(folder / "r.yaml", register="m", report=False, progress=False)


def fitted(estimator: Any, frame: pd.DataFrame, target: str = "y") -> Any:
    """Fit an estimator without a recipe on some rows, and register it as the next version."""
    half = len(frame) // 2
    X, y = frame[["a", "b", "c"]], frame[target]
    return mlproject.fit(
        estimator, X[:half], y[:half], X_test=X[half:], y_test=y[half:], register="m", name="fit"
    )


def promoted(**options: Any) -> mlproject.PromotionResult:
    return mlproject.promote("m", **{"trust": "pickle", "time_factor": 1000.0, **options})


def told(result: mlproject.PromotionResult | GateError, name: str) -> str:
    verdict: Any = result.result if isinstance(result, GateError) else result.verdict
    (check,) = [check for check in verdict.checks if check.name == name]
    return f"{'passed' if check.passed else 'failed'}: {check.what}"


def refused(match: str | None = None, **options: Any) -> GateError:
    with pytest.raises(GateError, match=match) as caught:
        promoted(**options)
    return caught.value


def compared(**request: Any) -> Any:
    _, comparison = entry.compare(CompareRequest(**request), Reporter(quiet=True))
    return comparison


def test_groups_of_the_split_are_drawn_together(here: Path) -> None:
    trained(here, "{Ridge: {alpha: 1000}}", split="{kind: group, group: site, test_size: 0.5}")
    promoted()
    trained(here, split="{kind: group, group: site, test_size: 0.5}")

    result = promoted()

    assert "passed: 20 groups of" in told(result, "rows")
    assert result.verdict is not None
    assert result.verdict.details["interval"]["drawn"] == "groups"


def test_fewer_than_ten_groups_cannot_tell_unless_somebody_says_why(here: Path) -> None:
    rows(seed=1, groups=9).to_csv(here / "new.csv", index=False)
    trained(here, "{Ridge: {alpha: 1000}}")
    promoted()
    trained(here)
    options = {"data": "new.csv", "group_by": "site"}

    error = refused("9 groups of 400 rows cannot tell; at least 10 groups", **options)
    result = promoted(**options, override="there are nine sites")

    assert "improvement" not in error.what
    assert "overridden: there are nine sites" in told(result, "rows")
    with pytest.raises(DataError, match="No column 'sit' to group by .* Did you mean 'site'"):
        promoted(version=1, data="new.csv", group_by="sit")


def test_rows_in_time_are_drawn_in_blocks(here: Path) -> None:
    trained(here, "{Ridge: {alpha: 1000}}", split="{kind: time, time: day, test_size: 0.5}")
    promoted()
    trained(here, split="{kind: time, time: day, test_size: 0.5}")

    result = promoted()

    assert "blocks of 200 rows" in told(result, "rows")


def test_a_champion_that_was_trained_on_the_rows_is_not_asked_about_them(here: Path) -> None:
    rows(2000).to_csv(here / "rows.csv", index=False)
    forest = "{RandomForestRegressor: {n_estimators: 20, random_state: 0}}"
    trained(here, forest, seed=2)  # another half of the same file
    promoted()
    trained(here)

    result = promoted()

    assert result.verdict is not None
    challenger, champion = result.verdict.details["seen"]
    assert challenger["rows"] == 0
    assert 400 < champion["rows"] < 600
    assert result.verdict.details["size"]["rows"] == 1000 - champion["rows"]
    assert f"the champion was trained on {champion['rows']} rows, which are left out" in told(
        result, "unseen"
    )


def test_rows_that_were_rounded_reordered_and_are_mixed_with_new_ones_are_known(here: Path) -> None:
    trained(here, "{Ridge: {alpha: 1000}}")
    promoted()
    trained(here)
    old = rows().round(6).sample(frac=1, random_state=0)[["y", "c", "b", "a", "site"]]
    pd.concat([old, rows(100, seed=1)]).to_csv(here / "mixed.csv", index=False)

    result = promoted(data="mixed.csv")

    assert result.verdict is not None
    assert [item["rows"] for item in result.verdict.details["seen"]] == [200, 200]
    assert result.verdict.details["size"]["rows"] == 300


def test_rows_under_other_names_are_known() -> None:
    frame = rows()
    hashes = row_hashes.of_rows(frame[["a", "b", "c"]].to_numpy(), frame["y"])
    assert hashes is not None
    again = row_hashes.RowHashes.from_bytes(hashes.to_bytes(), "file")

    renamed = frame[["c", "a", "b"]].rename(columns=str.upper)
    known, _ = again.known(renamed, frame["y"])
    strange, _ = again.known(rows(seed=1)[["a", "b", "c"]], rows(seed=1)["y"])

    assert known.all()
    assert not strange.any()
    assert len(again.to_bytes()) < 4000
    with pytest.raises(DataError, match="file is not a file of row hashes"):
        row_hashes.RowHashes.from_bytes(b"PK nonsense", "file")


def test_many_rows_are_told_by_a_part_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_hashes, "MOST_KEPT", 100)
    frame = rows()
    hashes = row_hashes.of_rows(frame[["a", "b", "c"]], frame["y"])
    assert hashes is not None

    known, told = hashes.known(frame[["a", "b", "c"]], frame["y"])

    assert 60 < len(hashes.hashes) < 140
    assert (known == told).all()


def test_rows_of_few_values_are_not_taken_for_seen_by_chance() -> None:
    random = np.random.default_rng(0)
    X = pd.DataFrame({"kind": random.choice(["x", "y"], 500), "size": random.integers(0, 4, 500)})
    hashes = row_hashes.of_rows(X, random.integers(0, 2, 500))

    assert hashes is not None
    assert hashes.chance > 0.99


def test_other_rows_need_no_training_data(here: Path) -> None:
    trained(here, "{Ridge: {alpha: 1000}}")
    promoted()
    trained(here)
    (here / "rows.csv").unlink()

    with pytest.raises(DataError, match=r"rows\.csv"):
        promoted()
    assert promoted(data="new.csv").after == 2


def test_models_without_a_recipe_are_judged_by_the_rows_and_target_that_are_given(
    here: Path,
) -> None:
    import mlflow
    from mlflow.models import infer_signature

    frame = rows()
    fitted(Ridge(alpha=1000), frame)
    mlflow.set_tracking_uri((here / "mlruns").as_uri())
    with mlflow.start_run():
        X = frame[["a", "b", "c"]]
        model = LinearRegression().fit(X, frame["y"])
        signature = infer_signature(X, model.predict(X))
        mlflow.sklearn.log_model(
            model, name="other", signature=signature, registered_model_name="m",
            pip_requirements=["scikit-learn"],
        )  # fmt: skip

    with pytest.raises(ConfigurationError, match="no recipe .* --data SOURCE --target COLUMN"):
        promoted(version=1)
    with pytest.raises(ConfigurationError, match="Name its target: --target COLUMN"):
        promoted(version=1, data="new.csv")
    promoted(version=1, data="new.csv", target="y")
    result = promoted(data="new.csv", target="y")

    assert (result.before, result.after) == (1, 2)
    assert "it is not known what the challenger was trained on" in told(result, "unseen")
    assert "the champion was trained on none of the rows" in told(result, "unseen")


def test_classes_that_are_called_otherwise_are_refused(here: Path) -> None:
    frame = rows()
    frame["y"] = (frame["y"] > 0).astype(int)
    frame.to_csv(here / "new.csv", index=False)
    model = LogisticRegression()
    frame["old"] = frame["y"].map({0: "no", 1: "yes"})
    fitted(model, rows(seed=5).assign(old=lambda f: np.where(f["y"] > 0, "yes", "no")), "old")
    fitted(model, rows(seed=6).assign(y=lambda f: (f["y"] > 0).astype(int)))
    promoted(version=1, data="new.csv", target="y", metric="accuracy")

    error = refused(data="new.csv", target="y", metric="accuracy", version=2)

    assert "it knows classes that the champion does not: 0, 1" in told(error, "signature")
    assert "it does not know the champion's classes 'no', 'yes'" in told(error, "signature")


def test_each_attempt_on_the_same_rows_is_judged_by_a_wider_interval(here: Path) -> None:
    trained(here, "{Ridge: {alpha: 0.000001}}")
    promoted()
    for alpha in (0.1, 0.2):
        trained(here, f"{{Ridge: {{alpha: {alpha}}}}}", features="a, b")

    first, second = refused(version=2), refused(version=3)
    on_new = refused(version=3, data="new.csv", fresh_data=True)

    assert "95 % interval" in told(first, "improvement")
    assert "98.75 % interval" in told(second, "improvement")
    assert "attempt 2 on these rows" in told(second, "improvement")
    assert "95 % interval" in told(on_new, "improvement")
    refused("2 earlier attempts were judged on some of the same rows", version=3, fresh_data=True)


def test_few_rows_cannot_tell(here: Path) -> None:
    trained(here, "{Ridge: {alpha: 1000}}")
    promoted()
    trained(here)
    rows(20, seed=1).to_csv(here / "few.csv", index=False)

    refused("20 rows cannot tell; at least 30 are needed", data="few.csv")
    assert promoted(data="few.csv", override="more come in May", dry_run=True).after == 2


def test_a_model_that_is_as_good_is_promoted_where_that_was_asked(here: Path) -> None:
    trained(here)
    promoted()
    trained(here, "{Ridge: {alpha: 2}}")

    plain = refused(dry_run=True)
    as_good = promoted(equivalence=0.2, dry_run=True)

    assert "not above 0" in told(plain, "improvement")
    assert "asked: whether it is not worse by 0.2" in told(as_good, "improvement")


def test_a_dry_run_records_and_moves_nothing(here: Path) -> None:
    trained(here)

    result = promoted(dry_run=True)

    assert (result.after, result.record) == (1, None)
    assert promoted().record is not None
    assert promoted().verdict is None  # it is the champion now


def test_options_may_be_stricter_than_the_recipe_and_looser_for_a_reason(here: Path) -> None:
    trained(here, more="promotion: {floor: 5, min_rows: 100}\n")

    with pytest.raises(ConfigurationError, match="is stricter than --floor, --min-rows"):
        promoted(floor=9.0, min_rows=10)
    assert promoted(floor=4.0, min_rows=150, dry_run=True).after == 1
    assert promoted(floor=9.0, override="the sensor is new", dry_run=True).after == 1


def test_a_reserved_alias_is_refused_before_anything_is_compared(here: Path) -> None:
    trained(here)
    (here / "rows.csv").unlink()

    for alias in ("latest", "v1", "a b/c"):
        with pytest.raises(ConfigurationError, match=f"'{alias}' cannot be an alias"):
            promoted(to=alias)


@pytest.mark.parametrize("store", ["", "sqlite:///models.db"])
def test_deleting_a_run_of_the_record_stops_nothing(here: Path, store: str) -> None:
    from mlflow import MlflowClient

    uri = store or (here / "mlruns").as_uri()
    client = MlflowClient(uri, uri)
    frame = rows()
    for alpha in (1000, 100, 1e-6):
        half = len(frame) // 2
        X, y = frame[["a", "b", "c"]], frame["y"]
        mlproject.fit(
            Ridge(alpha=alpha), X[:half], y[:half], X_test=X[half:], y_test=y[half:],
            register="m", tracking=uri,
        )  # fmt: skip
    options = {"data": "new.csv", "target": "y", "tracking": uri}
    first = promoted(version=1, **options)
    assert first.record is not None
    client.delete_run(first.record)
    second = promoted(version=2, **options)
    assert second.record is not None
    client.delete_run(second.record)
    origin = next(
        run
        for run in client.search_runs([client.get_run(second.record).info.experiment_id])
        if run.data.tags["mlproject.registry.action"] == "origin"
    )
    client.delete_run(origin.info.run_id)

    third = promoted(version=3, **options)

    assert (third.before, third.after) == (2, 3)


def test_a_move_whose_answer_was_lost_is_recorded_as_made(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    from mlproject.registry import ledger

    trained(here)
    moved = MlflowClient.set_registered_model_alias
    broken: list[BaseException] = [MlflowException("the answer was lost"), KeyboardInterrupt()]

    def lost(self: Any, *arguments: Any) -> None:
        moved(self, *arguments)
        raise broken.pop(0)

    monkeypatch.setattr(MlflowClient, "set_registered_model_alias", lost)
    assert promoted().after == 1
    with pytest.raises(KeyboardInterrupt):
        promoted(to="other")

    client = MlflowClient((here / "mlruns").as_uri(), (here / "mlruns").as_uri())
    entries = ledger.entries(client, "m")
    assert [(entry.alias, entry.done) for entry in entries] == [
        ("champion", True),
        ("other", True),
    ]


def test_a_move_that_was_not_made_is_recorded_as_not_made(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    from mlproject.registry import ledger

    trained(here)

    def refuse(*_: Any) -> None:
        raise MlflowException("no")

    monkeypatch.setattr(MlflowClient, "set_registered_model_alias", refuse)
    with pytest.raises(TrackingError, match="was not moved"):
        promoted()

    client = MlflowClient((here / "mlruns").as_uri(), (here / "mlruns").as_uri())
    (entry,) = ledger.entries(client, "m")
    assert not entry.done
    assert client.get_run(entry.run_id).info.status == "FAILED"


def test_a_version_that_others_made_of_another_model_is_not_taken_for_ours(here: Path) -> None:
    import mlflow

    from mlproject.registry import versions

    mlflow.set_tracking_uri((here / "mlruns").as_uri())
    X, y = np.eye(3), [1.0, 2.0, 3.0]
    with mlflow.start_run() as run:
        for name in ("one", "two"):
            mlflow.sklearn.log_model(
                LinearRegression().fit(X, y), name=name, pip_requirements=["scikit-learn"]
            )
    mlflow.register_model(f"runs:/{run.info.run_id}/one", "both")

    client = mlflow.MlflowClient()
    again = versions.register(client, run.info.run_id, "one", "both")
    other = versions.register(client, run.info.run_id, "two", "both")

    assert (again.number, other.number) == (1, 2)


def test_any_two_models_can_be_compared(here: Path) -> None:
    worse = trained(here, "{Ridge: {alpha: 1000}}")
    better = trained(here)
    models = (f"runs:/{worse.run_id}", "models:/m/2")

    comparison = compared(models=models, rows=RowsRequest("new.csv"))

    assert comparison.interval.low > 0
    assert better.metrics["rmse"] < worse.metrics["rmse"]
    for wrong in (("m",), ("m", "n", "o")):
        with pytest.raises(MlprojectError, match="two are compared"):
            compared(models=wrong)


def test_a_forest_that_was_trained_on_all_is_no_better_on_new_rows(here: Path) -> None:
    trained(here)
    promoted()
    forest = RandomForestRegressor(20, random_state=0)
    X, y = rows()[["a", "b", "c"]], rows()["y"]
    mlproject.fit(
        forest, X, y, X_test=rows(seed=3)[["a", "b", "c"]], y_test=rows(seed=3)["y"], register="m"
    )
    rows().round(4).to_csv(here / "rounded.csv", index=False)

    refused("No row is left of 400 rows", data="rounded.csv", target="y")


def test_labels_that_arrive_later_are_evidence(here: Path) -> None:
    worse, better = trained(here, "{Ridge: {alpha: 1000}}"), trained(here)
    scored = rows(500, seed=4).assign(id=lambda f: [f"r{n}" for n in range(len(f))])
    scored[["id", "y"]].sample(300, random_state=0).to_csv(here / "labels.csv", index=False)
    scored.drop(columns="y").to_csv(here / "rows.csv", index=False)
    for run, name in ((worse, "old.csv"), (better, "new.parquet")):
        mlproject.score(
            run.model_uri, input=here / "rows.csv", output=here / name, keep=["id", "site"]
        )
    later: dict[str, Any] = {"labels": "labels.csv", "key": "id"}

    answered = compared(predictions=["old.csv", "new.parquet"], rows=RowsRequest(**later))
    again = compared(
        models=[worse.model_uri, better.model_uri], rows=RowsRequest("rows.csv", **later)
    )
    by_site = compared(
        predictions=["old.csv", "new.parquet"],
        rows=RowsRequest(**later),
        rules={"group_by": "site", "metric": "mae"},
    )
    promoted(version=1, data="rows.csv", **later)
    result = promoted(data="rows.csv", **later)

    for comparison in (answered, again, by_site):
        assert comparison.interval.low > 0
        assert comparison.interval.rows == 300
    assert answered.interval.improvement == pytest.approx(again.interval.improvement)
    assert by_site.interval.drawn == "groups"
    assert "300 rows" in told(result, "rows")


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"predictions": ["a.csv"], "labels": "l.csv", "key": "id"}, "Give two files of pred"),
        ({"predictions": ["a.csv", "a.csv"], "labels": "l.csv"}, "--labels and --key belong"),
        ({"models": ["m", "n"], "labels": "l.csv", "key": "id"}, "Give --data or --predictions"),
        ({"predictions": ["a.csv", "a.csv"], "labels": "l.csv", "key": "x"}, "No key 'x' in"),
        ({"predictions": ["a.csv", "b.csv"], "labels": "l.csv", "key": "id"}, "1 occurs twice"),
        ({"predictions": ["a.csv", "c.csv"], "labels": "l.csv", "key": "id"}, "is in all of"),
    ],
)
def test_files_that_do_not_fit_together_are_told(
    here: Path, request_: dict[str, Any], message: str
) -> None:
    for name, content in {
        "a.csv": "id,prediction\n1,2\n2,3\n",
        "b.csv": "id,prediction\n1,2\n1,3\n",
        "c.csv": "id,prediction\n8,2\n9,3\n",
        "l.csv": "id,y\n1,2\n2,3\n",
    }.items():
        (here / name).write_text(content)
    parts = {name: request_.pop(name) for name in ("labels", "key") if name in request_}

    with pytest.raises(MlprojectError, match=message):
        compared(rows=RowsRequest(**parts), **request_)


def test_a_model_without_names_is_not_given_the_target(here: Path) -> None:
    frame = rows()
    half = len(frame) // 2
    X, y = frame[["a", "b"]].to_numpy(), frame["y"].to_numpy()
    for estimator in (Ridge(alpha=1000), Ridge(alpha=1e-6)):
        mlproject.fit(estimator, X[:half], y[:half], X_test=X[half:], y_test=y[half:], register="m")
    rows(seed=1)[["a", "b", "y"]].to_csv(here / "new.csv", index=False)

    found = compared(
        models=("m",),
        versions=("1", "2"),
        rows=RowsRequest(data="new.csv", target="y"),
        rules={"metric": "rmse"},
        trust=("pickle",),
    )

    assert found.interval.challenger < found.interval.champion
    # With the target among the features the error would be none.
    assert found.interval.challenger > 0.5


def test_text_that_is_no_date_gives_no_order_of_time(here: Path) -> None:
    days = pd.date_range("2024-01-01", periods=400, freq="D")
    frame = rows(seed=1).assign(iso=days.strftime("%Y-%m-%d"), dots=days.strftime("%d.%m.%Y"))
    frame.to_csv(here / "new.csv", index=False)
    trained(here, "{Ridge: {alpha: 1000}}")
    trained(here)
    request: dict[str, Any] = {"models": ("m",), "versions": ("1", "2"), "trust": ("pickle",)}
    request["rows"] = RowsRequest(data="new.csv")

    by_day = compared(**request, rules={"time_by": "day"})
    by_date = compared(**request, rules={"time_by": "iso"})
    assert by_date.interval == by_day.interval
    with pytest.raises(DataError, match="'dots' of .* text such as '01.01.2024', which has no"):
        compared(**request, rules={"time_by": "dots"})


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"group_by": "site", "time_by": "day"}, "not by both"),
        ({"equivalence": 0.5, "improvement": 0.1}, "ask one"),
    ],
)
def test_two_questions_at_once_are_refused(here: Path, rules: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        promoted(**rules)


def test_rows_that_cannot_be_compared_are_counted(here: Path) -> None:
    frame = rows(seed=1)
    frame.loc[:99, "y"] = None
    frame.to_csv(here / "new.csv", index=False)
    fitted(WORSE, rows())
    fitted(BETTER, rows())

    found = compared(
        models=("m",),
        versions=("1", "2"),
        rows=RowsRequest(data="new.csv", target="y"),
        trust=("pickle",),
    )

    assert "300 rows of" in found.rows
    assert found.rows.endswith(", and 100 without a target left out")
