"""A model tried before it is deployed, in an environment that is made of its requirements."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlproject.base.errors import ModelError
from mlproject.deployment import environments, preflight
from mlproject.deployment.no_code import NoCodePackage
from mlproject.deployment.package import Package
from mlproject.models import finding
from mlproject.models.opening import open_folder
from mlproject.models.trust import Policy
from mlproject.tracking import session as sessions
from mlproject.tracking.target import resolve
from tests.conftest import Shell


@pytest.fixture(scope="module")
def folder(own_shell: Callable[[], Shell]) -> Path:
    shell = own_shell()
    run = shell.trained("iris-svc")
    with sessions.opened(resolve((shell.folder / "mlruns").as_uri())) as session:
        return Path(finding.find(run["model_uri"], session).location.removeprefix("file://"))


def packaged(folder: Path, kind: type[Package] = Package) -> Package:
    source = finding.ModelSource("models:/iris/1", str(folder), version="1")
    return kind(open_folder(folder, source, Policy()), folder, "predict")


def test_the_environment_is_the_models_own_and_what_scoring_needs(folder: Path) -> None:
    package = packaged(folder)

    assert package.requirements[: len(package.own_requirements)] == package.own_requirements
    assert "azureml-inference-server-http>=1.5" in package.requirements
    assert sum(line.startswith("scikit-learn") for line in package.requirements) == 1
    assert "python=3." in package.conda
    lists = packaged(folder, NoCodePackage).requirements
    assert {"azureml-ai-monitoring", "azureml-inference-server-http>=1.4"} <= set(lists)


def test_without_requirements_or_an_example_nothing_is_tried(folder: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("MLmodel", "model.skops"):
        (bare / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(ModelError, match="does not say what it needs"):
        _ = packaged(bare).requirements
    with pytest.raises(ModelError, match="has no input example"):
        _ = packaged(bare).body


@pytest.mark.nightly
@pytest.mark.parametrize("kind", [Package, NoCodePackage])
def test_a_model_answers_in_an_environment_made_of_its_requirements(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Package]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    package = packaged(folder, kind)

    assert preflight.answer(package, built=True) == preflight.answer(package, built=False)


@pytest.mark.nightly
def test_requirements_that_cannot_be_installed_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(ModelError, match="cannot be made: .*numpy==0.0.1"):
        environments.made(["numpy==0.0.1"], "3.11")
