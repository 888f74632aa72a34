"""Workers asked before they score: what they have installed, and whether they reach the output."""

from __future__ import annotations

import platform
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from inference.engines.engine import Engine
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
                failure = f"{self.store.shown} is not what was just written there"
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


def check_versions(host: str, there: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    """Raise ConfigurationError when a worker has not what the caller has."""
    other = [name for name in wanted if there[name] != wanted[name]]
    if other:
        name = other[0]
        raise ConfigurationError(
            f"The worker on {host} has {name} {there[name]}, but the caller has {wanted[name]}",
            "Install the same version there; or give --allow-versions, if predictions may differ",
        )


@dataclass(frozen=True)
class Check:
    """What the workers of an engine are to have and to reach.

    Attributes
    ----------
    store : Store
        A folder beside the output, which is removed again.
    item : SourceFile
        A file of the input.
    output : str
        What messages call the output.
    """

    store: Store
    item: SourceFile
    output: str
    other_versions: bool

    def of(self, engine: Engine) -> None:
        """Raise ConfigurationError when a worker cannot do its part."""
        secret = secrets.token_hex(8)
        workers = engine.everywhere(Probe(self.store, self.item, secret))
        if not workers:
            return
        try:
            for worker in workers:
                self._check(worker, secret)
        finally:
            self.store.remove_all()

    def _check(self, worker: Worker, secret: str) -> None:
        if not self.other_versions:
            check_versions(worker.host, worker.versions, versions())
        if worker.failure is not None:
            raise ConfigurationError(
                f"The worker on {worker.host} cannot read {self.item.name} or write "
                f"{self.output}: {worker.failure}",
                "Give an input and an output that all workers reach",
            )
        try:
            seen = self.store.read(worker.marker)
        except FileNotFoundError:
            seen = b""
        if seen != secret.encode():
            raise ConfigurationError(
                f"What the worker on {worker.host} writes to {self.output} cannot be seen here",
                "Give an output on a storage that all workers share",
            )
