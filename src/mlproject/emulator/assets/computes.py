"""The clusters of the workspace."""

from __future__ import annotations

from collections.abc import Callable

from werkzeug import Request, Response

from mlproject.emulator.identities import REGION, SCOPE
from mlproject.emulator.keeping.resources import WORKSPACE, listed, resource, unknown
from mlproject.emulator.messages import Routes, json_response
from mlproject.emulator.settings import Settings

NODES = {"cpu-cluster": ("STANDARD_DS3_V2", 4), "gpu-cluster": ("STANDARD_NC6S_V3", 1)}
"""Size of the machines, and the most nodes; the fewest are none."""
SERVERLESS = "serverless"
_MOST_SERVERLESS = 8


QUOTA = "The quota of Standard DSv2 cores in the region is used up."


def add_routes(routes: Routes, busy: Callable[[str], int], settings: Settings) -> None:
    """Add the routes of clusters; ``busy`` is how many nodes of one run a job."""
    names = {name.lower(): name for name in NODES}

    def shown(name: str) -> dict[str, object]:
        problem = QUOTA if settings.job_fate == "queue" else None
        return _cluster(name, *NODES[name], busy(name), problem)

    def get(request: Request, name: str) -> Response:
        found = names.get(name.lower())
        return json_response(shown(found)) if found else unknown(request)

    routes.add("GET", f"{WORKSPACE}/computes", lambda _: listed(map(shown, NODES)))
    routes.add("GET", f"{WORKSPACE}/computes/(?P<name>[^/]+)", get)


def name_of(compute: str) -> str | None:
    """Return the name of the cluster that an id names; None where there is no such one.

    A job that names none is serverless.
    """
    if not compute:
        return SERVERLESS
    name = compute.lower().removeprefix(f"{SCOPE.lower()}/computes/")
    return name if name in NODES else None


def nodes_of(cluster: str) -> int:
    return _MOST_SERVERLESS if cluster == SERVERLESS else NODES[cluster][1]


def _cluster(name: str, size: str, most: int, busy: int, problem: str | None) -> dict[str, object]:
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
        "currentNodeCount": busy,
        "targetNodeCount": busy,
        "nodeStateCounts": {
            f"{state}NodeCount": busy if state == "running" else 0 for state in states
        },
        "errors": [{"error": {"code": "ClusterCoreQuotaReached", "message": problem}}]
        if problem
        else [],
    }
    properties = {
        "computeType": "AmlCompute",
        "computeLocation": REGION,
        "provisioningState": "Succeeded",
        "isAttachedCompute": False,
        "properties": cluster,
    }
    return resource(f"computes/{name}", properties, location=REGION)
