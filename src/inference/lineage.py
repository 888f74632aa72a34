"""The scoring run: which model scored what, recorded where the model is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from inference.manifest import dump
from mlproject.base import environ
from mlproject.base.version import __version__
from mlproject.data.table import short_name
from mlproject.models.finding import ModelSource
from mlproject.tracking import names, runs
from mlproject.tracking.datasets import Dataset, as_input
from mlproject.tracking.experiments import ambient_experiment, experiment_id
from mlproject.tracking.failures import as_tracking_error, few_retries
from mlproject.tracking.runs import Contents, NewRun, parameter_text
from mlproject.tracking.session import Session

_EXPERIMENT = "batch-scoring"
_PARAMETERS = ("method", "keep", "on_error")


@dataclass(frozen=True)
class Scored:
    """A finished scoring, as its run records it.

    Attributes
    ----------
    manifest_name : str
        The file name of the artifact that the manifest becomes.
    started : float
        When scoring began, in seconds since the epoch.
    page : str or None
        The report, as HTML.
    """

    model: ModelSource
    manifest: Mapping[str, Any]
    manifest_name: str
    metrics: Mapping[str, float]
    started: float
    page: str | None = None

    @property
    def contents(self) -> Contents:
        from mlflow.entities import LoggedModelInput

        manifest = self.manifest
        source, model, output = manifest["input"], manifest["model"], manifest["output"]
        parameters = {
            "model": self.model.uri,
            "input": source["source"],
            "output": output["path"],
            **{name: manifest[name] for name in _PARAMETERS},
        }
        tags = {
            names.KIND: "score",
            names.VERSION: __version__,
            names.MODEL_URI: self.model.uri,
            names.MODEL_SHA256: model["sha256"],
            names.MODEL_RUN_ID: self.model.run_id,
            names.INPUT_SOURCE: source["source"],
            names.INPUT_SHA256: source["sha256"],
            names.OUTPUT_SHA256: output["sha256"],
        }
        dataset = Dataset(
            source["source"], short_name(source["source"]), source["sha256"], manifest["rows_in"]
        )
        return Contents(
            {name: parameter_text(value) for name, value in parameters.items()},
            self.metrics,
            {name: str(value) for name, value in tags.items() if value},
            self._files,
            [as_input(dataset, "score")],
            [LoggedModelInput(self.model.model_id)] if self.model.model_id else [],
        )

    @property
    def _files(self) -> dict[str, bytes | str]:
        page = {} if self.page is None else {names.SCORING_PAGE: self.page}
        return {self.manifest_name: dump(self._shared_manifest), **page}

    @property
    def _shared_manifest(self) -> dict[str, Any]:
        """The manifest without the example of a reject: a row's values stay where the rows are."""
        most = self.manifest.get("most_rejected")
        if most is None:
            return dict(self.manifest)
        return {**self.manifest, "most_rejected": {**most, "example": None}}


def record(session: Session, scored: Scored) -> str:
    """Record a finished scoring as a run and return its id.

    The run that MLflow or a job has already started is joined; else one is made in the experiment
    of the model.
    """
    with few_retries(), as_tracking_error("The scoring run cannot be recorded"):
        client = session.client
        joined = environ.get(environ.RUN_ID)
        if joined is not None:
            # A project's parameters were logged by MLflow before this process began, and cannot be
            # changed.
            logged = client.get_run(joined).data.params
            parameters = scored.contents.parameters
            kept = {name: value for name, value in parameters.items() if name not in logged}
            runs.fill(client, joined, replace(scored.contents, parameters=kept))
            return joined
        experiment = scored.model.experiment_id
        if experiment is None:
            experiment = experiment_id(client, ambient_experiment(client) or _EXPERIMENT)
        name = f"score {short_name(scored.manifest['input']['source'])}"
        run_id = runs.created(
            client, NewRun(experiment, name, int(scored.started * 1000)), scored.contents
        )
        client.set_terminated(run_id, "FINISHED")
    return run_id
