"""The code of jobs: where its files are uploaded to, and the assets that name them.

An asset is found by the hash of its content, whatever its name.
"""

from __future__ import annotations

import secrets
import uuid
from pathlib import Path

from werkzeug import Request, Response

from mlproject.emulator.assets import data_assets, versioned
from mlproject.emulator.identities import ACCOUNT, BLOB_HOST, RESOURCE_GROUP, SUBSCRIPTION
from mlproject.emulator.keeping.resources import WORKSPACE, listed
from mlproject.emulator.keeping.state import State
from mlproject.emulator.messages import Routes, json_response
from mlproject.emulator.storage import blobs

_VERSIONS = f"{WORKSPACE}/codes/(?P<name>[^/]+)/versions"
_ACCOUNT_ID = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}"
    f"/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}"
)


def add_routes(routes: Routes, state: State) -> None:
    def found(request: Request, name: str) -> Response:
        wanted = request.args.get("hash")
        if wanted is None:
            return listed(state.resources.below(f"/codes/{name}/versions"))
        return listed(
            [
                code
                for code in state.resources.below("/codes", 3)
                if (code["properties"].get("properties") or {}).get("hash_sha256") == wanted
            ]
        )

    def pending(request: Request, name: str, version: str) -> Response:
        """Return a fresh container, and a URL by which files can be put into it."""
        container = f"{uuid.uuid4()}-{secrets.token_hex(4)}"
        address = f"https://{BLOB_HOST}/{container}"
        signature = state.key.container_signature(container, "rcwl", state.settings.url_life)
        reference = {
            "blobUri": address,
            "storageAccountArmId": _ACCOUNT_ID,
            "credential": {"credentialType": "SAS", "sasUri": f"{address}?{signature}"},
        }
        return json_response(
            {
                "pendingUploadId": str(uuid.uuid4()),
                "pendingUploadType": "TemporaryBlobReference",
                "blobReferenceForConsumption": reference,
            }
        )

    routes.add("GET", _VERSIONS, found)
    routes.add("POST", rf"{_VERSIONS}/(?P<version>[^/]+)/startPendingUpload", pending)
    versioned.add_routes(routes, state.resources, "codes")


def copy(state: State, code: str, folder: Path) -> None:
    """Copy the files of a code asset into a folder."""
    asset = state.resources.get(code)
    if asset is not None:
        blobs.copy(state, data_assets.path_of(state, asset["properties"]["codeUri"]), folder)
