"""The project as an MLflow Project: local, in an environment of its own, and from git."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT, Finished, Shell, children_of


@pytest.fixture
def project(shell: Shell) -> Shell:
    return copied(shell)


def copied(shell: Shell) -> Shell:
    """Return a shell in a copy of the checkout, without what git would not have."""
    folder = shell.folder / "project"
    listed = subprocess.check_output(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True
    )
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    environment = dict(shell.environment)
    environment.pop("PYTHONPATH")  # python src finds the packages by itself
    return Shell(folder, environment)


def exports(project: Shell, *target: str) -> dict[str, str]:
    """Return what ``tracking env`` prints, as a shell would take it."""
    done = project.python("src", "tracking", "env", *target)
    return dict(re.findall(r"^export (\w+)=(.*)$", done.out, re.MULTILINE))


def mlflow_run(project: Shell, *arguments: str, where: str = ".", **more: str) -> Finished:
    return project.warm("-m", "mlflow", "run", where, *arguments, **more)


def the_run(store: Any, experiment: str = "0") -> tuple[Any, list[Any]]:
    """Return the only parent run of an experiment and its children."""
    runs = store.search_runs([experiment])
    (parent,) = [run for run in runs if "mlproject.candidate" not in run.data.tags]
    return parent, children_of(store, experiment, parent.info.run_id)


def test_in_the_current_environment_the_started_run_becomes_the_parent(
    project: Shell, client: Callable[[str], Any]
) -> None:
    variables = exports(project)
    done = mlflow_run(project, "--env-manager", "local", **variables)
    parent, children = the_run(client(variables["MLFLOW_TRACKING_URI"]))

    assert done.code == 0, done.err
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["mlflow.project.entryPoint"] == "main"
    assert parent.data.tags["mlproject.recipe"] == "diabetes-lassolars"
    assert len(children) == 5


def test_the_parameters_of_both_entry_points_reach_their_commands(
    project: Shell, client: Callable[[str], Any]
) -> None:
    variables = exports(project, "sqlite:///mlflow.db")
    (project.folder / "rooms.csv").write_text(
        "area,price\n" + "".join(f"{i},{i * 2.5}\n" for i in range(60))
    )
    given = {
        "recipe": "diabetes-lassolars",
        "data": "rooms.csv",
        "target": "price",
        "params": "model__alpha=0.01,0.1;model__fit_intercept=true",
        "register": "rooms",
        "engine": "local",
        "jobs": "2",
        "seed": "5",
    }
    arguments = [part for key, value in given.items() for part in ("-P", f"{key}={value}")]
    done = mlflow_run(project, "-e", "train", "--env-manager", "local", *arguments, **variables)
    store = client(variables["MLFLOW_TRACKING_URI"])
    parent, children = the_run(store)

    assert done.code == 0, done.err
    assert len(children) == 2
    assert parent.data.tags["mlproject.data.source"].endswith("rooms.csv")
    assert parent.data.tags["mlproject.seed"] == "5"
    assert parent.data.params["n_jobs"] == "2"
    assert store.get_model_version("rooms", "1").run_id == parent.info.run_id

    given = {
        "model": "models:/rooms/1",
        "input": "new.csv",
        "output": "out.csv",
        "keep": "area",
        "on_error": "reject",
        "rejects": "bad.csv",
        "max_rejects": "50%",
        "jobs": "2",
        "overwrite": "true",
    }
    (project.folder / "new.csv").write_text("price,area\n1,10\n2,much\n3,20\n")
    (project.folder / "out.csv").write_text("of before")
    arguments = [part for key, value in given.items() for part in ("-P", f"{key}={value}")]
    done = mlflow_run(project, "-e", "score", "--env-manager", "local", *arguments, **variables)
    (scoring,) = [
        run
        for run in store.search_runs(["0"])
        if run.data.tags.get("mlflow.project.entryPoint") == "score"
    ]

    assert done.code == 0, done.err
    assert scoring.info.status == "FINISHED"
    assert scoring.data.metrics["rows_rejected"] == 1
    lines = (project.folder / "out.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["area", "10", "20"]
    assert ",much" in (project.folder / "bad.csv").read_text()


def test_a_mistake_fails_the_run_that_mlflow_started(
    project: Shell, client: Callable[[str], Any]
) -> None:
    variables = exports(project)
    done = mlflow_run(project, "--env-manager", "local", "-P", "recipe=nothing", **variables)
    parent, children = the_run(client(variables["MLFLOW_TRACKING_URI"]))

    assert done.code != 0
    assert "No recipe 'nothing'" in done.err
    assert (parent.info.status, children) == ("FAILED", [])


@pytest.fixture(scope="module")
def trained_by_uv(own_shell: Callable[[], Shell]) -> tuple[Shell, Finished]:
    """A project that has trained in an environment made from conda.yaml, and how that went."""
    wanted = yaml.safe_load((ROOT / "conda.yaml").read_text())["dependencies"][0]
    version = wanted.partition("=")[2]
    found = subprocess.run(
        [sys.executable, "-m", "uv", "python", "find", "--no-project", version],
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode != 0:
        pytest.skip(f"conda.yaml asks for Python {version}, which is not on this machine")
    cache = os.environ.get("UV_CACHE_DIR") or subprocess.check_output(
        [sys.executable, "-m", "uv", "cache", "dir"], text=True
    )
    project = copied(own_shell())
    project.environment["UV_CACHE_DIR"] = cache.strip()
    arguments = ["--env-manager", "uv", "-P", "params=model__alpha=0.05,0.2"]
    return project, project.run("mlflow", "run", ".", *arguments, **exports(project))


def test_in_an_environment_made_by_uv_from_conda_yaml(
    trained_by_uv: tuple[Shell, Finished], client: Callable[[str], Any]
) -> None:
    project, done = trained_by_uv
    parent, children = the_run(client((project.folder / "mlruns").as_uri()))

    assert done.code == 0, done.err
    assert parent.info.status == "FINISHED"
    assert [child.data.params["model__alpha"] for child in children] == ["0.05", "0.2"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs a POSIX shell")
def test_such_an_environment_reaches_a_workspace(trained_by_uv: tuple[Shell, Finished]) -> None:
    project, _ = trained_by_uv
    (project.folder / "new.csv").write_text("age,sex,bmi,bp,s1,s2,s3,s4,s5,s6\n" + "0," * 9 + "0\n")
    script = """
mlflow run . --env-manager uv -P register=diabetes &&
mlflow run . --env-manager uv -e score -P model=models:/diabetes/1 -P input=new.csv -P output=o.csv
"""
    done = project.run("mlproject", "emulator", "run", "--", "bash", "-c", script)

    assert done.code == 0, done.err
    assert "the Azure ML workspace" in done.out
    assert len((project.folder / "o.csv").read_text().splitlines()) == 2


def test_from_a_git_address(project: Shell, client: Callable[[str], Any]) -> None:
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (
        ["init", "--quiet", "--initial-branch", "main"],
        ["add", "--all"],
        [*author, "commit", "--quiet", "--message", "everything"],
    ):
        assert project.run("git", *command).code == 0
    commit = project.run("git", "rev-parse", "HEAD").out.strip()
    elsewhere = Shell(project.folder.parent, project.environment)
    variables = exports(project, f"sqlite:///{elsewhere.folder.as_posix()}/mlflow.db")
    done = mlflow_run(
        elsewhere,
        "--version",
        "main",
        "--env-manager",
        "local",
        where=project.folder.as_uri(),
        **variables,
    )
    parent, children = the_run(client(variables["MLFLOW_TRACKING_URI"]))

    assert done.code == 0, done.err
    assert parent.data.tags["mlflow.source.git.commit"] == commit
    assert len(children) == 5
