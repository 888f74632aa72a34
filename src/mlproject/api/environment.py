"""The environment of this process, compared with those that it should be like."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from mlproject.api import arguments
from mlproject.base.errors import ConfigurationError, TrackingError
from mlproject.jobs import code, containers
from mlproject.models import environments
from mlproject.models.environments import Difference
from mlproject.tracking import names, run_files
from mlproject.tracking import session as sessions
from mlproject.tracking.target import resolve

if TYPE_CHECKING:
    from mlproject.tracking.session import Session

_LOCK = "lock"
_MOST_NAMED = 5


@dataclass(frozen=True)
class EnvironmentCheck:
    """What was compared with this interpreter, and where it differs.

    Attributes
    ----------
    compared : dict of str to int
        ``lock``, ``model`` or ``run``, and how many packages each names.
    """

    python: str
    compared: dict[str, int]
    differences: list[Difference]

    @property
    def error(self) -> ConfigurationError | None:
        """What to tell where something differs."""
        if not self.differences:
            return None
        named = [
            f"{item.package} {item.here or 'missing'} instead of {item.expected} ({item.of})"
            for item in self.differences[:_MOST_NAMED]
        ]
        more = len(self.differences) - len(named)
        error = ConfigurationError(
            f"This environment differs: {'; '.join(named)}{f'; and {more} more' if more else ''}",
            "Make one from conda.yaml: mlflow run . --env-manager uv, or the Dockerfile of "
            "mlproject env docker",
        )
        error.result = self
        return error


def check_environment(
    *,
    run_id: str | None = None,
    model: str | None = None,
    tracking: str | PathLike[str] | None = None,
) -> EnvironmentCheck:
    """Compare this interpreter with the lock, a model's requirements, and a run's record.

    The lock is the conda.yaml of the current folder, or else this project's own: what jobs get.

    Parameters
    ----------
    run_id : str, optional
        A run, whose recorded environment is compared, and its model's requirements.
    model : str, optional
        A model, as :func:`mlproject.score` takes it.

    Raises
    ------
    ModelError, TrackingError
        When there is no such model or run.
    """
    own = environments.here()
    expected = {_LOCK: environments.of_conda(code.conda_of(Path.cwd()), code.CONDA_FILE)}
    if run_id or model:
        with sessions.opened(resolve(arguments.text(tracking))) as session:
            if run_id:
                expected["run"] = _of_run(session, run_id)
            if model or run_id:
                expected["model"] = _of_model(session, model or f"runs:/{run_id}")
    return EnvironmentCheck(
        own[environments.PYTHON],
        {of: len(pins) for of, pins in expected.items()},
        [item for of, pins in expected.items() for item in environments.differences(of, pins, own)],
    )


def write_container(folder: str | PathLike[str] = ".", *, image: str | None = None) -> list[Path]:
    """Write a Dockerfile and a devcontainer.json that make the environment that jobs have.

    Parameters
    ----------
    folder : str or path
        Where; its conda.yaml is what is installed, or else this project's own.
    image : str, optional
        What it is installed on; by default the base image of jobs.
    """
    return containers.write(Path(folder), image)


def _of_run(session: Session, run_id: str) -> dict[str, str]:
    texts = run_files.read(session.client, run_id, [names.ENVIRONMENT_FILE]).texts
    if names.ENVIRONMENT_FILE not in texts:
        raise TrackingError(
            f"The run {run_id} has no {names.ENVIRONMENT_FILE}",
            "Runs of mlproject train have one; compare a model with --model",
        )
    return environments.of_requirements(texts[names.ENVIRONMENT_FILE].splitlines())


def _of_model(session: Session, model: str) -> dict[str, str]:
    from mlproject.models import finding

    with finding.fetched(finding.find(model, session)) as folder:
        return environments.of_model(folder)
