"""From bytes to an estimator, once it is decided that they may be loaded."""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mlproject.base.errors import ModelError, reason
from mlproject.models import safe_types, skops_file, soundness
from mlproject.models.artifact import SKOPS, Artifact
from mlproject.models.trust import Policy

_SHOWN = 5


def load(artifact: Artifact, policy: Policy, name: str) -> tuple[Any, list[str]]:
    """Return the fitted estimator, and what should be told about it.

    A skops file is loaded when every type in it is on the allow-list; a pickle only when it is
    trusted. What is hashed is what is loaded.

    Raises
    ------
    ModelError
        When the model is not trusted, or cannot be loaded.
    """
    data = artifact.file.read_bytes()
    trusted = policy.trusts(artifact.sha256)
    notices: list[str] = []
    if artifact.format != SKOPS and not (trusted or policy.pickles):
        raise ModelError(
            f"The model {name} is a pickle, which can run any code when it is loaded",
            f"If you trust it, add --trust sha256:{artifact.sha256} for this one model, or "
            "--trust pickle for all",
        )
    with warnings.catch_warnings(record=True) as caught, _importable(artifact):
        warnings.simplefilter("always")
        estimator = (
            _from_skops(data, artifact, name, trusted=trusted)
            if artifact.format == SKOPS
            else _from_pickle(data, name)
        )
    strange = None
    if artifact.format == SKOPS and not trusted:
        strange = soundness.unsound(estimator)
    if strange is not None:
        raise ModelError(
            f"The model {name} is not as scikit-learn makes it: {strange}",
            f"If you trust it, add --trust sha256:{artifact.sha256}",
        )
    if any("InconsistentVersion" in item.category.__name__ for item in caught):
        import sklearn

        notices.append(
            f"The model was made with scikit-learn {artifact.sklearn_version or '?'}"
            f", and this is {sklearn.__version__}: its predictions may differ"
        )
    return estimator, notices


def _from_skops(data: bytes, artifact: Artifact, name: str, *, trusted: bool) -> Any:
    import skops.io

    try:
        foreign = [] if trusted else skops_file.foreign(data)
        if not foreign:
            found = skops.io.get_untrusted_types(data=data)
            foreign = [] if trusted else safe_types.refused(found)
        if not foreign:
            return skops.io.loads(data, trusted=found)
    except Exception as error:  # a damaged file fails in any way
        raise ModelError(f"The model {name} cannot be loaded: {reason(error)}") from error
    shown = ", ".join(foreign[:_SHOWN]) + (", …" if len(foreign) > _SHOWN else "")
    raise ModelError(
        f"The model {name} holds types that are not known to be data: {shown}",
        f"If you trust it, add --trust sha256:{artifact.sha256}",
    )


def _from_pickle(data: bytes, name: str) -> Any:
    """Unpickle; the user has said that this may run code."""
    import joblib

    try:
        return joblib.load(io.BytesIO(data))
    except ModuleNotFoundError as error:
        raise ModelError(
            f"The model {name} needs the module '{error.name}', which is not installed",
            "Install the model's requirements.txt",
        ) from error
    except Exception as error:
        raise ModelError(f"The model {name} cannot be loaded: {reason(error)}") from error


@contextmanager
def _importable(artifact: Artifact) -> Iterator[None]:
    """Let a trusted pickle import the modules that were stored beside it."""
    if artifact.code is None or artifact.format == SKOPS:
        yield
        return
    sys.path.insert(0, str(artifact.code))
    yield
