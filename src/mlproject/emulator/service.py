"""Which host and path is answered by what."""

from __future__ import annotations

from werkzeug import Request, Response

from mlproject.emulator import entra
from mlproject.emulator.assets import codes, computes, environments, management, models, v1_datasets
from mlproject.emulator.compute import command_jobs
from mlproject.emulator.compute.job_runner import JobRunner
from mlproject.emulator.compute.sweeps import SweepRunner
from mlproject.emulator.endpoints.container_runner import ContainerRunner
from mlproject.emulator.endpoints.online_endpoints import OnlineEndpoints
from mlproject.emulator.endpoints.scoring import ScoringHosts
from mlproject.emulator.identities import (
    API_HOST,
    ARM_HOST,
    BLOB_HOST,
    LOGIN_HOST,
    LOOPBACK,
    SCORING_DOMAIN,
)
from mlproject.emulator.keeping import ids
from mlproject.emulator.keeping.state import State
from mlproject.emulator.keeping.store import Store
from mlproject.emulator.messages import Routes, api_error, missing
from mlproject.emulator.runs import artifacts, history, tracking
from mlproject.emulator.storage import blobs


class Service:
    """Answers every request of every host."""

    def __init__(self, state: State) -> None:
        state.blobs.mkdir(parents=True, exist_ok=True)
        self._state = state
        self.store = Store(state.database)
        self._login, self._arm = entra.routes(state), management.routes(state)
        self._machine, self._api = entra.managed_identity(state), Routes()
        self.jobs = JobRunner(state, self.store)
        self._sweeps = SweepRunner(state, self.store, self.jobs)
        computes.add_routes(self._arm, self.jobs.busy, state.settings)
        codes.add_routes(self._arm, state)
        environments.add_routes(self._arm, state)
        models.add_routes(self._arm, state, self.store)
        self.containers = ContainerRunner(state, self.store)
        endpoints = OnlineEndpoints(state, self.store, self.containers)
        endpoints.add_routes(self._arm)
        self._scoring = ScoringHosts(state, endpoints, self.containers)
        command_jobs.add_routes(self._arm, self._api, state, self.store, self.jobs, self._sweeps)
        artifacts.add_routes(self._api, state)
        history.add_routes(self._api, state, self.store)
        v1_datasets.add_routes(self._api, state.resources)

    def close(self) -> None:
        self.jobs.close()
        self.containers.close()
        self._sweeps.close()
        self.store.close()

    def __call__(self, request: Request) -> Response:
        try:
            return self._answer(request)
        except ids.UnknownIdError as error:
            return api_error(404, "RESOURCE_DOES_NOT_EXIST", str(error))
        except (KeyError, TypeError, ValueError) as error:  # what no client of the service sends
            return api_error(400, "INVALID_PARAMETER_VALUE", f"{type(error).__name__}: {error}")
        except Exception as error:  # noqa: BLE001 - a thread's end; the client is to hear of it
            return api_error(500, "INTERNAL_ERROR", f"{type(error).__name__}: {error}")

    def _answer(self, request: Request) -> Response:
        host = request.host
        if host == LOGIN_HOST:
            return self._login(request)
        if host == LOOPBACK:
            return self._machine(request)
        if host == BLOB_HOST:
            return blobs.answer(self._state, request)
        if host.endswith(f".{SCORING_DOMAIN}"):
            return self._scoring(request)
        if host == API_HOST and request.path == "/discovery":
            return management.discovery()
        if host == ARM_HOST and request.path == management.METADATA:
            return management.clouds()
        if host in (API_HOST, ARM_HOST):
            return entra.denial(self._state, request) or self._permitted(request)
        return missing()

    def _permitted(self, request: Request) -> Response:
        if request.host == ARM_HOST:
            return self._arm(request)
        if request.path.startswith(tracking.PREFIX):
            return tracking.answer(self._state.settings, self.store, request)
        return self._api(request)
