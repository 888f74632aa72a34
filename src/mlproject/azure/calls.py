"""Requests to a workspace.

MLflow's own retries stay: each request that may be carried out twice is repeated after a network
error, 429 and 5xx. Added is what they lack. A token that the service refuses is renewed once. What
would be made twice, were it repeated, is looked for first: ``create``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

from mlflow.exceptions import MlflowException, RestException
from mlflow.protos.databricks_pb2 import (
    ENDPOINT_NOT_FOUND,
    PERMISSION_DENIED,
    TEMPORARILY_UNAVAILABLE,
    UNAUTHENTICATED,
    ErrorCode,
)
from mlflow.utils.proto_json_utils import parse_dict
from mlflow.utils.rest_utils import MlflowHostCreds, http_request, verify_rest_response

from mlproject.azure.context import Context
from mlproject.azure.failures import AzureMLException, NotOffered, Unanswered
from mlproject.azure.pauses import ATTEMPTS, pause_before, retry_after
from mlproject.base.errors import one_line

if TYPE_CHECKING:
    from requests import Response

T = TypeVar("T")
_SKEW_SECONDS = 300.0
# Answers that say nothing of whether the request was carried out, or that it was not.
_LATER = frozenset([408, 429, 500, 502, 503, 504])


class Calls:
    """The requests of one workspace.

    Parameters
    ----------
    context : Context
    """

    def __init__(self, context: Context) -> None:
        self.context = context

    def send(
        self,
        method: str,
        path: str,
        *,
        json_body: Any = None,
        params: Any = None,
        once: bool = False,
    ) -> Response:
        """Send a request and return the answer, whatever its status is but 401, 403 and 404 empty.

        Parameters
        ----------
        method, path : str
        json_body, params : optional
        once : bool
            Whether the request must not be repeated.

        Raises
        ------
        Unanswered
            When ``once``, and there was no answer or one that may pass.
        MlflowException
            UNAUTHENTICATED when a new token is refused too; PERMISSION_DENIED; and what MLflow
            raises after its last retry.
        """
        arguments: dict[str, Any] = {"raise_on_status": False, "json": json_body, "params": params}
        if once:
            arguments["max_retries"] = 0
        given = {name: value for name, value in arguments.items() if value is not None}
        response = self._authorised(method, path, given, once=once)
        if once and response.status_code in _LATER:
            name = self.context.workspace.name
            raise Unanswered(
                f"The workspace '{name}' answers '{_short(path)}' with {response.status_code}: "
                f"{said(response)}",
                error_code=TEMPORARILY_UNAVAILABLE,
                seconds=retry_after(response),
            )
        self._refuse(response, method, path)
        return response

    def _authorised(self, method: str, path: str, arguments: Any, *, once: bool) -> Response:
        """Send with a token that holds; one that is refused is renewed."""
        credential = self.context.credential
        host = f"https://{self.context.workspace.host}"
        refusals = 0
        for _ in range(ATTEMPTS):
            token = credential.get_token()
            creds = MlflowHostCreds(host, token=token.token)
            try:
                response: Response = http_request(creds, path, method, **arguments)
            except MlflowException as error:
                if once:
                    raise Unanswered(str(error)) from error
                raise
            if response.status_code != 401:
                break
            credential.renew(token.token)
            # One that ended while MLflow was waiting to try again says nothing of the credential.
            refusals += token.expires_on > time.time()
            if refusals == 2:
                break
        return response

    def call(self, endpoint: str, method: str, body: str | None, answer: T, *, once: bool) -> T:
        """Make one of MLflow's API calls and return ``answer``, filled.

        Parameters
        ----------
        endpoint : str
            Such as ``/api/2.0/mlflow/runs/get``.
        method : str
        body : str or None
            JSON, as MLflow's own stores make it.
        answer : protobuf message
        once : bool
            Whether the request must not be repeated.
        """
        content = json.loads(body) if body is not None else None
        given: dict[str, Any] = {"params": content} if method == "GET" else {"json_body": content}
        path = f"{self.context.workspace.api}{endpoint}"
        response = self.send(method, path, **given, once=once)
        try:
            verify_rest_response(response, endpoint)
        except RestException as error:
            if "message" in error.json:
                raise
            # The service's own envelope, of which MLflow would print the whole.
            code = ErrorCode.Value(error.error_code)
            raise AzureMLException(said(response), error_code=code) from error
        if response.status_code != 204:
            parse_dict(js_dict=json.loads(response.text), message=answer)
        return answer

    def _refuse(self, response: Response, method: str, path: str) -> None:
        """Raise for what no caller can do anything about, in words that a user can."""
        name = self.context.workspace.name
        status = response.status_code
        if status == 401:
            message = f"The workspace '{name}' refuses the credential (401: {said(response)})"
            raise AzureMLException(f"{message}{_skewed(response)}", error_code=UNAUTHENTICATED)
        if status == 403:
            raise AzureMLException(
                f"No permission in the workspace '{name}' (403: {said(response)}). "
                "Ask its owner for the role 'AzureML Data Scientist'",
                error_code=PERMISSION_DENIED,
            )
        if status == 404 and not response.text.strip():
            raise NotOffered(
                f"Azure ML does not answer '{method} {_short(path)}' for the workspace '{name}' "
                "(404); either the service has no such call, or the workspace is gone",
                error_code=ENDPOINT_NOT_FOUND,
            )


def create(send: Callable[[], T], find: Callable[[], T | None]) -> T:
    """Have something made exactly once, although answers get lost.

    Parameters
    ----------
    send : callable
        Makes it; raises ``Unanswered`` when it may have been made or not.
    find : callable
        Returns it when an earlier attempt has made it, else None.

    Raises
    ------
    Unanswered
        When no attempt was answered; nothing was found then either.
    """
    for attempt in range(ATTEMPTS):
        try:
            return send()
        except Unanswered as error:
            if attempt == ATTEMPTS - 1:
                raise
            time.sleep(max(pause_before(attempt), error.seconds))
            found = find()
            if found is not None:
                return found
    raise AssertionError("unreachable")


def settle(send: Callable[[], T], *already: str) -> T | None:
    """Have something deleted or restored, although answers get lost.

    Parameters
    ----------
    send : callable
        Raises ``Unanswered`` when it may have been done or not.
    already : str
        What MLflow calls the error of doing it again, which then says that it is done.
    """
    lost = False

    def attempt() -> T | None:
        nonlocal lost
        try:
            return send()
        except Unanswered:
            lost = True
            raise
        except MlflowException as error:
            if lost and error.error_code in already:
                return None
            raise

    return create(attempt, lambda: None)


def _short(path: str) -> str:
    return path.rpartition("/mlflow/")[2] if "/api/" in path else path


def said(response: Response) -> str:
    """Return what the service says in an error, whichever of its envelopes it comes in."""
    try:
        content = response.json()
    except ValueError:
        return one_line(response.text)[:300] or "nothing"
    for key in ("Error", "error"):
        inner = content.get(key) if isinstance(content, dict) else None
        if isinstance(inner, dict):
            text = inner.get("Message") or inner.get("message") or inner.get("Code")
            if text:
                return one_line(str(text))[:300]
    text = content.get("message") if isinstance(content, dict) else None
    return one_line(str(text or response.text))[:300]


def _skewed(response: Response) -> str:
    """Return what to do about a token that is refused although it is new."""
    try:
        theirs = parsedate_to_datetime(response.headers["Date"]).timestamp()
    except (KeyError, TypeError, ValueError):
        theirs = time.time()
    ahead = time.time() - theirs
    if abs(ahead) > _SKEW_SECONDS:
        where = "ahead of" if ahead > 0 else "behind"
        return f". This machine's clock is {abs(ahead):.0f} s {where} the service's: set it"
    return ". Sign in again"
