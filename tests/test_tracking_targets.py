"""Where runs go, in the documented order, and what other programs are told."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlproject.base import settings
from mlproject.base.errors import ConfigurationError
from mlproject.cli.frame import described
from mlproject.tracking.failures import as_tracking_error, short_reason
from mlproject.tracking.first_use import first_use
from mlproject.tracking.target import resolve
from tests.conftest import Finished, Shell, new_environment
from tests.new_databases import MAKES_TABLES


def local(folder: Path) -> str:
    return (folder / "mlruns").as_uri()


def test_the_order_is_option_variable_saved_choice_store_in_the_folder_local(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (resolve().uri, resolve().origin) == (local(work), "the default")

    (work / "mlflow.db").write_text("")
    assert resolve().uri == f"sqlite:///{work.as_posix()}/mlflow.db"

    (work / "mlruns" / "0").mkdir(parents=True)
    (work / "mlruns" / "0" / "meta.yaml").write_text("")
    assert (resolve().uri, resolve().origin) == (local(work), "the folder mlruns")

    settings.write_tracking("http://127.0.0.1:5000")
    assert resolve().uri == "http://127.0.0.1:5000"

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://variable:5000")
    assert (resolve().uri, resolve().origin) == ("http://variable:5000", "MLFLOW_TRACKING_URI")

    assert (resolve("local").uri, resolve("local").origin) == (local(work), "--tracking")


def test_an_empty_option_and_an_empty_variable_count_as_not_given(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")

    assert resolve("").origin == "the default"


def test_artifacts_of_a_database_do_not_make_mlruns_a_store(work: Path) -> None:
    (work / "mlflow.db").write_text("")
    (work / "mlruns" / "1" / "abc" / "artifacts").mkdir(parents=True)

    assert resolve().uri.startswith("sqlite:")


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("./store", "/store"),
        ("file:./store", "/store"),
        ("file:store", "/store"),
        ("sqlite:///my.db", "/my.db"),
    ],
)
def test_relative_places_become_absolute(work: Path, text: str, end: str) -> None:
    uri = resolve(text).uri

    assert uri.endswith(f"{work.as_posix()}{end}")


def test_a_saved_choice_holds_below_its_folder_and_relative_to_it(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.write_tracking("local")
    (work / ".git").mkdir()
    (work / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(work / "deep" / "er")

    assert resolve().uri == local(work)


def test_a_broken_settings_file_is_named(work: Path) -> None:
    (work / ".mlproject.yaml").write_text("trakcing: local\n")

    with pytest.raises(ConfigurationError, match="no key 'trakcing'. Did you mean 'tracking'"):
        resolve()


def test_use_saves_show_shows_and_env_exports(shell: Shell) -> None:
    used = shell.mlproject("tracking", "use", "sqlite:///team.db")
    shown = shell.mlproject("tracking", "show", "--json")
    exported = shell.mlproject("tracking", "env")

    uri = f"sqlite:///{shell.folder.as_posix()}/team.db"
    assert used.code == 0, used.err
    assert shown.json["uri"] == uri
    assert shown.json["origin"] == str(shell.folder / ".mlproject.yaml")
    assert exported.out == f"export MLFLOW_TRACKING_URI={uri}\n"


def test_use_does_not_save_a_secret(shell: Shell) -> None:
    done = shell.mlproject("tracking", "use", "https://me:s3cret@host")

    assert done.code == 2
    assert "s3cret" not in done.err
    assert not (shell.folder / ".mlproject.yaml").exists()


@pytest.mark.parametrize(
    ("shell_name", "line"),
    [
        ("sh", "export MLFLOW_ALLOW_FILE_STORE=true"),
        ("fish", "set -gx MLFLOW_ALLOW_FILE_STORE true"),
        ("powershell", "$env:MLFLOW_ALLOW_FILE_STORE = 'true'"),
        ("cmd", 'set "MLFLOW_ALLOW_FILE_STORE=true"'),
    ],
)
def test_env_speaks_the_shell_and_sets_what_the_file_store_needs(
    shell: Shell, shell_name: str, line: str
) -> None:
    assert line in shell.mlproject("tracking", "env", "local", "--shell", shell_name).out


def test_training_leaves_a_run_in_sqlite_that_a_second_training_finds(shell: Shell) -> None:
    first = shell.trained("--tracking", "sqlite:///mlflow.db")
    second = shell.trained()

    assert second["tracking_uri"] == first["tracking_uri"]
    assert second["experiment_id"] == first["experiment_id"]
    assert first["children"] == second["children"] == 5
    assert not list((shell.folder / "mlruns").glob("*/meta.yaml"))


def test_training_on_an_http_server_prints_one_object_and_nothing_else(
    shell: Shell, server: str
) -> None:
    done = shell.train("--json", MLFLOW_TRACKING_URI=server)

    assert done.code == 0, done.err
    assert json.loads(done.out)["children"] == 5
    assert done.json["tracking_uri"] == server


def test_a_variable_names_the_experiment(shell: Shell) -> None:
    assert shell.trained(MLFLOW_EXPERIMENT_NAME="team")["experiment"] == "team"
    chosen = shell.trained("--experiment", "mine", MLFLOW_EXPERIMENT_NAME="team")
    assert chosen["experiment"] == "mine"


def test_the_reason_of_a_chain_of_network_errors_is_the_innermost() -> None:
    try:
        try:
            raise ConnectionRefusedError(111, "Connection refused")
        except OSError as error:
            raise RuntimeError("outer") from error
    except RuntimeError as error:
        assert short_reason(error) == "[Errno 111] Connection refused"


def test_a_server_that_does_not_answer_is_not_saved(shell: Shell) -> None:
    done = shell.mlproject("tracking", "use", "http://127.0.0.1:9")

    assert done.code == 4
    assert "http://127.0.0.1:9 cannot be used" in done.error
    assert "Nothing is saved: start it first, or write 'tracking: http://127.0.0.1:9' into" in (
        done.error
    )
    assert not (shell.folder / ".mlproject.yaml").exists()


def test_a_server_that_answers_is_saved(shell: Shell, server: str) -> None:
    done = shell.mlproject("tracking", "use", server)

    assert (done.code, done.out) == (
        0,
        f"Saved in {shell.folder}/.mlproject.yaml: {server} ({server})\n",
    )


@pytest.mark.parametrize("target", ["local", "./runs", "sqlite:///later.db"])
def test_a_local_store_is_saved_and_made_later(shell: Shell, target: str) -> None:
    assert shell.mlproject("tracking", "use", target).code == 0
    assert [path.name for path in shell.folder.iterdir()] == [".mlproject.yaml"]


def test_a_workspace_is_saved_when_its_file_is_there_and_nobody_is_signed_in(shell: Shell) -> None:
    without = shell.mlproject("tracking", "use", "azureml")
    names = ("subscription_id", "resource_group", "workspace_name")
    (shell.folder / "config.json").write_text(json.dumps(dict.fromkeys(names, "a")))
    done = shell.mlproject("tracking", "use", "azureml", HTTPS_PROXY="http://127.0.0.1:9")

    assert (without.code, done.code) == (4, 0)
    assert "No config.json of an Azure ML workspace" in without.error
    assert "Warning: It cannot be used yet. The Azure ML workspace 'a' of" in done.err
    assert (shell.folder / ".mlproject.yaml").read_text().endswith("tracking: azureml\n")


def test_the_artifacts_of_a_database_in_the_same_folder_are_passed_over(shell: Shell) -> None:
    theirs = (
        "import mlflow\nmlflow.set_experiment('theirs')\n"
        "with mlflow.start_run():\n    mlflow.log_text('x', 'a.txt')\n"
    )
    assert shell.warm("-c", theirs, MLFLOW_TRACKING_URI="sqlite:///mlflow.db").code == 0
    assert not list((shell.folder / "mlruns").glob("*/meta.yaml"))

    trained = shell.train("--tracking", "local", "--register", "ours")
    listed = shell.mlproject("models", "list", "--tracking", "local")

    assert (trained.code, listed.code) == (0, 0)
    assert "Malformed" not in trained.err + listed.err
    assert "Traceback" not in trained.err + listed.err


def test_processes_that_take_a_new_database_at_once_all_record(shell: Shell) -> None:
    command = ["-m", "training", "--tracking", "sqlite:///mlflow.db", "--json"]
    started = [shell.start(*command, **{MAKES_TABLES: "1"}) for _ in range(8)]
    ended = [(*process.communicate(timeout=300), process.returncode) for process in started]

    assert [code for _, _, code in ended] == [0] * 8, [err for _, err, _ in ended]
    assert len({json.loads(out)["run_id"] for out, _, _ in ended}) == 8
    assert len({json.loads(out)["experiment_id"] for out, _, _ in ended}) == 1
    assert sorted(path.name for path in shell.folder.iterdir()) == ["mlartifacts", "mlflow.db"]


def test_a_database_that_was_not_finished_is_finished_by_the_next(shell: Shell) -> None:
    """As a process leaves it that is killed while it makes the tables."""
    (shell.folder / "mlflow.db").touch()
    (shell.folder / ".mlflow.db.first-use").touch()
    shell.trained("--tracking", "sqlite:///mlflow.db", **{MAKES_TABLES: "1"})

    assert not (shell.folder / ".mlflow.db.first-use").exists()


def test_a_complete_database_is_used_without_a_lock(work: Path) -> None:
    uri = f"sqlite:///{(work / 'mlflow.db').as_posix()}"
    with first_use(uri):
        assert (work / ".mlflow.db.first-use").exists()
        (work / "mlflow.db").touch()
    with first_use(uri):
        assert [path.name for path in work.iterdir()] == ["mlflow.db"]


NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


@dataclass
class Nobody(Shell):
    """Runs commands as a user for whom permissions hold; root has no need of any."""

    def run(self, *command: str, **more: str) -> Finished:
        return super().run(*(NOBODY if os.geteuid() == 0 else []), *command, **more)


@pytest.fixture
def nobody() -> Iterator[Nobody]:
    """In a folder of its own, as others may not enter those that pytest makes."""
    if not hasattr(os, "geteuid"):
        pytest.skip("Windows has permissions of another kind")
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and setpriv is not installed")
    with tempfile.TemporaryDirectory() as base:
        user = Nobody(Path(base, "work"), new_environment(Path(base, "home")))
        (user.folder / "closed").mkdir(parents=True)
        for folder in (Path(base), Path(base, "home"), user.folder):
            folder.chmod(0o777)
        (user.folder / "closed").chmod(0o555)
        if user.python("-c", "import mlproject.cli.main, click").code != 0:
            pytest.skip("another user may not enter the folder of Python or of this project")
        yield user
        (user.folder / "closed").chmod(0o755)
        user.folder.chmod(0o777)


@pytest.mark.parametrize(
    ("tracking", "what"),
    [
        ("./closed/mlruns", "Permission denied: .*/closed/mlruns. Change its permissions"),
        ("sqlite:///closed/mlflow.db", "mlflow.db cannot be made in a folder that cannot be"),
        (f"./{'n' * 300}", "File name too long: .* Give a shorter name"),
        (f"sqlite:///{'n' * 300}.db", "File name too long: .* Give a shorter name"),
    ],
)
def test_a_store_that_cannot_be_written_is_told_in_one_line_with_what_to_do(
    nobody: Nobody, tracking: str, what: str
) -> None:
    done = nobody.python("-m", "training", "--tracking", tracking)

    assert done.code == 2
    assert re.search(what, done.error)


def test_a_saved_choice_that_cannot_be_written_is_told_with_what_to_do(
    nobody: Nobody,
) -> None:
    nobody.folder.chmod(0o555)
    done = nobody.python("-m", "mlproject", "tracking", "use", "local")

    assert done.code == 2
    assert "Permission denied: " in done.error
    assert done.error.endswith("Change its permissions, or name another place.")


def test_a_database_that_is_read_only_is_told_in_one_line(
    nobody: Nobody,
) -> None:
    nobody.trained("--tracking", "sqlite:///mlflow.db")
    (nobody.folder / "mlflow.db").chmod(0o444)
    for path in (nobody.folder / "mlartifacts").rglob("*"):
        path.chmod(0o777)
    done = nobody.python("-m", "training", "--tracking", "sqlite:///mlflow.db")

    assert done.code == 2
    assert done.error.endswith(
        "The run cannot be started: attempt to write a readonly database. Change its permissions, "
        "or name another file."
    )


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_what_a_full_or_read_only_disk_says_is_told_with_what_to_do(number: int) -> None:
    said = OSError(number, os.strerror(number), "/data/file")
    code, line = described(said)
    assert (code, line[: line.index(".")]) == (2, f"{os.strerror(number)}: /data/file")
    ending = as_tracking_error("The run cannot be ended")
    with pytest.raises(ConfigurationError, match="The run cannot be ended: .* place"), ending:
        raise said
