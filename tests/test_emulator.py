"""The emulator of an Azure ML workspace: what it answers, what it refuses, what goes wrong."""

from __future__ import annotations

import json
import sys
import time
from importlib.util import find_spec
from typing import Any

import pytest

from tests.conftest import Finished, Shell

# A client that knows HTTP and nothing of this project.
CLIENT = """
import json, os, requests
api = "https://westeurope.api.azureml.ms"
login = "https://login.microsoftonline.com/" + os.environ["AZURE_TENANT_ID"]
scope = ("/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/emulated"
         "/providers/Microsoft.MachineLearningServices/workspaces/workspace")
form = {"client_id": os.environ["AZURE_CLIENT_ID"], "grant_type": "client_credentials",
        "client_secret": os.environ["AZURE_CLIENT_SECRET"],
        "scope": "https://management.azure.com/.default"}
token = requests.post(login + "/oauth2/v2.0/token", data=form).json()["access_token"]
head = {"Authorization": "Bearer " + token}
def mlflow(endpoint, **content):
    path = f"{api}/mlflow/v2.0{scope}/api/2.0/mlflow/{endpoint}"
    return requests.post(path, json=content, headers=head)
def run():
    experiment = mlflow("experiments/create", name=os.urandom(4).hex()).json()["experiment_id"]
    return mlflow("runs/create", experiment_id=experiment).json()["run"]["info"]
"""


def emulated(shell: Shell, code: str, *options: str) -> Finished:
    """Run a client against an emulator of its own."""
    (shell.folder / "client.py").write_text(CLIENT + code)
    command = ["-m", "mlproject", "emulator", "run", "--state", "state", *options]
    return shell.python(*command, "--", sys.executable, "client.py")


def printed(shell: Shell, code: str, *options: str) -> Any:
    done = emulated(shell, code, *options)
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_it_answers_as_the_workspace_does_and_refuses_what_the_workspace_refuses(
    shell: Shell,
) -> None:
    found = printed(
        shell,
        """
info = run()
history = f"{api}/history/v1.0{scope}/experiments/{info['experiment_id']}/runs/{info['run_id']}"
def upload(path):
    asked = {"paths": [{"path": path}]}
    return requests.post(history + "/artifacts/batch/metadata", json=asked, headers=head).json()
first = upload("sub/a.txt")["artifactContentInformation"]["sub/a.txt"]["contentUri"]
put = {"x-ms-blob-type": "BlockBlob", "If-None-Match": "*"}
params = [{"key": f"p{i}", "value": "1"} for i in range(201)]
arm = f"https://management.azure.com{scope}?api-version=2022-05-01"
print(json.dumps({
    "artifact_uri": info["artifact_uri"],
    "workspace": requests.get(arm, headers=head).json()["properties"]["workspaceId"],
    "put": [requests.put(first, data=b"hello", headers=put).status_code for _ in range(2)],
    "range": requests.get(first, headers={"x-ms-range": "bytes=1-2"}).text,
    "past": requests.get(first, headers={"x-ms-range": "bytes=9-12"}).status_code,
    "unsigned": requests.get(first.partition("?")[0]).status_code,
    "again": upload("sub/a.txt")["errors"]["sub/a.txt"]["error"]["message"],
    "listed": [item["path"] for item in
               requests.get(history + "/artifacts", headers=head).json()["value"]],
    "logged_models": [mlflow("logged-models").status_code, mlflow("logged-models").text],
    "aliases": mlflow("registered-models/alias", name="m").status_code,
    "rename": mlflow("registered-models/rename", name="m", new_name="n").status_code,
    "metric": mlflow("runs/log-metric", run_id=info["run_id"], key="m", value=1.0,
                     timestamp=1).status_code,
    "parameters": mlflow("runs/log-batch", run_id=info["run_id"], params=params).json(),
    "no_token": requests.post(f"{api}/mlflow/v2.0{scope}/api/2.0/mlflow/runs/search").status_code,
}))
""",
    )

    assert found["artifact_uri"].startswith("azureml://westeurope.api.azureml.ms/mlflow/v2.0/subs")
    assert "/runs/" in found["artifact_uri"]
    assert found["workspace"] == "33333333-3333-4333-8333-333333333333"
    assert found["put"] == [201, 409]
    assert (found["range"], found["past"], found["unsigned"]) == ("el", 416, 403)
    assert found["again"].endswith("sub/a.txt already exists.")
    assert found["listed"] == ["sub/a.txt"]
    assert found["logged_models"] == [404, ""]
    assert (found["aliases"], found["rename"], found["metric"]) == (404, 404, 200)
    assert found["parameters"]["error_code"] == "INVALID_PARAMETER_VALUE"
    assert "at most 200 parameters" in found["parameters"]["Error"]["Message"]
    assert found["no_token"] == 401


def test_a_token_expires(shell: Shell) -> None:
    code = """
import time
before = mlflow("experiments/search", max_results=1).status_code
time.sleep(2.1)
print(json.dumps([before, mlflow("experiments/search", max_results=1).status_code]))
"""
    assert printed(shell, code, "--token-life", "2") == [200, 401]


@pytest.mark.parametrize(
    ("fault", "seen", "done"),
    [("--throttled", 429, 0), ("--lost", None, 1)],
)
def test_faults_come_when_they_are_asked_for(
    shell: Shell, fault: str, seen: int | None, done: int
) -> None:
    code = """
try:
    print(json.dumps(mlflow("experiments/create", name="mine").status_code))
except requests.ConnectionError:
    print("null")
"""
    assert printed(shell, code, fault, "1.0") == seen
    code = """
path = f"{api}/mlflow/v2.0{scope}/api/2.0/mlflow/experiments/get-by-name?experiment_name=mine"
print(json.dumps(int(requests.get(path, headers=head).status_code == 200)))
"""
    assert printed(shell, code) == done
    log = (shell.folder / "state" / "requests.jsonl").read_text()
    assert "access_token" not in log
    assert json.loads(log.splitlines()[1])["status"] == seen


def test_the_exit_code_is_that_of_the_command(shell: Shell) -> None:
    assert emulated(shell, "raise SystemExit(7)").code == 7
    missing = shell.mlproject("emulator", "run", "--", "no-such-command")
    assert missing.code == 2
    assert "'no-such-command' cannot be run" in missing.error


def test_a_started_emulator_is_found_by_its_folder(shell: Shell) -> None:
    import signal
    import subprocess

    process = subprocess.Popen(
        [sys.executable, "-m", "mlproject", "emulator", "start"],
        cwd=shell.folder,
        env=shell.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert "The emulator is at http://127.0.0.1:" in process.stderr.readline()
        exported = shell.mlproject("emulator", "env").out
        state = shell.mlproject("emulator", "status", "--json").json
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        if process.stderr is not None:
            process.stderr.close()
    time.sleep(0.1)

    assert f"export HTTPS_PROXY={state['address']}\n" in exported
    assert process.returncode == 130
    gone = shell.mlproject("emulator", "status")
    assert gone.code == 2
    assert "No emulator runs with the folder .azureml-emulator" in gone.error


@pytest.mark.skipif(
    find_spec("azureml") is None, reason="needs Microsoft's clients: pip install '.[azureml]'"
)
def test_the_microsoft_clients_work_unmodified_and_log_model_fails_as_on_the_service(
    shell: Shell,
) -> None:
    (shell.folder / "client.py").write_text(
        """
import os, mlflow
from azureml.core import Workspace
from azureml.core.authentication import ServicePrincipalAuthentication
from sklearn.linear_model import LinearRegression
names = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
workspace = Workspace.from_config("state", auth=ServicePrincipalAuthentication(
    *(os.environ[name] for name in names)))
mlflow.set_tracking_uri(workspace.get_mlflow_tracking_uri())
mlflow.set_experiment("e")
with mlflow.start_run() as run:
    mlflow.log_metric("m", 1.5)
    mlflow.log_text("hello", "sub/a.txt")
client = mlflow.MlflowClient()
assert client.get_run(run.info.run_id).data.metrics == {"m": 1.5}
path = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="sub/a.txt")
assert open(path).read() == "hello"
with mlflow.start_run():
    try:
        mlflow.sklearn.log_model(LinearRegression().fit([[1], [2]], [1, 2]), name="model")
    except mlflow.exceptions.MlflowException as error:
        assert "logged-models failed with error code 404" in str(error)
        assert "Response body: ''" in str(error)
    else:
        raise AssertionError("log_model should have failed")
"""
    )
    command = ["-m", "mlproject", "emulator", "run", "--state", "state", "--"]
    done = shell.python(*command, sys.executable, "client.py", MLFLOW_HTTP_REQUEST_MAX_RETRIES="1")

    assert done.code == 0, done.err
