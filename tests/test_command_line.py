"""The frame: help is quick, quiet is quiet, JSON is one object, all ways in are one."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from inference.request import ScoreRequest
from mlproject.base.errors import ConfigurationError
from mlproject.base.options import collected
from mlproject.cli.gate import promote
from mlproject.cli.score import score
from mlproject.gate.request import PromoteRequest
from tests.conftest import ROOT, Shell
from training.request import TrainRequest

HEAVY = ("mlflow", "sklearn", "pandas", "numpy", "pyarrow", "pydantic", "rich", "yaml")
COMMANDS = [
    ["--help"],
    ["train", "--help"],
    ["score", "--help"],
    ["recipes", "--help"],
    ["recipes", "show", "--help"],
    ["tracking", "use", "--help"],
    ["train", "--jobs", "0"],
    ["nothing"],
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_nothing_heavy_is_imported_before_the_arguments_are_known_to_be_right(
    shell: Shell, arguments: list[str]
) -> None:
    code = (
        "import sys, atexit; from mlproject.cli.main import main\n"
        f"atexit.register(lambda: print('HEAVY', [m for m in {HEAVY} if m in sys.modules]))\n"
        f"sys.argv[1:] = {arguments}\nmain()"
    )

    assert shell.python("-c", code).out.endswith("HEAVY []\n")


def test_what_is_imported_is_not_searched_for_garbage_when_a_command_ends(shell: Shell) -> None:
    code = (
        "import atexit, gc\n"
        "atexit.register(lambda: print('UNFROZEN', len(gc.get_objects())))\n"
        "import sys; from mlproject.cli.main import main\n"
        "sys.argv[1:] = ['recipes', 'list']\nmain()"
    )

    last = shell.python("-c", code).out.splitlines()[-1]

    assert last.startswith("UNFROZEN ")
    assert int(last.split()[1]) < 1000


@pytest.mark.parametrize(
    "way",
    [
        ["-m", "mlproject", "train"],
        ["-m", "training"],
        [str(ROOT / "src"), "train"],
    ],
    ids=["mlproject train", "python -m training", "python src train"],
)
def test_all_ways_in_lead_to_the_same_command(shell: Shell, way: list[str]) -> None:
    done = shell.python(*way, "iris-cvs")

    assert done.code == 2
    assert done.error == "Error: No recipe 'iris-cvs'. Did you mean 'iris-svc'?"


@pytest.mark.parametrize(
    "way", [["-m", "mlproject", "score"], ["-m", "inference"], [str(ROOT / "src"), "score"]]
)
def test_all_ways_in_lead_to_scoring(shell: Shell, way: list[str]) -> None:
    done = shell.python(*way, "--run-id", "x", "--input", "y.csv")

    assert done.code == 2
    assert done.error.startswith("Error: No output is given. Give --output FILE")


GIVEN: list[tuple[list[str], dict[str, Any]]] = [
    ([], {}),
    (["--jobs", "", "--engine", "", "--trust", "", "--keep", "", "--resume", ""], {}),
    (["--resume", "--overwrite"], {"resume": True, "overwrite": True}),
    (["--resume", "true", "--overwrite", "false"], {"resume": True}),
    (["--no-track"], {"track": False}),
    (["--jobs", "-1", "--batch-rows", "7"], {"jobs": -1, "batch_rows": 7}),
    (["--trust", "pickle", "--trust", "", "--trust", "x"], {"trust": ("pickle", "x")}),
]


@pytest.mark.parametrize(("arguments", "given"), GIVEN, ids=str)
def test_an_empty_value_is_not_given(arguments: list[str], given: dict[str, Any]) -> None:
    context = score.make_context("score", list(arguments))

    assert ScoreRequest(**collected(ScoreRequest, context.params)) == ScoreRequest(**given)


def test_rules_that_are_not_given_are_left_to_the_recipe() -> None:
    arguments = ["prices", "--slice-by", "sex, age", "--floor", "0", "--metric", ""]
    context = promote.make_context("promote", arguments)
    request = PromoteRequest(**collected(PromoteRequest, context.params))

    assert (request.name, request.to) == ("prices", "champion")
    assert request.rules == {"slice_by": ["sex", "age"], "floor": 0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--jobs", "-2"], "'--jobs': give a number of fits, or -1 for all cores"),
        (["train", "--seed", "-1"], "'--seed': give a number from 0 to 4294967295"),
        (["train", "--engine", "spark"], "'--engine': 'spark' is not one of 'local', 'dask'"),
        (["score", "--batch-rows", "0"], "'--batch-rows': give a number of rows, 1 or more"),
        (
            ["models", "promote", "a", "--confidence", "2"],
            "'--confidence': 2 is not from 0.5 to 0.9999",
        ),
        (["models", "promote", "a", "--time-factor", "0"], "'--time-factor': 0 is not above 0"),
        (["models", "promote", "a", "--floor", "nan"], "'--floor': give a finite number"),
        (["models", "promote", ""], "Missing argument 'NAME'"),
        (["models", "compare", "a", "--versions", ""], "Give two of runs:/ID"),
        (["emulator", "start", "--lost", "1.5"], "'--lost': 1.5 is not from 0 to 1"),
    ],
)
def test_a_value_out_of_range_is_one_line_that_names_the_option(
    shell: Shell, arguments: list[str], message: str
) -> None:
    done = shell.mlproject(*arguments)

    assert done.code == 2
    assert message in done.error


@pytest.mark.parametrize("values", [{"jobs": 0}, {"seed": -1}, {"engine": "spark"}], ids=str)
def test_python_is_told_the_same(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(values))):
        TrainRequest(**values)


def test_quiet_with_json_prints_the_object_only(shell: Shell) -> None:
    both = shell.train("--quiet", "--json")

    assert both.json["status"] == "FINISHED"
    assert both.err == ""


def test_json_has_the_promised_keys(shell: Shell) -> None:
    assert set(shell.trained()) >= {
        "run_id",
        "experiment_id",
        "experiment",
        "tracking_uri",
        "model_uri",
        "status",
        "metrics",
        "best_params",
        "candidates",
        "children",
        "seconds",
    }


def test_what_a_users_code_prints_does_not_reach_standard_output(shell: Shell) -> None:
    (shell.folder / "loud.py").write_text(
        "import os\nfrom sklearn.linear_model import Ridge\n"
        "def build():\n    print('hello'); os.write(1, b'world\\n'); return Ridge()\n"
    )
    (shell.folder / "loud.yaml").write_text(
        "{name: loud, task: regression, imports: [loud], pipeline: 'loud:build',"
        " data: {source: 'sklearn:diabetes', target: target}, search: {kind: none}, metrics: [r2]}"
    )
    done = shell.train("loud.yaml", "--json")

    assert done.json["recipe"] == "loud"
    assert "hello" in done.err
    assert "world" in done.err


def test_recipes_list_show_and_check(shell: Shell) -> None:
    listed = shell.mlproject("recipes", "list", "--json").json["recipes"]
    shown = shell.mlproject("recipes", "show", "iris-svc")
    checked = shell.mlproject("recipes", "check", "iris-svc", "--json").json
    without_data = shell.mlproject("recipes", "check", "pima-random-forest", "--json").json

    assert [item["name"] for item in listed] == [
        "diabetes-lassolars",
        "digits-logistic",
        "iris-svc",
        "pima-random-forest",
        "auto",
    ]
    assert shown.out == (ROOT / "recipes" / "iris-svc.yaml").read_text()
    assert checked == {"recipe": "iris-svc", "valid": True, "candidates": 6, "rows": 150}
    assert without_data["rows"] is None
    assert not (shell.folder / "mlruns").exists()


def test_recipes_check_fails_as_training_would(shell: Shell) -> None:
    done = shell.mlproject("recipes", "check", "iris-svc", "--target", "targte")

    assert done.code == 3
    assert "Did you mean 'target'?" in done.error


def test_a_recipe_of_the_current_folder_comes_first(shell: Shell) -> None:
    (shell.folder / "recipes").mkdir()
    text = (ROOT / "recipes" / "iris-svc.yaml").read_text().replace("[linear, rbf]", "[linear]")
    (shell.folder / "recipes" / "iris-svc.yaml").write_text(text)

    checked = shell.mlproject("recipes", "check", "iris-svc", "--json").json
    assert checked["candidates"] == 3


def test_every_recipe_that_ships_names_its_last_step_model(work: Path) -> None:
    from training import catalogue

    for name in catalogue.available():
        pipeline = catalogue.load(name).pipeline
        assert isinstance(pipeline, list)
        assert list(pipeline[-1]) == ["model"], name


def test_the_version_is_printed(shell: Shell) -> None:
    from mlproject.base.version import __version__

    assert shell.run("mlproject", "--version").out == f"mlproject, version {__version__}\n"


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
@pytest.mark.parametrize(
    ("redirection", "code", "out"),
    [
        (">&- 2>&-", 2, ""),
        ("2>&-", 2, "exit_code"),
        (">&-", 2, ""),
        (">/dev/full", 1, ""),
        ("| true; exit ${PIPESTATUS[0]}", 2, ""),
    ],
)
def test_closed_and_full_streams_change_no_exit_code_and_show_no_traceback(
    shell: Shell, redirection: str, code: int, out: str
) -> None:
    command = f"{sys.executable} -m training nothing --json {redirection}"
    done = shell.run("bash", "-c", command)

    assert done.code == code, done.err
    assert out in done.out
    assert "Traceback" not in done.err
