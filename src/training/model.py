"""The model as it is stored: format, requirements, signature, input example."""

from __future__ import annotations

import pickletools
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cloudpickle
import numpy as np

from mlproject.base.console import quiet_loggers
from mlproject.base.errors import ModelError, reason
from mlproject.base.pickling import by_value
from mlproject.models import safe_types
from mlproject.tracking import names
from mlproject.tracking.runs import parameter_text
from training import requirements

if TYPE_CHECKING:
    from mlflow.models.model import ModelInfo

EXAMPLE_ROWS = 5
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
    """

    name: str
    trusted: list[str]
    modules: set[str]
    why: str | None = None


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
    foreign = safe_types.refused(types)
    if foreign:
        why = f"types that are not known to be data: {', '.join(foreign[:5])}"
        return Format(CLOUDPICKLE, [], _modules_of(model), why)
    try:
        same = _same_predictions(model, skops.io.loads(data, trusted=types), example)
    except Exception as error:  # noqa: BLE001 - whatever skops cannot read back is pickled
        return Format(CLOUDPICKLE, [], _modules_of(model), f"skops cannot read it: {reason(error)}")
    if not same:
        return Format(
            CLOUDPICKLE, [], _modules_of(model), "read back by skops it predicts otherwise"
        )
    return Format(SKOPS, types, {name.rpartition(".")[0] for name in types})


def log(model: Any, example: Any, imports: Sequence[str], stored: Format) -> ModelInfo:
    """Log the model to the active run, with the first training rows as its input example.

    ``imports`` are modules of the user's own. They are stored by value, as are those that the
    model's types come from, so that the model loads without them.
    """
    import mlflow

    with (
        by_value(requirements.users_own({*imports, *stored.modules})),
        quiet_loggers(*_TALKATIVE),
        warnings.catch_warnings(),
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
            "signature": signature(model, example),
            "input_example": example,
            "params": {
                name: parameter_text(value) for name, value in model.get_params(deep=True).items()
            },
        }
        if stored.name == SKOPS:
            arguments["skops_trusted_types"] = stored.trusted
        info: ModelInfo = mlflow.sklearn.log_model(model, **arguments)
        return info


def signature(model: Any, example: Any) -> Any:
    """Return the model's signature, in which whole numbers are doubles unless they are categories.

    The features have been made so (``checks.features_and_target``). No column is optional because
    the example happens to have a gap, and none is required because it happens to have none: MLflow
    takes NaN as a double.
    """
    from mlflow.models import infer_signature

    return infer_signature(example, np.asarray(model.predict(example)))


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
