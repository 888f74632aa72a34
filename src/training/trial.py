"""A trial: some candidates fitted on some rows, to hear before training what it would fail of."""

from __future__ import annotations

import warnings
from typing import Any

from sklearn.metrics import check_scoring
from sklearn.utils import _safe_indexing

from mlproject.base.errors import ModelError, reason
from training import blame
from training.fitting import some_candidates
from training.plan import Plan

_CANDIDATES = 5


def run(plan: Plan) -> None:
    """Raise ModelError when no candidate that is tried can be fitted and scored.

    About a hundred rows are tried first, and all of them where these fail: what needs more rows is
    no mistake.
    """
    X, y = plan.rows.X_train, plan.rows.y_train
    candidates = some_candidates(plan, _CANDIDATES)
    some, why = blame.some_rows(X, y), ""
    for rows in (some, slice(None)):
        for candidate in candidates:
            why = _why(plan, candidate, _safe_indexing(X, rows), _safe_indexing(y, rows))
            if not why:
                return
    raise ModelError(f"{plan.name} cannot be fitted: {why}", blame.hint(candidates[-1], X, y))


def _why(plan: Plan, candidate: Any, X: Any, y: Any) -> str:
    """Return what a fit, or the scores of the search, raise; nothing where they do not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            candidate.fit(X, y)
            if plan.searches:
                check_scoring(candidate, plan.search.scoring)(candidate, X, y)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - any estimator may raise anything
            return reason(error)
    return ""
