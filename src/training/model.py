"""The model as it is stored: format, requirements, signature, input example."""

from __future__ import annotations

import pickletools
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import cloudpickle
import numpy as np

import mlproject_features
from mlproject.base.console import quiet_loggers
from mlproject.base.errors import ModelError, reason
from mlproject.base.pickling import by_value
from mlproject.data.schema import Schema
from mlproject.models import safe_types, skops_file, soundness
from mlproject.models.signature import (
    dialect_metadata,
    formats_metadata,
    from_mlmodel,
    with_metadata,
)
from mlproject.tracking import names
from mlproject.tracking.runs import parameter_text
from training import requirements, signature
from training.plan import Plan

if TYPE_CHECKING:
    from mlflow.models.model import ModelInfo

SKOPS, CLOUDPICKLE = "skops", "cloudpickle"
# Of pickles, when the format has been chosen and tagged; of environments without pip, such as
# those that uv makes.
_TALKATIVE = ("mlflow.sklearn", "mlflow.utils.environment")


@dataclass(frozen=True)
class Format:
    """How a model is serialised.

    Attributes
    ----------
    name : str
        ``skops`` or ``cloudpickle``.
    trusted : list of str
        The types that skops must be told to trust; empty for cloudpickle.
    modules : set of str
        The modules outside the standard library that the model's types come from.
    why : str or None
        Why it is not skops.
    read_back : estimator or None
        The model as it is read back from skops.
    """

    name: str
    trusted: list[str]
    modules: set[str]
    why: str | None = None
    read_back: Any = None


def choose_format(model: Any, example: Any) -> Format:
    """Return skops when every type in the model is on the allow-list, else cloudpickle.

    The list of types is what skops itself finds in the serialised model, and the choice holds
    only if the model that is read back predicts the same.
    """
    import skops.io

    try:
        data = skops.io.dumps(model)
        types = sorted(skops.io.get_untrusted_types(data=data))
    except Exception as error:  # noqa: BLE001 - whatever skops cannot write is pickled
        return Format(
            CLOUDPICKLE, [], _modules_of(model), f"skops cannot write it: {reason(error)}"
        )
    foreign = sorted({*safe_types.refused(types), *skops_file.foreign(data)})
    if foreign:
        why = f"types that are not known to be data: {', '.join(foreign[:5])}"
        return Format(CLOUDPICKLE, [], _modules_of(model), why)
    try:
        read_back = skops.io.loads(data, trusted=types)
        same = _same_predictions(model, read_back, example)
        strange = soundness.unsound(read_back)
    except Exception as error:  # noqa: BLE001 - whatever skops cannot read back is pickled
        return Format(CLOUDPICKLE, [], _modules_of(model), f"skops cannot read it: {reason(error)}")
    if not same:
        return Format(
            CLOUDPICKLE, [], _modules_of(model), "read back by skops it predicts otherwise"
        )
    if strange is not None:
        return Format(CLOUDPICKLE, [], _modules_of(model), f"read back by skops, {strange}")
    modules = {name.rpartition(".")[0] for name in types}
    return Format(SKOPS, types, modules, read_back=read_back)


@dataclass(frozen=True)
class Description:
    """What is stored beside a model.

    Attributes
    ----------
    example : DataFrame or array
        Rows that it takes.
    signature : ModelSignature
    metadata : mapping
        What scoring needs to know of the files that it takes.
    imports : sequence of str
        Modules of the user's own. They are stored by value, as are those that the model's types
        come from, so that the model loads without them.
    files : mapping of str to str
        Extra files by name, such as the model card.
    """

    example: Any
    signature: Any
    metadata: Mapping[str, Any]
    imports: Sequence[str] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def schema(self) -> Schema:
        """What the model takes, as scoring will see it."""
        schema = from_mlmodel(self.signature.to_dict(), names.BEST_MODEL)
        return with_metadata(schema, self.metadata, names.BEST_MODEL)


def described(model: Any, plan: Plan) -> Description:
    return Description(
        plan.example,
        signature.of_model(model, plan.example, plan.types),
        formats_metadata(plan.formats) | dialect_metadata(plan.dialect),
        plan.imports,
    )


def log(model: Any, described: Description, stored: Format) -> ModelInfo:
    """Log the model to the active run."""
    import mlflow

    with (
        by_value(requirements.users_own({*described.imports, *stored.modules})),
        quiet_loggers(*_TALKATIVE),
        warnings.catch_warnings(),
        TemporaryDirectory(prefix="mlproject-") as folder,
    ):
        warnings.filterwarnings("ignore", message=".*integer column")
        try:
            if stored.name == CLOUDPICKLE:
                cloudpickle.dumps(model)
        except Exception as error:  # a user's own class may raise anything
            raise ModelError(f"The model cannot be stored: {reason(error)}") from error
        arguments: dict[str, Any] = {
            "name": names.BEST_MODEL,
            "serialization_format": stored.name,
            "pip_requirements": requirements.of_model(stored.modules, stored.name),
            "signature": described.signature,
            "input_example": described.example,
            "metadata": dict(described.metadata) or None,
            "code_paths": [mlproject_features.__file__] if _has_features(stored) else None,
            "params": {
                name: parameter_text(value) for name, value in model.get_params(deep=True).items()
            },
        }
        for name, text in described.files.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
            arguments.setdefault("extra_files", []).append(str(Path(folder) / name))
        if stored.name == SKOPS:
            arguments["skops_trusted_types"] = stored.trusted
        info: ModelInfo = mlflow.sklearn.log_model(model, **arguments)
        return info


def _has_features(stored: Format) -> bool:
    """Whether a model has transformers of this project, whose code goes with it."""
    return mlproject_features.__name__ in stored.modules


def _same_predictions(model: Any, other: Any, example: Any) -> bool:
    ours, theirs = np.asarray(model.predict(example)), np.asarray(other.predict(example))
    return bool(np.array_equal(ours, theirs, equal_nan=ours.dtype.kind == "f"))


def _modules_of(model: Any) -> set[str]:
    """Return the modules of a model's types, as a pickle of it names them."""
    try:
        data = cloudpickle.dumps(model)
    except Exception:  # noqa: BLE001 - log() reports it
        return set()
    found: set[str] = set()
    recent: list[str] = []
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name in ("SHORT_BINUNICODE", "BINUNICODE", "UNICODE"):
            recent = [*recent[-1:], str(argument)]
        elif opcode.name == "STACK_GLOBAL" and recent:
            found.add(recent[0])
        elif opcode.name == "GLOBAL":
            found.add(str(argument).partition(" ")[0])
    standard = {*sys.stdlib_module_names, "__main__"}
    known = found.intersection(sys.modules)  # a text that was repeated may stand in its place
    return {name for name in known if name.partition(".")[0] not in standard}
