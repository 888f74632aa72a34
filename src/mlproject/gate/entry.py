"""The ways into the gate: a promotion and a comparison, from a request to its result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from mlproject.base.console import Reporter
from mlproject.base.counting import counted
from mlproject.base.errors import ConfigurationError
from mlproject.data.remote import pinned
from mlproject.gate import later, promotion, rules
from mlproject.gate.comparison import Comparison
from mlproject.gate.judging import Gate
from mlproject.gate.promotion import PromotionResult
from mlproject.gate.request import CompareRequest, PromoteRequest
from mlproject.models import trust
from mlproject.tracking import session as sessions
from mlproject.tracking.target import resolve
from training.rules import Rules


def promote(request: PromoteRequest, reporter: Reporter) -> PromotionResult:
    with _gate(request, reporter) as gate:
        gate = replace(gate, override=request.override, fresh=request.fresh_data)
        judge = partial(gate.judge, request.to)
        wanted = promotion.Wanted(request.name, request.version, request.to)
        return promotion.promote(gate.session.client, wanted, judge, dry=request.dry_run)


def compare(request: CompareRequest, reporter: Reporter) -> tuple[tuple[str, str], Comparison]:
    """Return two models, and how they compare on rows that neither was trained on."""
    if request.predictions:
        return _answered(request)
    models = _models(request)
    with _gate(request, reporter) as gate:
        return models, gate.compare(*models)


def _answered(request: CompareRequest) -> tuple[tuple[str, str], Comparison]:
    """Compare recorded predictions, for which no server and no model is asked."""
    given = tuple(request.predictions)
    if len(given) != 2 or request.models or request.rows.labels is None:
        raise ConfigurationError(
            "--predictions takes the place of the two models",
            "Give two files of predictions with --labels FILE --key COLUMN, and no models; or two "
            "models with --data FILE, the rows that were scored",
        )
    for option, value in (
        ("--versions", request.versions),
        ("--data", request.rows.data),
        ("--trust", request.trust),
        ("--time-factor", request.rules.get("time_factor")),
        ("--require-unseen", request.rules.get("require_unseen")),
    ):
        if value:
            raise ConfigurationError(
                f"{option} applies to models, and --predictions uses none", "Leave it out"
            )
    replace(request.rows, data=given[0]).check()
    asked = rules.merged(Rules(), request.rules)
    first, second = given
    return (first, second), later.compared((first, second), request.rows, asked)


def _models(request: CompareRequest) -> tuple[str, str]:
    """Return the addresses of the models: as they were given, or of versions of a name."""
    given = tuple(request.models)
    if request.versions:
        if len(request.versions) != 2 or len(given) != 1:
            raise ConfigurationError(
                f"'{','.join(request.versions)}' names no two versions of a model",
                "Give a name with --versions 6,7, or two models",
            )
        first, second = (_version(given[0], text) for text in request.versions)
        return first, second
    if len(given) != 2:
        raise ConfigurationError(
            f"{counted(len(given), 'model')} {'is' if len(given) == 1 else 'are'} named, and two "
            "are compared",
            "Give two of runs:/ID, models:/NAME/VERSION, models:/NAME@ALIAS and folders, or one "
            "name with --versions 6,7",
        )
    return given[0], given[1]


def _version(name: str, text: str) -> str:
    return f"models:/{name}{text}" if text.startswith("@") else f"models:/{name}/{text}"


@contextmanager
def _gate(request: PromoteRequest | CompareRequest, reporter: Reporter) -> Iterator[Gate]:
    rules.merged(Rules(), request.rules)  # what is out of range is told before anything is read
    request.rows.check()
    policy = trust.in_force(request.trust)
    with sessions.opened(resolve(request.tracking)) as session:
        rows = request.rows
        if rows.data:
            rows = replace(rows, data=pinned(rows.data))
        yield Gate(session, policy, rows, request.rules, reporter)
