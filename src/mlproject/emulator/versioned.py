"""Assets with versions, none of which changes: environments, and the code of jobs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from werkzeug import Request, Response

from mlproject.emulator.identities import SCOPE
from mlproject.emulator.messages import Routes, arm_error, json_of, json_response
from mlproject.emulator.resource_store import Resource, Resources


def add_routes(routes: Routes, resources: Resources, kind: str) -> None:
    """Add the routes of one kind of asset: its names, their versions, and one of these."""

    def put(request: Request, name: str, version: str) -> Response:
        path, properties = f"/{kind}/{name}/versions/{version}", json_of(request)["properties"]
        before = resources.get(path)
        if before is None:
            return json_response(resources.put(path, properties), 201)
        if any(before["properties"].get(key) != value for key, value in properties.items()):
            message = f"{kind} {name}:{version} exists, and versions do not change."
            return arm_error(409, "UserError", message)
        return json_response(before, 201)

    def get(request: Request, name: str, version: str) -> Response:
        found = resources.get(f"/{kind}/{name}/versions/{version}")
        return json_response(found) if found else absent(f"{kind} {name}:{version}")

    def versions(request: Request, name: str) -> Response:
        found = resources.below(f"/{kind}/{name}/versions")
        if not found:
            return absent(f"{kind} {name}")
        if "desc" in request.args.get("$orderBy", ""):
            found.reverse()
        return page(found[: int(request.args.get("$top", len(found)))])

    def names(request: Request) -> Response:
        latest = {item["id"].split("/")[-3]: item for item in resources.below(f"/{kind}", 3)}
        return page([_container(kind, name, item) for name, item in latest.items()])

    base = f"{re.escape(SCOPE)}/{kind}"
    one = rf"{base}/(?P<name>[^/]+)/versions"
    routes.add("PUT", rf"{one}/(?P<version>[^/]+)", put)
    routes.add("GET", rf"{one}/(?P<version>[^/]+)", get)
    routes.add("GET", one, versions)
    routes.add("GET", base, names)


def page(resources: Sequence[Resource]) -> Response:
    return json_response({"value": list(resources), "nextLink": None})


def absent(what: str) -> Response:
    return arm_error(404, "ResourceNotFound", f"{what} was not found in the workspace.")


def _container(kind: str, name: str, latest: Resource) -> dict[str, Any]:
    return {
        "id": f"{SCOPE}/{kind}/{name}",
        "name": name,
        "type": f"Microsoft.MachineLearningServices/workspaces/{kind}",
        "properties": {"latestVersion": latest["name"], "isArchived": False},
        "systemData": latest["systemData"],
    }
