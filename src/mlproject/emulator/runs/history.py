"""The run history service, as far as jobs need it: their runs, and the tokens of these."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from werkzeug import Request, Response

from mlproject.emulator.identities import AML_AUDIENCE, SCOPE
from mlproject.emulator.keeping import ids
from mlproject.emulator.keeping.signing import zulu
from mlproject.emulator.keeping.state import State
from mlproject.emulator.keeping.store import Store
from mlproject.emulator.messages import Routes, api_error, json_response
from mlproject.emulator.runs.tracking import API, for_client

_HISTORY = rf"/history/v1\.0{re.escape(SCOPE)}"
_RUN_ID = re.compile(r"[A-Za-z0-9][\w-]{0,255}", re.ASCII)


def add_routes(routes: Routes, state: State, store: Store) -> None:
    def token(request: Request, run: str, **_: str) -> Response:
        """Return a token of a run, for the job that it is."""
        text, expires = state.token(AML_AUDIENCE, run=run)
        return json_response({"token": text, "expiryTimeUtc": zulu(expires)})

    def patched(request: Request, run: str, experiment: str, by: str) -> Response:
        """Make the run of a job, whose name is the run's id, where there is none yet."""
        if not _RUN_ID.fullmatch(run):
            return api_error(400, "INVALID_PARAMETER_VALUE", f"'{run}' is no id of a run.")
        with store.turn:
            number = _numbered(store, experiment, by)
            refusal = make_run(store, number, run, run)
        if refusal is not None:
            return for_client(refusal)
        experiment_id = ids.for_client({"experiment_id": number})["experiment_id"]
        return json_response({"runId": run, "experimentId": experiment_id})

    run = rf"{_HISTORY}/(?P<by>experiments|experimentids)/(?P<experiment>[^/]+)/runs/(?P<run>[^/]+)"
    routes.add("GET", f"{run}/token", token)
    routes.add("PATCH", run, patched)


def make_run(
    store: Store, number: str, run: str, name: str, tags: Mapping[str, str] | None = None
) -> Response | None:
    """Make a run with an id of the client's choosing, where there is none; return a refusal."""
    own = ids.for_store({"run_id": run})["run_id"]
    with store.turn:
        if store.answer("GET", f"{API}runs/get", {"run_id": own}).status_code != 404:
            return None
        listed = [{"key": key, "value": value} for key, value in (tags or {}).items()]
        content = {"experiment_id": number, "run_name": name, "tags": listed}
        made = store.answer("POST", f"{API}runs/create", content=content)
        if made.status_code != 200:
            return made
        info: Any = made.json
        store.rename_run(info["run"]["info"]["run_id"], own)
        return None


def _numbered(store: Store, experiment: str, by: str) -> str:
    """Return the store's id of an experiment, which is given by its name or its id."""
    if by == "experimentids":
        return str(ids.for_store({"experiment_id": experiment})["experiment_id"])
    return experiment_number(store, experiment)


def experiment_number(store: Store, experiment: str, *, make: bool = False) -> str:
    """Return the store's id of an experiment by its name."""
    query = {"experiment_name": experiment}
    found: Any = store.answer("GET", f"{API}experiments/get-by-name", query).json
    if "experiment" not in found and make:
        content = {"name": experiment}
        made: Any = store.answer("POST", f"{API}experiments/create", content=content).json
        return str(made["experiment_id"])
    if "experiment" not in found:
        raise ids.UnknownIdError(f"Experiment {experiment} was not found")
    return str(found["experiment"]["experiment_id"])
