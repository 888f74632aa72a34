"""Requests to a workspace.

Each request that may be carried out twice is repeated after a network error, 429 and 5xx, with a
token that holds. What would be made twice, were it repeated, is looked for first, by
``failures.create``. A token that the service refuses is renewed once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from mlflow.exceptions import MlflowException, RestException
from mlflow.protos.databricks_pb2 import (
    ENDPOINT_NOT_FOUND,
    PERMISSION_DENIED,
    TEMPORARILY_UNAVAILABLE,
    UNAUTHENTICATED,
    ErrorCode,
)
from mlflow.protos.model_registry_pb2 import (
    CreateModelVersion,
    CreateRegisteredModel,
    DeleteModelVersion,
    DeleteModelVersionTag,
    DeleteRegisteredModelTag,
)
from mlflow.protos.service_pb2 import (
    CreateExperiment,
    CreateRun,
    DeleteExperiment,
    DeleteRun,
    DeleteTag,
    RestoreExperiment,
    RestoreRun,
)
from mlflow.utils.proto_json_utils import parse_dict
from mlflow.utils.rest_utils import MlflowHostCreds, http_request, verify_rest_response

from mlproject.azure.connection.context import Context
from mlproject.azure.connection.failures import (
    ATTEMPTS,
    AzureMLException,
    NotOffered,
    Unanswered,
    pause_after_silence,
    repeat,
    retry_after,
    settle,
)
from mlproject.base.errors import one_line
from mlproject.base.visible import visible

if TYPE_CHECKING:
    from requests import Response

T = TypeVar("T")
_GONE, _SETTLED = "RESOURCE_DOES_NOT_EXIST", ("INVALID_PARAMETER_VALUE", "INVALID_STATE")
# Calls that may not be repeated blindly. What makes something is looked for by who makes it; the
# others are repeated until the service says, in these words, that it has been done.
_ONCE: dict[Any, tuple[str, ...] | None] = {
    **dict.fromkeys((CreateExperiment, CreateRun), None),
    **dict.fromkeys((CreateRegisteredModel, CreateModelVersion), None),
    **dict.fromkeys((DeleteTag, DeleteModelVersionTag, DeleteRegisteredModelTag), (_GONE,)),
    DeleteModelVersion: (_GONE,),
    **dict.fromkeys((DeleteRun, RestoreRun), _SETTLED),
    **dict.fromkeys((DeleteExperiment, RestoreExperiment), (_GONE, *_SETTLED)),
}
_SKEW_SECONDS = 300.0
# Answers that say nothing of whether the request was carried out, or that it was not.
_LATER = frozenset([408, 429, 500, 502, 503, 504])


class Calls:
    """The requests of one workspace."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def send(
        self,
        method: str,
        path: str,
        *,
        json_body: Any = None,
        params: Any = None,
        headers: Any = None,
        once: bool = False,
    ) -> Response:
        """Send a request and return the response, whatever its status but 401, 403 and 404 empty.

        With ``once`` it is not repeated.

        Raises
        ------
        Unanswered
            When there was no answer, or one that may pass, also the last time.
        MlflowException
            UNAUTHENTICATED when a new token is refused too; PERMISSION_DENIED.
        """
        arguments: dict[str, Any] = {"json": json_body, "params": params, "extra_headers": headers}
        arguments = {name: value for name, value in arguments.items() if value is not None}

        def sent() -> Response:
            return self._authorised(method, path, arguments)

        response = sent() if once else repeat(sent, pause_after_silence)
        self._raise_for_status(response, method, path)
        return response

    def _authorised(self, method: str, path: str, arguments: Any) -> Response:
        """Send once, with a token that holds; one that is refused is renewed."""
        credential, name = self.context.credential, self.context.workspace.name
        host = f"https://{self.context.workspace.host}"
        unauthorised = 0
        for _ in range(ATTEMPTS):
            token = credential.get_token()
            creds = MlflowHostCreds(host, token=token.token)
            once = {"max_retries": 0, "raise_on_status": False}
            response = answered(
                partial(http_request, creds, path, method, **once, **arguments),
                f"The workspace '{name}' answers '{_short(path)}' with",
            )
            if response.status_code != 401:
                break
            credential.renew(token.token)
            # One that ended on its way there says nothing of the credential.
            unauthorised += token.expires_on > time.time()
            if unauthorised == 2:
                break
        return response

    def call(self, api: Any, method: str, endpoint: str, body: str | None, answer: T) -> T:
        """Make one of MLflow's API calls, as its stores word it, and return ``answer``, filled."""
        content = json.loads(body) if body is not None else None
        given: dict[str, Any] = {"params": content} if method == "GET" else {"json_body": content}
        path = f"{self.context.workspace.api}{endpoint}"

        def send() -> T:
            response = self.send(method, path, **given, once=api in _ONCE)
            try:
                verify_rest_response(response, endpoint)
            except RestException as error:
                if "message" in error.json:
                    shown = visible(str(error.json["message"]), lines=True)
                    raise RestException(error.json | {"message": shown}) from None
                # The service's own envelope, of which MLflow would print the whole.
                code = ErrorCode.Value(error.error_code)
                text = f"{error.error_code}: {_message(response)}"  # as MLflow words it
                raise AzureMLException(text, error_code=code) from error
            if response.status_code != 204:
                parse_dict(js_dict=json.loads(response.text), message=answer)
            return answer

        already = _ONCE.get(api)
        return send() if already is None else settle(send, *already) or answer

    def _raise_for_status(self, response: Response, method: str, path: str) -> None:
        """Raise for what no caller can do anything about, in words that a user can."""
        name = self.context.workspace.name
        status = response.status_code
        if status == 401:
            message = f"The workspace '{name}' refuses the credential (401: {error_text(response)})"
            raise AzureMLException(f"{message}{_clock_hint(response)}", error_code=UNAUTHENTICATED)
        if status == 403:
            raise AzureMLException(
                f"No permission in the workspace '{name}' (403: {error_text(response)}). "
                "Ask its owner for the role 'AzureML Data Scientist'",
                error_code=PERMISSION_DENIED,
            )
        if status == 404 and not response.text.strip():
            raise NotOffered(
                f"Azure ML does not answer '{method} {_short(path)}' for the workspace '{name}' "
                "(404); either the service has no such call, or the workspace is gone",
                error_code=ENDPOINT_NOT_FOUND,
            )


def answered(send: Callable[[], Response], what: str) -> Response:
    """Return the answer to a request; Unanswered where there is none, or one that may pass."""
    try:
        response = send()
    except MlflowException as error:
        raise Unanswered(str(error), error_code=TEMPORARILY_UNAVAILABLE) from error
    if response.status_code in _LATER:
        raise Unanswered(
            f"{what} {response.status_code}: {error_text(response)}",
            error_code=TEMPORARILY_UNAVAILABLE,
            seconds=retry_after(response),
        )
    return response


def pages(read: Callable[[Any], tuple[Iterable[T], Any]]) -> Iterator[T]:
    """Yield what is on all pages; ``read`` takes a token and returns a page and the next one's."""
    token = None
    while True:
        items, token = read(token)
        yield from items
        if not token:
            return


def _short(path: str) -> str:
    return path.rpartition("/mlflow/")[2] if "/api/" in path else path


def error_text(response: Response) -> str:
    """Return what the service says in an error, in one line."""
    return one_line(_message(response))[:300] or "nothing"


def _message(response: Response) -> str:
    """Return what the service says in an error, whichever of its envelopes it comes in."""
    try:
        content = response.json()
    except ValueError:
        return response.text
    for key in ("Error", "error"):
        inner = content.get(key) if isinstance(content, dict) else None
        if isinstance(inner, dict):
            text = inner.get("Message") or inner.get("message") or inner.get("Code")
            if text:
                return str(text)
    text = content.get("message") if isinstance(content, dict) else None
    return str(text or response.text)


def _clock_hint(response: Response) -> str:
    """Return what to do about a token that is refused although it is new."""
    try:
        service_time = parsedate_to_datetime(response.headers["Date"]).timestamp()
    except (KeyError, TypeError, ValueError):
        service_time = time.time()
    ahead = time.time() - service_time
    if abs(ahead) > _SKEW_SECONDS:
        where = "ahead of" if ahead > 0 else "behind"
        return f". This machine's clock is {abs(ahead):.0f} s {where} the service's: set it"
    return ". Sign in again"
