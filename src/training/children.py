"""One child run for each candidate, in three requests, with autologging's names."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from mlproject.base.counting import counted, was_or_were
from mlproject.base.errors import TrackingError, one_line
from mlproject.base.interrupts import interrupts_held_back
from mlproject.tracking import names, pages, runs
from mlproject.tracking.failures import is_unanswered
from mlproject.tracking.runs import Contents, OpenRun
from mlproject.tracking.session import Session
from mlproject.tracking.target import AZUREML

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_PAGE = 1000
_ROUNDS = 2
_MOST_SHOWN = 5
# Tags that say who and what started a run; children carry their parent's.
_CONTEXT = (names.USER, names.SOURCE_NAME, names.SOURCE_TYPE, names.GIT_COMMIT)


class Store(Enum):
    """What kind of store children go to, where that decides how they are written quickest.

    ``FILES`` is the FileStore: a search reads the whole experiment, and each tag that goes with a
    new run lists it. ``HTTP`` answers several requests at a time, and so does ``WORKSPACE``, which
    is far away. ``HTTP`` and ``OTHER`` lead to a database, which takes tags most quickly with the
    new run.
    """

    FILES = "files"
    HTTP = "http"
    WORKSPACE = "workspace"
    OTHER = "other"


# Children written at a time; the local stores gain nothing by it.
_WORKERS = {Store.HTTP: 4, Store.WORKSPACE: 10}


@dataclass(frozen=True)
class Child:
    """What the run of one candidate should be; ``index`` is its row in ``cv_results_``."""

    index: int
    contents: Contents

    @property
    def status(self) -> str:
        """FAILED when no fold has a score."""
        scored = any(name.startswith("mean_test_") for name in self.contents.metrics)
        return "FINISHED" if scored else "FAILED"

    def lacks(self, run: Run | None) -> list[str]:
        """Return what a run lacks or has otherwise; an empty list when it is complete."""
        if run is None:
            return ["run"]
        missing = runs.lacking(run, replace(self.contents, tags={})).described
        return missing + ["status"] * (run.info.status != self.status)


@dataclass(frozen=True)
class Family:
    """A parent run in its store, to which children belong."""

    session: Session
    parent: OpenRun

    @property
    def client(self) -> MlflowClient:
        return self.session.client

    @property
    def store(self) -> Store:
        target = self.session.target
        if target.is_file_store:
            return Store.FILES
        if target.name == AZUREML:
            return Store.WORKSPACE
        return Store.HTTP if target.uri.startswith("http") else Store.OTHER

    @property
    def experiment_id(self) -> str:
        return str(self.parent.run.info.experiment_id)


def record(family: Family, candidates: Sequence[Contents]) -> dict[int, str]:
    """Write the children that are not there, check all, and return candidate to run id.

    The candidates are in the order of ``cv_results_``. Those that are missing or incomplete after a
    second attempt are named in a TrackingError.
    """
    children = [Child(index, contents) for index, contents in enumerate(candidates)]
    stored = _find(family) if family.parent.joined and children else {}
    ids = {index: str(run.info.run_id) for index, run in stored.items()}
    problems: dict[int, str] = {}
    todo = [child for child in children if child.lacks(stored.get(child.index))]
    for _ in range(_ROUNDS):
        if not todo:
            return ids
        problems = _write(family, todo, ids)
        if family.store == Store.FILES:
            stored = {index: family.client.get_run(run_id) for index, run_id in ids.items()}
        else:
            stored = _find(family)
        todo = [child for child in children if child.lacks(stored.get(child.index))]
    if not todo:
        return ids
    shown = [
        f"{child.index} ({', '.join(child.lacks(stored.get(child.index))[:3])})"
        for child in todo[:_MOST_SHOWN]
    ]
    more = f" and {len(todo) - _MOST_SHOWN} more" if len(todo) > _MOST_SHOWN else ""
    why = next(iter(problems.values()), None)
    raise TrackingError(
        f"{len(todo)} of {counted(len(children), 'candidate')} {was_or_were(len(todo))} not "
        f"recorded: {', '.join(shown)}{more}",
        f"The server said: {why}" if why else None,
    )


def _write(family: Family, children: Sequence[Child], ids: dict[int, str]) -> dict[int, str]:
    """Write children, and return candidate to what went wrong; a failure does not stop the others.

    ``ids``, candidate to run id of those that exist, gets those that are made.
    """
    problems: dict[int, str] = {}
    gone: list[Exception] = []
    tags = family.parent.run.data.tags
    inherited = {name: tags[name] for name in _CONTEXT if name in tags}

    def one(child: Child) -> None:
        if gone:
            return
        try:
            with interrupts_held_back():
                _write_one(family, child, inherited, ids)
        except Exception as error:  # noqa: BLE001 - collected, and reported by record()
            problems[child.index] = one_line(str(error))
            if is_unanswered(error):
                gone.append(error)

    _for_each(one, children, _WORKERS.get(family.store, 1))
    if gone:  # asking for each of the others would take minutes
        raise gone[0]
    return problems


def _write_one(
    family: Family, child: Child, inherited: Mapping[str, str], ids: dict[int, str]
) -> None:
    parent = family.parent.run.info
    # The tags by which a child is found again go with the new run, so that none is ever without;
    # the FileStore, whose answers are not lost on a network, takes them with the numbers.
    own = {names.PARENT: family.parent.run_id, names.CANDIDATE: str(child.index)}
    every = runs.storable_tags({**inherited, **own, **child.contents.tags})
    first = {Store.FILES: {}, Store.WORKSPACE: own}.get(family.store, every)
    later = every
    if child.index not in ids:
        run = family.client.create_run(
            family.experiment_id,
            start_time=parent.start_time,
            tags=first,
            run_name=f"candidate-{child.index}",
        )
        ids[child.index] = str(run.info.run_id)
        later = {name: every[name] for name in every.keys() - first.keys()}
    runs.fill(family.client, ids[child.index], replace(child.contents, tags=later))
    now = int(time.time() * 1000)
    family.client.set_terminated(ids[child.index], status=child.status, end_time=now)


def _find(family: Family) -> dict[int, Run]:
    found = pages.every(
        family.client.search_runs,
        [family.experiment_id],
        filter_string=f"tags.`{names.PARENT}` = '{family.parent.run_id}'",
        max_results=_PAGE,
    )
    tagged = [(run.data.tags.get(names.CANDIDATE), run) for run in found]
    return {int(number): run for number, run in tagged if number is not None}


def _for_each(work: Callable[[Child], None], children: Sequence[Child], workers: int) -> None:
    if workers == 1:
        for child in children:
            work(child)
        return
    with ThreadPoolExecutor(workers) as pool:
        try:
            for _ in pool.map(work, children):
                pass
        except BaseException:  # interrupted: those that were begun are ended, no more are begun
            pool.shutdown(cancel_futures=True)
            raise
