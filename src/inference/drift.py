"""Has the data changed? What a scoring counted, compared with what its model was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inference.request import ScoreRequest, ScoreResult, drifted
from mlproject.base.console import Reporter
from mlproject.base.errors import ConfigurationError, GateError, ModelError, reason
from mlproject.drift import compare, page, profile
from mlproject.drift.counts import Counts
from mlproject.drift.page import Rejected, Scored
from mlproject.drift.profile import MOST_FEATURES, Profile
from mlproject.tracking import names

if TYPE_CHECKING:
    from inference.tally import Tally
    from mlproject.models.loaded import LoadedModel


def profile_of(model: LoadedModel, request: ScoreRequest) -> Profile | None:
    """Return what a model was trained on; None where it has no profile of that.

    Raises
    ------
    ModelError
        When its profile is damaged, or there is none and ``--max-drift`` asks for one.
    """
    schema = model.schema
    if model.profile is None:
        if request.max_drift is not None:
            raise ModelError(
                f"The model {model.uri} has no profile of the rows that it was trained on, so "
                "--max-drift has nothing to compare with",
                f"Train it again with this version (models of more than {MOST_FEATURES:,} features "
                "have none), or leave --max-drift out",
            )
        return None
    takes = schema.width or [(item.name, item.frame_type) for item in schema.features]
    return profile.parsed(model.profile, takes, model.uri)


def summary(known: Profile | None, tally: Tally) -> dict[str, Any] | None:
    """Return what a manifest says; None without a profile."""
    return None if known is None else _compared(known, tally).summary


def written(
    known: Profile | None, tally: Tally, result: ScoreResult, source: str, reporter: Reporter
) -> str | None:
    """Return the page of a scoring; None where it cannot be written, which is not worth a run."""
    rejected = [
        Rejected(column, kind, rows) for (column, kind), rows in tally.reasons.most_common()
    ]
    scored = Scored(
        model=result.model_uri,
        version=result.model_version,
        source=source,
        output=result.output,
        rows=result.rows_in,
        rows_scored=result.rows_out,
        rejected=rejected,
        predictions=tally.summary.shown(),
    )
    try:
        return page.report(scored, None if known is None else _compared(known, tally))
    except Exception as error:  # noqa: BLE001 - whatever a template raises
        reporter.warn(f"The page {names.SCORING_PAGE} could not be written: {reason(error)}")
        return None


def metrics(drift: dict[str, Any] | None) -> dict[str, float]:
    if drift is None:
        return {}
    return {"drift_psi": drift["psi"], "drift_columns": float(len(drift["differing"]))}


def check(result: ScoreResult, request: ScoreRequest) -> None:
    """Raise GateError, with the result, when a column has moved further than is allowed."""
    allowed = request.max_drift
    if allowed is None:
        return
    if result.drift is None:
        raise ConfigurationError(
            f"{result.output} is complete, and was made without a comparison with the training "
            "rows, which --max-drift asks for",
            "Score again with --overwrite",
        )
    if not result.drift["rows"]:
        raise _said_no(
            "No row could be compared with the training rows, which --max-drift asks for",
            f"The outputs are complete, in {result.output}",
            result,
        )
    beyond = [item for item in result.drift["differing"] if item["psi"] > allowed]
    if not beyond:
        return
    raise _said_no(
        f"The data has changed by more than --max-drift {allowed:g}: "
        f"{drifted(result.drift, beyond)}",
        f"The outputs are complete, in {result.output}; {_where(result, request)}",
        result,
    )


def _said_no(what: str, hint: str, result: ScoreResult) -> GateError:
    error = GateError(what, hint)
    error.result = result
    return error


def _compared(known: Profile, tally: Tally) -> compare.Drift:
    return compare.compared(known, tally.drift or Counts.none(known))


def _where(result: ScoreResult, request: ScoreRequest) -> str:
    if result.scoring_run_id is not None and request.report:
        return f"{names.SCORING_PAGE} of run {result.scoring_run_id} shows how"
    return f"{names.SCORING_PAGE} of a scoring run that is recorded shows how"
