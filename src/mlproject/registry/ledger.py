"""The record of what happened to an alias: one run for each move, each refusal and each rollback.

The runs stand in an experiment of the registered model's own. Nothing of them is changed once they
have ended, but for one thing: every move is chained to the one before it by a parameter of that
one's run. A parameter is written once on every MLflow server, so of two that would follow the same
move only one can.
"""

from __future__ import annotations

import getpass
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mlproject import __version__
from mlproject.base import git
from mlproject.base.errors import TrackingError
from mlproject.tracking.experiments import experiment_id
from mlproject.tracking.failures import as_tracking_error

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PROMOTE, ROLLBACK, REFUSED = "promote", "rollback", "refused"
_ORIGIN = "origin"
_MODEL = "mlproject.registry.model"
_ALIAS = "mlproject.registry.alias"
_ACTION = "mlproject.registry.action"
_FROM = "mlproject.registry.from"
_TO = "mlproject.registry.to"
_WHO = "mlproject.registry.who"
_WHY = "mlproject.registry.why"
_COMMIT = "mlflow.source.git.commit"
_VERDICT_FILE = "verdict.json"
_PAGE = 1000
_MOST_ATTEMPTS = 100
# A move takes seconds; one that has not ended after this long will not.
_ABANDONED_SECONDS = 300.0


@dataclass(frozen=True)
class Entry:
    """One line of the record.

    Attributes
    ----------
    run_id : str
    action : str
        ``promote``, ``rollback`` or ``refused``.
    alias : str
    before, after : int or None
        The version that the alias named, and the one that it names since (or should have).
    who, commit, why : str or None
    when : int
        Milliseconds since the epoch.
    done : bool
        Whether the alias was moved.
    metrics : dict of str to float
        The numbers of the verdict.
    """

    run_id: str
    action: str
    alias: str
    before: int | None
    after: int | None
    who: str | None
    commit: str | None
    why: str | None
    when: int
    done: bool
    metrics: dict[str, float]


def experiment_of(name: str) -> str:
    """Return the name of the experiment that keeps a registered model's record."""
    return f"registry-{name}"


def entries(client: MlflowClient, name: str, alias: str | None = None) -> list[Entry]:
    """Return what happened, oldest first; nothing for a model without a record."""
    with as_tracking_error(f"The record of '{name}' cannot be read"):
        experiment = client.get_experiment_by_name(experiment_of(name))
        if experiment is None:
            return []
        runs = _runs(client, str(experiment.experiment_id))
    found = [_entry(run) for run in runs if run.data.tags.get(_ACTION) not in (None, _ORIGIN)]
    kept = [item for item in found if alias is None or item.alias == alias]
    return sorted(kept, key=lambda item: item.when)


class Turn:
    """One attempt to move an alias, from its claim to its end.

    Parameters
    ----------
    client : MlflowClient
    run_id : str
        The attempt's own run.
    """

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self._client = client
        self._since = time.monotonic()
        self.run_id = run_id

    @property
    def is_late(self) -> bool:
        """Whether others may soon take this attempt for dead, so that it must not move anything."""
        return time.monotonic() - self._since > _ABANDONED_SECONDS / 2

    def end(self, *, done: bool, why: str | None = None) -> None:
        """End the attempt; nothing of it is changed any more."""
        if why:
            self._client.set_tag(self.run_id, _WHY, why[:1000])
        self._client.set_terminated(self.run_id, "FINISHED" if done else "FAILED")


def opened(
    client: MlflowClient,
    name: str,
    alias: str,
    action: str,
    before: int | None,
    after: int | None,
    verdict: Mapping[str, Any],
    metrics: Mapping[str, float],
) -> Turn:
    """Write down what is about to happen, with its verdict, and return the attempt."""
    from mlflow.entities import Metric

    with as_tracking_error(f"The record of '{name}' cannot be written"):
        experiment = experiment_id(client, experiment_of(name))
        tags = {
            _MODEL: name,
            _ALIAS: alias,
            _ACTION: action,
            _FROM: str(before) if before is not None else "",
            _TO: str(after) if after is not None else "",
            _WHO: _who(),
            _COMMIT: git.commit() or "",
            "mlproject.kind": "registry",
            "mlproject.version": __version__,
        }
        run = client.create_run(
            experiment,
            tags={key: value for key, value in tags.items() if value},
            run_name=f"{action} {name} {after} to {alias}",
        )
        run_id = str(run.info.run_id)
        now = int(time.time() * 1000)
        client.log_batch(run_id, [Metric(key, value, now, 0) for key, value in metrics.items()])
        with TemporaryDirectory(prefix="mlproject-") as folder:
            path = Path(folder) / _VERDICT_FILE
            path.write_text(json.dumps(verdict, indent=2, allow_nan=False), encoding="utf-8")
            client.log_artifact(run_id, str(path))
    return Turn(client, run_id)


def claim(client: MlflowClient, name: str, alias: str, turn: Turn) -> None:
    """Follow the last move of an alias, as the only one.

    Raises
    ------
    TrackingError
        When another attempt follows it already.
    """
    from mlflow.exceptions import MlflowException

    key = f"next.{alias}"
    for _ in range(_MOST_ATTEMPTS):
        last = _last(client, name, alias, key)
        if not _has_ended(client, last):
            raise _busy(name, alias, last)
        try:
            client.log_param(last, key, turn.run_id)
        except MlflowException:
            if client.get_run(last).data.params.get(key) is None:
                raise
            continue  # another was quicker: it is the end of the chain now
        if client.get_run(last).data.params.get(key) == turn.run_id:
            return
    raise TrackingError(f"The record of '{name}' has no end")


def _busy(name: str, alias: str, run_id: str) -> TrackingError:
    return TrackingError(
        f"'{name}' is being moved to '{alias}' by another at this moment (run {run_id})",
        "Look at 'mlproject models history' and try again",
    )


def _last(client: MlflowClient, name: str, alias: str, key: str) -> str:
    """Return the run that the next move has to follow: the end of the chain."""
    experiment = client.get_experiment_by_name(experiment_of(name))
    assert experiment is not None  # noqa: S101 - the attempt's own run is in it
    runs = {str(run.info.run_id): run for run in _runs(client, str(experiment.experiment_id))}
    at = _origin(client, str(experiment.experiment_id), runs)
    while True:
        following = runs[at].data.params.get(key) if at in runs else None
        if following is None or following not in runs:
            return at
        at = following


def _origin(client: MlflowClient, experiment_id: str, runs: Mapping[str, Run]) -> str:
    """Return the run that the first move follows; it is made when there is none."""
    known = [run for run in runs.values() if run.data.tags.get(_ACTION) == _ORIGIN]
    if not known:
        made = client.create_run(experiment_id, tags={_ACTION: _ORIGIN}, run_name="origin")
        client.set_terminated(str(made.info.run_id), "FINISHED")
        time.sleep(0.5)  # another may make one at the same time; all take the same of them
        known = [
            run for run in _runs(client, experiment_id) if run.data.tags.get(_ACTION) == _ORIGIN
        ]
    first = min(known, key=lambda run: (run.info.start_time, str(run.info.run_id)))
    return str(first.info.run_id)


def _has_ended(client: MlflowClient, run_id: str) -> bool:
    run = client.get_run(run_id)
    if run.info.status != "RUNNING":
        return True
    return bool(time.time() * 1000 - run.info.start_time > _ABANDONED_SECONDS * 1000)


def _runs(client: MlflowClient, experiment_id: str) -> list[Run]:
    found: list[Run] = []
    token = None
    while True:
        page: Any = client.search_runs([experiment_id], max_results=_PAGE, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _entry(run: Run) -> Entry:
    tags = run.data.tags
    return Entry(
        run_id=str(run.info.run_id),
        action=tags[_ACTION],
        alias=tags.get(_ALIAS, ""),
        before=_number(tags.get(_FROM)),
        after=_number(tags.get(_TO)),
        who=tags.get(_WHO),
        commit=tags.get(_COMMIT),
        why=tags.get(_WHY),
        when=int(run.info.start_time or 0),
        done=run.info.status == "FINISHED",
        metrics=dict(run.data.metrics),
    )


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        return "unknown"


def moves(found: Sequence[Entry]) -> list[Entry]:
    """Return the entries by which an alias was moved, oldest first."""
    return [item for item in found if item.done and item.action in (PROMOTE, ROLLBACK)]
