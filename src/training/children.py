"""One child run for each candidate, in three requests, with autologging's names."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum
from numbers import Number
from typing import TYPE_CHECKING, Any

from mlproject.base.errors import one_line
from mlproject.base.interrupts import interrupts_held_back
from mlproject.tracking.failures import is_unanswered

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

CANDIDATE_TAG = "mlproject.candidate"
FAILURE_TAG = "mlproject.failure"
_PARENT_TAG = "mlflow.parentRunId"
_AUTOLOGGING_TAG = "mlflow.autologging"
_LONGEST_PARAMETER = 500
_PAGE = 1000


class Store(Enum):
    """What kind of store children go to, where that decides how they are written quickest.

    ``FILES`` is the FileStore: a search reads the whole experiment, and each tag that goes with a
    new run lists it. ``HTTP`` answers several requests at a time, and so does ``WORKSPACE``, which
    is far away.
    """

    FILES = "files"
    HTTP = "http"
    WORKSPACE = "workspace"
    OTHER = "other"


# Children written at a time; the local stores gain nothing by it.
_WORKERS = {Store.HTTP: 4, Store.WORKSPACE: 10}


@dataclass(frozen=True)
class Child:
    """What the run of one candidate should hold.

    Attributes
    ----------
    index : int
        The candidate's row in ``cv_results_``.
    parameters : dict of str to str
        All parameters of the pipeline, with the candidate's own.
    metrics : dict of str to float
        Mean and standard deviation of each score, ranks, and times in seconds.
    failure : str or None
        Why it has folds without a score.
    """

    index: int
    parameters: dict[str, str]
    metrics: dict[str, float]
    failure: str | None = None

    @property
    def status(self) -> str:
        """FAILED when no fold has a score."""
        scored = any(name.startswith("mean_test_") for name in self.metrics)
        return "FINISHED" if scored else "FAILED"


@dataclass(frozen=True)
class Family:
    """What all children of a search share."""

    parent: Run
    store: Store = Store.OTHER
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def experiment_id(self) -> str:
        """The experiment of the parent."""
        return str(self.parent.info.experiment_id)

    @property
    def parent_id(self) -> str:
        """The parent's run id."""
        return str(self.parent.info.run_id)


def expected(search: Any, failures: Mapping[int, str]) -> list[Child]:
    """Return what the children should hold, from ``cv_results_``.

    Names are those of MLflow's autologging: every parameter of the pipeline, and every column of
    ``cv_results_`` that is neither a parameter nor of a single fold. Scores that are not numbers
    are left out.

    Parameters
    ----------
    search : fitted search estimator
    failures : mapping of int to str
        Why, for each candidate with folds that have no score.
    """
    base = {name: text(value) for name, value in search.estimator.get_params(deep=True).items()}
    results = search.cv_results_
    columns = [name for name in results if not name.startswith(("param", "split"))]
    children = []
    for index, parameters in enumerate(results["params"]):
        metrics = {
            name: float(results[name][index])
            for name in columns
            if _is_number(results[name][index])
        }
        own = {name: text(value) for name, value in parameters.items()}
        children.append(Child(index, base | own, metrics, failures.get(index)))
    return children


def text(value: Any) -> str:
    """Return a parameter's value as a run stores it."""
    shown = str(value)
    return shown if len(shown) <= _LONGEST_PARAMETER else shown[: _LONGEST_PARAMETER - 3] + "..."


def write(
    client: MlflowClient,
    family: Family,
    children: Sequence[Child],
    *,
    known: Mapping[int, str] | None = None,
) -> tuple[dict[int, str], dict[int, str]]:
    """Write children; a failure of one does not stop the others.

    Parameters
    ----------
    client : MlflowClient
    family : Family
    children : sequence of Child
    known : mapping of int to str, optional
        Candidate to run id of those that exist and have to be completed.

    Returns
    -------
    written : dict of int to str
        Candidate to run id, also of those that were made and not completed.
    problems : dict of int to str
        Candidate to what went wrong.
    """
    written: dict[int, str] = dict(known or {})
    problems: dict[int, str] = {}
    gone: list[Exception] = []

    def one(child: Child) -> None:
        if gone:
            return
        try:
            with interrupts_held_back():
                _write_one(client, family, child, written)
        except Exception as error:  # noqa: BLE001 - collected, and reported by completion
            problems[child.index] = one_line(str(error))
            if is_unanswered(error):
                gone.append(error)

    _for_each(one, children, _WORKERS.get(family.store, 1))
    if gone:  # asking for each of the others would take minutes
        raise gone[0]
    return written, problems


def find(client: MlflowClient, family: Family) -> dict[int, Run]:
    """Return the parent's children in the store, by candidate."""
    found: dict[int, Run] = {}
    token = None
    while True:
        page = client.search_runs(
            [family.experiment_id],
            filter_string=f"tags.`{_PARENT_TAG}` = '{family.parent_id}'",
            max_results=_PAGE,
            page_token=token,
        )
        for run in page:
            number = run.data.tags.get(CANDIDATE_TAG)
            if number is not None:
                found[int(number)] = run
        token = page.token
        if not token:
            return found


def lacking(child: Child, run: Run | None) -> list[str]:
    """Return what a child's run lacks or has otherwise; an empty list when it is complete."""
    if run is None:
        return ["run"]
    parameters, metrics = run.data.params, run.data.metrics
    wrong = [name for name, value in child.parameters.items() if parameters.get(name) != value]
    wrong += [name for name, value in child.metrics.items() if not same(metrics.get(name), value)]
    if run.info.status != child.status:
        wrong.append("status")
    return wrong


def same(stored: float | None, value: float) -> bool:
    """Return whether a stored metric is the value; databases round, and cap infinity."""
    if stored is None:
        return False
    if math.isinf(value):
        return abs(stored) > 1e300 and (stored > 0) == (value > 0)
    return math.isclose(stored, value, rel_tol=1e-9, abs_tol=1e-12)


def _write_one(client: MlflowClient, family: Family, child: Child, written: dict[int, str]) -> None:
    from mlflow.entities import Metric, Param, RunTag

    # The tags by which a child is found again go with the new run, so that none is ever without;
    # the FileStore, whose answers are not lost on a network, takes them with the numbers.
    own = {_PARENT_TAG: family.parent_id, CANDIDATE_TAG: str(child.index)}
    if child.index not in written:
        run = client.create_run(
            family.experiment_id,
            start_time=family.parent.info.start_time,
            tags={} if family.store == Store.FILES else own,
            run_name=f"candidate-{child.index}",
        )
        written[child.index] = run.info.run_id
    run_id = written[child.index]
    now = int(time.time() * 1000)
    tags = {**family.tags, _AUTOLOGGING_TAG: "sklearn"}
    if family.store == Store.FILES:
        tags |= own
    if child.failure:
        tags[FAILURE_TAG] = child.failure[:5000]
    client.log_batch(
        run_id,
        metrics=[Metric(name, value, now, 0) for name, value in child.metrics.items()],
        params=[Param(name, value) for name, value in child.parameters.items()],
        tags=[RunTag(name, value) for name, value in tags.items()],
    )
    client.set_terminated(run_id, status=child.status, end_time=now)


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


def _is_number(value: Any) -> bool:
    return isinstance(value, Number) and not math.isnan(float(value))  # type: ignore[arg-type]
