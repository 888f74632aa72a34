"""The one way to open a model: find it, read it once, decide whether it may be loaded, load it."""

from __future__ import annotations

from pathlib import Path

from mlproject.models import artifact as artifacts
from mlproject.models import finding, loading
from mlproject.models.finding import ModelSource
from mlproject.models.loaded import LoadedModel
from mlproject.models.signature import check_width
from mlproject.models.trust import Policy
from mlproject.tracking.session import Session


def open_model(reference: str, session: Session, policy: Policy) -> LoadedModel:
    """Return a model, if it may be loaded.

    Parameters
    ----------
    reference : str
        ``runs:/ID`` for the best model of a run, ``runs:/ID/NAME``, ``models:/NAME/VERSION``,
        ``models:/NAME@ALIAS``, an address that MLflow can download, or a folder.
    """
    source = finding.find(reference, session)
    with finding.fetched(source) as folder:
        return open_folder(folder, source, policy)


def open_folder(folder: Path, source: ModelSource, policy: Policy) -> LoadedModel:
    """Return the model whose files are in a folder of this machine."""
    artifact = artifacts.read(folder, source.uri)
    estimator, notices = loading.load(artifact, policy, source.uri)
    check_width(artifact.schema, estimator, source.uri)
    return LoadedModel(
        source=source,
        run_id=source.run_id or artifact.run_id,
        model_id=source.model_id or artifact.model_id,
        estimator=estimator,
        schema=artifact.schema,
        signature=artifact.signature,
        example=artifact.example,
        profile=artifact.profile,
        sha256=artifact.sha256,
        format=artifact.format,
        size=artifact.size,
        notices=notices,
    )
