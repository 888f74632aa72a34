"""Registered models and their versions: made from runs, listed, and found by number or alias."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlproject.base.errors import ConfigurationError, TrackingError
from mlproject.base.suggestions import did_you_mean
from mlproject.tracking.failures import as_tracking_error
from mlproject.tracking.pages import every

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

# What a URI models:/NAME/VERSION or models:/NAME@ALIAS cannot hold.
_FORBIDDEN = "/:@"
# What a version takes over from its run's tags.
_LINEAGE = (
    "mlproject.recipe",
    "mlproject.task",
    "mlproject.seed",
    "mlproject.data.source",
    "mlproject.data.sha256",
    "mlproject.model.format",
    "mlproject.version",
    "mlflow.source.git.commit",
)
_METRIC = "mlproject.metric."
# Metrics of autologging, of cross-validation, and of no model's quality.
_OTHER_METRICS = ("training_", "cv_", "best_", "mean_", "std_", "system/")


@dataclass(frozen=True)
class Version:
    """A version of a registered model.

    Attributes
    ----------
    run_id, model_id : str or None
        Where it comes from.
    status : str
        ``READY`` once it can be loaded.
    created : int
        Milliseconds since the epoch.
    """

    name: str
    number: int
    run_id: str | None
    model_id: str | None
    aliases: tuple[str, ...]
    tags: dict[str, str]
    status: str
    created: int

    @property
    def uri(self) -> str:
        return f"models:/{self.name}/{self.number}"

    @property
    def metrics(self) -> dict[str, float]:
        """The held-out metrics of its run, as they were when it was registered."""
        return {
            key.removeprefix(_METRIC): float(value)
            for key, value in self.tags.items()
            if key.startswith(_METRIC)
        }


def check_name(name: str | None) -> None:
    if name is not None and (not name.strip() or any(letter in name for letter in _FORBIDDEN)):
        raise ConfigurationError(
            f"'{name}' cannot be the name of a registered model",
            "Use letters, digits, dashes and underscores",
        )


def check_alias(alias: str) -> None:
    """Raise ConfigurationError for an alias that no server takes, such as ``latest`` or ``v1``."""
    from mlflow.exceptions import MlflowException
    from mlflow.utils.validation import (
        _validate_model_alias_name,
        _validate_model_alias_name_reserved,
    )

    try:
        _validate_model_alias_name(alias)
        _validate_model_alias_name_reserved(alias)
    except MlflowException as error:
        raise ConfigurationError(
            f"'{alias}' cannot be an alias", "Choose another, such as champion"
        ) from error


def register(client: MlflowClient, run_id: str, model: str, name: str) -> Version:
    """Register a run's model, by its name in the run, or return the version that it is already."""
    import mlflow

    with as_tracking_error(f"The model of run {run_id} cannot be registered as '{name}'"):
        run = client.get_run(run_id)
        lineage = {key: run.data.tags[key] for key in _LINEAGE if key in run.data.tags}
        tags = lineage | _quality(run) | {"mlproject.model.name": model}
        for entity in _search(client, name):
            version = _version(entity)
            if version.run_id == run_id and _model_name(client, entity) == model:
                return version
        with redirect_stderr(io.StringIO()):  # MLflow prints its success there
            made = mlflow.register_model(f"runs:/{run_id}/{model}", name, tags=tags)
        # Where a model is registered by its own id, MLflow leaves the run out.
        return _version(made, run_id=run_id)


def _model_name(client: MlflowClient, entity: Any) -> str:
    """Return which of its run's models a version is: by our tag, or by where it came from."""
    known = entity.tags.get("mlproject.model.name")
    if known is not None:
        return str(known)
    source = str(entity.source or "").rstrip("/")
    if source.startswith("models:/"):
        return str(client.get_logged_model(source.removeprefix("models:/")).name)
    return source.rpartition("/")[2]


def all_models(client: MlflowClient) -> list[Any]:
    with as_tracking_error("The registered models cannot be listed"):
        models = every(client.search_registered_models, max_results=100)
    return sorted(models, key=lambda model: str(model.name))


def all_versions(client: MlflowClient, name: str) -> list[Version]:
    """Return every version of a registered model, oldest first."""
    with as_tracking_error(f"The registered model '{name}' cannot be read"):
        aliases = _aliases(client, name)
        known = [_version(item, aliases) for item in _search(client, name)]
    return sorted(known, key=lambda version: version.number)


def find(client: MlflowClient, name: str, wanted: str | None) -> Version:
    """Return a version by its number or ``@alias``; the one that was registered last for None."""
    return pick(all_versions(client, name), name, wanted)


def pick(known: Sequence[Version], name: str, wanted: str | None) -> Version:
    """Return what ``find`` does, from all versions of a model."""
    text = (wanted or "").strip()
    if not known:
        raise TrackingError(f"The model '{name}' has no versions")
    if text.startswith("@"):
        version = by_alias(known, text[1:])
        if version is None:
            aliases = sorted({alias for item in known for alias in item.aliases})
            hint = did_you_mean(text[1:], aliases, noun="aliases") if aliases else None
            raise TrackingError(
                f"The model '{name}' has no alias '{text[1:]}'", hint or "It has no aliases"
            )
    else:
        number = text or str(known[-1].number)
        version = next((item for item in known if str(item.number) == number), None)
    if version is None:
        numbers = ", ".join(str(item.number) for item in reversed(known))
        raise TrackingError(f"The model '{name}' has no version {text}", f"It has {numbers}")
    if version.status != "READY":
        raise TrackingError(f"{version.uri} is not ready: {version.status}")
    return version


def by_alias(versions: Iterable[Version], alias: str) -> Version | None:
    return next((item for item in versions if alias in item.aliases), None)


def _aliases(client: MlflowClient, name: str) -> dict[str, str]:
    from mlflow.exceptions import MlflowException

    try:
        return dict(client.get_registered_model(name).aliases)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        known = [str(item.name) for item in all_models(client)]
        hint = did_you_mean(name, known, noun="registered models") if known else "There are none"
        raise TrackingError(f"There is no registered model '{name}'", hint) from error


def _search(client: MlflowClient, name: str) -> list[Any]:
    quote = '"' if "'" in name else "'"  # MLflow knows no escape
    by_name = f"name={quote}{name}{quote}"
    return every(client.search_model_versions, by_name, max_results=1000)


def _version(
    entity: Any, aliases: dict[str, str] | None = None, run_id: str | None = None
) -> Version:
    # SQL stores leave the aliases out of a search; the registered model has them.
    named = [key for key, value in (aliases or {}).items() if str(value) == str(entity.version)]
    return Version(
        name=str(entity.name),
        number=int(entity.version),
        run_id=run_id or entity.run_id or entity.tags.get("mlproject.run_id") or None,
        model_id=getattr(entity, "model_id", None) or None,
        aliases=tuple(sorted({*entity.aliases, *named})),
        tags=dict(entity.tags),
        status=str(entity.status),
        created=int(entity.creation_timestamp or 0),
    )


def _quality(run: Run) -> dict[str, str]:
    """Return the run's id and its held-out metrics as tags."""
    metrics = {
        f"{_METRIC}{key}": repr(float(value))
        for key, value in run.data.metrics.items()
        if not key.startswith(_OTHER_METRICS)
    }
    return {"mlproject.run_id": str(run.info.run_id)} | metrics
