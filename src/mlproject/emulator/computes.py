"""The clusters of the workspace."""

from __future__ import annotations

from werkzeug import Request, Response

from mlproject.emulator.identities import REGION, SCOPE
from mlproject.emulator.messages import Routes, json_response
from mlproject.emulator.resources import WORKSPACE, listed, resource, unknown

NODES = {"cpu-cluster": ("STANDARD_DS3_V2", 4), "gpu-cluster": ("STANDARD_NC6S_V3", 1)}
"""Size of the machines, and the most nodes; the fewest are none."""


def add_routes(routes: Routes) -> None:
    known = {name.lower(): _cluster(name, *nodes) for name, nodes in NODES.items()}

    def get(request: Request, name: str) -> Response:
        found = known.get(name.lower())
        return json_response(found) if found else unknown(request)

    routes.add("GET", f"{WORKSPACE}/computes", lambda _: listed(known.values()))
    routes.add("GET", f"{WORKSPACE}/computes/(?P<name>[^/]+)", get)


def name_of(compute: str) -> str | None:
    """Return the name of the cluster that an id names; None where there is no such one."""
    name = compute.lower().removeprefix(f"{SCOPE.lower()}/computes/")
    return name if name in NODES else None


def nodes_of(cluster: str) -> int:
    return NODES[cluster][1]


def _cluster(name: str, size: str, most: int) -> dict[str, object]:
    scale = {
        "minNodeCount": 0,
        "maxNodeCount": most,
        "nodeIdleTimeBeforeScaleDown": "PT120S",
    }
    states = ("idle", "running", "preparing", "unusable", "leaving", "preempted")
    cluster = {
        "osType": "Linux",
        "vmSize": size,
        "vmPriority": "Dedicated",
        "scaleSettings": scale,
        "allocationState": "Steady",
        "currentNodeCount": 0,
        "targetNodeCount": 0,
        "nodeStateCounts": {f"{state}NodeCount": 0 for state in states},
    }
    properties = {
        "computeType": "AmlCompute",
        "computeLocation": REGION,
        "provisioningState": "Succeeded",
        "isAttachedCompute": False,
        "properties": cluster,
    }
    return resource(f"computes/{name}", properties, location=REGION)
