"""What goes wrong on the way to a workspace: one line, exit code 4, within seconds."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from mlproject.emulator import identities
from mlproject.emulator.instance import EmulatorInstance
from tests.conftest import Finished, Shell, free_port
from tests.workspace.conftest import URI

_CONFIG = identities.config()


def refused(done: Finished, *texts: str) -> None:
    assert done.code == 4, done.err
    for text in texts:
        assert text in done.error, done.error


@pytest.fixture
def elsewhere(azure_shell: Shell) -> Shell:
    """A shell in which nothing but the folder says which workspace."""
    kept = {k: v for k, v in azure_shell.environment.items() if k != "MLPROJECT_WORKSPACE"}
    return Shell(azure_shell.folder, kept)


def train(shell: Shell, *options: str, **more: str) -> Finished:
    started = time.monotonic()
    done = shell.train("--tracking", "azureml", *options, **more)
    assert time.monotonic() - started < 60
    assert not (shell.folder / "mlruns").exists()
    return done


def test_no_config_says_where_one_comes_from(elsewhere: Shell) -> None:
    refused(train(elsewhere), "No config.json", str(elsewhere.folder), "--workspace PATH")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{", "cannot be read"),
        ("[]", "does not name a workspace"),
        ('{"subscription_id": "x"}', "it lacks resource_group, workspace_name"),
        ('{"subscription_id": "x", "resource_group": "", "workspace_name": 3}', "it lacks resour"),
    ],
)
def test_a_broken_config_is_named(elsewhere: Shell, content: str, text: str) -> None:
    folder = elsewhere.folder / ".azureml"
    folder.mkdir()
    (folder / "config.json").write_text(content)

    refused(train(elsewhere), str(folder / "config.json"), text)


def test_the_config_of_a_folder_above_is_found(elsewhere: Shell) -> None:
    (elsewhere.folder / "config.json").write_text(json.dumps(_CONFIG))
    below = elsewhere.folder / "a" / "b"
    below.mkdir(parents=True)
    (below / "config.json").write_text('{"model": "of another program"}')

    there = Shell(below, elsewhere.environment)
    done = there.mlproject("tracking", "show", "--tracking", "azureml")

    assert done.code == 0, done.err
    assert "'workspace'" in done.out


def test_a_given_config_wins(elsewhere: Shell) -> None:
    (elsewhere.folder / "config.json").write_text("{")
    (elsewhere.folder / "mine").mkdir()
    (elsewhere.folder / "mine" / "config.json").write_text(json.dumps(_CONFIG))

    done = elsewhere.mlproject("tracking", "show", "--tracking", "azureml", "--workspace", "mine")

    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ("workspace_name", "not found"),
        ("resource_group", "not found"),
        ("subscription_id", "subscription"),
    ],
)
def test_a_workspace_that_is_not_there_is_named(elsewhere: Shell, changed: str, text: str) -> None:
    config = _CONFIG | {changed: "99999999-9999-4999-8999-999999999999"}
    (elsewhere.folder / "config.json").write_text(json.dumps(config))

    refused(train(elsewhere), f"'{config['workspace_name']}'", "config.json", text)


def test_no_permission_says_which_role(shell: Shell, azureml_emulator: EmulatorInstance) -> None:
    guest = Shell(shell.folder, shell.environment | azureml_emulator.environment_of("guest"))

    for done in (train(guest), guest.train("--tracking", URI)):
        refused(done, "No permission in the workspace 'workspace'", "role 'AzureML Data Scientist'")


def test_a_managed_identity_signs_in(shell: Shell, azureml_emulator: EmulatorInstance) -> None:
    there = Shell(shell.folder, shell.environment | azureml_emulator.environment_of("managed"))

    done = there.mlproject("tracking", "show", "--tracking", "azureml")

    assert done.code == 0, done.err


def test_no_credential_says_which_were_tried_and_what_to_set(azure_shell: Shell) -> None:
    bare = {k: v for k, v in azure_shell.environment.items() if not k.startswith("AZURE")}
    nobody = Shell(azure_shell.folder, bare | {"AZUREML_CURRENT_CLOUD": "AzureCloud"})

    for done in (train(nobody), nobody.train("--tracking", URI)):
        refused(
            done,
            "EnvironmentCredential",
            "ManagedIdentityCredential",
            "AzureCliCredential",
            "az login",
        )


def test_a_wrong_secret_is_told_with_azure_s_own_reason_and_not_printed(
    azure_shell: Shell,
) -> None:
    done = train(azure_shell, AZURE_CLIENT_SECRET="s3cret-and-wrong")

    refused(done, "AADSTS7000215")
    assert "s3cret-and-wrong" not in done.out + done.err


def test_microsoft_s_own_scheme_is_corrected(azure_shell: Shell) -> None:
    done = azure_shell.train("--tracking", identities.TRACKING_URI)

    refused(done, "Microsoft's own plugin", f"Write {URI}")


def test_a_uri_without_a_workspace_is_refused(azure_shell: Shell) -> None:
    refused(azure_shell.train("--tracking", "azureml3://host/x"), "names no Azure ML workspace")


def test_a_region_that_is_gone_is_given_up_within_seconds(azure_shell: Shell) -> None:
    gone = URI.replace("westeurope", "atlantis")
    started = time.monotonic()
    done = azure_shell.train("--tracking", gone)

    refused(done, "'workspace' at atlantis.api.azureml.ms cannot be used")
    assert time.monotonic() - started < 60


def test_a_network_without_a_way_out_is_given_up_within_seconds(azure_shell: Shell) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"

    refused(train(azure_shell, HTTPS_PROXY=nowhere), "cannot be used")


def test_nobody_is_asked_where_nobody_is(azure_shell: Shell) -> None:
    done = azure_shell.train("--tracking", "azureml", "--interactive")

    assert done.code == 2
    assert "--interactive needs somebody at a terminal" in done.err


def test_a_clock_that_is_wrong_is_named(tmp_path: Path) -> None:
    from email.utils import formatdate

    import requests

    from mlproject.azure.connection.calls import _clock_hint

    response = requests.Response()
    response.headers["Date"] = formatdate(time.time() - 7200, usegmt=True)

    assert re.search("clock is 720[01] s ahead", _clock_hint(response))
