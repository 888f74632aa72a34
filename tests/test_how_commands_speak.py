"""Results on standard output, all else on standard error; hints that lead to what was meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mlproject
from tests import promotions
from tests.conftest import Shell

WIDE = "a_recipe_with_" + "a_long_name_" * 15
RECIPE = """\
name: {name}
task: regression
data: {{source: 'sklearn:diabetes', target: target}}
pipeline: [{{model: {{Ridge: {{}}}}}}]
search: {{kind: none}}
metrics: [r2]
"""


def recipe(folder: Path, **changes: Any) -> str:
    """Write a small recipe, and return the name of its file."""
    import yaml

    content = yaml.safe_load(RECIPE.format(name="small")) | changes
    (folder / "small.yaml").write_text(yaml.safe_dump(content))
    return "small.yaml"


def test_the_result_is_on_standard_output_and_progress_on_standard_error(shell: Shell) -> None:
    done = shell.train(recipe(shell.folder))

    assert "run        " in done.out
    assert "model      " in done.out
    assert "[" not in done.out
    assert "Fitting small: one fit [" in done.err
    assert "best_estimator" not in done.err


def test_quiet_leaves_the_result(shell: Shell) -> None:
    done = shell.train(recipe(shell.folder), "--quiet")

    assert done.err == ""
    assert "run        " in done.out


def test_json_is_all_that_is_printed_then(shell: Shell) -> None:
    done = shell.train(recipe(shell.folder), "--json")

    assert done.json["status"] == "FINISHED"
    assert done.json["run_id"] not in done.err


def test_a_wide_table_in_a_pipe_is_not_folded(shell: Shell) -> None:
    (shell.folder / "recipes").mkdir()
    (shell.folder / "recipes" / f"{WIDE}.yaml").write_text(RECIPE.format(name=WIDE))

    done = shell.mlproject("recipes", "list", COLUMNS="80")

    assert any(line.startswith(f"{WIDE}  regression") for line in done.out.splitlines()), done.out


def test_what_a_move_of_an_alias_says_is_its_result(shell: Shell) -> None:
    for alpha in (0.01, 0.5):
        promotions.registered(shell, "prices", alpha=alpha)
    first = shell.mlproject("models", "promote", "prices", "--version", "1", "--quiet")
    worse = shell.mlproject("models", "promote", "prices", "--quiet")
    as_json = shell.mlproject("models", "promote", "prices", "--json")

    assert first.out.startswith("'champion' of 'prices' names version 1 now (the first)")
    assert "unseen       passed  the challenger was not trained on" in first.out
    assert first.err == ""
    assert (worse.code, worse.out.splitlines()[0]) == (6, "prices: not promoted")
    assert "improvement  FAILED  rmse" in worse.out
    assert worse.err.startswith("Error: ")
    assert [item["name"] for item in as_json.json["checks"] if not item["passed"]] == [
        "improvement"
    ]


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        (("recipes", "check", "iris-svc"), "iris-svc is valid"),
        (("tracking", "show"), "file://"),
        (("tracking", "use", "local"), "Saved in"),
        (("models", "list"), "Registered models"),
    ],
)
def test_what_a_command_finds_out_is_on_standard_output(
    shell: Shell, arguments: tuple[str, ...], result: str
) -> None:
    done = shell.mlproject(*arguments, "--quiet")

    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(result)


def test_python_is_given_its_result_and_prints_nothing(
    work: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for progress in (None, True):
        mlproject.train(recipe(work), tracking="local", progress=progress)

    assert capfd.readouterr().out == ""


def test_a_parameter_without_its_step_leads_to_the_step(shell: Shell) -> None:
    done = shell.train("iris-svc", "--param", "C=10")

    assert done.code == 2
    assert done.error == "Error: The pipeline has no parameter 'C'. Did you mean 'model__C'?"


@pytest.mark.parametrize(
    "name", ["my.csv", "there/lake.parquet", "https://host/rows.jsonl.gz", "sklearn:iris"]
)
def test_data_in_the_place_of_a_recipe_leads_to_the_option(shell: Shell, name: str) -> None:
    done = shell.train(name, "--target", "price")

    assert done.code == 2
    assert done.error == f"Error: {name} is data, not a recipe. Give --data {name}."


def test_all_that_is_wrong_in_a_recipe_is_told_at_once(shell: Shell) -> None:
    name = recipe(
        shell.folder,
        task="regresion",
        search={"kind": "gird", "fold": 5},
        seed="x",
        serach={},
        pipeline=[{"model": 3}],
    )
    done = shell.mlproject("recipes", "check", name)
    one = shell.mlproject("recipes", "check", recipe(shell.folder, serach={}))

    assert done.code == 2
    assert done.error.startswith("Error: small.yaml has 6 problems: ")
    for problem in (
        "unknown key 'search.fold' (Did you mean 'folds'?)",
        "unknown key 'serach' (Did you mean 'search'?)",
        "task cannot be 'regresion' (Did you mean 'regression'?)",
        "seed: Input should be a valid integer",
        "pipeline.0.model: Input should be a valid",
        "and 1 more",
    ):
        assert problem in done.error
    assert one.error.endswith("small.yaml has an unknown key 'serach'. Did you mean 'search'?")
