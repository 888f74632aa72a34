"""From bytes to an estimator, once it is decided that they may be loaded."""

from __future__ import annotations

import atexit
import importlib
import io
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from mlproject.base.errors import ModelError, reason
from mlproject.models import safe_types, skops_file, soundness
from mlproject.models.artifact import SKOPS, Artifact
from mlproject.models.trust import Policy

_SHOWN = 5
_folders: list[Path] = []


def load(artifact: Artifact, policy: Policy, name: str) -> tuple[Any, tuple[str, ...]]:
    """Return the fitted estimator, and what should be told about it.

    A skops file is loaded when every type in it is on the allow-list; a pickle only when it is
    trusted.
    """
    trusted = policy.trusts(artifact.sha256)
    if artifact.format != SKOPS and not (trusted or policy.pickles):
        raise ModelError(
            f"The model {name} is a pickle, which can run any code when it is loaded",
            f"If you trust it, add --trust sha256:{artifact.sha256} for this one model, or "
            "--trust pickle for all",
        )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if artifact.format == SKOPS:
            estimator = _from_skops(artifact, name, trusted=trusted)
        else:
            with _importable(artifact.code):
                estimator = _from_pickle(artifact.data, name)
    if not any("InconsistentVersion" in item.category.__name__ for item in caught):
        return estimator, ()
    import sklearn

    made = artifact.sklearn_version or "?"
    return estimator, (
        f"The model was made with scikit-learn {made}, and this is {sklearn.__version__}: "
        "its predictions may differ",
    )


def _from_skops(artifact: Artifact, name: str, *, trusted: bool) -> Any:
    import skops.io

    hint = f"If you trust it, add --trust sha256:{artifact.sha256}"
    estimator = None
    try:
        foreign = [] if trusted else skops_file.foreign(artifact.data)
        if not foreign:
            types = skops.io.get_untrusted_types(data=artifact.data)
            foreign = [] if trusted else safe_types.refused(types)
        if not foreign:
            estimator = skops.io.loads(artifact.data, trusted=types)
    except skops_file.TooLargeError as error:
        raise ModelError(f"The model {name} is refused: {error}", hint) from error
    except Exception as error:  # a damaged file fails in any way
        raise ModelError(f"The model {name} cannot be loaded: {reason(error)}") from error
    if foreign:
        shown = ", ".join(foreign[:_SHOWN]) + (", …" if len(foreign) > _SHOWN else "")
        raise ModelError(
            f"The model {name} holds types that are not known to be data: {shown}", hint
        )
    strange = None if trusted else soundness.unsound(estimator)
    if strange is not None:
        raise ModelError(f"The model {name} is not as scikit-learn makes it: {strange}", hint)
    return estimator


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
def _importable(code: Mapping[str, bytes]) -> Iterator[None]:
    """Let a trusted pickle import the modules that were stored, and hashed, beside it.

    They are imported from a folder of this process's own, and not taken from another model or
    program that has modules of the same names; those are put back afterwards. Modules that have no
    namesake stay imported, and the folder stays, because functions may import when they are called.
    """
    if not code:
        yield
        return
    folder = Path(tempfile.mkdtemp(prefix="mlproject-code-"))
    _folders.append(folder)
    atexit.register(partial(shutil.rmtree, folder, ignore_errors=True))
    for path, data in code.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    tops = {path.partition("/")[0].partition(".")[0] for path in code}
    namesakes = _taken_out(tops - {"__main__", *sys.stdlib_module_names})
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        _taken_out({name for name in namesakes if "." not in name})
        sys.modules.update(namesakes)


def modules_of_models() -> list[str]:
    """Return the modules that came with trusted pickles, which no other process has."""
    files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    return [
        name
        for name, file in files.items()
        if file is not None and any(folder in Path(file).parents for folder in _folders)
    ]


def _taken_out(packages: set[str]) -> dict[str, ModuleType]:
    """Forget modules, with those inside of them, and return what was forgotten."""
    names = [name for name in sys.modules if name.partition(".")[0] in packages]
    return {name: sys.modules.pop(name) for name in names}
