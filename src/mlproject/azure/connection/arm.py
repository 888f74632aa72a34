"""Resource Manager, which knows what a workspace has: computes, datastores, assets, jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    INTERNAL_ERROR,
    INVALID_PARAMETER_VALUE,
    RESOURCE_ALREADY_EXISTS,
    RESOURCE_DOES_NOT_EXIST,
)

from mlproject.azure.connection import context
from mlproject.azure.connection.calls import Calls, error_text, pages
from mlproject.azure.connection.context import Context
from mlproject.azure.connection.credentials import Credential
from mlproject.azure.connection.uris import Workspace

# The one that azure-ai-ml's own models are generated from.
VERSION = "2025-12-01"
_CODES = {
    400: INVALID_PARAMETER_VALUE,
    404: RESOURCE_DOES_NOT_EXIST,
    409: RESOURCE_ALREADY_EXISTS,
}


class Arm:
    """Requests on one workspace. Paths are below its resource id; each may be sent twice.

    MlflowException where the service refuses, with the reason it gives.
    """

    def __init__(
        self, workspace: Workspace, credential: Credential, version: str = VERSION
    ) -> None:
        manager = Workspace(_host(), workspace.subscription, workspace.group, workspace.name)
        self._calls = Calls(Context(manager, credential))
        self._scope = manager.scope
        self._version = version

    @property
    def scope(self) -> str:
        """The workspace's resource id."""
        return self._scope

    @classmethod
    def of(cls, found: Context) -> Arm:
        return cls(found.workspace, found.credential)

    def get(self, path: str = "", **query: str) -> dict[str, Any]:
        """Return a resource; RESOURCE_DOES_NOT_EXIST when there is none."""
        return self._content(self._send("GET", f"{self._scope}{path}", query))

    def find(self, path: str, **query: str) -> dict[str, Any] | None:
        """Return a resource; None when there is none."""
        response = self._send("GET", f"{self._scope}{path}", query)
        return None if response.status_code == 404 else self._content(response)

    def put(
        self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        return self._content(self._send("PUT", f"{self._scope}{path}", {}, body, headers))

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return self._content(self._send("POST", f"{self._scope}{path}", {}, body or {}))

    def begin(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> str | None:
        """Begin what takes time; return where to ask for it, None where it is done."""
        response = self._send(method, f"{self._scope}{path}", {}, body)
        self._content(response)
        return response.headers.get("Azure-AsyncOperation") or None

    def asked(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        """Return what there is at a path that the service has named."""
        return self._content(self._send("GET", path, query))

    def listed(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """Return all items of a list; nothing where there is no such list."""

        def read(link: str | None) -> tuple[list[dict[str, Any]], str | None]:
            parts = urlsplit(link or f"{self._scope}{path}")
            asked = dict(parse_qsl(parts.query)) if link else query
            response = self._send("GET", parts.path, asked)
            content = {} if response.status_code == 404 else self._content(response)
            return content.get("value") or [], content.get("nextLink")

        return pages(read)

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        params = {"api-version": self._version, **query}
        return self._calls.send(method, path, json_body=body, params=params, headers=headers)

    def _content(self, response: Any) -> dict[str, Any]:
        if response.status_code >= 400:
            code = _CODES.get(response.status_code, INTERNAL_ERROR)
            raise MlflowException(error_text(response), error_code=code)
        return dict(response.json()) if response.text.strip() else {}


def _host() -> str:
    """Return the host of Resource Manager in the cloud in force."""
    return str(urlsplit(context.cloud().endpoints.resource_manager).netloc)
