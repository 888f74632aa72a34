"""The environment here, compared with the lock, a model and a run; and as a container."""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from mlproject.azure.resources.environments import IMAGE
from tests.conftest import ROOT, Shell

PYTHON = ".".join(map(str, sys.version_info[:2]))


def conda(shell: Shell, *pins: str, python: str = PYTHON) -> None:
    content = {"dependencies": [f"python={python}", "pip", {"pip": list(pins)}]}
    (shell.folder / "conda.yaml").write_text(yaml.safe_dump(content))


def test_an_environment_that_is_as_the_lock_says_is_said_to_be(shell: Shell) -> None:
    conda(shell, f"numpy=={version('numpy')}", "pywin32==1 ; sys_platform == 'win32'", "pip")

    done = shell.mlproject("env", "check", "--json")

    assert done.code == 0, done.err
    assert (done.json["compared"], done.json["differences"]) == ({"lock": 2}, [])


def test_what_differs_from_the_lock_is_named(shell: Shell) -> None:
    conda(shell, "numpy==1.0", "nothing-like-this==2.0", python="3.8")

    done = shell.mlproject("env", "check", "--json")
    shown = shell.mlproject("env", "check")

    assert done.code == shown.code == 2
    assert f"numpy {version('numpy')} instead of 1.0 (lock)" in done.err
    found = {item["package"]: item["here"] for item in done.json["differences"]}
    assert found["nothing-like-this"] is None
    assert set(found) == {"numpy", "nothing-like-this", "python"}
    assert "nothing-like-this" in shown.out


def test_a_run_and_its_model_are_compared_too(shell: Shell) -> None:
    conda(shell)
    run_id = shell.trained("iris-svc", "--tracking", "local")["run_id"]

    same = shell.mlproject("env", "check", "--run-id", run_id, "--json")
    (record,) = (shell.folder / "mlruns").rglob("environment.txt")
    record.write_text(re.sub(r"numpy==\S+", "numpy==1.0", record.read_text()))
    (model,) = (shell.folder / "mlruns").rglob("requirements.txt")
    model.write_text("scikit-learn==0.1\n")
    other = shell.mlproject("env", "check", "--run-id", run_id, "--json")

    assert same.code == 0, same.err
    assert set(same.json["compared"]) == {"lock", "run", "model"}
    assert other.code == 2
    found = [(item["package"], item["of"]) for item in other.json["differences"]]
    assert found == [("numpy", "run"), ("scikit-learn", "model")]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--run-id", "0" * 32, "--tracking", "local"), 4, "cannot be read"),
        (("--model", "nowhere"), 5, "No folder nowhere"),
    ],
)
def test_what_is_not_there_to_compare_with_is_told(
    shell: Shell, words: tuple[str, ...], code: int, message: str
) -> None:
    conda(shell)

    done = shell.mlproject("env", "check", *words)

    assert done.code == code
    assert message in done.error


@pytest.mark.parametrize("text", ["a: [", "name: a\n"])
def test_a_damaged_conda_file_is_told(shell: Shell, text: str) -> None:
    (shell.folder / "conda.yaml").write_text(text)

    done = shell.mlproject("env", "check")

    assert done.code == 2
    assert "conda.yaml" in done.error


def test_a_container_is_made_of_what_jobs_have(shell: Shell) -> None:
    conda(shell, "numpy==1.0")
    before = (shell.folder / "conda.yaml").read_text()

    done = shell.mlproject("env", "docker", "--json")

    assert done.code == 0, done.err
    assert [Path(path).name for path in done.json["paths"]] == ["Dockerfile", "devcontainer.json"]
    dockerfile = (shell.folder / "Dockerfile").read_text()
    assert f"FROM {IMAGE}\n" in dockerfile
    assert (shell.folder / "conda.yaml").read_text() == before
    container = json.loads((shell.folder / ".devcontainer" / "devcontainer.json").read_text())
    assert (shell.folder / ".devcontainer" / container["build"]["dockerfile"]).resolve() == (
        shell.folder / "Dockerfile"
    )


def test_a_folder_without_a_lock_gets_this_projects_own(shell: Shell) -> None:
    done = shell.mlproject("env", "docker", "--image", "some/gpu:1", "--json")

    assert done.code == 0, done.err
    assert (shell.folder / "conda.yaml").read_text() == (ROOT / "conda.yaml").read_text()
    assert "FROM some/gpu:1\n" in (shell.folder / "Dockerfile").read_text()
