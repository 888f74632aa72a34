"""Workers asked before they score: what they have installed, and whether they reach the output."""

from __future__ import annotations

import platform
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from inference.job import Job
from mlproject.base.errors import ConfigurationError, reason
from mlproject.base.stores import Store
from mlproject.data.source import SourceFile

# What a prediction, or the bytes of an output, may depend on.
_PACKAGES = ("scikit-learn", "numpy", "scipy", "pandas", "pyarrow")


@dataclass(frozen=True)
class Worker:
    """What a worker says of itself.

    Attributes
    ----------
    failure : str or None
        What keeps it from reading the input or from writing the output.
    marker : str
        The file that it has left beside the output.
    """

    host: str
    versions: Mapping[str, str]
    failure: str | None
    marker: str


@dataclass(frozen=True)
class Probe:
    """What a worker is asked to do."""

    store: Store
    item: SourceFile
    secret: str

    def __call__(self, _: object) -> Worker:
        host, failure = socket.gethostname(), None
        name = f"worker-{secrets.token_hex(8)}"
        try:
            self.store.make()
            self.store.write(name, self.secret.encode())
            if self.store.read(name) != self.secret.encode():
                failure = f"{self.store.shown} is not what it has written there"
            with self.item.open() as stream:
                stream.read(1)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            failure = reason(error)
        return Worker(host, versions(), failure, name)


def versions() -> dict[str, str]:
    """Return what is installed here."""
    found = {"Python": ".".join(platform.python_version_tuple()[:2])}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found


def check_workers(job: Job) -> None:
    """Raise ConfigurationError when a worker cannot do its part, before anything is scored."""
    store, secret = job.paths.work.child("workers"), secrets.token_hex(8)
    workers = job.engine.everywhere(Probe(store, job.items[0], secret))
    if not workers:
        return
    try:
        for worker in workers:
            _check(worker, job, store, secret)
    finally:
        for worker in workers:
            store.remove(worker.marker)
        store.remove_all()


def _check(worker: Worker, job: Job, store: Store, secret: str) -> None:
    here = versions()
    other = {name: worker.versions[name] for name in here if worker.versions[name] != here[name]}
    if other and not job.request.allow_versions:
        name = min(other)
        raise ConfigurationError(
            f"The worker on {worker.host} has {name} {other[name]}, and this process {here[name]}",
            "Install the same there; or add --allow-versions if predictions may differ",
        )
    if worker.failure is not None:
        raise ConfigurationError(
            f"The worker on {worker.host} cannot read {job.items[0].name} or write "
            f"{job.paths.given}: {worker.failure}",
            "Give an input and an output that all workers reach",
        )
    try:
        seen = store.read(worker.marker)
    except FileNotFoundError:
        seen = b""
    if seen != secret.encode():
        raise ConfigurationError(
            f"What the worker on {worker.host} writes to {job.paths.given} is not seen here",
            "Give an output on a storage that all workers share",
        )
