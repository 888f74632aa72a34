"""What a report says, gathered from a plan and its outcome; nothing here is drawn or written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing

from training.baselines import Baseline
from training.contents import Measured
from training.fitting import Outcome
from training.metrics import Metric
from training.plan import Plan
from training.report import importance, profile
from training.report.search import ABSENT, Candidates
from training.rows import sampled

_MEASURED_AGAIN = 5000


@dataclass(frozen=True)
class MeasuredMetric:
    """A metric on the held-out rows, with its 95 % interval, and over the folds."""

    value: float
    interval: tuple[float, float] | None = None
    cross_validated: float | None = None
    spread: float | None = None


@dataclass(frozen=True)
class DataFacts:
    """The rows of a training.

    Attributes
    ----------
    repeated_rows : int
        Held-out rows with the features of a training row.
    left_out : mapping of str to str
        Columns that are no features, and why.
    rows_left_out : mapping of str to int
        Why rows are neither trained on nor held out, and how many.
    """

    source: str
    sha256: str
    rows_trained: int
    rows_held_out: int
    columns: Sequence[profile.ColumnProfile]
    classes: Sequence[profile.ClassCount]
    repeated_rows: int
    left_out: Mapping[str, str]
    rows_left_out: Mapping[str, int]


@dataclass(frozen=True)
class ModelFacts:
    """The best model, and how it is stored."""

    estimator: str
    format: str
    is_linear: bool
    best_parameters: Mapping[str, Any]


@dataclass(frozen=True)
class ScoreFacts:
    """How good the best model is, and beside what.

    Attributes
    ----------
    folds_only : mapping of str to MeasuredMetric
        Those that are measured by cross-validation alone.
    deciding : str or None
        The metric that chose the model.
    greater : bool
        Whether greater is better of it.
    on_training_rows : float or None
        The same on rows that were trained on.
    """

    metrics: Mapping[str, MeasuredMetric]
    folds_only: Mapping[str, MeasuredMetric]
    baselines: Sequence[Baseline]
    deciding: str | None
    greater: bool
    on_training_rows: float | None


@dataclass(frozen=True)
class Facts:
    """What is known of a training.

    Attributes
    ----------
    search : Candidates or None
        How the candidates did; ``candidates`` is how many were tried, ``failed`` how many failed.
    importance_why : str or None
        Why the importance of features was not measured.
    """

    name: str
    task: str
    target: str | None
    seed: int
    data: DataFacts
    model: ModelFacts
    scores: ScoreFacts
    search: Candidates | None
    candidates: int
    failed: int
    importance: Sequence[importance.Importance]
    importance_why: str | None
    notices: Sequence[str]


def of(plan: Plan, outcome: Outcome, measured: Measured, model_format: str) -> Facts:
    rows, metric = plan.rows, plan.deciding
    found: list[importance.Importance] = []
    why: str | None = "no rows were held out"
    if rows.y_test is not None and metric is not None:
        found, why = importance.measured(outcome.best, metric, rows.X_test, rows.y_test, plan.seed)
    last = _last_step(outcome.best)
    return Facts(
        name=plan.name,
        task=plan.task,
        target=plan.target,
        seed=plan.seed,
        data=_data(plan),
        model=ModelFacts(
            type(last).__name__, model_format, hasattr(last, "coef_"), outcome.best_parameters
        ),
        scores=_scores(plan, outcome, measured),
        search=_candidates(plan, outcome),
        candidates=outcome.candidates,
        failed=len(outcome.failures),
        importance=found,
        importance_why=why,
        notices=plan.notices,
    )


def _data(plan: Plan) -> DataFacts:
    rows = plan.rows
    has_classes = plan.task == "classification" and np.ndim(rows.y_train) == 1
    return DataFacts(
        source=plan.dataset.source,
        sha256=plan.dataset.sha256,
        rows_trained=len(rows.y_train),
        rows_held_out=0 if rows.y_test is None else len(rows.y_test),
        columns=profile.of_columns(rows.X_train),
        classes=profile.of_classes(rows.y_train, rows.y_test) if has_classes else [],
        repeated_rows=profile.repeated_rows(rows.X_train, rows.X_test),
        left_out=plan.left_out,
        rows_left_out=plan.rows_left_out,
    )


def _scores(plan: Plan, outcome: Outcome, measured: Measured) -> ScoreFacts:
    metric = plan.deciding
    held_out = {} if plan.rows.y_test is None else measured.metrics
    return ScoreFacts(
        metrics={
            name: MeasuredMetric(
                value,
                measured.intervals.get(name),
                outcome.metrics.get(f"cv_{name}"),
                outcome.metrics.get(f"cv_{name}_std"),
            )
            for name, value in held_out.items()
        },
        folds_only=_of_folds_alone(outcome, held_out),
        baselines=measured.baselines,
        deciding=metric.name if metric is not None else None,
        greater=metric is None or metric.natural(1.0) > 0,
        on_training_rows=_on_training_rows(plan, outcome, metric),
    )


def _of_folds_alone(outcome: Outcome, held_out: Mapping[str, float]) -> dict[str, MeasuredMetric]:
    found = {}
    for key, value in outcome.metrics.items():
        name = key.removeprefix("cv_")
        spread = name.endswith("_std") and f"cv_{name.removesuffix('_std')}" in outcome.metrics
        if not spread and name not in held_out:
            found[name] = MeasuredMetric(value, None, value, outcome.metrics.get(f"{key}_std"))
    return found


def _on_training_rows(plan: Plan, outcome: Outcome, metric: Metric | None) -> float | None:
    if metric is None:
        return None
    rows = plan.rows
    some = sampled(len(rows.y_train), _MEASURED_AGAIN, plan.seed)
    X, y = _safe_indexing(rows.X_train, some), _safe_indexing(rows.y_train, some)
    try:
        score: Any = metric.scorer(outcome.best, X, y)
    except ValueError:  # a metric that some rows do not allow
        return None
    # A scorer of a user's own may give several.
    return None if isinstance(score, Mapping) else metric.natural(float(score))


def _candidates(plan: Plan, outcome: Outcome) -> Candidates | None:
    results, metric = outcome.results, plan.deciding
    if not results or metric is None or plan.refit is None:
        return None
    suffix = "score" if "mean_test_score" in results else metric.key
    if f"mean_test_{suffix}" not in results:
        return None
    names = dict.fromkeys(name for parameters in results["params"] for name in parameters)
    scores = np.asarray(results[f"mean_test_{suffix}"], dtype=float)
    return Candidates(
        metric=metric.name,
        axes={
            name: [parameters.get(name, ABSENT) for parameters in results["params"]]
            for name in names
        },
        scores=np.array([metric.natural(score) for score in scores]),
        spreads=np.asarray(results[f"std_test_{suffix}"], dtype=float),
        seconds=np.asarray(results["mean_fit_time"], dtype=float),
        greater=metric.natural(1.0) > 0,
        best=int(outcome.fitted.best_index_),
    )


def _last_step(estimator: Any) -> Any:
    """Return what predicts: the last step of a pipeline, whatever it is wrapped in."""
    for name in ("estimator_", "best_estimator_"):
        estimator = getattr(estimator, name, estimator)
    steps = getattr(estimator, "steps", None)
    return steps[-1][1] if steps else estimator
