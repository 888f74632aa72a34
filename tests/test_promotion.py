"""The registry: what is promoted, what is not, and what is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from sklearn.model_selection import train_test_split

from tests import promotions
from tests.conftest import Finished, Shell
from tests.promotions import champion, registered


def refused(done: Finished, code: int, *texts: str) -> None:
    assert done.code == code, done.err
    for text in texts:
        assert text in done.error, done.error


@pytest.fixture(scope="module")
def stocked(own_shell: Callable[[], Shell]) -> Shell:
    """A FileStore with a champion and a better challenger."""
    shell = own_shell()
    registered(shell, "prices", alpha=0.5)
    registered(shell, "prices", alpha=0.01)
    assert shell.mlproject("models", "promote", "prices", "--version", "1").code == 0
    return shell


def test_better_is_promoted_worse_is_not_and_rolling_back_is_exact(shell: Shell) -> None:
    # The other tests here are on the FileStore, and the same story is told in a workspace.
    promotions.check_the_whole_story(shell, "prices", "--tracking", "sqlite:///models.db")


@pytest.mark.parametrize("store", ["local", "sqlite:///models.db", "server"])
def test_the_evidence_is_new_to_both_and_as_it_depends(
    shell: Shell, store: str, request: pytest.FixtureRequest, client: Callable[[str], Any]
) -> None:
    uri = {
        "local": (shell.folder / "mlruns").as_uri(),
        "sqlite:///models.db": f"sqlite:///{(shell.folder / 'models.db').as_posix()}",
    }.get(store) or request.getfixturevalue("server")
    tracking = uri if store == "server" else store

    def delete(run_id: str) -> None:
        client(uri).delete_run(run_id)

    promotions.check_the_story_of_evidence(shell, "evidence", delete, "--tracking", tracking)


@pytest.mark.parametrize("store", ["local", "sqlite:///models.db"])
def test_of_two_at_once_one_wins_and_the_other_is_told(
    shell: Shell, store: str, client: Callable[[str], Any]
) -> None:
    registered(shell, "raced", "--tracking", store)
    uri = (shell.folder / "mlruns").as_uri()
    if store != "local":
        uri = f"sqlite:///{(shell.folder / 'models.db').as_posix()}"

    registered(shell, "raced", "--tracking", store)
    registered(shell, "raced", "--tracking", store)
    promotions.race(client(uri), "raced", lambda: client(uri))


def test_a_run_is_registered_once(shell: Shell) -> None:
    run_id = registered(shell, "once")["run_id"]

    first = shell.mlproject("models", "register", "--run-id", run_id, "--name", "once", "--json")
    other = shell.mlproject("models", "register", "--run-id", run_id, "--name", "other", "--json")

    assert (first.json["version"], other.json["version"]) == ("1", "1")
    assert other.json["metrics"]["rmse"] > 0
    assert other.json["tags"]["mlproject.recipe"] == "once"
    assert len(other.json["tags"]["mlproject.data.sha256"]) == 64


def test_a_loss_in_one_slice_is_caught(shell: Shell) -> None:
    registered(shell, "sliced", features="x2")
    registered(shell, "sliced", features="x1")
    assert shell.mlproject("models", "promote", "sliced", "--version", "1").code == 0

    sliced = ("models", "promote", "sliced", "--slice-by", "group", "--slice-rows", "10", "--json")
    promotions.data(shell.folder, "new.csv", rows=6000, seed=1)
    few = shell.mlproject(*sliced, "--dry-run")
    many = shell.mlproject(*sliced, "--data", "new.csv")

    assert (few.code, many.code) == (6, 6)
    assert "group = b" not in few.json["error"]  # of 28 rows it is not sure
    assert "group = b" in many.json["error"]
    # It needs a column that the champion did not, so that it is refused without the slices too.
    refused(shell.mlproject("models", "promote", "sliced"), 6, "needs the column 'x1'")
    assert champion(shell, "sliced") == 1


def test_a_floor_holds_for_the_first_champion_too(shell: Shell) -> None:
    registered(shell, "floored", alpha=0.5)

    low = shell.mlproject("models", "promote", "floored", "--floor", "0.1")
    high = shell.mlproject(
        "models", "promote", "floored", "--floor", "0.9", "--metric", "d2_absolute_error_score"
    )
    fine = shell.mlproject("models", "promote", "floored", "--floor", "5")

    refused(low, 6, "above the ceiling of 0.1", "names no version")
    refused(high, 6, "below the floor of 0.9")
    assert fine.code == 0, fine.err


def test_rules_of_the_recipe_hold(shell: Shell) -> None:
    promotions.data(shell.folder)
    recipe = promotions.RECIPE.format(
        name="ruled", source=shell.folder / "rows.csv", alpha=0.01, features="x1"
    )
    (shell.folder / "mine.yaml").write_text(recipe + "promotion: {metric: r2, floor: 0.999}\n")
    shell.trained("mine.yaml", "--register", "ruled")

    refused(shell.mlproject("models", "promote", "ruled"), 6, "r2", "below the floor of 0.999")
    looser = shell.mlproject("models", "promote", "ruled", "--floor", "0.1")
    refused(looser, 2, "is stricter than --floor", "--override REASON")
    why = shell.mlproject(
        "models", "promote", "ruled", "--floor", "0.1", "--override", "the old one is down"
    )
    assert why.code == 0, why.err
    told = shell.mlproject("models", "history", "ruled", "--json").json["history"]
    assert [item["override"] for item in told] == [None, "the old one is down"]

    (shell.folder / "mine.yaml").write_text(recipe + "promotion: {flor: 0.999}\n")
    refused(shell.train("mine.yaml"), 2, "promotion.flor", "floor")


def test_a_rule_that_is_switched_off_stays_so_in_the_recorded_recipe() -> None:
    from training import catalogue, recipe

    content = {"name": "r", "task": "regression", "pipeline": [{"m": "Lasso"}], "metrics": ["r2"]}
    off = recipe.parse(content | {"promotion": {"time_factor": None, "floor": 1}}, "r.yaml")
    empty = recipe.parse(content | {"promotion": None}, "r.yaml")

    again = recipe.parse(yaml.safe_load(catalogue.dump(off)), "again")
    assert again.promotion.time_factor is None
    assert again.promotion.model_fields_set == {"time_factor", "floor"}
    assert again.promotion.floor == 1
    assert empty.promotion.time_factor == 2
    assert "promotion" not in catalogue.dump(empty)


def test_rows_that_it_was_trained_on_are_no_test(stocked: Shell) -> None:
    import pandas as pd

    rows = pd.read_csv(stocked.folder / "rows.csv")
    trained, held_out = train_test_split(rows, test_size=0.5, random_state=1)
    trained.to_csv(stocked.folder / "trained.csv", index=False)

    done = stocked.mlproject("models", "promote", "prices", "--data", "trained.csv")
    both = stocked.mlproject(
        *("models", "promote", "prices", "--data", "rows.csv", "--dry-run", "--json")
    )

    refused(done, 6, "No row is left of 300 rows of", "models:/prices/1 300")
    assert both.code == 0, both.err
    assert both.json["judged"]["details"]["size"]["rows"] == len(held_out)
    assert [item["rows"] for item in both.json["judged"]["details"]["seen"]] == [300, 300]
    assert champion(stocked, "prices") == 1


def test_rows_of_another_file_are(stocked: Shell) -> None:
    import pandas as pd

    rows = pd.read_csv(stocked.folder / "rows.csv")
    rows[["x1", "x2", "y"]] += 0.1
    rows.to_csv(stocked.folder / "other.csv", index=False)

    done = stocked.mlproject(
        *("models", "compare", "prices", "--versions", "1,2", "--data", "other.csv"),
        *("--slice-by", "group", "--json"),
    )

    assert done.code == 0, done.err
    assert done.json["interval"]["rows"] == 600
    assert done.json["interval"]["low"] > 0
    assert [part["value"] for part in done.json["slices"]] == ["a", "b"]
    assert done.json["signature"] == []


def test_data_that_has_changed_is_no_test(shell: Shell) -> None:
    registered(shell, "changed")
    with (shell.folder / "rows.csv").open("a") as stream:
        stream.write("1,2,a,3\n")

    refused(shell.mlproject("models", "promote", "changed"), 6, "SHA-256 differs")


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("promote", "price"), 4, "Did you mean 'prices'?"),
        (("promote", "prices", "--version", "7"), 4, "has no version 7. It has 2, 1"),
        (("compare", "prices", "--versions", "1,@champ"), 4, "Did you mean 'champion'?"),
        (("compare", "prices", "--versions", "1"), 2, "Give a name with --versions 6,7"),
        (("promote", "prices", "--metric", "accuracy"), 2, "does not fit a regression task"),
        (("promote", "prices", "--metric", "rmsee"), 2, "Did you mean 'rmse'?"),
        (("promote", "prices", "--slice-by", "grup"), 3, "Did you mean 'group'?"),
        (("promote", "prices", "--data", "no-target.csv"), 3, "'y'"),
        (("promote", "prices", "--confidence", "2"), 2, "confidence"),
        (("promote", "prices", "--floor", "high"), 2, "'high' is not a number"),
        (("rollback", "prices", "--alias", "chief"), 4, "has no alias 'chief'"),
        (("show", "nothing"), 4, "There is no registered model 'nothing'"),
    ],
)
def test_bad_input_is_one_line_and_moves_nothing(
    stocked: Shell, arguments: tuple[str, ...], code: int, text: str
) -> None:
    (stocked.folder / "no-target.csv").write_text("x1,x2,group\n1,2,a\n3,4,b\n")

    done = stocked.mlproject("models", *arguments)

    assert done.code == code, done.err
    assert text in done.err
    assert "Traceback" not in done.err
    assert champion(stocked, "prices") == 1


def test_a_pickle_is_not_loaded_to_be_compared(shell: Shell) -> None:
    (shell.folder / "mine.py").write_text(
        "from sklearn.linear_model import Lasso\nclass Mine(Lasso):\n    pass\n"
    )
    promotions.data(shell.folder)
    recipe = promotions.RECIPE.format(
        name="pickled", source=shell.folder / "rows.csv", alpha=0.1, features="x1"
    )
    recipe = recipe.replace("Lasso: {", "'mine:Mine': {") + "imports: [mine]\n"
    (shell.folder / "recipe.yaml").write_text(recipe)
    shell.trained("recipe.yaml", "--register", "pickled")

    refused(shell.mlproject("models", "promote", "pickled"), 5, "is a pickle", "--trust")
    assert champion(shell, "pickled") is None
    assert shell.mlproject("models", "promote", "pickled", "--trust", "pickle").code == 0


def test_repeated_rollbacks_walk_back_and_a_promotion_starts_from_there() -> None:
    from mlproject.gate.promotion import previous
    from mlproject.registry.ledger import Entry

    def move(action: str, before: int | None, after: int) -> Entry:
        return Entry("", action, "champion", before, after, None, None, None, 0, True, {})

    up = [move("promote", None, 1), move("promote", 1, 2), move("promote", 2, 3)]
    back = [*up, move("rollback", 3, 2)]
    assert previous(up, 3) == 2
    assert previous(back, 2) == 1
    assert previous([*back, move("rollback", 2, 1)], 1) is None
    assert previous([*back, move("promote", 2, 4)], 4) == 2
    assert previous(up, 9) == 3  # moved by other means since
    assert previous([], 5) is None


def test_models_are_listed_with_their_aliases(stocked: Shell) -> None:
    found = stocked.mlproject("models", "list", "--json").json["models"]

    assert found == [{"name": "prices", "latest": 2, "aliases": {"champion": 1}}]


def test_the_verdict_is_an_artifact_of_its_run(
    stocked: Shell, client: Callable[[str], Any], tmp_path: Path
) -> None:
    told = stocked.mlproject("models", "history", "prices", "--json").json["history"]
    store = client((stocked.folder / "mlruns").as_uri())

    path = store.download_artifacts(told[0]["run_id"], "verdict.json", str(tmp_path))

    content = json.loads(Path(path).read_text())
    assert content["verdict"]["passed"] is True
    assert content["challenger"] == 1
