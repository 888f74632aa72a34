"""Resources of the workspace as Resource Manager words them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from werkzeug import Request, Response

from mlproject.emulator.identities import SCOPE
from mlproject.emulator.messages import arm_error, json_response

WORKSPACE = re.escape(SCOPE)
"""The pattern of the path that all resources of the workspace are below."""
_TYPE = "Microsoft.MachineLearningServices/workspaces"


def resource(path: str, properties: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return a resource by its path below the workspace, such as ``data/pima/versions/3``."""
    parts = path.split("/")
    kinds = "/".join(parts[::2])
    content = {"id": f"{SCOPE}/{path}", "name": parts[-1], "type": f"{_TYPE}/{kinds}"}
    return content | {"properties": dict(properties), **more}


def listed(values: Iterable[dict[str, Any]]) -> Response:
    return json_response({"value": list(values), "nextLink": None})


def unknown(request: Request) -> Response:
    return arm_error(404, "ResourceNotFound", f"{request.path} was not found.")
