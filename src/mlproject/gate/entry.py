"""The ways into the gate: a promotion and a comparison, from a request to its result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mlproject.base.console import Reporter
from mlproject.base.errors import ConfigurationError
from mlproject.data.remote import pinned
from mlproject.gate import promotion, rules
from mlproject.gate.comparison import Comparison
from mlproject.gate.judging import Gate
from mlproject.gate.promotion import PromotionResult
from mlproject.gate.request import CompareRequest, PromoteRequest
from mlproject.models import trust
from mlproject.registry import versions
from mlproject.registry.versions import Version
from mlproject.tracking import session as sessions
from mlproject.tracking.target import resolve
from training.rules import Rules


def promote(request: PromoteRequest, reporter: Reporter) -> PromotionResult:
    with _gate(request, reporter) as gate:
        client = gate.session.client
        return promotion.promote(client, request.name, request.version, request.to, gate.judge)


def compare(request: CompareRequest, reporter: Reporter) -> tuple[Version, Version, Comparison]:
    """Return two versions, and how they compare on the rows that the second was not trained on."""
    if len(request.versions) != 2:
        raise ConfigurationError(
            f"'{','.join(request.versions)}' names no two versions", "Give --versions 6,7"
        )
    with _gate(request, reporter) as gate:
        first, second = (
            versions.find(gate.session.client, request.name, text) for text in request.versions
        )
        return first, second, gate.compare(first, second)


@contextmanager
def _gate(request: PromoteRequest | CompareRequest, reporter: Reporter) -> Iterator[Gate]:
    rules.merged(Rules(), request.rules)  # what is out of range is told before anything is read
    policy = trust.in_force(request.trust)
    with sessions.opened(resolve(request.tracking)) as session:
        data = pinned(request.data) if request.data else None
        yield Gate(session, policy, data, request.rules, reporter)
