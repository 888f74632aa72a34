"""A model that comes before the gate, with what its run has recorded of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import is_classifier

from mlproject.base.errors import DataError
from mlproject.data.row_hashes import RowHashes
from mlproject.data.schema import Feature
from mlproject.data.table import columns_of, to_frame
from mlproject.data.types import typed
from mlproject.models.loaded import LoadedModel
from mlproject.models.opening import open_model
from mlproject.models.trust import Policy
from mlproject.tracking import names
from mlproject.tracking.failures import as_tracking_error
from mlproject.tracking.session import Session
from training import catalogue
from training.recipe import Recipe, Task

if TYPE_CHECKING:
    from mlflow.entities import Run


@dataclass(frozen=True)
class Contender:
    """A model, and what is known of how it was made.

    Attributes
    ----------
    run : Run or None
        That it comes from, where there is one.
    recipe : Recipe or None
        As the run recorded it.
    trained_on : RowHashes or None
        Of the rows that it was trained on, as the run recorded them.
    """

    model: LoadedModel
    run: Run | None = None
    recipe: Recipe | None = None
    trained_on: RowHashes | None = None

    @property
    def uri(self) -> str:
        return self.model.uri

    @property
    def run_id(self) -> str | None:
        return str(self.run.info.run_id) if self.run is not None else None

    @property
    def data_sha256(self) -> str | None:
        return self.run.data.tags.get(names.DATA_SHA256) if self.run is not None else None

    @property
    def task(self) -> Task:
        if self.recipe is not None:
            return self.recipe.task
        return "classification" if is_classifier(self.model.estimator) else "regression"

    @property
    def classes(self) -> np.ndarray[Any, Any] | None:
        found = getattr(self.model.estimator, "classes_", None)
        return np.asarray(found) if found is not None else None

    def inputs(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return rows as scoring would give them to the model.

        Raises
        ------
        DataError
            When a value does not fit.
        """
        features = self.model.schema.features
        if self.model.schema.is_tensor or not features:
            return rows
        present = [feature for feature in features if feature.name in rows]
        made = typed(columns_of(rows, present), present)
        for misfit in made.misfits:
            raise DataError(f"{self.uri} cannot take row {misfit.row + 1}, {misfit.message}")
        return to_frame(made.table)


def features_of(contenders: Iterable[Contender]) -> tuple[Feature, ...]:
    """Return what any of the models takes; of two that differ, what the first of them takes."""
    found: dict[str, Feature] = {}
    for contender in contenders:
        for feature in contender.model.schema.features:
            found.setdefault(feature.name, feature)
    return tuple(found.values())


def opened(uri: str, session: Session, policy: Policy) -> Contender:
    """Return a model that may be loaded, with the files that its run keeps for the gate."""
    model = open_model(uri, session, policy)
    run_id = model.source.run_id
    if run_id is None:
        return Contender(model)
    client = session.client
    with as_tracking_error(f"The run {run_id} cannot be read"):
        run = client.get_run(run_id)
        there = {item.path for item in client.list_artifacts(run_id)}
        with TemporaryDirectory(prefix="mlproject-") as folder:
            files = {
                name: Path(client.download_artifacts(run_id, name, folder))
                for name in (names.RECIPE_FILE, names.TRAINED_ON_FILE)
                if name in there
            }
            recipe = files.get(names.RECIPE_FILE)
            hashes = files.get(names.TRAINED_ON_FILE)
            return Contender(
                model,
                run,
                catalogue.load(str(recipe)) if recipe is not None else None,
                RowHashes.from_bytes(hashes.read_bytes(), f"{hashes.name} of run {run_id}")
                if hashes is not None
                else None,
            )
