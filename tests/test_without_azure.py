"""The package without the extra ``azureml``: everything but Azure ML works, and says nothing."""

from __future__ import annotations

import os
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Finished, Shell

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")
MICROSOFT = ("azure", "msal", "msrest")


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the packages of this one, less Microsoft's."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False)
    (packages,) = folder.glob("lib/python3.*/site-packages")
    for item in Path(sysconfig.get_path("purelib")).iterdir():
        if not item.name.startswith(MICROSOFT):
            (packages / item.name).symlink_to(item)
    return folder / "bin" / "python"


@pytest.fixture
def bare(shell: Shell, bare_python: Path) -> Callable[..., Finished]:
    """A function that runs that interpreter."""
    return lambda *arguments: shell.run(str(bare_python), *arguments)


def test_mlflow_is_imported_without_a_word(bare: Callable[..., Finished]) -> None:
    code = "import sys, mlflow; print([name for name in sys.modules if name.startswith('azure')])"
    done = bare("-W", "error", "-c", code)

    assert (done.code, done.out, done.err) == (0, "[]\n", "")


def test_training_and_scoring_work(shell: Shell, bare: Callable[..., Finished]) -> None:
    trained = bare("-m", "training", "--register", "bare", "--json", "--quiet")
    (shell.folder / "new.csv").write_text(
        "age,sex,bmi,bp,s1,s2,s3,s4,s5,s6\n" + "0.01," * 9 + "0\n"
    )
    command = ["--model", "models:/bare/1", "--input", "new.csv", "--output", "out.csv"]
    scored = bare("-m", "inference", *command, "--json", "--quiet")

    assert (trained.code, trained.err) == (0, "")
    assert trained.json["children"] == 5
    assert (scored.code, scored.err) == (0, "")
    assert scored.json["rows_out"] == 1


def test_azure_ml_is_refused_with_the_name_of_the_extra(bare: Callable[..., Finished]) -> None:
    training = bare("-m", "training", "--tracking", "azureml")
    uri = "azureml3://h/mlflow/v1.0/subscriptions/s/resourceGroups/g/providers/p/workspaces/w"
    program = bare("-c", f"import mlflow; mlflow.MlflowClient('{uri}').get_run('1')")

    assert training.code == 4
    assert "Install the extra 'azureml': pip install -e '.[azureml]'" in training.error
    assert "MlflowException: Azure ML needs packages that are not installed" in program.err
