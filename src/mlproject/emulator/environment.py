"""The variables of an environment that would keep clients from an emulator."""

from __future__ import annotations

from collections.abc import Mapping

from mlproject.base import environ
from mlproject.emulator import identities

# What an emulator's clients must not find, as it would lead elsewhere.
_ASTRAY = frozenset(
    {
        # Another cloud, or another place to sign in.
        *("AZURE_AUTHORITY_HOST", "ARM_CLOUD_METADATA_URL"),
        # Other ways to sign in, and the choice among them.
        *("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TOKEN_CREDENTIALS"),
        *("AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PASSWORD"),
        *("AZURE_USERNAME", "AZURE_PASSWORD", "AZURE_FEDERATED_TOKEN_FILE"),
        *("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT", "IMDS_ENDPOINT"),
        *("MSI_ENDPOINT", "MSI_SECRET", "AZURE_POD_IDENTITY_AUTHORITY_HOST"),
        # Another server, or a run of it.
        *("MLFLOW_REGISTRY_URI", "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME"),
        *("MLFLOW_TRACKING_PASSWORD", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"),
        # The services of another workspace.
        *("AZUREML_SERVICE_ENDPOINT", "AZUREML_DISCOVERY_SERVICE_ENDPOINT"),
        *("AZUREML_MMS_TEST_ENDPOINT", "AZUREML_EXPERIMENT_ID", "AZUREML_WORKSPACE_ID"),
        # Python's requests looks at the lower-case ones first.
        *("https_proxy", "no_proxy"),
    }
)
# A job or a compute instance of another workspace, and azureml-core's own ways around discovery.
_ASTRAY_PREFIXES = (
    *("AZUREML_ARM_", "AZUREML_RUN_ID", "AZUREML_RUN_TOKEN", "AZUREML_IDENTITY_"),
    *("AZUREML_DEV_URL_", "AZUREML_SERVICE_PRINCIPAL_"),
)
_OFF_THE_PROXY = (identities.LOOPBACK, "localhost", "::1")


def astray(around: Mapping[str, str]) -> list[str]:
    """Return the names of the variables in an environment that would mislead a client."""
    misleading = [n for n in around if n in _ASTRAY or n.startswith(_ASTRAY_PREFIXES)]
    uri = around.get(environ.TRACKING_URI, "")
    # The target 'azureml' is the workspace of config.json, which is the emulated one.
    if uri and uri != "azureml" and identities.API_HOST not in uri:
        misleading.append(environ.TRACKING_URI)
    return misleading


def no_proxy(around: Mapping[str, str]) -> str:
    """Return what stays off the proxy: loopback, and what the user had, but no emulated host."""
    given = around.get("no_proxy") or around.get("NO_PROXY") or ""
    entries = [entry.strip() for entry in given.split(",")]
    kept = [entry for entry in entries if entry and not _covers(entry)]
    return ",".join(dict.fromkeys((*_OFF_THE_PROXY, *kept)))


def _covers(entry: str) -> bool:
    suffix = entry.lower().partition(":")[0].lstrip("*.")
    hosts = (*identities.HOSTS, identities.SCORING_DOMAIN)
    return not suffix or any(f".{host}".endswith(f".{suffix}") for host in hosts)
