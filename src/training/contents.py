"""What a training run holds: the one declaration from which it is written and checked.

A file, a metric or a tag that every run should have is one line here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import pandas as pd
from sklearn.base import clone

from mlproject.base import git
from mlproject.base.version import __version__
from mlproject.data import row_hashes
from mlproject.tracking import names
from mlproject.tracking.datasets import as_input
from mlproject.tracking.runs import Contents, parameter_text
from training import requirements
from training.baselines import Baseline
from training.fitting import Outcome
from training.model import Format
from training.plan import Plan

_LONGEST_REASON = 1000
_LONGEST_TAG = 4000


@dataclass(frozen=True)
class Measured:
    """What is measured of a model once it is fitted.

    Attributes
    ----------
    metrics : dict of str to float
        On the held-out rows, natural sign.
    intervals : dict of str to (float, float)
        The ends of the 95 % interval of each.
    """

    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    baselines: list[Baseline]


def of_plan(plan: Plan) -> Contents:
    """Return what is known before the fit."""
    data = plan.dataset
    datasets = [as_input(data, "train", plan.rows.X_train)]
    if plan.held_out_dataset is not None:
        datasets.append(as_input(plan.held_out_dataset, "eval", plan.rows.X_test))
    return Contents(
        tags={
            names.TASK: plan.task,
            names.SEED: str(plan.seed),
            names.DATA_SOURCE: data.source,
            names.DATA_SHA256: data.sha256,
            names.DATA_ROWS: str(data.rows),
            **_left_out(plan),
            **plan.tags,
            **_of_code(),
        },
        files={
            names.ENVIRONMENT_FILE: requirements.of_environment(),
            **_trained_on(plan),
            **plan.files,
        },
        datasets=datasets,
    )


def of_outcome(outcome: Outcome, measured: Measured, stored: Format) -> Contents:
    """Return what the fit adds, some of which autologging has written."""
    metrics = {**measured.metrics, **outcome.metrics}
    for name, (low, high) in measured.intervals.items():
        metrics |= {f"{name}_low": low, f"{name}_high": high}
    for baseline in measured.baselines:
        metrics |= baseline.metrics()
    parameters = _fixed_parameters(outcome)
    tags = {names.MODEL_FORMAT: stored.name}
    if stored.why:
        tags[names.MODEL_FORMAT_WHY] = stored.why[:_LONGEST_REASON]
    files: dict[str, str] = {}
    if outcome.results:
        metrics["best_cv_score"] = getattr(outcome.fitted, "best_score_", math.nan)
        best = outcome.best_parameters.items()
        parameters |= {f"best_{name}": parameter_text(value) for name, value in best}
        files[names.RESULTS_FILE] = pd.DataFrame(outcome.results).to_csv(index=False)
    return Contents(parameters, _numbers(metrics), tags, files)


def of_candidates(outcome: Outcome) -> list[Contents]:
    """Return what the child run of each candidate holds; nothing where there was no search.

    Names are those of MLflow's autologging: every parameter of the pipeline, and every column of
    ``cv_results_`` that is neither a parameter nor of a single fold. Scores that are not numbers
    are left out.
    """
    results = outcome.results
    if not results:
        return []
    pipeline = outcome.fitted.estimator
    shared = _texts(pipeline)
    columns = [name for name in results if not name.startswith(("param", "split"))]
    kind = type(pipeline)
    tags = {
        "estimator_name": kind.__name__,
        "estimator_class": f"{kind.__module__}.{kind.__name__}",
        names.AUTOLOGGING: "sklearn",
    }
    failures = {failure.index: {names.FAILURE: failure.why} for failure in outcome.failures}
    return [
        Contents(
            _of_candidate(pipeline, shared, parameters),
            _numbers({name: results[name][index] for name in columns}),
            tags | failures.get(index, {}),
        )
        for index, parameters in enumerate(results["params"])
    ]


def _of_candidate(
    pipeline: Any, shared: Mapping[str, str], parameters: Mapping[str, Any]
) -> dict[str, str]:
    """Return the parameters of a candidate; of a step that it replaces, those of the new one."""
    texts = {name: parameter_text(value) for name, value in parameters.items()}
    if any(hasattr(value, "get_params") for value in parameters.values()):
        own = clone(pipeline).set_params(**clone(parameters, safe=False))
        return _texts(own) | texts
    return {**shared, **texts}


def _texts(estimator: Any) -> dict[str, str]:
    return {k: parameter_text(value) for k, value in estimator.get_params(deep=True).items()}


def _trained_on(plan: Plan) -> dict[str, bytes]:
    """Return a file of hashes of the training rows, by which the gate sees who has seen which."""
    hashes = row_hashes.of_rows(plan.rows.X_train, plan.rows.y_train)
    return {names.TRAINED_ON_FILE: hashes.to_bytes()} if hashes is not None else {}


def _left_out(plan: Plan) -> dict[str, str]:
    """Return why rows and columns of the source were left out."""
    found = {names.ROWS_LEFT_OUT_WHY: plan.rows_left_out, names.COLUMNS_LEFT_OUT: plan.left_out}
    texts = {tag: json.dumps(dict(why), ensure_ascii=False) for tag, why in found.items() if why}
    tags = {tag: text[:_LONGEST_TAG] for tag, text in texts.items()}
    if plan.rows_left_out:
        tags[names.ROWS_LEFT_OUT] = str(sum(plan.rows_left_out.values()))
    return tags


def _of_code() -> dict[str, str]:
    """Return which version of this project, and which commit of the user's folder, trains."""
    tags = {names.VERSION: __version__}
    commit = git.commit()
    if commit:
        tags |= {names.GIT_COMMIT: commit, names.GIT_DIRTY: str(git.is_dirty()).lower()}
    return tags


def _fixed_parameters(outcome: Outcome) -> dict[str, str]:
    """Return the pipeline's own values of what was not searched, without nested estimators.

    Where a search has a parameter of the same name, autologging has recorded the search's.
    """
    taken = {name for parameters in outcome.results.get("params", []) for name in parameters}
    if outcome.results:
        taken |= outcome.fitted.get_params(deep=False).keys()
    return {
        name: parameter_text(value)
        for name, value in outcome.best.get_params(deep=True).items()
        if name not in taken and (value is None or isinstance(value, (str, int, float, bool)))
    }


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    numbers = {name: float(v) for name, v in values.items() if isinstance(v, Real)}
    return {name: value for name, value in numbers.items() if not math.isnan(value)}
