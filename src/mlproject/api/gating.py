"""Move the alias of a registered model through the gate, and back."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING

from mlproject.api import arguments
from mlproject.gate.request import CHAMPION, PromoteRequest, RowsRequest
from mlproject.tracking import session as sessions
from mlproject.tracking.target import resolve

if TYPE_CHECKING:
    from mlproject.gate.promotion import PromotionResult


def promote(
    name: str,
    *,
    version: str | int | None = None,
    to: str = CHAMPION,
    data: str | PathLike[str] | None = None,
    target: str | None = None,
    labels: str | PathLike[str] | None = None,
    key: str | None = None,
    override: str | None = None,
    fresh_data: bool = False,
    dry_run: bool = False,
    metric: str | None = None,
    improvement: float | None = None,
    equivalence: float | None = None,
    confidence: float | None = None,
    resamples: int | None = None,
    seed: int | None = None,
    group_by: str | None = None,
    time_by: str | None = None,
    min_rows: int | None = None,
    floor: float | None = None,
    slice_by: Sequence[str] | None = None,
    slice_tolerance: float | None = None,
    slice_rows: int | None = None,
    time_factor: float | None = None,
    require_unseen: bool | None = None,
    trust: Sequence[str] = (),
    tracking: str | PathLike[str] | None = None,
    progress: bool | None = None,
) -> PromotionResult:
    """Move an alias of a registered model to a version, if it passes the gate.

    The other parameters are those of ``mlproject.score``.

    Parameters
    ----------
    name : str
        Of the registered model.
    version : str or int, optional
        By default the latest.
    to : str
        The alias.
    data : str or path, optional
        Rows to compare on; by default those that the version's run held out.
    target : str, optional
        Target column, with ``data``; by default the recipe's.
    labels : str or path, optional
        Labels that arrived later, for the rows of ``data``.
    key : str, optional
        The column that both have.
    override : str, optional
        Reason for loosening the recipe's rules, or for accepting too few rows; recorded.
    fresh_data : bool
        Refuse rows that an earlier attempt was judged on.
    dry_run : bool
        Return the verdict, or raise it; record and move nothing.
    metric, improvement, equivalence, confidence, resamples, seed : optional
    group_by, time_by, min_rows, floor : optional
    slice_by, slice_tolerance, slice_rows, time_factor, require_unseen : optional
        The rules of the gate, over those of the recipe: see the section ``promotion`` of recipes.

    Raises
    ------
    GateError
        When the gate says no. The refusal is recorded, and the alias stays.
    ConfigurationError, DataError, TrackingError, ModelError
        When the two cannot be compared; nothing was moved.
    """
    from mlproject.gate import entry

    rules = {
        "metric": metric,
        "improvement": improvement,
        "equivalence": equivalence,
        "confidence": confidence,
        "resamples": resamples,
        "seed": seed,
        "group_by": group_by,
        "time_by": time_by,
        "min_rows": min_rows,
        "floor": floor,
        "slice_by": arguments.several(slice_by),
        "slice_tolerance": slice_tolerance,
        "slice_rows": slice_rows,
        "time_factor": time_factor,
        "require_unseen": require_unseen,
    }
    request = PromoteRequest(
        name=name,
        version=str(version) if version is not None else None,
        to=to,
        rows=RowsRequest(arguments.text(data), target, arguments.text(labels), key),
        override=override,
        fresh_data=fresh_data,
        dry_run=dry_run,
        rules={key: value for key, value in rules.items() if value is not None},
        trust=arguments.several(trust),
        tracking=arguments.text(tracking),
    )
    return entry.promote(request, arguments.reporter(progress))


def rollback(
    name: str, *, alias: str = CHAMPION, tracking: str | PathLike[str] | None = None
) -> PromotionResult:
    """Move an alias of a registered model back to the version that it named before.

    Raises
    ------
    TrackingError
        When there is nothing before, or the version is gone.
    """
    from mlproject.gate import promotion

    with sessions.opened(resolve(arguments.text(tracking))) as session:
        return promotion.rollback(session.client, name, alias)
