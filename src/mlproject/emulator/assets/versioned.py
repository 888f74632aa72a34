"""Assets with versions, as Resource Manager has them: data, environments, and the code of jobs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from werkzeug import Request, Response

from mlproject.emulator.keeping.resource_store import Resource, Resources
from mlproject.emulator.keeping.resources import WORKSPACE, listed, resource, unknown
from mlproject.emulator.messages import Routes, arm_error, json_of, json_response

Check = Callable[[Mapping[str, Any]], str | None]


def add_routes(
    routes: Routes,
    resources: Resources,
    kind: str,
    *,
    fixed: Collection[str] | None = None,
    check: Check = lambda _: None,
    always: Mapping[str, Any] = {},
) -> None:
    """Add the routes of one kind of asset: its names, one of these, its versions, one of those.

    ``fixed`` are the properties of a version that never change, by default all that are given;
    ``check`` returns what is wrong with new ones; ``always`` is there where nothing is given.
    """

    def put(request: Request, name: str, version: str) -> Response:
        path, given = f"/{kind}/{name}/versions/{version}", json_of(request)["properties"]
        problem = check(given)
        if problem is not None:
            return arm_error(400, "ValidationError", problem)
        before = resources.get(path)
        if before is None:
            said = {key: value for key, value in given.items() if value is not None}
            made = {"isArchived": False} | dict(always) | said
            return json_response(resources.put(path, made), 201)
        known = before["properties"]
        if any(known.get(key) != given.get(key) for key in (given if fixed is None else fixed)):
            message = f"{kind} {name}:{version} already exists, and versions do not change."
            return arm_error(409, "Conflict", message)
        return json_response(resources.put(path, known | given), 201)

    def get(request: Request, name: str, version: str) -> Response:
        found = resources.get(f"/{kind}/{name}/versions/{version}")
        return json_response(found) if found else unknown(request)

    def versions(request: Request, name: str) -> Response:
        """List what was registered last first, as the service does."""
        found = resources.below(f"/{kind}/{name}/versions")
        most = request.args.get("$top", type=int)
        return listed(reversed(found[-most:] if most else found)) if found else unknown(request)

    def container(request: Request, name: str) -> Response:
        found = resources.below(f"/{kind}/{name}/versions")
        return json_response(_container(kind, found)) if found else unknown(request)

    def containers(request: Request) -> Response:
        by_name: dict[str, list[Resource]] = {}
        for item in resources.below(f"/{kind}", 3):
            by_name.setdefault(_name(item), []).append(item)
        return listed(_container(kind, found) for _, found in sorted(by_name.items()))

    one = f"{WORKSPACE}/{kind}/(?P<name>[^/]+)"
    routes.add("GET", f"{WORKSPACE}/{kind}", containers)
    routes.add("GET", one, container)
    routes.add("GET", f"{one}/versions", versions)
    routes.add("GET", f"{one}/versions/(?P<version>[^/]+)", get)
    routes.add("PUT", f"{one}/versions/(?P<version>[^/]+)", put)


def _container(kind: str, versions: list[Resource]) -> dict[str, Any]:
    latest = versions[-1]
    numbers = [int(item["name"]) for item in versions if item["name"].isdigit()]
    properties = {
        "latestVersion": latest["name"],
        "nextVersion": str(max(numbers, default=0) + 1),
        "isArchived": all(item["properties"].get("isArchived") for item in versions),
        "tags": {},
    }
    if "dataType" in latest["properties"]:
        properties["dataType"] = latest["properties"]["dataType"]
    return resource(f"{kind}/{_name(latest)}", properties, systemData=latest["systemData"])


def _name(version: Resource) -> str:
    return str(version["id"].split("/")[-3])
