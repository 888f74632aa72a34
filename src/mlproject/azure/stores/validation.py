"""What MLflow's own stores refuse, refused in their words before it is sent.

The service takes some of it, such as the name ``../x``, and MLflow would not read it back.
"""

from __future__ import annotations

from collections.abc import Sequence

from mlflow.entities import Metric, Param, RunTag
from mlflow.utils.validation import (
    MAX_ENTITY_KEY_LENGTH,
    _validate_batch_log_limits,
    _validate_length_limit,
    _validate_metric,
    _validate_param_keys_unique,
    _validate_param_name,
    _validate_tag_name,
)

from mlproject.azure.stores.bookkeeping import PREFIX


def check(
    metrics: Sequence[Metric] = (), params: Sequence[Param] = (), tags: Sequence[RunTag] = ()
) -> None:
    """Refuse a batch that MLflow's own stores would refuse.

    Values may be long: what MLflow would cut off is kept. Tags of ours have long names.

    Raises
    ------
    MlflowException
        INVALID_PARAMETER_VALUE, for a name that is invalid or too long, a metric that is no number,
        a parameter that is there twice, and a batch that is too large.
    """
    tags = [tag for tag in tags if not str(tag.key).startswith(PREFIX)]
    for number, metric in enumerate(metrics):
        path = f"metrics[{number}]"
        _validate_metric(metric.key, metric.value, metric.timestamp, metric.step, path)
    for number, param in enumerate(params):
        _validate_param_name(param.key, f"params[{number}].key")
        _validate_length_limit("Param key", MAX_ENTITY_KEY_LENGTH, param.key)
    for number, tag in enumerate(tags):
        _validate_tag_name(tag.key, f"tags[{number}].key")
        _validate_length_limit(f"tags[{number}].key", MAX_ENTITY_KEY_LENGTH, tag.key)
    _validate_batch_log_limits(metrics, params, tags)
    _validate_param_keys_unique(params)
