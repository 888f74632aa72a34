"""An emulator that runs: started in this process, found again by others through its folder."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from mlproject.emulator import certificates, faults, state
from mlproject.emulator.front import Front
from mlproject.errors import ConfigurationError

_ADDRESS = "emulator.json"
_LOOPBACK = "127.0.0.1,localhost,::1"


@dataclass(frozen=True)
class Running:
    """Where an emulator is, and how a client is led to it.

    Attributes
    ----------
    folder : Path
        Its state, with ``config.json`` of the workspace and ``requests.jsonl``.
    address : str
        Of the proxy.
    """

    folder: Path
    address: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead an unmodified client to the emulator, signed in."""
        return {
            "HTTPS_PROXY": self.address,
            "NO_PROXY": _LOOPBACK,
            "REQUESTS_CA_BUNDLE": str(self.folder / "authority.pem"),
            "AZUREML_CURRENT_CLOUD": "AzureCloud",
            "AZURE_TENANT_ID": state.TENANT,
            "AZURE_CLIENT_ID": state.CLIENT_ID,
            "AZURE_CLIENT_SECRET": state.CLIENT_SECRET,
            "AZUREML_SERVICE_PRINCIPAL_TENANT_ID": state.TENANT,
            "AZUREML_SERVICE_PRINCIPAL_ID": state.CLIENT_ID,
            "AZUREML_SERVICE_PRINCIPAL_PASSWORD": state.CLIENT_SECRET,
        }


@contextmanager
def running(
    folder: Path,
    *,
    port: int = 0,
    token_seconds: float = 3600.0,
    wrong: faults.Faults | None = None,
) -> Iterator[Running]:
    """Run an emulator for the block.

    Parameters
    ----------
    folder : Path
        Where its state is kept; made when it is not there.
    port : int
        Of the proxy, on loopback; 0 for any that is free.
    token_seconds : float
        How long a token holds.
    wrong : Faults, optional

    Raises
    ------
    ConfigurationError
        When a package is missing, or the port is taken.
    """
    if find_spec("cryptography") is None:
        raise ConfigurationError(
            "The emulator needs the package cryptography", "pip install cryptography"
        )
    from mlproject.emulator.service import service

    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    made = certificates.made(folder)
    answer = service(state.State(folder, token_seconds))
    answered = faults.logged(
        faults.faulty(answer, wrong or faults.Faults()), folder / "requests.jsonl"
    )
    try:
        front = Front(port, made, answered)
    except OSError as error:
        raise ConfigurationError(
            f"The port {port} cannot be had: {error.strerror}", "Give another --port"
        ) from error
    found = Running(folder, front.address)
    (folder / "config.json").write_text(json.dumps(state.config()), encoding="utf-8")
    content = {"address": front.address, "pid": os.getpid()}
    (folder / _ADDRESS).write_text(json.dumps(content), encoding="utf-8")
    thread = threading.Thread(target=front.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        front.shutdown()
        front.server_close()
        (folder / _ADDRESS).unlink(missing_ok=True)


def find(folder: Path) -> Running:
    """Return the emulator that runs with a folder.

    Raises
    ------
    ConfigurationError
        When there is none.
    """
    try:
        content = json.loads((folder / _ADDRESS).read_text(encoding="utf-8"))
        return Running(folder.absolute(), str(content["address"]))
    except (OSError, ValueError, KeyError) as error:
        raise ConfigurationError(
            f"No emulator runs with the folder {folder}", "Start one: mlproject emulator start"
        ) from error
