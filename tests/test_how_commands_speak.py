"""Results on standard output, all else on standard error; hints that lead to what was meant."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import mlproject
from mlproject.base.console import Reporter
from mlproject.cli.frame import leave
from tests import promotions
from tests.conftest import Finished, Shell, saved
from tests.test_nothing_is_lost import SLOW, SLOW_RECIPE

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
    assert "unseen       passed  the challenger was trained on none of the rows" in first.out
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


def sales(folder: Path, rows: int = 400) -> None:
    """Write rows with a date, a text, a gap, and two features without fault."""
    index = np.arange(rows)
    frame = pd.DataFrame({"area": index % 17 + 0.5, "rooms": index % 5 + 1.0, "price": index * 1.5})
    frame["sold_on"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(index, "D")
    frame["kind"] = np.where(index % 2, "flat", "house")
    frame["age"] = np.where(index == 311, np.nan, index % 9)
    frame["floor"] = frame["rooms"].astype(str).mask(index == 205, "attic")
    frame.to_parquet(folder / "sales.parquet", index=False)


BLAMED = [
    (["area", "sold_on", "rooms"], "DType", "The cause is the column 'sold_on' (dates)"),
    (["area", "age"], "contains NaN", "The cause is the column 'age' (missing values)"),
    (["floor", "area"], "'attic'", "The cause is the column 'floor' (text such as 'attic')"),
    (
        ["kind", "area", "sold_on"],
        "'house'",
        "The causes are the columns 'kind' (text such as 'house'), 'sold_on' (dates)",
    ),
]


@pytest.mark.parametrize(("features", "why", "blamed"), BLAMED, ids=lambda item: str(item)[:30])
def test_a_check_and_training_name_the_column_that_cannot_be_fitted(
    shell: Shell, features: list[str], why: str, blamed: str
) -> None:
    sales(shell.folder)
    name = recipe(
        shell.folder,
        data={"source": "sales.parquet", "target": "price", "features": features},
        pipeline=[{"scale": "StandardScaler"}, {"model": {"Ridge": {}}}],
        search={"kind": "grid", "folds": 3, "parameters": {"model__alpha": [0.1, 1.0]}},
    )
    checked = shell.mlproject("recipes", "check", name)
    trained = shell.train(name)

    assert (checked.code, trained.code) == (5, 5)
    assert checked.error.startswith("Error: small cannot be fitted: ")
    assert trained.error.startswith("Error: All 2 candidates failed: ")
    for done in (checked, trained):
        assert blamed in done.error
    assert why in checked.error


def test_a_column_is_blamed_beside_others_that_the_pipeline_takes_by_name(shell: Shell) -> None:
    sales(shell.folder)
    columns = [
        ["kinds", {"OneHotEncoder": {}}, ["kind"]],
        ["numbers", {"StandardScaler": {}}, ["area", "floor"]],
    ]
    name = recipe(
        shell.folder,
        data={"source": "sales.parquet", "target": "price", "features": ["kind", "area", "floor"]},
        pipeline=[
            {"columns": {"ColumnTransformer": {"transformers": columns}}},
            {"model": "Ridge"},
        ],
    )
    done = shell.mlproject("recipes", "check", name)

    assert done.code == 5
    assert "The cause is the column 'floor' (text such as 'attic')" in done.error


def test_what_needs_more_rows_than_a_check_tries_is_no_mistake(shell: Shell) -> None:
    sales(shell.folder)
    name = recipe(
        shell.folder,
        data={"source": "sales.parquet", "target": "price", "features": ["kind"]},
        pipeline=[
            {"encode": {"OneHotEncoder": {"min_frequency": 150}}},
            {"few": {"SelectKBest": {"k": 2}}},
            {"model": {"mine.Needs": {}}},
        ],
        imports=["mine"],
    )
    (shell.folder / "mine.py").write_text(
        "from sklearn.linear_model import Ridge\n"
        "class Needs(Ridge):\n"
        "    def fit(self, X, y):\n"
        "        assert len(y) > 150, 'more rows'\n"
        "        return super().fit(X, y)\n"
    )
    assert shell.mlproject("recipes", "check", name).code == 0


def test_every_class_is_among_the_rows_of_a_check() -> None:
    from training.blame import some_rows

    y = pd.Series(["common"] * 5000 + ["rare"] * 6 + ["other"] * 300)
    X = pd.DataFrame({"x": np.arange(len(y)) * 1.0})
    chosen = y.iloc[some_rows(X, y)].value_counts()

    assert chosen["rare"] == 6
    assert chosen.sum() == 100


@pytest.mark.parametrize(
    ("search", "tried"),
    [
        ({"kind": "random", "candidates": 4}, "4 candidates"),
        ({"kind": "random", "candidates": 40}, "18 candidates"),
        ({"kind": "halving"}, "18 candidates"),
        ({"kind": "none", "parameters": {}}, "1 candidate,"),
    ],
    ids=str,
)
def test_a_check_says_how_many_candidates_will_be_tried(
    shell: Shell, search: dict[str, Any], tried: str
) -> None:
    grid = {"model__alpha": [0.1, 1, 10], "model__tol": [1e-3, 1e-4], "model__positive": [True]}
    grid["model__max_iter"] = [100, 200, 300]
    name = recipe(shell.folder, search={"folds": 3, "parameters": grid} | search)

    assert f"regression, {tried}" in shell.mlproject("recipes", "check", name).out


STEERING = "\x1b]0;title\x07\x1b[2Jred\x9b31m\u202eback\u2066\r\x00"
SHOWN = r"\x1b]0;title\x07\x1b[2Jred\x9b31m\u202eback\u2066\r\x00"


class Printed:
    """Where a result goes, as text."""

    def __init__(self, width: int | None = None) -> None:
        self.width = width
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text


@pytest.mark.parametrize("width", [None, 200])
def test_what_steers_a_terminal_is_shown_in_results(width: int | None) -> None:
    out = Printed(width)
    reporter = Reporter(out=out)
    reporter.emit(f"first {STEERING}\nsecond\n")
    reporter.table(STEERING, (STEERING, "plain"), [(STEERING, "two\nlines"), ("[red]x[/red]", "")])
    plain = re.sub("\x1b\\[[0-9;]*m", "", out.text)  # bold, which is ours

    assert not set(plain) & set(STEERING.translate({ord(c): None for c in SHOWN}))
    assert plain.startswith(f"first {SHOWN}\nsecond\n{SHOWN}\n")
    assert plain.count(SHOWN) == 4
    assert r"two\nlines" in plain
    assert "[red]x[/red]" in plain


@pytest.mark.parametrize("width", [20, 40, 60, 80])
def test_a_narrow_terminal_loses_nothing_of_a_table(width: int) -> None:
    out, run_id = Printed(width), "0123456789abcdef" * 2
    Reporter(out=out).table("Runs", ("run", "what"), [(run_id, "a recipe")], whole=("run",))
    shown = "".join(re.sub("\x1b\\[[0-9;]*m", "", out.text).split())

    assert all(shown.count(letter) >= 2 for letter in "0123456789abcdef")
    assert (run_id in out.text) == (width > 40)


def test_what_steers_a_terminal_is_shown_in_notices(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Reporter()
    reporter.say(f"{STEERING}\nsecond")
    reporter.warn(STEERING)
    with reporter.step(STEERING):
        pass
    with pytest.raises(SystemExit):
        leave(2, STEERING)
    err = capsys.readouterr().err

    assert err.count(SHOWN) == 4
    assert f"{SHOWN}\nsecond\n" in err
    assert not set(err) & set("\x1b\x07\x9b\u202e\u2066\r\x00")


def test_a_name_that_cannot_be_encoded_is_printed_all_the_same(shell: Shell) -> None:
    done = shell.python("-m", "mlproject", "recipes", "check", os.fsdecode(b"no-\xff\x1b[2J.yaml"))

    assert done.code == 2
    assert r"no-\udcff\x1b[2J.yaml" in done.error


def test_column_names_of_a_file_do_not_steer_the_terminal(shell: Shell) -> None:
    frame = pd.DataFrame({"a\x1b[2J": np.sin(np.arange(40)), "y": range(40)})
    frame.to_csv(shell.folder / "in.csv", index=False)
    done = shell.train("--data", "in.csv", "--target", "y\x1b[31m")

    assert done.code in (2, 3)
    assert "\x1b" not in done.err
    done = shell.train("--data", "in.csv", "--target", "y")
    assert "\x1b" not in done.out + done.err
    assert r"a\x1b[2J" in done.out


SLOW_STEP = """
import pathlib, time
def slow(X):
    if len(X) > 10:
        pathlib.Path("fitting").touch()
        time.sleep(1)
    return X
"""


def pressed(shell: Shell, presses: int, gap: float, *command: str) -> Finished:
    """Run a command of its own, and press Ctrl-C again and again once it is at work."""
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=shell.folder,
        env=shell.environment | {"PYTHONPATH": f"{shell.environment['PYTHONPATH']}:."},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            while not (shell.folder / "fitting").exists() and process.poll() is None:
                time.sleep(0.05)
            for _ in range(presses):
                if process.poll() is None:  # as a terminal does it, to all that were started
                    os.killpg(process.pid, signal.SIGINT)
                time.sleep(gap)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    return Finished(process.returncode, out, err)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals of this kind")
@pytest.mark.parametrize(("presses", "gap"), [(1, 0), (2, 0.2), (3, 0), (40, 0.02)])
@pytest.mark.parametrize("command", ["training", "inference"])
def test_ctrl_c_ends_with_one_line_however_often_it_is_pressed(
    shell: Shell, command: str, presses: int, gap: float
) -> None:
    if command == "training":
        (shell.folder / "slow.py").write_text(SLOW)
        (shell.folder / "slow.yaml").write_text(SLOW_RECIPE)
        options = ["slow.yaml"]
    else:
        options = slow_scoring(shell)
    done = pressed(shell, presses, gap, "-m", command, *options)

    assert done.code == 130, done.err
    assert done.error == "Error: Interrupted."
    assert done.err.endswith("Error: Interrupted.\n")
    assert "ignored" not in done.err


def slow_scoring(shell: Shell) -> list[str]:
    """Write what a scoring of more than a minute needs; return its options."""
    (shell.folder / "slow.py").write_text(SLOW_STEP)
    namespace: dict[str, Any] = {"__name__": "slow"}
    exec(SLOW_STEP, namespace)  # noqa: S102 - of this test
    X = pd.DataFrame({"a": np.arange(500_000.0)})
    model = make_pipeline(FunctionTransformer(namespace["slow"]), LinearRegression())
    saved(shell.folder / "model", model.fit(X[:5], X["a"][:5]), X)
    X.to_csv(shell.folder / "in.csv", index=False)
    options = ["--model", "model", "--trust", "pickle", "--input", "in.csv", "--no-track"]
    return [*options, "--output", "o.csv", "--jobs", "3"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals of this kind")
def test_ctrl_c_ends_scoring_when_the_next_one_breaks_off_the_stopping(shell: Shell) -> None:
    (shell.folder / "impatient.py").write_text(
        "import os, signal\n"
        "from inference.course import Course\n"
        "from mlproject.cli.main import main\n"
        "Course.stop_after = lambda *_: os.kill(os.getpid(), signal.SIGINT)\n"
        "main('score')\n"
    )
    done = pressed(shell, 1, 0, "impatient.py", *slow_scoring(shell))

    assert done.code == 130, done.err
    assert done.error == "Error: Interrupted."
