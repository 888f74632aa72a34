"""What MLflow 3 has and Azure ML has not, said in words."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from mlflow.entities import Span, TraceInfo
from mlflow.protos.databricks_pb2 import NOT_IMPLEMENTED
from mlflow.store.tracking.rest_store import RestStore
from mlflow.tracing.constant import SpansLocation, TraceTagKey

from mlproject.azure.connection.failures import NotOffered

# What MLflow 2 has, which the service is known to answer: its silence means something else.
_ANSWERED = frozenset({"experiments", "runs", "metrics", "registered-models", "model-versions"})
# Where the path of a call does not say it in words.
_WORDS = {
    "datasets": "evaluation datasets",
    "gateway": "gateway endpoints and secrets",
    "get-online-trace-details": "traces",
    "unified-traces": "traces",
    "prompt-optimization": "prompt optimization jobs",
}
_TRACES = "Azure ML keeps no traces: this process records none (set another tracking server)"
_logger = logging.getLogger(__name__)


@contextmanager
def in_words(path: str) -> Iterator[None]:
    """Have the error of a call that the service does not have say what it does not keep."""
    try:
        yield
    except NotOffered as error:
        subject = path.partition("/mlflow/")[2].partition("/")[0]
        if subject in _ANSWERED:
            raise
        if path.partition("/assessments")[1]:
            subject = "assessments"
        raise not_kept(_WORDS.get(subject, subject.replace("-", " "))) from error


def not_kept(what: str) -> NotOffered:
    return NotOffered(
        f"Azure ML keeps no {what}: use an MLflow server for them", error_code=NOT_IMPLEMENTED
    )


class Lacking(RestStore):
    """The part of a tracking store that does without what the service does not have.

    ``mlflow.trace`` and autologging record traces without being asked, so that losing those is told
    once and is no error.
    """

    _telling, _told = threading.Lock(), False

    def start_trace(self, trace_info: TraceInfo) -> TraceInfo:
        """Take a trace, and say once that it is not kept."""
        try:
            if not Lacking._told:
                kept: TraceInfo = RestStore.start_trace(self, trace_info)
                return kept
        except NotOffered:
            with Lacking._telling:
                told, Lacking._told = Lacking._told, True
            if not told:
                _logger.warning(_TRACES)
        # MLflow would write the spans into an artifact of the trace otherwise.
        trace_info.tags[TraceTagKey.SPANS_LOCATION] = SpansLocation.TRACKING_STORE.value
        return trace_info

    def log_spans(self, location: str, spans: Sequence[Span], tracking_uri: Any = None) -> NoReturn:
        """Say, in the way that MLflow's exporter asks for, that spans go with their trace."""
        raise NotImplementedError(str(not_kept("traces")))

    # What MLflow does not ask for by ``_call_endpoint``.

    def _mcp_request(self, *_: Any, **__: Any) -> NoReturn:
        raise not_kept("MCP servers")

    def upsert_online_scoring_config(self, *_: Any, **__: Any) -> NoReturn:
        raise not_kept("scorers")

    def get_online_scoring_configs(self, *_: Any, **__: Any) -> NoReturn:
        raise not_kept("scorers")
