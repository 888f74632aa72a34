"""An emulator that runs: started in this process, found again by others through its folder."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from mlproject.base import environ
from mlproject.base.errors import ConfigurationError
from mlproject.base.files import locked
from mlproject.emulator import certificates, faults, log, names
from mlproject.emulator.environment import Identity, Reached, astray, network, signed_in
from mlproject.emulator.front import Front, Service
from mlproject.emulator.state import State

_ADDRESS = "emulator.json"
_LOCK = "emulator.lock"
_LOG = "requests.jsonl"
_POLL = 0.05
# MLflow has room for one server in a process.
_ONE = threading.Lock()


@dataclass(frozen=True)
class Running(Reached):
    """Where an emulator is, and how a client is led to it."""

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead an unmodified client to the emulator, signed in by a secret."""
        return self.environment_of("secret")

    def environment_of(self, identity: Identity) -> dict[str, str]:
        """Return the variables that lead a client to the emulator as one of its identities."""
        return network(self, os.environ) | signed_in(self, identity)

    def process_environment(
        self, identity: Identity = "secret", around: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """Return a whole environment: another's, less what would lead a client elsewhere.

        Parameters
        ----------
        identity : {'secret', 'managed', 'guest'}
        around : mapping, optional
            This process's own environment by default.
        """
        around = os.environ if around is None else around
        misleading = set(astray(around))
        kept = {name: value for name, value in around.items() if name not in misleading}
        chosen = {n: v for n, v in kept.items() if n == environ.TRACKING_URI}
        return kept | network(self, around) | signed_in(self, identity) | chosen

    def job_environment(
        self, run_id: str, experiment_id: str, experiment_name: str
    ) -> dict[str, str]:
        """Return the variables of a job's process; see ``mlproject.emulator.jobs``."""
        from mlproject.emulator.jobs import job_environment

        return job_environment(self, run_id, experiment_id, experiment_name)

    def requests(self) -> list[log.Logged]:
        """Return what was asked so far, in the order in which it was answered."""
        return log.read(self.folder / _LOG)


@contextmanager
def running(
    folder: Path,
    *,
    port: int = 0,
    token_seconds: float = 3600.0,
    wrong: faults.Faults | None = None,
    refuse: str | None = None,
    wait: bool = True,
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
    refuse : str, optional
        A regular expression; metrics, parameters and tags whose whole name it matches are refused.
    wait : bool
        Whether to wait for the store, seconds, before the block begins. Requests wait for it
        anyway.

    Raises
    ------
    ConfigurationError
        When a package is missing, the port is taken, an emulator already runs with this folder
        or in this process, or the folder's database cannot be used.
    """
    if find_spec("cryptography") is None:
        raise ConfigurationError(
            "The emulator needs the package cryptography", "pip install cryptography"
        )
    from mlproject.emulator import service as hosts

    folder = folder.absolute()
    with ExitStack() as stack:
        stack.enter_context(_alone())
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"The state cannot be kept in {folder}: {error.strerror}", "Give another --state"
            ) from error
        stack.enter_context(
            locked(
                folder / _LOCK,
                f"An emulator already runs with the folder {folder}",
                "Use it: mlproject emulator env; or give another --state",
            )
        )
        made = certificates.made(folder)
        service = hosts.Service(State(folder, token_seconds, _compiled(refuse)))
        stack.callback(service.close)
        faulty = faults.faulty(service, wrong or faults.Faults())
        front = _front(port, made, log.logged(faulty, folder / _LOG))
        stack.callback(front.server_close)
        found = Running(folder, front.address)
        found.workspace.write_text(json.dumps(names.config()), encoding="utf-8")
        threading.Thread(target=front.serve_forever, args=(_POLL,), daemon=True).start()
        stack.callback(front.shutdown)
        if wait:
            service.store()
        content = {"address": front.address, "pid": os.getpid()}
        (folder / _ADDRESS).write_text(json.dumps(content), encoding="utf-8")
        stack.callback((folder / _ADDRESS).unlink, missing_ok=True)
        yield found
        service.store()


def find(folder: Path) -> Running:
    """Return the emulator that runs with a folder.

    Raises
    ------
    ConfigurationError
        When there is none, or one that was killed.
    """
    try:
        content = json.loads((folder / _ADDRESS).read_text(encoding="utf-8"))
        found = Running(folder.absolute(), str(content["address"]))
        url = urlsplit(found.address)
        socket.create_connection((str(url.hostname), int(url.port or 0)), timeout=2).close()
    except (OSError, ValueError, KeyError) as error:
        raise ConfigurationError(
            f"No emulator runs with the folder {folder.absolute()}",
            "Start one: mlproject emulator start",
        ) from error
    return found


@contextmanager
def _alone() -> Iterator[None]:
    if not _ONE.acquire(blocking=False):
        raise ConfigurationError(
            "An emulator already runs in this process", "Start another in a process of its own"
        )
    try:
        yield
    finally:
        _ONE.release()


def _front(port: int, made: certificates.Certificates, answered: Service) -> Front:
    try:
        return Front(port, made, answered)
    except OSError as error:
        raise ConfigurationError(
            f"The port {port} cannot be had: {error.strerror}", "Give another --port"
        ) from error


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern) if pattern else None
    except re.error as error:
        raise ConfigurationError(f"'{pattern}' is no regular expression: {error}") from error
