"""What MLflow 3 has and the service has not: said in words, and never in the way."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import mlflow
import pytest
from mlflow.entities.webhook import WebhookAction, WebhookEntity, WebhookEvent
from mlflow.exceptions import MlflowException

from mlproject.azure.stores.lacking import Lacking

CALLS: dict[str, Callable[[Any], Any]] = {
    "traces": lambda client: client.search_traces(locations=["0"]),
    "traces ": lambda client: client.delete_traces("0", max_timestamp_millis=1),
    "assessments": lambda client: mlflow.log_feedback(trace_id="tr-1", name="good", value=True),
    "evaluation datasets": lambda client: mlflow.genai.datasets.create_dataset("d"),
    "scorers": lambda client: client._tracking_client.store.list_scorers("0"),
    "scorers ": lambda client: client._tracking_client.store.get_online_scoring_configs(["s"]),
    "issues": lambda client: client._tracking_client.store.search_issues("0"),
    "label schemas": lambda client: client._tracking_client.store.list_label_schemas("0"),
    "review queues": lambda client: client._tracking_client.store.get_review_queue("q"),
    "gateway": lambda client: client._tracking_client.store.list_gateway_endpoints(),
    "MCP servers": lambda client: client._tracking_client.store.get_mcp_server("m"),
    "webhooks": lambda client: client.create_webhook(
        "w",
        "https://example.com",
        [WebhookEvent(WebhookEntity.REGISTERED_MODEL, WebhookAction.CREATED)],
    ),
    "webhooks ": lambda client: client.list_webhooks(),
}


@pytest.mark.parametrize("what", CALLS)
def test_a_call_that_the_service_lacks_says_what_is_not_kept(store: Any, what: str) -> None:
    with pytest.raises(MlflowException, match=f"Azure ML keeps no {what.strip()}") as error:
        CALLS[what](store.MlflowClient())

    assert error.value.error_code == "NOT_IMPLEMENTED"


def test_traces_are_told_of_once_and_are_no_error(
    store: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lacking, "_told", False)
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")

    @mlflow.trace
    def double(value: int) -> int:
        return 2 * value

    mlflow.tracing.reset()
    with caplog.at_level(logging.WARNING):
        doubled = [double(number) for number in range(3)]

    assert doubled == [0, 2, 4]
    warnings = [record.getMessage() for record in caplog.records]
    assert [text for text in warnings if "trace" in text] == [
        "Azure ML keeps no traces: this process records none (set another tracking server)"
    ]
