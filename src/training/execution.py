"""A plan carried out: fitted inside a run, recorded, checked, registered."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlproject.base import environ
from mlproject.base.console import Reporter
from mlproject.base.counting import counted
from mlproject.base.errors import ModelError, TrackingError, reason
from mlproject.tracking import names, runs
from mlproject.tracking.azureml import studio_link
from mlproject.tracking.experiments import ambient_experiment
from mlproject.tracking.failures import as_tracking_error, short_reason
from mlproject.tracking.runs import Contents, OpenRun
from mlproject.tracking.session import Session
from mlproject.tracking.target import AZUREML
from training import (
    autologging,
    baselines,
    budget,
    children,
    contents,
    engine,
    fitting,
    heldout,
    metrics,
    model,
    profiling,
    progress,
    registration,
    rescoring,
)
from training.contents import Measured
from training.fitting import Outcome
from training.model import Description, Format
from training.parameters import in_short
from training.plan import Plan
from training.report import files as report
from training.report.files import Shown
from training.report.page import Where
from training.request import TrainResult


@dataclass(frozen=True)
class Destination:
    """Where a training is recorded, and where its fits run, ``jobs`` of them at a time.

    ``started`` is the time, as of ``time.monotonic``, at which the training was asked for.
    """

    experiment: str | None = None
    run_name: str | None = None
    register: str | None = None
    engine: str = "local"
    jobs: int | None = None
    started: float | None = None


# Of more classes what MLflow makes of each pair of them takes longer than the search.
_MANY_CLASSES = 50
_INVALID = "INVALID_PARAMETER_VALUE"


def execute(
    plan: Plan, destination: Destination, session: Session, reporter: Reporter
) -> TrainResult:
    started = time.perf_counter()
    for notice in plan.notices:
        reporter.warn(notice)
    with reporter.step(f"Connecting to {session.target.described}"):
        client = session.client
    experiment = (
        destination.experiment or ambient_experiment(client) or _of_active_run(session) or plan.name
    )
    with (
        autologging.switched_off(),
        runs.opened(session, experiment, destination.run_name) as open_run,
    ):
        result = _Execution(plan, session, open_run, reporter).result(destination)
    if open_run.joined and destination.experiment not in (None, open_run.experiment):
        reporter.warn(
            f"The run was already started in '{open_run.experiment}': --experiment is not used"
        )
    if destination.register:
        registered = registration.register(client, result.run_id, destination.register)
        result = replace(result, registered=registered)
    return replace(result, seconds=round(time.perf_counter() - started, 3))


def _of_active_run(session: Session) -> str | None:
    """Return the experiment of the caller's active run, of which the new one will be a child."""
    import mlflow

    active = mlflow.active_run()
    if active is None or session.moved:
        return None
    return str(session.client.get_experiment(active.info.experiment_id).name)


@dataclass(frozen=True)
class _Execution:
    """A plan on its way through an open run."""

    plan: Plan
    session: Session
    run: OpenRun
    reporter: Reporter

    def result(self, destination: Destination) -> TrainResult:
        before = contents.of_plan(self.plan)
        with self._recording():
            runs.fill(self.session.client, self.run.run_id, before)
        autologged = autologging.Autologging(many_classes=self._classes > _MANY_CLASSES)
        outcome = self._fitted(destination, autologged)
        with self.reporter.step("Measuring the model and its baselines"):
            measured = self._measured(outcome)
        with self.reporter.step("Recording candidates and model"), self._recording():
            # The model first: it is what a run is for, should the server go away after it.
            stored, shown = self._stored(outcome, measured)
            after = contents.of_outcome(outcome, measured, stored)
            whole = replace(before | after, datasets=())
            suspect = self.run.joined or autologged.error is not None
            runs.complete(self.session.client, self.run.run_id, whole, suspect=suspect)
            runs.fill(self.session.client, self.run.run_id, Contents(files=shown))
            family = children.Family(self.session, self.run)
            recorded = children.record(family, contents.of_candidates(outcome))
            self._check(autologged)
        return self._described(outcome, measured, stored, len(recorded))

    @contextmanager
    def _recording(self) -> Iterator[None]:
        # What is there already is completed, not repeated.
        later = f"Finish it later with {environ.RUN_ID}={self.run.run_id} and the same command"
        try:
            with as_tracking_error(f"The run {self.run.run_id} cannot be recorded", later):
                yield
        except TrackingError as error:
            if error.hint is not None:
                raise
            raise TrackingError(error.what, later) from error

    def _check(self, autologged: autologging.Autologging) -> None:
        """Raise TrackingError where autologging has left something out that can be had."""
        if autologged.error is None:
            return
        lost = f"MLflow's autologging has not written all it had: {short_reason(autologged.error)}"
        if _INVALID in str(autologged.error):  # the server will not take it another time either
            self.reporter.warn(lost)
        else:
            raise TrackingError(lost)

    def _fitted(self, destination: Destination, autologged: autologging.Autologging) -> Outcome:
        plan = self.plan
        if isinstance(plan.search, budget.BudgetedGridSearchCV):
            plan.search.allot(plan.rows.X_train, plan.rows.y_train, destination.started)
        with (
            engine.running(plan, destination.engine, destination.jobs),
            progress.shown(plan, self.reporter),
        ):
            outcome = fitting.fit(plan, autologged.block())
        for notice in budget.notices(plan.search, len(plan.rows.y_train)):
            self.reporter.warn(notice)
        for failure in outcome.failures:
            shown = ", ".join(
                f"{name}={in_short(value)}" for name, value in failure.parameters.items()
            )
            folds = counted(failure.folds, "fold")
            self.reporter.warn(
                f"Candidate {failure.index} ({shown}) failed on {folds}: {failure.why}"
            )
        return outcome

    def _measured(self, outcome: Outcome) -> Measured:
        with budget.one_thread(len(self.plan.rows.y_train)):
            values = self._held_out(outcome)
            intervals = heldout.intervals(self.plan, outcome.best, values)
            compared = baselines.measured(self.plan, outcome)
        for notice in baselines.notices(compared):
            self.reporter.warn(notice)
        return Measured(values, intervals, compared)

    def _held_out(self, outcome: Outcome) -> dict[str, float]:
        rows = self.plan.rows
        if rows.y_test is None:
            return {}
        values, unmeasured = metrics.measured(
            self.plan.held_out, outcome.best, rows.X_test, rows.y_test
        )
        if not values:
            why = next(iter(unmeasured.values()))
            raise ModelError(f"The model cannot be measured on the held-out rows: {why}")
        for name, why in unmeasured.items():
            self.reporter.warn(
                f"The metric '{name}' cannot be measured on the held-out rows: {why}"
            )
        return values

    def _stored(
        self, outcome: Outcome, measured: Measured
    ) -> tuple[Format, Mapping[str, bytes | str]]:
        """Store the model; return how it is stored, and the files that show it."""
        plan = self.plan
        stored = model.choose_format(outcome.best, plan.example)
        shown = self._shown(outcome, measured, stored) if plan.report else None
        described = model.described(outcome.best, plan)
        files = {names.CARD_FILE: shown.card} if shown else {}
        profile = self._profile(outcome, described)
        if profile is not None:
            files[names.PROFILE_FILE] = profile
        if plan.first_rows is not None:
            again = stored.read_back if stored.read_back is not None else outcome.best
            rescoring.check(plan.first_rows, outcome.best, again, described.schema)
        model.log(outcome.best, replace(described, files=files), stored)
        return stored, shown.files if shown else {}

    def _profile(self, outcome: Outcome, described: Description) -> str | None:
        try:
            return profiling.written(self.plan, outcome.best, described.schema)
        except Exception as error:  # noqa: BLE001 - nor is what later scorings are compared with
            self.reporter.warn(f"The profile of the rows could not be written: {reason(error)}")
            return None

    def _shown(self, outcome: Outcome, measured: Measured, stored: Format) -> Shown | None:
        where = Where(
            self.run.run_id,
            self.run.experiment,
            self.session.target.described,
            self._model_uri,
            report.now(),
        )
        try:
            shown = report.shown(self.plan, outcome, measured, stored.name, where)
        except Exception as error:  # noqa: BLE001 - a report is not worth a training
            self.reporter.warn(f"The report could not be written: {reason(error)}")
            return None
        if shown.why is not None:
            self.reporter.warn(shown.why)
        return shown

    @property
    def _classes(self) -> int:
        y = self.plan.rows.y_train
        return len(np.unique(y)) if self.plan.task == "classification" and np.ndim(y) == 1 else 0

    @property
    def _model_uri(self) -> str:
        return f"runs:/{self.run.run_id}/{names.BEST_MODEL}"

    def _described(
        self, outcome: Outcome, measured: Measured, stored: Format, recorded: int
    ) -> TrainResult:
        target, data, run_id = self.session.target, self.plan.dataset, self.run.run_id
        return TrainResult(
            run_id=run_id,
            experiment_id=str(self.run.run.info.experiment_id),
            experiment=self.run.experiment,
            tracking_uri=target.printable,
            model_uri=self._model_uri,
            status="FINISHED",
            metrics=measured.metrics | outcome.metrics,
            best_params={name: _plain(value) for name, value in outcome.best_parameters.items()},
            candidates=outcome.candidates,
            children=recorded,
            seconds=0.0,
            recipe=self.plan.name,
            data={"source": data.source, "sha256": data.sha256, "rows": data.rows},
            model_format=stored.name,
            failed_candidates=len(outcome.failures),
            task=self.plan.task,
            target=self.plan.target,
            features=_names_of(self.plan.rows.X_train),
            left_out=dict(self.plan.left_out),
            rows_left_out=dict(self.plan.rows_left_out),
            rows_trained=len(self.plan.rows.y_train),
            rows_held_out=0 if self.plan.rows.y_test is None else len(self.plan.rows.y_test),
            intervals=measured.intervals,
            baselines={item.name: item.as_dict() for item in measured.baselines},
            recorded_in=target.described,
            studio=studio_link(target.uri, run_id) if target.name == AZUREML else None,
        )


def _names_of(X: Any) -> list[str]:
    return [str(name) for name in X.columns] if hasattr(X, "columns") else []


def _plain(value: Any) -> Any:
    """Return a parameter's value as JSON can hold it."""
    if isinstance(value, np.generic):
        return value.item()
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)
