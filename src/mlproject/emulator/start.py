"""Starts an emulator in this process."""

from __future__ import annotations

import json
import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import trustme

from mlproject.base.errors import ConfigurationError
from mlproject.base.files import locked
from mlproject.base.interrupts import interrupts_held_back
from mlproject.emulator import faults, identities, log
from mlproject.emulator.front import FaultyService, Front
from mlproject.emulator.instance import ADDRESS_FILE, LOG_FILE, EmulatorInstance
from mlproject.emulator.keeping.state import State
from mlproject.emulator.service import Service
from mlproject.emulator.settings import Settings

_LOCK = "emulator.lock"
_POLL = 0.05


@contextmanager
def started(
    folder: Path, settings: Settings | None = None, *, port: int = 0, wait: bool = True
) -> Iterator[EmulatorInstance]:
    """Run an emulator for the block.

    Parameters
    ----------
    folder : Path
        Where its state is kept; made when it is not there.
    port : int
        Of the proxy, on loopback; 0 for any that is free.
    wait : bool
        Whether to wait for the store, seconds, before the block begins. Requests wait for it
        anyway.

    Raises
    ------
    ConfigurationError
        When the port is taken, an emulator already runs with this folder, or the folder's
        database cannot be used.
    """
    folder, settings = folder.absolute(), settings or Settings()
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"The state cannot be kept in {folder}: {error.strerror}", "Give another --state"
            ) from error
        stack.enter_context(
            locked(
                folder / _LOCK,
                f"An emulator is already running in the folder {folder}",
                "Use it: mlproject emulator env; or give another --state",
            )
        )
        service = Service(State(folder, settings))
        stack.callback(service.close)
        answer = log.logged(faults.faulty(service, settings), folder / LOG_FILE)
        authority = trustme.CA()
        front = _front(port, _certified(authority), answer)
        stack.callback(front.server_close)
        instance = EmulatorInstance(folder, front.address)
        service.jobs.network = service.containers.network = instance.network({})
        authority.cert_pem.write_to_path(instance.authority)
        instance.workspace.write_text(json.dumps(identities.config()), encoding="utf-8")
        with interrupts_held_back():  # what serves has to be told before its socket is closed
            threading.Thread(target=front.serve_forever, args=(_POLL,), daemon=True).start()
            stack.callback(front.shutdown)
        if wait:
            service.store.opened()
        content = {"address": front.address, "pid": os.getpid()}
        (folder / ADDRESS_FILE).write_text(json.dumps(content), encoding="utf-8")
        stack.callback((folder / ADDRESS_FILE).unlink, missing_ok=True)
        yield instance
        service.store.opened(wait=False)


def _certified(authority: trustme.CA) -> ssl.SSLContext:
    """Return what shows a certificate of every emulated host."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    names = (*identities.HOSTS, f"*.{identities.SCORING_DOMAIN}")
    authority.issue_cert(*names).configure_cert(context)
    return context


def _front(port: int, tls: ssl.SSLContext, service: FaultyService) -> Front:
    try:
        return Front(port, tls, service)
    except OSError as error:
        raise ConfigurationError(
            f"The port {port} cannot be used: {error.strerror}", "Give another --port"
        ) from error
