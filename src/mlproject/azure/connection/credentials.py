"""One credential for everything: azureml-core, MLflow's requests and the artifact service.

Inside a job it is the job's own token. Outside it is what azure-identity finds, in this order:
environment, workload identity, managed identity, Azure CLI; a browser or a device code only where
the user has said that somebody is there.
"""

from __future__ import annotations

import base64
import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mlproject.azure.connection.uris import Workspace
from mlproject.base import environ
from mlproject.base.console import quiet_loggers
from mlproject.base.errors import one_line, reason
from mlproject.base.redaction import redacted_text

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential

# A token is replaced before it ends: five minutes, or a third of a shorter life.
_MARGIN_SECONDS = 300.0
_UNREACHABLE = re.compile(
    r"Unable to connect to proxy|Tunnel connection failed: [^'\")]*"
    r"|Failed to (?:establish a new connection|resolve '[^']*')|Name or service not known"
)
_WHAT_TO_SET = (
    "Run 'az login', or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, "
    "or add --interactive"
)


class Credential:
    """Tokens for one audience: kept while they hold, asked for again when they are refused.

    It is a credential as the Azure SDKs take one, too. ``make`` returns a new one of
    azure-identity, with nothing remembered; ``scope`` is the audience.
    """

    def __init__(self, make: Callable[[], TokenCredential], scope: str) -> None:
        self._make = make
        self._scope = scope
        self._lock = threading.RLock()
        self._inner: TokenCredential | None = None
        self._token: AccessToken | None = None
        self._replace_at = 0.0

    @property
    def tenant(self) -> str | None:
        """The directory that the last token is of, where it says so."""
        return _claims(self._token.token).get("tid") if self._token else None

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """Return a token that holds; MlflowException when nobody can be signed in."""
        with self._lock:
            if self._token is None or time.time() >= self._replace_at:
                self._token = self._new_token()
                left = self._token.expires_on - time.time()
                self._replace_at = self._token.expires_on - min(_MARGIN_SECONDS, left / 3)
            return self._token

    def renew(self, refused: str) -> None:
        """Forget a token that the service refused, and what the credential remembers of it."""
        with self._lock:
            if self._token is not None and self._token.token == refused:
                self._token, self._inner = None, None

    def _new_token(self) -> AccessToken:
        from azure.core.exceptions import ClientAuthenticationError

        try:
            with quiet_loggers("azure.identity"):  # its error has all of it
                if self._inner is None:
                    self._inner = self._make()
                return self._inner.get_token(self._scope)
        except (ClientAuthenticationError, ValueError) as error:
            raise _signed_out(error) from error


class RunToken:
    """The token that an Azure ML job gives its process, renewed through the run's own history.

    Times are compared in UTC, and a token is renewed long before it ends: the one that is
    replaced authorises its replacement.
    """

    def __init__(self, workspace: Workspace, token: str, experiment_id: str, run_id: str) -> None:
        self._url = (
            f"https://{workspace.host}/history/v1.0{workspace.scope}"
            f"/experimentids/{experiment_id}/runs/{run_id}/token"
        )
        self._token = token
        self._lock = threading.Lock()
        self._keeper: threading.Thread | None = None
        self._handed_out: str | None = None

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """Return a token; a new one where the last one was handed out before, or has ended."""
        from azure.core.credentials import AccessToken

        with self._lock:
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._keep, daemon=True)
                self._keeper.start()
            if self._token == self._handed_out or self._left() <= 0:
                self._replace()
            self._handed_out = self._token
            return AccessToken(self._token, int(time.time() + self._left()))

    def _keep(self) -> None:
        """Replace the token at half its life: once it has ended, it authorises nothing.

        The environment gets it as well, for processes that are started later.
        """
        while True:
            time.sleep(max(self._left() / 2, 0.5))
            try:
                with self._lock:
                    self._replace()
            except Exception:  # noqa: BLE001 - it is tried again, and told when it is needed
                time.sleep(0.5)

    def _replace(self) -> None:
        self._token = self._fetched()
        for name in (environ.TRACKING_TOKEN, environ.AZUREML_RUN_TOKEN):
            if name in os.environ:
                os.environ[name] = self._token

    def _left(self) -> float:
        """Return the seconds that the token still holds."""
        return float(_claims(self._token).get("exp", time.time() + 60)) - time.time()

    def _fetched(self) -> str:
        from azure.core.exceptions import ClientAuthenticationError
        from mlflow.utils.rest_utils import MlflowHostCreds, http_request

        response = http_request(MlflowHostCreds(self._url, token=self._token), "", "GET")
        if response.status_code != 200:
            raise ClientAuthenticationError(
                f"the job's token cannot be renewed ({response.status_code})"
            )
        return str(response.json()["token"])


def of_user(scope: str, authority: str) -> Credential:
    """Return the credential of whoever runs this process; ``authority`` is the host to sign in."""
    interactive = environ.get(environ.INTERACTIVE) is not None and somebody_is_there()

    def make() -> TokenCredential:
        from azure.identity import DefaultAzureCredential

        return DefaultAzureCredential(
            authority=authority,
            exclude_shared_token_cache_credential=True,
            exclude_visual_studio_code_credential=True,
            exclude_developer_cli_credential=True,
            exclude_powershell_credential=True,
            exclude_broker_credential=True,
            exclude_interactive_browser_credential=True,
        )

    def make_interactive() -> TokenCredential:
        from azure.identity import (
            ChainedTokenCredential,
            DeviceCodeCredential,
            InteractiveBrowserCredential,
        )

        kind = InteractiveBrowserCredential if environ.has_display() else DeviceCodeCredential
        tenant = os.environ.get("AZURE_TENANT_ID")
        options: dict[str, Any] = {"tenant_id": tenant} if tenant else {}
        asking = kind(authority=authority, **options)
        return ChainedTokenCredential(make(), asking)

    return Credential(make_interactive if interactive else make, scope)


def of_job(workspace: Workspace, scope: str) -> Credential | None:
    """Return the credential of the job that this process is part of; None outside of one.

    MLflow takes the run's id out of the environment when it joins the run; the job's own variables
    stay.
    """
    run_id = environ.get(environ.AZUREML_RUN_ID)
    token = environ.get(environ.TRACKING_TOKEN) or environ.get(environ.AZUREML_RUN_TOKEN)
    experiment = environ.get(environ.EXPERIMENT_ID) or environ.get("AZUREML_EXPERIMENT_ID")
    if not (run_id and token and experiment) or not _is_of_job(workspace):
        return None
    own = RunToken(workspace, token, experiment, run_id)
    return Credential(lambda: own, scope)


def _is_of_job(workspace: Workspace) -> bool:
    """Whether a workspace is the job's own; its token is for no other."""
    name = environ.get("AZUREML_ARM_WORKSPACE_NAME")
    subscription = environ.get("AZUREML_ARM_SUBSCRIPTION")
    return name in (None, workspace.name) and subscription in (None, workspace.subscription)


def somebody_is_there() -> bool:
    """Whether a question can be answered: not in a job, not on a build server, at a terminal."""
    unattended = environ.get(environ.AZUREML_RUN_ID) or environ.get(environ.CI)
    return not unattended and sys.stderr is not None and sys.stderr.isatty()


def _claims(token: str) -> dict[str, Any]:
    """Return what a JWT says, unverified; nothing for another kind of token."""
    try:
        body = token.split(".")[1]
        content = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (IndexError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _signed_out(error: Exception) -> Exception:
    """Return one line for azure-identity's page of attempts."""
    from mlflow.protos.databricks_pb2 import UNAUTHENTICATED

    from mlproject.azure.connection.failures import AzureMLException

    text = str(error)
    unreachable = _UNREACHABLE.search(text)
    tried = list(dict.fromkeys(re.findall(r"^\s*(\w+Credential):", text, re.MULTILINE)))
    refused = re.search(r"AADSTS\d+:[^\r\n]*", text)
    hint = _WHAT_TO_SET
    if unreachable:
        what = f"Azure cannot be reached to sign in: {unreachable[0]}"
        proxy = os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")
        hint = (
            f"Is the proxy of HTTPS_PROXY, {proxy}, still running?"
            if proxy
            else "Check the network"
        )
    elif refused:
        what = f"Signing in to Azure failed: {refused[0].partition(' Trace ID')[0]}"
    elif tried:
        what = f"No Azure credential was found; tried: {', '.join(tried)}"
    else:
        what = f"Signing in to Azure failed: {reason(error)}"
    if "job's token" in text:
        hint = "It is good for as long as the job runs"
    message = redacted_text(f"{one_line(what)}. {hint}")
    return AzureMLException(message, error_code=UNAUTHENTICATED)
