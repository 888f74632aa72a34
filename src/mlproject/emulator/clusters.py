"""The clusters that jobs run on."""

from __future__ import annotations

import re

from werkzeug import Request, Response

from mlproject.emulator.identities import REGION, SCOPE
from mlproject.emulator.messages import Routes, json_response
from mlproject.emulator.versioned import absent, page

NODES = {"cpu-cluster": 4, "gpu-cluster": 1}
_SIZES = {"cpu-cluster": "STANDARD_DS3_V2", "gpu-cluster": "STANDARD_NC6S_V3"}


def add_routes(routes: Routes) -> None:
    def one(request: Request, name: str) -> Response:
        found = _resource(name.lower()) if name.lower() in NODES else None
        return json_response(found) if found else absent(f"The compute {name}")

    def listed(request: Request) -> Response:
        return page([_resource(name) for name in NODES])

    routes.add("GET", rf"{re.escape(SCOPE)}/computes", listed)
    routes.add("GET", rf"{re.escape(SCOPE)}/computes/(?P<name>[^/]+)", one)


def name_of(compute: str) -> str | None:
    """Return the name of the cluster that an id names; None where there is no such one."""
    name = compute.lower().removeprefix(f"{SCOPE.lower()}/computes/")
    return name if name in NODES else None


def _resource(name: str) -> dict[str, object]:
    scale = {"minNodeCount": 0, "maxNodeCount": NODES[name], "nodeIdleTimeBeforeScaleDown": "PT2M"}
    return {
        "id": f"{SCOPE}/computes/{name}",
        "name": name,
        "type": "Microsoft.MachineLearningServices/workspaces/computes",
        "location": REGION,
        "properties": {
            "computeType": "AmlCompute",
            "provisioningState": "Succeeded",
            "properties": {
                "vmSize": _SIZES[name],
                "vmPriority": "Dedicated",
                "scaleSettings": scale,
                "allocationState": "Steady",
            },
        },
    }
