"""Microsoft's own clients, unmodified, on the emulator."""

from __future__ import annotations

import os

from mlproject.emulator import identities
from mlproject.emulator.instance import EmulatorInstance
from tests.conftest import Shell
from tests.emulator.conftest import Client


def microsoft(shell: Shell, environment: dict[str, str], code: str) -> str:
    """Run a script with Microsoft's clients."""
    (shell.folder / "client.py").write_text(code)
    done = Shell(shell.folder, environment).warm("client.py", MLFLOW_HTTP_REQUEST_MAX_RETRIES="1")
    assert done.code == 0, done.err
    return done.out


def test_the_microsoft_clients_work_unmodified_and_log_model_fails_as_on_the_service(
    shell: Shell, azureml_emulator: EmulatorInstance
) -> None:
    code = """
import os, mlflow
from azureml.core import Workspace
from azureml.core.authentication import ServicePrincipalAuthentication
from azureml._restclient.artifacts_client import ArtifactsClient
from sklearn.linear_model import LinearRegression
names = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
workspace = Workspace.from_config(os.environ["MLPROJECT_WORKSPACE"],
    auth=ServicePrincipalAuthentication(*(os.environ[name] for name in names)))
mlflow.set_tracking_uri(workspace.get_mlflow_tracking_uri())
mlflow.set_experiment("e")
with mlflow.start_run() as run:
    mlflow.log_metric("m", 1.5)
    mlflow.log_text("hello", "sub/a.txt")
    mlflow.log_metric("later", 2.5, synchronous=False).wait()
client = mlflow.MlflowClient()
assert client.get_run(run.info.run_id).data.metrics == {"m": 1.5, "later": 2.5}
found = mlflow.search_runs(filter_string=f"attributes.run_id = '{run.info.run_id}'")
assert list(found.run_id) == [run.info.run_id]
path = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="sub/a.txt")
assert open(path).read() == "hello"
old = ArtifactsClient(workspace.service_context)
old.upload_artifact(path, "ExperimentRun", "dcid." + run.info.run_id, "b.txt")
with mlflow.start_run(run.info.run_id):
    try:
        mlflow.log_text("hello", "b.txt")
    except Exception as error:
        assert "already exists" in str(error)
    else:
        raise AssertionError("an artifact was written over")
with mlflow.start_run():
    try:
        mlflow.sklearn.log_model(LinearRegression().fit([[1], [2]], [1, 2]), name="model")
    except mlflow.exceptions.MlflowException as error:
        assert "logged-models failed with error code 404" in str(error)
        assert "Response body: ''" in str(error)
    else:
        raise AssertionError("log_model should have failed")
"""
    environment = azureml_emulator.process_environment("secret", shell.environment)
    microsoft(shell, environment, code)


def test_the_microsoft_client_records_as_a_managed_identity(
    shell: Shell, azureml_emulator: EmulatorInstance
) -> None:
    code = f"""
import mlflow
import os
from azure.identity import ManagedIdentityCredential
from azureml.core import Workspace
from azureml.core.authentication import MsiAuthentication
assert Workspace.from_config(os.environ["MLPROJECT_WORKSPACE"], auth=MsiAuthentication()).name
assert ManagedIdentityCredential().get_token("https://management.azure.com/.default").token
mlflow.set_tracking_uri("{identities.TRACKING_URI}")
with mlflow.start_run():
    mlflow.log_metric("m", 1.5)
"""
    environment = azureml_emulator.process_environment("managed", shell.environment)
    microsoft(shell, environment, code)


def test_the_microsoft_client_joins_a_jobs_run_by_its_token(
    shell: Shell, azureml_emulator: EmulatorInstance, client: Client
) -> None:
    name, experiment = f"exp_1700000000_{os.urandom(4).hex()}", client.experiment()
    job = azureml_emulator.job_environment(name, experiment, "mine")
    code = """
import mlflow
with mlflow.start_run():
    mlflow.log_metric("m", 1.5)
    mlflow.log_text("hello", "a.txt")
"""
    microsoft(shell, shell.environment | job, code)
    found = client.get("runs/get", run_id=name).json()["run"]

    assert found["data"]["metrics"][0]["value"] == 1.5
    assert client.session.get(client.located(found["info"], "a.txt")).content == b"hello"


def test_the_microsoft_client_finds_the_cloud_by_itself(
    shell: Shell, azureml_emulator: EmulatorInstance
) -> None:
    code = """
from azureml.mlflow._common._cloud.cloud import _get_cloud_metadata_from_known_urls
[cloud] = _get_cloud_metadata_from_known_urls().values()
assert cloud.name == "AzureCloud"
assert cloud.endpoints.resource_manager == "https://management.azure.com/"
assert cloud.suffixes.storage_endpoint == "core.windows.net"
"""
    environment = azureml_emulator.process_environment("secret", shell.environment)
    microsoft(shell, environment, code)
