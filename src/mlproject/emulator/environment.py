"""The variables that lead unmodified clients to an emulator, and those that mislead them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from mlproject.base import environ
from mlproject.emulator import names

Identity = Literal["secret", "managed", "guest"]
"""Who a client is: with its secret, the managed identity of its machine, or without a role."""
IDENTITIES: tuple[Identity, ...] = get_args(Identity)

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
_OFF_THE_PROXY = (names.LOOPBACK, "localhost", "::1")


@dataclass(frozen=True)
class Reached:
    """Where an emulator is.

    Attributes
    ----------
    folder : Path
    address : str
        Of the proxy.
    """

    folder: Path
    address: str

    @property
    def authority(self) -> Path:
        """The certificate authority that clients are to trust."""
        return self.folder / "authority.pem"

    @property
    def workspace(self) -> Path:
        """The workspace's config.json."""
        return self.folder / "config.json"


def network(reached: Reached, around: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which any client reaches the emulated hosts.

    Parameters
    ----------
    reached : Reached
    around : mapping
        The environment that they are for: what it keeps off the proxy stays off, unless that
        would be an emulated host.
    """
    return {
        "HTTPS_PROXY": reached.address,
        "NO_PROXY": _no_proxy(around.get("no_proxy") or around.get("NO_PROXY") or ""),
        "REQUESTS_CA_BUNDLE": str(reached.authority),
        "AZUREML_CURRENT_CLOUD": "AzureCloud",
    }


def signed_in(reached: Reached, identity: Identity) -> dict[str, str]:
    """Return the variables by which a client finds the workspace, records there and signs in."""
    # Any MLflow program goes there; one that sets another URI of the workspace itself, as
    # azureml-core does, may.
    uri = names.TRACKING_URI.replace("azureml:", "azureml3:", 1)
    workspace = {environ.WORKSPACE: str(reached.workspace), environ.TRACKING_URI: uri}
    if identity == "managed":
        return workspace | {
            "IDENTITY_ENDPOINT": f"{reached.address}{names.IDENTITY_PATH}",
            "IDENTITY_HEADER": names.IDENTITY_HEADER,
        }
    client = names.GUEST_ID if identity == "guest" else names.CLIENT_ID
    return workspace | {
        "AZURE_TENANT_ID": names.TENANT,
        "AZURE_CLIENT_ID": client,
        "AZURE_CLIENT_SECRET": names.CLIENT_SECRET,
        "AZUREML_SERVICE_PRINCIPAL_TENANT_ID": names.TENANT,
        "AZUREML_SERVICE_PRINCIPAL_ID": client,
        "AZUREML_SERVICE_PRINCIPAL_PASSWORD": names.CLIENT_SECRET,
    }


def astray(around: Mapping[str, str]) -> list[str]:
    """Return the names of the variables in an environment that would mislead a client."""
    found = [n for n in around if n in _ASTRAY or n.startswith(_ASTRAY_PREFIXES)]
    uri = around.get(environ.TRACKING_URI, "")
    # The target 'azureml' is the workspace of config.json, which is the emulated one.
    if uri and uri != "azureml" and names.API_HOST not in uri:
        found.append(environ.TRACKING_URI)
    return found


def _no_proxy(given: str) -> str:
    """Return what stays off the proxy: loopback, and what the user had, but no emulated host."""
    entries = [entry.strip() for entry in given.split(",")]
    kept = [entry for entry in entries if entry and not _covers(entry)]
    return ",".join(dict.fromkeys((*_OFF_THE_PROXY, *kept)))


def _covers(entry: str) -> bool:
    suffix = entry.lower().partition(":")[0].lstrip("*.")
    return any(host == suffix or host.endswith(f".{suffix}") for host in names.HOSTS) or not suffix
