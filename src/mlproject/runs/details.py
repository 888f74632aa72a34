"""A run in full: its data, split, metrics, parameters, code, environment and models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mlproject.base.errors import ConfigurationError
from mlproject.models import environments, finding
from mlproject.models.finding import ModelSource
from mlproject.registry import versions
from mlproject.runs.records import RunRecord, record_of
from mlproject.tracking import datasets, names, run_files
from mlproject.tracking.azureml import studio_link
from mlproject.tracking.datasets import RecordedDataset
from mlproject.tracking.failures import as_tracking_error
from mlproject.tracking.session import Session
from mlproject.tracking.target import AZUREML
from training.catalogue import parsed_yaml
from training.recipe import parse

_BEST = "best_"
_LOW, _HIGH = "_low", "_high"
_VERSIONS_A_PAGE = 100


@dataclass(frozen=True)
class RunDetails:
    """What a run says of itself, as far as it says it.

    Attributes
    ----------
    failure : str or None
        Why it failed.
    split : dict of str to str
        How rows were held out, by the recipe.
    parameters : dict of str to str
        The model's: those that a search has found in place of those that it began with.
    packages : dict of str to str, or None
        The environment: packages, and Python itself, to version.
    models : list of str
        Their URIs.
    registered : list of dict
        ``name``, ``version`` and ``aliases``.
    """

    run: RunRecord
    deleted: bool
    failure: str | None
    data: list[RecordedDataset]
    rows_left_out: int
    task: str | None
    seed: str | None
    split: dict[str, str]
    parameters: dict[str, str]
    version: str | None
    commit: str | None
    dirty: bool | None
    packages: dict[str, str] | None
    artifacts: list[str]
    model_format: str | None
    recorded_in: str
    studio: str | None
    models: list[str]
    registered: list[dict[str, Any]]

    @property
    def metrics(self) -> dict[str, float]:
        return self.run.metrics

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """The ends of the 95 % intervals, by metric."""
        return {
            name: (self.metrics[name + _LOW], self.metrics[name + _HIGH])
            for name in self.metrics
            if {name + _LOW, name + _HIGH} <= self.metrics.keys()
        }


def detailed(session: Session, run_id: str) -> RunDetails:
    """Return what a run says of itself; of its models, nothing."""
    run = finding.run_of(session, run_id)
    with as_tracking_error(f"The experiment of the run {run_id} cannot be read"):
        experiment = str(session.client.get_experiment(run.info.experiment_id).name)
    files = run_files.read(session.client, run_id, [names.ENVIRONMENT_FILE, names.RECIPE_FILE])
    record, tags, target = record_of(run, experiment), run.data.tags, session.target
    pins = files.texts.get(names.ENVIRONMENT_FILE, "")
    left_out, dirty = tags.get(names.ROWS_LEFT_OUT, "0"), tags.get(names.GIT_DIRTY)
    return RunDetails(
        run=record,
        deleted=run.info.lifecycle_stage == "deleted",
        failure=tags.get(names.FAILURE),
        data=datasets.recorded(run),
        rows_left_out=int(left_out) if left_out.isdecimal() else 0,
        task=tags.get(names.TASK),
        seed=tags.get(names.SEED),
        split=_split(files.texts.get(names.RECIPE_FILE), record),
        parameters=_parameters(run.data.params, record),
        version=tags.get(names.VERSION),
        commit=tags.get(names.GIT_COMMIT),
        dirty=None if dirty is None else dirty == "true",
        packages=environments.of_requirements(pins.splitlines()) or None,
        artifacts=files.listed,
        model_format=tags.get(names.MODEL_FORMAT),
        recorded_in=target.described,
        studio=studio_link(target.uri, run_id) if target.name == AZUREML else None,
        models=[],
        registered=[],
    )


def with_models(session: Session, details: RunDetails) -> RunDetails:
    """Return the same with the models that the run has made, and what they are registered as."""
    run_id = details.run.run_id
    made = finding.models_of(session.client, finding.run_of(session, run_id))
    return replace(
        details,
        models=[source.uri for _, source in sorted(made.items(), key=_best_first)],
        registered=_registered(session, run_id) if made else [],
    )


def _best_first(model: tuple[str, ModelSource]) -> tuple[bool, str]:
    return model[0] != names.BEST_MODEL, model[0]


def _registered(session: Session, run_id: str) -> list[dict[str, Any]]:
    client = session.client
    # A version that was made from a model's own id knows its run by our tag alone.
    conditions = (f"run_id = '{run_id}'", f"tags.`{names.RUN_ID}` = '{run_id}'")
    with as_tracking_error(f"What the run {run_id} is registered as cannot be read"):
        found: set[str] = set()
        for condition in conditions:
            page = client.search_model_versions(condition, max_results=_VERSIONS_A_PAGE)
            found |= {str(version.name) for version in page}
    return [
        {"name": name, "version": str(version.number), "aliases": list(version.aliases)}
        for name in sorted(found)
        for version in versions.all_versions(client, name)
        if version.run_id == run_id
    ]


def _split(recipe: str | None, record: RunRecord) -> dict[str, str]:
    """Return the section ``split`` of a run's recipe, with what it leaves to the defaults."""
    if recipe is None or record.kind != "train":
        return {}
    try:
        content = parsed_yaml(recipe, names.RECIPE_FILE)
        found = parse(content, names.RECIPE_FILE)
    except ConfigurationError:  # somebody has put another file there
        return {}
    section = {"kind": found.split_kind} | found.split.model_dump(exclude_none=True)
    if found.split_kind == "file":
        del section["test_size"]  # which says nothing of a file
    return {name: str(value) for name, value in section.items()}


def _parameters(parameters: Mapping[str, str], record: RunRecord) -> dict[str, str]:
    """Return the parameters of a run, the best of a search in place of what it began with."""
    if record.kind != "train":
        return dict(sorted(parameters.items()))
    own = {name: value for name, value in parameters.items() if not name.startswith(_BEST)}
    best = {name[len(_BEST) :]: value for name, value in parameters.items() if name not in own}
    return dict(sorted((own | best).items()))
