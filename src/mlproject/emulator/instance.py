"""An emulator that runs, as its clients see it: where it is, and how they are led there."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from mlproject.base import environ
from mlproject.base.errors import ConfigurationError
from mlproject.emulator import identities, log
from mlproject.emulator.environment import astray, no_proxy
from mlproject.emulator.settings import Identity

# In the emulator's folder: who runs with it, and what was asked.
ADDRESS_FILE = "emulator.json"
LOG_FILE = "requests.jsonl"
_SECONDS = 2.0


@dataclass(frozen=True)
class EmulatorInstance:
    """A running emulator: the folder of its state, and the address of its proxy."""

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

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead an unmodified client to the emulator, signed in by a secret."""
        return self.environment_of("secret")

    def environment_of(self, identity: Identity) -> dict[str, str]:
        """Return the variables that lead a client to the emulator as one of its identities."""
        return self.network(os.environ) | self._signed_in(identity)

    def process_environment(
        self, identity: Identity = "secret", around: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """Return a whole environment: another's, less what would lead a client elsewhere.

        ``around`` is this process's own environment by default.
        """
        around = os.environ if around is None else around
        misleading = set(astray(around))
        kept = {name: value for name, value in around.items() if name not in misleading}
        chosen = {n: v for n, v in kept.items() if n == environ.TRACKING_URI}
        return kept | self.network(around) | self._signed_in(identity) | chosen

    def job_environment(
        self, run_id: str, experiment_id: str, experiment_name: str
    ) -> dict[str, str]:
        """Return the variables that the process of a job has, whose run is made where it is not.

        A run's id is a GUID, or the job's name, such as ``exp_1700000000_ab12cd34``.

        Raises
        ------
        TrackingError
            When the emulator does not answer.
        """
        from mlproject.emulator.jobs import job_environment

        return job_environment(self, run_id, experiment_id, experiment_name)

    def requests(self) -> list[log.LoggedRequest]:
        """Return what was asked so far, in the order in which it was answered."""
        return log.read(self.folder / LOG_FILE)

    def network(self, around: Mapping[str, str]) -> dict[str, str]:
        """Return the variables by which any client reaches the emulated hosts.

        What their environment keeps off the proxy stays off, unless that would be one of them.
        """
        return {
            "HTTPS_PROXY": self.address,
            "NO_PROXY": no_proxy(around),
            "REQUESTS_CA_BUNDLE": str(self.authority),
            "AZUREML_CURRENT_CLOUD": "AzureCloud",
        }

    def _signed_in(self, identity: Identity) -> dict[str, str]:
        """Return the variables by which a client finds the workspace and signs in."""
        # Any MLflow program goes there; one that sets another URI of the workspace itself, as
        # azureml-core does, may.
        uri = identities.TRACKING_URI.replace("azureml:", "azureml3:", 1)
        workspace = {environ.WORKSPACE: str(self.workspace), environ.TRACKING_URI: uri}
        if identity == "managed":
            endpoint = f"{self.address}{identities.IDENTITY_PATH}"
            return workspace | {
                "IDENTITY_ENDPOINT": endpoint,
                "MSI_ENDPOINT": endpoint,  # for azureml-core
                "IDENTITY_HEADER": identities.IDENTITY_HEADER,
            }
        client = identities.GUEST_ID if identity == "guest" else identities.CLIENT_ID
        return workspace | {
            "AZURE_TENANT_ID": identities.TENANT,
            "AZURE_CLIENT_ID": client,
            "AZURE_CLIENT_SECRET": identities.CLIENT_SECRET,
            "AZUREML_SERVICE_PRINCIPAL_TENANT_ID": identities.TENANT,
            "AZUREML_SERVICE_PRINCIPAL_ID": client,
            "AZUREML_SERVICE_PRINCIPAL_PASSWORD": identities.CLIENT_SECRET,
        }


def find(folder: Path) -> EmulatorInstance:
    """Return the emulator that runs with a folder.

    Raises
    ------
    ConfigurationError
        When there is none, or one that was killed.
    """
    try:
        content = json.loads((folder / ADDRESS_FILE).read_text(encoding="utf-8"))
        instance = EmulatorInstance(folder.absolute(), str(content["address"]))
        _answers(instance)
    except (OSError, HTTPException, ValueError, KeyError) as error:
        raise ConfigurationError(
            f"No emulator is running in the folder {folder.absolute()}",
            "Start one: mlproject emulator start",
        ) from error
    return instance


def _answers(instance: EmulatorInstance) -> None:
    """Connect; who else got its port has no certificate by the authority in its folder."""
    url = urlsplit(instance.address)
    trust = ssl.create_default_context(cafile=instance.authority)
    connection = HTTPSConnection(str(url.hostname), url.port, timeout=_SECONDS, context=trust)
    connection.set_tunnel(identities.API_HOST, 443)
    try:
        connection.connect()
    finally:
        connection.close()
