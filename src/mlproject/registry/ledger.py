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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, takewhile
from typing import TYPE_CHECKING, Any

from mlproject.base import git
from mlproject.base.errors import TrackingError
from mlproject.base.version import __version__
from mlproject.tracking import names, pages, runs
from mlproject.tracking.experiments import experiment_id
from mlproject.tracking.failures import as_tracking_error
from mlproject.tracking.runs import Contents, NewRun

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PROMOTE, ROLLBACK, REFUSED = "promote", "rollback", "refused"
_ORIGIN = "origin"
_PAGE = 1000
_MOST_ATTEMPTS = 100
# A move takes seconds; one that has not ended after this long will not.
_ABANDONED_SECONDS = 300.0


@dataclass(frozen=True)
class Entry:
    """One line of the record.

    Attributes
    ----------
    action : str
        ``promote``, ``rollback`` or ``refused``.
    before, after : int or None
        The version that the alias named, and the one that it names since (or should have).
    when : int
        Milliseconds since the epoch.
    done : bool
        Whether the alias was moved.
    metrics : dict of str to float
        The numbers of the verdict.
    rows : str
        What tells the rows that it was judged on from others.
    override : str or None
        Why rules were loosened.
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
    rows: str = field(default="", repr=False)
    override: str | None = None


def experiment_of(name: str) -> str:
    return f"registry-{name}"


def entries(client: MlflowClient, name: str, alias: str | None = None) -> list[Entry]:
    """Return what happened, oldest first; nothing for a model without a record."""
    with as_tracking_error(f"The record of '{name}' cannot be read"):
        experiment = client.get_experiment_by_name(experiment_of(name))
        if experiment is None:
            return []
        runs = _runs(client, str(experiment.experiment_id))
    found = [_entry(run) for run in runs if run.data.tags.get(names.ACTION) not in (None, _ORIGIN)]
    kept = [item for item in found if alias is None or item.alias == alias]
    return sorted(kept, key=lambda item: item.when)


class Turn:
    """One attempt to move an alias, from its claim to its end; ``run_id`` is its own run.

    Its time counts from before its run was made, as others see it.
    """

    def __init__(self, client: MlflowClient, run_id: str, since: float) -> None:
        self._client = client
        self._since = since
        self.run_id = run_id

    @property
    def is_late(self) -> bool:
        """Whether others may soon take this attempt for dead, so that it must not move anything."""
        return time.monotonic() - self._since > _ABANDONED_SECONDS / 2

    def end(self, *, done: bool, why: str | None = None) -> None:
        """End the attempt; nothing of it is changed any more."""
        try:
            if why:
                self._client.set_tag(self.run_id, names.WHY, why[:1000])
        finally:  # one that stays open would keep others waiting
            self._client.set_terminated(self.run_id, "FINISHED" if done else "FAILED")


@dataclass(frozen=True)
class Attempt:
    """A move that is about to be tried, or has been refused.

    Attributes
    ----------
    action : str
        ``promote``, ``rollback`` or ``refused``.
    before, after : int or None
        The versions that the alias names now and then.
    verdict : mapping
        Becomes the file ``verdict.json``.
    page : str or None
        Becomes ``verdict.html``, for people.
    rows : str
        What tells the rows that it was judged on from others.
    override : str or None
        Why rules were loosened.
    """

    name: str
    alias: str
    action: str
    before: int | None
    after: int | None
    verdict: Mapping[str, Any]
    metrics: Mapping[str, float] = field(default_factory=dict)
    rows: str = ""
    override: str | None = None
    page: str | None = None


def opened(client: MlflowClient, attempt: Attempt) -> Turn:
    """Write down an attempt, with its verdict, before it is made."""
    tags = {
        names.REGISTERED_MODEL: attempt.name,
        names.ALIAS: attempt.alias,
        names.ACTION: attempt.action,
        names.MOVED_FROM: str(attempt.before) if attempt.before is not None else "",
        names.MOVED_TO: str(attempt.after) if attempt.after is not None else "",
        names.EVIDENCE: attempt.rows,
        names.OVERRIDE: attempt.override or "",
        names.WHO: _who(),
        names.GIT_COMMIT: git.commit() or "",
        names.KIND: "registry",
        names.VERSION: __version__,
    }
    verdict = json.dumps(attempt.verdict, indent=2, allow_nan=False)
    since, now = time.monotonic(), int(time.time() * 1000)
    with as_tracking_error(f"The record of '{attempt.name}' cannot be written"):
        new = NewRun(
            experiment_id(client, experiment_of(attempt.name)),
            f"{attempt.action} {attempt.name} {attempt.after} to {attempt.alias}",
            start_time=now,
            tags={key: value for key, value in tags.items() if value},
        )
        files = {names.VERDICT_FILE: verdict, names.VERDICT_PAGE: attempt.page}
        kept = {name: text for name, text in files.items() if text is not None}
        contents = Contents(metrics=attempt.metrics, files=kept)
        return Turn(client, runs.created(client, new, contents), since)


def claim(client: MlflowClient, name: str, alias: str, turn: Turn) -> None:
    """Follow the last move of an alias, as the only one, or raise TrackingError."""
    from mlflow.exceptions import MlflowException

    for _ in range(_MOST_ATTEMPTS):
        last, key = _last(client, name, alias)
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
    raise TrackingError(
        f"The record of '{name}' cannot be read to its end: others keep moving '{alias}'",
        "Try again",
    )


def _busy(name: str, alias: str, run_id: str) -> TrackingError:
    return TrackingError(
        f"'{name}' is being moved to '{alias}' by another at this moment (run {run_id})",
        "Look at 'mlproject models history' and try again",
    )


def _last(client: MlflowClient, name: str, alias: str) -> tuple[str, str]:
    """Return the run that the next move has to follow, and the parameter that says so."""
    experiment = client.get_experiment_by_name(experiment_of(name))
    assert experiment is not None  # noqa: S101 - the attempt's own run is in it
    number = str(experiment.experiment_id)
    while True:
        known = _runs(client, number, deleted=True)
        chain = _Chain({str(run.info.run_id): run for run in known}, f"next.{alias}")
        for origin in _origins(known):
            if (end := chain.end_from(str(origin.info.run_id))) is not None:
                return end
        made = client.create_run(number, tags={names.ACTION: _ORIGIN}, run_name="origin")
        client.set_terminated(str(made.info.run_id), "FINISHED")
        time.sleep(0.5)  # another may make one at the same time; all take the same of them


@dataclass(frozen=True)
class _Chain:
    """The moves of an alias as they follow each other.

    A run names the one that follows it by a parameter; where that one was deleted, and everything
    after it, by another: ``next.champion``, ``next.champion.2`` and so on.
    """

    runs: Mapping[str, Run]
    key: str

    def end_from(self, run_id: str) -> tuple[str, str] | None:
        """Return the last run that is left, and the parameter that is free; None for none."""
        last, at = None, run_id
        while at in self.runs:  # else it was deleted for good
            run = self.runs[at]
            keys = (self.key if place == 1 else f"{self.key}.{place}" for place in count(1))
            followed = list(takewhile(run.data.params.__contains__, keys))
            if run.info.lifecycle_stage == "active":
                number = len(followed) + 1
                last = at, self.key if number == 1 else f"{self.key}.{number}"
            if not followed:
                break
            at = run.data.params[followed[-1]]
        return last


def _origins(runs: Iterable[Run]) -> list[Run]:
    """Return the runs that a first move may follow, in an order that all agree on."""
    found = [run for run in runs if run.data.tags.get(names.ACTION) == _ORIGIN]
    return sorted(found, key=lambda run: (run.info.start_time, str(run.info.run_id)))


def _has_ended(client: MlflowClient, run_id: str) -> bool:
    run = client.get_run(run_id)
    if run.info.status != "RUNNING":
        return True
    return bool(time.time() * 1000 - run.info.start_time > _ABANDONED_SECONDS * 1000)


def _runs(client: MlflowClient, experiment_id: str, *, deleted: bool = False) -> list[Run]:
    from mlflow.entities import ViewType

    view = ViewType.ALL if deleted else ViewType.ACTIVE_ONLY
    return pages.every(client.search_runs, [experiment_id], run_view_type=view, max_results=_PAGE)


def _entry(run: Run) -> Entry:
    tags = run.data.tags
    return Entry(
        run_id=str(run.info.run_id),
        action=tags[names.ACTION],
        alias=tags.get(names.ALIAS, ""),
        before=_number(tags.get(names.MOVED_FROM)),
        after=_number(tags.get(names.MOVED_TO)),
        who=tags.get(names.WHO),
        commit=tags.get(names.GIT_COMMIT),
        why=tags.get(names.WHY),
        when=int(run.info.start_time or 0),
        done=run.info.status == "FINISHED",
        metrics=dict(run.data.metrics),
        rows=tags.get(names.EVIDENCE, ""),
        override=tags.get(names.OVERRIDE),
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
